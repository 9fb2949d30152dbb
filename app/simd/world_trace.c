// SPDX-License-Identifier: MIT
// Connects the pools to the ring after each start, and drains the ring after each step: everything runs in one thread, so
// that nothing is lost or out of order.
#include "world_trace.h"

#if CONFIG_HF_TRACE

#include "holdfast/hf_record.h"

#include <string.h>

// Callers are told relative to it, so that the same build and seed give the same trace wherever it is loaded.
#define BASE ((uintptr_t)&evse_init)

/// Everything runs on the stack of main().
static bool stack_of(void *ctx, hf_trace_stack_t *stack)
{
    const world_t *world = ctx;
    *stack = (hf_trace_stack_t){.low = (uintptr_t)__builtin_frame_address(0),
                                .high = world->config.stack_top};
    return stack->high != 0;
}

static void write_line(world_t *world, const hf_builder_t *out)
{
    HF_ASSERT(!out->overflow);
    world->config.trace(world->config.trace_ctx, out->text, out->length);
}

static void write_pool(world_t *world, uint16_t id, const char *name, uint32_t block_bytes,
                       uint32_t count)
{
    char text[HF_RECORD_LINE_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    hf_record_write_pool(&out, &(hf_record_pool_t){.name = {.text = name, .length = strlen(name)},
                                                   .block_bytes = block_bytes,
                                                   .count = count,
                                                   .id = id});
    write_line(world, &out);
}

static void write_head(world_t *world)
{
    char text[HF_RECORD_LINE_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    hf_record_write_header(&out);
    write_line(world, &out);
    const hf_pool_t *pools[] = {&world->evse.store.messages};
    for (uint16_t id = 0; id < HF_COUNT_OF(pools); id++) {
        hf_pool_stats_t stats = hf_pool_stats(pools[id]);
        write_pool(world, id, hf_pool_name(pools[id]), stats.block_bytes, stats.capacity);
    }
    write_pool(world, WORLD_TRACE_FRAMES_UP, "frames-up", WORLD_LINK_BYTES, WORLD_LINK_MESSAGES);
    write_pool(world, WORLD_TRACE_FRAMES_DOWN, "frames-down", WORLD_LINK_BYTES,
               WORLD_LINK_MESSAGES);
}

static void write_restart(world_t *world)
{
    char text[HF_RECORD_LINE_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    hf_record_write_restart(&out, (uint32_t)(world->now_us / HF_US_PER_MS));
    write_line(world, &out);
}

/// What the journal brought back was taken before the pool knew the trace.
static void tell_taken(world_t *world, const hf_pool_t *pool, uint16_t id)
{
#if CONFIG_HF_POOL_CENSUS
    hf_block_info_t info;
    int status = HF_OK;
    for (uint32_t block = 0; status != HF_E_RANGE; block++) {
        status = hf_pool_inspect(pool, block, &info);
        if (status == HF_OK) {
            hf_trace_add(&world->trace,
                         &(hf_trace_event_t){.caller = BASE,
                                             .bytes = hf_pool_stats(pool).block_bytes,
                                             .block = block,
                                             .pool = id,
                                             .kind = HF_TRACE_TAKE,
                                             .tag = info.tag});
        }
    }
#else
    (void)world;
    (void)pool;
    (void)id;
#endif
}

void world_trace_boot(world_t *world)
{
    if (world->config.trace == NULL) {
        return;
    }
    if (world->is_traced) {
        world_trace_step(world);
        write_restart(world);
    } else {
        const hf_trace_config_t config = {.storage = world->trace_storage,
                                          .capacity = WORLD_TRACE_ENTRIES,
                                          .address_base = BASE,
                                          .stack = stack_of,
                                          .ctx = world};
        int status = hf_trace_init(&world->trace, &config);
        HF_ASSERT(status == HF_OK);
        world->is_traced = true;
        write_head(world);
    }
    hf_trace_set_clock(&world->trace, (uint32_t)(world->now_us / HF_US_PER_MS));
    tell_taken(world, &world->evse.store.messages, WORLD_TRACE_MESSAGES);
    hf_pool_set_trace(&world->evse.store.messages, &world->trace, WORLD_TRACE_MESSAGES);
    world_trace_step(world);
}

void world_trace_step(world_t *world)
{
    if (world->config.trace == NULL) {
        return;
    }
    hf_trace_entry_t entry;
    while (hf_trace_get(&world->trace, &entry) == HF_OK) {
        char text[HF_RECORD_LINE_BYTES];
        hf_builder_t out;
        hf_builder_init(&out, text, sizeof text);
        hf_record_write_entry(&out, &entry);
        write_line(world, &out);
    }
    HF_ASSERT(hf_trace_lost(&world->trace) == 0);
    hf_trace_set_clock(&world->trace, (uint32_t)(world->now_us / HF_US_PER_MS));
}

void world_trace_frame(world_t *world, const world_pipe_t *pipe, bool is_sent, uint32_t number)
{
    if (world->config.trace == NULL) {
        return;
    }
    // Twice as many numbers as slots: the one being read is not among those that wait.
    hf_trace_event_t event = {.caller = BASE,
                              .bytes = (uint32_t)pipe->length[number % WORLD_LINK_MESSAGES],
                              .block = number % (2u * WORLD_LINK_MESSAGES),
                              .pool = WORLD_TRACE_FRAMES_DOWN,
                              .kind = is_sent ? HF_TRACE_TAKE : HF_TRACE_GIVE};
    if (pipe == &world->link.up) {
        event.pool = WORLD_TRACE_FRAMES_UP;
    }
    hf_trace_add(&world->trace, &event);
}

#else

void world_trace_boot(world_t *world)
{
    (void)world;
}

void world_trace_step(world_t *world)
{
    (void)world;
}

void world_trace_frame(world_t *world, const world_pipe_t *pipe, bool is_sent, uint32_t number)
{
    (void)world;
    (void)pipe;
    (void)is_sent;
    (void)number;
}

#endif
