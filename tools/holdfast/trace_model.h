// SPDX-License-Identifier: MIT
// A recorded trace, read once from front to end: what was taken and given per pool, what is held, and for tier tables how
// many blocks of each run of size classes were ever held at once. Memory does not grow with the length of the file.
#ifndef TRACE_MODEL_H
#define TRACE_MODEL_H

#include "holdfast/hf_histogram.h"
#include "holdfast/hf_live.h"
#include "holdfast/hf_rate.h"
#include "holdfast/hf_record.h"

#include <stdio.h>

#define TRACE_HELD_MAX 262144u
#define TRACE_POOLS    65536u
#define TRACE_TAGS     256u

typedef struct trace_pool {
    char name[HF_RECORD_NAME_BYTES + 1u]; // the number when the file does not name it
    uint32_t block_bytes, count;          // 0 when the file does not say
    uint64_t takes, gives, refused, wrong;
    uint32_t held, peak_held;
    hf_hold_t hold;
} trace_pool_t;

typedef struct trace_model {
    hf_record_reader_t reader;
    hf_live_t live;
    trace_pool_t *pool[TRACE_POOLS]; // NULL: never spoken of
    char tag_name[TRACE_TAGS][HF_RECORD_NAME_BYTES + 1u];
    uint64_t time_ms; // since the first entry
    uint32_t last_ms; // of the last entry
    bool has_time;
    uint64_t kinds[HF_TRACE_KINDS];
    uint64_t displaced, unknown,
        overflow; // takes of what was held, gives of what was not, takes beyond TRACE_HELD_MAX
    uint64_t lost_at_restart; // blocks held when the program started anew
    hf_histogram_t histogram;
    uint32_t run_peak[HF_HISTOGRAM_BUCKETS][HF_HISTOGRAM_BUCKETS]; // [first][last]
} trace_model_t;

/// Reads the file named, "-" is stdin. Returns an exit status (holdfast.h), after a message when it is not TOOL_GOOD.
/// Owner of the model: the caller, until trace_model_free().
int trace_model_read(trace_model_t **model, const char *path);
void trace_model_free(trace_model_t *model);

/// What the three views print on stdout.
void trace_show(const trace_model_t *model);
void trace_census(const trace_model_t *model);
int trace_advise(const trace_model_t *model, uint32_t tiers_max, uint32_t headroom_percent);

#endif
