// SPDX-License-Identifier: MIT
// The contactor. Goal: one that does not open is found before the next vehicle is told that it is safe. Assumptions: its
// feedback is a mirror contact; a voltage before the contactor falls by itself when module and battery are off it.
// Invariants: a weld is latched by the first proof that fails and cleared only by the local reset [SAF-16]; no start while
// a proof is still owed.
#include "evse_contactor.h"

#include "evse_latch.h"

bool evse_contactor_is_closed(const evse_channel_t *channel, uint64_t now_us)
{
    return evse_io_level(&channel->inputs, EVSE_IN_CONTACTOR_FEEDBACK, now_us);
}

bool evse_contactor_is_open(const evse_channel_t *channel, uint64_t now_us)
{
    return evse_io_is_fresh(&channel->inputs, EVSE_IN_CONTACTOR_FEEDBACK, now_us) &&
           !channel->inputs.level[EVSE_IN_CONTACTOR_FEEDBACK];
}

void evse_contactor_close(evse_channel_t *channel)
{
    channel->contactor_wanted = true;
    channel->fall_pending = false;
}

static bool is_voltage_fresh(const evse_channel_t *channel, uint64_t now_us)
{
    return evse_reading_is_fresh(channel->module.terminal_mV, now_us,
                                 EVSE_US(channel->config.limits->reading_age_ms));
}

void evse_contactor_open(evse_channel_t *channel, uint64_t now_us)
{
    if (!channel->contactor_wanted) {
        return;
    }
    channel->contactor_wanted = false;
    channel->opened_us = now_us;
    channel->fall_from_mV = channel->module.terminal_mV.value;
    channel->fall_since_us = now_us;
    channel->fall_pending = channel->config.limits->sensor == EVSE_SENSOR_BEFORE_CONTACTOR &&
                            is_voltage_fresh(channel, now_us) &&
                            channel->fall_from_mV > EVSE_WELD_FALL_MV;
}

// Closed for a while without being commanded: welded.
static void watch_feedback(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    if (channel->contactor_wanted || !evse_contactor_is_closed(channel, now_us)) {
        channel->weld_since_us = now_us;
    } else if (now_us - channel->weld_since_us >= EVSE_US(EVSE_WELD_MS) && !channel->weld_latched) {
        evse_latch_weld(control, channel, now_us);
    }
}

static bool is_loaded(const evse_channel_t *channel)
{
    int32_t mA = channel->module.terminal_mA.value;
    return mA >= EVSE_NO_LOAD_MA || mA <= -EVSE_NO_LOAD_MA;
}

// Or it is lower than any battery could hold it.
static bool has_fallen(const evse_channel_t *channel)
{
    int32_t mV = channel->module.terminal_mV.value;
    return mV <= channel->fall_from_mV - EVSE_WELD_FALL_MV ||
           mV <= channel->config.limits->min_mV - EVSE_WELD_FALL_MV;
}

// The battery holds up a voltage that has no other source any more. It counts from the moment the module has confirmed OFF
// and nothing flows: what falls before is the drop of a load. With the vehicle gone there is nothing to prove it by.
static void watch_fall(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    evse_reading_t mV = channel->module.terminal_mV;
    channel->fall_pending = channel->fall_pending && channel->plugged;
    if (!channel->fall_pending || !is_voltage_fresh(channel, now_us) ||
        mV.stamp_us <= channel->opened_us) {
        return;
    }
    if (!channel->off_confirmed || is_loaded(channel)) {
        channel->fall_since_us = now_us;
        channel->fall_from_mV = mV.value;
    } else if (has_fallen(channel)) {
        channel->fall_pending = false;
    } else if (now_us - channel->fall_since_us >= EVSE_US(EVSE_WELD_FALL_MS)) {
        channel->fall_pending = false;
        evse_latch_weld(control, channel, now_us);
    }
}

void evse_contactor_watch(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    watch_feedback(control, channel, now_us);
    watch_fall(control, channel, now_us);
}
