// SPDX-License-Identifier: MIT
// Bounded locks over the port's own. `holder` and `taken_ms` belong to whoever holds the lock; everybody reads them. What a
// time-out writes down may come from several waiters at once: counters are exact, of the names the last one stays.
#include "holdfast/hf_mutex.h"

#include "hf_word.h"
#include "holdfast/hf_clock.h"

static uint32_t now_ms(void)
{
    return (uint32_t)(hf_port_now_us() / HF_US_PER_MS);
}

int hf_mutex_init(hf_mutex_t *mutex, const char *name, uint32_t bound_us)
{
    if (name == NULL) {
        return HF_E_ARGUMENT;
    }
    if (mutex->name != NULL) {
        return HF_E_STATE;
    }
    int status = hf_port_mutex_init(mutex->port);
    if (status == HF_OK) {
        mutex->name = name;
        mutex->bound_us = bound_us != 0 ? bound_us : HF_MUTEX_BOUND_US;
        mutex->waits.limit_us = mutex->bound_us;
    }
    return status;
}

static void note_taken(hf_mutex_t *mutex, unsigned task)
{
    word_write(&mutex->holder, task + 1u);
    word_write(&mutex->taken_ms, now_ms());
    word_step(&mutex->takes, 1u);
}

/// `before` held it when the waiter began to wait: nobody may hold it at this very moment.
static void note_timeout(hf_mutex_t *mutex, uint32_t before, unsigned task)
{
    const uint32_t now = word_read(&mutex->holder);
    const uint32_t holder = now != 0 ? now : before;
    const uint32_t held_ms = now_ms() - word_read(&mutex->taken_ms);
    word_write(&mutex->held_us, held_ms < UINT32_MAX / 1000u ? held_ms * 1000u : UINT32_MAX);
    word_write(&mutex->last_pair, holder << 16 | (task + 1u));
    word_count(&mutex->timeouts);
}

int hf_mutex_try(hf_mutex_t *mutex, unsigned task)
{
    if (hf_port_mutex_take(mutex->port, 0) != HF_OK) {
        return HF_E_AGAIN;
    }
    note_taken(mutex, task);
    return HF_OK;
}

int hf_mutex_take(hf_mutex_t *mutex, unsigned task)
{
    if (hf_mutex_try(mutex, task) == HF_OK) {
        return HF_OK;
    }
    const uint32_t before = word_read(&mutex->holder);
    const uint64_t since_us = hf_port_now_us();
    int status = hf_port_mutex_take(mutex->port, mutex->bound_us);
    hf_lateness_note_shared(&mutex->waits, hf_port_now_us() - since_us);
    if (status == HF_OK) {
        note_taken(mutex, task);
        return HF_OK;
    }
    note_timeout(mutex, before, task);
    return HF_E_TIMEOUT;
}

int hf_mutex_give(hf_mutex_t *mutex, unsigned task)
{
    if (word_read(&mutex->holder) != task + 1u) {
        return HF_E_STATE;
    }
    word_write(&mutex->holder, 0);
    hf_port_mutex_give(mutex->port);
    return HF_OK;
}

int hf_mutex_last_timeout(const hf_mutex_t *mutex, hf_mutex_timeout_t *timeout)
{
    const uint32_t pair = word_read(&mutex->last_pair);
    if (pair == 0) {
        return HF_E_EMPTY;
    }
    *timeout = (hf_mutex_timeout_t){.holder = pair >> 16 != 0 ? (pair >> 16) - 1u : UINT32_MAX,
                                    .waiter = (pair & 0xFFFFu) - 1u,
                                    .held_us = word_read(&mutex->held_us),
                                    .count = word_read(&mutex->timeouts)};
    return HF_OK;
}

bool hf_mutex_is_news(const hf_mutex_t *mutex, hf_mutex_timeout_t *timeout, hf_mutex_told_t *told,
                      uint64_t now_us)
{
    if (hf_mutex_last_timeout(mutex, timeout) != HF_OK || timeout->count == told->count ||
        (told->count != 0 && now_us - told->at_us < HF_MUTEX_TELL_US)) {
        return false;
    }
    *told = (hf_mutex_told_t){.at_us = now_us, .count = timeout->count};
    return true;
}
