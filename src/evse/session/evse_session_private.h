// SPDX-License-Identifier: MIT
// What the files of the sessions share. Each function belongs to the file it is listed under.
#ifndef EVSE_SESSION_PRIVATE_H
#define EVSE_SESSION_PRIVATE_H

#include "../ocpp/evse_ocpp_vendor.h"

// ---- evse_session.c -----------------------------------------------------------------------------

/// ChangeAvailability, of the connector or of the station.
bool evse_session_is_inoperative(const evse_ocpp_t *ocpp, unsigned connector);
/// Closes the transaction and the session; `register_mJ` is billed. None becomes Other.
void evse_session_finish(evse_ocpp_t *ocpp, unsigned connector, evse_stop_reason_t reason,
                         uint64_t register_mJ);

// ---- evse_session_user.c ------------------------------------------------------------------------

/// Answers the user who stands there, by a light.
void evse_session_signal(evse_ocpp_t *ocpp, unsigned connector, bool accepted);
/// The start button.
void evse_session_press_start(evse_ocpp_t *ocpp, unsigned connector);

// ---- evse_session_events.c ----------------------------------------------------------------------

/// Takes what control told since the last round, and what must be remembered of it.
void evse_session_take_events(evse_ocpp_t *ocpp);

#endif
