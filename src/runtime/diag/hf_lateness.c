// SPDX-License-Identifier: MIT
// Lateness by octaves. One writer: plain stores of what only it changes; 2^32 us (71 minutes) stand for all above.
#include "holdfast/hf_lateness.h"

#include "../sync/hf_word.h"

#define LAST_LEAST_US (1u << (HF_LATENESS_BUCKETS - 1u))

static uint32_t octave_of(uint32_t late_us)
{
    return 31u - (uint32_t)__builtin_clz(late_us | 1u); // 0 is with 1
}

static uint32_t bucket_of(uint32_t late_us)
{
    return octave_of(late_us < LAST_LEAST_US ? late_us : LAST_LEAST_US);
}

/// More than `usual_us`: in the last bucket, beyond the limit, or the latest ever.
static HF_APART void note_unusual(hf_lateness_t *lateness, uint32_t late_us)
{
    word_step(&lateness->bucket[bucket_of(late_us)], 1u);
    if (late_us > lateness->limit_us) {
        word_step(&lateness->over, 1u);
    }
    if (late_us > word_read(&lateness->max_us)) {
        word_write(&lateness->max_us, late_us);
        lateness->usual_us = late_us < lateness->limit_us ? late_us : lateness->limit_us;
        if (lateness->usual_us > LAST_LEAST_US) {
            lateness->usual_us = LAST_LEAST_US;
        }
    }
}

void hf_lateness_note(hf_lateness_t *lateness, uint32_t late_us)
{
    if (late_us > lateness->usual_us) { // seldom
        note_unusual(lateness, late_us);
        return;
    }
    word_step(&lateness->bucket[octave_of(late_us)], 1u);
}

void hf_lateness_note_shared(hf_lateness_t *lateness, uint64_t late_us)
{
    const uint32_t late = late_us < UINT32_MAX ? (uint32_t)late_us : UINT32_MAX;
    word_count(&lateness->bucket[bucket_of(late)]);
    if (late > lateness->limit_us) {
        word_count(&lateness->over);
    }
    word_raise(&lateness->max_us, late);
}

void hf_lateness_read(const hf_lateness_t *lateness, hf_lateness_view_t *view)
{
    view->count = 0;
    for (uint32_t i = 0; i < HF_LATENESS_BUCKETS; i++) {
        view->bucket[i] = word_read(&lateness->bucket[i]);
        view->count += view->bucket[i];
    }
    view->over = word_read(&lateness->over);
    view->max_us = word_read(&lateness->max_us);
    view->limit_us = lateness->limit_us;
}

uint32_t hf_lateness_least_us(uint32_t bucket)
{
    return bucket == 0 ? 0 : 1u << bucket;
}
