// SPDX-License-Identifier: MIT
// Configuration keys: one table gives name, type, access, range and default. A key that was never set is its default;
// what is set goes to the store first and counts only when the store has taken it. Invariant: one answer can list all keys
// with what they have; a value with which it could not any more is refused.
#include "evse_ocpp_smart.h"
#include "evse_ocpp_vendor.h"

// A row is as narrow as its values: there are many.
typedef struct key_info {
    const char *name;
    union {
        int32_t max;      // of a number (BOOL, INT)
        const char *text; // default of every other type
    };
    uint16_t number; // default
    uint8_t min;
    uint8_t type_and_flags; // evse_key_type_t, above it evse_key_flags_t
} key_info_t;

#define FLAGS_SHIFT                   4u
#define BOUND_BOOL(most, words)       .max = (most)
#define BOUND_INT(most, words)        .max = (most)
#define BOUND_MEASURANDS(most, words) .text = (words)
#define BOUND_ROTATION(most, words)   .text = (words)
#define BOUND_TEXT(most, words)       .text = (words)
#define BOUND_TAG(most, words)        .text = (words)
#define BOUND_LIMIT(most, words)      .text = (words)
#define BOUND_VENDOR(most, words)     .text = (words)
#define BOUND_KINDS(most, words)      .text = (words)

static const key_info_t keys[EVSE_KEY_COUNT] = {
#define KEY_INFO(key, type, access, least, most, default_number, words)                            \
    {.name = #key,                                                                                 \
     BOUND_##type(most, words),                                                                    \
     .number = (default_number),                                                                   \
     .min = (least),                                                                               \
     .type_and_flags = EVSE_KEY_##type | EVSE_KEY_##access << FLAGS_SHIFT},
    EVSE_KEY_TABLE(KEY_INFO)
#undef KEY_INFO
};

static evse_key_type_t type_of(const key_info_t *key)
{
    return (evse_key_type_t)(key->type_and_flags & ((1u << FLAGS_SHIFT) - 1u));
}

static bool is_number(const key_info_t *key)
{
    return type_of(key) <= EVSE_KEY_INT;
}

// Of a key that is one.
static int32_t *number_of(const evse_ocpp_t *ocpp, const key_info_t *key)
{
    size_t slot = 0u;
    for (const key_info_t *each = keys; each < key; each++) {
        slot += is_number(each) ? 1u : 0u;
    }
    return (int32_t *)(uintptr_t)&ocpp->keys.number[slot];
}

static bool has_flag(const key_info_t *key, evse_key_flags_t flag)
{
    return (key->type_and_flags >> FLAGS_SHIFT & (unsigned)flag) != 0u;
}

_Static_assert(EVSE_KEY_COUNT <= EVSE_KEYS_ASKED, "a bit each in put_asked()");
_Static_assert((int)EVSE_SLOT_COUNT <= (int)EVSE_NUMBERS_MAX, "EVSE_NUMBERS_MAX");
_Static_assert(sizeof EVSE_SAMPLED_DEFAULT <= EVSE_VALUE_BYTES, "default list too long");

#define ANSWER_BYTES                                                                               \
    216u // of an answer around its keys: transport header, frame, an id of 36 characters of UTF-8
#define ENTRY_BYTES  (sizeof ",{\"key\":\"\",\"readonly\":false,\"value\":\"\"}" - 1u)
#define NUMBER_BYTES 12u
#define MS_PER_S     1000u

// No key takes a negative number.
#define DIGITS(max)                                                                                \
    ((max) > 999999 ? 10u : (max) > 99999 ? 6u : (max) > 9999 ? 5u : (max) > 999 ? 4u : 3u)
#define KEY_BYTES(name, type, access, min, max, number, text)                                      \
    +ENTRY_BYTES + sizeof #name - 1u +                                                             \
        (EVSE_KEY_##type == EVSE_KEY_BOOL  ? sizeof "false" - 1u                                   \
         : EVSE_KEY_##type == EVSE_KEY_INT ? DIGITS(max)                                           \
                                           : 0u)
#define TEXT_BYTES(name, type, access, min, max, number, text)                                     \
    +(EVSE_KEY_##type > EVSE_KEY_INT ? sizeof(text) - 1u : 0u)
// With numbers as long as they can get, and no text.
enum { NUMBERS_BYTES = ANSWER_BYTES EVSE_KEY_TABLE(KEY_BYTES) };
_Static_assert(NUMBERS_BYTES EVSE_KEY_TABLE(TEXT_BYTES) <= CONFIG_EVSE_OCPP_SEND_BYTES,
               "GetConfiguration does not fit CONFIG_EVSE_OCPP_SEND_BYTES");
#undef KEY_BYTES
#undef TEXT_BYTES

static const key_info_t *find_key(hf_slice_t name)
{
    for (size_t i = 0u; i < EVSE_KEY_COUNT; i++) {
        if (hf_slice_is_nocase(name, keys[i].name)) {
            return &keys[i];
        }
    }
    return NULL;
}

static bool is_rotation(const evse_ocpp_t *ocpp, hf_slice_t list)
{
    static const char *const words[] = {"NotApplicable", "Unknown", "RST", "RTS",
                                        "SRT",           "STR",     "TRS", "TSR"};
    hf_slice_t rest = list;
    hf_slice_t item;
    uint32_t told = 0u; // bit per connector
    while (hf_slice_next(&rest, &item)) {
        uint32_t bit = 1u;                             // without a connector: the station's
        if (item.length > 2u && item.text[1] == '.') { // "<connector>."
            if (item.text[0] < '0' || (uint32_t)(item.text[0] - '0') > ocpp->config.connectors) {
                return false;
            }
            bit <<= item.text[0] - '0';
            item.text += 2;
            item.length -= 2u;
        }
        size_t i = 0u;
        while (i < HF_COUNT_OF(words) && !hf_slice_is(item, words[i])) {
            i++;
        }
        if (i == HF_COUNT_OF(words) || (told & bit) != 0u) {
            return false;
        }
        told |= bit;
    }
    return true;
}

static bool parse_number(const key_info_t *key, hf_slice_t value, int32_t *out)
{
    int64_t number = 0;
    if (type_of(key) == EVSE_KEY_BOOL) {
        number = hf_slice_is_nocase(value, "true") ? 1 : 0;
        if (number == 0 && !hf_slice_is_nocase(value, "false")) {
            return false;
        }
    } else if (hf_slice_to_i64(value, &number) != HF_OK) {
        return false;
    }
    *out = (int32_t)number;
    return number >= key->min && number <= key->max;
}

// Printable ASCII within CiString20.
static bool is_tag(hf_slice_t value)
{
    for (size_t i = 0u; i < value.length; i++) {
        if (value.text[i] < '!' || value.text[i] > '~') {
            return false;
        }
    }
    return value.length < EVSE_ID_TAG_BYTES;
}

static bool is_limit(hf_slice_t value)
{
#if CONFIG_EVSE_OCPP_SMART_CHARGING
    evse_smart_limit_t limit;
    return evse_smart_limit_parse(value, &limit) == HF_OK;
#else
    (void)value; // no such key
    return false;
#endif
}

static bool is_acceptable(const evse_ocpp_t *ocpp, const key_info_t *key, hf_slice_t value)
{
    int32_t number;
    evse_quantities_t items;
    switch (type_of(key)) {
    case EVSE_KEY_BOOL:
    case EVSE_KEY_INT:
        return parse_number(key, value, &number) &&
               evse_auth_permits_key(ocpp, (size_t)(key - keys), number);
    case EVSE_KEY_MEASURANDS:
        return evse_quantities_parse(ocpp, value, &items) >= 0;
    case EVSE_KEY_ROTATION:
        return is_rotation(ocpp, value);
    case EVSE_KEY_TAG:
        return is_tag(value);
    case EVSE_KEY_LIMIT:
        return is_limit(value);
#if CONFIG_EVSE_OCPP_VENDOR
    case EVSE_KEY_VENDOR:
        return evse_vendor_is_id(value);
    case EVSE_KEY_KINDS:
        return evse_vendor_parse_kinds(value) >= 0;
#else
    case EVSE_KEY_VENDOR:
    case EVSE_KEY_KINDS:
#endif
    case EVSE_KEY_TEXT:
    default:
        return false;
    }
}

// Brings a value that is_acceptable() into the form the loop uses.
static void load(evse_ocpp_t *ocpp, const key_info_t *key, hf_slice_t value)
{
    size_t index = (size_t)(key - keys);
    if (is_number(key)) {
        (void)parse_number(key, value, number_of(ocpp, key));
        return;
    }
    evse_quantities_t *list = index == EVSE_KEY_OF_MeterValuesSampledData   ? &ocpp->keys.sampled
                              : index == EVSE_KEY_OF_MeterValuesAlignedData ? &ocpp->keys.aligned
                              : index == EVSE_KEY_OF_StopTxnSampledData ? &ocpp->keys.stop_sampled
                              : index == EVSE_KEY_OF_StopTxnAlignedData ? &ocpp->keys.stop_aligned
                                                                        : NULL;
    if (list != NULL) {
        (void)!evse_quantities_parse(ocpp, value, list);
    }
}

static hf_slice_t slice_of(const char *text)
{
    return (hf_slice_t){text, strlen(text)};
}

void evse_keys_init(evse_ocpp_t *ocpp)
{
    for (size_t i = 0u; i < EVSE_KEY_COUNT; i++) {
        if (is_number(&keys[i])) {
            *number_of(ocpp, &keys[i]) = keys[i].number;
        } else {
            load(ocpp, &keys[i], slice_of(keys[i].text));
        }
        const char *kept = evse_store_get(ocpp->config.store, keys[i].name);
        if (kept != NULL && is_acceptable(ocpp, &keys[i], slice_of(kept))) {
            load(ocpp, &keys[i], slice_of(kept));
        }
    }
    EVSE_NUMBER(ocpp, NumberOfConnectors) = (int32_t)ocpp->config.connectors;
    ocpp->rpc.timeout_ms = (uint32_t)EVSE_NUMBER(ocpp, MessageTimeout) * MS_PER_S;
}

// What a change means for what is already running.
static void apply(evse_ocpp_t *ocpp, const key_info_t *key)
{
    switch ((evse_key_t)(key - keys)) {
    case EVSE_KEY_OF_HeartbeatInterval:
        ocpp->heartbeat_interval_s = (uint32_t)EVSE_NUMBER(ocpp, HeartbeatInterval);
        ocpp->next_heartbeat_us = ocpp->now_us + ocpp->heartbeat_interval_s * HF_US_PER_S;
        break;
    case EVSE_KEY_OF_MessageTimeout:
        ocpp->rpc.timeout_ms = (uint32_t)EVSE_NUMBER(ocpp, MessageTimeout) * MS_PER_S;
        break;
    case EVSE_KEY_OF_ClockAlignedDataInterval:
        ocpp->metering.next_clock_ms = 0u;
        ocpp->metering.next_us = 0u;
        break;
    case EVSE_KEY_OF_MeterValueSampleInterval:
        for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
            evse_meter_arm(ocpp, i);
        }
        break;
#if CONFIG_EVSE_OCPP_SMART_CHARGING
    case EVSE_KEY_OF_OfflineLimit:
    case EVSE_KEY_OF_OfflineLimitDelay:
    case EVSE_KEY_OF_SiteLimit:
        evse_smart_wake(ocpp);
        break;
#endif
#if CONFIG_EVSE_OCPP_VENDOR
    case EVSE_KEY_OF_TelemetryInterval:
    case EVSE_KEY_OF_VendorMessages:
        evse_vendor_apply_keys(ocpp);
        break;
#endif
    default:
        break;
    }
}

// The text in force.
static const char *text_of(const evse_ocpp_t *ocpp, const key_info_t *key)
{
    const char *kept = evse_store_get(ocpp->config.store, key->name);
    bool good = kept != NULL && is_acceptable(ocpp, key, slice_of(kept));
    return good ? kept : key->text;
}

// What is in force, as a text; `number` is room for one.
static const char *value_of(const evse_ocpp_t *ocpp, const key_info_t *key,
                            char number[NUMBER_BYTES])
{
    hf_builder_t out;
    if (type_of(key) == EVSE_KEY_BOOL) {
        return *number_of(ocpp, key) != 0 ? "true" : "false";
    }
    if (type_of(key) == EVSE_KEY_INT) {
        hf_builder_init(&out, number, NUMBER_BYTES);
        hf_builder_i64(&out, *number_of(ocpp, key));
        return number;
    }
    if (key == &keys[EVSE_KEY_OF_SupportedFileTransferProtocols] &&
        ocpp->config.transfer.protocols != NULL) {
        return ocpp->config.transfer.protocols; // what this platform can do
    }
#if CONFIG_EVSE_OCPP_FIRMWARE
    if (key == &keys[EVSE_KEY_OF_SupportedFeatureProfiles] && ocpp->config.transfer.ops != NULL) {
        return EVSE_PROFILES ",FirmwareManagement"; // a profile only where files can be moved
    }
#endif
    return text_of(ocpp, key);
}

static size_t json_bytes(const char *text)
{
    size_t bytes = 0u;
    for (; *text != '\0'; text++) {
        bytes += *text == '"' || *text == '\\' ? 2u : (unsigned char)*text < ' ' ? 6u : 1u;
    }
    return bytes;
}

// Would one answer still list all keys if this one had that value?
static bool fits_answer(const evse_ocpp_t *ocpp, const key_info_t *changed, const char *value)
{
    size_t bytes = NUMBERS_BYTES;
    for (const key_info_t *key = keys; key < keys + EVSE_KEY_COUNT; key++) {
        if (!is_number(key)) {
            bytes += json_bytes(key == changed ? value : value_of(ocpp, key, NULL));
        }
    }
    return bytes <= CONFIG_EVSE_OCPP_SEND_BYTES;
}

// 0, or why the store would not take it. A value that is in force already costs no write.
static int set_value(evse_ocpp_t *ocpp, const key_info_t *key, const char *value)
{
    int32_t number = 0;
    bool same = is_number(key)
                    ? parse_number(key, slice_of(value), &number) && number == *number_of(ocpp, key)
                    : strcmp(text_of(ocpp, key), value) == 0;
    if (same) {
        return HF_OK;
    }
    if (!is_number(key) && strlen(value) > strlen(text_of(ocpp, key)) &&
        !fits_answer(ocpp, key, value)) {
        return HF_E_FULL;
    }
    int status = evse_store_set(ocpp->config.store, key->name, value);
    if (status == HF_OK) {
        load(ocpp, key, slice_of(value));
        apply(ocpp, key);
        evse_stir(ocpp);
    }
    return status;
}

int evse_ocpp_set_key(evse_ocpp_t *ocpp, const char *key, const char *value)
{
    const key_info_t *info = find_key(slice_of(key));
    if (info == NULL) {
        return HF_E_NOT_FOUND;
    }
    bool good = !has_flag(info, EVSE_KEY_RO) && strlen(value) < EVSE_VALUE_BYTES &&
                is_acceptable(ocpp, info, slice_of(value));
    return good ? set_value(ocpp, info, value) : HF_E_RANGE;
}

const char *evse_key_text(const evse_ocpp_t *ocpp, evse_key_t key)
{
    return text_of(ocpp, &keys[key]);
}

const char *evse_ocpp_text(const evse_ocpp_t *ocpp, const char *key)
{
    const key_info_t *info = find_key(slice_of(key));
    return info != NULL && !is_number(info) ? text_of(ocpp, info) : "";
}

int32_t evse_ocpp_number(const evse_ocpp_t *ocpp, const char *key)
{
    const key_info_t *info = find_key(slice_of(key));
    return info != NULL && is_number(info) ? *number_of(ocpp, info) : -1;
}

// A tag is as good as a card. Keys of a later version that nobody may read are to be named here as well.
static bool is_secret(const key_info_t *key)
{
    return type_of(key) == EVSE_KEY_TAG;
}

bool evse_keys_line(const evse_ocpp_t *ocpp, unsigned index, hf_builder_t *out)
{
    char number[NUMBER_BYTES];
    if (index >= EVSE_KEY_COUNT) {
        return false;
    }
    hf_builder_text(out, keys[index].name);
    hf_builder_text(out, " = ");
    hf_builder_text(out,
                    is_secret(&keys[index]) ? "(not shown)" : value_of(ocpp, &keys[index], number));
    return true;
}

bool evse_ocpp_key_at(const evse_ocpp_t *ocpp, unsigned index, evse_key_view_t *view)
{
    if (index >= EVSE_KEY_COUNT) {
        return false;
    }
    const key_info_t *key = &keys[index];
    view->name = key->name;
    view->value = value_of(ocpp, key, view->number);
    view->readonly = has_flag(key, EVSE_KEY_RO);
    view->secret = is_secret(key);
    return true;
}

static void put_key(const evse_ocpp_t *ocpp, hf_json_writer_t *reply, const key_info_t *key)
{
    char number[NUMBER_BYTES];
    const char *value = value_of(ocpp, key, number);
    hf_json_begin_object(reply);
    hf_json_string_field(reply, "key", key->name);
    hf_json_bool_field(reply, "readonly", has_flag(key, EVSE_KEY_RO));
    hf_json_string_field(reply, "value", value);
    hf_json_end_object(reply);
}

// Decodes an element of the request's key list; false with fields.error set when it is no CiString50.
static bool read_name(evse_fields_t *fields, hf_json_t element, char name[EVSE_KEY_BYTES])
{
    int status = hf_json_string(element, name, EVSE_KEY_BYTES);
    if (status != HF_OK) {
        evse_fields_refuse(fields, "key",
                           status == HF_E_TOO_LONG ? EVSE_RPC_PropertyConstraintViolation
                                                   : EVSE_RPC_TypeConstraintViolation);
    }
    return status == HF_OK;
}

// One pass over the names asked for: known ones, each once, or unknown ones, into the reply.
static void put_asked(const evse_ocpp_t *ocpp, evse_fields_t *fields, hf_json_t asked, bool known,
                      hf_json_writer_t *reply)
{
    hf_json_walk_t walk = {.container = asked};
    char name[EVSE_KEY_BYTES];
    uint64_t told = 0u; // bit per key
    while (hf_json_next(&walk) && read_name(fields, walk.value, name)) {
        const key_info_t *key = find_key(slice_of(name));
        uint64_t bit = key != NULL ? UINT64_C(1) << (size_t)(key - keys) : 0u;
        if (known && (bit & ~told) != 0u) {
            told |= bit;
            put_key(ocpp, reply, key);
        } else if (!known && key == NULL) {
            hf_json_put_string(reply, name);
        }
    }
}

evse_rpc_error_t evse_keys_on_get(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply)
{
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    hf_json_t asked;
    (void)evse_fields_find(&fields, "key", false, HF_JSON_ARRAY, &asked);
    size_t count = hf_json_count(asked);
    if (count > EVSE_KEYS_ASKED) { // GetConfigurationMaxKeys
        evse_fields_refuse(&fields, "key", EVSE_RPC_OccurenceConstraintViolation);
    }
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    bool all = count == 0u;
    hf_json_begin_object(reply);
    hf_json_key(reply, "configurationKey");
    hf_json_begin_array(reply);
    for (size_t i = 0u; all && i < EVSE_KEY_COUNT; i++) {
        put_key(ocpp, reply, &keys[i]);
    }
    put_asked(ocpp, &fields, asked, true, reply);
    hf_json_end_array(reply);
    hf_json_key(reply, "unknownKey");
    hf_json_begin_array(reply);
    put_asked(ocpp, &fields, asked, false, reply);
    hf_json_end_array(reply);
    hf_json_end_object(reply);
    return fields.error;
}

evse_change_t evse_ocpp_change_key(evse_ocpp_t *ocpp, const char *name, const char *value)
{
    const key_info_t *key = find_key(slice_of(name));
    if (key == NULL) {
        return EVSE_CHANGE_NOT_SUPPORTED;
    }
    int status = evse_ocpp_set_key(ocpp, name, value);
    if (status != HF_OK) {
        HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "%s not changed: %s", key->name,
                hf_status_text(status));
        return EVSE_CHANGE_REJECTED;
    }
    HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "%s set to %s", key->name,
            is_secret(key) ? "(not shown)" : value);
    return has_flag(key, EVSE_KEY_REBOOT) ? EVSE_CHANGE_REBOOT_REQUIRED : EVSE_CHANGE_ACCEPTED;
}

evse_rpc_error_t evse_keys_on_change(evse_ocpp_t *ocpp, hf_json_t payload, hf_json_writer_t *reply)
{
    static const char *const answers[] = {"Accepted", "Rejected", "RebootRequired", "NotSupported"};
    char name[EVSE_KEY_BYTES];
    char value[501]; // CiString500; more than EVSE_VALUE_BYTES is Rejected
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    (void)evse_fields_text(&fields, "key", true, name, sizeof name);
    (void)evse_fields_text(&fields, "value", true, value, sizeof value);
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    return evse_reply_recorded(ocpp, reply, answers[evse_ocpp_change_key(ocpp, name, value)]);
}
