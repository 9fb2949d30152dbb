// SPDX-License-Identifier: MIT
// Supervision of the image (firmware_watch.h). The tick judges: it outranks what it watches, and nobody feeds when it
// stops itself.
#include "firmware_watch.h"

#include "holdfast/hf_clock.h"

#define PERIOD_US (EVSE_SUPERVISOR_PERIOD_MS * (uint32_t)HF_US_PER_MS)
#define FIRST_US  (1u << 30) // no tick is late before there was one: far more than any start takes

const evse_task_info_t firmware_task_table[FIRMWARE_TASKS] = {
    [FIRMWARE_TASK_CONTROL] = {"control", EVSE_TASK_CONTROL_MS, true},
    [FIRMWARE_TASK_COMMS] = {"comms", EVSE_TASK_COMMS_MS, true},
};

int firmware_watch_init(firmware_watch_t *watch, const evse_t *evse, uint64_t now_us)
{
    watch->control = &evse->control;
    watch->judge_us = (uint32_t)now_us;
    watch->due_us = (uint32_t)now_us + FIRST_US;
    atomic_init(&watch->conditions, EVSE_SUPERVISOR_NO_LINK);
    return evse_supervisor_init(&watch->supervisor, firmware_task_table, FIRMWARE_TASKS, now_us);
}

void firmware_watch_comms(firmware_watch_t *watch, bool link_up, uint64_t now_us)
{
    atomic_store_explicit(&watch->conditions, link_up ? 0u : EVSE_SUPERVISOR_NO_LINK,
                          memory_order_relaxed);
    evse_supervisor_check_in(&watch->supervisor, FIRMWARE_TASK_COMMS, now_us);
}

/// How late this tick began. What was missed for more than a period is not made up for: the timer holds one interrupt.
static uint32_t late_us(firmware_watch_t *watch, uint32_t began_us)
{
    const uint32_t late = began_us - watch->due_us;
    if (late < EVSE_TICK_US) {
        watch->due_us += EVSE_TICK_US;
        return late;
    }
    watch->due_us = began_us + EVSE_TICK_US;
    return late <= (uint32_t)INT32_MAX ? late : 0; // else it came too early
}

static HF_APART bool judge(firmware_watch_t *watch, uint64_t began_us)
{
    watch->judge_us = (uint32_t)began_us + PERIOD_US;
    evse_supervisor_check_in(&watch->supervisor, FIRMWARE_TASK_CONTROL, began_us);
    // Always real time: an interrupt above everything but the bytes.
    return evse_supervisor_judge(&watch->supervisor,
                                 atomic_load_explicit(&watch->conditions, memory_order_relaxed),
                                 began_us)
        .feed;
}

bool firmware_watch_tick(firmware_watch_t *watch, uint32_t took_us, uint64_t began_us)
{
    if (took_us > watch->took_max_us) {
        watch->took_max_us = took_us;
    }
    evse_supervisor_note_tick(&watch->supervisor, watch->control,
                              late_us(watch, (uint32_t)began_us), began_us);
    return (int32_t)((uint32_t)began_us - watch->judge_us) >= 0 && judge(watch, began_us);
}
