// SPDX-License-Identifier: MIT
// Cards of one reader for the whole station: which connector a card is for, and one decision for a card that a reader
// reports again and again while it lies there.
#include "evse_ocpp_private.h"

#define REPEAT_US       (2u * HF_US_PER_S) // a card that was away so long is presented anew
#define CARDS_PER_ROUND 4u

// The session that this card may end: -1 none. `group`: by its group, not as its own.
static int find_session(evse_ocpp_t *ocpp, const char *id_tag, evse_auth_group_t group)
{
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        const evse_session_t *session = &ocpp->session[i];
        bool is_there = session->state != EVSE_SESSION_IDLE || session->cable_held;
        if (is_there && (group == EVSE_GROUP_NO ? evse_tag_is_same(session->id_tag, id_tag)
                                                : evse_auth_same_group(ocpp, i, id_tag) == group)) {
            return (int)i;
        }
    }
    return -1;
}

// How good a connector is to begin on: reserved for the card, else a vehicle waits; 0 not at all.
static unsigned rate(evse_ocpp_t *ocpp, unsigned connector, const char *id_tag)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    if (!evse_session_is_possible(ocpp, connector) ||
        evse_reservation_judge(ocpp, connector, id_tag) == EVSE_AUTH_REFUSE) {
        return 0u;
    }
    bool reserved = evse_reservation_id(ocpp, connector) != EVSE_RESERVATION_NONE;
    bool waits = view->plugged != 0u && view->state != EVSE_STATE_Finishing;
    return reserved ? 4u : waits ? 3u : view->plugged == 0u ? 2u : 1u;
}

// Its own session first, then a session of its group, then a place to begin, then a group that only an Authorize knows of.
static int choose(evse_ocpp_t *ocpp, const char *id_tag)
{
    int found = find_session(ocpp, id_tag, EVSE_GROUP_NO);
    found = found >= 0 ? found : find_session(ocpp, id_tag, EVSE_GROUP_YES);
    if (found >= 0) {
        return found;
    }
    unsigned best = 0u;
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        unsigned rated = rate(ocpp, i, id_tag);
        if (rated > best) {
            best = rated;
            found = (int)i;
        }
    }
    return found >= 0 ? found : find_session(ocpp, id_tag, EVSE_GROUP_ASK);
}

int evse_ocpp_present_card(evse_ocpp_t *ocpp, const char *id_tag, uint64_t now_us)
{
    if (id_tag == NULL || id_tag[0] == '\0') {
        return HF_E_RANGE;
    }
    if (strlen(id_tag) >= EVSE_ID_TAG_BYTES) {
        return HF_E_TOO_LONG;
    }
    bool again = evse_tag_is_same(ocpp->auth.card.id_tag, id_tag) &&
                 now_us - ocpp->auth.card.seen_us < REPEAT_US;
    memcpy(ocpp->auth.card.id_tag, id_tag, strlen(id_tag) + 1u);
    ocpp->auth.card.seen_us = now_us;
    if (again) {
        return HF_E_AGAIN;
    }
    int connector = choose(ocpp, id_tag);
    // Nowhere to go: the first connector's light says so.
    int status =
        evse_ocpp_present_tag(ocpp, connector >= 0 ? (unsigned)connector : 0u, id_tag, now_us);
    HF_LOGI(ocpp->config.log, now_us, SESSION, "card ..%s, connector %d: %s", evse_tag_tail(id_tag),
            connector + 1, hf_status_text(status));
    return status;
}

void evse_reader_step(evse_ocpp_t *ocpp)
{
    const evse_reader_t *reader = &ocpp->config.reader;
    if (reader->ops == NULL) {
        return;
    }
    char id_tag[EVSE_ID_TAG_BYTES];
    int status = 1;
    for (unsigned i = 0u; i < CARDS_PER_ROUND && status == 1; i++) {
        status = reader->ops->poll(reader->ctx, ocpp->now_us, id_tag);
        if (status == 1) {
            (void)!evse_ocpp_present_card(ocpp, id_tag,
                                          ocpp->now_us); // the user sees what came of it
        }
    }
    if ((status < 0) != ocpp->auth.card.is_gone) {
        ocpp->auth.card.is_gone = status < 0;
        HF_LOGW(ocpp->config.log, ocpp->now_us, IO, "card reader %s",
                status < 0 ? hf_status_text(status) : "is back");
    }
}
