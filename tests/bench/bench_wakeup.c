// SPDX-License-Identifier: MIT
// The null of latency figures: a thread that only wakes up, at the priority of the control loop, while the measurement runs.
// How late it wakes at worst is what the machine adds to everybody. Usage: bench_wakeup PRIORITY; ends when stdin does, and
// prints "fifo GRANTED max_us LATENESS count WAKES".
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_NS 1000000L
#define SECOND_NS 1000000000L
#define LOOK_EACH 64u // wakes between looks at stdin

static int64_t late_ns(const struct timespec *due)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)(now.tv_sec - due->tv_sec) * SECOND_NS + (now.tv_nsec - due->tv_nsec);
}

static void next(struct timespec *due)
{
    due->tv_nsec += PERIOD_NS;
    if (due->tv_nsec >= SECOND_NS) {
        due->tv_nsec -= SECOND_NS;
        due->tv_sec++;
    }
    if (late_ns(due) >
        SECOND_NS / 100) { // a wake that was missed is counted once, not once a period
        (void)clock_gettime(CLOCK_MONOTONIC, due);
    }
}

int main(int argc, char **argv)
{
    const struct sched_param priority = {.sched_priority = argc > 1 ? atoi(argv[1]) : 1};
    int granted = sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
    (void)mlockall(MCL_CURRENT | MCL_FUTURE);
    struct timespec due;
    (void)clock_gettime(CLOCK_MONOTONIC, &due);
    int64_t most_ns = 0;
    unsigned long wakes = 0;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (wakes % LOOK_EACH != 0 || poll(&input, 1, 0) == 0) {
        next(&due);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
        }
        int64_t late = late_ns(&due);
        most_ns = late > most_ns ? late : most_ns;
        wakes++;
    }
    printf("fifo %d max_us %lld count %lu\n", granted, (long long)(most_ns / 1000), wakes);
    return 0;
}
