// SPDX-License-Identifier: MIT
// Of lab_run's own files: adding rows.
#ifndef LAB_ROWS_H
#define LAB_ROWS_H

#include "lab_json.h"
#include "lab_run.h"

/// A zeroed row at the end of `*rows`; NULL: no memory.
void *lab_rows_add(void *rows, uint32_t *count, size_t size);
#define LAB_ADD(run, name) lab_rows_add(&(run)->name, &(run)->name##s, sizeof *(run)->name)

/// The next row of this array that is no event yet is what happened now. -1: no memory, or too many.
int lab_rows_refer(lab_run_t *run, lab_event_of_t of);
/// Something else happened; `json` is taken over. -1: no memory.
int lab_rows_note(lab_run_t *run, double now, char *json);
/// Ends `object`, with type and ts. -1: no memory.
int lab_rows_event(lab_run_t *run, double now, const char *type, lab_object_t *object);
/// The figures of a row, the same in events.jsonl and in the row's own file.
void lab_mem_fields(lab_object_t *object, const lab_mem_row_t *row);
void lab_task_fields(lab_object_t *object, const lab_task_row_t *row);
void lab_pool_fields(lab_object_t *object, const lab_pool_row_t *row);
/// Cut to what fits, at the end of a character.
void lab_copy(char *out, size_t capacity, const char *text);

#endif
