// SPDX-License-Identifier: MIT
// The pool of broken_pool.h: the plainest two-level bitmap, so that its one mistake is all there is to find.
#include "broken_pool.h"

#include <string.h>

hf_atomic_u32_t broken_words[80];

#define SUMMARY    (&broken_words[0])
#define TAKES      (&broken_words[1])
#define GIVES      (&broken_words[2])
#define EXHAUSTED  (&broken_words[3])
#define DOUBLES    (&broken_words[4])
#define STALE      (&broken_words[5])
#define GENERATION (&broken_words[8]) // one per block

static hf_pool_config_t own;

static uint32_t words(void)
{
    return (own.count + 31u) / 32u;
}

static void count(hf_atomic_u32_t *counter)
{
#if MODEL_BROKEN == BROKEN_COUNT
    uint32_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + 1u, memory_order_relaxed);
#else
    (void)atomic_fetch_add_explicit(counter, 1u, memory_order_relaxed);
#endif
}

int hf_pool_init(hf_pool_t *pool, const hf_pool_config_t *config)
{
    (void)pool;
    own = *config;
    memset((void *)broken_words, 0, sizeof broken_words);
    for (uint32_t i = 0; i < words(); i++) {
        uint32_t left = own.count - i * 32u;
        own.meta[i] = left >= 32u ? UINT32_MAX : (1u << left) - 1u;
        *SUMMARY |= 1u << i;
    }
    return HF_OK;
}

/// Claims a bit of a word, or 32.
static uint32_t claim(hf_atomic_u32_t *word)
{
    for (;;) {
        uint32_t bits = atomic_load_explicit(word, memory_order_relaxed);
        if (bits == 0) {
            return 32u;
        }
        uint32_t bit = (uint32_t)__builtin_ctz(bits);
#if MODEL_BROKEN == BROKEN_CLAIM
        atomic_store_explicit(word, bits & ~(1u << bit), memory_order_relaxed);
        return bit;
#else
        if ((atomic_fetch_and_explicit(word, ~(1u << bit), memory_order_acquire) >> bit & 1u) !=
            0) {
            return bit;
        }
#if MODEL_BROKEN == BROKEN_HASTE
        return 32u;
#endif
#endif
    }
}

static void clear_summary(uint32_t word)
{
    (void)atomic_fetch_and_explicit(SUMMARY, ~(1u << word), memory_order_relaxed);
    if (atomic_load_explicit(&own.meta[word], memory_order_relaxed) != 0) {
        (void)atomic_fetch_or_explicit(SUMMARY, 1u << word, memory_order_relaxed);
    }
}

static uint32_t find(void)
{
    uint32_t summary = atomic_load_explicit(SUMMARY, memory_order_relaxed);
    for (uint32_t i = 0; i < words(); i++) {
        if ((summary >> i & 1u) != 0) {
            uint32_t bit = claim(&own.meta[i]);
            if (bit < 32u) {
                return i * 32u + bit;
            }
            clear_summary(i);
        }
    }
#if MODEL_BROKEN != BROKEN_SUMMARY
    for (uint32_t i = 0; i < words(); i++) {
        uint32_t bit = claim(&own.meta[i]);
        if (bit < 32u) {
            return i * 32u + bit;
        }
    }
#endif
    return UINT32_MAX;
}

void *hf_pool_take(hf_pool_t *pool, hf_tag_t tag)
{
    (void)pool;
    (void)tag;
    uint32_t index = find();
    if (index == UINT32_MAX) {
        count(EXHAUSTED);
        return NULL;
    }
    count(TAKES);
    return (uint8_t *)own.blocks + (size_t)index * HF_POOL_STRIDE(own.block_bytes);
}

static uint32_t index_of(const void *block)
{
    return (uint32_t)((uintptr_t)block - (uintptr_t)own.blocks) /
           (uint32_t)HF_POOL_STRIDE(own.block_bytes);
}

int hf_pool_give(hf_pool_t *pool, void *block)
{
    (void)pool;
    uint32_t index = index_of(block), bit = 1u << (index % 32u);
#if MODEL_BROKEN == BROKEN_GIVE
    uint32_t was = atomic_load_explicit(&own.meta[index / 32u], memory_order_relaxed);
    if ((was & bit) == 0) {
        (void)atomic_fetch_or_explicit(&own.meta[index / 32u], bit, memory_order_release);
    }
#else
    uint32_t was = atomic_fetch_or_explicit(&own.meta[index / 32u], bit, memory_order_release);
#endif
    if ((was & bit) != 0) {
        count(DOUBLES);
        return HF_E_DOUBLE_GIVE;
    }
    (void)atomic_fetch_or_explicit(SUMMARY, 1u << (index / 32u), memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&GENERATION[index], 1u, memory_order_relaxed);
    count(GIVES);
    return HF_OK;
}

hf_pool_stats_t hf_pool_stats(const hf_pool_t *pool)
{
    (void)pool;
    hf_pool_stats_t stats = {.capacity = own.count, .block_bytes = own.block_bytes};
    stats.in_use = own.count;
    for (uint32_t i = 0; i < words(); i++) {
        stats.in_use -= (uint32_t)__builtin_popcount(own.meta[i]);
    }
    stats.exhausted = *EXHAUSTED;
    stats.double_gives = *DOUBLES;
#if CONFIG_HF_POOL_STATISTICS
    stats.takes = *TAKES;
    stats.gives = *GIVES;
    stats.peak = stats.in_use;
#endif
#if CONFIG_HF_POOL_CENSUS
    stats.stale = *STALE;
#endif
    return stats;
}

void hf_pool_reset_stats(hf_pool_t *pool)
{
    (void)pool;
    *TAKES = *GIVES = *EXHAUSTED = *DOUBLES = *STALE = 0;
}

#if CONFIG_HF_POOL_CENSUS
hf_handle_t hf_pool_handle(const hf_pool_t *pool, const void *block)
{
    (void)pool;
    uint32_t index = index_of(block);
    return (atomic_load_explicit(&GENERATION[index], memory_order_relaxed) << 16) | (index + 1u);
}

int hf_pool_give_handle(hf_pool_t *pool, hf_handle_t handle)
{
    uint32_t index = (handle & 0xFFFFu) - 1u;
    if (atomic_load_explicit(&GENERATION[index], memory_order_relaxed) != handle >> 16) {
        count(STALE);
        return HF_E_STALE;
    }
    return hf_pool_give(pool,
                        (uint8_t *)own.blocks + (size_t)index * HF_POOL_STRIDE(own.block_bytes));
}

void *hf_pool_at(hf_pool_t *pool, hf_handle_t handle)
{
    (void)pool;
    uint32_t index = (handle & 0xFFFFu) - 1u;
    if (atomic_load_explicit(&GENERATION[index], memory_order_relaxed) != handle >> 16) {
        count(STALE);
        return NULL;
    }
    return (uint8_t *)own.blocks + (size_t)index * HF_POOL_STRIDE(own.block_bytes);
}
#endif
