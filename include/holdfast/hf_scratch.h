// SPDX-License-Identifier: MIT
// Named buffers for work that ends before its function returns: used over and over instead of a large stack or a
// heap. Those of one context (task) form a stack: opened while others are open, closed in the opposite order. What
// belongs to whom is checked: a buffer is never handed out twice.
// Invariant: the open buffers of a stack have the depths 1 to stack->depth.
// Context of every call: the one context that the stack belongs to. Cost of every call: O(1).
#ifndef HF_SCRATCH_H
#define HF_SCRATCH_H

#include "holdfast/hf_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Of one context; starts as all zero.
typedef struct hf_scratch_stack {
    uint32_t depth; // buffers open
} hf_scratch_stack_t;

/// Its members may be read by anybody; only the calls change them.
typedef struct hf_scratch {
    const char *name;
    hf_scratch_stack_t *stack;
    void *buffer;
    size_t bytes;
    size_t peak_bytes;     // the most that was asked for, served or not
    uint32_t depth;        // in the stack, 0: closed
    uint32_t opens;        // served
    uint32_t nested;       // opens refused: it was open
    uint32_t refused;      // opens refused: 0 bytes or more than it has
    uint32_t not_open;     // closes refused: it was closed
    uint32_t out_of_order; // closes refused: a buffer opened later was open
} hf_scratch_t;

/// HF_E_ARGUMENT for a missing name, stack or buffer, 0 bytes, a buffer that is not aligned for any type. `name`: static.
HF_MUST_CHECK int hf_scratch_init(hf_scratch_t *scratch, hf_scratch_stack_t *stack,
                                  const char *name, void *buffer, size_t bytes);
/// Opens the buffer; its content is undefined. NULL when it is open already (counts `nested`), when 0 bytes or more
/// than it has are asked for (counts `refused`). Owner: the caller, until hf_scratch_close().
void *hf_scratch_open(hf_scratch_t *scratch, size_t bytes);
/// HF_E_STATE when it is not open (counts `not_open`); HF_E_REFUSED when one opened later still is (counts
/// `out_of_order`): it stays open.
HF_MUST_CHECK int hf_scratch_close(hf_scratch_t *scratch);
bool hf_scratch_is_open(const hf_scratch_t *scratch);

#ifdef __cplusplus
}
#endif

#endif
