// SPDX-License-Identifier: MIT
// Reservations: one per connector and one for any connector, kept by the store over a restart. What is needed every round
// is in memory, the tags are read from the store when a card is presented.
// Invariants: a reservation ends with the transaction that uses it, at its expiry, or when its connector is Faulted or
// Unavailable (5.13); the one for any connector holds one free connector as long as there is one, and only that shows
// Reserved; without a clock a reservation lasts no longer than the span it was accepted for, counted from the boot.
#include "evse_ocpp_private.h"
#include "holdfast/hf_le.h"

#define FORMAT_VERSION 1u
#define AT_ID          1u
#define AT_EXPIRES     5u
#define AT_ACCEPTED    9u
#define AT_ID_TAG      13u
#define AT_PARENT      33u
#define OBJECT_BYTES   53u
#define TEXT_BYTES     (EVSE_ID_TAG_BYTES - 1u)
#define MS_PER_S       1000u
#define BOOT_GRACE_US  (15u * HF_US_PER_S) // what is Faulted until it has been heard of once

typedef struct terms {
    char id_tag[EVSE_ID_TAG_BYTES], parent[EVSE_ID_TAG_BYTES];
} terms_t;

// ---- the store ----------------------------------------------------------------------------------

static bool read_object(evse_ocpp_t *ocpp, unsigned key, uint8_t object[OBJECT_BYTES])
{
    return evse_store_kept(ocpp->config.store, EVSE_OBJECT_RESERVATION, (uint16_t)key, object,
                           OBJECT_BYTES) == (int)OBJECT_BYTES &&
           object[0] == FORMAT_VERSION;
}

static bool read_terms(evse_ocpp_t *ocpp, unsigned key, terms_t *terms)
{
    uint8_t object[OBJECT_BYTES];
    memset(terms, 0, sizeof *terms);
    if (!read_object(ocpp, key, object)) {
        return false;
    }
    memcpy(terms->id_tag, object + AT_ID_TAG, TEXT_BYTES);
    memcpy(terms->parent, object + AT_PARENT, TEXT_BYTES);
    return true;
}

static int keep(evse_ocpp_t *ocpp, unsigned key, const evse_reservation_t *reservation,
                const terms_t *terms)
{
    uint8_t object[OBJECT_BYTES] = {FORMAT_VERSION};
    hf_le_put32(object + AT_ID, (uint32_t)reservation->id);
    hf_le_put32(object + AT_EXPIRES, reservation->expires_s);
    hf_le_put32(object + AT_ACCEPTED, reservation->expires_s - reservation->span_s);
    memcpy(object + AT_ID_TAG, terms->id_tag, TEXT_BYTES);
    memcpy(object + AT_PARENT, terms->parent, TEXT_BYTES);
    return evse_store_keep(ocpp->config.store, EVSE_OBJECT_RESERVATION, (uint16_t)key, object,
                           sizeof object);
}

void evse_reservation_init(evse_ocpp_t *ocpp)
{
    for (unsigned key = 0u; key <= ocpp->config.connectors; key++) {
        uint8_t object[OBJECT_BYTES];
        if (read_object(ocpp, key, object)) {
            uint32_t expires_s = hf_le_get32(object + AT_EXPIRES);
            ocpp->auth.reservation[key] =
                (evse_reservation_t){.id = (int32_t)hf_le_get32(object + AT_ID),
                                     .expires_s = expires_s,
                                     .span_s = expires_s - hf_le_get32(object + AT_ACCEPTED),
                                     .is_made = true};
            ocpp->auth.reservations++;
        }
    }
}

// Of no use any more, also where the store does not take it. Its status.
static int drop(evse_ocpp_t *ocpp, unsigned key, const char *why)
{
    HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION, "reservation %d of connector %u: %s",
            (int)ocpp->auth.reservation[key].id, key, why);
    ocpp->auth.reservation[key].is_made = false;
    ocpp->auth.reservations--;
    return evse_store_forget(ocpp->config.store, EVSE_OBJECT_RESERVATION, (uint16_t)key);
}

// ---- which connector ----------------------------------------------------------------------------

// Nobody is there, and it could be used.
static bool is_free(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    return view != NULL &&
           (view->state == EVSE_STATE_Available || view->state == EVSE_STATE_Reserved) &&
           ocpp->session[connector].state == EVSE_SESSION_IDLE &&
           !ocpp->auth.reservation[connector + 1u].is_made;
}

// The session on the held connector may be of who has reserved: it goes on holding until the transaction uses it up.
static bool is_holding(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_session_t *session = &ocpp->session[connector];
    return is_free(ocpp, connector) || (session->state != EVSE_SESSION_IDLE &&
                                        session->reservation_id == ocpp->auth.reservation[0].id);
}

static void hold(evse_ocpp_t *ocpp)
{
    evse_auth_t *auth = &ocpp->auth;
    if (!auth->reservation[0].is_made) {
        auth->held = 0u;
        return;
    }
    if (auth->held != 0u && is_holding(ocpp, auth->held - 1u)) {
        return;
    }
    auth->held = 0u;
    for (unsigned i = ocpp->config.connectors; i-- > 0u;) {
        auth->held = is_free(ocpp, i) ? (uint8_t)(i + 1u) : auth->held;
    }
}

// The reservation that holds this connector, -1 none.
static int holder_of(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_auth_t *auth = &ocpp->auth;
    if (auth->reservations == 0u) {
        return -1;
    }
    if (auth->reservation[connector + 1u].is_made) {
        return (int)connector + 1;
    }
    return auth->reservation[0].is_made && auth->held == connector + 1u ? 0 : -1;
}

bool evse_reservation_shows(const evse_ocpp_t *ocpp, unsigned connector)
{
    return holder_of(ocpp, connector) >= 0;
}

int32_t evse_reservation_id(const evse_ocpp_t *ocpp, unsigned connector)
{
    int key = holder_of(ocpp, connector);
    return key < 0 ? EVSE_RESERVATION_NONE : ocpp->auth.reservation[key].id;
}

// ---- whose card ---------------------------------------------------------------------------------

static bool is_for(const terms_t *terms, const char *id_tag, const char *parent)
{
    return evse_tag_is_same(terms->id_tag, id_tag) ||
           (terms->parent[0] != '\0' &&
            (evse_tag_is_same(terms->parent, parent) || evse_tag_is_same(terms->parent, id_tag)));
}

static bool is_match(evse_ocpp_t *ocpp, unsigned key, const char *id_tag, const char *parent)
{
    terms_t terms;
    return read_terms(ocpp, key, &terms) && is_for(&terms, id_tag, parent);
}

evse_auth_verdict_t evse_reservation_judge(evse_ocpp_t *ocpp, unsigned connector,
                                           const char *id_tag)
{
    terms_t terms;
    evse_tag_info_t info;
    int key = holder_of(ocpp, connector);
    if (key < 0) {
        return EVSE_AUTH_ACCEPT;
    }
    if (!read_terms(ocpp, (unsigned)key, &terms)) {
        return EVSE_AUTH_REFUSE;
    }
    if (is_for(&terms, id_tag, "")) {
        return EVSE_AUTH_ACCEPT;
    }
    if (terms.parent[0] == '\0') { // nothing an Authorize could tell would help
        return EVSE_AUTH_REFUSE;
    }
    if (evse_list_find(ocpp, id_tag, &info) == HF_OK &&
        evse_tag_is_valid(&info, evse_ocpp_utc_ms(ocpp, ocpp->now_us))) {
        return is_for(&terms, id_tag, info.parent) ? EVSE_AUTH_ACCEPT : EVSE_AUTH_REFUSE;
    }
    return evse_ocpp_is_online(ocpp) ? EVSE_AUTH_ASK : EVSE_AUTH_REFUSE;
}

bool evse_reservation_admits(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag,
                             const char *parent)
{
    int key = holder_of(ocpp, connector);
    return key < 0 || is_match(ocpp, (unsigned)key, id_tag, parent);
}

int32_t evse_reservation_used(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag,
                              const char *parent)
{
    int key = holder_of(ocpp, connector);
    if (key < 0 && ocpp->auth.reservation[0].is_made) {
        key = 0; // any connector will do
    }
    return key >= 0 && is_match(ocpp, (unsigned)key, id_tag, parent)
               ? ocpp->auth.reservation[key].id
               : EVSE_RESERVATION_NONE;
}

// ---- the end ------------------------------------------------------------------------------------

static bool is_expired(const evse_ocpp_t *ocpp, const evse_reservation_t *reservation)
{
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us);
    return utc_ms != 0u ? utc_ms >= (uint64_t)reservation->expires_s * MS_PER_S
                        : evse_up_us(ocpp) >= reservation->span_s * HF_US_PER_S;
}

static bool is_used(const evse_ocpp_t *ocpp, unsigned key)
{
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        const evse_transaction_t *open = ocpp->config.store->open[i];
        if (open != NULL &&
            (key == i + 1u || open->reservation_id == ocpp->auth.reservation[key].id)) {
            return true;
        }
    }
    return false;
}

static bool is_out_of_use(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    return view != NULL &&
           (view->state == EVSE_STATE_Faulted || view->state == EVSE_STATE_Unavailable);
}

static bool is_lost(const evse_ocpp_t *ocpp, unsigned key)
{
    if (evse_up_us(ocpp) < BOOT_GRACE_US) {
        return false;
    }
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        if ((key == 0u || key == i + 1u) && !is_out_of_use(ocpp, i)) {
            return false;
        }
    }
    return true;
}

void evse_reservation_step(evse_ocpp_t *ocpp)
{
    if (ocpp->auth.reservations == 0u) {
        return;
    }
    for (unsigned key = 0u; key <= ocpp->config.connectors; key++) {
        const evse_reservation_t *reservation = &ocpp->auth.reservation[key];
        if (!reservation->is_made) {
            continue;
        }
        if (is_used(ocpp, key)) {
            (void)!drop(ocpp, key, HF_LOG_TEXT("used"));
        } else if (is_expired(ocpp, reservation)) {
            (void)!drop(ocpp, key, HF_LOG_TEXT("expired"));
        } else if (is_lost(ocpp, key)) {
            (void)!drop(ocpp, key, HF_LOG_TEXT("connector out of use"));
        }
    }
    hold(ocpp);
}

// ---- ReserveNow and CancelReservation -----------------------------------------------------------

// What one connector answers; NULL it can be reserved. `own`: the reservation that is replaced does not count.
static const char *refusal_of(const evse_ocpp_t *ocpp, unsigned connector, int own)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    const evse_store_t *store = ocpp->config.store;
    if (view == NULL || store->inoperative[0] || store->inoperative[connector + 1u] ||
        view->state == EVSE_STATE_Unavailable) {
        return "Unavailable";
    }
    if (view->state == EVSE_STATE_Faulted) {
        return "Faulted";
    }
    int holder = holder_of(ocpp, connector);
    bool is_open = view->state == EVSE_STATE_Available || view->state == EVSE_STATE_Reserved;
    bool is_idle = ocpp->session[connector].state == EVSE_SESSION_IDLE;
    return is_open && is_idle && (holder < 0 || holder == own) ? NULL : "Occupied";
}

// Any connector: one that is free will do; else Occupied, when one is in use, rather than what ails the others.
static const char *refusal_of_any(const evse_ocpp_t *ocpp, int own)
{
    const char *worst = ocpp->journal_failed ? "Faulted" : "Unavailable";
    if (ocpp->auth.reservation[0].is_made && own != 0) {
        return "Occupied";
    }
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        const char *each = refusal_of(ocpp, i, own);
        if (each == NULL) {
            return NULL;
        }
        bool counts = each[0] == 'O' || (each[0] == 'F' && worst[0] != 'O');
        worst = counts ? each : worst;
    }
    return worst;
}

static int find_id(const evse_ocpp_t *ocpp, int32_t id)
{
    for (unsigned key = 0u; key <= ocpp->config.connectors; key++) {
        if (ocpp->auth.reservation[key].is_made && ocpp->auth.reservation[key].id == id) {
            return (int)key;
        }
    }
    return -1;
}

int32_t evse_reservation_standing(const evse_ocpp_t *ocpp, int32_t id)
{
    return find_id(ocpp, id) >= 0 ? id : EVSE_RESERVATION_NONE;
}

// Accepted, or what the state forbids. The old one with the same id goes when the new one is kept.
static const char *reserve(evse_ocpp_t *ocpp, unsigned key, const evse_reservation_t *reservation,
                           const terms_t *terms)
{
    evse_auth_t *auth = &ocpp->auth;
    int own = find_id(ocpp, reservation->id);
    const char *refusal = key == 0u ? refusal_of_any(ocpp, own) : refusal_of(ocpp, key - 1u, own);
    if (refusal != NULL) {
        return refusal;
    }
    if (ocpp->journal_failed || ocpp->ending.reason != EVSE_STOP_None ||
        keep(ocpp, key, reservation, terms) != HF_OK) {
        return "Rejected";
    }
    if (own >= 0 && own != (int)key) {
        (void)!drop(ocpp, (unsigned)own, HF_LOG_TEXT("replaced"));
    }
    if (!auth->reservation[key].is_made) {
        auth->reservations++;
    }
    auth->reservation[key] = *reservation;
    hold(ocpp);
    HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION, "reservation %d of connector %u for tag ..%s",
            (int)reservation->id, key, evse_tag_tail(terms->id_tag));
    return "Accepted";
}

evse_rpc_error_t evse_reservation_on_reserve(evse_ocpp_t *ocpp, hf_json_t payload,
                                             hf_json_writer_t *reply)
{
    static const evse_range_t any = {INT32_MIN + 1, INT32_MAX}; // EVSE_RESERVATION_NONE is not one
    unsigned connector = 0u;
    int32_t id = 0;
    uint64_t expires_ms = 0u;
    terms_t terms;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    memset(&terms, 0, sizeof terms);
    (void)evse_fields_connector(&fields, true, &connector);
    (void)evse_fields_time(&fields, "expiryDate", true, &expires_ms);
    (void)evse_fields_text(&fields, "idTag", true, terms.id_tag, sizeof terms.id_tag);
    (void)evse_fields_text(&fields, "parentIdTag", false, terms.parent, sizeof terms.parent);
    (void)evse_fields_int(&fields, "reservationId", true, &any, &id);
    if (fields.error != EVSE_RPC_NO_ERROR) {
        return fields.error;
    }
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us);
    bool possible = connector <= ocpp->config.connectors && utc_ms != 0u &&
                    terms.id_tag[0] != '\0' && expires_ms > utc_ms;
    if (!possible) {
        return evse_reply_accepted(reply, false);
    }
    uint64_t last_s = expires_ms / MS_PER_S < UINT32_MAX ? expires_ms / MS_PER_S : UINT32_MAX;
    const evse_reservation_t reservation = {.id = id,
                                            .expires_s = (uint32_t)last_s,
                                            .span_s = (uint32_t)(last_s - utc_ms / MS_PER_S),
                                            .is_made = true};
    return evse_reply_recorded(ocpp, reply, reserve(ocpp, connector, &reservation, &terms));
}

evse_rpc_error_t evse_reservation_on_cancel(evse_ocpp_t *ocpp, hf_json_t payload,
                                            hf_json_writer_t *reply)
{
    int32_t id = 0;
    evse_fields_t fields = evse_fields_of(ocpp, payload);
    if (!evse_fields_int(&fields, "reservationId", true, &evse_any_integer, &id)) {
        return fields.error;
    }
    int key = find_id(ocpp, id);
    if (key < 0) {
        return evse_reply_accepted(reply, false);
    }
    int status = HF_OK;
    while (key >= 0) { // a cut between keeping and forgetting leaves two
        int each = drop(ocpp, (unsigned)key, HF_LOG_TEXT("cancelled"));
        status = each != HF_OK ? each : status;
        key = find_id(ocpp, id);
    }
    hold(ocpp);
    return evse_reply_recorded(ocpp, reply, status == HF_OK ? "Accepted" : "Rejected");
}
