// SPDX-License-Identifier: MIT
// The presets: each fixes tiers and policy, and every one of its tiers can be used up and given back.
#include "hf_test.h"
#include "holdfast/hf_mem_presets.h"

static union {
    hf_mem_prism_t prism;
    hf_mem_modesp_t modesp;
    hf_mem_chargepoint_t chargepoint;
    hf_mem_configured_t configured;
} storage;
static hf_mem_t mem;
static void *block[1024 * 5];

static void check_tiers(const hf_tier_size_t *sizes, size_t count)
{
    uint32_t bytes = 0;
    CHECK_EQ(hf_mem_tier_count(&mem), count);
    for (uint32_t i = 0; i < count; i++) {
        hf_mem_tier_stats_t stats;
        REQUIRE(hf_mem_tier_stats(&mem, i, &stats) == HF_OK);
        CHECK_EQ(stats.block_bytes, sizes[i].block_bytes);
        CHECK_EQ(stats.capacity, sizes[i].count);
        CHECK_STR(stats.name, sizes[i].name);
        bytes += sizes[i].block_bytes * sizes[i].count;
    }
    CHECK_EQ(hf_mem_stats(&mem).capacity_bytes, bytes);
}

/// Uses every block up by emergencies of each tier's own size, and gives all back.
static void check_all_blocks(void)
{
    const hf_mem_policy_t strict = {.spill = HF_MEM_STRICT};
    uint32_t held = 0;
    for (uint32_t tier = 0; tier < hf_mem_tier_count(&mem); tier++) {
        hf_mem_tier_stats_t stats;
        CHECK_EQ(hf_mem_tier_stats(&mem, tier, &stats), HF_OK);
        const hf_mem_request_t request = {
            .bytes = stats.block_bytes, .is_emergency = true, .policy = &strict};
        for (uint32_t i = 0; i < stats.capacity; i++) {
            REQUIRE(hf_mem_request(&mem, &request, &block[held]) == HF_OK);
            memset(block[held], 0x99, stats.block_bytes);
            held++;
        }
        CHECK_EQ(hf_mem_request(&mem, &request, &block[held]), HF_E_FULL);
    }
    CHECK_EQ(hf_mem_stats(&mem).use_permille, 1000);
    CHECK_EQ(hf_mem_stats(&mem).waste_permille, 0);
    while (held > 0) {
        CHECK_EQ(hf_mem_give(&mem, block[--held]), HF_OK);
    }
    CHECK_EQ(hf_mem_stats(&mem).in_use_bytes, 0);
    CHECK_EQ(hf_mem_stats(&mem).min_free_bytes, 0);
}

/// Spills from the first tier, for how many requests of one byte there are blocks.
static uint32_t small_requests_served(void)
{
    uint32_t held = 0;
    while ((block[held] = hf_mem_take(&mem, 1)) != NULL) {
        held++;
    }
    for (uint32_t i = 0; i < held; i++) {
        CHECK_EQ(hf_mem_give(&mem, block[i]), HF_OK);
    }
    return held;
}

static void preset_prism_spills_one_up_and_zeroes_all(void)
{
    const hf_tier_size_t sizes[] = {
        {"messages", 256, 32}, {"patterns", 1024, 16}, {"frames", 4096, 8}};
    const hf_mem_config_t config = hf_mem_prism(&storage.prism);
    REQUIRE(hf_mem_init(&mem, &config) == HF_OK);
    check_tiers(sizes, HF_COUNT_OF(sizes));
    CHECK_EQ(hf_mem_stats(&mem).capacity_bytes, 56 * 1024);
    check_all_blocks();
    CHECK_EQ(small_requests_served(), 32 + 16);
#if CONFIG_HF_POOL_FILL
    const uint8_t *dirty = hf_mem_take(&mem, 10); // the test wrote 0x99 into every byte
    REQUIRE(dirty != NULL);
    for (unsigned i = 0; i < 256; i++) {
        CHECK_EQ(dirty[i], 0);
    }
#endif
}

static void preset_modesp_is_strict(void)
{
    const hf_tier_size_t sizes[] = {{"tiny", 32, 128},
                                    {"small", 64, 64},
                                    {"medium", 128, 32},
                                    {"large", 256, 16},
                                    {"xlarge", 512, 8}};
    const hf_mem_config_t config = hf_mem_modesp(&storage.modesp);
    REQUIRE(hf_mem_init(&mem, &config) == HF_OK);
    check_tiers(sizes, HF_COUNT_OF(sizes));
    CHECK_EQ(hf_mem_stats(&mem).capacity_bytes, 20480);
    check_all_blocks();
    CHECK_EQ(small_requests_served(), 128);
}

static void preset_chargepoint_keeps_a_reserve(void)
{
    const hf_tier_size_t sizes[] = {{"nodes", 64, 64},
                                    {"texts", 256, 32},
                                    {"calls", 1024, 12},
                                    {"payloads", 2048, 6},
                                    {"messages", 4096, 4}};
    const hf_mem_config_t config = hf_mem_chargepoint(&storage.chargepoint);
    REQUIRE(hf_mem_init(&mem, &config) == HF_OK);
    check_tiers(sizes, HF_COUNT_OF(sizes));
    check_all_blocks();
#if CONFIG_HF_MEM_RESERVE
    CHECK_EQ(small_requests_served(), (64 - 4) + (32 - 4));
    for (unsigned i = 0; i < 3; i++) {
        CHECK(hf_mem_take(&mem, 4096) != NULL);
    }
    CHECK(hf_mem_take(&mem, 4096) == NULL);
    CHECK(hf_mem_take_emergency(&mem, 4096) != NULL);
#else
    CHECK_EQ(small_requests_served(), 64 + 32);
#endif
}

static void preset_configured_is_as_configured(void)
{
    const hf_tier_size_t all[] = {{"tier1", CONFIG_HF_TIER1_BYTES, CONFIG_HF_TIER1_COUNT},
                                  {"tier2", CONFIG_HF_TIER2_BYTES, CONFIG_HF_TIER2_COUNT},
                                  {"tier3", CONFIG_HF_TIER3_BYTES, CONFIG_HF_TIER3_COUNT},
                                  {"tier4", CONFIG_HF_TIER4_BYTES, CONFIG_HF_TIER4_COUNT},
                                  {"tier5", CONFIG_HF_TIER5_BYTES, CONFIG_HF_TIER5_COUNT}};
    hf_tier_size_t sizes[5];
    size_t count = 0;
    for (size_t i = 0; i < 5; i++) {
        if (all[i].count > 0) {
            sizes[count++] = all[i];
        }
    }
    const hf_mem_config_t config = hf_mem_configured(&storage.configured);
    REQUIRE(hf_mem_init(&mem, &config) == HF_OK);
    check_tiers(sizes, count);
    check_all_blocks();
#if CONFIG_HF_MEM_STRICT
    CHECK_EQ(small_requests_served(), sizes[0].count);
#else
    CHECK_EQ(small_requests_served(), sizes[0].count + sizes[1].count);
#endif
}

HF_TEST_MAIN(HF_TEST(preset_prism_spills_one_up_and_zeroes_all), HF_TEST(preset_modesp_is_strict),
             HF_TEST(preset_chargepoint_keeps_a_reserve),
             HF_TEST(preset_configured_is_as_configured))
