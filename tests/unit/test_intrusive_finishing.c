// SPDX-License-Identifier: MIT
// Finishing with time-outs, which the default configuration does not have: a minute with the plug in, five seconds after
// it has gone. Includes the source, so that both are set here.
#include "holdfast/hf_config.h"

#undef CONFIG_EVSE_FINISHING_PLUGGED_S
#define CONFIG_EVSE_FINISHING_PLUGGED_S 60
#undef CONFIG_EVSE_FINISHING_UNPLUGGED_S
#define CONFIG_EVSE_FINISHING_UNPLUGGED_S 5

#include "src/evse/control/evse_channel.c"
#include "support/control_world.h"

static world_t world;

static evse_connector_state_t state(void)
{
    return world_channel(&world)->state;
}

static void finish_a_session(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 2000);
    CHECK_EQ(state(), EVSE_STATE_Finishing);
}

static void finishing_with_the_plug_in_ends_after_its_time(void)
{
    finish_a_session();
    world_run_ms(&world, 57000);
    CHECK_EQ(state(), EVSE_STATE_Finishing);
    world_run_ms(&world, 3000);
    CHECK_EQ(state(), EVSE_STATE_Preparing); // still plugged: never Available
    world_order(&world, EVSE_ORDER_RUN, 2);
    CHECK(world_reach_phase(&world, EVSE_POWER_ON, 8000));
}

static void finishing_is_shown_for_a_while_after_the_plug_has_gone(void)
{
    finish_a_session();
    sim_outlet_plug(&world.outlet, false);
    world_run_ms(&world, 4900);
    CHECK_EQ(state(), EVSE_STATE_Finishing);
    world_run_ms(&world, 200);
    CHECK_EQ(state(), EVSE_STATE_Available);
}

static void finishing_ends_when_the_next_vehicle_comes(void)
{
    finish_a_session();
    sim_outlet_plug(&world.outlet, false);
    world_run_ms(&world, 1000);
    sim_outlet_plug(&world.outlet, true);
    world_run_ms(&world, 600);
    CHECK_EQ(state(), EVSE_STATE_Preparing);
}

static void finishing_after_an_unplugged_session_has_its_time_too(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    sim_outlet_plug(&world.outlet, false);
    world_order(&world, EVSE_ORDER_NONE, 1);
    world_run_ms(&world, 4000);
    CHECK_EQ(state(), EVSE_STATE_Finishing);
    world_run_ms(&world, 1100);
    CHECK_EQ(state(), EVSE_STATE_Available);
}

static void finishing_of_a_boot_without_a_plug_is_over(void)
{
    world_init(&world);
    world_channel(&world)->finishing = true;
    world_run_ms(&world, 100);
    CHECK_EQ(state(), EVSE_STATE_Available);
    world_init(&world);
    world_channel(&world)->finishing = true;
    sim_outlet_plug(&world.outlet, true);
    world_run_ms(&world, 1000);
    CHECK_EQ(state(), EVSE_STATE_Finishing);
    world_run_ms(&world, 60000);
    CHECK_EQ(state(), EVSE_STATE_Preparing);
}

HF_TEST_MAIN(HF_TEST(finishing_with_the_plug_in_ends_after_its_time),
             HF_TEST(finishing_is_shown_for_a_while_after_the_plug_has_gone),
             HF_TEST(finishing_ends_when_the_next_vehicle_comes),
             HF_TEST(finishing_after_an_unplugged_session_has_its_time_too),
             HF_TEST(finishing_of_a_boot_without_a_plug_is_over))
