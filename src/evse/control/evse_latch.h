// SPDX-License-Identifier: MIT
// What is latched until somebody has looked: the emergency stop of the station, the weld of a connector. Private to the
// control tick.
#ifndef EVSE_LATCH_H
#define EVSE_LATCH_H

#include "evse/evse_control.h"

/// Sets the E-stop latch when a loop is open, reports it, follows the local reset. First of all judgements. [SAF-01]
void evse_latch_judge(evse_control_t *control, uint64_t now_us);
bool evse_latch_is_tripped(const evse_control_t *control);
/// The contactor is closed against all commands: latches, reports, raises CONTACTOR_WELDED.
void evse_latch_weld(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);

#endif
