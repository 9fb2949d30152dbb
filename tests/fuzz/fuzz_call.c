// SPDX-License-Identifier: MIT
// CALL, CALLRESULT and CALLERROR, structure-aware: every byte of the input chooses, so that nearly all messages are JSON
// with members that mean something, and values that are right, nearly right, or of another kind; between them time passes,
// links break, vehicles come and go, the central system is silent, slow, or answers twice and with other ids. Invariants:
// each CALL gets exactly one answer, of a form its action allows; every CALL of the station's is valid by the table of
// csms_check.c; and when the central system behaves again, after a restart, the queue empties: nothing is stuck.
#include "csms/csms.h"
#include "fuzz.h"
#include "src/csms/csms_private.h"
#include "support/ocpp_station.h"

#define OPERATIONS_MAX 80u
#define TEXT_BYTES     3000u
#define SETTLE_MS      12000u // an UnlockConnector stops a session first
#define RECOVERY_S     900u

typedef struct source {
    const uint8_t *data;
    size_t left;
} source_t;

static unsigned draw(source_t *in, unsigned count)
{
    if (in->left == 0) {
        return 0;
    }
    in->left--;
    return *in->data++ % count;
}

// ---- what is said -------------------------------------------------------------------------------

// The statuses an answer may hold (none: another form, looked at by name), and the members its CALL has.
typedef struct action {
    const char *name;
    const char *statuses[6];
    const char *members[7];
} action_t;

static const action_t actions[] = {
    {"CancelReservation", {"Accepted", "Rejected"}, {"reservationId"}},
    {"ChangeAvailability", {"Accepted", "Rejected", "Scheduled"}, {"connectorId", "type"}},
    {"ChangeConfiguration",
     {"Accepted", "Rejected", "RebootRequired", "NotSupported"},
     {"key", "value"}},
    {"ClearCache", {"Accepted", "Rejected"}, {NULL}},
    {"ClearChargingProfile",
     {"Accepted", "Unknown"},
     {"id", "connectorId", "chargingProfilePurpose", "stackLevel"}},
    {"DataTransfer",
     {"Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"},
     {"vendorId", "messageId", "data"}},
    {"GetCompositeSchedule",
     {"Accepted", "Rejected"},
     {"connectorId", "duration", "chargingRateUnit"}},
    {"GetConfiguration", {NULL}, {NULL}},
    {"GetDiagnostics", {NULL}, {"location", "retries", "startTime"}},
    {"GetLocalListVersion", {NULL}, {NULL}},
    {"RemoteStartTransaction",
     {"Accepted", "Rejected"},
     {"connectorId", "idTag", "chargingProfile"}},
    {"RemoteStopTransaction", {"Accepted", "Rejected"}, {"transactionId"}},
    {"ReserveNow",
     {"Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"},
     {"connectorId", "expiryDate", "idTag", "parentIdTag", "reservationId"}},
    {"Reset", {"Accepted", "Rejected"}, {"type"}},
    {"SendLocalList",
     {"Accepted", "Failed", "NotSupported", "VersionMismatch"},
     {"listVersion", "updateType", "localAuthorizationList"}},
    {"SetChargingProfile",
     {"Accepted", "Rejected", "NotSupported"},
     {"connectorId", "csChargingProfiles"}},
    {"TriggerMessage",
     {"Accepted", "Rejected", "NotImplemented"},
     {"requestedMessage", "connectorId"}},
    {"UnlockConnector", {"Unlocked", "UnlockFailed", "NotSupported"}, {"connectorId"}},
    {"UpdateFirmware", {NULL}, {"location", "retrieveDate", "retries"}},
    {"NoSuchAction", {NULL}, {NULL}},
    {"a CALLRESULT", {NULL}, {"status", "currentTime", "interval", "idTagInfo", "transactionId"}},
};
#define CALLS_COUNT (HF_COUNT_OF(actions) - 1u)
#define AN_ANSWER   (&actions[CALLS_COUNT])

#define TAGS "\"CARD\"", "\"DEMO\"", "\"a tag that is far too long for one\""
#define TIMES                                                                                      \
    "\"2026-11-21T09:50:00Z\"", "\"2030-01-01T00:00:00Z\"", "\"1970-01-01T00:00:00Z\"",            \
        "\"2026-11-21T09:43:40.5+01:00\""
#define PERIODS                                                                                    \
    "\"chargingSchedulePeriod\":[{\"startPeriod\":0,\"limit\":8.1},{\"startPeriod\":60,\"limit\":" \
    "0}]"
#define PROFILE(purpose, kind, more)                                                               \
    "{\"chargingProfileId\":3,\"stackLevel\":1,\"chargingProfilePurpose\":\"" purpose              \
    "\",\"chargingProfileKind\":\"" kind "\"," more                                                \
    "\"chargingSchedule\":{\"chargingRateUnit\":\"A\"," PERIODS "}}"

// A member, and values that suit it.
static const struct member {
    const char *name;
    const char *values[8];
} members[] = {
    {"connectorId", {"0", "1", "2", "3", "-1"}},
    {"type", {"\"Soft\"", "\"Hard\"", "\"Operative\"", "\"Inoperative\""}},
    {"key",
     {"\"MeterValueSampleInterval\"", "\"HeartbeatInterval\"", "\"TransactionMessageAttempts\"",
      "\"MinimumStatusDuration\"", "\"LocalAuthListEnabled\"", "\"AuthorizeRemoteTxRequests\"",
      "\"WebSocketPingInterval\"", "\"StopTxnSampledData\""}},
    {"value",
     {"\"5\"", "\"0\"", "\"true\"", "\"false\"", "\"Voltage,SoC\"", "\"\"", "\"99999999999\""}},
    {"idTag", {TAGS}},
    {"parentIdTag", {TAGS}},
    {"transactionId", {"1001", "1002", "1003", "5001", "-1", "0"}},
    {"status", {"\"Accepted\"", "\"Pending\"", "\"Rejected\"", "\"Invalid\"", "\"Blocked\""}},
    {"reservationId", {"1", "2", "-5", "99999999999"}},
    {"expiryDate", {TIMES}},
    {"listVersion", {"0", "1", "2", "3", "-1"}},
    {"updateType", {"\"Full\"", "\"Differential\""}},
    {"localAuthorizationList",
     {"[]", "[{\"idTag\":\"CARD\",\"idTagInfo\":{\"status\":\"Accepted\"}}]",
      "[{\"idTag\":\"CARD\",\"idTagInfo\":{\"status\":\"Blocked\",\"parentIdTag\":\"G\"}}]",
      "[{\"idTag\":\"CARD\"}]", "[{\"idTag\":\"DEMO\"},{\"idTag\":\"DEMO\"}]"}},
    {"location", {"\"ftp://127.0.0.1/x\"", "\"http://127.0.0.1:9/\"", "\"\"", "\"x\""}},
    {"retrieveDate", {TIMES}},
    {"startTime", {TIMES}},
    {"retries", {"0", "1", "3", "-1"}},
    {"requestedMessage",
     {"\"BootNotification\"", "\"Heartbeat\"", "\"MeterValues\"", "\"StatusNotification\"",
      "\"FirmwareStatusNotification\"", "\"DiagnosticsStatusNotification\"", "\"Nothing\""}},
    {"vendorId", {"\"Holdfast\"", "\"com.example\"", "\"\""}},
    {"messageId", {"\"VehicleInfo\"", "\"LiveTelemetry\"", "\"x\""}},
    {"data", {"\"\"", "\"{\\\"connector\\\":1}\"", "{}", "\"\\u00e9\\n\""}},
    {"duration", {"0", "60", "86400", "-1", "2147483647"}},
    {"chargingRateUnit", {"\"A\"", "\"W\"", "\"V\""}},
    {"chargingProfilePurpose",
     {"\"TxProfile\"", "\"TxDefaultProfile\"", "\"ChargePointMaxProfile\""}},
    {"stackLevel", {"0", "1", "5", "-1"}},
    {"id", {"1", "3", "7"}},
    {"csChargingProfiles",
     {PROFILE("TxDefaultProfile", "Absolute", ""),
      PROFILE("ChargePointMaxProfile", "Recurring", "\"recurrencyKind\":\"Daily\","),
      PROFILE("TxProfile", "Relative", "\"transactionId\":1001,"),
      PROFILE("TxProfile", "Relative", ""), "{}"}},
    {"chargingProfile",
     {PROFILE("TxProfile", "Relative", ""), PROFILE("TxDefaultProfile", "Absolute", ""), "{}"}},
    {"currentTime", {TIMES}},
    {"interval", {"0", "10", "300", "-1", "86400"}},
    {"idTagInfo",
     {"{\"status\":\"Accepted\"}", "{\"status\":\"Blocked\",\"parentIdTag\":\"G\"}",
      "{\"status\":\"Invalid\"}", "{\"status\":\"ConcurrentTx\",\"expiryDate\":\"x\"}", "{}"}},
    {"extra", {"null", "true", "1.5", "1e3", "[]", "{}", "99999999999"}},
};

static const struct member *member_of(const char *name)
{
    for (size_t i = 0; i < HF_COUNT_OF(members); i++) {
        if (strcmp(members[i].name, name) == 0) {
            return &members[i];
        }
    }
    abort();
}

// Mostly what suits the member; else what suits another, or an object of such.
static void put_value(source_t *in, hf_json_writer_t *json, const struct member *member)
{
    unsigned strange = draw(in, 8);
    member = strange < 6 ? member : &members[draw(in, HF_COUNT_OF(members))];
    unsigned count = 0;
    while (count < HF_COUNT_OF(member->values) && member->values[count] != NULL) {
        count++;
    }
    const char *text = member->values[draw(in, count)];
    if (strange == 7) {
        hf_json_begin_object(json);
        hf_json_key(json, member->name);
    }
    hf_json_put_raw(json, (hf_slice_t){.text = text, .length = strlen(text)});
    if (strange == 7) {
        hf_json_end_object(json);
    }
}

static void put_payload(source_t *in, hf_json_writer_t *json, const action_t *action)
{
    hf_json_begin_object(json);
    for (size_t i = 0; i < HF_COUNT_OF(action->members) && action->members[i] != NULL; i++) {
        if (draw(in, 8) != 7) {
            hf_json_key(json, action->members[i]);
            put_value(in, json, member_of(action->members[i]));
        }
    }
    if (draw(in, 8) == 7) {
        const struct member *more = &members[draw(in, HF_COUNT_OF(members))];
        hf_json_key(json, more->name);
        put_value(in, json, more);
    }
    hf_json_end_object(json);
}

// ---- what may be answered -----------------------------------------------------------------------

static bool is_status(const action_t *action, hf_json_t payload)
{
    hf_json_t status = hf_json_member(payload, "status");
    for (size_t i = 0; i < HF_COUNT_OF(action->statuses) && action->statuses[i] != NULL; i++) {
        if (hf_json_is_string(status, action->statuses[i])) {
            return true;
        }
    }
    return false;
}

static bool is_known_error(hf_json_t code)
{
    for (unsigned i = 1; i < EVSE_RPC_ERROR_COUNT; i++) {
        if (hf_json_is_string(code, evse_rpc_error_text(i))) {
            return true;
        }
    }
    return false;
}

static void judge_answer(const action_t *action, const char *text)
{
    hf_json_t frame;
    int64_t type = 0, version = 0;
    must(hf_json_parse(text, strlen(text), &frame) == HF_OK);
    must(hf_json_i64(hf_json_element(frame, 0), &type) == HF_OK);
    must(hf_json_is_string(hf_json_element(frame, 1), "q1"));
    hf_json_t payload = hf_json_element(frame, 2);
    if (type == 4) {
        must(is_known_error(payload) && hf_json_element(frame, 4).type == HF_JSON_OBJECT);
        return;
    }
    must(type == 3 && payload.type == HF_JSON_OBJECT);
    if (strcmp(action->name, "GetLocalListVersion") == 0) {
        must(hf_json_i64(hf_json_member(payload, "listVersion"), &version) == HF_OK &&
             version >= -1);
    } else if (action->statuses[0] != NULL) {
        must(is_status(action, payload));
    } else {
        must(strcmp(action->name, "NoSuchAction") != 0);
    }
}

// Payloads longer than the record are cut there: those are not looked at again.
static void judge_calls(station_t *s)
{
    for (unsigned i = 0; i < s->call_count; i++) {
        hf_json_t payload = station_payload(&s->calls[i]);
        csms_refusal_t refusal = {0};
        bool is_transfer = strcmp(s->calls[i].action, "FirmwareStatusNotification") == 0 ||
                           strcmp(s->calls[i].action, "DiagnosticsStatusNotification") == 0;
        if (is_transfer) { // not in the table: a status and nothing else
            must(hf_json_count(payload) == 1 &&
                 hf_json_member(payload, "status").type == HF_JSON_STRING);
        } else if (payload.type == HF_JSON_OBJECT) {
            refusal = csms_check(s->calls[i].action, payload);
        }
        if (refusal.code != NULL) {
            (void)fprintf(stderr, "%s %s: %s %s\n", s->calls[i].action, s->calls[i].payload,
                          refusal.code, refusal.why);
            abort();
        }
    }
    s->call_count = 0;
}

// ---- transfers that end as the input says -------------------------------------------------------

static source_t transfer_ends;

static int transfer_download(void *ctx, const char *url)
{
    (void)ctx;
    (void)url;
    return HF_OK;
}

static int transfer_upload(void *ctx, const char *url, const char *name)
{
    (void)ctx;
    (void)url;
    (void)name;
    return HF_OK;
}

static int transfer_feed(void *ctx, const char *text, size_t length)
{
    (void)ctx;
    (void)text;
    (void)length;
    return HF_OK;
}

static int transfer_poll(void *ctx, evse_transfer_result_t *result)
{
    static const int statuses[] = {HF_E_AGAIN, HF_E_AGAIN, HF_OK, HF_E_TIMEOUT};
    (void)ctx;
    *result = (evse_transfer_result_t){.why = "as the input says"};
    return transfer_ends.left > 0 ? statuses[draw(&transfer_ends, 4)] : HF_E_REFUSED;
}

static void transfer_cancel(void *ctx)
{
    (void)ctx;
}

static const evse_transfer_ops_t transfer_ops = {.download = transfer_download,
                                                 .upload = transfer_upload,
                                                 .feed = transfer_feed,
                                                 .poll = transfer_poll,
                                                 .cancel = transfer_cancel};

// ---- what happens -------------------------------------------------------------------------------

static void say_call(source_t *in, station_t *s)
{
    char text[TEXT_BYTES];
    hf_builder_t out;
    hf_json_writer_t json;
    const action_t *action = &actions[draw(in, CALLS_COUNT)];
    hf_builder_init(&out, text, sizeof text);
    hf_json_writer_init(&json, &out);
    hf_json_begin_array(&json);
    hf_json_put_i64(&json, 2);
    hf_json_put_string(&json, "q1");
    hf_json_put_string(&json, action->name);
    put_payload(in, &json, action);
    hf_json_end_array(&json);
    if (out.overflow || s->link.state != EVSE_LINK_OPEN) {
        return;
    }
    bool is_registered = s->ocpp.registration == EVSE_REGISTRATION_ACCEPTED ||
                         s->ocpp.registration == EVSE_REGISTRATION_PENDING;
    unsigned answers = s->link.answers, connections = s->link.connections;
    station_say(s, text);
    for (unsigned i = 0; i < SETTLE_MS / 20u && s->link.answers == answers; i++) {
        station_run(s, 20);
        judge_calls(s);
    }
    if (is_registered &&
        s->link.connections == connections && // before, nothing is answered (4.2.1)
        s->link.state == EVSE_LINK_OPEN) {
        must(s->link.answers == answers + 1u);
        judge_answer(action, s->link.last_answer);
    }
}

/// An answer to the CALL outstanding, to one of before, or to none.
static void say_answer(source_t *in, station_t *s, bool is_error)
{
    static char last_id[EVSE_MESSAGE_ID_BYTES];
    char text[TEXT_BYTES];
    hf_builder_t out;
    hf_json_writer_t json;
    unsigned whose = draw(in, 4);
    hf_builder_init(&out, text, sizeof text);
    hf_json_writer_init(&json, &out);
    hf_json_begin_array(&json);
    hf_json_put_i64(&json, is_error ? 4 : 3);
    hf_json_put_string(&json, whose == 0 ? "nobody" : whose == 1 ? last_id : s->ocpp.rpc.id);
    memcpy(last_id, s->ocpp.rpc.id, sizeof last_id);
    if (is_error) {
        hf_json_put_string(&json, draw(in, 2) ? "InternalError" : "no code of OCPP");
        hf_json_put_string(&json, "why");
    }
    put_payload(in, &json, AN_ANSWER);
    if (draw(in, 16) == 15) {
        hf_json_put_null(&json); // one too many
    }
    hf_json_end_array(&json);
    if (!out.overflow && s->link.state == EVSE_LINK_OPEN) {
        station_say(s, text);
        station_run(s, 20);
    }
}

static void happen(source_t *in, station_t *s)
{
    static const uint32_t waits_ms[] = {20, 200, 1000, 5000, 31000};
    station_control_t *control = &s->control[draw(in, s->connectors)];
    switch (draw(in, 8)) {
    case 0:
        s->csms.silent = !s->csms.silent;
        break;
    case 1:
        station_drop(s);
        break;
    case 2:
        s->link.up = !s->link.up;
        break;
    case 3:
        control->plugged = !control->plugged;
        break;
    case 4:
        (void)!evse_ocpp_present_tag(&s->ocpp, (unsigned)(control - s->control), "CARD", s->now_us);
        break;
    case 5:
        s->csms.skew_ms = ((int64_t)draw(in, 8) - 4) * 3600000;
        break;
    case 6:
        s->csms.start_status = draw(in, 2) ? "Accepted" : "Blocked";
        break;
    default:
        break;
    }
    station_run(s, waits_ms[draw(in, HF_COUNT_OF(waits_ms))]);
}

// The flash as it stands; what was being made durable is.
static void restart(station_t *s)
{
    hf_flash_ram_power_on(&s->ram);
    must(station_boot(s) == HF_OK);
}

static void recover(station_t *s)
{
    s->csms = (station_csms_t){.boot_status = "Accepted",
                               .tag_status = "Accepted",
                               .tag_more = "",
                               .start_status = "Accepted",
                               .interval_s = 60,
                               .next_transaction = 5001};
    s->link.up = true;
    for (unsigned i = 0; i < s->connectors; i++) {
        s->control[i].plugged = false;
    }
    restart(s); // what waits for hours is tried at once, what runs is ended
    must(evse_ocpp_set_key(&s->ocpp, "ReconnectWaitMinimum", "1") == HF_OK);
    must(evse_ocpp_set_key(&s->ocpp, "ReconnectWaitMaximum", "10") == HF_OK);
    for (unsigned i = 0; i < RECOVERY_S && (evse_store_waiting(&s->store) > 0 || i < 5); i++) {
        station_run(s, 1000);
        judge_calls(s);
    }
    must(evse_ocpp_is_online(&s->ocpp) && evse_store_waiting(&s->store) == 0);
    const char *answer = station_ask(s, "GetConfiguration", "{\"key\":[\"HeartbeatInterval\"]}");
    must(strncmp(answer, "[3,\"q1\",{\"configurationKey\":[", 29) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    source_t in = {.data = data, .left = size};
    station_t *s = station_online(2);
    transfer_ends = in;
    s->config.transfer.ops = &transfer_ops;
    restart(s);
    station_run(s, 1000);
    hf_test_failed_here = 0;
    for (unsigned i = 0; i < OPERATIONS_MAX && in.left > 0; i++) {
        unsigned what = draw(&in, 8);
        if (what < 4) {
            say_call(&in, s);
        } else if (what < 6) {
            say_answer(&in, s, what == 5);
        } else {
            happen(&in, s);
        }
        judge_calls(s);
        if (s->resets > 0) {
            s->resets = 0;
            restart(s);
        }
    }
    recover(s);
    must(hf_test_failed_here == 0);
    return 0;
}
