// SPDX-License-Identifier: MIT
// What control tells, and what of it must outlive this boot. Invariants: every event is taken, in the order it happened; a
// latch, a proof or a register that the store did not take is offered again in the next round.
#include "evse_session_private.h"

static void on_stopped(evse_ocpp_t *ocpp, const evse_event_t *event)
{
    evse_session_t *session = &ocpp->session[event->connector];
    if (event->session_id != session->id || session->state == EVSE_SESSION_IDLE) {
        return;
    }
    evse_stop_reason_t own = (evse_stop_reason_t)event->detail;
    if (!evse_session_is_billing(ocpp, event->connector)) {
        evse_session_cancel(ocpp, event->connector, HF_LOG_TEXT(evse_stop_reason_text(own)));
        return;
    }
    evse_session_finish(ocpp, event->connector, own != EVSE_STOP_None ? own : session->stop_reason,
                        event->register_mJ);
}

static void on_event(evse_ocpp_t *ocpp, const evse_event_t *event)
{
    hf_log_t *log = ocpp->config.log;
    unsigned connector = event->connector + 1u;
    evse_vendor_on_event(ocpp, event);
    switch ((evse_event_kind_t)event->kind) {
    case EVSE_EVENT_STATE:
        HF_LOGI(log, ocpp->now_us, CONNECTOR, "connector %u: %s", connector,
                evse_connector_state_text(event->detail));
        break;
    case EVSE_EVENT_ENERGIZED:
        HF_LOGI(log, ocpp->now_us, CONNECTOR, "connector %u: power on", connector);
        break;
    case EVSE_EVENT_STOPPED:
        on_stopped(ocpp, event);
        break;
    case EVSE_EVENT_FAULT:
        HF_LOGW(log, ocpp->now_us, SAFETY, "connector %u: fault %u, %s", connector, event->detail,
                evse_fault_text(event->detail));
        break;
    case EVSE_EVENT_FAULT_CLEARED:
        HF_LOGI(log, ocpp->now_us, SAFETY, "connector %u: fault %u cleared", connector,
                event->detail);
        break;
    case EVSE_EVENT_ESTOP:
        ocpp->latch_estop = true;
        HF_LOGW(log, ocpp->now_us, SAFETY, "emergency stop");
        break;
    case EVSE_EVENT_ESTOP_CLEARED:
        ocpp->latch_estop = false;
        HF_LOGI(log, ocpp->now_us, SAFETY, "emergency stop reset");
        break;
    case EVSE_EVENT_WELD:
        ocpp->latch_welds |= 1u << event->connector;
        HF_LOGE(log, ocpp->now_us, SAFETY, "connector %u: contactor welded", connector);
        break;
    case EVSE_EVENT_WELD_CLEARED:
        ocpp->latch_welds &= ~(1u << event->connector);
        HF_LOGI(log, ocpp->now_us, SAFETY, "connector %u: weld latch reset", connector);
        break;
    case EVSE_EVENT_START_BUTTON:
        evse_session_press_start(ocpp, event->connector);
        break;
    case EVSE_EVENT_COMMISSIONED:
        ocpp->proofs_owed |= 1u << event->connector;
        HF_LOGI(log, ocpp->now_us, SAFETY,
                "connector %u: commissioned, the modules stop by themselves "
                "after %u ms",
                connector, event->detail);
        break;
    case EVSE_EVENT_PLUGGED:
    case EVSE_EVENT_UNPLUGGED:
    default:
        break;
    }
}

// The store must hold what control has latched; a write that fails is tried again in the next round.
static void keep_latches(evse_ocpp_t *ocpp)
{
    const evse_store_t *store = ocpp->config.store;
    if (!ocpp->journal_failed &&
        (store->estop_latched != ocpp->latch_estop || store->weld_latched != ocpp->latch_welds)) {
        (void)!evse_store_set_latch(ocpp->config.store, ocpp->latch_estop, ocpp->latch_welds);
    }
}

// Control's view holds what was proven until the next proof; a write that fails is tried again in the next round. [SAF-15]
static void keep_proof(evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    const char *profile = ocpp->config.modules[connector].profile;
    if ((ocpp->proofs_owed >> connector & 1u) == 0 || profile == NULL || ocpp->journal_failed ||
        view == NULL || view->commission_timeout_ms == 0) {
        return;
    }
    evse_proof_t proof = {.units = ocpp->config.modules[connector].units,
                          .agree_permille = view->commission_permille,
                          .timeout_ms = view->commission_timeout_ms};
    hf_builder_t out;
    hf_builder_init(&out, proof.profile, sizeof proof.profile);
    hf_builder_text(&out, profile);
    if (evse_store_set_proof(ocpp->config.store, connector, &proof) == HF_OK) {
        ocpp->proofs_owed &= ~(1u << connector);
    }
}

static void keep_register(evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    if (view != NULL && !ocpp->journal_failed) {
        (void)!evse_store_register(ocpp->config.store, connector, view->register_mJ, ocpp->now_us,
                                   false);
    }
}

void evse_session_take_events(evse_ocpp_t *ocpp)
{
    evse_event_t event;
    for (unsigned i = 0u;
         i < EVSE_EVENTS_CAPACITY && hf_queue_get(&ocpp->config.mailbox->events, &event) == HF_OK;
         i++) {
        if (event.connector < ocpp->config.connectors) {
            on_event(ocpp, &event);
        }
    }
    keep_latches(ocpp);
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        keep_proof(ocpp, i);
        keep_register(ocpp, i);
    }
}
