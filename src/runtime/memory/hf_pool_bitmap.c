// SPDX-License-Identifier: MIT
// The bitmap back end. Leaf words: a set bit is a free block, and nothing else says so; block i of a leaf is bit 31 - i, the
// first that CLZ finds. One read-modify-write claims a block, one frees it, and the latter tells a double give by the way.
// Hints, which may lag behind: the cursor is the leaf to claim from; the summary has a bit for each leaf that may have a
// free block. It is set after a leaf got its first free block, and cleared only when the cursor leaves an empty leaf, so
// taking and giving at the edge of a leaf does not turn it each time. What a hint has missed the scan of all leaves finds.
// With statistics, whoever takes first reserves a block in the tally, and a give enters it there last: as many bits are set
// as blocks were reserved and not yet claimed, at least, so a search always ends.
#include "hf_pool_private.h"

HF_POOL_INLINE uint32_t bit_of(uint32_t place)
{
    return 1u << 31 >> place;
}

HF_POOL_INLINE uint32_t first_of(uint32_t bits)
{
    return (uint32_t)__builtin_clz(bits);
}

void hf_pool_open_back_end(hf_pool_t *pool)
{
    const uint32_t leaves = HF_POOL_FREE_WORDS((uint32_t)pool->count);
    for (uint32_t i = 0; i < leaves; i++) {
        uint32_t left = pool->count - i * 32u;
        atomic_init(&pool->meta[i], left >= 32u ? UINT32_MAX : ~(UINT32_MAX >> left));
    }
    atomic_init(&pool->cursor, 0);
    atomic_init(&pool->summary, UINT32_MAX << (32u - leaves));
#if CONFIG_HF_POOL_STATISTICS
    atomic_init(&pool->tally, pool->count);
#endif
}

bool hf_pool_is_free(const hf_pool_t *pool, uint32_t number)
{
    return (hf_pool_read(&pool->meta[number / 32u]) & bit_of(number % 32u)) != 0;
}

#if !HF_POOL_HAS_TALLY
uint32_t hf_pool_count_free(const hf_pool_t *pool)
{
    uint32_t free = 0;
    for (uint32_t i = 0; i < HF_POOL_FREE_WORDS((uint32_t)pool->count); i++) {
        for (uint32_t bits = hf_pool_read(&pool->meta[i]); bits != 0; bits &= bits - 1u) {
            free++;
        }
    }
    return free;
}
#endif

// ---- take ---------------------------------------------------------------------------------------

HF_POOL_INLINE hf_pool_t *found_none(hf_pool_t *pool)
{
#if CONFIG_HF_POOL_STATISTICS
    return pool; // a block is reserved for the caller: it moved while we searched
#else
    hf_pool_count(&pool->exhausted);
    return NULL;
#endif
}

/// The cursor was seen at an empty leaf: moves it to one that is not, where the summary leads, else by looking at all.
/// Returns the pool, or at core level NULL when all were empty: counts `exhausted`.
// The pool, not a truth value: so the caller needs no register to keep it over the call.
static HF_POOL_COLD hf_pool_t *move_cursor(hf_pool_t *pool)
{
    uint32_t leaf = hf_pool_read(&pool->cursor), summary = hf_pool_read(&pool->summary);
    const uint32_t bit = bit_of(leaf);
    if ((summary & bit) != 0) {
        summary = atomic_fetch_and_explicit(&pool->summary, ~bit, HF_POOL_SEQ_CST) & ~bit;
        HF_POOL_COMPILER_FENCE();
        // A give may have come before the clearing: this look sees it, or its own announcing comes after.
        if (atomic_load_explicit(&pool->meta[leaf], HF_POOL_SEQ_CST) != 0) {
            summary = atomic_fetch_or_explicit(&pool->summary, bit, HF_POOL_SEQ_CST) | bit;
        }
    }
    if (summary != 0) {
        leaf = first_of(summary);
    } else {
        const hf_atomic_u32_t *leaves = pool->meta;
        leaf = HF_POOL_FREE_WORDS((uint32_t)pool->count);
        do {
            if (leaf == 0) {
                return found_none(pool);
            }
            leaf--;
        } while (hf_pool_read(&leaves[leaf]) == 0);
    }
    hf_pool_write(&pool->cursor, leaf);
    return pool;
}

#if CONFIG_HF_POOL_STATISTICS
/// Reserves a free block when that makes a new low of free blocks, or others were quicker. Returns the pool, or NULL when
/// none is free: counts `exhausted`.
// Every context brings its own low, the lowest stays.
static HF_POOL_COLD hf_pool_t *reserve_low(hf_pool_t *pool)
{
    uint32_t free, tally = hf_pool_read(&pool->tally);
    do {
        free = hf_pool_tally_free(tally);
        if (free == 0) {
            (void)hf_pool_fail(&pool->exhausted, 0);
            return NULL;
        }
    } while (!atomic_compare_exchange_weak_explicit(&pool->tally, &tally, tally - 1u,
                                                    HF_POOL_ACQUIRE, memory_order_relaxed));
    uint32_t lowest = hf_pool_read(&pool->min_free);
    while (free <= lowest &&
           !atomic_compare_exchange_weak_explicit(&pool->min_free, &lowest, free - 1u,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    return pool;
}

/// Reserves a free block if more are free than ever the fewest: then one is, and there is no new low.
HF_POOL_INLINE bool is_reserved(hf_pool_t *pool)
{
    uint32_t tally = hf_pool_read(&pool->tally);
    return hf_pool_tally_free(tally) > hf_pool_read(&pool->min_free) &&
           atomic_compare_exchange_weak_explicit(&pool->tally, &tally, tally - 1u, HF_POOL_ACQUIRE,
                                                 memory_order_relaxed);
}
#endif

void *hf_pool_bare_take(hf_pool_t *pool, hf_tag_t tag)
{
#if CONFIG_HF_POOL_STATISTICS
    if (!is_reserved(pool)) {
        pool = reserve_low(pool);
        if (pool == NULL) {
            return NULL;
        }
    }
#endif
    do {
        const uint32_t leaf = hf_pool_read(&pool->cursor);
        hf_atomic_u32_t *word = &pool->meta[leaf];
        uint32_t bits = hf_pool_read(word);
        if (bits == 0) {
            pool = move_cursor(pool);
            continue;
        }
        const uint32_t place = first_of(bits);
        if (atomic_compare_exchange_weak_explicit(word, &bits, bits ^ bit_of(place),
                                                  HF_POOL_ACQUIRE, memory_order_relaxed)) {
            HF_POOL_COMPILER_FENCE();
            const uint32_t number = leaf * 32u + place;
            return hf_pool_hand_out(pool, hf_pool_block(pool, number), number, tag);
        }
    } while (pool != NULL);
    return pool;
}

// ---- give ---------------------------------------------------------------------------------------

/// The leaf had no free block before this give: the summary must say that it has.
HF_POOL_INLINE void announce(hf_pool_t *pool, uint32_t leaf)
{
    HF_POOL_COMPILER_FENCE();
    if ((atomic_load_explicit(&pool->summary, HF_POOL_SEQ_CST) & bit_of(leaf)) == 0) {
        (void)atomic_fetch_or_explicit(&pool->summary, bit_of(leaf), HF_POOL_SEQ_CST);
    }
}

/// Frees block `number`. False when it is free already.
HF_POOL_INLINE bool put_back(hf_pool_t *pool, uint32_t number)
{
    const uint32_t bit = bit_of(number % 32u), leaf = number / 32u;
    HF_POOL_COMPILER_FENCE();
    const uint32_t was = atomic_fetch_or_explicit(&pool->meta[leaf], bit, HF_POOL_SEQ_CST);
#if !CONFIG_HF_POOL_CENSUS // where the generation has told
    if ((was & bit) != 0) {
        return false;
    }
#endif
#if CONFIG_HF_POOL_STATISTICS
    const uint32_t tally =
        atomic_fetch_add_explicit(&pool->tally, HF_POOL_TALLY_GIVE, HF_POOL_RELEASE);
    if (hf_pool_tally_carries(tally, tally + HF_POOL_TALLY_GIVE)) {
        (void)atomic_fetch_add_explicit(&pool->gives_carry, 1u, HF_POOL_RELEASE);
    }
#endif
    if (was == 0) {
        announce(pool, leaf);
    }
    return true;
}

/// Why the block cannot be given, whose number hf_pool_number() is: foreign, interior, or else free already. Counts it.
HF_POOL_INLINE int wrong_give(hf_pool_t *pool, const void *block, uintptr_t number)
{
    hf_atomic_u32_t *counter = &pool->wrong_gives[HF_POOL_FOREIGN];
    int status = HF_E_FOREIGN;
    if (number < pool->count) {
        counter = &pool->wrong_gives[HF_POOL_DOUBLE];
        status = HF_E_DOUBLE_GIVE;
    } else if (hf_pool_has(pool, block)) {
        counter = &pool->wrong_gives[HF_POOL_INTERIOR];
        status = HF_E_INTERIOR;
    }
    hf_pool_count(counter);
    return status;
}

#if CONFIG_HF_POOL_CENSUS || HF_POOL_HAS_OPTIONS
int hf_pool_put_back(hf_pool_t *pool, uint32_t number)
{
    return put_back(pool, number) ? HF_OK : wrong_give(pool, NULL, number);
}
#endif

/// Whether `number` is a block of the pool that its census, if it has one, says is taken: and then no more.
HF_POOL_INLINE bool may_give(hf_pool_t *pool, uintptr_t number)
{
#if CONFIG_HF_POOL_CENSUS
    return number < pool->count &&
           hf_pool_census_end(pool, (uint32_t)number, HF_POOL_GENERATION, HF_POOL_GENERATION);
#else
    return number < pool->count;
#endif
}

int hf_pool_bare_give(hf_pool_t *pool, void *block)
{
    const uintptr_t number = hf_pool_number(pool, block);
    if (may_give(pool, number)) {
#if HF_POOL_HAS_OPTIONS
        if (pool->options != 0) {
            return hf_pool_options_give(pool, (uint32_t)number);
        }
#endif
        if (put_back(pool, (uint32_t)number)) {
            return HF_OK;
        }
    }
    return wrong_give(pool, block, number);
}
