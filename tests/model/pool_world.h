// SPDX-License-Identifier: MIT
// A pool, a few short scripts over it, and the judges: no block with two owners, no false "empty", figures exact when
// quiet.
//
// A script is a list of operations over slots: "T2" takes a block into slot 2, "G2" gives it, "H2" gives it by handle,
// "A2" looks its handle up. A block's number stays in its slot after a give, so that "G2" again is a double give.
//
// Judges of a refused take. Unless POOL_IS_COUNTED: no one block was free throughout the call (its bit set from the
// call's first operation to its last). Where the case says `exact`: all calls can be put in one order, each within its
// own time, in which a take is refused only when as many were taken and not given as there are blocks (counted, not
// told apart).
#ifndef POOL_WORLD_H
#define POOL_WORLD_H

#include "holdfast/hf_config.h"
#include "model.h"

// What a refusal is judged by: the bits, or (where a take first reserves a block by counting, so that what a call under
// way was promised is not free any more although its bit is still set) the order of calls.
#if !defined(MODEL_BROKEN) && (CONFIG_HF_POOL_STATISTICS || CONFIG_HF_POOL_LIFO)
#define POOL_IS_COUNTED 1
#else
#define POOL_IS_COUNTED 0
#endif
#ifdef MODEL_BROKEN
#define POOL_BIT(number) (1u << (number) % 32u)
#else
#define POOL_BIT(number) (1u << 31 >> (number) % 32u)
#endif

typedef struct pool_case {
    const char *name;
    const char *setup; // script over the blocks in play, before any thread
    const char *script[MODEL_THREADS_MAX];
    unsigned threads;
    unsigned count; // blocks of the pool; all that are not in play stay taken
    unsigned played;
    uint8_t play[3]; // blocks in play; slot i holds block play[i] before the setup
    bool exact;      // see above
    bool
        is_confused; // gives the same block twice while others may take it: the second cannot be told from a good one
    unsigned spurious;
    bool is_long; // only when asked for
} pool_case_t;

model_result_t pool_explore(const pool_case_t *which, uint64_t states_max);
model_result_t pool_replay(const pool_case_t *which, const char *schedule);

#endif
