// SPDX-License-Identifier: MIT
// Reading the books. Nothing is locked: each figure is one word as it stands, sums are formed here.
#include "hf_mem_private.h"
#if CONFIG_HF_SLAB
#include "holdfast/hf_slab.h"
#endif

/// The high word twice, so that a carry in between shows; one that is still on its way shows in the top bit of `low`.
static uint64_t total_of(const hf_mem_total_t *total)
{
    uint32_t flips, low, again = atomic_load_explicit(&total->high, memory_order_acquire);
    do {
        flips = again;
        low = atomic_load_explicit(&total->low, memory_order_acquire);
        again = atomic_load_explicit(&total->high, memory_order_acquire);
    } while (again != flips);
    flips += (flips ^ low >> 31) & 1u;
    return ((uint64_t)(flips >> 1) << 32) | low;
}

static uint32_t waste_permille(uint64_t requested, uint64_t served)
{
    // Shifted until a thousand times it fits: the share stays.
    while (served > UINT64_MAX / 1000u) {
        requested >>= 1;
        served >>= 1;
    }
    return served > requested ? (uint32_t)((served - requested) * 1000u / served) : 0;
}

static void sum_tiers(const hf_mem_t *mem, hf_mem_stats_t *stats)
{
    stats->blocks = stats->region_blocks;
    for (uint32_t i = 0; i < mem->tier_count; i++) {
        stats->blocks +=
            word_read(&mem->config.states[i].takes) - word_read(&mem->config.states[i].gives);
    }
    for (uint32_t i = 0; i < CONFIG_HF_MEM_TAGS_MAX; i++) {
        stats->quota_refused += word_read(&mem->tags[i].refused);
    }
}

static void read_counters(const hf_mem_t *mem, hf_mem_stats_t *stats)
{
    stats->failures = word_read(&mem->failures);
    stats->zero_size = word_read(&mem->zero_size);
    stats->too_large = word_read(&mem->too_large);
    stats->region_failed = word_read(&mem->region_failed);
    stats->unknown_tags = word_read(&mem->unknown_tags);
    stats->foreign = word_read(&mem->foreign);
    stats->interior = word_read(&mem->interior);
    stats->double_gives = word_read(&mem->double_gives);
    stats->overruns = word_read(&mem->overruns);
    stats->moved = word_read(&mem->moved);
    stats->resized_in_place = word_read(&mem->resized_in_place);
    stats->low_raised = word_read(&mem->low_raised);
    stats->critical_raised = word_read(&mem->critical_raised);
    stats->alerts_told = word_read(&mem->alerts_told);
    stats->failures_told = word_read(&mem->failures_told);
    stats->nested = word_read(&mem->nested);
}

hf_mem_stats_t hf_mem_stats(const hf_mem_t *mem)
{
    hf_mem_stats_t stats = {.name = mem->config.name,
                            .capacity_bytes = mem->capacity_bytes,
                            .in_use_bytes = word_read(&mem->in_use_bytes),
                            .peak_bytes = word_read(&mem->peak_bytes),
                            .requested_bytes = word_read(&mem->requested_bytes),
                            .region_blocks = word_read(&mem->region_blocks),
                            .region_bytes = word_read(&mem->region_bytes),
                            .requested_total = total_of(&mem->requested_total),
                            .served_total = total_of(&mem->served_total)};
    stats.min_free_bytes = stats.capacity_bytes - stats.peak_bytes;
    stats.use_permille = mem_permille(stats.in_use_bytes, stats.capacity_bytes);
    stats.peak_permille = mem_permille(stats.peak_bytes, stats.capacity_bytes);
    stats.waste_permille = waste_permille(stats.requested_total, stats.served_total);
    sum_tiers(mem, &stats);
    read_counters(mem, &stats);
    return stats;
}

static void read_source(const hf_mem_t *mem, uint32_t number, hf_mem_tier_stats_t *stats)
{
    const hf_mem_tier_state_t *tier = &mem->config.states[number];
#if CONFIG_HF_SLAB
    if (mem->config.slab != NULL) {
        const hf_slab_stats_t class = hf_slab_stats(mem->config.slab, number);
        stats->capacity = class.capacity; // what it has now: classes resize themselves
        stats->reserve = class.reserved_count;
        stats->min_free = class.capacity > class.peak ? class.capacity - class.peak : 0;
        return;
    }
#endif
    stats->name = hf_pool_name(hf_tier_pool(&mem->tier, number));
    stats->capacity = tier->capacity;
    stats->reserve = tier->capacity - tier->normal_max;
    stats->min_free = tier->capacity - stats->peak;
    stats->reserve_in_use = stats->in_use > tier->normal_max ? stats->in_use - tier->normal_max : 0;
}

int hf_mem_tier_stats(const hf_mem_t *mem, uint32_t number, hf_mem_tier_stats_t *stats)
{
    if (number >= mem->tier_count) {
        return HF_E_RANGE;
    }
    const hf_mem_tier_state_t *tier = &mem->config.states[number];
    *stats = (hf_mem_tier_stats_t){.name = mem->config.name,
                                   .block_bytes = tier->block_bytes,
                                   .in_use = word_read(&tier->in_use),
                                   .peak = word_read(&tier->peak),
                                   .takes = word_read(&tier->takes),
                                   .gives = word_read(&tier->gives),
                                   .emergencies = word_read(&tier->emergencies),
                                   .spilled_up = word_read(&tier->spilled_up),
                                   .spilled_region = word_read(&tier->spilled_region),
                                   .waited = word_read(&tier->waited),
                                   .failed = word_read(&tier->failed),
                                   .wait_timeouts = word_read(&tier->wait_timeouts),
                                   .wait_refused = word_read(&tier->wait_refused)};
    read_source(mem, number, stats);
    return HF_OK;
}

int hf_mem_tag_stats(const hf_mem_t *mem, hf_tag_t tag, hf_mem_tag_stats_t *stats)
{
    if (tag != HF_TAG_NONE && tag >= mem->config.tag_count) {
        return HF_E_RANGE;
    }
    const hf_mem_tag_state_t *state = &mem->tags[tag];
    *stats = (hf_mem_tag_stats_t){.name = hf_mem_tag_name(mem, tag),
                                  .bytes = word_read(&state->bytes),
                                  .blocks = word_read(&state->blocks),
                                  .peak_bytes = word_read(&state->peak_bytes),
                                  .refused = word_read(&state->refused),
                                  .soft_raised = word_read(&state->soft_raised),
                                  .is_over_soft = word_read(&state->is_over_soft) != 0};
    return HF_OK;
}

static bool has_bit(const hf_atomic_u32_t *state, uint32_t tier)
{
    const uint32_t bit = tier == HF_MEM_TIER_ALL ? HF_MEM_TIERS_MAX : tier;
    return bit <= HF_MEM_TIERS_MAX && ((word_read(state) >> bit) & 1u) != 0;
}

bool hf_mem_is_low(const hf_mem_t *mem, uint32_t tier)
{
    return has_bit(&mem->low_state, tier);
}

bool hf_mem_is_critical(const hf_mem_t *mem, uint32_t tier)
{
    return has_bit(&mem->critical_state, tier);
}

int hf_mem_last_error(const hf_mem_t *mem)
{
    return -(int)word_read(&mem->last_error);
}

uint32_t hf_mem_tier_count(const hf_mem_t *mem)
{
    return mem->tier_count;
}

const char *hf_mem_name(const hf_mem_t *mem)
{
    return mem->config.name;
}

const char *hf_mem_tag_name(const hf_mem_t *mem, hf_tag_t tag)
{
    return tag < mem->config.tag_count && mem->config.tags[tag].name != NULL
               ? mem->config.tags[tag].name
               : "";
}

const hf_tier_t *hf_mem_tiers(const hf_mem_t *mem)
{
    return mem->config.slab == NULL ? &mem->tier : NULL;
}

void hf_mem_set_histogram(hf_mem_t *mem, struct hf_histogram *histogram)
{
    mem->histogram = histogram;
}

#if CONFIG_HF_TRACE
void hf_mem_set_trace(hf_mem_t *mem, struct hf_trace *trace, uint16_t id)
{
    mem->trace = trace;
    mem->trace_id = id;
}
#endif

static void reset_tier(hf_mem_tier_state_t *tier)
{
    hf_atomic_u32_t *counters[] = {&tier->emergencies, &tier->spilled_up, &tier->spilled_region,
                                   &tier->waited,      &tier->failed,     &tier->wait_timeouts,
                                   &tier->wait_refused};
    for (size_t i = 0; i < HF_COUNT_OF(counters); i++) {
        word_write(counters[i], 0);
    }
    // takes - gives stays what is in use.
    word_write(&tier->takes, word_read(&tier->in_use));
    word_write(&tier->gives, 0);
    word_write(&tier->peak, word_read(&tier->in_use));
}

static void reset_tag(hf_mem_tag_state_t *tag)
{
    word_write(&tag->peak_bytes, word_read(&tag->bytes));
    word_write(&tag->refused, 0);
    word_write(&tag->soft_raised, 0);
}

void hf_mem_reset_stats(hf_mem_t *mem)
{
    hf_atomic_u32_t *counters[] = {&mem->requested_total.low,
                                   &mem->requested_total.high,
                                   &mem->served_total.low,
                                   &mem->served_total.high,
                                   &mem->zero_size,
                                   &mem->too_large,
                                   &mem->region_failed,
                                   &mem->unknown_tags,
                                   &mem->foreign,
                                   &mem->interior,
                                   &mem->double_gives,
                                   &mem->overruns,
                                   &mem->moved,
                                   &mem->resized_in_place,
                                   &mem->low_raised,
                                   &mem->critical_raised,
                                   &mem->alerts_told,
                                   &mem->failures_told,
                                   &mem->nested,
                                   &mem->failures,
                                   &mem->last_error};
    for (size_t i = 0; i < HF_COUNT_OF(counters); i++) {
        word_write(counters[i], 0);
    }
    mem->failures_seen = 0;
    word_write(&mem->peak_bytes, word_read(&mem->in_use_bytes));
    for (uint32_t i = 0; i < mem->tier_count; i++) {
        reset_tier(&mem->config.states[i]);
    }
    for (uint32_t i = 0; i < CONFIG_HF_MEM_TAGS_MAX; i++) {
        reset_tag(&mem->tags[i]);
    }
    if (mem->config.slab == NULL) {
        hf_tier_reset_stats(&mem->tier);
    }
#if CONFIG_HF_SLAB
    if (mem->config.slab != NULL) {
        hf_slab_reset_stats(mem->config.slab);
    }
#endif
}
