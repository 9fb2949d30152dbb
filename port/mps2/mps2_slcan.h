// SPDX-License-Identifier: MIT
// The byte port of the SLCAN driver on a UART. Always there: who unplugs an adapter shows by silence.
#ifndef MPS2_SLCAN_H
#define MPS2_SLCAN_H

#include "evse/evse_slcan.h"
#include "mps2_uart.h"

extern const evse_slcan_port_ops_t mps2_slcan_ops; // ctx: mps2_uart_t

#endif
