// SPDX-License-Identifier: MIT
// What can be measured, spelt as OCPP 1.6 spells it: measurands with their one unit and their bounds, phases, locations,
// reading contexts. Numbers are in the journal: append, never renumber.
#ifndef EVSE_MEASURAND_H
#define EVSE_MEASURAND_H

#include "evse/evse_timing.h"
#include "holdfast/hf_text.h"

#define EVSE_W_MAX 1000000 // 1 MW: beyond any outlet

// X(name, OCPP measurand, unit, decimals of the value, least, most, location)
// Frequency and Power.Factor have no unit in OCPP 1.6. "Celcius" is OCPP's own spelling (errata J 2.1).
#define EVSE_MEASURAND_TABLE(X)                                                                    \
    X(ENERGY, "Energy.Active.Import.Register", "Wh", 0, 0, INT32_MAX, Outlet)                      \
    X(POWER, "Power.Active.Import", "W", 0, 0, EVSE_W_MAX, Outlet)                                 \
    X(VOLTAGE, "Voltage", "V", 3, 0, 1000000, Outlet)                                              \
    X(CURRENT, "Current.Import", "A", 3, 0, 1000000, Outlet)                                       \
    X(OFFERED, "Current.Offered", "A", 3, 0, 1000000, Outlet)                                      \
    X(SOC, "SoC", "Percent", 1, 0, 1000, EV)                                                       \
    X(TEMPERATURE, "Temperature", "Celcius", 1, EVSE_TEMPERATURE_MIN_DC, EVSE_TEMPERATURE_MAX_DC,  \
      Body)                                                                                        \
    X(INTERVAL, "Energy.Active.Import.Interval", "Wh", 0, 0, INT32_MAX, Outlet)                    \
    X(POWER_OFFERED, "Power.Offered", "W", 0, 0, EVSE_W_MAX, Outlet)                               \
    X(FREQUENCY, "Frequency", "", 3, 40000, 70000, Inlet)                                          \
    X(REACTIVE, "Power.Reactive.Import", "var", 0, -EVSE_W_MAX, EVSE_W_MAX, Inlet)                 \
    X(REACTIVE_ENERGY, "Energy.Reactive.Import.Register", "varh", 0, 0, INT32_MAX, Inlet)          \
    X(POWER_FACTOR, "Power.Factor", "", 3, -1000, 1000, Inlet)

typedef enum evse_measurand {
#define EVSE_MEASURAND_ENUM(name, ocpp, unit, decimals, least, most, location)                     \
    EVSE_MEASURAND_##name,
    EVSE_MEASURAND_TABLE(EVSE_MEASURAND_ENUM)
#undef EVSE_MEASURAND_ENUM
        EVSE_MEASURAND_COUNT
} evse_measurand_t;

#define EVSE_PHASE_TABLE(X)                                                                        \
    X(NONE, "")                                                                                    \
    X(L1, "L1")                                                                                    \
    X(L2, "L2")                                                                                    \
    X(L3, "L3")                                                                                    \
    X(N, "N")                                                                                      \
    X(L1_N, "L1-N")                                                                                \
    X(L2_N, "L2-N")                                                                                \
    X(L3_N, "L3-N")                                                                                \
    X(L1_L2, "L1-L2")                                                                              \
    X(L2_L3, "L2-L3")                                                                              \
    X(L3_L1, "L3-L1")

typedef enum evse_phase {
#define EVSE_PHASE_ENUM(name, ocpp) EVSE_PHASE_##name,
    EVSE_PHASE_TABLE(EVSE_PHASE_ENUM)
#undef EVSE_PHASE_ENUM
        EVSE_PHASE_COUNT
} evse_phase_t;

// Where it was measured. Outlet is what OCPP assumes: it is not written.
typedef enum evse_location {
    EVSE_LOCATION_Outlet,
    EVSE_LOCATION_Inlet,
    EVSE_LOCATION_Body,
    EVSE_LOCATION_EV,
    EVSE_LOCATION_COUNT
} evse_location_t;

#define EVSE_CONTEXT_TABLE(X)                                                                      \
    X(PERIODIC, "Sample.Periodic")                                                                 \
    X(CLOCK, "Sample.Clock")                                                                       \
    X(TRIGGER, "Trigger")                                                                          \
    X(BEGIN, "Transaction.Begin")                                                                  \
    X(END, "Transaction.End")                                                                      \
    X(INTERRUPTION_BEGIN, "Interruption.Begin")                                                    \
    X(INTERRUPTION_END, "Interruption.End")                                                        \
    X(OTHER, "Other")

typedef enum evse_context {
#define EVSE_CONTEXT_ENUM(name, ocpp) EVSE_CONTEXT_##name,
    EVSE_CONTEXT_TABLE(EVSE_CONTEXT_ENUM)
#undef EVSE_CONTEXT_ENUM
        EVSE_CONTEXT_COUNT
} evse_context_t;

/// A measurand with its phase and location in two bytes, as a sample keeps them (evse_sample_t).
typedef struct evse_quantity {
    uint8_t measurand; // evse_measurand_t
    uint8_t phase;     // low four bits evse_phase_t, above them evse_location_t
} evse_quantity_t;

static inline unsigned evse_quantity_phase(uint8_t phase)
{
    return phase & 0xFu;
}

static inline unsigned evse_quantity_location(uint8_t phase)
{
    return (unsigned)phase >> 4;
}

/// Name and unit as JSON has them after `"measurand":"`, e.g. `Voltage","unit":"V"`; empty out of the table.
hf_slice_t evse_measurand_json(unsigned measurand);
/// "" out of the table.
const char *evse_phase_text(unsigned phase);
unsigned evse_measurand_decimals(unsigned measurand);
evse_location_t evse_measurand_location(unsigned measurand);
/// True when a value (in the measurand's own decimals) can be one.
bool evse_measurand_is_possible(unsigned measurand, int64_t value);
/// Reads "Voltage" or "Voltage.L1-N"; false when it is none that OCPP knows here. The location is the measurand's own.
bool evse_quantity_parse(hf_slice_t text, evse_quantity_t *quantity);

#endif
