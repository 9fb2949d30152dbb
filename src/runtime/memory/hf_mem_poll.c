// SPDX-License-Identifier: MIT
// Telling: what takes and gives left as bits and counts becomes callbacks here, in rounds, by one task. Invariant: what is
// told as raised is later told as over, exactly once, before it is told as raised again.
#include "hf_mem_private.h"

static uint32_t use_permille(const hf_mem_t *mem, uint32_t tier)
{
    if (tier == HF_MEM_TIERS_MAX) {
        return mem_permille(word_read(&mem->in_use_bytes), mem->capacity_bytes);
    }
    const hf_mem_tier_state_t *state = &mem->config.states[tier];
    return mem_permille(word_read(&state->in_use), state->capacity);
}

static uint32_t tell(hf_mem_t *mem, const hf_mem_alert_t *alert)
{
    const hf_mem_seams_t *seams = &mem->config.seams;
    if (seams->on_alert == NULL) {
        return 0;
    }
    seams->on_alert(seams->ctx, alert);
    word_count(&mem->alerts_told);
    return 1u;
}

static uint32_t tell_level(hf_mem_t *mem, hf_mem_alert_kind_t kind, uint32_t stands, uint32_t *told)
{
    uint32_t calls = 0;
    for (uint32_t left = stands ^ *told, tier = 0; left != 0; left >>= 1, tier++) {
        if ((left & 1u) != 0) {
            const hf_mem_alert_t alert = {
                .kind = kind,
                .is_raised = ((stands >> tier) & 1u) != 0,
                .tier = (uint8_t)(tier == HF_MEM_TIERS_MAX ? HF_MEM_TIER_ALL : tier),
                .use_permille = use_permille(mem, tier)};
            calls += tell(mem, &alert);
        }
    }
    *told = stands;
    return calls;
}

static uint32_t tell_quotas(hf_mem_t *mem)
{
    uint32_t calls = 0;
    for (uint32_t tag = 0; tag < mem->config.tag_count; tag++) {
        const bool is_over = word_read(&mem->tags[tag].is_over_soft) != 0;
        uint32_t *told = &mem->soft_told[tag / 32u];
        const uint32_t bit = 1u << (tag % 32u);
        if (is_over == ((*told & bit) != 0)) {
            continue;
        }
        const hf_mem_alert_t alert = {
            .kind = HF_MEM_ALERT_SOFT,
            .is_raised = is_over,
            .tier = HF_MEM_TIER_ALL,
            .tag = (hf_tag_t)tag,
            .use_permille =
                mem_permille(word_read(&mem->tags[tag].bytes), mem->config.tags[tag].soft_bytes)};
        *told ^= bit;
        calls += tell(mem, &alert);
    }
    return calls;
}

static uint32_t tell_failures(hf_mem_t *mem)
{
    const hf_mem_seams_t *seams = &mem->config.seams;
    const uint32_t failures = word_read(&mem->failures);
    const uint32_t count = failures - mem->failures_seen;
    mem->failures_seen = failures;
    if (count == 0 || seams->on_failure == NULL) {
        return 0;
    }
    const hf_mem_failure_t failure = {.count = count,
                                      .bytes = word_read(&mem->failed_bytes),
                                      .tag = (hf_tag_t)word_read(&mem->failed_tag),
                                      .status = hf_mem_last_error(mem)};
    seams->on_failure(seams->ctx, &failure);
    word_count(&mem->failures_told);
    return 1u;
}

static void set_clocks(hf_mem_t *mem, uint64_t now_us)
{
#if CONFIG_HF_POOL_CENSUS
    for (uint32_t i = 0; i < hf_tier_count(&mem->tier); i++) {
        hf_pool_set_clock(hf_tier_pool(&mem->tier, i), (uint32_t)(now_us / 1000u));
    }
#else
    (void)mem;
    (void)now_us;
#endif
}

/// Once more by what is in use now: a take and a give at the same moment may have left a bit as the other would have it.
static void judge_all(hf_mem_t *mem)
{
    for (uint32_t tier = 0; tier < mem->tier_count; tier++) {
        mem_judge(mem, tier);
    }
    for (uint32_t tag = 0; tag < mem->config.tag_count; tag++) {
        mem_judge_soft(mem, (hf_tag_t)tag);
    }
}

static uint32_t tell_round(hf_mem_t *mem, uint64_t now_us)
{
    if (mem->has_told && now_us - mem->told_us < mem->config.alert_interval_us) {
        return 0;
    }
    judge_all(mem);
    uint32_t calls = tell_level(mem, HF_MEM_ALERT_LOW, word_read(&mem->low_state), &mem->low_told);
    calls += tell_level(mem, HF_MEM_ALERT_CRITICAL, word_read(&mem->critical_state),
                        &mem->critical_told);
    calls += tell_quotas(mem);
    calls += tell_failures(mem);
    if (calls > 0) {
        mem->has_told = true;
        mem->told_us = now_us;
    }
    return calls;
}

uint32_t hf_mem_poll(hf_mem_t *mem, uint64_t now_us)
{
    if (word_exchange(&mem->is_polling, 1u) != 0) {
        word_count(&mem->nested);
        return 0;
    }
    set_clocks(mem, now_us);
    const uint32_t calls = tell_round(mem, now_us);
    word_write(&mem->is_polling, 0);
    return calls;
}
