// SPDX-License-Identifier: MIT
// The link in memory between charge point and central system. Private to the world.
#ifndef WORLD_LINK_H
#define WORLD_LINK_H

#include "world.h"

extern const evse_link_ops_t world_link_ops; // ctx: world_t

/// Carries what waits to the central system. Call once a step.
void world_link_step(world_t *world);
/// A text of the central system, towards the charge point.
void world_link_deliver(world_t *world, const char *text, size_t length);
/// The connection breaks: what was under way is lost both ways.
void world_link_break(world_t *world, int error);

#endif
