// SPDX-License-Identifier: MIT
// The critical section of a process: one recursive lock for everything. Threads only, never a signal handler.
#include "holdfast/hf_critical.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

uint32_t hf_port_critical_enter(void)
{
    (void)pthread_mutex_lock(&lock);
    return 0;
}

void hf_port_critical_exit(uint32_t was)
{
    (void)was;
    (void)pthread_mutex_unlock(&lock);
}
