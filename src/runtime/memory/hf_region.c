// SPDX-License-Identifier: MIT
// Takes, gives and resizes. A take looks in the lists from the first class of which every block is large enough; a give
// merges with what is free on both sides, so that one insertion ends every call.
#include "hf_region_private.h"

#include <string.h>

#define ALIGN_MAX 65536u

static void enter(const hf_region_t *region)
{
    if (region->config.enter != NULL) {
        region->config.enter(region->config.ctx);
    }
}

static void leave(const hf_region_t *region)
{
    if (region->config.exit != NULL) {
        region->config.exit(region->config.ctx);
    }
}

static void toggle_taken(hf_region_t *region, uint32_t at)
{
    region->taken[at / 32u] ^= 1u << at % 32u;
}

static void set_head(hf_region_t *region, uint32_t class, uint32_t at)
{
    uint32_t *slots = &region->slots[class / 32u];
    region->heads[class] = at;
    *slots |= 1u << class % 32u;
    region->levels |= 1u << class / 32u;
    if (at == HF_REGION_NOWHERE) {
        *slots &= ~(1u << class % 32u);
        if (*slots == 0) {
            region->levels &= ~(1u << class / 32u);
        }
    }
}

/// Writes both copies of a size. The walk, if it stood within the block, goes on from its start.
static void set_size(hf_region_t *region, uint32_t at, uint32_t size)
{
    hf_region_block_at(region, at)->size = size;
    hf_region_block_at(region, at + size)->before_inverted = ~size;
    if (region->check_at - at < size) {
        region->check_at = at;
    }
}

static void insert(hf_region_t *region, uint32_t at)
{
    hf_region_block_t *block = hf_region_block_at(region, at);
    const uint32_t class = hf_region_class_of(block->size), next = region->heads[class];
    block->next = next;
    block->previous = HF_REGION_NOWHERE;
    if (next != HF_REGION_NOWHERE) {
        hf_region_block_at(region, next)->previous = at;
    }
    set_head(region, class, at);
    region->free_blocks++;
    region->free_bytes += hf_region_usable(block->size);
}

/// Takes a sound free block out of its list. False, and nothing changed, when its links do not agree.
static bool unlink(hf_region_t *region, uint32_t at)
{
    const hf_region_block_t *block = hf_region_block_at(region, at);
    if (!hf_region_links_agree(region, at)) {
        return false;
    }
    if (block->next != HF_REGION_NOWHERE) {
        hf_region_block_at(region, block->next)->previous = block->previous;
    }
    if (block->previous != HF_REGION_NOWHERE) {
        hf_region_block_at(region, block->previous)->next = block->next;
    } else {
        set_head(region, hf_region_class_of(block->size), block->next);
    }
    region->free_blocks--;
    region->free_bytes -= hf_region_usable(block->size);
    return true;
}

/// The class to take `size` from: the first that is not empty and has only blocks that do; failing that, the one that has some,
/// if its first block does. HF_REGION_NOWHERE when there is none.
static uint32_t choose_class(const hf_region_t *region, uint32_t size)
{
    const uint32_t shift = size < 64u ? 0 : 26u - (uint32_t)__builtin_clz(size);
    const uint32_t class = hf_region_class_of(size + (1u << shift) - 1u);
    uint32_t level = class / 32u;
    uint32_t slots = level < region->level_count ? region->slots[level] >> class % 32u : 0;
    if (slots != 0) {
        return class + (uint32_t)__builtin_ctz(slots);
    }
    const uint32_t levels = region->levels >> level >> 1;
    if (levels != 0) {
        level += 1u + (uint32_t)__builtin_ctz(levels);
        return level * 32u + (uint32_t)__builtin_ctz(region->slots[level]);
    }
    const uint32_t exact = hf_region_class_of(size);
    const uint32_t head = region->heads[exact];
    return head != HF_REGION_NOWHERE && hf_region_block_at(region, head)->size >= size
               ? exact
               : HF_REGION_NOWHERE;
}

/// A free block of at least `size`, out of its list; or HF_REGION_NOWHERE. A list with a damaged head is dropped whole, so the
/// loop ends.
static uint32_t pull(hf_region_t *region, uint32_t size)
{
    for (;;) {
        const uint32_t class = choose_class(region, size);
        if (class == HF_REGION_NOWHERE) {
            return HF_REGION_NOWHERE;
        }
        const uint32_t at = region->heads[class];
        if (hf_region_is_sound(region, at) && hf_region_block_at(region, at)->size >= size &&
            unlink(region, at)) {
            return at;
        }
        region->corrupt++;
        set_head(region, class, HF_REGION_NOWHERE);
    }
}

/// Cuts what is too much off a block that is in no list.
static void trim(hf_region_t *region, uint32_t at, uint32_t size)
{
    const uint32_t rest = hf_region_block_at(region, at)->size - size;
    if (rest >= HF_REGION_SIZE_MIN) {
        set_size(region, at, size);
        set_size(region, at + size, rest);
        insert(region, at + size);
    }
}

/// Granules for a request, 0 when the region can never serve it.
static uint32_t size_of(const hf_region_t *region, size_t bytes)
{
    if (bytes - 1u >= hf_region_usable(region->end)) {
        return 0;
    }
    const uint32_t size =
        (uint32_t)((bytes + HF_REGION_HEADER_BYTES + HF_REGION_GRANULE_BYTES - 1u) /
                   HF_REGION_GRANULE_BYTES);
    return size > HF_REGION_SIZE_MIN ? size : HF_REGION_SIZE_MIN;
}

static void note_levels(hf_region_t *region)
{
    if (region->used_bytes > region->peak_used_bytes) {
        region->peak_used_bytes = region->used_bytes;
    }
    if (region->free_bytes < region->min_free_bytes) {
        region->min_free_bytes = region->free_bytes;
    }
}

static void *hand_out(hf_region_t *region, uint32_t at, uint32_t size)
{
    trim(region, at, size);
    toggle_taken(region, at);
    region->takes++;
    region->used_bytes += hf_region_usable(hf_region_block_at(region, at)->size);
    note_levels(region);
    return &hf_region_block_at(region, at)->next;
}

static void *refuse(hf_region_t *region, uint32_t size)
{
    if (size != 0) {
        region->failed++;
    } else {
        region->unservable++;
    }
    return NULL;
}

static void *take(hf_region_t *region, uint32_t size)
{
    const uint32_t at = size != 0 ? pull(region, size) : HF_REGION_NOWHERE;
    return at != HF_REGION_NOWHERE ? hand_out(region, at, size) : refuse(region, size);
}

void *hf_region_take(hf_region_t *region, size_t bytes)
{
    enter(region);
    void *block = take(region, size_of(region, bytes));
    leave(region);
    return block;
}

/// Granules from the start of a block to the place where one with an aligned payload can start: none, or room for a block.
static uint32_t lead_of(const hf_region_t *region, uint32_t at, size_t align)
{
    const uintptr_t payload = (uintptr_t)&hf_region_block_at(region, at)->next;
    const size_t bytes = (size_t)(0u - payload) & (align - 1u);
    const uint32_t lead = (uint32_t)(bytes / HF_REGION_GRANULE_BYTES);
    return lead == 0 || lead >= HF_REGION_SIZE_MIN
               ? lead
               : lead + (uint32_t)(align / HF_REGION_GRANULE_BYTES);
}

static void *take_aligned(hf_region_t *region, uint32_t size, size_t align)
{
    const uint32_t most = (uint32_t)(align / HF_REGION_GRANULE_BYTES) + HF_REGION_SIZE_MIN;
    const bool can_fit = size != 0 && size + most <= region->end;
    const uint32_t at = can_fit ? pull(region, size + most) : HF_REGION_NOWHERE;
    if (at == HF_REGION_NOWHERE) {
        return refuse(region, size);
    }
    const uint32_t whole = hf_region_block_at(region, at)->size;
    const uint32_t lead = lead_of(region, at, align);
    if (lead != 0) {
        set_size(region, at, lead);
        set_size(region, at + lead, whole - lead);
        insert(region, at);
    }
    return hand_out(region, at + lead, size);
}

void *hf_region_take_aligned(hf_region_t *region, size_t bytes, size_t align)
{
    const bool is_power = align != 0 && (align & (align - 1u)) == 0 && align <= ALIGN_MAX;
    const uint32_t size = is_power ? size_of(region, bytes) : 0;
    enter(region);
    void *block = align <= HF_POOL_ALIGN ? take(region, size) : take_aligned(region, size, align);
    leave(region);
    return block;
}

/// A pointer that is not the start of a block in use: whether it points into one. By the bits, back to the nearest start.
static int judge(const hf_region_t *region, uint32_t at)
{
    uint32_t word = at / 32u;
    uint32_t starts = region->taken[word] & ((2u << at % 32u) - 1u);
    while (starts == 0 && word != 0) {
        starts = region->taken[--word];
    }
    if (starts == 0) {
        return HF_E_DOUBLE_GIVE;
    }
    const uint32_t start = word * 32u + 31u - (uint32_t)__builtin_clz(starts);
    return at - start < hf_region_block_at(region, start)->size ? HF_E_INTERIOR : HF_E_DOUBLE_GIVE;
}

/// Where the block in use starts that the pointer is of: HF_OK, or what is wrong.
static int locate(const hf_region_t *region, const void *block, uint32_t *at)
{
    const uintptr_t offset = (uintptr_t)block - (uintptr_t)region->base - HF_REGION_HEADER_BYTES;
    if (offset >= (size_t)region->end * HF_REGION_GRANULE_BYTES) {
        return HF_E_FOREIGN;
    }
    *at = (uint32_t)(offset / HF_REGION_GRANULE_BYTES);
    if (offset % HF_REGION_GRANULE_BYTES != 0 || !hf_region_is_taken(region, *at)) {
        return judge(region, *at);
    }
    return hf_region_is_sound(region, *at) ? HF_OK : HF_E_CORRUPT;
}

static int count_refusal(hf_region_t *region, int status)
{
    if (status == HF_E_CORRUPT) {
        region->corrupt++;
    } else if (status == HF_E_FOREIGN) {
        region->foreign++;
    } else if (status == HF_E_INTERIOR) {
        region->interior++;
    } else {
        region->double_gives++;
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
    if (!hf_region_is_sound(region, next) || !unlink(region, next)) {
        return HF_REGION_NOWHERE;
    }
    return hf_region_block_at(region, next)->size;
}

/// As pull_next(), for the block before `at`.
static uint32_t pull_before(hf_region_t *region, uint32_t at)
{
    const uint32_t size = ~hf_region_block_at(region, at)->before_inverted;
    if (size == 0 && at == 0) {
        return 0;
    }
    if (size - 1u >= at || hf_region_block_at(region, at - size)->size != size) {
        return HF_REGION_NOWHERE;
    }
    if (hf_region_is_taken(region, at - size)) {
        return 0;
    }
    return unlink(region, at - size) ? size : HF_REGION_NOWHERE;
}

static int give(hf_region_t *region, const void *payload)
{
    uint32_t at = 0;
    const int status = locate(region, payload, &at);
    if (status != HF_OK) {
        return status;
    }
    const uint32_t size = hf_region_block_at(region, at)->size;
    const uint32_t before = pull_before(region, at);
    if (before == HF_REGION_NOWHERE) {
        return HF_E_CORRUPT;
    }
    const uint32_t next = pull_next(region, at + size);
    if (next == HF_REGION_NOWHERE) {
        if (before != 0) {
            insert(region, at - before);
        }
        return HF_E_CORRUPT;
    }
    toggle_taken(region, at);
    region->gives++;
    region->used_bytes -= hf_region_usable(size);
    set_size(region, at - before, before + size + next);
    insert(region, at - before);
    return HF_OK;
}

int hf_region_give(hf_region_t *region, void *block)
{
    enter(region);
    int status = give(region, block);
    if (status != HF_OK) {
        status = count_refusal(region, status);
    }
    leave(region);
    return status;
}

static int resize(hf_region_t *region, const void *payload, size_t bytes)
{
    uint32_t at = 0;
    const int status = locate(region, payload, &at);
    if (status != HF_OK) {
        return count_refusal(region, status);
    }
    const uint32_t wanted = size_of(region, bytes);
    if (wanted == 0) {
        region->unservable++;
        return HF_E_ARGUMENT;
    }
    const uint32_t size = hf_region_block_at(region, at)->size;
    const uint32_t next = pull_next(region, at + size);
    if (next == HF_REGION_NOWHERE) {
        return count_refusal(region, HF_E_CORRUPT);
    }
    if (size + next < wanted) {
        if (next != 0) {
            insert(region, at + size);
        }
        region->failed++;
        return HF_E_FULL;
    }
    set_size(region, at, size + next);
    trim(region, at, wanted);
    region->used_bytes -= hf_region_usable(size);
    region->used_bytes += hf_region_usable(hf_region_block_at(region, at)->size);
    note_levels(region);
    return HF_OK;
}

int hf_region_resize(hf_region_t *region, void *block, size_t bytes)
{
    enter(region);
    const int status = resize(region, block, bytes);
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
    region->level_count = hf_region_class_of(region->end) / 32u + 1u;
    region->taken = config->meta;
    region->slots = region->taken + region->end / 32u + 1u;
    region->heads = region->slots + region->level_count;
    memset(region->taken, 0, (size_t)(region->heads - region->taken) * sizeof(uint32_t));
    memset(region->heads, 0xFF, region->level_count * 32u * sizeof(uint32_t)); // HF_REGION_NOWHERE
    hf_region_block_at(region, 0)->before_inverted = UINT32_MAX;
    set_size(region, 0, region->end);
    hf_region_block_at(region, region->end)->size = 0;
    toggle_taken(region, region->end); // never merged
    insert(region, 0);
    region->min_free_bytes = region->free_bytes;
    return HF_OK;
}
