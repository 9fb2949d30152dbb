// SPDX-License-Identifier: MIT
// Statistics of few samples: what a median and a spread say, and whether two sets differ by more than chance. Nothing
// here assumes a distribution.
#ifndef LAB_STATS_H
#define LAB_STATS_H

#include <stdbool.h>
#include <stdint.h>

#define LAB_STATS_ALPHA 0.05

typedef struct lab_spread {
    uint32_t count;
    double median, least, most, quartile_low, quartile_high;
} lab_spread_t;

/// All zero for no values. Sorts `values`.
lab_spread_t lab_spread(double *values, uint32_t count);

typedef struct lab_test {
    double p;       // two-sided: that sets without a difference differ this much
    double least_p; // the least that so many samples can give at all
    bool is_exact;  // else by normal approximation, from 41 values on
} lab_test_t;

/// Mann and Whitney's test. Exact over all ways to deal the values out, equal ones included; p is 1 when a set is empty.
lab_test_t lab_mann_whitney(const double *a, uint32_t a_count, const double *b, uint32_t b_count);

#endif
