// SPDX-License-Identifier: MIT
// A lock that is never waited for longer than its bound. A time-out is counted, and named: the lock, who held it, who
// waited. For service threads; the control path has none (docs/DESIGN.md lists every lock).
// Invariants: created once, never destroyed; the caller of a lock that timed out does without, it does not retry
// in place; counters only grow.
#ifndef HF_MUTEX_H
#define HF_MUTEX_H

#include "holdfast/hf_lateness.h"
#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_MUTEX_BOUND_US   50000u
#define HF_MUTEX_TELL_US    10000000u // between two lines about a lock
#define HF_MUTEXES_MAX      16u
#define HF_MUTEX_PORT_WORDS 12u // room for the port's own lock

/// Zero-initialise, then hf_mutex_init().
typedef struct hf_mutex {
    const char *name;
    uint32_t bound_us;
    hf_atomic_u32_t holder;    // 1 + index of the task; 0: nobody
    hf_atomic_u32_t timeouts;  // takes that did not get it in time
    hf_atomic_u32_t last_pair; // of the last time-out: holder << 16 | waiter, each 1 + index
    hf_atomic_u32_t held_us;   // ... how long it had been held by then
    hf_atomic_u32_t taken_ms;  // when the holder took it
    hf_atomic_u32_t takes;     // that succeeded, at once or later
    hf_lateness_t
        waits; // histogram of takes that did not succeed at once, the time-outs among them
    uint64_t port[HF_MUTEX_PORT_WORDS];
} hf_mutex_t;

/// `name` lives as long as the lock. bound_us 0: HF_MUTEX_BOUND_US. HF_E_FULL: the port has no more; HF_E_STATE: it is one
/// already; HF_E_ARGUMENT: no name.
HF_MUST_CHECK int hf_mutex_init(hf_mutex_t *mutex, const char *name, uint32_t bound_us);
/// HF_E_TIMEOUT after the bound: the caller does without. `task`: who asks, by index of the task table. Not recursive: a
/// second take by the holder times out and is named. Context: task, never the control path, never an ISR.
HF_MUST_CHECK int hf_mutex_take(hf_mutex_t *mutex, unsigned task);
/// HF_E_AGAIN at once when it is held; no time-out is counted.
HF_MUST_CHECK int hf_mutex_try(hf_mutex_t *mutex, unsigned task);
/// HF_E_STATE: the caller does not hold it; nothing happens.
HF_MUST_CHECK int hf_mutex_give(hf_mutex_t *mutex, unsigned task);

/// The last time-out: the tasks by index of the task table, UINT32_MAX when nobody held it by then.
typedef struct hf_mutex_timeout {
    uint32_t holder, waiter;
    uint32_t held_us; // so far, by then
    uint32_t count;   // of this lock since boot
} hf_mutex_timeout_t;

/// HF_E_EMPTY: none yet. Context: any.
HF_MUST_CHECK int hf_mutex_last_timeout(const hf_mutex_t *mutex, hf_mutex_timeout_t *timeout);
/// What was told of a lock, kept by whoever owns the log; zero at first.
typedef struct hf_mutex_told {
    uint64_t at_us;
    uint32_t count;
} hf_mutex_told_t;

/// True, and the newest time-out, when there was one that was not told, and the last line is HF_MUTEX_TELL_US ago.
/// timeout->count less told->count, before the call, is how many there were. Context: whoever owns `told`.
bool hf_mutex_is_news(const hf_mutex_t *mutex, hf_mutex_timeout_t *timeout, hf_mutex_told_t *told,
                      uint64_t now_us);

// ---- seam of the port ---------------------------------------------------------------------------------------------

/// `words` is hf_mutex_t.port. Link-time seam, as hf_port_now_us(). Linux: pthread_mutex_clocklock(CLOCK_MONOTONIC).
HF_MUST_CHECK int hf_port_mutex_init(uint64_t *words);
/// HF_OK or HF_E_TIMEOUT. bound_us 0: does not wait.
HF_MUST_CHECK int hf_port_mutex_take(uint64_t *words, uint32_t bound_us);
void hf_port_mutex_give(uint64_t *words);

#ifdef __cplusplus
}
#endif

#endif
