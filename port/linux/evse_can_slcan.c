// SPDX-License-Identifier: MIT
// A serial device as the byte port of SLCAN. Invariants: no call blocks; the device is raw from the moment it is open, so
// that no byte is changed or taken for a signal; whatever says that it is gone closes it.
#include "evse_can_slcan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_NS   5000000L
#define PAUSES_MAX 10

static speed_t speed_of(uint32_t baud)
{
    static const struct {
        uint32_t baud;
        speed_t speed;
    } speeds[] = {
        {9600, B9600},     {19200, B19200},     {38400, B38400},     {57600, B57600},
        {115200, B115200}, {230400, B230400},   {460800, B460800},   {500000, B500000},
        {921600, B921600}, {1000000, B1000000}, {2000000, B2000000}, {3000000, B3000000},
    };
    for (size_t i = 0; i < HF_COUNT_OF(speeds); i++) {
        if (speeds[i].baud == baud) {
            return speeds[i].speed;
        }
    }
    return B0;
}

static void shut(evse_can_slcan_t *bus)
{
    if (bus->fd >= 0) {
        (void)tcflush(bus->fd, TCOFLUSH); // else close() may wait for a device that takes nothing
        (void)close(bus->fd);
        bus->fd = -1;
    }
}

static int make_raw(int fd, uint32_t baud)
{
    struct termios line;
    if (tcgetattr(fd, &line) != 0) {
        return HF_E_UNSUPPORTED; // not a terminal
    }
    cfmakeraw(&line);
    line.c_cflag |= CLOCAL | CREAD;
    line.c_cflag &= ~(tcflag_t)(CRTSCTS | CSTOPB | HUPCL);
    line.c_cc[VMIN] = 1; // so that "none now" is EAGAIN, and 0 is a line that was hung up
    line.c_cc[VTIME] = 0;
    if (cfsetspeed(&line, speed_of(baud)) != 0 || tcsetattr(fd, TCSANOW, &line) != 0) {
        return HF_E_IO;
    }
    (void)ioctl(fd, TIOCEXCL); // two programs would read each other's answers
    return tcflush(fd, TCIOFLUSH) == 0 ? HF_OK : HF_E_IO; // what waited is of before
}

static int device_open(void *ctx)
{
    evse_can_slcan_t *bus = ctx;
    if (bus->fd >= 0) {
        return HF_OK;
    }
    bus->fd = open(bus->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (bus->fd < 0) {
        return HF_E_NOT_FOUND;
    }
    int status = make_raw(bus->fd, bus->baud);
    if (status != HF_OK) {
        shut(bus);
    }
    return status;
}

static bool is_later(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int gone(evse_can_slcan_t *bus)
{
    shut(bus);
    return HF_E_CLOSED;
}

static int device_read(void *ctx, uint8_t *data, uint32_t capacity)
{
    evse_can_slcan_t *bus = ctx;
    if (bus->fd < 0) {
        return HF_E_CLOSED;
    }
    ssize_t got = read(bus->fd, data, capacity);
    if (got > 0) {
        return (int)got;
    }
    return got < 0 && is_later(errno) ? 0 : gone(bus);
}

static int device_write(void *ctx, const uint8_t *data, uint32_t length)
{
    evse_can_slcan_t *bus = ctx;
    if (bus->fd < 0) {
        return HF_E_CLOSED;
    }
    ssize_t put = write(bus->fd, data, length);
    if (put >= 0) {
        return (int)put;
    }
    return is_later(errno) ? 0 : gone(bus);
}

static const evse_slcan_port_ops_t device_ops = {
    .read = device_read, .write = device_write, .open = device_open};

int evse_can_slcan_open(evse_can_slcan_t *bus, const evse_can_slcan_config_t *config)
{
    memset(bus, 0, sizeof *bus);
    bus->fd = -1;
    bus->baud = config->baud != 0 ? config->baud : EVSE_CAN_SLCAN_BAUD;
    size_t length = strlen(config->path);
    if (length == 0 || length >= sizeof bus->path) {
        return HF_E_TOO_LONG;
    }
    if (speed_of(bus->baud) == B0) {
        return HF_E_RANGE;
    }
    memcpy(bus->path, config->path, length);
    const evse_slcan_config_t slcan = {.port = {.ops = &device_ops, .ctx = bus},
                                       .bitrate_kbits = config->bitrate_kbits,
                                       .mute = config->mute};
    return evse_slcan_init(&bus->slcan, &slcan);
}

// close() of a serial line waits for what it has not sent, half a minute long for a device that takes nothing.
static void await_sent(int fd)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int waiting = 0;
    for (int i = 0; i < PAUSES_MAX; i++) {
        if (ioctl(fd, TIOCOUTQ, &waiting) != 0 || waiting == 0) {
            return;
        }
        (void)nanosleep(&pause, NULL);
    }
    (void)tcflush(fd, TCOFLUSH);
}

void evse_can_slcan_close(evse_can_slcan_t *bus)
{
    static const uint8_t last[] = {'\r', 'C', '\r'};
    if (bus->fd >= 0) {
        ssize_t ignored = write(bus->fd, last, sizeof last); // nobody is left to try again
        (void)ignored;
        await_sent(bus->fd);
        (void)close(bus->fd);
        bus->fd = -1;
    }
}

static int slcan_send(void *ctx, const evse_can_frame_t *frame)
{
    return evse_slcan_ops.send(&((evse_can_slcan_t *)ctx)->slcan, frame);
}

static int slcan_receive(void *ctx, evse_can_frame_t *frame)
{
    return evse_slcan_ops.receive(&((evse_can_slcan_t *)ctx)->slcan, frame);
}

static evse_can_state_t slcan_poll(void *ctx, uint64_t now_us)
{
    return evse_slcan_ops.poll(&((evse_can_slcan_t *)ctx)->slcan, now_us);
}

static int slcan_recover(void *ctx, uint64_t now_us)
{
    return evse_slcan_ops.recover(&((evse_can_slcan_t *)ctx)->slcan, now_us);
}

static const evse_can_inbox_t *slcan_inbox(void *ctx)
{
    return evse_slcan_ops.inbox(&((evse_can_slcan_t *)ctx)->slcan);
}

const evse_can_ops_t evse_can_slcan_ops = {
    .send = slcan_send,
    .receive = slcan_receive,
    .poll = slcan_poll,
    .recover = slcan_recover,
    .inbox = slcan_inbox,
};
