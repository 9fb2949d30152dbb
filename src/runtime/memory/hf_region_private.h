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

/// The nearest place at or before `at` where a block in use starts, HF_REGION_NOWHERE when there is none. By the bits alone.
/// Cost: O(words of the bitmap).
uint32_t hf_region_start_before(const hf_region_t *region, uint32_t at);

#endif
