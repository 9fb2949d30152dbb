// SPDX-License-Identifier: MIT
// SLCAN adapter as a bus. Goals: the bus is on only while the adapter says so; what control commands leaves in the same
// tick; nothing that waited through a stall, a jam or an unplugging is ever sent or delivered.
// Assumptions: an adapter answers what it takes by \r, z or Z and what it refuses by BEL; answers to frames are not
// matched one by one, since adapters differ in them; F is answered with flags while the channel is open, and only then.
// Invariants: a line that the port has taken in part is always completed; phases go SHUT, CLOSING, SETTING, OPENING, OPEN
// and back to SHUT from everywhere.
#include "evse/evse_slcan.h"
#include "evse/evse_timing.h"

#include <string.h>

#define BITRATE_KBITS 250u
#define QUESTIONS_MAX 2u // unanswered in a row: the channel is not open
#define CHUNK_BYTES   256u
#define STALE_READS   8 // of EVSE_SLCAN_READ_BYTES: more than a tty of Linux keeps
#define FAULT_FLAGS   (EVSE_SLCAN_WARNING | EVSE_SLCAN_PASSIVE | EVSE_SLCAN_BUS_ERROR)

int evse_slcan_init(evse_slcan_t *slcan, const evse_slcan_config_t *config)
{
    memset(slcan, 0, sizeof *slcan);
    slcan->config = *config;
    if (config->bitrate_kbits == 0) {
        slcan->config.bitrate_kbits = BITRATE_KBITS;
    }
    if (config->port.ops == NULL || config->port.ops->read == NULL ||
        config->port.ops->write == NULL) {
        return HF_E_ARGUMENT;
    }
    if (evse_slcan_bitrate_digit(slcan->config.bitrate_kbits) == 0) {
        return HF_E_RANGE;
    }
    evse_slcan_parser_init(&slcan->parser);
    return evse_can_inbox_init(&slcan->inbox);
}

static void enter(evse_slcan_t *slcan, evse_slcan_phase_t phase, uint64_t now_us)
{
    slcan->phase = phase;
    slcan->phase_since_us = now_us;
    slcan->answered = false;
    slcan->refused = false;
}

// What has begun to leave is completed; the rest is of before.
static void drop_output(evse_slcan_t *slcan)
{
    uint32_t keep = 0;
    while (slcan->mid_line && keep < slcan->out_count) {
        uint32_t at = (slcan->out_head + keep++) % EVSE_SLCAN_QUEUE_BYTES;
        if (slcan->out[at] == '\r') {
            break;
        }
    }
    slcan->out_count = keep;
}

static void shut(evse_slcan_t *slcan, uint64_t now_us)
{
    drop_output(slcan);
    slcan->flags_owed = false;
    enter(slcan, EVSE_SLCAN_SHUT, now_us);
}

static void unplugged(evse_slcan_t *slcan, uint64_t now_us)
{
    slcan->stats.unplugs++;
    slcan->mid_line = false; // nobody waits for the rest
    shut(slcan, now_us);
}

static bool queue(evse_slcan_t *slcan, const uint8_t *bytes, uint32_t length)
{
    if (length > EVSE_SLCAN_QUEUE_BYTES - slcan->out_count) {
        return false;
    }
    for (uint32_t i = 0; i < length; i++) {
        slcan->out[(slcan->out_head + slcan->out_count++) % EVSE_SLCAN_QUEUE_BYTES] = bytes[i];
    }
    return true;
}

static void queue_command(evse_slcan_t *slcan, char command, char argument)
{
    const uint8_t bytes[3] = {(uint8_t)command, argument != 0 ? (uint8_t)argument : '\r', '\r'};
    (void)!queue(slcan, bytes, argument != 0 ? 3u : 2u); // no room: its answer will not come
}

// HF_E_CLOSED when the port is gone; the next read tells it too.
static int flush(evse_slcan_t *slcan)
{
    const evse_slcan_port_t *port = &slcan->config.port;
    while (slcan->out_count > 0) {
        uint32_t whole = EVSE_SLCAN_QUEUE_BYTES - slcan->out_head; // up to the queue's end
        uint32_t length = slcan->out_count < whole ? slcan->out_count : whole;
        int taken = port->ops->write(port->ctx, slcan->out + slcan->out_head, length);
        if (taken <= 0) {
            return taken;
        }
        uint32_t last = slcan->out_head + (uint32_t)taken - 1u;
        slcan->mid_line = slcan->out[last] != '\r';
        slcan->out_head = (last + 1u) % EVSE_SLCAN_QUEUE_BYTES;
        slcan->out_count -= (uint32_t)taken;
    }
    return HF_OK;
}

// The channel may be open or shut, a command half typed: blank lines end it, and C may be refused.
static void begin(evse_slcan_t *slcan, uint64_t now_us)
{
    static const uint8_t reset[] = {'\r', '\r', '\r', 'C', '\r'};
    const evse_slcan_port_t *port = &slcan->config.port;
    slcan->begun = true;
    shut(slcan, now_us);
    if (port->ops->open != NULL && port->ops->open(port->ctx) != HF_OK) {
        return;
    }
    slcan->jam = (evse_can_jam_t){0};
    slcan->passive = false;
    slcan->off = false;
    (void)!queue(slcan, reset, sizeof reset);
    enter(slcan, EVSE_SLCAN_CLOSING, now_us);
}

static void open_channel(evse_slcan_t *slcan, uint64_t now_us)
{
    slcan->stats.opens++;
    slcan->flags_owed = false;
    slcan->bell_heard = false;
    slcan->unanswered = 0;
    slcan->flags_us = now_us;
    enter(slcan, EVSE_SLCAN_OPEN, now_us);
}

static void set_bitrate(evse_slcan_t *slcan, uint64_t now_us)
{
    slcan->parser.skipping = false; // the channel is shut: what comes now is an answer
    slcan->parser.length = 0;
    queue_command(slcan, 'S', evse_slcan_bitrate_digit(slcan->config.bitrate_kbits));
    enter(slcan, EVSE_SLCAN_SETTING, now_us);
    if (slcan->config.mute) {
        queue_command(slcan, 'O', 0);
        open_channel(slcan, now_us);
    }
}

static void await_answer(evse_slcan_t *slcan, uint64_t now_us)
{
    if (slcan->refused) {
        shut(slcan, now_us);
    } else if (slcan->answered && slcan->phase == EVSE_SLCAN_SETTING) {
        queue_command(slcan, 'O', 0);
        enter(slcan, EVSE_SLCAN_OPENING, now_us);
    } else if (slcan->answered) {
        open_channel(slcan, now_us);
    } else if (now_us - slcan->phase_since_us >= EVSE_US(EVSE_SLCAN_ANSWER_MS)) {
        slcan->stats.timeouts++;
        shut(slcan, now_us);
    }
}

// Noise may have eaten the answer: frames since are as good a sign of an open channel, and it is asked again before
// silence counts.
static void ask_again(evse_slcan_t *slcan, uint64_t now_us)
{
    slcan->stats.timeouts++;
    slcan->unanswered = slcan->is_alive ? 0 : slcan->unanswered + 1u;
    slcan->flags_owed = false;
    slcan->flags_us = now_us;
    if (slcan->unanswered >= QUESTIONS_MAX) {
        shut(slcan, now_us);
    }
}

// The question that keeps the channel honest: an adapter that was shut, reset or unplugged does not answer it.
static void ask_flags(evse_slcan_t *slcan, uint64_t now_us)
{
    if (slcan->config.mute) {
        return;
    }
    if (slcan->flags_owed && now_us - slcan->flags_us >= EVSE_US(EVSE_SLCAN_ANSWER_MS)) {
        ask_again(slcan, now_us);
    }
    if (slcan->phase == EVSE_SLCAN_OPEN && !slcan->flags_owed && now_us >= slcan->flags_us) {
        queue_command(slcan, 'F', 0);
        slcan->flags_owed = true;
        slcan->is_alive = false;
        slcan->flags_us = now_us;
    }
}

static void step(evse_slcan_t *slcan, uint64_t now_us)
{
    switch (slcan->phase) {
    case EVSE_SLCAN_SHUT:
        if (!slcan->begun) {
            begin(slcan, now_us);
        }
        break;
    case EVSE_SLCAN_CLOSING:
        if (now_us - slcan->phase_since_us >= EVSE_US(EVSE_SLCAN_DRAIN_MS)) {
            set_bitrate(slcan, now_us);
        }
        break;
    case EVSE_SLCAN_SETTING:
    case EVSE_SLCAN_OPENING:
        await_answer(slcan, now_us);
        break;
    case EVSE_SLCAN_OPEN:
        ask_flags(slcan, now_us);
        break;
    }
}

static void note_flags(evse_slcan_t *slcan, uint8_t flags, uint64_t now_us)
{
    if (!slcan->flags_owed) {
        slcan->inbox.stats.error_count++; // the end of a longer line, or noise
        return;
    }
    slcan->flags_owed = false;
    slcan->unanswered = 0;
    slcan->flags_us = now_us + EVSE_US(EVSE_SLCAN_FLAGS_PERIOD_MS);
    slcan->passive = (flags & FAULT_FLAGS) != 0;
    if ((flags & EVSE_SLCAN_TX_FULL) != 0 || !slcan->bell_heard) {
        evse_can_jam_note(&slcan->jam, (flags & EVSE_SLCAN_TX_FULL) == 0);
    }
    slcan->bell_heard = false;
    if ((flags & (EVSE_SLCAN_RX_FULL | EVSE_SLCAN_OVERRUN)) != 0) {
        evse_can_inbox_lost(&slcan->inbox, 1); // at least
    }
    if ((flags & EVSE_SLCAN_BUS_ERROR) != 0) {
        slcan->stats.bus_errors++;
        slcan->inbox.stats.error_count++;
    }
}

static void note_bell(evse_slcan_t *slcan)
{
    slcan->stats.bells++;
    slcan->refused = true;
    if (slcan->phase == EVSE_SLCAN_OPEN) {
        slcan->inbox.stats.error_count++;
        slcan->bell_heard = true;
        evse_can_jam_note(&slcan->jam, false);
    }
}

static void note_done(evse_slcan_t *slcan)
{
    slcan->answered = true;
    if (slcan->phase == EVSE_SLCAN_OPEN) {
        evse_can_jam_note(&slcan->jam, true);
    }
}

static void take_line(evse_slcan_t *slcan, evse_slcan_kind_t kind, const evse_slcan_line_t *line,
                      uint64_t now_us)
{
    switch (kind) {
    case EVSE_SLCAN_FRAME:
        slcan->is_alive = true;
        evse_can_inbox_put(&slcan->inbox, &line->frame, now_us);
        break;
    case EVSE_SLCAN_REMOTE:
        slcan->stats.remotes++;
        slcan->inbox.stats.error_count++;
        break;
    case EVSE_SLCAN_DONE:
        note_done(slcan);
        break;
    case EVSE_SLCAN_BELL:
        note_bell(slcan);
        break;
    case EVSE_SLCAN_FLAGS:
        note_flags(slcan, line->flags, now_us);
        break;
    case EVSE_SLCAN_STATE:
        slcan->passive = line->state == EVSE_CAN_PASSIVE;
        slcan->off = line->state == EVSE_CAN_BUS_OFF;
        break;
    case EVSE_SLCAN_ERROR:
        slcan->stats.bus_errors++;
        slcan->inbox.stats.error_count++;
        break;
    case EVSE_SLCAN_INFO:
    case EVSE_SLCAN_NOTHING:
        break;
    }
}

static bool is_listening(const evse_slcan_t *slcan, evse_slcan_kind_t kind)
{
    bool is_answer = kind == EVSE_SLCAN_DONE || kind == EVSE_SLCAN_BELL;
    return slcan->phase == EVSE_SLCAN_OPEN || (is_answer && (slcan->phase == EVSE_SLCAN_SETTING ||
                                                             slcan->phase == EVSE_SLCAN_OPENING));
}

static void take_bytes(evse_slcan_t *slcan, const uint8_t *bytes, uint32_t length, uint64_t now_us)
{
    evse_slcan_line_t line;
    for (uint32_t i = 0; i < length; i++) {
        uint32_t refused = slcan->parser.refused;
        evse_slcan_kind_t kind = evse_slcan_feed(&slcan->parser, bytes[i], &line);
        if (slcan->phase == EVSE_SLCAN_OPEN) {
            slcan->inbox.stats.error_count += slcan->parser.refused - refused;
        }
        if (kind != EVSE_SLCAN_NOTHING && is_listening(slcan, kind)) {
            take_line(slcan, kind, &line, now_us);
        }
    }
}

static void drain(evse_slcan_t *slcan, uint64_t now_us)
{
    const evse_slcan_port_t *port = &slcan->config.port;
    uint8_t bytes[CHUNK_BYTES];
    for (uint32_t sum = 0; slcan->phase != EVSE_SLCAN_SHUT && sum < EVSE_SLCAN_READ_BYTES;) {
        int got = port->ops->read(port->ctx, bytes, sizeof bytes);
        if (got < 0) {
            unplugged(slcan, now_us);
        }
        if (got <= 0) {
            return;
        }
        take_bytes(slcan, bytes, (uint32_t)got, now_us);
        sum += (uint32_t)got;
    }
}

static void leave_after_stall(evse_slcan_t *slcan, uint64_t now_us)
{
    bool stalled = slcan->polled_us != 0 && now_us - slcan->polled_us > EVSE_US(EVSE_CAN_STALL_MS);
    slcan->polled_us = now_us;
    if (!stalled) {
        return;
    }
    slcan->stats.stalls++;
    drop_output(slcan);
    for (int i = 0; i < STALE_READS; i++) {
        drain(slcan, now_us);
    }
    evse_can_inbox_clear(&slcan->inbox);
    slcan->flags_us = now_us; // an answer that is owed gets its time again
}

static evse_can_state_t current_state(const evse_slcan_t *slcan)
{
    if (slcan->phase != EVSE_SLCAN_OPEN || slcan->off || slcan->jammed) {
        return EVSE_CAN_BUS_OFF;
    }
    return slcan->passive ? EVSE_CAN_PASSIVE : EVSE_CAN_ACTIVE;
}

static evse_can_state_t slcan_poll(void *ctx, uint64_t now_us)
{
    evse_slcan_t *slcan = ctx;
    leave_after_stall(slcan, now_us);
    drain(slcan, now_us);
    step(slcan, now_us);
    if (flush(slcan) < 0 && slcan->phase != EVSE_SLCAN_SHUT) {
        unplugged(slcan, now_us);
    }
    bool was_jammed = slcan->jammed;
    slcan->jammed = evse_can_jam_poll(&slcan->jam, now_us);
    if (slcan->jammed && !was_jammed) {
        drop_output(slcan);
    }
    return evse_can_inbox_tell(&slcan->inbox, current_state(slcan));
}

// While jammed one command at a time is tried: its answer tells when the jam is over.
static int slcan_send(void *ctx, const evse_can_frame_t *frame)
{
    evse_slcan_t *slcan = ctx;
    uint8_t bytes[EVSE_SLCAN_LINE_BYTES];
    uint32_t length = evse_slcan_encode(frame, bytes);
    bool is_off = current_state(slcan) == EVSE_CAN_BUS_OFF;
    int status = length == 0 ? HF_E_RANGE : is_off ? HF_E_STATE : HF_OK;
    bool is_probe = slcan->phase == EVSE_SLCAN_OPEN && slcan->jammed && slcan->out_count == 0;
    if (length > 0 && (status == HF_OK || is_probe) && !queue(slcan, bytes, length)) {
        evse_can_jam_note(&slcan->jam, false);
        status = HF_E_AGAIN;
    }
    if (flush(slcan) < 0) {
        status = HF_E_STATE; // the next poll sees it too
    } else if (slcan->config.mute && slcan->out_count == 0) {
        evse_can_jam_note(&slcan->jam, true);
    }
    slcan->inbox.stats.total_tx += status == HF_OK ? 1u : 0u;
    slcan->inbox.stats.error_count += status == HF_OK ? 0u : 1u;
    return status;
}

static int slcan_receive(void *ctx, evse_can_frame_t *frame)
{
    evse_slcan_t *slcan = ctx;
    if (evse_can_inbox_get(&slcan->inbox, frame) == 1) {
        return 1;
    }
    return current_state(slcan) == EVSE_CAN_BUS_OFF ? HF_E_STATE : 0;
}

// Shutting and opening the channel resets the adapter's controller, which ends its bus-off.
static int slcan_recover(void *ctx, uint64_t now_us)
{
    evse_slcan_t *slcan = ctx;
    bool is_under_way = slcan->phase == EVSE_SLCAN_CLOSING || slcan->phase == EVSE_SLCAN_SETTING ||
                        slcan->phase == EVSE_SLCAN_OPENING;
    if (is_under_way || current_state(slcan) != EVSE_CAN_BUS_OFF) {
        return HF_E_AGAIN;
    }
    begin(slcan, now_us);
    (void)!flush(slcan); // a port that has gone again is seen by the next poll
    return HF_OK;
}

static const evse_can_inbox_t *slcan_inbox(void *ctx)
{
    return &((const evse_slcan_t *)ctx)->inbox;
}

const evse_can_ops_t evse_slcan_ops = {
    .send = slcan_send,
    .receive = slcan_receive,
    .poll = slcan_poll,
    .recover = slcan_recover,
    .inbox = slcan_inbox,
};
