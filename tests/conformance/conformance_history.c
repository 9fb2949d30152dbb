// SPDX-License-Identifier: MIT
// Long random histories against a model: after each step every figure the pool tells is the model's.
// A failure prints count:seed:step, which replays it.
#include "conformance.h"

#if defined(__linux__)
#define STEPS 100000u
#else
#define STEPS 4000u // QEMU
#endif

// More than any counter narrower than its 32 bits can hold: minutes in QEMU, half a minute under ThreadSanitizer.
#if CONFIG_HF_POOL_STATISTICS && defined(__linux__) && !defined(__SANITIZE_THREAD__)
#define HAS_LONG_HISTORY 1
#else
#define HAS_LONG_HISTORY 0
#endif

typedef struct model {
    hf_pool_t pool;
    bool taken[HF_POOL_COUNT_MAX];
    hf_pool_stats_t expected;
    uint32_t random, count;
    uint32_t bias; // of 8: how many of the steps take
} model_t;

static model_t model;

static uint8_t *block_number(uint32_t number)
{
    return conf.blocks + (size_t)number * HF_POOL_STRIDE(BLOCK_BYTES);
}

static bool take(model_t *m)
{
    uint8_t *block = hf_pool_take(&m->pool, HF_TAG_NONE);
    if (m->expected.in_use == m->count) {
        m->expected.exhausted++;
        return block == NULL;
    }
    const uint32_t number = conf_number(&m->pool, block);
    if (number == UINT32_MAX || m->taken[number]) {
        return false;
    }
    m->taken[number] = true;
    m->expected.in_use++;
#if CONFIG_HF_POOL_STATISTICS
    m->expected.takes++;
    m->expected.peak =
        m->expected.peak < m->expected.in_use ? m->expected.in_use : m->expected.peak;
#endif
    return true;
}

static bool give(model_t *m)
{
    const uint32_t number = conf_random(&m->random) % m->count;
    const int status = hf_pool_give(&m->pool, block_number(number));
    if (!m->taken[number]) {
        m->expected.double_gives++;
        return status == HF_E_DOUBLE_GIVE;
    }
    m->taken[number] = false;
    m->expected.in_use--;
#if CONFIG_HF_POOL_STATISTICS
    m->expected.gives++;
#endif
    return status == HF_OK;
}

static bool give_wrong(model_t *m)
{
    const uint32_t random = conf_random(&m->random);
    const uint32_t stride = HF_POOL_STRIDE(BLOCK_BYTES);
    if (random % 2u == 0) {
        m->expected.interior++;
        return hf_pool_give(&m->pool, block_number(random / 2u % m->count) + 1u +
                                          random / 16u % (stride - 1u)) == HF_E_INTERIOR;
    }
    m->expected.foreign++;
    return hf_pool_give(&m->pool, random % 4u == 1 ? conf.below + random / 4u % GUARD_BYTES
                                                   : block_number(m->count) +
                                                         random / 4u % GUARD_BYTES) == HF_E_FOREIGN;
}

static bool figures_agree(const model_t *m)
{
    const hf_pool_stats_t is = hf_pool_stats(&m->pool), *should = &m->expected;
    bool agree = is.capacity == m->count && is.block_bytes == BLOCK_BYTES &&
                 is.in_use == should->in_use && is.exhausted == should->exhausted &&
                 is.foreign == should->foreign && is.interior == should->interior &&
                 is.double_gives == should->double_gives &&
                 hf_pool_free_count(&m->pool) == m->count - should->in_use;
#if CONFIG_HF_POOL_STATISTICS
    agree = agree && is.takes == should->takes && is.gives == should->gives &&
            is.peak == should->peak && is.min_free == m->count - should->peak;
#endif
    return agree;
}

static bool step(model_t *m)
{
    const uint32_t random = conf_random(&m->random);
    if (random % (16u + m->count) == 0) {
        m->bias = 1u + random / 4096u % 7u; // drifts between empty and full
    }
    if (random / 512u % 16u == 0) {
        return give_wrong(m);
    }
    return random / 8192u % 8u < m->bias ? take(m) : give(m);
}

static void run(uint32_t count, uint32_t seed)
{
    memset(&model, 0, sizeof model);
    model.count = count;
    model.random = seed;
    model.bias = 4;
    REQUIRE(conf_open(&model.pool, BLOCK_BYTES, count, 0));
    for (uint32_t i = 0; i < STEPS; i++) {
        const bool right = step(&model);
        if (!right || !figures_agree(&model)) {
            HF_TEST_FAIL("history %" PRIu32 ":%" PRIu32 ":%" PRIu32 ": %s", count, seed, i,
                         right ? "figures" : "answer");
            return;
        }
    }
    CHECK(model.expected.foreign > 0 && model.expected.interior > 0);
    CHECK(conf_guards_are_whole(&model.pool));
}

static void history_of_small_pools_agrees_with_the_model(void)
{
    static const uint32_t counts[] = {1, 2, 5, 31, 32, 33};
    for (uint32_t i = 0; i < HF_COUNT_OF(counts); i++) {
        run(counts[i], 0x9E3779B9u + i);
    }
}

static void history_of_large_pools_agrees_with_the_model(void)
{
    static const uint32_t counts[] = {63, 64, 65, 100, 256, 1000, 1023, 1024 - 32};
    for (uint32_t i = 0; i < HF_COUNT_OF(counts); i++) {
        run(counts[i], 0x2545F491u + i);
    }
}

#if HAS_LONG_HISTORY
static void history_of_two_million_gives_is_counted_exactly(void)
{
    hf_pool_t pool;
    REQUIRE(conf_open(&pool, BLOCK_BYTES, 3, 0));
    void *kept = hf_pool_take(&pool, HF_TAG_NONE);
    for (uint32_t i = 0; i < 2200000u; i++) {
        REQUIRE(hf_pool_give(&pool, hf_pool_take(&pool, HF_TAG_NONE)) == HF_OK);
    }
    const hf_pool_stats_t stats = hf_pool_stats(&pool);
    CHECK_EQ(stats.takes, 2200001u);
    CHECK_EQ(stats.gives, 2200000u);
    CHECK_EQ(stats.in_use, 1);
    CHECK_EQ(hf_pool_give(&pool, kept), HF_OK);
}
#endif

int conformance_history(void)
{
    static const hf_test_case_t cases[] = {
        HF_TEST(history_of_small_pools_agrees_with_the_model),
        HF_TEST(history_of_large_pools_agrees_with_the_model),
#if HAS_LONG_HISTORY
        HF_TEST(history_of_two_million_gives_is_counted_exactly),
#endif
    };
    return hf_test_run(cases, HF_COUNT_OF(cases), NULL);
}
