// SPDX-License-Identifier: MIT
// PRISM's headers over hf_mem: every name, type, field and constant, and the original's own list of cases, which now
// assert what the original only logged.
#define PRISM_MEMORY_POOL_IMPLEMENTATION
#define PRISM_HEAP_MONITOR_IMPLEMENTATION
#include "holdfast/compat/prism_heap_monitor.h"

#include "hf_test.h"

#include <pthread.h>

static char lines[24][128];
static uint32_t line_count;
static uint32_t heap_free = 200000, heap_min = 150000, heap_largest = 180000;
static bool heap_is_sound = true;
static bool heap_is_known = true;

void prism_compat_log(const char *line)
{
    if (line_count < HF_COUNT_OF(lines)) {
        (void)snprintf(lines[line_count++], sizeof lines[0], "%s", line);
    }
}

bool prism_compat_heap(uint32_t *free_bytes, uint32_t *min_free_bytes, uint32_t *largest_bytes)
{
    *free_bytes = heap_free;
    *min_free_bytes = heap_min;
    *largest_bytes = heap_largest;
    return heap_is_known;
}

bool prism_compat_heap_is_sound(void)
{
    return heap_is_sound;
}

uint32_t prism_compat_tasks(task_stack_info_t *tasks, uint32_t most)
{
    CHECK_EQ(most, 32);
    memcpy(tasks[0].task_name, "net", 4);
    tasks[0].stack_size = 4096;
    tasks[0].stack_remaining = 511;
    memcpy(tasks[1].task_name, "a_name_of_15_ch", 16);
    tasks[1].stack_size = 2048;
    tasks[1].stack_remaining = 1024;
    return 2;
}

static pool_stats_t pool_stats(void)
{
    pool_stats_t stats = {0};
    CHECK_EQ(prism_pool_get_stats(&stats), ESP_OK);
    return stats;
}

static void setup(void)
{
    CHECK_EQ(prism_pool_init(), ESP_OK);
    CHECK_EQ(prism_heap_monitor_init(), ESP_OK);
    prism_pool_reset_stats();
    line_count = 0;
    heap_free = 200000;
    heap_min = 150000;
    heap_largest = 180000;
    heap_is_sound = true;
}

static void prism_before_init_nothing_works(void)
{
    pool_stats_t stats;
    heap_metrics_t metrics;
    CHECK(prism_pool_alloc(10) == NULL);
    prism_pool_free(&stats);
    CHECK_EQ(prism_pool_get_stats(&stats), ESP_ERR_INVALID_ARG);
    CHECK(!prism_pool_is_pool_memory(&stats));
    CHECK(prism_compat_mem() == NULL);
    CHECK_EQ(prism_heap_monitor_get_metrics(&metrics), ESP_ERR_INVALID_ARG);
    CHECK(!prism_heap_monitor_is_critical());
}

static void prism_names_and_constants(void)
{
    CHECK_EQ(POOL_SIZE_4K * POOL_COUNT_4K + POOL_SIZE_1K * POOL_COUNT_1K +
                 POOL_SIZE_256B * POOL_COUNT_256B,
             56 * 1024);
    CHECK_EQ(sizeof(pool_stats_t), 11 * sizeof(uint32_t));
    CHECK_EQ(sizeof(heap_metrics_t), 8 * sizeof(uint32_t));
    CHECK_EQ(HEAP_CRITICAL_MIN, 50000);
    CHECK_EQ(HEAP_WARNING_MIN, 75000);
    CHECK_EQ(LARGEST_BLOCK_MIN, 20000);
    CHECK_EQ(FRAGMENTATION_WARNING, 30);
    CHECK_EQ(FRAGMENTATION_CRITICAL, 50);
    CHECK_EQ(STACK_WARNING_BYTES, 512);
    CHECK_EQ(HEAP_MONITOR_INTERVAL_MS, 1000);
    CHECK_EQ(HEAP_METRICS_HISTORY, 60);
    CHECK_EQ(HEAP_INTEGRITY_CHECK_MS, 10000);
    CHECK(ESP_ERR_NO_MEM != ESP_OK && ESP_ERR_INVALID_ARG != ESP_OK);
}

static void prism_init_twice_is_ok_and_all_is_free(void)
{
    setup();
    CHECK_EQ(prism_pool_init(), ESP_OK);
    const pool_stats_t stats = pool_stats();
    CHECK_EQ(stats.blocks_free_4k, 8);
    CHECK_EQ(stats.blocks_free_1k, 16);
    CHECK_EQ(stats.blocks_free_256b, 32);
    CHECK_EQ(stats.total_allocs, 0);
    CHECK_EQ(stats.failed_allocs, 0);
    CHECK_EQ(prism_pool_get_stats(NULL), ESP_ERR_INVALID_ARG);
}

static void prism_sizes_choose_their_tier(void)
{
    setup();
    void *small = prism_pool_alloc(100), *medium = prism_pool_alloc(500);
    void *large = prism_pool_alloc(2000);
    REQUIRE(small != NULL && medium != NULL && large != NULL);
    pool_stats_t stats = pool_stats();
    CHECK_EQ(stats.blocks_free_256b, 31);
    CHECK_EQ(stats.blocks_free_1k, 15);
    CHECK_EQ(stats.blocks_free_4k, 7);
    CHECK(prism_pool_is_pool_memory(small) && prism_pool_is_pool_memory(large));
    CHECK(!prism_pool_is_pool_memory(&stats));
    CHECK_EQ((uintptr_t)small % HF_POOL_ALIGN, 0);
    prism_pool_free(small);
    prism_pool_free(medium);
    prism_pool_free(large);
    prism_pool_free(NULL);
    stats = pool_stats();
    CHECK_EQ(stats.blocks_free_256b + stats.blocks_free_1k + stats.blocks_free_4k, 56);
    CHECK_EQ(stats.total_allocs, 3);
    CHECK_EQ(stats.total_frees, 3);
    CHECK_EQ(stats.peak_usage_256b, 1);
    CHECK_EQ(stats.peak_usage_1k, 1);
    CHECK_EQ(stats.peak_usage_4k, 1);
    CHECK(stats.alloc_time_us >= 1); // by the clock of the tests, which moves at each look
    CHECK(stats.free_time_us >= 1);
}

static void prism_exhausted_tier_takes_one_up(void)
{
    void *held[33];
    setup();
    for (uint32_t i = 0; i < 33; i++) {
        held[i] = prism_pool_alloc(200);
        REQUIRE(held[i] != NULL);
    }
    pool_stats_t stats = pool_stats();
    CHECK_EQ(stats.blocks_free_256b, 0);
    CHECK_EQ(stats.blocks_free_1k, 15);
    CHECK_EQ(stats.failed_allocs, 0);
    for (uint32_t i = 0; i < 33; i++) {
        prism_pool_free(held[i]);
    }
    CHECK_EQ(pool_stats().blocks_free_1k, 16);
}

static void prism_oversize_and_zero(void)
{
    setup();
    CHECK(prism_pool_alloc(5000) == NULL);
    CHECK_EQ(pool_stats().failed_allocs, 1);
    CHECK(prism_pool_alloc(0) == NULL);
    CHECK_EQ(pool_stats().failed_allocs, 1);
}

static void prism_wrong_frees_are_told_apart_and_change_nothing(void)
{
    int stack = 0;
    setup();
    char *block = prism_pool_alloc(1000);
    REQUIRE(block != NULL);
    prism_pool_free(block + 100);
    CHECK_EQ(pool_stats().blocks_free_1k, 15);
    prism_pool_free(&stack);
    prism_pool_free(block);
    prism_pool_free(block);
    const hf_mem_stats_t all = hf_mem_stats(prism_compat_mem());
    CHECK_EQ(all.interior, 1);
    CHECK_EQ(all.foreign, 1);
    CHECK_EQ(all.double_gives, 1);
    CHECK_EQ(pool_stats().total_frees, 1);
    CHECK_EQ(pool_stats().blocks_free_1k, 16);
}

static void prism_block_is_zero_as_a_whole(void)
{
    setup();
    for (int round = 0; round < 2; round++) {
        unsigned char *block = prism_pool_alloc(10);
        REQUIRE(block != NULL);
        uint32_t sum = 0;
        for (uint32_t i = 0; i < 256; i++) {
            sum += block[i];
        }
        CHECK_EQ(sum, 0);
        memset(block, 0xFF, 256);
        prism_pool_free(block);
    }
}

static void prism_reset_keeps_peaks_at_what_is_in_use(void)
{
    setup();
    void *block = prism_pool_alloc(10);
    prism_pool_reset_stats();
    CHECK_EQ(pool_stats().peak_usage_256b, 1);
    CHECK_EQ(pool_stats().total_allocs, 0);
    prism_pool_free(block);
}

#define THREADS 4u
#define ROUNDS  1000u

static void *hammer(void *arg)
{
    static const size_t sizes[] = {100, 500, 2000};
    const int id = *(int *)arg;
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        const size_t bytes = sizes[i % 3u];
        unsigned char *block = prism_pool_alloc(bytes);
        if (block == NULL) {
            continue;
        }
        memset(block, id, bytes);
        for (size_t k = 0; k < bytes; k++) {
            wrong += block[k] != id ? 1u : 0;
        }
        prism_pool_free(block);
    }
    *(int *)arg = (int)wrong;
    return NULL;
}

static void prism_threads_never_share_a_block(void)
{
    pthread_t threads[THREADS];
    int ids[THREADS];
    setup();
    for (uint32_t i = 0; i < THREADS; i++) {
        ids[i] = (int)i + 1;
        REQUIRE(pthread_create(&threads[i], NULL, hammer, &ids[i]) == 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(ids[i], 0);
    }
    const pool_stats_t stats = pool_stats();
    CHECK_EQ(stats.blocks_free_256b + stats.blocks_free_1k + stats.blocks_free_4k, 56);
    CHECK_EQ(stats.total_allocs, stats.total_frees);
    CHECK_EQ(stats.total_allocs + stats.failed_allocs, THREADS * ROUNDS);
}

static void prism_pattern_of_the_original_never_fails(void)
{
    static const size_t sizes[] = {256, 1024, 4096};
    void *held[10];
    setup();
    for (uint32_t round = 0; round < 1000; round++) {
        for (uint32_t i = 0; i < 10; i++) {
            held[i] = prism_pool_alloc(sizes[i % 3u]);
        }
        for (uint32_t i = 0; i < 20; i++) { // evens, then odds
            if ((i < 10) == (i % 2u == 0)) {
                prism_pool_free(held[i % 10u]);
            }
        }
    }
    CHECK_EQ(pool_stats().failed_allocs, 0);
    CHECK_EQ(pool_stats().total_frees, 10000);
}

static void prism_dump_names_tiers_and_totals(void)
{
    setup();
    void *block = prism_pool_alloc(10);
    prism_pool_dump_state();
    REQUIRE(line_count == 4);
    CHECK_STR(lines[0], "POOL: 256 B: 31/32 free (peak usage 1)");
    CHECK_STR(lines[2], "POOL: 4096 B: 8/8 free (peak usage 0)");
    CHECK(strstr(lines[3], "POOL: 1 allocs, 0 frees, 0 failed") == lines[3]);
    prism_pool_free(block);
}

static heap_monitor_stats_t monitor;

static void sample(void)
{
    prism_heap_monitor_trigger();
    prism_heap_monitor_poll();
    CHECK_EQ(prism_heap_monitor_get_stats(&monitor), ESP_OK);
}

static void prism_monitor_samples_when_triggered_and_not_before_time(void)
{
    setup();
    sample();
    const uint32_t before = monitor.history_count;
    prism_heap_monitor_poll(); // the clock of the tests moves microseconds
    CHECK_EQ(prism_heap_monitor_get_stats(&monitor), ESP_OK);
    CHECK_EQ(monitor.history_count, before);
    sample();
    CHECK_EQ(monitor.history_count, before + 1u);
    CHECK_EQ(monitor.current.free_heap, 200000);
    CHECK_EQ(monitor.current.min_free_heap, 150000);
    CHECK_EQ(monitor.current.largest_block, 180000);
    CHECK_EQ(monitor.current.fragmentation_pct, 10);
    CHECK_EQ(
        monitor.history[(monitor.history_index + HEAP_METRICS_HISTORY - 1u) % HEAP_METRICS_HISTORY]
            .free_heap,
        200000);
    heap_metrics_t metrics = {0};
    CHECK_EQ(prism_heap_monitor_get_metrics(&metrics), ESP_OK);
    CHECK_EQ(metrics.free_heap, 200000);
    CHECK_EQ(prism_heap_monitor_get_stats(NULL), ESP_ERR_INVALID_ARG);
    CHECK(monitor.monitor_time_us > 0 && monitor.max_monitor_time_us >= monitor.monitor_time_us);
}

static void prism_monitor_alerts_begin_once_with_hysteresis(void)
{
    setup();
    sample();
    prism_heap_monitor_reset_alerts();
    heap_largest = 120000; // 40 %
    for (int i = 0; i < 5; i++) {
        sample();
    }
    CHECK_EQ(monitor.fragmentation_warnings, 1);
    CHECK_EQ(monitor.fragmentation_critical_count, 0);
    heap_largest = 144000; // 28 %: not over yet
    sample();
    heap_largest = 120000;
    sample();
    CHECK_EQ(monitor.fragmentation_warnings, 1);
    heap_largest = 160000; // 20 %: over
    sample();
    heap_largest = 90000; // 55 %
    sample();
    CHECK_EQ(monitor.fragmentation_warnings, 2);
    CHECK_EQ(monitor.fragmentation_critical_count, 1);
    CHECK(prism_heap_monitor_is_critical());
    heap_free = 60000;
    heap_largest = 60000;
    sample();
    CHECK_EQ(monitor.low_memory_warnings, 1);
    CHECK_EQ(monitor.low_memory_critical_count, 0);
    CHECK(!prism_heap_monitor_is_critical());
    heap_free = 0;
    heap_largest = 0;
    sample();
    CHECK_EQ(monitor.current.fragmentation_pct, 0); // nothing is free, nothing is fragmented
    CHECK_EQ(monitor.low_memory_critical_count, 1);
    CHECK(prism_heap_monitor_is_critical());
}

static void prism_monitor_failed_allocs_are_critical_until_reset(void)
{
    setup();
    sample();
    prism_heap_monitor_reset_alerts();
    CHECK(!prism_heap_monitor_is_critical());
    CHECK(prism_pool_alloc(5000) == NULL);
    sample();
    CHECK_EQ(monitor.current.failed_allocs, 1);
    CHECK(prism_heap_monitor_is_critical());
    prism_heap_monitor_reset_alerts();
    CHECK(!prism_heap_monitor_is_critical());
    prism_pool_reset_stats();
    sample();
    CHECK(!prism_heap_monitor_is_critical());
    CHECK(prism_pool_alloc(5000) == NULL);
    sample();
    CHECK(prism_heap_monitor_is_critical());
}

static void prism_monitor_tasks_and_unknown_heap(void)
{
    setup();
    sample();
    CHECK_EQ(monitor.task_count, 2);
    CHECK_STR(monitor.tasks[0].task_name, "net");
    CHECK_EQ(monitor.tasks[0].stack_used, 3585);
    CHECK_EQ(monitor.tasks[0].usage_pct, 87);
    CHECK(monitor.tasks[0].critical);
    CHECK(!monitor.tasks[1].critical);
    const uint8_t before = monitor.history_index;
    heap_is_known = false;
    sample();
    heap_is_known = true;
    CHECK_EQ(monitor.history_index, before);
}

static void prism_monitor_dumps(void)
{
    setup();
    sample();
    prism_heap_monitor_crash_dump();
    CHECK_EQ(line_count, 2);
    CHECK_STR(lines[0], "HEAP: free 200000, min 150000, largest 180000, fragmentation 10%");
    prism_heap_monitor_dump_stats();
    CHECK_EQ(line_count, 7);
    CHECK_STR(lines[5], "HEAP: task net: 511 of 4096 B of stack left (critical)");
    CHECK_STR(lines[6], "HEAP: task a_name_of_15_ch: 1024 of 2048 B of stack left");
}

static void prism_monitor_history_is_a_ring_of_sixty(void)
{
    setup();
    for (int i = 0; i < 70; i++) {
        sample();
    }
    CHECK_EQ(monitor.history_count, HEAP_METRICS_HISTORY);
    CHECK(monitor.history_index < HEAP_METRICS_HISTORY);
}

HF_TEST_MAIN(HF_TEST(prism_before_init_nothing_works), HF_TEST(prism_names_and_constants),
             HF_TEST(prism_init_twice_is_ok_and_all_is_free),
             HF_TEST(prism_sizes_choose_their_tier), HF_TEST(prism_exhausted_tier_takes_one_up),
             HF_TEST(prism_oversize_and_zero),
             HF_TEST(prism_wrong_frees_are_told_apart_and_change_nothing),
             HF_TEST(prism_block_is_zero_as_a_whole),
             HF_TEST(prism_reset_keeps_peaks_at_what_is_in_use),
             HF_TEST(prism_threads_never_share_a_block),
             HF_TEST(prism_pattern_of_the_original_never_fails),
             HF_TEST(prism_dump_names_tiers_and_totals),
             HF_TEST(prism_monitor_samples_when_triggered_and_not_before_time),
             HF_TEST(prism_monitor_alerts_begin_once_with_hysteresis),
             HF_TEST(prism_monitor_failed_allocs_are_critical_until_reset),
             HF_TEST(prism_monitor_tasks_and_unknown_heap), HF_TEST(prism_monitor_dumps),
             HF_TEST(prism_monitor_history_is_a_ring_of_sixty))
