// SPDX-License-Identifier: MIT
// The connection to the central system: when it is opened, and when not. Goals: back as soon as there is a way, a fleet
// that does not come back in step, a central system that is gone for hours not hammered. Invariants: no opening while the
// network is known to be down; one opening at a time; a waiting transaction message is never held up by the breaker.
#include "evse_ocpp_private.h"

#define NET_EVERY_US (100u * HF_US_PER_MS)

const hf_breaker_limit_t evse_breaker_limits[EVSE_BREAKER_COUNT] = {
#define LIMIT(name, operation, failures, cool_ms, longest_ms, follows)                             \
    {.threshold = (failures), .cool_down_ms = (cool_ms), .cap_ms = (longest_ms)},
    EVSE_BREAKER_TABLE(LIMIT)
#undef LIMIT
};

const char *evse_breaker_text(unsigned breaker)
{
    static const char *const texts[EVSE_BREAKER_COUNT] = {
#define TEXT(name, operation, failures, cool_ms, longest_ms, follows) operation,
        EVSE_BREAKER_TABLE(TEXT)
#undef TEXT
    };
    return breaker < EVSE_BREAKER_COUNT ? texts[breaker] : "unknown";
}

const char *evse_breaker_follows_text(unsigned breaker)
{
    static const char *const texts[EVSE_BREAKER_COUNT] = {
#define TEXT(name, operation, failures, cool_ms, longest_ms, follows) follows,
        EVSE_BREAKER_TABLE(TEXT)
#undef TEXT
    };
    return breaker < EVSE_BREAKER_COUNT ? texts[breaker] : "unknown";
}

int evse_link_init(evse_ocpp_t *ocpp)
{
    ocpp->uplink = (evse_uplink_t){.ping_s = UINT32_MAX, .net = HF_NET_DOWN};
    int status = HF_OK;
    for (unsigned i = 0u; i < EVSE_BREAKER_UPLINK && status == HF_OK; i++) {
        status = hf_breaker_init(&ocpp->uplink.breaker[i], &evse_breaker_limits[i]);
    }
    if (status != HF_OK) {
        return status;
    }
    return hf_backoff_init(&ocpp->backoff, EVSE_RECONNECT_MIN_S * HF_MS_PER_S,
                           EVSE_RECONNECT_MAX_S * HF_MS_PER_S, EVSE_RECONNECT_JITTER_PERCENT * 10u,
                           ocpp->config.seed);
}

void evse_link_proven(evse_ocpp_t *ocpp)
{
    hf_backoff_reset(&ocpp->backoff);
    hf_breaker_success(&ocpp->uplink.breaker[EVSE_BREAKER_CONNECT]);
    ocpp->uplink.is_answered = true;
}

// ---- the network --------------------------------------------------------------------------------

static uint32_t wait_min_ms(const evse_ocpp_t *ocpp)
{
    return (uint32_t)EVSE_NUMBER(ocpp, ReconnectWaitMinimum) * HF_MS_PER_S;
}

// Back: what the waits have grown to says nothing about the network that is there now. But a network that comes and goes
// does not make us open more often than the shortest wait.
static void net_returned(evse_ocpp_t *ocpp)
{
    uint64_t earliest_us = ocpp->uplink.tried_us + wait_min_ms(ocpp) * HF_US_PER_MS;
    bool is_first = ocpp->uplink.tried_us == 0u;
    hf_backoff_reset(&ocpp->backoff);
    hf_breaker_success(&ocpp->uplink.breaker[EVSE_BREAKER_CONNECT]);
    ocpp->next_open_us = is_first || earliest_us < ocpp->now_us ? ocpp->now_us : earliest_us;
}

// True while there is, or may be, a way out.
static bool step_net(evse_ocpp_t *ocpp)
{
    evse_uplink_t *uplink = &ocpp->uplink;
    if (ocpp->config.net == NULL) {
        return true;
    }
    if (evse_is_due(ocpp->now_us, uplink->next_net_us)) {
        hf_net_state_t was = (hf_net_state_t)uplink->net;
        bool is_first = uplink->next_net_us == 0u;
        uplink->next_net_us = ocpp->now_us + NET_EVERY_US;
        uplink->net = (uint8_t)hf_net_poll(ocpp->config.net, ocpp->now_us);
        bool is_back = !hf_net_is_usable(was) && hf_net_is_usable((hf_net_state_t)uplink->net);
        if (is_back) {
            net_returned(ocpp);
        }
        if (is_first || was != (hf_net_state_t)uplink->net) {
            HF_LOGI(ocpp->config.log, ocpp->now_us, NET, "network: %s",
                    hf_net_state_text(uplink->net));
        }
    }
    return hf_net_is_usable((hf_net_state_t)uplink->net);
}

// ---- the connection -----------------------------------------------------------------------------

static void set_waits(evse_ocpp_t *ocpp)
{
    uint32_t min_ms = wait_min_ms(ocpp);
    uint32_t max_ms = (uint32_t)EVSE_NUMBER(ocpp, ReconnectWaitMaximum) * HF_MS_PER_S;
    uint32_t jitter_permille = (uint32_t)EVSE_NUMBER(ocpp, ReconnectJitter) * 10u;
    hf_backoff_set(&ocpp->backoff, min_ms, max_ms > min_ms ? max_ms : min_ms, jitter_permille);
}

static void link_lost(evse_ocpp_t *ocpp, bool has_net)
{
    const evse_link_t *link = &ocpp->config.link;
    const char *what = ocpp->link_state == EVSE_LINK_OPEN ? "lost" : "not reached";
    evse_rpc_reset(&ocpp->rpc, ocpp->now_us);
    ocpp->unlock.waiting = false; // its id means nothing in another connection
    ocpp->unlock.owed = 0u;
    if (!has_net) {
        HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "central system %s: no network", what);
        return; // no try of ours failed; its return says when to open
    }
    if (!ocpp->uplink.is_answered) {
        hf_breaker_failure(&ocpp->uplink.breaker[EVSE_BREAKER_CONNECT], ocpp->now_us);
    }
    set_waits(ocpp);
    uint32_t wait_ms = hf_backoff_next_ms(&ocpp->backoff);
    ocpp->next_open_us = ocpp->now_us + wait_ms * HF_US_PER_MS;
    HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "central system %s (%s), next try in %u ms", what,
            hf_status_text(link->ops->last_error(link->ctx)), (unsigned)wait_ms);
}

// Transaction messages are exempt: with one of them waiting only the reconnect's own waits count.
static bool may_open(evse_ocpp_t *ocpp)
{
    hf_breaker_t *breaker = &ocpp->uplink.breaker[EVSE_BREAKER_CONNECT];
    if (!evse_is_due(ocpp->now_us, ocpp->next_open_us)) {
        return false;
    }
    if (evse_store_waiting(ocpp->config.store) > 0u || breaker->state == HF_BREAKER_CLOSED) {
        return true;
    }
    return hf_breaker_wait_ms(breaker, ocpp->now_us) == 0u &&
           hf_breaker_allow(breaker, ocpp->now_us);
}

static void tell_ping_interval(evse_ocpp_t *ocpp)
{
    const evse_link_t *link = &ocpp->config.link;
    uint32_t seconds = (uint32_t)EVSE_NUMBER(ocpp, WebSocketPingInterval);
    if (seconds != ocpp->uplink.ping_s) {
        ocpp->uplink.ping_s = seconds;
        if (link->ops->set_ping != NULL) {
            link->ops->set_ping(link->ctx, seconds * HF_MS_PER_S);
        }
    }
}

void evse_link_step(evse_ocpp_t *ocpp)
{
    const evse_link_t *link = &ocpp->config.link;
    tell_ping_interval(ocpp);
    bool has_net = step_net(ocpp);
    if (!has_net && ocpp->link_state != EVSE_LINK_DOWN) {
        link->ops->close(link->ctx, ocpp->now_us); // nobody would hear of us before the dead time
    }
    evse_link_state_t state = link->ops->poll(link->ctx, ocpp->now_us);
    if (state != ocpp->link_state) {
        if (state == EVSE_LINK_OPEN) {
            HF_LOGI(ocpp->config.log, ocpp->now_us, OCPP, "connected to central system");
            evse_status_renew(ocpp);
        } else if (state == EVSE_LINK_DOWN) {
            link_lost(ocpp, has_net);
        }
        ocpp->link_state = state;
    }
    if (state == EVSE_LINK_DOWN && has_net && may_open(ocpp)) {
        ocpp->uplink.tried_us = ocpp->now_us;
        ocpp->uplink.is_answered = false;
        link->ops->open(link->ctx, ocpp->now_us);
        ocpp->link_state = EVSE_LINK_OPENING;
    }
}
