// SPDX-License-Identifier: MIT
// Interrupts where threads hardly ever meet: after a block was found and before anything is done with it, and after a block
// was taken and before it is in the books. Besides, what such a race may leave behind, and blocks of a shared region.
#include "../../src/runtime/memory/hf_mem_private.h"

static int interrupted_find(const hf_mem_t *mem, const void *block, place_t *place);
#define mem_find interrupted_find
#include "../../src/runtime/memory/hf_mem.c"
#undef mem_find
static void *interrupted_take(hf_pool_t *pool, hf_tag_t tag);
#define hf_pool_take interrupted_take
#include "../../src/runtime/memory/hf_mem_source.c"
#undef hf_pool_take

#include "support/mem_world.h"

static world_t world;
static void (*on_found)(void *block), (*on_taken)(void);
static void *other; // what on_taken() gives

static int interrupted_find(const hf_mem_t *mem, const void *block, place_t *place)
{
    const int status = mem_find(mem, block, place);
    void (*now)(void *block) = on_found;
    on_found = NULL;
    if (now != NULL) {
        now((void *)(uintptr_t)block);
    }
    return status;
}

static void *interrupted_take(hf_pool_t *pool, hf_tag_t tag)
{
    void *block = hf_pool_take(pool, tag);
    void (*now)(void) = on_taken;
    on_taken = NULL;
    if (now != NULL) {
        now();
    }
    return block;
}

static void begin(void)
{
    world_prepare(&world);
    world_start(&world);
}

static void give_it(void *block)
{
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
}

static void give_other(void)
{
    CHECK_EQ(hf_mem_give(&world.mem, other), HF_OK);
}

static void mem_resize_interrupted_by_a_give_does_not_revive_the_block(void)
{
    begin();
    void *block = hf_mem_take_tagged(&world.mem, 20, 1), *was = block;
    REQUIRE(block != NULL);
    on_found = give_it;
    CHECK_EQ(hf_mem_resize(&world.mem, &block, 30), HF_E_DOUBLE_GIVE);
    CHECK(block == was);
    CHECK_EQ(hf_mem_stats(&world.mem).requested_bytes, 0);
    CHECK_EQ(hf_mem_stats(&world.mem).resized_in_place, 0);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_mem_stats(&world.mem).double_gives, 2);
    CHECK_EQ(world_tag(&world, 1).bytes, 0);
    world_check_books(&world);
}

static void mem_peak_counts_a_block_given_before_it_is_written_down(void)
{
    begin();
    other = hf_mem_take_tagged(&world.mem, 20, 1);
    REQUIRE(other != NULL);
    on_taken = give_other;
    void *block = hf_mem_take_tagged(&world.mem, 20, 1);
    REQUIRE(block != NULL);
    CHECK_EQ(world_tier(&world, 0).in_use, 1);
    CHECK_EQ(world_tier(&world, 0).peak, 2);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    world_check_books(&world);
}

static uint64_t total_with(uint32_t flips, uint32_t low)
{
    atomic_store(&world.mem.requested_total.high, flips);
    atomic_store(&world.mem.requested_total.low, low);
    return hf_mem_stats(&world.mem).requested_total;
}

static void mem_total_counts_a_carry_that_is_on_its_way(void)
{
    begin();
    CHECK_EQ(total_with(0, 0x7FFFFFFFu), 0x7FFFFFFFu);
    CHECK_EQ(total_with(0, 0x80000001u), 0x80000001u);
    CHECK_EQ(total_with(1, 0x80000001u), 0x80000001u);
    CHECK_EQ(total_with(1, 5u), 0x100000005u);
    CHECK_EQ(total_with(2, 5u), 0x100000005u);
    CHECK_EQ(total_with(2, 0x80000001u), 0x180000001u);
}

static void mem_poll_mends_a_soft_alert_that_a_race_left(void)
{
    begin();
    void *block =
        hf_mem_take_tagged(&world.mem, 100, 1); // 256 B: above its soft 64, not its hard quota
    CHECK(block == NULL);                       // which is 128
    block = hf_mem_take_tagged(&world.mem, 20, 1);
    atomic_store(&world.mem.tags[1].is_over_soft, 1u); // as by a take that a give overtook
    CHECK_EQ(hf_mem_poll(&world.mem, 0), 1);           // the failure alone
    CHECK(!world_tag(&world, 1).is_over_soft);
    void *two = hf_mem_take_tagged(&world.mem, 20, 1),
         *three = hf_mem_take_tagged(&world.mem, 20, 1);
    CHECK(world_tag(&world, 1).is_over_soft);
    atomic_store(&world.mem.tags[1].is_over_soft, 0); // as by a give that a take overtook
    CHECK_EQ(hf_mem_poll(&world.mem, 0), 1);
    CHECK(world_tag(&world, 1).is_over_soft);
    CHECK(hf_mem_give(&world.mem, block) + hf_mem_give(&world.mem, two) == HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, three), HF_OK);
    CHECK_EQ(hf_mem_poll(&world.mem, 0), 1);
    CHECK(!world.alert[1].is_raised);
    world_check_books(&world);
}

#if CONFIG_HF_SLAB
static const hf_slab_size_t slab_sizes[] = {{64, 0}, {256, 0}};
static HF_SLAB_STORAGE(2, 1, HF_SLAB_PAGE_BYTES) slab_memory;
static hf_slab_t slab;
static hf_mem_tier_state_t slab_states[2];
static hf_atomic_u32_t slab_records[HF_MEM_SLAB_RECORDS(HF_SLAB_PAGE_BYTES, 64)];

static void take_it_again(void *block)
{
    CHECK(hf_mem_take(&world.mem, 64) == block);
}

static void mem_wrong_give_leaves_a_slab_block_that_was_taken_meanwhile(void)
{
    const hf_slab_config_t below = {.name = "slab",
                                    .pages = slab_memory.pages,
                                    .descriptors = slab_memory.descriptors,
                                    .page_count = 1,
                                    .page_bytes = HF_SLAB_PAGE_BYTES,
                                    .sizes = slab_sizes,
                                    .classes = slab_memory.classes,
                                    .partial = slab_memory.partial,
                                    .class_count = 2};
    const hf_mem_config_t config = {.name = "over",
                                    .slab = &slab,
                                    .states = slab_states,
                                    .state_count = 2,
                                    .records = slab_records,
                                    .record_count = HF_COUNT_OF(slab_records)};
    CHECK_EQ(hf_slab_init(&slab, &below), HF_OK);
    CHECK_EQ(hf_mem_init(&world.mem, &config), HF_OK);
    void *block = hf_mem_take(&world.mem, 64);
    REQUIRE(block != NULL);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK);
    on_found = take_it_again;
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_slab_stats(&slab, 0).in_use, 1);
    CHECK_EQ(hf_mem_stats(&world.mem).blocks, 1);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_OK); // its owner's
    CHECK_EQ(hf_mem_stats(&world.mem).in_use_bytes, 0);
}
#define SLAB_CASES HF_TEST(mem_wrong_give_leaves_a_slab_block_that_was_taken_meanwhile),
#else
#define SLAB_CASES
#endif

#if CONFIG_HF_MEM_REGION_FALLBACK
static HF_REGION_STORAGE(4096) memory;
static hf_region_t region;
static world_t second;

static void share_region(void)
{
    const hf_region_config_t config = {
        .name = "shared", .memory = memory.memory, .bytes = 4096, .meta = memory.meta};
    CHECK_EQ(hf_region_init(&region, &config), HF_OK);
    world_t *const both[] = {&world, &second};
    for (uint32_t i = 0; i < HF_COUNT_OF(both); i++) {
        world_prepare(both[i]);
        both[i]->config.region = &region;
        both[i]->config.policy.region = true;
        world_start(both[i]);
    }
}

static void mem_region_block_of_another_instance_is_foreign(void)
{
    share_region();
    void *mine = hf_mem_take(&world.mem, 500), *theirs = hf_mem_take(&second.mem, 700);
    REQUIRE(mine != NULL && theirs != NULL);
    CHECK_EQ(hf_mem_give(&world.mem, theirs), HF_E_FOREIGN);
    CHECK_EQ(hf_mem_block_bytes(&world.mem, theirs), 0);
    CHECK_EQ(hf_mem_stats(&world.mem).region_bytes, 500);
    CHECK_EQ(hf_mem_give(&second.mem, theirs), HF_OK);
    CHECK_EQ(hf_mem_give(&world.mem, mine), HF_OK);
    world_check_books(&world);
    world_check_books(&second);
}

static void mem_region_front_written_over_is_not_believed(void)
{
    share_region();
    uint8_t *block = hf_mem_take(&world.mem, 500);
    REQUIRE(block != NULL);
    const uint32_t huge = 100000;
    memcpy(block - HF_POOL_ALIGN, &huge, sizeof huge); // what it was asked for
    void *moved = block;
    CHECK_EQ(hf_mem_resize(&world.mem, &moved, 50000), HF_E_FOREIGN);
    CHECK(moved == block);
    CHECK_EQ(hf_mem_block_bytes(&world.mem, block), 0);
    CHECK_EQ(hf_mem_give(&world.mem, block), HF_E_FOREIGN);
    CHECK_EQ(hf_mem_stats(&world.mem).foreign, 2);
    CHECK_EQ(hf_mem_stats(&world.mem).region_bytes, 500);
}

static void mem_region_header_written_over_is_told_as_damage(void)
{
    share_region();
    uint8_t *first = hf_mem_take(&world.mem, 500), *next = hf_mem_take(&world.mem, 500);
    REQUIRE(first != NULL && next != NULL && next > first);
    memset(next - HF_POOL_ALIGN - HF_REGION_HEADER_BYTES, 0xEE, HF_REGION_HEADER_BYTES);
    CHECK_EQ(hf_mem_give(&world.mem, next), HF_E_CORRUPT);
    CHECK_EQ(hf_mem_give(&world.mem, first), HF_E_CORRUPT);
    CHECK_EQ(hf_mem_stats(&world.mem).overruns, 2);
    CHECK_EQ(hf_mem_stats(&world.mem).double_gives, 0);
    CHECK_EQ(hf_region_stats(&region).blocks, 2);
}
#define REGION_CASES                                                                               \
    HF_TEST(mem_region_block_of_another_instance_is_foreign),                                      \
        HF_TEST(mem_region_front_written_over_is_not_believed),                                    \
        HF_TEST(mem_region_header_written_over_is_told_as_damage),
#else
#define REGION_CASES
#endif

HF_TEST_MAIN(SLAB_CASES REGION_CASES
                 HF_TEST(mem_resize_interrupted_by_a_give_does_not_revive_the_block),
             HF_TEST(mem_peak_counts_a_block_given_before_it_is_written_down),
             HF_TEST(mem_total_counts_a_carry_that_is_on_its_way),
             HF_TEST(mem_poll_mends_a_soft_alert_that_a_race_left))
