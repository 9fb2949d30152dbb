// SPDX-License-Identifier: MIT
// Fixed blocks for hosts with several processors (CONFIG_HF_POOL_CLAIM): each thread claims up to 32 blocks at once and
// then takes and gives them without a locked instruction. The price: a block that is free in one thread's claim is not free
// for the others, so THEY MAY BE REFUSED WHILE UP TO 32 BLOCKS PER OPEN CLAIM ARE FREE; and 4 B per block tell who has what.
// For small pools and single cores there is hf_pool.h.
// Invariants: a group of 32 blocks has at most one claim; a block never has two owners; wrong gives change nothing. Two
// gives of one block by two threads at the same moment may both be believed, and the pool stays whole.
#ifndef HF_POOL_CLAIM_H
#define HF_POOL_CLAIM_H

#include "holdfast/hf_pool.h"

#ifdef __cplusplus
extern "C" {
#endif

#if CONFIG_HF_POOL_CLAIM

/// Words beside the blocks: those of hf_pool and one per block.
#define HF_CLAIM_META_WORDS(count) (HF_POOL_META_WORDS(count) + (count))

/// Storage of `count` blocks of `block_bytes`: the members of hf_pool_config_t with these names.
#define HF_CLAIM_STORAGE_BYTES(block_bytes, count)                                                 \
    struct {                                                                                       \
        alignas(max_align_t) uint8_t blocks[HF_POOL_BYTES(block_bytes, count)];                    \
        hf_atomic_u32_t meta[HF_CLAIM_META_WORDS(count)];                                          \
    }

/// What all claims share; its members belong to the implementation.
typedef struct hf_claim_pool {
    hf_pool_t pool; // geometry, counters, and in `meta` the blocks that were given to groups
    hf_atomic_u32_t *taken; // per block: 1 while somebody has it
    hf_atomic_u32_t owned;  // bit per group of 32: a claim has it
} hf_claim_pool_t;

/// What one thread has claimed; its members belong to the implementation. In memory that the thread does not share.
typedef struct hf_claim {
    hf_claim_pool_t *pool;
    uint8_t *blocks;        // of the group
    hf_atomic_u32_t *taken; // of the group
    uint32_t free;          // of the group, for this thread alone
    uint32_t first;         // number of the group's first block
    uint32_t group;
    uint32_t stride;
} hf_claim_t;

typedef struct hf_claim_stats {
    uint32_t capacity, block_bytes;
    uint32_t in_use;                          // counted block by block
    uint32_t exhausted;                       // takes refused
    uint32_t foreign, interior, double_gives; // wrong gives, by kind
} hf_claim_stats_t;

/// As hf_pool_init(); `meta` has HF_CLAIM_META_WORDS(count), options must be 0.
HF_MUST_CHECK int hf_claim_init(hf_claim_pool_t *pool, const hf_pool_config_t *config);

/// A claim of the calling thread, which has nothing yet. Owner: the thread, until hf_claim_close().
void hf_claim_open(hf_claim_t *claim, hf_claim_pool_t *pool);
/// Gives back what is free in it; what was taken through it may still be given through any claim. Context: its thread.
void hf_claim_close(hf_claim_t *claim);

/// Takes one block; its content is undefined. Returns NULL when neither the claim nor a group that nobody has claimed holds
/// a free block; counts `exhausted`. Context: the claim's thread, no ISR. Cost: O(1).
/// Owner: the caller, until hf_claim_give().
void *hf_claim_take(hf_claim_t *claim);

/// Gives a block back through the claim of the calling thread, whichever it was taken through. HF_E_FOREIGN, HF_E_INTERIOR,
/// HF_E_DOUBLE_GIVE as hf_pool_give(): told and counted, and nothing else happens. Context: the claim's thread, no ISR.
/// Cost: O(1).
HF_MUST_CHECK int hf_claim_give(hf_claim_t *claim, void *block);

/// Context: any. Cost: O(count); exact when nothing else runs.
hf_claim_stats_t hf_claim_stats(const hf_claim_pool_t *pool);

#endif

#ifdef __cplusplus
}
#endif

#endif
