// SPDX-License-Identifier: MIT
// GPIO back end: its file, line by line, and the driver over a fake of the few libgpiod functions it calls (real lines:
// tests/can/gpio_line_test.c). [SAF-01]
#include "evse_io_gpio.h"
#include "holdfast/hf_clock.h"
#include "support/fake_gpiod.h"

#include <poll.h>

#define NOW_US 5000000000u

static const evse_io_ops_t *const ops = &evse_io_gpio_ops;
static evse_io_gpio_t gpio;
static char path[] = "/tmp/hf-gpio-XXXXXX";

#define GOOD                                                                                       \
    "# a board\n"                                                                                  \
    "input plug gpiochip0 1\n"                                                                     \
    "input lock_feedback gpiochip0 2 active-low pull-up\n"                                         \
    "input contactor_feedback gpiochip0 3\n"                                                       \
    "input estop gpiochip0 4 pull-down   # normally closed\n"                                      \
    "input latch_reset gpiochip0 5\n\n"                                                            \
    "output contactor gpiochip1 6\n"                                                               \
    "output light_fault gpiochip1 7 active-low open-drain\n"                                       \
    "live gpiochip1 8\n"

static bool write_file(const char *text)
{
    static bool is_made;
    if (!is_made) {
        int fd = mkstemp(path);
        is_made = fd >= 0;
        (void)close(fd);
    }
    FILE *file = fopen(path, "w");
    bool good = file != NULL && fputs(text, file) >= 0;
    return file != NULL && fclose(file) == 0 && good;
}

static int open_with(const char *text, unsigned connectors)
{
    fake_reset();
    CHECK(write_file(text));
    return evse_io_gpio_open(&gpio, path, connectors);
}

static void end(void)
{
    evse_io_gpio_close(&gpio);
    CHECK_EQ(fake_requested(), 0);
    CHECK_EQ(fake.open_chips, 0);
    (void)unlink(path);
    fake_reset();
}

static void io_gpio_file_becomes_requests(void)
{
    CHECK_EQ(open_with(GOOD, 1), HF_OK);
    const struct gpiod_line *inputs = fake.chip[0].line, *outputs = fake.chip[1].line;
    CHECK_EQ(inputs[1].type, GPIOD_LINE_REQUEST_DIRECTION_INPUT);
    CHECK_EQ(inputs[2].flags,
             GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW | GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP);
    CHECK_EQ(inputs[4].type, GPIOD_LINE_REQUEST_EVENT_FALLING_EDGE);
    CHECK_EQ(inputs[4].flags, GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_DOWN);
    CHECK_EQ(outputs[6].type, GPIOD_LINE_REQUEST_DIRECTION_OUTPUT);
    CHECK_EQ(outputs[7].flags,
             GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW | GPIOD_LINE_REQUEST_FLAG_OPEN_DRAIN);
    CHECK_EQ(outputs[8].type, GPIOD_LINE_REQUEST_DIRECTION_OUTPUT);
    CHECK_EQ(fake_requested(), 8);
    CHECK_EQ(gpio.edges_blind, 0);
    CHECK_STR(evse_io_gpio_error(&gpio), "no error");
    end();
}

static void io_gpio_levels_are_read_every_tick_with_their_stamp(void)
{
    evse_io_inputs_t inputs = {.stamp_us = {0}};
    CHECK_EQ(open_with(GOOD, 1), HF_OK);
    fake_set(0, 4, true);
    CHECK_EQ(ops->sample(&gpio, 0, NOW_US, &inputs), HF_OK);
    CHECK(evse_io_level(&inputs, EVSE_IN_ESTOP, NOW_US));
    CHECK(!evse_io_level(&inputs, EVSE_IN_PLUG, NOW_US));
    CHECK(evse_io_is_fresh(&inputs, EVSE_IN_PLUG, NOW_US));
    CHECK_EQ(inputs.stamp_us[EVSE_IN_STOP_BUTTON], 0); // there is no such line
    fake_set(0, 1, true);
    fake_set(0, 4, false);
    CHECK_EQ(ops->sample(&gpio, 0, NOW_US + 10000, &inputs), HF_OK);
    CHECK(!inputs.level[EVSE_IN_ESTOP] && inputs.level[EVSE_IN_PLUG]);
    CHECK_EQ(inputs.stamp_us[EVSE_IN_ESTOP], NOW_US + 10000);
    CHECK_EQ(ops->sample(&gpio, 1, NOW_US, &inputs), HF_E_RANGE);
    end();
}

static void io_gpio_line_that_cannot_be_read_goes_stale(void)
{
    evse_io_inputs_t inputs = {.stamp_us = {0}};
    CHECK_EQ(open_with(GOOD, 1), HF_OK);
    fake_set(0, 4, true);
    CHECK_EQ(ops->sample(&gpio, 0, NOW_US, &inputs), HF_OK);
    fake.chip[0].line[4].is_dead = true;
    CHECK_EQ(ops->sample(&gpio, 0, NOW_US + 300 * HF_US_PER_MS, &inputs), HF_E_IO);
    CHECK(!evse_io_level(&inputs, EVSE_IN_ESTOP, NOW_US + 300 * HF_US_PER_MS));
    CHECK(evse_io_is_fresh(&inputs, EVSE_IN_PLUG, NOW_US + 300 * HF_US_PER_MS)); // the others do
    CHECK_EQ(gpio.read_errors, 1);
    end();
}

static void io_gpio_outputs_and_live_line_follow_the_drive(void)
{
    evse_io_drive_t drive = {.live_count = 0};
    CHECK_EQ(open_with(GOOD, 1), HF_OK);
    const struct gpiod_line *line = fake.chip[1].line;
    drive.level[EVSE_OUT_CONTACTOR] = true;
    for (uint32_t i = 1; i < 9; i++) {
        drive.live_count = i;
        CHECK_EQ(ops->drive(&gpio, 0, &drive), HF_OK);
        CHECK(line[6].level && !line[7].level);
        CHECK_EQ(line[8].level, i & 1u); // a pulse train while ticks come
    }
    drive.level[EVSE_OUT_CONTACTOR] = false;
    drive.level[EVSE_OUT_LIGHT_FAULT] = true;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(ops->drive(&gpio, 0, &drive), HF_OK);
        CHECK(!line[6].level && line[7].level && !line[8].level); // it stands still
    }
    fake.chip[1].line[8].is_dead = true;
    CHECK_EQ(ops->drive(&gpio, 0, &drive), HF_E_IO);
    CHECK_EQ(gpio.drive_errors, 1);
    fake.chip[1].line[8].is_dead = false;
    drive.level[EVSE_OUT_CONTACTOR] = true;
    CHECK_EQ(ops->drive(&gpio, 0, &drive), HF_OK);
    CHECK(line[6].level);
    evse_io_gpio_close(&gpio);
    CHECK(!line[6].level && !line[7].level && !line[8].level); // let go at the end
    end();
}

static void io_gpio_estop_edge_is_told_at_once(void)
{
    CHECK_EQ(open_with(GOOD, 1), HF_OK);
    struct pollfd fd = {.fd = evse_io_gpio_fd(&gpio), .events = POLLIN};
    fake_set(0, 4, true);
    CHECK_EQ(poll(&fd, 1, 0), 0);
    CHECK(!evse_io_gpio_look(&gpio, NOW_US));
    fake_set(0, 4, false);
    CHECK_EQ(poll(&fd, 1, 0), 1);
    CHECK(evse_io_gpio_look(&gpio, NOW_US));
    CHECK(!evse_io_gpio_look(&gpio, NOW_US)); // taken
    CHECK_EQ(poll(&fd, 1, 0), 0);
    for (int i = 0; i < 200; i++) { // a chattering contact costs a bounded time each look
        fake_set(0, 4, true);
        fake_set(0, 4, false);
    }
    CHECK(evse_io_gpio_look(&gpio, NOW_US));
    CHECK_EQ(gpio.edges_seen, 1 + 64);
    while (evse_io_gpio_look(&gpio, NOW_US)) {
    }
    CHECK_EQ(gpio.edges_seen, 201);
    fake_set(0, 1, true); // another input's edge is none of it
    fake_set(0, 1, false);
    CHECK_EQ(poll(&fd, 1, 0), 0);
    end();
}

static void io_gpio_line_without_interrupt_serves_by_its_level(void)
{
    evse_io_inputs_t inputs = {.stamp_us = {0}};
    fake_reset();
    CHECK(write_file(GOOD));
    fake.chip[0].line[4].is_edgeless = true;
    CHECK_EQ(evse_io_gpio_open(&gpio, path, 1), HF_OK);
    CHECK_EQ(gpio.edges_blind, 1);
    fake_set(0, 4, true);
    CHECK_EQ(ops->sample(&gpio, 0, NOW_US, &inputs), HF_OK);
    CHECK(inputs.level[EVSE_IN_ESTOP]);
    fake_set(0, 4, false);
    CHECK(!evse_io_gpio_look(&gpio, NOW_US));
    CHECK_EQ(ops->sample(&gpio, 0, NOW_US, &inputs), HF_OK);
    CHECK(!inputs.level[EVSE_IN_ESTOP]);
    end();
}

#define SECOND                                                                                     \
    "connector 2\n"                                                                                \
    "input plug gpiochip0 11\n"                                                                    \
    "input lock_feedback gpiochip0 12\n"                                                           \
    "input contactor_feedback gpiochip0 13\n"                                                      \
    "input estop gpiochip0 4 pull-down\n"                                                          \
    "input latch_reset gpiochip0 5\n"                                                              \
    "output contactor gpiochip1 16\n"                                                              \
    "live gpiochip1 18\n"

static void io_gpio_connectors_may_share_a_stop(void)
{
    evse_io_inputs_t first = {.stamp_us = {0}}, second = first;
    CHECK_EQ(open_with(GOOD SECOND, 2), HF_OK);
    CHECK_EQ(fake.chip[0].line[4].requests, 1);
    fake_set(0, 4, true);
    fake_set(0, 11, true);
    CHECK_EQ(ops->sample(&gpio, 0, NOW_US, &first), HF_OK);
    CHECK_EQ(ops->sample(&gpio, 1, NOW_US, &second), HF_OK);
    CHECK(first.level[EVSE_IN_ESTOP] && second.level[EVSE_IN_ESTOP]);
    CHECK(!first.level[EVSE_IN_PLUG] && second.level[EVSE_IN_PLUG]);
    end();
}

static void expect_refusal(const char *text, unsigned connectors, const char *why)
{
    CHECK_EQ(open_with(text, connectors), HF_E_FORMAT);
    if (strstr(evse_io_gpio_error(&gpio), why) == NULL) {
        HF_TEST_FAIL("\"%s\" does not say \"%s\"", evse_io_gpio_error(&gpio), why);
    }
    end();
}

static void io_gpio_file_mistakes_are_named_with_their_line(void)
{
    expect_refusal(GOOD "input plugg gpiochip0 9\n", 1, ":11: no such input: plugg");
    expect_refusal(GOOD "output estop gpiochip0 9\n", 1, ":11: no such output: estop");
    expect_refusal(GOOD "input plug gpiochip0 9\n", 1, ":11: named twice: plug");
    expect_refusal(GOOD "live gpiochip0 9\n", 1, ":11: named twice: live");
    expect_refusal(GOOD "input start_button gpiochip0 1\n", 1, ":11: this line has another use");
    expect_refusal(GOOD "output lock gpiochip0 4\n", 1, ":11: this line has another use");
    expect_refusal(GOOD "output lock gpiochip1 8\n", 1, ":11: this line has another use");
    expect_refusal(GOOD "input start_button gpiochip0\n", 1, "a chip and a line are needed");
    expect_refusal(GOOD "input start_button gpiochip0 x\n", 1, "not a number in range: x");
    expect_refusal(GOOD "input start_button gpiochip0 1024\n", 1, "not a number in range");
    expect_refusal(GOOD "input start_button gpiochip0 -1\n", 1, "not a number in range");
    expect_refusal(GOOD "input start_button gpiochip0 9 high\n", 1, "no such word for an input");
    expect_refusal(GOOD "output lock gpiochip0 9 pull-up\n", 1, "no such word for an output");
    expect_refusal(GOOD "input start_button gpiochip0 9 pull-up pull-down\n", 1, "contradicts");
    expect_refusal(GOOD "input start_button gpiochip0 9 pull-up pull-up\n", 1, "contradicts");
    expect_refusal(GOOD "connector 2\n", 1, "not a number in range: 2");
    expect_refusal(GOOD "connector 0\n", 1, "connectors count from 1");
    expect_refusal(GOOD "connector\n", 1, "connector N");
    expect_refusal(GOOD "inputs plug\n", 1, ":11: input, output, live or connector, not: inputs");
    expect_refusal(GOOD "a b c d e f g h i\n", 1, "too many words: i");
    expect_refusal(GOOD "input start_button a-chip-with-a-name-of-more-than-31-characters 9\n", 1,
                   "name of the chip too long");
    expect_refusal(GOOD SECOND "input start_button gpiochip0 4\n", 2, "another use already");
}

static void io_gpio_shared_line_must_have_one_sense(void)
{
    expect_refusal(GOOD "connector 2\ninput estop gpiochip0 4 active-low\n", 2,
                   ":12: this line has another use already: estop");
}

// GOOD without one line.
static void expect_missing(const char *line, const char *why)
{
    char text[sizeof GOOD] = GOOD;
    char *at = strstr(text, line);
    REQUIRE(at != NULL);
    *at = '#';
    expect_refusal(text, 1, why);
}

static void io_gpio_file_without_a_needed_line_is_refused(void)
{
    expect_missing("input estop", ":10: at the end connector 1 still has no: estop");
    expect_missing("input plug", "still has no: plug");
    expect_missing("input lock_feedback", "still has no: lock_feedback");
    expect_missing("input contactor_feedback", "still has no: contactor_feedback");
    expect_missing("input latch_reset", "still has no: latch_reset");
    expect_missing("output contactor", "still has no: contactor");
    expect_missing("live", "still has no: live");
    expect_refusal(GOOD, 2, "connector 2 still has no: estop");
}

static void io_gpio_long_lines_and_missing_files_are_refused(void)
{
    char text[400];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    expect_refusal(text, 1, ":1: line too long");
    fake_reset();
    CHECK_EQ(evse_io_gpio_open(&gpio, "/nowhere/at/all", 1), HF_E_NOT_FOUND);
    CHECK(strstr(evse_io_gpio_error(&gpio), "/nowhere/at/all: No such file") != NULL);
    CHECK_EQ(evse_io_gpio_open(&gpio, path, 0), HF_E_RANGE);
    CHECK_EQ(evse_io_gpio_open(&gpio, path, CONFIG_EVSE_CONNECTORS_MAX + 1), HF_E_RANGE);
    end();
}

static void io_gpio_lines_that_cannot_be_had_are_named_and_all_given_back(void)
{
    CHECK_EQ(open_with("input plug gpiochip9 1\n", 1), HF_E_FORMAT);
    fake_reset();
    CHECK(write_file(GOOD));
    fake.chip[1].name = NULL;
    CHECK_EQ(evse_io_gpio_open(&gpio, path, 1), HF_E_IO);
    CHECK(strstr(evse_io_gpio_error(&gpio), "gpiochip1 line 6: no such chip") != NULL);
    CHECK_EQ(fake_requested() + (unsigned)fake.open_chips, 0);
    fake_reset();
    fake.chip[0].line[3].is_missing = true;
    CHECK_EQ(evse_io_gpio_open(&gpio, path, 1), HF_E_IO);
    CHECK(strstr(evse_io_gpio_error(&gpio), "gpiochip0 line 3: no such line") != NULL);
    CHECK_EQ(fake_requested() + (unsigned)fake.open_chips, 0);
    fake_reset();
    fake.chip[1].line[8].type = -1; // somebody else's
    CHECK_EQ(evse_io_gpio_open(&gpio, path, 1), HF_E_IO);
    CHECK(strstr(evse_io_gpio_error(&gpio), "gpiochip1 line 8: cannot be had: Device or") != NULL);
    fake.chip[1].line[8].type = 0;
    CHECK_EQ(fake_requested() + (unsigned)fake.open_chips, 0);
    CHECK_EQ(evse_io_gpio_fd(&gpio), -1);
    CHECK(!evse_io_gpio_look(&gpio, NOW_US));
    end();
}

HF_TEST_MAIN(HF_TEST(io_gpio_file_becomes_requests),
             HF_TEST(io_gpio_levels_are_read_every_tick_with_their_stamp),
             HF_TEST(io_gpio_line_that_cannot_be_read_goes_stale),
             HF_TEST(io_gpio_outputs_and_live_line_follow_the_drive),
             HF_TEST(io_gpio_estop_edge_is_told_at_once),
             HF_TEST(io_gpio_line_without_interrupt_serves_by_its_level),
             HF_TEST(io_gpio_connectors_may_share_a_stop),
             HF_TEST(io_gpio_file_mistakes_are_named_with_their_line),
             HF_TEST(io_gpio_shared_line_must_have_one_sense),
             HF_TEST(io_gpio_file_without_a_needed_line_is_refused),
             HF_TEST(io_gpio_long_lines_and_missing_files_are_refused),
             HF_TEST(io_gpio_lines_that_cannot_be_had_are_named_and_all_given_back))
