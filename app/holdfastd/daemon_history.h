// SPDX-License-Identifier: MIT
// The last log lines, kept in memory for the diagnostics: written by the thread that drains the logs, read by the comms
// loop, which never waits for it. Invariant: a line the writer could not put in time is the writer's still, and comes before
// any later one.
#ifndef DAEMON_HISTORY_H
#define DAEMON_HISTORY_H

#include "holdfast/hf_log.h"
#include "holdfast/hf_mutex.h"

typedef struct daemon_history {
    hf_mutex_t mutex;        // held for one copy
    unsigned writer, reader; // rows of the task table
    uint32_t count;          // lines ever
    hf_log_line_t line[CONFIG_HOLDFASTD_HISTORY_LINES];
} daemon_history_t;

/// `mutex` is made already, by whoever lists the locks.
void daemon_history_init(daemon_history_t *history, unsigned writer, unsigned reader);
/// HF_E_TIMEOUT: the line was not taken; put it again later, before the next one. Context: the writer.
HF_MUST_CHECK int daemon_history_put(daemon_history_t *history, const hf_log_line_t *line);
/// Number of the oldest line still there, from 0. HF_E_AGAIN: busy. Context of both: the reader.
HF_MUST_CHECK int daemon_history_first(daemon_history_t *history, uint32_t *number);
/// HF_E_AGAIN busy, HF_E_EMPTY this one has been overwritten, HF_E_NOT_FOUND it has not come yet.
HF_MUST_CHECK int daemon_history_get(daemon_history_t *history, uint32_t number,
                                     hf_log_line_t *line);

#endif
