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
    const evse_control_t *control;
    evse_supervisor_t supervisor;
    hf_atomic_u32_t conditions; // of evse_supervisor_judge(), written by the comms loop
    uint32_t due_us,
        judge_us; // modulo 2^32 (71 minutes; nothing here lasts seconds): the next tick, the next judgement
    uint32_t took_max_us;
} firmware_watch_t;

HF_MUST_CHECK int firmware_watch_init(firmware_watch_t *watch, const evse_t *evse, uint64_t now_us);
/// After a tick that began at `began_us`: notes it, judges once a period; true: the watchdog may be fed.
bool firmware_watch_tick(firmware_watch_t *watch, uint32_t took_us, uint64_t began_us);
/// The comms loop came round. Context: the comms loop.
void firmware_watch_comms(firmware_watch_t *watch, bool link_up, uint64_t now_us);

#endif
