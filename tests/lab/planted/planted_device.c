// SPDX-License-Identifier: MIT
// The device: tasks, lock, telemetry, the life from boot to the last session. The clock stands still while a task works.
#include "planted.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TICK_MS       100u
#define HEARTBEAT_MS  60000u
#define LOCK_BOUND_MS 50
#define NET_LIMIT_MS  2000u
#define RESET_CODE    0xCu

uint32_t device_random(device_t *device, uint32_t below)
{
    device->random ^= device->random << 13;
    device->random ^= device->random >> 17;
    device->random ^= device->random << 5;
    return device->random % below;
}

void device_say(device_t *device, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)device->write(device->ctx, text, (size_t)length);
}

void device_say_done(device_t *device)
{
    device_say(device, "[Soak] done after %u sessions\n", (unsigned)device->session);
}

// ---- lock -----------------------------------------------------------------------------------------------------------

static uint64_t real_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

bool lock_take(bounded_lock_t *lock, const char *who)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOCK_BOUND_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    if (pthread_mutex_clocklock(&lock->mutex, CLOCK_MONOTONIC, &until) != 0) {
        lock->lost_to = lock->holder;
        lock->waiter = who;
        lock->held_ms = (uint32_t)((real_us() - lock->taken_us) / 1000u);
        lock->timeouts++;
        return false;
    }
    lock->holder = who;
    lock->taken_us = real_us();
    return true;
}

void lock_give(bounded_lock_t *lock)
{
    lock->holder = NULL;
    (void)pthread_mutex_unlock(&lock->mutex);
}

bool lock_line(const void *of, uint32_t index, hf_line_lock_t *line)
{
    (void)index;
    const bounded_lock_t *lock = of;
    *line = (hf_line_lock_t){.name = lock->name,
                             .holder = lock->lost_to,
                             .waiter = lock->waiter,
                             .held_ms = lock->held_ms,
                             .timeouts = lock->timeouts};
    return true;
}

// ---- tasks ----------------------------------------------------------------------------------------------------------

static void *work(void *ctx)
{
    worker_t *worker = ctx;
    for (;;) {
        (void)sem_wait(&worker->wanted);
        if (worker->job == NULL) {
            return NULL;
        }
        worker->job(worker->device);
        (void)sem_post(&worker->done);
    }
}

void device_ask(device_t *device, unsigned task, void (*job)(void *device))
{
    worker_t *worker = &device->worker[task];
    worker->job = job;
    (void)sem_post(&worker->wanted);
    (void)sem_wait(&worker->done);
}

static bool start_worker(device_t *device, unsigned task)
{
    worker_t *worker = &device->worker[task];
    pthread_attr_t attributes;
    worker->device = device;
    (void)sem_init(&worker->wanted, 0, 0);
    (void)sem_init(&worker->done, 0, 0);
    (void)pthread_attr_init(&attributes);
    // The spare room belongs to the thread, not to the stack that is told.
    bool is_started =
        hf_task_place(&device->tasks, task, worker->stack, STACK_BYTES) == HF_OK &&
        pthread_attr_setstack(&attributes, worker->spare, SPARE_BYTES + STACK_BYTES) == 0 &&
        pthread_create(&worker->thread, &attributes, work, worker) == 0;
    (void)pthread_attr_destroy(&attributes);
    return is_started;
}

static void stop_workers(device_t *device)
{
    for (unsigned task = TASK_NET; task < TASK_COUNT; task++) {
        device->worker[task].job = NULL;
        (void)sem_post(&device->worker[task].wanted);
        (void)pthread_join(device->worker[task].thread, NULL);
    }
}

// ---- telemetry ------------------------------------------------------------------------------------------------------

static void on_trip(void *ctx, const hf_trip_event_t *event)
{
    device_t *device = ctx;
    hf_telemetry_tell_trip(&device->telemetry, event);
}

static bool set_up(device_t *device)
{
    static const hf_task_info_t rows[TASK_COUNT] = {
        [TASK_MAIN] = {.name = "main", .priority = 1, .core = 1},
        [TASK_NET] = {.name = "net", .priority = 5, .core = 0},
        [TASK_UI] = {.name = "ui", .priority = 2, .core = 1},
        [TASK_METER] = {.name = "meter", .priority = 3, .core = -1}};
    static hf_history_sample_t history[4];
    const hf_telemetry_config_t config = {.memory = {.read = heap_read, .ctx = &device->heap},
                                          .write = device->write,
                                          .ctx = device->ctx,
                                          .read_lock = lock_line,
                                          .locks = &device->config,
                                          .lock_count = 1,
                                          .tasks = &device->tasks,
                                          .tripwire = &device->tripwire,
                                          .history = history,
                                          .history_count = 4,
                                          .heartbeat_ms = HEARTBEAT_MS,
                                          .look_bytes = STACK_BYTES};
    heap_init(&device->heap);
    device->config.name = "config";
    return pthread_mutex_init(&device->config.mutex, NULL) == 0 &&
           sem_init(&device->lock_is_held, 0, 0) == 0 &&
           hf_tasks_init(&device->tasks, rows, TASK_COUNT) == HF_OK &&
           hf_tripwire_init(&device->tripwire, hf_tripwire_defaults, HF_TRIPWIRE_DEFAULTS, on_trip,
                            device) == HF_OK &&
           hf_telemetry_init(&device->telemetry, &config, device->now_us) == HF_OK &&
           start_worker(device, TASK_NET) && start_worker(device, TASK_UI) &&
           start_worker(device, TASK_METER);
}

// ---- life -----------------------------------------------------------------------------------------------------------

static void watch_net(device_t *device)
{
    uint32_t age_ms = (uint32_t)(device->now_us / 1000u) - device->net_seen_ms;
    hf_telemetry_check(&device->telemetry, HF_WIRE_LATE, TASK_NET,
                       age_ms > NET_LIMIT_MS ? age_ms - NET_LIMIT_MS : 0, "net");
}

void device_wait(device_t *device, uint32_t ms)
{
    for (uint32_t waited = 0; waited < ms; waited += TICK_MS) {
        device->now_us += TICK_MS * 1000u;
        hf_telemetry_poll(&device->telemetry, device->now_us);
        if (!device->has_panicked) {
            watch_net(device);
        }
    }
}

static void boot(device_t *device, uint32_t code, const char *reason)
{
    hf_telemetry_boot(&device->telemetry, code, reason, "3.1.4-foreign");
    hf_telemetry_mark(&device->telemetry, "boot", device->now_us);
    device_wait(device, 1000);
    hf_telemetry_ip(&device->telemetry, "192.0.2.7", "planted");
    hf_telemetry_mark(&device->telemetry, "setup", device->now_us);
    device->net_seen_ms = (uint32_t)(device->now_us / 1000u);
    device_wait(device, 1000);
    hf_telemetry_ready(&device->telemetry, device->now_us);
    device->net_seen_ms = (uint32_t)(device->now_us / 1000u);
}

void device_reset(device_t *device, const char *reason)
{
    device->has_panicked = true;
    device_say(device, "Rebooting...\n");
    hf_telemetry_boot(&device->telemetry, RESET_CODE, reason, "3.1.4-foreign");
}

bool device_run(device_t *device)
{
    if (!set_up(device)) {
        return false;
    }
    boot(device, 1, "POWERON_RESET");
    for (device->session = 0; device->session < device->sessions && !device->has_panicked;
         device->session++) {
        session_run(device);
    }
    device_wait(device, 1000);
    device_say_done(device);
    stop_workers(device);
    return true;
}
