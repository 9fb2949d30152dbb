// SPDX-License-Identifier: MIT
// A store on flash in memory, and the few things every store test does with it.
#ifndef STORE_WORLD_H
#define STORE_WORLD_H

#include "evse/evse_store.h"
#include "hf_flash_ram.h"

#include <string.h>

#define WORLD_SEGMENT_BYTES 4096u // unless a test asks for more
#define WORLD_BYTES_MAX     16384u
#define WORLD_SEGMENTS_MAX  3u
#define WORLD_NONCE         0x1234ABCDull
#define WH                  3600000ull // mJ

typedef struct world {
    uint8_t memory[WORLD_BYTES_MAX * WORLD_SEGMENTS_MAX];
    uint8_t durable[WORLD_BYTES_MAX * WORLD_SEGMENTS_MAX];
    hf_flash_ram_t ram;
    hf_flash_t flash;
    evse_store_t store;
    uint32_t connectors;
    uint32_t segment_bytes; // 0: WORLD_SEGMENT_BYTES
} world_t;

/// A blank flash. cached: unsynced pages may be lost at a cut.
static inline int world_init(world_t *w, uint32_t segments, uint32_t program_bytes, bool cached)
{
    hf_flash_ram_config_t config = {.memory = w->memory,
                                    .durable = cached ? w->durable : NULL,
                                    .segment_bytes = w->segment_bytes != 0 ? w->segment_bytes
                                                                           : WORLD_SEGMENT_BYTES,
                                    .segment_count = segments,
                                    .program_bytes = program_bytes};
    int status = hf_flash_ram_init(&w->ram, &config);
    w->flash = hf_flash_ram_seam(&w->ram);
    w->connectors = CONFIG_EVSE_CONNECTORS_MAX < 2 ? 1 : 2;
    return status;
}

static inline int world_boot(world_t *w)
{
    evse_store_config_t config = {
        .flash = &w->flash, .station_nonce = WORLD_NONCE, .connectors = w->connectors, .log = NULL};
    return evse_store_open(&w->store, &config);
}

/// Power fails and returns; boots.
static inline int world_power_cycle(world_t *w)
{
    hf_flash_ram_power_off(&w->ram);
    hf_flash_ram_power_on(&w->ram);
    return world_boot(w);
}

/// Enough rounds for everything to become durable.
static inline int world_settle(world_t *w)
{
    int status = HF_OK;
    for (unsigned i = 0; i < 4u * (w->ram.sync_polls + 2u) && status == HF_OK; i++) {
        status = evse_store_poll(&w->store, 0);
    }
    return status;
}

/// A moment of this boot without UTC.
static inline evse_moment_t world_at(const world_t *w, uint64_t since_boot_ms)
{
    return (evse_moment_t){.boot = w->store.boot, .since_boot_ms = since_boot_ms};
}

static inline int world_begin(world_t *w, unsigned connector, const char *id_tag,
                              uint64_t register_mJ, evse_moment_t at)
{
    const evse_begin_t begin = {.id_tag = id_tag,
                                .register_mJ = register_mJ,
                                .at = at,
                                .reservation_id = EVSE_RESERVATION_NONE};
    return evse_store_begin(&w->store, connector, &begin);
}

static inline unsigned world_queue_length(const world_t *w)
{
    return evse_store_waiting(&w->store);
}

/// A message that waits, by its place; id 0 there is none.
static inline evse_message_t world_peek(const world_t *w, uint32_t place)
{
    evse_message_t message;
    memset(&message, 0, sizeof message);
    return evse_store_peek(&w->store, place, &message) == 1 ? message : (evse_message_t){.id = 0};
}

/// The newest.
static inline evse_message_t world_last(const world_t *w)
{
    return world_peek(w, evse_store_waiting(&w->store) - 1u);
}

#endif
