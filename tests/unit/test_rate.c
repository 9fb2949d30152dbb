// SPDX-License-Identifier: MIT
// Rates over a sliding window against a plain reckoning, and hold times.
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "holdfast/hf_rate.h"

#define WINDOW_US (8u * HF_US_PER_S)

static void rate_window_too_short_is_refused(void)
{
    hf_rate_t rate;
    CHECK_EQ(hf_rate_init(NULL, WINDOW_US, 0, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_rate_init(&rate, 7, 0, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_rate_init(&rate, 8, 0, 0), HF_OK);
    CHECK_EQ(hf_rate_per_ks(&rate), 0);
}

static void rate_of_even_counts_is_exact(void)
{
    hf_rate_t rate;
    uint32_t count = UINT32_MAX - 40u; // wraps on the way
    CHECK_EQ(hf_rate_init(&rate, WINDOW_US, 77, count), HF_OK);
    for (uint32_t i = 1; i < 1000; i++) {
        hf_rate_update(&rate, 77 + i * 100000u, count + i * 3u);
        CHECK_EQ(hf_rate_per_ks(&rate), 30000);
        CHECK(hf_rate_span_us(&rate) <= WINDOW_US + WINDOW_US / 8u);
        CHECK(i < 81u || hf_rate_span_us(&rate) >= WINDOW_US - WINDOW_US / 8u);
    }
}

static void rate_falls_to_nothing_when_nothing_comes(void)
{
    hf_rate_t rate;
    CHECK_EQ(hf_rate_init(&rate, WINDOW_US, 0, 0), HF_OK);
    hf_rate_update(&rate, HF_US_PER_S, 100);
    CHECK_EQ(hf_rate_per_ks(&rate), 100000);
    hf_rate_update(&rate, 2u * HF_US_PER_S, 100);
    CHECK_EQ(hf_rate_per_ks(&rate), 50000);
    for (uint32_t s = 3; s < 12; s++) {
        hf_rate_update(&rate, s * HF_US_PER_S, 100);
    }
    CHECK_EQ(hf_rate_per_ks(&rate), 0);
}

static void rate_over_a_gap_is_the_mean_of_the_gap(void)
{
    hf_rate_t rate;
    CHECK_EQ(hf_rate_init(&rate, WINDOW_US, 0, 0), HF_OK);
    hf_rate_update(&rate, 1000u * HF_US_PER_S, 5000);
    CHECK_EQ(hf_rate_per_ks(&rate), 5000);
    CHECK_EQ(hf_rate_span_us(&rate), 1000u * HF_US_PER_S);
    hf_rate_update(&rate, 500u * HF_US_PER_S, 1); // a time that goes back is ignored
    CHECK_EQ(hf_rate_per_ks(&rate), 5000);
}

static void rate_of_a_counter_set_back_goes_on_from_0(void)
{
    hf_rate_t rate;
    CHECK_EQ(hf_rate_init(&rate, WINDOW_US, 0, UINT32_MAX - 49u), HF_OK);
    hf_rate_update(&rate, HF_US_PER_S, 50); // wrapped
    CHECK_EQ(hf_rate_per_ks(&rate), 100000);
    hf_rate_update(&rate, 2u * HF_US_PER_S, 0); // reset
    CHECK_EQ(hf_rate_per_ks(&rate), 50000);
    hf_rate_update(&rate, 3u * HF_US_PER_S, 200);
    CHECK_EQ(hf_rate_per_ks(&rate), 100000);
    hf_rate_update(&rate, 4u * HF_US_PER_S, 100); // reset, and 100 since
    CHECK_EQ(hf_rate_per_ks(&rate), 100000);
}

static void rate_too_large_saturates(void)
{
    hf_rate_t rate;
    CHECK_EQ(hf_rate_init(&rate, WINDOW_US, 0, 0), HF_OK);
    hf_rate_update(&rate, 1, UINT32_MAX);
    CHECK_EQ(hf_rate_per_ks(&rate), UINT32_MAX);
}

static void rate_at_random_agrees_with_all_readings_kept(void)
{
    static uint64_t times[5000];
    static uint32_t counts[5000];
    hf_rate_t rate;
    uint32_t random = 3;
    CHECK_EQ(hf_rate_init(&rate, WINDOW_US, 0, 0), HF_OK);
    for (uint32_t i = 1; i < 5000; i++) {
        random = random * 1664525u + 1013904223u;
        times[i] = times[i - 1] + (random >> 12);
        counts[i] = counts[i - 1] + (random >> 28);
        hf_rate_update(&rate, times[i], counts[i]);
        uint64_t span = hf_rate_span_us(&rate);
        uint32_t from = i;
        while (from > 0 && times[i] - times[from] < span) {
            from--;
        }
        REQUIRE(times[i] - times[from] == span); // it is a reading that was made
        uint64_t moved = counts[i] - counts[from];
        CHECK_EQ(hf_rate_per_ks(&rate), span == 0 ? 0 : moved * 1000u * HF_US_PER_S / span);
    }
}

static void hold_has_mean_and_maximum(void)
{
    hf_hold_t hold = {0};
    CHECK_EQ(hf_hold_mean_ms(&hold), 0);
    hf_hold_add(&hold, 10);
    hf_hold_add(&hold, UINT32_MAX);
    hf_hold_add(&hold, 20);
    CHECK_EQ(hold.max_ms, UINT32_MAX);
    CHECK_EQ(hold.count, 3);
    CHECK_EQ(hf_hold_mean_ms(&hold), (30ull + UINT32_MAX) / 3u);
}

HF_TEST_MAIN(HF_TEST(rate_window_too_short_is_refused), HF_TEST(rate_of_even_counts_is_exact),
             HF_TEST(rate_falls_to_nothing_when_nothing_comes),
             HF_TEST(rate_over_a_gap_is_the_mean_of_the_gap),
             HF_TEST(rate_of_a_counter_set_back_goes_on_from_0), HF_TEST(rate_too_large_saturates),
             HF_TEST(rate_at_random_agrees_with_all_readings_kept),
             HF_TEST(hold_has_mean_and_maximum))
