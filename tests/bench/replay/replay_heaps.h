// SPDX-License-Identifier: MIT
// The managers a trace is replayed on, each within a given amount of memory, its own bookkeeping included.
#ifndef REPLAY_HEAPS_H
#define REPLAY_HEAPS_H

#include "bench/first_fit.h"
#include "holdfast/hf_advice.h"
#include "holdfast/hf_region.h"
#include "holdfast/hf_replay.h"
#include "holdfast/hf_slab.h"
#include "holdfast/hf_tier.h"

#define REPLAY_BLOCKS_MAX 8192u

/// What the first pass over the trace found.
typedef struct replay_known {
    uint32_t peak_bytes, peak_blocks, largest_bytes;
    hf_histogram_t histogram;
} replay_known_t;

typedef struct replay_heap {
    const replay_known_t *known;
    uint32_t memory_bytes; // given; pools answer with what they need
    void *storage;
    void *held[REPLAY_BLOCKS_MAX];
    first_fit_t first_fit;
    hf_region_t region;
    hf_slab_t slab;
    hf_tier_t tier;
    uint32_t free_bytes; // of the pools
} replay_heap_t;

typedef struct replay_manager {
    const char *name;
    bool (*start)(replay_heap_t *heap); // false: so little memory is not enough for its bookkeeping
    bool (*take)(void *heap, uint32_t id, uint32_t bytes);
    void (*give)(void *heap, uint32_t id);
    void (*measure)(void *heap, hf_replay_sample_t *sample);
} replay_manager_t;

#define REPLAY_MANAGERS 4u
/// First fit as on a 32-bit device (header 8, alignment 8); region; slabs, two classes per octave; pools cut to this trace.
extern const replay_manager_t replay_managers[REPLAY_MANAGERS];

#endif
