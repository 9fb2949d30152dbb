// SPDX-License-Identifier: MIT
// Checks a config and lays out what follows from it: the state of each tier, its records, its thresholds. All of it is
// written here once and only read after.
#include "hf_mem_private.h"
#if CONFIG_HF_SLAB
#include "holdfast/hf_slab.h"
#endif

/// The level of an alert over `limit` things: raised when use reaches the percentage, over 5 points below.
static hf_mem_level_t level_of(uint32_t limit, uint32_t percent)
{
    // limit = 100 q + r: no product wraps.
    const uint32_t q = limit / 100u, r = limit % 100u;
    const uint32_t on = q * percent + (r * percent + 99u) / 100u;
    const uint32_t off = q * (percent - 5u) + (r * (percent - 5u) + 99u) / 100u;
    return (hf_mem_level_t){.on = on > 0 ? on : 1u, .off = off > 0 ? off : 1u};
}

static int check_percents(hf_mem_config_t *config)
{
    if (config->low_percent == 0) {
        config->low_percent = CONFIG_HF_MEM_LOW_PERCENT;
    }
    if (config->critical_percent == 0) {
        config->critical_percent = CONFIG_HF_MEM_CRITICAL_PERCENT;
    }
    return config->low_percent >= 50u && config->low_percent <= 95u &&
                   config->critical_percent >= 80u && config->critical_percent <= 99u &&
                   config->critical_percent >= config->low_percent
               ? HF_OK
               : HF_E_ARGUMENT;
}

static int check(hf_mem_config_t *config)
{
    if (config->name == NULL || config->states == NULL || config->records == NULL ||
        (config->tiers.size_count > 0) == (config->slab != NULL) ||
        config->tag_count > CONFIG_HF_MEM_TAGS_MAX ||
        (config->tag_count > 0 && config->tags == NULL) ||
        (uint32_t)config->policy.spill > (uint32_t)HF_MEM_ANY_UP) {
        return HF_E_ARGUMENT;
    }
#if !CONFIG_HF_MEM_RESERVE
    if (config->reserve != NULL) {
        return HF_E_ARGUMENT;
    }
#endif
#if !CONFIG_HF_MEM_REGION_FALLBACK
    if (config->region != NULL || config->policy.region) {
        return HF_E_ARGUMENT;
    }
#endif
    if (config->reserve != NULL && config->slab != NULL) {
        return HF_E_ARGUMENT;
    }
    return check_percents(config);
}

static int add_tier(hf_mem_t *mem, const hf_tier_size_t *size, uintptr_t first_block,
                    uint32_t *record, uint32_t reserve)
{
    if (mem->tier_count >= mem->config.state_count || reserve >= size->count ||
        mem->config.record_count - *record < size->count) {
        return HF_E_ARGUMENT;
    }
    const uint32_t normal_max = size->count - reserve;
    mem->config.states[mem->tier_count] =
        (hf_mem_tier_state_t){.first_block = first_block,
                              .block_bytes = size->block_bytes,
                              .stride = (uint32_t)HF_POOL_STRIDE(size->block_bytes),
                              .capacity = size->count,
                              .normal_max = normal_max,
                              .first_record = *record,
                              .low = level_of(normal_max, mem->config.low_percent),
                              .critical = level_of(normal_max, mem->config.critical_percent)};
    mem->tier_count++;
    mem->capacity_bytes += size->count * size->block_bytes;
    *record += size->count;
    return HF_OK;
}

static int init_tiers(hf_mem_t *mem)
{
    const hf_tier_config_t *config = &mem->config.tiers;
    int status = hf_tier_init(&mem->tier, config);
    uintptr_t first_block = (uintptr_t)config->arena;
    uint32_t record = 0, reserved_bytes = 0;
    for (uint32_t i = 0; i < config->size_count && status == HF_OK; i++) {
        const hf_tier_size_t *size = &config->sizes[i];
        const uint32_t reserve = mem->config.reserve != NULL ? mem->config.reserve[i] : 0;
        if (size->count == 0) {
            continue;
        }
        status = add_tier(mem, size, first_block, &record, reserve);
        reserved_bytes += reserve * size->block_bytes;
        first_block += HF_TIER_BYTES(size->block_bytes, size->count);
    }
    mem->config.record_count = record;
    mem->low = level_of(mem->capacity_bytes - reserved_bytes, mem->config.low_percent);
    mem->critical = level_of(mem->capacity_bytes - reserved_bytes, mem->config.critical_percent);
    return status;
}

#if CONFIG_HF_SLAB
static int init_slab(hf_mem_t *mem)
{
    const hf_slab_config_t *slab = &mem->config.slab->config;
    const uint32_t count = slab->class_count, bytes = slab->page_count * slab->page_bytes;
    const hf_mem_level_t never = {.on = UINT32_MAX};
    if (count > HF_MEM_TIERS_MAX || count > mem->config.state_count ||
        slab->classes[count - 1u].block_bytes > MEM_RECORD_BYTES_MAX ||
        mem->config.record_count < bytes / slab->classes[0].block_bytes) {
        return HF_E_ARGUMENT;
    }
    for (uint32_t i = 0; i < count; i++) {
        mem->config.states[i] = (hf_mem_tier_state_t){.first_block = (uintptr_t)slab->pages,
                                                      .block_bytes = slab->classes[i].block_bytes,
                                                      .stride = slab->classes[0].block_bytes,
                                                      .capacity = UINT32_MAX,
                                                      .normal_max = UINT32_MAX,
                                                      .low = never,
                                                      .critical = never};
    }
    mem->tier_count = count;
    mem->capacity_bytes = bytes;
    mem->low = level_of(bytes, mem->config.low_percent);
    mem->critical = level_of(bytes, mem->config.critical_percent);
    return HF_OK;
}
#else
static int init_slab(hf_mem_t *mem)
{
    (void)mem;
    return HF_E_ARGUMENT;
}
#endif

int hf_mem_init(hf_mem_t *mem, const hf_mem_config_t *config)
{
    if (mem == NULL || config == NULL) {
        return HF_E_ARGUMENT;
    }
    *mem = (hf_mem_t){.config = *config};
    int status = check(&mem->config);
    if (status == HF_OK) {
        status = mem->config.slab != NULL ? init_slab(mem) : init_tiers(mem);
    }
    for (uint32_t i = 0; status == HF_OK && i < mem->config.record_count; i++) {
        atomic_init(&mem->config.records[i], 0);
    }
    return status;
}
