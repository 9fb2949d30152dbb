// SPDX-License-Identifier: MIT
// The memory that readings take is used up in the middle of a session while the central system is away. Stated: they go
// to the journal instead, the session goes on, is stopped and billed, others follow; once the central system is back
// everything is delivered in order. (A full journal: unit_session, unit_store.)
#include "hf_test.h"
#include "world.h"

static world_t world;

static bool charging(world_t *w)
{
    return world_connector(w, 0).state == EVSE_STATE_Charging;
}

static bool preparing(world_t *w)
{
    return world_connector(w, 0).state == EVSE_STATE_Preparing;
}

static bool available(world_t *w)
{
    return world_connector(w, 0).state == EVSE_STATE_Available;
}

static bool accepted(world_t *w)
{
    return w->evse.ocpp.registration == EVSE_REGISTRATION_ACCEPTED && w->station >= 0;
}

static bool delivered(world_t *w)
{
    return accepted(w) && world_comms(w).queue == 0;
}

static hf_pool_stats_t pool(unsigned which)
{
    return world_comms(&world).pool[which];
}

/// A world whose central system is away, and which may charge without it.
static bool begin_alone(uint64_t seed, const char *setting)
{
    const world_config_t config = {
        .connectors = 1, .seed = seed, .utc_ms = 1767225600000u, .clock_known = true};
    CHECK_EQ(world_init(&world, &config), HF_OK);
    bool there = world_run_until(&world, accepted, 10000) &&
                 world_csms(&world, "set-config CP1 AllowOfflineTxForUnknownId true") == HF_OK;
    world_run_ms(&world, 1000);
    there = there && world_csms(&world, setting) == HF_OK;
    world_run_ms(&world, 1000);
    world_set_reachable(&world, false);
    return there;
}

/// Plugs in and shows a card. True when power flows.
static bool start_session(void)
{
    sim_outlet_plug(&world.outlet[0], true);
    CHECK(world_run_until(&world, preparing, 5000));
    world_run_ms(&world, 1000);
    (void)!world_present_tag(&world, 0, "TAG1"); // whether that was enough is what the state tells
    return world_run_until(&world, charging, 20000);
}

static void end_session(void)
{
    sim_outlet_plug(&world.outlet[0], false);
    CHECK(world_run_until(&world, available, 10000));
}

/// Sessions of a few seconds until one is refused. Returns how many charged.
static uint32_t charge_until_refused(uint32_t most)
{
    uint32_t sessions = 0;
    while (sessions < most && start_session()) {
        sessions++;
        world_run_ms(&world, 3000);
        end_session();
    }
    end_session();
    return sessions;
}

static void come_back_and_judge(uint32_t sessions)
{
    world_set_reachable(&world, true);
    CHECK(world_run_until(&world, delivered, 1800000));
    uint32_t starts = 0, stops = 0;
    for (uint32_t i = 0; i < world.csms.entries; i++) {
        const csms_entry_t *entry = &world.csms.ledger[i];
        CHECK_EQ(entry->conflicts, 0);
        starts += entry->kind == CSMS_LEDGER_START ? 1u : 0u;
        stops += entry->kind == CSMS_LEDGER_STOP ? 1u : 0u;
    }
    CHECK_EQ(starts, sessions);
    CHECK_EQ(stops, sessions);
    CHECK_EQ(pool(EVSE_POOL_MESSAGES).in_use, 0);
    CHECK_EQ(world.evse.store.lost, 0);
    CHECK(start_session()); // and the charge point serves again
    end_session();
}

static void pools_exhausted_readings_are_journalled_and_sessions_go_on(void)
{
    REQUIRE(begin_alone(12, "set-config CP1 MeterValueSampleInterval 2"));
    REQUIRE(start_session());
    uint32_t capacity = pool(EVSE_POOL_MESSAGES).capacity;
    world_run_ms(&world, 4000u * capacity); // twice as many as memory holds
    CHECK(charging(&world));
    CHECK(world_comms(&world).queue > capacity);
    CHECK(pool(EVSE_POOL_MESSAGES).in_use <= capacity);
    end_session();
    uint32_t sessions = 1u + charge_until_refused(6);
    CHECK_EQ(sessions, 7);
    CHECK_EQ(world.evse.store.thinned, 0);
    CHECK_EQ(world.evse.ocpp.samples_dropped, 0);
    CHECK_EQ(world.outlet[0].contactor_closed, false);
    come_back_and_judge(sessions);
}

HF_TEST_MAIN(HF_TEST(pools_exhausted_readings_are_journalled_and_sessions_go_on))
