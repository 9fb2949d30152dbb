// SPDX-License-Identifier: MIT
// Event bus out of pools. The payload of an event is written once, into one block of a pool, and shared by all who want
// it; the last to release it gives the block back. Each subscriber has a filter, a priority, a bounded queue, and says
// what a full queue means: refuse the publisher (lossless), or lose the oldest (counted).
// Invariants: an event reaches all its lossless subscribers or none; every subscriber sees events of one priority in
// the order of their sequence; offered = delivered + dropped + queued (+ stale), per subscriber; no allocation but from
// the given pools. Nothing is locked longer than one section of hf_critical.h: at most 40 instructions, and for each
// subscriber that wants the event 110 on a Cortex-M4, 135 on a Cortex-M0 (-Os, no census; measured in QEMU by the tests).
// Context of every call, unless it says other: task or ISR, any core.
// `exhausted` stays 0 when there are blocks for all places of all queues, for the events that handlers hold, and per
// context that publishes at once 1, and 1 per drop-oldest subscriber.
#ifndef HF_EVENT_H
#define HF_EVENT_H

#include "holdfast/hf_pool.h"
#include "holdfast/hf_queue.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_EVENT_TIERS_MAX 4u

typedef enum hf_event_priority {
    HF_EVENT_LOW,
    HF_EVENT_NORMAL,
    HF_EVENT_HIGH,
    HF_EVENT_URGENT,
    HF_EVENT_PRIORITIES
} hf_event_priority_t;

/// What is known of a type of event; its number is its place in the table of the bus.
typedef struct hf_event_type {
    const char *name;       // static text; NULL: the number is not in use
    uint16_t payload_bytes; // at most
    uint8_t priority;       // hf_event_priority_t, unless the publisher says other
} hf_event_type_t;

/// Head of every block. Whoever has the event reads it; only its publisher writes `priority` and `source`, before
/// hf_event_post().
typedef struct hf_event {
    hf_atomic_u32_t state; // of the bus: mark, posted, references
    uint32_t sequence;     // of the bus: order of acceptance, wraps
    uint16_t type;
    uint16_t bytes; // of the payload
    uint8_t priority;
    uint8_t tier; // of the bus: the pool it came from
    hf_tag_t source;
    uint8_t reserved;
} hf_event_t;

/// Block size of a pool for payloads up to `payload_bytes`.
#define HF_EVENT_BLOCK_BYTES(payload_bytes) (sizeof(hf_event_t) + (payload_bytes))

/// The payload, aligned to HF_POOL_ALIGN. To be written by the publisher alone, before hf_event_post().
static inline void *hf_event_payload(hf_event_t *event)
{
    return event + 1;
}

static inline const void *hf_event_data(const hf_event_t *event)
{
    return event + 1;
}

/// An event remembered without holding it; with the census it is told when its block was given since.
typedef struct hf_event_ref {
    hf_event_t *event;
#if CONFIG_HF_POOL_CENSUS
    hf_handle_t handle;
#endif
} hf_event_ref_t;

/// One place of a subscriber's queue; members are of the bus.
typedef struct hf_event_slot {
    hf_event_ref_t ref;
    uint16_t next;
} hf_event_slot_t;

typedef enum hf_event_policy {
    HF_EVENT_LOSSLESS, // full: the publisher is refused, nobody gets the event
    HF_EVENT_DROP_OLDEST, // full: the oldest of the lowest priority goes, unless all queued are above the new one:
                          // then the new one goes
} hf_event_policy_t;

typedef struct hf_event_subscription {
    const char *name; // static text
    hf_event_slot_t *slots;
    uint16_t capacity;   // slots, 1 to 32767
    uint16_t reserve;    // lossless only: last places kept for HF_EVENT_URGENT
    uint16_t type_first; // the filter: type_first <= type <= type_last,
    uint16_t type_last;
    uint32_t
        type_mask; // and bit (type - type_first) set where that is below 32; 0: the whole range,
    uint8_t priority_min; // and at least this priority,
    uint8_t policy;       // hf_event_policy_t
    uint8_t priority;     // among subscribers, for hf_event_run(): higher first
    /// ... and, unless NULL, this. Called by the publisher, in its context: short, and no call of the bus.
    bool (*wants)(void *ctx, const hf_event_t *event);
    /// For hf_event_dispatch() and hf_event_run(); may be NULL where only hf_event_get() is used.
    void (*handle)(void *ctx, const hf_event_t *event);
    /// Unless NULL: called by the publisher, in its context, after something was queued. To wake a task.
    void (*notify)(void *ctx);
    void *ctx;
} hf_event_subscription_t;

typedef struct hf_event_bus hf_event_bus_t;

/// Members are of the bus; the caller supplies an array of them, all zero.
typedef struct hf_event_subscriber {
    hf_event_subscription_t config;
    hf_event_bus_t *bus;
    hf_atomic_u32_t life;
    hf_atomic_u32_t is_paused;
    hf_atomic_u32_t queued, peak, offered, delivered, dropped, refused, stale;
    uint16_t head[HF_EVENT_PRIORITIES];
    uint16_t tail[HF_EVENT_PRIORITIES];
    uint16_t free;
} hf_event_subscriber_t;

typedef struct hf_event_config {
    const char *name; // static text
    const hf_event_type_t *types;
    hf_pool_t *const *pools; // by ascending block size
    hf_event_subscriber_t *subscribers;
    uint16_t type_count;
    uint8_t pool_count;       // 1 to HF_EVENT_TIERS_MAX
    uint8_t subscriber_count; // 1 to CONFIG_HF_EVENT_SUBSCRIBERS_MAX
    hf_tag_t tag;             // of the blocks, for the census
} hf_event_config_t;

struct hf_event_bus {
    hf_event_config_t config;
    uint32_t payload_bytes[HF_EVENT_TIERS_MAX];
    hf_atomic_u32_t publishing; // contexts within hf_event_post()
    hf_atomic_u32_t published, refused, exhausted, spills, unknown, too_long, wrong, stale;
    hf_atomic_u32_t gone_delivered, gone_dropped; // of subscribers that left
};

typedef struct hf_event_stats {
    uint32_t published; // accepted
    uint32_t delivered, dropped;
    uint32_t refused;   // publishes that a lossless subscriber had no room for
    uint32_t exhausted; // events that no pool had a block for
    uint32_t spills;    // blocks of a larger tier than the smallest that fits
    uint32_t unknown;   // types that are not registered
    uint32_t too_long;  // payloads above what their type allows
    uint32_t wrong;     // releases and posts of what was no such event
#if CONFIG_HF_POOL_CENSUS
    uint32_t stale; // references to blocks that were given behind the back of the bus
#endif
} hf_event_stats_t;

typedef struct hf_event_subscriber_stats {
    const char *name;
    uint32_t capacity, queued, peak;
    uint32_t offered; // accepted by the bus and wanted
    uint32_t delivered, dropped;
    uint32_t refused; // publishes refused because this queue was full
#if CONFIG_HF_POOL_CENSUS
    uint32_t stale;
#endif
} hf_event_subscriber_stats_t;

/// HF_E_ARGUMENT for what is missing or out of range, pools that do not ascend, a type that no pool can hold, a default
/// priority there is not. Context: before anybody else knows the bus.
HF_MUST_CHECK int hf_event_init(hf_event_bus_t *bus, const hf_event_config_t *config);

/// Makes a subscriber; events published from now on reach it. HF_E_ARGUMENT for no slots, a wrong range, policy or
/// reserve; HF_E_FULL when the bus has no place left. Context: task.
HF_MUST_CHECK int hf_event_subscribe(hf_event_bus_t *bus, const hf_event_subscription_t *config,
                                     hf_event_subscriber_t **subscriber);

/// Ends a subscriber; what it has not read is dropped and counted. HF_E_AGAIN while somebody is within a publish: no more
/// events come, but its callbacks may still run: call again. HF_E_STATE when it is none. Context: task.
HF_MUST_CHECK int hf_event_unsubscribe(hf_event_subscriber_t *subscriber);

/// A paused subscriber is given nothing; its queue fills by its policy (a lossless one refuses publishers in the end).
void hf_event_pause(hf_event_subscriber_t *subscriber);
void hf_event_resume(hf_event_subscriber_t *subscriber);

/// An event to be filled and posted, with the priority of its type; payload undefined. NULL counts `unknown`,
/// `too_long` or `exhausted`. Cost: O(tiers). Owner: the caller, until hf_event_post() or hf_event_release().
hf_event_t *hf_event_new(hf_event_bus_t *bus, uint16_t type, size_t bytes);

/// Publishes what hf_event_new() gave, without a copy. Returns how many queues it is in (0: the block is free again).
/// HF_E_FULL: a lossless subscriber has no room; nothing was queued anywhere, counts `refused`, the event stays the
/// caller's. HF_E_STATE: no such event, or posted before; HF_E_RANGE: no such priority; both count `wrong`.
/// Cost: O(subscribers).
HF_MUST_CHECK int hf_event_post(hf_event_bus_t *bus, hf_event_t *event);

/// new, one copy, post. As hf_event_post(); HF_E_NOT_FOUND, HF_E_TOO_LONG, HF_E_EMPTY (no block: counts `exhausted`).
HF_MUST_CHECK int hf_event_publish(hf_event_bus_t *bus, uint16_t type, const void *payload,
                                   size_t bytes);
HF_MUST_CHECK int hf_event_publish_at(hf_event_bus_t *bus, uint16_t type,
                                      hf_event_priority_t priority, const void *payload,
                                      size_t bytes);

/// The next event: highest priority first, then oldest. HF_E_EMPTY, HF_E_AGAIN while paused; HF_E_STALE when its block
/// was given behind the back of the bus (with the census): counted, and gone from the queue. Owner of the event: the
/// caller, together with its other readers, until hf_event_release().
HF_MUST_CHECK int hf_event_get(hf_event_subscriber_t *subscriber, const hf_event_t **event);

/// One more release will be needed: for who passes the event on. HF_E_FOREIGN, HF_E_STATE (not posted, given, or 32767
/// references): counts `wrong`.
HF_MUST_CHECK int hf_event_retain(hf_event_bus_t *bus, const hf_event_t *event);

/// Ends the use of an event; the last gives the block back. HF_E_FOREIGN: no block of this bus; HF_E_DOUBLE_GIVE: already
/// given; both count `wrong`, and nothing else happens. HF_E_OVERRUN as hf_pool_give().
/// A stale release after the block was taken anew cannot be told here; handles of pools can.
HF_MUST_CHECK int hf_event_release(hf_event_bus_t *bus, const hf_event_t *event);

/// Calls `handle` for at most `limit` events and releases each. Returns how many it handled; 0 while paused.
int hf_event_dispatch(hf_event_subscriber_t *subscriber, uint32_t limit);

/// Serves all subscribers that have a handler, from one context: the event of highest priority first, at equal priority
/// the subscriber of higher priority, then the older event. Returns how many. Cost: O(subscribers) per event.
int hf_event_run(hf_event_bus_t *bus, uint32_t limit);

/// To remember an event without holding it. Context: who holds it.
hf_event_ref_t hf_event_ref(hf_event_bus_t *bus, hf_event_t *event);
#if CONFIG_HF_POOL_CENSUS
/// Whether its block was not given since; counts `stale` when it was. It may be given the moment after: for checks.
HF_MUST_CHECK bool hf_event_ref_is_live(hf_event_bus_t *bus, hf_event_ref_t ref);
#endif

hf_event_stats_t hf_event_stats(const hf_event_bus_t *bus); // Cost: O(subscribers), no lock
hf_event_subscriber_stats_t hf_event_subscriber_stats(const hf_event_subscriber_t *subscriber);

// Channels. hf_queue is the lossless channel of one producer and one consumer: no pool, no masked interrupts, so a
// control loop may write it at any time. A channel joins one queue to the bus on the side that may wait, and loses
// nothing either way: what does not fit stays where it is, and back-pressure reaches the other end.
//   control loop --hf_queue_put()--> queue --hf_event_pump_in()--> bus --> subscribers
//   publishers --> bus --> lossless subscriber --hf_event_pump_out()--> queue --hf_queue_get()--> one reader
typedef struct hf_event_channel {
    hf_event_bus_t *bus;
    hf_queue_t *queue;                 // items are payloads of `type`
    hf_event_subscriber_t *subscriber; // outwards only
    void *item;                        // outwards only
    hf_event_t *waiting;               // inwards: read from the queue, refused by the bus so far
    uint16_t type;
} hf_event_channel_t;

/// The channel is the only consumer of the queue. HF_E_ARGUMENT when the items are longer than the type allows.
HF_MUST_CHECK int hf_event_channel_in(hf_event_channel_t *channel, hf_event_bus_t *bus,
                                      hf_queue_t *queue, uint16_t type);
/// The channel is the only producer of the queue and the only reader of the subscriber, which must be lossless and want
/// one type alone, whose payloads fit an item (else HF_E_ARGUMENT). `item` is room for one; what a payload does not
/// fill is 0.
HF_MUST_CHECK int hf_event_channel_out(hf_event_channel_t *channel,
                                       hf_event_subscriber_t *subscriber, hf_queue_t *queue,
                                       void *item);

/// Moves at most `limit` items; stops at the first that finds no block or is refused, and keeps it. Returns how many it
/// moved; failures are counted by the bus or the queue. Context: one, that may do what hf_event_post() may.
int hf_event_pump_in(hf_event_channel_t *channel, uint32_t limit);
/// Events stay in the subscriber until the queue has room; HF_EVENT_URGENT ones use its reserve.
int hf_event_pump_out(hf_event_channel_t *channel, uint32_t limit);

#ifdef __cplusplus
}
#endif

#endif
