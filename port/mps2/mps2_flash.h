// SPDX-License-Identifier: MIT
// The journal's flash on a board that has none: RAM that no section holds and no start-up code touches, so that it
// survives a reset (not a power cut). Erases and programs as flash does: a byte that is not erased is not programmed.
#ifndef MPS2_FLASH_H
#define MPS2_FLASH_H

#include "holdfast/hf_flash.h"

#define MPS2_FLASH_SEGMENTS      2u
#define MPS2_FLASH_SEGMENT_BYTES 16384u
#define MPS2_FLASH_PROGRAM_BYTES 8u

extern const hf_flash_t mps2_flash;
/// RAM that was just switched on holds anything: the first start erases it all, a start after a reset nothing. Call it
/// before the journal is opened. True when it erased.
bool mps2_flash_prepare(void);

#endif
