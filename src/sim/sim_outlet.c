// SPDX-License-Identifier: MIT
// The simulated outlet as a whole: electrics between module and battery, contactor with its live signal, lock, inputs,
// the sum of the modules.
//
// Invariants: current flows only while contactor and plug are closed; the contactor's coil is held only while it is
// commanded and the live signal advances; energy_mJ is the integral of power_mW. The E-stop loop is not wired into the
// coil here, as it is in a real cabinet: tests are to see what the software does.
#include "sim_private.h"

#include <string.h>

#define RAMP_DOWN_uA_PER_ms 200000
#define LOCK_DELAY_US       50000u
#define OCV_AGE_US          1000000u // longest stretch with one open-circuit voltage
#define BLEED_uV_PER_V_ms   50       // output capacitors: time constant 20 s
#define CHARGE_UP_uV_PER_us 200      // they charge in less than half a second
#define OVERVOLTAGE_uV      95000000
#define UNDERVOLTAGE_uV     40000000
#define HOT_OPENING_uA      1000000
#define NEVER               UINT64_MAX

static void set_defaults(sim_config_t *config)
{
    const sim_config_t defaults = {.battery_mAh = 30000,
                                   .initial_soc_permille = 300,
                                   .request_mA = 30000,
                                   .request_mV = 84000,
                                   .ramp_mA_per_s = 20000,
                                   .contactor_close_ms = 40,
                                   .contactor_drop_ms = 30,
                                   .module_timeout_ms = 3000,
                                   .units = 1,
                                   .bus_frames_per_s = 1900};
#define SIM_DEFAULT(field) config->field = config->field != 0 ? config->field : defaults.field
    SIM_DEFAULT(battery_mAh);
    SIM_DEFAULT(initial_soc_permille);
    SIM_DEFAULT(request_mA);
    SIM_DEFAULT(request_mV);
    SIM_DEFAULT(ramp_mA_per_s);
    SIM_DEFAULT(contactor_close_ms);
    SIM_DEFAULT(contactor_drop_ms);
    SIM_DEFAULT(module_timeout_ms);
    SIM_DEFAULT(units);
    SIM_DEFAULT(bus_frames_per_s);
#undef SIM_DEFAULT
}

void sim_outlet_init(sim_outlet_t *outlet, const sim_config_t *config)
{
    HF_ASSERT(config->profile != NULL && config->units <= CONFIG_EVSE_MODULES_MAX);
    memset(outlet, 0, sizeof *outlet);
    outlet->config = *config;
    set_defaults(&outlet->config);
    outlet->capacity_uAs = (int64_t)outlet->config.battery_mAh * 3600000;
    sim_bus_init(outlet);
    sim_module_init(outlet);
}

// ---- electrics ----

static bool is_connected(const sim_outlet_t *outlet)
{
    return outlet->contactor_closed && outlet->plugged;
}

/// uV at the terminals with uA flowing into the battery.
static int64_t terminal_uV(const sim_outlet_t *outlet, int64_t ocv_uV, int64_t uA)
{
    if (outlet->switch_on && sim_has_fault(outlet, SIM_FAULT_OVERVOLTAGE)) {
        return OVERVOLTAGE_uV;
    }
    if (outlet->switch_on && sim_has_fault(outlet, SIM_FAULT_UNDERVOLTAGE)) {
        return UNDERVOLTAGE_uV;
    }
    return ocv_uV + uA * SIM_BATTERY_UOHM / 1000000;
}

static void take_energy(sim_outlet_t *outlet, int64_t ocv_uV, int64_t end_uA, uint64_t dt_us)
{
    int64_t uA[3] = {outlet->output_uA, (outlet->output_uA + end_uA) / 2, end_uA};
    // uV/1000 x uA/1000 is uW. Power is quadratic in time here, for which Simpson's rule is exact.
    int64_t uW[3];
    for (unsigned i = 0; i < 3; i++) {
        uW[i] = terminal_uV(outlet, ocv_uV, uA[i]) / 1000 * (uA[i] / 1000);
    }
    uint64_t mean_uW = (uint64_t)(uW[0] + 4 * uW[1] + uW[2]) / 6u;
    uint64_t pJ = outlet->energy_remainder_pJ + mean_uW * dt_us;
    outlet->energy_mJ += pJ / 1000000000u;
    outlet->energy_remainder_pJ = pJ % 1000000000u;
    sim_vehicle_charge(outlet, uA[1] / 1000 * (int64_t)dt_us / 1000);
}

static int64_t ramp_uA_per_ms(const sim_outlet_t *outlet, int64_t target_uA)
{
    return target_uA < outlet->output_uA
               ? RAMP_DOWN_uA_PER_ms
               : (int64_t)outlet->config.ramp_mA_per_s * sim_module_on_count(outlet);
}

/// One stretch with linear current, at most dt_us long; returns its length.
static uint64_t stretch(sim_outlet_t *outlet, uint64_t dt_us)
{
    int64_t ocv_uV = sim_vehicle_ocv_uV(outlet);
    int64_t target_uA = sim_module_target_uA(outlet, ocv_uV, SIM_BATTERY_UOHM);
    int64_t rate = ramp_uA_per_ms(outlet, target_uA);
    int64_t away_uA = target_uA - outlet->output_uA;
    uint64_t needed_us =
        (uint64_t)((away_uA < 0 ? -away_uA : away_uA) * 1000 + rate - 1) / (uint64_t)rate;
    dt_us = dt_us < OCV_AGE_US ? dt_us : OCV_AGE_US;
    int64_t end_uA = target_uA;
    if (needed_us > dt_us) {
        int64_t moved_uA = rate * (int64_t)dt_us / 1000;
        end_uA = outlet->output_uA + (away_uA < 0 ? -moved_uA : moved_uA);
    } else if (needed_us > 0) {
        dt_us = needed_us;
    }
    take_energy(outlet, ocv_uV, end_uA, dt_us);
    outlet->output_uA = end_uA;
    outlet->output_uV = terminal_uV(outlet, ocv_uV, end_uA);
    return dt_us;
}

/// What the modules bring their open output to.
static int64_t unloaded_uV(const sim_outlet_t *outlet)
{
    if (sim_has_fault(outlet, SIM_FAULT_OVERVOLTAGE)) {
        return OVERVOLTAGE_uV;
    }
    return sim_has_fault(outlet, SIM_FAULT_UNDERVOLTAGE) ? UNDERVOLTAGE_uV
                                                         : (int64_t)outlet->set_mV * 1000;
}

/// Nothing but the output capacitors: charged by the module, else bleeding.
static void settle_unloaded(sim_outlet_t *outlet, uint64_t dt_us)
{
    outlet->output_uA = 0;
    if (outlet->switch_on) {
        int64_t goal_uV = unloaded_uV(outlet);
        int64_t most_uV = dt_us > OCV_AGE_US ? goal_uV : CHARGE_UP_uV_PER_us * (int64_t)dt_us;
        int64_t away_uV = goal_uV - outlet->output_uV;
        outlet->output_uV += away_uV > most_uV ? most_uV : away_uV;
    } else if (outlet->output_uV > 0) {
        int64_t dt_ms = dt_us > 20 * OCV_AGE_US ? 20000 : (int64_t)(dt_us / 1000u);
        outlet->output_uV -= outlet->output_uV * BLEED_uV_PER_V_ms * dt_ms / 1000000;
    }
}

int32_t sim_outlet_sensed_mV(const sim_outlet_t *outlet)
{
    return outlet->config.sensor_behind_contactor ? outlet->battery_mV : outlet->output_mV;
}

static void publish(sim_outlet_t *outlet)
{
    outlet->output_mV = (int32_t)(outlet->output_uV / 1000);
    outlet->output_mA = (int32_t)(outlet->output_uA / 1000);
    outlet->power_mW = (int64_t)outlet->output_mV * outlet->output_mA / 1000;
    if (outlet->contactor_closed) {
        outlet->battery_mV = outlet->output_mV;
    } else {
        outlet->battery_mV = outlet->plugged ? (int32_t)(sim_vehicle_ocv_uV(outlet) / 1000) : 0;
    }
    sim_module_share(outlet);
}

static void run_electrics(sim_outlet_t *outlet, uint64_t until_us)
{
    uint64_t dt_us = until_us - outlet->now_us;
    outlet->now_us = until_us;
    if (!is_connected(outlet)) {
        settle_unloaded(outlet, dt_us);
    } else if (!outlet->switch_on && outlet->output_uA == 0) {
        outlet->output_uV = sim_vehicle_ocv_uV(outlet);
    } else {
        while (dt_us > 0) {
            dt_us -= stretch(outlet, dt_us);
        }
    }
}

// ---- contactor and lock ----

/// When the contactor or its coil changes next by itself.
static uint64_t contactor_due_us(const sim_outlet_t *outlet)
{
    if (outlet->coil_on) {
        uint64_t drop_us = outlet->live_us + sim_us(EVSE_LIVE_SIGNAL_TIMEOUT_MS);
        uint64_t close_us = NEVER;
        if (!outlet->contactor_closed && !sim_has_fault(outlet, SIM_FAULT_CONTACTOR_STUCK_OPEN)) {
            close_us = outlet->coil_since_us + sim_us(outlet->config.contactor_close_ms);
        }
        return close_us < drop_us ? close_us : drop_us;
    }
    if (outlet->contactor_closed && !sim_has_fault(outlet, SIM_FAULT_CONTACTOR_WELDED)) {
        return outlet->coil_since_us + sim_us(outlet->config.contactor_drop_ms);
    }
    return NEVER;
}

static void switch_coil(sim_outlet_t *outlet, bool on)
{
    if (on != outlet->coil_on) {
        outlet->coil_on = on;
        outlet->coil_since_us = outlet->now_us;
    }
}

static void move_contactor(sim_outlet_t *outlet)
{
    uint64_t dropped_us = outlet->live_us + sim_us(EVSE_LIVE_SIGNAL_TIMEOUT_MS);
    if (outlet->coil_on && outlet->now_us >= dropped_us) {
        switch_coil(outlet, false);
        return;
    }
    if (!outlet->coil_on && outlet->output_uA >= HOT_OPENING_uA) {
        outlet->hot_openings++;
    }
    if (outlet->coil_on && outlet->plugged) {
        int64_t step_uV = sim_vehicle_ocv_uV(outlet) - outlet->output_uV;
        int32_t step_mV = (int32_t)((step_uV < 0 ? -step_uV : step_uV) / 1000);
        outlet->closing_mV = step_mV > outlet->closing_mV ? step_mV : outlet->closing_mV;
    }
    outlet->contactor_closed = outlet->coil_on;
    if (!outlet->contactor_closed) {
        outlet->output_uA = 0;
    }
}

void sim_outlet_step(sim_outlet_t *outlet, uint64_t now_us)
{
    if (now_us <= outlet->now_us) {
        return;
    }
    uint64_t due_us;
    while ((due_us = contactor_due_us(outlet)) <= now_us) {
        // A due time can lie in the past when a fault that held the contactor was cleared.
        run_electrics(outlet, due_us > outlet->now_us ? due_us : outlet->now_us);
        move_contactor(outlet);
    }
    run_electrics(outlet, now_us);
    if (outlet->locked != outlet->lock_commanded && !sim_has_fault(outlet, SIM_FAULT_LOCK_STUCK) &&
        now_us - outlet->lock_since_us >= LOCK_DELAY_US) {
        outlet->locked = outlet->lock_commanded;
    }
    publish(outlet);
    sim_module_step(outlet);
    sim_vehicle_step(outlet);
}

// ---- inputs, outputs, faults ----

void sim_outlet_drive(sim_outlet_t *outlet, const evse_io_drive_t *drive)
{
    outlet->output_bits = 0;
    for (unsigned i = 0; i < EVSE_OUTPUT_COUNT; i++) {
        outlet->output_bits |= drive->level[i] ? 1u << i : 0u;
    }
    bool advanced = outlet->live_seen && drive->live_count != outlet->live_count;
    outlet->live_seen = true;
    outlet->live_count = drive->live_count;
    if (advanced) {
        outlet->live_us = outlet->now_us;
    }
    if (!drive->level[EVSE_OUT_CONTACTOR]) {
        switch_coil(outlet, false);
    } else if (advanced) {
        switch_coil(outlet, true);
    }
    if (drive->level[EVSE_OUT_LOCK] != outlet->lock_commanded) {
        outlet->lock_commanded = drive->level[EVSE_OUT_LOCK];
        outlet->lock_since_us = outlet->now_us;
    }
}

bool sim_outlet_inputs(const sim_outlet_t *outlet, bool level[EVSE_INPUT_COUNT])
{
    level[EVSE_IN_PLUG] = outlet->plugged;
    level[EVSE_IN_LOCK_FEEDBACK] = outlet->locked;
    level[EVSE_IN_CONTACTOR_FEEDBACK] =
        outlet->contactor_closed && !sim_has_fault(outlet, SIM_FAULT_FEEDBACK_OPEN);
    level[EVSE_IN_ESTOP] = !sim_has_fault(outlet, SIM_FAULT_ESTOP | SIM_FAULT_ESTOP_WIRE);
    level[EVSE_IN_LATCH_RESET] = outlet->latch_reset;
    level[EVSE_IN_START_BUTTON] = outlet->start_pressed;
    level[EVSE_IN_STOP_BUTTON] = outlet->stop_pressed;
    return !sim_has_fault(outlet, SIM_FAULT_IO_SILENT);
}

void sim_outlet_plug(sim_outlet_t *outlet, bool plugged)
{
    if (outlet->plugged && !plugged && outlet->output_uA >= HOT_OPENING_uA) {
        outlet->hot_unplugs++;
    }
    sim_vehicle_plug(outlet, plugged);
    if (!plugged) {
        outlet->output_uA = 0;
    }
    publish(outlet);
}

void sim_outlet_hold_reset(sim_outlet_t *outlet, bool held)
{
    outlet->latch_reset = held;
}

void sim_outlet_hold_buttons(sim_outlet_t *outlet, bool start, bool stop)
{
    outlet->start_pressed = start;
    outlet->stop_pressed = stop;
}
