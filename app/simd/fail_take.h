// SPDX-License-Identifier: MIT
// The n-th take of any pool refused, in holdfast-simd alone (the linker wraps hf_pool_take()): a refused take is one the
// pool itself refuses and counts. One thread.
#ifndef FAIL_TAKE_H
#define FAIL_TAKE_H

#include "holdfast/hf_pool.h"

/// From the `first` take on (1 is the first; 0: none), so many are refused.
void fail_take_plan(uint32_t first, uint32_t count);
/// Takes so far, and how many of them were refused by plan.
uint32_t fail_take_takes(void);
uint32_t fail_take_refused(void);

#endif
