// SPDX-License-Identifier: MIT
// The faults of the simulated outlet: each is to be seen from outside, does what its name says, and ends when cleared.
#include "hf_test.h"
#include "sim_bench.h"

#define ID_TERMINAL 0x00433F01u
#define ID_STATUS   0x00473F01u
#define ID_ALIVE    0x18FF50E5u
#define ID_CONTROL  0x0681817Eu
#define ID_ANSWER   0x0681827Eu
#define ID_REQUEST  0x1806E5F4u

static bench_t bench;

static void charge(void)
{
    bench_init(&bench, NULL);
    bench_start(&bench);
    bench_run_ms(&bench, 3000);
    REQUIRE(bench.outlet.output_mA == 30000);
}

/// Runs with a fault and forgets what was seen before.
static void with_fault(sim_faults_t fault, uint64_t ms)
{
    sim_outlet_set_fault(&bench.outlet, fault, true);
    bench.seen_count = 0;
    bench_run_ms(&bench, ms);
}

static uint32_t ask(uint8_t signal)
{
    bench.seen_count = 0;
    bench_send(&bench, 0x068182FEu, (uint64_t)0x01 << 56 | (uint64_t)signal << 48);
    bench_collect(&bench);
    return bench_u32(bench_last(&bench, ID_ANSWER).data + 4);
}

static float terminal(unsigned offset)
{
    uint32_t bits = bench_u32(bench_last(&bench, ID_TERMINAL).data + offset);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// ---- every one of them ----

static void mix(uint64_t *digest, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < length; i++) {
        *digest = (*digest ^ bytes[i]) * 0x100000001B3ull; // FNV-1a
    }
}

static sim_outlet_t outlet;

static void talk(uint64_t id_and_time, uint64_t bytes)
{
    evse_can_frame_t frame = bench_frame((uint32_t)id_and_time, bytes);
    sim_outlet_receive_on(&outlet, SIM_BUS_MODULE, &frame);
}

/// What a charger sees in one step, on both buses and at its inputs.
static void look(uint64_t *digest)
{
    bool level[EVSE_INPUT_COUNT] = {false};
    bool told = sim_outlet_inputs(&outlet, level);
    mix(digest, &told, sizeof told);
    mix(digest, level, sizeof level);
    for (unsigned b = 0; b < SIM_BUS_COUNT; b++) {
        evse_can_state_t state = sim_outlet_bus_state(&outlet, (sim_bus_t)b);
        evse_can_frame_t frame;
        mix(digest, &state, sizeof state);
        while (sim_outlet_transmit_on(&outlet, (sim_bus_t)b, &frame)) {
            mix(digest, &frame.id, sizeof frame.id);
            mix(digest, &frame.length, sizeof frame.length);
            mix(digest, frame.data, sizeof frame.data);
        }
    }
}

static void speak(unsigned step)
{
    static const uint8_t signals[] = {0x84, 0x82, 0x80};
    talk(0x068182FEu, 0x0100000000000000u | (uint64_t)signals[step % 3u] << 48);
    talk(0x068182FEu + 0x10000u, 0x0182000000000000u);
    if (step == 20 || step == 21) {
        talk(0x068181FEu + 0x10000u * (step - 20u), 0x0100000000015000u);
        talk(0x068181FEu + 0x10000u * (step - 20u), 0x01030000000001CAu); // 15 A
    }
    talk(0x068181FEu, step < 30 || step >= 300 ? 0x0132000100000000u : 0x0132000000000000u);
    talk(0x068281FEu, step < 30 || step >= 300 ? 0x0132000100000000u : 0x0132000000000000u);
}

/// A session of 4 s on two buses with two modules; the fault comes after 2 s.
static uint64_t digest_with(sim_faults_t fault)
{
    static const sim_config_t config = {.profile = &test_profile, .two_buses = true, .units = 2};
    evse_io_drive_t drive = {.live_count = 0};
    uint64_t digest = 0xCBF29CE484222325ull;
    sim_outlet_init(&outlet, &config);
    sim_outlet_plug(&outlet, true);
    for (unsigned step = 0; step < 400; step++) {
        sim_outlet_step(&outlet, outlet.now_us + BENCH_STEP_US);
        if (step == 200) {
            sim_outlet_set_fault(&outlet, fault, true);
        }
        speak(step);
        drive.live_count++;
        drive.level[EVSE_OUT_LOCK] = step < 310;
        // The relay closes late: what keeps it open or closed is to be seen too.
        drive.level[EVSE_OUT_CONTACTOR] = (step > 25 && step < 310) || step > 350;
        sim_outlet_drive(&outlet, &drive);
        look(&digest);
    }
    return digest;
}

static void sim_faults_each_one_is_seen_from_outside(void)
{
    uint64_t good = digest_with(0);
    CHECK_EQ(digest_with(0), good);
    for (unsigned bit = 0; sim_fault_name(bit) != NULL; bit++) {
        if (digest_with((sim_faults_t)1 << bit) == good) {
            HF_TEST_FAIL("nothing to see of %s", sim_fault_name(bit));
        }
    }
}

static void sim_faults_table_is_in_the_order_of_the_bits(void)
{
    for (unsigned bit = 0; sim_fault_name(bit) != NULL; bit++) {
        CHECK(sim_fault_text(bit) != NULL && sim_fault_text(bit)[0] != '\0');
        for (unsigned other = 0; other < bit; other++) {
            CHECK(strcmp(sim_fault_name(bit), sim_fault_name(other)) != 0);
        }
    }
    CHECK_EQ(sim_fault_find("bms-heating"), SIM_FAULT_BMS_HEATING);
    CHECK_EQ(sim_fault_find("undervoltage"), SIM_FAULT_UNDERVOLTAGE);
    CHECK(sim_fault_is_of_unit(SIM_FAULT_HOT) && !sim_fault_is_of_unit(SIM_FAULT_NAN));
    CHECK(sim_fault_text(64) == NULL);
}

// ---- silence ----

static void sim_faults_silence_takes_only_what_it_names(void)
{
    charge();
    with_fault(SIM_FAULT_TERMINAL_SILENT, 1000);
    CHECK_EQ(bench_count(&bench, ID_TERMINAL, 0) + bench_count(&bench, ID_STATUS, 0), 0);
    CHECK(bench_count(&bench, ID_ALIVE, 0) > 0 && bench_count(&bench, ID_ANSWER, 0) > 0);
    charge();
    with_fault(SIM_FAULT_HEARTBEAT_SILENT, 1000);
    CHECK_EQ(bench_count(&bench, ID_ALIVE, 0), 0);
    CHECK(bench_count(&bench, ID_TERMINAL, 0) > 0);
    charge();
    with_fault(SIM_FAULT_TELEMETRY_SILENT, 1000);
    CHECK_EQ(bench_count(&bench, ID_ANSWER, 0), 0);
    CHECK(bench_count(&bench, ID_CONTROL, 0) > 0);
    charge();
    with_fault(SIM_FAULT_ANSWERS_SILENT, 1000);
    CHECK_EQ(bench_count(&bench, ID_CONTROL, 0), 0);
    CHECK(bench_count(&bench, ID_ANSWER, 0) > 0);
    bench_off(&bench);
    bench_run_ms(&bench, 300);
    CHECK_EQ(bench.outlet.output_mA, 0); // obeyed without a word
}

static void sim_faults_dead_module_neither_speaks_nor_delivers(void)
{
    charge();
    with_fault(SIM_FAULT_MODULE_DEAD, 1000);
    CHECK_EQ(bench.outlet.output_mA, 0);
    CHECK_EQ(bench.seen_count, bench_count(&bench, ID_REQUEST, 0));
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_MODULE_DEAD, false);
    bench_run_ms(&bench, 1000);
    CHECK(!bench.outlet.switch_on); // alive again, and off
    CHECK(bench_count(&bench, ID_TERMINAL, 0) > 0);
}

// ---- values ----

static void sim_faults_stuck_terminal_keeps_its_last_values(void)
{
    charge();
    with_fault(SIM_FAULT_TERMINAL_CURRENT_STUCK, 0);
    bench_off(&bench);
    bench_run_ms(&bench, 1000);
    CHECK_EQ(bench.outlet.output_mA, 0);
    CHECK(terminal(4) > 29.9f && terminal(4) < 30.1f);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_TERMINAL_CURRENT_STUCK, false);
    bench_run_ms(&bench, 200);
    CHECK(terminal(4) < 0.01f);
    charge();
    float before = terminal(0);
    with_fault(SIM_FAULT_TERMINAL_VOLTAGE_STUCK, 0);
    bench_off(&bench);
    bench_run_ms(&bench, 1000);
    CHECK(terminal(0) > before - 0.1f && terminal(0) < before + 0.1f);
    CHECK((float)bench.outlet.output_mV < before * 1000.0f - 500.0f);
}

static void sim_faults_stuck_module_keeps_its_last_values(void)
{
    charge();
    uint32_t before = ask(0x82);
    with_fault(SIM_FAULT_READINGS_STUCK | SIM_FAULT_TEMPERATURE_STUCK, 0);
    uint32_t cool = ask(0x80);
    bench_off(&bench);
    bench_run_ms(&bench, 1000);
    CHECK_EQ(ask(0x82), before);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_HOT, true);
    bench_run_ms(&bench, 200);
    CHECK_EQ(ask(0x80), cool); // hot, and does not tell
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_TEMPERATURE_STUCK | SIM_FAULT_READINGS_STUCK,
                         false);
    CHECK_EQ(ask(0x80), 71 * 1024);
    CHECK_EQ(ask(0x82), 0);
}

static void sim_faults_infinity_in_the_terminal_frame(void)
{
    charge();
    with_fault(SIM_FAULT_INF, 200);
    CHECK_EQ(bench_u32(bench_last(&bench, ID_TERMINAL).data), 0x7F800000u);
    CHECK_EQ(bench_u32(bench_last(&bench, ID_TERMINAL).data + 4), 0x7F800000u);
}

static void sim_faults_wrong_scaling_is_the_modules_alone(void)
{
    charge();
    with_fault(SIM_FAULT_CURRENT_X10, 200);
    CHECK(terminal(4) > 29.9f && terminal(4) < 30.1f);
    CHECK_EQ(ask(0x82), 300 * 1024);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_CURRENT_X10, false);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_CURRENT_DIV102, true);
    CHECK(ask(0x82) <= 300 && ask(0x82) >= 299);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_CURRENT_DIV102, false);
    uint32_t right = ask(0x84);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_VOLTAGE_X1_1, true);
    CHECK(ask(0x84) > right * 109 / 100 && ask(0x84) < right * 111 / 100);
}

static void sim_faults_undervoltage_is_real(void)
{
    charge();
    with_fault(SIM_FAULT_UNDERVOLTAGE, 200);
    CHECK_EQ(bench.outlet.output_mV, 40000);
    CHECK(terminal(0) > 39.9f && terminal(0) < 40.1f);
}

// ---- power ----

static void sim_faults_overcurrent_ignores_the_setpoint(void)
{
    charge();
    with_fault(SIM_FAULT_OVERCURRENT, 1000);
    CHECK_EQ(bench.outlet.output_mA, test_profile.rated_mA * 5 / 4);
    CHECK(terminal(4) > 41.0f);
    bench_off(&bench);
    bench_run_ms(&bench, 500);
    CHECK_EQ(bench.outlet.output_mA, 0); // OFF it obeys
}

static void sim_faults_lied_off_is_confirmed_and_flows(void)
{
    charge();
    with_fault(SIM_FAULT_OFF_LIED, 0);
    bench_off(&bench);
    bench_collect(&bench);
    CHECK_EQ(bench_last(&bench, ID_CONTROL).data[1], 0x32);
    CHECK_EQ(bench_last(&bench, ID_CONTROL).data[3], 1);
    bench_run_ms(&bench, 1000);
    CHECK_EQ(bench.outlet.output_mA, 30000);
}

// ---- contactor, lock, loop ----

static void sim_faults_lying_feedback_and_stuck_lock(void)
{
    bool level[EVSE_INPUT_COUNT];
    charge();
    with_fault(SIM_FAULT_FEEDBACK_OPEN, 100);
    CHECK(sim_outlet_inputs(&bench.outlet, level));
    CHECK(!level[EVSE_IN_CONTACTOR_FEEDBACK] && bench.outlet.contactor_closed);
    with_fault(SIM_FAULT_LOCK_STUCK, 0);
    bench.drive.level[EVSE_OUT_LOCK] = false;
    bench_run_ms(&bench, 500);
    CHECK(bench.outlet.locked);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_LOCK_STUCK, false);
    bench_run_ms(&bench, 50);
    CHECK(!bench.outlet.locked);
}

static void sim_faults_wire_break_opens_the_loop_without_the_button(void)
{
    bool level[EVSE_INPUT_COUNT];
    bench_init(&bench, NULL);
    with_fault(SIM_FAULT_ESTOP_WIRE, 100);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_ESTOP, true);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_ESTOP, false); // pressed and released
    CHECK(sim_outlet_inputs(&bench.outlet, level));
    CHECK(!level[EVSE_IN_ESTOP]);
    sim_outlet_set_fault(&bench.outlet, SIM_FAULT_ESTOP_WIRE, false);
    CHECK(sim_outlet_inputs(&bench.outlet, level));
    CHECK(level[EVSE_IN_ESTOP]);
}

static void sim_faults_hot_unplug_is_counted(void)
{
    charge();
    sim_outlet_plug(&bench.outlet, false);
    CHECK_EQ(bench.outlet.hot_unplugs, 1);
    CHECK_EQ(bench.outlet.output_mA, 0);
    sim_outlet_plug(&bench.outlet, true);
    sim_outlet_plug(&bench.outlet, false);
    CHECK_EQ(bench.outlet.hot_unplugs, 1); // nothing flowed
}

static void sim_faults_buttons_are_inputs(void)
{
    bool level[EVSE_INPUT_COUNT];
    bench_init(&bench, NULL);
    sim_outlet_hold_buttons(&bench.outlet, true, false);
    CHECK(sim_outlet_inputs(&bench.outlet, level));
    CHECK(level[EVSE_IN_START_BUTTON] && !level[EVSE_IN_STOP_BUTTON]);
    sim_outlet_hold_buttons(&bench.outlet, false, true);
    CHECK(sim_outlet_inputs(&bench.outlet, level));
    CHECK(!level[EVSE_IN_START_BUTTON] && level[EVSE_IN_STOP_BUTTON]);
}

// ---- BMS ----

static void sim_faults_bms_asks_the_impossible(void)
{
    static const uint8_t most[4] = {0xFF, 0xFF, 0xFF, 0xFF}, none[4] = {0, 0, 0xFF, 0xFF};
    charge();
    with_fault(SIM_FAULT_BMS_IMPOSSIBLE, 2200);
    unsigned seen_most = 0, seen_none = 0;
    for (unsigned i = 0; i < bench.seen_count; i++) {
        bool is_request = bench.seen[i].id == ID_REQUEST;
        seen_most += is_request && memcmp(bench.seen[i].data, most, 4) == 0 ? 1u : 0u;
        seen_none += is_request && memcmp(bench.seen[i].data, none, 4) == 0 ? 1u : 0u;
    }
    CHECK(seen_most >= 1 && seen_none >= 1);
    CHECK_EQ(seen_most + seen_none, bench_count(&bench, ID_REQUEST, 0));
}

static void sim_faults_bms_short_frames_and_heating(void)
{
    charge();
    with_fault(SIM_FAULT_BMS_SHORT, 1000);
    CHECK_EQ(bench_last(&bench, ID_REQUEST).length, 7);
    bench_send(&bench, 0x160B0180u, 0);
    bench_collect(&bench);
    CHECK_EQ(bench_last(&bench, 0x160B8001u).length, 3);
    charge();
    with_fault(SIM_FAULT_BMS_HEATING, 1000);
    CHECK_EQ(bench_last(&bench, ID_REQUEST).data[5], 1);
}

static void sim_faults_request_tells_soc_and_follows_what_is_asked(void)
{
    bench_init(&bench, &(sim_config_t){.request_soc = true, .initial_soc_permille = 500});
    sim_outlet_plug(&bench.outlet, true);
    sim_outlet_set_request(&bench.outlet, 80000, 12300);
    bench_run_ms(&bench, 1000);
    static const uint8_t golden[8] = {0x03, 0x20, 0x00, 0x7B, 0, 0x01, 0xF4, 0};
    CHECK_EQ(memcmp(bench_last(&bench, ID_REQUEST).data, golden, sizeof golden), 0);
}

HF_TEST_MAIN(HF_TEST(sim_faults_each_one_is_seen_from_outside),
             HF_TEST(sim_faults_table_is_in_the_order_of_the_bits),
             HF_TEST(sim_faults_silence_takes_only_what_it_names),
             HF_TEST(sim_faults_dead_module_neither_speaks_nor_delivers),
             HF_TEST(sim_faults_stuck_terminal_keeps_its_last_values),
             HF_TEST(sim_faults_stuck_module_keeps_its_last_values),
             HF_TEST(sim_faults_infinity_in_the_terminal_frame),
             HF_TEST(sim_faults_wrong_scaling_is_the_modules_alone),
             HF_TEST(sim_faults_undervoltage_is_real),
             HF_TEST(sim_faults_overcurrent_ignores_the_setpoint),
             HF_TEST(sim_faults_lied_off_is_confirmed_and_flows),
             HF_TEST(sim_faults_lying_feedback_and_stuck_lock),
             HF_TEST(sim_faults_wire_break_opens_the_loop_without_the_button),
             HF_TEST(sim_faults_hot_unplug_is_counted), HF_TEST(sim_faults_buttons_are_inputs),
             HF_TEST(sim_faults_bms_asks_the_impossible),
             HF_TEST(sim_faults_bms_short_frames_and_heating),
             HF_TEST(sim_faults_request_tells_soc_and_follows_what_is_asked))
