// SPDX-License-Identifier: MIT
// Windows of fixed length, side by side from the moment of init on, whoever reads them and how often. A window with no
// reading in it leaves no sample.
#include "holdfast/hf_window.h"

#include "holdfast/hf_clock.h"

#define WINDOW_US (HF_WINDOW_MS * HF_US_PER_MS)

#define HEAP_VALUES 3u // free, largest, what is scattered: side by side

_Static_assert(HF_WINDOW_FRAGMENTATION == HF_WINDOW_INTERNAL_FREE + 2 &&
                   HF_WINDOW_PSRAM_FRAGMENTATION == HF_WINDOW_PSRAM_FREE + 2,
               "the values of a heap in this order");

void hf_windows_init(hf_windows_t *windows, hf_history_sample_t *ring, uint32_t capacity,
                     uint64_t now_us)
{
    *windows = (hf_windows_t){
        .started_us = now_us,
        .epoch_us = now_us,
        .ring = ring,
        .capacity = ring != NULL ? capacity : 0,
    };
}

/// The window under way has ended: it becomes the one before, and a sample.
static void close_window(hf_windows_t *windows)
{
    windows->has_before = windows->samples != 0;
    if (windows->samples == 0) {
        return;
    }
    windows->now.uptime_ms =
        (windows->started_us - windows->epoch_us) / HF_US_PER_MS + HF_WINDOW_MS;
    windows->before = windows->now;
    windows->samples = 0;
    if (windows->capacity == 0) {
        return;
    }
    windows->ring[windows->next] = windows->before;
    windows->next = windows->next + 1u < windows->capacity ? windows->next + 1u : 0;
    windows->count += windows->count < windows->capacity ? 1u : 0u;
}

/// Ends what has ended. A pause longer than two windows leaves neither of them.
static void advance(hf_windows_t *windows, uint64_t now_us)
{
    if (now_us < windows->started_us || now_us - windows->started_us < WINDOW_US) {
        return;
    }
    close_window(windows);
    windows->started_us += WINDOW_US;
    const uint64_t late_us = now_us - windows->started_us;
    if (late_us >= WINDOW_US) {
        windows->has_before = false;
        windows->started_us += late_us / WINDOW_US * WINDOW_US;
    }
}

static void widen(hf_window_span_t *span, uint32_t min, uint32_t max)
{
    span->min = min < span->min ? min : span->min;
    span->max = max > span->max ? max : span->max;
}

/// The three values of a heap, the first of which is `first`. What is the same again widens nothing.
static void note_heap(hf_windows_t *windows, unsigned first, uint32_t free_bytes,
                      uint32_t largest_bytes)
{
    uint32_t *last = &windows->now.last[first];
    if (windows->samples != 0 && last[0] == free_bytes && last[1] == largest_bytes) {
        return;
    }
    last[0] = free_bytes;
    last[1] = largest_bytes;
    last[2] = hf_memory_fragmentation(free_bytes, largest_bytes);
    hf_window_span_t *span = &windows->now.span[first];
    const bool is_first = windows->samples == 0;
    for (const hf_window_span_t *end = span + HEAP_VALUES; span != end; span++, last++) {
        const uint32_t value = *last;
        if (is_first || value < span->min) {
            span->min = value;
        }
        if (is_first || value > span->max) {
            span->max = value;
        }
    }
}

void hf_windows_note(hf_windows_t *windows, const hf_memory_t *memory, uint64_t now_us)
{
    advance(windows, now_us);
    note_heap(windows, HF_WINDOW_INTERNAL_FREE, memory->internal_free, memory->internal_largest);
    note_heap(windows, HF_WINDOW_PSRAM_FREE, memory->psram_free, memory->psram_largest);
    windows->samples++;
}

int hf_windows_span(const hf_windows_t *windows, hf_window_value_t value, hf_window_span_t *span)
{
    if ((unsigned)value >= HF_WINDOW_VALUES) {
        return HF_E_RANGE;
    }
    if (windows->samples == 0 && !windows->has_before) {
        return HF_E_EMPTY;
    }
    *span = windows->samples != 0 ? windows->now.span[value] : windows->before.span[value];
    if (windows->has_before) {
        widen(span, windows->before.span[value].min, windows->before.span[value].max);
    }
    return HF_OK;
}

int hf_history_get(const hf_windows_t *windows, uint32_t index, hf_history_sample_t *sample)
{
    if (index >= windows->count) {
        return HF_E_NOT_FOUND;
    }
    const uint32_t oldest = windows->count < windows->capacity ? 0 : windows->next;
    const uint32_t behind = windows->capacity - oldest;
    *sample = windows->ring[index < behind ? oldest + index : index - behind];
    return HF_OK;
}
