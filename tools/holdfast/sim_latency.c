// SPDX-License-Identifier: MIT
// How fast a charger stops: from the packet that tells an opened emergency stop loop to the first OFF heard on the bus and
// the first command that lets the contactor go, per connector that was under power. Moments are those of this process:
// what it takes to wake up counts against the charger.
#include "sim_station.h"

void station_latency_arm(station_t *station)
{
    station_latency_t *latency = &station->latency;
    *latency = (station_latency_t){.is_armed = true};
    for (unsigned c = 0; c < station->connectors; c++) {
        const sim_outlet_t *outlet = &station->outlet[c];
        latency->outlet[c].is_awaited =
            outlet->switch_on && (outlet->output_bits >> EVSE_OUT_CONTACTOR & 1u) != 0;
    }
}

void station_latency_sends(station_t *station, unsigned bits)
{
    station_latency_t *latency = &station->latency;
    if (latency->is_armed && (bits >> EVSE_IN_ESTOP & 1u) == 0) {
        latency->is_armed = false;
        latency->edge_us = station_clock_us();
    }
}

void station_latency_look(station_t *station, unsigned connector)
{
    station_latency_t *latency = &station->latency;
    const sim_outlet_t *outlet = &station->outlet[connector];
    uint64_t *off_us = &latency->outlet[connector].off_us;
    uint64_t *open_us = &latency->outlet[connector].open_us;
    if (latency->edge_us == 0 || !latency->outlet[connector].is_awaited) {
        return;
    }
    if (*off_us == 0 && !outlet->switch_on) {
        *off_us = station_clock_us();
    }
    if (*open_us == 0 && (outlet->output_bits >> EVSE_OUT_CONTACTOR & 1u) == 0) {
        *open_us = station_clock_us();
    }
}

void station_latency_tell(station_t *station, unsigned connector)
{
    station_latency_t *latency = &station->latency;
    const uint64_t off_us = latency->outlet[connector].off_us;
    const uint64_t open_us = latency->outlet[connector].open_us;
    if (off_us == 0 || open_us == 0 || !latency->outlet[connector].is_awaited) {
        return;
    }
    latency->outlet[connector].is_awaited = false;
    station_event_t event;
    station_event_begin(&event, station, "estop_latency", (int)connector);
    hf_json_i64_field(&event.json, "off_us", (int64_t)(off_us - latency->edge_us));
    hf_json_i64_field(&event.json, "contactor_us", (int64_t)(open_us - latency->edge_us));
    station_event_end(&event, station);
}
