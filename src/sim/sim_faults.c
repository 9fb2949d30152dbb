// SPDX-License-Identifier: MIT
// The faults of a simulated outlet: names, what each does, which a single unit can have. Invariant: entry n is bit n.
#include "sim_private.h"

#include <string.h>

static const struct fault_info {
    sim_faults_t fault;
    const char *name, *text;
    bool is_of_unit;
} infos[] = {
    {SIM_FAULT_MODULE_SILENT, "module-silent", "says nothing, still obeys", true},
    {SIM_FAULT_BMS_SILENT, "bms-silent", "the BMS neither speaks nor hears", false},
    {SIM_FAULT_BMS_FORBIDS, "bms-forbids", "the BMS withdraws its permission", false},
    {SIM_FAULT_HOT, "hot", "the module tells 71 degrees", true},
    {SIM_FAULT_REFUSE_OFF, "refuse-off", "the module ignores OFF, and says so", true},
    {SIM_FAULT_CONTACTOR_WELDED, "contactor-welded", "stays closed", false},
    {SIM_FAULT_CONTACTOR_STUCK_OPEN, "contactor-stuck-open", "does not close", false},
    {SIM_FAULT_NAN, "nan", "terminal frames carry NaN", false},
    {SIM_FAULT_BUS_OFF, "bus-off", "module bus: off, no frame passes", false},
    {SIM_FAULT_ESTOP, "estop", "emergency stop pressed", false},
    {SIM_FAULT_IO_SILENT, "io-silent", "inputs are not told any more", false},
    {SIM_FAULT_OVERVOLTAGE, "overvoltage", "95 V at the terminals while on", false},
    {SIM_FAULT_BMS_BUS_OFF, "bms-bus-off", "BMS bus: off, no frame passes", false},
    {SIM_FAULT_BUS_UNPLUGGED, "bus-unplugged", "module bus: cable out, nothing says so", false},
    {SIM_FAULT_BMS_BUS_UNPLUGGED, "bms-bus-unplugged", "BMS bus: cable out", false},
    {SIM_FAULT_BABBLE, "babble", "module bus: full of random ids", false},
    {SIM_FAULT_BMS_BABBLE, "bms-babble", "BMS bus: full of random ids", false},
    {SIM_FAULT_FLOOD, "flood", "module bus: full of the module's ids, random content", false},
    {SIM_FAULT_BMS_FLOOD, "bms-flood", "BMS bus: full of the BMS's ids, random content", false},
    {SIM_FAULT_TERMINAL_SILENT, "terminal-silent", "no terminal power and status frames", false},
    {SIM_FAULT_TELEMETRY_SILENT, "telemetry-silent", "queries are not answered", true},
    {SIM_FAULT_HEARTBEAT_SILENT, "heartbeat-silent", "no heartbeat frames", false},
    {SIM_FAULT_ANSWERS_SILENT, "answers-silent", "obeys, but confirms nothing", true},
    {SIM_FAULT_TERMINAL_CURRENT_STUCK, "terminal-current-stuck", "stays as it is", false},
    {SIM_FAULT_TERMINAL_VOLTAGE_STUCK, "terminal-voltage-stuck", "stays as it is", false},
    {SIM_FAULT_TEMPERATURE_STUCK, "temperature-stuck", "the reading stays as it is", true},
    {SIM_FAULT_READINGS_STUCK, "readings-stuck", "module voltage and current stay as they are",
     true},
    {SIM_FAULT_INF, "inf", "terminal frames carry infinity", false},
    {SIM_FAULT_CURRENT_X10, "current-x10", "the module reports ten times its current", true},
    {SIM_FAULT_CURRENT_DIV102, "current-div102", "the module reports 10 counts for 1024", true},
    {SIM_FAULT_VOLTAGE_X1_1, "voltage-x1.1", "the module reports 1.1 times its voltage", true},
    {SIM_FAULT_UNDERVOLTAGE, "undervoltage", "40 V at the terminals while on", false},
    {SIM_FAULT_OVERCURRENT, "overcurrent", "125 % of the rating, whatever was set", true},
    {SIM_FAULT_OFF_LIED, "off-lied", "the module confirms OFF and goes on", true},
    {SIM_FAULT_MODULE_DEAD, "module-dead", "no power, no frames", true},
    {SIM_FAULT_UNIT_DEAD, "unit-dead", "the last of several modules is dead", false},
    {SIM_FAULT_LOCK_STUCK, "lock-stuck", "the lock stays as it is", false},
    {SIM_FAULT_FEEDBACK_OPEN, "feedback-open", "contactor feedback tells \"open\" always", false},
    {SIM_FAULT_ESTOP_WIRE, "estop-wire", "wire break in the emergency stop's loop", false},
    {SIM_FAULT_BMS_IMPOSSIBLE, "bms-impossible", "asks for 6553.5 V and A, or for 0 V", false},
    {SIM_FAULT_BMS_SHORT, "bms-short", "the BMS's frames have 7 bytes", false},
    {SIM_FAULT_BMS_HEATING, "bms-heating", "the request's heating flag is set", false},
};

const char *sim_fault_name(unsigned bit)
{
    return bit < HF_COUNT_OF(infos) ? infos[bit].name : NULL;
}

const char *sim_fault_text(unsigned bit)
{
    return bit < HF_COUNT_OF(infos) ? infos[bit].text : NULL;
}

sim_faults_t sim_fault_find(const char *name)
{
    for (size_t i = 0; i < HF_COUNT_OF(infos); i++) {
        if (strcmp(name, infos[i].name) == 0) {
            return infos[i].fault;
        }
    }
    return 0;
}

bool sim_fault_is_of_unit(sim_faults_t fault)
{
    for (size_t i = 0; i < HF_COUNT_OF(infos); i++) {
        if (infos[i].fault == fault) {
            return infos[i].is_of_unit;
        }
    }
    return false;
}

/// What the readings were when they got stuck.
static void hold_readings(sim_outlet_t *outlet, sim_unit_t *unit, sim_faults_t set)
{
    if ((set & SIM_FAULT_TEMPERATURE_STUCK) != 0) {
        unit->stuck_dC = unit->temperature_dC;
    }
    if ((set & SIM_FAULT_READINGS_STUCK) != 0) {
        unit->stuck_mV = outlet->output_mV;
        unit->stuck_mA = (int32_t)(unit->uA / 1000);
    }
}

void sim_outlet_set_fault(sim_outlet_t *outlet, sim_faults_t faults, bool on)
{
    sim_faults_t set = on ? faults & ~outlet->faults : 0;
    if ((set & SIM_FAULT_TERMINAL_CURRENT_STUCK) != 0) {
        outlet->stuck_mA = outlet->output_mA;
    }
    if ((set & SIM_FAULT_TERMINAL_VOLTAGE_STUCK) != 0) {
        outlet->stuck_mV = sim_outlet_sensed_mV(outlet);
    }
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        hold_readings(outlet, &outlet->unit[u], set);
    }
    outlet->faults = on ? outlet->faults | faults : outlet->faults & ~faults;
    sim_bus_changed(outlet, set);
    sim_module_changed(outlet);
}

void sim_outlet_set_unit_fault(sim_outlet_t *outlet, uint32_t unit, sim_faults_t faults, bool on)
{
    sim_faults_t possible = 0;
    for (size_t i = 0; i < HF_COUNT_OF(infos); i++) {
        possible |= infos[i].is_of_unit ? infos[i].fault : 0;
    }
    if (unit >= outlet->config.units) {
        return;
    }
    sim_unit_t *one = &outlet->unit[unit];
    faults &= possible;
    hold_readings(outlet, one, on ? faults & ~one->faults : 0);
    one->faults = on ? one->faults | faults : one->faults & ~faults;
    sim_module_changed(outlet);
}
