// SPDX-License-Identifier: MIT
// Fixed blocks over a bitmap, a set bit is a free block. A take first reserves one of the free blocks by counting, then
// claims a bit: so "exhausted" is exact, and who has reserved always finds a bit.
#include "holdfast/hf_pool.h"

int hf_pool_init(hf_pool_t *pool, const hf_pool_config_t *config)
{
    if (pool == NULL || config == NULL || config->blocks == NULL || config->meta == NULL ||
        config->name == NULL || config->block_bytes == 0 || config->count == 0 ||
        config->count > HF_POOL_COUNT_MAX || (uintptr_t)config->blocks % HF_POOL_ALIGN != 0) {
        return HF_E_ARGUMENT;
    }
    *pool = (hf_pool_t){.config = *config,
                        .stride = (uint32_t)HF_POOL_STRIDE((size_t)config->block_bytes)};
    for (uint32_t i = 0; i < HF_POOL_FREE_WORDS(config->count); i++) {
        uint32_t left = config->count - i * 32u;
        atomic_init(&config->meta[i], left >= 32u ? UINT32_MAX : (1u << left) - 1u);
    }
    return HF_OK;
}

static void count(hf_atomic_u32_t *counter)
{
    (void)atomic_fetch_add_explicit(counter, 1u, memory_order_relaxed);
}

/// Reserves one free block. False when there is none.
static bool reserve(hf_pool_t *pool)
{
    uint32_t in_use = atomic_load_explicit(&pool->in_use, memory_order_relaxed);
    do {
        if (in_use >= pool->config.count) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&pool->in_use, &in_use, in_use + 1u,
                                                    memory_order_acquire, memory_order_relaxed));
    uint32_t peak = atomic_load_explicit(&pool->peak, memory_order_relaxed);
    while (peak < in_use + 1u &&
           !atomic_compare_exchange_weak_explicit(&pool->peak, &peak, in_use + 1u,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    return true;
}

/// Claims a free bit of one word. Returns its number, or 32 when the word has none.
static uint32_t claim(hf_atomic_u32_t *word)
{
    uint32_t bits = atomic_load_explicit(word, memory_order_relaxed);
    while (bits != 0) {
        uint32_t bit = (uint32_t)__builtin_ctz(bits);
        bits = atomic_fetch_and_explicit(word, ~(1u << bit), memory_order_acquire);
        if ((bits & (1u << bit)) != 0) {
            return bit;
        }
    }
    return 32u;
}

void *hf_pool_take(hf_pool_t *pool, hf_tag_t tag)
{
    (void)tag;
    if (!reserve(pool)) {
        count(&pool->exhausted);
        return NULL;
    }
    const uint32_t words = HF_POOL_FREE_WORDS(pool->config.count);
    uint32_t word = atomic_load_explicit(&pool->cursor, memory_order_relaxed);
    // Ends: a bit is free for everyone who has reserved; it can only be missed while others take and give.
    for (;;) {
        uint32_t bit = claim(&pool->config.meta[word]);
        if (bit < 32u) {
            atomic_store_explicit(&pool->cursor, word, memory_order_relaxed);
            count(&pool->takes);
            return (uint8_t *)pool->config.blocks + (size_t)(word * 32u + bit) * pool->stride;
        }
        word = word + 1u < words ? word + 1u : 0;
    }
}

int hf_pool_give(hf_pool_t *pool, void *block)
{
    // As numbers: comparing pointers into different objects is undefined.
    uintptr_t offset = (uintptr_t)block - (uintptr_t)pool->config.blocks;
    if (block == NULL || offset >= (uintptr_t)pool->stride * pool->config.count) {
        count(&pool->foreign);
        return HF_E_FOREIGN;
    }
    if (offset % pool->stride != 0) {
        count(&pool->interior);
        return HF_E_INTERIOR;
    }
    uint32_t index = (uint32_t)(offset / pool->stride);
    uint32_t bit = 1u << (index % 32u);
    uint32_t was =
        atomic_fetch_or_explicit(&pool->config.meta[index / 32u], bit, memory_order_release);
    if ((was & bit) != 0) {
        count(&pool->double_gives);
        return HF_E_DOUBLE_GIVE;
    }
    count(&pool->gives);
    (void)atomic_fetch_sub_explicit(&pool->in_use, 1u, memory_order_release);
    return HF_OK;
}

static uint32_t read(const hf_atomic_u32_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

hf_pool_stats_t hf_pool_stats(const hf_pool_t *pool)
{
    hf_pool_stats_t stats = {.capacity = pool->config.count,
                             .block_bytes = pool->config.block_bytes,
                             .in_use = read(&pool->in_use),
                             .exhausted = read(&pool->exhausted),
                             .foreign = read(&pool->foreign),
                             .interior = read(&pool->interior),
                             .double_gives = read(&pool->double_gives)};
#if CONFIG_HF_POOL_STATISTICS
    stats.peak = read(&pool->peak);
    stats.min_free = pool->config.count - stats.peak;
    stats.takes = read(&pool->takes);
    stats.gives = read(&pool->gives);
#endif
    return stats;
}

uint32_t hf_pool_free_count(const hf_pool_t *pool)
{
    return pool->config.count - read(&pool->in_use);
}

const char *hf_pool_name(const hf_pool_t *pool)
{
    return pool->config.name;
}

bool hf_pool_owns(const hf_pool_t *pool, const void *address)
{
    return (uintptr_t)address - (uintptr_t)pool->config.blocks <
           (uintptr_t)pool->stride * pool->config.count;
}
