// SPDX-License-Identifier: MIT
// Sessions, faults and events of one connector. Invariants: a session control has stopped is reported once, by STOPPED,
// and never runs again; an order that has expired permits nothing and ends nothing (only a fresh one ends a session,
// power is off meanwhile) [SAF-10]; an event is never lost, only late.
#include "evse_channel.h"

#define PERCENT 100 // of a whole

unsigned evse_channel_index(const evse_control_t *control, const evse_channel_t *channel)
{
    return (unsigned)(channel - control->channel);
}

// ---- events ----------------------------------------------------------------------------------------------------------

static bool is_urgent(uint8_t kind)
{
    return kind == EVSE_EVENT_STOPPED || kind == EVSE_EVENT_FAULT || kind == EVSE_EVENT_ESTOP ||
           kind == EVSE_EVENT_WELD;
}

static bool put(evse_control_t *control, evse_event_t *event)
{
    hf_queue_t *queue = &control->mailbox->events;
    event->sequence = control->event_sequence + 1u;
    int status;
    if (is_urgent(event->kind)) {
        status = hf_queue_put_urgent(queue, event);
    } else {
        status = hf_queue_free(queue) > 0 ? hf_queue_put(queue, event) : HF_E_FULL;
    }
    if (status == 0) {
        control->event_sequence++;
    }
    return status == 0;
}

void evse_channel_event(evse_control_t *control, evse_channel_t *channel, evse_event_kind_t kind,
                        unsigned detail, uint64_t now_us)
{
    evse_event_t event = {
        .time_us = now_us,
        .register_mJ = channel->register_mJ,
        .session_id = channel->session_id,
        .kind = (uint8_t)kind,
        .connector = (uint8_t)evse_channel_index(control, channel),
        .detail = (uint16_t)detail,
    };
    if (channel->pending_events != 0 || !put(control, &event)) {
        channel->pending[kind] = event;
        channel->pending_events |= 1u << kind;
    }
}

void evse_channel_flush(evse_control_t *control, evse_channel_t *channel)
{
    for (uint8_t kind = 0; channel->pending_events != 0 && kind < EVSE_EVENT_KINDS; kind++) {
        uint32_t bit = 1u << kind;
        if ((channel->pending_events & bit) != 0 && put(control, &channel->pending[kind])) {
            channel->pending_events &= ~bit;
        }
    }
}

// ---- faults ----------------------------------------------------------------------------------------------------------

void evse_channel_raise(evse_control_t *control, evse_channel_t *channel, evse_fault_t fault,
                        uint64_t now_us)
{
    channel->fault_since_us = now_us;
    if (evse_fault_gravity(fault) <= evse_fault_gravity(channel->fault)) {
        return;
    }
    channel->fault = fault;
    HF_LOGD(control->log, now_us, SAFETY, "connector %u: fault %d %s",
            evse_channel_index(control, channel) + 1u, (int)fault, evse_fault_name(fault));
    evse_channel_event(control, channel, EVSE_EVENT_FAULT, fault, now_us);
}

static bool is_apart(int32_t a, int32_t b, int32_t margin)
{
    int64_t difference = a > b ? (int64_t)a - b : (int64_t)b - a;
    int64_t larger = a > b ? a : b;
    return difference > margin + larger * EVSE_DISAGREE_PERCENT / PERCENT;
}

// Two meters on one wire: a wrong scaling shows as a steady difference, or as readings so impossible that they are
// refused and grow old. [SAF-06]
static bool is_disagreeing(evse_channel_t *channel, uint64_t now_us)
{
    const evse_module_t *module = &channel->module;
    bool both = evse_reading_is_fresh(module->module_mA, now_us, EVSE_US(EVSE_INNER_AGE_MS)) &&
                evse_reading_is_fresh(module->module_mV, now_us, EVSE_US(EVSE_INNER_AGE_MS));
    bool apart = is_apart(module->terminal_mA.value, module->module_mA.value, EVSE_DISAGREE_MA) ||
                 is_apart(module->terminal_mV.value, module->module_mV.value, EVSE_DISAGREE_MV);
    if (channel->phase != EVSE_POWER_ON || (both && !apart)) {
        channel->disagree_since_us = now_us;
    }
    return now_us - channel->disagree_since_us >= EVSE_US(EVSE_DISAGREE_MS);
}

static bool has_valid_order(const evse_channel_t *channel, uint64_t now_us)
{
    return now_us <= channel->order.valid_until_us;
}

static bool is_session_order(const evse_connector_order_t *order)
{
    return order->session == EVSE_ORDER_RUN || order->session == EVSE_ORDER_SUSPEND;
}

// The order still asks for the session control worked on last.
static bool is_named(const evse_channel_t *channel, uint64_t now_us)
{
    return channel->known && has_valid_order(channel, now_us) &&
           is_session_order(&channel->order) && channel->order.session_id == channel->session_id;
}

void evse_channel_watch_faults(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    bool cause = channel->verdict.fault != EVSE_FAULT_NONE;
    if (cause) {
        evse_channel_raise(control, channel, channel->verdict.fault, now_us);
    }
    if (is_disagreeing(channel, now_us)) {
        cause = true;
        evse_channel_raise(control, channel, EVSE_FAULT_READINGS_DISAGREE, now_us);
    }
    if (channel->order.journal_failed != 0 && !channel->active) { // one under way may finish
        cause = true;
        evse_channel_raise(control, channel, EVSE_FAULT_JOURNAL_FAILED, now_us);
    }
    if (!cause && channel->fault != EVSE_FAULT_NONE && !channel->active &&
        !is_named(channel, now_us) &&
        now_us - channel->fault_since_us >= EVSE_US(EVSE_FAULT_LOCK_MS)) {
        HF_LOGD(control->log, now_us, SAFETY, "connector %u: fault %s cleared",
                evse_channel_index(control, channel) + 1u, evse_fault_name(channel->fault));
        evse_channel_event(control, channel, EVSE_EVENT_FAULT_CLEARED, channel->fault, now_us);
        channel->fault = EVSE_FAULT_NONE;
    }
}

// ---- plug ------------------------------------------------------------------------------------------------------------

void evse_channel_watch_plug(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!evse_io_is_fresh(&channel->inputs, EVSE_IN_PLUG, now_us)) {
        channel->plug_change_us = now_us; // unknown is not unplugged; IO_STALE takes the power
        return;
    }
    bool settled =
        now_us - channel->plug_change_us >= EVSE_US(EVSE_PLUG_DEBOUNCE_MS) || !channel->plug_known;
    channel->plug_known = true; // at boot the plug is where it is: nothing bounces
    if (channel->inputs.level[EVSE_IN_PLUG] == channel->plugged) {
        channel->plug_change_us = now_us;
        // A vehicle that left while nobody looked has finished with us.
        channel->finishing = channel->finishing && channel->plugged;
        return;
    }
    if (channel->plugged) {
        channel->plugged = false;
        channel->finishing = false;
        evse_bms_forget(&channel->bms);
        evse_channel_event(control, channel, EVSE_EVENT_UNPLUGGED, 0, now_us);
    } else if (settled) {
        channel->plugged = true;
        evse_channel_event(control, channel, EVSE_EVENT_PLUGGED, 0, now_us);
    }
}

// ---- session ---------------------------------------------------------------------------------------------------------

static void end_session(evse_control_t *control, evse_channel_t *channel, evse_stop_reason_t reason,
                        uint64_t now_us)
{
    HF_LOGD(control->log, now_us, CONNECTOR, "connector %u: session %u ends: %s",
            evse_channel_index(control, channel) + 1u, (unsigned)channel->session_id,
            evse_stop_reason_text(reason));
    channel->ending = true;
    channel->ending_since_us = now_us;
    channel->stop_reason = reason;
}

bool evse_channel_has_room(const evse_control_t *control, const evse_channel_t *channel)
{
    return hf_queue_free(&control->mailbox->events) >=
               EVSE_EVENTS_PER_CONNECTOR * control->connectors &&
           channel->pending_events == 0;
}

static void take_up_session(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    bool wanted = has_valid_order(channel, now_us) && is_session_order(&channel->order) &&
                  (!channel->known || channel->order.session_id != channel->session_id);
    if (!wanted || channel->phase != EVSE_POWER_OFF || channel->order.journal_failed != 0 ||
        !evse_channel_has_room(control, channel)) {
        return;
    }
    channel->session_id = channel->order.session_id;
    channel->known = true;
    channel->active = true;
    channel->ending = false;
    channel->stopped = false;
    channel->finishing = false;
    channel->bms_expected = false;
    channel->draws = true;
    channel->draws_since_us = now_us;
    channel->stop_reason = EVSE_STOP_None;
    HF_LOGD(control->log, now_us, CONNECTOR, "connector %u: session %u",
            evse_channel_index(control, channel) + 1u, (unsigned)channel->session_id);
}

void evse_channel_follow_order(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!channel->active) {
        take_up_session(control, channel, now_us);
    }
    if (!channel->active || channel->ending) {
        return;
    }
    if (channel->fault == EVSE_FAULT_EMERGENCY_STOP) {
        end_session(control, channel, EVSE_STOP_EmergencyStop, now_us);
    } else if (channel->fault != EVSE_FAULT_NONE) {
        end_session(control, channel, EVSE_STOP_Other, now_us);
    } else if (!channel->plugged) {
        end_session(control, channel, EVSE_STOP_EVDisconnected, now_us);
    } else if (has_valid_order(channel, now_us) && !is_named(channel, now_us)) {
        end_session(control, channel, EVSE_STOP_None, now_us);
    }
}

void evse_channel_unlock(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!channel->unlocking) {
        if (!has_valid_order(channel, now_us) ||
            channel->order.unlock_count == channel->unlock_done) {
            return;
        }
        channel->unlocking = true;
        channel->unlock_since_us = now_us;
        if (channel->active && !channel->ending) {
            end_session(control, channel, EVSE_STOP_UnlockCommand, now_us);
        }
    }
    if (channel->phase != EVSE_POWER_OFF) { // power first
        channel->unlock_since_us = now_us;
        return;
    }
    channel->lock_wanted = false;
    bool open = evse_io_is_fresh(&channel->inputs, EVSE_IN_LOCK_FEEDBACK, now_us) &&
                !channel->inputs.level[EVSE_IN_LOCK_FEEDBACK];
    if (open || now_us - channel->unlock_since_us >= EVSE_US(EVSE_UNLOCK_TIMEOUT_MS)) {
        channel->unlocking = false;
        channel->unlock_ok = open;
        channel->unlock_done = channel->order.unlock_count;
    }
}

void evse_channel_finish(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!channel->ending || (channel->phase != EVSE_POWER_OFF &&
                             now_us - channel->ending_since_us < EVSE_US(EVSE_STOP_BOUND_MS))) {
        return;
    }
    channel->ending = false;
    channel->active = false;
    channel->stopped = true;
    channel->bms_expected = false;
    channel->finishing = channel->plugged;
    evse_channel_event(control, channel, EVSE_EVENT_STOPPED, channel->stop_reason, now_us);
}

// ---- state -----------------------------------------------------------------------------------------------------------

static void watch_draw(evse_channel_t *channel, uint64_t now_us)
{
    bool flows = evse_reading_is_fresh(channel->module.terminal_mA, now_us,
                                       EVSE_US(channel->config.limits->reading_age_ms)) &&
                 channel->module.terminal_mA.value >= EVSE_DRAW_MA;
    if ((channel->verdict.reasons & EVSE_REASON(BMS_FORBIDS)) != 0) {
        channel->draws = false;
    } else if (channel->phase == EVSE_POWER_ON && flows) {
        channel->draws = true;
    } else if (channel->phase == EVSE_POWER_ON &&
               now_us - channel->draws_since_us >= EVSE_US(EVSE_NO_DRAW_MS)) {
        channel->draws = false;
    }
    if (channel->phase != EVSE_POWER_ON || flows) {
        channel->draws_since_us = now_us;
    }
}

static evse_session_order_t shown_order(const evse_channel_t *channel, uint64_t now_us)
{
    bool valid = has_valid_order(channel, now_us);
    if (channel->active) {
        return valid && channel->order.session == EVSE_ORDER_SUSPEND ? EVSE_ORDER_SUSPEND
                                                                     : EVSE_ORDER_RUN;
    }
    if (!valid) {
        return EVSE_ORDER_NONE;
    }
    bool foreign = is_session_order(&channel->order) && !is_named(channel, now_us);
    return foreign ? EVSE_ORDER_AUTHORIZED // not taken up yet
                   : (evse_session_order_t)channel->order.session;
}

void evse_channel_show_state(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    uint32_t vehicle = EVSE_REASON(BMS_FORBIDS) | EVSE_REASON(BMS_SILENT) | EVSE_REASON(UNLOCKED);
    watch_draw(channel, now_us);
    evse_connector_inputs_t inputs = {
        .plugged = channel->plugged,
        .faulted = channel->fault != EVSE_FAULT_NONE,
        .energized = channel->phase == EVSE_POWER_ON,
        .offering = (channel->verdict.reasons & ~vehicle) == 0,
        .vehicle_draws = channel->draws,
        .session_over = !channel->active || channel->ending,
        .order = shown_order(channel, now_us),
        .inoperative = channel->order.inoperative != 0,
        .reserved = channel->order.reserved_for != 0,
        .finishing = channel->finishing,
    };
    evse_connector_state_t state = evse_connector_step(channel->state, &inputs);
    if (state != channel->state) {
        channel->state = state;
        HF_LOGD(control->log, now_us, CONNECTOR, "connector %u: %s",
                evse_channel_index(control, channel) + 1u, evse_connector_state_text(state));
        evse_channel_event(control, channel, EVSE_EVENT_STATE, state, now_us);
    }
}
