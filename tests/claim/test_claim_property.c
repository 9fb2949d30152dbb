// SPDX-License-Identifier: MIT
// Four threads, each with a claim, take, write, check, hand over to the next thread and give: no block has two owners, none
// is lost, no good give is refused, and a wrong give in between is always told.
#include "hf_test.h"

#include "holdfast/hf_pool_claim.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS 4u
#define COUNT   320u
#define HELD    16u
#define ROUNDS  40000u

static HF_CLAIM_STORAGE_BYTES(sizeof(uint32_t) * 4u, COUNT) storage;
static hf_claim_pool_t pool;
// One block on its way from a thread to the next.
static struct {
    void *_Atomic block;
} boxes[THREADS];

typedef struct worker {
    pthread_t thread;
    hf_claim_t claim;
    uint32_t number, random, takes, refused, wrong;
    uint32_t *held[HELD];
} worker_t;

static uint32_t draw(worker_t *worker, uint32_t below)
{
    worker->random = worker->random * 1664525u + 1013904223u;
    return (worker->random >> 8) % below;
}

static void write_block(uint32_t *block, uint32_t value)
{
    for (unsigned i = 0; i < 4u; i++) {
        block[i] = value;
    }
}

/// What the owner wrote must still be there. Then the block goes back.
static void give_block(worker_t *worker, uint32_t *block)
{
    for (unsigned i = 1; i < 4u; i++) {
        worker->wrong += block[i] != block[0] ? 1u : 0u;
    }
    worker->wrong += hf_claim_give(&worker->claim, block) != HF_OK ? 1u : 0u;
}

static void take_block(worker_t *worker, uint32_t slot, uint32_t round)
{
    worker->held[slot] = hf_claim_take(&worker->claim);
    if (worker->held[slot] == NULL) {
        worker->refused++;
    } else {
        worker->takes++;
        write_block(worker->held[slot], worker->number << 24 | round);
    }
}

static void one_round(worker_t *worker, uint32_t round)
{
    const uint32_t slot = draw(worker, HELD);
    if (worker->held[slot] == NULL) {
        take_block(worker, slot, round);
    } else if (draw(worker, 3u) != 0) {
        give_block(worker, worker->held[slot]);
        worker->held[slot] = NULL;
    } else {
        void *before =
            atomic_exchange(&boxes[(worker->number + 1u) % THREADS].block, worker->held[slot]);
        worker->held[slot] = before; // full: the block that was there is ours now
    }
    void *sent = atomic_exchange(&boxes[worker->number].block, NULL);
    if (sent != NULL) {
        give_block(worker, sent);
    }
    worker->wrong +=
        hf_claim_give(&worker->claim, (uint8_t *)storage.blocks + 1) != HF_E_INTERIOR ? 1u : 0u;
    if (draw(worker, 1000u) == 0) {
        hf_claim_close(&worker->claim);
    }
}

static void *work(void *argument)
{
    worker_t *worker = argument;
    hf_claim_open(&worker->claim, &pool);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        one_round(worker, round);
    }
    for (uint32_t slot = 0; slot < HELD; slot++) {
        if (worker->held[slot] != NULL) {
            give_block(worker, worker->held[slot]);
        }
    }
    hf_claim_close(&worker->claim);
    return NULL;
}

static void run(uint32_t count, uint32_t *refused)
{
    static worker_t workers[THREADS];
    const hf_pool_config_t config = {.name = "threads",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = sizeof(uint32_t) * 4u,
                                     .count = count};
    REQUIRE(hf_claim_init(&pool, &config) == HF_OK);
    uint32_t takes = 0;
    *refused = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (worker_t){.number = i, .random = i + 1u};
        REQUIRE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        CHECK_EQ(workers[i].wrong, 0);
        takes += workers[i].takes;
        *refused += workers[i].refused;
    }
    hf_claim_t last;
    hf_claim_open(&last, &pool);
    for (uint32_t i = 0; i < THREADS; i++) {
        void *block = atomic_exchange(&boxes[i].block, NULL);
        CHECK(block == NULL || hf_claim_give(&last, block) == HF_OK);
    }
    const hf_claim_stats_t stats = hf_claim_stats(&pool);
    CHECK_EQ(stats.in_use, 0);
    CHECK_EQ(stats.exhausted, *refused);
    CHECK_EQ(stats.interior, THREADS * ROUNDS);
    CHECK_EQ(stats.foreign + stats.double_gives, 0);
    CHECK(takes >= count);
    uint32_t all = 0;
    while (hf_claim_take(&last) != NULL) {
        all++;
    }
    CHECK_EQ(all, count);
}

static void claim_threads_enough_groups_none_ever_refused(void)
{
    uint32_t refused;
    // Every thread holds, sends and strands at most HELD + 1 + 32 blocks.
    run(COUNT, &refused);
    CHECK_EQ(refused, 0);
}

static void claim_threads_too_few_blocks_refusals_are_counted(void)
{
    uint32_t refused;
    run(40, &refused);       // refused or not as the threads meet; the counts must agree
    run(HELD / 2, &refused); // fewer than each thread wants alone
    CHECK(refused > 0);
}

HF_TEST_MAIN(HF_TEST(claim_threads_enough_groups_none_ever_refused),
             HF_TEST(claim_threads_too_few_blocks_refusals_are_counted))
