// SPDX-License-Identifier: MIT
// Long random histories of slabs of random shape against a list of what is taken: no two blocks overlap, contents stay,
// refusals are justified, wrong gives are told and change nothing, every invariant holds by a walk over all units.
#include "hf_test.h"

#include "holdfast/hf_slab.h"

#define PAGES     6u
#define CLASSES   24u
#define TAKEN_MAX 4096u

typedef struct taken {
    uint8_t *block;
    uint32_t bytes;
    uint8_t mark;
} taken_t;

static HF_SLAB_STORAGE(CLASSES, PAGES, 4096u) storage;
static taken_t taken[TAKEN_MAX];
static uint32_t taken_count;
static uint64_t random_state;
static hf_slab_size_t sizes[CLASSES];

static uint32_t draw(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % below;
}

static bool is_marked(const taken_t *one)
{
    for (uint32_t i = 0; i < one->bytes; i++) {
        if (one->block[i] != one->mark) {
            return false;
        }
    }
    return true;
}

/// What a class can still serve without the stock.
static uint32_t free_blocks(const hf_slab_t *slab, uint32_t number)
{
    hf_slab_stats_t stats = hf_slab_stats(slab, number);
    return stats.capacity - stats.in_use;
}

static bool take_one(hf_slab_t *slab)
{
    const uint32_t bytes = draw(8) == 0 ? draw(4200) : draw(200);
    const uint32_t number = hf_slab_class_of(slab, bytes);
    const hf_slab_stock_stats_t stock = hf_slab_stock_stats(slab);
    const bool is_servable = number < slab->config.class_count;
    const hf_slab_stats_t before = hf_slab_stats(slab, is_servable ? number : 0);
    uint8_t *block = hf_slab_take(slab, bytes, HF_TAG_NONE);
    if (!is_servable) {
        return block == NULL && hf_slab_stock_stats(slab).unservable == stock.unservable + 1u;
    }
    const hf_slab_stats_t after = hf_slab_stats(slab, number);
    const bool had_room =
        before.capacity != before.in_use || stock.largest_span_bytes >= before.span_bytes;
    if (block == NULL) {
        return !had_room && after.exhausted == before.exhausted + 1u &&
               before.in_use >= before.reserved_count;
    }
    taken[taken_count] = (taken_t){block, after.block_bytes, (uint8_t)draw(256)};
    memset(block, taken[taken_count].mark, after.block_bytes);
    const bool is_good = had_room && bytes <= after.block_bytes &&
                         (uintptr_t)block % HF_POOL_ALIGN == 0 && hf_slab_owns(slab, block) &&
                         hf_slab_block_bytes(slab, block) == after.block_bytes;
    taken_count++;
    return is_good;
}

static bool give_one(hf_slab_t *slab)
{
    const uint32_t index = draw(taken_count);
    const taken_t one = taken[index];
    taken[index] = taken[--taken_count];
    const bool was_whole = is_marked(&one);
    return was_whole && hf_slab_give(slab, one.block) == HF_OK &&
           hf_slab_block_bytes(slab, one.block) == 0 &&
           hf_slab_give(slab, one.block) == HF_E_DOUBLE_GIVE;
}

/// A give of any address at all is refused unless it is a block in use, and then that one is gone from the list.
static bool give_anything(hf_slab_t *slab)
{
    // By number: it may lie outside.
    uint8_t *address =
        (uint8_t *)((uintptr_t)storage.pages + draw((uint32_t)sizeof storage.pages + 64u) - 32u);
    bool is_inside = false;
    for (uint32_t i = 0; i < taken_count; i++) {
        is_inside |= address > taken[i].block && address < taken[i].block + taken[i].bytes;
        if (address == taken[i].block) {
            taken[i] = taken[--taken_count];
            return hf_slab_give(slab, address) == HF_OK;
        }
    }
    const uint32_t pages_bytes = slab->config.page_count * slab->config.page_bytes;
    const bool is_foreign =
        (uintptr_t)address < (uintptr_t)storage.pages || address >= storage.pages + pages_bytes;
    const int status = hf_slab_give(slab, address);
    if (is_foreign) {
        return status == HF_E_FOREIGN;
    }
    return is_inside ? status == HF_E_INTERIOR
                     : status == HF_E_INTERIOR || status == HF_E_DOUBLE_GIVE;
}

static hf_slab_config_t draw_config(void)
{
    const uint32_t page_bytes = 256u << draw(5);
    const uint32_t count = hf_slab_sizes(sizes, CLASSES, 1u + draw(4), 1u + draw(60),
                                         page_bytes < 1024u ? page_bytes : 1024u);
    for (uint32_t i = 0; i < count; i++) {
        sizes[i].reserved_count = draw(4) == 0 ? draw(4) : 0;
    }
    return (hf_slab_config_t){.name = "random",
                              .pages = storage.pages,
                              .descriptors = storage.descriptors,
                              .page_count = 1u + draw(PAGES),
                              .page_bytes = page_bytes,
                              .sizes = sizes,
                              .classes = storage.classes,
                              .partial = storage.partial,
                              .class_count = count};
}

/// The step at which something was wrong, 0 when nothing was.
static uint32_t play(uint64_t seed, uint32_t steps)
{
    static hf_slab_t slab;
    random_state = seed * 0x9E3779B97F4A7C15u + 1u;
    taken_count = 0;
    hf_slab_config_t config = draw_config();
    const int status = hf_slab_init(&slab, &config);
    if (status == HF_E_FULL) {
        return 0; // the reserves drawn do not fit
    }
    if (status != HF_OK) {
        return 1;
    }
    uint32_t bias = 50;
    for (uint32_t step = 1; step <= steps; step++) {
        if (step % 256u == 0) {
            bias = 20u + draw(61);
        }
        bool is_good = draw(16) != 0 || give_anything(&slab);
        if (taken_count == 0 || (draw(100) < bias && taken_count < TAKEN_MAX)) {
            is_good = is_good && take_one(&slab);
        } else {
            is_good = is_good && give_one(&slab);
        }
        if (!is_good || !hf_slab_is_consistent(&slab)) {
            return step;
        }
    }
    while (taken_count > 0) {
        if (!give_one(&slab)) {
            return steps + 1u;
        }
    }
    uint32_t held = 0;
    for (uint32_t i = 0; i < config.class_count; i++) {
        const hf_slab_stats_t stats = hf_slab_stats(&slab, i);
        held += stats.spans * stats.span_bytes;
        if (stats.takes != stats.gives || free_blocks(&slab, i) < stats.reserved_count) {
            return steps + 2u;
        }
    }
    return hf_slab_stock_stats(&slab).free_bytes + held == config.page_count * config.page_bytes
               ? 0
               : steps + 3u;
}

static void slab_random_histories_keep_every_invariant(void)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        uint32_t step = play(seed, 2000);
        if (step != 0) {
            HF_TEST_FAIL("slab.model:%" PRIu64 ":%" PRIu32, seed, step);
            return;
        }
    }
}

HF_TEST_MAIN(HF_TEST(slab_random_histories_keep_every_invariant))
