// SPDX-License-Identifier: MIT
// Minimum and maximum of a value over the last moments, right for any number of readers at once: windows follow the clock,
// not the readers. What is told spans the window under way and the one before it. And a history: a ring of such windows.
#ifndef HF_WINDOW_H
#define HF_WINDOW_H

#include "holdfast/hf_memory.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_WINDOW_MS       5000u // one window, one sample of the history
#define HF_HISTORY_SAMPLES 60u

typedef struct hf_window_span {
    uint32_t min, max;
} hf_window_span_t;

// The values that are watched: X(name).
#define HF_WINDOW_TABLE(X)                                                                         \
    X(INTERNAL_FREE)                                                                               \
    X(INTERNAL_LARGEST)                                                                            \
    X(FRAGMENTATION)                                                                               \
    X(PSRAM_FREE)                                                                                  \
    X(PSRAM_LARGEST)                                                                               \
    X(PSRAM_FRAGMENTATION)

typedef enum hf_window_value {
#define HF_WINDOW_ENUM(name) HF_WINDOW_##name,
    HF_WINDOW_TABLE(HF_WINDOW_ENUM)
#undef HF_WINDOW_ENUM
        HF_WINDOW_VALUES
} hf_window_value_t;

typedef struct hf_history_sample {
    uint64_t uptime_ms; // at its end
    hf_window_span_t span[HF_WINDOW_VALUES];
    uint32_t last[HF_WINDOW_VALUES]; // the newest reading in it
} hf_history_sample_t;

typedef struct hf_windows {
    uint64_t epoch_us;   // of init: uptimes count from here
    uint64_t started_us; // of the window under way
    uint32_t samples;    // in the window under way
    bool has_before;
    hf_history_sample_t now, before;
    hf_history_sample_t *ring; // NULL: no history
    uint32_t capacity, count, next;
} hf_windows_t;

/// `ring` of `capacity` samples (HF_HISTORY_SAMPLES) lives as long as the instance; NULL or 0: windows without a history.
void hf_windows_init(hf_windows_t *windows, hf_history_sample_t *ring, uint32_t capacity,
                     uint64_t now_us);
/// One reading. A window in which there was none leaves no sample: the history then has a gap, to be seen in uptime_ms.
/// Context: the owner's. Cost: O(values); a window that ends: two copies.
void hf_windows_note(hf_windows_t *windows, const hf_memory_t *memory, uint64_t now_us);
/// Of the window under way and the one before it. HF_E_EMPTY before the first reading. Context: the owner's.
HF_MUST_CHECK int hf_windows_span(const hf_windows_t *windows, hf_window_value_t value,
                                  hf_window_span_t *span);
/// `index` 0 is the oldest. HF_E_NOT_FOUND beyond the last.
HF_MUST_CHECK int hf_history_get(const hf_windows_t *windows, uint32_t index,
                                 hf_history_sample_t *sample);

#ifdef __cplusplus
}
#endif

#endif
