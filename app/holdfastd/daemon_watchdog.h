// SPDX-License-Identifier: MIT
// The two watchdogs outside the process: the hardware's (a /dev/watchdog) and systemd's (NOTIFY_SOCKET, WATCHDOG_USEC).
// Both are fed by the supervisor thread alone, and only while every critical task is in time. [SAF-13]
// Invariant: a device that was opened is left running by every end but an orderly one.
#ifndef DAEMON_WATCHDOG_H
#define DAEMON_WATCHDOG_H

#include "holdfast/hf_status.h"

#include <sys/socket.h>
#include <sys/un.h>

typedef struct daemon_watchdog {
    int device;         // -1: none
    bool is_watchdog;   // it takes a time-out; else it is fed by writes alone
    uint32_t timeout_s; // what the device made of ours
    uint64_t device_interval_us, next_device_us;
    int notify; // -1: nobody is to be told
    struct sockaddr_un notify_address;
    socklen_t notify_length;
    uint64_t notify_interval_us, next_notify_us; // 0: systemd does not watch
    uint32_t feeds, failed;
} daemon_watchdog_t;

/// What of systemd's environment names: all may be NULL.
typedef struct daemon_notify_environment {
    const char *socket, *watchdog_usec, *watchdog_pid;
} daemon_notify_environment_t;

/// Nothing is open. Call first.
void daemon_watchdog_init(daemon_watchdog_t *watchdog);
/// Opens the device, whose time begins to run. HF_E_IO: errno tells.
HF_MUST_CHECK int daemon_watchdog_open_device(daemon_watchdog_t *watchdog, const char *path);
/// HF_OK also where nobody is to be told; HF_E_FORMAT: a socket's name or a time that makes no sense.
HF_MUST_CHECK int daemon_watchdog_open_notify(daemon_watchdog_t *watchdog,
                                              const daemon_notify_environment_t *environment);
/// Feeds what is due, at a quarter of each time-out. Never blocks.
void daemon_watchdog_feed(daemon_watchdog_t *watchdog, uint64_t now_us);
/// Tells systemd one or more lines, as "READY=1" or "STATUS=...". Never blocks; what cannot be told is lost and counted.
void daemon_watchdog_tell(daemon_watchdog_t *watchdog, const char *lines);
/// Closes both. Orderly: the device is told that it may stop ('V'), else its time runs on.
void daemon_watchdog_close(daemon_watchdog_t *watchdog, bool is_orderly);

#endif
