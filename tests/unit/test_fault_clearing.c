// SPDX-License-Identifier: MIT
// Ways round a fault's clearing condition: another fault on top of it, another connector's reset, a clock that jumps.
#include "support/control_world.h"

static world_t world, second;

static evse_channel_t *channel(void)
{
    return world_channel(&world);
}

static void disagree(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CURRENT_X10, true);
    world_run_ms(&world, EVSE_DISAGREE_MS + 3000);
    CHECK_EQ(channel()->fault, EVSE_FAULT_READINGS_DISAGREE);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_CURRENT_X10, false);
    world_order(&world, EVSE_ORDER_NONE, 1);
}

static void clearing_by_unplug_outlives_a_graver_fault(void)
{
    disagree();
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_HOT, true);
    world_run_ms(&world, 3000);
    CHECK_EQ(channel()->fault, EVSE_FAULT_OVERTEMPERATURE);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_HOT, false);
    world_run_ms(&world, EVSE_FAULT_LOCK_MS + 60000); // it takes its time to cool
    CHECK(channel()->fault != EVSE_FAULT_NONE); // the vehicle that brought it about is still there
    sim_outlet_plug(&world.outlet, false);
    world_run_ms(&world, EVSE_FAULT_LOCK_MS + 4000);
    CHECK_EQ(channel()->fault, EVSE_FAULT_NONE);
}

static int pair_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    (void)ctx;
    return world_sample(connector == 0 ? &world : &second, connector, now_us, inputs);
}

static bool is_second_reset_known = true;

static int half_sample(void *ctx, unsigned connector, uint64_t now_us, evse_io_inputs_t *inputs)
{
    evse_io_inputs_t before = *inputs;
    int status = pair_sample(ctx, connector, now_us, inputs);
    if (connector == 1 && !is_second_reset_known) { // its line cannot be read
        inputs->level[EVSE_IN_LATCH_RESET] = before.level[EVSE_IN_LATCH_RESET];
        inputs->stamp_us[EVSE_IN_LATCH_RESET] = before.stamp_us[EVSE_IN_LATCH_RESET];
    }
    return status;
}

static int pair_drive(void *ctx, unsigned connector, const evse_io_drive_t *drive)
{
    (void)ctx;
    return world_drive(connector == 0 ? &world : &second, connector, drive);
}

static void pair_run_ms(uint64_t ms)
{
    for (uint64_t i = 0; i < ms / EVSE_TICK_MS; i++) {
        sim_outlet_step(&second.outlet, world.now_us + EVSE_TICK_US);
        world_tick(&world);
    }
}

static void pair_init(const evse_io_ops_t *ops)
{
    world_init(&second);
    world_init(&world);
    evse_control_config_t config = {
        .connectors = 2, .io = {ops, NULL}, .mailbox = &world.mailbox, .estop_latched = true};
    config.channel[0] = world.control.channel[0].config;
    config.channel[1] = config.channel[0];
    config.channel[1].can.ctx = &second;
    CHECK_EQ(evse_control_init(&world.control, &config), 0);
}

// A reset that is stuck is no press, whatever another connector's line says while its own cannot be read.
static void reset_stuck_is_not_pressed_by_a_gap_in_its_reading(void) // [SAF-01]
{
    static const evse_io_ops_t ops = {half_sample, pair_drive};
    pair_init(&ops);
    is_second_reset_known = true;
    sim_outlet_hold_reset(&second.outlet, true);
    pair_run_ms(EVSE_LATCH_RESET_HOLD_MS + 1000);
    CHECK(world.control.estop_latched != 0);
    is_second_reset_known = false;
    pair_run_ms(1000);
    is_second_reset_known = true;
    pair_run_ms(EVSE_LATCH_RESET_HOLD_MS + 1000);
    CHECK(world.control.estop_latched != 0);
    sim_outlet_hold_reset(&second.outlet, false);
    pair_run_ms(100);
    sim_outlet_hold_reset(&second.outlet, true);
    pair_run_ms(EVSE_LATCH_RESET_HOLD_MS + 1000);
    CHECK(world.control.estop_latched == 0);
}

HF_TEST_MAIN(HF_TEST(clearing_by_unplug_outlives_a_graver_fault),
             HF_TEST(reset_stuck_is_not_pressed_by_a_gap_in_its_reading))
