// SPDX-License-Identifier: MIT
// The way back of a bus. Goal: while the output may still carry power, the bus is the second path to safety and is wanted
// back at once; when it is proven dead there is no hurry, and a bus that is broken is not hammered.
#include "evse/evse_can.h"
#include "evse/evse_timing.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define GOOD_US (EVSE_CAN_GOOD_MS * (uint64_t)HF_US_PER_MS)

int evse_can_bus_init(evse_can_bus_t *bus, evse_can_t can)
{
    memset(bus, 0, sizeof *bus);
    if (can.ops == NULL || can.ops->send == NULL || can.ops->receive == NULL ||
        can.ops->poll == NULL) {
        return HF_E_ARGUMENT;
    }
    bus->can = can;
    bus->state = EVSE_CAN_BUS_OFF;
    return hf_backoff_init(&bus->backoff, EVSE_CAN_RECOVERY_BASE_MS, EVSE_CAN_RECOVERY_CAP_MS, 0,
                           1);
}

static void note_state(evse_can_bus_t *bus, evse_can_state_t state, uint64_t now_us)
{
    bool was_off = bus->state == EVSE_CAN_BUS_OFF;
    bool is_off = state == EVSE_CAN_BUS_OFF;
    if (is_off && (!was_off || bus->off_since_us == 0)) {
        bus->off_since_us = now_us;
        bus->bus_offs += was_off ? 0u : 1u; // one that was never there has not gone off
    }
    if (!is_off && was_off) {
        bus->good_since_us = now_us;
        bus->recoveries += bus->tries > 0 ? 1u : 0u;
        bus->tries = 0;
    }
    bus->state = state;
}

evse_can_state_t evse_can_bus_poll(evse_can_bus_t *bus, uint64_t now_us)
{
    note_state(bus, bus->can.ops->poll(bus->can.ctx, now_us), now_us);
    if (bus->state != EVSE_CAN_BUS_OFF && now_us - bus->good_since_us >= GOOD_US) {
        hf_backoff_reset(&bus->backoff);
        bus->next_try_us = 0;
    }
    return bus->state;
}

void evse_can_bus_recover(evse_can_bus_t *bus, bool output_dead, uint64_t now_us)
{
    if (bus->state != EVSE_CAN_BUS_OFF || bus->can.ops->recover == NULL ||
        (output_dead && now_us < bus->next_try_us)) {
        return;
    }
    bus->tries++;
    (void)bus->can.ops->recover(bus->can.ctx, now_us); // the next poll tells what came of it
    if (output_dead) {
        bus->next_try_us = now_us + hf_backoff_next_ms(&bus->backoff) * (uint64_t)HF_US_PER_MS;
    }
}
