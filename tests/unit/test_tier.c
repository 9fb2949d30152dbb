// SPDX-License-Identifier: MIT
// The sized front: every size goes to the smallest tier that fits, every address back to its own, whatever the sizes are.
#include "hf_test.h"
#include "holdfast/hf_tier.h"

#define THREE(X) X(small, 32, 5) X(middle, 96, 3) X(large, 1024, 2)
#define ODD(X)   X(a, 1, 40) X(b, 3, 7) X(c, 20, 9) X(d, 255, 3) X(e, 257, 1)
#define HOLES(X) X(none, 16, 0) X(some, 64, 2) X(nothing, 512, 0) X(more, 128, 1)
#define EIGHT(X)                                                                                   \
    X(t1, 8, 2)                                                                                    \
    X(t2, 16, 2) X(t3, 24, 2) X(t4, 32, 2) X(t5, 64, 2) X(t6, 128, 2) X(t7, 512, 2) X(t8, 4096, 2)

static const hf_tier_size_t three_sizes[] = HF_TIER_SIZES(THREE);
static HF_TIER_STORAGE(THREE) three;

static hf_tier_config_t three_config(void)
{
    memset(&three, 0xA5, sizeof three);
    return (hf_tier_config_t)HF_TIER_CONFIG(three, three_sizes, 0);
}

static void start(hf_tier_t *tier)
{
    const hf_tier_config_t config = three_config();
    CHECK_EQ(hf_tier_init(tier, &config), HF_OK);
}

/// Takes every size there is once, with the tier that must have served it by a plain search over the sizes.
static void check_every_size(const hf_tier_config_t *config)
{
    hf_tier_t tier;
    REQUIRE(hf_tier_init(&tier, config) == HF_OK);
    uint32_t expected = 0, largest = 0;
    for (uint32_t i = 0; i < config->size_count; i++) {
        if (config->sizes[i].count == 0) {
            continue;
        }
        for (uint32_t bytes = largest + 1u; bytes <= config->sizes[i].block_bytes; bytes++) {
            CHECK_EQ(hf_tier_of_bytes(&tier, bytes), (int)expected);
            void *block = hf_tier_take(&tier, bytes, HF_TAG_NONE);
            REQUIRE(block != NULL);
            memset(block, 0x5A, bytes);
            CHECK_EQ((uintptr_t)block % HF_POOL_ALIGN, 0);
            CHECK_EQ(hf_tier_of_address(&tier, block), (int)expected);
            CHECK_EQ(hf_tier_block_bytes(&tier, block), config->sizes[i].block_bytes);
            CHECK_EQ(hf_tier_give(&tier, block), HF_OK);
        }
        largest = config->sizes[i].block_bytes;
        expected++;
    }
    CHECK_EQ(hf_tier_count(&tier), expected);
    CHECK_EQ(hf_tier_of_bytes(&tier, largest + 1u), HF_E_TOO_LONG);
    CHECK_EQ(hf_tier_stats(&tier).in_use_bytes, 0);
}

static void tier_every_size_is_served_by_the_smallest_that_fits(void)
{
    static HF_TIER_STORAGE(ODD) odd;
    static HF_TIER_STORAGE(EIGHT) eight;
    static const hf_tier_size_t odd_sizes[] = HF_TIER_SIZES(ODD);
    static const hf_tier_size_t eight_sizes[] = HF_TIER_SIZES(EIGHT);
    const hf_tier_config_t configs[] = {three_config(), HF_TIER_CONFIG(odd, odd_sizes, 0),
                                        HF_TIER_CONFIG(eight, eight_sizes, 0)};
    for (size_t i = 0; i < HF_COUNT_OF(configs); i++) {
        check_every_size(&configs[i]);
    }
}

static void tier_a_count_of_zero_leaves_the_tier_out(void)
{
    static HF_TIER_STORAGE(HOLES) holes;
    static const hf_tier_size_t sizes[] = HF_TIER_SIZES(HOLES);
    const hf_tier_config_t config = HF_TIER_CONFIG(holes, sizes, 0);
    check_every_size(&config);
    hf_tier_t tier;
    CHECK_EQ(hf_tier_init(&tier, &config), HF_OK);
    CHECK_EQ(hf_tier_count(&tier), 2);
    CHECK_STR(hf_pool_name(hf_tier_pool(&tier, 0)), "some");
    CHECK_STR(hf_pool_name(hf_tier_pool(&tier, 1)), "more");
}

static void tier_every_block_goes_back_to_its_own(void)
{
    hf_tier_t tier;
    void *block[10];
    const size_t bytes[10] = {1, 32, 17, 9, 30, 33, 96, 70, 97, 1024};
    start(&tier);
    for (unsigned i = 0; i < 10; i++) {
        block[i] = hf_tier_take(&tier, bytes[i], HF_TAG_NONE);
        REQUIRE(block[i] != NULL);
        memset(block[i], (int)i, hf_tier_block_bytes(&tier, block[i]));
    }
    CHECK_EQ(hf_tier_stats(&tier).in_use_bytes, hf_tier_stats(&tier).capacity_bytes);
    CHECK(hf_tier_take(&tier, 5, HF_TAG_NONE) == NULL);
    CHECK_EQ(hf_pool_stats(hf_tier_pool(&tier, 0)).exhausted, 1);
    for (unsigned i = 0; i < 10; i++) {
        const uint8_t *content = block[i];
        CHECK(content[0] == i && content[bytes[i] - 1u] == i);
        CHECK_EQ(hf_tier_give(&tier, block[i]), HF_OK);
    }
    CHECK_EQ(hf_tier_stats(&tier).in_use_bytes, 0);
}

static void tier_refusals_are_told_apart(void)
{
    hf_tier_t tier;
    start(&tier);
    CHECK(hf_tier_take(&tier, 0, HF_TAG_NONE) == NULL);
    CHECK(hf_tier_take(&tier, 1025, HF_TAG_NONE) == NULL);
    CHECK(hf_tier_take(&tier, SIZE_MAX, HF_TAG_NONE) == NULL);
    CHECK_EQ(hf_tier_of_bytes(&tier, 0), HF_E_ARGUMENT);
    const hf_tier_stats_t stats = hf_tier_stats(&tier);
    CHECK_EQ(stats.zero_size, 1);
    CHECK_EQ(stats.too_large, 2);
    CHECK_EQ(stats.in_use_bytes, 0);
    CHECK_EQ(stats.capacity_bytes, 5 * 32 + 3 * 96 + 2 * 1024);
}

/// An address by number: the compiler knows what is outside of an array.
static void *at(intptr_t offset)
{
    return (void *)((uintptr_t)three.arena + (uintptr_t)offset);
}

static void tier_wrong_gives_are_told_and_change_nothing(void)
{
    hf_tier_t tier;
    start(&tier);
    uint8_t *block = hf_tier_take(&tier, 1024, HF_TAG_NONE);
    REQUIRE(block != NULL);
    CHECK_EQ(hf_tier_give(&tier, NULL), HF_E_FOREIGN);
    CHECK_EQ(hf_tier_give(&tier, &tier), HF_E_FOREIGN);
    CHECK_EQ(hf_tier_give(&tier, at((intptr_t)sizeof three.arena)), HF_E_FOREIGN);
    CHECK_EQ(hf_tier_give(&tier, at(-1)), HF_E_FOREIGN);
    CHECK_EQ(hf_tier_stats(&tier).foreign, 4);
    // Between the last block of a tier and the next page: of no pool.
    CHECK_EQ(hf_tier_give(&tier, at(HF_TIER_BYTES(32, 5) - 1)), HF_E_FOREIGN);
    CHECK_EQ(hf_tier_of_address(&tier, at(HF_TIER_BYTES(32, 5) - 1)), HF_E_FOREIGN);
    CHECK(!hf_tier_owns(&tier, at(HF_TIER_BYTES(32, 5) - 1)));
    CHECK_EQ(hf_tier_give(&tier, block + 16), HF_E_INTERIOR);
    CHECK(hf_tier_owns(&tier, block + 1023));
    CHECK_EQ(hf_tier_give(&tier, block), HF_OK);
    CHECK_EQ(hf_tier_give(&tier, block), HF_E_DOUBLE_GIVE);
    CHECK_EQ(hf_tier_block_bytes(&tier, NULL), 0);
    CHECK_EQ(hf_tier_stats(&tier).foreign, 4);
    CHECK_EQ(hf_pool_stats(hf_tier_pool(&tier, 2)).in_use, 0);
}

static void tier_wrong_configs_are_refused(void)
{
    hf_tier_t tier;
    const hf_tier_size_t same[] = {{"a", 64, 1}, {"b", 64, 1}};
    const hf_tier_size_t empty[] = {{"a", 64, 0}};
    const hf_tier_size_t huge[] = {{"a", HF_TIER_BYTES_MAX + 1u, 1}};
    const hf_tier_size_t zero[] = {{"a", 0, 1}};
    hf_tier_config_t config = three_config();
    config.sizes = same, config.size_count = 2;
    CHECK_EQ(hf_tier_init(&tier, &config), HF_E_RANGE);
    config.sizes = empty, config.size_count = 1;
    CHECK_EQ(hf_tier_init(&tier, &config), HF_E_ARGUMENT);
    config.sizes = huge;
    CHECK_EQ(hf_tier_init(&tier, &config), HF_E_ARGUMENT);
    config.sizes = zero;
    CHECK_EQ(hf_tier_init(&tier, &config), HF_E_ARGUMENT);
    config.sizes = NULL;
    CHECK_EQ(hf_tier_init(&tier, &config), HF_E_ARGUMENT);
    CHECK_EQ(hf_tier_init(NULL, &config), HF_E_ARGUMENT);
    CHECK_EQ(hf_tier_init(&tier, NULL), HF_E_ARGUMENT);
}

static void tier_storage_too_small_is_refused(void)
{
    hf_tier_t tier;
    for (unsigned which = 0; which < 4; which++) {
        hf_tier_config_t config = three_config();
        config.arena_bytes -= which == 0 ? 1u : 0u;
        config.meta_words -= which == 1 ? 1u : 0u;
        config.pool_count -= which == 2 ? 1u : 0u;
        config.table_bytes -= which == 3 ? 1u : 0u;
        CHECK_EQ(hf_tier_init(&tier, &config), HF_E_FULL);
    }
    hf_tier_config_t config = three_config();
    config.arena = (uint8_t *)config.arena + 4;
    CHECK_EQ(hf_tier_init(&tier, &config), HF_E_ARGUMENT);
}

static void tier_reset_keeps_what_is_in_use(void)
{
    hf_tier_t tier;
    start(&tier);
    void *block = hf_tier_take(&tier, 10, HF_TAG_NONE);
    CHECK(hf_tier_take(&tier, 0, HF_TAG_NONE) == NULL);
    CHECK(hf_tier_take(&tier, 4000, HF_TAG_NONE) == NULL);
    CHECK_EQ(hf_tier_give(&tier, &tier), HF_E_FOREIGN);
    hf_tier_reset_stats(&tier);
    const hf_tier_stats_t stats = hf_tier_stats(&tier);
    CHECK_EQ(stats.zero_size + stats.too_large + stats.foreign, 0);
    CHECK_EQ(stats.in_use_bytes, 32);
    CHECK_EQ(hf_tier_give(&tier, block), HF_OK);
}

HF_TEST_MAIN(HF_TEST(tier_every_size_is_served_by_the_smallest_that_fits),
             HF_TEST(tier_a_count_of_zero_leaves_the_tier_out),
             HF_TEST(tier_every_block_goes_back_to_its_own), HF_TEST(tier_refusals_are_told_apart),
             HF_TEST(tier_wrong_gives_are_told_and_change_nothing),
             HF_TEST(tier_wrong_configs_are_refused), HF_TEST(tier_storage_too_small_is_refused),
             HF_TEST(tier_reset_keeps_what_is_in_use))
