// SPDX-License-Identifier: MIT
// Sessions: how they begin, what orders they give, how they end, and what is billed.
#include "support/ocpp_station.h"

static void check_idle(station_t *s)
{
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK(s->store.open[0] == NULL);
    CHECK_EQ(s->control[0].running, 0);
}

static void session_remote_is_billed_start_to_stop(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "3"), 0);
    s->control[0].register_mJ = 5000ull * 3600000u; // 5 kWh before
    station_start(s);
    station_run(s, 10000);
    CHECK_STR(station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1001}"),
              STATION_ACCEPTED);
    station_run(s, 1000);
    check_idle(s);
    const station_call_t *start = station_find(s, "StartTransaction", 0);
    const station_call_t *stop = station_find(s, "StopTransaction", 0);
    REQUIRE(start != NULL && stop != NULL);
    CHECK_EQ(station_int(start, "connectorId"), 1);
    CHECK(station_has(start, "idTag", "DEMO"));
    CHECK_EQ(station_int(start, "meterStart"), 5000);
    CHECK_EQ(station_int(stop, "transactionId"), 1001);
    CHECK(station_has(stop, "reason", "Remote"));
    CHECK_EQ(hf_json_member(station_payload(stop), "idTag").type, HF_JSON_NONE);
    CHECK_EQ(station_int(stop, "meterStop"), (long long)(s->control[0].register_mJ / 3600000u));
    CHECK_EQ(s->ocpp.last_session_Wh, station_int(stop, "meterStop") - 5000);
    CHECK_EQ(s->ocpp.last_session_Wh, 6); // 2300 W for 10.5 s and a little
    CHECK_EQ(station_count(s, "MeterValues"), 3);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
    CHECK_EQ(station_count(s, "StopTransaction"), 1);
    CHECK(s->store.finishing[0]);
    s->control[0].plugged = false;
    station_run(s, 100);
    CHECK(!s->store.finishing[0]);
    const station_call_t *last =
        station_find(s, "StatusNotification", station_count(s, "StatusNotification") - 1);
    CHECK(station_has(last, "status", "Available"));
}

static void session_meter_values_carry_every_reading(void)
{
    static const char *const expected[7][3] = {{"Energy.Active.Import.Register", "Wh", "19"},
                                               {"Power.Active.Import", "W", "2307"},
                                               {"Voltage", "V", "76.400"},
                                               {"Current.Import", "A", "30.200"},
                                               {"Current.Offered", "A", "33.600"},
                                               {"SoC", "Percent", "41.0"},
                                               {"Temperature", "Celcius", "25.3"}};
    station_t *s = station_online(1);
    station_start(s);
    station_run(s, 30000);
    const station_call_t *call = station_find(s, "MeterValues", 0);
    REQUIRE(call != NULL);
    CHECK_EQ(station_int(call, "transactionId"), 1001);
    CHECK_EQ(station_int(call, "connectorId"), 1);
    hf_json_t values = hf_json_member(station_payload(call), "meterValue");
    CHECK_EQ(hf_json_count(values), 1);
    hf_json_t samples = hf_json_member(hf_json_element(values, 0), "sampledValue");
    CHECK_EQ(hf_json_count(samples), 7);
    for (size_t i = 0; i < 7; i++) {
        hf_json_t sample = hf_json_element(samples, i);
        CHECK(hf_json_is_string(hf_json_member(sample, "measurand"), expected[i][0]));
        CHECK(hf_json_is_string(hf_json_member(sample, "unit"), expected[i][1]));
        CHECK(hf_json_is_string(hf_json_member(sample, "value"), expected[i][2]));
        CHECK(hf_json_is_string(hf_json_member(sample, "context"), "Sample.Periodic"));
    }
}

static void rule_21_clock_aligned_values_fall_on_the_clock(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "ClockAlignedDataInterval", "15"), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "0"), 0);
    station_start(s);
    station_run(s, 60000);
    CHECK_EQ(station_count(s, "MeterValues"), 4);
    const station_call_t *call = station_find(s, "MeterValues", 1);
    REQUIRE(call != NULL);
    hf_json_t value = hf_json_element(hf_json_member(station_payload(call), "meterValue"), 0);
    hf_json_t sample = hf_json_element(hf_json_member(value, "sampledValue"), 0);
    CHECK(hf_json_is_string(hf_json_member(sample, "context"), "Sample.Clock"));
    char time[40] = "";
    CHECK_EQ(hf_json_string(hf_json_member(value, "timestamp"), time, sizeof time), 0);
    int second = (time[17] - '0') * 10 + time[18] - '0';
    CHECK_EQ(second % 15, 0);
    s->call_count = 0; // outside of a transaction as well, without an id
    (void)station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1001}");
    station_run(s, 30000);
    call = station_find(s, "MeterValues", 0);
    REQUIRE(call != NULL);
    CHECK_EQ(hf_json_member(station_payload(call), "transactionId").type, HF_JSON_NONE);
}

static void session_energy_waits_for_the_durable_start(void)
{
    station_t *s = station_online(1);
    s->ram.sync_polls = 100; // a slow disk: two seconds
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"DEMO\"}"), STATION_ACCEPTED);
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_STARTING);
    CHECK_EQ(s->ocpp.orders.connector[0].session, EVSE_ORDER_AUTHORIZED);
    CHECK_EQ(station_count(s, "StartTransaction"), 0);
    station_run(s, 5000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(station_count(s, "StartTransaction"), 1);
}

static void session_orders_expire_and_are_renewed(void)
{
    station_t *s = station_online(1);
    station_start(s);
    for (unsigned i = 0; i < 200; i++) {
        evse_orders_t orders;
        station_run(s, 20);
        CHECK_EQ(hf_snapshot_read(&s->mailbox.orders, &orders), 0);
        CHECK_EQ(orders.connector[0].session, EVSE_ORDER_RUN);
        CHECK(orders.connector[0].valid_until_us >= s->now_us + 2000000);
        CHECK(orders.connector[0].valid_until_us <= s->now_us + 3000000);
    }
}

static void session_without_plug_times_out(void)
{
    station_t *s = station_online(1);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"DEMO\",\"connectorId\":1}"),
              STATION_ACCEPTED);
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_AUTHORIZED);
    CHECK(station_has(station_find(s, "StatusNotification", 0), "status", "Preparing"));
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"OTHER\",\"connectorId\":1}"),
              STATION_REJECTED);
    station_run(s, 60000);
    check_idle(s);
    CHECK(station_has(station_find(s, "StatusNotification", 1), "status", "Available"));
    CHECK_EQ(station_count(s, "StartTransaction"), 0);
}

static void session_remote_start_takes_the_connector_with_the_vehicle(void)
{
    station_t *s = station_online(3);
    s->control[1].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\"}"), STATION_ACCEPTED);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"B\"}"), STATION_ACCEPTED);
    station_run(s, 500);
    CHECK_EQ(s->ocpp.session[1].state, EVSE_SESSION_RUNNING);
    CHECK_STR(s->ocpp.session[1].id_tag, "A");
    CHECK_STR(s->ocpp.session[0].id_tag, "B");
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_AUTHORIZED);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"C\",\"connectorId\":4}"),
              STATION_REJECTED);
}

static void session_remote_start_on_a_faulted_connector_is_rejected(void)
{
    station_t *s = station_online(1);
    s->control[0].fault = EVSE_FAULT_CAN_BUS_OFF;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\"}"), STATION_REJECTED);
}

static void session_remote_stop_of_another_transaction_is_rejected(void)
{
    station_t *s = station_online(1);
    station_start(s);
    CHECK_STR(station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1000}"),
              STATION_REJECTED);
    CHECK_STR(station_ask(s, "RemoteStopTransaction", "{\"transactionId\":-1}"), STATION_REJECTED);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
}

static void rule_17_remote_start_asks_first_when_configured(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AuthorizeRemoteTxRequests", "true"), 0);
    s->control[0].plugged = true;
    s->csms.tag_status = "Blocked";
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\"}"), STATION_ACCEPTED);
    station_run(s, 1000);
    check_idle(s);
    CHECK_EQ(station_count(s, "Authorize"), 1);
    CHECK_EQ(station_count(s, "StartTransaction"), 0);
    s->csms.tag_status = "Accepted";
    station_start(s);
    CHECK_EQ(station_count(s, "Authorize"), 2);
}

static void session_tag_starts_and_stops_locally(void)
{
    station_t *s = station_online(1);
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD1", s->now_us), 0);
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK(station_has(station_find(s, "Authorize", 0), "idTag", "CARD1"));
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD2", s->now_us), HF_E_STATE);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD1", s->now_us), 0);
    station_run(s, 1000);
    const station_call_t *stop = station_find(s, "StopTransaction", 0);
    REQUIRE(stop != NULL);
    CHECK(station_has(stop, "reason", "Local"));
    CHECK(station_has(stop, "idTag", "CARD1"));
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 1, "CARD1", s->now_us), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "", s->now_us), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "123456789012345678901", s->now_us), HF_E_TOO_LONG);
}

static void session_tag_not_accepted_starts_nothing(void)
{
    station_t *s = station_online(1);
    s->csms.tag_status = "Invalid";
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD1", s->now_us), 0);
    station_run(s, 1000);
    check_idle(s);
    CHECK_EQ(station_count(s, "StartTransaction"), 0);
}

static void rule_11_start_not_accepted_ends_deauthorized(void)
{
    station_t *s = station_online(1);
    s->csms.start_status = "Invalid";
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\"}"), STATION_ACCEPTED);
    station_run(s, 1000);
    check_idle(s);
    const station_call_t *stop = station_find(s, "StopTransaction", 0);
    CHECK(station_has(stop, "reason", "DeAuthorized"));
    CHECK_EQ(station_int(stop, "transactionId"), 1001);
}

static void rule_11_start_not_accepted_but_kept_gives_no_energy(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "StopTransactionOnInvalidId", "false"), 0);
    s->csms.start_status = "Invalid";
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\"}"), STATION_ACCEPTED);
    station_run(s, 1000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(s->control[0].state, EVSE_STATE_SuspendedEVSE);
    uint64_t register_mJ = s->control[0].register_mJ;
    station_run(s, 5000);
    CHECK_EQ(s->control[0].register_mJ, register_mJ);
    s->control[0].plugged = false;
    station_run(s, 500);
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "EVDisconnected"));
}

static void session_ends_with_controls_own_reason_and_register(void)
{
    station_t *s = station_online(1);
    station_start(s);
    station_run(s, 20000);
    s->control[0].plugged = false;
    station_run(s, 500);
    const station_call_t *stop = station_find(s, "StopTransaction", 0);
    REQUIRE(stop != NULL);
    CHECK(station_has(stop, "reason", "EVDisconnected"));
    CHECK_EQ(station_int(stop, "meterStop"), (long long)(s->control[0].register_mJ / 3600000u));
    check_idle(s);
}

static void session_end_that_control_never_reports_is_billed_in_three_seconds(void)
{
    station_t *s = station_online(1);
    station_start(s);
    s->control[0].silent_end = true;
    (void)station_ask(s, "RemoteStopTransaction", "{\"transactionId\":1001}");
    station_run(s, 2900);
    CHECK_EQ(station_count(s, "StopTransaction"), 0);
    station_run(s, 500);
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "Remote"));
    check_idle(s);
}

static void session_fault_ends_it_and_is_told(void)
{
    station_t *s = station_online(1);
    station_start(s);
    s->control[0].fault = EVSE_FAULT_OVERVOLTAGE;
    station_run(s, 500);
    CHECK(station_has(station_find(s, "StopTransaction", 0), "reason", "Other"));
    const station_call_t *last =
        station_find(s, "StatusNotification", station_count(s, "StatusNotification") - 1);
    CHECK(station_has(last, "errorCode", "OverVoltage"));
    check_idle(s);
}

static void session_latches_reach_the_store(void)
{
    station_t *s = station_online(2);
    station_event(s, 1, EVSE_EVENT_ESTOP, 0);
    station_event(s, 1, EVSE_EVENT_WELD, 0);
    station_run(s, 100);
    CHECK(s->store.estop_latched);
    CHECK_EQ(s->store.weld_latched, 2);
    station_event(s, 1, EVSE_EVENT_ESTOP_CLEARED, 0);
    station_run(s, 100);
    CHECK(!s->store.estop_latched);
    CHECK_EQ(station_boot(s), 0);
    CHECK_EQ(s->store.weld_latched, 2);
}

static void session_failed_journal_ends_it_and_starts_none(void)
{
    station_t *s = station_online(1);
    station_start(s);
    s->ram.fail_sync_at = s->ram.syncs + 1;
    CHECK_STR(
        station_ask(s, "ChangeConfiguration", "{\"key\":\"ConnectionTimeOut\",\"value\":\"90\"}"),
        STATION_REJECTED);
    station_run(s, 1000);
    CHECK(s->ocpp.journal_failed);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_IDLE);
    CHECK_EQ(s->ocpp.orders.connector[0].journal_failed, 1);
    CHECK_EQ(s->control[0].running, 0);
    s->control[0].plugged = false;
    station_run(s, 1000);
    CHECK_STR(station_ask(s, "RemoteStartTransaction", "{\"idTag\":\"A\"}"), STATION_REJECTED);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "A", s->now_us), HF_E_STATE);
    const station_call_t *last =
        station_find(s, "StatusNotification", station_count(s, "StatusNotification") - 1);
    CHECK(last != NULL);
}

static void rule_16_power_loss_is_billed_from_the_last_register(void)
{
    station_t *s = station_online(1);
    station_start(s);
    station_run(s, 100000);
    long long kept_Wh = (long long)(s->store.register_mJ[0] / 3600000u);
    CHECK(kept_Wh > 0);
    hf_flash_ram_power_off(&s->ram);
    hf_flash_ram_power_on(&s->ram);
    CHECK_EQ(station_boot(s), 0);
    s->call_count = 0;
    station_run(s, 3000);
    const station_call_t *stop = station_find(s, "StopTransaction", 0);
    REQUIRE(stop != NULL);
    CHECK(station_has(stop, "reason", "PowerLoss"));
    CHECK_EQ(station_int(stop, "transactionId"), 1001);
    CHECK_EQ(station_int(stop, "meterStop"), kept_Wh);
    check_idle(s);
}

static void session_no_room_in_the_store_starts_none(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "0"), 0);
    s->link.up = false;
    station_run(s, 100);
    unsigned sessions = 0;
    for (int status = 0; status == 0 && sessions < 1000;) {
        s->control[0].plugged = true;
        station_run(s, 60);
        status = evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us);
        station_run(s, 200);
        if (status == 0) {
            sessions++;
            CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
            station_run(s, 100);
        } else {
            CHECK_EQ(status, HF_E_STATE);
        }
        s->control[0].plugged = false;
        station_run(s, 60);
    }
    CHECK(sessions >= 200);
    CHECK(sessions < 1000); // the flash was full
    s->link.up = true;
    unsigned starts = 0, stops = 0;
    for (unsigned i = 0; i < 500 && evse_store_waiting(&s->store) > 0; i++) {
        s->call_count = 0;
        station_run(s, 2000);
        starts += station_count(s, "StartTransaction");
        stops += station_count(s, "StopTransaction");
    }
    CHECK_EQ(starts, sessions);
    CHECK_EQ(stops, sessions);
    CHECK(evse_store_has_room(&s->store));
}

HF_TEST_MAIN(HF_TEST(session_remote_is_billed_start_to_stop),
             HF_TEST(session_meter_values_carry_every_reading),
             HF_TEST(rule_21_clock_aligned_values_fall_on_the_clock),
             HF_TEST(session_energy_waits_for_the_durable_start),
             HF_TEST(session_orders_expire_and_are_renewed),
             HF_TEST(session_without_plug_times_out),
             HF_TEST(session_remote_start_takes_the_connector_with_the_vehicle),
             HF_TEST(session_remote_start_on_a_faulted_connector_is_rejected),
             HF_TEST(session_remote_stop_of_another_transaction_is_rejected),
             HF_TEST(rule_17_remote_start_asks_first_when_configured),
             HF_TEST(session_tag_starts_and_stops_locally),
             HF_TEST(session_tag_not_accepted_starts_nothing),
             HF_TEST(rule_11_start_not_accepted_ends_deauthorized),
             HF_TEST(rule_11_start_not_accepted_but_kept_gives_no_energy),
             HF_TEST(session_ends_with_controls_own_reason_and_register),
             HF_TEST(session_end_that_control_never_reports_is_billed_in_three_seconds),
             HF_TEST(session_fault_ends_it_and_is_told), HF_TEST(session_latches_reach_the_store),
             HF_TEST(session_failed_journal_ends_it_and_starts_none),
             HF_TEST(rule_16_power_loss_is_billed_from_the_last_register),
             HF_TEST(session_no_room_in_the_store_starts_none))
