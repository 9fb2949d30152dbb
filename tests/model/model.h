// SPDX-License-Identifier: MIT
// An exhaustive scheduler: runs a few threads of real code, one atomic operation at a time, through every order of
// those operations (and every place where a weak compare-exchange may fail without reason), and judges each.
//
// A schedule is a word over threads: 'a' is one operation of thread 0, 'b' of thread 1, ...; upper case: the weak
// compare-exchange the thread stood before failed for no reason.
//
// Two prefixes that lead to the same state have the same future, so the second is not followed. A state is: all memory
// the world names; all each thread knows; the lock; how many spurious failures are left. What a thread knows is its
// stack with the saved registers, or (where stacks cannot be compared, and to check that) what its operations returned
// since its call began: the code is deterministic. States are told apart by 128 bits of hash. Adding up how many
// schedules each state stands for gives the exact number of schedules (above 2^53: rounded).
//
// Memory ordering is not modelled: operations are sequentially consistent here.
#ifndef MODEL_H
#define MODEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_THREADS_MAX 3u
#define MODEL_DEPTH_MAX   400u

typedef struct model_memory {
    void *bytes;
    size_t count;
} model_memory_t;

typedef struct model_world {
    const char *name;
    unsigned threads;
    unsigned spurious; // weak compare-exchanges that may fail without reason, per schedule
    const model_memory_t
        *memory; // all that may change and outlives a step; restored before each run
    unsigned memories;
    void (*thread)(unsigned number); // what a thread does
    void (*after_step)(void);        // judges between any two operations; may be NULL
    void (*at_end)(void);            // judges when all threads are through
} model_world_t;

typedef struct model_result {
    uint64_t states;                    // different ones
    uint64_t runs;                      // from the start, each with another schedule
    double schedules;                   // what they stand for
    unsigned longest;                   // operations of the longest schedule
    const char *wrong;                  // NULL: every schedule was judged good
    char schedule[MODEL_DEPTH_MAX + 1]; // of the first that was not
    unsigned step;                      // after how many operations
} model_result_t;

/// All schedules of a world whose memory is as it shall be at the start. `states_max` guards the machine: when reached,
/// that is `wrong`.
model_result_t model_explore(const model_world_t *world, uint64_t states_max);
/// How to explore: by default states are compared, and threads by their stacks. The others are there to check that.
typedef enum model_way { MODEL_BY_STACK, MODEL_BY_HISTORY, MODEL_ONE_BY_ONE } model_way_t;
void model_go(model_way_t way);
/// One schedule; every operation is printed.
model_result_t model_replay(const model_world_t *world, const char *schedule);

// ---- for the code of a world ---------------------------------------------------------------------

/// Something is wrong: ends this schedule. The first text is kept.
void model_fail(const char *text);
/// The thread's call begins: `begun` is called right before its first operation.
void model_call_begins(void (*begun)(unsigned thread));
/// What the thread knows is in named memory now: forget what its operations returned.
void model_call_ended(void);
/// Mutual exclusion for code that has a lock: a thread waits while another holds it.
void model_lock(void);
void model_unlock(void);
/// Not as part of a schedule (setup, judging): operations happen at once.
bool model_is_direct(void);

/// Breaks what the processor promises, to see whether the judges notice: the operations of these kinds (1 <<
/// model_rmw_t) are torn into a load and a store with a yield point between; MODEL_TEAR_COMPARE does so to
/// compare-exchange, MODEL_TEAR_LOCK lets everybody through a lock.
#define MODEL_TEAR_COMPARE 0x100u
#define MODEL_TEAR_LOCK    0x200u
void model_tear(uint32_t kinds);
/// The kinds of operations schedules have used so far.
uint32_t model_kinds_used(void);

#endif
