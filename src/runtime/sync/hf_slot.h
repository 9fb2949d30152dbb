// SPDX-License-Identifier: MIT
// One slot that a writer fills while readers may look: a sequence word and the item's words, all atomic. Private to sync/.
// Invariant: a reader that sees the same even sequence before and after has the item whole. Every data word is stored with
// release and loaded with acquire, so that a reader who saw a word of a newer item also sees its newer sequence.
#ifndef HF_SLOT_H
#define HF_SLOT_H

#include "holdfast/hf_ring.h"

/// Words of one slot.
static inline uint32_t hf_slot_words(uint32_t item_bytes)
{
    return HF_RING_SLOT_WORDS(item_bytes);
}

/// Writes item number `number` (modulo 2^31 it is its sequence).
void hf_slot_write(hf_atomic_u32_t *slot, uint32_t number, const void *item, uint32_t item_bytes);
/// True when the slot held exactly item `number` throughout; `item` is undefined else.
bool hf_slot_read(const hf_atomic_u32_t *slot, uint32_t number, void *item, uint32_t item_bytes);

#endif
