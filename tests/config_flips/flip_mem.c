// SPDX-License-Identifier: MIT
// Observations of the instance and of the preset that Kconfig configures.
#include "flip.h"
#include "holdfast/hf_mem_presets.h"
#include "holdfast/hf_region.h"

#include <string.h>

#define HUNDRED(X)   X(only, 32, 100)
#define TWO(X)       X(small, 32, 2) X(large, 64, 2)
#define REGION_BYTES 2048u

static hf_mem_t mem;
static HF_MEM_STORAGE(HUNDRED) hundred;
static HF_MEM_STORAGE(TWO) two;
static const hf_tier_size_t hundred_sizes[] = HF_TIER_SIZES(HUNDRED);
static const hf_tier_size_t two_sizes[] = HF_TIER_SIZES(TWO);

/// An instance that may go up is asked for one block more than its small tier has.
int flip_mem_strict(void)
{
    const hf_mem_config_t config =
        HF_MEM_CONFIG("two", two, two_sizes, 0, .policy = {.spill = HF_MEM_ANY_UP});
    if (hf_mem_init(&mem, &config) != HF_OK || hf_mem_take(&mem, 20) == NULL ||
        hf_mem_take(&mem, 20) == NULL) {
        return -1;
    }
    return hf_mem_take(&mem, 20) == NULL ? FLIP_YES : FLIP_NO;
}

/// A region may serve what no tier can, or is refused as part of the config.
int flip_mem_region_fallback(void)
{
    static HF_REGION_STORAGE(REGION_BYTES) memory;
    static hf_region_t region;
    const hf_region_config_t range = {
        .name = "spill", .memory = memory.memory, .bytes = REGION_BYTES, .meta = memory.meta};
    hf_mem_config_t config = HF_MEM_CONFIG("two", two, two_sizes, 0, .policy = {.region = true});
    config.region = &region;
    if (hf_region_init(&region, &range) != HF_OK) {
        return -1;
    }
    const int status = hf_mem_init(&mem, &config);
    if (status == HF_E_ARGUMENT) {
        return FLIP_NO;
    }
    void *block = hf_mem_take(&mem, 500);
    return status == HF_OK && hf_region_owns(&region, block) && hf_mem_give(&mem, block) == HF_OK
               ? FLIP_YES
               : -1;
}

int flip_mem_tags_max(void)
{
    static const hf_mem_tag_t tags[128];
    int accepted = 0;
    for (uint32_t count = 1; count <= HF_COUNT_OF(tags); count++) {
        const hf_mem_config_t config =
            HF_MEM_CONFIG("two", two, two_sizes, 0, .tags = tags, .tag_count = count);
        accepted = hf_mem_init(&mem, &config) == HF_OK ? (int)count : accepted;
    }
    return accepted;
}

/// Of the two small blocks a normal request gets one, an emergency the other.
int flip_mem_reserve(void)
{
    static const uint16_t reserve[] = {1, 0};
    const hf_mem_config_t config = HF_MEM_CONFIG("two", two, two_sizes, 0, .reserve = reserve);
    const int status = hf_mem_init(&mem, &config);
    if (status == HF_E_ARGUMENT) {
        return FLIP_NO;
    }
    return status == HF_OK && hf_mem_take(&mem, 20) != NULL && hf_mem_take(&mem, 20) == NULL &&
                   hf_mem_take_emergency(&mem, 20) != NULL
               ? FLIP_YES
               : -1;
}

/// Blocks of a hundred in use when the alert is raised.
static int percent_of(bool is_critical)
{
    const hf_mem_config_t config =
        HF_MEM_CONFIG("hundred", hundred, hundred_sizes, 0, .policy = {.spill = HF_MEM_STRICT});
    int used = 0;
    if (hf_mem_init(&mem, &config) != HF_OK) {
        return -1;
    }
    while (used < 100 && !(is_critical ? hf_mem_is_critical(&mem, HF_MEM_TIER_ALL)
                                       : hf_mem_is_low(&mem, HF_MEM_TIER_ALL))) {
        used += hf_mem_take(&mem, 32) != NULL ? 1 : 100;
    }
    return used;
}

int flip_mem_low_percent(void)
{
    return percent_of(false);
}

int flip_mem_critical_percent(void)
{
    return percent_of(true);
}

static int tier_of(unsigned number, hf_mem_tier_stats_t *stats)
{
    static hf_mem_configured_t storage;
    static const char *const names[] = {"tier1", "tier2", "tier3", "tier4", "tier5"};
    const hf_mem_config_t config = hf_mem_configured(&storage);
    *stats = (hf_mem_tier_stats_t){0};
    if (hf_mem_init(&mem, &config) != HF_OK) {
        return -1;
    }
    for (uint32_t i = 0; i < hf_mem_tier_count(&mem); i++) {
        if (hf_mem_tier_stats(&mem, i, stats) == HF_OK &&
            strcmp(stats->name, names[number - 1u]) == 0) {
            return 0;
        }
    }
    *stats = (hf_mem_tier_stats_t){0};
    return 0;
}

int flip_tier_bytes(unsigned number)
{
    hf_mem_tier_stats_t stats;
    return tier_of(number, &stats) < 0 ? -1 : (int)stats.block_bytes;
}

/// Counted by taking all there are, one by one.
int flip_tier_count(unsigned number)
{
    const hf_mem_policy_t strict = {.spill = HF_MEM_STRICT};
    hf_mem_tier_stats_t stats;
    void *block;
    int served = 0;
    if (tier_of(number, &stats) < 0) {
        return -1;
    }
    const hf_mem_request_t request = {.bytes = stats.block_bytes, .policy = &strict};
    while (stats.block_bytes > 0 && hf_mem_request(&mem, &request, &block) == HF_OK) {
        served++;
    }
    return served;
}
