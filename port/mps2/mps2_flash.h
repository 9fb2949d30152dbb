// SPDX-License-Identifier: MIT
// Flash of the journal, the local list and the authorization cache on a board that has none: RAM that no section holds and
// no start-up code touches, so that it survives a reset (not a power cut). Erases and programs as flash does: a byte
// that is not erased is not programmed.
#ifndef MPS2_FLASH_H
#define MPS2_FLASH_H

#include "holdfast/hf_flash.h"

#define MPS2_FLASH_SEGMENTS      6u // two each, in this order
#define MPS2_FLASH_OF_JOURNAL    2u
#define MPS2_FLASH_OF_LIST       2u // the first
#define MPS2_FLASH_OF_CACHE      4u
#define MPS2_FLASH_SEGMENT_BYTES 16384u
#define MPS2_FLASH_PROGRAM_BYTES 8u

extern const hf_flash_t mps2_flash; // the journal's
extern const hf_flash_t mps2_flash_whole;
/// RAM that was just switched on holds anything: the first start erases it all, a start after a reset nothing. Call it
/// before anything is opened. True when it erased.
bool mps2_flash_prepare(void);

#endif
