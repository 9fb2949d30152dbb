// SPDX-License-Identifier: MIT
// Publishing and delivery. A post asks the filters first, in the publisher's context; then one critical section looks
// at all lossless queues and, when each has room, puts the event into every queue that wants it: all or none, and in
// the same order everywhere. Blocks that had to go are given and tasks are woken after that section.
#include "hf_event_private.h"

#include <string.h>

#define FRESH  (HF_EVENT_MARK | 1u) // its publisher alone has it
#define POSTED HF_EVENT_POSTED

#define SUBSCRIBERS_MAX ((uint32_t)CONFIG_HF_EVENT_SUBSCRIBERS_MAX)

// A subscriber that wants the event. Found before the critical section, so that nothing is searched within it.
typedef struct hit {
    hf_event_subscriber_t *subscriber;
    hf_event_ref_t dropped; // what had to go for it
    bool is_reached;
} hit_t;

typedef struct post {
    hf_event_bus_t *bus;
    hf_event_t *event;
    hf_event_ref_t ref;
    uint32_t hit_count;
    hit_t hits[SUBSCRIBERS_MAX];
} post_t;

static bool wants(const hf_event_subscriber_t *subscriber, const hf_event_t *event)
{
    const hf_event_subscription_t *filter = &subscriber->config;
    if (atomic_load_explicit(&subscriber->life, memory_order_acquire) != HF_EVENT_LIFE_OPEN ||
        event->type < filter->type_first || event->type > filter->type_last ||
        event->priority < filter->priority_min) {
        return false;
    }
    const uint32_t bit = (uint32_t)event->type - filter->type_first;
    if (filter->type_mask != 0 && (bit >= 32u || ((filter->type_mask >> bit) & 1u) == 0)) {
        return false;
    }
    return filter->wants == NULL || filter->wants(filter->ctx, event);
}

/// Makes the event ours to post. False when it is none, or was posted before.
static bool begin(hf_event_bus_t *bus, hf_event_t *event)
{
    uint32_t was = hf_critical_enter();
    const bool is_fresh = hf_event_read(&event->state) == FRESH;
    if (is_fresh) {
        atomic_store_explicit(&event->state, FRESH | POSTED, memory_order_relaxed);
        hf_event_add_locked(&bus->publishing, 1u);
    }
    hf_critical_exit(was);
    return is_fresh;
}

static void end(hf_event_bus_t *bus)
{
    uint32_t was = hf_critical_enter();
    hf_event_add_locked(&bus->publishing, UINT32_MAX); // minus one
    hf_critical_exit(was);
}

/// Asks the filters. In the context of the publisher, nothing locked.
static void ask(post_t *post)
{
    const hf_event_config_t *config = &post->bus->config;
    for (uint32_t i = 0; i < config->subscriber_count; i++) {
        if (wants(&config->subscribers[i], post->event)) {
            post->hits[post->hit_count++] = (hit_t){.subscriber = &config->subscribers[i]};
        }
    }
}

static bool is_open(const hf_event_subscriber_t *subscriber)
{
    return hf_event_read(&subscriber->life) == HF_EVENT_LIFE_OPEN;
}

/// Whether every lossless queue has room; counts those that have not.
static bool has_room_locked(post_t *post)
{
    bool has_room = true;
    for (hit_t *hit = post->hits; hit < post->hits + post->hit_count; hit++) {
        hf_event_subscriber_t *subscriber = hit->subscriber;
        if (subscriber->config.policy == HF_EVENT_LOSSLESS && is_open(subscriber) &&
            !hf_event_queue_has_room_locked(subscriber, post->event->priority)) {
            hf_event_add_locked(&subscriber->refused, 1u);
            has_room = false;
        }
    }
    return has_room;
}

static int put_everywhere_locked(post_t *post)
{
    int reached = 0;
    for (hit_t *hit = post->hits; hit < post->hits + post->hit_count; hit++) {
        if (is_open(hit->subscriber) &&
            hf_event_queue_put_locked(hit->subscriber, post->ref, post->event->priority,
                                      &hit->dropped)) {
            hit->is_reached = true;
            reached++;
        }
    }
    return reached;
}

/// Returns in how many queues the event is, or HF_E_FULL.
static int commit(post_t *post)
{
    hf_event_bus_t *bus = post->bus;
    int result = HF_E_FULL;
    uint32_t was = hf_critical_enter();
    if (has_room_locked(post)) {
        hf_event_add_locked(&bus->published, 1u);
        post->event->sequence = hf_event_read(&bus->published);
        result = put_everywhere_locked(post);
        // With no reader the publisher's own reference stays, to be released below.
        const uint32_t references = result > 0 ? (uint32_t)result : 1u;
        atomic_store_explicit(&post->event->state, (FRESH - 1u + references) | POSTED,
                              memory_order_relaxed);
    } else {
        hf_event_add_locked(&bus->refused, 1u);
        atomic_store_explicit(&post->event->state, FRESH, memory_order_relaxed);
    }
    hf_critical_exit(was);
    return result;
}

static void let_go_and_wake(post_t *post)
{
    for (hit_t *hit = post->hits; hit < post->hits + post->hit_count; hit++) {
        const hf_event_subscription_t *config = &hit->subscriber->config;
        if (hit->dropped.event != NULL) {
            hf_event_let_go(post->bus, hit->dropped);
        }
        if (hit->is_reached && config->notify != NULL) {
            config->notify(config->ctx);
        }
    }
}

int hf_event_post(hf_event_bus_t *bus, hf_event_t *event)
{
    const bool is_ours = hf_event_pool_of(bus, event) != NULL;
    if (is_ours && event->priority >= HF_EVENT_PRIORITIES) {
        hf_event_count(&bus->wrong);
        return HF_E_RANGE;
    }
    if (!is_ours || !begin(bus, event)) {
        hf_event_count(&bus->wrong);
        return HF_E_STATE;
    }
    post_t post; // its hits are filled as they are found: no need to clear them all
    post.bus = bus;
    post.event = event;
    post.ref = hf_event_ref(bus, event);
    post.hit_count = 0;
    ask(&post);
    const int result = commit(&post);
    if (result == 0) {
        hf_event_let_go(bus, post.ref);
    }
    let_go_and_wake(&post);
    end(bus);
    return result;
}

static int publish(hf_event_bus_t *bus, hf_event_t *event, const void *payload, size_t bytes)
{
    if (bytes != 0) {
        memcpy(hf_event_payload(event), payload, bytes);
    }
    const int posted = hf_event_post(bus, event);
    if (posted < 0) {
        const int released = hf_event_release(bus, event);
        (void)released; // counted where it went wrong
    }
    return posted;
}

int hf_event_publish(hf_event_bus_t *bus, uint16_t type, const void *payload, size_t bytes)
{
    hf_event_t *event = NULL;
    const int made = hf_event_make(bus, type, bytes, &event);
    return made == HF_OK ? publish(bus, event, payload, bytes) : made;
}

int hf_event_publish_at(hf_event_bus_t *bus, uint16_t type, hf_event_priority_t priority,
                        const void *payload, size_t bytes)
{
    hf_event_t *event = NULL;
    const int made = hf_event_make(bus, type, bytes, &event);
    if (made != HF_OK) {
        return made;
    }
    event->priority = (uint32_t)priority < UINT8_MAX ? (uint8_t)priority : UINT8_MAX;
    return publish(bus, event, payload, bytes);
}

// ---------------------------------------------------------------------------------------------- delivery

int hf_event_get(hf_event_subscriber_t *subscriber, const hf_event_t **event)
{
    hf_event_bus_t *bus = subscriber->bus;
    hf_event_ref_t ref;
    if (hf_event_read(&subscriber->is_paused) != 0) {
        return HF_E_AGAIN;
    }
    uint32_t was = hf_critical_enter();
    const bool found = hf_event_queue_get_locked(subscriber, &ref);
    hf_critical_exit(was);
    if (!found) {
        return HF_E_EMPTY;
    }
    if (!hf_event_ref_holds(bus, ref)) {
        hf_event_count(&subscriber->stale);
        hf_event_count(&bus->stale);
        return HF_E_STALE;
    }
    hf_event_count(&subscriber->delivered);
    *event = ref.event;
    return HF_OK;
}

/// Delivers the next event. HF_OK, or as hf_event_get().
static int deliver(hf_event_subscriber_t *subscriber)
{
    const hf_event_t *event = NULL;
    const int got = hf_event_get(subscriber, &event);
    if (got == HF_OK) {
        subscriber->config.handle(subscriber->config.ctx, event);
        const int released = hf_event_release(subscriber->bus, event);
        (void)released; // counted where it went wrong
    }
    return got;
}

int hf_event_dispatch(hf_event_subscriber_t *subscriber, uint32_t limit)
{
    int handled = 0;
    while (limit > 0 && subscriber->config.handle != NULL) {
        const int got = deliver(subscriber);
        if (got == HF_E_EMPTY || got == HF_E_AGAIN) {
            break;
        }
        handled += got == HF_OK ? 1 : 0;
        limit--;
    }
    return handled;
}

typedef struct candidate {
    hf_event_subscriber_t *subscriber;
    int top;
    uint32_t sequence;
} candidate_t;

static bool is_before(const candidate_t *a, const candidate_t *b)
{
    if (b->subscriber == NULL || a->top != b->top) {
        return b->subscriber == NULL || a->top > b->top;
    }
    if (a->subscriber->config.priority != b->subscriber->config.priority) {
        return a->subscriber->config.priority > b->subscriber->config.priority;
    }
    return (int32_t)(a->sequence - b->sequence) < 0;
}

/// What waits in one subscriber. False when nothing does, or nobody may have it.
static bool look(hf_event_subscriber_t *subscriber, candidate_t *candidate)
{
    if (atomic_load_explicit(&subscriber->life, memory_order_acquire) != HF_EVENT_LIFE_OPEN ||
        subscriber->config.handle == NULL || hf_event_read(&subscriber->is_paused) != 0) {
        return false;
    }
    candidate->subscriber = subscriber;
    uint32_t was = hf_critical_enter();
    candidate->top = hf_event_queue_top_locked(subscriber);
    if (candidate->top >= 0) {
        candidate->sequence = hf_event_queue_peek_locked(subscriber)->sequence;
    }
    hf_critical_exit(was);
    return candidate->top >= 0;
}

int hf_event_run(hf_event_bus_t *bus, uint32_t limit)
{
    int handled = 0;
    for (; limit > 0; limit--) {
        candidate_t best = {0};
        for (uint32_t i = 0; i < bus->config.subscriber_count; i++) {
            candidate_t next = {0};
            if (look(&bus->config.subscribers[i], &next) && is_before(&next, &best)) {
                best = next;
            }
        }
        if (best.subscriber == NULL) {
            break;
        }
        handled += deliver(best.subscriber) == HF_OK ? 1 : 0;
    }
    return handled;
}
