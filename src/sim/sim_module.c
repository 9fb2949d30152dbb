// SPDX-License-Identifier: MIT
// The simulated power modules, at consecutive addresses: each obeys and answers its control group, answers telemetry; a
// terminal board tells what they deliver together, unasked.
// Invariants: a module is on only while both its request ids keep coming; what it reports is what it does, and what one
// does is no other's concern (but for set faults).
#include "sim_private.h"

#include <string.h>

#define ID_CONTROL_REQUEST  0x068081FEu // bits 22-16: address
#define ID_CONTROL_ANSWER   0x0680817Eu
#define ID_QUERY            0x068082FEu
#define ID_QUERY_ANSWER     0x0680827Eu
#define ID_TERMINAL_POWER   0x00433F01u
#define ID_TERMINAL_STATUS  0x00473F01u
#define ID_HEARTBEAT        0x18FF50E5u
#define TERMINAL_PERIOD_US  100000u
#define HEARTBEAT_PERIOD_US 500000u

#define FUNCTION_VOLTAGE   0x00u
#define FUNCTION_CURRENT   0x03u
#define FUNCTION_SWITCH    0x32u
#define SIGNAL_TEMPERATURE 0x80u
#define SIGNAL_CURRENT     0x82u
#define SIGNAL_VOLTAGE     0x84u

#define AMBIENT_dC       250
#define FULL_LOAD_dC     250 // rise at rated current
#define HOT_dC           710
#define OVERLOAD_percent 125
#define FLOAT_NAN        0x7FC00000u
#define FLOAT_INF        0x7F800000u
#define THERMAL_STEPS    1200 // time constant, in terminal periods: two minutes

static bool has_fault(const sim_outlet_t *outlet, uint32_t unit, sim_faults_t fault)
{
    return ((outlet->faults | outlet->unit[unit].faults) & fault) != 0;
}

static bool is_dead(const sim_outlet_t *outlet, uint32_t unit)
{
    return has_fault(outlet, unit, SIM_FAULT_MODULE_DEAD) ||
           (unit + 1 == outlet->config.units && sim_has_fault(outlet, SIM_FAULT_UNIT_DEAD));
}

/// What the modules are together.
static void sum_up(sim_outlet_t *outlet)
{
    outlet->switch_on = false;
    outlet->set_mV = outlet->set_mA = 0;
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        const sim_unit_t *unit = &outlet->unit[u];
        outlet->switch_on = outlet->switch_on || unit->on;
        outlet->set_mV = unit->set_mV > outlet->set_mV ? unit->set_mV : outlet->set_mV;
        outlet->set_mA += unit->set_mA;
    }
}

void sim_module_init(sim_outlet_t *outlet)
{
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        outlet->unit[u].temperature_dC = AMBIENT_dC;
    }
}

void sim_module_changed(sim_outlet_t *outlet)
{
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        outlet->unit[u].on = outlet->unit[u].on && !is_dead(outlet, u);
    }
    sum_up(outlet);
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static evse_can_frame_t frame_of(uint32_t id)
{
    return (evse_can_frame_t){.id = id, .length = 8, .extended = true};
}

static void send_unit(sim_outlet_t *outlet, uint32_t unit, const evse_can_frame_t *frame)
{
    if (!has_fault(outlet, unit, SIM_FAULT_MODULE_SILENT)) {
        sim_outlet_send(outlet, SIM_BUS_MODULE, frame);
    }
}

/// The terminal's board: silent with the modules as a whole, not with one of them.
static void send_board(sim_outlet_t *outlet, const evse_can_frame_t *frame, sim_faults_t silenced)
{
    bool is_alone_dead = outlet->config.units == 1 && is_dead(outlet, 0);
    if (!is_alone_dead &&
        !sim_has_fault(outlet, silenced | SIM_FAULT_MODULE_SILENT | SIM_FAULT_MODULE_DEAD)) {
        sim_outlet_send(outlet, SIM_BUS_MODULE, frame);
    }
}

static int32_t limited(uint64_t value, int32_t most)
{
    return value > (uint64_t)most ? most : (int32_t)value;
}

static void obey(sim_outlet_t *outlet, uint32_t unit, const uint8_t *data)
{
    const evse_module_profile_t *profile = outlet->config.profile;
    sim_unit_t *module = &outlet->unit[unit];
    uint64_t value = get_u32(data + 4);
    if (data[1] == FUNCTION_SWITCH) {
        bool on = data[3] == 0; // inverted on the wire
        module->on = on || (module->on &&
                            has_fault(outlet, unit, SIM_FAULT_REFUSE_OFF | SIM_FAULT_OFF_LIED));
    } else if (data[1] == FUNCTION_VOLTAGE) {
        module->set_mV = limited(value * 1000u / profile->voltage_counts_per_V, profile->rated_mV);
    } else if (data[1] == FUNCTION_CURRENT) {
        module->set_mA =
            limited(value * 1000000u / profile->current_set_counts_per_kA, profile->rated_mA);
    }
    sum_up(outlet);
}

static uint32_t address_of(const sim_outlet_t *outlet, uint32_t unit)
{
    return (outlet->config.profile->address + unit) << 16;
}

static void answer_control(sim_outlet_t *outlet, uint32_t unit, const evse_can_frame_t *request)
{
    evse_can_frame_t frame = *request;
    frame.id = ID_CONTROL_ANSWER | address_of(outlet, unit);
    frame.stamped = false;
    if (request->data[1] == FUNCTION_SWITCH && !has_fault(outlet, unit, SIM_FAULT_OFF_LIED)) {
        frame.data[3] = outlet->unit[unit].on ? 0 : 1;
    }
    if (!has_fault(outlet, unit, SIM_FAULT_ANSWERS_SILENT)) {
        send_unit(outlet, unit, &frame);
    }
}

static uint32_t counts(int64_t value, uint32_t counts_per_unit, int32_t units)
{
    int64_t scaled = (value * (int64_t)counts_per_unit + units / 2) / units;
    return scaled < 0 ? 0 : (uint32_t)scaled;
}

static uint32_t voltage_counts(const sim_outlet_t *outlet, uint32_t unit)
{
    bool is_stuck = has_fault(outlet, unit, SIM_FAULT_READINGS_STUCK);
    int64_t mV = is_stuck ? outlet->unit[unit].stuck_mV : outlet->output_mV;
    if (has_fault(outlet, unit, SIM_FAULT_VOLTAGE_X1_1)) {
        mV = mV * 11 / 10;
    }
    return counts(mV, outlet->config.profile->voltage_counts_per_V, 1000);
}

static uint32_t current_counts(const sim_outlet_t *outlet, uint32_t unit)
{
    const evse_module_profile_t *profile = outlet->config.profile;
    bool is_stuck = has_fault(outlet, unit, SIM_FAULT_READINGS_STUCK);
    int64_t mA = is_stuck ? outlet->unit[unit].stuck_mA : outlet->unit[unit].uA / 1000;
    if (has_fault(outlet, unit, SIM_FAULT_CURRENT_X10)) {
        mA *= 10;
    }
    if (has_fault(outlet, unit, SIM_FAULT_CURRENT_DIV102)) {
        mA = mA * 10 / 1024;
    }
    uint32_t value = counts(mA, profile->current_read_counts_per_A, 1000);
    return profile->current_read_bytes == 2 ? value & 0xFFFFu : value; // a 16-bit model wraps
}

static uint32_t temperature_counts(const sim_outlet_t *outlet, uint32_t unit)
{
    bool is_stuck = has_fault(outlet, unit, SIM_FAULT_TEMPERATURE_STUCK);
    int32_t dC = is_stuck ? outlet->unit[unit].stuck_dC : outlet->unit[unit].temperature_dC;
    return counts(dC, outlet->config.profile->temperature_counts_per_C, 10);
}

static void answer_query(sim_outlet_t *outlet, uint32_t unit, uint8_t signal)
{
    evse_can_frame_t frame = frame_of(ID_QUERY_ANSWER | address_of(outlet, unit));
    frame.data[0] = 1;
    frame.data[1] = signal;
    uint32_t value = 0;
    if (signal == SIGNAL_VOLTAGE) {
        value = voltage_counts(outlet, unit);
    } else if (signal == SIGNAL_CURRENT) {
        value = current_counts(outlet, unit);
    } else if (signal == SIGNAL_TEMPERATURE) {
        value = temperature_counts(outlet, unit);
    }
    sim_put_u32(frame.data + 4, value);
    if (!has_fault(outlet, unit, SIM_FAULT_TELEMETRY_SILENT)) {
        send_unit(outlet, unit, &frame);
    }
}

/// The unit a request id addresses; false for anything else.
static bool find_unit(const sim_outlet_t *outlet, uint32_t id, uint32_t request, uint32_t *unit)
{
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        if (id == (request | address_of(outlet, u)) && !is_dead(outlet, u)) {
            *unit = u;
            return true;
        }
    }
    return false;
}

bool sim_module_receive(sim_outlet_t *outlet, const evse_can_frame_t *frame)
{
    uint32_t unit;
    if (!frame->extended || frame->length < 8 || frame->data[0] != 1) {
        return false;
    }
    if (find_unit(outlet, frame->id, ID_CONTROL_REQUEST, &unit)) {
        outlet->unit[unit].last_control_us = outlet->now_us;
        obey(outlet, unit, frame->data);
        answer_control(outlet, unit, frame);
        return true;
    }
    if (find_unit(outlet, frame->id, ID_QUERY, &unit)) {
        outlet->unit[unit].last_query_us = outlet->now_us;
        answer_query(outlet, unit, frame->data[1]);
        return true;
    }
    return false;
}

static void put_float(uint8_t *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    sim_put_u32(out, bits);
}

static void send_terminals(sim_outlet_t *outlet)
{
    evse_can_frame_t power = frame_of(ID_TERMINAL_POWER);
    if (sim_has_fault(outlet, SIM_FAULT_NAN | SIM_FAULT_INF)) {
        uint32_t bits = sim_has_fault(outlet, SIM_FAULT_NAN) ? FLOAT_NAN : FLOAT_INF;
        sim_put_u32(power.data, bits);
        sim_put_u32(power.data + 4, bits);
    } else {
        bool is_voltage_stuck = sim_has_fault(outlet, SIM_FAULT_TERMINAL_VOLTAGE_STUCK);
        bool is_current_stuck = sim_has_fault(outlet, SIM_FAULT_TERMINAL_CURRENT_STUCK);
        int32_t mV = is_voltage_stuck ? outlet->stuck_mV : sim_outlet_sensed_mV(outlet);
        int32_t mA = is_current_stuck ? outlet->stuck_mA : outlet->output_mA;
        put_float(power.data, (float)mV / 1000.0f);
        put_float(power.data + 4, (float)mA / 1000.0f);
    }
    send_board(outlet, &power, SIM_FAULT_TERMINAL_SILENT);
    evse_can_frame_t status = frame_of(ID_TERMINAL_STATUS);
    status.data[6] = 3;
    status.data[7] = outlet->switch_on ? 2 : 1;
    send_board(outlet, &status, SIM_FAULT_TERMINAL_SILENT);
}

static void warm(sim_outlet_t *outlet, uint32_t unit)
{
    sim_unit_t *module = &outlet->unit[unit];
    int32_t load_dC =
        (int32_t)(FULL_LOAD_dC * (module->uA / 1000) / outlet->config.profile->rated_mA);
    int32_t away_dC = AMBIENT_dC + load_dC - module->temperature_dC;
    // Below a tenth of a degree a step there is nothing to see: one tenth every few steps will do.
    int32_t step_dC = away_dC / THERMAL_STEPS;
    if (step_dC == 0 && away_dC != 0 && outlet->now_us / TERMINAL_PERIOD_US % 10u == 0) {
        step_dC = away_dC > 0 ? 1 : -1;
    }
    module->temperature_dC =
        has_fault(outlet, unit, SIM_FAULT_HOT) ? HOT_dC : module->temperature_dC + step_dC;
}

static uint64_t next_after(uint64_t due_us, uint64_t period_us, uint64_t now_us)
{
    return due_us + period_us > now_us ? due_us + period_us : now_us + period_us;
}

static void check_silence(sim_outlet_t *outlet, sim_unit_t *unit)
{
    uint64_t oldest_us =
        unit->last_control_us < unit->last_query_us ? unit->last_control_us : unit->last_query_us;
    if (unit->on && outlet->now_us - oldest_us > sim_us(outlet->config.module_timeout_ms)) {
        unit->on = false;
        sum_up(outlet);
    }
}

void sim_module_step(sim_outlet_t *outlet)
{
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        check_silence(outlet, &outlet->unit[u]);
    }
    if (outlet->now_us >= outlet->next_terminal_us) {
        outlet->next_terminal_us =
            next_after(outlet->next_terminal_us, TERMINAL_PERIOD_US, outlet->now_us);
        for (uint32_t u = 0; u < outlet->config.units; u++) {
            warm(outlet, u);
        }
        send_terminals(outlet);
    }
    if (outlet->now_us >= outlet->next_heartbeat_us) {
        outlet->next_heartbeat_us =
            next_after(outlet->next_heartbeat_us, HEARTBEAT_PERIOD_US, outlet->now_us);
        evse_can_frame_t frame = frame_of(ID_HEARTBEAT);
        frame.data[4] = 0x08;
        send_board(outlet, &frame, SIM_FAULT_HEARTBEAT_SILENT);
    }
}

// ---- current ----

/// What the module regulates its current to while it is on.
static int64_t most_mA(const sim_outlet_t *outlet, uint32_t unit)
{
    if (!outlet->unit[unit].on) {
        return 0;
    }
    return has_fault(outlet, unit, SIM_FAULT_OVERCURRENT)
               ? (int64_t)outlet->config.profile->rated_mA * OVERLOAD_percent / 100
               : outlet->unit[unit].set_mA;
}

int64_t sim_module_target_uA(const sim_outlet_t *outlet, int64_t ocv_uV, int64_t resistance_uohm)
{
    int64_t most_uA = 0, highest_mV = 0;
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        const sim_unit_t *unit = &outlet->unit[u];
        most_uA += most_mA(outlet, u) * 1000;
        highest_mV = unit->on && unit->set_mV > highest_mV ? unit->set_mV : highest_mV;
    }
    int64_t above_uV = highest_mV * 1000 - ocv_uV;
    if (above_uV <= 0) {
        return 0;
    }
    int64_t by_voltage_uA = above_uV * 1000000 / resistance_uohm;
    return by_voltage_uA < most_uA ? by_voltage_uA : most_uA;
}

uint32_t sim_module_on_count(const sim_outlet_t *outlet)
{
    uint32_t count = 0;
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        count += outlet->unit[u].on ? 1u : 0u;
    }
    return count != 0 ? count : 1u;
}

void sim_module_share(sim_outlet_t *outlet)
{
    int64_t whole_mA = 0;
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        whole_mA += most_mA(outlet, u);
    }
    for (uint32_t u = 0; u < outlet->config.units; u++) {
        // While the current of modules that are off is on its way down, each has as much as the others.
        outlet->unit[u].uA = whole_mA != 0 ? outlet->output_uA * most_mA(outlet, u) / whole_mA
                                           : outlet->output_uA / outlet->config.units;
    }
}
