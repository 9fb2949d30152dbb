// SPDX-License-Identifier: MIT
// The eleven cases of source document 002 (PRISM, Task 54) over the preset of that name, asserting what the originals only
// logged; its pathological pattern for ten million operations, and its torture loop.
#include "hf_test.h"
#include "holdfast/hf_fragmentation.h"
#include "holdfast/hf_mem_presets.h"

#include <pthread.h>
#include <sched.h>

static hf_mem_prism_t storage;
static hf_mem_t mem;

enum { MESSAGES, PATTERNS, FRAMES };

static void begin(void)
{
    const hf_mem_config_t config = hf_mem_prism(&storage);
    CHECK_EQ(hf_mem_init(&mem, &config), HF_OK);
}

static hf_mem_tier_stats_t tier(uint32_t number)
{
    hf_mem_tier_stats_t stats = {0};
    CHECK_EQ(hf_mem_tier_stats(&mem, number, &stats), HF_OK);
    return stats;
}

static uint32_t free_blocks(uint32_t number)
{
    return tier(number).capacity - tier(number).in_use;
}

static bool is_all_free(void)
{
    return free_blocks(MESSAGES) == 32 && free_blocks(PATTERNS) == 16 && free_blocks(FRAMES) == 8 &&
           hf_mem_stats(&mem).in_use_bytes == 0;
}

static void prism_01_init_twice_leaves_all_free(void)
{
    begin();
    begin();
    CHECK(is_all_free());
    CHECK_EQ(tier(MESSAGES).takes + tier(PATTERNS).takes + tier(FRAMES).takes, 0);
    CHECK_EQ(hf_mem_stats(&mem).failures, 0);
}

static void prism_02_each_size_takes_one_block_of_its_tier(void)
{
    begin();
    void *block[] = {hf_mem_take(&mem, 100), hf_mem_take(&mem, 500), hf_mem_take(&mem, 2000)};
    CHECK_EQ(free_blocks(MESSAGES), 31);
    CHECK_EQ(free_blocks(PATTERNS), 15);
    CHECK_EQ(free_blocks(FRAMES), 7);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(hf_mem_owns(&mem, block[i]));
        CHECK_EQ(hf_mem_give(&mem, block[i]), HF_OK);
    }
    CHECK(is_all_free());
}

static void prism_03_exhausted_tier_falls_back_one_up(void)
{
    void *block[33];
    begin();
    for (unsigned i = 0; i < 33; i++) {
        block[i] = hf_mem_take(&mem, 200);
        CHECK(block[i] != NULL);
    }
    CHECK_EQ(free_blocks(MESSAGES), 0);
    CHECK_EQ(free_blocks(PATTERNS), 15);
    CHECK_EQ(hf_mem_block_bytes(&mem, block[32]), 1024);
    CHECK_EQ(tier(MESSAGES).spilled_up, 1); // the original had no such counter
    CHECK_EQ(hf_mem_stats(&mem).failures, 0);
    for (unsigned i = 0; i < 33; i++) {
        CHECK_EQ(hf_mem_give(&mem, block[i]), HF_OK);
    }
    CHECK(is_all_free());
}

static void prism_04_too_large_is_refused(void)
{
    begin();
    CHECK(hf_mem_take(&mem, 5000) == NULL);
    CHECK_EQ(hf_mem_stats(&mem).too_large, 1);
    CHECK_EQ(hf_mem_stats(&mem).failures, 1);
    CHECK(is_all_free());
}

static void prism_05_double_give_is_told(void)
{
    begin();
    void *block = hf_mem_take(&mem, 100);
    CHECK_EQ(hf_mem_give(&mem, block), HF_OK);
    CHECK_EQ(hf_mem_give(&mem, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_mem_stats(&mem).double_gives, 1);
    CHECK(is_all_free());
}

static void prism_06_foreign_give_is_told(void)
{
    uint8_t buffer[100];
    begin();
    CHECK_EQ(hf_mem_give(&mem, buffer), HF_E_FOREIGN);
    CHECK(!hf_mem_owns(&mem, buffer));
    CHECK_EQ(hf_mem_stats(&mem).foreign, 1);
    uint8_t *block = hf_mem_take(&mem, 2000);
    REQUIRE(block != NULL);
    CHECK_EQ(hf_mem_give(&mem, block + 100), HF_E_INTERIOR); // the original freed the block
    CHECK_EQ(free_blocks(FRAMES), 7);
    CHECK_EQ(hf_mem_give(&mem, block), HF_OK);
}

static void prism_07_statistics_are_exact(void)
{
    begin();
    void *one = hf_mem_take(&mem, 100), *two = hf_mem_take(&mem, 500);
    CHECK(hf_mem_take(&mem, 2000) != NULL);
    CHECK_EQ(hf_mem_give(&mem, one), HF_OK);
    CHECK_EQ(hf_mem_give(&mem, two), HF_OK);
    CHECK_EQ(tier(MESSAGES).takes + tier(PATTERNS).takes + tier(FRAMES).takes, 3);
    CHECK_EQ(tier(MESSAGES).gives + tier(PATTERNS).gives + tier(FRAMES).gives, 2);
    CHECK_EQ(hf_mem_stats(&mem).failures, 0);
    for (uint32_t i = MESSAGES; i <= FRAMES; i++) {
        CHECK_EQ(tier(i).peak, 1);
    }
    hf_mem_reset_stats(&mem);
    CHECK_EQ(tier(FRAMES).peak, 1); // the original's fell below what was in use
    CHECK_EQ(tier(MESSAGES).peak, 0);
}

typedef struct task {
    uint8_t number;
    uint32_t broken, refused;
} task_t;

static void *take_fill_verify_give(void *ctx)
{
    const size_t sizes[] = {100, 500, 2000};
    task_t *task = ctx;
    for (uint32_t i = 0; i < 100; i++) {
        const size_t bytes = sizes[i % 3u];
        uint8_t *block = hf_mem_take(&mem, bytes);
        if (block == NULL) {
            task->refused++;
            continue;
        }
        memset(block, task->number, bytes);
        (void)sched_yield();
        for (size_t k = 0; k < bytes; k++) {
            task->broken += block[k] == task->number ? 0 : 1u;
        }
        task->broken += hf_mem_give(&mem, block) == HF_OK ? 0 : 1u;
    }
    return NULL;
}

static void prism_08_four_threads_hold_what_is_theirs(void)
{
    pthread_t thread[4];
    task_t task[4];
    begin();
    for (uint8_t i = 0; i < 4; i++) {
        task[i] = (task_t){.number = (uint8_t)(i + 1u)};
        CHECK_EQ(pthread_create(&thread[i], NULL, take_fill_verify_give, &task[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) { // the original waited two seconds and hoped
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
        CHECK_EQ(task[i].broken, 0);
        CHECK_EQ(task[i].refused, 0); // eight frames for four threads
    }
    CHECK(is_all_free());
    CHECK_EQ(tier(MESSAGES).takes + tier(PATTERNS).takes + tier(FRAMES).takes, 400);
}

/// Ten takes of 256, 1024 and 4096 bytes in turn, then gives of the even ones, then of the odd ones.
static bool pathological_round(void)
{
    static const size_t sizes[] = {256, 1024, 4096};
    void *block[10];
    bool is_good = true;
    for (unsigned i = 0; i < 10; i++) {
        block[i] = hf_mem_take(&mem, sizes[i % 3u]);
        is_good &= block[i] != NULL;
    }
    for (unsigned i = 0; i < 20; i++) {
        const unsigned which = i < 10 ? i : i - 10u;
        if (which % 2u == (i < 10 ? 0 : 1u)) {
            is_good &= hf_mem_give(&mem, block[which]) == HF_OK;
        }
    }
    return is_good;
}

static uint32_t fragmentation(void)
{
    const hf_pool_t *pools[3];
    for (uint32_t i = 0; i < 3; i++) {
        pools[i] = hf_tier_pool(hf_mem_tiers(&mem), i);
    }
    return hf_fragmentation_permille(pools, 3, 4096);
}

static void prism_09_pathological_pattern_leaves_no_trace(void)
{
    begin();
    for (unsigned i = 0; i < 1000; i++) {
        CHECK(pathological_round());
        if (i % 100u == 0) {
            void *largest = hf_mem_take(&mem, 4096);
            CHECK(largest != NULL);
            CHECK_EQ(hf_mem_give(&mem, largest), HF_OK);
            CHECK(is_all_free());
            CHECK_EQ(fragmentation(), 0);
        }
    }
    CHECK_EQ(hf_mem_stats(&mem).failures, 0);
}

static void prism_09_pathological_pattern_ten_million_operations(void)
{
    begin();
    uint32_t bad = 0;
    for (uint32_t i = 0; i < 500000u; i++) { // of 20 operations
        bad += pathological_round() ? 0 : 1u;
    }
    CHECK_EQ(bad, 0);
    CHECK(is_all_free());
    CHECK_EQ(fragmentation(), 0);
    CHECK_EQ(tier(MESSAGES).takes, 4u * 500000u);
    CHECK_EQ(tier(PATTERNS).takes + tier(FRAMES).takes, 6u * 500000u);
    CHECK_EQ(hf_mem_stats(&mem).failures, 0);
    for (unsigned i = 0; i < 8; i++) {
        CHECK(hf_mem_take(&mem, 4096) != NULL); // every frame there ever was
    }
}

static void prism_10_a_hundred_takes_and_gives_cost_the_same_block(void)
{
    begin();
    // Times are the benchmark's business (holdfast bench memory); what can be asserted is that nothing is searched or kept.
    for (unsigned i = 0; i < 100; i++) {
        void *block = hf_mem_take(&mem, 256);
        REQUIRE(block != NULL);
        CHECK_EQ(hf_mem_give(&mem, block), HF_OK);
    }
    CHECK_EQ(tier(MESSAGES).takes, 100);
    CHECK_EQ(tier(MESSAGES).gives, 100);
    CHECK_EQ(tier(MESSAGES).peak, 1);
    CHECK_EQ(tier(MESSAGES).spilled_up, 0);
    CHECK(is_all_free());
}

static void prism_11_what_a_dump_tells_is_there(void)
{
    begin();
    CHECK(hf_mem_take(&mem, 100) != NULL);
    CHECK_STR(tier(MESSAGES).name, "messages");
    CHECK_EQ(tier(MESSAGES).capacity, 32);
    CHECK_EQ(tier(MESSAGES).in_use, 1);
    CHECK_EQ(tier(MESSAGES).peak, 1);
    CHECK_EQ(hf_mem_stats(&mem).capacity_bytes, 57344);
    CHECK_EQ(hf_mem_stats(&mem).waste_permille, 1000 * 156 / 256);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void prism_torture_a_frame_is_served_whenever_one_is_free(void)
{
    static void *block[100];
    uint32_t random = 7, served_after = 0;
    begin();
    for (unsigned round = 0; round < 1000; round++) {
        for (unsigned i = 0; i < 100; i++) {
            block[i] = hf_mem_take(&mem, 32 + next_random(&random) % 4064u);
        }
        for (unsigned i = 0; i < 100; i += 2) {
            if (block[i] != NULL) {
                CHECK_EQ(hf_mem_give(&mem, block[i]), HF_OK);
            }
        }
        // The original's claim, exactly: no history makes a free frame unusable.
        const bool is_frame_free = free_blocks(FRAMES) > 0;
        void *frame = hf_mem_take(&mem, 4096);
        CHECK((frame != NULL) == is_frame_free);
        served_after += frame != NULL ? 1u : 0u;
        if (frame != NULL) {
            CHECK_EQ(hf_mem_give(&mem, frame), HF_OK);
        }
        for (unsigned i = 1; i < 100; i += 2) {
            if (block[i] != NULL) {
                CHECK_EQ(hf_mem_give(&mem, block[i]), HF_OK);
            }
        }
    }
    CHECK(is_all_free());
    CHECK(served_after > 900);
}

HF_TEST_MAIN(HF_TEST(prism_01_init_twice_leaves_all_free),
             HF_TEST(prism_02_each_size_takes_one_block_of_its_tier),
             HF_TEST(prism_03_exhausted_tier_falls_back_one_up),
             HF_TEST(prism_04_too_large_is_refused), HF_TEST(prism_05_double_give_is_told),
             HF_TEST(prism_06_foreign_give_is_told), HF_TEST(prism_07_statistics_are_exact),
             HF_TEST(prism_08_four_threads_hold_what_is_theirs),
             HF_TEST(prism_09_pathological_pattern_leaves_no_trace),
             HF_TEST(prism_09_pathological_pattern_ten_million_operations),
             HF_TEST(prism_10_a_hundred_takes_and_gives_cost_the_same_block),
             HF_TEST(prism_11_what_a_dump_tells_is_there),
             HF_TEST(prism_torture_a_frame_is_served_whenever_one_is_free))
