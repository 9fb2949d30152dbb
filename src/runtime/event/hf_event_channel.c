// SPDX-License-Identifier: MIT
// Channels between a queue and the bus. Invariant: an item leaves one side only when the other has it, or the channel
// holds it (`waiting`); so nothing is lost and nothing comes twice.
#include "hf_event_private.h"

#include <string.h>

int hf_event_channel_in(hf_event_channel_t *channel, hf_event_bus_t *bus, hf_queue_t *queue,
                        uint16_t type)
{
    if (channel == NULL || bus == NULL || queue == NULL || type >= bus->config.type_count ||
        bus->config.types[type].name == NULL ||
        queue->item_bytes > bus->config.types[type].payload_bytes) {
        return HF_E_ARGUMENT;
    }
    *channel = (hf_event_channel_t){.bus = bus, .queue = queue, .type = type};
    return HF_OK;
}

int hf_event_channel_out(hf_event_channel_t *channel, hf_event_subscriber_t *subscriber,
                         hf_queue_t *queue, void *item)
{
    if (channel == NULL || subscriber == NULL || queue == NULL || item == NULL) {
        return HF_E_ARGUMENT;
    }
    const hf_event_subscription_t *config = &subscriber->config;
    const hf_event_config_t *bus = &subscriber->bus->config;
    if (config->policy != HF_EVENT_LOSSLESS || config->type_first != config->type_last ||
        config->type_first >= bus->type_count ||
        bus->types[config->type_first].payload_bytes > queue->item_bytes) {
        return HF_E_ARGUMENT;
    }
    *channel = (hf_event_channel_t){.bus = subscriber->bus,
                                    .queue = queue,
                                    .subscriber = subscriber,
                                    .item = item,
                                    .type = config->type_first};
    return HF_OK;
}

/// Fills `waiting` from the queue. False when the queue is empty or no block is to be had.
static bool fetch(hf_event_channel_t *channel)
{
    if (channel->waiting != NULL) {
        return true;
    }
    if (hf_queue_count(channel->queue) == 0) {
        return false;
    }
    hf_event_t *event = hf_event_new(channel->bus, channel->type, channel->queue->item_bytes);
    if (event == NULL) {
        return false;
    }
    const int got = hf_queue_get(channel->queue, hf_event_payload(event));
    HF_ASSERT(got == HF_OK); // we are its only consumer, and it was not empty
    channel->waiting = event;
    return true;
}

int hf_event_pump_in(hf_event_channel_t *channel, uint32_t limit)
{
    int moved = 0;
    for (; limit > 0 && fetch(channel); limit--) {
        if (hf_event_post(channel->bus, channel->waiting) < 0) {
            break;
        }
        channel->waiting = NULL;
        moved++;
    }
    return moved;
}

/// Whether the queue takes what the subscriber would give next. Its reserve is for urgent events alone.
static bool has_room(const hf_event_channel_t *channel)
{
    if (hf_queue_free(channel->queue) > 0) {
        return true;
    }
    if (hf_queue_count(channel->queue) > channel->queue->mask) {
        return false;
    }
    uint32_t was = hf_critical_enter();
    const int top = hf_event_queue_top_locked(channel->subscriber);
    hf_critical_exit(was);
    return top == HF_EVENT_URGENT;
}

static void put(hf_event_channel_t *channel, const hf_event_t *event)
{
    memset(channel->item, 0, channel->queue->item_bytes);
    memcpy(channel->item, hf_event_data(event), event->bytes);
    const int stored = event->priority == HF_EVENT_URGENT
                           ? hf_queue_put_urgent(channel->queue, channel->item)
                           : hf_queue_put(channel->queue, channel->item);
    HF_ASSERT(stored == HF_OK); // we are its only producer, and it had room
}

int hf_event_pump_out(hf_event_channel_t *channel, uint32_t limit)
{
    int moved = 0;
    for (; limit > 0 && has_room(channel); limit--) {
        const hf_event_t *event = NULL;
        const int got = hf_event_get(channel->subscriber, &event);
        if (got == HF_E_EMPTY || got == HF_E_AGAIN) {
            break;
        }
        if (got != HF_OK) {
            continue; // stale, and counted
        }
        put(channel, event);
        const int released = hf_event_release(channel->bus, event);
        (void)released; // counted where it went wrong
        moved++;
    }
    return moved;
}
