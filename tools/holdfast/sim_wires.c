// SPDX-License-Identifier: MIT
// The wires of `holdfast sim`: which back end a spec means, frames between outlets and back ends, faults of a wire itself.
#include "holdfast.h"
#include "sim_station.h"

#include <string.h>
#include <sys/epoll.h>

static const station_wire_ops_t *const backends[] = {
    &station_hub,          &station_slcan_pty, &station_slcan_unix, &station_socketcan,
#if CONFIG_HOLDFASTD_SLCAN
    &station_adapter_node,
#endif
};

static const struct wire_fault {
    const char *name, *text;
    unsigned fault;
    sim_bus_t bus;
} wire_faults[] = {
    {"serial-noise", "SLCAN: damaged and half lines", STATION_SERIAL_NOISE, SIM_BUS_MODULE},
    {"bms-serial-noise", "the same on the BMS bus", STATION_SERIAL_NOISE, SIM_BUS_BMS},
    {"adapter-gone", "SLCAN: the adapter is pulled out", STATION_ADAPTER_GONE, SIM_BUS_MODULE},
    {"bms-adapter-gone", "the same on the BMS bus", STATION_ADAPTER_GONE, SIM_BUS_BMS},
};

const station_wire_ops_t *station_backend(unsigned n)
{
    return n < HF_COUNT_OF(backends) ? backends[n] : NULL;
}

int station_wire_choose(station_wire_t *wire, const char *option, const char *spec)
{
    const char *path = spec; // a plain path is a virtual bus
    wire->ops = &station_hub;
    wire->spec = spec;
    for (unsigned i = 0; i < HF_COUNT_OF(backends); i++) {
        size_t length = strlen(backends[i]->prefix);
        if (strncmp(spec, backends[i]->prefix, length) == 0) {
            wire->ops = backends[i];
            path = spec + length;
        }
    }
    bool is_unknown = path == spec && strchr(spec, ':') != NULL && strchr(spec, '/') == NULL;
    if (is_unknown || path[0] == '\0' || strlen(path) >= sizeof wire->path) {
        (void)tool_fail(TOOL_USAGE, "sim",
                        "%s '%s': virtual:PATH, slcan-pty:LINK, slcan-unix:PATH, socketcan:IF or "
                        "slcan:DEVICE is needed, of 1 to %u characters",
                        option, spec, STATION_PATH_BYTES - 1u);
        return tool_usage_hint("sim");
    }
    memcpy(wire->path, path, strlen(path) + 1);
    return TOOL_GOOD;
}

int station_wires_open(station_t *station)
{
    int code = TOOL_GOOD;
    for (unsigned w = 0; w < STATION_WIRES && code == TOOL_GOOD; w++) {
        if (station->wire[w].ops != NULL) {
            code = station->wire[w].ops->open(station, &station->wire[w]);
        }
    }
    return code;
}

void station_wires_close(station_t *station)
{
    for (unsigned w = 0; w < STATION_WIRES; w++) {
        station_wire_t *wire = &station->wire[w];
        if (wire->ops != NULL && wire->ops->close != NULL) {
            wire->ops->close(wire);
        }
        for (unsigned i = 0; i < STATION_CLIENTS_MAX; i++) {
            station_close_fd(&wire->client[i]);
        }
        station_close_listener(&wire->listener, wire->path);
    }
}

void station_wire_heard(station_t *station, station_wire_t *wire, const evse_can_frame_t *frame)
{
    wire->in++;
    sim_outlet_receive_on(&station->outlet[wire->index / SIM_BUS_COUNT],
                          (sim_bus_t)(wire->index % SIM_BUS_COUNT), frame);
    station_latency_look(station, wire->index / SIM_BUS_COUNT);
}

static void run_wire(station_t *station, station_wire_t *wire, bool is_tick)
{
    sim_outlet_t *outlet = &station->outlet[wire->index / SIM_BUS_COUNT];
    sim_bus_t bus = (sim_bus_t)(wire->index % SIM_BUS_COUNT);
    evse_can_state_t state = sim_outlet_bus_state(outlet, bus);
    bool changed = wire->is_off != (state == EVSE_CAN_BUS_OFF);
    wire->is_off = state == EVSE_CAN_BUS_OFF;
    if ((is_tick || changed) && wire->ops->tick != NULL) {
        wire->ops->tick(station, wire, state);
    }
    evse_can_frame_t frame;
    while (sim_outlet_transmit_on(outlet, bus, &frame)) {
        wire->out++;
        wire->ops->send(wire, &frame);
    }
}

void station_wires_run(station_t *station, bool is_tick)
{
    for (unsigned w = 0; w < STATION_WIRES; w++) {
        if (station->wire[w].ops != NULL) {
            run_wire(station, &station->wire[w], is_tick);
        }
    }
}

// ---- faults of the wire itself ----

unsigned station_wire_fault_find(const char *name, sim_bus_t *bus)
{
    for (unsigned i = 0; i < HF_COUNT_OF(wire_faults); i++) {
        if (strcmp(name, wire_faults[i].name) == 0) {
            *bus = wire_faults[i].bus;
            return wire_faults[i].fault;
        }
    }
    return 0;
}

const char *station_wire_fault_name(unsigned index)
{
    return index < HF_COUNT_OF(wire_faults) ? wire_faults[index].name : NULL;
}

const char *station_wire_fault_text(unsigned index)
{
    return index < HF_COUNT_OF(wire_faults) ? wire_faults[index].text : NULL;
}

const char *station_wire_fault_set(station_t *station, unsigned wire, unsigned fault, bool on)
{
    station_wire_t *one = &station->wire[wire];
    if (one->ops == NULL || one->ops->plug == NULL) {
        return "that bus has no SLCAN adapter";
    }
    if (fault == STATION_SERIAL_NOISE) {
        one->adapter.is_noisy = on;
    } else if (one->is_gone != on) {
        one->is_gone = on;
        one->ops->plug(station, one, !on);
    }
    return NULL;
}
