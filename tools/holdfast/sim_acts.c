// SPDX-License-Identifier: MIT
// What the verbs of a script do to a station. Every act that succeeded is told as an event.
#include "holdfast.h"
#include "sim_station.h"

#include <string.h>

const char *station_act_plug(station_t *station, const script_step_t *step)
{
    unsigned c = step->connector;
    sim_outlet_plug(&station->outlet[c], step->on);
    station_event_t event;
    station_event_begin(&event, station, "plugged", (int)c);
    hf_json_bool_field(&event.json, "plugged", step->on);
    if (step->on) {
        uint32_t permille = sim_outlet_soc_permille(&station->outlet[c]);
        station->told[c].soc_percent = permille / 10u;
        hf_json_key(&event.json, "soc");
        hf_json_put_fixed(&event.json, permille, 1);
    }
    station_event_end(&event, station);
    return NULL;
}

const char *station_act_card(station_t *station, const script_step_t *step)
{
    if (!station_io_card(station, step->connector, step->text)) {
        return "no charger is connected to read the card";
    }
    station_event_t event;
    station_event_begin(&event, station, "card", (int)step->connector);
    hf_json_string_field(&event.json, "tag", step->text);
    station_event_end(&event, station);
    return NULL;
}

static void tell_fault(station_t *station, const script_step_t *step, const char *name, bool on)
{
    station_event_t event;
    station_event_begin(&event, station, "fault", (int)step->connector);
    hf_json_bool_field(&event.json, name, on);
    if (step->unit >= 0) {
        hf_json_i64_field(&event.json, "unit", step->unit + 1);
    }
    station_event_end(&event, station);
}

const char *station_act_fault(station_t *station, const script_step_t *step)
{
    if (step->wire_fault != 0) {
        unsigned bus = (unsigned)step->numbers[0];
        const char *wrong = station_wire_fault_set(station, step->connector * SIM_BUS_COUNT + bus,
                                                   step->wire_fault, step->on);
        if (wrong != NULL) {
            return wrong;
        }
    } else if (step->unit >= 0) {
        sim_outlet_set_unit_fault(&station->outlet[step->connector], (uint32_t)step->unit,
                                  step->fault, step->on);
    } else {
        sim_outlet_set_fault(&station->outlet[step->connector], step->fault, step->on);
    }
    tell_fault(station, step, step->text, step->on);
    return NULL;
}

static void clear_wire(station_t *station, unsigned wire)
{
    const station_wire_ops_t *ops = station->wire[wire].ops;
    if (ops != NULL && ops->plug != NULL) {
        (void)station_wire_fault_set(station, wire, STATION_SERIAL_NOISE, false);
        (void)station_wire_fault_set(station, wire, STATION_ADAPTER_GONE, false);
    }
}

const char *station_act_clear_all(station_t *station, const script_step_t *step)
{
    sim_outlet_t *outlet = &station->outlet[step->connector];
    sim_outlet_set_fault(outlet, ~(sim_faults_t)0, false);
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        sim_outlet_set_unit_fault(outlet, u, ~(sim_faults_t)0, false);
    }
    clear_wire(station, step->connector * SIM_BUS_COUNT);
    clear_wire(station, step->connector * SIM_BUS_COUNT + 1u);
    tell_fault(station, step, "all", false);
    return NULL;
}

const char *station_act_estop(station_t *station, const script_step_t *step)
{
    if (step->on) {
        station_latency_arm(station);
    }
    for (unsigned c = 0; c < station->connectors; c++) {
        sim_outlet_set_fault(&station->outlet[c], SIM_FAULT_ESTOP, step->on);
    }
    station_tell_flag(station, "estop", -1, "pressed", step->on);
    return NULL;
}

const char *station_act_reset(station_t *station, const script_step_t *step)
{
    for (unsigned c = 0; c < station->connectors; c++) {
        sim_outlet_hold_reset(&station->outlet[c], step->on);
    }
    station_tell_flag(station, "reset", -1, "held", step->on);
    return NULL;
}

const char *station_act_button(station_t *station, const script_step_t *step)
{
    sim_outlet_t *outlet = &station->outlet[step->connector];
    bool is_start = strcmp(step->text, "start") == 0;
    sim_outlet_hold_buttons(outlet, is_start ? step->on : outlet->start_pressed,
                            is_start ? outlet->stop_pressed : step->on);
    station_tell_flag(station, "button", (int)step->connector, step->text, step->on);
    return NULL;
}

const char *station_act_ask(station_t *station, const script_step_t *step)
{
    sim_outlet_set_request(&station->outlet[step->connector], (int32_t)step->numbers[0],
                           (int32_t)step->numbers[1]);
    station_event_t event;
    station_event_begin(&event, station, "ask", (int)step->connector);
    hf_json_i64_field(&event.json, "voltage_mV", step->numbers[0]);
    hf_json_i64_field(&event.json, "current_mA", step->numbers[1]);
    station_event_end(&event, station);
    return NULL;
}

const char *station_act_say(station_t *station, const script_step_t *step)
{
    station_event_t event;
    station_event_begin(&event, station, "say", -1);
    hf_json_string_field(&event.json, "text", step->text);
    station_event_end(&event, station);
    return NULL;
}

const char *station_act_status(station_t *station, const script_step_t *step)
{
    (void)step;
    station_tell_status(station);
    return NULL;
}

const char *station_act_quit(station_t *station, const script_step_t *step)
{
    (void)step;
    station->ends = true;
    return NULL;
}
