// SPDX-License-Identifier: MIT
// What people do at the outlet and what control does by itself: stop and start button, the local reset that has to be seen
// from its beginning, trips in the middle of a write, old orders, the order of events, what clears which fault.
#include "support/control_world.h"

static world_t world;

static evse_connector_view_t view(void)
{
    evse_snapshot_t snapshot;
    memset(&snapshot, 0, sizeof snapshot);
    CHECK_EQ(hf_snapshot_read(&world.mailbox.snapshot, &snapshot), 0);
    return snapshot.connector[0];
}

static bool is_latched(void)
{
    return atomic_load(&world.control.estop_latched) != 0;
}

static void press(uint64_t ms, bool start, bool stop)
{
    sim_outlet_hold_buttons(&world.outlet, start, stop);
    world_run_ms(&world, ms);
    sim_outlet_hold_buttons(&world.outlet, false, false);
}

static void stop_button_ends_the_session_without_comms(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    press(EVSE_BUTTON_DEBOUNCE_MS - 20, false, true); // a bounce
    world_run_ms(&world, 1000);
    CHECK_EQ(view().state, EVSE_STATE_Charging);
    world.is_comms_away = true;
    world.keeps_orders = false;
    press(EVSE_BUTTON_DEBOUNCE_MS + 20, false, true);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_STOPPING);
    world_run_ms(&world, 1500);
    CHECK_EQ(world.outlet.power_mW, 0);
    CHECK_EQ(world.outlet.hot_openings, 0);
    world.is_comms_away = false;
    world.keeps_orders = true; // the order still says RUN
    world_run_ms(&world, 5000);
    REQUIRE(world_count_events(&world, EVSE_EVENT_STOPPED) == 1);
    CHECK_EQ(world_event(&world, EVSE_EVENT_STOPPED)->detail, EVSE_STOP_Local);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_OFF);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
}

static void stop_button_that_is_held_lets_nothing_start(void)
{
    world_init(&world);
    world_plug(&world);
    sim_outlet_hold_buttons(&world.outlet, false, true);
    world_run_ms(&world, 100);
    world_order(&world, EVSE_ORDER_RUN, 1);
    world_run_ms(&world, 5000);
    CHECK_EQ(world.starts, 0);
    REQUIRE(world_count_events(&world, EVSE_EVENT_STOPPED) == 1);
    CHECK_EQ(world_event(&world, EVSE_EVENT_STOPPED)->detail, EVSE_STOP_Local);
}

static void start_button_is_told_once_a_press(void)
{
    world_init(&world);
    sim_outlet_hold_buttons(&world.outlet, true, false); // stuck since before the boot
    world_run_ms(&world, 1000);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_START_BUTTON), 0);
    sim_outlet_hold_buttons(&world.outlet, false, false);
    world_run_ms(&world, 100);
    press(2000, true, false);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_START_BUTTON), 1);
    world_run_ms(&world, 100);
    press(EVSE_BUTTON_DEBOUNCE_MS - 20, true, false);
    world_run_ms(&world, 100);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_START_BUTTON), 1);
    press(100, true, false);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_START_BUTTON), 2);
    world_run_ms(&world, 100);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_IO_SILENT, true);
    world_run_ms(&world, 400);
    sim_outlet_hold_buttons(&world.outlet, true, false);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_IO_SILENT, false);
    world_run_ms(&world, 400); // came back pressed: nobody saw it being pressed
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_START_BUTTON), 2);
    CHECK_EQ(world.starts, 0); // and by itself it starts nothing
}

static void reset_has_to_be_pressed_in_sight(void) // [SAF-01]
{
    world_init_with(&world, &(evse_control_config_t){.estop_latched = true});
    sim_outlet_hold_reset(&world.outlet, true); // stuck, or held while it boots
    world_run_ms(&world, 10000);
    CHECK(is_latched());
    sim_outlet_hold_reset(&world.outlet, false);
    world_run_ms(&world, 100);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, true);
    world_run_ms(&world, 100);
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, 100);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, false); // held while the loop closes
    world_run_ms(&world, 10000);
    CHECK(is_latched());
    sim_outlet_hold_reset(&world.outlet, false);
    world_run_ms(&world, 100);
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, 1000);
    world_tick_after(&world, 5 * HF_US_PER_S); // nobody looked
    world_run_ms(&world, 5000);
    CHECK(is_latched());
    sim_outlet_hold_reset(&world.outlet, false);
    world_run_ms(&world, 100);
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, EVSE_LATCH_RESET_HOLD_MS - 50);
    CHECK(is_latched());
    world_run_ms(&world, 100);
    CHECK(!is_latched());
}

static void reset_is_used_up_by_one_clearing(void) // [SAF-01]
{
    world_init_with(&world, &(evse_control_config_t){.estop_latched = true});
    world_run_ms(&world, 100);
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, 3100);
    CHECK(!is_latched());
    evse_control_trip(&world.control);
    world_run_ms(&world, 10000); // somebody leans on it
    CHECK(is_latched());
}

static void trip_never_counts_back_to_clear(void) // [SAF-01]
{
    world_init(&world);
    atomic_store(&world.control.estop_latched, UINT32_MAX - 1u);
    for (unsigned i = 0; i < 8; i++) {
        evse_control_trip(&world.control);
        CHECK(is_latched());
    }
}

static bool trips_on_drive, was_held;

static int tripping_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    if (trips_on_drive && drive->level[EVSE_OUT_CONTACTOR]) {
        trips_on_drive = false;
        evse_control_trip(&world.control); // an interrupt in the middle of the write
    }
    was_held = drive->level[EVSE_OUT_CONTACTOR];
    return world_drive(ctx, connector, drive);
}

static void trip_during_the_write_opens_in_the_same_tick(void) // [SAF-01]
{
    static const evse_io_ops_t ops = {world_sample, tripping_drive};
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world.control.io.ops = &ops;
    trips_on_drive = true;
    world_tick(&world);
    CHECK(!trips_on_drive);
    CHECK(!was_held); // the last word of that very tick
    CHECK_EQ(world_sent_switch(&world, false), 1);
}

static void old_session_id_never_runs(void) // [SAF-08]
{
    world_init(&world);
    world_plug(&world);
    for (uint32_t id = 1; id <= 2; id++) {
        world_charge(&world, id);
        world_order(&world, EVSE_ORDER_NONE, id);
        world_run_ms(&world, 3000);
    }
    unsigned starts = world.starts;
    world_order(&world, EVSE_ORDER_RUN, 1);
    world_run_ms(&world, 10000);
    CHECK_EQ(world.starts, starts);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 2);
    world_order(&world, EVSE_ORDER_RUN, 3);
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 5000));
}

static void events_that_waited_come_in_the_order_they_happened(void)
{
    world_init(&world);
    world_plug(&world);
    world.is_comms_away = true;
    evse_event_t filler = {.kind = EVSE_EVENT_STATE};
    while (hf_queue_put_urgent(&world.mailbox.events, &filler) == 0) {
    }
    evse_control_trip(&world.control);
    world_run_ms(&world, 100);
    sim_outlet_hold_reset(&world.outlet, true);
    world_run_ms(&world, 3100);
    CHECK(!is_latched());
    evse_control_trip(&world.control);
    world_run_ms(&world, 100);
    world.is_comms_away = false;
    world.event_count = 0;
    world_run_ms(&world, 100);
    bool latched = false; // as a journal would keep it
    uint64_t last_us = 0;
    for (unsigned i = 0; i < world.event_count; i++) {
        const evse_event_t *event = &world.events[i];
        latched =
            event->kind == EVSE_EVENT_ESTOP || (latched && event->kind != EVSE_EVENT_ESTOP_CLEARED);
        CHECK(event->time_us >= last_us);
        last_us = event->time_us;
    }
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_ESTOP_CLEARED), 1);
    CHECK(latched && is_latched());
}

static void charge_with_two_modules(void)
{
    const sim_config_t sim = {.profile = &test_profile, .units = 2};
    world_init(&world);
    evse_control_config_t config = {
        .connectors = 1, .io = {&world_io_ops, &world}, .mailbox = &world.mailbox};
    config.channel[0] = world_channel(&world)->config;
    config.channel[0].units = 2;
    sim_outlet_init(&world.outlet, &sim);
    sim_outlet_step(&world.outlet, world.now_us);
    CHECK_EQ(evse_control_init(&world.control, &config), 0);
    world_plug(&world);
    world_charge(&world, 1);
}

static void each_module_has_to_confirm_off(void) // [SAF-02]
{
    for (unsigned unit = 0; unit < 2; unit++) {
        charge_with_two_modules();
        CHECK(world.outlet.unit[0].on && world.outlet.unit[1].on);
        sim_outlet_set_unit_fault(&world.outlet, unit, SIM_FAULT_ANSWERS_SILENT, true);
        world_order(&world, EVSE_ORDER_NONE, 1);
        world_run_ms(&world, 900);
        CHECK(!world_channel(&world)->off_confirmed); // the other one's word is not enough
        CHECK_EQ(view().fault, EVSE_FAULT_NONE);
        world_run_ms(&world, 300);
        CHECK_EQ(view().fault, EVSE_FAULT_MODULE_OFF_UNCONFIRMED);
        CHECK_EQ(world.outlet.power_mW, 0);
        sim_outlet_set_unit_fault(&world.outlet, unit, SIM_FAULT_ANSWERS_SILENT, false);
        world_run_ms(&world, 500);
        CHECK(world_channel(&world)->off_confirmed);
    }
}

static void ticks_that_wrap_are_no_boot(void) // [SAF-08]
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world.control.ticks = UINT32_MAX - 1u; // 497 days
    for (unsigned i = 0; i < 30; i++) {
        world_tick(&world);
        CHECK_EQ(world_sent_switch(&world, false), 0);
    }
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_ON);
}

static uint8_t status_flags(void)
{
    for (unsigned i = 0; i < 30; i++) {
        world_tick(&world);
        for (unsigned f = 0; f < world.sent_count; f++) {
            if (world.sent[f].id == 0x18FF50E5u) {
                return world.sent[f].data[4];
            }
        }
    }
    return 0xFF;
}

static void bms_is_told_what_stops_the_charger(void) // [SAF-03]
{
    world_init(&world);
    world_run_ms(&world, 500);
    CHECK_EQ(status_flags(), 0xFF); // nobody is there to be told
    world_plug(&world);
    CHECK_EQ(status_flags(), 0);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_HOT, true);
    world_run_ms(&world, 2000);
    CHECK_EQ(status_flags(), 1u << 0 | 1u << 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_SILENT, true);
    world_run_ms(&world, 4000);
    CHECK_EQ(status_flags(), 1u << 0 | 1u << 1 | 1u << 4);
}

static void fault_clears_as_its_row_says(void)
{
    for (unsigned i = 0; i < EVSE_FAULT_COUNT; i++) {
        evse_fault_clear_t clearing = evse_fault_clearing(i);
        CHECK(clearing < EVSE_CLEAR_COUNT);
        CHECK(strcmp(evse_fault_clearing_text(clearing), "unknown") != 0);
        if (i == EVSE_FAULT_NONE || clearing == EVSE_CLEAR_RESET) {
            continue; // a latch is its own cause: see reset_has_to_be_pressed_in_sight
        }
        world_init(&world);
        world_plug(&world);
        evse_channel_t *channel = world_channel(&world);
        channel->fault = (evse_fault_t)i; // raised, and its cause gone
        channel->fault_since_us = world.now_us;
        channel->fault_left = false;
        world_run_ms(&world, EVSE_FAULT_LOCK_MS - 100);
        CHECK_EQ(channel->fault, i);
        world_run_ms(&world, 200);
        CHECK_EQ(channel->fault, clearing == EVSE_CLEAR_UNPLUG ? i : EVSE_FAULT_NONE);
        sim_outlet_plug(&world.outlet, false);
        world_run_ms(&world, 100);
        CHECK_EQ(channel->fault, EVSE_FAULT_NONE);
    }
    CHECK_STR(evse_fault_clearing_text(EVSE_CLEAR_COUNT), "unknown");
    CHECK_EQ(evse_fault_clearing(EVSE_FAULT_COUNT), EVSE_CLEAR_TIME);
}

static void fault_of_a_session_stays_while_an_order_names_it(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_SILENT, true);
    world_run_ms(&world, 5000);
    CHECK_EQ(view().fault, EVSE_FAULT_BMS_LOST);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_SILENT, false);
    world_run_ms(&world, 60000);
    CHECK_EQ(view().fault, EVSE_FAULT_BMS_LOST);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 20);
    CHECK_EQ(view().fault, EVSE_FAULT_NONE);
}

HF_TEST_MAIN(HF_TEST(stop_button_ends_the_session_without_comms),
             HF_TEST(stop_button_that_is_held_lets_nothing_start),
             HF_TEST(start_button_is_told_once_a_press), HF_TEST(reset_has_to_be_pressed_in_sight),
             HF_TEST(reset_is_used_up_by_one_clearing), HF_TEST(trip_never_counts_back_to_clear),
             HF_TEST(trip_during_the_write_opens_in_the_same_tick),
             HF_TEST(old_session_id_never_runs),
             HF_TEST(events_that_waited_come_in_the_order_they_happened),
             HF_TEST(each_module_has_to_confirm_off), HF_TEST(ticks_that_wrap_are_no_boot),
             HF_TEST(bms_is_told_what_stops_the_charger), HF_TEST(fault_clears_as_its_row_says),
             HF_TEST(fault_of_a_session_stays_while_an_order_names_it))
