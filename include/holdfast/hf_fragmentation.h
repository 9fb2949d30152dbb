// SPDX-License-Identifier: MIT
// Fragmentation of a set of pools: the share of the free bytes that cannot serve a stated request, less that share
// when every block is free. So it says what use did to the set, not how the set was cut: 0 on an untouched set, never
// below 0, and 0 when nothing is free.
#ifndef HF_FRAGMENTATION_H
#define HF_FRAGMENTATION_H

#include "holdfast/hf_pool.h"

#ifdef __cplusplus
extern "C" {
#endif

/// In permille. A block serves a request that is not larger than itself. Cost: O(pools), no lock. Context: any.
uint32_t hf_fragmentation_permille(const hf_pool_t *const *pools, uint32_t pool_count,
                                   uint32_t request_bytes);

#ifdef __cplusplus
}
#endif

#endif
