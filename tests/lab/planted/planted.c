// SPDX-License-Identifier: MIT
// planted: options and the serial line. With --port LINK it makes a pty, waits until somebody listens, and then starts.
#include "planted.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define WRITE_LIMIT_MS  10000
#define LISTEN_TRIES    3000u
#define LISTEN_PAUSE_US 10000u

#define LAST_WORDS          200u
#define LAST_WORDS_PAUSE_MS 200

static const char *const plant_names[PLANTS] = {
    "none", "leak", "fragmentation", "stack-overflow", "late-task", "lock-hold", "double-free"};

static device_t the_device; // static: its stacks are no load for ours

// A serial line is slow and loses nothing: what does not fit is waited for.
static bool put(void *ctx, const char *text, size_t length)
{
    int fd = *(int *)ctx;
    while (length > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        ssize_t put = write(fd, text, length);
        if (put < 0 && errno == EAGAIN) {
            if (poll(&wait, 1, WRITE_LIMIT_MS) != 1) {
                return false;
            }
        } else if (put < 0 && errno != EINTR) {
            return false;
        }
        text += put > 0 ? put : 0;
        length -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

static int open_pty(const char *link)
{
    struct termios raw;
    int fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0 || tcgetattr(fd, &raw) != 0) {
        return -1;
    }
    cfmakeraw(&raw);
    int slave = open(ptsname(fd), O_RDWR | O_NOCTTY); // a hang-up is seen only after a first one
    if (tcsetattr(fd, TCSANOW, &raw) != 0 || slave < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        return -1;
    }
    (void)close(slave);
    (void)unlink(link);
    return symlink(ptsname(fd), link) == 0 ? fd : -1;
}

static bool wait_for_listener(int fd)
{
    for (unsigned i = 0; i < LISTEN_TRIES; i++) {
        struct pollfd line = {.fd = fd, .events = POLLOUT};
        if (poll(&line, 1, 0) >= 0 && (line.revents & POLLHUP) == 0) {
            return true;
        }
        (void)usleep(LISTEN_PAUSE_US);
    }
    return false;
}

// The last words again and again, as a firmware in its idle loop: who listens may have come late.
static void say_until_hang_up(device_t *device, int fd)
{
    struct pollfd line = {.fd = fd, .events = POLLPRI};
    for (unsigned i = 0; i < LAST_WORDS; i++) {
        if (poll(&line, 1, LAST_WORDS_PAUSE_MS) > 0 && (line.revents & POLLHUP) != 0) {
            return;
        }
        device_say_done(device);
    }
}

static int usage(void)
{
    (void)fprintf(stderr, "Usage: planted [--port LINK] [--plant NAME] [--sessions N] [--at N] "
                          "[--seed N]\n");
    return 2;
}

static bool read_options(device_t *device, int argc, char **argv, const char **port)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},     {"plant", required_argument, NULL, 'k'},
        {"sessions", required_argument, NULL, 'n'}, {"at", required_argument, NULL, 'a'},
        {"seed", required_argument, NULL, 's'},     {NULL, 0, NULL, 0}};
    uint32_t seed = 1;
    device->sessions = 200;
    device->plant_at = 20;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        unsigned plant = 0;
        switch (c) {
        case 'p':
            *port = optarg;
            break;
        case 'k':
            while (plant < PLANTS && strcmp(plant_names[plant], optarg) != 0) {
                plant++;
            }
            device->plant = (plant_t)plant;
            break;
        case 'n':
            device->sessions = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'a':
            device->plant_at = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 's':
            seed = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        default:
            return false;
        }
    }
    device->random = seed * 2654435761u | 1u;
    return optind == argc && device->plant < PLANTS;
}

int main(int argc, char **argv)
{
    const char *port = NULL;
    int fd = STDOUT_FILENO;
    if (!read_options(&the_device, argc, argv, &port)) {
        return usage();
    }
    if (port != NULL) {
        fd = open_pty(port);
        if (fd < 0 || !wait_for_listener(fd)) {
            (void)fprintf(stderr, "planted: %s: no line, or nobody listens\n", port);
            return 3;
        }
    }
    the_device.write = put;
    the_device.ctx = &fd;
    bool is_good = device_run(&the_device);
    if (port != NULL) {
        say_until_hang_up(&the_device, fd);
        (void)unlink(port);
    }
    return is_good ? 0 : 1;
}
