// SPDX-License-Identifier: MIT
// The central system goes away and comes back, in stepped time over the whole charge point: nothing is lost, everything
// is delivered in order, nothing needs a restart.
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

static bool finishing(world_t *w)
{
    return world_connector(w, 0).state == EVSE_STATE_Finishing;
}

static bool available(world_t *w)
{
    return world_connector(w, 0).state == EVSE_STATE_Available;
}

static bool accepted(world_t *w)
{
    return w->evse.ocpp.registration == EVSE_REGISTRATION_ACCEPTED && w->station >= 0;
}

static bool ended(world_t *w)
{
    return world_comms(w).sessions_ended != 0;
}

static bool delivered(world_t *w)
{
    return accepted(w) && world_comms(w).queue == 0;
}

static void begin(uint64_t seed, bool clock_known)
{
    const world_config_t config = {
        .connectors = 1, .seed = seed, .utc_ms = 1767225600000u, .clock_known = clock_known};
    CHECK_EQ(world_init(&world, &config), HF_OK);
}

static bool present(const char *tag)
{
    return world_present_tag(&world, 0, tag) == HF_OK;
}

/// A whole session by card, as a driver would without a central system.
static void session_by_card(uint64_t seconds)
{
    sim_outlet_plug(&world.outlet[0], true);
    CHECK(world_run_until(&world, preparing, 5000));
    world_run_ms(&world, 1000); // nobody is faster with a card
    CHECK(present("TAG1"));
    CHECK(world_run_until(&world, charging, 30000));
    world_run_ms(&world, seconds * 1000u);
    CHECK(present("TAG1"));
    CHECK(world_run_until(&world, finishing, 10000));
    sim_outlet_plug(&world.outlet[0], false);
    CHECK(world_run_until(&world, available, 10000));
}

/// Every session: START, then its STOP, then the next; each energy more than nothing; times rising.
static void check_ledger(uint32_t sessions)
{
    const csms_t *csms = &world.csms;
    uint32_t starts = 0, stops = 0;
    int64_t meter_start = 0;
    uint64_t last_utc_ms = 0;
    for (uint32_t i = 0; i < csms->entries; i++) {
        const csms_entry_t *entry = &csms->ledger[i];
        CHECK_EQ(entry->conflicts, 0);
        CHECK(entry->utc_ms >= last_utc_ms);
        last_utc_ms = entry->utc_ms;
        if (entry->kind == CSMS_LEDGER_START) {
            CHECK_EQ(starts, stops);
            starts++;
            meter_start = entry->meter_Wh;
        } else if (entry->kind == CSMS_LEDGER_STOP) {
            stops++;
            CHECK_EQ(starts, stops);
            CHECK(entry->meter_Wh > meter_start);
            CHECK_STR(entry->reason, "Local");
        } else {
            CHECK_EQ(starts, stops + 1);
        }
    }
    CHECK_EQ(starts, sessions);
    CHECK_EQ(stops, sessions);
}

static void reconnect_five_minutes_away_three_sessions_delivered_in_order(void)
{
    begin(1, false);
    REQUIRE(world_run_until(&world, accepted, 10000));
    REQUIRE(world_csms(&world, "set-config CP1 AllowOfflineTxForUnknownId true") == HF_OK);
    world_run_ms(&world, 1000);
    world_set_reachable(&world, false);
    uint64_t away_us = world.now_us;
    for (unsigned i = 0; i < 3; i++) {
        session_by_card(60);
    }
    CHECK_EQ(csms_count(&world.csms, 0, CSMS_LEDGER_START), 0);
    CHECK(world_comms(&world).queue >= 6);
    while (world.now_us - away_us < 300u * HF_US_PER_S) {
        world_step(&world);
    }
    world_set_reachable(&world, true);
    CHECK(world_run_until(&world, delivered, 180000));
    check_ledger(3);
    CHECK_EQ(world.resets, 0);
    CHECK_EQ(world.csms.station[0].boots, 1); // a reconnect is not a reboot
}

static void reconnect_absent_ten_minutes_at_boot_charges_and_delivers_later(void)
{
    begin(2, false);
    REQUIRE(world_run_until(&world, accepted, 10000));
    REQUIRE(world_csms(&world, "set-config CP1 AllowOfflineTxForUnknownId true") == HF_OK);
    world_run_ms(&world, 1000);
    world_kill(&world);
    world_set_reachable(&world, false);
    REQUIRE(world_boot(&world) == HF_OK);
    uint64_t boot_us = world.now_us;
    session_by_card(120);
    session_by_card(60);
    while (world.now_us - boot_us < 600u * HF_US_PER_S) {
        world_step(&world);
    }
    CHECK(!accepted(&world));
    world_set_reachable(&world, true);
    CHECK(world_run_until(&world, delivered, 180000));
    check_ledger(2);
    // The clock was unknown then: the times are right all the same, to the second.
    uint64_t began_ms = 1767225600000u + boot_us / HF_US_PER_MS;
    CHECK(world.csms.ledger[0].utc_ms >= began_ms);
    CHECK(world.csms.ledger[0].utc_ms <= began_ms + 30000u);
    CHECK_EQ(world.resets, 0);
}

static void reconnect_link_lost_in_session_goes_on_charging(void)
{
    begin(3, false);
    REQUIRE(world_run_until(&world, accepted, 10000));
    sim_outlet_plug(&world.outlet[0], true);
    REQUIRE(world_run_until(&world, preparing, 5000));
    REQUIRE(world_csms(&world, "remote-start CP1 1 TAG1") == HF_OK);
    REQUIRE(world_run_until(&world, charging, 30000));
    world_run_ms(&world, 20000);
    world_set_reachable(&world, false);
    for (unsigned i = 0; i < 120; i++) {
        world_run_ms(&world, 1000);
        CHECK_EQ(world_connector(&world, 0).state, EVSE_STATE_Charging);
    }
    world_set_reachable(&world, true);
    CHECK(world_run_until(&world, delivered, 180000));
    CHECK(world_csms(&world, "remote-stop CP1") == HF_OK);
    CHECK(world_run_until(&world, ended, 10000));
    CHECK(world_run_until(&world, delivered, 10000));
    CHECK_EQ(csms_count(&world.csms, 0, CSMS_LEDGER_START), 1);
    CHECK_EQ(csms_count(&world.csms, 0, CSMS_LEDGER_STOP), 1);
    CHECK(csms_count(&world.csms, 0, CSMS_LEDGER_METER) >= 4);
}

static void reconnect_silent_central_system_burns_no_attempt(void)
{
    begin(4, false);
    REQUIRE(world_run_until(&world, accepted, 10000));
    sim_outlet_plug(&world.outlet[0], true);
    REQUIRE(world_run_until(&world, preparing, 5000));
    REQUIRE(world_csms(&world, "remote-start CP1 1 TAG1") == HF_OK);
    REQUIRE(world_run_until(&world, charging, 30000));
    world_run_ms(&world, 10000);
    REQUIRE(world_csms(&world, "mood silent on") == HF_OK);
    sim_outlet_plug(&world.outlet[0], false);
    CHECK(world_run_until(&world, available, 10000));
    world_run_ms(&world, 3600u * 1000u);
    REQUIRE(world_csms(&world, "mood silent off") == HF_OK);
    CHECK(world_run_until(&world, delivered, 600000));
    CHECK_EQ(csms_count(&world.csms, 0, CSMS_LEDGER_START), 1);
    CHECK_EQ(csms_count(&world.csms, 0, CSMS_LEDGER_STOP), 1);
    for (uint32_t i = 0; i < world.csms.entries; i++) {
        CHECK_EQ(world.csms.ledger[i].conflicts, 0);
    }
}

HF_TEST_MAIN(HF_TEST(reconnect_five_minutes_away_three_sessions_delivered_in_order),
             HF_TEST(reconnect_absent_ten_minutes_at_boot_charges_and_delivers_later),
             HF_TEST(reconnect_link_lost_in_session_goes_on_charging),
             HF_TEST(reconnect_silent_central_system_burns_no_attempt))
