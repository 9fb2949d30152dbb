// SPDX-License-Identifier: MIT
// The control tick against a simulated outlet in stepped time: whole sessions, ramps, suspensions, latches, events.
#include "support/control_world.h"

static world_t world;

static evse_connector_view_t view(void)
{
    evse_snapshot_t snapshot;
    memset(&snapshot, 0, sizeof snapshot);
    CHECK_EQ(hf_snapshot_read(&world.mailbox.snapshot, &snapshot), 0);
    return snapshot.connector[0];
}

static void control_first_frame_is_off(void) // [SAF-08]
{
    world_init(&world);
    world_tick(&world);
    CHECK(world.sent_count > 0 && world_is_switch(&world.sent[0], false));
    CHECK(world.is_off_before_poll); // before anything else, receiving included
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
}

static void control_off_is_repeated_every_period(void) // [SAF-02]
{
    unsigned off = 0, on = 0;
    world_init(&world);
    world_plug(&world);
    for (unsigned i = 0; i < 300; i++) {
        world_tick(&world);
        off += world_sent_switch(&world, false);
        on += world_sent_switch(&world, true);
    }
    CHECK_EQ(off, 10); // 3 s
    CHECK_EQ(on, 0);
}

static void control_idle_off_that_was_refused_is_sent_in_the_next_tick(void) // [SAF-02]
{
    world_init(&world);
    world_plug(&world);
    do { // the tick after one that sent it: 290 ms to go
        world_tick(&world);
    } while (world_sent_switch(&world, false) == 0);
    world_run_ms(&world, 250);
    world.is_tx_full = true;
    world_run_ms(&world, 100);
    world.is_tx_full = false;
    world_tick(&world);
    CHECK_EQ(world_sent_switch(&world, false), 1);
}

static void control_nothing_energizes_without_an_order(void) // [SAF-08]
{
    world_init(&world);
    world_plug(&world);
    world_order(&world, EVSE_ORDER_AUTHORIZED, 1);
    world_run_ms(&world, 10000);
    CHECK_EQ(world.starts, 0);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_OFF);
    CHECK_EQ(view().state, EVSE_STATE_Preparing);
    CHECK(world.outlet.locked); // for a transaction that may come
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 1000);
    CHECK(!world.outlet.locked);
}

static void control_plug_that_cannot_be_locked_is_a_fault_before_there_is_a_session(void)
{
    world_init(&world);
    world_plug(&world);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_LOCK_STUCK, true);
    world_order(&world, EVSE_ORDER_AUTHORIZED, 1);
    world_run_ms(&world, 5000);
    CHECK_EQ(view().fault, EVSE_FAULT_LOCK_FAILED);
    CHECK_EQ(view().state, EVSE_STATE_Faulted);
}

static void control_cable_is_held_without_a_session_as_ordered(void) // errata 3.5
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world.orders.connector[0].hold_lock = 1;
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 10000);
    CHECK_EQ(view().state, EVSE_STATE_Finishing);
    CHECK(world.outlet.locked);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, true); // nobody is kept in an emergency
    world_run_ms(&world, 500);
    CHECK(!world.outlet.locked);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, false);
    world_run_ms(&world, 500);
    CHECK(!world.outlet.locked);
}

static void control_session_charges_stops_and_meters(void)
{
    world_init(&world);
    world_run_ms(&world, 500);
    CHECK_EQ(view().state, EVSE_STATE_Available);
    world_plug(&world);
    world_charge(&world, 1);
    CHECK_EQ(view().state, EVSE_STATE_Charging);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_ENERGIZED), 1);
    CHECK(world.outlet.output_mA > 29000);
    CHECK_EQ(view().offered_mA, 30000);
    world_run_ms(&world, 30000);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 1500);
    REQUIRE(world_event(&world, EVSE_EVENT_STOPPED) != NULL);
    const evse_event_t *stopped = world_event(&world, EVSE_EVENT_STOPPED);
    CHECK_EQ(stopped->detail, EVSE_STOP_None);
    CHECK_EQ(stopped->session_id, 1);
    CHECK_EQ(stopped->register_mJ, view().register_mJ); // final
    CHECK_EQ(view().state, EVSE_STATE_Finishing);
    CHECK_EQ(world.outlet.power_mW, 0);
    CHECK_EQ(world.outlet.hot_openings, 0);
    CHECK(!world.outlet.locked);
    int64_t difference = (int64_t)(view().register_mJ - 1000000 - world.outlet.energy_mJ);
    CHECK(difference < 0 ? -difference < (int64_t)world.outlet.energy_mJ / 100
                         : difference < (int64_t)world.outlet.energy_mJ / 100);
    sim_outlet_plug(&world.outlet, false);
    world_run_ms(&world, 100);
    CHECK_EQ(view().state, EVSE_STATE_Available);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
}

static void control_order_is_voltage_current_on(void)
{
    world_init(&world);
    world_plug(&world);
    world_order(&world, EVSE_ORDER_RUN, 1);
    CHECK(world_reach_phase(&world, EVSE_POWER_STARTING, 5000));
    unsigned step = 0;
    for (unsigned i = 0; i < world.sent_count; i++) {
        const evse_can_frame_t *frame = &world.sent[i];
        static const uint8_t expected[] = {0x00, 0x03, 0x32};
        if (frame->id == ID_CONTROL && step < 3) {
            CHECK_EQ(frame->data[1], expected[step++]);
        }
    }
    CHECK_EQ(step, 3);
    CHECK_EQ(world_sent_switch(&world, true), 1);
    CHECK(world.outlet.contactor_closed); // before ON
}

static void control_setpoint_ramps_up_and_drops_at_once(void) // [SAF-04]
{
    world_init(&world);
    world_plug(&world);
    world_order(&world, EVSE_ORDER_RUN, 1);
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 5000));
    for (int32_t last = world_channel(&world)->setpoint_mA;
         world_channel(&world)->setpoint_mA < 30000;) {
        world_tick(&world);
        CHECK(world_channel(&world)->setpoint_mA - last <= 100);
        last = world_channel(&world)->setpoint_mA;
        REQUIRE(world.now_us < WORLD_START_US + 20 * HF_US_PER_S);
    }
    world_run_ms(&world, 3000);
    world.orders.connector[0].limit_mA = 10000;
    world_tick(&world);
    CHECK_EQ(world_channel(&world)->setpoint_mA, 10000);
    CHECK_EQ(world.outlet.set_mA, 10000); // on the bus in the same tick
    world_run_ms(&world, 3000);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE); // the way down is no over-current
    CHECK(world.outlet.output_mA <= 10000);
}

static void control_lost_off_is_repeated_until_it_is_out(void) // [SAF-02]
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world.is_tx_full = true;
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 50);
    CHECK(world.outlet.switch_on);
    world.is_tx_full = false;
    world_tick(&world);
    CHECK_EQ(world_sent_switch(&world, false), 1);
    CHECK(!world.outlet.switch_on);
}

static void control_contactor_opens_although_off_never_gets_out(void) // [SAF-12]
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world.is_tx_full = true;
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 350);
    CHECK(world.outlet.switch_on);
    CHECK_EQ(world.outlet.power_mW, 0);
}

static void control_estop_latches_before_everything(void) // [SAF-01]
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, true);
    world_tick(&world);
    CHECK(atomic_load(&world.control.estop_latched) != 0);
    CHECK_EQ(world_sent_switch(&world, false), 1);
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, false);
    world_run_ms(&world, 60000);
    CHECK(atomic_load(&world.control.estop_latched) != 0); // by itself, never
    CHECK_EQ(view().state, EVSE_STATE_Faulted);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_ESTOP), 1);
    REQUIRE(world_event(&world, EVSE_EVENT_STOPPED) != NULL);
    CHECK_EQ(world_event(&world, EVSE_EVENT_STOPPED)->detail, EVSE_STOP_EmergencyStop);
}

static void control_trip_from_elsewhere_acts_before_the_next_write(void) // [SAF-01]
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    evse_control_trip(&world.control);
    world_tick(&world);
    CHECK_EQ(world_sent_switch(&world, true), 0);
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
    CHECK_EQ(view().fault, EVSE_FAULT_EMERGENCY_STOP);
}

static void control_estop_clears_only_by_reset_held_3s_with_closed_loop(void) // [SAF-01]
{
    world_init_with(&world, &(evse_control_config_t){.estop_latched = true});
    world_run_ms(&world, 1000);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_ESTOP), 0); // the journal knows it already
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, 2900);
    sim_outlet_hold_reset(&world.outlet, false);
    world_run_ms(&world, 100);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, true);
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, 4000);
    CHECK(atomic_load(&world.control.estop_latched) != 0);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, false);
    world_run_ms(&world, 2000);
    evse_control_trip(&world.control); // a trip within the hold is not swallowed
    world_run_ms(&world, 2000);
    CHECK(atomic_load(&world.control.estop_latched) != 0);
    sim_outlet_hold_reset(&world.outlet, false);
    world_run_ms(&world, 100);
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, 3100);
    CHECK_EQ(atomic_load(&world.control.estop_latched), 0);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_ESTOP_CLEARED), 1);
    CHECK_EQ(view().state, EVSE_STATE_Faulted); // the lock of 10 s
    world_run_ms(&world, 10100);
    CHECK_EQ(view().state, EVSE_STATE_Available);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_FAULT_CLEARED), 1);
}

static void control_expired_order_takes_power_and_keeps_the_session(void) // [SAF-10]
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world.keeps_orders = false;
    world_run_ms(&world, 3500);
    CHECK_EQ(world.outlet.power_mW, 0);
    CHECK_EQ(view().state, EVSE_STATE_SuspendedEVSE);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 0);
    world.keeps_orders = true;
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 5000));
}

static void control_stopped_session_never_runs_again(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_HOT, true);
    world_run_ms(&world, 3000);
    CHECK_EQ(view().fault, EVSE_FAULT_OVERTEMPERATURE);
    CHECK_EQ(view().stopped, 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_HOT, false);
    unsigned starts = world.starts;
    world_run_ms(&world, 600000); // it cools; the order still names the session
    CHECK_EQ(world.starts, starts);
    CHECK_EQ(view().state, EVSE_STATE_Faulted);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 1);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 100);
    CHECK_EQ(view().state, EVSE_STATE_Finishing);
    world_order(&world, EVSE_ORDER_RUN, 2);
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 5000));
}

static void control_vehicle_that_forbids_suspends_and_resumes(void) // [SAF-03]
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_FORBIDS, true);
    world_run_ms(&world, 2000);
    CHECK_EQ(world.outlet.power_mW, 0);
    CHECK_EQ(view().state, EVSE_STATE_SuspendedEV);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
    CHECK(world.outlet.locked); // the session goes on
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_FORBIDS, false);
    world_run_ms(&world, 5000);
    CHECK_EQ(view().state, EVSE_STATE_Charging);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_ENERGIZED), 2);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 0);
}

static void control_suspend_order_shows_suspended_evse(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world_order(&world, EVSE_ORDER_SUSPEND, 1);
    world_run_ms(&world, 1500);
    CHECK_EQ(view().state, EVSE_STATE_SuspendedEVSE);
    CHECK_EQ(world.outlet.power_mW, 0);
    world_order(&world, EVSE_ORDER_RUN, 1);
    world_run_ms(&world, 5000);
    CHECK_EQ(view().state, EVSE_STATE_Charging);
}

static void control_unplug_ends_the_session_at_once(void) // [SAF-09]
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    sim_outlet_plug(&world.outlet, false);
    world_tick(&world);
    CHECK_EQ(world_sent_switch(&world, false), 1);
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
    world_run_ms(&world, 1500);
    REQUIRE(world_event(&world, EVSE_EVENT_STOPPED) != NULL);
    CHECK_EQ(world_event(&world, EVSE_EVENT_STOPPED)->detail, EVSE_STOP_EVDisconnected);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
    CHECK_EQ(view().bms_alive, 0);        // what the last vehicle said is forgotten
    sim_outlet_plug(&world.outlet, true); // the same order again
    world_run_ms(&world, 5000);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_OFF);
    CHECK_EQ(view().state, EVSE_STATE_Finishing);
}

static void control_plug_is_debounced_on_the_way_in(void) // [SAF-09]
{
    world_init(&world);
    world_run_ms(&world, 100);
    for (unsigned i = 0; i < 5; i++) {
        sim_outlet_plug(&world.outlet, true);
        world_run_ms(&world, 400);
        sim_outlet_plug(&world.outlet, false);
        world_run_ms(&world, 10);
    }
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_PLUGGED), 0);
    sim_outlet_plug(&world.outlet, true);
    world_run_ms(&world, 520);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_PLUGGED), 1);
}

static void control_missing_ticks_take_power_down(void) // [SAF-11]
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world_tick_after(&world, 1500 * HF_US_PER_MS);
    CHECK(!world.outlet.contactor_closed); // dropped out by itself
    CHECK_EQ(world_sent_switch(&world, false), 1);
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_STOPPING);
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 8000)); // by the whole sequence
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
}

static void control_live_signal_advances_only_with_the_contactor(void) // [SAF-11]
{
    world_init(&world);
    world_plug(&world);
    CHECK_EQ(world_channel(&world)->drive.live_count, 0);
    world_charge(&world, 1);
    uint32_t count = world_channel(&world)->drive.live_count;
    world_tick(&world);
    CHECK_EQ(world_channel(&world)->drive.live_count, count + 1);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 1000);
    count = world_channel(&world)->drive.live_count;
    world_run_ms(&world, 100);
    CHECK_EQ(world_channel(&world)->drive.live_count, count);
}

static void control_weld_is_latched_and_reported(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CONTACTOR_WELDED, true);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 2000);
    CHECK_EQ(view().fault, EVSE_FAULT_CONTACTOR_WELDED);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_WELD), 1);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CONTACTOR_WELDED, false);
    world_run_ms(&world, 60000);
    CHECK_EQ(view().fault, EVSE_FAULT_CONTACTOR_WELDED);
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, 14000);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
    world_init_with(&world, &(evse_control_config_t){.weld_latched = 1});
    world_run_ms(&world, 100);
    CHECK_EQ(view().fault, EVSE_FAULT_CONTACTOR_WELDED);
}

static void control_unlock_stops_power_first(void) // [SAF-09]
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    CHECK(world.outlet.locked);
    world.orders.connector[0].unlock_count = 1;
    for (unsigned i = 0; i < 200 && view().unlock_done == 0; i++) {
        world_tick(&world);
        CHECK(world.outlet.locked || world.outlet.power_mW == 0);
    }
    CHECK_EQ(view().unlock_done, 1);
    CHECK_EQ(view().unlock_ok, 1);
    REQUIRE(world_event(&world, EVSE_EVENT_STOPPED) != NULL);
    CHECK_EQ(world_event(&world, EVSE_EVENT_STOPPED)->detail, EVSE_STOP_UnlockCommand);
    world.orders.connector[0].unlock_count = 2; // nothing to do is done at once
    world_run_ms(&world, 30);
    CHECK_EQ(view().unlock_done, 2);
}

static void control_events_are_late_never_lost(void)
{
    world_init(&world);
    world_run_ms(&world, 500);
    world.is_comms_away = true;
    for (unsigned i = 0; i < 20; i++) { // 4 ordinary events each
        sim_outlet_plug(&world.outlet, true);
        world_run_ms(&world, 600);
        sim_outlet_plug(&world.outlet, false);
        world_run_ms(&world, 100);
    }
    sim_outlet_plug(&world.outlet, true);
    world_run_ms(&world, 2500);
    world_order(&world, EVSE_ORDER_RUN, 1);
    world_run_ms(&world, 3000);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_OFF); // no new session without room
    CHECK((view().reasons & EVSE_REASON(EVENTS_FULL)) != 0);
    world.is_comms_away = false;
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 5000));
    world_run_ms(&world, 100);
    uint32_t last = 0;
    for (unsigned i = 0; i < world.event_count; i++) {
        CHECK_EQ(world.events[i].sequence, last + 1);
        last = world.events[i].sequence;
    }
    REQUIRE(world_event(&world, EVSE_EVENT_STATE) != NULL);
    CHECK_EQ(world_event(&world, EVSE_EVENT_STATE)->detail, view().state);
}

static void control_stop_is_reported_with_a_full_queue(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world.is_comms_away = true;
    evse_event_t filler = {.kind = EVSE_EVENT_STATE};
    while (hf_queue_put_urgent(&world.mailbox.events, &filler) == 0) {
    }
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 5000);
    CHECK_EQ(world.outlet.power_mW, 0);
    world.is_comms_away = false;
    world_run_ms(&world, 50);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 1);
}

static void control_journal_failure_finishes_and_starts_none(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world.orders.connector[0].journal_failed = 1;
    world_run_ms(&world, 1000);
    CHECK_EQ(view().state, EVSE_STATE_Charging);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 1500);
    CHECK_EQ(view().state, EVSE_STATE_Faulted);
    CHECK_EQ(view().fault, EVSE_FAULT_JOURNAL_FAILED);
    world_order(&world, EVSE_ORDER_RUN, 2);
    world_run_ms(&world, 5000);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_OFF);
}

static void control_silence_at_boot_is_a_fault_after_the_grace(void) // [SAF-07]
{
    world_init(&world);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_MODULE_SILENT | SIM_FAULT_IO_SILENT, true);
    world_run_ms(&world, 4900);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
    CHECK_EQ(view().module_healthy, 0);
    world_run_ms(&world, 300);
    CHECK_EQ(view().fault, EVSE_FAULT_IO_LOST);
    CHECK_EQ(atomic_load(&world.control.estop_latched), 0); // never seen is not pressed
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_IO_SILENT, false);
    world_run_ms(&world, 12000);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_MODULE_SILENT, false);
    world_run_ms(&world, 12000);
    CHECK_EQ(view().state, EVSE_STATE_Available);
}

static void control_wrong_scaling_is_found_by_the_second_meter(void) // [SAF-06]
{
    static evse_module_profile_t wrong;
    wrong = test_profile;
    wrong.current_read_counts_per_A = 10; // what is published for the same signal
    wrong.current_read_bytes = 2;
    world_init(&world);
    world_channel(&world)->module.profile = &wrong;
    world_plug(&world);
    world_charge(&world, 1);
    world_run_ms(&world, 5000);
    CHECK_EQ(view().fault, EVSE_FAULT_READINGS_DISAGREE);
    CHECK_EQ(world.outlet.power_mW, 0);
}

static int steady_advance(void *ctx, uint64_t now_us, evse_meter_count_t *count)
{
    (void)ctx;
    count->taken_us = now_us;
    count->register_mJ += 7;
    return 0;
}

static void control_register_moves_only_with_the_contactor(void)
{
    static const evse_meter_ops_t ops = {.advance = steady_advance};
    world_init(&world);
    world_channel(&world)->meter.ops = &ops;
    world_plug(&world);
    CHECK_EQ(view().register_mJ, 1000000);
    world_charge(&world, 1);
    uint64_t before_mJ = view().register_mJ;
    world_tick(&world);
    CHECK_EQ(view().register_mJ, before_mJ + 7);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 1500);
    before_mJ = view().register_mJ;
    world_run_ms(&world, 1000);
    CHECK_EQ(view().register_mJ, before_mJ);
}

static world_t second;

static int pair_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    (void)ctx;
    return world_sample(connector == 0 ? &world : &second, connector, now_us, inputs);
}

static int pair_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    (void)ctx;
    return world_drive(connector == 0 ? &world : &second, connector, drive);
}

static void pair_run_ms(uint64_t ms)
{
    for (uint64_t i = 0; i < ms / 10u; i++) {
        sim_outlet_step(&second.outlet, world.now_us + EVSE_TICK_US);
        world.orders.connector[1] = second.orders.connector[0];
        world.orders.connector[1].valid_until_us = world.now_us + HF_US_PER_S;
        world_tick(&world);
    }
}

static void control_estop_of_one_connector_stops_all(void) // [SAF-01]
{
    static const evse_io_ops_t pair_ops = {pair_sample, pair_drive};
    world_init(&second);
    world_init(&world);
    evse_control_config_t config = {
        .connectors = 2, .io = {&pair_ops, NULL}, .mailbox = &world.mailbox};
    config.channel[0] = world.control.channel[0].config;
    config.channel[1] = config.channel[0];
    config.channel[1].can.ctx = &second;
    CHECK_EQ(evse_control_init(&world.control, &config), 0);
    sim_outlet_plug(&world.outlet, true);
    sim_outlet_plug(&second.outlet, true);
    pair_run_ms(2000);
    world_order(&world, EVSE_ORDER_RUN, 1);
    world_order(&second, EVSE_ORDER_RUN, 1);
    pair_run_ms(5000);
    CHECK(world.outlet.power_mW > 0 && second.outlet.power_mW > 0);
    sim_outlet_set_fault(&second.outlet, SIM_FAULT_ESTOP, true);
    second.sent_count = 0;
    pair_run_ms(10);
    CHECK_EQ(world_sent_switch(&world, false), 1);
    CHECK_EQ(world_sent_switch(&second, false), 1);
    CHECK(!world.control.channel[0].drive.level[EVSE_OUT_CONTACTOR]);
    CHECK(!world.control.channel[1].drive.level[EVSE_OUT_CONTACTOR]);
    pair_run_ms(1500);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 2);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_ESTOP), 1);
}

static void control_init_refuses_what_is_missing(void)
{
    static evse_control_t control;
    evse_control_config_t config = {.connectors = 1, .io = {&world_io_ops, &world}};
    CHECK_EQ(evse_control_init(&control, NULL), HF_E_ARGUMENT);
    CHECK_EQ(evse_control_init(&control, &config), HF_E_ARGUMENT);
    config.mailbox = &world.mailbox;
    CHECK_EQ(evse_control_init(&control, &config), HF_E_ARGUMENT); // no bus
    config.channel[0].can = (evse_can_t){&world_can_ops, &world};
    CHECK_EQ(evse_control_init(&control, &config), HF_E_ARGUMENT); // no profile [SAF-06]
    config.channel[0].profile = &test_profile;
    evse_limits_t limits = *evse_limits_at(0);
    config.channel[0].limits = &limits;
    CHECK_EQ(evse_control_init(&control, &config), 0);
    limits.bms_age_ms = 6000;
    CHECK_EQ(evse_control_init(&control, &config), HF_E_RANGE);
    config.connectors = CONFIG_EVSE_CONNECTORS_MAX + 1;
    CHECK_EQ(evse_control_init(&control, &config), HF_E_RANGE);
}

// A session ended with the plug in, then the power went; what is plugged when it comes back decides.
static void control_finishing_at_boot_ends_when_the_vehicle_has_left(void)
{
    world_init(&world);
    world_channel(&world)->finishing = true;
    sim_outlet_plug(&world.outlet, true);
    world_run_ms(&world, 1000);
    CHECK_EQ(world_channel(&world)->state, EVSE_STATE_Finishing);

    world_init(&world);
    world_channel(&world)->finishing = true;
    world_run_ms(&world, 1000);
    CHECK_EQ(world_channel(&world)->state, EVSE_STATE_Available);
    sim_outlet_plug(&world.outlet, true);
    world_run_ms(&world, 1000);
    CHECK_EQ(world_channel(&world)->state, EVSE_STATE_Preparing);
}

HF_TEST_MAIN(HF_TEST(control_first_frame_is_off), HF_TEST(control_off_is_repeated_every_period),
             HF_TEST(control_nothing_energizes_without_an_order),
             HF_TEST(control_plug_that_cannot_be_locked_is_a_fault_before_there_is_a_session),
             HF_TEST(control_cable_is_held_without_a_session_as_ordered),
             HF_TEST(control_session_charges_stops_and_meters),
             HF_TEST(control_order_is_voltage_current_on),
             HF_TEST(control_setpoint_ramps_up_and_drops_at_once),
             HF_TEST(control_lost_off_is_repeated_until_it_is_out),
             HF_TEST(control_contactor_opens_although_off_never_gets_out),
             HF_TEST(control_estop_latches_before_everything),
             HF_TEST(control_trip_from_elsewhere_acts_before_the_next_write),
             HF_TEST(control_estop_clears_only_by_reset_held_3s_with_closed_loop),
             HF_TEST(control_expired_order_takes_power_and_keeps_the_session),
             HF_TEST(control_stopped_session_never_runs_again),
             HF_TEST(control_vehicle_that_forbids_suspends_and_resumes),
             HF_TEST(control_suspend_order_shows_suspended_evse),
             HF_TEST(control_unplug_ends_the_session_at_once),
             HF_TEST(control_plug_is_debounced_on_the_way_in),
             HF_TEST(control_missing_ticks_take_power_down),
             HF_TEST(control_live_signal_advances_only_with_the_contactor),
             HF_TEST(control_weld_is_latched_and_reported),
             HF_TEST(control_unlock_stops_power_first), HF_TEST(control_events_are_late_never_lost),
             HF_TEST(control_stop_is_reported_with_a_full_queue),
             HF_TEST(control_journal_failure_finishes_and_starts_none),
             HF_TEST(control_silence_at_boot_is_a_fault_after_the_grace),
             HF_TEST(control_wrong_scaling_is_found_by_the_second_meter),
             HF_TEST(control_idle_off_that_was_refused_is_sent_in_the_next_tick),
             HF_TEST(control_register_moves_only_with_the_contactor),
             HF_TEST(control_estop_of_one_connector_stops_all),
             HF_TEST(control_init_refuses_what_is_missing),
             HF_TEST(control_finishing_at_boot_ends_when_the_vehicle_has_left))
