// SPDX-License-Identifier: MIT
// The transfer seam: one download or upload at a time, done by a worker that may block (libcurl on Linux), started and
// polled by the comms loop. What is received or sent is a stream of blocks, never a whole file in memory.
#ifndef EVSE_TRANSFER_H
#define EVSE_TRANSFER_H

#include "holdfast/hf_status.h"

#define EVSE_TRANSFER_URL_BYTES  513u // a location and its NUL
#define EVSE_TRANSFER_NAME_BYTES 256u // of a file sent: OCPP's fileName

typedef struct evse_transfer_ops {
    /// Begins a download from `url`. 0 started, HF_E_AGAIN one is under way, HF_E_UNSUPPORTED scheme, HF_E_FORMAT.
    int (*download)(void *ctx, const char *url);
    /// Begins an upload of the station's diagnostics to `url` (a folder or a file) under `name`. As download.
    int (*upload)(void *ctx, const char *url, const char *name);
    /// HF_E_AGAIN under way, 0 done well, another negative status: failed. Ends with that answer.
    int (*poll)(void *ctx, uint64_t *bytes);
    void (*cancel)(void *ctx);
} evse_transfer_ops_t;

typedef struct evse_transfer {
    const evse_transfer_ops_t
        *ops; // NULL: this build has none, UpdateFirmware and GetDiagnostics are NotSupported
    void *ctx;
} evse_transfer_t;

#endif
