// SPDX-License-Identifier: MIT
// A library to preload: who takes a lock by trying, on the thread named in PLANT_THREAD, keeps it for 60 ms more. The bound of
// hf_mutex is 50 ms, so who waits for it meanwhile has to do without, and both have to be named. It holds the lock in the call for
// the time that hf_mutex makes once the holder stands in it.
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define HOLD_NS    60000000L
#define STEP_NS    7000000L // who waits comes every 50 ms: each hold begins at another moment of that
#define STEPS      7
#define NAME_BYTES 16

static _Thread_local bool holds;
static _Thread_local long tries;

static void find(const char *name, void *function)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(function, &symbol, sizeof symbol);
}

static bool is_planted_here(void)
{
    const char *wanted = getenv("PLANT_THREAD");
    char name[NAME_BYTES + 1] = "";
    return wanted != NULL && prctl(PR_GET_NAME, name) == 0 && strcmp(name, wanted) == 0;
}

/// In the place of the C library's.
int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    int (*real)(pthread_mutex_t *);
    find("pthread_mutex_trylock", &real);
    bool is_planted = is_planted_here();
    if (is_planted) {
        const struct timespec later = {.tv_nsec = tries++ % STEPS * STEP_NS};
        (void)nanosleep(&later, NULL);
    }
    int error = real(mutex);
    holds = error == 0 && is_planted;
    return error;
}

/// In the place of the C library's.
int clock_gettime(clockid_t clock, struct timespec *now)
{
    int (*real)(clockid_t, struct timespec *);
    find("clock_gettime", &real);
    int error = real(clock, now);
    if (holds) {
        const struct timespec hold = {.tv_nsec = HOLD_NS};
        holds = false;
        (void)nanosleep(&hold, NULL);
    }
    return error;
}
