// SPDX-License-Identifier: MIT
// Supervision on Linux. Goal: a task that hangs leads to a new process within seconds, and never to power that nobody
// watches. Rule [SAF-13]: from its deadline on nobody is fed. A control loop that hangs ends the process at once (exit 70):
// its live signal has stood still and the contactor has dropped out long before; the next process begins with OFF. Anybody
// else first gives the sessions 5 s to end and control 2 s to take the power away, then the process ends likewise. Orders
// expire after 3 s, so a comms loop that hangs has lost its power before its deadline.
#include "daemon.h"

#include "hf_port_linux.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PERIOD_US ((uint64_t)EVSE_SUPERVISOR_PERIOD_MS * HF_US_PER_MS)

static const evse_task_info_t task_table[TASKS] = {
    [TASK_CONTROL] = {"control", EVSE_TASK_CONTROL_MS, true},
    [TASK_COMMS] = {"comms", EVSE_TASK_COMMS_MS, true},
    [TASK_WORKER] = {"journal", EVSE_TASK_WORKER_MS, true},
    [TASK_MAIN] = {"main", EVSE_TASK_MAIN_MS, true},
};

int daemon_supervision_build(daemon_t *daemon)
{
    daemon_watchdog_t *watchdog = &daemon->watchdog;
    const char *device = daemon->options.watchdog;
    const daemon_notify_environment_t environment = {.socket = getenv("NOTIFY_SOCKET"),
                                                     .watchdog_usec = getenv("WATCHDOG_USEC"),
                                                     .watchdog_pid = getenv("WATCHDOG_PID")};
    if (evse_supervisor_init(&daemon->supervisor, task_table, TASKS, hf_port_now_us()) != HF_OK) {
        (void)fprintf(stderr, "holdfastd: the supervisor cannot be set up\n");
        return EXIT_SOFTWARE;
    }
    if (daemon_watchdog_open_notify(watchdog, &environment) != HF_OK) {
        (void)fprintf(stderr, "holdfastd: NOTIFY_SOCKET '%s', WATCHDOG_USEC '%s': make no sense\n",
                      environment.socket,
                      environment.watchdog_usec != NULL ? environment.watchdog_usec : "");
        return EXIT_CONFIG;
    }
    if (device[0] != '\0' && daemon_watchdog_open_device(watchdog, device) != HF_OK) {
        (void)fprintf(stderr, "holdfastd: watchdog %s: %s\n", device, strerror(errno));
        return errno == EBUSY ? EXIT_UNAVAILABLE : EXIT_CONFIG;
    }
    if (device[0] != '\0' && watchdog->is_watchdog) {
        HF_LOGI(&daemon->supervisor_log.log, hf_port_now_us(), SYS,
                "watchdog %s: resets after %u s without food", device,
                (unsigned)watchdog->timeout_s);
    } else if (device[0] != '\0') {
        HF_LOGW(&daemon->supervisor_log.log, hf_port_now_us(), SYS,
                "watchdog %s takes no time-out (%s): is it one? It is fed by writes alone", device,
                strerror(errno));
    }
    return -1;
}

void daemon_check_in(daemon_t *daemon, daemon_task_t task, uint64_t now_us)
{
    evse_supervisor_check_in(&daemon->supervisor, task, now_us);
}

static void wait_for(const _Atomic uint32_t *flag, uint64_t limit_us)
{
    uint64_t end_us = hf_port_now_us() + limit_us;
    while (atomic_load(flag) == 0 && hf_port_now_us() < end_us) {
        daemon_wait_until(hf_port_now_us() + PERIOD_US);
    }
}

// The logs are drained by main, which may be the one that hangs: this goes out by itself.
static _Noreturn void end_for(daemon_t *daemon, unsigned task, uint32_t age_ms)
{
    char text[160];
    int length =
        snprintf(text, sizeof text,
                 "holdfastd: %s has not checked in for %u ms (limit %u): watchdogs are "
                 "not fed any more, ending\n",
                 task_table[task].name, (unsigned)age_ms, (unsigned)task_table[task].deadline_ms);
    if (daemon_is_reader_ready()) { // who waits here for a reader never ends anything
        (void)!write(STDERR_FILENO, text, (size_t)length);
    }
    daemon_watchdog_tell(&daemon->watchdog, "STATUS=a critical task hangs");
    daemon_device_note_hang(daemon, task_table[task].name, age_ms);
    if (task != TASK_CONTROL) {
        atomic_store(&daemon->end, DAEMON_FAILS);
        if (task != TASK_COMMS) {
            wait_for(&daemon->comms_ended, SHUTDOWN_LIMIT_US);
        }
        atomic_store(&daemon->control_stops, 1);
        wait_for(&daemon->control_ended, LAST_TICKS_LIMIT_US);
    }
    _exit(EXIT_SOFTWARE);
}

static uint32_t conditions(const daemon_t *daemon)
{
    bool realtime = atomic_load(&daemon->realtime.control_error) == 0 &&
                    atomic_load(&daemon->realtime.memory_error) == 0;
    bool slow = atomic_load(&daemon->journal_wait_ms) > EVSE_JOURNAL_SLOW_MS;
    return (atomic_load(&daemon->link_open) != 0 ? 0u : EVSE_SUPERVISOR_NO_LINK) |
           (realtime ? 0u : EVSE_SUPERVISOR_NO_REALTIME) |
           (slow ? EVSE_SUPERVISOR_JOURNAL_SLOW : 0u);
}

static void tell_health(daemon_t *daemon, uint32_t *told, uint64_t now_us)
{
    const evse_supervisor_view_t *view = &daemon->supervisor.view; // this thread's own
    uint32_t changed = view->reasons & ~*told;
    for (unsigned i = 0; i < EVSE_HEALTH_REASON_COUNT; i++) {
        if ((changed >> i & 1u) != 0) {
            HF_LOGW(&daemon->supervisor_log.log, now_us, SYS, "health %s: %s",
                    evse_health_text(view->health), evse_health_reason_text(i));
        }
    }
    if (view->reasons != *told) {
        char status[64];
        (void)snprintf(status, sizeof status, "STATUS=health %s", evse_health_text(view->health));
        daemon_watchdog_tell(&daemon->watchdog, status);
    }
    *told = view->reasons;
}

static bool is_control_seen(const evse_supervisor_view_t *view)
{
    return (view->reasons & 1u << EVSE_HEALTH_REASON_CONTROL_UNSEEN) == 0;
}

void *daemon_supervise(void *ctx)
{
    daemon_t *daemon = ctx;
    uint32_t told = 0;
    bool is_ready = false;
    daemon_device_enter_thread();
    while (atomic_load(&daemon->supervision_ends) == 0) {
        uint64_t now_us = hf_port_now_us();
        evse_supervisor_verdict_t verdict =
            evse_supervisor_judge(&daemon->supervisor, conditions(daemon), now_us);
        if (verdict.late >= 0) {
            end_for(daemon, (unsigned)verdict.late,
                    daemon->supervisor.view.task[verdict.late].age_ms);
        }
        if (verdict.feed) {
            daemon_watchdog_feed(&daemon->watchdog, now_us);
        }
        if (verdict.feed && !is_ready && is_control_seen(&daemon->supervisor.view)) {
            is_ready = true; // the first tick has been: OFF is on the bus
            daemon_watchdog_tell(&daemon->watchdog, "READY=1");
        }
        tell_health(daemon, &told, now_us);
        daemon_wait_until(now_us + PERIOD_US);
    }
    return NULL;
}
