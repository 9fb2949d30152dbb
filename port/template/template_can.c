// SPDX-License-Identifier: MIT
// CAN seam. A driver keeps a receive ring that its interrupt fills, reports bus-off as it is, and recovers inside
// poll() with a growing pause. Until it is filled in, the bus is off: the charge point reports CAN_BUS_OFF.
#include "template_port.h"

static int template_can_send(void *ctx, const evse_can_frame_t *frame)
{
    (void)ctx;
    (void)frame;
    return HF_E_STATE;
}

static int template_can_receive(void *ctx, evse_can_frame_t *frame)
{
    (void)ctx;
    (void)frame;
    return HF_E_STATE;
}

static evse_can_state_t template_can_poll(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    return EVSE_CAN_BUS_OFF;
}

const evse_can_ops_t template_can_ops = {
    .send = template_can_send,
    .receive = template_can_receive,
    .poll = template_can_poll,
};
