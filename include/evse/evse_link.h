// SPDX-License-Identifier: MIT
// The message link to a central system: what OCPP needs of a transport, and nothing else. Implemented by evse_ws (over
// a byte stream) and, in stepped time, by a link in memory.
#ifndef EVSE_LINK_H
#define EVSE_LINK_H

#include "holdfast/hf_status.h"

typedef enum evse_link_state {
    EVSE_LINK_DOWN,    // closed, or the opening failed: see last_error
    EVSE_LINK_OPENING, // name, connection, handshake under way
    EVSE_LINK_OPEN,
} evse_link_state_t;

typedef struct evse_link_ops {
    /// Begins to open; nothing to do unless DOWN.
    void (*open)(void *ctx, uint64_t now_us);
    /// Closes in good order; may linger shortly inside poll().
    void (*close)(void *ctx, uint64_t now_us);
    /// Moves bytes, keeps the link alive, finds a dead one. Never blocks. Returns the state after it.
    evse_link_state_t (*poll)(void *ctx, uint64_t now_us);
    /// Lends the link's own buffer for the next message, *capacity bytes of it: the one copy there is. NULL while the last
    /// message has not left, or the link is not open. What was written there may be left; it holds until the next
    /// operation other than room(), send() and last_error(), except that receive() leaves it alone when it returns 1.
    char *(*room)(void *ctx, size_t *capacity);
    /// Sends the first `length` bytes of what room() lent, as one text message; they are the link's from then on. HF_OK,
    /// HF_E_AGAIN nothing is lent, HF_E_CLOSED not open, HF_E_TOO_LONG (more than was lent).
    int (*send)(void *ctx, size_t length);
    /// 1: *text is one whole message, valid until the next call of any operation; 0 none waiting.
    int (*receive)(void *ctx, const char **text, size_t *length);
    /// Why the last opening failed or the link went down (hf_status_t), for people and the log.
    int (*last_error)(void *ctx);
    /// Asks the other side for a sign of life so often; 0 never. May be NULL: this link has no such thing.
    void (*set_ping)(void *ctx, uint32_t interval_ms);
} evse_link_ops_t;

typedef struct evse_link {
    const evse_link_ops_t *ops;
    void *ctx;
} evse_link_t;

#endif
