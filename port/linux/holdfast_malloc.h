// SPDX-License-Identifier: MIT
// What a program that knows of libholdfast-malloc.so can ask it: how full the budget is, by region, by library and by tag;
// what was refused; where stacks and mappings are. The library keeps a process within a device's memory (--heap of
// holdfastd, or HOLDFAST_HEAP with LD_PRELOAD); who is not preloaded with it finds none of these functions, so a program
// declares them weak (HOLDFAST_MALLOC_WEAK before this header) and looks whether they are there.
// Its figures are those of a 64-bit process: pointers are twice as wide as on an MCU and the libraries are others. They
// compare one build with another under a limit; they do not predict what an MCU needs.
// Context of every call: any thread, not a signal handler.
#ifndef HOLDFAST_MALLOC_H
#define HOLDFAST_MALLOC_H

#include "holdfast/hf_memory.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef HOLDFAST_MALLOC_WEAK
#define HOLDFAST_MALLOC_API __attribute__((weak))
#else
#define HOLDFAST_MALLOC_API __attribute__((visibility("default")))
#endif

#define HOLDFAST_MALLOC_NAME_BYTES  40u
#define HOLDFAST_MALLOC_REGIONS_MAX 4u

typedef struct holdfast_malloc_region {
    char name[HOLDFAST_MALLOC_NAME_BYTES];
    size_t size_bytes;     // as stated; what can be taken is a little less
    size_t reserved_bytes; // by HOLDFAST_HEAP_RESERVE, counted as used
    size_t used_bytes, peak_used_bytes, free_bytes, min_free_bytes;
    size_t largest_bytes; // any take up to this is served
    uint32_t fragmentation_percent;
    uint32_t fragmentation_max_percent; // of samples, one every 64 takes
    uint32_t takes, gives;
    uint32_t refused; // requests for which this region was the last choice and had no room
} holdfast_malloc_region_t;

/// Bytes of regions count each block with its header: all users together are what is used of a region.
typedef struct holdfast_malloc_user {
    char name[HOLDFAST_MALLOC_NAME_BYTES];
    size_t used_bytes[HOLDFAST_MALLOC_REGIONS_MAX]; // by the number of the region
    size_t peak_bytes;                              // of the sum over the regions
    uint32_t takes, gives, refused;
} holdfast_malloc_user_t;

typedef struct holdfast_malloc_failures {
    uint32_t refused;      // requests answered NULL: no room, or told to fail
    uint32_t told_to_fail; // of these by HOLDFAST_HEAP_FAIL_TAKE
    uint32_t nested;       // calls from a signal handler that hit a call under way, answered NULL
    uint32_t double_gives; // free() of what is free: nothing happens
    uint32_t foreign;      // free() of what is no block of a region, or within one: nothing happens
    uint32_t corrupt;      // free() of a block whose header was written over: set aside
    uint32_t takes;        // requests for memory so far, refused ones too
    uint32_t takes_until_start; // of these before constructors ran: the loader's
    size_t last_bytes;          // of the last refused request, 0: none yet
    char last_library[HOLDFAST_MALLOC_NAME_BYTES];
    char last_tag[HOLDFAST_MALLOC_NAME_BYTES];
} holdfast_malloc_failures_t;

/// Memory of the process that is not heap: resident bytes, as the kernel counts them.
typedef struct holdfast_malloc_layout {
    uint32_t stacks; // that were found: of threads that wait, and of the caller
    size_t stack_bytes, stack_reserved_bytes;
    size_t mapped_bytes; // anonymous mappings of the program and its data segments
    size_t file_bytes;   // mapped files: programs, libraries
    size_t region_bytes; // the budget's regions: what of them was ever touched
} holdfast_malloc_layout_t;

/// Fills in the figures of the regions `internal` and `psram` (all 0 where the budget has none of that name; heap_* is
/// internal_*). HF_E_UNSUPPORTED: no budget is kept in this process. Cost: O(1), no lock.
HOLDFAST_MALLOC_API HF_MUST_CHECK int holdfast_malloc_read(hf_memory_t *memory);

/// The region of that number. HF_E_NOT_FOUND past the last one, HF_E_UNSUPPORTED without a budget.
HOLDFAST_MALLOC_API HF_MUST_CHECK int holdfast_malloc_region(unsigned number,
                                                             holdfast_malloc_region_t *region);
/// Use by the library (or program, as "(program)") that called; the names are those of the files. Number 0 is whoever could
/// not be told. C library functions that take on behalf of others (strdup, fopen, getaddrinfo) count for the C library.
HOLDFAST_MALLOC_API HF_MUST_CHECK int holdfast_malloc_library(unsigned number,
                                                              holdfast_malloc_user_t *user);
/// Use by tag; number 0 is without a tag.
HOLDFAST_MALLOC_API HF_MUST_CHECK int holdfast_malloc_tagged(unsigned number,
                                                             holdfast_malloc_user_t *user);
HOLDFAST_MALLOC_API HF_MUST_CHECK int
holdfast_malloc_failures(holdfast_malloc_failures_t *failures);
/// Cost: reads /proc/self/smaps, milliseconds. HF_E_IO without /proc.
HOLDFAST_MALLOC_API HF_MUST_CHECK int holdfast_malloc_layout(holdfast_malloc_layout_t *layout);

/// What this thread takes from now on bears this tag; NULL ends it. The text is copied; a 32nd different tag counts as none.
HOLDFAST_MALLOC_API void holdfast_malloc_tag(const char *tag);
/// What this thread takes from now on must be reachable by DMA (or no longer).
HOLDFAST_MALLOC_API void holdfast_malloc_dma(bool is_needed);
/// The moment from which HOLDFAST_HEAP_FAIL_TAKE=arm:N counts; the first call decides.
HOLDFAST_MALLOC_API void holdfast_malloc_arm(void);
/// Writes the report, as text or as one line of JSON. HF_E_UNSUPPORTED without a budget, HF_E_IO.
HOLDFAST_MALLOC_API HF_MUST_CHECK int holdfast_malloc_report(int fd, bool is_json);

#ifdef __cplusplus
}
#endif

#endif
