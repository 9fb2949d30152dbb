// SPDX-License-Identifier: MIT
// What is known of a region, and the walk over its blocks that goes on where it stopped. The walk changes only its own
// members; a header it meets is judged before it is believed.
#include "hf_region_private.h"

/// Of what is free, the size of one block that a take gets whole, 0 when nothing is free. Reads nothing of the memory, which
/// somebody may be given and write to meanwhile: the highest class bounds its blocks from below.
// That class alone, and all that is free is of one size in it: then it is one block, since two would be of a higher class.
static uint32_t largest_servable(const hf_region_t *region, uint32_t free_size)
{
    const uint32_t class = hf_region_top_class(region), shift = hf_region_class_shift(class);
    const uint32_t levels = hf_region_read(&region->levels);
    const bool is_alone = levels == 1u << class / 32u &&
                          hf_region_read(&region->slots[class / 32u]) == 1u << class % 32u;
    return is_alone && hf_region_class_of(free_size) == class ? free_size
                                                              : (class - (shift << 5)) << shift;
}

static size_t usable(uint32_t size)
{
    return size == 0 ? 0 : hf_region_bytes(size) - HF_REGION_HEADER_BYTES;
}

size_t hf_region_largest_servable(const hf_region_t *region)
{
    return usable(largest_servable(region, hf_region_read(&region->free_size)));
}

hf_region_stats_t hf_region_stats(const hf_region_t *region)
{
    const uint32_t free_size = hf_region_read(&region->free_size);
    const uint32_t largest = largest_servable(region, free_size);
    const uint32_t min_free_size = hf_region_read(&region->min_free_size);
    const uint32_t takes = hf_region_read(&region->takes), gives = hf_region_read(&region->gives);
    const uint32_t percent = largest >= free_size ? 100u : largest * 100u / free_size;
    return (hf_region_stats_t){
        .capacity_bytes = hf_region_bytes(region->end),
        .used_bytes = hf_region_bytes(region->end - free_size),
        .peak_used_bytes = hf_region_bytes(region->end - min_free_size),
        .free_bytes = hf_region_bytes(free_size),
        .min_free_bytes = hf_region_bytes(min_free_size),
        .largest_servable_bytes = usable(largest),
        .largest_bytes = usable(hf_region_read(&region->largest)),
        .fragmentation_percent = 100u - percent,
        .blocks = takes - gives,
        .takes = takes,
        .gives = gives,
        .failed = hf_region_read(&region->failed),
        .unservable = hf_region_read(&region->unservable),
        .foreign = hf_region_read(&region->foreign),
        .interior = hf_region_read(&region->interior),
        .double_gives = hf_region_read(&region->double_gives),
        .corrupt = hf_region_read(&region->corrupt),
    };
}

bool hf_region_owns(const hf_region_t *region, const void *address)
{
    return (uintptr_t)address - (uintptr_t)region->config.memory < region->config.bytes;
}

static size_t block_bytes(const hf_region_t *region, const void *block)
{
    const uintptr_t offset = (uintptr_t)block - (uintptr_t)region->base - HF_REGION_HEADER_BYTES;
    const uint32_t at = (uint32_t)(offset / HF_REGION_GRANULE_BYTES);
    if (offset >= hf_region_bytes(region->end) || offset % HF_REGION_GRANULE_BYTES != 0 ||
        !hf_region_is_taken(region, at)) {
        return 0;
    }
    const uint32_t size = hf_region_block_at(region, at)->size;
    return hf_region_is_sound(region, at, size) ? usable(size) : 0;
}

// The bits are those of other blocks, too: whoever else takes or gives must be kept out.
size_t hf_region_block_bytes(const hf_region_t *region, const void *block)
{
    if (region->config.enter != NULL) {
        region->config.enter(region->config.ctx);
    }
    const size_t bytes = block_bytes(region, block);
    if (region->config.exit != NULL) {
        region->config.exit(region->config.ctx);
    }
    return bytes;
}

uint32_t hf_region_start_before(const hf_region_t *region, uint32_t at)
{
    uint32_t word = at / 32u;
    uint32_t starts = region->taken[word] & ((2u << at % 32u) - 1u);
    while (starts == 0) {
        if (word == 0) {
            return HF_REGION_NOWHERE;
        }
        starts = region->taken[--word];
    }
    return word * 32u + 31u - (uint32_t)__builtin_clz(starts);
}

/// Whether each link of a free block leads to one that leads back.
static bool do_links_agree(const hf_region_t *region, uint32_t at, uint32_t size)
{
    const hf_region_block_t *block = hf_region_block_at(region, at);
    const uint32_t next = block->next, previous = block->previous;
    if (next != HF_REGION_NOWHERE &&
        (next >= region->end || hf_region_block_at(region, next)->previous != at)) {
        return false;
    }
    if (previous == HF_REGION_NOWHERE) {
        return region->heads[hf_region_class_of(size)] == at;
    }
    return previous < region->end && hf_region_block_at(region, previous)->next == at;
}

/// The size of the block at the walk's place, 0 when it is not as the invariants say.
static uint32_t judged_size(const hf_region_t *region, uint32_t at)
{
    const uint32_t size = hf_region_block_at(region, at)->size;
    if (!hf_region_is_sound(region, at, size)) {
        return 0;
    }
    if (hf_region_is_taken(region, at)) {
        return size;
    }
    return hf_region_is_taken(region, at + size) && do_links_agree(region, at, size) ? size : 0;
}

// The walk stops only where a block in use starts: such a place its bit tells, even if what stood there was given since and
// merged; then it goes back to the one before.
static int check(hf_region_t *region, uint32_t blocks, const void **place)
{
    const uint32_t start = hf_region_start_before(region, region->check_at);
    uint32_t at = start != HF_REGION_NOWHERE ? start : 0;
    while (blocks > 0 || !hf_region_is_taken(region, at)) {
        const uint32_t size = judged_size(region, at);
        if (size == 0) {
            *place = hf_region_block_at(region, at);
            region->check_at = 0;
            hf_region_step(&region->corrupt, 1u);
            return HF_E_CORRUPT;
        }
        if (at == 0) {
            region->check_largest = 0;
        }
        if (!hf_region_is_taken(region, at) && size > region->check_largest) {
            region->check_largest = size;
        }
        at += size;
        if (at == region->end) {
            at = 0;
            hf_region_write(&region->largest, region->check_largest);
            break;
        }
        blocks -= blocks > 0;
    }
    region->check_at = at;
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
