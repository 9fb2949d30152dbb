// SPDX-License-Identifier: MIT
// Charging profiles against a second statement of the rules, slow and obvious: random profiles at random moments; what is
// claimed to hold until next_ms is looked at in between. And sharing: random wishes over connectors that come down late,
// where the sum of what flows never exceeds the limit.
#include "evse/evse_smart.h"
#include "hf_test.h"

#define WORLDS   4000
#define MOMENTS  12
#define BETWEEN  4
#define EPOCH_MS 1795392000000ull // a Monday
#define DAY_MS   86400000ull
#define PROFILES 6

static uint64_t state;

static uint32_t next(void) // xorshift
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

static uint32_t below(uint32_t bound)
{
    return next() % bound;
}

// ---- random profiles, kept as bytes -------------------------------------------------------------

static uint8_t bytes[CONFIG_EVSE_CHARGING_PROFILES_MAX][EVSE_PROFILE_ENCODED_MAX];
static size_t lengths[CONFIG_EVSE_CHARGING_PROFILES_MAX];
static evse_profile_t sent[PROFILES];
static evse_profiles_t profiles;

static int load(void *ctx, unsigned slot, evse_profile_t *profile)
{
    (void)ctx;
    return evse_profile_decode(bytes[slot], lengths[slot], profile);
}

static uint32_t some_seconds(void)
{
    static const uint32_t scale[] = {10, 600, 90000, 1000000};
    return 1u + below(scale[below(4)]);
}

static uint64_t some_time(void)
{
    return EPOCH_MS + below(20u * 86400u) * 1000ull + (below(4) == 0 ? below(1000) : 0);
}

static evse_profile_t some_profile(int id)
{
    evse_profile_t profile = {.id = id,
                              .purpose = (uint8_t)(1u + below(3)),
                              .kind = (uint8_t)below(4),
                              .unit = (uint8_t)below(2),
                              .stack_level = (uint8_t)below(4),
                              .period_count = (uint8_t)(1u + below(4)),
                              .duration_s = below(2) == 0 ? EVSE_DURATION_NONE : some_seconds()};
    profile.connector = profile.purpose == EVSE_PURPOSE_STATION ? 0
                        : profile.purpose == EVSE_PURPOSE_TX    ? (uint8_t)(1u + below(2))
                                                                : (uint8_t)below(3);
    if (profile.purpose == EVSE_PURPOSE_STATION && profile.kind == EVSE_KIND_RELATIVE) {
        profile.kind = EVSE_KIND_DAILY;
    }
    profile.start_ms = profile.kind == EVSE_KIND_RELATIVE ? 0 : some_time();
    profile.valid_from_ms = below(3) == 0 ? some_time() : 0;
    if (below(3) == 0) {
        uint64_t from_ms = profile.valid_from_ms != 0 ? profile.valid_from_ms : some_time();
        profile.valid_to_ms = from_ms + some_seconds() * 1000ull;
    }
    for (unsigned i = 0; i < profile.period_count; i++) {
        uint32_t before_s = i == 0 ? 0 : profile.period[i - 1].start_s;
        profile.period[i] = (evse_period_t){.start_s = i == 0 ? 0 : before_s + some_seconds(),
                                            .tenths = (int32_t)below(500),
                                            .phases = (uint8_t)below(4)};
    }
    return profile;
}

static void some_world(void)
{
    profiles = (evse_profiles_t){.load = load};
    for (unsigned i = 0; i < PROFILES; i++) {
        sent[i] = some_profile((int)i);
        for (unsigned j = 0; j < i; j++) { // two of one place do not stand together
            if (sent[j].purpose == sent[i].purpose && sent[j].connector == sent[i].connector &&
                sent[j].stack_level == sent[i].stack_level) {
                sent[j].purpose = EVSE_PURPOSE_NONE;
                profiles.slot[j].purpose = EVSE_PURPOSE_NONE;
            }
        }
        if (!evse_profile_is_sound(&sent[i])) {
            HF_TEST_FAIL("the generator made an unsound profile");
            continue;
        }
        lengths[i] = evse_profile_encode(&sent[i], bytes[i]);
        profiles.slot[i] = (evse_profile_slot_t){.id = sent[i].id,
                                                 .purpose = sent[i].purpose,
                                                 .connector = sent[i].connector,
                                                 .stack_level = sent[i].stack_level};
    }
}

// ---- the rules, once more -----------------------------------------------------------------------

typedef struct said {
    bool says;
    double amount;
} said_t;

static said_t schedule_at(const evse_profile_t *p, uint64_t start_ms, uint64_t t_ms)
{
    said_t said = {false, 0};
    for (unsigned i = 0; i < p->period_count; i++) {
        if (t_ms >= start_ms + p->period[i].start_s * 1000ull) {
            said = (said_t){true, p->period[i].tenths};
        }
    }
    if (p->duration_s != EVSE_DURATION_NONE && t_ms >= start_ms + p->duration_s * 1000ull) {
        said.says = false;
    }
    return said;
}

// The last beginning of a recurrence that is not after now; found by going there.
static uint64_t last_beginning(const evse_profile_t *p, uint64_t utc_ms)
{
    uint64_t period_ms = p->kind == EVSE_KIND_WEEKLY ? 7 * DAY_MS : DAY_MS;
    uint64_t start_ms = p->start_ms;
    while (start_ms + period_ms <= utc_ms) {
        start_ms += period_ms;
    }
    return start_ms;
}

static said_t profile_at(const evse_profile_t *p, uint64_t utc_ms, uint64_t charging_ms)
{
    const said_t nothing = {false, 0};
    if (p->valid_from_ms != 0 && utc_ms < p->valid_from_ms) {
        return nothing;
    }
    if (p->valid_to_ms != 0 && utc_ms >= p->valid_to_ms) {
        return nothing;
    }
    switch (p->kind) {
    case EVSE_KIND_RELATIVE:
        return schedule_at(p, 0, charging_ms);
    case EVSE_KIND_ABSOLUTE:
        return schedule_at(p, p->start_ms, utc_ms);
    default:
        return utc_ms < p->start_ms ? nothing : schedule_at(p, last_beginning(p, utc_ms), utc_ms);
    }
}

static const evse_profile_t *prevailing(unsigned purpose, unsigned connector, uint64_t utc_ms,
                                        uint64_t charging_ms)
{
    for (int level = EVSE_STACK_LEVEL_MAX; level >= 0; level--) {
        for (int own = 1; own >= 0; own--) {
            for (unsigned i = 0; i < PROFILES; i++) {
                const evse_profile_t *p = &sent[i];
                bool place = own ? p->connector == connector
                                 : purpose == EVSE_PURPOSE_DEFAULT && p->connector == 0;
                if (p->purpose == purpose && p->stack_level == level && place &&
                    profile_at(p, utc_ms, charging_ms).says) {
                    return p;
                }
            }
        }
    }
    return NULL;
}

static evse_smart_limit_t expected(unsigned connector, uint64_t utc_ms, uint64_t charging_ms)
{
    evse_smart_limit_t limit = {EVSE_LIMIT_NONE, EVSE_LIMIT_NONE};
    const evse_profile_t *p = NULL;
    if (connector == 0) {
        p = prevailing(EVSE_PURPOSE_STATION, 0, utc_ms, charging_ms);
    } else {
        p = prevailing(EVSE_PURPOSE_TX, connector, utc_ms, charging_ms);
        p = p != NULL ? p : prevailing(EVSE_PURPOSE_DEFAULT, connector, utc_ms, charging_ms);
    }
    if (p != NULL && p->unit == EVSE_RATE_A) {
        limit.mA = (int32_t)(profile_at(p, utc_ms, charging_ms).amount * 100);
    } else if (p != NULL) {
        limit.dW = (int32_t)profile_at(p, utc_ms, charging_ms).amount;
    }
    return limit;
}

static evse_smart_rate_t asked(unsigned connector, uint64_t utc_ms, uint64_t charging_ms)
{
    evse_smart_moment_t moment = {.utc_ms = utc_ms, .charging_ms = charging_ms};
    return connector == 0 ? evse_profiles_of_station(&profiles, moment)
                          : evse_profiles_of_connector(&profiles, connector, moment);
}

static bool is_same(evse_smart_limit_t a, evse_smart_limit_t b)
{
    return a.mA == b.mA && a.dW == b.dW;
}

static unsigned limited, changes;

static void check_moment(unsigned world, unsigned connector, uint64_t utc_ms, uint64_t charging_ms)
{
    evse_smart_rate_t rate = asked(connector, utc_ms, charging_ms);
    evse_smart_limit_t right = expected(connector, utc_ms, charging_ms);
    limited += right.mA != EVSE_LIMIT_NONE || right.dW != EVSE_LIMIT_NONE ? 1u : 0u;
    if (!is_same(rate.limit, right)) {
        HF_TEST_FAIL("world %u, connector %u, +%llu ms: %d mA %d dW, expected %d mA %d dW", world,
                     connector, (unsigned long long)(utc_ms - EPOCH_MS), (int)rate.limit.mA,
                     (int)rate.limit.dW, (int)right.mA, (int)right.dW);
    }
    uint64_t span_ms = rate.next_ms < 40 * DAY_MS ? rate.next_ms : 40 * DAY_MS;
    for (unsigned i = 0; i < BETWEEN; i++) {
        uint64_t by_ms = i == 0 ? span_ms - 1 : ((uint64_t)next() << 16 | below(65536)) % span_ms;
        if (!is_same(expected(connector, utc_ms + by_ms, charging_ms + by_ms), right)) {
            HF_TEST_FAIL("world %u, connector %u: holds for %llu ms, not %llu ms later", world,
                         connector, (unsigned long long)rate.next_ms, (unsigned long long)by_ms);
        }
    }
    if (rate.next_ms < 40 * DAY_MS) {
        changes++;
    }
}

static void smart_says_what_the_rules_say(void)
{
    for (unsigned world = 1; world <= WORLDS && hf_test_failed_here == 0; world++) {
        state = world * 0x9E3779B97F4A7C15ull;
        some_world();
        for (unsigned i = 0; i < MOMENTS; i++) {
            uint64_t utc_ms = some_time() + below(3) * 7 * DAY_MS;
            check_moment(world, below(3), utc_ms, some_seconds() * 1000ull + below(1000));
        }
    }
    printf("  %u moments, a limit in %u, a change ahead in %u\n", WORLDS * MOMENTS, limited,
           changes);
    CHECK(limited > WORLDS * MOMENTS / 10);
    CHECK(changes > WORLDS * MOMENTS / 10);
}

// From a moment on, change by change, nothing is missed: as a composite schedule is walked.
static void smart_walk_meets_every_change(void)
{
    for (unsigned world = 1; world <= WORLDS / 10 && hf_test_failed_here == 0; world++) {
        state = world * 0xD1B54A32D192ED03ull;
        some_world();
        unsigned connector = below(3);
        uint64_t begin_ms = EPOCH_MS + below(86400) * 1000ull, at_ms = 0, step_ms = 500;
        evse_smart_rate_t rate = asked(connector, begin_ms, 0);
        for (uint64_t ms = 0; ms < 1500000; ms += step_ms) {
            while (rate.next_ms != UINT64_MAX && at_ms + rate.next_ms <= ms) {
                at_ms += rate.next_ms;
                rate = asked(connector, begin_ms + at_ms, at_ms);
            }
            if (!is_same(rate.limit, expected(connector, begin_ms + ms, ms))) {
                HF_TEST_FAIL("world %u: a change before %llu ms was missed", world,
                             (unsigned long long)ms);
                break;
            }
        }
    }
}

// Without a clock nothing is permitted that the clock, whatever it said, would forbid.
static void smart_without_a_clock_permits_no_more(void)
{
    for (unsigned world = 1; world <= WORLDS && hf_test_failed_here == 0; world++) {
        state = world * 0x94D049BB133111EBull;
        some_world();
        unsigned connector = below(3);
        uint64_t charging_ms = some_seconds() * 1000ull;
        evse_smart_limit_t blind = asked(connector, 0, charging_ms).limit;
        for (unsigned i = 0; i < MOMENTS; i++) {
            evse_smart_limit_t right = expected(connector, some_time(), charging_ms);
            if (blind.mA > right.mA || blind.dW > right.dW) {
                HF_TEST_FAIL("world %u: %d mA %d dW without a clock", world, (int)blind.mA,
                             (int)blind.dW);
            }
        }
    }
}

// ---- sharing ------------------------------------------------------------------------------------

#define OUTLETS CONFIG_EVSE_CONNECTORS_MAX

static evse_share_t share[OUTLETS];
static int32_t flows[OUTLETS], late[OUTLETS]; // milliamperes; steps until it follows

static int64_t sum(const int32_t *amounts)
{
    int64_t all = 0;
    for (unsigned i = 0; i < OUTLETS; i++) {
        all += amounts[i];
    }
    return all;
}

// A vehicle draws what it is granted at once, and comes down when it pleases.
static void follow(void)
{
    for (unsigned i = 0; i < OUTLETS; i++) {
        if (flows[i] <= share[i].granted) {
            flows[i] = share[i].granted;
            late[i] = (int32_t)below(5);
        } else if (late[i]-- <= 0) {
            flows[i] = share[i].granted;
        }
        if (flows[i] <= share[i].granted) {
            share[i].held = share[i].granted; // the caller has seen it
        }
    }
}

// Round and round, one milliampere each, as long as there is some and somebody wants it.
static void deal(int32_t total, int32_t fair[OUTLETS])
{
    bool given = true;
    memset(fair, 0, OUTLETS * sizeof fair[0]);
    while (given) {
        given = false;
        for (unsigned i = 0; i < OUTLETS && total > 0; i++) {
            if (fair[i] < share[i].want) {
                fair[i]++;
                total--;
                given = true;
            }
        }
    }
}

static void check_shares(unsigned seed, int32_t total)
{
    int32_t granted[OUTLETS];
    for (unsigned i = 0; i < OUTLETS; i++) {
        granted[i] = share[i].granted;
        if (share[i].granted < 0 || share[i].granted > share[i].want) {
            HF_TEST_FAIL("seed %u: granted %d of %d", seed, (int)share[i].granted,
                         (int)share[i].want);
        }
    }
    if (sum(granted) > total) {
        HF_TEST_FAIL("seed %u: %lld granted of %d", seed, (long long)sum(granted), (int)total);
    }
}

static void share_never_exceeds_its_total(void)
{
    for (unsigned seed = 1; seed <= WORLDS && hf_test_failed_here == 0; seed++) {
        state = seed * 0xBF58476D1CE4E5B9ull;
        memset(share, 0, sizeof share);
        memset(flows, 0, sizeof flows);
        int32_t total = (int32_t)below(3000);
        for (unsigned step = 0; step < 60; step++) {
            int64_t before = sum(flows);
            if (below(10) == 0) {
                total = (int32_t)below(3000);
            }
            if (below(3) == 0) {
                share[below(OUTLETS)].want = below(3) == 0 ? 0 : (int32_t)below(2000);
            }
            evse_share_divide(share, OUTLETS, total);
            check_shares(seed, total);
            follow();
            if (sum(flows) > total && sum(flows) > before) {
                HF_TEST_FAIL("seed %u step %u: %lld flow of %d", seed, step, (long long)sum(flows),
                             (int)total);
            }
        }
    }
}

static void share_ends_up_fair(void)
{
    for (unsigned seed = 1; seed <= WORLDS / 4 && hf_test_failed_here == 0; seed++) {
        int32_t fair[OUTLETS];
        state = seed * 0xBF58476D1CE4E5B9ull;
        int32_t total = (int32_t)below(3000);
        for (unsigned i = 0; i < OUTLETS; i++) {
            share[i] = (evse_share_t){.want = (int32_t)below(2000),
                                      .granted = (int32_t)below(300),
                                      .held = (int32_t)below(900)};
        }
        for (unsigned round = 0; round < 3; round++) {
            evse_share_divide(share, OUTLETS, total);
            for (unsigned i = 0; i < OUTLETS; i++) {
                share[i].held = share[i].granted;
            }
        }
        deal(total, fair);
        for (unsigned i = 0; i < OUTLETS; i++) { // what does not divide evenly may go to either
            int32_t apart = share[i].granted - fair[i];
            if (apart > (int32_t)OUTLETS || apart < -(int32_t)OUTLETS) {
                HF_TEST_FAIL("seed %u: outlet %u has %d, fair is %d", seed, i,
                             (int)share[i].granted, (int)fair[i]);
            }
        }
    }
}

HF_TEST_MAIN(HF_TEST(smart_says_what_the_rules_say), HF_TEST(smart_walk_meets_every_change),
             HF_TEST(smart_without_a_clock_permits_no_more), HF_TEST(share_never_exceeds_its_total),
             HF_TEST(share_ends_up_fair))
