// SPDX-License-Identifier: MIT
// The life of a slot: FREE -> FILLING (the service copies) -> POSTED -> WORKING (comms) -> DONE -> FREE. A service that
// gives up takes POSTED and DONE back to FREE itself; WORKING it turns into DROPPED, which comms frees. Comms frees what
// nobody fetched. Each arrow is one compare-and-swap of generation and state, and the generation grows when a slot is
// taken.
#include "daemon_jobs.h"

#include "holdfast/hf_config.h"

#include <string.h>

typedef enum job_state {
    JOB_FREE,
    JOB_FILLING,
    JOB_POSTED,
    JOB_WORKING,
    JOB_DROPPED,
    JOB_DONE,
} job_state_t;

#define STATE_BITS     3u
#define STATE_OF(word) ((word) & ((1u << STATE_BITS) - 1u))
#define GENERATION_MAX 0x0FFFFFFFu // a ticket is generation * DAEMON_JOBS + slot, and positive
#define WORD(g, state) ((g) << STATE_BITS | (uint32_t)(state))
#define GOT_BITS       32u
#define US_PER_MS      1000u

_Static_assert((DAEMON_REPLY_BYTES & (DAEMON_REPLY_BYTES - 1u)) == 0, "a power of two");
_Static_assert((uint64_t)GENERATION_MAX *DAEMON_JOBS + DAEMON_JOBS - 1u <= INT32_MAX, "a ticket");

static bool move(daemon_job_t *job, uint32_t generation, job_state_t from, job_state_t to)
{
    uint32_t word = WORD(generation, from);
    return atomic_compare_exchange_strong(&job->word, &word, WORD(generation, to));
}

void daemon_jobs_init(daemon_jobs_t *jobs)
{
    memset(jobs, 0, sizeof *jobs);
}

static daemon_job_t *take(daemon_jobs_t *jobs, uint32_t *slot, uint32_t *generation)
{
    for (*slot = 0; *slot < DAEMON_JOBS; (*slot)++) {
        daemon_job_t *job = &jobs->job[*slot];
        uint32_t word = atomic_load(&job->word);
        *generation = ((word >> STATE_BITS) + 1u) & GENERATION_MAX;
        if (STATE_OF(word) == JOB_FREE &&
            atomic_compare_exchange_strong(&job->word, &word, WORD(*generation, JOB_FILLING))) {
            return job;
        }
    }
    return NULL;
}

int daemon_jobs_post(daemon_jobs_t *jobs, const daemon_job_request_t *request, uint64_t now_us)
{
    uint32_t slot, generation;
    if (request->length > DAEMON_REQUEST_BYTES) {
        return HF_E_TOO_LONG;
    }
    daemon_job_t *job = take(jobs, &slot, &generation);
    if (job == NULL) {
        (void)atomic_fetch_add(&jobs->refused, 1u);
        return HF_E_FULL;
    }
    atomic_store(&job->got, (uint64_t)generation << GOT_BITS); // first: an old reader is shut out
    job->step = request->step;
    job->ctx = request->ctx;
    job->timeout_us = (uint64_t)request->timeout_ms * US_PER_MS;
    job->deadline_us = now_us + job->timeout_us;
    job->request_length = request->length;
    job->cursor = 0;
    if (request->length > 0) {
        memcpy(job->request, request->data, request->length);
    }
    atomic_store(&job->put, 0u);
    atomic_store(&job->status, 0u);
    atomic_store(&job->word, WORD(generation, JOB_POSTED)); // nobody else moves a FILLING slot
    return (int)(generation * DAEMON_JOBS + slot);
}

static uint32_t copy_out(daemon_job_t *job, uint8_t *out, uint32_t capacity, uint32_t got)
{
    uint32_t length = atomic_load(&job->put) - got;
    length = length > capacity ? capacity : length;
    for (uint32_t i = 0; i < length; i++) {
        out[i] =
            atomic_load_explicit(&job->reply[(got + i) % DAEMON_REPLY_BYTES], memory_order_relaxed);
    }
    return length;
}

// The job is done and its answer read to the end.
static int finish(daemon_job_t *job, uint32_t generation)
{
    int status = (int)(int32_t)atomic_load(&job->status);
    return move(job, generation, JOB_DONE, JOB_FREE) ? status : HF_E_STALE;
}

int daemon_jobs_read(daemon_jobs_t *jobs, int ticket, void *out, uint32_t capacity)
{
    daemon_job_t *job = &jobs->job[(uint32_t)ticket % DAEMON_JOBS];
    uint32_t generation = (uint32_t)ticket / DAEMON_JOBS;
    uint64_t got = atomic_load(&job->got);
    uint32_t word = atomic_load(&job->word); // before `put`: DONE means that all of it is there
    uint32_t state = STATE_OF(word);
    if (word >> STATE_BITS != generation || state == JOB_FREE || state == JOB_FILLING) {
        return HF_E_STALE;
    }
    uint32_t length = copy_out(job, out, capacity, (uint32_t)got);
    if (length == 0) {
        return state == JOB_DONE ? finish(job, generation) : HF_E_AGAIN;
    }
    // What was copied counts only if the slot was ours until now: a new owner sets `got` first of all.
    uint64_t next = (uint64_t)generation << GOT_BITS | ((uint32_t)got + length);
    return atomic_compare_exchange_strong(&job->got, &got, next) ? (int)length : HF_E_STALE;
}

void daemon_jobs_drop(daemon_jobs_t *jobs, int ticket)
{
    daemon_job_t *job = &jobs->job[(uint32_t)ticket % DAEMON_JOBS];
    uint32_t generation = (uint32_t)ticket / DAEMON_JOBS;
    // In the order of a job's life: what it has left behind meanwhile is tried next.
    if (!move(job, generation, JOB_POSTED, JOB_FREE) &&
        !move(job, generation, JOB_WORKING, JOB_DROPPED)) {
        (void)move(job, generation, JOB_DONE, JOB_FREE);
    }
}

int daemon_job_put(daemon_job_t *job, const void *data, uint32_t length)
{
    const uint8_t *bytes = data;
    uint32_t put = atomic_load(&job->put);
    if (length > DAEMON_REPLY_BYTES) {
        return HF_E_TOO_LONG;
    }
    if (DAEMON_REPLY_BYTES - (put - (uint32_t)atomic_load(&job->got)) < length) {
        return HF_E_AGAIN;
    }
    for (uint32_t i = 0; i < length; i++) {
        atomic_store_explicit(&job->reply[(put + i) % DAEMON_REPLY_BYTES], bytes[i],
                              memory_order_relaxed);
    }
    atomic_store(&job->put, put + length);
    return HF_OK;
}

static void end(daemon_jobs_t *jobs, daemon_job_t *job, uint32_t generation, int status)
{
    atomic_store(&job->status, (uint32_t)status);
    (void)atomic_fetch_add(status == HF_E_TIMEOUT ? &jobs->timeouts : &jobs->done, 1u);
    if (!move(job, generation, JOB_WORKING, JOB_DONE)) {
        (void)move(job, generation, JOB_DROPPED, JOB_FREE);
    }
}

static void step(daemon_jobs_t *jobs, daemon_job_t *job, uint32_t generation, uint64_t now_us)
{
    int status = now_us >= job->deadline_us ? HF_E_TIMEOUT : job->step(job->ctx, job, now_us);
    if (status != HF_E_AGAIN) {
        job->kept_until_us = now_us + job->timeout_us;
        end(jobs, job, generation, status);
    } else if (STATE_OF(atomic_load(&job->word)) == JOB_DROPPED) {
        (void)move(job, generation, JOB_DROPPED, JOB_FREE);
    }
}

void daemon_jobs_poll(daemon_jobs_t *jobs, uint64_t now_us)
{
    for (uint32_t i = 0; i < DAEMON_JOBS; i++) {
        daemon_job_t *job = &jobs->job[i];
        uint32_t word = atomic_load(&job->word);
        uint32_t generation = word >> STATE_BITS;
        switch ((job_state_t)STATE_OF(word)) {
        case JOB_POSTED:
            if (move(job, generation, JOB_POSTED, JOB_WORKING)) {
                step(jobs, job, generation, now_us);
            }
            break;
        case JOB_WORKING:
            step(jobs, job, generation, now_us);
            break;
        case JOB_DROPPED:
            (void)move(job, generation, JOB_DROPPED, JOB_FREE);
            break;
        case JOB_DONE:
            if (now_us >= job->kept_until_us && move(job, generation, JOB_DONE, JOB_FREE)) {
                (void)atomic_fetch_add(&jobs->abandoned, 1u);
            }
            break;
        case JOB_FREE:
        case JOB_FILLING:
        default:
            break;
        }
    }
}
