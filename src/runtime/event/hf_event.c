// SPDX-License-Identifier: MIT
// The bus: life of an event (new, posted, given) and of a subscriber. Invariants: whatever several contexts write is written
// in a critical section; a queue holds one reference of each event in it; who brings the references of an event to 0
// gives its block; `publishing` counts the contexts that may still use a subscriber's callbacks.
#include "hf_event_private.h"

#include "../memory/hf_pool_private.h"

#include <string.h>

#define SUBSCRIBERS_MAX ((uint32_t)CONFIG_HF_EVENT_SUBSCRIBERS_MAX)

_Static_assert(sizeof(hf_event_t) % HF_POOL_ALIGN == 0, "payloads are aligned");
_Static_assert(SUBSCRIBERS_MAX <= 32u, "a bit each");

// ---------------------------------------------------------------------------------------------- init

static bool tiers_are_good(hf_event_bus_t *bus)
{
    const hf_event_config_t *config = &bus->config;
    uint32_t below = sizeof(hf_event_t);
    for (uint32_t i = 0; i < config->pool_count; i++) {
        if (config->pools[i] == NULL) {
            return false;
        }
        const uint32_t bytes = hf_pool_stats(config->pools[i]).block_bytes;
        if (bytes <= below) {
            return false;
        }
        bus->payload_bytes[i] = bytes - (uint32_t)sizeof(hf_event_t);
        below = bytes;
    }
    return true;
}

static bool types_are_good(const hf_event_bus_t *bus)
{
    const uint32_t most = bus->payload_bytes[bus->config.pool_count - 1u];
    for (uint32_t i = 0; i < bus->config.type_count; i++) {
        const hf_event_type_t *type = &bus->config.types[i];
        if (type->name != NULL &&
            (type->payload_bytes > most || type->priority >= HF_EVENT_PRIORITIES)) {
            return false;
        }
    }
    return true;
}

int hf_event_init(hf_event_bus_t *bus, const hf_event_config_t *config)
{
    if (bus == NULL || config == NULL || config->name == NULL || config->types == NULL ||
        config->type_count == 0 || config->pools == NULL || config->pool_count == 0 ||
        config->pool_count > HF_EVENT_TIERS_MAX || config->subscribers == NULL ||
        config->subscriber_count == 0 || config->subscriber_count > SUBSCRIBERS_MAX) {
        return HF_E_ARGUMENT;
    }
    memset(bus, 0, sizeof *bus);
    bus->config = *config;
    if (!tiers_are_good(bus) || !types_are_good(bus)) {
        return HF_E_ARGUMENT;
    }
    memset(config->subscribers, 0, config->subscriber_count * sizeof config->subscribers[0]);
    return HF_OK;
}

// ----------------------------------------------------------------------------------------- subscribers

static bool subscription_is_good(const hf_event_subscription_t *config)
{
    return config->name != NULL && config->slots != NULL && config->capacity != 0 &&
           config->capacity <= INT16_MAX && config->reserve < config->capacity &&
           config->type_first <= config->type_last && config->priority_min < HF_EVENT_PRIORITIES &&
           (config->policy == HF_EVENT_LOSSLESS ||
            (config->policy == HF_EVENT_DROP_OLDEST && config->reserve == 0));
}

static hf_event_subscriber_t *claim_place(hf_event_bus_t *bus)
{
    hf_event_subscriber_t *found = NULL;
    uint32_t was = hf_critical_enter();
    for (uint32_t i = 0; i < bus->config.subscriber_count && found == NULL; i++) {
        if (hf_event_read(&bus->config.subscribers[i].life) == HF_EVENT_LIFE_FREE) {
            found = &bus->config.subscribers[i];
            atomic_store_explicit(&found->life, HF_EVENT_LIFE_MAKING, memory_order_relaxed);
        }
    }
    hf_critical_exit(was);
    return found;
}

int hf_event_subscribe(hf_event_bus_t *bus, const hf_event_subscription_t *config,
                       hf_event_subscriber_t **subscriber)
{
    if (bus == NULL || config == NULL || subscriber == NULL || !subscription_is_good(config)) {
        return HF_E_ARGUMENT;
    }
    hf_event_subscriber_t *made = claim_place(bus);
    if (made == NULL) {
        return HF_E_FULL;
    }
    made->config = *config;
    made->bus = bus;
    hf_event_queue_init(made);
    // Whoever sees it open sees all of the above.
    atomic_store_explicit(&made->life, HF_EVENT_LIFE_OPEN, memory_order_release);
    *subscriber = made;
    return HF_OK;
}

/// Takes one event out of a subscriber that is being closed. False when there is none.
static bool drain_one(hf_event_subscriber_t *subscriber)
{
    hf_event_ref_t ref;
    uint32_t was = hf_critical_enter();
    const bool found = hf_event_queue_get_locked(subscriber, &ref);
    if (found) {
        hf_event_add_locked(&subscriber->dropped, 1u);
    }
    hf_critical_exit(was);
    if (found) {
        hf_event_let_go(subscriber->bus, ref);
    }
    return found;
}

int hf_event_unsubscribe(hf_event_subscriber_t *subscriber)
{
    hf_event_bus_t *bus = subscriber->bus;
    uint32_t was = hf_critical_enter();
    const uint32_t life = hf_event_read(&subscriber->life);
    if (life == HF_EVENT_LIFE_OPEN) {
        atomic_store_explicit(&subscriber->life, HF_EVENT_LIFE_CLOSING, memory_order_relaxed);
    }
    hf_critical_exit(was);
    if (life != HF_EVENT_LIFE_OPEN && life != HF_EVENT_LIFE_CLOSING) {
        return HF_E_STATE;
    }
    while (drain_one(subscriber)) {
    }
    was = hf_critical_enter();
    const bool is_done = hf_event_read(&bus->publishing) == 0 &&
                         hf_event_read(&subscriber->life) == HF_EVENT_LIFE_CLOSING;
    if (is_done) {
        hf_event_add_locked(&bus->gone_delivered, hf_event_read(&subscriber->delivered));
        hf_event_add_locked(&bus->gone_dropped, hf_event_read(&subscriber->dropped));
        atomic_store_explicit(&subscriber->life, HF_EVENT_LIFE_FREE, memory_order_relaxed);
    }
    hf_critical_exit(was);
    return is_done ? HF_OK : HF_E_AGAIN;
}

void hf_event_pause(hf_event_subscriber_t *subscriber)
{
    atomic_store_explicit(&subscriber->is_paused, 1u, memory_order_relaxed);
}

void hf_event_resume(hf_event_subscriber_t *subscriber)
{
    atomic_store_explicit(&subscriber->is_paused, 0, memory_order_relaxed);
}

// ---------------------------------------------------------------------------------------------- events

static const hf_event_type_t *find_type(const hf_event_bus_t *bus, uint16_t type)
{
    return type < bus->config.type_count && bus->config.types[type].name != NULL
               ? &bus->config.types[type]
               : NULL;
}

/// A block of the smallest tier that fits and has one.
static hf_event_t *take_block(hf_event_bus_t *bus, size_t bytes)
{
    bool is_first = true;
    for (uint32_t tier = 0; tier < bus->config.pool_count; tier++) {
        if (bus->payload_bytes[tier] < bytes) {
            continue;
        }
        hf_event_t *event = hf_pool_take(bus->config.pools[tier], bus->config.tag);
        if (event != NULL) {
            event->tier = (uint8_t)tier;
            if (!is_first) {
                hf_event_count(&bus->spills);
            }
            return event;
        }
        is_first = false;
    }
    hf_event_count(&bus->exhausted);
    return NULL;
}

int hf_event_make(hf_event_bus_t *bus, uint16_t type, size_t bytes, hf_event_t **made)
{
    const hf_event_type_t *known = find_type(bus, type);
    if (known == NULL) {
        hf_event_count(&bus->unknown);
        return HF_E_NOT_FOUND;
    }
    if (bytes > known->payload_bytes) {
        hf_event_count(&bus->too_long);
        return HF_E_TOO_LONG;
    }
    hf_event_t *event = take_block(bus, bytes);
    if (event == NULL) {
        return HF_E_EMPTY;
    }
    event->sequence = 0;
    event->type = type;
    event->bytes = (uint16_t)bytes;
    event->priority = known->priority;
    event->source = bus->config.tag;
    event->reserved = 0;
    atomic_store_explicit(&event->state, HF_EVENT_MARK | 1u, memory_order_relaxed);
    *made = event;
    return HF_OK;
}

hf_event_t *hf_event_new(hf_event_bus_t *bus, uint16_t type, size_t bytes)
{
    hf_event_t *event = NULL;
    return hf_event_make(bus, type, bytes, &event) == HF_OK ? event : NULL;
}

hf_pool_t *hf_event_pool_of(const hf_event_bus_t *bus, const hf_event_t *event)
{
    for (uint32_t i = 0; i < bus->config.pool_count; i++) {
        hf_pool_t *pool = bus->config.pools[i];
        if (hf_pool_number(pool, event) < pool->count) {
            return pool;
        }
    }
    return NULL;
}

static int wrong(hf_event_bus_t *bus, int status)
{
    hf_event_count(&bus->wrong);
    return status;
}

hf_event_ref_t hf_event_ref(hf_event_bus_t *bus, hf_event_t *event)
{
    hf_event_ref_t ref = {.event = event};
#if CONFIG_HF_POOL_CENSUS
    const hf_pool_t *pool = hf_event_pool_of(bus, event);
    ref.handle = pool != NULL ? hf_pool_handle(pool, event) : 0;
#else
    (void)bus;
#endif
    return ref;
}

bool hf_event_ref_holds(hf_event_bus_t *bus, hf_event_ref_t ref)
{
#if CONFIG_HF_POOL_CENSUS
    hf_pool_t *pool = hf_event_pool_of(bus, ref.event);
    return pool != NULL && hf_pool_at(pool, ref.handle) == ref.event;
#else
    (void)bus;
    (void)ref;
    return true;
#endif
}

#if CONFIG_HF_POOL_CENSUS
bool hf_event_ref_is_live(hf_event_bus_t *bus, hf_event_ref_t ref)
{
    const bool is_live = hf_event_ref_holds(bus, ref);
    if (!is_live) {
        hf_event_count(&bus->stale);
    }
    return is_live;
}
#endif

int hf_event_retain(hf_event_bus_t *bus, const hf_event_t *event)
{
    if (hf_event_pool_of(bus, event) == NULL) {
        return wrong(bus, HF_E_FOREIGN);
    }
    hf_atomic_u32_t *state = &((hf_event_t *)(uintptr_t)event)->state;
    uint32_t was = hf_critical_enter();
    const uint32_t now = hf_event_read(state);
    const bool is_posted =
        (now & (HF_EVENT_MARK_MASK | HF_EVENT_POSTED)) == (HF_EVENT_MARK | HF_EVENT_POSTED);
    const bool is_good = is_posted && (now & HF_EVENT_REFERENCES) != 0 &&
                         (now & HF_EVENT_REFERENCES) != HF_EVENT_REFERENCES;
    if (is_good) {
        hf_event_add_locked(state, 1u);
    }
    hf_critical_exit(was);
    return is_good ? HF_OK : wrong(bus, HF_E_STATE);
}

int hf_event_release(hf_event_bus_t *bus, const hf_event_t *event)
{
    hf_pool_t *pool = hf_event_pool_of(bus, event);
    if (pool == NULL) {
        return wrong(bus, HF_E_FOREIGN);
    }
    hf_event_t *block = (hf_event_t *)(uintptr_t)event;
    uint32_t was = hf_critical_enter();
    const uint32_t now = hf_event_read(&block->state);
    const bool is_good =
        (now & HF_EVENT_MARK_MASK) == HF_EVENT_MARK && (now & HF_EVENT_REFERENCES) != 0;
    const bool is_last = is_good && (now & HF_EVENT_REFERENCES) == 1u;
    if (is_good) {
        atomic_store_explicit(&block->state, is_last ? 0 : now - 1u, memory_order_relaxed);
    }
    hf_critical_exit(was);
    if (!is_good) {
        return wrong(bus, HF_E_DOUBLE_GIVE);
    }
    if (!is_last) {
        return HF_OK;
    }
    const int given = hf_pool_give(pool, block);
    return given == HF_OK || given == HF_E_OVERRUN ? given : wrong(bus, given);
}

void hf_event_let_go(hf_event_bus_t *bus, hf_event_ref_t ref)
{
    if (!hf_event_ref_holds(bus, ref)) {
        hf_event_count(&bus->stale);
        return;
    }
    const int released = hf_event_release(bus, ref.event);
    (void)released; // counted where it went wrong
}

// ---------------------------------------------------------------------------------------------- statistics

hf_event_stats_t hf_event_stats(const hf_event_bus_t *bus)
{
    hf_event_stats_t stats = {.published = hf_event_read(&bus->published),
                              .delivered = hf_event_read(&bus->gone_delivered),
                              .dropped = hf_event_read(&bus->gone_dropped),
                              .refused = hf_event_read(&bus->refused),
                              .exhausted = hf_event_read(&bus->exhausted),
                              .spills = hf_event_read(&bus->spills),
                              .unknown = hf_event_read(&bus->unknown),
                              .too_long = hf_event_read(&bus->too_long),
                              .wrong = hf_event_read(&bus->wrong)};
#if CONFIG_HF_POOL_CENSUS
    stats.stale = hf_event_read(&bus->stale);
#endif
    for (uint32_t i = 0; i < bus->config.subscriber_count; i++) {
        const hf_event_subscriber_t *subscriber = &bus->config.subscribers[i];
        if (atomic_load_explicit(&subscriber->life, memory_order_acquire) >= HF_EVENT_LIFE_OPEN) {
            stats.delivered += hf_event_read(&subscriber->delivered);
            stats.dropped += hf_event_read(&subscriber->dropped);
        }
    }
    return stats;
}

hf_event_subscriber_stats_t hf_event_subscriber_stats(const hf_event_subscriber_t *subscriber)
{
    hf_event_subscriber_stats_t stats = {.name = subscriber->config.name,
                                         .capacity = subscriber->config.capacity,
                                         .queued = hf_event_read(&subscriber->queued),
                                         .peak = hf_event_read(&subscriber->peak),
                                         .offered = hf_event_read(&subscriber->offered),
                                         .delivered = hf_event_read(&subscriber->delivered),
                                         .dropped = hf_event_read(&subscriber->dropped),
                                         .refused = hf_event_read(&subscriber->refused)};
#if CONFIG_HF_POOL_CENSUS
    stats.stale = hf_event_read(&subscriber->stale);
#endif
    return stats;
}
