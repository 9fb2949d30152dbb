// SPDX-License-Identifier: MIT
// The instance in one context: what a request gets, what a give is told, what the books say after each.
#include "holdfast/hf_histogram.h"
#include "holdfast/hf_trace.h"
#include "support/mem_world.h"

static world_t world;

static void begin(void)
{
    world_prepare(&world);
    world_start(&world);
}

static void mem_take_gets_the_smallest_that_fits(void)
{
    begin();
    const size_t bytes[] = {1, 32, 33, 64, 65, 256};
    const size_t served[] = {32, 32, 64, 64, 256, 256};
    for (unsigned i = 0; i < 6; i++) {
        uint8_t *block = hf_mem_take(&world.mem, bytes[i]);
        REQUIRE(block != NULL);
        memset(block, 0x77, bytes[i]);
        CHECK_EQ(hf_mem_block_bytes(&world.mem, block), served[i]);
        CHECK(hf_mem_owns(&world.mem, block + bytes[i] - 1));
    }
    const hf_mem_stats_t stats = hf_mem_stats(&world.mem);
    CHECK_EQ(stats.capacity_bytes, WORLD_BYTES);
    CHECK_EQ(stats.in_use_bytes, 2 * (32 + 64 + 256));
    CHECK_EQ(stats.requested_bytes, 1 + 32 + 33 + 64 + 65 + 256);
    CHECK_EQ(stats.blocks, 6);
    CHECK_EQ(stats.use_permille, 1000 * 704 / WORLD_BYTES);
    CHECK_EQ(stats.waste_permille, 1000 * (704 - 451) / 704);
    CHECK_STR(hf_mem_name(&world.mem), "world");
    CHECK_STR(world_tier(&world, 1).name, "middle");
    world_check_books(&world);
}

static void mem_zero_bytes_is_refused_and_counted(void)
{
    begin();
    void *block = &world;
    CHECK_EQ(world_ask(&world, 0, (hf_mem_policy_t){0}, &block), HF_E_ARGUMENT);
    CHECK(block == NULL);
    CHECK_EQ(hf_mem_stats(&world.mem).zero_size, 1);
    CHECK_EQ(hf_mem_last_error(&world.mem), HF_E_ARGUMENT);
    world_check_books(&world);
}

static void mem_too_large_is_told_apart_from_exhausted(void)
{
    begin();
    void *block;
    CHECK_EQ(hf_mem_last_error(&world.mem), HF_OK);
    CHECK_EQ(world_ask(&world, 257, (hf_mem_policy_t){0}, &block), HF_E_TOO_LONG);
    CHECK_EQ(world_ask(&world, SIZE_MAX, (hf_mem_policy_t){.spill = HF_MEM_ANY_UP}, &block),
             HF_E_TOO_LONG);
    for (unsigned i = 0; i < WORLD_LARGE; i++) {
        CHECK(hf_mem_take(&world.mem, 256) != NULL);
    }
    CHECK_EQ(world_ask(&world, 256, (hf_mem_policy_t){0}, &block), HF_E_FULL);
    CHECK_EQ(hf_mem_last_error(&world.mem), HF_E_FULL);
    CHECK_EQ(hf_mem_stats(&world.mem).too_large, 2);
    CHECK_EQ(world_tier(&world, 2).failed, 1);
    CHECK_EQ(hf_mem_stats(&world.mem).failures, 3);
    world_check_books(&world);
}

static void mem_give_needs_no_size(void)
{
    begin();
    void *block[8];
    unsigned count = 0;
    for (size_t bytes = 20; bytes <= 256; bytes *= 2) {
        block[count] = hf_mem_take(&world.mem, bytes);
        REQUIRE(block[count] != NULL);
        count++;
    }
    while (count > 0) {
        CHECK_EQ(hf_mem_give(&world.mem, block[--count]), HF_OK);
    }
    const hf_mem_stats_t stats = hf_mem_stats(&world.mem);
    CHECK_EQ(stats.in_use_bytes + stats.requested_bytes + stats.blocks, 0);
    CHECK_EQ(stats.peak_bytes, 32 + 64 + 256 + 256);
    CHECK_EQ(stats.min_free_bytes, WORLD_BYTES - stats.peak_bytes);
    world_check_books(&world);
}

static void mem_wrong_gives_are_told_by_kind_and_change_nothing(void)
{
    begin();
    uint8_t *block = hf_mem_take(&world.mem, 256);
    uint8_t *small = hf_mem_take(&world.mem, 5);
    REQUIRE(block != NULL && small != NULL);
    CHECK_EQ(hf_mem_give(&world.mem, NULL), HF_E_FOREIGN);
    CHECK_EQ(hf_mem_give(&world.mem, &world), HF_E_FOREIGN);
    CHECK_EQ(hf_mem_give(&world.mem, block + 100), HF_E_INTERIOR);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_E_DOUBLE_GIVE);
    const hf_mem_stats_t stats = hf_mem_stats(&world.mem);
    CHECK_EQ(stats.foreign, 2);
    CHECK_EQ(stats.interior, 1);
    CHECK_EQ(stats.double_gives, 2);
    CHECK_EQ(stats.failures, 0);
    CHECK_EQ(stats.in_use_bytes, 32);
    CHECK_EQ(hf_mem_block_bytes(&world.mem, block), 0);
    CHECK_EQ(hf_mem_block_bytes(&world.mem, small), 32);
    world_check_books(&world);
}

static void mem_block_given_behind_its_back_is_told(void)
{
    begin();
    void *block = hf_mem_take(&world.mem, 20);
    REQUIRE(block != NULL);
    hf_pool_t *pool = hf_tier_pool(hf_mem_tiers(&world.mem), 0);
    CHECK_EQ(hf_pool_give(pool, block), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_mem_stats(&world.mem).double_gives, 1);
    world_check_books(&world);
}

#if CONFIG_HF_POOL_CANARY
static void mem_overrun_is_told_and_the_block_is_back(void)
{
    world_prepare(&world);
    world.config.tiers.options = HF_POOL_CANARY;
    world_start(&world);
    uint8_t *block = hf_mem_take(&world.mem, 32);
    REQUIRE(block != NULL);
    block[32] ^= 0xFF;
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_E_OVERRUN);
    CHECK_EQ(hf_mem_stats(&world.mem).overruns, 1);
    CHECK_EQ(hf_mem_stats(&world.mem).in_use_bytes, 0);
    world_check_books(&world);
}
#endif

static void mem_resize_within_the_tier_stays_in_place(void)
{
    begin();
    void *block = hf_mem_take(&world.mem, 33);
    void *was = block;
    REQUIRE(block != NULL);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 64), HF_OK);
    CHECK(block == was);
    CHECK_EQ(hf_mem_stats(&world.mem).requested_bytes, 64);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 1), HF_OK);
    CHECK(block == was);
    const hf_mem_stats_t stats = hf_mem_stats(&world.mem);
    CHECK_EQ(stats.requested_bytes, 1);
    CHECK_EQ(stats.resized_in_place, 2);
    CHECK_EQ(stats.moved, 0);
    world_check_books(&world);
}

static void mem_resize_beyond_the_tier_moves_the_content(void)
{
    begin();
    uint8_t *block = hf_mem_take_tagged(&world.mem, 32, 2);
    REQUIRE(block != NULL);
    void *moved = block;
    for (uint8_t i = 0; i < 32; i++) {
        block[i] = i;
    }
    CHECK_EQ(hf_mem_resize(&world.mem, &moved, 200), HF_OK);
    CHECK(moved != block);
    block = moved;
    for (uint8_t i = 0; i < 32; i++) {
        CHECK_EQ(block[i], i);
    }
    CHECK_EQ(hf_mem_block_bytes(&world.mem, block), 256);
    CHECK_EQ(hf_mem_stats(&world.mem).moved, 1);
    CHECK_EQ(world_tag(&world, 2).bytes, 256); // the tag goes with it
    CHECK_EQ(world_tag(&world, 2).blocks, 1);
    CHECK_EQ(world_tier(&world, 0).in_use, 0);
    world_check_books(&world);
}

static void mem_resize_that_finds_nothing_loses_nothing(void)
{
    begin();
    uint8_t *block = hf_mem_take(&world.mem, 32);
    REQUIRE(block != NULL);
    memset(block, 0x3C, 32);
    void *kept = block;
    CHECK(hf_mem_take(&world.mem, 256) != NULL && hf_mem_take(&world.mem, 256) != NULL);
    CHECK_EQ(hf_mem_resize(&world.mem, &kept, 100), HF_E_FULL);
    CHECK_EQ(hf_mem_resize(&world.mem, &kept, 10000), HF_E_TOO_LONG);
    CHECK(kept == block && block[0] == 0x3C && block[31] == 0x3C);
    CHECK_EQ(hf_mem_stats(&world.mem).requested_bytes, 32 + 512);
    CHECK_EQ(world_tier(&world, 2).failed, 1);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    world_check_books(&world);
}

static void mem_resize_of_nothing_takes_and_to_nothing_gives(void)
{
    begin();
    void *block = NULL;
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 40), HF_OK);
    REQUIRE(block != NULL);
    CHECK_EQ(hf_mem_block_bytes(&world.mem, block), 64);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 0), HF_OK);
    CHECK(block == NULL);
    CHECK_EQ(hf_mem_stats(&world.mem).blocks, 0);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 0), HF_E_ARGUMENT);
    CHECK(block == NULL);
    world_check_books(&world);
}

static void mem_resize_of_a_wrong_block_is_refused(void)
{
    begin();
    uint8_t *block = hf_mem_take(&world.mem, 200);
    REQUIRE(block != NULL);
    void *wrong = block + 32;
    CHECK_EQ(hf_mem_resize(&world.mem, &wrong, 10), HF_E_INTERIOR);
    wrong = &world;
    CHECK_EQ(hf_mem_resize(&world.mem, &wrong, 10), HF_E_FOREIGN);
    CHECK(wrong == &world);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    wrong = block;
    CHECK_EQ(hf_mem_resize(&world.mem, &wrong, 10), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_mem_resize(&world.mem, &wrong, 0), HF_E_DOUBLE_GIVE);
    CHECK(wrong == block);
    const hf_mem_stats_t stats = hf_mem_stats(&world.mem);
    CHECK_EQ(stats.interior + stats.foreign, 2);
    CHECK_EQ(stats.double_gives, 2);
    world_check_books(&world);
}

static void mem_tags_hold_exact_bytes_and_blocks(void)
{
    begin();
    void *one = hf_mem_take_tagged(&world.mem, 20, 1);
    void *two = hf_mem_take_tagged(&world.mem, 60, 1);
    void *three = hf_mem_take_tagged(&world.mem, 10, 2);
    REQUIRE(one != NULL && two != NULL && three != NULL);
    CHECK_EQ(world_tag(&world, 1).bytes, 96);
    CHECK_EQ(world_tag(&world, 1).blocks, 2);
    CHECK_EQ(world_tag(&world, 2).bytes, 32);
    CHECK_STR(world_tag(&world, 2).name, "ui");
    CHECK_EQ(hf_mem_give(&world.mem, one), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, three), HF_OK);
    CHECK_EQ(world_tag(&world, 1).bytes, 64);
    CHECK_EQ(world_tag(&world, 1).peak_bytes, 96);
    CHECK_EQ(world_tag(&world, 2).bytes + world_tag(&world, 2).blocks, 0);
    hf_mem_tag_stats_t stats;
    CHECK_EQ(hf_mem_tag_stats(&world.mem, 3, &stats), HF_E_RANGE);
    world_check_books(&world);
}

static void mem_tag_is_by_default_that_of_who_runs(void)
{
    begin();
    world.running = 2;
    CHECK(hf_mem_take(&world.mem, 20) != NULL);
    CHECK(hf_mem_take_emergency(&world.mem, 20) != NULL);
    CHECK_EQ(world_tag(&world, 2).blocks, 2);
    world.running = 7; // nobody the instance knows
    CHECK(hf_mem_take(&world.mem, 20) != NULL);
    CHECK_EQ(hf_mem_stats(&world.mem).unknown_tags, 1);
    CHECK_EQ(world_tag(&world, 0).blocks, 1);
    world_check_books(&world);
}

#if CONFIG_HF_POOL_CENSUS
static void mem_census_knows_tag_and_age(void)
{
    begin();
    hf_pool_t *pool = hf_tier_pool(hf_mem_tiers(&world.mem), 1);
    CHECK_EQ(hf_mem_poll(&world.mem, 5000000), 0);
    CHECK(hf_mem_take_tagged(&world.mem, 50, 2) != NULL);
    CHECK_EQ(hf_mem_poll(&world.mem, 7000000), 0);
    hf_block_info_t info = {0};
    unsigned found = 0;
    for (uint32_t i = 0; i < WORLD_MIDDLE; i++) {
        if (hf_pool_inspect(pool, i, &info) == HF_OK) {
            found++;
            CHECK_EQ(info.tag, 2);
            CHECK_EQ(info.age_ms, 2000);
        }
    }
    CHECK_EQ(found, 1);
}
#endif

static void mem_histogram_knows_what_was_asked_for(void)
{
    static hf_histogram_t histogram;
    begin();
    hf_mem_set_histogram(&world.mem, &histogram);
    void *block = hf_mem_take(&world.mem, 20);
    REQUIRE(block != NULL);
    CHECK(hf_mem_take(&world.mem, 1000) == NULL);
    hf_histogram_view_t view = hf_histogram_view(&histogram, hf_histogram_bucket_of(20));
    CHECK_EQ(view.takes, 1);
    CHECK_EQ(view.held, 1);
    CHECK_EQ(hf_histogram_view(&histogram, hf_histogram_bucket_of(1000)).refused, 1);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 32), HF_OK);
    CHECK_EQ(hf_histogram_view(&histogram, hf_histogram_bucket_of(32)).held, 1);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 200), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    for (uint32_t i = 0; i < HF_HISTOGRAM_BUCKETS; i++) {
        CHECK_EQ(hf_histogram_view(&histogram, i).held, 0);
    }
    hf_mem_set_histogram(&world.mem, NULL);
    CHECK(hf_mem_take(&world.mem, 20) != NULL);
    CHECK_EQ(hf_histogram_view(&histogram, hf_histogram_bucket_of(20)).takes, 1);
}

#if CONFIG_HF_TRACE
static void check_entry(hf_trace_t *trace, hf_trace_kind_t kind, uint16_t pool, uint32_t bytes)
{
    hf_trace_entry_t entry;
    REQUIRE(hf_trace_get(trace, &entry) == HF_OK);
    CHECK_EQ(entry.kind, kind);
    CHECK_EQ(entry.pool, pool);
    CHECK_EQ(entry.bytes, bytes);
    CHECK(entry.caller != 0);
}

static void mem_trace_tells_every_call(void)
{
    static hf_atomic_u32_t storage[HF_TRACE_BYTES(16) / 4];
    static hf_trace_t trace;
    hf_trace_entry_t entry;
    const hf_trace_config_t config = {.storage = storage, .capacity = 16};
    CHECK_EQ(hf_trace_init(&trace, &config), HF_OK);
    begin();
    hf_mem_set_trace(&world.mem, &trace, 10);
    void *block = hf_mem_take_tagged(&world.mem, 50, 2);
    CHECK(hf_mem_take_tagged(&world.mem, 5000, 2) == NULL);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_E_DOUBLE_GIVE);
    check_entry(&trace, HF_TRACE_TAKE, 11, 50);
    check_entry(&trace, HF_TRACE_REFUSED, 13, 5000); // behind the last tier
    check_entry(&trace, HF_TRACE_GIVE, 11, 50);
    REQUIRE(hf_trace_get(&trace, &entry) == HF_OK);
    CHECK_EQ(entry.kind, HF_TRACE_WRONG);
    CHECK_EQ(entry.status, HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_trace_get(&trace, &entry), HF_E_EMPTY);
    block = hf_mem_take_tagged(&world.mem, 50, 2);
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 40), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    check_entry(&trace, HF_TRACE_TAKE, 11, 50);
    check_entry(&trace, HF_TRACE_GIVE, 11, 50); // in place: given and taken again
    check_entry(&trace, HF_TRACE_TAKE, 11, 40);
    check_entry(&trace, HF_TRACE_GIVE, 11, 40);
    CHECK_EQ(hf_trace_get(&trace, &entry), HF_E_EMPTY);
}
#endif

static void mem_byte_totals_pass_32_bits(void)
{
    begin();
    atomic_store(&world.mem.requested_total.low, UINT32_MAX - 99u); // as after 4 GiB of takes
    atomic_store(&world.mem.served_total.low, UINT32_MAX - 50u);
    void *block = hf_mem_take(&world.mem, 200);
    REQUIRE(block != NULL);
    CHECK_EQ(hf_mem_stats(&world.mem).requested_total, (1ull << 32) + 100u);
    CHECK_EQ(hf_mem_stats(&world.mem).served_total, (1ull << 32) + 205u);
    CHECK(hf_mem_take(&world.mem, 10) != NULL);
    CHECK_EQ(hf_mem_stats(&world.mem).requested_total, (1ull << 32) + 110u);
}

static void mem_reset_keeps_what_is_in_use(void)
{
    begin();
    void *block = hf_mem_take(&world.mem, 256);
    void *other = hf_mem_take(&world.mem, 256);
    REQUIRE(block != NULL && other != NULL);
    CHECK(hf_mem_take(&world.mem, 256) == NULL);
    CHECK(hf_mem_take(&world.mem, 0) == NULL);
    CHECK_EQ(hf_mem_give(&world.mem, other), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, other), HF_E_DOUBLE_GIVE);
    hf_mem_reset_stats(&world.mem);
    const hf_mem_stats_t stats = hf_mem_stats(&world.mem);
    CHECK_EQ(stats.failures + stats.zero_size + stats.double_gives, 0);
    CHECK_EQ(stats.in_use_bytes, 256);
    CHECK_EQ(stats.peak_bytes, 256);
    CHECK_EQ(stats.served_total, 0);
    CHECK_EQ(world_tier(&world, 2).failed, 0);
    CHECK_EQ(world_tier(&world, 2).peak, 1);
    CHECK_EQ(hf_mem_last_error(&world.mem), HF_OK);
    world_check_books(&world);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    world_check_books(&world);
}

static void mem_wrong_configs_are_refused(void)
{
    world_prepare(&world);
    const hf_mem_config_t good = world.config;
    hf_mem_config_t bad[10];
    for (unsigned i = 0; i < HF_COUNT_OF(bad); i++) {
        bad[i] = good;
    }
    bad[0].name = NULL;
    bad[1].records = NULL;
    bad[2].record_count--;
    bad[3].tiers.size_count = 0;
    bad[4].tag_count = CONFIG_HF_MEM_TAGS_MAX + 1;
    bad[5].tags = NULL;
    bad[6].low_percent = 49;
    bad[7].critical_percent = 100;
    bad[8].low_percent = 95, bad[8].critical_percent = 90;
    bad[9].states = NULL;
    for (unsigned i = 0; i < HF_COUNT_OF(bad); i++) {
        CHECK_EQ(hf_mem_init(&world.mem, &bad[i]), HF_E_ARGUMENT);
    }
    hf_mem_config_t storage = good;
    storage.tiers.arena_bytes--;
    CHECK_EQ(hf_mem_init(&world.mem, &storage), HF_E_FULL);
    CHECK_EQ(hf_mem_init(NULL, &good), HF_E_ARGUMENT);
    CHECK_EQ(hf_mem_init(&world.mem, NULL), HF_E_ARGUMENT);
    CHECK_EQ(hf_mem_init(&world.mem, &good), HF_OK);
}

#if CONFIG_HF_POOL_CANARY
#define CANARY_CASES HF_TEST(mem_overrun_is_told_and_the_block_is_back),
#else
#define CANARY_CASES
#endif
#if CONFIG_HF_POOL_CENSUS
#define CENSUS_CASES HF_TEST(mem_census_knows_tag_and_age),
#else
#define CENSUS_CASES
#endif

#if CONFIG_HF_TRACE
#define TRACE_CASES HF_TEST(mem_trace_tells_every_call),
#else
#define TRACE_CASES
#endif

HF_TEST_MAIN(HF_TEST(mem_take_gets_the_smallest_that_fits),
             HF_TEST(mem_zero_bytes_is_refused_and_counted),
             HF_TEST(mem_too_large_is_told_apart_from_exhausted), HF_TEST(mem_give_needs_no_size),
             HF_TEST(mem_wrong_gives_are_told_by_kind_and_change_nothing),
             HF_TEST(mem_block_given_behind_its_back_is_told),
             CANARY_CASES HF_TEST(mem_resize_within_the_tier_stays_in_place),
             HF_TEST(mem_resize_beyond_the_tier_moves_the_content),
             HF_TEST(mem_resize_that_finds_nothing_loses_nothing),
             HF_TEST(mem_resize_of_nothing_takes_and_to_nothing_gives),
             HF_TEST(mem_resize_of_a_wrong_block_is_refused),
             HF_TEST(mem_tags_hold_exact_bytes_and_blocks),
             HF_TEST(mem_tag_is_by_default_that_of_who_runs),
             CENSUS_CASES TRACE_CASES HF_TEST(mem_histogram_knows_what_was_asked_for),
             HF_TEST(mem_byte_totals_pass_32_bits), HF_TEST(mem_reset_keeps_what_is_in_use),
             HF_TEST(mem_wrong_configs_are_refused))
