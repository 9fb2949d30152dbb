// SPDX-License-Identifier: MIT
// The table of bounds. See bounds.h.
#include "bounds.h"

#define TICK    (2u * EVSE_TICK_MS)
#define READING 1000u // terminals
#define HEAT    3000u
#define BMS     3000u
#define ORDER   3000u
#define INPUT   250u
#define SLOW    500u  // plug, lock
#define ASKED   1200u // every signal of every module is asked within a second
#define SAID    600u  // the vehicle speaks every 500 ms

typedef struct row {
    harm_kind_t kind;
    sim_faults_t fault; // of HARM_SIM
    int which;          // of the others; -1 any
    bound_t bound;
} row_t;

static const row_t rows[] = {
    {HARM_SIM, SIM_FAULT_MODULE_SILENT, 0, {READING, false, false}},
    {HARM_SIM, SIM_FAULT_TERMINAL_SILENT, 0, {READING, false, false}},
    {HARM_SIM, SIM_FAULT_NAN, 0, {READING, false, false}},
    {HARM_SIM, SIM_FAULT_INF, 0, {READING, false, false}},
    {HARM_SIM, SIM_FAULT_BUS_UNPLUGGED, 0, {READING, false, false}},
    {HARM_SIM, SIM_FAULT_TELEMETRY_SILENT, 0, {HEAT, false, false}},
    {HARM_SIM, SIM_FAULT_HOT, 0, {ASKED, false, false}},
    {HARM_SIM, SIM_FAULT_OVERVOLTAGE, 0, {READING, false, false}},
    {HARM_SIM, SIM_FAULT_BMS_SILENT, 0, {BMS, false, false}},
    {HARM_SIM, SIM_FAULT_BMS_SHORT, 0, {BMS, false, false}},
    {HARM_SIM, SIM_FAULT_BMS_IMPOSSIBLE, 0, {BMS, false, false}},
    {HARM_SIM, SIM_FAULT_BMS_FORBIDS, 0, {SAID, false, true}},
    {HARM_SIM, SIM_FAULT_BMS_BUS_UNPLUGGED, 0, {BMS, false, false}},
    {HARM_SIM, SIM_FAULT_BMS_BUS_OFF, 0, {TICK, true, false}},
    {HARM_SIM, SIM_FAULT_BUS_OFF, 0, {TICK, true, false}},
    {HARM_SIM, SIM_FAULT_ESTOP, 0, {TICK, true, false}},
    {HARM_SIM, SIM_FAULT_ESTOP_WIRE, 0, {TICK, true, false}},
    {HARM_SIM, SIM_FAULT_IO_SILENT, 0, {INPUT, true, false}},
    {HARM_INPUT_LOW, 0, EVSE_IN_PLUG, {TICK, true, false}},
    {HARM_INPUT_LOW, 0, EVSE_IN_ESTOP, {TICK, true, false}},
    {HARM_INPUT_LOW, 0, EVSE_IN_LOCK_FEEDBACK, {TICK, false, false}},
    {HARM_INPUT_LOW, 0, EVSE_IN_CONTACTOR_FEEDBACK, {TICK, false, false}},
    {HARM_INPUT_STALE, 0, EVSE_IN_PLUG, {SLOW, false, false}},
    {HARM_INPUT_STALE, 0, EVSE_IN_LOCK_FEEDBACK, {SLOW, false, false}},
    {HARM_INPUT_STALE, 0, EVSE_IN_CONTACTOR_FEEDBACK, {INPUT, false, false}},
    {HARM_INPUT_STALE, 0, EVSE_IN_ESTOP, {INPUT, true, false}},
    {HARM_SAMPLE_REFUSED, 0, -1, {INPUT, true, false}},
    {HARM_DRIVE_REFUSED, 0, -1, {EVSE_LIVE_SIGNAL_TIMEOUT_MS, false, false}},
    {HARM_SEND_REFUSED, 0, SIM_BUS_MODULE, {HEAT, false, false}},
    {HARM_SEND_OFF, 0, SIM_BUS_MODULE, {HEAT, false, false}},
    {HARM_RECEIVE_FAILS, 0, SIM_BUS_MODULE, {READING, false, false}},
    {HARM_RECEIVE_FAILS, 0, SIM_BUS_BMS, {BMS, false, false}},
    {HARM_STANDARD, 0, SIM_BUS_MODULE, {READING, false, false}},
    {HARM_STANDARD, 0, SIM_BUS_BMS, {BMS, false, false}},
    {HARM_SHORT, 0, SIM_BUS_MODULE, {READING, false, false}},
    {HARM_SHORT, 0, SIM_BUS_BMS, {BMS, false, false}},
    {HARM_MUMBLE, 0, -1, {BMS, false, false}},
    {HARM_CROSSED, 0, -1, {BMS, false, false}},
    {HARM_ORDER_EXPIRED, 0, -1, {TICK, false, true}},
    {HARM_ORDER_HUNG, 0, -1, {ORDER, false, true}},
    {HARM_COMMS_AWAY, 0, -1, {ORDER, false, true}},
    {HARM_EVENTS_FULL, 0, -1, {ORDER, false, true}},
    {HARM_ORDER_GARBAGE, 0, -1, {TICK, false, true}},
    {HARM_ORDER_NONE, 0, -1, {TICK, false, true}},
    {HARM_ORDER_SUSPEND, 0, -1, {TICK, false, true}},
    {HARM_UNLOCK, 0, -1, {TICK, false, true}},
    {HARM_STOP_BUTTON, 0, -1, {EVSE_BUTTON_DEBOUNCE_MS + TICK, false, true}},
    {HARM_TRIP, 0, -1, {TICK, true, false}},
};

// Harms of a second bus hurt only where there is one.
static bool is_here(const harm_t *harm, bool two_buses)
{
    const sim_faults_t second = SIM_FAULT_BMS_BUS_OFF | SIM_FAULT_BMS_BUS_UNPLUGGED;
    if (harm->kind == HARM_SIM) {
        return two_buses || ((1ull << harm->which) & second) == 0;
    }
    return two_buses || harm->kind != HARM_CROSSED;
}

bool bound_is_of_answers(const harm_t *harm)
{
    return harm->kind == HARM_SIM &&
           ((1ull << harm->which) & (SIM_FAULT_HOT | SIM_FAULT_TELEMETRY_SILENT)) != 0;
}

bool bound_of(const harm_t *harm, unsigned option, bound_t *bound)
{
    bool two_buses = option == TRIAL_TWO_BUSES || option == TRIAL_FOUR_UNITS_TWO_BUSES;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const row_t *row = &rows[i];
        bool is_it = row->kind == harm->kind &&
                     (harm->kind == HARM_SIM ? row->fault == 1ull << harm->which
                                             : row->which < 0 || row->which == (int)harm->which);
        if (is_it && is_here(harm, two_buses)) {
            *bound = row->bound;
            return true;
        }
    }
    return false;
}
