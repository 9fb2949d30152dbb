// SPDX-License-Identifier: MIT
// Scopes over pools. frame[depth - 1] is the innermost open one.
#include "holdfast/hf_scope.h"

typedef struct usage {
    uint32_t blocks;
    uint64_t bytes;
} usage_t;

static usage_t measure(const hf_scope_tracker_t *tracker)
{
    usage_t usage = {0};
    for (uint32_t i = 0; i < tracker->config.pool_count; i++) {
        hf_pool_stats_t stats = hf_pool_stats(tracker->config.pools[i]);
        usage.blocks += stats.in_use;
        usage.bytes += (uint64_t)stats.in_use * stats.block_bytes;
    }
    return usage;
}

static uint32_t trace_head(const hf_scope_tracker_t *tracker)
{
#if CONFIG_HF_TRACE
    return tracker->config.trace != NULL ? hf_trace_head(tracker->config.trace) : 0;
#else
    (void)tracker;
    return 0;
#endif
}

int hf_scope_init(hf_scope_tracker_t *tracker, const hf_scope_config_t *config)
{
    if (tracker == NULL || config == NULL || config->pools == NULL || config->pool_count == 0) {
        return HF_E_ARGUMENT;
    }
    *tracker = (hf_scope_tracker_t){.config = *config};
    return HF_OK;
}

uint32_t hf_scope_begin(hf_scope_tracker_t *tracker, const char *name, uint64_t now_us)
{
    if (tracker->depth == HF_SCOPE_DEPTH_MAX) {
        tracker->too_deep++;
        return 0;
    }
    hf_scope_mark(tracker);
    usage_t usage = measure(tracker);
    tracker->frame[tracker->depth++] = (hf_scope_frame_t){.name = name,
                                                          .begin_us = now_us,
                                                          .blocks = usage.blocks,
                                                          .bytes = usage.bytes,
                                                          .peak_bytes = usage.bytes,
                                                          .sequence = trace_head(tracker)};
    return tracker->depth;
}

static void look(hf_scope_tracker_t *tracker, uint64_t bytes)
{
    for (uint32_t i = 0; i < tracker->depth; i++) {
        if (tracker->frame[i].peak_bytes < bytes) {
            tracker->frame[i].peak_bytes = bytes;
        }
    }
}

void hf_scope_mark(hf_scope_tracker_t *tracker)
{
    look(tracker, measure(tracker).bytes);
}

/// The most held since the scope began, added up over the trace; false when an entry is missing.
static bool trace_peak(const hf_scope_tracker_t *tracker, const hf_scope_frame_t *frame,
                       uint64_t *peak_bytes)
{
#if CONFIG_HF_TRACE
    const hf_trace_t *trace = tracker->config.trace;
    if (trace == NULL) {
        return false;
    }
    uint64_t bytes = frame->bytes;
    *peak_bytes = bytes;
    for (uint32_t at = frame->sequence; at != hf_trace_head(trace); at++) {
        hf_trace_entry_t entry;
        if (hf_trace_read(trace, at, &entry) != HF_OK) {
            return false;
        }
        // A block that another context took while the scope began may be given here without having been counted.
        const uint64_t given = entry.kind == HF_TRACE_GIVE ? entry.bytes : 0;
        bytes += entry.kind == HF_TRACE_TAKE ? entry.bytes : 0;
        bytes -= given < bytes ? given : bytes;
        *peak_bytes = bytes > *peak_bytes ? bytes : *peak_bytes;
    }
    return true;
#else
    (void)tracker;
    (void)frame;
    (void)peak_bytes;
    return false;
#endif
}

static void end_innermost(hf_scope_tracker_t *tracker, uint64_t now_us, hf_scope_report_t *report)
{
    usage_t usage = measure(tracker);
    look(tracker, usage.bytes);
    const hf_scope_frame_t *frame = &tracker->frame[--tracker->depth];
    *report =
        (hf_scope_report_t){.name = frame->name,
                            .depth = tracker->depth,
                            .time_us = now_us > frame->begin_us ? now_us - frame->begin_us : 0,
                            .blocks_before = frame->blocks,
                            .blocks_after = usage.blocks,
                            .bytes_before = frame->bytes,
                            .bytes_after = usage.bytes};
    report->is_peak_exact = trace_peak(tracker, frame, &report->peak_bytes);
    if (!report->is_peak_exact) {
        report->peak_bytes = frame->peak_bytes;
    }
    if (tracker->config.report != NULL) {
        tracker->config.report(tracker->config.ctx, report);
    }
}

int hf_scope_end(hf_scope_tracker_t *tracker, uint32_t scope, uint64_t now_us,
                 hf_scope_report_t *report)
{
    if (scope == 0) {
        return HF_E_EMPTY;
    }
    if (scope > tracker->depth) {
        tracker->unmatched++;
        return HF_E_STATE;
    }
    tracker->left_open += tracker->depth - scope;
    while (tracker->depth >= scope) {
        end_innermost(tracker, now_us, report);
    }
    return HF_OK;
}

hf_scope_guard_t hf_scope_guard_begin(hf_scope_tracker_t *tracker, const char *name)
{
    HF_ASSERT(tracker->config.now_us != NULL);
    return (hf_scope_guard_t){
        .tracker = tracker,
        .scope = hf_scope_begin(tracker, name, tracker->config.now_us(tracker->config.ctx))};
}

void hf_scope_guard_end(hf_scope_guard_t *guard)
{
    hf_scope_report_t report;
    hf_scope_tracker_t *tracker = guard->tracker;
    int status =
        hf_scope_end(tracker, guard->scope, tracker->config.now_us(tracker->config.ctx), &report);
    (void)status; // counted: a guard has nobody to tell
}
