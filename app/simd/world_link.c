// SPDX-License-Identifier: MIT
// Message link in memory: bounded, in order, with an opening that takes time and can fail. A message that finds the pipe
// full is answered HF_E_AGAIN upwards; downwards the central system never has more under way than one call and answers.
#include "world_link.h"

#include "world_trace.h"
#include "world_wifi.h"

#include <string.h>

#define LINK_OPEN_US   (50u * HF_US_PER_MS)
#define LINK_REFUSE_US (200u * HF_US_PER_MS)

/// Where the next message goes; NULL while the pipe is full.
static char *pipe_room(world_pipe_t *pipe)
{
    return pipe->head - pipe->tail == WORLD_LINK_MESSAGES
               ? NULL
               : pipe->text[pipe->head % WORLD_LINK_MESSAGES];
}

static int pipe_put(world_t *world, world_pipe_t *pipe, size_t length)
{
    if (length > WORLD_LINK_BYTES) {
        return HF_E_TOO_LONG;
    }
    if (pipe_room(pipe) == NULL) {
        return HF_E_AGAIN;
    }
    pipe->length[pipe->head % WORLD_LINK_MESSAGES] = length;
    world_trace_frame(world, pipe, true, pipe->head++);
    return HF_OK;
}

/// What was got before is done with by now.
static int pipe_get(world_t *world, world_pipe_t *pipe, const char **text, size_t *length)
{
    if (pipe->is_reading) {
        world_trace_frame(world, pipe, false, pipe->tail - 1u);
    }
    pipe->is_reading = pipe->head != pipe->tail;
    if (!pipe->is_reading) {
        return 0;
    }
    uint32_t slot = pipe->tail % WORLD_LINK_MESSAGES;
    *text = pipe->text[slot];
    *length = pipe->length[slot];
    pipe->tail++;
    return 1;
}

static void pipe_empty(world_t *world, world_pipe_t *pipe)
{
    const char *text;
    size_t length;
    while (pipe_get(world, pipe, &text, &length) == 1) {
    }
}

void world_link_break(world_t *world, int error)
{
    world_link_t *link = &world->link;
    if (world->station >= 0) {
        csms_disconnect(&world->csms, (unsigned)world->station, world->now_us);
        world->station = -1;
    }
    pipe_empty(world, &link->up);
    pipe_empty(world, &link->down);
    link->state = EVSE_LINK_DOWN;
    link->error = error;
}

static void link_open(void *ctx, uint64_t now_us)
{
    (void)now_us; // the charge point's own time; the link lives in the world's
    world_t *world = ctx;
    if (world->link.state == EVSE_LINK_DOWN) {
        world->link.state = EVSE_LINK_OPENING;
        world->link.open_at_us =
            world->now_us + (world->link.reachable ? LINK_OPEN_US : LINK_REFUSE_US);
    }
}

static void link_close(void *ctx, uint64_t now_us)
{
    (void)now_us;
    world_link_break(ctx, HF_E_CLOSED);
}

static evse_link_state_t link_poll(void *ctx, uint64_t now_us)
{
    (void)now_us;
    world_t *world = ctx;
    world_link_t *link = &world->link;
    if (link->state == EVSE_LINK_OPENING && world->now_us >= link->open_at_us) {
        bool is_there = link->reachable && world_wifi_carries(world);
        int station =
            is_there ? csms_connect(&world->csms, "CP1", world->now_us) : HF_E_UNREACHABLE;
        if (station < 0) {
            link->state = EVSE_LINK_DOWN;
            link->error = station;
        } else {
            world->station = station;
            link->state = EVSE_LINK_OPEN;
            link->error = HF_OK;
        }
    }
    return link->state;
}

static char *link_room(void *ctx, size_t *capacity)
{
    world_t *world = ctx;
    *capacity = WORLD_LINK_BYTES;
    return world->link.state == EVSE_LINK_OPEN ? pipe_room(&world->link.up) : NULL;
}

static int link_send(void *ctx, size_t length)
{
    world_t *world = ctx;
    return world->link.state == EVSE_LINK_OPEN ? pipe_put(world, &world->link.up, length)
                                               : HF_E_CLOSED;
}

static int link_receive(void *ctx, const char **text, size_t *length)
{
    world_t *world = ctx;
    return world->link.state == EVSE_LINK_OPEN ? pipe_get(world, &world->link.down, text, length)
                                               : 0;
}

static int link_last_error(void *ctx)
{
    const world_t *world = ctx;
    return world->link.error;
}

const evse_link_ops_t world_link_ops = {
    .open = link_open,
    .close = link_close,
    .poll = link_poll,
    .room = link_room,
    .send = link_send,
    .receive = link_receive,
    .last_error = link_last_error,
};

void world_link_step(world_t *world)
{
    const char *text;
    size_t length;
    while (world->station >= 0 && world_wifi_carries(world) &&
           pipe_get(world, &world->link.up, &text, &length) == 1) {
        csms_receive(&world->csms, (unsigned)world->station, text, length, world->now_us);
    }
    csms_poll(&world->csms, world->now_us);
}

void world_link_deliver(world_t *world, const char *text, size_t length)
{
    if (world->link.state != EVSE_LINK_OPEN || !world_wifi_carries(world)) {
        return;
    }
    char *room = pipe_room(&world->link.down);
    if (room == NULL || length > WORLD_LINK_BYTES) {
        world_link_break(world, HF_E_FULL); // a charge point that does not read is cut off
        return;
    }
    memcpy(room, text, length);
    (void)!pipe_put(world, &world->link.down, length); // room was seen
}
