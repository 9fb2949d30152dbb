// SPDX-License-Identifier: MIT
// The JSON of /api/status, out of the snapshots of the two loops and of the supervisor, never out of an instance.
#ifndef STATUS_JSON_H
#define STATUS_JSON_H

#include "evse/evse_supervisor.h"
#include "evse/evse_view.h"

typedef struct status_source {
    const hf_snapshot_t *control; // evse_snapshot_t
    const hf_snapshot_t *comms;   // evse_comms_view_t
    uint64_t started_us;          // by the clock of the snapshots
    const char *id;               // station id
    const char *csms;             // URL
    const char *version;
    const char *profile, *vehicle;
    const evse_supervisor_t *supervisor;                 // NULL: none
    const hf_atomic_u32_t *control_error, *memory_error; // errno of what was not granted; 0: it was
} status_source_t;

/// Overflow shows in out->overflow. Returns HF_E_EMPTY before the first snapshots.
HF_MUST_CHECK int status_json_write(const status_source_t *source, hf_builder_t *out);

#endif
