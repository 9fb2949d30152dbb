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

static inline hf_region_block_t *hf_region_block_at(const hf_region_t *region, uint32_t at)
{
    return (hf_region_block_t *)(void *)(region->base + (size_t)at * HF_REGION_GRANULE_BYTES);
}

static inline bool hf_region_is_taken(const hf_region_t *region, uint32_t at)
{
    return (region->taken[at / 32u] >> at % 32u & 1u) != 0;
}

static inline size_t hf_region_usable(uint32_t size)
{
    return (size_t)size * HF_REGION_GRANULE_BYTES - HF_REGION_HEADER_BYTES;
}

/// Whether both copies of a block's size agree.
static inline bool hf_region_is_sound(const hf_region_t *region, uint32_t at)
{
    const uint32_t size = hf_region_block_at(region, at)->size;
    return size - 1u < region->end - at &&
           hf_region_block_at(region, at + size)->before_inverted == ~size;
}

/// The class that holds blocks of this size: one size each up to 63, then 32 classes to each doubling.
static inline uint32_t hf_region_class_of(uint32_t size)
{
    const uint32_t shift = size < 64u ? 0 : 26u - (uint32_t)__builtin_clz(size);
    return (shift << 5) + (size >> shift);
}

/// Whether a link leads to a block that says it leads back.
static inline bool hf_region_links_agree(const hf_region_t *region, uint32_t at)
{
    const hf_region_block_t *block = hf_region_block_at(region, at);
    if (block->next != HF_REGION_NOWHERE &&
        (block->next >= region->end || hf_region_block_at(region, block->next)->previous != at)) {
        return false;
    }
    if (block->previous == HF_REGION_NOWHERE) {
        return region->heads[hf_region_class_of(block->size)] == at;
    }
    return block->previous < region->end && hf_region_block_at(region, block->previous)->next == at;
}

#endif
