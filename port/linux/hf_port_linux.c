// SPDX-License-Identifier: MIT
// Link-time seams of a Linux program, random bytes, calendar time.
#include "hf_port_linux.h"

#include "holdfast/hf_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define YEAR_2026_S 1767225600

static void (*on_assertion)(const char *file, int line); // there is one way out of a process

void hf_port_on_assertion(void (*told)(const char *file, int line))
{
    on_assertion = told;
}

_Noreturn void hf_port_assert_failed(const char *file, int line)
{
    if (on_assertion != NULL) {
        on_assertion(file, line);
    }
    (void)fprintf(stderr, "assertion failed: %s:%d\n", file, line);
    abort(); // the contactor drops out by itself when the ticks end
}

static uint64_t read_clock_us(clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) {
        hf_port_assert_failed(__FILE__, __LINE__);
    }
    return (uint64_t)now.tv_sec * HF_US_PER_S + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t hf_port_now_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

#if CONFIG_HF_POOL_TIMING
uint32_t hf_port_cycles(void)
{
    struct timespec now; // a cycle is a nanosecond here
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        hf_port_assert_failed(__FILE__, __LINE__);
    }
    return (uint32_t)((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}
#endif

uint64_t hf_port_utc_ms(void)
{
    uint64_t utc_ms = read_clock_us(CLOCK_REALTIME) / HF_US_PER_MS;
    return utc_ms / 1000u >= YEAR_2026_S ? utc_ms : 0;
}

void hf_port_random(void *data, size_t length)
{
    uint8_t *bytes = data;
    while (length > 0) {
        ssize_t got = getrandom(bytes, length, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        HF_ASSERT(got > 0); // a kernel that has no generator, or a sandbox that forbids it
        bytes += got;
        length -= (size_t)got;
    }
}
