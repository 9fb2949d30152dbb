// SPDX-License-Identifier: MIT
// Medians, quartiles, Mann-Whitney.
#include "lab_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 40u // values in all
#define SUM_MAX   (EXACT_MAX * (EXACT_MAX + 1u))

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Of sorted values, between neighbours where it falls between.
static double quantile(const double *values, uint32_t count, double share)
{
    double at = share * (count - 1u);
    uint32_t below = (uint32_t)at, above = below + 1u < count ? below + 1u : below;
    return values[below] + (at - below) * (values[above] - values[below]);
}

lab_spread_t lab_spread(double *values, uint32_t count)
{
    lab_spread_t spread = {.count = count};
    if (count == 0) {
        return spread;
    }
    qsort(values, count, sizeof values[0], by_value);
    spread.least = values[0];
    spread.most = values[count - 1u];
    spread.median = quantile(values, count, 0.5);
    spread.quartile_low = quantile(values, count, 0.25);
    spread.quartile_high = quantile(values, count, 0.75);
    return spread;
}

typedef struct ranked {
    double value;
    uint32_t twice_rank; // middle ranks of equal values are halves
    bool is_a;
} ranked_t;

static int by_ranked(const void *a, const void *b)
{
    double x = ((const ranked_t *)a)->value, y = ((const ranked_t *)b)->value;
    return (x > y) - (x < y);
}

// Returns the sum of t^3 - t over groups of equal values.
static double rank(ranked_t *all, uint32_t count)
{
    double ties = 0;
    qsort(all, count, sizeof all[0], by_ranked);
    for (uint32_t i = 0; i < count;) {
        uint32_t past = i;
        while (past < count && all[past].value == all[i].value) {
            past++;
        }
        double equal = past - i;
        ties += equal * equal * equal - equal;
        for (uint32_t k = i; k < past; k++) {
            all[k].twice_rank = i + past + 1u;
        }
        i = past;
    }
    return ties;
}

// How many ways there are to choose a_count of the values with each sum of ranks.
static double exact_p(const ranked_t *all, uint32_t count, uint32_t a_count, uint32_t sum)
{
    const size_t row = SUM_MAX + 1u;
    double *ways = calloc((a_count + 1u) * row, sizeof *ways);
    if (ways == NULL) {
        return 1;
    }
    ways[0] = 1;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t n = a_count; n > 0; n--) {
            for (uint32_t s = SUM_MAX; s >= all[i].twice_rank; s--) {
                ways[n * row + s] += ways[(n - 1u) * row + s - all[i].twice_rank];
            }
        }
    }
    double below = 0, above = 0, whole = 0;
    for (uint32_t s = 0; s <= SUM_MAX; s++) {
        double here = ways[a_count * row + s];
        whole += here;
        below += s <= sum ? here : 0;
        above += s >= sum ? here : 0;
    }
    free(ways);
    double p = 2 * (below < above ? below : above) / whole;
    return p < 1 ? p : 1;
}

static double normal_p(uint32_t count, uint32_t a_count, uint32_t sum, double ties)
{
    double n = count, a = a_count, b = n - a;
    double expected = a * (n + 1) / 2, spread = a * b / 12 * ((n + 1) - ties / (n * (n - 1)));
    double far = fabs(sum / 2.0 - expected) - 0.5;
    return spread > 0 && far > 0 ? erfc(far / sqrt(2 * spread)) : 1;
}

static double least_of(uint32_t count, uint32_t a_count)
{
    double ways = 1;
    for (uint32_t i = 1; i <= a_count; i++) {
        ways *= (double)(count - a_count + i) / i;
    }
    return ways > 2 ? 2 / ways : 1;
}

lab_test_t lab_mann_whitney(const double *a, uint32_t a_count, const double *b, uint32_t b_count)
{
    lab_test_t test = {.p = 1, .least_p = 1};
    uint32_t count = a_count + b_count, sum = 0;
    ranked_t *all = a_count > 0 && b_count > 0 ? calloc(count, sizeof *all) : NULL;
    if (all == NULL) {
        return test;
    }
    for (uint32_t i = 0; i < count; i++) {
        all[i].value = i < a_count ? a[i] : b[i - a_count];
        all[i].is_a = i < a_count;
    }
    double ties = rank(all, count);
    for (uint32_t i = 0; i < count; i++) {
        sum += all[i].is_a ? all[i].twice_rank : 0;
    }
    test.is_exact = count <= EXACT_MAX;
    test.least_p = least_of(count, a_count);
    test.p =
        test.is_exact ? exact_p(all, count, a_count, sum) : normal_p(count, a_count, sum, ties);
    free(all);
    return test;
}
