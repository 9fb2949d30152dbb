// SPDX-License-Identifier: MIT
// holdfastd as one object: the charge point, its ports, its threads. The composition root: the only code that knows all.
//
// Threads: control (every tick and at an edge of the emergency stop; SCHED_FIFO where granted), supervisor (just below it;
// feeds the watchdogs), comms (20 ms or when bytes come), one of the status page, the console, one worker for what blocks
// (names, fdatasync), one for transfers, and main, which drains the logs and waits for signals.
#ifndef DAEMON_H
#define DAEMON_H

#include "daemon_console.h"
#include "daemon_device.h"
#include "daemon_jobs.h"
#include "daemon_meter.h"
#include "daemon_tasks.h"
#if CONFIG_HOLDFASTD_TRANSFERS
#include "daemon_transfer.h"
#endif
#if CONFIG_HOLDFASTD_MQTT
#include "daemon_mqtt.h"
#endif
#include "daemon_watchdog.h"
#include "evse/evse_supervisor.h"
#include "evse/evse_view.h"
#include "evse/evse_ws.h"
#include "evse_can_linux.h"
#if CONFIG_HOLDFASTD_GPIO
#include "evse_io_gpio.h"
#endif
#include "evse_io_socket.h"
#include "evse_reader_linux.h"
#include "evse_stream_tcp.h"
#include "hf_flash_file.h"
#include "hf_net_linux.h"
#include "options.h"
#if CONFIG_HOLDFASTD_STATUS_PAGE
#include "daemon_portal.h"
#endif

#include <pthread.h>

#define DAEMON_LOG_LINES 256u

typedef struct daemon_log {
    hf_log_t log;
    uint32_t storage[HF_RING_BYTES(sizeof(hf_log_line_t), DAEMON_LOG_LINES) / 4u];
    uint32_t lost_told;
    hf_log_line_t kept; // printed, and not in the history yet
    bool has_kept;
} daemon_log_t;

// Why the daemon ends. A restart runs the program again in place.
typedef enum daemon_end {
    DAEMON_RUNS,
    DAEMON_ENDS,     // SIGTERM, SIGINT
    DAEMON_RESTARTS, // Reset from the central system: everything is durable already
    DAEMON_FAILS,    // a critical task hangs
    DAEMON_TRIPS,    // the trip policy or a service restarts it: nothing is ended yet
} daemon_end_t;

// Who has to check in with the supervisor.
typedef enum daemon_task { TASK_CONTROL, TASK_COMMS, TASK_WORKER, TASK_MAIN, TASKS } daemon_task_t;

#define SHUTDOWN_LIMIT_US   (5u * HF_US_PER_S) // sessions ended and durable
#define LAST_TICKS_LIMIT_US (2u * HF_US_PER_S) // power off and contactor open

// What the kernel granted: 0, or the errno of its refusal. EINPROGRESS: not asked yet.
typedef struct daemon_realtime {
    hf_atomic_u32_t control_error, memory_error;
} daemon_realtime_t;

typedef struct daemon {
    options_t options;
    daemon_device_t device;
    daemon_jobs_t jobs; // what services ask of comms
    daemon_tasks_t tasks;
    evse_t evse;
    evse_config_t config;
    daemon_log_t control_log, comms_log, supervisor_log, main_log;
    daemon_realtime_t realtime;
    daemon_watchdog_t watchdog;
    evse_supervisor_t supervisor;
    hf_flash_file_t flash;
    hf_flash_file_t tags; // local list and authorization cache
    bool has_tags;
    evse_reader_linux_t reader;
    hf_net_linux_t net_linux;
    hf_net_t net;
    bool has_net;
    evse_stream_tcp_t stream;
    evse_ws_t ws;
    uint8_t ws_receive[CONFIG_EVSE_OCPP_RECEIVE_BYTES];
    uint8_t ws_send[CONFIG_EVSE_OCPP_SEND_BYTES + 16];
    evse_can_linux_t can[CONFIG_EVSE_CONNECTORS_MAX], bms_can[CONFIG_EVSE_CONNECTORS_MAX];
    union {
        evse_io_socket_t socket;
#if CONFIG_HOLDFASTD_GPIO
        evse_io_gpio_t gpio;
#endif
    } io;
    bool io_is_gpio;
    daemon_meters_t meters;
    evse_comms_view_t view;
    hf_snapshot_t view_snapshot;
    uint32_t view_words[HF_SNAPSHOT_BYTES(sizeof(evse_comms_view_t)) / 4u];
#if CONFIG_HOLDFASTD_STATUS_PAGE
    daemon_portal_t portal;
#endif
    daemon_console_t console;
#if CONFIG_HOLDFASTD_MQTT
    daemon_mqtt_t mqtt;
    daemon_log_t mqtt_log;
#endif
#if CONFIG_HOLDFASTD_TRANSFERS
    daemon_transfer_t transfer;
#endif
    pthread_t control_thread, comms_thread, supervisor_thread;
    _Atomic uint32_t end;              // daemon_end_t
    _Atomic uint32_t comms_ended;      // everything durable, orders withdrawn
    _Atomic uint32_t control_stops;    // the last ticks
    _Atomic uint32_t control_ended;    // power off, contactor open, or the limit is over
    _Atomic uint32_t supervision_ends; // nothing is left to watch
    _Atomic uint32_t journal_wait_ms;  // the write under way takes so long already
    _Atomic uint32_t link_open;        // 1: to the central system
    uint32_t journal_syncs;            // comms': when the write under way began
    uint64_t journal_since_us;
} daemon_t;

/// Builds everything, starts nothing. -1 to go on, else the exit code after a clear sentence on stderr.
int daemon_build(daemon_t *daemon);
/// Starts the threads. -1, or the exit code.
int daemon_start(daemon_t *daemon);
/// Ends comms in good order (sessions ended, durable; at most 5 s), then control after power is off and the contactor open
/// (at most 2 s), then the watchdogs. [SAF-14]
void daemon_stop(daemon_t *daemon);
/// Writes the waiting log lines to stderr; what a stuck reader does not take stays in the log.
void daemon_drain_logs(daemon_t *daemon);
/// A line written to stderr now would not wait.
bool daemon_is_reader_ready(void);

/// The files of the local list and the cache, and the card reader; into config.ocpp. -1, or the exit code.
int daemon_tags_build(daemon_t *daemon);
void daemon_tags_close(daemon_t *daemon);

/// Locks memory, and sets the stacks of threads that libraries start. Says what came of it.
void daemon_lock_memory(daemon_t *daemon);
/// Starts a thread with a real-time priority, or without where that is not granted: realtime then says why.
/// Returns an errno: no thread.
int daemon_start_realtime(daemon_t *daemon, pthread_t *thread, unsigned row, void *(*run)(void *));
void daemon_tell_realtime(daemon_t *daemon);

/// The supervisor: -1, or the exit code after a clear sentence.
int daemon_supervision_build(daemon_t *daemon);
/// Its thread.
void *daemon_supervise(void *daemon);
void daemon_check_in(daemon_t *daemon, daemon_task_t task, uint64_t now_us);

/// Waits until a moment of the clock, or until an emergency stop opens: true, and the latch is set.
bool daemon_wait_for_edge(daemon_t *daemon, uint64_t until_us);
void daemon_wait_until(uint64_t until_us);

#endif
