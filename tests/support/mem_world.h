// SPDX-License-Identifier: MIT
// A small instance of hf_mem with every seam in the test's hands: three tiers, two tags with quotas, a clock, a waiter.
#ifndef MEM_WORLD_H
#define MEM_WORLD_H

#include "hf_test.h"
#include "holdfast/hf_mem.h"

#define WORLD_TIERS(X) X(small, 32, 4) X(middle, 64, 2) X(large, 256, 2)
#define WORLD_SMALL    4u
#define WORLD_MIDDLE   2u
#define WORLD_LARGE    2u
#define WORLD_BYTES    (4u * 32u + 2u * 64u + 2u * 256u)

typedef struct world {
    hf_mem_t mem;
    HF_MEM_STORAGE(WORLD_TIERS) storage;
    hf_mem_config_t config;
    hf_tag_t running;
    uint32_t waits, waited_us, wait_answer_us; // answer 0: waiting is not possible
    void *given_in_wait;                       // given back in the wait of this number
    uint32_t give_in_wait;
    uint32_t alert_count, failure_count;
    hf_mem_alert_t alert[16];
    hf_mem_failure_t failure;
    bool polls_in_callback, takes_in_callback;
    uint32_t taken_in_callback;
} world_t;

static inline hf_tag_t world_running(void *ctx)
{
    return ((world_t *)ctx)->running;
}

static inline uint32_t world_wait(void *ctx, uint32_t us)
{
    world_t *world = ctx;
    world->waits++;
    world->waited_us += us;
    if (world->given_in_wait != NULL && world->waits == world->give_in_wait) {
        CHECK_EQ(hf_mem_give(&world->mem, world->given_in_wait), HF_OK);
        world->given_in_wait = NULL;
    }
    return world->wait_answer_us == UINT32_MAX ? us : world->wait_answer_us;
}

static inline void world_in_callback(world_t *world)
{
    if (world->polls_in_callback) {
        CHECK_EQ(hf_mem_poll(&world->mem, 0), 0);
    }
    if (world->takes_in_callback && hf_mem_take(&world->mem, 256) != NULL) {
        world->taken_in_callback++;
    }
}

static inline void world_on_alert(void *ctx, const hf_mem_alert_t *alert)
{
    world_t *world = ctx;
    if (world->alert_count < HF_COUNT_OF(world->alert)) {
        world->alert[world->alert_count] = *alert;
    }
    world->alert_count++;
    world_in_callback(world);
}

static inline void world_on_failure(void *ctx, const hf_mem_failure_t *failure)
{
    world_t *world = ctx;
    world->failure = *failure;
    world->failure_count++;
    world_in_callback(world);
}

/// The config, for a test to change before world_start().
static inline void world_prepare(world_t *world)
{
    static const hf_tier_size_t sizes[] = HF_TIER_SIZES(WORLD_TIERS);
    static const hf_mem_tag_t tags[] = {{"none", 0, 0}, {"net", 64, 128}, {"ui", 320, 0}};
    memset(world, 0, sizeof *world);
    memset(&world->storage, 0xA5, sizeof world->storage);
    world->config = (hf_mem_config_t)HF_MEM_CONFIG("world", world->storage, sizes, 0, .tags = tags,
                                                   .tag_count = HF_COUNT_OF(tags));
    world->config.seams = (hf_mem_seams_t){.ctx = world,
                                           .running_tag = world_running,
                                           .wait = world_wait,
                                           .on_alert = world_on_alert,
                                           .on_failure = world_on_failure};
    world->wait_answer_us = UINT32_MAX;
}

static inline void world_start(world_t *world)
{
    CHECK_EQ(hf_mem_init(&world->mem, &world->config), HF_OK);
}

static inline hf_mem_tier_stats_t world_tier(const world_t *world, uint32_t tier)
{
    hf_mem_tier_stats_t stats = {0};
    CHECK_EQ(hf_mem_tier_stats(&world->mem, tier, &stats), HF_OK);
    return stats;
}

static inline hf_mem_tag_stats_t world_tag(const world_t *world, hf_tag_t tag)
{
    hf_mem_tag_stats_t stats = {0};
    CHECK_EQ(hf_mem_tag_stats(&world->mem, tag, &stats), HF_OK);
    return stats;
}

/// A request with its policy, as a status.
static inline int world_ask(world_t *world, size_t bytes, hf_mem_policy_t policy, void **block)
{
    const hf_mem_request_t request = {.bytes = bytes, .policy = &policy};
    return hf_mem_request(&world->mem, &request, block);
}

/// What must hold at any quiet moment.
static inline void world_check_books(const world_t *world)
{
    const hf_mem_stats_t stats = hf_mem_stats(&world->mem);
    uint32_t bytes = 0, blocks = stats.region_blocks, tag_bytes = 0, tag_blocks = 0, failed = 0;
    for (uint32_t i = 0; i < hf_mem_tier_count(&world->mem); i++) {
        const hf_mem_tier_stats_t tier = world_tier(world, i);
        CHECK_EQ(tier.takes - tier.gives, tier.in_use);
        CHECK_EQ(hf_pool_stats(hf_tier_pool(hf_mem_tiers(&world->mem), i)).in_use, tier.in_use);
        CHECK(tier.peak >= tier.in_use && tier.peak <= tier.capacity);
        bytes += tier.in_use * tier.block_bytes;
        blocks += tier.in_use;
        failed += tier.failed + tier.wait_timeouts + tier.wait_refused;
    }
    for (hf_tag_t tag = 0; tag < world->config.tag_count; tag++) {
        tag_bytes += world_tag(world, tag).bytes;
        tag_blocks += world_tag(world, tag).blocks;
    }
    CHECK_EQ(stats.in_use_bytes, bytes);
    CHECK_EQ(stats.blocks, blocks);
    CHECK_EQ(tag_bytes, bytes + stats.region_bytes);
    CHECK_EQ(tag_blocks, blocks);
    CHECK_EQ(stats.failures, failed + stats.zero_size + stats.too_large + stats.region_failed +
                                 stats.quota_refused);
    CHECK(stats.peak_bytes >= bytes && stats.peak_bytes + stats.min_free_bytes == WORLD_BYTES);
}

#endif
