// SPDX-License-Identifier: MIT
// The power phases, private to the control tick: what is commanded, in which order, and what must follow.
#ifndef EVSE_POWER_H
#define EVSE_POWER_H

#include "evse/evse_control.h"

/// One step of the phase machine. Raises the faults of what did not follow. Once a tick, before the gate.
void evse_power_step(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);
/// The phase is one in which the module is told ON.
bool evse_power_wants_on(const evse_channel_t *channel);
/// Proven dead: told OFF, and the module confirmed it, or the contactor is seen open, or nothing flows by a fresh reading.
bool evse_power_is_dead(const evse_channel_t *channel, uint64_t now_us);

#endif
