// SPDX-License-Identifier: MIT
// DataTransfer both ways.
#include "evse_ocpp_private.h"

evse_rpc_error_t evse_vendor_on_transfer(evse_ocpp_t *ocpp, hf_json_t payload,
                                         hf_json_writer_t *reply)
{
    char vendor[256];
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    if (!evse_fields_text(&fields, "vendorId", true, vendor, sizeof vendor)) {
        return fields.error;
    }
    return evse_reply_status(reply, "UnknownVendorId");
}
