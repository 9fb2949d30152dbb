// SPDX-License-Identifier: MIT
// Segment files. A sync that failed is never retried as if good: the kernel may have dropped the pages it could not write.
#include "hf_flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ERASE_CHUNK_BYTES 4096u

static int status_of_errno(void)
{
    return errno == ENOSPC || errno == EDQUOT ? HF_E_FULL : HF_E_IO;
}

static int write_all(int fd, const uint8_t *data, size_t length, off_t offset)
{
    while (length > 0) {
        ssize_t written = pwrite(fd, data, length, offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return status_of_errno();
        }
        data += written;
        length -= (size_t)written;
        offset += written;
    }
    return HF_OK;
}

static int fill_erased(int fd, uint32_t bytes)
{
    uint8_t erased[ERASE_CHUNK_BYTES];
    memset(erased, 0xFF, sizeof erased);
    for (uint32_t done = 0; done < bytes; done += ERASE_CHUNK_BYTES) {
        uint32_t left = bytes - done;
        int status =
            write_all(fd, erased, left < ERASE_CHUNK_BYTES ? left : ERASE_CHUNK_BYTES, done);
        if (status != HF_OK) {
            return status;
        }
    }
    return HF_OK;
}

static bool is_range_good(const hf_flash_file_t *flash, uint32_t segment, uint32_t offset,
                          uint32_t length)
{
    return segment < flash->seam.segment_count && offset <= flash->seam.segment_bytes &&
           length <= flash->seam.segment_bytes - offset;
}

static int file_read(void *ctx, uint32_t segment, uint32_t offset, void *data, uint32_t length)
{
    const hf_flash_file_t *flash = ctx;
    if (!is_range_good(flash, segment, offset, length)) {
        return HF_E_IO;
    }
    ssize_t got = pread(flash->segment[segment], data, length, offset);
    return got == (ssize_t)length ? HF_OK : HF_E_IO;
}

static int file_program(void *ctx, uint32_t segment, uint32_t offset, const void *data,
                        uint32_t length)
{
    hf_flash_file_t *flash = ctx;
    if (!is_range_good(flash, segment, offset, length)) {
        return HF_E_IO;
    }
    flash->dirty[segment] = true;
    return write_all(flash->segment[segment], data, length, offset) == HF_OK ? HF_OK : HF_E_IO;
}

static int file_erase(void *ctx, uint32_t segment)
{
    hf_flash_file_t *flash = ctx;
    if (segment >= flash->seam.segment_count) {
        return HF_E_IO;
    }
    flash->dirty[segment] = true;
    return fill_erased(flash->segment[segment], flash->seam.segment_bytes) == HF_OK ? HF_OK
                                                                                    : HF_E_IO;
}

static int sync_job(void *ctx)
{
    const hf_flash_file_t *flash = ctx;
    for (unsigned i = 0; i < HF_FLASH_FILE_SEGMENTS_MAX && flash->syncing[i] >= 0; i++) {
        if (fdatasync(flash->syncing[i]) != 0) {
            return HF_E_IO;
        }
    }
    return HF_OK;
}

static int file_sync_poll(void *ctx)
{
    hf_flash_file_t *flash = ctx;
    if (flash->is_syncing) {
        int result = hf_worker_poll(&flash->worker);
        if (result == HF_E_AGAIN) {
            (void)sched_yield(); // who opens a store polls in a loop, so often and no more
            return HF_E_AGAIN;
        }
        flash->is_syncing = false;
        flash->failed = result != HF_OK ? HF_E_IO : flash->failed;
    }
    return flash->failed;
}

static int file_sync_start(void *ctx)
{
    hf_flash_file_t *flash = ctx;
    int status = file_sync_poll(flash);
    if (status != HF_OK) {
        return status;
    }
    unsigned count = 0;
    for (uint32_t i = 0; i < flash->seam.segment_count; i++) {
        if (flash->dirty[i]) {
            flash->syncing[count++] = flash->segment[i];
            flash->dirty[i] = false;
        }
    }
    if (count < HF_FLASH_FILE_SEGMENTS_MAX) {
        flash->syncing[count] = -1;
    }
    status = hf_worker_start(&flash->worker, sync_job, flash);
    flash->is_syncing = status == HF_OK;
    flash->syncs += flash->is_syncing ? 1u : 0u;
    return status;
}

static const hf_flash_ops_t file_ops = {
    .read = file_read,
    .program = file_program,
    .erase = file_erase,
    .sync_start = file_sync_start,
    .sync_poll = file_sync_poll,
};

// The entry of a new directory is durable only when its parent is: else a power cut takes all that is in it.
static int sync_parent(const hf_flash_file_t *flash)
{
    int parent = openat(flash->directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) {
        return HF_E_IO;
    }
    int status = fsync(parent) == 0 ? HF_OK : HF_E_IO;
    (void)close(parent);
    return status;
}

static int open_directory(hf_flash_file_t *flash, const char *path)
{
    bool is_new = mkdir(path, 0700) == 0;
    if (!is_new && errno != EEXIST) {
        return status_of_errno();
    }
    flash->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (flash->directory < 0) {
        return HF_E_IO;
    }
    if (flock(flash->directory, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? HF_E_STATE : HF_E_IO;
    }
    return is_new ? sync_parent(flash) : HF_OK;
}

// A new segment appears under its name only when it is whole, so that a cut while provisioning leaves none or all.
static int create_segment(const hf_flash_file_t *flash, const char *name)
{
    char temporary[40];
    (void)snprintf(temporary, sizeof temporary, "%s.new", name);
    int fd = openat(flash->directory, temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return status_of_errno();
    }
    int error = posix_fallocate(fd, 0, flash->seam.segment_bytes);
    int status = HF_OK;
    if (error != 0) {
        errno = error;
        status = status_of_errno();
    }
    if (status == HF_OK) {
        status = fill_erased(fd, flash->seam.segment_bytes);
    }
    if (status == HF_OK &&
        (fsync(fd) != 0 || renameat(flash->directory, temporary, flash->directory, name) != 0 ||
         fsync(flash->directory) != 0)) {
        status = HF_E_IO;
    }
    if (status != HF_OK) {
        int error_kept = errno;
        (void)unlinkat(flash->directory, temporary, 0); // or a full disk stays full of it
        errno = error_kept;
    }
    (void)close(fd);
    return status;
}

static int open_segment(hf_flash_file_t *flash, uint32_t index)
{
    char name[32];
    (void)snprintf(name, sizeof name, "segment-%u", (unsigned)index);
    if (faccessat(flash->directory, name, F_OK, 0) != 0) {
        int status = errno == ENOENT ? create_segment(flash, name) : HF_E_IO;
        if (status != HF_OK) {
            return status;
        }
    }
    struct stat info;
    flash->segment[index] = openat(flash->directory, name, O_RDWR | O_CLOEXEC);
    if (flash->segment[index] < 0 || fstat(flash->segment[index], &info) != 0) {
        return HF_E_IO;
    }
    flash->dirty[index] = true; // what a process that was killed has left may be in the kernel only
    if (fdatasync(flash->segment[index]) != 0) {
        return HF_E_IO;
    }
    // What a sync of the process before could not write is still in the page cache, marked clean: no later sync would tell.
    // Read from the medium what is on the medium; where the kernel keeps the pages all the same, nothing is worse.
    (void)posix_fadvise(flash->segment[index], 0, 0, POSIX_FADV_DONTNEED);
    return info.st_size == (off_t)flash->seam.segment_bytes ? HF_OK : HF_E_RANGE;
}

static void close_files(hf_flash_file_t *flash)
{
    int error_kept = errno; // the caller's message
    for (uint32_t i = 0; i < HF_FLASH_FILE_SEGMENTS_MAX; i++) {
        if (flash->segment[i] >= 0) {
            (void)close(flash->segment[i]);
        }
    }
    if (flash->directory >= 0) {
        (void)close(flash->directory);
    }
    errno = error_kept;
}

int hf_flash_file_open(hf_flash_file_t *flash, const char *path, uint32_t segment_bytes,
                       uint32_t segment_count)
{
    return hf_flash_file_open_on(flash, path, segment_bytes, segment_count, NULL);
}

int hf_flash_file_open_on(hf_flash_file_t *flash, const char *path, uint32_t segment_bytes,
                          uint32_t segment_count, const hf_thread_place_t *place)
{
    if (segment_count < 2u || segment_count > HF_FLASH_FILE_SEGMENTS_MAX || segment_bytes == 0) {
        return HF_E_ARGUMENT;
    }
    *flash = (hf_flash_file_t){.directory = -1};
    flash->seam = (hf_flash_t){.ops = &file_ops,
                               .ctx = flash,
                               .segment_bytes = segment_bytes,
                               .segment_count = segment_count,
                               .program_bytes = 1};
    memset(flash->segment, 0xFF, sizeof flash->segment); // -1 each
    int status = open_directory(flash, path);
    for (uint32_t i = 0; status == HF_OK && i < segment_count; i++) {
        status = open_segment(flash, i);
    }
    if (status == HF_OK) {
        status = hf_worker_init(&flash->worker, place);
    }
    if (status != HF_OK) {
        close_files(flash);
    }
    return status;
}

const hf_flash_t *hf_flash_file_seam(const hf_flash_file_t *flash)
{
    return &flash->seam;
}

void hf_flash_file_close(hf_flash_file_t *flash)
{
    hf_worker_deinit(&flash->worker);
    close_files(flash);
}
