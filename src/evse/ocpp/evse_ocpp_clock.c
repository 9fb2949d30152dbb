// SPDX-License-Identifier: MIT
// The clock that the central system sets, by BootNotification and Heartbeat. Goals: one wrong answer moves nothing, a clock
// that is a little off is moved so slowly that no two readings change places, one that is far off is set right at once
// when a second answer says the same. Invariants: times of open transactions never run backwards: after a step back they
// go on with the offset they had, until none is open; a time that cannot be is never taken.
#include "evse_ocpp_private.h"

#define EARLIEST_MS     1704067200000ull // 2024-01-01: before there was this program
#define LATEST_MS       4102444800000ull // 2100-01-01
#define TOLERANCE_MS    1500u            // an answer cut to whole seconds, and the way
#define STEP_MS         10000u           // from here on a step; below, slewing: 2,000 s at most
#define SLEW_EVERY_US   (200u * HF_US_PER_MS) // 1 ms each: 5 ms a second, 0.5 %
#define WAY_MAX_MS      5000u                 // of the way back that is added, at most
#define CONFIRM_AFTER_S 10u                   // a Heartbeat asks again
#define UNKNOWN_RETRY_S 60u

// Field practice: some central systems forget the Z.
static int parse_time(hf_json_t value, uint64_t *utc_ms)
{
    char text[48];
    int status = hf_json_string(value, text, sizeof text - 1u);
    if (status != HF_OK) {
        return status;
    }
    size_t length = strlen(text);
    status = hf_iso8601_parse(text, length, utc_ms);
    if (status == HF_E_FORMAT) {
        text[length] = 'Z';
        status = hf_iso8601_parse(text, length + 1u, utc_ms);
    }
    return status;
}

static bool is_plausible(uint64_t utc_ms)
{
    return utc_ms >= EARLIEST_MS && utc_ms < LATEST_MS;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static bool is_transaction_open(const evse_ocpp_t *ocpp)
{
    for (unsigned i = 0u; i < ocpp->config.connectors; i++) {
        if (ocpp->config.store->open[i] != NULL || evse_session_is_billing(ocpp, i)) {
            return true;
        }
    }
    return false;
}

static void tell_store(evse_ocpp_t *ocpp)
{
    if (!ocpp->clock_told && !ocpp->journal_failed && ocpp->utc_offset_ms != 0u) {
        ocpp->clock_told = evse_store_set_clock(ocpp->config.store, ocpp->utc_offset_ms) == HF_OK;
    }
}

static void step_to(evse_ocpp_t *ocpp, uint64_t offset_ms)
{
    evse_clock_t *clock = &ocpp->uplink.clock;
    bool is_back = offset_ms < ocpp->utc_offset_ms;
    if (is_back && clock->session_ms == 0u && is_transaction_open(ocpp)) {
        clock->session_ms = ocpp->utc_offset_ms;
    }
    if (clock->session_ms != 0u && offset_ms >= clock->session_ms) {
        clock->session_ms = 0u; // forward of where they are
    }
    if (ocpp->utc_offset_ms != 0u) {
        clock->steps++;
        HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "clock stepped %s by %u s",
                is_back ? "back" : "forward",
                (unsigned)(apart(offset_ms, ocpp->utc_offset_ms) / HF_MS_PER_S));
    }
    ocpp->utc_offset_ms = offset_ms;
    clock->target_ms = offset_ms;
    clock->candidate_ms = 0u;
}

// Far off a clock that the central system itself has set: it, or its answer, is wrong. Which, a second one tells.
static void take_far(evse_ocpp_t *ocpp, uint64_t offset_ms)
{
    evse_clock_t *clock = &ocpp->uplink.clock;
    if (clock->candidate_ms != 0u && apart(offset_ms, clock->candidate_ms) < STEP_MS) {
        step_to(ocpp, offset_ms);
        return;
    }
    clock->candidate_ms = offset_ms;
    clock->disagreed++;
    uint64_t soon_us = ocpp->now_us + CONFIRM_AFTER_S * HF_US_PER_S;
    if (soon_us < ocpp->next_heartbeat_us) {
        ocpp->next_heartbeat_us = soon_us;
    }
    HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "central system's clock is %u s off, asked again",
            (unsigned)(apart(offset_ms, ocpp->utc_offset_ms) / HF_MS_PER_S));
}

int evse_clock_take(evse_ocpp_t *ocpp, hf_json_t current_time)
{
    evse_clock_t *clock = &ocpp->uplink.clock;
    uint64_t utc_ms = 0u;
    int status = parse_time(current_time, &utc_ms);
    if (status != HF_OK) {
        return status;
    }
    if (!is_plausible(utc_ms)) {
        clock->refused++;
        HF_LOGW(ocpp->config.log, ocpp->now_us, OCPP, "central system's time cannot be, not taken");
        return HF_OK; // an answer it is
    }
    uint64_t way_ms = (ocpp->now_us - ocpp->rpc.sent_us) / 2u / HF_US_PER_MS;
    way_ms = way_ms < WAY_MAX_MS ? way_ms : WAY_MAX_MS;
    uint64_t offset_ms = utc_ms + way_ms - ocpp->now_us / HF_US_PER_MS;
    uint64_t off_ms = apart(offset_ms, clock->target_ms); // where it is going, or is
    if (ocpp->utc_offset_ms == 0u || (!clock->is_set && off_ms >= STEP_MS)) {
        step_to(ocpp, offset_ms); // nobody, or only the platform, has said anything yet
    } else if (off_ms >= STEP_MS) {
        take_far(ocpp, offset_ms);
        return HF_OK;
    } else {
        if (off_ms > TOLERANCE_MS + way_ms) {
            clock->slewed_us =
                clock->target_ms == ocpp->utc_offset_ms ? ocpp->now_us : clock->slewed_us;
            clock->target_ms = offset_ms;
        }
        clock->candidate_ms = 0u;
    }
    clock->is_set = true;
    tell_store(ocpp);
    return HF_OK;
}

static void slew(evse_ocpp_t *ocpp)
{
    evse_clock_t *clock = &ocpp->uplink.clock;
    uint64_t steps = (ocpp->now_us - clock->slewed_us) / SLEW_EVERY_US;
    uint64_t left_ms = apart(clock->target_ms, ocpp->utc_offset_ms);
    uint64_t by_ms = steps < left_ms ? steps : left_ms;
    clock->slewed_us += steps * SLEW_EVERY_US;
    ocpp->utc_offset_ms = clock->target_ms > ocpp->utc_offset_ms ? ocpp->utc_offset_ms + by_ms
                                                                 : ocpp->utc_offset_ms - by_ms;
}

void evse_clock_step(evse_ocpp_t *ocpp)
{
    evse_clock_t *clock = &ocpp->uplink.clock;
    if (clock->target_ms != ocpp->utc_offset_ms && clock->target_ms != 0u) {
        slew(ocpp);
    }
    if (clock->session_ms != 0u && !is_transaction_open(ocpp)) {
        clock->session_ms = 0u;
    }
}

void evse_clock_init(evse_ocpp_t *ocpp)
{
    uint64_t hint_ms = ocpp->config.utc_hint_ms;
    if (hint_ms != 0u && !is_plausible(hint_ms)) {
        ocpp->uplink.clock.refused++; // a board whose clock begins in 1970 at every start
        hint_ms = 0u;
    }
    ocpp->utc_offset_ms = hint_ms;
    ocpp->uplink.clock.target_ms = hint_ms;
    tell_store(ocpp);
}

uint64_t evse_clock_heartbeat_us(const evse_ocpp_t *ocpp)
{
    uint32_t wait_s = ocpp->heartbeat_interval_s;
    if (ocpp->utc_offset_ms == 0u && wait_s > UNKNOWN_RETRY_S) {
        wait_s = UNKNOWN_RETRY_S; // nothing billed can be sent before there is a time
    }
    if (ocpp->uplink.clock.candidate_ms != 0u && wait_s > CONFIRM_AFTER_S) {
        wait_s = CONFIRM_AFTER_S;
    }
    return ocpp->now_us + wait_s * HF_US_PER_S;
}

evse_moment_t evse_moment(const evse_ocpp_t *ocpp)
{
    uint64_t session_ms = ocpp->uplink.clock.session_ms;
    uint64_t offset_ms = session_ms != 0u ? session_ms : ocpp->utc_offset_ms;
    uint64_t since_boot_ms = ocpp->now_us / HF_US_PER_MS;
    return (evse_moment_t){.boot = ocpp->config.store->boot,
                           .since_boot_ms = since_boot_ms,
                           .utc_ms = offset_ms == 0u ? 0u : offset_ms + since_boot_ms};
}
