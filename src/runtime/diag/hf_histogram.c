// SPDX-License-Identifier: MIT
// Sizes by octave and quarter of it: buckets 0 to 3 hold 8 sizes each, bucket 4 + 4 * octave + quarter what follows,
// the last one what is above 65536 B.
#include "holdfast/hf_histogram.h"

#include "../sync/hf_word.h"

#define PLAIN        4u // buckets of 8 B each
#define FIRST_OCTAVE 5u // of bytes - 1: the first in quarters
#define LAST         (HF_HISTOGRAM_BUCKETS - 1u)

uint32_t hf_histogram_bucket_of(uint32_t bytes)
{
    uint32_t below = bytes > 0 ? bytes - 1u : 0;
    if (below < PLAIN * 8u) {
        return below / 8u;
    }
    uint32_t octave = 31u - (uint32_t)__builtin_clz(below);
    uint32_t bucket = PLAIN + (octave - FIRST_OCTAVE) * 4u + (below >> (octave - 2u) & 3u);
    return bucket < LAST ? bucket : LAST;
}

uint32_t hf_histogram_most_bytes(uint32_t bucket)
{
    if (bucket < PLAIN) {
        return (bucket + 1u) * 8u;
    }
    uint32_t octave = FIRST_OCTAVE + (bucket - PLAIN) / 4u;
    return bucket < LAST ? (5u + (bucket - PLAIN) % 4u) << (octave - 2u) : UINT32_MAX;
}

uint32_t hf_histogram_least_bytes(uint32_t bucket)
{
    return bucket == 0 ? 0 : hf_histogram_most_bytes(bucket - 1u) + 1u;
}

void hf_histogram_take(hf_histogram_t *histogram, uint32_t bytes)
{
    hf_histogram_bucket_t *at = &histogram->bucket[hf_histogram_bucket_of(bytes)];
    word_count(&at->takes);
    word_raise(&at->peak_held, word_add(&at->held, 1u) + 1u);
    word_raise(&at->largest_bytes, bytes);
}

void hf_histogram_give(hf_histogram_t *histogram, uint32_t bytes)
{
    (void)word_add(&histogram->bucket[hf_histogram_bucket_of(bytes)].held, UINT32_MAX); // less 1
}

void hf_histogram_refuse(hf_histogram_t *histogram, uint32_t bytes)
{
    hf_histogram_bucket_t *at = &histogram->bucket[hf_histogram_bucket_of(bytes)];
    word_count(&at->refused);
    word_raise(&at->largest_bytes, bytes);
}

hf_histogram_view_t hf_histogram_view(const hf_histogram_t *histogram, uint32_t bucket)
{
    const hf_histogram_bucket_t *at = &histogram->bucket[bucket];
    return (hf_histogram_view_t){.least_bytes = hf_histogram_least_bytes(bucket),
                                 .most_bytes = hf_histogram_most_bytes(bucket),
                                 .largest_bytes = word_read(&at->largest_bytes),
                                 .takes = word_read(&at->takes),
                                 .held = word_read(&at->held),
                                 .peak_held = word_read(&at->peak_held),
                                 .refused = word_read(&at->refused)};
}
