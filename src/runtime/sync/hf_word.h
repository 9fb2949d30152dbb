// SPDX-License-Identifier: MIT
// Read-modify-write of a word on every processor: atomic where it can, under a mask of a few instructions where it cannot
// (CONFIG_HF_POOL_LIFO names those). Private to the runtime. Any context, any core; none waits for another.
#ifndef HF_WORD_H
#define HF_WORD_H

#include "holdfast/hf_atomic.h"
#include "holdfast/hf_critical.h"

HF_INLINE uint32_t word_read(const hf_atomic_u32_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

HF_INLINE void word_write(hf_atomic_u32_t *word, uint32_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

/// Adds where one context writes at a time and others only read: no read-modify-write.
HF_INLINE void word_step(hf_atomic_u32_t *word, uint32_t amount)
{
    word_write(word, word_read(word) + amount);
}

#if CONFIG_HF_POOL_LIFO

/// Stores `next` where `*expected` stands; else tells what does, and false. Never fails without reason.
static inline bool word_swap(hf_atomic_u32_t *word, uint32_t *expected, uint32_t next)
{
    const uint32_t was = hf_critical_enter();
    const uint32_t now = atomic_load_explicit(word, memory_order_acquire);
    const bool is_equal = now == *expected;
    if (is_equal) {
        atomic_store_explicit(word, next, memory_order_release);
    }
    hf_critical_exit(was);
    *expected = now;
    return is_equal;
}

/// Adds, modulo 2^32; returns what stood there before. The other two likewise.
static inline uint32_t word_add(hf_atomic_u32_t *word, uint32_t amount)
{
    const uint32_t was = hf_critical_enter();
    const uint32_t before = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, before + amount, memory_order_release);
    hf_critical_exit(was);
    return before;
}

static inline uint32_t word_set_bits(hf_atomic_u32_t *word, uint32_t bits)
{
    const uint32_t was = hf_critical_enter();
    const uint32_t before = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, before | bits, memory_order_relaxed);
    hf_critical_exit(was);
    return before;
}

static inline uint32_t word_keep_bits(hf_atomic_u32_t *word, uint32_t bits)
{
    const uint32_t was = hf_critical_enter();
    const uint32_t before = atomic_load_explicit(word, memory_order_relaxed);
    atomic_store_explicit(word, before & bits, memory_order_relaxed);
    hf_critical_exit(was);
    return before;
}

#else

static inline bool word_swap(hf_atomic_u32_t *word, uint32_t *expected, uint32_t next)
{
    return atomic_compare_exchange_strong_explicit(word, expected, next, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

static inline uint32_t word_add(hf_atomic_u32_t *word, uint32_t amount)
{
    return atomic_fetch_add_explicit(word, amount, memory_order_relaxed);
}

static inline uint32_t word_set_bits(hf_atomic_u32_t *word, uint32_t bits)
{
    return atomic_fetch_or_explicit(word, bits, memory_order_relaxed);
}

static inline uint32_t word_keep_bits(hf_atomic_u32_t *word, uint32_t bits)
{
    return atomic_fetch_and_explicit(word, bits, memory_order_relaxed);
}

#endif

static inline uint32_t word_exchange(hf_atomic_u32_t *word, uint32_t value)
{
    uint32_t now = word_read(word);
    while (!word_swap(word, &now, value)) {
    }
    return now;
}

static inline void word_count(hf_atomic_u32_t *counter)
{
    (void)word_add(counter, 1u);
}

/// Raises the word to `value` at least. Each further round means that somebody else changed it.
static inline void word_raise(hf_atomic_u32_t *word, uint32_t value)
{
    uint32_t now = word_read(word);
    while (now < value && !word_swap(word, &now, value)) {
    }
}

#endif
