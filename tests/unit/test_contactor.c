// SPDX-License-Identifier: MIT
// The contactor's proofs [SAF-16]: pre-charge before it closes, the battery seen before a start, the voltage that has to
// fall after it has opened, its feedback before each start, and the latch of a weld.
#include "support/control_world.h"

static world_t world;
static evse_limits_t limits;

static evse_connector_view_t view(void)
{
    evse_snapshot_t snapshot;
    memset(&snapshot, 0, sizeof snapshot);
    CHECK_EQ(hf_snapshot_read(&world.mailbox.snapshot, &snapshot), 0);
    return snapshot.connector[0];
}

// An outlet of the nx100 whose voltage sensor sits here, plugged.
static void plug_with(evse_sensor_t sensor, int32_t precharge_mV)
{
    const sim_config_t sim = {.profile = &test_profile,
                              .sensor_behind_contactor = sensor == EVSE_SENSOR_BEHIND_CONTACTOR};
    world_init(&world);
    evse_control_config_t config = {
        .connectors = 1, .io = {&world_io_ops, &world}, .mailbox = &world.mailbox};
    limits = *evse_limits_find("nx100");
    limits.sensor = sensor;
    limits.precharge_mV = precharge_mV;
    config.channel[0] = world_channel(&world)->config;
    config.channel[0].limits = &limits;
    sim_outlet_init(&world.outlet, &sim);
    sim_outlet_step(&world.outlet, world.now_us);
    CHECK_EQ(evse_control_init(&world.control, &config), 0);
    world_plug(&world);
}

static void check_stopped(evse_stop_reason_t reason)
{
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 1);
    REQUIRE(world_event(&world, EVSE_EVENT_STOPPED) != NULL);
    CHECK_EQ(world_event(&world, EVSE_EVENT_STOPPED)->detail, reason);
}

static void contactor_closes_on_a_voltage_that_has_been_met(void) // [SAF-16]
{
    plug_with(EVSE_SENSOR_BEHIND_CONTACTOR, 2000);
    world_order(&world, EVSE_ORDER_RUN, 1);
    CHECK(world_reach_phase(&world, EVSE_POWER_PRECHARGING, 3000));
    while (world_channel(&world)->phase == EVSE_POWER_PRECHARGING) {
        const evse_channel_t *channel = world_channel(&world);
        CHECK(!channel->drive.level[EVSE_OUT_CONTACTOR]);
        CHECK(channel->setpoint_mA <= EVSE_PRECHARGE_MA);
        CHECK(channel->setpoint_mV <= world.outlet.battery_mV + 100);
        CHECK_EQ(world.outlet.power_mW, 0);
        REQUIRE(world.now_us < WORLD_START_US + 20 * HF_US_PER_S);
        world_tick(&world);
    }
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_CLOSING);
    CHECK(world.outlet.switch_on);
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 5000));
    CHECK(world.outlet.closing_mV <= 2000);
    world_run_ms(&world, 6000);
    CHECK(world.outlet.output_mA > 29000);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 2000);
    check_stopped(EVSE_STOP_None);
    CHECK_EQ(world.outlet.hot_openings, 0);
}

static void contactor_without_precharge_closes_under_off(void)
{
    plug_with(EVSE_SENSOR_UNSTATED, 0);
    world_order(&world, EVSE_ORDER_RUN, 1);
    CHECK(world_reach_phase(&world, EVSE_POWER_CLOSING, 3000));
    CHECK(!world.outlet.switch_on);
    CHECK(world_reach_phase(&world, EVSE_POWER_STARTING, 1000));
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_FAULT), 0);
}

static void precharge_that_fails_is_a_fault_until_unplugged(void) // [SAF-16]
{
    plug_with(EVSE_SENSOR_BEHIND_CONTACTOR, 2000);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_UNDERVOLTAGE, true); // 40 V, whatever was set
    world_order(&world, EVSE_ORDER_RUN, 1);
    CHECK(world_reach_phase(&world, EVSE_POWER_PRECHARGING, 3000));
    world_run_ms(&world, EVSE_PRECHARGE_TIMEOUT_MS + 1500);
    CHECK_EQ(view().fault, EVSE_FAULT_PRECHARGE_FAILED);
    check_stopped(EVSE_STOP_Other);
    CHECK(!world.outlet.switch_on);
    CHECK(world_channel(&world)->drive.live_count == 0); // never closed
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_UNDERVOLTAGE, false);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 60000);
    CHECK_EQ(view().fault, EVSE_FAULT_PRECHARGE_FAILED);
    sim_outlet_plug(&world.outlet, false);
    world_run_ms(&world, 100);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
    CHECK_EQ(view().state, EVSE_STATE_Available);
}

static void precharge_stops_in_the_tick_of_the_cause(void) // [SAF-02] [SAF-16]
{
    for (unsigned phase = 0; phase < 2; phase++) {
        plug_with(EVSE_SENSOR_BEHIND_CONTACTOR, 2000);
        world_order(&world, EVSE_ORDER_RUN, 1);
        CHECK(world_reach_phase(&world, phase == 0 ? EVSE_POWER_PRECHARGING : EVSE_POWER_CLOSING,
                                8000));
        CHECK(world.outlet.switch_on);
        evse_control_trip(&world.control);
        world_tick(&world);
        CHECK_EQ(world_sent_switch(&world, false), 1);
        CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_STOPPING);
        CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
        CHECK(!world.outlet.switch_on);
        CHECK(world_channel(&world)->off_owed); // it had been told ON
        world_run_ms(&world, 2000);
        CHECK_EQ(world_channel(&world)->off_confirmed, 1);
        check_stopped(EVSE_STOP_EmergencyStop);
    }
}

static void precharge_onto_a_closed_contactor_is_a_weld(void) // [SAF-16]
{
    plug_with(EVSE_SENSOR_BEHIND_CONTACTOR, 2000);
    world_order(&world, EVSE_ORDER_RUN, 1);
    CHECK(world_reach_phase(&world, EVSE_POWER_PRECHARGING, 3000));
    world.outlet.contactor_closed = true; // it fell shut
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CONTACTOR_WELDED, true);
    world_tick(&world);
    CHECK_EQ(view().fault, EVSE_FAULT_CONTACTOR_WELDED);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_STOPPING);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_WELD), 1);
}

static void battery_that_is_not_there_is_no_start(void) // [SAF-16]
{
    plug_with(EVSE_SENSOR_BEHIND_CONTACTOR, 2000);
    limits.min_mV = 81000; // what is plugged has less: another vehicle's, or none
    world_order(&world, EVSE_ORDER_RUN, 1);
    world_run_ms(&world, 5000);
    CHECK_EQ(world.starts, 0);
    CHECK((view().reasons & EVSE_REASON(BATTERY)) != 0);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
    limits.min_mV = 56000;
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 8000));
}

static void battery_above_the_trip_is_a_fault_before_any_start(void) // [SAF-16]
{
    plug_with(EVSE_SENSOR_BEHIND_CONTACTOR, 2000);
    limits.overvoltage_mV = 70000;
    world_order(&world, EVSE_ORDER_RUN, 1);
    world_run_ms(&world, 5000);
    CHECK_EQ(world.starts, 0);
    CHECK_EQ(view().fault, EVSE_FAULT_OVERVOLTAGE);
}

static void weld_seen_before_a_start_is_latched(void) // [SAF-16]
{
    plug_with(EVSE_SENSOR_UNSTATED, 0);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CONTACTOR_WELDED, true);
    world.outlet.contactor_closed = true;
    world_order(&world, EVSE_ORDER_RUN, 1);
    world_run_ms(&world, 4000);
    CHECK_EQ(world.starts, 0);
    CHECK_EQ(view().fault, EVSE_FAULT_CONTACTOR_WELDED);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_WELD), 1);
    CHECK(world_channel(&world)->weld_latched);
}

static void voltage_that_falls_proves_the_contactor_open(void) // [SAF-16]
{
    plug_with(EVSE_SENSOR_BEFORE_CONTACTOR, 0);
    world_charge(&world, 1);
    world_order(&world, EVSE_ORDER_SUSPEND, 1);
    CHECK(world_reach_phase(&world, EVSE_POWER_STOPPING, 100));
    CHECK(world_reach_phase(&world, EVSE_POWER_OFF, 1000));
    CHECK(world_channel(&world)->fall_pending);
    world_order(&world, EVSE_ORDER_RUN, 1);
    world_channel(&world)->rest_until_us = 0;
    world_run_ms(&world, 200);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_OFF); // the proof is owed
    CHECK(world_channel(&world)->fall_pending);
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, EVSE_WELD_FALL_MS));
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 30000);
    CHECK(!world_channel(&world)->fall_pending);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
}

static void voltage_that_stays_is_a_weld_though_the_feedback_lies(void) // [SAF-16]
{
    plug_with(EVSE_SENSOR_BEFORE_CONTACTOR, 0);
    world_charge(&world, 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CONTACTOR_WELDED, true);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_tick(&world);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_FEEDBACK_OPEN, true);
    world_run_ms(&world, EVSE_WELD_FALL_MS - 1000);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
    CHECK_EQ(world.outlet.power_mW, 0); // the bus stopped it
    world_run_ms(&world, 3500);
    CHECK_EQ(view().fault, EVSE_FAULT_CONTACTOR_WELDED);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_WELD), 1);
}

static void voltage_of_a_module_that_is_still_on_is_no_weld(void) // [SAF-16]
{
    plug_with(EVSE_SENSOR_BEFORE_CONTACTOR, 0);
    world_charge(&world, 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_REFUSE_OFF, true);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_tick(&world);
    for (unsigned i = 0; i < EVSE_WELD_FALL_MS / 5u; i++) {
        world.outlet.unit[0].set_mV = 80000; // it ignores that too
        world_tick(&world);
    }
    CHECK_EQ(view().fault, EVSE_FAULT_MODULE_OFF_UNCONFIRMED);
    CHECK(world_channel(&world)->fall_pending);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_REFUSE_OFF, false);
    world_run_ms(&world, 12000);
    CHECK(!world_channel(&world)->fall_pending);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
}

static void voltage_proves_nothing_without_a_vehicle(void) // [SAF-16]
{
    plug_with(EVSE_SENSOR_BEFORE_CONTACTOR, 0);
    world_charge(&world, 1);
    sim_outlet_plug(&world.outlet, false);
    world_run_ms(&world, 100);
    CHECK(!world_channel(&world)->fall_pending);
    world_run_ms(&world, 20000);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
}

static void weld_is_not_reset_while_nobody_sees_the_contactor(void)
{
    world_init_with(&world, &(evse_control_config_t){.weld_latched = 1});
    world_run_ms(&world, 100);
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, 1000);
    evse_channel_t *channel = world_channel(&world);
    channel->inputs.stamp_us[EVSE_IN_CONTACTOR_FEEDBACK] = 0;
    CHECK(channel->weld_latched);
    world.outlet.contactor_closed = true;
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CONTACTOR_WELDED, true);
    world_run_ms(&world, 5000);
    CHECK(channel->weld_latched);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_WELD_CLEARED), 0);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CONTACTOR_WELDED, false);
    world.outlet.contactor_closed = false;
    world_run_ms(&world, 3100);
    CHECK(channel->weld_latched); // the press is used up
    sim_outlet_hold_reset(&world.outlet, false);
    world_run_ms(&world, 100);
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, 3100);
    CHECK(!channel->weld_latched);
}

static void profile_generic48_charges_its_own_battery_only(void) // [SAF-04] [SAF-16]
{
    evse_module_t module;
    evse_bms_t bms;
    evse_io_inputs_t io = {0};
    evse_connector_order_t order = {
        .valid_until_us = 2, .session = EVSE_ORDER_RUN, .session_id = 1, .limit_mA = INT32_MAX};
    const evse_limits_t *own = evse_limits_find("generic48");
    REQUIRE(own != NULL);
    CHECK_EQ(evse_limits_check(own), 0);
    CHECK_EQ(evse_module_init(&module, &test_profile, 1), 0);
    CHECK_EQ(evse_bms_init(&bms, evse_bms_profile_find("elcon")), 0);
    for (unsigned i = 0; i < EVSE_INPUT_COUNT; i++) {
        io.level[i] = i <= EVSE_IN_ESTOP;
        io.stamp_us[i] = 1;
    }
    module.unit[0].answered_us = 1;
    module.terminal_mV = module.module_mV = (evse_reading_t){52000, 1};
    module.terminal_mA = module.temperature_dC = (evse_reading_t){300, 1};
    module.terminal_status = module.heartbeat = (evse_reading_t){1, 1};
    bms.request_mV = 84000;
    bms.request_mA = 90000;
    bms.allows = true;
    bms.stamp_us = 1;
    evse_safety_inputs_t in = {.module = &module, .bms = &bms, .io = &io, .order = &order};
    evse_verdict_t verdict = evse_safety_judge(&in, own, 2);
    CHECK_EQ(verdict.reasons, 0);
    CHECK_EQ(verdict.setpoint_mV, 58400); // whatever the BMS asks
    CHECK_EQ(verdict.setpoint_mA, test_profile.rated_mA);
    module.terminal_mV.value = 77000; // an nx100 in the wrong outlet
    CHECK_EQ(evse_safety_judge(&in, own, 2).fault, EVSE_FAULT_OVERVOLTAGE);
    CHECK_EQ(evse_safety_judge(&in, evse_limits_find("nx100"), 2).fault, EVSE_FAULT_NONE);
    module.terminal_mV.value = 39999;
    CHECK_EQ(evse_safety_judge(&in, own, 2).reasons, EVSE_REASON(BATTERY));
}

HF_TEST_MAIN(HF_TEST(contactor_closes_on_a_voltage_that_has_been_met),
             HF_TEST(contactor_without_precharge_closes_under_off),
             HF_TEST(precharge_that_fails_is_a_fault_until_unplugged),
             HF_TEST(precharge_stops_in_the_tick_of_the_cause),
             HF_TEST(precharge_onto_a_closed_contactor_is_a_weld),
             HF_TEST(battery_that_is_not_there_is_no_start),
             HF_TEST(battery_above_the_trip_is_a_fault_before_any_start),
             HF_TEST(weld_seen_before_a_start_is_latched),
             HF_TEST(voltage_that_falls_proves_the_contactor_open),
             HF_TEST(voltage_that_stays_is_a_weld_though_the_feedback_lies),
             HF_TEST(voltage_of_a_module_that_is_still_on_is_no_weld),
             HF_TEST(voltage_proves_nothing_without_a_vehicle),
             HF_TEST(weld_is_not_reset_while_nobody_sees_the_contactor),
             HF_TEST(profile_generic48_charges_its_own_battery_only))
