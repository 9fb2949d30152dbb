// SPDX-License-Identifier: MIT
// The last log lines, kept in memory for the diagnostics: written by the thread that drains the logs, read by the comms
// loop, which never waits for it.
#ifndef DAEMON_HISTORY_H
#define DAEMON_HISTORY_H

#include "holdfast/hf_log.h"

#include <pthread.h>

typedef struct daemon_history {
    pthread_mutex_t mutex; // held for one copy
    uint32_t count;        // lines ever
    hf_log_line_t line[CONFIG_HOLDFASTD_HISTORY_LINES];
} daemon_history_t;

void daemon_history_init(daemon_history_t *history);
void daemon_history_put(daemon_history_t *history, const hf_log_line_t *line);
/// Number of the oldest line still there, from 0. HF_E_AGAIN: busy.
HF_MUST_CHECK int daemon_history_first(daemon_history_t *history, uint32_t *number);
/// HF_E_AGAIN busy, HF_E_EMPTY this one has been overwritten, HF_E_NOT_FOUND it has not come yet.
HF_MUST_CHECK int daemon_history_get(daemon_history_t *history, uint32_t number,
                                     hf_log_line_t *line);

#endif
