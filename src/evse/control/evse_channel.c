// SPDX-License-Identifier: MIT
// Sessions, faults and events of one connector. Invariants: a session control has stopped is reported once, by STOPPED,
// and never runs again; an order that has expired permits nothing and ends nothing (only a fresh one ends a session,
// power is off meanwhile) [SAF-10]; an event is never lost, only late.
#include "evse_channel.h"

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

static bool put(evse_control_t *control, evse_event_t *event, bool urgent)
{
    hf_queue_t *queue = &control->mailbox->events;
    event->sequence = control->event_sequence + 1u;
    int status;
    if (urgent) {
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
    if (channel->pending_events != 0 || !put(control, &event, is_urgent(event.kind))) {
        channel->pending[kind] = event;
        channel->pending_order[kind] = channel->pending_count++;
        channel->pending_events |= 1u << kind;
    }
}

static unsigned oldest_pending(const evse_channel_t *channel)
{
    unsigned oldest = EVSE_EVENT_KINDS;
    for (unsigned kind = 0; kind < EVSE_EVENT_KINDS; kind++) {
        bool older = oldest == EVSE_EVENT_KINDS ||
                     (int32_t)(channel->pending_order[kind] - channel->pending_order[oldest]) < 0;
        if ((channel->pending_events & 1u << kind) != 0 && older) {
            oldest = kind;
        }
    }
    return oldest;
}

// In the order they happened, whatever their kinds: who reads "reset" after "tripped" forgets a latch that stands.
void evse_channel_flush(evse_control_t *control, evse_channel_t *channel)
{
    while (channel->pending_events != 0) {
        unsigned kind = oldest_pending(channel);
        if (!put(control, &channel->pending[kind], true)) {
            return;
        }
        channel->pending_events &= ~(1u << kind);
    }
}

// ---- orders ----------------------------------------------------------------------------------------------------------

static bool has_valid_order(const evse_channel_t *channel, uint64_t now_us)
{
    return now_us <= channel->order.valid_until_us;
}

static bool is_session_order(const evse_connector_order_t *order)
{
    return order->session == EVSE_ORDER_RUN || order->session == EVSE_ORDER_SUSPEND;
}

bool evse_channel_is_named(const evse_channel_t *channel, uint64_t now_us)
{
    return channel->known && has_valid_order(channel, now_us) &&
           is_session_order(&channel->order) && channel->order.session_id == channel->session_id;
}

bool evse_channel_hears_bms(const evse_channel_t *channel, uint64_t now_us)
{
    return evse_bms_is_alive(&channel->bms, now_us, EVSE_US(channel->config.limits->bms_age_ms));
}

// ---- plug ------------------------------------------------------------------------------------------------------------

static void note_plug(evse_control_t *control, evse_channel_t *channel, bool plugged,
                      uint64_t now_us)
{
    channel->plugged = plugged;
    if (plugged) {
        channel->finishing = false; // another vehicle, or the same one again
    } else {
        channel->left_us = now_us;
        channel->fault_left = true;
        evse_bms_forget(&channel->bms);
    }
    evse_channel_event(control, channel, plugged ? EVSE_EVENT_PLUGGED : EVSE_EVENT_UNPLUGGED, 0,
                       now_us);
}

// Finishing ends with the plug, or some time after it has gone, or, where it is so configured, although it is in.
static void watch_finishing(evse_channel_t *channel, uint64_t now_us)
{
    const uint64_t plugged_us = EVSE_US_OF_S(EVSE_FINISHING_PLUGGED_S);
    const uint64_t left_us = EVSE_US_OF_S(EVSE_FINISHING_UNPLUGGED_S);
    bool over = channel->plugged
                    ? plugged_us != 0 && now_us - channel->finishing_since_us >= plugged_us
                    : channel->left_us == 0 || now_us - channel->left_us >= left_us;
    channel->finishing = channel->finishing && !over;
}

void evse_channel_watch_plug(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!evse_io_is_fresh(&channel->inputs, EVSE_IN_PLUG, now_us)) {
        channel->plug_change_us = now_us; // unknown is not unplugged; IO_STALE takes the power
        return;
    }
    bool level = channel->inputs.level[EVSE_IN_PLUG];
    bool settled = now_us - channel->plug_change_us >= EVSE_US(EVSE_PLUG_DEBOUNCE_MS);
    if (!channel->plug_known) { // at boot the plug is where it is: nothing bounces
        channel->plug_known = true;
        channel->plugged = level;
        if (level) {
            evse_channel_event(control, channel, EVSE_EVENT_PLUGGED, 0, now_us);
        }
    }
    if (level == channel->plugged) {
        channel->plug_change_us = now_us;
    } else if (channel->plugged || settled) {
        note_plug(control, channel, level, now_us);
    }
    channel->fault_left = channel->fault_left || !channel->plugged;
    watch_finishing(channel, now_us);
}

// ---- buttons ---------------------------------------------------------------------------------------------------------

// True once a press. What is stale is not pressed, and what comes back pressed has not been pressed.
static bool follow_button(evse_button_t *button, const evse_io_inputs_t *inputs, evse_input_t input,
                          uint64_t now_us)
{
    bool fresh = evse_io_is_fresh(inputs, input, now_us);
    bool level = fresh && inputs->level[input];
    if (!fresh) {
        button->down = false;
        button->up_seen = false;
    }
    if (!fresh || level != button->raw) {
        button->raw = level;
        button->since_us = now_us;
    }
    if (!fresh || now_us - button->since_us < EVSE_US(EVSE_BUTTON_DEBOUNCE_MS)) {
        return false;
    }
    bool pressed = level && !button->down && button->up_seen;
    button->down = level;
    button->up_seen = button->up_seen || !level;
    return pressed;
}

void evse_channel_watch_buttons(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    const evse_io_inputs_t *inputs = &channel->inputs;
    if (follow_button(&channel->start_button, inputs, EVSE_IN_START_BUTTON, now_us)) {
        evse_channel_event(control, channel, EVSE_EVENT_START_BUTTON, 0, now_us);
    }
    (void)follow_button(&channel->stop_button, inputs, EVSE_IN_STOP_BUTTON, now_us);
}

// ---- session ---------------------------------------------------------------------------------------------------------

static void end_session(evse_control_t *control, evse_channel_t *channel, evse_stop_reason_t reason,
                        uint64_t now_us)
{
    HF_LOGD(control->log, now_us, CONNECTOR, "connector %u: session %u ends: %s",
            evse_channel_index(control, channel) + 1u, (unsigned)channel->session_id,
            evse_stop_reason_text(reason));
    channel->ending = true;
    channel->riding = false;
    channel->ending_since_us = now_us;
    channel->stop_reason = reason;
}

bool evse_channel_has_room(const evse_control_t *control, const evse_channel_t *channel)
{
    return hf_queue_free(&control->mailbox->events) >=
               EVSE_EVENTS_PER_CONNECTOR * control->connectors &&
           channel->pending_events == 0;
}

// Ids grow: an older one is an order that was meant for a session long over.
static bool is_newer(const evse_channel_t *channel)
{
    return !channel->known || (int32_t)(channel->order.session_id - channel->session_id) > 0;
}

static void take_up_session(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    bool wanted =
        has_valid_order(channel, now_us) && is_session_order(&channel->order) && is_newer(channel);
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
    channel->energized_once = false;
    channel->riding = false;
    channel->session_bus_offs = 0;
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
    } else if (channel->fault != EVSE_FAULT_NONE && !channel->riding) {
        end_session(control, channel, EVSE_STOP_Other, now_us);
    } else if (channel->stop_button.down) { // by itself: no comms are needed to stop
        end_session(control, channel, EVSE_STOP_Local, now_us);
    } else if (!channel->plugged) {
        end_session(control, channel, EVSE_STOP_EVDisconnected, now_us);
    } else if (has_valid_order(channel, now_us) && !evse_channel_is_named(channel, now_us)) {
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

// A meter with a register of its own is read now and then: what flowed at last shows in the first reading after it.
static bool is_counted(const evse_channel_t *channel)
{
    return channel->meter.age_ms == 0 || (channel->meter_taken_us > channel->opened_us &&
                                          channel->meter_taken_us > channel->ending_since_us);
}

void evse_channel_finish(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!channel->ending || ((channel->phase != EVSE_POWER_OFF || !is_counted(channel)) &&
                             now_us - channel->ending_since_us < EVSE_US(EVSE_STOP_BOUND_MS))) {
        return;
    }
    channel->ending = false;
    channel->active = false;
    channel->stopped = true;
    channel->bms_expected = false;
    channel->finishing = true; // without a plug watch_finishing() ends it when its time has come
    channel->finishing_since_us = now_us;
    watch_finishing(channel, now_us);
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
    bool foreign = is_session_order(&channel->order) && is_newer(channel);
    return foreign ? EVSE_ORDER_AUTHORIZED // not taken up yet
                   : (evse_session_order_t)channel->order.session;
}

// Sessions keep it over a restart of either side; where Finishing is to end although the plug stays, they do not.
static bool is_told_finishing(const evse_channel_t *channel, uint64_t now_us)
{
    return EVSE_FINISHING_PLUGGED_S == 0 && channel->plugged && has_valid_order(channel, now_us) &&
           channel->order.finishing != 0u;
}

void evse_channel_show_state(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    uint32_t vehicle = EVSE_REASON(BMS_FORBIDS) | EVSE_REASON(BMS_SILENT) | EVSE_REASON(UNLOCKED);
    watch_draw(channel, now_us);
    channel->energized_once = channel->energized_once || channel->phase == EVSE_POWER_ON;
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
        .finishing = channel->finishing || is_told_finishing(channel, now_us),
        .energized_once = channel->energized_once,
    };
    evse_connector_state_t state = evse_connector_step(channel->state, &inputs);
    channel->finishing = channel->finishing && state != EVSE_STATE_Unavailable; // H2, no H6
    if (state != channel->state) {
        channel->state = state;
        HF_LOGD(control->log, now_us, CONNECTOR, "connector %u: %s",
                evse_channel_index(control, channel) + 1u, evse_connector_state_text(state));
        evse_channel_event(control, channel, EVSE_EVENT_STATE, state, now_us);
    }
}
