// SPDX-License-Identifier: MIT
// One charging profile: what it says at a moment, and for how long. All times are UTC milliseconds, or milliseconds since
// the transaction began. Invariants: a schedule says nothing before its start and after its duration; a recurrence that is
// shorter than its period says nothing for the rest of it, a longer one is cut (errata 3.43); the answer holds for at
// least next_ms.
#include "evse/evse_smart.h"

#define MS_PER_S    1000ull
#define MS_PER_DAY  86400000ull
#define MS_PER_WEEK (7u * MS_PER_DAY)
#define FOREVER     UINT64_MAX

static bool needs_start(const evse_profile_t *profile)
{
    return profile->kind != EVSE_KIND_RELATIVE;
}

static bool are_periods_sound(const evse_profile_t *profile)
{
    if (profile->period_count == 0u || profile->period_count > CONFIG_EVSE_CHARGING_PERIODS_MAX ||
        profile->period[0].start_s != 0u) { // errata 3.45
        return false;
    }
    for (unsigned i = 0u; i < profile->period_count; i++) {
        const evse_period_t *period = &profile->period[i];
        if (period->tenths < 0 || period->tenths > EVSE_RATE_TENTHS_MAX || period->phases > 3u ||
            period->start_s > EVSE_PERIOD_START_MAX_S ||
            (i > 0u && period->start_s <= profile->period[i - 1u].start_s)) {
            return false;
        }
    }
    return true;
}

static bool is_place_sound(const evse_profile_t *profile)
{
    switch (profile->purpose) {
    case EVSE_PURPOSE_STATION: // has no transaction to be relative to
        return profile->connector == 0u && profile->kind != EVSE_KIND_RELATIVE;
    case EVSE_PURPOSE_DEFAULT:
        return true;
    case EVSE_PURPOSE_TX:
        return profile->connector != 0u;
    default:
        return false;
    }
}

bool evse_profile_is_sound(const evse_profile_t *profile)
{
    return is_place_sound(profile) && profile->kind <= EVSE_KIND_WEEKLY &&
           profile->unit <= EVSE_RATE_W && profile->stack_level <= EVSE_STACK_LEVEL_MAX &&
           (profile->start_ms != 0u) == needs_start(profile) && profile->duration_s != 0u &&
           (profile->valid_to_ms == 0u || profile->valid_to_ms > profile->valid_from_ms) &&
           are_periods_sound(profile);
}

static bool needs_clock(const evse_profile_t *profile)
{
    return needs_start(profile) || profile->valid_from_ms != 0u || profile->valid_to_ms != 0u;
}

// Sums may not wrap: times come from outside.
static uint64_t later(uint64_t at_ms, uint64_t by_ms)
{
    return by_ms > FOREVER - at_ms ? FOREVER : at_ms + by_ms;
}

// The least it ever states.
static evse_profile_answer_t unplaced(const evse_profile_t *profile)
{
    const evse_period_t *least = &profile->period[0];
    for (unsigned i = 1u; i < profile->period_count; i++) {
        least = profile->period[i].tenths < least->tenths ? &profile->period[i] : least;
    }
    return (evse_profile_answer_t){.says = EVSE_PROFILE_UNPLACED,
                                   .tenths = least->tenths,
                                   .phases = least->phases,
                                   .next_ms = FOREVER};
}

static evse_profile_answer_t nothing_for(uint64_t ms)
{
    return (evse_profile_answer_t){.says = EVSE_PROFILE_NOTHING, .next_ms = ms};
}

// `elapsed_ms` after the schedule's start, which lasts `length_ms`; a recurrence begins anew after `cycle_ms`.
static evse_profile_answer_t ask_schedule(const evse_profile_t *profile, uint64_t elapsed_ms,
                                          uint64_t length_ms, uint64_t cycle_ms)
{
    if (elapsed_ms >= length_ms) {
        return nothing_for(cycle_ms == FOREVER ? FOREVER : cycle_ms - elapsed_ms);
    }
    unsigned i = 0u;
    while (i + 1u < profile->period_count &&
           elapsed_ms >= profile->period[i + 1u].start_s * MS_PER_S) {
        i++;
    }
    uint64_t end_ms =
        i + 1u < profile->period_count ? profile->period[i + 1u].start_s * MS_PER_S : FOREVER;
    end_ms = end_ms < length_ms ? end_ms : length_ms;
    return (evse_profile_answer_t){.says = EVSE_PROFILE_LIMIT,
                                   .tenths = profile->period[i].tenths,
                                   .phases = profile->period[i].phases,
                                   .next_ms = end_ms == FOREVER ? FOREVER : end_ms - elapsed_ms};
}

static uint64_t cycle_of(const evse_profile_t *profile)
{
    return profile->kind == EVSE_KIND_DAILY    ? MS_PER_DAY
           : profile->kind == EVSE_KIND_WEEKLY ? MS_PER_WEEK
                                               : FOREVER;
}

static uint64_t length_of(const evse_profile_t *profile)
{
    uint64_t cycle_ms = cycle_of(profile);
    uint64_t length_ms =
        profile->duration_s == EVSE_DURATION_NONE ? FOREVER : profile->duration_s * MS_PER_S;
    return length_ms < cycle_ms ? length_ms : cycle_ms;
}

evse_profile_answer_t evse_profile_ask(const evse_profile_t *profile, evse_smart_moment_t moment)
{
    uint64_t utc_ms = moment.utc_ms;
    if (needs_clock(profile) && utc_ms == 0u) {
        return unplaced(profile);
    }
    if (profile->valid_to_ms != 0u && utc_ms >= profile->valid_to_ms) {
        return nothing_for(FOREVER);
    }
    uint64_t begins_ms = profile->valid_from_ms;
    begins_ms =
        needs_start(profile) && profile->start_ms > begins_ms ? profile->start_ms : begins_ms;
    if (utc_ms < begins_ms) {
        return nothing_for(begins_ms - utc_ms);
    }
    uint64_t cycle_ms = cycle_of(profile);
    uint64_t elapsed_ms = needs_start(profile) ? utc_ms - profile->start_ms : moment.charging_ms;
    elapsed_ms = cycle_ms == FOREVER ? elapsed_ms : elapsed_ms % cycle_ms;
    evse_profile_answer_t answer = ask_schedule(profile, elapsed_ms, length_of(profile), cycle_ms);
    if (profile->valid_to_ms != 0u && profile->valid_to_ms - utc_ms < answer.next_ms) {
        answer.next_ms = profile->valid_to_ms - utc_ms;
    }
    return answer;
}

bool evse_profile_is_over(const evse_profile_t *profile, uint64_t utc_ms, uint64_t margin_ms)
{
    if (utc_ms == 0u) {
        return false;
    }
    if (profile->valid_to_ms != 0u && utc_ms >= later(profile->valid_to_ms, margin_ms)) {
        return true;
    }
    return profile->kind == EVSE_KIND_ABSOLUTE && profile->duration_s != EVSE_DURATION_NONE &&
           utc_ms >= later(later(profile->start_ms, length_of(profile)), margin_ms);
}
