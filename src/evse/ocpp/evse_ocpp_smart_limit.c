// SPDX-License-Identifier: MIT
// The limits in force. Goals: what profiles, the site and a missing central system permit is in the orders of the very
// round in which it changes, and nothing is reckoned before. Assumptions: control obeys an order in its next tick, a module
// has come down SETTLE_US later, and the snapshot then shows it. Invariants: the sum over the connectors, counting what
// still flows, never exceeds the station's limit by an act of ours; a grant shrinks at once and grows only into room that
// is seen to be free; the other way round, a limit of the station that falls is exceeded until the modules have followed.
#include "evse_ocpp_smart.h"

#include "evse/evse_timing.h"

#define SETTLE_US       ((EVSE_SETPOINT_SETTLE_MS + 500u) * HF_US_PER_MS)
#define LOOK_AGAIN_MS   100u // for a connector that has to come down
#define CLOCK_STEP_MS   200u // a smaller one moves no schedule worth telling
#define SWEEP_PERIOD_MS 3600000u
#define SWEEP_MARGIN_MS 86400000u // a clock that is set wrong for a while buries nothing

void evse_smart_wake(evse_ocpp_t *ocpp)
{
    ocpp->smart.next_us = 0u;
}

// ---- what a connector and the station may take --------------------------------------------------

int32_t evse_smart_rated_mV(const evse_ocpp_t *ocpp, unsigned connector)
{
    int32_t rated_mV = ocpp->config.modules[connector].rated_mV;
    return rated_mV > 0 ? rated_mV : EVSE_TERMINAL_MAX_MV;
}

evse_smart_limit_t evse_smart_rating(const evse_ocpp_t *ocpp, unsigned connector)
{
    int32_t rated_mA = ocpp->config.modules[connector].rated_mA;
    int32_t mA = rated_mA > 0 ? rated_mA : EVSE_TERMINAL_MAX_MA;
    int64_t dW = (int64_t)mA * evse_smart_rated_mV(ocpp, connector) / 100000;
    return (evse_smart_limit_t){.mA = mA, .dW = dW < EVSE_LIMIT_NONE ? (int32_t)dW : INT32_MAX - 1};
}

evse_smart_moment_t evse_smart_moment(const evse_ocpp_t *ocpp, unsigned connector)
{
    evse_smart_moment_t moment = {.utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us)};
    if (connector < CONFIG_EVSE_CONNECTORS_MAX && evse_session_is_billing(ocpp, connector)) {
        moment.charging_ms = (ocpp->now_us - ocpp->session[connector].started_us) / HF_US_PER_MS;
    }
    return moment;
}

evse_smart_limit_t evse_smart_key_limit(const evse_ocpp_t *ocpp, evse_key_t key)
{
    evse_smart_limit_t limit;
    const char *text = evse_key_text(ocpp, key);
    (void)!evse_smart_limit_parse((hf_slice_t){text, strlen(text)}, &limit);
    return limit;
}

static void note_next(uint64_t *next_ms, uint64_t ms)
{
    *next_ms = ms < *next_ms ? ms : *next_ms;
}

// What binds all connectors together. Of a central system that is gone only the station knows: OfflineLimit.
static evse_smart_limit_t total_limit(evse_ocpp_t *ocpp, uint64_t *next_ms)
{
    const evse_smart_t *smart = &ocpp->smart;
    evse_smart_rate_t station = evse_profiles_of_station(
        &smart->profiles, evse_smart_moment(ocpp, CONFIG_EVSE_CONNECTORS_MAX));
    note_next(next_ms, station.next_ms);
    evse_smart_limit_t total =
        evse_smart_least(station.limit, evse_smart_key_limit(ocpp, EVSE_KEY_OF_SiteLimit));
    uint64_t due_us = smart->away_us + evse_seconds_us(EVSE_NUMBER(ocpp, OfflineLimitDelay));
    if (!smart->online && ocpp->now_us >= due_us) {
        total = evse_smart_least(total, evse_smart_key_limit(ocpp, EVSE_KEY_OF_OfflineLimit));
    } else if (!smart->online) {
        note_next(next_ms, (due_us - ocpp->now_us) / HF_US_PER_MS + 1u);
    }
    return total;
}

// ---- sharing ------------------------------------------------------------------------------------

static bool may_draw(const evse_ocpp_t *ocpp, unsigned connector)
{
    return ocpp->session[connector].state == EVSE_SESSION_RUNNING;
}

// Control shows a setpoint within what is granted, or no power at all.
static bool has_come_down(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_connector_view_t *view = evse_view(ocpp, connector);
    const evse_smart_limit_t *granted = &ocpp->smart.grant[connector].granted;
    if (view == NULL) {
        return false;
    }
    if (view->phase == EVSE_POWER_OFF && view->contactor_closed == 0u) {
        return true;
    }
    int32_t mV = view->meter_fresh != 0u ? view->mV : view->offered_mV;
    return view->offered_mA <= granted->mA &&
           (int64_t)view->offered_mA * mV <= (int64_t)granted->dW * 100000;
}

static void release(evse_ocpp_t *ocpp, unsigned connector, uint64_t *next_ms)
{
    evse_smart_grant_t *grant = &ocpp->smart.grant[connector];
    if (grant->held.mA <= grant->granted.mA && grant->held.dW <= grant->granted.dW) {
        return;
    }
    if (ocpp->now_us - grant->shrunk_us < SETTLE_US) {
        note_next(next_ms, (grant->shrunk_us + SETTLE_US - ocpp->now_us) / HF_US_PER_MS + 1u);
    } else if (has_come_down(ocpp, connector)) {
        grant->held = grant->granted;
    } else {
        note_next(next_ms, LOOK_AGAIN_MS);
    }
}

static int32_t *member(evse_smart_limit_t *limit, bool power)
{
    return power ? &limit->dW : &limit->mA;
}

static void divide(evse_ocpp_t *ocpp, evse_smart_limit_t want[], evse_smart_limit_t total,
                   bool power)
{
    evse_share_t share[CONFIG_EVSE_CONNECTORS_MAX];
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        evse_smart_grant_t *grant = &ocpp->smart.grant[i];
        share[i] = (evse_share_t){.want = *member(&want[i], power),
                                  .granted = *member(&grant->granted, power),
                                  .held = *member(&grant->held, power)};
    }
    evse_share_divide(share, ocpp->config.connectors, *member(&total, power));
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        evse_smart_grant_t *grant = &ocpp->smart.grant[i];
        if (share[i].granted < *member(&grant->granted, power)) {
            grant->shrunk_us = ocpp->now_us;
        }
        *member(&grant->granted, power) = share[i].granted;
        *member(&grant->held, power) = share[i].held;
    }
}

static void reckon(evse_ocpp_t *ocpp)
{
    evse_smart_t *smart = &ocpp->smart;
    evse_smart_limit_t want[CONFIG_EVSE_CONNECTORS_MAX];
    uint64_t next_ms = SWEEP_PERIOD_MS;
    evse_smart_limit_t total = total_limit(ocpp, &next_ms);
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        evse_smart_rate_t rate =
            evse_profiles_of_connector(&smart->profiles, i + 1u, evse_smart_moment(ocpp, i));
        note_next(&next_ms, rate.next_ms);
        release(ocpp, i, &next_ms);
        want[i] = may_draw(ocpp, i) ? evse_smart_least(rate.limit, evse_smart_rating(ocpp, i))
                                    : (evse_smart_limit_t){0, 0};
        smart->grant[i].limited_mA =
            rate.limit.mA != EVSE_LIMIT_NONE || total.mA != EVSE_LIMIT_NONE;
        smart->grant[i].limited_dW =
            rate.limit.dW != EVSE_LIMIT_NONE || total.dW != EVSE_LIMIT_NONE;
    }
    divide(ocpp, want, total, false);
    divide(ocpp, want, total, true);
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        release(ocpp, i, &next_ms); // what has just shrunk has its time to be looked at
    }
    smart->next_us = (ocpp->now_us / HF_US_PER_MS + next_ms) * HF_US_PER_MS;
}

// ---- the step -----------------------------------------------------------------------------------

// A profile that has ended for good makes room. Not at once: a clock may have been set wrong.
static void sweep(evse_ocpp_t *ocpp)
{
    evse_smart_t *smart = &ocpp->smart;
    uint64_t utc_ms = evse_ocpp_utc_ms(ocpp, ocpp->now_us);
    evse_profile_t profile;
    if (!evse_is_due(ocpp->now_us, smart->next_sweep_us) || utc_ms == 0u) {
        return;
    }
    smart->next_sweep_us = ocpp->now_us + SWEEP_PERIOD_MS * HF_US_PER_MS;
    for (unsigned i = 0u; i < CONFIG_EVSE_CHARGING_PROFILES_MAX; i++) {
        if (smart->profiles.slot[i].purpose != EVSE_PURPOSE_NONE &&
            smart->profiles.load(smart->profiles.ctx, i, &profile) == HF_OK &&
            evse_profile_is_over(&profile, utc_ms, SWEEP_MARGIN_MS)) {
            (void)!evse_smart_remove(ocpp, i);
        }
    }
}

// A clock that goes forward brings everything nearer. One that goes back a little changes nothing that has begun; a step
// back may.
static void follow_clock(evse_ocpp_t *ocpp)
{
    evse_smart_t *smart = &ocpp->smart;
    uint64_t was = smart->utc_offset_ms, is = ocpp->utc_offset_ms;
    if (is > was) {
        uint64_t by_us =
            was == 0u || is - was > SWEEP_MARGIN_MS ? smart->next_us : (is - was) * HF_US_PER_MS;
        smart->next_us -= by_us < smart->next_us ? by_us : smart->next_us;
        smart->utc_offset_ms = is;
    } else if (was - is > CLOCK_STEP_MS) {
        evse_smart_wake(ocpp);
    }
}

static void note_online(evse_ocpp_t *ocpp, bool online)
{
    ocpp->smart.online = online;
    ocpp->smart.away_us = ocpp->now_us;
    evse_smart_wake(ocpp);
}

static uint32_t session_of(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_session_t *session = &ocpp->session[connector];
    return session->state == EVSE_SESSION_IDLE ? 0u : session->id;
}

// Another session, or none: what was meant for the last one is over.
static void note_session(evse_ocpp_t *ocpp, unsigned connector)
{
    evse_smart_grant_t *grant = &ocpp->smart.grant[connector];
    if (grant->session != session_of(ocpp, connector)) {
        evse_smart_bury(ocpp, connector);
    }
    grant->session = session_of(ocpp, connector);
    grant->state = (uint8_t)ocpp->session[connector].state;
    evse_smart_wake(ocpp);
}

void evse_smart_step(evse_ocpp_t *ocpp)
{
    bool online = evse_ocpp_is_online(ocpp);
    if (online != ocpp->smart.online) {
        note_online(ocpp, online);
    }
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        const evse_smart_grant_t *grant = &ocpp->smart.grant[i];
        if (grant->state != (uint8_t)ocpp->session[i].state ||
            grant->session != session_of(ocpp, i)) {
            note_session(ocpp, i);
        }
    }
    if (ocpp->utc_offset_ms != ocpp->smart.utc_offset_ms) {
        follow_clock(ocpp);
    }
    if (!evse_is_due(ocpp->now_us, ocpp->smart.next_us)) {
        return;
    }
    ocpp->smart.utc_offset_ms = ocpp->utc_offset_ms;
    sweep(ocpp);
    reckon(ocpp);
}

int32_t evse_smart_limit_mA(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_smart_grant_t *grant = &ocpp->smart.grant[connector];
    if (grant->state != EVSE_SESSION_RUNNING) { // nothing to limit
        return INT32_MAX;
    }
    if (grant->limited_dW && grant->granted.dW < 10) { // less than the watt an order can say
        return 0;
    }
    return grant->limited_mA ? grant->granted.mA : INT32_MAX;
}

uint32_t evse_smart_limit_W(const evse_ocpp_t *ocpp, unsigned connector)
{
    const evse_smart_grant_t *grant = &ocpp->smart.grant[connector];
    return grant->limited_dW && grant->state == EVSE_SESSION_RUNNING
               ? (uint32_t)grant->granted.dW / 10u
               : 0u;
}
