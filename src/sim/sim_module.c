// SPDX-License-Identifier: MIT
// The simulated power module: obeys and answers the control group, answers telemetry, tells its terminals unasked.
// Invariants: it is on only while both request ids keep coming; what it reports is what it does (but for set faults).
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

#define AMBIENT_dC    250
#define FULL_LOAD_dC  250 // rise at rated current
#define HOT_dC        710
#define THERMAL_STEPS 1200 // time constant, in terminal periods: two minutes

void sim_module_init(sim_outlet_t *outlet)
{
    outlet->temperature_dC = AMBIENT_dC;
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

static evse_can_frame_t frame_of(uint32_t id)
{
    return (evse_can_frame_t){.id = id, .length = 8, .extended = true};
}

static void send(sim_outlet_t *outlet, const evse_can_frame_t *frame)
{
    if (!sim_has_fault(outlet, SIM_FAULT_MODULE_SILENT)) {
        sim_outlet_send(outlet, frame);
    }
}

static int32_t limited(uint64_t value, int32_t most)
{
    return value > (uint64_t)most ? most : (int32_t)value;
}

static void obey(sim_outlet_t *outlet, const uint8_t *data)
{
    const evse_module_profile_t *profile = outlet->config.profile;
    uint64_t value = get_u32(data + 4);
    if (data[1] == FUNCTION_SWITCH) {
        bool on = data[3] == 0; // inverted on the wire
        outlet->switch_on =
            on || (outlet->switch_on && sim_has_fault(outlet, SIM_FAULT_REFUSE_OFF));
    } else if (data[1] == FUNCTION_VOLTAGE) {
        outlet->set_mV = limited(value * 1000u / profile->voltage_counts_per_V, profile->rated_mV);
    } else if (data[1] == FUNCTION_CURRENT) {
        outlet->set_mA =
            limited(value * 1000000u / profile->current_set_counts_per_kA, profile->rated_mA);
    }
}

static void answer_control(sim_outlet_t *outlet, const evse_can_frame_t *request)
{
    evse_can_frame_t frame = *request;
    frame.id = ID_CONTROL_ANSWER | (uint32_t)outlet->config.profile->address << 16;
    if (request->data[1] == FUNCTION_SWITCH) {
        frame.data[3] = outlet->switch_on ? 0 : 1;
    }
    send(outlet, &frame);
}

static uint32_t counts(int64_t value, uint32_t counts_per_unit, int32_t units)
{
    int64_t scaled = (value * (int64_t)counts_per_unit + units / 2) / units;
    return scaled < 0 ? 0 : (uint32_t)scaled;
}

static void answer_query(sim_outlet_t *outlet, uint8_t signal)
{
    const evse_module_profile_t *profile = outlet->config.profile;
    evse_can_frame_t frame = frame_of(ID_QUERY_ANSWER | (uint32_t)profile->address << 16);
    frame.data[0] = 1;
    frame.data[1] = signal;
    uint32_t value = 0;
    if (signal == SIGNAL_VOLTAGE) {
        value = counts(outlet->output_mV, profile->voltage_counts_per_V, 1000);
    } else if (signal == SIGNAL_CURRENT) {
        value = counts(outlet->output_mA, profile->current_read_counts_per_A, 1000);
    } else if (signal == SIGNAL_TEMPERATURE) {
        value = counts(outlet->temperature_dC, profile->temperature_counts_per_C, 10);
    }
    if (signal == SIGNAL_CURRENT && profile->current_read_bytes == 2) {
        value &= 0xFFFFu; // such a model wraps here, as the real one does
    }
    sim_put_u32(frame.data + 4, value);
    send(outlet, &frame);
}

bool sim_module_receive(sim_outlet_t *outlet, const evse_can_frame_t *frame)
{
    uint32_t address = (uint32_t)outlet->config.profile->address << 16;
    if (!frame->extended || frame->length < 8 || frame->data[0] != 1) {
        return false;
    }
    if (frame->id == (ID_CONTROL_REQUEST | address)) {
        outlet->last_control_us = outlet->now_us;
        obey(outlet, frame->data);
        answer_control(outlet, frame);
        return true;
    }
    if (frame->id == (ID_QUERY | address)) {
        outlet->last_query_us = outlet->now_us;
        answer_query(outlet, frame->data[1]);
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
    if (sim_has_fault(outlet, SIM_FAULT_NAN)) {
        sim_put_u32(power.data, 0x7FC00000u);
        sim_put_u32(power.data + 4, 0x7FC00000u);
    } else {
        put_float(power.data, (float)outlet->output_mV / 1000.0f);
        put_float(power.data + 4, (float)outlet->output_mA / 1000.0f);
    }
    send(outlet, &power);
    evse_can_frame_t status = frame_of(ID_TERMINAL_STATUS);
    status.data[6] = 3;
    status.data[7] = outlet->switch_on ? 2 : 1;
    send(outlet, &status);
}

static void warm(sim_outlet_t *outlet)
{
    int32_t load_dC =
        (int32_t)((int64_t)FULL_LOAD_dC * outlet->output_mA / outlet->config.profile->rated_mA);
    int32_t away_dC = AMBIENT_dC + load_dC - outlet->temperature_dC;
    // Below a tenth of a degree a step there is nothing to see: one tenth every few steps will do.
    int32_t step_dC = away_dC / THERMAL_STEPS;
    if (step_dC == 0 && away_dC != 0 && outlet->now_us / TERMINAL_PERIOD_US % 10u == 0) {
        step_dC = away_dC > 0 ? 1 : -1;
    }
    outlet->temperature_dC =
        sim_has_fault(outlet, SIM_FAULT_HOT) ? HOT_dC : outlet->temperature_dC + step_dC;
}

static uint64_t next_after(uint64_t due_us, uint64_t period_us, uint64_t now_us)
{
    return due_us + period_us > now_us ? due_us + period_us : now_us + period_us;
}

static void check_silence(sim_outlet_t *outlet)
{
    uint64_t oldest = outlet->last_control_us < outlet->last_query_us ? outlet->last_control_us
                                                                      : outlet->last_query_us;
    if (outlet->now_us - oldest > sim_us(outlet->config.module_timeout_ms)) {
        outlet->switch_on = false;
    }
}

void sim_module_step(sim_outlet_t *outlet)
{
    if (outlet->switch_on) {
        check_silence(outlet);
    }
    if (outlet->now_us >= outlet->next_terminal_us) {
        outlet->next_terminal_us =
            next_after(outlet->next_terminal_us, TERMINAL_PERIOD_US, outlet->now_us);
        warm(outlet);
        send_terminals(outlet);
    }
    if (outlet->now_us >= outlet->next_heartbeat_us) {
        outlet->next_heartbeat_us =
            next_after(outlet->next_heartbeat_us, HEARTBEAT_PERIOD_US, outlet->now_us);
        evse_can_frame_t frame = frame_of(ID_HEARTBEAT);
        frame.data[4] = 0x08;
        send(outlet, &frame);
    }
}

int64_t sim_module_target_uA(const sim_outlet_t *outlet, int64_t ocv_uV, int64_t resistance_uohm)
{
    if (!outlet->switch_on) {
        return 0;
    }
    int64_t most_uA = (int64_t)outlet->set_mA * 1000;
    int64_t above_uV = (int64_t)outlet->set_mV * 1000 - ocv_uV;
    if (above_uV <= 0) {
        return 0;
    }
    int64_t by_voltage_uA = above_uV * 1000000 / resistance_uohm;
    return by_voltage_uA < most_uA ? by_voltage_uA : most_uA;
}
