// SPDX-License-Identifier: MIT
// Commissioning within a tick, private to the control tick.
#ifndef EVSE_COMMISSION_WATCH_H
#define EVSE_COMMISSION_WATCH_H

#include "evse/evse_control.h"

/// What a connector's configuration asks for. At init.
void evse_commission_watch_init(evse_channel_t *channel);
/// Steps the machine, mutes the modules, tells what was proven, raises what was not. After the judge, before the power
/// step.
void evse_commission_watch(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);

#endif
