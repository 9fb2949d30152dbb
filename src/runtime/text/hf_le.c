// SPDX-License-Identifier: MIT
// Owns the conversion between numbers and little-endian bytes.
#include "holdfast/hf_le.h"

void hf_le_put(uint8_t *at, unsigned bytes, uint64_t value)
{
    uint32_t low = (uint32_t)value;
    if (bytes >= 4) {
        hf_le_put32(at, low);
        low = (uint32_t)(value >> 32);
        at += 4;
        bytes -= 4;
    }
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)low;
        low >>= 8;
    }
}

uint64_t hf_le_get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = bytes; i-- > 0;) {
        value = value << 8 | at[i];
    }
    return value;
}
