// SPDX-License-Identifier: MIT
// A tier table out of what was recorded: at most so many tiers, each of a size and a count, that would have served every
// request strictly (smallest tier that fits, nothing else) with the least memory.
// Method: the sizes seen form ascending classes; a tier covers a run of neighbouring classes, is as large as the
// largest size seen in it and as many as were ever held at once in the run. Over all ways to cut the classes into
// runs, dynamic programming finds the one of least bytes (HF_POOL_BYTES of each tier, summed): exact for these
// classes. Of equal ones the one with the fewest tiers wins.
#ifndef HF_ADVICE_H
#define HF_ADVICE_H

#include "holdfast/hf_histogram.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_ADVICE_CLASSES_MAX 64u
#define HF_ADVICE_TIERS_MAX   8u

typedef struct hf_advice_tier {
    uint32_t block_bytes;
    uint32_t count;
} hf_advice_tier_t;

typedef struct hf_advice_config {
    uint32_t class_count;      // 1 to HF_ADVICE_CLASSES_MAX
    uint32_t tiers_max;        // 1 to HF_ADVICE_TIERS_MAX
    uint32_t headroom_percent; // added to every count, rounded up; 0 to 1000
    const uint32_t
        *class_bytes; // largest size seen in each class, ascending; classes part at multiples of 8
    /// Blocks of the classes first to last that were held at once at most. Must not fall when the run grows.
    uint32_t (*peak)(void *ctx, uint32_t first, uint32_t last);
    void *ctx;
} hf_advice_config_t;

/// What the method works in; the caller's, 1.6 KB. Its content means nothing outside a call.
typedef struct hf_advice_work {
    uint64_t least_bytes[2][HF_ADVICE_CLASSES_MAX + 1u];
    uint8_t cut[HF_ADVICE_TIERS_MAX + 1u][HF_ADVICE_CLASSES_MAX + 1u];
} hf_advice_work_t;

/// Writes the tiers, ascending by size, into `tiers[config->tiers_max]`; returns how many (1 or more). Block sizes
/// are rounded up to 8. HF_E_ARGUMENT: a number out of range, no peak(). HF_E_RANGE: classes do not ascend or one is
/// 0 bytes.
/// Cost: O(tiers * classes^2) and classes^2 / 2 calls of peak() per tier.
HF_MUST_CHECK int hf_advice_tiers(const hf_advice_config_t *config, hf_advice_work_t *work,
                                  hf_advice_tier_t *tiers);

/// The same from a histogram, on a device: the peak of a run is the sum of its buckets' peaks, which is never too low
/// and too high where buckets have their peaks at different times. HF_E_EMPTY: nothing was recorded.
HF_MUST_CHECK int hf_advice_of_histogram(const hf_histogram_t *histogram, uint32_t tiers_max,
                                         uint32_t headroom_percent, hf_advice_work_t *work,
                                         hf_advice_tier_t *tiers);

/// Memory of a table: blocks with their stride, in bytes.
uint64_t hf_advice_need_bytes(const hf_advice_tier_t *tiers, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
