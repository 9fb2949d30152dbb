// SPDX-License-Identifier: MIT
// The breaker's three states. Goal: a bounded rate of tries at what is broken, and full speed at what is not. Invariant:
// `wait_ms` lies between cool-down and cap, and is the cool-down whenever CLOSED.
#include "holdfast/hf_breaker.h"

#include "holdfast/hf_clock.h"

int hf_breaker_init(hf_breaker_t *breaker, const hf_breaker_limit_t *limit)
{
    if (breaker == NULL || limit == NULL || limit->threshold == 0u ||
        limit->cap_ms < limit->cool_down_ms) {
        return HF_E_ARGUMENT;
    }
    *breaker = (hf_breaker_t){.limit = limit, .wait_ms = limit->cool_down_ms};
    return HF_OK;
}

bool hf_breaker_allow(hf_breaker_t *breaker, uint64_t now_us)
{
    if (breaker->state == HF_BREAKER_CLOSED) {
        return true;
    }
    if (now_us < breaker->until_us) {
        breaker->refused++;
        return false;
    }
    breaker->state = HF_BREAKER_HALF_OPEN;
    breaker->until_us = now_us + breaker->limit->cool_down_ms * HF_US_PER_MS;
    return true;
}

void hf_breaker_success(hf_breaker_t *breaker)
{
    breaker->state = HF_BREAKER_CLOSED;
    breaker->failures = 0u;
    breaker->wait_ms = breaker->limit->cool_down_ms;
}

static void open(hf_breaker_t *breaker, uint64_t now_us)
{
    uint32_t cap_ms = breaker->limit->cap_ms;
    breaker->state = HF_BREAKER_OPEN;
    breaker->until_us =
        breaker->wait_ms == 0u ? UINT64_MAX : now_us + breaker->wait_ms * HF_US_PER_MS;
    breaker->wait_ms = breaker->wait_ms > cap_ms / 2u ? cap_ms : breaker->wait_ms * 2u;
    breaker->opened++;
}

void hf_breaker_failure(hf_breaker_t *breaker, uint64_t now_us)
{
    breaker->failures += breaker->failures < UINT32_MAX ? 1u : 0u;
    bool opens =
        breaker->state == HF_BREAKER_HALF_OPEN ||
        (breaker->state == HF_BREAKER_CLOSED && breaker->failures >= breaker->limit->threshold);
    if (opens) {
        open(breaker, now_us);
    }
}

void hf_breaker_cancel(hf_breaker_t *breaker, uint64_t now_us)
{
    if (breaker->state == HF_BREAKER_HALF_OPEN) {
        breaker->state = HF_BREAKER_OPEN;
        breaker->until_us = now_us;
    }
}

uint32_t hf_breaker_wait_ms(const hf_breaker_t *breaker, uint64_t now_us)
{
    if (breaker->state == HF_BREAKER_CLOSED || now_us >= breaker->until_us) {
        return 0u;
    }
    if (breaker->until_us == UINT64_MAX) {
        return UINT32_MAX;
    }
    return (uint32_t)((breaker->until_us - now_us + HF_US_PER_MS - 1u) / HF_US_PER_MS);
}

const char *hf_breaker_state_text(unsigned state)
{
    static const char *const texts[] = {"closed", "open", "half-open"};
    return state < HF_COUNT_OF(texts) ? texts[state] : "?";
}
