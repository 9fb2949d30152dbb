// SPDX-License-Identifier: MIT
// Answers to what a charge point CALLs, and the ledger of what it billed. Invariants: a payload was checked before a handler
// sees it; a resend (same message id) is answered as the first was, and counted on it.
#include "csms_private.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_crc.h"

#include <string.h>

#define BOOT_AGAIN_S 10 // to a station that is Pending or Rejected

// ---- members, of a payload that csms_check() has passed ----

static void get_text(const csms_call_t *call, const char *name, char *out, size_t capacity)
{
    if (hf_json_string(hf_json_member(call->payload, name), out, capacity) != HF_OK) {
        out[0] = '\0'; // absent, or more bytes than an event shows
    }
}

static int64_t get_integer(const csms_call_t *call, const char *name)
{
    int64_t number = 0;
    return hf_json_i64(hf_json_member(call->payload, name), &number) == HF_OK ? number : 0;
}

static uint64_t get_time(hf_json_t object)
{
    char text[40];
    uint64_t utc_ms = 0;
    bool good = hf_json_string(hf_json_member(object, "timestamp"), text, sizeof text) == HF_OK &&
                hf_iso8601_parse(text, strlen(text), &utc_ms) == HF_OK;
    return good ? utc_ms : 0;
}

static csms_refusal_t need_connector(const csms_call_t *call, int64_t least)
{
    int64_t connector = get_integer(call, "connectorId");
    bool good = connector >= least && connector < (int64_t)HF_COUNT_OF(call->csms->station->status);
    return good ? (csms_refusal_t){0}
                : (csms_refusal_t){.code = "PropertyConstraintViolation", .why = "connectorId"};
}

// ---- pieces of answers ----

static void put_utc(csms_call_t *call, const char *name)
{
    char text[HF_ISO8601_BYTES];
    hf_iso8601_format(csms_utc_ms(call->csms), text);
    hf_json_string_field(call->answer, name, text);
}

static void put_id_tag_info(csms_call_t *call)
{
    bool blocked = (call->csms->moods & CSMS_MOOD_BLOCK_TAGS) != 0;
    hf_json_key(call->answer, "idTagInfo");
    hf_json_begin_object(call->answer);
    hf_json_string_field(call->answer, "status", blocked ? "Invalid" : "Accepted");
    hf_json_end_object(call->answer);
}

static csms_station_t *station_of(const csms_call_t *call)
{
    return &call->csms->station[call->station];
}

static void begin_event(csms_event_t *event, const csms_call_t *call, const char *name)
{
    csms_event_begin(event, call->csms, name, station_of(call)->id);
    hf_json_string_field(&event->json, "id", call->id);
}

static csms_refusal_t bad_mood(void)
{
    return (csms_refusal_t){.code = CSMS_OWN_FAULT, .why = "told to refuse"};
}

static csms_refusal_t ledger_full(void)
{
    return (csms_refusal_t){.code = CSMS_OWN_FAULT, .why = "ledger full"};
}

// ---- ledger ----

csms_entry_t *csms_bill(csms_call_t *call, csms_ledger_kind_t kind, bool *is_new)
{
    csms_t *csms = call->csms;
    uint32_t crc = hf_crc32c(0, call->payload.raw.text, call->payload.raw.length);
    *is_new = false;
    for (uint32_t i = csms->entries; i-- > 0;) {
        csms_entry_t *entry = &csms->ledger[i];
        if (entry->station == call->station && strcmp(entry->message_id, call->id) == 0) {
            if (entry->payload_crc == crc && entry->kind == (uint8_t)kind) {
                entry->duplicates++;
            } else {
                entry->conflicts++;
            }
            return entry;
        }
    }
    *is_new = true;
    if (csms->entries == CSMS_LEDGER_MAX) {
        csms->entries_lost++;
        return NULL;
    }
    csms_entry_t *entry = &csms->ledger[csms->entries++];
    *entry = (csms_entry_t){
        .payload_crc = crc, .kind = (uint8_t)kind, .station = (uint8_t)call->station};
    memcpy(entry->message_id, call->id, sizeof entry->message_id);
    return entry;
}

// ---- handlers ----

static csms_refusal_t on_boot(csms_call_t *call)
{
    char vendor[81], model[81], firmware[201];
    get_text(call, "chargePointVendor", vendor, sizeof vendor);
    get_text(call, "chargePointModel", model, sizeof model);
    get_text(call, "firmwareVersion", firmware, sizeof firmware);
    uint32_t moods = call->csms->moods;
    const char *status = (moods & CSMS_MOOD_BOOT_REJECTED) != 0  ? "Rejected"
                         : (moods & CSMS_MOOD_BOOT_PENDING) != 0 ? "Pending"
                                                                 : "Accepted";
    station_of(call)->boots++;
    station_of(call)->accepted = strcmp(status, "Accepted") == 0;
    hf_json_string_field(call->answer, "status", status);
    put_utc(call, "currentTime");
    hf_json_i64_field(call->answer, "interval",
                      station_of(call)->accepted ? call->csms->config.heartbeat_s : BOOT_AGAIN_S);
    csms_event_t event;
    begin_event(&event, call, "boot");
    hf_json_string_field(&event.json, "vendor", vendor);
    hf_json_string_field(&event.json, "model", model);
    hf_json_string_field(&event.json, "firmware", firmware);
    hf_json_string_field(&event.json, "status", status);
    csms_event_end(&event);
    return (csms_refusal_t){0};
}

static csms_refusal_t on_heartbeat(csms_call_t *call)
{
    station_of(call)->heartbeats++;
    put_utc(call, "currentTime");
    csms_event_t event;
    begin_event(&event, call, "heartbeat");
    csms_event_end(&event);
    return (csms_refusal_t){0};
}

static csms_refusal_t on_status(csms_call_t *call)
{
    char status[16], code[24], vendor_code[201];
    csms_refusal_t refusal = need_connector(call, 0);
    if (refusal.code != NULL) {
        return refusal;
    }
    int64_t connector = get_integer(call, "connectorId");
    get_text(call, "status", status, sizeof status);
    get_text(call, "errorCode", code, sizeof code);
    get_text(call, "vendorErrorCode", vendor_code, sizeof vendor_code);
    memcpy(station_of(call)->status[connector], status, sizeof status);
    csms_event_t event;
    begin_event(&event, call, "status");
    hf_json_i64_field(&event.json, "connector", connector);
    hf_json_string_field(&event.json, "status", status);
    hf_json_string_field(&event.json, "errorCode", code);
    hf_json_string_field(&event.json, "vendorErrorCode", vendor_code);
    csms_event_end(&event);
    return refusal;
}

static csms_refusal_t on_authorize(csms_call_t *call)
{
    char id_tag[81];
    get_text(call, "idTag", id_tag, sizeof id_tag);
    put_id_tag_info(call);
    csms_event_t event;
    begin_event(&event, call, "authorize");
    hf_json_string_field(&event.json, "idTag", id_tag);
    csms_event_end(&event);
    return (csms_refusal_t){0};
}

static void tell_billed(const csms_call_t *call, const csms_entry_t *entry, bool is_new,
                        const char *name)
{
    char id_tag[81];
    get_text(call, "idTag", id_tag, sizeof id_tag);
    csms_event_t event;
    begin_event(&event, call, name);
    hf_json_i64_field(&event.json, "connector", entry->connector);
    hf_json_i64_field(&event.json, "transactionId", entry->transaction_id);
    hf_json_i64_field(&event.json, "meter_Wh", entry->meter_Wh);
    if (id_tag[0] != '\0') {
        hf_json_string_field(&event.json, "idTag", id_tag);
    }
    if (entry->reason[0] != '\0') {
        hf_json_string_field(&event.json, "reason", entry->reason);
    }
    hf_json_bool_field(&event.json, "duplicate", !is_new);
    hf_json_i64_field(&event.json, "conflicts", entry->conflicts);
    csms_event_end(&event);
}

static csms_refusal_t on_start(csms_call_t *call)
{
    csms_refusal_t refusal = need_connector(call, 1);
    if (refusal.code != NULL) {
        return refusal;
    }
    if ((call->csms->moods & CSMS_MOOD_CALLERROR) != 0) {
        return bad_mood();
    }
    bool is_new;
    csms_entry_t *entry = csms_bill(call, CSMS_LEDGER_START, &is_new);
    if (entry == NULL) {
        return ledger_full();
    }
    if (is_new) {
        entry->connector = (uint8_t)get_integer(call, "connectorId");
        entry->meter_Wh = get_integer(call, "meterStart");
        entry->utc_ms = get_time(call->payload);
        entry->transaction_id = call->csms->next_transaction_id++;
        station_of(call)->last_transaction_id = entry->transaction_id;
    }
    hf_json_i64_field(call->answer, "transactionId", entry->transaction_id);
    put_id_tag_info(call);
    tell_billed(call, entry, is_new, "start");
    return refusal;
}

// The connector of a transaction is known from its start.
static uint8_t connector_of(const csms_call_t *call, int64_t transaction_id)
{
    const csms_t *csms = call->csms;
    for (uint32_t i = csms->entries; i-- > 0;) {
        const csms_entry_t *entry = &csms->ledger[i];
        if (entry->kind == CSMS_LEDGER_START && entry->station == call->station &&
            entry->transaction_id == transaction_id) {
            return entry->connector;
        }
    }
    return 0;
}

static csms_refusal_t on_stop(csms_call_t *call)
{
    if ((call->csms->moods & CSMS_MOOD_CALLERROR) != 0) {
        return bad_mood();
    }
    bool is_new;
    csms_entry_t *entry = csms_bill(call, CSMS_LEDGER_STOP, &is_new);
    if (entry == NULL) {
        return ledger_full();
    }
    if (is_new) {
        entry->transaction_id = (int32_t)get_integer(call, "transactionId");
        entry->connector = connector_of(call, entry->transaction_id);
        entry->meter_Wh = get_integer(call, "meterStop");
        entry->utc_ms = get_time(call->payload);
        get_text(call, "reason", entry->reason, sizeof entry->reason);
        if (entry->reason[0] == '\0') { // what its absence means
            memcpy(entry->reason, "Local", sizeof "Local");
        }
    }
    put_id_tag_info(call);
    tell_billed(call, entry, is_new, "stop");
    return (csms_refusal_t){0};
}

/// The register among samples, in Wh; 0 when it is not there or not a whole number.
static int64_t energy_of(hf_json_t samples)
{
    hf_json_walk_t walk = {.container = samples};
    while (hf_json_next(&walk)) {
        hf_json_t measurand = hf_json_member(walk.value, "measurand");
        hf_json_t unit = hf_json_member(walk.value, "unit");
        char text[32];
        int64_t energy_Wh = 0;
        bool is_register = measurand.type == HF_JSON_NONE ||
                           hf_json_is_string(measurand, "Energy.Active.Import.Register");
        if (is_register && (unit.type == HF_JSON_NONE || hf_json_is_string(unit, "Wh")) &&
            hf_json_string(hf_json_member(walk.value, "value"), text, sizeof text) == HF_OK &&
            hf_slice_to_i64((hf_slice_t){.text = text, .length = strlen(text)}, &energy_Wh) ==
                HF_OK) {
            return energy_Wh;
        }
    }
    return 0;
}

static void put_samples(hf_json_writer_t *json, hf_json_t samples)
{
    hf_json_walk_t walk = {.container = samples};
    while (hf_json_next(&walk)) {
        char name[40];
        hf_json_t measurand = hf_json_member(walk.value, "measurand");
        if (hf_json_string(measurand, name, sizeof name) != HF_OK) {
            memcpy(name, "Energy.Active.Import.Register",
                   sizeof "Energy.Active.Import.Register"); // the default of the specification
        }
        hf_json_key(json, name);
        hf_json_put_raw(json, hf_json_member(walk.value, "value").raw);
    }
}

static void tell_meter(const csms_call_t *call, hf_json_t newest)
{
    csms_event_t event;
    begin_event(&event, call, "meter");
    hf_json_i64_field(&event.json, "connector", get_integer(call, "connectorId"));
    hf_json_i64_field(&event.json, "transactionId", get_integer(call, "transactionId"));
    hf_json_key(&event.json, "values");
    hf_json_begin_object(&event.json);
    put_samples(&event.json, hf_json_member(newest, "sampledValue"));
    hf_json_end_object(&event.json);
    csms_event_end(&event);
}

static csms_refusal_t on_meter_values(csms_call_t *call)
{
    bool is_billing = hf_json_member(call->payload, "transactionId").type != HF_JSON_NONE;
    hf_json_t list = hf_json_member(call->payload, "meterValue");
    hf_json_t newest = hf_json_element(list, hf_json_count(list) - 1u);
    csms_refusal_t refusal = need_connector(call, 0);
    if (refusal.code == NULL && is_billing && (call->csms->moods & CSMS_MOOD_CALLERROR) != 0) {
        refusal = bad_mood();
    }
    if (refusal.code != NULL) {
        return refusal;
    }
    bool is_new = false;
    csms_entry_t *entry = is_billing ? csms_bill(call, CSMS_LEDGER_METER, &is_new) : NULL;
    if (entry != NULL && is_new) {
        entry->connector = (uint8_t)get_integer(call, "connectorId");
        entry->transaction_id = (int32_t)get_integer(call, "transactionId");
        entry->meter_Wh = energy_of(hf_json_member(newest, "sampledValue"));
        entry->utc_ms = get_time(newest);
    }
    tell_meter(call, newest);
    return refusal;
}

static csms_refusal_t on_data_transfer(csms_call_t *call)
{
    hf_json_string_field(call->answer, "status", "Accepted");
    return (csms_refusal_t){0};
}

csms_handler_t csms_handler_find(const char *action)
{
    static const struct {
        const char *action;
        csms_handler_t handler;
    } table[] = {
        {"BootNotification", on_boot},     {"Heartbeat", on_heartbeat},
        {"StatusNotification", on_status}, {"Authorize", on_authorize},
        {"StartTransaction", on_start},    {"StopTransaction", on_stop},
        {"MeterValues", on_meter_values},  {"DataTransfer", on_data_transfer},
    };
    for (size_t i = 0; i < HF_COUNT_OF(table); i++) {
        if (strcmp(action, table[i].action) == 0) {
            return table[i].handler;
        }
    }
    return NULL;
}
