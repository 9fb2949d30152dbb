// SPDX-License-Identifier: MIT
// hf_region: limits, wrong gives, damage, alignment, resizing, statistics, the walk.
#include "hf_test.h"

#include "holdfast/hf_region.h"

#define BYTES 8192u
static HF_REGION_STORAGE(BYTES) storage;
static hf_region_t region;

static hf_region_config_t good_config(void)
{
    return (hf_region_config_t){.name = "test",
                                .memory = storage.memory,
                                .bytes = sizeof storage.memory,
                                .meta = storage.meta};
}

static void start(void)
{
    const hf_region_config_t config = good_config();
    CHECK_EQ(hf_region_init(&region, &config), HF_OK);
}

static bool is_whole(void)
{
    const void *place = NULL;
    region.check_at = 0;
    return hf_region_check(&region, UINT32_MAX, &place) == HF_OK;
}

static uint32_t *header_of(void *block)
{
    return (uint32_t *)(void *)((uint8_t *)block - HF_REGION_HEADER_BYTES);
}

static void guard(void *ctx)
{
    ++*(int *)ctx;
}

static void region_bad_ranges_are_refused(void)
{
    const hf_region_config_t good = good_config();
    hf_region_config_t bad = good;
    CHECK_EQ(hf_region_init(NULL, &good), HF_E_ARGUMENT);
    CHECK_EQ(hf_region_init(&region, NULL), HF_E_ARGUMENT);
#define REFUSED(member, value)                                                                     \
    bad = good;                                                                                    \
    bad.member = value;                                                                            \
    CHECK_EQ(hf_region_init(&region, &bad), HF_E_ARGUMENT)
    REFUSED(name, NULL);
    REFUSED(memory, NULL);
    REFUSED(meta, NULL);
    REFUSED(bytes, HF_REGION_BYTES_MIN - 1u);
    REFUSED(bytes, (size_t)HF_REGION_BYTES_MAX + 1u);
    REFUSED(enter, guard);
    REFUSED(exit, guard);
    REFUSED(memory, (void *)(UINTPTR_MAX - 4096u));
}

static void region_any_size_and_place_serves(void)
{
    for (size_t lead = 0; lead < 33u; lead++) {
        for (size_t bytes = HF_REGION_BYTES_MIN; bytes < 400u; bytes++) {
            hf_region_config_t config = good_config();
            config.memory = storage.memory + lead;
            config.bytes = bytes;
            REQUIRE(hf_region_init(&region, &config) == HF_OK);
            const size_t most = hf_region_largest_servable(&region);
            uint8_t *block = hf_region_take(&region, most);
            REQUIRE(block != NULL && hf_region_largest_servable(&region) == 0);
            REQUIRE(block >= storage.memory + lead);
            REQUIRE(block + most <= storage.memory + lead + bytes);
            REQUIRE(most + HF_REGION_HEADER_BYTES + 2u * HF_POOL_ALIGN + 8u > bytes);
            memset(block, 0xA5, most);
            REQUIRE(hf_region_take(&region, 1) == NULL);
            REQUIRE(hf_region_give(&region, block) == HF_OK && is_whole());
        }
    }
}

static void region_every_size_of_block_is_served(void)
{
    start();
    const hf_region_stats_t untouched = hf_region_stats(&region);
    CHECK_EQ(untouched.fragmentation_percent, 0);
    CHECK_EQ(untouched.used_bytes, 0);
    for (size_t bytes = 1; bytes <= untouched.largest_servable_bytes; bytes++) {
        uint8_t *block = hf_region_take(&region, bytes);
        REQUIRE(block != NULL && hf_region_block_bytes(&region, block) >= bytes);
        memset(block, 0x5A, bytes);
        REQUIRE(hf_region_give(&region, block) == HF_OK);
    }
    CHECK(is_whole());
    CHECK_EQ(hf_region_stats(&region).free_bytes, untouched.capacity_bytes);
    CHECK(hf_region_take(&region, untouched.largest_servable_bytes + 1u) == NULL);
    CHECK_EQ(hf_region_stats(&region).unservable, 1);
    CHECK(hf_region_take(&region, 0) == NULL);
    CHECK(hf_region_take(&region, SIZE_MAX) == NULL);
    CHECK_EQ(hf_region_stats(&region).unservable, 3);
    CHECK_EQ(hf_region_stats(&region).failed, 0);
}

static void region_wrong_gives_are_told_and_harmless(void)
{
    start();
    uint8_t *first = hf_region_take(&region, 100), *second = hf_region_take(&region, 100);
    uint8_t *third = hf_region_take(&region, 100);
    memset(first, 1, 100);
    memset(third, 3, 100);
    int local = 0;
    CHECK_EQ(hf_region_give(&region, NULL), HF_E_FOREIGN);
    CHECK_EQ(hf_region_give(&region, &local), HF_E_FOREIGN);
    CHECK_EQ(hf_region_give(&region, storage.memory + BYTES), HF_E_FOREIGN);
    CHECK_EQ(hf_region_give(&region, first + 1), HF_E_INTERIOR);
    CHECK_EQ(hf_region_give(&region, first + HF_POOL_ALIGN), HF_E_INTERIOR);
    CHECK_EQ(hf_region_give(&region, second), HF_OK);
    CHECK_EQ(hf_region_give(&region, second), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_region_give(&region, second + HF_POOL_ALIGN), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_region_give(&region, storage.memory + BYTES - 64u), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_region_give(&region, first), HF_OK);
    CHECK_EQ(hf_region_give(&region, second), HF_E_DOUBLE_GIVE); // merged: its header is no more
    const hf_region_stats_t stats = hf_region_stats(&region);
    CHECK_EQ(stats.foreign, 3);
    CHECK_EQ(stats.interior, 2);
    CHECK_EQ(stats.double_gives, 4);
    CHECK_EQ(stats.gives, 2);
    CHECK_EQ(stats.blocks, 1);
    CHECK_EQ(third[0] + third[99], 6);
    CHECK_EQ(hf_region_block_bytes(&region, first), 0);
    CHECK_EQ(hf_region_block_bytes(&region, third + HF_POOL_ALIGN), 0);
    CHECK_EQ(hf_region_block_bytes(&region, &local), 0);
    CHECK(hf_region_owns(&region, third) && !hf_region_owns(&region, &local));
    CHECK(is_whole());
}

static void region_overrun_into_the_next_header_is_told(void)
{
    start();
    uint8_t *before = hf_region_take(&region, 64), *first = hf_region_take(&region, 64);
    uint8_t *second = hf_region_take(&region, 64);
    CHECK(hf_region_take(&region, 64) != NULL);
    CHECK_EQ(hf_region_give(&region, before), HF_OK);
    const size_t got = hf_region_block_bytes(&region, first);
    memset(first + got, 0x41, HF_REGION_HEADER_BYTES); // strcpy of a few bytes too many
    const void *place = NULL;
    region.check_at = 0;
    CHECK_EQ(hf_region_check(&region, UINT32_MAX, &place), HF_E_CORRUPT);
    CHECK(place == header_of(first));
    CHECK_EQ(hf_region_give(&region, first), HF_E_CORRUPT);
    CHECK_EQ(hf_region_give(&region, second), HF_E_CORRUPT);
    CHECK_EQ(hf_region_block_bytes(&region, first), 0);
    CHECK_EQ(hf_region_stats(&region).corrupt, 3);
    CHECK_EQ(hf_region_stats(&region).gives, 1);
    // What is not touched by the damage goes on.
    CHECK(hf_region_take(&region, 64) == before);
    CHECK_EQ(hf_region_give(&region, before), HF_OK);
}

static void region_damage_of_a_free_neighbour_is_told(void)
{
    start();
    uint8_t *before = hf_region_take(&region, 64), *first = hf_region_take(&region, 64);
    uint8_t *second = hf_region_take(&region, 64);
    CHECK(hf_region_take(&region, 64) != NULL);
    CHECK_EQ(hf_region_give(&region, before), HF_OK);
    CHECK_EQ(hf_region_give(&region, second), HF_OK);
    const uint32_t size = header_of(second)[0];
    header_of(second)[0] = 7777;
    CHECK_EQ(hf_region_give(&region, first), HF_E_CORRUPT);
    CHECK(hf_region_take(&region, 64) != NULL); // from the list of 64 B: `before` was put back
    header_of(second)[0] = size;
    ((uint32_t *)(void *)second)[0] = 0x41414141; // a write after the give, into the links
    CHECK_EQ(hf_region_give(&region, first), HF_E_CORRUPT);
    CHECK_EQ(hf_region_stats(&region).corrupt, 2);
    ((uint32_t *)(void *)second)[0] = UINT32_MAX;
    ((uint32_t *)(void *)second)[1] = 0; // previous: a block, but one that does not lead here
    CHECK_EQ(hf_region_give(&region, first), HF_E_CORRUPT);
    ((uint32_t *)(void *)second)[1] = UINT32_MAX;
    CHECK_EQ(hf_region_give(&region, first), HF_OK);
}

static void region_damaged_list_is_dropped_and_others_serve(void)
{
    start();
    uint8_t *first = hf_region_take(&region, 64);
    CHECK(hf_region_take(&region, 64) != NULL);
    CHECK_EQ(hf_region_give(&region, first), HF_OK);
    ((uint32_t *)(void *)first)[0] = 3; // next
    uint8_t *other = hf_region_take(&region, 64);
    CHECK(other != NULL && other != first);
    CHECK_EQ(hf_region_stats(&region).corrupt, 1);
    CHECK(hf_region_take(&region, 64) != NULL);
    CHECK_EQ(hf_region_stats(&region).corrupt, 1);
    start();
    first = hf_region_take(&region, 64);
    CHECK(hf_region_take(&region, 64) != NULL);
    CHECK_EQ(hf_region_give(&region, first), HF_OK);
    ((uint32_t *)(void *)first)[1] = 0; // previous, though it is the first
    CHECK(hf_region_take(&region, 64) != first);
    CHECK_EQ(hf_region_stats(&region).corrupt, 1);
}

static void region_aligned_take_is_aligned(void)
{
    for (size_t align = 1; align <= 1024u; align *= 2u) {
        start();
        uint8_t *lead = hf_region_take(&region, 24);
        uint8_t *block = hf_region_take_aligned(&region, 100, align);
        uint8_t *next = hf_region_take_aligned(&region, 1, align);
        REQUIRE(lead != NULL && block != NULL && next != NULL);
        CHECK_EQ((uintptr_t)block % align, 0);
        CHECK_EQ((uintptr_t)next % align, 0);
        memset(block, 0x77, 100);
        CHECK(is_whole());
        CHECK_EQ(hf_region_give(&region, block), HF_OK);
        CHECK_EQ(hf_region_give(&region, lead), HF_OK);
        CHECK_EQ(hf_region_give(&region, next), HF_OK);
        CHECK_EQ(hf_region_stats(&region).fragmentation_percent, 0);
    }
    CHECK(hf_region_take_aligned(&region, 100, 0) == NULL);
    CHECK(hf_region_take_aligned(&region, 100, 48) == NULL);
    CHECK(hf_region_take_aligned(&region, 100, 131072) == NULL);
    CHECK_EQ(hf_region_stats(&region).unservable, 3);
    CHECK(hf_region_take_aligned(&region, 100, 65536) == NULL);
    CHECK(hf_region_take_aligned(&region, BYTES - 64u, 64) == NULL);
    CHECK_EQ(hf_region_stats(&region).failed, 2);
}

static void region_resizes_in_place(void)
{
    start();
    uint8_t *block = hf_region_take(&region, 100), *behind = hf_region_take(&region, 400);
    uint8_t *last = hf_region_take(&region, 40);
    memset(block, 0x33, 100);
    CHECK_EQ(hf_region_resize(&region, block, 300), HF_E_FULL);
    CHECK(hf_region_block_bytes(&region, block) < 300u);
    CHECK_EQ(hf_region_give(&region, behind), HF_OK);
    CHECK_EQ(hf_region_resize(&region, block, 300), HF_OK);
    CHECK(hf_region_block_bytes(&region, block) >= 300u);
    CHECK(block[0] == 0x33 && block[99] == 0x33);
    CHECK(is_whole());
    CHECK_EQ(hf_region_resize(&region, block, 10), HF_OK);
    CHECK(hf_region_block_bytes(&region, block) <= 10u + 2u * HF_POOL_ALIGN);
    CHECK(is_whole());
    CHECK_EQ(hf_region_resize(&region, block, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_region_resize(&region, block, BYTES), HF_E_ARGUMENT);
    CHECK_EQ(hf_region_resize(&region, block + 1, 10), HF_E_INTERIOR);
    CHECK_EQ(hf_region_resize(&region, behind, 10), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_region_resize(&region, NULL, 10), HF_E_FOREIGN);
    const hf_region_stats_t stats = hf_region_stats(&region);
    CHECK_EQ(stats.failed, 1);
    CHECK_EQ(stats.unservable, 2);
    CHECK_EQ(stats.takes, 3);
    CHECK_EQ(hf_region_give(&region, block), HF_OK);
    CHECK_EQ(hf_region_give(&region, last), HF_OK);
    CHECK_EQ(hf_region_stats(&region).used_bytes, 0);
}

static void region_statistics_are_exact(void)
{
    start();
    const size_t capacity = hf_region_stats(&region).capacity_bytes;
    void *blocks[4];
    for (uint32_t i = 0; i < 4; i++) {
        blocks[i] = hf_region_take(&region, 1000);
    }
    const hf_region_stats_t full = hf_region_stats(&region);
    CHECK_EQ(full.used_bytes, 4u * 1008u);
    CHECK_EQ(full.peak_used_bytes, full.used_bytes);
    CHECK_EQ(full.free_bytes, capacity - full.used_bytes);
    CHECK_EQ(full.min_free_bytes, full.free_bytes);
    CHECK_EQ(full.blocks, 4);
    CHECK_EQ(hf_region_give(&region, blocks[0]), HF_OK);
    CHECK_EQ(hf_region_give(&region, blocks[2]), HF_OK);
    const hf_region_stats_t holes = hf_region_stats(&region);
    CHECK_EQ(holes.peak_used_bytes, full.used_bytes);
    CHECK_EQ(holes.used_bytes, 2u * 1008u);
    CHECK(is_whole());
    const size_t largest = hf_region_stats(&region).largest_bytes;
    CHECK_EQ(largest, capacity - full.used_bytes - HF_REGION_HEADER_BYTES);
    CHECK(holes.largest_servable_bytes <= largest);
    CHECK(holes.largest_servable_bytes >= largest - largest / 32u);
    CHECK_EQ(holes.fragmentation_percent,
             100u - 100u * (holes.largest_servable_bytes + 8u) / holes.free_bytes);
    CHECK(hf_region_take(&region, largest) != NULL);
    CHECK_EQ(hf_region_stats(&region).largest_servable_bytes, 1000);
    CHECK(hf_region_take(&region, 1001) == NULL);
    CHECK_EQ(hf_region_stats(&region).failed, 1);
    CHECK(hf_region_take(&region, 1000) != NULL && hf_region_take(&region, 1000) != NULL);
    const hf_region_stats_t none = hf_region_stats(&region);
    CHECK_EQ(none.free_bytes, 0);
    CHECK_EQ(none.fragmentation_percent, 0);
    CHECK_EQ(none.largest_servable_bytes, 0);
}

static void region_walk_in_pieces_gets_round_while_blocks_come_and_go(void)
{
    start();
    static void *blocks[60];
    const void *place = NULL;
    for (uint32_t i = 0; i < 60; i++) {
        blocks[i] = hf_region_take(&region, 40);
    }
    uint32_t rounds = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        CHECK_EQ(hf_region_give(&region, blocks[i * 7u % 60u]), HF_OK);
        const uint32_t at = region.check_at;
        CHECK_EQ(hf_region_check(&region, 3, &place), HF_OK);
        rounds += region.check_at == 0 && at != 0;
        blocks[i * 7u % 60u] = hf_region_take(&region, 40);
    }
    CHECK(rounds > 50);
    CHECK_EQ(hf_region_stats(&region).corrupt, 0);
}

static void region_guard_is_held_once_per_call(void)
{
    int count = 0;
    hf_region_config_t config = good_config();
    config.enter = config.exit = guard;
    config.ctx = &count;
    CHECK_EQ(hf_region_init(&region, &config), HF_OK);
    const void *place = NULL;
    void *block = hf_region_take(&region, 10);
    CHECK_EQ(count, 2);
    CHECK(hf_region_take_aligned(&region, 0, 64) == NULL);
    CHECK_EQ(count, 4);
    CHECK_EQ(hf_region_resize(&region, block, 20), HF_OK);
    CHECK_EQ(count, 6);
    CHECK_EQ(hf_region_check(&region, 1, &place), HF_OK);
    CHECK_EQ(count, 8);
    CHECK_EQ(hf_region_give(&region, block), HF_OK);
    CHECK_EQ(count, 10);
    CHECK_EQ(hf_region_give(&region, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(count, 12);
}

HF_TEST_MAIN(HF_TEST(region_bad_ranges_are_refused), HF_TEST(region_any_size_and_place_serves),
             HF_TEST(region_every_size_of_block_is_served),
             HF_TEST(region_wrong_gives_are_told_and_harmless),
             HF_TEST(region_overrun_into_the_next_header_is_told),
             HF_TEST(region_damage_of_a_free_neighbour_is_told),
             HF_TEST(region_damaged_list_is_dropped_and_others_serve),
             HF_TEST(region_aligned_take_is_aligned), HF_TEST(region_resizes_in_place),
             HF_TEST(region_statistics_are_exact),
             HF_TEST(region_walk_in_pieces_gets_round_while_blocks_come_and_go),
             HF_TEST(region_guard_is_held_once_per_call))
