// SPDX-License-Identifier: MIT
// hf_regions: which region serves what, reserves, fallbacks, gives by address, sums.
#include "hf_test.h"

#include "holdfast/hf_regions.h"

static HF_REGION_STORAGE(4096) internal_storage, external_storage, dma_storage;
static hf_region_t internal, external, dma;
static hf_regions_t regions;

#define START(region, storage)                                                                     \
    do {                                                                                           \
        const hf_region_config_t config = {.name = #region,                                        \
                                           .memory = (storage).memory,                             \
                                           .bytes = sizeof(storage).memory,                        \
                                           .meta = (storage).meta};                                \
        CHECK_EQ(hf_region_init(&(region), &config), HF_OK);                                       \
    } while (0)

static void start(uint32_t dma_reserve_bytes)
{
    START(internal, internal_storage);
    START(external, external_storage);
    START(dma, dma_storage);
    const hf_regions_entry_t entries[] = {
        {.region = &internal, .capabilities = HF_CAP_INTERNAL | HF_CAP_FAST},
        {.region = &dma,
         .capabilities = HF_CAP_INTERNAL | HF_CAP_DMA | HF_CAP_FAST,
         .reserved_for = HF_CAP_DMA,
         .reserve_bytes = dma_reserve_bytes},
        {.region = &external, .capabilities = HF_CAP_EXTERNAL},
    };
    CHECK_EQ(hf_regions_init(&regions, entries, HF_COUNT_OF(entries)), HF_OK);
}

static void regions_bad_sets_are_refused(void)
{
    START(internal, internal_storage);
    hf_regions_entry_t entries[] = {{.region = &internal, .capabilities = HF_CAP_FAST}};
    CHECK_EQ(hf_regions_init(NULL, entries, 1), HF_E_ARGUMENT);
    CHECK_EQ(hf_regions_init(&regions, NULL, 1), HF_E_ARGUMENT);
    CHECK_EQ(hf_regions_init(&regions, entries, 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_regions_init(&regions, entries, HF_REGIONS_MAX + 1u), HF_E_ARGUMENT);
    entries[0].capabilities = 0;
    CHECK_EQ(hf_regions_init(&regions, entries, 1), HF_E_ARGUMENT);
    entries[0] = (hf_regions_entry_t){.capabilities = HF_CAP_FAST};
    CHECK_EQ(hf_regions_init(&regions, entries, 1), HF_E_ARGUMENT);
}

static void regions_presets_choose_by_preference(void)
{
    start(0);
    CHECK(hf_regions_owner(&regions, hf_regions_take(&regions, 100, &hf_regions_large)) ==
          &external);
    CHECK(hf_regions_owner(&regions, hf_regions_take(&regions, 100, &hf_regions_fast)) ==
          &internal);
    CHECK(hf_regions_owner(&regions, hf_regions_take(&regions, 100, &hf_regions_dma)) == &dma);
    const hf_regions_request_t none = {.required = HF_CAP_RETAINED};
    CHECK(hf_regions_take(&regions, 100, &none) == NULL);
    CHECK_EQ(regions.failed, 1);
    const hf_regions_stats_t stats = hf_regions_stats(&regions);
    CHECK_EQ(stats.fallbacks, 0);
    CHECK_EQ(stats.takes, 3);
}

static void regions_fallback_is_counted_where_it_served(void)
{
    start(UINT32_MAX);
    CHECK(hf_regions_take(&regions, 3900, &hf_regions_large) != NULL);
    void *block = hf_regions_take(&regions, 3000, &hf_regions_large);
    CHECK(hf_regions_owner(&regions, block) == &internal);
    CHECK_EQ(regions.fallbacks[0], 1);
    CHECK_EQ(regions.fallbacks[2], 0);
    CHECK(hf_regions_take(&regions, 3000, &hf_regions_large) == NULL);
    CHECK_EQ(hf_regions_stats(&regions).failed, 1);
    CHECK_EQ(hf_region_stats(&external).failed, 2);
    CHECK_EQ(hf_region_stats(&dma).failed, 0); // not even asked
}

static void regions_whole_reserve_is_left_alone_unless_named(void)
{
    start(UINT32_MAX);
    while (hf_regions_take(&regions, 100, &hf_regions_fast) != NULL) {
    }
    CHECK_EQ(hf_region_stats(&dma).takes, 0);
    CHECK(hf_regions_take(&regions, 3900, &hf_regions_dma) != NULL);
    // A list that says so may have it.
    start(UINT32_MAX);
    static const uint32_t list[] = {HF_CAP_EXTERNAL, HF_CAP_DMA};
    const hf_regions_request_t also_dma = {.preferences = list, .preference_count = 2};
    uint32_t served = 0;
    while (hf_regions_take(&regions, 100, &also_dma) != NULL) {
        served++;
    }
    CHECK(served > 60);
    CHECK(hf_region_stats(&dma).takes > 30);
    CHECK_EQ(regions.fallbacks[1], hf_region_stats(&dma).takes);
}

static void regions_reserve_stays_servable_in_one_block(void)
{
    // Whatever ordinary requests of any size do, a buffer of the reserve's size can be had.
    for (uint32_t seed = 1; seed <= 200; seed++) {
        const uint32_t reserve = 100u + seed * 13u % 2000u;
        start(reserve);
        uint32_t random = seed * 2654435761u | 1u, held_count = 0;
        static void *held[512];
        for (uint32_t i = 0; i < 400; i++) {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            const hf_regions_request_t fast = {.required = HF_CAP_FAST};
            if (random % 3u != 0) {
                void *block = hf_regions_take(&regions, 1u + (random >> 8) % 300u, &fast);
                if (block != NULL) {
                    held[held_count++] = block;
                }
            } else if (held_count > 0) {
                const uint32_t index = (random >> 8) % held_count;
                CHECK_EQ(hf_regions_give(&regions, held[index]), HF_OK);
                held[index] = held[--held_count];
            }
            REQUIRE(hf_region_largest_servable(&dma) >= reserve);
        }
        CHECK(hf_region_stats(&dma).takes > 0);
        CHECK(hf_regions_take(&regions, reserve, &hf_regions_dma) != NULL);
    }
}

static bool is_interrupted;

static void interrupt_once(void *ctx)
{
    (void)ctx;
    if (!is_interrupted) {
        is_interrupted = true;
        CHECK(hf_regions_take(&regions, 1500, &hf_regions_fast) != NULL);
    }
}

static void leave(void *ctx)
{
    (void)ctx;
}

static void regions_reserve_holds_against_a_take_in_between(void)
{
    const hf_region_config_t config = {.name = "dma",
                                       .memory = dma_storage.memory,
                                       .bytes = sizeof dma_storage.memory,
                                       .meta = dma_storage.meta,
                                       .enter = interrupt_once,
                                       .exit = leave};
    CHECK_EQ(hf_region_init(&dma, &config), HF_OK);
    const hf_regions_entry_t entry = {.region = &dma,
                                      .capabilities = HF_CAP_DMA | HF_CAP_FAST,
                                      .reserved_for = HF_CAP_DMA,
                                      .reserve_bytes = 2000};
    CHECK_EQ(hf_regions_init(&regions, &entry, 1), HF_OK);
    is_interrupted = false;
    CHECK(hf_regions_take(&regions, 1500, &hf_regions_fast) == NULL); // one of the two fits
    CHECK(is_interrupted);
    CHECK_EQ(hf_regions_stats(&regions).takes, 1);
    CHECK_EQ(hf_region_stats(&dma).failed, 0); // by the reserve, not for want of room
    CHECK(hf_regions_take(&regions, 2000, &hf_regions_dma) != NULL);
}

static void regions_give_finds_the_owner(void)
{
    start(0);
    int local = 0;
    void *large = hf_regions_take(&regions, 100, &hf_regions_large);
    void *fast = hf_regions_take(&regions, 100, &hf_regions_fast);
    CHECK_EQ(hf_regions_give(&regions, large), HF_OK);
    CHECK_EQ(hf_regions_give(&regions, large), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_regions_give(&regions, (uint8_t *)fast + 1), HF_E_INTERIOR);
    CHECK_EQ(hf_regions_give(&regions, &local), HF_E_FOREIGN);
    CHECK_EQ(hf_regions_give(&regions, NULL), HF_E_FOREIGN);
    const hf_regions_stats_t stats = hf_regions_stats(&regions);
    CHECK_EQ(stats.foreign, 2);
    CHECK_EQ(stats.wrong_gives, 2);
    CHECK_EQ(stats.takes, 2);
    CHECK_EQ(stats.gives, 1);
    CHECK_EQ(stats.corrupt, 0);
    CHECK_EQ(stats.used_bytes + stats.free_bytes, stats.capacity_bytes);
    CHECK_EQ(stats.capacity_bytes, hf_region_stats(&internal).capacity_bytes * 3u);
    CHECK_EQ(stats.largest_servable_bytes, hf_region_largest_servable(&external));
}

HF_TEST_MAIN(HF_TEST(regions_bad_sets_are_refused), HF_TEST(regions_presets_choose_by_preference),
             HF_TEST(regions_fallback_is_counted_where_it_served),
             HF_TEST(regions_whole_reserve_is_left_alone_unless_named),
             HF_TEST(regions_reserve_stays_servable_in_one_block),
             HF_TEST(regions_reserve_holds_against_a_take_in_between),
             HF_TEST(regions_give_finds_the_owner))
