// SPDX-License-Identifier: MIT
// What a payload of OCPP 1.6 may hold: one table of members per action, one reading of it. Invariant: after a payload has
// passed, every member the table requires is there, with its type, length and value, and no member is unknown.
#include "csms_private.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define TEXT_MAX 255u // the longest CiString here; 4 bytes a character at most

typedef enum kind { TEXT, INTEGER, TIME, CHOICE, NUMBER_TEXT, METER_LIST, SAMPLE_LIST, ANY } kind_t;

typedef struct field {
    const char *name;
    kind_t kind;
    bool required;
    unsigned longest; // TEXT, in characters
    const char *const *choices;
} field_t;

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
static const char *const contexts[] = {"Interruption.Begin",
                                       "Interruption.End",
                                       "Sample.Clock",
                                       "Sample.Periodic",
                                       "Transaction.Begin",
                                       "Transaction.End",
                                       "Trigger",
                                       "Other",
                                       NULL};
static const char *const measurands[] = {"Energy.Active.Export.Register",
                                         "Energy.Active.Import.Register",
                                         "Energy.Reactive.Export.Register",
                                         "Energy.Reactive.Import.Register",
                                         "Energy.Active.Export.Interval",
                                         "Energy.Active.Import.Interval",
                                         "Energy.Reactive.Export.Interval",
                                         "Energy.Reactive.Import.Interval",
                                         "Power.Active.Export",
                                         "Power.Active.Import",
                                         "Power.Offered",
                                         "Power.Reactive.Export",
                                         "Power.Reactive.Import",
                                         "Power.Factor",
                                         "Current.Import",
                                         "Current.Export",
                                         "Current.Offered",
                                         "Voltage",
                                         "Frequency",
                                         "Temperature",
                                         "SoC",
                                         "RPM",
                                         NULL};
static const char *const phases[] = {"L1",   "L2",    "L3",    "N",     "L1-N", "L2-N",
                                     "L3-N", "L1-L2", "L2-L3", "L3-L1", NULL};
static const char *const locations[] = {"Cable", "EV", "Inlet", "Outlet", "Body", NULL};
// "Celcius" is the specification's own spelling; errata accept both.
static const char *const units[] = {"Wh",      "kWh",     "varh",       "kvarh", "W",       "kW",
                                    "VA",      "kVA",     "var",        "kvar",  "A",       "V",
                                    "Celcius", "Celsius", "Fahrenheit", "K",     "Percent", NULL};
static const char *const formats[] = {"Raw", "SignedData", NULL};

static const field_t boot_fields[] = {{"chargePointVendor", TEXT, true, 20, NULL},
                                      {"chargePointModel", TEXT, true, 20, NULL},
                                      {"chargePointSerialNumber", TEXT, false, 25, NULL},
                                      {"chargeBoxSerialNumber", TEXT, false, 25, NULL},
                                      {"firmwareVersion", TEXT, false, 50, NULL},
                                      {"iccid", TEXT, false, 20, NULL},
                                      {"imsi", TEXT, false, 20, NULL},
                                      {"meterType", TEXT, false, 25, NULL},
                                      {"meterSerialNumber", TEXT, false, 25, NULL},
                                      {0}};
static const field_t no_fields[] = {{0}};
static const field_t status_fields[] = {
    {"connectorId", INTEGER, true, 0, NULL},    {"errorCode", CHOICE, true, 0, error_codes},
    {"status", CHOICE, true, 0, statuses},      {"info", TEXT, false, 50, NULL},
    {"timestamp", TIME, false, 0, NULL},        {"vendorId", TEXT, false, 255, NULL},
    {"vendorErrorCode", TEXT, false, 50, NULL}, {0}};
static const field_t authorize_fields[] = {{"idTag", TEXT, true, 20, NULL}, {0}};
static const field_t start_fields[] = {
    {"connectorId", INTEGER, true, 0, NULL},    {"idTag", TEXT, true, 20, NULL},
    {"meterStart", INTEGER, true, 0, NULL},     {"timestamp", TIME, true, 0, NULL},
    {"reservationId", INTEGER, false, 0, NULL}, {0}};
static const field_t stop_fields[] = {{"transactionId", INTEGER, true, 0, NULL},
                                      {"meterStop", INTEGER, true, 0, NULL},
                                      {"timestamp", TIME, true, 0, NULL},
                                      {"idTag", TEXT, false, 20, NULL},
                                      {"reason", CHOICE, false, 0, reasons},
                                      {"transactionData", METER_LIST, false, 0, NULL},
                                      {0}};
static const field_t meter_fields[] = {{"connectorId", INTEGER, true, 0, NULL},
                                       {"transactionId", INTEGER, false, 0, NULL},
                                       {"meterValue", METER_LIST, true, 0, NULL},
                                       {0}};
static const field_t meter_value_fields[] = {
    {"timestamp", TIME, true, 0, NULL}, {"sampledValue", SAMPLE_LIST, true, 0, NULL}, {0}};
static const field_t sample_fields[] = {
    {"value", NUMBER_TEXT, true, 0, NULL}, {"context", CHOICE, false, 0, contexts},
    {"format", CHOICE, false, 0, formats}, {"measurand", CHOICE, false, 0, measurands},
    {"phase", CHOICE, false, 0, phases},   {"location", CHOICE, false, 0, locations},
    {"unit", CHOICE, false, 0, units},     {0}};
static const field_t data_transfer_fields[] = {{"vendorId", TEXT, true, 255, NULL},
                                               {"messageId", TEXT, false, 50, NULL},
                                               {"data", ANY, false, 0, NULL},
                                               {0}};

static const struct {
    const char *action;
    const field_t *fields;
} actions[] = {
    {"BootNotification", boot_fields},     {"Heartbeat", no_fields},
    {"StatusNotification", status_fields}, {"Authorize", authorize_fields},
    {"StartTransaction", start_fields},    {"StopTransaction", stop_fields},
    {"MeterValues", meter_fields},         {"DataTransfer", data_transfer_fields},
};

// ---- one member ----

static csms_refusal_t refusal(const char *code, const char *why)
{
    return (csms_refusal_t){.code = code, .why = why};
}

static size_t character_count(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xC0u) != 0x80u ? 1u : 0u;
    }
    return count;
}

static bool is_one_of(const char *text, const char *const *choices)
{
    while (*choices != NULL && strcmp(text, *choices) != 0) {
        choices++;
    }
    return *choices != NULL;
}

static bool is_number(const char *text)
{
    hf_json_t number;
    return hf_json_parse(text, strlen(text), &number) == HF_OK && number.type == HF_JSON_NUMBER;
}

static csms_refusal_t check_text(const field_t *field, hf_json_t value)
{
    char text[TEXT_MAX * 4u + 1u];
    uint64_t utc_ms;
    if (value.type != HF_JSON_STRING) {
        return refusal("TypeConstraintViolation", field->name);
    }
    bool good = hf_json_string(value, text, sizeof text) == HF_OK;
    switch (field->kind) {
    case TEXT:
        good = good && character_count(text) <= field->longest;
        break;
    case TIME:
        good = good && hf_iso8601_parse(text, strlen(text), &utc_ms) == HF_OK;
        break;
    case CHOICE:
        good = good && is_one_of(text, field->choices);
        break;
    case NUMBER_TEXT: // signed data would be none: this station has none
        good = good && is_number(text);
        break;
    case INTEGER:
    case METER_LIST:
    case SAMPLE_LIST:
    case ANY:
        break;
    }
    return good ? refusal(NULL, NULL) : refusal("PropertyConstraintViolation", field->name);
}

static csms_refusal_t check_integer(const field_t *field, hf_json_t value)
{
    int64_t number;
    int status = hf_json_i64(value, &number);
    if (status == HF_E_FORMAT) {
        return refusal("TypeConstraintViolation", field->name);
    }
    bool good = status == HF_OK && number >= INT32_MIN && number <= INT32_MAX;
    return good ? refusal(NULL, NULL) : refusal("PropertyConstraintViolation", field->name);
}

// ---- objects: no list of this slice holds itself, so the nesting below is written out, not recursive ----

static const field_t *find_field(const field_t *fields, hf_json_t name)
{
    while (fields->name != NULL && !hf_json_is_string(name, fields->name)) {
        fields++;
    }
    return fields->name != NULL ? fields : NULL;
}

/// Members that are lists are only seen to be there.
static csms_refusal_t check_members(const field_t *fields, hf_json_t object)
{
    if (object.type != HF_JSON_OBJECT) {
        return refusal("TypeConstraintViolation", "an object is needed");
    }
    csms_refusal_t found = {0};
    hf_json_walk_t walk = {.container = object};
    while (found.code == NULL && hf_json_next(&walk)) {
        const field_t *field = find_field(fields, walk.name);
        if (field == NULL) {
            found = refusal("FormationViolation", "a member the specification does not have");
        } else if (field->kind == INTEGER) {
            found = check_integer(field, walk.value);
        } else if (field->kind != ANY && field->kind != METER_LIST && field->kind != SAMPLE_LIST) {
            found = check_text(field, walk.value);
        }
    }
    for (; found.code == NULL && fields->name != NULL; fields++) {
        if (fields->required && hf_json_member(object, fields->name).type == HF_JSON_NONE) {
            found = refusal("OccurenceConstraintViolation", fields->name);
        }
    }
    return found;
}

static csms_refusal_t check_list(hf_json_t list, const char *name)
{
    if (list.type != HF_JSON_ARRAY) {
        return refusal("TypeConstraintViolation", name);
    }
    return hf_json_count(list) > 0 ? refusal(NULL, NULL)
                                   : refusal("OccurenceConstraintViolation", name);
}

static csms_refusal_t check_samples(hf_json_t list)
{
    csms_refusal_t found = check_list(list, "sampledValue");
    hf_json_walk_t walk = {.container = list};
    while (found.code == NULL && hf_json_next(&walk)) {
        found = check_members(sample_fields, walk.value);
    }
    return found;
}

static csms_refusal_t check_meter_values(hf_json_t list, const char *name)
{
    csms_refusal_t found = check_list(list, name);
    hf_json_walk_t walk = {.container = list};
    while (found.code == NULL && hf_json_next(&walk)) {
        found = check_members(meter_value_fields, walk.value);
        if (found.code == NULL) {
            found = check_samples(hf_json_member(walk.value, "sampledValue"));
        }
    }
    return found;
}

csms_refusal_t csms_check(const char *action, hf_json_t payload)
{
    size_t i = 0;
    while (i < HF_COUNT_OF(actions) && strcmp(action, actions[i].action) != 0) {
        i++;
    }
    if (i == HF_COUNT_OF(actions)) {
        return refusal("NotImplemented", "no such action");
    }
    csms_refusal_t found = check_members(actions[i].fields, payload);
    for (const field_t *field = actions[i].fields; field->name != NULL; field++) {
        hf_json_t list = hf_json_member(payload, field->name);
        if (found.code == NULL && field->kind == METER_LIST && list.type != HF_JSON_NONE) {
            found = check_meter_values(list, field->name);
        }
    }
    return found;
}
