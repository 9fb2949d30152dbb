// SPDX-License-Identifier: MIT
// What all devices under test share: their specification, opening and closing, and a descriptor that may go away.
#include "lab_device.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const lab_device_ops_t *const kinds[] = {
    [LAB_SERIAL] = &lab_device_serial,   [LAB_TCP] = &lab_device_tcp,
    [LAB_FILE] = &lab_device_file,       [LAB_SIM] = &lab_device_sim,
    [LAB_STEPPED] = &lab_device_stepped,
};

uint64_t lab_clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

void lab_sleep_ms(unsigned ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000u),
                             .tv_nsec = (long)(ms % 1000u) * 1000000L};
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR) {
    }
}

bool lab_sibling(const char *name, char *path, size_t capacity)
{
    char self[256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0) {
        return false;
    }
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    int needed = snprintf(path, capacity, "%s/%s", self, name);
    return needed > 0 && (size_t)needed < capacity && access(path, X_OK) == 0;
}

static bool is_tcp(const char *spec)
{
    const char *colon = strrchr(spec, ':');
    int64_t port = 0;
    return colon != NULL && colon > spec && lab_number(colon + 1, 1, UINT16_MAX, &port);
}

int lab_device_parse(const char *spec, lab_device_config_t *config)
{
    const char *rest = spec;
    config->kind = LAB_SERIAL;
    if (strncmp(spec, "tcp:", 4) == 0) {
        rest = spec + 4;
        config->kind = LAB_TCP;
        if (!is_tcp(rest)) {
            return lab_fail(LAB_USAGE, "", "--port '%s': tcp:HOST:PORT is needed", spec);
        }
    } else if (strncmp(spec, "file:", 5) == 0) {
        rest = spec + 5;
        config->kind = LAB_FILE;
    }
    if (rest[0] == '\0' || strlen(rest) >= sizeof config->port) {
        return lab_fail(LAB_USAGE, "", "--port '%s': too short, or too long", spec);
    }
    (void)snprintf(config->port, sizeof config->port, "%s", rest);
    struct stat what;
    if (config->kind == LAB_SERIAL && stat(rest, &what) == 0 && !S_ISCHR(what.st_mode)) {
        config->kind = LAB_FILE;
    }
    return LAB_PASS;
}

int lab_device_open(lab_device_t *device, const lab_device_config_t *config)
{
    void (*on_event)(void *, lab_who_t, const char *) = device->on_event;
    void *ctx = device->ctx;
    memset(device, 0, sizeof *device);
    device->config = *config;
    device->ops = kinds[config->kind];
    device->fd = -1;
    device->on_event = on_event;
    device->ctx = ctx;
    int code = device->ops->open(device);
    if (code != LAB_PASS) {
        lab_device_close(device);
    }
    return code;
}

void lab_device_close(lab_device_t *device)
{
    if (device->ops != NULL) {
        device->ops->close(device);
        device->ops = NULL;
    }
    lab_device_gone(device);
}

void lab_device_gone(lab_device_t *device)
{
    if (device->fd >= 0) {
        (void)close(device->fd);
    }
    device->fd = -1;
    device->retry_us = lab_clock_us() + LAB_DEVICE_RETRY_MS * 1000u;
}

bool lab_device_may_retry(lab_device_t *device)
{
    uint64_t now_us = lab_clock_us();
    if (device->fd >= 0 || now_us < device->retry_us) {
        return false;
    }
    device->retry_us = now_us + LAB_DEVICE_RETRY_MS * 1000u;
    return true;
}

long lab_device_read_fd(lab_device_t *device, char *bytes, size_t size)
{
    if (device->fd < 0) {
        return 0;
    }
    ssize_t length = read(device->fd, bytes, size);
    if (length > 0) {
        return length;
    }
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    lab_device_gone(device); // unplugged, or the other side hung up
    return 0;
}

unsigned lab_device_one_fd(const lab_device_t *device, struct pollfd *fds)
{
    if (device->fd < 0) {
        return 0;
    }
    fds[0] = (struct pollfd){.fd = device->fd, .events = POLLIN};
    return 1;
}
