// SPDX-License-Identifier: MIT
// Where blocks come from and go back to: the tiers or the classes of a slab, and the region behind them. Owns the tokens
// that keep the emergency reserve, and the words in front of a region's block that stand for its record.
#include "hf_mem_private.h"
#if CONFIG_HF_SLAB
#include "holdfast/hf_slab.h"
#endif
#if CONFIG_HF_MEM_REGION_FALLBACK
#include "holdfast/hf_region.h"
#endif

#include <assert.h>

uint32_t mem_tier_of(const hf_mem_t *mem, size_t bytes)
{
#if CONFIG_HF_SLAB
    if (mem->config.slab != NULL) {
        const uint32_t number = hf_slab_class_of(mem->config.slab, bytes);
        return number < mem->tier_count ? number : MEM_REGION;
    }
#endif
    const int number = hf_tier_of_bytes(&mem->tier, bytes);
    return number < 0 ? MEM_REGION : (uint32_t)number;
}

bool mem_owns_blocks(const hf_mem_t *mem, const void *address)
{
#if CONFIG_HF_SLAB
    if (mem->config.slab != NULL) {
        return hf_slab_owns(mem->config.slab, address);
    }
#endif
    return hf_tier_owns(&mem->tier, address);
}

/// A token of the tier, for a block that is then surely there (normal requests) or may be (emergencies). The last `reserve`
/// tokens are for emergencies; so what is given back refills the reserve before anybody else gets it.
/// Returns how many are out with this one; 0: none was to be had.
static uint32_t take_token(hf_mem_tier_state_t *tier, bool is_emergency)
{
#if CONFIG_HF_MEM_RESERVE
    if (!is_emergency && tier->normal_max < tier->capacity) {
        uint32_t in_use = word_read(&tier->in_use);
        do {
            if (in_use >= tier->normal_max) {
                return 0;
            }
        } while (!word_swap(&tier->in_use, &in_use, in_use + 1u));
        return in_use + 1u;
    }
#else
    (void)is_emergency;
#endif
    return word_add(&tier->in_use, 1u) + 1u; // the pool itself says when it is exhausted
}

static void give_token(hf_mem_tier_state_t *tier)
{
    // Released: who then gets the token sees the block that went back before it.
    uint32_t in_use = word_read(&tier->in_use);
    while (!word_swap(&tier->in_use, &in_use, in_use - 1u)) {
    }
}

/// Whether a look is worth a try: what a wait asks before each.
static bool has_free(const hf_mem_t *mem, uint32_t number, bool is_emergency)
{
    const hf_mem_tier_state_t *tier = &mem->config.states[number];
#if CONFIG_HF_SLAB
    if (mem->config.slab != NULL) {
        const hf_slab_stats_t stats = hf_slab_stats(mem->config.slab, number);
        return stats.in_use < stats.capacity ||
               hf_slab_stock_stats(mem->config.slab).largest_span_bytes >= tier->block_bytes;
    }
#endif
    return word_read(&tier->in_use) < (is_emergency ? tier->capacity : tier->normal_max);
}

static place_t place_of(const hf_mem_t *mem, uint32_t number, const void *block, bool *is_start)
{
    const hf_mem_tier_state_t *tier = &mem->config.states[number];
    const uintptr_t offset = (uintptr_t)block - tier->first_block;
    const uint32_t index = (uint32_t)(offset / tier->stride);
    *is_start = offset == (uintptr_t)index * tier->stride;
    return (place_t){.tier = number,
                     .index = index,
                     .bytes = tier->block_bytes,
                     .record = &mem->config.records[tier->first_record + index]};
}

static void *take_block(hf_mem_t *mem, uint32_t number, hf_tag_t tag)
{
#if CONFIG_HF_SLAB
    if (mem->config.slab != NULL) {
        return hf_slab_take(mem->config.slab, mem->config.states[number].block_bytes, tag);
    }
#endif
    return hf_pool_take(hf_tier_pool(&mem->tier, number), tag);
}

int mem_take_from(hf_mem_t *mem, const order_t *order, uint32_t number, void **block)
{
    hf_mem_tier_state_t *tier = &mem->config.states[number];
    if (order->is_retry && !has_free(mem, number, order->is_emergency)) {
        return HF_E_FULL;
    }
    if (!mem_charge(mem, order->tag, tier->block_bytes)) {
        return HF_E_QUOTA;
    }
    const uint32_t tokens = take_token(tier, order->is_emergency);
    if (tokens != 0) {
        *block = take_block(mem, number, order->tag);
        if (*block != NULL) {
            bool is_start;
            place_t place = place_of(mem, number, *block, &is_start);
            place.in_use = tokens;
            word_write(place.record, MEM_RECORD(order->tag, order->bytes));
            mem_note_taken(mem, order, &place);
            return HF_OK;
        }
        give_token(tier);
    }
    mem_refund(mem, order->tag, tier->block_bytes);
    return HF_E_FULL;
}

#if CONFIG_HF_MEM_REGION_FALLBACK

/// In front of what the owner of a region's block gets.
typedef struct front {
    hf_atomic_u32_t bytes;
    hf_atomic_u32_t record;
} front_t;

#define FRONT_BYTES HF_POOL_ALIGN

/// As the bytes of a record: tells our blocks from what else is taken from the region, by another instance too.
static uint32_t front_mark(const hf_mem_t *mem)
{
    return (uint32_t)((uintptr_t)mem / sizeof(uint32_t) ^ 0x4846u) % MEM_RECORD_BYTES_MAX + 1u;
}

static_assert(sizeof(front_t) <= FRONT_BYTES, "the front fits before the block");

int mem_take_from_region(hf_mem_t *mem, const order_t *order, void **block)
{
    if (order->bytes > UINT32_MAX - FRONT_BYTES) {
        return HF_E_FULL;
    }
    const uint32_t bytes = (uint32_t)order->bytes;
    // A block may be a little larger than is promised, see largest_servable_bytes: worth a try.
    const size_t most = hf_region_largest_servable(mem->config.region);
    if (order->is_retry && most + most / 31u < (size_t)bytes + FRONT_BYTES) {
        return HF_E_FULL;
    }
    if (!mem_charge(mem, order->tag, bytes)) {
        return HF_E_QUOTA;
    }
    front_t *front = hf_region_take(mem->config.region, bytes + FRONT_BYTES);
    if (front == NULL) {
        mem_refund(mem, order->tag, bytes);
        return HF_E_FULL;
    }
    const place_t place = {.tier = MEM_REGION, .bytes = bytes, .record = &front->record};
    atomic_init(&front->bytes, bytes);
    atomic_init(&front->record, MEM_RECORD(order->tag, front_mark(mem)));
    mem_note_taken(mem, order, &place);
    *block = (uint8_t *)front + FRONT_BYTES;
    return HF_OK;
}

bool mem_grow_in_region(hf_mem_t *mem, const place_t *place, size_t bytes)
{
    front_t *front = (front_t *)((uintptr_t)place->record - offsetof(front_t, record));
    const hf_tag_t tag = MEM_RECORD_TAG(word_read(&front->record));
    if (bytes > HF_REGION_BYTES_MAX || !mem_charge(mem, tag, (uint32_t)bytes - place->bytes)) {
        return false;
    }
    if (hf_region_resize(mem->config.region, front, bytes + FRONT_BYTES) != HF_OK) {
        mem_refund(mem, tag, (uint32_t)bytes - place->bytes);
        return false;
    }
    word_write(&front->bytes, (uint32_t)bytes);
    mem_note_grown(mem, tag, (uint32_t)bytes - place->bytes);
    return true;
}

static int find_in_region(const hf_mem_t *mem, const void *block, place_t *place)
{
    const uintptr_t address = (uintptr_t)block;
    if (mem->config.region == NULL || address < FRONT_BYTES ||
        !hf_region_owns(mem->config.region, (const void *)(address - FRONT_BYTES))) {
        return HF_E_FOREIGN;
    }
    front_t *front = (front_t *)(address - FRONT_BYTES);
    const size_t room = hf_region_block_bytes(mem->config.region, front);
    if (room == 0) {
        return HF_E_INTERIOR; // or given before: see mem_verdict()
    }
    const uint32_t record = room < FRONT_BYTES ? 0 : word_read(&front->record);
    if (MEM_RECORD(MEM_RECORD_TAG(record), front_mark(mem)) != record ||
        word_read(&front->bytes) > room - FRONT_BYTES) {
        return HF_E_FOREIGN; // somebody else's block of the same region, or its front was written over
    }
    *place =
        (place_t){.tier = MEM_REGION, .bytes = word_read(&front->bytes), .record = &front->record};
    return HF_OK;
}

static int return_to_region(hf_mem_t *mem, void *block)
{
    return hf_region_give(mem->config.region, (uint8_t *)block - FRONT_BYTES);
}

#else

int mem_take_from_region(hf_mem_t *mem, const order_t *order, void **block)
{
    (void)mem;
    (void)order;
    (void)block;
    return HF_E_FULL;
}

bool mem_grow_in_region(hf_mem_t *mem, const place_t *place, size_t bytes)
{
    (void)mem;
    (void)place;
    (void)bytes;
    return false;
}

static int find_in_region(const hf_mem_t *mem, const void *block, place_t *place)
{
    (void)mem;
    (void)block;
    (void)place;
    return HF_E_FOREIGN;
}

static int return_to_region(hf_mem_t *mem, void *block)
{
    (void)mem;
    (void)block;
    return HF_E_FOREIGN;
}

#endif

#if CONFIG_HF_SLAB
static int find_in_slab(const hf_mem_t *mem, const void *block, place_t *place)
{
    const uint32_t bytes = hf_slab_block_bytes(mem->config.slab, block);
    if (bytes == 0) {
        return HF_E_INTERIOR; // or given before: the slab can tell, see mem_verdict()
    }
    bool is_start;
    *place = place_of(mem, mem_tier_of(mem, bytes), block, &is_start);
    return word_read(place->record) == 0 ? HF_E_DOUBLE_GIVE : HF_OK;
}
#endif

#if CONFIG_HF_MEM_REGION_FALLBACK
static int verdict_of_region(const hf_mem_t *mem, const void *block)
{
    return hf_region_judge(mem->config.region, (const uint8_t *)block - FRONT_BYTES);
}
#else
static int verdict_of_region(const hf_mem_t *mem, const void *block)
{
    (void)mem;
    (void)block;
    return HF_E_INTERIOR;
}
#endif

int mem_verdict(const hf_mem_t *mem, const void *block, int status)
{
    if (status != HF_E_INTERIOR) {
        return status;
    }
    int told = HF_E_INTERIOR;
    if (!mem_owns_blocks(mem, block)) {
        told = verdict_of_region(mem, block);
    }
#if CONFIG_HF_SLAB
    else if (mem->config.slab != NULL) {
        told = hf_slab_judge(mem->config.slab, block);
    }
#endif
    return told == HF_OK ? HF_E_DOUBLE_GIVE : told; // taken by another owner meanwhile
}

int mem_find(const hf_mem_t *mem, const void *block, place_t *place)
{
    if (!mem_owns_blocks(mem, block)) {
        return find_in_region(mem, block, place);
    }
#if CONFIG_HF_SLAB
    if (mem->config.slab != NULL) {
        return find_in_slab(mem, block, place);
    }
#endif
    bool is_start;
    *place = place_of(mem, (uint32_t)hf_tier_of_address(&mem->tier, block), block, &is_start);
    if (!is_start) {
        return HF_E_INTERIOR;
    }
    return word_read(place->record) == 0 ? HF_E_DOUBLE_GIVE : HF_OK;
}

static int give_block(hf_mem_t *mem, uint32_t number, void *block)
{
#if CONFIG_HF_SLAB
    if (mem->config.slab != NULL) {
        (void)number;
        return hf_slab_give(mem->config.slab, block);
    }
#endif
    return hf_pool_give(hf_tier_pool(&mem->tier, number), block);
}

int mem_return(hf_mem_t *mem, const place_t *place, void *block)
{
    if (place->tier == MEM_REGION) {
        return return_to_region(mem, block);
    }
    const int status = give_block(mem, place->tier, block);
    give_token(&mem->config.states[place->tier]);
    return status;
}
