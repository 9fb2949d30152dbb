// SPDX-License-Identifier: MIT
// Take by size, give without one: up to eight pools of ascending block size over one arena. A class table says which pool
// is the smallest that fits, a page map which pool an address is of; both are one look-up, whatever the number of tiers.
// Invariants: the tiers lie behind each other in the arena, each from a page boundary on; a page is of one tier.
// No policy here: what is exhausted is refused (hf_mem spills, waits, keeps reserves). Context of every call, unless it says
// other: task or ISR, any core.
#ifndef HF_TIER_H
#define HF_TIER_H

#include "holdfast/hf_pool.h"

#ifdef __cplusplus
#include <initializer_list>
extern "C" {
#endif

#define HF_TIER_MAX        8u
#define HF_TIER_PAGE_BYTES 256u
#define HF_TIER_BYTES_MAX  65536u // of one block

/// One tier: "X(name, block_bytes, count)" of the list macros below. A count of 0 leaves it out.
typedef struct hf_tier_size {
    const char *name; // static text
    uint32_t block_bytes;
    uint32_t count;
} hf_tier_size_t;

// What a list `#define MY_TIERS(X) X(small, 64, 32) X(large, 1024, 4)` needs; sizes ascend, names are C names.
/// Bytes of one tier in the arena: its blocks, rounded up to a page.
#define HF_TIER_BYTES(block_bytes, count)                                                          \
    (((HF_POOL_BYTES((size_t)(block_bytes), (size_t)(count)) + HF_TIER_PAGE_BYTES - 1u) /          \
      HF_TIER_PAGE_BYTES) *                                                                        \
     HF_TIER_PAGE_BYTES)
#define HF_TIER_SUM_BYTES_(name, block_bytes, count)  +HF_TIER_BYTES(block_bytes, count)
#define HF_TIER_SUM_META_(name, block_bytes, count)   +HF_POOL_META_WORDS(count)
#define HF_TIER_SUM_POOLS_(name, block_bytes, count)  +((count) > 0 ? 1u : 0u)
#define HF_TIER_SUM_BLOCKS_(name, block_bytes, count) +(count)
#define HF_TIER_OR_BYTES_(name, block_bytes, count)   | ((count) > 0 ? (size_t)(block_bytes) : 0u)
#define HF_TIER_MAX_BYTES_(name, block_bytes, count)                                               \
    uint8_t hf_##name[(count) > 0 ? (block_bytes) : 1];
#define HF_TIER_SIZE_(name, block_bytes, count) {#name, (block_bytes), (count)},

#define HF_TIER_ARENA_BYTES(LIST) ((size_t)0 LIST(HF_TIER_SUM_BYTES_))
#define HF_TIER_META_WORDS(LIST)  ((size_t)0 LIST(HF_TIER_SUM_META_))
#define HF_TIER_POOLS(LIST)       ((size_t)0 LIST(HF_TIER_SUM_POOLS_))
#define HF_TIER_BLOCKS(LIST)      ((size_t)0 LIST(HF_TIER_SUM_BLOCKS_))
/// The largest power of two that divides every block size: one byte of class table for so many bytes of the largest block.
#define HF_TIER_GRANULE(LIST)                                                                      \
    (((size_t)0 LIST(HF_TIER_OR_BYTES_)) & (~((size_t)0 LIST(HF_TIER_OR_BYTES_)) + 1u))
#ifdef __cplusplus // where sizeof may not define a type
#define HF_TIER_BLOCK_BYTES_(name, block_bytes, count) (count) > 0 ? (size_t)(block_bytes) : 0u,
constexpr size_t hf_tier_largest_(std::initializer_list<size_t> sizes)
{
    size_t largest = 1;
    for (size_t bytes : sizes) {
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}
#define HF_TIER_LARGEST(LIST) hf_tier_largest_({LIST(HF_TIER_BLOCK_BYTES_)})
#else
#define HF_TIER_LARGEST(LIST) sizeof(union {LIST(HF_TIER_MAX_BYTES_)})
#endif
/// The class table and, behind it, the page map.
#define HF_TIER_TABLE_BYTES(LIST)                                                                  \
    (HF_TIER_LARGEST(LIST) / HF_TIER_GRANULE(LIST) + HF_TIER_ARENA_BYTES(LIST) / HF_TIER_PAGE_BYTES)

/// All the storage of a list's tiers.
#define HF_TIER_STORAGE(LIST)                                                                      \
    struct {                                                                                       \
        alignas(max_align_t) uint8_t arena[HF_TIER_ARENA_BYTES(LIST)];                             \
        hf_pool_t pools[HF_TIER_POOLS(LIST)];                                                      \
        hf_atomic_u32_t meta[HF_TIER_META_WORDS(LIST)];                                            \
        uint8_t tables[HF_TIER_TABLE_BYTES(LIST)];                                                 \
    }
/// Initialiser of a `static const hf_tier_size_t sizes[]`.
#define HF_TIER_SIZES(LIST)                                                                        \
    {                                                                                              \
        LIST(HF_TIER_SIZE_)                                                                        \
    }
/// Initialiser of a hf_tier_config_t over `storage` (an HF_TIER_STORAGE) and the array `size_list` of the same list.
#define HF_TIER_CONFIG(storage, size_list, pool_options)                                           \
    {                                                                                              \
        .sizes = (size_list), .size_count = HF_COUNT_OF(size_list), .options = (pool_options),     \
        .arena = (storage).arena, .arena_bytes = sizeof((storage).arena),                          \
        .pools = (storage).pools, .pool_count = HF_COUNT_OF((storage).pools),                      \
        .meta = (storage).meta, .meta_words = HF_COUNT_OF((storage).meta),                         \
        .tables = (storage).tables, .table_bytes = sizeof((storage).tables)                        \
    }

typedef struct hf_tier_config {
    const hf_tier_size_t *sizes; // ascending by block_bytes; read by init alone but for the names
    uint32_t size_count;
    uint32_t options; // HF_POOL_ZERO | HF_POOL_POISON | HF_POOL_CANARY of every pool
    void *arena;      // aligned to HF_POOL_ALIGN
    size_t arena_bytes;
    hf_pool_t *pools;
    size_t pool_count;
    hf_atomic_u32_t *meta;
    size_t meta_words;
    uint8_t *tables;
    size_t table_bytes;
} hf_tier_config_t;

typedef struct hf_tier hf_tier_t; // defined below; its members belong to the implementation

typedef struct hf_tier_stats {
    uint32_t capacity_bytes; // sum of the blocks, as a taker may use them
    uint32_t in_use_bytes;
    uint32_t zero_size; // takes of 0 bytes, refused
    uint32_t too_large; // takes larger than the largest block, refused
    uint32_t foreign;   // gives of what is not in the arena; the pools count the other wrong ones
} hf_tier_stats_t;

/// HF_E_ARGUMENT: something is missing or misaligned, no tier or more than HF_TIER_MAX, a block larger than
/// HF_TIER_BYTES_MAX, an option whose switch is off. HF_E_RANGE: sizes do not ascend. HF_E_FULL: the storage is smaller than
/// the sizes ask for. Context: before anybody else knows the tiers.
HF_MUST_CHECK int hf_tier_init(hf_tier_t *tier, const hf_tier_config_t *config);

/// Takes a block of the smallest tier that fits. NULL when that tier is exhausted (its pool counts `exhausted`), for 0 bytes
/// (counts `zero_size`) and for more than the largest block (counts `too_large`).
/// Cost: as hf_pool_take() and 13 instructions on a Cortex-M4. Owner: the caller, until hf_tier_give().
void *hf_tier_take(hf_tier_t *tier, size_t bytes, hf_tag_t tag);

/// Gives a block back by its address alone: as hf_pool_give(); what lies outside of the arena is HF_E_FOREIGN and counts
/// `foreign`. Cost: as hf_pool_give() and 11 instructions on a Cortex-M4.
HF_MUST_CHECK int hf_tier_give(hf_tier_t *tier, void *block);

/// The tier that serves so many bytes: its number, HF_E_ARGUMENT for 0 bytes, HF_E_TOO_LONG. Counts nothing. Cost: O(1).
HF_MUST_CHECK int hf_tier_of_bytes(const hf_tier_t *tier, size_t bytes);
/// The tier an address lies in: its number, or HF_E_FOREIGN. Counts nothing. Cost: O(1).
HF_MUST_CHECK int hf_tier_of_address(const hf_tier_t *tier, const void *address);
/// What a taker may use of the block at an address; 0 when it is of no tier. Cost: O(1).
uint32_t hf_tier_block_bytes(const hf_tier_t *tier, const void *address);
bool hf_tier_owns(const hf_tier_t *tier, const void *address);

uint32_t hf_tier_count(const hf_tier_t *tier);
/// The pool of a tier: for its statistics, and for takes that choose their tier. `number` is less than hf_tier_count().
hf_pool_t *hf_tier_pool(const hf_tier_t *tier, uint32_t number);
hf_tier_stats_t hf_tier_stats(const hf_tier_t *tier); // Cost: O(tiers), no lock
/// The counters here and of every pool. Context: as hf_pool_reset_stats().
void hf_tier_reset_stats(hf_tier_t *tier);

struct hf_tier {
    hf_pool_t *pools;
    const uint8_t *classes; // by (bytes - 1) / granule
    const uint8_t *pages;   // by offset / HF_TIER_PAGE_BYTES
    uintptr_t arena;
    uint32_t arena_bytes;
    uint32_t largest_bytes;
    uint32_t granule_shift;
    uint32_t count;
    hf_atomic_u32_t zero_size;
    hf_atomic_u32_t too_large;
    hf_atomic_u32_t foreign;
};

#ifdef __cplusplus
}
#endif

#endif
