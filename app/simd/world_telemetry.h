// SPDX-License-Identifier: MIT
// The telemetry of a stepped charge point, in its own time: each boot tells the prologue anew, sessions and connections are
// marked, uptime begins at 0. Memory is that of a device without a heap: of WORLD_RAM_BYTES what nothing claims, blocks of
// pools counted as claimed while they are in use. Invariant: it only reads the charge point.
#ifndef WORLD_TELEMETRY_H
#define WORLD_TELEMETRY_H

#include "world.h"

/// Why the next boot will have come, as its rst: line tells; the first is HF_RESET_POWER_ON.
void world_telemetry_note_end(world_t *world, uint32_t reason);
/// After each start of the charge point, and after each step.
void world_telemetry_boot(world_t *world);
void world_telemetry_step(world_t *world);

#endif
