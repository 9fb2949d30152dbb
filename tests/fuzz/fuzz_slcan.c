// SPDX-License-Identifier: MIT
// Any bytes a serial adapter may send, in any portions, through the SLCAN codec and driver. The first byte is options
// (bit 0: no answers are waited for; bit 1: the port takes bytes in small pieces; bit 2: it takes none; bit 3: it is
// unplugged now and then; bit 4: we send; bit 5: bus-off is recovered from; bit 6: an adapter that answers comes first;
// bit 7: polls stall now and then), the second seeds the portions. Invariants: a frame that comes out is one, and stands
// in the input as a line; all that is written is whole commands; frames are all accounted for; nothing hangs.
#include "evse/evse_slcan.h"
#include "evse/evse_timing.h"
#include "fuzz.h"
#include "holdfast/hf_clock.h"

#include <string.h>

#define WRITTEN_BYTES 16384u
#define IDLE_ROUNDS   60
#define TICK_US       EVSE_US(EVSE_TICK_MS)

enum {
    OPTION_MUTE = 1,
    OPTION_PIECES = 2,
    OPTION_DEAF = 4,
    OPTION_UNPLUGS = 8,
    OPTION_SENDS = 16,
    OPTION_RECOVERS = 32,
    OPTION_ANSWERS = 64,
    OPTION_STALLS = 128,
};

typedef struct world {
    const uint8_t *data;
    size_t left;
    unsigned options;
    uint32_t seed;
    bool is_away;
    bool is_open; // the input begins when the channel is
    char answer;  // owed to a command
    uint8_t written[WRITTEN_BYTES];
    size_t written_length;
    uint32_t got;
    evse_slcan_t slcan;
} world_t;

static uint32_t next(world_t *w)
{
    w->seed = w->seed * 1664525u + 1013904223u;
    return w->seed >> 16;
}

static int world_read(void *ctx, uint8_t *data, uint32_t capacity)
{
    world_t *w = ctx;
    must(capacity > 0);
    if (w->is_away) {
        return HF_E_CLOSED;
    }
    if (w->answer != 0) {
        data[0] = (uint8_t)w->answer;
        w->answer = 0;
        return 1;
    }
    if ((w->options & OPTION_ANSWERS) != 0 && !w->is_open) {
        return 0;
    }
    uint32_t count = next(w) % 40u;
    count = count < capacity ? count : capacity;
    count = count < w->left ? count : (uint32_t)w->left;
    memcpy(data, w->data, count);
    w->data += count;
    w->left -= count;
    return (int)count;
}

static int world_write(void *ctx, const uint8_t *data, uint32_t length)
{
    world_t *w = ctx;
    must(length > 0 && length <= EVSE_SLCAN_QUEUE_BYTES);
    if (w->is_away) {
        return HF_E_CLOSED;
    }
    if ((w->options & OPTION_DEAF) != 0) {
        return 0;
    }
    uint32_t count = (w->options & OPTION_PIECES) != 0 ? next(w) % 5u : length;
    count = count < length ? count : length;
    count = count < WRITTEN_BYTES - w->written_length
                ? count
                : (uint32_t)(WRITTEN_BYTES - w->written_length);
    memcpy(w->written + w->written_length, data, count);
    w->written_length += count;
    for (uint32_t i = 0; i < count && (w->options & OPTION_ANSWERS) != 0; i++) {
        w->answer = data[i] == 'S' || data[i] == 'O' ? '\r' : w->answer;
        w->is_open = w->is_open || data[i] == 'O';
    }
    return (int)count;
}

static int world_open(void *ctx)
{
    world_t *w = ctx;
    w->is_away = w->is_away && next(w) % 4u != 0;
    return w->is_away ? HF_E_NOT_FOUND : HF_OK;
}

static const evse_slcan_port_ops_t port = {
    .read = world_read, .write = world_write, .open = world_open};

static unsigned upper(unsigned c)
{
    return c >= 'a' && c <= 'f' ? c - 32u : c;
}

static bool is_begin(const uint8_t *at, const uint8_t *begin)
{
    return at == begin || at[-1] == '\r' || at[-1] == '\a' || at[-1] == '\n';
}

static bool is_end(const uint8_t *at, const uint8_t *end)
{
    if (at + 4 < end && *at != '\r') { // a time stamp
        for (int i = 0; i < 4; i++, at++) {
            if (*at == 0 || strchr("0123456789ABCDEFabcdef", *at) == NULL) {
                return false;
            }
        }
    }
    return at < end && *at == '\r';
}

// The frame, written again, stands in the input up to here as a whole line (digits in either case).
static bool stands_in_input(const world_t *w, const uint8_t *begin, const evse_can_frame_t *frame)
{
    uint8_t line[EVSE_SLCAN_LINE_BYTES];
    size_t length = evse_slcan_encode(frame, line);
    must(length > 1);
    length--;
    for (const uint8_t *at = begin; at + length < w->data; at++) {
        size_t same = at[0] == line[0] ? 1 : 0;
        while (same > 0 && same < length && upper(at[same]) == line[same]) {
            same++;
        }
        if (same == length && is_begin(at, begin) && is_end(at + length, w->data)) {
            return true;
        }
    }
    return false;
}

static void take_frames(world_t *w, const uint8_t *begin)
{
    evse_can_frame_t frame;
    while (evse_slcan_ops.receive(&w->slcan, &frame) == 1) {
        must(frame.length <= 8 && frame.id <= (frame.extended ? EVSE_CAN_ID_MASK : 0x7FFu));
        must(frame.stamped && stands_in_input(w, begin, &frame));
        w->got++;
    }
}

static void send_one(world_t *w)
{
    const evse_can_frame_t frame = {
        .id = next(w) & 0x7FFu, .length = (uint8_t)(next(w) % 9u), .extended = next(w) % 2u != 0};
    int status = evse_slcan_ops.send(&w->slcan, &frame);
    must(status == HF_OK || status == HF_E_AGAIN || status == HF_E_STATE);
}

static void step(world_t *w, const uint8_t *begin, uint64_t *now_us)
{
    *now_us += TICK_US;
    if ((w->options & OPTION_STALLS) != 0 && next(w) % 64u == 0) {
        *now_us += EVSE_US(EVSE_CAN_STALL_MS);
    }
    if ((w->options & OPTION_UNPLUGS) != 0 && next(w) % 32u == 0) {
        w->is_away = true;
    }
    evse_can_state_t state = evse_slcan_ops.poll(&w->slcan, *now_us);
    take_frames(w, begin);
    if ((w->options & OPTION_SENDS) != 0 && next(w) % 4u == 0) {
        send_one(w);
    }
    if (state == EVSE_CAN_BUS_OFF && (w->options & OPTION_RECOVERS) != 0) {
        must(evse_slcan_ops.recover(&w->slcan, *now_us) <= 0);
    }
}

// Whole commands that an adapter knows; only the last one, and what an unplugging cut, may be a part.
static void judge_written(const world_t *w)
{
    size_t begin = 0;
    for (size_t i = 0; i < w->written_length; i++) {
        if (w->written[i] != '\r') {
            must(strchr("0123456789ABCDEFCSOFtT", w->written[i]) != NULL);
            continue;
        }
        size_t length = i - begin;
        bool was_cut = (w->options & OPTION_UNPLUGS) != 0;
        must(length == 0 || was_cut || strchr("CSOFtT", w->written[begin]) != NULL);
        must(length < EVSE_SLCAN_LINE_BYTES || was_cut);
        begin = i + 1;
    }
}

// Whatever came before: the line after the next \r is read.
static void judge_parser(evse_slcan_parser_t *parser)
{
    static const char text[] = "\rT1806E5F41AB\r";
    evse_slcan_line_t line;
    evse_slcan_kind_t kind = EVSE_SLCAN_NOTHING;
    for (size_t i = 0; text[i] != '\0'; i++) {
        kind = evse_slcan_feed(parser, (uint8_t)text[i], &line);
    }
    must(kind == EVSE_SLCAN_FRAME && line.frame.id == 0x1806E5F4 && line.frame.data[0] == 0xAB);
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
    const evse_slcan_config_t config = {.port = {.ops = &port, .ctx = w},
                                        .mute = (w->options & OPTION_MUTE) != 0};
    must(evse_slcan_init(&w->slcan, &config) == HF_OK);
    for (size_t i = 0; i < size + IDLE_ROUNDS; i++) {
        step(w, data + 2, &now_us);
    }
    const evse_can_stats_t *stats = &w->slcan.inbox.stats;
    must(hf_ring_count(&w->slcan.inbox.ring) == 0);
    must(stats->total_rx == w->got + stats->stale + hf_ring_lost(&w->slcan.inbox.ring));
    judge_written(w);
    judge_parser(&w->slcan.parser);
    return 0;
}
