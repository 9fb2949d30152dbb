// SPDX-License-Identifier: MIT
// A foreign firmware for the lab's tests: a program that shares nothing with Holdfast but hf_instrument.{h,c}. It has
// threads for tasks, a heap and a lock of its own, a serial line, a clock that runs as fast as it can be printed, and on
// request one defect, as devices have them. What the lab says of it is what the lab is worth.
#ifndef PLANTED_H
#define PLANTED_H

#include "hf_instrument.h"

#include <pthread.h>
#include <semaphore.h>

typedef enum plant {
    PLANT_NONE,
    PLANT_LEAK,           // 32 B of each session stay behind
    PLANT_FRAGMENTATION,  // what each session keeps lies between what it gives back
    PLANT_STACK_OVERFLOW, // the task "net" writes below its stack
    PLANT_LATE_TASK,      // the task "net" does not come back for a while
    PLANT_LOCK_HOLD,      // the task "ui" keeps the lock "config" for 60 ms, "net" wants it
    PLANT_DOUBLE_FREE,    // a block is given back twice
    PLANTS
} plant_t;

// ---- heap -----------------------------------------------------------------------------------------------------------

#define HEAP_BYTES 262144u

/// First fit with coalescing. Each block is preceded by its size and a word that tells whether it is taken.
typedef struct heap {
    _Alignas(16) uint8_t memory[HEAP_BYTES];
    uint32_t free_bytes, min_free_bytes;
    uint32_t refused;
    pthread_mutex_t guard;
} heap_t;

typedef enum heap_verdict { HEAP_GOOD, HEAP_FREED_TWICE, HEAP_FOREIGN } heap_verdict_t;

void heap_init(heap_t *heap);
void *heap_take(heap_t *heap, uint32_t bytes); // NULL: does not fit
heap_verdict_t heap_give(heap_t *heap, void *block);
/// For hf_memory_source_t. Walks over the heap, which is small.
int heap_read(void *heap, hf_memory_t *memory);

// ---- device ---------------------------------------------------------------------------------------------------------

enum { TASK_MAIN, TASK_NET, TASK_UI, TASK_METER, TASK_COUNT };

#define STACK_BYTES 32768u
#define SPARE_BYTES 16384u // below it: what overflows does harm to nobody but itself

/// A thread that does one job after the other on a stack of its own.
typedef struct worker {
    _Alignas(4096) uint8_t spare[SPARE_BYTES];
    _Alignas(4096) uint8_t stack[STACK_BYTES];
    pthread_t thread;
    sem_t wanted, done;
    void (*job)(void *device);
    void *device;
} worker_t;

/// A lock that is not waited for longer than 50 ms; who does without is written down.
typedef struct bounded_lock {
    pthread_mutex_t mutex;
    const char *name;
    const char *_Atomic holder;
    const char *_Atomic waiter, *_Atomic lost_to; // of the last time-out
    _Atomic uint32_t timeouts, held_ms;
    _Atomic uint64_t taken_us; // real time
} bounded_lock_t;

typedef struct device {
    plant_t plant;
    uint32_t sessions;
    uint32_t plant_at; // session of the defect, where it is one moment
    uint32_t random;
    uint64_t now_us; // virtual
    heap_t heap;
    hf_telemetry_t telemetry;
    hf_tripwire_t tripwire;
    hf_tasks_t tasks;
    worker_t worker[TASK_COUNT]; // main's is not used
    bounded_lock_t config;
    sem_t lock_is_held;
    uint32_t net_seen_ms;         // when "net" did something last, virtual
    void *given[128], *cache[16]; // of the defect; of the working set
    uint32_t session;
    bool has_panicked;
    bool (*write)(void *ctx, const char *text, size_t length);
    void *ctx;
} device_t;

/// Prologue, sessions, last words. False: the line broke.
bool device_run(device_t *device);
/// Lines that are not telemetry's.
void device_say(device_t *device, const char *format, ...) __attribute__((format(printf, 2, 3)));
void device_say_done(device_t *device);
/// What a firmware does after a crash: it starts again. Says so.
void device_reset(device_t *device, const char *reason);

/// The lock. False: had to do without.
bool lock_take(bounded_lock_t *lock, const char *who);
void lock_give(bounded_lock_t *lock);
bool lock_line(const void *of, uint32_t index, hf_line_lock_t *line);

/// One session, with the defect where it is due.
void session_run(device_t *device);
/// Does a job on a task and waits for it.
void device_ask(device_t *device, unsigned task, void (*job)(void *device));
uint32_t device_random(device_t *device, uint32_t below);
void device_wait(device_t *device, uint32_t ms); // virtual; telemetry goes on

#endif
