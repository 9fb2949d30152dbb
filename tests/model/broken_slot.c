// SPDX-License-Identifier: MIT
// hf_slot with one known mistake: the reader does not look at the sequence again after it has read. The judges must see
// torn items.
#include "../../src/runtime/sync/hf_slot.h"

#include <string.h>

void hf_slot_write(hf_atomic_u32_t *slot, uint32_t number, const void *item, uint32_t item_bytes)
{
    const uint8_t *from = item;
    atomic_store_explicit(&slot[0], number * 2u + 1u, memory_order_relaxed);
    for (uint32_t i = 0; i < item_bytes; i += 4u) {
        uint32_t word;
        memcpy(&word, from + i, sizeof word);
        atomic_store_explicit(&slot[1u + i / 4u], word, memory_order_release);
    }
    atomic_store_explicit(&slot[0], number * 2u + 2u, memory_order_release);
}

bool hf_slot_read(const hf_atomic_u32_t *slot, uint32_t number, void *item, uint32_t item_bytes)
{
    uint8_t *to = item;
    bool is_there = atomic_load_explicit(&slot[0], memory_order_acquire) == (number * 2u + 2u);
    for (uint32_t i = 0; i < item_bytes; i += 4u) {
        uint32_t word = atomic_load_explicit(&slot[1u + i / 4u], memory_order_acquire);
        memcpy(to + i, &word, sizeof word);
    }
    return is_there;
}
