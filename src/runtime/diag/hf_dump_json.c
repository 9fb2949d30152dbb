// SPDX-License-Identifier: MIT
// The state of memory as JSON. The members are tables of the statistics structs: a name is that of its member.
#include "holdfast/hf_dump.h"

#if CONFIG_HF_JSON

#include "holdfast/hf_clock.h"
#include "holdfast/hf_fragmentation.h"
#include "holdfast/hf_json.h"

#include <string.h>

typedef struct field {
    const char *name;
    uint16_t offset;
    uint8_t bytes;
} field_t;

#define FIELD_AS(name, type, member)                                                               \
    {                                                                                              \
        name, (uint16_t)offsetof(type, member), (uint8_t)sizeof(((type *)0)->member)               \
    }
#define FIELD(type, member) FIELD_AS(#member, type, member)

#define POOL(member) FIELD(hf_pool_stats_t, member)
static const field_t pool_fields[] = {
    POOL(capacity),
    POOL(block_bytes),
    POOL(in_use),
    POOL(exhausted),
    POOL(foreign),
    POOL(interior),
    POOL(double_gives),
#if CONFIG_HF_POOL_STATISTICS
    POOL(peak),
    POOL(min_free),
    POOL(takes),
    POOL(gives),
#endif
#if CONFIG_HF_POOL_CENSUS
    POOL(stale),
#endif
#if CONFIG_HF_POOL_FILL
    POOL(spoilt),
#endif
#if CONFIG_HF_POOL_CANARY
    POOL(overruns),
#endif
#if CONFIG_HF_POOL_TIMING
    FIELD_AS("take_max_cycles", hf_pool_stats_t, take.max_cycles),
    FIELD_AS("take_mean_cycles", hf_pool_stats_t, take.mean_cycles),
    FIELD_AS("give_max_cycles", hf_pool_stats_t, give.max_cycles),
    FIELD_AS("give_mean_cycles", hf_pool_stats_t, give.mean_cycles),
#endif
};

#if CONFIG_HF_MEM
#define MEM(member) FIELD(hf_mem_stats_t, member)
static const field_t mem_fields[] = {
    MEM(capacity_bytes),   MEM(in_use_bytes),  MEM(peak_bytes),      MEM(min_free_bytes),
    MEM(use_permille),     MEM(peak_permille), MEM(blocks),          MEM(requested_bytes),
    MEM(region_blocks),    MEM(region_bytes),  MEM(requested_total), MEM(served_total),
    MEM(waste_permille),   MEM(failures),      MEM(zero_size),       MEM(too_large),
    MEM(region_failed),    MEM(quota_refused), MEM(unknown_tags),    MEM(foreign),
    MEM(interior),         MEM(double_gives),  MEM(overruns),        MEM(moved),
    MEM(resized_in_place), MEM(low_raised),    MEM(critical_raised), MEM(alerts_told),
    MEM(failures_told),    MEM(nested),
};

#define TIER(member) FIELD(hf_mem_tier_stats_t, member)
static const field_t tier_fields[] = {
    TIER(block_bytes),    TIER(capacity),    TIER(reserve),       TIER(in_use),
    TIER(peak),           TIER(min_free),    TIER(takes),         TIER(gives),
    TIER(reserve_in_use), TIER(emergencies), TIER(spilled_up),    TIER(spilled_region),
    TIER(waited),         TIER(failed),      TIER(wait_timeouts), TIER(wait_refused),
};

#define TAG(member) FIELD(hf_mem_tag_stats_t, member)
static const field_t tag_fields[] = {TAG(bytes),   TAG(blocks),      TAG(peak_bytes),
                                     TAG(refused), TAG(soft_raised), TAG(is_over_soft)};
#endif

#if CONFIG_HF_REGION
#define REGION(member) FIELD(hf_region_stats_t, member)
static const field_t region_fields[] = {
    REGION(capacity_bytes),  REGION(used_bytes),
    REGION(peak_used_bytes), REGION(free_bytes),
    REGION(min_free_bytes),  REGION(largest_servable_bytes),
    REGION(largest_bytes),   REGION(fragmentation_percent),
    REGION(blocks),          REGION(takes),
    REGION(gives),           REGION(failed),
    REGION(unservable),      REGION(foreign),
    REGION(interior),        REGION(double_gives),
    REGION(corrupt),
};
#endif

static void put_field(hf_json_writer_t *json, const field_t *field, const void *stats)
{
    const uint8_t *at = (const uint8_t *)stats + field->offset;
    uint64_t wide = 0;
    uint32_t narrow = 0;
    if (field->bytes == sizeof(bool)) {
        bool flag;
        memcpy(&flag, at, sizeof flag);
        hf_json_bool_field(json, field->name, flag);
        return;
    }
    HF_ASSERT(field->bytes == sizeof narrow || field->bytes == sizeof wide);
    if (field->bytes == sizeof narrow) {
        memcpy(&narrow, at, sizeof narrow);
        wide = narrow;
    } else {
        memcpy(&wide, at, sizeof wide);
    }
    hf_json_i64_field(json, field->name, wide <= INT64_MAX ? (int64_t)wide : INT64_MAX);
}

static void put_fields(hf_json_writer_t *json, const field_t *fields, size_t count,
                       const void *stats)
{
    for (size_t i = 0; i < count; i++) {
        put_field(json, &fields[i], stats);
    }
}

static void put_pool(const hf_dump_source_t *source, hf_json_writer_t *json, uint32_t i)
{
    hf_pool_stats_t stats = hf_pool_stats(source->pools[i]);
    hf_json_begin_object(json);
    hf_json_string_field(json, "name", hf_pool_name(source->pools[i]));
    put_fields(json, pool_fields, HF_COUNT_OF(pool_fields), &stats);
    if (source->rates != NULL) {
        hf_json_i64_field(json, "takes_per_ks", hf_rate_per_ks(&source->rates[i].takes));
        hf_json_i64_field(json, "gives_per_ks", hf_rate_per_ks(&source->rates[i].gives));
    }
    if (source->holds != NULL) {
        hf_json_i64_field(json, "hold_mean_ms", hf_hold_mean_ms(&source->holds[i]));
        hf_json_i64_field(json, "hold_max_ms", source->holds[i].max_ms);
    }
    hf_json_end_object(json);
}

static void put_pools(const hf_dump_source_t *source, hf_json_writer_t *json)
{
    hf_json_key(json, "pools");
    hf_json_begin_array(json);
    for (uint32_t i = 0; i < source->pool_count; i++) {
        put_pool(source, json, i);
    }
    hf_json_end_array(json);
    if (source->request_bytes > 0) {
        hf_json_i64_field(json, "request_bytes", source->request_bytes);
        hf_json_i64_field(
            json, "fragmentation_permille",
            hf_fragmentation_permille(source->pools, source->pool_count, source->request_bytes));
    }
}

#if CONFIG_HF_MEM
static void put_tiers(const hf_mem_t *mem, hf_json_writer_t *json)
{
    hf_mem_tier_stats_t tier;
    hf_json_key(json, "tiers");
    hf_json_begin_array(json);
    for (uint32_t i = 0; hf_mem_tier_stats(mem, i, &tier) == HF_OK; i++) {
        hf_json_begin_object(json);
        hf_json_string_field(json, "name", tier.name);
        put_fields(json, tier_fields, HF_COUNT_OF(tier_fields), &tier);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

static void put_tags(const hf_mem_t *mem, hf_json_writer_t *json)
{
    hf_mem_tag_stats_t tag;
    hf_json_key(json, "tags");
    hf_json_begin_array(json);
    for (uint32_t i = 0; i < CONFIG_HF_MEM_TAGS_MAX; i++) {
        if (hf_mem_tag_stats(mem, (hf_tag_t)i, &tag) != HF_OK) {
            break;
        }
        hf_json_begin_object(json);
        hf_json_string_field(json, "name", tag.name);
        put_fields(json, tag_fields, HF_COUNT_OF(tag_fields), &tag);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

static void put_mem(const hf_mem_t *mem, hf_json_writer_t *json)
{
    if (mem == NULL) {
        return;
    }
    hf_mem_stats_t stats = hf_mem_stats(mem);
    hf_json_key(json, "mem");
    hf_json_begin_object(json);
    hf_json_string_field(json, "name", stats.name);
    put_fields(json, mem_fields, HF_COUNT_OF(mem_fields), &stats);
    put_tiers(mem, json);
    put_tags(mem, json);
    hf_json_end_object(json);
}
#endif

#if CONFIG_HF_REGION
static void put_regions(const hf_dump_source_t *source, hf_json_writer_t *json)
{
    if (source->region_count == 0) {
        return;
    }
    hf_json_key(json, "regions");
    hf_json_begin_array(json);
    for (uint32_t i = 0; i < source->region_count; i++) {
        hf_region_stats_t stats = hf_region_stats(source->regions[i]);
        hf_json_begin_object(json);
        hf_json_string_field(json, "name", source->regions[i]->config.name);
        put_fields(json, region_fields, HF_COUNT_OF(region_fields), &stats);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}
#endif

static void put_owner(const hf_dump_source_t *source, hf_json_writer_t *json, uint32_t tag)
{
    hf_json_i64_field(json, "tag", tag);
    if (source->tag_names != NULL && tag < source->tag_count) {
        hf_json_string_field(json, "name", source->tag_names[tag]);
    }
}

#if CONFIG_HF_POOL_CENSUS
static void put_row(const hf_dump_source_t *source, hf_json_writer_t *json, uint32_t tag,
                    const hf_census_row_t *row)
{
    hf_json_begin_object(json);
    put_owner(source, json, tag);
    hf_json_i64_field(json, "blocks", row->blocks);
    hf_json_i64_field(json, "bytes", row->bytes);
    hf_json_i64_field(json, "oldest_ms", row->oldest_ms);
    hf_json_key(json, "by_age");
    hf_json_begin_array(json);
    for (uint32_t age = 0; age < HF_CENSUS_AGES; age++) {
        hf_json_put_i64(json, row->by_age[age]);
    }
    hf_json_end_array(json);
    hf_json_end_object(json);
}

static void put_census(const hf_dump_source_t *source, hf_json_writer_t *json)
{
    hf_census_row_t row;
    if (source->census == NULL) {
        return;
    }
    hf_json_key(json, "census");
    hf_json_begin_object(json);
    hf_json_i64_field(json, "rounds", source->census->rounds);
    hf_json_i64_field(json, "mean_age_ms", source->census->mean_age_ms);
    hf_json_key(json, "owners");
    hf_json_begin_array(json);
    for (uint32_t tag = 0; hf_census_row(source->census, tag, &row) == HF_OK; tag++) {
        if (row.blocks > 0) {
            put_row(source, json, tag, &row);
        }
    }
    hf_json_end_array(json);
    hf_json_end_object(json);
}
#endif

static void put_leaks(const hf_dump_source_t *source, hf_json_writer_t *json)
{
    if (source->leaks == NULL) {
        return;
    }
    hf_json_key(json, "leaks");
    hf_json_begin_array(json);
    for (uint32_t tag = 0; tag < source->tag_count; tag++) {
        hf_leak_verdict_t verdict = hf_leak_verdict(&source->leaks[tag]);
        hf_json_begin_object(json);
        put_owner(source, json, tag);
        hf_json_string_field(json, "state", hf_leak_state_text(verdict.state));
        hf_json_i64_field(json, "confidence_permille", verdict.confidence_permille);
        hf_json_i64_field(json, "slope_bytes_per_ks", verdict.slope_bytes_per_ks);
        hf_json_i64_field(json, "floor_bytes", verdict.floor_bytes);
        hf_json_i64_field(json, "cycles", verdict.floors);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

int hf_dump_json(const hf_dump_source_t *source, hf_builder_t *out)
{
    hf_json_writer_t json;
    hf_json_writer_init(&json, out);
    hf_json_begin_object(&json);
    hf_json_i64_field(&json, "schema", HF_DUMP_SCHEMA);
    hf_json_i64_field(&json, "time_ms", (int64_t)(source->now_us / HF_US_PER_MS));
    put_pools(source, &json);
#if CONFIG_HF_MEM
    put_mem(source->mem, &json);
#endif
#if CONFIG_HF_REGION
    put_regions(source, &json);
#endif
#if CONFIG_HF_POOL_CENSUS
    put_census(source, &json);
#endif
    put_leaks(source, &json);
    hf_json_end_object(&json);
    return out->overflow ? HF_E_TOO_LONG : HF_OK;
}

#endif
