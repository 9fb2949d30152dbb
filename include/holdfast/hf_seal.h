// SPDX-License-Identifier: MIT
// The heap after start-up, watched: a firmware image links the library holdfast_wrap with the linker's --wrap for malloc,
// calloc, realloc, free, reallocarray, strdup, strndup, aligned_alloc, memalign and posix_memalign. Before
// hf_mem_seal() a call goes straight to the C library. After it the C library still serves it, but it is counted, named
// by its caller, and fatal when the caller lies in code that must not allocate. Blocks from before the seal may be
// given and resized after it. Not seen: calls that were linked before (shared libraries of a host; their own inner
// calls), _malloc_r and its like of newlib, sbrk. A tail call is named by the caller's caller: compile what must not
// allocate with -fno-optimize-sibling-calls. Invariants: one call is one count, however the C library makes it from
// others; what a report allocates is served and counted apart, and never reported. State exists once, as the heap does.
#ifndef HF_SEAL_H
#define HF_SEAL_H

#include "holdfast/hf_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_SEAL_CALLERS_MAX 64u
#define HF_SEAL_CONTEXTS_MAX                                                                       \
    8u // calls under way at once that are told apart from their own inner calls

/// Addresses from <= caller < to. By linker symbols: {(uintptr_t)portable_start, (uintptr_t)portable_end}.
typedef struct hf_seal_range {
    uintptr_t from;
    uintptr_t to;
} hf_seal_range_t;

/// One place that allocated after the seal: the address its call returns to.
typedef struct hf_seal_caller {
    uintptr_t address;
    hf_atomic_u32_t calls;
} hf_seal_caller_t;

typedef struct hf_seal_call {
    const char *function; // "malloc"
    uintptr_t caller;
    size_t bytes;
    const void *block; // what it got; NULL in trip()
} hf_seal_call_t;

typedef struct hf_seal_config {
    const hf_seal_range_t *portable; // code that must not allocate; NULL: none
    hf_seal_caller_t *callers;       // room for the names
    uint32_t portable_count;
    uint32_t caller_count; // 1 to HF_SEAL_CALLERS_MAX
    /// Which task or interrupt runs now; any number that differs between those. NULL: there is only one.
    uintptr_t (*context)(void *ctx);
    /// Unless NULL: told of every call after it was served. May allocate. Context: the caller's.
    void (*report)(void *ctx, const hf_seal_call_t *call);
    /// Unless NULL: told of a call from portable code, before it is served. When it returns, hf_port_assert_failed()
    /// follows.
    void (*trip)(void *ctx, const hf_seal_call_t *call);
    void *ctx;
} hf_seal_config_t;

typedef struct hf_seal_stats {
    bool is_sealed;
    uint32_t calls; // the sum of the next five
    uint32_t mallocs, callocs;
    uint32_t reallocs; // with reallocarray
    uint32_t strings;  // strdup, strndup
    uint32_t aligned;  // aligned_alloc, memalign, posix_memalign
    uint32_t frees;
    uint32_t failed;    // calls that got nothing
    uint32_t overflows; // ... because count times size is no number
    uint32_t portable;  // calls from portable code
    uint32_t in_report; // calls made within report() or trip(), counted nowhere else
    uint32_t callers;   // names in the table
    uint32_t unnamed;   // calls whose caller found no room in it
} hf_seal_stats_t;

/// From now on calls are watched; all counters start at 0. HF_E_STATE when sealed already; HF_E_ARGUMENT for no table,
/// too large a table, a range that ends before it begins. Context: task, at the end of start-up.
HF_MUST_CHECK int hf_mem_seal(const hf_seal_config_t *config);

/// Calls go straight to the C library again; counters stay. For an orderly restart, and for tests. Context: task, while
/// nobody is within a watched call (who left one by longjmp is forgotten).
void hf_mem_unseal(void);

hf_seal_stats_t hf_seal_stats(void);
/// The `number`-th name, in order of first appearance; HF_E_RANGE past the last.
HF_MUST_CHECK int hf_seal_caller(uint32_t number, uintptr_t *address, uint32_t *calls);

#ifdef __cplusplus
}
#endif

#endif
