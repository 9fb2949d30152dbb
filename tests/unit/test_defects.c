// SPDX-License-Identifier: MIT
// The defects of the firmware this controller replaces, one case each: what it did wrong must not happen here. The names say
// what went wrong there; each case shows what happens instead.
#include "support/control_world.h"

static world_t world;

static evse_connector_view_t view(void)
{
    evse_snapshot_t snapshot;
    memset(&snapshot, 0, sizeof snapshot);
    CHECK_EQ(hf_snapshot_read(&world.mailbox.snapshot, &snapshot), 0);
    return snapshot.connector[0];
}

static void charge(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    CHECK_EQ(view().state, EVSE_STATE_Charging);
}

static unsigned count_sent(uint32_t id, uint8_t function)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world.sent_count; i++) {
        count += world.sent[i].id == id && world.sent[i].data[1] == function ? 1u : 0u;
    }
    return count;
}

static unsigned count_sent_in(uint64_t ms, uint32_t id, uint8_t function)
{
    unsigned count = 0;
    for (uint64_t i = 0; i < ms / EVSE_TICK_MS; i++) {
        world_tick(&world);
        count += count_sent(id, function);
    }
    return count;
}

// ---- the power module ----

static void setpoints_went_out_once_per_start(void) // [SAF-04]
{
    charge();
    CHECK_EQ(count_sent_in(3000, ID_CONTROL, 0x03), 10); // every 300 ms ...
    world.outlet.config.request_mA = 12000;              // and what the BMS asks for now
    world_run_ms(&world, 1500);
    CHECK_EQ(world.outlet.set_mA, 12000);
}

static void stop_within_a_second_of_start_was_never_sent(void) // [SAF-02]
{
    for (unsigned ticks = 1; ticks < 130; ticks++) {
        world_init(&world);
        world_plug(&world);
        world_order(&world, EVSE_ORDER_RUN, 1);
        for (unsigned i = 0; i < ticks; i++) {
            world_tick(&world);
        }
        world_order(&world, EVSE_ORDER_NONE, 1);
        world_run_ms(&world, 1500);
        if (world.outlet.switch_on || world.outlet.power_mW != 0 ||
            world_channel(&world)->phase != EVSE_POWER_OFF) {
            HF_TEST_FAIL("stopped %u ticks after the order, it is still on", ticks);
        }
    }
}

static void stop_was_latched_before_it_was_transmitted(void) // [SAF-02]
{
    charge();
    world.is_tx_full = true;
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 100);
    CHECK(world_channel(&world)->sent_on); // nothing counts as sent
    world.is_tx_full = false;
    world_tick(&world);
    CHECK(!world.outlet.switch_on);
}

static void module_heard_one_of_its_two_ids_only_while_charging(void)
{
    world_init(&world); // no vehicle, no order
    world_run_ms(&world, 2000);
    CHECK(count_sent_in(3000, ID_CONTROL, 0x32) >= 10);
    for (unsigned i = 0; i < 30; i++) { // never silent for 300 ms on the other one
        unsigned queries = 0;
        for (unsigned tick = 0; tick < 30; tick++) {
            world_tick(&world);
            for (unsigned f = 0; f < world.sent_count; f++) {
                queries += world.sent[f].id == 0x068182FEu ? 1u : 0u;
            }
        }
        CHECK(queries > 0);
    }
}

static void temperature_could_not_exceed_65_degrees(void) // [SAF-05]
{
    charge();
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_HOT, true); // 71, over the wire
    world_run_ms(&world, 1500);
    CHECK_EQ(view().fault, EVSE_FAULT_OVERTEMPERATURE);
    CHECK_EQ(view().temperature_dC, 710);
    CHECK_EQ(world.outlet.power_mW, 0);
}

static void current_wrapped_at_64_amperes(void)
{
    evse_module_t module;
    evse_can_frame_t frame = {
        .id = 0x0681827Eu, .extended = true, .length = 8, .data = {0x01, 0x82}};
    CHECK_EQ(evse_module_init(&module, evse_module_profile_find("m33-1024"), 1), 0);
    frame.data[5] = 0x01; // 65536 + 1024 counts: 65 A
    frame.data[6] = 0x04;
    CHECK(evse_module_receive(&module, &frame, 1));
    CHECK_EQ(module.module_mA.value, 65000);
}

static void module_was_healthy_at_boot_without_a_frame(void) // [SAF-07]
{
    world_init(&world);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_MODULE_SILENT, true);
    for (unsigned i = 0; i < 400; i++) {
        world_tick(&world);
        CHECK_EQ(view().module_healthy, 0);
    }
}

static void two_scalings_differed_by_a_hundred(void) // [SAF-06]
{
    charge();
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CURRENT_DIV102, true);
    world_run_ms(&world, EVSE_DISAGREE_MS + 2000);
    CHECK_EQ(view().fault, EVSE_FAULT_READINGS_DISAGREE);
    CHECK_EQ(world.outlet.power_mW, 0);
}

// ---- the bus ----

static void full_ring_lost_the_oldest_and_the_newest(void)
{
    static evse_can_inbox_t inbox;
    evse_can_frame_t frame = {0};
    CHECK_EQ(evse_can_inbox_init(&inbox), 0);
    uint32_t put = CONFIG_EVSE_CAN_RING_FRAMES * 2u + 1u, got = 0;
    for (uint32_t i = 0; i < put; i++) {
        frame.id = i;
        evse_can_inbox_put(&inbox, &frame, i);
    }
    while (evse_can_inbox_get(&inbox, &frame) == 1) {
        got++;
    }
    CHECK_EQ(frame.id, put - 1u); // the newest is there
    CHECK_EQ(got + inbox.stats.overruns, put);
}

static void bus_off_stopped_the_charging_only_after_recovery(void) // [SAF-12]
{
    charge();
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BUS_OFF, true);
    world_tick(&world);
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
    world_run_ms(&world, 50);
    CHECK_EQ(world.outlet.power_mW, 0); // with the bus still off
}

static void bus_off_left_the_transaction_stuck(void)
{
    charge();
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BUS_OFF, true);
    world_run_ms(&world, EVSE_BUS_OFF_RESUME_MS + 3000);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 1);
}

// ---- the vehicle ----

static void charger_frames_passed_for_life_of_the_bms(void) // [SAF-03]
{
    charge();
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_SILENT, true);
    world_run_ms(&world, 3100); // the module goes on telling its voltage
    CHECK_EQ(view().bms_alive, 0);
    CHECK_EQ(view().fault, EVSE_FAULT_BMS_LOST);
    world_run_ms(&world, 400);
    CHECK_EQ(world.outlet.power_mW, 0);
}

static void bms_permission_outlived_its_frames(void) // [SAF-03]
{
    charge();
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_SILENT, true);
    world_run_ms(&world, 60000);
    CHECK_EQ(view().bms_allows, 0);
    CHECK_EQ(view().request_mA, 0);
}

static void bms_permission_was_no_part_of_the_interlock(void) // [SAF-03]
{
    charge();
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_FORBIDS, true);
    world_run_ms(&world, 1500);
    CHECK_EQ(world.outlet.power_mW, 0);
    CHECK((view().reasons & EVSE_REASON(BMS_FORBIDS)) != 0);
}

static void bms_voltage_went_to_the_module_unclamped(void) // [SAF-04]
{
    charge();
    world.outlet.config.request_mV = 102000; // the limit that drifted
    world_run_ms(&world, 1500);
    CHECK(world.outlet.set_mV <= 84500);
    CHECK(world.outlet.set_mV > 84400);
}

static void plug_was_guessed_from_a_capacitor(void) // [SAF-09]
{
    charge();
    sim_outlet_plug(&world.outlet, false); // the voltage stays for a minute
    world_tick(&world);
    CHECK_EQ(view().plugged, 0);
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
    world_run_ms(&world, 500);
    CHECK(world.outlet.output_mV > 50000);
    CHECK_EQ(view().plugged, 0);
}

// ---- sessions and states ----

static void connector_was_available_with_the_plug_in(void)
{
    charge();
    world_order(&world, EVSE_ORDER_NONE, 1);
    for (unsigned i = 0; i < 6100; i++) { // there it was forced after a minute
        world_tick(&world);
        if (view().state == EVSE_STATE_Available) {
            HF_TEST_FAIL("Available %u ticks after the session, plugged", i);
            return;
        }
    }
    CHECK_EQ(view().state, EVSE_STATE_Finishing);
}

static void state_was_charging_after_a_reboot_without_power(void) // [SAF-08]
{
    charge();
    sim_outlet_t outlet = world.outlet; // the vehicle stays plugged
    world_init(&world);
    world.outlet = outlet;
    world.now_us = outlet.now_us;
    world_run_ms(&world, 10000);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_ENERGIZED), 0);
    for (unsigned i = 0; i < world.event_count; i++) {
        CHECK(world.events[i].kind != EVSE_EVENT_STATE ||
              world.events[i].detail != EVSE_STATE_Charging);
    }
    CHECK_EQ(world.outlet.power_mW, 0);
    CHECK_EQ(world.starts, 0);
}

static void stop_was_told_without_a_transaction(void)
{
    world_init(&world);
    world_plug(&world);
    world_order(&world, EVSE_ORDER_NONE, 7);
    world_run_ms(&world, 1000);
    sim_outlet_hold_buttons(&world.outlet, false, true);
    world_run_ms(&world, 1000);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 0);
}

static void repeated_start_began_anew(void)
{
    charge();
    unsigned energized = world_count_events(&world, EVSE_EVENT_ENERGIZED);
    for (unsigned i = 0; i < 50; i++) { // the same order, again and again
        world_order(&world, EVSE_ORDER_RUN, 1);
        world_run_ms(&world, 100);
    }
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_ENERGIZED), energized);
    CHECK_EQ(view().session_id, 1);
}

static void energy_was_counted_twice(void)
{
    charge();
    world_run_ms(&world, 60000);
    uint64_t billed_mJ = view().register_mJ - 1000000u;
    CHECK(billed_mJ <= world.outlet.energy_mJ + world.outlet.energy_mJ / 200u);
    CHECK(billed_mJ >= world.outlet.energy_mJ - world.outlet.energy_mJ / 100u);
}

static void readings_never_expired(void) // [SAF-07]
{
    charge();
    CHECK(view().soc_permille >= 0);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_MODULE_SILENT | SIM_FAULT_BMS_SILENT, true);
    world_run_ms(&world, 15000);
    CHECK_EQ(view().meter_fresh, 0);
    CHECK_EQ(view().temperature_dC, INT32_MIN);
    CHECK_EQ(view().soc_permille, -1);
    CHECK_EQ(view().request_mV, 0);
}

// ---- the emergency stop ----

static void estop_was_a_software_stop_on_a_normally_open_contact(void) // [SAF-01]
{
    charge();
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP_WIRE, true); // the wire breaks
    world_tick(&world);
    CHECK(atomic_load(&world.control.estop_latched) != 0);
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP_WIRE, false);
    world_run_ms(&world, 20000); // there it cleared after 10 s by itself
    CHECK_EQ(view().fault, EVSE_FAULT_EMERGENCY_STOP);
}

static void hang_left_the_module_at_its_last_setpoint(void) // [SAF-11]
{
    charge();
    for (unsigned ms = 0; ms < 400; ms += 10) { // no tick, nobody pulses
        sim_outlet_step(&world.outlet, world.now_us + ms * HF_US_PER_MS);
    }
    CHECK_EQ(world.outlet.power_mW, 0);
    world.now_us += 400 * HF_US_PER_MS;
    world_tick(&world);
    CHECK_EQ(world_sent_switch(&world, false), 1);
    CHECK_EQ(world_sent_switch(&world, true), 0);
}

HF_TEST_MAIN(
    HF_TEST(setpoints_went_out_once_per_start),
    HF_TEST(stop_within_a_second_of_start_was_never_sent),
    HF_TEST(stop_was_latched_before_it_was_transmitted),
    HF_TEST(module_heard_one_of_its_two_ids_only_while_charging),
    HF_TEST(temperature_could_not_exceed_65_degrees), HF_TEST(current_wrapped_at_64_amperes),
    HF_TEST(module_was_healthy_at_boot_without_a_frame),
    HF_TEST(two_scalings_differed_by_a_hundred), HF_TEST(full_ring_lost_the_oldest_and_the_newest),
    HF_TEST(bus_off_stopped_the_charging_only_after_recovery),
    HF_TEST(bus_off_left_the_transaction_stuck), HF_TEST(charger_frames_passed_for_life_of_the_bms),
    HF_TEST(bms_permission_outlived_its_frames),
    HF_TEST(bms_permission_was_no_part_of_the_interlock),
    HF_TEST(bms_voltage_went_to_the_module_unclamped), HF_TEST(plug_was_guessed_from_a_capacitor),
    HF_TEST(connector_was_available_with_the_plug_in),
    HF_TEST(state_was_charging_after_a_reboot_without_power),
    HF_TEST(stop_was_told_without_a_transaction), HF_TEST(repeated_start_began_anew),
    HF_TEST(energy_was_counted_twice), HF_TEST(readings_never_expired),
    HF_TEST(estop_was_a_software_stop_on_a_normally_open_contact),
    HF_TEST(hang_left_the_module_at_its_last_setpoint))
