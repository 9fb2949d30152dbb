// SPDX-License-Identifier: MIT
// The wrapped take (fail_take.h). The linker's seam has no context, so the plan is the program's.
#include "fail_take.h"

static struct {
    uint32_t first, count, takes, refused;
} plan;

void *__real_hf_pool_take(hf_pool_t *pool, hf_tag_t tag);
void *__wrap_hf_pool_take(hf_pool_t *pool, hf_tag_t tag);

void fail_take_plan(uint32_t first, uint32_t count)
{
    plan.first = first;
    plan.count = count;
}

uint32_t fail_take_takes(void)
{
    return plan.takes;
}

uint32_t fail_take_refused(void)
{
    return plan.refused;
}

/// As if all were in use: the pool counts it, and what was free is free again afterwards.
static void *refuse(hf_pool_t *pool, hf_tag_t tag)
{
    void *held[HF_POOL_COUNT_MAX];
    uint32_t count = 0;
    void *block = __real_hf_pool_take(pool, tag);
    while (block != NULL && count < HF_POOL_COUNT_MAX) {
        held[count++] = block;
        block = __real_hf_pool_take(pool, tag);
    }
    while (count > 0) {
        int status = hf_pool_give(pool, held[--count]);
        HF_ASSERT(status == HF_OK);
    }
    return NULL;
}

void *__wrap_hf_pool_take(hf_pool_t *pool, hf_tag_t tag)
{
    plan.takes++;
    if (plan.first == 0 || plan.takes < plan.first || plan.takes - plan.first >= plan.count) {
        return __real_hf_pool_take(pool, tag);
    }
    plan.refused++;
    return refuse(pool, tag);
}
