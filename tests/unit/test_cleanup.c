// SPDX-License-Identifier: MIT
// Guards: what they hold is given back on every way out of a block, unless it was stolen. The heap plays one of the
// owners, so that the leak check of AddressSanitizer judges too.
#include "hf_test.h"
#include "holdfast/hf_cleanup.h"

#include <stdlib.h>

#define BLOCKS 3u

static HF_POOL_STORAGE_BYTES(32, BLOCKS) storage;
static hf_pool_t pool;

static void setup(void)
{
    const hf_pool_config_t config = {.name = "blocks",
                                     .blocks = storage.blocks,
                                     .meta = storage.meta,
                                     .block_bytes = 32,
                                     .count = BLOCKS};
    CHECK_EQ(hf_pool_init(&pool, &config), HF_OK);
}

static uint32_t in_use(void)
{
    return hf_pool_stats(&pool).in_use;
}

static void give_heap(void *owner, void *block)
{
    (*(uint32_t *)owner)++;
    free(block);
}

/// Leaves its block by another way each time.
static uint32_t leave(int way, uint32_t *gives)
{
    for (int i = 0; i < 2; i++) {
        HF_GUARD block = hf_guard_pool(&pool, HF_TAG_NONE);
        HF_GUARD text = hf_guard_of(malloc(10), gives, give_heap);
        if (text.held == NULL || block.held == NULL) {
            return UINT32_MAX;
        }
        ((char *)text.held)[9] = 1;
        switch (way) {
        case 0:
            return in_use();
        case 1:
            goto out;
        case 2:
            continue;
        default:
            break;
        }
        break;
    }
out:
    return in_use();
}

static void guard_gives_on_every_way_out(void)
{
    static const uint32_t gives_expected[] = {1, 1, 2, 1};
    for (int way = 0; way < 4; way++) {
        uint32_t gives = 0;
        setup();
        CHECK_EQ(leave(way, &gives),
                 way == 0 ? 1 : 0); // a returned value is made before the guards end
        CHECK_EQ(in_use(), 0);
        CHECK_EQ(gives, gives_expected[way]);
    }
}

static void *make(bool succeeds)
{
    HF_GUARD block = hf_guard_pool(&pool, HF_TAG_NONE);
    if (!succeeds) {
        return NULL;
    }
    return hf_steal(&block);
}

static void guard_stolen_block_is_the_callers(void)
{
    setup();
    CHECK(make(false) == NULL);
    CHECK_EQ(in_use(), 0);
    void *block = make(true);
    REQUIRE(block != NULL);
    CHECK_EQ(in_use(), 1);
    CHECK_EQ(hf_pool_give(&pool, block), HF_OK);
}

static void guard_stolen_once_holds_nothing(void)
{
    setup();
    hf_guard_t guard = hf_guard_pool(&pool, HF_TAG_NONE);
    void *block = hf_steal(&guard);
    CHECK(block != NULL);
    CHECK(hf_steal(&guard) == NULL);
    hf_guard_end(&guard);
    CHECK_EQ(in_use(), 1);
    CHECK_EQ(hf_pool_give(&pool, block), HF_OK);
    CHECK_EQ(hf_pool_stats(&pool).double_gives, 0);
}

static void guard_of_an_exhausted_pool_gives_nothing(void)
{
    setup();
    {
        HF_GUARD a = hf_guard_pool(&pool, HF_TAG_NONE);
        HF_GUARD b = hf_guard_pool(&pool, HF_TAG_NONE);
        HF_GUARD c = hf_guard_pool(&pool, HF_TAG_NONE);
        HF_GUARD d = hf_guard_pool(&pool, HF_TAG_NONE);
        CHECK(a.held != NULL && b.held != NULL && c.held != NULL && d.held == NULL);
        hf_guard_end(&b); // early
        CHECK_EQ(in_use(), 2);
    }
    CHECK_EQ(in_use(), 0);
    CHECK_EQ(hf_pool_stats(&pool).foreign, 0);
    CHECK_EQ(hf_pool_stats(&pool).double_gives, 0);
}

static char order[8];

static void note(void *owner, void *held)
{
    (void)owner;
    order[strlen(order)] = *(const char *)held;
}

static void guard_ends_in_reverse_order(void)
{
    memset(order, 0, sizeof order);
    {
        char names[] = {'a', 'b', 'c'};
        HF_GUARD a = hf_guard_of(&names[0], NULL, note);
        HF_GUARD b = hf_guard_of(&names[1], NULL, note);
        HF_GUARD c = hf_guard_of(&names[2], NULL, note);
        CHECK(a.held != NULL && b.held != NULL && c.held != NULL);
    }
    CHECK_STR(order, "cba");
}

static void guard_given_behind_its_back_is_counted_by_the_pool(void)
{
    setup();
    {
        HF_GUARD block = hf_guard_pool(&pool, HF_TAG_NONE);
        CHECK_EQ(hf_pool_give(&pool, block.held), HF_OK);
    }
    CHECK_EQ(hf_pool_stats(&pool).double_gives, 1);
    CHECK_EQ(in_use(), 0);
}

HF_TEST_MAIN(HF_TEST(guard_gives_on_every_way_out), HF_TEST(guard_stolen_block_is_the_callers),
             HF_TEST(guard_stolen_once_holds_nothing),
             HF_TEST(guard_of_an_exhausted_pool_gives_nothing),
             HF_TEST(guard_ends_in_reverse_order),
             HF_TEST(guard_given_behind_its_back_is_counted_by_the_pool))
