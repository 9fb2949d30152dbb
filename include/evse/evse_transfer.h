// SPDX-License-Identifier: MIT
// Files that come and go: the transfer seam, and the two jobs of the Firmware Management profile that use it. The seam does
// one download or upload at a time in a worker that may block (libcurl on Linux), started, fed and polled by the comms
// loop. What is received or sent is a stream of pieces, never a whole file in memory.
// Invariant: what was downloaded is neither executed nor installed by anything here.
#ifndef EVSE_TRANSFER_H
#define EVSE_TRANSFER_H

#include "holdfast/hf_breaker.h"
#include "holdfast/hf_text.h"

#define EVSE_TRANSFER_URL_BYTES    513u // a location and its NUL
#define EVSE_TRANSFER_NAME_BYTES   64u  // of a file sent: OCPP's fileName
#define EVSE_TRANSFER_SHA256_BYTES 32u

/// How a transfer ended.
typedef struct evse_transfer_result {
    uint64_t bytes;
    uint32_t code;   // the server's last answer, of HTTP or FTP; 0 none
    const char *why; // static text that names no URL, for people; never NULL
    uint8_t sha256[EVSE_TRANSFER_SHA256_BYTES]; // of what was downloaded
} evse_transfer_result_t;

typedef struct evse_transfer_ops {
    /// Begins a download from `url`; where it is kept is the seam's business. 0 started, HF_E_AGAIN the last transfer has
    /// not ended yet, HF_E_UNSUPPORTED this scheme never works, HF_E_FORMAT no URL. No line of this seam blocks.
    int (*download)(void *ctx, const char *url);
    /// Begins an upload to `url` (a folder or a file) of what feed() is given, under `name`. As download().
    int (*upload)(void *ctx, const char *url, const char *name);
    /// A piece of the upload, taken whole or not at all; length 0: that was all. 0 taken, HF_E_AGAIN no room now, another
    /// negative: none is wanted any more, poll() tells.
    int (*feed)(void *ctx, const char *text, size_t length);
    /// HF_E_AGAIN under way; else it has ended, and this stays the answer until the next begin: 0 well, a negative how not.
    /// `result` is filled then.
    int (*poll)(void *ctx, evse_transfer_result_t *result);
    /// Ends what is under way, soon: a new one is refused with HF_E_AGAIN until then.
    void (*cancel)(void *ctx);
} evse_transfer_ops_t;

typedef struct evse_transfer {
    const evse_transfer_ops_t
        *ops; // NULL: this build has none, UpdateFirmware and GetDiagnostics are NotSupported
    void *ctx;
    const char *protocols; // SupportedFileTransferProtocols, as "FTP,HTTP"; NULL as ""
} evse_transfer_t;

/// What GetDiagnostics asks for, in the time of now_us.
typedef struct evse_diagnostics_window {
    uint64_t from_us, to_us; // 0 and UINT64_MAX where nothing was asked, or the clock is unknown
    uint64_t utc_offset_ms;  // UTC minus now; 0 unknown
} evse_diagnostics_window_t;

#define EVSE_DIAGNOSTICS_LINE_BYTES 320u

/// What a platform adds to the diagnostics: its own figures and the log. `line` may be NULL.
typedef struct evse_diagnostics_source {
    /// Writes line number `index`, without its end. HF_OK, HF_E_EMPTY no line of this number (it goes on with the next),
    /// HF_E_AGAIN not now, HF_E_NOT_FOUND there are no more. Context: the comms loop; must not wait.
    int (*line)(void *ctx, uint32_t index, const evse_diagnostics_window_t *window,
                hf_builder_t *out);
    void *ctx;
} evse_diagnostics_source_t;

// ---- the jobs: private to src/evse/ocpp; the counters are for reading ---------------------------

typedef enum evse_job_kind { EVSE_JOB_FIRMWARE, EVSE_JOB_DIAGNOSTICS, EVSE_JOBS } evse_job_kind_t;

typedef enum evse_job_phase {
    EVSE_JOB_NONE,
    EVSE_JOB_WAITING, // for its date, for the seam, or for the next try
    EVSE_JOB_RUNNING,
    EVSE_JOB_ENDING, // its last status has not been told yet
} evse_job_phase_t;

typedef enum evse_job_status { // of both; a name for each in OCPP's words
    EVSE_JOB_IDLE,
    EVSE_JOB_BUSY,           // Downloading, Uploading
    EVSE_JOB_DONE,           // Downloaded, Uploaded
    EVSE_JOB_FAILED,         // DownloadFailed, UploadFailed
    EVSE_JOB_INSTALLING,     // of firmware alone, as the next
    EVSE_JOB_INSTALL_FAILED, // InstallationFailed
    EVSE_JOB_STATUS_COUNT
} evse_job_status_t;

/// "Downloading", as OCPP spells it; "" for a status that this kind never has.
const char *evse_job_status_text(unsigned kind, unsigned status);

/// An UpdateFirmware or GetDiagnostics. The request itself (location, dates, name) is in the store alone.
typedef struct evse_job {
    uint64_t due_us;     // of WAITING: not before
    uint32_t interval_s; // between two tries
    uint16_t tries, retries;
    uint8_t phase;      // evse_job_phase_t
    uint8_t status;     // evse_job_status_t
    uint8_t tell;       // 0 told, 1 to be told, 2 told and not answered yet
    uint8_t unanswered; // tellings of this status
} evse_job_t;

typedef struct evse_transfers {
    uint64_t due_us; // nothing is to be done before
    evse_job_t job[EVSE_JOBS];
    hf_breaker_t breaker[EVSE_JOBS]; // tries go through it, besides waiting their interval
    struct {                         // where the diagnostics under way stand
        evse_diagnostics_window_t window;
        bool all_fed;
        uint8_t section;
        uint16_t index;
    } text;
    uint32_t downloads, uploads, failures; // tries that ended well, both; and those that did not
    uint8_t active;                        // job + 1 that has the seam; 0 none
    uint8_t to_tell;                       // bits of jobs
} evse_transfers_t;

#endif
