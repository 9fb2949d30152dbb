// SPDX-License-Identifier: MIT
// Supervision. Goals: a task that hangs is found within its deadline, whoever else runs; what the supervisor itself missed
// is nobody's fault. Moments are compared modulo 2^32 (50 days). Every judgement looks at every check-in; the rest of it is
// made only where something changed: control says so by `changes`, time by `due`. [SAF-13]
#include "evse/evse_supervisor.h"

#include "holdfast/hf_clock.h"

#include <stddef.h>
#include <string.h>

#define WORD_BITS     32
#define MOMENT_LENGTH (1u << EVSE_SUPERVISOR_MOMENT_SHIFT)
#define MEMORY        ((uint32_t)INT32_MAX / 2u) // moments: 12 days, beyond every deadline
#define DAY           ((uint32_t)(86400u * (uint64_t)HF_US_PER_S / MOMENT_LENGTH))
// Moments are odd, so two of them may be one farther apart than the times were: the supervisor rather dozed than not.
#define DOZE    (EVSE_SUPERVISOR_DOZE_MS * (uint32_t)HF_US_PER_MS / MOMENT_LENGTH - 1u)
#define HOLD_US ((uint64_t)EVSE_HEALTH_HOLD_MS * HF_US_PER_MS)

#define HOLDS_AT_ONCE (EVSE_SUPERVISOR_NO_REALTIME | EVSE_SUPERVISOR_JOURNAL_SLOW)

static const struct {
    evse_health_t level;
    const char *text;
} reason_table[EVSE_HEALTH_REASON_COUNT] = {
#define REASON_ROW(name, level, text) [EVSE_HEALTH_REASON_##name] = {EVSE_HEALTH_##level, text},
    EVSE_HEALTH_REASON_TABLE(REASON_ROW)
#undef REASON_ROW
};

_Static_assert(EVSE_HEALTH_REASON_COUNT <= WORD_BITS, "reasons are bits of a uint32_t");
_Static_assert(EVSE_SUPERVISOR_TASKS_MAX <= WORD_BITS, "tasks are bits of a uint32_t");

const char *evse_health_text(unsigned health)
{
    static const char *const texts[EVSE_HEALTH_COUNT] = {"ok", "warning", "critical", "fault"};
    return health < EVSE_HEALTH_COUNT ? texts[health] : "unknown";
}

const char *evse_health_reason_text(unsigned reason)
{
    return reason < EVSE_HEALTH_REASON_COUNT ? reason_table[reason].text : "unknown reason";
}

evse_health_t evse_health_reason_level(unsigned reason)
{
    return reason < EVSE_HEALTH_REASON_COUNT ? reason_table[reason].level : EVSE_HEALTH_FAULT;
}

static uint32_t moment_age_ms(uint32_t since, uint32_t now)
{
    uint32_t age = now - since;
    return age > INT32_MAX
               ? 0
               : (uint32_t)((uint64_t)age * MOMENT_LENGTH / HF_US_PER_MS); // else: from after now
}

static uint32_t bit_of(evse_health_reason_t reason, bool is_there)
{
    return is_there ? 1u << reason : 0;
}

/// moment_age_ms() of so many moments is within the deadline.
static uint32_t grace_of(uint32_t deadline_ms)
{
    return (uint32_t)((uint64_t)deadline_ms * HF_US_PER_MS / MOMENT_LENGTH);
}

int evse_supervisor_init(evse_supervisor_t *supervisor, const evse_task_info_t *tasks,
                         uint32_t count, uint64_t now_us)
{
    if (supervisor == NULL || tasks == NULL) {
        return HF_E_ARGUMENT;
    }
    if (count == 0 || count > EVSE_SUPERVISOR_TASKS_MAX) {
        return HF_E_RANGE;
    }
    memset(supervisor, 0, sizeof *supervisor);
    for (uint32_t i = 0; i < count; i++) {
        if (tasks[i].name == NULL || tasks[i].deadline_ms == 0) {
            return HF_E_ARGUMENT;
        }
        atomic_init(&supervisor->checked[i], evse_supervisor_moment(now_us));
        supervisor->grace[i] = grace_of(tasks[i].deadline_ms);
    }
    atomic_init(&supervisor->standing, bit_of(EVSE_HEALTH_REASON_CONTROL_UNSEEN, true));
    atomic_init(&supervisor->changes, 0);
    atomic_init(&supervisor->judged, evse_supervisor_moment(now_us));
    supervisor->task = tasks;
    supervisor->tasks = count;
    supervisor->view.tasks = count;
    supervisor->started_us = now_us;
    supervisor->due = evse_supervisor_moment(now_us);
    supervisor->scan_due = supervisor->due;
    supervisor->link_seen_us = now_us;
    supervisor->watching_since = evse_supervisor_moment(now_us);
    supervisor->alarms_seen = UINT32_MAX;             // never seen
    supervisor->conditions = EVSE_SUPERVISOR_NO_LINK; // since now, should it be so
    supervisor->lateness.limit_us = EVSE_TICK_LATE_US;
    int status = hf_ring_init(&supervisor->noted, supervisor->noted_words,
                              sizeof(evse_fault_record_t), EVSE_FAULT_QUEUE_ENTRIES);
    return status == HF_OK ? hf_snapshot_init(&supervisor->published, supervisor->published_words,
                                              offsetof(evse_supervisor_view_t, lateness))
                           : status;
}

void evse_supervisor_rest(evse_supervisor_t *supervisor, unsigned task)
{
    if (task < supervisor->tasks) {
        atomic_store_explicit(&supervisor->checked[task], 0, memory_order_release);
    }
}

// ---- control's side -------------------------------------------------------------------------------------------------

static void note_fault(evse_supervisor_t *supervisor, uint32_t code, uint8_t connector,
                       uint64_t now_us)
{
    const evse_fault_record_t record = {.uptime_us = now_us - supervisor->started_us,
                                        .code = (uint16_t)code,
                                        .connector = connector,
                                        .severity = EVSE_HEALTH_FAULT};
    hf_ring_put(&supervisor->noted, &record);
}

static uint32_t reasons_of(const evse_channel_t *channel)
{
    const bool is_filling = channel->module_bus.ring_high || channel->bms_bus.ring_high;
    return bit_of(EVSE_HEALTH_REASON_FAULT_ACTIVE, channel->fault != EVSE_FAULT_NONE) |
           bit_of(EVSE_HEALTH_REASON_BUS_OFF, channel->bus == EVSE_CAN_BUS_OFF) |
           bit_of(EVSE_HEALTH_REASON_RING_FILLING, is_filling);
}

void evse_supervisor_note_alarms(evse_supervisor_t *supervisor, const evse_control_t *control,
                                 uint64_t now_us)
{
    const bool estop = atomic_load_explicit(&control->estop_latched, memory_order_relaxed) != 0;
    uint32_t reasons = bit_of(EVSE_HEALTH_REASON_ESTOP, estop);
    if (estop && !supervisor->last_estop) {
        note_fault(supervisor, EVSE_FAULT_EMERGENCY_STOP, EVSE_FAULT_STATION, now_us);
    }
    supervisor->last_estop = estop;
    for (uint32_t i = 0; i < control->connectors; i++) {
        const uint32_t fault = control->channel[i].fault;
        // The station's emergency stop is in the queue once, not once a connector.
        if (fault != supervisor->last_fault[i] && fault != EVSE_FAULT_NONE &&
            fault != EVSE_FAULT_EMERGENCY_STOP) {
            note_fault(supervisor, fault, (uint8_t)i, now_us);
        }
        supervisor->last_fault[i] = fault;
        reasons |= reasons_of(&control->channel[i]);
    }
    supervisor->alarms_seen = control->alarms;
    atomic_store_explicit(&supervisor->standing, reasons, memory_order_relaxed);
    const uint32_t changes = atomic_load_explicit(&supervisor->changes, memory_order_relaxed);
    atomic_store_explicit(&supervisor->changes, changes + 1u, memory_order_release);
}

// ---- the supervisor's side ------------------------------------------------------------------------------------------

static void queue_fault(evse_supervisor_view_t *view, const evse_fault_record_t *record)
{
    if (view->fault_count == EVSE_FAULT_QUEUE_ENTRIES) {
        memmove(&view->fault[0], &view->fault[1], sizeof view->fault - sizeof view->fault[0]);
        view->fault_count--;
        view->faults_dropped++;
    }
    view->fault[view->fault_count++] = *record;
    view->faults_total++;
}

static void take_noted(evse_supervisor_t *supervisor)
{
    evse_fault_record_t record;
    uint32_t lost = hf_ring_lost(&supervisor->noted);
    while (hf_ring_get(&supervisor->noted, &record) == HF_OK) {
        queue_fault(&supervisor->view, &record);
    }
    lost = hf_ring_lost(&supervisor->noted) - lost;
    supervisor->view.faults_total += lost;
    supervisor->view.faults_dropped += lost;
}

static void look_at_task(evse_supervisor_t *supervisor, unsigned i, uint32_t now,
                         evse_supervisor_verdict_t *verdict)
{
    const evse_task_info_t *info = &supervisor->task[i];
    evse_task_view_t *view = &supervisor->view.task[i];
    uint32_t checked = atomic_load_explicit(&supervisor->checked[i], memory_order_acquire);
    *view = (evse_task_view_t){.resting = checked == 0};
    if (checked == 0) {
        return;
    }
    bool since_doze = (int32_t)(checked - supervisor->watching_since) >= 0;
    uint32_t from = since_doze ? checked : supervisor->watching_since;
    view->age_ms = moment_age_ms(checked, now);
    view->late = moment_age_ms(from, now) > info->deadline_ms;
    if (info->critical && (view->late != 0 || !since_doze)) {
        verdict->feed = false;
    }
    if (info->critical && view->late != 0 && verdict->late < 0) {
        verdict->late = (int8_t)i;
    }
}

static void tell_late_tasks(evse_supervisor_t *supervisor, uint64_t now_us)
{
    for (uint32_t i = 0; i < supervisor->tasks; i++) {
        bool late = supervisor->view.task[i].late != 0;
        if (late && (supervisor->late_told >> i & 1u) == 0) {
            const evse_fault_record_t record = {.uptime_us = now_us - supervisor->started_us,
                                                .code = EVSE_FAULT_TASK_LATE,
                                                .connector = EVSE_FAULT_STATION,
                                                .severity = supervisor->task[i].critical
                                                                ? EVSE_HEALTH_FAULT
                                                                : EVSE_HEALTH_CRITICAL};
            queue_fault(&supervisor->view, &record);
        }
        uint32_t bit = 1u << i;
        supervisor->late_told = late ? supervisor->late_told | bit : supervisor->late_told & ~bit;
    }
}

static evse_supervisor_verdict_t look_at_tasks(evse_supervisor_t *supervisor, uint64_t now_us)
{
    evse_supervisor_verdict_t verdict = {.feed = true, .late = -1};
    for (uint32_t i = 0; i < supervisor->tasks; i++) {
        look_at_task(supervisor, i, evse_supervisor_moment(now_us), &verdict);
    }
    tell_late_tasks(supervisor, now_us);
    supervisor->view.feeding = verdict.feed;
    return verdict;
}

static uint32_t task_reasons(const evse_supervisor_t *supervisor)
{
    uint32_t reasons = 0;
    for (uint32_t i = 0; i < supervisor->tasks; i++) {
        if (supervisor->view.task[i].late != 0) {
            reasons |= bit_of(supervisor->task[i].critical ? EVSE_HEALTH_REASON_CRITICAL_TASK_LATE
                                                           : EVSE_HEALTH_REASON_TASK_LATE,
                              true);
        }
    }
    return reasons;
}

/// No later than then the health is made anew.
static void wake_at(evse_supervisor_t *supervisor, uint64_t at_us)
{
    const uint32_t at = evse_supervisor_moment(at_us);
    supervisor->due = (int32_t)(at - supervisor->due) < 0 ? at : supervisor->due;
}

static uint32_t ticks_over(const evse_supervisor_t *supervisor)
{
    return atomic_load_explicit(&supervisor->lateness.over, memory_order_relaxed);
}

// What is over in a moment is shown for a while: nobody looks that often.
static uint32_t hold_passing(evse_supervisor_t *supervisor, uint32_t reasons, uint64_t now_us)
{
    const uint32_t passing = bit_of(EVSE_HEALTH_REASON_TICKS_LATE, true) |
                             bit_of(EVSE_HEALTH_REASON_RING_FILLING, true) |
                             bit_of(EVSE_HEALTH_REASON_JOURNAL_SLOW, true);
    for (unsigned i = 0; i < EVSE_HEALTH_REASON_COUNT; i++) {
        uint32_t bit = 1u << i;
        if ((reasons & passing & bit) != 0) {
            supervisor->until_us[i] = now_us + HOLD_US;
            wake_at(supervisor, now_us); // it goes on: the time begins when it ends
        } else if ((passing & bit) != 0 && now_us < supervisor->until_us[i]) {
            reasons |= bit;
            wake_at(supervisor, supervisor->until_us[i]);
        }
    }
    return reasons;
}

static bool is_link_down(evse_supervisor_t *supervisor, uint32_t conditions, uint64_t now_us)
{
    const uint64_t limit_us = (uint64_t)EVSE_LINK_DOWN_MS * HF_US_PER_MS;
    if ((conditions & EVSE_SUPERVISOR_NO_LINK) == 0) {
        return false;
    }
    if ((supervisor->conditions & EVSE_SUPERVISOR_NO_LINK) == 0) {
        supervisor->link_seen_us = now_us;
    }
    if (now_us - supervisor->link_seen_us > limit_us) {
        return true;
    }
    wake_at(supervisor, supervisor->link_seen_us + limit_us + 1u);
    return false;
}

static void judge_health(evse_supervisor_t *supervisor, uint32_t conditions, uint64_t now_us)
{
    evse_supervisor_view_t *view = &supervisor->view;
    const uint32_t over = ticks_over(supervisor);
    supervisor->due = evse_supervisor_moment(now_us) + DAY; // for what wraps
    uint32_t reasons =
        atomic_load_explicit(&supervisor->standing, memory_order_relaxed) |
        task_reasons(supervisor) | (conditions & HOLDS_AT_ONCE) |
        bit_of(EVSE_HEALTH_REASON_TICKS_LATE, over != supervisor->ticks_over) |
        bit_of(EVSE_HEALTH_REASON_LINK_DOWN, is_link_down(supervisor, conditions, now_us));
    supervisor->ticks_over = over;
    supervisor->conditions = conditions;
    view->reasons = hold_passing(supervisor, reasons, now_us);
    view->health = EVSE_HEALTH_OK;
    for (unsigned i = 0; i < EVSE_HEALTH_REASON_COUNT; i++) {
        if ((view->reasons >> i & 1u) != 0 && reason_table[i].level > view->health) {
            view->health = reason_table[i].level;
        }
    }
}

/// Every task is within its deadline for sure. Nobody who is can be late before his deadline, whatever he does until then:
/// nobody looks again before the first of them.
static bool is_everybody_in_time(evse_supervisor_t *supervisor, uint32_t now)
{
    if ((int32_t)(now - supervisor->scan_due) < 0) {
        return true;
    }
    uint32_t due = now + DAY;
    for (uint32_t i = 0; i < supervisor->tasks; i++) {
        const uint32_t checked =
            atomic_load_explicit(&supervisor->checked[i], memory_order_relaxed);
        const uint32_t late_at = (checked != 0 ? checked : now) + supervisor->grace[i] + 1u;
        if ((int32_t)(now - late_at) >= 0) {
            return false;
        }
        due = (int32_t)(late_at - due) < 0 ? late_at : due;
    }
    supervisor->scan_due = due;
    return true;
}

/// Nothing is different from the last health, and everybody who has to was seen since the supervisor dozed.
static bool is_unchanged(const evse_supervisor_t *supervisor, uint32_t conditions, uint32_t now)
{
    return conditions == supervisor->conditions && (int32_t)(now - supervisor->due) < 0 &&
           atomic_load_explicit(&supervisor->changes, memory_order_relaxed) ==
               supervisor->changes_seen &&
           ticks_over(supervisor) == supervisor->ticks_over;
}

/// [SAF-13] A supervisor that was stopped, swapped out or starved, like others, blames nobody.
static void watch_itself(evse_supervisor_t *supervisor, bool has_dozed, uint32_t now)
{
    if (has_dozed) {
        supervisor->watching_since = now;
        supervisor->view.dozes++;
    }
    if (now - supervisor->watching_since > MEMORY) { // or it would lie ahead one day
        supervisor->watching_since = (now - MEMORY) | 1u;
    }
}

static HF_APART evse_supervisor_verdict_t judge_anew(evse_supervisor_t *supervisor,
                                                     uint32_t conditions, uint64_t now_us)
{
    // Before what is taken: what comes meanwhile is looked at again.
    supervisor->changes_seen = atomic_load_explicit(&supervisor->changes, memory_order_acquire);
    take_noted(supervisor);
    evse_supervisor_verdict_t verdict = look_at_tasks(supervisor, now_us);
    judge_health(supervisor, conditions, now_us);
    if (!verdict.feed || supervisor->late_told != 0) {
        wake_at(supervisor, now_us);
    }
    hf_snapshot_write(&supervisor->published, &supervisor->view);
    return verdict;
}

evse_supervisor_verdict_t evse_supervisor_judge(evse_supervisor_t *supervisor, uint32_t conditions,
                                                uint64_t now_us)
{
    const uint32_t now = evse_supervisor_moment(now_us);
    const uint32_t last = atomic_load_explicit(&supervisor->judged, memory_order_relaxed);
    const bool has_dozed = now - last > DOZE;
    atomic_store_explicit(&supervisor->judged, now, memory_order_relaxed);
    if (!has_dozed && is_unchanged(supervisor, conditions, now) &&
        is_everybody_in_time(supervisor, now)) {
        return (evse_supervisor_verdict_t){.feed = true, .late = -1};
    }
    watch_itself(supervisor, has_dozed, now);
    return judge_anew(supervisor, conditions, now_us);
}

int evse_supervisor_read(const evse_supervisor_t *supervisor, evse_supervisor_view_t *view)
{
    int status = hf_snapshot_read(&supervisor->published, view);
    const uint32_t judged = atomic_load_explicit(&supervisor->judged, memory_order_relaxed);
    for (uint32_t i = 0; status == HF_OK && i < view->tasks; i++) {
        uint32_t checked = atomic_load_explicit(&supervisor->checked[i], memory_order_relaxed);
        view->task[i].resting = checked == 0;
        view->task[i].age_ms = checked != 0 ? moment_age_ms(checked, judged) : 0;
    }
    hf_lateness_read(&supervisor->lateness, &view->lateness);
    return status;
}
