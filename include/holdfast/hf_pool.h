// SPDX-License-Identifier: MIT
// Fixed blocks in constant time. What is free is written beside the blocks, never in them, so no wrong give and no write
// after a give can break the pool. One contract over two back ends: a two-level bitmap without a lock (default), and an
// index LIFO under a bounded interrupt mask for processors without atomic read-modify-write (CONFIG_HF_POOL_LIFO).
// Three levels, each with its own cost: core; statistics (CONFIG_HF_POOL_STATISTICS); census (CONFIG_HF_POOL_CENSUS).
// Invariants: capacity = in_use + free; takes - gives = in_use (less what was in use at the last hf_pool_reset_stats()); a
// block never has two owners; a take is never refused while a block is free. What "free" means at the bitmap's core level,
// which does not count: one and the same block was free throughout the call. Every other build decides at one instant.
// Context of every call, unless it says other: task or ISR, any core (LIFO: what hf_critical.h keeps out).
// Cores: with the bitmap, acquire and release order what owners write. HF_SINGLE_CORE (hf_critical.h) drops the barriers.
#ifndef HF_POOL_H
#define HF_POOL_H

#include "holdfast/hf_ring.h"

#include <stdalign.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Who owns memory: an index into the names its user keeps (hf_mem has a table). 0: nobody in particular.
typedef uint8_t hf_tag_t;
#define HF_TAG_NONE 0u

#define HF_POOL_COUNT_MAX 1024u
#define HF_POOL_ALIGN     (alignof(max_align_t))
#if CONFIG_HF_POOL_CANARY
#define HF_POOL_CANARY_BYTES 8u
#else
#define HF_POOL_CANARY_BYTES 0u
#endif
/// Distance from block to block: canary included, rounded up to HF_POOL_ALIGN.
#define HF_POOL_STRIDE(block_bytes)                                                                \
    ((((block_bytes) + HF_POOL_CANARY_BYTES + HF_POOL_ALIGN - 1u) / HF_POOL_ALIGN) * HF_POOL_ALIGN)
#define HF_POOL_BYTES(block_bytes, count) (HF_POOL_STRIDE(block_bytes) * (count))

// Words beside the blocks: one bit (bitmap) or 16 bits (LIFO) per block, and two words per block with the census.
#if CONFIG_HF_POOL_LIFO
#define HF_POOL_FREE_WORDS(count) (((count) + 1u) / 2u)
#else
#define HF_POOL_FREE_WORDS(count) (((count) + 31u) / 32u)
#endif
#if CONFIG_HF_POOL_CENSUS
#define HF_POOL_META_WORDS(count) (HF_POOL_FREE_WORDS(count) + 2u * (count))
#else
#define HF_POOL_META_WORDS(count) HF_POOL_FREE_WORDS(count)
#endif

/// Storage of a pool of `count` blocks of `block_bytes`: its two members go into the config.
#define HF_POOL_STORAGE_BYTES(block_bytes, count)                                                  \
    struct {                                                                                       \
        alignas(max_align_t) uint8_t blocks[HF_POOL_BYTES(block_bytes, count)];                    \
        hf_atomic_u32_t meta[HF_POOL_META_WORDS(count)];                                           \
    }
/// Storage of a pool of `count` objects of `type`.
#define HF_POOL_STORAGE(type, count) HF_POOL_STORAGE_BYTES(sizeof(type), count)

// Options of a pool; one whose switch is off is refused by init.
#define HF_POOL_ZERO 1u // CONFIG_HF_POOL_FILL: a taken block is all zero
#define HF_POOL_POISON                                                                             \
    2u // CONFIG_HF_POOL_FILL: a given block is filled with 0xDE, and looked at when taken
#define HF_POOL_CANARY 4u // CONFIG_HF_POOL_CANARY: the bytes behind each block are watched

typedef struct hf_pool_config {
    const char *name;      // static text
    void *blocks;          // HF_POOL_BYTES(block_bytes, count), aligned to HF_POOL_ALIGN
    hf_atomic_u32_t *meta; // HF_POOL_META_WORDS(count)
    uint32_t block_bytes;  // what a taker may use
    uint32_t count;        // 1 to HF_POOL_COUNT_MAX
    uint32_t options;      // HF_POOL_ZERO | HF_POOL_POISON | HF_POOL_CANARY
} hf_pool_config_t;

#if CONFIG_HF_POOL_TIMING
/// Link-time seam: a free-running cycle counter that wraps. Context: any.
uint32_t hf_port_cycles(void);

typedef struct hf_pool_duration {
    uint32_t max_cycles;
    uint32_t mean_cycles; // of the last calls, weighted 1/16
} hf_pool_duration_t;
#endif

typedef struct hf_pool hf_pool_t; // defined below; its members belong to the implementation

/// A counter that is compiled out is absent, never 0.
typedef struct hf_pool_stats {
    uint32_t capacity, block_bytes, in_use;
    uint32_t exhausted;                       // takes refused
    uint32_t foreign, interior, double_gives; // wrong gives, by kind
#if CONFIG_HF_POOL_STATISTICS
    uint32_t peak, min_free, takes, gives;
#endif
#if CONFIG_HF_POOL_CENSUS
    uint32_t stale; // gives and look-ups by a handle that outlived its block
#endif
#if CONFIG_HF_POOL_FILL
    uint32_t spoilt; // blocks written after they were given (HF_POOL_POISON)
#endif
#if CONFIG_HF_POOL_CANARY
    uint32_t overruns; // blocks written past their end (HF_POOL_CANARY)
#endif
#if CONFIG_HF_POOL_TIMING
    hf_pool_duration_t take, give;
#endif
} hf_pool_stats_t;

/// HF_E_ARGUMENT for a missing name or storage, wrong alignment, count or size 0 or too large (all blocks together: below
/// 4 GiB), an option whose switch is off. Context: before anybody else knows the pool. Cost: O(count); options: O(bytes).
HF_MUST_CHECK int hf_pool_init(hf_pool_t *pool, const hf_pool_config_t *config);

/// Takes one block; its content is undefined unless HF_POOL_ZERO. `tag` is kept by the census and ignored without it.
/// Returns NULL when no block is free (never while one is); counts `exhausted`.
/// Cost: O(1), each further round means that another context got on; with fill options O(block). LIFO: interrupts masked for
/// 12 instructions at core level, at most 18 with the census. Owner: the caller, until hf_pool_give().
void *hf_pool_take(hf_pool_t *pool, hf_tag_t tag);

/// Gives a block back. HF_E_FOREIGN (not of this pool, or NULL), HF_E_INTERIOR (not its first byte), HF_E_DOUBLE_GIVE: told
/// and counted, and nothing else happens. HF_E_OVERRUN: the canary behind the block was written over; counted, mended, and
/// the block was given back. Cost: O(1); with fill options O(block).
HF_MUST_CHECK int hf_pool_give(hf_pool_t *pool, void *block);

/// Figures of this moment; exact when nothing else runs, and with statistics `in_use`, `takes` and `gives` fit each other
/// always. Cost: O(1), no lock; the bitmap at core level counts its bits, 1 bit per block (at most 32 words).
hf_pool_stats_t hf_pool_stats(const hf_pool_t *pool);
/// Cost: as hf_pool_stats().
uint32_t hf_pool_free_count(const hf_pool_t *pool);
const char *hf_pool_name(const hf_pool_t *pool);
/// Whether the address lies within the blocks of the pool (at the start of one or not).
bool hf_pool_owns(const hf_pool_t *pool, const void *address);
/// Peak becomes what is in use, counters become 0; what is in use stays. Context: one caller, nobody else in the pool.
void hf_pool_reset_stats(hf_pool_t *pool);

#if CONFIG_HF_POOL_CANARY
/// Looks at `count` blocks from number `first` on (wrapping). Returns HF_OK, or HF_E_OVERRUN and the first damaged block's
/// number in `*found`; counts nothing. For an idle loop that walks the pool bit by bit.
HF_MUST_CHECK int hf_pool_check(const hf_pool_t *pool, uint32_t first, uint32_t count,
                                uint32_t *found);
#endif

#if CONFIG_HF_POOL_CENSUS
/// A block by number and generation: survives being copied, is told as stale once its block was given. 0 is never valid.
typedef uint32_t hf_handle_t;

typedef struct hf_block_info {
    const void *block;
    uint32_t age_ms; // since it was taken, by the pool's clock
    uint16_t generation;
    hf_tag_t tag;
} hf_block_info_t;

/// The pool's clock for ages: milliseconds, may wrap. Whoever owns the pool sets it as often as ages need to be fine.
void hf_pool_set_clock(hf_pool_t *pool, uint32_t now_ms);
/// The handle of a block the caller owns; 0 when it is not a taken block of this pool.
hf_handle_t hf_pool_handle(const hf_pool_t *pool, const void *block);
/// The block of a handle, or NULL when it is stale or foreign; counts `stale`.
void *hf_pool_at(hf_pool_t *pool, hf_handle_t handle);
/// As hf_pool_give(); HF_E_STALE when the block was given since the handle was made, even if somebody has taken it again:
/// counts `stale`, and nothing else happens. HF_E_FOREIGN, counted, for a number no handle of this pool can be.
/// A handle is told from later ones of its block for 32,767 further takes of that block; then generations repeat.
HF_MUST_CHECK int hf_pool_give_handle(hf_pool_t *pool, hf_handle_t handle);
/// What is known of block `number`: HF_OK, HF_E_EMPTY when it is free, HF_E_RANGE past the last.
HF_MUST_CHECK int hf_pool_inspect(const hf_pool_t *pool, uint32_t number, hf_block_info_t *info);
#endif

#if CONFIG_HF_TRACE
struct hf_trace;

/// Every call from now on leaves an entry under the number `id` (see hf_trace.h); NULL: none. Owner: the caller.
/// Context: before others use the pool.
void hf_pool_set_trace(hf_pool_t *pool, struct hf_trace *trace, uint16_t id);
#endif

struct hf_pool {
#if CONFIG_HF_POOL_LIFO || CONFIG_HF_POOL_STATISTICS
    hf_atomic_u32_t tally; // free blocks in 11 bits; above them, with statistics, gives
#endif
    uint8_t *blocks;
    hf_atomic_u32_t *meta;
    uintptr_t inverse; // of the odd part of the stride: makes a division a multiplication
    uint32_t stride;
    uint16_t count;
    uint8_t shift;       // the even part of the stride, as a power of two
    uint8_t slack_bytes; // stride - block_bytes
    const char *name;
#if CONFIG_HF_POOL_LIFO
    uint32_t head; // number of the first free block, in the section
#else
    hf_atomic_u32_t cursor;  // leaf to claim from
    hf_atomic_u32_t summary; // a bit per leaf: it may have a free block
#endif
    hf_atomic_u32_t exhausted;
    hf_atomic_u32_t wrong_gives[3]; // foreign, interior, double: HF_E_FOREIGN and below
#if CONFIG_HF_POOL_STATISTICS
    hf_atomic_u32_t min_free;
    hf_atomic_u32_t gives_carry; // how often the highest bit of the tally turned
    uint32_t in_use_at_reset;
#endif
#if CONFIG_HF_POOL_CENSUS
    hf_atomic_u32_t *census; // behind the words of `meta` that say what is free
    hf_atomic_u32_t clock_ms;
    hf_atomic_u32_t stale;
#endif
#if CONFIG_HF_POOL_FILL || CONFIG_HF_POOL_CANARY
    uint32_t options;
    hf_atomic_u32_t spoilt;
    hf_atomic_u32_t overruns;
#endif
#if CONFIG_HF_POOL_TIMING
    hf_atomic_u32_t take_max, take_mean16, give_max, give_mean16; // mean16: sixteenths
#endif
#if CONFIG_HF_TRACE
    struct hf_trace *trace;
    uint16_t trace_id;
#endif
};

#ifdef __cplusplus
}
#endif

#endif
