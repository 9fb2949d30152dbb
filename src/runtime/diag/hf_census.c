// SPDX-License-Identifier: MIT
// Census over pools, in two halves of rows: one is read while the other is filled.
#include "holdfast/hf_census.h"

#if CONFIG_HF_POOL_CENSUS

int hf_census_init(hf_census_t *census, const hf_census_config_t *config)
{
    if (census == NULL || config == NULL || config->pools == NULL || config->pool_count == 0 ||
        config->rows == NULL || config->row_count == 0 || config->row_count > 256u) {
        return HF_E_ARGUMENT;
    }
    for (uint32_t i = 1; i < HF_CENSUS_AGES - 1u; i++) {
        if (config->age_limit_ms[i] <= config->age_limit_ms[i - 1u]) {
            return HF_E_ARGUMENT;
        }
    }
    *census = (hf_census_t){.config = *config};
    for (uint32_t i = 0; i < 2u * config->row_count; i++) {
        config->rows[i] = (hf_census_row_t){0};
    }
    return HF_OK;
}

static hf_census_row_t *half(const hf_census_t *census, bool is_odd)
{
    return &census->config.rows[is_odd ? census->config.row_count : 0];
}

static void add(hf_census_t *census, const hf_block_info_t *info, uint32_t block_bytes)
{
    uint32_t tag = info->tag < census->config.row_count ? info->tag : HF_TAG_NONE;
    hf_census_row_t *row = &half(census, census->is_odd)[tag];
    uint32_t age = 0;
    while (age < HF_CENSUS_AGES - 1u && info->age_ms >= census->config.age_limit_ms[age]) {
        age++;
    }
    row->blocks++;
    row->bytes += block_bytes;
    row->by_age[age]++;
    row->oldest_ms = info->age_ms > row->oldest_ms ? info->age_ms : row->oldest_ms;
    census->age_sum_ms += info->age_ms;
    census->age_count++;
}

static void end_round(hf_census_t *census)
{
    census->mean_age_ms =
        census->age_count == 0 ? 0 : (uint32_t)(census->age_sum_ms / census->age_count);
    census->age_sum_ms = 0;
    census->age_count = 0;
    census->rounds++;
    census->is_odd = !census->is_odd;
    for (uint32_t i = 0; i < census->config.row_count; i++) {
        half(census, census->is_odd)[i] = (hf_census_row_t){0};
    }
}

bool hf_census_step(hf_census_t *census, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const hf_pool_t *pool = census->config.pools[census->pool];
        hf_block_info_t info;
        int status = hf_pool_inspect(pool, census->block, &info);
        if (status == HF_OK) {
            add(census, &info, hf_pool_stats(pool).block_bytes);
        }
        census->block++;
        if (status != HF_E_RANGE) {
            continue;
        }
        census->block = 0;
        census->pool++;
        if (census->pool == census->config.pool_count) {
            census->pool = 0;
            end_round(census);
            return true;
        }
    }
    return false;
}

int hf_census_row(const hf_census_t *census, uint32_t tag, hf_census_row_t *row)
{
    if (tag >= census->config.row_count) {
        return HF_E_RANGE;
    }
    *row = half(census, !census->is_odd)[tag];
    return HF_OK;
}

hf_census_row_t hf_census_total(const hf_census_t *census)
{
    hf_census_row_t total = {0};
    for (uint32_t tag = 0; tag < census->config.row_count; tag++) {
        const hf_census_row_t *row = &half(census, !census->is_odd)[tag];
        total.blocks += row->blocks;
        total.bytes += row->bytes;
        total.oldest_ms = row->oldest_ms > total.oldest_ms ? row->oldest_ms : total.oldest_ms;
        for (uint32_t age = 0; age < HF_CENSUS_AGES; age++) {
            total.by_age[age] += row->by_age[age];
        }
    }
    return total;
}

#endif
