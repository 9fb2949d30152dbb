// SPDX-License-Identifier: MIT
// Drop-in for PRISM K1's header of this name: its names, types, fields and constants. One source file of the program
// defines PRISM_HEAP_MONITOR_IMPLEMENTATION before the include. The heap, the tasks and the log are seams (below),
// since the original asks FreeRTOS; and instead of a task of its own somebody calls prism_heap_monitor_poll() now and
// then. What differs from the original, on purpose: trigger works; an alert is counted when it begins, and begins anew
// only after 5 points (or 5 % of the bytes) of recovery; failed allocations are critical until reset_alerts() and not
// for ever; fragmentation is 0 when nothing is free; stack usage is computed from the size; means are means; nothing is
// allocated.
#ifndef PRISM_HEAP_MONITOR_H
#define PRISM_HEAP_MONITOR_H

#include "holdfast/compat/prism_memory_pool.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HEAP_CRITICAL_MIN        50000
#define HEAP_WARNING_MIN         75000
#define LARGEST_BLOCK_MIN        20000
#define FRAGMENTATION_WARNING    30
#define FRAGMENTATION_CRITICAL   50
#define STACK_WARNING_BYTES      512
#define HEAP_MONITOR_INTERVAL_MS 1000
#define HEAP_METRICS_HISTORY     60
#define HEAP_INTEGRITY_CHECK_MS  10000

typedef struct {
    uint32_t timestamp_ms;
    uint32_t free_heap;
    uint32_t min_free_heap;
    uint32_t largest_block;
    uint32_t fragmentation_pct;
    uint32_t alloc_count;
    uint32_t free_count;
    uint32_t failed_allocs;
} heap_metrics_t;

typedef struct {
    char task_name[16];
    uint32_t stack_size;
    uint32_t stack_used;
    uint32_t stack_remaining;
    uint8_t usage_pct;
    bool critical;
} task_stack_info_t;

typedef struct {
    heap_metrics_t current;
    heap_metrics_t history[HEAP_METRICS_HISTORY];
    uint8_t history_index; // where the next sample goes
    uint8_t history_count;
    uint32_t fragmentation_warnings;
    uint32_t fragmentation_critical_count;
    uint32_t low_memory_warnings;
    uint32_t low_memory_critical_count;
    uint32_t integrity_check_failures;
    uint32_t monitor_time_us; // mean
    uint32_t max_monitor_time_us;
    uint8_t task_count;
    task_stack_info_t tasks[32];
} heap_monitor_stats_t;

/// ESP_OK, also when it runs already.
esp_err_t prism_heap_monitor_init(void);
/// ESP_ERR_INVALID_ARG for NULL or before init. About 3 KB: not onto a small stack. Context: that of poll.
esp_err_t prism_heap_monitor_get_stats(heap_monitor_stats_t *stats);
esp_err_t prism_heap_monitor_get_metrics(heap_metrics_t *metrics);
void prism_heap_monitor_dump_stats(void);
/// Two lines, no seam asked but the log. Context: any.
void prism_heap_monitor_crash_dump(void);
/// Low memory, fragmentation, or an allocation that failed since reset_alerts(). By the last sample.
bool prism_heap_monitor_is_critical(void);
void prism_heap_monitor_reset_alerts(void);
/// The next poll takes a sample whatever the time. Context: any.
void prism_heap_monitor_trigger(void);

/// Takes a sample when HEAP_MONITOR_INTERVAL_MS are over since the last. Context: task, one.
void prism_heap_monitor_poll(void);

/// Link-time seams. The heap: free, least free ever, largest piece, all three of the same memory. False when that
/// cannot be told now: the sample is left out.
bool prism_compat_heap(uint32_t *free_bytes, uint32_t *min_free_bytes, uint32_t *largest_bytes);
/// Whether the heap's own structures hold. May take long: called every HEAP_INTEGRITY_CHECK_MS.
bool prism_compat_heap_is_sound(void);
/// Fills name, stack_size and stack_remaining of at most `most` tasks, those with the least remaining first; returns
/// how many.
uint32_t prism_compat_tasks(task_stack_info_t *tasks, uint32_t most);

#ifdef __cplusplus
}
#endif

#endif

#if defined(PRISM_HEAP_MONITOR_IMPLEMENTATION) && !defined(PRISM_HEAP_MONITOR_IMPLEMENTED)
#define PRISM_HEAP_MONITOR_IMPLEMENTED

#include "holdfast/hf_clock.h"
#include "holdfast/hf_text.h"

#include <string.h>

static struct {
    heap_monitor_stats_t stats;
    uint64_t sampled_us, checked_us;
    uint64_t monitor_sum_us;
    uint32_t cycles;
    uint32_t failed_at_reset;
    hf_atomic_u32_t is_ready, is_triggered;
    bool is_fragmented, is_badly_fragmented, is_low, is_very_low; // the alerts that stand
} prism_monitor;

static bool prism_monitor_is_ready(void)
{
    return atomic_load_explicit(&prism_monitor.is_ready, memory_order_acquire) != 0;
}

esp_err_t prism_heap_monitor_init(void)
{
    if (!prism_monitor_is_ready()) {
        atomic_store_explicit(&prism_monitor.is_triggered, 1u, memory_order_relaxed);
        atomic_store_explicit(&prism_monitor.is_ready, 1u, memory_order_release);
    }
    return ESP_OK;
}

/// An alert with hysteresis: counts when it begins.
static void prism_monitor_judge(bool *stands, bool begins, bool ends, uint32_t *count)
{
    if (!*stands && begins) {
        *stands = true;
        (*count)++;
    } else if (*stands && ends) {
        *stands = false;
    }
}

static void prism_monitor_alerts(void)
{
    heap_monitor_stats_t *stats = &prism_monitor.stats;
    const uint32_t fragmentation = stats->current.fragmentation_pct;
    const uint32_t free_bytes = stats->current.free_heap;
    prism_monitor_judge(&prism_monitor.is_fragmented, fragmentation >= FRAGMENTATION_WARNING,
                        fragmentation < FRAGMENTATION_WARNING - 5, &stats->fragmentation_warnings);
    prism_monitor_judge(&prism_monitor.is_badly_fragmented, fragmentation >= FRAGMENTATION_CRITICAL,
                        fragmentation < FRAGMENTATION_CRITICAL - 5,
                        &stats->fragmentation_critical_count);
    prism_monitor_judge(&prism_monitor.is_low, free_bytes < HEAP_WARNING_MIN,
                        free_bytes >= HEAP_WARNING_MIN + HEAP_WARNING_MIN / 20,
                        &stats->low_memory_warnings);
    prism_monitor_judge(&prism_monitor.is_very_low, free_bytes < HEAP_CRITICAL_MIN,
                        free_bytes >= HEAP_CRITICAL_MIN + HEAP_CRITICAL_MIN / 20,
                        &stats->low_memory_critical_count);
}

static bool prism_monitor_sample(uint64_t now_us)
{
    heap_monitor_stats_t *stats = &prism_monitor.stats;
    heap_metrics_t *now = &stats->current;
    uint32_t free_bytes = 0, min_free_bytes = 0, largest_bytes = 0;
    if (!prism_compat_heap(&free_bytes, &min_free_bytes, &largest_bytes)) {
        return false;
    }
    pool_stats_t pools;
    memset(&pools, 0, sizeof pools); // without pools the counts are 0
    const esp_err_t known = prism_pool_get_stats(&pools);
    (void)known;
    now->timestamp_ms = (uint32_t)(now_us / 1000u);
    now->free_heap = free_bytes;
    now->min_free_heap = min_free_bytes;
    now->largest_block = largest_bytes;
    now->fragmentation_pct = free_bytes == 0 || largest_bytes >= free_bytes
                                 ? 0
                                 : (uint32_t)(100u - (uint64_t)largest_bytes * 100u / free_bytes);
    now->alloc_count = pools.total_allocs;
    now->free_count = pools.total_frees;
    now->failed_allocs = pools.failed_allocs;
    if (now->failed_allocs < prism_monitor.failed_at_reset) {
        prism_monitor.failed_at_reset = 0; // the pools' own counters were reset
    }
    stats->history[stats->history_index] = *now;
    stats->history_index = (uint8_t)((stats->history_index + 1u) % HEAP_METRICS_HISTORY);
    if (stats->history_count < HEAP_METRICS_HISTORY) {
        stats->history_count++;
    }
    return true;
}

static void prism_monitor_tasks(void)
{
    heap_monitor_stats_t *stats = &prism_monitor.stats;
    uint32_t count = prism_compat_tasks(stats->tasks, HF_COUNT_OF(stats->tasks));
    count = count < HF_COUNT_OF(stats->tasks) ? count : (uint32_t)HF_COUNT_OF(stats->tasks);
    for (uint32_t i = 0; i < count; i++) {
        task_stack_info_t *task = &stats->tasks[i];
        task->stack_used =
            task->stack_size > task->stack_remaining ? task->stack_size - task->stack_remaining : 0;
        task->usage_pct =
            (uint8_t)(task->stack_size == 0 ? 0
                                            : (uint64_t)task->stack_used * 100u / task->stack_size);
        task->critical = task->stack_remaining < STACK_WARNING_BYTES;
    }
    stats->task_count = (uint8_t)count;
}

static void prism_monitor_time(uint64_t took_us)
{
    heap_monitor_stats_t *stats = &prism_monitor.stats;
    prism_monitor.monitor_sum_us += took_us;
    prism_monitor.cycles++;
    stats->monitor_time_us = (uint32_t)(prism_monitor.monitor_sum_us / prism_monitor.cycles);
    if (took_us > stats->max_monitor_time_us) {
        stats->max_monitor_time_us = (uint32_t)took_us;
    }
}

void prism_heap_monitor_poll(void)
{
    if (!prism_monitor_is_ready()) {
        return;
    }
    const uint64_t now_us = hf_port_now_us();
    const bool is_due =
        now_us - prism_monitor.sampled_us >= (uint64_t)HEAP_MONITOR_INTERVAL_MS * 1000u;
    if (!is_due && atomic_load_explicit(&prism_monitor.is_triggered, memory_order_relaxed) == 0) {
        return;
    }
    atomic_store_explicit(&prism_monitor.is_triggered, 0, memory_order_relaxed);
    prism_monitor.sampled_us = now_us;
    if (prism_monitor_sample(now_us)) {
        prism_monitor_alerts();
    }
    if (now_us - prism_monitor.checked_us >= (uint64_t)HEAP_INTEGRITY_CHECK_MS * 1000u) {
        prism_monitor.checked_us = now_us;
        prism_monitor.stats.integrity_check_failures += prism_compat_heap_is_sound() ? 0 : 1u;
    }
    prism_monitor_tasks();
    prism_monitor_time(hf_port_now_us() - now_us);
}

esp_err_t prism_heap_monitor_get_stats(heap_monitor_stats_t *stats)
{
    if (stats == NULL || !prism_monitor_is_ready()) {
        return ESP_ERR_INVALID_ARG;
    }
    *stats = prism_monitor.stats;
    return ESP_OK;
}

esp_err_t prism_heap_monitor_get_metrics(heap_metrics_t *metrics)
{
    if (metrics == NULL || !prism_monitor_is_ready()) {
        return ESP_ERR_INVALID_ARG;
    }
    *metrics = prism_monitor.stats.current;
    return ESP_OK;
}

bool prism_heap_monitor_is_critical(void)
{
    const heap_metrics_t *now = &prism_monitor.stats.current;
    return prism_monitor_is_ready() && prism_monitor.stats.history_count > 0 &&
           (now->free_heap < HEAP_CRITICAL_MIN ||
            now->fragmentation_pct >= FRAGMENTATION_CRITICAL ||
            now->failed_allocs != prism_monitor.failed_at_reset);
}

void prism_heap_monitor_reset_alerts(void)
{
    heap_monitor_stats_t *stats = &prism_monitor.stats;
    stats->fragmentation_warnings = 0;
    stats->fragmentation_critical_count = 0;
    stats->low_memory_warnings = 0;
    stats->low_memory_critical_count = 0;
    stats->integrity_check_failures = 0;
    prism_monitor.failed_at_reset = stats->current.failed_allocs;
}

void prism_heap_monitor_trigger(void)
{
    atomic_store_explicit(&prism_monitor.is_triggered, 1u, memory_order_relaxed);
}

static void prism_monitor_line(const heap_metrics_t *now)
{
    char line[128];
    hf_builder_t text;
    hf_builder_init(&text, line, sizeof line);
    hf_builder_format(&text, "HEAP: free %u, min %u, largest %u, fragmentation %u%%",
                      (unsigned)now->free_heap, (unsigned)now->min_free_heap,
                      (unsigned)now->largest_block, (unsigned)now->fragmentation_pct);
    prism_compat_log(line);
    hf_builder_init(&text, line, sizeof line);
    hf_builder_format(&text, "HEAP: allocs %u, frees %u, failed %u", (unsigned)now->alloc_count,
                      (unsigned)now->free_count, (unsigned)now->failed_allocs);
    prism_compat_log(line);
}

void prism_heap_monitor_crash_dump(void)
{
    prism_monitor_line(&prism_monitor.stats.current);
}

void prism_heap_monitor_dump_stats(void)
{
    const heap_monitor_stats_t *stats = &prism_monitor.stats;
    char line[128];
    hf_builder_t text;
    prism_monitor_line(&stats->current);
    hf_builder_init(&text, line, sizeof line);
    hf_builder_format(
        &text, "HEAP: alerts: fragmentation %u/%u, low memory %u/%u, integrity %u",
        (unsigned)stats->fragmentation_warnings, (unsigned)stats->fragmentation_critical_count,
        (unsigned)stats->low_memory_warnings, (unsigned)stats->low_memory_critical_count,
        (unsigned)stats->integrity_check_failures);
    prism_compat_log(line);
    for (uint32_t i = 0; i < stats->task_count; i++) {
        const task_stack_info_t *task = &stats->tasks[i];
        hf_builder_init(&text, line, sizeof line);
        hf_builder_format(&text, "HEAP: task %.*s: %u of %u B of stack left%s", 15, task->task_name,
                          (unsigned)task->stack_remaining, (unsigned)task->stack_size,
                          task->critical ? " (critical)" : "");
        prism_compat_log(line);
    }
}

#endif
