// SPDX-License-Identifier: MIT
// The snapshot of a tick, private to the control tick.
#ifndef EVSE_PUBLISH_H
#define EVSE_PUBLISH_H

#include "evse/evse_control.h"

/// Writes the snapshot of this tick into the mailbox. Last.
void evse_publish(const evse_control_t *control, uint64_t now_us);

#endif
