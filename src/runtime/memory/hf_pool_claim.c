// SPDX-License-Identifier: MIT
// Claimed groups over the geometry of hf_pool. A group is the 32 blocks of one word of `meta`, which holds those that were
// given to it and not yet claimed; the summary tells groups that may have some; `owned` has at most one claim per group.
// The word per block, 1 while somebody has it, is the truth: only the owner of the group sets it, and only from 0. So a bit
// that a wrong give brought into a claim (of a block that somebody has, or twice) is dropped when the take comes to it, and
// no block can be lost or have two owners. The thread that owns the group gives by load and store; another swaps 0 in, so of
// several gives by others exactly one is believed. Only the owner's own give at the same moment may be believed beside it.
// The summary's bit goes before the word is emptied: a give that comes after that finds the word empty and sets it again.
#include "holdfast/hf_pool_claim.h"

#if CONFIG_HF_POOL_CLAIM

#include "hf_pool_private.h"

#define NONE     UINT32_MAX
#define NO_FIRST 0x80000000u // no number of a block is within 32 behind it

HF_POOL_INLINE uint32_t bit_of(uint32_t place)
{
    return 1u << 31 >> place;
}

int hf_claim_init(hf_claim_pool_t *pool, const hf_pool_config_t *config)
{
    if (pool == NULL || config == NULL || config->options != 0) {
        return HF_E_ARGUMENT;
    }
    const int status = hf_pool_init(&pool->pool, config);
    if (status != HF_OK) {
        return status;
    }
    pool->taken = &config->meta[HF_POOL_META_WORDS(config->count)];
    for (uint32_t i = 0; i < config->count; i++) {
        atomic_init(&pool->taken[i], 0u);
    }
    atomic_init(&pool->owned, 0u);
    return HF_OK;
}

void hf_claim_open(hf_claim_t *claim, hf_claim_pool_t *pool)
{
    *claim =
        (hf_claim_t){.pool = pool, .group = NONE, .first = NO_FIRST, .stride = pool->pool.stride};
}

// ---- groups -------------------------------------------------------------------------------------

/// Blocks are in the word of a group that had none: its summary bit must say so.
static void announce(hf_pool_t *pool, uint32_t group)
{
    if ((atomic_load_explicit(&pool->summary, memory_order_seq_cst) & bit_of(group)) == 0) {
        (void)atomic_fetch_or_explicit(&pool->summary, bit_of(group), memory_order_seq_cst);
    }
}

/// All that was given to the group, and its summary bit gone; the caller owns it.
HF_POOL_INLINE uint32_t collect(hf_pool_t *pool, uint32_t group)
{
    (void)atomic_fetch_and_explicit(&pool->summary, ~bit_of(group), memory_order_seq_cst);
    return atomic_exchange_explicit(&pool->meta[group], 0u, memory_order_seq_cst);
}

/// The group is nobody's again.
HF_POOL_INLINE void release(hf_claim_pool_t *shared, uint32_t group)
{
    (void)atomic_fetch_and_explicit(&shared->owned, ~bit_of(group), memory_order_release);
}

/// Owns a group that may have blocks. Returns NONE when every such group is owned.
HF_POOL_INLINE uint32_t acquire(hf_claim_pool_t *shared)
{
    for (;;) {
        const uint32_t candidates =
            atomic_load_explicit(&shared->pool.summary, memory_order_seq_cst) &
            ~hf_pool_read(&shared->owned);
        if (candidates == 0) {
            return NONE;
        }
        const uint32_t group = (uint32_t)__builtin_clz(candidates);
        const uint32_t was =
            atomic_fetch_or_explicit(&shared->owned, bit_of(group), memory_order_acquire);
        if ((was & bit_of(group)) == 0) {
            return group;
        }
    }
}

HF_POOL_INLINE void adopt(hf_claim_t *claim, uint32_t group, uint32_t free)
{
    claim->group = group;
    claim->first = group * 32u;
    claim->free = free;
    claim->taken = &claim->pool->taken[group * 32u];
    claim->blocks = hf_pool_block(&claim->pool->pool, group * 32u);
}

/// The claim has nothing free: what came back to its group, or another group. False when there is none.
HF_POOL_INLINE bool refill(hf_claim_t *claim)
{
    hf_claim_pool_t *shared = claim->pool;
    if (claim->group != NONE) {
        if (hf_pool_read(&shared->pool.meta[claim->group]) != 0) {
            claim->free = collect(&shared->pool, claim->group);
            return true;
        }
        release(shared, claim->group);
        claim->group = NONE;
        claim->first = NO_FIRST;
    }
    // Ends: a group that turns out empty has lost its summary bit, or gets a block meanwhile.
    for (uint32_t group; (group = acquire(shared)) != NONE;) {
        const uint32_t free = collect(&shared->pool, group);
        if (free != 0) {
            adopt(claim, group, free);
            return true;
        }
        release(shared, group);
    }
    return false;
}

void hf_claim_close(hf_claim_t *claim)
{
    hf_claim_pool_t *shared = claim->pool;
    if (claim->free != 0) {
        (void)atomic_fetch_or_explicit(&shared->pool.meta[claim->group], claim->free,
                                       memory_order_seq_cst);
        announce(&shared->pool, claim->group);
    }
    if (claim->group != NONE) {
        release(shared, claim->group);
    }
    hf_claim_open(claim, shared);
}

// ---- take and give ------------------------------------------------------------------------------

/// The first block that is free in the claim and that nobody has. NULL when there is none.
HF_POOL_INLINE void *pick(hf_claim_t *claim)
{
    while (claim->free != 0) {
        const uint32_t place = (uint32_t)__builtin_clz(claim->free);
        claim->free ^= bit_of(place);
        if (hf_pool_read(&claim->taken[place]) == 0) {
            hf_pool_write(&claim->taken[place], 1u);
            return claim->blocks + (size_t)place * claim->stride;
        }
    }
    return NULL;
}

static HF_POOL_COLD void *take_elsewhere(hf_claim_t *claim)
{
    while (refill(claim)) {
        void *block = pick(claim);
        if (block != NULL) {
            return block;
        }
    }
    (void)hf_pool_fail(&claim->pool->pool.exhausted, 0);
    return NULL;
}

void *hf_claim_take(hf_claim_t *claim)
{
    void *block = pick(claim);
    return block != NULL ? block : take_elsewhere(claim);
}

static HF_POOL_COLD int wrong_give(hf_pool_t *pool, const void *block, uintptr_t number)
{
    if (number < pool->count) {
        return hf_pool_fail(&pool->wrong_gives[HF_POOL_DOUBLE], HF_E_DOUBLE_GIVE);
    }
    return hf_pool_has(pool, block)
               ? hf_pool_fail(&pool->wrong_gives[HF_POOL_INTERIOR], HF_E_INTERIOR)
               : hf_pool_fail(&pool->wrong_gives[HF_POOL_FOREIGN], HF_E_FOREIGN);
}

/// A block of a group that this claim does not have.
static HF_POOL_COLD int give_elsewhere(hf_claim_pool_t *shared, void *block, uintptr_t number)
{
    hf_pool_t *pool = &shared->pool;
    if (number >= pool->count ||
        atomic_exchange_explicit(&shared->taken[number], 0u, memory_order_relaxed) == 0) {
        return wrong_give(pool, block, number);
    }
    const uint32_t group = (uint32_t)number / 32u, bit = bit_of((uint32_t)number % 32u);
    if (atomic_fetch_or_explicit(&pool->meta[group], bit, memory_order_seq_cst) == 0) {
        announce(pool, group);
    }
    return HF_OK;
}

int hf_claim_give(hf_claim_t *claim, void *block)
{
    hf_claim_pool_t *shared = claim->pool;
    const uintptr_t number = hf_pool_number(&shared->pool, block);
    const uintptr_t place = number - claim->first;
    if (place >= 32u) {
        return give_elsewhere(shared, block, number);
    }
    if (number >= shared->pool.count || hf_pool_read(&shared->taken[number]) == 0) {
        return wrong_give(&shared->pool, block, number);
    }
    hf_pool_write(&shared->taken[number], 0u);
    claim->free |= bit_of((uint32_t)place);
    return HF_OK;
}

hf_claim_stats_t hf_claim_stats(const hf_claim_pool_t *shared)
{
    const hf_pool_t *pool = &shared->pool;
    hf_claim_stats_t stats = {.capacity = pool->count,
                              .block_bytes = hf_pool_block_bytes(pool),
                              .exhausted = hf_pool_read(&pool->exhausted),
                              .foreign = hf_pool_read(&pool->wrong_gives[HF_POOL_FOREIGN]),
                              .interior = hf_pool_read(&pool->wrong_gives[HF_POOL_INTERIOR]),
                              .double_gives = hf_pool_read(&pool->wrong_gives[HF_POOL_DOUBLE])};
    for (uint32_t i = 0; i < pool->count; i++) {
        stats.in_use += hf_pool_read(&shared->taken[i]);
    }
    return stats;
}

#endif
