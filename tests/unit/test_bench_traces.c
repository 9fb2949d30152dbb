// SPDX-License-Identifier: MIT
// The trace generators do not change (hashes) and keep their parameters; the search finds the least memory to the step. That
// they are the published traces shows tests/property/test_first_fit.c: a plain first fit needs what was published for one.
#include "bench/traces.c"

#include "hf_test.h"

#define TARGET_BYTES (48u * 1024u)
#define MEMORY_BYTES (192u * 1024u)

static trace_block_t blocks[TRACE_BLOCKS(TARGET_BYTES)];
static trace_taken_t taken[TRACE_BLOCKS(TARGET_BYTES)];
static uint8_t memory[MEMORY_BYTES]; // never written

static void traces_first_operations_are_those_committed(void)
{
    trace_t trace;
    trace_init(&trace, TRACE_IOT, TRACE_SEED, TARGET_BYTES, blocks);
    CHECK_EQ(trace_hash(&trace, 100000), 0x467aea47u);
    trace_init(&trace, TRACE_SHIFT, TRACE_SEED, TARGET_BYTES, blocks);
    CHECK_EQ(trace_hash(&trace, 100000), 0x620908b7u);
}

static void traces_operations_pair_and_stay_within_the_target(void)
{
    static uint32_t live[TRACE_BLOCKS(TARGET_BYTES)];
    for (trace_kind_t kind = TRACE_IOT; kind <= TRACE_SHIFT; kind++) {
        trace_t trace;
        uint64_t sum = 0, peak = 0;
        uint32_t least = UINT32_MAX, most = 0, wrong = 0;
        memset(live, 0, sizeof live);
        trace_init(&trace, kind, TRACE_SEED, TARGET_BYTES, blocks);
        for (uint32_t i = 0; i < 1000000u; i++) {
            trace_op_t op = trace_next(&trace);
            wrong += (op.bytes == 0) != (live[op.slot] != 0);
            sum = sum + op.bytes - live[op.slot] * (op.bytes == 0);
            live[op.slot] = op.bytes;
            peak = sum > peak ? sum : peak;
            if (op.bytes != 0) {
                least = op.bytes < least ? op.bytes : least;
                most = op.bytes > most ? op.bytes : most;
            }
        }
        CHECK_EQ(wrong, 0);
        CHECK_EQ(trace.operations, 1000000);
        CHECK_EQ(trace.live_bytes, sum);
        CHECK_EQ(trace.peak_bytes, peak);
        CHECK(peak <= TARGET_BYTES && peak > TARGET_BYTES - 16u);
        CHECK_EQ(least, kind == TRACE_IOT ? 16 : 20);
        CHECK(most > 1600u && most <= (kind == TRACE_IOT ? 2048u : 1800u));
    }
}

/// Serves everything when it was started over `enough` bytes.
typedef struct threshold {
    size_t enough, bytes;
} threshold_t;

static bool threshold_start(void *ctx, uint8_t *over, size_t bytes)
{
    (void)over;
    ((threshold_t *)ctx)->bytes = bytes;
    return bytes >= 1024u;
}

static void *threshold_take(void *ctx, uint32_t bytes)
{
    const threshold_t *threshold = ctx;
    (void)bytes;
    return threshold->bytes >= threshold->enough ? memory : NULL;
}

static void threshold_give(void *ctx, void *block)
{
    (void)ctx;
    CHECK(block == memory);
}

static void need_is_found_to_the_step(void)
{
    threshold_t threshold = {.enough = 0};
    const trace_memory_t manager = {"threshold", threshold_start, threshold_take, threshold_give,
                                    &threshold};
    const trace_run_t run = {.kind = TRACE_SHIFT,
                             .seed = TRACE_SEED,
                             .target_bytes = TARGET_BYTES,
                             .operations = 20000,
                             .memory = memory,
                             .memory_bytes = MEMORY_BYTES,
                             .blocks = blocks,
                             .taken = taken};
    uint32_t permille = 0;
    uint64_t peak = 0;
    CHECK_EQ(trace_serve(&run, &manager, MEMORY_BYTES, &peak), 20000);
    for (threshold.enough = 1; threshold.enough <= MEMORY_BYTES; threshold.enough += 4099u) {
        const size_t least =
            threshold.enough < 1024u ? 1024u : (threshold.enough + 511u) / 512u * 512u;
        CHECK_EQ(trace_need(&run, &manager, &permille), least);
        CHECK_EQ(permille, least * 1000u / peak);
    }
    threshold.enough = MEMORY_BYTES + 1u;
    CHECK_EQ(trace_need(&run, &manager, &permille), 0);
    CHECK_EQ(permille, 0);
    CHECK_EQ(trace_serve(&run, &manager, MEMORY_BYTES, NULL), 0);
    CHECK_EQ(trace_serve(&run, &manager, 512, NULL), 0);
}

HF_TEST_MAIN(HF_TEST(traces_first_operations_are_those_committed),
             HF_TEST(traces_operations_pair_and_stay_within_the_target),
             HF_TEST(need_is_found_to_the_step))
