// SPDX-License-Identifier: MIT
// Profiles together: stacking within a purpose, and purposes over each other. Invariant: a profile that cannot be read
// binds with nothing at all: it was a limit, and its loss must not become a permission.
#include "evse/evse_smart.h"

#define NO_RANK (2u * (EVSE_STACK_LEVEL_MAX + 1u))

static const evse_smart_rate_t unlimited = {
    .limit = {EVSE_LIMIT_NONE, EVSE_LIMIT_NONE}, .phases = 0u, .next_ms = UINT64_MAX};

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

evse_smart_limit_t evse_smart_least(evse_smart_limit_t a, evse_smart_limit_t b)
{
    return (evse_smart_limit_t){.mA = least(a.mA, b.mA), .dW = least(a.dW, b.dW)};
}

// "123" or "123.4" in tenths.
static int parse_tenths(hf_slice_t text, int64_t *tenths)
{
    hf_slice_t whole = text;
    int64_t fraction = 0;
    if (text.length > 2u && text.text[text.length - 2u] == '.') {
        whole.length -= 2u;
        fraction = text.text[text.length - 1u] - '0';
    }
    int status = hf_slice_to_i64(whole, tenths);
    if (status != HF_OK || fraction < 0 || fraction > 9 || whole.text[0] == '-') {
        return status == HF_E_RANGE ? status : HF_E_FORMAT;
    }
    if (*tenths > EVSE_RATE_TENTHS_MAX / 10) {
        return HF_E_RANGE;
    }
    *tenths = *tenths * 10 + fraction;
    return HF_OK;
}

int evse_smart_limit_parse(hf_slice_t text, evse_smart_limit_t *limit)
{
    *limit = unlimited.limit;
    if (text.length == 0u) {
        return HF_OK;
    }
    char unit = text.text[text.length - 1u];
    int64_t tenths = 0;
    text.length--;
    if ((unit != 'A' && unit != 'W') || text.length == 0u) {
        return HF_E_FORMAT;
    }
    int status = parse_tenths(text, &tenths);
    if (status == HF_OK && unit == 'A') {
        limit->mA = (int32_t)tenths * 100;
    } else if (status == HF_OK) {
        limit->dW = (int32_t)tenths;
    }
    return status;
}

// ---- stacking -----------------------------------------------------------------------------------

typedef enum standing {
    STANDS_NOT,
    STANDS_PERHAPS, // something binds, and what is below may bind besides
    STANDS,
} standing_t;

static void bind(evse_smart_rate_t *rate, const evse_profile_t *profile,
                 const evse_profile_answer_t *answer)
{
    int32_t *limit = profile->unit == EVSE_RATE_A ? &rate->limit.mA : &rate->limit.dW;
    int32_t value = profile->unit == EVSE_RATE_A ? answer->tenths * 100 : answer->tenths;
    if (value < *limit) {
        *limit = value;
        rate->phases = answer->phases;
    }
}

// The place of a profile in the stack of a connector, higher prevails; NO_RANK: not in it.
static unsigned rank_of(const evse_profile_slot_t *slot, evse_purpose_t purpose, unsigned connector)
{
    if (slot->purpose != purpose) {
        return NO_RANK; // the most of them, most of the time
    }
    bool own = slot->connector == connector;
    if (!own && (purpose != EVSE_PURPOSE_DEFAULT || slot->connector != 0u)) {
        return NO_RANK;
    }
    return 2u * slot->stack_level + (own ? 1u : 0u);
}

// The next one below `rank`; its own rank is left there. -1 none.
static int next_below(const evse_profiles_t *profiles, evse_purpose_t purpose, unsigned connector,
                      unsigned *rank)
{
    int found = -1;
    unsigned best = 0u;
    for (unsigned i = 0u; i < CONFIG_EVSE_CHARGING_PROFILES_MAX; i++) {
        unsigned each = rank_of(&profiles->slot[i], purpose, connector);
        if (each < *rank && (found < 0 || each > best)) {
            found = (int)i;
            best = each;
        }
    }
    *rank = best;
    return found;
}

// Binds what the highest valid profile of a purpose says into `rate`.
static standing_t ask_stack(const evse_profiles_t *profiles, evse_purpose_t purpose,
                            unsigned connector, evse_smart_moment_t moment, evse_smart_rate_t *rate)
{
    evse_profile_t profile;
    standing_t standing = STANDS_NOT;
    unsigned rank = NO_RANK;
    int slot;
    while ((slot = next_below(profiles, purpose, connector, &rank)) >= 0) {
        if (profiles->load(profiles->ctx, (unsigned)slot, &profile) != HF_OK) {
            rate->limit = (evse_smart_limit_t){0, 0};
            return STANDS;
        }
        evse_profile_answer_t answer = evse_profile_ask(&profile, moment);
        rate->next_ms = answer.next_ms < rate->next_ms ? answer.next_ms : rate->next_ms;
        if (answer.says != EVSE_PROFILE_NOTHING) {
            bind(rate, &profile, &answer);
            standing = STANDS_PERHAPS;
        }
        if (answer.says == EVSE_PROFILE_LIMIT) {
            return STANDS;
        }
    }
    return standing;
}

evse_smart_rate_t evse_profiles_of_connector(const evse_profiles_t *profiles, unsigned connector,
                                             evse_smart_moment_t moment)
{
    evse_smart_rate_t rate = unlimited;
    if (ask_stack(profiles, EVSE_PURPOSE_TX, connector, moment, &rate) != STANDS) {
        (void)ask_stack(profiles, EVSE_PURPOSE_DEFAULT, connector, moment, &rate);
    }
    return rate;
}

evse_smart_rate_t evse_profiles_of_station(const evse_profiles_t *profiles,
                                           evse_smart_moment_t moment)
{
    evse_smart_rate_t rate = unlimited;
    (void)ask_stack(profiles, EVSE_PURPOSE_STATION, 0u, moment, &rate);
    return rate;
}
