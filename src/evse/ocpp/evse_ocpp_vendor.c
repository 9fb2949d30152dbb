// SPDX-License-Identifier: MIT
// DataTransfer that comes in: an integrator's table first, then the station's own messages, which tell what they would send
// by themselves. Vendor ids are CiStrings, message ids are too.
#include "evse_ocpp_vendor.h"

#define VENDOR_BYTES  256u // CiString255
#define MESSAGE_BYTES 51u  // CiString50

typedef struct request {
    char vendor[VENDOR_BYTES], message[MESSAGE_BYTES];
    bool has_message;
    hf_json_t data; // HF_JSON_NONE: none
} request_t;

static bool is_same(const char *a, const char *b)
{
    return hf_slice_is_nocase((hf_slice_t){a, strlen(a)}, b);
}

static evse_vendor_status_t ask_table(const evse_ocpp_t *ocpp, const request_t *request,
                                      hf_builder_t *answer)
{
    const evse_vendor_table_t *table = &ocpp->config.vendors;
    evse_vendor_status_t status = EVSE_VENDOR_UNKNOWN_VENDOR;
    for (uint32_t i = 0u; i < table->count; i++) {
        const evse_vendor_handler_t *handler = &table->handler[i];
        if (!is_same(request->vendor, handler->vendor_id)) {
            continue;
        }
        status = EVSE_VENDOR_UNKNOWN_MESSAGE;
        if (handler->message_id == NULL ||
            (request->has_message && is_same(request->message, handler->message_id))) {
            return handler->handle(handler->ctx, request->data, answer);
        }
    }
    return status;
}

#if CONFIG_EVSE_OCPP_VENDOR
// {"connector":N} in the data, or the first one; -1 when it makes no sense.
static int connector_of(const evse_ocpp_t *ocpp, hf_json_t data)
{
    char text[64];
    hf_json_t root;
    int64_t number = 1;
    if (data.type == HF_JSON_NONE) {
        return 0;
    }
    if (hf_json_string(data, text, sizeof text) != HF_OK ||
        hf_json_parse(text, strlen(text), &root) != HF_OK || root.type != HF_JSON_OBJECT) {
        return -1;
    }
    hf_json_t member = hf_json_member(root, "connector");
    bool good = member.type == HF_JSON_NONE || hf_json_i64(member, &number) == HF_OK;
    return good && number >= 1 && number <= (int64_t)ocpp->config.connectors ? (int)number - 1 : -1;
}

static evse_vendor_status_t ask_own(const evse_ocpp_t *ocpp, const request_t *request,
                                    hf_builder_t *answer)
{
    evse_vendor_item_t item;
    if (!is_same(request->vendor, evse_key_text(ocpp, EVSE_KEY_OF_VendorId))) {
        return EVSE_VENDOR_UNKNOWN_VENDOR;
    }
    bool status = is_same(request->message, "ChargerStatus");
    bool vehicle = is_same(request->message, evse_vendor_kind_text(EVSE_VENDOR_VehicleInfo));
    bool live = is_same(request->message, evse_vendor_kind_text(EVSE_VENDOR_LiveTelemetry));
    if (!status && !vehicle && !live) {
        return EVSE_VENDOR_UNKNOWN_MESSAGE;
    }
    int connector = connector_of(ocpp, request->data);
    if (connector < 0 || evse_view(ocpp, (unsigned)connector) == NULL) {
        return EVSE_VENDOR_REJECTED;
    }
    if (status) {
        evse_vendor_write_status(ocpp, (unsigned)connector, answer);
    } else if (live) {
        evse_vendor_write_telemetry(ocpp, (unsigned)connector, answer);
    } else if (evse_vendor_vehicle(ocpp, (unsigned)connector, &item)) {
        evse_vendor_write_item(ocpp, &item, answer);
    } else {
        return EVSE_VENDOR_REJECTED; // no vehicle, or one that has not told enough
    }
    return EVSE_VENDOR_ACCEPTED;
}
#else
static evse_vendor_status_t ask_own(const evse_ocpp_t *ocpp, const request_t *request,
                                    hf_builder_t *answer)
{
    (void)ocpp;
    (void)request;
    (void)answer;
    return EVSE_VENDOR_UNKNOWN_VENDOR;
}
#endif

evse_rpc_error_t evse_vendor_on_transfer(evse_ocpp_t *ocpp, hf_json_t payload,
                                         hf_json_writer_t *reply)
{
    static const char *const texts[] = {"Accepted", "Rejected", "UnknownMessageId",
                                        "UnknownVendorId"};
    char text[EVSE_VENDOR_DATA_BYTES];
    request_t request;
    hf_builder_t answer;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    (void)evse_fields_text(&fields, "vendorId", true, request.vendor, sizeof request.vendor);
    request.has_message =
        evse_fields_text(&fields, "messageId", false, request.message, sizeof request.message);
    (void)evse_fields_find(&fields, "data", false, HF_JSON_STRING, &request.data); // of any length
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    hf_builder_init(&answer, text, sizeof text);
    evse_vendor_status_t status = ask_table(ocpp, &request, &answer);
    if (status == EVSE_VENDOR_UNKNOWN_VENDOR) {
        status = ask_own(ocpp, &request, &answer);
    }
    hf_json_begin_object(reply);
    hf_json_string_field(reply, "status", texts[status]);
    if (answer.length > 0u && !answer.overflow) {
        hf_json_string_field(reply, "data", text);
    }
    hf_json_end_object(reply);
    return EVSE_RPC_NO_ERROR;
}
