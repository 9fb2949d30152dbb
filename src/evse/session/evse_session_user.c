// SPDX-License-Identifier: MIT
// What a person at the charger does: a card, the start button, a stop. Invariants: whoever presents something gets an
// answer, by the return value and by a light, at once or when the central system has said what it thinks (or has not in
// time); a session ends by its own card or one of the same group, by no other.
#include "evse_session_private.h"

void evse_session_signal(evse_ocpp_t *ocpp, unsigned connector, bool accepted)
{
    uint32_t last = ocpp->signal[connector];
    ocpp->signal[connector] = (accepted ? (last + 1u) | 1u : (last + 2u) & ~UINT32_C(1));
}

// A session that a card may end, or a cable that one may free.
static bool is_ended_by_card(const evse_session_t *session)
{
    return session->state == EVSE_SESSION_AUTHORIZED || session->state == EVSE_SESSION_STARTING ||
           session->state == EVSE_SESSION_RUNNING ||
           (session->state == EVSE_SESSION_IDLE && session->cable_held);
}

static void end_by_card(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag)
{
    evse_session_t *session = &ocpp->session[connector];
    session->cable_held = false;
    if (session->state == EVSE_SESSION_IDLE) {
        HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION, "connector %u: cable freed by tag ..%s",
                connector + 1u, evse_tag_tail(id_tag));
        return;
    }
    hf_builder_t out;
    hf_builder_init(&out, session->stop_id_tag, sizeof session->stop_id_tag);
    hf_builder_text(&out, id_tag);
    evse_session_stop(ocpp, connector, EVSE_STOP_Local);
}

// Another card than the one that began. HF_E_AGAIN: the central system is asked.
static int try_group(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag)
{
    evse_session_t *session = &ocpp->session[connector];
    switch (evse_auth_same_group(ocpp, connector, id_tag)) {
    case EVSE_GROUP_YES:
        end_by_card(ocpp, connector, id_tag);
        return HF_OK;
    case EVSE_GROUP_ASK:
        if (session->asked_id_tag[0] != '\0') {
            return HF_E_STATE; // one after the other
        }
        memcpy(session->asked_id_tag, id_tag, strlen(id_tag) + 1u);
        session->ask_sent = false;
        return HF_E_AGAIN;
    case EVSE_GROUP_NO:
    default:
        return HF_E_STATE;
    }
}

void evse_session_asked(evse_ocpp_t *ocpp, unsigned connector, bool same_group)
{
    evse_session_t *session = &ocpp->session[connector];
    if (session->asked_id_tag[0] == '\0') {
        return;
    }
    bool good = same_group && is_ended_by_card(session);
    if (good) {
        end_by_card(ocpp, connector, session->asked_id_tag);
    }
    session->asked_id_tag[0] = '\0';
    evse_session_signal(ocpp, connector, good);
}

evse_auth_verdict_t evse_session_judge(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag,
                                       evse_auth_verdict_t verdict)
{
    if (verdict == EVSE_AUTH_REFUSE || !evse_session_is_possible(ocpp, connector)) {
        return EVSE_AUTH_REFUSE;
    }
    evse_auth_verdict_t reserved = evse_reservation_judge(ocpp, connector, id_tag);
    return reserved == EVSE_AUTH_ACCEPT ? verdict : reserved;
}

static int try_begin(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag)
{
    evse_auth_verdict_t verdict =
        evse_session_judge(ocpp, connector, id_tag, evse_auth_judge(ocpp, id_tag));
    if (verdict == EVSE_AUTH_REFUSE) {
        return HF_E_STATE;
    }
    evse_session_open(ocpp, connector, id_tag, verdict == EVSE_AUTH_ASK);
    return verdict == EVSE_AUTH_ASK ? HF_E_AGAIN : HF_OK;
}

static int take_card(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag)
{
    evse_session_t *session = &ocpp->session[connector];
    if (!is_ended_by_card(session)) {
        return try_begin(ocpp, connector, id_tag);
    }
    if (evse_tag_is_same(session->id_tag, id_tag)) {
        end_by_card(ocpp, connector, id_tag);
        return HF_OK;
    }
    return try_group(ocpp, connector, id_tag);
}

int evse_ocpp_present_tag(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag,
                          uint64_t now_us)
{
    ocpp->now_us = now_us;
    if (connector >= ocpp->config.connectors || id_tag == NULL || id_tag[0] == '\0') {
        return HF_E_RANGE;
    }
    if (strlen(id_tag) >= EVSE_ID_TAG_BYTES) {
        return HF_E_TOO_LONG;
    }
    evse_stir(ocpp);
    int status = take_card(ocpp, connector, id_tag);
    if (status == HF_E_AGAIN) { // the light waits for the central system
        return HF_OK;
    }
    evse_session_signal(ocpp, connector, status == HF_OK);
    return status;
}

int evse_ocpp_stop(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason,
                   uint64_t now_us)
{
    ocpp->now_us = now_us;
    if (connector >= ocpp->config.connectors || reason == EVSE_STOP_None ||
        reason >= EVSE_STOP_REASON_COUNT) {
        return HF_E_RANGE;
    }
    evse_session_state_t state = ocpp->session[connector].state;
    if (state == EVSE_SESSION_IDLE || state == EVSE_SESSION_STOPPING) {
        return HF_E_STATE;
    }
    evse_stir(ocpp);
    evse_session_stop(ocpp, connector, reason);
    return HF_OK;
}

// The start button only starts: its own tag presented during a session would end that.
void evse_session_press_start(evse_ocpp_t *ocpp, unsigned connector)
{
    const char *id_tag = evse_key_text(ocpp, EVSE_KEY_OF_LocalStartTag);
    int status = HF_E_STATE;
    if (id_tag[0] != '\0' && ocpp->session[connector].state == EVSE_SESSION_IDLE) {
        status = evse_ocpp_present_tag(ocpp, connector, id_tag, ocpp->now_us);
    }
    HF_LOGI(ocpp->config.log, ocpp->now_us, SESSION, "connector %u: start button: %s",
            connector + 1u, id_tag[0] != '\0' ? hf_status_text(status) : "no LocalStartTag");
}
