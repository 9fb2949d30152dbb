// SPDX-License-Identifier: MIT
// The status page: a plain page at "/" over JSON at "/api/status", served by libmicrohttpd in one thread of its own. It
// reads snapshots, never an instance, so that a slow or hostile browser cannot touch a loop.
#ifndef STATUS_PAGE_H
#define STATUS_PAGE_H

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

typedef struct status_page status_page_t;

/// Listens on host:port (IPv4 address; port 0 picks one). NULL with errno set when that failed.
/// The source must outlive the page. Connections: at most 16, 8 KB each.
status_page_t *status_page_open(const char *host, uint16_t port, const status_source_t *source);
uint16_t status_page_port(const status_page_t *page);
void status_page_close(status_page_t *page);

/// The JSON of /api/status. Overflow shows in out->overflow. Returns HF_E_EMPTY before the first snapshots.
HF_MUST_CHECK int status_json_write(const status_source_t *source, hf_builder_t *out);

#endif
