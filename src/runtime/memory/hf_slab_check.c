// SPDX-License-Identifier: MIT
// The walk that proves a slab's invariants from the bits alone; a file of its own so that no image needs to hold it.
#include "holdfast/hf_slab.h"

#include "../sync/hf_word.h"

static uint32_t longest_run(uint32_t bits)
{
    uint32_t best = 0, here = 0;
    for (; bits != 0; bits >>= 1) {
        here = (bits & 1u) != 0 ? here + 1u : 0;
        best = here > best ? here : best;
    }
    return best;
}

/// Spans of a page: each within it, none over another, with what is left of them free; and the right lists. Adds what it
/// finds of class `number` to `spans` and `in_use`.
static bool is_page_consistent(const hf_slab_t *slab, uint32_t page, uint32_t number,
                               hf_slab_stats_t *found)
{
    const hf_slab_page_t *descriptor = &slab->config.descriptors[page];
    uint32_t covered = 0;
    for (uint32_t start = 0; start < HF_SLAB_PAGE_UNITS; start++) {
        const uint32_t unit = page * HF_SLAB_PAGE_UNITS + start;
        const hf_slab_class_t *class = &slab->config.classes[descriptor->unit_class[start]];
        const bool begins = (descriptor->span_starts >> start & 1u) != 0;
        const bool is_here = begins && descriptor->unit_class[start] == number;
        const bool is_listed =
            (slab->config.classes[number].partial[unit / 32u] >> unit % 32u & 1u) != 0;
        if (is_listed != (is_here && descriptor->free_blocks[start] != 0)) {
            return false;
        }
        if (!begins) {
            continue;
        }
        const uint32_t units = ((1u << class->span_units) - 1u) << start;
        if ((covered & units) != 0 || units > UINT16_MAX ||
            descriptor->free_blocks[start] >> class->span_blocks != 0) {
            return false;
        }
        covered |= units;
        if (is_here) {
            found->spans++;
            found->in_use +=
                class->span_blocks - (uint32_t)__builtin_popcount(descriptor->free_blocks[start]);
        }
    }
    const uint32_t length = longest_run(descriptor->free_units);
    for (uint32_t i = 0; i < HF_SLAB_PAGE_UNITS; i++) {
        if ((slab->room[i][page / 32u] >> page % 32u & 1u) != (i + 1u == length)) {
            return false;
        }
    }
    return covered == (uint16_t)~descriptor->free_units;
}

static bool is_class_consistent(const hf_slab_t *slab, uint32_t number)
{
    const hf_slab_class_t *class = &slab->config.classes[number];
    hf_slab_stats_t found = {.in_use = 0};
    for (uint32_t page = 0; page < slab->config.page_count; page++) {
        if (!is_page_consistent(slab, page, number, &found)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < HF_SLAB_PARTIAL_WORDS(slab->config.page_count); i++) {
        if ((class->partial_summary >> i & 1u) != (class->partial[i] != 0)) {
            return false;
        }
    }
    return found.spans == word_read(&class->spans) && found.in_use == word_read(&class->in_use) &&
           word_read(&class->peak) >= found.in_use &&
           found.spans * class->span_blocks >= class->reserved_count;
}

bool hf_slab_is_consistent(const hf_slab_t *slab)
{
    uint32_t free_units = 0;
    for (uint32_t page = 0; page < slab->config.page_count; page++) {
        free_units += (uint32_t)__builtin_popcount(slab->config.descriptors[page].free_units);
    }
    for (uint32_t i = 0; i < HF_SLAB_PAGE_UNITS; i++) {
        const bool has_page = (slab->room[i][0] | slab->room[i][1]) != 0;
        if ((word_read(&slab->room_lengths) >> i & 1u) != has_page) {
            return false;
        }
    }
    for (uint32_t number = 0; number < slab->config.class_count; number++) {
        if (!is_class_consistent(slab, number)) {
            return false;
        }
    }
    return free_units == word_read(&slab->free_unit_count) &&
           word_read(&slab->min_free_unit_count) <= free_units;
}
