// SPDX-License-Identifier: MIT
// TCP stream. Invariants: no call blocks; the worker touches `lookup` only, and only between start and poll's answer.
#include "evse_stream_tcp.h"

#include "holdfast/hf_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPT_LIMIT_US  (10u * HF_US_PER_S)
#define USER_TIMEOUT_MS   30000
#define KEEPALIVE_IDLE_S  60
#define KEEPALIVE_EVERY_S 15
#define KEEPALIVE_PROBES  4

int evse_stream_tcp_init(evse_stream_tcp_t *stream, const hf_thread_place_t *place)
{
    memset(stream, 0, sizeof *stream);
    stream->fd = -1;
    return hf_worker_init(&stream->worker, place);
}

void evse_stream_tcp_init_resolved(evse_stream_tcp_t *stream,
                                   const struct sockaddr_storage *address, socklen_t length)
{
    memset(stream, 0, sizeof *stream);
    stream->fd = -1;
    stream->is_resolved = true;
    stream->lookup.address[0] = *address;
    stream->lookup.length[0] = length;
    stream->lookup.count = 1;
}

evse_stream_t evse_stream_tcp_seam(evse_stream_tcp_t *stream)
{
    return (evse_stream_t){.ops = &evse_stream_tcp_ops, .ctx = stream};
}

int evse_stream_tcp_fd(const evse_stream_tcp_t *stream)
{
    return stream->fd;
}

static void close_socket(evse_stream_tcp_t *stream)
{
    if (stream->fd >= 0) {
        (void)close(stream->fd);
        stream->fd = -1;
    }
}

void evse_stream_tcp_deinit(evse_stream_tcp_t *stream)
{
    close_socket(stream);
    if (!stream->is_resolved) {
        hf_worker_deinit(&stream->worker);
    }
}

static int resolve_job(void *ctx)
{
    evse_stream_tcp_t *stream = ctx;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)stream->lookup.port);
    stream->lookup.count = 0;
    if (getaddrinfo(stream->lookup.host, port, &hints, &found) != 0) {
        return HF_E_UNREACHABLE;
    }
    for (const struct addrinfo *entry = found;
         entry != NULL && stream->lookup.count < EVSE_STREAM_ADDRESSES_MAX;
         entry = entry->ai_next) {
        if (entry->ai_addrlen <= sizeof stream->lookup.address[0]) {
            memcpy(&stream->lookup.address[stream->lookup.count], entry->ai_addr,
                   entry->ai_addrlen);
            stream->lookup.length[stream->lookup.count++] = entry->ai_addrlen;
        }
    }
    freeaddrinfo(found);
    return stream->lookup.count > 0 ? HF_OK : HF_E_UNREACHABLE;
}

static int status_of_errno(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return HF_E_REFUSED;
    case ETIMEDOUT:
        return HF_E_TIMEOUT;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
        return HF_E_UNREACHABLE;
    case ECONNRESET:
    case EPIPE:
        return HF_E_CLOSED;
    default:
        return HF_E_IO;
    }
}

static void set_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
    };
    for (size_t i = 0; i < HF_COUNT_OF(options); i++) {
        // A kernel without one of them has a slower way to the same end: the WebSocket's own ping.
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
    }
}

/// Begins with the next address. HF_E_AGAIN under way, HF_OK connected at once, else the last error: none is left.
static int try_next(evse_stream_tcp_t *stream, uint64_t now_us)
{
    close_socket(stream);
    while (stream->next_address < stream->lookup.count) {
        unsigned i = stream->next_address++;
        stream->fd = socket(stream->lookup.address[i].ss_family,
                            SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (stream->fd < 0) {
            stream->error = status_of_errno(errno);
            continue;
        }
        set_options(stream->fd);
        stream->attempt_since_us = now_us;
        stream->phase = EVSE_STREAM_CONNECTING;
        if (connect(stream->fd, (const struct sockaddr *)&stream->lookup.address[i],
                    stream->lookup.length[i]) == 0) {
            stream->phase = EVSE_STREAM_OPEN;
            return HF_OK;
        }
        if (errno == EINPROGRESS) {
            return HF_E_AGAIN;
        }
        stream->error = status_of_errno(errno);
        close_socket(stream);
    }
    stream->phase = EVSE_STREAM_CLOSED;
    return stream->error;
}

static int step_connecting(evse_stream_tcp_t *stream, uint64_t now_us)
{
    struct pollfd ready = {.fd = stream->fd, .events = POLLOUT};
    int error = 0;
    socklen_t length = sizeof error;
    if (poll(&ready, 1, 0) <= 0) {
        if (now_us - stream->attempt_since_us < ATTEMPT_LIMIT_US) {
            return HF_E_AGAIN;
        }
        stream->error = HF_E_TIMEOUT;
        return try_next(stream, now_us);
    }
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) {
        stream->error = status_of_errno(error);
        return try_next(stream, now_us);
    }
    stream->phase = EVSE_STREAM_OPEN;
    return HF_OK;
}

static int start_lookup(evse_stream_tcp_t *stream)
{
    if (hf_worker_poll(&stream->worker) == HF_E_AGAIN) {
        return HF_E_AGAIN; // `lookup` is still the worker's
    }
    memcpy(stream->lookup.host, stream->url.host, sizeof stream->lookup.host);
    stream->lookup.port = stream->url.port;
    int status = hf_worker_start(&stream->worker, resolve_job, stream);
    if (status == HF_OK) {
        stream->phase = EVSE_STREAM_RESOLVING;
    }
    return status == HF_OK ? HF_E_AGAIN : status;
}

static int step_resolving(evse_stream_tcp_t *stream, uint64_t now_us)
{
    int status = hf_worker_poll(&stream->worker);
    if (status == HF_OK) {
        stream->next_address = 0;
        return try_next(stream, now_us);
    }
    if (status != HF_E_AGAIN) {
        stream->phase = EVSE_STREAM_CLOSED;
    }
    return status;
}

static int tcp_open(void *ctx, const evse_url_t *url, uint64_t now_us)
{
    evse_stream_tcp_t *stream = ctx;
    if (url->secure) {
        return HF_E_UNSUPPORTED;
    }
    close_socket(stream);
    stream->url = *url;
    stream->error = HF_E_UNREACHABLE;
    if (stream->is_resolved) {
        stream->next_address = 0;
        int status = try_next(stream, now_us);
        return status == HF_E_AGAIN ? HF_OK : status;
    }
    stream->phase = EVSE_STREAM_WAITING;
    int status = start_lookup(stream);
    return status == HF_E_AGAIN ? HF_OK : status;
}

static int tcp_poll(void *ctx, uint64_t now_us)
{
    evse_stream_tcp_t *stream = ctx;
    switch (stream->phase) {
    case EVSE_STREAM_WAITING:
        return start_lookup(stream);
    case EVSE_STREAM_RESOLVING:
        return step_resolving(stream, now_us);
    case EVSE_STREAM_CONNECTING:
        return step_connecting(stream, now_us);
    case EVSE_STREAM_OPEN:
        return HF_OK;
    case EVSE_STREAM_CLOSED:
    default:
        return HF_E_CLOSED;
    }
}

static int tcp_read(void *ctx, void *data, size_t capacity)
{
    const evse_stream_tcp_t *stream = ctx;
    if (stream->phase != EVSE_STREAM_OPEN) {
        return HF_E_CLOSED;
    }
    ssize_t got = recv(stream->fd, data, capacity, 0);
    if (got > 0) {
        return (int)got;
    }
    if (got == 0) {
        return HF_E_CLOSED;
    }
    bool later = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return later ? HF_E_AGAIN : status_of_errno(errno);
}

static int tcp_write(void *ctx, const void *data, size_t length)
{
    const evse_stream_tcp_t *stream = ctx;
    if (stream->phase != EVSE_STREAM_OPEN) {
        return HF_E_CLOSED;
    }
    ssize_t sent = send(stream->fd, data, length, MSG_NOSIGNAL);
    if (sent > 0) {
        return (int)sent;
    }
    bool later = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return later ? HF_E_AGAIN : status_of_errno(errno);
}

static void tcp_close(void *ctx)
{
    evse_stream_tcp_t *stream = ctx;
    close_socket(stream);
    stream->phase = EVSE_STREAM_CLOSED;
}

const evse_stream_ops_t evse_stream_tcp_ops = {
    .open = tcp_open,
    .poll = tcp_poll,
    .read = tcp_read,
    .write = tcp_write,
    .close = tcp_close,
};
