// SPDX-License-Identifier: MIT
// The console on a serial device or a pseudo terminal, in a thread of its own. A device that goes away is opened again
// every second. Whoever may open the other end may end sessions: a pty belongs to its user alone (mode 0600).
#ifndef EVSE_CONSOLE_SERIAL_H
#define EVSE_CONSOLE_SERIAL_H

#include "evse/evse_console.h"
#include "hf_thread.h"

#define EVSE_CONSOLE_SERIAL_PATH_BYTES 108u

typedef struct evse_console_serial_config {
    const char *spec;             // "pty", "pty:LINK", "DEVICE" or "DEVICE@BAUD" (115200)
    evse_console_source_t source; // but for write
    void (*alive)(void *ctx,
                  uint64_t now_us); // once a second at least, with source.ctx; may be NULL
    hf_thread_place_t place;
} evse_console_serial_config_t;

typedef struct evse_console_serial {
    evse_console_serial_config_t config;
    evse_console_t console;
    pthread_t thread;
    char path[EVSE_CONSOLE_SERIAL_PATH_BYTES]; // of the device, or of the pty's other end
    char link[EVSE_CONSOLE_SERIAL_PATH_BYTES]; // to that; "" none
    uint32_t speed;                            // speed_t
    int fd;                                    // -1: the device is away
    int other_fd; // a pty's other end, held open so that nobody's leaving hangs it up; -1 none
    int wake[2];  // a pipe: closed to end the thread
    bool is_started;
    bool is_stuck; // nobody reads: no waiting until something is typed
    hf_atomic_u32_t lost_bytes, opened;
} evse_console_serial_t;

/// HF_OK, HF_E_FORMAT, HF_E_TOO_LONG, HF_E_RANGE (a speed there is none of). Touches nothing.
HF_MUST_CHECK int evse_console_serial_check(const char *spec);
/// Opens the terminal, greets on it and starts the thread. As _check(), HF_E_NOT_FOUND (no such device), HF_E_STATE (LINK is
/// something else than a link), HF_E_IO, HF_E_ARGUMENT as evse_console_init().
HF_MUST_CHECK int evse_console_serial_start(evse_console_serial_t *serial,
                                            const evse_console_serial_config_t *config);
/// Ends the thread, closes the terminal, removes its own link. Nothing when it was never started.
void evse_console_serial_stop(evse_console_serial_t *serial);

#endif
