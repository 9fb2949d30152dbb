// SPDX-License-Identifier: MIT
// The console's terminals: a pty with its link, a device that is unplugged and comes back, a terminal nobody reads.
#include "evse_console_serial.h"
#include "hf_test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define LIMIT_MS 10000

static struct {
    hf_snapshot_t control, comms;
    uint32_t control_words[HF_SNAPSHOT_BYTES(sizeof(evse_snapshot_t)) / 4u];
    uint32_t comms_words[HF_SNAPSHOT_BYTES(sizeof(evse_comms_view_t)) / 4u];
    evse_console_serial_t serial;
    _Atomic unsigned stops, lives;
    char directory[64], path[96];
    char seen[16384];
} t;

static int stop(void *ctx, unsigned connector)
{
    (void)ctx;
    t.stops += connector + 1u;
    return HF_OK;
}

static void alive(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    t.lives++;
}

static void begin(void)
{
    evse_snapshot_t snapshot = {.connectors = 1};
    evse_comms_view_t view = {.session_state = {EVSE_SESSION_RUNNING}};
    memset(&t, 0, sizeof t);
    CHECK_EQ(hf_snapshot_init(&t.control, t.control_words, sizeof snapshot), 0);
    CHECK_EQ(hf_snapshot_init(&t.comms, t.comms_words, sizeof view), 0);
    hf_snapshot_write(&t.control, &snapshot);
    hf_snapshot_write(&t.comms, &view);
    strcpy(t.directory, "/tmp/hf-console-XXXXXX");
    CHECK(mkdtemp(t.directory) != NULL);
    snprintf(t.path, sizeof t.path, "%s/tty", t.directory);
}

static void end(void)
{
    evse_console_serial_stop(&t.serial);
    (void)unlink(t.path);
    CHECK_EQ(rmdir(t.directory), 0); // nothing else was left there
}

static int start(const char *format, const char *path)
{
    char spec[160];
    snprintf(spec, sizeof spec, format, path);
    static char kept[160];
    strcpy(kept, spec);
    const evse_console_serial_config_t config = {
        .spec = kept,
        .source = {.control = &t.control, .comms = &t.comms, .stop = stop},
        .alive = alive};
    return evse_console_serial_start(&t.serial, &config);
}

// Reads until the text was seen.
static bool read_until(int fd, const char *text)
{
    size_t length = 0;
    t.seen[0] = '\0';
    while (strstr(t.seen, text) == NULL && length + 1 < sizeof t.seen) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, LIMIT_MS) != 1) {
            printf("  not seen: %s in: %s\n", text, t.seen);
            return false;
        }
        ssize_t got = read(fd, t.seen + length, sizeof t.seen - 1 - length);
        length += got > 0 ? (size_t)got : 0;
        t.seen[length] = '\0';
        if (got <= 0) {
            return false;
        }
    }
    return true;
}

static bool type(int fd, const char *text)
{
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static void console_pty_answers_behind_its_link(void)
{
    begin();
    REQUIRE(start("pty:%s", t.path) == HF_OK);
    struct stat now;
    int fd = open(t.path, O_RDWR | O_NOCTTY);
    REQUIRE(fd >= 0 && fstat(fd, &now) == 0);
    CHECK_EQ(now.st_mode & 0777, 0600);
    CHECK(read_until(fd, "Holdfast console"));
    CHECK(type(fd, "status\r") && read_until(fd, "connector 1:"));
    CHECK(type(fd, "stop 1\r") && read_until(fd, "stop asked for"));
    CHECK_EQ(t.stops, 1);
    (void)close(fd); // leaving hangs nothing up
    fd = open(t.path, O_RDWR | O_NOCTTY);
    CHECK(type(fd, "stop 1\n") && read_until(fd, "stop asked for"));
    CHECK_EQ(t.stops, 2);
    CHECK(t.lives > 0);
    (void)close(fd);
    end();
    CHECK(lstat(t.path, &now) != 0); // the link went with it
}

static void console_pty_replaces_a_link_and_nothing_else(void)
{
    begin();
    CHECK_EQ(symlink("/dev/null", t.path), 0);
    REQUIRE(start("pty:%s", t.path) == HF_OK);
    evse_console_serial_stop(&t.serial);
    int fd = open(t.path, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    (void)close(fd);
    CHECK_EQ(start("pty:%s", t.path), HF_E_STATE);
    struct stat now;
    CHECK(lstat(t.path, &now) == 0 && S_ISREG(now.st_mode));
    end();
}

static void console_link_of_another_is_left_alone(void)
{
    begin();
    REQUIRE(start("pty:%s", t.path) == HF_OK);
    CHECK_EQ(unlink(t.path), 0);
    CHECK_EQ(symlink("/dev/null", t.path), 0);
    evse_console_serial_stop(&t.serial);
    struct stat now;
    CHECK_EQ(lstat(t.path, &now), 0);
    end();
}

static int make_device(int *master)
{
    *master = posix_openpt(O_RDWR | O_NOCTTY);
    (void)unlink(t.path);
    return *master >= 0 && grantpt(*master) == 0 && unlockpt(*master) == 0
               ? symlink(ptsname(*master), t.path)
               : -1;
}

static void console_device_that_was_unplugged_comes_back(void)
{
    int cable = -1;
    begin();
    REQUIRE(make_device(&cable) == 0);
    REQUIRE(start("%s@9600", t.path) == HF_OK);
    CHECK(read_until(cable, "Holdfast console"));
    CHECK(type(cable, "help\r") && read_until(cable, "selftest"));
    struct termios mode;
    CHECK_EQ(tcgetattr(cable, &mode), 0); // both ends have one
    CHECK_EQ(cfgetospeed(&mode), B9600);
    CHECK_EQ(mode.c_lflag & ECHO, 0);
    (void)close(cable);
    REQUIRE(make_device(&cable) == 0);
    CHECK(read_until(cable, "Holdfast console"));
    CHECK(type(cable, "stop\r") && read_until(cable, "stop asked for"));
    CHECK_EQ(t.stops, 1);
    evse_console_serial_stop(&t.serial);
    (void)close(cable);
    end();
}

static void console_nobody_reads_is_counted_and_holds_nothing_up(void)
{
    begin();
    REQUIRE(start("pty:%s", t.path) == HF_OK);
    int fd = open(t.path, O_RDWR | O_NOCTTY);
    for (int i = 0; i < 60; i++) { // 60 answers of some 500 bytes, none of them read
        CHECK(type(fd, "help\r"));
    }
    CHECK(type(fd, "stop\r"));
    for (int i = 0; i < LIMIT_MS / 10 && t.stops == 0; i++) {
        (void)poll(NULL, 0, 10);
    }
    CHECK_EQ(t.stops, 1); // and still it listens
    CHECK(t.serial.lost_bytes > 0);
    (void)close(fd);
    end();
}

static void console_spec_is_checked(void)
{
    CHECK_EQ(evse_console_serial_check("pty"), HF_OK);
    CHECK_EQ(evse_console_serial_check("pty:/run/holdfast/console"), HF_OK);
    CHECK_EQ(evse_console_serial_check("/dev/ttyS0"), HF_OK);
    CHECK_EQ(evse_console_serial_check("/dev/ttyUSB0@9600"), HF_OK);
    CHECK_EQ(evse_console_serial_check("/dev/ttyUSB0@9601"), HF_E_RANGE);
    CHECK_EQ(evse_console_serial_check("/dev/ttyUSB0@"), HF_E_RANGE);
    CHECK_EQ(evse_console_serial_check("pty:"), HF_E_FORMAT);
    CHECK_EQ(evse_console_serial_check("ptyx"), HF_E_FORMAT);
    CHECK_EQ(evse_console_serial_check("ttyS0"), HF_E_FORMAT);
    CHECK_EQ(evse_console_serial_check(""), HF_E_FORMAT);
    char spec[200] = "pty:";
    memset(spec + 4, 'x', sizeof spec - 5);
    CHECK_EQ(evse_console_serial_check(spec), HF_E_TOO_LONG);
}

static void console_missing_device_is_refused_at_start(void)
{
    begin();
    CHECK_EQ(start("%s", t.path), HF_E_NOT_FOUND);
    CHECK_EQ(start("%s", "/dev/null"), HF_E_IO); // no terminal
    evse_console_serial_stop(&t.serial);         // never started: nothing
    end();
}

HF_TEST_MAIN(HF_TEST(console_pty_answers_behind_its_link),
             HF_TEST(console_pty_replaces_a_link_and_nothing_else),
             HF_TEST(console_link_of_another_is_left_alone),
             HF_TEST(console_device_that_was_unplugged_comes_back),
             HF_TEST(console_nobody_reads_is_counted_and_holds_nothing_up),
             HF_TEST(console_spec_is_checked), HF_TEST(console_missing_device_is_refused_at_start))
