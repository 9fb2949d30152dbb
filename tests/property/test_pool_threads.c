// SPDX-License-Identifier: MIT
// Four threads on one pool: no block has two owners, what an owner wrote stays, no take fails while a block is free, and
// every figure is exact at the end. Bounded, no sleeping.
#include "hf_test.h"
#include "holdfast/hf_pool.h"

#include <pthread.h>
#include <sched.h>

#define THREADS   4u
#define ROUNDS    50000u
#define HOLD      6u // blocks a thread holds at most
#define COUNT_MAX 70u

typedef struct block {
    uint32_t owner, mark[5]; // plain: a second owner is a data race besides
} block_t;

typedef struct shared {
    hf_pool_t pool;
    HF_POOL_STORAGE(block_t, COUNT_MAX) storage;
} shared_t;

typedef struct worker {
    shared_t *shared;
    block_t *held[HOLD];
    uint32_t number, random, takes, gives, empty, broken, refused, wrong_gives;
} worker_t;

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void take(worker_t *worker, unsigned place)
{
    block_t *block = hf_pool_take(&worker->shared->pool, HF_TAG_NONE);
    if (block == NULL) {
        worker->empty++;
        return;
    }
    worker->takes++;
    block->owner = worker->number;
    for (unsigned i = 0; i < 5; i++) {
        block->mark[i] = worker->number * 1000u + place;
    }
    worker->held[place] = block;
}

static void give(worker_t *worker, unsigned place)
{
    block_t *block = worker->held[place];
    worker->broken += block->owner == worker->number ? 0 : 1u;
    for (unsigned i = 0; i < 5; i++) {
        worker->broken += block->mark[i] == worker->number * 1000u + place ? 0 : 1u;
    }
    worker->held[place] = NULL;
    if (hf_pool_give(&worker->shared->pool, block) == HF_OK) {
        worker->gives++;
    } else {
        worker->refused++;
    }
}

static void *take_and_give(void *ctx)
{
    worker_t *worker = ctx;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        unsigned place = next_random(&worker->random) % HOLD;
        if (worker->held[place] == NULL) {
            take(worker, place);
        } else {
            give(worker, place);
        }
        if (i % 256u == 0) {
            worker->wrong_gives +=
                hf_pool_give(&worker->shared->pool, &worker->random) == HF_E_FOREIGN ? 1u : 0u;
            (void)sched_yield();
        }
    }
    for (unsigned place = 0; place < HOLD; place++) {
        if (worker->held[place] != NULL) {
            give(worker, place);
        }
    }
    return NULL;
}

static worker_t run(shared_t *shared, uint32_t count)
{
    worker_t worker[THREADS], sum = {0};
    pthread_t thread[THREADS];
    const hf_pool_config_t config = {.name = "blocks",
                                     .blocks = shared->storage.blocks,
                                     .meta = shared->storage.meta,
                                     .block_bytes = sizeof(block_t),
                                     .count = count};
    memset(worker, 0, sizeof worker);
    CHECK_EQ(hf_pool_init(&shared->pool, &config), HF_OK);
    unsigned started = 0;
    for (; started < THREADS; started++) {
        worker[started].shared = shared;
        worker[started].number = started + 1u;
        worker[started].random = started * 7919u + 13u;
        if (pthread_create(&thread[started], NULL, take_and_give, &worker[started]) != 0) {
            break;
        }
    }
    CHECK_EQ(started, THREADS);
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(thread[i], NULL);
        sum.takes += worker[i].takes;
        sum.gives += worker[i].gives;
        sum.empty += worker[i].empty;
        sum.broken += worker[i].broken;
        sum.refused += worker[i].refused;
        sum.wrong_gives += worker[i].wrong_gives;
    }
    return sum;
}

static void check_figures(const shared_t *shared, const worker_t *sum, uint32_t count)
{
    hf_pool_stats_t stats = hf_pool_stats(&shared->pool);
    CHECK_EQ(sum->broken, 0);
    CHECK_EQ(sum->refused, 0);
    CHECK(sum->takes > 1000);
    CHECK_EQ(stats.exhausted, sum->empty);
    CHECK_EQ(stats.foreign, sum->wrong_gives);
    CHECK_EQ(stats.in_use, 0);
    CHECK_EQ(stats.double_gives + stats.interior, 0);
    CHECK_EQ(stats.capacity, count);
#if CONFIG_HF_POOL_STATISTICS
    CHECK_EQ(stats.takes, sum->takes);
    CHECK_EQ(stats.gives, sum->gives);
    CHECK(stats.peak > 0 && stats.peak <= count);
    CHECK_EQ(stats.min_free, count - stats.peak);
#endif
}

static void pool_threads_enough_blocks_none_ever_refused(void)
{
    static shared_t shared;
    worker_t sum = run(&shared, THREADS * HOLD); // exactly enough: one false "empty" would show
    check_figures(&shared, &sum, THREADS * HOLD);
    CHECK_EQ(sum.empty, 0);
}

static void pool_threads_too_few_blocks_every_refusal_counted(void)
{
    static shared_t shared;
    worker_t sum = run(&shared, 5);
    check_figures(&shared, &sum, 5);
    CHECK(sum.empty > 0);
#if CONFIG_HF_POOL_STATISTICS
    CHECK_EQ(hf_pool_stats(&shared.pool).peak, 5);
#endif
}

static void pool_threads_several_words_of_bits_agree(void)
{
    static shared_t shared;
    worker_t sum = run(&shared, COUNT_MAX);
    check_figures(&shared, &sum, COUNT_MAX);
    CHECK_EQ(sum.empty, 0);
    for (unsigned i = 0; i < COUNT_MAX; i++) {
        CHECK(hf_pool_take(&shared.pool, HF_TAG_NONE) != NULL);
    }
    CHECK(hf_pool_take(&shared.pool, HF_TAG_NONE) == NULL);
}

#if CONFIG_HF_POOL_STATISTICS
static _Atomic bool churn_is_over;

static void *churn(void *ctx)
{
    hf_pool_t *pool = ctx;
    uint32_t broken = 0;
    for (uint32_t i = 0; i < 2200000u; i++) { // past two carries of the gives
        broken += hf_pool_give(pool, hf_pool_take(pool, HF_TAG_NONE)) == HF_OK ? 0 : 1u;
    }
    CHECK_EQ(broken, 0);
    churn_is_over = true;
    return NULL;
}

static void pool_threads_reader_sees_figures_that_fit(void)
{
    static shared_t shared;
    const hf_pool_config_t config = {.name = "read",
                                     .blocks = shared.storage.blocks,
                                     .meta = shared.storage.meta,
                                     .block_bytes = sizeof(block_t),
                                     .count = COUNT_MAX};
    pthread_t thread;
    uint32_t last = 0, wrong = 0;
    CHECK_EQ(hf_pool_init(&shared.pool, &config), HF_OK);
    REQUIRE(pthread_create(&thread, NULL, churn, &shared.pool) == 0);
    while (!churn_is_over) {
        const hf_pool_stats_t stats = hf_pool_stats(&shared.pool);
        wrong += stats.gives < last || stats.gives - last > 2200000u ? 1u : 0;
        wrong += stats.takes - stats.gives != stats.in_use || stats.in_use > 1u ? 1u : 0;
        last = stats.gives;
    }
    (void)pthread_join(thread, NULL);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(hf_pool_stats(&shared.pool).gives, 2200000u);
    CHECK_EQ(hf_pool_stats(&shared.pool).peak, 1);
}
#define STATISTICS_CASES HF_TEST(pool_threads_reader_sees_figures_that_fit),
#else
#define STATISTICS_CASES
#endif

HF_TEST_MAIN(STATISTICS_CASES HF_TEST(pool_threads_enough_blocks_none_ever_refused),
             HF_TEST(pool_threads_too_few_blocks_every_refusal_counted),
             HF_TEST(pool_threads_several_words_of_bits_agree))
