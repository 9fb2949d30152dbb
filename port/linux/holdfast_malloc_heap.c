// SPDX-License-Identifier: MIT
// Takes, gives and resizes under the budget, and their books. Every request is one critical section of bounded length:
// choose the regions by the rules, take, book. What says something to the user, copies or asks the loader does so outside.
#include "holdfast_malloc_private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define SAMPLE_TAKES     64u // fragmentation is looked at once in so many
#define COMPLAINTS_MAX   8u
#define REGION_HEADER(b) ((b) + HF_REGION_HEADER_BYTES)

hf_heap_t hf_heap;

/// One mapping for the memory of a region and what is kept beside it.
static int map_part(hf_heap_part_t *part, const char *name, size_t bytes)
{
    const size_t meta = HF_REGION_META_WORDS(bytes) * sizeof(uint32_t);
    const size_t owners = (bytes / HF_REGION_GRANULE_BYTES + 1u) * sizeof(hf_heap_owner_t);
    void *map = mmap(NULL, bytes + meta + owners, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
        return HF_E_FULL;
    }
    uint8_t *memory = map;
    part->owners = (hf_heap_owner_t *)(void *)(memory + bytes + meta);
    const hf_region_config_t config = {.name = name,
                                       .memory = memory,
                                       .bytes = bytes,
                                       .meta = (uint32_t *)(void *)(memory + bytes)};
    return hf_region_init(&part->region, &config);
}

int hf_heap_build(hf_heap_t *heap)
{
    int status = HF_OK;
    for (uint32_t i = 0; status == HF_OK && i < heap->spec.count; i++) {
        const size_t bytes = heap->spec.region[i].bytes,
                     reserve = heap->spec.region[i].reserve_bytes;
        status = map_part(&heap->part[i], heap->spec.region[i].name, bytes);
        if (status == HF_OK && reserve > 0) {
            heap->part[i].reserved = hf_region_take(&heap->part[i].region, reserve);
            status = heap->part[i].reserved != NULL ? HF_OK : HF_E_FULL;
        }
    }
    heap->internal = hf_heap_spec_find(&heap->spec, "internal");
    heap->psram = hf_heap_spec_find(&heap->spec, "psram");
    hf_heap_users_init(heap);
    return status;
}

static hf_heap_part_t *part_of(hf_heap_t *heap, const void *block, uint32_t *number)
{
    for (uint32_t i = 0; i < heap->spec.count; i++) {
        if (hf_region_owns(&heap->part[i].region, block)) {
            *number = i;
            return &heap->part[i];
        }
    }
    return NULL;
}

static hf_heap_owner_t *owner_at(const hf_heap_part_t *part, const void *block)
{
    return &part->owners[((uintptr_t)block - (uintptr_t)part->region.config.memory) /
                         HF_REGION_GRANULE_BYTES];
}

static void book(hf_heap_user_t *user, uint32_t region, size_t bytes)
{
    user->used_bytes[region] += bytes;
    size_t sum = 0;
    for (uint32_t i = 0; i < HF_HEAP_REGIONS_MAX; i++) {
        sum += user->used_bytes[i];
    }
    if (sum > user->peak_bytes) {
        user->peak_bytes = sum;
    }
}

static void book_owner(hf_heap_t *heap, hf_heap_owner_t owner, uint32_t region, size_t bytes)
{
    book(&heap->library[owner.library], region, bytes);
    book(&heap->tag[owner.tag], region, bytes);
}

static void sample(hf_heap_part_t *part)
{
    const uint32_t percent = hf_region_stats(&part->region).fragmentation_percent;
    if (percent > part->fragmentation_max_percent) {
        part->fragmentation_max_percent = percent;
    }
}

/// Counts the request; whether HOLDFAST_HEAP_FAIL_TAKE means this one.
static bool is_told_to_fail(hf_heap_t *heap, hf_heap_owner_t owner, size_t bytes)
{
    const hf_heap_fail_t *fail = &heap->fail;
    heap->failures.takes++;
    if (fail->number == 0 || (fail->is_from_arm && !heap->is_armed) ||
        !heap->library[owner.library].may_fail || !heap->tag[owner.tag].may_fail ||
        bytes < fail->who.least_bytes || (fail->who.is_dma && !hf_heap_thread_is_dma())) {
        return false;
    }
    heap->counted += heap->counted < UINT32_MAX ? 1u : 0u;
    return heap->counted == fail->number || (fail->and_all_after && heap->counted > fail->number);
}

static const hf_heap_rule_t *rule_for(const hf_heap_t *heap, hf_heap_owner_t owner, size_t bytes)
{
    uint32_t rules = heap->library[owner.library].rules & heap->tag[owner.tag].rules;
    if (!hf_heap_thread_is_dma()) {
        rules &= ~heap->dma_rules;
    }
    while (rules != 0) {
        const hf_heap_rule_t *rule = &heap->routes.rule[__builtin_ctz(rules)];
        if (bytes >= rule->who.least_bytes) {
            return rule;
        }
        rules &= rules - 1u;
    }
    return NULL;
}

static void *take_of(hf_heap_t *heap, uint32_t region, size_t bytes, size_t align)
{
    hf_heap_part_t *part = &heap->part[region];
    void *block = hf_region_take_aligned(&part->region, bytes, align);
    if (heap->failures.takes % SAMPLE_TAKES == 0) {
        sample(part);
    }
    return block;
}

static void note_refusal(hf_heap_t *heap, hf_heap_owner_t owner, size_t bytes)
{
    heap->library[owner.library].refused++;
    heap->tag[owner.tag].refused++;
    heap->failures.refused++;
    heap->failures.last_bytes = bytes;
    memcpy(heap->failures.last_library, heap->library[owner.library].name,
           HOLDFAST_MALLOC_NAME_BYTES);
    memcpy(heap->failures.last_tag, heap->tag[owner.tag].name, HOLDFAST_MALLOC_NAME_BYTES);
}

/// By the rules, booked. NULL: refused, and noted.
static void *take(hf_heap_t *heap, hf_heap_owner_t owner, const hf_heap_request_t *request)
{
    void *block = NULL;
    if (!request->is_counted && is_told_to_fail(heap, owner, request->bytes)) {
        heap->failures.told_to_fail++;
    } else {
        const hf_heap_rule_t *rule = rule_for(heap, owner, request->bytes);
        const uint32_t count = rule != NULL ? rule->count : 1u;
        uint32_t region = 0;
        for (uint32_t i = 0; block == NULL && i < count; i++) {
            region = rule != NULL ? rule->region[i] : 0;
            block = take_of(heap, region, request->bytes, request->align);
        }
        if (block != NULL) {
            heap->library[owner.library].takes++;
            heap->tag[owner.tag].takes++;
            *owner_at(&heap->part[region], block) = owner;
            book_owner(heap, owner, region,
                       REGION_HEADER(hf_region_block_bytes(&heap->part[region].region, block)));
        } else {
            heap->part[region].refused++;
        }
    }
    if (block == NULL) {
        note_refusal(heap, owner, request->bytes);
    }
    return block;
}

static hf_heap_owner_t owner_for(hf_heap_t *heap, hf_heap_object_t object)
{
    return (hf_heap_owner_t){.library = hf_heap_library_of(heap, object),
                             .tag = hf_heap_thread_tagged()};
}

void *hf_heap_take(const hf_heap_request_t *request)
{
    hf_heap_t *heap = &hf_heap;
    const hf_heap_object_t object = hf_heap_object_of(request->caller);
    void *block = NULL;
    if (hf_heap_enter()) {
        block = take(heap, owner_for(heap, object), request);
        hf_heap_leave();
    }
    if (block == NULL) {
        errno = ENOMEM;
    }
    return block;
}

/// Gives back, unbooks. The status of the region; HF_E_FOREIGN when it is of none.
static int give(hf_heap_t *heap, void *block)
{
    uint32_t region = 0;
    hf_heap_part_t *part = part_of(heap, block, &region);
    if (part == NULL || block == part->reserved) {
        return HF_E_FOREIGN;
    }
    const hf_heap_owner_t owner = *owner_at(part, block);
    const size_t bytes = REGION_HEADER(hf_region_block_bytes(&part->region, block));
    const int status = hf_region_give(&part->region, block);
    if (status == HF_OK) {
        book_owner(heap, owner, region, (size_t)0 - bytes);
        heap->library[owner.library].gives++;
        heap->tag[owner.tag].gives++;
    }
    return status;
}

static const char *judgement(int status)
{
    return status == HF_E_DOUBLE_GIVE ? "is free already"
           : status == HF_E_CORRUPT   ? "was written over at its edge; set aside"
           : status == HF_E_INTERIOR  ? "is within a block"
                                      : "is no block of the budget";
}

/// Counts a wrong give, and says it the first times. The caller is named as the loader knows it.
static void complain(hf_heap_t *heap, const char *call, int status, const void *block,
                     const void *caller)
{
    const hf_heap_object_t object = hf_heap_object_of(caller);
    char library[HOLDFAST_MALLOC_NAME_BYTES] = "", tag[HOLDFAST_MALLOC_NAME_BYTES] = "";
    uint32_t so_far = COMPLAINTS_MAX;
    if (hf_heap_enter()) {
        holdfast_malloc_failures_t *failures = &heap->failures;
        so_far = failures->double_gives + failures->corrupt + failures->foreign;
        *(status == HF_E_DOUBLE_GIVE ? &failures->double_gives
          : status == HF_E_CORRUPT   ? &failures->corrupt
                                     : &failures->foreign) += 1u;
        memcpy(library, heap->library[hf_heap_library_of(heap, object)].name, sizeof library);
        memcpy(tag, heap->tag[hf_heap_thread_tagged()].name, sizeof tag);
        hf_heap_leave();
    }
    if (so_far < COMPLAINTS_MAX) {
        hf_heap_say("%s(%p) by %s+0x%zx, tag %s: %s", call, block, library,
                    (size_t)((uintptr_t)caller - (uintptr_t)object.place),
                    tag[0] != '\0' ? tag : "(none)", judgement(status));
    }
}

void hf_heap_give(void *block, const void *caller)
{
    const int error = errno;
    int status = HF_OK;
    if (hf_heap_enter()) {
        status = give(&hf_heap, block);
        hf_heap_leave();
    }
    if (status != HF_OK) {
        complain(&hf_heap, "free", status, block, caller);
    }
    errno = error;
}

/// Where it is. HF_E_FULL: not possible there, `*old_bytes` is what the block holds.
static int resize_in_place(hf_heap_t *heap, void *block, size_t bytes, size_t *old_bytes)
{
    uint32_t region = 0;
    hf_heap_part_t *part = part_of(heap, block, &region);
    if (part == NULL || block == part->reserved) {
        return HF_E_FOREIGN;
    }
    int status = hf_region_judge(&part->region, block);
    if (status != HF_OK) {
        return status;
    }
    const hf_heap_owner_t owner = *owner_at(part, block);
    *old_bytes = hf_region_block_bytes(&part->region, block);
    if (bytes > *old_bytes && is_told_to_fail(heap, owner, bytes)) {
        heap->failures.told_to_fail++;
        note_refusal(heap, owner, bytes);
        return HF_E_REFUSED;
    }
    status = hf_region_resize(&part->region, block, bytes);
    if (status == HF_OK) {
        book_owner(heap, owner, region, hf_region_block_bytes(&part->region, block) - *old_bytes);
    }
    return status == HF_E_ARGUMENT ? HF_E_FULL : status;
}

/// A new block with what the old one held.
static void *move(void *block, size_t old_bytes, const hf_heap_request_t *request)
{
    hf_heap_request_t again = *request;
    again.is_counted = true;
    void *moved = hf_heap_take(&again);
    if (moved != NULL) {
        memcpy(moved, block, old_bytes < request->bytes ? old_bytes : request->bytes);
        hf_heap_give(block, request->caller);
    }
    return moved;
}

void *hf_heap_resize(void *block, const hf_heap_request_t *request)
{
    size_t old_bytes = 0;
    int status = HF_E_REFUSED;
    if (hf_heap_enter()) {
        status = resize_in_place(&hf_heap, block, request->bytes, &old_bytes);
        hf_heap_leave();
    }
    if (status == HF_OK) {
        return block;
    }
    if (status == HF_E_FULL) {
        return move(block, old_bytes, request);
    }
    if (status != HF_E_REFUSED) {
        complain(&hf_heap, "realloc", status, block, request->caller);
    }
    errno = ENOMEM;
    return NULL;
}

size_t hf_heap_usable(const void *block)
{
    uint32_t region = 0;
    size_t bytes = 0;
    if (hf_heap_enter()) {
        const hf_heap_part_t *part = part_of(&hf_heap, block, &region);
        bytes = part != NULL ? hf_region_block_bytes(&part->region, block) : 0;
        hf_heap_leave();
    }
    return bytes;
}
