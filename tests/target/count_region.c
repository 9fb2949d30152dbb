// SPDX-License-Identifier: MIT
// Instructions of a take and a give of a region of 128 KiB. Steady: a pair of 64 B while about 100 blocks of mixed sizes are
// held. Mean: over the iot trace. Worst: over all: the traces iot, shift and robson (tests/bench/traces.h) at 48 KiB live, a
// random one to exhaustion, a comb of small blocks. Wrong gives stand apart.
#include "count.h"

#include "bench/traces.h"
#include "holdfast/hf_region.h"

#define REGION_BYTES (128u * 1024u)
#define TARGET_BYTES (48u * 1024u)
#define OPERATIONS   60000u
#define HELD_MAX     2048u

static HF_REGION_STORAGE(REGION_BYTES) storage;
static hf_region_t region;
static void *held[HELD_MAX];
static trace_block_t trace_blocks[TRACE_BLOCKS(TARGET_BYTES)];
static trace_taken_t taken[TRACE_BLOCKS(TARGET_BYTES)];
static count_figure_t take, give, refusal, wrong, stats;
static uint64_t take_sum, give_sum;
static uint32_t calls;

static void open(void)
{
    const hf_region_config_t config = {.name = "counted",
                                       .memory = storage.memory,
                                       .bytes = sizeof storage.memory,
                                       .meta = storage.meta};
    memset(held, 0, sizeof held);
    HF_ASSERT(hf_region_init(&region, &config) == HF_OK);
    take_sum = give_sum = calls = 0;
}

static uint32_t counted_take(void **block, uint32_t bytes)
{
    const uint32_t n = qemu_count_call(COUNT_CALL(hf_region_take), (uintptr_t)&region, bytes, 0);
    *block = (void *)qemu_result();
    take_sum += n;
    calls++;
    return count_into(*block != NULL ? &take : &refusal, n);
}

static uint32_t counted_give(void *block)
{
    const uint32_t n =
        qemu_count_call(COUNT_CALL(hf_region_give), (uintptr_t)&region, (uintptr_t)block, 0);
    give_sum += n;
    return count_into((int)qemu_result() == HF_OK ? &give : &wrong, n);
}

static uint32_t draw_bytes(uint32_t random)
{
    static const uint32_t below[] = {48, 48, 48, 48, 190, 190, 512, 4080};
    return 16u + (random >> 8) % below[random % 8u];
}

/// A random history that keeps about `live` blocks; `large` widens the sizes until takes are refused.
static void random_trace(uint32_t live, uint32_t steps, uint32_t factor)
{
    uint32_t random = 2463534242u;
    for (uint32_t i = 0; i < steps; i++) {
        const uint32_t place = (count_random(&random) >> 5) % (2u * live);
        if (held[place] == NULL) {
            (void)counted_take(&held[place], factor * draw_bytes(count_random(&random)));
        } else {
            (void)counted_give(held[place]);
            held[place] = NULL;
        }
    }
}

static void steady(void)
{
    void *block = NULL;
    open();
    random_trace(100, 20000, 1);
    for (uint32_t i = 0; i < 8; i++) {
        const uint32_t takes = counted_take(&block, 64), gives = counted_give(block);
        take.value = takes > take.value ? takes : take.value;
        give.value = gives > give.value ? gives : give.value;
    }
}

/// Blocks of 40 B, every other one given, then large and small ones through the holes.
static void comb(void)
{
    open();
    for (uint32_t i = 0; i < HELD_MAX; i++) {
        (void)counted_take(&held[i], 40);
    }
    for (uint32_t i = 0; i < HELD_MAX; i += 2u) {
        (void)counted_give(held[i]);
    }
    void *large = NULL, *small = NULL;
    for (uint32_t i = 0; i < 64; i++) {
        (void)counted_take(&large, 256);
        (void)counted_take(&small, 40 - i % 24u);
        (void)counted_give(small);
        (void)counted_give(large);
    }
    for (uint32_t i = 1; i < HELD_MAX; i += 2u) { // each joins two free neighbours
        (void)counted_give(held[i]);
    }
}

static void wrong_gives(void)
{
    open();
    (void)counted_take(&held[0], 64);
    (void)counted_give((uint8_t *)held[0] + 8);
    (void)counted_give((uint8_t *)held[0] + 1);
    (void)counted_give(storage.memory + REGION_BYTES - 64u); // the whole bitmap is searched
    (void)counted_give(&region);
    (void)counted_give(NULL);
}

static void read_stats(void)
{
    static hf_region_stats_t out;
    stats.value = count_into(&stats, qemu_count_call(COUNT_CALL(hf_region_stats), (uintptr_t)&out,
                                                     (uintptr_t)&region, 0));
    HF_ASSERT(out.capacity_bytes != 0);
}

static bool trace_start(void *ctx, uint8_t *memory, size_t bytes)
{
    (void)ctx;
    open();
    return memory == storage.memory && bytes == sizeof storage.memory;
}

static void *trace_take(void *ctx, uint32_t bytes)
{
    (void)ctx;
    void *block;
    (void)counted_take(&block, bytes);
    return block;
}

static void trace_give(void *ctx, void *block)
{
    (void)ctx;
    (void)counted_give(block);
}

static void run_trace(trace_kind_t kind)
{
    static const trace_memory_t memory = {
        .name = "region", .start = trace_start, .take = trace_take, .give = trace_give};
    const trace_run_t run = {.kind = kind,
                             .seed = TRACE_SEED,
                             .target_bytes = TARGET_BYTES,
                             .operations = OPERATIONS,
                             .memory = storage.memory,
                             .memory_bytes = sizeof storage.memory,
                             .blocks = trace_blocks,
                             .taken = taken};
    HF_ASSERT(trace_serve(&run, &memory, sizeof storage.memory, NULL) >= OPERATIONS);
}

int main(void)
{
    steady();
    comb();
    wrong_gives();
    read_stats();
    open();
    random_trace(500, 40000, 2); // to exhaustion
    random_trace(900, 40000, 1);
    HF_ASSERT(refusal.worst != 0);
    run_trace(TRACE_SHIFT);
    run_trace(TRACE_ROBSON);
    run_trace(TRACE_IOT);
    count_print("region.alloc", take.value, take.worst);
    count_print("region.free", give.value, give.worst);
    count_print("region.alloc_iot_mean", (uint32_t)(take_sum / calls), take.worst);
    count_print("region.free_iot_mean", (uint32_t)(give_sum / (OPERATIONS - calls)), give.worst);
    count_print("region.refusal", refusal.worst, refusal.worst);
    count_print("region.wrong_give", wrong.worst, wrong.worst);
    count_print("region.read_stats", stats.value, stats.worst);
    return 0;
}
