// SPDX-License-Identifier: MIT
// The program: runs all groups over the variant it was compiled for. Owns the storage the cases share.
#include "conformance.h"

conf_storage_t conf;
uint8_t *conf_block[HF_POOL_COUNT_MAX];

bool conf_open(hf_pool_t *pool, uint32_t block_bytes, uint32_t count, uint32_t options)
{
    const hf_pool_config_t config = {.name = "blocks",
                                     .blocks = conf.blocks,
                                     .meta = conf.meta,
                                     .block_bytes = block_bytes,
                                     .count = count,
                                     .options = options};
    memset(conf.below, GUARD_FILL, sizeof conf.below);
    memset(conf.above, GUARD_FILL, sizeof conf.above);
    memset(conf.behind, GUARD_FILL, sizeof conf.behind);
    memset(conf.blocks, AREA_FILL, sizeof conf.blocks);
    for (uint32_t i = 0; i < META_WORDS; i++) {
        atomic_init(&conf.meta[i], 0x5A5A5A5Au);
    }
    return hf_pool_init(pool, &config) == HF_OK;
}

static bool all_are(const void *bytes, uint8_t value, size_t length)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < length; i++) {
        if (byte[i] != value) {
            return false;
        }
    }
    return true;
}

bool conf_guards_are_whole(const hf_pool_t *pool)
{
    const hf_pool_stats_t stats = hf_pool_stats(pool);
    const size_t used = HF_POOL_BYTES((size_t)stats.block_bytes, stats.capacity);
    for (uint32_t i = HF_POOL_META_WORDS(stats.capacity); i < META_WORDS; i++) {
        if (atomic_load_explicit(&conf.meta[i], memory_order_relaxed) != 0x5A5A5A5Au) {
            return false;
        }
    }
    return all_are(conf.below, GUARD_FILL, sizeof conf.below) &&
           all_are(conf.above, GUARD_FILL, sizeof conf.above) &&
           all_are(conf.behind, GUARD_FILL, sizeof conf.behind) &&
           all_are(conf.blocks + used, AREA_FILL, sizeof conf.blocks - used);
}

uint32_t conf_number(const hf_pool_t *pool, const void *block)
{
    const hf_pool_stats_t stats = hf_pool_stats(pool);
    const uintptr_t stride = HF_POOL_STRIDE((uintptr_t)stats.block_bytes);
    const uintptr_t offset = (uintptr_t)block - (uintptr_t)conf.blocks;
    return offset % stride == 0 && offset / stride < stats.capacity ? (uint32_t)(offset / stride)
                                                                    : UINT32_MAX;
}

bool conf_take_all(hf_pool_t *pool)
{
    static bool seen[HF_POOL_COUNT_MAX];
    const uint32_t count = hf_pool_stats(pool).capacity;
    memset(seen, 0, sizeof seen);
    for (uint32_t i = 0; i < count; i++) {
        conf_block[i] = hf_pool_take(pool, HF_TAG_NONE);
        const uint32_t number = conf_number(pool, conf_block[i]);
        if (number == UINT32_MAX || seen[number] || (uintptr_t)conf_block[i] % HF_POOL_ALIGN != 0) {
            printf("  block %" PRIu32 " of %" PRIu32 ": number %" PRIu32 "\n", i, count, number);
            return false;
        }
        seen[number] = true;
    }
    return hf_pool_take(pool, HF_TAG_NONE) == NULL && conf_in_use_is(pool, count);
}

bool conf_give_all(hf_pool_t *pool, uint32_t order)
{
    // Up, down, and three steps through the pool that share no divisor with any count below 1,024 but one.
    static const uint32_t step[] = {1, 1, 1021, 1019, 1013};
    const uint32_t count = hf_pool_stats(pool).capacity;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i * (step[order % 5u] % count == 0 ? 1u : step[order % 5u]) % count;
        at = order % 5u == 1 ? count - 1u - i : at;
        if (hf_pool_give(pool, conf_block[at]) != HF_OK) {
            printf("  order %" PRIu32 ", block %" PRIu32 " of %" PRIu32 " refused\n", order, at,
                   count);
            return false;
        }
    }
    return conf_in_use_is(pool, 0);
}

bool conf_in_use_is(const hf_pool_t *pool, uint32_t in_use)
{
    const hf_pool_stats_t stats = hf_pool_stats(pool);
    bool holds = stats.in_use == in_use && hf_pool_free_count(pool) == stats.capacity - in_use;
#if CONFIG_HF_POOL_STATISTICS
    holds = holds && stats.takes - stats.gives == in_use && stats.peak >= in_use &&
            stats.peak <= stats.capacity && stats.min_free == stats.capacity - stats.peak;
#endif
    return holds;
}

uint32_t conf_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

int main(void)
{
    int failed = conformance_life();
    failed += conformance_give();
    failed += conformance_history();
    failed += conformance_options();
    failed += conformance_census();
    failed += conformance_beside();
    return failed != 0;
}
