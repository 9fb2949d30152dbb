// SPDX-License-Identifier: MIT
// One instance of memory by size: tiers of fixed blocks (or slabs), and the policy over them. What a request does when its
// tier is exhausted (nothing, a larger tier, a region, a bounded wait), who owns what (tags, quotas), what is kept back for
// emergencies, when somebody is told.
// Invariants: a request ends in a block or in exactly one named counter; per tier and per tag takes - gives = in use; a
// normal request never takes the last `reserve` blocks of a tier; no callback runs but from hf_mem_poll(), and none inside
// another. Every counter is exact at any moment nothing else runs, under any number of tasks and interrupts before; 32-bit
// counters wrap, byte totals are 64 bit. While others run, a figure is one that held at some moment of the call.
// Context of every call, unless it says other: task or ISR, any core.
#ifndef HF_MEM_H
#define HF_MEM_H

#include "holdfast/hf_tier.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hf_slab;
struct hf_region;
struct hf_trace;
struct hf_histogram;

#define HF_MEM_TAG_RUNNING 0xFFu // of a request: whatever the seam `running_tag` says
#define HF_MEM_TIER_ALL    0xFFu // of an alert: the instance as a whole
#define HF_MEM_TIERS_MAX   31u   // classes of a slab beneath an instance; tiers are fewer

/// What a request does when the smallest tier that fits has no block for it.
typedef enum hf_mem_spill {
    HF_MEM_STRICT, // nothing
    HF_MEM_ONE_UP, // the next larger tier
    HF_MEM_ANY_UP, // every larger tier, ascending
} hf_mem_spill_t;

/// In order: the smallest tier, larger tiers, the region, waiting. CONFIG_HF_MEM_STRICT leaves only the first and the last.
typedef struct hf_mem_policy {
    hf_mem_spill_t spill;
    bool
        region; // then from the region; also what is larger than every tier. CONFIG_HF_MEM_REGION_FALLBACK
    uint32_t wait_us; // then wait so long at most; 0: not at all
} hf_mem_policy_t;

/// An owner. Bytes count as blocks do: what the owner holds, not what it asked for.
typedef struct hf_mem_tag {
    const char *name;    // static text
    uint32_t soft_bytes; // above it the owner is told of, once, again after 5 % less; 0: never
    uint32_t hard_bytes; // above it a request is refused; 0: never
} hf_mem_tag_t;

typedef enum hf_mem_alert_kind {
    HF_MEM_ALERT_LOW,      // use reached low_percent
    HF_MEM_ALERT_CRITICAL, // use reached critical_percent
    HF_MEM_ALERT_SOFT      // a tag holds more than its soft quota
} hf_mem_alert_kind_t;

typedef struct hf_mem_alert {
    hf_mem_alert_kind_t kind;
    bool is_raised;        // false: it is over (5 points below)
    uint8_t tier;          // LOW, CRITICAL: the tier, or HF_MEM_TIER_ALL
    hf_tag_t tag;          // SOFT
    uint32_t use_permille; // now, of the tier or instance; SOFT: of the quota
} hf_mem_alert_t;

/// The last of the requests that got nothing since the last call.
typedef struct hf_mem_failure {
    uint32_t count; // since the last call
    uint32_t bytes;
    hf_tag_t tag;
    int status;
} hf_mem_failure_t;

/// What lies outside. Each may be NULL. None may block but `wait`.
typedef struct hf_mem_seams {
    void *ctx;
    /// The tag of who runs now; 0 in an ISR. Context: as the request. NULL: 0 always.
    hf_tag_t (*running_tag)(void *ctx);
    /// Waits at most so long, less when it knows of a give; returns how long it was, in microseconds. 0: waiting is not
    /// possible here (ISR, scheduler not started). May block. NULL: never possible.
    uint32_t (*wait)(void *ctx, uint32_t us);
    /// Context: the caller of hf_mem_poll(). Both may take and give, and may call hf_mem_poll(), which then does nothing.
    void (*on_alert)(void *ctx, const hf_mem_alert_t *alert);
    void (*on_failure)(void *ctx, const hf_mem_failure_t *failure);
} hf_mem_seams_t;

/// Members belong to the implementation: use at or above `on` raises an alert, below `off` ends it.
typedef struct hf_mem_level {
    uint32_t on, off;
} hf_mem_level_t;

/// What an instance knows of one tier or class; its members belong to the implementation.
typedef struct hf_mem_tier_state {
    uintptr_t first_block;
    uint32_t block_bytes, stride, capacity;
    uint32_t normal_max; // capacity less the reserve
    uint32_t first_record;
    hf_mem_level_t low, critical; // blocks
    hf_atomic_u32_t in_use, peak, takes, gives, emergencies;
    hf_atomic_u32_t spilled_up, spilled_region, waited, failed, wait_timeouts, wait_refused;
} hf_mem_tier_state_t;

typedef struct hf_mem_config {
    const char *name;       // static text
    hf_tier_config_t tiers; // size_count 0: slabs instead
    struct hf_slab *slab;   // CONFIG_HF_SLAB; NULL with tiers. Initialised, for this instance alone
    struct hf_region *region;    // of the policy `region`; NULL: none. Initialised; its guard says
                                 // which contexts may use that policy and give what came of it
    hf_mem_tier_state_t *states; // one per tier, or per class of the slab
    uint32_t state_count;
    hf_atomic_u32_t *records; // one word per block: HF_MEM_RECORDS(list), or HF_MEM_SLAB_RECORDS
    uint32_t record_count;
    hf_mem_policy_t policy;
    const hf_mem_tag_t *tags; // of tags 0 to tag_count - 1; NULL: none but 0
    uint32_t tag_count;       // at most CONFIG_HF_MEM_TAGS_MAX
    // Blocks of each of `tiers.sizes` that only emergencies take, fewer than its count; NULL: none. CONFIG_HF_MEM_RESERVE.
    // A slab reserves by itself (hf_slab_size_t).
    const uint16_t *reserve;
    uint8_t low_percent; // of what normal requests may use, 50 to 95; 0: CONFIG_HF_MEM_LOW_PERCENT
    uint8_t critical_percent;   // 80 to 99, not below low; 0: CONFIG_HF_MEM_CRITICAL_PERCENT
    uint32_t alert_interval_us; // at least so long between two rounds of callbacks; 0: no limit
    hf_mem_seams_t seams;
} hf_mem_config_t;

/// Words of `records` of a tier list; of a slab whose blocks lie in so many bytes and are at least so large.
#define HF_MEM_RECORDS(LIST)                             HF_TIER_BLOCKS(LIST)
#define HF_MEM_SLAB_RECORDS(pages_bytes, smallest_bytes) ((pages_bytes) / (smallest_bytes))

/// Storage of an instance over a tier list, and the initialiser of its config.
#define HF_MEM_STORAGE(LIST)                                                                       \
    struct {                                                                                       \
        HF_TIER_STORAGE(LIST) tiers;                                                               \
        hf_mem_tier_state_t states[HF_TIER_POOLS(LIST)];                                           \
        hf_atomic_u32_t records[HF_MEM_RECORDS(LIST)];                                             \
    }
#define HF_MEM_CONFIG(mem_name, storage, size_list, pool_options, ...)                             \
    {                                                                                              \
        .name = (mem_name), .tiers = HF_TIER_CONFIG((storage).tiers, size_list, pool_options),     \
        .states = (storage).states, .state_count = HF_COUNT_OF((storage).states),                  \
        .records = (storage).records, .record_count = HF_COUNT_OF((storage).records), __VA_ARGS__  \
    }

typedef struct hf_mem hf_mem_t; // defined below; its members belong to the implementation

/// A request in full. What is left 0 is tag 0 and, with a NULL policy, that of the instance.
typedef struct hf_mem_request {
    size_t bytes;
    hf_tag_t tag;      // or HF_MEM_TAG_RUNNING
    bool is_emergency; // may use the reserve
    const hf_mem_policy_t *policy;
} hf_mem_request_t;

/// HF_E_ARGUMENT: neither tiers nor slabs or both, no or too few records or states, a percentage, tag count or reserve out
/// of range, a feature whose switch is off. Else as hf_tier_init(). Context: before anybody else knows the instance.
HF_MUST_CHECK int hf_mem_init(hf_mem_t *mem, const hf_mem_config_t *config);

/// Takes memory as the request says: HF_OK and the block. Else `*block` is NULL, and one counter is moved:
/// HF_E_ARGUMENT 0 bytes (zero_size); HF_E_TOO_LONG larger than every tier and no region allowed (too_large); HF_E_QUOTA
/// nothing that the policy allows is within the hard quota (the tag's `refused`); HF_E_FULL nothing free (the tier's
/// `failed`; of what only the region could serve, region_failed);
/// HF_E_TIMEOUT nothing came free in time (wait_timeouts); HF_E_STATE waiting is not possible here (wait_refused).
/// A tag that the instance does not know counts as 0 (unknown_tags).
/// A request counts on its quota while it looks: of several by one tag at once, one that would fit alone may be refused.
/// Cost: O(tiers) at most, O(1) when the smallest tier serves; plus the wait. Owner: the caller, until hf_mem_give().
HF_MUST_CHECK int hf_mem_request(hf_mem_t *mem, const hf_mem_request_t *request, void **block);

/// hf_mem_request() for the running tag by the policy of the instance; NULL when it gets nothing.
void *hf_mem_take(hf_mem_t *mem, size_t bytes);
void *hf_mem_take_tagged(hf_mem_t *mem, size_t bytes, hf_tag_t tag);
/// The same, and the reserve of each tier may be used; counts `emergencies` of the tier that served.
void *hf_mem_take_emergency(hf_mem_t *mem, size_t bytes);
/// The status of the last request that got nothing, whoever made it; HF_OK when there was none.
int hf_mem_last_error(const hf_mem_t *mem);

/// Gives a block back by its address: a stale give after the block was taken anew cannot be told here, handles of pools can.
/// HF_E_FOREIGN, HF_E_INTERIOR, HF_E_DOUBLE_GIVE: told and counted by kind in the
/// instance, and nothing else happens. HF_E_OVERRUN: told and counted, and the block was given back. HF_E_CORRUPT (region):
/// the header of this block or of a neighbour was written over; counts `overruns`, and the block stays set aside for ever.
/// Cost: O(1).
HF_MUST_CHECK int hf_mem_give(hf_mem_t *mem, void *block);

/// Makes a block as large as asked: in place when its tier can hold it or, in the region, the memory behind it is free
/// (a look in vain counts there); else take, copy, give by the policy of the
/// instance, for the tag the block was taken with. On failure (statuses of hf_mem_request() and hf_mem_give()) block and
/// content stay as they are. A move holds both blocks for a moment, which counts on quotas.
/// A NULL block is a take for the running tag; 0 bytes is a give, and `*block` becomes NULL. Cost: O(bytes) when it moves.
HF_MUST_CHECK int hf_mem_resize(hf_mem_t *mem, void **block, size_t bytes);

/// What the owner of a block may use of it; 0 when it is no block of this instance. Cost: O(1).
size_t hf_mem_block_bytes(const hf_mem_t *mem, const void *block);
bool hf_mem_owns(const hf_mem_t *mem, const void *address);

/// Tells what happened since the last call: alerts that were raised or are over, quotas, failures; sets the clock of the
/// census. Rounds of callbacks are alert_interval_us apart: what comes sooner waits for a later call. What came and went
/// between two rounds is not told, but counted. Returns the number of callbacks made.
/// Context: task, one at a time; a call from within a callback does nothing and counts `nested`.
uint32_t hf_mem_poll(hf_mem_t *mem, uint64_t now_us);

typedef struct hf_mem_tier_stats {
    const char *name;
    uint32_t block_bytes, capacity, reserve;
    uint32_t in_use, peak, min_free;
    uint32_t takes, gives;   // of blocks of this tier
    uint32_t reserve_in_use; // blocks of the reserve that are out now; refilled first
    uint32_t emergencies;    // emergency requests served
    uint32_t spilled_up;     // requests for this tier that a larger one served
    uint32_t spilled_region; // ... the region
    uint32_t waited;         // ... served after waiting
    uint32_t failed;         // ... not served
    uint32_t wait_timeouts;  // ... not served after waiting
    uint32_t wait_refused;   // ... not served because waiting is not possible there
} hf_mem_tier_stats_t;

typedef struct hf_mem_tag_stats {
    const char *name;
    uint32_t bytes, blocks, peak_bytes; // held now and at most
    uint32_t refused;                   // requests above the hard quota
    uint32_t soft_raised;               // times the soft quota was passed
    bool is_over_soft;
} hf_mem_tag_stats_t;

typedef struct hf_mem_stats {
    const char *name;
    uint32_t capacity_bytes, in_use_bytes, peak_bytes,
        min_free_bytes; // tiers or slab, in whole blocks
    uint32_t use_permille, peak_permille;
    uint32_t blocks, requested_bytes;     // in use now: all blocks, and what their owners asked for
    uint32_t region_blocks, region_bytes; // in use now, out of the region
    uint64_t requested_total, served_total; // bytes, of every request served
    uint32_t waste_permille; // of what was served in all, the share nobody had asked for
    uint32_t failures; // requests that got nothing: the sum of all that follow and of the tiers
    uint32_t zero_size, too_large, region_failed, quota_refused;
    uint32_t unknown_tags;
    uint32_t foreign, interior, double_gives, overruns;
    uint32_t moved, resized_in_place;     // by hf_mem_resize()
    uint32_t low_raised, critical_raised; // edges
    uint32_t alerts_told, failures_told;  // callbacks
    uint32_t nested; // polls from within a callback, and edges and failures while one ran
} hf_mem_stats_t;

/// Cost: O(tiers + tags), no lock.
hf_mem_stats_t hf_mem_stats(const hf_mem_t *mem);
uint32_t hf_mem_tier_count(const hf_mem_t *mem); // classes of a slab likewise
/// HF_E_RANGE past the last tier. Of a slab: what the slab knows, and the counters of this instance.
HF_MUST_CHECK int hf_mem_tier_stats(const hf_mem_t *mem, uint32_t tier, hf_mem_tier_stats_t *stats);
/// HF_E_RANGE past the last tag.
HF_MUST_CHECK int hf_mem_tag_stats(const hf_mem_t *mem, hf_tag_t tag, hf_mem_tag_stats_t *stats);
/// Whether an alert stands now, of a tier or HF_MEM_TIER_ALL. Cost: O(1).
bool hf_mem_is_low(const hf_mem_t *mem, uint32_t tier);
bool hf_mem_is_critical(const hf_mem_t *mem, uint32_t tier);
const char *hf_mem_name(const hf_mem_t *mem);
const char *hf_mem_tag_name(const hf_mem_t *mem,
                            hf_tag_t tag); // "" for one the instance does not know
/// The tiers beneath, for their pools' statistics and census; NULL over a slab. Takes and gives go through the instance.
const hf_tier_t *hf_mem_tiers(const hf_mem_t *mem);
/// Counters become 0, peaks what is in use; what is in use and the alerts stay. Context: one caller, nobody else inside.
void hf_mem_reset_stats(hf_mem_t *mem);

/// Every request and give is also told to the histogram from now on; NULL ends it. Context: nobody has a block.
void hf_mem_set_histogram(hf_mem_t *mem, struct hf_histogram *histogram);
#if CONFIG_HF_TRACE
/// Every request and give is told to the trace from now on, under the number `id` + tier; the region comes after the last
/// tier. NULL ends it. Context: nobody else inside.
void hf_mem_set_trace(hf_mem_t *mem, struct hf_trace *trace, uint16_t id);
#endif

// A byte total of 63 bits out of 32-bit words: the second counts the flips of the top bit of the first.
typedef struct hf_mem_total {
    hf_atomic_u32_t low, high;
} hf_mem_total_t;

typedef struct hf_mem_tag_state {
    hf_atomic_u32_t bytes, blocks, peak_bytes, charged_bytes, refused, soft_raised, is_over_soft;
} hf_mem_tag_state_t;

struct hf_mem {
    hf_mem_config_t config;
    hf_tier_t tier;
    uint32_t tier_count;
    uint32_t capacity_bytes;
    hf_mem_level_t low, critical; // bytes
    hf_mem_tag_state_t tags[CONFIG_HF_MEM_TAGS_MAX];
    hf_atomic_u32_t in_use_bytes, peak_bytes, requested_bytes, region_blocks, region_bytes;
    hf_mem_total_t requested_total, served_total;
    hf_atomic_u32_t zero_size, too_large, region_failed, unknown_tags;
    hf_atomic_u32_t foreign, interior, double_gives, overruns, moved, resized_in_place;
    hf_atomic_u32_t low_raised, critical_raised, alerts_told, failures_told, nested;
    hf_atomic_u32_t low_state, critical_state; // a bit per tier, and one for the instance
    hf_atomic_u32_t failures, failed_bytes, failed_tag, last_error, is_polling;
    // Of hf_mem_poll() alone.
    uint32_t low_told, critical_told, failures_seen;
    uint32_t soft_told[(CONFIG_HF_MEM_TAGS_MAX + 31) / 32];
    uint64_t told_us;
    bool has_told;
    struct hf_histogram *histogram;
#if CONFIG_HF_TRACE
    struct hf_trace *trace;
    uint16_t trace_id;
#endif
};

#ifdef __cplusplus
}
#endif

#endif
