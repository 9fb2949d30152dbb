// SPDX-License-Identifier: MIT
// Windows and history: right for any number of readers, at the edges of a window, over gaps, around the ring.
#include "hf_test.h"

#include "holdfast/hf_window.h"

#define MS       1000ULL
#define START_US 123456789ULL

static hf_windows_t windows;
static hf_history_sample_t ring[HF_HISTORY_SAMPLES];

static void note(uint32_t internal_free, uint64_t at_ms)
{
    const hf_memory_t memory = {
        .internal_free = internal_free,
        .internal_largest = internal_free / 4u,
        .psram_free = internal_free * 2u,
        .psram_largest = internal_free * 2u,
    };
    hf_windows_note(&windows, &memory, START_US + at_ms * MS);
}

static hf_window_span_t span(hf_window_value_t value)
{
    hf_window_span_t result = {0, 0};
    CHECK_EQ(hf_windows_span(&windows, value, &result), HF_OK);
    return result;
}

static void begin(uint32_t capacity)
{
    hf_windows_init(&windows, ring, capacity, START_US);
}

static void window_without_a_reading_is_empty(void)
{
    begin(HF_HISTORY_SAMPLES);
    hf_window_span_t result;
    CHECK_EQ(hf_windows_span(&windows, HF_WINDOW_INTERNAL_FREE, &result), HF_E_EMPTY);
    note(1, 0);
    CHECK_EQ(hf_windows_span(&windows, HF_WINDOW_VALUES, &result), HF_E_RANGE);
    hf_history_sample_t sample;
    CHECK_EQ(hf_history_get(&windows, 0, &sample), HF_E_NOT_FOUND);
}

static void window_spans_every_value(void)
{
    begin(HF_HISTORY_SAMPLES);
    note(1000, 0);
    note(400, 200);
    note(800, 400);
    CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).min, 400);
    CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).max, 1000);
    CHECK_EQ(span(HF_WINDOW_INTERNAL_LARGEST).min, 100);
    CHECK_EQ(span(HF_WINDOW_INTERNAL_LARGEST).max, 250);
    CHECK_EQ(span(HF_WINDOW_FRAGMENTATION).max, 75);
    CHECK_EQ(span(HF_WINDOW_PSRAM_FREE).min, 800);
    CHECK_EQ(span(HF_WINDOW_PSRAM_FREE).max, 2000);
    CHECK_EQ(span(HF_WINDOW_PSRAM_LARGEST).max, 2000);
    CHECK_EQ(span(HF_WINDOW_PSRAM_FRAGMENTATION).max, 0);
}

static void window_read_by_many_is_the_same_for_each(void)
{
    begin(HF_HISTORY_SAMPLES);
    note(1000, 0);
    note(100, 200); // the dip
    note(1000, 400);
    for (unsigned reader = 0; reader < 5; reader++) {
        CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).min, 100); // nobody's look takes it from another
    }
    for (uint64_t at_ms = 600; at_ms < 10000; at_ms += 200) { // seen for a whole window more
        note(1000, at_ms);
        CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).min, 100);
    }
    note(1000, 10000);
    CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).min, 1000);
}

static void window_ends_at_its_length_exactly(void)
{
    begin(HF_HISTORY_SAMPLES);
    note(10, 0);
    note(20, HF_WINDOW_MS - 1u);
    CHECK_EQ(windows.count, 0);
    note(30, HF_WINDOW_MS);
    REQUIRE(windows.count == 1);
    hf_history_sample_t sample;
    CHECK_EQ(hf_history_get(&windows, 0, &sample), HF_OK);
    CHECK_EQ(sample.uptime_ms, HF_WINDOW_MS);
    CHECK_EQ(sample.span[HF_WINDOW_INTERNAL_FREE].min, 10);
    CHECK_EQ(sample.span[HF_WINDOW_INTERNAL_FREE].max, 20);
    CHECK_EQ(sample.last[HF_WINDOW_INTERNAL_FREE], 20);
}

static void window_after_a_pause_forgets_what_is_old(void)
{
    begin(HF_HISTORY_SAMPLES);
    note(10, 0);
    note(50, 2u * HF_WINDOW_MS); // a whole window without a reading
    CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).min, 50);
    note(60, 1000u * HF_WINDOW_MS + 1u);
    CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).min, 60);
    CHECK_EQ(windows.count, 2); // the gap leaves no samples of its own
    hf_history_sample_t sample;
    CHECK_EQ(hf_history_get(&windows, 1, &sample), HF_OK);
    CHECK_EQ(sample.uptime_ms, 3u * HF_WINDOW_MS); // and is seen here
    note(70, 1000u * HF_WINDOW_MS + 3u);           // windows are still side by side from init on
    note(80, 1001u * HF_WINDOW_MS);
    CHECK_EQ(hf_history_get(&windows, 2, &sample), HF_OK);
    CHECK_EQ(sample.uptime_ms, 1001u * HF_WINDOW_MS);
}

static void window_reading_of_the_past_counts_for_now(void)
{
    begin(HF_HISTORY_SAMPLES);
    note(100, 7000);
    note(10, 1000); // a mark that was told late
    CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).min, 10);
    CHECK_EQ(windows.count, 0);
}

static void history_keeps_the_newest_in_order(void)
{
    begin(HF_HISTORY_SAMPLES);
    hf_history_sample_t sample;
    for (uint32_t i = 0; i < 2u * HF_HISTORY_SAMPLES + 7u; i++) {
        note(i, (uint64_t)i * HF_WINDOW_MS);
        const uint32_t expected = i < HF_HISTORY_SAMPLES ? i : HF_HISTORY_SAMPLES;
        CHECK_EQ(windows.count, expected);
        for (uint32_t k = 0; k < expected; k++) {
            CHECK_EQ(hf_history_get(&windows, k, &sample), HF_OK);
            CHECK_EQ(sample.last[HF_WINDOW_INTERNAL_FREE], i - expected + k);
        }
        CHECK_EQ(hf_history_get(&windows, expected, &sample), HF_E_NOT_FOUND);
        CHECK_EQ(hf_history_get(&windows, UINT32_MAX, &sample), HF_E_NOT_FOUND);
    }
}

static void history_of_one_sample_and_of_none(void)
{
    begin(1);
    note(1, 0);
    note(2, HF_WINDOW_MS);
    note(3, 2u * HF_WINDOW_MS);
    hf_history_sample_t sample;
    CHECK_EQ(windows.count, 1);
    CHECK_EQ(hf_history_get(&windows, 0, &sample), HF_OK);
    CHECK_EQ(sample.last[HF_WINDOW_INTERNAL_FREE], 2);
    hf_windows_init(&windows, NULL, 7, START_US);
    note(1, 0);
    note(2, HF_WINDOW_MS);
    CHECK_EQ(windows.count, 0);
    CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).min, 1);
}

static void window_holds_the_extremes_of_32_bits(void)
{
    begin(HF_HISTORY_SAMPLES);
    const hf_memory_t memory = {.internal_free = UINT32_MAX, .internal_largest = 1};
    hf_windows_note(&windows, &memory, START_US);
    const hf_memory_t nothing = {0};
    hf_windows_note(&windows, &nothing, START_US);
    CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).min, 0);
    CHECK_EQ(span(HF_WINDOW_INTERNAL_FREE).max, UINT32_MAX);
    CHECK_EQ(span(HF_WINDOW_FRAGMENTATION).min, 0);
    CHECK_EQ(span(HF_WINDOW_FRAGMENTATION).max, 99);
}

/// Whatever the readings and their times: what is told is the extremes of all that are in this window and the one before.
static void window_is_that_of_a_plain_list(void)
{
    static struct {
        uint64_t at_ms;
        uint32_t value;
    } all[3000];
    begin(HF_HISTORY_SAMPLES);
    uint32_t state = 7;
    uint64_t at_ms = 0;
    for (unsigned i = 0; i < HF_COUNT_OF(all); i++) {
        state = state * 1664525u + 1013904223u;
        at_ms += (state >> 20) % ((state & 15u) == 0 ? 12000u : 400u);
        all[i].at_ms = at_ms;
        all[i].value = (state >> 8) % 100000u;
        note(all[i].value, at_ms);
        const uint64_t window = at_ms / HF_WINDOW_MS;
        hf_window_span_t expected = {UINT32_MAX, 0};
        for (unsigned k = 0; k <= i; k++) {
            if (all[k].at_ms / HF_WINDOW_MS + 1u >= window) {
                expected.min = all[k].value < expected.min ? all[k].value : expected.min;
                expected.max = all[k].value > expected.max ? all[k].value : expected.max;
            }
        }
        const hf_window_span_t told = span(HF_WINDOW_INTERNAL_FREE);
        if (told.min != expected.min || told.max != expected.max) {
            HF_TEST_FAIL("reading %u", i);
            return;
        }
    }
}

HF_TEST_MAIN(HF_TEST(window_without_a_reading_is_empty), HF_TEST(window_spans_every_value),
             HF_TEST(window_read_by_many_is_the_same_for_each),
             HF_TEST(window_ends_at_its_length_exactly),
             HF_TEST(window_after_a_pause_forgets_what_is_old),
             HF_TEST(window_reading_of_the_past_counts_for_now),
             HF_TEST(history_keeps_the_newest_in_order), HF_TEST(history_of_one_sample_and_of_none),
             HF_TEST(window_holds_the_extremes_of_32_bits), HF_TEST(window_is_that_of_a_plain_list))
