// SPDX-License-Identifier: MIT
// hf_pool_claim.h with one thread at work: what a claim has, what others are refused, wrong gives of every kind.
#include "hf_test.h"

#include "holdfast/hf_pool_claim.h"

#define COUNT       100u // three whole groups and a part of one
#define BLOCK_BYTES 40u

static HF_CLAIM_STORAGE_BYTES(BLOCK_BYTES, COUNT) storage;
static hf_claim_pool_t pool;
static hf_claim_t mine, other;
static uint8_t *blocks[COUNT + 1u];

static hf_pool_config_t config(void)
{
    return (hf_pool_config_t){.name = "test",
                              .blocks = storage.blocks,
                              .meta = storage.meta,
                              .block_bytes = BLOCK_BYTES,
                              .count = COUNT};
}

static void open_pool(void)
{
    const hf_pool_config_t good = config();
    CHECK_EQ(hf_claim_init(&pool, &good), HF_OK);
    hf_claim_open(&mine, &pool);
    hf_claim_open(&other, &pool);
}

/// Takes until refused; every block is one of the pool's, aligned, and there once.
static uint32_t take_all(hf_claim_t *claim)
{
    uint32_t count = 0;
    bool seen[COUNT] = {false};
    for (uint8_t *block; (block = hf_claim_take(claim)) != NULL && count <= COUNT;) {
        const size_t offset = (size_t)(block - storage.blocks);
        const size_t number = offset / HF_POOL_STRIDE(BLOCK_BYTES);
        CHECK(offset % HF_POOL_STRIDE(BLOCK_BYTES) == 0 && number < COUNT && !seen[number]);
        seen[number < COUNT ? number : 0] = true;
        memset(block, (int)count, BLOCK_BYTES);
        blocks[count++] = block;
    }
    return count;
}

static void claim_bad_configs_are_refused(void)
{
    hf_pool_config_t bad = config();
    CHECK_EQ(hf_claim_init(NULL, &bad), HF_E_ARGUMENT);
    CHECK_EQ(hf_claim_init(&pool, NULL), HF_E_ARGUMENT);
    bad.options = HF_POOL_ZERO;
    CHECK_EQ(hf_claim_init(&pool, &bad), HF_E_ARGUMENT);
    bad = config();
    bad.count = HF_POOL_COUNT_MAX + 1u;
    CHECK_EQ(hf_claim_init(&pool, &bad), HF_E_ARGUMENT);
    bad = config();
    bad.meta = NULL;
    CHECK_EQ(hf_claim_init(&pool, &bad), HF_E_ARGUMENT);
}

static void claim_of_one_thread_gets_every_block_once(void)
{
    open_pool();
    for (unsigned round = 0; round < 5; round++) {
        CHECK_EQ(take_all(&mine), COUNT);
        CHECK_EQ(hf_claim_stats(&pool).in_use, COUNT);
        CHECK_EQ(hf_claim_stats(&pool).exhausted, round + 1u);
        for (uint32_t i = 0; i < COUNT;
             i++) { // 37 and 100 have no common factor: every block, in another order
            CHECK_EQ(hf_claim_give(&mine, blocks[(i * 37u + round) % COUNT]), HF_OK);
        }
        CHECK_EQ(hf_claim_stats(&pool).in_use, 0);
    }
    const hf_claim_stats_t stats = hf_claim_stats(&pool);
    CHECK_EQ(stats.capacity, COUNT);
    CHECK_EQ(stats.block_bytes, BLOCK_BYTES);
    CHECK_EQ(stats.foreign + stats.interior + stats.double_gives, 0);
}

static void claim_others_are_refused_at_most_a_group(void)
{
    open_pool();
    uint8_t *first = hf_claim_take(&mine);
    CHECK_EQ(take_all(&other), COUNT - 32u);
    CHECK(hf_claim_take(&other) == NULL);
    CHECK_EQ(hf_claim_stats(&pool).in_use, COUNT - 31u);
    for (uint32_t i = 0; i < 31u; i++) { // its own thread has them
        CHECK(hf_claim_take(&mine) != NULL);
    }
    CHECK(hf_claim_take(&mine) == NULL);
    CHECK_EQ(hf_claim_give(&other, first), HF_OK); // its claim has left the group
    CHECK(hf_claim_take(&other) == first);
}

static void claim_blocks_given_by_others_come_back_to_it(void)
{
    open_pool();
    for (uint32_t i = 0; i < 32u; i++) {
        blocks[i] = hf_claim_take(&mine);
        REQUIRE(blocks[i] != NULL);
    }
    CHECK_EQ(take_all(&other), COUNT - 32u);
    for (uint32_t i = 0; i < COUNT - 32u; i++) {
        CHECK_EQ(hf_claim_give(&mine, blocks[i]), HF_OK);
    }
    CHECK_EQ(take_all(&mine), COUNT - 32u);
}

static void claim_closed_leaves_its_blocks_to_others(void)
{
    open_pool();
    void *block = hf_claim_take(&mine);
    REQUIRE(block != NULL);
    hf_claim_close(&mine);
    CHECK_EQ(take_all(&other), COUNT - 1u);
    CHECK_EQ(hf_claim_give(&mine, block), HF_OK); // through any claim
    CHECK(hf_claim_take(&other) == block);
    hf_claim_close(&other);
    hf_claim_close(&other);
    CHECK(hf_claim_take(&mine) == NULL);
}

/// Gives what must not be given, through a claim; the pool must be as before.
static void expect_wrong(hf_claim_t *claim, uint8_t *taken, uint8_t *free_block)
{
    static uint8_t elsewhere[64];
    const hf_claim_stats_t before = hf_claim_stats(&pool);
    CHECK_EQ(hf_claim_give(claim, NULL), HF_E_FOREIGN);
    CHECK_EQ(hf_claim_give(claim, elsewhere), HF_E_FOREIGN);
    CHECK_EQ(hf_claim_give(claim, storage.blocks + sizeof storage.blocks), HF_E_FOREIGN);
    CHECK_EQ(hf_claim_give(claim, taken + 1), HF_E_INTERIOR);
    CHECK_EQ(hf_claim_give(claim, taken + HF_POOL_STRIDE(BLOCK_BYTES) - 1), HF_E_INTERIOR);
    CHECK_EQ(hf_claim_give(claim, free_block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_claim_give(claim, free_block), HF_E_DOUBLE_GIVE);
    const hf_claim_stats_t after = hf_claim_stats(&pool);
    CHECK_EQ(after.foreign - before.foreign, 3);
    CHECK_EQ(after.interior - before.interior, 2);
    CHECK_EQ(after.double_gives - before.double_gives, 2);
    CHECK_EQ(after.in_use, before.in_use);
}

static void claim_wrong_gives_are_told_and_change_nothing(void)
{
    open_pool();
    hf_claim_t none;
    hf_claim_open(&none, &pool);
    uint8_t *taken = hf_claim_take(&mine), *free_block = hf_claim_take(&mine);
    REQUIRE(taken != NULL && free_block != NULL);
    CHECK_EQ(hf_claim_give(&mine, free_block), HF_OK);
    CHECK(hf_claim_take(&other) != NULL);
    expect_wrong(&mine, taken, free_block);
    expect_wrong(&other, taken, free_block);
    expect_wrong(&none, taken, free_block);
    CHECK_EQ(take_all(&mine), COUNT - 1u - 32u);
    hf_claim_close(&other);
    CHECK_EQ(take_all(&mine), 31);
}

HF_TEST_MAIN(HF_TEST(claim_bad_configs_are_refused),
             HF_TEST(claim_of_one_thread_gets_every_block_once),
             HF_TEST(claim_others_are_refused_at_most_a_group),
             HF_TEST(claim_blocks_given_by_others_come_back_to_it),
             HF_TEST(claim_closed_leaves_its_blocks_to_others),
             HF_TEST(claim_wrong_gives_are_told_and_change_nothing))
