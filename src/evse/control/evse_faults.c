// SPDX-License-Identifier: MIT
// The fault of a connector: raised, locked, cleared by the condition its row states (evse_fault_clearing), and the ride:
// a session that rides out a bus-off. Goals: a fault shows at once; what is cleared was absent for the time of the lock.
// Assumptions: the verdict is of this tick. Invariants: a graver fault replaces a lesser one, never the other way round; a
// fault ends its session, except CAN_BUS_OFF while the session rides; nothing is powered while a fault stands.
#include "evse_channel.h"

#define PERCENT 100 // of a whole

static bool may_ride(const evse_channel_t *channel)
{
    const uint32_t most = EVSE_BUS_OFFS_MAX, resume_ms = EVSE_BUS_OFF_RESUME_MS;
    return channel->active && !channel->ending && resume_ms != 0 &&
           channel->session_bus_offs < most;
}

void evse_channel_raise(evse_control_t *control, evse_channel_t *channel, evse_fault_t fault,
                        uint64_t now_us)
{
    channel->fault_since_us = now_us;
    if (evse_fault_clearing(fault) == EVSE_CLEAR_UNPLUG) { // whatever else hides it
        channel->unplug_owed = true;
        channel->fault_left = !channel->plugged;
    }
    channel->ride_spoiled = channel->ride_spoiled || !evse_fault_follows_bus_off(fault);
    if (evse_fault_gravity(fault) <= evse_fault_gravity(channel->fault)) {
        return;
    }
    channel->riding =
        fault == EVSE_FAULT_CAN_BUS_OFF && channel->fault == EVSE_FAULT_NONE && may_ride(channel);
    if (channel->riding) {
        channel->session_bus_offs++;
        channel->ride_since_us = now_us;
        channel->ride_spoiled = false;
    }
    channel->fault = fault;
    control->alarms++;
    HF_LOGD(control->log, now_us, SAFETY, "connector %u: fault %d %s",
            evse_channel_index(control, channel) + 1u, (int)fault, evse_fault_name(fault));
    evse_channel_event(control, channel, EVSE_EVENT_FAULT, fault, now_us);
}

static void clear(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    HF_LOGD(control->log, now_us, SAFETY, "connector %u: fault %s cleared",
            evse_channel_index(control, channel) + 1u, evse_fault_name(channel->fault));
    evse_channel_event(control, channel, EVSE_EVENT_FAULT_CLEARED, channel->fault, now_us);
    channel->fault = EVSE_FAULT_NONE;
    control->alarms++;
    channel->unplug_owed = false;
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
    uint64_t age_us = EVSE_US(EVSE_INNER_AGE_MS);
    bool both = evse_module_is_answer_fresh(module, module->module_mA, now_us, age_us) &&
                evse_module_is_answer_fresh(module, module->module_mV, now_us, age_us);
    bool apart = is_apart(module->terminal_mA.value, module->module_mA.value, EVSE_DISAGREE_MA) ||
                 is_apart(module->terminal_mV.value, module->module_mV.value, EVSE_DISAGREE_MV);
    if (channel->phase != EVSE_POWER_ON || (both && !apart)) {
        channel->disagree_since_us = now_us;
    }
    return now_us - channel->disagree_since_us >= EVSE_US(EVSE_DISAGREE_MS);
}

// True while a cause of any fault is there.
static bool raise_causes(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
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
    return cause;
}

static bool is_steady(const evse_can_bus_t *bus, uint64_t now_us)
{
    return bus->can.ops == NULL || (bus->state != EVSE_CAN_BUS_OFF &&
                                    now_us - bus->good_since_us >= EVSE_US(EVSE_CAN_GOOD_MS));
}

// The buses are back for good, module and BMS were heard since, and OFF has been confirmed. What was heard before does not
// count: a bus that comes back for a moment proves nothing.
static bool is_well(const evse_channel_t *channel, uint64_t now_us)
{
    const evse_can_bus_t *own = &channel->module_bus, *bms = &channel->bms_bus;
    uint64_t bms_back_us = bms->can.ops != NULL ? bms->good_since_us : own->good_since_us;
    uint32_t needed = EVSE_REASON(BUS_OFF) | EVSE_REASON(MODULE_SILENT) | EVSE_REASON(METER_STALE) |
                      EVSE_REASON(TEMPERATURE_STALE);
    bool heard = channel->module.terminal_mV.stamp_us > own->good_since_us &&
                 (!channel->bms_expected || channel->bms.stamp_us > bms_back_us);
    return (channel->verdict.reasons & needed) == 0 && heard && !channel->off_owed &&
           is_steady(own, now_us) && is_steady(bms, now_us);
}

// A graver fault hides a lesser one, not its reason.
static bool is_spoiled(const evse_channel_t *channel)
{
    uint32_t foreign = EVSE_REASON(OVERVOLTAGE) | EVSE_REASON(UNDERVOLTAGE) |
                       EVSE_REASON(OVERCURRENT) | EVSE_REASON(OVERTEMPERATURE) |
                       EVSE_REASON(IO_STALE) | EVSE_REASON(CONTACTOR);
    return channel->ride_spoiled || (channel->verdict.reasons & foreign) != 0;
}

// The rule of a session whose bus went off: it goes on when everything is well again in time, else it ends. [SAF-12]
static void ride(evse_control_t *control, evse_channel_t *channel, bool cause, uint64_t now_us)
{
    channel->ride_spoiled = is_spoiled(channel);
    if (!cause && is_well(channel, now_us) && !channel->ride_spoiled) {
        channel->riding = false;
        clear(control, channel, now_us);
    } else if (channel->ride_spoiled ||
               now_us - channel->ride_since_us >= EVSE_US(EVSE_BUS_OFF_RESUME_MS)) {
        channel->riding = false; // the fault ends the session now
    }
}

static bool may_clear(const evse_channel_t *channel, uint64_t now_us)
{
    bool unplug = channel->unplug_owed || evse_fault_clearing(channel->fault) == EVSE_CLEAR_UNPLUG;
    return channel->fault != EVSE_FAULT_NONE && !channel->active &&
           !evse_channel_is_named(channel, now_us) && (!unplug || channel->fault_left) &&
           now_us - channel->fault_since_us >= EVSE_US(EVSE_FAULT_LOCK_MS);
}

void evse_channel_watch_faults(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    bool cause = raise_causes(control, channel, now_us);
    if (channel->riding) {
        ride(control, channel, cause, now_us);
    } else if (!cause && may_clear(channel, now_us)) { // a latch is a cause of its own
        clear(control, channel, now_us);
    }
}
