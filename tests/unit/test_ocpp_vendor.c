// SPDX-License-Identifier: MIT
// DataTransfer both ways: who answers what comes in, when this station sends vendor messages of its own, what they say, what
// waits, what is dropped, and that billing comes first.
#include "support/ocpp_station.h"

#include <stdlib.h>

#define ALL "VehicleInfo,SessionSummary,BMSAlert,SystemAlert"

static station_t *online_station(const char *kinds)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorMessages", kinds), 0);
    s->control[0].bms_alive = true;
    s->control[0].bms_allows = true;
    s->control[0].request_mA = 30000;
    return s;
}

/// The text in `data` of the n-th DataTransfer with that messageId; "" none.
static const char *sent(const station_t *s, const char *message, unsigned n)
{
    static char text[1024];
    const station_call_t *call;
    text[0] = '\0';
    for (unsigned i = 0; (call = station_find(s, "DataTransfer", i)) != NULL; i++) {
        if (station_has(call, "messageId", message) && n-- == 0) {
            CHECK(station_has(call, "vendorId", "Holdfast"));
            CHECK_EQ(hf_json_count(station_payload(call)), 3);
            CHECK_EQ(
                hf_json_string(hf_json_member(station_payload(call), "data"), text, sizeof text),
                0);
            return text;
        }
    }
    return text;
}

static unsigned count(const station_t *s, const char *message)
{
    unsigned n = 0;
    while (sent(s, message, n)[0] != '\0') {
        n++;
    }
    return n;
}

/// A member of a message's data as it stands there, "" absent.
static const char *member(const char *data, const char *name)
{
    static char text[128];
    hf_json_t root = {0};
    text[0] = '\0';
    if (hf_json_parse(data, strlen(data), &root) != HF_OK || root.type != HF_JSON_OBJECT) {
        HF_TEST_FAIL("no object: %s", data);
        return text;
    }
    hf_json_t value = hf_json_member(root, name);
    if (value.type != HF_JSON_NONE) {
        CHECK_EQ(hf_slice_copy(value.raw, text, sizeof text), 0);
    }
    return text;
}

static void fault(station_t *s, evse_fault_t which)
{
    station_event(s, 0, EVSE_EVENT_FAULT, which);
    station_run(s, 20);
}

static void stop_session(station_t *s)
{
    char payload[64];
    snprintf(payload, sizeof payload, "{\"transactionId\":%d}",
             (int)s->store.open[0]->transaction_id);
    CHECK_STR(station_ask(s, "RemoteStopTransaction", payload), STATION_ACCEPTED);
}

// ---- what comes in ------------------------------------------------------------------------------

static void vendor_unknown_ones_are_told_apart(void)
{
    station_t *s = station_online(1);
    const char *unknown_vendor = "[3,\"q1\",{\"status\":\"UnknownVendorId\"}]";
    const char *unknown_message = "[3,\"q1\",{\"status\":\"UnknownMessageId\"}]";
    CHECK_STR(station_ask(s, "DataTransfer", "{\"vendorId\":\"Acme\"}"), unknown_vendor);
    CHECK_STR(station_ask(s, "DataTransfer", "{\"vendorId\":\"\"}"), unknown_vendor);
    CHECK_STR(station_ask(s, "DataTransfer", "{\"vendorId\":\"Holdfast\"}"), unknown_message);
    CHECK_STR(station_ask(s, "DataTransfer", "{\"vendorId\":\"Holdfast\",\"messageId\":\"Sing\"}"),
              unknown_message);
    CHECK_STR(
        station_ask(s, "DataTransfer", "{\"vendorId\":\"Holdfast\",\"messageId\":\"SystemAlert\"}"),
        unknown_message); // nothing that anybody could ask for
}

static void vendor_wrong_payloads_get_the_specified_code(void)
{
    station_t *s = station_online(1);
    static const char *const cases[][2] = {
        {"{}", "OccurenceConstraintViolation"},
        {"{\"vendorId\":1}", "TypeConstraintViolation"},
        {"{\"vendorId\":\"x\",\"data\":{}}", "TypeConstraintViolation"},
        {"{\"vendorId\":\"x\",\"messageId\":"
         "\"012345678901234567890123456789012345678901234567890\"}",
         "PropertyConstraintViolation"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[80];
        int length = snprintf(expected, sizeof expected, "[4,\"q1\",\"%s\",", cases[i][1]);
        const char *answer = station_ask(s, "DataTransfer", cases[i][0]);
        if (strncmp(answer, expected, (size_t)length) != 0) {
            HF_TEST_FAIL("%s: %s", cases[i][0], answer);
        }
    }
}

static void vendor_own_messages_are_answered_with_data(void)
{
    station_t *s = online_station("");
    const char *ask = "{\"vendorId\":\"HOLDFAST\",\"messageId\":\"ChargerStatus\"}";
    CHECK(strstr(station_ask(s, "DataTransfer", ask),
                 "{\"status\":\"Accepted\",\"data\":\"{\\\"ready\\\":true,\\\"reason\\\":\\\"\\\","
                 "\\\"timestamp\\\":\\\"2026-11-21T09:42:3") != NULL);
    s->control[0].fault = EVSE_FAULT_OVERVOLTAGE;
    station_run(s, 100);
    CHECK(strstr(station_ask(s, "DataTransfer", ask),
                 "\\\"ready\\\":false,\\\"reason\\\":\\\"output voltage above the limit") != NULL);
    CHECK(strstr(station_ask(s, "DataTransfer",
                             "{\"vendorId\":\"Holdfast\",\"messageId\":\"LiveTelemetry\","
                             "\"data\":\"{\\\"connector\\\":1}\"}"),
                 "\"Accepted\",\"data\":\"{\\\"v\\\":0.000,\\\"i\\\":0.000,\\\"p\\\":0,"
                 "\\\"s\\\":41.0,\\\"e\\\":0,\\\"t\\\":25.3}\"") != NULL);
}

static void vendor_asked_for_what_is_not_there_rejects(void)
{
    station_t *s = online_station("");
    const char *vehicle = "{\"vendorId\":\"Holdfast\",\"messageId\":\"VehicleInfo\"}";
    CHECK_STR(station_ask(s, "DataTransfer", vehicle), STATION_REJECTED);
    s->control[0].plugged = true;
    station_run(s, 100);
    CHECK(strstr(station_ask(s, "DataTransfer", vehicle), "\\\"maxCurrent\\\":30.000") != NULL);
    static const char *const data[] = {"", "[]", "{\\\"connector\\\":2}", "{\\\"connector\\\":0}",
                                       "{\\\"connector\\\":\\\"1\\\"}"};
    for (unsigned i = 0; i < sizeof data / sizeof data[0]; i++) {
        char payload[200];
        snprintf(payload, sizeof payload,
                 "{\"vendorId\":\"Holdfast\",\"messageId\":\"ChargerStatus\",\"data\":\"%s\"}",
                 data[i]);
        CHECK_STR(station_ask(s, "DataTransfer", payload), STATION_REJECTED);
    }
}

static evse_vendor_status_t echo(void *ctx, hf_json_t data, hf_builder_t *answer)
{
    char text[64] = "";
    if (data.type != HF_JSON_NONE && hf_json_string(data, text, sizeof text) != HF_OK) {
        return EVSE_VENDOR_REJECTED;
    }
    hf_builder_format(answer, "%s%s", (const char *)ctx, text);
    return EVSE_VENDOR_ACCEPTED;
}

static void vendor_integrators_table_is_asked_first(void)
{
    static char first[] = "a:", second[] = "b:";
    static const evse_vendor_handler_t handlers[] = {
        {.vendor_id = "Acme", .message_id = "Echo", .handle = echo, .ctx = first},
        {.vendor_id = "Any", .handle = echo, .ctx = second},
    };
    station_t *s = station_new(1);
    s->config.vendors = (evse_vendor_table_t){.handler = handlers, .count = 2};
    CHECK_EQ(station_boot(s), 0);
    s->link.up = true;
    station_run(s, 1000);
    CHECK_STR(station_ask(s, "DataTransfer",
                          "{\"vendorId\":\"acme\",\"messageId\":\"ECHO\",\"data\":\"x\\\"y\"}"),
              "[3,\"q1\",{\"status\":\"Accepted\",\"data\":\"a:x\\\"y\"}]");
    CHECK_STR(station_ask(s, "DataTransfer", "{\"vendorId\":\"Acme\",\"messageId\":\"Other\"}"),
              "[3,\"q1\",{\"status\":\"UnknownMessageId\"}]");
    CHECK_STR(station_ask(s, "DataTransfer", "{\"vendorId\":\"Acme\"}"),
              "[3,\"q1\",{\"status\":\"UnknownMessageId\"}]");
    CHECK_STR(station_ask(s, "DataTransfer", "{\"vendorId\":\"Any\"}"),
              "[3,\"q1\",{\"status\":\"Accepted\",\"data\":\"b:\"}]");
}

// ---- keys ---------------------------------------------------------------------------------------

static void vendor_nothing_is_sent_unless_asked_for(void)
{
    station_t *s = online_station("");
    CHECK_EQ(s->ocpp.vendor.due_us, UINT64_MAX); // one comparison a round
    s->control[0].plugged = true;
    station_run(s, 10000);
    station_start(s);
    fault(s, EVSE_FAULT_OVERTEMPERATURE);
    s->control[0].bms_allows = false;
    station_run(s, 5000);
    stop_session(s);
    station_run(s, 10000);
    CHECK_EQ(station_count(s, "StopTransaction"), 1);
    CHECK_EQ(station_count(s, "DataTransfer"), 0);
}

static void vendor_keys_take_only_what_they_name(void)
{
    station_t *s = station_online(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorMessages", ALL), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorMessages", "BMSAlert"), 0);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorMessages", "BMSAlert,BMSAlert"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorMessages", "BMSAlert,"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorMessages", "bmsalert"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorMessages", "LiveTelemetry"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "TelemetryInterval", "3601"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorId", ""), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorId", "a\tb"), HF_E_RANGE);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorId", "RivotMotors"), 0);
    CHECK_STR(station_ask(s, "DataTransfer", "{\"vendorId\":\"Holdfast\"}"),
              "[3,\"q1\",{\"status\":\"UnknownVendorId\"}]");
    CHECK_STR(station_ask(s, "DataTransfer", "{\"vendorId\":\"RivotMotors\"}"),
              "[3,\"q1\",{\"status\":\"UnknownMessageId\"}]");
    CHECK_EQ(s->ocpp.vendor.enabled, 1 << EVSE_VENDOR_BMSAlert);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorMessages", ""), 0);
    station_run(s, 200);
    CHECK_EQ(s->ocpp.vendor.due_us, UINT64_MAX);
}

// ---- VehicleInfo --------------------------------------------------------------------------------

static void vehicle_info_comes_once_a_plug_in(void)
{
    station_t *s = online_station("VehicleInfo");
    s->control[0].plugged = true;
    station_run(s, 2900);
    CHECK_EQ(count(s, "VehicleInfo"), 0);
    station_run(s, 400);
    CHECK_EQ(count(s, "VehicleInfo"), 1);
    CHECK_STR(member(sent(s, "VehicleInfo", 0), "soc"), "41.0");
    CHECK_STR(member(sent(s, "VehicleInfo", 0), "maxCurrent"), "30.000");
    CHECK_STR(member(sent(s, "VehicleInfo", 0), "temperature"), "25.3");
    CHECK_STR(member(sent(s, "VehicleInfo", 0), "model"), "\"Classic\"");
    CHECK_STR(member(sent(s, "VehicleInfo", 0), "range"), "33");
    CHECK(strncmp(member(sent(s, "VehicleInfo", 0), "timestamp"), "\"2026-11-21T09:42:3", 19) == 0);
    CHECK_STR(member(sent(s, "VehicleInfo", 0), "connector"), "");
    station_run(s, 100000);
    CHECK_EQ(count(s, "VehicleInfo"), 1);
    s->control[0].plugged = false;
    station_run(s, 1000);
    s->control[0].plugged = true;
    station_run(s, 5000);
    CHECK_EQ(count(s, "VehicleInfo"), 2);
}

static void vehicle_info_waits_until_the_vehicle_has_told_enough(void)
{
    station_t *s = online_station("VehicleInfo");
    s->control[0].plugged = true;
    s->control[0].request_mA = 0;
    station_run(s, 20000);
    CHECK_EQ(count(s, "VehicleInfo"), 0);
    s->control[0].request_mA = 25000;
    station_run(s, 500);
    CHECK_EQ(count(s, "VehicleInfo"), 1);
}

static void vehicle_info_of_a_plug_that_flaps_is_limited(void)
{
    station_t *s = online_station("VehicleInfo");
    for (unsigned i = 0; i < 12; i++) {
        s->control[0].plugged = true;
        station_run(s, 4500);
        s->control[0].plugged = false;
        station_run(s, 500);
    }
    CHECK_EQ(count(s, "VehicleInfo"), 2); // in 60 s
}

static void vehicle_info_is_not_told_of_a_transaction(void)
{
    station_t *s = online_station("VehicleInfo");
    station_start(s);
    station_run(s, 20000);
    stop_session(s);
    station_run(s, 20000);
    CHECK_EQ(count(s, "VehicleInfo"), 0);
}

// ---- SessionSummary -----------------------------------------------------------------------------

static void session_summary_follows_its_stop_transaction(void)
{
    station_t *s = online_station("SessionSummary");
    station_start(s);
    station_run(s, 125000);
    stop_session(s);
    station_run(s, 3000);
    CHECK_EQ(count(s, "SessionSummary"), 1);
    const char *summary = sent(s, "SessionSummary", 0);
    CHECK_STR(member(summary, "txId"), "1001");
    CHECK_STR(member(summary, "stopReason"), "\"Remote\"");
    CHECK_STR(member(summary, "finalSoc"), "41.0");
    CHECK_STR(member(summary, "durationMinutes"), "2");
    char energy[24];
    long long stop_Wh = station_int(station_find(s, "StopTransaction", 0), "meterStop");
    snprintf(energy, sizeof energy, "%lld", stop_Wh);
    CHECK_STR(member(summary, "energyDeliveredWh"), energy);
    CHECK(stop_Wh > 70);
    const station_call_t *last = &s->calls[s->call_count - 1];
    CHECK_STR(last->action, "DataTransfer"); // after StopTransaction
    station_run(s, 60000);
    CHECK_EQ(count(s, "SessionSummary"), 1);
}

static void session_summary_of_an_offline_session_has_its_real_id(void)
{
    station_t *s = online_station("SessionSummary");
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "AllowOfflineTxForUnknownId", "true"), 0);
    s->link.up = false;
    station_run(s, 500);
    s->control[0].plugged = true;
    station_run(s, 500);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 10000);
    CHECK_EQ(s->ocpp.session[0].state, EVSE_SESSION_RUNNING);
    CHECK_EQ(evse_ocpp_present_tag(&s->ocpp, 0, "CARD", s->now_us), 0);
    station_run(s, 5000);
    CHECK_EQ(count(s, "SessionSummary"), 0);
    CHECK_EQ(s->ocpp.vendor.count, 1);
    s->link.up = true;
    station_run(s, 120000);
    CHECK_EQ(count(s, "SessionSummary"), 1);
    CHECK_STR(member(sent(s, "SessionSummary", 0), "txId"), "1001");
    CHECK_STR(member(sent(s, "SessionSummary", 0), "stopReason"), "\"Local\"");
}

static void reboot(station_t *s)
{
    hf_flash_ram_power_off(&s->ram);
    hf_flash_ram_power_on(&s->ram);
    CHECK_EQ(station_boot(s), 0);
    s->call_count = 0;
}

static void session_summary_survives_a_power_cut_offline(void)
{
    station_t *s = online_station(ALL);
    station_start(s);
    station_run(s, 10000);
    fault(s, EVSE_FAULT_BMS_LOST); // a warning: not worth a write
    station_run(s, 1000);
    s->call_count = 0;
    s->link.up = false;
    station_run(s, 500);
    fault(s, EVSE_FAULT_OVERTEMPERATURE);
    fault(s, EVSE_FAULT_CAN_BUS_OFF);
    CHECK_EQ(evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_Local, s->now_us), 0);
    station_run(s, 3000);
    CHECK_EQ(s->ocpp.vendor.count, 3);
    CHECK_EQ(evse_store_next_key(&s->store, EVSE_OBJECT_VENDOR, 1), 1);
    CHECK_EQ(evse_store_next_key(&s->store, EVSE_OBJECT_VENDOR, 2), -1); // two written, not three
    reboot(s);
    CHECK_EQ(s->ocpp.vendor.count, 2);
    s->link.up = true;
    station_run(s, 60000);
    CHECK_EQ(count(s, "SessionSummary"), 1);
    CHECK_STR(member(sent(s, "SessionSummary", 0), "txId"), "1001");
    CHECK_EQ(count(s, "SystemAlert"), 1);
    CHECK_STR(member(sent(s, "SystemAlert", 0), "alertType"), "\"OVER_TEMPERATURE\"");
    CHECK(strncmp(member(sent(s, "SystemAlert", 0), "timestamp"), "\"2026-11-21T09:42:4", 19) == 0);
    CHECK_EQ(evse_store_next_key(&s->store, EVSE_OBJECT_VENDOR, 0), -1);
    reboot(s);
    station_run(s, 60000);
    CHECK_EQ(station_count(s, "DataTransfer"), 0);
}

static void session_summary_survives_a_reset(void)
{
    station_t *s = online_station("SessionSummary");
    station_start(s);
    station_run(s, 10000);
    s->csms.silent_action = "StopTransaction"; // what the summary waits for
    CHECK_STR(station_ask(s, "Reset", "{\"type\":\"Soft\"}"), STATION_ACCEPTED);
    station_run(s, 60000);
    CHECK_EQ(s->resets, 1);
    CHECK_EQ(count(s, "SessionSummary"), 0);
    s->csms.silent_action = NULL;
    reboot(s);
    station_run(s, 60000);
    CHECK_EQ(count(s, "SessionSummary"), 1);
    CHECK_STR(member(sent(s, "SessionSummary", 0), "stopReason"), "\"SoftReset\"");
}

// ---- alerts -------------------------------------------------------------------------------------

static void bms_alert_comes_with_each_change(void)
{
    station_t *s = online_station("BMSAlert");
    s->control[0].plugged = true;
    station_run(s, 5000);
    CHECK_EQ(count(s, "BMSAlert"), 0); // the first word is no change
    s->control[0].bms_allows = false;
    station_run(s, 500);
    CHECK_STR(member(sent(s, "BMSAlert", 0), "alertType"), "\"BMS_CHARGING_DISABLED\"");
    CHECK_STR(member(sent(s, "BMSAlert", 0), "message"), "\"the BMS forbids charging\"");
    CHECK_STR(member(sent(s, "BMSAlert", 0), "severity"), "");
    station_run(s, 10000);
    s->control[0].bms_allows = true;
    station_run(s, 500);
    CHECK_STR(member(sent(s, "BMSAlert", 1), "alertType"), "\"BMS_CHARGING_ENABLED\"");
    for (unsigned i = 0; i < 100; i++) { // a BMS that cannot decide
        s->control[0].bms_allows = i % 2 == 0;
        station_run(s, 100);
    }
    CHECK(count(s, "BMSAlert") <= 2 + 11);
}

static void system_alert_names_type_and_severity(void)
{
    static const struct {
        evse_fault_t fault;
        const char *type, *severity;
    } cases[] = {
        {EVSE_FAULT_BMS_LOST, "\"BMS_CAN_TIMEOUT\"", "\"Warning\""},
        {EVSE_FAULT_OVERTEMPERATURE, "\"OVER_TEMPERATURE\"", "\"Critical\""},
        {EVSE_FAULT_CHARGER_OFFLINE, "\"PowerSwitchFailure\"", "\"Warning\""},
        {EVSE_FAULT_CONTACTOR_WELDED, "\"PowerSwitchFailure\"", "\"Critical\""},
        {EVSE_FAULT_OVERVOLTAGE, "\"OVERVOLTAGE\"", "\"Critical\""},
        {EVSE_FAULT_LOCK_FAILED, "\"LOCK_FAILED\"", "\"Warning\""},
    };
    station_t *s = online_station("SystemAlert");
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fault(s, cases[i].fault);
        station_run(s, 200);
        CHECK_STR(member(sent(s, "SystemAlert", i), "alertType"), cases[i].type);
        CHECK_STR(member(sent(s, "SystemAlert", i), "severity"), cases[i].severity);
    }
    station_event(s, 0, EVSE_EVENT_ESTOP, 0);
    fault(s, EVSE_FAULT_EMERGENCY_STOP); // the same, told twice by control
    station_run(s, 1000);
    CHECK_EQ(count(s, "SystemAlert"), 7);
    CHECK_STR(member(sent(s, "SystemAlert", 6), "alertType"), "\"EMERGENCY_STOP\"");
    CHECK_STR(member(sent(s, "SystemAlert", 6), "severity"), "\"Critical\"");
}

static void system_alert_tells_a_full_battery_from_a_switch_off(void)
{
    station_t *s = online_station("SystemAlert");
    station_start(s);
    s->control[0].bms_allows = false;
    station_run(s, 1000);
    CHECK_STR(member(sent(s, "SystemAlert", 0), "alertType"), "\"BMS_CHARGER_SWITCH_OFF\"");
    CHECK_STR(member(sent(s, "SystemAlert", 0), "severity"), "\"Warning\"");
    s->control[0].bms_allows = true;
    station_run(s, 2000);
    s->control[0].soc_permille = 930;
    s->control[0].bms_allows = false;
    station_run(s, 2000);
    CHECK_STR(member(sent(s, "SystemAlert", 1), "alertType"), "\"CHARGE_COMPLETE\"");
    CHECK_STR(member(sent(s, "SystemAlert", 1), "severity"), "\"Info\"");
}

// ---- LiveTelemetry ------------------------------------------------------------------------------

static void live_telemetry_comes_in_a_session_alone(void)
{
    station_t *s = online_station("");
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "TelemetryInterval", "5"), 0);
    station_run(s, 20000);
    CHECK_EQ(count(s, "LiveTelemetry"), 0);
    station_start(s);
    station_run(s, 50000);
    CHECK(count(s, "LiveTelemetry") >= 9 && count(s, "LiveTelemetry") <= 11);
    const char *data = sent(s, "LiveTelemetry", 5);
    CHECK_STR(member(data, "v"), "76.400");
    CHECK_STR(member(data, "i"), "30.200");
    CHECK_STR(member(data, "p"), "2307");
    CHECK_STR(member(data, "s"), "41.0");
    CHECK_STR(member(data, "t"), "25.3");
    CHECK(atoi(member(data, "e")) > 10);
    unsigned before = count(s, "LiveTelemetry");
    stop_session(s);
    station_run(s, 20000);
    CHECK(count(s, "LiveTelemetry") <= before + 1);
}

static void live_telemetry_is_never_queued(void)
{
    station_t *s = online_station("");
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "TelemetryInterval", "2"), 0);
    station_start(s);
    station_run(s, 5000);
    s->link.up = false;
    station_run(s, 60000);
    CHECK_EQ(s->ocpp.vendor.count, 0);
    s->call_count = 0;
    s->link.up = true;
    station_run(s, 62000);
    CHECK(count(s, "LiveTelemetry") <= 32);
}

// ---- queue and line -----------------------------------------------------------------------------

static void vendor_full_queue_drops_the_least_first(void)
{
    station_t *s = online_station(ALL);
    s->link.up = false;
    station_run(s, 500);
    s->control[0].plugged = true;
    station_run(s, 5000); // VehicleInfo
    CHECK_EQ(s->ocpp.vendor.count, 1);
    for (unsigned i = 0; i < CONFIG_EVSE_VENDOR_QUEUE + 8; i++) {
        unsigned which = 1 + i % (EVSE_FAULT_COUNT - 1);
        if (which != EVSE_FAULT_EMERGENCY_STOP) {
            fault(s, (evse_fault_t)which);
        }
    }
    CHECK_EQ(s->ocpp.vendor.count, CONFIG_EVSE_VENDOR_QUEUE);
    CHECK(s->ocpp.vendor.dropped > 0);
    bool critical = false;
    for (unsigned i = 0; i < s->ocpp.vendor.count; i++) {
        CHECK(s->ocpp.vendor.item[i].kind != EVSE_VENDOR_VehicleInfo);
        critical = critical || s->ocpp.vendor.item[i].code == EVSE_FAULT_OVERVOLTAGE;
    }
    CHECK(critical);
    unsigned dropped = s->ocpp.vendor.dropped;
    station_run(s, 40000);
    s->control[0].plugged = false;
    station_run(s, 500);
    s->control[0].plugged = true;
    station_run(s, 5000); // VehicleInfo again, into a queue of better things
    CHECK_EQ(s->ocpp.vendor.dropped, dropped + 1);
    for (unsigned i = 0; i < s->ocpp.vendor.count; i++) {
        CHECK(s->ocpp.vendor.item[i].kind != EVSE_VENDOR_VehicleInfo);
    }
}

static void vendor_alert_that_waits_is_not_doubled(void)
{
    station_t *s = online_station("SystemAlert");
    s->link.up = false;
    station_run(s, 500);
    for (unsigned i = 0; i < 20; i++) {
        fault(s, EVSE_FAULT_OVERVOLTAGE);
    }
    CHECK_EQ(s->ocpp.vendor.count, 1);
    CHECK_EQ(s->ocpp.vendor.dropped, 0);
}

static void vendor_message_lost_with_its_link_is_sent_again(void)
{
    station_t *s = online_station("SystemAlert");
    s->csms.silent_action = "DataTransfer";
    fault(s, EVSE_FAULT_OVERVOLTAGE);
    station_run(s, 500);
    CHECK_EQ(count(s, "SystemAlert"), 1);
    s->link.up = false;
    station_run(s, 500);
    s->csms.silent_action = NULL;
    s->link.up = true;
    station_run(s, 60000);
    CHECK_EQ(count(s, "SystemAlert"), 2);
    CHECK_EQ(s->ocpp.vendor.count, 0);
}

static void vendor_message_told_into_a_dead_link_is_sent_again(void)
{
    station_t *s = online_station("SystemAlert");
    s->csms.silent_action = "DataTransfer";
    fault(s, EVSE_FAULT_OVERVOLTAGE);
    station_run(s, 40000); // its answer is given up long before the dead link is found
    CHECK_EQ(count(s, "SystemAlert"), 1);
    s->link.up = false;
    station_run(s, 500);
    s->csms.silent_action = NULL;
    s->link.up = true;
    station_run(s, 120000);
    CHECK_EQ(count(s, "SystemAlert"), 2);
    CHECK_EQ(s->ocpp.vendor.count, 0);
}

static void vendor_unanswered_ones_come_less_and_less_often(void)
{
    station_t *s = online_station("SystemAlert");
    s->csms.silent_action = "DataTransfer";
    for (unsigned i = 0; i < 600; i++) { // ten minutes, a fault a second
        fault(s, i % 2 == 0 ? EVSE_FAULT_OVERVOLTAGE : EVSE_FAULT_BMS_LOST);
        station_run(s, 980);
    }
    CHECK(count(s, "SystemAlert") <= 4); // at 0, 90, 240 and 510 s
    CHECK(s->ocpp.vendor.unanswered >= 3);
    s->csms.silent_action = NULL;
    station_run(s, 700000);
    CHECK_EQ(s->ocpp.vendor.count, 0);
    CHECK_EQ(s->ocpp.vendor.silent, 0);
}

static void vendor_refused_ones_are_given_up(void)
{
    station_t *s = online_station("SystemAlert");
    s->csms.refuse_action = "DataTransfer";
    fault(s, EVSE_FAULT_OVERVOLTAGE);
    station_run(s, 1000);
    CHECK_EQ(count(s, "SystemAlert"), 1);
    CHECK_EQ(s->ocpp.vendor.count, 0);
    CHECK_EQ(s->ocpp.vendor.refused, 1);
    fault(s, EVSE_FAULT_OVERCURRENT);
    station_run(s, 50000);
    CHECK_EQ(count(s, "SystemAlert"), 1); // who knows no such thing is left alone for a minute
    station_run(s, 12000);
    CHECK_EQ(count(s, "SystemAlert"), 2);
}

static void rule_04_billing_messages_go_before_vendor_messages(void)
{
    station_t *s = online_station(ALL);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "MeterValueSampleInterval", "5"), 0);
    station_start(s);
    s->link.up = false;
    station_run(s, 500);
    fault(s, EVSE_FAULT_LOCK_FAILED);
    station_run(s, 30000);
    CHECK_EQ(evse_ocpp_stop(&s->ocpp, 0, EVSE_STOP_Local, s->now_us), 0);
    station_run(s, 5000);
    s->call_count = 0;
    s->link.up = true;
    station_run(s, 60000);
    bool vendor_seen = false;
    CHECK_EQ(station_count(s, "StopTransaction"), 1);
    CHECK_EQ(station_count(s, "DataTransfer"), 2);
    for (unsigned i = 0; i < s->call_count; i++) {
        bool billing = strcmp(s->calls[i].action, "StopTransaction") == 0 ||
                       station_int(&s->calls[i], "transactionId") > 0;
        vendor_seen = vendor_seen || strcmp(s->calls[i].action, "DataTransfer") == 0;
        CHECK(!(billing && vendor_seen));
    }
}

static void rule_08_vendor_messages_wait_for_the_registration(void)
{
    station_t *s = station_new(1);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorMessages", ALL), 0);
    s->csms.boot_status = "Pending";
    s->csms.interval_s = 20;
    s->link.up = true;
    station_run(s, 1000);
    fault(s, EVSE_FAULT_OVERVOLTAGE);
    station_run(s, 10000);
    CHECK_EQ(station_count(s, "DataTransfer"), 0);
    s->csms.boot_status = "Accepted";
    station_run(s, 30000);
    CHECK_EQ(count(s, "SystemAlert"), 1);
}

static void vendor_several_connectors_are_named(void)
{
    station_t *s = station_online(2);
    CHECK_EQ(evse_ocpp_set_key(&s->ocpp, "VendorMessages", ALL), 0);
    station_event(s, 1, EVSE_EVENT_FAULT, EVSE_FAULT_OVERVOLTAGE);
    station_run(s, 500);
    CHECK_STR(member(sent(s, "SystemAlert", 0), "connector"), "2");
}

HF_TEST_MAIN(HF_TEST(vendor_unknown_ones_are_told_apart),
             HF_TEST(vendor_wrong_payloads_get_the_specified_code),
             HF_TEST(vendor_own_messages_are_answered_with_data),
             HF_TEST(vendor_asked_for_what_is_not_there_rejects),
             HF_TEST(vendor_integrators_table_is_asked_first),
             HF_TEST(vendor_nothing_is_sent_unless_asked_for),
             HF_TEST(vendor_keys_take_only_what_they_name),
             HF_TEST(vehicle_info_comes_once_a_plug_in),
             HF_TEST(vehicle_info_waits_until_the_vehicle_has_told_enough),
             HF_TEST(vehicle_info_of_a_plug_that_flaps_is_limited),
             HF_TEST(vehicle_info_is_not_told_of_a_transaction),
             HF_TEST(session_summary_follows_its_stop_transaction),
             HF_TEST(session_summary_of_an_offline_session_has_its_real_id),
             HF_TEST(session_summary_survives_a_power_cut_offline),
             HF_TEST(session_summary_survives_a_reset), HF_TEST(bms_alert_comes_with_each_change),
             HF_TEST(system_alert_names_type_and_severity),
             HF_TEST(system_alert_tells_a_full_battery_from_a_switch_off),
             HF_TEST(live_telemetry_comes_in_a_session_alone),
             HF_TEST(live_telemetry_is_never_queued),
             HF_TEST(vendor_full_queue_drops_the_least_first),
             HF_TEST(vendor_alert_that_waits_is_not_doubled),
             HF_TEST(vendor_message_lost_with_its_link_is_sent_again),
             HF_TEST(vendor_message_told_into_a_dead_link_is_sent_again),
             HF_TEST(vendor_unanswered_ones_come_less_and_less_often),
             HF_TEST(vendor_refused_ones_are_given_up),
             HF_TEST(rule_04_billing_messages_go_before_vendor_messages),
             HF_TEST(rule_08_vendor_messages_wait_for_the_registration),
             HF_TEST(vendor_several_connectors_are_named))
