// SPDX-License-Identifier: MIT
// Makes the table and starts threads by it; tells locks that timed out.
#include "daemon.h"

#include "hf_port_linux.h"

#include <stdio.h>

_Static_assert(DAEMON_ROWS <= HF_TASKS_MAX, "the table holds every thread");

static const char *const meter_names[] = {"meter1", "meter2", "meter3", "meter4"};
_Static_assert(HF_COUNT_OF(meter_names) >= CONFIG_EVSE_CONNECTORS_MAX, "each meter has a name");

static const hf_task_info_t rows[] = {
#define DAEMON_INFO(row, called, bytes, prio)                                                      \
    [DAEMON_ROW_##row] = {.name = called, .stack_bytes = (bytes), .priority = (prio), .core = -1},
    DAEMON_TASK_TABLE(DAEMON_INFO)
#undef DAEMON_INFO
};

static hf_task_info_t info_of(unsigned row)
{
    return row < DAEMON_ROW_METER ? rows[row]
                                  : (hf_task_info_t){.name = meter_names[row - DAEMON_ROW_METER],
                                                     .stack_bytes = DAEMON_METER_STACK_BYTES,
                                                     .core = -1};
}

void daemon_tasks_init(daemon_t *daemon)
{
    hf_tasks_t *tasks = &daemon->tasks.tasks;
    hf_task_info_t info[DAEMON_ROWS];
    for (unsigned i = 0; i < DAEMON_ROWS; i++) {
        info[i] = info_of(i);
    }
#if CONFIG_HF_TELEMETRY
    int status = hf_tasks_init(tasks, info, DAEMON_ROWS);
    HF_ASSERT(status == HF_OK);
    const hf_thread_place_t place = daemon_place(daemon, DAEMON_ROW_MAIN);
    (void)!hf_thread_adopt_main(&place); // not told, then: nothing else hangs on it
#else
    for (unsigned i = 0; i < DAEMON_ROWS; i++) {
        tasks->task[i].info = info[i];
    }
    tasks->count = DAEMON_ROWS;
#endif
}

void daemon_tasks_print(void)
{
    for (unsigned i = 0; i < DAEMON_ROWS; i++) {
        const hf_task_info_t info = info_of(i);
        printf("%s %u %u\n", info.name, (unsigned)info.stack_bytes, (unsigned)info.priority);
    }
}

hf_thread_place_t daemon_place(daemon_t *daemon, unsigned row)
{
    return (hf_thread_place_t){.tasks = &daemon->tasks.tasks, .task = row};
}

int daemon_thread_start(daemon_t *daemon, unsigned row, pthread_t *thread, void *(*run)(void *),
                        void *ctx)
{
    const hf_thread_place_t place = daemon_place(daemon, row);
    return hf_thread_start(thread, &place, run, ctx);
}

#if CONFIG_HF_MUTEX
int daemon_lock_init(daemon_t *daemon, hf_mutex_t *mutex, const char *name)
{
    daemon_tasks_t *tasks = &daemon->tasks;
    int status =
        tasks->lock_count < HF_MUTEXES_MAX ? hf_mutex_init(mutex, name, 0) : (int)HF_E_FULL;
    if (status == HF_OK) {
        tasks->locks[tasks->lock_count++] = mutex;
    }
    return status;
}

static const char *name_of(uint32_t row)
{
    return row < DAEMON_ROWS ? info_of(row).name : "nobody";
}

void daemon_locks_tell(daemon_t *daemon, uint64_t now_us)
{
    daemon_tasks_t *tasks = &daemon->tasks;
    for (uint32_t i = 0; i < tasks->lock_count; i++) {
        hf_mutex_timeout_t timeout;
        const uint32_t before = tasks->told[i].count;
        if (hf_mutex_is_news(tasks->locks[i], &timeout, &tasks->told[i], now_us)) {
            HF_LOGW(&daemon->supervisor_log.log, now_us, SYS,
                    "lock %s: %s did without, %s held it for %u ms (%u times)",
                    tasks->locks[i]->name, name_of(timeout.waiter), name_of(timeout.holder),
                    (unsigned)(timeout.held_us / 1000u), (unsigned)(timeout.count - before));
        }
    }
}
#endif
