// SPDX-License-Identifier: MIT
// The buses of a simulated outlet: frames on their way out, bus-off, an unplugged cable, a babbling node.
// Invariants: a frame leaves only on its own bus; nothing passes a bus that is off or unplugged; a babbling node takes
// what the bus carries and no more, and arbitration is by id as on a wire.
#include "sim_private.h"

#include <string.h>

#define US_PER_S        1000000u
#define BACKLOG_US      100000u // a bus has no memory: what nobody took is gone
#define NO_INTRUDER     0xFFu
#define RANDOM_MULTIPLY 1664525u // Numerical Recipes' generator: its upper half is good enough
#define RANDOM_ADD      1013904223u

static const uint32_t module_ids[] = {0x00433F01u, 0x00473F01u, 0x18FF50E5u, 0x0680817Eu,
                                      0x0680827Eu};
static const uint32_t bms_ids[] = {0x1806E5F4u, 0x160B8001u, 0x160D8001u};
static const uint8_t module_signals[] = {0x00, 0x03, 0x32, 0x80, 0x82, 0x84};

static sim_bus_t bus_of(const sim_outlet_t *outlet, sim_bus_t bus)
{
    return outlet->config.two_buses ? bus : SIM_BUS_MODULE;
}

/// Of a fault that each bus has: is it this bus's? Without two_buses both are.
static bool has_bus_fault(const sim_outlet_t *outlet, sim_bus_t bus, const sim_faults_t pair[2])
{
    if (!outlet->config.two_buses) {
        return bus == SIM_BUS_MODULE && sim_has_fault(outlet, pair[0] | pair[1]);
    }
    return sim_has_fault(outlet, pair[bus]);
}

static const sim_faults_t offs[2] = {SIM_FAULT_BUS_OFF, SIM_FAULT_BMS_BUS_OFF};
static const sim_faults_t unpluggeds[2] = {SIM_FAULT_BUS_UNPLUGGED, SIM_FAULT_BMS_BUS_UNPLUGGED};
static const sim_faults_t babbles[2] = {SIM_FAULT_BABBLE, SIM_FAULT_BMS_BABBLE};

evse_can_state_t sim_outlet_bus_state(const sim_outlet_t *outlet, sim_bus_t bus)
{
    if (has_bus_fault(outlet, bus, offs)) {
        return EVSE_CAN_BUS_OFF;
    }
    return has_bus_fault(outlet, bus, unpluggeds) ? EVSE_CAN_PASSIVE : EVSE_CAN_ACTIVE;
}

void sim_bus_init(sim_outlet_t *outlet)
{
    outlet->random = 1;
    for (unsigned b = 0; b < SIM_BUS_COUNT; b++) {
        outlet->tx[b].intruder.length = NO_INTRUDER;
    }
}

void sim_bus_changed(sim_outlet_t *outlet, sim_faults_t set)
{
    const sim_faults_t noise =
        SIM_FAULT_BABBLE | SIM_FAULT_BMS_BABBLE | SIM_FAULT_FLOOD | SIM_FAULT_BMS_FLOOD;
    for (unsigned b = 0; b < SIM_BUS_COUNT; b++) {
        sim_queue_t *queue = &outlet->tx[b];
        if (sim_outlet_bus_state(outlet, (sim_bus_t)b) != EVSE_CAN_ACTIVE) {
            queue->count = 0;
        }
        if ((set & noise) != 0) {
            queue->babbled_us = outlet->now_us;
        }
        queue->intruder.length = NO_INTRUDER;
    }
}

void sim_outlet_send(sim_outlet_t *outlet, sim_bus_t bus, const evse_can_frame_t *frame)
{
    bus = bus_of(outlet, bus);
    if (sim_outlet_bus_state(outlet, bus) != EVSE_CAN_ACTIVE) {
        return;
    }
    sim_queue_t *queue = &outlet->tx[bus];
    if (queue->count == SIM_TX_FRAMES) {
        queue->head = (queue->head + 1) % SIM_TX_FRAMES;
        queue->count--;
        outlet->frames_dropped++;
    }
    queue->frame[(queue->head + queue->count) % SIM_TX_FRAMES] = *frame;
    queue->count++;
}

// ---- a babbling node ----

static uint32_t random_u32(sim_outlet_t *outlet)
{
    outlet->random = outlet->random * RANDOM_MULTIPLY + RANDOM_ADD;
    uint32_t high = outlet->random & 0xFFFF0000u;
    outlet->random = outlet->random * RANDOM_MULTIPLY + RANDOM_ADD;
    return high | outlet->random >> 16;
}

static uint32_t module_id(sim_outlet_t *outlet)
{
    uint32_t id = module_ids[random_u32(outlet) % HF_COUNT_OF(module_ids)];
    bool has_address = id >> 24 == 0x06u;
    uint32_t unit = random_u32(outlet) % outlet->config.units;
    return has_address ? id | (outlet->config.profile->address + unit) << 16 : id;
}

/// Content of the right form with random values: what a decoder cannot know to be wrong.
static evse_can_frame_t impostor(sim_outlet_t *outlet, bool is_bms)
{
    evse_can_frame_t frame = {.length = 8, .extended = true};
    frame.id = is_bms ? bms_ids[random_u32(outlet) % HF_COUNT_OF(bms_ids)] : module_id(outlet);
    sim_put_u32(frame.data, random_u32(outlet));
    sim_put_u32(frame.data + 4, random_u32(outlet));
    if (frame.id >> 24 == 0x06u) {
        frame.data[0] = 1;
        frame.data[1] = module_signals[random_u32(outlet) % HF_COUNT_OF(module_signals)];
        frame.data[3] &= 1;
        frame.data[4] = 0; // else hardly a value would be in range
        frame.data[5] &= 1;
    } else if (frame.id == bms_ids[0]) {
        frame.data[0] &= 7; // up to 204.7 V
        frame.data[2] &= 7;
        frame.data[4] &= 1;
    }
    return frame;
}

static evse_can_frame_t babble(sim_outlet_t *outlet)
{
    evse_can_frame_t frame = {.id = random_u32(outlet) & EVSE_CAN_ID_MASK, .extended = true};
    frame.length = (uint8_t)(random_u32(outlet) % 9u);
    sim_put_u32(frame.data, random_u32(outlet));
    sim_put_u32(frame.data + 4, random_u32(outlet));
    memset(frame.data + frame.length, 0, 8u - frame.length);
    return frame;
}

static bool has_noise(const sim_outlet_t *outlet, sim_bus_t bus)
{
    static const sim_faults_t floods[2] = {SIM_FAULT_FLOOD, SIM_FAULT_BMS_FLOOD};
    return sim_outlet_bus_state(outlet, bus) == EVSE_CAN_ACTIVE &&
           (has_bus_fault(outlet, bus, babbles) || has_bus_fault(outlet, bus, floods));
}

static evse_can_frame_t intrude(sim_outlet_t *outlet, sim_bus_t bus)
{
    sim_faults_t mine = outlet->config.two_buses
                            ? (bus == SIM_BUS_MODULE ? SIM_FAULT_FLOOD : SIM_FAULT_BMS_FLOOD)
                            : SIM_FAULT_FLOOD | SIM_FAULT_BMS_FLOOD;
    mine &= outlet->faults;
    if (mine == 0 || (has_bus_fault(outlet, bus, babbles) && random_u32(outlet) % 2u == 0)) {
        return babble(outlet);
    }
    bool is_both = mine == (SIM_FAULT_FLOOD | SIM_FAULT_BMS_FLOOD);
    return impostor(outlet, is_both ? random_u32(outlet) % 2u == 0 : mine == SIM_FAULT_BMS_FLOOD);
}

/// The next slot of a full bus; false when there is none yet.
static bool take_slot(sim_outlet_t *outlet, sim_queue_t *queue)
{
    uint64_t slot_us = US_PER_S / outlet->config.bus_frames_per_s;
    if (outlet->now_us - queue->babbled_us > BACKLOG_US) {
        queue->babbled_us = outlet->now_us - BACKLOG_US;
    }
    if (outlet->now_us - queue->babbled_us < slot_us) {
        return false;
    }
    queue->babbled_us += slot_us;
    return true;
}

/// Arbitration: true and the babbling node's frame when it has the lower id.
static bool take_intruder(sim_outlet_t *outlet, sim_bus_t bus, evse_can_frame_t *frame)
{
    sim_queue_t *queue = &outlet->tx[bus];
    if (queue->intruder.length == NO_INTRUDER) {
        queue->intruder = intrude(outlet, bus);
    }
    if (queue->count != 0 && queue->frame[queue->head].id <= queue->intruder.id) {
        return false;
    }
    *frame = queue->intruder;
    queue->intruder.length = NO_INTRUDER;
    return true;
}

// ---- in and out ----

bool sim_outlet_transmit_on(sim_outlet_t *outlet, sim_bus_t bus, evse_can_frame_t *frame)
{
    sim_queue_t *queue = &outlet->tx[bus];
    if (has_noise(outlet, bus)) {
        if (!take_slot(outlet, queue)) {
            return false;
        }
        if (take_intruder(outlet, bus, frame)) {
            return true;
        }
    }
    if (queue->count == 0) {
        return false;
    }
    *frame = queue->frame[queue->head];
    queue->head = (queue->head + 1) % SIM_TX_FRAMES;
    queue->count--;
    outlet->frames_out++;
    return true;
}

bool sim_outlet_transmit(sim_outlet_t *outlet, evse_can_frame_t *frame)
{
    return sim_outlet_transmit_on(outlet, SIM_BUS_MODULE, frame);
}

void sim_outlet_receive_on(sim_outlet_t *outlet, sim_bus_t bus, const evse_can_frame_t *frame)
{
    if (sim_outlet_bus_state(outlet, bus) != EVSE_CAN_ACTIVE) {
        return;
    }
    outlet->frames_in++;
    if (bus == SIM_BUS_MODULE && sim_module_receive(outlet, frame)) {
        return;
    }
    if (bus == bus_of(outlet, SIM_BUS_BMS)) {
        sim_vehicle_receive(outlet, frame);
    }
}

void sim_outlet_receive(sim_outlet_t *outlet, const evse_can_frame_t *frame)
{
    sim_outlet_receive_on(outlet, SIM_BUS_MODULE, frame);
}
