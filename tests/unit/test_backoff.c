// SPDX-License-Identifier: MIT
// Backoff: doubles, stops at the cap, jitters only its last part, starts again after success.
#include "hf_test.h"
#include "holdfast/hf_backoff.h"

static void backoff_without_jitter_doubles_to_the_cap(void)
{
    const uint32_t expected[] = {50, 100, 200, 400, 800, 1000, 1000, 1000};
    hf_backoff_t backoff;
    CHECK_EQ(hf_backoff_init(&backoff, 50, 1000, 0, 7), HF_OK);
    for (size_t i = 0; i < HF_COUNT_OF(expected); i++) {
        CHECK_EQ(hf_backoff_next_ms(&backoff), expected[i]);
    }
}

static void backoff_reset_starts_from_the_base(void)
{
    hf_backoff_t backoff;
    CHECK_EQ(hf_backoff_init(&backoff, 10, 10000, 0, 7), HF_OK);
    for (int i = 0; i < 5; i++) {
        (void)hf_backoff_next_ms(&backoff);
    }
    hf_backoff_reset(&backoff);
    CHECK_EQ(hf_backoff_next_ms(&backoff), 10);
    CHECK_EQ(hf_backoff_next_ms(&backoff), 20);
}

static void backoff_jitter_stays_in_its_part(void)
{
    uint32_t least = UINT32_MAX, most = 0;
    hf_backoff_t backoff;
    CHECK_EQ(hf_backoff_init(&backoff, 1000, 1000, 300, 12345), HF_OK);
    for (int i = 0; i < 2000; i++) {
        uint32_t wait_ms = hf_backoff_next_ms(&backoff);
        CHECK(wait_ms >= 700 && wait_ms <= 1000);
        least = wait_ms < least ? wait_ms : least;
        most = wait_ms > most ? wait_ms : most;
    }
    CHECK(least < 720);
    CHECK(most > 980);
}

static void backoff_full_jitter_may_be_anything_below(void)
{
    hf_backoff_t backoff;
    CHECK_EQ(hf_backoff_init(&backoff, UINT32_MAX, UINT32_MAX, 1000, 3), HF_OK);
    uint32_t first = hf_backoff_next_ms(&backoff);
    CHECK(first != hf_backoff_next_ms(&backoff));
}

static void backoff_seeds_differ_waits_differ(void)
{
    hf_backoff_t one, other;
    int same = 0;
    CHECK_EQ(hf_backoff_init(&one, 100000, 100000, 1000, 1), HF_OK);
    CHECK_EQ(hf_backoff_init(&other, 100000, 100000, 1000, 2), HF_OK);
    for (int i = 0; i < 100; i++) {
        same += hf_backoff_next_ms(&one) == hf_backoff_next_ms(&other) ? 1 : 0;
    }
    CHECK(same < 5);
}

static void backoff_seed_zero_still_jitters(void)
{
    hf_backoff_t backoff;
    CHECK_EQ(hf_backoff_init(&backoff, 100000, 100000, 1000, 0), HF_OK);
    uint32_t first = hf_backoff_next_ms(&backoff), second = hf_backoff_next_ms(&backoff);
    CHECK(first != second || second != hf_backoff_next_ms(&backoff));
}

static void backoff_tries_saturate(void)
{
    hf_backoff_t backoff;
    CHECK_EQ(hf_backoff_init(&backoff, 1, 60000, 0, 1), HF_OK);
    backoff.tries = UINT32_MAX - 1u;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(hf_backoff_next_ms(&backoff), 60000);
    }
    CHECK_EQ(backoff.tries, UINT32_MAX);
}

static void backoff_wrong_limits_are_refused(void)
{
    hf_backoff_t backoff;
    CHECK_EQ(hf_backoff_init(NULL, 1, 1, 0, 1), HF_E_ARGUMENT);
    CHECK_EQ(hf_backoff_init(&backoff, 0, 1, 0, 1), HF_E_ARGUMENT);
    CHECK_EQ(hf_backoff_init(&backoff, 2, 1, 0, 1), HF_E_ARGUMENT);
    CHECK_EQ(hf_backoff_init(&backoff, 1, 1, 1001, 1), HF_E_ARGUMENT);
    CHECK_EQ(hf_backoff_init(&backoff, 1, 1, 1000, 1), HF_OK);
}

HF_TEST_MAIN(HF_TEST(backoff_without_jitter_doubles_to_the_cap),
             HF_TEST(backoff_reset_starts_from_the_base), HF_TEST(backoff_jitter_stays_in_its_part),
             HF_TEST(backoff_full_jitter_may_be_anything_below),
             HF_TEST(backoff_seeds_differ_waits_differ), HF_TEST(backoff_seed_zero_still_jitters),
             HF_TEST(backoff_tries_saturate), HF_TEST(backoff_wrong_limits_are_refused))
