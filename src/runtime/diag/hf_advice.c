// SPDX-License-Identifier: MIT
// Tier tables by dynamic programming: least_bytes[t & 1][n] is the memory for the first n classes in exactly t tiers,
// cut[t][n] the number of classes before its last tier.
#include "holdfast/hf_advice.h"

#include "holdfast/hf_pool.h"

static hf_advice_tier_t tier_of(const hf_advice_config_t *config, uint32_t first, uint32_t last)
{
    uint32_t peak = config->peak(config->ctx, first, last);
    uint64_t count = peak + ((uint64_t)peak * config->headroom_percent + 99u) / 100u;
    return (hf_advice_tier_t){.block_bytes = (config->class_bytes[last] + 7u) & ~7u,
                              .count = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX};
}

uint64_t hf_advice_need_bytes(const hf_advice_tier_t *tiers, uint32_t count)
{
    uint64_t need = 0;
    for (uint32_t i = 0; i < count; i++) {
        need += HF_POOL_STRIDE((uint64_t)tiers[i].block_bytes) * tiers[i].count;
    }
    return need;
}

/// Fills row `tiers` of the tables from the row before it.
static void add_tier(const hf_advice_config_t *config, hf_advice_work_t *work, uint32_t tiers)
{
    const uint64_t *row = work->least_bytes[(tiers - 1u) & 1u];
    uint64_t *next = work->least_bytes[tiers & 1u];
    for (uint32_t n = 0; n <= config->class_count; n++) {
        next[n] = UINT64_MAX;
        for (uint32_t before = tiers - 1u; before < n; before++) {
            if (row[before] == UINT64_MAX) {
                continue;
            }
            hf_advice_tier_t tier = tier_of(config, before, n - 1u);
            uint64_t need = row[before] + hf_advice_need_bytes(&tier, 1u);
            if (need < next[n]) {
                next[n] = need;
                work->cut[tiers][n] = (uint8_t)before;
            }
        }
    }
}

static int check(const hf_advice_config_t *config)
{
    if (config == NULL || config->peak == NULL || config->class_bytes == NULL ||
        config->class_count == 0 || config->class_count > HF_ADVICE_CLASSES_MAX ||
        config->tiers_max == 0 || config->tiers_max > HF_ADVICE_TIERS_MAX ||
        config->headroom_percent > 1000u) {
        return HF_E_ARGUMENT;
    }
    uint32_t least = 0;
    for (uint32_t i = 0; i < config->class_count; i++) {
        if (config->class_bytes[i] <= least || config->class_bytes[i] > UINT32_MAX / 2u) {
            return HF_E_RANGE;
        }
        least = config->class_bytes[i];
    }
    return HF_OK;
}

int hf_advice_tiers(const hf_advice_config_t *config, hf_advice_work_t *work,
                    hf_advice_tier_t *tiers)
{
    int status = check(config);
    if (status != HF_OK || work == NULL || tiers == NULL) {
        return status != HF_OK ? status : HF_E_ARGUMENT;
    }
    const uint32_t classes = config->class_count;
    uint32_t best = 1;
    uint64_t least = UINT64_MAX;
    for (uint32_t n = 0; n <= classes; n++) {
        work->least_bytes[0][n] = n == 0 ? 0 : UINT64_MAX;
    }
    for (uint32_t t = 1; t <= config->tiers_max; t++) {
        add_tier(config, work, t);
        if (work->least_bytes[t & 1u][classes] < least) {
            least = work->least_bytes[t & 1u][classes];
            best = t;
        }
    }
    for (uint32_t t = best, n = classes; t > 0; n = work->cut[t][n], t--) {
        tiers[t - 1u] = tier_of(config, work->cut[t][n], n - 1u);
    }
    return (int)best;
}

/// Classes of a histogram: its buckets that saw something.
typedef struct classes {
    const hf_histogram_t *histogram;
    uint32_t bytes[HF_HISTOGRAM_BUCKETS];
    uint8_t bucket[HF_HISTOGRAM_BUCKETS];
    uint32_t count;
} classes_t;

static uint32_t sum_of_peaks(void *ctx, uint32_t first, uint32_t last)
{
    const classes_t *classes = ctx;
    uint32_t sum = 0;
    for (uint32_t i = first; i <= last; i++) {
        sum += hf_histogram_view(classes->histogram, classes->bucket[i]).peak_held;
    }
    return sum;
}

int hf_advice_of_histogram(const hf_histogram_t *histogram, uint32_t tiers_max,
                           uint32_t headroom_percent, hf_advice_work_t *work,
                           hf_advice_tier_t *tiers)
{
    classes_t classes = {.histogram = histogram};
    for (uint32_t i = 0; i < HF_HISTOGRAM_BUCKETS; i++) {
        hf_histogram_view_t view = hf_histogram_view(histogram, i);
        if (view.largest_bytes > 0 && view.peak_held > 0) {
            classes.bytes[classes.count] = view.largest_bytes;
            classes.bucket[classes.count++] = (uint8_t)i;
        }
    }
    const hf_advice_config_t config = {.class_count = classes.count,
                                       .tiers_max = tiers_max,
                                       .headroom_percent = headroom_percent,
                                       .class_bytes = classes.bytes,
                                       .peak = sum_of_peaks,
                                       .ctx = &classes};
    return classes.count == 0 ? HF_E_EMPTY : hf_advice_tiers(&config, work, tiers);
}
