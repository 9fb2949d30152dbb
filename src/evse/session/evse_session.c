// SPDX-License-Identifier: MIT
// Sessions: from a user's wish to a bill. Goals: energy flows only while a durable transaction stands behind it, and every
// transaction ends exactly once, with control's own register and reason where control has one.
// Assumptions: control obeys an order for three seconds and reports the end of a session as an event that cannot be lost.
// Invariants: RUN is ordered in RUNNING alone, and RUNNING is entered only when the start record is durable;
// the store has a transaction open exactly in STARTING, RUNNING and STOPPING; a session id never comes back.
#include "../ocpp/evse_ocpp_private.h"

#define AUTHORIZE_TIMEOUT_US (120u * HF_US_PER_S) // another CALL may have to time out before
#define STARTING_TIMEOUT_US  (60u * HF_US_PER_S)  // storage that takes longer is no storage
#define TAKE_UP_TIMEOUT_US   (10u * HF_US_PER_S)  // for control to begin what it was ordered

static void enter(evse_ocpp_t *ocpp, unsigned connector, evse_session_state_t state,
                  uint64_t now_us)
{
    ocpp->session[connector].state = state;
    ocpp->session[connector].since_us = now_us;
}

bool evse_session_is_billing(const evse_ocpp_t *ocpp, unsigned connector)
{
    return connector < ocpp->config.connectors &&
           ocpp->session[connector].state >= EVSE_SESSION_STARTING;
}

static bool is_inoperative(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_store_t *store = ocpp->config.store;
    return store->inoperative[0] || store->inoperative[connector + 1u];
}

static bool is_closed_for_sessions(const evse_ocpp_t *ocpp, unsigned connector)
{
    return ocpp->journal_failed || ocpp->ending.reason != EVSE_STOP_None ||
           is_inoperative(ocpp, connector);
}

bool evse_session_is_possible(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    return view != NULL && ocpp->session[connector].state == EVSE_SESSION_IDLE &&
           (view->state == EVSE_STATE_Available || view->state == EVSE_STATE_Preparing) &&
           !is_closed_for_sessions(ocpp, connector) && evse_store_has_room(ocpp->config.store);
}

void evse_session_open(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag, bool authorize,
                       uint64_t now_us)
{
    evse_session_t *session = &ocpp->session[connector];
    *session = (evse_session_t){.id = ocpp->next_session_id++};
    hf_builder_t out;
    hf_builder_init(&out, session->id_tag, sizeof session->id_tag);
    hf_builder_text(&out, id_tag);
    enter(ocpp, connector, authorize ? EVSE_SESSION_AUTHORIZING : EVSE_SESSION_AUTHORIZED, now_us);
    HF_LOGI(ocpp->config.log, now_us, SESSION, "session %u: connector %u, tag %s%s",
            (unsigned)session->id, connector + 1u, session->id_tag,
            authorize ? ", asking" : ", authorized");
}

void evse_session_cancel(evse_ocpp_t *ocpp, unsigned connector, const char *why, uint64_t now_us)
{
    HF_LOGI(ocpp->config.log, now_us, SESSION, "session %u given up: %s",
            (unsigned)ocpp->session[connector].id, why);
    enter(ocpp, connector, EVSE_SESSION_IDLE, now_us);
}

void evse_session_authorized(evse_ocpp_t *ocpp, unsigned connector, const char *by, uint64_t now_us)
{
    enter(ocpp, connector, EVSE_SESSION_AUTHORIZED, now_us);
    HF_LOGI(ocpp->config.log, now_us, SESSION, "session %u: authorized%s",
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

static void finish(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason,
                   uint64_t register_mJ, uint64_t now_us)
{
    evse_session_t *session = &ocpp->session[connector];
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    if (reason == EVSE_STOP_None) {
        reason = EVSE_STOP_Other;
    }
    int status = evse_store_end(ocpp->config.store, connector, reason, session->stop_id_tag,
                                register_mJ, evse_moment(ocpp, now_us));
    if (status != HF_OK) {
        HF_LOGE(ocpp->config.log, now_us, SESSION, "session %u: end not recorded: %s",
                (unsigned)session->id, hf_status_text(status));
    }
    uint64_t stop_Wh = register_mJ / EVSE_mJ_PER_Wh;
    ocpp->last_session_Wh = stop_Wh - session->start_Wh;
    ocpp->last_session_reason = reason;
    ocpp->sessions_ended++;
    HF_LOGI(ocpp->config.log, now_us, SESSION, "session %u complete: %llu Wh in %llu s, reason %s",
            (unsigned)session->id, (unsigned long long)ocpp->last_session_Wh,
            (unsigned long long)((now_us - session->started_us) / HF_US_PER_S),
            evse_stop_reason_text(reason));
    set_finishing(ocpp, connector, view != NULL && view->plugged != 0u);
    enter(ocpp, connector, EVSE_SESSION_IDLE, now_us);
}

static uint64_t latest_register_mJ(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    uint64_t kept_mJ = ocpp->config.store->register_mJ[connector];
    return view != NULL && view->register_mJ > kept_mJ ? view->register_mJ : kept_mJ;
}

void evse_session_stop(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason,
                       uint64_t now_us)
{
    evse_session_t *session = &ocpp->session[connector];
    switch (session->state) {
    case EVSE_SESSION_AUTHORIZING:
    case EVSE_SESSION_AUTHORIZED:
        evse_session_cancel(ocpp, connector, evse_stop_reason_text(reason), now_us);
        break;
    case EVSE_SESSION_STARTING: // control has not been told to run: nothing flows
        finish(ocpp, connector, reason, latest_register_mJ(ocpp, connector), now_us);
        break;
    case EVSE_SESSION_RUNNING:
        session->stop_reason = reason;
        enter(ocpp, connector, EVSE_SESSION_STOPPING, now_us);
        HF_LOGI(ocpp->config.log, now_us, SESSION, "session %u: stopping, reason %s",
                (unsigned)session->id, evse_stop_reason_text(reason));
        break;
    case EVSE_SESSION_IDLE:
    case EVSE_SESSION_STOPPING: // the first reason stands
    default:
        break;
    }
}

void evse_session_deauthorize(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    HF_LOGW(ocpp->config.log, now_us, SESSION, "session %u: tag %s not accepted",
            (unsigned)ocpp->session[connector].id, ocpp->session[connector].id_tag);
    if (EVSE_NUMBER(ocpp, StopTransactionOnInvalidId) != 0) {
        evse_session_stop(ocpp, connector, EVSE_STOP_DeAuthorized, now_us);
    } else {
        ocpp->session[connector].deauthorized = true;
    }
}

int evse_ocpp_present_tag(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag,
                          uint64_t now_us)
{
    if (connector >= ocpp->config.connectors || id_tag == NULL || id_tag[0] == '\0') {
        return HF_E_RANGE;
    }
    if (strlen(id_tag) >= EVSE_ID_TAG_BYTES) {
        return HF_E_TOO_LONG;
    }
    evse_session_t *session = &ocpp->session[connector];
    bool own = strcmp(session->id_tag, id_tag) == 0;
    if (own &&
        (session->state == EVSE_SESSION_AUTHORIZED || session->state == EVSE_SESSION_STARTING ||
         session->state == EVSE_SESSION_RUNNING)) {
        memcpy(session->stop_id_tag, session->id_tag, sizeof session->stop_id_tag);
        evse_session_stop(ocpp, connector, EVSE_STOP_Local, now_us);
        return HF_OK;
    }
    evse_auth_verdict_t verdict = evse_auth_judge(ocpp, id_tag);
    if (!evse_session_is_possible(ocpp, connector) || verdict == EVSE_AUTH_REFUSE) {
        return HF_E_STATE;
    }
    evse_session_open(ocpp, connector, id_tag, verdict == EVSE_AUTH_ASK, now_us);
    return HF_OK;
}

int evse_ocpp_stop(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason,
                   uint64_t now_us)
{
    if (connector >= ocpp->config.connectors || reason == EVSE_STOP_None ||
        reason >= EVSE_STOP_REASON_COUNT) {
        return HF_E_RANGE;
    }
    evse_session_state_t state = ocpp->session[connector].state;
    if (state == EVSE_SESSION_IDLE || state == EVSE_SESSION_STOPPING) {
        return HF_E_STATE;
    }
    evse_session_stop(ocpp, connector, reason, now_us);
    return HF_OK;
}

// The start button only starts: its own tag presented during a session would end that.
static void press_start(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    const char *id_tag = evse_ocpp_text(ocpp, "LocalStartTag");
    int status = HF_E_STATE;
    if (id_tag[0] != '\0' && ocpp->session[connector].state == EVSE_SESSION_IDLE) {
        status = evse_ocpp_present_tag(ocpp, connector, id_tag, now_us);
    }
    HF_LOGI(ocpp->config.log, now_us, SESSION, "connector %u: start button: %s", connector + 1u,
            id_tag[0] != '\0' ? hf_status_text(status) : "no LocalStartTag");
}

// ---- the states ---------------------------------------------------------------------------------

static void begin_transaction(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    evse_session_t *session = &ocpp->session[connector];
    uint64_t register_mJ = latest_register_mJ(ocpp, connector);
    const evse_begin_t begin = {.id_tag = session->id_tag,
                                .register_mJ = register_mJ,
                                .at = evse_moment(ocpp, now_us),
                                .reservation_id = EVSE_RESERVATION_NONE};
    int status = evse_store_begin(ocpp->config.store, connector, &begin);
    if (status != HF_OK) {
        evse_session_cancel(ocpp, connector, hf_status_text(status), now_us);
        return;
    }
    session->start_Wh = register_mJ / EVSE_mJ_PER_Wh;
    session->started_us = now_us;
    ocpp->sessions_started++;
    enter(ocpp, connector, EVSE_SESSION_STARTING, now_us);
}

static bool is_state_usable(uint32_t state)
{
    return state != EVSE_STATE_Faulted && state != EVSE_STATE_Unavailable &&
           state != EVSE_STATE_Reserved;
}

static void step_authorizing(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    evse_session_t *session = &ocpp->session[connector];
    if (is_closed_for_sessions(ocpp, connector)) {
        evse_session_cancel(ocpp, connector, "connector no longer available", now_us);
    } else if (!session->authorize_sent && !evse_ocpp_is_online(ocpp)) {
        evse_auth_offline(ocpp, connector, now_us);
    } else if (now_us - session->since_us >= AUTHORIZE_TIMEOUT_US) {
        evse_session_cancel(ocpp, connector, "not authorized in time", now_us);
    }
}

static void step_authorized(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    uint64_t limit_us = evse_seconds_us(EVSE_NUMBER(ocpp, ConnectionTimeOut));
    if (is_closed_for_sessions(ocpp, connector) || view == NULL || !is_state_usable(view->state)) {
        evse_session_cancel(ocpp, connector, "connector no longer available", now_us);
    } else if (view->plugged != 0u && view->state == EVSE_STATE_Preparing) {
        begin_transaction(ocpp, connector, now_us);
    } else if (now_us - ocpp->session[connector].since_us >= limit_us) {
        evse_session_cancel(ocpp, connector, "no vehicle plugged in time", now_us);
    }
}

static void step_starting(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    const evse_store_t *store = ocpp->config.store;
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    const evse_transaction_t *open = store->open[connector];
    if (ocpp->journal_failed || open == NULL || view == NULL || !is_state_usable(view->state) ||
        now_us - ocpp->session[connector].since_us >= STARTING_TIMEOUT_US) {
        bool estop = ocpp->snapshot.estop_latched != 0u;
        evse_session_stop(ocpp, connector, estop ? EVSE_STOP_EmergencyStop : EVSE_STOP_Other,
                          now_us);
    } else if (view->plugged == 0u) {
        evse_session_stop(ocpp, connector, EVSE_STOP_EVDisconnected, now_us);
    } else if (hf_journal_durable(&store->journal) >= open->durable_at) {
        enter(ocpp, connector, EVSE_SESSION_RUNNING, now_us);
        evse_meter_arm(ocpp, connector, now_us);
        HF_LOGI(ocpp->config.log, now_us, SESSION, "session %u: start recorded, power permitted",
                (unsigned)ocpp->session[connector].id);
    }
}

static void step_running(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    const evse_session_t *session = &ocpp->session[connector];
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    bool taken_up = view->session_id == session->id;
    if (ocpp->journal_failed) { // what flows from here on could not be billed after a power cut
        evse_session_stop(ocpp, connector, EVSE_STOP_Other, now_us);
    } else if (taken_up && view->stopped != 0u) {
        enter(ocpp, connector, EVSE_SESSION_STOPPING, now_us); // its event brings the reason
    } else if (!taken_up && now_us - session->since_us >= TAKE_UP_TIMEOUT_US) {
        HF_LOGW(ocpp->config.log, now_us, SESSION, "session %u: control does not begin it",
                (unsigned)session->id);
        evse_session_stop(ocpp, connector, EVSE_STOP_Other, now_us);
    }
}

static void step_stopping(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    evse_session_t *session = &ocpp->session[connector];
    if (now_us - session->since_us >= EVSE_STOP_TIMEOUT_US) {
        HF_LOGW(ocpp->config.log, now_us, SESSION, "session %u: control reported no end",
                (unsigned)session->id);
        finish(ocpp, connector, session->stop_reason, latest_register_mJ(ocpp, connector), now_us);
    }
}

static void step_idle(evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    if (view != NULL && view->plugged == 0u) {
        set_finishing(ocpp, connector, false);
    }
}

static void step(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    switch (ocpp->session[connector].state) {
    case EVSE_SESSION_AUTHORIZING:
        step_authorizing(ocpp, connector, now_us);
        break;
    case EVSE_SESSION_AUTHORIZED:
        step_authorized(ocpp, connector, now_us);
        break;
    case EVSE_SESSION_STARTING:
        step_starting(ocpp, connector, now_us);
        break;
    case EVSE_SESSION_RUNNING:
        step_running(ocpp, connector, now_us);
        break;
    case EVSE_SESSION_STOPPING:
        step_stopping(ocpp, connector, now_us);
        break;
    case EVSE_SESSION_IDLE:
    default:
        step_idle(ocpp, connector);
        break;
    }
}

// ---- what control tells -------------------------------------------------------------------------

static void on_stopped(evse_ocpp_t *ocpp, const evse_event_t *event, uint64_t now_us)
{
    evse_session_t *session = &ocpp->session[event->connector];
    if (event->session_id != session->id || session->state == EVSE_SESSION_IDLE) {
        return;
    }
    evse_stop_reason_t own = (evse_stop_reason_t)event->detail;
    if (!evse_session_is_billing(ocpp, event->connector)) {
        evse_session_cancel(ocpp, event->connector, evse_stop_reason_text(own), now_us);
        return;
    }
    finish(ocpp, event->connector, own != EVSE_STOP_None ? own : session->stop_reason,
           event->register_mJ, now_us);
}

static void on_event(evse_ocpp_t *ocpp, const evse_event_t *event, uint64_t now_us)
{
    hf_log_t *log = ocpp->config.log;
    unsigned connector = event->connector + 1u;
    switch ((evse_event_kind_t)event->kind) {
    case EVSE_EVENT_STATE:
        HF_LOGI(log, now_us, CONNECTOR, "connector %u: %s", connector,
                evse_connector_state_text(event->detail));
        break;
    case EVSE_EVENT_ENERGIZED:
        HF_LOGI(log, now_us, CONNECTOR, "connector %u: power on", connector);
        break;
    case EVSE_EVENT_STOPPED:
        on_stopped(ocpp, event, now_us);
        break;
    case EVSE_EVENT_FAULT:
        HF_LOGW(log, now_us, SAFETY, "connector %u: fault %u, %s", connector, event->detail,
                evse_fault_text(event->detail));
        break;
    case EVSE_EVENT_FAULT_CLEARED:
        HF_LOGI(log, now_us, SAFETY, "connector %u: fault %u cleared", connector, event->detail);
        break;
    case EVSE_EVENT_ESTOP:
        ocpp->latch_estop = true;
        HF_LOGW(log, now_us, SAFETY, "emergency stop");
        break;
    case EVSE_EVENT_ESTOP_CLEARED:
        ocpp->latch_estop = false;
        HF_LOGI(log, now_us, SAFETY, "emergency stop reset");
        break;
    case EVSE_EVENT_WELD:
        ocpp->latch_welds |= 1u << event->connector;
        HF_LOGE(log, now_us, SAFETY, "connector %u: contactor welded", connector);
        break;
    case EVSE_EVENT_WELD_CLEARED:
        ocpp->latch_welds &= ~(1u << event->connector);
        HF_LOGI(log, now_us, SAFETY, "connector %u: weld latch reset", connector);
        break;
    case EVSE_EVENT_START_BUTTON:
        press_start(ocpp, event->connector, now_us);
        break;
    case EVSE_EVENT_COMMISSIONED:
        ocpp->proofs_owed |= 1u << event->connector;
        HF_LOGI(log, now_us, SAFETY,
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

static void keep_register(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    if (view != NULL && !ocpp->journal_failed) {
        (void)!evse_store_register(ocpp->config.store, connector, view->register_mJ, now_us, false);
    }
}

void evse_sessions_step(evse_ocpp_t *ocpp, uint64_t now_us)
{
    evse_event_t event;
    for (unsigned i = 0u;
         i < EVSE_EVENTS_CAPACITY && hf_queue_get(&ocpp->config.mailbox->events, &event) == HF_OK;
         i++) {
        if (event.connector < ocpp->config.connectors) {
            on_event(ocpp, &event, now_us);
        }
    }
    keep_latches(ocpp);
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        keep_proof(ocpp, i);
        keep_register(ocpp, i, now_us);
        step(ocpp, i, now_us);
    }
}

// ---- orders to control --------------------------------------------------------------------------

static evse_session_order_t order_of(const evse_session_t *session)
{
    switch (session->state) {
    case EVSE_SESSION_AUTHORIZED:
    case EVSE_SESSION_STARTING:
        return EVSE_ORDER_AUTHORIZED;
    case EVSE_SESSION_RUNNING:
        return session->deauthorized ? EVSE_ORDER_SUSPEND : EVSE_ORDER_RUN;
    case EVSE_SESSION_IDLE:
    case EVSE_SESSION_AUTHORIZING:
    case EVSE_SESSION_STOPPING:
    default:
        return EVSE_ORDER_NONE;
    }
}

static evse_network_t network_of(const evse_ocpp_t *ocpp)
{
    return evse_ocpp_is_online(ocpp)            ? EVSE_NETWORK_ACCEPTED
           : ocpp->link_state == EVSE_LINK_OPEN ? EVSE_NETWORK_CONNECTED
                                                : EVSE_NETWORK_AWAY;
}

static evse_connector_order_t order_for(const evse_ocpp_t *ocpp, unsigned connector)
{
    return (evse_connector_order_t){
        .valid_until_us = ocpp->orders.connector[connector].valid_until_us,
        .session = (uint32_t)order_of(&ocpp->session[connector]),
        .session_id = ocpp->session[connector].id,
        .inoperative = is_inoperative(ocpp, connector) ? 1u : 0u,
        .unlock_count = ocpp->unlock_count[connector],
        .limit_mA = INT32_MAX,
        .journal_failed = ocpp->journal_failed ? 1u : 0u,
        .network = (uint32_t)network_of(ocpp),
    };
}

void evse_sessions_order(evse_ocpp_t *ocpp, uint64_t now_us)
{
    bool changed = false;
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        evse_connector_order_t order = order_for(ocpp, i);
        changed = changed || memcmp(&order, &ocpp->orders.connector[i], sizeof order) != 0;
        ocpp->orders.connector[i] = order;
    }
    if (!changed && !evse_is_due(now_us, ocpp->next_orders_us)) {
        return;
    }
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        ocpp->orders.connector[i].valid_until_us = now_us + EVSE_ORDER_VALID_US;
    }
    ocpp->next_orders_us = now_us + EVSE_ORDER_REPEAT_US;
    hf_snapshot_write(&ocpp->config.mailbox->orders, &ocpp->orders);
}
