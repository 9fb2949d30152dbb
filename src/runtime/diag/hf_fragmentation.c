// SPDX-License-Identifier: MIT
// Fragmentation of pools, from their statistics.
#include "holdfast/hf_fragmentation.h"

typedef struct shares {
    uint64_t useless, all;
} shares_t;

static uint32_t permille(shares_t shares)
{
    return shares.all == 0 ? 0 : (uint32_t)(shares.useless * 1000u / shares.all);
}

static void add(shares_t *shares, uint64_t bytes, bool serves)
{
    shares->all += bytes;
    shares->useless += serves ? 0 : bytes;
}

uint32_t hf_fragmentation_permille(const hf_pool_t *const *pools, uint32_t pool_count,
                                   uint32_t request_bytes)
{
    shares_t now = {0}, untouched = {0};
    for (uint32_t i = 0; i < pool_count; i++) {
        hf_pool_stats_t stats = hf_pool_stats(pools[i]);
        bool serves = stats.block_bytes >= request_bytes;
        add(&now, (uint64_t)stats.block_bytes * hf_pool_free_count(pools[i]), serves);
        add(&untouched, (uint64_t)stats.block_bytes * stats.capacity, serves);
    }
    uint32_t is = permille(now), was = permille(untouched);
    return now.all == 0 || is <= was ? 0 : is - was;
}
