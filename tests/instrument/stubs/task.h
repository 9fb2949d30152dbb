// SPDX-License-Identifier: MIT
// What docs/INSTRUMENT.md calls of FreeRTOS' tasks.
#ifndef INC_TASK_H
#define INC_TASK_H
#include "FreeRTOS.h"
typedef struct xTASK_STATUS {
    void *xHandle;
    const char *pcTaskName;
    UBaseType_t xTaskNumber;
    int eCurrentState;
    UBaseType_t uxCurrentPriority, uxBasePriority;
    uint32_t ulRunTimeCounter;
    StackType_t *pxStackBase;
    configSTACK_DEPTH_TYPE usStackHighWaterMark;
} TaskStatus_t;
UBaseType_t uxTaskGetSystemState(TaskStatus_t *status, UBaseType_t size, uint32_t *total_run_time);
#endif
