// SPDX-License-Identifier: MIT
// What a request does when its tier is exhausted: strict, one up, any up, region, bounded wait, reserve; each by the
// instance and by the request, each counted by name.
#include "support/mem_world.h"
#if CONFIG_HF_MEM_REGION_FALLBACK
#include "holdfast/hf_region.h"
#endif

static world_t world;

static const hf_mem_policy_t strict = {.spill = HF_MEM_STRICT};
static const hf_mem_policy_t one_up = {.spill = HF_MEM_ONE_UP};
static const hf_mem_policy_t any_up = {.spill = HF_MEM_ANY_UP};

static void begin(hf_mem_policy_t policy)
{
    world_prepare(&world);
    world.config.policy = policy;
    world_start(&world);
}

/// Takes every block of a tier, with blocks of that tier alone. Returns the last.
static void *use_up(uint32_t tier)
{
    const hf_mem_tier_stats_t stats = world_tier(&world, tier);
    void *block = NULL;
    for (uint32_t i = stats.in_use; i < stats.capacity; i++) {
        CHECK_EQ(world_ask(&world, stats.block_bytes, strict, &block), HF_OK);
    }
    return block;
}

static void mem_policy_strict_takes_its_tier_or_nothing(void)
{
    begin(strict);
    use_up(0);
    CHECK(hf_mem_take(&world.mem, 20) == NULL);
    CHECK_EQ(world_tier(&world, 0).failed, 1);
    CHECK_EQ(world_tier(&world, 0).spilled_up, 0);
    CHECK_EQ(world_tier(&world, 1).in_use, 0);
    world_check_books(&world);
}

static void mem_policy_one_up_takes_the_next_tier_alone(void)
{
    begin(one_up);
    use_up(0);
    void *block = hf_mem_take(&world.mem, 20);
    CHECK_EQ(hf_mem_block_bytes(&world.mem, block), 64);
    CHECK_EQ(world_tier(&world, 0).spilled_up, 1);
    use_up(1);
    CHECK(hf_mem_take(&world.mem, 20) == NULL); // the large tier is free, and two up
    CHECK_EQ(world_tier(&world, 0).failed, 1);
    CHECK_EQ(world_tier(&world, 0).spilled_up, 1);
    CHECK_EQ(world_tier(&world, 2).in_use, 0);
    use_up(2);
    CHECK(hf_mem_take(&world.mem, 200) == NULL); // there is no next one
    CHECK_EQ(world_tier(&world, 2).failed, 1);
    world_check_books(&world);
}

static void mem_policy_any_up_takes_every_larger_tier(void)
{
    begin(any_up);
    use_up(0);
    use_up(1);
    for (unsigned i = 0; i < WORLD_LARGE; i++) {
        CHECK_EQ(hf_mem_block_bytes(&world.mem, hf_mem_take(&world.mem, 20)), 256);
    }
    CHECK(hf_mem_take(&world.mem, 20) == NULL);
    CHECK_EQ(world_tier(&world, 0).spilled_up, WORLD_LARGE);
    CHECK_EQ(world_tier(&world, 0).failed, 1);
    CHECK_EQ(world_tier(&world, 1).failed + world_tier(&world, 2).failed, 0);
    world_check_books(&world);
}

static void mem_policy_of_the_request_rules_over_the_instance(void)
{
    void *block;
    begin(any_up);
    use_up(0);
    CHECK_EQ(world_ask(&world, 20, strict, &block), HF_E_FULL);
    CHECK_EQ(world_ask(&world, 20, one_up, &block), HF_OK);
    begin(strict);
    use_up(0);
    use_up(1);
    CHECK_EQ(world_ask(&world, 20, any_up, &block), HF_OK);
    CHECK_EQ(hf_mem_block_bytes(&world.mem, block), 256);
    world_check_books(&world);
}

static void mem_wait_serves_when_a_block_comes_free(void)
{
    void *block;
    begin(strict);
    world.given_in_wait = use_up(1);
    world.give_in_wait = 3;
    CHECK_EQ(world_ask(&world, 60, (hf_mem_policy_t){.wait_us = 10000}, &block), HF_OK);
    CHECK(block != NULL);
    CHECK_EQ(world.waits, 3);
    CHECK_EQ(world_tier(&world, 1).waited, 1);
    CHECK_EQ(world_tier(&world, 1).failed + world_tier(&world, 1).wait_timeouts, 0);
    CHECK_EQ(hf_mem_stats(&world.mem).failures, 0);
    // One refusal by the pool at the first look, none per wait.
    CHECK_EQ(hf_pool_stats(hf_tier_pool(hf_mem_tiers(&world.mem), 1)).exhausted, 1);
    world_check_books(&world);
}

static void mem_wait_ends_at_its_time(void)
{
    void *block = &world;
    begin(strict);
    use_up(1);
    CHECK_EQ(world_ask(&world, 60, (hf_mem_policy_t){.wait_us = 10500}, &block), HF_E_TIMEOUT);
    CHECK(block == NULL);
    CHECK_EQ(world.waited_us, 10500);
    CHECK_EQ(world_tier(&world, 1).wait_timeouts, 1);
    CHECK_EQ(world_tier(&world, 1).failed + world_tier(&world, 1).waited, 0);
    CHECK_EQ(hf_mem_last_error(&world.mem), HF_E_TIMEOUT);
    // A port whose wait returns early, after a microsecond: the bound holds all the same.
    world.wait_answer_us = 1;
    world.waits = 0;
    CHECK_EQ(world_ask(&world, 60, (hf_mem_policy_t){.wait_us = 100}, &block), HF_E_TIMEOUT);
    CHECK_EQ(world.waits, 100);
    CHECK_EQ(hf_pool_stats(hf_tier_pool(hf_mem_tiers(&world.mem), 1)).exhausted, 2);
    world_check_books(&world);
}

static void mem_wait_is_refused_where_it_is_not_possible(void)
{
    void *block;
    begin(strict);
    use_up(1);
    world.wait_answer_us = 0; // as in an ISR
    CHECK_EQ(world_ask(&world, 60, (hf_mem_policy_t){.wait_us = 100}, &block), HF_E_STATE);
    CHECK_EQ(world_tier(&world, 1).wait_refused, 1);
    CHECK_EQ(world_tier(&world, 1).failed, 0);
    world_prepare(&world);
    world.config.seams.wait = NULL;
    world_start(&world);
    use_up(1);
    CHECK_EQ(world_ask(&world, 60, (hf_mem_policy_t){.wait_us = 100}, &block), HF_E_STATE);
    CHECK_EQ(world_tier(&world, 1).wait_refused, 1);
    world_check_books(&world);
}

static void mem_wait_is_not_made_for_what_can_never_be_served(void)
{
    void *block;
    begin(strict);
    CHECK_EQ(world_ask(&world, 257, (hf_mem_policy_t){.wait_us = 100000}, &block), HF_E_TOO_LONG);
    CHECK_EQ(world_ask(&world, 0, (hf_mem_policy_t){.wait_us = 100000}, &block), HF_E_ARGUMENT);
    CHECK_EQ(world.waits, 0);
}

#if CONFIG_HF_MEM_RESERVE
static void begin_with_reserve(void)
{
    static const uint16_t reserve[] = {1, 0, 1};
    world_prepare(&world);
    world.config.reserve = reserve;
    world_start(&world);
}

static void mem_reserve_is_for_emergencies_alone(void)
{
    begin_with_reserve();
    for (unsigned i = 0; i < WORLD_SMALL - 1; i++) {
        CHECK(hf_mem_take(&world.mem, 20) != NULL);
    }
    CHECK(hf_mem_take(&world.mem, 20) == NULL);
    CHECK_EQ(world_tier(&world, 0).failed, 1);
    CHECK_EQ(world_tier(&world, 0).reserve_in_use, 0);
    CHECK(hf_mem_take_emergency(&world.mem, 20) != NULL);
    CHECK(hf_mem_take_emergency(&world.mem, 20) == NULL); // that was the reserve
    const hf_mem_tier_stats_t stats = world_tier(&world, 0);
    CHECK_EQ(stats.reserve, 1);
    CHECK_EQ(stats.reserve_in_use, 1);
    CHECK_EQ(stats.emergencies, 1);
    CHECK_EQ(stats.failed, 2);
    CHECK_EQ(stats.in_use, WORLD_SMALL);
    world_check_books(&world);
}

static void mem_reserve_is_refilled_before_anybody_else_is_served(void)
{
    void *block[WORLD_SMALL];
    begin_with_reserve();
    for (unsigned i = 0; i < WORLD_SMALL - 1; i++) {
        block[i] = hf_mem_take(&world.mem, 20);
    }
    for (unsigned round = 0; round < 3; round++) { // ModESP's reserve served once and never again
        void *last = hf_mem_take_emergency(&world.mem, 20);
        CHECK(last != NULL);
        CHECK_EQ(world_tier(&world, 0).reserve_in_use, 1);
        CHECK_EQ(hf_mem_give(&world.mem, block[0]), HF_OK);
        CHECK_EQ(world_tier(&world, 0).reserve_in_use, 0);
        CHECK(hf_mem_take(&world.mem, 20) == NULL); // what came back is the reserve's
        block[0] = last;
    }
    CHECK_EQ(hf_mem_give(&world.mem, block[0]), HF_OK);
    CHECK(hf_mem_take(&world.mem, 20) != NULL);
    CHECK_EQ(world_tier(&world, 0).emergencies, 3);
    world_check_books(&world);
}

static void mem_reserve_emergency_without_need_leaves_the_reserve(void)
{
    begin_with_reserve();
    CHECK(hf_mem_take_emergency(&world.mem, 200) != NULL);
    CHECK_EQ(world_tier(&world, 2).reserve_in_use, 0);
    CHECK(hf_mem_take(&world.mem, 200) == NULL);
    CHECK(hf_mem_take_emergency(&world.mem, 200) != NULL);
    CHECK_EQ(world_tier(&world, 2).reserve_in_use, 1);
    world_check_books(&world);
}

static void mem_reserve_of_a_whole_tier_is_refused(void)
{
    static const uint16_t all[] = {4, 0, 0};
    world_prepare(&world);
    world.config.reserve = all;
    CHECK_EQ(hf_mem_init(&world.mem, &world.config), HF_E_ARGUMENT);
}
#define RESERVE_CASES                                                                              \
    HF_TEST(mem_reserve_is_for_emergencies_alone),                                                 \
        HF_TEST(mem_reserve_is_refilled_before_anybody_else_is_served),                            \
        HF_TEST(mem_reserve_emergency_without_need_leaves_the_reserve),                            \
        HF_TEST(mem_reserve_of_a_whole_tier_is_refused),
#else
#define RESERVE_CASES
#endif

#if CONFIG_HF_MEM_REGION_FALLBACK
#define REGION_BYTES 4096u
static HF_REGION_STORAGE(REGION_BYTES) memory;
static hf_region_t region;

static void begin_with_region(hf_mem_policy_t policy)
{
    const hf_region_config_t config = {
        .name = "spill", .memory = memory.memory, .bytes = REGION_BYTES, .meta = memory.meta};
    CHECK_EQ(hf_region_init(&region, &config), HF_OK);
    world_prepare(&world);
    world.config.region = &region;
    world.config.policy = policy;
    world_start(&world);
}

static void mem_region_serves_what_no_tier_can(void)
{
    begin_with_region((hf_mem_policy_t){.spill = HF_MEM_ONE_UP, .region = true});
    use_up(2);
    uint8_t *spilled = hf_mem_take_tagged(&world.mem, 200, 2);
    uint8_t *large = hf_mem_take_tagged(&world.mem, 1000, 2);
    REQUIRE(spilled != NULL && large != NULL);
    memset(spilled, 1, 200);
    memset(large, 2, 1000);
    CHECK_EQ((uintptr_t)large % HF_POOL_ALIGN, 0);
    CHECK(hf_region_owns(&region, spilled) && hf_region_owns(&region, large));
    CHECK_EQ(world_tier(&world, 2).spilled_region, 1);
    CHECK_EQ(hf_mem_stats(&world.mem).too_large, 0);
    CHECK_EQ(hf_mem_stats(&world.mem).region_blocks, 2);
    CHECK_EQ(hf_mem_stats(&world.mem).region_bytes, 1200);
    CHECK_EQ(world_tag(&world, 2).bytes, 1200);
    CHECK(hf_mem_owns(&world.mem, large));
    CHECK_EQ(hf_mem_block_bytes(&world.mem, large), 1000);
    world_check_books(&world);
    CHECK_EQ(hf_mem_give(&world.mem, spilled), HF_OK); // ModESP lost every one of these
    CHECK_EQ(hf_mem_give(&world.mem, large), HF_OK);
    CHECK_EQ(hf_region_stats(&region).blocks, 0);
    CHECK_EQ(hf_mem_stats(&world.mem).region_blocks + hf_mem_stats(&world.mem).region_bytes, 0);
    CHECK_EQ(world_tag(&world, 2).bytes + world_tag(&world, 2).blocks, 0);
    world_check_books(&world);
}

static void mem_region_is_left_alone_unless_the_policy_allows(void)
{
    void *block;
    begin_with_region(strict);
    use_up(2);
    CHECK_EQ(world_ask(&world, 200, any_up, &block), HF_E_FULL);
    CHECK_EQ(world_ask(&world, 1000, any_up, &block), HF_E_TOO_LONG);
    CHECK_EQ(hf_region_stats(&region).takes, 0);
    world_check_books(&world);
}

static void mem_region_full_is_counted_apart(void)
{
    void *block;
    const hf_mem_policy_t policy = {.region = true}, waits = {.region = true, .wait_us = 5000};
    begin_with_region(policy);
    CHECK_EQ(world_ask(&world, 100000, policy, &block), HF_E_FULL);
    CHECK_EQ(hf_mem_stats(&world.mem).region_failed, 1);
    CHECK_EQ(world_ask(&world, 100000, waits, &block), HF_E_TIMEOUT);
    CHECK_EQ(hf_mem_stats(&world.mem).region_failed, 2);
    CHECK_EQ(world.waits, 5);
    use_up(2);
    while (hf_mem_take(&world.mem, 500) != NULL) {
    }
    CHECK_EQ(hf_mem_stats(&world.mem).region_failed, 3);
    while (hf_mem_take(&world.mem, 150) != NULL) {
    }
    CHECK_EQ(world_tier(&world, 2).failed, 1);
    CHECK(world_tier(&world, 2).spilled_region > 0);
    world_check_books(&world);
}

static void mem_region_wrong_gives_are_told(void)
{
    begin_with_region((hf_mem_policy_t){.region = true});
    uint8_t *block = hf_mem_take(&world.mem, 1000);
    uint8_t *others = hf_region_take(&region, 500); // of another user of the same region
    REQUIRE(block != NULL && others != NULL);
    memset(block, 0xEE, 1000);
    memset(others, 0xEE, 500);
    CHECK_EQ(hf_mem_give(&world.mem, block + 64), HF_E_INTERIOR);
    CHECK_EQ(hf_mem_give(&world.mem, block + 3), HF_E_INTERIOR);
    CHECK_EQ(hf_mem_give(&world.mem, others + HF_POOL_ALIGN), HF_E_FOREIGN);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_mem_stats(&world.mem).interior, 2);
    CHECK_EQ(hf_mem_stats(&world.mem).foreign, 1);
    CHECK_EQ(hf_mem_stats(&world.mem).double_gives, 1);
    CHECK_EQ(hf_region_give(&region, others), HF_OK);
    world_check_books(&world);
}

static void mem_region_blocks_resize_both_ways(void)
{
    begin_with_region((hf_mem_policy_t){.region = true});
    void *block = hf_mem_take_tagged(&world.mem, 256, 2);
    REQUIRE(block != NULL);
    memset(block, 0x42, 256);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 600), HF_OK);
    CHECK(hf_region_owns(&region, block));
    CHECK_EQ(((uint8_t *)block)[255], 0x42);
    CHECK_EQ(world_tag(&world, 2).bytes, 600);
    void *was = block;
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 500), HF_OK);
    CHECK(block == was);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 700), HF_OK);
    CHECK_EQ(((uint8_t *)block)[255], 0x42);
    CHECK(block == was); // what lies behind it is free
    CHECK_EQ(hf_mem_block_bytes(&world.mem, block), 700);
    CHECK_EQ(world_tag(&world, 2).bytes, 700);
    CHECK_EQ(hf_mem_stats(&world.mem).region_bytes, 700);
    void *behind = hf_region_take(&region, 100);
    REQUIRE(behind != NULL);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 900), HF_OK);
    CHECK(block != was);
    CHECK_EQ(((uint8_t *)block)[255], 0x42);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, SIZE_MAX), HF_E_FULL);
    CHECK_EQ(hf_mem_block_bytes(&world.mem, block), 900);
    CHECK_EQ(hf_mem_stats(&world.mem).moved, 2);
    CHECK_EQ(hf_mem_stats(&world.mem).resized_in_place, 2);
    CHECK_EQ(hf_region_give(&region, behind), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    CHECK_EQ(hf_mem_stats(&world.mem).requested_bytes, 0);
    CHECK_EQ(hf_region_stats(&region).blocks, 0);
    world_check_books(&world);
}

static void mem_region_block_grows_within_the_quota_alone(void)
{
    begin_with_region((hf_mem_policy_t){.region = true});
    use_up(1);
    void *block = hf_mem_take_tagged(&world.mem, 40, 1);
    REQUIRE(block != NULL && hf_region_owns(&region, block));
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 129), HF_E_QUOTA);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 128), HF_OK); // a move would need both
    CHECK_EQ(world_tag(&world, 1).bytes, 128);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    block = hf_mem_take_tagged(&world.mem, 120, 1); // all of what was charged is free again
    CHECK(block == NULL || hf_mem_give(&world.mem, block) == HF_OK);
    CHECK_EQ(world_tag(&world, 1).bytes, 0);
    world_check_books(&world);
}

static void mem_region_serves_a_quota_that_no_tier_fits(void)
{
    void *block;
    begin_with_region((hf_mem_policy_t){.spill = HF_MEM_ANY_UP, .region = true});
    use_up(1);
    const hf_mem_request_t net = {.bytes = 60,
                                  .tag = 1}; // a block of 256 is above the quota of 128
    CHECK_EQ(hf_mem_request(&world.mem, &net, &block), HF_OK);
    CHECK(hf_region_owns(&region, block));
    CHECK_EQ(hf_mem_request(&world.mem, &net, &block), HF_OK);
    CHECK_EQ(world_tag(&world, 1).bytes, 120);
    CHECK_EQ(hf_mem_request(&world.mem, &net, &block), HF_E_QUOTA);
    CHECK_EQ(world_tag(&world, 1).refused, 1);
    world_check_books(&world);
}

#define REGION_CASES                                                                               \
    HF_TEST(mem_region_block_grows_within_the_quota_alone),                                        \
        HF_TEST(mem_region_serves_a_quota_that_no_tier_fits),                                      \
        HF_TEST(mem_region_serves_what_no_tier_can),                                               \
        HF_TEST(mem_region_is_left_alone_unless_the_policy_allows),                                \
        HF_TEST(mem_region_full_is_counted_apart), HF_TEST(mem_region_wrong_gives_are_told),       \
        HF_TEST(mem_region_blocks_resize_both_ways),
#else
#define REGION_CASES
#endif

HF_TEST_MAIN(RESERVE_CASES REGION_CASES HF_TEST(mem_policy_strict_takes_its_tier_or_nothing),
             HF_TEST(mem_policy_one_up_takes_the_next_tier_alone),
             HF_TEST(mem_policy_any_up_takes_every_larger_tier),
             HF_TEST(mem_policy_of_the_request_rules_over_the_instance),
             HF_TEST(mem_wait_serves_when_a_block_comes_free), HF_TEST(mem_wait_ends_at_its_time),
             HF_TEST(mem_wait_is_refused_where_it_is_not_possible),
             HF_TEST(mem_wait_is_not_made_for_what_can_never_be_served))
