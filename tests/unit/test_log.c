// SPDX-License-Identifier: MIT
// Log lines: order, levels, rate limit per tag, bounds. Time is the test's own.
#include "hf_test.h"
#include "holdfast/hf_clock.h"
#include "holdfast/hf_log.h"

#define LINES 8u

static uint32_t storage[HF_RING_BYTES(sizeof(hf_log_line_t), LINES) / 4u];

static void start(hf_log_t *log, hf_log_level_t level, uint16_t burst, uint16_t rate)
{
    const hf_log_config_t config = {.storage = storage,
                                    .capacity = LINES,
                                    .level = level,
                                    .burst_lines = burst,
                                    .rate_lines_per_s = rate};
    CHECK_EQ(hf_log_init(log, &config), HF_OK);
}

static void log_line_carries_time_level_tag_and_text(void)
{
    hf_log_t log;
    hf_log_line_t line;
    start(&log, HF_LOG_INFO, 0, 0);
    hf_log_write(&log, 5000000123u, HF_LOG_WARNING, HF_TAG_CAN, "frame %x of %u", 0x1Fu, 8u);
    CHECK_EQ(hf_log_take(&log, &line), HF_OK);
    CHECK_EQ(line.time_us, 5000000123u);
    CHECK_EQ(line.level, HF_LOG_WARNING);
    CHECK_EQ(line.tag, HF_TAG_CAN);
    CHECK_EQ(line.truncated, 0);
    CHECK_EQ(line.suppressed, 0);
    CHECK_STR(line.text, "frame 1f of 8");
    CHECK_EQ(hf_log_take(&log, &line), HF_E_EMPTY);
}

static void log_level_above_the_limit_writes_nothing(void)
{
    hf_log_t log;
    hf_log_line_t line;
    start(&log, HF_LOG_WARNING, 0, 0);
    hf_log_write(&log, 1, HF_LOG_INFO, HF_TAG_SYS, "no");
    hf_log_write(&log, 1, HF_LOG_SILENT, HF_TAG_SYS, "no");
    CHECK_EQ(hf_log_take(&log, &line), HF_E_EMPTY);
    hf_log_write(&log, 1, HF_LOG_ERROR, HF_TAG_SYS, "yes");
    CHECK_EQ(hf_log_take(&log, &line), HF_OK);
    CHECK_STR(line.text, "yes");
}

static void log_silent_or_missing_instance_writes_nothing(void)
{
    hf_log_t log;
    hf_log_line_t line;
    start(&log, HF_LOG_SILENT, 0, 0);
    hf_log_write(&log, 1, HF_LOG_ERROR, HF_TAG_SYS, "no");
    hf_log_write(NULL, 1, HF_LOG_ERROR, HF_TAG_SYS, "no");
    hf_log_write(&log, 1, HF_LOG_ERROR, HF_TAG_COUNT, "no");
    CHECK_EQ(hf_log_take(&log, &line), HF_E_EMPTY);
}

static void log_full_loses_the_oldest_and_counts_them(void)
{
    hf_log_t log;
    hf_log_line_t line;
    char expected[16];
    start(&log, HF_LOG_INFO, 0, 0);
    for (unsigned i = 0; i < LINES + 3u; i++) {
        hf_log_write(&log, i, HF_LOG_INFO, HF_TAG_SYS, "line %u", i);
    }
    for (unsigned i = 3; i < LINES + 3u; i++) {
        CHECK_EQ(hf_log_take(&log, &line), HF_OK);
        (void)snprintf(expected, sizeof expected, "line %u", i);
        CHECK_STR(line.text, expected);
    }
    CHECK_EQ(hf_ring_lost(&log.ring), 3);
}

static unsigned take_all(hf_log_t *log)
{
    hf_log_line_t line;
    unsigned count = 0;
    while (hf_log_take(log, &line) == HF_OK) {
        count++;
    }
    return count;
}

static void log_flood_is_held_to_burst_and_rate(void)
{
    const uint64_t start_us = 100u * HF_US_PER_S;
    hf_log_t log;
    start(&log, HF_LOG_INFO, 3, 10);
    for (int i = 0; i < 20; i++) {
        hf_log_write(&log, start_us, HF_LOG_INFO, HF_TAG_BMS, "flood");
    }
    CHECK_EQ(take_all(&log), 3);
    unsigned passed = 0; // one second, a try each 10 ms: ten more
    for (uint64_t t = 10; t <= 1000; t += 10) {
        hf_log_write(&log, start_us + t * HF_US_PER_MS, HF_LOG_INFO, HF_TAG_BMS, "flood");
        passed += take_all(&log);
    }
    CHECK_EQ(passed, 10);
    CHECK_EQ(log.suppressed_total, 17 + 90);
}

static void log_next_line_tells_what_was_held_back(void)
{
    hf_log_t log;
    hf_log_line_t line;
    start(&log, HF_LOG_INFO, 1, 1);
    for (int i = 0; i < 5; i++) {
        hf_log_write(&log, 50u * HF_US_PER_S, HF_LOG_INFO, HF_TAG_BMS, "flood");
    }
    CHECK_EQ(take_all(&log), 1);
    hf_log_write(&log, 52u * HF_US_PER_S, HF_LOG_INFO, HF_TAG_BMS, "after");
    CHECK_EQ(hf_log_take(&log, &line), HF_OK);
    CHECK_EQ(line.suppressed, 4);
    hf_log_write(&log, 54u * HF_US_PER_S, HF_LOG_INFO, HF_TAG_BMS, "later");
    CHECK_EQ(hf_log_take(&log, &line), HF_OK);
    CHECK_EQ(line.suppressed, 0);
}

static void log_flood_of_one_tag_leaves_the_others(void)
{
    hf_log_t log;
    start(&log, HF_LOG_INFO, 1, 1);
    for (int i = 0; i < 5; i++) {
        hf_log_write(&log, 1, HF_LOG_INFO, HF_TAG_BMS, "flood");
    }
    CHECK_EQ(take_all(&log), 1);
    hf_log_write(&log, 1, HF_LOG_INFO, HF_TAG_CAN, "heard");
    CHECK_EQ(take_all(&log), 1);
}

static void log_error_is_never_held_back(void)
{
    hf_log_t log;
    start(&log, HF_LOG_INFO, 1, 1);
    for (unsigned i = 0; i < LINES; i++) {
        hf_log_write(&log, 1, HF_LOG_ERROR, HF_TAG_BMS, "error");
    }
    CHECK_EQ(take_all(&log), LINES);
    CHECK_EQ(log.suppressed_total, 0);
}

static void log_long_text_is_cut_and_marked(void)
{
    char text[HF_LOG_TEXT_BYTES * 2];
    hf_log_t log;
    hf_log_line_t line;
    start(&log, HF_LOG_INFO, 0, 0);
    memset(text, 'x', sizeof text - 1u);
    text[sizeof text - 1u] = '\0';
    hf_log_write(&log, 1, HF_LOG_INFO, HF_TAG_SYS, "begin %s", text);
    CHECK_EQ(hf_log_take(&log, &line), HF_OK);
    CHECK_EQ(line.truncated, 1);
    CHECK(memchr(line.text, '\0', sizeof line.text) != NULL);
    CHECK(strncmp(line.text, "begin ", 6) == 0);
}

static void log_control_characters_are_replaced(void)
{
    hf_log_t log;
    hf_log_line_t line;
    start(&log, HF_LOG_INFO, 0, 0);
    hf_log_write(&log, 1, HF_LOG_INFO, HF_TAG_SYS, "%s", "a\nb\x1b[31m\x7f");
    CHECK_EQ(hf_log_take(&log, &line), HF_OK);
    CHECK_STR(line.text, "a?b?[31m?");
}

static void log_names_are_those_of_the_tables(void)
{
    hf_log_level_t level = HF_LOG_SILENT;
    CHECK_STR(hf_log_tag_text(HF_TAG_SYS), "sys");
    CHECK_STR(hf_log_tag_text(HF_TAG_CSMS), "csms");
    CHECK_STR(hf_log_tag_text(HF_TAG_COUNT), "unknown");
    CHECK_STR(hf_log_level_text(HF_LOG_ERROR), "error");
    CHECK_STR(hf_log_level_text(HF_LOG_TRACE + 1u), "unknown");
    for (unsigned i = HF_LOG_SILENT; i <= HF_LOG_TRACE; i++) {
        CHECK_EQ(hf_log_level_parse(hf_log_level_text(i), &level), HF_OK);
        CHECK_EQ(level, i);
    }
    CHECK_EQ(hf_log_level_parse("loud", &level), HF_E_NOT_FOUND);
    CHECK_EQ(hf_log_level_parse("", &level), HF_E_NOT_FOUND);
}

static void log_wrong_config_is_refused(void)
{
    const hf_log_config_t good = {.storage = storage, .capacity = LINES, .level = HF_LOG_INFO};
    hf_log_config_t wrong[4] = {good, good, good, good};
    hf_log_t log;
    wrong[0].storage = NULL;
    wrong[1].capacity = 5;
    wrong[2].level = (hf_log_level_t)(HF_LOG_TRACE + 1);
    wrong[3].rate_lines_per_s = 5; // without a burst: its tag would be silent for ever
    for (size_t i = 0; i < HF_COUNT_OF(wrong); i++) {
        CHECK_EQ(hf_log_init(&log, &wrong[i]), HF_E_ARGUMENT);
    }
    CHECK_EQ(hf_log_init(&log, NULL), HF_E_ARGUMENT);
    CHECK_EQ(hf_log_init(NULL, &good), HF_E_ARGUMENT);
    CHECK_EQ(hf_log_init(&log, &good), HF_OK);
}

HF_TEST_MAIN(HF_TEST(log_line_carries_time_level_tag_and_text),
             HF_TEST(log_level_above_the_limit_writes_nothing),
             HF_TEST(log_silent_or_missing_instance_writes_nothing),
             HF_TEST(log_full_loses_the_oldest_and_counts_them),
             HF_TEST(log_flood_is_held_to_burst_and_rate),
             HF_TEST(log_next_line_tells_what_was_held_back),
             HF_TEST(log_flood_of_one_tag_leaves_the_others), HF_TEST(log_error_is_never_held_back),
             HF_TEST(log_long_text_is_cut_and_marked), HF_TEST(log_control_characters_are_replaced),
             HF_TEST(log_names_are_those_of_the_tables), HF_TEST(log_wrong_config_is_refused))
