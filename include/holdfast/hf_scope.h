// SPDX-License-Identifier: MIT
// What an operation did to memory: between begin and end of a scope, the change in blocks and bytes held, the most held in
// between, the time. Scopes nest, last begun is first ended; each counts on its own, what its inner ones did included.
// Over pools, so that nothing is added to takes and gives; what other tasks did meanwhile is in the figures, too.
// The most held in between is exact when a trace watches the pools and lost nothing; else it is the most of the moments a
// scope began, ended or was marked (`is_peak_exact` says which).
// Context of every call: the one owner of the tracker.
#ifndef HF_SCOPE_H
#define HF_SCOPE_H

#include "holdfast/hf_pool.h"
#include "holdfast/hf_trace.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_SCOPE_DEPTH_MAX 8u

typedef struct hf_scope_report {
    const char *name;
    uint32_t depth; // 0: outermost
    uint64_t time_us;
    uint32_t blocks_before, blocks_after;
    uint64_t bytes_before, bytes_after; // as blocks have them
    uint64_t peak_bytes;                // held at once between begin and end
    bool is_peak_exact;
} hf_scope_report_t;

typedef struct hf_scope_frame {
    const char *name;
    uint64_t begin_us;
    uint32_t blocks;
    uint64_t bytes, peak_bytes;
    uint32_t sequence; // of the trace
} hf_scope_frame_t;

typedef struct hf_scope_config {
    const hf_pool_t *const *pools;
    uint32_t pool_count;
    const hf_trace_t
        *trace; // of all these pools and no others; NULL: none. Ignored without CONFIG_HF_TRACE
    /// The time, for the macro below; may be NULL where it is not used. Never blocks.
    uint64_t (*now_us)(void *ctx);
    /// Gets the report of each scope that ends. May be NULL. Must not begin or end scopes.
    void (*report)(void *ctx, const hf_scope_report_t *report);
    void *ctx;
} hf_scope_config_t;

typedef struct hf_scope_tracker {
    hf_scope_config_t config;
    hf_scope_frame_t frame[HF_SCOPE_DEPTH_MAX];
    uint32_t depth;
    uint32_t too_deep;  // scopes begun beyond HF_SCOPE_DEPTH_MAX: not measured
    uint32_t unmatched; // ends without a begin
    uint32_t left_open; // inner scopes that an outer one's end had to end
} hf_scope_tracker_t;

/// HF_E_ARGUMENT: no pools.
HF_MUST_CHECK int hf_scope_init(hf_scope_tracker_t *tracker, const hf_scope_config_t *config);

/// Begins a scope and returns its number for hf_scope_end(), from 1 on; 0 when it is nested too deep (counts `too_deep`).
/// `name`: static text. Cost: O(pools).
uint32_t hf_scope_begin(hf_scope_tracker_t *tracker, const char *name, uint64_t now_us);

/// A moment to look at, in every open scope.  Cost: O(pools + depth).
void hf_scope_mark(hf_scope_tracker_t *tracker);

/// Ends the scope and those that were left open within it (counts `left_open` each). HF_E_STATE when it is not open (counts
/// `unmatched`), HF_E_EMPTY for number 0. Cost: O(pools), with a trace O(entries since the begin).
HF_MUST_CHECK int hf_scope_end(hf_scope_tracker_t *tracker, uint32_t scope, uint64_t now_us,
                               hf_scope_report_t *report);

typedef struct hf_scope_guard {
    hf_scope_tracker_t *tracker;
    uint32_t scope;
} hf_scope_guard_t;

hf_scope_guard_t hf_scope_guard_begin(hf_scope_tracker_t *tracker, const char *name);
void hf_scope_guard_end(hf_scope_guard_t *guard);

/// Measures from here to the end of the enclosing block, however it is left; the report goes to config.report. Needs
/// config.now_us. GCC and Clang.
#define HF_SCOPE(tracker, name)                                                                    \
    __attribute__((cleanup(hf_scope_guard_end), unused)) hf_scope_guard_t HF_SCOPE_JOIN_(          \
        hf_scope_at_, __LINE__) = hf_scope_guard_begin((tracker), (name))
#define HF_SCOPE_JOIN_(a, b)       HF_SCOPE_JOIN_AGAIN_(a, b)
#define HF_SCOPE_JOIN_AGAIN_(a, b) a##b

#ifdef __cplusplus
}
#endif

#endif
