// SPDX-License-Identifier: MIT
// Flash in memory the caller supplies, with the faults a real one has: power lost at any byte, writes that were not yet
// synced lost in any order, errors from any operation, a sync that takes its time. For tests and stepped time.
// Invariant: what a real flash could not do is not done silently: programming a byte that is not erased is counted.
#ifndef HF_FLASH_RAM_H
#define HF_FLASH_RAM_H

#include "holdfast/hf_flash.h"

#define HF_FLASH_RAM_NEVER UINT64_MAX
#define HF_FLASH_RAM_PAGE  512u // what a cut loses or keeps as a whole when `durable` is given

typedef struct hf_flash_ram_config {
    uint8_t *memory; // segment_bytes * segment_count
    /// NULL: a byte programmed is a byte kept. Else as much memory again: the image as of the last sync; a power cut
    /// then keeps or loses each page written since then by chance, as a disk behind a page cache does.
    uint8_t *durable;
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
    // Counters.
    uint64_t steps, programmed_bytes;
    uint32_t programs, erases, syncs, reads;
    uint32_t overwrites; // bytes programmed that were not erased: a bug of the caller
    uint32_t misuses;    // out of range, or not in units of program_bytes
} hf_flash_ram_t;

/// Starts erased, without faults. HF_E_ARGUMENT when memory is NULL or a size is 0.
HF_MUST_CHECK int hf_flash_ram_init(hf_flash_ram_t *ram, const hf_flash_ram_config_t *config);
/// The seam. Valid as long as `ram` is.
hf_flash_t hf_flash_ram_seam(hf_flash_ram_t *ram);
/// Loses power now, as a cut does.
void hf_flash_ram_power_off(hf_flash_ram_t *ram);
/// Power is back: what was kept is there, the faults are cleared, steps count from 0.
void hf_flash_ram_power_on(hf_flash_ram_t *ram);

#endif
