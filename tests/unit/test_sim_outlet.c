// SPDX-License-Identifier: MIT
// The simulated outlet as a whole: contactor and live signal, lock, inputs, energy, faults, any step length.
#include "hf_test.h"
#include "sim_bench.h"

static bench_t bench;

static void sim_outlet_open_contactor_carries_no_current(void)
{
    bench_init(&bench, NULL);
    sim_outlet_plug(&bench.outlet, true);
    bench_send(&bench, 0x068181FEu, 0x0103000000000393u);
    bench_run_ms(&bench, 100);
    bench_send(&bench, 0x068181FEu, 0x0132000000000000u);
    bench_run_ms(&bench, 2000);
    CHECK(bench.outlet.switch_on);
    CHECK_EQ(bench.outlet.power_mW, 0);
    CHECK_EQ(bench.outlet.energy_mJ, 0);
    CHECK_EQ(bench.outlet.output_mV, 84000); // at its own capacitors
    bench_off(&bench);
    bench_run_ms(&bench, 10000);
    CHECK(bench.outlet.output_mV > 40000 && bench.outlet.output_mV < 60000); // they bleed slowly
}

static void sim_outlet_contactor_takes_its_time(void)
{
    bench_init(&bench, NULL);
    bench.step_us = 1000;
    bench_run_ms(&bench, 10);
    bench.drive.level[EVSE_OUT_CONTACTOR] = true;
    bench_run_ms(&bench, 40);
    CHECK(!bench.outlet.contactor_closed);
    bench_run_ms(&bench, 2);
    CHECK(bench.outlet.contactor_closed);
    bench.drive.level[EVSE_OUT_CONTACTOR] = false;
    bench_run_ms(&bench, 30);
    CHECK(bench.outlet.contactor_closed);
    bench_run_ms(&bench, 2);
    CHECK(!bench.outlet.contactor_closed);
}

static void sim_outlet_without_live_signal_never_closes(void)
{
    bench_init(&bench, NULL);
    bench.pulses = false;
    bench.drive.level[EVSE_OUT_CONTACTOR] = true;
    bench.drive.live_count = 7;
    bench_run_ms(&bench, 1000);
    CHECK(!bench.outlet.contactor_closed);
}

static void sim_outlet_live_signal_lost_drops_out_by_itself(void)
{
    bench_init(&bench, NULL);
    bench.step_us = 1000;
    bench_start(&bench);
    bench_run_ms(&bench, 2000);
    CHECK(bench.outlet.power_mW > 2000000);
    uint64_t stopped_us = bench.outlet.now_us;
    bench.pulses = false;
    bench_run_ms(&bench, 1000);
    CHECK(!bench.outlet.contactor_closed);
    CHECK(bench.off_at_us >= stopped_us + 229000u);
    CHECK(bench.off_at_us <= stopped_us + 232000u); // 200 ms and its drop time
    CHECK_EQ(bench.outlet.hot_openings, 1);
}

static void sim_outlet_nobody_drives_drops_out_in_one_long_step(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 2000);
    uint64_t before_mJ = bench.outlet.energy_mJ;
    int64_t power_mW = bench.outlet.power_mW;
    sim_outlet_step(&bench.outlet, bench.outlet.now_us + 60000000u);
    CHECK_EQ(bench.outlet.power_mW, 0);
    // The contactor held for 230 ms of that minute, less nothing: the cut is exact.
    int64_t expected_mJ = power_mW * 230 / 1000;
    int64_t got_mJ = (int64_t)(bench.outlet.energy_mJ - before_mJ);
    CHECK(got_mJ > expected_mJ - 1000 && got_mJ < expected_mJ + 1000);
}

static void sim_outlet_lock_follows_after_50_ms(void)
{
    bench_init(&bench, NULL);
    bool level[EVSE_INPUT_COUNT];
    bench.drive.level[EVSE_OUT_LOCK] = true;
    bench_run_ms(&bench, 50);
    CHECK(sim_outlet_inputs(&bench.outlet, level));
    CHECK(!level[EVSE_IN_LOCK_FEEDBACK]);
    bench_run_ms(&bench, 20);
    CHECK(sim_outlet_inputs(&bench.outlet, level));
    CHECK(level[EVSE_IN_LOCK_FEEDBACK]);
    bench.drive.level[EVSE_OUT_LOCK] = false;
    bench_run_ms(&bench, 70);
    CHECK(!bench.outlet.locked);
}

static void sim_outlet_inputs_show_the_world(void)
{
    bench_init(&bench, NULL);
    bool level[EVSE_INPUT_COUNT];
    CHECK(sim_outlet_inputs(&bench.outlet, level));
    CHECK(!level[EVSE_IN_PLUG] && level[EVSE_IN_ESTOP] && !level[EVSE_IN_LATCH_RESET]);
    sim_outlet_plug(&bench.outlet, true);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_ESTOP, true);
    sim_outlet_hold_reset(&bench.outlet, true);
    CHECK(sim_outlet_inputs(&bench.outlet, level));
    CHECK(level[EVSE_IN_PLUG] && !level[EVSE_IN_ESTOP] && level[EVSE_IN_LATCH_RESET]);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_IO_SILENT, true);
    CHECK(!sim_outlet_inputs(&bench.outlet, level));
}

static void sim_outlet_unplugged_under_load_carries_nothing(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 2000);
    CHECK(bench.outlet.power_mW > 0);
    sim_outlet_plug(&bench.outlet, false);
    CHECK_EQ(bench.outlet.power_mW, 0);
    uint64_t energy_mJ = bench.outlet.energy_mJ;
    bench_run_ms(&bench, 1000);
    CHECK_EQ(bench.outlet.energy_mJ, energy_mJ);
}

static void sim_outlet_welded_contactor_stays_closed(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_CONTACTOR_WELDED, true);
    bench.drive.level[EVSE_OUT_CONTACTOR] = false;
    bench_run_ms(&bench, 1000);
    CHECK(bench.outlet.contactor_closed);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_CONTACTOR_WELDED, false);
    bench_run_ms(&bench, 20);
    CHECK(!bench.outlet.contactor_closed);
}

static void sim_outlet_stuck_contactor_stays_open(void)
{
    bench_init(&bench, NULL);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_CONTACTOR_STUCK_OPEN, true);
    bench_start(&bench);
    bench_run_ms(&bench, 1000);
    CHECK(!bench.outlet.contactor_closed);
    CHECK_EQ(bench.outlet.power_mW, 0);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_CONTACTOR_STUCK_OPEN, false);
    bench_run_ms(&bench, 20);
    CHECK(bench.outlet.contactor_closed);
}

static void sim_outlet_bus_off_lets_nothing_through(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 1000);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_BUS_OFF, true);
    unsigned from = bench.seen_count;
    bench_run_ms(&bench, 2000);
    CHECK_EQ(bench.seen_count, from);
    CHECK(bench.outlet.power_mW > 0);
    bench_off(&bench);
    bench_run_ms(&bench, 500);
    CHECK(bench.outlet.switch_on); // OFF was not heard
    bench_run_ms(&bench, 1500);
    CHECK(!bench.outlet.switch_on); // its own time-out was
}

static void sim_outlet_overvoltage_shows_at_the_terminals(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 1000);
    CHECK(bench.outlet.output_mV < 84500);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_OVERVOLTAGE, true);
    bench_run_ms(&bench, 20);
    CHECK_EQ(bench.outlet.output_mV, 95000);
}

static uint64_t energy_with_step(uint64_t step_us)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench.step_us = step_us;
    bench_run_ms(&bench, 20000);
    bench_off(&bench);
    bench_run_ms(&bench, 2000);
    return bench.outlet.energy_mJ;
}

static void sim_outlet_energy_is_the_integral_at_any_step(void)
{
    uint64_t fine_mJ = energy_with_step(1000);
    uint64_t summed_mJ = bench.integral_nJ / 1000000u;
    CHECK(fine_mJ > 40000000u);
    // The bench sums rectangles of 1 ms: half a millisecond of full power at most.
    CHECK(fine_mJ < summed_mJ + 2000u && summed_mJ < fine_mJ + 2000u);
    static const uint64_t steps_us[] = {10000, 50000, 100000};
    for (size_t i = 0; i < HF_COUNT_OF(steps_us); i++) {
        uint64_t mJ = energy_with_step(steps_us[i]);
        CHECK(mJ > fine_mJ - fine_mJ / 5000u && mJ < fine_mJ + fine_mJ / 5000u);
    }
}

static void sim_outlet_frames_nobody_takes_give_way_to_newer(void)
{
    bench_init(&bench, NULL);
    for (uint64_t t = 1; t <= 100; t++) {
        sim_outlet_step(&bench.outlet, t * 100000u);
    }
    CHECK(bench.outlet.frames_dropped > 0);
    bench_collect(&bench);
    CHECK_EQ(bench.seen_count, SIM_TX_FRAMES);
    CHECK_EQ(bench.outlet.tx[SIM_BUS_MODULE].count, 0);
}

static void sim_outlet_time_does_not_run_backwards(void)
{
    bench_init(&bench, NULL);
    sim_outlet_step(&bench.outlet, 5000);
    sim_outlet_step(&bench.outlet, 4000);
    CHECK_EQ(bench.outlet.now_us, 5000);
}

static void sim_fault_names_are_found(void)
{
    unsigned count = 0;
    for (unsigned bit = 0; sim_fault_name(bit) != NULL; bit++) {
        CHECK_EQ(sim_fault_find(sim_fault_name(bit)), 1ull << bit);
        count++;
    }
    CHECK_EQ(count, 42);
    CHECK_EQ(sim_fault_find("overvoltage"), SIM_FAULT_OVERVOLTAGE);
    CHECK_EQ(sim_fault_find("contactor-welded"), SIM_FAULT_CONTACTOR_WELDED);
    CHECK_EQ(sim_fault_find("estop"), SIM_FAULT_ESTOP);
    CHECK_EQ(sim_fault_find("no-such"), 0);
}

HF_TEST_MAIN(HF_TEST(sim_outlet_open_contactor_carries_no_current),
             HF_TEST(sim_outlet_contactor_takes_its_time),
             HF_TEST(sim_outlet_without_live_signal_never_closes),
             HF_TEST(sim_outlet_live_signal_lost_drops_out_by_itself),
             HF_TEST(sim_outlet_nobody_drives_drops_out_in_one_long_step),
             HF_TEST(sim_outlet_lock_follows_after_50_ms),
             HF_TEST(sim_outlet_inputs_show_the_world),
             HF_TEST(sim_outlet_unplugged_under_load_carries_nothing),
             HF_TEST(sim_outlet_welded_contactor_stays_closed),
             HF_TEST(sim_outlet_stuck_contactor_stays_open),
             HF_TEST(sim_outlet_bus_off_lets_nothing_through),
             HF_TEST(sim_outlet_overvoltage_shows_at_the_terminals),
             HF_TEST(sim_outlet_energy_is_the_integral_at_any_step),
             HF_TEST(sim_outlet_frames_nobody_takes_give_way_to_newer),
             HF_TEST(sim_outlet_time_does_not_run_backwards), HF_TEST(sim_fault_names_are_found))
