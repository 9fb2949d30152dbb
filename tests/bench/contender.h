// SPDX-License-Identifier: MIT
// Who takes part in the host benchmarks: heaps, each loaded from its own shared object into a namespace of its own, so that
// two that define the same names do not meet; and pools, each level of hf_pool compiled into a shared object likewise.
// Invariant: every contender is called the same way, through a pointer and without a wrapper.
#ifndef CONTENDER_H
#define CONTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTENDER_BLOCK_BYTES  64u
#define CONTENDER_POOL_BLOCKS  1024u
#define CONTENDER_COUNT_MAX    16u
#define CONTENDER_NAME_BYTES   24u
#define CONTENDER_POOL_SYMBOL  "bench_pool"
#define CONTENDER_POOL_STORAGE 262144u

// Each level has a hf_pool_t of its own, so the harness does not look into it.
struct hf_pool;

/// What a shared object with a level of hf_pool exports as CONTENDER_POOL_SYMBOL.
typedef struct contender_pool {
    /// A fresh pool of `count` blocks of CONTENDER_BLOCK_BYTES in its static storage; NULL when it refuses.
    struct hf_pool *(*open)(uint32_t count);
    /// What a second thread works with; NULL: the same.
    struct hf_pool *(*join)(void);
    void *(*take)(struct hf_pool *pool, uint8_t tag);
    int (*give)(struct hf_pool *pool, void *block);
} contender_pool_t;

typedef struct contender {
    char name[CONTENDER_NAME_BYTES];
    const contender_pool_t *pool; // NULL: a heap
    void *(*take_heap)(size_t bytes);
    void (*give_heap)(void *block);
    struct hf_pool *instance; // of a pool
    struct hf_pool *second;   // the same for a second thread
} contender_t;

/// Opens NAME=PATH[:SYMBOL,SYMBOL] as the next contender; without symbols it is a pool. False after a message on stderr.
bool contender_open(contender_t *contender, const char *text);
/// The two that are always there: "null", which does nothing, and "glibc", the allocator of the process.
void contender_null(contender_t *contender);
void contender_glibc(contender_t *contender);
/// Makes a pool as new; a heap stays as it is.
void contender_renew(contender_t *contender, uint32_t count);

#endif
