// SPDX-License-Identifier: MIT
// Power lost in the middle of the n-th program of the journal's flash, and back WORLD_CUT_MS later. Invariant: what was
// programmed before stays, the program under way is torn.
#ifndef WORLD_CUT_H
#define WORLD_CUT_H

#include "world.h"

#define WORLD_CUT_MS 1000u

/// Puts itself before the journal's flash; config.cut_power_at 0: nothing. Call once, before the first start.
void world_cut_init(world_t *world);
/// After each step: power goes, and comes back.
void world_cut_step(world_t *world);

#endif
