// SPDX-License-Identifier: MIT
// Files of the state directory that transfers write. All of it runs on the transfers' thread, where waiting harms nobody.
#include "transfer_curl_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER_ONLY  0600
#define LOOK_MS     100
#define PIECE_BYTES 4096u
#define PATH_BYTES  512u

static int status_of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? HF_E_FULL : HF_E_IO;
}

static bool make_path(char path[PATH_BYTES], const char *folder, const char *name)
{
    int length = snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return length > 0 && (size_t)length < PATH_BYTES;
}

int transfer_file_write(int fd, const void *data, size_t length)
{
    const char *at = data;
    while (length > 0) {
        ssize_t written = write(fd, at, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return status_of_errno();
        }
        at += written;
        length -= (size_t)written;
    }
    return HF_OK;
}

int transfer_file_create(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    if (!make_path(path, folder, name)) {
        return HF_E_TOO_LONG;
    }
    // Not through a link that somebody may have left there.
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, OWNER_ONLY);
    return fd >= 0 ? fd : status_of_errno();
}

static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = fd >= 0 && fsync(fd) == 0 ? HF_OK : HF_E_IO;
    if (fd >= 0) {
        (void)close(fd);
    }
    return status;
}

int transfer_file_settle(int fd, const char *folder, const char *from, const char *to)
{
    char old[PATH_BYTES], new[PATH_BYTES];
    if (!make_path(old, folder, from) || !make_path(new, folder, to)) {
        return HF_E_TOO_LONG;
    }
    if (fsync(fd) != 0 || rename(old, new) != 0) {
        return status_of_errno();
    }
    return sync_folder(folder);
}

void transfer_file_remove(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    if (make_path(path, folder, name)) {
        (void)unlink(path);
    }
}

int transfer_file_spool(int pipe_fd, int fd, size_t limit, int wait_ms, _Atomic uint32_t *cancelled)
{
    char piece[PIECE_BYTES];
    size_t total = 0;
    for (int waited_ms = 0; waited_ms < wait_ms;) {
        struct pollfd ready = {.fd = pipe_fd, .events = POLLIN};
        int count = poll(&ready, 1, LOOK_MS);
        if (atomic_load(cancelled) != 0) {
            return HF_E_CLOSED;
        }
        if (count <= 0) {
            waited_ms += LOOK_MS;
            continue;
        }
        ssize_t got = read(pipe_fd, piece, sizeof piece);
        if (got == 0) {
            return (int)total;
        }
        if (got < 0 && errno != EINTR && errno != EAGAIN) {
            return HF_E_IO;
        }
        size_t length = got > 0 ? (size_t)got : 0;
        if (total + length > limit) {
            return HF_E_TOO_LONG;
        }
        int status = transfer_file_write(fd, piece, length);
        if (status != HF_OK) {
            return status;
        }
        total += length;
        waited_ms = 0;
    }
    return HF_E_TIMEOUT;
}
