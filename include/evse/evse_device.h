// SPDX-License-Identifier: MIT
// The device itself as services may know it (status page, MQTT, metrics): memory, windows and history, pools, tasks, trips,
// and why it started. Filled by the telemetry's loop, published through an hf_snapshot_t, read by anybody.
#ifndef EVSE_DEVICE_H
#define EVSE_DEVICE_H

#include "holdfast/hf_dossier.h"
#include "holdfast/hf_line.h"
#include "holdfast/hf_snapshot.h"
#include "holdfast/hf_window.h"

#define EVSE_DEVICE_POOLS 16u
#define EVSE_DEVICE_TASKS 16u
#define EVSE_DEVICE_LOCKS 16u

typedef struct evse_device_lock {
    const char *name, *holder, *waiter; // of the last time-out; "": nobody, or there was none
    uint32_t held_ms, timeouts;
} evse_device_lock_t;

typedef struct evse_device_view {
    uint64_t now_us, started_us;
    uint32_t has_memory; // 0: nothing is known of memory, and windows are empty
    uint32_t reset_code; // hf_reset_reason_t of this start
    hf_memory_t memory;
    hf_windows_t windows; // hf_windows_span() and hf_history_get() work on the copy that is read
    hf_history_sample_t history[HF_HISTORY_SAMPLES]; // private: windows' ring
    uint32_t heap_bytes;                             // all there is of internal memory; 0 unknown
    int32_t cpu_permille;  // of one processor, over the last period; -1 unknown
    int32_t cpu_mC;        // how warm it is, in thousandths of a degree; INT32_MIN unknown
    char ip[46], host[64]; // empty: disconnected
    uint32_t pools, tasks, locks;
    evse_device_lock_t lock[EVSE_DEVICE_LOCKS];
    hf_line_pool_t pool[EVSE_DEVICE_POOLS]; // names live as long as the program
    hf_line_task_t task[EVSE_DEVICE_TASKS];
    uint32_t lines, lost_lines, lost_marks; // of the telemetry stream
    uint32_t warnings, trips;
    uint32_t shedding;    // 1: services give up what is not charging
    uint32_t finishing;   // 1: no session begins any more, a restart follows
    uint32_t has_dossier; // of an end before this start; 0: there is none
    hf_dossier_t dossier;
} evse_device_view_t;

#endif
