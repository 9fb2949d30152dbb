// SPDX-License-Identifier: MIT
// Faults of a charger: one table of number, name, OCPP error code and text. The first five numbers are those of the
// project's source document 001. Numbers are part of the interface (journal, vendorErrorCode): append, never renumber.
#ifndef EVSE_FAULT_H
#define EVSE_FAULT_H

#include "holdfast/hf_status.h"

// X(name, number, OCPP 1.6 ChargePointErrorCode, text)
#define EVSE_FAULT_TABLE(X)                                                                        \
    X(NONE, 0, "NoError", "no fault")                                                              \
    X(CAN_BUS_OFF, 1, "InternalError", "CAN bus off")                                              \
    X(CHARGER_OFFLINE, 2, "PowerSwitchFailure", "power module silent")                             \
    X(OVERVOLTAGE, 3, "OverVoltage", "output voltage above the limit")                             \
    X(OVERCURRENT, 4, "OverCurrentFailure", "output current above the limit")                      \
    X(OVERTEMPERATURE, 5, "HighTemperature", "temperature above the limit")                        \
    X(UNDERVOLTAGE, 6, "UnderVoltage", "battery voltage below the limit")                          \
    X(BMS_LOST, 7, "EVCommunicationError", "vehicle BMS silent")                                   \
    X(EMERGENCY_STOP, 8, "OtherError", "emergency stop pressed or its loop open")                  \
    X(CONTACTOR_STUCK_OPEN, 9, "PowerSwitchFailure", "contactor does not close")                   \
    X(CONTACTOR_WELDED, 10, "PowerSwitchFailure", "contactor does not open")                       \
    X(MODULE_OFF_UNCONFIRMED, 11, "PowerSwitchFailure", "module did not confirm OFF")              \
    X(TEMPERATURE_STALE, 12, "InternalError", "temperature reading missing")                       \
    X(METER_STALE, 13, "PowerMeterFailure", "energy meter reading missing")                        \
    X(IO_LOST, 14, "InternalError", "inputs and outputs silent")                                   \
    X(JOURNAL_FAILED, 15, "InternalError", "durable storage failed")                               \
    X(READINGS_DISAGREE, 16, "PowerMeterFailure", "terminal and module readings disagree")         \
    X(LOCK_FAILED, 17, "ConnectorLockFailure", "connector lock did not follow")                    \
    X(PRECHARGE_FAILED, 18, "PowerSwitchFailure",                                                  \
      "module output did not meet the battery voltage")                                            \
    X(COMMISSIONING_FAILED, 19, "InternalError", "profile not proven by commissioning")            \
    X(TASK_LATE, 20, "InternalError", "a critical task of the controller was late")

typedef enum evse_fault {
#define EVSE_FAULT_ENUM(name, number, ocpp, text) EVSE_FAULT_##name = number,
    EVSE_FAULT_TABLE(EVSE_FAULT_ENUM)
#undef EVSE_FAULT_ENUM
        EVSE_FAULT_COUNT
} evse_fault_t;

const char *evse_fault_name(unsigned fault); // "OVERVOLTAGE"; "UNKNOWN" out of the table
const char *evse_fault_text(unsigned fault); // for people
const char *
evse_fault_ocpp_code(unsigned fault); // ChargePointErrorCode; "OtherError" out of the table

/// Which of two faults is named when both are there: the one of greater gravity. 0 for NONE and out of the table.
unsigned evse_fault_gravity(unsigned fault);

/// What has to happen before a fault clears, besides its cause being gone for EVSE_FAULT_LOCK_MS and no valid order naming
/// the session it stopped any more.
typedef enum evse_fault_clear {
    EVSE_CLEAR_TIME,   // nothing else
    EVSE_CLEAR_UNPLUG, // the plug was out since
    EVSE_CLEAR_RESET, // latched, also over reboots: the local reset, held for EVSE_LATCH_RESET_HOLD_MS
    EVSE_CLEAR_BUS, // in a session: buses, module and BMS well again within EVSE_BUS_OFF_RESUME_MS, the session goes on
    EVSE_CLEAR_COUNT
} evse_fault_clear_t;
evse_fault_clear_t evse_fault_clearing(unsigned fault);
const char *evse_fault_clearing_text(unsigned clearing); // for people
/// A bus that is off explains this fault too: it spoils no resumption.
bool evse_fault_follows_bus_off(unsigned fault);

#endif
