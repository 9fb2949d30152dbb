// SPDX-License-Identifier: MIT
// Unix sockets of `holdfast sim`: listening at a path, taking over what a dead server left behind, leaving nothing.
#include "holdfast.h"
#include "sim_station.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

uint32_t station_tag(station_source_t source, unsigned wire, unsigned client)
{
    return (uint32_t)source << 16 | wire << 8 | client;
}

int station_watch(station_t *station, int fd, uint32_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = tag}};
    return epoll_ctl(station->epoll, EPOLL_CTL_ADD, fd, &event);
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

/// A path left behind by a dead server is taken over; anything else stays. A live one is told from a dead one by a probe of
/// the wrong type, so that it does not take us for a client.
static int clear_stale(const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return errno == ENOENT
                   ? TOOL_GOOD
                   : tool_fail(TOOL_ENVIRONMENT, "sim", "%s: %s", path, strerror(errno));
    }
    if (!S_ISSOCK(info.st_mode)) {
        return tool_fail(TOOL_ENVIRONMENT, "sim", "%s exists and is no socket", path);
    }
    int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = address_of(path);
    int result = connect(probe, (const struct sockaddr *)&address, sizeof address);
    bool is_dead = result != 0 && errno == ECONNREFUSED;
    (void)close(probe);
    if (!is_dead) {
        return tool_fail(TOOL_ENVIRONMENT, "sim", "%s is in use by another running program", path);
    }
    (void)unlink(path);
    return TOOL_GOOD;
}

int station_listen(station_t *station, const char *path, int type, uint32_t tag, int *listener)
{
    int code = clear_stale(path);
    if (code != TOOL_GOOD) {
        return code;
    }
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = address_of(path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        code = tool_fail(TOOL_ENVIRONMENT, "sim", "%s: %s", path, strerror(errno));
        (void)close(fd);
        return code;
    }
    *listener = fd;
    if (listen(fd, (int)STATION_CLIENTS_MAX) != 0 || station_watch(station, fd, tag) != 0) {
        return tool_fail(TOOL_ENVIRONMENT, "sim", "%s: %s", path, strerror(errno));
    }
    return TOOL_GOOD;
}

int station_accept(int listener)
{
    return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

void station_close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void station_close_listener(int *listener, const char *path)
{
    if (*listener >= 0) {
        (void)unlink(path);
        station_close_fd(listener);
    }
}
