// SPDX-License-Identifier: MIT
// Pools and locks of the runtime, as telemetry tells them. No state.
#include "holdfast/hf_telemetry_sources.h"

void hf_telemetry_pool_line(const hf_pool_t *pool, const char *name, hf_line_pool_t *line)
{
    const hf_pool_stats_t stats = hf_pool_stats(pool);
    *line = (hf_line_pool_t)
    {
        .name = name != NULL ? name : hf_pool_name(pool), .block_bytes = stats.block_bytes,
        .capacity = stats.capacity, .in_use = stats.in_use,
#if CONFIG_HF_POOL_STATISTICS
        .peak = stats.peak, .free_min = stats.min_free,
#else
        .peak = stats.in_use, .free_min = stats.capacity - stats.in_use,
#endif
        .exhausted = stats.exhausted,
        .wrong_gives = stats.foreign + stats.interior + stats.double_gives,
    };
}

bool hf_telemetry_read_pools(const void *of, uint32_t index, hf_line_pool_t *line)
{
    const hf_telemetry_pools_t *pools = of;
    hf_telemetry_pool_line(pools->pool[index], pools->name != NULL ? pools->name[index] : NULL,
                           line);
    return true;
}

#if CONFIG_HF_MUTEX

static const char *name_of(const hf_tasks_t *tasks, uint32_t task)
{
    return tasks != NULL && task < tasks->count ? tasks->task[task].info.name : NULL;
}

bool hf_telemetry_read_locks(const void *of, uint32_t index, hf_line_lock_t *line)
{
    const hf_telemetry_locks_t *locks = of;
    const hf_mutex_t *mutex = locks->mutex[index];
    hf_mutex_timeout_t timeout;
    *line = (hf_line_lock_t){.name = mutex->name};
    if (hf_mutex_last_timeout(mutex, &timeout) == HF_OK) {
        line->holder = name_of(locks->tasks, timeout.holder);
        line->waiter = name_of(locks->tasks, timeout.waiter);
        line->held_ms = timeout.held_us / 1000u;
        line->timeouts = timeout.count;
    }
    return true;
}

#endif
