// SPDX-License-Identifier: MIT
// What is known of a region, and the walk over its blocks that goes on where it stopped. The walk changes only its own
// members; a header it meets is judged before it is believed.
#include "hf_region_private.h"

static size_t class_usable(uint32_t class)
{
    const uint32_t shift = class < 64u ? 0 : class / 32u - 1u;
    return hf_region_usable((class - (shift << 5)) << shift);
}

// The head of the highest list is a block that a take gets, whole; the bits alone bound it from below, should it change or be
// damaged meanwhile.
size_t hf_region_largest_servable(const hf_region_t *region)
{
    const uint32_t levels = region->levels;
    const uint32_t level = levels == 0 ? 0 : 31u - (uint32_t)__builtin_clz(levels);
    const uint32_t slots = region->slots[level];
    if (levels == 0 || slots == 0) {
        return 0;
    }
    const uint32_t class = level * 32u + 31u - (uint32_t)__builtin_clz(slots);
    const uint32_t head = region->heads[class];
    if (head < region->end) {
        const uint32_t size = hf_region_block_at(region, head)->size;
        if (size - 1u < region->end && hf_region_class_of(size) == class) {
            return hf_region_usable(size);
        }
    }
    return class_usable(class);
}

static uint32_t fragmentation_percent(size_t largest, size_t free_bytes)
{
    if (largest >= free_bytes) {
        return 0;
    }
    if (free_bytes > UINT32_MAX / 100u) { // large enough to be divided by 256 first
        largest >>= 8;
        free_bytes >>= 8;
    }
    return 100u - (uint32_t)largest * 100u / (uint32_t)free_bytes;
}

hf_region_stats_t hf_region_stats(const hf_region_t *region)
{
    const size_t largest = hf_region_largest_servable(region), free_bytes = region->free_bytes;
    return (hf_region_stats_t){
        .capacity_bytes = hf_region_usable(region->end),
        .used_bytes = region->used_bytes,
        .peak_used_bytes = region->peak_used_bytes,
        .free_bytes = free_bytes,
        .min_free_bytes = region->min_free_bytes,
        .largest_servable_bytes = largest,
        .largest_bytes = region->largest_bytes,
        .fragmentation_percent = fragmentation_percent(largest, free_bytes),
        .blocks = region->takes - region->gives,
        .free_blocks = region->free_blocks,
        .takes = region->takes,
        .gives = region->gives,
        .failed = region->failed,
        .unservable = region->unservable,
        .foreign = region->foreign,
        .interior = region->interior,
        .double_gives = region->double_gives,
        .corrupt = region->corrupt,
    };
}

bool hf_region_owns(const hf_region_t *region, const void *address)
{
    return (uintptr_t)address - (uintptr_t)region->config.memory < region->config.bytes;
}

size_t hf_region_block_bytes(const hf_region_t *region, const void *block)
{
    const uintptr_t offset = (uintptr_t)block - (uintptr_t)region->base - HF_REGION_HEADER_BYTES;
    const uint32_t at = (uint32_t)(offset / HF_REGION_GRANULE_BYTES);
    if (offset >= (size_t)region->end * HF_REGION_GRANULE_BYTES ||
        offset % HF_REGION_GRANULE_BYTES != 0 || !hf_region_is_taken(region, at) ||
        !hf_region_is_sound(region, at)) {
        return 0;
    }
    return hf_region_usable(hf_region_block_at(region, at)->size);
}

/// Whether the block at the walk's place is as the invariants say. Its size, once it is sound, leads to the next one.
static bool is_block_good(const hf_region_t *region, uint32_t at)
{
    if (!hf_region_is_sound(region, at)) {
        return false;
    }
    if (hf_region_is_taken(region, at)) {
        return true;
    }
    const uint32_t next = at + hf_region_block_at(region, at)->size;
    return hf_region_is_taken(region, next) && hf_region_links_agree(region, at);
}

static int check(hf_region_t *region, uint32_t blocks, const void **place)
{
    for (; blocks > 0; blocks--) {
        const uint32_t at = region->check_at;
        if (!is_block_good(region, at)) {
            *place = hf_region_block_at(region, at);
            region->check_at = 0;
            region->check_largest = 0;
            region->corrupt++;
            return HF_E_CORRUPT;
        }
        const uint32_t size = hf_region_block_at(region, at)->size;
        if (!hf_region_is_taken(region, at) && hf_region_usable(size) > region->check_largest) {
            region->check_largest = hf_region_usable(size);
        }
        region->check_at = at + size;
        if (region->check_at == region->end) {
            region->largest_bytes = region->check_largest;
            region->check_at = 0;
            region->check_largest = 0;
            return HF_OK;
        }
    }
    return HF_OK;
}

int hf_region_check(hf_region_t *region, uint32_t blocks, const void **place)
{
    if (region->config.enter != NULL) {
        region->config.enter(region->config.ctx);
    }
    const int status = check(region, blocks, place);
    if (region->config.exit != NULL) {
        region->config.exit(region->config.ctx);
    }
    return status;
}
