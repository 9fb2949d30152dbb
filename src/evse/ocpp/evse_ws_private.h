// SPDX-License-Identifier: MIT
// What the files of the WebSocket client share. Private to evse_ws*.c.
#ifndef EVSE_WS_PRIVATE_H
#define EVSE_WS_PRIVATE_H

#include "evse/evse_ws.h"
#include "holdfast/hf_text.h"

#define EVSE_WS_KEY_BYTES    25u // base64 of 16 bytes, and a NUL
#define EVSE_WS_ACCEPT_BYTES 29u

enum {
    EVSE_WS_OP_CONTINUATION = 0x0,
    EVSE_WS_OP_TEXT = 0x1,
    EVSE_WS_OP_BINARY = 0x2,
    EVSE_WS_OP_CLOSE = 0x8,
    EVSE_WS_OP_PING = 0x9,
    EVSE_WS_OP_PONG = 0xA,
};

enum {
    EVSE_WS_CLOSE_NORMAL = 1000,
    EVSE_WS_CLOSE_PROTOCOL = 1002,
    EVSE_WS_CLOSE_UNSUPPORTED = 1003,
    EVSE_WS_CLOSE_NO_CODE = 1005, // never on the wire
    EVSE_WS_CLOSE_DATA = 1007,
    EVSE_WS_CLOSE_TOO_BIG = 1009,
};

// evse_ws_accept.c
void evse_ws_base64(const uint8_t *data, size_t length, char *text);
/// The Sec-WebSocket-Accept that belongs to a key.
void evse_ws_accept(const char *key, char accept[EVSE_WS_ACCEPT_BYTES]);

// evse_ws_handshake.c
/// Writes the upgrade request into the send buffer, with a fresh key. HF_E_TOO_LONG.
HF_MUST_CHECK int evse_ws_write_request(evse_ws_t *ws);
/// Judges the whole header of the answer: HF_OK upgraded, HF_E_REFUSED (http_status set), HF_E_PROTOCOL.
HF_MUST_CHECK int evse_ws_judge_response(evse_ws_t *ws, hf_slice_t header);

// evse_ws_frame.c
/// Reads and interprets what the stream has, until a message is whole, nothing is there, or the link is to go down.
void evse_ws_read(evse_ws_t *ws, uint64_t now_us);
/// Begins to read frames: a new connection.
void evse_ws_reset_reading(evse_ws_t *ws);

// evse_ws.c
/// The other side broke a rule: closes with this code.
void evse_ws_fail(evse_ws_t *ws, uint16_t close_code);
/// The connection is gone; nothing is sent any more.
void evse_ws_abort(evse_ws_t *ws, int error);

#endif
