// SPDX-License-Identifier: MIT
// The power phases, private to the control tick: what is commanded, in which order, and what must follow.
#ifndef EVSE_POWER_H
#define EVSE_POWER_H

#include "evse/evse_control.h"

/// One step of the phase machine. Raises the faults of what did not follow. Once a tick, before the gate.
void evse_power_step(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);

#endif
