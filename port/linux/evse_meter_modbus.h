// SPDX-License-Identifier: MIT
// An energy meter on a serial line that speaks Modbus RTU, by libmodbus. A thread of its own asks it once a second and
// hands what it heard over by a snapshot; the seam's functions never wait for it.
#ifndef EVSE_METER_MODBUS_H
#define EVSE_METER_MODBUS_H

#include "evse/evse_meter_map.h"
#include "hf_thread.h"
#include "holdfast/hf_log.h"
#include "holdfast/hf_snapshot.h"

#define EVSE_METER_MODBUS_DEVICE_BYTES 128u
#define EVSE_METER_MODBUS_AGE_MS       5000u // longest between two readings: then it is silent

/// "DEVICE[,BAUD[,8N1]][,unit=N],profile=NAME": 9600 baud, 8N1 and unit 1 unless it says otherwise.
typedef struct evse_meter_modbus_spec {
    char device[EVSE_METER_MODBUS_DEVICE_BYTES];
    int baud, data_bits, stop_bits, unit;
    char parity; // N, E, O
    const evse_meter_map_t *map;
} evse_meter_modbus_spec_t;

/// HF_E_FORMAT, HF_E_RANGE, HF_E_TOO_LONG; HF_E_NOT_FOUND no such profile, HF_E_ARGUMENT none named.
HF_MUST_CHECK int evse_meter_modbus_parse(const char *text, evse_meter_modbus_spec_t *spec);

/// What went wrong since the start, and how often.
typedef struct evse_meter_modbus_counts {
    uint32_t good, silent,
        broken;      // answers; no answer in time; wrong CRC, exception, anything else
    uint32_t opened; // the line; it is opened anew after it went away
} evse_meter_modbus_counts_t;

typedef struct evse_meter_modbus_config {
    evse_meter_modbus_spec_t spec;
    uint32_t max_W;     // most the outlet can deliver, with what the meter may err
    uint32_t period_ms; // of its questions
    hf_log_t *log;      // of the control loop; may be NULL
    hf_thread_place_t place;
} evse_meter_modbus_config_t;

typedef struct evse_meter_modbus {
    evse_meter_modbus_config_t config;
    void *bus; // modbus_t of the thread; NULL: closed
    pthread_t thread;
    hf_snapshot_t samples;
    uint32_t words[HF_SNAPSHOT_BYTES(sizeof(evse_meter_sample_t)) / 4u];
    evse_meter_sample_t heard;    // the thread's
    evse_meter_sample_t counted;  // the control loop's
    evse_meter_sample_t measured; // the comms loop's
    evse_meter_counter_t counter; // the control loop's
    evse_meter_counter_t told;    // its counts as last logged
    bool is_silent;               // as last logged
    hf_atomic_u32_t stopping;
    hf_atomic_u32_t good, silent, broken, opened;
} evse_meter_modbus_t;

/// Starts the thread; a meter that is not there yet may come later. HF_E_IO: no thread.
HF_MUST_CHECK int evse_meter_modbus_start(evse_meter_modbus_t *meter,
                                          const evse_meter_modbus_config_t *config);
/// Waits for the thread: at most as long as an answer may take.
void evse_meter_modbus_stop(evse_meter_modbus_t *meter);
evse_meter_modbus_counts_t evse_meter_modbus_counts(const evse_meter_modbus_t *meter);

extern const evse_meter_ops_t evse_meter_modbus_ops; // ctx: evse_meter_modbus_t

#endif
