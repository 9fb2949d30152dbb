// SPDX-License-Identifier: MIT
// Supervision of the image (firmware_watch.h). The tick judges: it outranks what it watches, and nobody feeds when it
// stops itself.
#include "firmware_watch.h"

#include "holdfast/hf_clock.h"

const evse_task_info_t firmware_task_table[FIRMWARE_TASKS] = {
    [FIRMWARE_TASK_CONTROL] = {"control", EVSE_TASK_CONTROL_MS, true},
    [FIRMWARE_TASK_COMMS] = {"comms", EVSE_TASK_COMMS_MS, true},
};

int firmware_watch_init(firmware_watch_t *watch, const evse_t *evse, uint64_t now_us)
{
    watch->evse = evse;
    atomic_init(&watch->link_up, 0u);
    return evse_supervisor_init(&watch->supervisor, firmware_task_table, FIRMWARE_TASKS, now_us);
}

void firmware_watch_comms(firmware_watch_t *watch, bool link_up, uint64_t now_us)
{
    atomic_store_explicit(&watch->link_up, link_up ? 1u : 0u, memory_order_relaxed);
    evse_supervisor_check_in(&watch->supervisor, FIRMWARE_TASK_COMMS, now_us);
}

/// How late this tick began. What was missed for more than a period is not made up for: the timer holds one interrupt.
static uint64_t late_us(firmware_watch_t *watch, uint64_t began_us)
{
    uint64_t late = watch->due_us != 0 && began_us > watch->due_us ? began_us - watch->due_us : 0;
    watch->due_us = (late < EVSE_TICK_US ? began_us - late : began_us) + EVSE_TICK_US;
    return late;
}

static bool judge(firmware_watch_t *watch, bool has_snapshot, uint64_t now_us)
{
    const evse_supervisor_inputs_t inputs = {
        .control = has_snapshot ? &watch->snapshot : NULL,
        .link_up = atomic_load_explicit(&watch->link_up, memory_order_relaxed) != 0,
        .realtime = true, // an interrupt above everything but the bytes
    };
    return evse_supervisor_judge(&watch->supervisor, &inputs, now_us).feed;
}

bool firmware_watch_tick(firmware_watch_t *watch, uint64_t began_us, uint64_t now_us)
{
    uint64_t late = late_us(watch, began_us);
    uint32_t took_us = (uint32_t)(now_us - began_us);
    bool has_snapshot = hf_snapshot_read(&watch->evse->mailbox.snapshot, &watch->snapshot) == HF_OK;
    watch->ticks++;
    watch->took_max_us = took_us > watch->took_max_us ? took_us : watch->took_max_us;
    evse_supervisor_check_in(&watch->supervisor, FIRMWARE_TASK_CONTROL, now_us);
    if (has_snapshot) {
        evse_supervisor_note_tick(&watch->supervisor, late, &watch->snapshot);
    }
    if (now_us < watch->judge_us) {
        return false;
    }
    watch->judge_us = now_us + (uint64_t)EVSE_SUPERVISOR_PERIOD_MS * HF_US_PER_MS;
    return judge(watch, has_snapshot, now_us);
}
