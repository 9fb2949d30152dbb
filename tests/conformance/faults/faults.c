// SPDX-License-Identifier: MIT
// Stands between the suite and the pool (linker --wrap) and spoils one thing, named by FAULT in the environment: what the
// suite must then tell. Without FAULT nothing is spoilt.
#include "../conformance.h"

#include <stdlib.h>

void *__real_hf_pool_take(hf_pool_t *pool, hf_tag_t tag);
int __real_hf_pool_give(hf_pool_t *pool, void *block);
hf_pool_stats_t __real_hf_pool_stats(const hf_pool_t *pool);
hf_handle_t __real_hf_pool_handle(const hf_pool_t *pool, const void *block);
void *__wrap_hf_pool_take(hf_pool_t *pool, hf_tag_t tag);
int __wrap_hf_pool_give(hf_pool_t *pool, void *block);
hf_pool_stats_t __wrap_hf_pool_stats(const hf_pool_t *pool);
hf_handle_t __wrap_hf_pool_handle(const hf_pool_t *pool, const void *block);

static bool is_fault(const char *name)
{
    const char *fault = getenv("FAULT");
    return fault != NULL && strcmp(fault, name) == 0;
}

void *__wrap_hf_pool_take(hf_pool_t *pool, hf_tag_t tag)
{
    static _Thread_local void *before; // the suite has two threads at times
    const uint32_t free = hf_pool_free_count(pool);
    if (free == 1 && is_fault("false_empty")) {
        return NULL;
    }
    void *block = __real_hf_pool_take(pool, is_fault("tag") ? HF_TAG_NONE : tag);
    if (block != NULL && free == 7 && is_fault("two_owners")) {
        block = before;
    }
    if (block != NULL && free == 5 && is_fault("misplaced")) {
        block = (uint8_t *)block + 8;
    }
    if (block != NULL && is_fault("dirty_take")) {
        ((uint8_t *)block)[0] = 7;
    }
    before = block;
    return block;
}

int __wrap_hf_pool_give(hf_pool_t *pool, void *block)
{
    if (is_fault("swallow") && hf_pool_free_count(pool) == 3) {
        return HF_OK; // and keeps the block
    }
    if (is_fault("interior_accepted") && hf_pool_owns(pool, block)) {
        const uintptr_t stride = HF_POOL_STRIDE((uintptr_t)__real_hf_pool_stats(pool).block_bytes);
        block = (uint8_t *)block - ((uintptr_t)block - (uintptr_t)conf.blocks) % stride;
    }
    const int status = __real_hf_pool_give(pool, block);
    if (is_fault("overwrites_neighbour") && status == HF_E_FOREIGN) {
        conf.below[0] ^= 1u;
    }
    return status == HF_E_DOUBLE_GIVE && is_fault("double_unsaid") ? HF_OK : status;
}

hf_pool_stats_t __wrap_hf_pool_stats(const hf_pool_t *pool)
{
    hf_pool_stats_t stats = __real_hf_pool_stats(pool);
    stats.peak += is_fault("peak") && stats.takes > 3000 ? 1u : 0;
    stats.exhausted -= is_fault("exhausted") && stats.exhausted > 3 ? 1u : 0;
    stats.spoilt = is_fault("spoilt") ? 0 : stats.spoilt;
    return stats;
}

// Number and nothing else: as if generations did not exist.
hf_handle_t __wrap_hf_pool_handle(const hf_pool_t *pool, const void *block)
{
    static hf_handle_t first;
    const hf_handle_t handle = __real_hf_pool_handle(pool, block);
    if (handle != 0 && is_fault("generation")) {
        first = first == 0 ? handle & 0xFFFF0000u : first;
        return first | (handle & 0xFFFFu);
    }
    return handle;
}
