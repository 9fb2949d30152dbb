// SPDX-License-Identifier: MIT
// Supervision with a fake clock: deadlines, feeding, a supervisor that dozed off, health, the fault queue. [SAF-13]
#include "evse/evse_supervisor.h"
#include "hf_test.h"
#include "holdfast/hf_clock.h"

enum { CONTROL, COMMS, CONSOLE, TASKS };
static const evse_task_info_t tasks[TASKS] = {
    {"control", 500, true}, {"comms", 10000, true}, {"console", 1000, false}};

#define PERIOD_US (EVSE_SUPERVISOR_PERIOD_MS * HF_US_PER_MS)

typedef struct bench {
    evse_supervisor_t supervisor;
    evse_snapshot_t control;
    evse_supervisor_inputs_t inputs;
    evse_supervisor_view_t view;
    uint64_t now_us;
} bench_t;

static bool is_ready(bench_t *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->now_us = 7u * HF_US_PER_S;
    bench->control.connectors = 1;
    bench->control.connector[0].bus_active = 1;
    bench->inputs =
        (evse_supervisor_inputs_t){.control = &bench->control, .link_up = true, .realtime = true};
    return evse_supervisor_init(&bench->supervisor, tasks, TASKS, bench->now_us) == HF_OK;
}

static evse_supervisor_verdict_t look(bench_t *bench)
{
    bench->now_us += PERIOD_US;
    evse_supervisor_verdict_t verdict =
        evse_supervisor_judge(&bench->supervisor, &bench->inputs, bench->now_us);
    if (evse_supervisor_read(&bench->supervisor, &bench->view) != HF_OK) {
        HF_TEST_FAIL("no view");
    }
    return verdict;
}

/// Periods go by in which all but `silent` check in (TASKS: all do); the last verdict.
static evse_supervisor_verdict_t pass(bench_t *bench, unsigned silent, uint32_t ms)
{
    evse_supervisor_verdict_t verdict = {.feed = false, .late = -1};
    for (uint32_t passed = 0; passed < ms; passed += EVSE_SUPERVISOR_PERIOD_MS) {
        for (unsigned i = 0; i < TASKS; i++) {
            if (i != silent) {
                evse_supervisor_check_in(&bench->supervisor, i, bench->now_us);
            }
        }
        verdict = look(bench);
    }
    return verdict;
}

static void supervisor_all_in_time_feeds(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    evse_supervisor_verdict_t verdict = pass(&bench, TASKS, 60000);
    CHECK(verdict.feed && verdict.late == -1);
    CHECK_EQ(bench.view.feeding, 1);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_OK);
    CHECK_EQ(bench.view.tasks, TASKS);
    CHECK_EQ(bench.view.faults_total, 0);
}

static void supervisor_late_critical_task_is_not_fed(void)
{
    for (unsigned task = CONTROL; task <= COMMS; task++) {
        bench_t bench;
        REQUIRE(is_ready(&bench));
        evse_supervisor_verdict_t verdict =
            pass(&bench, task, tasks[task].deadline_ms - EVSE_SUPERVISOR_PERIOD_MS);
        CHECK(verdict.feed && verdict.late == -1);
        verdict = pass(&bench, task, 3u * EVSE_SUPERVISOR_PERIOD_MS);
        CHECK(!verdict.feed);
        CHECK_EQ(verdict.late, task);
        CHECK_EQ(bench.view.health, EVSE_HEALTH_FAULT);
        CHECK_EQ(bench.view.task[task].late, 1);
        CHECK(bench.view.task[task].age_ms > tasks[task].deadline_ms);
        CHECK_EQ(bench.view.fault_count, 1);
        CHECK_EQ(bench.view.fault[0].code, EVSE_FAULT_TASK_LATE);
        verdict = pass(&bench, TASKS, EVSE_SUPERVISOR_PERIOD_MS);
        CHECK(verdict.feed &&
              verdict.late == -1); // and back again: who ends the process is not decided here
    }
}

static void supervisor_task_that_never_began_is_late(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    for (uint32_t passed = 0; passed <= 500; passed += EVSE_SUPERVISOR_PERIOD_MS) {
        (void)look(&bench);
    }
    evse_supervisor_verdict_t verdict = look(&bench);
    CHECK(!verdict.feed);
    CHECK_EQ(verdict.late, CONTROL);
}

static void supervisor_late_minor_task_is_told_and_fed(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    evse_supervisor_verdict_t verdict = pass(&bench, CONSOLE, 5000);
    CHECK(verdict.feed && verdict.late == -1);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_CRITICAL);
    CHECK_EQ(bench.view.reasons, 1u << EVSE_HEALTH_REASON_TASK_LATE);
    CHECK_EQ(bench.view.faults_total, 1); // once, not once a look
}

static void supervisor_resting_task_is_not_watched(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    evse_supervisor_rest(&bench.supervisor, COMMS);
    evse_supervisor_verdict_t verdict = pass(&bench, COMMS, 60000);
    CHECK(verdict.feed);
    CHECK_EQ(bench.view.task[COMMS].resting, 1);
    evse_supervisor_check_in(&bench.supervisor, COMMS, bench.now_us);
    verdict = pass(&bench, COMMS, 11000);
    CHECK(!verdict.feed);
}

static void supervisor_that_dozed_calls_nobody_late_and_does_not_feed(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    (void)pass(&bench, TASKS, 1000);
    bench.now_us += 3600u * HF_US_PER_S; // SIGSTOP, and SIGCONT an hour later
    evse_supervisor_verdict_t verdict = look(&bench);
    CHECK_EQ(verdict.late, -1);
    CHECK(!verdict.feed); // nobody has shown yet that he is alive
    CHECK_EQ(bench.view.dozes, 1);
    CHECK_EQ(bench.view.faults_total, 0);
    verdict = pass(&bench, CONTROL, EVSE_SUPERVISOR_PERIOD_MS);
    CHECK(!verdict.feed);
    verdict = pass(&bench, TASKS, EVSE_SUPERVISOR_PERIOD_MS);
    CHECK(verdict.feed);
    (void)pass(&bench, CONTROL, 600);
    CHECK_EQ(look(&bench).late, CONTROL); // deadlines count anew, they do count
}

static void supervisor_that_always_dozes_never_feeds_a_dead_task(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    for (int i = 0; i < 100; i++) {
        bench.now_us += (EVSE_SUPERVISOR_DOZE_MS + 1u) * HF_US_PER_MS;
        evse_supervisor_check_in(&bench.supervisor, COMMS, bench.now_us + PERIOD_US);
        evse_supervisor_verdict_t verdict = look(&bench);
        CHECK(!verdict.feed);
        CHECK_EQ(verdict.late, -1);
    }
}

static void supervisor_check_in_after_the_clock_was_read_is_in_time(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    for (unsigned i = 0; i < TASKS; i++) {
        evse_supervisor_check_in(&bench.supervisor, i, bench.now_us + HF_US_PER_S);
    }
    evse_supervisor_verdict_t verdict = look(&bench);
    CHECK(verdict.feed && verdict.late == -1);
    CHECK_EQ(bench.view.task[COMMS].age_ms, 0);
}

static void supervisor_moments_may_wrap(void)
{
    bench_t bench;
    memset(&bench, 0, sizeof bench);
    bench.control.connectors = 1;
    bench.control.connector[0].bus_active = 1;
    bench.inputs =
        (evse_supervisor_inputs_t){.control = &bench.control, .link_up = true, .realtime = true};
    bench.now_us = ((uint64_t)UINT32_MAX << 10) - HF_US_PER_S; // the word's last second
    REQUIRE(evse_supervisor_init(&bench.supervisor, tasks, TASKS, bench.now_us) == HF_OK);
    evse_supervisor_verdict_t verdict = pass(&bench, TASKS, 3000);
    CHECK(verdict.feed && verdict.late == -1);
    verdict = pass(&bench, CONTROL, 700);
    CHECK_EQ(verdict.late, CONTROL);
}

// Moments wrap after 50 days; a charge point that never dozes off runs for longer.
static void supervisor_feeds_for_months_without_a_doze(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    for (unsigned day = 0; day < 200; day++) {
        bench.now_us += 86400u * HF_US_PER_S;
        bench.supervisor.judged_us = bench.now_us; // as if it had looked every period
        evse_supervisor_verdict_t verdict = pass(&bench, TASKS, 300);
        if (!verdict.feed || verdict.late != -1) {
            HF_TEST_FAIL("not fed on day %u", day + 1u);
        }
        if (day % 20u == 19u) {
            evse_supervisor_t kept = bench.supervisor;
            CHECK_EQ(pass(&bench, CONTROL, 700).late, CONTROL);
            bench.supervisor = kept;
            bench.supervisor.judged_us = bench.now_us;
        }
    }
    CHECK_EQ(bench.view.dozes, 0);
}

static void supervisor_health_is_the_worst_reason(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    bench.inputs.link_up = false;
    (void)pass(&bench, TASKS, EVSE_LINK_DOWN_MS);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_OK);
    (void)pass(&bench, TASKS, 100);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_WARNING);
    CHECK_EQ(bench.view.reasons, 1u << EVSE_HEALTH_REASON_LINK_DOWN);
    bench.control.connector[0].bus_active = 0;
    (void)pass(&bench, TASKS, 100);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_CRITICAL);
    bench.control.connector[0].fault = EVSE_FAULT_CAN_BUS_OFF;
    (void)pass(&bench, TASKS, 100);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_FAULT);
    bench.control.connector[0].bus_active = 1;
    bench.control.connector[0].fault = EVSE_FAULT_NONE;
    bench.inputs.link_up = true;
    bench.inputs.realtime = false;
    (void)pass(&bench, TASKS, 100);
    CHECK_EQ(bench.view.reasons, 1u << EVSE_HEALTH_REASON_NO_REALTIME);
    bench.inputs.control = NULL;
    (void)pass(&bench, TASKS, 100);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_CRITICAL);
}

static void supervisor_passing_reasons_are_held_and_let_go(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    evse_supervisor_note_tick(&bench.supervisor, EVSE_TICK_LATE_US, &bench.control);
    (void)pass(&bench, TASKS, 100);
    CHECK_EQ(bench.view.reasons, 0); // at the limit, not over it
    evse_supervisor_note_tick(&bench.supervisor, EVSE_TICK_LATE_US + 1u, &bench.control);
    bench.inputs.journal_wait_ms = EVSE_JOURNAL_SLOW_MS + 1u;
    bench.control.connector[0].ring_percent = EVSE_CAN_RING_WARN_PERCENT + 1u;
    (void)look(&bench);
    bench.inputs.journal_wait_ms = 0;
    bench.control.connector[0].ring_percent = EVSE_CAN_RING_WARN_PERCENT;
    const uint32_t all_three = 1u << EVSE_HEALTH_REASON_TICKS_LATE |
                               1u << EVSE_HEALTH_REASON_JOURNAL_SLOW |
                               1u << EVSE_HEALTH_REASON_RING_FILLING;
    CHECK_EQ(bench.view.reasons, all_three);
    (void)pass(&bench, TASKS, EVSE_HEALTH_HOLD_MS - 2u * EVSE_SUPERVISOR_PERIOD_MS);
    CHECK_EQ(bench.view.reasons, all_three);
    (void)pass(&bench, TASKS, 3u * EVSE_SUPERVISOR_PERIOD_MS);
    CHECK_EQ(bench.view.reasons, 0);
    CHECK_EQ(bench.view.lateness.over, 1);
    CHECK_EQ(bench.view.lateness.max_us, EVSE_TICK_LATE_US + 1u);
}

static void supervisor_fault_queue_takes_edges_with_their_time(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    bench.control.connectors = CONFIG_EVSE_CONNECTORS_MAX > 1 ? 2 : 1;
    bench.control.connector[bench.control.connectors - 1].bus_active = 1;
    evse_connector_view_t *last = &bench.control.connector[bench.control.connectors - 1];
    bench.control.now_us = bench.now_us + 2u * HF_US_PER_S;
    last->fault = EVSE_FAULT_BMS_LOST;
    for (int i = 0; i < 100; i++) {
        evse_supervisor_note_tick(&bench.supervisor, 0, &bench.control);
    }
    last->fault = EVSE_FAULT_CAN_BUS_OFF; // a graver one
    evse_supervisor_note_tick(&bench.supervisor, 0, &bench.control);
    last->fault = EVSE_FAULT_NONE;
    evse_supervisor_note_tick(&bench.supervisor, 0, &bench.control);
    last->fault = EVSE_FAULT_EMERGENCY_STOP; // the station tells it, once
    bench.control.estop_latched = 1;
    evse_supervisor_note_tick(&bench.supervisor, 0, &bench.control);
    evse_supervisor_note_tick(&bench.supervisor, 0, &bench.control);
    (void)look(&bench);
    CHECK_EQ(bench.view.fault_count, 3);
    CHECK_EQ(bench.view.faults_total, 3);
    CHECK_EQ(bench.view.fault[0].code, EVSE_FAULT_BMS_LOST);
    CHECK_EQ(bench.view.fault[0].connector, bench.control.connectors - 1);
    CHECK_EQ(bench.view.fault[0].uptime_us, 2u * HF_US_PER_S);
    CHECK_EQ(bench.view.fault[1].code, EVSE_FAULT_CAN_BUS_OFF);
    CHECK_EQ(bench.view.fault[2].code, EVSE_FAULT_EMERGENCY_STOP);
    CHECK_EQ(bench.view.fault[2].connector, EVSE_FAULT_STATION);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_FAULT);
}

static void note_fault(bench_t *bench, uint32_t number)
{
    bench->control.connector[0].fault = 1u + number % (EVSE_FAULT_COUNT - 1u);
    bench->control.now_us = bench->now_us + number;
    if (bench->control.connector[0].fault == EVSE_FAULT_EMERGENCY_STOP) {
        bench->control.connector[0].fault = EVSE_FAULT_NONE;
    }
    evse_supervisor_note_tick(&bench->supervisor, 0, &bench->control);
}

static void supervisor_fault_queue_drops_the_oldest_and_counts(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    uint32_t noted = 0;
    for (uint32_t i = 0; i < 3u * EVSE_FAULT_QUEUE_ENTRIES; i++) {
        note_fault(&bench, i);
        noted += bench.control.connector[0].fault != EVSE_FAULT_NONE ? 1u : 0u;
        if (i % 5 == 0) { // now and then: some are dropped by the table, some never reach it
            (void)pass(&bench, TASKS, EVSE_SUPERVISOR_PERIOD_MS);
        }
    }
    for (uint32_t i = 0; i < 2u * EVSE_FAULT_QUEUE_ENTRIES; i++) {
        note_fault(&bench, i);
        noted += bench.control.connector[0].fault != EVSE_FAULT_NONE ? 1u : 0u;
    }
    uint32_t newest = bench.control.connector[0].fault;
    (void)pass(&bench, TASKS, EVSE_SUPERVISOR_PERIOD_MS);
    CHECK_EQ(bench.view.fault_count, EVSE_FAULT_QUEUE_ENTRIES);
    CHECK_EQ(bench.view.faults_total, noted);
    CHECK_EQ(bench.view.faults_dropped, noted - EVSE_FAULT_QUEUE_ENTRIES);
    CHECK_EQ(bench.view.fault[EVSE_FAULT_QUEUE_ENTRIES - 1u].code, newest);
    for (uint32_t i = 1; i < EVSE_FAULT_QUEUE_ENTRIES; i++) {
        CHECK(bench.view.fault[i].uptime_us > bench.view.fault[i - 1].uptime_us);
    }
}

static void supervisor_init_refuses_what_is_missing(void)
{
    static evse_supervisor_t supervisor;
    static const evse_task_info_t endless[] = {{"endless", 0, true}};
    CHECK_EQ(evse_supervisor_init(NULL, tasks, TASKS, 1), HF_E_ARGUMENT);
    CHECK_EQ(evse_supervisor_init(&supervisor, NULL, TASKS, 1), HF_E_ARGUMENT);
    CHECK_EQ(evse_supervisor_init(&supervisor, tasks, 0, 1), HF_E_RANGE);
    CHECK_EQ(evse_supervisor_init(&supervisor, tasks, EVSE_SUPERVISOR_TASKS_MAX + 1u, 1),
             HF_E_RANGE);
    CHECK_EQ(evse_supervisor_init(&supervisor, endless, 1, 1), HF_E_ARGUMENT);
    REQUIRE(evse_supervisor_init(&supervisor, tasks, TASKS, 1) == HF_OK);
    evse_supervisor_view_t view;
    CHECK_EQ(evse_supervisor_read(&supervisor, &view), HF_E_EMPTY);
    evse_supervisor_check_in(&supervisor, TASKS, 1); // out of the table: nothing
    evse_supervisor_rest(&supervisor, 99);
}

static void supervisor_texts_are_complete(void)
{
    CHECK_STR(evse_health_text(EVSE_HEALTH_OK), "ok");
    CHECK_STR(evse_health_text(EVSE_HEALTH_COUNT), "unknown");
    for (unsigned i = 0; i < EVSE_HEALTH_REASON_COUNT; i++) {
        CHECK(strlen(evse_health_reason_text(i)) > 3);
        CHECK(evse_health_reason_level(i) > EVSE_HEALTH_OK);
    }
    CHECK_STR(evse_health_reason_text(EVSE_HEALTH_REASON_COUNT), "unknown reason");
}

static void lateness_falls_into_its_octave(void)
{
    hf_lateness_t lateness = {.limit_us = 1000};
    const uint64_t late_us[] = {0, 1, 2, 3, 4, 1000, 1001, 1024, 524288, UINT64_MAX};
    for (size_t i = 0; i < HF_COUNT_OF(late_us); i++) {
        hf_lateness_note(&lateness, late_us[i]);
    }
    hf_lateness_view_t view;
    hf_lateness_read(&lateness, &view);
    CHECK_EQ(view.count, HF_COUNT_OF(late_us));
    CHECK_EQ(view.over, 4);
    CHECK_EQ(view.max_us, UINT32_MAX);
    CHECK_EQ(view.bucket[0], 2);
    CHECK_EQ(view.bucket[1], 2);
    CHECK_EQ(view.bucket[2], 1);
    CHECK_EQ(view.bucket[9], 2);
    CHECK_EQ(view.bucket[10], 1);
    CHECK_EQ(view.bucket[HF_LATENESS_BUCKETS - 1u], 2);
    CHECK_EQ(hf_lateness_least_us(0), 0);
    CHECK_EQ(hf_lateness_least_us(10), 1024);
}

HF_TEST_MAIN(HF_TEST(supervisor_all_in_time_feeds),
             HF_TEST(supervisor_late_critical_task_is_not_fed),
             HF_TEST(supervisor_task_that_never_began_is_late),
             HF_TEST(supervisor_late_minor_task_is_told_and_fed),
             HF_TEST(supervisor_resting_task_is_not_watched),
             HF_TEST(supervisor_that_dozed_calls_nobody_late_and_does_not_feed),
             HF_TEST(supervisor_that_always_dozes_never_feeds_a_dead_task),
             HF_TEST(supervisor_check_in_after_the_clock_was_read_is_in_time),
             HF_TEST(supervisor_moments_may_wrap),
             HF_TEST(supervisor_feeds_for_months_without_a_doze),
             HF_TEST(supervisor_health_is_the_worst_reason),
             HF_TEST(supervisor_passing_reasons_are_held_and_let_go),
             HF_TEST(supervisor_fault_queue_takes_edges_with_their_time),
             HF_TEST(supervisor_fault_queue_drops_the_oldest_and_counts),
             HF_TEST(supervisor_init_refuses_what_is_missing),
             HF_TEST(supervisor_texts_are_complete), HF_TEST(lateness_falls_into_its_octave))
