// SPDX-License-Identifier: MIT
// Charging profiles without a station: one profile at a moment, its bytes, stacking and purposes, and sharing a limit. The
// examples of the specification and of its errata stand here by their numbers.
#include "evse/evse_smart.h"
#include "hf_test.h"

#define MONDAY_MS 1795392000000ull // 2026-11-23T00:00:00Z
#define HOUR_MS   3600000ull
#define DAY_MS    86400000ull

static evse_profile_t installed[CONFIG_EVSE_CHARGING_PROFILES_MAX];
static unsigned unreadable; // bits
static evse_profiles_t profiles;

static int load(void *ctx, unsigned slot, evse_profile_t *profile)
{
    CHECK(ctx == installed);
    *profile = installed[slot];
    return (unreadable >> slot & 1u) != 0 ? HF_E_IO : HF_OK;
}

static void begin(void)
{
    memset(installed, 0, sizeof installed);
    unreadable = 0;
    profiles = (evse_profiles_t){.load = load, .ctx = installed};
}

// In amperes from MONDAY_MS on, for ever.
static evse_profile_t flat(evse_purpose_t purpose, unsigned connector, unsigned level, int amperes)
{
    return (evse_profile_t){.id = 1,
                            .purpose = (uint8_t)purpose,
                            .kind = EVSE_KIND_ABSOLUTE,
                            .unit = EVSE_RATE_A,
                            .connector = (uint8_t)connector,
                            .stack_level = (uint8_t)level,
                            .period_count = 1,
                            .start_ms = MONDAY_MS,
                            .duration_s = EVSE_DURATION_NONE,
                            .period = {{.tenths = amperes * 10}}};
}

static evse_profile_t steps(void) // 0 s: 6 A, 60 s: 8 A, 200 s: 10 A; 400 s in all
{
    evse_profile_t profile = flat(EVSE_PURPOSE_DEFAULT, 1, 0, 6);
    profile.duration_s = 400;
    profile.period_count = 3;
    profile.period[1] = (evse_period_t){.start_s = 60, .tenths = 80};
    profile.period[2] = (evse_period_t){.start_s = 200, .tenths = 100};
    return profile;
}

static void put(unsigned slot, evse_profile_t profile)
{
    CHECK(evse_profile_is_sound(&profile));
    installed[slot] = profile;
    profiles.slot[slot] = (evse_profile_slot_t){.id = profile.id,
                                                .purpose = profile.purpose,
                                                .connector = profile.connector,
                                                .stack_level = profile.stack_level};
}

static evse_smart_moment_t at(uint64_t utc_ms)
{
    return (evse_smart_moment_t){.utc_ms = utc_ms};
}

static void check_says(const evse_profile_t *profile, uint64_t ms, int tenths, uint64_t next_ms)
{
    evse_profile_answer_t answer = evse_profile_ask(profile, at(MONDAY_MS + ms));
    CHECK_EQ(answer.says, tenths >= 0 ? EVSE_PROFILE_LIMIT : EVSE_PROFILE_NOTHING);
    CHECK_EQ(answer.tenths, tenths >= 0 ? tenths : 0);
    CHECK_EQ(answer.next_ms, next_ms);
}

// ---- one profile --------------------------------------------------------------------------------

static void profile_absolute_steps_through_its_periods(void)
{
    evse_profile_t profile = steps();
    profile.start_ms += 1000;
    check_says(&profile, 0, -1, 1000);
    check_says(&profile, 1000, 60, 60000);
    check_says(&profile, 60999, 60, 1);
    check_says(&profile, 61000, 80, 140000);
    check_says(&profile, 201000, 100, 200000);
    check_says(&profile, 401000, -1, UINT64_MAX);
    profile.duration_s = EVSE_DURATION_NONE; // the last period goes on
    check_says(&profile, 401000, 100, UINT64_MAX);
    profile.duration_s = 100; // a period behind the end is never reached
    check_says(&profile, 61000, 80, 40000);
    check_says(&profile, 101000, -1, UINT64_MAX);
}

static void profile_validity_bounds_it(void)
{
    evse_profile_t profile = steps();
    profile.valid_from_ms = MONDAY_MS + 100000;
    profile.valid_to_ms = MONDAY_MS + 300000;
    check_says(&profile, 0, -1, 100000);
    check_says(&profile, 100000, 80, 100000);
    check_says(&profile, 200000, 100, 100000);
    check_says(&profile, 300000, -1, UINT64_MAX);
    CHECK(!evse_profile_is_over(&profile, MONDAY_MS + 300000, 1000));
    CHECK(evse_profile_is_over(&profile, MONDAY_MS + 301000, 1000));
    CHECK(!evse_profile_is_over(&profile, 0, 0));
    profile.valid_to_ms = 0;
    CHECK(!evse_profile_is_over(&profile, MONDAY_MS + 399999, 0));
    CHECK(evse_profile_is_over(&profile, MONDAY_MS + 400000, 0));
    profile.kind = EVSE_KIND_DAILY;
    CHECK(!evse_profile_is_over(&profile, UINT64_MAX, 0));
}

static void
rule_20_recurring_shorter_than_its_period_says_nothing_meanwhile(void) // errata 3.43, 3.79
{
    evse_profile_t profile = steps();
    profile.kind = EVSE_KIND_DAILY;
    check_says(&profile, 400000, -1, DAY_MS - 400000);
    check_says(&profile, DAY_MS, 60, 60000);
    check_says(&profile, 365 * DAY_MS + 60000, 80, 140000);
    profile.kind = EVSE_KIND_WEEKLY;
    check_says(&profile, DAY_MS, -1, 6 * DAY_MS);
    check_says(&profile, 7 * DAY_MS + 1, 60, 59999);
    profile.start_ms += HOUR_MS; // it does not recur before it has begun
    check_says(&profile, 0, -1, HOUR_MS);
}

static void rule_20_recurring_longer_than_its_period_is_cut(void) // errata 3.43, 3.44
{
    evse_profile_t profile = steps();
    profile.kind = EVSE_KIND_DAILY;
    profile.duration_s = 200000;
    profile.period[2].start_s = 86400; // never reached
    check_says(&profile, DAY_MS - 1, 80, 1);
    check_says(&profile, DAY_MS, 60, 60000);
    profile.duration_s = EVSE_DURATION_NONE;
    check_says(&profile, DAY_MS - 1, 80, 1);
}

static void profile_relative_counts_from_the_transaction(void)
{
    evse_profile_t profile = steps();
    profile.kind = EVSE_KIND_RELATIVE;
    profile.start_ms = 0;
    evse_profile_answer_t answer =
        evse_profile_ask(&profile, (evse_smart_moment_t){.charging_ms = 61000}); // needs no clock
    CHECK_EQ(answer.says, EVSE_PROFILE_LIMIT);
    CHECK_EQ(answer.tenths, 80);
    CHECK_EQ(answer.next_ms, 139000);
    answer = evse_profile_ask(&profile, (evse_smart_moment_t){.charging_ms = 400000});
    CHECK_EQ(answer.says, EVSE_PROFILE_NOTHING);
}

static void profile_without_a_clock_binds_with_its_least(void)
{
    evse_profile_t profile = steps();
    profile.period[2].tenths = 40;
    profile.valid_to_ms = 1; // long over, but who knows
    evse_profile_answer_t answer = evse_profile_ask(&profile, at(0));
    CHECK_EQ(answer.says, EVSE_PROFILE_UNPLACED);
    CHECK_EQ(answer.tenths, 40);
    CHECK_EQ(answer.next_ms, UINT64_MAX);
}

static void profile_far_times_do_not_wrap(void)
{
    evse_profile_t profile = steps();
    profile.start_ms = UINT64_MAX / 2;
    profile.duration_s = UINT32_MAX - 1;
    CHECK(!evse_profile_is_over(&profile, UINT64_MAX / 2, UINT64_MAX));
    check_says(&profile, 0, -1, UINT64_MAX / 2 - MONDAY_MS);
}

static void profile_unsound_is_found(void)
{
    const evse_profile_t good = steps();
    evse_profile_t bad = good;
    CHECK(evse_profile_is_sound(&good));
#define BAD(change)                                                                                \
    bad = good;                                                                                    \
    change;                                                                                        \
    CHECK(!evse_profile_is_sound(&bad))
    BAD(bad.period[0].start_s = 1); // errata 3.45
    BAD(bad.period[1].start_s = 0);
    BAD(bad.period[2].start_s = 60);
    BAD(bad.period[2].tenths = -1);
    BAD(bad.period[2].tenths = EVSE_RATE_TENTHS_MAX + 1);
    BAD(bad.period[2].phases = 4);
    BAD(bad.period_count = 0);
    BAD(bad.period_count = CONFIG_EVSE_CHARGING_PERIODS_MAX + 1);
    BAD(bad.duration_s = 0);
    BAD(bad.start_ms = 0);
    BAD(bad.kind = EVSE_KIND_RELATIVE);
    BAD(bad.kind = EVSE_KIND_WEEKLY + 1);
    BAD(bad.unit = EVSE_RATE_W + 1);
    BAD(bad.purpose = EVSE_PURPOSE_NONE);
    BAD(bad.purpose = EVSE_PURPOSE_STATION); // on a connector
    BAD(bad.purpose = EVSE_PURPOSE_TX; bad.connector = 0);
    BAD(bad.stack_level = EVSE_STACK_LEVEL_MAX + 1);
    BAD(bad.valid_from_ms = 5; bad.valid_to_ms = 5);
#undef BAD
}

// ---- bytes --------------------------------------------------------------------------------------

static evse_profile_t rich(void)
{
    evse_profile_t profile = steps();
    profile.id = INT32_MIN;
    profile.kind = EVSE_KIND_WEEKLY;
    profile.unit = EVSE_RATE_W;
    profile.stack_level = 9;
    profile.valid_from_ms = MONDAY_MS;
    profile.valid_to_ms = 0xFFFFFFFFFFFFull;
    profile.period[1].phases = 3;
    profile.period[2] = (evse_period_t){
        .start_s = EVSE_PERIOD_START_MAX_S, .tenths = EVSE_RATE_TENTHS_MAX, .phases = 1};
    return profile;
}

static void profile_bytes_bring_it_back(void)
{
    uint8_t bytes[EVSE_PROFILE_ENCODED_MAX];
    const evse_profile_t profile = rich();
    evse_profile_t back;
    size_t length = evse_profile_encode(&profile, bytes);
    CHECK_EQ(evse_profile_decode(bytes, length, &back), 0);
    CHECK(memcmp(&profile, &back, sizeof back) == 0);
    evse_profile_t plain = flat(EVSE_PURPOSE_TX, 1, 0, 16);
    plain.kind = EVSE_KIND_RELATIVE;
    plain.start_ms = 0;
    CHECK_EQ(evse_profile_encode(&plain, bytes), 13); // compact
}

static void profile_bytes_longest_fits(void)
{
    uint8_t bytes[EVSE_PROFILE_ENCODED_MAX + 1];
    evse_profile_t profile = rich(), back;
    profile.period_count = CONFIG_EVSE_CHARGING_PERIODS_MAX;
    for (unsigned i = 0; i < CONFIG_EVSE_CHARGING_PERIODS_MAX; i++) {
        profile.period[i] = (evse_period_t){.start_s = i * (EVSE_PERIOD_START_MAX_S / 80),
                                            .tenths = EVSE_RATE_TENTHS_MAX,
                                            .phases = 3};
    }
    bytes[EVSE_PROFILE_ENCODED_MAX] = 0xA5;
    size_t length = evse_profile_encode(&profile, bytes);
    CHECK(length <= EVSE_PROFILE_ENCODED_MAX);
    CHECK_EQ(bytes[EVSE_PROFILE_ENCODED_MAX], 0xA5);
    CHECK_EQ(evse_profile_decode(bytes, length, &back), 0);
    CHECK(memcmp(&profile, &back, sizeof back) == 0);
}

static void profile_bytes_damaged_are_refused(void)
{
    uint8_t bytes[EVSE_PROFILE_ENCODED_MAX], bad[EVSE_PROFILE_ENCODED_MAX + 1];
    const evse_profile_t profile = rich();
    evse_profile_t back;
    size_t length = evse_profile_encode(&profile, bytes);
    for (size_t cut = 0; cut < length; cut++) {
        CHECK(evse_profile_decode(bytes, cut, &back) < 0);
    }
    memcpy(bad, bytes, length);
    bad[length] = 0;
    CHECK_EQ(evse_profile_decode(bad, length + 1, &back), HF_E_CORRUPT);
    bad[0] = 2;
    CHECK_EQ(evse_profile_decode(bad, length, &back), HF_E_UNSUPPORTED);
    for (size_t i = 1; i < length; i++) { // whatever comes out is sound
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(bad, bytes, length);
            bad[i] ^= (uint8_t)(1u << bit);
            if (evse_profile_decode(bad, length, &back) == 0) {
                CHECK(evse_profile_is_sound(&back));
            }
        }
    }
}

// ---- together -----------------------------------------------------------------------------------

static void check_connector(uint64_t ms, int32_t mA, int32_t dW, uint64_t next_ms)
{
    evse_smart_rate_t rate = evse_profiles_of_connector(&profiles, 1, at(MONDAY_MS + ms));
    CHECK_EQ(rate.limit.mA, mA);
    CHECK_EQ(rate.limit.dW, dW);
    CHECK_EQ(rate.next_ms, next_ms);
}

static void rule_20_highest_valid_level_prevails(void) // 3.13.2
{
    begin();
    check_connector(0, EVSE_LIMIT_NONE, EVSE_LIMIT_NONE, UINT64_MAX);
    put(0, flat(EVSE_PURPOSE_DEFAULT, 1, 0, 6));
    put(1, flat(EVSE_PURPOSE_DEFAULT, 1, 5, 20)); // higher, though it permits more
    put(2, flat(EVSE_PURPOSE_DEFAULT, 1, 7, 10));
    installed[2].valid_from_ms = MONDAY_MS + 5000;
    installed[2].valid_to_ms = MONDAY_MS + 9000;
    put(3, flat(EVSE_PURPOSE_DEFAULT, 2, 9, 1)); // another connector's
    check_connector(0, 20000, EVSE_LIMIT_NONE, 5000);
    check_connector(5000, 10000, EVSE_LIMIT_NONE, 4000);
    check_connector(9000, 20000, EVSE_LIMIT_NONE, UINT64_MAX);
}

static void rule_20_recurring_falls_to_the_lower_level(void) // errata 3.43
{
    begin();
    put(0, flat(EVSE_PURPOSE_DEFAULT, 1, 0, 16));
    put(1, flat(EVSE_PURPOSE_DEFAULT, 1, 1, 8));
    installed[1].kind = EVSE_KIND_DAILY;
    installed[1].duration_s = 3600;
    check_connector(DAY_MS, 8000, EVSE_LIMIT_NONE, HOUR_MS);
    check_connector(DAY_MS + HOUR_MS, 16000, EVSE_LIMIT_NONE, 23 * HOUR_MS);
}

static void rule_20_transaction_profile_overrules_the_default(void)
{
    begin();
    put(0, flat(EVSE_PURPOSE_DEFAULT, 0, 9, 6));
    put(1, flat(EVSE_PURPOSE_TX, 1, 0, 32));
    installed[1].duration_s = 10;
    check_connector(0, 32000, EVSE_LIMIT_NONE, 10000);
    check_connector(10000, 6000, EVSE_LIMIT_NONE, UINT64_MAX); // nothing to say any more
}

static void rule_20_own_default_goes_before_the_stations(void) // 3.13.1
{
    begin();
    put(0, flat(EVSE_PURPOSE_DEFAULT, 0, 3, 6));
    check_connector(0, 6000, EVSE_LIMIT_NONE, UINT64_MAX);
    put(1, flat(EVSE_PURPOSE_DEFAULT, 1, 3, 20));
    installed[1].duration_s = 10;
    check_connector(0, 20000, EVSE_LIMIT_NONE, 10000);
    check_connector(10000, 6000, EVSE_LIMIT_NONE, UINT64_MAX);
    installed[1].stack_level = profiles.slot[1].stack_level = 2;
    check_connector(0, 6000, EVSE_LIMIT_NONE, UINT64_MAX); // the higher level, whoever's
    CHECK_EQ(evse_profiles_of_connector(&profiles, 2, at(MONDAY_MS)).limit.mA, 6000);
}

static void rule_20_station_profile_is_for_the_station(void)
{
    begin();
    put(0, flat(EVSE_PURPOSE_STATION, 0, 0, 50));
    installed[0].unit = EVSE_RATE_W;
    check_connector(0, EVSE_LIMIT_NONE, EVSE_LIMIT_NONE, UINT64_MAX);
    evse_smart_rate_t rate = evse_profiles_of_station(&profiles, at(MONDAY_MS));
    CHECK_EQ(rate.limit.mA, EVSE_LIMIT_NONE);
    CHECK_EQ(rate.limit.dW, 500);
    CHECK_EQ(evse_smart_least(rate.limit, (evse_smart_limit_t){7, 600}).mA, 7);
    CHECK_EQ(evse_smart_least(rate.limit, (evse_smart_limit_t){7, 600}).dW, 500);
}

static void rule_20_phases_do_not_scale_a_limit(void) // errata 3.34
{
    begin();
    put(0, flat(EVSE_PURPOSE_DEFAULT, 1, 0, 16));
    installed[0].period[0].phases = 3;
    evse_smart_rate_t rate = evse_profiles_of_connector(&profiles, 1, at(MONDAY_MS));
    CHECK_EQ(rate.limit.mA, 16000);
    CHECK_EQ(rate.phases, 3);
}

// The one that cannot be placed may be over: what is below it binds besides, down to one that is sure.
static void profiles_without_a_clock_bind_with_the_least(void)
{
    begin();
    put(0, flat(EVSE_PURPOSE_DEFAULT, 1, 0, 3));
    installed[0].kind = EVSE_KIND_RELATIVE;
    installed[0].start_ms = 0;
    put(1, flat(EVSE_PURPOSE_DEFAULT, 1, 4, 12));
    put(2, flat(EVSE_PURPOSE_DEFAULT, 1, 5, 20));
    put(3, flat(EVSE_PURPOSE_TX, 1, 5, 25));
    evse_smart_rate_t rate = evse_profiles_of_connector(&profiles, 1, at(0));
    CHECK_EQ(rate.limit.mA, 3000);
    installed[0].period[0].tenths = 170;
    CHECK_EQ(evse_profiles_of_connector(&profiles, 1, at(0)).limit.mA, 12000);
    CHECK_EQ(evse_profiles_of_connector(&profiles, 1, at(MONDAY_MS)).limit.mA, 25000);
}

static void profiles_unreadable_permit_nothing(void)
{
    begin();
    put(0, flat(EVSE_PURPOSE_DEFAULT, 1, 0, 30));
    put(1, flat(EVSE_PURPOSE_TX, 1, 0, 32));
    unreadable = 1u << 1;
    evse_smart_rate_t rate = evse_profiles_of_connector(&profiles, 1, at(MONDAY_MS));
    CHECK_EQ(rate.limit.mA, 0);
    CHECK_EQ(rate.limit.dW, 0);
}

// ---- keys ---------------------------------------------------------------------------------------

static int parse(const char *text, evse_smart_limit_t *limit)
{
    return evse_smart_limit_parse((hf_slice_t){text, strlen(text)}, limit);
}

static void limit_key_is_read_strictly(void)
{
    static const char *const bad[] = {"16",   "A",     "W",    "16 A",  "-1A",  "1.A",
                                      ".5A",  "1.25A", "16a",  "16AA",  "0xA",  "1e3W",
                                      "1,5A", "--1A",  "1.xA", "-0.5A", "16.5", " 16A"};
    evse_smart_limit_t limit;
    CHECK_EQ(parse("", &limit), 0);
    CHECK_EQ(limit.mA, EVSE_LIMIT_NONE);
    CHECK_EQ(limit.dW, EVSE_LIMIT_NONE);
    CHECK_EQ(parse("16.5A", &limit), 0);
    CHECK_EQ(limit.mA, 16500);
    CHECK_EQ(limit.dW, EVSE_LIMIT_NONE);
    CHECK_EQ(parse("0W", &limit), 0);
    CHECK_EQ(limit.dW, 0);
    CHECK_EQ(parse("22000W", &limit), 0);
    CHECK_EQ(limit.dW, 220000);
    CHECK_EQ(parse("99999999999W", &limit), HF_E_RANGE);
    for (size_t i = 0; i < HF_COUNT_OF(bad); i++) {
        if (parse(bad[i], &limit) == 0) {
            HF_TEST_FAIL("\"%s\" is taken", bad[i]);
        }
    }
}

// ---- sharing ------------------------------------------------------------------------------------

static void share_is_fair_and_leaves_nothing_unused(void)
{
    REQUIRE(CONFIG_EVSE_CONNECTORS_MAX >= 3);
    evse_share_t share[3] = {{.want = 10000}, {.want = 40000}, {.want = 40000}};
    evse_share_divide(share, 3, 50000);
    CHECK_EQ(share[0].granted, 10000);
    CHECK_EQ(share[1].granted, 20000);
    CHECK_EQ(share[2].granted, 20000);
    evse_share_divide(share, 3, 0);
    CHECK_EQ(share[0].granted + share[1].granted + share[2].granted, 0);
}

static void share_shrinks_first_and_grows_into_free_room(void)
{
    evse_share_t share[2] = {{.want = 40000}, {.want = 0}};
    evse_share_divide(share, 2, 50000);
    CHECK_EQ(share[0].granted, 40000);
    share[1].want = 40000; // a second vehicle
    evse_share_divide(share, 2, 50000);
    CHECK_EQ(share[0].granted, 25000); // at once
    CHECK_EQ(share[0].held, 40000);    // it still flows
    CHECK_EQ(share[1].granted, 10000); // what was free before
    evse_share_divide(share, 2, 50000);
    CHECK_EQ(share[1].granted, 10000); // asking again gives no more
    share[0].held = share[0].granted;  // it has come down
    evse_share_divide(share, 2, 50000);
    CHECK_EQ(share[1].granted, 25000);
    evse_share_divide(share, 2, 20000); // the station's limit falls
    CHECK_EQ(share[0].granted, 10000);
    CHECK_EQ(share[1].granted, 10000);
}

HF_TEST_MAIN(HF_TEST(profile_absolute_steps_through_its_periods),
             HF_TEST(profile_validity_bounds_it),
             HF_TEST(rule_20_recurring_shorter_than_its_period_says_nothing_meanwhile),
             HF_TEST(rule_20_recurring_longer_than_its_period_is_cut),
             HF_TEST(profile_relative_counts_from_the_transaction),
             HF_TEST(profile_without_a_clock_binds_with_its_least),
             HF_TEST(profile_far_times_do_not_wrap), HF_TEST(profile_unsound_is_found),
             HF_TEST(profile_bytes_bring_it_back), HF_TEST(profile_bytes_longest_fits),
             HF_TEST(profile_bytes_damaged_are_refused),
             HF_TEST(rule_20_highest_valid_level_prevails),
             HF_TEST(rule_20_recurring_falls_to_the_lower_level),
             HF_TEST(rule_20_transaction_profile_overrules_the_default),
             HF_TEST(rule_20_own_default_goes_before_the_stations),
             HF_TEST(rule_20_station_profile_is_for_the_station),
             HF_TEST(rule_20_phases_do_not_scale_a_limit),
             HF_TEST(profiles_without_a_clock_bind_with_the_least),
             HF_TEST(profiles_unreadable_permit_nothing), HF_TEST(limit_key_is_read_strictly),
             HF_TEST(share_is_fair_and_leaves_nothing_unused),
             HF_TEST(share_shrinks_first_and_grows_into_free_room))
