// SPDX-License-Identifier: MIT
// One charge point's control and one simulated outlet in stepped time. Owns the seams between them, records what went
// over the bus in the last tick, and collects events. world_tick() checks the invariants that must hold in every tick
// of every test: nothing energizing leaves without every permission, and OFF leaves in the tick of the cause.
#ifndef CONTROL_WORLD_H
#define CONTROL_WORLD_H

#include "evse/evse_control.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "sim/sim.h"
#include "support/module_profile.h"

#define WORLD_START_US   5000000000ULL // a monotonic clock does not start at 0
#define WORLD_EVENTS_MAX 256u
#define ID_CONTROL       0x068181FEu

typedef struct world {
    evse_mailbox_t mailbox;
    evse_control_t control;
    evse_orders_t orders;
    sim_outlet_t outlet;
    uint64_t now_us;
    evse_can_frame_t sent[64]; // in the last tick
    unsigned sent_count;
    bool keeps_orders;  // renews them every tick
    bool is_tx_full;    // the driver refuses every frame
    unsigned tx_room;   // frames it takes in one tick; 0: all
    bool is_comms_away; // nobody takes events
    evse_event_t events[WORLD_EVENTS_MAX];
    unsigned event_count;
    bool is_polled;
    bool is_off_before_poll;
    unsigned starts; // ON frames seen in all
} world_t;

static int world_send(void *ctx, const evse_can_frame_t *frame)
{
    world_t *world = ctx;
    if ((world->outlet.faults & SIM_FAULT_BUS_OFF) != 0) {
        return HF_E_STATE;
    }
    if (world->is_tx_full || (world->tx_room != 0 && world->sent_count >= world->tx_room)) {
        return HF_E_AGAIN;
    }
    if (world->sent_count < HF_COUNT_OF(world->sent)) {
        world->sent[world->sent_count++] = *frame;
    }
    sim_outlet_receive(&world->outlet, frame);
    return 0;
}

static int world_receive(void *ctx, evse_can_frame_t *frame)
{
    world_t *world = ctx;
    return sim_outlet_transmit(&world->outlet, frame) ? 1 : 0;
}

static evse_can_state_t world_poll(void *ctx, uint64_t now_us)
{
    world_t *world = ctx;
    (void)now_us;
    if (!world->is_polled) {
        world->is_polled = true;
        world->is_off_before_poll = world->sent_count > 0 && world->sent[0].data[1] == 0x32 &&
                                    world->sent[0].data[3] == 0x01;
    }
    return (world->outlet.faults & SIM_FAULT_BUS_OFF) != 0 ? EVSE_CAN_BUS_OFF : EVSE_CAN_ACTIVE;
}

static int world_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    const world_t *world = ctx;
    bool level[EVSE_INPUT_COUNT];
    (void)connector;
    if (!sim_outlet_inputs(&world->outlet, level)) {
        return HF_E_AGAIN;
    }
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        inputs->level[i] = level[i];
        inputs->stamp_us[i] = now_us;
    }
    return 0;
}

static int world_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    world_t *world = ctx;
    (void)connector;
    sim_outlet_drive(&world->outlet, drive);
    return 0;
}

static const evse_can_ops_t world_can_ops = {
    .send = world_send, .receive = world_receive, .poll = world_poll};
static const evse_io_ops_t world_io_ops = {world_sample, world_drive};

/// With latches of an earlier life (NULL: none) and the limits of a vehicle; where its sensor is, the outlet's is.
static inline void world_init_limits(world_t *world, const evse_control_config_t *latches,
                                     const evse_limits_t *limits)
{
    const sim_config_t sim = {.profile = &test_profile,
                              .sensor_behind_contactor =
                                  limits->sensor == EVSE_SENSOR_BEHIND_CONTACTOR};
    evse_control_config_t config = {
        .connectors = 1,
        .io = {&world_io_ops, world},
        .mailbox = &world->mailbox,
        .estop_latched = latches != NULL && latches->estop_latched,
        .weld_latched = latches != NULL ? latches->weld_latched : 0,
    };
    memset(world, 0, sizeof *world);
    config.channel[0] = (evse_channel_config_t){
        .can = {&world_can_ops, world},
        .profile = &test_profile,
        .limits = limits,
        .register_mJ = 1000000,
    };
    sim_outlet_init(&world->outlet, &sim);
    world->now_us = WORLD_START_US;
    world->keeps_orders = true;
    sim_outlet_step(&world->outlet, world->now_us);
    CHECK_EQ(evse_mailbox_init(&world->mailbox, CONFIG_EVSE_CONNECTORS_MAX), 0);
    CHECK_EQ(evse_control_init(&world->control, &config), 0);
}

static inline void world_init_with(world_t *world, const evse_control_config_t *latches)
{
    world_init_limits(world, latches, evse_limits_find("nx100"));
}

static inline void world_init(world_t *world)
{
    world_init_with(world, NULL);
}

static inline evse_channel_t *world_channel(world_t *world)
{
    return &world->control.channel[0];
}

static inline bool world_is_switch(const evse_can_frame_t *frame, bool on)
{
    return frame->id == ID_CONTROL && frame->data[1] == 0x32 && frame->data[3] == (on ? 0 : 1);
}

static inline unsigned world_sent_switch(const world_t *world, bool on)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world->sent_count; i++) {
        count += world_is_switch(&world->sent[i], on) ? 1u : 0u;
    }
    return count;
}

static inline void world_check_invariants(world_t *world, bool was_on)
{
    const evse_channel_t *channel = world_channel(world);
    bool permitted =
        channel->verdict.reasons == 0 && atomic_load(&world->control.estop_latched) == 0;
    unsigned on = world_sent_switch(world, true), off = world_sent_switch(world, false);
    world->starts += on;
    if (on != 0 && (!permitted || channel->order.session != EVSE_ORDER_RUN || !channel->plugged)) {
        HF_TEST_FAIL("ON without every permission, reasons %x", (unsigned)channel->verdict.reasons);
    }
    bool bus = !world->is_tx_full && channel->bus == EVSE_CAN_ACTIVE;
    if (was_on && !permitted && off == 0 && bus) {
        HF_TEST_FAIL("no OFF in the tick of the cause, reasons %x",
                     (unsigned)channel->verdict.reasons);
    }
    if (channel->drive.level[EVSE_OUT_CONTACTOR] && !permitted &&
        channel->phase != EVSE_POWER_STOPPING) {
        HF_TEST_FAIL("contactor held without permission");
    }
    if (channel->verdict.immediate && channel->drive.level[EVSE_OUT_CONTACTOR]) {
        HF_TEST_FAIL("contactor held although the verdict is immediate");
    }
    if (channel->setpoint_mA > 33600 || channel->setpoint_mV > 84500) {
        HF_TEST_FAIL("setpoint %d mV %d mA above the limits", (int)channel->setpoint_mV,
                     (int)channel->setpoint_mA);
    }
}

/// What the supervisor learns only when control counts an alarm. A trip is reported by the next tick at the latest.
static inline uint32_t world_alarm_state(const world_t *world)
{
    const evse_channel_t *channel = &world->control.channel[0];
    return (uint32_t)channel->fault << 8 | (uint32_t)channel->bus << 4 |
           (uint32_t)channel->module_bus.ring_high << 2 |
           (uint32_t)channel->bms_bus.ring_high << 1 | (uint32_t)world->control.estop_reported;
}

static inline void world_take_events(world_t *world)
{
    evse_event_t event;
    while (!world->is_comms_away && hf_queue_get(&world->mailbox.events, &event) == 0) {
        if (world->event_count < WORLD_EVENTS_MAX) {
            world->events[world->event_count++] = event;
        }
    }
}

static inline void world_tick_after(world_t *world, uint64_t passed_us)
{
    world->now_us += passed_us;
    sim_outlet_step(&world->outlet, world->now_us);
    if (world->keeps_orders) {
        world->orders.connector[0].valid_until_us = world->now_us + 3 * HF_US_PER_S;
        hf_snapshot_write(&world->mailbox.orders, &world->orders);
    }
    bool was_on = world_channel(world)->sent_on;
    world->sent_count = 0;
    const uint32_t alarms = world->control.alarms, state = world_alarm_state(world);
    evse_control_tick(&world->control, world->now_us);
    world_check_invariants(world, was_on);
    if (state != world_alarm_state(world) && alarms == world->control.alarms) {
        HF_TEST_FAIL("an alarm that is not counted: %x", (unsigned)world_alarm_state(world));
    }
    world_take_events(world);
}

static inline void world_tick(world_t *world)
{
    world_tick_after(world, EVSE_TICK_US);
}

static inline void world_run_ms(world_t *world, uint64_t ms)
{
    for (uint64_t until_us = world->now_us + ms * HF_US_PER_MS; world->now_us < until_us;) {
        world_tick(world);
    }
}

static inline bool world_reach_phase(world_t *world, evse_power_phase_t phase, uint64_t ms)
{
    for (uint64_t i = 0; i < ms / 10u && world_channel(world)->phase != phase; i++) {
        world_tick(world);
    }
    return world_channel(world)->phase == phase;
}

static inline void world_order(world_t *world, evse_session_order_t session, uint32_t id)
{
    world->orders.connector[0].session = session;
    world->orders.connector[0].session_id = id;
    world->orders.connector[0].limit_mA = INT32_MAX;
}

static inline unsigned world_count_events(const world_t *world, evse_event_kind_t kind)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world->event_count; i++) {
        count += world->events[i].kind == kind ? 1u : 0u;
    }
    return count;
}

/// The last event of a kind; NULL none.
static inline const evse_event_t *world_event(const world_t *world, evse_event_kind_t kind)
{
    const evse_event_t *found = NULL;
    for (unsigned i = 0; i < world->event_count; i++) {
        found = world->events[i].kind == kind ? &world->events[i] : found;
    }
    return found;
}

/// Boots, plugs, and lets everybody speak; no order yet.
static inline void world_plug(world_t *world)
{
    world_run_ms(world, 500);
    sim_outlet_plug(&world->outlet, true);
    world_run_ms(world, 2500);
}

/// A session that delivers full current.
static inline void world_charge(world_t *world, uint32_t id)
{
    world_order(world, EVSE_ORDER_RUN, id);
    CHECK(world_reach_phase(world, EVSE_POWER_ON, 8000));
    world_run_ms(world, 6000);
}

#endif
