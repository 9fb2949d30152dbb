// SPDX-License-Identifier: MIT
// The latches. Goal: what threatened somebody stays stopped until somebody stood before it. Invariants: the E-stop latch
// is set before anything else is done about an open loop [SAF-01]; it clears only by the local reset, pressed and held in
// sight with every loop closed (one that is stuck, or was held all along, is no press); a trip during the hold is not
// swallowed, because the latch counts trips.
#include "evse_latch.h"

#include "evse_channel.h"

void evse_control_trip(evse_control_t *control)
{
    // Odd from the first on, and stays odd: no number of trips counts back to 0.
    atomic_fetch_or_explicit(&control->estop_latched, 1u, memory_order_acq_rel);
    atomic_fetch_add_explicit(&control->estop_latched, 2u, memory_order_acq_rel);
}

bool evse_latch_is_tripped(const evse_control_t *control)
{
    return atomic_load_explicit(&control->estop_latched, memory_order_acquire) != 0;
}

static bool is_loop_closed(evse_control_t *control, uint64_t now_us)
{
    bool closed = true;
    for (uint32_t i = 0; i < control->connectors; i++) {
        const evse_io_inputs_t *inputs = &control->channel[i].inputs;
        if (evse_io_level(inputs, EVSE_IN_ESTOP, now_us)) {
            continue;
        }
        closed = false;
        if (inputs->stamp_us[EVSE_IN_ESTOP] != 0 && !evse_latch_is_tripped(control)) {
            evse_control_trip(control);
        }
    }
    return closed;
}

static void report_trip(evse_control_t *control, uint64_t now_us)
{
    if (evse_latch_is_tripped(control) && !control->estop_reported) {
        control->estop_reported = true;
        control->alarms++;
        HF_LOGD(control->log, now_us, SAFETY, "emergency stop latched");
        evse_channel_event(control, &control->channel[0], EVSE_EVENT_ESTOP, 0, now_us);
    }
}

static bool is_reset_held(const evse_control_t *control, uint64_t now_us)
{
    bool held = false;
    for (uint32_t i = 0; i < control->connectors; i++) {
        held |= evse_io_level(&control->channel[i].inputs, EVSE_IN_LATCH_RESET, now_us);
    }
    return held;
}

static bool is_reset_seen(const evse_control_t *control, uint64_t now_us)
{
    bool seen = true; // each of them: one that is stuck must not be armed by another's line
    for (uint32_t i = 0; i < control->connectors; i++) {
        seen &= evse_io_is_fresh(&control->channel[i].inputs, EVSE_IN_LATCH_RESET, now_us);
    }
    return seen;
}

// The weld's latch stays while the contactor is seen closed, and while nobody sees it.
static void clear_weld(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    bool open = evse_io_is_fresh(&channel->inputs, EVSE_IN_CONTACTOR_FEEDBACK, now_us) &&
                !channel->inputs.level[EVSE_IN_CONTACTOR_FEEDBACK];
    if (channel->weld_latched && open) {
        channel->weld_latched = false;
        evse_channel_event(control, channel, EVSE_EVENT_WELD_CLEARED, 0, now_us);
    }
}

static void clear_latches(evse_control_t *control, uint64_t now_us)
{
    uint32_t seen = control->reset_latch; // a trip since then makes the exchange fail
    if (seen != 0 && atomic_compare_exchange_strong(&control->estop_latched, &seen, 0u)) {
        control->estop_reported = false;
        control->alarms++;
        HF_LOGD(control->log, now_us, SAFETY, "emergency stop reset");
        evse_channel_event(control, &control->channel[0], EVSE_EVENT_ESTOP_CLEARED, 0, now_us);
    }
    for (uint32_t i = 0; i < control->connectors; i++) {
        clear_weld(control, &control->channel[i], now_us);
    }
}

static void hold(evse_control_t *control, uint64_t now_us)
{
    if (!control->reset_held) {
        control->reset_held = true;
        control->reset_since_us = now_us;
        control->reset_latch = atomic_load(&control->estop_latched);
    } else if (now_us - control->reset_since_us >= EVSE_US(EVSE_LATCH_RESET_HOLD_MS)) {
        control->reset_armed = false; // once a press
        control->reset_held = false;
        clear_latches(control, now_us);
    }
}

void evse_latch_judge(evse_control_t *control, uint64_t now_us)
{
    const uint64_t sight_us = EVSE_US(evse_input_info[EVSE_IN_LATCH_RESET].valid_age_ms);
    bool closed = is_loop_closed(control, now_us);
    report_trip(control, now_us);
    if (!closed || now_us - control->last_tick_us > sight_us) {
        control->reset_armed = false;
        control->reset_held = false;
    } else if (!is_reset_held(control, now_us)) {
        control->reset_held = false;
        control->reset_armed = is_reset_seen(control, now_us);
    } else if (control->reset_armed) {
        hold(control, now_us);
    }
}

void evse_latch_weld(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (!channel->weld_latched) {
        channel->weld_latched = true;
        evse_channel_event(control, channel, EVSE_EVENT_WELD, EVSE_FAULT_CONTACTOR_WELDED, now_us);
    }
    evse_channel_raise(control, channel, EVSE_FAULT_CONTACTOR_WELDED, now_us);
}
