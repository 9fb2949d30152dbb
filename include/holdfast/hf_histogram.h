// SPDX-License-Identifier: MIT
// Which sizes are asked for: a histogram by multiples of 8 up to 32 B and by quarters of an octave above, one
// instance per user of memory. Each bucket knows how often it was asked, how many of its blocks are held now and were
// held at most, and the largest size it saw, which is what tiers are cut to (hf_advice.h).
// Invariants: a size falls into one bucket; buckets ascend; takes - gives = held, per bucket, when nothing else runs.
// `takes` and `refused` count modulo 2^32, the other figures never wrap.
#ifndef HF_HISTOGRAM_H
#define HF_HISTOGRAM_H

#include "holdfast/hf_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Four up to 32 B, four per octave to 65536 B, and what is larger. Each but the last ends at a multiple of 8.
#define HF_HISTOGRAM_BUCKETS 49u

typedef struct hf_histogram_bucket {
    hf_atomic_u32_t takes, held, peak_held, refused, largest_bytes;
} hf_histogram_bucket_t;

/// Zero-initialise.
typedef struct hf_histogram {
    hf_histogram_bucket_t bucket[HF_HISTOGRAM_BUCKETS];
} hf_histogram_t;

typedef struct hf_histogram_view {
    uint32_t least_bytes,
        most_bytes;         // of the sizes that fall into it; most of the last one is UINT32_MAX
    uint32_t largest_bytes; // seen; 0: none was
    uint32_t takes, held, peak_held, refused;
} hf_histogram_view_t;

/// The bucket of a size, and the least and the most size of a bucket. Cost: O(1).
uint32_t hf_histogram_bucket_of(uint32_t bytes);
uint32_t hf_histogram_least_bytes(uint32_t bucket);
uint32_t hf_histogram_most_bytes(uint32_t bucket);

/// A block of so many bytes asked for was taken, was given back (the same size), or was refused. Context: task or
/// ISR, any core.
/// Cost: O(1); a retry only when others raise the same peak.
void hf_histogram_take(hf_histogram_t *histogram, uint32_t bytes);
void hf_histogram_give(hf_histogram_t *histogram, uint32_t bytes);
void hf_histogram_refuse(hf_histogram_t *histogram, uint32_t bytes);

/// One bucket, which is less than HF_HISTOGRAM_BUCKETS. Cost: O(1), no lock.
hf_histogram_view_t hf_histogram_view(const hf_histogram_t *histogram, uint32_t bucket);

#ifdef __cplusplus
}
#endif

#endif
