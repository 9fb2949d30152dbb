// SPDX-License-Identifier: MIT
// Every wrong give is told by its kind and counted, and nothing else happens: the pool still hands out each block once.
#include "conformance.h"

typedef struct wrong {
    uint32_t foreign, interior, double_gives;
} wrong_t;

static bool counted(const hf_pool_t *pool, wrong_t wrong)
{
    const hf_pool_stats_t stats = hf_pool_stats(pool);
    return stats.foreign == wrong.foreign && stats.interior == wrong.interior &&
           stats.double_gives == wrong.double_gives;
}

/// Whether exactly the `held` blocks of conf_block[] from `first` on are out, and the pool hands out all others once.
static bool only_these_are_out(hf_pool_t *pool, uint32_t first, uint32_t held)
{
    const uint32_t count = hf_pool_stats(pool).capacity;
    if (!conf_in_use_is(pool, held)) {
        return false;
    }
    for (uint32_t i = first; i < first + held; i++) {
        if (hf_pool_give(pool, conf_block[i]) != HF_OK) {
            return false;
        }
    }
    return conf_in_use_is(pool, 0) && conf_take_all(pool) && conf_in_use_is(pool, count) &&
           conf_give_all(pool, 3) && conf_guards_are_whole(pool);
}

static void give_of_null_is_foreign(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 33, 0));
    REQUIRE(conf_take_all(&pool));
    CHECK_EQ(hf_pool_give(&pool, NULL), HF_E_FOREIGN);
    CHECK(counted(&pool, (wrong_t){.foreign = 1}));
    CHECK(only_these_are_out(&pool, 0, 33));
}

static void give_from_below_above_and_elsewhere_is_foreign(void)
{
    hf_pool_t pool;
    uint32_t on_the_stack = 0;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 64, 0));
    REQUIRE(conf_take_all(&pool));
    const uintptr_t stride = HF_POOL_STRIDE(BLOCK_BYTES), end = stride * 64u;
    uint8_t *wrong[] = {
        conf.below,
        conf.below + GUARD_BYTES - 1u,
        (uint8_t *)((uintptr_t)conf.blocks - stride),
        (uint8_t *)((uintptr_t)conf.blocks - 4u),
        conf.blocks + end,
        conf.blocks + end + 1u,
        conf.blocks + end + stride,
        conf.above,
        (uint8_t *)conf.meta,
        (uint8_t *)&pool,
        (uint8_t *)&on_the_stack,
        (uint8_t *)1,
        (uint8_t *)UINTPTR_MAX,
        (uint8_t *)((uintptr_t)conf.blocks + UINTPTR_MAX / 2u),
    };
    for (uint32_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        CHECK_EQ(hf_pool_give(&pool, wrong[i]), HF_E_FOREIGN);
        CHECK(counted(&pool, (wrong_t){.foreign = i + 1u}));
    }
    CHECK(only_these_are_out(&pool, 0, 64));
}

// Two pools that share one area: what is of one is foreign to the other, from below and from above.
static void give_to_the_neighbour_is_foreign(void)
{
    hf_pool_t low, high;
    REQUIRE(conf_open(&low, BLOCK_BYTES, 10, 0));
    hf_pool_config_t config = {.name = "high",
                               .blocks = conf.blocks + HF_POOL_BYTES(BLOCK_BYTES, 10),
                               .meta = conf.meta + HF_POOL_META_WORDS(10),
                               .block_bytes = BLOCK_BYTES,
                               .count = 10};
    REQUIRE(hf_pool_init(&high, &config) == HF_OK);
    uint8_t *of_low = hf_pool_take(&low, HF_TAG_NONE), *of_high = hf_pool_take(&high, HF_TAG_NONE);
    REQUIRE(of_low != NULL && of_high != NULL);
    CHECK_EQ(hf_pool_give(&low, of_high), HF_E_FOREIGN);
    CHECK_EQ(hf_pool_give(&high, of_low), HF_E_FOREIGN);
    CHECK(counted(&low, (wrong_t){.foreign = 1}));
    CHECK(counted(&high, (wrong_t){.foreign = 1}));
    CHECK(conf_in_use_is(&low, 1) && conf_in_use_is(&high, 1));
    CHECK_EQ(hf_pool_give(&low, of_low), HF_OK);
    CHECK_EQ(hf_pool_give(&high, of_high), HF_OK);
}

static void give_of_every_inner_byte_is_interior(void)
{
    static const uint32_t bytes[] = {1, 8, 16, 20, 24, 40, 64, 100, 136, 256, 1000};
    for (size_t s = 0; s < HF_COUNT_OF(bytes); s++) {
        hf_pool_t pool;
        wrong_t wrong = {0};
        uint32_t count = (uint32_t)(AREA_BYTES / HF_POOL_STRIDE(bytes[s]));
        count = count > 40 ? 40 : count;
        REQUIRE(conf_open(&pool, bytes[s], count, 0));
        REQUIRE(conf_take_all(&pool));
        const uint32_t number[] = {0, count / 2u, count - 1u};
        for (size_t n = 0; n < HF_COUNT_OF(number); n++) {
            uint8_t *block = conf.blocks + number[n] * HF_POOL_STRIDE((size_t)bytes[s]);
            for (uint32_t i = 1; i < HF_POOL_STRIDE(bytes[s]); i++) {
                CHECK_EQ(hf_pool_give(&pool, block + i), HF_E_INTERIOR);
                wrong.interior++;
            }
        }
        CHECK(counted(&pool, wrong));
        CHECK(only_these_are_out(&pool, 0, count));
    }
}

// The number of a block comes from a division that must be exact for every block, whatever the stride.
static void give_finds_every_block_of_every_stride(void)
{
    static const uint32_t bytes[] = {1, 16, 20, 24, 40, 72, 100, 104, 136, 200, 256, 328};
    for (size_t s = 0; s < HF_COUNT_OF(bytes); s++) {
        hf_pool_t pool;
        const uint32_t stride = HF_POOL_STRIDE(bytes[s]);
        uint32_t count = (uint32_t)(AREA_BYTES / stride);
        count = count > HF_POOL_COUNT_MAX ? HF_POOL_COUNT_MAX : count;
        REQUIRE(conf_open(&pool, bytes[s], count, 0));
        REQUIRE(conf_take_all(&pool));
        for (uint32_t i = 0; i < count; i++) {
            uint8_t *block = conf.blocks + (size_t)i * stride;
            REQUIRE(hf_pool_give(&pool, block + 1) == HF_E_INTERIOR);
            REQUIRE(hf_pool_give(&pool, block + stride - 1u) == HF_E_INTERIOR);
            REQUIRE(hf_pool_give(&pool, block + stride / 2u) == HF_E_INTERIOR);
            REQUIRE(hf_pool_give(&pool, block) == HF_OK);
            REQUIRE(hf_pool_take(&pool, HF_TAG_NONE) == block);
        }
        CHECK(only_these_are_out(&pool, 0, count));
    }
}

static void give_twice_is_told(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 100, 0));
    REQUIRE(conf_take_all(&pool));
    for (uint32_t i = 0; i < 50; i++) {
        CHECK_EQ(hf_pool_give(&pool, conf_block[i]), HF_OK);
        CHECK_EQ(hf_pool_give(&pool, conf_block[i]), HF_E_DOUBLE_GIVE);
        CHECK_EQ(hf_pool_give(&pool, conf_block[0]), HF_E_DOUBLE_GIVE);
    }
    CHECK(counted(&pool, (wrong_t){.double_gives = 100}));
    CHECK(only_these_are_out(&pool, 50, 50));
}

static void give_of_a_block_never_taken_is_double(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 33, 0));
    for (uint32_t i = 0; i < 33; i++) {
        CHECK_EQ(hf_pool_give(&pool, conf.blocks + i * HF_POOL_STRIDE(BLOCK_BYTES)),
                 HF_E_DOUBLE_GIVE);
    }
    CHECK(counted(&pool, (wrong_t){.double_gives = 33}));
    CHECK(only_these_are_out(&pool, 0, 0));
}

static void give_twice_after_takes_of_others_is_told(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 40, 0));
    REQUIRE(conf_take_all(&pool));
    for (uint32_t i = 0; i < 20; i++) {
        REQUIRE(hf_pool_give(&pool, conf_block[i]) == HF_OK);
    }
    uint32_t told = 0, out = 20;
    for (uint32_t i = 0; i < 10;
         i++) { // others take: what they got is theirs, the rest is still free
        uint8_t *others = hf_pool_take(&pool, HF_TAG_NONE);
        REQUIRE(others != NULL);
        for (uint32_t k = 0; k < 20; k++) {
            if (conf_block[k] == others) {
                conf_block[k] = conf_block[out - 20u];
                conf_block[out - 20u] = others; // moved to the front: the first out-20 are taken
            }
        }
        out++;
        for (uint32_t k = out - 20u; k < 20; k++) {
            CHECK_EQ(hf_pool_give(&pool, conf_block[k]), HF_E_DOUBLE_GIVE);
            told++;
        }
    }
    CHECK(counted(&pool, (wrong_t){.double_gives = told}));
    CHECK(conf_in_use_is(&pool, 30));
    for (uint32_t k = 0; k < 10; k++) {
        CHECK_EQ(hf_pool_give(&pool, conf_block[k]), HF_OK);
    }
    CHECK(only_these_are_out(&pool, 20, 20));
}

// The sets of free blocks before and after any wrong give are the same, in an almost full and an almost empty pool.
static void give_wrong_changes_nothing_in_any_state(void)
{
    for (uint32_t held = 0; held <= 66; held++) {
        hf_pool_t pool;
        REQUIRE(conf_open(&pool, BLOCK_BYTES, 66, 0));
        for (uint32_t i = 0; i < held; i++) {
            conf_block[i] = hf_pool_take(&pool, HF_TAG_NONE);
            REQUIRE(conf_block[i] != NULL);
        }
        for (uint32_t i = 0; i < 66; i++) {
            uint8_t *block = conf.blocks + i * HF_POOL_STRIDE(BLOCK_BYTES);
            CHECK_EQ(hf_pool_give(&pool, block + 4), HF_E_INTERIOR);
            bool out = false;
            for (uint32_t k = 0; k < held; k++) {
                out = out || conf_block[k] == block;
            }
            CHECK(out || hf_pool_give(&pool, block) == HF_E_DOUBLE_GIVE);
        }
        CHECK_EQ(hf_pool_give(&pool, conf.above), HF_E_FOREIGN);
        CHECK(counted(&pool, (wrong_t){1, 66, 66 - held}));
        CHECK(only_these_are_out(&pool, 0, held));
    }
}

int conformance_give(void)
{
    static const hf_test_case_t cases[] = {
        HF_TEST(give_of_null_is_foreign),
        HF_TEST(give_from_below_above_and_elsewhere_is_foreign),
        HF_TEST(give_to_the_neighbour_is_foreign),
        HF_TEST(give_of_every_inner_byte_is_interior),
        HF_TEST(give_finds_every_block_of_every_stride),
        HF_TEST(give_twice_is_told),
        HF_TEST(give_of_a_block_never_taken_is_double),
        HF_TEST(give_twice_after_takes_of_others_is_told),
        HF_TEST(give_wrong_changes_nothing_in_any_state),
    };
    return hf_test_run(cases, HF_COUNT_OF(cases), NULL);
}
