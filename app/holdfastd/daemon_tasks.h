// SPDX-License-Identifier: MIT
// The task table of holdfastd: every thread with its name, stack and priority, and every lock. Invariants: a row is one
// thread's for good, and its index names the task wherever one is named (locks, telemetry); rows of threads that were never
// started have no stack and are told nowhere.
#ifndef DAEMON_TASKS_H
#define DAEMON_TASKS_H

#include "hf_thread.h"
#include "holdfast/hf_mutex.h"

/// X(row, name, stack in bytes, priority): 1.5 times the deepest use ever measured at least (docs/footprint.md), rounded up.
/// Priorities are of SCHED_FIFO, where it is granted; 0: none. One row more per meter follows.
#define DAEMON_TASK_TABLE(X)                                                                       \
    X(MAIN, "main", 64u * 1024u, 0)              /* signals, logs, telemetry */                    \
    X(CONTROL, "control", 64u * 1024u, 60)       /* the tick */                                    \
    X(SUPERVISOR, "supervisor", 64u * 1024u, 59) /* check-ins, watchdogs */                        \
    X(COMMS, "comms", 64u * 1024u, 0)            /* OCPP, sessions, journal */                     \
    X(RESOLVER, "resolver", 256u * 1024u, 0)     /* names; the C library's resolver */             \
    X(JOURNAL, "journal", 48u * 1024u, 0)        /* fdatasync */                                   \
    X(TAGS, "tags", 48u * 1024u, 0)              /* fdatasync of list and cache */                 \
    X(CONSOLE, "console", 64u * 1024u, 0)        /* the local console */                           \
    X(TRANSFER, "transfer", 256u * 1024u, 0)     /* libcurl and its TLS */                         \
    X(PORTAL, "portal", 128u * 1024u, 0)         /* libmicrohttpd */                               \
    X(MQTT, "mqtt", 128u * 1024u, 0)             /* libmosquitto */

#define DAEMON_METER_STACK_BYTES (64u * 1024u) // libmodbus

typedef enum daemon_row {
#define DAEMON_ROW(row, name, bytes, priority) DAEMON_ROW_##row,
    DAEMON_TASK_TABLE(DAEMON_ROW)
#undef DAEMON_ROW
        DAEMON_ROW_METER, // of the first connector
    DAEMON_ROWS = DAEMON_ROW_METER + CONFIG_EVSE_CONNECTORS_MAX
} daemon_row_t;

typedef struct daemon_tasks {
    hf_tasks_t tasks;
#if CONFIG_HF_MUTEX
    hf_mutex_t *locks[HF_MUTEXES_MAX]; // as they were added
    hf_mutex_told_t told[HF_MUTEXES_MAX];
    uint32_t lock_count;
#endif
} daemon_tasks_t;

struct daemon;

/// Before any thread is started, by main: its own stack is adopted.
void daemon_tasks_init(struct daemon *daemon);
/// The table on standard output: name, stack in bytes, priority.
void daemon_tasks_print(void);
/// For whoever starts a thread by itself.
hf_thread_place_t daemon_place(struct daemon *daemon, unsigned row);
/// Starts a service's thread. Returns an errno: no thread.
HF_MUST_CHECK int daemon_thread_start(struct daemon *daemon, unsigned row, pthread_t *thread,
                                      void *(*run)(void *), void *ctx);
#if CONFIG_HF_MUTEX
/// Makes a lock, and one of those that are told. A failure is as hf_mutex_init()'s. Context: main, before any thread.
HF_MUST_CHECK int daemon_lock_init(struct daemon *daemon, hf_mutex_t *mutex, const char *name);
/// Logs locks that timed out, with their names, each at a limited rate. Context: main.
void daemon_locks_tell(struct daemon *daemon, uint64_t now_us);
#endif

#endif
