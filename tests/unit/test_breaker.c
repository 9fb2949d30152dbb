// SPDX-License-Identifier: MIT
// The breaker in stepped time: every state, every way between them, the bounds of its waits.
#include "hf_test.h"

#include "holdfast/hf_breaker.h"
#include "holdfast/hf_clock.h"

static const hf_breaker_limit_t limit = {.threshold = 3, .cool_down_ms = 1000, .cap_ms = 5000};
static hf_breaker_t breaker;
static uint64_t now_us;

static void start(void)
{
    now_us = 77;
    CHECK_EQ(hf_breaker_init(&breaker, &limit), HF_OK);
}

static void advance(uint64_t ms)
{
    now_us += ms * HF_US_PER_MS;
}

static void fail(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        CHECK(hf_breaker_allow(&breaker, now_us));
        hf_breaker_failure(&breaker, now_us);
    }
}

static void breaker_below_the_threshold_refuses_nothing(void)
{
    start();
    for (int i = 0; i < 5; i++) {
        fail(2);
        CHECK(hf_breaker_allow(&breaker, now_us));
        hf_breaker_success(&breaker); // in a row is what counts
    }
    CHECK_EQ(breaker.state, HF_BREAKER_CLOSED);
    CHECK_EQ(breaker.opened, 0);
    CHECK_EQ(breaker.refused, 0);
}

static void breaker_at_the_threshold_opens_for_the_cool_down(void)
{
    start();
    fail(3);
    CHECK_EQ(breaker.state, HF_BREAKER_OPEN);
    CHECK_EQ(breaker.opened, 1);
    CHECK_EQ(hf_breaker_wait_ms(&breaker, now_us), 1000);
    CHECK(!hf_breaker_allow(&breaker, now_us));
    now_us += 999999;
    CHECK_EQ(hf_breaker_wait_ms(&breaker, now_us), 1); // never 0 while it refuses
    CHECK(!hf_breaker_allow(&breaker, now_us));
    CHECK_EQ(breaker.refused, 2);
    now_us += 1;
    CHECK_EQ(hf_breaker_wait_ms(&breaker, now_us), 0);
    CHECK(hf_breaker_allow(&breaker, now_us));
}

static void breaker_half_open_lets_one_through(void)
{
    start();
    fail(3);
    advance(1000);
    CHECK(hf_breaker_allow(&breaker, now_us));
    CHECK_EQ(breaker.state, HF_BREAKER_HALF_OPEN);
    CHECK(!hf_breaker_allow(&breaker, now_us));
    CHECK_EQ(breaker.refused, 1);
    hf_breaker_success(&breaker);
    CHECK_EQ(breaker.state, HF_BREAKER_CLOSED);
    fail(2); // nothing of before is remembered
    CHECK_EQ(breaker.state, HF_BREAKER_CLOSED);
    fail(1);
    CHECK_EQ(hf_breaker_wait_ms(&breaker, now_us), 1000);
}

static void breaker_failed_trials_wait_longer_up_to_the_cap(void)
{
    static const uint32_t waits_ms[] = {1000, 2000, 4000, 5000, 5000};
    start();
    fail(2);
    for (unsigned i = 0; i < HF_COUNT_OF(waits_ms); i++) {
        fail(1);
        CHECK_EQ(breaker.state, HF_BREAKER_OPEN);
        CHECK_EQ(breaker.opened, i + 1);
        CHECK_EQ(hf_breaker_wait_ms(&breaker, now_us), waits_ms[i]);
        advance(waits_ms[i] - 1);
        CHECK(!hf_breaker_allow(&breaker, now_us));
        advance(1);
    }
}

static void breaker_trial_that_never_ends_blocks_one_cool_down(void)
{
    start();
    fail(3);
    advance(1000);
    CHECK(hf_breaker_allow(&breaker, now_us)); // and is forgotten
    advance(999);
    CHECK(!hf_breaker_allow(&breaker, now_us));
    advance(1);
    CHECK(hf_breaker_allow(&breaker, now_us));
    CHECK_EQ(breaker.state, HF_BREAKER_HALF_OPEN);
}

static void breaker_cancelled_trial_frees_its_place(void)
{
    start();
    fail(3);
    advance(1000);
    CHECK(hf_breaker_allow(&breaker, now_us));
    hf_breaker_cancel(&breaker, now_us);
    CHECK_EQ(breaker.state, HF_BREAKER_OPEN);
    CHECK(hf_breaker_allow(&breaker, now_us));
    hf_breaker_success(&breaker);
    hf_breaker_cancel(&breaker, now_us); // of nothing
    CHECK_EQ(breaker.state, HF_BREAKER_CLOSED);
}

static void breaker_exempt_tries_in_open_change_no_wait(void)
{
    start();
    fail(3);
    uint64_t until_us = breaker.until_us;
    advance(10);
    hf_breaker_failure(&breaker, now_us);
    CHECK_EQ(breaker.until_us, until_us);
    CHECK_EQ(breaker.opened, 1);
    hf_breaker_success(&breaker); // an exempt try that went well is as good as a trial
    CHECK_EQ(breaker.state, HF_BREAKER_CLOSED);
    CHECK(hf_breaker_allow(&breaker, now_us));
}

static void breaker_without_cool_down_stays_open(void)
{
    static const hf_breaker_limit_t for_good = {.threshold = 1};
    start();
    CHECK_EQ(hf_breaker_init(&breaker, &for_good), HF_OK);
    fail(1);
    CHECK_EQ(breaker.state, HF_BREAKER_OPEN);
    advance(1000000000);
    CHECK(!hf_breaker_allow(&breaker, now_us));
    CHECK_EQ(hf_breaker_wait_ms(&breaker, now_us), UINT32_MAX);
    hf_breaker_success(&breaker);
    CHECK(hf_breaker_allow(&breaker, now_us));
}

static void breaker_init_refuses_what_makes_no_sense(void)
{
    const hf_breaker_limit_t wrong[] = {{0, 1, 1}, {1, 2, 1}};
    for (unsigned i = 0; i < HF_COUNT_OF(wrong); i++) {
        CHECK_EQ(hf_breaker_init(&breaker, &wrong[i]), HF_E_ARGUMENT);
    }
    CHECK_EQ(hf_breaker_init(&breaker, NULL), HF_E_ARGUMENT);
    CHECK_EQ(hf_breaker_init(NULL, &limit), HF_E_ARGUMENT);
    CHECK_STR(hf_breaker_state_text(HF_BREAKER_HALF_OPEN), "half-open");
    CHECK_STR(hf_breaker_state_text(3), "?");
}

HF_TEST_MAIN(HF_TEST(breaker_below_the_threshold_refuses_nothing),
             HF_TEST(breaker_at_the_threshold_opens_for_the_cool_down),
             HF_TEST(breaker_half_open_lets_one_through),
             HF_TEST(breaker_failed_trials_wait_longer_up_to_the_cap),
             HF_TEST(breaker_trial_that_never_ends_blocks_one_cool_down),
             HF_TEST(breaker_cancelled_trial_frees_its_place),
             HF_TEST(breaker_exempt_tries_in_open_change_no_wait),
             HF_TEST(breaker_without_cool_down_stays_open),
             HF_TEST(breaker_init_refuses_what_makes_no_sense))
