// SPDX-License-Identifier: MIT
// What control was given, as far as it can know by now, and whether that permits power: frames decoded by hand, levels,
// latches, orders, each with its age. See judge.h.
#include "judge_private.h"

#include <math.h>
#include <string.h>

#define INPUT_AGE_US (250 * MS)
#define PLUG_AGE_US  (500 * MS)

static bool is_known(const judge_t *judge, evse_input_t input)
{
    bool is_slow = input == EVSE_IN_PLUG || input == EVSE_IN_LOCK_FEEDBACK;
    return judge_is_fresh(judge, judge->level_us[input], is_slow ? PLUG_AGE_US : INPUT_AGE_US);
}

void judge_begin(judge_t *judge, uint64_t now_us, uint64_t truth_us,
                 const evse_connector_order_t *order)
{
    judge->last_now_us = judge->ticks == 0 ? now_us : judge->now_us;
    judge->now_us = now_us;
    judge->truth_us = truth_us;
    judge->order = *order;
    judge->is_bus_off = false;
    judge->is_driven_now = judge->is_refused = false;
    judge->is_latch_young = false;
    for (uint32_t i = 0; i < judge->config.units; i++) {
        judge->unit[i].off_here = 0;
    }
}

void judge_poll(judge_t *judge, evse_can_state_t state)
{
    judge->is_bus_off |= state == EVSE_CAN_BUS_OFF;
    if (!judge->has_sent) {
        judge_break(judge, "a bus is looked at before OFF was sent after boot");
    }
}

static float float_at(const uint8_t *data)
{
    uint32_t bits = judge_u32(data);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t stamp_of(const judge_t *judge, const evse_can_frame_t *frame)
{
    uint32_t age_us = (uint32_t)judge->now_us - frame->stamp_us;
    return frame->stamped && age_us <= 1800000000u ? judge->now_us - age_us : judge->now_us;
}

static void note(evse_reading_t *reading, int32_t value, uint64_t stamp_us)
{
    reading->value = value;
    reading->stamp_us = stamp_us;
}

static int32_t milli(float value)
{
    return (int32_t)(value * 1000.0f + (value < 0.0f ? -0.5f : 0.5f));
}

static void note_terminals(judge_t *judge, const uint8_t *data, uint64_t stamp_us)
{
    float volts = float_at(data), amperes = float_at(data + 4);
    if (!isfinite(volts) || !isfinite(amperes) || fabsf(volts) > 1000.0f ||
        fabsf(amperes) > 1000.0f) {
        return;
    }
    if (milli(volts) < 0 || milli(volts) > 100000 || milli(amperes) < -10000 ||
        milli(amperes) > 350000) {
        return;
    }
    note(&judge->mV, milli(volts), stamp_us);
    note(&judge->mA, milli(amperes), stamp_us);
}

static void note_telemetry(judge_t *judge, judge_unit_t *unit, const uint8_t *data,
                           uint64_t stamp_us)
{
    uint32_t value = judge_u32(data + 4);
    if (data[0] != 1) {
        return;
    }
    if (data[1] == 0x80 && value <= 120u * 1024u) {
        note(&unit->dC_x1024, (int32_t)value * 10, stamp_us);
    } else if (data[1] == 0x84 && value <= 100u * 1024u) {
        note(&unit->mV,
             (int32_t)((uint64_t)value * 1000u / judge->config.profile->voltage_counts_per_V),
             stamp_us);
    }
}

static void note_bms(judge_t *judge, const evse_can_frame_t *frame, uint64_t stamp_us)
{
    int32_t mV = (frame->data[0] * 256 + frame->data[1]) * 100;
    int32_t mA = (frame->data[2] * 256 + frame->data[3]) * 100;
    if (frame->length != 8 || mV < 100 || mV > 200000 || mA > 400000) {
        return;
    }
    judge->bms_mV = mV;
    judge->bms_mA = mA;
    judge->bms_allows = frame->data[4] == 0;
    judge->bms_us = stamp_us;
    judge->bms_truth_us = judge->truth_us;
}

void judge_frame(judge_t *judge, bool is_bms_bus, const evse_can_frame_t *frame)
{
    uint64_t stamp_us = stamp_of(judge, frame);
    uint32_t first = judge->config.profile->address;
    uint32_t unit = (frame->id >> 16 & 0x7Fu) - first;
    if (!frame->extended) {
        return;
    }
    if (frame->id == 0x1806E5F4u && is_bms_bus == judge->config.two_buses) {
        note_bms(judge, frame, stamp_us);
    }
    if (is_bms_bus || frame->length != 8) {
        return;
    }
    if (frame->id == 0x00433F01u) {
        note_terminals(judge, frame->data, stamp_us);
    } else if (frame->id == 0x00473F01u) {
        note(&judge->status, 0, stamp_us);
    } else if (frame->id == 0x18FF50E5u) {
        note(&judge->heartbeat, 0, stamp_us);
    } else if ((frame->id & 0x1F80FFFFu) == 0x0680827Eu && unit < judge->config.units) {
        note_telemetry(judge, &judge->unit[unit], frame->data, stamp_us);
    }
}

// ---- latches -------------------------------------------------------------------------------------------------------

void judge_trip(judge_t *judge)
{
    judge->is_latch_young = !judge->is_latched;
    judge->is_latched = true;
    judge->is_reset_armed &= !judge->is_reset_held; // a press under way does not count for it
    judge->is_reset_held = false;
}

// Cleared by a press that was seen to begin with the loop closed and lasted 3 s, seen all the while.
static void follow_reset(judge_t *judge, bool is_closed)
{
    bool is_pressed = is_known(judge, EVSE_IN_LATCH_RESET) && judge->level[EVSE_IN_LATCH_RESET];
    bool is_seen =
        is_known(judge, EVSE_IN_LATCH_RESET) &&
        (judge->reset_seen_us == 0 || judge->now_us - judge->reset_seen_us <= INPUT_AGE_US);
    judge->reset_seen_us = judge->now_us;
    if (!is_closed || !is_seen) {
        judge->is_reset_armed = judge->is_reset_held = false;
    } else if (!is_pressed) {
        judge->is_reset_armed = true;
        judge->is_reset_held = false;
    } else if (judge->is_reset_armed && !judge->is_reset_held) {
        judge->is_reset_held = true;
        judge->reset_since_us = judge->now_us;
    } else if (judge->is_reset_held && judge->now_us - judge->reset_since_us >= 3000 * MS) {
        judge->is_latched = false;
        if (is_known(judge, EVSE_IN_CONTACTOR_FEEDBACK) &&
            !judge->level[EVSE_IN_CONTACTOR_FEEDBACK]) {
            judge->is_welded = false;
        }
    }
}

// Half a second closed without being commanded, and some ticks more for control to say so.
static void follow_weld(judge_t *judge)
{
    bool is_closed =
        is_known(judge, EVSE_IN_CONTACTOR_FEEDBACK) && judge->level[EVSE_IN_CONTACTOR_FEEDBACK];
    if (!is_closed || judge->is_held) {
        judge->weld_since_us = judge->now_us;
    }
    judge->is_welded |= judge->now_us - judge->weld_since_us >= (EVSE_WELD_MS + 100) * MS;
}

void judge_sample(judge_t *judge, const evse_io_inputs_t *inputs)
{
    bool was_plugged = judge->level[EVSE_IN_PLUG] && judge->level_us[EVSE_IN_PLUG] != 0;
    memcpy(judge->level, inputs->level, sizeof judge->level);
    memcpy(judge->level_us, inputs->stamp_us, sizeof judge->level_us);
    bool is_closed = is_known(judge, EVSE_IN_ESTOP) && judge->level[EVSE_IN_ESTOP];
    if (!is_closed && judge->level_us[EVSE_IN_ESTOP] != 0) {
        judge_trip(judge);
        judge->is_latch_young = false;
    }
    if (was_plugged && is_known(judge, EVSE_IN_PLUG) && !judge->level[EVSE_IN_PLUG]) {
        judge->bms_us = 0; // the next vehicle speaks for itself
    }
    follow_reset(judge, is_closed);
    follow_weld(judge);
}

// ---- permissions ---------------------------------------------------------------------------------------------------

bool judge_is_over(const judge_t *judge, uint32_t session)
{
    for (uint32_t i = 0; i < judge->over_count && i < JUDGE_SESSIONS; i++) {
        if (judge->over[i] == session) {
            return true;
        }
    }
    return false;
}

static judge_why_t why_inputs(const judge_t *judge)
{
    if (judge->is_latched) {
        return JUDGE_LATCHED;
    }
    if (judge->is_bus_off) {
        return JUDGE_BUS_OFF;
    }
    if (is_known(judge, EVSE_IN_PLUG) && !judge->level[EVSE_IN_PLUG]) {
        return JUDGE_UNPLUGGED;
    }
    if (judge->is_welded) {
        return JUDGE_WELDED;
    }
    if (!is_known(judge, EVSE_IN_PLUG) || !is_known(judge, EVSE_IN_LOCK_FEEDBACK) ||
        !is_known(judge, EVSE_IN_ESTOP) || !is_known(judge, EVSE_IN_CONTACTOR_FEEDBACK)) {
        return JUDGE_INPUTS;
    }
    return judge->level[EVSE_IN_LOCK_FEEDBACK] ? JUDGE_PERMITTED : JUDGE_UNLOCKED;
}

static judge_why_t why_order(const judge_t *judge)
{
    const evse_connector_order_t *order = &judge->order;
    if (order->session != EVSE_ORDER_RUN || judge->now_us > order->valid_until_us ||
        order->limit_mA <= 0) {
        return JUDGE_ORDER;
    }
    if (judge_is_over(judge, order->session_id)) {
        return JUDGE_SESSION_OVER;
    }
    return judge->fault != EVSE_FAULT_NONE ? JUDGE_FAULT_SHOWN : JUDGE_PERMITTED;
}

// While a profile is commissioned the modules are left alone for some seconds, and then nobody answers. [SAF-15]
static uint64_t mute_us(const judge_t *judge)
{
    bool is_mute =
        judge->config.is_physical && judge->unmuted_us != 0 &&
        judge->now_us - judge->unmuted_us <= judge->config.limits->temperature_age_ms * MS;
    // And a silence too short to be told from the questions' own pace.
    uint64_t passed_us = judge->now_us - judge->asked_us + SHORT_SILENCE_US;
    return is_mute ? judge->muted_us : judge->config.is_physical ? passed_us : 0;
}

static judge_why_t why_module(const judge_t *judge)
{
    const evse_limits_t *limits = judge->config.limits;
    int signals = judge_is_fresh(judge, judge->mV.stamp_us, 3000 * MS);
    signals += judge_is_fresh(judge, judge->status.stamp_us, 3000 * MS);
    signals += judge_is_fresh(judge, judge->heartbeat.stamp_us, 3000 * MS);
    if (signals < 2) {
        return JUDGE_MODULE;
    }
    if (!judge_is_fresh(judge, judge->mV.stamp_us, limits->reading_age_ms * MS)) {
        return JUDGE_METER;
    }
    for (uint32_t i = 0; i < judge->config.units; i++) {
        const judge_unit_t *unit = &judge->unit[i];
        if (!judge_is_fresh(judge, unit->dC_x1024.stamp_us,
                            limits->temperature_age_ms * MS + mute_us(judge)) ||
            unit->dC_x1024.value > limits->trip_dC * 1024 + 512) { // read to the nearest tenth
            return JUDGE_TEMPERATURE;
        }
        if (judge_is_fresh(judge, unit->mV.stamp_us, 1000 * MS) &&
            unit->mV.value > limits->overvoltage_mV) {
            return JUDGE_OVERVOLTAGE;
        }
    }
    if (judge->mV.value > limits->overvoltage_mV) {
        return JUDGE_OVERVOLTAGE;
    }
    int64_t most_mA = judge->most_mA[0] > judge->most_mA[1] ? judge->most_mA[0] : judge->most_mA[1];
    return judge->mA.value > most_mA + limits->overcurrent_margin_mA + 100 ? JUDGE_OVERCURRENT
                                                                           : JUDGE_PERMITTED;
}

static judge_why_t why_vehicle(const judge_t *judge)
{
    bool is_alive = judge_is_fresh(judge, judge->bms_us, judge->config.limits->bms_age_ms * MS);
    return is_alive && judge->bms_allows && judge->bms_mA > 0 ? JUDGE_PERMITTED : JUDGE_BMS;
}

judge_why_t judge_why(const judge_t *judge)
{
    static judge_why_t (*const parts[])(const judge_t *) = {why_inputs, why_order, why_module,
                                                            why_vehicle};
    judge_why_t why = JUDGE_PERMITTED;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && why == JUDGE_PERMITTED; i++) {
        why = parts[i](judge);
    }
    return why;
}
