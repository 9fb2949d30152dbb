// SPDX-License-Identifier: MIT
// Work that service threads ask of the comms loop: a handful of slots, each with a request, a stream of answer bytes and a
// status. The comms loop looks at them once a round and never waits; a service that is slow makes its own job wait, and one
// that went away loses its slot. Invariants: all of a slot's transitions are one atomic word, generation and state, so an
// old ticket never reaches a new job; a job that was dropped before the loop saw it never runs; a round is one step a slot.
#ifndef DAEMON_JOBS_H
#define DAEMON_JOBS_H

#include "holdfast/hf_ring.h"

#define DAEMON_JOBS          4u
#define DAEMON_REQUEST_BYTES 8192u
#define DAEMON_REPLY_BYTES   4096u // of the answer, on its way; a power of two

typedef struct daemon_job daemon_job_t;

/// One step of a job. HF_OK: done. HF_E_AGAIN: call again next round (the stream is full, or that was enough for one round).
/// Anything else: failed, and the service is told. Context: the comms loop; bounded, never waits.
typedef int (*daemon_job_step_t)(void *ctx, daemon_job_t *job, uint64_t now_us);

struct daemon_job {
    hf_atomic_u32_t word;   // generation and state
    hf_atomic_u32_t put;    // bytes of the answer written, by the comms loop alone
    _Atomic uint64_t got;   // ... and read, by the service alone; above it the generation
    hf_atomic_u32_t status; // as int32_t, once it is done
    daemon_job_step_t step;
    void *ctx;
    uint64_t deadline_us;   // no step after it
    uint64_t timeout_us;    // as it was given
    uint64_t kept_until_us; // the comms loop's: whoever has not fetched by then does not come
    uint32_t request_length;
    uint32_t cursor; // the step's own; 0 at first
    uint8_t request[DAEMON_REQUEST_BYTES];
    _Atomic uint8_t reply[DAEMON_REPLY_BYTES];
};

/// Counters only grow.
typedef struct daemon_jobs {
    daemon_job_t job[DAEMON_JOBS];
    hf_atomic_u32_t refused;   // no slot was free
    hf_atomic_u32_t done;      // by the comms loop, failed ones too
    hf_atomic_u32_t timeouts;  // not done by their deadline
    hf_atomic_u32_t abandoned; // nobody came for the answer
} daemon_jobs_t;

typedef struct daemon_job_request {
    daemon_job_step_t step;
    void *ctx;
    const void *data;
    uint32_t length;
    uint32_t timeout_ms; // from now until the last step; the answer is kept as long again
} daemon_job_request_t;

void daemon_jobs_init(daemon_jobs_t *jobs);

/// Asks for a job; the data is copied. Returns its ticket (0 or more), HF_E_FULL, HF_E_TOO_LONG. Context: any thread.
HF_MUST_CHECK int daemon_jobs_post(daemon_jobs_t *jobs, const daemon_job_request_t *request,
                                   uint64_t now_us);
/// Takes what there is of the answer: its bytes (above 0), 0 at its end, HF_E_AGAIN for nothing yet, HF_E_TIMEOUT,
/// HF_E_STALE (the answer was not fetched in time), or what the step failed with. After anything but bytes and HF_E_AGAIN
/// the ticket is used up. Context: the thread that holds the ticket. Cost: O(bytes).
HF_MUST_CHECK int daemon_jobs_read(daemon_jobs_t *jobs, int ticket, void *out, uint32_t capacity);
/// Gives a job up: one that was not begun never runs, one that was is not called again.
void daemon_jobs_drop(daemon_jobs_t *jobs, int ticket);

/// Moves every job on by a step. Context: the comms loop. Cost: the steps'.
void daemon_jobs_poll(daemon_jobs_t *jobs, uint64_t now_us);
/// For a step: appends to the answer, all of it or nothing. HF_E_AGAIN: the service has to read first; HF_E_TOO_LONG: this
/// piece never fits.
HF_MUST_CHECK int daemon_job_put(daemon_job_t *job, const void *data, uint32_t length);

#endif
