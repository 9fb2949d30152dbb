// SPDX-License-Identifier: MIT
// The instance over a slab: the same contract, with classes that draw pages from one stock.
#include "hf_test.h"
#include "holdfast/hf_mem.h"
#include "holdfast/hf_slab.h"

#define CLASSES 4u
#define PAGES   2u
#define BYTES   (PAGES * HF_SLAB_PAGE_BYTES)

static HF_SLAB_STORAGE(CLASSES, PAGES, HF_SLAB_PAGE_BYTES) storage;
static hf_slab_t slab;
static hf_mem_tier_state_t states[CLASSES];
static hf_atomic_u32_t records[HF_MEM_SLAB_RECORDS(BYTES, 32u)];
static hf_mem_t mem;
static const hf_mem_tag_t tags[] = {{"none", 0, 0}, {"net", 0, 512}};

static hf_mem_config_t prepare(hf_mem_spill_t spill)
{
    static const hf_slab_size_t sizes[] = {{32, 0}, {96, 0}, {256, 0}, {1024, 0}};
    memset(&storage, 0xA5, sizeof storage);
    const hf_slab_config_t config = {.name = "slab",
                                     .pages = storage.pages,
                                     .page_count = PAGES,
                                     .page_bytes = HF_SLAB_PAGE_BYTES,
                                     .sizes = sizes,
                                     .classes = storage.classes,
                                     .class_count = CLASSES,
                                     .descriptors = storage.descriptors,
                                     .partial = storage.partial};
    CHECK_EQ(hf_slab_init(&slab, &config), HF_OK);
    return (hf_mem_config_t){.name = "slabs",
                             .slab = &slab,
                             .states = states,
                             .state_count = CLASSES,
                             .records = records,
                             .record_count = HF_COUNT_OF(records),
                             .tags = tags,
                             .tag_count = HF_COUNT_OF(tags),
                             .policy = {.spill = spill}};
}

static void start(hf_mem_spill_t spill)
{
    const hf_mem_config_t config = prepare(spill);
    CHECK_EQ(hf_mem_init(&mem, &config), HF_OK);
}

static void slab_of_an_instance_serves_every_class(void)
{
    void *block[4];
    const size_t bytes[] = {20, 96, 200, 1000}, served[] = {32, 96, 256, 1024};
    start(HF_MEM_STRICT);
    for (unsigned i = 0; i < 4; i++) {
        block[i] = hf_mem_take_tagged(&mem, bytes[i], 0);
        REQUIRE(block[i] != NULL);
        memset(block[i], (int)i, bytes[i]);
        CHECK_EQ(hf_mem_block_bytes(&mem, block[i]), served[i]);
    }
    CHECK_EQ(hf_mem_stats(&mem).capacity_bytes, BYTES);
    CHECK_EQ(hf_mem_stats(&mem).in_use_bytes, 32 + 96 + 256 + 1024);
    CHECK_EQ(hf_mem_stats(&mem).requested_bytes, 20 + 96 + 200 + 1000);
    for (unsigned i = 0; i < 4; i++) {
        hf_mem_tier_stats_t stats;
        CHECK_EQ(hf_mem_tier_stats(&mem, i, &stats), HF_OK);
        CHECK_EQ(stats.in_use, 1);
        CHECK_EQ(hf_mem_give(&mem, block[i]), HF_OK);
        CHECK_EQ(hf_mem_tier_stats(&mem, i, &stats), HF_OK);
        CHECK_EQ(stats.in_use, 0);
        CHECK_EQ(stats.peak, 1);
    }
    CHECK_EQ(hf_mem_stats(&mem).blocks, 0);
    CHECK(hf_slab_is_consistent(&slab));
    CHECK(hf_mem_tiers(&mem) == NULL);
}

static void slab_of_an_instance_tells_wrong_gives(void)
{
    start(HF_MEM_STRICT);
    uint8_t *block = hf_mem_take(&mem, 256), *kept = hf_mem_take(&mem, 256);
    REQUIRE(block != NULL && kept != NULL);
    CHECK_EQ(hf_mem_give(&mem, block + 32), HF_E_INTERIOR);
    CHECK_EQ(hf_mem_give(&mem, &mem), HF_E_FOREIGN);
    CHECK_EQ(hf_mem_give(&mem, NULL), HF_E_FOREIGN);
    CHECK_EQ(hf_mem_give(&mem, block), HF_OK);
    CHECK_EQ(hf_mem_give(&mem, block), HF_E_DOUBLE_GIVE);
    const hf_mem_stats_t stats = hf_mem_stats(&mem);
    CHECK_EQ(stats.interior, 1);
    CHECK_EQ(stats.foreign, 2);
    CHECK_EQ(stats.double_gives, 1);
    CHECK_EQ(stats.in_use_bytes, 256);
    CHECK_EQ(hf_mem_block_bytes(&mem, block), 0);
}

static void slab_of_an_instance_is_resized_and_counted(void)
{
    start(HF_MEM_STRICT);
    void *block = hf_mem_take_tagged(&mem, 30, 1);
    REQUIRE(block != NULL);
    memset(block, 7, 30);
    CHECK_EQ(hf_mem_resize(&mem, &block, 200), HF_OK);
    CHECK_EQ(((uint8_t *)block)[29], 7);
    CHECK_EQ(hf_mem_resize(&mem, &block, 1000), HF_E_QUOTA); // 256 and 1,024 of 512
    CHECK_EQ(((uint8_t *)block)[29], 7);
    hf_mem_tag_stats_t stats;
    CHECK_EQ(hf_mem_tag_stats(&mem, 1, &stats), HF_OK);
    CHECK_EQ(stats.bytes, 256);
    CHECK_EQ(stats.refused, 1);
    CHECK_EQ(hf_mem_give(&mem, block), HF_OK);
    CHECK_EQ(hf_slab_stock_stats(&slab).free_bytes, BYTES);
}

static void slab_of_an_instance_classes_resize_themselves(void)
{
    static void *block[BYTES / 32 + 1];
    start(HF_MEM_STRICT);
    for (unsigned round = 0; round < 2; round++) {
        unsigned held = 0;
        while ((block[held] = hf_mem_take(&mem, 32)) != NULL) {
            held++;
        }
        CHECK_EQ(held, BYTES / 32);
        CHECK(hf_mem_is_critical(&mem, HF_MEM_TIER_ALL));
        CHECK(!hf_mem_is_critical(&mem, 0)); // a class has no size of its own
        CHECK(hf_mem_take(&mem, 1000) == NULL);
        while (held > 0) {
            CHECK_EQ(hf_mem_give(&mem, block[--held]), HF_OK);
        }
        CHECK(!hf_mem_is_low(&mem, HF_MEM_TIER_ALL));
        void *large = hf_mem_take(&mem, 1000);
        CHECK(large != NULL);
        CHECK_EQ(hf_mem_give(&mem, large), HF_OK);
    }
    hf_mem_tier_stats_t stats;
    CHECK_EQ(hf_mem_tier_stats(&mem, 0, &stats), HF_OK);
    CHECK_EQ(stats.failed, 2);
    CHECK_EQ(stats.takes, 2 * BYTES / 32);
    CHECK(hf_slab_is_consistent(&slab));
}

static void slab_of_an_instance_wrong_configs_are_refused(void)
{
    static const uint16_t reserve[CLASSES] = {1};
    hf_mem_config_t config = prepare(HF_MEM_STRICT);
    config.record_count--;
    CHECK_EQ(hf_mem_init(&mem, &config), HF_E_ARGUMENT);
    config = prepare(HF_MEM_STRICT);
    config.state_count--;
    CHECK_EQ(hf_mem_init(&mem, &config), HF_E_ARGUMENT);
    config = prepare(HF_MEM_STRICT);
    config.reserve = reserve;
    CHECK_EQ(hf_mem_init(&mem, &config), HF_E_ARGUMENT);
    config.reserve = NULL;
    CHECK_EQ(hf_mem_init(&mem, &config), HF_OK);
}

HF_TEST_MAIN(HF_TEST(slab_of_an_instance_serves_every_class),
             HF_TEST(slab_of_an_instance_tells_wrong_gives),
             HF_TEST(slab_of_an_instance_is_resized_and_counted),
             HF_TEST(slab_of_an_instance_classes_resize_themselves),
             HF_TEST(slab_of_an_instance_wrong_configs_are_refused))
