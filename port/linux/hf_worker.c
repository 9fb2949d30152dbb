// SPDX-License-Identifier: MIT
// The worker thread. `busy` hands the job over (release) and its result back; each start posts the semaphore once, so the
// worker never misses one.
#include "hf_worker.h"

static bool is_busy(hf_worker_t *worker)
{
    return atomic_load_explicit(&worker->busy, memory_order_acquire) != 0;
}

static void *worker_main(void *ctx)
{
    hf_worker_t *worker = ctx;
    for (;;) {
        if (is_busy(worker)) {
            worker->result = worker->job(worker->ctx);
            atomic_store_explicit(&worker->busy, 0u, memory_order_release);
        } else if (atomic_load_explicit(&worker->ending, memory_order_acquire) != 0) {
            return NULL; // after the last job: whoever ends it starts none any more
        } else {
            (void)sem_wait(&worker->wake); // a signal that interrupts it: looks once more
        }
    }
}

int hf_worker_init(hf_worker_t *worker, const hf_thread_place_t *place)
{
    *worker = (hf_worker_t){0};
    if (sem_init(&worker->wake, 0, 0) != 0) {
        return HF_E_IO;
    }
    return hf_thread_start(&worker->thread, place, worker_main, worker) == 0 ? HF_OK : HF_E_IO;
}

int hf_worker_start(hf_worker_t *worker, int (*job)(void *ctx), void *ctx)
{
    if (is_busy(worker)) {
        return HF_E_AGAIN;
    }
    worker->job = job;
    worker->ctx = ctx;
    atomic_store_explicit(&worker->busy, 1u, memory_order_release);
    (void)sem_post(&worker->wake);
    return HF_OK;
}

int hf_worker_poll(hf_worker_t *worker)
{
    return is_busy(worker) ? HF_E_AGAIN : worker->result;
}

void hf_worker_deinit(hf_worker_t *worker)
{
    atomic_store_explicit(&worker->ending, 1u, memory_order_release);
    (void)sem_post(&worker->wake);
    (void)pthread_join(worker->thread, NULL);
    (void)sem_destroy(&worker->wake);
}
