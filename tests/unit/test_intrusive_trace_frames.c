// SPDX-License-Identifier: MIT
// The walk along frame pointers, over stacks made up here: it stays within its bounds whatever the chain says. Includes the
// ring with eight frames, whatever the configuration of the build.
#include "holdfast/hf_config.h"
#undef CONFIG_HF_TRACE
#undef CONFIG_HF_TRACE_FRAMES
#define CONFIG_HF_TRACE        1
#define CONFIG_HF_TRACE_FRAMES 8
#include "../../src/runtime/diag/hf_trace.c"

#include "hf_test.h"

#define CAPACITY 4u
#define WORDS    64u

static uintptr_t words[WORDS]; // a stack: [i] saved frame pointer, [i + 1] return address
static bool is_known = true;

static bool made_up_stack(void *ctx, hf_trace_stack_t *stack)
{
    (void)ctx;
    stack->low = (uintptr_t)words;
    stack->high = (uintptr_t)(words + WORDS);
    return is_known;
}

static void build(unsigned depth, uintptr_t last)
{
    memset(words, 0, sizeof words);
    for (unsigned i = 0; i < depth; i++) {
        words[i * 4u] = i + 1u < depth ? (uintptr_t)&words[(i + 1u) * 4u] : last;
        words[i * 4u + 1u] = 100u + i;
    }
}

static uint32_t walk_from(uintptr_t frame, uintptr_t caller, uint32_t *found)
{
    const hf_trace_t trace = {.stack = made_up_stack, .address_base = 10u};
    memset(found, 0, HF_TRACE_FRAMES_MAX * sizeof *found);
    return walk(&trace, frame, caller, found);
}

static void frames_beyond_the_caller_are_found(void)
{
    uint32_t found[HF_TRACE_FRAMES_MAX];
    build(6, 0);
    CHECK_EQ(walk_from((uintptr_t)words, 101u, found), 4);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(found[i], 92u + i); // 102.. less the base
    }
    CHECK_EQ(walk_from((uintptr_t)words, 105u, found), 0);
    CHECK_EQ(walk_from((uintptr_t)words, 999u, found), 0); // a caller that is not in the chain
    build(16, 0);
    CHECK_EQ(walk_from((uintptr_t)words, 100u, found), 8);
    CHECK_EQ(found[7], 98u);
}

static void frames_of_a_broken_chain_end_the_walk(void)
{
    uint32_t found[HF_TRACE_FRAMES_MAX];
    const uintptr_t ends[] = {0,
                              1,
                              (uintptr_t)&words[8],         // back to itself
                              (uintptr_t)&words[0],         // back to the start
                              (uintptr_t)&words[12] + 1u,   // misaligned
                              (uintptr_t)&words[WORDS - 1], // only half of a frame in it
                              (uintptr_t)&words[WORDS],
                              UINTPTR_MAX,
                              UINTPTR_MAX - 7u};
    for (size_t i = 0; i < HF_COUNT_OF(ends); i++) {
        build(3, ends[i]);
        CHECK_EQ(walk_from((uintptr_t)words, 100u, found), 2);
    }
    CHECK_EQ(walk_from((uintptr_t)words - sizeof(uintptr_t), 100u, found), 0);
    CHECK_EQ(walk_from(0, 100u, found), 0);
}

static void frames_of_an_unknown_stack_are_none(void)
{
    uint32_t found[HF_TRACE_FRAMES_MAX];
    build(6, 0);
    is_known = false;
    CHECK_EQ(walk_from((uintptr_t)words, 100u, found), 0);
    is_known = true;
    const hf_trace_t trace = {.stack = NULL};
    CHECK_EQ(walk(&trace, (uintptr_t)words, 100u, found), 0);
}

static bool real_stack(void *ctx, hf_trace_stack_t *stack)
{
    stack->low = (uintptr_t)__builtin_frame_address(0);
    stack->high = (uintptr_t)ctx;
    return true;
}

__attribute__((noinline)) static void add_one(hf_trace_t *trace)
{
    hf_trace_add(trace, &(hf_trace_event_t){.caller = HF_TRACE_CALLER(), .bytes = 7});
}

static void frames_of_a_real_stack_are_bounded_and_delivered(void)
{
    static uint32_t storage[HF_TRACE_BYTES(CAPACITY) / 4u];
    hf_trace_t trace;
    hf_trace_entry_t entry;
    const hf_trace_config_t config = {.storage = storage,
                                      .capacity = CAPACITY,
                                      .stack = real_stack,
                                      .ctx = (uintptr_t *)__builtin_frame_address(0) + 2};
    REQUIRE(hf_trace_init(&trace, &config) == HF_OK);
    add_one(&trace);
    CHECK_EQ(hf_trace_get(&trace, &entry), HF_OK);
    CHECK_EQ(entry.bytes, 7);
    CHECK(entry.frame_count <= HF_TRACE_FRAMES_MAX);
#ifndef __OPTIMIZE__ // frame pointers for sure: the caller is here, and beyond it who called this case
    CHECK_EQ(entry.frame_count, 1);
    CHECK_EQ(entry.frame[0], (uint32_t)HF_TRACE_CALLER());
#endif
    // A made-up chain through the whole of hf_trace_add: words carry over into the entry.
    uint32_t data[DATA_WORDS] = {0};
    data[DATA_REST] = 3u << 8 | (uint8_t)HF_E_STALE;
    data[DATA_FRAMES + 2] = 0xABCDu;
    unpack(data, 5, &entry);
    CHECK_EQ(entry.frame_count, 3);
    CHECK_EQ(entry.frame[2], 0xABCDu);
    CHECK_EQ(entry.status, HF_E_STALE);
}

HF_TEST_MAIN(HF_TEST(frames_beyond_the_caller_are_found),
             HF_TEST(frames_of_a_broken_chain_end_the_walk),
             HF_TEST(frames_of_an_unknown_stack_are_none),
             HF_TEST(frames_of_a_real_stack_are_bounded_and_delivered))
