// SPDX-License-Identifier: MIT
// Does an owner leak? A verdict over what it holds, in integers, without a claim that cannot be stood by.
//
// Method. Time is cut into cycles (a day, say: whatever the load repeats in). Of each cycle only the floor counts, the least
// that was held in it: load above the floor comes back, a leak raises the floor itself, and a daily rhythm has the
// same floor every day. Over the last floors, 16 at most:
//  - Mann-Kendall gives the confidence that they rise at all (one-sided, normal approximation with continuity correction),
//  - Theil-Sen gives the slope (median of the slopes of all pairs),
//  - it is growth only when five of the last six steps (all, of fewer) set a record above everything seen before,
//  - and when it does not die away: the slope of the later half is at least 3/4 of the slope of the earlier half. A
//    working set that grows to its plateau fails here;
//  - a leak is even, too: all but one of the last six steps lie between half and one and a half of their slope.
//
// The verdict is `growing` from 4 floors on, at 95 %; `leaking` from 7 floors on, at 99.5 %, when all of this holds for the
// second cycle in a row: growing is a notice (a working set that is on its way to its plateau gets it, too), leaking
// an alarm. Measured, on the loads the criteria were settled on (tests/property/test_leak_property.c: 200 runs of ten
// weeks for each load; once 4,000 of the five hardest):
//  - no alarm for a working set that approaches its plateau with a time constant of up to 5 cycles, or grows evenly and
//    stops within 5 cycles; for rhythms of a cycle and of 7; for steps, and for noise whose memory is shorter than a
//    cycle. 15,000 runs with fresh seeds gave one alarm, for three random steps a week.
//    Growth that lasts longer, or a level that wanders without bound, looks like a leak and may be called one;
//  - a leak is as a rule told at the 8th floor when it was there from the start, 7 cycles after its begin in mid-run,
//    provided that it raises the floor per cycle clearly above the noise of floors; later, the nearer it is to it.
//    What leaks less than one block per cycle is not found: use a longer cycle.
#ifndef HF_LEAK_H
#define HF_LEAK_H

#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_LEAK_FLOORS_MAX       16u
#define HF_LEAK_FLOORS_GROWING   4u
#define HF_LEAK_FLOORS_LEAKING   7u
#define HF_LEAK_CYCLE_US         86400000000ULL // the usual one: a day
#define HF_LEAK_PERMILLE_GROWING 950u
#define HF_LEAK_PERMILLE_LEAKING 995u

typedef enum hf_leak_state {
    HF_LEAK_GATHERING, // fewer than HF_LEAK_FLOORS_GROWING floors
    HF_LEAK_STABLE,
    HF_LEAK_GROWING,
    HF_LEAK_LEAKING,
} hf_leak_state_t;

typedef struct hf_leak_verdict {
    hf_leak_state_t state;
    uint32_t floors; // cycles it rests on
    uint32_t
        confidence_permille;    // that the floor rises: 0 (below 900), 900, 950, 990, 995, 998, 999
    int64_t slope_bytes_per_ks; // in 1,000 seconds; below 0: it falls
    uint32_t floor_bytes;       // the last one
} hf_leak_verdict_t;

/// One per owner watched, 136 B. Context of every call: one owner.
typedef struct hf_leak {
    uint64_t cycle_us, begin_us;
    uint32_t floor[HF_LEAK_FLOORS_MAX]; // bytes; a ring
    uint32_t cycles;                    // floors ever taken
    uint32_t lowest;                    // of the cycle that runs
    uint32_t record;                    // highest floor ever
    uint16_t was_record;                // a bit per floor, the last one in bit 0
    uint32_t suspicions;                // cycles in a row that looked like a leak
    bool has_sample;                    // in the cycle that runs
    hf_leak_verdict_t verdict;
} hf_leak_t;

/// HF_E_ARGUMENT: cycle_us below 1,000.
HF_MUST_CHECK int hf_leak_init(hf_leak_t *leak, uint64_t cycle_us, uint64_t now_us);

/// What is held now: as often as one likes, several times per cycle at least. True when a cycle ended and the verdict
/// is new. A cycle without a sample is left out. Cost: O(1); at the end of a cycle about 120 pairs of floors are
/// looked at, 40 times each.
bool hf_leak_sample(hf_leak_t *leak, uint64_t now_us, uint32_t bytes);

/// The verdict at the end of the last cycle. Cost: O(1).
hf_leak_verdict_t hf_leak_verdict(const hf_leak_t *leak);
/// "gathering", "stable", "growing", "leaking".
const char *hf_leak_state_text(hf_leak_state_t state);

#ifdef __cplusplus
}
#endif

#endif
