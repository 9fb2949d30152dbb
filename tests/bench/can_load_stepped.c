// SPDX-License-Identifier: MIT
// Load in stepped time: what a driver does with its inbox, and the real control tick that empties it. Every frame put is
// known, so that what is lost is counted a second time here; and every tick's output is compared with that of the same
// hour without load.
#include "can_load.h"

#include "holdfast/hf_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US    5000000000ULL
#define TICKS_PER_S (HF_US_PER_S / EVSE_TICK_US)
#define OUTLET_MAX  64u
#define OVERLOAD    10u // times the limit: more than a ring a tick
#define RATE_LIMIT  7600u
#define NAME_BYTES  48u

typedef struct stepped {
    load_t load;
    evse_can_inbox_t inbox;
    uint32_t per_tick; // frames that fill
    uint32_t seed;
    uint64_t put, got;
    uint32_t put_now, got_now; // in this tick
    uint32_t number;           // of the next that fills
    uint32_t last_number;      // got
    uint32_t disorder;         // frames got out of their order
    uint64_t newest_missed;    // frames among a tick's newest that did not come through
    uint32_t digest;           // of this tick's output
    uint64_t harm;             // ticks whose output is not that without load
    uint64_t charging;         // ticks
} stepped_t;

static void add(uint32_t *digest, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < length; i++) {
        *digest = (*digest ^ bytes[i]) * 16777619u;
    }
}

static int stepped_send(void *ctx, const evse_can_frame_t *frame)
{
    stepped_t *s = ctx;
    add(&s->digest, &frame->id, sizeof frame->id);
    add(&s->digest, frame->data, sizeof frame->data);
    sim_outlet_receive(&s->load.outlet, frame);
    return HF_OK;
}

static int stepped_receive(void *ctx, evse_can_frame_t *frame)
{
    stepped_t *s = ctx;
    int got = evse_can_inbox_get(&s->inbox, frame);
    if (got != 1) {
        return got;
    }
    s->got++;
    s->got_now++;
    if (frame->id == LOAD_FILLER_ID || frame->length == 4) {
        uint32_t number;
        memcpy(&number, frame->data, sizeof number);
        s->disorder += number < s->last_number ? 1u : 0u;
        s->last_number = number;
    }
    return got;
}

static void put(stepped_t *s, const evse_can_frame_t *frame, uint64_t now_us)
{
    evse_can_inbox_put(&s->inbox, frame, now_us);
    s->put++;
    s->put_now++;
}

// The outlet's frames stand anywhere among those that fill; above the limit of the bus they are a tick's newest, which
// have to win.
static evse_can_state_t stepped_poll(void *ctx, uint64_t now_us)
{
    stepped_t *s = ctx;
    evse_can_frame_t outlet[OUTLET_MAX];
    uint32_t count = 0, told = 0;
    while (count < OUTLET_MAX && sim_outlet_transmit(&s->load.outlet, &outlet[count])) {
        count++;
    }
    bool is_above = s->per_tick > RATE_LIMIT / TICKS_PER_S;
    for (uint32_t i = 0; i < s->per_tick; i++) {
        s->seed = s->seed * 1664525u + 1013904223u;
        if (told < count && !is_above && (s->seed >> 16) % s->per_tick < count) {
            put(s, &outlet[told++], now_us);
        }
        evse_can_frame_t filler = load_filler(s->number++);
        put(s, &filler, now_us);
    }
    while (told < count) {
        put(s, &outlet[told++], now_us);
    }
    return evse_can_inbox_tell(&s->inbox, EVSE_CAN_ACTIVE);
}

static const evse_can_inbox_t *stepped_inbox(void *ctx)
{
    return &((const stepped_t *)ctx)->inbox;
}

static int stepped_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    const stepped_t *s = ctx;
    (void)connector;
    if (!sim_outlet_inputs(&s->load.outlet, inputs->level)) {
        return HF_E_AGAIN;
    }
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        inputs->stamp_us[i] = now_us;
    }
    return HF_OK;
}

static int stepped_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    stepped_t *s = ctx;
    (void)connector;
    add(&s->digest, drive->level, sizeof drive->level);
    add(&s->digest, &drive->live_count, sizeof drive->live_count);
    sim_outlet_drive(&s->load.outlet, drive);
    return HF_OK;
}

static const evse_can_ops_t can_ops = {
    .send = stepped_send, .receive = stepped_receive, .poll = stepped_poll, .inbox = stepped_inbox};
static const evse_io_ops_t io_ops = {.sample = stepped_sample, .drive = stepped_drive};

static void add_state(stepped_t *s)
{
    const evse_channel_t *channel = &s->load.control.channel[0];
    const int32_t state[] = {channel->setpoint_mV, channel->setpoint_mA, (int32_t)channel->phase,
                             (int32_t)channel->state, (int32_t)channel->fault};
    add(&s->digest, state, sizeof state);
    add(&s->digest, &channel->register_mJ, sizeof channel->register_mJ);
}

// One tick; its output against that of the run without load, which writes it down.
static void tick(stepped_t *s, uint64_t number, uint32_t *digests, bool records)
{
    uint64_t now_us = START_US + (number + 1u) * EVSE_TICK_US;
    uint32_t waiting = hf_ring_count(&s->inbox.ring);
    s->put_now = s->got_now = 0;
    s->digest = 2166136261u;
    sim_outlet_step(&s->load.outlet, now_us);
    load_plug(&s->load, now_us);
    load_tick(&s->load, now_us);
    add_state(s);
    uint32_t newest = waiting + s->put_now;
    newest = newest < CONFIG_EVSE_CAN_RING_FRAMES ? newest : CONFIG_EVSE_CAN_RING_FRAMES;
    newest = newest < EVSE_FRAMES_PER_TICK ? newest : EVSE_FRAMES_PER_TICK;
    s->newest_missed += newest > s->got_now ? newest - s->got_now : 0;
    s->newest_missed += s->per_tick > 0 && s->last_number != s->number - 1u ? 1u : 0u;
    if (records) {
        digests[number] = s->digest;
    } else {
        s->harm += digests[number] != s->digest ? 1u : 0u;
    }
    s->charging += load_is_charging(&s->load) ? 1u : 0u;
}

static int run(stepped_t *s, uint32_t rate, unsigned seconds, uint32_t *digests)
{
    memset(s, 0, sizeof *s);
    s->per_tick = (uint32_t)(rate / TICKS_PER_S);
    s->seed = rate + 1u;
    const evse_can_t can = {.ops = &can_ops, .ctx = s};
    const evse_io_t io = {.ops = &io_ops, .ctx = s};
    if (evse_can_inbox_init(&s->inbox) != HF_OK ||
        load_init(&s->load, can, io, START_US) != HF_OK) {
        (void)fprintf(stderr, "bench_can: control cannot be made\n");
        return 1;
    }
    for (uint64_t i = 0; i < seconds * TICKS_PER_S; i++) {
        tick(s, i, digests, rate == 0);
    }
    if (s->charging < (seconds - LOAD_SETTLED_S) * TICKS_PER_S) {
        (void)fprintf(stderr, "bench_can: %u frames/s: it charged in %llu ticks of %llu only\n",
                      (unsigned)rate, (unsigned long long)s->charging,
                      (unsigned long long)(seconds * TICKS_PER_S));
        return rate == 0 ? 1 : 0; // under load it is harm, and counted
    }
    return 0;
}

static void report(const stepped_t *s, uint32_t rate)
{
    static const char *const what[] = {"lost", "uncounted", "newest_missed", "disorder", "harm"};
    static const char *const units[] = {"frames", "frames", "frames", "frames", "ticks"};
    uint64_t lost = s->put - s->got - hf_ring_count(&s->inbox.ring);
    uint64_t counted = evse_can_inbox_overruns(&s->inbox);
    const uint64_t values[] = {lost, lost > counted ? lost - counted : counted - lost,
                               s->newest_missed, s->disorder, s->harm};
    for (unsigned i = 0; i < HF_COUNT_OF(what); i++) {
        char name[NAME_BYTES];
        (void)snprintf(name, sizeof name, "can.%u.%s", (unsigned)rate, what[i]);
        load_report(name, units[i], values[i]);
    }
}

int load_run_stepped(unsigned seconds)
{
    static const uint32_t rates[] = {0, 1000, RATE_LIMIT, RATE_LIMIT * OVERLOAD};
    static stepped_t stepped;
    uint32_t *digests = malloc(seconds * TICKS_PER_S * sizeof *digests);
    int status = digests == NULL ? 1 : 0;
    for (unsigned i = 0; status == 0 && i < HF_COUNT_OF(rates); i++) {
        status = run(&stepped, rates[i], seconds, digests);
        if (status == 0 && rates[i] != 0) {
            report(&stepped, rates[i]);
        }
    }
    free(digests);
    return status;
}
