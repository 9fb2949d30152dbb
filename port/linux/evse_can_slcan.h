// SPDX-License-Identifier: MIT
// SLCAN over a serial device (or pty) of Linux: the byte port under evse_slcan.h by termios, raw, never blocking. A device
// that is unplugged is a bus that is off; recover() opens it anew.
#ifndef EVSE_CAN_SLCAN_H
#define EVSE_CAN_SLCAN_H

#include "evse/evse_slcan.h"

#define EVSE_CAN_SLCAN_PATH_BYTES 108u
#define EVSE_CAN_SLCAN_BAUD       115200u // of a serial line; USB adapters and ptys do not care

typedef struct evse_can_slcan_config {
    const char *path;       // "/dev/ttyACM0"
    uint32_t bitrate_kbits; // of the CAN bus; 0: 250
    uint32_t baud;          // of the serial line; 0: EVSE_CAN_SLCAN_BAUD
    bool mute;              // see evse_slcan_config_t
} evse_can_slcan_config_t;

typedef struct evse_can_slcan {
    evse_slcan_t slcan;
    char path[EVSE_CAN_SLCAN_PATH_BYTES];
    uint32_t baud;
    int fd; // -1: not open
} evse_can_slcan_t;

/// HF_E_TOO_LONG: the path; HF_E_RANGE: bitrate or baud. The device is opened in poll().
HF_MUST_CHECK int evse_can_slcan_open(evse_can_slcan_t *bus, const evse_can_slcan_config_t *config);
/// Closes the channel (C) as far as the device takes it, and the device. Waits 50 ms at most.
void evse_can_slcan_close(evse_can_slcan_t *bus);
extern const evse_can_ops_t evse_can_slcan_ops; // ctx: evse_can_slcan_t

#endif
