// SPDX-License-Identifier: MIT
// All interleavings of hf_pool_claim.h: two or three threads, each with a claim, over two groups of blocks, few of them in
// play. Judged: no block has two owners; of gives by others one is believed; and at the end, when all claims are closed, one
// claim can take exactly the blocks that nobody has: none is lost, none is there twice, no group was forgotten.
#include "holdfast/hf_pool_claim.h"
#include "model_main.h"
#include "model_seams.h"

#include <stdlib.h>
#include <string.h>

#define COUNT       34u
#define BLOCK_BYTES 16u
#define THREADS     3u

static struct {
    hf_claim_pool_t pool;
    hf_atomic_u32_t meta[HF_CLAIM_META_WORDS(COUNT)];
    hf_claim_t claims[THREADS];
    uint8_t owned[COUNT]; // by somebody, as the callers see it
    uint32_t believed, refused;
    bool is_confused; // a block was given twice: who owns it cannot be told any more
} world;

static const model_memory_t memories[] = {{&world, sizeof world}};
// Not part of the state: no block is ever touched.
alignas(max_align_t) static uint8_t blocks[HF_POOL_BYTES(BLOCK_BYTES, COUNT)];

static void *block_at(uint32_t number)
{
    return blocks + (size_t)number * HF_POOL_STRIDE(BLOCK_BYTES);
}

static void take(unsigned thread)
{
    const uint8_t *block = hf_claim_take(&world.claims[thread]);
    if (block == NULL) {
        world.refused++;
    } else {
        const size_t number = (size_t)(block - blocks) / HF_POOL_STRIDE(BLOCK_BYTES);
        model_expect(world.is_confused || world.owned[number] == 0, "a block has two owners");
        world.owned[number] = 1;
    }
    model_call_ended();
}

/// The block is not the caller's any more as soon as the call begins.
static void give(unsigned thread, uint32_t number)
{
    world.owned[number] = 0;
    const int status = hf_claim_give(&world.claims[thread], block_at(number));
    model_expect(status == HF_OK || status == HF_E_DOUBLE_GIVE, "a status");
    world.believed += status == HF_OK ? 1u : 0u;
    model_call_ended();
}

/// A pool whose blocks are all taken through the first claim, which then owns the second group; then some given.
static void set_up(const uint32_t *given, unsigned count)
{
    memset(&world, 0, sizeof world);
    const hf_pool_config_t config = {.name = "model",
                                     .blocks = blocks,
                                     .meta = world.meta,
                                     .block_bytes = BLOCK_BYTES,
                                     .count = COUNT};
    if (hf_claim_init(&world.pool, &config) != HF_OK) {
        abort();
    }
    for (unsigned i = 0; i < THREADS; i++) {
        hf_claim_open(&world.claims[i], &world.pool);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        take(0);
    }
    for (unsigned i = 0; i < count; i++) {
        give(0, given[i]);
    }
    world.believed = 0;
}

static void judge_end(void)
{
    uint32_t free = 0, got = 0;
    model_expect(hf_claim_stats(&world.pool).exhausted == world.refused,
                 "a refusal was not counted");
    for (unsigned i = 0; i < THREADS; i++) {
        hf_claim_close(&world.claims[i]);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        free += world.pool.taken[i] == 0 ? 1u : 0u;
    }
    world.is_confused = true; // the claim below knows who has what
    while (got <= COUNT && hf_claim_take(&world.claims[0]) != NULL) {
        got++;
    }
    model_expect(got == free, "a block is lost or there twice");
    model_expect(hf_claim_stats(&world.pool).in_use == COUNT, "not all blocks are taken");
}

// ---- takes against takes: three blocks, two groups ----------------------------------------------

static void set_up_takes(void)
{
    set_up((const uint32_t[]){3, 33}, 2);
}

static void takes_thread(unsigned number)
{
    take(number);
    take(number);
}

static void takes_end(void)
{
    model_expect(world.refused >= 2, "more was taken than was free");
    judge_end();
}

// ---- a give to the group that another claims, leaves or wants -----------------------------------

static void set_up_gives(void)
{
    set_up((const uint32_t[]){33}, 1);
}

static void gives_thread(unsigned number)
{
    if (number == 0) {
        take(0); // 33, of its own group
        take(0); // leaves it; 5, 32 or nothing
    } else {
        give(number, number == 1 ? 32 : 5);
        take(number);
    }
}

static void gives_end(void)
{
    model_expect(world.believed == 1, "a good give was refused");
    judge_end();
}

static void set_up_three_gives(void)
{
    set_up_gives();
}

static void three_gives_end(void)
{
    model_expect(world.believed == 2, "a good give was refused");
    judge_end();
}

// ---- others give the same block at once ---------------------------------------------------------

static void set_up_doubles(void)
{
    set_up((const uint32_t[]){33}, 1);
    world.is_confused = true;
}

static void doubles_thread(unsigned number)
{
    if (number == 0) {
        take(0);
        take(0);
    } else {
        give(number, 5);
    }
}

static void doubles_end(void)
{
    model_expect(world.believed >= 1, "nobody was believed");
    judge_end();
}

static void doubles_alone_thread(unsigned number)
{
    give(number + 1u, 5); // through claims that do not own its group
}

static void doubles_alone_end(void)
{
    model_expect(world.believed == 1, "not exactly one give was believed");
    judge_end();
}

// ---- the owner gives a block at the same moment as another --------------------------------------

static void set_up_owner(void)
{
    set_up((const uint32_t[]){33}, 1);
    world.is_confused = true;
}

static void owner_thread(unsigned number)
{
    give(number, 32);
    take(number);
    if (number == 0) {
        take(number);
        give(number, 32);
    }
}

#define CASE(which, end, threads_)                                                                 \
    {                                                                                              \
#which, set_up_##which,                                                                    \
        {                                                                                          \
            .name = #which, .threads = threads_, .memory = memories, .memories = 1,                \
            .thread = which##_thread, .at_end = end                                                \
        }                                                                                          \
    }

#define set_up_doubles_alone set_up_doubles
#define three_gives_thread   gives_thread

static const model_case_t cases[] = {
    CASE(takes, takes_end, 2),
    CASE(gives, gives_end, 2),
    CASE(three_gives, three_gives_end, 3),
    CASE(doubles, doubles_end, 3),
    CASE(doubles_alone, doubles_alone_end, 2),
    CASE(owner, judge_end, 2),
};

static const model_suite_t suite = {.name = "claims",
                                    .cases = cases,
                                    .count = sizeof cases / sizeof cases[0],
                                    .states_max = 20000000u};

int main(int argc, char **argv)
{
    return model_main(&suite, argc, argv);
}
