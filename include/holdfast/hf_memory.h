// SPDX-License-Identifier: MIT
// One reading of a device's memory: what the heaps have free, how low that ever was, and the largest block left. The words
// of the telemetry lines, of the tripwires, of the windows and of /api/health. Bytes throughout.
#ifndef HF_MEMORY_H
#define HF_MEMORY_H

#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

/// `..._min` is the least free since boot. psram_*: all 0 where there is none. A device with one heap has heap_* equal to
/// internal_*. A device without a heap tells the internal RAM that nothing claims.
typedef struct hf_memory {
    uint32_t heap_free, heap_min, heap_largest;
    uint32_t internal_free, internal_min, internal_largest;
    uint32_t psram_free, psram_min, psram_largest;
} hf_memory_t;

/// Where readings come from: a region, the system's heap, a budget. HF_E_UNSUPPORTED: nothing is known here, and no [Mem]
/// line is printed; `memory` is as it was then. Context: any thread. Cost: bounded, no walk over a heap, no lock held
/// over one.
typedef struct hf_memory_source {
    int (*read)(void *ctx, hf_memory_t *memory);
    void *ctx;
} hf_memory_source_t;

/// How much of what is free cannot be had in one piece, percent: 0 when nothing is free, or when `largest` is impossible.
/// Truncated towards 0, as the harness of old computed it. Cost: O(1).
uint32_t hf_memory_fragmentation(uint32_t free_bytes, uint32_t largest_bytes);

#ifdef __cplusplus
}
#endif

#endif
