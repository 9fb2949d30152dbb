// SPDX-License-Identifier: MIT
// The output gate. Goal: OFF is what goes out unless everything says ON at the moment of writing. Invariants: latch and
// verdict are read again before each energizing write; OFF on the bus and the contactor are commanded together and
// neither waits for the other [SAF-12]; nothing counts as sent before the driver took it; the whole control group is
// repeated every 300 ms for ever [SAF-02].
#include "evse_gate.h"

#include "evse/evse_hmi.h"
#include "evse_power.h"
#include "holdfast/hf_clock.h"

static int send_on(evse_channel_t *channel, const evse_can_t *can, const evse_can_frame_t *frame)
{
    int status = can->ops->send(can->ctx, frame);
    if (status == 0) {
        channel->can_tx++;
    } else {
        channel->can_errors++;
    }
    return status;
}

int evse_gate_send(evse_channel_t *channel, const evse_can_frame_t *frame)
{
    int status = send_on(channel, &channel->module_bus.can, frame);
    if (status == 0) {
        channel->module.tx_frames++;
    } else {
        channel->module.tx_failed++;
    }
    return status;
}

int evse_gate_send_bms(evse_channel_t *channel, const evse_can_frame_t *frame)
{
    bool apart = channel->bms_bus.can.ops != NULL;
    return send_on(channel, apart ? &channel->bms_bus.can : &channel->module_bus.can, frame);
}

// [SAF-01] The latch may be set from an interrupt between any two lines.
bool evse_gate_is_open(const evse_control_t *control, const evse_channel_t *channel)
{
    return atomic_load_explicit(&control->estop_latched, memory_order_acquire) == 0 &&
           channel->verdict.reasons == 0;
}

static bool send_energizing(const evse_control_t *control, evse_channel_t *channel,
                            evse_can_frame_t frame)
{
    return evse_gate_is_open(control, channel) && evse_gate_send(channel, &frame) == 0;
}

static bool send_zero(evse_channel_t *channel, uint32_t unit)
{
    evse_can_frame_t frames[EVSE_MODULE_SETPOINT_FRAMES];
    unsigned count = evse_module_encode_setpoint(channel->config.profile, unit, 0, 0, frames);
    bool out = true;
    for (unsigned i = 0; i < count; i++) {
        out &= evse_gate_send(channel, &frames[i]) == 0;
    }
    return out;
}

// A driver that takes a part of the group gets the rest in the next tick: a unit at its end must not wait for ever.
static void resume_pass(evse_channel_t *channel, bool on)
{
    if (channel->pass_on != on || channel->pass_step == 0) {
        channel->pass_on = on;
        channel->pass_step = 0;
        channel->pass_mV = 0;
        channel->pass_mA = 0;
    }
}

// A step is OFF to a unit, or, after all of those, zero setpoints to one.
static bool send_off_step(evse_channel_t *channel, uint32_t step)
{
    uint32_t units = channel->module.units;
    if (step >= units) {
        return send_zero(channel, step - units);
    }
    evse_can_frame_t off = evse_module_encode_switch(channel->config.profile, step, false);
    return evse_gate_send(channel, &off) == 0;
}

// One unit that did not hear OFF must not keep the others from hearing it.
static void send_off_group(evse_channel_t *channel)
{
    uint32_t units = channel->module.units, steps = 2u * units;
    resume_pass(channel, false);
    uint32_t stopped = steps;
    for (uint32_t step = channel->pass_step; step < steps; step++) {
        if (step == units && stopped != steps) {
            break;
        }
        if (!send_off_step(channel, step) && stopped == steps) {
            stopped = step;
        }
    }
    if (stopped >= units) {
        channel->sent_on = false;
        channel->sent_mV = 0;
        channel->sent_mA = 0;
    }
    channel->group_due = stopped != steps; // again in the next tick, and the next [SAF-02]
    channel->pass_step = (uint8_t)(stopped != steps ? stopped : 0u);
}

// Voltage, current, ON, in this order; the load is shared evenly, rounded down.
static bool send_on_unit(const evse_control_t *control, evse_channel_t *channel, uint32_t unit)
{
    const evse_module_profile_t *profile = channel->config.profile;
    evse_can_frame_t frames[EVSE_MODULE_SETPOINT_FRAMES];
    int32_t mA = channel->setpoint_mA / (int32_t)channel->module.units;
    unsigned count = evse_module_encode_setpoint(profile, unit, channel->setpoint_mV, mA, frames);
    for (unsigned i = 0; i < count; i++) {
        if (!send_energizing(control, channel, frames[i])) {
            return false;
        }
    }
    return send_energizing(control, channel, evse_module_encode_switch(profile, unit, true));
}

static int32_t most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

// What counts as sent is the most any unit was told in this pass, so that a reduction in its midst makes another pass.
static void send_on_group(const evse_control_t *control, evse_channel_t *channel)
{
    bool out = true;
    resume_pass(channel, true);
    channel->sent_on = true; // from here on OFF is owed, whether or not ON gets out
    channel->pass_mV = most(channel->pass_mV, channel->setpoint_mV);
    channel->pass_mA = most(channel->pass_mA, channel->setpoint_mA);
    while (out && channel->pass_step < channel->module.units) {
        out = send_on_unit(control, channel, channel->pass_step);
        channel->pass_step = (uint8_t)(channel->pass_step + (out ? 1u : 0u));
    }
    channel->group_due = !out;
    if (out) {
        channel->sent_mV = channel->pass_mV;
        channel->sent_mA = channel->pass_mA;
        channel->pass_step = 0;
    }
}

// Up by the ramp, down at once. [SAF-04]
static int32_t ramped_mA(const evse_channel_t *channel, int32_t target_mA, uint64_t passed_us)
{
    uint64_t most_us = EVSE_US(EVSE_RAMP_STEP_MS);
    uint64_t step_us = passed_us < most_us ? passed_us : most_us;
    int32_t next_mA = channel->setpoint_mA + (int32_t)(step_us * EVSE_RAMP_MA_PER_S / HF_US_PER_S);
    next_mA = next_mA < EVSE_FIRST_STEP_MA ? EVSE_FIRST_STEP_MA : next_mA;
    return next_mA < target_mA ? next_mA : target_mA;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

// Until the contactor is closed the module only meets the battery's voltage. [SAF-16]
static void follow_setpoint(evse_channel_t *channel, bool on, uint64_t passed_us)
{
    int32_t mA = on ? channel->verdict.setpoint_mA : 0;
    int32_t mV = on ? channel->verdict.setpoint_mV : 0;
    if (on && (channel->phase == EVSE_POWER_PRECHARGING || channel->phase == EVSE_POWER_CLOSING)) {
        mA = least(mA, EVSE_PRECHARGE_MA);
        mV = least(mV, channel->precharge_mV);
    }
    channel->setpoint_mA = ramped_mA(channel, mA, passed_us);
    channel->setpoint_mV = mV;
}

// What the output may still carry: the setpoint, or for a while the one before it.
static void follow_reference(evse_channel_t *channel, uint64_t now_us)
{
    if (channel->setpoint_mA >= channel->reference_mA ||
        now_us - channel->reference_since_us > EVSE_US(EVSE_SETPOINT_SETTLE_MS)) {
        channel->reference_mA = channel->setpoint_mA;
        channel->reference_since_us = now_us;
    }
}

static bool is_reduced(const evse_channel_t *channel)
{
    return channel->setpoint_mA < channel->sent_mA || channel->setpoint_mV < channel->sent_mV;
}

static bool is_group_due(const evse_channel_t *channel, bool on, uint64_t now_us)
{
    bool reduced = on && is_reduced(channel);
    bool silent = on && evse_module_is_mute(&channel->module); // OFF is never silent [SAF-15]
    bool periodic = now_us >= channel->next_switch_us && !silent;
    return channel->group_due || on != channel->sent_on || reduced || periodic;
}

static void write_bus(evse_control_t *control, evse_channel_t *channel, bool on, uint64_t now_us)
{
    if (!is_group_due(channel, on, now_us)) {
        return;
    }
    if (!channel->group_due ||
        now_us >= channel->next_switch_us) { // else the rest of this period's group
        channel->pass_step = 0;
        channel->next_switch_us = now_us + EVSE_US(EVSE_GROUP_PERIOD_MS);
    }
    channel->group_due = false;
    if (on) {
        send_on_group(control, channel);
        if (!channel->group_due && is_reduced(channel)) { // it ended a pass that began higher
            send_on_group(control, channel);
        }
    }
    if (!on || !evse_gate_is_open(control, channel)) { // tripped between two frames
        send_off_group(channel);
    }
}

static bool is_contactor_held(const evse_control_t *control, const evse_channel_t *channel)
{
    if (!channel->contactor_wanted) {
        return false;
    }
    if (channel->phase == EVSE_POWER_STOPPING) { // held only until the current has fallen
        return !channel->verdict.immediate &&
               atomic_load_explicit(&control->estop_latched, memory_order_acquire) == 0;
    }
    return evse_gate_is_open(control, channel);
}

static evse_signal_t shown_signal(evse_channel_t *channel, bool valid, uint64_t now_us)
{
    const evse_connector_order_t *order = &channel->order;
    if (valid && order->signal != channel->signal_seen) {
        channel->signal_seen = order->signal;
        channel->signal_since_us = now_us;
    }
    uint64_t lasts_us = (uint64_t)order->blink_repeat * 2u * EVSE_US(EVSE_LIGHT_FAST_MS);
    if (!valid || channel->signal_seen == 0u || now_us - channel->signal_since_us >= lasts_us) {
        return EVSE_SIGNAL_NONE;
    }
    return (channel->signal_seen & 1u) != 0u ? EVSE_SIGNAL_ACCEPTED : EVSE_SIGNAL_REFUSED;
}

static evse_hmi_view_t hmi_view(const evse_control_t *control, evse_channel_t *channel,
                                uint64_t now_us)
{
    const evse_connector_order_t *order = &channel->order;
    bool valid = now_us <= order->valid_until_us;
    bool tripped = atomic_load_explicit(&control->estop_latched, memory_order_relaxed) != 0;
    return (evse_hmi_view_t){
        .state = channel->state,
        .phase = channel->phase,
        .fault = channel->fault,
        .reasons = channel->verdict.reasons,
        .network = valid ? order->network : EVSE_NETWORK_AWAY,
        .is_latched = tripped || channel->weld_latched,
        .is_dark = valid && order->dark != 0u,
        .signal = (uint32_t)shown_signal(channel, valid, now_us),
    };
}

static void drive_outputs(evse_control_t *control, evse_channel_t *channel)
{
    unsigned connector = (unsigned)(channel - control->channel);
    if (control->io.ops->drive(control->io.ctx, connector, &channel->drive) < 0) {
        channel->drives_failed++;
    }
}

// [SAF-11] The live signal advances only in a tick that wants the contactor held: no ticks, no contactor.
static void write_outputs(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    evse_io_drive_t *drive = &channel->drive;
    const evse_hmi_view_t view = hmi_view(control, channel, now_us);
    evse_hmi_drive(&view, now_us, drive);
    drive->level[EVSE_OUT_CONTACTOR] = is_contactor_held(control, channel);
    drive->level[EVSE_OUT_LOCK] = channel->lock_wanted;
    drive->live_count += drive->level[EVSE_OUT_CONTACTOR] ? 1u : 0u;
    drive_outputs(control, channel);
    if (drive->level[EVSE_OUT_CONTACTOR] && !is_contactor_held(control, channel)) {
        drive->level[EVSE_OUT_CONTACTOR] = false; // tripped while it was written [SAF-01]
        drive_outputs(control, channel);
    }
}

void evse_gate_boot(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    channel->sent_on = true; // nobody knows what the module was told last
    channel->next_switch_us = now_us + EVSE_US(EVSE_GROUP_PERIOD_MS);
    send_off_group(channel);
    write_outputs(control, channel, now_us);
}

void evse_gate_write(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    bool on = evse_power_wants_on(channel) && evse_gate_is_open(control, channel);
    follow_setpoint(channel, on, now_us - control->last_tick_us);
    follow_reference(channel, now_us);
    write_bus(control, channel, on, now_us);
    write_outputs(control, channel, now_us);
    if (on && channel->sent_on && !evse_gate_is_open(control, channel)) {
        send_off_group(channel); // tripped since: no waiting for the next tick [SAF-01]
    }
}
