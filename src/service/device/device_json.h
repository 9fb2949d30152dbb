// SPDX-License-Identifier: MIT
// What telemetry knows, as JSON under the names that harnesses and dashboards know; for every service that tells it. What is
// unknown is null, never 0. Pure.
#ifndef DEVICE_JSON_H
#define DEVICE_JSON_H

#include "evse/evse_device.h"
#include "evse/evse_view.h"
#include "holdfast/hf_json.h"

/// A number, or null.
void device_json_number(hf_json_writer_t *json, const char *name, bool is_known, int64_t value);
/// A text, or null when it is NULL or empty.
void device_json_text(hf_json_writer_t *json, const char *name, const char *text);
void device_json_null(hf_json_writer_t *json, const char *name);

/// flash_..., fs_...: where things are kept. `comms` NULL: not known.
void device_json_storage(const evse_comms_view_t *comms, hf_json_writer_t *json);
#if CONFIG_HF_TELEMETRY
/// cpu_usage, cpu_temperature: fields into the object that is open. All below: `device` NULL: not known.
void device_json_cpu(const evse_device_view_t *device, hf_json_writer_t *json);
/// heap_..., psram_...: the same.
void device_json_memory(const evse_device_view_t *device, hf_json_writer_t *json);
/// "pools": [...]; returns the takes that were refused, of all.
uint32_t device_json_pools(const evse_device_view_t *device, hf_json_writer_t *json);
/// `name`: [...], a task each with what its stack has left.
void device_json_tasks(const char *name, const evse_device_view_t *device, hf_json_writer_t *json);
/// "locks": [...]; holder, waiter and held_ms are null before a time-out.
void device_json_locks(const evse_device_view_t *device, hf_json_writer_t *json);
#endif

#endif
