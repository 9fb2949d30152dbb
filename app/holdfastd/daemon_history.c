// SPDX-License-Identifier: MIT
// A ring of log lines. Who reads tries the lock and comes again: a round of the comms loop is 20 ms away.
#include "daemon_history.h"

void daemon_history_init(daemon_history_t *history)
{
    (void)pthread_mutex_init(&history->mutex, NULL);
    history->count = 0;
}

void daemon_history_put(daemon_history_t *history, const hf_log_line_t *line)
{
    (void)pthread_mutex_lock(&history->mutex);
    history->line[history->count % CONFIG_HOLDFASTD_HISTORY_LINES] = *line;
    history->count++;
    (void)pthread_mutex_unlock(&history->mutex);
}

static uint32_t oldest(const daemon_history_t *history)
{
    return history->count > CONFIG_HOLDFASTD_HISTORY_LINES
               ? history->count - CONFIG_HOLDFASTD_HISTORY_LINES
               : 0;
}

int daemon_history_first(daemon_history_t *history, uint32_t *number)
{
    if (pthread_mutex_trylock(&history->mutex) != 0) {
        return HF_E_AGAIN;
    }
    *number = oldest(history);
    (void)pthread_mutex_unlock(&history->mutex);
    return HF_OK;
}

int daemon_history_get(daemon_history_t *history, uint32_t number, hf_log_line_t *line)
{
    if (pthread_mutex_trylock(&history->mutex) != 0) {
        return HF_E_AGAIN;
    }
    int status = number >= history->count   ? HF_E_NOT_FOUND
                 : number < oldest(history) ? HF_E_EMPTY
                                            : HF_OK;
    if (status == HF_OK) {
        *line = history->line[number % CONFIG_HOLDFASTD_HISTORY_LINES];
    }
    (void)pthread_mutex_unlock(&history->mutex);
    return status;
}
