// SPDX-License-Identifier: MIT
// Stacks over a whole run: what each task left at least, and of how much, where the device tells it ([Stack] lines,
// AsyncTCP's own). A size holds from where it is told, and before it when none was told yet.
#ifndef LAB_STACKS_H
#define LAB_STACKS_H

#include "lab_run.h"

#define LAB_STACKS_MAX 256u

typedef struct lab_stack {
    const char *name, *tag;         // tag: where the least was first seen
    uint32_t priority, least, last; // LAB_UNKNOWN: not told
    uint32_t bytes;                 // 0: not told
} lab_stack_t;

/// One for each task and size, in the order of their first rows, in an array of LAB_STACKS_MAX. Returns how many; what
/// comes above that is left out.
uint32_t lab_run_stacks(const lab_run_t *run, lab_stack_t *stacks);
/// Of the row's task when the row was told; 0: not known.
uint32_t lab_stack_bytes(const lab_run_t *run, const lab_task_row_t *row);
/// Bytes that were used, the most; 0 when the size is not known.
uint32_t lab_stack_peak(uint32_t bytes, uint32_t least);
/// The device tells a size. -1: no memory.
int lab_stack_told(lab_run_t *run, uint32_t boot, const char *name, uint32_t bytes);

#endif
