// SPDX-License-Identifier: MIT
// Two contexts in one pool at once: main, and what runs beside it (an interrupt at any instruction on targets, a thread on
// the host). No block has two owners, no take is refused while a block is free, and every figure is exact at the end.
#include "conformance.h"

#define HOLD 6u // blocks a side holds at most
#if defined(__linux__)
#define ROUNDS 100000u
#else
#define ROUNDS 15000u // QEMU
#endif
#define OTHER_TAKES 1000u

typedef struct side {
    uint8_t *held[HOLD];
    uint32_t mark, random, takes, gives, refused, broken, wrong_answers;
} side_t;

static hf_pool_t shared_pool;
static side_t main_side, other_side;
static hf_atomic_u32_t other_takes; // as other_side.takes, for main to read

static void mark(const side_t *side, uint8_t *block, uint32_t place)
{
    const uint32_t words[2] = {side->mark, place};
    memcpy(block, words, sizeof words);
}

static bool is_marked(const side_t *side, const uint8_t *block, uint32_t place)
{
    const uint32_t words[2] = {side->mark, place};
    return memcmp(block, words, sizeof words) == 0;
}

static void take_one(side_t *side, uint32_t place)
{
    side->held[place] = hf_pool_take(&shared_pool, HF_TAG_NONE);
    if (side->held[place] == NULL) {
        side->refused++;
        return;
    }
    side->takes++;
    mark(side, side->held[place], place);
}

static void give_one(side_t *side, uint32_t place)
{
    side->broken += is_marked(side, side->held[place], place) ? 0 : 1u;
    side->wrong_answers += hf_pool_give(&shared_pool, side->held[place]) == HF_OK ? 0 : 1u;
    side->gives++;
    side->held[place] = NULL;
}

static void one_round(side_t *side)
{
    const uint32_t place = (conf_random(&side->random) >> 7) % HOLD;
    if (side->held[place] == NULL) {
        take_one(side, place);
    } else {
        give_one(side, place);
    }
}

static void step_beside(void)
{
    one_round(&other_side);
    atomic_store_explicit(&other_takes, other_side.takes, memory_order_relaxed);
}

static void give_back(side_t *side)
{
    for (uint32_t place = 0; place < HOLD; place++) {
        if (side->held[place] != NULL) {
            give_one(side, place);
        }
    }
}

/// True once both sides had their share. With too few blocks a side that is scheduled rarely may wait long for one.
static bool both_ran(uint32_t round)
{
    return round >= ROUNDS && main_side.takes > 0 &&
           atomic_load_explicit(&other_takes, memory_order_relaxed) >= OTHER_TAKES;
}

/// Runs both sides over a pool of `count` until both had their share; true when it could.
static bool run(uint32_t count)
{
    memset(&main_side, 0, sizeof main_side);
    memset(&other_side, 0, sizeof other_side);
    main_side.mark = 0x11111111u;
    main_side.random = 1234567u;
    other_side.mark = 0x22222222u;
    other_side.random = 7654321u;
    atomic_store_explicit(&other_takes, 0, memory_order_relaxed);
    if (!conf_open(&shared_pool, BLOCK_BYTES, count, 0) || !conf_beside_start(step_beside)) {
        return false;
    }
    for (uint32_t i = 0; !both_ran(i); i++) {
        one_round(&main_side);
    }
    conf_beside_stop();
    return true;
}

static void check_figures(void)
{
    const uint32_t held = main_side.takes - main_side.gives + other_side.takes - other_side.gives;
    hf_pool_stats_t stats = hf_pool_stats(&shared_pool);
    CHECK_EQ(stats.in_use, held);
    CHECK_EQ(stats.exhausted, main_side.refused + other_side.refused);
    CHECK_EQ(stats.foreign + stats.interior + stats.double_gives, 0);
#if CONFIG_HF_POOL_STATISTICS
    CHECK_EQ(stats.takes, main_side.takes + other_side.takes);
    CHECK_EQ(stats.gives, main_side.gives + other_side.gives);
    CHECK(stats.peak >= held && stats.peak <= stats.capacity);
#endif
    give_back(&main_side);
    give_back(&other_side);
    CHECK_EQ(main_side.broken + other_side.broken, 0);
    CHECK_EQ(main_side.wrong_answers + other_side.wrong_answers, 0);
    CHECK(conf_in_use_is(&shared_pool, 0));
    CHECK(conf_take_all(&shared_pool)); // none was lost
    CHECK(main_side.takes > 0);
    CHECK(other_side.takes >= OTHER_TAKES); // both did run
}

static void beside_enough_blocks_none_is_ever_refused(void)
{
    REQUIRE(run(2u * HOLD));
    CHECK_EQ(main_side.refused + other_side.refused, 0);
    check_figures();
}

static void beside_blocks_in_several_words_none_is_ever_refused(void)
{
    REQUIRE(run(70));
    CHECK_EQ(main_side.refused + other_side.refused, 0);
    check_figures();
}

static void beside_too_few_blocks_every_refusal_is_counted(void)
{
    REQUIRE(run(4));
    CHECK(main_side.refused > 0 && other_side.refused > 0);
    check_figures();
}

int conformance_beside(void)
{
    static const hf_test_case_t cases[] = {
        HF_TEST(beside_enough_blocks_none_is_ever_refused),
        HF_TEST(beside_blocks_in_several_words_none_is_ever_refused),
        HF_TEST(beside_too_few_blocks_every_refusal_is_counted),
    };
    return hf_test_run(cases, HF_COUNT_OF(cases), NULL);
}
