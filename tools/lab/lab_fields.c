// SPDX-License-Identifier: MIT
// What a row is called in JSON: one place for the events and for the files of rows.
#include "lab_rows.h"

void lab_mem_fields(lab_object_t *object, const lab_mem_row_t *row)
{
    lab_object_string(object, "tag", row->tag);
    lab_object_u32(object, "hf", row->memory.hf);
    lab_object_u32(object, "hm", row->memory.hm);
    lab_object_u32(object, "hl", row->memory.hl);
    lab_object_u32(object, "hi", row->memory.hi);
    lab_object_u32(object, "hin", row->memory.hin);
    lab_object_u32(object, "frag", row->memory.frag);
    lab_object_u32(object, "pf", row->memory.pf);
    lab_object_u32(object, "pm", row->memory.pm);
    lab_object_u32(object, "pl", row->memory.pl);
}

static void watermark_fields(lab_object_t *object, const lab_task_row_t *row)
{
    lab_object_string(object, "subsystem", "async_tcp");
    lab_object_string(object, "task", row->name);
    lab_object_u32(object, "rem_units", row->units);
    lab_object_u32(object, "rem_bytes", row->left);
    lab_object_u32(object, "unit_bytes", row->unit_bytes);
    lab_object_u32(object, "cfg_bytes", row->configured_bytes);
}

void lab_task_fields(lab_object_t *object, const lab_task_row_t *row)
{
    if (row->is_watermark) {
        watermark_fields(object, row);
        return;
    }
    lab_object_string(object, "name", row->name);
    lab_object_u32(object, "prio", row->priority);
    if (row->core == LAB_CORE_UNKNOWN) {
        lab_object_raw(object, "core", "null", 4);
    } else {
        lab_object_number(object, "core", row->core);
    }
    lab_object_u32(object, "stack_rem", row->left);
}

void lab_pool_fields(lab_object_t *object, const lab_pool_row_t *row)
{
    lab_object_string(object, "name", row->name);
    lab_object_u32(object, "size", row->pool.size);
    lab_object_u32(object, "cap", row->pool.cap);
    lab_object_u32(object, "use", row->pool.use);
    lab_object_u32(object, "peak", row->pool.peak);
    lab_object_u32(object, "min", row->pool.min);
    lab_object_u32(object, "exh", row->pool.exh);
    lab_object_u32(object, "bad", row->pool.bad);
}
