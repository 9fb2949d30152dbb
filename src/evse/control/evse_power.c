// SPDX-License-Identifier: MIT
// Power phases: OFF, LOCKING, PRECHARGING (where the vehicle profile asks for it), CLOSING, STARTING, ON, STOPPING. Goals:
// the contactor closes under a module that is OFF, or that has met the battery's voltage [SAF-16], and opens under load
// only when it must; every command is followed by its confirmation or by a fault. Assumptions: the verdict is of this
// tick. Invariants: any withdrawal leaves the phase in the same tick [SAF-02]; there is no way from STOPPING back to
// power except through OFF; what did not follow is named by one fault.
#include "evse_power.h"

#include "evse_channel.h"
#include "evse_contactor.h"
#include "evse_latch.h"

static void enter(evse_control_t *control, evse_channel_t *channel, evse_power_phase_t phase,
                  uint64_t now_us)
{
    HF_LOGD(control->log, now_us, CONNECTOR, "connector %u: power %s",
            evse_channel_index(control, channel) + 1u, evse_power_phase_text(phase));
    channel->phase = phase;
    channel->phase_since_us = now_us;
}

static bool is_without_load(const evse_channel_t *channel, uint64_t now_us, uint64_t age_us)
{
    evse_reading_t mA = channel->module.terminal_mA;
    return evse_reading_is_fresh(mA, now_us, age_us) && mA.value < EVSE_NO_LOAD_MA &&
           mA.value > -EVSE_NO_LOAD_MA;
}

// Every permission; the lock only from CLOSING on, since LOCKING is what engages it.
static bool is_allowed(const evse_channel_t *channel)
{
    uint32_t reasons = channel->verdict.reasons;
    if (channel->phase == EVSE_POWER_OFF || channel->phase == EVSE_POWER_LOCKING) {
        reasons &= ~EVSE_REASON(UNLOCKED);
    }
    return channel->active && !channel->ending && channel->plugged && !channel->unlocking &&
           !channel->stalled && channel->fault == EVSE_FAULT_NONE && reasons == 0;
}

static bool has_ever_confirmed(const evse_module_t *module)
{
    bool ever = false;
    for (uint32_t unit = 0; unit < module->units; unit++) {
        ever = ever || module->unit[unit].switch_on.stamp_us != 0;
    }
    return ever;
}

// Modules that answer the switch command must all confirm OFF that way; those that never did, by their current.
static void watch_off(evse_channel_t *channel, uint64_t now_us)
{
    const evse_module_t *module = &channel->module;
    evse_module_switch_t confirmed = evse_module_switch_state(module, channel->off_since_us);
    if (confirmed != EVSE_MODULE_SWITCH_UNKNOWN) {
        channel->off_confirmed = confirmed == EVSE_MODULE_SWITCH_OFF;
        channel->off_owed = confirmed == EVSE_MODULE_SWITCH_ON;
    } else if (!has_ever_confirmed(module) &&
               module->terminal_mA.stamp_us > channel->off_since_us &&
               is_without_load(channel, now_us, EVSE_US(channel->config.limits->stop_confirm_ms))) {
        channel->off_confirmed = true;
        channel->off_owed = false;
    }
}

static void judge_off(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    watch_off(channel, now_us);
    if (channel->off_owed &&
        now_us - channel->off_since_us >= EVSE_US(channel->config.limits->stop_confirm_ms)) {
        evse_channel_raise(control, channel, EVSE_FAULT_MODULE_OFF_UNCONFIRMED, now_us);
    }
}

// [SAF-12] OFF goes out by the phase alone; the contactor follows its own clock.
static void stop(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (channel->phase == EVSE_POWER_CLOSING || channel->verdict.immediate || channel->stalled) {
        evse_contactor_open(channel, now_us);
    }
    if (channel->phase != EVSE_POWER_CLOSING || channel->sent_on) {
        channel->off_confirmed = false;
        channel->off_owed = true;
    }
    channel->off_since_us = now_us;
    enter(control, channel, EVSE_POWER_STOPPING, now_us);
}

static bool may_lock(const evse_channel_t *channel, uint64_t now_us)
{
    return channel->plugged && !channel->unlocking && channel->fault == EVSE_FAULT_NONE &&
           now_us <= channel->order.valid_until_us;
}

// Before there is a transaction: a plug that cannot be locked is to have none.
static void lock_for_user(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (channel->lock_since_us == 0) {
        channel->lock_since_us = now_us;
    }
    channel->lock_wanted = true;
    if (!evse_io_level(&channel->inputs, EVSE_IN_LOCK_FEEDBACK, now_us) &&
        now_us - channel->lock_since_us >= EVSE_US(EVSE_LOCK_TIMEOUT_MS)) {
        evse_channel_raise(control, channel, EVSE_FAULT_LOCK_FAILED, now_us);
    }
}

static void step_lock(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (may_lock(channel, now_us) && channel->order.session == EVSE_ORDER_AUTHORIZED) {
        lock_for_user(control, channel, now_us);
        return;
    }
    channel->lock_since_us = 0;
    if (!may_lock(channel, now_us) || channel->order.hold_lock == 0) {
        // Not while current flows through a plug that could then be pulled.
        channel->lock_wanted = channel->lock_wanted &&
                               evse_reading_is_fresh(channel->module.terminal_mA, now_us,
                                                     EVSE_US(EVSE_CURRENT_AGE_MS)) &&
                               !is_without_load(channel, now_us, EVSE_US(EVSE_CURRENT_AGE_MS));
    }
}

static void step_off(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    channel->stalled = false; // nothing was up
    judge_off(control, channel, now_us);
    if (!channel->active && !channel->unlocking) {
        step_lock(control, channel, now_us);
    }
    if (is_allowed(channel) && channel->off_confirmed && !channel->fall_pending &&
        now_us >= channel->rest_until_us) {
        channel->lock_wanted = true;
        enter(control, channel, EVSE_POWER_LOCKING, now_us);
    }
}

// [SAF-16] The contactor has just been seen open: welded ones end here.
static void leave_locking(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (channel->config.limits->precharge_mV > 0) {
        channel->precharge_mV = channel->module.terminal_mV.value; // fresh, or there were reasons
        enter(control, channel, EVSE_POWER_PRECHARGING, now_us);
    } else {
        evse_contactor_close(channel);
        enter(control, channel, EVSE_POWER_CLOSING, now_us);
    }
}

static void step_locking(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!is_allowed(channel)) {
        enter(control, channel, EVSE_POWER_OFF, now_us); // nothing was energized
    } else if (channel->verdict.reasons == 0 && evse_contactor_is_open(channel, now_us)) {
        leave_locking(control, channel, now_us);
    } else if (now_us - channel->phase_since_us >= EVSE_US(EVSE_LOCK_TIMEOUT_MS)) {
        if (channel->verdict.reasons == 0) { // then the contactor was closed all along
            evse_latch_weld(control, channel, now_us);
        } else {
            evse_channel_raise(control, channel, EVSE_FAULT_LOCK_FAILED, now_us);
        }
        enter(control, channel, EVSE_POWER_OFF, now_us);
    }
}

static bool has_met_battery(const evse_channel_t *channel, uint64_t now_us)
{
    const evse_limits_t *limits = channel->config.limits;
    evse_reading_t module = channel->module.module_mV, battery = channel->module.terminal_mV;
    int32_t apart_mV = module.value - battery.value;
    return module.stamp_us > channel->phase_since_us &&
           evse_reading_is_fresh(module, now_us, EVSE_US(EVSE_INNER_AGE_MS)) &&
           evse_reading_is_fresh(battery, now_us, EVSE_US(limits->reading_age_ms)) &&
           apart_mV <= limits->precharge_mV && apart_mV >= -limits->precharge_mV;
}

// [SAF-16] A contactor that is closed now, or a current that flows through an open one, is a weld.
static void step_precharging(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    evse_reading_t mA = channel->module.terminal_mA;
    bool flows = mA.stamp_us > channel->phase_since_us &&
                 (mA.value >= EVSE_NO_LOAD_MA || mA.value <= -EVSE_NO_LOAD_MA);
    if (!is_allowed(channel)) {
        stop(control, channel, now_us);
    } else if (flows || evse_contactor_is_closed(channel, now_us)) {
        evse_latch_weld(control, channel, now_us);
        stop(control, channel, now_us);
    } else if (has_met_battery(channel, now_us)) {
        evse_contactor_close(channel);
        enter(control, channel, EVSE_POWER_CLOSING, now_us);
    } else if (now_us - channel->phase_since_us >= EVSE_US(EVSE_PRECHARGE_TIMEOUT_MS)) {
        evse_channel_raise(control, channel, EVSE_FAULT_PRECHARGE_FAILED, now_us);
        stop(control, channel, now_us);
    }
}

static void step_closing(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!is_allowed(channel)) {
        stop(control, channel, now_us);
    } else if (evse_contactor_is_closed(channel, now_us)) {
        enter(control, channel, EVSE_POWER_STARTING, now_us);
    } else if (now_us - channel->phase_since_us >= EVSE_US(EVSE_CLOSE_TIMEOUT_MS)) {
        evse_channel_raise(control, channel, EVSE_FAULT_CONTACTOR_STUCK_OPEN, now_us);
        stop(control, channel, now_us);
    }
}

// True when the contactor is still closed; else stops, since it would close again under a module that is ON.
static bool is_still_closed(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!evse_contactor_is_open(channel, now_us)) {
        return true;
    }
    evse_channel_raise(control, channel, EVSE_FAULT_CONTACTOR_STUCK_OPEN, now_us);
    evse_contactor_open(channel, now_us);
    stop(control, channel, now_us);
    return false;
}

static bool is_on_confirmed(const evse_channel_t *channel)
{
    evse_reading_t on = channel->module.switch_on, status = channel->module.terminal_status;
    return (on.stamp_us > channel->phase_since_us && on.value == 1) ||
           (status.stamp_us > channel->phase_since_us && status.value == 1);
}

static void step_starting(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!is_allowed(channel)) {
        stop(control, channel, now_us);
    } else if (!is_still_closed(control, channel, now_us)) {
        return;
    } else if (is_on_confirmed(channel)) {
        enter(control, channel, EVSE_POWER_ON, now_us);
        evse_channel_event(control, channel, EVSE_EVENT_ENERGIZED, 0, now_us);
    } else if (now_us - channel->phase_since_us >= EVSE_US(EVSE_START_TIMEOUT_MS)) {
        evse_channel_raise(control, channel, EVSE_FAULT_CHARGER_OFFLINE, now_us);
        stop(control, channel, now_us);
    }
}

static void step_on(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    evse_reading_t on = channel->module.switch_on;
    if (!is_allowed(channel)) {
        stop(control, channel, now_us);
    } else if (is_still_closed(control, channel, now_us) && on.stamp_us > channel->phase_since_us &&
               on.value == 0) {
        stop(control, channel, now_us); // it went OFF by itself: our next ON must not surprise it
    }
}

static void step_stopping(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    uint64_t passed_us = now_us - channel->off_since_us;
    if (channel->verdict.immediate || channel->stalled ||
        passed_us >= EVSE_US(channel->config.limits->stop_open_ms) ||
        is_without_load(channel, now_us, EVSE_US(EVSE_CURRENT_AGE_MS))) {
        evse_contactor_open(channel, now_us);
    }
    judge_off(control, channel, now_us);
    bool opened =
        !channel->contactor_wanted && (evse_contactor_is_open(channel, now_us) ||
                                       now_us - channel->opened_us >= EVSE_US(EVSE_WELD_MS));
    if (opened &&
        (channel->off_confirmed || passed_us >= EVSE_US(channel->config.limits->stop_confirm_ms))) {
        channel->stalled = false;
        channel->rest_until_us = now_us + EVSE_US(EVSE_REST_MS);
        enter(control, channel, EVSE_POWER_OFF, now_us);
    }
}

bool evse_power_wants_on(const evse_channel_t *channel)
{
    return channel->phase == EVSE_POWER_STARTING || channel->phase == EVSE_POWER_ON ||
           channel->phase == EVSE_POWER_PRECHARGING ||
           (channel->phase == EVSE_POWER_CLOSING && channel->config.limits->precharge_mV > 0);
}

bool evse_power_is_dead(const evse_channel_t *channel, uint64_t now_us)
{
    return !evse_power_wants_on(channel) &&
           (channel->off_confirmed || evse_contactor_is_open(channel, now_us) ||
            is_without_load(channel, now_us, EVSE_US(EVSE_CURRENT_AGE_MS)));
}

void evse_power_step(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    switch (channel->phase) {
    case EVSE_POWER_LOCKING:
        step_locking(control, channel, now_us);
        break;
    case EVSE_POWER_PRECHARGING:
        step_precharging(control, channel, now_us);
        break;
    case EVSE_POWER_CLOSING:
        step_closing(control, channel, now_us);
        break;
    case EVSE_POWER_STARTING:
        step_starting(control, channel, now_us);
        break;
    case EVSE_POWER_ON:
        step_on(control, channel, now_us);
        break;
    case EVSE_POWER_STOPPING:
        step_stopping(control, channel, now_us);
        break;
    default:
        step_off(control, channel, now_us);
        break;
    }
    evse_contactor_watch(control, channel, now_us);
}
