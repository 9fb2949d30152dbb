// SPDX-License-Identifier: MIT
// The comms loop's own snapshot: what services (status page, metrics) may know of it without touching it. Filled by the
// comms loop, published through an hf_snapshot_t, read by anybody.
#ifndef EVSE_VIEW_H
#define EVSE_VIEW_H

#include "evse/evse.h"
#include "holdfast/hf_clock.h"

typedef enum evse_view_pool {
    EVSE_POOL_MESSAGES, // readings that are not journalled
    EVSE_POOL_COUNT,
} evse_view_pool_t;

typedef struct evse_comms_view {
    uint64_t now_us;
    uint64_t utc_ms; // 0 unknown
    uint64_t last_session_Wh;
    uint32_t last_session_reason; // evse_stop_reason_t; None before the first
    uint32_t sessions_started, sessions_ended;
    uint32_t has_net;      // 1: the network is watched, and what follows is of it
    uint32_t net;          // hf_net_state_t
    uint32_t net_failure;  // hf_net_failure_t of the last try
    int32_t net_rssi_dBm;  // 0: no radio, or not known
    uint32_t link;         // evse_link_state_t
    int32_t link_error;    // hf_status_t of the last failure; 0 none
    uint32_t registration; // evse_registration_t
    uint32_t queue;        // transaction messages not confirmed
    uint32_t boot;         // number of this boot
    uint32_t recovered;    // transactions ended when this boot found them open
    uint32_t journal_appended, journal_durable, journal_compactions, journal_bytes;
    uint32_t journal_used_bytes, journal_total_bytes; // of the current segment
    int32_t journal_error;                            // 0 good
    uint32_t calls_sent, calls_received, errors_sent, errors_received, timeouts, malformed;
    int32_t transaction_id[CONFIG_EVSE_CONNECTORS_MAX]; // 0 none open; -1 not known yet
    uint32_t session_state[CONFIG_EVSE_CONNECTORS_MAX]; // evse_session_state_t
    hf_pool_stats_t pool[EVSE_POOL_COUNT];
#if CONFIG_EVSE_OCPP_FIRMWARE
    uint32_t transfer_status[EVSE_JOBS]; // evse_job_status_t
    uint32_t downloads, uploads, transfer_failures;
#endif
} evse_comms_view_t;

const char *evse_view_pool_name(unsigned pool);
const char *evse_link_state_text(unsigned state);
const char *evse_registration_text(unsigned registration);
const char *evse_session_state_text(unsigned state);

/// Fills the view. Context: the comms loop. Cost: O(connectors).
void evse_comms_view(const evse_t *evse, uint64_t now_us, evse_comms_view_t *view);

#endif
