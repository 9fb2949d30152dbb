// SPDX-License-Identifier: MIT
// CRC-32C (Castagnoli, reflected 0x82F63B78, init and final xor 0xFFFFFFFF).
#ifndef HF_CRC_H
#define HF_CRC_H

#include "holdfast/hf_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Start with 0; chain by passing the last result. "123456789" gives 0xE3069283.
uint32_t hf_crc32c(uint32_t crc, const void *data, size_t length);

#ifdef __cplusplus
}
#endif

#endif
