// SPDX-License-Identifier: MIT
// What docs/INSTRUMENT.md calls of FreeRTOS, by its documented names and types: enough to compile, nothing to run.
#ifndef FREERTOS_H
#define FREERTOS_H
#include <stddef.h>
#include <stdint.h>
typedef unsigned long UBaseType_t;
typedef uint32_t StackType_t;
typedef uint16_t configSTACK_DEPTH_TYPE;
typedef struct xHeapStats {
    size_t xAvailableHeapSpaceInBytes, xSizeOfLargestFreeBlockInBytes;
    size_t xSizeOfSmallestFreeBlockInBytes, xNumberOfFreeBlocks, xMinimumEverFreeBytesRemaining;
    size_t xNumberOfSuccessfulAllocations, xNumberOfSuccessfulFrees;
} HeapStats_t;
void vPortGetHeapStats(HeapStats_t *stats);
#endif
