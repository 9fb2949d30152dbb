// SPDX-License-Identifier: MIT
// Lossy ring, drop-oldest done right: one producer, one consumer, no lock, any two contexts (task, ISR, core).
// Invariants: a put always succeeds and the newest item is always stored; neither end ever writes the other's index;
// what the consumer could not read in time is skipped and counted exactly; an item is never seen torn.
#ifndef HF_RING_H
#define HF_RING_H

#include "holdfast/hf_atomic.h"
#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Words of one slot: the item rounded up to words, and its sequence word.
#define HF_RING_SLOT_WORDS(item_bytes) ((((item_bytes) + 3u) / 4u) + 1u)
/// Bytes of storage for `capacity` items (a power of two, 2 to 32768).
#define HF_RING_BYTES(item_bytes, capacity) (HF_RING_SLOT_WORDS(item_bytes) * 4u * (capacity))

typedef struct hf_ring {
    hf_atomic_u32_t *slots;
    uint32_t item_bytes;
    uint32_t mask;
    hf_atomic_u32_t head; // written by the producer alone: number of puts, modulo 2^32
    hf_atomic_u32_t tail; // written by the consumer alone: next to read
    hf_atomic_u32_t lost; // written by the consumer alone: items overwritten before they were read
} hf_ring_t;

/// Returns HF_E_ARGUMENT when storage is NULL or misaligned to 4, items are empty or capacity is no power of two.
HF_MUST_CHECK int hf_ring_init(hf_ring_t *ring, void *storage, uint32_t item_bytes,
                               uint32_t capacity);

/// Stores one item, over the oldest when full. Never fails. Context: the producer. Cost: O(item), no retries.
void hf_ring_put(hf_ring_t *ring, const void *item);

/// Takes the oldest item still there. HF_E_EMPTY when there is none. Context: the consumer.
/// Cost: O(item); retries only while the producer laps it, each retry skipping what is lost.
HF_MUST_CHECK int hf_ring_get(hf_ring_t *ring, void *item);

/// Items waiting (at most the capacity), and how full in percent (0 to 100). Any context.
uint32_t hf_ring_count(const hf_ring_t *ring);
uint32_t hf_ring_usage_percent(const hf_ring_t *ring);
uint32_t hf_ring_lost(const hf_ring_t *ring);

#ifdef __cplusplus
}
#endif

#endif
