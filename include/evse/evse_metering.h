// SPDX-License-Identifier: MIT
// What the comms loop remembers about meter readings: when the next are due, what intervals began with, which signed values
// are on their way. Part of evse_ocpp_t.
#ifndef EVSE_METERING_H
#define EVSE_METERING_H

#include "evse/evse_meter.h"
#include "evse/evse_store.h"

/// A list of measurands as a configuration key holds it.
typedef struct evse_quantities {
    uint8_t count;
    evse_quantity_t item[EVSE_SAMPLES_MAX];
} evse_quantities_t;

typedef enum evse_signing {
    EVSE_SIGNING_NONE,
    EVSE_SIGNING_BEGIN, // asked for
    EVSE_SIGNING_BEGUN, // had, or given up
    EVSE_SIGNING_END,   // asked for: the STOP waits
    EVSE_SIGNING_ENDED, // had, or given up: the STOP waits until it is durable
} evse_signing_t;

typedef struct evse_metering_connector {
    uint64_t next_sample_us;
    uint64_t signing_since_us;
    uint64_t signed_at;      // journal sequence of the last signed value
    uint32_t transaction;    // whose begin was taken; 0 none
    uint32_t signing_of;     // transaction
    uint32_t sampled_Wh;     // register at the last periodic reading ...
    uint32_t aligned_Wh;     // ... and at the last clock-aligned one: Energy.Active.Import.Interval
    uint64_t interrupted_us; // of the last Interruption.Begin told; 0 none in this session
    bool aligned_known, interrupted;
    uint8_t signing; // evse_signing_t
} evse_metering_connector_t;

#define EVSE_READINGS_STATION (1u << 31) // connector 0

/// Fields are private to src/evse/ocpp/evse_ocpp_meter*.c; the counters are for reading.
typedef struct evse_metering {
    uint64_t next_us;       // nothing is due before
    uint64_t next_clock_ms; // UTC of the next clock-aligned readings; 0 not reckoned yet
    uint64_t offset_ms;     // of the clock both were reckoned with
    uint32_t
        due; // readings outside of transactions that wait for the line: bit per connector, from 0
    uint32_t is_trigger;      // their context is Trigger, else Sample.Clock
    uint32_t confirmed;       // transaction whose STOP leaves the queue; 0 none
    uint32_t refused;         // values out of the bounds of their measurand, left out
    uint32_t unsigned_values; // signed values that did not come, or did not fit
    evse_metering_connector_t connector[CONFIG_EVSE_CONNECTORS_MAX];
} evse_metering_t;

#endif
