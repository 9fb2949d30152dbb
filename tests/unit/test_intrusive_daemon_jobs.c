// SPDX-License-Identifier: MIT
// The mailbox of jobs: one step a round, back-pressure, time-outs, services that give up or never come back; and all of it
// at once, with threads.
#include "app/holdfastd/daemon_jobs.c" // NOLINT(bugprone-suspicious-include)

#include "hf_test.h"

#include <pthread.h>
#include <sched.h>

#define TIMEOUT_MS 1000u
#define MS         1000u

static daemon_jobs_t jobs;
static unsigned steps; // of single-threaded cases

static int echo(void *ctx, daemon_job_t *job, uint64_t now_us)
{
    (void)ctx, (void)now_us;
    steps++;
    return daemon_job_put(job, job->request, job->request_length);
}

static int count_down(void *ctx, daemon_job_t *job, uint64_t now_us)
{
    (void)ctx, (void)now_us;
    steps++;
    return ++job->cursor < 3 ? HF_E_AGAIN : HF_E_IO;
}

// Writes `ctx` pieces of 1000 bytes, each of its own letter.
static int write_much(void *ctx, daemon_job_t *job, uint64_t now_us)
{
    (void)now_us;
    char piece[1000];
    while (job->cursor < *(const unsigned *)ctx) {
        memset(piece, 'a' + (int)(job->cursor % 26u), sizeof piece);
        int status = daemon_job_put(job, piece, sizeof piece);
        if (status != HF_OK) {
            return status;
        }
        job->cursor++;
    }
    return HF_OK;
}

static int wait_for_ever(void *ctx, daemon_job_t *job, uint64_t now_us)
{
    (void)ctx, (void)job, (void)now_us;
    steps++;
    return HF_E_AGAIN;
}

static int post(daemon_job_step_t work, void *ctx, const char *text, uint64_t now_us)
{
    const daemon_job_request_t request = {.step = work,
                                          .ctx = ctx,
                                          .data = text,
                                          .length = (uint32_t)strlen(text),
                                          .timeout_ms = TIMEOUT_MS};
    return daemon_jobs_post(&jobs, &request, now_us);
}

static void start(void)
{
    daemon_jobs_init(&jobs);
    steps = 0;
}

static void jobs_one_posted_is_answered_after_a_round(void)
{
    char out[16];
    start();
    int ticket = post(echo, NULL, "hello", 0);
    REQUIRE(ticket >= 0);
    CHECK_EQ(daemon_jobs_read(&jobs, ticket, out, sizeof out), HF_E_AGAIN);
    daemon_jobs_poll(&jobs, 1);
    CHECK_EQ(daemon_jobs_read(&jobs, ticket, out, 3), 3);
    CHECK_EQ(daemon_jobs_read(&jobs, ticket, out + 3, sizeof out - 3), 2);
    CHECK(memcmp(out, "hello", 5) == 0);
    CHECK_EQ(daemon_jobs_read(&jobs, ticket, out, sizeof out), 0);
    CHECK_EQ(daemon_jobs_read(&jobs, ticket, out, sizeof out), HF_E_STALE);
    CHECK_EQ(steps, 1);
    CHECK_EQ(atomic_load(&jobs.done), 1);
}

static void jobs_step_that_fails_tells_why_after_its_rounds(void)
{
    char out[4];
    start();
    int ticket = post(count_down, NULL, "", 0);
    for (int i = 0; i < 2; i++) {
        daemon_jobs_poll(&jobs, 1);
        CHECK_EQ(daemon_jobs_read(&jobs, ticket, out, sizeof out), HF_E_AGAIN);
    }
    daemon_jobs_poll(&jobs, 1);
    CHECK_EQ(steps, 3);
    CHECK_EQ(daemon_jobs_read(&jobs, ticket, out, sizeof out), HF_E_IO);
    daemon_jobs_poll(&jobs, 1);
    CHECK_EQ(steps, 3);
}

static void jobs_slow_reader_holds_its_own_job_back(void)
{
    static char out[10000];
    unsigned pieces = 10;
    size_t got = 0;
    start();
    int ticket = post(write_much, &pieces, "", 0);
    for (int round = 0; round < 10;
         round++) { // nobody reads: the stream is full, and nothing is lost
        daemon_jobs_poll(&jobs, 1);
    }
    CHECK_EQ(atomic_load(&jobs.job[0].put), 4000);
    int other = post(echo, NULL, "x", 0);
    daemon_jobs_poll(&jobs, 1);
    CHECK_EQ(daemon_jobs_read(&jobs, other, out, sizeof out), 1); // others go on
    int length;
    while ((length = daemon_jobs_read(&jobs, ticket, out + got, 700)) != 0) {
        if (length == HF_E_AGAIN) {
            daemon_jobs_poll(&jobs, 1);
            continue;
        }
        REQUIRE(length > 0 && got + (size_t)length <= sizeof out);
        got += (size_t)length;
    }
    CHECK_EQ(got, sizeof out);
    for (size_t i = 0; i < sizeof out; i++) {
        REQUIRE(out[i] == 'a' + (int)(i / 1000));
    }
}

static void jobs_more_than_slots_are_refused(void)
{
    start();
    for (unsigned i = 0; i < DAEMON_JOBS; i++) {
        CHECK(post(echo, NULL, "", 0) >= 0);
    }
    CHECK_EQ(post(echo, NULL, "", 0), HF_E_FULL);
    CHECK_EQ(atomic_load(&jobs.refused), 1);
    const daemon_job_request_t huge = {
        .step = echo, .data = "", .length = DAEMON_REQUEST_BYTES + 1u};
    CHECK_EQ(daemon_jobs_post(&jobs, &huge, 0), HF_E_TOO_LONG);
}

static void jobs_dropped_before_the_loop_saw_it_never_runs(void)
{
    start();
    daemon_jobs_drop(&jobs, post(echo, NULL, "x", 0));
    daemon_jobs_poll(&jobs, 1);
    CHECK_EQ(steps, 0);
    int ticket = post(wait_for_ever, NULL, "", 0);
    daemon_jobs_poll(&jobs, 1);
    CHECK_EQ(steps, 1);
    daemon_jobs_drop(&jobs, ticket);
    daemon_jobs_poll(&jobs, 2); // frees it, does not call it
    CHECK_EQ(steps, 1);
    for (unsigned i = 0; i < DAEMON_JOBS; i++) { // all are free again
        CHECK(post(echo, NULL, "", 0) >= 0);
    }
}

static void jobs_late_one_times_out_and_is_not_called_again(void)
{
    char out[4];
    start();
    int ticket = post(wait_for_ever, NULL, "", 0);
    daemon_jobs_poll(&jobs, TIMEOUT_MS * MS - 1);
    CHECK_EQ(steps, 1);
    daemon_jobs_poll(&jobs, TIMEOUT_MS * MS);
    CHECK_EQ(steps, 1);
    CHECK_EQ(daemon_jobs_read(&jobs, ticket, out, sizeof out), HF_E_TIMEOUT);
    CHECK_EQ(atomic_load(&jobs.timeouts), 1);
}

static void jobs_answer_nobody_fetches_is_thrown_away(void)
{
    char out[8];
    start();
    int ticket = post(echo, NULL, "old", 0);
    daemon_jobs_poll(&jobs, 10);
    daemon_jobs_poll(&jobs, 10 + TIMEOUT_MS * MS - 1);
    CHECK_EQ(atomic_load(&jobs.abandoned), 0);
    daemon_jobs_poll(&jobs, 10 + TIMEOUT_MS * MS);
    CHECK_EQ(atomic_load(&jobs.abandoned), 1);
    CHECK_EQ(daemon_jobs_read(&jobs, ticket, out, sizeof out), HF_E_STALE);
    int next = post(echo, NULL, "new", 0); // the same slot
    CHECK_EQ((unsigned)next % DAEMON_JOBS, (unsigned)ticket % DAEMON_JOBS);
    daemon_jobs_poll(&jobs, 1);
    CHECK_EQ(daemon_jobs_read(&jobs, ticket, out, sizeof out), HF_E_STALE);
    daemon_jobs_drop(&jobs, ticket); // of an old ticket: nothing
    CHECK_EQ(daemon_jobs_read(&jobs, next, out, sizeof out), 3);
}

// A reader that was stopped between looking and taking: its slot is a new job's by then.
static void jobs_reader_overtaken_by_a_new_job_takes_nothing_of_it(void)
{
    char out[8];
    start();
    int ticket = post(echo, NULL, "old", 0);
    daemon_jobs_poll(&jobs, 0);
    uint64_t got = atomic_load(&jobs.job[0].got); // ... as the old reader saw it
    daemon_jobs_drop(&jobs, ticket);
    int next = post(echo, NULL, "new", 0);
    daemon_jobs_poll(&jobs, 0);
    CHECK(!atomic_compare_exchange_strong(&jobs.job[0].got, &got, got + 3u));
    CHECK_EQ(daemon_jobs_read(&jobs, next, out, sizeof out), 3);
    CHECK(memcmp(out, "new", 3) == 0);
}

// ---- threads ------------------------------------------------------------------------------------------------------

#define SERVICES 6
#define ROUNDS   400u

static _Atomic unsigned running, answered, given_up, wrong, clock_us;

static int mirror(void *ctx, daemon_job_t *job, uint64_t now_us)
{
    (void)ctx, (void)now_us;
    uint32_t left = job->request_length - job->cursor;
    uint32_t length = left < 300u ? left : 300u; // a little a round
    int status = daemon_job_put(job, job->request + job->cursor, length);
    if (status != HF_OK) {
        return status;
    }
    job->cursor += length;
    return job->cursor < job->request_length ? HF_E_AGAIN : HF_OK;
}

static bool fetch(int ticket, const uint8_t *expected, unsigned length, unsigned give_up_at)
{
    uint8_t piece[257];
    unsigned got = 0;
    for (;;) {
        int count = daemon_jobs_read(&jobs, ticket, piece, sizeof piece);
        if (count == HF_E_AGAIN) {
            (void)sched_yield();
        } else if (count <= 0) {
            return count == 0 && got == length;
        } else if (got + (unsigned)count > length ||
                   memcmp(piece, expected + got, (unsigned)count) != 0) {
            return false;
        } else {
            got += (unsigned)count;
        }
        if (got >= give_up_at) {
            daemon_jobs_drop(&jobs, ticket);
            (void)atomic_fetch_add(&given_up, 1u);
            return true;
        }
    }
}

static void *serve(void *ctx)
{
    uint8_t request[2000];
    unsigned seed = (unsigned)(uintptr_t)ctx;
    for (unsigned round = 0; round < ROUNDS; round++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned length = 1u + (seed >> 8u) % (unsigned)sizeof request;
        for (unsigned i = 0; i < length; i++) {
            request[i] = (uint8_t)(seed + i);
        }
        const daemon_job_request_t job = {
            .step = mirror, .data = request, .length = length, .timeout_ms = UINT32_MAX / 2u};
        int ticket = daemon_jobs_post(&jobs, &job, atomic_load(&clock_us));
        if (ticket < 0) {
            (void)sched_yield();
            continue;
        }
        unsigned give_up_at = seed % 4u == 0 ? length / 2u : UINT32_MAX;
        (void)atomic_fetch_add(fetch(ticket, request, length, give_up_at) ? &answered : &wrong, 1u);
    }
    (void)atomic_fetch_sub(&running, 1u);
    return NULL;
}

static void jobs_of_many_threads_get_their_own_answers(void)
{
    pthread_t thread[SERVICES];
    start();
    atomic_store(&running, SERVICES);
    for (uintptr_t i = 0; i < SERVICES; i++) {
        REQUIRE(pthread_create(&thread[i], NULL, serve, (void *)(i + 1u)) == 0);
    }
    while (atomic_load(&running) > 0) {
        daemon_jobs_poll(&jobs, atomic_fetch_add(&clock_us, 1u));
        (void)sched_yield();
    }
    for (int i = 0; i < SERVICES; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    daemon_jobs_poll(&jobs, 0);
    CHECK_EQ(atomic_load(&wrong), 0);
    CHECK(atomic_load(&answered) > 0);
    CHECK(atomic_load(&given_up) > 0);
    for (unsigned i = 0; i < DAEMON_JOBS; i++) {
        CHECK_EQ(STATE_OF(atomic_load(&jobs.job[i].word)), JOB_FREE);
    }
}

HF_TEST_MAIN(HF_TEST(jobs_one_posted_is_answered_after_a_round),
             HF_TEST(jobs_step_that_fails_tells_why_after_its_rounds),
             HF_TEST(jobs_slow_reader_holds_its_own_job_back),
             HF_TEST(jobs_more_than_slots_are_refused),
             HF_TEST(jobs_dropped_before_the_loop_saw_it_never_runs),
             HF_TEST(jobs_late_one_times_out_and_is_not_called_again),
             HF_TEST(jobs_answer_nobody_fetches_is_thrown_away),
             HF_TEST(jobs_reader_overtaken_by_a_new_job_takes_nothing_of_it),
             HF_TEST(jobs_of_many_threads_get_their_own_answers))
