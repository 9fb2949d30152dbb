// SPDX-License-Identifier: MIT
// Sets of runs, and baselines: a baseline is a folder of the store with runs in it.
#include "lab_diff.h"

#include "lab.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_MAX_BYTES 4096
#define SAVES_MAX      1000

static bool has_file(const char *dir, const char *name)
{
    char path[PATH_MAX_BYTES];
    int length = snprintf(path, sizeof path, "%s/%s", dir, name);
    return length > 0 && (size_t)length < sizeof path && access(path, R_OK) == 0;
}

static bool is_run(const char *dir)
{
    return has_file(dir, "summary.json") || has_file(dir, "mem.jsonl");
}

static int add_run(lab_set_t *set, const char *dir)
{
    if (set->count == LAB_SET_MAX) {
        return lab_fail(-1, "", "%s: more than %u runs", dir, LAB_SET_MAX);
    }
    lab_run_t *run = malloc(sizeof *run);
    if (run == NULL || lab_run_load(run, dir) != 0) {
        free(run);
        return run == NULL ? lab_fail(-1, "", "no memory for %s", dir) : -1;
    }
    set->run[set->count++] = run;
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_folder(lab_set_t *set, const char *dir)
{
    struct dirent **entries;
    uint32_t before = set->count;
    int status = 0, found = scandir(dir, &entries, NULL, by_name);
    if (found < 0) {
        return lab_fail(-1, "", "%s: %s", dir, strerror(errno));
    }
    for (int i = 0; i < found; i++) {
        char path[PATH_MAX_BYTES];
        int length = snprintf(path, sizeof path, "%s/%s", dir, entries[i]->d_name);
        if (status == 0 && entries[i]->d_name[0] != '.' && length > 0 &&
            (size_t)length < sizeof path && is_run(path)) {
            status = add_run(set, path);
        }
        free(entries[i]);
    }
    free(entries);
    return status == 0 && set->count == before ? lab_fail(-1, "", "%s has no run in it", dir)
                                               : status;
}

bool lab_baseline_is_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strlen(name) < 128u &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
               strlen(name);
}

static int baseline_folder(const char *store, const char *name, char *out, size_t capacity)
{
    if (!lab_baseline_is_name(name)) {
        return lab_fail(-1, "", "'%s' is no name of a baseline: letters, digits, . _ -", name);
    }
    int length = snprintf(out, capacity, "%s/%s", store, name);
    return length > 0 && (size_t)length < capacity ? 0
                                                   : lab_fail(-1, "", "%s: too long a path", store);
}

int lab_set_load(lab_set_t *set, const char *spec, const char *store)
{
    char list[PATH_MAX_BYTES];
    memset(set, 0, sizeof *set);
    (void)snprintf(set->name, sizeof set->name, "%s", spec);
    if (spec[0] == '@') {
        return baseline_folder(store, spec + 1, list, sizeof list) != 0 ? -1
                                                                        : add_folder(set, list);
    }
    if (strlen(spec) >= sizeof list) {
        return lab_fail(-1, "", "too long a list of runs");
    }
    memcpy(list, spec, strlen(spec) + 1u);
    int status = 0;
    for (char *dir = list, *next; dir != NULL && status == 0; dir = next) {
        next = strchr(dir, ',');
        if (next != NULL) {
            *next++ = '\0';
        }
        status = is_run(dir) ? add_run(set, dir) : add_folder(set, dir);
    }
    return status;
}

void lab_set_free(lab_set_t *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        lab_run_free(set->run[i]);
        free(set->run[i]);
    }
    set->count = 0;
}

static bool is_played(const lab_run_t *run)
{
    return run->steps > 0;
}

bool lab_runs_are_alike(const char *verb, const lab_run_t *const *runs, uint32_t count)
{
    const lab_run_t *first = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_played(runs[i])) {
            continue;
        }
        first = first == NULL ? runs[i] : first;
        if (strcmp(runs[i]->key, first->key) != 0) {
            (void)lab_fail(LAB_USAGE, verb, "runs of '%s' and of '%s': one scenario at a time",
                           first->key, runs[i]->key);
            return false;
        }
    }
    return true;
}

/// Leaves what can be compared with a run of `key`.
static void keep_alike(lab_set_t *set, const char *key)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        lab_run_t *run = set->run[i];
        if (!is_played(run) || strcmp(run->key, key) == 0) {
            set->run[kept++] = run;
        } else {
            lab_run_free(run);
            free(run);
        }
    }
    set->count = kept;
}

const char *lab_store(const char *given)
{
    const char *environment = getenv("HOLDFAST_LAB_STORE");
    if (given != NULL) {
        return given;
    }
    return environment != NULL && environment[0] != '\0' ? environment : "artifacts/baselines";
}

int lab_baseline_save(const char *store, const char *name, const lab_run_t *run)
{
    char folder[PATH_MAX_BYTES], dir[PATH_MAX_BYTES];
    return baseline_folder(store, name, folder, sizeof folder) != 0 ||
                   lab_run_directory(folder, run->key[0] != '\0' ? run->key : "run", dir,
                                     sizeof dir) != 0 ||
                   lab_run_save(run, dir) != 0
               ? -1
               : 0;
}

/// `key` NULL: all of it.
static int load_baseline(lab_set_t *set, const char *store, const char *name, const char *key)
{
    char spec[160];
    (void)snprintf(spec, sizeof spec, "@%.150s", name);
    if (lab_set_load(set, spec, store) != 0) {
        return LAB_USAGE;
    }
    if (key != NULL) {
        keep_alike(set, key);
    }
    return set->count > 0 ? LAB_PASS
                          : lab_fail(LAB_USAGE, "", "baseline %s has no run of '%s'", name, key);
}

int lab_baseline_check(const char *store, const char *name, const char *key)
{
    lab_set_t set;
    int status = load_baseline(&set, store, name, key);
    lab_set_free(&set);
    return status;
}

int lab_baseline_compare(FILE *out, const char *store, const char *name,
                         const lab_run_t *const *runs, uint32_t count)
{
    lab_set_t set;
    lab_diff_t diff = {0};
    const char *key = NULL; // of those that were played
    for (uint32_t i = 0; i < count && key == NULL; i++) {
        key = is_played(runs[i]) ? runs[i]->key : NULL;
    }
    int status = load_baseline(&set, store, name, key);
    if (status == LAB_PASS) {
        status =
            lab_diff_make(&diff, (const lab_run_t *const *)set.run, set.count, runs, count) == 0
                ? LAB_PASS
                : lab_fail(LAB_ENVIRONMENT, "", "no memory to compare");
    }
    if (status == LAB_PASS) {
        lab_diff_print(out, &diff, set.name, "this run", LAB_FORM_TEXT);
        status = lab_diff_verdict(&diff);
    }
    lab_diff_free(&diff);
    lab_set_free(&set);
    return status;
}
