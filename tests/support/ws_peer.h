// SPDX-License-Identifier: MIT
// A scripted server end of the byte stream, in memory: what it will say is put into `in`, what the client said stands in
// `out`. Invariant: a call moves at most `chunk` bytes and the call after it moves none, so that every state between
// two bytes is met. Everything a case does is done over all of WS_CHUNKS.
#ifndef WS_PEER_H
#define WS_PEER_H

#include "hf_test.h"

#include "evse/evse_ws.h"
#include "holdfast/hf_clock.h"

#define WS_RECEIVE_BYTES 70000u
#define WS_SEND_BYTES    70014u
#define WS_SUBPROTOCOL   "ocpp1.6"

static const size_t ws_chunks[] = {1, 2, 3, 7, 1000000};

typedef struct ws_peer {
    uint8_t in[200000];
    size_t in_length, in_at;
    uint8_t out[200000];
    size_t out_length, out_at; // out_at: up to where a case has looked
    size_t chunk;
    bool read_pause, write_pause;
    bool steady;   // reads without pauses
    bool ended;    // nothing comes after `in`: end of stream
    bool deaf;     // accepts no byte
    int open_says; // status of open
    int poll_says; // status of poll
    int read_fails, write_fails;
    unsigned opens, closes;
    uint8_t random;
    const char *nonce; // first 16 random bytes, NULL: counting ones
    uint64_t now_us;
    evse_ws_t ws;
    uint8_t receive[WS_RECEIVE_BYTES], send[WS_SEND_BYTES];
} ws_peer_t;

static inline int ws_peer_open(void *ctx, const evse_url_t *url, uint64_t now_us)
{
    ws_peer_t *p = ctx;
    (void)url;
    (void)now_us;
    p->opens++;
    return p->open_says;
}

static inline int ws_peer_poll(void *ctx, uint64_t now_us)
{
    ws_peer_t *p = ctx;
    (void)now_us;
    return p->poll_says;
}

static inline int ws_peer_read(void *ctx, void *data, size_t capacity)
{
    ws_peer_t *p = ctx;
    size_t left = p->in_length - p->in_at;
    size_t count = left < p->chunk ? left : p->chunk;
    count = count < capacity ? count : capacity;
    if (p->read_fails != 0) {
        return p->read_fails;
    }
    p->read_pause = p->steady || !p->read_pause;
    if (left == 0 || !p->read_pause) {
        return left == 0 && p->ended ? HF_E_CLOSED : HF_E_AGAIN;
    }
    memcpy(data, p->in + p->in_at, count);
    p->in_at += count;
    return (int)count;
}

static inline int ws_peer_write(void *ctx, const void *data, size_t length)
{
    ws_peer_t *p = ctx;
    size_t count = length < p->chunk ? length : p->chunk;
    if (p->write_fails != 0) {
        return p->write_fails;
    }
    p->write_pause = !p->write_pause;
    if (p->deaf || !p->write_pause || p->out_length + count > sizeof p->out) {
        return HF_E_AGAIN;
    }
    memcpy(p->out + p->out_length, data, count);
    p->out_length += count;
    return (int)count;
}

static inline void ws_peer_close(void *ctx)
{
    ((ws_peer_t *)ctx)->closes++;
}

static inline void ws_peer_random(void *ctx, void *data, size_t length)
{
    ws_peer_t *p = ctx;
    for (size_t i = 0; i < length; i++) {
        ((uint8_t *)data)[i] = p->nonce != NULL ? (uint8_t)p->nonce[i] : ++p->random;
    }
    p->nonce = NULL;
}

static const evse_stream_ops_t ws_peer_ops = {
    .open = ws_peer_open,
    .poll = ws_peer_poll,
    .read = ws_peer_read,
    .write = ws_peer_write,
    .close = ws_peer_close,
};

static inline evse_ws_config_t ws_peer_config(ws_peer_t *p)
{
    static const evse_url_t url = {.port = 8180, .host = "csms.example", .path = "/ocpp/CP1"};
    return (evse_ws_config_t){
        .stream = {.ops = &ws_peer_ops, .ctx = p},
        .url = &url,
        .subprotocol = WS_SUBPROTOCOL,
        .receive_buffer = p->receive,
        .receive_capacity = sizeof p->receive,
        .send_buffer = p->send,
        .send_capacity = sizeof p->send,
        .open_timeout_ms = 10000,
        .ping_interval_ms = 30000,
        .pong_timeout_ms = 5000,
        .close_timeout_ms = 2000,
        .random = ws_peer_random,
        .random_ctx = p,
    };
}

/// One peer, made new; the nonce is that of RFC 6455, so that the key is the RFC's as well.
static inline ws_peer_t *ws_peer_new(size_t chunk)
{
    static ws_peer_t peer;
    memset(&peer, 0, sizeof peer);
    peer.chunk = chunk;
    peer.nonce = "the sample nonce";
    peer.now_us = 1000000;
    evse_ws_config_t config = ws_peer_config(&peer);
    CHECK_EQ(evse_ws_init(&peer.ws, &config), HF_OK);
    return &peer;
}

static inline void ws_peer_say(ws_peer_t *p, const void *data, size_t length)
{
    if (length > 0) { // an empty payload may be NULL
        memcpy(p->in + p->in_length, data, length);
        p->in_length += length;
    }
}

static inline void ws_peer_say_text(ws_peer_t *p, const char *text)
{
    ws_peer_say(p, text, strlen(text));
}

/// Writes a message into the link's room and sends it. HF_E_AGAIN: no room.
static inline int ws_peer_send(ws_peer_t *p, const void *text, size_t length)
{
    size_t capacity = 0;
    char *room = evse_ws_link_ops.room(&p->ws, &capacity);
    if (room == NULL) {
        return p->ws.phase == EVSE_WS_OPEN && p->ws.send_error == 0 ? HF_E_AGAIN : HF_E_CLOSED;
    }
    if (length <= capacity) {
        memcpy(room, text, length);
    }
    return evse_ws_link_ops.send(&p->ws, length);
}

/// A frame as a server sends it: unmasked, the length written the shortest way.
static inline void ws_peer_say_frame(ws_peer_t *p, uint8_t first, const void *data, size_t length)
{
    uint8_t header[10] = {first};
    size_t bytes = length < 126 ? 0 : length < 65536 ? 2 : 8;
    header[1] = (uint8_t)(bytes == 0 ? length : bytes == 2 ? 126 : 127);
    for (size_t i = 0; i < bytes; i++) {
        header[2 + i] = (uint8_t)((uint64_t)length >> (8 * (bytes - 1 - i)));
    }
    ws_peer_say(p, header, 2 + bytes);
    ws_peer_say(p, data, length);
}

/// Polls until no byte moves any more; the clock stands.
static inline evse_link_state_t ws_peer_settle(ws_peer_t *p)
{
    evse_link_state_t state = EVSE_LINK_DOWN;
    for (int quiet = 0; quiet < 4; quiet++) {
        size_t in_at = p->in_at, out_length = p->out_length;
        state = evse_ws_link_ops.poll(&p->ws, p->now_us);
        if (p->in_at != in_at || p->out_length != out_length) {
            quiet = -1;
        }
    }
    return state;
}

static inline evse_link_state_t ws_peer_advance(ws_peer_t *p, uint32_t ms)
{
    p->now_us += (uint64_t)ms * HF_US_PER_MS;
    return ws_peer_settle(p);
}

#define WS_ANSWER                                                                                  \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"                                       \
    "Sec-WebSocket-Protocol: " WS_SUBPROTOCOL "\r\n\r\n"

/// Opened, the handshake done, `out` looked at up to its end.
static inline ws_peer_t *ws_peer_opened(size_t chunk)
{
    ws_peer_t *p = ws_peer_new(chunk);
    evse_ws_link_ops.open(&p->ws, p->now_us);
    ws_peer_say_text(p, WS_ANSWER);
    CHECK_EQ(ws_peer_settle(p), EVSE_LINK_OPEN);
    p->out_at = p->out_length;
    return p;
}

typedef struct ws_frame {
    uint8_t opcode, payload[WS_SEND_BYTES];
    uint8_t mask[4];
    size_t length;
} ws_frame_t;

/// The next whole frame the client sent; NULL when there is none or it breaks a rule of clients.
static inline const ws_frame_t *ws_peer_take(ws_peer_t *p)
{
    static ws_frame_t frame;
    const uint8_t *at = p->out + p->out_at;
    size_t left = p->out_length - p->out_at, bytes;
    if (left < 6 || (at[0] & 0xF0u) != 0x80u || (at[1] & 0x80u) == 0) {
        return NULL; // final, no RSV, masked
    }
    frame.opcode = at[0] & 0x0Fu;
    frame.length = at[1] & 0x7Fu;
    bytes = frame.length < 126 ? 0 : frame.length == 126 ? 2 : 8;
    for (size_t i = 0; i < bytes; i++) {
        frame.length = (i == 0 ? 0 : frame.length << 8) | at[2 + i];
    }
    if (left < 6 + bytes + frame.length) {
        return NULL;
    }
    memcpy(frame.mask, at + 2 + bytes, 4);
    for (size_t i = 0; i < frame.length; i++) {
        frame.payload[i] = at[6 + bytes + i] ^ frame.mask[i % 4];
    }
    p->out_at += 6 + bytes + frame.length;
    return &frame;
}

/// True when the next frame is this one.
static inline bool ws_peer_heard(ws_peer_t *p, uint8_t opcode, const void *payload, size_t length)
{
    const ws_frame_t *frame = ws_peer_take(p);
    return frame != NULL && frame->opcode == opcode && frame->length == length &&
           (length == 0 || memcmp(frame->payload, payload, length) == 0);
}

/// True when the next frame is a Close with this code, 1005: with none; and nothing stands behind it.
static inline bool ws_peer_heard_close(ws_peer_t *p, uint16_t code)
{
    const uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    return ws_peer_heard(p, 8, bytes, code == 1005 ? 0 : 2) && p->out_at == p->out_length;
}

/// The next message, or NULL; `length` may be NULL.
static inline const char *ws_peer_receive(ws_peer_t *p, size_t *length)
{
    const char *text = NULL;
    size_t count = 0;
    int got = evse_ws_link_ops.receive(&p->ws, &text, &count);
    if (length != NULL) {
        *length = count;
    }
    return got == 1 ? text : NULL;
}

/// True when the next message is `text`.
static inline bool ws_peer_received(ws_peer_t *p, const char *text)
{
    size_t length;
    const char *got = ws_peer_receive(p, &length);
    return got != NULL && length == strlen(text) && memcmp(got, text, length) == 0;
}

#define WS_FOR_EACH_CHUNK(chunk)                                                                   \
    for (size_t chunk##_i = 0, chunk = ws_chunks[0]; chunk##_i < HF_COUNT_OF(ws_chunks);           \
         chunk##_i++, chunk = ws_chunks[chunk##_i < HF_COUNT_OF(ws_chunks) ? chunk##_i : 0])

#endif
