// SPDX-License-Identifier: MIT
// A field is one row of a table: name, where it is, when it is known.
#include "portal_health.h"

static void put_u32(hf_json_writer_t *json, const char *name, bool is_known, uint32_t value)
{
    hf_json_key(json, name);
    if (is_known) {
        hf_json_put_i64(json, value);
    } else {
        hf_json_put_null(json);
    }
}

static void put_null(hf_json_writer_t *json, const char *name)
{
    put_u32(json, name, false, 0);
}

static void put_text(hf_json_writer_t *json, const char *name, const char *text)
{
    hf_json_key(json, name);
    if (text != NULL && text[0] != '\0') {
        hf_json_put_string(json, text);
    } else {
        hf_json_put_null(json);
    }
}

#if CONFIG_HF_TELEMETRY
static void put_memory(const evse_device_view_t *device, hf_json_writer_t *json)
{
    static const hf_memory_t none;
    bool is_known = device != NULL && device->has_memory != 0;
    const hf_memory_t *memory = is_known ? &device->memory : &none;
    put_u32(json, "heap_free", is_known, memory->heap_free);
    put_u32(json, "heap_min", is_known, memory->heap_min);
    put_u32(json, "heap_largest", is_known, memory->heap_largest);
    put_u32(json, "heap_internal_free", is_known, memory->internal_free);
    put_u32(json, "heap_internal_min", is_known, memory->internal_min);
    put_u32(json, "heap_internal_largest", is_known, memory->internal_largest);
    put_u32(json, "psram_free", is_known, memory->psram_free);
    put_u32(json, "psram_min", is_known, memory->psram_min);
    put_u32(json, "psram_largest", is_known, memory->psram_largest);
    put_u32(json, "heap_fragmentation", is_known,
            hf_memory_fragmentation(memory->internal_free, memory->internal_largest));
    put_u32(json, "psram_fragmentation", is_known,
            hf_memory_fragmentation(memory->psram_free, memory->psram_largest));
}

/// Where a number of the history, or of the window, is to be found.
typedef struct span_field {
    const char *name;
    hf_window_value_t value;
    enum { LAST, LEAST, MOST } which;
} span_field_t;

static const span_field_t window_fields[] = {
    {"heap_internal_free_min_window", HF_WINDOW_INTERNAL_FREE, LEAST},
    {"heap_internal_free_max_window", HF_WINDOW_INTERNAL_FREE, MOST},
    {"heap_internal_largest_min_window", HF_WINDOW_INTERNAL_LARGEST, LEAST},
    {"heap_fragmentation_max_window", HF_WINDOW_FRAGMENTATION, MOST},
    {"psram_free_min_window", HF_WINDOW_PSRAM_FREE, LEAST},
    {"psram_free_max_window", HF_WINDOW_PSRAM_FREE, MOST},
    {"psram_largest_min_window", HF_WINDOW_PSRAM_LARGEST, LEAST},
    {"psram_fragmentation_max_window", HF_WINDOW_PSRAM_FRAGMENTATION, MOST},
};

static const span_field_t history_fields[] = {
    {"heap_internal_free", HF_WINDOW_INTERNAL_FREE, LAST},
    {"heap_internal_free_min_window", HF_WINDOW_INTERNAL_FREE, LEAST},
    {"heap_internal_free_max_window", HF_WINDOW_INTERNAL_FREE, MOST},
    {"heap_internal_largest", HF_WINDOW_INTERNAL_LARGEST, LAST},
    {"heap_internal_largest_min_window", HF_WINDOW_INTERNAL_LARGEST, LEAST},
    {"heap_fragmentation", HF_WINDOW_FRAGMENTATION, LAST},
    {"heap_fragmentation_max_window", HF_WINDOW_FRAGMENTATION, MOST},
    {"psram_free", HF_WINDOW_PSRAM_FREE, LAST},
    {"psram_free_min_window", HF_WINDOW_PSRAM_FREE, LEAST},
    {"psram_free_max_window", HF_WINDOW_PSRAM_FREE, MOST},
    {"psram_largest", HF_WINDOW_PSRAM_LARGEST, LAST},
    {"psram_fragmentation", HF_WINDOW_PSRAM_FRAGMENTATION, LAST},
};

static void put_windows(const evse_device_view_t *device, hf_json_writer_t *json)
{
    for (size_t i = 0; i < HF_COUNT_OF(window_fields); i++) {
        const span_field_t *field = &window_fields[i];
        hf_window_span_t span = {0};
        bool is_known = device != NULL && device->has_memory != 0 &&
                        hf_windows_span(&device->windows, field->value, &span) == HF_OK;
        put_u32(json, field->name, is_known, field->which == LEAST ? span.min : span.max);
    }
}

static void put_pools(const evse_device_view_t *device, hf_json_writer_t *json)
{
    hf_json_key(json, "pools");
    hf_json_begin_array(json);
    for (uint32_t i = 0; device != NULL && i < device->pools && i < EVSE_DEVICE_POOLS; i++) {
        const hf_line_pool_t *pool = &device->pool[i];
        hf_json_begin_object(json);
        hf_json_string_field(json, "pool", pool->name);
        hf_json_i64_field(json, "block_bytes", pool->block_bytes);
        hf_json_i64_field(json, "capacity", pool->capacity);
        hf_json_i64_field(json, "in_use", pool->in_use);
        hf_json_i64_field(json, "peak", pool->peak);
        hf_json_i64_field(json, "min_free", pool->free_min);
        hf_json_i64_field(json, "exhausted", pool->exhausted);
        hf_json_i64_field(json, "wrong_gives", pool->wrong_gives);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

static void put_tasks(const evse_device_view_t *device, hf_json_writer_t *json)
{
    hf_json_key(json, "tasks");
    hf_json_begin_array(json);
    for (uint32_t i = 0; device != NULL && i < device->tasks && i < EVSE_DEVICE_TASKS; i++) {
        const hf_line_task_t *task = &device->task[i];
        hf_json_begin_object(json);
        hf_json_string_field(json, "task", task->name);
        hf_json_i64_field(json, "priority", task->priority);
        hf_json_i64_field(json, "core", task->core);
        hf_json_i64_field(json, "stack_free_bytes", task->stack_free_bytes);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

static void put_locks(const evse_device_view_t *device, hf_json_writer_t *json)
{
    hf_json_key(json, "locks");
    hf_json_begin_array(json);
    for (uint32_t i = 0; device != NULL && i < device->locks && i < EVSE_DEVICE_LOCKS; i++) {
        const evse_device_lock_t *lock = &device->lock[i];
        hf_json_begin_object(json);
        hf_json_string_field(json, "lock", lock->name);
        hf_json_i64_field(json, "timeouts", lock->timeouts);
        put_text(json, "holder", lock->holder);
        put_text(json, "waiter", lock->waiter);
        put_u32(json, "held_ms", lock->timeouts > 0, lock->held_ms);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

static void put_trips(const evse_device_view_t *device, hf_json_writer_t *json)
{
    bool is_known = device != NULL;
    hf_json_key(json, "telemetry");
    hf_json_begin_object(json);
    put_u32(json, "lines", is_known, is_known ? device->lines : 0);
    put_u32(json, "lost_lines", is_known, is_known ? device->lost_lines : 0);
    put_u32(json, "lost_marks", is_known, is_known ? device->lost_marks : 0);
    put_u32(json, "warnings", is_known, is_known ? device->warnings : 0);
    put_u32(json, "trips", is_known, is_known ? device->trips : 0);
    hf_json_bool_field(json, "shedding", is_known && device->shedding != 0);
    hf_json_bool_field(json, "finishing", is_known && device->finishing != 0);
    hf_json_end_object(json);
}

static void put_dossier_pools(const hf_dossier_t *dossier, hf_json_writer_t *json)
{
    hf_json_key(json, "pools");
    hf_json_begin_array(json);
    for (uint32_t i = 0; i < dossier->pools && i < HF_DOSSIER_POOLS; i++) {
        const hf_dossier_pool_t *pool = &dossier->pool[i];
        hf_json_begin_object(json);
        hf_json_string_field(json, "pool", pool->name);
        hf_json_i64_field(json, "capacity", pool->capacity);
        hf_json_i64_field(json, "in_use", pool->in_use);
        hf_json_i64_field(json, "peak", pool->peak);
        hf_json_i64_field(json, "exhausted", pool->exhausted);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

static void put_dossier(const evse_device_view_t *device, hf_json_writer_t *json)
{
    hf_json_key(json, "last_reset");
    if (device == NULL || device->has_dossier == 0) {
        hf_json_put_null(json);
        return;
    }
    const hf_dossier_t *dossier = &device->dossier;
    hf_json_begin_object(json);
    hf_json_string_field(json, "reason", hf_reset_text(dossier->reason));
    hf_json_i64_field(json, "code", dossier->reason);
    hf_json_bool_field(json, "expected", hf_reset_is_expected(dossier->reason));
    hf_json_i64_field(json, "unexpected_in_a_row", dossier->resets);
    hf_json_i64_field(json, "uptime_seconds", (int64_t)(dossier->uptime_ms / 1000u));
    put_text(json, "task", dossier->task);
    put_text(json, "tag", dossier->tag);
    put_text(json, "detail", dossier->detail);
    hf_json_i64_field(json, "heap_internal_free", dossier->memory.internal_free);
    hf_json_i64_field(json, "heap_internal_min", dossier->memory.internal_min);
    hf_json_i64_field(json, "connectors_charging", dossier->connectors_charging);
    hf_json_i64_field(json, "transaction_id", dossier->transaction_id);
    put_dossier_pools(dossier, json);
    hf_json_end_object(json);
}

static void put_start(const evse_device_view_t *device, hf_json_writer_t *json)
{
    put_u32(json, "uptime_seconds", device != NULL,
            device != NULL ? (uint32_t)((device->now_us - device->started_us) / HF_US_PER_S) : 0);
    put_text(json, "reset_reason", device != NULL ? hf_reset_text(device->reset_code) : NULL);
    bool has_cpu = device != NULL && device->cpu_permille >= 0;
    put_u32(json, "cpu_usage", has_cpu, has_cpu ? (uint32_t)device->cpu_permille / 10u : 0);
}

static uint32_t number_of(const hf_history_sample_t *sample, const span_field_t *field)
{
    return field->which == LAST    ? sample->last[field->value]
           : field->which == LEAST ? sample->span[field->value].min
                                   : sample->span[field->value].max;
}

static uint32_t put_uptimes(const evse_device_view_t *device, hf_json_writer_t *json)
{
    uint32_t count = 0;
    hf_history_sample_t sample;
    hf_json_key(json, "uptime_ms");
    hf_json_begin_array(json);
    while (count < HF_HISTORY_SAMPLES && device != NULL &&
           hf_history_get(&device->windows, count, &sample) == HF_OK) {
        hf_json_put_i64(json, (int64_t)sample.uptime_ms);
        count++;
    }
    hf_json_end_array(json);
    return count;
}

static void put_samples(const evse_device_view_t *device, const span_field_t *field, uint32_t count,
                        hf_json_writer_t *json)
{
    hf_history_sample_t sample;
    hf_json_key(json, field->name);
    hf_json_begin_array(json);
    for (uint32_t i = 0; i < count; i++) {
        if (hf_history_get(&device->windows, i, &sample) == HF_OK) {
            hf_json_put_i64(json, number_of(&sample, field));
        } else {
            hf_json_put_null(json);
        }
    }
    hf_json_end_array(json);
}

void portal_history_fields(const evse_device_view_t *device, hf_json_writer_t *json)
{
    hf_json_bool_field(json, "available", device != NULL && device->has_memory != 0);
    hf_json_i64_field(json, "period_ms", HF_WINDOW_MS);
    hf_json_i64_field(json, "seconds", HF_WINDOW_MS / 1000u * HF_HISTORY_SAMPLES);
    hf_json_i64_field(json, "capacity", HF_HISTORY_SAMPLES);
    uint32_t count = put_uptimes(device, json);
    hf_json_i64_field(json, "samples", count);
    hf_json_i64_field(json, "count", count);
    for (size_t i = 0; i < HF_COUNT_OF(history_fields); i++) {
        put_samples(device, &history_fields[i], count, json);
    }
}
#else
static void put_start(const evse_device_view_t *device, hf_json_writer_t *json)
{
    (void)device;
    put_null(json, "uptime_seconds");
    put_null(json, "reset_reason");
    put_null(json, "cpu_usage");
}

void portal_history_fields(const evse_device_view_t *device, hf_json_writer_t *json)
{
    (void)device;
    hf_json_bool_field(json, "available", false);
}
#endif

// The journal stands for the file system of a device: its current segment, for the other one is there to be compacted to.
// There is no flash whose program could be measured.
static void put_storage(const evse_comms_view_t *comms, hf_json_writer_t *json)
{
    put_text(json, "fs_type", comms != NULL ? "journal" : NULL);
    hf_json_key(json, "fs_mounted");
    if (comms != NULL) {
        hf_json_put_bool(json, comms->journal_error == 0);
    } else {
        hf_json_put_null(json);
    }
    put_u32(json, "fs_used_bytes", comms != NULL, comms != NULL ? comms->journal_used_bytes : 0);
    put_u32(json, "fs_total_bytes", comms != NULL, comms != NULL ? comms->journal_total_bytes : 0);
    put_null(json, "flash_used");
    put_null(json, "flash_total");
}

static void put_net(const evse_comms_view_t *comms, hf_json_writer_t *json)
{
    hf_json_key(json, "wifi_rssi");
    if (comms != NULL && comms->net_rssi_dBm != 0) {
        hf_json_put_i64(json, comms->net_rssi_dBm);
    } else {
        hf_json_put_null(json);
    }
}

static uint32_t ms_between(uint64_t from_us, uint64_t to_us)
{
    uint64_t ms = to_us > from_us ? (to_us - from_us) / HF_US_PER_MS : 0;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static void put_mqtt(const portal_mqtt_t *mqtt, hf_json_writer_t *json)
{
    static const portal_mqtt_t none;
    mqtt = mqtt != NULL ? mqtt : &none;
    bool is_told = mqtt->published_us != 0;
    hf_json_bool_field(json, "mqtt_enabled", mqtt->is_enabled);
    hf_json_bool_field(json, "mqtt_publish_enabled", mqtt->is_enabled);
    hf_json_bool_field(json, "mqtt_connected", mqtt->is_connected);
    put_u32(json, "mqtt_last_health_publish_ms", is_told,
            ms_between(mqtt->started_us, mqtt->published_us));
    put_u32(json, "mqtt_health_publish_age_ms", is_told,
            ms_between(mqtt->published_us, mqtt->now_us));
}

void portal_health_fields(const evse_device_view_t *device, const evse_comms_view_t *comms,
                          const portal_mqtt_t *mqtt, bool is_api, hf_json_writer_t *json)
{
    put_start(device, json);
    put_null(json, "cpu_temperature");
#if CONFIG_HF_TELEMETRY
    put_memory(device, json);
    if (is_api) {
        put_u32(json, "heap_size", device != NULL && device->heap_bytes != 0,
                device != NULL ? device->heap_bytes : 0);
        put_windows(device, json);
    }
#endif
    put_storage(comms, json);
    put_net(comms, json);
    put_mqtt(mqtt, json);
#if CONFIG_HF_TELEMETRY
    if (is_api) {
        put_text(json, "ip_address", device != NULL ? device->ip : NULL);
        put_text(json, "hostname", device != NULL ? device->host : NULL);
        put_trips(device, json);
        put_pools(device, json);
        put_tasks(device, json);
        put_locks(device, json);
        put_dossier(device, json);
    }
#else
    (void)is_api;
#endif
}
