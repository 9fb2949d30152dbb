// SPDX-License-Identifier: MIT
// Verdict on the floors of cycles: Mann-Kendall for confidence, Theil-Sen for the slope, records and halves against
// growth that ends by itself. Slopes are held in 1/256 B per cycle.
#include "holdfast/hf_leak.h"

#include "holdfast/hf_clock.h"

#define SLOPE_UNIT   256
#define STEPS_LOOKED 6u
#define SUSPICIONS   2u // cycles in a row

/// The floors looked at, oldest first.
typedef struct series {
    uint32_t floor[HF_LEAK_FLOORS_MAX];
    uint32_t count;
} series_t;

// One-sided confidence and the square of its normal quantile, times 1000.
static const struct {
    uint32_t permille;
    uint32_t square_milli;
} quantiles[] = {{999, 9550}, {998, 8284}, {995, 6635}, {990, 5412}, {950, 2706}, {900, 1642}};

int hf_leak_init(hf_leak_t *leak, uint64_t cycle_us, uint64_t now_us)
{
    if (leak == NULL || cycle_us < 1000u) {
        return HF_E_ARGUMENT;
    }
    *leak = (hf_leak_t){.cycle_us = cycle_us, .begin_us = now_us};
    return HF_OK;
}

static series_t series_of(const hf_leak_t *leak)
{
    series_t series = {.count =
                           leak->cycles < HF_LEAK_FLOORS_MAX ? leak->cycles : HF_LEAK_FLOORS_MAX};
    for (uint32_t i = 0; i < series.count; i++) {
        series.floor[i] = leak->floor[(leak->cycles - series.count + i) % HF_LEAK_FLOORS_MAX];
    }
    return series;
}

/// Mann-Kendall: S less its continuity correction, squared, against the quantiles times the variance of S without ties.
static uint32_t confidence_permille(const series_t *series)
{
    int32_t s = -1;
    for (uint32_t j = 1; j < series->count; j++) {
        for (uint32_t i = 0; i < j; i++) {
            s += series->floor[j] > series->floor[i] ? 1 : 0;
            s -= series->floor[j] < series->floor[i] ? 1 : 0;
        }
    }
    if (s <= 0) {
        return 0;
    }
    uint32_t n = series->count;
    uint32_t variance_18 = n * (n - 1u) * (2u * n + 5u);
    for (size_t i = 0; i < HF_COUNT_OF(quantiles); i++) {
        if ((uint32_t)(s * s) * 18000u >= quantiles[i].square_milli * variance_18) {
            return quantiles[i].permille;
        }
    }
    return 0;
}

static int64_t slope_of_pair(const series_t *series, uint32_t i, uint32_t j)
{
    int64_t rise = (int64_t)series->floor[j] - (int64_t)series->floor[i];
    return rise * SLOPE_UNIT / (int64_t)(j - i);
}

/// Pairs of the floors first to last whose slope is at most so steep.
static uint32_t count_up_to(const series_t *series, uint32_t first, uint32_t last, int64_t slope)
{
    uint32_t count = 0;
    for (uint32_t j = first + 1u; j <= last; j++) {
        for (uint32_t i = first; i < j; i++) {
            count += slope_of_pair(series, i, j) <= slope ? 1u : 0;
        }
    }
    return count;
}

/// Theil-Sen: the lower median of all slopes, found by halving the range of what it can be: no room for 120 slopes is
/// needed.
static int64_t median_slope(const series_t *series, uint32_t first, uint32_t last)
{
    uint32_t points = last - first + 1u;
    uint32_t wanted = (points * (points - 1u) / 2u + 1u) / 2u;
    int64_t low = -(int64_t)UINT32_MAX * SLOPE_UNIT, high = (int64_t)UINT32_MAX * SLOPE_UNIT;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (count_up_to(series, first, last, middle) >= wanted) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/// All of the last steps but one (all, where there are fewer than six) reached a new record.
static bool sets_records(const hf_leak_t *leak, uint32_t floors)
{
    uint32_t steps = floors - 1u < STEPS_LOOKED ? floors - 1u : STEPS_LOOKED;
    uint32_t records = 0;
    for (uint32_t i = 0; i < steps; i++) {
        records += leak->was_record >> i & 1u;
    }
    return (leak->was_record & 1u) != 0 && records + (steps == STEPS_LOOKED ? 1u : 0) >= steps;
}

/// Growth that ends by itself is steeper in its earlier half.
static bool keeps_its_pace(const series_t *series)
{
    uint32_t half = series->count / 2u;
    int64_t earlier = median_slope(series, 0, half);
    int64_t later = median_slope(series, series->count - 1u - half, series->count - 1u);
    return later > 0 && later * 4 >= earlier * 3;
}

/// A leak rises by the same each cycle: all but one of the last six steps are between half and one and a half of
/// their slope. What rises by chance, or step by step, seldom does.
static bool is_even(const series_t *series)
{
    uint32_t first = series->count - 1u - STEPS_LOOKED;
    int64_t slope = median_slope(series, first, series->count - 1u);
    uint32_t even = 0;
    for (uint32_t i = first; i + 1u < series->count; i++) {
        int64_t step = slope_of_pair(series, i, i + 1u);
        even += step * 2 >= slope && step * 2 <= slope * 3 ? 1u : 0;
    }
    return even + 1u >= STEPS_LOOKED;
}

static hf_leak_verdict_t judge(hf_leak_t *leak)
{
    series_t series = series_of(leak);
    hf_leak_verdict_t verdict = {.floors = series.count,
                                 .floor_bytes = series.floor[series.count - 1u]};
    if (series.count < 2u) {
        return verdict;
    }
    int64_t slope = median_slope(&series, 0, series.count - 1u);
    verdict.confidence_permille = confidence_permille(&series);
    verdict.slope_bytes_per_ks =
        slope * (int64_t)(1000u * HF_US_PER_S / SLOPE_UNIT) / (int64_t)leak->cycle_us;
    if (series.count < HF_LEAK_FLOORS_GROWING) {
        return verdict;
    }
    bool grows = slope > 0 && verdict.confidence_permille >= HF_LEAK_PERMILLE_GROWING &&
                 sets_records(leak, series.count) && keeps_its_pace(&series);
    bool leaks = grows && series.count >= HF_LEAK_FLOORS_LEAKING &&
                 verdict.confidence_permille >= HF_LEAK_PERMILLE_LEAKING && is_even(&series);
    leak->suspicions = leaks ? leak->suspicions + 1u : 0;
    verdict.state = leak->suspicions >= SUSPICIONS ? HF_LEAK_LEAKING
                    : grows                        ? HF_LEAK_GROWING
                                                   : HF_LEAK_STABLE;
    return verdict;
}

static void end_cycle(hf_leak_t *leak)
{
    bool is_record = leak->cycles > 0 && leak->lowest > leak->record;
    leak->was_record = (uint16_t)((uint32_t)leak->was_record << 1 | (is_record ? 1u : 0));
    leak->record = leak->cycles == 0 || is_record ? leak->lowest : leak->record;
    leak->floor[leak->cycles % HF_LEAK_FLOORS_MAX] = leak->lowest;
    leak->cycles++;
    leak->verdict = judge(leak);
}

bool hf_leak_sample(hf_leak_t *leak, uint64_t now_us, uint32_t bytes)
{
    uint64_t passed = now_us > leak->begin_us ? (now_us - leak->begin_us) / leak->cycle_us : 0;
    bool has_ended = passed > 0 && leak->has_sample;
    if (has_ended) {
        end_cycle(leak);
    }
    leak->begin_us += passed * leak->cycle_us;
    leak->lowest = (passed == 0 && leak->has_sample && leak->lowest < bytes) ? leak->lowest : bytes;
    leak->has_sample = true;
    return has_ended;
}

hf_leak_verdict_t hf_leak_verdict(const hf_leak_t *leak)
{
    return leak->verdict;
}

const char *hf_leak_state_text(hf_leak_state_t state)
{
    static const char *const texts[] = {"gathering", "stable", "growing", "leaking"};
    return (size_t)state < HF_COUNT_OF(texts) ? texts[state] : "unknown";
}
