// SPDX-License-Identifier: MIT
// The connection's life: connecting, handshake, open, closing; sending and its timers. Goals: nothing waits, a dead link
// is found, the close handshake is kept both ways. Invariants: one frame at a time is in the send buffer, control frames
// go between frames; once a Close is in it nothing follows it; CLOSED means the stream is closed.
#include "evse_ws_private.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define BUFFER_BYTES_MIN  1024u
#define HEADER_BYTES_LONG 14u // with a length of 8 bytes
#define MASK_BYTES        4u
#define DISCARD_BYTES     64u
#define DISCARD_ROUNDS    64
#define STUCK_MS          60000u // without pings: what is being sent does not move

int evse_ws_init(evse_ws_t *ws, const evse_ws_config_t *config)
{
    if (ws == NULL || config == NULL || config->stream.ops == NULL || config->random == NULL ||
        config->url == NULL || config->subprotocol == NULL || config->receive_buffer == NULL ||
        config->send_buffer == NULL || config->receive_capacity < BUFFER_BYTES_MIN ||
        config->send_capacity < BUFFER_BYTES_MIN) {
        return HF_E_ARGUMENT;
    }
    memset(ws, 0, sizeof *ws);
    ws->config = *config;
    return HF_OK;
}

static uint64_t us(uint32_t ms)
{
    return (uint64_t)ms * HF_US_PER_MS;
}

static void enter(evse_ws_t *ws, evse_ws_phase_t phase, uint64_t now_us)
{
    ws->phase = phase;
    ws->phase_since_us = now_us;
}

void evse_ws_abort(evse_ws_t *ws, int error)
{
    if (ws->phase != EVSE_WS_CLOSED) {
        ws->config.stream.ops->close(ws->config.stream.ctx);
    }
    ws->error = ws->error != 0 ? ws->error : error;
    ws->phase = EVSE_WS_CLOSED;
    ws->send_length = 0;
    ws->send_sent = 0;
    ws->pong_due = false;
    ws->close_due = false;
}

/// Announces the end; what comes from now on is thrown away.
static void begin_close(evse_ws_t *ws, uint16_t code, int error)
{
    ws->error = ws->error != 0 ? ws->error : error;
    ws->close_code = code;
    ws->close_due = true;
    ws->pong_due = false;
    enter(ws, EVSE_WS_CLOSING, ws->now_us);
}

void evse_ws_fail(evse_ws_t *ws, uint16_t close_code)
{
    ws->protocol_errors++;
    HF_LOGW(ws->config.log, ws->now_us, NET,
            "central system broke WebSocket rules, closing with %u", (unsigned)close_code);
    begin_close(ws, close_code, HF_E_PROTOCOL);
}

// ---- sending ----

static bool is_sending(const evse_ws_t *ws)
{
    return ws->send_sent < ws->send_length;
}

// A server that left may have said something before: while open, step_open() still hands that out, then ends.
static void send_failed(evse_ws_t *ws, int error)
{
    if (ws->phase != EVSE_WS_OPEN) {
        evse_ws_abort(ws, error);
        return;
    }
    ws->send_error = error;
    ws->send_length = 0;
    ws->send_sent = 0;
}

static void flush(evse_ws_t *ws)
{
    while (is_sending(ws)) {
        int sent = ws->config.stream.ops->write(ws->config.stream.ctx,
                                                ws->config.send_buffer + ws->send_sent,
                                                ws->send_length - ws->send_sent);
        if (sent == HF_E_AGAIN) {
            return;
        }
        if (sent <= 0) {
            send_failed(ws, sent == 0 ? HF_E_CLOSED : sent);
            return;
        }
        ws->send_sent += (size_t)sent;
        ws->send_since_us = ws->now_us;
    }
}

/// Where every payload stands in the send buffer: behind room for the longest header that can come before it.
static size_t payload_at(const evse_ws_t *ws)
{
    return ws->config.send_capacity <= UINT16_MAX + (size_t)EVSE_WS_HEADER_BYTES
               ? EVSE_WS_HEADER_BYTES
               : HEADER_BYTES_LONG;
}

static void mask_payload(uint8_t *bytes, size_t length, const uint8_t mask[MASK_BYTES])
{
    uint32_t key, word;
    memcpy(&key, mask, sizeof key);
    size_t at = 0;
    for (; length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        word ^= key;
        memcpy(bytes + at, &word, sizeof word);
    }
    for (size_t i = 0; at < length; at++, i++) {
        bytes[at] ^= mask[i];
    }
}

/// Makes a masked frame of the payload that stands in the send buffer: its header ends where the payload begins.
static void frame_payload(evse_ws_t *ws, uint8_t opcode, size_t length)
{
    size_t at = payload_at(ws), size = length < 126 ? 0 : length <= UINT16_MAX ? 2u : 8u;
    uint8_t *header = ws->config.send_buffer + at - MASK_BYTES - size - 2u;
    uint8_t *mask = ws->config.send_buffer + at - MASK_BYTES;
    header[0] = (uint8_t)(0x80u | opcode);
    header[1] = (uint8_t)(0x80u | (size == 0 ? length : size == 2 ? 126u : 127u));
    for (size_t i = 0; i < size; i++) {
        header[2u + i] = (uint8_t)((uint64_t)length >> (8u * (size - 1u - i)));
    }
    ws->config.random(ws->config.random_ctx, mask, MASK_BYTES);
    mask_payload(mask + MASK_BYTES, length, mask);
    ws->send_sent = at - MASK_BYTES - size - 2u;
    ws->send_length = at + length;
    ws->send_since_us = ws->now_us;
}

/// The same for a payload from elsewhere; the caller has seen that the buffer is free.
static void build_frame(evse_ws_t *ws, uint8_t opcode, const void *payload, size_t length)
{
    if (length > 0) {
        memcpy(ws->config.send_buffer + payload_at(ws), payload, length);
    }
    frame_payload(ws, opcode, length);
}

static void send_control(evse_ws_t *ws, uint64_t now_us)
{
    if (is_sending(ws) || ws->send_error != 0) {
        return;
    }
    if (ws->close_due) {
        const uint8_t code[2] = {(uint8_t)(ws->close_code >> 8), (uint8_t)ws->close_code};
        build_frame(ws, EVSE_WS_OP_CLOSE, code,
                    ws->close_code == EVSE_WS_CLOSE_NO_CODE ? 0 : sizeof code);
        ws->close_due = false;
    } else if (ws->pong_due) {
        build_frame(ws, EVSE_WS_OP_PONG, ws->control, ws->control_length);
        ws->pong_due = false;
    } else if (ws->phase == EVSE_WS_OPEN && ws->config.ping_interval_ms != 0 &&
               now_us - ws->last_receive_us >= us(ws->config.ping_interval_ms) &&
               now_us - ws->last_ping_us >= us(ws->config.ping_interval_ms)) {
        build_frame(ws, EVSE_WS_OP_PING, NULL, 0);
        ws->last_ping_us = now_us;
    }
    flush(ws);
}

// ---- the phases ----

static void step_connecting(evse_ws_t *ws, uint64_t now_us)
{
    int status = ws->config.stream.ops->poll(ws->config.stream.ctx, now_us);
    if (status == HF_E_AGAIN) {
        return;
    }
    if (status == HF_OK) {
        status = evse_ws_write_request(ws);
    }
    if (status != HF_OK) {
        evse_ws_abort(ws, status);
        return;
    }
    ws->message_length = 0;
    enter(ws, EVSE_WS_HANDSHAKE, now_us);
}

static void finish_handshake(evse_ws_t *ws, uint64_t now_us)
{
    hf_slice_t header = {.text = (const char *)ws->config.receive_buffer,
                         .length = ws->message_length};
    int status = evse_ws_judge_response(ws, header);
    if (status != HF_OK) {
        ws->protocol_errors += status == HF_E_PROTOCOL ? 1u : 0u;
        HF_LOGW(ws->config.log, now_us, NET,
                "central system refused the WebSocket: HTTP status %u%s", (unsigned)ws->http_status,
                ws->http_status == 101 ? ", wrong headers or subprotocol" : "");
        evse_ws_abort(ws, status);
        return;
    }
    evse_ws_reset_reading(ws);
    ws->last_receive_us = now_us;
    ws->last_ping_us = now_us;
    ws->opened++;
    enter(ws, EVSE_WS_OPEN, now_us);
}

// One byte at a time, so that none behind the blank line is taken: those are frames already.
static void step_handshake(evse_ws_t *ws, uint64_t now_us)
{
    uint8_t *header = ws->config.receive_buffer;
    flush(ws);
    while (ws->phase == EVSE_WS_HANDSHAKE) {
        if (ws->message_length == ws->config.receive_capacity) {
            ws->protocol_errors++;
            HF_LOGW(ws->config.log, now_us, NET,
                    "central system answers the WebSocket without end");
            evse_ws_abort(ws, HF_E_PROTOCOL);
            return;
        }
        int got =
            ws->config.stream.ops->read(ws->config.stream.ctx, header + ws->message_length, 1);
        if (got == HF_E_AGAIN) {
            return;
        }
        if (got <= 0) {
            evse_ws_abort(ws, got == 0 ? HF_E_CLOSED : got);
            return;
        }
        ws->message_length++;
        if (ws->message_length >= 4 &&
            memcmp(header + ws->message_length - 4, "\r\n\r\n", 4) == 0) {
            finish_handshake(ws, now_us);
        }
    }
}

/// No sign of life for too long (two intervals at most), or a server that talks and never reads.
static bool is_dead(const evse_ws_t *ws, uint64_t now_us)
{
    uint32_t interval_ms = ws->config.ping_interval_ms, pong_ms = ws->config.pong_timeout_ms;
    if (interval_ms == 0) { // silence is no sign of anything then; bytes that nobody takes are
        return is_sending(ws) && now_us - ws->send_since_us >= us(STUCK_MS);
    }
    uint64_t limit_us = us(interval_ms) + us(pong_ms < interval_ms ? pong_ms : interval_ms);
    return now_us - ws->last_receive_us >= limit_us ||
           (is_sending(ws) && now_us - ws->send_since_us >= limit_us);
}

static void step_open(evse_ws_t *ws, uint64_t now_us)
{
    flush(ws);
    if (ws->phase == EVSE_WS_OPEN) {
        evse_ws_read(ws, now_us);
    }
    if (ws->phase == EVSE_WS_OPEN && ws->peer_close_code != 0 && !ws->message_ready) {
        begin_close(ws, ws->peer_close_code, HF_E_CLOSED); // answers with the peer's own code
    }
    if (ws->phase == EVSE_WS_OPEN && is_dead(ws, now_us)) {
        evse_ws_abort(ws, HF_E_TIMEOUT);
        return;
    }
    if (ws->phase == EVSE_WS_OPEN && ws->send_error != 0 && !ws->message_ready) {
        evse_ws_abort(ws, ws->send_error);
        return;
    }
    send_control(ws, now_us);
}

static void step_closing(evse_ws_t *ws, uint64_t now_us)
{
    uint8_t discarded[DISCARD_BYTES];
    flush(ws);
    send_control(ws, now_us);
    for (int i = 0; i < DISCARD_ROUNDS && ws->phase == EVSE_WS_CLOSING; i++) {
        int got = ws->config.stream.ops->read(ws->config.stream.ctx, discarded, sizeof discarded);
        if (got == HF_E_AGAIN) {
            break;
        }
        if (got <= 0) {
            evse_ws_abort(ws, HF_E_CLOSED);
        }
    }
    if (ws->phase == EVSE_WS_CLOSING &&
        now_us - ws->phase_since_us >= us(ws->config.close_timeout_ms)) {
        evse_ws_abort(ws, HF_E_CLOSED);
    }
}

// ---- the link ----

static void link_open(void *ctx, uint64_t now_us)
{
    evse_ws_t *ws = ctx;
    if (ws->phase != EVSE_WS_CLOSED && ws->phase != EVSE_WS_CLOSING) {
        return;
    }
    evse_ws_abort(ws, HF_E_CLOSED); // what is left of the connection before
    ws->error = 0;
    ws->http_status = 0;
    ws->close_code = 0;
    ws->peer_close_code = 0;
    ws->send_error = 0;
    ws->now_us = now_us;
    evse_ws_reset_reading(ws);
    int status = ws->config.stream.ops->open(ws->config.stream.ctx, ws->config.url, now_us);
    if (status != HF_OK) {
        ws->error = status;
        return;
    }
    ws->opening_since_us = now_us;
    enter(ws, EVSE_WS_CONNECTING, now_us);
}

static void link_close(void *ctx, uint64_t now_us)
{
    evse_ws_t *ws = ctx;
    ws->now_us = now_us;
    if (ws->phase == EVSE_WS_OPEN) {
        begin_close(ws, EVSE_WS_CLOSE_NORMAL, HF_E_CLOSED);
        send_control(ws, now_us);
    } else if (ws->phase != EVSE_WS_CLOSING) {
        evse_ws_abort(ws, HF_E_CLOSED);
    }
}

static evse_link_state_t link_poll(void *ctx, uint64_t now_us)
{
    evse_ws_t *ws = ctx;
    ws->now_us = now_us;
    if ((ws->phase == EVSE_WS_CONNECTING || ws->phase == EVSE_WS_HANDSHAKE) &&
        now_us - ws->opening_since_us >= us(ws->config.open_timeout_ms)) {
        evse_ws_abort(ws, HF_E_TIMEOUT);
    }
    if (ws->phase == EVSE_WS_CONNECTING) {
        step_connecting(ws, now_us);
    }
    if (ws->phase == EVSE_WS_HANDSHAKE) {
        step_handshake(ws, now_us);
    }
    if (ws->phase == EVSE_WS_OPEN) {
        step_open(ws, now_us);
    }
    if (ws->phase == EVSE_WS_CLOSING) {
        step_closing(ws, now_us);
    }
    if (ws->phase == EVSE_WS_OPEN) {
        return EVSE_LINK_OPEN;
    }
    bool opening = ws->phase == EVSE_WS_CONNECTING || ws->phase == EVSE_WS_HANDSHAKE;
    return opening ? EVSE_LINK_OPENING : EVSE_LINK_DOWN;
}

static char *link_room(void *ctx, size_t *capacity)
{
    evse_ws_t *ws = ctx;
    if (ws->phase != EVSE_WS_OPEN) {
        return NULL;
    }
    flush(ws);
    if (is_sending(ws) || ws->send_error != 0) {
        return NULL;
    }
    *capacity = ws->config.send_capacity - payload_at(ws);
    return (char *)ws->config.send_buffer + payload_at(ws);
}

static int link_send(void *ctx, size_t length)
{
    evse_ws_t *ws = ctx;
    if (ws->phase != EVSE_WS_OPEN || ws->send_error != 0) {
        return HF_E_CLOSED;
    }
    if (is_sending(ws)) {
        return HF_E_AGAIN;
    }
    if (length > ws->config.send_capacity - payload_at(ws)) {
        return HF_E_TOO_LONG;
    }
    frame_payload(ws, EVSE_WS_OP_TEXT, length);
    ws->tx_messages++;
    flush(ws);
    return HF_OK;
}

static int link_receive(void *ctx, const char **text, size_t *length)
{
    evse_ws_t *ws = ctx;
    if (!ws->message_ready && ws->phase == EVSE_WS_OPEN) {
        evse_ws_read(ws, ws->now_us);
    }
    if (!ws->message_ready || ws->phase != EVSE_WS_OPEN) {
        return 0;
    }
    *text = (const char *)ws->config.receive_buffer;
    *length = ws->message_length;
    ws->message_ready = false; // its bytes stay until the next read
    return 1;
}

static int link_last_error(void *ctx)
{
    const evse_ws_t *ws = ctx;
    return ws->error;
}

static void link_set_ping(void *ctx, uint32_t interval_ms)
{
    evse_ws_t *ws = ctx;
    ws->config.ping_interval_ms = interval_ms;
    ws->last_receive_us = ws->now_us; // the silence until now was nothing to go by
    ws->last_ping_us = ws->now_us;
}

const evse_link_ops_t evse_ws_link_ops = {
    .open = link_open,
    .close = link_close,
    .poll = link_poll,
    .room = link_room,
    .send = link_send,
    .receive = link_receive,
    .last_error = link_last_error,
    .set_ping = link_set_ping,
};
