// SPDX-License-Identifier: MIT
// Instructions of the Cortex-M4 from evse_control_trip() to the OFF frame handed to the CAN driver, and to the contactor's
// command handed to the outputs: the tick that follows the trip is part of it, whatever that tick has to do before.
// The real control code charges a simulated vehicle; from there each trial trips at another tick of the module's
// periods, with what is waiting on the bus then, and again with an inbox that is full. Prints NAME MEDIAN WORST.
#include "evse/evse_control.h"
#include "holdfast/hf_clock.h"
#include "qemu_image.h"
#include "sim/sim.h"

#include <stdio.h>

#define START_US   5000000000ull
#define TRIALS     64u // more than two periods of the control group
#define FLOOD      CONFIG_EVSE_CAN_RING_FRAMES
#define FULL_POWER 2000000 // mW

typedef struct bench {
    evse_control_t control;
    evse_mailbox_t mailbox;
    evse_orders_t orders;
    sim_outlet_t outlet;
    uint64_t now_us;
} bench_t;

static bench_t bench, charging;
static unsigned flood_left;
static bool is_counting;
static uint32_t started, until_off, until_open;

static void note(uint32_t *figure)
{
    if (is_counting && *figure == 0) {
        *figure = qemu_instructions() - started;
    }
}

static int bench_send(void *ctx, const evse_can_frame_t *frame)
{
    bench_t *at = ctx;
    if (frame->id == 0x068181FEu && frame->data[1] == 0x32 && frame->data[3] == 1) {
        note(&until_off);
    }
    sim_outlet_receive(&at->outlet, frame);
    return HF_OK;
}

static int bench_receive(void *ctx, evse_can_frame_t *frame)
{
    bench_t *at = ctx;
    if (flood_left > 0) { // terminal power: two floating-point numbers, the dearest frame to decode
        flood_left--;
        *frame = (evse_can_frame_t){.id = 0x00433F01u,
                                    .extended = true,
                                    .length = 8,
                                    .data = {0x42, 0x9A, 0x80, 0x00, 0x41, 0xF0, 0x00, 0x00}};
        return 1;
    }
    return sim_outlet_transmit(&at->outlet, frame) ? 1 : 0;
}

static evse_can_state_t bench_poll(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    return EVSE_CAN_ACTIVE;
}

static int bench_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    const bench_t *at = ctx;
    (void)connector;
    bool known = sim_outlet_inputs(&at->outlet, inputs->level);
    for (unsigned i = 0; known && i < EVSE_INPUT_COUNT; i++) {
        inputs->stamp_us[i] = now_us;
    }
    return known ? HF_OK : HF_E_AGAIN;
}

static int bench_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    bench_t *at = ctx;
    (void)connector;
    if (!drive->level[EVSE_OUT_CONTACTOR]) {
        note(&until_open);
    }
    sim_outlet_drive(&at->outlet, drive);
    return HF_OK;
}

static const evse_can_ops_t can_ops = {
    .send = bench_send, .receive = bench_receive, .poll = bench_poll};
static const evse_io_ops_t io_ops = {.sample = bench_sample, .drive = bench_drive};

static int open_bench(bench_t *at)
{
    const evse_module_profile_t *profile = evse_module_profile_find("m33-1024");
    const sim_config_t sim = {.profile = profile, .ramp_mA_per_s = 1000000};
    const evse_control_config_t config = {
        .channel = {{.can = {&can_ops, at},
                     .profile = profile,
                     .limits = evse_limits_find("nx100")}},
        .connectors = 1,
        .io = {&io_ops, at},
        .mailbox = &at->mailbox,
    };
    at->now_us = START_US;
    sim_outlet_init(&at->outlet, &sim);
    int status = evse_mailbox_init(&at->mailbox, 1);
    return status == HF_OK ? evse_control_init(&at->control, &config) : status;
}

/// Up to just before the next tick.
static void step(bench_t *at)
{
    evse_event_t event;
    at->now_us += EVSE_TICK_US;
    sim_outlet_step(&at->outlet, at->now_us);
    at->orders.connector[0].valid_until_us = at->now_us + 3u * HF_US_PER_S;
    hf_snapshot_write(&at->mailbox.orders, &at->orders);
    while (hf_queue_get(&at->mailbox.events, &event) == HF_OK) {
    }
}

static void run_until(bench_t *at, int64_t power_mW, unsigned ticks)
{
    for (unsigned i = 0; i < ticks && (power_mW == 0 || at->outlet.power_mW < power_mW); i++) {
        step(at);
        evse_control_tick(&at->control, at->now_us);
    }
}

static bool charge(bench_t *at)
{
    run_until(at, 0, 50);
    sim_outlet_plug(&at->outlet, true);
    run_until(at, 0, 250);
    at->orders.connector[0].session = EVSE_ORDER_RUN;
    at->orders.connector[0].session_id = 1;
    at->orders.connector[0].limit_mA = INT32_MAX;
    run_until(at, FULL_POWER, 1500);
    return at->outlet.power_mW >= FULL_POWER;
}

static void trip(bench_t *at, unsigned frames)
{
    until_off = until_open = 0;
    step(at);
    flood_left = frames;
    is_counting = true;
    started = qemu_instructions();
    evse_control_trip(&at->control);
    evse_control_tick(&at->control, at->now_us);
    is_counting = false;
    flood_left = 0;
}

static uint32_t overhead(void)
{
    uint32_t one = qemu_instructions();
    return qemu_instructions() - one;
}

static void sort(uint32_t *figures, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        uint32_t value = figures[i];
        unsigned at = i;
        for (; at > 0 && figures[at - 1] > value; at--) {
            figures[at] = figures[at - 1];
        }
        figures[at] = value;
    }
}

/// False when a trial did not bring both.
static bool count(const char *name, unsigned frames)
{
    static uint32_t off[TRIALS], open[TRIALS];
    uint32_t reading = overhead();
    bench = charging;
    for (unsigned i = 0; i < TRIALS; i++) {
        static bench_t kept;
        kept = bench;
        trip(&bench, frames);
        if (until_off == 0 || until_open == 0) {
            printf("trial %u: OFF or the contactor's command did not leave\n", i);
            return false;
        }
        off[i] = until_off - reading;
        open[i] = until_open - reading;
        bench = kept;
        run_until(&bench, 0, 1);
    }
    sort(off, TRIALS);
    sort(open, TRIALS);
    printf("m4.estop.%s.off %u %u\n", name, (unsigned)off[TRIALS / 2u], (unsigned)off[TRIALS - 1u]);
    printf("m4.estop.%s.contactor %u %u\n", name, (unsigned)open[TRIALS / 2u],
           (unsigned)open[TRIALS - 1u]);
    return true;
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (open_bench(&bench) != HF_OK || !charge(&bench)) {
        printf("the simulated vehicle does not charge: phase %d, reasons %x\n",
               (int)bench.control.channel[0].phase,
               (unsigned)bench.control.channel[0].verdict.reasons);
        return 1;
    }
    charging = bench;
    return count("usual", 0) && count("full", FLOOD) ? 0 : 1;
}
