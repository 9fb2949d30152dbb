// SPDX-License-Identifier: MIT
// What both back ends of the pool share: init, the figures, and the names of wrong gives. The rest is in hf_pool_bitmap.c or
// hf_pool_lifo.c. Reading figures takes no lock: the tally is one word, so in use and gives are of one moment.
#include "hf_pool_private.h"

#include <assert.h>

#if !CONFIG_HF_POOL_LIFO
static_assert(HF_POOL_FREE_WORDS(HF_POOL_COUNT_MAX) <= 32u, "one summary word knows 32 leaves");
#endif
static_assert(HF_POOL_STRIDE(1u) <= UINT8_MAX, "slack_bytes holds less");
#if HF_POOL_HAS_TALLY
static_assert(HF_POOL_COUNT_MAX <= HF_POOL_FREE_MASK, "the tally counts all blocks");
#endif
#if UINTPTR_MAX == UINT32_MAX && !CONFIG_HF_POOL_STATISTICS && !HF_POOL_HAS_OPTIONS &&             \
    !HF_POOL_IS_WATCHED
static_assert(sizeof(hf_pool_t) <= 48u, "a pool at core level costs more than its contract says");
#endif

static uint32_t options_known(void)
{
    return 0u
#if CONFIG_HF_POOL_FILL
           | HF_POOL_ZERO | HF_POOL_POISON
#endif
#if CONFIG_HF_POOL_CANARY
           | HF_POOL_CANARY
#endif
        ;
}

static bool is_good(const hf_pool_config_t *config)
{
    if (config == NULL || config->name == NULL || config->blocks == NULL || config->meta == NULL) {
        return false;
    }
    if (config->count == 0 || config->count > HF_POOL_COUNT_MAX || config->block_bytes == 0 ||
        config->block_bytes > UINT32_MAX / config->count - HF_POOL_STRIDE(1u)) {
        return false;
    }
    return (uintptr_t)config->blocks % HF_POOL_ALIGN == 0 &&
           (config->options & ~options_known()) == 0;
}

/// The number that makes 1 when multiplied by an odd one. Each round doubles the bits that are right, from 3 on.
static uintptr_t inverse_of(uintptr_t odd)
{
    uintptr_t inverse = odd;
    for (unsigned bits = 3; bits < sizeof inverse * 8u; bits *= 2u) {
        inverse *= 2u - odd * inverse;
    }
    return inverse;
}

int hf_pool_init(hf_pool_t *pool, const hf_pool_config_t *config)
{
    if (pool == NULL || !is_good(config)) {
        return HF_E_ARGUMENT;
    }
    const uint32_t stride = (uint32_t)HF_POOL_STRIDE((size_t)config->block_bytes);
    uint8_t shift = 0;
    while ((stride >> shift & 1u) == 0) {
        shift++;
    }
    *pool = (hf_pool_t){.blocks = config->blocks,
                        .meta = config->meta,
                        .inverse = inverse_of(stride >> shift),
                        .stride = stride,
                        .count = (uint16_t)config->count,
                        .shift = shift,
                        .slack_bytes = (uint8_t)(stride - config->block_bytes),
                        .name = config->name};
    hf_pool_open_back_end(pool);
#if CONFIG_HF_POOL_STATISTICS
    atomic_init(&pool->min_free, config->count);
#endif
#if CONFIG_HF_POOL_CENSUS
    pool->census = &config->meta[HF_POOL_FREE_WORDS(config->count)];
    for (uint32_t i = 0; i < 2u * config->count; i++) {
        atomic_init(&pool->census[i], 0u);
    }
#endif
#if HF_POOL_HAS_OPTIONS
    pool->options = config->options;
    hf_pool_open_options(pool);
#endif
    return HF_OK;
}

// ---- counters -----------------------------------------------------------------------------------

int hf_pool_fail(hf_atomic_u32_t *counter, int status)
{
    hf_pool_count(counter);
    return status;
}

uint32_t hf_pool_free_count(const hf_pool_t *pool)
{
#if HF_POOL_HAS_TALLY
    return hf_pool_tally_free(hf_pool_read(&pool->tally));
#else
    return hf_pool_count_free(pool);
#endif
}

#if CONFIG_HF_POOL_STATISTICS
// One reading of the tally gives in use and gives. A give carries after it changed the tally, and the carry is read first:
// it can only be behind, by one, and then it disagrees with the highest bit of the tally.
static void read_tally(const hf_pool_t *pool, hf_pool_stats_t *stats)
{
    uint32_t carry = atomic_load_explicit(&pool->gives_carry, HF_POOL_ACQUIRE);
    const uint32_t tally = hf_pool_read(&pool->tally);
    carry += (carry ^ tally >> 31) & 1u;
    stats->in_use = pool->count - hf_pool_tally_free(tally);
    stats->gives = (carry << HF_POOL_HALF_BITS) + ((tally & INT32_MAX) >> HF_POOL_FREE_BITS);
    stats->takes = stats->gives + stats->in_use - pool->in_use_at_reset;
    stats->min_free = hf_pool_read(&pool->min_free);
    stats->peak = pool->count - stats->min_free;
}
#endif

#if CONFIG_HF_POOL_TIMING
static hf_pool_duration_t duration(const hf_atomic_u32_t *max, const hf_atomic_u32_t *mean16)
{
    return (hf_pool_duration_t){.max_cycles = hf_pool_read(max),
                                .mean_cycles = hf_pool_read(mean16) / 16u};
}
#endif

hf_pool_stats_t hf_pool_stats(const hf_pool_t *pool)
{
    hf_pool_stats_t stats;
    stats.capacity = pool->count;
    stats.block_bytes = hf_pool_block_bytes(pool);
    stats.exhausted = hf_pool_read(&pool->exhausted);
    stats.foreign = hf_pool_read(&pool->wrong_gives[HF_POOL_FOREIGN]);
    stats.interior = hf_pool_read(&pool->wrong_gives[HF_POOL_INTERIOR]);
    stats.double_gives = hf_pool_read(&pool->wrong_gives[HF_POOL_DOUBLE]);
#if CONFIG_HF_POOL_STATISTICS
    read_tally(pool, &stats);
#else
    stats.in_use = pool->count - hf_pool_free_count(pool);
#endif
#if CONFIG_HF_POOL_CENSUS
    stats.stale = hf_pool_read(&pool->stale);
#endif
#if CONFIG_HF_POOL_FILL
    stats.spoilt = hf_pool_read(&pool->spoilt);
#endif
#if CONFIG_HF_POOL_CANARY
    stats.overruns = hf_pool_read(&pool->overruns);
#endif
#if CONFIG_HF_POOL_TIMING
    stats.take = duration(&pool->take_max, &pool->take_mean16);
    stats.give = duration(&pool->give_max, &pool->give_mean16);
#endif
    return stats;
}

void hf_pool_reset_stats(hf_pool_t *pool)
{
    hf_pool_write(&pool->exhausted, 0);
    for (uint32_t i = 0; i < HF_COUNT_OF(pool->wrong_gives); i++) {
        hf_pool_write(&pool->wrong_gives[i], 0);
    }
#if CONFIG_HF_POOL_STATISTICS
    const uint32_t free = hf_pool_free_count(pool);
    hf_pool_write(&pool->tally, free);
    hf_pool_write(&pool->gives_carry, 0);
    hf_pool_write(&pool->min_free, free);
    pool->in_use_at_reset = pool->count - free;
#endif
#if CONFIG_HF_POOL_CENSUS
    hf_pool_write(&pool->stale, 0);
#endif
#if HF_POOL_HAS_OPTIONS
    hf_pool_write(&pool->spoilt, 0);
    hf_pool_write(&pool->overruns, 0);
#endif
#if CONFIG_HF_POOL_TIMING
    hf_pool_write(&pool->take_max, 0);
    hf_pool_write(&pool->take_mean16, 0);
    hf_pool_write(&pool->give_max, 0);
    hf_pool_write(&pool->give_mean16, 0);
#endif
}

// ---- what it is ---------------------------------------------------------------------------------

const char *hf_pool_name(const hf_pool_t *pool)
{
    return pool->name;
}

bool hf_pool_owns(const hf_pool_t *pool, const void *address)
{
    return hf_pool_has(pool, address);
}
