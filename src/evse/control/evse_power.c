// SPDX-License-Identifier: MIT
// Power phases: OFF, LOCKING, CLOSING, STARTING, ON, STOPPING. Goals: the contactor never closes under a module that is
// ON and opens under load only when it must; every command is followed by its confirmation or by a fault. Assumptions:
// the verdict is of this tick. Invariants: any withdrawal leaves the phase in the same tick [SAF-02]; there is no way
// from STOPPING back to power except through OFF; what did not follow is named by one fault.
#include "evse_power.h"

#include "evse_channel.h"

static void enter(evse_control_t *control, evse_channel_t *channel, evse_power_phase_t phase,
                  uint64_t now_us)
{
    HF_LOGD(control->log, now_us, CONNECTOR, "connector %u: power %s",
            evse_channel_index(control, channel) + 1u, evse_power_phase_text(phase));
    channel->phase = phase;
    channel->phase_since_us = now_us;
}

static bool is_input_closed(const evse_channel_t *channel, evse_input_t input, uint64_t now_us)
{
    return evse_io_level(&channel->inputs, input, now_us);
}

static bool is_input_open(const evse_channel_t *channel, evse_input_t input, uint64_t now_us)
{
    return evse_io_is_fresh(&channel->inputs, input, now_us) && !channel->inputs.level[input];
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

// A module that answers the switch command must confirm OFF that way; one that never did, by its current.
static void watch_off(evse_channel_t *channel, uint64_t now_us)
{
    evse_reading_t on = channel->module.switch_on;
    evse_reading_t mA = channel->module.terminal_mA;
    if (on.stamp_us > channel->off_since_us) {
        channel->off_confirmed = on.value == 0;
        channel->off_owed = on.value != 0;
    } else if (on.stamp_us == 0 && mA.stamp_us > channel->off_since_us &&
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

// Closed for half a second without being commanded: welded, latched until somebody has looked.
static void watch_contactor(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (channel->contactor_wanted ||
        !is_input_closed(channel, EVSE_IN_CONTACTOR_FEEDBACK, now_us)) {
        channel->weld_since_us = now_us;
    } else if (now_us - channel->weld_since_us >= EVSE_US(EVSE_WELD_MS) && !channel->weld_latched) {
        channel->weld_latched = true;
        evse_channel_event(control, channel, EVSE_EVENT_WELD, EVSE_FAULT_CONTACTOR_WELDED, now_us);
        evse_channel_raise(control, channel, EVSE_FAULT_CONTACTOR_WELDED, now_us);
    }
}

static void open_contactor(evse_channel_t *channel, uint64_t now_us)
{
    if (channel->contactor_wanted) {
        channel->contactor_wanted = false;
        channel->opened_us = now_us;
    }
}

// [SAF-12] OFF goes out by the phase alone; the contactor follows its own clock.
static void stop(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (channel->phase == EVSE_POWER_CLOSING || channel->verdict.immediate || channel->stalled) {
        open_contactor(channel, now_us);
    }
    if (channel->phase != EVSE_POWER_CLOSING) {
        channel->off_confirmed = false;
        channel->off_owed = true;
    }
    channel->off_since_us = now_us;
    enter(control, channel, EVSE_POWER_STOPPING, now_us);
}

static void step_off(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    channel->stalled = false; // nothing was up
    judge_off(control, channel, now_us);
    if (!channel->active && !channel->unlocking) {
        // Not while current flows through a plug that could then be pulled.
        channel->lock_wanted = channel->lock_wanted &&
                               evse_reading_is_fresh(channel->module.terminal_mA, now_us,
                                                     EVSE_US(EVSE_CURRENT_AGE_MS)) &&
                               !is_without_load(channel, now_us, EVSE_US(EVSE_CURRENT_AGE_MS));
    }
    if (is_allowed(channel) && channel->off_confirmed && now_us >= channel->rest_until_us) {
        channel->lock_wanted = true;
        enter(control, channel, EVSE_POWER_LOCKING, now_us);
    }
}

static void step_locking(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!is_allowed(channel)) {
        enter(control, channel, EVSE_POWER_OFF, now_us); // nothing was energized
    } else if (channel->verdict.reasons == 0 &&
               is_input_open(channel, EVSE_IN_CONTACTOR_FEEDBACK, now_us)) {
        channel->contactor_wanted = true;
        enter(control, channel, EVSE_POWER_CLOSING, now_us);
    } else if (now_us - channel->phase_since_us >= EVSE_US(EVSE_LOCK_TIMEOUT_MS)) {
        bool locked = channel->verdict.reasons == 0; // then the contactor was closed all along
        evse_channel_raise(control, channel,
                           locked ? EVSE_FAULT_CONTACTOR_WELDED : EVSE_FAULT_LOCK_FAILED, now_us);
        enter(control, channel, EVSE_POWER_OFF, now_us);
    }
}

static void step_closing(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!is_allowed(channel)) {
        stop(control, channel, now_us);
    } else if (is_input_closed(channel, EVSE_IN_CONTACTOR_FEEDBACK, now_us)) {
        enter(control, channel, EVSE_POWER_STARTING, now_us);
    } else if (now_us - channel->phase_since_us >= EVSE_US(EVSE_CLOSE_TIMEOUT_MS)) {
        evse_channel_raise(control, channel, EVSE_FAULT_CONTACTOR_STUCK_OPEN, now_us);
        stop(control, channel, now_us);
    }
}

// True when the contactor is still closed; else stops, since it would close again under a module that is ON.
static bool is_still_closed(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!is_input_open(channel, EVSE_IN_CONTACTOR_FEEDBACK, now_us)) {
        return true;
    }
    evse_channel_raise(control, channel, EVSE_FAULT_CONTACTOR_STUCK_OPEN, now_us);
    open_contactor(channel, now_us);
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
        open_contactor(channel, now_us);
    }
    judge_off(control, channel, now_us);
    bool opened =
        !channel->contactor_wanted && (is_input_open(channel, EVSE_IN_CONTACTOR_FEEDBACK, now_us) ||
                                       now_us - channel->opened_us >= EVSE_US(EVSE_WELD_MS));
    if (opened &&
        (channel->off_confirmed || passed_us >= EVSE_US(channel->config.limits->stop_confirm_ms))) {
        channel->stalled = false;
        channel->rest_until_us = now_us + EVSE_US(EVSE_REST_MS);
        enter(control, channel, EVSE_POWER_OFF, now_us);
    }
}

void evse_power_step(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    switch (channel->phase) {
    case EVSE_POWER_LOCKING:
        step_locking(control, channel, now_us);
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
    watch_contactor(control, channel, now_us);
}
