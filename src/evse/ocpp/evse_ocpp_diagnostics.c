// SPDX-License-Identifier: MIT
// GetDiagnostics: is there anything to send, and under which name.
#include "evse_ocpp_transfer.h"

#define SERIAL_MAX 25u // CiString25

// The characters every server and file system takes; a serial number may hold others.
static char plain(char c)
{
    bool good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                c == '-' || c == '.';
    return good ? c : '_';
}

// "diagnostics-SERIAL-20261121T094233Z.txt"; with an unknown clock boot number and seconds since stand in for the time.
static void make_name(const evse_ocpp_t *ocpp, char name[EVSE_TRANSFER_NAME_BYTES])
{
    hf_builder_t out;
    const char *serial = ocpp->config.serial != NULL ? ocpp->config.serial : "";
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us);
    hf_builder_init(&out, name, EVSE_TRANSFER_NAME_BYTES);
    hf_builder_text(&out, "diagnostics-");
    for (unsigned i = 0u; serial[i] != '\0' && i < SERIAL_MAX; i++) {
        hf_builder_char(&out, plain(serial[i]));
    }
    hf_builder_text(&out, serial[0] != '\0' ? "-" : "");
    if (utc_ms == 0u) {
        hf_builder_format(&out, "boot%u-%us.txt", (unsigned)ocpp->config.store->boot,
                          (unsigned)(ocpp->now_us / HF_US_PER_S));
        return;
    }
    char time[HF_ISO8601_BYTES];
    hf_iso8601_format(utc_ms, time);
    for (unsigned i = 0u; time[i] != '.'; i++) { // without its fraction and separators
        if (time[i] != '-' && time[i] != ':') {
            hf_builder_char(&out, time[i]);
        }
    }
    hf_builder_text(&out, "Z.txt");
}

// A window that holds no moment, or one that is still to come.
static bool is_empty(const evse_ocpp_t *ocpp, const evse_job_request_t *request)
{
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us);
    return request->from_ms > request->to_ms || (utc_ms != 0u && request->from_ms > utc_ms);
}

evse_rpc_error_t evse_diagnostics_on_get(evse_ocpp_t *ocpp, hf_json_t payload,
                                         hf_json_writer_t *reply)
{
    evse_job_request_t request = {.to_ms = UINT64_MAX};
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    if (ocpp->config.transfer.ops == NULL) {
        return EVSE_RPC_NotSupported;
    }
    evse_job_read(&fields, &request);
    (void)evse_fields_time(&fields, "startTime", false, &request.from_ms);
    (void)evse_fields_time(&fields, "stopTime", false, &request.to_ms);
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    bool some = !is_empty(ocpp, &request);
    if (some) {
        make_name(ocpp, request.name);
        int status = evse_job_open(ocpp, EVSE_JOB_DIAGNOSTICS, &request);
        if (status != HF_OK) {
            HF_LOGE(ocpp->config.log, ocpp->now_us, OCPP, "diagnostics upload: not recorded: %s",
                    hf_status_text(status));
            return EVSE_RPC_InternalError;
        }
    }
    hf_json_begin_object(reply);
    if (some) {
        hf_json_string_field(reply, "fileName", request.name);
    }
    hf_json_end_object(reply);
    return EVSE_RPC_NO_ERROR;
}
