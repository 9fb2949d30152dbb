// SPDX-License-Identifier: MIT
// A CAN bus over a Unix socket: a client of the hub that `holdfast sim` runs. Frames as in docs/SPEC.md. While there is
// no hub the bus is off; the driver calls it again by itself with a backoff, and at once when recover() says so. After
// polls stood still for longer than EVSE_CAN_STALL_MS what waited is of unknown age: it is dropped and counted, and the
// bus joined anew.
#ifndef EVSE_CAN_VIRTUAL_H
#define EVSE_CAN_VIRTUAL_H

#include "evse/evse_can.h"
#include "holdfast/hf_backoff.h"

#include <sys/un.h>

#define EVSE_CAN_VIRTUAL_BYTES 16u // of a frame on the socket

/// A frame as it crosses the socket.
void evse_can_virtual_encode(const evse_can_frame_t *frame, uint8_t bytes[EVSE_CAN_VIRTUAL_BYTES]);
/// HF_E_FORMAT for anything that is no frame.
HF_MUST_CHECK int evse_can_virtual_decode(const uint8_t *bytes, size_t length,
                                          evse_can_frame_t *frame);

typedef struct evse_can_virtual {
    struct sockaddr_un address;
    int fd; // -1: no hub
    uint64_t next_connect_us;
    uint64_t polled_us; // 0: never
    hf_backoff_t backoff;
    evse_can_inbox_t inbox;
    evse_can_jam_t jam;
    bool jammed;                        // as of the last poll
    uint32_t refused, connects, stalls; // packets that are no frame, calls taken, stalls
} evse_can_virtual_t;

/// Remembers the path; connecting happens in poll(). HF_E_TOO_LONG for a path the kernel would not take.
HF_MUST_CHECK int evse_can_virtual_open(evse_can_virtual_t *bus, const char *path);
void evse_can_virtual_close(evse_can_virtual_t *bus);
extern const evse_can_ops_t evse_can_virtual_ops; // ctx: evse_can_virtual_t

#endif
