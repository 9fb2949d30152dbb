// SPDX-License-Identifier: MIT
// The LIFO back end, for processors without atomic read-modify-write. A link of 16 bits per block: of a free block the
// number of the next free one, of a taken block its own number, which no list can hold. All under a mask (hf_critical.h)
// over straight code (hf_pool.h says how much of it); the figures are read without.
// Invariant: the list from `head` has as many blocks as the tally counts free; its last link is never followed.
#include "hf_pool_private.h"

// `meta` holds 32-bit words to every other file, and they do not look into these.
typedef uint16_t __attribute__((may_alias)) link_t;

HF_POOL_INLINE link_t *links_of(const hf_pool_t *pool)
{
    return (link_t *)(void *)pool->meta;
}

void hf_pool_open_back_end(hf_pool_t *pool)
{
    link_t *links = links_of(pool);
    for (uint32_t i = 0; i < pool->count; i++) {
        links[i] = (link_t)(i + 1u);
    }
    pool->head = 0;
    atomic_init(&pool->tally, pool->count);
}

bool hf_pool_is_free(const hf_pool_t *pool, uint32_t number)
{
    const uint32_t was = hf_critical_enter();
    const uint32_t link = links_of(pool)[number];
    hf_critical_exit(was);
    return link != number;
}

// ---- take ---------------------------------------------------------------------------------------

/// Moves a counter on. Only under the mask.
HF_POOL_INLINE void count_masked(hf_atomic_u32_t *counter)
{
    hf_pool_write(counter, hf_pool_read(counter) + 1u);
}

void *hf_pool_bare_take(hf_pool_t *pool, hf_tag_t tag)
{
    link_t *links = links_of(pool);
    const uint32_t was = hf_critical_enter();
    const uint32_t tally = hf_pool_read(&pool->tally), free = hf_pool_tally_free(tally);
    if (free != 0) {
        const uint32_t number = pool->head;
        hf_pool_write(&pool->tally, tally - 1u);
        pool->head = links[number];
        links[number] = (link_t)number;
#if CONFIG_HF_POOL_STATISTICS
        if (free <= hf_pool_read(&pool->min_free)) {
            hf_pool_write(&pool->min_free, free - 1u);
        }
#endif
        hf_critical_exit(was);
        return hf_pool_hand_out(pool, hf_pool_block(pool, number), number, tag);
    }
    count_masked(&pool->exhausted);
    hf_critical_exit(was);
    return NULL;
}

// ---- give ---------------------------------------------------------------------------------------

/// Frees block `number`. HF_E_DOUBLE_GIVE, counted, when it is free already.
HF_POOL_INLINE int put_back(hf_pool_t *pool, uint32_t number)
{
    link_t *link = &links_of(pool)[number];
    const uint32_t was = hf_critical_enter();
    if (*link == number) {
        const uint32_t tally = hf_pool_read(&pool->tally);
        *link = (link_t)pool->head;
        pool->head = number;
        hf_pool_write(&pool->tally, tally + HF_POOL_TALLY_GIVE);
#if CONFIG_HF_POOL_STATISTICS
        if (hf_pool_tally_carries(tally, tally + HF_POOL_TALLY_GIVE)) {
            const uint32_t carry = hf_pool_read(&pool->gives_carry);
            atomic_store_explicit(&pool->gives_carry, carry + 1u, HF_POOL_RELEASE);
        }
#endif
        hf_critical_exit(was);
        return HF_OK;
    }
    count_masked(&pool->wrong_gives[HF_POOL_DOUBLE]);
    hf_critical_exit(was);
    return HF_E_DOUBLE_GIVE;
}

/// Why an address that is no block's cannot be given: foreign or interior. Counts it.
HF_POOL_INLINE int wrong_give(hf_pool_t *pool, const void *address)
{
    hf_atomic_u32_t *counter = &pool->wrong_gives[HF_POOL_FOREIGN];
    int status = HF_E_FOREIGN;
    if (hf_pool_has(pool, address)) {
        counter = &pool->wrong_gives[HF_POOL_INTERIOR];
        status = HF_E_INTERIOR;
    }
    hf_pool_count(counter);
    return status;
}

#if CONFIG_HF_POOL_CENSUS || HF_POOL_HAS_OPTIONS
int hf_pool_put_back(hf_pool_t *pool, uint32_t number)
{
    return put_back(pool, number);
}
#endif

int hf_pool_bare_give(hf_pool_t *pool, void *block)
{
    const uintptr_t number = hf_pool_number(pool, block);
    if (number < pool->count) {
#if CONFIG_HF_POOL_CENSUS
        if (!hf_pool_census_end(pool, (uint32_t)number, HF_POOL_GENERATION, HF_POOL_GENERATION)) {
            return hf_pool_fail(&pool->wrong_gives[HF_POOL_DOUBLE], HF_E_DOUBLE_GIVE);
        }
#endif
#if HF_POOL_HAS_OPTIONS
        if (pool->options != 0) {
            return hf_pool_options_give(pool, (uint32_t)number);
        }
#endif
        return put_back(pool, (uint32_t)number);
    }
    return wrong_give(pool, block);
}
