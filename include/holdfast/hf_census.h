// SPDX-License-Identifier: MIT
// Who holds blocks, and since when: a count over pools by tag and age, a few blocks per call, so that no call is long. Needs
// CONFIG_HF_POOL_CENSUS.
// Invariant: the rows one reads are those of the last whole round, in which each block was looked at once; what was taken or
// given during the round may be in it or not. Context of every call: one owner; the pools may be used meanwhile.
#ifndef HF_CENSUS_H
#define HF_CENSUS_H

#include "holdfast/hf_pool.h"

#ifdef __cplusplus
extern "C" {
#endif

#if CONFIG_HF_POOL_CENSUS

#define HF_CENSUS_AGES 5u

typedef struct hf_census_row {
    uint32_t blocks, bytes;          // held; bytes as blocks have them
    uint32_t oldest_ms;              // the greatest age
    uint32_t by_age[HF_CENSUS_AGES]; // blocks; each limit ends one, the last has no limit
} hf_census_row_t;

typedef struct hf_census_config {
    const hf_pool_t *const *pools;
    uint32_t pool_count;
    hf_census_row_t *rows; // 2 * row_count: the whole round's and the running one's
    uint32_t row_count;    // tags told apart, 1 to 256; higher ones count as tag 0
    uint32_t
        age_limit_ms[HF_CENSUS_AGES - 1u]; // ascending; an age of exactly the limit is above it
} hf_census_config_t;

typedef struct hf_census {
    hf_census_config_t config;
    uint32_t pool, block; // next to look at
    uint32_t rounds;      // completed
    bool is_odd;          // the running round fills the second half of the rows
    uint64_t age_sum_ms;  // of the running round
    uint32_t age_count;
    uint32_t mean_age_ms; // of the last whole round: how long what is held now has been held
} hf_census_t;

/// HF_E_ARGUMENT: no pools or rows, row_count out of range, limits that do not ascend.
HF_MUST_CHECK int hf_census_init(hf_census_t *census, const hf_census_config_t *config);

/// Looks at `count` blocks more. True when a round ended with this call, which then ends there. Cost: O(count).
bool hf_census_step(hf_census_t *census, uint32_t count);

/// Row of a tag in the last whole round; all 0 before the first. HF_E_RANGE past the last. Cost: O(1).
HF_MUST_CHECK int hf_census_row(const hf_census_t *census, uint32_t tag, hf_census_row_t *row);
/// Sum over all tags. Cost: O(tags).
hf_census_row_t hf_census_total(const hf_census_t *census);

#endif
#ifdef __cplusplus
}
#endif

#endif
