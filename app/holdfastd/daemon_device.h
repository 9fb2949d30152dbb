// SPDX-License-Identifier: MIT
// Telemetry and the trip policy as parts of the daemon: what daemon_t holds of them, and what its loops call. Invariants:
// everything is printed and decided by main's loop; comms and the supervisor leave words for it; a trip can only take power
// away, and only by the ordinary end [SAF-14].
#ifndef DAEMON_DEVICE_H
#define DAEMON_DEVICE_H

#include "daemon_telemetry.h"
#include "evse/evse_ocpp.h"
#include "evse/evse_view.h"

#if CONFIG_HF_TELEMETRY
#include "daemon_dossier.h"
#include "daemon_stream.h"
#include "hf_thermal_linux.h"
#include "holdfast/hf_telemetry_sources.h"
#include "holdfast_malloc.h"

#define DAEMON_WIRES   9u
#define DAEMON_REGIONS HOLDFAST_MALLOC_REGIONS_MAX
#define DAEMON_TRIPS_IN_A_ROW                                                                      \
    3u // restarts by policy within their first hour; then none until somebody looked

/// A budget of memory that was put under the process (port/linux/holdfast_malloc.h); NULL: there is none.
typedef struct daemon_budget {
    int (*read)(hf_memory_t *memory);
    int (*region)(unsigned number, holdfast_malloc_region_t *region);
    int (*failures)(holdfast_malloc_failures_t *failures);
    void (*arm)(void);
    holdfast_malloc_region_t of[DAEMON_REGIONS]; // as read last, in the order they were stated
    char name[DAEMON_REGIONS][HOLDFAST_MALLOC_NAME_BYTES + 5]; // as pools: "heap_" before it
    uint32_t regions;
    uint32_t wrong_gives;
} daemon_budget_t;

typedef struct daemon_device {
    daemon_stream_t stream;
    hf_telemetry_t telemetry;
    hf_history_sample_t history[HF_HISTORY_SAMPLES];
    hf_tripwire_t tripwire;
#if CONFIG_HF_MUTEX
    hf_telemetry_locks_t locks;
#endif
    hf_wire_t wires[DAEMON_WIRES];
    daemon_dossier_t dossier;
    evse_device_view_t view; // being made
    hf_snapshot_t published;
    uint32_t words[HF_SNAPSHOT_BYTES(sizeof(evse_device_view_t)) / 4u];
    uint64_t published_us, published_before_us, cpu_us;
    bool is_net_told, is_stale_told;
    daemon_budget_t budget;
    hf_thermal_linux_t thermal;
    evse_comms_view_t comms; // as main knows it
    uint32_t queue_peak;     // messages in the journal
    bool is_ready;
    hf_trip_event_t cause;    // of the restart under way; wire NULL: none
    uint32_t held_back;       // restarts by policy that did not happen
    _Atomic uint32_t is_open; // marks are taken
    _Atomic uint32_t shedding;
    _Atomic uint32_t finishing; // main's wish: comms lets sessions end, then the daemon
    // comms'
    evse_comms_view_t seen; // as of the last round
    bool has_seen;
    uint32_t running_first; // bit per connector: it was charging when finishing began
    bool is_finishing;
} daemon_device_t;
#else
typedef struct daemon_device {
    uint32_t nothing;
} daemon_device_t;
#endif

struct daemon;

/// After the state directory is locked: opens stream and page, tells the prologue's first lines. -1, or the exit code.
int daemon_device_build(struct daemon *daemon);
/// After the store is open: the last run's dossier goes to the journal.
void daemon_device_keep(struct daemon *daemon);
/// main's, in each round.
void daemon_device_poll(struct daemon *daemon, uint64_t now_us);
/// comms', in each round after its view is made.
void daemon_device_watch_comms(struct daemon *daemon, uint64_t now_us);
/// Every thread of the daemon, first.
void daemon_device_enter_thread(void);
/// A critical task hangs: the last words. Context: the supervisor.
void daemon_device_note_hang(struct daemon *daemon, const char *task, uint32_t age_ms);
/// main's, after the threads have ended: the last words of an end in good order.
void daemon_device_stop(struct daemon *daemon);

// ---- the policy (daemon_policy.c) -----------------------------------------------------------------

#if CONFIG_HF_TELEMETRY
/// The table as options have it. -1, or the exit code.
int daemon_policy_build(struct daemon *daemon);
/// What stands: shedding begins and ends; tasks that are late are shown to the wires. Context: main.
void daemon_policy_poll(struct daemon *daemon, uint64_t now_us);
/// Lets sessions end, and none begin, while the policy wants it. Context: comms.
void daemon_policy_finish(struct daemon *daemon, uint64_t now_us);
/// Why the daemon restarts, as the dossier is to say it.
uint32_t daemon_policy_reason(const struct daemon *daemon);
#endif

#endif
