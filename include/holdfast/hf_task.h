// SPDX-License-Identifier: MIT
// The tasks of a device as one table: name, stack, priority. Stacks are painted before they are used; the bytes that never
// changed are the margin. Invariant: a look at the margin reads a bounded part of a stack and writes nothing, so that it is
// cheap on a timer and safe when memory is what is missing.
#ifndef HF_TASK_H
#define HF_TASK_H

#include "holdfast/hf_atomic.h"
#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_TASKS_MAX       16u
#define HF_TASK_WARN_BYTES 1024u // of margin: below it a task is worth a warning
#define HF_TASK_ACT_BYTES  512u  // ... and here something has to be done
#define HF_TASK_KEEP_BYTES 1024u // below the caller's frame, left as it is by hf_task_adopt()

/// A row of the table. Stacks grow down.
typedef struct hf_task_info {
    const char *name;
    uint8_t *
        stack; // lowest address, painted already; NULL: hf_task_place() or hf_task_adopt() says it later
    uint32_t stack_bytes;
    uint32_t priority;
    int32_t core; // -1: any
} hf_task_info_t;

typedef struct hf_task {
    hf_task_info_t info;
    hf_atomic_u32_t has_stack; // info.stack and info.stack_bytes hold
    hf_atomic_u32_t
        untouched; // 1 + bytes from the lowest address on that were never written; 0 before the first whole walk
    uint32_t looked; // where the walk under way stands
} hf_task_t;

typedef struct hf_tasks {
    hf_task_t task[HF_TASKS_MAX];
    uint32_t count;
    /// Set after hf_tasks_init(): stack_bytes are what was left of each then, so no size is told.
    bool is_partial;
} hf_tasks_t;

/// HF_E_RANGE: too many; HF_E_ARGUMENT: a name is missing. Rows keep their order: the index names the task.
HF_MUST_CHECK int hf_tasks_init(hf_tasks_t *tasks, const hf_task_info_t *info, uint32_t count);
/// Paints a stack that nobody uses yet. Context: before the task is created. Cost: O(stack).
void hf_task_paint(uint8_t *stack, uint32_t stack_bytes);
/// Paints a stack that nobody uses yet and makes it that of row `task`. HF_E_RANGE: no such row; HF_E_ARGUMENT: no stack;
/// HF_E_STATE: the row has one. Context: before the task is created.
HF_MUST_CHECK int hf_task_place(hf_tasks_t *tasks, unsigned task, uint8_t *stack,
                                uint32_t stack_bytes);
/// Paints the unused part of the caller's own stack, from its lowest address to HF_TASK_KEEP_BYTES below the caller's
/// frame, and makes it the stack of row `task`. For stacks that somebody else made: main's, a library's. Errors as
/// above, and HF_E_RANGE: the caller does not run on it; nothing is painted then. Context: the task itself.
HF_MUST_CHECK int hf_task_adopt(hf_tasks_t *tasks, unsigned task, uint8_t *stack,
                                uint32_t stack_bytes);
/// Looks at up to `max_bytes` of a row's stack, going on where the last look ended; a whole walk publishes the margin. A row
/// without a stack, and one that is none: nothing.
/// Context: one, any task. Cost: O(max_bytes / 4), no lock.
void hf_task_look(hf_tasks_t *tasks, unsigned task, uint32_t max_bytes);
/// Bytes that were never touched, as of the last whole walk. HF_E_EMPTY before that; HF_E_RANGE: no such row. Context: any.
HF_MUST_CHECK int hf_task_margin(const hf_tasks_t *tasks, unsigned task, uint32_t *bytes);
/// Indexes of up to `max` rows whose margin is known, the least first. Returns how many. No allocation; O(count * max).
uint32_t hf_tasks_worst(const hf_tasks_t *tasks, uint8_t *rows, uint32_t max);

#ifdef __cplusplus
}
#endif

#endif
