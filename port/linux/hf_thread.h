// SPDX-License-Identifier: MIT
// Threads on stacks of the task table: allocated whole at the start, painted, with a page below that nobody may touch. What
// overflows such a stack ends the program at once, it does not write over a neighbour's memory.
#ifndef HF_THREAD_H
#define HF_THREAD_H

#include "holdfast/hf_task.h"

#include <pthread.h>

/// A row of the table: hf_task_info_t.stack_bytes is the size of the stack it gets. A NULL place or table: a stack of the C
/// library's, that nobody looks at.
typedef struct hf_thread_place {
    hf_tasks_t *tasks;
    unsigned task;
} hf_thread_place_t;

/// Starts a thread, named as its row. Returns an errno: no thread then. A row that has a stack already keeps it: the thread
/// before has to have ended. Sanitizers get the room they need on top.
HF_MUST_CHECK int hf_thread_start(pthread_t *thread, const hf_thread_place_t *place,
                                  void *(*run)(void *), void *ctx);
/// The same with SCHED_FIFO and the row's priority. EPERM: not granted, no thread.
HF_MUST_CHECK int hf_thread_start_fifo(pthread_t *thread, const hf_thread_place_t *place,
                                       void *(*run)(void *), void *ctx);
/// Paints what lies below the caller on the stack of main(), as many bytes as its row says: the kernel makes it as it
/// grows, up to a limit far away, so this is a budget. HF_E_UNSUPPORTED: the limit is not that far away.
HF_MUST_CHECK int hf_thread_adopt_main(const hf_thread_place_t *place);

#endif
