// SPDX-License-Identifier: MIT
// Drop-in for PRISM K1's header of this name: its names, types, fields and constants over the preset `prism` of hf_mem.
// One source file of the program defines PRISM_MEMORY_POOL_IMPLEMENTATION before the include; all others just include
// it. It needs CONFIG_HF_MEM, the clock hf_port_now_us(), and prism_compat_log() below. What differs from the original,
// on purpose: wrong frees are told apart and counted in prism_compat_mem()'s statistics; the whole block is zeroed;
// alignment is that of max_align_t; no mutex, callable from an ISR; a reset leaves peaks at what is in use; total
// counters wrap at 2^32. No allocation anywhere: the 56 KB are static.
#ifndef PRISM_MEMORY_POOL_H
#define PRISM_MEMORY_POOL_H

#include "holdfast/hf_mem_presets.h"

// As esp_err.h has them, which may be included before or after.
#ifndef ESP_OK
typedef int esp_err_t;
#define ESP_OK              0
#define ESP_ERR_NO_MEM      0x101
#define ESP_ERR_INVALID_ARG 0x102
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define POOL_SIZE_4K    4096
#define POOL_SIZE_1K    1024
#define POOL_SIZE_256B  256
#define POOL_COUNT_4K   8
#define POOL_COUNT_1K   16
#define POOL_COUNT_256B 32

typedef struct {
    uint32_t blocks_free_4k;
    uint32_t blocks_free_1k;
    uint32_t blocks_free_256b;
    uint32_t total_allocs;
    uint32_t total_frees;
    uint32_t failed_allocs; // of every kind but size 0
    uint32_t peak_usage_4k;
    uint32_t peak_usage_1k;
    uint32_t peak_usage_256b;
    uint32_t alloc_time_us; // mean since the last reset, rounded
    uint32_t free_time_us;
} pool_stats_t;

/// ESP_OK, also when it is ready already. Context: task, before anything else of this header.
esp_err_t prism_pool_init(void);
/// The smallest block that fits, or one tier larger; all zero. NULL before init, for 0 bytes, above 4096, when none is
/// free.
void *prism_pool_alloc(size_t size);
/// NULL is nothing. What is no block in use of the pools is counted, and nothing else happens.
void prism_pool_free(void *ptr);
/// ESP_ERR_INVALID_ARG for NULL or before init.
esp_err_t prism_pool_get_stats(pool_stats_t *stats);
bool prism_pool_is_pool_memory(const void *ptr);
/// Context: nobody else in the pools.
void prism_pool_reset_stats(void);
/// A line per tier and one of totals through prism_compat_log().
void prism_pool_dump_state(void);

#ifdef CONFIG_PRISM_POOL_MALLOC_WRAPPER
// The library holdfast_wrap has them; hf_mem_seal() takes the place of the initialised pool.
void *__wrap_malloc(size_t size);
void __wrap_free(void *ptr);
void *__wrap_calloc(size_t nmemb, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
#endif

/// Link-time seam: where lines go. Context: task.
void prism_compat_log(const char *line);
/// The instance underneath: counters of wrong frees, tags, alerts. NULL before init.
hf_mem_t *prism_compat_mem(void);

#ifdef __cplusplus
}
#endif

#endif

#if defined(PRISM_MEMORY_POOL_IMPLEMENTATION) && !defined(PRISM_MEMORY_POOL_IMPLEMENTED)
#define PRISM_MEMORY_POOL_IMPLEMENTED

#include "holdfast/hf_clock.h"
#include "holdfast/hf_critical.h"
#include "holdfast/hf_text.h"

#include <string.h>

// Mean of durations. Written in a critical section: 64 bits are no atomic on these processors.
typedef struct prism_compat_mean {
    uint64_t sum_us;
    uint32_t count;
} prism_compat_mean_t;

static struct {
    hf_mem_prism_t storage;
    hf_mem_t mem;
    hf_atomic_u32_t is_ready; // stored last
    prism_compat_mean_t alloc, free;
    uint32_t allocs_at_reset; // what is in use then stays taken
} prism_compat;

static bool prism_compat_is_ready(void)
{
    return atomic_load_explicit(&prism_compat.is_ready, memory_order_acquire) != 0;
}

static void prism_compat_note(prism_compat_mean_t *mean, uint64_t since_us)
{
    const uint64_t took_us = hf_port_now_us() - since_us;
    uint32_t was = hf_critical_enter();
    mean->sum_us += took_us;
    mean->count++;
    hf_critical_exit(was);
}

static uint32_t prism_compat_mean_us(const prism_compat_mean_t *mean)
{
    uint32_t was = hf_critical_enter();
    const prism_compat_mean_t now = *mean;
    hf_critical_exit(was);
    return now.count == 0 ? 0 : (uint32_t)((now.sum_us + now.count / 2u) / now.count);
}

hf_mem_t *prism_compat_mem(void)
{
    return prism_compat_is_ready() ? &prism_compat.mem : NULL;
}

esp_err_t prism_pool_init(void)
{
    if (prism_compat_is_ready()) {
        return ESP_OK;
    }
    const hf_mem_config_t config = hf_mem_prism(&prism_compat.storage);
    if (hf_mem_init(&prism_compat.mem, &config) != HF_OK) {
        return ESP_ERR_NO_MEM;
    }
    atomic_store_explicit(&prism_compat.is_ready, 1u, memory_order_release);
    return ESP_OK;
}

void *prism_pool_alloc(size_t size)
{
    if (!prism_compat_is_ready() || size == 0) {
        return NULL;
    }
    const uint64_t from_us = hf_port_now_us();
    void *block = hf_mem_take(&prism_compat.mem, size);
#if !CONFIG_HF_POOL_FILL
    if (block != NULL) {
        memset(block, 0, hf_mem_block_bytes(&prism_compat.mem, block));
    }
#endif
    if (block != NULL) {
        prism_compat_note(&prism_compat.alloc, from_us);
    }
    return block;
}

void prism_pool_free(void *ptr)
{
    if (ptr == NULL || !prism_compat_is_ready()) {
        return;
    }
    const uint64_t from_us = hf_port_now_us();
    if (hf_mem_give(&prism_compat.mem, ptr) == HF_OK) { // what was wrong is counted there
        prism_compat_note(&prism_compat.free, from_us);
    }
}

static hf_mem_tier_stats_t prism_compat_tier(uint32_t tier)
{
    hf_mem_tier_stats_t stats;
    memset(&stats, 0, sizeof stats);
    const int found = hf_mem_tier_stats(&prism_compat.mem, tier, &stats);
    HF_ASSERT(found == HF_OK); // the preset has three
    return stats;
}

esp_err_t prism_pool_get_stats(pool_stats_t *stats)
{
    if (stats == NULL || !prism_compat_is_ready()) {
        return ESP_ERR_INVALID_ARG;
    }
    const hf_mem_tier_stats_t t256 = prism_compat_tier(0);
    const hf_mem_tier_stats_t t1k = prism_compat_tier(1);
    const hf_mem_tier_stats_t t4k = prism_compat_tier(2);
    const hf_mem_stats_t all = hf_mem_stats(&prism_compat.mem);
    stats->blocks_free_256b = t256.capacity - t256.in_use;
    stats->blocks_free_1k = t1k.capacity - t1k.in_use;
    stats->blocks_free_4k = t4k.capacity - t4k.in_use;
    stats->total_allocs = t256.takes + t1k.takes + t4k.takes - prism_compat.allocs_at_reset;
    stats->total_frees = t256.gives + t1k.gives + t4k.gives;
    stats->failed_allocs = all.failures - all.zero_size;
    stats->peak_usage_256b = t256.peak;
    stats->peak_usage_1k = t1k.peak;
    stats->peak_usage_4k = t4k.peak;
    stats->alloc_time_us = prism_compat_mean_us(&prism_compat.alloc);
    stats->free_time_us = prism_compat_mean_us(&prism_compat.free);
    return ESP_OK;
}

bool prism_pool_is_pool_memory(const void *ptr)
{
    return prism_compat_is_ready() && hf_mem_owns(&prism_compat.mem, ptr);
}

void prism_pool_reset_stats(void)
{
    if (!prism_compat_is_ready()) {
        return;
    }
    hf_mem_reset_stats(&prism_compat.mem);
    prism_compat.allocs_at_reset = 0;
    for (uint32_t i = 0; i < 3; i++) {
        prism_compat.allocs_at_reset += prism_compat_tier(i).takes;
    }
    uint32_t was = hf_critical_enter();
    memset(&prism_compat.alloc, 0, sizeof prism_compat.alloc);
    memset(&prism_compat.free, 0, sizeof prism_compat.free);
    hf_critical_exit(was);
}

void prism_pool_dump_state(void)
{
    pool_stats_t stats;
    char line[96];
    if (prism_pool_get_stats(&stats) != ESP_OK) {
        prism_compat_log("POOL: not initialised");
        return;
    }
    for (uint32_t i = 0; i < 3; i++) {
        const hf_mem_tier_stats_t tier = prism_compat_tier(i);
        hf_builder_t text;
        hf_builder_init(&text, line, sizeof line);
        hf_builder_format(&text, "POOL: %u B: %u/%u free (peak usage %u)",
                          (unsigned)tier.block_bytes, (unsigned)(tier.capacity - tier.in_use),
                          (unsigned)tier.capacity, (unsigned)tier.peak);
        prism_compat_log(line);
    }
    hf_builder_t text;
    hf_builder_init(&text, line, sizeof line);
    hf_builder_format(&text, "POOL: %u allocs, %u frees, %u failed, mean %u us and %u us",
                      (unsigned)stats.total_allocs, (unsigned)stats.total_frees,
                      (unsigned)stats.failed_allocs, (unsigned)stats.alloc_time_us,
                      (unsigned)stats.free_time_us);
    prism_compat_log(line);
}

#endif
