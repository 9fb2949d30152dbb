// SPDX-License-Identifier: MIT
// Authorization: what decides about a tag (the central system when it can be asked, else what is known locally), the
// Authorize CALL, and the messages that change what is known locally.
#include "evse_ocpp_private.h"

// There is neither a list nor a cache, so every tag is unknown offline.
static bool is_offline_permitted(const evse_ocpp_t *ocpp)
{
    return EVSE_NUMBER(ocpp, LocalAuthorizeOffline) != 0 &&
           EVSE_NUMBER(ocpp, AllowOfflineTxForUnknownId) != 0;
}

evse_auth_verdict_t evse_auth_judge(evse_ocpp_t *ocpp, const char *id_tag)
{
    (void)id_tag;
    if (evse_ocpp_is_online(ocpp)) {
        return EVSE_AUTH_ASK;
    }
    return is_offline_permitted(ocpp) ? EVSE_AUTH_ACCEPT : EVSE_AUTH_REFUSE;
}

void evse_auth_offline(evse_ocpp_t *ocpp, unsigned connector, uint64_t now_us)
{
    if (is_offline_permitted(ocpp)) {
        evse_session_authorized(ocpp, connector, " by local policy", now_us);
    } else {
        evse_session_cancel(ocpp, connector, "central system away, unknown tag", now_us);
    }
}

void evse_auth_learn(evse_ocpp_t *ocpp, const char *id_tag, hf_json_t id_tag_info)
{
    (void)ocpp;
    (void)id_tag;
    (void)id_tag_info;
}

bool evse_authorize_send(evse_ocpp_t *ocpp, uint64_t now_us)
{
    (void)now_us;
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        evse_session_t *session = &ocpp->session[i];
        if (session->state != EVSE_SESSION_AUTHORIZING || session->authorize_sent) {
            continue;
        }
        evse_outgoing_t call;
        hf_json_writer_t *json = evse_outgoing_begin(ocpp, &call, "Authorize", NULL);
        hf_json_string_field(json, "idTag", session->id_tag);
        session->authorize_sent =
            evse_outgoing_send(ocpp, &call, evse_token(EVSE_CALL_AUTHORIZE, i, session->id)) ==
            HF_OK;
        return session->authorize_sent;
    }
    return false;
}

void evse_authorize_answer(evse_ocpp_t *ocpp, uint32_t token, evse_rpc_outcome_t outcome,
                           hf_json_t payload, uint64_t now_us)
{
    unsigned connector = token >> 8 & 0xFFu;
    if (connector >= ocpp->config.connectors ||
        token != evse_token(EVSE_CALL_AUTHORIZE, connector, ocpp->session[connector].id) ||
        ocpp->session[connector].state != EVSE_SESSION_AUTHORIZING) {
        return; // that session is gone
    }
    hf_json_t info = hf_json_member(payload, "idTagInfo");
    if (outcome == EVSE_RPC_TIMEOUT) {
        evse_auth_offline(ocpp, connector, now_us);
        return;
    }
    evse_auth_learn(ocpp, ocpp->session[connector].id_tag, info);
    if (hf_json_is_string(hf_json_member(info, "status"), "Accepted")) {
        evse_session_authorized(ocpp, connector, "", now_us);
    } else {
        evse_session_cancel(ocpp, connector, "tag not accepted", now_us);
    }
}

// Without an authorization cache there is nothing to clear (errata 3.23).
evse_rpc_error_t evse_auth_on_clear_cache(evse_ocpp_t *ocpp, hf_json_t payload,
                                          hf_json_writer_t *reply)
{
    (void)ocpp;
    (void)payload;
    return evse_reply_status(reply, "Rejected");
}
