// SPDX-License-Identifier: MIT
// The wrapped take of nth_take.h. One thread.
#include "nth_take.h"

#define POOLS_MAX 16u

nth_take_t nth_take;

static struct {
    const hf_pool_t *pool;
    uint32_t refused;
} noted[POOLS_MAX];

void *__real_hf_pool_take(hf_pool_t *pool, hf_tag_t tag);
void *__wrap_hf_pool_take(hf_pool_t *pool, hf_tag_t tag);
int __real_hf_pool_init(hf_pool_t *pool, const hf_pool_config_t *config);
int __wrap_hf_pool_init(hf_pool_t *pool, const hf_pool_config_t *config);

static uint32_t *note_of(const hf_pool_t *pool)
{
    uint32_t i = 0;
    while (i < POOLS_MAX - 1u && noted[i].pool != NULL && noted[i].pool != pool) {
        i++;
    }
    noted[i].pool = pool;
    return &noted[i].refused;
}

void nth_take_plan(uint32_t first, uint32_t length)
{
    nth_take = (nth_take_t){.first = first, .length = length};
}

bool nth_take_is_counted(const hf_pool_t *pool)
{
    return hf_pool_stats(pool).exhausted == *note_of(pool);
}

static void refuse(hf_pool_t *pool, hf_tag_t tag)
{
    void *held[HF_POOL_COUNT_MAX];
    uint32_t count = 0;
    while (count < HF_POOL_COUNT_MAX && (held[count] = __real_hf_pool_take(pool, tag)) != NULL) {
        count++;
    }
    while (count > 0) {
        int status = hf_pool_give(pool, held[--count]);
        HF_ASSERT(status == HF_OK);
    }
}

void *__wrap_hf_pool_take(hf_pool_t *pool, hf_tag_t tag)
{
    nth_take.takes++;
    if (nth_take.first == 0 || nth_take.takes < nth_take.first ||
        nth_take.takes - nth_take.first >= nth_take.length) {
        return __real_hf_pool_take(pool, tag);
    }
    nth_take.refused++;
    ++*note_of(pool);
    refuse(pool, tag);
    return NULL;
}

int __wrap_hf_pool_init(hf_pool_t *pool, const hf_pool_config_t *config)
{
    *note_of(pool) = 0;
    return __real_hf_pool_init(pool, config);
}
