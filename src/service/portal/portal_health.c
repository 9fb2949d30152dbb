// SPDX-License-Identifier: MIT
// A field is one row of a table: name, where it is, when it is known.
#include "portal_health.h"

#include "device_json.h"

#if CONFIG_HF_TELEMETRY
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
        device_json_number(json, field->name, is_known,
                           field->which == LEAST ? span.min : span.max);
    }
}

static void put_trips(const evse_device_view_t *device, hf_json_writer_t *json)
{
    bool is_known = device != NULL;
    hf_json_key(json, "telemetry");
    hf_json_begin_object(json);
    device_json_number(json, "lines", is_known, is_known ? device->lines : 0);
    device_json_number(json, "lost_lines", is_known, is_known ? device->lost_lines : 0);
    device_json_number(json, "lost_marks", is_known, is_known ? device->lost_marks : 0);
    device_json_number(json, "warnings", is_known, is_known ? device->warnings : 0);
    device_json_number(json, "trips", is_known, is_known ? device->trips : 0);
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
    device_json_text(json, "task", dossier->task);
    device_json_text(json, "tag", dossier->tag);
    device_json_text(json, "detail", dossier->detail);
    bool is_known = dossier->memory.internal_free != 0 || dossier->memory.internal_min != 0;
    device_json_number(json, "heap_internal_free", is_known, dossier->memory.internal_free);
    device_json_number(json, "heap_internal_min", is_known, dossier->memory.internal_min);
    hf_json_i64_field(json, "connectors_charging", dossier->connectors_charging);
    hf_json_i64_field(json, "transaction_id", dossier->transaction_id);
    put_dossier_pools(dossier, json);
    hf_json_end_object(json);
}

static void put_start(const evse_device_view_t *device, hf_json_writer_t *json)
{
    device_json_number(
        json, "uptime_seconds", device != NULL,
        device != NULL ? (uint32_t)((device->now_us - device->started_us) / HF_US_PER_S) : 0);
    device_json_text(json, "reset_reason",
                     device != NULL ? hf_reset_text(device->reset_code) : NULL);
    device_json_cpu(device, json);
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
    device_json_null(json, "uptime_seconds");
    device_json_null(json, "reset_reason");
    device_json_null(json, "cpu_usage");
    device_json_null(json, "cpu_temperature");
}

void portal_history_fields(const evse_device_view_t *device, hf_json_writer_t *json)
{
    (void)device;
    hf_json_bool_field(json, "available", false);
}
#endif

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
    device_json_number(json, "mqtt_last_health_publish_ms", is_told,
                       ms_between(mqtt->started_us, mqtt->published_us));
    device_json_number(json, "mqtt_health_publish_age_ms", is_told,
                       ms_between(mqtt->published_us, mqtt->now_us));
}

void portal_health_fields(const evse_device_view_t *device, const evse_comms_view_t *comms,
                          const portal_mqtt_t *mqtt, bool is_api, hf_json_writer_t *json)
{
    put_start(device, json);
#if CONFIG_HF_TELEMETRY
    device_json_memory(device, json);
    if (is_api) {
        device_json_number(json, "heap_size", device != NULL && device->heap_bytes != 0,
                           device != NULL ? device->heap_bytes : 0);
        put_windows(device, json);
    }
#endif
    device_json_storage(comms, json);
    put_net(comms, json);
    put_mqtt(mqtt, json);
#if CONFIG_HF_TELEMETRY
    if (is_api) {
        device_json_text(json, "ip_address", device != NULL ? device->ip : NULL);
        device_json_text(json, "hostname", device != NULL ? device->host : NULL);
        put_trips(device, json);
        (void)device_json_pools(device, json);
        device_json_tasks("tasks", device, json);
        device_json_locks(device, json);
        put_dossier(device, json);
    }
#else
    (void)is_api;
#endif
}
