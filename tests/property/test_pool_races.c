// SPDX-License-Identifier: MIT
// Several threads give one and the same block at once: exactly one is believed, the others are told, nothing moves twice.
// With the census also by handles, while another thread takes and gives: no stale give ever reaches the next owner's block.
#include "hf_test.h"
#include "holdfast/hf_pool.h"

#include <pthread.h>
#include <sched.h>

#define THREADS 3u
#define ROUNDS  500u

typedef struct race {
    hf_pool_t pool;
    HF_POOL_STORAGE_BYTES(24, 3) storage;
    void *block;                              // what all give in this round
    _Atomic uint32_t round, arrived, told[3]; // OK, double or stale, anything else
#if CONFIG_HF_POOL_CENSUS
    hf_handle_t handle;
#endif
    bool by_handle;
} race_t;

static void open_race(race_t *race, bool by_handle)
{
    const hf_pool_config_t config = {.name = "race",
                                     .blocks = race->storage.blocks,
                                     .meta = race->storage.meta,
                                     .block_bytes = 24,
                                     .count = 3};
    memset(race, 0, sizeof *race);
    CHECK_EQ(hf_pool_init(&race->pool, &config), HF_OK);
    race->by_handle = by_handle;
}

static void give(race_t *race)
{
    int wrong = HF_E_DOUBLE_GIVE, status;
#if CONFIG_HF_POOL_CENSUS
    if (race->by_handle) {
        wrong = HF_E_STALE;
        status = hf_pool_give_handle(&race->pool, race->handle);
    } else {
        status = hf_pool_give(&race->pool, race->block);
    }
#else
    status = hf_pool_give(&race->pool, race->block);
#endif
    race->told[status == HF_OK ? 0 : status == wrong ? 1 : 2]++;
}

static void *giver(void *ctx)
{
    race_t *race = ctx;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        while (race->round < round) {
            (void)sched_yield();
        }
        give(race);
        race->arrived++;
    }
    return NULL;
}

static void take_for_the_next_round(race_t *race)
{
    race->block = hf_pool_take(&race->pool, HF_TAG_NONE);
#if CONFIG_HF_POOL_CENSUS
    race->handle = hf_pool_handle(&race->pool, race->block);
#endif
}

/// What a bystander does while the others race: its block stays its own whatever they give.
static uint32_t take_mark_and_give(race_t *race)
{
    uint32_t *mine = hf_pool_take(&race->pool, HF_TAG_NONE);
    if (mine == NULL) {
        return 1;
    }
    *mine = 0x600DB10Cu;
    (void)sched_yield();
    uint32_t broken = *mine == 0x600DB10Cu ? 0 : 1u;
    return broken + (hf_pool_give(&race->pool, mine) == HF_OK ? 0 : 1u);
}

static uint32_t run(race_t *race)
{
    pthread_t thread[THREADS];
    uint32_t broken = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_create(&thread[i], NULL, giver, race), 0);
    }
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        take_for_the_next_round(race);
        broken += race->block != NULL ? 0 : 1u;
        race->round = round;
        while (race->arrived < THREADS * round) {
            // By block nobody else may take it meanwhile: that a stale give cannot be told then is what handles are for.
            broken += race->by_handle ? take_mark_and_give(race) : 0;
        }
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    return broken;
}

static void pool_race_of_gives_has_one_winner(void)
{
    static race_t race;
    open_race(&race, false);
    CHECK_EQ(run(&race), 0);
    CHECK_EQ(race.told[0], ROUNDS);
    CHECK_EQ(race.told[1], (THREADS - 1u) * ROUNDS);
    CHECK_EQ(race.told[2], 0);
    const hf_pool_stats_t stats = hf_pool_stats(&race.pool);
    CHECK_EQ(stats.double_gives, (THREADS - 1u) * ROUNDS);
    CHECK_EQ(stats.in_use, 0);
}

#if CONFIG_HF_POOL_CENSUS
static void pool_race_by_handle_spares_the_next_owner(void)
{
    static race_t race;
    open_race(&race, true);
    CHECK_EQ(run(&race), 0);
    CHECK_EQ(race.told[0], ROUNDS);
    CHECK_EQ(race.told[1], (THREADS - 1u) * ROUNDS);
    CHECK_EQ(race.told[2], 0);
    const hf_pool_stats_t stats = hf_pool_stats(&race.pool);
    CHECK_EQ(stats.stale, (THREADS - 1u) * ROUNDS);
    CHECK_EQ(stats.double_gives, 0);
    CHECK_EQ(stats.in_use, 0);
}

HF_TEST_MAIN(HF_TEST(pool_race_of_gives_has_one_winner),
             HF_TEST(pool_race_by_handle_spares_the_next_owner))
#else
HF_TEST_MAIN(HF_TEST(pool_race_of_gives_has_one_winner))
#endif
