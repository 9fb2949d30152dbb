// SPDX-License-Identifier: MIT
// The test lists of source document 004 (ModESP) over the preset of that name, asserting what the originals only logged:
// three files written against three interfaces, none of which was the one that shipped.
#include "hf_test.h"
#include "holdfast/hf_mem_presets.h"

#include <pthread.h>

static hf_mem_modesp_t storage;
static hf_mem_t mem;

enum { TINY, SMALL, MEDIUM, LARGE, XLARGE, TIERS };

static void begin(void)
{
    const hf_mem_config_t config = hf_mem_modesp(&storage);
    CHECK_EQ(hf_mem_init(&mem, &config), HF_OK);
}

static hf_mem_tier_stats_t tier(uint32_t number)
{
    hf_mem_tier_stats_t stats = {0};
    CHECK_EQ(hf_mem_tier_stats(&mem, number, &stats), HF_OK);
    return stats;
}

/// Takes until nothing is left; returns how many, all of them given back.
static uint32_t exhaust(size_t bytes, uint32_t tries)
{
    static void *block[200];
    uint32_t served = 0;
    for (uint32_t i = 0; i < tries; i++) {
        block[served] = hf_mem_take(&mem, bytes);
        served += block[served] != NULL ? 1u : 0u;
    }
    for (uint32_t i = 0; i < served; i++) {
        CHECK_EQ(hf_mem_give(&mem, block[i]), HF_OK);
    }
    return served;
}

static void modesp_basic_sizes_are_served(void)
{
    const size_t sizes[] = {16, 48, 100};
    begin();
    for (unsigned i = 0; i < 3; i++) {
        void *block = hf_mem_take(&mem, sizes[i]);
        REQUIRE(block != NULL);
        memset(block, 0xAB, sizes[i]);
        CHECK_EQ(hf_mem_give(&mem, block), HF_OK);
    }
    CHECK_EQ(hf_mem_stats(&mem).in_use_bytes, 0);
}

static void modesp_exhaustion_serves_exactly_the_count(void)
{
    const uint32_t counts[] = {128, 64, 32, 16, 8};
    begin();
    for (unsigned round = 0; round < 2; round++) { // and again: all of it came back
        for (uint32_t i = TINY; i < TIERS; i++) {
            CHECK_EQ(exhaust(tier(i).block_bytes, counts[i] + 10u), counts[i]);
            CHECK_EQ(tier(i).failed, 10u * (round + 1u));
            CHECK_EQ(tier(i).peak, counts[i]);
        }
    }
}

static void modesp_boundaries_choose_the_class(void)
{
    const struct {
        size_t bytes;
        uint32_t tier;
    } table[] = {{1, TINY},    {8, TINY},     {32, TINY},    {33, SMALL},
                 {64, SMALL},  {65, MEDIUM},  {128, MEDIUM}, {129, LARGE},
                 {256, LARGE}, {257, XLARGE}, {512, XLARGE}};
    begin();
    for (size_t i = 0; i < HF_COUNT_OF(table); i++) {
        void *block = hf_mem_take(&mem, table[i].bytes);
        REQUIRE(block != NULL);
        CHECK_EQ(tier(table[i].tier).in_use, 1);
        CHECK_EQ(hf_mem_stats(&mem).blocks, 1);
        CHECK_EQ(hf_mem_give(&mem, block), HF_OK);
    }
    CHECK(hf_mem_take(&mem, 513) == NULL);
    CHECK(hf_mem_take(&mem, 1024) == NULL);
    CHECK_EQ(hf_mem_stats(&mem).too_large, 2); // the original said "pool exhausted"
    CHECK(hf_mem_take(&mem, 0) == NULL);       // the original gave a block of 32
    CHECK_EQ(hf_mem_stats(&mem).zero_size, 1);
    for (uint32_t i = TINY; i < TIERS; i++) {
        CHECK_EQ(tier(i).failed, 0);
    }
}

static void modesp_an_object_lives_in_its_block(void)
{
    begin();
    int *object = hf_mem_take(&mem, sizeof *object);
    REQUIRE(object != NULL);
    CHECK_EQ((uintptr_t)object % alignof(max_align_t), 0); // the original ignored alignof
    *object = 42;
    CHECK_EQ(hf_mem_stats(&mem).blocks, 1);
    CHECK_EQ(*object, 42);
    CHECK_EQ(hf_mem_give(&mem, object), HF_OK);
    CHECK_EQ(hf_mem_stats(&mem).blocks, 0);
}

static void modesp_statistics_count_and_the_peak_stays(void)
{
    begin();
    void *one = hf_mem_take(&mem, 20), *two = hf_mem_take(&mem, 20);
    CHECK_EQ(tier(TINY).takes, 2);
    CHECK_EQ(tier(TINY).in_use, 2);
    CHECK_EQ(hf_mem_give(&mem, one), HF_OK);
    CHECK_EQ(hf_mem_give(&mem, two), HF_OK);
    CHECK_EQ(tier(TINY).peak, 2);
    CHECK_EQ(tier(TINY).in_use, 0);
    CHECK_EQ(hf_mem_give(&mem, two), HF_E_DOUBLE_GIVE); // the original then had two owners of it
    CHECK_EQ(tier(TINY).in_use, 0);
    CHECK(hf_mem_take(&mem, 20) != hf_mem_take(&mem, 20));
    CHECK_EQ(hf_mem_stats(&mem).peak_bytes, 64);
    CHECK_EQ(hf_mem_stats(&mem).served_total, 4 * 32);
}

static void modesp_utilization_rises_with_use(void)
{
    begin();
    CHECK_EQ(hf_mem_stats(&mem).use_permille, 0);
    CHECK_EQ(hf_mem_stats(&mem).capacity_bytes, 20480);
    for (uint32_t i = 1; i <= 10; i++) {
        CHECK(hf_mem_take(&mem, 64) != NULL);
        CHECK_EQ(hf_mem_stats(&mem).use_permille, i * 64000u / 20480u);
    }
}

static void modesp_alert_at_80_and_95_percent(void)
{
    begin();
    for (uint32_t i = 0; i < 128; i++) {
        CHECK_EQ(hf_mem_is_low(&mem, TINY), (i * 100u + 127u) / 128u > CONFIG_HF_MEM_LOW_PERCENT);
        CHECK(hf_mem_take(&mem, 32) != NULL);
    }
    CHECK(hf_mem_is_critical(&mem, TINY));
    CHECK(!hf_mem_is_low(&mem, HF_MEM_TIER_ALL));
    CHECK_EQ(hf_mem_stats(&mem).low_raised, 1); // the original logged each call from here on
    CHECK_EQ(hf_mem_stats(&mem).critical_raised, 1);
}

static void modesp_a_leak_is_one_block_then_none(void)
{
    begin();
    void *leak = hf_mem_take(&mem, 100);
    CHECK_EQ(exhaust(100, 5), 5);
    CHECK_EQ(hf_mem_stats(&mem).blocks, 1);
    CHECK_EQ(tier(MEDIUM).takes - tier(MEDIUM).gives, 1);
    CHECK_EQ(hf_mem_give(&mem, leak), HF_OK);
    CHECK_EQ(hf_mem_stats(&mem).blocks, 0);
}

typedef struct task {
    uint32_t random, rounds, served, broken;
} task_t;

static void *take_and_give(void *ctx)
{
    task_t *task = ctx;
    for (uint32_t i = 0; i < task->rounds; i++) {
        task->random = task->random * 1664525u + 1013904223u;
        const size_t bytes = 8 + (task->random >> 8) % 249u;
        uint8_t *block = hf_mem_take(&mem, bytes);
        if (block == NULL) {
            continue;
        }
        memset(block, (int)(task->random >> 16 & 0xFFu), bytes);
        task->broken += block[bytes - 1] == (task->random >> 16 & 0xFFu) ? 0 : 1u;
        task->broken += hf_mem_give(&mem, block) == HF_OK ? 0 : 1u;
        task->served++;
    }
    return NULL;
}

static void run_tasks(uint32_t count, uint32_t rounds)
{
    pthread_t thread[4];
    task_t task[4];
    begin();
    for (uint32_t i = 0; i < count; i++) {
        task[i] = (task_t){.random = i + 1u, .rounds = rounds};
        CHECK_EQ(pthread_create(&thread[i], NULL, take_and_give, &task[i]), 0);
    }
    uint32_t takes = 0;
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
        CHECK_EQ(task[i].broken, 0);
        CHECK_EQ(task[i].served, rounds); // four blocks of a class at most: none is ever refused
    }
    for (uint32_t i = TINY; i < TIERS; i++) {
        CHECK_EQ(tier(i).in_use, 0);
        CHECK(tier(i).peak <= count);
        takes += tier(i).takes;
    }
    CHECK_EQ(takes, count * rounds);
}

static void modesp_two_tasks_of_a_hundred(void)
{
    run_tasks(2, 100);
}

static void modesp_four_tasks_of_a_thousand(void)
{
    run_tasks(4, 1000);
}

static void modesp_two_tasks_of_two_thousand(void)
{
    run_tasks(2, 2000);
}

static void modesp_24_hours_of_seconds_leave_nothing(void)
{
    begin();
    uint32_t random = 1, bad = 0;
    for (uint32_t second = 0; second < 24u * 3600u; second++) {
        random = random * 1664525u + 1013904223u;
        void *block = hf_mem_take(&mem, 1 + (random >> 8) % 512u);
        bad += block != NULL && hf_mem_give(&mem, block) == HF_OK ? 0 : 1u;
        bad += hf_mem_poll(&mem, second * 1000000ull) == 0 ? 0 : 1u;
    }
    CHECK_EQ(bad, 0);
    CHECK_EQ(hf_mem_stats(&mem).blocks, 0); // the original was content with ten
    CHECK_EQ(hf_mem_stats(&mem).failures, 0);
    CHECK(hf_mem_stats(&mem).peak_bytes <= 512);
}

static void modesp_every_pool_is_in_the_figures(void)
{
    const char *names[] = {"tiny", "small", "medium", "large", "xlarge"};
    begin();
    CHECK_EQ(hf_mem_tier_count(&mem), 5);
    for (uint32_t i = TINY; i < TIERS; i++) {
        CHECK_STR(tier(i).name, names[i]);
        CHECK_EQ(tier(i).capacity * tier(i).block_bytes, 4096);
    }
}

/// Sixteen blocks of 64 bytes: the original's single pool.
static void modesp_single_pool_is_exhausted_and_reused(void)
{
    static HF_POOL_STORAGE_BYTES(64, 16) blocks;
    hf_pool_t pool;
    void *block[16];
    const hf_pool_config_t config = {.name = "single",
                                     .blocks = blocks.blocks,
                                     .meta = blocks.meta,
                                     .block_bytes = 64,
                                     .count = 16};
    CHECK_EQ(hf_pool_init(&pool, &config), HF_OK);
    for (unsigned i = 0; i < 16; i++) {
        block[i] = hf_pool_take(&pool, HF_TAG_NONE);
        CHECK(block[i] != NULL);
    }
    CHECK(hf_pool_take(&pool, HF_TAG_NONE) == NULL);
    CHECK_EQ(hf_pool_give(&pool, block[5]), HF_OK);
    CHECK(hf_pool_take(&pool, HF_TAG_NONE) == block[5]);
    CHECK(hf_pool_take(&pool, HF_TAG_NONE) == NULL);
}

HF_TEST_MAIN(HF_TEST(modesp_basic_sizes_are_served),
             HF_TEST(modesp_exhaustion_serves_exactly_the_count),
             HF_TEST(modesp_boundaries_choose_the_class),
             HF_TEST(modesp_an_object_lives_in_its_block),
             HF_TEST(modesp_statistics_count_and_the_peak_stays),
             HF_TEST(modesp_utilization_rises_with_use), HF_TEST(modesp_alert_at_80_and_95_percent),
             HF_TEST(modesp_a_leak_is_one_block_then_none), HF_TEST(modesp_two_tasks_of_a_hundred),
             HF_TEST(modesp_four_tasks_of_a_thousand), HF_TEST(modesp_two_tasks_of_two_thousand),
             HF_TEST(modesp_24_hours_of_seconds_leave_nothing),
             HF_TEST(modesp_every_pool_is_in_the_figures),
             HF_TEST(modesp_single_pool_is_exhausted_and_reused))
