// SPDX-License-Identifier: MIT
// Rates from readings of a counter, hold times from single ones.
#include "holdfast/hf_rate.h"

#include "holdfast/hf_clock.h"

#define SPACES (HF_RATE_MARKS - 1u)

int hf_rate_init(hf_rate_t *rate, uint64_t window_us, uint64_t now_us, uint32_t count)
{
    if (rate == NULL || window_us < SPACES) {
        return HF_E_ARGUMENT;
    }
    *rate = (hf_rate_t){.window_us = window_us, .now_us = now_us, .now_count = count, .filled = 1u};
    rate->mark_us[0] = now_us;
    rate->mark_count[0] = count;
    return HF_OK;
}

static uint32_t oldest(const hf_rate_t *rate)
{
    return (rate->newest + HF_RATE_MARKS - (rate->filled - 1u)) % HF_RATE_MARKS;
}

void hf_rate_update(hf_rate_t *rate, uint64_t now_us, uint32_t count)
{
    if (now_us < rate->now_us) {
        return;
    }
    if (count - rate->now_count > UINT32_MAX / 2u) { // it went back: as if it had gone on
        for (uint32_t i = 0; i < HF_RATE_MARKS; i++) {
            rate->mark_count[i] -= rate->now_count;
        }
    }
    rate->now_us = now_us;
    rate->now_count = count;
    if (now_us - rate->mark_us[rate->newest] < rate->window_us / SPACES) {
        return;
    }
    rate->newest = (rate->newest + 1u) % HF_RATE_MARKS;
    rate->filled += rate->filled < HF_RATE_MARKS ? 1u : 0;
    rate->mark_us[rate->newest] = now_us;
    rate->mark_count[rate->newest] = count;
}

uint64_t hf_rate_span_us(const hf_rate_t *rate)
{
    return rate->now_us - rate->mark_us[oldest(rate)];
}

uint32_t hf_rate_per_ks(const hf_rate_t *rate)
{
    uint64_t span_us = hf_rate_span_us(rate);
    if (span_us == 0) {
        return 0;
    }
    uint64_t moved = rate->now_count - rate->mark_count[oldest(rate)]; // modulo 2^32
    uint64_t per_ks = moved * (1000u * HF_US_PER_S) / span_us;
    return per_ks < UINT32_MAX ? (uint32_t)per_ks : UINT32_MAX;
}

void hf_hold_add(hf_hold_t *hold, uint32_t held_ms)
{
    hold->sum_ms += held_ms;
    hold->count++;
    hold->max_ms = held_ms > hold->max_ms ? held_ms : hold->max_ms;
}

uint32_t hf_hold_mean_ms(const hf_hold_t *hold)
{
    return hold->count == 0 ? 0 : (uint32_t)(hold->sum_ms / hold->count);
}
