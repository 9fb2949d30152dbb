// SPDX-License-Identifier: MIT
// The buses of a connector, private to the control tick: what comes in, what is told about them, and the way back.
#ifndef EVSE_BUSES_H
#define EVSE_BUSES_H

#include "evse/evse_control.h"

/// Polls the buses and decodes what has come; reports a bus that goes off or comes back, and a ring that fills.
void evse_buses_receive(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);
/// Asks buses that are off to come back. After the gate: both stop paths of this tick have been commanded. [SAF-12]
void evse_buses_recover(evse_channel_t *channel, uint64_t now_us);

#endif
