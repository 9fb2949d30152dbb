// SPDX-License-Identifier: MIT
// Lossless queue of one producer and one consumer; each end writes only its own index.
#include "holdfast/hf_queue.h"

#include <string.h>

#define CAPACITY_MAX 32768u

int hf_queue_init(hf_queue_t *queue, void *storage, uint32_t item_bytes, uint32_t capacity,
                  uint32_t reserve)
{
    if (queue == NULL || storage == NULL || ((uintptr_t)storage & 3u) != 0 || item_bytes == 0 ||
        capacity < 2u || capacity > CAPACITY_MAX || (capacity & (capacity - 1u)) != 0 ||
        reserve >= capacity) {
        return HF_E_ARGUMENT;
    }
    queue->items = storage;
    queue->item_bytes = item_bytes;
    queue->stride = (item_bytes + 3u) / 4u * 4u;
    queue->mask = capacity - 1u;
    queue->reserve = reserve;
    atomic_init(&queue->head, 0);
    atomic_init(&queue->tail, 0);
    atomic_init(&queue->refused, 0);
    atomic_init(&queue->peak, 0);
    return HF_OK;
}

static void add(hf_atomic_u32_t *counter, uint32_t more)
{
    uint32_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + more, memory_order_relaxed);
}

static int put(hf_queue_t *queue, const void *item, uint32_t usable)
{
    uint32_t head = atomic_load_explicit(&queue->head, memory_order_relaxed);
    uint32_t count = head - atomic_load_explicit(&queue->tail, memory_order_acquire);
    if (count >= usable) {
        add(&queue->refused, 1);
        return HF_E_FULL;
    }
    memcpy(queue->items + (size_t)(head & queue->mask) * queue->stride, item, queue->item_bytes);
    atomic_store_explicit(&queue->head, head + 1u, memory_order_release);
    if (count + 1u > atomic_load_explicit(&queue->peak, memory_order_relaxed)) {
        atomic_store_explicit(&queue->peak, count + 1u, memory_order_relaxed);
    }
    return HF_OK;
}

int hf_queue_put(hf_queue_t *queue, const void *item)
{
    return put(queue, item, queue->mask + 1u - queue->reserve);
}

int hf_queue_put_urgent(hf_queue_t *queue, const void *item)
{
    return put(queue, item, queue->mask + 1u);
}

int hf_queue_get(hf_queue_t *queue, void *item)
{
    uint32_t tail = atomic_load_explicit(&queue->tail, memory_order_relaxed);
    if (atomic_load_explicit(&queue->head, memory_order_acquire) == tail) {
        return HF_E_EMPTY;
    }
    memcpy(item, queue->items + (size_t)(tail & queue->mask) * queue->stride, queue->item_bytes);
    atomic_store_explicit(&queue->tail, tail + 1u, memory_order_release);
    return HF_OK;
}

uint32_t hf_queue_count(const hf_queue_t *queue)
{
    uint32_t tail = atomic_load_explicit(&queue->tail, memory_order_acquire);
    uint32_t count = atomic_load_explicit(&queue->head, memory_order_acquire) - tail;
    return count > queue->mask + 1u ? queue->mask + 1u : count; // both may have moved in between
}

uint32_t hf_queue_free(const hf_queue_t *queue)
{
    uint32_t usable = queue->mask + 1u - queue->reserve;
    uint32_t count = hf_queue_count(queue);
    return count < usable ? usable - count : 0;
}
