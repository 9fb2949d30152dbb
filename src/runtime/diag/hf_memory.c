// SPDX-License-Identifier: MIT
// What a reading of memory amounts to. No state.
#include "holdfast/hf_memory.h"

#define PERCENT 100u

uint32_t hf_memory_fragmentation(uint32_t free_bytes, uint32_t largest_bytes)
{
    if (free_bytes == 0 || largest_bytes > free_bytes) {
        return 0;
    }
    const uint32_t scattered = free_bytes - largest_bytes;
    if (scattered <= UINT32_MAX / PERCENT) { // a 64-bit division is a library call on most targets
        return scattered * PERCENT / free_bytes;
    }
    return (uint32_t)((uint64_t)scattered * PERCENT / free_bytes);
}
