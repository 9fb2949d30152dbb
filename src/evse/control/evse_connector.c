// SPDX-License-Identifier: MIT
// Connector state machine, OCPP 1.6 section 4.9. Goal: the state follows from what is, not from the path that led to
// it, so that no message can be missed. Assumptions: plug and draw are debounced by the caller. Invariants: a fault
// shows first; an open session never shows Available; a plug that stays after a session shows Finishing.
#include "evse/evse_connector.h"

static evse_connector_state_t session_state(evse_connector_state_t was,
                                            const evse_connector_inputs_t *in)
{
    if (in->order == EVSE_ORDER_SUSPEND || !in->offering) {
        return EVSE_STATE_SuspendedEVSE; // wins over SuspendedEV
    }
    if (in->energized) {
        return in->vehicle_draws ? EVSE_STATE_Charging : EVSE_STATE_SuspendedEV;
    }
    if (!in->vehicle_draws) {
        return EVSE_STATE_SuspendedEV; // it forbids
    }
    // Power is on its way: first time from Preparing, else again.
    return in->energized_once || was == EVSE_STATE_Charging || was == EVSE_STATE_SuspendedEVSE ||
                   was == EVSE_STATE_SuspendedEV
               ? EVSE_STATE_SuspendedEVSE
               : EVSE_STATE_Preparing;
}

static bool has_session(const evse_connector_inputs_t *in)
{
    return in->order == EVSE_ORDER_RUN || in->order == EVSE_ORDER_SUSPEND;
}

evse_connector_state_t evse_connector_step(evse_connector_state_t was,
                                           const evse_connector_inputs_t *inputs)
{
    if (inputs->faulted) {
        return EVSE_STATE_Faulted;
    }
    if (has_session(inputs) && !inputs->session_over) {
        return session_state(was, inputs);
    }
    if (inputs->inoperative) {
        return EVSE_STATE_Unavailable; // straight from the session, no Available in between
    }
    if (has_session(inputs) || inputs->energized) {
        return EVSE_STATE_Finishing;
    }
    if (inputs->order == EVSE_ORDER_AUTHORIZED) {
        return EVSE_STATE_Preparing;
    }
    if (inputs->finishing) {
        return EVSE_STATE_Finishing;
    }
    if (inputs->reserved) {
        return EVSE_STATE_Reserved;
    }
    return inputs->plugged ? EVSE_STATE_Preparing : EVSE_STATE_Available;
}
