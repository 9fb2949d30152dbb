// SPDX-License-Identifier: MIT
// Tripwires: two levels told once, hysteresis, re-arming, counters, names apart, the policy.
#include "hf_test.h"

#include "holdfast/hf_tripwire.h"

#define EVENTS_MAX 32u

static hf_trip_event_t events[EVENTS_MAX];
static uint32_t event_count;
static hf_tripwire_t tripwire;

static void record(void *ctx, const hf_trip_event_t *event)
{
    CHECK(ctx == &event_count);
    if (event_count < EVENTS_MAX) {
        events[event_count] = *event;
    }
    event_count++;
}

static int arm(const hf_wire_t *wires, uint32_t count)
{
    event_count = 0;
    return hf_tripwire_init(&tripwire, wires, count, record, &event_count);
}

/// Shows a value; returns how many events that made.
static uint32_t show(hf_wire_kind_t kind, unsigned index, uint32_t value)
{
    const uint32_t before = event_count;
    const hf_wire_reading_t reading = {kind, index, value, "tag", "name"};
    hf_tripwire_check(&tripwire, &reading);
    return event_count - before;
}

static const hf_trip_event_t *last(void)
{
    return &events[event_count - 1u];
}

static const hf_wire_t falling[] = {
    {HF_WIRE_INTERNAL_FREE, 200, 100, 10, HF_TRIP_OBSERVE, HF_TRIP_SHED},
};
static const hf_wire_t rising[] = {
    {HF_WIRE_FRAGMENTATION, 30, 50, 5, HF_TRIP_SHED, HF_TRIP_RESET_NOW},
};

static void tripwire_of_a_value_that_falls_warns_then_trips_once(void)
{
    REQUIRE(arm(falling, 1) == HF_OK);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 200), 0);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 199), 1);
    CHECK_EQ(last()->level, HF_WIRE_WARNED);
    CHECK_EQ(last()->limit, 200);
    CHECK_EQ(last()->value, 199);
    CHECK_EQ(last()->action, HF_TRIP_OBSERVE);
    CHECK_STR(last()->tag, "tag");
    CHECK_STR(last()->name, "name");
    CHECK(last()->wire == &falling[0]);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 100), 0);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 99), 1);
    CHECK_EQ(last()->level, HF_WIRE_TRIPPED);
    CHECK_EQ(last()->limit, 100);
    CHECK_EQ(last()->action, HF_TRIP_SHED);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 0), 0);
    CHECK_EQ(tripwire.warnings, 1);
    CHECK_EQ(tripwire.trips, 1);
    CHECK_EQ(tripwire.checks, 5);
    CHECK_EQ(tripwire.gravest, HF_TRIP_SHED);
}

static void tripwire_is_armed_again_by_its_hysteresis_alone(void)
{
    REQUIRE(arm(falling, 1) == HF_OK);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 99), 1);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 109), 0); // back, but not by 10
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 99), 0);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 110), 0); // armed
    CHECK_EQ(hf_tripwire_standing(&tripwire), HF_TRIP_OBSERVE);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 99), 1);
    CHECK_EQ(last()->level, HF_WIRE_TRIPPED);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 209), 0); // the warning is not armed yet
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 199), 0);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 210), 0);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 199), 1);
    CHECK_EQ(last()->level, HF_WIRE_WARNED);
}

static void tripwire_of_a_value_that_rises_mirrors_it(void)
{
    REQUIRE(arm(rising, 1) == HF_OK);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 0, 29), 0);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 0, 30), 1);
    CHECK_EQ(last()->level, HF_WIRE_WARNED);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 0, 49), 0);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 0, 50), 1);
    CHECK_EQ(last()->level, HF_WIRE_TRIPPED);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 0, 45), 0); // back by 5: beyond it only below 45
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 0, 50), 0);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 0, 44), 0);
    CHECK_EQ(hf_tripwire_standing(&tripwire), HF_TRIP_SHED); // it still warns
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 0, 50), 1);
    CHECK_EQ(hf_tripwire_standing(&tripwire), HF_TRIP_RESET_NOW);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 0, 24), 0);
    CHECK_EQ(hf_tripwire_standing(&tripwire), HF_TRIP_OBSERVE);
    CHECK_EQ(tripwire.gravest, HF_TRIP_RESET_NOW); // since boot
}

static void tripwire_that_jumps_tells_the_trip_alone(void)
{
    REQUIRE(arm(falling, 1) == HF_OK);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 5), 1);
    CHECK_EQ(last()->level, HF_WIRE_TRIPPED);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 150), 0); // of the trip back; warned it is
    CHECK_EQ(tripwire.warnings, 0);
}

static void tripwire_with_equal_limits_never_warns(void)
{
    static const hf_wire_t equal[] = {
        {HF_WIRE_STACK, 512, 512, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED},
        {HF_WIRE_LATE, 10, 10, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED},
    };
    REQUIRE(arm(equal, 2) == HF_OK);
    CHECK_EQ(show(HF_WIRE_STACK, 0, 512), 0);
    CHECK_EQ(show(HF_WIRE_STACK, 0, 511), 1);
    CHECK_EQ(show(HF_WIRE_LATE, 0, 9), 0);
    CHECK_EQ(show(HF_WIRE_LATE, 0, 10), 1);
    CHECK_EQ(tripwire.warnings, 0);
    CHECK_EQ(tripwire.trips, 2);
}

static void tripwire_at_the_extremes_of_32_bits(void)
{
    static const hf_wire_t extremes[] = {
        {HF_WIRE_INTERNAL_MIN, 0, 0, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED}, // off
        {HF_WIRE_INTERNAL_FREE, UINT32_MAX, UINT32_MAX, UINT32_MAX, HF_TRIP_OBSERVE, HF_TRIP_SHED},
        {HF_WIRE_LATE, 1, UINT32_MAX, UINT32_MAX, HF_TRIP_OBSERVE, HF_TRIP_SHED},
        {HF_WIRE_POOL, 1, 1, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED},
    };
    REQUIRE(arm(extremes, 4) == HF_OK);
    CHECK_EQ(show(HF_WIRE_INTERNAL_MIN, 0, 0), 0);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, UINT32_MAX), 0);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, UINT32_MAX - 1u), 1);
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, UINT32_MAX), 0); // never back by so much
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 0), 0);
    CHECK_EQ(show(HF_WIRE_LATE, 0, 1), 1);
    CHECK_EQ(last()->level, HF_WIRE_WARNED);
    CHECK_EQ(show(HF_WIRE_LATE, 0, UINT32_MAX), 1);
    CHECK_EQ(show(HF_WIRE_LATE, 0, 2), 0); // not back by so much, but 0 always is
    CHECK_EQ(show(HF_WIRE_LATE, 0, 1), 0);
    CHECK_EQ(show(HF_WIRE_LATE, 0, 0), 0);
    CHECK_EQ(show(HF_WIRE_LATE, 0, 1), 1);
    CHECK_EQ(show(HF_WIRE_POOL, 0, 0), 0);
    CHECK_EQ(show(HF_WIRE_POOL, 0, 100), 1);
}

static void tripwire_tells_names_apart(void)
{
    REQUIRE(arm(rising, 1) == HF_OK);
    for (unsigned i = 0; i < HF_WIRE_NAMES_MAX; i++) {
        CHECK_EQ(show(HF_WIRE_FRAGMENTATION, i, 60), 1);
        CHECK_EQ(show(HF_WIRE_FRAGMENTATION, i, 60), 0);
    }
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 7, 0), 0);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 8, 60), 0);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, 7, 60), 1);
    CHECK_EQ(tripwire.beyond, 0);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, HF_WIRE_NAMES_MAX, 60), 0);
    CHECK_EQ(show(HF_WIRE_FRAGMENTATION, UINT32_MAX, 60), 0);
    CHECK_EQ(tripwire.beyond, 2); // not looked at, and that is told
}

static void tripwire_looks_at_its_own_kind_alone(void)
{
    REQUIRE(arm(rising, 1) == HF_OK);
    for (unsigned kind = 0; kind < HF_WIRE_KINDS + 2u; kind++) {
        CHECK_EQ(show((hf_wire_kind_t)kind, 0, kind == HF_WIRE_FRAGMENTATION ? 0 : 60), 0);
    }
}

static void tripwire_is_quiet_exactly_where_a_look_changes_nothing(void)
{
    REQUIRE(arm(hf_tripwire_defaults, HF_TRIPWIRE_DEFAULTS) == HF_OK);
    uint32_t state = 1;
    for (unsigned i = 0; i < 100000u; i++) {
        state = state * 1664525u + 1013904223u;
        const hf_wire_kind_t kind = (hf_wire_kind_t)((state >> 8) % HF_WIRE_KINDS);
        const uint32_t value = (state >> 12) % (kind == HF_WIRE_FRAGMENTATION ? 60u : 25000u);
        const bool is_quiet = hf_tripwire_is_quiet(&tripwire, kind, value);
        const hf_tripwire_t before = tripwire;
        const uint32_t told = show(kind, state % 4u, value);
        if (is_quiet &&
            (told != 0 || memcmp(before.warned, tripwire.warned, sizeof before.warned) != 0 ||
             memcmp(before.tripped, tripwire.tripped, sizeof before.tripped) != 0)) {
            HF_TEST_FAIL("step %u, kind %u, value %u", i, (unsigned)kind, (unsigned)value);
            return;
        }
        if (i % 100u == 0) { // and all is armed again
            REQUIRE(arm(hf_tripwire_defaults, HF_TRIPWIRE_DEFAULTS) == HF_OK);
        }
    }
    REQUIRE(arm(hf_tripwire_defaults, HF_TRIPWIRE_DEFAULTS) == HF_OK);
    CHECK(hf_tripwire_is_quiet(&tripwire, HF_WIRE_FRAGMENTATION, 29));
    CHECK(!hf_tripwire_is_quiet(&tripwire, HF_WIRE_FRAGMENTATION, 30));
    CHECK(!hf_tripwire_is_quiet(&tripwire, HF_WIRE_KINDS, 0));
    REQUIRE(arm(falling, 1) == HF_OK);
    CHECK(hf_tripwire_is_quiet(&tripwire, HF_WIRE_LATE, UINT32_MAX)); // no wire minds it
    CHECK(hf_tripwire_is_quiet(&tripwire, HF_WIRE_INTERNAL_FREE, 200));
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 199), 1);
    CHECK(!hf_tripwire_is_quiet(&tripwire, HF_WIRE_INTERNAL_FREE, 200)); // it may have come back
    CHECK_EQ(show(HF_WIRE_INTERNAL_FREE, 0, 210), 0);
    CHECK(hf_tripwire_is_quiet(&tripwire, HF_WIRE_INTERNAL_FREE, 200));
}

static void tripwire_of_a_counter_trips_at_each_growth(void)
{
    static const hf_wire_t counters[] = {
        {HF_WIRE_REFUSED, 2, 10, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED},
        {HF_WIRE_LOCK, 1, 1, 0, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE},
    };
    REQUIRE(arm(counters, 2) == HF_OK);
    CHECK_EQ(show(HF_WIRE_REFUSED, 3, 1), 0);
    CHECK_EQ(show(HF_WIRE_REFUSED, 3, 2), 1);
    CHECK_EQ(last()->level, HF_WIRE_WARNED);
    CHECK_EQ(show(HF_WIRE_REFUSED, 3, 9), 0); // warned once since the last trip
    CHECK_EQ(show(HF_WIRE_REFUSED, 3, 10), 1);
    CHECK_EQ(last()->level, HF_WIRE_TRIPPED);
    CHECK_EQ(show(HF_WIRE_REFUSED, 3, 11), 0);
    CHECK_EQ(show(HF_WIRE_REFUSED, 3, 12), 1); // and again
    CHECK_EQ(last()->level, HF_WIRE_WARNED);
    CHECK_EQ(show(HF_WIRE_REFUSED, 3, 25), 1);
    CHECK_EQ(last()->level, HF_WIRE_TRIPPED);
    CHECK_EQ(show(HF_WIRE_REFUSED, 4, 9), 1); // another name has its own
    CHECK_EQ(last()->level, HF_WIRE_WARNED);
    CHECK_EQ(show(HF_WIRE_LOCK, 3, 1), 1);
    CHECK_EQ(show(HF_WIRE_LOCK, 3, 1), 0);
    CHECK_EQ(show(HF_WIRE_LOCK, 3, 2), 1);
    CHECK_EQ(hf_tripwire_standing(&tripwire), HF_TRIP_OBSERVE); // a moment, not a state
    CHECK_EQ(tripwire.gravest, HF_TRIP_SHED);
}

static void tripwire_of_a_counter_survives_wrap_and_reset(void)
{
    static const hf_wire_t counter[] = {
        {HF_WIRE_REFUSED, 1, 1, 0, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE}};
    REQUIRE(arm(counter, 1) == HF_OK);
    CHECK_EQ(show(HF_WIRE_REFUSED, 0, 0x7FFFFFFFu), 1);
    CHECK_EQ(show(HF_WIRE_REFUSED, 0, 0xFFFFFFFEu), 1);
    CHECK_EQ(show(HF_WIRE_REFUSED, 0, 1), 1); // wrapped: 3 more
    CHECK_EQ(show(HF_WIRE_REFUSED, 0, 100), 1);
    CHECK_EQ(show(HF_WIRE_REFUSED, 0, 0), 0); // reset: nothing happened
    CHECK_EQ(show(HF_WIRE_REFUSED, 0, 1), 1); // counts from there
}

static void tripwire_tables_that_make_no_sense_are_refused(void)
{
    static const hf_wire_t wrong[] = {
        {HF_WIRE_INTERNAL_FREE, 99, 100, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED},
        {HF_WIRE_FRAGMENTATION, 51, 50, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED},
        {HF_WIRE_POOL, 0, 50, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED},
        {HF_WIRE_KINDS, 1, 1, 0, HF_TRIP_OBSERVE, HF_TRIP_SHED},
        {HF_WIRE_POOL, 1, 2, 0, HF_TRIP_RESET_NOW, HF_TRIP_SHED},
        {HF_WIRE_POOL, 1, 2, 0, HF_TRIP_OBSERVE, HF_TRIP_ACTIONS},
    };
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        CHECK_EQ(arm(&wrong[i], 1), HF_E_RANGE);
    }
    static const hf_wire_t counters[] = {
        {HF_WIRE_REFUSED, 1, 1, 0, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE},
        {HF_WIRE_LOCK, 1, 1, 0, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE},
        {HF_WIRE_LOCK, 2, 2, 0, HF_TRIP_OBSERVE, HF_TRIP_OBSERVE},
    };
    CHECK_EQ(arm(counters, 3), HF_E_RANGE);
    CHECK_EQ(arm(counters, 2), HF_OK);
    hf_wire_t many[HF_WIRES_MAX + 1u];
    for (size_t i = 0; i < HF_COUNT_OF(many); i++) {
        many[i] = falling[0];
    }
    CHECK_EQ(arm(many, HF_WIRES_MAX + 1u), HF_E_RANGE);
    CHECK_EQ(arm(many, HF_WIRES_MAX), HF_OK);
    CHECK_EQ(arm(NULL, 1), HF_E_ARGUMENT);
    CHECK_EQ(arm(falling, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_tripwire_init(NULL, falling, 1, NULL, NULL), HF_E_ARGUMENT);
}

static void tripwire_without_a_listener_counts(void)
{
    CHECK_EQ(hf_tripwire_init(&tripwire, falling, 1, NULL, NULL), HF_OK);
    const hf_wire_reading_t reading = {HF_WIRE_INTERNAL_FREE, 0, 5, NULL, NULL};
    hf_tripwire_check(&tripwire, &reading);
    CHECK_EQ(tripwire.trips, 1);
}

static void tripwire_tag_is_never_null(void)
{
    REQUIRE(arm(falling, 1) == HF_OK);
    const hf_wire_reading_t reading = {HF_WIRE_INTERNAL_FREE, 0, 5, NULL, NULL};
    hf_tripwire_check(&tripwire, &reading);
    CHECK(last()->tag != NULL);
    CHECK(last()->name == NULL);
}

static void tripwire_policy_as_shipped_is_accepted_and_knows_its_limits(void)
{
    REQUIRE(arm(hf_tripwire_defaults, HF_TRIPWIRE_DEFAULTS) == HF_OK);
    static const struct {
        hf_wire_kind_t kind;
        uint32_t good, warns, trips;
    } limits[] = {
        {HF_WIRE_INTERNAL_MIN, 20000, 19999, 10239},
        {HF_WIRE_FRAGMENTATION, 29, 30, 50},
        {HF_WIRE_POOL, 79, 80, 100},
        {HF_WIRE_STACK, 1024, 1023, 511},
    };
    for (size_t i = 0; i < HF_COUNT_OF(limits); i++) {
        CHECK_EQ(show(limits[i].kind, 0, limits[i].good), 0);
        CHECK_EQ(show(limits[i].kind, 0, limits[i].warns), 1);
        CHECK_EQ(last()->level, HF_WIRE_WARNED);
        CHECK_EQ(show(limits[i].kind, 0, limits[i].trips), 1);
        CHECK_EQ(last()->level, HF_WIRE_TRIPPED);
        CHECK_EQ(last()->action, HF_TRIP_SHED);
    }
    CHECK_EQ(show(HF_WIRE_REFUSED, 0, 1), 1);
    CHECK_EQ(show(HF_WIRE_LOCK, 0, 1), 1);
    CHECK_EQ(last()->level, HF_WIRE_TRIPPED);
    CHECK_EQ(show(HF_WIRE_STACK, 1, 0), 2); // overflowed: the margin's wire and the one that resets
    CHECK_EQ(last()->action, HF_TRIP_RESET_NOW);
    CHECK_EQ(show(HF_WIRE_LATE, 0, 5000), 1);
    CHECK_EQ(last()->action, HF_TRIP_FINISH_RESET);
    uint32_t kinds = 0;
    for (uint32_t i = 0; i < HF_TRIPWIRE_DEFAULTS; i++) {
        kinds |= 1u << hf_tripwire_defaults[i].kind;
    }
    CHECK_EQ(kinds, (1u << HF_WIRE_KINDS) - 1u); // each kind has a row
}

static void tripwire_texts_are_told_and_bounded(void)
{
    CHECK_STR(hf_wire_text(HF_WIRE_INTERNAL_MIN), "internal_min");
    CHECK_STR(hf_wire_text(HF_WIRE_STACK), "stack");
    CHECK_STR(hf_wire_text(HF_WIRE_KINDS), "unknown");
    CHECK_STR(hf_trip_action_text(HF_TRIP_OBSERVE), "observe");
    CHECK_STR(hf_trip_action_text(HF_TRIP_FINISH_RESET), "finish_reset");
    CHECK_STR(hf_trip_action_text(HF_TRIP_ACTIONS), "unknown");
}

/// Against the rule said in words: between a level told and the next time it is told, the value was back by the hysteresis.
static void tripwire_acts_once_between_arming_and_arming(void)
{
    REQUIRE(arm(falling, 1) == HF_OK);
    uint32_t state = 1, highest[3] = {UINT32_MAX, UINT32_MAX, UINT32_MAX}; // since told, per level
    for (unsigned i = 0; i < 200000u; i++) {
        state = state * 1664525u + 1013904223u;
        const uint32_t value = (state >> 16) % 260u;
        highest[HF_WIRE_WARNED] = value > highest[HF_WIRE_WARNED] ? value : highest[HF_WIRE_WARNED];
        highest[HF_WIRE_TRIPPED] =
            value > highest[HF_WIRE_TRIPPED] ? value : highest[HF_WIRE_TRIPPED];
        event_count = 0;
        const uint32_t told = show(HF_WIRE_INTERNAL_FREE, 0, value);
        const bool trips = value < 100u && highest[HF_WIRE_TRIPPED] >= 110u;
        const bool warns =
            !trips && value < 200u && value >= 100u && highest[HF_WIRE_WARNED] >= 210u;
        if (told != (trips || warns ? 1u : 0u) ||
            (told != 0 && last()->level != (trips ? HF_WIRE_TRIPPED : HF_WIRE_WARNED))) {
            HF_TEST_FAIL("step %u, value %u: told %u", i, value, told);
            return;
        }
        if (trips) {
            highest[HF_WIRE_TRIPPED] = value;
        }
        if (trips || warns) {
            highest[HF_WIRE_WARNED] = value;
        }
    }
}

HF_TEST_MAIN(HF_TEST(tripwire_of_a_value_that_falls_warns_then_trips_once),
             HF_TEST(tripwire_is_armed_again_by_its_hysteresis_alone),
             HF_TEST(tripwire_of_a_value_that_rises_mirrors_it),
             HF_TEST(tripwire_that_jumps_tells_the_trip_alone),
             HF_TEST(tripwire_with_equal_limits_never_warns),
             HF_TEST(tripwire_at_the_extremes_of_32_bits), HF_TEST(tripwire_tells_names_apart),
             HF_TEST(tripwire_looks_at_its_own_kind_alone),
             HF_TEST(tripwire_is_quiet_exactly_where_a_look_changes_nothing),
             HF_TEST(tripwire_of_a_counter_trips_at_each_growth),
             HF_TEST(tripwire_of_a_counter_survives_wrap_and_reset),
             HF_TEST(tripwire_tables_that_make_no_sense_are_refused),
             HF_TEST(tripwire_without_a_listener_counts), HF_TEST(tripwire_tag_is_never_null),
             HF_TEST(tripwire_policy_as_shipped_is_accepted_and_knows_its_limits),
             HF_TEST(tripwire_texts_are_told_and_bounded),
             HF_TEST(tripwire_acts_once_between_arming_and_arming))
