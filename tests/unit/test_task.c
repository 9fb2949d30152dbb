// SPDX-License-Identifier: MIT
// hf_task: painted stacks, bounded looks, whose margin is least; a real thread's stack and the program's own.
#include "holdfast/hf_task.h"
#include "tests/hf_test.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>

#define BYTES 8192u

static alignas(16) uint8_t stack[3][BYTES];
static const hf_task_info_t three[] = {
    {.name = "a", .priority = 3, .core = -1},
    {.name = "b", .priority = 2, .core = 0},
    {.name = "c", .priority = 1, .core = 1},
};

static uint32_t margin(const hf_tasks_t *tasks, unsigned task)
{
    uint32_t bytes = UINT32_MAX;
    int status = hf_task_margin(tasks, task, &bytes);
    return status == HF_OK ? bytes : UINT32_MAX;
}

// As a task would: from the top down.
static void use(uint8_t *of, uint32_t bytes)
{
    memset(of + BYTES - bytes, 0x11, bytes);
}

static void init_wrong_table_is_refused(void)
{
    hf_tasks_t tasks;
    static const hf_task_info_t nameless[] = {{.name = "a"}, {.name = NULL}};
    CHECK_EQ(hf_tasks_init(&tasks, three, HF_TASKS_MAX + 1u), HF_E_RANGE);
    CHECK_EQ(hf_tasks_init(&tasks, nameless, 2), HF_E_ARGUMENT);
    CHECK_EQ(hf_tasks_init(&tasks, three, 3), HF_OK);
    CHECK_EQ(tasks.count, 3);
}

static void place_wrong_row_or_stack_is_refused(void)
{
    hf_tasks_t tasks;
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    CHECK_EQ(hf_task_place(&tasks, 3, stack[0], BYTES), HF_E_RANGE);
    CHECK_EQ(hf_task_place(&tasks, 0, NULL, BYTES), HF_E_ARGUMENT);
    CHECK_EQ(hf_task_place(&tasks, 0, stack[0], 0), HF_E_ARGUMENT);
    CHECK_EQ(hf_task_place(&tasks, 0, stack[0], BYTES), HF_OK);
    CHECK_EQ(hf_task_place(&tasks, 0, stack[1], BYTES), HF_E_STATE);
}

static void margin_before_a_whole_walk_is_empty(void)
{
    hf_tasks_t tasks;
    uint32_t bytes = 0;
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    hf_task_look(&tasks, 0, UINT32_MAX); // has no stack yet
    CHECK_EQ(hf_task_margin(&tasks, 0, &bytes), HF_E_EMPTY);
    REQUIRE(hf_task_place(&tasks, 0, stack[0], BYTES) == HF_OK);
    hf_task_look(&tasks, 0, BYTES / 2u);
    CHECK_EQ(hf_task_margin(&tasks, 0, &bytes), HF_E_EMPTY);
    CHECK_EQ(hf_task_margin(&tasks, 7, &bytes), HF_E_RANGE);
    hf_task_look(&tasks, 7, BYTES); // no such row
}

static void look_whole_walk_tells_what_was_never_touched(void)
{
    hf_tasks_t tasks;
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    REQUIRE(hf_task_place(&tasks, 0, stack[0], BYTES) == HF_OK);
    hf_task_look(&tasks, 0, BYTES);
    CHECK_EQ(margin(&tasks, 0), BYTES);
    use(stack[0], 1000);
    hf_task_look(&tasks, 0, BYTES);
    CHECK_EQ(margin(&tasks, 0), BYTES - 1000u);
    use(stack[0], BYTES);
    hf_task_look(&tasks, 0, BYTES);
    CHECK_EQ(margin(&tasks, 0), 0); // known, and none
}

// What comes back lies above what was touched deepest: it stays touched.
static void look_frame_that_skips_paint_counts_from_its_deepest_word(void)
{
    hf_tasks_t tasks;
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    REQUIRE(hf_task_place(&tasks, 0, stack[0], BYTES) == HF_OK);
    stack[0][1024] = 0; // a local array that was hardly used
    hf_task_look(&tasks, 0, BYTES);
    CHECK_EQ(margin(&tasks, 0), 1024);
}

static void look_bounded_reads_no_more_and_goes_on(void)
{
    hf_tasks_t tasks;
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    REQUIRE(hf_task_place(&tasks, 0, stack[0], BYTES) == HF_OK);
    use(stack[0], 2048);
    const uint32_t part = 1022; // whole words of it: 1020
    for (uint32_t looks = 1; looks <= 6; looks++) {
        hf_task_look(&tasks, 0, part);
        CHECK_EQ(tasks.task[0].looked, looks * 1020u);
        CHECK_EQ(margin(&tasks, 0), UINT32_MAX);
    }
    hf_task_look(&tasks, 0, part);
    CHECK_EQ(margin(&tasks, 0), BYTES - 2048u);
    CHECK_EQ(tasks.task[0].looked, 0); // the next walk begins below
    use(stack[0], 4096);
    for (uint32_t looks = 0; looks < 4; looks++) {
        hf_task_look(&tasks, 0, part);
        CHECK_EQ(margin(&tasks, 0), BYTES - 2048u); // of the last whole walk
    }
    hf_task_look(&tasks, 0, part);
    CHECK_EQ(margin(&tasks, 0), BYTES - 4096u);
}

static void look_touched_between_two_parts_is_seen(void)
{
    hf_tasks_t tasks;
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    REQUIRE(hf_task_place(&tasks, 0, stack[0], BYTES) == HF_OK);
    hf_task_look(&tasks, 0, 4096);
    use(stack[0], BYTES - 2000u); // below where the walk stands: this one does not see how far
    hf_task_look(&tasks, 0, 4096);
    CHECK_EQ(margin(&tasks, 0), 4096);
    hf_task_look(&tasks, 0, 4096);
    CHECK_EQ(margin(&tasks, 0), 2000); // the next does
}

static void look_without_room_changes_nothing(void)
{
    hf_tasks_t tasks;
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    REQUIRE(hf_task_place(&tasks, 0, stack[0], BYTES) == HF_OK);
    hf_task_look(&tasks, 0, 3);
    CHECK_EQ(tasks.task[0].looked, 0);
    CHECK_EQ(margin(&tasks, 0), UINT32_MAX);
}

static void place_crooked_stack_stays_within_its_bounds(void)
{
    hf_tasks_t tasks;
    static alignas(16) uint8_t odd[64];
    memset(odd, 0x22, sizeof odd);
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    REQUIRE(hf_task_place(&tasks, 0, odd + 1, 42) == HF_OK); // words at 4 to 39
    CHECK_EQ(odd[0], 0x22);
    CHECK_EQ(odd[3], 0x22);
    CHECK(odd[4] != 0x22);
    CHECK(odd[39] != 0x22 || odd[38] != 0x22);
    CHECK_EQ(odd[43], 0x22);
    CHECK_EQ(odd[44], 0x22);
    hf_task_look(&tasks, 0, 64);
    CHECK_EQ(margin(&tasks, 0), 36);
}

static void worst_least_margin_comes_first(void)
{
    hf_tasks_t tasks;
    uint8_t rows[HF_TASKS_MAX];
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    CHECK_EQ(hf_tasks_worst(&tasks, rows, HF_TASKS_MAX), 0); // nothing is known
    static const uint32_t used[] = {100, 5000, 2000};
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE(hf_task_place(&tasks, i, stack[i], BYTES) == HF_OK);
        use(stack[i], used[i]);
        hf_task_look(&tasks, i, BYTES);
    }
    REQUIRE(hf_tasks_worst(&tasks, rows, HF_TASKS_MAX) == 3);
    CHECK_EQ(rows[0], 1);
    CHECK_EQ(rows[1], 2);
    CHECK_EQ(rows[2], 0);
    REQUIRE(hf_tasks_worst(&tasks, rows, 2) == 2);
    CHECK_EQ(rows[1], 2);
}

static void worst_equal_margins_keep_the_order_of_the_table(void)
{
    hf_tasks_t tasks;
    uint8_t rows[3];
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE(hf_task_place(&tasks, i, stack[i], BYTES) == HF_OK);
        hf_task_look(&tasks, i, BYTES);
    }
    REQUIRE(hf_tasks_worst(&tasks, rows, 3) == 3);
    CHECK(rows[0] == 0 && rows[1] == 1 && rows[2] == 2);
}

static void adopt_foreign_frame_is_refused_and_left_alone(void)
{
    hf_tasks_t tasks;
    memset(stack[0], 0x33, BYTES);
    REQUIRE(hf_tasks_init(&tasks, three, 3) == HF_OK);
    CHECK_EQ(hf_task_adopt(&tasks, 0, stack[0], BYTES), HF_E_RANGE);
    CHECK_EQ(stack[0][100], 0x33);
    CHECK_EQ(hf_task_adopt(&tasks, 9, stack[0], BYTES), HF_E_RANGE);
    CHECK_EQ(hf_task_adopt(&tasks, 0, NULL, BYTES), HF_E_ARGUMENT);
}

// ---- a thread on a stack of ours --------------------------------------------------------------------

#define THREAD_BYTES (2u * 1024u * 1024u) // one sanitizer keeps 0.9 MB of it for itself
#define DEEP_BYTES   (64u * 1024u)

typedef struct runner {
    hf_tasks_t tasks;
    uint8_t *stack;
    pthread_barrier_t begun, looked, deep, done;
} runner_t;

__attribute__((noinline)) static void go_deep(void)
{
    volatile uint8_t bytes[DEEP_BYTES];
    for (uint32_t i = 0; i < DEEP_BYTES; i += 64u) {
        bytes[i] = (uint8_t)i;
    }
    (void)bytes[0];
}

static void *run(void *ctx)
{
    runner_t *runner = ctx;
    if (runner->tasks.task[0].has_stack == 0) { // somebody else made the stack
        CHECK_EQ(hf_task_adopt(&runner->tasks, 0, runner->stack, THREAD_BYTES), HF_OK);
        CHECK_EQ(hf_task_adopt(&runner->tasks, 0, runner->stack, THREAD_BYTES), HF_E_STATE);
    }
    (void)pthread_barrier_wait(&runner->begun);
    (void)pthread_barrier_wait(&runner->looked);
    go_deep();
    (void)pthread_barrier_wait(&runner->deep);
    (void)pthread_barrier_wait(&runner->done);
    return NULL;
}

static uint32_t look_at_all(runner_t *runner)
{
    for (uint32_t i = 0; i <= THREAD_BYTES; i += 4096u) {
        hf_task_look(&runner->tasks, 0, THREAD_BYTES);
    }
    return margin(&runner->tasks, 0);
}

static void watch_thread(bool painted)
{
    static runner_t runner;
    pthread_attr_t attributes;
    pthread_t thread;
    runner.stack = aligned_alloc(4096, THREAD_BYTES);
    REQUIRE(runner.stack != NULL && hf_tasks_init(&runner.tasks, three, 1) == HF_OK);
    REQUIRE(!painted || hf_task_place(&runner.tasks, 0, runner.stack, THREAD_BYTES) == HF_OK);
    pthread_barrier_t *barriers[] = {&runner.begun, &runner.looked, &runner.deep, &runner.done};
    for (unsigned i = 0; i < HF_COUNT_OF(barriers); i++) {
        (void)pthread_barrier_init(barriers[i], NULL, 2);
    }
    (void)pthread_attr_init(&attributes);
    REQUIRE(pthread_attr_setstack(&attributes, runner.stack, THREAD_BYTES) == 0);
    REQUIRE(pthread_create(&thread, &attributes, run, &runner) == 0);
    (void)pthread_barrier_wait(&runner.begun);
    uint32_t before = look_at_all(&runner);
    (void)pthread_barrier_wait(&runner.looked);
    (void)pthread_barrier_wait(&runner.deep);
    uint32_t after = look_at_all(&runner); // while it sits on it
    CHECK(before < THREAD_BYTES);
    CHECK(after > 0);
    CHECK(after < before);
    CHECK(THREAD_BYTES - after >= DEEP_BYTES);
    (void)pthread_barrier_wait(&runner.done);
    (void)pthread_join(thread, NULL);
    (void)pthread_attr_destroy(&attributes);
    free(runner.stack);
}

static void look_running_thread_shows_how_deep_it_was(void)
{
    watch_thread(true);
}

static void adopt_own_stack_of_a_thread_shows_how_deep_it_was(void)
{
    watch_thread(false);
}

HF_TEST_MAIN(HF_TEST(init_wrong_table_is_refused), HF_TEST(place_wrong_row_or_stack_is_refused),
             HF_TEST(margin_before_a_whole_walk_is_empty),
             HF_TEST(look_whole_walk_tells_what_was_never_touched),
             HF_TEST(look_frame_that_skips_paint_counts_from_its_deepest_word),
             HF_TEST(look_bounded_reads_no_more_and_goes_on),
             HF_TEST(look_touched_between_two_parts_is_seen),
             HF_TEST(look_without_room_changes_nothing),
             HF_TEST(place_crooked_stack_stays_within_its_bounds),
             HF_TEST(worst_least_margin_comes_first),
             HF_TEST(worst_equal_margins_keep_the_order_of_the_table),
             HF_TEST(adopt_foreign_frame_is_refused_and_left_alone),
             HF_TEST(look_running_thread_shows_how_deep_it_was),
             HF_TEST(adopt_own_stack_of_a_thread_shows_how_deep_it_was))
