// SPDX-License-Identifier: MIT
// The firmware image as its parts: built by main.c, told about by firmware_report.c. One connector; Cortex-M4 on MPS2/AN386
// (port/mps2), as QEMU plays it.
//
// With FIRMWARE_FAULT_RESETS a fault ends in a reset, as on a product, not in QEMU's end.
//
// Contexts: UART interrupts move bytes; the timer's interrupt runs the control tick (SLCAN, inputs and outputs within it);
// main() runs the comms loop, drains the logs and sleeps. Nothing else runs, nothing allocates.
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include "evse/evse.h"
#include "evse/evse_slcan.h"
#include "evse/evse_ws.h"
#include "firmware_telemetry.h"
#include "firmware_watch.h"
#include "mps2_io.h"
#include "mps2_stream.h"
#include "mps2_uart.h"

// What a product reads from its own flash. Each may be given with -D.
#ifndef FIRMWARE_URL
#define FIRMWARE_URL "ws://central.invalid/ocpp/HF-M4" // host and port are the bridge's business
#endif
#ifndef FIRMWARE_MODULE
#define FIRMWARE_MODULE "m33-1024"
#endif
#ifndef FIRMWARE_VEHICLE
#define FIRMWARE_VEHICLE "nx100"
#endif
#ifndef FIRMWARE_NONCE
#define FIRMWARE_NONCE 0x4D345F3386ull // of message ids; unique per device on a product
#endif

#define FIRMWARE_LOG_LINES 16u
#define FIRMWARE_CALLERS   8u

typedef enum firmware_line { // number of the UART
    FIRMWARE_CONSOLE,
    FIRMWARE_NETWORK,
    FIRMWARE_CAN,
    FIRMWARE_IO,
    FIRMWARE_TELEMETRY,
    FIRMWARE_LINES
} firmware_line_t;

/// Everything the report tells of.
typedef struct firmware_parts {
    const evse_t *evse;
    const evse_ws_t *ws;
    const evse_slcan_t *slcan;
    const mps2_io_t *io;
    const mps2_uart_t *uart; // FIRMWARE_LINES
    const firmware_watch_t *watch;
    uint64_t started_us;
} firmware_parts_t;

#define FIRMWARE_REPORT_BYTES 1024u
/// One JSON object of what ran, in `text`; its length. Context: main(), at the end.
size_t firmware_report(const firmware_parts_t *parts, uint64_t now_us,
                       char text[FIRMWARE_REPORT_BYTES]);

#endif
