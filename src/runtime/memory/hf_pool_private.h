// SPDX-License-Identifier: MIT
// What the files of the pool share. A back end (bitmap or LIFO) decides what is free and owns `meta`; hf_pool.c keeps the
// figures, hf_pool_options.c and hf_pool_census.c add what their switches add, hf_pool_watch.c stands before take and give
// when calls are timed or traced.
#ifndef HF_POOL_PRIVATE_H
#define HF_POOL_PRIVATE_H

#include "holdfast/hf_critical.h"
#include "holdfast/hf_pool.h"

// Places in pool->wrong_gives.
enum { HF_POOL_FOREIGN, HF_POOL_INTERIOR, HF_POOL_DOUBLE };

#define HF_POOL_HAS_OPTIONS (CONFIG_HF_POOL_FILL || CONFIG_HF_POOL_CANARY)
#define HF_POOL_HAS_TALLY   (CONFIG_HF_POOL_LIFO || CONFIG_HF_POOL_STATISTICS)
#define HF_POOL_IS_WATCHED  (CONFIG_HF_POOL_TIMING || CONFIG_HF_TRACE)

#if HF_POOL_IS_WATCHED
void *hf_pool_bare_take(hf_pool_t *pool, hf_tag_t tag);
HF_MUST_CHECK int hf_pool_bare_give(hf_pool_t *pool, void *block);
#if CONFIG_HF_POOL_CENSUS
HF_MUST_CHECK int hf_pool_bare_give_handle(hf_pool_t *pool, hf_handle_t handle);
#endif
#else
#define hf_pool_bare_take        hf_pool_take
#define hf_pool_bare_give        hf_pool_give
#define hf_pool_bare_give_handle hf_pool_give_handle
#endif

#define HF_POOL_COLD   __attribute__((noinline, cold))
#define HF_POOL_INLINE static inline __attribute__((always_inline)) // where -Os would rather call

// On a single core a context sees its own and every interrupt's writes in program order: only the compiler must keep it.
#if HF_SINGLE_CORE
#define HF_POOL_ACQUIRE          memory_order_relaxed
#define HF_POOL_RELEASE          memory_order_relaxed
#define HF_POOL_SEQ_CST          memory_order_relaxed
#define HF_POOL_COMPILER_FENCE() atomic_signal_fence(memory_order_seq_cst)
#else
#define HF_POOL_ACQUIRE          memory_order_acquire
#define HF_POOL_RELEASE          memory_order_release
#define HF_POOL_SEQ_CST          memory_order_seq_cst
#define HF_POOL_COMPILER_FENCE() ((void)0)
#endif

HF_POOL_INLINE uint32_t hf_pool_read(const hf_atomic_u32_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

HF_POOL_INLINE void hf_pool_write(hf_atomic_u32_t *word, uint32_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

/// Moves a counter on. Context: any.
HF_POOL_INLINE void hf_pool_count(hf_atomic_u32_t *counter)
{
#if CONFIG_HF_POOL_LIFO
    const uint32_t was = hf_critical_enter();
    hf_pool_write(counter, hf_pool_read(counter) + 1u);
    hf_critical_exit(was);
#else
    (void)atomic_fetch_add_explicit(counter, 1u, memory_order_relaxed);
#endif
}

/// Stores `next` where `expected` stands. False, and nothing stored, when something else does. Context: any.
HF_POOL_INLINE bool hf_pool_swap(hf_atomic_u32_t *word, uint32_t expected, uint32_t next)
{
#if CONFIG_HF_POOL_LIFO
    const uint32_t was = hf_critical_enter();
    const bool equal = hf_pool_read(word) == expected;
    if (equal) {
        hf_pool_write(word, next);
    }
    hf_critical_exit(was);
    return equal;
#else
    return atomic_compare_exchange_strong_explicit(word, &expected, next, memory_order_relaxed,
                                                   memory_order_relaxed);
#endif
}

/// Moves a counter on and returns `status`: where a failure is rare, this is shorter. Context: any.
HF_POOL_COLD int hf_pool_fail(hf_atomic_u32_t *counter, int status);

// ---- where a block is ---------------------------------------------------------------------------

HF_POOL_INLINE uint32_t hf_pool_block_bytes(const hf_pool_t *pool)
{
    return pool->stride - pool->slack_bytes;
}

HF_POOL_INLINE uint8_t *hf_pool_block(const hf_pool_t *pool, uint32_t number)
{
    return pool->blocks + (size_t)number * pool->stride;
}

/// Number of the block that starts at the address; count or more for every other address.
// offset = number * odd * 2^shift. Multiplied by the inverse of the odd part and turned right by `shift`, each offset of a
// block becomes its number; as both steps are one to one, every other offset becomes something else, past the last number.
HF_POOL_INLINE uintptr_t hf_pool_number(const hf_pool_t *pool, const void *block)
{
    uintptr_t product = ((uintptr_t)block - (uintptr_t)pool->blocks) * pool->inverse;
    const uintptr_t shift = pool->shift;
    return product >> shift | product << (-shift & (sizeof product * 8u - 1u));
}

// As numbers: comparing pointers into different objects is undefined.
HF_POOL_INLINE bool hf_pool_has(const hf_pool_t *pool, const void *address)
{
    return (uintptr_t)address - (uintptr_t)pool->blocks < (uintptr_t)pool->stride * pool->count;
}

// ---- the tally: free blocks, and gives ----------------------------------------------------------

#if HF_POOL_HAS_TALLY
#define HF_POOL_FREE_BITS 11u // enough for HF_POOL_COUNT_MAX
#define HF_POOL_FREE_MASK ((1u << HF_POOL_FREE_BITS) - 1u)
#if CONFIG_HF_POOL_STATISTICS
#define HF_POOL_TALLY_GIVE ((1u << HF_POOL_FREE_BITS) + 1u) // one give more, one block more is free
#define HF_POOL_HALF_BITS                                                                          \
    (31u - HF_POOL_FREE_BITS) // of the gives in the tally; they carry when the bit above turns
#else
#define HF_POOL_TALLY_GIVE 1u
#endif

HF_POOL_INLINE uint32_t hf_pool_tally_free(uint32_t tally)
{
#if CONFIG_HF_POOL_STATISTICS
    tally &= HF_POOL_FREE_MASK;
#endif
    return tally;
}

#if CONFIG_HF_POOL_STATISTICS
/// Whether a give that took the tally from `was` to `now` has to carry.
HF_POOL_INLINE bool hf_pool_tally_carries(uint32_t was, uint32_t now)
{
    return ((was ^ now) >> 31) != 0;
}
#endif
#endif

// ---- the back end, besides take and give --------------------------------------------------------

/// All blocks free. Context: as hf_pool_init().
void hf_pool_open_back_end(hf_pool_t *pool);
/// Whether block `number` is free at this moment. Context: any.
bool hf_pool_is_free(const hf_pool_t *pool, uint32_t number);
/// Frees block `number`, its generation ended already. HF_E_DOUBLE_GIVE, counted, when it was free. Context: any.
HF_MUST_CHECK int hf_pool_put_back(hf_pool_t *pool, uint32_t number);
#if !HF_POOL_HAS_TALLY
/// Cost: O(words of bits).
uint32_t hf_pool_count_free(const hf_pool_t *pool);
#endif

// ---- options ------------------------------------------------------------------------------------

#if HF_POOL_HAS_OPTIONS
/// Fills all blocks and canaries as the options want them.
void hf_pool_open_options(hf_pool_t *pool);
/// What the options do to a block that was just taken. Returns it.
HF_POOL_COLD void *hf_pool_options_take(hf_pool_t *pool, void *block);
/// What the options do to block `number`, its generation ended already, and then hf_pool_put_back(). Returns what
/// hf_pool_give() does.
HF_MUST_CHECK HF_POOL_COLD int hf_pool_options_give(hf_pool_t *pool, uint32_t number);
#endif

// ---- census: two words per block, {generation, 0, tag} and when it was taken --------------------

#if CONFIG_HF_POOL_CENSUS
#define HF_POOL_GENERATION (1u << 16) // odd generations are taken blocks

HF_POOL_INLINE hf_atomic_u32_t *hf_pool_census(const hf_pool_t *pool, uint32_t number)
{
    return &pool->census[2u * number];
}

HF_POOL_INLINE bool hf_pool_census_is_taken(uint32_t word)
{
    return (word & HF_POOL_GENERATION) != 0;
}

/// Ends the generation of block `number` where the bits of `mask` are as in `expected`. Of several gives of one block
/// exactly one is told true; nobody else has done anything by then. Context: any.
HF_POOL_INLINE bool hf_pool_census_end(hf_pool_t *pool, uint32_t number, uint32_t expected,
                                       uint32_t mask)
{
    hf_atomic_u32_t *census = hf_pool_census(pool, number);
    const uint32_t word = hf_pool_read(census);
    return ((word ^ expected) & mask) == 0 && hf_pool_swap(census, word, word + HF_POOL_GENERATION);
}

/// Writes down the new owner. The caller has just claimed the block: nobody else writes its words.
// The age first, and with release: who reads the new age also sees that the old generation has gone.
HF_POOL_INLINE void hf_pool_census_take(hf_pool_t *pool, uint32_t number, hf_tag_t tag)
{
    hf_atomic_u32_t *census = hf_pool_census(pool, number);
    atomic_store_explicit(&census[1], hf_pool_read(&pool->clock_ms), HF_POOL_RELEASE);
    uint32_t generation = (hf_pool_read(census) >> 16) + 1u;
    atomic_store_explicit(census, generation << 16 | tag, HF_POOL_RELEASE);
}
#endif

/// The block that was just claimed, as its owner gets it.
HF_POOL_INLINE void *hf_pool_hand_out(hf_pool_t *pool, void *block, uint32_t number, hf_tag_t tag)
{
#if CONFIG_HF_POOL_CENSUS
    hf_pool_census_take(pool, number, tag);
#else
    (void)number;
    (void)tag;
#endif
#if HF_POOL_HAS_OPTIONS
    if (pool->options != 0) {
        return hf_pool_options_take(pool, block);
    }
#else
    (void)pool;
#endif
    return block;
}

#endif
