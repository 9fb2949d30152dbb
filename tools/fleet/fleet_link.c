// SPDX-License-Identifier: MIT
// The link that watches: which CALL went out, when its answer came. One CALL is outstanding at a time (OCPP-J 4.1.1).
#include "fleet.h"

#include <string.h>

static void watch_state(fleet_link_t *link, evse_link_state_t state)
{
    if (state == link->state) {
        return;
    }
    if (state == EVSE_LINK_OPEN) {
        link->stats->connects++;
    } else if (link->state == EVSE_LINK_OPEN) {
        link->stats->losses++;
        link->stats->unanswered += link->waits;
        link->waits = false;
    }
    link->state = state;
}

// Of '[2,"id","Action",...': the station writes no spaces.
static fleet_action_t action_of(const char *text, size_t length)
{
    const char *end = text + length;
    const char *at = text;
    for (unsigned quotes = 0; quotes < 3u; quotes++) {
        at = memchr(at, '"', (size_t)(end - at));
        if (at == NULL) {
            return FLEET_Other;
        }
        at++;
    }
    for (unsigned i = 0; i < FLEET_Other; i++) {
        size_t name_length = strlen(fleet_action_names[i]);
        if ((size_t)(end - at) > name_length &&
            memcmp(at, fleet_action_names[i], name_length) == 0 && at[name_length] == '"') {
            return (fleet_action_t)i;
        }
    }
    return FLEET_Other;
}

static void link_open(void *ctx, uint64_t now_us)
{
    fleet_link_t *link = ctx;
    if (!link->is_cut) {
        link->inner.ops->open(link->inner.ctx, now_us);
    }
}

static void link_close(void *ctx, uint64_t now_us)
{
    fleet_link_t *link = ctx;
    link->inner.ops->close(link->inner.ctx, now_us);
}

static evse_link_state_t link_poll(void *ctx, uint64_t now_us)
{
    fleet_link_t *link = ctx;
    evse_link_state_t state =
        link->inner.ops->poll(link->inner.ctx, now_us); // also while it is cut: it has to close
    state = link->is_cut ? EVSE_LINK_DOWN : state;
    watch_state(link, state);
    return state;
}

static char *link_room(void *ctx, size_t *capacity)
{
    fleet_link_t *link = ctx;
    char *room = link->inner.ops->room(link->inner.ctx, capacity);
    link->room = room;
    return room;
}

static int link_send(void *ctx, size_t length)
{
    fleet_link_t *link = ctx;
    bool is_call = link->room != NULL && length > 2u && link->room[1] == '2';
    fleet_action_t action = is_call ? action_of(link->room, length) : FLEET_Other;
    int status = link->inner.ops->send(link->inner.ctx, length);
    if (status == HF_OK && is_call) {
        link->stats->sent++;
        link->stats->unanswered += link->waits; // the one before timed out
        link->action = action;
        link->waits = true;
        link->sent_us = link->clock(link->clock_ctx);
    }
    return status;
}

static int link_receive(void *ctx, const char **text, size_t *length)
{
    fleet_link_t *link = ctx;
    int got = link->inner.ops->receive(link->inner.ctx, text, length);
    char type = got == 1 && *length > 1u ? (*text)[1] : ' ';
    if (type == '2') {
        link->stats->calls++;
    } else if ((type == '3' || type == '4') && link->waits) {
        link->waits = false;
        link->stats->answers++;
        link->stats->errors += type == '4';
        fleet_latency_add(&link->stats->latency[link->action],
                          link->clock(link->clock_ctx) - link->sent_us);
    }
    return got;
}

static int link_last_error(void *ctx)
{
    const fleet_link_t *link = ctx;
    return link->inner.ops->last_error(link->inner.ctx);
}

const evse_link_ops_t fleet_link_ops = {
    .open = link_open,
    .close = link_close,
    .poll = link_poll,
    .room = link_room,
    .send = link_send,
    .receive = link_receive,
    .last_error = link_last_error,
};
