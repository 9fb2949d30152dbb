// SPDX-License-Identifier: MIT
// What telemetry tells of the runtime's own pools and locks: the readers for hf_telemetry_config_t. Each reads counters,
// holds nothing and walks over nothing.
#ifndef HF_TELEMETRY_SOURCES_H
#define HF_TELEMETRY_SOURCES_H

#include "holdfast/hf_mutex.h"
#include "holdfast/hf_pool.h"
#include "holdfast/hf_telemetry.h"

#ifdef __cplusplus
extern "C" {
#endif

/// One pool as a line; without CONFIG_HF_POOL_STATISTICS the peak is what is in use. name NULL: the pool's own.
void hf_telemetry_pool_line(const hf_pool_t *pool, const char *name, hf_line_pool_t *line);

typedef struct hf_telemetry_pools {
    const hf_pool_t *const *pool;
    const char *const *name; // NULL: their own
} hf_telemetry_pools_t;
/// For read_pool; `of` is a hf_telemetry_pools_t of at least pool_count.
bool hf_telemetry_read_pools(const void *of, uint32_t index, hf_line_pool_t *line);

#if CONFIG_HF_MUTEX
typedef struct hf_telemetry_locks {
    const hf_mutex_t *const *mutex;
    const hf_tasks_t *tasks; // names holder and waiter; NULL: nobody is named
} hf_telemetry_locks_t;
/// For read_lock; `of` is a hf_telemetry_locks_t of at least lock_count.
bool hf_telemetry_read_locks(const void *of, uint32_t index, hf_line_lock_t *line);
#endif

#ifdef __cplusplus
}
#endif

#endif
