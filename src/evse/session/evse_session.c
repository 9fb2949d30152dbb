// SPDX-License-Identifier: MIT
// Sessions: from a user's wish to a bill. Goals: energy flows only while a durable transaction stands behind it, and every
// transaction ends exactly once, with control's own register and reason where control has one.
// Assumptions: control obeys an order for three seconds and reports the end of a session as an event that cannot be lost.
// Invariants: RUN is ordered in RUNNING alone, and RUNNING is entered only when the start record is durable;
// the store has a transaction open exactly in STARTING, RUNNING and STOPPING; a session id never comes back.
#include "evse/evse_timing.h"
#include "evse_session_private.h"

#define AUTHORIZE_TIMEOUT_US (120u * HF_US_PER_S) // another CALL may have to time out before
#define STARTING_TIMEOUT_US  (60u * HF_US_PER_S)  // storage that takes longer is no storage
#define TAKE_UP_TIMEOUT_US   (10u * HF_US_PER_S)  // for control to begin what it was ordered

static void enter(evse_ocpp_t *ocpp, unsigned connector, evse_session_state_t state)
{
    ocpp->session[connector].state = state;
    ocpp->session[connector].since_us = ocpp->now_us;
}

bool evse_session_is_billing(const evse_ocpp_t *ocpp, unsigned connector)
{
    return connector < ocpp->config.connectors &&
           ocpp->session[connector].state >= EVSE_SESSION_STARTING;
}

bool evse_session_is_inoperative(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_store_t *store = ocpp->config.store;
    return store->inoperative[0] || store->inoperative[connector + 1u];
}

static bool is_closed_for_sessions(const evse_ocpp_t *ocpp, unsigned connector)
{
    return ocpp->journal_failed || ocpp->ending.reason != EVSE_STOP_None ||
           evse_session_is_inoperative(ocpp, connector);
}

// Finishing too: the same vehicle may be charged once more without being plugged in anew (F2).
static bool is_state_open(uint32_t state)
{
    return state == EVSE_STATE_Available || state == EVSE_STATE_Preparing ||
           state == EVSE_STATE_Finishing || state == EVSE_STATE_Reserved;
}

bool evse_session_is_possible(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    return view != NULL && ocpp->session[connector].state == EVSE_SESSION_IDLE &&
           is_state_open(view->state) && !is_closed_for_sessions(ocpp, connector) &&
           evse_store_has_room(ocpp->config.store);
}

void evse_session_open(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag, bool authorize)
{
    evse_session_t *session = &ocpp->session[connector];
    *session =
        (evse_session_t){.id = ocpp->next_session_id++, .reservation_id = EVSE_RESERVATION_NONE};
    hf_builder_t out;
    hf_builder_init(&out, session->id_tag, sizeof session->id_tag);
    hf_builder_text(&out, id_tag);
    evse_auth_opened(ocpp, connector);
    enter(ocpp, connector, authorize ? EVSE_SESSION_AUTHORIZING : EVSE_SESSION_AUTHORIZED);
    if (!authorize) {
        evse_session_signal(ocpp, connector, true);
    }
    HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION, "session %u: connector %u, tag ..%s%s",
            (unsigned)session->id, connector + 1u, evse_tag_tail(session->id_tag),
            authorize ? ", asking" : ", authorized");
}

void evse_session_cancel(evse_ocpp_t *ocpp, unsigned connector, const char *why)
{
    evse_session_signal(ocpp, connector, false);
    HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION, "session %u given up: %s",
            (unsigned)ocpp->session[connector].id, why);
    enter(ocpp, connector, EVSE_SESSION_IDLE);
}

void evse_session_authorized(evse_ocpp_t *ocpp, unsigned connector, const char *by)
{
    enter(ocpp, connector, EVSE_SESSION_AUTHORIZED);
    evse_session_signal(ocpp, connector, true);
    HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION, "session %u: authorized%s",
            (unsigned)ocpp->session[connector].id, by);
}

// ---- the end ------------------------------------------------------------------------------------

static void set_finishing(evse_ocpp_t *ocpp, unsigned connector, bool finishing)
{
    evse_store_t *store = ocpp->config.store;
    if (ocpp->journal_failed || store->finishing[connector] == finishing) {
        return;
    }
    if (evse_store_set_finishing(store, connector, finishing) != HF_OK) {
        HF_LOGW(ocpp->config.log, ocpp->now_us, STORE, "connector %u: Finishing not recorded",
                connector + 1u);
    }
}

void evse_session_finish(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason,
                         uint64_t register_mJ)
{
    evse_session_t *session = &ocpp->session[connector];
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    if (reason == EVSE_STOP_None) {
        reason = EVSE_STOP_Other;
    }
    evse_meter_end(ocpp, connector, register_mJ);
    evse_vendor_on_session_end(ocpp, connector, reason, register_mJ);
    int status = evse_store_end(ocpp->config.store, connector, reason, session->stop_id_tag,
                                register_mJ, evse_moment(ocpp));
    if (status != HF_OK) {
        HF_LOGE(ocpp->config.log, ocpp->now_us, SESSION, "session %u: end not recorded: %s",
                (unsigned)session->id, hf_status_text(status));
    }
    uint64_t stop_Wh = register_mJ / EVSE_mJ_PER_Wh;
    ocpp->last_session_Wh = stop_Wh - session->start_Wh;
    ocpp->last_session_reason = reason;
    ocpp->sessions_ended++;
    HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION,
            "session %u complete: %llu Wh in %llu s, reason %s", (unsigned)session->id,
            (unsigned long long)ocpp->last_session_Wh,
            (unsigned long long)((ocpp->now_us - session->started_us) / HF_US_PER_S),
            evse_stop_reason_text(reason));
    session->asked_id_tag[0] = '\0';
    set_finishing(ocpp, connector, view != NULL && view->plugged != 0u);
    enter(ocpp, connector, EVSE_SESSION_IDLE);
}

static uint64_t latest_register_mJ(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    uint64_t kept_mJ = ocpp->config.store->register_mJ[connector];
    return view != NULL && view->register_mJ > kept_mJ ? view->register_mJ : kept_mJ;
}

void evse_session_stop(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason)
{
    evse_session_t *session = &ocpp->session[connector];
    switch (session->state) {
    case EVSE_SESSION_AUTHORIZING:
    case EVSE_SESSION_AUTHORIZED:
        evse_session_cancel(ocpp, connector, HF_LOG_TEXT(evse_stop_reason_text(reason)));
        break;
    case EVSE_SESSION_STARTING: // control has not been told to run: nothing flows
        evse_session_finish(ocpp, connector, reason, latest_register_mJ(ocpp, connector));
        break;
    case EVSE_SESSION_RUNNING:
        session->stop_reason = reason;
        enter(ocpp, connector, EVSE_SESSION_STOPPING);
        HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION, "session %u: stopping, reason %s",
                (unsigned)session->id, evse_stop_reason_text(reason));
        break;
    case EVSE_SESSION_IDLE:
    case EVSE_SESSION_STOPPING: // the first reason stands
    default:
        break;
    }
}

void evse_session_deauthorize(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_session_t *session = &ocpp->session[connector];
    HF_LOGW(ocpp->config.log, ocpp->now_us, SESSION, "session %u: tag ..%s not accepted",
            (unsigned)session->id, evse_tag_tail(session->id_tag));
    evse_session_signal(ocpp, connector, false);
    if (EVSE_NUMBER(ocpp, StopTransactionOnInvalidId) != 0) {
        session->cable_held = true; // errata 3.5
        evse_session_stop(ocpp, connector, EVSE_STOP_DeAuthorized);
    } else {
        session->deauthorized = true;
    }
}

// ---- the states ---------------------------------------------------------------------------------

static void begin_transaction(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_session_t *session = &ocpp->session[connector];
    uint64_t register_mJ = latest_register_mJ(ocpp, connector);
    const evse_begin_t begin = {.id_tag = session->id_tag,
                                .register_mJ = register_mJ,
                                .at = evse_moment(ocpp),
                                .reservation_id =
                                    evse_reservation_standing(ocpp, session->reservation_id)};
    int status = evse_store_begin(ocpp->config.store, connector, &begin);
    if (status != HF_OK) {
        HF_LOGE(ocpp->config.log, ocpp->now_us, SESSION, "session %u: start not recorded: %s",
                (unsigned)session->id, hf_status_text(status));
        evse_session_cancel(ocpp, connector, HF_LOG_TEXT("no record, no energy"));
        return;
    }
    session->start_Wh = register_mJ / EVSE_mJ_PER_Wh;
    session->started_us = ocpp->now_us;
    ocpp->sessions_started++;
    enter(ocpp, connector, EVSE_SESSION_STARTING);
}

static bool is_state_usable(uint32_t state)
{
    return state != EVSE_STATE_Faulted && state != EVSE_STATE_Unavailable;
}

static void step_authorizing(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_session_t *session = &ocpp->session[connector];
    if (is_closed_for_sessions(ocpp, connector)) {
        evse_session_cancel(ocpp, connector, HF_LOG_TEXT("connector no longer available"));
    } else if (!session->authorize_sent && !evse_ocpp_is_online(ocpp)) {
        evse_auth_offline(ocpp, connector);
    } else if (ocpp->now_us - session->since_us >= AUTHORIZE_TIMEOUT_US) {
        evse_session_cancel(ocpp, connector, HF_LOG_TEXT("not authorized in time"));
    }
}

static void step_authorized(evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    uint64_t limit_us = evse_seconds_us(EVSE_NUMBER(ocpp, ConnectionTimeOut));
    if (is_closed_for_sessions(ocpp, connector) || view == NULL || !is_state_usable(view->state)) {
        evse_session_cancel(ocpp, connector, HF_LOG_TEXT("connector no longer available"));
    } else if (view->plugged != 0u && view->locked != 0u && view->state == EVSE_STATE_Preparing) {
        begin_transaction(ocpp, connector);
    } else if (ocpp->now_us - ocpp->session[connector].since_us >= limit_us) {
        evse_session_cancel(ocpp, connector, HF_LOG_TEXT("no vehicle plugged in time"));
        set_finishing(ocpp, connector, view->plugged != 0u);
    } else if (view->plugged != 0u) {
        ocpp->stirred = true; // the lock tells no event, and a user waits
    }
}

static void step_starting(evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_store_t *store = ocpp->config.store;
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    const evse_transaction_t *open = store->open[connector];
    if (ocpp->journal_failed || open == NULL || view == NULL || !is_state_usable(view->state) ||
        ocpp->now_us - ocpp->session[connector].since_us >= STARTING_TIMEOUT_US) {
        bool estop = ocpp->snapshot.estop_latched != 0u;
        evse_session_stop(ocpp, connector, estop ? EVSE_STOP_EmergencyStop : EVSE_STOP_Other);
    } else if (view->plugged == 0u) {
        evse_session_stop(ocpp, connector, EVSE_STOP_EVDisconnected);
    } else if (hf_journal_durable(&store->journal) >= open->durable_at &&
               evse_meter_is_begun(ocpp, connector)) {
        enter(ocpp, connector, EVSE_SESSION_RUNNING);
        evse_meter_arm(ocpp, connector);
        HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION,
                "session %u: start recorded, power permitted",
                (unsigned)ocpp->session[connector].id);
    } else {
        ocpp->stirred = true; // the journal, or a meter that signs
    }
}

static void step_running(evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_session_t *session = &ocpp->session[connector];
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    bool taken_up = view->session_id == session->id;
    if (ocpp->journal_failed) { // what flows from here on could not be billed after a power cut
        evse_session_stop(ocpp, connector, EVSE_STOP_Other);
    } else if (taken_up && view->stopped != 0u) {
        enter(ocpp, connector, EVSE_SESSION_STOPPING); // its event brings the reason
    } else if (!taken_up && ocpp->now_us - session->since_us >= TAKE_UP_TIMEOUT_US) {
        HF_LOGW(ocpp->config.log, ocpp->now_us, SESSION, "session %u: control does not begin it",
                (unsigned)session->id);
        evse_session_stop(ocpp, connector, EVSE_STOP_Other);
    }
}

static void step_stopping(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_session_t *session = &ocpp->session[connector];
    if (ocpp->now_us - session->since_us >= EVSE_STOP_TIMEOUT_US) {
        HF_LOGW(ocpp->config.log, ocpp->now_us, SESSION, "session %u: control reported no end",
                (unsigned)session->id);
        evse_session_finish(ocpp, connector, session->stop_reason,
                            latest_register_mJ(ocpp, connector));
    }
}

// Errata 3.20: a vehicle whose user does not come in time leaves Preparing, so that nobody else's card starts it by chance.
static void await_user(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_session_t *session = &ocpp->session[connector];
    if (session->waiting_us == 0u) {
        session->waiting_us = ocpp->now_us;
    } else if (ocpp->now_us - session->waiting_us >=
               evse_seconds_us(EVSE_NUMBER(ocpp, ConnectionTimeOut))) {
        set_finishing(ocpp, connector, true);
    }
}

static void step_idle(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_session_t *session = &ocpp->session[connector];
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    if (view == NULL) {
        return;
    }
    if (view->plugged == 0u || view->state == EVSE_STATE_Unavailable) {
        session->cable_held = session->cable_held && view->plugged != 0u;
        session->waiting_us = 0u;
        set_finishing(ocpp, connector, false);
    } else if (view->state == EVSE_STATE_Preparing && EVSE_FINISHING_PLUGGED_S == 0) {
        await_user(ocpp, connector);
    }
}

static void step(evse_ocpp_t *ocpp, unsigned connector)
{
    switch (ocpp->session[connector].state) {
    case EVSE_SESSION_AUTHORIZING:
        step_authorizing(ocpp, connector);
        break;
    case EVSE_SESSION_AUTHORIZED:
        step_authorized(ocpp, connector);
        break;
    case EVSE_SESSION_STARTING:
        step_starting(ocpp, connector);
        break;
    case EVSE_SESSION_RUNNING:
        step_running(ocpp, connector);
        break;
    case EVSE_SESSION_STOPPING:
        step_stopping(ocpp, connector);
        break;
    case EVSE_SESSION_IDLE:
    default:
        step_idle(ocpp, connector);
        break;
    }
}

void evse_sessions_step(evse_ocpp_t *ocpp)
{
    evse_session_take_events(ocpp);
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        step(ocpp, i);
    }
}
