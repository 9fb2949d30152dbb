// SPDX-License-Identifier: MIT
// `holdfast lab diff` and `holdfast lab baseline`: sets of runs against each other, and those that are kept under a name.
#include "lab.h"
#include "lab_diff.h"
#include "lab_verbs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int help_diff(void)
{
    printf(
        "Usage: holdfast lab diff [OPTION]... A B\n"
        "Compares sets of runs: A and B are each the directory of a run, a directory with runs in "
        "it,\n"
        "a list with commas, or @NAME, a baseline. Of each run the worst value of a figure "
        "counts;\n"
        "a difference is one when Mann and Whitney's test (exact up to 40 runs) says so at 5 "
        "%%.\n\n"
        "  --markdown   a table for a review\n"
        "  --json       one object\n"
        "  --store DIR  baselines (default $HOLDFAST_LAB_STORE, or artifacts/baselines)\n"
        "  --help       this text\n\n"
        "Exit status: 0 the same or better, 1 worse (hin_min, frag_max), 4 too few runs to "
        "tell.\n");
    return LAB_PASS;
}

typedef struct options {
    const char *word[LAB_SET_MAX + 2u];
    uint32_t words;
    const char *store;
    lab_form_t form;
} options_t;

/// 0 to go on; -1 help was asked for; else the exit status.
static int read_options(const char *verb, int argc, char **argv, options_t *options)
{
    const char *store = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            return -1;
        }
        if (strcmp(argv[i], "--markdown") == 0) {
            options->form = LAB_FORM_MARKDOWN;
        } else if (strcmp(argv[i], "--json") == 0) {
            options->form = LAB_FORM_JSON;
        } else if (strcmp(argv[i], "--store") == 0 && i + 1 < argc) {
            store = argv[++i];
        } else if (argv[i][0] == '-') {
            (void)lab_fail(LAB_USAGE, verb, "'%s' is not understood", argv[i]);
            return lab_usage_hint(verb);
        } else if (options->words == LAB_SET_MAX + 2u) {
            return lab_fail(LAB_USAGE, verb, "more than %u runs", LAB_SET_MAX);
        } else {
            options->word[options->words++] = argv[i];
        }
    }
    options->store = lab_store(store);
    return 0;
}

static bool are_alike(const lab_set_t *a, const lab_set_t *b)
{
    const lab_run_t *all[2u * LAB_SET_MAX];
    memcpy(all, a->run, a->count * sizeof all[0]);
    memcpy(all + a->count, b->run, b->count * sizeof all[0]);
    return lab_runs_are_alike("diff", all, a->count + b->count);
}

int lab_verb_diff(int argc, char **argv)
{
    options_t options = {0};
    static lab_set_t a, b;
    lab_diff_t diff = {0};
    int status = read_options("diff", argc, argv, &options);
    if (status != 0) {
        return status < 0 ? help_diff() : status;
    }
    if (options.words != 2) {
        (void)lab_fail(LAB_USAGE, "diff", "two sets of runs are needed");
        return lab_usage_hint("diff");
    }
    status = lab_set_load(&a, options.word[0], options.store) == 0 &&
                     lab_set_load(&b, options.word[1], options.store) == 0
                 ? LAB_PASS
                 : LAB_USAGE;
    if (status == LAB_PASS && !are_alike(&a, &b)) {
        status = LAB_USAGE;
    }
    if (status == LAB_PASS) {
        bool is_made = lab_diff_make(&diff, (const lab_run_t *const *)a.run, a.count,
                                     (const lab_run_t *const *)b.run, b.count) == 0;
        status = is_made ? lab_diff_verdict(&diff)
                         : lab_fail(LAB_ENVIRONMENT, "diff", "no memory to compare");
        if (is_made) {
            lab_diff_print(stdout, &diff, a.name, b.name, options.form);
        }
    }
    lab_diff_free(&diff);
    lab_set_free(&a);
    lab_set_free(&b);
    return status;
}

// ---- baseline -------------------------------------------------------------------------------------------------------

static int help_baseline(void)
{
    printf("Usage: holdfast lab baseline save NAME RUN...\n"
           "       holdfast lab baseline compare NAME RUN...\n"
           "       holdfast lab baseline list\n"
           "Runs that others are compared with, kept under a name ('diff @NAME RUN' takes it, "
           "too).\n\n"
           "  --store DIR  where (default $HOLDFAST_LAB_STORE, or artifacts/baselines)\n"
           "  --help       this text\n\n"
           "Exit status: of compare: 0 the same or better, 1 worse, 4 too few runs to tell.\n");
    return LAB_PASS;
}

static int list(const char *store)
{
    struct dirent **entries;
    int found = scandir(store, &entries, NULL, alphasort);
    if (found < 0) {
        return errno == ENOENT
                   ? LAB_PASS
                   : lab_fail(LAB_ENVIRONMENT, "baseline", "%s: %s", store, strerror(errno));
    }
    for (int i = 0; i < found; i++) {
        if (entries[i]->d_name[0] != '.') {
            printf("%s\n", entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return LAB_PASS;
}

static int with_runs(const options_t *options, bool is_save)
{
    static lab_set_t set;
    int status = LAB_PASS;
    memset(&set, 0, sizeof set);
    for (uint32_t i = 2; i < options->words && status == LAB_PASS; i++) {
        static lab_set_t one;
        status = lab_set_load(&one, options->word[i], options->store) == 0 ? LAB_PASS : LAB_USAGE;
        for (uint32_t k = 0; k < one.count && set.count < LAB_SET_MAX; k++) {
            set.run[set.count++] = one.run[k]; // now that set's
        }
    }
    for (uint32_t i = 0; i < set.count && is_save && status == LAB_PASS; i++) {
        status = lab_baseline_save(options->store, options->word[1], set.run[i]) == 0
                     ? LAB_PASS
                     : LAB_ENVIRONMENT;
    }
    const lab_run_t *const *runs = (const lab_run_t *const *)set.run;
    if (!is_save && status == LAB_PASS && !lab_runs_are_alike("baseline", runs, set.count)) {
        status = LAB_USAGE;
    }
    if (!is_save && status == LAB_PASS) {
        status = lab_baseline_compare(stdout, options->store, options->word[1], runs, set.count);
    }
    lab_set_free(&set);
    return status;
}

int lab_verb_baseline(int argc, char **argv)
{
    options_t options = {0};
    int status = read_options("baseline", argc, argv, &options);
    if (status != 0) {
        return status < 0 ? help_baseline() : status;
    }
    const char *what = options.words > 0 ? options.word[0] : "";
    bool is_save = strcmp(what, "save") == 0;
    if (strcmp(what, "list") == 0 && options.words == 1) {
        return list(options.store);
    }
    if (options.words > 1 && !lab_baseline_is_name(options.word[1])) {
        return lab_fail(LAB_USAGE, "baseline", "'%s' is no name: letters, digits, . _ -",
                        options.word[1]);
    }
    if ((!is_save && strcmp(what, "compare") != 0) || options.words < 3) {
        (void)lab_fail(LAB_USAGE, "baseline", "save or compare, a name and runs are needed");
        return lab_usage_hint("baseline");
    }
    return with_runs(&options, is_save);
}
