// SPDX-License-Identifier: MIT
// The buses of a connector within a tick. Goal: a bus-off is known before anything is judged, and told; while the output
// may still carry power the bus is wanted back in every tick. Invariants: nothing from another bus is life of a BMS that
// has one of its own [SAF-03]; no bus is asked back before both stop paths of its tick were commanded [SAF-12].
#include "evse_buses.h"

#include "evse_channel.h"
#include "evse_power.h"

static bool has_bms_bus(const evse_channel_t *channel)
{
    return channel->bms_bus.can.ops != NULL;
}

static void receive_module_bus(evse_channel_t *channel, uint64_t now_us)
{
    const evse_can_t *can = &channel->module_bus.can;
    evse_can_frame_t frame;
    for (int i = 0; i < EVSE_FRAMES_PER_TICK && can->ops->receive(can->ctx, &frame) > 0; i++) {
        uint64_t time_us = evse_can_frame_time_us(&frame, now_us);
        channel->can_rx++;
        if (!evse_module_receive(&channel->module, &frame, time_us) && !has_bms_bus(channel)) {
            (void)evse_bms_receive(&channel->bms, &frame, time_us);
        }
    }
}

static void receive_bms_bus(evse_channel_t *channel, uint64_t now_us)
{
    const evse_can_t *can = &channel->bms_bus.can;
    evse_can_frame_t frame;
    for (int i = 0; i < EVSE_FRAMES_PER_TICK && can->ops->receive(can->ctx, &frame) > 0; i++) {
        channel->can_rx++;
        (void)evse_bms_receive(&channel->bms, &frame, evse_can_frame_time_us(&frame, now_us));
    }
}

// Told only when it changes, and not at boot, where no bus has been there yet.
static evse_can_state_t poll(evse_control_t *control, evse_channel_t *channel, evse_can_bus_t *bus,
                             uint64_t now_us)
{
    unsigned which = bus == &channel->bms_bus ? 1 : 0;
    evse_can_state_t was = bus->state;
    bool was_high = bus->ring_high;
    uint32_t bus_offs = bus->bus_offs, recoveries = bus->recoveries;
    evse_can_state_t state = evse_can_bus_poll(bus, now_us);
    if (state != was || bus->ring_high != was_high) {
        control->alarms++;
    }
    if (bus->bus_offs != bus_offs) {
        HF_LOGW(control->log, now_us, SAFETY, "connector %u: %s bus off, %u times so far",
                evse_channel_index(control, channel) + 1u, which == 0 ? "module" : "BMS",
                (unsigned)bus->bus_offs);
        evse_channel_event(control, channel, EVSE_EVENT_BUS_OFF, which, now_us);
    } else if (was == EVSE_CAN_BUS_OFF && state != was && (bus->bus_offs != 0 || recoveries != 0)) {
        evse_channel_event(control, channel, EVSE_EVENT_BUS_BACK, which, now_us);
    }
    return state;
}

// A warning a minute is enough to be seen and too few to drown another.
static void watch_rings(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    uint32_t warnings = channel->module_bus.ring_warnings + channel->bms_bus.ring_warnings;
    bool due = channel->ring_warned_us == 0 ||
               now_us - channel->ring_warned_us >= EVSE_US_OF_S(EVSE_CAN_RING_WARN_S);
    if (warnings == channel->ring_warnings || !due) {
        return;
    }
    HF_LOGW(control->log, now_us, CAN, "connector %u: a receive ring was over %u %% full %u times",
            evse_channel_index(control, channel) + 1u, (unsigned)EVSE_CAN_RING_WARN_PERCENT,
            (unsigned)(warnings - channel->ring_warnings));
    channel->ring_warnings = warnings;
    channel->ring_warned_us = now_us;
}

void evse_buses_receive(evse_control_t *control, evse_channel_t *channel, uint64_t now_us)
{
    evse_can_state_t was = channel->module_bus.state;
    channel->bus = poll(control, channel, &channel->module_bus, now_us);
    if (was == EVSE_CAN_BUS_OFF &&
        channel->bus != was) { // the modules want to hear all of it at once
        channel->group_due = true;
        channel->pass_step = 0;
        evse_module_restart(&channel->module, now_us);
    }
    receive_module_bus(channel, now_us);
    if (has_bms_bus(channel)) {
        evse_can_state_t bms = poll(control, channel, &channel->bms_bus, now_us);
        channel->bus = bms > channel->bus ? bms : channel->bus;
        receive_bms_bus(channel, now_us);
    }
    watch_rings(control, channel, now_us);
}

void evse_buses_recover(evse_channel_t *channel, uint64_t now_us)
{
    bool dead = evse_power_is_dead(channel, now_us);
    evse_can_bus_recover(&channel->module_bus, dead, now_us);
    if (has_bms_bus(channel)) {
        evse_can_bus_recover(&channel->bms_bus, dead, now_us);
    }
}
