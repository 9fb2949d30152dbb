// SPDX-License-Identifier: MIT
// The leak verdict; its method is told in lab_leak.h.
#include "lab_leak.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MAX      12u // per boot
#define BLOCKS_LEAST    6u  // in all
#define SAMPLES_LEAST   8u  // per boot
#define BOOTS_MAX       256u
#define SERIES_MAX      96u
#define WARM_UP         10u // one part in ten
#define ALPHA           0.005
#define LOST_BYTES      512.0
#define LOST_BLOCKS     2.0
#define EVEN_SHARE      0.4
#define DYING_SHARE     0.5
#define UPWARD_SHARE    0.75
#define UPWARD_LEAST    4u
#define CONFIDENCE_MOST 99.99

typedef struct sample {
    uint32_t boot;
    double value;
} sample_t;

typedef struct boot {
    double block[BLOCKS_MAX];
    uint32_t blocks;
    double block_samples; // snapshots per block
    uint32_t samples;
} boot_t;

typedef struct series {
    char name[LAB_NAME_BYTES + 16];
    bool is_pool;
    sample_t *sample;
    uint32_t samples;
    boot_t boot[BOOTS_MAX];
    uint32_t boots;
    double *scratch; // room for every pair of blocks
} series_t;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, uint32_t count)
{
    if (count == 0) {
        return 0;
    }
    qsort(values, count, sizeof values[0], by_value);
    return count % 2u == 1u ? values[count / 2u]
                            : (values[count / 2u - 1u] + values[count / 2u]) / 2.0;
}

// ---- Kendall --------------------------------------------------------------------------------------------------------

double lab_leak_probability(const uint32_t *counts, uint32_t boots, int64_t s)
{
    // The number of inversions of n values is the sum of independent, even ones over 0..i, i < n; S is pairs - 2 x
    // inversions.
    int64_t pairs = 0;
    for (uint32_t i = 0; i < boots; i++) {
        pairs += (int64_t)counts[i] * (counts[i] - 1) / 2;
    }
    double *mass = calloc((size_t)pairs + 1u, sizeof *mass);
    double *next = calloc((size_t)pairs + 1u, sizeof *next);
    double sum = mass == NULL || next == NULL ? NAN : 0;
    int64_t most = 0;
    if (!isnan(sum)) {
        mass[0] = 1;
    }
    for (uint32_t b = 0; b < boots && !isnan(sum); b++) {
        for (uint32_t i = 1; i < counts[b]; i++) {
            double window = 0;
            for (int64_t at = 0; at <= most + i; at++) {
                window += at <= most ? mass[at] : 0;
                window -= at > i ? mass[at - i - 1] : 0;
                next[at] = window / (i + 1.0);
            }
            most += i;
            double *swap = mass;
            mass = next;
            next = swap;
        }
    }
    for (int64_t inversions = 0; !isnan(sum) && inversions <= most; inversions++) {
        sum += pairs - 2 * inversions >= s ? mass[inversions] : 0;
    }
    free(mass);
    free(next);
    return sum;
}

static int64_t kendall(const boot_t *boot, bool *has_ties)
{
    int64_t s = 0;
    for (uint32_t i = 0; i < boot->blocks; i++) {
        for (uint32_t k = i + 1u; k < boot->blocks; k++) {
            s += (boot->block[k] > boot->block[i]) - (boot->block[k] < boot->block[i]);
            *has_ties |= boot->block[k] == boot->block[i];
        }
    }
    return s;
}

static double variance(const boot_t *boot)
{
    double n = boot->blocks, sum = n * (n - 1) * (2 * n + 5);
    bool done[BLOCKS_MAX] = {false};
    for (uint32_t i = 0; i < boot->blocks; i++) {
        double equal = 0;
        for (uint32_t k = i; k < boot->blocks && !done[i]; k++) {
            if (boot->block[k] == boot->block[i]) {
                done[k] = k != i || done[k];
                equal++;
            }
        }
        sum -= equal > 1 ? equal * (equal - 1) * (2 * equal + 5) : 0;
    }
    return sum / 18.0;
}

// One-sided: that blocks without a trend rise this much.
static double chance(const series_t *series)
{
    int64_t s = 0;
    double spread = 0;
    bool has_ties = false;
    uint32_t counts[BOOTS_MAX];
    for (uint32_t i = 0; i < series->boots; i++) {
        s += kendall(&series->boot[i], &has_ties);
        spread += variance(&series->boot[i]);
        counts[i] = series->boot[i].blocks;
    }
    if (s <= 0) {
        return 1;
    }
    if (!has_ties) {
        double exact = lab_leak_probability(counts, series->boots, s);
        return isnan(exact) ? 1 : exact;
    }
    return spread > 0 ? 0.5 * erfc(((double)s - 1) / sqrt(2 * spread)) : 1;
}

// ---- the line -------------------------------------------------------------------------------------------------------

// Per snapshot; of the blocks from..to-1 of each boot, in parts of a half.
static double theil_sen(series_t *series, unsigned from_half, unsigned to_half)
{
    uint32_t pairs = 0;
    for (uint32_t b = 0; b < series->boots; b++) {
        const boot_t *boot = &series->boot[b];
        uint32_t from = boot->blocks * from_half / 2u, to = (boot->blocks * to_half + 1u) / 2u;
        for (uint32_t i = from; i < to; i++) {
            for (uint32_t k = i + 1u; k < to; k++) {
                series->scratch[pairs++] =
                    (boot->block[k] - boot->block[i]) / ((k - i) * boot->block_samples);
            }
        }
    }
    return median(series->scratch, pairs);
}

// Blocks that stay equal are no step: a heap that loses much now and then stands still between.
static bool goes_upward(const series_t *series)
{
    uint32_t steps = 0, up = 0;
    for (uint32_t b = 0; b < series->boots; b++) {
        const boot_t *boot = &series->boot[b];
        for (uint32_t i = 1; i < boot->blocks; i++) {
            steps += boot->block[i] != boot->block[i - 1u] ? 1u : 0u;
            up += boot->block[i] > boot->block[i - 1u] ? 1u : 0u;
        }
    }
    return up >= UPWARD_LEAST && up >= UPWARD_SHARE * steps;
}

// ---- series ---------------------------------------------------------------------------------------------------------

static void cut_boot(series_t *series, uint32_t from, uint32_t to)
{
    uint32_t count = to - from, warm = (count + WARM_UP - 1u) / WARM_UP;
    if (count < SAMPLES_LEAST || series->boots == BOOTS_MAX) {
        return;
    }
    from += warm;
    count -= warm;
    boot_t *boot = &series->boot[series->boots++];
    boot->samples = count;
    boot->blocks = count / 3u < BLOCKS_MAX ? count / 3u : BLOCKS_MAX;
    boot->block_samples = (double)count / boot->blocks;
    for (uint32_t i = 0; i < boot->blocks; i++) {
        uint32_t first = from + count * i / boot->blocks;
        uint32_t past = from + count * (i + 1u) / boot->blocks;
        for (uint32_t k = first; k < past; k++) {
            series->scratch[k - first] = series->sample[k].value;
        }
        boot->block[i] = median(series->scratch, past - first);
    }
}

static uint32_t cut_boots(series_t *series)
{
    uint32_t from = 0, blocks = 0;
    series->boots = 0;
    for (uint32_t i = 1; i <= series->samples; i++) {
        if (i == series->samples || series->sample[i].boot != series->sample[from].boot) {
            cut_boot(series, from, i);
            from = i;
        }
    }
    for (uint32_t i = 0; i < series->boots; i++) {
        blocks += series->boot[i].blocks;
    }
    return blocks;
}

static void judge(series_t *series, uint32_t looked_at, lab_leak_t *leak)
{
    memset(leak, 0, sizeof *leak);
    if (cut_boots(series) < BLOCKS_LEAST) {
        return;
    }
    double p = chance(series) * looked_at;
    double slope = theil_sen(series, 0, 2), longest = 0;
    double first = theil_sen(series, 0, 1), second = theil_sen(series, 1, 2);
    for (uint32_t i = 0; i < series->boots; i++) {
        longest = series->boot[i].samples > longest ? series->boot[i].samples : longest;
        leak->samples += series->boot[i].samples;
    }
    leak->is_known = true;
    memcpy(leak->series, series->name, sizeof leak->series);
    (void)snprintf(leak->unit, sizeof leak->unit, "%s", series->is_pool ? "blocks" : "B");
    leak->boots = series->boots;
    leak->slope = slope;
    leak->lost = slope * longest;
    leak->confidence = p >= 1 ? 0 : (1 - p) * 100;
    leak->confidence = leak->confidence > CONFIDENCE_MOST ? CONFIDENCE_MOST : leak->confidence;
    leak->is_leak = p < ALPHA && leak->lost >= (series->is_pool ? LOST_BLOCKS : LOST_BYTES) &&
                    first >= EVEN_SHARE * slope && second >= EVEN_SHARE * slope &&
                    second >= DYING_SHARE * first && (series->is_pool || goes_upward(series));
}

static uint32_t held(const lab_mem_row_t *row, uint32_t most)
{
    uint32_t free_bytes = row->memory.hi != LAB_UNKNOWN ? row->memory.hi : row->memory.hf;
    return free_bytes == LAB_UNKNOWN ? LAB_UNKNOWN : most - free_bytes;
}

static void take_tag(const lab_run_t *run, const char *tag, uint32_t most, series_t *series)
{
    series->samples = 0;
    series->is_pool = false;
    (void)snprintf(series->name, sizeof series->name, "tag %s", tag);
    for (uint32_t i = 0; i < run->mems; i++) {
        uint32_t value = held(&run->mem[i], most);
        if (value != LAB_UNKNOWN && strcmp(run->mem[i].tag, tag) == 0) {
            series->sample[series->samples++] =
                (sample_t){.boot = run->mem[i].boot, .value = value};
        }
    }
}

static void take_pool(const lab_run_t *run, const char *name, series_t *series)
{
    series->samples = 0;
    series->is_pool = true;
    (void)snprintf(series->name, sizeof series->name, "pool %s", name);
    for (uint32_t i = 0; i < run->pools; i++) {
        if (strcmp(run->pool[i].name, name) == 0) {
            series->sample[series->samples++] =
                (sample_t){.boot = run->pool[i].boot, .value = run->pool[i].pool.use};
        }
    }
}

static void note_name(const char **names, uint32_t *count, const char *name)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (strcmp(names[i], name) == 0) {
            return;
        }
    }
    if (*count < SERIES_MAX) {
        names[(*count)++] = name;
    }
}

static void keep_worse(lab_leak_t *worst, const lab_leak_t *leak)
{
    bool is_worse =
        leak->is_leak != worst->is_leak ? leak->is_leak : leak->confidence > worst->confidence;
    if (leak->is_known && (!worst->is_known || is_worse)) {
        *worst = *leak;
    }
}

static uint32_t most_free(const lab_run_t *run)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < run->mems; i++) {
        uint32_t hi = run->mem[i].memory.hi, hf = run->mem[i].memory.hf;
        most = hi != LAB_UNKNOWN && hi > most ? hi : most;
        most = hi == LAB_UNKNOWN && hf != LAB_UNKNOWN && hf > most ? hf : most;
    }
    return most;
}

int lab_leak_judge(const lab_run_t *run, lab_leak_t *worst)
{
    const char *tags[SERIES_MAX], *pools[SERIES_MAX];
    uint32_t tag_count = 0, pool_count = 0, most = most_free(run);
    uint32_t rows = run->mems > run->pools ? run->mems : run->pools;
    uint32_t room = BOOTS_MAX * BLOCKS_MAX * BLOCKS_MAX;
    memset(worst, 0, sizeof *worst);
    series_t *series = calloc(1, sizeof *series);
    if (series != NULL) {
        series->sample = calloc((size_t)rows + 1u, sizeof *series->sample);
        series->scratch = calloc(rows > room ? rows : room, sizeof *series->scratch);
    }
    bool is_ready = series != NULL && series->sample != NULL && series->scratch != NULL;
    for (uint32_t i = 0; i < run->mems && is_ready; i++) {
        note_name(tags, &tag_count, run->mem[i].tag);
    }
    for (uint32_t i = 0; i < run->pools && is_ready; i++) {
        note_name(pools, &pool_count, run->pool[i].name);
    }
    for (uint32_t i = 0; i < tag_count + pool_count; i++) {
        lab_leak_t leak;
        if (i < tag_count) {
            take_tag(run, tags[i], most, series);
        } else {
            take_pool(run, pools[i - tag_count], series);
        }
        judge(series, tag_count + pool_count, &leak);
        keep_worse(worst, &leak);
    }
    if (series != NULL) {
        free(series->sample);
        free(series->scratch);
    }
    free(series);
    return is_ready ? 0 : -1;
}
