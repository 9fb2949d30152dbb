// SPDX-License-Identifier: MIT
// Reading the members of a payload: what the schema forbids is the CALLERROR it names, with the member's name as its
// description. Invariants: the first that is wrong decides; a member that is wrong or absent leaves its default.
#include "evse_ocpp_private.h"

#define TIME_BYTES   40u
#define CHOICE_BYTES 48u

const evse_range_t evse_any_integer = {INT32_MIN, INT32_MAX};
const evse_range_t evse_any_count = {0, INT32_MAX};

evse_fields_t evse_fields_of(evse_ocpp_t *ocpp, hf_json_t payload)
{
    return (evse_fields_t){.rpc = &ocpp->rpc, .object = payload};
}

evse_fields_t evse_fields_in(const evse_fields_t *fields, hf_json_t object)
{
    return (evse_fields_t){.rpc = fields->rpc, .object = object, .error = fields->error};
}

void evse_fields_refuse(evse_fields_t *fields, const char *name, evse_rpc_error_t error)
{
    if (fields->error == EVSE_RPC_NO_ERROR) {
        fields->error = error;
        fields->rpc->why = name;
    }
}

bool evse_fields_find(evse_fields_t *fields, const char *name, bool required, hf_json_type_t type,
                      hf_json_t *value)
{
    *value = hf_json_member(fields->object, name);
    if (value->type == type) {
        return true;
    }
    if (value->type != HF_JSON_NONE) {
        evse_fields_refuse(fields, name, EVSE_RPC_TypeConstraintViolation);
    } else if (required) {
        evse_fields_refuse(fields, name, EVSE_RPC_OccurenceConstraintViolation);
    }
    return false;
}

bool evse_fields_text(evse_fields_t *fields, const char *name, bool required, char *out,
                      size_t capacity)
{
    hf_json_t value;
    out[0] = '\0';
    if (!evse_fields_find(fields, name, required, HF_JSON_STRING, &value)) {
        return false;
    }
    if (hf_json_string(value, out, capacity) != HF_OK) { // too long, or a NUL inside
        evse_fields_refuse(fields, name, EVSE_RPC_PropertyConstraintViolation);
        return false;
    }
    return true;
}

bool evse_fields_int(evse_fields_t *fields, const char *name, bool required,
                     const evse_range_t *range, int32_t *out)
{
    hf_json_t value;
    if (!evse_fields_find(fields, name, required, HF_JSON_NUMBER, &value)) {
        return false;
    }
    int64_t number = 0;
    int status = hf_json_i64(value, &number);
    if (status == HF_E_FORMAT) {
        evse_fields_refuse(fields, name, EVSE_RPC_TypeConstraintViolation);
        return false;
    }
    if (status != HF_OK || number < range->min || number > range->max) {
        evse_fields_refuse(fields, name, EVSE_RPC_PropertyConstraintViolation);
        return false;
    }
    *out = (int32_t)number;
    return true;
}

bool evse_fields_connector(evse_fields_t *fields, bool required, unsigned *out)
{
    int32_t connector = 0;
    bool good = evse_fields_int(fields, "connectorId", required, &evse_any_count, &connector);
    *out = (unsigned)connector;
    return good;
}

bool evse_fields_choice(evse_fields_t *fields, const char *name, bool required,
                        const char *const *choices, unsigned *out)
{
    char text[CHOICE_BYTES];
    if (!evse_fields_text(fields, name, required, text, sizeof text)) {
        return false;
    }
    for (unsigned i = 0u; choices[i] != NULL; i++) {
        if (strcmp(text, choices[i]) == 0) {
            *out = i;
            return true;
        }
    }
    evse_fields_refuse(fields, name, EVSE_RPC_PropertyConstraintViolation);
    return false;
}

bool evse_fields_time(evse_fields_t *fields, const char *name, bool required, uint64_t *utc_ms)
{
    char text[TIME_BYTES];
    if (!evse_fields_text(fields, name, required, text, sizeof text)) {
        return false;
    }
    if (hf_iso8601_parse(text, strlen(text), utc_ms) != HF_OK) {
        evse_fields_refuse(fields, name, EVSE_RPC_PropertyConstraintViolation);
        return false;
    }
    return true;
}

evse_rpc_error_t evse_reply_status(hf_json_writer_t *reply, const char *status)
{
    hf_json_begin_object(reply);
    hf_json_string_field(reply, "status", status);
    hf_json_end_object(reply);
    return EVSE_RPC_NO_ERROR;
}

evse_rpc_error_t evse_reply_accepted(hf_json_writer_t *reply, bool accepted)
{
    return evse_reply_status(reply, accepted ? "Accepted" : "Rejected");
}

bool evse_reply_deferred(evse_ocpp_t *ocpp, const char *status)
{
    evse_rpc_draft_t reply;
    int begun = evse_rpc_reply_begin(&ocpp->rpc, &reply);
    if (begun == HF_OK) {
        (void)evse_reply_status(&reply.json, status);
        (void)!evse_rpc_reply_send(&ocpp->rpc, &reply); // counted there
    }
    return begun == HF_E_AGAIN;
}
