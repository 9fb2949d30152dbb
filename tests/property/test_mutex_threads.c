// SPDX-License-Identifier: MIT
// hf_mutex between threads: what it guards is never seen half done, every take is accounted for, and who holds it too long
// is named. No moment of the clock is asked for: the holder holds until the waiter has given up.
#include "holdfast/hf_mutex.h"
#include "tests/hf_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define THREADS 4u
#define ROUNDS  20000u

typedef struct shared {
    hf_mutex_t mutex;
    uint64_t a, b; // guarded: equal
    _Atomic uint32_t torn, wrong;
} shared_t;

typedef struct worker {
    pthread_t thread;
    shared_t *shared;
    unsigned task;
    uint32_t taken, missed, busy;
} worker_t;

static void *work(void *ctx)
{
    worker_t *worker = ctx;
    shared_t *shared = worker->shared;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        bool waits = (i & 3u) != 0;
        int status = waits ? hf_mutex_take(&shared->mutex, worker->task)
                           : hf_mutex_try(&shared->mutex, worker->task);
        if (status != HF_OK) {
            worker->missed += waits ? 1u : 0u;
            worker->busy += waits ? 0u : 1u;
            if (status != (waits ? HF_E_TIMEOUT : HF_E_AGAIN)) {
                atomic_fetch_add(&shared->wrong, 1u);
            }
            continue;
        }
        worker->taken++;
        if (shared->a != shared->b) {
            atomic_fetch_add(&shared->torn, 1u);
        }
        shared->a++;
        shared->b++;
        if (hf_mutex_give(&shared->mutex, worker->task) != HF_OK) {
            atomic_fetch_add(&shared->wrong, 1u);
        }
    }
    return NULL;
}

static void take_by_many_threads_excludes_and_accounts(void)
{
    static shared_t shared;
    static worker_t workers[THREADS];
    REQUIRE(hf_mutex_init(&shared.mutex, "shared", 0) == HF_OK);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){.shared = &shared, .task = i};
        REQUIRE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    uint64_t taken = 0, missed = 0, all = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        taken += workers[i].taken;
        missed += workers[i].missed;
        all += workers[i].taken + workers[i].missed + workers[i].busy;
    }
    CHECK_EQ(shared.torn, 0);
    CHECK_EQ(shared.wrong, 0);
    CHECK_EQ(all, THREADS * ROUNDS);
    CHECK_EQ(shared.a, taken);
    CHECK_EQ(shared.mutex.takes, taken);
    CHECK_EQ(shared.mutex.timeouts, missed);
    CHECK_EQ(shared.mutex.holder, 0);
    hf_lateness_view_t waits;
    hf_lateness_read(&shared.mutex.waits, &waits);
    CHECK(waits.count >= missed);
}

typedef struct planted {
    hf_mutex_t mutex;
    _Atomic uint32_t held, release;
} planted_t;

static void *hold(void *ctx)
{
    planted_t *planted = ctx;
    if (hf_mutex_take(&planted->mutex, 5) == HF_OK) {
        atomic_store(&planted->held, 1u);
        while (atomic_load(&planted->release) == 0) {
        }
        (void)!hf_mutex_give(&planted->mutex, 5);
    }
    return NULL;
}

static void take_behind_a_planted_holder_names_the_pair(void)
{
    static planted_t planted;
    pthread_t holder;
    hf_mutex_timeout_t timeout;
    REQUIRE(hf_mutex_init(&planted.mutex, "planted", 2000) == HF_OK);
    REQUIRE(pthread_create(&holder, NULL, hold, &planted) == 0);
    while (atomic_load(&planted.held) == 0) {
    }
    CHECK_EQ(hf_mutex_take(&planted.mutex, 3), HF_E_TIMEOUT);
    CHECK_EQ(hf_mutex_take(&planted.mutex, 7), HF_E_TIMEOUT);
    REQUIRE(hf_mutex_last_timeout(&planted.mutex, &timeout) == HF_OK);
    CHECK_EQ(timeout.holder, 5);
    CHECK_EQ(timeout.waiter, 7);
    CHECK_EQ(timeout.count, 2);
    CHECK_EQ(hf_mutex_give(&planted.mutex, 3), HF_E_STATE); // it does not hold it
    atomic_store(&planted.release, 1u);
    (void)pthread_join(holder, NULL);
    CHECK_EQ(hf_mutex_take(&planted.mutex, 3), HF_OK);
    CHECK_EQ(hf_mutex_give(&planted.mutex, 3), HF_OK);
    CHECK_EQ(planted.mutex.timeouts, 2);
}

HF_TEST_MAIN(HF_TEST(take_by_many_threads_excludes_and_accounts),
             HF_TEST(take_behind_a_planted_holder_names_the_pair))
