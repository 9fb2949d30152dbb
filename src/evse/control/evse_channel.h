// SPDX-License-Identifier: MIT
// One connector's session, faults and events, private to the control tick.
#ifndef EVSE_CHANNEL_H
#define EVSE_CHANNEL_H

#include "evse/evse_control.h"

unsigned evse_channel_index(const evse_control_t *control, const evse_channel_t *channel);
/// Queues an event; what the queue refuses waits and is retried by evse_channel_flush().
void evse_channel_event(evse_control_t *control, evse_channel_t *channel, evse_event_kind_t kind,
                        unsigned detail, uint64_t now_us);
void evse_channel_flush(evse_control_t *control, evse_channel_t *channel);
/// The event queue has room for one more whole session on every connector.
bool evse_channel_has_room(const evse_control_t *control, const evse_channel_t *channel);
/// The cause of a fault is there in this tick. Locks it; a graver one replaces the one that stands.
void evse_channel_raise(evse_control_t *control, evse_channel_t *channel, evse_fault_t fault,
                        uint64_t now_us);
/// The order still asks for the session control worked on last.
bool evse_channel_is_named(const evse_channel_t *channel, uint64_t now_us);
/// The BMS has spoken within the age its vehicle's profile states.
bool evse_channel_hears_bms(const evse_channel_t *channel, uint64_t now_us);
/// Raises what the verdict found, clears what may clear: evse_fault_clearing(). After the judge.
void evse_channel_watch_faults(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);
/// Plug with debounce: in after EVSE_PLUG_DEBOUNCE_MS, out at once. [SAF-09]
void evse_channel_watch_plug(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);
/// Buttons with debounce: reports a start button pressed; the stop button is a level that ends the session.
void evse_channel_watch_buttons(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);
/// Takes up, or ends, the session the order names. Before the power step.
void evse_channel_follow_order(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);
/// Carries out UnlockConnector. Before the power step.
void evse_channel_unlock(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);
/// Reports a session over once its power is off. After the meter.
void evse_channel_finish(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);
/// The connector state of this tick. Last.
void evse_channel_show_state(evse_control_t *control, evse_channel_t *channel, uint64_t now_us);

#endif
