// SPDX-License-Identifier: MIT
// The options of a pool: zero fill, poison, canaries, durations. What is switched off has no case here; that init refuses
// it is a case of conformance_life.c. Owns the cycle counter of the durations.
#include "conformance.h"

#if CONFIG_HF_POOL_FILL || CONFIG_HF_POOL_CANARY || CONFIG_HF_POOL_TIMING

#if CONFIG_HF_POOL_TIMING
static hf_atomic_u32_t cycles, cycles_step;

// Advances by a step the case chooses, so a call that reads it twice lasts exactly one step.
uint32_t hf_port_cycles(void)
{
    const uint32_t now = atomic_load_explicit(&cycles, memory_order_relaxed) +
                         atomic_load_explicit(&cycles_step, memory_order_relaxed);
    atomic_store_explicit(&cycles, now, memory_order_relaxed);
    return now;
}

static void last(hf_pool_t *pool, uint32_t step, uint32_t calls)
{
    atomic_store_explicit(&cycles_step, step, memory_order_relaxed);
    for (uint32_t i = 0; i < calls; i++) {
        CHECK_EQ(hf_pool_give(pool, hf_pool_take(pool, HF_TAG_NONE)), HF_OK);
    }
}

static void timing_tells_longest_and_mean(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 4, 0));
    atomic_store_explicit(&cycles, UINT32_MAX - 500u, memory_order_relaxed); // wraps on the way
    last(&pool, 320, 300);
    hf_pool_stats_t stats = hf_pool_stats(&pool);
    CHECK_EQ(stats.take.max_cycles, 320);
    CHECK_EQ(stats.give.max_cycles, 320);
    CHECK(stats.take.mean_cycles >= 304 && stats.take.mean_cycles <= 320);
    CHECK(stats.give.mean_cycles >= 304 && stats.give.mean_cycles <= 320);
    last(&pool, 10000, 1);
    last(&pool, 32, 300);
    stats = hf_pool_stats(&pool);
    CHECK_EQ(stats.take.max_cycles, 10000);
    CHECK_EQ(stats.give.max_cycles, 10000);
    CHECK(stats.take.mean_cycles >= 31 && stats.take.mean_cycles <= 48);
    CHECK(stats.give.mean_cycles >= 31 && stats.give.mean_cycles <= 48);
}
#endif

#if CONFIG_HF_POOL_FILL
static bool is_filled(const uint8_t *block, uint8_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        if (block[i] != value) {
            return false;
        }
    }
    return true;
}

static void zero_fills_every_taken_block(void)
{
    static const uint32_t bytes[] = {1, 3, 20, 33, 256};
    for (size_t s = 0; s < HF_COUNT_OF(bytes); s++) {
        hf_pool_t pool;
        REQUIRE(conf_open(&pool, bytes[s], 33, HF_POOL_ZERO));
        for (int round = 0; round < 2; round++) {
            REQUIRE(conf_take_all(&pool));
            for (uint32_t i = 0; i < 33; i++) {
                CHECK(is_filled(conf_block[i], 0, bytes[s]));
                memset(conf_block[i], 0xFF, bytes[s]);
            }
            REQUIRE(conf_give_all(&pool, (uint32_t)round));
        }
        CHECK(conf_guards_are_whole(&pool));
    }
}

static void poison_fills_every_given_block(void)
{
    static const uint32_t bytes[] = {1, 3, 20, 33, 256};
    for (size_t s = 0; s < HF_COUNT_OF(bytes); s++) {
        hf_pool_t pool;
        REQUIRE(conf_open(&pool, bytes[s], 33, HF_POOL_POISON));
        for (uint32_t round = 0; round < 3; round++) {
            REQUIRE(conf_take_all(&pool));
            for (uint32_t i = 0; i < 33; i++) {
                memset(conf_block[i], 0x11, bytes[s]);
            }
            REQUIRE(conf_give_all(&pool, round));
            for (uint32_t i = 0; i < 33; i++) {
                CHECK(is_filled(conf_block[i], 0xDE, bytes[s]));
            }
        }
        CHECK_EQ(hf_pool_stats(&pool).spoilt, 0);
        CHECK(conf_guards_are_whole(&pool));
    }
}

static void poison_counts_a_write_to_any_byte_after_the_give(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 1, HF_POOL_POISON));
    uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
    REQUIRE(block != NULL);
    for (uint32_t i = 0; i < BLOCK_BYTES; i++) {
        REQUIRE(hf_pool_give(&pool, block) == HF_OK);
        block[i] = 0xDF;
        REQUIRE(hf_pool_take(&pool, HF_TAG_NONE) == block); // told, and still served
        CHECK_EQ(hf_pool_stats(&pool).spoilt, i + 1u);
    }
    REQUIRE(hf_pool_give(&pool, block) == HF_OK);
    REQUIRE(hf_pool_take(&pool, HF_TAG_NONE) == block);
    CHECK_EQ(hf_pool_stats(&pool).spoilt, BLOCK_BYTES);
}

static void poison_and_zero_go_together(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 1, HF_POOL_POISON | HF_POOL_ZERO));
    uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
    REQUIRE(block != NULL);
    memset(block, 0x11, BLOCK_BYTES);
    REQUIRE(hf_pool_give(&pool, block) == HF_OK);
    CHECK(is_filled(block, 0xDE, BLOCK_BYTES));
    block[5] = 1;
    REQUIRE(hf_pool_take(&pool, HF_TAG_NONE) == block);
    CHECK(is_filled(block, 0, BLOCK_BYTES));
    CHECK_EQ(hf_pool_stats(&pool).spoilt, 1);
}

// A wrong give must not fill: the block may be somebody's.
static void poison_of_a_wrong_give_touches_nothing(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 2, HF_POOL_POISON));
    uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
    REQUIRE(block != NULL);
    memset(block, 0x11, BLOCK_BYTES);
    CHECK_EQ(hf_pool_give(&pool, block + 4), HF_E_INTERIOR);
    CHECK_EQ(hf_pool_give(&pool, conf.above), HF_E_FOREIGN);
    CHECK(is_filled(block, 0x11, BLOCK_BYTES));
    CHECK_EQ(hf_pool_give(&pool, block), HF_OK);
    block[3] = 1;
    CHECK_EQ(hf_pool_give(&pool, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(block[3], 1); // what was written too late is still there to be found
    CHECK(conf_guards_are_whole(&pool));
}

static void fill_ends_where_the_neighbour_begins(void)
{
    static const uint32_t bytes[] = {1, 8, 16, 20, 24, 32, 56};
    for (size_t s = 0; s < HF_COUNT_OF(bytes); s++) {
        hf_pool_t pool;
        REQUIRE(conf_open(&pool, bytes[s], 33, HF_POOL_POISON | HF_POOL_ZERO));
        REQUIRE(conf_take_all(&pool));
        for (uint32_t i = 0; i < 33; i++) {
            memset(conf_block[i], 0x11, bytes[s]);
        }
        for (uint32_t i = 0; i < 33; i += 2) {
            REQUIRE(hf_pool_give(&pool, conf_block[i]) == HF_OK);
        }
        for (uint32_t i = 0; i < 33; i += 2) {
            REQUIRE(hf_pool_take(&pool, HF_TAG_NONE) != NULL);
        }
        for (uint32_t i = 1; i < 33; i += 2) {
            CHECK(is_filled(conf_block[i], 0x11, bytes[s]));
        }
    }
}
#endif

#if CONFIG_HF_POOL_CANARY
static void canary_locates_each_byte_past_the_end(void)
{
    static const uint32_t bytes[] = {1, 7, 8, 20, 24, 100};
    for (size_t s = 0; s < HF_COUNT_OF(bytes); s++) {
        hf_pool_t pool;
        uint32_t overruns = 0, found;
        REQUIRE(conf_open(&pool, bytes[s], 33, HF_POOL_CANARY));
        REQUIRE(conf_take_all(&pool));
        CHECK_EQ(hf_pool_check(&pool, 0, 33, &found), HF_OK);
        for (uint32_t i = 0; i < 33; i++) {
            uint8_t *behind = conf_block[i] + bytes[s] + i % HF_POOL_CANARY_BYTES;
            *behind = (uint8_t)(*behind ^ (1u << i % 8u));
            found = UINT32_MAX;
            CHECK_EQ(hf_pool_check(&pool, 0, 33, &found), HF_E_OVERRUN);
            CHECK_EQ(found, conf_number(&pool, conf_block[i]));
            CHECK_EQ(hf_pool_stats(&pool).overruns, overruns);
            CHECK_EQ(hf_pool_give(&pool, conf_block[i]), HF_E_OVERRUN);
            CHECK_EQ(hf_pool_stats(&pool).overruns, ++overruns);
            CHECK(conf_in_use_is(&pool, 33u - i - 1u));           // it was given back
            CHECK_EQ(hf_pool_check(&pool, 0, 33, &found), HF_OK); // and mended
        }
        REQUIRE(conf_take_all(&pool));
        REQUIRE(conf_give_all(&pool, 4));
        CHECK_EQ(hf_pool_stats(&pool).overruns, overruns);
        CHECK(conf_guards_are_whole(&pool));
    }
}

static void canary_leaves_the_whole_block_to_its_taker(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 33, HF_POOL_CANARY));
    for (int value = 0; value < 256; value += 51) {
        REQUIRE(conf_take_all(&pool));
        for (uint32_t i = 0; i < 33; i++) {
            memset(conf_block[i], value, BLOCK_BYTES);
        }
        REQUIRE(conf_give_all(&pool, 0));
    }
    CHECK_EQ(hf_pool_stats(&pool).overruns, 0);
}

static void canary_walk_of_any_step_finds_the_damaged_block(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 100, HF_POOL_CANARY));
    REQUIRE(conf_take_all(&pool));
    uint8_t *bad = conf.blocks + 64u * HF_POOL_STRIDE(BLOCK_BYTES);
    bad[BLOCK_BYTES] ^= 0x80u;
    for (uint32_t stride = 1; stride <= 100; stride += 9) {
        for (uint32_t first = 0; first < 100; first += 7) {
            uint32_t found = UINT32_MAX;
            const bool inside = (64u + 100u - first) % 100u < stride;
            CHECK_EQ(hf_pool_check(&pool, first, stride, &found), inside ? HF_E_OVERRUN : HF_OK);
            CHECK(!inside || found == 64);
        }
    }
    CHECK_EQ(hf_pool_stats(&pool).overruns, 0);
    CHECK_EQ(hf_pool_give(&pool, bad), HF_E_OVERRUN);
}

static void canary_of_two_damaged_blocks_names_the_first_on_the_way(void)
{
    hf_pool_t pool;
    uint32_t found;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 10, HF_POOL_CANARY));
    REQUIRE(conf_take_all(&pool));
    conf.blocks[2u * HF_POOL_STRIDE(BLOCK_BYTES) + BLOCK_BYTES] ^= 1u;
    conf.blocks[7u * HF_POOL_STRIDE(BLOCK_BYTES) + BLOCK_BYTES + 7u] ^= 1u;
    CHECK_EQ(hf_pool_check(&pool, 0, 10, &found), HF_E_OVERRUN);
    CHECK_EQ(found, 2);
    CHECK_EQ(hf_pool_check(&pool, 3, 10, &found), HF_E_OVERRUN);
    CHECK_EQ(found, 7);
    CHECK_EQ(hf_pool_check(&pool, 8, 4, &found), HF_OK);
}

#if CONFIG_HF_POOL_FILL
static void canary_stands_behind_the_fill(void)
{
    hf_pool_t pool;
    uint32_t found;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 9, HF_POOL_CANARY | HF_POOL_POISON | HF_POOL_ZERO));
    for (uint32_t round = 0; round < 3; round++) {
        REQUIRE(conf_take_all(&pool));
        CHECK_EQ(hf_pool_check(&pool, 0, 9, &found), HF_OK);
        REQUIRE(conf_give_all(&pool, round));
        CHECK_EQ(hf_pool_check(&pool, 0, 9, &found), HF_OK);
    }
    CHECK_EQ(hf_pool_stats(&pool).overruns, 0);
    CHECK_EQ(hf_pool_stats(&pool).spoilt, 0);
}
#endif

static void canary_of_a_double_give_is_left_alone(void)
{
    hf_pool_t pool;
    uint32_t found;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 2, HF_POOL_CANARY));
    uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
    REQUIRE(block != NULL && hf_pool_give(&pool, block) == HF_OK);
    block[BLOCK_BYTES] ^= 1u;
    CHECK_EQ(hf_pool_give(&pool, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_pool_stats(&pool).overruns, 0);
    CHECK_EQ(hf_pool_check(&pool, 0, 2, &found), HF_E_OVERRUN);
}

static void canary_of_a_pool_without_it_is_never_broken(void)
{
    hf_pool_t pool;
    uint32_t found;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 4, 0));
    REQUIRE(conf_take_all(&pool));
    memset(conf.blocks, 0x77, HF_POOL_BYTES(BLOCK_BYTES, 4));
    CHECK_EQ(hf_pool_check(&pool, 0, 4, &found), HF_OK);
    CHECK(conf_give_all(&pool, 0));
    CHECK_EQ(hf_pool_stats(&pool).overruns, 0);
}
#endif

int conformance_options(void)
{
    static const hf_test_case_t cases[] = {
#if CONFIG_HF_POOL_FILL
        HF_TEST(zero_fills_every_taken_block),
        HF_TEST(poison_fills_every_given_block),
        HF_TEST(poison_counts_a_write_to_any_byte_after_the_give),
        HF_TEST(poison_and_zero_go_together),
        HF_TEST(poison_of_a_wrong_give_touches_nothing),
        HF_TEST(fill_ends_where_the_neighbour_begins),
#endif
#if CONFIG_HF_POOL_CANARY
        HF_TEST(canary_locates_each_byte_past_the_end),
        HF_TEST(canary_leaves_the_whole_block_to_its_taker),
        HF_TEST(canary_walk_of_any_step_finds_the_damaged_block),
        HF_TEST(canary_of_two_damaged_blocks_names_the_first_on_the_way),
        HF_TEST(canary_of_a_double_give_is_left_alone),
        HF_TEST(canary_of_a_pool_without_it_is_never_broken),
#if CONFIG_HF_POOL_FILL
        HF_TEST(canary_stands_behind_the_fill),
#endif
#endif
#if CONFIG_HF_POOL_TIMING
        HF_TEST(timing_tells_longest_and_mean),
#endif
    };
    return hf_test_run(cases, HF_COUNT_OF(cases), NULL);
}

#else

int conformance_options(void)
{
    return 0;
}

#endif
