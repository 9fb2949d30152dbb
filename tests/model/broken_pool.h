// SPDX-License-Identifier: MIT
// A pool with one known mistake, chosen by MODEL_BROKEN, to see the judges find it. 0: none, which they must accept.
#ifndef BROKEN_POOL_H
#define BROKEN_POOL_H

#include "holdfast/hf_pool.h"

#define BROKEN_NOTHING 0 // two-level bitmap that looks at every leaf before it says "empty"
#define BROKEN_SUMMARY                                                                             \
    1 // believes its summary: false "empty" while a give is between leaf and summary
#define BROKEN_CLAIM  2 // claims by load and store
#define BROKEN_GIVE   3 // looks whether a block is free, then frees it
#define BROKEN_COUNT  4 // counts by load and store
#define BROKEN_HANDLE 5 // looks at the generation, then gives
#define BROKEN_HASTE  6 // says "empty" when it was only overtaken

extern hf_atomic_u32_t broken_words[80]; // everything that changes; part of the model's memory

#endif
