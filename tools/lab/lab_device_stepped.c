// SPDX-License-Identifier: MIT
// --stepped: holdfast-simd, a charge point and its world in stepped time. It plays by itself, as fast as the machine
// can; the lab reads its telemetry to the end and takes its verdict. Its time is what its heartbeats say, added up over
// its restarts.
#include "lab_device.h"
#include "lab_device_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32u
#define BUFFER_BYTES  65536u
#define END_LIMIT_MS  2000u
#define CHILD_PATH    "/dev/fd/3"

typedef struct stepped {
    lab_child_t child;
    char buffer[BUFFER_BYTES];
    size_t length;
    bool has_ended;    // its telemetry
    double started_ts; // UTC, when the run began
    double before_s;   // of the boots that are over
    double up_s;       // of this boot
} stepped_t;

typedef struct words {
    char text[2048];
    size_t used;
    char *argv[ARGUMENTS_MAX];
    unsigned count;
} words_t;

static void add(words_t *words, const char *text)
{
    size_t length = strlen(text) + 1;
    if (words->used + length <= sizeof words->text && words->count < ARGUMENTS_MAX - 1) {
        memcpy(words->text + words->used, text, length);
        words->argv[words->count++] = words->text + words->used;
        words->argv[words->count] = NULL;
        words->used += length;
    }
}

static void add_number(words_t *words, const char *name, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    add(words, name);
    add(words, text);
}

static void add_options(words_t *words, const lab_world_t *world)
{
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"--hours", world->hours},           {"--sessions", world->sessions},
                   {"--reboot-hours", world->reboot_h}, {"--outages", world->outages},
                   {"--seed", (int64_t)world->seed},    {"--heartbeat", world->heartbeat_s},
                   {"--fail-take", world->fail_take},   {"--cut-power-at", world->cut_power_at}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].value > 0) {
            add_number(words, numbers[i].name, numbers[i].value);
        }
    }
    if (world->tripwire_bytes >= 0) {
        add_number(words, "--tripwire", world->tripwire_bytes);
    }
    add(words, "--telemetry");
    add(words, CHILD_PATH);
    add(words, "--json");
    for (unsigned i = 0; i < world->arguments; i++) {
        add(words, world->argument[i]);
    }
}

static int start(lab_device_t *device, stepped_t *stepped, int pipe_fds[2])
{
    words_t words = {.used = 0};
    char program[320], log[320];
    if (!lab_sibling("holdfast-simd", program, sizeof program)) {
        return lab_fail(LAB_ENVIRONMENT, "",
                        "--stepped: there is no 'holdfast-simd' beside this program: it is to be "
                        "built first");
    }
    (void)snprintf(log, sizeof log, "%s/holdfast-simd.log", device->config.logs);
    add(&words, program);
    add_options(&words, &device->config.world);
    lab_child_plan_t plan = {.argv = words.argv,
                             .log = device->config.logs[0] != '\0' ? log : NULL,
                             .talks = true,
                             .extra = pipe_fds[1]};
    return lab_child_start(&stepped->child, &plan) == 0
               ? LAB_PASS
               : lab_fail(LAB_ENVIRONMENT, "", "cannot start %s: %s", program, strerror(errno));
}

static int stepped_open(lab_device_t *device)
{
    int pipe_fds[2];
    stepped_t *stepped = calloc(1, sizeof *stepped);
    if (stepped == NULL) {
        return lab_fail(LAB_ENVIRONMENT, "", "no memory");
    }
    device->own = stepped;
    lab_child_init(&stepped->child);
    stepped->started_ts = lab_now();
    (void)snprintf(device->path, sizeof device->path, "stepped");
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        return lab_fail(LAB_ENVIRONMENT, "", "no pipe: %s", strerror(errno));
    }
    int code = start(device, stepped, pipe_fds);
    (void)close(pipe_fds[1]);
    device->fd = pipe_fds[0];
    (void)fcntl(device->fd, F_SETFL, O_NONBLOCK);
    return code;
}

static void take_verdict(void *ctx, const char *line)
{
    lab_device_t *device = ctx;
    if (line[0] == '{') {
        (void)snprintf(device->verdict, sizeof device->verdict, "%s", line);
    }
}

static void fill(lab_device_t *device, stepped_t *stepped)
{
    size_t room = sizeof stepped->buffer - stepped->length;
    if (room == 0 || device->fd < 0) {
        return;
    }
    ssize_t length = read(device->fd, stepped->buffer + stepped->length, room);
    if (length > 0) {
        stepped->length += (size_t)length;
    } else if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
        (void)close(device->fd);
        device->fd = -1;
        stepped->has_ended = true;
    }
}

/// Moves the clock by what a line says. True when it said the time.
static bool take_time(stepped_t *stepped, const char *line, size_t length)
{
    static const char up[] = "[Heartbeat] Up: ", boot[] = "[System Boot]";
    if (length > sizeof up && memcmp(line, up, sizeof up - 1) == 0) {
        stepped->up_s = strtod(line + sizeof up - 1, NULL);
        return true;
    }
    if (length >= sizeof boot - 1 && memcmp(line, boot, sizeof boot - 1) == 0) {
        stepped->before_s += stepped->up_s;
        stepped->up_s = 0;
    }
    return false;
}

/// Whole lines up to one that says the time, or all there are.
static size_t next_piece(stepped_t *stepped, size_t most)
{
    size_t end = 0;
    for (bool is_timed = false; !is_timed && end < stepped->length;) {
        const char *line = stepped->buffer + end;
        const char *newline = memchr(line, '\n', stepped->length - end);
        size_t length = newline != NULL ? (size_t)(newline - line) + 1 : 0;
        if (length == 0 || end + length > most) {
            break;
        }
        is_timed = take_time(stepped, line, length);
        end += length;
    }
    bool is_stuck = end == 0 && (stepped->has_ended || stepped->length == sizeof stepped->buffer);
    return is_stuck && stepped->length > 0 ? (stepped->length < most ? stepped->length : most)
                                           : end;
}

static void bury(lab_device_t *device, stepped_t *stepped)
{
    lab_child_t *child = &stepped->child;
    for (unsigned i = 0; i < 500 && lab_child_is_running(child); i++) {
        lab_child_read(child, take_verdict, device);
        lab_sleep_ms(10);
    }
    lab_child_read(child, take_verdict, device);
    device->exit_code = LAB_ENVIRONMENT;
    if (child->ended && WIFEXITED(child->status)) {
        device->exit_code = WEXITSTATUS(child->status);
    } else if (child->ended) {
        char how[120];
        lab_child_tell_end(child, how, sizeof how);
        (void)snprintf(device->wrong, sizeof device->wrong, "holdfast-simd %s", how);
    }
}

static long stepped_read(lab_device_t *device, char *bytes, size_t size, double *ts)
{
    stepped_t *stepped = device->own;
    fill(device, stepped);
    lab_child_read(&stepped->child, take_verdict, device);
    size_t length = next_piece(stepped, size);
    *ts = stepped->started_ts + stepped->before_s + stepped->up_s;
    memcpy(bytes, stepped->buffer, length);
    stepped->length -= length;
    memmove(stepped->buffer, stepped->buffer + length, stepped->length);
    if (length == 0 && stepped->has_ended) {
        bury(device, stepped);
        return -1;
    }
    return (long)length;
}

static void stepped_close(lab_device_t *device)
{
    stepped_t *stepped = device->own;
    if (stepped != NULL) {
        lab_child_end(&stepped->child, END_LIMIT_MS);
        free(stepped);
        device->own = NULL;
    }
}

const lab_device_ops_t lab_device_stepped = {.name = "stepped",
                                             .open = stepped_open,
                                             .read = stepped_read,
                                             .descriptors = lab_device_one_fd,
                                             .close = stepped_close};
