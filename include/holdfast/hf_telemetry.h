// SPDX-License-Identifier: MIT
// The telemetry of a device: tagged snapshots, heartbeat, pools, tasks, tripwires, windows and history, told as the lines of
// hf_line.h on a stream of their own. Anybody marks a moment; the loop that owns the instance prints. Invariants: a handler
// never prints and never waits; a line goes out whole or is counted as lost; no allocation, no lock.
#ifndef HF_TELEMETRY_H
#define HF_TELEMETRY_H

#include "holdfast/hf_line.h"
#include "holdfast/hf_mutex.h"
#include "holdfast/hf_pool.h"
#include "holdfast/hf_task.h"
#include "holdfast/hf_tripwire.h"
#include "holdfast/hf_window.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_TELEMETRY_MARKS      16u  // that wait to be printed
#define HF_TELEMETRY_SAMPLE_MS  200u // windows, tripwires
#define HF_TELEMETRY_POOLS_MS   10000u
#define HF_TELEMETRY_IDLE_MS    60000u // from ready to the snapshot "idle60"
#define HF_TELEMETRY_DUMP_TASKS 8u     // at a trip; every task with a heartbeat

typedef struct hf_telemetry_mark {
    hf_atomic_u32_t turn; // of the queue
    const char *tag;
    uint64_t at_us;
    hf_memory_t memory; // as it was then
} hf_telemetry_mark_t;

typedef struct hf_telemetry_config {
    hf_memory_source_t memory;
    /// Takes a whole line with its end, or returns false: then it is lost, and counted. Never waits.
    bool (*write)(void *ctx, const char *line, size_t length);
    void *ctx;
    const hf_pool_t *const *pools;
    const char *const *pool_names;
    uint32_t pool_count;
    hf_tasks_t *tasks;          // NULL: none
    hf_mutex_t *const *mutexes; // NULL: none
    uint32_t mutex_count;
    hf_tripwire_t *tripwire; // NULL: none
    uint32_t heartbeat_ms;   // 60000; 5000 in tests
} hf_telemetry_config_t;

typedef struct hf_telemetry {
    hf_telemetry_config_t config;
    hf_telemetry_mark_t mark[HF_TELEMETRY_MARKS];
    hf_atomic_u32_t put, got, lost_marks;
    uint32_t lines, lost_lines;
    uint64_t started_us, ready_us, sample_us, heartbeat_us, pools_us;
    const char *last_tag;
    char ip[46], host[64]; // empty: disconnected
    bool idle_told;
    hf_windows_t windows;
} hf_telemetry_t;

/// Everything in `config` lives as long as the instance. HF_E_ARGUMENT: write is missing, heartbeat_ms is 0.
HF_MUST_CHECK int hf_telemetry_init(hf_telemetry_t *telemetry, const hf_telemetry_config_t *config,
                                    uint64_t now_us);
/// A snapshot with a name: memory is read here and now, the line comes from the loop. A queue that is full loses it, counted.
/// `tag` is a literal. A NULL telemetry: nothing. Context: any task, several at once. Cost: the source's and O(1), no lock.
void hf_telemetry_mark(hf_telemetry_t *telemetry, const char *tag, uint64_t now_us);
/// The loop's: prints marks, samples every 200 ms, checks tripwires (at each mark too, with its tag), heartbeat with tasks, pools every
/// 10 s, "idle60" 60 s after ready. Looks at no more than 1 KB of a stack at once. Context: the owner.
void hf_telemetry_poll(hf_telemetry_t *telemetry, uint64_t now_us);

/// The prologue. Context: the owner.
void hf_telemetry_boot(hf_telemetry_t *telemetry, uint32_t code, const char *reason,
                       const char *version);
void hf_telemetry_ip(hf_telemetry_t *telemetry, const char *ip,
                     const char *host); // NULL: disconnected
void hf_telemetry_ready(hf_telemetry_t *telemetry, uint64_t now_us);
/// For on_trip(): the line of the trip, the header, the worst stacks, pools and locks. Context: within on_trip() or the owner.
void hf_telemetry_tell_trip(hf_telemetry_t *telemetry, const hf_trip_event_t *event);

#ifdef __cplusplus
}
#endif

#endif
