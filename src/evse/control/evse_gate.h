// SPDX-License-Identifier: MIT
// The output gate, private to the control tick: the only writer of energizing frames and of the contactor output.
#ifndef EVSE_GATE_H
#define EVSE_GATE_H

#include "evse/evse_control.h"

/// Hands a frame to the connector's bus and counts, also what the driver refused. 0, or the driver's status.
int evse_gate_send(evse_channel_t *channel, const evse_can_frame_t *frame);
/// The same to the bus the BMS is on.
int evse_gate_send_bms(evse_channel_t *channel, const evse_can_frame_t *frame);
/// The very first act after boot: OFF on the bus, every output at its safe value. [SAF-08]
void evse_gate_boot(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);
/// Writes what phase, verdict and latch allow: switch, setpoints, contactor, lock, lights, live signal. Once a tick.
void evse_gate_write(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);
/// True while the E-stop latch is clear and the verdict has no reason against power.
bool evse_gate_is_open(const evse_control_t *control, const evse_channel_t *channel);

#endif
