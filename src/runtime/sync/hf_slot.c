// SPDX-License-Identifier: MIT
// Copies items in and out of slots word by word. Owns nothing.
#include "hf_slot.h"

#include "holdfast/hf_critical.h"

#include <string.h>

#if HF_SINGLE_CORE

// One core: what interrupts a copy is whole itself when the copy goes on, so the sequence word tells everything, and
// the words between need neither barriers nor an order among themselves; the compiler alone must keep them between the two.
typedef struct __attribute__((may_alias)) quad {
    uint32_t word[4];
} quad_t;

static void copy(void *to, const void *from, uint32_t bytes)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((((uintptr_t)in | (uintptr_t)out) & 3u) == 0) {
        for (; bytes >= sizeof(quad_t); bytes -= (uint32_t)sizeof(quad_t)) {
            *(quad_t *)(void *)out = *(const quad_t *)(const void *)in;
            in += sizeof(quad_t);
            out += sizeof(quad_t);
        }
    }
    memcpy(out, in, bytes);
}

void hf_slot_write(hf_atomic_u32_t *slot, uint32_t number, const void *item, uint32_t item_bytes)
{
    atomic_store_explicit(&slot[0], number * 2u + 1u, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    copy((void *)&slot[1], item, item_bytes);
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&slot[0], number * 2u + 2u, memory_order_relaxed);
}

bool hf_slot_read(const hf_atomic_u32_t *slot, uint32_t number, void *item, uint32_t item_bytes)
{
    if (atomic_load_explicit(&slot[0], memory_order_relaxed) != number * 2u + 2u) {
        return false;
    }
    atomic_signal_fence(memory_order_seq_cst);
    copy(item, (const void *)&slot[1], item_bytes);
    atomic_signal_fence(memory_order_seq_cst);
    return atomic_load_explicit(&slot[0], memory_order_relaxed) == number * 2u + 2u;
}

#else

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

static inline void take(uint8_t *bytes, const hf_atomic_u32_t *from, uint32_t i)
{
    uint32_t word = atomic_load_explicit(&from[i], memory_order_acquire);
    memcpy(bytes + i * sizeof word, &word, sizeof word);
}

bool hf_slot_read(const hf_atomic_u32_t *slot, uint32_t number, void *item, uint32_t item_bytes)
{
    uint8_t *bytes = item;
    uint32_t word[4] = {0};
    if (atomic_load_explicit(&slot[0], memory_order_acquire) != number * 2u + 2u) {
        return false;
    }
    const hf_atomic_u32_t *from = &slot[1];
    for (; item_bytes >= 2u * sizeof word; item_bytes -= 2u * (uint32_t)sizeof word, from += 8) {
        take(bytes, from, 0);
        take(bytes, from, 1);
        take(bytes, from, 2);
        take(bytes, from, 3);
        take(bytes, from, 4);
        take(bytes, from, 5);
        take(bytes, from, 6);
        take(bytes, from, 7);
        bytes += 2u * sizeof word;
    }
    if (item_bytes >= sizeof word) {
        take(bytes, from, 0);
        take(bytes, from, 1);
        take(bytes, from, 2);
        take(bytes, from, 3);
        bytes += sizeof word;
        from += 4;
        item_bytes -= (uint32_t)sizeof word;
    }
    for (uint32_t i = 0; i * 4u < item_bytes; i++) {
        word[i] = atomic_load_explicit(&from[i], memory_order_acquire);
    }
    memcpy(bytes, word, item_bytes);
    return atomic_load_explicit(&slot[0], memory_order_relaxed) == number * 2u + 2u;
}

#endif
