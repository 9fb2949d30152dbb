// SPDX-License-Identifier: MIT
// Telemetry in stepped time (world_telemetry.h). The scheduler is the loop that owns it.
#include "world_telemetry.h"

#if CONFIG_HF_TELEMETRY

#include <string.h>

#define FOLLOW_STEPS 2u
#define POLL_STEPS   10u // 100 ms: samples are taken every 200

void world_telemetry_note_end(world_t *world, uint32_t reason)
{
    world->telemetry.reason = reason;
    if (reason == HF_RESET_SOFTWARE && world->config.telemetry != NULL) {
        hf_telemetry_poll(&world->telemetry.device,
                          world_charger_now(world)); // an end in good order
    }
}

// ---- what there is to tell ----------------------------------------------------------------------

static int read_memory(void *ctx, hf_memory_t *memory)
{
    const world_t *world = ctx;
    hf_pool_stats_t readings = hf_pool_stats(&world->evse.store.messages);
    uint32_t block_bytes = (uint32_t)HF_POOL_STRIDE(readings.block_bytes);
    uint32_t claimed = (uint32_t)(sizeof world->evse + WORLD_LINK_BYTES);
    uint32_t unclaimed = claimed < WORLD_RAM_BYTES ? WORLD_RAM_BYTES - claimed : 0;
    uint32_t free = unclaimed + (readings.capacity - readings.in_use) * block_bytes;
    uint32_t *least = &((world_t *)ctx)->telemetry.least_free;
    *least = free < *least ? free : *least;
    *memory = (hf_memory_t){.heap_free = free,
                            .heap_min = *least,
                            .heap_largest = unclaimed,
                            .internal_free = free,
                            .internal_min = *least,
                            .internal_largest = unclaimed};
    return HF_OK;
}

static hf_line_pool_t readings_line(hf_pool_stats_t stats)
{
    hf_line_pool_t line = {.name = "readings",
                           .block_bytes = stats.block_bytes,
                           .capacity = stats.capacity,
                           .in_use = stats.in_use,
                           .exhausted = stats.exhausted,
                           .wrong_gives = stats.foreign + stats.interior + stats.double_gives};
#if CONFIG_HF_POOL_STATISTICS
    line.peak = stats.peak;
#endif
    return line;
}

enum { POOL_READINGS, POOL_EVENTS, POOL_JOURNAL, POOLS };

static bool read_pool(const void *of, uint32_t index, hf_line_pool_t *line)
{
    const world_t *world = of;
    const hf_queue_t *events = &world->evse.mailbox.events;
    switch (index) {
    case POOL_READINGS:
        *line = readings_line(hf_pool_stats(&world->evse.store.messages));
        break;
    case POOL_EVENTS:
        *line = (hf_line_pool_t){.name = "events",
                                 .block_bytes = events->item_bytes,
                                 .capacity = EVSE_EVENTS_CAPACITY,
                                 .in_use = hf_queue_count(events),
                                 .exhausted = atomic_load(&events->refused)};
#if CONFIG_HF_POOL_STATISTICS
        line->peak = atomic_load(&events->peak);
#endif
        break;
    case POOL_JOURNAL:
        *line = (hf_line_pool_t){.name = "journal_queue",
                                 .block_bytes = sizeof(evse_queued_t),
                                 .capacity = CONFIG_EVSE_MESSAGES_MAX,
                                 .in_use = evse_store_waiting(&world->evse.store),
                                 .peak = world->telemetry.queue_peak};
        break;
    default:
        return false;
    }
    line->peak = line->peak > line->in_use ? line->peak : line->in_use;
    line->free_min = line->capacity - line->peak;
    return true;
}

static void on_trip(void *ctx, const hf_trip_event_t *event)
{
    world_t *world = ctx;
    hf_telemetry_tell_trip(&world->telemetry.device, event);
}

// ---- each start -----------------------------------------------------------------------------------

static void build(world_t *world)
{
    world_telemetry_t *telemetry = &world->telemetry;
    const hf_telemetry_config_t config = {
        .memory = {.read = read_memory, .ctx = world},
        .write = world->config.telemetry,
        .ctx = world->config.telemetry_ctx,
        .read_pool = read_pool,
        .pools = world,
        .pool_count = POOLS,
        .pools_full_by_design = 1u << POOL_JOURNAL | 1u << POOL_READINGS,
        .tripwire = &telemetry->tripwire,
        .heartbeat_ms = world->config.heartbeat_s * 1000u,
    };
    memcpy(telemetry->wires, hf_tripwire_defaults, sizeof telemetry->wires);
    for (size_t i = 0; i < HF_COUNT_OF(telemetry->wires); i++) {
        hf_wire_t *wire = &telemetry->wires[i];
        if (wire->kind == HF_WIRE_INTERNAL_MIN) {
            wire->trip = world->config.tripwire_bytes;
            wire->warn = wire->warn > wire->trip ? wire->warn : wire->trip;
        }
    }
    int status = hf_tripwire_init(&telemetry->tripwire, telemetry->wires,
                                  (uint32_t)HF_COUNT_OF(telemetry->wires), on_trip, world);
    HF_ASSERT(status == HF_OK);
    status = hf_telemetry_init(&telemetry->device, &config, world_charger_now(world));
    HF_ASSERT(status == HF_OK);
}

static void mark(world_t *world, const char *tag)
{
    hf_telemetry_mark(&world->telemetry.device, tag, world_charger_now(world));
}

static void follow_net(world_t *world)
{
    world_telemetry_t *telemetry = &world->telemetry;
    bool is_up = !world->config.wifi || hf_net_is_usable((hf_net_state_t)world->net.state);
    if (is_up == telemetry->has_net) {
        return;
    }
    telemetry->has_net = is_up;
    hf_telemetry_ip(&telemetry->device, is_up ? "127.0.0.1" : NULL, is_up ? "CP1" : NULL);
    if (is_up) {
        mark(world, "net_up");
    }
}

void world_telemetry_boot(world_t *world)
{
    world_telemetry_t *telemetry = &world->telemetry;
    uint64_t now_us = world_charger_now(world);
    if (world->config.telemetry == NULL) {
        return;
    }
    uint32_t reason = telemetry->reason != 0 ? telemetry->reason : (uint32_t)HF_RESET_POWER_ON;
    telemetry->reason = HF_RESET_PANIC; // unless somebody says better
    telemetry->least_free = UINT32_MAX;
    telemetry->queue_peak = 0;
    telemetry->sessions_started = telemetry->sessions_ended = 0;
    telemetry->is_connected = telemetry->has_net = false;
    build(world);
    hf_telemetry_boot(&telemetry->device, reason, hf_reset_text(reason), "simd");
    mark(world, "boot");
    follow_net(world);
    mark(world, "setup");
    hf_telemetry_poll(&telemetry->device, now_us);
    hf_telemetry_ready(&telemetry->device, now_us);
    telemetry->device.pools_us = 0; // the first ones at once
}

// ---- each step ------------------------------------------------------------------------------------

static void follow(world_t *world)
{
    world_telemetry_t *telemetry = &world->telemetry;
    const evse_ocpp_t *ocpp = &world->evse.ocpp;
    bool is_connected = ocpp->link_state == EVSE_LINK_OPEN;
    if (is_connected && !telemetry->is_connected) {
        mark(world, "ws_connected");
    }
    if (ocpp->sessions_started != telemetry->sessions_started) {
        mark(world, "tx_start");
    }
    if (ocpp->sessions_ended != telemetry->sessions_ended) {
        mark(world, "tx_stop");
    }
    telemetry->is_connected = is_connected;
    telemetry->sessions_started = ocpp->sessions_started;
    telemetry->sessions_ended = ocpp->sessions_ended;
}

static void follow_queue(world_t *world)
{
    uint32_t *peak = &world->telemetry.queue_peak;
    uint32_t queue = evse_store_waiting(&world->evse.store);
    *peak = queue > *peak ? queue : *peak;
}

void world_telemetry_step(world_t *world)
{
    if (world->config.telemetry == NULL || !world->running) {
        return;
    }
    if (world->steps % FOLLOW_STEPS == 0) { // what it follows changes in the comms loop alone
        follow(world);
    }
    if (world->steps % POLL_STEPS == 0) {
        follow_net(world);
        follow_queue(world);
        hf_telemetry_poll(&world->telemetry.device, world_charger_now(world));
    }
}

#else

void world_telemetry_note_end(world_t *world, uint32_t reason)
{
    (void)world;
    (void)reason;
}

void world_telemetry_boot(world_t *world)
{
    (void)world;
}

void world_telemetry_step(world_t *world)
{
    (void)world;
}

#endif
