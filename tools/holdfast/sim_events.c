// SPDX-License-Identifier: MIT
// What `holdfast sim` says: one JSON object a line on stdout, `t` in seconds of CLOCK_MONOTONIC.
#include "sim_station.h"

#define POWER_STEP_mW 200000

void station_event_begin(station_event_t *event, const station_t *station, const char *name,
                         int connector)
{
    hf_builder_init(&event->out, event->text, sizeof event->text);
    hf_json_writer_init(&event->json, &event->out);
    hf_json_begin_object(&event->json);
    hf_json_key(&event->json, "t");
    hf_json_put_fixed(&event->json, (int64_t)station->now_us, 6);
    hf_json_string_field(&event->json, "event", name);
    if (connector >= 0) {
        hf_json_i64_field(&event->json, "connector", connector + 1);
    }
}

void station_event_end(station_event_t *event, station_t *station)
{
    hf_json_end_object(&event->json);
    if (station->is_mute) {
        return;
    }
    // Nobody reads any more: there is nobody left to simulate for.
    if (puts(event->text) < 0 || fflush(stdout) != 0) {
        station->ends = true;
    }
}

void station_tell_flag(station_t *station, const char *name, int connector, const char *flag,
                       bool value)
{
    station_event_t event;
    station_event_begin(&event, station, name, connector);
    hf_json_bool_field(&event.json, flag, value);
    station_event_end(&event, station);
}

static void tell_power(station_t *station, unsigned connector)
{
    const sim_outlet_t *outlet = &station->outlet[connector];
    station_event_t event;
    station_event_begin(&event, station, "power", (int)connector);
    hf_json_i64_field(&event.json, "power_mW", outlet->power_mW);
    hf_json_i64_field(&event.json, "voltage_mV", outlet->output_mV);
    hf_json_i64_field(&event.json, "current_mA", outlet->output_mA);
    hf_json_i64_field(&event.json, "energy_mJ", (int64_t)outlet->energy_mJ);
    station_event_end(&event, station);
}

static void tell_soc(station_t *station, unsigned connector)
{
    station_event_t event;
    station_event_begin(&event, station, "soc", (int)connector);
    hf_json_key(&event.json, "soc");
    hf_json_put_fixed(&event.json, sim_outlet_soc_permille(&station->outlet[connector]), 1);
    station_event_end(&event, station);
}

static void put_outputs(station_event_t *event, uint32_t bits)
{
    for (unsigned i = 0; i < EVSE_OUTPUT_COUNT; i++) {
        hf_json_bool_field(&event->json, evse_output_info[i].name, (bits >> i & 1u) != 0);
    }
}

static bool has_power_changed(int64_t told_mW, int64_t now_mW)
{
    int64_t change_mW = now_mW > told_mW ? now_mW - told_mW : told_mW - now_mW;
    return change_mW > POWER_STEP_mW || (told_mW == 0) != (now_mW == 0);
}

void station_tell_changes(station_t *station, unsigned connector)
{
    const sim_outlet_t *outlet = &station->outlet[connector];
    station_told_t *told = &station->told[connector];
    if (told->output_bits != outlet->output_bits) {
        told->output_bits = outlet->output_bits;
        station_event_t event;
        station_event_begin(&event, station, "outputs", (int)connector);
        put_outputs(&event, outlet->output_bits);
        station_event_end(&event, station);
    }
    if (told->locked != outlet->locked) {
        told->locked = outlet->locked;
        station_tell_flag(station, "lock", (int)connector, "locked", told->locked);
    }
    if (told->contactor != outlet->contactor_closed) {
        told->contactor = outlet->contactor_closed;
        station_tell_flag(station, "contactor", (int)connector, "closed", told->contactor);
    }
    if (told->module_on != outlet->switch_on) {
        told->module_on = outlet->switch_on;
        station_tell_flag(station, "module", (int)connector, "on", told->module_on);
    }
    if (has_power_changed(told->power_mW, outlet->power_mW)) {
        if ((told->power_mW == 0) != (outlet->power_mW == 0)) {
            told->power_since_us = station->now_us;
        }
        told->power_mW = outlet->power_mW;
        tell_power(station, connector);
    }
    uint32_t percent = sim_outlet_soc_permille(outlet) / 10u;
    if (outlet->plugged && told->soc_percent != percent) {
        told->soc_percent = percent;
        tell_soc(station, connector);
    }
}

/// What a client of the bus opens.
static const char *place_of(const station_wire_t *wire)
{
    bool is_path = wire->ops != &station_socketcan;
#if CONFIG_HOLDFASTD_SLCAN
    is_path = is_path && wire->ops != &station_adapter_node;
#endif
    return is_path ? wire->path : wire->spec;
}

static void put_places(hf_json_writer_t *json, const station_t *station, sim_bus_t bus)
{
    hf_json_begin_array(json);
    for (unsigned c = 0; c < station->connectors; c++) {
        const station_wire_t *wire = &station->wire[c * SIM_BUS_COUNT + bus];
        if (wire->ops != NULL) {
            hf_json_put_string(json, place_of(wire));
        }
    }
    hf_json_end_array(json);
}

void station_tell_ready(station_t *station)
{
    station_event_t event;
    station_event_begin(&event, station, "ready", -1);
    hf_json_key(&event.json, "can");
    put_places(&event.json, station, SIM_BUS_MODULE);
    if (station->wire[SIM_BUS_BMS].ops != NULL) {
        hf_json_key(&event.json, "bms_can");
        put_places(&event.json, station, SIM_BUS_BMS);
    }
    if (station->io.kind != STATION_IO_NONE) {
        hf_json_string_field(&event.json, "io", station->io.path);
    }
    station_event_end(&event, station);
}

static void put_wire(hf_json_writer_t *json, const station_wire_t *wire)
{
    hf_json_begin_object(json);
    hf_json_i64_field(json, "connector", wire->index / SIM_BUS_COUNT + 1u);
    hf_json_string_field(json, "bus",
                         wire->index % SIM_BUS_COUNT == SIM_BUS_BMS ? "bms" : "module");
    hf_json_i64_field(json, "in", wire->in);
    hf_json_i64_field(json, "out", wire->out);
    hf_json_i64_field(json, "dropped", wire->dropped);
    hf_json_i64_field(json, "refused", wire->refused);
    hf_json_end_object(json);
}

void station_tell_frames(station_t *station)
{
    station_event_t event;
    station_event_begin(&event, station, "frames", -1);
    hf_json_key(&event.json, "buses");
    hf_json_begin_array(&event.json);
    for (unsigned w = 0; w < STATION_WIRES; w++) {
        if (station->wire[w].ops != NULL) {
            put_wire(&event.json, &station->wire[w]);
        }
    }
    hf_json_end_array(&event.json);
    hf_json_i64_field(&event.json, "io_refused", station->io.refused);
    station_event_end(&event, station);
}

static void put_faults(hf_json_writer_t *json, sim_faults_t faults)
{
    hf_json_begin_array(json);
    for (unsigned bit = 0; sim_fault_name(bit) != NULL; bit++) {
        if ((faults >> bit & 1u) != 0) {
            hf_json_put_string(json, sim_fault_name(bit));
        }
    }
    hf_json_end_array(json);
}

static void put_units(hf_json_writer_t *json, const sim_outlet_t *outlet)
{
    hf_json_begin_array(json);
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        hf_json_begin_object(json);
        hf_json_bool_field(json, "on", outlet->unit[u].on);
        hf_json_i64_field(json, "current_mA", outlet->unit[u].uA / 1000);
        hf_json_i64_field(json, "set_mA", outlet->unit[u].set_mA);
        hf_json_key(json, "faults");
        put_faults(json, outlet->unit[u].faults);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

static void put_outlet(hf_json_writer_t *json, const station_t *station, unsigned connector)
{
    const sim_outlet_t *outlet = &station->outlet[connector];
    hf_json_begin_object(json);
    hf_json_i64_field(json, "connector", connector + 1u);
    hf_json_i64_field(json, "power_mW", outlet->power_mW);
    hf_json_key(json, "power_since"); // when it last became 0 or stopped being 0
    hf_json_put_fixed(json, (int64_t)station->told[connector].power_since_us, 6);
    hf_json_i64_field(json, "energy_mJ", (int64_t)outlet->energy_mJ);
    hf_json_i64_field(json, "voltage_mV", outlet->output_mV);
    hf_json_i64_field(json, "current_mA", outlet->output_mA);
    hf_json_bool_field(json, "contactor", outlet->contactor_closed);
    hf_json_bool_field(json, "plugged", outlet->plugged);
    hf_json_bool_field(json, "locked", outlet->locked);
    hf_json_bool_field(json, "module_on", outlet->switch_on);
    hf_json_key(json, "soc");
    hf_json_put_fixed(json, sim_outlet_soc_permille(outlet), 1);
    hf_json_i64_field(json, "hot_openings", outlet->hot_openings);
    hf_json_i64_field(json, "hot_unplugs", outlet->hot_unplugs);
    hf_json_i64_field(json, "set_mV", outlet->set_mV);
    hf_json_i64_field(json, "set_mA", outlet->set_mA);
    hf_json_i64_field(json, "battery_mV", outlet->battery_mV);
    hf_json_i64_field(json, "closing_mV", outlet->closing_mV);
    hf_json_key(json, "faults");
    put_faults(json, outlet->faults);
    hf_json_key(json, "units");
    put_units(json, outlet);
    hf_json_end_object(json);
}

void station_tell_status(station_t *station)
{
    station_event_t event;
    station_event_begin(&event, station, "status", -1);
    hf_json_key(&event.json, "outlets");
    hf_json_begin_array(&event.json);
    for (unsigned c = 0; c < station->connectors; c++) {
        put_outlet(&event.json, station, c);
    }
    hf_json_end_array(&event.json);
    station_event_end(&event, station);
}
