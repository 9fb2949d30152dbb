// SPDX-License-Identifier: MIT
// Circuit breaker: an operation that keeps failing is left alone for a while, then tried once. Pure: time comes in, the
// owner acts. CLOSED lets everything through and counts failures in a row; at the threshold it is OPEN and lets nothing
// through until the cool-down is over; then it is HALF_OPEN: exactly one trial, whose end decides between CLOSED and OPEN
// again, with twice the cool-down, up to its cap.
// Invariants: failures in a row below the threshold never refuse anything; whoever was allowed reports the end, by
// success(), failure() or cancel(), and one who never does holds up the others for one cool-down only.
#ifndef HF_BREAKER_H
#define HF_BREAKER_H

#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hf_breaker_state {
    HF_BREAKER_CLOSED,
    HF_BREAKER_OPEN,
    HF_BREAKER_HALF_OPEN, // the trial is under way
} hf_breaker_state_t;

typedef struct hf_breaker_limit {
    uint32_t threshold;    // failures in a row that open it; at least 1
    uint32_t cool_down_ms; // open for so long the first time; 0: for good, only success() closes it
    uint32_t cap_ms;       // ... and at most for so long; at least the cool-down
} hf_breaker_limit_t;

/// The counters are for reading, monotonic; the rest is private.
typedef struct hf_breaker {
    uint64_t until_us; // OPEN: when the trial may begin; HALF_OPEN: when it counts as lost
    const hf_breaker_limit_t *limit;
    uint32_t wait_ms;  // the cool-down next in turn
    uint32_t failures; // in a row, saturating
    uint32_t opened;   // times it went OPEN, the failed trials included
    uint32_t refused;  // asked, and not allowed
    uint8_t state;     // hf_breaker_state_t as of the last call
} hf_breaker_t;

/// `limit` stays the caller's and must live as long. HF_E_ARGUMENT.
HF_MUST_CHECK int hf_breaker_init(hf_breaker_t *breaker, const hf_breaker_limit_t *limit);
/// May the operation be tried now? True obliges to report how it ended. False counts `refused`.
HF_MUST_CHECK bool hf_breaker_allow(hf_breaker_t *breaker, uint64_t now_us);
/// It went well: CLOSED, nothing remembered.
void hf_breaker_success(hf_breaker_t *breaker);
/// It failed. In OPEN (a straggler, or an exempt try) it changes nothing.
void hf_breaker_failure(hf_breaker_t *breaker, uint64_t now_us);
/// It was given up before anything was learnt: a trial's place is free again at once.
void hf_breaker_cancel(hf_breaker_t *breaker, uint64_t now_us);
/// Milliseconds until hf_breaker_allow() may say yes again; 0 now, UINT32_MAX never. Changes nothing.
uint32_t hf_breaker_wait_ms(const hf_breaker_t *breaker, uint64_t now_us);
const char *hf_breaker_state_text(unsigned state); // "closed", "open", "half-open"

#ifdef __cplusplus
}
#endif

#endif
