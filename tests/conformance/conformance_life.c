// SPDX-License-Identifier: MIT
// Opening, exhausting and refilling a pool of every size, what is told about it, and what is refused.
#include "conformance.h"

// Every boundary of a 32-bit word and of the 32 words that a summary holds.
static const uint32_t counts[] = {1,  2,   3,   31,  32,  33,  63,  64,   65,
                                  96, 255, 256, 257, 991, 992, 993, 1023, 1024};

static void pool_of_every_size_gives_each_block_once(void)
{
    for (size_t c = 0; c < HF_COUNT_OF(counts); c++) {
        hf_pool_t pool;
        REQUIRE(conf_open(&pool, BLOCK_BYTES, counts[c], 0));
        CHECK(conf_in_use_is(&pool, 0));
        for (uint32_t order = 0; order < 5; order++) {
            REQUIRE(conf_take_all(&pool));
            CHECK_EQ(hf_pool_stats(&pool).exhausted, order + 1u);
            REQUIRE(conf_give_all(&pool, order));
        }
        CHECK(conf_guards_are_whole(&pool));
    }
}

static void pool_of_every_block_size_keeps_its_blocks_apart(void)
{
    static const uint32_t bytes[] = {1, 4, 7, 8, 9, 16, 17, 24, 40, 64, 100, 256, 1000, 4096};
    for (size_t s = 0; s < HF_COUNT_OF(bytes); s++) {
        hf_pool_t pool;
        uint32_t count = (uint32_t)(AREA_BYTES / HF_POOL_STRIDE(bytes[s]));
        count = count > 70 ? 70 : count;
        REQUIRE(conf_open(&pool, bytes[s], count, 0));
        REQUIRE(conf_take_all(&pool));
        for (uint32_t i = 0; i < count; i++) {
            memset(conf_block[i], (int)(i & 0xFFu), bytes[s]);
        }
        for (uint32_t i = 0; i < count; i++) {
            CHECK_EQ(conf_block[i][0], i & 0xFFu);
            CHECK_EQ(conf_block[i][bytes[s] - 1u], i & 0xFFu);
        }
        REQUIRE(conf_give_all(&pool, 2));
        CHECK(conf_guards_are_whole(&pool));
        CHECK_EQ(hf_pool_stats(&pool).block_bytes, bytes[s]);
    }
}

static void pool_last_free_block_is_found_wherever_it_is(void)
{
    static const uint32_t sizes[] = {1, 33, 256, 1023, 1024};
    for (size_t c = 0; c < HF_COUNT_OF(sizes); c++) {
        hf_pool_t pool;
        REQUIRE(conf_open(&pool, BLOCK_BYTES, sizes[c], 0));
        REQUIRE(conf_take_all(&pool));
        for (uint32_t i = 0; i < sizes[c]; i++) {
            uint8_t *block = conf_block[i * 389u % sizes[c]];
            REQUIRE(hf_pool_give(&pool, block) == HF_OK);
            REQUIRE(hf_pool_take(&pool, HF_TAG_NONE) == block);
        }
        CHECK(conf_in_use_is(&pool, sizes[c]));
        CHECK_EQ(hf_pool_stats(&pool).exhausted, 1);
    }
}

static void pool_two_free_blocks_far_apart_are_both_found(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 1024, 0));
    REQUIRE(conf_take_all(&pool));
    for (uint32_t i = 0; i < 512; i++) {
        uint8_t *low = conf_block[i], *high = conf_block[1023u - i];
        REQUIRE(hf_pool_give(&pool, low) == HF_OK);
        REQUIRE(hf_pool_give(&pool, high) == HF_OK);
        uint8_t *one = hf_pool_take(&pool, HF_TAG_NONE), *two = hf_pool_take(&pool, HF_TAG_NONE);
        REQUIRE((one == low && two == high) || (one == high && two == low));
        REQUIRE(hf_pool_take(&pool, HF_TAG_NONE) == NULL);
    }
}

static void pool_exhausted_counts_each_refusal(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 2, 0));
    REQUIRE(conf_take_all(&pool));
    for (int i = 0; i < 10; i++) {
        CHECK(hf_pool_take(&pool, HF_TAG_NONE) == NULL);
    }
    CHECK_EQ(hf_pool_stats(&pool).exhausted, 11);
    CHECK(conf_in_use_is(&pool, 2));
    CHECK_EQ(hf_pool_give(&pool, conf_block[0]), HF_OK);
    CHECK(hf_pool_take(&pool, HF_TAG_NONE) == conf_block[0]);
}

static void pool_without_options_never_touches_its_blocks(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 40, 0));
    REQUIRE(conf_take_all(&pool));
    REQUIRE(conf_give_all(&pool, 0));
    for (size_t i = 0; i < HF_POOL_BYTES(BLOCK_BYTES, 40); i++) {
        REQUIRE(conf.blocks[i] == AREA_FILL);
    }
}

static void pool_tells_its_name_and_what_it_owns(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 5, 0));
    const size_t bytes = HF_POOL_BYTES(BLOCK_BYTES, 5);
    CHECK_STR(hf_pool_name(&pool), "blocks");
    for (size_t i = 0; i < bytes; i++) {
        CHECK(hf_pool_owns(&pool, conf.blocks + i));
    }
    CHECK(!hf_pool_owns(&pool, conf.blocks + bytes));
    CHECK(!hf_pool_owns(&pool, conf.below + sizeof conf.below - 1u));
    CHECK(!hf_pool_owns(&pool, &pool));
    CHECK(!hf_pool_owns(&pool, NULL));
}

static void pool_reset_stats_keeps_what_is_in_use(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 8, 0));
    REQUIRE(conf_take_all(&pool));
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(hf_pool_give(&pool, conf_block[i]), HF_OK);
    }
    CHECK_EQ(hf_pool_give(&pool, conf_block[0]), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_pool_give(&pool, conf_block[7] + 1), HF_E_INTERIOR);
    CHECK_EQ(hf_pool_give(&pool, NULL), HF_E_FOREIGN);
    hf_pool_reset_stats(&pool);
    hf_pool_stats_t stats = hf_pool_stats(&pool);
    CHECK_EQ(stats.in_use, 3);
    CHECK_EQ(stats.capacity, 8);
    CHECK_EQ(stats.exhausted + stats.foreign + stats.interior + stats.double_gives, 0);
    CHECK_EQ(hf_pool_free_count(&pool), 5);
#if CONFIG_HF_POOL_STATISTICS
    CHECK_EQ(stats.peak, 3);
    CHECK_EQ(stats.min_free, 5);
    CHECK_EQ(stats.takes, 0);
    CHECK_EQ(stats.gives, 0);
#endif
    CHECK(hf_pool_take(&pool, HF_TAG_NONE) != NULL);
    CHECK_EQ(hf_pool_give(&pool, conf_block[7]), HF_OK);
    stats = hf_pool_stats(&pool);
    CHECK_EQ(stats.in_use, 3);
#if CONFIG_HF_POOL_STATISTICS
    CHECK_EQ(stats.peak, 4);
    CHECK_EQ(stats.takes, 1);
    CHECK_EQ(stats.gives, 1);
#endif
}

static void pool_wrong_config_is_refused(void)
{
    const hf_pool_config_t good = {
        .name = "x", .blocks = conf.blocks, .meta = conf.meta, .block_bytes = 8, .count = 4};
    hf_pool_config_t wrong[9];
    hf_pool_t pool;
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        wrong[i] = good;
    }
    wrong[0].name = NULL;
    wrong[1].blocks = NULL;
    wrong[2].meta = NULL;
    wrong[3].block_bytes = 0;
    wrong[4].count = 0;
    wrong[5].count = HF_POOL_COUNT_MAX + 1u;
    wrong[6].blocks = conf.blocks + 1;
    wrong[7].blocks = conf.blocks + HF_POOL_ALIGN / 2u;
    wrong[8].block_bytes = UINT32_MAX;
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        CHECK_EQ(hf_pool_init(&pool, &wrong[i]), HF_E_ARGUMENT);
    }
    CHECK_EQ(hf_pool_init(NULL, &good), HF_E_ARGUMENT);
    CHECK_EQ(hf_pool_init(&pool, NULL), HF_E_ARGUMENT);
    CHECK_EQ(hf_pool_init(&pool, &good), HF_OK);
}

static void pool_option_whose_switch_is_off_is_refused(void)
{
    static const uint32_t options[] = {HF_POOL_ZERO, HF_POOL_POISON, HF_POOL_CANARY};
    for (size_t i = 0; i < HF_COUNT_OF(options); i++) {
        hf_pool_t pool;
        bool is_on = false;
#if CONFIG_HF_POOL_FILL
        is_on = is_on || options[i] != HF_POOL_CANARY;
#endif
#if CONFIG_HF_POOL_CANARY
        is_on = is_on || options[i] == HF_POOL_CANARY;
#endif
        CHECK_EQ(conf_open(&pool, BLOCK_BYTES, 4, options[i]), is_on);
    }
}

int conformance_life(void)
{
    static const hf_test_case_t cases[] = {
        HF_TEST(pool_of_every_size_gives_each_block_once),
        HF_TEST(pool_of_every_block_size_keeps_its_blocks_apart),
        HF_TEST(pool_last_free_block_is_found_wherever_it_is),
        HF_TEST(pool_two_free_blocks_far_apart_are_both_found),
        HF_TEST(pool_exhausted_counts_each_refusal),
        HF_TEST(pool_without_options_never_touches_its_blocks),
        HF_TEST(pool_tells_its_name_and_what_it_owns),
        HF_TEST(pool_reset_stats_keeps_what_is_in_use),
        HF_TEST(pool_wrong_config_is_refused),
        HF_TEST(pool_option_whose_switch_is_off_is_refused),
    };
    return hf_test_run(cases, HF_COUNT_OF(cases), NULL);
}
