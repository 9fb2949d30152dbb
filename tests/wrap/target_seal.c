// SPDX-License-Identifier: MIT
// The sealed heap of a firmware image: a static C library whose functions call each other through the same names, so
// that one call must be one count. Functions in the section `portable_code` play the code that must not allocate.
#include "hf_test.h"
#include "holdfast/hf_seal.h"
#include "qemu_image.h"

#include <setjmp.h>
#include <stdlib.h>

char *strdup(const char *text);
char *strndup(const char *text, size_t most);
void *memalign(size_t alignment, size_t bytes);
void *reallocf(void *block, size_t bytes);
void *reallocarray(void *block, size_t count, size_t size);

extern char __start_portable_code[], __stop_portable_code[];

#define PORTABLE __attribute__((noinline, section("portable_code"), optimize("O1")))

static hf_seal_caller_t callers[16];
static hf_seal_range_t portable[1];
static jmp_buf tripped;
static hf_seal_call_t last;
static void *volatile sink;

static void on_trip(void *ctx, const hf_seal_call_t *call)
{
    (void)ctx;
    last = *call;
    longjmp(tripped, 1);
}

static void on_report(void *ctx, const hf_seal_call_t *call)
{
    (*(uint32_t *)ctx)++;
    last = *call;
    sink = malloc(20);
    free(sink);
}

static void seal(void)
{
    hf_mem_unseal();
    portable[0] =
        (hf_seal_range_t){(uintptr_t)__start_portable_code, (uintptr_t)__stop_portable_code};
    const hf_seal_config_t config = {.portable = portable,
                                     .portable_count = 1,
                                     .callers = callers,
                                     .caller_count = HF_COUNT_OF(callers),
                                     .trip = on_trip};
    CHECK_EQ(hf_mem_seal(&config), HF_OK);
}

PORTABLE static void *portable_malloc(size_t bytes)
{
    sink = malloc(bytes);
    return sink;
}

PORTABLE static void portable_free(void *block)
{
    free(block);
    sink = NULL;
}

static void seal_before_it_everything_passes(void)
{
    seal();
    hf_mem_unseal();
    void *block = portable_malloc(20);
    CHECK(block != NULL);
    portable_free(block);
    CHECK_EQ(hf_seal_stats().calls, 0);
}

static void seal_one_call_is_one_count_with_a_static_library(void)
{
    seal();
    sink = malloc(10);
    free(sink);
    sink = calloc(3, 10); // this library's calloc calls malloc
    CHECK(sink != NULL && ((const char *)sink)[29] == 0);
    sink = realloc(sink, 400); // its realloc calls malloc and free
    CHECK(sink != NULL);
    sink = reallocarray(sink, 10, 200);
    CHECK(sink != NULL);
    free(sink);
    sink = strdup("holdfast");
    CHECK_STR(sink, "holdfast");
    free(sink);
    sink = strndup("holdfast", 4);
    CHECK_STR(sink, "hold");
    free(sink);
    sink = aligned_alloc(64, 128);
    CHECK(sink != NULL && (uintptr_t)sink % 64u == 0);
    free(sink);
    sink = memalign(128, 10);
    CHECK(sink != NULL && (uintptr_t)sink % 128u == 0);
    free(sink);
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(stats.mallocs, 1);
    CHECK_EQ(stats.callocs, 1);
    CHECK_EQ(stats.reallocs, 2);
    CHECK_EQ(stats.strings, 2);
    CHECK_EQ(stats.aligned, 2);
    CHECK_EQ(stats.frees, 6);
    CHECK_EQ(stats.failed, 0);
    CHECK_EQ(stats.callers, 8);
    CHECK_EQ(stats.in_report, 0);
}

static void seal_calls_of_the_library_itself_are_seen(void)
{
    seal();
    sink = reallocf(NULL, 30); // not wrapped; it calls realloc
    CHECK(sink != NULL);
    free(sink);
    const hf_seal_stats_t stats = hf_seal_stats();
    uintptr_t address = 0;
    uint32_t calls = 0;
    CHECK_EQ(hf_seal_caller(0, &address, &calls), HF_OK);
    hf_mem_unseal();
    CHECK_EQ(stats.reallocs, 1);
    const uintptr_t library = (uintptr_t)reallocf & ~(uintptr_t)1u;
    CHECK(address > library && address < library + 64u);
}

static void seal_blocks_from_before_are_freed_and_resized_after(void)
{
    hf_mem_unseal();
    char *one = malloc(50), *two = malloc(50);
    REQUIRE(one != NULL && two != NULL);
    memset(two, 7, 50);
    seal();
    portable_free(one);
    two = realloc(two, 3000);
    REQUIRE(two != NULL);
    CHECK_EQ(two[0] + two[49], 14);
    free(two);
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(stats.frees, 2);
    CHECK_EQ(stats.portable, 0);
}

static void seal_calloc_overflow_refused(void)
{
    volatile size_t half = SIZE_MAX / 2u + 1u;
    hf_mem_unseal();
    CHECK(calloc(half, 2) == NULL);
    seal();
    CHECK(calloc(half, 2) == NULL);
    CHECK(reallocarray(NULL, 2, half) == NULL);
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(stats.overflows, 2);
}

static void seal_portable_caller_trips(void)
{
    seal();
    if (setjmp(tripped) == 0) {
        (void)portable_malloc(33);
        HF_TEST_FAIL("portable code got memory");
    }
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_STR(last.function, "malloc");
    CHECK_EQ(last.bytes, 33);
    CHECK(last.caller >= portable[0].from && last.caller < portable[0].to);
    CHECK_EQ(stats.portable, 1);
}

static void seal_report_that_allocates_is_served_and_not_reported(void)
{
    uint32_t reports = 0;
    const hf_seal_config_t config = {.callers = callers,
                                     .caller_count = HF_COUNT_OF(callers),
                                     .report = on_report,
                                     .ctx = &reports};
    hf_mem_unseal();
    CHECK_EQ(hf_mem_seal(&config), HF_OK);
    void *volatile block = malloc(17);
    free(block);
    const hf_seal_stats_t stats = hf_seal_stats();
    hf_mem_unseal();
    CHECK_EQ(reports, 1);
    CHECK_EQ(last.bytes, 17);
    CHECK_EQ(stats.calls, 1);
    CHECK_EQ(stats.in_report, 2);
}

HF_TEST_MAIN(HF_TEST(seal_before_it_everything_passes),
             HF_TEST(seal_one_call_is_one_count_with_a_static_library),
             HF_TEST(seal_calls_of_the_library_itself_are_seen),
             HF_TEST(seal_blocks_from_before_are_freed_and_resized_after),
             HF_TEST(seal_calloc_overflow_refused), HF_TEST(seal_portable_caller_trips),
             HF_TEST(seal_report_that_allocates_is_served_and_not_reported))
