// SPDX-License-Identifier: MIT
// A session: the tasks take buffers and give them back, a cache turns over, the lock is taken. And the defects.
#include "planted.h"

#include <string.h>
#include <time.h>

#define SESSION_MS      30000u
#define STEP_MS         500u
#define LEAK_BYTES      32u
#define HOLD_MS         60
#define LOOKS           8u
#define LATE_MS         9000u
#define KEEP_BYTES      300u
#define GIVEN_BYTES     1400u
#define PAIRS           85u
#define CACHE_ENTRIES   16u
#define CACHE_BYTES_MAX 600u

// The cache holds what was asked for last: it varies by some KB and has a ceiling, as working sets do.
static void turn_cache(void *ctx)
{
    device_t *device = ctx;
    void **entry = &device->cache[device_random(device, CACHE_ENTRIES)];
    if (*entry != NULL) {
        (void)heap_give(&device->heap, *entry);
    }
    *entry = heap_take(&device->heap, 64u + device_random(device, CACHE_BYTES_MAX));
}

// A buffer on the stack and one on the heap, for the time of a message.
static void send_message(void *ctx)
{
    device_t *device = ctx;
    char text[2048];
    void *block = heap_take(&device->heap, 512u + device_random(device, 1024u));
    memset(text, 'x', sizeof text);
    if (block != NULL) {
        memcpy(block, text, 512);
        (void)heap_give(&device->heap, block);
    }
    device->net_seen_ms = (uint32_t)(device->now_us / 1000u);
}

static void draw(void *ctx)
{
    device_t *device = ctx;
    if (lock_take(&device->config, "ui")) {
        turn_cache(device);
        lock_give(&device->config);
    }
}

static void leak(device_t *device)
{
    (void)heap_take(&device->heap, LEAK_BYTES - 16u); // with its head
}

// What is kept lies between what is given back later: the free bytes come back, the largest block does not.
static void fragment(device_t *device)
{
    uint32_t age = device->session - device->plant_at; // of the defect
    if (device->session < device->plant_at) {
        return;
    }
    if (age < PAIRS) {
        device->given[age] = heap_take(&device->heap, GIVEN_BYTES);
        (void)heap_take(&device->heap, KEEP_BYTES);
        return;
    }
    for (uint32_t i = (age - PAIRS) * 2u; i < PAIRS && i < (age - PAIRS) * 2u + 2u; i++) {
        (void)heap_give(&device->heap, device->given[i]);
    }
}

// Recursion that runs off the end of the stack. Below it lies memory of nobody.
static uint32_t deep(volatile uint8_t *end)
{
    volatile uint8_t frame[256];
    memset((void *)(uintptr_t)frame, 0x55, sizeof frame);
    return (uintptr_t)frame > (uintptr_t)end ? frame[0] + deep(end) : frame[0];
}

static void overflow(void *ctx)
{
    device_t *device = ctx;
    (void)deep(device->worker[TASK_NET].spare + SPARE_BYTES - 512u);
    memset(device->worker[TASK_NET].stack, 0x55, 256); // frames leave gaps
}

static void hold(void *ctx)
{
    device_t *device = ctx;
    const struct timespec pause = {.tv_nsec = HOLD_MS * 1000000L};
    bool is_held = lock_take(&device->config, "ui");
    (void)sem_post(&device->lock_is_held);
    (void)nanosleep(&pause, NULL);
    if (is_held) {
        lock_give(&device->config);
    }
}

static void want(void *ctx)
{
    device_t *device = ctx;
    if (lock_take(&device->config, "net")) {
        lock_give(&device->config);
    }
}

static void plant_lock_hold(device_t *device)
{
    worker_t *ui = &device->worker[TASK_UI];
    ui->job = hold;
    (void)sem_post(&ui->wanted);
    (void)sem_wait(&device->lock_is_held);
    device_ask(device, TASK_NET, want);
    (void)sem_wait(&ui->done);
}

static void plant_overflow(device_t *device)
{
    device_ask(device, TASK_NET, overflow);
    for (unsigned i = 0; i < LOOKS; i++) { // until each stack has been looked at
        device_ask(device, TASK_NET, send_message);
        device_wait(device, STEP_MS);
    }
    device_say(device, "\n***ERROR*** A stack overflow in task net has been detected.\n");
    device_reset(device, "SW_CPU_RESET");
}

static void plant_double_free(device_t *device)
{
    void *block = heap_take(&device->heap, 100);
    (void)heap_give(&device->heap, block);
    if (heap_give(&device->heap, block) == HEAP_FREED_TWICE) {
        device_say(device, "free(): double free detected at %p\n", block);
        device_reset(device, "SW_CPU_RESET");
    }
}

static void plant_of_each_session(device_t *device)
{
    if (device->plant == PLANT_LEAK) {
        leak(device);
    } else if (device->plant == PLANT_FRAGMENTATION) {
        fragment(device);
    }
}

static void plant_of_one(device_t *device)
{
    switch (device->plant) {
    case PLANT_STACK_OVERFLOW:
        plant_overflow(device);
        break;
    case PLANT_LATE_TASK:
        device_wait(device, LATE_MS); // nobody asks "net" for anything
        break;
    case PLANT_LOCK_HOLD:
        plant_lock_hold(device);
        break;
    case PLANT_DOUBLE_FREE:
        plant_double_free(device);
        break;
    default:
        break;
    }
}

void session_run(device_t *device)
{
    hf_telemetry_mark(&device->telemetry, "tx_start", device->now_us);
    for (uint32_t ms = 0; ms < SESSION_MS; ms += STEP_MS) {
        device_ask(device, TASK_NET, send_message);
        if (ms % 2000u == 0) {
            device_ask(device, TASK_METER, turn_cache);
            device_ask(device, TASK_UI, draw);
        }
        if (ms == SESSION_MS / 2u) {
            plant_of_each_session(device);
            if (device->session == device->plant_at) {
                plant_of_one(device);
            }
        }
        if (device->has_panicked) {
            return;
        }
        device_wait(device, STEP_MS);
    }
    hf_telemetry_mark(&device->telemetry, "tx_stop", device->now_us);
    device_wait(device, STEP_MS);
}
