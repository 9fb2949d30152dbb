// SPDX-License-Identifier: MIT
// Supervision. Goals: a task that hangs is found within its deadline, whoever else runs; what the supervisor itself missed
// is nobody's fault. Moments are uint32_t in units of 1,024 us, odd, and compared modulo 2^32 (50 days), so that a check-in
// is one store on every processor; 0 stands for a task at rest. [SAF-13]
#include "evse/evse_supervisor.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define WORD_BITS     32
#define MOMENT_SHIFT  10 // a moment is 1,024 us: no division on a processor that has none
#define MOMENT_LENGTH (1u << MOMENT_SHIFT)
#define MEMORY        ((uint32_t)INT32_MAX / 2u) // moments: 12 days, beyond every deadline
#define DOZE_US       ((uint64_t)EVSE_SUPERVISOR_DOZE_MS * HF_US_PER_MS)
#define HOLD_US       ((uint64_t)EVSE_HEALTH_HOLD_MS * HF_US_PER_MS)

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

static uint32_t moment_of(uint64_t now_us)
{
    return (uint32_t)(now_us >> MOMENT_SHIFT) | 1u;
}

static uint32_t moment_age_ms(uint32_t since, uint32_t now)
{
    uint32_t age = now - since;
    return age > INT32_MAX
               ? 0
               : (uint32_t)((uint64_t)age * MOMENT_LENGTH / HF_US_PER_MS); // else: from after now
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
        atomic_init(&supervisor->checked[i], moment_of(now_us));
    }
    supervisor->task = tasks;
    supervisor->tasks = count;
    supervisor->started_us = now_us;
    supervisor->judged_us = now_us;
    supervisor->link_seen_us = now_us;
    supervisor->watching_since = moment_of(now_us);
    supervisor->lateness.limit_us = EVSE_TICK_LATE_US;
    int status = hf_ring_init(&supervisor->noted, supervisor->noted_words,
                              sizeof(evse_fault_record_t), EVSE_FAULT_QUEUE_ENTRIES);
    return status == HF_OK ? hf_snapshot_init(&supervisor->published, supervisor->published_words,
                                              sizeof(evse_supervisor_view_t))
                           : status;
}

void evse_supervisor_check_in(evse_supervisor_t *supervisor, unsigned task, uint64_t now_us)
{
    if (task < supervisor->tasks) {
        atomic_store_explicit(&supervisor->checked[task], moment_of(now_us), memory_order_release);
    }
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

void evse_supervisor_note_tick(evse_supervisor_t *supervisor, uint64_t late_us,
                               const evse_snapshot_t *snapshot)
{
    hf_lateness_note(&supervisor->lateness, late_us);
    bool estop = snapshot->estop_latched != 0;
    if (estop && !supervisor->last_estop) {
        note_fault(supervisor, EVSE_FAULT_EMERGENCY_STOP, EVSE_FAULT_STATION, snapshot->now_us);
    }
    supervisor->last_estop = estop;
    for (uint32_t i = 0; i < snapshot->connectors && i < CONFIG_EVSE_CONNECTORS_MAX; i++) {
        uint32_t fault = snapshot->connector[i].fault;
        // The station's emergency stop is in the queue once, not once a connector.
        if (fault != supervisor->last_fault[i] && fault != EVSE_FAULT_NONE &&
            fault != EVSE_FAULT_EMERGENCY_STOP) {
            note_fault(supervisor, fault, (uint8_t)i, snapshot->now_us);
        }
        supervisor->last_fault[i] = fault;
    }
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
        verdict->late = (int)i;
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
        look_at_task(supervisor, i, moment_of(now_us), &verdict);
    }
    tell_late_tasks(supervisor, now_us);
    supervisor->view.tasks = supervisor->tasks;
    supervisor->view.feeding = verdict.feed;
    return verdict;
}

static uint32_t bit_of(evse_health_reason_t reason, bool is_there)
{
    return is_there ? 1u << reason : 0;
}

static uint32_t control_reasons(const evse_snapshot_t *control)
{
    if (control == NULL) {
        return bit_of(EVSE_HEALTH_REASON_CONTROL_UNSEEN, true);
    }
    uint32_t reasons = bit_of(EVSE_HEALTH_REASON_ESTOP, control->estop_latched != 0);
    for (uint32_t i = 0; i < control->connectors && i < CONFIG_EVSE_CONNECTORS_MAX; i++) {
        const evse_connector_view_t *view = &control->connector[i];
        reasons |= bit_of(EVSE_HEALTH_REASON_FAULT_ACTIVE, view->fault != EVSE_FAULT_NONE) |
                   bit_of(EVSE_HEALTH_REASON_BUS_OFF, view->bus_active == 0) |
                   bit_of(EVSE_HEALTH_REASON_RING_FILLING,
                          view->ring_percent > EVSE_CAN_RING_WARN_PERCENT);
    }
    return reasons;
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
        } else if ((passing & bit) != 0 && now_us < supervisor->until_us[i]) {
            reasons |= bit;
        }
    }
    return reasons;
}

static bool is_link_down(evse_supervisor_t *supervisor, bool link_up, uint64_t now_us)
{
    if (link_up) {
        supervisor->link_seen_us = now_us;
    }
    return now_us - supervisor->link_seen_us > (uint64_t)EVSE_LINK_DOWN_MS * HF_US_PER_MS;
}

static void judge_health(evse_supervisor_t *supervisor, const evse_supervisor_inputs_t *inputs,
                         uint64_t now_us)
{
    evse_supervisor_view_t *view = &supervisor->view;
    hf_lateness_read(&supervisor->lateness, &view->lateness);
    bool ticks_late = view->lateness.over != supervisor->ticks_over;
    supervisor->ticks_over = view->lateness.over;
    uint32_t reasons =
        control_reasons(inputs->control) | task_reasons(supervisor) |
        bit_of(EVSE_HEALTH_REASON_TICKS_LATE, ticks_late) |
        bit_of(EVSE_HEALTH_REASON_JOURNAL_SLOW, inputs->journal_wait_ms > EVSE_JOURNAL_SLOW_MS) |
        bit_of(EVSE_HEALTH_REASON_LINK_DOWN, is_link_down(supervisor, inputs->link_up, now_us)) |
        bit_of(EVSE_HEALTH_REASON_NO_REALTIME, !inputs->realtime);
    view->reasons = hold_passing(supervisor, reasons, now_us);
    view->health = EVSE_HEALTH_OK;
    for (unsigned i = 0; i < EVSE_HEALTH_REASON_COUNT; i++) {
        if ((view->reasons >> i & 1u) != 0 && reason_table[i].level > view->health) {
            view->health = reason_table[i].level;
        }
    }
}

evse_supervisor_verdict_t evse_supervisor_judge(evse_supervisor_t *supervisor,
                                                const evse_supervisor_inputs_t *inputs,
                                                uint64_t now_us)
{
    if (now_us - supervisor->judged_us > DOZE_US) { // stopped, swapped out or starved, like others
        supervisor->watching_since = moment_of(now_us);
        supervisor->view.dozes++;
    }
    if (moment_of(now_us) - supervisor->watching_since > MEMORY) { // or it would lie ahead one day
        supervisor->watching_since = (moment_of(now_us) - MEMORY) | 1u;
    }
    supervisor->judged_us = now_us;
    supervisor->view.now_us = now_us;
    take_noted(supervisor);
    evse_supervisor_verdict_t verdict = look_at_tasks(supervisor, now_us);
    judge_health(supervisor, inputs, now_us);
    hf_snapshot_write(&supervisor->published, &supervisor->view);
    return verdict;
}

int evse_supervisor_read(const evse_supervisor_t *supervisor, evse_supervisor_view_t *view)
{
    return hf_snapshot_read(&supervisor->published, view);
}
