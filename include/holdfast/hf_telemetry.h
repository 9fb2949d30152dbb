// SPDX-License-Identifier: MIT
// The telemetry of a device: tagged snapshots, heartbeat, pools, tasks, tripwires, windows and history, told as the lines of
// hf_line.h on a stream of their own. Anybody marks a moment; the loop that owns the instance prints. Invariants: a handler
// never prints and never waits; a line goes out whole or is counted as lost; no allocation, no lock.
#ifndef HF_TELEMETRY_H
#define HF_TELEMETRY_H

#include "holdfast/hf_atomic.h"
#include "holdfast/hf_config.h"
#include "holdfast/hf_line.h"
#include "holdfast/hf_task.h"
#include "holdfast/hf_tripwire.h"
#include "holdfast/hf_window.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_TELEMETRY_MARKS      ((uint32_t)CONFIG_HF_TELEMETRY_MARKS)
#define HF_TELEMETRY_TOLD_MAX   16u // marks a poll prints: what takes the lines has room for so many
#define HF_TELEMETRY_SAMPLE_MS  200u // windows, tripwires
#define HF_TELEMETRY_POOLS_MS   10000u
#define HF_TELEMETRY_IDLE_MS    60000u // from ready to the snapshot "idle60"
#define HF_TELEMETRY_DUMP_TASKS 8u     // at a trip; every task with a heartbeat
#define HF_TELEMETRY_DUMP_MS                                                                       \
    10000u // from one dump for a kind of wire to the next; the trip's own line always goes
#define HF_TELEMETRY_LOOK_BYTES 1024u

typedef struct hf_telemetry_mark {
    hf_atomic_u32_t turn; // of the queue
    const char *tag;
    uint64_t at_us;
    hf_memory_t memory; // as it was then
    bool is_known;
} hf_telemetry_mark_t;

typedef struct hf_telemetry_config {
    hf_memory_source_t memory;
    /// Takes a whole line with its end, or returns false: then it is lost, and counted. Never waits.
    bool (*write)(void *ctx, const char *line, size_t length);
    void *ctx;
    /// Pools and locks by number (hf_telemetry_sources.h has both for the runtime's own). False: there is nothing to tell
    /// of it. Context: the owner's, at each sample. NULL: none.
    bool (*read_pool)(const void *of, uint32_t index, hf_line_pool_t *pool);
    const void *pools;
    uint32_t pool_count;
    uint32_t pools_full_by_design; // bit per pool whose level is looked at by no wire
    bool (*read_lock)(const void *of, uint32_t index, hf_line_lock_t *lock);
    const void *locks;
    uint32_t lock_count;
    hf_tasks_t *tasks;            // NULL: none
    hf_tripwire_t *tripwire;      // NULL: none
    hf_history_sample_t *history; // as hf_windows_init()
    uint32_t history_count;
    uint32_t heartbeat_ms; // 60000; 5000 in tests
    /// Of a stack whose margin is not known yet, at a sample; a sixteenth of it from then on. 0: HF_TELEMETRY_LOOK_BYTES.
    uint32_t look_bytes;
} hf_telemetry_config_t;

typedef struct hf_telemetry {
    hf_telemetry_config_t config;
    hf_telemetry_mark_t mark[HF_TELEMETRY_MARKS];
    hf_atomic_u32_t put, lost_marks;
    uint32_t got, marks_peak;
    uint32_t lines, lost_lines;
    uint64_t started_us, now_us;                // now_us: of the last poll that had to do
    uint64_t sample_us, heartbeat_us, pools_us; // when the next one is due
    uint64_t ready_us, dumped_us[HF_WIRE_KINDS];
    uint32_t dumped; // bit per kind
    const char *last_tag;
    hf_memory_t memory; // the last reading
    bool memory_known, memory_told;
    bool is_ready, idle_told;
    uint32_t next_pool, next_lock, next_task; // to be looked at
    uint32_t stacks_told;                     // bit per row of tasks
    char ip[46], host[64];                    // empty: disconnected
    hf_windows_t windows;
    char line[HF_LINE_BYTES]; // not on the stack: at a trip that may be what is short
} hf_telemetry_t;

/// Everything in `config` lives as long as the instance. HF_E_ARGUMENT: write is missing, heartbeat_ms is 0.
HF_MUST_CHECK int hf_telemetry_init(hf_telemetry_t *telemetry, const hf_telemetry_config_t *config,
                                    uint64_t now_us);
/// A snapshot with a name: memory is read here and now, the line comes from the loop. A queue that is full loses it,
/// counted. `tag` is a literal. A NULL telemetry: nothing. Context: any task or ISR the source may be read in, several at
/// once. Cost: the source's and O(1), no lock; each further round means that another context got on.
void hf_telemetry_mark(hf_telemetry_t *telemetry, const char *tag, uint64_t now_us);
/// Marks lost so far. Context: any.
uint32_t hf_telemetry_lost_marks(const hf_telemetry_t *telemetry);
/// The loop's: prints marks (HF_TELEMETRY_TOLD_MAX at most, the others at the next), samples every 200 ms (memory, windows,
/// tripwires; one pool, one lock, one stack after the other, a stack's size once, when its margin is known),
/// heartbeat with "hb" and tasks, pools and locks that timed out every 10 s, "idle60" 60 s after ready.
/// Tripwires of memory are checked at each mark too, with its tag. What is late is done once, not made up for. Context:
/// the owner.
void hf_telemetry_poll(hf_telemetry_t *telemetry, uint64_t now_us);

/// The prologue. Context: the owner.
void hf_telemetry_boot(hf_telemetry_t *telemetry, uint32_t code, const char *reason,
                       const char *version);
void hf_telemetry_ip(hf_telemetry_t *telemetry, const char *ip,
                     const char *host); // NULL: disconnected
void hf_telemetry_ready(hf_telemetry_t *telemetry, uint64_t now_us);
/// The last reading; NULL before the first, and where memory is unknown. Context: the owner.
const hf_memory_t *hf_telemetry_memory(const hf_telemetry_t *telemetry);
/// Shows a value that telemetry cannot know (a late task) to the tripwires, under the last tag. Context: the owner.
void hf_telemetry_check(hf_telemetry_t *telemetry, hf_wire_kind_t kind, unsigned index,
                        uint32_t value, const char *name);
/// For on_trip(): the line of the trip; before it the Mem line unless that was told, and after it the header, the worst
/// stacks, their sizes, pools and locks, for a trip (not a warning) and at most every 10 s for a kind. Context: within
/// on_trip() or the owner.
void hf_telemetry_tell_trip(hf_telemetry_t *telemetry, const hf_trip_event_t *event);

#ifdef __cplusplus
}
#endif

#endif
