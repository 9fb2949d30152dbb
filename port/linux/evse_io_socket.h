// SPDX-License-Identifier: MIT
// Inputs and outputs over a Unix socket (docs/SPEC.md): the back end of evse_io that meets `holdfast sim`. The live
// signal crosses it as a count, so that a daemon that stops drops the contactor at the other end. Cards presented to the
// simulated reader come along and are handed to the comms loop. After samples stood still for longer than
// EVSE_IO_SOCKET_STALL_MS what waited is of unknown age: it is dropped, and the connection begun anew; every level is
// as if never seen (no power, no latch) until the peer tells it again. So is a level that went stale during a shorter
// stall, from EVSE_IO_SOCKET_DOZE_MS on: whoever did not look cannot say that the peer fell silent.
#ifndef EVSE_IO_SOCKET_H
#define EVSE_IO_SOCKET_H

#include "evse/evse_io.h"
#include "holdfast/hf_backoff.h"
#include "holdfast/hf_queue.h"

#include <sys/un.h>

#define EVSE_IO_SOCKET_CARDS     8u
#define EVSE_IO_SOCKET_TAG_BYTES 21u
#define EVSE_IO_SOCKET_STALL_MS  500u
#define EVSE_IO_SOCKET_DOZE_MS   100u // an input's least valid age is 250, the peer's interval 50

typedef struct evse_io_card {
    uint8_t connector; // from 0
    char id_tag[EVSE_IO_SOCKET_TAG_BYTES];
} evse_io_card_t;

/// Context of all but take_card: the control loop.
typedef struct evse_io_socket {
    struct sockaddr_un address;
    unsigned connectors;
    int fd; // -1: nobody there
    uint64_t next_connect_us;
    uint64_t sampled_us; // 0: never
    hf_backoff_t backoff;
    evse_io_inputs_t inputs[CONFIG_EVSE_CONNECTORS_MAX];
    hf_queue_t cards;
    uint32_t card_storage[HF_QUEUE_BYTES(sizeof(evse_io_card_t), EVSE_IO_SOCKET_CARDS) / 4u];
    uint32_t rx, tx, errors, refused, stalls;
    uint32_t estop_edges;                          // times a loop was seen to open
    bool estop_opened[CONFIG_EVSE_CONNECTORS_MAX]; // since the last sample
} evse_io_socket_t;

/// Remembers the path; connecting happens in sample(). HF_E_TOO_LONG, HF_E_RANGE (connectors).
HF_MUST_CHECK int evse_io_socket_open(evse_io_socket_t *io, const char *path, unsigned connectors);
void evse_io_socket_close(evse_io_socket_t *io);
/// To be polled for reading between ticks; -1: nobody there.
int evse_io_socket_fd(const evse_io_socket_t *io);
/// Takes what waits, so that the next sample() has it; true when an emergency stop loop opened in it, if only for a moment.
/// Nothing is taken after a stall: sample() judges that.
bool evse_io_socket_look(evse_io_socket_t *io, uint64_t now_us);
/// The next card: connector from 0 and idTag. HF_E_EMPTY. Context: one thread, any.
HF_MUST_CHECK int evse_io_socket_take_card(evse_io_socket_t *io, unsigned *connector,
                                           char id_tag[EVSE_IO_SOCKET_TAG_BYTES]);
extern const evse_io_ops_t evse_io_socket_ops; // ctx: evse_io_socket_t

#endif
