// SPDX-License-Identifier: MIT
// How late something came: a histogram by powers of two of a microsecond, with the worst and how often a limit was passed.
// Invariants: a lateness falls into one bucket; `over` and the buckets wrap, `max_us` never falls.
#ifndef HF_LATENESS_H
#define HF_LATENESS_H

#include "holdfast/hf_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Bucket 0: below 2 us; bucket n: from 2^n us to below 2^(n+1); the last one: all from 2^19 us (0.5 s) on.
#define HF_LATENESS_BUCKETS 20u

/// Zero-initialise, then set limit_us.
typedef struct hf_lateness {
    uint32_t limit_us;
    uint32_t usual_us; // the writer's: what needs no more than a bucket; 0 with several writers
    hf_atomic_u32_t bucket[HF_LATENESS_BUCKETS];
    hf_atomic_u32_t over, max_us;
} hf_lateness_t;

typedef struct hf_lateness_view {
    uint32_t bucket[HF_LATENESS_BUCKETS];
    uint32_t count, over, max_us, limit_us; // count: of all buckets; over: later than limit_us
} hf_lateness_view_t;

/// UINT32_MAX stands for all above. Context: one writer, task or ISR. Cost: O(1), no read-modify-write.
void hf_lateness_note(hf_lateness_t *lateness, uint32_t late_us);
/// As above, for several writers at once. Context: any. Cost: O(1), up to three read-modify-writes.
void hf_lateness_note_shared(hf_lateness_t *lateness, uint64_t late_us);
/// Context: any. The figures may be of neighbouring moments.
void hf_lateness_read(const hf_lateness_t *lateness, hf_lateness_view_t *view);
/// The least lateness of a bucket.
uint32_t hf_lateness_least_us(uint32_t bucket);

#ifdef __cplusplus
}
#endif

#endif
