// SPDX-License-Identifier: MIT
// Reading frames (RFC 6455, 5). Goals: one message at a time, whole, valid UTF-8, straight into its buffer. Assumptions:
// the stream hands out bytes in any portions. Invariants: exactly the bytes the next step needs are asked for, so nothing
// is read ahead of a message that waits to be taken; after evse_ws_fail() nothing more is interpreted.
#include "evse_ws_private.h"

#include "holdfast/hf_utf8.h"

#include <string.h>

#define CONTROL_BYTES_MAX 125u
#define FRAMES_PER_READ   64u
#define SKIP_BYTES        32u

void evse_ws_reset_reading(evse_ws_t *ws)
{
    ws->header_length = 0;
    ws->header_needed = 2;
    ws->frame_left = 0;
    ws->in_frame = false;
    ws->in_message = false;
    ws->message_length = 0;
    ws->message_ready = false;
    ws->utf8_state = HF_UTF8_WHOLE;
    ws->control_length = 0;
}

static bool utf8_feed(uint32_t *state, const uint8_t *bytes, size_t length)
{
    *state = hf_utf8_feed(*state, bytes, length);
    return *state != HF_UTF8_REFUSE;
}

// ---- control frames ----

static bool is_close_code(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static void on_close(evse_ws_t *ws)
{
    uint16_t code = EVSE_WS_CLOSE_NO_CODE;
    uint32_t utf8 = HF_UTF8_WHOLE;
    if (ws->control_length == 1) {
        evse_ws_fail(ws, EVSE_WS_CLOSE_PROTOCOL);
        return;
    }
    if (ws->control_length >= 2) {
        code = (uint16_t)(ws->control[0] << 8 | ws->control[1]);
        if (!is_close_code(code)) {
            evse_ws_fail(ws, EVSE_WS_CLOSE_PROTOCOL);
            return;
        }
        if (!utf8_feed(&utf8, ws->control + 2, ws->control_length - 2u) || utf8 != HF_UTF8_WHOLE) {
            evse_ws_fail(ws, EVSE_WS_CLOSE_DATA);
            return;
        }
    }
    ws->peer_close_code = code;
}

static void on_control(evse_ws_t *ws)
{
    if (ws->opcode == EVSE_WS_OP_CLOSE) {
        on_close(ws);
    } else if (ws->opcode == EVSE_WS_OP_PING) {
        ws->rx_pings++;
        ws->pong_due = true;
    } else {
        ws->rx_pongs++;
    }
}

// ---- headers ----

static bool is_control(uint8_t opcode)
{
    return (opcode & 0x8u) != 0;
}

/// 0 when the opcode may come here, else the close code.
static uint16_t judge_opcode(const evse_ws_t *ws, uint8_t opcode, bool final)
{
    switch (opcode) {
    case EVSE_WS_OP_CONTINUATION:
        return ws->in_message ? 0 : EVSE_WS_CLOSE_PROTOCOL;
    case EVSE_WS_OP_TEXT:
        return ws->in_message ? EVSE_WS_CLOSE_PROTOCOL : 0;
    case EVSE_WS_OP_BINARY:
        return ws->in_message ? EVSE_WS_CLOSE_PROTOCOL : EVSE_WS_CLOSE_UNSUPPORTED;
    case EVSE_WS_OP_CLOSE:
    case EVSE_WS_OP_PING:
    case EVSE_WS_OP_PONG:
        return final ? 0 : EVSE_WS_CLOSE_PROTOCOL;
    default:
        return EVSE_WS_CLOSE_PROTOCOL;
    }
}

/// Payload length of a complete header; false when it is not written the shortest way or above 2^63.
static bool read_length(const evse_ws_t *ws, uint64_t *length)
{
    *length = ws->header[1] & 0x7Fu;
    if (*length < 126) {
        return true;
    }
    unsigned bytes = *length == 126 ? 2u : 8u;
    uint64_t shortest = *length == 126 ? 126u : 65536u;
    *length = 0;
    for (unsigned i = 0; i < bytes; i++) {
        *length = *length << 8 | ws->header[2u + i];
    }
    return *length >= shortest && *length <= INT64_MAX;
}

static uint16_t judge_header(evse_ws_t *ws, uint64_t length)
{
    bool final = (ws->header[0] & 0x80u) != 0;
    uint8_t opcode = ws->header[0] & 0x0Fu;
    uint16_t code = judge_opcode(ws, opcode, final);
    if (code != 0) {
        return code;
    }
    if (is_control(opcode)) {
        return length > CONTROL_BYTES_MAX ? EVSE_WS_CLOSE_PROTOCOL : 0;
    }
    size_t used = ws->in_message ? ws->message_length : 0;
    return length > ws->config.receive_capacity - used ? EVSE_WS_CLOSE_TOO_BIG : 0;
}

static void begin_frame(evse_ws_t *ws)
{
    uint64_t length = 0;
    bool good = read_length(ws, &length);
    uint16_t code = good ? judge_header(ws, length) : EVSE_WS_CLOSE_PROTOCOL;
    if (code != 0) {
        evse_ws_fail(ws, code);
        return;
    }
    ws->opcode = ws->header[0] & 0x0Fu;
    ws->frame_final = (ws->header[0] & 0x80u) != 0;
    ws->frame_left = length;
    ws->in_frame = true;
    if (ws->opcode == EVSE_WS_OP_PING || ws->opcode == EVSE_WS_OP_CLOSE) {
        ws->pong_due = false; // only the newest need be answered, and none after a Close
        ws->control_length = 0;
    }
    if (ws->opcode == EVSE_WS_OP_TEXT) {
        ws->in_message = true;
        ws->message_length = 0;
        ws->utf8_state = HF_UTF8_WHOLE;
    }
}

static void end_frame(evse_ws_t *ws)
{
    ws->in_frame = false;
    ws->header_length = 0;
    ws->header_needed = 2;
    if (is_control(ws->opcode)) {
        on_control(ws);
    } else if (ws->frame_final) {
        ws->in_message = false;
        if (ws->utf8_state != HF_UTF8_WHOLE) {
            evse_ws_fail(ws, EVSE_WS_CLOSE_DATA);
            return;
        }
        ws->rx_messages++;
        ws->message_ready = true;
    }
}

// ---- portions ----

/// >0 bytes that came, else why none did. The end of the stream ends the connection.
static int read_some(evse_ws_t *ws, void *data, size_t capacity, uint64_t now_us)
{
    int got = ws->config.stream.ops->read(ws->config.stream.ctx, data, capacity);
    if (got > 0) {
        ws->last_receive_us = now_us;
    } else if (got != HF_E_AGAIN) {
        evse_ws_abort(ws, got == 0 ? HF_E_CLOSED : got);
    }
    return got;
}

static bool read_header(evse_ws_t *ws, uint64_t now_us)
{
    int got = read_some(ws, ws->header + ws->header_length,
                        (size_t)(ws->header_needed - ws->header_length), now_us);
    if (got <= 0) {
        return false;
    }
    ws->header_length = (uint8_t)(ws->header_length + got);
    if (ws->header_length < ws->header_needed) {
        return true;
    }
    if (ws->header_needed == 2) {
        // RSV bits mean extensions we did not offer; a masked frame is a client's.
        if ((ws->header[0] & 0x70u) != 0 || (ws->header[1] & 0x80u) != 0) {
            evse_ws_fail(ws, EVSE_WS_CLOSE_PROTOCOL);
            return false;
        }
        unsigned length = ws->header[1] & 0x7Fu;
        ws->header_needed = length == 126 ? 4 : length == 127 ? 10 : 2;
    }
    if (ws->header_length == ws->header_needed) {
        begin_frame(ws);
    }
    return true;
}

/// What a Pong carries is of no use; the Ping's payload that may wait beside it is.
static bool skip_payload(evse_ws_t *ws, uint64_t now_us)
{
    uint8_t bytes[SKIP_BYTES];
    size_t most = ws->frame_left < sizeof bytes ? (size_t)ws->frame_left : sizeof bytes;
    int got = read_some(ws, bytes, most, now_us);
    ws->frame_left -= got > 0 ? (uint64_t)got : 0u;
    return got > 0;
}

static bool read_payload(evse_ws_t *ws, uint64_t now_us)
{
    if (ws->opcode == EVSE_WS_OP_PONG) {
        return skip_payload(ws, now_us);
    }
    uint8_t *to = is_control(ws->opcode) ? ws->control + ws->control_length
                                         : ws->config.receive_buffer + ws->message_length;
    int got = read_some(ws, to, (size_t)ws->frame_left, now_us); // begin_frame() saw that it fits
    if (got <= 0) {
        return false;
    }
    ws->frame_left -= (uint64_t)got;
    if (is_control(ws->opcode)) {
        ws->control_length = (uint8_t)(ws->control_length + got);
    } else {
        ws->message_length += (size_t)got;
        if (!utf8_feed(&ws->utf8_state, to, (size_t)got)) {
            evse_ws_fail(ws, EVSE_WS_CLOSE_DATA);
            return false;
        }
    }
    return true;
}

void evse_ws_read(evse_ws_t *ws, uint64_t now_us)
{
    for (unsigned frames = 0; frames < FRAMES_PER_READ;) {
        if (ws->phase != EVSE_WS_OPEN || ws->message_ready || ws->peer_close_code != 0) {
            return;
        }
        if (ws->in_frame && ws->frame_left == 0) {
            end_frame(ws);
            frames++;
        } else if (!(ws->in_frame ? read_payload(ws, now_us) : read_header(ws, now_us))) {
            return;
        }
    }
}
