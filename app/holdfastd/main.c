// SPDX-License-Identifier: MIT
// holdfastd: reads its options, builds the daemon, drains the logs, waits for a signal. Holds no simulation, no fault and
// no time control.
#include "daemon.h"
#if CONFIG_HOLDFASTD_HEAP_GUARD
#include "daemon_heap.h"
#endif

#include "hf_port_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_INTERVAL_NS 50000000L

static daemon_t the_daemon; // static: no heap, and too large for a stack

// A file that we open must never become 0, 1 or 2, where others write to: a line of the log would end up in the journal.
static bool open_standard(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) { // the least that is free
            return false;
        }
    }
    return true;
}

static int block_signals(sigset_t *set)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    return pthread_sigmask(SIG_BLOCK, set, NULL);
}

static void run_until_end(daemon_t *daemon, const sigset_t *signals)
{
    const struct timespec interval = {.tv_nsec = DRAIN_INTERVAL_NS};
    while (atomic_load(&daemon->end) == DAEMON_RUNS) {
        int number = sigtimedwait(signals, NULL, &interval);
        if (number == SIGTERM || number == SIGINT || number == SIGHUP) {
            uint32_t runs = DAEMON_RUNS; // a Reset that came first stays one
            (void)atomic_compare_exchange_strong(&daemon->end, &runs, DAEMON_ENDS);
        }
        daemon_check_in(daemon, TASK_MAIN, hf_port_now_us());
        daemon_device_poll(daemon, hf_port_now_us());
#if CONFIG_HF_MUTEX
        daemon_locks_tell(daemon, hf_port_now_us());
#endif
        daemon_drain_logs(daemon);
    }
}

int main(int argc, char **argv)
{
    if (!open_standard()) {
        return EXIT_OS;
    }
    daemon_tasks_init(&the_daemon);
    daemon_watchdog_init(&the_daemon.watchdog);
    int code = options_read(&the_daemon.options, argc, argv);
    if (code >= 0) {
        return code;
    }
#if CONFIG_HOLDFASTD_HEAP_GUARD
    code = daemon_heap_enter(&the_daemon.options, argv);
    if (code >= 0) {
        return code;
    }
#endif
    sigset_t signals;
    if (block_signals(&signals) != 0) {
        (void)fprintf(stderr, "holdfastd: signals cannot be set up\n");
        return EXIT_OS;
    }
    code = daemon_build(&the_daemon);
    if (code < 0) {
        code = daemon_start(&the_daemon);
    }
    daemon_drain_logs(&the_daemon);
    if (code >= 0) {
        daemon_watchdog_close(&the_daemon.watchdog, true); // nothing has been switched on
        return code;
    }
    run_until_end(&the_daemon, &signals);
    daemon_stop(&the_daemon);
    daemon_device_stop(&the_daemon);
    daemon_drain_logs(&the_daemon);
    uint32_t end = atomic_load(&the_daemon.end);
    if (end == DAEMON_RESTARTS || end == DAEMON_TRIPS) {
        (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
        (void)execv("/proc/self/exe", argv);
        (void)fprintf(stderr, "holdfastd: cannot start again: %s\n", strerror(errno));
        return EXIT_OS;
    }
    return end == DAEMON_FAILS ? EXIT_SOFTWARE : EXIT_GOOD;
}
