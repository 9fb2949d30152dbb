// SPDX-License-Identifier: MIT
// Console terminal. Invariants: nothing here can hold up another thread (no lock is shared, a terminal that takes nothing
// is waited for 200 ms once); a link is replaced and removed only when it is a link.
#include "evse_console_serial.h"

#include "holdfast/hf_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define INTERVAL_MS   500
#define RETRY_MS      1000
#define WRITE_WAIT_MS 200
#define DEFAULT_BAUD  "115200"

static const struct {
    const char *text;
    speed_t speed;
} speeds[] = {{"9600", B9600},   {"19200", B19200},   {"38400", B38400},
              {"57600", B57600}, {"115200", B115200}, {"230400", B230400}};

// ---- the spec ---------------------------------------------------------------------------------------

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

static int copy_path(char *out, const char *text, size_t length)
{
    if (length == 0) {
        return HF_E_FORMAT;
    }
    if (length >= EVSE_CONSOLE_SERIAL_PATH_BYTES) {
        return HF_E_TOO_LONG;
    }
    memcpy(out, text, length);
    out[length] = '\0';
    return HF_OK;
}

static bool is_pty(const char *spec)
{
    return strcmp(spec, "pty") == 0 || strncmp(spec, "pty:", 4) == 0;
}

static int parse(evse_console_serial_t *serial, const char *spec)
{
    if (is_pty(spec)) {
        return spec[3] == '\0' ? HF_OK : copy_path(serial->link, spec + 4, strlen(spec + 4));
    }
    if (spec[0] != '/') {
        return HF_E_FORMAT;
    }
    const char *at = strrchr(spec, '@');
    int status = parse_speed(at != NULL ? at + 1 : DEFAULT_BAUD, &serial->speed);
    size_t length = at != NULL ? (size_t)(at - spec) : strlen(spec);
    return status == HF_OK ? copy_path(serial->path, spec, length) : status;
}

int evse_console_serial_check(const char *spec)
{
    evse_console_serial_t parsed = {.fd = -1};
    return parse(&parsed, spec);
}

// ---- opening ----------------------------------------------------------------------------------------

// Raw, or what is written would come back as if it had been typed.
static int make_raw(int fd, uint32_t speed)
{
    struct termios mode;
    if (tcgetattr(fd, &mode) != 0) {
        return HF_E_IO;
    }
    cfmakeraw(&mode);
    mode.c_cflag |= CLOCAL | CREAD;
    if (speed != 0) {
        (void)cfsetispeed(&mode, speed);
        (void)cfsetospeed(&mode, speed);
    }
    return tcsetattr(fd, TCSANOW, &mode) == 0 ? HF_OK : HF_E_IO;
}

static int open_device(evse_console_serial_t *serial)
{
    int fd = open(serial->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENODEV || errno == ENXIO ? HF_E_NOT_FOUND : HF_E_IO;
    }
    int status = make_raw(fd, serial->speed);
    if (status != HF_OK) {
        (void)close(fd);
        return status;
    }
    (void)ioctl(fd, TIOCEXCL); // a second program would steal what is typed
    serial->fd = fd;
    return HF_OK;
}

static int open_pty(evse_console_serial_t *serial)
{
    serial->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (serial->fd < 0 || grantpt(serial->fd) != 0 || unlockpt(serial->fd) != 0 ||
        ptsname_r(serial->fd, serial->path, sizeof serial->path) != 0) {
        return HF_E_IO;
    }
    serial->other_fd = open(serial->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (serial->other_fd < 0 || fchmod(serial->other_fd, S_IRUSR | S_IWUSR) != 0) {
        return HF_E_IO;
    }
    return make_raw(serial->other_fd, 0);
}

// A link is made beside and moved into its place: whoever looks finds the old terminal or the new one.
static int make_link(const evse_console_serial_t *serial)
{
    char beside[EVSE_CONSOLE_SERIAL_PATH_BYTES + 8u];
    struct stat now;
    if (serial->link[0] == '\0') {
        return HF_OK;
    }
    if (lstat(serial->link, &now) == 0 && !S_ISLNK(now.st_mode)) {
        return HF_E_STATE;
    }
    (void)snprintf(beside, sizeof beside, "%s.new", serial->link);
    (void)unlink(beside);
    return symlink(serial->path, beside) == 0 && rename(beside, serial->link) == 0 ? HF_OK
                                                                                   : HF_E_IO;
}

static void remove_link(const evse_console_serial_t *serial)
{
    char target[EVSE_CONSOLE_SERIAL_PATH_BYTES];
    if (serial->link[0] == '\0') {
        return;
    }
    ssize_t length = readlink(serial->link, target, sizeof target - 1);
    if (length > 0) {
        target[length] = '\0';
        if (strcmp(target, serial->path) == 0) { // another one's by now? then not ours to remove
            (void)unlink(serial->link);
        }
    }
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static int open_terminal(evse_console_serial_t *serial)
{
    int status = is_pty(serial->config.spec) ? open_pty(serial) : open_device(serial);
    if (status == HF_OK) {
        (void)atomic_fetch_add_explicit(&serial->opened, 1, memory_order_relaxed);
    }
    return status;
}

// ---- the thread -------------------------------------------------------------------------------------

static bool wait_writable(evse_console_serial_t *serial)
{
    struct pollfd fd = {.fd = serial->fd, .events = POLLOUT};
    if (serial->is_stuck) {
        return false;
    }
    serial->is_stuck = poll(&fd, 1, WRITE_WAIT_MS) != 1 || (fd.revents & POLLOUT) == 0;
    return !serial->is_stuck;
}

static void write_terminal(void *ctx, const char *text, size_t length)
{
    evse_console_serial_t *serial = ctx;
    while (length > 0 && serial->fd >= 0) {
        ssize_t done = write(serial->fd, text, length);
        if (done > 0) {
            text += done;
            length -= (size_t)done;
        } else if (done < 0 && errno == EINTR) {
            continue;
        } else if (done >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK) ||
                   !wait_writable(serial)) {
            break;
        }
    }
    (void)atomic_fetch_add_explicit(&serial->lost_bytes, (uint32_t)length, memory_order_relaxed);
}

static bool read_terminal(evse_console_serial_t *serial)
{
    char bytes[256];
    ssize_t got = read(serial->fd, bytes, sizeof bytes);
    if (got > 0) {
        serial->is_stuck = false;
        evse_console_feed(&serial->console, bytes, (size_t)got, hf_port_now_us());
        return true;
    }
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

static void *console_main(void *ctx)
{
    evse_console_serial_t *serial = ctx;
    for (;;) {
        struct pollfd fds[2] = {{.fd = serial->wake[0], .events = POLLIN},
                                {.fd = serial->fd, .events = POLLIN}};
        if (serial->config.alive != NULL) {
            serial->config.alive(serial->config.source.ctx, hf_port_now_us());
        }
        int ready = poll(fds, serial->fd >= 0 ? 2 : 1, serial->fd >= 0 ? INTERVAL_MS : RETRY_MS);
        if (ready > 0 && fds[0].revents != 0) {
            return NULL;
        }
        if (serial->fd < 0) {
            if (ready == 0 && open_terminal(serial) == HF_OK) {
                evse_console_greet(&serial->console);
            }
        } else if (ready > 0 && fds[1].revents != 0 && !read_terminal(serial)) {
            close_fd(&serial->fd); // unplugged
        }
    }
}

static void close_all(evse_console_serial_t *serial)
{
    close_fd(&serial->fd);
    close_fd(&serial->other_fd);
    close_fd(&serial->wake[0]);
    close_fd(&serial->wake[1]);
}

static int start(evse_console_serial_t *serial)
{
    evse_console_source_t source = serial->config.source;
    source.write = write_terminal;
    source.write_ctx = serial;
    int status = evse_console_init(&serial->console, &source);
    if (status == HF_OK) {
        status = open_terminal(serial);
    }
    if (status == HF_OK) {
        status = make_link(serial);
    }
    if (status != HF_OK) {
        return status;
    }
    evse_console_greet(&serial->console);
    serial->is_started =
        pipe2(serial->wake, O_CLOEXEC) == 0 &&
        hf_thread_start(&serial->thread, &serial->config.place, console_main, serial) == 0;
    if (!serial->is_started) {
        remove_link(serial);
    }
    return serial->is_started ? HF_OK : HF_E_IO;
}

int evse_console_serial_start(evse_console_serial_t *serial,
                              const evse_console_serial_config_t *config)
{
    *serial =
        (evse_console_serial_t){.config = *config, .fd = -1, .other_fd = -1, .wake = {-1, -1}};
    int status = parse(serial, config->spec);
    if (status == HF_OK) {
        status = start(serial);
    }
    if (status != HF_OK) {
        close_all(serial);
    }
    return status;
}

void evse_console_serial_stop(evse_console_serial_t *serial)
{
    if (!serial->is_started) {
        return;
    }
    serial->is_started = false;
    close_fd(&serial->wake[1]);
    (void)pthread_join(serial->thread, NULL);
    remove_link(serial);
    close_all(serial);
}
