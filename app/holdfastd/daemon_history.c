// SPDX-License-Identifier: MIT
// A ring of log lines. Who reads tries the lock and comes again: a round of the comms loop is 20 ms away.
#include "daemon_history.h"

void daemon_history_init(daemon_history_t *history, unsigned writer, unsigned reader)
{
    history->writer = writer;
    history->reader = reader;
    history->count = 0;
}

int daemon_history_put(daemon_history_t *history, const hf_log_line_t *line)
{
    int status = hf_mutex_take(&history->mutex, history->writer);
    if (status != HF_OK) {
        return status;
    }
    history->line[history->count % CONFIG_HOLDFASTD_HISTORY_LINES] = *line;
    history->count++;
    return hf_mutex_give(&history->mutex, history->writer);
}

static uint32_t oldest(const daemon_history_t *history)
{
    return history->count > CONFIG_HOLDFASTD_HISTORY_LINES
               ? history->count - CONFIG_HOLDFASTD_HISTORY_LINES
               : 0;
}

int daemon_history_first(daemon_history_t *history, uint32_t *number)
{
    int status = hf_mutex_try(&history->mutex, history->reader);
    if (status != HF_OK) {
        return status;
    }
    *number = oldest(history);
    return hf_mutex_give(&history->mutex, history->reader);
}

int daemon_history_get(daemon_history_t *history, uint32_t number, hf_log_line_t *line)
{
    if (hf_mutex_try(&history->mutex, history->reader) != HF_OK) {
        return HF_E_AGAIN;
    }
    int status = number >= history->count   ? HF_E_NOT_FOUND
                 : number < oldest(history) ? HF_E_EMPTY
                                            : HF_OK;
    if (status == HF_OK) {
        *line = history->line[number % CONFIG_HOLDFASTD_HISTORY_LINES];
    }
    int given = hf_mutex_give(&history->mutex, history->reader);
    return given == HF_OK ? status : given;
}
