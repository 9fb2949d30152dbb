// SPDX-License-Identifier: MIT
// holdfastd as one object: the charge point, its ports, its threads. The composition root: the only code that knows all.
//
// Threads: control (10 ms, highest priority it can get), comms (20 ms or when bytes come), one of the status page, one
// worker for what blocks (names, fdatasync), and main, which drains the logs and waits for signals.
#ifndef DAEMON_H
#define DAEMON_H

#include "evse/evse_view.h"
#include "evse/evse_ws.h"
#include "evse_can_socketcan.h"
#include "evse_can_virtual.h"
#include "evse_io_socket.h"
#include "evse_stream_tcp.h"
#include "hf_flash_file.h"
#include "options.h"
#if CONFIG_HOLDFASTD_STATUS_PAGE
#include "status_page.h"
#endif

#include <pthread.h>

#define DAEMON_LOG_LINES 256u

typedef struct daemon_log {
    hf_log_t log;
    uint32_t storage[HF_RING_BYTES(sizeof(hf_log_line_t), DAEMON_LOG_LINES) / 4u];
    uint32_t lost_told;
} daemon_log_t;

// Why the daemon ends. A restart runs the program again in place.
typedef enum daemon_end {
    DAEMON_RUNS,
    DAEMON_ENDS,     // SIGTERM, SIGINT
    DAEMON_RESTARTS, // Reset from the central system: everything is durable already
} daemon_end_t;

typedef struct daemon {
    options_t options;
    evse_t evse;
    evse_config_t config;
    daemon_log_t control_log, comms_log;
    hf_flash_file_t flash;
    evse_stream_tcp_t stream;
    evse_ws_t ws;
    uint8_t ws_receive[CONFIG_EVSE_OCPP_MESSAGE_BYTES];
    uint8_t ws_send[CONFIG_EVSE_OCPP_MESSAGE_BYTES + 16];
    union {
        evse_can_virtual_t virtual_bus;
        evse_can_socketcan_t socketcan;
    } can[CONFIG_EVSE_CONNECTORS_MAX];
    evse_io_socket_t io;
    evse_comms_view_t view;
    hf_snapshot_t view_snapshot;
    uint32_t view_words[HF_SNAPSHOT_BYTES(sizeof(evse_comms_view_t)) / 4u];
#if CONFIG_HOLDFASTD_STATUS_PAGE
    status_source_t status_source;
    status_page_t *page;
#endif
    pthread_t control_thread, comms_thread;
    _Atomic uint32_t end;           // daemon_end_t
    _Atomic uint32_t comms_ended;   // everything durable, orders withdrawn
    _Atomic uint32_t control_stops; // the last ticks
} daemon_t;

/// Builds everything, starts nothing. -1 to go on, else the exit code after a clear sentence on stderr.
int daemon_build(daemon_t *daemon);
/// Starts the threads. -1, or the exit code.
int daemon_start(daemon_t *daemon);
/// Ends comms in good order (sessions ended, durable; at most 5 s), then control after power is off.
void daemon_stop(daemon_t *daemon);
/// Writes every waiting log line to stderr.
void daemon_drain_logs(daemon_t *daemon);

#endif
