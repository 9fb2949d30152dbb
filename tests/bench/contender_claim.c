// SPDX-License-Identifier: MIT
// Claims of a thread (hf_pool_claim.h) as a contender: one claim takes, and in a second thread another one gives.
#include "contender.h"

#include "holdfast/hf_pool_claim.h"

static HF_CLAIM_STORAGE_BYTES(CONTENDER_BLOCK_BYTES, CONTENDER_POOL_BLOCKS) storage;
static hf_claim_pool_t pool;
static struct {
    alignas(64) hf_claim_t claim; // each thread's own
} threads[2];

// A claim stands for the pool, which the harness does not look into: one jump more than a program has.
static struct hf_pool *as_instance(hf_claim_t *claim)
{
    return (struct hf_pool *)(void *)claim;
}

static struct hf_pool *open_pool(uint32_t count)
{
    const hf_pool_config_t config = {.name = "bench",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = CONTENDER_BLOCK_BYTES,
                                     .count = count};
    if (hf_claim_init(&pool, &config) != HF_OK) {
        return NULL;
    }
    hf_claim_open(&threads[0].claim, &pool);
    hf_claim_open(&threads[1].claim, &pool);
    return as_instance(&threads[0].claim);
}

static struct hf_pool *join(void)
{
    return as_instance(&threads[1].claim);
}

static void *take(struct hf_pool *instance, uint8_t tag)
{
    (void)tag;
    return hf_claim_take((hf_claim_t *)(void *)instance);
}

static int give(struct hf_pool *instance, void *block)
{
    return hf_claim_give((hf_claim_t *)(void *)instance, block);
}

__attribute__((visibility("default"))) extern const contender_pool_t bench_pool;
const contender_pool_t bench_pool = {.open = open_pool, .join = join, .take = take, .give = give};
