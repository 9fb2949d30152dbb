// SPDX-License-Identifier: MIT
// Commissioning: the machine alone, and on the real control code with a simulated outlet: capped until proven, silence
// and what ends it, a module that never stops, wrong scalings, a power cut, and when none of it is due.
#include "support/control_world.h"

static world_t world;

static const evse_channel_config_t physical = {.physical_bus = true, .units = 1};

// The same outlet, a new control: what a power cut of the controller leaves.
static void boot_control(const evse_channel_config_t *ask)
{
    evse_control_config_t config = {
        .connectors = 1, .io = {&world_io_ops, &world}, .mailbox = &world.mailbox};
    evse_channel_config_t *channel = &config.channel[0];
    *channel = world_channel(&world)->config;
    channel->physical_bus = ask->physical_bus;
    channel->commissioned = ask->commissioned;
    channel->commission_again = ask->commission_again;
    channel->units = ask->units;
    CHECK_EQ(evse_control_init(&world.control, &config), 0);
}

static void boot(const evse_channel_config_t *ask, uint32_t module_timeout_ms)
{
    const sim_config_t sim = {
        .profile = &test_profile, .module_timeout_ms = module_timeout_ms, .units = ask->units};
    world_init(&world);
    sim_outlet_init(&world.outlet, &sim);
    sim_outlet_step(&world.outlet, world.now_us);
    boot_control(ask);
    world_plug(&world);
}

static evse_commission_state_t state(void)
{
    return world_channel(&world)->commission.state;
}

static unsigned frames_to_modules(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world.sent_count; i++) {
        count += world.sent[i].id >> 24 == 0x06;
    }
    return count;
}

static unsigned frames_to_bms(void)
{
    unsigned count = 0;
    for (unsigned i = 0; i < world.sent_count; i++) {
        count += world.sent[i].id == 0x18FF50E5;
    }
    return count;
}

// Ticks until the state is reached; the current stays small all the way.
static bool reach(evse_commission_state_t wanted, unsigned ms)
{
    for (unsigned i = 0; i < ms / 10 && state() != wanted; i++) {
        world_tick(&world);
        if (world.outlet.output_mA > EVSE_COMMISSIONING_MA + 200 ||
            world_channel(&world)->setpoint_mA > EVSE_COMMISSIONING_MA) {
            HF_TEST_FAIL("%d mA in state %d", (int)world.outlet.output_mA, (int)state());
            return false;
        }
    }
    return state() == wanted;
}

static void start_session(uint32_t id)
{
    world_order(&world, EVSE_ORDER_RUN, id);
}

static void reach_silence(void)
{
    start_session(1);
    REQUIRE(reach(EVSE_COMMISSION_SILENT, 30000));
    world_run_ms(&world, 500);
    REQUIRE(state() == EVSE_COMMISSION_SILENT);
    CHECK(world.outlet.output_mA > 4000);
}

static void check_proof(unsigned timeout_ms)
{
    const evse_event_t *event = world_event(&world, EVSE_EVENT_COMMISSIONED);
    REQUIRE(event != NULL);
    // The last frame, the ramp down, the next terminal frame.
    if (event->detail < timeout_ms || event->detail > timeout_ms + 400) {
        HF_TEST_FAIL("measured %u ms of %u ms", event->detail, timeout_ms);
    }
    CHECK_EQ(world_channel(&world)->commission.timeout_ms, event->detail);
    CHECK(world_channel(&world)->commission.agree_permille <= EVSE_COMMISSIONING_AGREE_PERMILLE);
}

static void commission_first_session_proves_and_goes_on_at_full_limits(void) // [SAF-15]
{
    boot(&physical, 3000);
    CHECK_EQ(state(), EVSE_COMMISSION_WAITING);
    start_session(1);
    uint64_t from_us = world.now_us;
    CHECK(reach(EVSE_COMMISSION_SILENT, 30000));
    CHECK(world.now_us - from_us >= EVSE_COMMISSIONING_AGREE_MS * HF_US_PER_MS);
    CHECK(reach(EVSE_COMMISSION_RESTARTING, 6000));
    check_proof(3000);
    CHECK(reach(EVSE_COMMISSION_NONE, 3000));
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 8000));
    world_run_ms(&world, 6000);
    CHECK(world.outlet.output_mA > 29000);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_COMMISSIONED), 1);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_ENERGIZED), 2);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), 0);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_FAULT), 0);
    CHECK_EQ(world_channel(&world)->session_id, 1);
    CHECK_EQ(world.outlet.hot_openings, 0);
}

static void commission_measures_other_timeouts(void) // [SAF-15]
{
    static const uint32_t timeouts_ms[] = {1000, 5000, 9000};
    for (unsigned i = 0; i < HF_COUNT_OF(timeouts_ms); i++) {
        boot(&physical, timeouts_ms[i]);
        start_session(1);
        CHECK(reach(EVSE_COMMISSION_RESTARTING, 40000));
        check_proof(timeouts_ms[i]);
        CHECK_EQ(world_count_events(&world, EVSE_EVENT_FAULT), 0);
    }
}

static void commission_of_several_units_shares_the_little_current(void) // [SAF-15]
{
    const evse_channel_config_t ask = {.physical_bus = true, .units = 3};
    boot(&ask, 3000);
    start_session(1);
    CHECK(reach(EVSE_COMMISSION_SILENT, 30000));
    for (unsigned u = 0; u < 3; u++) {
        CHECK(world.outlet.unit[u].set_mA <= EVSE_COMMISSIONING_MA / 3);
    }
    CHECK(reach(EVSE_COMMISSION_RESTARTING, 6000));
    check_proof(3000);
}

static void commission_silence_is_of_the_modules_alone(void) // [SAF-15]
{
    unsigned bms = 0, ticks = 0;
    boot(&physical, 3000);
    start_session(1);
    REQUIRE(reach(EVSE_COMMISSION_ANNOUNCED, 30000));
    bool heard[2] = {false, false}; // both ids in the last tick before it
    for (unsigned i = 0; i < world.sent_count; i++) {
        heard[0] |= world.sent[i].id == 0x068181FE;
        heard[1] |= world.sent[i].id == 0x068182FE;
    }
    CHECK(heard[0] && heard[1]);
    world_tick(&world);
    CHECK_EQ(state(), EVSE_COMMISSION_SILENT);
    for (; state() == EVSE_COMMISSION_SILENT && ticks < 1000; ticks++) {
        if (frames_to_modules() != 0) {
            HF_TEST_FAIL("a frame to the modules after %u ticks of silence", ticks);
        }
        bms += frames_to_bms();
        CHECK(world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
        world_tick(&world);
    }
    CHECK_EQ(state(), EVSE_COMMISSION_RESTARTING);
    CHECK(bms >= ticks / 11);                     // every 100 ms
    CHECK_EQ(world_sent_switch(&world, true), 0); // it went off by itself: no ON may wake it
    CHECK_EQ(world_sent_switch(&world, false), 1);
}

static void commission_module_that_never_stops_is_a_fault(void) // [SAF-15]
{
    boot(&physical, UINT32_MAX);
    start_session(1);
    CHECK(reach(EVSE_COMMISSION_SILENT, 30000));
    uint64_t from_us = world.now_us;
    CHECK(reach(EVSE_COMMISSION_FAILED, 20000));
    CHECK(world.now_us - from_us <= (EVSE_COMMISSIONING_SILENCE_MS + 50) * HF_US_PER_MS);
    CHECK_EQ(world_sent_switch(&world, false), 1); // in this very tick
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_COMMISSIONING_FAILED);
    world_run_ms(&world, 1000);
    CHECK(!world.outlet.contactor_closed);
    CHECK(!world.outlet.switch_on);
    const evse_event_t *stopped = world_event(&world, EVSE_EVENT_STOPPED);
    REQUIRE(stopped != NULL);
    CHECK_EQ(stopped->detail, EVSE_STOP_Other);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_COMMISSIONED), 0);
    world_order(&world, EVSE_ORDER_NONE, 0);
    world_run_ms(&world, 15000);
    CHECK_EQ(state(), EVSE_COMMISSION_WAITING); // the next session proves again
    start_session(2);
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 30000));
    CHECK(reach(EVSE_COMMISSION_SILENT, 30000));
}

static void commission_wrong_scaling_stays_at_little_current(void) // [SAF-06] [SAF-15]
{
    boot(&physical, 3000);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_VOLTAGE_X1_1, true);
    start_session(1);
    CHECK(!reach(EVSE_COMMISSION_ANNOUNCED, 60000));
    CHECK_EQ(state(), EVSE_COMMISSION_COMPARING);
    CHECK(world.outlet.output_mA > 4000);
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_COMMISSIONED), 0);
}

static void commission_grossly_wrong_scaling_is_a_fault(void) // [SAF-06] [SAF-15]
{
    boot(&physical, 3000);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CURRENT_X10, true);
    start_session(1);
    CHECK(!reach(EVSE_COMMISSION_ANNOUNCED, 20000));
    CHECK_EQ(world_channel(&world)->fault, EVSE_FAULT_READINGS_DISAGREE);
    CHECK(!world.outlet.switch_on);
}

typedef struct withdrawal {
    const char *name;
    void (*apply)(void);
    bool stops; // the session; else the power alone
} withdrawal_t;

static void press_estop(void)
{
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_ESTOP, true);
}

static void forbid(void)
{
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_BMS_FORBIDS, true);
}

static void unplug(void)
{
    sim_outlet_plug(&world.outlet, false);
}

static void end_order(void)
{
    world_order(&world, EVSE_ORDER_NONE, 0);
}

static void suspend(void)
{
    world.orders.connector[0].session = EVSE_ORDER_SUSPEND;
}

static void lose_terminals(void)
{
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_TERMINAL_SILENT, true);
}

static void commission_every_stop_ends_the_silence_at_once(void) // [SAF-01] [SAF-02] [SAF-15]
{
    static const withdrawal_t withdrawals[] = {
        {"emergency stop", press_estop, true}, {"BMS forbids", forbid, false},
        {"unplugged", unplug, true},           {"ended by order", end_order, true},
        {"suspended", suspend, false},         {"terminals silent", lose_terminals, true},
    };
    for (unsigned i = 0; i < HF_COUNT_OF(withdrawals); i++) {
        boot(&physical, UINT32_MAX);
        reach_silence();
        withdrawals[i].apply();
        unsigned ticks = 0;
        while (state() == EVSE_COMMISSION_SILENT && ticks < 200) { // the cause has to be seen first
            world_tick(&world); // checks: OFF in the tick of the cause
            ticks++;
        }
        if (state() != EVSE_COMMISSION_WAITING || world_sent_switch(&world, false) == 0 ||
            world_sent_switch(&world, true) != 0) {
            HF_TEST_FAIL("%s: state %d after %u ticks", withdrawals[i].name, (int)state(), ticks);
        }
        world_run_ms(&world, 2500);
        CHECK(!world.outlet.switch_on && !world.outlet.contactor_closed);
        CHECK_EQ(world_count_events(&world, EVSE_EVENT_STOPPED), withdrawals[i].stops);
        CHECK_EQ(world_count_events(&world, EVSE_EVENT_COMMISSIONED), 0);
    }
}

static void commission_estop_in_silence_opens_the_contactor_in_its_tick(void) // [SAF-01] [SAF-15]
{
    boot(&physical, UINT32_MAX);
    reach_silence();
    press_estop();
    world_tick(&world);
    CHECK_EQ(world_sent_switch(&world, false), 1);
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_CONTACTOR]);
}

static void commission_reduction_ends_the_silence_and_goes_out(void) // [SAF-04] [SAF-15]
{
    boot(&physical, UINT32_MAX);
    reach_silence();
    world.orders.connector[0].limit_mA = 2000;
    world_tick(&world);
    CHECK_EQ(state(), EVSE_COMMISSION_WAITING);
    CHECK(frames_to_modules() >= 3);
    CHECK_EQ(world_channel(&world)->sent_mA, 2000);
    world_run_ms(&world, 2000);
    CHECK(world.outlet.output_mA <= 2000);
    CHECK_EQ(world_channel(&world)->phase, EVSE_POWER_ON);
    CHECK(reach(EVSE_COMMISSION_SILENT, 20000)); // from the beginning, at 2 A
}

static void commission_cut_in_the_silence_begins_again(void) // [SAF-08] [SAF-15]
{
    boot(&physical, 3000);
    reach_silence();
    boot_control(&physical);
    world.event_count = 0;
    world_tick(&world);
    CHECK_EQ(world_sent_switch(&world, true), 0);
    CHECK(world_sent_switch(&world, false) >= 1);
    world_order(&world, EVSE_ORDER_NONE, 0);
    world_run_ms(&world, 5000);
    CHECK(!world.outlet.switch_on);
    start_session(2);
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 20000));
    CHECK(reach(EVSE_COMMISSION_RESTARTING, 30000));
    check_proof(3000);
}

static void check_no_commissioning(uint32_t id)
{
    world_charge(&world, id);
    CHECK_EQ(state(), EVSE_COMMISSION_NONE);
    CHECK(world.outlet.output_mA > 29000);
}

static void commission_is_not_due_on_a_virtual_bus_or_when_proven(void) // [SAF-15]
{
    const evse_channel_config_t virtual_bus = {.units = 1};
    const evse_channel_config_t proven = {.physical_bus = true, .commissioned = true, .units = 1};
    boot(&virtual_bus, 3000);
    check_no_commissioning(1);
    boot(&proven, 3000);
    check_no_commissioning(1);
}

static void commission_is_repeated_on_request(void) // [SAF-15]
{
    const evse_channel_config_t again = {
        .physical_bus = true, .commissioned = true, .commission_again = true, .units = 1};
    const evse_channel_config_t virtual_bus = {.units = 1};
    boot(&again, 3000);
    start_session(1);
    CHECK(reach(EVSE_COMMISSION_RESTARTING, 40000));
    boot(&virtual_bus, 3000);
    check_no_commissioning(1);
    evse_control_commission(&world.control, 7); // no such connector
    evse_control_commission(&world.control, 0);
    world_run_ms(&world, 2000);
    CHECK(world.outlet.output_mA > 29000); // not in the midst of a session
    world_order(&world, EVSE_ORDER_NONE, 0);
    world_run_ms(&world, 3000);
    start_session(2);
    CHECK(reach(EVSE_COMMISSION_RESTARTING, 40000));
    CHECK_EQ(world_count_events(&world, EVSE_EVENT_COMMISSIONED), 1);
    world_order(&world, EVSE_ORDER_NONE, 0);
    world_run_ms(&world, 5000);
    check_no_commissioning(3); // once
}

static void commission_view_says_what_it_does(void)
{
    evse_snapshot_t snapshot;
    boot(&physical, 3000);
    reach_silence();
    CHECK_EQ(hf_snapshot_read(&world.mailbox.snapshot, &snapshot), 0);
    CHECK_EQ(snapshot.connector[0].commissioning, EVSE_COMMISSION_SILENT);
    CHECK_EQ(snapshot.connector[0].commission_timeout_ms, 0);
    CHECK(reach(EVSE_COMMISSION_NONE, 8000));
    CHECK_EQ(hf_snapshot_read(&world.mailbox.snapshot, &snapshot), 0);
    CHECK(snapshot.connector[0].commission_timeout_ms >= 3000);
    for (unsigned i = 0; i < EVSE_COMMISSION_STATE_COUNT; i++) {
        CHECK(evse_commission_state_text(i)[0] != '\0');
    }
    CHECK_STR(evse_commission_state_text(EVSE_COMMISSION_STATE_COUNT), "unknown");
}

// ---- the machine alone -----------------------------------------------------------------------------------------------

static evse_module_t module;
static evse_commission_t machine;
static evse_commission_inputs_t inputs;
static uint64_t now_us;

static void read_all(int32_t terminal_mA, int32_t module_mA)
{
    module.terminal_mV = module.module_mV = (evse_reading_t){77000, now_us};
    module.terminal_mA = (evse_reading_t){terminal_mA, now_us};
    module.module_mA = (evse_reading_t){module_mA, now_us};
}

static evse_commission_result_t step_after(uint64_t ms)
{
    now_us += ms * HF_US_PER_MS;
    read_all(module.terminal_mA.value, module.module_mA.value);
    return evse_commission_step(&machine, &inputs, now_us);
}

static void begin_machine(const char *profile)
{
    CHECK_EQ(evse_module_init(&module, evse_module_profile_find(profile), 1), 0);
    machine = (evse_commission_t){.state = EVSE_COMMISSION_NONE};
    inputs = (evse_commission_inputs_t){
        .module = &module, .session = true, .on = true, .permitted = true, .sent = true};
    now_us = 1000000;
    evse_commission_want(&machine);
}

static void commission_apart_is_of_the_larger_and_rounded_up(void)
{
    CHECK_EQ(evse_commission_apart_permille(5000, 5000, 1000), 0);
    CHECK_EQ(evse_commission_apart_permille(5000, 4750, 1000), 50);
    CHECK_EQ(evse_commission_apart_permille(4749, 5000, 1000), 51);
    CHECK_EQ(evse_commission_apart_permille(999, 1000, 1000), UINT32_MAX);
    CHECK_EQ(evse_commission_apart_permille(-5000, -5000, -10000), UINT32_MAX);
    CHECK_EQ(evse_commission_apart_permille(INT32_MAX, 1000, 1000), 1000);
}

static void commission_agreement_is_of_one_piece(void) // [SAF-15]
{
    begin_machine("m33-1024");
    read_all(5000, 4800);
    step_after(10);
    CHECK_EQ(machine.state, EVSE_COMMISSION_COMPARING);
    step_after(EVSE_COMMISSIONING_AGREE_MS - 100);
    module.module_mA.value = 4700; // 6 % for one tick
    step_after(10);
    module.module_mA.value = 4800;
    step_after(200);
    CHECK_EQ(machine.state, EVSE_COMMISSION_COMPARING);
    step_after(EVSE_COMMISSIONING_AGREE_MS - 210);
    CHECK_EQ(machine.state, EVSE_COMMISSION_COMPARING);
    step_after(10);
    CHECK_EQ(machine.state, EVSE_COMMISSION_ANNOUNCED);
    CHECK_EQ(machine.agree_permille, 40);
}

static void commission_without_power_or_permission_begins_again(void) // [SAF-15]
{
    bool *const conditions[] = {&inputs.session, &inputs.on, &inputs.permitted};
    for (unsigned i = 0; i < 2 * HF_COUNT_OF(conditions); i++) {
        begin_machine("m33-1024");
        read_all(5000, 5000);
        step_after(10);
        if (i % 2 == 0) {
            step_after(EVSE_COMMISSIONING_AGREE_MS);
            step_after(10);
            CHECK_EQ(machine.state, EVSE_COMMISSION_SILENT);
        }
        *conditions[i / 2] = false;
        CHECK_EQ(step_after(10), EVSE_COMMISSION_NOTHING);
        CHECK_EQ(machine.state, EVSE_COMMISSION_WAITING);
        CHECK_EQ(step_after(10), EVSE_COMMISSION_NOTHING);
        CHECK_EQ(machine.state, EVSE_COMMISSION_WAITING);
    }
}

static void commission_stale_readings_prove_nothing(void) // [SAF-15]
{
    begin_machine("m33-1024");
    read_all(5000, 5000);
    step_after(10);
    for (unsigned ms = 0; ms < 60000; ms += 10) { // the modules stopped answering
        now_us += 10 * HF_US_PER_MS;
        module.terminal_mV.stamp_us = module.terminal_mA.stamp_us = now_us;
        CHECK_EQ(evse_commission_step(&machine, &inputs, now_us), EVSE_COMMISSION_NOTHING);
    }
    CHECK_EQ(machine.state, EVSE_COMMISSION_COMPARING);
    CHECK_EQ(evse_commission_limit_mA(&machine), EVSE_COMMISSIONING_MA);
}

static void commission_little_current_proves_nothing(void) // [SAF-15]
{
    begin_machine("m33-1024");
    read_all(900, 900); // a battery that is nearly full
    for (unsigned i = 0; i < 600; i++) {
        step_after(100);
    }
    CHECK_EQ(machine.state, EVSE_COMMISSION_COMPARING);
}

static void fall_silent(void)
{
    read_all(5000, 5000);
    step_after(10);
    step_after(EVSE_COMMISSIONING_AGREE_MS);
    CHECK_EQ(machine.state, EVSE_COMMISSION_ANNOUNCED);
    step_after(10);
    CHECK_EQ(machine.state, EVSE_COMMISSION_SILENT);
}

static void commission_silence_begins_when_the_last_frame_left(void) // [SAF-15]
{
    begin_machine("m33-1024");
    read_all(5000, 5000);
    step_after(10);
    step_after(EVSE_COMMISSIONING_AGREE_MS);
    inputs.sent = false; // the driver is busy
    step_after(10);
    step_after(30);
    CHECK_EQ(machine.state, EVSE_COMMISSION_ANNOUNCED);
    inputs.sent = true;
    step_after(10);
    CHECK_EQ(machine.state, EVSE_COMMISSION_SILENT);
    module.terminal_mA.value = 0;
    CHECK_EQ(step_after(3000), EVSE_COMMISSION_PROVEN);
    CHECK_EQ(machine.timeout_ms, 3010);
    CHECK_EQ(evse_commission_limit_mA(&machine), 0);
    CHECK_EQ(step_after(10), EVSE_COMMISSION_NOTHING);
    inputs.off = true;
    CHECK_EQ(step_after(10), EVSE_COMMISSION_NOTHING);
    CHECK_EQ(machine.state, EVSE_COMMISSION_NONE);
    CHECK_EQ(evse_commission_limit_mA(&machine), INT32_MAX);
}

static void commission_current_that_tapers_is_no_timeout(void) // [SAF-15]
{
    begin_machine("m33-1024");
    fall_silent();
    now_us += 10 * HF_US_PER_MS;
    module.terminal_mA.value = 950; // the battery is full, the module still says ON
    module.terminal_status = (evse_reading_t){1, now_us};
    CHECK_EQ(step_after(0), EVSE_COMMISSION_NOTHING);
    CHECK_EQ(machine.state, EVSE_COMMISSION_SILENT);
    module.terminal_status.value = 0;
    CHECK_EQ(step_after(0), EVSE_COMMISSION_PROVEN);
}

static void commission_silence_is_bounded(void) // [SAF-15]
{
    begin_machine("m33-1024");
    fall_silent();
    CHECK_EQ(step_after(EVSE_COMMISSIONING_SILENCE_MS - 10), EVSE_COMMISSION_NOTHING);
    CHECK_EQ(step_after(10), EVSE_COMMISSION_REFUTED);
    CHECK_EQ(evse_commission_limit_mA(&machine), 0);
    inputs.session = false;
    step_after(10);
    CHECK_EQ(machine.state, EVSE_COMMISSION_WAITING);
}

static void commission_without_a_second_meter_is_refused(void) // [SAF-15]
{
    begin_machine("r4850");
    inputs.on = false;
    inputs.session = false;
    CHECK_EQ(step_after(10), EVSE_COMMISSION_NOTHING);
    inputs.session = true;
    CHECK_EQ(step_after(10), EVSE_COMMISSION_REFUTED); // before any power
    CHECK_EQ(evse_commission_limit_mA(&machine), 0);
}

HF_TEST_MAIN(HF_TEST(commission_first_session_proves_and_goes_on_at_full_limits),
             HF_TEST(commission_measures_other_timeouts),
             HF_TEST(commission_of_several_units_shares_the_little_current),
             HF_TEST(commission_silence_is_of_the_modules_alone),
             HF_TEST(commission_module_that_never_stops_is_a_fault),
             HF_TEST(commission_wrong_scaling_stays_at_little_current),
             HF_TEST(commission_grossly_wrong_scaling_is_a_fault),
             HF_TEST(commission_every_stop_ends_the_silence_at_once),
             HF_TEST(commission_estop_in_silence_opens_the_contactor_in_its_tick),
             HF_TEST(commission_reduction_ends_the_silence_and_goes_out),
             HF_TEST(commission_cut_in_the_silence_begins_again),
             HF_TEST(commission_is_not_due_on_a_virtual_bus_or_when_proven),
             HF_TEST(commission_is_repeated_on_request), HF_TEST(commission_view_says_what_it_does),
             HF_TEST(commission_apart_is_of_the_larger_and_rounded_up),
             HF_TEST(commission_agreement_is_of_one_piece),
             HF_TEST(commission_without_power_or_permission_begins_again),
             HF_TEST(commission_stale_readings_prove_nothing),
             HF_TEST(commission_little_current_proves_nothing),
             HF_TEST(commission_silence_begins_when_the_last_frame_left),
             HF_TEST(commission_current_that_tapers_is_no_timeout),
             HF_TEST(commission_silence_is_bounded),
             HF_TEST(commission_without_a_second_meter_is_refused))
