// SPDX-License-Identifier: MIT
// The one thing a raw CAN socket cannot say: "restart the controller", by rtnetlink (`ip link set IF type can restart`).
#ifndef EVSE_CAN_NETLINK_H
#define EVSE_CAN_NETLINK_H

#include "holdfast/hf_status.h"

#define EVSE_CAN_NETLINK_BYTES 64u

/// The request as bytes, 4-aligned; its length.
size_t evse_can_netlink_restart_request(int index, uint8_t bytes[EVSE_CAN_NETLINK_BYTES]);
/// Restarts the controller of an interface. 0; HF_E_REFUSED: not permitted; HF_E_STATE: it is not off the bus, restarts by
/// itself (restart-ms), or has no controller; HF_E_IO. Takes the kernel's lock of network devices, nothing longer.
HF_MUST_CHECK int evse_can_netlink_restart(int index);

#endif
