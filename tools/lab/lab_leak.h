// SPDX-License-Identifier: MIT
// Does a device leak? A verdict over the snapshots of a run, with its confidence; hf_leak.h has one for a device that
// watches itself over weeks, this one looks back on a whole record.
//
// Method. A series is one figure at one moment that comes again: internal bytes held (the most ever seen free, less
// what is free) at each snapshot of one tag (hb, tx_stop, ...), blocks in use at each look at one pool. Of each boot
// the first tenth is left out (warming up), the rest cut into up to 12 blocks of equal length; of a block the median
// counts. Then
//  - Kendall's S over the blocks, of all boots together (pairs within a boot only): exact distribution where no values
//    are equal, normal approximation with correction for ties otherwise; one-sided; the probability is multiplied by
//    the number of series that were looked at (Bonferroni);
//  - Theil and Sen's slope, median over all pairs within boots, per snapshot of that tag: tx_stop's are sessions, hb's
//    heartbeats;
//  - it is a leak when that probability is below 0.5 %, what was lost is above 512 B (of a pool: 2 blocks), of memory at
//    least 4 steps between unequal blocks go up, and 3 of 4 of them, each half rises at least 0.4 times as fast as the
//    whole (a single step does not), and the second at least half as fast as the first (a working set on its way to its
//    plateau does not).
// With fewer than 8 snapshots per boot in every boot, or fewer than 6 blocks in all, nothing is said.
// Measured with the soaks of tests/lab/test_lab_leak.c, 3,000 of each kind: 4 alarms in 36,000 clean ones; of 18,000 that
// lose 32 B per session 17 were not called within 200 sessions.
#ifndef LAB_LEAK_H
#define LAB_LEAK_H

#include "lab_run.h"

typedef struct lab_leak {
    bool is_known; // there was enough to judge
    bool is_leak;
    char series[LAB_NAME_BYTES + 16]; // "tag tx_stop", "pool sessions"
    char unit[8];                     // "B" or "blocks"
    double slope;                     // per snapshot
    double lost;                      // over the longest boot, by the slope
    double confidence;                // percent, 0 to 99.99: that it rises at all, after Bonferroni
    uint32_t samples, boots;
} lab_leak_t;

/// The series with the most certain rise; all zero when there is none to judge. -1: no memory.
int lab_leak_judge(const lab_run_t *run, lab_leak_t *leak);

/// P(S >= s) of Kendall's S for boots of counts[i] blocks each, without ties. Exposed for its test.
double lab_leak_probability(const uint32_t *counts, uint32_t boots, int64_t s);

#endif
