// SPDX-License-Identifier: MIT
// Every context of supervision at once: tasks check in, control notes ticks and faults, the supervisor judges, others read.
// Faults are counted exactly, views are whole, nobody in time is called late. For ThreadSanitizer as well. [SAF-13]
#include "evse/evse_supervisor.h"
#include "hf_test.h"

#include <pthread.h>

#define ROUNDS     20000u
#define CHECKERS   3u
#define PERIOD_US  1000u
#define CONTROL    0u
#define DEADLINE_M 4000000u // longer than all rounds in simulated time

typedef struct shared {
    evse_supervisor_t supervisor;
    _Atomic uint32_t now_ms; // simulated, moved by the supervisor
    _Atomic uint32_t ended;
    uint32_t noted;
    uint32_t torn, reads;
} shared_t;

typedef struct checker {
    shared_t *shared;
    unsigned task;
} checker_t;

static const evse_task_info_t tasks[CHECKERS + 1u] = {{"control", DEADLINE_M, true},
                                                      {"one", DEADLINE_M, true},
                                                      {"two", DEADLINE_M, true},
                                                      {"three", DEADLINE_M, false}};

static uint64_t now_us(shared_t *shared)
{
    return (uint64_t)atomic_load(&shared->now_ms) * 1000u;
}

static void *check_in(void *ctx)
{
    checker_t *checker = ctx;
    while (atomic_load(&checker->shared->ended) == 0) {
        evse_supervisor_rest(&checker->shared->supervisor, checker->task);
        evse_supervisor_check_in(&checker->shared->supervisor, checker->task,
                                 now_us(checker->shared));
    }
    return NULL;
}

static void *control(void *ctx)
{
    shared_t *shared = ctx;
    static evse_control_t charging = {.connectors = 1};
    for (uint32_t i = 0; i < ROUNDS; i++) {
        charging.channel[0].fault = i % 3 == 0 ? EVSE_FAULT_BMS_LOST : EVSE_FAULT_NONE;
        charging.alarms++;
        shared->noted += i % 3 == 0 ? 1u : 0u;
        evse_supervisor_note_tick(&shared->supervisor, &charging, i, now_us(shared));
        evse_supervisor_check_in(&shared->supervisor, CONTROL, now_us(shared));
    }
    return NULL;
}

static void *read_views(void *ctx)
{
    shared_t *shared = ctx;
    while (atomic_load(&shared->ended) == 0) {
        evse_supervisor_view_t view;
        if (evse_supervisor_read(&shared->supervisor, &view) != HF_OK) {
            continue;
        }
        shared->reads++;
        shared->torn += view.fault_count > EVSE_FAULT_QUEUE_ENTRIES ||
                                view.faults_total < view.faults_dropped + view.fault_count ||
                                view.tasks != CHECKERS + 1u
                            ? 1u
                            : 0u;
    }
    return NULL;
}

static void judge(shared_t *shared)
{
    uint32_t now_ms = atomic_load(&shared->now_ms) + 1u;
    atomic_store(&shared->now_ms, now_ms);
    evse_supervisor_verdict_t verdict =
        evse_supervisor_judge(&shared->supervisor, 0, (uint64_t)now_ms * PERIOD_US);
    if (verdict.late >= 0) {
        HF_TEST_FAIL("task %d is late", verdict.late);
    }
}

static void supervisor_all_contexts_at_once_count_exactly(void)
{
    static shared_t shared;
    atomic_store(&shared.now_ms, 1);
    REQUIRE(evse_supervisor_init(&shared.supervisor, tasks, CHECKERS + 1u, 1000) == HF_OK);
    pthread_t threads[CHECKERS], control_thread, reader;
    checker_t checkers[CHECKERS];
    for (unsigned i = 0; i < CHECKERS; i++) {
        checkers[i] = (checker_t){&shared, i + 1u};
        REQUIRE(pthread_create(&threads[i], NULL, check_in, &checkers[i]) == 0);
    }
    REQUIRE(pthread_create(&reader, NULL, read_views, &shared) == 0);
    REQUIRE(pthread_create(&control_thread, NULL, control, &shared) == 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        judge(&shared);
    }
    (void)pthread_join(control_thread, NULL);
    atomic_store(&shared.ended, 1);
    for (unsigned i = 0; i < CHECKERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)pthread_join(reader, NULL);
    judge(&shared);
    evse_supervisor_view_t view;
    REQUIRE(evse_supervisor_read(&shared.supervisor, &view) == HF_OK);
    CHECK_EQ(view.faults_total, shared.noted);
    CHECK_EQ(view.faults_dropped + view.fault_count, shared.noted);
    CHECK_EQ(view.lateness.count, ROUNDS);
    CHECK_EQ(view.lateness.max_us, ROUNDS - 1u);
    CHECK_EQ(shared.torn, 0);
}

HF_TEST_MAIN(HF_TEST(supervisor_all_contexts_at_once_count_exactly))
