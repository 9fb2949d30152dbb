// SPDX-License-Identifier: MIT
// The part of /api/status that tells how the charge point does: health, tasks, faults, lateness of ticks, what the kernel
// granted. Names of fields end in their unit.
#include "status_health.h"

#include <string.h>

static void put_reasons(hf_json_writer_t *json, uint32_t reasons)
{
    hf_json_key(json, "reasons");
    hf_json_begin_array(json);
    for (unsigned i = 0; i < EVSE_HEALTH_REASON_COUNT; i++) {
        if ((reasons >> i & 1u) != 0) {
            hf_json_put_string(json, evse_health_reason_text(i));
        }
    }
    hf_json_end_array(json);
}

static void put_tasks(hf_json_writer_t *json, const evse_supervisor_t *supervisor,
                      const evse_supervisor_view_t *view)
{
    hf_json_key(json, "tasks");
    hf_json_begin_array(json);
    for (unsigned i = 0; i < view->tasks && i < EVSE_SUPERVISOR_TASKS_MAX; i++) {
        const evse_task_view_t *task = &view->task[i];
        hf_json_begin_object(json);
        hf_json_string_field(json, "task", supervisor->task[i].name);
        hf_json_i64_field(json, "deadline_ms", supervisor->task[i].deadline_ms);
        hf_json_i64_field(json, "age_ms", task->age_ms);
        hf_json_bool_field(json, "late", task->late != 0);
        hf_json_bool_field(json, "resting", task->resting != 0);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}

static void put_faults(hf_json_writer_t *json, const evse_supervisor_view_t *view)
{
    hf_json_key(json, "faults");
    hf_json_begin_object(json);
    hf_json_i64_field(json, "total", view->faults_total);
    hf_json_i64_field(json, "dropped", view->faults_dropped);
    hf_json_key(json, "queue");
    hf_json_begin_array(json);
    for (unsigned i = 0; i < view->fault_count && i < EVSE_FAULT_QUEUE_ENTRIES; i++) {
        const evse_fault_record_t *fault = &view->fault[i];
        hf_json_begin_object(json);
        hf_json_i64_field(json, "uptime_ms", (int64_t)(fault->uptime_us / HF_US_PER_MS));
        hf_json_i64_field(json, "code", fault->code);
        hf_json_string_field(json, "fault", evse_fault_name(fault->code));
        if (fault->connector != EVSE_FAULT_STATION) {
            hf_json_i64_field(json, "connector", fault->connector + 1);
        }
        hf_json_string_field(json, "severity", evse_health_text(fault->severity));
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
    hf_json_end_object(json);
}

static void put_lateness(hf_json_writer_t *json, const hf_lateness_view_t *lateness)
{
    hf_json_key(json, "ticks_lateness");
    hf_json_begin_object(json);
    hf_json_i64_field(json, "count", lateness->count);
    hf_json_i64_field(json, "max_us", lateness->max_us);
    hf_json_i64_field(json, "limit_us", lateness->limit_us);
    hf_json_i64_field(json, "over_limit", lateness->over);
    hf_json_key(json, "histogram"); // from least_us on; what is empty is left out
    hf_json_begin_array(json);
    for (uint32_t i = 0; i < HF_LATENESS_BUCKETS; i++) {
        if (lateness->bucket[i] != 0) {
            hf_json_begin_object(json);
            hf_json_i64_field(json, "least_us", hf_lateness_least_us(i));
            hf_json_i64_field(json, "count", lateness->bucket[i]);
            hf_json_end_object(json);
        }
    }
    hf_json_end_array(json);
    hf_json_end_object(json);
}

static void put_realtime(hf_json_writer_t *json, const status_source_t *source)
{
    uint32_t control = atomic_load(source->control_error);
    uint32_t memory = atomic_load(source->memory_error);
    hf_json_key(json, "realtime");
    hf_json_begin_object(json);
    hf_json_bool_field(json, "fifo", control == 0);
    hf_json_string_field(json, "fifo_refused", control == 0 ? "" : strerror((int)control));
    hf_json_bool_field(json, "locked", memory == 0);
    hf_json_string_field(json, "locked_refused", memory == 0 ? "" : strerror((int)memory));
    hf_json_end_object(json);
}

void status_health_write(const status_source_t *source, hf_json_writer_t *json)
{
    evse_supervisor_view_t view;
    if (source->supervisor == NULL || evse_supervisor_read(source->supervisor, &view) != HF_OK) {
        return;
    }
    hf_json_string_field(json, "health", evse_health_text(view.health));
    put_reasons(json, view.reasons);
    hf_json_bool_field(json, "watchdogs_fed", view.feeding != 0);
    hf_json_i64_field(json, "supervisor_dozes", view.dozes);
    put_realtime(json, source);
    put_lateness(json, &view.lateness);
    put_tasks(json, source->supervisor, &view);
    put_faults(json, &view);
}
