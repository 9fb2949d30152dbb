// SPDX-License-Identifier: MIT
// What a switch does, seen from outside: each function lets the library work and says in which position its symbol stands.
#ifndef FLIP_H
#define FLIP_H

#include "holdfast/hf_base.h"

#define FLIP_YES 1
#define FLIP_NO  0

typedef struct flip {
    const char *symbol;
    int (*observe)(
        void); // a number, or FLIP_YES or FLIP_NO; below 0: what should have worked did not
} flip_t;

int flip_pool_lifo(void);
int flip_pool_statistics(void);
int flip_pool_census(void);
int flip_pool_fill(void);
int flip_pool_canary(void);
int flip_pool_timing(void);
int flip_trace(void);
int flip_trace_frames(void);
int flip_event_subscribers_max(void);

int flip_mem_strict(void);
int flip_mem_region_fallback(void);
int flip_mem_tags_max(void);
int flip_mem_reserve(void);
int flip_mem_low_percent(void);
int flip_mem_critical_percent(void);
/// The n-th tier of the preset `configured`, a left out one (count 0) not counted: block size, blocks; 0: there is none.
int flip_tier_bytes(unsigned number);
int flip_tier_count(unsigned number);

#endif
