// SPDX-License-Identifier: MIT
// Two sets of runs compared: which differences are more than the spread within a set. Of each run one value per figure
// counts; Mann and Whitney's test decides, at 5 %. The figures that decide the verdict are hin_min and frag_max, with their
// probabilities doubled (there are two); every other figure is told with its own. Too few runs for the test to reach 5
// % at all (2 against 2, 3 against 3): unclear, whatever the numbers. And the baselines: sets that are kept under a name.
#ifndef LAB_DIFF_H
#define LAB_DIFF_H

#include "lab_run.h"
#include "lab_stats.h"

#include <stdio.h>

#define LAB_SET_MAX 128u

typedef struct lab_set {
    char name[256];
    lab_run_t *run[LAB_SET_MAX];
    uint32_t count;
} lab_set_t;

/// `spec`: the directory of a run, one with several runs in it, a list of them with commas, or "@NAME": a baseline of
/// `store`. -1 and a sentence on stderr. lab_set_free() in any case.
int lab_set_load(lab_set_t *set, const char *spec, const char *store);
void lab_set_free(lab_set_t *set);
/// Whether those that were played (a replay is called what its user likes) were of one scenario; else a sentence on stderr.
bool lab_runs_are_alike(const char *verb, const lab_run_t *const *runs, uint32_t count);

typedef enum lab_change { LAB_SAME, LAB_BETTER, LAB_WORSE, LAB_UNCLEAR } lab_change_t;
const char *lab_change_text(lab_change_t change);

typedef struct lab_figure {
    char name[LAB_NAME_BYTES + 16]; // "hin_min", "hb hin"
    lab_spread_t a, b;
    double delta; // of the medians, B - A
    lab_test_t test;
    lab_change_t change;
    bool decides;
} lab_figure_t;

typedef struct lab_diff {
    lab_figure_t *figure;
    uint32_t figures;
    lab_change_t change; // the verdict
} lab_diff_t;

/// -1: no memory. lab_diff_free() in any case.
int lab_diff_make(lab_diff_t *diff, const lab_run_t *const *a, uint32_t a_count,
                  const lab_run_t *const *b, uint32_t b_count);
void lab_diff_free(lab_diff_t *diff);
/// 0 the same or better, 1 worse, 4 unclear.
int lab_diff_verdict(const lab_diff_t *diff);

typedef enum lab_form { LAB_FORM_TEXT, LAB_FORM_MARKDOWN, LAB_FORM_JSON } lab_form_t;
void lab_diff_print(FILE *out, const lab_diff_t *diff, const char *a, const char *b,
                    lab_form_t form);

/// Medians and spread of the runs of one scenario (--repeat N).
void lab_repeat_print(FILE *out, const lab_run_t *const *runs, uint32_t count);

/// Where baselines are: `given`, else $HOLDFAST_LAB_STORE, else "artifacts/baselines".
const char *lab_store(const char *given);
/// Letters, digits, ".", "_" and "-", not beginning with a dot.
bool lab_baseline_is_name(const char *name);
/// Keeps a run under a baseline's name. -1 and a sentence on stderr.
int lab_baseline_save(const char *store, const char *name, const lab_run_t *run);
/// 0, or 2 after a sentence: there is no such baseline, or none of its runs was of this scenario.
int lab_baseline_check(const char *store, const char *name, const char *key);
/// Compares runs of one scenario with those of it in a baseline and tells it. The exit status: 0, 1 worse, 4 unclear, 2
/// there is no such baseline, or none of it.
int lab_baseline_compare(FILE *out, const char *store, const char *name,
                         const lab_run_t *const *runs, uint32_t count);

#endif
