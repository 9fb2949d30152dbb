// SPDX-License-Identifier: MIT
// SLCAN over a UART (mps2_slcan.h).
#include "mps2_slcan.h"

static int slcan_read(void *ctx, uint8_t *data, uint32_t capacity)
{
    return (int)mps2_uart_read(ctx, data, capacity);
}

static int slcan_write(void *ctx, const uint8_t *data, uint32_t length)
{
    return (int)mps2_uart_write(ctx, data, length);
}

const evse_slcan_port_ops_t mps2_slcan_ops = {.read = slcan_read, .write = slcan_write};
