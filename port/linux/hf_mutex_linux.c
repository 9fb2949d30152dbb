// SPDX-License-Identifier: MIT
// Bounded locks of a process: a pthread mutex, waited for on the monotonic clock.
#include "holdfast/hf_mutex.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#if defined(__SANITIZE_THREAD__)
#define HAS_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_THREAD_SANITIZER 1
#endif
#endif
#ifndef HAS_THREAD_SANITIZER
#define HAS_THREAD_SANITIZER 0
#endif

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(uint64_t) * HF_MUTEX_PORT_WORDS,
               "the words hold a mutex");

static pthread_mutex_t *lock_of(uint64_t *words)
{
    return (pthread_mutex_t *)(void *)words;
}

int hf_port_mutex_init(uint64_t *words)
{
    return pthread_mutex_init(lock_of(words), NULL) == 0 ? HF_OK : HF_E_FULL;
}

static struct timespec moment_in(uint32_t us)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(us / 1000000u);
    at.tv_nsec += (long)(us % 1000000u) * 1000L;
    if (at.tv_nsec >= 1000000000L) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000L;
    }
    return at;
}

#if HAS_THREAD_SANITIZER
// It does not know pthread_mutex_clocklock(), and what it does not know is a race to it.
static int wait_until(pthread_mutex_t *lock, const struct timespec *at)
{
    const struct timespec pause = {.tv_nsec = 200000L};
    int error = pthread_mutex_trylock(lock);
    for (struct timespec now = moment_in(0);
         error == EBUSY &&
         (now.tv_sec < at->tv_sec || (now.tv_sec == at->tv_sec && now.tv_nsec < at->tv_nsec));
         now = moment_in(0)) {
        (void)nanosleep(&pause, NULL);
        error = pthread_mutex_trylock(lock);
    }
    return error;
}
#else
static int wait_until(pthread_mutex_t *lock, const struct timespec *at)
{
    return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, at);
}
#endif

int hf_port_mutex_take(uint64_t *words, uint32_t bound_us)
{
    if (bound_us == 0) {
        return pthread_mutex_trylock(lock_of(words)) == 0 ? HF_OK : HF_E_TIMEOUT;
    }
    const struct timespec at = moment_in(bound_us);
    return wait_until(lock_of(words), &at) == 0 ? HF_OK : HF_E_TIMEOUT;
}

void hf_port_mutex_give(uint64_t *words)
{
    (void)pthread_mutex_unlock(lock_of(words));
}
