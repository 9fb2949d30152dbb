// SPDX-License-Identifier: MIT
// The seams of a trial and the harms in them. A harm acts where its cause would: the outlet's own faults in the outlet,
// drivers refuse in the drivers, frames change between outlet and driver, orders before they are published.
#include "trial.h"

#include "holdfast/hf_clock.h"
#include "support/module_profile.h"

#include <stdio.h>
#include <string.h>

#define START_US 5000000000ull // a monotonic clock does not start at 0
#define MS       1000ull

static const struct trial_option {
    const char *text;
    bool two_buses, stamped;
    uint32_t units;
    int32_t request_mA, precharge_mV;
    evse_sensor_t sensor;
    bool is_physical;
} options[TRIAL_OPTION_COUNT] = {
    [TRIAL_PLAIN] = {"plain", false, true, 1, 30000, 0, EVSE_SENSOR_BEFORE_CONTACTOR, false},
    [TRIAL_TWO_BUSES] = {"two buses", true, true, 1, 30000, 0, EVSE_SENSOR_BEHIND_CONTACTOR, false},
    [TRIAL_TWO_UNITS] = {"two units", false, false, 2, 60000, 0, EVSE_SENSOR_UNSTATED, false},
    [TRIAL_FOUR_UNITS_TWO_BUSES] = {"four units, two buses", true, true, 4, 90000, 0,
                                    EVSE_SENSOR_BEFORE_CONTACTOR, false},
    [TRIAL_PRECHARGE] = {"pre-charge", false, true, 1, 30000, 2000, EVSE_SENSOR_BEHIND_CONTACTOR,
                         false},
    [TRIAL_COMMISSIONING] = {"commissioning", false, true, 2, 40000, 0,
                             EVSE_SENSOR_BEHIND_CONTACTOR, true},
};

const char *trial_option_text(unsigned option)
{
    return option < TRIAL_OPTION_COUNT ? options[option].text : "?";
}

uint32_t trial_random(trial_t *trial, uint32_t below)
{
    uint64_t z = trial->random += 0x9E3779B97F4A7C15ull; // splitmix64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

// ---- harms in place ------------------------------------------------------------------------------------------------

static bool has(const trial_t *trial, harm_kind_t kind)
{
    return trial->is_harmed && trial->harm.kind == kind;
}

static bool has_on(const trial_t *trial, harm_kind_t kind, sim_bus_t bus)
{
    return has(trial, kind) &&
           (!options[trial->option].two_buses || trial->harm.which == (uint32_t)bus);
}

static void fill_events(trial_t *trial)
{
    const evse_event_t junk = {.kind = EVSE_EVENT_KINDS};
    while (hf_queue_free(&trial->mailbox.events) > trial->harm.amount % 4u) {
        if (hf_queue_put(&trial->mailbox.events, &junk) != 0) {
            return;
        }
    }
}

// What begins at one moment; what lasts is looked up by has() where it acts.
static void begin_harm(trial_t *trial)
{
    trial->is_harmed = true;
    trial->begun_us = trial->now_us;
    trial->was_charging = trial->outlet.power_mW > 0;
    switch (trial->harm.kind) {
    case HARM_SIM:
        sim_outlet_set_fault(&trial->outlet, 1ull << trial->harm.which, true);
        break;
    case HARM_TRIP:
        evse_control_trip(&trial->control);
        judge_trip(&trial->judge);
        break;
    case HARM_UNPLUG:
        sim_outlet_plug(&trial->outlet, false);
        break;
    case HARM_STOP_BUTTON:
        sim_outlet_hold_buttons(&trial->outlet, false, true);
        break;
    case HARM_RESET_HELD:
        sim_outlet_hold_reset(&trial->outlet, true);
        break;
    case HARM_EVENTS_FULL:
        fill_events(trial);
        break;
    case HARM_DRIVER_OFF:
        trial->is_driver_off = true;
        break;
    case HARM_LEAP: // the clock alone; some leaps are as long as a frame's time stamp
        trial->leap_us += trial->harm.amount % 3u == 0
                              ? (1ull << 32) - 500000u + trial->harm.amount % 1000000u
                              : trial->harm.amount % 60000000u;
        break;
    case HARM_ORDER_OTHER:
        trial_new_session(trial);
        break;
    default:
        break;
    }
}

static void at_seam(trial_t *trial, seam_t seam)
{
    if (trial->moment > 0 && --trial->moment == 0) {
        trial->begun = seam;
        begin_harm(trial);
    }
}

void trial_harm(trial_t *trial, const harm_t *harm, int moment)
{
    trial->harm = *harm;
    trial->begun_us = 0;
    trial->moment = moment;
    bool is_between =
        harm->kind == HARM_KILL || harm->kind == HARM_STALL || harm->kind == HARM_LEAP;
    if (moment == 0 || is_between) {
        trial->moment = 0;
        trial->begun = SEAM_BETWEEN;
        begin_harm(trial);
    }
    trial->judge.is_precharge_harmed = // a leap of the output while the contactor moves
        harm->kind == HARM_SIM &&
        ((1ull << harm->which) & (SIM_FAULT_OVERVOLTAGE | SIM_FAULT_UNDERVOLTAGE)) != 0;
    trial->judge.is_contactor_harmed =
        harm->kind == HARM_DRIVE_REFUSED || harm->kind == HARM_STALL || harm->kind == HARM_KILL ||
        (harm->kind == HARM_SIM && ((1ull << harm->which) & SIM_FAULT_CONTACTOR_WELDED) != 0);
}

void trial_heal(trial_t *trial)
{
    trial->is_harmed = false;
    trial->moment = 0;
    sim_outlet_set_fault(&trial->outlet, ~0ull, false);
    sim_outlet_hold_buttons(&trial->outlet, false, false);
    sim_outlet_hold_reset(&trial->outlet, false);
    trial->judge.is_contactor_harmed = false;
}

// ---- buses ---------------------------------------------------------------------------------------------------------

static void mix(trial_t *trial, const void *data, size_t bytes)
{
    const uint8_t *byte = data;
    for (size_t i = 0; i < bytes; i++) { // FNV-1a
        trial->hash = (trial->hash ^ byte[i]) * 0x100000001B3ull;
    }
}

static int send_on(trial_t *trial, sim_bus_t bus, const evse_can_frame_t *frame)
{
    if (trial->is_driver_off || sim_outlet_bus_state(&trial->outlet, bus) == EVSE_CAN_BUS_OFF ||
        has_on(trial, HARM_SEND_OFF, bus)) {
        return HF_E_STATE;
    }
    if (has_on(trial, HARM_SEND_REFUSED, bus) ||
        (has_on(trial, HARM_SEND_FLAKY, bus) && trial_random(trial, 3) == 0)) {
        return HF_E_AGAIN;
    }
    sim_outlet_receive_on(&trial->outlet, bus, frame);
    return 0;
}

static int bus_send(trial_t *trial, sim_bus_t bus, const evse_can_frame_t *frame)
{
    bool is_bms_bus = bus == SIM_BUS_BMS;
    judge_send(&trial->judge, is_bms_bus, frame);
    at_seam(trial, SEAM_SEND);
    int status = send_on(trial, bus, frame);
    if (!is_bms_bus) {
        judge_sent(&trial->judge, frame, status);
    }
    mix(trial, &frame->id, sizeof frame->id);
    mix(trial, frame->data, sizeof frame->data);
    mix(trial, &status, sizeof status);
    if (trial->is_traced && !is_bms_bus && frame->data[1] == 0x32 &&
        (frame->id & 0xFFFFu) == 0x81FEu) {
        printf("%10.3f   %s%s\n", (double)(trial->now_us - START_US) / 1e6,
               frame->data[3] == 0 ? "ON" : "OFF", status == 0 ? "" : " refused");
    }
    return status;
}

static int bus_receive(trial_t *trial, sim_bus_t bus, evse_can_frame_t *frame)
{
    at_seam(trial, SEAM_RECEIVE);
    if (has_on(trial, HARM_RECEIVE_FAILS, bus) || trial->is_driver_off) {
        return HF_E_STATE;
    }
    int status = evse_can_inbox_get(&trial->inbox[bus], frame);
    if (status > 0 && !options[trial->option].stamped) {
        frame->stamped = false;
        frame->stamp_us = 0;
    }
    if (status > 0) {
        judge_frame(&trial->judge, bus == SIM_BUS_BMS, frame);
        mix(trial, frame->data, sizeof frame->data);
    }
    return status;
}

static evse_can_state_t bus_poll(trial_t *trial, sim_bus_t bus)
{
    at_seam(trial, SEAM_POLL);
    evse_can_state_t state = sim_outlet_bus_state(&trial->outlet, bus);
    if (trial->is_driver_off &&
        (!options[trial->option].two_buses || trial->harm.which == (uint32_t)bus)) {
        state = EVSE_CAN_BUS_OFF;
    }
    judge_poll(&trial->judge, state);
    return state;
}

static int bus_recover(trial_t *trial)
{
    judge_recover(&trial->judge);
    at_seam(trial, SEAM_RECOVER);
    trial->recoveries++;
    trial->is_driver_off = trial->is_driver_off && has(trial, HARM_DRIVER_OFF);
    return 0;
}

static int module_send(void *ctx, const evse_can_frame_t *frame)
{
    return bus_send(ctx, SIM_BUS_MODULE, frame);
}

static int bms_send(void *ctx, const evse_can_frame_t *frame)
{
    return bus_send(ctx, SIM_BUS_BMS, frame);
}

static int module_receive(void *ctx, evse_can_frame_t *frame)
{
    return bus_receive(ctx, SIM_BUS_MODULE, frame);
}

static int bms_receive(void *ctx, evse_can_frame_t *frame)
{
    return bus_receive(ctx, SIM_BUS_BMS, frame);
}

static evse_can_state_t module_poll(void *ctx, uint64_t now_us)
{
    (void)now_us;
    return bus_poll(ctx, SIM_BUS_MODULE);
}

static evse_can_state_t bms_poll(void *ctx, uint64_t now_us)
{
    (void)now_us;
    return bus_poll(ctx, SIM_BUS_BMS);
}

static int any_recover(void *ctx, uint64_t now_us)
{
    (void)now_us;
    return bus_recover(ctx);
}

static const struct evse_can_inbox *module_inbox(void *ctx)
{
    return &((trial_t *)ctx)->inbox[SIM_BUS_MODULE];
}

static const struct evse_can_inbox *bms_inbox(void *ctx)
{
    return &((trial_t *)ctx)->inbox[SIM_BUS_BMS];
}

static const evse_can_ops_t module_ops = {module_send, module_receive, module_poll, any_recover,
                                          module_inbox};
static const evse_can_ops_t bms_ops = {bms_send, bms_receive, bms_poll, any_recover, bms_inbox};

// ---- frames on their way -------------------------------------------------------------------------------------------

static void enqueue(trial_t *trial, sim_bus_t bus, const evse_can_frame_t *frame, uint64_t due_us)
{
    if (trial->queued < TRIAL_QUEUE) {
        trial->queue[trial->queued++] =
            (struct trial_frame){.frame = *frame, .bus = bus, .due_us = due_us};
    }
}

// A frame after what happens to it between the outlet and the driver.
static void deliver(trial_t *trial, sim_bus_t bus, evse_can_frame_t frame)
{
    uint64_t due_us = trial->now_us;
    bool is_request = frame.id == 0x1806E5F4u;
    if (has_on(trial, HARM_DROP, bus) && trial_random(trial, 100) < 20 + trial->harm.amount % 80u) {
        return;
    }
    if (has(trial, HARM_MUMBLE) && is_request) {
        return;
    }
    if (has(trial, HARM_CROSSED) && is_request && bus == SIM_BUS_BMS) {
        bus = SIM_BUS_MODULE;
    }
    if (has_on(trial, HARM_CORRUPT, bus) && trial_random(trial, 3) == 0) {
        frame.data[trial_random(trial, 8)] ^= (uint8_t)(1u << trial_random(trial, 8));
    }
    if (has_on(trial, HARM_SHORT, bus)) {
        frame.length = (uint8_t)trial_random(trial, 8);
    }
    if (has_on(trial, HARM_STANDARD, bus)) {
        frame.extended = false;
    }
    if (has_on(trial, HARM_DELAY, bus)) {
        due_us += trial->harm.amount % 2000u * MS;
    }
    if (has_on(trial, HARM_REORDER, bus)) {
        due_us += trial_random(trial, 30) * 10 * MS;
    }
    enqueue(trial, bus, &frame, due_us);
    if (has_on(trial, HARM_DUPLICATE, bus)) {
        enqueue(trial, bus, &frame, due_us + trial_random(trial, 3) * 100 * MS);
    }
}

void trial_inject(trial_t *trial, sim_bus_t bus, const evse_can_frame_t *frame)
{
    enqueue(trial, options[trial->option].two_buses ? bus : SIM_BUS_MODULE, frame, trial->now_us);
}

static void pump(trial_t *trial)
{
    evse_can_frame_t frame;
    for (int bus = 0; bus < (options[trial->option].two_buses ? SIM_BUS_COUNT : 1); bus++) {
        while (sim_outlet_transmit_on(&trial->outlet, (sim_bus_t)bus, &frame)) {
            deliver(trial, (sim_bus_t)bus, frame);
        }
    }
    unsigned left = 0;
    for (unsigned i = 0; i < trial->queued; i++) {
        struct trial_frame *waiting = &trial->queue[i];
        if (waiting->due_us <= trial->now_us) {
            waiting->frame.stamped = false;
            evse_can_inbox_put(&trial->inbox[waiting->bus], &waiting->frame,
                               trial->now_us + trial->leap_us);
        } else {
            trial->queue[left++] = *waiting;
        }
    }
    trial->queued = left;
}

// ---- inputs and outputs --------------------------------------------------------------------------------------------

static int io_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    trial_t *trial = ctx;
    bool level[EVSE_INPUT_COUNT] = {false};
    (void)connector;
    at_seam(trial, SEAM_SAMPLE);
    bool is_known = sim_outlet_inputs(&trial->outlet, level) && !has(trial, HARM_SAMPLE_REFUSED);
    for (unsigned i = 0; is_known && i < EVSE_INPUT_COUNT; i++) {
        bool is_mine = trial->harm.which == i;
        if (is_mine && has(trial, HARM_INPUT_STALE)) {
            continue;
        }
        inputs->level[i] = (level[i] || (is_mine && has(trial, HARM_INPUT_HIGH))) &&
                           !(is_mine && has(trial, HARM_INPUT_LOW));
        inputs->stamp_us[i] = now_us;
    }
    judge_sample(&trial->judge, inputs);
    return is_known ? 0 : HF_E_AGAIN;
}

static int io_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    trial_t *trial = ctx;
    (void)connector;
    judge_drive(&trial->judge, drive);
    at_seam(trial, SEAM_DRIVE);
    mix(trial, drive->level, sizeof drive->level);
    if (has(trial, HARM_DRIVE_REFUSED)) {
        return HF_E_AGAIN;
    }
    sim_outlet_drive(&trial->outlet, drive);
    return 0;
}

static const evse_io_ops_t io_ops = {io_sample, io_drive};

// ---- orders and events ---------------------------------------------------------------------------------------------

void trial_order(trial_t *trial, evse_session_order_t session, uint32_t id)
{
    trial->orders.connector[0].session = session;
    trial->orders.connector[0].session_id = id;
    trial->orders.connector[0].limit_mA = INT32_MAX;
}

void trial_new_session(trial_t *trial)
{
    trial->old_session = trial->orders.connector[0].session_id;
    trial_order(trial, EVSE_ORDER_RUN, trial->next_session++);
}

static evse_connector_order_t harmed_order(const trial_t *trial)
{
    static const int32_t limits[] = {0, -1, INT32_MIN, 1, 999, 5000, 12345, INT32_MAX, INT32_MAX};
    static const uint32_t powers[HF_COUNT_OF(limits)] = {[7] = 1, [8] = 600};
    static const uint32_t garbage[] = {4, 77, UINT32_MAX};
    evse_connector_order_t order = trial->orders.connector[0];
    uint32_t amount = trial->harm.amount;
    switch (trial->is_harmed ? trial->harm.kind : HARM_NONE) {
    case HARM_ORDER_EXPIRED:
        order.valid_until_us = amount % 2u != 0 ? 0 : order.valid_until_us - 3001000u;
        break;
    case HARM_ORDER_LIMIT:
        order.limit_mA = limits[amount % HF_COUNT_OF(limits)];
        order.limit_W = powers[amount % HF_COUNT_OF(limits)];
        break;
    case HARM_ORDER_GARBAGE:
        order.session = garbage[amount % HF_COUNT_OF(garbage)];
        break;
    case HARM_ORDER_OLD:
        order.session_id = trial->old_session != 0 && amount % 2u != 0 ? trial->old_session : 0;
        break;
    case HARM_ORDER_NONE:
        order.session = EVSE_ORDER_NONE;
        break;
    case HARM_ORDER_SUSPEND:
        order.session = EVSE_ORDER_SUSPEND;
        break;
    case HARM_UNLOCK:
        order.unlock_count++;
        break;
    case HARM_JOURNAL_FAILED:
        order.journal_failed = 1;
        break;
    case HARM_INOPERATIVE:
        order.inoperative = 1;
        break;
    default:
        break;
    }
    return order;
}

static bool is_comms_away(const trial_t *trial)
{
    return has(trial, HARM_COMMS_AWAY) || has(trial, HARM_EVENTS_FULL);
}

static void publish_orders(trial_t *trial)
{
    if (!is_comms_away(trial) && !has(trial, HARM_ORDER_HUNG)) {
        trial->orders.connector[0].valid_until_us = trial->now_us + trial->leap_us + 3000 * MS;
    }
    evse_orders_t orders = trial->orders;
    orders.connector[0] = harmed_order(trial);
    hf_snapshot_write(&trial->mailbox.orders, &orders);
    judge_begin(&trial->judge, trial->now_us + trial->leap_us, trial->now_us, &orders.connector[0]);
}

static void take_events(trial_t *trial)
{
    evse_event_t event;
    while (!is_comms_away(trial) && hf_queue_get(&trial->mailbox.events, &event) == 0) {
        if (event.kind >= EVSE_EVENT_KINDS) {
            continue; // junk of HARM_EVENTS_FULL
        }
        trial->energized += event.kind == EVSE_EVENT_ENERGIZED ? 1u : 0u;
        judge_event(&trial->judge, &event);
        trial->is_latch_kept = trial->judge.is_latch_told;
        trial->is_weld_kept = trial->judge.is_weld_told;
        trial->is_proof_kept = trial->judge.is_proven;
        mix(trial, &event.kind, sizeof event.kind);
        mix(trial, &event.detail, sizeof event.detail);
    }
}

// ---- time ----------------------------------------------------------------------------------------------------------

static void boot(trial_t *trial, uint64_t register_mJ, bool finishing)
{
    const struct trial_option *option = &options[trial->option];
    evse_control_config_t config = {
        .connectors = 1,
        .io = {&io_ops, trial},
        .mailbox = &trial->mailbox,
        .estop_latched = trial->is_latch_kept,
        .weld_latched = trial->is_weld_kept ? 1u : 0u,
    };
    config.channel[0] = (evse_channel_config_t){
        .can = {&module_ops, trial},
        .profile = &test_profile,
        .units = option->units,
        .limits = &trial->limits,
        .register_mJ = register_mJ,
        .finishing = finishing,
        .physical_bus = option->is_physical,
        .commissioned = trial->is_proof_kept,
    };
    if (option->two_buses) {
        config.channel[0].bms_can = (evse_can_t){&bms_ops, trial};
    }
    for (int bus = 0; bus < SIM_BUS_COUNT; bus++) {
        HF_ASSERT(evse_can_inbox_init(&trial->inbox[bus]) == 0);
    }
    HF_ASSERT(evse_mailbox_init(&trial->mailbox, 1) == 0);
    int status = evse_control_init(&trial->control, &config);
    if (status != 0) {
        judge_break(&trial->judge, "control refuses to start: %d", status);
    }
}

void trial_init(trial_t *trial, unsigned option, uint64_t random)
{
    const struct trial_option *chosen = &options[option];
    const sim_config_t sim = {
        .profile = &test_profile,
        .two_buses = chosen->two_buses,
        .units = chosen->units,
        .request_mA = chosen->request_mA,
        .sensor_behind_contactor = chosen->sensor == EVSE_SENSOR_BEHIND_CONTACTOR,
    };
    memset(trial, 0, sizeof *trial);
    trial->option = option;
    trial->random = random;
    trial->limits = *evse_limits_find("nx100");
    trial->limits.precharge_mV = chosen->precharge_mV;
    trial->limits.sensor = chosen->sensor;
    trial->now_us = START_US;
    trial->next_session = 1;
    sim_outlet_init(&trial->outlet, &sim);
    sim_outlet_step(&trial->outlet, trial->now_us);
    const judge_config_t judge = {&trial->limits, &test_profile, chosen->units, chosen->two_buses,
                                  chosen->is_physical};
    judge_init(&trial->judge, &judge, 0, 1000000);
    boot(trial, 1000000, false);
}

static void show(trial_t *trial)
{
    char line[160];
    const evse_connector_view_t *view = &trial->snapshot.connector[0];
    (void)snprintf(line, sizeof line,
                   "%-11s %-13s reasons %06x fault %2u contactor %d%d power %5d W, %s",
                   evse_power_phase_text(view->phase), evse_connector_state_text(view->state),
                   (unsigned)view->reasons, (unsigned)view->fault, trial->judge.is_held,
                   trial->outlet.contactor_closed, (int)(trial->outlet.power_mW / 200000 * 200),
                   judge_why_text(judge_why(&trial->judge)));
    if (trial->is_traced && strcmp(line, trial->shown) != 0) {
        memcpy(trial->shown, line, sizeof line);
        printf("%10.3f %s\n", (double)(trial->now_us - START_US) / 1e6, line);
    }
}

static void step_world(trial_t *trial, uint64_t passed_us)
{
    trial->now_us += passed_us;
    sim_outlet_step(&trial->outlet, trial->now_us);
    pump(trial);
}

static void tick_control(trial_t *trial)
{
    publish_orders(trial);
    trial->ticks++;
    evse_control_tick(&trial->control, trial->now_us + trial->leap_us);
    if (hf_snapshot_read(&trial->mailbox.snapshot, &trial->snapshot) != 0) {
        judge_break(&trial->judge, "no snapshot after a tick");
    }
    judge_end(&trial->judge, &trial->snapshot, &trial->outlet);
    const evse_connector_view_t *view = &trial->snapshot.connector[0];
    mix(trial, &view->reasons, sizeof view->reasons);
    mix(trial, &view->can_rx, sizeof view->can_rx);
    mix(trial, &view->register_mJ, sizeof view->register_mJ);
    take_events(trial);
    show(trial);
}

// Ticks that do not come leave the outputs as they are: the outlet goes on by itself.
static void stall(trial_t *trial)
{
    uint64_t missing_ms = 20 + trial->harm.amount % 981u;
    for (uint64_t ms = 0; ms < missing_ms; ms += 10) {
        step_world(trial, 10 * MS);
    }
    trial->is_harmed = false;
}

void trial_kill(trial_t *trial, uint64_t away_ms)
{
    uint64_t register_mJ = trial->control.channel[0].register_mJ;
    bool finishing = trial->control.channel[0].finishing;
    trial->is_harmed = false;
    for (uint64_t ms = 0; ms < away_ms; ms += 10) {
        step_world(trial, 10 * MS);
    }
    judge_boot(&trial->judge, trial->is_latch_kept, trial->is_weld_kept);
    trial_order(trial, EVSE_ORDER_NONE, 0);
    boot(trial, register_mJ, finishing);
}

void trial_tick_after(trial_t *trial, uint64_t passed_us)
{
    if (has(trial, HARM_STALL)) {
        stall(trial);
    }
    if (has(trial, HARM_KILL)) {
        trial_kill(trial, trial->harm.amount % 3000u);
    }
    step_world(trial, passed_us);
    tick_control(trial);
    if (has(trial, HARM_EXTRA_TICK)) { // as an edge of the E-stop loop causes one
        step_world(trial, 1 + trial->harm.amount % 9999u);
        tick_control(trial);
    }
}

void trial_tick(trial_t *trial)
{
    trial_tick_after(trial, EVSE_TICK_US);
}

void trial_run_ms(trial_t *trial, uint64_t ms)
{
    for (uint64_t until_us = trial->now_us + ms * MS;
         trial->now_us < until_us && !trial->judge.is_broken;) {
        trial_tick(trial);
    }
}
