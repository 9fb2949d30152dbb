// SPDX-License-Identifier: MIT
// Supervision of the image: how late ticks begin and how long they take, whether the comms loop comes round, and with
// that whether the hardware watchdog is fed. [SAF-13] Context: the tick, except where it says otherwise.
#ifndef FIRMWARE_WATCH_H
#define FIRMWARE_WATCH_H

#include "evse/evse.h"
#include "evse/evse_supervisor.h"

typedef enum firmware_task {
    FIRMWARE_TASK_CONTROL,
    FIRMWARE_TASK_COMMS,
    FIRMWARE_TASKS
} firmware_task_t;
extern const evse_task_info_t firmware_task_table[FIRMWARE_TASKS];

typedef struct firmware_watch {
    const evse_t *evse;
    evse_supervisor_t supervisor;
    evse_snapshot_t snapshot; // of the tick under way
    uint64_t due_us;          // when the next tick is to begin; 0 before the first
    uint64_t judge_us;
    hf_atomic_u32_t link_up; // written by the comms loop
    uint32_t ticks, took_max_us;
} firmware_watch_t;

HF_MUST_CHECK int firmware_watch_init(firmware_watch_t *watch, const evse_t *evse, uint64_t now_us);
/// After a tick that began at `began_us`: notes it, judges once a period; true: the watchdog may be fed.
bool firmware_watch_tick(firmware_watch_t *watch, uint64_t began_us, uint64_t now_us);
/// The comms loop came round. Context: the comms loop.
void firmware_watch_comms(firmware_watch_t *watch, bool link_up, uint64_t now_us);

#endif
