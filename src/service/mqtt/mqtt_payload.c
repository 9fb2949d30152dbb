// SPDX-License-Identifier: MIT
// Info and diagnostics. Names are those of /api/health; what is not known here is null, never 0. Fields that the web API
// alone tells (windows, sizes, addresses) are left out of the health message, as the devices of old did.
#include "mqtt_payload.h"

#include "device_json.h"

#include <string.h>

#define API_VERSION 1

static void put_boot_time(hf_json_writer_t *json, uint64_t utc_ms)
{
    char text[HF_ISO8601_BYTES] = "";
    if (utc_ms != 0) {
        hf_iso8601_format(utc_ms, text);
    }
    device_json_text(json, "boot_time", text);
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
    device_json_text(&json, "serial", source->serial);
    hf_json_string_field(&json, "fw", source->version);
    hf_json_string_field(&json, "port", "linux");
    hf_json_i64_field(&json, "connectors", publisher->control.connectors);
    put_boot_time(&json, publisher->boot_utc_ms);
    hf_json_end_object(&json);
}

static void put_memory_diag(hf_json_writer_t *json, const mqtt_publisher_t *publisher)
{
    const evse_device_view_t *device = &publisher->device;
    device_json_memory(publisher->has_device ? device : NULL, json);
    uint32_t exhausted = device_json_pools(device, json);
    hf_json_i64_field(json, "exhausted", exhausted);
    device_json_number(json, "warnings", publisher->has_device, device->warnings);
    device_json_number(json, "trips", publisher->has_device, device->trips);
}

static void put_tasks_diag(hf_json_writer_t *json, const mqtt_publisher_t *publisher)
{
    const mqtt_source_t *source = publisher->source;
    evse_supervisor_view_t view;
    bool is_known =
        source->supervisor != NULL && evse_supervisor_read(source->supervisor, &view) == HF_OK;
    device_json_text(json, "health", is_known ? evse_health_text(view.health) : NULL);
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
    device_json_tasks("stacks", &publisher->device, json);
    device_json_locks(&publisher->device, json);
}

// The page that was written before the last reset that had one.
static void put_dossier(hf_json_writer_t *json, const hf_dossier_t *dossier)
{
    hf_json_key(json, "dossier");
    hf_json_begin_object(json);
    hf_json_string_field(json, "reason", hf_reset_text(dossier->reason));
    hf_json_i64_field(json, "unexpected_in_a_row", dossier->resets);
    hf_json_i64_field(json, "uptime_ms", (int64_t)dossier->uptime_ms);
    device_json_text(json, "task", dossier->task);
    device_json_text(json, "tag", dossier->tag);
    device_json_text(json, "detail", dossier->detail);
    device_json_number(json, "transaction_id", dossier->transaction_id != 0,
                       dossier->transaction_id);
    hf_json_end_object(json);
}

static const char *reset_reason(const mqtt_publisher_t *publisher)
{
    return publisher->has_device ? hf_reset_text(publisher->device.reset_code) : NULL;
}

static void put_reset_diag(hf_json_writer_t *json, const mqtt_publisher_t *publisher)
{
    const evse_device_view_t *device = &publisher->device;
    device_json_text(json, "reason", reset_reason(publisher));
    device_json_number(json, "code", publisher->has_device, device->reset_code);
    if (publisher->has_device) {
        hf_json_bool_field(json, "expected", hf_reset_is_expected(device->reset_code));
    } else {
        device_json_null(json, "expected");
    }
    if (publisher->has_device && device->has_dossier != 0) {
        put_dossier(json, &device->dossier);
    } else {
        device_json_null(json, "dossier");
    }
    hf_json_i64_field(json, "boot", publisher->comms.boot);
    hf_json_i64_field(json, "recovered", publisher->comms.recovered);
    put_boot_time(json, publisher->boot_utc_ms);
}

static void put_health(hf_json_writer_t *json, const mqtt_publisher_t *publisher, uint64_t now_us)
{
    const mqtt_source_t *source = publisher->source;
    hf_json_i64_field(json, "uptime_seconds",
                      (int64_t)((now_us - source->started_us) / HF_US_PER_S));
    device_json_text(json, "reset_reason", reset_reason(publisher));
    const evse_device_view_t *device = publisher->has_device ? &publisher->device : NULL;
    device_json_cpu(device, json);
    device_json_memory(device, json);
    device_json_storage(&publisher->comms, json);
    hf_json_bool_field(json, "mqtt_enabled", true);
    hf_json_bool_field(json, "mqtt_publish_enabled", true);
    hf_json_bool_field(json, "mqtt_connected", true);
    device_json_number(json, "mqtt_last_health_publish_ms", publisher->health_ms != 0,
                       (int64_t)publisher->health_ms);
    device_json_number(json, "mqtt_health_publish_age_ms", publisher->health_ms != 0,
                       (int64_t)(now_us / HF_US_PER_MS - publisher->health_ms));
    device_json_number(json, "wifi_rssi", publisher->comms.net_rssi_dBm != 0,
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
