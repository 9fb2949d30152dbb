// SPDX-License-Identifier: MIT
// Take and give as others call them when calls are timed (CONFIG_HF_POOL_TIMING) or traced (CONFIG_HF_TRACE): the back
// end's, with a look at the clock around it and an entry in the trace after it. Without both switches this file is empty.
#include "hf_pool_private.h"

#if CONFIG_HF_TRACE
#include "holdfast/hf_trace.h"
#endif

#if CONFIG_HF_POOL_TIMING
#define MEAN16_MAX (UINT32_MAX / 2u)

#define NOW_CYCLES() hf_port_cycles()

static uint32_t next_mean16(uint32_t mean16, uint32_t cycles)
{
    const uint32_t bounded = cycles < MEAN16_MAX / 16u ? cycles : MEAN16_MAX / 16u;
    return mean16 == 0 ? bounded * 16u : mean16 - mean16 / 16u + bounded;
}

static void enter_duration(hf_atomic_u32_t *max, hf_atomic_u32_t *mean16, uint32_t cycles)
{
    uint32_t highest = hf_pool_read(max);
    while (highest < cycles && !hf_pool_swap(max, highest, cycles)) {
        highest = hf_pool_read(max);
    }
    uint32_t mean = hf_pool_read(mean16);
    while (!hf_pool_swap(mean16, mean, next_mean16(mean, cycles))) {
        mean = hf_pool_read(mean16);
    }
}
#define ENTER_DURATION(what, since)                                                                \
    enter_duration(&pool->what##_max, &pool->what##_mean16, NOW_CYCLES() - (since))
#else
#define NOW_CYCLES()                0u
#define ENTER_DURATION(what, since) ((void)(since))
#endif

#if CONFIG_HF_TRACE
void hf_pool_set_trace(hf_pool_t *pool, hf_trace_t *trace, uint16_t id)
{
    pool->trace = trace;
    pool->trace_id = id;
}

static void trace_take(const hf_pool_t *pool, const void *block, hf_tag_t tag, uintptr_t caller)
{
    if (pool->trace != NULL) {
        hf_trace_add(
            pool->trace,
            &(hf_trace_event_t){.caller = caller,
                                .bytes = hf_pool_block_bytes(pool),
                                .block = block != NULL ? (uint32_t)hf_pool_number(pool, block) : 0,
                                .pool = pool->trace_id,
                                .kind = block != NULL ? HF_TRACE_TAKE : HF_TRACE_REFUSED,
                                .tag = tag});
    }
}

static void trace_give(const hf_pool_t *pool, const void *block, int status, uintptr_t caller)
{
    if (pool->trace == NULL) {
        return;
    }
    hf_trace_event_t event = {.caller = caller,
                              .bytes = hf_pool_block_bytes(pool),
                              .pool = pool->trace_id,
                              .kind = HF_TRACE_GIVE};
    if (status == HF_OK || status == HF_E_OVERRUN) {
        event.block = (uint32_t)hf_pool_number(pool, block);
        hf_trace_add(pool->trace, &event);
    }
    if (status != HF_OK) {
        event.block = (uint32_t)((uintptr_t)block - (uintptr_t)pool->blocks);
        event.kind = HF_TRACE_WRONG;
        event.status = (int8_t)status;
        hf_trace_add(pool->trace, &event);
    }
}
#define CALLER HF_TRACE_CALLER()
#else
#define CALLER                                  0u
#define trace_take(pool, block, tag, caller)    ((void)0)
#define trace_give(pool, block, status, caller) ((void)0)
#endif

#if HF_POOL_IS_WATCHED
void *hf_pool_take(hf_pool_t *pool, hf_tag_t tag)
{
    const uint32_t start = NOW_CYCLES();
    void *block = hf_pool_bare_take(pool, tag);
    ENTER_DURATION(take, start);
    trace_take(pool, block, tag, CALLER);
    return block;
}

int hf_pool_give(hf_pool_t *pool, void *block)
{
    const uint32_t start = NOW_CYCLES();
    const int status = hf_pool_bare_give(pool, block);
    ENTER_DURATION(give, start);
    trace_give(pool, block, status, CALLER);
    return status;
}

#if CONFIG_HF_POOL_CENSUS
int hf_pool_give_handle(hf_pool_t *pool, hf_handle_t handle)
{
    const uint32_t start = NOW_CYCLES();
    const int status = hf_pool_bare_give_handle(pool, handle);
    ENTER_DURATION(give, start);
    trace_give(pool, hf_pool_block(pool, handle % HF_POOL_GENERATION), status, CALLER);
    return status;
}
#endif
#endif
