// SPDX-License-Identifier: MIT
// The judge. Goal: one place that says whether power is permitted. Assumptions: the caller has set the E-stop latch
// before it asks, and asks in every tick. Invariants: reasons are 0 only when every permission is there, fresh; a
// verdict with reasons carries setpoint 0; what is absent at boot is a reason at once, and a fault only after the grace.
#include "evse/evse_safety.h"

#include "evse/evse_timing.h"

#define mV_PER_V 1000
#define uW_PER_W 1000000u

typedef struct judgement {
    const evse_safety_inputs_t *in;
    const evse_limits_t *limits;
    uint64_t now_us;
    bool absence_is_fault; // the start's grace is over, or power flows
    bool plugged;
    evse_verdict_t verdict;
} judgement_t;

static void refuse(judgement_t *j, uint32_t reason, evse_fault_t fault)
{
    j->verdict.reasons |= reason;
    if (evse_fault_gravity(fault) > evse_fault_gravity(j->verdict.fault)) {
        j->verdict.fault = fault;
    }
}

static evse_fault_t fault_if(bool condition, evse_fault_t fault)
{
    return condition ? fault : EVSE_FAULT_NONE;
}

static bool is_fresh(const judgement_t *j, evse_reading_t reading, uint32_t age_ms)
{
    return evse_reading_is_fresh(reading, j->now_us, EVSE_US(age_ms));
}

// [SAF-01] An open loop, or one that was seen and is not any more, is an emergency stop. One that was never seen is no
// permission either, but nothing to latch.
static void judge_estop(judgement_t *j)
{
    const evse_io_inputs_t *io = j->in->io;
    bool open = io->stamp_us[EVSE_IN_ESTOP] != 0 && !evse_io_level(io, EVSE_IN_ESTOP, j->now_us);
    if (j->in->estop_latched || open) {
        refuse(j, EVSE_REASON(ESTOP), EVSE_FAULT_EMERGENCY_STOP);
        j->verdict.immediate = true;
    }
}

static void judge_bus_and_io(judgement_t *j)
{
    static const evse_input_t needed[] = {EVSE_IN_ESTOP, EVSE_IN_PLUG, EVSE_IN_LOCK_FEEDBACK,
                                          EVSE_IN_CONTACTOR_FEEDBACK};
    if (j->in->bus == EVSE_CAN_BUS_OFF) {
        refuse(j, EVSE_REASON(BUS_OFF), fault_if(j->absence_is_fault, EVSE_FAULT_CAN_BUS_OFF));
        j->verdict.immediate = true;
    }
    for (size_t i = 0; i < HF_COUNT_OF(needed); i++) {
        if (!evse_io_is_fresh(j->in->io, needed[i], j->now_us)) {
            refuse(j, EVSE_REASON(IO_STALE), fault_if(j->absence_is_fault, EVSE_FAULT_IO_LOST));
        }
    }
    if (j->in->contactor_welded) {
        refuse(j, EVSE_REASON(CONTACTOR), EVSE_FAULT_CONTACTOR_WELDED);
    }
}

// Terminal power and status come together: both missing is the module's silence, found early.
static evse_fault_t stale_meter_fault(const judgement_t *j)
{
    const evse_module_t *module = j->in->module;
    bool speaks = is_fresh(j, module->terminal_mV, j->limits->reading_age_ms) ||
                  is_fresh(j, module->terminal_status, j->limits->reading_age_ms);
    return speaks ? EVSE_FAULT_METER_STALE : EVSE_FAULT_CHARGER_OFFLINE;
}

// Too much is a fault whether or not power is wanted.
static void judge_output(judgement_t *j)
{
    const evse_module_t *module = j->in->module;
    const evse_limits_t *limits = j->limits;
    bool terminal = is_fresh(j, module->terminal_mV, limits->reading_age_ms);
    bool inner = is_fresh(j, module->module_mV, EVSE_INNER_AGE_MS);
    int64_t most_mA = (int64_t)j->in->setpoint_mA + limits->overcurrent_margin_mA;
    if ((terminal && module->terminal_mV.value > limits->overvoltage_mV) ||
        (inner && module->module_mV.value > limits->overvoltage_mV)) {
        refuse(j, EVSE_REASON(OVERVOLTAGE), EVSE_FAULT_OVERVOLTAGE);
    }
    if (is_fresh(j, module->terminal_mA, limits->reading_age_ms) &&
        (module->terminal_mA.value > most_mA ||
         module->terminal_mA.value < -limits->overcurrent_margin_mA)) { // nor out of the battery
        refuse(j, EVSE_REASON(OVERCURRENT), EVSE_FAULT_OVERCURRENT);
    }
    if (!terminal || j->in->meter_stale) {
        refuse(j, EVSE_REASON(METER_STALE), fault_if(j->in->energized, stale_meter_fault(j)));
    }
    if (terminal && j->in->energized && module->terminal_mV.value < limits->min_mV) {
        refuse(j, EVSE_REASON(UNDERVOLTAGE), EVSE_FAULT_UNDERVOLTAGE);
    }
}

// [SAF-16] Before a start the sensor behind the contactor sees the battery alone: one that is absent reads next to nothing,
// a reversed one is refused by the decoder and grows old, one of another vehicle is outside the window.
static void judge_battery(judgement_t *j)
{
    const evse_reading_t mV = j->in->module->terminal_mV;
    if (j->limits->sensor == EVSE_SENSOR_BEHIND_CONTACTOR && j->plugged && !j->in->energized &&
        is_fresh(j, mV, j->limits->reading_age_ms) && mV.value < j->limits->min_mV) {
        refuse(j, EVSE_REASON(BATTERY), EVSE_FAULT_NONE);
    }
}

static void judge_temperature(judgement_t *j) // [SAF-05]
{
    evse_reading_t temperature = j->in->module->temperature_dC;
    if (!evse_module_is_answer_fresh(j->in->module, temperature, j->now_us,
                                     EVSE_US(j->limits->temperature_age_ms))) {
        refuse(j, EVSE_REASON(TEMPERATURE_STALE),
               fault_if(j->in->energized, EVSE_FAULT_TEMPERATURE_STALE));
    } else if (temperature.value > j->limits->trip_dC) {
        refuse(j, EVSE_REASON(OVERTEMPERATURE), EVSE_FAULT_OVERTEMPERATURE);
    }
}

static void judge_module(judgement_t *j) // [SAF-07]
{
    if (!evse_module_is_healthy(j->in->module, j->now_us)) {
        refuse(j, EVSE_REASON(MODULE_SILENT),
               fault_if(j->absence_is_fault, EVSE_FAULT_CHARGER_OFFLINE));
    }
}

// [SAF-03] Without a vehicle silence is the rule; a vehicle that spoke in this session and fell silent is a fault.
static void judge_bms(judgement_t *j)
{
    const evse_bms_t *bms = j->in->bms;
    uint64_t age_us = EVSE_US(j->limits->bms_age_ms);
    if (!evse_bms_is_alive(bms, j->now_us, age_us)) {
        refuse(j, EVSE_REASON(BMS_SILENT),
               fault_if(j->plugged && j->in->bms_expected, EVSE_FAULT_BMS_LOST));
    } else if (!evse_bms_permits(bms, j->now_us, age_us) || bms->request_mA <= 0) {
        refuse(j, EVSE_REASON(BMS_FORBIDS), EVSE_FAULT_NONE);
    }
}

static void judge_plug(judgement_t *j) // [SAF-09]
{
    if (!j->plugged) {
        refuse(j, EVSE_REASON(UNPLUGGED), EVSE_FAULT_NONE);
        j->verdict.immediate = true; // better the contactor draws the arc than the plug
    }
    if (!evse_io_level(j->in->io, EVSE_IN_LOCK_FEEDBACK, j->now_us)) {
        refuse(j, EVSE_REASON(UNLOCKED),
               fault_if(j->plugged && j->in->energized, EVSE_FAULT_LOCK_FAILED));
    }
}

static void judge_order(judgement_t *j) // [SAF-10]
{
    const evse_connector_order_t *order = j->in->order;
    bool valid = j->now_us <= order->valid_until_us;
    if (valid && order->session == EVSE_ORDER_SUSPEND) {
        refuse(j, EVSE_REASON(ZERO_LIMIT), EVSE_FAULT_NONE);
    } else if (!valid || order->session != EVSE_ORDER_RUN) {
        refuse(j, EVSE_REASON(NO_ORDER), EVSE_FAULT_NONE);
    }
    if (j->in->fault_locked) {
        refuse(j, EVSE_REASON(FAULT_LOCK), EVSE_FAULT_NONE);
    }
    if (j->in->events_full) {
        refuse(j, EVSE_REASON(EVENTS_FULL), EVSE_FAULT_NONE);
    }
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

// Linear from all at derate_dC to nothing at trip_dC.
static int32_t derated_mA(const evse_limits_t *limits, int32_t mA, int32_t dC)
{
    if (dC <= limits->derate_dC) {
        return mA;
    }
    if (dC >= limits->trip_dC) {
        return 0;
    }
    return (int32_t)((int64_t)mA * (limits->trip_dC - dC) / (limits->trip_dC - limits->derate_dC));
}

// The current that stays within the power ordered. Output that flows has the battery's voltage, which may rise until it is
// read again: taken to the next volt and one more, so that noise moves nothing. What does not flow yet could be anywhere up
// to the setpoint, and so could what is above it.
static int32_t powered_mA(const judgement_t *j, int32_t mV, int32_t mA)
{
    const evse_reading_t terminal = j->in->module->terminal_mV;
    if (j->in->order->limit_W == 0 || mV <= 0 || mA <= 0) {
        return mA;
    }
    bool flows = j->in->energized && terminal.value >= j->limits->min_mV &&
                 is_fresh(j, terminal, j->limits->reading_age_ms);
    int32_t now_mV = flows ? (terminal.value / mV_PER_V + 2) * mV_PER_V : mV;
    uint64_t most_mA = (uint64_t)j->in->order->limit_W * uW_PER_W / (uint32_t)least(now_mV, mV);
    return most_mA < (uint64_t)mA ? (int32_t)most_mA : mA;
}

// [SAF-04] The minimum of everybody who has a say.
static void judge_setpoint(judgement_t *j)
{
    const evse_module_profile_t *profile = j->in->module->profile;
    const evse_bms_t *bms = j->in->bms;
    int32_t mV = least(bms->request_mV, least(profile->rated_mV, j->limits->max_mV));
    int32_t mA =
        least(bms->request_mA, least(evse_module_rated_mA(j->in->module), j->limits->max_mA));
    mA = j->in->commissioning ? least(mA, EVSE_COMMISSIONING_MA) : mA; // [SAF-15]
    mA = powered_mA(j, mV, mA);
    mA = derated_mA(j->limits, least(mA, j->in->order->limit_mA),
                    j->in->module->temperature_dC.value);
    if (j->in->order->limit_mA <= 0 || mA <= 0) {
        refuse(j, EVSE_REASON(ZERO_LIMIT), EVSE_FAULT_NONE);
    }
    if (mV < j->limits->min_mV) { // asked below what the battery may have: not a request to follow
        refuse(j, EVSE_REASON(SETPOINT), EVSE_FAULT_NONE);
    }
    j->verdict.setpoint_mV = mV;
    j->verdict.setpoint_mA = mA;
}

evse_verdict_t evse_safety_judge(const evse_safety_inputs_t *inputs, const evse_limits_t *limits,
                                 uint64_t now_us)
{
    judgement_t j = {.in = inputs, .limits = limits, .now_us = now_us};
    j.absence_is_fault = inputs->energized || inputs->delivered ||
                         now_us - inputs->started_us > EVSE_US(EVSE_BOOT_GRACE_MS);
    j.plugged = evse_io_level(inputs->io, EVSE_IN_PLUG, now_us);
    judge_estop(&j);
    judge_bus_and_io(&j);
    judge_output(&j);
    judge_battery(&j);
    judge_temperature(&j);
    judge_module(&j);
    judge_bms(&j);
    judge_plug(&j);
    judge_order(&j);
    judge_setpoint(&j);
    if (j.verdict.reasons != 0) {
        j.verdict.setpoint_mV = 0;
        j.verdict.setpoint_mA = 0;
    }
    return j.verdict;
}
