// SPDX-License-Identifier: MIT
// Any bytes a server may send, in any portions, through the WebSocket client. The first byte is options (bit 0: the
// handshake is already done; bit 1: the stream ends with the input; bit 2: the server does not read; bit 3: messages are
// never taken; bit 4: we send; bit 5: the input stands in one piece; bit 6: writing fails at some time), the second
// seeds the portions. Invariants: what is received is whole UTF-8 and fits its buffer; all that was sent is whole, masked
// frames; and when the input is over and every time-out has passed, the connection is closed, once.
#include "evse/evse_ws.h"
#include "fuzz.h"
#include "holdfast/hf_clock.h"
#include "holdfast/hf_text.h"
#include "holdfast/hf_utf8.h"

#include <string.h>

#define BUFFER_BYTES 1024u
#define SENT_BYTES   16384u
#define IDLE_ROUNDS  40
#define STEP_MS      1000u

enum {
    OPTION_OPEN = 1,
    OPTION_ENDS = 2,
    OPTION_DEAF = 4,
    OPTION_IGNORE = 8,
    OPTION_SEND = 16,
    OPTION_WHOLE = 32,
    OPTION_BREAKS = 64,
};

typedef struct world {
    const uint8_t *data;
    size_t left;
    unsigned options;
    uint32_t seed;
    unsigned opens, closes;
    bool broken;
    uint8_t sent[SENT_BYTES];
    size_t sent_length;
    uint8_t receive[BUFFER_BYTES], send[BUFFER_BYTES];
    evse_ws_t ws;
} world_t;

static uint32_t next(world_t *w)
{
    w->seed = w->seed * 1664525u + 1013904223u;
    return w->seed >> 16;
}

static size_t portion(world_t *w, size_t left, size_t capacity)
{
    size_t most = left < capacity ? left : capacity;
    if (most == 0 || (w->options & OPTION_WHOLE) != 0) {
        return most;
    }
    size_t count = next(w) % 8u;
    return count < most ? count : most;
}

static int world_open(void *ctx, const evse_url_t *url, uint64_t now_us)
{
    world_t *w = ctx;
    (void)url;
    (void)now_us;
    w->opens++;
    return HF_OK;
}

static int world_poll(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    return HF_OK;
}

static int world_read(void *ctx, void *out, size_t capacity)
{
    world_t *w = ctx;
    must(capacity > 0);
    size_t count = portion(w, w->left, capacity);
    if (count == 0) {
        return w->left == 0 && (w->options & OPTION_ENDS) != 0 ? HF_E_CLOSED : HF_E_AGAIN;
    }
    memcpy(out, w->data, count);
    w->data += count;
    w->left -= count;
    return (int)count;
}

static int world_write(void *ctx, const void *in, size_t length)
{
    world_t *w = ctx;
    must(length > 0);
    if ((w->options & OPTION_BREAKS) != 0 && w->ws.phase != EVSE_WS_HANDSHAKE) {
        w->broken = w->broken || next(w) % 4u == 0;
    }
    if (w->broken) {
        must(w->closes == 0);
        return HF_E_CLOSED;
    }
    bool deaf = (w->options & OPTION_DEAF) != 0 && w->ws.phase != EVSE_WS_HANDSHAKE;
    size_t count = deaf ? 0 : portion(w, length, SENT_BYTES - w->sent_length);
    if (count == 0) {
        return HF_E_AGAIN;
    }
    memcpy(w->sent + w->sent_length, in, count);
    w->sent_length += count;
    return (int)count;
}

static void world_close(void *ctx)
{
    ((world_t *)ctx)->closes++;
}

static void world_random(void *ctx, void *out, size_t length)
{
    (void)ctx;
    memcpy(out, "the sample nonce", length < 16 ? length : 16); // length is 16 or 4
}

static const evse_stream_ops_t ops = {
    .open = world_open,
    .poll = world_poll,
    .read = world_read,
    .write = world_write,
    .close = world_close,
};

static void start(world_t *w, uint64_t now_us)
{
    static const evse_url_t url = {.port = 80, .host = "h", .path = "/"};
    evse_ws_config_t config = {
        .stream = {.ops = &ops, .ctx = w},
        .url = &url,
        .subprotocol = "ocpp1.6",
        .receive_buffer = w->receive,
        .receive_capacity = sizeof w->receive,
        .send_buffer = w->send,
        .send_capacity = sizeof w->send,
        .open_timeout_ms = 10000,
        .ping_interval_ms = 10000,
        .pong_timeout_ms = 5000,
        .close_timeout_ms = 2000,
        .random = world_random,
    };
    must(evse_ws_init(&w->ws, &config) == HF_OK);
    evse_ws_link_ops.open(&w->ws, now_us);
}

static void handshake(world_t *w, uint64_t now_us)
{
    static const char answer[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n";
    const uint8_t *data = w->data;
    size_t left = w->left;
    unsigned options = w->options;
    w->options &= ~(unsigned)(OPTION_ENDS | OPTION_BREAKS); // the answer's end is not the stream's
    w->data = (const uint8_t *)answer;
    w->left = sizeof answer - 1;
    for (int i = 0; i < 10000 && w->left > 0; i++) {
        (void)evse_ws_link_ops.poll(&w->ws, now_us);
    }
    w->data = data;
    w->left = left;
    w->options = options;
    must(w->ws.phase == EVSE_WS_OPEN);
}

static void take_message(world_t *w)
{
    const char *text;
    size_t length;
    uint32_t utf8 = HF_UTF8_WHOLE;
    if (evse_ws_link_ops.receive(&w->ws, &text, &length) != 1) {
        return;
    }
    must((const uint8_t *)text >= w->receive && length <= sizeof w->receive);
    must((const uint8_t *)text + length <= w->receive + sizeof w->receive);
    for (size_t i = 0; i < length; i++) {
        utf8 = hf_utf8_next(utf8, (uint8_t)text[i]);
    }
    must(utf8 == HF_UTF8_WHOLE);
}

static void step(world_t *w, uint64_t now_us)
{
    (void)evse_ws_link_ops.poll(&w->ws, now_us);
    if ((w->options & OPTION_IGNORE) == 0) {
        take_message(w);
    }
    if ((w->options & OPTION_SEND) != 0 && next(w) % 16u == 0) {
        static const char text[] = "[2,\"1\",\"Heartbeat\",{}]";
        size_t capacity = 0;
        char *room = evse_ws_link_ops.room(&w->ws, &capacity);
        if (room != NULL) {
            must((uint8_t *)room >= w->send &&
                 (uint8_t *)room + capacity == w->send + sizeof w->send);
            memcpy(room, text, sizeof text - 1);
            must(evse_ws_link_ops.send(&w->ws, sizeof text - 1) == HF_OK);
        }
    }
}

// Behind the request: final, unextended, masked frames of known kinds; the last may be cut, nothing follows a Close.
static void judge_sent(const world_t *w)
{
    size_t at = 0;
    while (at + 4 <= w->sent_length && memcmp(w->sent + at, "\r\n\r\n", 4) != 0) {
        at++;
    }
    for (at += 4; at + 2 <= w->sent_length;) {
        uint8_t first = w->sent[at], second = w->sent[at + 1];
        size_t length = second & 0x7Fu;
        must(first == 0x81 || first == 0x88 || first == 0x89 || first == 0x8A);
        must((second & 0x80u) != 0 && length < 126); // we send nothing longer here
        at += 6 + length;
        must(first != 0x88 || at >= w->sent_length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static world_t world;
    world_t *w = &world;
    uint64_t now_us = HF_US_PER_S;
    if (size < 2) {
        return 0;
    }
    memset(w, 0, sizeof *w);
    w->options = data[0];
    w->seed = data[1];
    w->data = data + 2;
    w->left = size - 2;
    start(w, now_us);
    if ((w->options & OPTION_OPEN) != 0) {
        handshake(w, now_us);
    }
    for (size_t i = 0; i < 4 * size + 100; i++) {
        step(w, now_us);
        now_us += HF_US_PER_MS;
    }
    for (int i = 0; i < IDLE_ROUNDS; i++) {
        step(w, now_us);
        now_us += STEP_MS * HF_US_PER_MS;
    }
    must(w->ws.phase == EVSE_WS_CLOSED);
    must(w->opens == 1 && w->closes == 1);
    must(evse_ws_link_ops.last_error(&w->ws) != HF_OK);
    judge_sent(w);
    return 0;
}
