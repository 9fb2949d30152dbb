// SPDX-License-Identifier: MIT
// Exponential backoff with jitter and cap: the wait before try n is base * 2^n, at most cap, of which the last
// `jitter_permille` are random, so that a fleet does not come back in step.
#ifndef HF_BACKOFF_H
#define HF_BACKOFF_H

#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_backoff {
    uint32_t base_ms;
    uint32_t cap_ms;
    uint32_t jitter_permille;
    uint32_t tries;
    uint32_t random; // xorshift state, never 0
} hf_backoff_t;

/// HF_E_ARGUMENT when base is 0, cap < base or jitter > 1000. `seed` differs per device.
HF_MUST_CHECK int hf_backoff_init(hf_backoff_t *backoff, uint32_t base_ms, uint32_t cap_ms,
                                  uint32_t jitter_permille, uint32_t seed);
/// Other limits from the next wait on; what was counted stays. A base of 0 is 1, a cap below the base is the base, a jitter
/// above 1000 is 1000.
void hf_backoff_set(hf_backoff_t *backoff, uint32_t base_ms, uint32_t cap_ms,
                    uint32_t jitter_permille);
/// The wait before the next try, and counts it (saturating).
uint32_t hf_backoff_next_ms(hf_backoff_t *backoff);
/// After success: the next failure starts from the base again.
void hf_backoff_reset(hf_backoff_t *backoff);

#ifdef __cplusplus
}
#endif

#endif
