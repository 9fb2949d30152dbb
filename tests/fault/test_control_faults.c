// SPDX-License-Identifier: MIT
// Every fault in every power phase, against the simulated outlet. What must hold each time: power is gone within the
// fault's bound, OFF goes out in the tick of the cause (world_tick), the session is told over at most once, and what has
// been stopped never comes back, though the order stands and the fault goes.
#include "support/control_world.h"

static world_t world;

typedef struct fault_row {
    const char *name;
    uint32_t fault;            // sim_fault_t
    uint32_t detect_ms;        // until the software can know
    bool bites;                // it takes power that flows
    evse_fault_t expected;     // in ON; NONE: no fault
    evse_stop_reason_t reason; // of the session in ON; None: it goes on
} fault_row_t;

static const fault_row_t rows[] = {
    {"module-silent", SIM_FAULT_MODULE_SILENT, 1010, true, EVSE_FAULT_CHARGER_OFFLINE,
     EVSE_STOP_Other},
    {"bms-silent", SIM_FAULT_BMS_SILENT, 3010, true, EVSE_FAULT_BMS_LOST, EVSE_STOP_Other},
    {"bms-forbids", SIM_FAULT_BMS_FORBIDS, 510, true, EVSE_FAULT_NONE, EVSE_STOP_None},
    {"hot", SIM_FAULT_HOT, 1110, true, EVSE_FAULT_OVERTEMPERATURE, EVSE_STOP_Other},
    {"refuse-off", SIM_FAULT_REFUSE_OFF, 0, false, EVSE_FAULT_NONE, EVSE_STOP_None},
    {"contactor-welded", SIM_FAULT_CONTACTOR_WELDED, 0, false, EVSE_FAULT_NONE, EVSE_STOP_None},
    {"nan", SIM_FAULT_NAN, 1010, true, EVSE_FAULT_METER_STALE, EVSE_STOP_Other},
    {"bus-off", SIM_FAULT_BUS_OFF, 10, true, EVSE_FAULT_CAN_BUS_OFF, EVSE_STOP_Other},
    {"estop", SIM_FAULT_ESTOP, 10, true, EVSE_FAULT_EMERGENCY_STOP, EVSE_STOP_EmergencyStop},
    {"io-silent", SIM_FAULT_IO_SILENT, 260, true, EVSE_FAULT_EMERGENCY_STOP,
     EVSE_STOP_EmergencyStop},
    {"overvoltage", SIM_FAULT_OVERVOLTAGE, 110, true, EVSE_FAULT_OVERVOLTAGE, EVSE_STOP_Other},
};

// The contactor opens at 300 ms at last, and takes 30 ms and two ticks.
#define OPEN_BOUND_MS 350u

static bool reach(evse_power_phase_t phase)
{
    world_init(&world);
    world_plug(&world);
    if (phase == EVSE_POWER_OFF) {
        return true;
    }
    world_order(&world, EVSE_ORDER_RUN, 1);
    if (phase == EVSE_POWER_LOCKING || phase == EVSE_POWER_CLOSING ||
        phase == EVSE_POWER_STARTING) {
        return world_reach_phase(&world, phase, 5000);
    }
    if (!world_reach_phase(&world, EVSE_POWER_ON, 5000)) {
        return false;
    }
    world_run_ms(&world, 5000);
    if (phase == EVSE_POWER_STOPPING) {
        world_order(&world, EVSE_ORDER_NONE, 1);
        return world_reach_phase(&world, phase, 100);
    }
    return true;
}

static uint32_t last_stop_reason(void)
{
    const evse_event_t *stopped = world_event(&world, EVSE_EVENT_STOPPED);
    return stopped != NULL ? stopped->detail : EVSE_STOP_REASON_COUNT;
}

static void check_while_it_lasts(const fault_row_t *row, evse_power_phase_t phase)
{
    world_run_ms(&world, row->detect_ms + OPEN_BOUND_MS);
    bool must_be_off = row->bites || phase == EVSE_POWER_STOPPING;
    for (unsigned i = 0; i < 1500 && must_be_off; i++) { // 15 s
        if (world.outlet.power_mW != 0) {
            HF_TEST_FAIL("%s in %s: power after the bound", row->name,
                         evse_power_phase_text(phase));
            return;
        }
        world_tick(&world);
    }
    if (phase != EVSE_POWER_ON || !row->bites) {
        return;
    }
    const evse_channel_t *channel = world_channel(&world);
    CHECK_STR(evse_fault_name(channel->fault), evse_fault_name(row->expected));
    if (row->reason == EVSE_STOP_None) {
        CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 0);
    } else {
        CHECK_EQ(last_stop_reason(), row->reason);
    }
}

static void check_after_it_is_gone(const fault_row_t *row, evse_power_phase_t phase)
{
    bool is_over = world_channel(&world)->stopped;
    unsigned starts = world.starts;
    sim_outlet_set_fault(&world.outlet, row->fault, false);
    world_run_ms(&world, 20000);
    if (is_over && world.starts != starts) {
        HF_TEST_FAIL("%s in %s: a stopped session came back", row->name,
                     evse_power_phase_text(phase));
    }
    if (world_count_events(&world, EVSE_EVENT_STOPPED) > 1) {
        HF_TEST_FAIL("%s in %s: told over twice", row->name, evse_power_phase_text(phase));
    }
    if (!is_over && row->bites && phase != EVSE_POWER_OFF && phase != EVSE_POWER_STOPPING &&
        world_channel(&world)->phase != EVSE_POWER_ON && !world_channel(&world)->stopped) {
        HF_TEST_FAIL("%s in %s: did not resume", row->name, evse_power_phase_text(phase));
    }
}

static void control_each_fault_in_each_phase_takes_power_away(void) // [SAF-02] [SAF-12]
{
    for (unsigned i = 0; i < HF_COUNT_OF(rows); i++) {
        for (unsigned phase = 0; phase < EVSE_POWER_PHASE_COUNT; phase++) {
            int failed = hf_test_failed_here;
            if (!reach((evse_power_phase_t)phase)) {
                HF_TEST_FAIL("phase %s not reached", evse_power_phase_text(phase));
                continue;
            }
            sim_outlet_set_fault(&world.outlet, rows[i].fault, true);
            check_while_it_lasts(&rows[i], (evse_power_phase_t)phase);
            check_after_it_is_gone(&rows[i], (evse_power_phase_t)phase);
            if (failed != hf_test_failed_here) {
                printf("  ^ %s in %s\n", rows[i].name, evse_power_phase_text(phase));
            }
        }
    }
}

static void control_unplug_in_each_phase_ends_the_session(void) // [SAF-09]
{
    for (unsigned phase = EVSE_POWER_LOCKING; phase < EVSE_POWER_STOPPING; phase++) {
        REQUIRE(reach((evse_power_phase_t)phase));
        sim_outlet_plug(&world.outlet, false);
        world_run_ms(&world, 2000);
        CHECK_EQ(last_stop_reason(), EVSE_STOP_EVDisconnected);
        CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
        CHECK(!world.outlet.locked);
        unsigned starts = world.starts;
        sim_outlet_plug(&world.outlet, true);
        world_run_ms(&world, 10000);
        CHECK_EQ(world.starts, starts);
        CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 1);
    }
}

static void control_missing_ticks_in_each_phase_take_the_contactor(void) // [SAF-11]
{
    for (unsigned phase = EVSE_POWER_LOCKING; phase < EVSE_POWER_PHASE_COUNT; phase++) {
        REQUIRE(reach((evse_power_phase_t)phase));
        world_tick_after(&world, 800 * HF_US_PER_MS);
        CHECK_EQ(world.outlet.power_mW, 0);
        CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
        world_run_ms(&world, 8000);
        CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_NONE);
        CHECK_EQ(world_channel(&world)->phase,
                 phase == EVSE_POWER_STOPPING ? EVSE_POWER_OFF : EVSE_POWER_ON);
    }
}

static void control_contactor_that_stays_open_is_a_fault(void)
{
    world_init(&world);
    world_plug(&world);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CONTACTOR_STUCK_OPEN, true);
    world_order(&world, EVSE_ORDER_RUN, 1);
    world_run_ms(&world, 4000);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_CONTACTOR_STUCK_OPEN);
    CHECK_EQ(last_stop_reason(), EVSE_STOP_Other);
    CHECK_EQ(world.starts, 0);
}

static void control_module_that_refuses_off_is_a_fault(void) // [SAF-02] [SAF-12]
{
    REQUIRE(reach(EVSE_POWER_ON));
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_REFUSE_OFF, true);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, OPEN_BOUND_MS);
    CHECK_EQ(world.outlet.power_mW, 0); // the contactor alone
    world_run_ms(&world, 1000);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_MODULE_OFF_UNCONFIRMED);
    world_run_ms(&world, 30000);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_MODULE_OFF_UNCONFIRMED);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_REFUSE_OFF, false);
    world_run_ms(&world, 11000);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_NONE);
}

static void control_welded_contactor_stops_by_the_bus_alone(void) // [SAF-12]
{
    REQUIRE(reach(EVSE_POWER_ON));
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CONTACTOR_WELDED, true);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, OPEN_BOUND_MS);
    CHECK(world.outlet.contactor_closed);
    CHECK_EQ(world.outlet.power_mW, 0);
    world_run_ms(&world, 1000);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_CONTACTOR_WELDED);
}

static void control_both_paths_lost_is_named_and_the_stop_told(void)
{
    REQUIRE(reach(EVSE_POWER_ON));
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CONTACTOR_WELDED, true);
    world.is_tx_full = true;
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 2100);
    CHECK(world.outlet.power_mW > 0); // nothing is left that could stop it ...
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 1);
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_CONTACTOR_WELDED);
    CHECK(world.outlet.locked); // ... and the plug must not be pulled
    world_run_ms(&world, 3000);
    CHECK_EQ(world.outlet.power_mW, 0); // but the module's own time-out
    CHECK(!world.outlet.locked);
}

static void control_setpoint_zero_goes_with_every_off(void) // [SAF-02]
{
    REQUIRE(reach(EVSE_POWER_ON));
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_REFUSE_OFF | SIM_FAULT_CONTACTOR_WELDED, true);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, OPEN_BOUND_MS);
    CHECK(world.outlet.switch_on && world.outlet.contactor_closed);
    CHECK_EQ(world.outlet.power_mW, 0);
}

static void control_send_failing_at_nth_frame_never_energizes_wrongly(void)
{
    // The driver refuses from the n-th tick after the order on, then takes everything again.
    for (unsigned n = 0; n < 40; n++) {
        world_init(&world);
        world_plug(&world);
        world_order(&world, EVSE_ORDER_RUN, 1);
        world_run_ms(&world, n * 10);
        world.is_tx_full = true;
        world_run_ms(&world, 200);
        world.is_tx_full = false;
        world_run_ms(&world, 6000);
        CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_ON);
        world_order(&world, EVSE_ORDER_NONE, 1);
        world_run_ms(&world, 1000);
        CHECK_EQ(world.outlet.power_mW, 0);
        CHECK(!world.outlet.switch_on);
    }
}

static unsigned off_refused_after(unsigned room)
{
    unsigned offs = 0;
    world.tx_room = room;
    for (unsigned i = 0; i < 60; i++) { // two periods
        world_tick(&world);
        offs += world_sent_switch(&world, false);
    }
    world.tx_room = 0;
    return offs;
}

static void control_setpoints_refused_do_not_delay_off(void) // [SAF-02]
{
    REQUIRE(reach(EVSE_POWER_OFF));
    CHECK_EQ(off_refused_after(1), 2); // no room but for OFF itself, tick after tick
    CHECK_EQ(off_refused_after(2), 2);
    CHECK_EQ(off_refused_after(0), 2);
}

HF_TEST_MAIN(HF_TEST(control_each_fault_in_each_phase_takes_power_away),
             HF_TEST(control_unplug_in_each_phase_ends_the_session),
             HF_TEST(control_missing_ticks_in_each_phase_take_the_contactor),
             HF_TEST(control_contactor_that_stays_open_is_a_fault),
             HF_TEST(control_module_that_refuses_off_is_a_fault),
             HF_TEST(control_welded_contactor_stops_by_the_bus_alone),
             HF_TEST(control_both_paths_lost_is_named_and_the_stop_told),
             HF_TEST(control_setpoint_zero_goes_with_every_off),
             HF_TEST(control_setpoints_refused_do_not_delay_off),
             HF_TEST(control_send_failing_at_nth_frame_never_energizes_wrongly))
