// SPDX-License-Identifier: MIT
// Fixed blocks: a bitmap of free blocks beside the memory, the bit the only truth, so no wrong give can corrupt
// anything. Context of every call: task or ISR, any core; lock-free.
// Invariants: capacity = in_use + free; takes - gives = in_use; a block is never handed out twice.
#ifndef HF_POOL_H
#define HF_POOL_H

#include "holdfast/hf_ring.h"

#include <stdalign.h>

#define HF_POOL_ALIGN (alignof(max_align_t))
#define HF_POOL_STRIDE(block_bytes)                                                                \
    ((((block_bytes) + HF_POOL_ALIGN - 1u) / HF_POOL_ALIGN) * HF_POOL_ALIGN)
#define HF_POOL_BYTES(block_bytes, count) (HF_POOL_STRIDE(block_bytes) * (count))
#define HF_POOL_WORDS(count)              (((count) + 31u) / 32u)

/// Storage of a pool of `count` objects of `type`, and the config that names it.
#define HF_POOL_STORAGE(type, count)                                                               \
    struct {                                                                                       \
        alignas(max_align_t) uint8_t blocks[HF_POOL_BYTES(sizeof(type), count)];                   \
        hf_atomic_u32_t bits[HF_POOL_WORDS(count)];                                                \
    }

typedef struct hf_pool_config {
    const char *name;      // static text
    void *blocks;          // HF_POOL_BYTES(block_bytes, count), aligned to HF_POOL_ALIGN
    hf_atomic_u32_t *bits; // HF_POOL_WORDS(count)
    uint32_t block_bytes;
    uint32_t count; // 1 to 1024
} hf_pool_config_t;

typedef struct hf_pool {
    hf_pool_config_t config;
    uint32_t stride;
    hf_atomic_u32_t cursor;
    hf_atomic_u32_t in_use;
    hf_atomic_u32_t peak;
    hf_atomic_u32_t takes;
    hf_atomic_u32_t gives;
    hf_atomic_u32_t exhausted;
    hf_atomic_u32_t foreign;
    hf_atomic_u32_t interior;
    hf_atomic_u32_t double_gives;
} hf_pool_t;

typedef struct hf_pool_stats {
    uint32_t capacity, block_bytes, in_use, peak, min_free, takes, gives;
    uint32_t exhausted, foreign, interior, double_gives;
} hf_pool_stats_t;

HF_MUST_CHECK int hf_pool_init(hf_pool_t *pool, const hf_pool_config_t *config);
/// Takes one block; its content is undefined. NULL when none is free (never while one is); counts `exhausted`.
/// Cost: O(count / 32) words at worst, from a cursor. Owner: the caller, until hf_pool_give().
void *hf_pool_take(hf_pool_t *pool);
/// Gives a block back. HF_E_FOREIGN, HF_E_INTERIOR, HF_E_DOUBLE_GIVE tell and count what was wrong; nothing changes then.
/// Giving NULL is HF_E_FOREIGN.
HF_MUST_CHECK int hf_pool_give(hf_pool_t *pool, void *block);
/// Each figure is exact when no other context runs; read without a lock.
hf_pool_stats_t hf_pool_stats(const hf_pool_t *pool);

#endif
