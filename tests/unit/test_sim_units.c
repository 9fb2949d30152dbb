// SPDX-License-Identifier: MIT
// Several simulated power modules that share one output, and what is to be seen across an open contactor.
#include "hf_test.h"
#include "sim_bench.h"

static bench_t bench;

static uint32_t id_of(uint32_t unit, uint32_t command)
{
    return 0x068000FEu | (1u + unit) << 16 | command << 8;
}

/// Keeps `units` modules alive and at 84 V for a while.
static void run_units_ms(unsigned units, uint64_t ms)
{
    for (uint64_t until_us = bench.outlet.now_us + ms * 1000u; bench.outlet.now_us < until_us;) {
        for (uint32_t u = 0; u < units; u++) {
            bench_send(&bench, id_of(u, 0x82), 0x0184000000000000u);
            bench_send(&bench, id_of(u, 0x81), 0x0100000000015000u);
        }
        bench_step(&bench);
        bench.seen_count = bench.seen_count > 3500 ? 0 : bench.seen_count;
    }
}

/// Three modules at 10 A each into a battery.
static void start_three(const sim_config_t *config)
{
    bench_init(&bench, config);
    bench.talks = false;
    sim_outlet_plug(&bench.outlet, true);
    bench.drive.level[EVSE_OUT_CONTACTOR] = true;
    run_units_ms(3, 200);
    for (uint32_t u = 0; u < 3; u++) {
        bench_send(&bench, id_of(u, 0x81), 0x0103000000000131u);
        bench_send(&bench, id_of(u, 0x81), 0x0132000000000000u);
    }
    run_units_ms(3, 3000);
}

static const sim_config_t three = {.units = 3};

static uint32_t ask(uint32_t unit, uint8_t signal)
{
    bench.seen_count = 0;
    bench_send(&bench, id_of(unit, 0x82), (uint64_t)0x01 << 56 | (uint64_t)signal << 48);
    bench_collect(&bench);
    return bench_u32(bench_last(&bench, 0x0680827Eu | (1u + unit) << 16).data + 4);
}

static void sim_units_share_the_output(void)
{
    start_three(&three);
    CHECK_EQ(bench.outlet.output_mA, 30000);
    CHECK_EQ(bench.outlet.set_mA, 30000);
    for (uint32_t u = 0; u < 3; u++) {
        CHECK_EQ(ask(u, 0x82), 10 * 1024);
    }
    bench_send(&bench, id_of(1, 0x81), 0x010300000000003Du); // one of them: 2 A
    run_units_ms(3, 500);
    CHECK_EQ(bench.outlet.output_mA, 22000);
    CHECK_EQ(ask(0, 0x82), 10 * 1024);
    CHECK_EQ(ask(1, 0x82), 2 * 1024);
}

static void sim_units_answer_at_their_own_addresses(void)
{
    bench_init(&bench, &three);
    bench.talks = false;
    bench_step(&bench);
    for (uint32_t u = 0; u < 4; u++) {
        bench.seen_count = 0;
        bench_send(&bench, id_of(u, 0x81), 0x0132000100000000u);
        bench_collect(&bench);
        CHECK_EQ(bench_count(&bench, 0x0680817Eu | (1u + u) << 16, 0), u < 3 ? 1 : 0);
    }
}

static void sim_units_one_dead_leaves_the_others(void)
{
    start_three(&three);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_UNIT_DEAD, true);
    run_units_ms(3, 500);
    CHECK_EQ(bench.outlet.output_mA, 20000);
    CHECK_EQ(ask(0, 0x82), 10 * 1024);
    CHECK_EQ(ask(2, 0x82), 0);
    CHECK_EQ(bench_count(&bench, 0x0683827Eu, 0), 0);
    run_units_ms(3, 300);
    CHECK(bench_count(&bench, 0x00433F01u, 0) >= 2); // the terminals still tell
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_UNIT_DEAD, false);
    run_units_ms(3, 500);
    CHECK_EQ(bench.outlet.output_mA, 20000); // back, but off
}

static void sim_units_one_not_spoken_to_switches_off_alone(void)
{
    start_three(&three);
    run_units_ms(2, 3200);
    CHECK_EQ(bench.outlet.output_mA, 20000);
    CHECK(bench.outlet.switch_on);
    CHECK(!bench.outlet.unit[2].on);
}

static void sim_units_fault_of_one_unit_is_its_own(void)
{
    start_three(&three);
    sim_outlet_set_unit_fault(&bench.outlet, 1, SIM_FAULT_REFUSE_OFF | SIM_FAULT_HOT, true);
    sim_outlet_set_unit_fault(&bench.outlet, 1, SIM_FAULT_ESTOP, true); // no unit's
    sim_outlet_set_unit_fault(&bench.outlet, 3, SIM_FAULT_HOT, true);   // not there
    CHECK_EQ(bench.outlet.unit[1].faults, SIM_FAULT_REFUSE_OFF | SIM_FAULT_HOT);
    for (uint32_t u = 0; u < 3; u++) {
        bench_send(&bench, id_of(u, 0x81), 0x0132000100000000u);
    }
    run_units_ms(3, 500);
    CHECK_EQ(bench.outlet.output_mA, 10000);
    CHECK(bench.outlet.switch_on);
    CHECK_EQ(ask(1, 0x80), 71 * 1024);
    CHECK(ask(0, 0x80) < 40 * 1024);
    sim_outlet_set_unit_fault(&bench.outlet, 1, SIM_FAULT_REFUSE_OFF, false);
    bench_send(&bench, id_of(1, 0x81), 0x0132000100000000u);
    run_units_ms(3, 500);
    CHECK_EQ(bench.outlet.output_mA, 0);
}

static float terminal_V(void)
{
    uint32_t bits = bench_u32(bench_last(&bench, 0x00433F01u).data);
    float volts;
    memcpy(&volts, &bits, sizeof volts);
    return volts;
}

static void on_with_open_contactor(const sim_config_t *config)
{
    bench_init(&bench, config);
    sim_outlet_plug(&bench.outlet, true);
    bench_run_ms(&bench, 200);
    bench_send(&bench, 0x068181FEu, 0x0132000000000000u);
    bench_run_ms(&bench, 1000);
}

static void sim_units_open_contactor_shows_both_sides(void)
{
    static const sim_config_t behind = {.initial_soc_permille = 500,
                                        .sensor_behind_contactor = true};
    static const sim_config_t before = {.initial_soc_permille = 500};
    on_with_open_contactor(&behind);
    CHECK_EQ(bench.outlet.output_mV, 84000);
    CHECK_EQ(bench.outlet.battery_mV, 75500);
    CHECK(terminal_V() > 75.4f && terminal_V() < 75.6f);
    on_with_open_contactor(&before);
    CHECK(terminal_V() > 83.9f && terminal_V() < 84.1f);
    sim_outlet_plug(&bench.outlet, false);
    CHECK_EQ(bench.outlet.battery_mV, 0);
}

static void sim_units_voltage_step_at_closing_is_kept(void)
{
    static const sim_config_t half = {.initial_soc_permille = 500};
    on_with_open_contactor(&half);
    CHECK_EQ(bench.outlet.closing_mV, 0);
    bench.drive.level[EVSE_OUT_CONTACTOR] = true;
    bench_run_ms(&bench, 100);
    CHECK(bench.outlet.contactor_closed);
    CHECK_EQ(bench.outlet.closing_mV, 84000 - 75500);
    bench_init(&bench, &half); // the module off, nothing at its output
    sim_outlet_plug(&bench.outlet, true);
    bench.drive.level[EVSE_OUT_CONTACTOR] = true;
    bench_run_ms(&bench, 100);
    CHECK_EQ(bench.outlet.closing_mV, 75500);
}

HF_TEST_MAIN(HF_TEST(sim_units_share_the_output), HF_TEST(sim_units_answer_at_their_own_addresses),
             HF_TEST(sim_units_one_dead_leaves_the_others),
             HF_TEST(sim_units_one_not_spoken_to_switches_off_alone),
             HF_TEST(sim_units_fault_of_one_unit_is_its_own),
             HF_TEST(sim_units_open_contactor_shows_both_sides),
             HF_TEST(sim_units_voltage_step_at_closing_is_kept))
