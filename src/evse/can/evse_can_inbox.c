// SPDX-License-Identifier: MIT
// What every CAN driver keeps: the receive ring, drop-oldest, and its counters; and the time a frame arrived. Invariant:
// frames put = frames got + waiting + overruns of the ring + cleared, whatever the order of calls.
#include "evse/evse_can.h"

#include "holdfast/hf_clock.h"

#include <string.h>

#define STAMP_AGE_MAX_US                                                                           \
    (1800u * HF_US_PER_S) // below half of what 32 bits of microseconds can tell

uint64_t evse_can_frame_time_us(const evse_can_frame_t *frame, uint64_t now_us)
{
    uint32_t age_us = (uint32_t)now_us - frame->stamp_us;
    return frame->stamped && age_us <= STAMP_AGE_MAX_US && age_us <= now_us ? now_us - age_us
                                                                            : now_us;
}

const char *evse_can_state_text(evse_can_state_t state)
{
    static const char *const texts[] = {
        [EVSE_CAN_ACTIVE] = "active",
        [EVSE_CAN_PASSIVE] = "passive",
        [EVSE_CAN_BUS_OFF] = "bus-off",
    };
    return (unsigned)state < HF_COUNT_OF(texts) ? texts[state] : "unknown";
}

int evse_can_inbox_init(evse_can_inbox_t *inbox)
{
    memset(&inbox->stats, 0, sizeof inbox->stats);
    atomic_init(&inbox->lost_outside, 0);
    return hf_ring_init(&inbox->ring, inbox->storage, sizeof(evse_can_frame_t),
                        CONFIG_EVSE_CAN_RING_FRAMES);
}

void evse_can_inbox_put(evse_can_inbox_t *inbox, const evse_can_frame_t *frame, uint64_t now_us)
{
    evse_can_frame_t stamped = *frame;
    if (!stamped.stamped) {
        stamped.stamped = true;
        stamped.stamp_us = (uint32_t)now_us;
    }
    inbox->stats.total_rx++;
    inbox->stats.last_activity_us = now_us;
    hf_ring_put(&inbox->ring, &stamped);
}

evse_can_state_t evse_can_inbox_tell(evse_can_inbox_t *inbox, evse_can_state_t state)
{
    evse_can_stats_t *stats = &inbox->stats;
    bool is_off = state == EVSE_CAN_BUS_OFF;
    stats->bus_offs += is_off && stats->active ? 1u : 0u;
    stats->initialized = stats->initialized || !is_off;
    stats->active = !is_off;
    return state;
}

void evse_can_inbox_lost(evse_can_inbox_t *inbox, uint32_t count)
{
    uint32_t lost = atomic_load_explicit(&inbox->lost_outside, memory_order_relaxed);
    atomic_store_explicit(&inbox->lost_outside, lost + count, memory_order_relaxed);
}

// Producer and consumer each count their own losses; only the consumer adds them up.
static int take(evse_can_inbox_t *inbox, evse_can_frame_t *frame)
{
    int status = hf_ring_get(&inbox->ring, frame);
    inbox->stats.overruns = hf_ring_lost(&inbox->ring) +
                            atomic_load_explicit(&inbox->lost_outside, memory_order_relaxed);
    return status == HF_OK ? 1 : 0;
}

int evse_can_inbox_get(evse_can_inbox_t *inbox, evse_can_frame_t *frame)
{
    return take(inbox, frame);
}

uint32_t evse_can_inbox_overruns(const evse_can_inbox_t *inbox)
{
    const hf_ring_t *ring = &inbox->ring;
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint32_t waiting = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
    uint32_t over =
        waiting > CONFIG_EVSE_CAN_RING_FRAMES ? waiting - CONFIG_EVSE_CAN_RING_FRAMES : 0;
    return hf_ring_lost(ring) + over +
           atomic_load_explicit(&inbox->lost_outside, memory_order_relaxed);
}

void evse_can_inbox_clear(evse_can_inbox_t *inbox)
{
    evse_can_frame_t frame;
    while (take(inbox, &frame) == 1) {
        inbox->stats.stale++;
    }
}

uint32_t evse_can_inbox_percent(const evse_can_inbox_t *inbox)
{
    return hf_ring_usage_percent(&inbox->ring);
}
