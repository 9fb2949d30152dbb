// SPDX-License-Identifier: MIT
// The pool in one context: each block once, every wrong give told and counted, figures exact.
#include "hf_test.h"
#include "holdfast/hf_pool.h"

#define COUNT_MAX 1024u

typedef struct item {
    uint8_t bytes[20];
} item_t;

static HF_POOL_STORAGE(item_t, COUNT_MAX) storage;
static void *block[COUNT_MAX];

static void start(hf_pool_t *pool, uint32_t count)
{
    const hf_pool_config_t config = {.name = "items",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = sizeof(item_t),
                                     .count = count};
    memset(&storage, 0xA5, sizeof storage);
    CHECK_EQ(hf_pool_init(pool, &config), HF_OK);
}

static void take_all(hf_pool_t *pool, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        block[i] = hf_pool_take(pool, HF_TAG_NONE);
        CHECK(block[i] != NULL);
    }
    CHECK(hf_pool_take(pool, HF_TAG_NONE) == NULL);
}

static bool holds(const hf_pool_t *pool, uint32_t taken, uint32_t given)
{
    hf_pool_stats_t stats = hf_pool_stats(pool);
    return stats.takes == taken && stats.gives == given && stats.in_use == taken - given &&
           stats.min_free == stats.capacity - stats.peak;
}

static void pool_of_any_size_gives_each_block_once(void)
{
    const uint32_t counts[] = {1, 2, 31, 32, 33, 64, 65, 1023, 1024};
    for (size_t c = 0; c < HF_COUNT_OF(counts); c++) {
        static bool seen[COUNT_MAX];
        hf_pool_t pool;
        memset(seen, 0, sizeof seen);
        start(&pool, counts[c]);
        take_all(&pool, counts[c]);
        for (uint32_t i = 0; i < counts[c]; i++) {
            uintptr_t offset = (uintptr_t)block[i] - (uintptr_t)storage.blocks;
            uintptr_t index = offset / HF_POOL_STRIDE(sizeof(item_t));
            CHECK_EQ(offset % HF_POOL_STRIDE(sizeof(item_t)), 0);
            CHECK_EQ((uintptr_t)block[i] % HF_POOL_ALIGN, 0);
            REQUIRE(index < counts[c]);
            CHECK(!seen[index]);
            seen[index] = true;
        }
        CHECK(holds(&pool, counts[c], 0));
        CHECK_EQ(hf_pool_stats(&pool).exhausted, 1);
    }
}

static void pool_one_free_block_is_found_wherever_it_is(void)
{
    hf_pool_t pool;
    start(&pool, 100);
    take_all(&pool, 100);
    for (uint32_t i = 0; i < 100; i++) {
        CHECK_EQ(hf_pool_give(&pool, block[i * 37 % 100]), HF_OK);
        CHECK(hf_pool_take(&pool, HF_TAG_NONE) == block[i * 37 % 100]);
    }
    CHECK(holds(&pool, 200, 100));
    CHECK_EQ(hf_pool_stats(&pool).exhausted, 1);
}

static void pool_exhausted_counts_and_recovers(void)
{
    hf_pool_t pool;
    start(&pool, 2);
    take_all(&pool, 2);
    CHECK(hf_pool_take(&pool, HF_TAG_NONE) == NULL);
    CHECK_EQ(hf_pool_stats(&pool).exhausted, 2);
    CHECK_EQ(hf_pool_give(&pool, block[0]), HF_OK);
    CHECK(hf_pool_take(&pool, HF_TAG_NONE) == block[0]);
    CHECK(holds(&pool, 3, 1));
}

static void pool_peak_stays_at_the_highest(void)
{
    hf_pool_t pool;
    start(&pool, 10);
    void *one = hf_pool_take(&pool, HF_TAG_NONE), *two = hf_pool_take(&pool, HF_TAG_NONE), *three = hf_pool_take(&pool, HF_TAG_NONE);
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    CHECK_EQ(hf_pool_give(&pool, two), HF_OK);
    CHECK_EQ(hf_pool_give(&pool, three), HF_OK);
    CHECK(hf_pool_take(&pool, HF_TAG_NONE) != NULL);
    hf_pool_stats_t stats = hf_pool_stats(&pool);
    CHECK_EQ(stats.peak, 3);
    CHECK_EQ(stats.min_free, 7);
    CHECK_EQ(stats.capacity, 10);
    CHECK_EQ(stats.block_bytes, sizeof(item_t));
    CHECK(holds(&pool, 4, 3));
}

static void pool_double_give_is_told_and_changes_nothing(void)
{
    hf_pool_t pool;
    start(&pool, 4);
    void *one = hf_pool_take(&pool, HF_TAG_NONE), *two = hf_pool_take(&pool, HF_TAG_NONE);
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
    CHECK_EQ(hf_pool_give(&pool, one), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_pool_stats(&pool).double_gives, 1);
    CHECK(holds(&pool, 2, 1));
    for (int i = 0; i < 3; i++) {
        CHECK(hf_pool_take(&pool, HF_TAG_NONE) != two);
    }
    CHECK(hf_pool_take(&pool, HF_TAG_NONE) == NULL);
}

static void pool_block_never_taken_is_a_double_give(void)
{
    hf_pool_t pool;
    start(&pool, 4);
    CHECK_EQ(hf_pool_give(&pool, storage.blocks), HF_E_DOUBLE_GIVE);
    CHECK(holds(&pool, 0, 0));
}

static void pool_foreign_give_is_told_and_changes_nothing(void)
{
    hf_pool_t pool;
    item_t outside;
    start(&pool, 4);
    void *one = hf_pool_take(&pool, HF_TAG_NONE);
    CHECK_EQ(hf_pool_give(&pool, NULL), HF_E_FOREIGN);
    CHECK_EQ(hf_pool_give(&pool, &outside), HF_E_FOREIGN);
    CHECK_EQ(hf_pool_give(&pool, storage.blocks + 4u * HF_POOL_STRIDE(sizeof(item_t))),
             HF_E_FOREIGN);
    CHECK_EQ(hf_pool_stats(&pool).foreign, 3);
    CHECK(holds(&pool, 1, 0));
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
}

static void pool_interior_give_is_told_and_changes_nothing(void)
{
    hf_pool_t pool;
    start(&pool, 4);
    uint8_t *one = hf_pool_take(&pool, HF_TAG_NONE);
    for (uint32_t i = 1; i < HF_POOL_STRIDE(sizeof(item_t)); i++) {
        CHECK_EQ(hf_pool_give(&pool, one + i), HF_E_INTERIOR);
    }
    CHECK_EQ(hf_pool_stats(&pool).interior, HF_POOL_STRIDE(sizeof(item_t)) - 1u);
    CHECK(holds(&pool, 1, 0));
    CHECK_EQ(hf_pool_give(&pool, one), HF_OK);
}

static void pool_never_touches_the_blocks(void)
{
    hf_pool_t pool;
    start(&pool, 33);
    take_all(&pool, 33);
    for (uint32_t i = 0; i < 33; i++) {
        CHECK_EQ(hf_pool_give(&pool, block[i]), HF_OK);
    }
    for (size_t i = 0; i < sizeof storage.blocks; i++) {
        REQUIRE(storage.blocks[i] == 0xA5);
    }
}

static void pool_wrong_config_is_refused(void)
{
    const hf_pool_config_t good = {
        .name = "x", .blocks = storage.blocks, .meta = storage.meta, .block_bytes = 8, .count = 4};
    hf_pool_config_t wrong[7];
    hf_pool_t pool;
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        wrong[i] = good;
    }
    wrong[0].name = NULL;
    wrong[1].blocks = NULL;
    wrong[2].meta = NULL;
    wrong[3].block_bytes = 0;
    wrong[4].count = 0;
    wrong[5].count = COUNT_MAX + 1u;
    wrong[6].blocks = storage.blocks + 1;
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        CHECK_EQ(hf_pool_init(&pool, &wrong[i]), HF_E_ARGUMENT);
    }
    CHECK_EQ(hf_pool_init(NULL, &good), HF_E_ARGUMENT);
    CHECK_EQ(hf_pool_init(&pool, NULL), HF_E_ARGUMENT);
    CHECK_EQ(hf_pool_init(&pool, &good), HF_OK);
}

HF_TEST_MAIN(HF_TEST(pool_of_any_size_gives_each_block_once),
             HF_TEST(pool_one_free_block_is_found_wherever_it_is),
             HF_TEST(pool_exhausted_counts_and_recovers), HF_TEST(pool_peak_stays_at_the_highest),
             HF_TEST(pool_double_give_is_told_and_changes_nothing),
             HF_TEST(pool_block_never_taken_is_a_double_give),
             HF_TEST(pool_foreign_give_is_told_and_changes_nothing),
             HF_TEST(pool_interior_give_is_told_and_changes_nothing),
             HF_TEST(pool_never_touches_the_blocks), HF_TEST(pool_wrong_config_is_refused))
