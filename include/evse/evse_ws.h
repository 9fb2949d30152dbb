// SPDX-License-Identifier: MIT
// WebSocket client (RFC 6455) over a byte stream, in static buffers, incremental: handshake with subprotocol, masking,
// fragments, ping and pong, close codes, limits, dead-link detection. Implements evse_link_t.
// Invariants: what the server breaks is answered with the close code RFC 6455 names (1002, 1003, 1007, 1009) and the
// link goes down; a text message reaches the owner whole, valid UTF-8, or not at all; nothing ever waits.
#ifndef EVSE_WS_H
#define EVSE_WS_H

#include "evse/evse_link.h"
#include "evse/evse_stream.h"
#include "holdfast/hf_log.h"

#define EVSE_WS_HEADER_BYTES 8u // before each text message, in the send buffer

typedef struct evse_ws_config {
    evse_stream_t stream;
    const evse_url_t *url;     // stays the caller's, good as long as this link
    const char *subprotocol;   // "ocpp1.6"; a server that selects another or none is refused
    const char *authorization; // value of the Authorization header, NULL none
    uint8_t *receive_buffer;   // one whole message, and the handshake's answer
    size_t receive_capacity;   // at least 1024; a longer message is closed with 1009
    uint8_t *send_buffer;      // one frame with its header
    size_t send_capacity;      // at least 1024; a message: EVSE_WS_HEADER_BYTES less
    uint32_t open_timeout_ms;  // connection and handshake
    uint32_t ping_interval_ms; // 0: none
    uint32_t pong_timeout_ms;  // silence of the interval and this, or of two intervals: it is dead
    uint32_t close_timeout_ms;
    /// Random bytes for keys and masks. Seam: a good source on the product; fixed in tests.
    void (*random)(void *ctx, void *data, size_t length);
    void *random_ctx;
    hf_log_t *log; // may be NULL
} evse_ws_config_t;

typedef enum evse_ws_phase {
    EVSE_WS_CLOSED,
    EVSE_WS_CONNECTING,
    EVSE_WS_HANDSHAKE,
    EVSE_WS_OPEN,
    EVSE_WS_CLOSING,
} evse_ws_phase_t;

/// Fields are private to evse_ws.c.
typedef struct evse_ws {
    evse_ws_config_t config;
    evse_ws_phase_t phase;
    uint64_t now_us; // of the last poll
    uint64_t opening_since_us, phase_since_us, last_receive_us, last_ping_us;
    // receiving
    uint8_t header[14];
    uint8_t header_length, header_needed;
    uint64_t frame_left;
    uint8_t opcode; // of the frame under way
    bool frame_final, in_frame;
    bool in_message; // a fragmented text message is under way
    size_t message_length;
    bool message_ready;
    uint32_t utf8_state;
    union {
        char key[25];         // until the handshake is over
        uint8_t control[125]; // payload of a Ping, until its Pong is being sent, or of a Close
    };
    uint8_t control_length;
    // sending
    size_t send_length,
        send_sent;          // from the buffer's begin: what stands before `sent` is done with
    uint64_t send_since_us; // the server last took a byte, or was first offered the frame
    int send_error; // the stream takes nothing any more; what came before is still handed out
    bool pong_due, close_due;
    uint16_t close_code;      // we sent or will send
    uint16_t peer_close_code; // 0 none seen
    int error;
    uint16_t http_status; // of a refused handshake
    uint32_t opened, rx_messages, tx_messages, rx_pings, rx_pongs, protocol_errors;
} evse_ws_t;

HF_MUST_CHECK int evse_ws_init(evse_ws_t *ws, const evse_ws_config_t *config);
extern const evse_link_ops_t evse_ws_link_ops; // ctx: evse_ws_t

#endif
