// SPDX-License-Identifier: MIT
// The bitmap back end. Leaf words: a set bit is a free block, and nothing else says so; block i of a leaf is bit 31 - i, the
// first that CLZ finds. One read-modify-write claims a block, one frees it, and the latter tells a double give by the way.
// Hints, which may lag behind: the cursor is the leaf to claim from; the summary has a bit for each leaf that may have a
// free block. It is set after a leaf got its first free block, and cleared only when the cursor leaves an empty leaf, so
// taking and giving at the edge of a leaf does not turn it each time. What a hint has missed the scan of all leaves finds.
// With statistics, whoever takes first reserves a block in the tally, and a give enters it there last: as many bits are set
// as blocks were reserved and not yet claimed, at least, so a search always ends.
#include "hf_pool_private.h"

#define NONE UINT32_MAX

HF_POOL_INLINE uint32_t bit_of(uint32_t number)
{
    return 1u << 31 >> (number & 31u);
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
    return (hf_pool_read(&pool->meta[number / 32u]) & bit_of(number)) != 0;
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

HF_POOL_INLINE void *hand_out(hf_pool_t *pool, uint32_t number, hf_tag_t tag)
{
    HF_POOL_COMPILER_FENCE();
#if CONFIG_HF_POOL_CENSUS
    hf_pool_census_take(pool, number, tag);
#else
    (void)tag;
#endif
    void *block = hf_pool_block(pool, number);
#if HF_POOL_HAS_OPTIONS
    if (pool->options != 0) {
        return hf_pool_options_take(pool, block);
    }
#endif
    return block;
}

/// Claims a block of one leaf. Returns its number, or NONE when the leaf has no free block.
HF_POOL_INLINE uint32_t claim(hf_pool_t *pool, uint32_t leaf)
{
    uint32_t bits = hf_pool_read(&pool->meta[leaf]);
    while (bits != 0) {
        const uint32_t place = first_of(bits);
        if (atomic_compare_exchange_weak_explicit(&pool->meta[leaf], &bits, bits ^ bit_of(place),
                                                  HF_POOL_ACQUIRE, memory_order_relaxed)) {
            return leaf * 32u + place;
        }
    }
    return NONE;
}

/// Clears the summary bit of a leaf that is empty.
// A give may come between the look and the clearing: the second look sees it, or its own setting comes after.
static void retire(hf_pool_t *pool, uint32_t leaf)
{
    const uint32_t bit = bit_of(leaf);
    if (hf_pool_read(&pool->meta[leaf]) != 0 || (hf_pool_read(&pool->summary) & bit) == 0) {
        return;
    }
    (void)atomic_fetch_and_explicit(&pool->summary, ~bit, HF_POOL_SEQ_CST);
    HF_POOL_COMPILER_FENCE();
    if (atomic_load_explicit(&pool->meta[leaf], HF_POOL_SEQ_CST) != 0) {
        (void)atomic_fetch_or_explicit(&pool->summary, bit, HF_POOL_SEQ_CST);
    }
}

/// The next leaf to look at after `leaf` had no free block: where the summary leads, else one after the other. Returns the
/// number of leaves when all were looked at; `scanned` counts them, 0 at first.
static uint32_t next_leaf(hf_pool_t *pool, uint32_t leaf, uint32_t *scanned)
{
    retire(pool, leaf);
    const uint32_t summary = hf_pool_read(&pool->summary);
    return summary != 0 ? first_of(summary) : (*scanned)++;
}

/// Claims a block of any leaf, and moves the cursor there. Returns NONE when none was free.
static uint32_t search(hf_pool_t *pool)
{
    const uint32_t leaves = HF_POOL_FREE_WORDS((uint32_t)pool->count);
    uint32_t leaf = hf_pool_read(&pool->cursor), scanned = 0;
    for (;;) {
        leaf = next_leaf(pool, leaf, &scanned);
        if (leaf >= leaves) {
            return NONE;
        }
        const uint32_t number = claim(pool, leaf);
        if (number != NONE) {
            hf_pool_write(&pool->cursor, leaf);
            return number;
        }
    }
}

/// The current leaf is empty, or others were quicker there.
static HF_POOL_COLD void *take_elsewhere(hf_pool_t *pool, hf_tag_t tag)
{
    uint32_t number = search(pool);
#if CONFIG_HF_POOL_STATISTICS
    while (number == NONE) { // one is reserved for us: it moved while we searched
        number = search(pool);
    }
#else
    if (number == NONE) {
        (void)hf_pool_fail(&pool->exhausted, 0);
        return NULL;
    }
#endif
    return hand_out(pool, number, tag);
}

#if CONFIG_HF_POOL_STATISTICS
/// A new low of free blocks: every context brings its own, the lowest stays.
static HF_POOL_COLD void lower_min_free(hf_pool_t *pool, uint32_t free)
{
    uint32_t lowest = hf_pool_read(&pool->min_free);
    while (free < lowest &&
           !atomic_compare_exchange_weak_explicit(&pool->min_free, &lowest, free,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

/// Reserves one free block. False when there is none.
HF_POOL_INLINE bool reserve(hf_pool_t *pool)
{
    uint32_t tally = hf_pool_read(&pool->tally);
    do {
        if (hf_pool_tally_free(tally) == 0) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&pool->tally, &tally, tally - 1u,
                                                    HF_POOL_ACQUIRE, memory_order_relaxed));
    if (hf_pool_tally_free(tally) <= hf_pool_read(&pool->min_free)) {
        lower_min_free(pool, hf_pool_tally_free(tally) - 1u);
    }
    return true;
}
#endif

void *hf_pool_bare_take(hf_pool_t *pool, hf_tag_t tag)
{
#if CONFIG_HF_POOL_STATISTICS
    if (!reserve(pool)) {
        (void)hf_pool_fail(&pool->exhausted, 0);
        return NULL;
    }
#endif
    const uint32_t number = claim(pool, hf_pool_read(&pool->cursor));
    return number != NONE ? hand_out(pool, number, tag) : take_elsewhere(pool, tag);
}

// ---- give ---------------------------------------------------------------------------------------

/// The leaf had no free block before this give: the summary must say that it has. Returns HF_OK.
static HF_POOL_COLD int announce(hf_pool_t *pool, uint32_t leaf)
{
    HF_POOL_COMPILER_FENCE();
    if ((atomic_load_explicit(&pool->summary, HF_POOL_SEQ_CST) & bit_of(leaf)) == 0) {
        (void)atomic_fetch_or_explicit(&pool->summary, bit_of(leaf), HF_POOL_SEQ_CST);
    }
    return HF_OK;
}

#if CONFIG_HF_POOL_STATISTICS
/// The tally has wrapped with this give. Returns HF_OK.
static HF_POOL_COLD int carry(hf_pool_t *pool, uint32_t leaf)
{
    (void)hf_pool_fail(&pool->gives_carry, 0);
    return announce(pool, leaf); // no harm if it was
}
#endif

/// Frees block `number`. HF_E_DOUBLE_GIVE when it is free.
HF_POOL_INLINE int put_back(hf_pool_t *pool, uint32_t number)
{
    const uint32_t bit = bit_of(number), leaf = number / 32u;
    HF_POOL_COMPILER_FENCE();
    const uint32_t was = atomic_fetch_or_explicit(&pool->meta[leaf], bit, HF_POOL_SEQ_CST);
    if ((was & bit) != 0) {
        return hf_pool_fail(&pool->double_gives, HF_E_DOUBLE_GIVE);
    }
#if CONFIG_HF_POOL_STATISTICS
    if (atomic_fetch_add_explicit(&pool->tally, HF_POOL_TALLY_GIVE, HF_POOL_RELEASE) >=
        HF_POOL_TALLY_LAST) {
        return carry(pool, leaf);
    }
#endif
    return was != 0 ? HF_OK : announce(pool, leaf);
}

#if HF_POOL_HAS_OPTIONS
static HF_POOL_COLD int put_back_by_options(hf_pool_t *pool, uint32_t number)
{
    const bool is_double = hf_pool_is_free(pool, number); // then it is not ours to write to
    const int found = is_double ? HF_OK : hf_pool_options_give(pool, number);
    const int given = put_back(pool, number);
    return given == HF_OK && found != HF_OK ? hf_pool_fail(&pool->overruns, found) : given;
}
#endif

HF_POOL_INLINE int give_number(hf_pool_t *pool, uint32_t number)
{
#if HF_POOL_HAS_OPTIONS
    if (pool->options != 0) {
        return put_back_by_options(pool, number);
    }
#endif
    return put_back(pool, number);
}

#if CONFIG_HF_POOL_CENSUS
/// Ends the generation that `word` told. Of several gives of one block exactly one gets past this.
HF_POOL_INLINE bool end_generation(hf_atomic_u32_t *census, uint32_t word)
{
    return hf_pool_census_is_taken(word) &&
           atomic_compare_exchange_strong_explicit(census, &word, word + HF_POOL_GENERATION,
                                                   memory_order_relaxed, memory_order_relaxed);
}

int hf_pool_bare_give_handle(hf_pool_t *pool, hf_handle_t handle)
{
    const uint32_t number = handle & (HF_POOL_GENERATION - 1u);
    if (!hf_pool_census_is_taken(handle) || number >= pool->count) {
        return hf_pool_fail(&pool->foreign, HF_E_FOREIGN);
    }
    hf_atomic_u32_t *census = hf_pool_census(pool, number);
    const uint32_t word = hf_pool_read(census);
    if (word >> 16 != handle >> 16 || !end_generation(census, word)) {
        return hf_pool_fail(&pool->stale, HF_E_STALE);
    }
    return give_number(pool, number);
}
#endif

int hf_pool_bare_give(hf_pool_t *pool, void *block)
{
    const uintptr_t number = hf_pool_number(pool, block);
    if (number >= pool->count) {
        return hf_pool_wrong_give(pool, block);
    }
#if CONFIG_HF_POOL_CENSUS
    hf_atomic_u32_t *census = hf_pool_census(pool, (uint32_t)number);
    if (!end_generation(census, hf_pool_read(census))) {
        return hf_pool_fail(&pool->double_gives, HF_E_DOUBLE_GIVE);
    }
#endif
    return give_number(pool, (uint32_t)number);
}
