// SPDX-License-Identifier: MIT
// A field is one line: name, whether it is known, where it is.
#include "device_json.h"

#define MILLI 1000

void device_json_null(hf_json_writer_t *json, const char *name)
{
    hf_json_key(json, name);
    hf_json_put_null(json);
}

void device_json_number(hf_json_writer_t *json, const char *name, bool is_known, int64_t value)
{
    if (is_known) {
        hf_json_i64_field(json, name, value);
    } else {
        device_json_null(json, name);
    }
}

void device_json_text(hf_json_writer_t *json, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        hf_json_string_field(json, name, text);
    } else {
        device_json_null(json, name);
    }
}

// The journal stands for the file system of a device: its current segment, for the other one is there to be compacted to.
// There is no flash whose program could be measured.
void device_json_storage(const evse_comms_view_t *comms, hf_json_writer_t *json)
{
    device_json_null(json, "flash_used");
    device_json_null(json, "flash_total");
    device_json_text(json, "fs_type", comms != NULL ? "journal" : NULL);
    if (comms != NULL) {
        hf_json_bool_field(json, "fs_mounted", comms->journal_error == 0);
    } else {
        device_json_null(json, "fs_mounted");
    }
    device_json_number(json, "fs_used_bytes", comms != NULL,
                       comms != NULL ? comms->journal_used_bytes : 0);
    device_json_number(json, "fs_total_bytes", comms != NULL,
                       comms != NULL ? comms->journal_total_bytes : 0);
}

#if CONFIG_HF_TELEMETRY
static int32_t rounded_C(int32_t milli_C)
{
    return (milli_C + (milli_C < 0 ? -MILLI / 2 : MILLI / 2)) / MILLI;
}

void device_json_cpu(const evse_device_view_t *device, hf_json_writer_t *json)
{
    bool has_usage = device != NULL && device->cpu_permille >= 0;
    bool has_sensor = device != NULL && device->cpu_mC != INT32_MIN;
    device_json_number(json, "cpu_usage", has_usage, has_usage ? device->cpu_permille / 10 : 0);
    device_json_number(json, "cpu_temperature", has_sensor,
                       has_sensor ? rounded_C(device->cpu_mC) : 0);
}

void device_json_memory(const evse_device_view_t *device, hf_json_writer_t *json)
{
    static const hf_memory_t none;
    bool is_known = device != NULL && device->has_memory != 0;
    const hf_memory_t *memory = is_known ? &device->memory : &none;
    device_json_number(json, "heap_free", is_known, memory->heap_free);
    device_json_number(json, "heap_min", is_known, memory->heap_min);
    device_json_number(json, "heap_largest", is_known, memory->heap_largest);
    device_json_number(json, "heap_internal_free", is_known, memory->internal_free);
    device_json_number(json, "heap_internal_min", is_known, memory->internal_min);
    device_json_number(json, "heap_internal_largest", is_known, memory->internal_largest);
    device_json_number(json, "psram_free", is_known, memory->psram_free);
    device_json_number(json, "psram_min", is_known, memory->psram_min);
    device_json_number(json, "psram_largest", is_known, memory->psram_largest);
    device_json_number(json, "heap_fragmentation", is_known,
                       hf_memory_fragmentation(memory->internal_free, memory->internal_largest));
    device_json_number(json, "psram_fragmentation", is_known,
                       hf_memory_fragmentation(memory->psram_free, memory->psram_largest));
}

uint32_t device_json_pools(const evse_device_view_t *device, hf_json_writer_t *json)
{
    uint32_t exhausted = 0;
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
        exhausted += pool->exhausted;
    }
    hf_json_end_array(json);
    return exhausted;
}

void device_json_tasks(const char *name, const evse_device_view_t *device, hf_json_writer_t *json)
{
    hf_json_key(json, name);
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

void device_json_locks(const evse_device_view_t *device, hf_json_writer_t *json)
{
    hf_json_key(json, "locks");
    hf_json_begin_array(json);
    for (uint32_t i = 0; device != NULL && i < device->locks && i < EVSE_DEVICE_LOCKS; i++) {
        const evse_device_lock_t *lock = &device->lock[i];
        hf_json_begin_object(json);
        hf_json_string_field(json, "lock", lock->name);
        hf_json_i64_field(json, "timeouts", lock->timeouts);
        device_json_text(json, "holder", lock->holder);
        device_json_text(json, "waiter", lock->waiter);
        device_json_number(json, "held_ms", lock->timeouts > 0, lock->held_ms);
        hf_json_end_object(json);
    }
    hf_json_end_array(json);
}
#endif
