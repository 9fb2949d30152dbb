// SPDX-License-Identifier: MIT
// The contactor of a connector, private to the control tick: what is seen of it, and the proofs that it opens.
#ifndef EVSE_CONTACTOR_H
#define EVSE_CONTACTOR_H

#include "evse/evse_control.h"

/// Its feedback is fresh and says so.
bool evse_contactor_is_closed(const evse_channel_t *channel, uint64_t now_us);
bool evse_contactor_is_open(const evse_channel_t *channel, uint64_t now_us);
void evse_contactor_close(evse_channel_t *channel);
/// Commands it open; where the sensor sits before it, the voltage has to fall from here on. [SAF-16]
void evse_contactor_open(evse_channel_t *channel, uint64_t now_us);
/// The proofs that it is open: its feedback, and the voltage where the profile says it can be a proof. Latches a weld. Once
/// a tick, after the phase. [SAF-16]
void evse_contactor_watch(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);

#endif
