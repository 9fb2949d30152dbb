// SPDX-License-Identifier: MIT
// `holdfast lab log`: a row of the experiments log, as document 003 keeps it: one per change, of one run or of several
// of the same scenario. The file is written aside and renamed; what stands in it is not touched.
#include "lab.h"
#include "lab_diff.h"
#include "lab_json.h"
#include "lab_summary.h"
#include "lab_verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TABLE_HEAD                                                                                 \
    "| Date | Branch/Commit | Board | Change | Scenario(s) | Artifacts | `hin_min` (B) | "         \
    "`frag_max` (%) | PSRAM free min (B) | Tripwire | Notes |\n"
#define TABLE_RULE                                                                                 \
    "|------|---------------|-------|--------|-------------|-----------|---------------|---------" \
    "-------|--------------------|----------|-------|\n"
#define FILE_HEAD                                                                                  \
    "# Experiments log\n\nWhat was tried and what came of it: a row per change, written by "       \
    "`holdfast lab log RUN`.\n\n" TABLE_HEAD TABLE_RULE

typedef struct options {
    const char *word[LAB_SET_MAX];
    uint32_t words;
    const char *file, *board, *change, *notes;
    bool is_shown; // --print: on standard output, the file is left alone
} options_t;

static int help(void)
{
    printf("Usage: holdfast lab log [OPTION]... RUN...\n"
           "Adds a row to the experiments log; several runs of a scenario are one row.\n\n"
           "  --file FILE    the log (default docs/experiments.md; made when there is none)\n"
           "  --change TEXT  what was changed (default 'no change')\n"
           "  --board TEXT   (default: the device of the run)\n"
           "  --notes TEXT   (default: the verdict)\n"
           "  --print        the row on standard output, the file stays as it is\n"
           "  --help         this text\n");
    return LAB_PASS;
}

static int read_options(int argc, char **argv, options_t *options)
{
    const struct {
        const char *name;
        const char **place;
    } texts[] = {{"--file", &options->file},
                 {"--board", &options->board},
                 {"--change", &options->change},
                 {"--notes", &options->notes}};
    for (int i = 1; i < argc; i++) {
        size_t known = 0;
        while (known < sizeof texts / sizeof texts[0] && strcmp(argv[i], texts[known].name) != 0) {
            known++;
        }
        if (strcmp(argv[i], "--help") == 0) {
            return -1;
        }
        if (strcmp(argv[i], "--print") == 0) {
            options->is_shown = true;
        } else if (known < sizeof texts / sizeof texts[0] && i + 1 < argc) {
            *texts[known].place = argv[++i];
        } else if (argv[i][0] == '-' || options->words == LAB_SET_MAX) {
            (void)lab_fail(LAB_USAGE, "log", "'%s' is not understood", argv[i]);
            return lab_usage_hint("log");
        } else {
            options->word[options->words++] = argv[i];
        }
    }
    return options->words > 0 ? 0 : lab_fail(LAB_USAGE, "log", "a run's directory is needed");
}

// Of a cell: no bar and no line end of its own.
static void cell(lab_text_t *row, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '|') {
            lab_text_put(row, "\\|");
        } else {
            lab_text_add(row, *at == '\n' || *at == '\r' ? " " : at, 1);
        }
    }
    lab_text_put(row, " | ");
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void range(lab_text_t *row, const lab_set_t *set, uint32_t (*figure)(const lab_run_t *run))
{
    double values[LAB_SET_MAX], sum = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        uint32_t value = figure(set->run[i]);
        if (value != LAB_UNKNOWN) {
            values[count++] = value;
            sum += value;
        }
    }
    lab_spread_t spread = lab_spread(values, count);
    if (count == 0) {
        lab_text_put(row, "n/a | ");
    } else if (spread.least == spread.most) {
        lab_text_print(row, "%.0f | ", spread.least);
    } else {
        lab_text_print(row, "%.0f–%.0f (avg %.0f) | ", spread.least, spread.most, sum / count);
    }
}

static void tripwire(lab_text_t *row, const lab_set_t *set)
{
    const lab_trip_t *first = NULL;
    uint32_t fired = 0, least = LAB_UNKNOWN, most = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        const lab_trip_t *trip = lab_run_tripwire(set->run[i]);
        if (trip != NULL) {
            first = first == NULL ? trip : first;
            fired++;
            least = trip->value < least ? trip->value : least;
            most = trip->value > most ? trip->value : most;
        }
    }
    if (first == NULL) {
        lab_text_put(row, "not fired | ");
        return;
    }
    lab_text_put(row, "fired");
    if (set->count > 1) {
        lab_text_print(row, " %u/%u", fired, set->count);
    }
    lab_text_print(row, " @ `%s` (threshold %uB, `hin` %u", first->tag, first->limit, least);
    if (least != most) {
        lab_text_print(row, "–%u", most);
    }
    lab_text_put(row, "B) | ");
}

static void default_notes(lab_text_t *row, const lab_set_t *set)
{
    uint32_t passed = 0;
    const lab_run_t *bad = NULL;
    for (uint32_t i = 0; i < set->count; i++) {
        passed += lab_run_verdict(set->run[i]) == LAB_PASS ? 1u : 0u;
        bad = bad == NULL && set->run[i]->findings > 0 ? set->run[i] : bad;
    }
    lab_text_t notes = {0};
    lab_text_print(&notes, "%u of %u passed", passed, set->count);
    if (bad != NULL) {
        lab_text_print(&notes, "; %s: %s", bad->finding[0].gate, bad->finding[0].text);
    }
    cell(row, notes.text != NULL ? notes.text : "");
    lab_text_free(&notes);
}

static void make_row(const options_t *options, const lab_set_t *set, lab_text_t *row)
{
    const lab_run_t *run = set->run[0];
    char text[600], day[16] = "?";
    time_t second = (time_t)run->start_ts;
    struct tm local;
    if (localtime_r(&second, &local) != NULL) {
        (void)strftime(day, sizeof day, "%Y-%m-%d", &local);
    }
    lab_text_put(row, "| ");
    cell(row, day);
    (void)snprintf(text, sizeof text, "%s@%s%s", run->git.branch, run->git.commit,
                   run->git.status[0] != '\0' ? " (dirty)" : "");
    if (run->git.commit[0] == '\0') { // no checkout, or no git
        (void)snprintf(text, sizeof text, "unknown");
    }
    cell(row, text);
    cell(row, options->board != NULL ? options->board : run->device);
    cell(row, options->change != NULL ? options->change : "no change");
    (void)snprintf(text, sizeof text, "%s%s%s%s", run->key, run->title[0] != '\0' ? " (" : "",
                   run->title, run->title[0] != '\0' ? ")" : "");
    lab_text_t scenario = {0};
    lab_text_put(&scenario, text);
    if (set->count > 1) {
        lab_text_print(&scenario, " ×%u", set->count);
    }
    cell(row, scenario.text != NULL ? scenario.text : text);
    lab_text_free(&scenario);
    (void)snprintf(text, sizeof text, "`%s`", base_of(options->word[0]));
    if (options->words > 1) {
        (void)snprintf(text, sizeof text, "`%s`..`%s`", base_of(options->word[0]),
                       base_of(options->word[options->words - 1u]));
    }
    cell(row, text);
    range(row, set, lab_run_hin_min);
    range(row, set, lab_run_frag_max);
    range(row, set, lab_run_pf_min);
    tripwire(row, set);
    if (options->notes != NULL) {
        cell(row, options->notes);
    } else {
        default_notes(row, set);
    }
    row->length -= row->length > 0 ? 1u : 0u; // the last blank
    lab_text_put(row, "\n");
}

// Behind the table's last row.
static int insert(const char *content, size_t length, const lab_text_t *row, lab_text_t *out)
{
    const char *table = memmem(content, length, TABLE_HEAD, sizeof TABLE_HEAD - 1u);
    if (table == NULL) {
        return -1;
    }
    const char *at = table, *end = content + length;
    while (at < end && *at == '|') {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        at = next != NULL ? next + 1 : end;
    }
    lab_text_add(out, content, (size_t)(at - content));
    lab_text_put(out, at > content && at[-1] != '\n' ? "\n" : "");
    lab_text_add(out, row->text, row->length);
    lab_text_add(out, at, (size_t)(end - at));
    return 0;
}

static int write_row(const char *path, const lab_text_t *row)
{
    size_t length = sizeof FILE_HEAD - 1u;
    const char *base = base_of(path);
    char dir[4096];
    (void)snprintf(dir, sizeof dir, "%.*s", (int)(base > path ? base - path - 1 : 1),
                   base > path ? path : ".");
    char *content = lab_file_read(dir, base, &length);
    lab_text_t out = {0};
    if (content == NULL && errno != ENOENT) {
        return lab_fail(LAB_ENVIRONMENT, "log", "%s: %s", path, strerror(errno));
    }
    int status = insert(content != NULL ? content : FILE_HEAD,
                        content != NULL ? length : sizeof FILE_HEAD - 1u, row, &out);
    if (status != 0) {
        status = lab_fail(LAB_USAGE, "log", "%s has no experiments table", path);
    } else if (lab_file_write(dir, base, &out) != 0) {
        status = lab_fail(LAB_ENVIRONMENT, "log", "%s: %s", path, strerror(errno));
    }
    lab_text_free(&out);
    free(content);
    return status;
}

int lab_verb_log(int argc, char **argv)
{
    options_t options = {.file = "docs/experiments.md"};
    static lab_set_t set;
    lab_text_t row = {0};
    int status = read_options(argc, argv, &options);
    if (status != 0) {
        return status < 0 ? help() : status;
    }
    for (uint32_t i = 0; i < options.words && status == 0; i++) {
        lab_run_t *run = malloc(sizeof *run);
        if (run == NULL || lab_run_load(run, options.word[i]) != 0) {
            free(run);
            status = LAB_USAGE;
        } else {
            set.run[set.count++] = run;
        }
    }
    if (status == 0 && !lab_runs_are_alike("log", (const lab_run_t *const *)set.run, set.count)) {
        status = LAB_USAGE;
    }
    if (status == 0) {
        make_row(&options, &set, &row);
        status = row.failed ? lab_fail(LAB_ENVIRONMENT, "log", "no memory")
                            : (options.is_shown ? LAB_PASS : write_row(options.file, &row));
    }
    if (status == 0 && options.is_shown) {
        (void)fputs(row.text, stdout);
    }
    lab_text_free(&row);
    lab_set_free(&set);
    return status;
}
