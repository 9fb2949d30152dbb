// SPDX-License-Identifier: MIT
// The daemon's console: where its answers come from, and how a stop that was typed reaches the comms loop. The console's
// thread reads snapshots and sets bits; nothing of it ever waits for comms or control, nor they for it.
#ifndef DAEMON_CONSOLE_H
#define DAEMON_CONSOLE_H

#include "holdfast/hf_status.h"

#if CONFIG_EVSE_CONSOLE
#include "evse_console_serial.h"
#endif

typedef struct daemon_console {
#if CONFIG_EVSE_CONSOLE
    evse_console_serial_t serial;
#endif
    _Atomic uint32_t stops; // bit per connector: asked for, not carried out yet
} daemon_console_t;

struct daemon;

/// Opens the terminal of options.console and starts its thread; nothing without one. -1 to go on, else the exit code after
/// a clear sentence.
int daemon_console_start(struct daemon *daemon);
/// Carries out what was typed. Context: the comms loop.
void daemon_console_poll(struct daemon *daemon, uint64_t now_us);
void daemon_console_stop(struct daemon *daemon);

#endif
