// SPDX-License-Identifier: MIT
// Any bytes as what may happen to a charge point: ticks early and late, frames of any content on any bus, inputs, orders,
// faults of the simulated outlet and of every seam, one upon the other, kills. Invariants: those of the single-fault
// judge that hold whatever is broken at once: no energizing frame and no contactor without every permission, OFF and
// contactor in time, setpoints, latches, sessions told over once.
//
// Bytes: world (1), scene to begin with (1), then operations: code (1) and its arguments.
#include "fault/single_fault/scenes.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICKS_MAX 1500u

typedef struct input {
    const uint8_t *data;
    size_t left;
} input_t;

static trial_t trial;

static uint32_t take(input_t *input, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value = value << 8;
        if (input->left > 0) {
            value |= *input->data++;
            input->left--;
        }
    }
    return value;
}

static void tick(uint64_t passed_us)
{
    if (!trial.judge.is_broken && trial.ticks < TICKS_MAX) {
        trial_tick_after(&trial, passed_us);
    }
}

// An id somebody listens to, or any.
static uint32_t id_of(input_t *input)
{
    static const uint32_t known[] = {0x00433F01u, 0x00473F01u, 0x18FF50E5u, 0x0681817Eu,
                                     0x0681827Eu, 0x0682817Eu, 0x0682827Eu, 0x1806E5F4u,
                                     0x160B8001u, 0x160D8001u};
    uint32_t which = take(input, 1);
    return which < sizeof known / sizeof known[0] ? known[which] : take(input, 4);
}

static void send_frame(input_t *input)
{
    evse_can_frame_t frame = {.id = id_of(input)};
    uint32_t form = take(input, 1);
    sim_bus_t bus = (form & 1u) != 0 ? SIM_BUS_BMS : SIM_BUS_MODULE;
    frame.extended = (form & 2u) == 0;
    frame.length = (form & 4u) == 0 ? 8 : (uint8_t)(form >> 4 & 7u);
    for (unsigned i = 0; i < 8; i++) {
        frame.data[i] = (uint8_t)take(input, 1);
    }
    trial_inject(&trial, bus, &frame);
}

static void begin_harm(input_t *input)
{
    harm_t harm;
    uint32_t index = take(input, 1);
    uint32_t amount = take(input, 2), moment = take(input, 1);
    if (harm_at(index, &harm)) {
        harm.amount = amount;
        trial_harm(&trial, &harm, (int)(moment % 32u));
    }
}

static void change_order(input_t *input)
{
    uint32_t which = take(input, 1);
    evse_connector_order_t *order = &trial.orders.connector[0];
    switch (which % 6u) {
    case 0:
        trial_new_session(&trial);
        break;
    case 1:
        order->session = take(input, 1);
        break;
    case 2:
        order->limit_mA = (int32_t)take(input, 4);
        order->limit_W = (which & 64u) != 0 ? take(input, 2) : 0;
        break;
    case 3:
        order->session_id = take(input, 1);
        break;
    case 4:
        order->unlock_count += take(input, 1);
        break;
    default:
        order->inoperative = which >> 4 & 1u;
        order->journal_failed = which >> 5 & 1u;
        break;
    }
}

static void step(input_t *input)
{
    uint32_t code = take(input, 1);
    uint32_t more = code >> 4;
    switch (code & 15u) {
    case 0:
    case 1:
        for (uint32_t i = 0; i <= more * 4u; i++) {
            tick(EVSE_TICK_US);
        }
        break;
    case 2:
        tick(1u + take(input, 2) * (more + 1u));
        break;
    case 3:
    case 4:
        begin_harm(input);
        break;
    case 5:
        trial_heal(&trial);
        break;
    case 6:
        change_order(input);
        break;
    case 7:
    case 8:
        send_frame(input);
        break;
    case 9:
        sim_outlet_plug(&trial.outlet, (more & 1u) != 0);
        break;
    case 10:
        sim_outlet_set_fault(&trial.outlet, SIM_FAULT_ESTOP, (more & 1u) != 0);
        break;
    case 11:
        sim_outlet_hold_reset(&trial.outlet, (more & 1u) != 0);
        break;
    case 12:
        sim_outlet_hold_buttons(&trial.outlet, (more & 1u) != 0, (more & 2u) != 0);
        break;
    case 13:
        sim_outlet_set_fault(&trial.outlet, 1ull << take(input, 1) % 64u, (more & 1u) != 0);
        break;
    case 14:
        evse_control_trip(&trial.control);
        judge_trip(&trial.judge);
        break;
    default:
        for (uint32_t i = 0;
             i < 100u * (more + 1u) && trial.snapshot.connector[0].phase != EVSE_POWER_ON; i++) {
            tick(EVSE_TICK_US);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    unsigned option = take(&input, 1) % TRIAL_OPTION_COUNT;
    scene_t scene = (scene_t)(take(&input, 1) % SCENE_COUNT);
    if (!scene_take(&trial, option, scene)) {
        (void)scene_take(&trial, option, SCENE_BOOT);
    }
    trial.ticks = 0;
    trial.judge.is_crowded = true;
    while (input.left > 0 && !trial.judge.is_broken && trial.ticks < TICKS_MAX) {
        step(&input);
    }
    trial_heal(&trial);
    trial.orders.connector[0].session = EVSE_ORDER_NONE;
    trial_run_ms(&trial, EVSE_STOP_BOUND_MS + 600u);
    if (!trial.judge.is_broken) {
        judge_finish(&trial.judge);
    }
    if (trial.judge.is_broken) {
        (void)fprintf(stderr, "broken: %s\n", trial.judge.text);
        abort();
    }
    return 0;
}
