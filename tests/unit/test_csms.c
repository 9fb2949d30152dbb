// SPDX-License-Identifier: MIT
// The scriptable central system: what it answers, what it refuses, what it bills once however often it comes, what its
// moods and script lines do.
#include "hf_test.h"

#include "csms/csms.h"

#define UTC_MS    1700000000000u // 2023-11-14T22:13:20Z
#define US_PER_MS 1000u

typedef struct hear {
    char sent[8][9000];
    unsigned sent_count;
    char event[64][9000];
    unsigned events;
} hear_t;

static hear_t hear;
static csms_t csms;

static void on_send(void *ctx, unsigned station, const char *text, size_t length)
{
    hear_t *to = ctx;
    CHECK_EQ(station, 0);
    CHECK_EQ(strlen(text), length);
    (void)snprintf(to->sent[to->sent_count++ % 8u], sizeof to->sent[0], "%s", text);
}

static void on_event(void *ctx, const char *json)
{
    hear_t *to = ctx;
    hf_json_t parsed;
    CHECK_EQ(hf_json_parse(json, strlen(json), &parsed), HF_OK);
    (void)snprintf(to->event[to->events++ % 64u], sizeof to->event[0], "%s", json);
}

static void begin(void)
{
    memset(&hear, 0, sizeof hear);
    const csms_config_t config = {.send = on_send,
                                  .event = on_event,
                                  .ctx = &hear,
                                  .utc_ms = UTC_MS,
                                  .call_timeout_ms = 1000};
    CHECK_EQ(csms_init(&csms, &config), HF_OK);
    CHECK_EQ(csms_connect(&csms, "CP1", 0), 0);
}

static const char *sent(void)
{
    return hear.sent_count == 0 ? "" : hear.sent[(hear.sent_count - 1u) % 8u];
}

static const char *event(void)
{
    return hear.events == 0 ? "" : hear.event[(hear.events - 1u) % 64u];
}

static const char *receive(const char *text)
{
    csms_receive(&csms, 0, text, strlen(text), 5000 * US_PER_MS);
    return sent();
}

static const char *call(const char *id, const char *action, const char *payload)
{
    char text[4096];
    (void)snprintf(text, sizeof text, "[2,\"%s\",\"%s\",%s]", id, action, payload);
    return receive(text);
}

static const char *start(const char *id, int meter_Wh)
{
    char payload[256];
    (void)snprintf(payload, sizeof payload,
                   "{\"connectorId\":1,\"idTag\":\"TAG\",\"meterStart\":%d,\"timestamp\":"
                   "\"2023-11-14T22:13:21.000Z\"}",
                   meter_Wh);
    return call(id, "StartTransaction", payload);
}

static const char *stop(const char *id, int transaction, int meter_Wh)
{
    char payload[256];
    (void)snprintf(payload, sizeof payload,
                   "{\"transactionId\":%d,\"meterStop\":%d,\"timestamp\":\"2023-11-14T22:14:21Z\","
                   "\"reason\":\"Remote\"}",
                   transaction, meter_Wh);
    return call(id, "StopTransaction", payload);
}

// ---- answers ----

static void csms_boot_accepted_with_its_clock(void)
{
    begin();
    CHECK_STR(
        call("1", "BootNotification", "{\"chargePointVendor\":\"V\",\"chargePointModel\":\"M\"}"),
        "[3,\"1\",{\"status\":\"Accepted\",\"currentTime\":\"2023-11-14T22:13:25.000Z\","
        "\"interval\":300}]");
    CHECK(strstr(event(), "\"event\":\"boot\",\"station\":\"CP1\",\"id\":\"1\",\"vendor\":\"V\"") !=
          NULL);
    CHECK(csms.station[0].accepted);
    CHECK_EQ(csms.station[0].boots, 1);
}

static void csms_status_told_kept_for_its_connector(void)
{
    begin();
    CHECK_STR(call("2", "StatusNotification",
                   "{\"connectorId\":1,\"errorCode\":\"OverVoltage\",\"status\":\"Faulted\","
                   "\"vendorErrorCode\":\"3\"}"),
              "[3,\"2\",{}]");
    CHECK_STR(csms.station[0].status[1], "Faulted");
    CHECK(
        strstr(event(),
               "\"status\":\"Faulted\",\"errorCode\":\"OverVoltage\",\"vendorErrorCode\":\"3\"") !=
        NULL);
}

static void csms_other_calls_answered(void)
{
    begin();
    CHECK_STR(call("3", "Heartbeat", "{}"),
              "[3,\"3\",{\"currentTime\":\"2023-11-14T22:13:25.000Z\"}]");
    CHECK_STR(call("4", "Authorize", "{\"idTag\":\"TAG\"}"),
              "[3,\"4\",{\"idTagInfo\":{\"status\":\"Accepted\"}}]");
    CHECK_STR(call("5", "DataTransfer", "{\"vendorId\":\"x\",\"data\":{\"any\":1}}"),
              "[3,\"5\",{\"status\":\"Accepted\"}]");
    CHECK_EQ(csms.station[0].invalid, 0);
}

static void csms_id_with_quotes_is_echoed_as_json(void)
{
    begin();
    CHECK_STR(receive("[2,\"a\\\"b\",\"Nonsense\",{}]"),
              "[4,\"a\\\"b\",\"NotImplemented\",\"no such action\",{}]");
}

// ---- refusals ----

#define SAMPLE(text)                                                                               \
    "{\"connectorId\":1,\"meterValue\":[{\"timestamp\":\"2023-11-14T22:13:21Z\",\"sampledValue\":" \
    "[" text "]}]}"

static void csms_payload_not_by_the_specification_is_refused(void)
{
    static const struct {
        const char *action, *payload, *code;
    } cases[] = {
        {"BootNotification", "{\"chargePointVendor\":\"V\"}", "OccurenceConstraintViolation"},
        {"BootNotification", "{\"chargePointVendor\":1,\"chargePointModel\":\"M\"}",
         "TypeConstraintViolation"},
        {"BootNotification",
         "{\"chargePointVendor\":\"123456789012345678901\",\"chargePointModel\":\"M\"}",
         "PropertyConstraintViolation"},
        {"BootNotification", "{\"chargePointVendor\":\"V\",\"chargePointModel\":\"M\",\"extra\":1}",
         "FormationViolation"},
        {"Heartbeat", "{\"a\":1}", "FormationViolation"},
        {"StatusNotification", "{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Busy\"}",
         "PropertyConstraintViolation"},
        {"StatusNotification",
         "{\"connectorId\":1,\"errorCode\":\"None\",\"status\":\"Available\"}",
         "PropertyConstraintViolation"},
        {"StatusNotification",
         "{\"connectorId\":5,\"errorCode\":\"NoError\",\"status\":\"Available\"}",
         "PropertyConstraintViolation"},
        {"StatusNotification",
         "{\"connectorId\":\"1\",\"errorCode\":\"NoError\",\"status\":\"Available\"}",
         "TypeConstraintViolation"},
        {"StatusNotification",
         "{\"connectorId\":1,\"errorCode\":\"NoError\",\"status\":\"Available\",\"timestamp\":"
         "\"noon\"}",
         "PropertyConstraintViolation"},
        {"Authorize", "{\"idTag\":\"123456789012345678901\"}", "PropertyConstraintViolation"},
        {"StartTransaction",
         "{\"connectorId\":0,\"idTag\":\"T\",\"meterStart\":0,\"timestamp\":\"2023-11-14T22:13:"
         "21Z\"}",
         "PropertyConstraintViolation"},
        {"StartTransaction",
         "{\"connectorId\":1,\"idTag\":\"T\",\"meterStart\":0.5,\"timestamp\":\"2023-11-14T22:13:"
         "21Z\"}",
         "TypeConstraintViolation"},
        {"StartTransaction", "{\"connectorId\":1,\"idTag\":\"T\",\"meterStart\":0}",
         "OccurenceConstraintViolation"},
        {"StopTransaction",
         "{\"transactionId\":1,\"meterStop\":0,\"timestamp\":\"2023-11-14T22:13:21Z\",\"reason\":"
         "\"Bored\"}",
         "PropertyConstraintViolation"},
        {"StopTransaction",
         "{\"transactionId\":99999999999,\"meterStop\":0,\"timestamp\":\"2023-11-14T22:13:21Z\"}",
         "PropertyConstraintViolation"},
        {"StopTransaction",
         "{\"transactionId\":1,\"meterStop\":0,\"timestamp\":\"2023-11-14T22:13:21Z\","
         "\"transactionData\":[]}",
         "OccurenceConstraintViolation"},
        {"MeterValues", "{\"connectorId\":1,\"meterValue\":[]}", "OccurenceConstraintViolation"},
        {"MeterValues", "{\"connectorId\":1,\"meterValue\":{}}", "TypeConstraintViolation"},
        {"MeterValues", "{\"connectorId\":1,\"meterValue\":[7]}", "TypeConstraintViolation"},
        {"MeterValues", SAMPLE(""), "OccurenceConstraintViolation"},
        {"MeterValues", SAMPLE("{\"unit\":\"Wh\"}"), "OccurenceConstraintViolation"},
        {"MeterValues", SAMPLE("{\"value\":7}"), "TypeConstraintViolation"},
        {"MeterValues", SAMPLE("{\"value\":\"much\"}"), "PropertyConstraintViolation"},
        {"MeterValues", SAMPLE("{\"value\":\"1\",\"measurand\":\"Energy\"}"),
         "PropertyConstraintViolation"},
        {"MeterValues", SAMPLE("{\"value\":\"1\",\"unit\":\"MWh\"}"),
         "PropertyConstraintViolation"},
        {"MeterValues", SAMPLE("{\"value\":\"1\",\"context\":\"Periodic\"}"),
         "PropertyConstraintViolation"},
        {"FirmwareStatusNotification", "{\"status\":\"Idle\"}", "NotImplemented"},
    };
    begin();
    for (unsigned i = 0; i < HF_COUNT_OF(cases); i++) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "[4,\"x\",\"%s\",", cases[i].code);
        const char *answer = call("x", cases[i].action, cases[i].payload);
        if (strncmp(answer, expected, strlen(expected)) != 0) {
            HF_TEST_FAIL("%s %s: %s, expected %s", cases[i].action, cases[i].payload, answer,
                         expected);
        }
        CHECK_EQ(csms.station[0].invalid, i + 1);
    }
    CHECK_EQ(csms.entries, 0);
}

static void csms_longest_text_counts_characters_not_bytes(void)
{
    begin();
    CHECK_STR(
        call("1", "Authorize",
             "{\"idTag\":\"\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
             "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3"
             "\xA4\"}"),
        "[3,\"1\",{\"idTagInfo\":{\"status\":\"Accepted\"}}]");
}

static void csms_frame_that_is_none_is_told_not_answered(void)
{
    static const char *const frames[] = {"",
                                         "{}",
                                         "[]",
                                         "not JSON",
                                         "[\"2\",\"1\",\"Heartbeat\",{}]",
                                         "[5,\"1\",{}]",
                                         "[2,1,\"Heartbeat\",{}]",
                                         "[2,\"1\",\"Heartbeat\"]",
                                         "[2,\"1\",\"Heartbeat\",[]]",
                                         "[2,\"1\",\"Heartbeat\",{},1]",
                                         "[3,\"1\",{}]",
                                         "[4,\"1\",\"InternalError\",\"\",{}]"};
    begin();
    for (unsigned i = 0; i < HF_COUNT_OF(frames); i++) {
        (void)receive(frames[i]);
        CHECK_EQ(hear.sent_count, 0);
        CHECK_EQ(csms.station[0].invalid, i + 1);
        CHECK(strstr(event(), "\"event\":\"invalid\"") != NULL);
    }
}

// ---- the ledger ----

static void csms_resend_answered_as_the_first_counted_once(void)
{
    begin();
    char first[256];
    (void)snprintf(first, sizeof first, "%s", start("a", 5));
    CHECK_STR(first, "[3,\"a\",{\"transactionId\":1001,\"idTagInfo\":{\"status\":\"Accepted\"}}]");
    CHECK_STR(start("a", 5), first);
    CHECK(strstr(event(), "\"transactionId\":1001,\"meter_Wh\":5,\"idTag\":\"TAG\",\"duplicate\":"
                          "true,\"conflicts\":0") != NULL);
    CHECK_EQ(csms_count(&csms, 0, CSMS_LEDGER_START), 1);
    CHECK_EQ(csms.ledger[0].duplicates, 1);
    CHECK_EQ(csms.ledger[0].conflicts, 0);
    CHECK_STR(start("b", 5),
              "[3,\"b\",{\"transactionId\":1002,\"idTagInfo\":{\"status\":\"Accepted\"}}]");
    CHECK_EQ(csms_count(&csms, 0, CSMS_LEDGER_START), 2);
}

static void csms_resend_over_a_new_connection_still_a_duplicate(void)
{
    begin();
    (void)start("a", 5);
    csms_disconnect(&csms, 0, 6000 * US_PER_MS);
    CHECK_EQ(csms_connect(&csms, "CP1", 7000 * US_PER_MS), 0);
    CHECK_STR(start("a", 5),
              "[3,\"a\",{\"transactionId\":1001,\"idTagInfo\":{\"status\":\"Accepted\"}}]");
    CHECK_EQ(csms.ledger[0].duplicates, 1);
}

static void csms_resend_with_another_payload_is_a_conflict(void)
{
    begin();
    (void)start("a", 5);
    CHECK_STR(start("a", 6),
              "[3,\"a\",{\"transactionId\":1001,\"idTagInfo\":{\"status\":\"Accepted\"}}]");
    CHECK_EQ(csms.ledger[0].conflicts, 1);
    CHECK_EQ(csms.ledger[0].meter_Wh, 5);
    (void)stop("a", 1001, 5); // the id of a message of another kind
    CHECK_EQ(csms.ledger[0].conflicts, 2);
    CHECK_EQ(csms.entries, 1);
}

static void csms_stop_billed_on_the_connector_of_its_start(void)
{
    begin();
    (void)start("a", 5);
    CHECK_STR(stop("b", 1001, 9), "[3,\"b\",{\"idTagInfo\":{\"status\":\"Accepted\"}}]");
    CHECK_EQ(csms.entries, 2);
    CHECK_EQ(csms.ledger[1].connector, 1);
    CHECK_EQ(csms.ledger[1].meter_Wh, 9);
    CHECK_EQ(csms.ledger[1].utc_ms, UTC_MS + 61000u);
    CHECK_STR(csms.ledger[1].reason, "Remote");
    CHECK(strstr(event(), "\"event\":\"stop\"") != NULL);
}

static void csms_stop_without_reason_means_local(void)
{
    begin();
    (void)call("b", "StopTransaction",
               "{\"transactionId\":-1,\"meterStop\":1,\"timestamp\":\"2023-11-14T22:13:21Z\"}");
    CHECK_EQ(csms.entries, 1);
    CHECK_STR(csms.ledger[0].reason, "Local");
    CHECK_EQ(csms.ledger[0].transaction_id, -1);
}

static void csms_meter_values_billed_only_with_a_transaction(void)
{
    begin();
    CHECK_STR(call("m", "MeterValues", SAMPLE("{\"value\":\"7\"}")), "[3,\"m\",{}]");
    CHECK_EQ(csms.entries, 0);
    CHECK_STR(call("n", "MeterValues",
                   "{\"connectorId\":1,\"transactionId\":1001,\"meterValue\":[{\"timestamp\":"
                   "\"2023-11-14T22:13:21Z\","
                   "\"sampledValue\":[{\"value\":\"2311.5\",\"measurand\":\"Power.Active.Import\","
                   "\"unit\":\"W\"},"
                   "{\"value\":\"42\",\"measurand\":\"Energy.Active.Import.Register\",\"unit\":"
                   "\"Wh\"}]}]}"),
              "[3,\"n\",{}]");
    CHECK_EQ(csms_count(&csms, 0, CSMS_LEDGER_METER), 1);
    CHECK_EQ(csms.ledger[0].meter_Wh, 42);
    CHECK(strstr(event(), "\"transactionId\":1001,\"values\":{\"Power.Active.Import\":\"2311.5\","
                          "\"Energy.Active.Import.Register\":\"42\"}") != NULL);
}

static void csms_full_ledger_loses_no_count(void)
{
    begin();
    csms.entries = CSMS_LEDGER_MAX - 1u;
    CHECK_STR(start("a", 1),
              "[3,\"a\",{\"transactionId\":1001,\"idTagInfo\":{\"status\":\"Accepted\"}}]");
    CHECK_STR(start("b", 2), "[4,\"b\",\"InternalError\",\"ledger full\",{}]");
    CHECK_STR(stop("c", 1001, 3), "[4,\"c\",\"InternalError\",\"ledger full\",{}]");
    CHECK_EQ(csms.entries_lost, 2);
    CHECK_EQ(csms.station[0].invalid, 0);
    CHECK_STR(start("a", 1),
              "[3,\"a\",{\"transactionId\":1001,\"idTagInfo\":{\"status\":\"Accepted\"}}]");
    CHECK_EQ(csms.entries_lost, 2);
}

// ---- moods ----

static void csms_moods_misbehave_as_told(void)
{
    begin();
    CHECK_EQ(csms_command(&csms, "mood silent on", 0), HF_OK);
    (void)call("1", "Heartbeat", "{}");
    CHECK_EQ(hear.sent_count, 0);
    CHECK_EQ(csms_command(&csms, "mood silent off", 0), HF_OK);
    CHECK_EQ(csms_command(&csms, "mood callerror on", 0), HF_OK);
    CHECK_STR(start("a", 1), "[4,\"a\",\"InternalError\",\"told to refuse\",{}]");
    CHECK_EQ(csms.entries, 0);
    CHECK_EQ(csms.station[0].invalid, 0);
    CHECK_STR(call("2", "Heartbeat", "{}"),
              "[3,\"2\",{\"currentTime\":\"2023-11-14T22:13:25.000Z\"}]");
    CHECK_EQ(csms_command(&csms, "mood callerror off", 0), HF_OK);
    CHECK_EQ(csms_command(&csms, "mood block-tags on", 0), HF_OK);
    CHECK_STR(start("a", 1),
              "[3,\"a\",{\"transactionId\":1001,\"idTagInfo\":{\"status\":\"Invalid\"}}]");
}

static void csms_boot_answered_by_mood(void)
{
    static const char boot[] = "{\"chargePointVendor\":\"V\",\"chargePointModel\":\"M\"}";
    begin();
    CHECK_EQ(csms_command(&csms, "mood boot-pending on", 0), HF_OK);
    CHECK(strstr(call("1", "BootNotification", boot), "\"status\":\"Pending\"") != NULL);
    CHECK(!csms.station[0].accepted);
    CHECK_EQ(csms_command(&csms, "mood boot-rejected on", 0), HF_OK);
    CHECK(strstr(call("2", "BootNotification", boot), "\"status\":\"Rejected\"") != NULL);
}

// ---- script lines ----

static void csms_script_lines_become_calls(void)
{
    static const struct {
        const char *line, *action, *payload;
    } cases[] = {
        {"remote-start CP1 1 TAG", "RemoteStartTransaction",
         "{\"idTag\":\"TAG\",\"connectorId\":1}"},
        {"remote-stop CP1 17", "RemoteStopTransaction", "{\"transactionId\":17}"},
        {"remote-stop CP1", "RemoteStopTransaction", "{\"transactionId\":1001}"},
        {"trigger CP1 Heartbeat", "TriggerMessage", "{\"requestedMessage\":\"Heartbeat\"}"},
        {"trigger CP1 MeterValues 1", "TriggerMessage",
         "{\"requestedMessage\":\"MeterValues\",\"connectorId\":1}"},
        {"reset CP1 Soft", "Reset", "{\"type\":\"Soft\"}"},
        {"availability CP1 0 Inoperative", "ChangeAvailability",
         "{\"type\":\"Inoperative\",\"connectorId\":0}"},
        {"unlock CP1 1", "UnlockConnector", "{\"connectorId\":1}"},
        {"get-config CP1", "GetConfiguration", "{}"},
        {"get-config CP1 HeartbeatInterval", "GetConfiguration",
         "{\"key\":[\"HeartbeatInterval\"]}"},
        {"set-config CP1 Key a b", "ChangeConfiguration", "{\"key\":\"Key\",\"value\":\"a b\"}"},
        {"clear-cache CP1", "ClearCache", "{}"},
        {"call CP1 Dance {\"a\": 1}", "Dance", "{\"a\": 1}"},
    };
    begin();
    (void)start("a", 0);
    for (unsigned i = 0; i < HF_COUNT_OF(cases); i++) {
        char expected[256], answer[64];
        CHECK_EQ(csms_command(&csms, cases[i].line, 0), HF_OK);
        (void)snprintf(expected, sizeof expected, "[2,\"cs%u\",\"%s\",%s]", i + 1, cases[i].action,
                       cases[i].payload);
        CHECK_STR(sent(), expected);
        (void)snprintf(answer, sizeof answer, "[3,\"cs%u\",{\"status\":\"Accepted\"}]", i + 1);
        (void)receive(answer);
        CHECK(strstr(event(), "\"event\":\"answer\"") != NULL);
    }
    CHECK_EQ(csms.station[0].invalid, 0);
}

static void csms_wrong_lines_are_refused(void)
{
    begin();
    CHECK_EQ(csms_command(&csms, "dance CP1", 0), HF_E_FORMAT);
    CHECK_EQ(csms_command(&csms, "reset", 0), HF_E_FORMAT);
    CHECK_EQ(csms_command(&csms, "reset CP1", 0), HF_E_FORMAT);
    CHECK_EQ(csms_command(&csms, "remote-start CP1 one TAG", 0), HF_E_FORMAT);
    CHECK_EQ(csms_command(&csms, "reset CP2 Soft", 0), HF_E_NOT_FOUND);
    CHECK_EQ(csms_command(&csms, "mood silent maybe", 0), HF_E_FORMAT);
    CHECK_EQ(csms_command(&csms, "mood sad on", 0), HF_E_FORMAT);
    CHECK_EQ(csms_command(&csms, "", 0), HF_OK);
    CHECK_EQ(csms_command(&csms, "# a remark", 0), HF_OK);
    CHECK_EQ(hear.sent_count, 0);
    CHECK_EQ(csms_command(&csms, "raw CP1 [2,\"\"", 0), HF_OK);
    CHECK_STR(sent(), "[2,\"\"");
}

static void csms_second_call_waits_for_the_first_answer(void)
{
    begin();
    CHECK_EQ(csms_command(&csms, "clear-cache CP1", 0), HF_OK);
    CHECK_EQ(csms_command(&csms, "get-config CP1", 0), HF_OK);
    CHECK_EQ(hear.sent_count, 1);
    (void)receive("[3,\"cs2\",{}]"); // not the one that is outstanding
    CHECK_EQ(hear.sent_count, 1);
    CHECK_EQ(csms.station[0].invalid, 1);
    CHECK_STR(receive("[4,\"cs1\",\"NotSupported\",\"\",{}]"),
              "[2,\"cs2\",\"GetConfiguration\",{}]");
    CHECK(strstr(hear.event[hear.events - 2u],
                 "\"event\":\"callerror\",\"station\":\"CP1\",\"action\":\"ClearCache\","
                 "\"code\":\"NotSupported\"") != NULL);
}

static void csms_call_without_answer_times_out(void)
{
    begin();
    CHECK_EQ(csms_command(&csms, "clear-cache CP1", 0), HF_OK);
    csms_poll(&csms, 999 * US_PER_MS);
    CHECK(strstr(event(), "\"event\":\"timeout\"") == NULL);
    csms_poll(&csms, 1000 * US_PER_MS);
    CHECK(strstr(event(), "\"event\":\"timeout\",\"station\":\"CP1\",\"action\":\"ClearCache\"") !=
          NULL);
    CHECK_EQ(csms_command(&csms, "get-config CP1", 1001 * US_PER_MS), HF_OK);
    CHECK_STR(sent(), "[2,\"cs2\",\"GetConfiguration\",{}]");
}

static void csms_calls_to_nobody_or_too_many_are_refused(void)
{
    begin();
    for (unsigned i = 0; i < CSMS_PENDING_MAX + 1u; i++) { // one is outstanding
        CHECK_EQ(csms_command(&csms, "clear-cache CP1", 0), HF_OK);
    }
    CHECK_EQ(csms_command(&csms, "clear-cache CP1", 0), HF_E_FULL);
    csms_disconnect(&csms, 0, 1);
    CHECK_EQ(csms_command(&csms, "clear-cache CP1", 2), HF_E_CLOSED);
    CHECK_EQ(hear.sent_count, 1);
}

static void csms_answer_is_told_whole_or_as_too_long(void)
{
    static char text[9000];
    begin();
    CHECK_EQ(csms_command(&csms, "get-config CP1", 0), HF_OK);
    (void)snprintf(text, sizeof text, "[3,\"cs1\",{\"unknownKey\":[\"%03900d\"]}]", 7);
    (void)receive(text);
    CHECK(strstr(event(), "0000007\"]}}") != NULL);
    CHECK_EQ(csms_command(&csms, "get-config CP1", 0), HF_OK);
    (void)snprintf(text, sizeof text, "[3,\"cs2\",{\"unknownKey\":[\"%08300d\"]}]", 7);
    (void)receive(text);
    CHECK_STR(event(), "{\"event\":\"invalid\",\"why\":\"an event too long to tell\"}");
}

static void csms_stations_are_kept_apart(void)
{
    begin();
    char id[CSMS_ID_BYTES + 1u];
    memset(id, 'x', CSMS_ID_BYTES);
    id[CSMS_ID_BYTES] = '\0';
    CHECK_EQ(csms_connect(&csms, id, 0), HF_E_TOO_LONG);
    CHECK_EQ(csms_connect(&csms, "", 0), HF_E_TOO_LONG);
    for (unsigned i = 1; i < CSMS_STATIONS_MAX; i++) {
        (void)snprintf(id, sizeof id, "OTHER%u", i);
        CHECK_EQ(csms_connect(&csms, id, 0), i);
    }
    CHECK_EQ(csms_connect(&csms, "ONE_TOO_MANY", 0), HF_E_FULL);
    CHECK_EQ(csms_connect(&csms, "OTHER3", 0), 3);
    (void)start("a", 1);
    CHECK_EQ(csms_count(&csms, 0, CSMS_LEDGER_START), 1);
    CHECK_EQ(csms_count(&csms, 3, CSMS_LEDGER_START), 0);
}

HF_TEST_MAIN(HF_TEST(csms_boot_accepted_with_its_clock),
             HF_TEST(csms_status_told_kept_for_its_connector), HF_TEST(csms_other_calls_answered),
             HF_TEST(csms_id_with_quotes_is_echoed_as_json),
             HF_TEST(csms_payload_not_by_the_specification_is_refused),
             HF_TEST(csms_longest_text_counts_characters_not_bytes),
             HF_TEST(csms_frame_that_is_none_is_told_not_answered),
             HF_TEST(csms_resend_answered_as_the_first_counted_once),
             HF_TEST(csms_resend_over_a_new_connection_still_a_duplicate),
             HF_TEST(csms_resend_with_another_payload_is_a_conflict),
             HF_TEST(csms_stop_billed_on_the_connector_of_its_start),
             HF_TEST(csms_stop_without_reason_means_local),
             HF_TEST(csms_meter_values_billed_only_with_a_transaction),
             HF_TEST(csms_full_ledger_loses_no_count), HF_TEST(csms_moods_misbehave_as_told),
             HF_TEST(csms_boot_answered_by_mood), HF_TEST(csms_script_lines_become_calls),
             HF_TEST(csms_wrong_lines_are_refused),
             HF_TEST(csms_second_call_waits_for_the_first_answer),
             HF_TEST(csms_call_without_answer_times_out),
             HF_TEST(csms_calls_to_nobody_or_too_many_are_refused),
             HF_TEST(csms_answer_is_told_whole_or_as_too_long),
             HF_TEST(csms_stations_are_kept_apart))
