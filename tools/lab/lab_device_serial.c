// SPDX-License-Identifier: MIT
// Serial ports, TCP serial bridges, files and pseudo-terminals. A port that is unplugged, or that leaves the bus at a
// reset of the device (USB-CDC), is looked for again; with "auto" it may come back under another name.
#include "lab_device.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define CONNECT_MS 5000

// ---- serial ----

static const struct {
    int64_t baud;
    speed_t speed;
} speeds[] = {
    {9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600},
    {115200, B115200}, {230400, B230400}, {460800, B460800}, {921600, B921600},
};

static bool find_speed(int64_t baud, speed_t *speed)
{
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].baud == baud) {
            *speed = speeds[i].speed;
            return true;
        }
    }
    return false;
}

static bool find_port(const lab_device_t *device, char *path, size_t capacity)
{
    static const char *const patterns[] = {"/dev/ttyACM*", "/dev/ttyUSB*"};
    if (strcmp(device->config.port, "auto") != 0) {
        (void)snprintf(path, capacity, "%s", device->config.port);
        return true;
    }
    bool is_found = false;
    for (size_t i = 0; i < 2 && !is_found; i++) {
        glob_t found = {0};
        if (glob(patterns[i], 0, NULL, &found) == 0 && found.gl_pathc > 0) {
            (void)snprintf(path, capacity, "%s", found.gl_pathv[0]);
            is_found = true;
        }
        globfree(&found);
    }
    return is_found;
}

static int make_raw(int fd, speed_t speed)
{
    struct termios port;
    if (isatty(fd) != 1) {
        return 0;
    }
    if (tcgetattr(fd, &port) != 0) {
        return -1;
    }
    cfmakeraw(&port);
    port.c_cflag |= CLOCAL | CREAD;
    port.c_cflag &= ~(tcflag_t)HUPCL; // closing it must not reset the device
    (void)cfsetispeed(&port, speed);
    (void)cfsetospeed(&port, speed);
    return tcsetattr(fd, TCSANOW, &port);
}

/// 0, or errno.
static int open_port(lab_device_t *device)
{
    speed_t speed = B115200;
    if (!find_port(device, device->path, sizeof device->path)) {
        return ENODEV;
    }
    (void)find_speed(device->config.baud, &speed);
    int fd = open(device->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    if (make_raw(fd, speed) != 0) {
        int why = errno;
        (void)close(fd);
        return why;
    }
    device->fd = fd;
    return 0;
}

static int serial_open(lab_device_t *device)
{
    speed_t speed;
    if (!find_speed(device->config.baud, &speed)) {
        return lab_fail(LAB_USAGE, "", "--baud %lld: 9600, 19200, ... 115200, ... 921600",
                        (long long)device->config.baud);
    }
    int why = open_port(device);
    if (why == ENODEV && strcmp(device->config.port, "auto") == 0) {
        return lab_fail(LAB_ENVIRONMENT, "",
                        "no serial port: neither /dev/ttyACM* nor /dev/ttyUSB* (--port says where "
                        "it is; --sim needs none)");
    }
    return why == 0 ? LAB_PASS
                    : lab_fail(LAB_ENVIRONMENT, "", "%s: %s", device->path, strerror(why));
}

static long serial_read(lab_device_t *device, char *bytes, size_t size, double *ts)
{
    if (lab_device_may_retry(device) && open_port(device) == 0) {
        device->reopened++;
    }
    *ts = lab_now();
    return lab_device_read_fd(device, bytes, size);
}

/// EN over RTS, as the boards of Espressif wire it; GPIO0 (DTR) stays high, so that it boots the firmware.
static int serial_reset(lab_device_t *device)
{
    int rts = TIOCM_RTS, dtr = TIOCM_DTR;
    if (device->fd < 0 || ioctl(device->fd, TIOCMBIC, &dtr) != 0 ||
        ioctl(device->fd, TIOCMBIS, &rts) != 0) {
        return -1;
    }
    lab_sleep_ms(100);
    return device->fd >= 0 && ioctl(device->fd, TIOCMBIC, &rts) == 0 ? 0 : -1;
}

static void no_close(lab_device_t *device)
{
    (void)device;
}

const lab_device_ops_t lab_device_serial = {.name = "serial",
                                            .open = serial_open,
                                            .read = serial_read,
                                            .reset = serial_reset,
                                            .descriptors = lab_device_one_fd,
                                            .close = no_close};

// ---- TCP ----

static int connect_one(const struct addrinfo *address, int limit_ms)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int why = 0;
    if (fd < 0) {
        return -1;
    }
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        struct pollfd one = {.fd = fd, .events = POLLOUT};
        socklen_t length = sizeof why;
        why = errno;
        if (why == EINPROGRESS) {
            bool is_told = poll(&one, 1, limit_ms) == 1;
            why = is_told ? 0 : ETIMEDOUT;
            if (is_told && getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &length) != 0) {
                why = errno;
            }
        }
    }
    if (why != 0) {
        (void)close(fd);
        errno = why;
        return -1;
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return fd;
}

/// 0, or a sentence.
static const char *call(lab_device_t *device, int limit_ms)
{
    char host[160];
    (void)snprintf(host, sizeof host, "%s", device->config.port);
    char *colon = strrchr(host, ':');
    if (colon == NULL) {
        return "no port";
    }
    *colon = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int status = getaddrinfo(host, colon + 1, &hints, &list);
    if (status != 0) {
        return gai_strerror(status);
    }
    for (struct addrinfo *next = list; next != NULL && device->fd < 0; next = next->ai_next) {
        device->fd = connect_one(next, limit_ms);
    }
    freeaddrinfo(list);
    return device->fd >= 0 ? NULL : strerror(errno);
}

static int tcp_open(lab_device_t *device)
{
    const char *why = call(device, CONNECT_MS);
    (void)snprintf(device->path, sizeof device->path, "%s", device->config.port);
    return why == NULL ? LAB_PASS
                       : lab_fail(LAB_ENVIRONMENT, "", "tcp:%s: %s", device->config.port, why);
}

static long tcp_read(lab_device_t *device, char *bytes, size_t size, double *ts)
{
    if (lab_device_may_retry(device) && call(device, (int)LAB_DEVICE_RETRY_MS) == NULL) {
        device->reopened++;
    }
    *ts = lab_now();
    return lab_device_read_fd(device, bytes, size);
}

const lab_device_ops_t lab_device_tcp = {.name = "tcp",
                                         .open = tcp_open,
                                         .read = tcp_read,
                                         .descriptors = lab_device_one_fd,
                                         .close = no_close};

// ---- files ----

static int file_open(lab_device_t *device)
{
    (void)snprintf(device->path, sizeof device->path, "%s", device->config.port);
    device->fd = open(device->path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return device->fd >= 0 ? LAB_PASS
                           : lab_fail(LAB_ENVIRONMENT, "", "%s: %s", device->path, strerror(errno));
}

/// The end of a file may be where its writer is just now: it is for the waits to run out.
static long file_read(lab_device_t *device, char *bytes, size_t size, double *ts)
{
    *ts = lab_now();
    ssize_t length = read(device->fd, bytes, size);
    if (length < 0 && errno != EAGAIN && errno != EINTR) {
        return -1;
    }
    return length > 0 ? length : 0;
}

/// A file at its end is always readable: waiting for it would spin.
static unsigned no_descriptors(const lab_device_t *device, struct pollfd *fds)
{
    (void)device;
    (void)fds;
    return 0;
}

const lab_device_ops_t lab_device_file = {.name = "file",
                                          .open = file_open,
                                          .read = file_read,
                                          .descriptors = no_descriptors,
                                          .close = no_close};
