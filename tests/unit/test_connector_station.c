// SPDX-License-Identifier: MIT
// Real sessions over real control and a simulated outlet, a central system behind them: what StatusNotification tells is a
// walk through the specification's table, and every transaction is whole.
#include "support/control_world.h"
#include "support/ocpp_station.h"

static world_t world;

// Control and comms share the station's mailbox; both start anew, the outlet stays as it is.
static station_t *boot(station_t *s)
{
    CHECK_EQ(station_boot(s), 0);
    evse_control_config_t config = {.connectors = 1,
                                    .io = {&world_io_ops, &world},
                                    .mailbox = &s->mailbox,
                                    .estop_latched = s->store.estop_latched,
                                    .weld_latched = s->store.weld_latched};
    config.channel[0] = (evse_channel_config_t){.can = {&world_can_ops, &world},
                                                .profile = &test_profile,
                                                .limits = evse_limits_find("nx100"),
                                                .register_mJ = s->store.register_mJ[0],
                                                .finishing = s->store.finishing[0]};
    CHECK_EQ(evse_control_init(&world.control, &config), 0);
    return s;
}

static station_t *begin(void)
{
    const sim_config_t sim = {.profile = &test_profile};
    memset(&world, 0, sizeof world);
    sim_outlet_init(&world.outlet, &sim);
    station_t *s = station_new(1);
    s->link.up = true;
    sim_outlet_step(&world.outlet, s->now_us);
    return boot(s);
}

static void run_ms(station_t *s, uint64_t ms)
{
    for (uint64_t end_us = s->now_us + ms * 1000u; s->now_us < end_us;) {
        for (unsigned i = 0; i < 2; i++) {
            s->now_us += EVSE_TICK_US;
            world.sent_count = 0;
            sim_outlet_step(&world.outlet, s->now_us);
            evse_control_tick(&world.control, s->now_us);
        }
        evse_ocpp_poll(&s->ocpp, s->now_us);
    }
}

static evse_connector_state_t state_called(const char *text)
{
    unsigned state = 0;
    while (state < EVSE_CONNECTOR_STATE_COUNT &&
           strcmp(evse_connector_state_text(state), text) != 0) {
        state++;
    }
    return (evse_connector_state_t)state;
}

// The statuses of connector 1 since the record was cleared; each follows the one before by the table.
static const char *walk(const station_t *s)
{
    static char text[400];
    evse_connector_state_t was = EVSE_CONNECTOR_STATE_COUNT;
    text[0] = '\0';
    for (unsigned i = 0; i < station_count(s, "StatusNotification"); i++) {
        const station_call_t *call = station_find(s, "StatusNotification", i);
        char status[24] = "";
        if (station_int(call, "connectorId") != 1) {
            continue;
        }
        CHECK_EQ(
            hf_json_string(hf_json_member(station_payload(call), "status"), status, sizeof status),
            0);
        evse_connector_state_t state = state_called(status);
        if (was != EVSE_CONNECTOR_STATE_COUNT && !evse_connector_may_follow(was, state)) {
            HF_TEST_FAIL("%s after %s", status, evse_connector_state_text(was));
        }
        was = state;
        if (strlen(text) + strlen(status) + 2 < sizeof text) {
            strcat(text, text[0] != '\0' ? " " : "");
            strcat(text, status);
        }
    }
    return text;
}

static void check_walk(const station_t *s, const char *expected)
{
    CHECK_STR(walk(s), expected);
}

static void station_charges_and_charges_again(void)
{
    station_t *s = begin();
    run_ms(s, 3000);
    sim_outlet_plug(&world.outlet, true);
    run_ms(s, 3000);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    run_ms(s, 15000);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    run_ms(s, 5000);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0); // F2
    run_ms(s, 15000);
    sim_outlet_plug(&world.outlet, false);
    run_ms(s, 3000);
    check_walk(s, "Available Preparing Charging Finishing Preparing Charging Finishing Available");
    CHECK_EQ(station_count(s, "StartTransaction"), 2);
    CHECK_EQ(station_count(s, "StopTransaction"), 2);
    CHECK(station_has(station_find(s, "StopTransaction", 1), "reason", "EVDisconnected"));
    CHECK_EQ(station_int(station_find(s, "StartTransaction", 1), "meterStart"),
             station_int(station_find(s, "StopTransaction", 0), "meterStop"));
}

static void rule_10_station_waits_for_a_user_then_finishes(void)
{
    station_t *s = begin();
    run_ms(s, 3000);
    sim_outlet_plug(&world.outlet, true);
    run_ms(s, 65000);
    check_walk(s, "Available Preparing Finishing"); // B6
    boot(s);
    s->call_count = 0;
    run_ms(s, 5000);
    check_walk(s, "Finishing");
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    run_ms(s, 15000);
    check_walk(s, "Finishing Preparing Charging");
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
}

static void rule_13_station_goes_straight_from_charging_to_unavailable(void)
{
    station_t *s = begin();
    run_ms(s, 3000);
    sim_outlet_plug(&world.outlet, true);
    run_ms(s, 3000);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    run_ms(s, 15000);
    station_say(s,
                "[2,\"q1\",\"ChangeAvailability\",{\"connectorId\":0,\"type\":\"Inoperative\"}]");
    run_ms(s, 2000);
    CHECK_STR(s->link.last_answer, "[3,\"q1\",{\"status\":\"Scheduled\"}]");
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    run_ms(s, 5000);
    check_walk(s, "Available Preparing Charging Unavailable");
    boot(s);
    s->call_count = 0;
    run_ms(s, 5000);
    check_walk(s, "Unavailable");
    station_say(s, "[2,\"q2\",\"ChangeAvailability\",{\"connectorId\":0,\"type\":\"Operative\"}]");
    run_ms(s, 5000);
    CHECK_EQ(world_channel(&world)->state, EVSE_STATE_Preparing); // H2
    check_walk(s, "Unavailable Preparing");
    sim_outlet_plug(&world.outlet, false);
    run_ms(s, 3000);
    CHECK_EQ(world_channel(&world)->state, EVSE_STATE_Available);
}

static void rule_16_station_after_power_loss_shows_finishing_and_bills_the_last_register(void)
{
    station_t *s = begin();
    run_ms(s, 3000);
    sim_outlet_plug(&world.outlet, true);
    run_ms(s, 3000);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    run_ms(s, 100000);
    uint64_t kept_Wh = s->store.register_mJ[0] / 3600000u;
    CHECK(kept_Wh > 0);
    hf_flash_ram_power_off(&s->ram);
    hf_flash_ram_power_on(&s->ram);
    boot(s);
    s->call_count = 0;
    run_ms(s, 8000);
    check_walk(s, "Finishing");
    const station_call_t *stop = station_find(s, "StopTransaction", 0);
    REQUIRE(stop != NULL);
    CHECK(station_has(stop, "reason", "PowerLoss"));
    CHECK_EQ(station_int(stop, "meterStop"), (long long)kept_Wh);
    CHECK_EQ(world.outlet.power_mW, 0);
    sim_outlet_plug(&world.outlet, false);
    run_ms(s, 3000);
    check_walk(s, "Finishing Available");
}

static void rule_11_station_holds_the_cable_of_a_tag_that_was_not_accepted(void)
{
    station_t *s = begin();
    run_ms(s, 3000);
    sim_outlet_plug(&world.outlet, true);
    run_ms(s, 3000);
    s->csms.start_status = "Blocked";
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    run_ms(s, 15000);
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "DeAuthorized"));
    CHECK(world.outlet.locked);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "OTHER", s->now_us), HF_E_STATE);
    run_ms(s, 2000);
    CHECK(world.outlet.locked);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    run_ms(s, 2000);
    CHECK(!world.outlet.locked);
    CHECK_EQ(world_channel(&world)->state, EVSE_STATE_Finishing);
}

static void station_plug_that_does_not_lock_gets_no_transaction(void)
{
    station_t *s = begin();
    run_ms(s, 3000);
    sim_outlet_plug(&world.outlet, true);
    run_ms(s, 3000);
    sim_outlet_set_fault(&world.outlet, SIM_FAULT_LOCK_STUCK, true);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    run_ms(s, 10000);
    check_walk(s, "Available Preparing Faulted");
    CHECK_EQ(station_count(s, "StartTransaction"), 0);
    CHECK(station_has(
        station_find(s, "StatusNotification", station_count(s, "StatusNotification") - 1),
        "errorCode", "ConnectorLockFailure"));
}

static void station_answers_users_by_light(void)
{
    station_t *s = begin();
    unsigned ready = 0, fault = 0;
    run_ms(s, 3000);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    bool was = true;
    for (unsigned i = 0; i < 100; i++) { // BlinkRepeat 3
        run_ms(s, 20);
        bool level = world_channel(&world)->drive.level[EVSE_OUT_LIGHT_READY];
        ready += level != was ? 1u : 0u;
        was = level;
    }
    CHECK(ready >= 5);
    s->csms.tag_status = "Invalid";
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    run_ms(s, 3000);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "BAD", s->now_us), 0);
    was = false;
    for (unsigned i = 0; i < 100; i++) {
        run_ms(s, 20);
        bool level = world_channel(&world)->drive.level[EVSE_OUT_LIGHT_FAULT];
        fault += level != was ? 1u : 0u;
        was = level;
    }
    CHECK(fault >= 5);
    run_ms(s, 1000);
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_LIGHT_FAULT]);
    CHECK(world_channel(&world)->drive.level[EVSE_OUT_LIGHT_READY]);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "LightIntensity", "0"), 0);
    run_ms(s, 200);
    CHECK(!world_channel(&world)->drive.level[EVSE_OUT_LIGHT_READY]);
}

HF_TEST_MAIN(HF_TEST(station_charges_and_charges_again),
             HF_TEST(rule_10_station_waits_for_a_user_then_finishes),
             HF_TEST(rule_13_station_goes_straight_from_charging_to_unavailable),
             HF_TEST(rule_16_station_after_power_loss_shows_finishing_and_bills_the_last_register),
             HF_TEST(rule_11_station_holds_the_cable_of_a_tag_that_was_not_accepted),
             HF_TEST(station_plug_that_does_not_lock_gets_no_transaction),
             HF_TEST(station_answers_users_by_light))
