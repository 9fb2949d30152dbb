// SPDX-License-Identifier: MIT
// The plant's steps, and the rules each step is judged by. Everything control sees comes through its seams; the clock is
// that of the caller. See plant.h.
#include "plant.h"

#include "holdfast/hf_clock.h"
#include "support/module_profile.h"

#include <string.h>

#define REQUEST_dA 20 // two steps of the ramp, so that the ramp makes few states
#define OLD        20 // steps; older makes no difference

static struct context {
    world_t *world;
    evse_mailbox_t mailbox;
    evse_can_frame_t frame[16];
    unsigned frames, taken;
    plant_step_t step;
    bool is_judged; // a first OFF after boot came
} context;

static const evse_limits_t limits = {
    .vehicle = "search",
    .min_mV = 56000,
    .max_mV = 84500,
    .overvoltage_mV = 85500,
    .max_mA = 100000,
    .overcurrent_margin_mA = 2000,
    .derate_dC = 600,
    .trip_dC = 700,
    .bms_age_ms = 300,
    .reading_age_ms = 300,
    .temperature_age_ms = 300,
    .bms = "elcon",
    .stop_open_ms = EVSE_STOP_OPEN_MS,
    .stop_confirm_ms = EVSE_STOP_CONFIRM_MS,
};

static void breaks(const char *rule)
{
    context.step.broken = context.step.broken == NULL ? rule : context.step.broken;
}

// ---- the rules -----------------------------------------------------------------------------------------------------

static bool has(plant_fault_t fault)
{
    return context.world->plant.fault == fault;
}

// Every permission, as far as control can know by now.
static bool is_permitted(const plant_t *plant)
{
    bool is_person = plant->seen_plugged && !plant->is_latched;
    bool is_over = plant->session == 0 && context.world->control.channel[0].stopped;
    bool is_order =
        plant->order == EVSE_ORDER_RUN && !plant->is_expired && plant->session >= 0 && !is_over;
    bool is_well = !has(PLANT_BMS_FORBIDS) && !has(PLANT_HOT) && !has(PLANT_OVERVOLTAGE) &&
                   !has(PLANT_BUS_OFF);
    return is_person && is_order && is_well && plant->seen_locked && plant->bms_age <= 3 &&
           plant->terminal_age <= 3 && plant->module_age <= 3 && plant->input_age <= 2;
}

static bool is_at_once(const plant_t *plant)
{
    return plant->is_latched || has(PLANT_BUS_OFF) ||
           (!plant->seen_plugged && plant->input_age == 0);
}

static void judge_switch(const evse_can_frame_t *frame)
{
    bool is_energizing =
        frame->data[1] == 0x32 ? frame->data[3] == 0 : (frame->data[6] | frame->data[7]) != 0;
    if (is_energizing && !is_permitted(&context.world->plant)) {
        breaks("an energizing frame without every permission");
    }
    context.step.has_sent_on |= frame->data[1] == 0x32 && frame->data[3] == 0;
    context.step.has_sent_off |= frame->data[1] == 0x32 && frame->data[3] == 1;
}

static void judge_outputs(plant_t *plant, bool is_held)
{
    bool is_allowed = is_permitted(plant);
    if (is_held && !plant->is_commanded && !is_allowed) {
        breaks("the contactor closes without every permission");
    }
    if (is_held && is_at_once(plant)) {
        breaks("the contactor is held although it has to open in this tick");
    }
    plant->is_commanded = is_held;
    plant->held_without = is_held && !is_allowed ? (uint8_t)(plant->held_without + 1u) : 0;
    if (plant->held_without > 1) {
        breaks("the contactor is held without permission for longer than a stop may take");
    }
}

// A press that was seen to begin with the loop closed, and held for a second (the shortest there is).
static void follow_latch(plant_t *plant)
{
    bool is_seen = plant->input_age == 0;
    bool is_open =
        plant->is_input_seen && ((plant->is_estop_open && is_seen) || plant->input_age > 2);
    plant->is_latched |= is_open;
    if (is_open || plant->input_age > 2) {
        plant->is_reset_armed = 0;
        plant->reset_steps = 0;
    } else if (!plant->seen_reset) {
        plant->is_reset_armed = 1;
        plant->reset_steps = 0;
    } else if (plant->is_reset_armed && plant->reset_steps <= OLD) {
        plant->reset_steps++;
    }
}

static void judge_end(world_t *world)
{
    plant_t *plant = &world->plant;
    bool is_tripped = atomic_load(&world->control.estop_latched) != 0;
    if (plant->is_latched && !is_tripped) {
        if (plant->reset_steps * PLANT_STEP_US <= EVSE_LATCH_RESET_HOLD_MS * 1000ull) {
            breaks("the latch is gone without the reset");
        }
        plant->is_latched = 0;
        plant->is_reset_armed = 0;
    }
    if (plant->is_told_on && !is_permitted(plant) && !context.step.has_sent_off) {
        breaks("no OFF in the tick of the cause");
    }
}

// ---- seams ---------------------------------------------------------------------------------------------------------

static int plant_send(void *ctx, const evse_can_frame_t *frame)
{
    plant_t *plant = &context.world->plant;
    (void)ctx;
    bool is_control = frame->id == 0x068181FEu;
    if (is_control) {
        judge_switch(frame);
    }
    if (has(PLANT_BUS_OFF)) {
        return HF_E_STATE;
    }
    if (has(PLANT_SEND_REFUSED)) {
        return HF_E_AGAIN;
    }
    if (is_control && frame->data[1] == 0x32) {
        plant->is_told_on = frame->data[3] == 0;
        plant->is_on = plant->is_told_on || (plant->is_on && has(PLANT_REFUSES_OFF));
    } else if (is_control && frame->data[1] == 0x03) { // 30.5 counts an ampere
        plant->told_dA = (uint16_t)((frame->data[6] * 256 + frame->data[7]) * 100 / 305);
    }
    return 0;
}

static int plant_receive(void *ctx, evse_can_frame_t *frame)
{
    (void)ctx;
    if (context.taken == context.frames) {
        return 0;
    }
    *frame = context.frame[context.taken++];
    return 1;
}

static evse_can_state_t plant_poll(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    return has(PLANT_BUS_OFF) ? EVSE_CAN_BUS_OFF : EVSE_CAN_ACTIVE;
}

static int plant_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    const plant_t *plant = &context.world->plant;
    (void)ctx;
    (void)connector;
    if (has(PLANT_INPUTS_SILENT)) {
        return HF_E_AGAIN;
    }
    inputs->level[EVSE_IN_PLUG] = plant->is_plugged;
    inputs->level[EVSE_IN_LOCK_FEEDBACK] = plant->is_locked;
    inputs->level[EVSE_IN_CONTACTOR_FEEDBACK] = plant->is_closed;
    inputs->level[EVSE_IN_ESTOP] = !plant->is_estop_open;
    inputs->level[EVSE_IN_LATCH_RESET] = plant->is_reset;
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        inputs->stamp_us[i] = now_us;
    }
    return 0;
}

static int plant_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    plant_t *plant = &context.world->plant;
    bool is_held = drive->level[EVSE_OUT_CONTACTOR];
    (void)ctx;
    (void)connector;
    judge_outputs(plant, is_held);
    if (has(PLANT_DRIVE_REFUSED)) { // the live signal stands still
        plant->is_held = 0;
        return HF_E_AGAIN;
    }
    plant->is_held = is_held;
    plant->is_lock_wanted = drive->level[EVSE_OUT_LOCK];
    return 0;
}

static const evse_can_ops_t can_ops = {
    .send = plant_send, .receive = plant_receive, .poll = plant_poll};
static const evse_io_ops_t io_ops = {plant_sample, plant_drive};

// ---- frames --------------------------------------------------------------------------------------------------------

static uint8_t *add(uint32_t id)
{
    evse_can_frame_t *frame = &context.frame[context.frames++];
    *frame = (evse_can_frame_t){.id = id, .extended = true, .length = 8};
    return frame->data;
}

static void put_u32(uint8_t *data, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        data[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void put_float(uint8_t *data, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_u32(data, bits);
}

static void say_signal(uint8_t signal, uint32_t value)
{
    uint8_t *data = add(0x0681827Eu);
    data[0] = 1;
    data[1] = signal;
    put_u32(data + 4, value);
}

static void say_module(const plant_t *plant)
{
    bool flows = plant->is_on && plant->is_closed && plant->is_plugged;
    uint32_t dA = flows ? plant->told_dA : 0;
    uint32_t V = has(PLANT_OVERVOLTAGE) ? 95 : 75;
    if (!has(PLANT_TERMINAL_SILENT)) {
        uint8_t *power = add(0x00433F01u);
        put_float(power, (float)V);
        put_float(power + 4, (float)dA / 10.0f);
        uint8_t *status = add(0x00473F01u);
        status[6] = 3;
        status[7] = plant->is_on ? 2 : 1;
    }
    add(0x18FF50E5u)[4] = 8;
    say_signal(0x84, V * 1024u);
    say_signal(0x82, dA * 1024u / 10u);
    say_signal(0x80, (has(PLANT_HOT) ? 71u : 30u) * 1024u);
    uint8_t *answer = add(0x0681817Eu);
    answer[0] = 1;
    answer[1] = 0x32;
    answer[3] = plant->is_on ? 0 : 1;
}

static void say_bms(void)
{
    uint8_t *request = add(0x1806E5F4u);
    request[0] = 840 >> 8;
    request[1] = 840 & 0xFF;
    request[3] = REQUEST_dA;
    request[4] = has(PLANT_BMS_FORBIDS) ? 1 : 0;
}

static uint8_t older(uint8_t age, bool is_renewed)
{
    return (uint8_t)(is_renewed ? 0 : age < OLD ? age + 1 : OLD);
}

static void speak(plant_t *plant)
{
    bool is_bus = !has(PLANT_BUS_OFF);
    bool is_module = is_bus && !has(PLANT_MODULE_SILENT);
    bool is_bms = is_bus && plant->is_plugged && !has(PLANT_BMS_SILENT);
    context.frames = context.taken = 0;
    if (is_module) {
        say_module(plant);
    }
    if (is_bms) {
        say_bms();
    }
    plant->bms_age = older(plant->bms_age, is_bms);
    plant->module_age = older(plant->module_age, is_module);
    plant->terminal_age = older(plant->terminal_age, is_module && !has(PLANT_TERMINAL_SILENT));
    plant->input_age = older(plant->input_age, !has(PLANT_INPUTS_SILENT));
    if (plant->input_age == 0) {
        plant->is_input_seen = 1;
        plant->seen_plugged = plant->is_plugged;
        plant->seen_locked = plant->is_locked;
        plant->seen_reset = plant->is_reset;
    }
    if (!plant->seen_plugged && plant->input_age == 0) {
        plant->bms_age = OLD; // the next vehicle speaks for itself
    }
}

// ---- steps ---------------------------------------------------------------------------------------------------------

static void start(world_t *world, bool latched, uint32_t welded)
{
    const evse_control_config_t config = {
        .channel[0] = {.can = {&can_ops, NULL}, .profile = &test_profile, .limits = &limits},
        .connectors = 1,
        .io = {&io_ops, NULL},
        .mailbox = &context.mailbox,
        .estop_latched = latched,
        .weld_latched = welded,
    };
    HF_ASSERT(evse_control_init(&world->control, &config) == 0);
}

void plant_boot(world_t *world, bool latched, uint32_t welded)
{
    memset(world, 0, sizeof *world);
    world->plant.bms_age = world->plant.terminal_age = world->plant.module_age = OLD;
    start(world, latched, welded);
}

static void kill(world_t *world)
{
    plant_t *plant = &world->plant;
    start(world, plant->is_latched, world->control.channel[0].weld_latched ? 1u : 0u);
    plant->order = EVSE_ORDER_NONE;
    plant->session = 0;
    plant->is_input_seen = plant->is_reset_armed = plant->reset_steps = 0;
    plant->is_held = plant->is_commanded = plant->is_unlock_asked = 0;
    plant->bms_age = plant->terminal_age = plant->module_age = plant->input_age = OLD;
}

static void give_order(plant_t *plant, evse_session_order_t order, int8_t session)
{
    plant->order = (uint8_t)order;
    plant->session = session;
    plant->is_expired = 0;
}

void plant_act(world_t *world, plant_action_t action, plant_fault_t fault)
{
    plant_t *plant = &world->plant;
    bool is_known = world->control.channel[0].known;
    switch (action) {
    case PLANT_DO_PLUG:
        plant->is_plugged ^= 1u;
        break;
    case PLANT_DO_ESTOP:
        plant->is_estop_open ^= 1u;
        break;
    case PLANT_DO_TRIP:
        evse_control_trip(&world->control);
        plant->is_latched = 1;
        plant->is_reset_armed &= plant->reset_steps == 0;
        plant->reset_steps = 0;
        break;
    case PLANT_DO_RESET:
        plant->is_reset ^= 1u;
        break;
    case PLANT_DO_ORDER_NONE:
        plant->order = EVSE_ORDER_NONE;
        break;
    case PLANT_DO_ORDER_RUN:
    case PLANT_DO_ORDER_NEW:
        give_order(plant, EVSE_ORDER_RUN, action == PLANT_DO_ORDER_NEW || !is_known);
        break;
    case PLANT_DO_ORDER_OLD:
        give_order(plant, EVSE_ORDER_RUN, -1);
        break;
    case PLANT_DO_ORDER_SUSPEND:
        give_order(plant, EVSE_ORDER_SUSPEND, plant->session);
        break;
    case PLANT_DO_ORDER_EXPIRES:
        plant->is_expired ^= 1u;
        break;
    case PLANT_DO_UNLOCK:
        plant->is_unlock_asked = 1;
        break;
    case PLANT_DO_KILL:
        kill(world);
        break;
    case PLANT_DO_FAULT:
        plant->fault = (uint8_t)fault;
        break;
    default:
        break;
    }
}

static void move(plant_t *plant)
{
    bool is_held = plant->is_held && !has(PLANT_DRIVE_REFUSED);
    if (is_held ? !has(PLANT_STUCK_OPEN) : !has(PLANT_WELDED)) {
        plant->is_closed = is_held;
    }
    plant->is_locked = plant->is_lock_wanted && !has(PLANT_LOCK_OPEN);
    if (!plant->is_told_on && !has(PLANT_REFUSES_OFF)) {
        plant->is_on = 0;
    }
}

static void publish(const world_t *world, uint64_t now_us)
{
    const plant_t *plant = &world->plant;
    const evse_channel_t *channel = &world->control.channel[0];
    evse_orders_t orders = {0};
    orders.connector[0] = (evse_connector_order_t){
        .valid_until_us = plant->is_expired ? now_us - 1 : now_us + 3u * PLANT_STEP_US,
        .session = plant->order,
        .session_id = (uint32_t)((int32_t)channel->session_id + plant->session),
        .unlock_count = channel->unlock_done + plant->is_unlock_asked,
        .limit_mA = INT32_MAX,
    };
    hf_snapshot_write(&context.mailbox.orders, &orders);
}

// One mailbox serves all states: nothing is kept in it from one step to the next. A queue that nobody empties is full.
static void open_mailbox(const plant_t *plant)
{
    const evse_event_t junk = {.kind = EVSE_EVENT_KINDS};
    HF_ASSERT(evse_mailbox_init(&context.mailbox, 1) == 0);
    while (plant->fault == PLANT_COMMS_AWAY &&
           hf_queue_put_urgent(&context.mailbox.events, &junk) == 0) {
    }
}

// Session ids and counts only grow: what matters of them is kept relative.
static void forget_counts(world_t *world, uint32_t session_before)
{
    plant_t *plant = &world->plant;
    evse_channel_t *channel = &world->control.channel[0];
    if (channel->session_id < session_before) {
        breaks("a session older than the last is taken up");
    }
    if (channel->session_id != session_before) {
        plant->session = 0;
    }
    if (channel->unlock_done != 0) {
        plant->is_unlock_asked = 0;
        channel->unlock_done = 0;
    }
    channel->session_id = channel->known ? 1000u : 0u;
}

plant_step_t plant_step(world_t *world, uint64_t now_us)
{
    plant_t *plant = &world->plant;
    context.world = world;
    context.step = (plant_step_t){0};
    open_mailbox(plant);
    move(plant);
    speak(plant);
    follow_latch(plant);
    publish(world, now_us);
    uint32_t session = world->control.channel[0].session_id;
    evse_control_tick(&world->control, now_us);
    judge_end(world);
    forget_counts(world, session);
    return context.step;
}

bool plant_is_on(const world_t *world)
{
    return world->control.channel[0].phase == EVSE_POWER_ON;
}
