// SPDX-License-Identifier: MIT
// The byte stream over TCP: names resolved on a worker thread, connecting without blocking, all addresses of a name
// tried in turn. TLS is another back end of the same seam: a secure address is HF_E_UNSUPPORTED here.
#ifndef EVSE_STREAM_TCP_H
#define EVSE_STREAM_TCP_H

#include "evse/evse_stream.h"
#include "hf_worker.h"

#include <sys/socket.h>

#define EVSE_STREAM_ADDRESSES_MAX 8u

typedef enum evse_stream_phase {
    EVSE_STREAM_CLOSED,
    EVSE_STREAM_WAITING, // the worker is still busy with an older name
    EVSE_STREAM_RESOLVING,
    EVSE_STREAM_CONNECTING,
    EVSE_STREAM_OPEN,
} evse_stream_phase_t;

typedef struct evse_stream_tcp {
    hf_worker_t worker;
    evse_stream_phase_t phase;
    evse_url_t url;
    int fd; // -1 none
    uint64_t attempt_since_us;
    unsigned next_address;
    int error;        // of the address tried last
    bool is_resolved; // the addresses are given: no worker
    struct {          // the worker's while it runs
        char host[EVSE_HOST_BYTES];
        uint16_t port;
        struct sockaddr_storage address[EVSE_STREAM_ADDRESSES_MAX];
        socklen_t length[EVSE_STREAM_ADDRESSES_MAX];
        unsigned count;
    } lookup;
} evse_stream_tcp_t;

/// The worker's stack is as `place` says, which may be NULL. HF_E_IO when it cannot be started.
HF_MUST_CHECK int evse_stream_tcp_init(evse_stream_tcp_t *stream, const hf_thread_place_t *place);
/// With one address, known already: no name is resolved, no thread is started. Of a URL only the path counts then, and
/// what the handshake says of its host.
void evse_stream_tcp_init_resolved(evse_stream_tcp_t *stream,
                                   const struct sockaddr_storage *address, socklen_t length);
evse_stream_t evse_stream_tcp_seam(evse_stream_tcp_t *stream);
/// The socket to wait on, -1 when there is none.
int evse_stream_tcp_fd(const evse_stream_tcp_t *stream);
/// Waits for the worker (at most as long as the resolver takes) and frees everything.
void evse_stream_tcp_deinit(evse_stream_tcp_t *stream);
extern const evse_stream_ops_t evse_stream_tcp_ops; // ctx: evse_stream_tcp_t

#endif
