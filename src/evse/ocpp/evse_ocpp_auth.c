// SPDX-License-Identifier: MIT
// Authorization: what decides about a tag (the central system when it can be asked, else what is known locally), the
// Authorize CALL, and what its answers teach. Invariants: the list goes before the cache; a tag known as blocked, invalid or
// expired never charges offline, whatever the policy for unknown ones says (3.5.4); without a clock nothing has expired.
#include "evse_ocpp_private.h"

void evse_auth_init(evse_ocpp_t *ocpp)
{
    evse_list_init(ocpp);
    evse_reservation_init(ocpp);
}

void evse_auth_step(evse_ocpp_t *ocpp)
{
    evse_reader_step(ocpp);
    evse_list_step(ocpp);
    evse_reservation_step(ocpp);
}

// ---- keys ---------------------------------------------------------------------------------------

void evse_auth_set_keys(evse_ocpp_t *ocpp)
{
#if CONFIG_EVSE_OCPP_LOCAL_LIST
    const evse_auth_t *auth = &ocpp->auth;
    EVSE_NUMBER(ocpp, LocalAuthListMaxLength) = auth->has_list ? (int32_t)auth->list.capacity : 0;
    if (!auth->has_list) {
        EVSE_NUMBER(ocpp, LocalAuthListEnabled) = 0;
    }
    if (!auth->has_cache) {
        EVSE_NUMBER(ocpp, AuthorizationCacheEnabled) = 0;
    }
#else
    (void)ocpp;
#endif
}

bool evse_auth_permits_key(const evse_ocpp_t *ocpp, size_t key, int32_t number)
{
#if CONFIG_EVSE_OCPP_LOCAL_LIST
    bool list = key == EVSE_KEY_OF_LocalAuthListEnabled;
    bool cache = key == EVSE_KEY_OF_AuthorizationCacheEnabled;
    return number == 0 || !((list && !ocpp->auth.has_list) || (cache && !ocpp->auth.has_cache));
#else
    (void)ocpp;
    (void)key;
    (void)number;
    return true;
#endif
}

// ---- what is known here -------------------------------------------------------------------------

typedef enum known {
    KNOWN_NOT,
    KNOWN_GOOD,
    KNOWN_BAD,
} known_t;

static known_t look_up(evse_ocpp_t *ocpp, const char *id_tag, evse_tag_info_t *info)
{
    if (evse_list_find(ocpp, id_tag, info) != HF_OK) {
        return KNOWN_NOT;
    }
    return evse_tag_is_valid(info, evse_ocpp_utc_ms(ocpp, ocpp->now_us)) ? KNOWN_GOOD : KNOWN_BAD;
}

static bool is_permitted_offline(const evse_ocpp_t *ocpp, known_t known)
{
    bool unknown_too = EVSE_NUMBER(ocpp, AllowOfflineTxForUnknownId) != 0;
    switch (known) {
    case KNOWN_GOOD: // a tag that is known as good is never worse off than one that is not known
        return unknown_too || EVSE_NUMBER(ocpp, LocalAuthorizeOffline) != 0;
    case KNOWN_NOT:
        return unknown_too;
    case KNOWN_BAD:
    default:
        return false;
    }
}

evse_auth_verdict_t evse_auth_judge(evse_ocpp_t *ocpp, const char *id_tag)
{
    evse_tag_info_t info;
    known_t known = look_up(ocpp, id_tag, &info);
    if (evse_ocpp_is_online(ocpp)) { // what is known as bad may have become good: ask (3.5.1)
        bool at_once = known == KNOWN_GOOD && EVSE_NUMBER(ocpp, LocalPreAuthorize) != 0;
        return at_once ? EVSE_AUTH_ACCEPT : EVSE_AUTH_ASK;
    }
    return is_permitted_offline(ocpp, known) ? EVSE_AUTH_ACCEPT : EVSE_AUTH_REFUSE;
}

void evse_auth_offline(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_session_t *session = &ocpp->session[connector];
    evse_tag_info_t info;
    known_t known = look_up(ocpp, session->id_tag, &info);
    if (!is_permitted_offline(ocpp, known)) {
        evse_session_cancel(ocpp, connector,
                            HF_LOG_TEXT(known == KNOWN_NOT ? "central system away, unknown tag"
                                                           : "central system away, tag not valid"));
    } else if (!evse_reservation_admits(ocpp, connector, session->id_tag, session->parent_id_tag)) {
        evse_session_cancel(ocpp, connector, HF_LOG_TEXT("reserved for another"));
    } else {
        evse_session_authorized(
            ocpp, connector,
            HF_LOG_TEXT(known == KNOWN_GOOD ? " by what is known here" : " by local policy"));
    }
}

// ---- sessions and groups ------------------------------------------------------------------------

void evse_auth_opened(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_session_t *session = &ocpp->session[connector];
    evse_tag_info_t info;
    if (look_up(ocpp, session->id_tag, &info) == KNOWN_GOOD) {
        memcpy(session->parent_id_tag, info.parent, sizeof session->parent_id_tag);
    }
    session->reservation_id =
        evse_reservation_used(ocpp, connector, session->id_tag, session->parent_id_tag);
}

// The parent's own card is of its group.
static bool is_of_group(const char *group, const char *id_tag, const char *parent)
{
    return group[0] != '\0' && (evse_tag_is_same(group, parent) || evse_tag_is_same(group, id_tag));
}

evse_auth_group_t evse_auth_same_group(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag)
{
    const char *group = ocpp->session[connector].parent_id_tag;
    evse_tag_info_t info;
    if (group[0] == '\0') {
        return EVSE_GROUP_NO;
    }
    known_t known = look_up(ocpp, id_tag, &info);
    if (known == KNOWN_GOOD) {
        return is_of_group(group, id_tag, info.parent) ? EVSE_GROUP_YES : EVSE_GROUP_NO;
    }
    return evse_ocpp_is_online(ocpp) ? EVSE_GROUP_ASK : EVSE_GROUP_NO;
}

// ---- idTagInfo ----------------------------------------------------------------------------------

evse_rpc_error_t evse_tag_info_read(evse_ocpp_t *ocpp, hf_json_t id_tag_info, evse_tag_info_t *info)
{
    unsigned status = EVSE_TAG_Invalid;
    evse_fields_t fields = evse_fields_of(ocpp, id_tag_info);
    *info = (evse_tag_info_t){0};
    (void)evse_fields_choice(&fields, "status", true, evse_tag_status_texts, &status);
    (void)evse_fields_text(&fields, "parentIdTag", false, info->parent, sizeof info->parent);
    (void)evse_fields_time(&fields, "expiryDate", false, &info->expires_utc_ms);
    info->status = (evse_tag_status_t)status;
    return fields.error;
}

// A session of that tag learns its group.
static void tell_sessions(evse_ocpp_t *ocpp, const char *id_tag, const evse_tag_info_t *info)
{
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        evse_session_t *session = &ocpp->session[i];
        if (evse_tag_is_same(session->id_tag, id_tag) && info->parent[0] != '\0') {
            memcpy(session->parent_id_tag, info->parent, sizeof session->parent_id_tag);
        }
    }
}

void evse_auth_learn(evse_ocpp_t *ocpp, const char *id_tag, hf_json_t id_tag_info)
{
    evse_tag_info_t info;
    if (evse_tag_info_read(ocpp, id_tag_info, &info) != EVSE_RPC_NO_ERROR) {
        return;
    }
    if (info.status == EVSE_TAG_Accepted || info.status == EVSE_TAG_ConcurrentTx) {
        tell_sessions(ocpp, id_tag, &info);
    }
    evse_list_learn(ocpp, id_tag, &info);
}

// ---- Authorize ----------------------------------------------------------------------------------

static bool is_own_due(const evse_session_t *session)
{
    return session->state == EVSE_SESSION_AUTHORIZING && !session->authorize_sent;
}

static bool is_asked_due(const evse_session_t *session)
{
    return session->asked_id_tag[0] != '\0' && !session->ask_sent;
}

bool evse_authorize_send(evse_ocpp_t *ocpp)
{
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        evse_session_t *session = &ocpp->session[i];
        bool own = is_own_due(session);
        if (!own && !is_asked_due(session)) {
            continue;
        }
        evse_outgoing_t call;
        hf_json_writer_t *json = evse_outgoing_begin(ocpp, &call, "Authorize", NULL);
        hf_json_string_field(json, "idTag", own ? session->id_tag : session->asked_id_tag);
        bool sent = evse_outgoing_send(ocpp, &call,
                                       evse_token(EVSE_CALL_AUTHORIZE, i, session->id)) == HF_OK;
        *(own ? &session->authorize_sent : &session->ask_sent) = sent;
        return sent;
    }
    return false;
}

static void answer_own(evse_ocpp_t *ocpp, unsigned connector, hf_json_t info)
{
    evse_session_t *session = &ocpp->session[connector];
    evse_auth_learn(ocpp, session->id_tag, info);
    if (!hf_json_is_string(hf_json_member(info, "status"), "Accepted")) {
        evse_session_cancel(ocpp, connector, HF_LOG_TEXT("tag not accepted"));
    } else if (!evse_reservation_admits(ocpp, connector, session->id_tag, session->parent_id_tag)) {
        evse_session_cancel(ocpp, connector, HF_LOG_TEXT("reserved for another"));
    } else {
        session->reservation_id =
            evse_reservation_used(ocpp, connector, session->id_tag, session->parent_id_tag);
        evse_session_authorized(ocpp, connector, HF_LOG_TEXT(""));
    }
}

// A card of the station's reader may be for any session: it is asked about once, for the first.
static unsigned find_asked(const evse_ocpp_t *ocpp, unsigned connector, const char *parent)
{
    const char *id_tag = ocpp->session[connector].asked_id_tag;
    unsigned found = connector;
    bool anywhere = evse_tag_is_same(ocpp->auth.card.id_tag, id_tag);
    for (unsigned i = ocpp->config.connectors; anywhere && i-- > 0u;) {
        found = is_of_group(ocpp->session[i].parent_id_tag, id_tag, parent) ? i : found;
    }
    return found;
}

static void answer_asked(evse_ocpp_t *ocpp, unsigned connector, hf_json_t info)
{
    evse_session_t *session = &ocpp->session[connector];
    evse_tag_info_t asked;
    bool good = evse_tag_info_read(ocpp, info, &asked) == EVSE_RPC_NO_ERROR &&
                asked.status == EVSE_TAG_Accepted;
    unsigned found = good ? find_asked(ocpp, connector, asked.parent) : connector;
    evse_auth_learn(ocpp, session->asked_id_tag, info);
    if (found != connector && ocpp->session[found].asked_id_tag[0] == '\0') {
        memcpy(ocpp->session[found].asked_id_tag, session->asked_id_tag,
               sizeof session->asked_id_tag);
        evse_session_asked(ocpp, connector, false);
        connector = found;
    }
    session = &ocpp->session[connector];
    good = good && is_of_group(session->parent_id_tag, session->asked_id_tag, asked.parent);
    evse_session_asked(ocpp, connector, good);
}

void evse_authorize_answer(evse_ocpp_t *ocpp, uint32_t token, evse_rpc_outcome_t outcome,
                           hf_json_t payload)
{
    unsigned connector = token >> 8 & 0xFFu;
    if (connector >= ocpp->config.connectors ||
        token != evse_token(EVSE_CALL_AUTHORIZE, connector, ocpp->session[connector].id)) {
        return; // that session is gone
    }
    const evse_session_t *session = &ocpp->session[connector];
    hf_json_t info = hf_json_member(payload, "idTagInfo");
    if (session->state == EVSE_SESSION_AUTHORIZING && session->authorize_sent) {
        if (outcome == EVSE_RPC_TIMEOUT) {
            evse_auth_offline(ocpp, connector);
        } else {
            answer_own(ocpp, connector, info);
        }
    } else if (session->asked_id_tag[0] != '\0' && session->ask_sent) {
        answer_asked(ocpp, connector, info);
    }
}

// Without an authorization cache there is nothing to clear (errata 3.23).
evse_rpc_error_t evse_auth_on_clear_cache(evse_ocpp_t *ocpp, hf_json_t payload,
                                          hf_json_writer_t *reply)
{
    (void)payload;
    return evse_reply_accepted(reply, evse_list_clear_cache(ocpp));
}
