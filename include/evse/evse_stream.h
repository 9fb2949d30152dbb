// SPDX-License-Identifier: MIT
// Byte stream seam under the WebSocket client: TCP, and TLS when `secure` (a later back end; a stream that has none
// answers HF_E_UNSUPPORTED). Nothing here blocks: name resolution and connecting go on inside poll().
#ifndef EVSE_STREAM_H
#define EVSE_STREAM_H

#include "holdfast/hf_status.h"

#define EVSE_HOST_BYTES 128u
#define EVSE_PATH_BYTES 256u

typedef struct evse_url {
    bool secure; // wss
    uint16_t port;
    char host[EVSE_HOST_BYTES]; // IPv6 without brackets
    char path[EVSE_PATH_BYTES]; // begins with '/', includes the query
} evse_url_t;

/// Parses "ws://host[:port][/path]" or "wss://...". HF_E_FORMAT, HF_E_RANGE (port), HF_E_TOO_LONG. No user info, no
/// fragment, no control characters or spaces.
HF_MUST_CHECK int evse_url_parse(const char *text, evse_url_t *url);

typedef struct evse_stream_ops {
    /// Begins to connect. 0, or a negative status at once (HF_E_UNSUPPORTED: no TLS here).
    int (*open)(void *ctx, const evse_url_t *url, uint64_t now_us);
    /// 0 connected; HF_E_AGAIN under way; HF_E_REFUSED, HF_E_UNREACHABLE, HF_E_TIMEOUT, HF_E_IO failed.
    int (*poll)(void *ctx, uint64_t now_us);
    /// >0 bytes; HF_E_AGAIN none now; HF_E_CLOSED end of stream; HF_E_IO.
    int (*read)(void *ctx, void *data, size_t capacity);
    /// >0 bytes accepted; HF_E_AGAIN none now; HF_E_CLOSED, HF_E_IO.
    int (*write)(void *ctx, const void *data, size_t length);
    void (*close)(void *ctx);
} evse_stream_ops_t;

typedef struct evse_stream {
    const evse_stream_ops_t *ops;
    void *ctx;
} evse_stream_t;

#endif
