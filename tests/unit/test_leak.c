// SPDX-License-Identifier: MIT
// The verdict on leaks, floor by floor: what each criterion lets through. Loads over weeks:
// tests/property/test_leak_property.c.
#include "hf_test.h"
#include "holdfast/hf_leak.h"

#define CYCLE_US 1000000000ULL // 1,000 s: bytes per cycle are bytes per ks

static hf_leak_verdict_t judge(const uint32_t *floors, uint32_t count)
{
    hf_leak_t leak;
    CHECK_EQ(hf_leak_init(&leak, CYCLE_US, 500), HF_OK);
    for (uint32_t i = 0; i <= count; i++) {
        uint64_t now_us = 500u + i * CYCLE_US;
        uint32_t bytes = i < count ? floors[i] : 0;
        uint32_t more = bytes < UINT32_MAX - 9000u ? bytes + 9000u : UINT32_MAX; // not the floor
        CHECK_EQ(hf_leak_sample(&leak, now_us + 1u, more), i > 0);
        CHECK(!hf_leak_sample(&leak, now_us + 2u, bytes));
        CHECK(!hf_leak_sample(&leak, now_us + CYCLE_US - 1u, more));
    }
    return hf_leak_verdict(&leak);
}

#define JUDGE(...)                                                                                 \
    judge((const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4u)

static void leak_wrong_config_is_refused(void)
{
    hf_leak_t leak;
    CHECK_EQ(hf_leak_init(NULL, CYCLE_US, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_leak_init(&leak, 999, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_leak_init(&leak, 1000, 0), HF_OK);
    CHECK_EQ(hf_leak_verdict(&leak).state, HF_LEAK_GATHERING);
}

static void leak_few_floors_are_gathered(void)
{
    CHECK_EQ(JUDGE(1).state, HF_LEAK_GATHERING);
    CHECK_EQ(JUDGE(1, 2, 3).state, HF_LEAK_GATHERING);
    CHECK_EQ(JUDGE(1, 2, 3).floors, 3);
}

static void leak_four_rising_floors_are_growth(void)
{
    hf_leak_verdict_t verdict = JUDGE(100, 200, 300, 400);
    CHECK_EQ(verdict.state, HF_LEAK_GROWING);
    CHECK_EQ(verdict.confidence_permille, 950);
    CHECK_EQ(verdict.slope_bytes_per_ks, 100);
    CHECK_EQ(verdict.floor_bytes, 400);
    CHECK_EQ(JUDGE(100, 200, 200, 400).state, HF_LEAK_STABLE);
}

static void leak_eighth_rising_floor_is_a_leak(void)
{
    CHECK_EQ(JUDGE(10, 20, 30, 40, 50, 60, 70).state, HF_LEAK_GROWING);
    hf_leak_verdict_t verdict = JUDGE(10, 20, 30, 40, 50, 60, 70, 80);
    CHECK_EQ(verdict.state, HF_LEAK_LEAKING);
    CHECK(verdict.confidence_permille >= 995);
    CHECK_EQ(verdict.slope_bytes_per_ks, 10);
}

static void leak_that_stops_is_taken_back(void)
{
    CHECK_EQ(JUDGE(10, 20, 30, 40, 50, 60, 70, 80, 80).state, HF_LEAK_STABLE);
    CHECK_EQ(JUDGE(10, 20, 30, 40, 50, 60, 70, 80, 80, 80, 80, 80).state, HF_LEAK_STABLE);
}

static void leak_after_a_long_calm_is_found(void)
{
    CHECK_EQ(JUDGE(50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 60, 70, 80, 90, 100).state,
             HF_LEAK_GROWING);
    CHECK_EQ(JUDGE(50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 60, 70, 80, 90, 100, 110, 120).state,
             HF_LEAK_LEAKING);
}

static void leak_is_no_growth_that_dies_away(void)
{
    CHECK_EQ(JUDGE(0, 4000, 6400, 7840, 8700, 9220, 9530, 9720, 9830, 9900).state, HF_LEAK_STABLE);
}

static void leak_is_no_growth_by_steps(void)
{
    CHECK(JUDGE(0, 100, 101, 300, 301, 302, 600, 603, 900, 904, 905).state < HF_LEAK_LEAKING);
}

static void leak_is_nothing_that_was_there_before(void)
{
    CHECK_EQ(JUDGE(900, 10, 20, 30, 40, 50, 60, 70, 80, 90).state, HF_LEAK_STABLE);
}

static void leak_of_large_figures_does_not_overflow(void)
{
    hf_leak_verdict_t verdict =
        JUDGE(0, 400000000u, 800000000u, 1200000000u, 1600000000u, 2000000000u, 2400000000u,
              2800000000u, 3200000000u, 3600000000u, 4000000000u);
    CHECK_EQ(verdict.state, HF_LEAK_LEAKING);
    CHECK_EQ(verdict.slope_bytes_per_ks, 400000000);
    verdict = JUDGE(UINT32_MAX, 0, UINT32_MAX, 0, UINT32_MAX, 0, UINT32_MAX, 0);
    CHECK_EQ(verdict.state, HF_LEAK_STABLE);
    CHECK_EQ(JUDGE(UINT32_MAX, 0).slope_bytes_per_ks, -(int64_t)UINT32_MAX);
}

static void leak_cycle_without_a_sample_is_left_out(void)
{
    hf_leak_t leak;
    CHECK_EQ(hf_leak_init(&leak, CYCLE_US, 0), HF_OK);
    CHECK(!hf_leak_sample(&leak, 1, 10));
    CHECK(hf_leak_sample(&leak, 5u * CYCLE_US + 1u, 99));
    CHECK_EQ(hf_leak_verdict(&leak).floors, 1);
    CHECK_EQ(hf_leak_verdict(&leak).floor_bytes, 10);
    CHECK(!hf_leak_sample(&leak, 6u * CYCLE_US - 1u, 98)); // cycles stay where they were
    CHECK(hf_leak_sample(&leak, 6u * CYCLE_US, 97));
    CHECK_EQ(hf_leak_verdict(&leak).floor_bytes, 98);
    CHECK(!hf_leak_sample(&leak, 0, 96)); // a time that goes back belongs to the cycle that runs
    CHECK(hf_leak_sample(&leak, 7u * CYCLE_US, 97));
    CHECK_EQ(hf_leak_verdict(&leak).floor_bytes, 96);
}

static void leak_states_have_texts(void)
{
    CHECK_STR(hf_leak_state_text(HF_LEAK_GATHERING), "gathering");
    CHECK_STR(hf_leak_state_text(HF_LEAK_LEAKING), "leaking");
    CHECK_STR(hf_leak_state_text((hf_leak_state_t)9), "unknown");
}

HF_TEST_MAIN(HF_TEST(leak_wrong_config_is_refused), HF_TEST(leak_few_floors_are_gathered),
             HF_TEST(leak_four_rising_floors_are_growth),
             HF_TEST(leak_eighth_rising_floor_is_a_leak), HF_TEST(leak_that_stops_is_taken_back),
             HF_TEST(leak_after_a_long_calm_is_found), HF_TEST(leak_is_no_growth_that_dies_away),
             HF_TEST(leak_is_no_growth_by_steps), HF_TEST(leak_is_nothing_that_was_there_before),
             HF_TEST(leak_of_large_figures_does_not_overflow),
             HF_TEST(leak_cycle_without_a_sample_is_left_out), HF_TEST(leak_states_have_texts))
