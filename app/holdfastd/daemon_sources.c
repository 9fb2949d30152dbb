// SPDX-License-Identifier: MIT
// What telemetry reads (daemon_sources.h).
#include "daemon_sources.h"

#include "daemon.h"

#include <string.h>

#include <dlfcn.h>

int daemon_sources_memory(void *ctx, hf_memory_t *memory)
{
    daemon_device_t *device = ctx;
    return device->budget.read != NULL ? device->budget.read(memory) : HF_E_UNSUPPORTED;
}

// ISO C has no cast from an object's pointer to a function's.
void daemon_sources_find_budget(daemon_budget_t *budget)
{
    void *read = dlsym(RTLD_DEFAULT, "holdfast_malloc_read");
    void *region = dlsym(RTLD_DEFAULT, "holdfast_malloc_region");
    void *failures = dlsym(RTLD_DEFAULT, "holdfast_malloc_failures");
    void *arm = dlsym(RTLD_DEFAULT, "holdfast_malloc_arm");
    memcpy(&budget->read, &read, sizeof read);
    memcpy(&budget->region, &region, sizeof region);
    memcpy(&budget->failures, &failures, sizeof failures);
    memcpy(&budget->arm, &arm, sizeof arm);
}

void daemon_sources_read_regions(daemon_budget_t *budget)
{
    holdfast_malloc_failures_t failures;
    budget->regions = 0;
    while (budget->region != NULL && budget->regions < DAEMON_REGIONS &&
           budget->region(budget->regions, &budget->of[budget->regions]) == HF_OK) {
        char *name = budget->name[budget->regions];
        if (name[0] == '\0') { // once: others read it
            memcpy(name, "heap_", 5);
            memcpy(name + 5, budget->of[budget->regions].name, HOLDFAST_MALLOC_NAME_BYTES);
        }
        budget->regions++;
    }
    if (budget->failures != NULL && budget->failures(&failures) == HF_OK) {
        budget->wrong_gives = failures.double_gives + failures.foreign + failures.corrupt;
    }
}

static bool is_internal(const holdfast_malloc_region_t *region)
{
    return strcmp(region->name, "internal") == 0;
}

uint32_t daemon_sources_heap_bytes(const daemon_budget_t *budget)
{
    for (uint32_t i = 0; i < budget->regions; i++) {
        if (is_internal(&budget->of[i])) {
            return (uint32_t)budget->of[i].size_bytes;
        }
    }
    return 0;
}

static bool region_line(const daemon_budget_t *budget, uint32_t number, hf_line_pool_t *line)
{
    if (number >= budget->regions) {
        return false;
    }
    const holdfast_malloc_region_t *region = &budget->of[number];
    *line = (hf_line_pool_t){.name = budget->name[number],
                             .block_bytes = 1,
                             .capacity = (uint32_t)region->size_bytes,
                             .in_use = (uint32_t)region->used_bytes,
                             .peak = (uint32_t)region->peak_used_bytes,
                             .free_min = (uint32_t)region->min_free_bytes,
                             .exhausted = region->refused,
                             .wrong_gives = is_internal(region) ? budget->wrong_gives : 0};
    return true;
}

static void queue_line(const hf_queue_t *queue, hf_line_pool_t *line)
{
    *line = (hf_line_pool_t){.name = "events",
                             .block_bytes = queue->item_bytes,
                             .capacity = EVSE_EVENTS_CAPACITY,
                             .in_use = hf_queue_count(queue),
                             .exhausted = atomic_load(&queue->refused)};
    line->peak = line->in_use;
#if CONFIG_HF_POOL_STATISTICS
    line->peak = atomic_load(&queue->peak);
#endif
}

static void journal_line(const daemon_t *daemon, hf_line_pool_t *line)
{
    const evse_comms_view_t *view = &daemon->device.comms;
    *line = (hf_line_pool_t){.name = "journal_queue",
                             .block_bytes = sizeof(evse_queued_t),
                             .capacity = CONFIG_EVSE_MESSAGES_MAX,
                             .in_use = view->queue,
                             .peak = daemon->device.queue_peak};
}

static void portal_line(const daemon_t *daemon, hf_line_pool_t *line)
{
    *line = (hf_line_pool_t){.name = "portal"}; // none, or closed
#if CONFIG_HOLDFASTD_STATUS_PAGE
    if (daemon->portal.is_open) {
        hf_telemetry_pool_line(&daemon->portal.portal.buffers, "portal", line);
    }
#else
    (void)daemon;
#endif
}

bool daemon_sources_pool(const void *of, uint32_t index, hf_line_pool_t *line)
{
    const daemon_t *daemon = of;
    switch (index) {
    case DAEMON_POOL_READINGS:
        hf_telemetry_pool_line(&daemon->evse.store.messages, "readings", line);
        return true;
    case DAEMON_POOL_EVENTS:
        queue_line(&daemon->evse.mailbox.events, line);
        break;
    case DAEMON_POOL_JOURNAL:
        journal_line(daemon, line);
        break;
    case DAEMON_POOL_PORTAL:
        portal_line(daemon, line);
        break;
    default:
        return region_line(&daemon->device.budget, index - DAEMON_POOL_REGIONS, line);
    }
    line->free_min = line->capacity - line->peak;
    return true;
}
