// SPDX-License-Identifier: MIT
// Safety policy: a pure function of inputs, limits and time. It alone says whether power is permitted, why not, and
// with what setpoint; docs/SAFETY.md lists its rules [SAF-nn].
#ifndef EVSE_SAFETY_H
#define EVSE_SAFETY_H

#include "evse/evse_bms.h"
#include "evse/evse_io.h"
#include "evse/evse_state.h"

/// Where the terminal frames measure their voltage. It decides which proofs of the contactor and the battery there are.
typedef enum evse_sensor {
    EVSE_SENSOR_UNSTATED,         // neither proof: the contactor's feedback alone is believed
    EVSE_SENSOR_BEFORE_CONTACTOR, // on the module's side: it falls when the contactor has opened
    EVSE_SENSOR_BEHIND_CONTACTOR, // on the battery's side: it shows the battery before a start
} evse_sensor_t;

/// Everything a time or a limit of the policy is. Per vehicle and site, given at init, checked there.
typedef struct evse_limits {
    const char *vehicle; // name of the vehicle profile
    int32_t min_mV,
        max_mV; // battery window: setpoints above max are cut, readings outside are faults
    int32_t overvoltage_mV;        // trip
    int32_t max_mA;                // site limit
    int32_t overcurrent_margin_mA; // above the setpoint in force
    int32_t derate_dC, trip_dC;    // derating starts; 70.1 degrees trips when trip_dC is 700
    uint32_t bms_age_ms;           // at most 5000 (the family's rule)
    uint32_t reading_age_ms;       // terminal and module readings
    uint32_t temperature_age_ms;
    const char *bms;          // name of the profile its BMS speaks
    uint32_t stop_open_ms;    // the contactor opens so long after OFF at last
    uint32_t stop_confirm_ms; // OFF unconfirmed for so long is a fault
    int32_t
        precharge_mV; // the module's output meets the battery's voltage within this before the contactor closes;
                      // 0: the module's output diode makes that needless
    evse_sensor_t sensor; // pre-charge needs BEHIND_CONTACTOR
} evse_limits_t;

/// NULL when there is none of that name ("nx100"). Iterate with _at() until NULL.
const evse_limits_t *evse_limits_find(const char *vehicle);
const evse_limits_t *evse_limits_at(size_t index);
HF_MUST_CHECK int evse_limits_check(const evse_limits_t *limits);

typedef struct evse_safety_inputs {
    const evse_module_t *module;
    const evse_bms_t *bms;
    const evse_io_inputs_t *io;
    const evse_connector_order_t *order;
    evse_can_state_t bus;
    bool estop_latched;
    bool fault_locked;   // a fault of this session has not been cleared
    bool events_full;    // new sessions only
    bool energized;      // readings are judged as output, not as idle
    bool delivered;      // power was on in this session: what falls silent now has been there
    int32_t setpoint_mA; // in force; the output may still be on its way down to it
    bool meter_stale;
    bool bms_expected;     // the BMS has spoken in this session: its silence is a fault
    bool contactor_welded; // latched
    bool commissioning;    // the module's profile is not proven yet: EVSE_COMMISSIONING_MA at most
    uint64_t started_us;   // what is absent is a fault only 5 s after this
} evse_safety_inputs_t;

typedef struct evse_verdict {
    uint32_t reasons;   // EVSE_REASON() bits; 0: power is permitted
    evse_fault_t fault; // the gravest fault among them, EVSE_FAULT_NONE if they are no faults
    bool
        immediate; // open the contactor within this tick (E-stop, bus-off), do not wait for the current to fall
    int32_t setpoint_mV,
        setpoint_mA; // when permitted: minimum of BMS, module, vehicle, site and order, derated
} evse_verdict_t;

/// Cost: O(1). Context: the control tick, or anywhere (pure).
evse_verdict_t evse_safety_judge(const evse_safety_inputs_t *inputs, const evse_limits_t *limits,
                                 uint64_t now_us);

#endif
