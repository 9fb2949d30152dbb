// SPDX-License-Identifier: MIT
// Long random histories of regions of random size, place and guard against a list of what is taken, each step
// followed by a walk over all blocks; and the same with damage done to headers and links, which must be told and
// never followed: what the honest owners hold stays theirs and whole.
#include "hf_test.h"

#include "holdfast/hf_region.h"

#define BYTES_MAX 40000u
#define TAKEN_MAX 2048u

typedef struct taken {
    uint8_t *block;
    size_t bytes;
    uint8_t mark;
} taken_t;

static HF_REGION_STORAGE(BYTES_MAX + 64u) storage;
static taken_t taken[TAKEN_MAX];
static uint32_t taken_count;
static uint64_t random_state;
static int guard_depth;
static uint32_t guard_errors;

static uint32_t draw(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % below;
}

static void guard_enter(void *ctx)
{
    guard_errors += ctx != &guard_depth || guard_depth++ != 0;
}

static void guard_exit(void *ctx)
{
    guard_errors += ctx != &guard_depth || --guard_depth != 0;
}

static bool is_marked(const taken_t *one)
{
    for (size_t i = 0; i < one->bytes; i++) {
        if (one->block[i] != one->mark) {
            return false;
        }
    }
    return true;
}

static bool overlaps(const uint8_t *block, size_t bytes)
{
    for (uint32_t i = 0; i < taken_count; i++) {
        if (block < taken[i].block + taken[i].bytes && taken[i].block < block + bytes) {
            return true;
        }
    }
    return false;
}

static size_t draw_bytes(void)
{
    static const uint32_t below[] = {40, 40, 200, 200, 200, 1000, 1000, 8000};
    return 1u + draw(below[draw(8)]);
}

/// A take of `align`: served exactly when the region promised it, within the memory, over nobody's block.
static bool take_one(hf_region_t *region, size_t bytes, size_t align, bool *was_served)
{
    const hf_region_stats_t before = hf_region_stats(region);
    uint8_t *block =
        align == 1 ? hf_region_take(region, bytes) : hf_region_take_aligned(region, bytes, align);
    const hf_region_stats_t after = hf_region_stats(region);
    *was_served = block != NULL;
    if (block == NULL) {
        const bool is_counted = bytes - 1u < before.capacity_bytes - HF_REGION_HEADER_BYTES
                                    ? after.failed == before.failed + 1u
                                    : after.unservable == before.unservable + 1u;
        return is_counted && (align > HF_POOL_ALIGN || bytes > before.largest_servable_bytes);
    }
    const size_t got = hf_region_block_bytes(region, block);
    if (got < bytes || got >= bytes + 2u * HF_REGION_GRANULE_BYTES ||
        (uintptr_t)block % align != 0 || (uintptr_t)block % HF_POOL_ALIGN != 0 ||
        block < (uint8_t *)region->config.memory ||
        block + got > (uint8_t *)region->config.memory + region->config.bytes ||
        overlaps(block, got) || after.takes != before.takes + 1u) {
        return false;
    }
    taken[taken_count] = (taken_t){block, got, (uint8_t)draw(256)};
    memset(block, taken[taken_count].mark, got);
    taken_count++;
    return true;
}

static taken_t forget(uint32_t index)
{
    const taken_t one = taken[index];
    taken[index] = taken[--taken_count];
    return one;
}

static bool resize_one(hf_region_t *region)
{
    taken_t *one = &taken[draw(taken_count)];
    const size_t bytes = draw_bytes(), had = one->bytes;
    const int status = hf_region_resize(region, one->block, bytes);
    const size_t got = hf_region_block_bytes(region, one->block);
    if (status == HF_OK) {
        one->bytes = got < had ? got : had;
        const bool is_kept = is_marked(one);
        one->bytes = 0;
        const bool is_alone = !overlaps(one->block, got);
        one->bytes = got;
        memset(one->block, one->mark, got);
        return is_kept && is_alone && got >= bytes;
    }
    return got == had && bytes > had &&
           (status == HF_E_FULL) ==
               (bytes + HF_REGION_HEADER_BYTES <= hf_region_stats(region).capacity_bytes);
}

/// A give of any address is refused with the right reason, unless a block starts there.
static bool give_anything(hf_region_t *region)
{
    uint8_t *memory = region->config.memory;
    uint8_t *address = memory + draw((uint32_t)region->config.bytes + 64u) - 32u;
    uint8_t *end = region->base + (size_t)region->end * HF_REGION_GRANULE_BYTES;
    int expected = HF_E_DOUBLE_GIVE;
    for (uint32_t i = 0; i < taken_count; i++) {
        if (address == taken[i].block) {
            forget(i);
            return hf_region_give(region, address) == HF_OK;
        }
        // The next block's header still lies within the granules of this one, seen from a payload.
        if (address > taken[i].block &&
            address < taken[i].block + taken[i].bytes + HF_REGION_HEADER_BYTES) {
            expected = HF_E_INTERIOR;
        }
    }
    if (address < region->base + HF_REGION_HEADER_BYTES ||
        address >= end + HF_REGION_HEADER_BYTES) {
        expected = HF_E_FOREIGN;
    }
    return hf_region_give(region, address) == expected;
}

/// Every invariant that the interface shows, after a whole round of the walk.
static bool is_good(hf_region_t *region)
{
    const void *place = NULL;
    region->check_at = 0;
    if (hf_region_check(region, UINT32_MAX, &place) != HF_OK) {
        return false;
    }
    const hf_region_stats_t stats = hf_region_stats(region);
    size_t used = 0;
    for (uint32_t i = 0; i < taken_count; i++) {
        used += taken[i].bytes + HF_REGION_HEADER_BYTES;
    }
    // One block to a size up to 63 granules, then 32 classes to each doubling: hence the bound.
    const size_t most = stats.largest_bytes + HF_REGION_HEADER_BYTES,
                 least = stats.largest_servable_bytes + HF_REGION_HEADER_BYTES;
    return stats.blocks == taken_count && stats.used_bytes == used &&
           stats.used_bytes + stats.free_bytes == stats.capacity_bytes &&
           stats.largest_servable_bytes <= stats.largest_bytes &&
           (stats.largest_bytes == 0 || least >= most - most / 32u) &&
           (stats.largest_bytes == 0) == (stats.free_bytes == 0) && stats.peak_used_bytes >= used &&
           stats.peak_used_bytes + stats.min_free_bytes == stats.capacity_bytes &&
           stats.corrupt == 0 && (most < stats.free_bytes || stats.fragmentation_percent == 0);
}

/// A walk of few blocks at a time gets round, too.
static bool is_walked_in_pieces(hf_region_t *region)
{
    const void *place = NULL;
    region->largest = 0;
    for (uint32_t i = 0; i <= 2u * taken_count + 2u && region->largest == 0; i++) {
        if (hf_region_check(region, 1, &place) != HF_OK) {
            return false;
        }
    }
    const bool is_full = hf_region_stats(region).free_bytes == 0;
    const uint32_t piecewise = region->largest;
    return is_good(region) && (is_full || piecewise != 0);
}

static hf_region_config_t draw_config(void)
{
    const bool has_guard = draw(2) != 0;
    return (hf_region_config_t){.name = "random",
                                .memory = storage.memory + draw(33),
                                .bytes = HF_REGION_BYTES_MIN + draw(BYTES_MAX >> draw(7)),
                                .meta = storage.meta,
                                .enter = has_guard ? guard_enter : NULL,
                                .exit = has_guard ? guard_exit : NULL,
                                .ctx = &guard_depth};
}

static bool step_once(hf_region_t *region, uint32_t bias)
{
    bool was_served = false;
    const uint32_t kind = draw(100);
    if (kind < 3u) {
        return give_anything(region);
    }
    if (kind < 8u && taken_count != 0) {
        return resize_one(region);
    }
    if (kind < 12u && taken_count < TAKEN_MAX) {
        return take_one(region, draw_bytes(), (size_t)1 << draw(10), &was_served);
    }
    if (kind < 14u && taken_count < TAKEN_MAX) {
        // What is promised is served, to the byte.
        const size_t most = hf_region_largest_servable(region);
        return most == 0 || (take_one(region, most, 1, &was_served) && was_served);
    }
    if (draw(100) < bias && taken_count < TAKEN_MAX) {
        return take_one(region, draw_bytes(), 1, &was_served);
    }
    if (taken_count == 0) {
        return true;
    }
    const taken_t one = forget(draw(taken_count));
    return is_marked(&one) && hf_region_give(region, one.block) == HF_OK &&
           hf_region_give(region, one.block) == HF_E_DOUBLE_GIVE;
}

static uint32_t play(uint64_t seed, uint32_t steps)
{
    static hf_region_t region;
    random_state = seed * 0x9E3779B97F4A7C15u + 1u;
    taken_count = 0;
    const hf_region_config_t config = draw_config();
    if (hf_region_init(&region, &config) != HF_OK) {
        return 1;
    }
    const hf_region_stats_t untouched = hf_region_stats(&region);
    uint32_t bias = 50;
    for (uint32_t step = 1; step <= steps; step++) {
        bias = step % 256u == 0 ? 30u + draw(51) : bias;
        if (!step_once(&region, bias) || !is_good(&region) || guard_errors != 0 ||
            (step % 64u == 0 && !is_walked_in_pieces(&region))) {
            return step;
        }
    }
    while (taken_count > 0) {
        const taken_t one = forget(taken_count - 1u);
        if (!is_marked(&one) || hf_region_give(&region, one.block) != HF_OK) {
            return steps + 1u;
        }
    }
    const hf_region_stats_t at_end = hf_region_stats(&region);
    return is_good(&region) && at_end.free_bytes == untouched.capacity_bytes &&
                   at_end.largest_servable_bytes == untouched.largest_servable_bytes &&
                   at_end.takes == at_end.gives && at_end.fragmentation_percent == 0
               ? 0
               : steps + 2u;
}

static void region_random_histories_keep_every_invariant(void)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        const uint32_t step = play(seed, 1500);
        if (step != 0) {
            HF_TEST_FAIL("region.model:%" PRIu64 ":%" PRIu32, seed, step);
            return;
        }
    }
}

/// Damages one word: of the header of somebody's block, or of whatever stands at a granule (headers and links of free
/// blocks among it).
static void do_damage(hf_region_t *region)
{
    static const uint32_t values[] = {0, 1, UINT32_MAX, 0x01010101u, 0xDEDEDEDEu, 16};
    const size_t at = (size_t)draw(region->end) * HF_REGION_GRANULE_BYTES;
    uint8_t *place = region->base + at;
    if (taken_count != 0 && draw(2) != 0) {
        place = taken[draw(taken_count)].block - HF_REGION_HEADER_BYTES;
    }
    uint32_t *words = (uint32_t *)(void *)place;
    words[draw(4)] = draw(2) != 0 ? values[draw(6)] : draw(region->end * 2u);
}

/// After damage a call may refuse; it never hands out what is somebody's, never writes into it, and tells in the end.
static uint32_t play_damaged(uint64_t seed, uint32_t steps, uint32_t *told)
{
    static hf_region_t region;
    random_state = seed * 0x9E3779B97F4A7C15u + 7u;
    taken_count = 0;
    const hf_region_config_t config = draw_config();
    if (hf_region_init(&region, &config) != HF_OK) {
        return 1;
    }
    for (uint32_t step = 1; step <= steps; step++) {
        if (step > 100u && draw(20) == 0) {
            do_damage(&region);
            for (uint32_t i = 0; i < taken_count;
                 i++) { // payloads are the owner's: not the damage meant
                memset(taken[i].block, taken[i].mark, taken[i].bytes);
            }
        }
        if (draw(2) != 0 && taken_count < TAKEN_MAX) {
            const size_t bytes = draw_bytes();
            uint8_t *block = draw(4) != 0 ? hf_region_take(&region, bytes)
                                          : hf_region_take_aligned(&region, bytes, 64);
            if (block != NULL) {
                if (!hf_region_owns(&region, block) ||
                    !hf_region_owns(&region, block + bytes - 1u) || overlaps(block, bytes)) {
                    return step;
                }
                taken[taken_count++] = (taken_t){block, bytes, (uint8_t)draw(256)};
                memset(block, taken[taken_count - 1u].mark, bytes);
            }
        } else if (taken_count != 0) {
            const taken_t one = forget(draw(taken_count));
            if (!is_marked(&one)) {
                return step;
            }
            const int status = hf_region_give(&region, one.block);
            if (status != HF_OK && status != HF_E_CORRUPT) {
                return step;
            }
        }
        const void *place = NULL;
        if (hf_region_check(&region, 8, &place) != HF_OK && !hf_region_owns(&region, place)) {
            return step;
        }
    }
    *told += hf_region_stats(&region).corrupt != 0;
    return 0;
}

static void region_damage_is_told_and_never_followed(void)
{
    uint32_t told = 0;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        const uint32_t step = play_damaged(seed, 1000, &told);
        if (step != 0) {
            HF_TEST_FAIL("region.damage:%" PRIu64 ":%" PRIu32, seed, step);
            return;
        }
    }
    printf("  told in %" PRIu32 " of 600 histories\n", told);
    CHECK(told > 590);
}

HF_TEST_MAIN(HF_TEST(region_random_histories_keep_every_invariant),
             HF_TEST(region_damage_is_told_and_never_followed))
