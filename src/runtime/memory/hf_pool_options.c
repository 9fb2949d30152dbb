// SPDX-License-Identifier: MIT
// Fill and canaries: what a pool that asks for it does to a block on its way out and back. A block is written only between
// its take and its give, by whoever is about to hand it out or free it, so nobody else's data is ever touched.
// Layout of a stride: block_bytes for the owner, 8 canary bytes, the rest up to HF_POOL_ALIGN unused.
#include "hf_pool_private.h"

#include <string.h>

#define POISON 0xDEu

#if CONFIG_HF_POOL_CANARY
// No byte is 0, 0xFF, a letter or like its neighbour: what runs over the end seldom looks so.
static const uint8_t canary[HF_POOL_CANARY_BYTES] = {0xC5, 0x9A, 0xE3, 0x87,
                                                     0xD6, 0xA9, 0xF1, 0x8B};

static bool is_overrun(const hf_pool_t *pool, uint32_t number)
{
    return memcmp(hf_pool_block(pool, number) + hf_pool_block_bytes(pool), canary, sizeof canary) !=
           0;
}

static void set_canary(hf_pool_t *pool, uint32_t number)
{
    memcpy(hf_pool_block(pool, number) + hf_pool_block_bytes(pool), canary, sizeof canary);
}

int hf_pool_check(const hf_pool_t *pool, uint32_t first, uint32_t count, uint32_t *found)
{
    if ((pool->options & HF_POOL_CANARY) == 0) {
        return HF_OK;
    }
    uint32_t number = first % pool->count;
    for (uint32_t i = 0; i < count && i < pool->count; i++) {
        if (is_overrun(pool, number)) {
            *found = number;
            return HF_E_OVERRUN;
        }
        number = number + 1u < pool->count ? number + 1u : 0;
    }
    return HF_OK;
}
#endif

#if CONFIG_HF_POOL_FILL
static bool is_spoilt(const uint8_t *block, uint32_t bytes)
{
    uint32_t i = 0;
    while (i < bytes && block[i] == POISON) {
        i++;
    }
    return i < bytes;
}
#endif

#if HF_POOL_HAS_OPTIONS
void hf_pool_open_options(hf_pool_t *pool)
{
    for (uint32_t i = 0; i < pool->count; i++) {
#if CONFIG_HF_POOL_FILL
        if ((pool->options & HF_POOL_POISON) != 0) {
            memset(hf_pool_block(pool, i), POISON, hf_pool_block_bytes(pool));
        }
#endif
#if CONFIG_HF_POOL_CANARY
        if ((pool->options & HF_POOL_CANARY) != 0) {
            set_canary(pool, i);
        }
#endif
    }
}

void *hf_pool_options_take(hf_pool_t *pool, void *block)
{
#if CONFIG_HF_POOL_FILL
    const uint32_t bytes = hf_pool_block_bytes(pool);
    if ((pool->options & HF_POOL_POISON) != 0 && is_spoilt(block, bytes)) {
        (void)hf_pool_fail(&pool->spoilt, 0);
    }
    if ((pool->options & HF_POOL_ZERO) != 0) {
        memset(block, 0, bytes);
    }
#else
    (void)pool;
#endif
    return block;
}

/// What the options do to a block that is about to become free. HF_E_OVERRUN or HF_OK.
static int close_block(hf_pool_t *pool, uint32_t number)
{
    int status = HF_OK;
#if CONFIG_HF_POOL_CANARY
    if ((pool->options & HF_POOL_CANARY) != 0 && is_overrun(pool, number)) {
        set_canary(pool, number);
        status = HF_E_OVERRUN;
    }
#endif
#if CONFIG_HF_POOL_FILL
    if ((pool->options & HF_POOL_POISON) != 0) {
        memset(hf_pool_block(pool, number), POISON, hf_pool_block_bytes(pool));
    }
#endif
    return status;
}

int hf_pool_options_give(hf_pool_t *pool, uint32_t number)
{
    // A block that is free is not ours to write to; put_back() will tell.
    const int found = hf_pool_is_free(pool, number) ? HF_OK : close_block(pool, number);
    const int given = hf_pool_put_back(pool, number);
    return given < 0 || found == HF_OK ? given : hf_pool_fail(&pool->overruns, found);
}
#endif
