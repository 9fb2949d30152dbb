// SPDX-License-Identifier: MIT
// On the host a thread runs beside main.
#include "conformance.h"

#include <pthread.h>
#include <stdatomic.h>

static struct {
    pthread_t thread;
    void (*step)(void);
    atomic_bool is_stopping;
} beside;

static void *run(void *ctx)
{
    (void)ctx;
    while (!atomic_load(&beside.is_stopping)) {
        beside.step();
    }
    return NULL;
}

bool conf_beside_start(void (*step)(void))
{
    beside.step = step;
    atomic_store(&beside.is_stopping, false);
    return pthread_create(&beside.thread, NULL, run, NULL) == 0;
}

void conf_beside_stop(void)
{
    atomic_store(&beside.is_stopping, true);
    (void)pthread_join(beside.thread, NULL);
}
