// SPDX-License-Identifier: MIT
// Between the files of hf_region: what stands in the memory, and how it is judged. Sizes and places count granules.
#ifndef HF_REGION_PRIVATE_H
#define HF_REGION_PRIVATE_H

#include "holdfast/hf_region.h"

#define HF_REGION_NOWHERE UINT32_MAX
#define HF_REGION_SIZE_MIN                                                                         \
    ((uint32_t)((sizeof(hf_region_block_t) + HF_REGION_GRANULE_BYTES - 1u) /                       \
                HF_REGION_GRANULE_BYTES))

/// The header of every block; the links are the first bytes that a taker may use.
typedef struct hf_region_block {
    uint32_t size;
    uint32_t before_inverted; // so that two equal words are never a header
    uint32_t next, previous;  // while free: of its list, or HF_REGION_NOWHERE
} hf_region_block_t;

// A call costs a Cortex-M4 more than what these do.
#if defined(__GNUC__)
#define HF_REGION_INLINE static inline __attribute__((always_inline))
#define HF_REGION_APART  static __attribute__((noinline)) // costs its callers registers
#else
#define HF_REGION_INLINE static inline
#define HF_REGION_APART  static
#endif

HF_REGION_INLINE uint32_t hf_region_read(const hf_region_word_t *word)
{
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
    return *word;
#else
    return atomic_load_explicit(word, memory_order_relaxed);
#endif
}

HF_REGION_INLINE void hf_region_write(hf_region_word_t *word, uint32_t value)
{
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
    *word = value;
#else
    atomic_store_explicit(word, value, memory_order_relaxed);
#endif
}

/// Adds; under the guard, so no read-modify-write.
HF_REGION_INLINE void hf_region_step(hf_region_word_t *word, uint32_t amount)
{
    hf_region_write(word, hf_region_read(word) + amount);
}

HF_REGION_INLINE hf_region_block_t *hf_region_block_at(const hf_region_t *region, uint32_t at)
{
    return (hf_region_block_t *)(void *)(region->base + (size_t)at * HF_REGION_GRANULE_BYTES);
}

HF_REGION_INLINE bool hf_region_is_taken(const hf_region_t *region, uint32_t at)
{
    return (region->taken[at / 32u] >> at % 32u & 1u) != 0;
}

HF_REGION_INLINE size_t hf_region_bytes(uint32_t size)
{
    return (size_t)size * HF_REGION_GRANULE_BYTES;
}

/// Whether both copies of a block's size agree.
HF_REGION_INLINE bool hf_region_is_sound(const hf_region_t *region, uint32_t at, uint32_t size)
{
    return size - 1u < region->end - at &&
           hf_region_block_at(region, at + size)->before_inverted == ~size;
}

/// How far sizes like this one are shifted to number their classes.
HF_REGION_INLINE uint32_t hf_region_shift_of(uint32_t size)
{
    return 26u - (uint32_t)__builtin_clz(size | 63u);
}

/// The class that holds blocks of this size: one size each up to 63, then 32 classes to each doubling.
HF_REGION_INLINE uint32_t hf_region_class_of(uint32_t size)
{
    const uint32_t shift = hf_region_shift_of(size);
    return (shift << 5) + (size >> shift);
}

/// How far sizes of this class are shifted, and the smallest of them.
HF_REGION_INLINE uint32_t hf_region_class_shift(uint32_t class)
{
    return class < 64u ? 0 : class / 32u - 1u;
}

/// The highest class that has a free block, 0 when nothing is free.
HF_REGION_INLINE uint32_t hf_region_top_class(const hf_region_t *region)
{
    const uint32_t levels = hf_region_read(&region->levels);
    const uint32_t level = levels == 0 ? 0 : 31u - (uint32_t)__builtin_clz(levels);
    const uint32_t slots = hf_region_read(&region->slots[level]);
    return levels == 0 || slots == 0 ? 0 : level * 32u + 31u - (uint32_t)__builtin_clz(slots);
}

/// As hf_region_take(), unless the largest free block would not hold `leave_bytes` more: then NULL, and nothing is counted.
/// Look and take are one guarded step.
void *hf_region_take_leaving(hf_region_t *region, size_t bytes, size_t leave_bytes);

/// The nearest place at or before `at` where a block in use starts, HF_REGION_NOWHERE when there is none. By the bits alone.
/// Cost: O(words of the bitmap).
uint32_t hf_region_start_before(const hf_region_t *region, uint32_t at);

#endif
