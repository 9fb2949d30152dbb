// SPDX-License-Identifier: MIT
// Regions side by side (internal, PSRAM, DMA) and which one serves a request: by what the memory must be able to do, and a
// list of what it should rather be. A part of a region may be reserved for requests that name a capability: others are
// refused there before they cut into it, whoever takes at the same time by way of the set; takes from a region itself see
// no reserve. Invariant: every block is given to the region it came from.
// Context of every call: as the guards of the regions say, which should be the same for all; the counters of the set are
// kept under the critical section of hf_critical.h.
#ifndef HF_REGIONS_H
#define HF_REGIONS_H

#include "holdfast/hf_region.h"

#ifdef __cplusplus
extern "C" {
#endif

// What memory can do. The numbers from HF_CAP_USER on are the application's.
#define HF_CAP_INTERNAL 0x01u // on the chip
#define HF_CAP_EXTERNAL 0x02u // behind a bus: PSRAM
#define HF_CAP_DMA      0x04u // a peripheral can reach it
#define HF_CAP_FAST     0x08u // no wait states
#define HF_CAP_RETAINED 0x10u // survives a sleep
#define HF_CAP_USER     0x100u

#define HF_REGIONS_MAX 8u

typedef struct hf_regions_entry {
    hf_region_t *region;   // ready for use
    uint32_t capabilities; // HF_CAP_..., at least one
    uint32_t reserved_for; // requests that name all of these may use the reserve; 0: there is none
    uint32_t
        reserve_bytes; // one block of this size stays servable for them; UINT32_MAX: all of the region
} hf_regions_entry_t;

/// What memory is wanted: all of `required`; of that the regions that also have all of preferences[0], then [1] and so on.
/// A request names the capabilities of `required` and of the preference under way. Without preferences: any that will do.
typedef struct hf_regions_request {
    uint32_t required;
    uint32_t preference_count;
    const uint32_t *preferences;
} hf_regions_request_t;

/// Large buffers: external memory first, then internal; leaves reserves for DMA alone.
extern const hf_regions_request_t hf_regions_large;
/// Buffers of peripherals: DMA-capable or nothing.
extern const hf_regions_request_t hf_regions_dma;
/// Small and often used: fast, then internal, then anything; leaves reserves for DMA alone.
extern const hf_regions_request_t hf_regions_fast;

typedef struct hf_regions {
    hf_regions_entry_t entries[HF_REGIONS_MAX];
    uint32_t count;
    uint32_t fallbacks[HF_REGIONS_MAX]; // takes that the region served, but not as first preference
    uint32_t failed;                    // takes that no region served
    uint32_t foreign;                   // gives of what is of no region
} hf_regions_t;

typedef struct hf_regions_stats {
    size_t capacity_bytes, used_bytes, free_bytes; // sums
    size_t largest_servable_bytes;                 // of any region, reserves included
    uint32_t takes, gives;                         // sums
    uint32_t fallbacks, failed, foreign;
    uint32_t wrong_gives; // interior and double, of all regions
    uint32_t corrupt;     // of all regions
} hf_regions_stats_t;

/// HF_E_ARGUMENT for a count of 0 or above HF_REGIONS_MAX, a region that is missing or has no capability.
/// Context: before anybody else knows the set.
HF_MUST_CHECK int hf_regions_init(hf_regions_t *regions, const hf_regions_entry_t *entries,
                                  uint32_t count);

/// Takes from the first region that matches, in the order of the preferences and then of the entries, and has room outside
/// of what is reserved for others. Served by anything but the first preference: counts `fallbacks` of that region.
/// Returns NULL when none does; counts `failed` (and each region that was asked counts its own).
/// Cost: O(preferences * regions). Owner: the caller, until hf_regions_give().
void *hf_regions_take(hf_regions_t *regions, size_t bytes, const hf_regions_request_t *request);
/// Gives a block back to its region. HF_E_FOREIGN when it is of none (counts `foreign`), else as hf_region_give().
HF_MUST_CHECK int hf_regions_give(hf_regions_t *regions, void *block);
/// The region that an address is of, NULL when of none.
hf_region_t *hf_regions_owner(const hf_regions_t *regions, const void *address);
/// Cost: O(regions), no lock. Of one region: hf_region_stats() and regions->fallbacks.
hf_regions_stats_t hf_regions_stats(const hf_regions_t *regions);

#ifdef __cplusplus
}
#endif

#endif
