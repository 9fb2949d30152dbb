// SPDX-License-Identifier: MIT
// CAN: the frame, and the driver seam. A driver never blocks and keeps its own receive ring.
#ifndef EVSE_CAN_H
#define EVSE_CAN_H

#include "holdfast/hf_status.h"

#define EVSE_CAN_ID_MASK 0x1FFFFFFFu

typedef struct evse_can_frame {
    uint32_t id;    // 29 bits when extended, else 11
    uint8_t length; // 0 to 8
    bool extended;
    uint8_t data[8];
} evse_can_frame_t;

typedef enum evse_can_state {
    EVSE_CAN_ACTIVE, // frames go out and come in
    EVSE_CAN_BUS_OFF, // the controller has left the bus, or the bus is not there; the driver recovers by itself
} evse_can_state_t;

typedef struct evse_can_ops {
    /// 0 handed to the controller, HF_E_AGAIN its queue is full, HF_E_STATE bus off. Never blocks.
    int (*send)(void *ctx, const evse_can_frame_t *frame);
    /// 1 a frame was stored in `frame`, 0 none waiting, HF_E_STATE bus off. Never blocks.
    int (*receive)(void *ctx, evse_can_frame_t *frame);
    /// Recovery runs in here, with its own backoff. Called once a tick. Never blocks.
    evse_can_state_t (*poll)(void *ctx, uint64_t now_us);
} evse_can_ops_t;

typedef struct evse_can {
    const evse_can_ops_t *ops;
    void *ctx;
} evse_can_t;

#endif
