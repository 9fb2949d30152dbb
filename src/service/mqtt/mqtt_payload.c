// SPDX-License-Identifier: MIT
// Info and diagnostics. Names are those of /api/health; what is not known here is null, never 0. Fields that the web API
// alone tells (windows, sizes, addresses) are left out of the health message, as the devices of old did.
#include "mqtt_payload.h"

#include <string.h>

#define API_VERSION 1

static void put_null_field(hf_json_writer_t *json, const char *name)
{
    hf_json_key(json, name);
    hf_json_put_null(json);
}

static void put_text_or_null(hf_json_writer_t *json, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        hf_json_string_field(json, name, text);
    } else {
        put_null_field(json, name);
    }
}

static void put_figure(hf_json_writer_t *json, const char *name, bool is_known, int64_t value)
{
    if (is_known) {
        hf_json_i64_field(json, name, value);
    } else {
        put_null_field(json, name);
    }
}

static void put_boot_time(hf_json_writer_t *json, uint64_t utc_ms)
{
    char text[HF_ISO8601_BYTES] = "";
    if (utc_ms != 0) {
        hf_iso8601_format(utc_ms, text);
    }
    put_text_or_null(json, "boot_time", text);
}

void mqtt_payload_info(const mqtt_publisher_t *publisher, hf_builder_t *out)
{
    const mqtt_source_t *source = publisher->source;
    hf_json_writer_t json;
    hf_json_writer_init(&json, out);
    hf_json_begin_object(&json);
    hf_json_i64_field(&json, "api", API_VERSION);
    hf_json_string_field(&json, "id", source->id);
    hf_json_string_field(&json, "vendor", source->vendor);
    hf_json_string_field(&json, "model", source->model);
    put_text_or_null(&json, "serial", source->serial);
    hf_json_string_field(&json, "fw", source->version);
    hf_json_string_field(&json, "port", "linux");
    hf_json_i64_field(&json, "connectors", publisher->control.connectors);
    put_boot_time(&json, publisher->boot_utc_ms);
    hf_json_end_object(&json);
}

static void put_memory(hf_json_writer_t *json, const mqtt_publisher_t *publisher)
{
    const hf_memory_t m = publisher->device.memory;
    bool is_known = publisher->has_device && publisher->device.has_memory != 0;
    put_figure(json, "heap_free", is_known, m.heap_free);
    put_figure(json, "heap_min", is_known, m.heap_min);
    put_figure(json, "heap_largest", is_known, m.heap_largest);
    put_figure(json, "heap_internal_free", is_known, m.internal_free);
    put_figure(json, "heap_internal_min", is_known, m.internal_min);
    put_figure(json, "heap_internal_largest", is_known, m.internal_largest);
    put_figure(json, "psram_free", is_known, m.psram_free);
    put_figure(json, "psram_min", is_known, m.psram_min);
    put_figure(json, "psram_largest", is_known, m.psram_largest);
    put_figure(json, "heap_fragmentation", is_known,
               hf_memory_fragmentation(m.internal_free, m.internal_largest));
    put_figure(json, "psram_fragmentation", is_known,
               hf_memory_fragmentation(m.psram_free, m.psram_largest));
}

static void put_pools(hf_json_writer_t *json, const evse_device_view_t *device)
{
    uint32_t exhausted = 0;
    hf_json_key(json, "pools");
    hf_json_begin_array(json);
    for (unsigned i = 0; i < device->pools && i < EVSE_DEVICE_POOLS; i++) {
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
        exhausted += pool->exhausted;
    }
    hf_json_end_array(json);
    hf_json_i64_field(json, "exhausted", exhausted);
}

static void put_memory_diag(hf_json_writer_t *json, const mqtt_publisher_t *publisher)
{
    const evse_device_view_t *device = &publisher->device;
    put_memory(json, publisher);
    put_pools(json, device);
    put_figure(json, "warnings", publisher->has_device, device->warnings);
    put_figure(json, "trips", publisher->has_device, device->trips);
}

static void put_stacks(hf_json_writer_t *json, const evse_device_view_t *device)
{
    hf_json_key(json, "stacks");
    hf_json_begin_array(json);
    for (unsigned i = 0; i < device->tasks && i < EVSE_DEVICE_TASKS; i++) {
        const hf_line_task_t *task = &device->task[i];
        hf_json_begin_object(json);
        hf_json_string_field(json, "task", task->name);
        hf_json_i64_field(json, "priority", task->priority);
        hf_json_i64_field(json, "stack_free_bytes", task->stack_free_bytes);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

static void put_locks(hf_json_writer_t *json, const evse_device_view_t *device)
{
    hf_json_key(json, "locks");
    hf_json_begin_array(json);
    for (unsigned i = 0; i < device->locks && i < EVSE_DEVICE_LOCKS; i++) {
        const evse_device_lock_t *lock = &device->lock[i];
        hf_json_begin_object(json);
        hf_json_string_field(json, "lock", lock->name);
        hf_json_i64_field(json, "timeouts", lock->timeouts);
        put_text_or_null(json, "holder", lock->holder);
        put_text_or_null(json, "waiter", lock->waiter);
        hf_json_i64_field(json, "held_ms", lock->held_ms);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

static void put_tasks_diag(hf_json_writer_t *json, const mqtt_publisher_t *publisher)
{
    const mqtt_source_t *source = publisher->source;
    evse_supervisor_view_t view;
    bool is_known =
        source->supervisor != NULL && evse_supervisor_read(source->supervisor, &view) == HF_OK;
    put_text_or_null(json, "health", is_known ? evse_health_text(view.health) : NULL);
    hf_json_key(json, "tasks");
    hf_json_begin_array(json);
    for (unsigned i = 0; is_known && i < view.tasks && i < EVSE_SUPERVISOR_TASKS_MAX; i++) {
        const evse_task_view_t *task = &view.task[i];
        hf_json_begin_object(json);
        hf_json_string_field(json, "task", source->supervisor->task[i].name);
        hf_json_i64_field(json, "deadline_ms", source->supervisor->task[i].deadline_ms);
        hf_json_i64_field(json, "age_ms", task->age_ms);
        hf_json_bool_field(json, "late", task->late != 0);
        hf_json_bool_field(json, "resting", task->resting != 0);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
    put_stacks(json, &publisher->device);
    put_locks(json, &publisher->device);
}

// The page that was written before the last reset that had one.
static void put_dossier(hf_json_writer_t *json, const hf_dossier_t *dossier)
{
    hf_json_key(json, "dossier");
    hf_json_begin_object(json);
    hf_json_string_field(json, "reason", hf_reset_text(dossier->reason));
    hf_json_i64_field(json, "unexpected_in_a_row", dossier->resets);
    hf_json_i64_field(json, "uptime_ms", (int64_t)dossier->uptime_ms);
    put_text_or_null(json, "task", dossier->task);
    put_text_or_null(json, "tag", dossier->tag);
    put_text_or_null(json, "detail", dossier->detail);
    put_figure(json, "transaction_id", dossier->transaction_id != 0, dossier->transaction_id);
    hf_json_end_object(json);
}

static const char *reset_reason(const mqtt_publisher_t *publisher)
{
    return publisher->has_device ? hf_reset_text(publisher->device.reset_code) : NULL;
}

static void put_reset_diag(hf_json_writer_t *json, const mqtt_publisher_t *publisher)
{
    const evse_device_view_t *device = &publisher->device;
    put_text_or_null(json, "reason", reset_reason(publisher));
    put_figure(json, "code", publisher->has_device, device->reset_code);
    if (publisher->has_device) {
        hf_json_bool_field(json, "expected", hf_reset_is_expected(device->reset_code));
    } else {
        put_null_field(json, "expected");
    }
    if (publisher->has_device && device->has_dossier != 0) {
        put_dossier(json, &device->dossier);
    } else {
        put_null_field(json, "dossier");
    }
    hf_json_i64_field(json, "boot", publisher->comms.boot);
    hf_json_i64_field(json, "recovered", publisher->comms.recovered);
    put_boot_time(json, publisher->boot_utc_ms);
}

static void put_health(hf_json_writer_t *json, const mqtt_publisher_t *publisher, uint64_t now_us)
{
    const mqtt_source_t *source = publisher->source;
    static const char *const unknown_after[] = {
        "flash_used",  "flash_total",         "fs_type",
        "fs_mounted",  "fs_used_bytes",       "fs_total_bytes",
        "display_fps", "display_lv_timer_us", "display_present_us"};
    hf_json_i64_field(json, "uptime_seconds",
                      (int64_t)((now_us - source->started_us) / HF_US_PER_S));
    put_text_or_null(json, "reset_reason", reset_reason(publisher));
    put_figure(json, "cpu_usage", publisher->has_device && publisher->device.cpu_permille >= 0,
               publisher->device.cpu_permille / 10);
    put_null_field(json, "cpu_temperature");
    put_memory(json, publisher);
    for (size_t i = 0; i < HF_COUNT_OF(unknown_after); i++) {
        put_null_field(json, unknown_after[i]);
    }
    hf_json_bool_field(json, "mqtt_enabled", true);
    hf_json_bool_field(json, "mqtt_publish_enabled", true);
    hf_json_bool_field(json, "mqtt_connected", true);
    put_figure(json, "mqtt_last_health_publish_ms", publisher->health_ms != 0,
               (int64_t)publisher->health_ms);
    put_figure(json, "mqtt_health_publish_age_ms", publisher->health_ms != 0,
               (int64_t)(now_us / HF_US_PER_MS - publisher->health_ms));
    put_figure(json, "wifi_rssi", publisher->comms.net_rssi_dBm != 0,
               publisher->comms.net_rssi_dBm);
}

void mqtt_payload_diag(const mqtt_publisher_t *publisher, mqtt_diag_t diag, uint64_t now_us,
                       hf_builder_t *out)
{
    hf_json_writer_t json;
    hf_json_writer_init(&json, out);
    hf_json_begin_object(&json);
    switch (diag) {
    case MQTT_DIAG_MEMORY:
        put_memory_diag(&json, publisher);
        break;
    case MQTT_DIAG_TASKS:
        put_tasks_diag(&json, publisher);
        break;
    case MQTT_DIAG_RESET:
        put_reset_diag(&json, publisher);
        break;
    default:
        put_health(&json, publisher, now_us);
        break;
    }
    hf_json_end_object(&json);
}
