// SPDX-License-Identifier: MIT
// Card readers. Invariants: nothing here waits; a reader that types is grabbed, so that no card ends up on a console; what
// the kernel has dropped spoils the line it was part of.
#include "evse_reader_linux.h"

#include "holdfast/hf_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define RETRY_US     HF_US_PER_S
#define DEFAULT_BAUD "9600"
#define SPOILER      '?' // is no digit

const char evse_reader_linux_specs[] = "serial:DEVICE[,BAUD] or evdev:DEVICE";

static const struct {
    const char *text;
    speed_t speed;
} speeds[] = {{"1200", B1200},   {"2400", B2400},   {"4800", B4800},   {"9600", B9600},
              {"19200", B19200}, {"38400", B38400}, {"57600", B57600}, {"115200", B115200}};

// ---- the spec -----------------------------------------------------------------------------------

static int parse_speed(const char *text, uint32_t *speed)
{
    for (size_t i = 0; i < HF_COUNT_OF(speeds); i++) {
        if (strcmp(speeds[i].text, text) == 0) {
            *speed = speeds[i].speed;
            return HF_OK;
        }
    }
    return HF_E_RANGE;
}

static int parse(evse_reader_linux_t *reader, const char *spec)
{
    bool is_serial = strncmp(spec, "serial:", 7) == 0;
    const char *path = is_serial ? spec + 7 : spec + 6;
    if ((!is_serial && strncmp(spec, "evdev:", 6) != 0) || path[0] != '/') {
        return HF_E_FORMAT;
    }
    const char *comma = is_serial ? strchr(path, ',') : NULL;
    size_t length = comma != NULL ? (size_t)(comma - path) : strlen(path);
    if (length >= sizeof reader->path) {
        return HF_E_TOO_LONG;
    }
    memcpy(reader->path, path, length);
    reader->path[length] = '\0';
    reader->speed = 0;
    return is_serial ? parse_speed(comma != NULL ? comma + 1 : DEFAULT_BAUD, &reader->speed)
                     : HF_OK;
}

int evse_reader_linux_check(const char *spec)
{
    evse_reader_linux_t parsed = {.fd = -1};
    return parse(&parsed, spec);
}

// ---- opening ------------------------------------------------------------------------------------

static int make_raw(int fd, uint32_t speed)
{
    struct termios mode;
    if (tcgetattr(fd, &mode) != 0) {
        return HF_E_IO;
    }
    cfmakeraw(&mode);
    mode.c_cflag |= CLOCAL | CREAD;
    (void)cfsetispeed(&mode, speed);
    (void)cfsetospeed(&mode, speed);
    if (tcsetattr(fd, TCSANOW, &mode) != 0) {
        return HF_E_IO;
    }
    (void)tcflush(fd, TCIFLUSH); // a card of before we listened
    return HF_OK;
}

static int make_ours(const evse_reader_linux_t *reader, int fd)
{
    if (reader->speed != 0) {
        return make_raw(fd, reader->speed);
    }
    int version = 0;
    bool is_evdev = ioctl(fd, EVIOCGVERSION, &version) == 0;
    return is_evdev && ioctl(fd, EVIOCGRAB, 1) == 0 ? HF_OK : HF_E_IO;
}

static int open_device(evse_reader_linux_t *reader)
{
    int mode = reader->speed != 0 ? O_RDWR : O_RDONLY;
    int fd = open(reader->path, mode | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENODEV || errno == ENXIO ? HF_E_NOT_FOUND : HF_E_IO;
    }
    int status = make_ours(reader, fd);
    if (status != HF_OK) {
        (void)close(fd);
        return status;
    }
    reader->fd = fd;
    reader->opened++;
    return HF_OK;
}

int evse_reader_linux_open(evse_reader_linux_t *reader, const char *spec)
{
    *reader = (evse_reader_linux_t){.fd = -1};
    int status = parse(reader, spec);
    if (status != HF_OK) {
        return status;
    }
    status = open_device(reader);
    return status == HF_E_NOT_FOUND ? HF_OK : status;
}

void evse_reader_linux_close(evse_reader_linux_t *reader)
{
    if (reader->fd >= 0) {
        (void)close(reader->fd);
        reader->fd = -1;
    }
}

// ---- reading ------------------------------------------------------------------------------------

// Digits of both rows, letters, the ends of a line. Shift changes nothing: case does not count.
static char char_of_key(unsigned key)
{
    static const struct {
        uint16_t key;
        char c;
    } keys[] = {
        {KEY_0, '0'},   {KEY_1, '1'},     {KEY_2, '2'},     {KEY_3, '3'},      {KEY_4, '4'},
        {KEY_5, '5'},   {KEY_6, '6'},     {KEY_7, '7'},     {KEY_8, '8'},      {KEY_9, '9'},
        {KEY_KP0, '0'}, {KEY_KP1, '1'},   {KEY_KP2, '2'},   {KEY_KP3, '3'},    {KEY_KP4, '4'},
        {KEY_KP5, '5'}, {KEY_KP6, '6'},   {KEY_KP7, '7'},   {KEY_KP8, '8'},    {KEY_KP9, '9'},
        {KEY_A, 'A'},   {KEY_B, 'B'},     {KEY_C, 'C'},     {KEY_D, 'D'},      {KEY_E, 'E'},
        {KEY_F, 'F'},   {KEY_MINUS, '-'}, {KEY_SPACE, ' '}, {KEY_ENTER, '\n'}, {KEY_KPENTER, '\n'}};
    for (size_t i = 0; i < HF_COUNT_OF(keys); i++) {
        if (keys[i].key == key) {
            return keys[i].c;
        }
    }
    return SPOILER;
}

static bool is_shift(unsigned key)
{
    return key == KEY_LEFTSHIFT || key == KEY_RIGHTSHIFT || key == KEY_CAPSLOCK;
}

// What an event adds to the line; 0 nothing.
static char char_of_event(const struct input_event *event)
{
    if (event->type == EV_SYN && event->code == SYN_DROPPED) {
        return SPOILER;
    }
    bool is_press = event->type == EV_KEY && event->value == 1;
    return is_press && !is_shift(event->code) ? char_of_key(event->code) : '\0';
}

// One byte, or one event, of what has come. 1 and *c (0: nothing for the line), 0 nothing has come, HF_E_IO it is gone.
static int take_one(evse_reader_linux_t *reader, char *c)
{
    struct input_event event;
    bool is_serial = reader->speed != 0;
    size_t size = is_serial ? 1u : sizeof event;
    ssize_t got = read(reader->fd, is_serial ? (void *)c : (void *)&event, size);
    if (got == (ssize_t)size) {
        *c = is_serial ? *c : char_of_event(&event);
        return 1;
    }
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : HF_E_IO;
}

static int poll_device(evse_reader_linux_t *reader, uint64_t now_us, char id_tag[EVSE_ID_TAG_BYTES])
{
    for (unsigned i = 0; i < 512u; i++) { // the rest in the next round
        char c = '\0';
        int status = take_one(reader, &c);
        if (status <= 0) {
            return status;
        }
        if ((c != '\0' || reader->speed != 0) &&
            evse_reader_line_feed(&reader->line, c, now_us, id_tag) == 1) {
            return 1;
        }
    }
    return 0;
}

static int reader_poll(void *ctx, uint64_t now_us, char id_tag[EVSE_ID_TAG_BYTES])
{
    evse_reader_linux_t *reader = ctx;
    if (reader->fd < 0) {
        if (now_us < reader->next_open_us) {
            return HF_E_IO;
        }
        reader->next_open_us = now_us + RETRY_US;
        if (open_device(reader) != HF_OK) {
            return HF_E_IO;
        }
    }
    int status = poll_device(reader, now_us, id_tag);
    if (status < 0) {
        evse_reader_linux_close(reader);
        reader->next_open_us = now_us + RETRY_US;
    }
    return status;
}

static const evse_reader_ops_t reader_ops = {.poll = reader_poll};

evse_reader_t evse_reader_linux_seam(evse_reader_linux_t *reader)
{
    return (evse_reader_t){.ops = &reader_ops, .ctx = reader};
}
