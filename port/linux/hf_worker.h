// SPDX-License-Identifier: MIT
// One thread for what blocks (fdatasync, name resolution), behind start and poll: the loops never wait for it. No lock: the
// job belongs to whoever `busy` says, and a semaphore wakes the worker.
#ifndef HF_WORKER_H
#define HF_WORKER_H

#include "hf_thread.h"
#include "holdfast/hf_status.h"

#include <semaphore.h>

typedef struct hf_worker {
    pthread_t thread;
    sem_t wake;
    hf_atomic_u32_t
        busy; // 1: a job waits or runs, and the three below are the worker's; 0: they are the owner's
    int (*job)(void *ctx);
    void *ctx;
    int result;
    hf_atomic_u32_t ending;
} hf_worker_t;

/// `place` may be NULL; it is not kept. HF_E_IO when the thread cannot be started.
HF_MUST_CHECK int hf_worker_init(hf_worker_t *worker, const hf_thread_place_t *place);
/// HF_E_AGAIN while a job is under way. Never waits for one. Context of this and all below: one thread at a time.
HF_MUST_CHECK int hf_worker_start(hf_worker_t *worker, int (*job)(void *ctx), void *ctx);
/// HF_E_AGAIN while the job runs, else what it returned (not HF_E_AGAIN). HF_OK before the first job.
int hf_worker_poll(hf_worker_t *worker);
/// Waits for the job under way and ends the thread.
void hf_worker_deinit(hf_worker_t *worker);

#endif
