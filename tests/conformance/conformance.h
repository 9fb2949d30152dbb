// SPDX-License-Identifier: MIT
// The contract of include/holdfast/hf_pool.h as cases, over every back end, level and option, on the host and on targets.
// This header: what the groups of cases share. The storage has guards around it; a case that ends with them changed fails.
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include "hf_test.h"
#include "holdfast/hf_pool.h"

#define GUARD_BYTES 64u
#define BLOCK_BYTES 20u
#define AREA_BYTES  HF_POOL_BYTES(BLOCK_BYTES, HF_POOL_COUNT_MAX)
#define META_WORDS  HF_POOL_META_WORDS(HF_POOL_COUNT_MAX)
#define GUARD_FILL  0x5Au
#define AREA_FILL   0xA5u

typedef struct conf_storage {
    alignas(max_align_t) uint8_t below[GUARD_BYTES];
    alignas(max_align_t) uint8_t blocks[AREA_BYTES];
    alignas(max_align_t) uint8_t above[GUARD_BYTES];
    hf_atomic_u32_t meta[META_WORDS];
    uint32_t behind[16];
} conf_storage_t;

/// One storage for all cases, and the blocks a case holds.
extern conf_storage_t conf;
extern uint8_t *conf_block[HF_POOL_COUNT_MAX];

/// Fills the storage with AREA_FILL and its guards, and opens a pool on it. False when init refuses.
bool conf_open(hf_pool_t *pool, uint32_t block_bytes, uint32_t count, uint32_t options);
/// Takes all blocks of an untouched or empty pool into conf_block[]; false when one is missing, twice, misplaced or
/// misaligned, or when the pool does not end exactly there.
bool conf_take_all(hf_pool_t *pool);
/// Gives conf_block[0 .. count) in an order that visits all blocks; false when one is refused.
bool conf_give_all(hf_pool_t *pool, uint32_t order);
/// Whether the guards are as conf_open() left them, and the words behind the meta words in use.
bool conf_guards_are_whole(const hf_pool_t *pool);
/// Number of the block at an address, or UINT32_MAX when no block begins there.
uint32_t conf_number(const hf_pool_t *pool, const void *block);
/// Whether every figure holds: in use and free, and with statistics takes, gives, peak.
bool conf_in_use_is(const hf_pool_t *pool, uint32_t in_use);
uint32_t conf_random(uint32_t *state);

/// Calls step() beside the caller again and again, from an interrupt (targets) or a thread (host), until conf_beside_stop();
/// when that has returned no step runs any more. False when it cannot.
bool conf_beside_start(void (*step)(void));
void conf_beside_stop(void);

// The groups. Each returns 0 when all its cases passed.
int conformance_life(void);
int conformance_give(void);
int conformance_history(void);
int conformance_census(void);
int conformance_options(void);
int conformance_beside(void);

#endif
