// SPDX-License-Identifier: MIT
// A subscriber's queue: one array of places, chained into a list per priority and a list of free places, so that all
// priorities share the capacity. Invariants: each place is in one list; the ends of a list are NONE together; `queued` is
// the number of places outside the free list.
#include "hf_event_private.h"

#define NONE UINT16_MAX

void hf_event_queue_init(hf_event_subscriber_t *subscriber)
{
    const uint16_t capacity = subscriber->config.capacity;
    for (uint16_t i = 0; i < capacity; i++) {
        subscriber->config.slots[i].next = i + 1u < capacity ? (uint16_t)(i + 1u) : NONE;
    }
    subscriber->free = 0;
    for (uint32_t i = 0; i < HF_EVENT_PRIORITIES; i++) {
        subscriber->head[i] = NONE;
        subscriber->tail[i] = NONE;
    }
    hf_atomic_u32_t *const counters[] = {
        &subscriber->is_paused, &subscriber->queued,  &subscriber->peak,    &subscriber->offered,
        &subscriber->delivered, &subscriber->dropped, &subscriber->refused, &subscriber->stale};
    for (uint32_t i = 0; i < HF_COUNT_OF(counters); i++) {
        atomic_store_explicit(counters[i], 0, memory_order_relaxed);
    }
}

bool hf_event_queue_has_room_locked(const hf_event_subscriber_t *subscriber, uint32_t priority)
{
    uint32_t usable = subscriber->config.capacity;
    if (priority != HF_EVENT_URGENT) {
        usable -= subscriber->config.reserve;
    }
    return hf_event_read(&subscriber->queued) < usable;
}

static uint16_t unchain(hf_event_subscriber_t *subscriber, uint32_t priority)
{
    const uint16_t place = subscriber->head[priority];
    const uint16_t next = subscriber->config.slots[place].next;
    subscriber->head[priority] = next;
    if (next == NONE) {
        subscriber->tail[priority] = NONE;
    }
    return place;
}

static void chain(hf_event_subscriber_t *subscriber, uint32_t priority, uint16_t place)
{
    const uint16_t last = subscriber->tail[priority];
    subscriber->config.slots[place].next = NONE;
    subscriber->tail[priority] = place;
    if (last == NONE) {
        subscriber->head[priority] = place;
    } else {
        subscriber->config.slots[last].next = place;
    }
}

/// A place for an event of this priority in a full queue: that of the oldest event of the lowest priority, if not above.
static uint16_t evict(hf_event_subscriber_t *subscriber, uint32_t priority)
{
    for (uint32_t i = 0; i <= priority; i++) {
        if (subscriber->head[i] != NONE) {
            return unchain(subscriber, i);
        }
    }
    return NONE;
}

bool hf_event_queue_put_locked(hf_event_subscriber_t *subscriber, hf_event_ref_t ref,
                               uint32_t priority, hf_event_ref_t *dropped)
{
    uint16_t place = subscriber->free;
    hf_event_add_locked(&subscriber->offered, 1u);
    if (place != NONE) {
        subscriber->free = subscriber->config.slots[place].next;
        const uint32_t queued = hf_event_read(&subscriber->queued) + 1u;
        atomic_store_explicit(&subscriber->queued, queued, memory_order_relaxed);
        if (queued > hf_event_read(&subscriber->peak)) {
            atomic_store_explicit(&subscriber->peak, queued, memory_order_relaxed);
        }
    } else {
        hf_event_add_locked(&subscriber->dropped, 1u);
        place = evict(subscriber, priority);
        if (place == NONE) {
            return false;
        }
        *dropped = subscriber->config.slots[place].ref;
    }
    subscriber->config.slots[place].ref = ref;
    chain(subscriber, priority, place);
    return true;
}

int hf_event_queue_top_locked(const hf_event_subscriber_t *subscriber)
{
    int priority = HF_EVENT_PRIORITIES - 1;
    while (priority >= 0 && subscriber->head[priority] == NONE) {
        priority--;
    }
    return priority;
}

const hf_event_t *hf_event_queue_peek_locked(const hf_event_subscriber_t *subscriber)
{
    const int top = hf_event_queue_top_locked(subscriber);
    return subscriber->config.slots[subscriber->head[top]].ref.event;
}

bool hf_event_queue_get_locked(hf_event_subscriber_t *subscriber, hf_event_ref_t *ref)
{
    const int top = hf_event_queue_top_locked(subscriber);
    if (top < 0) {
        return false;
    }
    const uint16_t place = unchain(subscriber, (uint32_t)top);
    *ref = subscriber->config.slots[place].ref;
    subscriber->config.slots[place].next = subscriber->free;
    subscriber->free = place;
    hf_event_add_locked(&subscriber->queued, UINT32_MAX); // minus one
    return true;
}
