// SPDX-License-Identifier: MIT
// The simulated power module: frames against the golden vectors of docs/SPEC.md, ramps, its own OFF.
#include "hf_test.h"
#include "sim_bench.h"

static bench_t bench;

static void sim_module_unasked_sends_terminals_and_heartbeat(void)
{
    bench_init(&bench, NULL);
    bench.talks = false;
    bench_run_ms(&bench, 10000);
    unsigned power = bench_count(&bench, 0x00433F01u, 0);
    CHECK(power >= 99 && power <= 101);
    CHECK_EQ(bench_count(&bench, 0x00473F01u, 0), power);
    unsigned heartbeats = bench_count(&bench, 0x18FF50E5u, 0);
    CHECK(heartbeats >= 19 && heartbeats <= 21);
    evse_can_frame_t status = bench_last(&bench, 0x00473F01u);
    CHECK_EQ(status.data[6], 3);
    CHECK_EQ(status.data[7], 1);
    CHECK_EQ(bench_count(&bench, 0x1806E5F4u, 0), 0); // no vehicle yet
}

static void sim_module_commands_are_answered_within_10_ms(void)
{
    bench_init(&bench, NULL);
    bench_step(&bench);
    unsigned from = bench.seen_count;
    bench_send(&bench, 0x068181FEu, 0x0103000000000393u);
    bench_step(&bench);
    CHECK(bench_count(&bench, 0x0681817Eu, from) >= 1);
    CHECK_EQ(bench.outlet.set_mA, 30000);
    CHECK_EQ(bench.outlet.set_mV, 84000);
    CHECK_EQ(bench.seen[from].id, 0x0681817Eu);
    CHECK_EQ(bench.seen[from].data[1], 3);
    CHECK_EQ(bench_u32(bench.seen[from].data + 4), 0x393);
}

static void sim_module_other_address_ignored(void)
{
    bench_init(&bench, NULL);
    bench.talks = false;
    bench_step(&bench);
    unsigned from = bench.seen_count;
    bench_send(&bench, 0x068281FEu, 0x0132000000000000u);
    evse_can_frame_t standard = bench_frame(0x068181FEu, 0x0132000000000000u);
    standard.extended = false;
    sim_outlet_receive(&bench.outlet, &standard);
    evse_can_frame_t shorter = bench_frame(0x068181FEu, 0x0132000000000000u);
    shorter.length = 7;
    sim_outlet_receive(&bench.outlet, &shorter);
    bench_step(&bench);
    CHECK_EQ(bench_count(&bench, 0x0681817Eu, from), 0);
    CHECK(!bench.outlet.switch_on);
}

static void sim_module_on_ramps_up_and_down(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 500);
    CHECK(bench.outlet.output_mA >= 9500 && bench.outlet.output_mA <= 10500); // 20 A/s
    bench_run_ms(&bench, 1500);
    CHECK_EQ(bench.outlet.output_mA, 30000);
    bench_off(&bench);
    bench_run_ms(&bench, 100);
    CHECK(bench.outlet.output_mA >= 9000 && bench.outlet.output_mA <= 11000); // 200 A/s
    bench_run_ms(&bench, 60);
    CHECK_EQ(bench.outlet.output_mA, 0);
    CHECK_EQ(bench.outlet.power_mW, 0);
}

static void sim_module_telemetry_is_what_it_does(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 3000);
    CHECK_EQ(bench_u32(bench_last(&bench, 0x0681827Eu).data + 4),
             ((int64_t)bench.outlet.output_mV * 1024 + 500) / 1000);
    bench_send(&bench, 0x068182FEu, 0x0182000000000000u);
    bench_collect(&bench);
    CHECK_EQ(bench_u32(bench_last(&bench, 0x0681827Eu).data + 4), 30 * 1024);
    bench_send(&bench, 0x068182FEu, 0x0180000000000000u);
    bench_collect(&bench);
    uint32_t temperature = bench_u32(bench_last(&bench, 0x0681827Eu).data + 4);
    CHECK(temperature >= 25 * 1024 && temperature <= 50 * 1024);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_HOT, true);
    bench_run_ms(&bench, 100);
    bench_send(&bench, 0x068182FEu, 0x0180000000000000u);
    bench_collect(&bench);
    CHECK_EQ(bench_u32(bench_last(&bench, 0x0681827Eu).data + 4), 71 * 1024);
}

static void sim_module_terminals_are_floats_big_endian(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 5000);
    evse_can_frame_t frame = bench_last(&bench, 0x00433F01u);
    uint32_t bits = bench_u32(frame.data + 4);
    CHECK_EQ(bits, 0x41F00000u); // 30.0
    bits = bench_u32(frame.data);
    float volts;
    memcpy(&volts, &bits, sizeof volts);
    CHECK(volts > 74.0f && volts < 80.0f);
    CHECK_EQ(bench_last(&bench, 0x00473F01u).data[7], 2);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_NAN, true);
    bench_run_ms(&bench, 200);
    CHECK_EQ(bench_u32(bench_last(&bench, 0x00433F01u).data) & 0x7FC00000u, 0x7FC00000u);
}

static void sim_module_div10_profile_reads_16_bit_tenths(void)
{
    evse_module_profile_t profile = test_profile;
    profile.current_read_counts_per_A = 10;
    profile.current_read_bytes = 2;
    bench_init(&bench, &(sim_config_t){.profile = &profile});
    bench_start(&bench);
    bench_run_ms(&bench, 3000);
    bench_send(&bench, 0x068182FEu, 0x0182000000000000u);
    bench_collect(&bench);
    CHECK_EQ(bench_u32(bench_last(&bench, 0x0681827Eu).data + 4), 300);
}

static void check_off_when_silent(void)
{
    bench_run_ms(&bench, 2900);
    CHECK(bench.outlet.switch_on);
    CHECK(bench.outlet.power_mW > 0);
    bench_run_ms(&bench, 400);
    CHECK(!bench.outlet.switch_on);
    CHECK_EQ(bench.outlet.power_mW, 0);
    bench.talks = true; // hearing it again does not switch it on
    bench_run_ms(&bench, 1000);
    CHECK(!bench.outlet.switch_on);
}

static void sim_module_silent_controller_switches_off(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 2000);
    bench.talks = false;
    check_off_when_silent();
}

static void sim_module_one_request_id_missing_switches_off(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 2000);
    bench.talks = false;
    for (unsigned i = 0; i < 400; i++) {
        bench_send(&bench, 0x068181FEu, 0x0100000000015000u); // control only
        bench_step(&bench);
    }
    CHECK(!bench.outlet.switch_on);
    bench.talks = true;
    bench_start(&bench);
    bench_run_ms(&bench, 100);
    CHECK(bench.outlet.switch_on);
}

static void sim_module_silent_fault_says_nothing_and_obeys(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_MODULE_SILENT, true);
    bench_run_ms(&bench, 100);
    unsigned from = bench.seen_count;
    bench_run_ms(&bench, 2000);
    CHECK_EQ(bench_count(&bench, 0x00433F01u, from), 0);
    CHECK_EQ(bench_count(&bench, 0x0681817Eu, from), 0);
    CHECK(bench_count(&bench, 0x1806E5F4u, from) >= 3); // the BMS still talks
    bench_off(&bench);
    bench_run_ms(&bench, 300);
    CHECK_EQ(bench.outlet.power_mW, 0);
}

static void sim_module_refuse_off_goes_on_and_says_so(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 2000);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_REFUSE_OFF, true);
    bench_off(&bench);
    bench_collect(&bench);
    CHECK_EQ(bench_last(&bench, 0x0681817Eu).data[1], 0x32);
    CHECK_EQ(bench_last(&bench, 0x0681817Eu).data[3], 0);
    bench_run_ms(&bench, 1000);
    CHECK_EQ(bench.outlet.output_mA, 30000);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_REFUSE_OFF, false);
    bench_off(&bench);
    bench_collect(&bench);
    CHECK_EQ(bench_last(&bench, 0x0681817Eu).data[3], 1);
}

static void sim_module_setpoint_above_rating_is_cut(void)
{
    bench_init(&bench, NULL);
    bench_step(&bench);
    bench_send(&bench, 0x068181FEu, 0x01030000FFFFFFFFu);
    CHECK_EQ(bench.outlet.set_mA, test_profile.rated_mA);
    bench_send(&bench, 0x068181FEu, 0x01000000FFFFFFFFu);
    CHECK_EQ(bench.outlet.set_mV, test_profile.rated_mV);
}

HF_TEST_MAIN(HF_TEST(sim_module_unasked_sends_terminals_and_heartbeat),
             HF_TEST(sim_module_commands_are_answered_within_10_ms),
             HF_TEST(sim_module_other_address_ignored), HF_TEST(sim_module_on_ramps_up_and_down),
             HF_TEST(sim_module_telemetry_is_what_it_does),
             HF_TEST(sim_module_terminals_are_floats_big_endian),
             HF_TEST(sim_module_div10_profile_reads_16_bit_tenths),
             HF_TEST(sim_module_silent_controller_switches_off),
             HF_TEST(sim_module_one_request_id_missing_switches_off),
             HF_TEST(sim_module_silent_fault_says_nothing_and_obeys),
             HF_TEST(sim_module_refuse_off_goes_on_and_says_so),
             HF_TEST(sim_module_setpoint_above_rating_is_cut))
