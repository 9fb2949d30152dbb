// SPDX-License-Identifier: MIT
// What telemetry reads: the pools and queues of the daemon, and the budget of memory, where one was put under the process
// (LD_PRELOAD): looked for by name, so that nobody has to have it. Context of everything: main.
#ifndef DAEMON_SOURCES_H
#define DAEMON_SOURCES_H

#include "daemon_device.h"

#if CONFIG_HF_TELEMETRY

/// Queues are told beside the pools: bounded alike. What lies in the journal is many and by design. Regions of the budget
/// are told as pools of bytes, after the pools.
enum {
    DAEMON_POOL_READINGS,
    DAEMON_POOL_EVENTS,
    DAEMON_POOL_JOURNAL,
    DAEMON_POOL_PORTAL,
    DAEMON_POOL_REGIONS
};
#define DAEMON_POOLS (DAEMON_POOL_REGIONS + DAEMON_REGIONS)

void daemon_sources_find_budget(daemon_budget_t *budget);
void daemon_sources_read_regions(daemon_budget_t *budget);
/// Of the region `internal`, as stated; 0: no budget.
uint32_t daemon_sources_heap_bytes(const daemon_budget_t *budget);
/// As hf_telemetry_config_t has it, of a daemon_device_t.
HF_MUST_CHECK int daemon_sources_memory(void *ctx, hf_memory_t *memory);
/// The same, of a daemon_t; false: there is no such line.
HF_MUST_CHECK bool daemon_sources_pool(const void *of, uint32_t index, hf_line_pool_t *line);

#endif

#endif
