// SPDX-License-Identifier: MIT
// One thread for what blocks (fdatasync, name resolution), behind start and poll: the loops never wait for it.
#ifndef HF_WORKER_H
#define HF_WORKER_H

#include "holdfast/hf_status.h"

#include <pthread.h>

typedef struct hf_worker {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int (*job)(void *ctx); // guarded by mutex, as all below
    void *ctx;
    bool busy; // a job waits or runs
    bool ending;
    int result;
} hf_worker_t;

/// HF_E_IO when the thread cannot be started.
HF_MUST_CHECK int hf_worker_init(hf_worker_t *worker);
/// HF_E_AGAIN while a job is under way. Never waits for one.
HF_MUST_CHECK int hf_worker_start(hf_worker_t *worker, int (*job)(void *ctx), void *ctx);
/// HF_E_AGAIN while the job runs, else what it returned (not HF_E_AGAIN). HF_OK before the first job.
int hf_worker_poll(hf_worker_t *worker);
/// Waits for the job under way and ends the thread.
void hf_worker_deinit(hf_worker_t *worker);

#endif
