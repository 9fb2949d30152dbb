// SPDX-License-Identifier: MIT
// Lossless queue: the ring's sibling for events. One producer, one consumer, no lock. A full queue refuses and counts;
// the last `reserve` places are kept for urgent items, so that an ordinary flood can never refuse a stop.
#ifndef HF_QUEUE_H
#define HF_QUEUE_H

#include "holdfast/hf_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_QUEUE_BYTES(item_bytes, capacity) ((((item_bytes) + 3u) / 4u) * 4u * (capacity))

typedef struct hf_queue {
    uint8_t *items;
    uint32_t item_bytes;
    uint32_t stride;
    uint32_t mask;
    uint32_t reserve;
    hf_atomic_u32_t head;    // written by the producer alone
    hf_atomic_u32_t tail;    // written by the consumer alone
    hf_atomic_u32_t refused; // written by the producer alone
    hf_atomic_u32_t peak;    // written by the producer alone
} hf_queue_t;

/// HF_E_ARGUMENT as hf_ring_init(), or when reserve >= capacity. Capacity a power of two, 2 to 32768.
HF_MUST_CHECK int hf_queue_init(hf_queue_t *queue, void *storage, uint32_t item_bytes,
                                uint32_t capacity, uint32_t reserve);

/// HF_E_FULL when only the reserve is left (ordinary) or nothing is (urgent); counts `refused`. Context: the producer.
HF_MUST_CHECK int hf_queue_put(hf_queue_t *queue, const void *item);
HF_MUST_CHECK int hf_queue_put_urgent(hf_queue_t *queue, const void *item);

/// HF_E_EMPTY when there is none. Context: the consumer.
HF_MUST_CHECK int hf_queue_get(hf_queue_t *queue, void *item);

uint32_t hf_queue_count(const hf_queue_t *queue);
/// Places an ordinary put could still use.
uint32_t hf_queue_free(const hf_queue_t *queue);

#ifdef __cplusplus
}
#endif

#endif
