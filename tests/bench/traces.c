// SPDX-License-Identifier: MIT
// The traces and the search for the least memory. Nothing here knows a memory manager; nothing depends on the machine.
#include "bench/traces.h"

#include <stdlib.h>

#define TRACE_SHIFT_OPERATIONS 250000u
#define TRACE_DRAWS            8u
#define TRACE_STEP_BYTES       512u

static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (uint32_t)(*random >> 16) % below;
}

static uint32_t draw_between(uint64_t *random, uint32_t first, uint32_t last)
{
    return first + draw(random, last - first + 1u);
}

static uint32_t draw_bytes(trace_t *trace)
{
    if (trace->kind == TRACE_SHIFT) {
        static const uint32_t middles[] = {40, 120, 400, 1200};
        uint32_t middle = middles[trace->operations / TRACE_SHIFT_OPERATIONS % 4u];
        return draw_between(&trace->random, middle / 2u, middle * 3u / 2u);
    }
    uint32_t percent = draw(&trace->random, 100);
    if (percent < 55u) {
        return draw_between(&trace->random, 16, 64);
    }
    if (percent < 85u) {
        return draw_between(&trace->random, 65, 256);
    }
    return percent < 96u ? draw_between(&trace->random, 257, 768)
                         : draw_between(&trace->random, 769, 2048);
}

void trace_init(trace_t *trace, trace_kind_t kind, uint64_t seed, uint32_t target_bytes,
                trace_block_t *blocks)
{
    *trace = (trace_t){.kind = kind,
                       .random = seed,
                       .target_bytes = target_bytes,
                       .blocks = blocks,
                       .capacity = TRACE_BLOCKS(target_bytes)};
    for (uint32_t i = 0; i < trace->capacity; i++) {
        blocks[i].slot = i;
    }
}

static trace_op_t take(trace_t *trace, uint32_t bytes)
{
    uint32_t life = draw(&trace->random, 10) < 9u ? draw_between(&trace->random, 1, 400)
                                                  : draw_between(&trace->random, 1000, 401000);
    trace_block_t *block = &trace->blocks[trace->count++];
    block->dies_at = trace->operations + life;
    block->bytes = bytes;
    trace->live_bytes += bytes;
    if (trace->live_bytes > trace->peak_bytes) {
        trace->peak_bytes = trace->live_bytes;
    }
    return (trace_op_t){.slot = block->slot, .bytes = bytes};
}

static trace_op_t give(trace_t *trace, uint32_t index)
{
    trace_block_t gone = trace->blocks[index];
    trace->count--;
    trace->blocks[index] = trace->blocks[trace->count];
    trace->blocks[trace->count] = gone;
    trace->live_bytes -= gone.bytes;
    return (trace_op_t){.slot = gone.slot, .bytes = 0};
}

/// The index of the block that dies first among those drawn.
static uint32_t draw_victim(trace_t *trace)
{
    uint32_t victim = draw(&trace->random, trace->count);
    for (uint32_t i = 1; i < TRACE_DRAWS; i++) {
        uint32_t other = draw(&trace->random, trace->count);
        if (trace->blocks[other].dies_at < trace->blocks[victim].dies_at) {
            victim = other;
        }
    }
    return victim;
}

trace_op_t trace_next(trace_t *trace)
{
    trace->operations++;
    if (trace->sweep_due) {
        trace->sweep_due = false;
        uint32_t index = trace->count == 0 ? 0 : draw(&trace->random, trace->count);
        if (trace->count != 0 && trace->blocks[index].dies_at <= trace->operations) {
            return give(trace, index);
        }
    }
    trace->sweep_due = trace->operations % 4u == 0;
    uint32_t bytes = draw_bytes(trace);
    if (trace->live_bytes + bytes <= trace->target_bytes && trace->count < trace->capacity) {
        return take(trace, bytes);
    }
    return give(trace, draw_victim(trace));
}

uint32_t trace_hash(trace_t *trace, uint32_t operations)
{
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < operations; i++) {
        trace_op_t op = trace_next(trace);
        uint64_t both = (uint64_t)op.bytes << 32 | op.slot;
        for (uint32_t byte = 0; byte < 8u; byte++) {
            hash = (hash ^ (uint32_t)(both >> (8u * byte) & 0xFFu)) * 16777619u;
        }
    }
    return hash;
}

static uint32_t serve(const trace_run_t *run, const trace_memory_t *memory, uint64_t *peak_bytes)
{
    trace_t trace;
    trace_init(&trace, run->kind, run->seed, run->target_bytes, run->blocks);
    uint32_t done = 0;
    for (; done < run->operations; done++) {
        trace_op_t op = trace_next(&trace);
        if (op.bytes == 0) {
            memory->give(memory->ctx, run->taken[op.slot].block);
            continue;
        }
        run->taken[op.slot].block = memory->take(memory->ctx, op.bytes);
        if (run->taken[op.slot].block == NULL) {
            break;
        }
    }
    *peak_bytes = trace.peak_bytes;
    return done;
}

/// The adversary's state: the first `count` of run->taken are live.
typedef struct robson {
    const trace_run_t *run;
    const trace_memory_t *memory;
    uint64_t random, live_bytes, peak_bytes;
    uint32_t count, done;
} robson_t;

static void robson_give(robson_t *robson, uint32_t index)
{
    trace_taken_t *taken = robson->run->taken;
    robson->memory->give(robson->memory->ctx, taken[index].block);
    robson->live_bytes -= taken[index].bytes;
    taken[index] = taken[--robson->count];
    robson->done++;
}

static int compare_addresses(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t)((const trace_taken_t *)left)->block;
    uintptr_t b = (uintptr_t)((const trace_taken_t *)right)->block;
    return (a > b) - (a < b);
}

/// Fills with blocks of one size. False when one was refused or the operations are at their end.
static bool robson_fill(robson_t *robson, uint32_t bytes)
{
    const trace_run_t *run = robson->run;
    while (robson->live_bytes + bytes <= run->target_bytes && robson->done < run->operations) {
        void *block = robson->memory->take(robson->memory->ctx, bytes);
        if (block == NULL) {
            return false;
        }
        run->taken[robson->count++] = (trace_taken_t){.block = block, .bytes = bytes};
        robson->live_bytes += bytes;
        robson->done++;
    }
    robson->peak_bytes =
        robson->live_bytes > robson->peak_bytes ? robson->live_bytes : robson->peak_bytes;
    return robson->done < run->operations;
}

/// Of all blocks the lowest in each stretch of 4 x `bytes` stays, up to an eighth of the target in blocks of `bytes`.
static void robson_thin(robson_t *robson, uint32_t bytes)
{
    trace_taken_t *taken = robson->run->taken;
    const uint32_t most = robson->run->target_bytes / 8u / bytes;
    qsort(taken, robson->count, sizeof taken[0], compare_addresses);
    uintptr_t stretch = UINTPTR_MAX;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < robson->count && kept < most; i++) {
        uintptr_t here =
            (uintptr_t)((uint8_t *)taken[i].block - robson->run->memory) / (4u * bytes);
        if (here != stretch) {
            stretch = here;
            trace_taken_t keep = taken[i];
            taken[i] = taken[kept];
            taken[kept++] = keep;
        }
    }
    while (robson->count > kept) {
        robson_give(robson, robson->count - 1u);
    }
}

static uint32_t serve_robson(const trace_run_t *run, const trace_memory_t *memory,
                             uint64_t *peak_bytes)
{
    robson_t robson = {.run = run, .memory = memory, .random = run->seed};
    while (robson.done < run->operations) {
        for (uint32_t bytes = 24; bytes <= 1536u; bytes *= 2u) {
            if (!robson_fill(&robson, bytes)) {
                *peak_bytes = robson.peak_bytes;
                return robson.done;
            }
            robson_thin(&robson, bytes);
        }
        while (robson.count > 8u) {
            robson_give(&robson, draw(&robson.random, robson.count));
        }
    }
    *peak_bytes = robson.peak_bytes;
    return run->operations;
}

uint32_t trace_serve(const trace_run_t *run, const trace_memory_t *memory, size_t bytes,
                     uint64_t *peak_bytes)
{
    uint64_t peak = 0;
    uint32_t done = 0;
    if (memory->start(memory->ctx, run->memory, bytes)) {
        done = run->kind == TRACE_ROBSON ? serve_robson(run, memory, &peak)
                                         : serve(run, memory, &peak);
    }
    if (peak_bytes != NULL) {
        *peak_bytes = peak;
    }
    return done;
}

size_t trace_need(const trace_run_t *run, const trace_memory_t *memory, uint32_t *ratio_permille)
{
    uint64_t peak = 0;
    size_t low = 0,
           high = run->memory_bytes / TRACE_STEP_BYTES + 1u; // steps: low fails, high serves
    const size_t beyond = high;
    while (high - low > 1u) {
        size_t middle = low + (high - low) / 2u;
        uint64_t peak_here = 0;
        if (trace_serve(run, memory, middle * TRACE_STEP_BYTES, &peak_here) == run->operations) {
            high = middle;
            peak = peak_here;
        } else {
            low = middle;
        }
    }
    if (high == beyond) {
        *ratio_permille = 0;
        return 0;
    }
    *ratio_permille = (uint32_t)(high * TRACE_STEP_BYTES * 1000u / peak);
    return high * TRACE_STEP_BYTES;
}
