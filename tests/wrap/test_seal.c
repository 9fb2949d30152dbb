// SPDX-License-Identifier: MIT
// The sealed heap, in a program linked with --wrap: what passes, what is counted and named, what is fatal. Functions in the
// section `portable_code` play the code that must not allocate.
#include "hf_test.h"
#include "holdfast/hf_seal.h"

#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char __start_portable_code[], __stop_portable_code[];

#define PORTABLE __attribute__((noinline, section("portable_code")))
#define CALLERS  4u

static hf_seal_caller_t callers[CALLERS];
static hf_seal_range_t portable[1];
static jmp_buf tripped;
static hf_seal_call_t last;
static uint32_t reports;
static void *volatile sink; // so that no compiler removes a pair of malloc and free

static uintptr_t this_thread(void *ctx)
{
    (void)ctx;
    return (uintptr_t)pthread_self();
}

static void on_report(void *ctx, const hf_seal_call_t *call)
{
    (void)ctx;
    last = *call;
    reports++;
    sink = malloc(64); // as a logger would
    sink = realloc(sink, 128);
    free(sink);
}

static void on_trip(void *ctx, const hf_seal_call_t *call)
{
    (void)ctx;
    last = *call;
    sink = malloc(8); // its own is neither watched nor fatal
    free(sink);
    longjmp(tripped, 1);
}

static void trip_that_returns(void *ctx, const hf_seal_call_t *call)
{
    (void)ctx;
    (void)call;
}

static hf_seal_config_t config(void)
{
    hf_mem_unseal();
    memset(&last, 0, sizeof last);
    reports = 0;
    portable[0] =
        (hf_seal_range_t){(uintptr_t)__start_portable_code, (uintptr_t)__stop_portable_code};
    return (hf_seal_config_t){.portable = portable,
                              .portable_count = 1,
                              .callers = callers,
                              .caller_count = CALLERS,
                              .context = this_thread,
                              .trip = on_trip};
}

static void seal(void)
{
    const hf_seal_config_t wanted = config();
    CHECK_EQ(hf_mem_seal(&wanted), HF_OK);
}

PORTABLE static void *portable_malloc(size_t bytes)
{
    void *block = malloc(bytes);
    sink = block;
    return block;
}

PORTABLE static void portable_free(void *block)
{
    free(block);
    sink = NULL;
}

PORTABLE static void *portable_calloc(size_t count, size_t size)
{
    sink = calloc(count, size);
    return sink;
}

__attribute__((noinline)) static void one_malloc(void)
{
    sink = malloc(10);
    free(sink);
}

static void seal_wrong_config_refused(void)
{
    hf_seal_config_t wanted = config();
    wanted.callers = NULL;
    CHECK_EQ(hf_mem_seal(&wanted), HF_E_ARGUMENT);
    wanted = config();
    wanted.caller_count = HF_SEAL_CALLERS_MAX + 1u;
    CHECK_EQ(hf_mem_seal(&wanted), HF_E_ARGUMENT);
    wanted = config();
    portable[0].to = portable[0].from - 1u;
    CHECK_EQ(hf_mem_seal(&wanted), HF_E_ARGUMENT);
    CHECK_EQ(hf_mem_seal(NULL), HF_E_ARGUMENT);
    CHECK(!hf_seal_stats().is_sealed);
    wanted = config();
    CHECK_EQ(hf_mem_seal(&wanted), HF_OK);
    CHECK_EQ(hf_mem_seal(&wanted), HF_E_STATE);
    hf_mem_unseal();
}

static void seal_before_it_everything_passes(void)
{
    seal(); // counters at 0
    hf_mem_unseal();
    char *block = portable_malloc(20); // portable code may, during start-up
    CHECK(block != NULL);
    memset(block, 1, 20);
    portable_free(block);
    sink = strdup("text");
    CHECK_STR(sink, "text");
    free(sink);
    CHECK_EQ(hf_seal_stats().calls, 0);
    CHECK_EQ(hf_seal_stats().frees, 0);
    CHECK_EQ(hf_seal_stats().callers, 0);
}

static void seal_after_it_served_counted_and_named(void)
{
    seal();
    for (int i = 0; i < 3; i++) {
        one_malloc();
    }
    sink = malloc(5);
    CHECK(sink != NULL);
    free(sink);
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK(stats.is_sealed);
    CHECK_EQ(stats.mallocs, 4);
    CHECK_EQ(stats.calls, 4);
    CHECK_EQ(stats.frees, 4);
    CHECK_EQ(stats.portable, 0);
    CHECK_EQ(stats.callers, 2);
    uintptr_t first = 0, second = 0;
    uint32_t calls = 0;
    CHECK_EQ(hf_seal_caller(0, &first, &calls), HF_OK);
    CHECK_EQ(calls, 3);
    const uintptr_t one = (uintptr_t)one_malloc;
    CHECK(first > one && first < one + 200u); // within the function that called
    CHECK_EQ(hf_seal_caller(1, &second, &calls), HF_OK);
    CHECK_EQ(calls, 1);
    CHECK(second != first);
    CHECK_EQ(hf_seal_caller(2, &first, &calls), HF_E_RANGE);
}

// One call each, so that each has a caller of its own.
static void call_each_function(void)
{
    sink = malloc(10);
    free(sink);
    sink = calloc(3, 10);
    CHECK(sink != NULL && ((const char *)sink)[29] == 0);
    sink = realloc(sink, 100);
    CHECK(sink != NULL && ((const char *)sink)[29] == 0);
    sink = reallocarray(sink, 10, 20);
    CHECK(sink != NULL);
    free(sink);
    sink = strdup("holdfast");
    CHECK_STR(sink, "holdfast");
    free(sink);
    sink = strndup("holdfast", 4);
    CHECK_STR(sink, "hold");
    free(sink);
    sink = strndup("hold", 100);
    CHECK_STR(sink, "hold");
    free(sink);
    sink = aligned_alloc(64, 128);
    CHECK(sink != NULL && (uintptr_t)sink % 64u == 0);
    free(sink);
    sink = memalign(256, 10);
    CHECK(sink != NULL && (uintptr_t)sink % 256u == 0);
    free(sink);
    void *block = NULL;
    CHECK_EQ(posix_memalign(&block, 32, 10), 0);
    CHECK(block != NULL && (uintptr_t)block % 32u == 0);
    free(block);
}

static void seal_every_function_is_covered_once(void)
{
    seal();
    call_each_function();
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(stats.mallocs, 1);
    CHECK_EQ(stats.callocs, 1);
    CHECK_EQ(stats.reallocs, 2);
    CHECK_EQ(stats.strings, 3);
    CHECK_EQ(stats.aligned, 3);
    CHECK_EQ(stats.calls, 10);
    CHECK_EQ(stats.frees, 8);
    CHECK_EQ(stats.in_report, 0);
    CHECK_EQ(stats.failed, 0);
    CHECK_EQ(stats.callers, CALLERS); // more places called than there is room for names
    CHECK_EQ(stats.unnamed, 6);
}

static void seal_blocks_from_before_are_freed_and_resized_after(void)
{
    char *one = malloc(50), *two = malloc(50);
    REQUIRE(one != NULL && two != NULL);
    memset(two, 7, 50);
    sink = one;
    seal();
    portable_free(one); // from portable code as well
    two = realloc(two, 5000);
    REQUIRE(two != NULL);
    CHECK_EQ(two[0] + two[49], 14);
    char *three = malloc(30);
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    sink = three;
    free(three); // and the other way round
    free(two);
    CHECK_EQ(stats.frees, 1);
    CHECK_EQ(stats.reallocs, 1);
    CHECK_EQ(stats.portable, 0);
}

static void seal_calloc_overflow_refused_sealed_or_not(void)
{
    volatile size_t half = SIZE_MAX / 2u + 1u;
    hf_mem_unseal();
    CHECK(calloc(half, 2) == NULL);
    CHECK(reallocarray(NULL, half, 4) == NULL);
    seal();
    sink = malloc(10);
    void *volatile kept = sink; // volatile: the compiler takes it for freed otherwise
    CHECK(calloc(half, 2) == NULL);
    CHECK(calloc(2, half) == NULL);
    CHECK(reallocarray(kept, half, 2) == NULL); // the block stays as it was
    sink = calloc(0, half);
    free(sink);
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    free(kept);
    CHECK_EQ(stats.overflows, 3);
    CHECK_EQ(stats.failed, 3);
    CHECK_EQ(stats.callocs, 3);
}

static void seal_realloc_is_the_c_librarys(void)
{
    seal();
    char *block = realloc(NULL, 10); // a malloc
    REQUIRE(block != NULL);
    memcpy(block, "123456789", 10);
    block = realloc(block, 4000);
    REQUIRE(block != NULL);
    CHECK_STR(block, "123456789");
    block = realloc(block, 4);
    REQUIRE(block != NULL);
    CHECK(memcmp(block, "1234", 4) == 0);
    free(block);
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(stats.reallocs, 3);
    CHECK_EQ(stats.mallocs, 0);
}

static void seal_portable_caller_trips(void)
{
    volatile int trips = 0;
    seal();
    if (setjmp(tripped) == 0) {
        (void)portable_malloc(33);
        HF_TEST_FAIL("portable code got memory");
    } else {
        trips++;
    }
    CHECK_STR(last.function, "malloc");
    CHECK_EQ(last.bytes, 33);
    CHECK(last.caller >= portable[0].from && last.caller < portable[0].to);
    hf_seal_stats_t stats = hf_seal_stats();
    CHECK_EQ(stats.portable, 1);
    CHECK_EQ(stats.mallocs, 1);   // named and counted like any other
    CHECK_EQ(stats.in_report, 2); // the malloc and free of the trip itself
    CHECK_EQ(stats.callers, 1);
    seal();
    if (setjmp(tripped) == 0) {
        (void)portable_calloc(3, 5);
        HF_TEST_FAIL("portable code got memory");
    } else {
        trips++;
    }
    CHECK_STR(last.function, "calloc");
    hf_mem_unseal();
    CHECK_EQ(trips, 2);
}

/// The signal a child dies of that does this with a sealed heap; 0 when it lives.
static int signal_of_child(void (*trip)(void *ctx, const hf_seal_call_t *call), bool is_portable)
{
    (void)fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        hf_seal_config_t wanted = config();
        wanted.trip = trip;
        (void)close(1); // the assertion's words are no part of this output
        if (hf_mem_seal(&wanted) != HF_OK) {
            _exit(1);
        }
        if (is_portable) {
            (void)portable_malloc(10);
        } else {
            one_malloc();
        }
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return -1;
    }
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void seal_trip_that_returns_or_is_missing_is_still_fatal(void)
{
    CHECK_EQ(signal_of_child(NULL, false), 0);
    CHECK_EQ(signal_of_child(NULL, true), SIGABRT);
    CHECK_EQ(signal_of_child(trip_that_returns, true), SIGABRT);
}

static void seal_report_that_allocates_is_served_and_not_reported(void)
{
    hf_seal_config_t wanted = config();
    wanted.report = on_report;
    CHECK_EQ(hf_mem_seal(&wanted), HF_OK);
    void *block = malloc(17);
    CHECK_EQ(reports, 1);
    CHECK_STR(last.function, "malloc");
    CHECK_EQ(last.bytes, 17);
    CHECK(last.block == block);
    free(block); // not reported
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(reports, 1);
    CHECK_EQ(stats.calls, 1);
    CHECK_EQ(stats.frees, 1);
    CHECK_EQ(stats.in_report, 3);
    CHECK_EQ(stats.callers, 1);
}

static void seal_again_counts_from_zero(void)
{
    seal();
    one_malloc();
    CHECK_EQ(hf_seal_stats().calls, 1);
    hf_mem_unseal();
    CHECK_EQ(hf_seal_stats().calls, 1); // still to be read
    seal();
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(stats.calls, 0);
    CHECK_EQ(stats.callers, 0);
}

#define THREADS 4u
#define ROUNDS  3000u

static void *hammer(void *arg)
{
    (void)arg;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        char *volatile block = malloc(16 + i % 64u);
        block = realloc(block, 200);
        free(block);
    }
    return NULL;
}

static hf_atomic_u32_t reports_of_all;

static void count_report(void *ctx, const hf_seal_call_t *call)
{
    (void)ctx;
    (void)call;
    char *volatile block = malloc(3);
    free(block);
    (void)atomic_fetch_add(&reports_of_all, 1u);
}

static void seal_threads_every_call_counted_once(void)
{
    pthread_t threads[THREADS];
    hf_seal_config_t wanted = config();
    wanted.report = count_report;
    atomic_store(&reports_of_all, 0);
    CHECK_EQ(hf_mem_seal(&wanted), HF_OK);
    const hf_seal_stats_t before =
        hf_seal_stats(); // pthread_create may allocate by itself, but not through us
    for (uint32_t i = 0; i < THREADS; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, hammer, NULL) == 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    }
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(stats.mallocs - before.mallocs, THREADS * ROUNDS);
    CHECK_EQ(stats.reallocs, THREADS * ROUNDS);
    CHECK_EQ(stats.frees, THREADS * ROUNDS);
    CHECK_EQ(stats.in_report, 4u * THREADS * ROUNDS);
    CHECK_EQ(atomic_load(&reports_of_all), 2u * THREADS * ROUNDS);
    uint32_t named = 0;
    for (uint32_t i = 0; i < stats.callers; i++) {
        uintptr_t address = 0;
        uint32_t calls = 0;
        CHECK_EQ(hf_seal_caller(i, &address, &calls), HF_OK);
        named += calls;
    }
    CHECK_EQ(stats.callers, 2);
    CHECK_EQ(named, stats.calls);
}

/// More contexts than can be told apart: still served and counted, only not reported.
static uintptr_t another_each_time(void *ctx)
{
    return ++*(uintptr_t *)ctx;
}

static uint32_t depth;

static void report_deeper(void *ctx, const hf_seal_call_t *call)
{
    (void)ctx;
    (void)call;
    if (depth++ < 100u) {
        one_malloc(); // by another context, as it says
    }
}

static void seal_more_contexts_than_places_ends(void)
{
    uintptr_t context = 0;
    hf_seal_config_t wanted = config();
    wanted.context = another_each_time;
    wanted.report = report_deeper;
    wanted.ctx = &context;
    CHECK_EQ(hf_mem_seal(&wanted), HF_OK);
    depth = 0;
    one_malloc();
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(depth, HF_SEAL_CONTEXTS_MAX);
    CHECK_EQ(stats.mallocs, HF_SEAL_CONTEXTS_MAX + 1u);
}

HF_TEST_MAIN(HF_TEST(seal_wrong_config_refused), HF_TEST(seal_before_it_everything_passes),
             HF_TEST(seal_after_it_served_counted_and_named),
             HF_TEST(seal_every_function_is_covered_once),
             HF_TEST(seal_blocks_from_before_are_freed_and_resized_after),
             HF_TEST(seal_calloc_overflow_refused_sealed_or_not),
             HF_TEST(seal_realloc_is_the_c_librarys), HF_TEST(seal_portable_caller_trips),
             HF_TEST(seal_trip_that_returns_or_is_missing_is_still_fatal),
             HF_TEST(seal_report_that_allocates_is_served_and_not_reported),
             HF_TEST(seal_again_counts_from_zero), HF_TEST(seal_threads_every_call_counted_once),
             HF_TEST(seal_more_contexts_than_places_ends))
