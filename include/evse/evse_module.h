// SPDX-License-Identifier: MIT
// The power modules of a connector on CAN, read as one. What they say is a driver's (one file per protocol), how they
// scale a profile's (one table entry per model); what is common is here: units, ages, health, the telemetry schedule.
// Bytes and golden vectors: docs/SPEC.md, "Power module". Invariants: the switch state is sent every control period for
// ever, OFF is the default; every reading carries its time stamp; an impossible value (NaN, Inf, out of range) is refused
// and counted, and the reading it would have refreshed grows old.
#ifndef EVSE_MODULE_H
#define EVSE_MODULE_H

#include "evse/evse_can.h"

struct evse_module_profile;
struct evse_module;

#define EVSE_MODULE_SETPOINT_FRAMES 2u // most a driver needs for voltage and current of one unit
#define EVSE_MODULE_FILTERS         4u // most it needs to let one unit's frames in

/// A protocol. Pure: what it has to remember is in the module.
typedef struct evse_module_driver {
    const char *name;
    const uint8_t
        *signals; // asked one after the other; one alone where one question has many answers
    uint8_t signal_count;
    uint8_t address_max; // the highest a unit can have
    uint16_t period_ms;  // between two questions to one unit; 0: EVSE_TELEMETRY_PERIOD_MS
    bool
        has_terminals; // frames of a second meter at the terminals; without them the module's own readings stand in
    evse_can_frame_t (*encode_switch)(const struct evse_module_profile *profile, uint32_t unit,
                                      bool on);
    /// Voltage, then current, rounded down. Returns how many frames: 1 to EVSE_MODULE_SETPOINT_FRAMES.
    unsigned (*encode_setpoint)(const struct evse_module_profile *profile, uint32_t unit,
                                int32_t mV, int32_t mA, evse_can_frame_t *frames);
    evse_can_frame_t (*encode_query)(const struct evse_module_profile *profile, uint32_t unit,
                                     uint8_t signal);
    /// 1 taken, 0 none of this protocol's or of another address, HF_E_RANGE impossible. Stores what it takes by
    /// evse_module_store() of evse_module_private.h.
    int (*receive)(struct evse_module *module, const evse_can_frame_t *frame, uint64_t now_us);
    /// What receive() takes of one unit, and what comes without an address: at most EVSE_MODULE_FILTERS in all for one
    /// unit. Returns how many. NULL: everything has to come in.
    uint32_t (*filters)(const struct evse_module_profile *profile, uint32_t unit,
                        evse_can_filter_t *list);
} evse_module_driver_t;

/// How a model scales. A wrong factor is a wrong current: a profile is chosen by name, never guessed.
typedef struct evse_module_profile {
    const char *name;
    const char *text;                   // what it is, for people
    const evse_module_driver_t *driver; // NULL: evse_module_huawei
    uint8_t address;                    // of unit 0; the others follow
    uint32_t voltage_counts_per_V;      // set and read
    uint32_t current_set_counts_per_kA; // set: counts per A times 1000 (30.5/A is 30500)
    uint32_t current_read_counts_per_A;
    uint8_t current_read_bytes; // 4: b4-7, 2: b6-7
    uint32_t temperature_counts_per_C;
    int32_t rated_mV;
    int32_t rated_mA; // of one unit
} evse_module_profile_t;

extern const evse_module_driver_t evse_module_huawei; // 0x0681xxxx, one signal a question
extern const evse_module_driver_t evse_module_r48xx;  // 0x1081xxxx, all readings on one question

/// NULL when there is none of that name. Iterate with evse_module_profile_at() until it returns NULL.
const evse_module_profile_t *evse_module_profile_find(const char *name);
const evse_module_profile_t *evse_module_profile_at(size_t index);
/// Its driver, the default one where the profile names none.
const evse_module_driver_t *evse_module_driver(const evse_module_profile_t *profile);

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
    uint64_t answered_us; // any good frame of this unit; 0 never
} evse_module_unit_t;

/// The power modules of one connector, read as one: current is their sum, voltage and temperature their highest,
/// switch_on 1 while any is on; each as old as the oldest of the units' readings, so one silent unit makes all old.
typedef struct evse_module {
    const evse_module_profile_t *profile;
    uint32_t units;
    evse_module_unit_t unit[CONFIG_EVSE_MODULES_MAX];
    // readings
    evse_reading_t terminal_mV, terminal_mA; // metering source (0x00433F01)
    evse_reading_t module_mV, module_mA;     // what the modules tell of themselves
    evse_reading_t temperature_dC;
    evse_reading_t switch_on;       // confirmed by the control response: 1 on, 0 off
    evse_reading_t terminal_status; // 0x00473F01: 1 charging, 0 not, -1 unknown
    evse_reading_t heartbeat;       // 0x18FF50E5
    // schedule
    uint64_t next_telemetry_us;
    uint8_t telemetry_index, telemetry_unit;
    uint32_t first_round; // questions of the first round after a start still to be asked
    uint64_t mute_since_us, mute_until_us; // nobody asked: since 0 never, until 0 it still is so
    uint32_t rx_frames, rx_refused, tx_frames, tx_failed;
} evse_module_t;

/// HF_E_ARGUMENT, HF_E_RANGE (an impossible profile, no unit or more than CONFIG_EVSE_MODULES_MAX, an address beyond the
/// driver's).
HF_MUST_CHECK int evse_module_init(evse_module_t *module, const evse_module_profile_t *profile,
                                   uint32_t units);
/// Decodes one frame. True when it was one of this module's (even a refused one). Cost: O(units).
bool evse_module_receive(evse_module_t *module, const evse_can_frame_t *frame, uint64_t now_us);
/// Every unit has answered, and at least two of {terminal power, terminal status, heartbeat} came, within
/// EVSE_HEALTH_AGE_MS; false until then. Without terminals: two of {voltage, current, temperature}. [SAF-07]
bool evse_module_is_healthy(const evse_module_t *module, uint64_t now_us);

typedef enum evse_module_switch {
    EVSE_MODULE_SWITCH_UNKNOWN, // some unit has not said since
    EVSE_MODULE_SWITCH_OFF,     // every unit has confirmed OFF
    EVSE_MODULE_SWITCH_ON,      // at least one has confirmed ON
} evse_module_switch_t;
/// What the units have confirmed after since_us.
evse_module_switch_t evse_module_switch_state(const evse_module_t *module, uint64_t since_us);
/// Most current all units together are made for.
int32_t evse_module_rated_mA(const evse_module_t *module);

// Encoders, pure (the golden vectors test them).
evse_can_frame_t evse_module_encode_switch(const evse_module_profile_t *profile, uint32_t unit,
                                           bool on);
/// Voltage and current of one unit; returns how many frames, in the order they have to go out.
unsigned evse_module_encode_setpoint(const evse_module_profile_t *profile, uint32_t unit,
                                     int32_t mV, int32_t mA,
                                     evse_can_frame_t frames[EVSE_MODULE_SETPOINT_FRAMES]);
evse_can_frame_t evse_module_encode_query(const evse_module_profile_t *profile, uint32_t unit,
                                          uint8_t signal);

/// What has to come in for `units` modules; returns how many, 0: everything, or it does not fit.
uint32_t evse_module_filters(const evse_module_profile_t *profile, uint32_t units,
                             evse_can_filter_t *list, uint32_t capacity);

/// The telemetry question that is due, if any: every signal of every unit once in signal_count periods, whatever the
/// number of units. Returns true and fills `frame`. Call until false.
bool evse_module_next_query(evse_module_t *module, uint64_t now_us, evse_can_frame_t *frame);
/// A start, or the bus is back: every signal of every unit is asked once, EVSE_TELEMETRY_FIRST_MS apart for one unit. The
/// control group goes out first, by the gate.
void evse_module_restart(evse_module_t *module, uint64_t now_us);
/// All questions stop, or go on: what only comes as an answer cannot grow old meanwhile. Only commissioning does that.
/// [SAF-15]
void evse_module_mute(evse_module_t *module, bool mute, uint64_t now_us);
bool evse_module_is_mute(const evse_module_t *module);
/// The age of a reading that only comes when it is asked for: without the time in which nobody asked.
bool evse_module_is_answer_fresh(const evse_module_t *module, evse_reading_t reading,
                                 uint64_t now_us, uint64_t max_age_us);

#endif
