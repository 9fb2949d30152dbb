// SPDX-License-Identifier: MIT
// UpdateFirmware, and the members that it shares with GetDiagnostics. Its answer has no status: whatever becomes of the
// request is told by FirmwareStatusNotification.
#include "evse_ocpp_transfer.h"

#define RETRIES_DEFAULT    3 // where the central system leaves it to us
#define INTERVAL_DEFAULT_S 60
#define INTERVAL_MAX_S     (7 * 86400)

void evse_job_read(evse_fields_t *fields, evse_job_request_t *request)
{
    int32_t retries = RETRIES_DEFAULT;
    int32_t interval_s = INTERVAL_DEFAULT_S;
    bool given = evse_fields_text(fields, "location", true, request->url, sizeof request->url);
    if (given && request->url[0] == '\0') {
        evse_fields_refuse(fields, "location", EVSE_RPC_PropertyConstraintViolation);
    }
    (void)evse_fields_int(fields, "retries", false, &evse_any_count, &retries);
    (void)evse_fields_int(fields, "retryInterval", false, &evse_any_count, &interval_s);
    // Longer than anybody can mean is cut: a longer wait or more tries would not be told from these.
    request->retries = (uint16_t)(retries < UINT16_MAX - 1 ? retries : UINT16_MAX - 1);
    request->interval_s = (uint32_t)(interval_s < INTERVAL_MAX_S ? interval_s : INTERVAL_MAX_S);
}

evse_rpc_error_t evse_firmware_on_update(evse_ocpp_t *ocpp, hf_json_t payload,
                                         hf_json_writer_t *reply)
{
    evse_job_request_t request = {.to_ms = UINT64_MAX};
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    if (ocpp->config.transfer.ops == NULL) {
        return EVSE_RPC_NotSupported;
    }
    evse_job_read(&fields, &request);
    (void)evse_fields_time(&fields, "retrieveDate", true, &request.from_ms);
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    int status = evse_job_open(ocpp, EVSE_JOB_FIRMWARE, &request);
    if (status != HF_OK) {
        HF_LOGE(ocpp->config.log, ocpp->now_us, OCPP, "firmware download: not recorded: %s",
                hf_status_text(status));
        return EVSE_RPC_InternalError;
    }
    hf_json_begin_object(reply);
    hf_json_end_object(reply);
    return EVSE_RPC_NO_ERROR;
}
