// SPDX-License-Identifier: MIT
// The orderly end, for Reset and for a shutdown: sessions end, their Stop is journalled (and, if the central system is
// there, given a moment to be delivered), the reason is recorded, and only when all that is durable, and the power is off
// [SAF-14], is the end reported. Nothing here can hang: every wait has its limit, and failed storage is waited for no
// longer. A restart that does not come is asked for ResetRetries times more; then the station serves on.
#include "evse_ocpp_private.h"

#define DELIVERY_WAIT_US (5u * HF_US_PER_S)  // for the queue to be sent; a hard reset does not wait
#define ENDING_LIMIT_US  (15u * HF_US_PER_S) // for everything
#define RESET_LIMIT_US   (30u * HF_US_PER_S) // for a restart to happen

void evse_ending_start(evse_ocpp_t *ocpp, evse_stop_reason_t reason)
{
    if (ocpp->ending.reason != EVSE_STOP_None) {
        return; // the first reason stands
    }
    ocpp->ending.reason = reason;
    ocpp->stirred = true;
    ocpp->ending.since_us = ocpp->now_us;
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        evse_session_stop(ocpp, i, reason);
    }
}

static bool are_sessions_over(const evse_ocpp_t *ocpp)
{
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        if (ocpp->session[i].state != EVSE_SESSION_IDLE) {
            return false;
        }
    }
    return true;
}

static bool is_delivery_awaited(const evse_ocpp_t *ocpp)
{
    return ocpp->ending.reason != EVSE_STOP_HardReset && evse_ocpp_is_online(ocpp) &&
           evse_store_waiting(ocpp->config.store) > 0 && !ocpp->journal_failed &&
           ocpp->now_us - ocpp->ending.since_us < DELIVERY_WAIT_US;
}

static void record(evse_ocpp_t *ocpp)
{
    (void)!evse_store_keep_all(ocpp->config.store); // a failed journal is reported by the next line
    int status = evse_store_shutdown(ocpp->config.store, ocpp->ending.reason);
    if (status != HF_OK) {
        HF_LOGE(ocpp->config.log, ocpp->now_us, STORE, "end not recorded: %s",
                hf_status_text(status));
    }
    ocpp->ending.recorded = true;
}

// [SAF-14] By what control wrote and its feedback says, not by what the sessions believe.
static bool is_power_off(const evse_ocpp_t *ocpp)
{
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        const evse_connector_view_t *view = evse_view(ocpp, i);
        if (view != NULL && (view->phase != EVSE_POWER_OFF || view->contactor_closed != 0u)) {
            return false;
        }
    }
    return true;
}

static bool is_finished(const evse_ocpp_t *ocpp)
{
    bool safe = ocpp->ending.recorded && is_power_off(ocpp) &&
                (ocpp->journal_failed || evse_store_is_durable(ocpp->config.store));
    return safe || ocpp->now_us - ocpp->ending.since_us >= ENDING_LIMIT_US;
}

static void ask_for_restart(evse_ocpp_t *ocpp)
{
    ocpp->ending.restart_us = ocpp->now_us;
    ocpp->ending.restarts++;
    if (ocpp->config.reset != NULL) {
        ocpp->config.reset(ocpp->config.reset_ctx, ocpp->reset_hard);
    }
}

static void await_restart(evse_ocpp_t *ocpp)
{
    if (!ocpp->reset_pending || ocpp->now_us - ocpp->ending.restart_us < RESET_LIMIT_US) {
        return;
    }
    if (ocpp->ending.restarts <= (uint32_t)EVSE_NUMBER(ocpp, ResetRetries)) {
        ask_for_restart(ocpp);
        return;
    }
    HF_LOGE(ocpp->config.log, ocpp->now_us, SYS,
            "restart did not happen, tried %u times: serving on", (unsigned)ocpp->ending.restarts);
    ocpp->reset_pending = false;
    memset(&ocpp->ending, 0, sizeof ocpp->ending);
}

void evse_ending_step(evse_ocpp_t *ocpp)
{
    if (ocpp->ending.reason == EVSE_STOP_None) {
        return;
    }
    ocpp->stirred = true; // an end is waited for
    if (ocpp->ending.done) {
        await_restart(ocpp);
        return;
    }
    bool answered = ocpp->link_state != EVSE_LINK_OPEN || evse_rpc_has_room(&ocpp->rpc) ||
                    ocpp->now_us - ocpp->ending.since_us >= DELIVERY_WAIT_US;
    if (!ocpp->ending.recorded && are_sessions_over(ocpp) && answered &&
        !is_delivery_awaited(ocpp)) {
        record(ocpp);
    }
    if (!is_finished(ocpp)) {
        return;
    }
    ocpp->ending.done = true;
    HF_LOGI(ocpp->config.log, ocpp->now_us, SYS, "sessions ended and recorded: %s",
            evse_stop_reason_text(ocpp->ending.reason));
    if (ocpp->reset_pending) {
        ask_for_restart(ocpp);
    }
}

bool evse_ocpp_shutdown(evse_ocpp_t *ocpp, evse_stop_reason_t reason, uint64_t now_us)
{
    ocpp->now_us = now_us;
    evse_ending_start(ocpp, reason);
    evse_ocpp_poll(ocpp, now_us);
    return ocpp->ending.done;
}
