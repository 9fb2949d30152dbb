// SPDX-License-Identifier: MIT
// Who is told what, and how often: thresholds with hysteresis, quotas, failures, the rate limit, callbacks that call back.
#include "support/mem_world.h"

#define ALL HF_MEM_TIER_ALL

static world_t world;

static void begin(void)
{
    world_prepare(&world);
    world_start(&world);
}

/// The first alert of that kind and tier since world.alert_count was set to 0; NULL: there was none.
static const hf_mem_alert_t *told(hf_mem_alert_kind_t kind, uint32_t tier)
{
    for (uint32_t i = 0; i < world.alert_count && i < HF_COUNT_OF(world.alert); i++) {
        if (world.alert[i].kind == kind && world.alert[i].tier == tier) {
            return &world.alert[i];
        }
    }
    return NULL;
}

static void mem_alert_low_and_critical_of_one_tier(void)
{
    void *block[WORLD_SMALL];
    begin();
    for (unsigned i = 0; i < WORLD_SMALL; i++) {
        CHECK_EQ(hf_mem_poll(&world.mem, i), 0);
        CHECK(!hf_mem_is_low(&world.mem, 0) && !hf_mem_is_critical(&world.mem, 0));
        block[i] = hf_mem_take(&world.mem, 20);
    }
    CHECK(hf_mem_is_low(&world.mem, 0) && hf_mem_is_critical(&world.mem, 0));
    CHECK(!hf_mem_is_low(&world.mem, 1) && !hf_mem_is_low(&world.mem, ALL));
    CHECK_EQ(hf_mem_poll(&world.mem, 10), 2);
    const hf_mem_alert_t *low = told(HF_MEM_ALERT_LOW, 0);
    REQUIRE(low != NULL);
    CHECK(low->is_raised);
    CHECK_EQ(low->use_permille, 1000);
    REQUIRE(told(HF_MEM_ALERT_CRITICAL, 0) != NULL);
    CHECK_EQ(hf_mem_poll(&world.mem, 11), 0); // told once
    world.alert_count = 0;
    CHECK_EQ(hf_mem_give(&world.mem, block[0]), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, block[1]), HF_OK);
    CHECK_EQ(hf_mem_poll(&world.mem, 12), 2);
    REQUIRE(told(HF_MEM_ALERT_LOW, 0) != NULL);
    CHECK(!told(HF_MEM_ALERT_LOW, 0)->is_raised);
    CHECK(!told(HF_MEM_ALERT_CRITICAL, 0)->is_raised);
    CHECK_EQ(hf_mem_stats(&world.mem).alerts_told, 4);
}

#define MANY(X) X(only, 32, 100)

/// An instance of one tier of a hundred, so that blocks are percents.
typedef struct hundred {
    hf_mem_t mem;
    HF_MEM_STORAGE(MANY) storage;
    void *block[100];
    unsigned held;
} hundred_t;

static void start_hundred(hundred_t *hundred, uint8_t low, uint8_t critical)
{
    static const hf_tier_size_t sizes[] = HF_TIER_SIZES(MANY);
    const hf_mem_config_t config = HF_MEM_CONFIG("hundred", hundred->storage, sizes, 0,
                                                 .low_percent = low, .critical_percent = critical);
    hundred->held = 0;
    CHECK_EQ(hf_mem_init(&hundred->mem, &config), HF_OK);
}

static void hold(hundred_t *hundred, unsigned count)
{
    while (hundred->held < count) {
        hundred->block[hundred->held] = hf_mem_take(&hundred->mem, 32);
        CHECK(hundred->block[hundred->held] != NULL);
        hundred->held++;
    }
    while (hundred->held > count) {
        hundred->held--;
        CHECK_EQ(hf_mem_give(&hundred->mem, hundred->block[hundred->held]), HF_OK);
    }
}

static void mem_alert_has_five_points_of_hysteresis(void)
{
    static hundred_t hundred;
    start_hundred(&hundred, 60, 90);
    hold(&hundred, 59);
    CHECK(!hf_mem_is_low(&hundred.mem, ALL));
    hold(&hundred, 60);
    CHECK(hf_mem_is_low(&hundred.mem, ALL) && hf_mem_is_low(&hundred.mem, 0));
    for (unsigned i = 0; i < 50; i++) { // to and fro within the band: one edge
        hold(&hundred, 55);
        CHECK(hf_mem_is_low(&hundred.mem, ALL));
        hold(&hundred, 61);
    }
    CHECK_EQ(hf_mem_stats(&hundred.mem).low_raised, 2); // the tier, and the instance
    hold(&hundred, 54);
    CHECK(!hf_mem_is_low(&hundred.mem, ALL) && !hf_mem_is_low(&hundred.mem, 0));
    hold(&hundred, 89);
    CHECK(!hf_mem_is_critical(&hundred.mem, ALL));
    hold(&hundred, 90);
    CHECK(hf_mem_is_critical(&hundred.mem, ALL));
    CHECK_EQ(hf_mem_stats(&hundred.mem).low_raised, 4);
    CHECK_EQ(hf_mem_stats(&hundred.mem).critical_raised, 2);
}

static void mem_alert_thresholds_default_to_the_configuration(void)
{
    static hundred_t hundred;
    start_hundred(&hundred, 0, 0);
    hold(&hundred, CONFIG_HF_MEM_LOW_PERCENT - 1);
    CHECK(!hf_mem_is_low(&hundred.mem, ALL));
    hold(&hundred, CONFIG_HF_MEM_LOW_PERCENT);
    CHECK(hf_mem_is_low(&hundred.mem, ALL));
    hold(&hundred, CONFIG_HF_MEM_CRITICAL_PERCENT - 1);
    CHECK(!hf_mem_is_critical(&hundred.mem, ALL));
    hold(&hundred, CONFIG_HF_MEM_CRITICAL_PERCENT);
    CHECK(hf_mem_is_critical(&hundred.mem, ALL));
}

static void mem_alert_rounds_are_an_interval_apart(void)
{
    void *block[WORLD_SMALL];
    world_prepare(&world);
    world.config.alert_interval_us = 1000;
    world_start(&world);
    for (unsigned i = 0; i < WORLD_SMALL; i++) {
        block[i] = hf_mem_take(&world.mem, 20);
    }
    CHECK_EQ(hf_mem_poll(&world.mem, 5), 2); // the first round needs no interval before it
    CHECK_EQ(hf_mem_give(&world.mem, block[0]), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, block[1]), HF_OK);
    CHECK_EQ(hf_mem_poll(&world.mem, 1004), 0);
    CHECK_EQ(hf_mem_poll(&world.mem, 1005), 2); // late, not lost
    CHECK(hf_mem_take(&world.mem, 20) != NULL);
    void *last = hf_mem_take(&world.mem, 20);
    CHECK(last != NULL);
    CHECK_EQ(hf_mem_poll(&world.mem, 1500), 0);
    CHECK_EQ(hf_mem_give(&world.mem, last), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, block[2]), HF_OK);
    CHECK_EQ(hf_mem_poll(&world.mem, 3000),
             0); // came and went between two rounds: counted, not told
    CHECK_EQ(hf_mem_stats(&world.mem).low_raised, 2);
    CHECK_EQ(hf_mem_stats(&world.mem).alerts_told, 4);
}

static void mem_alert_stands_when_a_take_fails(void)
{
    begin();
    for (unsigned i = 0; i < WORLD_LARGE; i++) {
        CHECK(hf_mem_take(&world.mem, 256) != NULL);
    }
    CHECK(hf_mem_take(&world.mem, 256) == NULL);
    CHECK(hf_mem_is_critical(&world.mem, 2));
    CHECK_EQ(hf_mem_poll(&world.mem, 1), 3);
    CHECK_EQ(world.failure_count, 1);
    CHECK_EQ(world.failure.count, 1);
    CHECK_EQ(world.failure.bytes, 256);
    CHECK_EQ(world.failure.status, HF_E_FULL);
    CHECK_EQ(hf_mem_poll(&world.mem, 2), 0); // PRISM's stayed critical for ever after one failure
}

#if CONFIG_HF_MEM_RESERVE
static void mem_alert_counts_on_what_normal_requests_may_use(void)
{
    static const uint16_t reserve[] = {2, 0, 0};
    world_prepare(&world);
    world.config.reserve = reserve;
    world_start(&world);
    CHECK(hf_mem_take(&world.mem, 20) != NULL);
    CHECK(!hf_mem_is_critical(&world.mem, 0));
    CHECK(hf_mem_take(&world.mem, 20) != NULL); // 2 of 4, and none left for anybody but emergencies
    CHECK(hf_mem_is_critical(&world.mem, 0));
}
#define RESERVE_CASES HF_TEST(mem_alert_counts_on_what_normal_requests_may_use),
#else
#define RESERVE_CASES
#endif

static void mem_quota_soft_is_told_once_until_it_is_over(void)
{
    begin();
    void *one = hf_mem_take_tagged(&world.mem, 60, 1);
    CHECK_EQ(hf_mem_poll(&world.mem, 1), 0); // 64 of 64
    void *two = hf_mem_take_tagged(&world.mem, 20, 1);
    CHECK(one != NULL && two != NULL);
    CHECK(world_tag(&world, 1).is_over_soft);
    CHECK_EQ(hf_mem_poll(&world.mem, 2), 1);
    REQUIRE(told(HF_MEM_ALERT_SOFT, ALL) != NULL);
    CHECK_EQ(world.alert[0].tag, 1);
    CHECK_EQ(world.alert[0].use_permille, 1500);
    CHECK(world.alert[0].is_raised);
    void *three = hf_mem_take_tagged(&world.mem, 20, 1);
    CHECK(three != NULL);
    CHECK_EQ(hf_mem_poll(&world.mem, 3), 0);
    CHECK_EQ(hf_mem_give(&world.mem, three), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, two), HF_OK);
    CHECK(world_tag(&world, 1).is_over_soft); // 64 is not yet 5 % below 64
    CHECK_EQ(hf_mem_give(&world.mem, one), HF_OK);
    CHECK(!world_tag(&world, 1).is_over_soft);
    CHECK_EQ(hf_mem_poll(&world.mem, 4), 1);
    CHECK(!world.alert[1].is_raised);
    CHECK_EQ(world_tag(&world, 1).soft_raised, 1);
    world_check_books(&world);
}

static void mem_quota_hard_refuses_and_counts(void)
{
    void *block;
    begin();
    const hf_mem_request_t net = {.bytes = 64, .tag = 1}, ui = {.bytes = 256, .tag = 2};
    void *first = hf_mem_take_tagged(&world.mem, 64, 1);
    CHECK(first != NULL);
    CHECK_EQ(hf_mem_request(&world.mem, &net, &block), HF_OK); // 128 of 128
    CHECK_EQ(hf_mem_request(&world.mem, &net, &block), HF_E_QUOTA);
    CHECK(block == NULL);
    CHECK_EQ(hf_mem_last_error(&world.mem), HF_E_QUOTA);
    CHECK_EQ(world_tag(&world, 1).refused, 1);
    CHECK_EQ(hf_mem_stats(&world.mem).quota_refused, 1);
    CHECK_EQ(world_tag(&world, 1).bytes, 128);
    CHECK_EQ(hf_mem_request(&world.mem, &ui, &block), HF_OK); // others have what they had
    CHECK_EQ(hf_mem_poll(&world.mem, 1), 4);                  // two of the tier, a quota, a failure
    CHECK_EQ(world.failure.tag, 1);
    CHECK_EQ(hf_mem_give(&world.mem, first), HF_OK);
    CHECK_EQ(hf_mem_request(&world.mem, &net, &block), HF_OK);
    world_check_books(&world);
}

static void mem_quota_above_a_larger_tier_waits_for_the_smallest(void)
{
    void *block;
    begin();
    const hf_mem_policy_t patient = {.spill = HF_MEM_ANY_UP, .wait_us = 3000};
    const hf_mem_request_t net = {.bytes = 20, .tag = 1, .policy = &patient};
    void *first = hf_mem_take(&world.mem, 20);
    for (unsigned i = 1; i < WORLD_SMALL; i++) {
        CHECK(hf_mem_take(&world.mem, 20) != NULL);
    }
    CHECK(hf_mem_take(&world.mem, 64) != NULL && hf_mem_take(&world.mem, 64) != NULL);
    CHECK_EQ(hf_mem_request(&world.mem, &net, &block),
             HF_E_TIMEOUT); // a large one is above the quota
    world.given_in_wait = first;
    world.give_in_wait = world.waits + 2u;
    CHECK_EQ(hf_mem_request(&world.mem, &net, &block), HF_OK);
    CHECK_EQ(world_tag(&world, 1).refused, 0);
    world_check_books(&world);
}

static void mem_quota_is_not_used_up_by_requests_that_fail(void)
{
    void *block;
    begin();
    const hf_mem_policy_t any_up = {.spill = HF_MEM_ANY_UP};
    const hf_mem_request_t net = {.bytes = 20, .tag = 1, .policy = &any_up};
    for (unsigned i = 0; i < WORLD_SMALL; i++) {
        CHECK(hf_mem_take(&world.mem, 20) != NULL);
    }
    CHECK(hf_mem_take(&world.mem, 64) != NULL && hf_mem_take(&world.mem, 64) != NULL);
    for (unsigned i = 0; i < 10;
         i++) { // small and middle are exhausted, a large one is above the quota
        CHECK_EQ(hf_mem_request(&world.mem, &net, &block), HF_E_QUOTA);
    }
    CHECK_EQ(atomic_load(&world.mem.tags[1].charged_bytes), 0);
    CHECK_EQ(world_tag(&world, 1).refused, 10);
    world_check_books(&world);
}

static void mem_failures_between_polls_are_one_call(void)
{
    begin();
    for (unsigned i = 0; i < 7; i++) {
        CHECK(hf_mem_take(&world.mem, 1000 + i) == NULL);
    }
    CHECK_EQ(hf_mem_poll(&world.mem, 1), 1);
    CHECK_EQ(world.failure.count, 7);
    CHECK_EQ(world.failure.bytes, 1006);
    CHECK_EQ(world.failure.status, HF_E_TOO_LONG);
    CHECK_EQ(hf_mem_stats(&world.mem).failures_told, 1);
}

static void mem_callback_that_takes_is_served_and_not_called_again(void)
{
    begin();
    world.takes_in_callback = true;
    world.polls_in_callback = true;
    for (unsigned i = 0; i < WORLD_SMALL; i++) {
        CHECK(hf_mem_take(&world.mem, 20) != NULL);
    }
    CHECK_EQ(hf_mem_poll(&world.mem, 1), 2); // each takes a large block: that tier is exhausted
    CHECK_EQ(world.alert_count, 2);
    CHECK_EQ(world.taken_in_callback, 2);
    // Two polls from within, two edges of the large tier, one of the instance.
    CHECK_EQ(hf_mem_stats(&world.mem).nested, 2 + 3);
    CHECK_EQ(hf_mem_poll(&world.mem, 2), 4); // those edges; their takes fail, which is told too
    CHECK_EQ(world.taken_in_callback, 2);
    CHECK_EQ(world.failure_count, 1);
    world.takes_in_callback = false;
    CHECK_EQ(hf_mem_poll(&world.mem, 3), 1); // of the failure callback's own take
    CHECK_EQ(hf_mem_poll(&world.mem, 4), 0);
    world_check_books(&world);
}

static void mem_poll_without_callbacks_tells_nobody(void)
{
    world_prepare(&world);
    world.config.seams = (hf_mem_seams_t){0};
    world_start(&world);
    for (unsigned i = 0; i < WORLD_SMALL; i++) {
        CHECK(hf_mem_take(&world.mem, 20) != NULL);
    }
    CHECK(hf_mem_take(&world.mem, 20) == NULL);
    CHECK_EQ(hf_mem_poll(&world.mem, 1), 0);
    CHECK_EQ(hf_mem_stats(&world.mem).alerts_told + hf_mem_stats(&world.mem).failures_told, 0);
    CHECK(hf_mem_is_critical(&world.mem, 0));
}

HF_TEST_MAIN(RESERVE_CASES HF_TEST(mem_alert_low_and_critical_of_one_tier),
             HF_TEST(mem_alert_has_five_points_of_hysteresis),
             HF_TEST(mem_alert_thresholds_default_to_the_configuration),
             HF_TEST(mem_alert_rounds_are_an_interval_apart),
             HF_TEST(mem_alert_stands_when_a_take_fails),
             HF_TEST(mem_quota_soft_is_told_once_until_it_is_over),
             HF_TEST(mem_quota_hard_refuses_and_counts),
             HF_TEST(mem_quota_above_a_larger_tier_waits_for_the_smallest),
             HF_TEST(mem_quota_is_not_used_up_by_requests_that_fail),
             HF_TEST(mem_failures_between_polls_are_one_call),
             HF_TEST(mem_callback_that_takes_is_served_and_not_called_again),
             HF_TEST(mem_poll_without_callbacks_tells_nobody))
