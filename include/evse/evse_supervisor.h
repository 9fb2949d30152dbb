// SPDX-License-Identifier: MIT
// Supervision: who of the critical tasks is in time, whether the watchdogs may be fed, how the charge point does, and which
// faults it had. It never writes power: it can only stop feeding. [SAF-13]
// Invariants: "feed" is said only when every critical task has checked in within its deadline, and since the supervisor
// last dozed off; a supervisor that did not look itself calls nobody late. Every judgement looks at every task; what is
// made of it is made anew only when something changed, or a time that was waited for has come.
#ifndef EVSE_SUPERVISOR_H
#define EVSE_SUPERVISOR_H

#include "evse/evse_control.h"
#include "evse/evse_timing.h"
#include "holdfast/hf_lateness.h"

#define EVSE_SUPERVISOR_TASKS_MAX 8u
#define EVSE_FAULT_QUEUE_ENTRIES  16u

typedef struct evse_task_info {
    const char *name;
    uint32_t deadline_ms;
    bool critical; // when it is late the watchdogs are not fed
} evse_task_info_t;

typedef enum evse_health {
    EVSE_HEALTH_OK,
    EVSE_HEALTH_WARNING,  // works; somebody should look at it
    EVSE_HEALTH_CRITICAL, // works in part
    EVSE_HEALTH_FAULT,    // some connector cannot charge
    EVSE_HEALTH_COUNT
} evse_health_t;
const char *evse_health_text(unsigned health); // "warning"

// Why the health is not OK: X(name, level, text).
#define EVSE_HEALTH_REASON_TABLE(X)                                                                \
    X(TICKS_LATE, WARNING, "control ticks late")                                                   \
    X(RING_FILLING, WARNING, "CAN receive ring nearly full")                                       \
    X(JOURNAL_SLOW, WARNING, "durable storage slow")                                               \
    X(LINK_DOWN, WARNING, "no link to the central system")                                         \
    X(NO_REALTIME, WARNING, "no real-time priority or memory lock")                                \
    X(BUS_OFF, CRITICAL, "CAN bus off")                                                            \
    X(CONTROL_UNSEEN, CRITICAL, "no snapshot of control")                                          \
    X(TASK_LATE, CRITICAL, "a task is late")                                                       \
    X(FAULT_ACTIVE, FAULT, "a connector is faulted")                                               \
    X(ESTOP, FAULT, "emergency stop latched")                                                      \
    X(CRITICAL_TASK_LATE, FAULT, "a critical task is late")

typedef enum evse_health_reason {
#define EVSE_HEALTH_REASON_ENUM(name, level, text) EVSE_HEALTH_REASON_##name,
    EVSE_HEALTH_REASON_TABLE(EVSE_HEALTH_REASON_ENUM)
#undef EVSE_HEALTH_REASON_ENUM
        EVSE_HEALTH_REASON_COUNT
} evse_health_reason_t;
const char *evse_health_reason_text(unsigned reason);
evse_health_t evse_health_reason_level(unsigned reason);

/// One entry of the fault queue.
typedef struct evse_fault_record {
    uint64_t uptime_us; // since evse_supervisor_init()
    uint16_t code;      // evse_fault_t
    uint8_t connector;  // from 0; 0xFF: the station
    uint8_t severity;   // evse_health_t
    uint32_t padding;
} evse_fault_record_t;
#define EVSE_FAULT_STATION 0xFFu

typedef struct evse_task_view {
    uint32_t age_ms; // from its last check-in to the last judge()
    uint32_t late;   // 1: longer than its deadline
    uint32_t resting;
} evse_task_view_t;

/// What anybody may know of it.
typedef struct evse_supervisor_view {
    uint32_t health;  // evse_health_t
    uint32_t reasons; // bit per evse_health_reason_t
    uint32_t feeding; // 1: the watchdogs are fed
    uint32_t dozes;   // times the supervisor itself came too late
    uint32_t tasks;
    evse_task_view_t task[EVSE_SUPERVISOR_TASKS_MAX];
    uint32_t faults_total;   // ever
    uint32_t faults_dropped; // no longer in the queue, or never made it there
    uint32_t fault_count;    // of fault[], oldest first
    evse_fault_record_t fault[EVSE_FAULT_QUEUE_ENTRIES];
    hf_lateness_view_t lateness; // of control ticks; evse_supervisor_read() alone knows it
} evse_supervisor_view_t;

typedef struct evse_supervisor {
    const evse_task_info_t *task;
    uint32_t tasks;
    hf_atomic_u32_t checked[EVSE_SUPERVISOR_TASKS_MAX]; // moment, odd; 0: resting
    uint32_t grace[EVSE_SUPERVISOR_TASKS_MAX]; // moments that are surely within the deadline
    // control's
    hf_lateness_t lateness;
    hf_ring_t noted; // evse_fault_record_t: control puts, the supervisor gets
    uint32_t noted_words[HF_RING_BYTES(sizeof(evse_fault_record_t), EVSE_FAULT_QUEUE_ENTRIES) / 4u];
    uint32_t alarms_seen; // of control
    uint32_t last_fault[CONFIG_EVSE_CONNECTORS_MAX];
    bool last_estop;
    hf_atomic_u32_t standing; // bit per evse_health_reason_t that control's state is a reason of
    hf_atomic_u32_t changes;  // grows after a change of that, or of the faults
    // the supervisor's
    uint64_t started_us, link_seen_us;
    uint64_t until_us[EVSE_HEALTH_REASON_COUNT]; // a passing reason is shown until then
    hf_atomic_u32_t judged;                      // moment
    uint32_t due;            // moment: when time alone may change the health next
    uint32_t scan_due;       // moment: nobody can be late before it
    uint32_t watching_since; // moment: deadlines count from here at the earliest
    uint32_t ticks_over, changes_seen, conditions; // as of the last health
    uint32_t late_told;                            // bit per task: it is in the fault queue
    evse_supervisor_view_t view;
    hf_snapshot_t published;
    uint32_t published_words[HF_SNAPSHOT_BYTES(sizeof(evse_supervisor_view_t)) / 4u];
} evse_supervisor_t;

typedef struct evse_supervisor_verdict {
    bool feed;
    int8_t late; // the first critical task beyond its deadline; -1 none
} evse_supervisor_verdict_t;

/// `tasks` lives as long as the instance; all count as checked in now. HF_E_ARGUMENT (none, or a deadline of 0), HF_E_RANGE.
HF_MUST_CHECK int evse_supervisor_init(evse_supervisor_t *supervisor, const evse_task_info_t *tasks,
                                       uint32_t count, uint64_t now_us);
/// A moment: 1,024 us, odd, so that a check-in is one store on every processor and 0 stands for a task at rest.
#define EVSE_SUPERVISOR_MOMENT_SHIFT 10
static inline uint32_t evse_supervisor_moment(uint64_t now_us)
{
    return (uint32_t)(now_us >> EVSE_SUPERVISOR_MOMENT_SHIFT) | 1u;
}
/// The task is alive. Context: any; a task has one context at a time. Cost: one atomic store.
static inline void evse_supervisor_check_in(evse_supervisor_t *supervisor, unsigned task,
                                            uint64_t now_us)
{
    if (task < EVSE_SUPERVISOR_TASKS_MAX) {
        atomic_store_explicit(&supervisor->checked[task], evse_supervisor_moment(now_us),
                              memory_order_relaxed);
    }
}
/// The task waits without a limit: not watched until it checks in again. Context: as check_in().
void evse_supervisor_rest(evse_supervisor_t *supervisor, unsigned task);

/// Faults that are new go into the queue, what stands becomes a reason of the health. Context: the control tick's. Cost:
/// O(connectors).
void evse_supervisor_note_alarms(evse_supervisor_t *supervisor, const evse_control_t *control,
                                 uint64_t now_us);
/// Whether alarms of control are other ones than those noted last. Context: the control tick's.
static inline bool evse_supervisor_is_alarmed(const evse_supervisor_t *supervisor,
                                              const evse_control_t *control)
{
    return control->alarms != supervisor->alarms_seen;
}
/// After each control tick: how late it began (UINT32_MAX stands for all above), and what it found.
/// Context: the control tick's. Cost: O(1) while nothing changes.
static inline void evse_supervisor_note_tick(evse_supervisor_t *supervisor,
                                             const evse_control_t *control, uint32_t late_us,
                                             uint64_t now_us)
{
    if (evse_supervisor_is_alarmed(supervisor, control)) {
        evse_supervisor_note_alarms(supervisor, control, now_us);
    }
    hf_lateness_note(&supervisor->lateness, late_us);
}

/// What the supervisor cannot know by itself: bits of these reasons that hold right now. Without a link LINK_DOWN is a
/// reason only after EVSE_LINK_DOWN_MS.
#define EVSE_SUPERVISOR_NO_LINK      (1u << EVSE_HEALTH_REASON_LINK_DOWN)
#define EVSE_SUPERVISOR_NO_REALTIME  (1u << EVSE_HEALTH_REASON_NO_REALTIME)
#define EVSE_SUPERVISOR_JOURNAL_SLOW (1u << EVSE_HEALTH_REASON_JOURNAL_SLOW)

/// Once a period. Context: one, the supervisor's. Cost: O(tasks); where something changed O(tasks + faults).
evse_supervisor_verdict_t evse_supervisor_judge(evse_supervisor_t *supervisor, uint32_t conditions,
                                                uint64_t now_us);

/// The view as of the last judge(). HF_E_EMPTY before the first, HF_E_AGAIN. Context: any.
HF_MUST_CHECK int evse_supervisor_read(const evse_supervisor_t *supervisor,
                                       evse_supervisor_view_t *view);

#endif
