// SPDX-License-Identifier: MIT
// SocketCAN driver: a raw socket on an interface that is up, error frames included. Compiled in every build; run only
// where the kernel has CAN (not yet part of the tests, see docs/DESIGN.md).
#ifndef EVSE_CAN_SOCKETCAN_H
#define EVSE_CAN_SOCKETCAN_H

#include "evse/evse_can.h"
#include "holdfast/hf_backoff.h"

#include <net/if.h>

typedef struct evse_can_socketcan {
    char interface[IFNAMSIZ];
    int fd; // -1: the interface is not there, or down
    bool bus_off;
    uint64_t next_open_us;
    hf_backoff_t backoff;
    uint32_t rx, tx, errors, bus_offs;
} evse_can_socketcan_t;

/// Remembers the interface ("can0"); opening happens in poll(). HF_E_TOO_LONG.
HF_MUST_CHECK int evse_can_socketcan_open(evse_can_socketcan_t *bus, const char *interface);
void evse_can_socketcan_close(evse_can_socketcan_t *bus);
extern const evse_can_ops_t evse_can_socketcan_ops; // ctx: evse_can_socketcan_t

#endif
