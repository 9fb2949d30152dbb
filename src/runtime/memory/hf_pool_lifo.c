// SPDX-License-Identifier: MIT
// The LIFO back end, for processors without atomic read-modify-write. A link of 16 bits per block: of a free block the number
// of the next free one, of a taken block its own number, which no list can hold. All under a mask (hf_critical.h) over
// straight code, at most HF_POOL_MASKED_MAX instructions; the figures are read without it.
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

HF_POOL_INLINE void *hand_out(hf_pool_t *pool, uint32_t number)
{
    void *block = hf_pool_block(pool, number);
#if HF_POOL_HAS_OPTIONS
    if (pool->options != 0) {
        return hf_pool_options_take(pool, block);
    }
#endif
    return block;
}

static HF_POOL_COLD void *refuse(hf_pool_t *pool, uint32_t was)
{
    hf_critical_exit(was);
    (void)hf_pool_fail(&pool->exhausted, 0);
    return NULL;
}

void *hf_pool_bare_take(hf_pool_t *pool, hf_tag_t tag)
{
    link_t *links = links_of(pool);
    const uint32_t was = hf_critical_enter();
    const uint32_t tally = hf_pool_read(&pool->tally), free = hf_pool_tally_free(tally);
    if (free == 0) {
        return refuse(pool, was);
    }
    hf_pool_write(&pool->tally, tally - 1u);
#if CONFIG_HF_POOL_STATISTICS
    if (free <= hf_pool_read(&pool->min_free)) {
        hf_pool_write(&pool->min_free, free - 1u);
    }
#endif
    const uint32_t number = pool->head;
    pool->head = links[number];
    links[number] = (link_t)number;
    hf_critical_exit(was);
#if CONFIG_HF_POOL_CENSUS
    hf_pool_census_take(pool, number, tag);
#else
    (void)tag;
#endif
    return hand_out(pool, number);
}

// ---- give ---------------------------------------------------------------------------------------

static HF_POOL_COLD int refuse_give(hf_atomic_u32_t *counter, int status, uint32_t was)
{
    hf_critical_exit(was);
    return hf_pool_fail(counter, status);
}

/// Frees block `number`. HF_E_DOUBLE_GIVE when it is free.
HF_POOL_INLINE int put_back(hf_pool_t *pool, uint32_t number)
{
    link_t *link = &links_of(pool)[number];
    const uint32_t was = hf_critical_enter();
    if (*link != number) {
        return refuse_give(&pool->double_gives, HF_E_DOUBLE_GIVE, was);
    }
    *link = (link_t)pool->head;
    pool->head = number;
    const uint32_t tally = hf_pool_read(&pool->tally);
    hf_pool_write(&pool->tally, tally + HF_POOL_TALLY_GIVE);
    hf_critical_exit(was);
#if CONFIG_HF_POOL_STATISTICS
    if (tally >= HF_POOL_TALLY_LAST) {
        (void)hf_pool_fail(&pool->gives_carry, 0);
    }
#endif
    return HF_OK;
}

#if HF_POOL_HAS_OPTIONS
static HF_POOL_COLD int put_back_by_options(hf_pool_t *pool, uint32_t number)
{
    const bool is_double = hf_pool_is_free(pool, number); // then it is not ours to write to
    const int found = is_double ? HF_OK : hf_pool_options_give(pool, number);
    const int given = put_back(pool, number);
    return given == HF_OK && found != HF_OK ? hf_pool_fail(&pool->overruns, found) : given;
}
#endif

HF_POOL_INLINE int give_number(hf_pool_t *pool, uint32_t number)
{
#if HF_POOL_HAS_OPTIONS
    if (pool->options != 0) {
        return put_back_by_options(pool, number);
    }
#endif
    return put_back(pool, number);
}

#if CONFIG_HF_POOL_CENSUS
/// Ends the generation of a taken block if the bits of `mask` are as in `word`. Of several gives exactly one gets past this.
static bool end_generation(hf_atomic_u32_t *census, uint32_t word, uint32_t mask)
{
    const uint32_t was = hf_critical_enter();
    const uint32_t now = hf_pool_read(census);
    const bool ends = ((now ^ word) & mask) == 0;
    if (ends) {
        hf_pool_write(census, now + HF_POOL_GENERATION);
    }
    hf_critical_exit(was);
    return ends;
}

int hf_pool_bare_give_handle(hf_pool_t *pool, hf_handle_t handle)
{
    const uint32_t number = handle & (HF_POOL_GENERATION - 1u);
    if (!hf_pool_census_is_taken(handle) || number >= pool->count) {
        return hf_pool_fail(&pool->foreign, HF_E_FOREIGN);
    }
    if (!end_generation(hf_pool_census(pool, number), handle, UINT32_MAX << 16)) {
        return hf_pool_fail(&pool->stale, HF_E_STALE);
    }
    return give_number(pool, number);
}
#endif

int hf_pool_bare_give(hf_pool_t *pool, void *block)
{
    const uintptr_t number = hf_pool_number(pool, block);
    if (number >= pool->count) {
        return hf_pool_wrong_give(pool, block);
    }
#if CONFIG_HF_POOL_CENSUS
    if (!end_generation(hf_pool_census(pool, (uint32_t)number), HF_POOL_GENERATION,
                        HF_POOL_GENERATION)) {
        return hf_pool_fail(&pool->double_gives, HF_E_DOUBLE_GIVE);
    }
#endif
    return give_number(pool, (uint32_t)number);
}
