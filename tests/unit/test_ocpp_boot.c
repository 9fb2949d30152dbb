// SPDX-License-Identifier: MIT
// Registration, heartbeat, clock, status: what goes out before, at and after BootNotification is accepted.
#include "support/ocpp_station.h"

static void rule_08_boot_pending_sends_nothing_else_and_obeys_the_interval(void)
{
    station_t *s = station_new(1);
    s->link.up = true;
    s->csms.boot_status = "Pending";
    s->csms.interval_s = 20;
    station_run(s, 50000);
    CHECK_EQ(station_count(s, "BootNotification"), 3);
    CHECK_EQ(s->call_count, 3);
    REQUIRE(s->call_count == 3);
    CHECK_EQ((s->calls[1].at_us - s->calls[0].at_us) / 1000000, 20);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_PENDING);
    s->csms.boot_status = "Accepted";
    station_run(s, 20000);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
    CHECK_EQ(station_count(s, "StatusNotification"), 2);
}

static void rule_08_boot_pending_answers_configuration_and_triggers(void)
{
    station_t *s = station_new(1);
    s->link.up = true;
    s->csms.boot_status = "Pending";
    s->csms.interval_s = 3600;
    station_run(s, 1000);
    CHECK_STR(station_ask(s, "ChangeConfiguration",
                          "{\"key\":\"MeterValueSampleInterval\",\"value\":\"10\"}"),
              STATION_ACCEPTED);
    CHECK_STR(station_ask(s, "TriggerMessage",
                          "{\"requestedMessage\":\"StatusNotification\","
                          "\"connectorId\":1}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_EQ(station_count(s, "StatusNotification"), 1);
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"Heartbeat\"}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_EQ(station_count(s, "Heartbeat"), 1);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"DEMO\"}"), STATION_REJECTED);
    s->csms.boot_status = "Accepted";
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"BootNotification\"}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
}

static void rule_08_boot_rejected_answers_nothing(void)
{
    station_t *s = station_new(1);
    s->link.up = true;
    s->csms.boot_status = "Rejected";
    s->csms.interval_s = 60;
    station_run(s, 1000);
    CHECK_STR(station_ask(s, "GetConfiguration", "{}"), "");
    station_run(s, 57000);
    CHECK_EQ(s->call_count, 1);
    station_run(s, 3000);
    CHECK_EQ(s->call_count, 2);
}

static void rule_07_boot_accepted_tells_status_of_every_connector(void)
{
    station_t *s = station_new(2);
    s->link.up = true;
    s->control[1].plugged = true;
    station_run(s, 2000);
    REQUIRE(s->call_count == 4);
    const station_call_t *boot = &s->calls[0];
    CHECK_STR(boot->action, "BootNotification");
    CHECK(station_has(boot, "chargePointVendor", "Holdfast"));
    CHECK(station_has(boot, "chargePointModel", "Test"));
    CHECK(station_has(boot, "chargePointSerialNumber", "S-1"));
    CHECK(station_has(boot, "firmwareVersion", "0.1.0"));
    for (unsigned i = 0; i < 3; i++) {
        const station_call_t *status = &s->calls[i + 1];
        CHECK_STR(status->action, "StatusNotification");
        CHECK_EQ(station_int(status, "connectorId"), i);
        CHECK(station_has(status, "status", i == 2 ? "Preparing" : "Available"));
        CHECK(station_has(status, "errorCode", "NoError"));
        CHECK(hf_json_member(station_payload(status), "timestamp").type == HF_JSON_STRING);
    }
}

static void rule_07_reconnect_is_no_boot(void)
{
    station_t *s = station_online(1);
    s->link.up = false;
    station_run(s, 5000);
    s->link.up = true;
    station_run(s, 60000);
    CHECK_EQ(s->ocpp.link_state, EVSE_LINK_OPEN);
    CHECK_EQ(station_count(s, "BootNotification"), 0);
    CHECK(station_count(s, "StatusNotification") == 2); // current state, once
    CHECK_EQ(s->link.connections, 2);
}

static void boot_unanswered_or_refused_is_tried_again(void)
{
    station_t *s = station_new(1);
    s->link.up = true;
    s->csms.silent = true;
    station_run(s, 35000);
    CHECK_EQ(s->call_count, 1);
    s->csms.silent = false;
    s->csms.refuse_action = "BootNotification";
    station_run(s, 10000);
    CHECK_EQ(s->call_count, 2);
    s->csms.refuse_action = NULL;
    station_run(s, 11000);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
}

static void boot_lost_with_its_link_goes_out_as_soon_as_there_is_another(void)
{
    station_t *s = station_new(1);
    s->link.up = true;
    s->csms.drop_after = 1;
    station_run(s, 3500); // the backoff's second or two, not the ten of an answer that is none
    CHECK_EQ(s->link.connections, 2);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
}

static void boot_answer_without_time_is_no_answer(void)
{
    station_t *s = station_new(1);
    s->link.up = true;
    s->csms.silent = true;
    station_run(s, 500);
    REQUIRE(s->call_count == 1);
    char text[200];
    snprintf(text, sizeof text,
             "[3,\"%.36s\",{\"status\":\"Accepted\",\"interval\":300,\"currentTime\":\"noon\"}]",
             s->calls[0].id);
    station_say(s, text);
    station_run(s, 500);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_NONE);
    CHECK_EQ(evse_ocpp_utc_ms(&s->ocpp, s->now_us), 0);
    station_run(s, 10000); // the next one: a time without Z is taken as UTC
    REQUIRE(s->call_count == 2);
    snprintf(text, sizeof text,
             "[3,\"%.36s\",{\"status\":\"Accepted\",\"interval\":300,"
             "\"currentTime\":\"2026-11-21T09:42:33\"}]",
             s->calls[1].id);
    station_say(s, text);
    station_run(s, 20);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
    CHECK_EQ(evse_ocpp_utc_ms(&s->ocpp, s->now_us), STATION_UTC_MS + 250); // half of the way
}

static void heartbeat_follows_the_interval_and_sets_the_clock(void)
{
    station_t *s = station_online(1);
    station_run(s, 601000);
    CHECK_EQ(station_count(s, "Heartbeat"), 2);
    CHECK_STR(station_find(s, "Heartbeat", 0)->payload, "{}");
    uint64_t truth_ms = STATION_UTC_MS + s->now_us / 1000;
    CHECK(truth_ms + 20 - evse_ocpp_utc_ms(&s->ocpp, s->now_us) <= 40);
    s->call_count = 0;
    CHECK_STR(
        station_ask(s, "ChangeConfiguration", "{\"key\":\"HeartbeatInterval\",\"value\":\"10\"}"),
        STATION_ACCEPTED);
    station_run(s, 35000);
    CHECK_EQ(station_count(s, "Heartbeat"), 3);
}

static void boot_interval_becomes_the_heartbeat_key_without_wearing_flash(void)
{
    station_t *s = station_new(1);
    s->link.up = true;
    s->csms.interval_s = 120;
    station_run(s, 1000);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "HeartbeatInterval"), 120);
    uint64_t appended = hf_journal_appended(&s->store.journal);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "HeartbeatInterval", "120"), 0);
    CHECK_EQ(hf_journal_appended(&s->store.journal), appended);
}

static void boot_interval_longer_than_the_key_permits_registers_all_the_same(void)
{
    station_t *s = station_new(1);
    s->link.up = true;
    s->csms.interval_s = 30 * 86400;
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
    CHECK_EQ(evse_ocpp_number(&s->ocpp, "HeartbeatInterval"), 7 * 86400);
}

static void reconnect_never_gives_up_and_spreads_its_tries(void)
{
    station_t *s = station_new(1);
    station_run(s, 3600000);
    CHECK(s->link.opens > 30); // a minute apart at most, and three once the breaker is open
    CHECK(s->link.opens < 60); // no storm
    s->link.up = true;
    station_run(s, 181000);
    CHECK_EQ(s->ocpp.registration, EVSE_REGISTRATION_ACCEPTED);
}

static void reconnect_backs_off_when_the_peer_opens_and_drops(void)
{
    station_t *s = station_new(1);
    s->link.up = true;
    for (unsigned i = 0; i < 3000; i++) { // a minute of a server that closes whatever opens
        station_run(s, 20);
        if (s->link.state == EVSE_LINK_OPEN) {
            station_drop(s);
        }
    }
    CHECK(s->link.opens < 10);
}

static void rule_09_status_is_filtered_by_minimum_duration(void)
{
    station_t *s = station_online(1);
    CHECK_STR(station_ask(s, "ChangeConfiguration",
                          "{\"key\":\"MinimumStatusDuration\",\"value\":\"2\"}"),
              STATION_ACCEPTED);
    s->control[0].plugged = true;
    station_run(s, 1000);
    s->control[0].plugged = false;
    station_run(s, 5000);
    CHECK_EQ(station_count(s, "StatusNotification"), 0);
    s->control[0].plugged = true;
    station_run(s, 3000);
    CHECK_EQ(station_count(s, "StatusNotification"), 1);
    CHECK(station_has(station_find(s, "StatusNotification", 0), "status", "Preparing"));
}

static void rule_09_status_offline_is_told_once_on_return(void)
{
    station_t *s = station_online(1);
    s->link.up = false;
    station_run(s, 1000);
    s->control[0].plugged = true;
    station_run(s, 1000);
    s->control[0].plugged = false;
    station_run(s, 1000);
    s->control[0].plugged = true;
    station_run(s, 1000);
    s->link.up = true;
    station_run(s, 30000);
    CHECK_EQ(station_count(s, "StatusNotification"), 2);
    CHECK(station_has(station_find(s, "StatusNotification", 1), "status", "Preparing"));
}

static void status_of_a_fault_carries_its_codes(void)
{
    station_t *s = station_online(1);
    s->control[0].fault = EVSE_FAULT_OVERTEMPERATURE;
    station_run(s, 500);
    const station_call_t *status = station_find(s, "StatusNotification", 0);
    REQUIRE(status != NULL);
    CHECK_EQ(station_int(status, "connectorId"), 1);
    CHECK(station_has(status, "status", "Faulted"));
    CHECK(station_has(status, "errorCode", "HighTemperature"));
    CHECK(station_has(status, "vendorErrorCode", "5"));
    s->control[0].fault = EVSE_FAULT_NONE;
    station_run(s, 500);
    CHECK(station_has(station_find(s, "StatusNotification", 1), "errorCode", "NoError"));
}

static void rule_07_station_status_knows_only_three_states(void)
{
    station_t *s = station_online(1);
    s->estop = 1;
    station_run(s, 500);
    const station_call_t *status = station_find(s, "StatusNotification", 0);
    REQUIRE(status != NULL);
    CHECK_EQ(station_int(status, "connectorId"), 0);
    CHECK(station_has(status, "status", "Faulted"));
    CHECK(station_has(status, "errorCode", "OtherError"));
    CHECK(station_has(status, "vendorErrorCode", "8"));
    s->estop = 0;
    station_start(s);
    for (unsigned i = 0; i < s->call_count; i++) {
        if (station_int(&s->calls[i], "connectorId") == 0) {
            CHECK(station_has(&s->calls[i], "status", "Available") ||
                  station_has(&s->calls[i], "status", "Faulted"));
        }
    }
}

static void rule_06_message_ids_never_come_back_after_a_reboot(void)
{
    station_t *s = station_online(1);
    station_run(s, 601000);
    unsigned before = s->call_count;
    CHECK_EQ(station_boot(s), 0);
    station_run(s, 602000);
    CHECK(s->call_count > before + 3);
    for (unsigned i = 0; i < s->call_count; i++) {
        CHECK(strlen(s->calls[i].id) <= 36);
        for (unsigned j = 0; j < i; j++) {
            CHECK(strcmp(s->calls[i].id, s->calls[j].id) != 0);
        }
    }
}

static void init_refuses_texts_ocpp_has_no_room_for(void)
{
    station_t *s = station_new(1);
    evse_ocpp_config_t config = s->config;
    static evse_ocpp_t ocpp;
    config.vendor = "123456789012345678901";
    CHECK_EQ(evse_ocpp_init(&ocpp, &config), HF_E_TOO_LONG);
    config = s->config;
    config.model = NULL;
    CHECK_EQ(evse_ocpp_init(&ocpp, &config), HF_E_TOO_LONG);
    config = s->config;
    config.connectors = CONFIG_EVSE_CONNECTORS_MAX + 1;
    CHECK_EQ(evse_ocpp_init(&ocpp, &config), HF_E_RANGE);
    config = s->config;
    config.link.ops = NULL;
    CHECK_EQ(evse_ocpp_init(&ocpp, &config), HF_E_ARGUMENT);
}

HF_TEST_MAIN(HF_TEST(rule_08_boot_pending_sends_nothing_else_and_obeys_the_interval),
             HF_TEST(rule_08_boot_pending_answers_configuration_and_triggers),
             HF_TEST(rule_08_boot_rejected_answers_nothing),
             HF_TEST(rule_07_boot_accepted_tells_status_of_every_connector),
             HF_TEST(rule_07_reconnect_is_no_boot),
             HF_TEST(boot_unanswered_or_refused_is_tried_again),
             HF_TEST(boot_lost_with_its_link_goes_out_as_soon_as_there_is_another),
             HF_TEST(boot_answer_without_time_is_no_answer),
             HF_TEST(heartbeat_follows_the_interval_and_sets_the_clock),
             HF_TEST(boot_interval_becomes_the_heartbeat_key_without_wearing_flash),
             HF_TEST(boot_interval_longer_than_the_key_permits_registers_all_the_same),
             HF_TEST(reconnect_never_gives_up_and_spreads_its_tries),
             HF_TEST(reconnect_backs_off_when_the_peer_opens_and_drops),
             HF_TEST(rule_09_status_is_filtered_by_minimum_duration),
             HF_TEST(rule_09_status_offline_is_told_once_on_return),
             HF_TEST(status_of_a_fault_carries_its_codes),
             HF_TEST(rule_07_station_status_knows_only_three_states),
             HF_TEST(rule_06_message_ids_never_come_back_after_a_reboot),
             HF_TEST(init_refuses_texts_ocpp_has_no_room_for))
