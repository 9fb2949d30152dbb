// SPDX-License-Identifier: MIT
// The census as others see it: handles, and who holds a block since when. A handle is generation << 16 | number, and odd
// generations are taken blocks, so 0 is none. The words are written by take and give (hf_pool_private.h, the back end).
#include "hf_pool_private.h"

#if CONFIG_HF_POOL_CENSUS

void hf_pool_set_clock(hf_pool_t *pool, uint32_t now_ms)
{
    hf_pool_write(&pool->clock_ms, now_ms);
}

hf_handle_t hf_pool_handle(const hf_pool_t *pool, const void *block)
{
    const uintptr_t number = hf_pool_number(pool, block);
    if (number >= pool->count) {
        return 0;
    }
    const uint32_t word = hf_pool_read(hf_pool_census(pool, (uint32_t)number));
    return hf_pool_census_is_taken(word) ? (word & UINT32_MAX << 16) | (uint32_t)number : 0;
}

void *hf_pool_at(hf_pool_t *pool, hf_handle_t handle)
{
    const uint32_t number = handle & (HF_POOL_GENERATION - 1u);
    if (!hf_pool_census_is_taken(handle) || number >= pool->count ||
        hf_pool_read(hf_pool_census(pool, number)) >> 16 != handle >> 16) {
        (void)hf_pool_fail(&pool->stale, 0);
        return NULL;
    }
    return hf_pool_block(pool, number);
}

int hf_pool_bare_give_handle(hf_pool_t *pool, hf_handle_t handle)
{
    const uint32_t number = handle & (HF_POOL_GENERATION - 1u);
    if (!hf_pool_census_is_taken(handle) || number >= pool->count) {
        return hf_pool_fail(&pool->wrong_gives[HF_POOL_FOREIGN], HF_E_FOREIGN);
    }
    if (!hf_pool_census_end(pool, number, handle, UINT32_MAX << 16)) {
        return hf_pool_fail(&pool->stale, HF_E_STALE);
    }
#if HF_POOL_HAS_OPTIONS
    if (pool->options != 0) {
        return hf_pool_options_give(pool, number);
    }
#endif
    return hf_pool_put_back(pool, number);
}

int hf_pool_inspect(const hf_pool_t *pool, uint32_t number, hf_block_info_t *info)
{
    if (number >= pool->count) {
        return HF_E_RANGE;
    }
    const hf_atomic_u32_t *census = hf_pool_census(pool, number);
    uint32_t word, taken_ms;
    do { // another round: the block was given, and taken again, meanwhile
        word = atomic_load_explicit(&census[0], memory_order_acquire);
        taken_ms = atomic_load_explicit(&census[1], memory_order_acquire);
    } while (word != hf_pool_read(&census[0]));
    if (!hf_pool_census_is_taken(word)) {
        return HF_E_EMPTY;
    }
    *info = (hf_block_info_t){.block = hf_pool_block(pool, number),
                              .age_ms = hf_pool_read(&pool->clock_ms) - taken_ms,
                              .generation = (uint16_t)(word >> 16),
                              .tag = (hf_tag_t)word};
    return HF_OK;
}

#endif
