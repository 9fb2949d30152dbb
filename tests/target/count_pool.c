// SPDX-License-Identifier: MIT
// Instructions of take, give, a refusal and reading the statistics, for the level this file is compiled for. Steady: one
// block taken and given over and over while others are held. Worst: over histories made to hurt each back end - full and
// empty words, a stale summary, the last free block far from the cursor, combs, random drifts, wrong gives, exhaustion.
#include "count.h"

#include "holdfast/hf_pool.h"

#define COUNT_MAX   1024u
#define BLOCK_BYTES 64u
#if CONFIG_HF_POOL_LIFO
#define BACKEND "lifo"
#else
#define BACKEND "bitmap"
#endif

static HF_POOL_STORAGE_BYTES(BLOCK_BYTES, COUNT_MAX) storage;
static hf_pool_t pool;
static uint8_t *held[COUNT_MAX];
static uint32_t count;
static count_figure_t take, give, wrong, refusal, stats;

static void open(uint32_t block_bytes, uint32_t blocks)
{
    const hf_pool_config_t config = {.name = "counted",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = block_bytes,
                                     .count = blocks};
    count = blocks;
    memset(held, 0, sizeof held);
    HF_ASSERT(hf_pool_init(&pool, &config) == HF_OK);
}

static uint32_t counted_take(uint8_t **block)
{
    const uint32_t n = qemu_count_call(COUNT_CALL(hf_pool_take), (uintptr_t)&pool, HF_TAG_NONE, 0);
    *block = (uint8_t *)qemu_result();
    return count_into(*block != NULL ? &take : &refusal, n);
}

static uint32_t counted_give(uint8_t *block)
{
    const uint32_t n =
        qemu_count_call(COUNT_CALL(hf_pool_give), (uintptr_t)&pool, (uintptr_t)block, 0);
    return count_into((int)qemu_result() == HF_OK ? &give : &wrong, n);
}

static void take_all(void)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)counted_take(&held[i]);
        HF_ASSERT(held[i] != NULL);
    }
    uint8_t *none;
    (void)counted_take(&none);
    HF_ASSERT(none == NULL);
}

/// Gives every step-th block, from `first` on, and takes as many again.
static void comb(uint32_t first, uint32_t step)
{
    for (uint32_t i = first; i < count; i += step) {
        (void)counted_give(held[i]);
    }
    for (uint32_t i = first; i < count; i += step) {
        (void)counted_take(&held[i]);
        HF_ASSERT(held[i] != NULL);
    }
}

static void last_free_block_anywhere(void)
{
    uint8_t *none;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = i * 389u % count;
        (void)counted_take(&none); // a refusal clears what the summary still promised
        (void)counted_give(held[at]);
        (void)counted_take(&held[at]);
        (void)counted_give(held[count - 1u - i]);
        (void)counted_take(&held[count - 1u - i]);
    }
}

static void give_all(uint32_t step)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)counted_give(held[i * step % count]);
        (void)counted_give(held[i * step % count]); // double
    }
    (void)counted_give(NULL);
    (void)counted_give((uint8_t *)&pool);
    (void)counted_give(storage.blocks + 4);
    memset(held, 0, sizeof held);
}

static void drift(uint32_t steps)
{
    uint32_t random = 2463534242u, bias = 4;
    for (uint32_t i = 0; i < steps; i++) {
        const uint32_t r = count_random(&random), place = (r >> 4) % count;
        bias = r % 97u == 0 ? (r >> 20) % 8u : bias;
        if (held[place] == NULL && (r >> 24) % 8u >= bias) {
            (void)counted_take(&held[place]);
        } else if (held[place] != NULL && (r >> 24) % 8u <= bias) {
            (void)counted_give(held[place]);
            held[place] = NULL;
        }
    }
}

static void histories(uint32_t block_bytes, uint32_t blocks)
{
    open(block_bytes, blocks);
    take_all();
    for (uint32_t step = 1; step <= 64; step = step * 2u + (step == 1u ? 0 : 1u)) {
        comb(0, step);
        comb(step / 2u, step);
    }
    last_free_block_anywhere();
    give_all(1);
    take_all();
    give_all(1021);
    drift(6u * blocks + 500u);
}

/// A block taken and given while 100 of 256 are held: the larger count of the block sizes.
static void steady(uint32_t block_bytes)
{
    uint8_t *block = NULL;
    open(block_bytes, 256);
    for (uint32_t i = 0; i < 100; i++) {
        (void)counted_take(&held[i]);
    }
    uint32_t takes = 0, gives = 0;
    for (uint32_t i = 0; i < 8; i++) {
        takes = counted_take(&block);
        gives = counted_give(block);
    }
    take.value = takes > take.value ? takes : take.value;
    give.value = gives > give.value ? gives : give.value;
}

static void read_stats(void)
{
    static hf_pool_stats_t out; // a struct is returned through a hidden first argument
    stats.value = count_into(
        &stats, qemu_count_call(COUNT_CALL(hf_pool_stats), (uintptr_t)&out, (uintptr_t)&pool, 0));
    HF_ASSERT(out.capacity == count);
}

int main(void)
{
    static const uint32_t counts[] = {1, 2, 31, 32, 33, 64, 100, 256, 1000, 1024};
    static const uint32_t bytes[] = {64, 40, 20};
    uint32_t of_256 = 0;
    for (size_t b = 0; b < HF_COUNT_OF(bytes); b++) {
        steady(bytes[b]);
        for (size_t c = 0; c < HF_COUNT_OF(counts); c++) {
            histories(bytes[b], counts[c]);
            read_stats();
            of_256 = counts[c] == 256 && refusal.worst > of_256 ? refusal.worst : of_256;
            refusal.worst = counts[c] == 1024 ? refusal.worst : 0;
        }
    }
    count_print(COUNT_LEVEL ".take", take.value, take.worst);
    count_print(COUNT_LEVEL ".give", give.value, give.worst);
    count_print(COUNT_LEVEL ".wrong_give", wrong.worst, wrong.worst);
    count_print(COUNT_LEVEL ".refusal", of_256, refusal.worst);
    count_print(COUNT_LEVEL ".read_stats", stats.value, stats.worst);
    printf("meta." BACKEND " %u %u\n", (unsigned)(HF_POOL_META_WORDS(COUNT_MAX) * 32u / COUNT_MAX),
           (unsigned)sizeof(hf_pool_t));
    return 0;
}
