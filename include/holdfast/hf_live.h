// SPDX-License-Identifier: MIT
// Who holds what, worked out from a trace: a table of the blocks that were taken and not given, keyed by pool and block.
// Invariants: a block is in it once; an entry keeps its number (id) while it is there; bytes is the sum over all entries.
// Context of every call: one owner; a trace is read by one.
#ifndef HF_LIVE_H
#define HF_LIVE_H

#include "holdfast/hf_trace.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_live_block {
    uint32_t block, bytes, taken_ms, caller;
    uint32_t mark, moment; // the user's own; 0 when taken
    uint32_t next;         // of the same hash, or of the unused ones
    uint16_t pool;
    uint8_t tag;
    bool is_used;
} hf_live_block_t;

typedef struct hf_live {
    hf_live_block_t *blocks;
    uint32_t *heads; // by hash: id + 1 of the first
    uint32_t capacity;
    uint32_t unused; // id + 1 of the first
    uint32_t count, peak_count;
    uint64_t bytes, peak_bytes;
} hf_live_t;

/// HF_E_ARGUMENT: something is NULL, or capacity is 0. `blocks` and `heads` have `capacity` elements each.
HF_MUST_CHECK int hf_live_init(hf_live_t *live, hf_live_block_t *blocks, uint32_t *heads,
                               uint32_t capacity);

/// Adds the block of a take. HF_E_STATE: it is there already (its give was lost); HF_E_FULL. `*id` as in hf_live_find().
/// Cost: O(1) on average.
HF_MUST_CHECK int hf_live_take(hf_live_t *live, const hf_trace_entry_t *entry, uint32_t *id);

/// HF_E_NOT_FOUND when nobody holds it. `*id`: 0 to capacity - 1, the index into `blocks`.
HF_MUST_CHECK int hf_live_find(const hf_live_t *live, uint16_t pool, uint32_t block, uint32_t *id);

/// Removes an entry that hf_live_find() or hf_live_take() named.
void hf_live_give(hf_live_t *live, uint32_t id);

/// Removes all. Peaks stay.
void hf_live_clear(hf_live_t *live);

#ifdef __cplusplus
}
#endif

#endif
