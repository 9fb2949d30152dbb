// SPDX-License-Identifier: MIT
// The loop of telemetry, and the queue of marks in front of it: bounded, several producers, one consumer. A place's turn
// says whose it is: `n` free for mark number n, `n + 1` filled by it. A producer that was interrupted between the two
// holds back the marks behind it until it goes on; nobody waits for it. Everything but marks is the owner's alone.
#include "hf_telemetry_private.h"

#include "../sync/hf_word.h"
#include "holdfast/hf_clock.h"

#include <string.h>

#define SAMPLE_US          (HF_TELEMETRY_SAMPLE_MS * HF_US_PER_MS)
#define POOLS_US           (HF_TELEMETRY_POOLS_MS * HF_US_PER_MS)
#define IDLE_US            (HF_TELEMETRY_IDLE_MS * HF_US_PER_MS)
#define LOOK_AGAIN_DIVISOR 16u // a margin that is known changes seldom
#define MARK_MASK          (HF_TELEMETRY_MARKS - 1u)

_Static_assert((HF_TELEMETRY_MARKS & MARK_MASK) == 0,
               "turns wrap, so the places are a power of two");

int hf_telemetry_init(hf_telemetry_t *telemetry, const hf_telemetry_config_t *config,
                      uint64_t now_us)
{
    if (telemetry == NULL || config == NULL || config->write == NULL || config->heartbeat_ms == 0 ||
        (config->pool_count != 0 && config->read_pool == NULL) ||
        (config->lock_count != 0 && config->read_lock == NULL)) {
        return HF_E_ARGUMENT;
    }
    memset(telemetry, 0, sizeof *telemetry);
    telemetry->config = *config;
    if (config->look_bytes == 0) {
        telemetry->config.look_bytes = HF_TELEMETRY_LOOK_BYTES;
    }
    for (uint32_t i = 0; i < HF_TELEMETRY_MARKS; i++) {
        atomic_init(&telemetry->mark[i].turn, i);
    }
    atomic_init(&telemetry->put, 0);
    atomic_init(&telemetry->lost_marks, 0);
    telemetry->started_us = telemetry->now_us = now_us;
    telemetry->sample_us = now_us + SAMPLE_US;
    telemetry->heartbeat_us = now_us + config->heartbeat_ms * HF_US_PER_MS;
    telemetry->pools_us = now_us + POOLS_US;
    telemetry->last_tag = "boot";
    hf_windows_init(&telemetry->windows, config->history, config->history_count, now_us);
    return HF_OK;
}

// ---- marks -----------------------------------------------------------------------------------------------------------

static bool read_memory(const hf_telemetry_t *telemetry, hf_memory_t *memory)
{
    const hf_memory_source_t *source = &telemetry->config.memory;
    return source->read != NULL && source->read(source->ctx, memory) == HF_OK;
}

/// The place of a mark of its own, and its number; NULL when all are taken.
static hf_telemetry_mark_t *claim(hf_telemetry_t *telemetry, uint32_t *number)
{
    *number = word_read(&telemetry->put);
    for (;;) {
        hf_telemetry_mark_t *mark = &telemetry->mark[*number & MARK_MASK];
        const uint32_t turn = atomic_load_explicit(&mark->turn, memory_order_acquire);
        if (turn == *number) {
            if (word_swap(&telemetry->put, number, *number + 1u)) {
                return mark;
            }
            continue;
        }
        const uint32_t now = word_read(&telemetry->put);
        if (now == *number) {
            return NULL;
        }
        *number = now;
    }
}

void hf_telemetry_mark(hf_telemetry_t *telemetry, const char *tag, uint64_t now_us)
{
    if (telemetry == NULL) {
        return;
    }
    hf_memory_t memory = {0};
    const bool is_known = read_memory(telemetry, &memory);
    uint32_t number = 0;
    hf_telemetry_mark_t *mark = claim(telemetry, &number);
    if (mark == NULL) {
        word_count(&telemetry->lost_marks);
        return;
    }
    mark->tag = tag;
    mark->at_us = now_us;
    mark->memory = memory;
    mark->is_known = is_known;
    atomic_store_explicit(&mark->turn, number + 1u, memory_order_release);
}

uint32_t hf_telemetry_lost_marks(const hf_telemetry_t *telemetry)
{
    return word_read(&telemetry->lost_marks);
}

static bool next_mark(hf_telemetry_t *telemetry, hf_telemetry_mark_t *out)
{
    hf_telemetry_mark_t *mark = &telemetry->mark[telemetry->got & MARK_MASK];
    if (atomic_load_explicit(&mark->turn, memory_order_acquire) != telemetry->got + 1u) {
        return false;
    }
    out->tag = mark->tag;
    out->at_us = mark->at_us;
    out->memory = mark->memory;
    out->is_known = mark->is_known;
    atomic_store_explicit(&mark->turn, telemetry->got + HF_TELEMETRY_MARKS, memory_order_release);
    telemetry->got++;
    return true;
}

const hf_memory_t *hf_telemetry_memory(const hf_telemetry_t *telemetry)
{
    return telemetry->memory_known ? &telemetry->memory : NULL;
}

// ---- what is looked at -------------------------------------------------------------------------------------------------

static HF_APART void show_loud(hf_telemetry_t *telemetry, const hf_wire_reading_t *reading)
{
    hf_tripwire_check(telemetry->config.tripwire, reading);
}

/// As hf_telemetry_check(), without a call for a value that no wire minds: nearly all.
HF_INLINE void show(hf_telemetry_t *telemetry, hf_wire_kind_t kind, unsigned index, uint32_t value,
                    const char *name)
{
    hf_tripwire_t *tripwire = telemetry->config.tripwire;
    if (tripwire == NULL) {
        return;
    }
    if (hf_tripwire_is_quiet(tripwire, kind, value)) {
        tripwire->checks++;
        return;
    }
    const hf_wire_reading_t reading = {kind, index, value, telemetry->last_tag, name};
    show_loud(telemetry, &reading);
}

void hf_telemetry_check(hf_telemetry_t *telemetry, hf_wire_kind_t kind, unsigned index,
                        uint32_t value, const char *name)
{
    show(telemetry, kind, index, value, name);
}

/// After the reading was noted in the windows: they know what is scattered.
static void check_memory(hf_telemetry_t *telemetry)
{
    const hf_memory_t *memory = &telemetry->memory;
    if (telemetry->memory_known) {
        show(telemetry, HF_WIRE_INTERNAL_MIN, 0, memory->internal_min, NULL);
        show(telemetry, HF_WIRE_INTERNAL_FREE, 0, memory->internal_free, NULL);
        show(telemetry, HF_WIRE_FRAGMENTATION, 0,
             telemetry->windows.now.last[HF_WINDOW_FRAGMENTATION], NULL);
    }
}

static void take_over(hf_telemetry_t *telemetry, const hf_telemetry_mark_t *mark)
{
    telemetry->memory_known = mark->is_known;
    telemetry->memory_told = false;
    if (mark->is_known) {
        telemetry->memory = mark->memory;
        hf_windows_note(&telemetry->windows, &mark->memory,
                        mark->at_us < telemetry->now_us ? mark->at_us : telemetry->now_us);
    }
}

static void tell_marks(hf_telemetry_t *telemetry)
{
    const uint32_t waiting = word_read(&telemetry->put) - telemetry->got;
    telemetry->marks_peak = waiting > telemetry->marks_peak ? waiting : telemetry->marks_peak;
    hf_telemetry_mark_t mark;
    for (uint32_t i = 0; i < HF_TELEMETRY_TOLD_MAX && next_mark(telemetry, &mark); i++) {
        take_over(telemetry, &mark);
        telemetry->last_tag = mark.tag != NULL ? mark.tag : "";
        hf_telemetry_tell_memory(telemetry, mark.tag);
        check_memory(telemetry);
    }
}

static uint32_t percent_of(uint32_t part, uint32_t whole)
{
    if (part >= whole) {
        return 100u;
    }
    return part <= UINT32_MAX / 100u ? part * 100u / whole : part / (whole / 100u);
}

/// The next of `count` rows.
static uint32_t next_row(uint32_t *row, uint32_t count)
{
    const uint32_t now = *row;
    *row = now + 1u < count ? now + 1u : 0;
    return now;
}

// A pool, a lock and a stack a sample, one after the other: what a sample costs does not grow with the device.
static void look_at_a_pool(hf_telemetry_t *telemetry)
{
    const hf_telemetry_config_t *config = &telemetry->config;
    if (config->pool_count == 0) {
        return;
    }
    hf_line_pool_t pool;
    const uint32_t row = next_row(&telemetry->next_pool, config->pool_count);
    if (!config->read_pool(config->pools, row, &pool)) {
        return;
    }
    const bool is_watched = row >= 32u || (config->pools_full_by_design >> row & 1u) == 0;
    if (is_watched && pool.capacity != 0) {
        show(telemetry, HF_WIRE_POOL, row, percent_of(pool.in_use, pool.capacity), pool.name);
    }
    show(telemetry, HF_WIRE_REFUSED, row, pool.exhausted, pool.name);
}

static void look_at_a_lock(hf_telemetry_t *telemetry)
{
    const hf_telemetry_config_t *config = &telemetry->config;
    if (config->lock_count == 0) {
        return;
    }
    hf_line_lock_t lock;
    const uint32_t row = next_row(&telemetry->next_lock, config->lock_count);
    if (config->read_lock(config->locks, row, &lock)) {
        show(telemetry, HF_WIRE_LOCK, row, lock.timeouts, lock.name);
    }
}

static void look_at_a_stack(hf_telemetry_t *telemetry)
{
    hf_tasks_t *tasks = telemetry->config.tasks;
    if (tasks == NULL || tasks->count == 0) {
        return;
    }
    const uint32_t row = next_row(&telemetry->next_task, tasks->count);
    uint32_t margin = 0;
    if (hf_task_margin(tasks, row, &margin) == HF_OK) {
        show(telemetry, HF_WIRE_STACK, row, margin, tasks->task[row].info.name);
        hf_task_look(tasks, row, telemetry->config.look_bytes / LOOK_AGAIN_DIVISOR);
    } else {
        hf_task_look(tasks, row, telemetry->config.look_bytes);
    }
    if ((telemetry->stacks_told >> row & 1u) == 0) {
        hf_telemetry_tell_stack(telemetry, row);
    }
}

/// Reads in place: a source that knows nothing writes nothing.
static void read_now(hf_telemetry_t *telemetry)
{
    telemetry->memory_known = read_memory(telemetry, &telemetry->memory);
    telemetry->memory_told = false;
    if (telemetry->memory_known) {
        hf_windows_note(&telemetry->windows, &telemetry->memory, telemetry->now_us);
    }
}

static void sample(hf_telemetry_t *telemetry)
{
    read_now(telemetry);
    check_memory(telemetry);
    look_at_a_pool(telemetry);
    look_at_a_lock(telemetry);
    look_at_a_stack(telemetry);
}

static void snapshot(hf_telemetry_t *telemetry, const char *tag)
{
    read_now(telemetry);
    telemetry->last_tag = tag;
    hf_telemetry_tell_memory(telemetry, tag);
    check_memory(telemetry);
}

/// Whether the time `*next` has come, which moves on; several periods at once count as one.
static bool is_due(uint64_t *next, uint64_t period_us, uint64_t now_us)
{
    if (now_us < *next) {
        return false;
    }
    *next = (now_us - *next < period_us ? *next : now_us) + period_us;
    return true;
}

static void tell_what_is_due(hf_telemetry_t *telemetry, uint64_t now_us)
{
    if (telemetry->is_ready && !telemetry->idle_told && now_us - telemetry->ready_us >= IDLE_US) {
        telemetry->idle_told = true;
        snapshot(telemetry, "idle60");
    }
    if (now_us >= telemetry->heartbeat_us) {
        (void)is_due(&telemetry->heartbeat_us, telemetry->config.heartbeat_ms * HF_US_PER_MS,
                     now_us);
        hf_telemetry_tell_heartbeat(telemetry);
        snapshot(telemetry, "hb");
        hf_telemetry_tell_tasks(telemetry);
    }
    if (is_due(&telemetry->pools_us, POOLS_US, now_us)) {
        hf_telemetry_tell_pools(telemetry);
    }
}

static HF_APART void poll_now(hf_telemetry_t *telemetry, uint64_t now_us)
{
    telemetry->now_us = now_us;
    if (word_read(&telemetry->put) != telemetry->got) {
        tell_marks(telemetry);
    }
    if (is_due(&telemetry->sample_us, SAMPLE_US, now_us)) {
        sample(telemetry);
        tell_what_is_due(telemetry, now_us);
    }
}

void hf_telemetry_poll(hf_telemetry_t *telemetry, uint64_t now_us)
{
    if (now_us >= telemetry->sample_us || word_read(&telemetry->put) != telemetry->got) {
        poll_now(telemetry, now_us);
    }
}

void hf_telemetry_ready(hf_telemetry_t *telemetry, uint64_t now_us)
{
    if (telemetry->is_ready) {
        return;
    }
    telemetry->is_ready = true;
    telemetry->ready_us = now_us;
    hf_telemetry_tell_ready(telemetry);
}
