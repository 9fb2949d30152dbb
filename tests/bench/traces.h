// SPDX-License-Identifier: MIT
// Allocation traces by which memory managers are compared, and how much memory one needs to serve a trace. Portable: the
// random source, the parameters and the order of the draws are fixed here; the test holds the hash of each trace.
//   iot    55 % 16..64 B, 30 % 65..256 B, 11 % 257..768 B, 4 % 769..2,048 B, uniform within.
//   shift  uniform m/2..3m/2; m goes round 40, 120, 400, 1,200, a new one every 250,000 operations.
//   robson an adversary that reads addresses: for s = 24, 48 .. 1,536 B fill up with s, then of all blocks keep the first in
//          each stretch of 4 s, at most an eighth of the target over s of them; at the end give at random down to 8.
// iot and shift: nine blocks in ten live 1..400 operations, one in ten 1,000..401,000. A request that fits the live
// target is served, else the block that dies first among 8 drawn is given and the request is drawn anew at the next
// operation; every fourth operation one block is drawn and given, too, if its time is over. A take or a give is one
// operation.
#ifndef TRACES_H
#define TRACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_SEED 0x9E3779B97F4A7C15u

typedef enum trace_kind { TRACE_IOT, TRACE_SHIFT, TRACE_ROBSON } trace_kind_t;

typedef struct trace_block {
    uint64_t dies_at; // operation
    uint32_t bytes;
    uint32_t slot; // its name: dense, reused after a give
} trace_block_t;

/// One operation: a take of `bytes` into `slot`, or with 0 bytes the give of what is in `slot`.
typedef struct trace_op {
    uint32_t slot;
    uint32_t bytes;
} trace_op_t;

typedef struct trace {
    trace_kind_t kind;
    uint64_t random;
    uint64_t operations; // done so far
    uint64_t live_bytes, peak_bytes, target_bytes;
    trace_block_t *blocks; // the first `count` are live; the slots of the others are free
    uint32_t count, capacity;
    bool sweep_due;
} trace_t;

/// Blocks that can live at once: what `blocks` must have room for.
#define TRACE_BLOCKS(target_bytes) ((target_bytes) / 16u)

/// Starts TRACE_IOT or TRACE_SHIFT anew. `blocks`: TRACE_BLOCKS(target_bytes) of the caller.
void trace_init(trace_t *trace, trace_kind_t kind, uint64_t seed, uint32_t target_bytes,
                trace_block_t *blocks);
/// The next operation; never ends.
trace_op_t trace_next(trace_t *trace);
/// FNV-1a over slot and bytes of the first `operations`, little end first: the fingerprint of a generator.
uint32_t trace_hash(trace_t *trace, uint32_t operations);

/// A memory manager under test. `start` makes it anew over `bytes` of memory, its own bookkeeping included; false
/// when that is too little for it.
typedef struct trace_memory {
    const char *name;
    bool (*start)(void *ctx, uint8_t *memory, size_t bytes);
    void *(*take)(void *ctx, uint32_t bytes);
    void (*give)(void *ctx, void *block);
    void *ctx;
} trace_memory_t;

typedef struct trace_taken {
    void *block;
    uint32_t bytes;
} trace_taken_t;

typedef struct trace_run {
    trace_kind_t kind;
    uint64_t seed;
    uint32_t target_bytes;
    uint32_t operations;
    uint8_t *memory;       // what managers work on: `memory_bytes`, aligned for any type
    size_t memory_bytes;   // the most that is tried
    trace_block_t *blocks; // TRACE_BLOCKS(target_bytes)
    trace_taken_t *taken;  // TRACE_BLOCKS(target_bytes)
} trace_run_t;

/// Runs the trace over `bytes` of memory. Returns the operations served until the first refusal: run->operations when
/// there was none. `peak_bytes` (may be NULL): the most bytes that were requested and live at once.
uint32_t trace_serve(const trace_run_t *run, const trace_memory_t *memory, size_t bytes,
                     uint64_t *peak_bytes);

/// The least memory, in steps of 512 B, that serves the whole trace without one refusal, by binary search; 0 when
/// `memory_bytes` do not. `ratio_permille`: that over the peak of live requested bytes.
size_t trace_need(const trace_run_t *run, const trace_memory_t *memory, uint32_t *ratio_permille);

#endif
