// SPDX-License-Identifier: MIT
// What telemetry tells: lines made in the instance's own buffer, because at a trip the stack may be what is short, and
// handed out whole. One that is not taken is counted, not kept.
#include "hf_telemetry_private.h"

#include "../sync/hf_word.h"
#include "holdfast/hf_clock.h"

static hf_builder_t open_line(hf_telemetry_t *telemetry)
{
    hf_builder_t line;
    hf_builder_init(&line, telemetry->line, sizeof telemetry->line);
    return line;
}

/// `status` is that of the line's function.
static void send(hf_telemetry_t *telemetry, const hf_builder_t *line, int status)
{
    const hf_telemetry_config_t *config = &telemetry->config;
    if (status == HF_OK && config->write(config->ctx, line->text, line->length)) {
        telemetry->lines++;
    } else {
        telemetry->lost_lines++;
    }
}

void hf_telemetry_tell_memory(hf_telemetry_t *telemetry, const char *tag)
{
    if (!telemetry->memory_known) {
        return;
    }
    hf_builder_t line = open_line(telemetry);
    const int status = hf_line_memory(&line, tag, &telemetry->memory);
    telemetry->memory_told = true;
    send(telemetry, &line, status);
}

void hf_telemetry_tell_heartbeat(hf_telemetry_t *telemetry)
{
    const uint64_t up_s = (telemetry->now_us - telemetry->started_us) / HF_US_PER_S;
    const bool is_connected = telemetry->ip[0] != '\0';
    hf_builder_t line = open_line(telemetry);
    const int status = hf_line_heartbeat(&line, up_s < UINT32_MAX ? (uint32_t)up_s : UINT32_MAX,
                                         telemetry->memory_known ? telemetry->memory.heap_free : 0,
                                         is_connected ? telemetry->ip : NULL, telemetry->host);
    send(telemetry, &line, status);
}

/// False when nothing is known of the row.
static bool tell_task(hf_telemetry_t *telemetry, uint32_t row)
{
    const hf_tasks_t *tasks = telemetry->config.tasks;
    const hf_task_info_t *info = &tasks->task[row].info;
    hf_line_task_t task = {.name = info->name, .priority = info->priority, .core = info->core};
    if (hf_task_margin(tasks, row, &task.stack_free_bytes) != HF_OK) {
        return false;
    }
    hf_builder_t line = open_line(telemetry);
    const int status = hf_line_task(&line, &task);
    send(telemetry, &line, status);
    return true;
}

void hf_telemetry_tell_stack(hf_telemetry_t *telemetry, uint32_t row)
{
    const hf_tasks_t *tasks = telemetry->config.tasks;
    const hf_task_info_t *info = &tasks->task[row].info;
    const uint32_t lost = telemetry->lost_lines;
    uint32_t margin = 0;
    if (tasks->is_partial || hf_task_margin(tasks, row, &margin) != HF_OK) {
        return;
    }
    hf_builder_t line = open_line(telemetry);
    const int status = hf_line_stack(&line, info->name, info->stack_bytes, info->priority);
    send(telemetry, &line, status);
    if (telemetry->lost_lines == lost) {
        telemetry->stacks_told |= 1u << row;
    }
}

void hf_telemetry_tell_tasks(hf_telemetry_t *telemetry)
{
    const hf_tasks_t *tasks = telemetry->config.tasks;
    for (uint32_t row = 0; tasks != NULL && row < tasks->count; row++) {
        (void)tell_task(telemetry, row);
    }
}

static void tell_pool(hf_telemetry_t *telemetry, const hf_line_pool_t *pool)
{
    hf_builder_t line = open_line(telemetry);
    const int status = hf_line_pool(&line, pool);
    send(telemetry, &line, status);
}

static void tell_locks(hf_telemetry_t *telemetry)
{
    const hf_telemetry_config_t *config = &telemetry->config;
    hf_line_lock_t lock;
    for (uint32_t i = 0; i < config->lock_count; i++) {
        if (config->read_lock(config->locks, i, &lock) && lock.timeouts != 0) {
            hf_builder_t line = open_line(telemetry);
            const int status = hf_line_lock(&line, &lock);
            send(telemetry, &line, status);
        }
    }
}

void hf_telemetry_tell_pools(hf_telemetry_t *telemetry)
{
    const hf_telemetry_config_t *config = &telemetry->config;
    hf_line_pool_t pool;
    for (uint32_t i = 0; i < config->pool_count; i++) {
        if (config->read_pool(config->pools, i, &pool)) {
            tell_pool(telemetry, &pool);
        }
    }
    const hf_line_pool_t marks = {
        .name = "telemetry.marks",
        .block_bytes = sizeof(hf_telemetry_mark_t),
        .capacity = HF_TELEMETRY_MARKS,
        .in_use = word_read(&telemetry->put) - telemetry->got,
        .peak = telemetry->marks_peak,
        .free_min = HF_TELEMETRY_MARKS - telemetry->marks_peak,
        .exhausted = hf_telemetry_lost_marks(telemetry),
    };
    tell_pool(telemetry, &marks);
    tell_locks(telemetry);
}

static void copy_text(char *to, size_t capacity, const char *text)
{
    hf_builder_t out;
    hf_builder_init(&out, to, capacity);
    for (size_t i = 0; text != NULL && text[i] != '\0'; i++) {
        hf_builder_char(&out, text[i]); // of what is too long the rest is left out
    }
}

void hf_telemetry_boot(hf_telemetry_t *telemetry, uint32_t code, const char *reason,
                       const char *version)
{
    hf_builder_t line = open_line(telemetry);
    int status = hf_line_reset(&line, code, reason);
    send(telemetry, &line, status);
    line = open_line(telemetry);
    status = hf_line_boot(&line);
    send(telemetry, &line, status);
    line = open_line(telemetry);
    status = hf_line_version(&line, version);
    send(telemetry, &line, status);
}

void hf_telemetry_ip(hf_telemetry_t *telemetry, const char *ip, const char *host)
{
    copy_text(telemetry->ip, sizeof telemetry->ip, ip);
    copy_text(telemetry->host, sizeof telemetry->host, host);
    if (telemetry->ip[0] != '\0') {
        hf_builder_t line = open_line(telemetry);
        const int status = hf_line_ip(&line, telemetry->ip);
        send(telemetry, &line, status);
    }
}

void hf_telemetry_tell_ready(hf_telemetry_t *telemetry)
{
    hf_builder_t line = open_line(telemetry);
    const int status = hf_line_ready(&line);
    send(telemetry, &line, status);
}

// ---- trips -----------------------------------------------------------------------------------------------------------

/// Whether a trip of this kind may be told with everything around it, and that it was.
static bool takes_dump(hf_telemetry_t *telemetry, hf_wire_kind_t kind)
{
    const uint32_t bit = 1u << kind;
    if ((telemetry->dumped & bit) != 0 &&
        telemetry->now_us - telemetry->dumped_us[kind] < HF_TELEMETRY_DUMP_MS * HF_US_PER_MS) {
        return false;
    }
    telemetry->dumped |= bit;
    telemetry->dumped_us[kind] = telemetry->now_us;
    return true;
}

static void tell_wire(hf_telemetry_t *telemetry, const hf_trip_event_t *event)
{
    const bool is_trip = event->level == HF_WIRE_TRIPPED;
    hf_builder_t line = open_line(telemetry);
    int status = 0;
    if (is_trip && event->wire->kind == HF_WIRE_INTERNAL_MIN) {
        hf_memory_t memory = telemetry->memory;
        memory.internal_min = event->value;
        status = hf_line_tripwire(&line, event->tag, event->limit, &memory);
    } else {
        const hf_line_wire_t wire = {
            .kind = hf_wire_text(event->wire->kind),
            .level = is_trip ? "trip" : "warning",
            .tag = event->tag,
            .name = event->name,
            .value = event->value,
            .limit = event->limit,
        };
        status = hf_line_wire(&line, &wire);
    }
    send(telemetry, &line, status);
}

static void dump_tasks(hf_telemetry_t *telemetry, const char *tag)
{
    const hf_tasks_t *tasks = telemetry->config.tasks;
    if (tasks == NULL) {
        return;
    }
    uint8_t rows[HF_TELEMETRY_DUMP_TASKS];
    const uint32_t count = hf_tasks_worst(tasks, rows, HF_TELEMETRY_DUMP_TASKS);
    hf_builder_t line = open_line(telemetry);
    const int status = hf_line_dump(&line, tag, count);
    send(telemetry, &line, status);
    for (uint32_t i = 0; i < count; i++) {
        (void)tell_task(telemetry, rows[i]);
    }
    for (uint32_t i = 0; i < count; i++) { // behind them: old readers take the tasks as one piece
        hf_telemetry_tell_stack(telemetry, rows[i]);
    }
}

void hf_telemetry_tell_trip(hf_telemetry_t *telemetry, const hf_trip_event_t *event)
{
    if (event->level != HF_WIRE_TRIPPED || !takes_dump(telemetry, event->wire->kind)) {
        tell_wire(telemetry, event);
        return;
    }
    if (!telemetry->memory_told) {
        hf_telemetry_tell_memory(telemetry, event->tag);
    }
    tell_wire(telemetry, event);
    dump_tasks(telemetry, event->tag);
    hf_telemetry_tell_pools(telemetry);
}
