// SPDX-License-Identifier: MIT
// Fills the comms loop's snapshot from the instance. Owns nothing.
#include "evse/evse_view.h"

const char *evse_view_pool_name(unsigned pool)
{
    static const char *const names[EVSE_POOL_COUNT] = {"messages"};
    return pool < EVSE_POOL_COUNT ? names[pool] : "unknown";
}

const char *evse_link_state_text(unsigned state)
{
    static const char *const names[] = {"down", "opening", "open"};
    return state < HF_COUNT_OF(names) ? names[state] : "unknown";
}

const char *evse_registration_text(unsigned registration)
{
    static const char *const names[] = {"none", "pending", "rejected", "accepted"};
    return registration < HF_COUNT_OF(names) ? names[registration] : "unknown";
}

const char *evse_session_state_text(unsigned state)
{
    static const char *const names[] = {"idle",     "authorizing", "authorized",
                                        "starting", "running",     "stopping"};
    return state < HF_COUNT_OF(names) ? names[state] : "unknown";
}

static void view_store(const evse_store_t *store, evse_comms_view_t *view)
{
    view->queue = evse_store_waiting(store);
    view->boot = store->boot;
    view->recovered = store->recovered;
    view->journal_appended = (uint32_t)hf_journal_appended(&store->journal);
    view->journal_durable = (uint32_t)hf_journal_durable(&store->journal);
    view->journal_compactions = store->journal.compactions;
    view->journal_bytes = store->journal.bytes_appended;
    view->journal_used_bytes = store->journal.offset;
    view->journal_total_bytes = store->journal.flash.segment_bytes;
    view->journal_error = store->journal.failed;
    view->pool[EVSE_POOL_MESSAGES] = hf_pool_stats(&store->messages);
    for (unsigned c = 0; c < store->config.connectors; c++) {
        view->transaction_id[c] = store->open[c] != NULL ? store->open[c]->transaction_id : 0;
    }
}

void evse_comms_view(const evse_t *evse, uint64_t now_us, evse_comms_view_t *view)
{
    const evse_ocpp_t *ocpp = &evse->ocpp;
    *view = (evse_comms_view_t){
        .now_us = now_us,
        .utc_ms = ocpp->utc_offset_ms != 0 ? ocpp->utc_offset_ms + now_us / HF_US_PER_MS : 0,
        .last_session_Wh = ocpp->last_session_Wh,
        .last_session_reason = ocpp->last_session_reason,
        .sessions_started = ocpp->sessions_started,
        .sessions_ended = ocpp->sessions_ended,
        .link = ocpp->link_state,
        .link_error = ocpp->config.link.ops->last_error(ocpp->config.link.ctx),
        .registration = ocpp->registration,
        .calls_sent = ocpp->rpc.calls_sent,
        .calls_received = ocpp->rpc.calls_received,
        .errors_sent = ocpp->rpc.errors_sent,
        .errors_received = ocpp->rpc.errors_received,
        .timeouts = ocpp->rpc.timeouts,
        .malformed = ocpp->rpc.malformed,
    };
    if (ocpp->config.net != NULL) {
        view->has_net = 1;
        view->net = ocpp->config.net->state;
        view->net_failure = ocpp->config.net->failure;
        view->net_rssi_dBm = ocpp->config.net->rssi_dBm;
    }
    for (unsigned c = 0; c < ocpp->config.connectors; c++) {
        view->session_state[c] = ocpp->session[c].state;
    }
    view_store(&evse->store, view);
#if CONFIG_EVSE_OCPP_FIRMWARE
    for (unsigned i = 0; i < EVSE_JOBS; i++) {
        view->transfer_status[i] = ocpp->transfers.job[i].status;
    }
    view->downloads = ocpp->transfers.downloads;
    view->uploads = ocpp->transfers.uploads;
    view->transfer_failures = ocpp->transfers.failures;
#endif
}
