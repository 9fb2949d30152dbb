// SPDX-License-Identifier: MIT
// The sized front: two tables of bytes, written once by init and only read after, so takes and gives need no lock of their
// own. Invariant: classes[(bytes - 1) >> granule_shift] is the smallest tier that holds `bytes`; pages[offset / page] is the
// tier of that page.
#include "holdfast/hf_tier.h"

#include "../sync/hf_word.h"

#include <assert.h>
#include <string.h>

// An entry of a table is where the pool lies behind the first one, in units: no multiplication on the way.
#define UNIT           alignof(hf_pool_t)
#define UNITS_PER_POOL (sizeof(hf_pool_t) / UNIT)
static_assert(UNITS_PER_POOL * (HF_TIER_MAX - 1u) <= UINT8_MAX, "an entry is a byte");

static hf_pool_t *pool_of(const hf_tier_t *tier, uint32_t entry)
{
    return (hf_pool_t *)(void *)((uint8_t *)tier->pools + entry * UNIT);
}

/// What the sizes ask for. No sum wraps: eight tiers of 1,024 blocks of 64 KiB are half of 32 bits.
typedef struct need {
    uint32_t arena_bytes, meta_words, pools;
    uint32_t all_bytes; // or of the block sizes
    uint32_t largest_bytes;
} need_t;

static int sum_up(const hf_tier_config_t *config, need_t *need)
{
    *need = (need_t){0};
    for (uint32_t i = 0; i < config->size_count; i++) {
        const hf_tier_size_t *size = &config->sizes[i];
        if (size->count == 0) {
            continue;
        }
        if (size->block_bytes == 0 || size->block_bytes > HF_TIER_BYTES_MAX ||
            size->count > HF_POOL_COUNT_MAX || need->pools == HF_TIER_MAX) {
            return HF_E_ARGUMENT;
        }
        if (size->block_bytes <= need->largest_bytes) {
            return HF_E_RANGE;
        }
        need->arena_bytes += (uint32_t)HF_TIER_BYTES(size->block_bytes, size->count);
        need->meta_words += (uint32_t)HF_POOL_META_WORDS(size->count);
        need->pools++;
        need->all_bytes |= size->block_bytes;
        need->largest_bytes = size->block_bytes;
    }
    return need->pools == 0 ? HF_E_ARGUMENT : HF_OK;
}

static uint32_t shift_of(uint32_t all_bytes)
{
    uint32_t shift = 0;
    while (((all_bytes >> shift) & 1u) == 0) {
        shift++;
    }
    return shift;
}

static int check(const hf_tier_config_t *config, const need_t *need)
{
    if (config->arena == NULL || (uintptr_t)config->arena % HF_POOL_ALIGN != 0 ||
        config->pools == NULL || config->meta == NULL || config->tables == NULL) {
        return HF_E_ARGUMENT;
    }
    const uint32_t table_bytes =
        (need->largest_bytes >> shift_of(need->all_bytes)) + need->arena_bytes / HF_TIER_PAGE_BYTES;
    return need->arena_bytes > config->arena_bytes || need->meta_words > config->meta_words ||
                   need->pools > config->pool_count || table_bytes > config->table_bytes
               ? HF_E_FULL
               : HF_OK;
}

/// Places one tier behind those before it; `*meta` moves on.
static int place(hf_tier_t *tier, const hf_tier_config_t *config, const hf_tier_size_t *size,
                 hf_atomic_u32_t **meta)
{
    const hf_pool_config_t pool = {.name = size->name,
                                   .blocks = (uint8_t *)config->arena + tier->arena_bytes,
                                   .meta = *meta,
                                   .block_bytes = size->block_bytes,
                                   .count = size->count,
                                   .options = config->options};
    const uint32_t bytes = (uint32_t)HF_TIER_BYTES(size->block_bytes, size->count);
    const int entry = (int)(tier->count * UNITS_PER_POOL);
    memset(config->tables + (tier->largest_bytes >> tier->granule_shift), entry,
           (size->block_bytes - tier->largest_bytes) >> tier->granule_shift);
    memset(config->tables + (tier->pages - tier->classes) + tier->arena_bytes / HF_TIER_PAGE_BYTES,
           entry, bytes / HF_TIER_PAGE_BYTES);
    tier->largest_bytes = size->block_bytes;
    tier->arena_bytes += bytes;
    *meta += HF_POOL_META_WORDS(size->count);
    return hf_pool_init(&config->pools[tier->count++], &pool);
}

int hf_tier_init(hf_tier_t *tier, const hf_tier_config_t *config)
{
    need_t need;
    if (tier == NULL || config == NULL || config->sizes == NULL) {
        return HF_E_ARGUMENT;
    }
    int status = sum_up(config, &need);
    if (status == HF_OK) {
        status = check(config, &need);
    }
    if (status != HF_OK) {
        return status;
    }
    *tier = (hf_tier_t){.pools = config->pools,
                        .classes = config->tables,
                        .arena = (uintptr_t)config->arena,
                        .granule_shift = shift_of(need.all_bytes)};
    tier->pages = tier->classes + (need.largest_bytes >> tier->granule_shift);
    hf_atomic_u32_t *meta = config->meta;
    for (uint32_t i = 0; i < config->size_count && status == HF_OK; i++) {
        if (config->sizes[i].count > 0) {
            status = place(tier, config, &config->sizes[i], &meta);
        }
    }
    return status;
}

// Says in which order the way goes, where there are eight cheap registers and the compiler would rather save two on the
// stack: after `first` is known, `later` is still needed.
#if defined(__GNUC__) && defined(__thumb__)
#define THEN(first, later) __asm__("" : "+r"(later) : "r"(first))
#else
#define THEN(first, later) ((void)0)
#endif

/// Out of line, so that the way that is taken saves no registers.
static __attribute__((noinline)) void *refuse(hf_tier_t *tier, size_t last)
{
    word_count(last == SIZE_MAX ? &tier->zero_size : &tier->too_large);
    return NULL;
}

static __attribute__((noinline)) int refuse_foreign(hf_tier_t *tier)
{
    word_count(&tier->foreign);
    return HF_E_FOREIGN;
}

void *hf_tier_take(hf_tier_t *tier, size_t bytes, hf_tag_t tag)
{
    // 0 bytes wrap to the largest number: one comparison for both refusals.
    size_t way = bytes - 1u;
    THEN(way, tier);
    if (way >= tier->largest_bytes) {
        return refuse(tier, way);
    }
    way >>= tier->granule_shift;
    THEN(way, tier);
    way = tier->classes[way];
    THEN(way, tier);
    return hf_pool_take(pool_of(tier, (uint32_t)way), tag);
}

int hf_tier_give(hf_tier_t *tier, void *block)
{
    // As numbers: comparing pointers into different objects is undefined. NULL is below every arena, so it wraps too.
    uintptr_t way = (uintptr_t)block - tier->arena;
    THEN(way, tier);
    const uint32_t end = tier->arena_bytes;
    THEN(end, tier);
    if (way >= end) {
        return refuse_foreign(tier);
    }
    way /= HF_TIER_PAGE_BYTES;
    THEN(way, tier);
    way = tier->pages[way];
    THEN(way, tier);
    return hf_pool_give(pool_of(tier, (uint32_t)way), block);
}

int hf_tier_of_bytes(const hf_tier_t *tier, size_t bytes)
{
    if (bytes == 0) {
        return HF_E_ARGUMENT;
    }
    return bytes > tier->largest_bytes
               ? HF_E_TOO_LONG
               : (int)(tier->classes[(bytes - 1u) >> tier->granule_shift] / UNITS_PER_POOL);
}

int hf_tier_of_address(const hf_tier_t *tier, const void *address)
{
    const uintptr_t offset = (uintptr_t)address - tier->arena;
    if (offset >= tier->arena_bytes) {
        return HF_E_FOREIGN;
    }
    const uint32_t entry = tier->pages[offset / HF_TIER_PAGE_BYTES];
    return hf_pool_owns(pool_of(tier, entry), address) ? (int)(entry / UNITS_PER_POOL)
                                                       : HF_E_FOREIGN;
}

uint32_t hf_tier_block_bytes(const hf_tier_t *tier, const void *address)
{
    const int number = hf_tier_of_address(tier, address);
    return number < 0 ? 0 : hf_pool_stats(&tier->pools[number]).block_bytes;
}

bool hf_tier_owns(const hf_tier_t *tier, const void *address)
{
    return hf_tier_of_address(tier, address) >= 0;
}

uint32_t hf_tier_count(const hf_tier_t *tier)
{
    return tier->count;
}

hf_pool_t *hf_tier_pool(const hf_tier_t *tier, uint32_t number)
{
    HF_ASSERT(number < tier->count);
    return &tier->pools[number];
}

hf_tier_stats_t hf_tier_stats(const hf_tier_t *tier)
{
    hf_tier_stats_t sum = {.zero_size = word_read(&tier->zero_size),
                           .too_large = word_read(&tier->too_large),
                           .foreign = word_read(&tier->foreign)};
    for (uint32_t i = 0; i < tier->count; i++) {
        const hf_pool_stats_t pool = hf_pool_stats(&tier->pools[i]);
        sum.capacity_bytes += pool.capacity * pool.block_bytes;
        sum.in_use_bytes += pool.in_use * pool.block_bytes;
    }
    return sum;
}

void hf_tier_reset_stats(hf_tier_t *tier)
{
    word_write(&tier->zero_size, 0);
    word_write(&tier->too_large, 0);
    word_write(&tier->foreign, 0);
    for (uint32_t i = 0; i < tier->count; i++) {
        hf_pool_reset_stats(&tier->pools[i]);
    }
}
