// SPDX-License-Identifier: MIT
// Fragmentation of pools, and the census over them (where blocks have tags and ages).
#include "hf_test.h"
#include "holdfast/hf_census.h"
#include "holdfast/hf_fragmentation.h"

#define SMALL_COUNT 40u
#define LARGE_COUNT 10u

static HF_POOL_STORAGE_BYTES(32, SMALL_COUNT) small_storage;
static HF_POOL_STORAGE_BYTES(128, LARGE_COUNT) large_storage;
static hf_pool_t small, large;
static const hf_pool_t *const pools[] = {&small, &large};

static void start(void)
{
    const hf_pool_config_t small_config = {.name = "small",
                                           .blocks = small_storage.blocks,
                                           .meta = small_storage.meta,
                                           .block_bytes = 32,
                                           .count = SMALL_COUNT};
    const hf_pool_config_t large_config = {.name = "large",
                                           .blocks = large_storage.blocks,
                                           .meta = large_storage.meta,
                                           .block_bytes = 128,
                                           .count = LARGE_COUNT};
    CHECK_EQ(hf_pool_init(&small, &small_config), HF_OK);
    CHECK_EQ(hf_pool_init(&large, &large_config), HF_OK);
}

static void give(hf_pool_t *pool, void *block)
{
    CHECK_EQ(hf_pool_give(pool, block), HF_OK);
}

static uint32_t fragmentation(uint32_t request_bytes)
{
    return hf_fragmentation_permille(pools, 2, request_bytes);
}

static void fragmentation_of_an_untouched_set_is_none(void)
{
    start();
    for (uint32_t bytes = 0; bytes < 300; bytes++) {
        CHECK_EQ(fragmentation(bytes), 0);
    }
    CHECK_EQ(hf_fragmentation_permille(pools, 0, 1), 0);
}

static void fragmentation_is_what_use_did(void)
{
    void *taken[LARGE_COUNT];
    start();
    for (uint32_t i = 0; i < 5; i++) {
        taken[i] = hf_pool_take(&large, 0);
    }
    // 1280 B in small blocks and 640 B in large ones are free: 666 of 1000 cannot serve 100 B, 500 before.
    CHECK_EQ(fragmentation(100), 166);
    CHECK_EQ(fragmentation(32), 0);  // everything serves
    CHECK_EQ(fragmentation(129), 0); // nothing ever does
    for (uint32_t i = 5; i < LARGE_COUNT; i++) {
        taken[i] = hf_pool_take(&large, 0);
    }
    CHECK_EQ(fragmentation(100), 500);
    for (uint32_t i = 0; i < LARGE_COUNT; i++) {
        give(&large, taken[i]);
    }
    CHECK_EQ(fragmentation(100), 0);
}

static void fragmentation_is_never_below_none(void)
{
    void *taken[SMALL_COUNT];
    start();
    for (uint32_t i = 0; i < SMALL_COUNT; i++) {
        taken[i] = hf_pool_take(&small, 0);
        CHECK_EQ(fragmentation(100), 0); // what is left serves better than before
    }
    for (uint32_t i = 0; i < LARGE_COUNT; i++) {
        CHECK(hf_pool_take(&large, 0) != NULL);
    }
    CHECK_EQ(fragmentation(100), 0); // nothing is free
    for (uint32_t i = 0; i < SMALL_COUNT; i++) {
        give(&small, taken[i]);
    }
    CHECK_EQ(fragmentation(100), 500);
}

#if CONFIG_HF_POOL_CENSUS
static hf_census_row_t rows[2 * 4];

static hf_census_config_t config_of(void)
{
    return (hf_census_config_t){.pools = pools,
                                .pool_count = 2,
                                .rows = rows,
                                .row_count = 4,
                                .age_limit_ms = {10, 100, 1000, 10000}};
}

static void set_clock(uint32_t now_ms)
{
    hf_pool_set_clock(&small, now_ms);
    hf_pool_set_clock(&large, now_ms);
}

static hf_census_row_t row_of(const hf_census_t *census, uint32_t tag)
{
    hf_census_row_t row = {0};
    CHECK_EQ(hf_census_row(census, tag, &row), HF_OK);
    return row;
}

static void census_wrong_config_is_refused(void)
{
    hf_census_t census;
    hf_census_config_t config = config_of();
    CHECK_EQ(hf_census_init(&census, &config), HF_OK);
    config.age_limit_ms[2] = 100;
    CHECK_EQ(hf_census_init(&census, &config), HF_E_ARGUMENT);
    config = config_of();
    config.row_count = 0;
    CHECK_EQ(hf_census_init(&census, &config), HF_E_ARGUMENT);
    config.row_count = 257;
    CHECK_EQ(hf_census_init(&census, &config), HF_E_ARGUMENT);
    config = config_of();
    config.pool_count = 0;
    CHECK_EQ(hf_census_init(&census, &config), HF_E_ARGUMENT);
}

static void census_tells_owners_and_ages(void)
{
    hf_census_t census;
    const hf_census_config_t config = config_of();
    start();
    CHECK_EQ(hf_census_init(&census, &config), HF_OK);
    set_clock(UINT32_MAX - 999u); // wraps
    void *given = hf_pool_take(&small, 1);
    CHECK(given != NULL && hf_pool_take(&small, 1) != NULL && hf_pool_take(&large, 2) != NULL);
    set_clock(8910);
    CHECK(hf_pool_take(&large, 2) != NULL);
    CHECK(hf_pool_take(&small, 200) != NULL); // a tag without a row
    set_clock(9000);
    CHECK(hf_pool_take(&small, 3) != NULL);
    give(&small, given);
    uint32_t calls = 1;
    while (!hf_census_step(&census, 7)) {
        calls++;
        CHECK_EQ(hf_census_total(&census).blocks, 0); // no whole round yet
    }
    CHECK(calls >= (SMALL_COUNT + LARGE_COUNT) / 7u);
    CHECK_EQ(census.rounds, 1);
    hf_census_row_t row = row_of(&census, 1);
    CHECK(row.blocks == 1 && row.bytes == 32 && row.oldest_ms == 10000 && row.by_age[4] == 1);
    row = row_of(&census, 2);
    CHECK(row.blocks == 2 && row.bytes == 256 && row.by_age[4] == 1 && row.by_age[1] == 1);
    row = row_of(&census, 0);
    CHECK(row.blocks == 1 && row.by_age[1] == 1 && row.oldest_ms == 90);
    row = row_of(&census, 3);
    CHECK(row.blocks == 1 && row.by_age[0] == 1);
    row = hf_census_total(&census);
    CHECK(row.blocks == 5 && row.bytes == 3 * 32 + 2 * 128 && row.oldest_ms == 10000);
    CHECK_EQ(census.mean_age_ms, (10000 + 10000 + 90 + 90) / 5);
    CHECK_EQ(hf_census_row(&census, 4, &row), HF_E_RANGE);
}

static void census_next_round_forgets_the_one_before(void)
{
    hf_census_t census;
    const hf_census_config_t config = config_of();
    start();
    CHECK_EQ(hf_census_init(&census, &config), HF_OK);
    void *block = hf_pool_take(&small, 1);
    for (uint32_t round = 1; round < 6; round++) {
        while (!hf_census_step(&census, 1)) {
        }
        CHECK_EQ(census.rounds, round);
        CHECK_EQ(hf_census_total(&census).blocks, round % 2u);
        if (round % 2u == 1u) {
            give(&small, block);
        } else {
            block = hf_pool_take(&small, 1);
        }
    }
}

#define CENSUS_TESTS                                                                               \
    HF_TEST(census_wrong_config_is_refused), HF_TEST(census_tells_owners_and_ages),                \
        HF_TEST(census_next_round_forgets_the_one_before),
#else
#define CENSUS_TESTS
#endif

HF_TEST_MAIN(CENSUS_TESTS HF_TEST(fragmentation_of_an_untouched_set_is_none),
             HF_TEST(fragmentation_is_what_use_did), HF_TEST(fragmentation_is_never_below_none))
