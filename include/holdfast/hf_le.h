// SPDX-License-Identifier: MIT
// Numbers as little-endian bytes, as everything on flash has them: whatever the target's own order and alignment are.
#ifndef HF_LE_H
#define HF_LE_H

#include "holdfast/hf_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The lowest `bytes` (0 to 8) bytes of a value.
void hf_le_put(uint8_t *at, unsigned bytes, uint64_t value);
uint64_t hf_le_get(const uint8_t *at, unsigned bytes);

/// Four bytes, inline: where a target reads and writes words at any address it is one instruction.
static inline void hf_le_put32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)(value >> 16);
    at[3] = (uint8_t)(value >> 24);
}

static inline uint32_t hf_le_get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

#ifdef __cplusplus
}
#endif

#endif
