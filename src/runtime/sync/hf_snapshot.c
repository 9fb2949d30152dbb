// SPDX-License-Identifier: MIT
// Latest state in three slots: while the newest is read, the writer has two others to go to.
#include "holdfast/hf_snapshot.h"

#include "hf_slot.h"

#define READ_TRIES 3u

int hf_snapshot_init(hf_snapshot_t *snapshot, void *storage, uint32_t item_bytes)
{
    if (snapshot == NULL || storage == NULL || ((uintptr_t)storage & 3u) != 0 || item_bytes == 0) {
        return HF_E_ARGUMENT;
    }
    snapshot->words = storage;
    snapshot->item_bytes = item_bytes;
    for (uint32_t i = 0; i < HF_SNAPSHOT_BUFFERS; i++) {
        atomic_init(&snapshot->words[i * hf_slot_words(item_bytes)], 0);
    }
    atomic_init(&snapshot->published, 0);
    return HF_OK;
}

static hf_atomic_u32_t *slot_of(const hf_snapshot_t *snapshot, uint32_t number)
{
    return &snapshot->words[number % HF_SNAPSHOT_BUFFERS * hf_slot_words(snapshot->item_bytes)];
}

void hf_snapshot_write(hf_snapshot_t *snapshot, const void *item)
{
    uint32_t number = atomic_load_explicit(&snapshot->published, memory_order_relaxed);
    if (number == UINT32_MAX) {
        number = 0; // 0 published means "never"; the newest is in slot 2 then, so slot 0 is free
    }
    hf_slot_write(slot_of(snapshot, number), number, item, snapshot->item_bytes);
    atomic_store_explicit(&snapshot->published, number + 1u, memory_order_release);
}

int hf_snapshot_read(const hf_snapshot_t *snapshot, void *item)
{
    for (uint32_t i = 0; i < READ_TRIES; i++) {
        uint32_t published = atomic_load_explicit(&snapshot->published, memory_order_acquire);
        if (published == 0) {
            return HF_E_EMPTY;
        }
        if (hf_slot_read(slot_of(snapshot, published - 1u), published - 1u, item,
                         snapshot->item_bytes)) {
            return HF_OK;
        }
    }
    return HF_E_AGAIN;
}
