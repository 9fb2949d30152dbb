// SPDX-License-Identifier: MIT
// The console line of the image: log lines out, the commands of evse_console in and out. Context: the comms loop, below the
// control tick; what is typed can end a session and energize nothing.
#ifndef FIRMWARE_CONSOLE_H
#define FIRMWARE_CONSOLE_H

#include "evse/evse_console.h"
#include "firmware_watch.h"
#include "mps2_uart.h"

typedef struct firmware_console {
    evse_t *evse;
    const firmware_watch_t *watch;
    mps2_uart_t *uart;
    uint64_t now_us; // of the round under way
    evse_comms_view_t view;
    hf_snapshot_t comms;
    uint32_t comms_words[HF_SNAPSHOT_BYTES(sizeof(evse_comms_view_t)) / 4u];
#if CONFIG_EVSE_CONSOLE
    evse_console_t console;
    evse_supervisor_view_t supervision; // of the command under way
#endif
} firmware_console_t;

/// Greets. The pointers are set before.
HF_MUST_CHECK int firmware_console_init(firmware_console_t *console);
/// Takes what was typed and answers.
void firmware_console_poll(firmware_console_t *console, uint64_t now_us);
/// Writes waiting log lines as long as the line has room for them.
void firmware_console_log(firmware_console_t *console, hf_log_t *log);

#endif
