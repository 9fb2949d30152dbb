// SPDX-License-Identifier: MIT
// What the Firmware Management profile's files share, and what the comms core calls of it. With nothing to do each round
// costs one comparison, and so does each look for a CALL to send.
#ifndef EVSE_OCPP_TRANSFER_H
#define EVSE_OCPP_TRANSFER_H

#include "evse_ocpp_private.h"

#if CONFIG_EVSE_OCPP_FIRMWARE

#define EVSE_JOB_TRIGGERS (EVSE_TRIGGER_DIAGNOSTICS | EVSE_TRIGGER_FIRMWARE)

/// What a request asks for. On flash while the job lives, in memory only while it is looked at.
typedef struct evse_job_request {
    uint64_t from_ms, to_ms; // retrieveDate; startTime and stopTime, UINT64_MAX open
    uint32_t interval_s;
    uint16_t retries;
    char name[EVSE_TRANSFER_NAME_BYTES];
    char url[EVSE_TRANSFER_URL_BYTES];
} evse_job_request_t;

// ---- for the comms core -------------------------------------------------------------------------

/// Takes up what the store kept over a reboot.
void evse_transfer_init(evse_ocpp_t *ocpp);
void evse_transfer_work(evse_ocpp_t *ocpp);
static inline void evse_transfer_step(evse_ocpp_t *ocpp)
{
    if (evse_is_due(ocpp->now_us, ocpp->transfers.due_us)) {
        evse_transfer_work(ocpp);
    }
}
bool evse_transfer_tell(evse_ocpp_t *ocpp);
static inline bool evse_transfer_send(evse_ocpp_t *ocpp)
{
    bool some = ocpp->transfers.to_tell != 0u || (ocpp->triggers & EVSE_JOB_TRIGGERS) != 0u;
    return some && evse_transfer_tell(ocpp);
}
void evse_transfer_answer(evse_ocpp_t *ocpp, uint32_t token, evse_rpc_outcome_t outcome);
evse_rpc_error_t evse_firmware_on_update(evse_ocpp_t *ocpp, hf_json_t payload,
                                         hf_json_writer_t *reply);
evse_rpc_error_t evse_diagnostics_on_get(evse_ocpp_t *ocpp, hf_json_t payload,
                                         hf_json_writer_t *reply);

// ---- between the files of the profile -----------------------------------------------------------

/// Reads location, retries and retryInterval, which both requests have.
void evse_job_read(evse_fields_t *fields, evse_job_request_t *request);
/// Replaces the job of that kind by a new one. Not taken: the store's failure.
HF_MUST_CHECK int evse_job_open(evse_ocpp_t *ocpp, evse_job_kind_t kind,
                                const evse_job_request_t *request);
/// The request as it was kept. HF_E_NOT_FOUND, HF_E_FORMAT (of another version), and the store's failures.
HF_MUST_CHECK int evse_job_kept(evse_ocpp_t *ocpp, evse_job_kind_t kind,
                                evse_job_request_t *request);

/// Begins the text for a window.
void evse_diagnostics_open(evse_ocpp_t *ocpp, const evse_job_request_t *request);
/// Feeds the seam with what it takes now, a bounded piece.
void evse_diagnostics_feed(evse_ocpp_t *ocpp);

#else

static inline void evse_transfer_init(evse_ocpp_t *ocpp)
{
    (void)ocpp;
}
static inline void evse_transfer_step(evse_ocpp_t *ocpp)
{
    (void)ocpp;
}
static inline bool evse_transfer_send(evse_ocpp_t *ocpp)
{
    (void)ocpp;
    return false;
}
static inline void evse_transfer_answer(evse_ocpp_t *ocpp, uint32_t token,
                                        evse_rpc_outcome_t outcome)
{
    (void)ocpp;
    (void)token;
    (void)outcome;
}

#endif
#endif
