// SPDX-License-Identifier: MIT
// The simulated vehicle: its requests, its counters, a battery that fills.
#include "hf_test.h"
#include "sim_bench.h"

static bench_t bench;

static void sim_vehicle_plugged_asks_every_500_ms(void)
{
    bench_init(&bench, NULL);
    sim_outlet_plug(&bench.outlet, true);
    bench_run_ms(&bench, 10000);
    unsigned count = bench_count(&bench, 0x1806E5F4u, 0);
    CHECK(count >= 19 && count <= 21);
    evse_can_frame_t request = bench_last(&bench, 0x1806E5F4u);
    static const uint8_t golden[8] = {0x03, 0x48, 0x01, 0x2C, 0, 0, 0, 0}; // 84.0 V, 30.0 A
    CHECK_EQ(memcmp(request.data, golden, sizeof golden), 0);
    sim_outlet_plug(&bench.outlet, false);
    unsigned from = bench.seen_count;
    bench_run_ms(&bench, 2000);
    CHECK_EQ(bench_count(&bench, 0x1806E5F4u, from), 0);
}

static void sim_vehicle_counters_give_the_charge(void)
{
    bench_init(&bench, &(sim_config_t){.initial_soc_permille = 500});
    bench_send(&bench, 0x160B0180u, 0);
    bench_collect(&bench);
    CHECK_EQ(bench.seen_count, 0); // unplugged
    sim_outlet_plug(&bench.outlet, true);
    bench_send(&bench, 0x160B0180u, 0);
    bench_send(&bench, 0x160D0180u, 0);
    bench_collect(&bench);
    REQUIRE(bench.seen_count == 2);
    CHECK_EQ(bench.seen[0].id, 0x160B8001u);
    CHECK_EQ(bench.seen[1].id, 0x160D8001u);
    CHECK_EQ(bench_u32(bench.seen[0].data) - bench_u32(bench.seen[1].data), 15000);
}

static void sim_vehicle_faults_silence_and_forbid(void)
{
    bench_init(&bench, NULL);
    sim_outlet_plug(&bench.outlet, true);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_BMS_FORBIDS, true);
    bench_run_ms(&bench, 1000);
    CHECK_EQ(bench_last(&bench, 0x1806E5F4u).data[4], 1);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_BMS_FORBIDS, false);
    bench_run_ms(&bench, 1000);
    CHECK_EQ(bench_last(&bench, 0x1806E5F4u).data[4], 0);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_BMS_SILENT, true);
    unsigned from = bench.seen_count;
    bench_send(&bench, 0x160B0180u, 0);
    bench_run_ms(&bench, 2000);
    CHECK_EQ(bench_count(&bench, 0x1806E5F4u, from), 0);
    CHECK_EQ(bench_count(&bench, 0x160B8001u, from), 0);
}

static void sim_vehicle_charging_fills_the_battery(void)
{
    bench_init(&bench, &(sim_config_t){.battery_mAh = 1000, .initial_soc_permille = 500});
    bench_start(&bench);
    bench_run_ms(&bench, 2000);
    uint32_t before = sim_outlet_soc_permille(&bench.outlet);
    int32_t before_mV = bench.outlet.output_mV;
    bench_run_ms(&bench, 12000); // 30 A x 12 s are 100 mAh
    uint32_t after = sim_outlet_soc_permille(&bench.outlet);
    CHECK(after - before >= 99 && after - before <= 101);
    CHECK(bench.outlet.output_mV > before_mV);
}

/// What the BMS of a full battery says is obeyed here as the charger would.
static void follow_request(void)
{
    evse_can_frame_t request = bench_last(&bench, 0x1806E5F4u);
    uint32_t tenths = (uint32_t)request.data[2] << 8 | request.data[3];
    bench_send(&bench, 0x068181FEu, 0x0103000000000000u | (uint64_t)tenths * 305u / 100u);
    if (request.data[4] != 0) {
        bench_off(&bench);
    }
}

static void sim_vehicle_near_full_tapers_then_forbids(void)
{
    bench_init(&bench, &(sim_config_t){.battery_mAh = 500, .initial_soc_permille = 940});
    bench_start(&bench);
    int32_t least_mA = INT32_MAX;
    for (unsigned i = 0; i < 12000 && !bench.outlet.full; i++) {
        bench_step(&bench);
        follow_request();
        if (bench.outlet.now_us > 2500000u && bench.outlet.output_mA < least_mA) {
            least_mA = bench.outlet.output_mA;
        }
        bench.seen_count = bench.seen_count > 2000 ? 0 : bench.seen_count;
    }
    CHECK(bench.outlet.full);
    CHECK(least_mA < 5000);
    bench_run_ms(&bench, 1000);
    evse_can_frame_t request = bench_last(&bench, 0x1806E5F4u);
    CHECK_EQ(request.data[2], 0);
    CHECK_EQ(request.data[3], 0);
    CHECK_EQ(request.data[4], 1);
    CHECK_EQ(sim_outlet_soc_permille(&bench.outlet), 1000);
}

static void sim_vehicle_replugged_begins_at_its_initial_charge(void)
{
    bench_init(&bench, &(sim_config_t){.battery_mAh = 100, .initial_soc_permille = 999});
    bench_start(&bench);
    bench_run_ms(&bench, 3000);
    CHECK(bench.outlet.full);
    sim_outlet_plug(&bench.outlet, false);
    sim_outlet_plug(&bench.outlet, true);
    CHECK(!bench.outlet.full);
    CHECK_EQ(sim_outlet_soc_permille(&bench.outlet), 999);
}

static void sim_vehicle_low_voltage_setpoint_limits_the_current(void)
{
    bench_init(&bench, &(sim_config_t){.initial_soc_permille = 500}); // 75.5 V at rest
    bench_start(&bench);
    bench.talks = false;
    for (unsigned i = 0; i < 300; i++) {
        bench_send(&bench, 0x068182FEu, 0x0184000000000000u);
        bench_send(&bench, 0x068181FEu, 0x0100000000013000u); // 76 V
        bench_step(&bench);
    }
    // (76 - 75.5) V over 60 mOhm
    CHECK(bench.outlet.output_mA >= 8000 && bench.outlet.output_mA <= 8500);
    CHECK(bench.outlet.output_mV >= 75990 && bench.outlet.output_mV <= 76010);
}

HF_TEST_MAIN(HF_TEST(sim_vehicle_plugged_asks_every_500_ms),
             HF_TEST(sim_vehicle_counters_give_the_charge),
             HF_TEST(sim_vehicle_faults_silence_and_forbid),
             HF_TEST(sim_vehicle_charging_fills_the_battery),
             HF_TEST(sim_vehicle_near_full_tapers_then_forbids),
             HF_TEST(sim_vehicle_replugged_begins_at_its_initial_charge),
             HF_TEST(sim_vehicle_low_voltage_setpoint_limits_the_current))
