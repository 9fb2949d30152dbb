// SPDX-License-Identifier: MIT
// What the files of the event bus share. Functions named *_locked run inside a critical section: straight code, no call out.
#ifndef HF_EVENT_PRIVATE_H
#define HF_EVENT_PRIVATE_H

#include "holdfast/hf_critical.h"
#include "holdfast/hf_event.h"

// State of an event: the mark says that the block is an event now; below it whether it was posted, and its references.
#define HF_EVENT_MARK       0xE4E70000u
#define HF_EVENT_MARK_MASK  0xFFFF0000u
#define HF_EVENT_POSTED     0x8000u
#define HF_EVENT_REFERENCES 0x7FFFu

// Life of a subscriber's place in the bus.
enum {
    HF_EVENT_LIFE_FREE,
    HF_EVENT_LIFE_MAKING,
    HF_EVENT_LIFE_OPEN,
    HF_EVENT_LIFE_CLOSING,
};

static inline uint32_t hf_event_read(const hf_atomic_u32_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

// Writers hold the critical section, so a processor without atomic read-modify-write needs none.
static inline void hf_event_add_locked(hf_atomic_u32_t *counter, uint32_t more)
{
    atomic_store_explicit(counter, hf_event_read(counter) + more, memory_order_relaxed);
}

static inline void hf_event_count(hf_atomic_u32_t *counter)
{
    uint32_t was = hf_critical_enter();
    hf_event_add_locked(counter, 1u);
    hf_critical_exit(was);
}

/// Empties the queue and resets what belongs to one subscription.
void hf_event_queue_init(hf_event_subscriber_t *subscriber);
bool hf_event_queue_has_room_locked(const hf_event_subscriber_t *subscriber, uint32_t priority);
/// Queues the event. `*dropped` is what had to go for it (an empty reference when nothing had to). Returns false when the
/// event itself was dropped. Lossless queues have room: it was looked at in the same section.
bool hf_event_queue_put_locked(hf_event_subscriber_t *subscriber, hf_event_ref_t ref,
                               uint32_t priority, hf_event_ref_t *dropped);
/// Takes the next event out. False when there is none.
bool hf_event_queue_get_locked(hf_event_subscriber_t *subscriber, hf_event_ref_t *ref);
/// The highest priority that waits, or -1.
int hf_event_queue_top_locked(const hf_event_subscriber_t *subscriber);
/// The oldest event of the highest priority; only when something waits.
const hf_event_t *hf_event_queue_peek_locked(const hf_event_subscriber_t *subscriber);

/// The pool of which this is a block; NULL when it is none of this bus. A payload is no block, whatever it holds: so nothing
/// is ever written into one that looks like an event.
hf_pool_t *hf_event_pool_of(const hf_event_bus_t *bus, const hf_event_t *event);
/// As hf_event_new(), with the reason: HF_E_NOT_FOUND, HF_E_TOO_LONG, HF_E_EMPTY.
HF_MUST_CHECK int hf_event_make(hf_event_bus_t *bus, uint16_t type, size_t bytes,
                                hf_event_t **made);
/// Gives up the reference a queue held; counts `stale` of the bus when its block is no longer the event's.
void hf_event_let_go(hf_event_bus_t *bus, hf_event_ref_t ref);
/// Whether the block is still the event's. Always true without the census.
bool hf_event_ref_holds(hf_event_bus_t *bus, hf_event_ref_t ref);

#endif
