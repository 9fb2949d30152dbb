// SPDX-License-Identifier: MIT
// What is known of a slab, and the table of sizes that is computed. Changes nothing but the counters that a reset sets back.
#include "holdfast/hf_slab.h"

#include "../sync/hf_word.h"

uint32_t hf_slab_sizes(hf_slab_size_t *sizes, uint32_t capacity, uint32_t per_octave,
                       uint32_t smallest, uint32_t largest)
{
    const uint32_t align = (uint32_t)HF_POOL_ALIGN;
    if (sizes == NULL || smallest == 0 || largest < smallest || largest > HF_SLAB_PAGE_BYTES_MAX ||
        per_octave == 0 || per_octave > 4u) {
        return 0;
    }
    uint32_t octave = align;
    while (octave * 2u <= smallest) {
        octave *= 2u;
    }
    uint32_t count = 0, last = 0;
    for (uint32_t step = 0; last < largest; step++) {
        if (step == per_octave) {
            step = 0;
            octave *= 2u;
        }
        uint32_t bytes = octave + octave / per_octave * step;
        bytes = (bytes + align - 1u) / align * align;
        if (bytes < smallest || bytes == last) {
            continue;
        }
        if (count == capacity) {
            return 0;
        }
        sizes[count++] = (hf_slab_size_t){.block_bytes = bytes};
        last = bytes;
    }
    return count;
}

hf_slab_stats_t hf_slab_stats(const hf_slab_t *slab, uint32_t number)
{
    const hf_slab_class_t *class = &slab->config.classes[number];
    // Each once, so that the sums formed here agree.
    const uint32_t in_use = word_read(&class->in_use), takes = word_read(&class->takes);
    const uint32_t spans = word_read(&class->spans);
    return (hf_slab_stats_t){
        .block_bytes = class->block_bytes,
        .reserved_count = class->reserved_count,
        .capacity = spans * class->span_blocks,
        .in_use = in_use,
        .peak = word_read(&class->peak),
        .takes = takes,
        .gives = takes - in_use,
        .exhausted = word_read(&class->exhausted),
        .spans = spans,
        .span_bytes = (uint32_t) class->span_units << slab->unit_shift,
        .returned_spans = word_read(&class->returned_spans),
    };
}

hf_slab_stock_stats_t hf_slab_stock_stats(const hf_slab_t *slab)
{
    const uint32_t lengths = word_read(&slab->room_lengths);
    const uint32_t longest = lengths == 0 ? 0 : 32u - (uint32_t)__builtin_clz(lengths);
    return (hf_slab_stock_stats_t){
        .page_count = slab->config.page_count,
        .page_bytes = slab->config.page_bytes,
        .unit_bytes = 1u << slab->unit_shift,
        .free_bytes = word_read(&slab->free_unit_count) << slab->unit_shift,
        .min_free_bytes = word_read(&slab->min_free_unit_count) << slab->unit_shift,
        .largest_span_bytes = longest << slab->unit_shift,
        .unservable = word_read(&slab->unservable),
        .foreign = word_read(&slab->foreign),
        .interior = word_read(&slab->interior),
        .double_gives = word_read(&slab->double_gives),
    };
}

void hf_slab_reset_stats(hf_slab_t *slab)
{
    word_write(&slab->min_free_unit_count, word_read(&slab->free_unit_count));
    word_write(&slab->unservable, 0);
    word_write(&slab->foreign, 0);
    word_write(&slab->interior, 0);
    word_write(&slab->double_gives, 0);
    for (uint32_t i = 0; i < slab->config.class_count; i++) {
        hf_slab_class_t *class = &slab->config.classes[i];
        word_write(&class->peak, word_read(&class->in_use));
        word_write(&class->exhausted, 0);
        word_write(&class->returned_spans, 0);
    }
}
