// SPDX-License-Identifier: MIT
// Lights as the control tick drives them: what the outlet's outputs show, and that a hung comms loop darkens the network's.
#include "support/control_world.h"

static world_t world;

static const bool *levels(void)
{
    return world.control.channel[0].drive.level;
}

static void control_lights_show_an_idle_connector(void)
{
    world_init(&world);
    world_run_ms(&world, 2000);
    CHECK(levels()[EVSE_OUT_LIGHT_READY]);
    CHECK(!levels()[EVSE_OUT_LIGHT_CHARGING] && !levels()[EVSE_OUT_LIGHT_FAULT]);
}

static void control_charging_light_follows_the_power(void)
{
    world_init(&world);
    world_plug(&world);
    world_charge(&world, 1);
    CHECK(levels()[EVSE_OUT_LIGHT_CHARGING] && !levels()[EVSE_OUT_LIGHT_READY]);
    world_run_ms(&world, 1500);
    CHECK(levels()[EVSE_OUT_LIGHT_CHARGING]);
}

static void control_network_light_expires_with_the_order(void)
{
    world_init(&world);
    world.orders.connector[0].network = EVSE_NETWORK_ACCEPTED;
    world.orders.connector[0].valid_until_us = world.now_us + 3000000;
    world.keeps_orders = false;
    hf_snapshot_write(&world.mailbox.orders, &world.orders);
    world_run_ms(&world, 1000);
    CHECK(levels()[EVSE_OUT_LIGHT_NETWORK]);
    world_run_ms(&world, 3000); // comms hangs: nobody renews
    CHECK(!levels()[EVSE_OUT_LIGHT_NETWORK]);
}

static void control_fault_light_blinks_with_the_latch(void)
{
    world_init(&world);
    world_run_ms(&world, 1000);
    evse_control_trip(&world.control);
    unsigned on = 0, off = 0;
    for (unsigned i = 0; i < 200; i++) {
        world_run_ms(&world, EVSE_TICK_MS);
        CHECK(!levels()[EVSE_OUT_LIGHT_READY]);
        on += levels()[EVSE_OUT_LIGHT_FAULT] ? 1u : 0u;
        off += levels()[EVSE_OUT_LIGHT_FAULT] ? 0u : 1u;
    }
    CHECK(on > 50 && off > 50);
}

HF_TEST_MAIN(HF_TEST(control_lights_show_an_idle_connector),
             HF_TEST(control_charging_light_follows_the_power),
             HF_TEST(control_network_light_expires_with_the_order),
             HF_TEST(control_fault_light_blinks_with_the_latch))
