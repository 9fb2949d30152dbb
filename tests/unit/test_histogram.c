// SPDX-License-Identifier: MIT
// Sizes into buckets, and tier tables out of them: every size in its bucket, the advice against trying out every table.
#include "hf_test.h"
#include "holdfast/hf_advice.h"
#include "holdfast/hf_pool.h"

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static void histogram_buckets_are_without_gap_and_ascend(void)
{
    CHECK_EQ(hf_histogram_least_bytes(0), 0);
    CHECK_EQ(hf_histogram_most_bytes(0), 8);
    CHECK_EQ(hf_histogram_most_bytes(HF_HISTOGRAM_BUCKETS - 2u), 65536);
    CHECK_EQ(hf_histogram_most_bytes(HF_HISTOGRAM_BUCKETS - 1u), UINT32_MAX);
    for (uint32_t i = 1; i < HF_HISTOGRAM_BUCKETS; i++) {
        CHECK_EQ(hf_histogram_least_bytes(i), hf_histogram_most_bytes(i - 1u) + 1u);
        CHECK(hf_histogram_most_bytes(i) > hf_histogram_most_bytes(i - 1u));
        CHECK_EQ(hf_histogram_most_bytes(i - 1u) % 8u, 0); // block sizes are rounded so
    }
}

static void histogram_size_is_in_its_bucket(void)
{
    for (uint32_t bytes = 0; bytes < 140000u; bytes++) {
        uint32_t bucket = hf_histogram_bucket_of(bytes);
        REQUIRE(bucket < HF_HISTOGRAM_BUCKETS);
        REQUIRE(bytes >= hf_histogram_least_bytes(bucket));
        REQUIRE(bytes <= hf_histogram_most_bytes(bucket));
    }
    CHECK_EQ(hf_histogram_bucket_of(UINT32_MAX), HF_HISTOGRAM_BUCKETS - 1u);
}

static void histogram_counts_what_is_taken_and_held(void)
{
    hf_histogram_t histogram = {0};
    uint32_t bucket = hf_histogram_bucket_of(100);
    hf_histogram_take(&histogram, 100);
    hf_histogram_take(&histogram, 112);
    hf_histogram_take(&histogram, 97);
    hf_histogram_give(&histogram, 100);
    hf_histogram_take(&histogram, 100);
    hf_histogram_give(&histogram, 97);
    hf_histogram_refuse(&histogram, 110);
    hf_histogram_view_t view = hf_histogram_view(&histogram, bucket);
    CHECK_EQ(view.least_bytes, 97);
    CHECK_EQ(view.most_bytes, 112);
    CHECK_EQ(view.largest_bytes, 112);
    CHECK_EQ(view.takes, 4);
    CHECK_EQ(view.held, 2);
    CHECK_EQ(view.peak_held, 3);
    CHECK_EQ(view.refused, 1);
    for (uint32_t i = 0; i < HF_HISTOGRAM_BUCKETS; i++) {
        view = hf_histogram_view(&histogram, i);
        CHECK(i == bucket || (view.takes == 0 && view.held == 0 && view.largest_bytes == 0));
    }
}

/// Sizes with peaks that add up, as a histogram sees them.
typedef struct sizes {
    uint32_t bytes[HF_ADVICE_CLASSES_MAX];
    uint32_t peak[HF_ADVICE_CLASSES_MAX];
    uint32_t count;
} sizes_t;

static uint32_t sum_of_peaks(void *ctx, uint32_t first, uint32_t last)
{
    const sizes_t *sizes = ctx;
    uint32_t sum = 0;
    for (uint32_t i = first; i <= last; i++) {
        sum += sizes->peak[i];
    }
    return sum;
}

static uint32_t largest_peak(void *ctx, uint32_t first, uint32_t last)
{
    const sizes_t *sizes = ctx;
    uint32_t most = 0;
    for (uint32_t i = first; i <= last; i++) {
        most = sizes->peak[i] > most ? sizes->peak[i] : most;
    }
    return most;
}

static hf_advice_config_t config_of(sizes_t *sizes, uint32_t tiers_max)
{
    return (hf_advice_config_t){.class_count = sizes->count,
                                .tiers_max = tiers_max,
                                .class_bytes = sizes->bytes,
                                .peak = sum_of_peaks,
                                .ctx = sizes};
}

/// Least memory over every way to cut the classes: a bit per place between two classes.
static uint64_t try_all(const hf_advice_config_t *config)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t cuts = 0; cuts < 1u << (config->class_count - 1u); cuts++) {
        uint64_t need = 0;
        uint32_t tiers = 0, first = 0;
        for (uint32_t i = 0; i < config->class_count; i++) {
            if (i + 1u < config->class_count && (cuts >> i & 1u) == 0) {
                continue;
            }
            hf_advice_tier_t tier = {.block_bytes = (config->class_bytes[i] + 7u) / 8u * 8u,
                                     .count = config->peak(config->ctx, first, i)};
            need += hf_advice_need_bytes(&tier, 1u);
            tiers++;
            first = i + 1u;
        }
        least = tiers <= config->tiers_max && need < least ? need : least;
    }
    return least;
}

static void advice_is_the_least_of_all_tables(void)
{
    static hf_advice_work_t work;
    for (unsigned round = 0; round < 300; round++) {
        sizes_t sizes = {.count = 1u + next_random() % 10u};
        uint32_t bytes = 0;
        for (uint32_t i = 0; i < sizes.count; i++) {
            bytes += 1u + next_random() % 300u;
            sizes.bytes[i] = bytes;
            sizes.peak[i] = 1u + next_random() % 40u;
        }
        hf_advice_config_t config = config_of(&sizes, 1u + next_random() % 8u);
        config.peak = round % 2u == 0 ? sum_of_peaks : largest_peak;
        hf_advice_tier_t tiers[HF_ADVICE_TIERS_MAX];
        int count = hf_advice_tiers(&config, &work, tiers);
        REQUIRE(count >= 1 && (uint32_t)count <= config.tiers_max);
        CHECK_EQ(hf_advice_need_bytes(tiers, (uint32_t)count), try_all(&config));
        CHECK_EQ(tiers[count - 1].block_bytes, (bytes + 7u) / 8u * 8u);
        for (int i = 1; i < count; i++) {
            CHECK(tiers[i].block_bytes > tiers[i - 1].block_bytes);
        }
    }
}

static void advice_of_few_sizes_needs_few_tiers(void)
{
    static hf_advice_work_t work;
    hf_advice_tier_t tiers[HF_ADVICE_TIERS_MAX];
    sizes_t sizes = {.bytes = {30, 32, 500}, .peak = {5, 6, 2}, .count = 3};
    hf_advice_config_t config = config_of(&sizes, 5);
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), 2); // 30 and 32 have the same stride
    CHECK_EQ(tiers[0].block_bytes, 32);
    CHECK_EQ(tiers[0].count, 11);
    CHECK_EQ(tiers[1].block_bytes, 504);
    CHECK_EQ(tiers[1].count, 2);
    config.headroom_percent = 10;
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), 2);
    CHECK_EQ(tiers[0].count, 13); // 11 + 1.1, rounded up
    CHECK_EQ(tiers[1].count, 3);
    config.tiers_max = 1;
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), 1);
    CHECK_EQ(tiers[0].block_bytes, 504);
}

static void advice_of_wrong_input_is_refused(void)
{
    static hf_advice_work_t work;
    hf_advice_tier_t tiers[HF_ADVICE_TIERS_MAX];
    sizes_t sizes = {.bytes = {8, 8}, .peak = {1, 1}, .count = 2};
    hf_advice_config_t config = config_of(&sizes, 2);
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), HF_E_RANGE);
    sizes.bytes[0] = 0;
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), HF_E_RANGE);
    sizes.bytes[0] = 1;
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), 1);
    config.tiers_max = 9;
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), HF_E_ARGUMENT);
    config.tiers_max = 0;
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), HF_E_ARGUMENT);
    config.tiers_max = 2;
    config.class_count = 65;
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), HF_E_ARGUMENT);
    config.class_count = 0;
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), HF_E_ARGUMENT);
    config.class_count = 2;
    config.peak = NULL;
    CHECK_EQ(hf_advice_tiers(&config, &work, tiers), HF_E_ARGUMENT);
}

static void advice_of_a_histogram_serves_what_it_recorded(void)
{
    static hf_advice_work_t work;
    static hf_histogram_t histogram;
    hf_advice_tier_t tiers[HF_ADVICE_TIERS_MAX];
    uint32_t held[200] = {0}, largest = 0;
    CHECK_EQ(hf_advice_of_histogram(&histogram, 5, 0, &work, tiers), HF_E_EMPTY);
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t *at = &held[next_random() % HF_COUNT_OF(held)];
        if (*at != 0) {
            hf_histogram_give(&histogram, *at);
            *at = 0;
        } else {
            *at = 1u + (next_random() % 2000u >> next_random() % 8u);
            largest = *at > largest ? *at : largest;
            hf_histogram_take(&histogram, *at);
        }
    }
    uint64_t before = UINT64_MAX;
    for (uint32_t most = 1; most <= HF_ADVICE_TIERS_MAX; most++) {
        int count = hf_advice_of_histogram(&histogram, most, 0, &work, tiers);
        REQUIRE(count >= 1);
        uint64_t need = hf_advice_need_bytes(tiers, (uint32_t)count);
        CHECK(need <= before); // a tier more never costs
        before = need;
        CHECK_EQ(tiers[count - 1].block_bytes, (largest + 7u) / 8u * 8u);
        // Every bucket that was held fits into a tier with all that share it.
        uint32_t room[HF_ADVICE_TIERS_MAX];
        for (int i = 0; i < count; i++) {
            room[i] = tiers[i].count;
        }
        for (uint32_t i = 0; i < HF_HISTOGRAM_BUCKETS; i++) {
            hf_histogram_view_t view = hf_histogram_view(&histogram, i);
            int tier = 0;
            while (tier < count - 1 && tiers[tier].block_bytes < view.largest_bytes) {
                tier++;
            }
            CHECK(room[tier] >= view.peak_held);
            room[tier] -= view.peak_held;
        }
    }
}

HF_TEST_MAIN(HF_TEST(histogram_buckets_are_without_gap_and_ascend),
             HF_TEST(histogram_size_is_in_its_bucket),
             HF_TEST(histogram_counts_what_is_taken_and_held),
             HF_TEST(advice_is_the_least_of_all_tables),
             HF_TEST(advice_of_few_sizes_needs_few_tiers),
             HF_TEST(advice_of_wrong_input_is_refused),
             HF_TEST(advice_of_a_histogram_serves_what_it_recorded))
