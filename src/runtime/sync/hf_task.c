// SPDX-License-Identifier: MIT
// Painted stacks. Other tasks write the words that are read here: each is read once, and a word that changes meanwhile was
// touched either way. Sanitizers are kept out of these reads: they know neither of the two.
#include "holdfast/hf_task.h"

#include "hf_word.h"

#ifndef HF_TASK_PAINT
#define HF_TASK_PAINT 0x5AFE57ACu // FreeRTOS paints by itself: 0xA5A5A5A5u
#endif
#define PAINT HF_TASK_PAINT

#if defined(__GNUC__) || defined(__clang__)
typedef uint32_t __attribute__((may_alias)) paint_t;
#define FOREIGN_STACK __attribute__((noinline, no_sanitize("address", "thread")))
#define FRAME()       ((uintptr_t)__builtin_frame_address(0))
#else // what is known of no compiler: an object of the caller's frame says where that is
typedef uint32_t paint_t;
#define FOREIGN_STACK
#define FRAME() ((uintptr_t) & (uint32_t){0})
#endif

int hf_tasks_init(hf_tasks_t *tasks, const hf_task_info_t *info, uint32_t count)
{
    if (count > HF_TASKS_MAX) {
        return HF_E_RANGE;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (info[i].name == NULL) {
            return HF_E_ARGUMENT;
        }
    }
    tasks->count = count;
    tasks->is_partial = false;
    for (uint32_t i = 0; i < count; i++) {
        hf_task_t *task = &tasks->task[i];
        task->info = info[i];
        task->looked = 0;
        atomic_init(&task->untouched, 0);
        atomic_init(&task->has_stack, info[i].stack != NULL ? 1u : 0u);
    }
    return HF_OK;
}

/// Whole words from `from` on that end at `to` at the latest.
FOREIGN_STACK static void paint(uintptr_t from, uintptr_t to)
{
    for (uintptr_t at = (from + 3u) & ~(uintptr_t)3u; at + 4u <= to; at += 4u) {
        *(volatile paint_t *)at = PAINT;
    }
}

void hf_task_paint(uint8_t *stack, uint32_t stack_bytes)
{
    paint((uintptr_t)stack, (uintptr_t)stack + stack_bytes);
}

static int check(const hf_tasks_t *tasks, unsigned task, const uint8_t *stack, uint32_t stack_bytes)
{
    if (task >= tasks->count) {
        return HF_E_RANGE;
    }
    if (stack == NULL || stack_bytes == 0) {
        return HF_E_ARGUMENT;
    }
    return word_read(&tasks->task[task].has_stack) == 0 ? HF_OK : HF_E_STATE;
}

static void publish(hf_task_t *task, uint8_t *stack, uint32_t stack_bytes)
{
    task->info.stack = stack;
    task->info.stack_bytes = stack_bytes;
    atomic_store_explicit(&task->has_stack, 1u, memory_order_release);
}

int hf_task_place(hf_tasks_t *tasks, unsigned task, uint8_t *stack, uint32_t stack_bytes)
{
    int status = check(tasks, task, stack, stack_bytes);
    if (status == HF_OK) {
        hf_task_paint(stack, stack_bytes);
        publish(&tasks->task[task], stack, stack_bytes);
    }
    return status;
}

FOREIGN_STACK int hf_task_adopt(hf_tasks_t *tasks, unsigned task, uint8_t *stack,
                                uint32_t stack_bytes)
{
    const uintptr_t frame = FRAME();
    const uintptr_t low = (uintptr_t)stack;
    int status = check(tasks, task, stack, stack_bytes);
    if (status == HF_OK && (frame < low || frame - low > stack_bytes)) {
        status = HF_E_RANGE;
    }
    if (status != HF_OK) {
        return status;
    }
    if (frame - low > HF_TASK_KEEP_BYTES) {
        paint(low, frame - HF_TASK_KEEP_BYTES);
    }
    publish(&tasks->task[task], stack, stack_bytes);
    return HF_OK;
}

/// Bytes from `from` on that still hold the paint, at most `limit`.
FOREIGN_STACK static uint32_t untouched(uintptr_t from, uint32_t limit)
{
    const volatile paint_t *at = (const volatile paint_t *)from;
    const volatile paint_t *const end = at + limit / 4u;
    for (uint32_t fours = limit / 16u;
         fours != 0 && at[0] == PAINT && at[1] == PAINT && at[2] == PAINT && at[3] == PAINT;
         fours--) {
        at += 4;
    }
    while (at < end && *at == PAINT) {
        at++;
    }
    return (uint32_t)((uintptr_t)at - from);
}

void hf_task_look(hf_tasks_t *tasks, unsigned index, uint32_t max_bytes)
{
    if (index >= tasks->count) {
        return;
    }
    hf_task_t *task = &tasks->task[index];
    if (atomic_load_explicit(&task->has_stack, memory_order_acquire) == 0) {
        return;
    }
    const uintptr_t low = ((uintptr_t)task->info.stack + 3u) & ~(uintptr_t)3u;
    const uint32_t skipped = (uint32_t)(low - (uintptr_t)task->info.stack);
    const uint32_t whole =
        task->info.stack_bytes > skipped ? (task->info.stack_bytes - skipped) & ~3u : 0;
    const uint32_t left = whole - task->looked;
    const uint32_t part = max_bytes < left ? max_bytes & ~3u : left;
    const uint32_t bytes = untouched(low + task->looked, part);
    task->looked += bytes;
    if (bytes == part && task->looked < whole) {
        return;
    }
    word_write(&task->untouched, task->looked + 1u);
    task->looked = 0;
}

int hf_task_margin(const hf_tasks_t *tasks, unsigned task, uint32_t *bytes)
{
    if (task >= tasks->count) {
        return HF_E_RANGE;
    }
    const uint32_t known = word_read(&tasks->task[task].untouched);
    if (known == 0) {
        return HF_E_EMPTY;
    }
    *bytes = known - 1u;
    return HF_OK;
}

static bool is_among(const uint8_t *rows, uint32_t count, uint32_t row)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i] == row) {
            return true;
        }
    }
    return false;
}

/// The row with the least known margin that is not among those already taken; HF_TASKS_MAX: none.
static uint32_t least(const hf_tasks_t *tasks, const uint8_t *rows, uint32_t taken)
{
    uint32_t best = HF_TASKS_MAX, best_bytes = UINT32_MAX;
    for (uint32_t i = 0; i < tasks->count; i++) {
        uint32_t bytes;
        if (hf_task_margin(tasks, i, &bytes) == HF_OK && bytes < best_bytes &&
            !is_among(rows, taken, i)) {
            best = i;
            best_bytes = bytes;
        }
    }
    return best;
}

uint32_t hf_tasks_worst(const hf_tasks_t *tasks, uint8_t *rows, uint32_t max)
{
    uint32_t taken = 0;
    while (taken < max) {
        const uint32_t row = least(tasks, rows, taken);
        if (row == HF_TASKS_MAX) {
            break;
        }
        rows[taken++] = (uint8_t)row;
    }
    return taken;
}
