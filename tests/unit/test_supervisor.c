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
    evse_control_t control;
    uint32_t conditions;
    evse_supervisor_view_t view;
    uint64_t now_us;
} bench_t;

static bool begin(bench_t *bench, uint64_t now_us)
{
    memset(bench, 0, sizeof *bench);
    bench->now_us = now_us;
    bench->control.connectors = 1;
    return evse_supervisor_init(&bench->supervisor, tasks, TASKS, now_us) == HF_OK;
}

static void tick(bench_t *bench, uint32_t late_us)
{
    evse_supervisor_note_tick(&bench->supervisor, &bench->control, late_us, bench->now_us);
}

static bool is_ready(bench_t *bench)
{
    const bool is_begun = begin(bench, 7u * HF_US_PER_S);
    tick(bench, 0);
    return is_begun;
}

static void set_fault(bench_t *bench, unsigned connector, evse_fault_t fault)
{
    bench->control.channel[connector].fault = fault;
    bench->control.alarms++;
    tick(bench, 0);
}

static void set_bus(bench_t *bench, evse_can_state_t state)
{
    bench->control.channel[0].bus = state;
    bench->control.alarms++;
    tick(bench, 0);
}

static evse_supervisor_verdict_t look(bench_t *bench)
{
    bench->now_us += PERIOD_US;
    evse_supervisor_verdict_t verdict =
        evse_supervisor_judge(&bench->supervisor, bench->conditions, bench->now_us);
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
    REQUIRE(begin(&bench, ((uint64_t)UINT32_MAX << 10) - HF_US_PER_S)); // the word's last second
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
        bench.supervisor.judged =
            evse_supervisor_moment(bench.now_us); // as if it had looked every period
        evse_supervisor_verdict_t verdict = pass(&bench, TASKS, 300);
        if (!verdict.feed || verdict.late != -1) {
            HF_TEST_FAIL("not fed on day %u", day + 1u);
        }
        if (day % 20u == 19u) {
            evse_supervisor_t kept = bench.supervisor;
            CHECK_EQ(pass(&bench, CONTROL, 700).late, CONTROL);
            bench.supervisor = kept;
            bench.supervisor.judged = evse_supervisor_moment(bench.now_us);
        }
    }
    CHECK_EQ(bench.view.dozes, 0);
}

static void supervisor_health_is_the_worst_reason(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    bench.conditions = EVSE_SUPERVISOR_NO_LINK;
    (void)pass(&bench, TASKS, EVSE_LINK_DOWN_MS);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_OK);
    (void)pass(&bench, TASKS, 100);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_WARNING);
    CHECK_EQ(bench.view.reasons, 1u << EVSE_HEALTH_REASON_LINK_DOWN);
    set_bus(&bench, EVSE_CAN_BUS_OFF);
    (void)look(&bench);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_CRITICAL);
    set_fault(&bench, 0, EVSE_FAULT_CAN_BUS_OFF);
    (void)look(&bench);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_FAULT);
    set_bus(&bench, EVSE_CAN_PASSIVE);
    set_fault(&bench, 0, EVSE_FAULT_NONE);
    bench.conditions = EVSE_SUPERVISOR_NO_REALTIME;
    (void)look(&bench);
    CHECK_EQ(bench.view.reasons, 1u << EVSE_HEALTH_REASON_NO_REALTIME);
}

static void supervisor_link_down_counts_from_its_loss(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    (void)pass(&bench, TASKS, 3u * EVSE_LINK_DOWN_MS);
    for (int i = 0; i < 2; i++) {
        bench.conditions = EVSE_SUPERVISOR_NO_LINK;
        (void)pass(&bench, TASKS, EVSE_LINK_DOWN_MS);
        CHECK_EQ(bench.view.reasons, 0);
        bench.conditions = 0; // in time
        (void)look(&bench);
    }
    bench.conditions = EVSE_SUPERVISOR_NO_LINK;
    (void)pass(&bench, TASKS, EVSE_LINK_DOWN_MS + 100u);
    CHECK_EQ(bench.view.reasons, 1u << EVSE_HEALTH_REASON_LINK_DOWN);
    bench.conditions = 0;
    (void)look(&bench);
    CHECK_EQ(bench.view.reasons, 0);
}

static void supervisor_control_without_a_tick_is_told(void)
{
    bench_t bench;
    REQUIRE(begin(&bench, HF_US_PER_S));
    (void)pass(&bench, TASKS, 100);
    CHECK_EQ(bench.view.reasons, 1u << EVSE_HEALTH_REASON_CONTROL_UNSEEN);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_CRITICAL);
    tick(&bench, 0);
    (void)look(&bench);
    CHECK_EQ(bench.view.reasons, 0);
}

// Nothing is published while nothing changes: what a reader is told of times is still of the last judgement.
static void supervisor_view_tells_ages_of_the_last_judgement(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    (void)pass(&bench, TASKS, 1000);
    const uint32_t published = bench.supervisor.published.published;
    (void)pass(&bench, COMMS, 5000);
    CHECK_EQ(bench.supervisor.published.published, published);
    CHECK(bench.view.task[COMMS].age_ms >= 5000 - 2 && bench.view.task[COMMS].age_ms <= 5102);
    CHECK(bench.view.task[CONTROL].age_ms <= EVSE_SUPERVISOR_PERIOD_MS + 2u);
    tick(&bench, 7);
    (void)look(&bench);
    CHECK_EQ(bench.view.lateness.bucket[2], 1);
    CHECK_EQ(bench.supervisor.published.published, published);
}

static void supervisor_passing_reasons_are_held_and_let_go(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    tick(&bench, EVSE_TICK_LATE_US);
    (void)pass(&bench, TASKS, 100);
    CHECK_EQ(bench.view.reasons, 0); // at the limit, not over it
    tick(&bench, EVSE_TICK_LATE_US + 1u);
    bench.conditions = EVSE_SUPERVISOR_JOURNAL_SLOW;
    bench.control.channel[0].bms_bus.ring_high = true;
    bench.control.alarms++;
    tick(&bench, 0);
    (void)look(&bench);
    bench.conditions = 0;
    bench.control.channel[0].bms_bus.ring_high = false;
    bench.control.alarms++;
    tick(&bench, 0);
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
    const unsigned last = bench.control.connectors - 1u;
    bench.now_us += 2u * HF_US_PER_S;
    set_fault(&bench, last, EVSE_FAULT_BMS_LOST);
    for (int i = 0; i < 100; i++) {
        tick(&bench, 0);
        bench.control.alarms++; // of something else
    }
    set_fault(&bench, last, EVSE_FAULT_CAN_BUS_OFF); // a graver one
    set_fault(&bench, last, EVSE_FAULT_NONE);
    bench.control.estop_latched = 1;
    set_fault(&bench, last, EVSE_FAULT_EMERGENCY_STOP); // the station tells it, once
    bench.control.estop_latched = 3;
    bench.control.alarms++;
    tick(&bench, 0);
    (void)look(&bench);
    CHECK_EQ(bench.view.fault_count, 3);
    CHECK_EQ(bench.view.faults_total, 3);
    CHECK_EQ(bench.view.fault[0].code, EVSE_FAULT_BMS_LOST);
    CHECK_EQ(bench.view.fault[0].connector, last);
    CHECK_EQ(bench.view.fault[0].uptime_us, 2u * HF_US_PER_S);
    CHECK_EQ(bench.view.fault[1].code, EVSE_FAULT_CAN_BUS_OFF);
    CHECK_EQ(bench.view.fault[2].code, EVSE_FAULT_EMERGENCY_STOP);
    CHECK_EQ(bench.view.fault[2].connector, EVSE_FAULT_STATION);
    CHECK_EQ(bench.view.health, EVSE_HEALTH_FAULT);
}

/// 1 when it is one that goes into the queue.
static uint32_t note_fault(bench_t *bench, uint32_t number)
{
    evse_fault_t fault = (evse_fault_t)(1u + number % (EVSE_FAULT_COUNT - 1u));
    fault = fault == EVSE_FAULT_EMERGENCY_STOP ? EVSE_FAULT_NONE : fault;
    bench->now_us += 1u;
    set_fault(bench, 0, fault);
    return fault != EVSE_FAULT_NONE ? 1u : 0u;
}

static void supervisor_fault_queue_drops_the_oldest_and_counts(void)
{
    bench_t bench;
    REQUIRE(is_ready(&bench));
    uint32_t noted = 0;
    for (uint32_t i = 0; i < 3u * EVSE_FAULT_QUEUE_ENTRIES; i++) {
        noted += note_fault(&bench, i);
        if (i % 5 == 0) { // now and then: some are dropped by the table, some never reach it
            (void)pass(&bench, TASKS, EVSE_SUPERVISOR_PERIOD_MS);
        }
    }
    for (uint32_t i = 0; i < 2u * EVSE_FAULT_QUEUE_ENTRIES; i++) {
        noted += note_fault(&bench, i);
    }
    uint32_t newest = bench.control.channel[0].fault;
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
    const uint32_t late_us[] = {0, 1, 2, 3, 4, 1000, 1001, 1024, 524288, UINT32_MAX};
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

static void lateness_of_one_writer_and_of_several_is_the_same(void)
{
    uint32_t seed = 1;
    for (uint32_t limit_us = 0; limit_us < 3000000u; limit_us = limit_us * 3u + 1u) {
        hf_lateness_t one = {.limit_us = limit_us}, several = {.limit_us = limit_us};
        for (unsigned i = 0; i < 2000; i++) {
            seed = seed * 1664525u + 1013904223u;
            const uint32_t late_us = seed >> (seed & 31u);
            hf_lateness_note(&one, late_us);
            hf_lateness_note_shared(&several, late_us);
            one.usual_us = i % 500u == 499u ? 0 : one.usual_us;
        }
        hf_lateness_view_t of_one, of_several;
        hf_lateness_read(&one, &of_one);
        hf_lateness_read(&several, &of_several);
        CHECK(memcmp(&of_one, &of_several, sizeof of_one) == 0);
        CHECK_EQ(of_one.count, 2000);
    }
}

// What is judged only where something changed is what is judged each time, whatever happens in which order.
static void supervisor_judges_as_one_that_always_looks(void)
{
    static bench_t lazy, keen;
    uint32_t seed = 7, anew = 0, lazily = 0;
    for (unsigned round = 0; round < 60; round++) {
        REQUIRE(is_ready(&lazy) && is_ready(&keen));
        const uint32_t wildness = 2u + round % 30u; // from storms to calm
        for (unsigned i = 0; i < 2000; i++) {
            seed = seed * 1664525u + 1013904223u;
            const uint32_t dice = seed >> 8, chance = dice / 64u % wildness;
            bench_t *const both[2] = {&lazy, &keen};
            for (unsigned b = 0; b < 2; b++) {
                bench_t *bench = both[b];
                evse_channel_t *channel = &bench->control.channel[0];
                if (chance == 0) {
                    channel->fault =
                        (evse_fault_t)(dice % 4u == 0 ? dice / 4u % EVSE_FAULT_COUNT : 0);
                    channel->bus = dice % 5u == 0 ? EVSE_CAN_BUS_OFF : EVSE_CAN_ACTIVE;
                    channel->module_bus.ring_high = dice % 7u == 0;
                    bench->control.estop_latched = dice % 11u == 0 ? 1u : 0;
                    bench->control.alarms++;
                }
                bench->conditions =
                    chance == 1 ? dice & (EVSE_SUPERVISOR_NO_LINK | EVSE_SUPERVISOR_NO_REALTIME |
                                          EVSE_SUPERVISOR_JOURNAL_SLOW)
                                : bench->conditions;
                tick(bench, dice % 1000u == 0 ? EVSE_TICK_LATE_US + 1u : dice % 200u);
                for (unsigned task = 0; task < TASKS; task++) {
                    const uint32_t what = dice >> task * 5u & 31u;
                    if (what == 31u && wildness < 10u) {
                        evse_supervisor_rest(&bench->supervisor, task);
                    } else if (what > (round % 4u == task ? 29u : 3u)) {
                        evse_supervisor_check_in(&bench->supervisor, task, bench->now_us);
                    }
                }
                bench->now_us += dice % 401u == 0 ? dice % 700u * HF_US_PER_MS : dice % 977u;
            }
            const uint32_t before = lazy.supervisor.published.published;
            keen.supervisor.due = evse_supervisor_moment(keen.now_us);
            const evse_supervisor_verdict_t was = look(&lazy), is = look(&keen);
            anew += lazy.supervisor.published.published - before;
            lazily += before == lazy.supervisor.published.published ? 1u : 0u;
            CHECK(was.feed == is.feed && was.late == is.late);
            CHECK(memcmp(&lazy.view, &keen.view, sizeof lazy.view) == 0);
        }
    }
    CHECK(anew > 1000u && lazily > 10000u); // both were tried
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
             HF_TEST(supervisor_link_down_counts_from_its_loss),
             HF_TEST(supervisor_control_without_a_tick_is_told),
             HF_TEST(supervisor_view_tells_ages_of_the_last_judgement),
             HF_TEST(supervisor_judges_as_one_that_always_looks),
             HF_TEST(lateness_of_one_writer_and_of_several_is_the_same),
             HF_TEST(supervisor_passing_reasons_are_held_and_let_go),
             HF_TEST(supervisor_fault_queue_takes_edges_with_their_time),
             HF_TEST(supervisor_fault_queue_drops_the_oldest_and_counts),
             HF_TEST(supervisor_init_refuses_what_is_missing),
             HF_TEST(supervisor_texts_are_complete), HF_TEST(lateness_falls_into_its_octave))
