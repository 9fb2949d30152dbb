// SPDX-License-Identifier: MIT
// The scope tracker: what an operation did, nested, left by return, with and without a trace to add up.
#include "hf_test.h"
#include "holdfast/hf_scope.h"

#define COUNT 8u

static HF_POOL_STORAGE_BYTES(32, COUNT) small_storage;
static HF_POOL_STORAGE_BYTES(100, COUNT) large_storage;
static hf_pool_t small, large;
static const hf_pool_t *const pools[] = {&small, &large};
static uint64_t now_us;
static hf_scope_report_t told[16];
static uint32_t told_count;

static uint64_t read_clock(void *ctx)
{
    (void)ctx;
    return now_us;
}

static void keep(void *ctx, const hf_scope_report_t *report)
{
    (void)ctx;
    told[told_count++ % HF_COUNT_OF(told)] = *report;
}

static void start(hf_scope_tracker_t *tracker, const hf_trace_t *trace)
{
    const hf_pool_config_t small_config = {.name = "small",
                                           .blocks = small_storage.blocks,
                                           .meta = small_storage.meta,
                                           .block_bytes = 32,
                                           .count = COUNT};
    const hf_pool_config_t large_config = {.name = "large",
                                           .blocks = large_storage.blocks,
                                           .meta = large_storage.meta,
                                           .block_bytes = 100,
                                           .count = COUNT};
    const hf_scope_config_t config = {
        .pools = pools, .pool_count = 2, .trace = trace, .now_us = read_clock, .report = keep};
    now_us = 1000;
    told_count = 0;
    CHECK_EQ(hf_pool_init(&small, &small_config), HF_OK);
    CHECK_EQ(hf_pool_init(&large, &large_config), HF_OK);
    CHECK_EQ(hf_scope_init(tracker, &config), HF_OK);
}

static void give(hf_pool_t *pool, void *block)
{
    CHECK_EQ(hf_pool_give(pool, block), HF_OK);
}

static void scope_tells_what_stayed(void)
{
    hf_scope_tracker_t tracker;
    hf_scope_report_t report;
    start(&tracker, NULL);
    void *before = hf_pool_take(&large, 0);
    uint32_t scope = hf_scope_begin(&tracker, "load", 500);
    void *kept = hf_pool_take(&small, 0);
    CHECK(kept != NULL && hf_pool_take(&small, 0) != NULL);
    give(&large, before);
    CHECK_EQ(hf_scope_end(&tracker, scope, 800, &report), HF_OK);
    CHECK_STR(report.name, "load");
    CHECK_EQ(report.time_us, 300);
    CHECK_EQ(report.blocks_before, 1);
    CHECK_EQ(report.blocks_after, 2);
    CHECK_EQ(report.bytes_before, 100);
    CHECK_EQ(report.bytes_after, 64);
    CHECK_EQ(report.depth, 0);
    CHECK_EQ(told_count, 1);
    CHECK_EQ(tracker.depth, 0);
}

static void scope_without_trace_sees_marked_moments(void)
{
    hf_scope_tracker_t tracker;
    hf_scope_report_t report;
    start(&tracker, NULL);
    uint32_t scope = hf_scope_begin(&tracker, "burst", 0);
    void *block = hf_pool_take(&large, 0);
    hf_scope_mark(&tracker);
    give(&large, block);
    CHECK_EQ(hf_scope_end(&tracker, scope, 0, &report), HF_OK);
    CHECK(!report.is_peak_exact);
    CHECK_EQ(report.peak_bytes, 100);
    CHECK_EQ(report.bytes_after, 0);
}

static void scope_nested_count_each_on_its_own(void)
{
    hf_scope_tracker_t tracker;
    hf_scope_report_t report;
    start(&tracker, NULL);
    uint32_t outer = hf_scope_begin(&tracker, "outer", 0);
    void *a = hf_pool_take(&small, 0);
    uint32_t inner = hf_scope_begin(&tracker, "inner", 10);
    void *b = hf_pool_take(&large, 0);
    CHECK_EQ(hf_scope_end(&tracker, inner, 30, &report), HF_OK);
    CHECK_EQ(report.depth, 1);
    CHECK_EQ(report.bytes_before, 32);
    CHECK_EQ(report.bytes_after, 132);
    CHECK_EQ(report.time_us, 20);
    give(&large, b);
    give(&small, a);
    CHECK_EQ(hf_scope_end(&tracker, outer, 40, &report), HF_OK);
    CHECK_STR(report.name, "outer");
    CHECK_EQ(report.blocks_after, 0);
    CHECK_EQ(report.peak_bytes, 132); // the end of the inner one was looked at
    CHECK_EQ(report.time_us, 40);
}

static void scope_wrong_use_is_told_and_counted(void)
{
    hf_scope_tracker_t tracker;
    hf_scope_report_t report;
    start(&tracker, NULL);
    CHECK_EQ(hf_scope_init(&tracker, &(hf_scope_config_t){.pools = pools}), HF_E_ARGUMENT);
    start(&tracker, NULL);
    CHECK_EQ(hf_scope_end(&tracker, 0, 0, &report), HF_E_EMPTY);
    CHECK_EQ(hf_scope_end(&tracker, 1, 0, &report), HF_E_STATE);
    CHECK_EQ(tracker.unmatched, 1);
    for (uint32_t i = 1; i <= HF_SCOPE_DEPTH_MAX; i++) {
        CHECK_EQ(hf_scope_begin(&tracker, "deep", i), i);
    }
    CHECK_EQ(hf_scope_begin(&tracker, "too deep", 0), 0);
    CHECK_EQ(tracker.too_deep, 1);
    CHECK_EQ(hf_scope_end(&tracker, 3, 0, &report), HF_OK);
    CHECK_EQ(tracker.left_open, HF_SCOPE_DEPTH_MAX - 3u);
    CHECK_EQ(tracker.depth, 2);
    CHECK_EQ(told_count, HF_SCOPE_DEPTH_MAX - 2u);
}

static int measured(hf_scope_tracker_t *tracker, bool returns_early)
{
    HF_SCOPE(tracker, "whole");
    now_us += 5;
    if (returns_early) {
        return 1;
    }
    {
        HF_SCOPE(tracker, "part");
        now_us += 7;
    }
    return 2;
}

static void scope_macro_ends_however_the_block_is_left(void)
{
    hf_scope_tracker_t tracker;
    start(&tracker, NULL);
    CHECK_EQ(measured(&tracker, true), 1);
    CHECK_EQ(tracker.depth, 0);
    CHECK_EQ(told_count, 1);
    CHECK_EQ(told[0].time_us, 5);
    CHECK_EQ(measured(&tracker, false), 2);
    CHECK_EQ(told_count, 3);
    CHECK_STR(told[1].name, "part");
    CHECK_EQ(told[1].time_us, 7);
    CHECK_EQ(told[1].depth, 1);
    CHECK_STR(told[2].name, "whole");
    CHECK_EQ(told[2].time_us, 12);
}

#if CONFIG_HF_TRACE
static void scope_with_trace_knows_the_peak_exactly(void)
{
    static uint32_t storage[HF_TRACE_BYTES(16) / 4u];
    const hf_trace_config_t config = {.storage = storage, .capacity = 16};
    static hf_trace_t trace;
    hf_scope_tracker_t tracker;
    hf_scope_report_t report;
    start(&tracker, &trace);
    CHECK_EQ(hf_trace_init(&trace, &config), HF_OK);
    hf_pool_set_trace(&small, &trace, 0);
    hf_pool_set_trace(&large, &trace, 1);
    void *before = hf_pool_take(&small, 0);
    uint32_t scope = hf_scope_begin(&tracker, "burst", 0);
    void *a = hf_pool_take(&large, 0), *b = hf_pool_take(&large, 0);
    give(&small, before);
    give(&large, a);
    give(&large, b);
    CHECK(hf_pool_take(&small, 0) != NULL);
    CHECK_EQ(hf_scope_end(&tracker, scope, 0, &report), HF_OK);
    CHECK(report.is_peak_exact);
    CHECK_EQ(report.peak_bytes, 232);
    // More entries than the trace keeps: back to what was looked at, and it says so.
    scope = hf_scope_begin(&tracker, "long", 0);
    for (unsigned i = 0; i < 10; i++) {
        give(&large, hf_pool_take(&large, 0));
    }
    CHECK_EQ(hf_scope_end(&tracker, scope, 0, &report), HF_OK);
    CHECK(!report.is_peak_exact);
    CHECK_EQ(report.peak_bytes, 32);
}

static void scope_begun_between_a_take_and_its_give_reports_no_giant_peak(void)
{
    static uint32_t storage[HF_TRACE_BYTES(16) / 4u];
    const hf_trace_config_t config = {.storage = storage, .capacity = 16};
    static hf_trace_t trace;
    hf_scope_tracker_t tracker;
    hf_scope_report_t report;
    start(&tracker, &trace);
    CHECK_EQ(hf_trace_init(&trace, &config), HF_OK);
    uint32_t scope = hf_scope_begin(&tracker, "beside", 0);
    // Another context's: taken after the pools were looked at, in the trace before its place was noted.
    hf_trace_add(&trace, &(hf_trace_event_t){.bytes = 100, .kind = HF_TRACE_GIVE});
    hf_trace_add(&trace, &(hf_trace_event_t){.bytes = 32, .kind = HF_TRACE_TAKE});
    CHECK_EQ(hf_scope_end(&tracker, scope, 0, &report), HF_OK);
    CHECK_EQ(report.peak_bytes, 32);
}

#define TRACE_TESTS                                                                                \
    HF_TEST(scope_with_trace_knows_the_peak_exactly),                                              \
        HF_TEST(scope_begun_between_a_take_and_its_give_reports_no_giant_peak),
#else
#define TRACE_TESTS
#endif

HF_TEST_MAIN(TRACE_TESTS HF_TEST(scope_tells_what_stayed),
             HF_TEST(scope_without_trace_sees_marked_moments),
             HF_TEST(scope_nested_count_each_on_its_own),
             HF_TEST(scope_wrong_use_is_told_and_counted),
             HF_TEST(scope_macro_ends_however_the_block_is_left))
