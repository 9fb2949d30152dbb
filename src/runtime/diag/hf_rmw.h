// SPDX-License-Identifier: MIT
// Read-modify-write of a word on every processor: atomic where it can, masked where it cannot (CONFIG_HF_POOL_LIFO names
// those). Private to diag/. Every function may be called from tasks and interrupts of any core; none waits for another.
#ifndef HF_RMW_H
#define HF_RMW_H

#include "holdfast/hf_critical.h"
#include "holdfast/hf_ring.h"

static inline uint32_t hf_rmw_read(const hf_atomic_u32_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

#if CONFIG_HF_POOL_LIFO

/// Stores `next` where `expected` stands. False, and nothing stored, when something else does.
static inline bool hf_rmw_swap(hf_atomic_u32_t *word, uint32_t expected, uint32_t next)
{
    uint32_t was = hf_critical_enter();
    bool equal = atomic_load_explicit(word, memory_order_acquire) == expected;
    if (equal) {
        atomic_store_explicit(word, next, memory_order_relaxed);
    }
    hf_critical_exit(was);
    return equal;
}

/// Adds, modulo 2^32; returns what stood there before.
static inline uint32_t hf_rmw_add(hf_atomic_u32_t *word, uint32_t amount)
{
    uint32_t was = hf_critical_enter();
    uint32_t before = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, before + amount, memory_order_relaxed);
    hf_critical_exit(was);
    return before;
}

#else

static inline bool hf_rmw_swap(hf_atomic_u32_t *word, uint32_t expected, uint32_t next)
{
    return atomic_compare_exchange_strong_explicit(word, &expected, next, memory_order_acquire,
                                                   memory_order_relaxed);
}

static inline uint32_t hf_rmw_add(hf_atomic_u32_t *word, uint32_t amount)
{
    return atomic_fetch_add_explicit(word, amount, memory_order_relaxed);
}

#endif

/// Raises the word to `value` at least. Each further round means that somebody else raised it.
static inline void hf_rmw_max(hf_atomic_u32_t *word, uint32_t value)
{
    uint32_t now = hf_rmw_read(word);
    while (now < value && !hf_rmw_swap(word, now, value)) {
        now = hf_rmw_read(word);
    }
}

#endif
