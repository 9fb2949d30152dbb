// SPDX-License-Identifier: MIT
// Downloads and uploads of the daemon, and what it adds to the diagnostics: what the kernel granted, tasks, past faults,
// the last log lines.
#ifndef DAEMON_TRANSFER_H
#define DAEMON_TRANSFER_H

#include "daemon_history.h"
#include "transfer_curl.h"

typedef struct daemon_transfer {
    daemon_history_t history;
    uint32_t first_line; // of the log in the diagnostics under way
    transfer_curl_t curl;
    bool is_started;
} daemon_transfer_t;

struct daemon;

/// Nothing is kept yet. Call first. A failure is the lock's.
HF_MUST_CHECK int daemon_transfer_init(struct daemon *daemon);
/// Starts the thread and fills in the seams of config.ocpp. -1 to go on, else the exit code after a clear sentence.
int daemon_transfer_build(struct daemon *daemon);
void daemon_transfer_stop(struct daemon *daemon);

#endif
