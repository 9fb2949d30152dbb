// SPDX-License-Identifier: MIT
// The flash seam: what the journal needs of a storage, getters and four operations. Linux: preallocated files;
// a microcontroller: two or more erase units; tests: memory that can lose power at any byte.
#ifndef HF_FLASH_H
#define HF_FLASH_H

#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_flash_ops {
    /// Reads; 0 or HF_E_IO. May block for a flash read, no longer.
    int (*read)(void *ctx, uint32_t segment, uint32_t offset, void *data, uint32_t length);
    /// Programs bytes that are erased (0xFF). Offsets and lengths are multiples of program_bytes. 0 or HF_E_IO.
    int (*program)(void *ctx, uint32_t segment, uint32_t offset, const void *data, uint32_t length);
    /// Sets a whole segment to 0xFF. 0 or HF_E_IO. May block for an erase: the comms loop only.
    int (*erase)(void *ctx, uint32_t segment);
    /// Starts making everything programmed so far durable. 0 started, HF_E_AGAIN one is still running, HF_E_IO.
    int (*sync_start)(void *ctx);
    /// 0 the sync started last is done, HF_E_AGAIN still running, HF_E_IO it failed (never retried as if good).
    int (*sync_poll)(void *ctx);
} hf_flash_ops_t;

typedef struct hf_flash {
    const hf_flash_ops_t *ops;
    void *ctx;
    uint32_t segment_bytes; // 1024 to 2^24
    uint32_t segment_count; // 2 or more
    uint32_t program_bytes; // 1, 2, 4, 8 or 16
} hf_flash_t;

#ifdef __cplusplus
}
#endif

#endif
