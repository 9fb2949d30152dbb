// SPDX-License-Identifier: MIT
// A recorded trace drives any allocator through callbacks, entry by entry, so that a file of any length can be streamed.
// Deterministic: the same entries give the same calls. What the recording pool refused is not asked for again; what the
// driven allocator refuses is counted, the first time told exactly, and its give left out. A give and the next take
// of the same block by another context may stand in the wrong order in a trace: up to 64 entries apart that is
// noticed and put right.
// Invariants: the allocator is never given what it does not hold; ids of blocks held at once differ; takes - refused - gives
// = blocks held.
#ifndef HF_REPLAY_H
#define HF_REPLAY_H

#include "holdfast/hf_live.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What is free at a moment, told by the driven allocator.
typedef struct hf_replay_sample {
    uint64_t entries; // replayed so far
    uint32_t time_ms; // of the trace
    uint32_t held_bytes, held_count;
    uint32_t free_bytes, largest_bytes; // filled by the callback: free at all, and in one piece
    uint32_t fragmentation_permille;    // 1000 - 1000 * largest / free; 0 when nothing is free
} hf_replay_sample_t;

/// The driven allocator. `id` is below the capacity of the table given to init: keep the blocks in an array of that size.
typedef struct hf_replay_target {
    bool (*take)(void *ctx, uint32_t id, uint32_t bytes); // false: refused
    void (*give)(void *ctx, uint32_t id);                 // only what take() granted
    /// Fills free_bytes and largest_bytes; may look at the rest but for the fragmentation. NULL: no samples.
    void (*measure)(void *ctx, hf_replay_sample_t *sample);
    /// Gets each sample. May be NULL.
    void (*report)(void *ctx, const hf_replay_sample_t *sample);
    void *ctx;
} hf_replay_target_t;

/// Of the first take that was refused; `entry` 0: none was.
typedef struct hf_replay_failure {
    uint64_t entry; // 1 is the first entry of the trace
    uint32_t sequence, time_ms, bytes;
    uint32_t held_bytes;
    uint32_t free_bytes, largest_bytes; // 0 without measure()
} hf_replay_failure_t;

typedef struct hf_replay {
    hf_replay_target_t target;
    hf_live_t live;
    uint32_t sample_ms;  // of trace time between samples; 0: none
    uint32_t sampled_ms; // time of the last one
    uint64_t entries;    // all kinds
    uint64_t takes;      // asked of the target
    uint64_t gives;      // given to the target
    uint64_t refused;    // by the target
    uint64_t skipped;    // gives of what the target had refused
    uint64_t
        unknown; // gives of what nobody took: their take was lost, or is from before the recording
    uint64_t
        displaced; // takes of a block that was still held: its give was lost, and is made good first
    uint64_t
        swapped; // of those, gives that came a little later than the next take: two contexts at once
    uint64_t overflow;    // takes beyond the capacity of the table: left out
    uint64_t not_served;  // refused in the recording; not asked for
    uint64_t wrong_gives; // in the recording; left out
    uint32_t held_bytes, held_count, peak_held_bytes;
    uint32_t samples;
    uint32_t worst_permille;     // of the samples
    uint64_t sum_permille;       // over all samples, for their mean
    hf_replay_failure_t failure; // entry 0: none
} hf_replay_t;

typedef struct hf_replay_config {
    hf_replay_target_t target;
    hf_live_block_t *blocks; // `capacity` each: more than the trace ever holds at once
    uint32_t *heads;
    uint32_t capacity;
    uint32_t sample_ms;
} hf_replay_config_t;

/// HF_E_ARGUMENT: no take(), give() or table.
HF_MUST_CHECK int hf_replay_init(hf_replay_t *replay, const hf_replay_config_t *config);

/// One entry. Returns HF_OK, HF_E_REFUSED when the target refused it, HF_E_FULL when the table is too small;
/// HF_E_ARGUMENT for an entry of no known kind. The replay goes on whatever it returned. Cost: O(1) on average, and
/// the callbacks.
HF_MUST_CHECK int hf_replay_entry(hf_replay_t *replay, const hf_trace_entry_t *entry);

/// Gives back all that is held: at a restart in the trace, or at its end. Cost: O(capacity).
void hf_replay_give_all(hf_replay_t *replay);

/// A sample now (the end of a trace is a good place). Nothing without measure().
void hf_replay_take_sample(hf_replay_t *replay, uint32_t time_ms);

#ifdef __cplusplus
}
#endif

#endif
