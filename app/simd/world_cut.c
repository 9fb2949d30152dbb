// SPDX-License-Identifier: MIT
// The cut (world_cut.h): a flash before the flash that counts programs.
#include "world_cut.h"

#include "world_telemetry.h"

static const hf_flash_t *inner_of(const void *ctx)
{
    return &((const world_t *)ctx)->cut.inner;
}

static int read_through(void *ctx, uint32_t segment, uint32_t offset, void *data, uint32_t length)
{
    const hf_flash_t *inner = inner_of(ctx);
    return inner->ops->read(inner->ctx, segment, offset, data, length);
}

static int program_or_cut(void *ctx, uint32_t segment, uint32_t offset, const void *data,
                          uint32_t length)
{
    world_t *world = ctx;
    const hf_flash_t *inner = inner_of(ctx);
    if (++world->cut.programs == world->config.cut_power_at) {
        world->flash_ram.cut_at = world->flash_ram.steps + length / 2u;
    }
    return inner->ops->program(inner->ctx, segment, offset, data, length);
}

static int erase_through(void *ctx, uint32_t segment)
{
    const hf_flash_t *inner = inner_of(ctx);
    return inner->ops->erase(inner->ctx, segment);
}

static int start_through(void *ctx)
{
    const hf_flash_t *inner = inner_of(ctx);
    return inner->ops->sync_start(inner->ctx);
}

static int poll_through(void *ctx)
{
    const hf_flash_t *inner = inner_of(ctx);
    return inner->ops->sync_poll(inner->ctx);
}

static const hf_flash_ops_t ops = {.read = read_through,
                                   .program = program_or_cut,
                                   .erase = erase_through,
                                   .sync_start = start_through,
                                   .sync_poll = poll_through};

void world_cut_init(world_t *world)
{
    if (world->config.cut_power_at != 0) {
        world->cut.inner = world->flash;
        world->flash.ops = &ops;
        world->flash.ctx = world;
    }
}

void world_cut_step(world_t *world)
{
    if (!world->flash_ram.power_lost) {
        return;
    }
    if (world->cut.since_us == 0) {
        world->cut.since_us = world->now_us;
        hf_flash_ram_power_off(&world->tag_ram);
        world_kill(world);
        world_telemetry_note_end(world, HF_RESET_POWER_ON);
    } else if (world->now_us - world->cut.since_us >= WORLD_CUT_MS * HF_US_PER_MS) {
        world->cut.since_us = 0;
        world->cut.cuts++;
        hf_flash_ram_power_on(&world->flash_ram);
        hf_flash_ram_power_on(&world->tag_ram);
        world->boot_status = world_boot(world);
    }
}
