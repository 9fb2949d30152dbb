// SPDX-License-Identifier: MIT
// The names of faults, and what clears each: in a file of their own, so that an image without a local interface has no texts
// that only this shows. No state; a number outside its table has a text of its own, never NULL.
#include "evse/evse_fault.h"

const char *evse_fault_name(unsigned fault)
{
    static const char *const names[EVSE_FAULT_COUNT] = {
#define NAME_ROW(name, number, ocpp, text) [number] = #name,
        EVSE_FAULT_TABLE(NAME_ROW)
#undef NAME_ROW
    };
    return fault < EVSE_FAULT_COUNT ? names[fault] : "UNKNOWN";
}

// Of what a vehicle brought about the plug has to go; what threatens people needs somebody who looks.
evse_fault_clear_t evse_fault_clearing(unsigned fault)
{
    static const uint8_t clearing[EVSE_FAULT_COUNT] = {
        [EVSE_FAULT_CAN_BUS_OFF] = EVSE_CLEAR_BUS,
        [EVSE_FAULT_UNDERVOLTAGE] = EVSE_CLEAR_UNPLUG,
        [EVSE_FAULT_READINGS_DISAGREE] = EVSE_CLEAR_UNPLUG,
        [EVSE_FAULT_PRECHARGE_FAILED] = EVSE_CLEAR_UNPLUG,
        [EVSE_FAULT_EMERGENCY_STOP] = EVSE_CLEAR_RESET,
        [EVSE_FAULT_CONTACTOR_WELDED] = EVSE_CLEAR_RESET,
    };
    return fault < EVSE_FAULT_COUNT ? (evse_fault_clear_t)clearing[fault] : EVSE_CLEAR_TIME;
}

const char *evse_fault_clearing_text(unsigned clearing)
{
    static const char *const texts[EVSE_CLEAR_COUNT] = {
        [EVSE_CLEAR_TIME] = "cause gone for EVSE_FAULT_LOCK_MS and no order names the session",
        [EVSE_CLEAR_UNPLUG] = "the plug was out; then as by time",
        [EVSE_CLEAR_RESET] = "local reset held for EVSE_LATCH_RESET_HOLD_MS; then as by time",
        [EVSE_CLEAR_BUS] = "session: all is well within EVSE_BUS_OFF_RESUME_MS; else as by time",
    };
    return clearing < EVSE_CLEAR_COUNT ? texts[clearing] : "unknown";
}
