// SPDX-License-Identifier: MIT
// The judge: each rule alone against an otherwise perfect world, limits, setpoint, faults and their gravity.
#include "evse/evse_safety.h"
#include "evse/evse_timing.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

#define NOW_US (100u * HF_US_PER_S)

static evse_module_t module;
static evse_bms_t bms;
static evse_io_inputs_t io;
static evse_connector_order_t order;
static evse_limits_t limits;
static evse_safety_inputs_t inputs;

static evse_reading_t reading(int32_t value)
{
    return (evse_reading_t){value, NOW_US};
}

static void perfect(void)
{
    CHECK_EQ(evse_module_init(&module, evse_module_profile_find("m33-1024"), 1), 0);
    module.terminal_mV = module.module_mV = reading(77000);
    module.terminal_mA = module.module_mA = reading(25000);
    module.temperature_dC = reading(400);
    module.terminal_status = module.heartbeat = reading(1);
    module.unit[0].answered_us = NOW_US;
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_at(0)), 0);
    bms.request_mV = 84000;
    bms.request_mA = 30000;
    bms.allows = true;
    bms.stamp_us = NOW_US;
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        io.level[i] = i != EVSE_IN_LATCH_RESET;
        io.stamp_us[i] = NOW_US;
    }
    order = (evse_connector_order_t){.valid_until_us = NOW_US,
                                     .session = EVSE_ORDER_RUN,
                                     .session_id = 1,
                                     .limit_mA = INT32_MAX};
    limits = *evse_limits_find("nx100");
    inputs = (evse_safety_inputs_t){.module = &module,
                                    .bms = &bms,
                                    .io = &io,
                                    .order = &order,
                                    .bus = EVSE_CAN_ACTIVE,
                                    .energized = true,
                                    .bms_expected = true,
                                    .setpoint_mA = 30000,
                                    .started_us = 1};
}

static evse_verdict_t judge(void)
{
    return evse_safety_judge(&inputs, &limits, NOW_US);
}

static void check_verdict(uint32_t reasons, evse_fault_t fault, bool immediate)
{
    evse_verdict_t verdict = judge();
    CHECK_EQ(verdict.reasons, reasons);
    CHECK_EQ(verdict.fault, fault);
    CHECK_EQ(verdict.immediate, immediate);
    CHECK(reasons == 0 || (verdict.setpoint_mA == 0 && verdict.setpoint_mV == 0));
}

static void safety_perfect_world_permits(void)
{
    perfect();
    check_verdict(0, EVSE_FAULT_NONE, false);
    CHECK_EQ(judge().setpoint_mV, 84000);
    CHECK_EQ(judge().setpoint_mA, 30000);
}

static void safety_estop_is_immediate(void) // [SAF-01]
{
    perfect();
    inputs.estop_latched = true;
    check_verdict(EVSE_REASON(ESTOP), EVSE_FAULT_EMERGENCY_STOP, true);
    perfect();
    io.level[EVSE_IN_ESTOP] = false;
    check_verdict(EVSE_REASON(ESTOP), EVSE_FAULT_EMERGENCY_STOP, true);
    perfect();
    io.stamp_us[EVSE_IN_ESTOP] = NOW_US - 250001;
    check_verdict(EVSE_REASON(ESTOP) | EVSE_REASON(IO_STALE), EVSE_FAULT_EMERGENCY_STOP, true);
    perfect();
    io.stamp_us[EVSE_IN_ESTOP] = 0; // never seen: no power, nothing to latch
    check_verdict(EVSE_REASON(IO_STALE), EVSE_FAULT_IO_LOST, false);
}

static void safety_bus_off_is_immediate(void)
{
    perfect();
    inputs.bus = EVSE_CAN_BUS_OFF;
    check_verdict(EVSE_REASON(BUS_OFF), EVSE_FAULT_CAN_BUS_OFF, true);
}

static void safety_bms_rules(void) // [SAF-03]
{
    perfect();
    bms.stamp_us = NOW_US - 3 * HF_US_PER_S - 1;
    check_verdict(EVSE_REASON(BMS_SILENT), EVSE_FAULT_BMS_LOST, false);
    inputs.bms_expected = false;
    check_verdict(EVSE_REASON(BMS_SILENT), EVSE_FAULT_NONE, false);
    perfect();
    bms.allows = false;
    check_verdict(EVSE_REASON(BMS_FORBIDS), EVSE_FAULT_NONE, false);
    perfect();
    bms.request_mA = 0;
    check_verdict(EVSE_REASON(BMS_FORBIDS) | EVSE_REASON(ZERO_LIMIT), EVSE_FAULT_NONE, false);
}

static void safety_setpoint_is_the_minimum_of_all(void) // [SAF-04]
{
    perfect();
    bms.request_mA = 90000;
    bms.request_mV = 95000;
    CHECK_EQ(judge().setpoint_mA, 33600); // the module's rating
    CHECK_EQ(judge().setpoint_mV, 84500); // the vehicle's limit
    limits.max_mA = 20000;
    CHECK_EQ(judge().setpoint_mA, 20000);
    order.limit_mA = 16000;
    CHECK_EQ(judge().setpoint_mA, 16000);
    order.limit_mA = 0;
    CHECK_EQ(judge().reasons, EVSE_REASON(ZERO_LIMIT));
    order.limit_mA = INT32_MIN;
    check_verdict(EVSE_REASON(ZERO_LIMIT), EVSE_FAULT_NONE, false);
    perfect();
    bms.request_mV = 55900; // below the battery's window
    check_verdict(EVSE_REASON(SETPOINT), EVSE_FAULT_NONE, false);
}

static void safety_power_limits_the_current(void) // [SAF-04]
{
    perfect();
    order.limit_W = 1580;
    CHECK_EQ(judge().setpoint_mA, 1580000 / 79); // flowing at 77 V: taken to be 79 V
    module.terminal_mV.value = 76999;
    CHECK_EQ(judge().setpoint_mA, 1580000 / 78);
    module.terminal_mV.value = 83900;
    CHECK_EQ(judge().setpoint_mA, 1580000 / 84); // never more than the setpoint
    inputs.energized = false;
    module.terminal_mV.value = 77000;
    CHECK_EQ(judge().setpoint_mA, 1580000 / 84); // not flowing yet: could be anywhere
    order.limit_mA = 9000;
    CHECK_EQ(judge().setpoint_mA, 9000); // the lower one binds
    order.limit_W = UINT32_MAX;
    CHECK_EQ(judge().setpoint_mA, 9000);
    order.limit_mA = 0; // power cannot lift it
    check_verdict(EVSE_REASON(ZERO_LIMIT), EVSE_FAULT_NONE, false);
}

static void safety_modules_share_what_is_asked(void) // [SAF-04]
{
    perfect();
    CHECK_EQ(evse_module_init(&module, evse_module_profile_find("m33-1024"), 2), 0);
    module.terminal_mV = module.module_mV = reading(77000);
    module.terminal_mA = module.module_mA = reading(25000);
    module.temperature_dC = reading(400);
    module.terminal_status = module.heartbeat = reading(1);
    module.unit[0].answered_us = module.unit[1].answered_us = NOW_US;
    bms.request_mA = 90000;
    CHECK_EQ(judge().setpoint_mA, 67200);
    limits.max_mA = 60000;
    CHECK_EQ(judge().setpoint_mA, 60000);
    inputs.commissioning = true; // [SAF-15]
    CHECK_EQ(judge().setpoint_mA, EVSE_COMMISSIONING_MA);
    module.unit[1].answered_us = 0; // one that never spoke is no health
    CHECK((judge().reasons & EVSE_REASON(MODULE_SILENT)) != 0);
}

static void safety_battery_is_judged_where_it_can_be_seen(void) // [SAF-16]
{
    perfect();
    inputs.energized = false;
    module.terminal_mV.value = 55999;
    check_verdict(0, EVSE_FAULT_NONE, false); // nobody has said where the sensor sits
    limits.sensor = EVSE_SENSOR_BEFORE_CONTACTOR;
    check_verdict(0, EVSE_FAULT_NONE, false);
    limits.sensor = EVSE_SENSOR_BEHIND_CONTACTOR;
    check_verdict(EVSE_REASON(BATTERY), EVSE_FAULT_NONE, false);
    module.terminal_mV.value = 56000;
    check_verdict(0, EVSE_FAULT_NONE, false);
    module.terminal_mV.value = 0;
    io.level[EVSE_IN_PLUG] = false; // nothing is plugged: that is the reason
    CHECK((judge().reasons & EVSE_REASON(BATTERY)) == 0);
}

static void safety_what_was_there_has_no_grace(void) // [SAF-07]
{
    perfect();
    inputs.energized = false;
    inputs.started_us = NOW_US;
    inputs.bus = EVSE_CAN_BUS_OFF;
    check_verdict(EVSE_REASON(BUS_OFF), EVSE_FAULT_NONE, true);
    inputs.delivered = true;
    check_verdict(EVSE_REASON(BUS_OFF), EVSE_FAULT_CAN_BUS_OFF, true);
}

static void safety_71_degrees_trip_and_heat_derates(void) // [SAF-05]
{
    perfect();
    module.temperature_dC.value = 600;
    CHECK_EQ(judge().setpoint_mA, 30000);
    module.temperature_dC.value = 650;
    CHECK_EQ(judge().setpoint_mA, 15000);
    module.temperature_dC.value = 699;
    CHECK_EQ(judge().setpoint_mA, 300);
    module.temperature_dC.value = 700;
    check_verdict(EVSE_REASON(ZERO_LIMIT), EVSE_FAULT_NONE, false);
    module.temperature_dC.value = 701;
    CHECK_EQ(judge().fault, EVSE_FAULT_OVERTEMPERATURE);
    module.temperature_dC.value = 710;
    CHECK_EQ(judge().fault, EVSE_FAULT_OVERTEMPERATURE);
    CHECK((judge().reasons & EVSE_REASON(OVERTEMPERATURE)) != 0);
    inputs.energized = false; // also when idle
    CHECK_EQ(judge().fault, EVSE_FAULT_OVERTEMPERATURE);
}

static void safety_stale_temperature_is_a_fault_when_energized(void) // [SAF-05]
{
    perfect();
    module.temperature_dC.stamp_us = NOW_US - 3 * HF_US_PER_S - 1;
    check_verdict(EVSE_REASON(TEMPERATURE_STALE), EVSE_FAULT_TEMPERATURE_STALE, false);
    inputs.energized = false;
    check_verdict(EVSE_REASON(TEMPERATURE_STALE), EVSE_FAULT_NONE, false);
    module.temperature_dC.stamp_us = 0;
    check_verdict(EVSE_REASON(TEMPERATURE_STALE), EVSE_FAULT_NONE, false);
}

static void safety_stale_readings_are_no_power(void) // [SAF-07]
{
    perfect();
    module.terminal_mV.stamp_us = module.terminal_mA.stamp_us = NOW_US - HF_US_PER_S - 1;
    check_verdict(EVSE_REASON(METER_STALE), EVSE_FAULT_METER_STALE, false);
    module.terminal_status.stamp_us = NOW_US - HF_US_PER_S - 1; // it says nothing at all any more
    check_verdict(EVSE_REASON(METER_STALE), EVSE_FAULT_CHARGER_OFFLINE, false);
    inputs.energized = false;
    check_verdict(EVSE_REASON(METER_STALE), EVSE_FAULT_NONE, false);
    perfect();
    inputs.meter_stale = true;
    check_verdict(EVSE_REASON(METER_STALE), EVSE_FAULT_METER_STALE, false);
}

static void safety_silent_module_is_a_fault_after_the_grace(void) // [SAF-07]
{
    perfect();
    inputs.energized = false;
    module.terminal_status.stamp_us = module.heartbeat.stamp_us = 0;
    check_verdict(EVSE_REASON(MODULE_SILENT), EVSE_FAULT_CHARGER_OFFLINE, false);
    inputs.started_us = NOW_US - 5 * HF_US_PER_S;
    check_verdict(EVSE_REASON(MODULE_SILENT), EVSE_FAULT_NONE, false);
    inputs.energized = true;
    check_verdict(EVSE_REASON(MODULE_SILENT), EVSE_FAULT_CHARGER_OFFLINE, false);
}

static void safety_voltage_outside_the_window_is_a_fault(void)
{
    perfect();
    module.terminal_mV.value = 85500;
    check_verdict(0, EVSE_FAULT_NONE, false);
    module.terminal_mV.value = 85501;
    check_verdict(EVSE_REASON(OVERVOLTAGE), EVSE_FAULT_OVERVOLTAGE, false);
    perfect();
    module.module_mV.value = 85501; // either meter will do
    check_verdict(EVSE_REASON(OVERVOLTAGE), EVSE_FAULT_OVERVOLTAGE, false);
    perfect();
    module.terminal_mV.value = 55999;
    check_verdict(EVSE_REASON(UNDERVOLTAGE), EVSE_FAULT_UNDERVOLTAGE, false);
    inputs.energized = false;
    check_verdict(0, EVSE_FAULT_NONE, false);
}

static void safety_current_above_the_setpoint_is_a_fault(void)
{
    perfect();
    inputs.setpoint_mA = 10000;
    module.terminal_mA.value = 12000;
    check_verdict(0, EVSE_FAULT_NONE, false);
    module.terminal_mA.value = 12001;
    check_verdict(EVSE_REASON(OVERCURRENT), EVSE_FAULT_OVERCURRENT, false);
    inputs.setpoint_mA = INT32_MAX; // no overflow
    check_verdict(0, EVSE_FAULT_NONE, false);
    module.terminal_mA.value = -2000;
    check_verdict(0, EVSE_FAULT_NONE, false);
    module.terminal_mA.value = -2001; // out of the battery
    check_verdict(EVSE_REASON(OVERCURRENT), EVSE_FAULT_OVERCURRENT, false);
}

static void safety_plug_and_lock_rules(void) // [SAF-09]
{
    perfect();
    io.level[EVSE_IN_PLUG] = false;
    check_verdict(EVSE_REASON(UNPLUGGED), EVSE_FAULT_NONE, true);
    io.level[EVSE_IN_LOCK_FEEDBACK] = false; // with the plug gone the lock has nothing to hold
    check_verdict(EVSE_REASON(UNPLUGGED) | EVSE_REASON(UNLOCKED), EVSE_FAULT_NONE, true);
    perfect();
    io.level[EVSE_IN_LOCK_FEEDBACK] = false;
    check_verdict(EVSE_REASON(UNLOCKED), EVSE_FAULT_LOCK_FAILED, false);
    inputs.energized = false;
    check_verdict(EVSE_REASON(UNLOCKED), EVSE_FAULT_NONE, false);
    perfect();
    inputs.contactor_welded = true;
    check_verdict(EVSE_REASON(CONTACTOR), EVSE_FAULT_CONTACTOR_WELDED, false);
}

static void safety_orders_expire(void) // [SAF-10]
{
    perfect();
    order.valid_until_us = NOW_US - 1;
    check_verdict(EVSE_REASON(NO_ORDER), EVSE_FAULT_NONE, false);
    perfect();
    order.session = EVSE_ORDER_AUTHORIZED;
    check_verdict(EVSE_REASON(NO_ORDER), EVSE_FAULT_NONE, false);
    order.session = EVSE_ORDER_NONE;
    check_verdict(EVSE_REASON(NO_ORDER), EVSE_FAULT_NONE, false);
    order.session = EVSE_ORDER_SUSPEND;
    check_verdict(EVSE_REASON(ZERO_LIMIT), EVSE_FAULT_NONE, false);
    order.session = 77;
    check_verdict(EVSE_REASON(NO_ORDER), EVSE_FAULT_NONE, false);
    perfect();
    inputs.fault_locked = inputs.events_full = true;
    check_verdict(EVSE_REASON(FAULT_LOCK) | EVSE_REASON(EVENTS_FULL), EVSE_FAULT_NONE, false);
}

static void safety_gravest_fault_is_named(void)
{
    perfect();
    module.terminal_mV.value = 90000;
    module.temperature_dC.value = 900;
    bms.stamp_us = 1;
    CHECK_EQ(judge().fault, EVSE_FAULT_OVERVOLTAGE);
    inputs.bus = EVSE_CAN_BUS_OFF;
    CHECK_EQ(judge().fault, EVSE_FAULT_CAN_BUS_OFF);
    inputs.estop_latched = true;
    CHECK_EQ(judge().fault, EVSE_FAULT_EMERGENCY_STOP);
}

static void limits_out_of_range_are_refused(void)
{
    perfect();
    CHECK_EQ(evse_limits_check(&limits), 0);
    CHECK_EQ(evse_limits_check(NULL), HF_E_ARGUMENT);
    CHECK(evse_limits_find("nx1") == NULL);
    CHECK(evse_limits_find(NULL) == NULL);
    CHECK(evse_limits_at(0) != NULL);
    CHECK(evse_limits_at(1) != NULL && evse_limits_at(2) == NULL);
#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        perfect();                                                                                 \
        limits.field = (value);                                                                    \
        CHECK_EQ(evse_limits_check(&limits), HF_E_RANGE);                                          \
    } while (0)
    REFUSED(min_mV, 84500);
    REFUSED(min_mV, 0);
    REFUSED(overvoltage_mV, 84499);
    REFUSED(overvoltage_mV, 100001);
    REFUSED(max_mA, 0);
    REFUSED(overcurrent_margin_mA, 0);
    REFUSED(derate_dC, 700);
    REFUSED(trip_dC, 1200);
    REFUSED(bms_age_ms, 5001); // the family's rule
    REFUSED(bms_age_ms, 0);
    REFUSED(reading_age_ms, 0);
    REFUSED(temperature_age_ms, 10001);
    REFUSED(stop_open_ms, 0);
    REFUSED(stop_open_ms, EVSE_STOP_OPEN_MAX_MS + 1);
    REFUSED(stop_confirm_ms, 299); // before the contactor opens
    REFUSED(stop_confirm_ms, EVSE_STOP_CONFIRM_MAX_MS + 1);
    REFUSED(precharge_mV, 1000); // nobody sees the battery
    REFUSED(precharge_mV, -1);
    REFUSED(sensor, (evse_sensor_t)3);
    REFUSED(overcurrent_margin_mA, EVSE_OVERCURRENT_MARGIN_MAX_MA + 1);
    REFUSED(max_mA, EVSE_TERMINAL_MAX_MA + 1);
    perfect();
    limits.sensor = EVSE_SENSOR_BEHIND_CONTACTOR;
    limits.precharge_mV = EVSE_PRECHARGE_MAX_MV;
    CHECK_EQ(evse_limits_check(&limits), 0);
    limits.precharge_mV = EVSE_PRECHARGE_MAX_MV + 1;
    CHECK_EQ(evse_limits_check(&limits), HF_E_RANGE);
    for (size_t i = 0; evse_limits_at(i) != NULL; i++) {
        CHECK_EQ(evse_limits_check(evse_limits_at(i)), 0);
        CHECK(evse_bms_profile_find(evse_limits_at(i)->bms) != NULL);
        CHECK(evse_limits_find(evse_limits_at(i)->vehicle) == evse_limits_at(i));
    }
#undef REFUSED
}

HF_TEST_MAIN(HF_TEST(safety_perfect_world_permits), HF_TEST(safety_estop_is_immediate),
             HF_TEST(safety_bus_off_is_immediate), HF_TEST(safety_bms_rules),
             HF_TEST(safety_setpoint_is_the_minimum_of_all),
             HF_TEST(safety_power_limits_the_current), HF_TEST(safety_modules_share_what_is_asked),
             HF_TEST(safety_battery_is_judged_where_it_can_be_seen),
             HF_TEST(safety_what_was_there_has_no_grace),
             HF_TEST(safety_71_degrees_trip_and_heat_derates),
             HF_TEST(safety_stale_temperature_is_a_fault_when_energized),
             HF_TEST(safety_stale_readings_are_no_power),
             HF_TEST(safety_silent_module_is_a_fault_after_the_grace),
             HF_TEST(safety_voltage_outside_the_window_is_a_fault),
             HF_TEST(safety_current_above_the_setpoint_is_a_fault),
             HF_TEST(safety_plug_and_lock_rules), HF_TEST(safety_orders_expire),
             HF_TEST(safety_gravest_fault_is_named), HF_TEST(limits_out_of_range_are_refused))
