// SPDX-License-Identifier: MIT
// `holdfast sim`, back end slcan:DEVICE: a node on a real bus through a serial SLCAN adapter, by the charge point's own
// driver. For a device that belongs to the simulator itself; what is tested with it should be somebody else's controller.
#include "evse_can_linux.h"
#include "holdfast.h"
#include "sim_station.h"

#if CONFIG_HOLDFASTD_SLCAN

#include <stdlib.h>

#define RECEIVE_MOST 256u

struct station_node {
    evse_can_linux_t linux_bus;
    evse_can_bus_t bus;
};

static int adapter_open(station_t *station, station_wire_t *wire)
{
    evse_can_t can;
    (void)station;
    wire->node = calloc(1, sizeof *wire->node);
    int status = wire->node != NULL
                     ? evse_can_linux_open(&wire->node->linux_bus, wire->spec, NULL, &can)
                     : HF_E_FULL;
    status = status == HF_OK ? evse_can_bus_init(&wire->node->bus, can) : status;
    if (status != HF_OK) {
        free(wire->node);
        wire->node = NULL;
        return tool_fail(TOOL_USAGE, "sim", "%s: %s", wire->spec, hf_status_text(status));
    }
    return TOOL_GOOD;
}

static void adapter_tick(station_t *station, station_wire_t *wire, evse_can_state_t state)
{
    struct station_node *node = wire->node;
    evse_can_frame_t frame;
    bool was_off = node->bus.state == EVSE_CAN_BUS_OFF;
    bool is_off = evse_can_bus_poll(&node->bus, station->now_us) == EVSE_CAN_BUS_OFF;
    (void)state; // of the simulation: our node's silence is all it can mean here
    for (unsigned i = 0; i < RECEIVE_MOST; i++) {
        if (node->bus.can.ops->receive(node->bus.can.ctx, &frame) <= 0) {
            break;
        }
        station_wire_heard(station, wire, &frame);
    }
    if (was_off != is_off) {
        station_tell_flag(station, "adapter", (int)(wire->index / SIM_BUS_COUNT), "working",
                          !is_off);
    }
    evse_can_bus_recover(&node->bus, true, station->now_us);
}

static void adapter_send(station_wire_t *wire, const evse_can_frame_t *frame)
{
    if (wire->node->bus.can.ops->send(wire->node->bus.can.ctx, frame) != HF_OK) {
        wire->dropped++;
    }
}

static void adapter_receive(station_t *station, station_wire_t *wire, unsigned client)
{
    (void)station; // the tick looks
    (void)wire;
    (void)client;
}

static void adapter_close(station_wire_t *wire)
{
    if (wire->node != NULL) {
        evse_can_linux_close(&wire->node->linux_bus);
        free(wire->node);
        wire->node = NULL;
    }
}

const station_wire_ops_t station_adapter_node = {
    .prefix = "slcan:",
    .help = "DEVICE[@KBITS]  a node on a real bus, by a serial SLCAN adapter",
    .open = adapter_open,
    .receive = adapter_receive,
    .send = adapter_send,
    .tick = adapter_tick,
    .close = adapter_close};

#endif
