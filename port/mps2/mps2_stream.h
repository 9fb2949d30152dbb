// SPDX-License-Identifier: MIT
// A byte stream over a UART that a bridge carries to the central system's TCP port. The bridge tells nothing: connected
// is assumed, and whoever speaks over it notices a loss by silence or by what makes no sense. Bytes lost on the wire
// (the UART's overrun) are told as HF_E_IO: a stream with a hole is none. No TLS here.
#ifndef MPS2_STREAM_H
#define MPS2_STREAM_H

#include "evse/evse_stream.h"
#include "mps2_uart.h"

typedef struct mps2_stream {
    mps2_uart_t *uart;
    uint32_t overruns; // of the UART when the stream was opened
    bool is_open;
} mps2_stream_t;

extern const evse_stream_ops_t mps2_stream_ops; // ctx: mps2_stream_t with its uart set

#endif
