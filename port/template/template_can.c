// SPDX-License-Identifier: MIT
// CAN seam. A driver keeps an evse_can_inbox_t that its interrupt fills, reports bus-off as it is, and comes back only when
// recover() asks it to: by then both stop paths of the tick have been commanded, and the pauses between the tries are the
// caller's. Until it is filled in, the bus is off: the charge point reports CAN_BUS_OFF.
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

static int template_can_recover(void *ctx, uint64_t now_us)
{
    (void)ctx;
    (void)now_us;
    return HF_OK; // tried: one restart of the controller, without waiting for it
}

const evse_can_ops_t template_can_ops = {
    .send = template_can_send,
    .receive = template_can_receive,
    .poll = template_can_poll,
    .recover = template_can_recover,
};
