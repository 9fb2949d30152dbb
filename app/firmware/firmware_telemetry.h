// SPDX-License-Identifier: MIT
// Telemetry of the image on a UART of its own, and the reset dossier in RAM that no start initialises. Context: the comms
// loop, except where it says otherwise; the tick and the fault handler print nothing. Invariants: a line has room whole or
// is lost; the trip policy ends the image in good order [SAF-14], never past both stop paths.
#ifndef FIRMWARE_TELEMETRY_H
#define FIRMWARE_TELEMETRY_H

#include "firmware_watch.h"
#include "mps2_uart.h"

#if CONFIG_HF_TELEMETRY
#include "holdfast/hf_dossier.h"
#include "holdfast/hf_telemetry.h"

#ifndef FIRMWARE_HEARTBEAT_S
#define FIRMWARE_HEARTBEAT_S 60u
#endif

typedef struct firmware_telemetry {
    evse_t *evse;
    const firmware_watch_t *watch;
    mps2_uart_t *uart;
    hf_telemetry_t device;
    hf_tasks_t tasks;
    hf_tripwire_t tripwire;
    hf_dossier_t draft; // of this run, for its end
    uint64_t started_us, noted_us;
    uint32_t sessions_started, sessions_ended;
    uint32_t reason; // hf_reset_reason_t of the end under way; 0: none
    bool is_connected, is_due;
} firmware_telemetry_t;

/// Reads what the run before left, and tells the prologue. The pointers are set before; the store is open.
HF_MUST_CHECK int firmware_telemetry_init(firmware_telemetry_t *telemetry, uint64_t now_us);
/// A round. True: the trip policy wants the image to end in good order, call evse_ocpp_shutdown() from now on.
bool firmware_telemetry_poll(firmware_telemetry_t *telemetry, uint64_t now_us);
/// The last words into the page that a reset leaves alone. Context: any, the fault handler too. Cost: O(page).
void firmware_telemetry_end(firmware_telemetry_t *telemetry, uint32_t reason, const char *task,
                            const char *detail);
/// As told by an exception that nobody expects, the watchdog's among them. Context: the fault handler.
void firmware_telemetry_fault(firmware_telemetry_t *telemetry, uint32_t exception, uint32_t pc);
#endif

#endif
