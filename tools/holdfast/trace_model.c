// SPDX-License-Identifier: MIT
// Reads a trace into the model, line by line.
#include "trace_model.h"

#include "holdfast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERB "trace"

static trace_pool_t *pool_of(trace_model_t *model, uint16_t id)
{
    if (model->pool[id] == NULL) {
        model->pool[id] = calloc(1, sizeof *model->pool[id]);
        if (model->pool[id] == NULL) {
            abort();
        }
        (void)snprintf(model->pool[id]->name, sizeof model->pool[id]->name, "%u", (unsigned)id);
    }
    return model->pool[id];
}

static void pass_time(trace_model_t *model, uint32_t time_ms)
{
    uint32_t step = time_ms - model->last_ms;
    if (model->has_time && step >= 0x80000000u) {
        return; // told by two contexts at once, a little out of order
    }
    model->time_ms += model->has_time ? step : 0;
    model->has_time = true;
    model->last_ms = time_ms;
}

/// Every run of classes that holds this one may have a new peak.
static void raise_runs(trace_model_t *model, uint32_t bucket)
{
    uint32_t below = 0;
    for (uint32_t first = bucket + 1u; first-- > 0;) {
        below += model->histogram.bucket[first].held;
        uint32_t sum = below;
        for (uint32_t last = bucket; last < HF_HISTOGRAM_BUCKETS; last++) {
            sum += last > bucket ? model->histogram.bucket[last].held : 0;
            if (sum > model->run_peak[first][last]) {
                model->run_peak[first][last] = sum;
            }
        }
    }
}

static void end_block(trace_model_t *model, uint32_t id, uint32_t now_ms)
{
    const hf_live_block_t *block = &model->live.blocks[id];
    trace_pool_t *pool = pool_of(model, block->pool);
    pool->held--;
    hf_hold_add(&pool->hold, now_ms - block->taken_ms);
    hf_histogram_give(&model->histogram, block->bytes);
    hf_live_give(&model->live, id);
}

static void take(trace_model_t *model, const hf_trace_entry_t *entry)
{
    trace_pool_t *pool = pool_of(model, entry->pool);
    uint32_t id;
    pool->takes++;
    if (hf_live_find(&model->live, entry->pool, entry->block, &id) == HF_OK) {
        model->displaced++;
        end_block(model, id, entry->time_ms);
    }
    if (hf_live_take(&model->live, entry, &id) != HF_OK) {
        model->overflow++;
        return;
    }
    pool->held++;
    pool->peak_held = pool->held > pool->peak_held ? pool->held : pool->peak_held;
    hf_histogram_take(&model->histogram, entry->bytes);
    raise_runs(model, hf_histogram_bucket_of(entry->bytes));
}

static void give(trace_model_t *model, const hf_trace_entry_t *entry)
{
    uint32_t id;
    pool_of(model, entry->pool)->gives++;
    if (hf_live_find(&model->live, entry->pool, entry->block, &id) == HF_OK) {
        end_block(model, id, entry->time_ms);
    } else {
        model->unknown++;
    }
}

static void take_entry(trace_model_t *model, const hf_trace_entry_t *entry)
{
    pass_time(model, entry->time_ms);
    model->kinds[entry->kind]++;
    switch ((hf_trace_kind_t)entry->kind) {
    case HF_TRACE_TAKE:
        take(model, entry);
        break;
    case HF_TRACE_GIVE:
        give(model, entry);
        break;
    case HF_TRACE_REFUSED:
        pool_of(model, entry->pool)->refused++;
        hf_histogram_refuse(&model->histogram, entry->bytes);
        break;
    case HF_TRACE_WRONG:
    case HF_TRACE_KINDS:
        pool_of(model, entry->pool)->wrong++;
        break;
    }
}

static void restart(trace_model_t *model, uint32_t time_ms)
{
    pass_time(model, time_ms);
    for (uint32_t id = 0; id < model->live.capacity; id++) {
        if (model->live.blocks[id].is_used) {
            model->lost_at_restart++;
            end_block(model, id, time_ms);
        }
    }
}

static void take_record(trace_model_t *model, const hf_record_t *record)
{
    trace_pool_t *pool;
    switch (record->type) {
    case HF_RECORD_POOL:
        pool = pool_of(model, record->pool.id);
        pool->block_bytes = record->pool.block_bytes;
        pool->count = record->pool.count;
        if (hf_slice_copy(record->pool.name, pool->name, sizeof pool->name) != HF_OK) {
            abort(); // the parser refuses longer names
        }
        break;
    case HF_RECORD_TAG:
        if (hf_slice_copy(record->tag_name, model->tag_name[record->tag],
                          sizeof model->tag_name[0]) != HF_OK) {
            abort();
        }
        break;
    case HF_RECORD_RESTART:
        restart(model, record->restart_ms);
        break;
    case HF_RECORD_ENTRY:
        take_entry(model, &record->entry);
        break;
    case HF_RECORD_HEADER:
    case HF_RECORD_REMARK:
        break;
    }
}

static int read_lines(trace_model_t *model, FILE *file, const char *path)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int code = TOOL_GOOD;
    while (code == TOOL_GOOD && (length = getline(&line, &room, file)) > 0) {
        hf_slice_t slice = {.text = line, .length = (size_t)length};
        slice.length -= line[length - 1] == '\n' ? 1u : 0;
        hf_record_t record;
        int status = hf_record_read(&model->reader, slice, &record);
        if (status == HF_OK) {
            take_record(model, &record);
        } else {
            code = tool_fail(TOOL_FAILED, VERB, "%s:%u: %s", path, model->reader.lines,
                             hf_status_text(status));
        }
    }
    free(line);
    if (code == TOOL_GOOD && ferror(file) != 0) {
        code = tool_fail(TOOL_ENVIRONMENT, VERB, "%s: %s", path, strerror(errno));
    }
    if (code == TOOL_GOOD && !model->reader.has_header) {
        code = tool_fail(TOOL_FAILED, VERB, "%s: is empty", path);
    }
    return code;
}

static trace_model_t *create(void)
{
    trace_model_t *model = calloc(1, sizeof *model);
    hf_live_block_t *blocks = calloc(TRACE_HELD_MAX, sizeof *blocks);
    uint32_t *heads = calloc(TRACE_HELD_MAX, sizeof *heads);
    if (model == NULL || hf_live_init(&model->live, blocks, heads, TRACE_HELD_MAX) != HF_OK) {
        abort();
    }
    return model;
}

int trace_model_read(trace_model_t **model, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "r");
    *model = NULL;
    if (file == NULL) {
        return tool_fail(TOOL_ENVIRONMENT, VERB, "%s: %s", path, strerror(errno));
    }
    *model = create();
    int code = read_lines(*model, file, path);
    if (!is_stdin) {
        (void)fclose(file);
    }
    return code;
}

void trace_model_free(trace_model_t *model)
{
    if (model == NULL) {
        return;
    }
    for (uint32_t id = 0; id < TRACE_POOLS; id++) {
        free(model->pool[id]);
    }
    free(model->live.blocks);
    free(model->live.heads);
    free(model);
}
