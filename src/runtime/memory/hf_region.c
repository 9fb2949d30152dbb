// SPDX-License-Identifier: MIT
// Takes, gives and resizes. A take looks in the lists from the first class of which every block is large enough; a give
// merges with what is free on both sides, so that one insertion ends every call.
#include "hf_region_private.h"

#include <string.h>

#define ALIGN_MAX 65536u

HF_REGION_INLINE void enter(const hf_region_t *region)
{
    if (region->config.enter != NULL) {
        region->config.enter(region->config.ctx);
    }
}

HF_REGION_INLINE void leave(const hf_region_t *region)
{
    if (region->config.exit != NULL) {
        region->config.exit(region->config.ctx);
    }
}

HF_REGION_INLINE void toggle_taken(hf_region_t *region, uint32_t at)
{
    region->taken[at / 32u] ^= 1u << at % 32u;
}

/// Writes both copies of a size.
HF_REGION_INLINE void set_size(hf_region_t *region, uint32_t at, uint32_t size)
{
    hf_region_block_at(region, at)->size = size;
    hf_region_block_at(region, at + size)->before_inverted = ~size;
}

static void insert(hf_region_t *region, uint32_t at, uint32_t size)
{
    hf_region_block_t *block = hf_region_block_at(region, at);
    const uint32_t class = hf_region_class_of(size), next = region->heads[class];
    set_size(region, at, size);
    block->next = next;
    block->previous = HF_REGION_NOWHERE;
    if (next != HF_REGION_NOWHERE) {
        hf_region_block_at(region, next)->previous = at;
    }
    region->heads[class] = at;
    hf_region_word_t *slots = &region->slots[class / 32u];
    hf_region_write(slots, hf_region_read(slots) | 1u << class % 32u);
    hf_region_write(&region->levels, hf_region_read(&region->levels) | 1u << class / 32u);
}

static void empty_class(hf_region_t *region, uint32_t class)
{
    hf_region_word_t *slots = &region->slots[class / 32u];
    const uint32_t left = hf_region_read(slots) & ~(1u << class % 32u);
    region->heads[class] = HF_REGION_NOWHERE;
    hf_region_write(slots, left);
    if (left == 0) {
        hf_region_write(&region->levels, hf_region_read(&region->levels) & ~(1u << class / 32u));
    }
}

/// Takes a free block of that size out of its list. False, and nothing changed, when the links do not agree.
static bool unlink(hf_region_t *region, uint32_t at, uint32_t size)
{
    const hf_region_block_t *block = hf_region_block_at(region, at);
    const uint32_t next = block->next, previous = block->previous;
    const uint32_t class = hf_region_class_of(size);
    uint32_t *here = &region->heads[class]; // what leads to this block
    if (previous != HF_REGION_NOWHERE) {
        if (previous >= region->end) {
            return false;
        }
        here = &hf_region_block_at(region, previous)->next;
    }
    if (*here != at) {
        return false;
    }
    if (next != HF_REGION_NOWHERE) {
        if (next >= region->end || hf_region_block_at(region, next)->previous != at) {
            return false;
        }
        hf_region_block_at(region, next)->previous = previous;
    } else if (previous == HF_REGION_NOWHERE) {
        empty_class(region, class);
    }
    *here = next;
    return true;
}

/// The class to take `size` from: the first that is not empty and has only blocks that do; failing that, the one that
/// has some, if its first block does. HF_REGION_NOWHERE when there is none.
HF_REGION_APART uint32_t choose_class(const hf_region_t *region, uint32_t size)
{
    const uint32_t shift = hf_region_shift_of(size);
    // Rounded up; past the last class of its doubling this is the first of the next.
    const uint32_t class = (shift << 5) + ((size + (1u << shift) - 1u) >> shift);
    uint32_t level = class / 32u;
    const uint32_t slots = hf_region_read(&region->slots[level]) >> class % 32u;
    if (slots != 0) {
        return class + (uint32_t)__builtin_ctz(slots);
    }
    const uint32_t levels = hf_region_read(&region->levels) >> level >> 1;
    if (levels != 0) {
        level += 1u + (uint32_t)__builtin_ctz(levels);
        return level * 32u + (uint32_t)__builtin_ctz(hf_region_read(&region->slots[level]));
    }
    const uint32_t exact = (shift << 5) + (size >> shift), head = region->heads[exact];
    if (head == HF_REGION_NOWHERE || hf_region_block_at(region, head)->size < size) {
        return HF_REGION_NOWHERE;
    }
    return exact;
}

/// Takes the first block of a list out of it. False, and nothing changed, when its size or its links do not agree.
HF_REGION_INLINE bool pop(hf_region_t *region, uint32_t class, uint32_t size)
{
    const uint32_t at = region->heads[class];
    const hf_region_block_t *block = hf_region_block_at(region, at);
    const uint32_t next = block->next;
    if (block->size < size || !hf_region_is_sound(region, at, block->size) ||
        block->previous != HF_REGION_NOWHERE) {
        return false;
    }
    if (next == HF_REGION_NOWHERE) {
        empty_class(region, class);
        return true;
    }
    if (next >= region->end || hf_region_block_at(region, next)->previous != at) {
        return false;
    }
    hf_region_block_at(region, next)->previous = HF_REGION_NOWHERE;
    region->heads[class] = next;
    return true;
}

/// A free block of at least `size`, out of its list; or HF_REGION_NOWHERE. A list with a damaged head is dropped
/// whole, so the loop ends.
static uint32_t pull(hf_region_t *region, uint32_t size)
{
    uint32_t class;
    while ((class = choose_class(region, size)) != HF_REGION_NOWHERE) {
        const uint32_t at = region->heads[class];
        if (pop(region, class, size)) {
            return at;
        }
        hf_region_step(&region->corrupt, 1u);
        empty_class(region, class);
    }
    return HF_REGION_NOWHERE;
}

/// Granules for a request, 0 when the region can never serve it.
HF_REGION_INLINE uint32_t size_of(const hf_region_t *region, size_t bytes)
{
    if (bytes - 1u >= hf_region_bytes(region->end) - HF_REGION_HEADER_BYTES) {
        return 0;
    }
    const uint32_t size =
        (uint32_t)((bytes + HF_REGION_HEADER_BYTES + HF_REGION_GRANULE_BYTES - 1u) /
                   HF_REGION_GRANULE_BYTES);
    return size > HF_REGION_SIZE_MIN ? size : HF_REGION_SIZE_MIN;
}

/// Makes `size` of the `whole` block at `at`, which is in no list and not counted as free: what is too much is free
/// again.
static void cut(hf_region_t *region, uint32_t at, uint32_t whole, uint32_t size)
{
    if (whole - size >= HF_REGION_SIZE_MIN) {
        insert(region, at + size, whole - size);
        whole = size;
    }
    set_size(region, at, whole);
    const uint32_t left = hf_region_read(&region->free_size) - whole;
    hf_region_write(&region->free_size, left);
    if (left < hf_region_read(&region->min_free_size)) {
        hf_region_write(&region->min_free_size, left);
    }
}

/// Granules from the start of a block to where one starts whose payload is aligned: none, or room for a block.
static uint32_t lead_of(const hf_region_t *region, uint32_t at, size_t align)
{
    const uintptr_t payload = (uintptr_t)&hf_region_block_at(region, at)->next;
    const size_t bytes = (size_t)(0u - payload) & (align - 1u);
    const uint32_t lead = (uint32_t)(bytes / HF_REGION_GRANULE_BYTES);
    return lead == 0 || lead >= HF_REGION_SIZE_MIN
               ? lead
               : lead + (uint32_t)(align / HF_REGION_GRANULE_BYTES);
}

static void *hand_out(hf_region_t *region, uint32_t at, uint32_t whole, uint32_t size)
{
    cut(region, at, whole, size);
    toggle_taken(region, at);
    hf_region_step(&region->takes, 1u);
    hf_region_block_t *block = hf_region_block_at(region, at);
    block->next = block->previous =
        HF_REGION_NOWHERE; // old links would pass a damaged block for sound
    return &block->next;
}

static void *take(hf_region_t *region, uint32_t size)
{
    const uint32_t at = pull(region, size);
    return at == HF_REGION_NOWHERE
               ? NULL
               : hand_out(region, at, hf_region_block_at(region, at)->size, size);
}

/// Takes so much that an aligned place is in it, whatever block is found; what lies before that stays free.
static void *take_aligned(hf_region_t *region, uint32_t size, size_t align)
{
    const uint32_t most = size + (uint32_t)(align / HF_REGION_GRANULE_BYTES) + HF_REGION_SIZE_MIN;
    const uint32_t at = most <= region->end ? pull(region, most) : HF_REGION_NOWHERE;
    if (at == HF_REGION_NOWHERE) {
        return NULL;
    }
    const uint32_t whole = hf_region_block_at(region, at)->size;
    const uint32_t lead = lead_of(region, at, align);
    if (lead != 0) {
        insert(region, at, lead);
        set_size(region, at + lead, whole - lead);
    }
    return hand_out(region, at + lead, whole - lead, size);
}

static void count_failure(hf_region_t *region, uint32_t size)
{
    if (size != 0) {
        hf_region_step(&region->failed, 1u);
    } else {
        hf_region_step(&region->unservable, 1u);
    }
}

HF_REGION_INLINE void *take_or_count(hf_region_t *region, size_t bytes)
{
    const uint32_t size = size_of(region, bytes);
    void *block = size != 0 ? take(region, size) : NULL;
    if (block == NULL) {
        count_failure(region, size);
    }
    return block;
}

void *hf_region_take(hf_region_t *region, size_t bytes)
{
    enter(region);
    void *block = take_or_count(region, bytes);
    leave(region);
    return block;
}

void *hf_region_take_leaving(hf_region_t *region, size_t bytes, size_t leave_bytes)
{
    enter(region);
    const size_t largest = hf_region_largest_servable(region);
    void *block = bytes - 1u < largest && largest - bytes >= leave_bytes
                      ? take_or_count(region, bytes)
                      : NULL;
    leave(region);
    return block;
}

void *hf_region_take_aligned(hf_region_t *region, size_t bytes, size_t align)
{
    if (align == 0 || (align & (align - 1u)) != 0 || align > ALIGN_MAX) {
        bytes = 0;
    } else if (align <= HF_REGION_GRANULE_BYTES) {
        return hf_region_take(region, bytes);
    }
    enter(region);
    const uint32_t size = size_of(region, bytes);
    void *block = size != 0 ? take_aligned(region, size, align) : NULL;
    if (block == NULL) {
        count_failure(region, size);
    }
    leave(region);
    return block;
}

/// A pointer that is not the start of a block in use: whether it points into one.
static int judge(const hf_region_t *region, uint32_t at)
{
    const uint32_t start = hf_region_start_before(region, at);
    return start <= at && at - start < hf_region_block_at(region, start)->size ? HF_E_INTERIOR
                                                                               : HF_E_DOUBLE_GIVE;
}

/// Where the block in use starts that the pointer is of; or, as a negative number, what is wrong.
static int32_t locate(const hf_region_t *region, const void *block)
{
    const uintptr_t offset = (uintptr_t)block - (uintptr_t)region->base - HF_REGION_HEADER_BYTES;
    if (offset >= hf_region_bytes(region->end)) {
        return HF_E_FOREIGN;
    }
    const uint32_t at = (uint32_t)(offset / HF_REGION_GRANULE_BYTES);
    if (offset % HF_REGION_GRANULE_BYTES != 0 || !hf_region_is_taken(region, at)) {
        return judge(region, at);
    }
    const uint32_t size = hf_region_block_at(region, at)->size;
    return hf_region_is_sound(region, at, size) ? (int32_t)at : HF_E_CORRUPT;
}

static int count_refusal(hf_region_t *region, int status)
{
    if (status == HF_E_CORRUPT) {
        hf_region_step(&region->corrupt, 1u);
    } else if (status == HF_E_FOREIGN) {
        hf_region_step(&region->foreign, 1u);
    } else if (status == HF_E_INTERIOR) {
        hf_region_step(&region->interior, 1u);
    } else {
        hf_region_step(&region->double_gives, 1u);
    }
    return status;
}

/// Takes the block behind out of its list if it is free. Returns its size, 0 when it is in use (or there is none), or
/// HF_REGION_NOWHERE when it is damaged.
static uint32_t pull_next(hf_region_t *region, uint32_t next)
{
    if (hf_region_is_taken(region, next)) {
        return 0;
    }
    const uint32_t size = hf_region_block_at(region, next)->size;
    return hf_region_is_sound(region, next, size) && unlink(region, next, size) ? size
                                                                                : HF_REGION_NOWHERE;
}

/// As pull_next(), for the block before `at`.
static uint32_t pull_before(hf_region_t *region, uint32_t at)
{
    const uint32_t size = ~hf_region_block_at(region, at)->before_inverted;
    if (at == 0) {
        return 0;
    }
    if (size - 1u >= at || hf_region_block_at(region, at - size)->size != size) {
        return HF_REGION_NOWHERE;
    }
    if (hf_region_is_taken(region, at - size)) {
        return 0;
    }
    return unlink(region, at - size, size) ? size : HF_REGION_NOWHERE;
}

static int give(hf_region_t *region, uint32_t at)
{
    const uint32_t size = hf_region_block_at(region, at)->size;
    const uint32_t before = pull_before(region, at);
    if (before == HF_REGION_NOWHERE) {
        return HF_E_CORRUPT;
    }
    const uint32_t next = pull_next(region, at + size);
    if (next == HF_REGION_NOWHERE) {
        if (before != 0) {
            insert(region, at - before, before);
        }
        return HF_E_CORRUPT;
    }
    toggle_taken(region, at);
    hf_region_step(&region->gives, 1u);
    hf_region_step(&region->free_size, size);
    insert(region, at - before, before + size + next);
    return HF_OK;
}

int hf_region_give(hf_region_t *region, void *block)
{
    enter(region);
    const int32_t at = locate(region, block);
    int status = at < 0 ? (int)at : give(region, (uint32_t)at);
    if (status != HF_OK) {
        status = count_refusal(region, status);
    }
    leave(region);
    return status;
}

int hf_region_judge(const hf_region_t *region, const void *block)
{
    enter(region);
    const int32_t at = locate(region, block);
    leave(region);
    return at < 0 ? (int)at : HF_OK;
}

static int resize(hf_region_t *region, uint32_t at, uint32_t wanted)
{
    const uint32_t size = hf_region_block_at(region, at)->size;
    const uint32_t next = pull_next(region, at + size);
    if (next == HF_REGION_NOWHERE) {
        return count_refusal(region, HF_E_CORRUPT);
    }
    if (size + next < wanted) {
        if (next != 0) {
            insert(region, at + size, next);
        }
        hf_region_step(&region->failed, 1u);
        return HF_E_FULL;
    }
    hf_region_step(&region->free_size, size);
    cut(region, at, size + next, wanted);
    return HF_OK;
}

int hf_region_resize(hf_region_t *region, void *block, size_t bytes)
{
    const uint32_t wanted = size_of(region, bytes);
    enter(region);
    const int32_t at = locate(region, block);
    int status = HF_E_ARGUMENT;
    if (at < 0) {
        status = count_refusal(region, (int)at);
    } else if (wanted == 0) {
        hf_region_step(&region->unservable, 1u);
    } else {
        status = resize(region, (uint32_t)at, wanted);
    }
    leave(region);
    return status;
}

static bool is_acceptable(const hf_region_config_t *config)
{
    return config->name != NULL && config->memory != NULL && config->meta != NULL &&
           (config->enter == NULL) == (config->exit == NULL) &&
           config->bytes >= HF_REGION_BYTES_MIN && config->bytes <= HF_REGION_BYTES_MAX &&
           (uintptr_t)config->memory <= UINTPTR_MAX - config->bytes;
}

int hf_region_init(hf_region_t *region, const hf_region_config_t *config)
{
    if (region == NULL || config == NULL || !is_acceptable(config)) {
        return HF_E_ARGUMENT;
    }
    // The first header stands so that what follows it is aligned.
    const uintptr_t first = (uintptr_t)config->memory + HF_REGION_HEADER_BYTES;
    const size_t lead = (size_t)(0u - first) & (HF_REGION_GRANULE_BYTES - 1u);
    memset(region, 0, sizeof *region);
    region->config = *config;
    region->base = (uint8_t *)config->memory + lead;
    region->end =
        (uint32_t)((config->bytes - lead - HF_REGION_HEADER_BYTES) / HF_REGION_GRANULE_BYTES);
    // A class beyond the largest block is asked for, never filled.
    region->level_count = hf_region_class_of(region->end) / 32u + 2u;
    region->taken = config->meta;
    uint32_t *slots = region->taken + region->end / 32u + 1u;
    region->heads = slots + region->level_count;
    memset(region->taken, 0, (size_t)(region->heads - region->taken) * sizeof(uint32_t));
    region->slots = (hf_region_word_t *)(void *)slots; // laid out as the word it is
    memset(region->heads, 0xFF, region->level_count * 32u * sizeof(uint32_t)); // HF_REGION_NOWHERE
    hf_region_block_at(region, 0)->before_inverted = UINT32_MAX;
    hf_region_block_at(region, region->end)->size = 0;
    toggle_taken(region, region->end); // never merged
    insert(region, 0, region->end);
    hf_region_write(&region->free_size, region->end);
    hf_region_write(&region->min_free_size, region->end);
    return HF_OK;
}
