// SPDX-License-Identifier: MIT
// Sizes of stacks by name, and rows put together by task.
#include "lab_stacks.h"

#include "lab_rows.h"

#include <string.h>

// Each name is kept once: the same one is at the same place.
static lab_stack_row_t *newest(const lab_run_t *run, const char *name, uint32_t boot)
{
    for (uint32_t i = run->stacks; i > 0; i--) {
        lab_stack_row_t *row = &run->stack[i - 1u];
        if (row->name == name && row->boot <= boot) {
            return row;
        }
    }
    return NULL;
}

int lab_stack_told(lab_run_t *run, uint32_t boot, const char *name, uint32_t bytes)
{
    const char *kept = lab_names_keep(&run->names, name);
    lab_stack_row_t *row = newest(run, kept, boot);
    if (row != NULL && (row->boot == boot || row->bytes == bytes)) {
        row->bytes = bytes;
        return 0;
    }
    row = LAB_ADD(run, stack);
    if (row == NULL || kept == NULL) {
        return -1;
    }
    *row = (lab_stack_row_t){.name = kept, .bytes = bytes, .boot = boot};
    return 0;
}

uint32_t lab_stack_bytes(const lab_run_t *run, const lab_task_row_t *row)
{
    if (row->is_watermark) {
        return row->configured_bytes;
    }
    const lab_stack_row_t *stack = newest(run, row->name, row->boot);
    for (uint32_t i = 0; i < run->stacks && stack == NULL; i++) {
        stack = run->stack[i].name == row->name ? &run->stack[i] : NULL; // told later
    }
    return stack != NULL ? stack->bytes : 0;
}

uint32_t lab_stack_peak(uint32_t bytes, uint32_t least)
{
    return bytes > least ? bytes - least : 0;
}

uint32_t lab_run_stacks(const lab_run_t *run, lab_stack_t *stacks)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->tasks; i++) {
        const lab_task_row_t *row = &run->task[i];
        const uint32_t bytes = lab_stack_bytes(run, row);
        uint32_t at = 0;
        while (at < count &&
               (stacks[at].bytes != bytes || strcmp(stacks[at].name, row->name) != 0)) {
            at++;
        }
        if (at == LAB_STACKS_MAX) {
            continue;
        }
        lab_stack_t *stack = &stacks[at];
        if (at == count) {
            count++;
            *stack = (lab_stack_t){.name = row->name,
                                   .tag = row->tag,
                                   .priority = row->priority,
                                   .least = row->left,
                                   .bytes = bytes};
        }
        if (row->left < stack->least) {
            stack->least = row->left;
            stack->tag = row->tag;
        }
        stack->last = row->left;
    }
    return count;
}
