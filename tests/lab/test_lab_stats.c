// SPDX-License-Identifier: MIT
// Medians and Mann-Whitney against published tables and against dealing all hands out; sets of runs compared.
#include "hf_test.h"
#include "lab_diff.h"
#include "lab_stats.h"

#include <math.h>

static void lab_stats_spread_is_that_of_the_values(void)
{
    double values[] = {5, 1, 4, 2, 3};
    lab_spread_t spread = lab_spread(values, 5);
    CHECK_EQ(spread.median, 3);
    CHECK_EQ(spread.least, 1);
    CHECK_EQ(spread.most, 5);
    CHECK_EQ(spread.quartile_low, 2);
    CHECK_EQ(spread.quartile_high, 4);
    double even[] = {4, 1, 3, 2};
    CHECK(lab_spread(even, 4).median == 2.5);
    double one[] = {7};
    CHECK_EQ(lab_spread(one, 1).quartile_high, 7);
    CHECK_EQ(lab_spread(NULL, 0).count, 0);
}

// Two-sided, from the tables of Mann and Whitney: 4 against 4, 5 against 5 fully apart, and U = 2.
static void lab_stats_mann_whitney_is_that_of_the_tables(void)
{
    const double low[] = {1, 2, 3, 4, 5}, high[] = {6, 7, 8, 9, 10}, near[] = {1, 2, 3, 5, 7};
    const double far[] = {4, 6, 8, 9, 10};
    CHECK(fabs(lab_mann_whitney(low, 5, high, 5).p - 2.0 / 252) < 1e-12);
    CHECK(fabs(lab_mann_whitney(high, 5, low, 5).p - 2.0 / 252) < 1e-12);
    CHECK(fabs(lab_mann_whitney(low, 4, high, 4).p - 2.0 / 70) < 1e-12);
    CHECK(fabs(lab_mann_whitney(low, 3, high, 3).p - 2.0 / 20) < 1e-12);
    CHECK(fabs(lab_mann_whitney(low, 1, high, 1).p - 1.0) < 1e-12);
    CHECK(fabs(lab_mann_whitney(near, 5, far, 5).p - 0.0556) < 1e-4); // U = 3
    CHECK(fabs(lab_mann_whitney(low, 5, high, 5).least_p - 2.0 / 252) < 1e-12);
    CHECK(lab_mann_whitney(low, 5, low, 5).p == 1);
    CHECK(lab_mann_whitney(low, 0, high, 5).p == 1);
}

static unsigned bits_of(unsigned value)
{
    unsigned count = 0;
    for (; value != 0; value &= value - 1u) {
        count++;
    }
    return count;
}

// Every hand of `a` out of `count` values; ranks in the middle where values are equal.
static double by_dealing(const double *values, unsigned count, unsigned a)
{
    double rank[10], observed = 0, below = 0, above = 0, hands = 0;
    for (unsigned i = 0; i < count; i++) {
        rank[i] = 0.5;
        for (unsigned k = 0; k < count; k++) {
            rank[i] += values[k] < values[i] ? 1 : values[k] == values[i] ? 0.5 : 0;
        }
        observed += i < a ? rank[i] : 0;
    }
    for (unsigned hand = 0; hand < 1u << count; hand++) {
        double sum = 0;
        if (bits_of(hand) != a) {
            continue;
        }
        for (unsigned i = 0; i < count; i++) {
            sum += (hand >> i & 1u) != 0 ? rank[i] : 0;
        }
        hands++;
        below += sum <= observed + 1e-9 ? 1 : 0;
        above += sum >= observed - 1e-9 ? 1 : 0;
    }
    double p = 2 * fmin(below, above) / hands;
    return p < 1 ? p : 1;
}

static void lab_stats_mann_whitney_is_exact_with_equal_values(void)
{
    uint32_t state = 1;
    for (int round = 0; round < 300; round++) {
        double values[10];
        for (unsigned i = 0; i < 10; i++) {
            state = state * 1664525u + 1013904223u;
            values[i] = state >> 29; // 0 to 7: many are equal
        }
        unsigned a = 1u + state % 8u;
        double p = lab_mann_whitney(values, a, values + a, 10u - a).p;
        if (fabs(p - by_dealing(values, 10, a)) > 1e-9) {
            HF_TEST_FAIL("round %d: %.6f, dealt %.6f", round, p, by_dealing(values, 10, a));
        }
    }
}

static void lab_stats_many_values_go_by_the_normal_distribution(void)
{
    double a[40], b[40];
    for (int i = 0; i < 40; i++) {
        a[i] = i;
        b[i] = i + 0.5;
    }
    lab_test_t same = lab_mann_whitney(a, 40, b, 40);
    CHECK(!same.is_exact);
    CHECK(same.p > 0.8);
    for (int i = 0; i < 40; i++) {
        b[i] = i + 20;
    }
    CHECK(lab_mann_whitney(a, 40, b, 40).p < 1e-6);
    lab_test_t edge = lab_mann_whitney(a, 20, b, 20), past = lab_mann_whitney(a, 20, b, 21);
    CHECK(edge.is_exact && !past.is_exact);
    CHECK(fabs(edge.p - past.p) < 0.001);
}

// ---- sets -----------------------------------------------------------------------------------------------------------

static lab_run_t runs[12];
static lab_mem_row_t rows[12][2];
static const lab_run_t *pointer[12];

static void fill(unsigned i, uint32_t dip, uint32_t last, uint32_t frag)
{
    for (unsigned k = 0; k < 2; k++) {
        rows[i][k] = (lab_mem_row_t){.tag = "hb"};
        memset(&rows[i][k].memory, 0xFF, sizeof rows[i][k].memory);
        rows[i][k].memory.hi = k == 0 ? dip : last;
        rows[i][k].memory.hin = dip;
        rows[i][k].memory.frag = frag;
    }
    runs[i] = (lab_run_t){.mem = rows[i], .mems = 2};
    pointer[i] = &runs[i];
}

static lab_change_t change_of(unsigned a, unsigned b, const char *name)
{
    lab_diff_t diff;
    lab_change_t change = LAB_UNCLEAR;
    CHECK_EQ(lab_diff_make(&diff, pointer, a, pointer + a, b), 0);
    if (name == NULL) {
        change = diff.change;
    }
    for (uint32_t i = 0; i < diff.figures && name != NULL; i++) {
        if (strcmp(diff.figure[i].name, name) == 0) {
            change = diff.figure[i].change;
        }
    }
    lab_diff_free(&diff);
    return change;
}

static void lab_diff_says_worse_only_beyond_the_spread(void)
{
    for (unsigned i = 0; i < 10; i++) {
        fill(i, i < 5 ? 100000 + i * 10 : 100005 + i * 10 - 50, 120000, 20);
    }
    CHECK_EQ(change_of(5, 5, NULL), LAB_SAME);
    for (unsigned i = 5; i < 10; i++) {
        fill(i, 90000 + i, 120000, 20);
    }
    CHECK_EQ(change_of(5, 5, NULL), LAB_WORSE);
    CHECK_EQ(change_of(5, 5, "hin_min"), LAB_WORSE);
    CHECK_EQ(change_of(5, 5, "frag_max"), LAB_SAME);
    CHECK_EQ(change_of(5, 5, "hb hi"), LAB_WORSE); // the dip, though the last row is as before
    for (unsigned i = 5; i < 10; i++) {
        fill(i, 130000 + i, 120000, 20);
    }
    CHECK_EQ(change_of(5, 5, NULL), LAB_BETTER);
    for (unsigned i = 5; i < 10; i++) {
        fill(i, 130000 + i, 120000, 30);
    }
    CHECK_EQ(change_of(5, 5, "frag_max"), LAB_WORSE);
    CHECK_EQ(change_of(5, 5, NULL), LAB_WORSE); // one that is worse is not made up for
}

static void lab_diff_of_too_few_runs_is_unclear(void)
{
    for (unsigned i = 0; i < 10; i++) {
        fill(i, i < 3 ? 100000 : 1000, 120000, 20);
    }
    CHECK_EQ(change_of(1, 1, NULL), LAB_UNCLEAR);
    CHECK_EQ(change_of(3, 3, NULL), LAB_UNCLEAR);
    CHECK_EQ(change_of(3, 7, NULL), LAB_WORSE);
    for (unsigned i = 0; i < 10; i++) {
        fill(i, i < 4 ? 100000 : 1000, 120000, 20);
    }
    CHECK_EQ(change_of(4, 4, "hb hin"),
             LAB_WORSE); // alone it would do; the two that decide count double
    CHECK_EQ(change_of(4, 4, NULL), LAB_UNCLEAR);
    lab_diff_t diff;
    CHECK_EQ(lab_diff_make(&diff, pointer, 0, pointer, 4), 0);
    CHECK_EQ(diff.change, LAB_UNCLEAR);
    lab_diff_free(&diff);
}

HF_TEST_MAIN(HF_TEST(lab_stats_spread_is_that_of_the_values),
             HF_TEST(lab_stats_mann_whitney_is_that_of_the_tables),
             HF_TEST(lab_stats_mann_whitney_is_exact_with_equal_values),
             HF_TEST(lab_stats_many_values_go_by_the_normal_distribution),
             HF_TEST(lab_diff_says_worse_only_beyond_the_spread),
             HF_TEST(lab_diff_of_too_few_runs_is_unclear))
