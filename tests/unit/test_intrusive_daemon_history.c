// SPDX-License-Identifier: MIT
// The daemon's log history behind its lock: a writer that finds it held does without, keeps its line, and nothing is lost;
// the reader never waits.
#include "holdfast/hf_mutex.h"
#if CONFIG_HF_MUTEX
#undef CONFIG_HOLDFASTD_HISTORY_LINES
#define CONFIG_HOLDFASTD_HISTORY_LINES 4
#include "app/holdfastd/daemon_history.c"
#include "tests/hf_test.h"

#define MAIN  0u
#define COMMS 3u

static daemon_history_t history;

static void make(void)
{
    memset(&history, 0, sizeof history);
    CHECK_EQ(hf_mutex_init(&history.mutex, "history", 1000), HF_OK);
    daemon_history_init(&history, MAIN, COMMS);
}

static hf_log_line_t line(const char *text)
{
    hf_log_line_t made = {0};
    (void)snprintf(made.text, sizeof made.text, "%s", text);
    return made;
}

static void put_held_lock_is_refused_and_nothing_is_lost(void)
{
    hf_log_line_t first = line("first"), second = line("second"), got;
    make();
    CHECK_EQ(daemon_history_put(&history, &first), HF_OK);
    REQUIRE(hf_mutex_take(&history.mutex, COMMS) == HF_OK); // a reader that was stopped in its copy
    CHECK_EQ(daemon_history_put(&history, &second), HF_E_TIMEOUT);
    CHECK_EQ(history.count, 1);
    CHECK_EQ(hf_mutex_give(&history.mutex, COMMS), HF_OK);
    CHECK_EQ(daemon_history_put(&history, &second), HF_OK); // as the log does: the same line again
    REQUIRE(daemon_history_get(&history, 0, &got) == HF_OK);
    CHECK_STR(got.text, "first");
    REQUIRE(daemon_history_get(&history, 1, &got) == HF_OK);
    CHECK_STR(got.text, "second");
    hf_mutex_timeout_t timeout;
    REQUIRE(hf_mutex_last_timeout(&history.mutex, &timeout) == HF_OK);
    CHECK_EQ(timeout.holder, COMMS);
    CHECK_EQ(timeout.waiter, MAIN);
}

static void get_held_lock_is_busy_at_once(void)
{
    hf_log_line_t first = line("first"), got;
    uint32_t number = 7;
    make();
    CHECK_EQ(daemon_history_put(&history, &first), HF_OK);
    REQUIRE(hf_mutex_take(&history.mutex, MAIN) == HF_OK);
    CHECK_EQ(daemon_history_get(&history, 0, &got), HF_E_AGAIN);
    CHECK_EQ(daemon_history_first(&history, &number), HF_E_AGAIN);
    CHECK_EQ(history.mutex.timeouts, 0); // nobody waited
    CHECK_EQ(hf_mutex_give(&history.mutex, MAIN), HF_OK);
    CHECK_EQ(daemon_history_first(&history, &number), HF_OK);
    CHECK_EQ(number, 0);
}

static void get_overwritten_and_coming_lines_are_told_apart(void)
{
    hf_log_line_t some = line("some"), got;
    uint32_t number = 0;
    make();
    for (unsigned i = 0; i < 6; i++) {
        CHECK_EQ(daemon_history_put(&history, &some), HF_OK);
    }
    CHECK_EQ(daemon_history_first(&history, &number), HF_OK);
    CHECK_EQ(number, 2);
    CHECK_EQ(daemon_history_get(&history, 1, &got), HF_E_EMPTY);
    CHECK_EQ(daemon_history_get(&history, 2, &got), HF_OK);
    CHECK_EQ(daemon_history_get(&history, 6, &got), HF_E_NOT_FOUND);
    CHECK_EQ(history.mutex.holder, 0); // given back on every way out
}

HF_TEST_MAIN(HF_TEST(put_held_lock_is_refused_and_nothing_is_lost),
             HF_TEST(get_held_lock_is_busy_at_once),
             HF_TEST(get_overwritten_and_coming_lines_are_told_apart))
#else
int main(void)
{
    return 0;
}
#endif
