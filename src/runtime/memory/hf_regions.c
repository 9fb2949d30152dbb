// SPDX-License-Identifier: MIT
// Which region serves a request. A reserve is kept by a look within the guarded step of the take: the largest block, less
// what is asked, must still hold it.
#include "holdfast/hf_regions.h"

#include "hf_region_private.h"
#include "holdfast/hf_critical.h"

#include <string.h>

static const uint32_t large_first[] = {HF_CAP_EXTERNAL, HF_CAP_INTERNAL};
static const uint32_t fast_first[] = {HF_CAP_FAST, HF_CAP_INTERNAL, 0};

const hf_regions_request_t hf_regions_large = {.preferences = large_first,
                                               .preference_count = HF_COUNT_OF(large_first)};
const hf_regions_request_t hf_regions_dma = {.required = HF_CAP_DMA};
const hf_regions_request_t hf_regions_fast = {.preferences = fast_first,
                                              .preference_count = HF_COUNT_OF(fast_first)};

static bool has_all(uint32_t capabilities, uint32_t wanted)
{
    return (capabilities & wanted) == wanted;
}

static void count(uint32_t *counter)
{
    const uint32_t was = hf_critical_enter();
    ++*counter;
    hf_critical_exit(was);
}

int hf_regions_init(hf_regions_t *regions, const hf_regions_entry_t *entries, uint32_t count_given)
{
    if (regions == NULL || entries == NULL || count_given == 0 || count_given > HF_REGIONS_MAX) {
        return HF_E_ARGUMENT;
    }
    for (uint32_t i = 0; i < count_given; i++) {
        if (entries[i].region == NULL || entries[i].capabilities == 0) {
            return HF_E_ARGUMENT;
        }
    }
    *regions = (hf_regions_t){.count = count_given};
    memcpy(regions->entries, entries, count_given * sizeof entries[0]);
    return HF_OK;
}

/// Whether all of the region is there for a request that names these capabilities.
static bool is_open(const hf_regions_entry_t *entry, uint32_t named)
{
    return entry->reserved_for == 0 || has_all(named, entry->reserved_for);
}

/// Takes for a request that names these capabilities, unless that would cut into what is reserved for others. What is left
/// of the largest block must serve the reserve: a take may pass over a block up to 1/32 larger than asked, hence the margin.
static void *take_from(const hf_regions_entry_t *entry, uint32_t named, size_t bytes)
{
    if (is_open(entry, named)) {
        return hf_region_take(entry->region, bytes);
    }
    if (entry->reserve_bytes == UINT32_MAX) {
        return NULL;
    }
    const size_t margin =
        entry->reserve_bytes / 32u + HF_REGION_HEADER_BYTES + 2u * (size_t)HF_REGION_GRANULE_BYTES;
    return hf_region_take_leaving(entry->region, bytes, entry->reserve_bytes + margin);
}

void *hf_regions_take(hf_regions_t *regions, size_t bytes, const hf_regions_request_t *request)
{
    uint32_t asked = 0; // regions that were tried for an earlier preference
    const uint32_t rounds = request->preference_count != 0 ? request->preference_count : 1u;
    for (uint32_t round = 0; round < rounds; round++) {
        const uint32_t preference =
            request->preference_count != 0 ? request->preferences[round] : 0;
        const uint32_t named = request->required | preference;
        for (uint32_t i = 0; i < regions->count; i++) {
            const hf_regions_entry_t *entry = &regions->entries[i];
            if ((asked >> i & 1u) != 0 || !has_all(entry->capabilities, named)) {
                continue;
            }
            asked |= is_open(entry, named) ? 1u << i : 0;
            void *block = take_from(entry, named, bytes);
            if (block != NULL) {
                if (round != 0) {
                    count(&regions->fallbacks[i]);
                }
                return block;
            }
        }
    }
    count(&regions->failed);
    return NULL;
}

hf_region_t *hf_regions_owner(const hf_regions_t *regions, const void *address)
{
    for (uint32_t i = 0; i < regions->count; i++) {
        if (hf_region_owns(regions->entries[i].region, address)) {
            return regions->entries[i].region;
        }
    }
    return NULL;
}

int hf_regions_give(hf_regions_t *regions, void *block)
{
    hf_region_t *owner = hf_regions_owner(regions, block);
    if (owner == NULL) {
        count(&regions->foreign);
        return HF_E_FOREIGN;
    }
    return hf_region_give(owner, block);
}

hf_regions_stats_t hf_regions_stats(const hf_regions_t *regions)
{
    hf_regions_stats_t sum = {.failed = regions->failed, .foreign = regions->foreign};
    for (uint32_t i = 0; i < regions->count; i++) {
        const hf_region_stats_t one = hf_region_stats(regions->entries[i].region);
        sum.capacity_bytes += one.capacity_bytes;
        sum.used_bytes += one.used_bytes;
        sum.free_bytes += one.free_bytes;
        sum.takes += one.takes;
        sum.gives += one.gives;
        sum.wrong_gives += one.interior + one.double_gives;
        sum.corrupt += one.corrupt;
        sum.fallbacks += regions->fallbacks[i];
        if (one.largest_servable_bytes > sum.largest_servable_bytes) {
            sum.largest_servable_bytes = one.largest_servable_bytes;
        }
    }
    return sum;
}
