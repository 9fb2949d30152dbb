// SPDX-License-Identifier: MIT
// The way back of a bus. Goal: while the output may still carry power, the bus is the second path to safety and is wanted
// back at once; when it is proven dead there is no hurry, and a bus that is broken is not hammered.
#include "evse/evse_can.h"
#include "evse/evse_timing.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define GOOD_US   EVSE_US(EVSE_CAN_GOOD_MS)
#define NO_ACK_US EVSE_US(EVSE_CAN_NO_ACK_MS)

// A try counts as failed until the bus has been good for a while: then success() says so.
static const hf_breaker_limit_t recovery = {
    .threshold = 1, .cool_down_ms = EVSE_CAN_RECOVERY_BASE_MS, .cap_ms = EVSE_CAN_RECOVERY_CAP_MS};

int evse_can_bus_init(evse_can_bus_t *bus, evse_can_t can)
{
    memset(bus, 0, sizeof *bus);
    if (can.ops == NULL || can.ops->send == NULL || can.ops->receive == NULL ||
        can.ops->poll == NULL) {
        return HF_E_ARGUMENT;
    }
    bus->can = can;
    bus->state = EVSE_CAN_BUS_OFF;
    return hf_breaker_init(&bus->breaker, &recovery);
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
        bus->recoveries = bus->bus_offs; // whoever brought it back: this one is over
        bus->tries = 0;
    }
    bus->state = state;
}

// Told once, and again only after it was low in between.
static void watch_ring(evse_can_bus_t *bus)
{
    const evse_can_ops_t *ops = bus->can.ops;
    const evse_can_inbox_t *inbox = ops->inbox != NULL ? ops->inbox(bus->can.ctx) : NULL;
    bus->ring_percent = inbox != NULL ? evse_can_inbox_percent(inbox) : 0;
    if (bus->ring_percent > EVSE_CAN_RING_WARN_PERCENT && !bus->ring_high) {
        bus->ring_high = true;
        bus->ring_warnings++;
    } else if (bus->ring_percent < EVSE_CAN_RING_WARN_PERCENT / 2u) {
        bus->ring_high = false;
    }
}

evse_can_state_t evse_can_bus_poll(evse_can_bus_t *bus, uint64_t now_us)
{
    note_state(bus, bus->can.ops->poll(bus->can.ctx, now_us), now_us);
    watch_ring(bus);
    if (bus->state != EVSE_CAN_BUS_OFF && now_us - bus->good_since_us >= GOOD_US) {
        hf_breaker_success(&bus->breaker);
    }
    return bus->state;
}

void evse_can_bus_recover(evse_can_bus_t *bus, bool output_dead, uint64_t now_us)
{
    if (bus->state != EVSE_CAN_BUS_OFF || bus->can.ops->recover == NULL ||
        (output_dead && hf_breaker_wait_ms(&bus->breaker, now_us) != 0)) {
        return;
    }
    if (bus->can.ops->recover(bus->can.ctx, now_us) == HF_E_AGAIN) {
        return; // the last try is still under way; the wait begins with the next one
    }
    bus->tries++; // the next poll tells what came of it
    if (output_dead && hf_breaker_allow(&bus->breaker, now_us)) { // exempt otherwise
        hf_breaker_failure(&bus->breaker, now_us);
    }
}

void evse_can_jam_note(evse_can_jam_t *jam, bool taken)
{
    if (taken) {
        *jam = (evse_can_jam_t){0};
    } else {
        jam->refused = true; // send() has no clock: the next poll's time is taken for it
    }
}

bool evse_can_jam_poll(evse_can_jam_t *jam, uint64_t now_us)
{
    if (jam->refused) {
        jam->refused = false;
        jam->since_us = jam->since_us == 0 ? now_us : jam->since_us;
        jam->last_us = now_us;
    }
    return jam->last_us - jam->since_us >= NO_ACK_US;
}
