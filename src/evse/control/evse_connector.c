// SPDX-License-Identifier: MIT
// Connector state machine, OCPP 1.6 section 4.9. Goal: the state follows from what is, not from the path that led to
// it, so that no message can be missed. Assumptions: plug and draw are debounced by the caller. Invariants: a fault
// shows first; an open session never shows Available; a plug that stays after a session shows Finishing; only the
// transitions of the specification's table are taken: where it has none, the way leads over a state in between.
#include "evse/evse_connector.h"

#define TO(state) (1u << (unsigned)(state))

bool evse_connector_may_follow(evse_connector_state_t was, evse_connector_state_t state)
{
    // The table of section 4.9 with B6 of the errata (3.20): 53 transitions, A2 to I8.
    static const uint16_t transitions[EVSE_CONNECTOR_STATE_COUNT] = {
        [EVSE_STATE_Available] = TO(EVSE_STATE_Preparing) | TO(EVSE_STATE_Charging) |
                                 TO(EVSE_STATE_SuspendedEV) | TO(EVSE_STATE_SuspendedEVSE) |
                                 TO(EVSE_STATE_Reserved) | TO(EVSE_STATE_Unavailable) |
                                 TO(EVSE_STATE_Faulted),
        [EVSE_STATE_Preparing] = TO(EVSE_STATE_Available) | TO(EVSE_STATE_Charging) |
                                 TO(EVSE_STATE_SuspendedEV) | TO(EVSE_STATE_SuspendedEVSE) |
                                 TO(EVSE_STATE_Finishing) | TO(EVSE_STATE_Faulted),
        [EVSE_STATE_Charging] = TO(EVSE_STATE_Available) | TO(EVSE_STATE_SuspendedEV) |
                                TO(EVSE_STATE_SuspendedEVSE) | TO(EVSE_STATE_Finishing) |
                                TO(EVSE_STATE_Unavailable) | TO(EVSE_STATE_Faulted),
        [EVSE_STATE_SuspendedEV] = TO(EVSE_STATE_Available) | TO(EVSE_STATE_Charging) |
                                   TO(EVSE_STATE_SuspendedEVSE) | TO(EVSE_STATE_Finishing) |
                                   TO(EVSE_STATE_Unavailable) | TO(EVSE_STATE_Faulted),
        [EVSE_STATE_SuspendedEVSE] = TO(EVSE_STATE_Available) | TO(EVSE_STATE_Charging) |
                                     TO(EVSE_STATE_SuspendedEV) | TO(EVSE_STATE_Finishing) |
                                     TO(EVSE_STATE_Unavailable) | TO(EVSE_STATE_Faulted),
        [EVSE_STATE_Finishing] = TO(EVSE_STATE_Available) | TO(EVSE_STATE_Preparing) |
                                 TO(EVSE_STATE_Unavailable) | TO(EVSE_STATE_Faulted),
        [EVSE_STATE_Reserved] = TO(EVSE_STATE_Available) | TO(EVSE_STATE_Preparing) |
                                TO(EVSE_STATE_Unavailable) | TO(EVSE_STATE_Faulted),
        [EVSE_STATE_Unavailable] = TO(EVSE_STATE_Available) | TO(EVSE_STATE_Preparing) |
                                   TO(EVSE_STATE_Charging) | TO(EVSE_STATE_SuspendedEV) |
                                   TO(EVSE_STATE_SuspendedEVSE) | TO(EVSE_STATE_Faulted),
        [EVSE_STATE_Faulted] = TO(EVSE_STATE_Available) | TO(EVSE_STATE_Preparing) |
                               TO(EVSE_STATE_Charging) | TO(EVSE_STATE_SuspendedEV) |
                               TO(EVSE_STATE_SuspendedEVSE) | TO(EVSE_STATE_Finishing) |
                               TO(EVSE_STATE_Reserved) | TO(EVSE_STATE_Unavailable),
    };
    return was < EVSE_CONNECTOR_STATE_COUNT && state < EVSE_CONNECTOR_STATE_COUNT &&
           (transitions[was] >> state & 1u) != 0u;
}

// The first state on the way to one that the table does not allow directly: two in between at most, and Available never on
// the way to Unavailable.
static evse_connector_state_t first_step(evse_connector_state_t was, evse_connector_state_t wanted)
{
    switch (wanted) {
    case EVSE_STATE_Preparing:   // C2, D2, E2: the session before ends first
    case EVSE_STATE_Unavailable: // B8: B6, F8
        return EVSE_STATE_Finishing;
    case EVSE_STATE_Reserved: // B7, F7, H7 over Available; C7, D7, E7 over Finishing
        return evse_connector_may_follow(was, EVSE_STATE_Finishing) && was != EVSE_STATE_Preparing
                   ? EVSE_STATE_Finishing
                   : EVSE_STATE_Available;
    case EVSE_STATE_Charging: // F3 to F5, G3 to G5, A6, G6, H6
    case EVSE_STATE_SuspendedEV:
    case EVSE_STATE_SuspendedEVSE:
    case EVSE_STATE_Finishing:
    case EVSE_STATE_Available:
    case EVSE_STATE_Faulted:
    case EVSE_CONNECTOR_STATE_COUNT:
    default:
        return EVSE_STATE_Preparing;
    }
}

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

static evse_connector_state_t judge(evse_connector_state_t was, const evse_connector_inputs_t *in)
{
    if (in->faulted) {
        return EVSE_STATE_Faulted;
    }
    if (has_session(in) && !in->session_over) {
        return session_state(was, in);
    }
    if (in->inoperative) {
        return EVSE_STATE_Unavailable; // straight from the session, no Available in between
    }
    if (has_session(in) || in->energized) {
        return EVSE_STATE_Finishing;
    }
    if (in->order == EVSE_ORDER_AUTHORIZED) {
        return EVSE_STATE_Preparing;
    }
    if (in->finishing) {
        return EVSE_STATE_Finishing;
    }
    if (in->reserved) {
        return EVSE_STATE_Reserved;
    }
    return in->plugged ? EVSE_STATE_Preparing : EVSE_STATE_Available;
}

evse_connector_state_t evse_connector_step(evse_connector_state_t was,
                                           const evse_connector_inputs_t *inputs)
{
    evse_connector_state_t wanted = judge(was, inputs);
    return wanted == was || evse_connector_may_follow(was, wanted) ? wanted
                                                                   : first_step(was, wanted);
}
