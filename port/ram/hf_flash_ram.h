// SPDX-License-Identifier: MIT
// Flash in memory the caller supplies, with the faults a real one has: power lost at any byte, writes that were not yet
// synced lost in any order, errors from any operation, a sync that takes its time. For tests and stepped time.
// Invariant: what a real flash could not do is not done silently: programming a byte that is not erased is counted.
#ifndef HF_FLASH_RAM_H
#define HF_FLASH_RAM_H

#include "holdfast/hf_flash.h"

#define HF_FLASH_RAM_NEVER UINT64_MAX
#define HF_FLASH_RAM_PAGE  512u  // what a cut loses or keeps as a whole when `durable` is given
#define HF_FLASH_RAM_PAGES 1024u // at most, with `begun`

typedef struct hf_flash_ram_config {
    uint8_t *memory; // segment_bytes * segment_count
    /// NULL: a byte programmed is a byte kept. Else as much memory again: the image as of the last sync; a power cut
    /// then keeps or loses each page written since then by chance, as a disk behind a page cache does.
    uint8_t *durable;
    /// NULL, or as much memory once more, with `durable` alone: a sync then covers what was written before it began and
    /// nothing else, and what a failed one should have written no later one writes, as operating systems have it.
    uint8_t *begun;
    uint32_t segment_bytes;
    uint32_t segment_count;
    uint32_t program_bytes;
} hf_flash_ram_config_t;

typedef struct hf_flash_ram {
    hf_flash_ram_config_t config;
    // Faults, for the test to set.
    uint64_t
        cut_at; // power is lost at this step; a step is a byte programmed, or an erase (done by half)
    bool cut_garbage;                                      // the byte at the cut holds garbage
    uint32_t seed;                                         // of garbage and of lost pages
    uint32_t fail_program_at, fail_erase_at, fail_sync_at; // the n-th such operation fails; 0 none
    uint32_t sync_polls;                                   // a sync is done at this many polls + 1
    // State.
    bool power_lost; // every operation fails with HF_E_IO until hf_flash_ram_power_on()
    bool syncing;
    uint32_t polls_left;
    uint8_t written
        [HF_FLASH_RAM_PAGES]; // with `begun`: 1 since the last sync began, 2 what the running one writes
    // Counters.
    uint64_t steps, programmed_bytes;
    uint32_t programs, erases, syncs, reads;
    uint32_t overwrites; // bytes programmed that were not erased: a bug of the caller
    uint32_t misuses;    // out of range, or not in units of program_bytes
} hf_flash_ram_t;

/// Starts erased, without faults. HF_E_ARGUMENT when memory is NULL, a size is 0, or there are too many pages.
HF_MUST_CHECK int hf_flash_ram_init(hf_flash_ram_t *ram, const hf_flash_ram_config_t *config);
/// The seam. Valid as long as `ram` is.
hf_flash_t hf_flash_ram_seam(hf_flash_ram_t *ram);
/// Loses power now, as a cut does.
void hf_flash_ram_power_off(hf_flash_ram_t *ram);
/// Power is back: what was kept is there, the faults are cleared, steps count from 0.
void hf_flash_ram_power_on(hf_flash_ram_t *ram);
/// The process ends and starts again: what it wrote stays, but for what a failed sync should have written (with `begun`):
/// the seam reads the medium when it is opened.
void hf_flash_ram_restart(hf_flash_ram_t *ram);

#endif
