// SPDX-License-Identifier: MIT
// A take that must succeed: memory that was sized so that it cannot run out, and a named stop when it does all the same.
// No state but a counter.
#ifndef HF_TRIP_H
#define HF_TRIP_H

#include "holdfast/hf_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_trip {
    /// Told of a take that had to succeed and did not: which pool, how many bytes, the return address of who asked.
    /// May end in a reset or a safe state and never return; when it returns, the taker gets NULL. Context: that of
    /// the take.
    void (*on_trip)(void *ctx, const char *pool_name, size_t bytes, const void *caller);
    void *ctx;
    hf_atomic_u32_t trips; // takes that failed
} hf_trip_t;

/// Passes `block` through; calls the seam (NULL: hf_port_assert_failed()) when it is NULL, and counts `trips`:
///     event_t *event = hf_take_or_trip(hf_pool_take(&events, tag), &trip, "events", sizeof *event);
void *hf_take_or_trip(void *block, hf_trip_t *trip, const char *pool_name, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
