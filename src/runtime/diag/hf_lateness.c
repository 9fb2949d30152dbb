// SPDX-License-Identifier: MIT
// Lateness by octaves. One writer: plain stores of what only it changes; 2^32 us (71 minutes) stand for all above.
#include "holdfast/hf_lateness.h"

#include "../sync/hf_word.h"

static uint32_t bucket_of(uint32_t late_us)
{
    uint32_t octave = late_us == 0 ? 0 : 31u - (uint32_t)__builtin_clz(late_us);
    return octave < HF_LATENESS_BUCKETS ? octave : HF_LATENESS_BUCKETS - 1u;
}

void hf_lateness_note(hf_lateness_t *lateness, uint64_t late_us)
{
    uint32_t late = late_us < UINT32_MAX ? (uint32_t)late_us : UINT32_MAX;
    word_step(&lateness->bucket[bucket_of(late)], 1u);
    word_step(&lateness->count, 1u);
    if (late > lateness->limit_us) {
        word_step(&lateness->over, 1u);
    }
    if (late > word_read(&lateness->max_us)) {
        word_write(&lateness->max_us, late);
    }
}

void hf_lateness_note_shared(hf_lateness_t *lateness, uint64_t late_us)
{
    uint32_t late = late_us < UINT32_MAX ? (uint32_t)late_us : UINT32_MAX;
    word_count(&lateness->bucket[bucket_of(late)]);
    word_count(&lateness->count);
    if (late > lateness->limit_us) {
        word_count(&lateness->over);
    }
    word_raise(&lateness->max_us, late);
}

void hf_lateness_read(const hf_lateness_t *lateness, hf_lateness_view_t *view)
{
    for (uint32_t i = 0; i < HF_LATENESS_BUCKETS; i++) {
        view->bucket[i] = word_read(&lateness->bucket[i]);
    }
    view->count = word_read(&lateness->count);
    view->over = word_read(&lateness->over);
    view->max_us = word_read(&lateness->max_us);
    view->limit_us = lateness->limit_us;
}

uint32_t hf_lateness_least_us(uint32_t bucket)
{
    return bucket == 0 ? 0 : 1u << bucket;
}
