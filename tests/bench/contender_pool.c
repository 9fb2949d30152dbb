// SPDX-License-Identifier: MIT
// One level of hf_pool as a contender: compiled together with the sources of the pool into a shared object per level.
#include "contender.h"

#include "holdfast/hf_pool.h"

#include <stdalign.h>

static alignas(max_align_t) uint8_t storage[CONTENDER_POOL_STORAGE];
static hf_atomic_u32_t meta[HF_POOL_META_WORDS(CONTENDER_POOL_BLOCKS)];
static hf_pool_t pool;

_Static_assert(HF_POOL_BYTES(CONTENDER_BLOCK_BYTES, CONTENDER_POOL_BLOCKS) <= sizeof storage,
               "storage of the contender");

static struct hf_pool *open_pool(uint32_t count)
{
    const hf_pool_config_t config = {.name = "bench",
                                     .blocks = storage,
                                     .meta = meta,
                                     .block_bytes = CONTENDER_BLOCK_BYTES,
                                     .count = count};
    return hf_pool_init(&pool, &config) == HF_OK ? &pool : NULL;
}

__attribute__((visibility("default"))) extern const contender_pool_t bench_pool;
const contender_pool_t bench_pool = {.open = open_pool, .take = hf_pool_take, .give = hf_pool_give};
