// SPDX-License-Identifier: MIT
// Connector state machine (OCPP 1.6 section 4.9): explicit, pure. One call a tick.
#ifndef EVSE_CONNECTOR_H
#define EVSE_CONNECTOR_H

#include "evse/evse_state.h"

typedef struct evse_connector_inputs {
    bool plugged;
    bool faulted;       // a fault that forbids use
    bool energized;     // the contactor is closed and the module confirmed ON
    bool offering;      // the station permits power (verdict), whether or not the vehicle takes it
    bool vehicle_draws; // current above the suspended threshold, with hysteresis in time
    bool session_over;  // control has ended the session, the order still names it
    evse_session_order_t order;
    bool inoperative, reserved;
    bool finishing; // a session, or the wait for a user, ended here and its Finishing is not over
    bool energized_once; // the session's power was on before
} evse_connector_inputs_t;

/// True for the 53 transitions of the specification's table (A2 to I8, with B6 of the errata); false for a state itself.
bool evse_connector_may_follow(evse_connector_state_t was, evse_connector_state_t state);
/// The state after this tick. `was` is the one before it. Only what may follow follows: where the table has no direct way
/// it takes a tick or two more.
evse_connector_state_t evse_connector_step(evse_connector_state_t was,
                                           const evse_connector_inputs_t *inputs);

#endif
