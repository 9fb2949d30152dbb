// SPDX-License-Identifier: MIT
// Four threads on one instance with tags, quotas, reserve, resizes and wrong gives, a fifth that polls: no block has two
// owners, what an owner wrote stays, no quota or reserve is ever passed, and every sum is exact at the end.
#include "hf_test.h"
#include "holdfast/hf_mem.h"

#include <pthread.h>
#include <sched.h>

#define THREADS    4u
#define ROUNDS     20000u
#define HOLD       8u
#define TIERS(X)   X(small, 32, 20) X(middle, 128, 8) X(large, 512, 4)
#define HARD_BYTES 512u

typedef struct shared {
    hf_mem_t mem;
    HF_MEM_STORAGE(TIERS) storage;
    hf_atomic_u32_t is_over, told;
} shared_t;

typedef struct held {
    uint8_t *block;
    uint32_t bytes; // asked for
} held_t;

typedef struct worker {
    shared_t *shared;
    held_t held[HOLD];
    uint32_t number, random;
    uint32_t served, refused, given, resized, broken, quota, above_quota;
    uint64_t bytes; // asked for in all, as served
} worker_t;

static const hf_mem_tag_t tags[] = {
    {"none", 0, 0}, {"one", 100, HARD_BYTES}, {"two", 200, 0}, {"three", 0, 0}, {"four", 0, 256}};

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void check_quota(worker_t *worker)
{
    hf_mem_tag_stats_t stats;
    if (hf_mem_tag_stats(&worker->shared->mem, (hf_tag_t)worker->number, &stats) != HF_OK ||
        (tags[worker->number].hard_bytes > 0 && stats.bytes > tags[worker->number].hard_bytes)) {
        worker->above_quota++;
    }
}

static void take(worker_t *worker, held_t *held)
{
    const hf_mem_policy_t policy = {.spill = (hf_mem_spill_t)(next_random(&worker->random) % 3u)};
    void *block;
    const hf_mem_request_t request = {.bytes = next_random(&worker->random) % 520u,
                                      .tag = (hf_tag_t)worker->number,
                                      .is_emergency = next_random(&worker->random) % 8u == 0,
                                      .policy = &policy};
    const int status = hf_mem_request(&worker->shared->mem, &request, &block);
    if (status != HF_OK) {
        worker->refused++;
        worker->quota += status == HF_E_QUOTA ? 1u : 0u;
        return;
    }
    worker->served++;
    worker->bytes += request.bytes;
    *held = (held_t){.block = block, .bytes = (uint32_t)request.bytes};
    memset(block, (int)worker->number, request.bytes);
    check_quota(worker);
}

static bool is_intact(const worker_t *worker, const held_t *held)
{
    for (uint32_t i = 0; i < held->bytes; i++) {
        if (held->block[i] != worker->number) {
            return false;
        }
    }
    return true;
}

static void give(worker_t *worker, held_t *held)
{
    worker->broken += is_intact(worker, held) ? 0 : 1u;
    worker->broken += hf_mem_give(&worker->shared->mem, held->block) == HF_OK ? 0 : 1u;
    worker->given++;
    held->block = NULL;
}

static void resize(worker_t *worker, held_t *held)
{
    void *block = held->block;
    const uint32_t bytes = next_random(&worker->random) % 512u + 1u;
    const int status = hf_mem_resize(&worker->shared->mem, &block, bytes);
    if (status != HF_OK) {
        worker->refused++;
        worker->quota += status == HF_E_QUOTA ? 1u : 0u;
        worker->broken += block == held->block ? 0 : 1u;
        return;
    }
    worker->resized++;
    held->block = block;
    held->bytes = bytes < held->bytes ? bytes : held->bytes;
    worker->broken += is_intact(worker, held) ? 0 : 1u;
    held->bytes = bytes;
    memset(block, (int)worker->number, bytes);
}

static void *work(void *ctx)
{
    worker_t *worker = ctx;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        held_t *held = &worker->held[next_random(&worker->random) % HOLD];
        if (held->block == NULL) {
            take(worker, held);
        } else if (i % 5u == 0) {
            resize(worker, held);
        } else {
            give(worker, held);
        }
        if (i % 128u == 0) {
            worker->broken +=
                hf_mem_give(&worker->shared->mem, &worker->random) == HF_E_FOREIGN ? 0 : 1u;
            (void)sched_yield();
        }
    }
    for (unsigned i = 0; i < HOLD; i++) {
        if (worker->held[i].block != NULL) {
            give(worker, &worker->held[i]);
        }
    }
    return NULL;
}

static void count_alert(void *ctx, const hf_mem_alert_t *alert)
{
    (void)alert;
    (void)atomic_fetch_add(&((shared_t *)ctx)->told, 1u);
}

static void *poll(void *ctx)
{
    shared_t *shared = ctx;
    for (uint64_t now_us = 0; atomic_load(&shared->is_over) == 0; now_us += 1000u) {
        (void)hf_mem_poll(&shared->mem, now_us);
        (void)hf_mem_stats(&shared->mem);
        (void)sched_yield();
    }
    return NULL;
}

static void start(shared_t *shared)
{
    static const hf_tier_size_t sizes[] = HF_TIER_SIZES(TIERS);
    hf_mem_config_t config = HF_MEM_CONFIG("shared", shared->storage, sizes, 0, .tags = tags,
                                           .tag_count = HF_COUNT_OF(tags),
                                           .seams = {.ctx = shared, .on_alert = count_alert});
#if CONFIG_HF_MEM_RESERVE
    static const uint16_t reserve[] = {2, 1, 1};
    config.reserve = reserve;
#endif
    CHECK_EQ(hf_mem_init(&shared->mem, &config), HF_OK);
}

static worker_t run(shared_t *shared)
{
    static worker_t worker[THREADS];
    worker_t sum = {0};
    pthread_t thread[THREADS], poller;
    start(shared);
    CHECK_EQ(pthread_create(&poller, NULL, poll, shared), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        worker[i] = (worker_t){.shared = shared, .number = i + 1u, .random = i * 7919u + 13u};
        CHECK_EQ(pthread_create(&thread[i], NULL, work, &worker[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(thread[i], NULL);
        sum.served += worker[i].served;
        sum.refused += worker[i].refused;
        sum.given += worker[i].given;
        sum.resized += worker[i].resized;
        sum.broken += worker[i].broken;
        sum.quota += worker[i].quota;
        sum.above_quota += worker[i].above_quota;
    }
    atomic_store(&shared->is_over, 1u);
    (void)pthread_join(poller, NULL);
    return sum;
}

static void check_tiers(const shared_t *shared, const worker_t *sum)
{
    const hf_mem_stats_t stats = hf_mem_stats(&shared->mem);
    uint32_t takes = 0, gives = 0, failed = 0;
    for (uint32_t i = 0; i < hf_mem_tier_count(&shared->mem); i++) {
        hf_mem_tier_stats_t tier;
        CHECK_EQ(hf_mem_tier_stats(&shared->mem, i, &tier), HF_OK);
        CHECK_EQ(tier.in_use, 0);
        CHECK(tier.peak <= tier.capacity && tier.peak > 0);
        CHECK_EQ(hf_pool_stats(hf_tier_pool(hf_mem_tiers(&shared->mem), i)).in_use, 0);
        takes += tier.takes;
        gives += tier.gives;
        failed += tier.failed;
    }
    CHECK_EQ(takes, sum->served + stats.moved);
    CHECK_EQ(gives, sum->given + stats.moved);
    CHECK_EQ(stats.moved + stats.resized_in_place, sum->resized);
    CHECK_EQ(stats.failures, sum->refused);
    CHECK_EQ(stats.quota_refused, sum->quota);
    CHECK_EQ(stats.failures, failed + stats.quota_refused + stats.zero_size + stats.too_large);
}

static void mem_threads_every_sum_is_exact(void)
{
    static shared_t shared;
    const worker_t sum = run(&shared);
    const hf_mem_stats_t stats = hf_mem_stats(&shared.mem);
    CHECK_EQ(sum.broken, 0);
    CHECK_EQ(sum.above_quota, 0);
    CHECK(sum.served > 1000 && sum.refused > 100 && sum.quota > 10 && sum.resized > 100);
    CHECK_EQ(stats.in_use_bytes, 0);
    CHECK_EQ(stats.requested_bytes, 0);
    CHECK_EQ(stats.blocks, 0);
    CHECK_EQ(stats.foreign, THREADS * ((ROUNDS + 127u) / 128u));
    CHECK_EQ(stats.interior + stats.double_gives, 0);
    CHECK(stats.peak_bytes <= stats.capacity_bytes);
    CHECK_EQ(stats.alerts_told, atomic_load(&shared.told));
    for (hf_tag_t tag = 0; tag < HF_COUNT_OF(tags); tag++) {
        hf_mem_tag_stats_t held;
        CHECK_EQ(hf_mem_tag_stats(&shared.mem, tag, &held), HF_OK);
        CHECK_EQ(held.bytes + held.blocks, 0);
        CHECK_EQ(atomic_load(&shared.mem.tags[tag].charged_bytes), 0);
    }
    check_tiers(&shared, &sum);
}

#define RACERS                                                                                     \
    2u // as many as there are surely cores for: both must be within the same few instructions
#define RACE_ROUNDS 30000u

typedef struct race {
    shared_t *shared;
    _Atomic(void *) block;
    hf_atomic_u32_t round, arrived; // round: raised when the block is there
    hf_atomic_u32_t given, told;
} race_t;

static void *give_the_same(void *ctx)
{
    race_t *race = ctx;
    for (uint32_t round = 1; round <= RACE_ROUNDS; round++) {
        for (unsigned spins = 0; atomic_load(&race->round) != round; spins++) {
            if (spins % 1024u == 1023u) {
                (void)sched_yield();
            }
        }
        const int status = hf_mem_give(&race->shared->mem, atomic_load(&race->block));
        (void)atomic_fetch_add(status == HF_OK ? &race->given : &race->told,
                               status == HF_OK || status == HF_E_DOUBLE_GIVE ? 1u : 0u);
        (void)atomic_fetch_add(&race->arrived, 1u);
    }
    return NULL;
}

static void mem_threads_one_block_given_by_all_is_given_once(void)
{
    static shared_t shared;
    static race_t race;
    pthread_t thread[RACERS];
    uint32_t wrong = 0;
    start(&shared);
    race.shared = &shared;
    for (unsigned i = 0; i < RACERS; i++) {
        CHECK_EQ(pthread_create(&thread[i], NULL, give_the_same, &race), 0);
    }
    for (uint32_t round = 1; round <= RACE_ROUNDS; round++) {
        atomic_store(&race.block, hf_mem_take_tagged(&shared.mem, 20, 1));
        atomic_store(&race.round, round);
        while (atomic_load(&race.arrived) != round * RACERS) {
            (void)sched_yield();
        }
        wrong += hf_mem_stats(&shared.mem).in_use_bytes == 0 ? 0 : 1u;
    }
    for (unsigned i = 0; i < RACERS; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    CHECK_EQ(wrong, 0);
    CHECK_EQ(atomic_load(&race.given), RACE_ROUNDS);
    CHECK_EQ(atomic_load(&race.told), RACE_ROUNDS * (RACERS - 1u));
    CHECK_EQ(hf_mem_stats(&shared.mem).in_use_bytes, 0);
    CHECK_EQ(hf_mem_stats(&shared.mem).double_gives, RACE_ROUNDS * (RACERS - 1u));
}

HF_TEST_MAIN(HF_TEST(mem_threads_every_sum_is_exact),
             HF_TEST(mem_threads_one_block_given_by_all_is_given_once))
