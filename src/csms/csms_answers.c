// SPDX-License-Identifier: MIT
// Answers to what a charge point CALLs, strictly checked, and the ledger of what it billed. A resend (same message id) is
// answered as the first was.
#include "csms_private.h"

#include "holdfast/hf_clock.h"

#include <string.h>

static const char *const statuses[] = {"Available",   "Preparing", "Charging", "SuspendedEVSE",
                                       "SuspendedEV", "Finishing", "Reserved", "Unavailable",
                                       "Faulted",     NULL};
static const char *const error_codes[] = {"ConnectorLockFailure",
                                          "EVCommunicationError",
                                          "GroundFailure",
                                          "HighTemperature",
                                          "InternalError",
                                          "LocalListConflict",
                                          "NoError",
                                          "OtherError",
                                          "OverCurrentFailure",
                                          "OverVoltage",
                                          "PowerMeterFailure",
                                          "PowerSwitchFailure",
                                          "ReaderFailure",
                                          "ResetFailure",
                                          "UnderVoltage",
                                          "WeakSignal",
                                          NULL};
static const char *const reasons[] = {
    "DeAuthorized", "EmergencyStop", "EVDisconnected", "HardReset", "Local",         "Other",
    "PowerLoss",    "Reboot",        "Remote",         "SoftReset", "UnlockCommand", NULL};

// ---- checks ----

static void refuse(csms_refusal_t *refusal, const char *code, const char *why)
{
    if (refusal->code == NULL) {
        refusal->code = code;
        refusal->why = why;
    }
}

static void take_text(hf_json_t value, char *out, size_t capacity, const char *name,
                      csms_refusal_t *refusal)
{
    int status = hf_json_string(value, out, capacity);
    if (status == HF_E_TOO_LONG) {
        refuse(refusal, "PropertyConstraintViolation", name);
    } else if (status != HF_OK) {
        refuse(refusal, "TypeConstraintViolation", name);
    }
}

void csms_need_text(hf_json_t object, const char *name, char *out, size_t capacity,
                    csms_refusal_t *refusal)
{
    out[0] = '\0';
    hf_json_t value = hf_json_member(object, name);
    if (value.type == HF_JSON_NONE) {
        refuse(refusal, "OccurenceConstraintViolation", name);
    } else {
        take_text(value, out, capacity, name, refusal);
    }
}

void csms_may_text(hf_json_t object, const char *name, char *out, size_t capacity,
                   csms_refusal_t *refusal)
{
    out[0] = '\0';
    hf_json_t value = hf_json_member(object, name);
    if (value.type != HF_JSON_NONE) {
        take_text(value, out, capacity, name, refusal);
    }
}

void csms_need_integer(hf_json_t object, const char *name, int64_t *out, csms_refusal_t *refusal)
{
    *out = 0;
    int status = hf_json_i64(hf_json_member(object, name), out);
    if (status == HF_E_NOT_FOUND) {
        refuse(refusal, "OccurenceConstraintViolation", name);
    } else if (status != HF_OK) {
        refuse(refusal, "TypeConstraintViolation", name);
    }
}

void csms_need_time(hf_json_t object, const char *name, uint64_t *utc_ms, csms_refusal_t *refusal)
{
    char text[40];
    *utc_ms = 0;
    csms_need_text(object, name, text, sizeof text, refusal);
    if (refusal->code == NULL && hf_iso8601_parse(text, strlen(text), utc_ms) != HF_OK) {
        refuse(refusal, "PropertyConstraintViolation", name);
    }
}

void csms_need_choice(const char *value, const char *const *choices, csms_refusal_t *refusal)
{
    for (; *choices != NULL; choices++) {
        if (strcmp(value, *choices) == 0) {
            return;
        }
    }
    refuse(refusal, "PropertyConstraintViolation", "not one of the values the specification has");
}

static void need_range(int64_t value, int64_t minimum, int64_t maximum, const char *name,
                       csms_refusal_t *refusal)
{
    if (value < minimum || value > maximum) {
        refuse(refusal, "PropertyConstraintViolation", name);
    }
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
    return (csms_refusal_t){.code = "InternalError", .why = "told to refuse"};
}

// ---- ledger ----

static uint32_t hash(hf_slice_t text) // FNV-1a: tells payloads apart, guards nothing
{
    uint32_t value = 2166136261u;
    for (size_t i = 0; i < text.length; i++) {
        value = (value ^ (unsigned char)text.text[i]) * 16777619u;
    }
    return value;
}

csms_entry_t *csms_bill(csms_call_t *call, csms_ledger_kind_t kind, bool *is_new)
{
    csms_t *csms = call->csms;
    uint32_t crc = hash(call->raw_payload);
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
    char vendor[21], model[21], firmware[51];
    csms_refusal_t refusal = {0};
    csms_need_text(call->payload, "chargePointVendor", vendor, sizeof vendor, &refusal);
    csms_need_text(call->payload, "chargePointModel", model, sizeof model, &refusal);
    csms_may_text(call->payload, "firmwareVersion", firmware, sizeof firmware, &refusal);
    if (refusal.code != NULL) {
        return refusal;
    }
    uint32_t moods = call->csms->moods;
    const char *status = (moods & CSMS_MOOD_BOOT_REJECTED) != 0  ? "Rejected"
                         : (moods & CSMS_MOOD_BOOT_PENDING) != 0 ? "Pending"
                                                                 : "Accepted";
    station_of(call)->boots++;
    station_of(call)->accepted = strcmp(status, "Accepted") == 0;
    hf_json_string_field(call->answer, "status", status);
    put_utc(call, "currentTime");
    hf_json_i64_field(call->answer, "interval",
                      station_of(call)->accepted ? call->csms->config.heartbeat_s : 10);
    csms_event_t event;
    begin_event(&event, call, "boot");
    hf_json_string_field(&event.json, "vendor", vendor);
    hf_json_string_field(&event.json, "model", model);
    hf_json_string_field(&event.json, "firmware", firmware);
    hf_json_string_field(&event.json, "status", status);
    csms_event_end(&event);
    return refusal;
}

static csms_refusal_t on_heartbeat(csms_call_t *call)
{
    csms_refusal_t refusal = {0};
    station_of(call)->heartbeats++;
    put_utc(call, "currentTime");
    csms_event_t event;
    begin_event(&event, call, "heartbeat");
    csms_event_end(&event);
    return refusal;
}

static csms_refusal_t on_status(csms_call_t *call)
{
    int64_t connector;
    char status[16], code[24], vendor_code[51];
    csms_refusal_t refusal = {0};
    csms_need_integer(call->payload, "connectorId", &connector, &refusal);
    csms_need_text(call->payload, "status", status, sizeof status, &refusal);
    csms_need_text(call->payload, "errorCode", code, sizeof code, &refusal);
    csms_may_text(call->payload, "vendorErrorCode", vendor_code, sizeof vendor_code, &refusal);
    if (refusal.code == NULL) {
        csms_need_choice(status, statuses, &refusal);
        csms_need_choice(code, error_codes, &refusal);
        need_range(connector, 0, 4, "connectorId", &refusal);
    }
    if (refusal.code != NULL) {
        return refusal;
    }
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
    char id_tag[21];
    csms_refusal_t refusal = {0};
    csms_need_text(call->payload, "idTag", id_tag, sizeof id_tag, &refusal);
    if (refusal.code == NULL) {
        put_id_tag_info(call);
        csms_event_t event;
        begin_event(&event, call, "authorize");
        hf_json_string_field(&event.json, "idTag", id_tag);
        csms_event_end(&event);
    }
    return refusal;
}

static void tell_billed(const csms_call_t *call, const csms_entry_t *entry, bool is_new,
                        const char *name)
{
    csms_event_t event;
    begin_event(&event, call, name);
    hf_json_i64_field(&event.json, "connector", entry->connector);
    hf_json_i64_field(&event.json, "transactionId", entry->transaction_id);
    hf_json_i64_field(&event.json, "meter_Wh", entry->meter_Wh);
    if (entry->reason[0] != '\0') {
        hf_json_string_field(&event.json, "reason", entry->reason);
    }
    hf_json_bool_field(&event.json, "duplicate", !is_new);
    hf_json_i64_field(&event.json, "conflicts", entry->conflicts);
    csms_event_end(&event);
}

static csms_refusal_t on_start(csms_call_t *call)
{
    int64_t connector, meter_Wh;
    uint64_t utc_ms;
    char id_tag[21];
    csms_refusal_t refusal = {0};
    csms_need_integer(call->payload, "connectorId", &connector, &refusal);
    csms_need_text(call->payload, "idTag", id_tag, sizeof id_tag, &refusal);
    csms_need_integer(call->payload, "meterStart", &meter_Wh, &refusal);
    csms_need_time(call->payload, "timestamp", &utc_ms, &refusal);
    need_range(connector, 1, 4, "connectorId", &refusal);
    if (refusal.code != NULL) {
        return refusal;
    }
    if ((call->csms->moods & CSMS_MOOD_CALLERROR) != 0) {
        return bad_mood();
    }
    bool is_new;
    csms_entry_t *entry = csms_bill(call, CSMS_LEDGER_START, &is_new);
    if (entry == NULL) {
        return (csms_refusal_t){.code = "InternalError", .why = "ledger full"};
    }
    if (is_new) {
        entry->connector = (uint8_t)connector;
        entry->meter_Wh = meter_Wh;
        entry->utc_ms = utc_ms;
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
    int64_t transaction_id, meter_Wh;
    uint64_t utc_ms;
    char reason[20], id_tag[21];
    csms_refusal_t refusal = {0};
    csms_need_integer(call->payload, "transactionId", &transaction_id, &refusal);
    csms_need_integer(call->payload, "meterStop", &meter_Wh, &refusal);
    csms_need_time(call->payload, "timestamp", &utc_ms, &refusal);
    csms_may_text(call->payload, "reason", reason, sizeof reason, &refusal);
    csms_may_text(call->payload, "idTag", id_tag, sizeof id_tag, &refusal);
    if (refusal.code == NULL && reason[0] != '\0') {
        csms_need_choice(reason, reasons, &refusal);
    }
    if (refusal.code != NULL) {
        return refusal;
    }
    if ((call->csms->moods & CSMS_MOOD_CALLERROR) != 0) {
        return bad_mood();
    }
    bool is_new;
    csms_entry_t *entry = csms_bill(call, CSMS_LEDGER_STOP, &is_new);
    if (entry == NULL) {
        return (csms_refusal_t){.code = "InternalError", .why = "ledger full"};
    }
    if (is_new) {
        entry->connector = connector_of(call, transaction_id);
        entry->transaction_id = (int32_t)transaction_id;
        entry->meter_Wh = meter_Wh;
        entry->utc_ms = utc_ms;
        memcpy(entry->reason, reason[0] != '\0' ? reason : "Local\0",
               reason[0] != '\0' ? sizeof reason : 6);
    }
    put_id_tag_info(call);
    tell_billed(call, entry, is_new, "stop");
    return refusal;
}

static void check_sample(hf_json_t sample, int64_t *energy_Wh, csms_refusal_t *refusal)
{
    char value[32], measurand[40], unit[20];
    csms_need_text(sample, "value", value, sizeof value, refusal);
    csms_may_text(sample, "measurand", measurand, sizeof measurand, refusal);
    csms_may_text(sample, "unit", unit, sizeof unit, refusal);
    hf_slice_t number = {.text = value, .length = strlen(value)};
    if (strcmp(measurand, "Energy.Active.Import.Register") == 0 && strcmp(unit, "Wh") == 0 &&
        hf_slice_to_i64(number, energy_Wh) != HF_OK) {
        refuse(refusal, "PropertyConstraintViolation", "value");
    }
}

static csms_refusal_t check_meter_values(hf_json_t list, int64_t *energy_Wh, uint64_t *utc_ms)
{
    csms_refusal_t refusal = {0};
    if (list.type != HF_JSON_ARRAY || hf_json_count(list) == 0) {
        refuse(&refusal, "OccurenceConstraintViolation", "meterValue");
    }
    hf_json_walk_t values = {.container = list};
    while (refusal.code == NULL && hf_json_next(&values)) {
        csms_need_time(values.value, "timestamp", utc_ms, &refusal);
        hf_json_t samples = hf_json_member(values.value, "sampledValue");
        if (samples.type != HF_JSON_ARRAY || hf_json_count(samples) == 0) {
            refuse(&refusal, "OccurenceConstraintViolation", "sampledValue");
        }
        hf_json_walk_t walk = {.container = samples};
        while (refusal.code == NULL && hf_json_next(&walk)) {
            check_sample(walk.value, energy_Wh, &refusal);
        }
    }
    return refusal;
}

static void tell_meter(const csms_call_t *call, int64_t connector, int64_t transaction_id,
                       hf_json_t list)
{
    csms_event_t event;
    begin_event(&event, call, "meter");
    hf_json_i64_field(&event.json, "connector", connector);
    hf_json_i64_field(&event.json, "transactionId", transaction_id);
    hf_json_key(&event.json, "values");
    hf_json_begin_object(&event.json);
    hf_json_t samples =
        hf_json_member(hf_json_element(list, hf_json_count(list) - 1u), "sampledValue");
    hf_json_walk_t walk = {.container = samples};
    while (hf_json_next(&walk)) {
        char name[40] = "Energy.Active.Import.Register";
        char value[32];
        hf_json_t measurand = hf_json_member(walk.value, "measurand");
        if ((measurand.type == HF_JSON_NONE ||
             hf_json_string(measurand, name, sizeof name) == HF_OK) &&
            hf_json_string(hf_json_member(walk.value, "value"), value, sizeof value) == HF_OK) {
            hf_json_string_field(&event.json, name, value);
        }
    }
    hf_json_end_object(&event.json);
    csms_event_end(&event);
}

static csms_refusal_t on_meter_values(csms_call_t *call)
{
    int64_t connector, transaction_id = 0, energy_Wh = 0;
    uint64_t utc_ms = 0;
    csms_refusal_t refusal = {0};
    hf_json_t transaction = hf_json_member(call->payload, "transactionId");
    hf_json_t list = hf_json_member(call->payload, "meterValue");
    csms_need_integer(call->payload, "connectorId", &connector, &refusal);
    need_range(connector, 0, 4, "connectorId", &refusal);
    if (transaction.type != HF_JSON_NONE && hf_json_i64(transaction, &transaction_id) != HF_OK) {
        refuse(&refusal, "TypeConstraintViolation", "transactionId");
    }
    if (refusal.code == NULL) {
        refusal = check_meter_values(list, &energy_Wh, &utc_ms);
    }
    if (refusal.code != NULL) {
        return refusal;
    }
    if (transaction.type != HF_JSON_NONE && (call->csms->moods & CSMS_MOOD_CALLERROR) != 0) {
        return bad_mood();
    }
    if (transaction.type != HF_JSON_NONE) {
        bool is_new;
        csms_entry_t *entry = csms_bill(call, CSMS_LEDGER_METER, &is_new);
        if (entry != NULL && is_new) {
            entry->connector = (uint8_t)connector;
            entry->transaction_id = (int32_t)transaction_id;
            entry->meter_Wh = energy_Wh;
            entry->utc_ms = utc_ms;
        }
    }
    tell_meter(call, connector, transaction_id, list);
    return refusal;
}

static csms_refusal_t on_data_transfer(csms_call_t *call)
{
    char vendor[256];
    csms_refusal_t refusal = {0};
    csms_need_text(call->payload, "vendorId", vendor, sizeof vendor, &refusal);
    if (refusal.code == NULL) {
        hf_json_string_field(call->answer, "status", "Accepted");
    }
    return refusal;
}

csms_handler_t csms_handler_find(hf_slice_t action)
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
        if (hf_slice_is(action, table[i].action)) {
            return table[i].handler;
        }
    }
    return NULL;
}
