// SPDX-License-Identifier: MIT
// Threads over one slab, and over one region whose guard is a mutex, while another reads statistics without any lock: each
// figure read is one that can be, and all are exact at the end. A data race is for ThreadSanitizer to tell.
#include "hf_test.h"
#include "holdfast/hf_region.h"
#include "holdfast/hf_slab.h"

#include <pthread.h>
#include <sched.h>

#define THREADS 3u
#define ROUNDS  20000u
#define HOLD    6u
#define BYTES   16384u
#define PAGES   4u

static const hf_slab_size_t sizes[] = {{64, 4}, {128, 0}, {512, 0}};
static HF_SLAB_STORAGE(HF_COUNT_OF(sizes), PAGES, 2048u) slab_storage;
static HF_REGION_STORAGE(BYTES) region_storage;
static hf_slab_t slab;
static hf_region_t region;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static hf_atomic_u32_t working;

typedef struct worker {
    bool is_of_region;
    uint8_t number;
    uint32_t random, served, wrong;
    uint8_t *held[HOLD];
    uint32_t bytes[HOLD];
} worker_t;

static void enter(void *ctx)
{
    (void)pthread_mutex_lock(ctx);
}

static void leave(void *ctx)
{
    (void)pthread_mutex_unlock(ctx);
}

static void take(worker_t *worker, uint32_t place)
{
    const uint32_t bytes = 1u + (worker->random >> 8) % 512u;
    uint8_t *block = worker->is_of_region ? hf_region_take(&region, bytes)
                                          : hf_slab_take(&slab, bytes, HF_TAG_NONE);
    if (block != NULL) {
        memset(block, worker->number, bytes);
        worker->held[place] = block;
        worker->bytes[place] = bytes;
        worker->served++;
    }
}

static void give(worker_t *worker, uint32_t place)
{
    uint8_t *block = worker->held[place];
    for (uint32_t i = 0; i < worker->bytes[place]; i++) {
        worker->wrong += block[i] != worker->number;
    }
    const int status =
        worker->is_of_region ? hf_region_give(&region, block) : hf_slab_give(&slab, block);
    worker->wrong += status != HF_OK;
    worker->held[place] = NULL;
}

static void *work(void *ctx)
{
    worker_t *worker = ctx;
    for (uint32_t i = 0; i < ROUNDS + HOLD; i++) {
        worker->random = worker->random * 1664525u + 1013904223u;
        const uint32_t place = i < ROUNDS ? (worker->random >> 20) % HOLD : i - ROUNDS;
        if (worker->held[place] != NULL) {
            give(worker, place);
        } else if (i < ROUNDS) {
            take(worker, place);
        }
        if (i % 64u == 0) {
            (void)sched_yield();
        }
    }
    (void)atomic_fetch_sub(&working, 1u);
    return NULL;
}

/// Whether each figure is one that can be, whatever the others do meanwhile.
static bool is_slab_possible(void)
{
    bool is_possible = true;
    for (uint32_t i = 0; i < HF_COUNT_OF(sizes); i++) {
        const hf_slab_stats_t stats = hf_slab_stats(&slab, i);
        is_possible = is_possible && stats.in_use <= THREADS * HOLD && stats.spans <= PAGES * 16u &&
                      stats.peak <= THREADS * HOLD && stats.capacity >= stats.reserved_count;
    }
    const hf_slab_stock_stats_t stock = hf_slab_stock_stats(&slab);
    return is_possible && stock.free_bytes <= sizeof slab_storage.pages &&
           stock.largest_span_bytes <= stock.page_bytes;
}

static bool is_region_possible(void)
{
    const hf_region_stats_t stats = hf_region_stats(&region);
    return stats.used_bytes + stats.free_bytes == stats.capacity_bytes &&
           stats.peak_used_bytes <= stats.capacity_bytes && stats.fragmentation_percent <= 100u &&
           hf_region_largest_servable(&region) <= stats.capacity_bytes;
}

static void *watch(void *ctx)
{
    uint32_t *wrong = ctx;
    while (atomic_load(&working) != 0) {
        *wrong += (is_slab_possible() ? 0 : 1u) + (is_region_possible() ? 0 : 1u);
    }
    return NULL;
}

static uint32_t run(bool is_of_region)
{
    worker_t workers[THREADS] = {0};
    pthread_t threads[THREADS], watcher;
    uint32_t wrong = 0, served = 0;
    atomic_store(&working, THREADS);
    CHECK(pthread_create(&watcher, NULL, watch, &wrong) == 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i].is_of_region = is_of_region;
        workers[i].number = (uint8_t)(i + 1u);
        workers[i].random = i * 7919u + 17u;
        CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(workers[i].wrong, 0);
        served += workers[i].served;
    }
    CHECK_EQ(pthread_join(watcher, NULL), 0);
    CHECK_EQ(wrong, 0);
    CHECK(served > ROUNDS);
    return served;
}

static void start(void)
{
    const hf_slab_config_t slab_config = {.name = "slab",
                                          .pages = slab_storage.pages,
                                          .descriptors = slab_storage.descriptors,
                                          .page_count = PAGES,
                                          .page_bytes = 2048u,
                                          .sizes = sizes,
                                          .classes = slab_storage.classes,
                                          .partial = slab_storage.partial,
                                          .class_count = HF_COUNT_OF(sizes)};
    const hf_region_config_t region_config = {.name = "region",
                                              .memory = region_storage.memory,
                                              .bytes = BYTES,
                                              .meta = region_storage.meta,
                                              .enter = enter,
                                              .exit = leave,
                                              .ctx = &mutex};
    CHECK_EQ(hf_slab_init(&slab, &slab_config), HF_OK);
    CHECK_EQ(hf_region_init(&region, &region_config), HF_OK);
}

static void slab_statistics_read_among_threads_are_sound(void)
{
    start();
    const uint32_t served = run(false);
    uint32_t takes = 0, gives = 0;
    for (uint32_t i = 0; i < HF_COUNT_OF(sizes); i++) {
        takes += hf_slab_stats(&slab, i).takes;
        gives += hf_slab_stats(&slab, i).gives;
    }
    CHECK_EQ(takes, served);
    CHECK_EQ(gives, served);
    CHECK(hf_slab_is_consistent(&slab));
}

static void region_statistics_read_among_threads_are_sound(void)
{
    start();
    const size_t untouched = hf_region_largest_servable(&region);
    const uint32_t served = run(true);
    const hf_region_stats_t stats = hf_region_stats(&region);
    CHECK_EQ(stats.takes, served);
    CHECK_EQ(stats.blocks, 0);
    CHECK_EQ(stats.largest_servable_bytes, untouched);
    CHECK_EQ(stats.fragmentation_percent, 0);
    CHECK_EQ(stats.corrupt, 0);
}

HF_TEST_MAIN(HF_TEST(slab_statistics_read_among_threads_are_sound),
             HF_TEST(region_statistics_read_among_threads_are_sound))
