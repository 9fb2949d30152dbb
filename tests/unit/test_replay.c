// SPDX-License-Identifier: MIT
// Live blocks of a trace, and a trace replayed on an allocator made up here: what is asked, in which order, what a
// refusal or a lost entry does, and what the samples say.
#include "hf_test.h"
#include "holdfast/hf_replay.h"

#define CAPACITY 8u

typedef struct target {
    uint32_t bytes[CAPACITY]; // 0: not held
    uint32_t held, most;      // bytes
    uint32_t calls, wrong, reports;
    uint32_t free_bytes, largest_bytes;
    uint32_t last_reported_permille;
    uint64_t history; // of all calls, order included
} target_t;

static hf_live_block_t blocks[CAPACITY];
static uint32_t heads[CAPACITY];

static void remember(target_t *target, uint32_t what, uint32_t id)
{
    target->calls++;
    target->history = (target->history ^ (what << 8 | id)) * 1099511628211u;
}

static bool take(void *ctx, uint32_t id, uint32_t bytes)
{
    target_t *target = ctx;
    remember(target, bytes, id);
    target->wrong += id >= CAPACITY || target->bytes[id] != 0 ? 1u : 0;
    if (target->held + bytes > target->most) {
        return false;
    }
    target->bytes[id] = bytes;
    target->held += bytes;
    return true;
}

static void give(void *ctx, uint32_t id)
{
    target_t *target = ctx;
    remember(target, 0, id);
    target->wrong += id >= CAPACITY || target->bytes[id] == 0 ? 1u : 0;
    target->held -= target->bytes[id];
    target->bytes[id] = 0;
}

static void measure(void *ctx, hf_replay_sample_t *sample)
{
    const target_t *target = ctx;
    sample->free_bytes = target->free_bytes;
    sample->largest_bytes = target->largest_bytes;
}

static void report(void *ctx, const hf_replay_sample_t *sample)
{
    target_t *target = ctx;
    target->reports++;
    target->last_reported_permille = sample->fragmentation_permille;
}

static void start(hf_replay_t *replay, target_t *target, uint32_t sample_ms)
{
    const hf_replay_config_t config = {
        .target = {.take = take, .give = give, .measure = measure, .report = report, .ctx = target},
        .blocks = blocks,
        .heads = heads,
        .capacity = CAPACITY,
        .sample_ms = sample_ms};
    *target = (target_t){.most = UINT32_MAX};
    CHECK_EQ(hf_replay_init(replay, &config), HF_OK);
}

static int play(hf_replay_t *replay, hf_trace_kind_t kind, uint32_t block, uint32_t bytes)
{
    static uint32_t sequence;
    return hf_replay_entry(replay, &(hf_trace_entry_t){.sequence = sequence++,
                                                       .kind = (uint8_t)kind,
                                                       .block = block,
                                                       .bytes = bytes,
                                                       .pool = (uint16_t)(block % 3u)});
}

static void replay_asks_what_the_trace_says(void)
{
    hf_replay_t replay;
    target_t target;
    start(&replay, &target, 0);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 1, 100), HF_OK);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 2, 200), HF_OK);
    CHECK_EQ(play(&replay, HF_TRACE_REFUSED, 0, 300), HF_OK);
    CHECK_EQ(play(&replay, HF_TRACE_GIVE, 1, 100), HF_OK);
    CHECK_EQ(play(&replay, HF_TRACE_WRONG, 1, 100), HF_OK);
    CHECK_EQ(target.held, 200);
    CHECK_EQ(target.calls, 3);
    CHECK_EQ(replay.held_bytes, 200);
    CHECK_EQ(replay.peak_held_bytes, 300);
    CHECK_EQ(replay.not_served, 1);
    CHECK_EQ(replay.wrong_gives, 1);
    CHECK_EQ(replay.live.peak_count, 2);
    CHECK_EQ(replay.live.peak_bytes, 300);
    hf_replay_give_all(&replay);
    CHECK_EQ(target.held, 0);
    CHECK_EQ(replay.gives, 2);
    CHECK_EQ(target.wrong, 0);
}

static void replay_first_refusal_is_told_and_its_give_left_out(void)
{
    hf_replay_t replay;
    target_t target;
    start(&replay, &target, 0);
    target.most = 250;
    target.free_bytes = 150;
    target.largest_bytes = 90;
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 1, 100), HF_OK);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 2, 200), HF_E_REFUSED);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 3, 201), HF_E_REFUSED);
    CHECK_EQ(play(&replay, HF_TRACE_GIVE, 2, 200), HF_OK);
    CHECK_EQ(replay.refused, 2);
    CHECK_EQ(replay.skipped, 1);
    CHECK_EQ(replay.failure.entry, 2);
    CHECK_EQ(replay.failure.bytes, 200);
    CHECK_EQ(replay.failure.held_bytes, 100);
    CHECK_EQ(replay.failure.free_bytes, 150);
    CHECK_EQ(replay.failure.largest_bytes, 90);
    CHECK_EQ(target.held, 100);
    hf_replay_give_all(&replay);
    CHECK_EQ(target.held, 0);
    CHECK_EQ(target.wrong, 0);
    CHECK_EQ(replay.skipped, 2);
}

static void replay_lost_entries_do_no_harm_and_are_counted(void)
{
    hf_replay_t replay;
    target_t target;
    start(&replay, &target, 0);
    CHECK_EQ(play(&replay, HF_TRACE_GIVE, 1, 100), HF_OK); // its take was lost
    CHECK_EQ(replay.unknown, 1);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 1, 100), HF_OK);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 1, 50), HF_OK); // its give was lost
    CHECK_EQ(replay.displaced, 1);
    CHECK_EQ(target.held, 50);
    CHECK_EQ(replay.held_bytes, 50);
    CHECK_EQ(target.wrong, 0);
    CHECK_EQ(play(&replay, HF_TRACE_KINDS, 1, 50), HF_E_ARGUMENT);
}

static void replay_of_a_give_behind_the_next_take_keeps_the_block(void)
{
    hf_replay_t replay;
    target_t target;
    start(&replay, &target, 0);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 1, 100), HF_OK);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 1, 50), HF_OK); // by another context, in the meantime
    CHECK_EQ(play(&replay, HF_TRACE_GIVE, 1, 100), HF_OK);
    CHECK_EQ(target.held, 50);
    CHECK_EQ(replay.swapped, 1);
    CHECK_EQ(play(&replay, HF_TRACE_GIVE, 1, 50), HF_OK);
    CHECK_EQ(target.held, 0);
    CHECK_EQ(replay.swapped, 1);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 1, 100), HF_OK);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 1, 50), HF_OK); // here the give was lost
    for (uint32_t i = 0; i < 64; i++) {
        CHECK_EQ(play(&replay, HF_TRACE_REFUSED, 0, 1), HF_OK);
    }
    CHECK_EQ(play(&replay, HF_TRACE_GIVE, 1, 50), HF_OK);
    CHECK_EQ(target.held, 0);
    CHECK_EQ(replay.swapped, 1);
}

static void replay_full_table_leaves_takes_out(void)
{
    hf_replay_t replay;
    target_t target;
    start(&replay, &target, 0);
    for (uint32_t i = 0; i < CAPACITY; i++) {
        CHECK_EQ(play(&replay, HF_TRACE_TAKE, i, 8), HF_OK);
    }
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 100, 8), HF_E_FULL);
    CHECK_EQ(replay.overflow, 1);
    CHECK_EQ(play(&replay, HF_TRACE_GIVE, 100, 8), HF_OK);
    CHECK_EQ(replay.unknown, 1);
    CHECK_EQ(play(&replay, HF_TRACE_GIVE, 3, 8), HF_OK);
    CHECK_EQ(play(&replay, HF_TRACE_TAKE, 100, 8), HF_OK);
    CHECK_EQ(target.held, 8u * CAPACITY);
    CHECK_EQ(target.wrong, 0);
}

static void replay_samples_come_by_trace_time(void)
{
    hf_replay_t replay;
    target_t target;
    start(&replay, &target, 100);
    target.free_bytes = 1000;
    for (uint32_t i = 0; i < 10; i++) {
        target.largest_bytes = 1000u - i * 100u;
        hf_trace_entry_t entry = {.sequence = i,
                                  .kind = i % 2u == 0 ? HF_TRACE_TAKE : HF_TRACE_GIVE,
                                  .bytes = 8,
                                  .time_ms = 4294967000u + i * 50u}; // wraps on the way
        CHECK_EQ(hf_replay_entry(&replay, &entry), HF_OK);
    }
    CHECK_EQ(target.reports, 4);
    CHECK_EQ(replay.samples, 4);
    CHECK_EQ(target.last_reported_permille, 800);
    CHECK_EQ(replay.worst_permille, 800);
    CHECK_EQ(replay.sum_permille, 200 + 400 + 600 + 800);
    target.free_bytes = 0;
    hf_replay_take_sample(&replay, 0);
    CHECK_EQ(target.last_reported_permille, 0); // nothing free: nothing is in pieces
}

static uint64_t play_at_random(uint32_t seed)
{
    hf_replay_t replay;
    target_t target;
    uint32_t random = seed;
    start(&replay, &target, 0);
    target.most = 400;
    for (unsigned i = 0; i < 5000; i++) {
        random = random * 1664525u + 1013904223u;
        int status = play(&replay, random >> 31 != 0 ? HF_TRACE_TAKE : HF_TRACE_GIVE,
                          random >> 20 & 15u, 1u + (random >> 8 & 127u));
        CHECK(status == HF_OK || status == HF_E_REFUSED || status == HF_E_FULL);
        CHECK_EQ(replay.held_bytes, target.held);
        CHECK_EQ(replay.takes - replay.refused - replay.gives, replay.held_count);
    }
    CHECK(replay.refused > 0 && replay.unknown > 0 && replay.displaced > 0);
    CHECK_EQ(target.wrong, 0);
    return target.history;
}

static void replay_of_the_same_entries_makes_the_same_calls(void)
{
    CHECK(play_at_random(7) == play_at_random(7));
    CHECK(play_at_random(7) != play_at_random(8));
}

static void live_table_agrees_with_a_plain_one(void)
{
    static hf_live_block_t table[300];
    static uint32_t hashes[300];
    static bool held[4][256];
    hf_live_t live;
    uint32_t random = 99, count = 0, id = 0;
    CHECK_EQ(hf_live_init(&live, table, hashes, 0), HF_E_ARGUMENT);
    REQUIRE(hf_live_init(&live, table, hashes, HF_COUNT_OF(table)) == HF_OK);
    for (unsigned i = 0; i < 100000; i++) {
        random = random * 1664525u + 1013904223u;
        hf_trace_entry_t entry = {
            .pool = (uint16_t)(random >> 30), .block = random >> 16 & 255u, .bytes = 3};
        bool *here = &held[entry.pool][entry.block];
        int status = hf_live_find(&live, entry.pool, entry.block, &id);
        CHECK_EQ(status, *here ? HF_OK : HF_E_NOT_FOUND);
        if ((random >> 8 & 1u) != 0) {
            status = hf_live_take(&live, &entry, &id);
            CHECK_EQ(status, *here ? HF_E_STATE : count == HF_COUNT_OF(table) ? HF_E_FULL : HF_OK);
            count += status == HF_OK ? 1u : 0;
            *here = *here || status == HF_OK;
        } else if (*here) {
            hf_live_give(&live, id);
            *here = false;
            count--;
        }
        CHECK_EQ(live.count, count);
        CHECK_EQ(live.bytes, count * 3u);
    }
    CHECK(live.peak_count == HF_COUNT_OF(table));
}

HF_TEST_MAIN(HF_TEST(replay_asks_what_the_trace_says),
             HF_TEST(replay_first_refusal_is_told_and_its_give_left_out),
             HF_TEST(replay_lost_entries_do_no_harm_and_are_counted),
             HF_TEST(replay_of_a_give_behind_the_next_take_keeps_the_block),
             HF_TEST(replay_full_table_leaves_takes_out),
             HF_TEST(replay_samples_come_by_trace_time),
             HF_TEST(replay_of_the_same_entries_makes_the_same_calls),
             HF_TEST(live_table_agrees_with_a_plain_one))
