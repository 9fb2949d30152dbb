// SPDX-License-Identifier: MIT
// hf_thread: threads on stacks of the table: size, name, margin; an overflow ends the program at the guard page.
#include "hf_thread.h"
#include "tests/hf_test.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#if CONFIG_HF_TELEMETRY
#define BYTES      (64u * 1024u)
#define DEEP_BYTES (16u * 1024u)

static const hf_task_info_t rows[] = {
    {.name = "first", .stack_bytes = BYTES, .core = -1},
    {.name = "second", .stack_bytes = BYTES, .priority = 10, .core = -1},
};

typedef struct seen {
    char name[16];
    uintptr_t frame;
    uint32_t deep;
} seen_t;

static void go_down(uint32_t bytes);
static void (*volatile down)(uint32_t bytes) = go_down; // or a compiler makes a loop of it

__attribute__((noinline)) static void go_down(uint32_t bytes)
{
    uint8_t here[1024];
    memset(here, (int)bytes, sizeof here);
    __asm__ volatile("" : : "r"(here) : "memory"); // or it keeps what is used of the array alone
    if (bytes > sizeof here) {
        down(bytes - (uint32_t)sizeof here);
    }
    __asm__ volatile("" : : "r"(here) : "memory"); // or the call above is a jump
}

static void *look_around(void *ctx)
{
    seen_t *seen = ctx;
    for (int i = 0; i < 1000000 && strcmp(seen->name, "first") != 0; i++) {
        (void)sched_yield(); // its name comes after its start
        (void)pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    }
    seen->frame = (uintptr_t)__builtin_frame_address(0);
    go_down(seen->deep);
    return NULL;
}

static uint32_t margin(hf_tasks_t *tasks, unsigned task)
{
    uint32_t bytes = UINT32_MAX;
    hf_task_look(tasks, task, UINT32_MAX);
    return hf_task_margin(tasks, task, &bytes) == HF_OK ? bytes : UINT32_MAX;
}

static void start_row_gives_its_stack_and_name(void)
{
    static hf_tasks_t tasks;
    pthread_t thread;
    seen_t seen = {.deep = DEEP_BYTES};
    REQUIRE(hf_tasks_init(&tasks, rows, 2) == HF_OK);
    const hf_thread_place_t place = {.tasks = &tasks, .task = 0};
    REQUIRE(hf_thread_start(&thread, &place, look_around, &seen) == 0);
    (void)pthread_join(thread, NULL);
    CHECK_STR(seen.name, "first");
    const hf_task_info_t *info = &tasks.task[0].info;
    CHECK(info->stack_bytes >= BYTES);
    CHECK(seen.frame > (uintptr_t)info->stack);
    CHECK(seen.frame < (uintptr_t)info->stack + info->stack_bytes);
    uint32_t left = margin(&tasks, 0);
    CHECK(left > 0);
    CHECK(left <= info->stack_bytes - DEEP_BYTES);
    CHECK_EQ(margin(&tasks, 1), UINT32_MAX); // never started: nothing to tell
    // The next thread of the row has the same stack.
    const uint8_t *stack = info->stack;
    REQUIRE(hf_thread_start(&thread, &place, look_around, &seen) == 0);
    (void)pthread_join(thread, NULL);
    CHECK(tasks.task[0].info.stack == stack);
}

static void start_wrong_row_is_refused(void)
{
    static hf_tasks_t tasks;
    pthread_t thread;
    seen_t seen = {0};
    REQUIRE(hf_tasks_init(&tasks, rows, 2) == HF_OK);
    const hf_thread_place_t place = {.tasks = &tasks, .task = 2};
    CHECK_EQ(hf_thread_start(&thread, &place, look_around, &seen), EINVAL);
    CHECK_EQ(hf_thread_start_fifo(&thread, &place, look_around, &seen), EINVAL);
    CHECK_EQ(hf_thread_start_fifo(&thread, NULL, look_around, &seen), EINVAL);
}

static void *nothing(void *ctx)
{
    return ctx;
}

static void start_without_a_place_uses_the_librarys_stack(void)
{
    pthread_t thread;
    const hf_thread_place_t nowhere = {0};
    REQUIRE(hf_thread_start(&thread, NULL, nothing, NULL) == 0);
    (void)pthread_join(thread, NULL);
    REQUIRE(hf_thread_start(&thread, &nowhere, nothing, NULL) == 0);
    (void)pthread_join(thread, NULL);
}

// Real-time or not: whoever is refused starts the same row without it.
static void start_fifo_refused_can_be_started_without(void)
{
    static hf_tasks_t tasks;
    pthread_t thread;
    REQUIRE(hf_tasks_init(&tasks, rows, 2) == HF_OK);
    const hf_thread_place_t place = {.tasks = &tasks, .task = 1};
    int error = hf_thread_start_fifo(&thread, &place, nothing, NULL);
    CHECK(error == 0 || error == EPERM);
    if (error == EPERM) {
        REQUIRE(hf_thread_start(&thread, &place, nothing, NULL) == 0);
    }
    (void)pthread_join(thread, NULL);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER
#endif
#endif
#ifndef HAS_SANITIZER
static void start_overflowing_thread_ends_the_program_at_the_guard(void)
{
    (void)fflush(stdout);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        static hf_tasks_t tasks;
        pthread_t thread;
        seen_t seen = {.deep = 8u * 1024u * 1024u, .name = "first"};
        const hf_thread_place_t place = {.tasks = &tasks, .task = 0};
        (void)signal(SIGSEGV, SIG_DFL);
        if (hf_tasks_init(&tasks, rows, 2) == HF_OK &&
            hf_thread_start(&thread, &place, look_around, &seen) == 0) {
            (void)pthread_join(thread, NULL);
        }
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
}
#else
static void start_overflowing_thread_ends_the_program_at_the_guard(void)
{
    CHECK(true); // the sanitizer's business
}
#endif

static void adopt_main_tells_how_deep_it_was(void)
{
    static hf_tasks_t tasks;
    REQUIRE(hf_tasks_init(&tasks, rows, 2) == HF_OK);
    const hf_thread_place_t place = {.tasks = &tasks, .task = 0};
    REQUIRE(hf_thread_adopt_main(&place) == HF_OK);
    uint32_t before = margin(&tasks, 0);
    CHECK(before < tasks.task[0].info.stack_bytes);
    go_down(DEEP_BYTES);
    uint32_t after = margin(&tasks, 0);
    CHECK(after < before);
    CHECK(tasks.task[0].info.stack_bytes - after >= DEEP_BYTES);
}

HF_TEST_MAIN(HF_TEST(start_row_gives_its_stack_and_name), HF_TEST(start_wrong_row_is_refused),
             HF_TEST(start_without_a_place_uses_the_librarys_stack),
             HF_TEST(start_fifo_refused_can_be_started_without),
             HF_TEST(start_overflowing_thread_ends_the_program_at_the_guard),
             HF_TEST(adopt_main_tells_how_deep_it_was))
#else
int main(void)
{
    return 0;
}
#endif
