// SPDX-License-Identifier: MIT
// The state of memory in words: a line per pool, tier, owner, region.
#include "holdfast/hf_dump.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_fragmentation.h"

/// " NAME 1.234/s"
static void put_rate(hf_builder_t *out, const char *name, const hf_rate_t *rate)
{
    hf_builder_format(out, ", %s ", name);
    hf_builder_fixed(out, hf_rate_per_ks(rate), 3);
    hf_builder_text(out, "/s");
}

static void put_percent(hf_builder_t *out, uint32_t permille)
{
    hf_builder_fixed(out, permille, 1);
    hf_builder_text(out, " %");
}

static void put_wrong_gives(hf_builder_t *out, uint32_t foreign, uint32_t interior,
                            uint32_t double_gives)
{
    hf_builder_format(out, ", wrong gives %llu",
                      (unsigned long long)foreign + interior + double_gives);
    if (foreign != 0 || interior != 0 || double_gives != 0) {
        hf_builder_format(out, " (foreign %lu, interior %lu, double %lu)", (unsigned long)foreign,
                          (unsigned long)interior, (unsigned long)double_gives);
    }
}

/// The counters that a build may leave out.
static void put_optional(hf_builder_t *out, const hf_pool_stats_t *stats)
{
    (void)out;
    (void)stats;
#if CONFIG_HF_POOL_STATISTICS
    hf_builder_format(out, ", peak %lu, takes %lu, gives %lu", (unsigned long)stats->peak,
                      (unsigned long)stats->takes, (unsigned long)stats->gives);
#endif
#if CONFIG_HF_POOL_CENSUS
    hf_builder_format(out, ", stale %lu", (unsigned long)stats->stale);
#endif
#if CONFIG_HF_POOL_FILL
    hf_builder_format(out, ", spoilt %lu", (unsigned long)stats->spoilt);
#endif
#if CONFIG_HF_POOL_CANARY
    hf_builder_format(out, ", overruns %lu", (unsigned long)stats->overruns);
#endif
#if CONFIG_HF_POOL_TIMING
    hf_builder_format(out, ", take %lu (at most %lu) cycles, give %lu (at most %lu)",
                      (unsigned long)stats->take.mean_cycles, (unsigned long)stats->take.max_cycles,
                      (unsigned long)stats->give.mean_cycles,
                      (unsigned long)stats->give.max_cycles);
#endif
}

static void put_pool(const hf_dump_source_t *source, hf_builder_t *out, uint32_t i)
{
    hf_pool_stats_t stats = hf_pool_stats(source->pools[i]);
    hf_builder_format(out, "pool %s: %lu of %lu blocks of %lu B in use",
                      hf_pool_name(source->pools[i]), (unsigned long)stats.in_use,
                      (unsigned long)stats.capacity, (unsigned long)stats.block_bytes);
    hf_builder_format(out, ", exhausted %lu", (unsigned long)stats.exhausted);
    put_wrong_gives(out, stats.foreign, stats.interior, stats.double_gives);
    put_optional(out, &stats);
    if (source->rates != NULL) {
        put_rate(out, "takes", &source->rates[i].takes);
        put_rate(out, "gives", &source->rates[i].gives);
    }
    if (source->holds != NULL) {
        hf_builder_format(out, ", held %lu ms on average, %lu ms at most",
                          (unsigned long)hf_hold_mean_ms(&source->holds[i]),
                          (unsigned long)source->holds[i].max_ms);
    }
    hf_builder_char(out, '\n');
}

static void put_pools(const hf_dump_source_t *source, hf_builder_t *out)
{
    for (uint32_t i = 0; i < source->pool_count; i++) {
        put_pool(source, out, i);
    }
    if (source->pool_count > 0 && source->request_bytes > 0) {
        hf_builder_format(out, "fragmentation for %lu B: ", (unsigned long)source->request_bytes);
        put_percent(out, hf_fragmentation_permille(source->pools, source->pool_count,
                                                   source->request_bytes));
        hf_builder_char(out, '\n');
    }
}

#if CONFIG_HF_MEM
static void put_tiers(const hf_mem_t *mem, hf_builder_t *out)
{
    hf_mem_tier_stats_t tier;
    for (uint32_t i = 0; hf_mem_tier_stats(mem, i, &tier) == HF_OK; i++) {
        hf_builder_format(out, "  tier %s: %lu of %lu blocks of %lu B in use, peak %lu", tier.name,
                          (unsigned long)tier.in_use, (unsigned long)tier.capacity,
                          (unsigned long)tier.block_bytes, (unsigned long)tier.peak);
        hf_builder_format(out, ", up %lu, to region %lu, waited %lu, failed %lu, timed out %lu",
                          (unsigned long)tier.spilled_up, (unsigned long)tier.spilled_region,
                          (unsigned long)tier.waited, (unsigned long)tier.failed,
                          (unsigned long)tier.wait_timeouts);
        hf_builder_format(out, ", reserve %lu of %lu used\n", (unsigned long)tier.reserve_in_use,
                          (unsigned long)tier.reserve);
    }
}

static void put_tags(const hf_mem_t *mem, hf_builder_t *out)
{
    hf_mem_tag_stats_t tag;
    for (uint32_t i = 0; i < CONFIG_HF_MEM_TAGS_MAX; i++) {
        if (hf_mem_tag_stats(mem, (hf_tag_t)i, &tag) != HF_OK) {
            return;
        }
        hf_builder_format(out, "  owner %s: %lu B in %lu blocks, peak %lu B, refused %lu%s\n",
                          tag.name, (unsigned long)tag.bytes, (unsigned long)tag.blocks,
                          (unsigned long)tag.peak_bytes, (unsigned long)tag.refused,
                          tag.is_over_soft ? ", above its soft quota" : "");
    }
}

static void put_mem(const hf_mem_t *mem, hf_builder_t *out)
{
    if (mem == NULL) {
        return;
    }
    hf_mem_stats_t stats = hf_mem_stats(mem);
    hf_builder_format(out, "memory %s: %lu of %lu B in use (", stats.name,
                      (unsigned long)stats.in_use_bytes, (unsigned long)stats.capacity_bytes);
    put_percent(out, stats.use_permille);
    hf_builder_format(out, "), peak %lu B, least free %lu B, %lu blocks for %lu B asked",
                      (unsigned long)stats.peak_bytes, (unsigned long)stats.min_free_bytes,
                      (unsigned long)stats.blocks, (unsigned long)stats.requested_bytes);
    hf_builder_text(out, ", waste so far ");
    put_percent(out, stats.waste_permille);
    hf_builder_format(out, ", failures %lu", (unsigned long)stats.failures);
    put_wrong_gives(out, stats.foreign, stats.interior, stats.double_gives);
    hf_builder_format(out, ", overruns %lu\n", (unsigned long)stats.overruns);
    put_tiers(mem, out);
    put_tags(mem, out);
}
#endif

#if CONFIG_HF_REGION
static void put_regions(const hf_dump_source_t *source, hf_builder_t *out)
{
    for (uint32_t i = 0; i < source->region_count; i++) {
        hf_region_stats_t stats = hf_region_stats(source->regions[i]);
        hf_builder_format(out, "region %s: %zu of %zu B in use, peak %zu B, free %zu B",
                          source->regions[i]->config.name, stats.used_bytes, stats.capacity_bytes,
                          stats.peak_used_bytes, stats.free_bytes);
        hf_builder_format(out, " (least %zu), largest servable %zu B, fragmentation %lu %%",
                          stats.min_free_bytes, stats.largest_servable_bytes,
                          (unsigned long)stats.fragmentation_percent);
        hf_builder_format(out, ", failed %lu", (unsigned long)stats.failed);
        put_wrong_gives(out, stats.foreign, stats.interior, stats.double_gives);
        hf_builder_format(out, ", corrupt %lu\n", (unsigned long)stats.corrupt);
    }
}
#endif

static void put_owner(const hf_dump_source_t *source, hf_builder_t *out, uint32_t tag)
{
    if (source->tag_names != NULL && tag < source->tag_count) {
        hf_builder_text(out, source->tag_names[tag]);
    } else {
        hf_builder_u64(out, tag);
    }
}

#if CONFIG_HF_POOL_CENSUS
static void put_census(const hf_dump_source_t *source, hf_builder_t *out)
{
    hf_census_row_t row;
    if (source->census == NULL) {
        return;
    }
    for (uint32_t tag = 0; hf_census_row(source->census, tag, &row) == HF_OK; tag++) {
        if (row.blocks == 0) {
            continue;
        }
        hf_builder_text(out, "held by ");
        put_owner(source, out, tag);
        hf_builder_format(out, ": %lu blocks, %lu B, the oldest for %lu ms, by age",
                          (unsigned long)row.blocks, (unsigned long)row.bytes,
                          (unsigned long)row.oldest_ms);
        for (uint32_t age = 0; age < HF_CENSUS_AGES; age++) {
            hf_builder_format(out, " %lu", (unsigned long)row.by_age[age]);
        }
        hf_builder_char(out, '\n');
    }
}
#endif

static void put_leaks(const hf_dump_source_t *source, hf_builder_t *out)
{
    for (uint32_t tag = 0; source->leaks != NULL && tag < source->tag_count; tag++) {
        hf_leak_verdict_t verdict = hf_leak_verdict(&source->leaks[tag]);
        hf_builder_text(out, "verdict on ");
        put_owner(source, out, tag);
        hf_builder_format(out, ": %s, confidence ", hf_leak_state_text(verdict.state));
        put_percent(out, verdict.confidence_permille);
        hf_builder_text(out, ", slope ");
        hf_builder_fixed(out, verdict.slope_bytes_per_ks, 3);
        hf_builder_format(out, " B/s, floor %lu B, %lu cycles\n",
                          (unsigned long)verdict.floor_bytes, (unsigned long)verdict.floors);
    }
}

int hf_dump_text(const hf_dump_source_t *source, hf_builder_t *out)
{
    hf_builder_text(out, "memory after ");
    hf_builder_fixed(out, (int64_t)(source->now_us / HF_US_PER_MS), 3);
    hf_builder_text(out, " s\n");
    put_pools(source, out);
#if CONFIG_HF_MEM
    put_mem(source->mem, out);
#endif
#if CONFIG_HF_REGION
    put_regions(source, out);
#endif
#if CONFIG_HF_POOL_CENSUS
    put_census(source, out);
#endif
    put_leaks(source, out);
    return out->overflow ? HF_E_TOO_LONG : HF_OK;
}
