// SPDX-License-Identifier: MIT
// Card readers on Linux: a serial one over a pseudo terminal, unplugged and plugged in again; one that types, by uinput
// where the machine has it (else a loud skip).
#include "evse_reader_linux.h"
#include "hf_test.h"

#include <fcntl.h>
#include <linux/input.h>
#include <linux/uinput.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static evse_reader_linux_t reader;
static char spec[EVSE_READER_LINUX_PATH_BYTES + 16u];
static uint64_t now_us = 1000000;

static int open_pty(char *path, size_t capacity)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    bool good =
        fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0 && ptsname_r(fd, path, capacity) == 0;
    CHECK(good);
    return fd;
}

/// Polls until a tag comes, as long as bytes may be under way. 1, 0, or the failure.
static int poll_tag(char *tag)
{
    evse_reader_t seam = evse_reader_linux_seam(&reader);
    int status = 0;
    for (unsigned i = 0; i < 200 && status == 0; i++) {
        struct pollfd fd = {.fd = reader.fd, .events = POLLIN};
        (void)poll(&fd, 1, 5);
        now_us += 5000;
        status = seam.ops->poll(seam.ctx, now_us, tag);
    }
    return status;
}

static void put(int fd, const char *text)
{
    CHECK_EQ(write(fd, text, strlen(text)), (long long)strlen(text));
}

static void reader_specs_are_checked_before_anything_is_touched(void)
{
    static const struct {
        const char *spec;
        int status;
    } cases[] = {{"serial:/dev/ttyUSB0", 0},
                 {"serial:/dev/ttyUSB0,115200", 0},
                 {"evdev:/dev/input/event3", 0},
                 {"serial:ttyUSB0", HF_E_FORMAT},
                 {"serial:/dev/ttyUSB0,9601", HF_E_RANGE},
                 {"serial:/dev/ttyUSB0,", HF_E_RANGE},
                 {"evdev:", HF_E_FORMAT},
                 {"", HF_E_FORMAT},
                 {"/dev/ttyUSB0", HF_E_FORMAT},
                 {"pty", HF_E_FORMAT}};
    for (unsigned i = 0; i < HF_COUNT_OF(cases); i++) {
        CHECK_EQ(evse_reader_linux_check(cases[i].spec), cases[i].status);
    }
    char longer[200] = "serial:/";
    memset(longer + 8, 'x', 120);
    CHECK_EQ(evse_reader_linux_check(longer), HF_E_TOO_LONG);
}

static void serial_reader_yields_its_cards_and_nothing_else(void)
{
    char path[64], tag[EVSE_ID_TAG_BYTES] = "";
    int other = open_pty(path, sizeof path);
    snprintf(spec, sizeof spec, "serial:%s,9600", path);
    CHECK_EQ(evse_reader_linux_open(&reader, spec), 0);
    CHECK(reader.fd >= 0);
    put(other, "04a2b3c4d5e680\r\n");
    CHECK_EQ(poll_tag(tag), 1);
    CHECK_STR(tag, "04A2B3C4D5E680");
    put(other, "\x02"
               "0C00840326AD\r\n\x03");
    CHECK_EQ(poll_tag(tag), 1);
    CHECK_STR(tag, "0C00840326");
    put(other, "booting v1.2\r\n04A2\r\n");
    for (unsigned i = 0; i < 50; i++) {
        put(other, "0123456789abcdef0123456789abcdef");
    }
    put(other, "\n");
    CHECK_EQ(poll_tag(tag), 0);
    CHECK_EQ(reader.line.garbage, 2);
    CHECK_EQ(reader.line.too_long, 1);
    put(other, "01020304\r05060708\r");
    CHECK_EQ(poll_tag(tag), 1);
    CHECK_STR(tag, "01020304");
    CHECK_EQ(poll_tag(tag), 1);
    CHECK_STR(tag, "05060708");
    evse_reader_linux_close(&reader);
    (void)close(other);
}

static void serial_reader_that_is_unplugged_is_told_and_opened_again(void)
{
    char path[64], link_path[] = "/tmp/hf-reader-XXXXXX", tag[EVSE_ID_TAG_BYTES] = "";
    REQUIRE(mkdtemp(link_path) != NULL);
    char device[80];
    snprintf(device, sizeof device, "%s/tty", link_path);
    snprintf(spec, sizeof spec, "serial:%s", device);
    CHECK_EQ(evse_reader_linux_open(&reader, spec), 0); // not there yet
    CHECK_EQ(reader.fd, -1);
    CHECK_EQ(poll_tag(tag), HF_E_IO);
    int other = open_pty(path, sizeof path);
    CHECK_EQ(symlink(path, device), 0);
    now_us += 1000000;
    CHECK_EQ(poll_tag(tag), 0);
    put(other, "01020304\r");
    CHECK_EQ(poll_tag(tag), 1);
    (void)close(other); // the terminal hangs up
    CHECK_EQ(unlink(device), 0);
    CHECK_EQ(poll_tag(tag), HF_E_IO);
    CHECK_EQ(reader.fd, -1);
    other = open_pty(path, sizeof path);
    CHECK_EQ(symlink(path, device), 0);
    CHECK_EQ(poll_tag(tag), HF_E_IO); // not before its second is over
    now_us += 1000000;
    CHECK_EQ(poll_tag(tag), 0);
    put(other, "0A0B0C0D\r");
    CHECK_EQ(poll_tag(tag), 1);
    CHECK_STR(tag, "0A0B0C0D");
    CHECK_EQ(reader.opened, 2);
    evse_reader_linux_close(&reader);
    (void)close(other);
    (void)unlink(device);
    CHECK_EQ(rmdir(link_path), 0);
}

static void reader_on_something_that_is_neither_is_refused(void)
{
    CHECK_EQ(evse_reader_linux_open(&reader, "serial:/dev/null"), HF_E_IO);
    CHECK_EQ(evse_reader_linux_open(&reader, "evdev:/dev/null"), HF_E_IO);
    CHECK_EQ(reader.fd, -1);
}

// ---- a keyboard of our own ----

static void emit(int fd, uint16_t type, uint16_t code, int32_t value)
{
    struct input_event event = {.type = type, .code = code, .value = value};
    CHECK_EQ(write(fd, &event, sizeof event), (long long)sizeof event);
}

static void press(int fd, uint16_t key)
{
    emit(fd, EV_KEY, key, 1);
    emit(fd, EV_SYN, SYN_REPORT, 0);
    emit(fd, EV_KEY, key, 0);
    emit(fd, EV_SYN, SYN_REPORT, 0);
}

/// The event device of the keyboard made at `fd`; false when it does not appear.
static bool find_event(int fd, char *path, size_t capacity)
{
    char name[64] = "";
    if (ioctl(fd, UI_GET_SYSNAME(sizeof name - 1), name) < 0) {
        return false;
    }
    for (unsigned i = 0; i < 64; i++) {
        char look[160];
        snprintf(look, sizeof look, "/sys/devices/virtual/input/%s/event%u", name, i);
        if (access(look, F_OK) == 0) {
            snprintf(path, capacity, "/dev/input/event%u", i);
            return access(path, R_OK) == 0;
        }
    }
    return false;
}

static int make_keyboard(char *path, size_t capacity)
{
    int fd = open("/dev/uinput", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    struct uinput_setup setup = {.id = {.bustype = BUS_USB, .vendor = 1, .product = 1}};
    strcpy(setup.name, "holdfast test reader");
    bool good = ioctl(fd, UI_SET_EVBIT, EV_KEY) == 0;
    for (int key = KEY_ESC; good && key <= KEY_KPDOT; key++) {
        good = ioctl(fd, UI_SET_KEYBIT, key) == 0;
    }
    good = good && ioctl(fd, UI_SET_KEYBIT, KEY_KPENTER) == 0 &&
           ioctl(fd, UI_DEV_SETUP, &setup) == 0 && ioctl(fd, UI_DEV_CREATE) == 0 &&
           find_event(fd, path, capacity);
    if (!good) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void typing_reader_yields_what_it_types(void)
{
    char path[64], tag[EVSE_ID_TAG_BYTES] = "";
    int keyboard = make_keyboard(path, sizeof path);
    if (keyboard < 0) {
        printf(
            "  SKIPPED: no /dev/uinput here: readers that type are not tested on this machine\n");
        return;
    }
    static const uint16_t card[] = {KEY_0, KEY_4, KEY_A,   KEY_2, KEY_LEFTSHIFT,
                                    KEY_B, KEY_3, KEY_KP9, KEY_F};
    snprintf(spec, sizeof spec, "evdev:%s", path);
    CHECK_EQ(evse_reader_linux_open(&reader, spec), 0);
    for (unsigned i = 0; i < HF_COUNT_OF(card); i++) {
        press(keyboard, card[i]);
    }
    press(keyboard, KEY_ENTER);
    CHECK_EQ(poll_tag(tag), 1);
    CHECK_STR(tag, "04A2B39F");
    press(keyboard, KEY_Z);
    for (unsigned i = 0; i < 4; i++) {
        press(keyboard, card[i]);
        press(keyboard, card[i]);
    }
    press(keyboard, KEY_KPENTER);
    CHECK_EQ(poll_tag(tag), 0);
    CHECK_EQ(reader.line.garbage, 1);
    (void)close(keyboard); // unplugged
    CHECK_EQ(poll_tag(tag), HF_E_IO);
    evse_reader_linux_close(&reader);
}

// What evdev tells, read from a pipe: the same bytes, wherever the machine has no uinput.
static void typing_reader_understands_events(void)
{
    int ends[2];
    char tag[EVSE_ID_TAG_BYTES] = "";
    REQUIRE(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
    reader = (evse_reader_linux_t){.fd = ends[0]};
    static const uint16_t card[] = {KEY_0, KEY_4, KEY_A,   KEY_2, KEY_RIGHTSHIFT,
                                    KEY_B, KEY_3, KEY_KP9, KEY_F};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < HF_COUNT_OF(card); i++) {
            press(ends[1], card[i]);
            emit(ends[1], EV_KEY, card[i], 2); // held down: no second one
            if (round == 1 && i == 3) {
                emit(ends[1], EV_SYN, SYN_DROPPED, 0); // the kernel could not keep up
            }
        }
        press(ends[1], KEY_ENTER);
        CHECK_EQ(poll_tag(tag), round == 0 ? 1 : 0);
        CHECK_STR(tag, "04A2B39F");
    }
    CHECK_EQ(reader.line.garbage, 1);
    (void)close(ends[1]);
    CHECK_EQ(poll_tag(tag), HF_E_IO);
}

HF_TEST_MAIN(HF_TEST(reader_specs_are_checked_before_anything_is_touched),
             HF_TEST(serial_reader_yields_its_cards_and_nothing_else),
             HF_TEST(serial_reader_that_is_unplugged_is_told_and_opened_again),
             HF_TEST(reader_on_something_that_is_neither_is_refused),
             HF_TEST(typing_reader_yields_what_it_types), HF_TEST(typing_reader_understands_events))
