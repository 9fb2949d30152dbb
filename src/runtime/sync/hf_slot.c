// SPDX-License-Identifier: MIT
// Copies items in and out of slots word by word. Owns nothing.
#include "hf_slot.h"

#include <string.h>

void hf_slot_write(hf_atomic_u32_t *slot, uint32_t number, const void *item, uint32_t item_bytes)
{
    const uint8_t *bytes = item;
    atomic_store_explicit(&slot[0], number * 2u + 1u, memory_order_relaxed);
    for (uint32_t done = 0, i = 1; done < item_bytes; done += 4u, i++) {
        uint32_t word = 0;
        uint32_t left = item_bytes - done;
        memcpy(&word, bytes + done, left < 4u ? left : 4u);
        atomic_store_explicit(&slot[i], word, memory_order_release);
    }
    atomic_store_explicit(&slot[0], number * 2u + 2u, memory_order_release);
}

bool hf_slot_read(const hf_atomic_u32_t *slot, uint32_t number, void *item, uint32_t item_bytes)
{
    uint8_t *bytes = item;
    if (atomic_load_explicit(&slot[0], memory_order_acquire) != number * 2u + 2u) {
        return false;
    }
    for (uint32_t done = 0, i = 1; done < item_bytes; done += 4u, i++) {
        uint32_t word = atomic_load_explicit(&slot[i], memory_order_acquire);
        uint32_t left = item_bytes - done;
        memcpy(bytes + done, &word, left < 4u ? left : 4u);
    }
    return atomic_load_explicit(&slot[0], memory_order_relaxed) == number * 2u + 2u;
}
