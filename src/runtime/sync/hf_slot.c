// SPDX-License-Identifier: MIT
// Copies items in and out of slots word by word. Owns nothing.
#include "hf_slot.h"

#include <string.h>

// Four a turn: these loops are most of what an idle round of the comms loop costs.
void hf_slot_write(hf_atomic_u32_t *slot, uint32_t number, const void *item, uint32_t item_bytes)
{
    const uint8_t *bytes = item;
    uint32_t word[4] = {0};
    atomic_store_explicit(&slot[0], number * 2u + 1u, memory_order_relaxed);
    hf_atomic_u32_t *to = &slot[1];
    for (; item_bytes >= sizeof word; item_bytes -= (uint32_t)sizeof word, to += 4) {
        memcpy(word, bytes, sizeof word);
        bytes += sizeof word;
        atomic_store_explicit(&to[0], word[0], memory_order_release);
        atomic_store_explicit(&to[1], word[1], memory_order_release);
        atomic_store_explicit(&to[2], word[2], memory_order_release);
        atomic_store_explicit(&to[3], word[3], memory_order_release);
    }
    memset(word, 0, sizeof word);
    memcpy(word, bytes, item_bytes);
    for (uint32_t i = 0; i * 4u < item_bytes; i++) {
        atomic_store_explicit(&to[i], word[i], memory_order_release);
    }
    atomic_store_explicit(&slot[0], number * 2u + 2u, memory_order_release);
}

bool hf_slot_read(const hf_atomic_u32_t *slot, uint32_t number, void *item, uint32_t item_bytes)
{
    uint8_t *bytes = item;
    uint32_t word[4] = {0};
    if (atomic_load_explicit(&slot[0], memory_order_acquire) != number * 2u + 2u) {
        return false;
    }
    const hf_atomic_u32_t *from = &slot[1];
    for (; item_bytes >= sizeof word; item_bytes -= (uint32_t)sizeof word, from += 4) {
        word[0] = atomic_load_explicit(&from[0], memory_order_acquire);
        word[1] = atomic_load_explicit(&from[1], memory_order_acquire);
        word[2] = atomic_load_explicit(&from[2], memory_order_acquire);
        word[3] = atomic_load_explicit(&from[3], memory_order_acquire);
        memcpy(bytes, word, sizeof word);
        bytes += sizeof word;
    }
    for (uint32_t i = 0; i * 4u < item_bytes; i++) {
        word[i] = atomic_load_explicit(&from[i], memory_order_acquire);
    }
    memcpy(bytes, word, item_bytes);
    return atomic_load_explicit(&slot[0], memory_order_relaxed) == number * 2u + 2u;
}
