// SPDX-License-Identifier: MIT
// A CAN bus over a Unix socket: a client of the hub that `holdfast sim` runs. Frames as in docs/SPEC.md. While there is
// no hub the bus is off; the driver comes back by itself. After polls stood still for longer than
// EVSE_CAN_VIRTUAL_STALL_MS what waited is of unknown age: it is dropped, and the bus joined anew.
#ifndef EVSE_CAN_VIRTUAL_H
#define EVSE_CAN_VIRTUAL_H

#include "evse/evse_can.h"
#include "holdfast/hf_backoff.h"
#include "holdfast/hf_ring.h"

#include <sys/un.h>

#define EVSE_CAN_VIRTUAL_FRAMES   256u
#define EVSE_CAN_VIRTUAL_BYTES    16u // of a frame on the socket
#define EVSE_CAN_VIRTUAL_STALL_MS 500u

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
    hf_ring_t ring; // drop-oldest, evse_can_frame_t
    uint32_t storage[HF_RING_BYTES(sizeof(evse_can_frame_t), EVSE_CAN_VIRTUAL_FRAMES) / 4u];
    uint32_t rx, tx, errors, refused, connects, stalls;
} evse_can_virtual_t;

/// Remembers the path; connecting happens in poll(). HF_E_TOO_LONG for a path the kernel would not take.
HF_MUST_CHECK int evse_can_virtual_open(evse_can_virtual_t *bus, const char *path);
void evse_can_virtual_close(evse_can_virtual_t *bus);
extern const evse_can_ops_t evse_can_virtual_ops; // ctx: evse_can_virtual_t

#endif
