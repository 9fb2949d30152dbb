// SPDX-License-Identifier: MIT
// The scheduler itself, on worlds whose number of schedules is known.
#include "hf_test.h"
#include "model.h"

static struct {
    uint32_t word, seen[MODEL_THREADS_MAX], sum, tries;
} memory;

static const model_memory_t memories[] = {{&memory, sizeof memory}};

static void add_three_times(unsigned number)
{
    for (unsigned i = 0; i < 3; i++) {
        (void)atomic_fetch_add_explicit(&memory.word, number + 1u, memory_order_relaxed);
    }
}

static void expect_sum_18(void)
{
    if (memory.word != 18) {
        model_fail("a sum is lost");
    }
}

static void accept(void)
{
}

static const model_world_t adders = {.threads = 3,
                                     .memory = memories,
                                     .memories = 1,
                                     .thread = add_three_times,
                                     .at_end = expect_sum_18};

static void scheduler_explores_every_order(void)
{
    memset(&memory, 0, sizeof memory);
    static const model_way_t ways[] = {MODEL_BY_STACK, MODEL_BY_HISTORY, MODEL_ONE_BY_ONE};
    for (unsigned i = 0; i < 3; i++) {
        model_go(ways[i]);
        model_result_t result = model_explore(&adders, 10000);
        CHECK(result.wrong == NULL);
        CHECK_EQ(result.schedules, 1680); // 9! / (3! 3! 3!)
        CHECK_EQ(result.longest, 9);
        CHECK(ways[i] != MODEL_BY_STACK || result.runs < 200);
        CHECK(ways[i] != MODEL_ONE_BY_ONE || result.runs == 1680);
    }
    model_go(MODEL_BY_STACK);
    CHECK_EQ(memory.word, 0); // as it was
}

static void scheduler_torn_add_loses_a_sum(void)
{
    memset(&memory, 0, sizeof memory);
    model_tear(1u << MODEL_ADD);
    model_result_t result = model_explore(&adders, 10000);
    model_tear(0);
    CHECK_STR(result.wrong, "a sum is lost");
    CHECK_EQ(strlen(result.schedule), result.step);
}

static void scheduler_too_many_states_is_told(void)
{
    memset(&memory, 0, sizeof memory);
    CHECK_STR(model_explore(&adders, 3).wrong, "more states than allowed");
}

static void increment_until_done(unsigned number)
{
    (void)number;
    uint32_t value = atomic_load_explicit(&memory.word, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&memory.word, &value, value + 1u,
                                                  memory_order_relaxed, memory_order_relaxed)) {
        memory.tries++;
    }
}

static void expect_two(void)
{
    if (memory.word != 2) {
        model_fail("an increment is lost");
    }
}

static void scheduler_weak_compare_fails_where_it_may(void)
{
    memset(&memory, 0, sizeof memory);
    model_world_t world = {.threads = 2,
                           .memory = memories,
                           .memories = 1,
                           .thread = increment_until_done,
                           .at_end = expect_two};
    model_result_t without = model_explore(&world, 10000);
    CHECK(without.wrong == NULL);
    CHECK_EQ(without.schedules, 6); // 2 one after the other, 4 where one fails and goes round
    world.spurious = 2;
    model_result_t with = model_explore(&world, 10000);
    CHECK(with.wrong == NULL);
    CHECK(with.schedules > without.schedules);
    CHECK_EQ(with.longest, without.longest + 2u);
}

static void lock_and_count(unsigned number)
{
    model_lock();
    uint32_t value = atomic_load_explicit(&memory.word, memory_order_relaxed);
    if (memory.seen[number] == 0) {
        atomic_store_explicit(&memory.word, value + 1u, memory_order_relaxed);
    }
    model_unlock();
}

static void scheduler_lock_keeps_others_out(void)
{
    memset(&memory, 0, sizeof memory);
    const model_world_t world = {.threads = 2,
                                 .memory = memories,
                                 .memories = 1,
                                 .thread = lock_and_count,
                                 .at_end = expect_two};
    model_result_t result = model_explore(&world, 1000);
    CHECK(result.wrong == NULL);
    CHECK_EQ(result.schedules, 2);
}

static void lock_for_ever(unsigned number)
{
    (void)number;
    model_lock();
}

static void scheduler_deadlock_is_told(void)
{
    memset(&memory, 0, sizeof memory);
    const model_world_t world = {
        .threads = 2, .memory = memories, .memories = 1, .thread = lock_for_ever, .at_end = accept};
    CHECK_STR(model_explore(&world, 1000).wrong, "nobody can go on");
}

static void wait_for_ever(unsigned number)
{
    (void)number;
    while (atomic_load_explicit(&memory.word, memory_order_relaxed) == 0) {
        memory.tries++; // or it would be one state
    }
}

static void scheduler_endless_loop_is_told(void)
{
    memset(&memory, 0, sizeof memory);
    const model_world_t world = {
        .threads = 1, .memory = memories, .memories = 1, .thread = wait_for_ever, .at_end = accept};
    CHECK_STR(model_explore(&world, 10000).wrong, "too many operations: endless?");
}

// What a thread knows is part of the state: two paths to the same memory with different knowledge are two states.
static void read_twice_then_write(unsigned number)
{
    if (number == 0) {
        atomic_store_explicit(&memory.word, 1, memory_order_relaxed);
        atomic_store_explicit(&memory.word, 0, memory_order_relaxed);
        return;
    }
    uint32_t first = atomic_load_explicit(&memory.word, memory_order_relaxed);
    (void)atomic_load_explicit(&memory.seen[2], memory_order_relaxed);
    memory.sum = first;
}

static bool saw_one, saw_none;

static void note_sum(void)
{
    saw_one = saw_one || memory.sum == 1;
    saw_none = saw_none || memory.sum == 0;
}

static void scheduler_knowledge_is_part_of_the_state(void)
{
    memset(&memory, 0, sizeof memory);
    const model_world_t world = {.threads = 2,
                                 .memory = memories,
                                 .memories = 1,
                                 .thread = read_twice_then_write,
                                 .at_end = note_sum};
    for (int i = 0; i < 2; i++) {
        saw_one = saw_none = false;
        model_go(i == 0 ? MODEL_BY_STACK : MODEL_BY_HISTORY);
        CHECK_EQ(model_explore(&world, 1000).schedules, 6);
        CHECK(saw_one && saw_none);
    }
    model_go(MODEL_BY_STACK);
}

HF_TEST_MAIN(HF_TEST(scheduler_explores_every_order), HF_TEST(scheduler_torn_add_loses_a_sum),
             HF_TEST(scheduler_too_many_states_is_told),
             HF_TEST(scheduler_weak_compare_fails_where_it_may),
             HF_TEST(scheduler_lock_keeps_others_out), HF_TEST(scheduler_deadlock_is_told),
             HF_TEST(scheduler_endless_loop_is_told),
             HF_TEST(scheduler_knowledge_is_part_of_the_state))
