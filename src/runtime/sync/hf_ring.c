// SPDX-License-Identifier: MIT
// Drop-oldest ring. The producer overwrites blindly; the consumer finds out by the slot's sequence and skips.
#include "holdfast/hf_ring.h"

#include "hf_slot.h"

#define CAPACITY_MAX 32768u

int hf_ring_init(hf_ring_t *ring, void *storage, uint32_t item_bytes, uint32_t capacity)
{
    if (ring == NULL || storage == NULL || ((uintptr_t)storage & 3u) != 0 || item_bytes == 0 ||
        capacity < 2u || capacity > CAPACITY_MAX || (capacity & (capacity - 1u)) != 0) {
        return HF_E_ARGUMENT;
    }
    ring->slots = storage;
    ring->item_bytes = item_bytes;
    ring->mask = capacity - 1u;
    for (uint32_t i = 0; i < capacity; i++) {
        // Any value that is not the sequence the first item of this slot will have.
        atomic_init(&ring->slots[i * hf_slot_words(item_bytes)], 0);
    }
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->lost, 0);
    return HF_OK;
}

static hf_atomic_u32_t *slot_of(const hf_ring_t *ring, uint32_t number)
{
    return &ring->slots[(number & ring->mask) * hf_slot_words(ring->item_bytes)];
}

void hf_ring_put(hf_ring_t *ring, const void *item)
{
    uint32_t number = atomic_load_explicit(&ring->head, memory_order_relaxed);
    hf_slot_write(slot_of(ring, number), number, item, ring->item_bytes);
    atomic_store_explicit(&ring->head, number + 1u, memory_order_release);
}

int hf_ring_get(hf_ring_t *ring, void *item)
{
    const uint32_t capacity = ring->mask + 1u;
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint32_t lost = 0;
    int status = HF_E_EMPTY;
    for (;;) {
        uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
        if (head - tail > capacity) {
            lost += head - tail - capacity;
            tail = head - capacity;
        }
        if (head == tail) {
            break;
        }
        bool whole = hf_slot_read(slot_of(ring, tail), tail, item, ring->item_bytes);
        tail++;
        if (whole) {
            status = HF_OK;
            break;
        }
        lost++; // the producer is writing over it right now
    }
    atomic_store_explicit(&ring->lost,
                          atomic_load_explicit(&ring->lost, memory_order_relaxed) + lost,
                          memory_order_relaxed);
    // Release, for hf_ring_count() elsewhere: who sees this tail sees a head that is not behind it.
    atomic_store_explicit(&ring->tail, tail, memory_order_release);
    return status;
}

uint32_t hf_ring_count(const hf_ring_t *ring)
{
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint32_t count = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
    return count > ring->mask + 1u ? ring->mask + 1u : count;
}

uint32_t hf_ring_usage_percent(const hf_ring_t *ring)
{
    return hf_ring_count(ring) * 100u / (ring->mask + 1u);
}

uint32_t hf_ring_lost(const hf_ring_t *ring)
{
    return atomic_load_explicit(&ring->lost, memory_order_relaxed);
}
