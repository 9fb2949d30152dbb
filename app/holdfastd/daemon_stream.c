// SPDX-License-Identifier: MIT
// The stream (daemon_stream.h). Everything it opens itself does not wait; standard output is opened anew for that, because
// O_NONBLOCK on the inherited description would be everybody's.
#include "daemon_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define KEPT "HOLDFASTD_TELEMETRY_PTY" // "FD OTHER", across an exec

static bool is_pty(const char *where)
{
    return strcmp(where, "pty") == 0 || strncmp(where, "pty:", 4) == 0;
}

int daemon_stream_check(const char *where)
{
    bool good = strcmp(where, "-") == 0 || where[0] == '/' || strcmp(where, "pty") == 0 ||
                (strncmp(where, "pty:", 4) == 0 && where[4] != '\0');
    return good && strlen(where) < DAEMON_STREAM_PATH_BYTES ? HF_OK : HF_E_FORMAT;
}

// ---- opening ------------------------------------------------------------------------------------

static int make_raw(int fd)
{
    struct termios mode;
    if (tcgetattr(fd, &mode) != 0) {
        return HF_E_IO;
    }
    cfmakeraw(&mode);
    mode.c_cflag |= CLOCAL | CREAD;
    return tcsetattr(fd, TCSANOW, &mode) == 0 ? HF_OK : HF_E_IO;
}

/// True when a terminal came through the exec.
static bool take_kept(daemon_stream_t *stream)
{
    const char *text = getenv(KEPT);
    int fd = -1, other = -1;
    bool is_kept = text != NULL && sscanf(text, "%d %d", &fd, &other) == 2 && fd > 2 && other > 2 &&
                   ptsname_r(fd, stream->path, sizeof stream->path) == 0 && isatty(other) == 1 &&
                   fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(other, F_SETFD, FD_CLOEXEC) == 0;
    (void)unsetenv(KEPT);
    if (is_kept) {
        stream->fd = fd;
        stream->other_fd = other;
    }
    return is_kept;
}

static int open_pty(daemon_stream_t *stream)
{
    if (take_kept(stream)) {
        return HF_OK;
    }
    stream->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (stream->fd < 0 || grantpt(stream->fd) != 0 || unlockpt(stream->fd) != 0 ||
        ptsname_r(stream->fd, stream->path, sizeof stream->path) != 0) {
        return HF_E_IO;
    }
    stream->other_fd = open(stream->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return stream->other_fd >= 0 && fchmod(stream->other_fd, S_IRUSR | S_IWUSR) == 0
               ? make_raw(stream->other_fd)
               : HF_E_IO;
}

// Made beside and moved into its place: whoever looks finds the old terminal or the new one.
static int make_link(daemon_stream_t *stream, const char *link)
{
    char beside[DAEMON_STREAM_PATH_BYTES + 8u];
    struct stat now;
    if (lstat(link, &now) == 0 && !S_ISLNK(now.st_mode)) {
        return HF_E_STATE;
    }
    (void)snprintf(beside, sizeof beside, "%s.new", link);
    (void)unlink(beside);
    if (symlink(stream->path, beside) != 0 || rename(beside, link) != 0) {
        return HF_E_IO;
    }
    (void)snprintf(stream->link, sizeof stream->link, "%s", link);
    return HF_OK;
}

static int open_standard(daemon_stream_t *stream)
{
    struct stat what;
    if (fstat(STDOUT_FILENO, &what) != 0) {
        return HF_E_IO;
    }
    stream->is_socket = S_ISSOCK(what.st_mode);
    bool shares = stream->is_socket || S_ISREG(what.st_mode); // a file's place in it is shared too
    stream->fd = shares ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                        : open("/proc/self/fd/1", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return stream->fd >= 0 ? HF_OK : HF_E_IO;
}

static int open_path(daemon_stream_t *stream, const char *path)
{
    struct stat what;
    bool is_file = stat(path, &what) != 0 || S_ISREG(what.st_mode);
    // Read and write: a FIFO then has a reader for ever, and whoever really reads may come and go.
    int flags = is_file ? O_WRONLY | O_CREAT | O_APPEND : O_RDWR | O_NOCTTY | O_NONBLOCK;
    stream->fd = open(path, flags | O_CLOEXEC, S_IRUSR | S_IWUSR | S_IRGRP);
    if (stream->fd < 0) {
        return HF_E_IO;
    }
    return isatty(stream->fd) == 1 ? make_raw(stream->fd) : HF_OK;
}

int daemon_stream_open(daemon_stream_t *stream, const char *where)
{
    stream->is_open = stream->is_socket = false;
    stream->fd = stream->other_fd = -1;
    stream->path[0] = stream->link[0] = '\0';
    stream->length = 0;
    stream->lost = 0;
    int status;
    if (is_pty(where)) {
        status = open_pty(stream);
        status = status == HF_OK && where[3] == ':' ? make_link(stream, where + 4) : status;
    } else {
        status = strcmp(where, "-") == 0 ? open_standard(stream) : open_path(stream, where);
        (void)snprintf(stream->path, sizeof stream->path, "%s", where);
    }
    stream->is_open = status == HF_OK;
    return status;
}

// ---- writing ------------------------------------------------------------------------------------

/// How much went out; 0 now none. What a device that is gone does not take is lost like what a full one does not.
static size_t send_some(const daemon_stream_t *stream, const char *text, size_t length)
{
    ssize_t sent = stream->is_socket ? send(stream->fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL)
                                     : write(stream->fd, text, length);
    return sent > 0 ? (size_t)sent : 0;
}

void daemon_stream_flush(daemon_stream_t *stream)
{
    char typed[256];
    if (!stream->is_open) {
        return;
    }
    if (stream->other_fd >= 0) {
        (void)!read(stream->fd, typed,
                    sizeof typed); // a pseudo-terminal that nobody reads fills up
    }
    if (stream->length > 0) {
        size_t sent = send_some(stream, stream->pending, stream->length);
        stream->length -= sent;
        memmove(stream->pending, stream->pending + sent, stream->length);
    }
}

bool daemon_stream_write(void *ctx, const char *line, size_t length)
{
    daemon_stream_t *stream = ctx;
    if (stream->length > 0) {
        daemon_stream_flush(stream);
    }
    // As much room as the line needs even if nothing of it goes out now: it is begun only when it can be ended.
    if (!stream->is_open || length > sizeof stream->pending - stream->length) {
        stream->lost++;
        return false;
    }
    size_t sent = stream->length == 0 ? send_some(stream, line, length) : 0;
    memcpy(stream->pending + stream->length, line + sent, length - sent);
    stream->length += length - sent;
    return true;
}

// ---- the end ------------------------------------------------------------------------------------

void daemon_stream_keep(const daemon_stream_t *stream)
{
    char text[32];
    if (!stream->is_open || stream->other_fd < 0) {
        return;
    }
    (void)snprintf(text, sizeof text, "%d %d", stream->fd, stream->other_fd);
    if (fcntl(stream->fd, F_SETFD, 0) == 0 && fcntl(stream->other_fd, F_SETFD, 0) == 0) {
        (void)setenv(KEPT, text, 1);
    }
}

void daemon_stream_close(daemon_stream_t *stream)
{
    if (!stream->is_open) {
        return;
    }
    if (stream->link[0] != '\0') {
        (void)unlink(stream->link);
    }
    (void)close(stream->fd);
    if (stream->other_fd >= 0) {
        (void)close(stream->other_fd);
    }
    stream->is_open = false;
}
