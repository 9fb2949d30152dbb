// SPDX-License-Identifier: MIT
// Trace of takes and gives: a drop-oldest ring of fixed entries, written from any number of contexts (tasks, interrupts,
// cores) and read by one. A writer never waits: it draws a number, and should the slot of that number still be in the hands
// of a writer that was interrupted a whole lap ago, the entry is given up. Invariants: an entry is delivered whole or not at
// all; delivered + lost = numbers drawn, exactly; numbers ascend. The text form of entries is hf_record.h.
#ifndef HF_TRACE_H
#define HF_TRACE_H

#include "holdfast/hf_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_TRACE_FRAMES_MAX 8u
#define HF_TRACE_SLOT_WORDS (8u + CONFIG_HF_TRACE_FRAMES)
/// Bytes of storage for `capacity` entries (a power of two, 2 to 32768).
#define HF_TRACE_BYTES(capacity) (HF_TRACE_SLOT_WORDS * 4u * (capacity))

typedef enum hf_trace_kind {
    HF_TRACE_TAKE,
    HF_TRACE_GIVE,
    HF_TRACE_REFUSED, // a take that got nothing
    HF_TRACE_WRONG, // a give that was refused, or (beside its HF_TRACE_GIVE) told of damage; `status` says which
    HF_TRACE_KINDS
} hf_trace_kind_t;

/// What a pool tells of one call.
typedef struct hf_trace_event {
    uintptr_t caller; // HF_TRACE_CALLER(), evaluated in the function that was called from outside
    uint32_t bytes;   // asked for; a pool without sizes: its block_bytes
    uint32_t
        block; // take, give: number of the block in its pool; wrong: bytes from the pool's first block, modulo 2^32
    uint16_t pool; // number its owner gave it
    uint8_t kind;  // hf_trace_kind_t
    uint8_t tag;   // hf_tag_t
    int8_t status; // HF_TRACE_WRONG: the status that was returned; else 0
} hf_trace_event_t;

/// One entry as it is read.
typedef struct hf_trace_entry {
    uint32_t sequence; // modulo 2^32
    uint32_t time_ms;  // by hf_trace_set_clock(); wraps
    uint32_t bytes;
    uint32_t block;
    uint32_t caller; // low 32 bits of address - config.address_base
    uint16_t pool;
    uint8_t kind;
    uint8_t tag;
    int8_t status;
    uint8_t frame_count; // what follows is filled
    uint32_t frame
        [HF_TRACE_FRAMES_MAX]; // callers of the caller, innermost first, as offsets like `caller`
} hf_trace_entry_t;

/// The return address of the function in which it stands.
#define HF_TRACE_CALLER() ((uintptr_t)__builtin_return_address(0))

typedef struct hf_trace_stack {
    uintptr_t low, high; // [low, high) may be read
} hf_trace_stack_t;

typedef struct hf_trace_config {
    void *storage;     // HF_TRACE_BYTES(capacity), aligned to 4
    uint32_t capacity; // entries, a power of two, 2 to 32768
    uintptr_t
        address_base; // callers are told relative to it: 0, or the load address of the program
    /// Bounds of the running context's stack; false when unknown. NULL: no frames beyond the caller. Any context, never
    /// blocks. Used with CONFIG_HF_TRACE_FRAMES above 0: frames are then found by a walk along the frame pointers, which
    /// never reads outside these bounds. The program needs -fno-omit-frame-pointer; where there is no such chain (Thumb)
    /// leave it NULL.
    bool (*stack)(void *ctx, hf_trace_stack_t *stack);
    void *ctx;
} hf_trace_config_t;

typedef struct hf_trace {
    hf_atomic_u32_t *slots;
    uint32_t mask;
    hf_atomic_u32_t head;     // numbers drawn, modulo 2^32
    hf_atomic_u32_t clock_ms; // what new entries carry
    hf_atomic_u32_t tail;     // written by the reader alone: next to read
    hf_atomic_u32_t lost;     // written by the reader alone
    uintptr_t address_base;
    bool (*stack)(void *ctx, hf_trace_stack_t *stack);
    void *ctx;
} hf_trace_t;

#if CONFIG_HF_TRACE
/// HF_E_ARGUMENT: no storage or not aligned to 4, capacity no power of two or out of range.
HF_MUST_CHECK int hf_trace_init(hf_trace_t *trace, const hf_trace_config_t *config);

/// The time new entries carry. Whoever owns the trace sets it as often as times need to be fine.
void hf_trace_set_clock(hf_trace_t *trace, uint32_t now_ms);

/// Writes one entry over the oldest. A NULL trace does nothing. Context: any, any number at once. Cost: O(1), no
/// retries, never waits; an entry given up (see above) shows in hf_trace_lost() when the reader gets there.
void hf_trace_add(hf_trace_t *trace, const hf_trace_event_t *event);

/// Takes the oldest entry still there. HF_E_EMPTY: there is none. HF_E_AGAIN: the oldest is being written right now, by a
/// context that was interrupted; it is delivered later, or counted as lost once it was lapped.
/// Context: the one reader. Cost: O(1) per entry skipped.
HF_MUST_CHECK int hf_trace_get(hf_trace_t *trace, hf_trace_entry_t *entry);

/// Entry `sequence`, without taking it: HF_OK, HF_E_NOT_FOUND (overwritten, given up, or not yet drawn), HF_E_AGAIN (being
/// written). For looks backwards from hf_trace_head(). Context: any.
HF_MUST_CHECK int hf_trace_read(const hf_trace_t *trace, uint32_t sequence,
                                hf_trace_entry_t *entry);

/// Numbers drawn so far, modulo 2^32: the sequence of the next entry. Any context.
uint32_t hf_trace_head(const hf_trace_t *trace);
/// Entries the reader had to skip: overwritten before it came, or given up.
uint32_t hf_trace_lost(const hf_trace_t *trace);
#endif

#ifdef __cplusplus
}
#endif

#endif
