// SPDX-License-Identifier: MIT
// How fast a counter moves, over a sliding window, and how long blocks are held. Both are fed from the side (the
// counters of a pool, the entries of a trace), so that taking and giving cost nothing more. Context of every call:
// one owner.
#ifndef HF_RATE_H
#define HF_RATE_H

#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_RATE_MARKS 9u

/// Invariant: the marks are readings at least window / 8 apart, oldest first to be overwritten; the rate is exact over the
/// stretch from the oldest mark to the newest reading, which is the window or up to 1/8 longer once it has run that long.
typedef struct hf_rate {
    uint64_t mark_us[HF_RATE_MARKS];
    uint32_t mark_count[HF_RATE_MARKS];
    uint64_t now_us;
    uint64_t window_us;
    uint32_t now_count;
    uint32_t newest, filled;
} hf_rate_t;

/// A window of 8 us at least (HF_E_ARGUMENT), from the reading `count` on.
HF_MUST_CHECK int hf_rate_init(hf_rate_t *rate, uint64_t window_us, uint64_t now_us,
                               uint32_t count);
/// A reading of a counter that only rises, modulo 2^32: call at least eight times per window. One that went back (by less
/// than 2^31: set back below that, as by a reset of statistics) was started again from 0, and the rate goes on. A
/// gap in the calls makes the stretch longer; a time that goes back is ignored. Cost: O(1).
void hf_rate_update(hf_rate_t *rate, uint64_t now_us, uint32_t count);
/// Counts in 1,000 seconds, rounded down (3-decimal counts per second); 0 before any time has passed. UINT32_MAX when
/// larger.
uint32_t hf_rate_per_ks(const hf_rate_t *rate);
/// The stretch the rate is of.
uint64_t hf_rate_span_us(const hf_rate_t *rate);

/// How long blocks were held. Zero-initialise.
typedef struct hf_hold {
    uint64_t sum_ms;
    uint32_t count;
    uint32_t max_ms;
} hf_hold_t;

/// A block was given after so long. Cost: O(1).
void hf_hold_add(hf_hold_t *hold, uint32_t held_ms);
/// Mean, rounded down; 0 when nothing was given yet.
uint32_t hf_hold_mean_ms(const hf_hold_t *hold);

#ifdef __cplusplus
}
#endif

#endif
