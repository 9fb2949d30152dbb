// SPDX-License-Identifier: MIT
// The two jobs that use the transfer seam, UpdateFirmware's and GetDiagnostics', as one state machine: when to try, how
// often, what to tell, what to keep.
// Goals: each request ends with one final status told; tries are spread by its interval; a reboot loses neither.
// Assumptions: the seam does one transfer at a time and never blocks; the store keeps 700 bytes per job.
// Invariants: online, no status is passed over: the next one is taken only when the last was answered; offline, only the
// newest waits. The request stays in the store until its last status was answered. A try counts once it has begun.
#include "evse_ocpp_transfer.h"
#include "holdfast/hf_le.h"

#define TELLINGS_MAX     3u // of an end that nobody confirms
#define POLL_US          (100u * HF_US_PER_MS)
#define CLOCK_LOOK_US    (60u * HF_US_PER_S) // a date is looked at again: clocks are set
#define CLOCK_WAIT_US    HF_US_PER_S
#define RECORD_VERSION   1u
#define HEAD_BYTES       24u // version, name's length, retries, interval, two times
#define PROGRESS_BYTES   4u
#define RECORD_BYTES_MAX (HEAD_BYTES + EVSE_TRANSFER_NAME_BYTES + EVSE_TRANSFER_URL_BYTES)

_Static_assert(RECORD_BYTES_MAX <= EVSE_OBJECT_BYTES_MAX, "a request is kept in one piece");

// A way that fails again and again, request after request, is left alone for a while: evse_uplink.h.
_Static_assert(EVSE_BREAKER_DOWNLOAD + EVSE_JOB_DIAGNOSTICS == EVSE_BREAKER_UPLOAD, "by kind");

static const char *const names[EVSE_JOBS] = {"firmware download", "diagnostics upload"};

// ---- what is kept -------------------------------------------------------------------------------

static uint16_t request_key(evse_job_kind_t kind)
{
    return (uint16_t)(2u * (unsigned)kind);
}

static uint16_t progress_key(evse_job_kind_t kind)
{
    return (uint16_t)(2u * (unsigned)kind + 1u);
}

static int keep_request(evse_ocpp_t *ocpp, evse_job_kind_t kind, const evse_job_request_t *request)
{
    uint8_t record[RECORD_BYTES_MAX];
    size_t name = strlen(request->name);
    size_t url = strlen(request->url);
    record[0] = RECORD_VERSION;
    record[1] = (uint8_t)name;
    hf_le_put(record + 2, 2u, request->retries);
    hf_le_put32(record + 4, request->interval_s);
    hf_le_put(record + 8, 8u, request->from_ms);
    hf_le_put(record + 16, 8u, request->to_ms);
    memcpy(record + HEAD_BYTES, request->name, name);
    memcpy(record + HEAD_BYTES + name, request->url, url);
    return evse_store_keep(ocpp->config.store, EVSE_OBJECT_UPDATE, request_key(kind), record,
                           HEAD_BYTES + name + url);
}

int evse_job_kept(evse_ocpp_t *ocpp, evse_job_kind_t kind, evse_job_request_t *request)
{
    uint8_t record[RECORD_BYTES_MAX];
    int length = evse_store_kept(ocpp->config.store, EVSE_OBJECT_UPDATE, request_key(kind), record,
                                 sizeof record);
    if (length < 0) {
        return length;
    }
    size_t name = (unsigned)length >= HEAD_BYTES ? record[1] : 0u;
    if ((unsigned)length < HEAD_BYTES || record[0] != RECORD_VERSION ||
        name >= EVSE_TRANSFER_NAME_BYTES || HEAD_BYTES + name > (unsigned)length ||
        (unsigned)length - HEAD_BYTES - name >= EVSE_TRANSFER_URL_BYTES) {
        return HF_E_FORMAT;
    }
    size_t url = (unsigned)length - HEAD_BYTES - name;
    *request = (evse_job_request_t){.retries = (uint16_t)hf_le_get(record + 2, 2u),
                                    .interval_s = hf_le_get32(record + 4),
                                    .from_ms = hf_le_get(record + 8, 8u),
                                    .to_ms = hf_le_get(record + 16, 8u)};
    memcpy(request->name, record + HEAD_BYTES, name);
    memcpy(request->url, record + HEAD_BYTES + name, url);
    return HF_OK;
}

// Lost, a reboot makes one more try than was asked for: no reason to stop.
static void keep_progress(evse_ocpp_t *ocpp, evse_job_kind_t kind)
{
    const evse_job_t *job = &ocpp->transfers.job[kind];
    bool over = job->phase == EVSE_JOB_ENDING;
    uint8_t record[PROGRESS_BYTES] = {RECORD_VERSION, over ? job->status : 0u};
    hf_le_put(record + 2, 2u, job->tries);
    (void)!evse_store_keep(ocpp->config.store, EVSE_OBJECT_UPDATE, progress_key(kind), record,
                           sizeof record);
}

static void forget(evse_ocpp_t *ocpp, evse_job_kind_t kind)
{
    (void)!evse_store_forget(ocpp->config.store, EVSE_OBJECT_UPDATE, progress_key(kind));
    (void)!evse_store_forget(ocpp->config.store, EVSE_OBJECT_UPDATE, request_key(kind));
}

// ---- statuses -----------------------------------------------------------------------------------

static void set_status(evse_ocpp_t *ocpp, evse_job_kind_t kind, evse_job_status_t status)
{
    evse_job_t *job = &ocpp->transfers.job[kind];
    if (job->status != (uint8_t)status) {
        job->status = (uint8_t)status;
        job->tell = 1u;
        job->unanswered = 0u;
        ocpp->transfers.to_tell |= (uint8_t)(1u << kind);
    }
}

const char *evse_job_status_text(unsigned kind, unsigned status)
{
    static const char *const texts[EVSE_JOBS][EVSE_JOB_STATUS_COUNT] = {
        {"Idle", "Downloading", "Downloaded", "DownloadFailed", "Installing", "InstallationFailed"},
        {"Idle", "Uploading", "Uploaded", "UploadFailed", "", ""},
    };
    return kind < EVSE_JOBS && status < EVSE_JOB_STATUS_COUNT ? texts[kind][status] : "";
}

static bool send_status(evse_ocpp_t *ocpp, evse_job_kind_t kind)
{
    static const char *const actions[EVSE_JOBS] = {"FirmwareStatusNotification",
                                                   "DiagnosticsStatusNotification"};
    evse_job_t *job = &ocpp->transfers.job[kind];
    evse_outgoing_t call;
    hf_json_writer_t *json = evse_outgoing_begin(ocpp, &call, actions[kind], NULL);
    hf_json_string_field(json, "status", evse_job_status_text(kind, job->status));
    if (evse_outgoing_send(ocpp, &call, evse_token(EVSE_CALL_TRANSFER, kind, job->status)) !=
        HF_OK) {
        return false;
    }
    if (job->tell == 1u) {
        job->tell = 2u;
    }
    ocpp->transfers.to_tell &= (uint8_t) ~(1u << kind);
    ocpp->triggers &= ~(kind == EVSE_JOB_FIRMWARE ? (uint32_t)EVSE_TRIGGER_FIRMWARE
                                                  : (uint32_t)EVSE_TRIGGER_DIAGNOSTICS);
    return true;
}

bool evse_transfer_tell(evse_ocpp_t *ocpp)
{
    bool may = ocpp->registration == EVSE_REGISTRATION_ACCEPTED && // 4.2
               evse_is_due(ocpp->now_us, ocpp->next_status_us);
    uint32_t wanted = may ? ocpp->transfers.to_tell : 0u;
    wanted |= (ocpp->triggers & EVSE_TRIGGER_FIRMWARE) != 0u ? 1u << EVSE_JOB_FIRMWARE : 0u;
    wanted |= (ocpp->triggers & EVSE_TRIGGER_DIAGNOSTICS) != 0u ? 1u << EVSE_JOB_DIAGNOSTICS : 0u;
    if (wanted == 0u) {
        return false;
    }
    return send_status(ocpp, (wanted & 1u << EVSE_JOB_FIRMWARE) != 0u ? EVSE_JOB_FIRMWARE
                                                                      : EVSE_JOB_DIAGNOSTICS);
}

void evse_transfer_answer(evse_ocpp_t *ocpp, uint32_t token, evse_rpc_outcome_t outcome)
{
    unsigned kind = token >> 8 & 0xFFu;
    evse_job_t *job = &ocpp->transfers.job[kind];
    if (job->tell != 2u || job->status != token >> 16) {
        return; // there is a newer one, or this was a trigger's
    }
    bool lost = outcome == EVSE_RPC_TIMEOUT && evse_is_link_loss(ocpp);
    if (outcome == EVSE_RPC_TIMEOUT && !lost && job->phase == EVSE_JOB_ENDING) {
        // How it ended is worth a second and a third telling: the link may have been dead unnoticed.
        job->unanswered++;
        lost = job->unanswered < TELLINGS_MAX;
        ocpp->next_status_us = ocpp->now_us + EVSE_CALL_TIMEOUT_MS * HF_US_PER_MS;
    }
    job->tell = lost ? 1u : 0u;
    ocpp->transfers.to_tell |= (uint8_t)(lost ? 1u << kind : 0u);
    ocpp->transfers.due_us = 0u; // what waited for it goes on
}

// ---- the states ---------------------------------------------------------------------------------

static void end_job(evse_ocpp_t *ocpp, evse_job_kind_t kind, bool good)
{
    evse_job_t *job = &ocpp->transfers.job[kind];
    job->phase = EVSE_JOB_ENDING;
    set_status(ocpp, kind, good ? EVSE_JOB_DONE : EVSE_JOB_FAILED);
    keep_progress(ocpp, kind);
}

static void log_end(const evse_ocpp_t *ocpp, evse_job_kind_t kind, int status,
                    const evse_transfer_result_t *result)
{
    const evse_job_t *job = &ocpp->transfers.job[kind];
    char sha256[2u * EVSE_TRANSFER_SHA256_BYTES + 1u] = "";
    hf_builder_t out;
    if (status != HF_OK) {
        HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "%s: try %u of %u failed: %s, answer %u (%s)",
                names[kind], (unsigned)job->tries, job->retries + 1u, hf_status_text(status),
                (unsigned)result->code, result->why);
        return;
    }
    hf_builder_init(&out, sha256, sizeof sha256);
    for (unsigned i = 0u; i < EVSE_TRANSFER_SHA256_BYTES; i++) {
        hf_builder_hex(&out, result->sha256[i], 2u);
    }
    HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "%s: %llu bytes%s%s", names[kind],
            (unsigned long long)result->bytes, kind == EVSE_JOB_FIRMWARE ? ", SHA-256 " : "",
            kind == EVSE_JOB_FIRMWARE ? sha256 : "");
    if (kind == EVSE_JOB_FIRMWARE) {
        HF_LOGW(
            ocpp->config.log, ocpp->now_us, OCPP,
            "the firmware is kept, not verified and not installed: this version cannot do that");
    }
}

// For the breaker: a server that answers no is well.
static bool is_way_bad(int status)
{
    return status == HF_E_UNREACHABLE || status == HF_E_TIMEOUT || status == HF_E_CLOSED ||
           status == HF_E_PROTOCOL;
}

static void fail_try(evse_ocpp_t *ocpp, evse_job_kind_t kind, int status)
{
    evse_job_t *job = &ocpp->transfers.job[kind];
    bool hopeless =
        status == HF_E_UNSUPPORTED || status == HF_E_FORMAT; // no server had a part in it
    ocpp->transfers.failures++;
    if (is_way_bad(status)) {
        hf_breaker_failure(&ocpp->transfers.breaker[kind], ocpp->now_us);
    } else {
        hf_breaker_cancel(&ocpp->transfers.breaker[kind], ocpp->now_us);
    }
    if (hopeless || job->tries > job->retries) {
        end_job(ocpp, kind, false);
        return;
    }
    job->phase = EVSE_JOB_WAITING;
    job->due_us = ocpp->now_us + job->interval_s * HF_US_PER_S;
}

// True when its time has come; else due_us says when to look again.
static bool is_date_reached(const evse_ocpp_t *ocpp, evse_job_t *job, uint64_t date_ms)
{
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us);
    if (utc_ms == 0u) {
        job->due_us = ocpp->now_us + CLOCK_WAIT_US;
        return false;
    }
    if (utc_ms >= date_ms) {
        return true;
    }
    uint64_t wait_ms = date_ms - utc_ms;
    bool far = wait_ms >= CLOCK_LOOK_US / HF_US_PER_MS;
    job->due_us = ocpp->now_us + (far ? CLOCK_LOOK_US : wait_ms * HF_US_PER_MS);
    return false;
}

static int begin_transfer(evse_ocpp_t *ocpp, evse_job_kind_t kind,
                          const evse_job_request_t *request)
{
    const evse_transfer_t *seam = &ocpp->config.transfer;
    if (kind == EVSE_JOB_FIRMWARE) {
        return seam->ops->download(seam->ctx, request->url);
    }
    int status = seam->ops->upload(seam->ctx, request->url, request->name);
    if (status == HF_OK) {
        evse_diagnostics_open(ocpp, request);
    }
    return status;
}

static void begin_try(evse_ocpp_t *ocpp, evse_job_kind_t kind, int status)
{
    evse_job_t *job = &ocpp->transfers.job[kind];
    job->tries++;
    if (status != HF_OK) {
        const evse_transfer_result_t none = {.why = "not begun"};
        log_end(ocpp, kind, status, &none);
        fail_try(ocpp, kind, status);
        return;
    }
    HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "%s: try %u of %u", names[kind],
            (unsigned)job->tries, job->retries + 1u);
    set_status(ocpp, kind, EVSE_JOB_BUSY);
    job->phase = EVSE_JOB_RUNNING;
    ocpp->transfers.active = (uint8_t)(kind + 1u);
    keep_progress(ocpp, kind);
}

static void step_waiting(evse_ocpp_t *ocpp, evse_job_kind_t kind)
{
    evse_job_t *job = &ocpp->transfers.job[kind];
    evse_job_request_t request;
    if (!evse_is_due(ocpp->now_us, job->due_us)) {
        return;
    }
    job->due_us = ocpp->now_us + POLL_US;
    if (ocpp->transfers.active != 0u || ocpp->ending.reason != EVSE_STOP_None) {
        return;
    }
    int status = evse_job_kept(ocpp, kind, &request);
    if (status == HF_OK && kind == EVSE_JOB_FIRMWARE &&
        !is_date_reached(ocpp, job, request.from_ms)) {
        return;
    }
    if (!hf_breaker_allow(&ocpp->transfers.breaker[kind], ocpp->now_us)) {
        job->due_us =
            ocpp->now_us +
            hf_breaker_wait_ms(&ocpp->transfers.breaker[kind], ocpp->now_us) * HF_US_PER_MS;
        return;
    }
    status = status == HF_OK ? begin_transfer(ocpp, kind, &request) : status;
    if (status == HF_E_AGAIN) {
        hf_breaker_cancel(&ocpp->transfers.breaker[kind], ocpp->now_us);
        return;
    }
    begin_try(ocpp, kind, status);
}

static void step_running(evse_ocpp_t *ocpp, evse_job_kind_t kind)
{
    const evse_transfer_t *seam = &ocpp->config.transfer;
    evse_transfer_result_t result = {.why = ""};
    if (kind == EVSE_JOB_DIAGNOSTICS && !ocpp->transfers.text.all_fed) {
        evse_diagnostics_feed(ocpp);
    }
    if (ocpp->transfers.job[kind].tell != 0u && evse_ocpp_is_online(ocpp)) {
        return; // its begin is told before its end
    }
    int status = seam->ops->poll(seam->ctx, &result);
    if (status == HF_E_AGAIN) {
        return;
    }
    ocpp->transfers.active = 0u;
    log_end(ocpp, kind, status, &result);
    if (status != HF_OK) {
        fail_try(ocpp, kind, status);
        return;
    }
    hf_breaker_success(&ocpp->transfers.breaker[kind]);
    uint32_t *count =
        kind == EVSE_JOB_FIRMWARE ? &ocpp->transfers.downloads : &ocpp->transfers.uploads;
    (*count)++;
    end_job(ocpp, kind, true);
}

// What a download becomes without a way to verify and install it: said as the failure it is. (4.5: Installing comes first)
static void step_ending(evse_ocpp_t *ocpp, evse_job_kind_t kind)
{
    evse_job_t *job = &ocpp->transfers.job[kind];
    if (job->tell == 2u || (job->tell == 1u && evse_ocpp_is_online(ocpp))) {
        return;
    }
    if (kind == EVSE_JOB_FIRMWARE && job->status == EVSE_JOB_DONE) {
        set_status(ocpp, kind,
                   evse_ocpp_is_online(ocpp) ? EVSE_JOB_INSTALLING : EVSE_JOB_INSTALL_FAILED);
    } else if (job->status == EVSE_JOB_INSTALLING) {
        set_status(ocpp, kind, EVSE_JOB_INSTALL_FAILED);
    } else if (job->tell == 0u) {
        forget(ocpp, kind);
        *job = (evse_job_t){0};
    }
}

static uint64_t next_due_us(const evse_ocpp_t *ocpp, evse_job_kind_t kind)
{
    const evse_job_t *job = &ocpp->transfers.job[kind];
    switch (job->phase) {
    case EVSE_JOB_WAITING:
        return job->due_us;
    case EVSE_JOB_RUNNING: {
        bool feeding = kind == EVSE_JOB_DIAGNOSTICS && !ocpp->transfers.text.all_fed;
        return feeding ? 0u : ocpp->now_us + POLL_US;
    }
    case EVSE_JOB_ENDING:
        return ocpp->now_us + POLL_US;
    case EVSE_JOB_NONE:
    default:
        return UINT64_MAX;
    }
}

void evse_transfer_work(evse_ocpp_t *ocpp)
{
    uint64_t due_us = UINT64_MAX;
    for (unsigned i = 0u; i < EVSE_JOBS; i++) {
        evse_job_kind_t kind = (evse_job_kind_t)i;
        switch (ocpp->transfers.job[i].phase) {
        case EVSE_JOB_WAITING:
            step_waiting(ocpp, kind);
            break;
        case EVSE_JOB_RUNNING:
            step_running(ocpp, kind);
            break;
        case EVSE_JOB_ENDING:
            step_ending(ocpp, kind);
            break;
        case EVSE_JOB_NONE:
        default:
            break;
        }
        uint64_t each_us = next_due_us(ocpp, kind);
        due_us = each_us < due_us ? each_us : due_us;
    }
    ocpp->transfers.due_us = due_us;
}

// ---- its begin ----------------------------------------------------------------------------------

int evse_job_open(evse_ocpp_t *ocpp, evse_job_kind_t kind, const evse_job_request_t *request)
{
    evse_job_t *job = &ocpp->transfers.job[kind];
    int status = keep_request(ocpp, kind, request);
    if (status != HF_OK) {
        return status; // what was there goes on
    }
    if (job->phase == EVSE_JOB_RUNNING) {
        ocpp->config.transfer.ops->cancel(ocpp->config.transfer.ctx);
        ocpp->transfers.active = 0u;
        hf_breaker_cancel(&ocpp->transfers.breaker[kind], ocpp->now_us);
    }
    if (job->phase != EVSE_JOB_NONE && (job->phase != EVSE_JOB_ENDING || job->tell == 1u)) {
        HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "%s: replaced by a newer request",
                names[kind]);
    }
    *job = (evse_job_t){
        .phase = EVSE_JOB_WAITING, .interval_s = request->interval_s, .retries = request->retries};
    ocpp->transfers.to_tell &= (uint8_t) ~(1u << kind);
    ocpp->transfers.due_us = 0u;
    (void)!evse_store_forget(ocpp->config.store, EVSE_OBJECT_UPDATE, progress_key(kind));
    return HF_OK;
}

static void resume(evse_ocpp_t *ocpp, evse_job_kind_t kind)
{
    evse_job_t *job = &ocpp->transfers.job[kind];
    evse_job_request_t request;
    uint8_t progress[PROGRESS_BYTES] = {0u};
    int status = evse_job_kept(ocpp, kind, &request);
    if (status == HF_E_NOT_FOUND) {
        return;
    }
    if (status != HF_OK) { // of another version of this program: nobody knows what it asked for
        forget(ocpp, kind);
        return;
    }
    bool known = evse_store_kept(ocpp->config.store, EVSE_OBJECT_UPDATE, progress_key(kind),
                                 progress, sizeof progress) == (int)sizeof progress &&
                 progress[0] == RECORD_VERSION && progress[1] < EVSE_JOB_STATUS_COUNT;
    *job = (evse_job_t){.phase = EVSE_JOB_WAITING,
                        .interval_s = request.interval_s,
                        .retries = request.retries,
                        .tries = known ? (uint16_t)hf_le_get(progress + 2, 2u) : 0u};
    bool over = known && progress[1] != EVSE_JOB_IDLE;
    if (over || job->tries > job->retries) { // ended and not told, or its last try was cut off
        job->phase = EVSE_JOB_ENDING;
        set_status(ocpp, kind, over ? (evse_job_status_t)progress[1] : EVSE_JOB_FAILED);
    }
    ocpp->transfers.due_us = 0u;
    HF_LOGI(ocpp->config.log, 0u, OCPP, "%s: taken up after a restart", names[kind]);
}

void evse_transfer_init(evse_ocpp_t *ocpp)
{
    ocpp->transfers = (evse_transfers_t){.due_us = UINT64_MAX};
    for (unsigned i = 0u; ocpp->config.transfer.ops != NULL && i < EVSE_JOBS; i++) {
        HF_ASSERT(hf_breaker_init(&ocpp->transfers.breaker[i],
                                  &evse_breaker_limits[EVSE_BREAKER_DOWNLOAD + i]) == HF_OK);
        resume(ocpp, (evse_job_kind_t)i);
    }
}
