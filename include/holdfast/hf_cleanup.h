// SPDX-License-Identifier: MIT
// Memory that is given back where its block of code ends, by whatever way: return, break, goto. For gcc and clang. Not
// by longjmp.
//   HF_GUARD message = hf_guard_pool(&messages, tag);
//   if (message.held == NULL) { return HF_E_FULL; }
//   ...                                                // any return from here gives it back
//   return enqueue(queue, hf_steal(&message));         // unless it was stolen: now it belongs to the queue
// Invariant: a guard gives what it holds once, and nothing when it holds nothing. Guards end in the reverse order of
// their declaration. What goes wrong in a give is counted by the pool, as always.
#ifndef HF_CLEANUP_H
#define HF_CLEANUP_H

#include "holdfast/hf_pool.h"
#if CONFIG_HF_MEM
#include "holdfast/hf_mem.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_guard {
    void *held; // NULL: nothing to give
    void *owner;
    void (*give)(void *owner, void *held);
} hf_guard_t;

/// Takes what the guard holds out of its care. Returns NULL when it holds nothing. Owner: the caller.
HF_MUST_CHECK static inline void *hf_steal(hf_guard_t *guard)
{
    void *held = guard->held;
    guard->held = NULL;
    return held;
}

/// Gives back now what the guard holds. What the compiler calls at the end of the block.
static inline void hf_guard_end(hf_guard_t *guard)
{
    void *held = hf_steal(guard);
    if (held != NULL) {
        guard->give(guard->owner, held);
    }
}

/// Begins the declaration of a guard, which must be initialised.
#define HF_GUARD __attribute__((cleanup(hf_guard_end))) hf_guard_t

/// Guards anything: a region's block, a scope, a lock. `give(owner, held)` ends it.
static inline hf_guard_t hf_guard_of(void *held, void *owner, void (*give)(void *owner, void *held))
{
    hf_guard_t guard = {held, owner, give};
    return guard;
}

static inline void hf_guard_give_pool(void *pool, void *block)
{
    int given = hf_pool_give((hf_pool_t *)pool, block);
    (void)given; // counted by the pool
}

/// Takes a block of the pool; `held` is NULL when there is none.
static inline hf_guard_t hf_guard_pool(hf_pool_t *pool, hf_tag_t tag)
{
    return hf_guard_of(hf_pool_take(pool, tag), pool, hf_guard_give_pool);
}

#if CONFIG_HF_MEM
static inline void hf_guard_give_mem(void *mem, void *block)
{
    int given = hf_mem_give((hf_mem_t *)mem, block);
    (void)given; // counted by the instance
}

/// Takes so many bytes of the instance, for the running task; `held` is NULL when it gets nothing.
static inline hf_guard_t hf_guard_mem(hf_mem_t *mem, size_t bytes)
{
    return hf_guard_of(hf_mem_take(mem, bytes), mem, hf_guard_give_mem);
}
#endif

#ifdef __cplusplus
}
#endif

#endif
