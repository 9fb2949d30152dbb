// SPDX-License-Identifier: MIT
// A classic first-fit heap as firmware has it (address-ordered free list, split, merge both ways), to compare with. Ours,
// written for the comparison; it trusts its callers, as its models do.
#ifndef FIRST_FIT_H
#define FIRST_FIT_H

#include <stddef.h>
#include <stdint.h>

typedef struct first_fit {
    uint8_t *base;
    uint32_t bytes;
    uint32_t header_bytes; // before each block: 8 as on a 32-bit device, 16 as on a 64-bit host
    uint32_t align;
    uint32_t first; // offset of the first free block; the end when there is none
    uint32_t free_bytes, min_free_bytes;
} first_fit_t;

/// `storage` aligned to `align`, a power of two that divides header_bytes.
void first_fit_init(first_fit_t *heap, void *storage, uint32_t bytes, uint32_t header_bytes,
                    uint32_t align);
/// NULL when no free block is large enough. Cost: O(free blocks).
void *first_fit_take(first_fit_t *heap, uint32_t bytes);
/// `block` must be one that was taken. Cost: O(free blocks).
void first_fit_give(first_fit_t *heap, void *block);
/// The largest size that could be taken now. Cost: O(free blocks).
uint32_t first_fit_largest(const first_fit_t *heap);

#endif
