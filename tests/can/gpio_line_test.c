// SPDX-License-Identifier: MIT
// The GPIO back end on real lines of the kernel: a chip of gpio-sim, whose lines are pulled through sysfs. Prints a line per
// check, then PASS or FAIL; exit 0 or 1. [SAF-01]
// Usage: gpio_line_test CHIP SYSFS: e.g. gpiochip0 /sys/devices/platform/gpio-sim.0/gpiochip0 (8 lines or more)
#include "evse/evse_control.h"
#include "evse_io_gpio.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILE_PATH "/tmp/gpio_line_test.conf"
#define LIMIT_MS  1000

enum { PLUG, LOCKED, CLOSED, ESTOP, RESET, CONTACTOR, LIVE, LIGHT };

static const char *chip, *sysfs;
static int failed;

static void check(bool good, const char *what)
{
    printf("%s %s\n", good ? "ok  " : "FAIL", what);
    failed += good ? 0 : 1;
}

static uint64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static bool pull(unsigned line, bool up)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/sim_gpio%u/pull", sysfs, line);
    FILE *file = fopen(path, "w");
    bool good = file != NULL && fputs(up ? "pull-up" : "pull-down", file) >= 0;
    return file != NULL && fclose(file) == 0 && good;
}

static int value(unsigned line)
{
    char path[256];
    int level = -1;
    (void)snprintf(path, sizeof path, "%s/sim_gpio%u/value", sysfs, line);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        level = fgetc(file) - '0';
        (void)fclose(file);
    }
    return level;
}

static bool write_config(void)
{
    FILE *file = fopen(FILE_PATH, "w");
    if (file == NULL) {
        return false;
    }
    (void)fprintf(file,
                  "input plug %s %d\ninput lock_feedback %s %d\ninput contactor_feedback %s %d\n"
                  "input estop %s %d\ninput latch_reset %s %d active-low\noutput contactor %s %d\n"
                  "live %s %d\noutput light_ready %s %d active-low\n",
                  chip, PLUG, chip, LOCKED, chip, CLOSED, chip, ESTOP, chip, RESET, chip, CONTACTOR,
                  chip, LIVE, chip, LIGHT);
    return fclose(file) == 0;
}

static void check_levels(evse_io_gpio_t *gpio)
{
    evse_io_inputs_t inputs = {.stamp_us = {0}};
    uint64_t now = now_us();
    check(evse_io_gpio_ops.sample(gpio, 0, now, &inputs) == HF_OK, "inputs are sampled");
    check(inputs.level[EVSE_IN_ESTOP] && inputs.level[EVSE_IN_PLUG], "pulled up reads 1");
    check(!inputs.level[EVSE_IN_LOCK_FEEDBACK], "pulled down reads 0");
    check(!inputs.level[EVSE_IN_LATCH_RESET], "active-low: pulled up reads 0");
    check(inputs.stamp_us[EVSE_IN_ESTOP] == now, "with the stamp of the tick");
}

static void check_outputs(evse_io_gpio_t *gpio)
{
    evse_io_drive_t drive = {.live_count = 1};
    check(value(CONTACTOR) == 0 && value(LIVE) == 0, "outputs are 0 from the request on");
    check(value(LIGHT) == 1, "active-low: 0 is a high line");
    drive.level[EVSE_OUT_CONTACTOR] = drive.level[EVSE_OUT_LIGHT_READY] = true;
    check(evse_io_gpio_ops.drive(gpio, 0, &drive) == HF_OK, "outputs are driven");
    check(value(CONTACTOR) == 1 && value(LIGHT) == 0 && value(LIVE) == 1, "and show it");
    drive.live_count++;
    check(evse_io_gpio_ops.drive(gpio, 0, &drive) == HF_OK && value(LIVE) == 0,
          "the live line toggles with the live count");
}

static void check_edge(evse_io_gpio_t *gpio)
{
    static evse_control_t control;
    struct pollfd fd = {.fd = evse_io_gpio_fd(gpio), .events = POLLIN};
    evse_io_inputs_t inputs = {.stamp_us = {0}};
    check(gpio->edges_blind == 0, "the line of the stop tells edges");
    check(poll(&fd, 1, 0) == 0, "no edge waits before the loop opens");
    uint64_t from_us = now_us();
    check(pull(ESTOP, false), "the loop is opened");
    bool woken = poll(&fd, 1, LIMIT_MS) == 1;
    bool opened = woken && evse_io_gpio_look(gpio, now_us());
    if (opened) {
        evse_control_trip(&control);
    }
    uint64_t took_us = now_us() - from_us;
    check(opened && atomic_load(&control.estop_latched) != 0, "edge -> trip");
    printf("     from the pull to the latch %llu us\n", (unsigned long long)took_us);
    check(evse_io_gpio_ops.sample(gpio, 0, now_us(), &inputs) == HF_OK &&
              !inputs.level[EVSE_IN_ESTOP],
          "and the level says the same");
    check(pull(ESTOP, true) && poll(&fd, 1, 50) == 0, "closing it again is no edge");
}

int main(int argc, char **argv)
{
    static evse_io_gpio_t gpio;
    if (argc != 3) {
        (void)fprintf(stderr, "usage: gpio_line_test CHIP SYSFS\n");
        return 2;
    }
    chip = argv[1];
    sysfs = argv[2];
    check(pull(PLUG, true) && pull(LOCKED, false) && pull(CLOSED, false) && pull(ESTOP, true) &&
              pull(RESET, true),
          "lines are pulled");
    check(write_config(), "configuration is written");
    int status = evse_io_gpio_open(&gpio, FILE_PATH, 1);
    check(status == HF_OK, "lines are requested");
    if (status == HF_OK) {
        check_levels(&gpio);
        check_outputs(&gpio);
        check_edge(&gpio);
        evse_io_gpio_close(&gpio);
        check(evse_io_gpio_open(&gpio, FILE_PATH, 1) == HF_OK, "and can be had again");
        evse_io_gpio_close(&gpio);
    } else {
        printf("     %s\n", evse_io_gpio_error(&gpio));
    }
    (void)unlink(FILE_PATH);
    printf("%s\n", failed == 0 ? "PASS" : "FAIL");
    return failed != 0;
}
