// SPDX-License-Identifier: MIT
// Refuses the n-th take of a program, and as many after it as asked for, whatever pool it is for. Linked with
// --wrap=hf_pool_take,hf_pool_init. The refusal is a real one: the pool is used up for the moment, so it counts
// `exhausted`.
#ifndef NTH_TAKE_H
#define NTH_TAKE_H

#include "holdfast/hf_pool.h"

typedef struct nth_take {
    uint32_t first;   // number of the first take to refuse, from 1; 0 none
    uint32_t length;  // how many in a row
    uint32_t takes;   // so far
    uint32_t refused; // so far
} nth_take_t;

extern nth_take_t nth_take;

/// Plans, and counts from 0.
void nth_take_plan(uint32_t first, uint32_t length);
/// Whether the pool has counted what was refused since its init: what was injected, and nothing else.
bool nth_take_is_counted(const hf_pool_t *pool);

#endif
