// SPDX-License-Identifier: MIT
// Preloaded into the shipped daemon by tests: the thread named by HANG_THREAD hangs in its next wait as soon as the file
// HANG_FILE exists. HANG_HOW: "spin" burns its processor, "sleep" sleeps, "overflow" runs over its stack; HANG_MS ends
// that. "journal" is whoever syncs.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

__attribute__((noinline)) static uint32_t overflow(uint32_t depth)
{
    volatile uint8_t frame[512];
    frame[depth % sizeof frame] = (uint8_t)depth;
    return depth == UINT32_MAX ? 0 : overflow(depth + 1u) + frame[depth % sizeof frame];
}

static void hang_if_told(const char *who)
{
    const char *thread = getenv("HANG_THREAD"), *file = getenv("HANG_FILE");
    const char *how = getenv("HANG_HOW"), *limit = getenv("HANG_MS");
    if (thread == NULL || file == NULL || strcmp(thread, who) != 0 || access(file, F_OK) != 0) {
        return;
    }
    if (how != NULL && strcmp(how, "overflow") == 0) {
        (void)fprintf(stderr, "%u\n", (unsigned)overflow(0)); // of its stack: it never comes back
    }
    uint64_t end_ms = clock_ms() + (limit != NULL ? strtoull(limit, NULL, 10) : 3600000u);
    const struct timespec pause = {.tv_nsec = 1000000L};
    while (clock_ms() < end_ms) {
        if (how != NULL && strcmp(how, "sleep") == 0) {
            (void)nanosleep(&pause, NULL);
        }
    }
    (void)unlink(file);
}

static void hang_thread_if_told(void)
{
    char name[16] = "";
    (void)pthread_getname_np(pthread_self(), name, sizeof name);
    hang_if_told(name);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *limit, const sigset_t *mask)
{
    static int (*real)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "ppoll");
    }
    hang_thread_if_told();
    return real(fds, count, limit, mask);
}

int poll(struct pollfd *fds, nfds_t count, int limit_ms)
{
    static int (*real)(struct pollfd *, nfds_t, int);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "poll");
    }
    hang_thread_if_told();
    return real(fds, count, limit_ms);
}

int fdatasync(int fd)
{
    static int (*real)(int);
    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    }
    hang_if_told("journal");
    return real(fd);
}
