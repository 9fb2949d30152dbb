// SPDX-License-Identifier: MIT
// Devices under test: a port that goes away and comes back under the same name is opened again, without a spin; so is a
// TCP bridge that hangs up; a command line that makes no sense is refused; a child ends with its owner's word, and what
// it said is heard.
#include "hf_test.h"
#include "lab_device.h"
#include "lab_device_child.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define LOOKS_MAX 40u

/// A pty behind a link, as a USB adapter behind its name; the master's end.
static int plug_in(const char *link, int *slave)
{
    struct termios raw;
    char name[64] = "";
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
        ptsname_r(master, name, sizeof name) != 0) {
        return -1;
    }
    *slave = open(name, O_RDWR | O_NOCTTY);
    if (tcgetattr(*slave, &raw) == 0) {
        cfmakeraw(&raw);
        (void)tcsetattr(*slave, TCSANOW, &raw);
    }
    (void)unlink(link);
    return symlink(name, link) == 0 ? master : -1;
}

/// Looks until something comes, with pauses; how many looks it took.
static unsigned look_for(lab_device_t *device, char *bytes, size_t size, long *length)
{
    double ts = 0;
    unsigned looks = 0;
    *length = 0;
    while (*length == 0 && looks < LOOKS_MAX) {
        struct pollfd fds[LAB_DEVICE_FDS];
        unsigned count = device->ops->descriptors(device, fds);
        (void)poll(fds, count, 50);
        *length = device->ops->read(device, bytes, size, &ts);
        looks++;
    }
    return looks;
}

static void device_port_that_leaves_the_bus_is_opened_again(void)
{
    char folder[] = "/tmp/lab-device-XXXXXX", link[64], bytes[64] = "";
    long length = 0;
    int slave = -1;
    REQUIRE(mkdtemp(folder) != NULL);
    (void)snprintf(link, sizeof link, "%s/tty", folder);
    int master = plug_in(link, &slave);
    REQUIRE(master >= 0);
    lab_device_config_t config = {.kind = LAB_SERIAL, .baud = 115200};
    (void)snprintf(config.port, sizeof config.port, "%s", link);
    lab_device_t device = {0};
    REQUIRE(lab_device_open(&device, &config) == LAB_PASS);
    CHECK_EQ(write(master, "one", 3), 3);
    (void)look_for(&device, bytes, sizeof bytes, &length);
    CHECK_EQ(length, 3);

    (void)close(slave);
    (void)close(master); // unplugged
    (void)unlink(link);
    double ts = 0;
    uint64_t begun_us = lab_clock_us();
    unsigned attempts = 0;
    while (lab_clock_us() - begun_us < 600000u) {
        uint64_t before_us = device.retry_us;
        CHECK_EQ(device.ops->read(&device, bytes, sizeof bytes, &ts), 0);
        attempts += device.retry_us != before_us ? 1u : 0u;
        lab_sleep_ms(1);
    }
    CHECK(attempts <= 4); // no spin: one a quarter of a second, however often it is looked at

    master = plug_in(link, &slave);
    REQUIRE(master >= 0);
    lab_sleep_ms(300);
    (void)device.ops->read(&device, bytes, sizeof bytes, &ts);
    CHECK_EQ(write(master, "two", 3), 3);
    (void)look_for(&device, bytes, sizeof bytes, &length);
    CHECK_EQ(length, 3);
    CHECK(memcmp(bytes, "two", 3) == 0);
    CHECK_EQ(device.reopened, 1);
    lab_device_close(&device);
    (void)close(master);
    (void)close(slave);
    (void)unlink(link);
    (void)rmdir(folder);
}

static int listen_somewhere(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 4) != 0 || getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static void device_bridge_that_hangs_up_is_called_again(void)
{
    char bytes[64], spec[64];
    uint16_t port = 0;
    long length = 0;
    lab_device_config_t config = {0};
    int listener = listen_somewhere(&port);
    REQUIRE(listener >= 0);
    (void)snprintf(spec, sizeof spec, "tcp:127.0.0.1:%u", port);
    REQUIRE(lab_device_parse(spec, &config) == LAB_PASS);
    CHECK_EQ(config.kind, LAB_TCP);
    lab_device_t device = {0};
    REQUIRE(lab_device_open(&device, &config) == LAB_PASS);
    for (unsigned round = 0; round < 3; round++) {
        int other = accept(listener, NULL, NULL);
        REQUIRE(other >= 0);
        CHECK_EQ(send(other, "x", 1, 0), 1);
        (void)look_for(&device, bytes, sizeof bytes, &length);
        CHECK_EQ(length, 1);
        (void)close(other);
        (void)look_for(&device, bytes, sizeof bytes, &length); // hangs up, and calls again
        CHECK_EQ(device.reopened, round + 1);
    }
    lab_device_close(&device);
    (void)close(listener);
}

static void device_nobody_there_is_the_environments(void)
{
    lab_device_config_t config = {.baud = 115200};
    lab_device_t device = {0};
    uint16_t port = 0;
    int listener = listen_somewhere(&port);
    (void)close(listener);
    config.kind = LAB_TCP;
    (void)snprintf(config.port, sizeof config.port, "127.0.0.1:%u", port);
    CHECK_EQ(lab_device_open(&device, &config), LAB_ENVIRONMENT);
    config.kind = LAB_SERIAL;
    (void)snprintf(config.port, sizeof config.port, "/nowhere/tty");
    CHECK_EQ(lab_device_open(&device, &config), LAB_ENVIRONMENT);
    config.baud = 12345;
    CHECK_EQ(lab_device_open(&device, &config), LAB_USAGE);
}

static void device_words_that_make_no_sense_are_refused(void)
{
    static const char *const words[] = {
        "tcp:", "tcp:host", "tcp:host:0", "tcp:host:70000", "tcp::1", "file:", ""};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        lab_device_config_t config = {0};
        CHECK_EQ(lab_device_parse(words[i], &config), LAB_USAGE);
    }
}

static void device_file_is_read_to_its_end_and_waited_on(void)
{
    char path[] = "/tmp/lab-file-XXXXXX", bytes[64];
    double ts = 0;
    int fd = mkstemp(path);
    REQUIRE(fd >= 0);
    CHECK_EQ(write(fd, "abc\n", 4), 4);
    lab_device_config_t config = {0};
    REQUIRE(lab_device_parse(path, &config) == LAB_PASS);
    CHECK_EQ(config.kind, LAB_FILE);
    lab_device_t device = {0};
    REQUIRE(lab_device_open(&device, &config) == LAB_PASS);
    CHECK_EQ(device.ops->read(&device, bytes, sizeof bytes, &ts), 4);
    CHECK_EQ(device.ops->read(&device, bytes, sizeof bytes, &ts), 0);
    CHECK_EQ(write(fd, "d", 1), 1);
    CHECK_EQ(device.ops->read(&device, bytes, sizeof bytes, &ts), 1);
    lab_device_close(&device);
    (void)close(fd);
    (void)unlink(path);
}

// ---- programs ----

static char heard[256];

static void hear(void *ctx, const char *line)
{
    (void)ctx;
    size_t used = strlen(heard);
    (void)snprintf(heard + used, sizeof heard - used, "%s|", line);
}

static void child_is_told_heard_and_ended(void)
{
    lab_child_t child;
    char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"},
                          (char[]){"read a; echo \"got $a\"; echo \"$LAB_TEST\"; exec sleep 60"},
                          NULL};
    REQUIRE(lab_child_start(
                &child,
                &(lab_child_plan_t){.argv = argv, .talks = true, .set = {"LAB_TEST=set"}}) == 0);
    CHECK_EQ(lab_child_tell(&child, "hello"), 0);
    heard[0] = '\0';
    for (unsigned i = 0; i < 200 && strcmp(heard, "got hello|set|") != 0; i++) {
        lab_child_read(&child, hear, NULL);
        lab_sleep_ms(10);
    }
    CHECK_STR(heard, "got hello|set|");
    CHECK(lab_child_is_running(&child));
    pid_t pid = child.pid;
    lab_child_end(&child, 2000);
    CHECK(!lab_child_is_running(&child));
    CHECK(kill(pid, 0) != 0);
}

static void child_that_will_not_end_is_killed(void)
{
    lab_child_t child;
    char how[120];
    char *const argv[] = {(char[]){"/bin/sh"}, (char[]){"-c"},
                          (char[]){"trap '' TERM; echo up; while :; do sleep 1; done"}, NULL};
    REQUIRE(lab_child_start(&child, &(lab_child_plan_t){.argv = argv, .talks = true}) == 0);
    heard[0] = '\0';
    for (unsigned i = 0; i < 200 && heard[0] == '\0'; i++) {
        lab_child_read(&child, hear, NULL);
        lab_sleep_ms(10);
    }
    lab_child_end(&child, 100);
    lab_child_tell_end(&child, how, sizeof how);
    CHECK_STR(how, "ended by signal 9 (Killed)");
}

HF_TEST_MAIN(HF_TEST(device_port_that_leaves_the_bus_is_opened_again),
             HF_TEST(device_bridge_that_hangs_up_is_called_again),
             HF_TEST(device_nobody_there_is_the_environments),
             HF_TEST(device_words_that_make_no_sense_are_refused),
             HF_TEST(device_file_is_read_to_its_end_and_waited_on),
             HF_TEST(child_is_told_heard_and_ended), HF_TEST(child_that_will_not_end_is_killed))
