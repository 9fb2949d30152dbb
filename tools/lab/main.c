// SPDX-License-Identifier: MIT
// holdfast-lab, which `holdfast lab` starts. The table below is the whole command line.
#include "lab.h"
#include "lab_verbs.h"

#include "version.h"

#include <string.h>

static const lab_verb_t verbs[] = {
    {"run", lab_verb_run, "puts a device through scenarios and judges it"},
    {"watch", lab_verb_watch, "follows a device, shows the newest of its memory"},
    {"list", lab_verb_list, "the scenarios there are"},
    {"show", lab_verb_show, "what a run came to"},
    {"diff", lab_verb_diff, "which differences between runs are more than chance"},
    {"baseline", lab_verb_baseline, "keeps runs to compare with"},
    {"report", lab_verb_report, "draws a run: report.html"},
    {"replay", lab_verb_replay, "judges a saved serial.log, of either dialect"},
    {"log", lab_verb_log, "adds a row to the experiments log"},
    {NULL, NULL, NULL},
};

static int print_help(void)
{
    printf("Usage: holdfast lab VERB [OPTION]...\n"
           "Puts a device through scenarios and says whether its memory behaves.\n\n");
    for (const lab_verb_t *verb = verbs; verb->name != NULL; verb++) {
        printf("  %-8s %s\n", verb->name, verb->help);
    }
    printf("\n  --help     this text; 'holdfast lab VERB --help' tells about a verb\n"
           "  --version  version\n"
           "  --compare A B  two runs as the memory test harness of old compared them\n\n"
           "Exit status: 0 pass, 1 finding, 2 wrong option or argument, 3 the environment (no "
           "device, no\n"
           "port, a program that is missing), 4 inconclusive, 130 interrupted.\n");
    return LAB_PASS;
}

static const lab_verb_t *find_verb(const char *name)
{
    for (const lab_verb_t *verb = verbs; verb->name != NULL; verb++) {
        if (strcmp(verb->name, name) == 0) {
            return verb;
        }
    }
    return NULL;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        (void)lab_fail(LAB_USAGE, "", "a verb is needed");
        return lab_usage_hint("");
    }
    const char *first = argv[1];
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
        return print_help();
    }
    if (strcmp(first, "--compare") == 0) { // as the harness of old
        return lab_verb_compare(argc - 1, argv + 1);
    }
    if (strcmp(first, "--version") == 0) {
        printf("holdfast-lab %s\n", HOLDFAST_VERSION);
        return LAB_PASS;
    }
    const lab_verb_t *verb = find_verb(first);
    if (verb == NULL) {
        (void)lab_fail(LAB_USAGE, "", "there is no %s '%s'", first[0] == '-' ? "option" : "verb",
                       first);
        return lab_usage_hint("");
    }
    return verb->run(argc - 1, argv + 1);
}

/// Data that was not written was not told.
int main(int argc, char **argv)
{
    int code = run(argc, argv);
    bool is_told = fflush(stdout) == 0 && ferror(stdout) == 0;
    bool is_worse = code != LAB_PASS && code != LAB_INCONCLUSIVE;
    return is_told || is_worse ? code
                               : lab_fail(LAB_ENVIRONMENT, "", "standard output cannot be written");
}
