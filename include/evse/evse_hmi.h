// SPDX-License-Identifier: MIT
// Status lights: what each one shows of a connector, by a pure table. Lights tell, they permit nothing: no code of
// the charge point reads them back. docs/SAFETY.md has the table for installers.
#ifndef EVSE_HMI_H
#define EVSE_HMI_H

#include "evse/evse_io.h"
#include "evse/evse_state.h"

// X(name, output, text)
#define EVSE_LIGHT_TABLE(X)                                                                        \
    X(READY, EVSE_OUT_LIGHT_READY, "ready")                                                        \
    X(CHARGING, EVSE_OUT_LIGHT_CHARGING, "charging")                                               \
    X(FAULT, EVSE_OUT_LIGHT_FAULT, "fault")                                                        \
    X(NETWORK, EVSE_OUT_LIGHT_NETWORK, "network")

typedef enum evse_light {
#define EVSE_LIGHT_ENUM(name, output, text) EVSE_LIGHT_##name,
    EVSE_LIGHT_TABLE(EVSE_LIGHT_ENUM)
#undef EVSE_LIGHT_ENUM
        EVSE_LIGHT_COUNT
} evse_light_t;

typedef enum evse_pattern {
    EVSE_PATTERN_OFF,
    EVSE_PATTERN_STEADY,
    EVSE_PATTERN_SLOW, // on for EVSE_LIGHT_SLOW_MS, off for as long
    EVSE_PATTERN_FAST, // ... EVSE_LIGHT_FAST_MS
    EVSE_PATTERN_COUNT
} evse_pattern_t;

const char *evse_light_text(unsigned light);
const char *evse_pattern_text(unsigned pattern);

typedef enum evse_signal { // an answer to a user: blinks fast for a while
    EVSE_SIGNAL_NONE,
    EVSE_SIGNAL_ACCEPTED, // the ready light
    EVSE_SIGNAL_REFUSED,  // the fault light, unless a fault shows there
} evse_signal_t;

/// What the lights are decided by.
typedef struct evse_hmi_view {
    uint32_t state;   // evse_connector_state_t
    uint32_t phase;   // evse_power_phase_t
    uint32_t fault;   // evse_fault_t
    uint32_t reasons; // EVSE_REASON() bits
    uint32_t network; // evse_network_t
    bool is_latched;  // emergency stop or weld: only the local reset clears it
    bool is_dark;     // LightIntensity 0: what nobody's safety hangs on is off
    uint32_t signal;  // evse_signal_t, while it is shown
} evse_hmi_view_t;

/// The pattern of one light; OFF for a light, state or phase out of its table. Pure. Cost: O(1).
evse_pattern_t evse_hmi_light(const evse_hmi_view_t *view, evse_light_t light);
/// The level of a pattern at that moment; all lights blink together. Pure.
bool evse_hmi_level(evse_pattern_t pattern, uint64_t now_us);
/// Sets the levels of all lights, and of nothing else, in what will be driven. Context: the control tick.
void evse_hmi_drive(const evse_hmi_view_t *view, uint64_t now_us, evse_io_drive_t *drive);

#endif
