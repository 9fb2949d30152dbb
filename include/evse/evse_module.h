// SPDX-License-Identifier: MIT
// The power module on CAN: control group (switch, voltage, current), telemetry group, terminal frames. Protocol and
// golden vectors: docs/SPEC.md, "Power module". Invariants: the switch state is sent every control period for ever, OFF
// is the default; every reading carries its time stamp; an impossible value (NaN, Inf, out of range) is refused and
// counted, and the reading it would have refreshed grows old.
#ifndef EVSE_MODULE_H
#define EVSE_MODULE_H

#include "evse/evse_can.h"

/// How a model scales. A wrong factor is a wrong current: a profile is chosen by name, never guessed.
typedef struct evse_module_profile {
    const char *name;
    const char *text;                   // what it is, for people
    uint8_t address;                    // bits 22-16 of the module's ids
    uint32_t voltage_counts_per_V;      // set and read
    uint32_t current_set_counts_per_kA; // set: counts per A times 1000 (30.5/A is 30500)
    uint32_t current_read_counts_per_A; // signal 0x82
    uint8_t current_read_bytes;         // 4: b4-7, 2: b6-7
    uint32_t temperature_counts_per_C;  // signal 0x80
    int32_t rated_mV;
    int32_t rated_mA;
} evse_module_profile_t;

/// NULL when there is none of that name. Iterate with evse_module_profile_at() until it returns NULL.
const evse_module_profile_t *evse_module_profile_find(const char *name);
const evse_module_profile_t *evse_module_profile_at(size_t index);

/// A value with the time it was taken; stamp 0 means never.
typedef struct evse_reading {
    int32_t value;
    uint64_t stamp_us;
} evse_reading_t;

/// True when the reading exists and is at most max_age_us old.
bool evse_reading_is_fresh(evse_reading_t reading, uint64_t now_us, uint64_t max_age_us);

/// One power module of several that share the load; unit u has the profile's address + u.
typedef struct evse_module_unit {
    evse_reading_t mV, mA, temperature_dC, switch_on;
} evse_module_unit_t;

/// The power modules of one connector, read as one: current is their sum, voltage and temperature their highest,
/// switch_on 1 while any is on; each as old as the oldest of the units' readings.
typedef struct evse_module {
    const evse_module_profile_t *profile;
    uint32_t units;
    evse_module_unit_t unit[CONFIG_EVSE_MODULES_MAX];
    // readings
    evse_reading_t terminal_mV, terminal_mA; // metering source (0x00433F01)
    evse_reading_t module_mV, module_mA;     // signals 0x84, 0x82
    evse_reading_t temperature_dC;           // signal 0x80
    evse_reading_t switch_on;                // confirmed by the control response: 1 on, 0 off
    evse_reading_t terminal_status;          // 0x00473F01: 1 charging, 0 not, -1 unknown
    evse_reading_t heartbeat;                // 0x18FF50E5
    // schedule
    uint64_t next_telemetry_us;
    uint8_t telemetry_index, telemetry_unit;
    uint32_t rx_frames, rx_refused, tx_frames, tx_failed;
} evse_module_t;

/// HF_E_ARGUMENT, HF_E_RANGE (an impossible profile, no unit or more than CONFIG_EVSE_MODULES_MAX, address beyond 127).
HF_MUST_CHECK int evse_module_init(evse_module_t *module, const evse_module_profile_t *profile,
                                   uint32_t units);
/// Decodes one frame. True when it was one of this module's (even a refused one). Cost: O(1).
bool evse_module_receive(evse_module_t *module, const evse_can_frame_t *frame, uint64_t now_us);
/// At least two of {terminal power, terminal status, heartbeat} within 3 s; false until then. [SAF-07]
bool evse_module_is_healthy(const evse_module_t *module, uint64_t now_us);

// Encoders, pure (the golden vectors test them).
evse_can_frame_t evse_module_encode_switch(const evse_module_profile_t *profile, uint32_t unit,
                                           bool on);
evse_can_frame_t evse_module_encode_voltage(const evse_module_profile_t *profile, uint32_t unit,
                                            int32_t mV);
evse_can_frame_t evse_module_encode_current(const evse_module_profile_t *profile, uint32_t unit,
                                            int32_t mA);
evse_can_frame_t evse_module_encode_query(const evse_module_profile_t *profile, uint32_t unit,
                                          uint8_t signal);

/// The telemetry query that is due (round-robin, period 200 ms), if any. Returns true and fills `frame`.
bool evse_module_next_query(evse_module_t *module, uint64_t now_us, evse_can_frame_t *frame);

#endif
