// SPDX-License-Identifier: MIT
// The census: tags, ages, generations, and handles that outlive their block. Without CONFIG_HF_POOL_CENSUS there is none.
#include "conformance.h"

#if CONFIG_HF_POOL_CENSUS

static uint32_t stale(const hf_pool_t *pool)
{
    return hf_pool_stats(pool).stale;
}

static void census_handle_leads_to_its_block(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 1024, 0));
    REQUIRE(conf_take_all(&pool));
    for (uint32_t i = 0; i < 1024; i++) {
        const hf_handle_t handle = hf_pool_handle(&pool, conf_block[i]);
        CHECK(handle != 0);
        CHECK(hf_pool_at(&pool, handle) == conf_block[i]);
    }
    CHECK_EQ(stale(&pool), 0);
    for (uint32_t i = 0; i < 1024; i++) {
        CHECK_EQ(hf_pool_give_handle(&pool, hf_pool_handle(&pool, conf_block[i])), HF_OK);
    }
    CHECK(conf_in_use_is(&pool, 0));
    CHECK_EQ(stale(&pool), 0);
}

static void census_no_handle_of_what_is_no_taken_block(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 4, 0));
    uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
    REQUIRE(block != NULL);
    CHECK_EQ(hf_pool_handle(&pool, NULL), 0);
    CHECK_EQ(hf_pool_handle(&pool, conf.below), 0);
    CHECK_EQ(hf_pool_handle(&pool, conf.above), 0);
    CHECK_EQ(hf_pool_handle(&pool, block + 1), 0);
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t *each = conf.blocks + i * HF_POOL_STRIDE(BLOCK_BYTES);
        CHECK_EQ(hf_pool_handle(&pool, each) != 0, each == block);
    }
    CHECK_EQ(hf_pool_give(&pool, block), HF_OK);
    CHECK_EQ(hf_pool_handle(&pool, block), 0);
}

static void census_handle_is_stale_once_its_block_was_given(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 4, 0));
    uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
    const hf_handle_t handle = hf_pool_handle(&pool, block);
    REQUIRE(handle != 0);
    CHECK_EQ(hf_pool_give(&pool, block), HF_OK);
    CHECK(hf_pool_at(&pool, handle) == NULL);
    CHECK_EQ(stale(&pool), 1);
    CHECK_EQ(hf_pool_give_handle(&pool, handle), HF_E_STALE);
    CHECK_EQ(stale(&pool), 2);
    CHECK(conf_in_use_is(&pool, 0));
    CHECK_EQ(hf_pool_stats(&pool).double_gives, 0);
}

// What the bitmap alone cannot tell: somebody else has the block by now.
static void census_stale_give_after_reuse_leaves_the_new_owner_alone(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 1, 0));
    uint8_t *block = hf_pool_take(&pool, 1);
    const hf_handle_t first = hf_pool_handle(&pool, block);
    CHECK_EQ(hf_pool_give_handle(&pool, first), HF_OK);
    for (uint32_t i = 0; i < 300; i++) {
        REQUIRE(hf_pool_take(&pool, 2) == block);
        const hf_handle_t now = hf_pool_handle(&pool, block);
        CHECK(now != first);
        CHECK_EQ(hf_pool_give_handle(&pool, first), HF_E_STALE);
        CHECK(hf_pool_at(&pool, first) == NULL);
        CHECK(conf_in_use_is(&pool, 1));
        CHECK(hf_pool_at(&pool, now) == block);
        CHECK_EQ(hf_pool_give_handle(&pool, now), HF_OK);
    }
    CHECK_EQ(stale(&pool), 600);
}

static void census_handles_stay_right_past_the_wrap_of_the_generation(void)
{
    hf_pool_t pool;
    hf_handle_t last = 0;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 1, 0));
    for (uint32_t i = 0; i < 66000; i++) {
        uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
        const hf_handle_t now = hf_pool_handle(&pool, block);
        REQUIRE(block != NULL && now != 0 && now != last);
        REQUIRE(hf_pool_at(&pool, now) == block);
        REQUIRE(last == 0 || hf_pool_at(&pool, last) == NULL);
        REQUIRE(hf_pool_give_handle(&pool, now) == HF_OK);
        last = now;
    }
    CHECK_EQ(stale(&pool), 65999);
    CHECK(conf_in_use_is(&pool, 0));
}

static void census_handles_nobody_made_are_refused(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 33, 0));
    REQUIRE(conf_take_all(&pool));
    uint32_t random = 77, refused = 0;
    CHECK(hf_pool_at(&pool, 0) == NULL);
    CHECK(hf_pool_give_handle(&pool, 0) < 0);
    for (uint32_t i = 0; i < 2000; i++) {
        const hf_handle_t made_up = conf_random(&random);
        bool real = false;
        for (uint32_t k = 0; k < 33; k++) {
            real = real || hf_pool_handle(&pool, conf_block[k]) == made_up;
        }
        if (!real) {
            CHECK(hf_pool_at(&pool, made_up) == NULL);
            CHECK(hf_pool_give_handle(&pool, made_up) < 0);
            refused++;
        }
    }
    CHECK(refused > 1900);
    CHECK(conf_in_use_is(&pool, 33));
    CHECK(conf_give_all(&pool, 0));
    CHECK(conf_guards_are_whole(&pool));
}

static void census_knows_the_tag_of_every_block(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 256, 0));
    for (uint32_t i = 0; i < 256; i++) {
        conf_block[i] = hf_pool_take(&pool, (hf_tag_t)i);
        REQUIRE(conf_block[i] != NULL);
    }
    for (uint32_t i = 0; i < 256; i++) {
        hf_block_info_t info;
        REQUIRE(hf_pool_inspect(&pool, conf_number(&pool, conf_block[i]), &info) == HF_OK);
        CHECK_EQ(info.tag, i);
        CHECK(info.block == conf_block[i]);
    }
    CHECK_EQ(hf_pool_give(&pool, conf_block[7]), HF_OK);
    CHECK(hf_pool_take(&pool, 200) == conf_block[7]);
    hf_block_info_t info;
    REQUIRE(hf_pool_inspect(&pool, conf_number(&pool, conf_block[7]), &info) == HF_OK);
    CHECK_EQ(info.tag, 200);
}

static void census_tells_free_blocks_and_the_end(void)
{
    hf_pool_t pool;
    hf_block_info_t info;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 40, 0));
    for (uint32_t i = 0; i < 40; i++) {
        CHECK_EQ(hf_pool_inspect(&pool, i, &info), HF_E_EMPTY);
    }
    uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
    for (uint32_t i = 0; i < 40; i++) {
        const bool is_it = i == conf_number(&pool, block);
        CHECK_EQ(hf_pool_inspect(&pool, i, &info), is_it ? HF_OK : HF_E_EMPTY);
    }
    CHECK_EQ(hf_pool_inspect(&pool, 40, &info), HF_E_RANGE);
    CHECK_EQ(hf_pool_inspect(&pool, UINT32_MAX, &info), HF_E_RANGE);
}

static void census_ages_follow_the_clock_through_its_wrap(void)
{
    hf_pool_t pool;
    hf_block_info_t info;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 2, 0));
    hf_pool_set_clock(&pool, UINT32_MAX - 99u);
    uint8_t *old = hf_pool_take(&pool, HF_TAG_NONE);
    hf_pool_set_clock(&pool, UINT32_MAX - 49u);
    uint8_t *young = hf_pool_take(&pool, HF_TAG_NONE);
    REQUIRE(hf_pool_inspect(&pool, conf_number(&pool, old), &info) == HF_OK);
    CHECK_EQ(info.age_ms, 50);
    hf_pool_set_clock(&pool, 1000);
    REQUIRE(hf_pool_inspect(&pool, conf_number(&pool, old), &info) == HF_OK);
    CHECK_EQ(info.age_ms, 1100);
    REQUIRE(hf_pool_inspect(&pool, conf_number(&pool, young), &info) == HF_OK);
    CHECK_EQ(info.age_ms, 1050);
    CHECK_EQ(hf_pool_give(&pool, old), HF_OK);
    CHECK(hf_pool_take(&pool, HF_TAG_NONE) == old);
    REQUIRE(hf_pool_inspect(&pool, conf_number(&pool, old), &info) == HF_OK);
    CHECK_EQ(info.age_ms, 0);
}

static void census_generation_moves_with_each_owner(void)
{
    hf_pool_t pool;
    hf_block_info_t before, after;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 1, 0));
    uint8_t *block = hf_pool_take(&pool, HF_TAG_NONE);
    REQUIRE(hf_pool_inspect(&pool, 0, &before) == HF_OK);
    CHECK_EQ(hf_pool_give(&pool, block), HF_OK);
    REQUIRE(hf_pool_take(&pool, HF_TAG_NONE) == block);
    REQUIRE(hf_pool_inspect(&pool, 0, &after) == HF_OK);
    CHECK(before.generation != after.generation);
}

int conformance_census(void)
{
    static const hf_test_case_t cases[] = {
        HF_TEST(census_handle_leads_to_its_block),
        HF_TEST(census_no_handle_of_what_is_no_taken_block),
        HF_TEST(census_handle_is_stale_once_its_block_was_given),
        HF_TEST(census_stale_give_after_reuse_leaves_the_new_owner_alone),
        HF_TEST(census_handles_stay_right_past_the_wrap_of_the_generation),
        HF_TEST(census_handles_nobody_made_are_refused),
        HF_TEST(census_knows_the_tag_of_every_block),
        HF_TEST(census_tells_free_blocks_and_the_end),
        HF_TEST(census_ages_follow_the_clock_through_its_wrap),
        HF_TEST(census_generation_moves_with_each_owner),
    };
    return hf_test_run(cases, HF_COUNT_OF(cases), NULL);
}

#else

int conformance_census(void)
{
    return 0;
}

#endif
