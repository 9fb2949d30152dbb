// SPDX-License-Identifier: MIT
// The worker thread. The mutex is held for a few instructions only, never while a job runs.
#include "hf_worker.h"

static void *worker_main(void *ctx)
{
    hf_worker_t *worker = ctx;
    (void)pthread_mutex_lock(&worker->mutex);
    while (!worker->ending || worker->busy) {
        if (!worker->busy) {
            (void)pthread_cond_wait(&worker->wake, &worker->mutex);
            continue;
        }
        int (*job)(void *) = worker->job;
        void *job_ctx = worker->ctx;
        (void)pthread_mutex_unlock(&worker->mutex);
        int result = job(job_ctx);
        (void)pthread_mutex_lock(&worker->mutex);
        worker->result = result;
        worker->busy = false;
    }
    (void)pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

int hf_worker_init(hf_worker_t *worker)
{
    *worker = (hf_worker_t){0};
    (void)pthread_mutex_init(&worker->mutex, NULL);
    (void)pthread_cond_init(&worker->wake, NULL);
    return pthread_create(&worker->thread, NULL, worker_main, worker) == 0 ? HF_OK : HF_E_IO;
}

int hf_worker_start(hf_worker_t *worker, int (*job)(void *ctx), void *ctx)
{
    int status = HF_E_AGAIN;
    (void)pthread_mutex_lock(&worker->mutex);
    if (!worker->busy && !worker->ending) {
        worker->job = job;
        worker->ctx = ctx;
        worker->busy = true;
        status = HF_OK;
        (void)pthread_cond_signal(&worker->wake);
    }
    (void)pthread_mutex_unlock(&worker->mutex);
    return status;
}

int hf_worker_poll(hf_worker_t *worker)
{
    (void)pthread_mutex_lock(&worker->mutex);
    int result = worker->busy ? HF_E_AGAIN : worker->result;
    (void)pthread_mutex_unlock(&worker->mutex);
    return result;
}

void hf_worker_deinit(hf_worker_t *worker)
{
    (void)pthread_mutex_lock(&worker->mutex);
    worker->ending = true;
    (void)pthread_cond_signal(&worker->wake);
    (void)pthread_mutex_unlock(&worker->mutex);
    (void)pthread_join(worker->thread, NULL);
    (void)pthread_cond_destroy(&worker->wake);
    (void)pthread_mutex_destroy(&worker->mutex);
}
