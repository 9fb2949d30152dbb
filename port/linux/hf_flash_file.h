// SPDX-License-Identifier: MIT
// The flash seam on Linux: preallocated segment files in a directory, fdatasync on a worker thread. Preallocated, so that
// a full disk cannot hit a running session; locked, so that two daemons cannot share one.
#ifndef HF_FLASH_FILE_H
#define HF_FLASH_FILE_H

#include "hf_worker.h"
#include "holdfast/hf_flash.h"

#define HF_FLASH_FILE_SEGMENTS_MAX 8u

typedef struct hf_flash_file {
    hf_flash_t seam;
    int directory; // its lock is the lock of the whole
    int segment[HF_FLASH_FILE_SEGMENTS_MAX];
    bool dirty[HF_FLASH_FILE_SEGMENTS_MAX];
    hf_worker_t worker;
    int syncing[HF_FLASH_FILE_SEGMENTS_MAX]; // descriptors of the sync under way, -1 ends the list
    bool is_syncing;
    uint32_t syncs; // ever begun; who watches the worker sees by it that one has ended
    int failed;     // sticky: HF_E_IO once a sync failed, since nobody can tell what it lost
} hf_flash_file_t;

/// Opens the segments segment-0 ... in `path`, creating directory and files when they are missing (erased, allocated and
/// synced with their directory before this returns). HF_E_STATE another process holds it, HF_E_RANGE a file has another
/// size, HF_E_FULL no room on the disk, HF_E_IO (errno tells).
HF_MUST_CHECK int hf_flash_file_open(hf_flash_file_t *flash, const char *path,
                                     uint32_t segment_bytes, uint32_t segment_count);
/// The same with the worker's stack as `place` says.
HF_MUST_CHECK int hf_flash_file_open_on(hf_flash_file_t *flash, const char *path,
                                        uint32_t segment_bytes, uint32_t segment_count,
                                        const hf_thread_place_t *place);
/// The seam, valid until closed.
const hf_flash_t *hf_flash_file_seam(const hf_flash_file_t *flash);
void hf_flash_file_close(hf_flash_file_t *flash);

#endif
