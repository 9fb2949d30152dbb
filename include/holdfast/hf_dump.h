// SPDX-License-Identifier: MIT
// The state of memory, all of it, in words for people and as JSON for programs: pools, an instance by size, regions, rates,
// census and leak verdicts, as far as the caller has them. Into a bounded buffer, without allocation; nothing is changed.
// The JSON is one object with "schema":1, documented in docs/SPEC.md; a figure whose counter is compiled out, or
// whose source was not given, is absent. Members are named as those of the statistics structs.
#ifndef HF_DUMP_H
#define HF_DUMP_H

#include "holdfast/hf_census.h"
#include "holdfast/hf_leak.h"
#include "holdfast/hf_rate.h"
#include "holdfast/hf_text.h"
#if CONFIG_HF_MEM
#include "holdfast/hf_mem.h"
#endif
#if CONFIG_HF_REGION
#include "holdfast/hf_region.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define HF_DUMP_SCHEMA 1

/// Takes and gives of one pool, each updated by its owner with the counters of the pool.
typedef struct hf_dump_rates {
    hf_rate_t takes, gives;
} hf_dump_rates_t;

/// What is zero or NULL is left out.
typedef struct hf_dump_source {
    uint64_t now_us;
    const hf_pool_t *const *pools;
    uint32_t pool_count;
    const hf_dump_rates_t *rates; // one per pool
    const hf_hold_t *holds;       // one per pool
    uint32_t request_bytes;       // fragmentation of the pools for a request of this size
    const char *const *tag_names; // for the two below
    uint32_t tag_count;
    const hf_leak_t *leaks; // one per tag
#if CONFIG_HF_POOL_CENSUS
    const hf_census_t *census;
#endif
#if CONFIG_HF_MEM
    const hf_mem_t *mem;
#endif
#if CONFIG_HF_REGION
    const hf_region_t *const *regions;
    uint32_t region_count;
#endif
} hf_dump_source_t;

/// Both: HF_OK, or HF_E_TOO_LONG when it did not fit; then `out` holds the beginning, ending at a whole piece, and
/// out->overflow is set. Cost: O(what is dumped). Context: task; the sources may be in use.
HF_MUST_CHECK int hf_dump_text(const hf_dump_source_t *source, hf_builder_t *out);
#if CONFIG_HF_JSON
HF_MUST_CHECK int hf_dump_json(const hf_dump_source_t *source, hf_builder_t *out);
#endif

#ifdef __cplusplus
}
#endif

#endif
