// SPDX-License-Identifier: MIT
// Transaction messages when the central system is away, silent or unwilling: nothing lost, nothing burnt, one order.
#include "support/ocpp_station.h"

static station_t *start_offline_capable(unsigned connectors)
{
    station_t *s = station_online(connectors);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    return s;
}

static void play_session(station_t *s, unsigned connector, uint64_t ms)
{
    s->control[connector].plugged = true;
    station_run(s, 100);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, connector, "CARD", s->now_us), 0);
    station_run(s, ms);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, connector, "CARD", s->now_us), 0);
    station_run(s, 200);
    s->control[connector].plugged = false;
    station_run(s, 100);
}

static void stop_remotely(station_t *s)
{
    CHECK_STR(station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1001}"),
              STATION_ACCEPTED);
}

static void rule_01_timeouts_burn_no_attempts(void)
{
    station_t *s = station_online(1);
    station_start(s);
    s->csms.silent_action = "StopTransaction";
    stop_remotely(s);
    station_run(s, 600000);
    unsigned sends = station_count(s, "StopTransaction");
    CHECK(sends >= 8);  // a minute apart: time-out, then a wait
    CHECK(sends <= 12); // no tight loop
    s->csms.silent_action = NULL;
    station_run(s, 61000);
    CHECK_EQ(station_count(s, "StopTransaction"), sends + 1);
    CHECK_EQ(evse_store_waiting(&s->store), 0);
    const station_call_t *first = station_find(s, "StopTransaction", 0);
    for (unsigned i = 1; i <= sends; i++) {
        CHECK_STR(station_find(s, "StopTransaction", i)->id, first->id);
        CHECK_STR(station_find(s, "StopTransaction", i)->payload, first->payload);
    }
    CHECK(station_count(s, "Heartbeat") >= 1); // a stuck queue does not silence us
}

static void rule_02_callerror_waits_interval_times_sends_then_gives_up(void)
{
    station_t *s = station_online(1);
    station_start(s);
    s->csms.refuse_action = "StopTransaction";
    stop_remotely(s);
    station_run(s, 400000);
    CHECK_EQ(station_count(s, "StopTransaction"), 3);
    REQUIRE(station_count(s, "StopTransaction") == 3);
    uint64_t at[3];
    for (unsigned i = 0; i < 3; i++) {
        at[i] = station_find(s, "StopTransaction", i)->at_us / 1000;
        CHECK_STR(station_find(s, "StopTransaction", i)->id,
                  station_find(s, "StopTransaction", 0)->id);
    }
    CHECK((at[1] - at[0]) >= 60000 && (at[1] - at[0]) < 60200);
    CHECK((at[2] - at[1]) >= 120000 && (at[2] - at[1]) < 120200);
    CHECK_EQ(evse_store_waiting(&s->store), 0);
}

static void rule_03_meter_values_are_queued_offline_kept_and_in_order(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "10"), 0);
    station_start(s);
    s->link.up = false;
    station_run(s, 65000);
    CHECK_EQ(station_count(s, "MeterValues"), 0);
    CHECK_EQ(station_boot(s), 0); // and not even a reboot loses them
    s->call_count = 0;
    s->link.up = true;
    station_run(s, 5000);
    CHECK_EQ(station_count(s, "MeterValues"), 6);
    char last[40] = "";
    for (unsigned i = 0; i < 6; i++) {
        const station_call_t *call = station_find(s, "MeterValues", i);
        REQUIRE(call != NULL);
        hf_json_t value = hf_json_element(hf_json_member(station_payload(call), "meterValue"), 0);
        char time[40] = "";
        CHECK_EQ(hf_json_string(hf_json_member(value, "timestamp"), time, sizeof time), 0);
        CHECK(strcmp(last, time) < 0);
        CHECK_EQ(station_int(call, "transactionId"), 1001);
        strcpy(last, time);
    }
    CHECK(station_find(s, "StopTransaction", 0) > station_find(s, "MeterValues", 5));
    CHECK_EQ(s->ocpp.samples_dropped, 0);
}

static void rule_04_one_order_over_connectors_and_others_overtake(void)
{
    station_t *s = start_offline_capable(2);
    s->csms.silent_action = "StartTransaction";
    s->control[0].plugged = true;
    s->control[1].plugged = true;
    station_run(s, 100);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD1", s->now_us), 0);
    station_run(s, 500);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 1, "CARD2", s->now_us), 0);
    station_run(s, 31000); // the first Start times out; Authorize of the second overtakes it
    CHECK_EQ(station_count(s, "Authorize"), 2);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
    CHECK_STR(station_ask(s, "TriggerMessage", "{\"requestedMessage\":\"Heartbeat\"}"),
              STATION_ACCEPTED);
    station_run(s, 200);
    CHECK_EQ(station_count(s, "Heartbeat"), 1);
    s->csms.silent_action = NULL;
    s->call_count = 0;
    station_run(s, 60000);
    REQUIRE(station_count(s, "StartTransaction") == 2);
    CHECK_EQ(station_int(station_find(s, "StartTransaction", 0), "connectorId"), 1);
    CHECK_EQ(station_int(station_find(s, "StartTransaction", 1), "connectorId"), 2);
    CHECK_EQ(s->store.open[0]->transaction_id, 1001);
    CHECK_EQ(s->store.open[1]->transaction_id, 1002);
}

static void rule_05_refused_start_leaves_minus_one_and_skips_nothing(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "TransactionMessageAttempts", "1"), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "5"), 0);
    s->csms.refuse_action = "StartTransaction";
    station_start(s);
    station_run(s, 11000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    s->control[0].plugged = false;
    station_run(s, 1000);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
    CHECK_EQ(station_count(s, "MeterValues"), 2);
    CHECK_EQ(station_int(station_find(s, "MeterValues", 0), "transactionId"), -1);
    CHECK_EQ(station_int(station_find(s, "StopTransaction", 0), "transactionId"), -1);
}

static void rule_05_queued_transactions_each_get_their_own_id(void)
{
    station_t *s = start_offline_capable(1);
    s->link.up = false;
    station_run(s, 100);
    for (unsigned i = 0; i < 3; i++) {
        play_session(s, 0, 40000);
    }
    station_run(s, 300000 - 3 * 40400);
    CHECK_EQ(s->call_count, 0);
    s->link.up = true;
    station_run(s, 62000);
    const char *const expected[] = {"StartTransaction", "MeterValues", "StopTransaction"};
    unsigned n = 0;
    for (unsigned i = 0; i < s->call_count; i++) {
        if (strcmp(s->calls[i].action, "StatusNotification") == 0 ||
            strcmp(s->calls[i].action, "Heartbeat") == 0) {
            continue;
        }
        CHECK_STR(s->calls[i].action, expected[n % 3]);
        if (n % 3 != 0) {
            CHECK_EQ(station_int(&s->calls[i], "transactionId"), 1001 + n / 3);
        } else {
            CHECK(station_has(&s->calls[i], "idTag", "CARD"));
        }
        n++;
    }
    CHECK_EQ(n, 9);
    CHECK_EQ(s->ocpp.sessions_ended, 3);
}

static void rule_06_resend_after_a_reboot_is_identical(void)
{
    station_t *s = station_online(1);
    s->csms.silent_action = "StartTransaction";
    station_start(s);
    station_run(s, 500);
    const station_call_t *first = station_find(s, "StartTransaction", 0);
    REQUIRE(first != NULL);
    s->csms.silent_action = NULL;
    CHECK_EQ(station_boot(s), 0);
    s->now_us += 12345678;
    station_run(s, 3000);
    const station_call_t *second = station_find(s, "StartTransaction", 1);
    REQUIRE(second != NULL);
    CHECK_STR(second->id, first->id);
    CHECK_STR(second->payload, first->payload);
}

static void rule_18_unknown_tag_offline_follows_the_policy(void)
{
    station_t *s = station_online(1);
    s->link.up = false;
    s->control[0].plugged = true;
    station_run(s, 1000);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), HF_E_STATE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 500);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
}

static void rule_18_authorize_that_gets_no_answer_follows_the_policy(void)
{
    station_t *s = station_online(1);
    s->csms.silent = true;
    s->control[0].plugged = true;
    station_run(s, 31000); // the Preparing notification times out first
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 31000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    s->link.up = false;
    station_run(s, 500);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
}

static void rule_25_times_without_a_clock_are_told_right_later(void)
{
    station_t *s = station_new(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    station_run(s, 10000);
    uint64_t begun_ms = STATION_UTC_MS + (s->now_us + 100000) / 1000;
    play_session(s, 0, 5000);
    station_run(s, 590000);
    s->link.up = true;
    station_run(s, 62000);
    const station_call_t *start = station_find(s, "StartTransaction", 0);
    REQUIRE(start != NULL && station_find(s, "StopTransaction", 0) != NULL);
    char time[40] = "";
    uint64_t told_ms = 0;
    CHECK_EQ(hf_json_string(hf_json_member(station_payload(start), "timestamp"), time, sizeof time),
             0);
    CHECK_EQ(hf_iso8601_parse(time, strlen(time), &told_ms), 0);
    CHECK(told_ms + 200 >= begun_ms && told_ms <= begun_ms + 200);
    CHECK_EQ(station_count(s, "BootNotification"), 1);
}

static void clock_hint_serves_until_the_central_system_tells(void)
{
    station_t *s = station_new(1);
    s->config.utc_hint_ms = STATION_UTC_MS - 60000;
    CHECK_EQ(evse_ocpp_init(&s->ocpp, &s->config), 0);
    CHECK_EQ(evse_ocpp_utc_ms(&s->ocpp, 5000000), STATION_UTC_MS - 55000);
    s->link.up = true;
    station_run(s, 1000);
    CHECK(evse_ocpp_utc_ms(&s->ocpp, 5000000) + 20 >= STATION_UTC_MS + 5000);
}

static void offline_queue_full_thins_readings_and_keeps_the_stop(void)
{
    station_t *s = start_offline_capable(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "1"), 0);
    s->link.up = false;
    station_run(s, 100);
    play_session(s, 0, 3000u * 1000u);
    CHECK(s->store.thinned >= 1000); // more than the flash holds
    CHECK_EQ(s->ocpp.samples_dropped, 0);
    CHECK_EQ(s->ocpp.sessions_ended, 1);
    s->link.up = true;
    unsigned starts = 0, stops = 0, readings = 0;
    for (unsigned i = 0; i < 500 && evse_store_waiting(&s->store) > 0; i++) {
        s->call_count = 0;
        station_run(s, 2000);
        starts += station_count(s, "StartTransaction");
        stops += station_count(s, "StopTransaction");
        readings += station_count(s, "MeterValues");
    }
    CHECK_EQ(starts, 1);
    CHECK_EQ(stops, 1);
    CHECK(readings > 100);
}

HF_TEST_MAIN(HF_TEST(rule_01_timeouts_burn_no_attempts),
             HF_TEST(rule_02_callerror_waits_interval_times_sends_then_gives_up),
             HF_TEST(rule_03_meter_values_are_queued_offline_kept_and_in_order),
             HF_TEST(rule_04_one_order_over_connectors_and_others_overtake),
             HF_TEST(rule_05_refused_start_leaves_minus_one_and_skips_nothing),
             HF_TEST(rule_05_queued_transactions_each_get_their_own_id),
             HF_TEST(rule_06_resend_after_a_reboot_is_identical),
             HF_TEST(rule_18_unknown_tag_offline_follows_the_policy),
             HF_TEST(rule_18_authorize_that_gets_no_answer_follows_the_policy),
             HF_TEST(rule_25_times_without_a_clock_are_told_right_later),
             HF_TEST(clock_hint_serves_until_the_central_system_tells),
             HF_TEST(offline_queue_full_thins_readings_and_keeps_the_stop))
