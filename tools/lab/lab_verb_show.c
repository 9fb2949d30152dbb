// SPDX-License-Identifier: MIT
// `holdfast lab show`: a run that was saved, again; its exit status is the run's.
#include "lab.h"
#include "lab_show.h"
#include "lab_verbs.h"

#include <string.h>

static int help(void)
{
    printf("Usage: holdfast lab show [--json] RUN...\n"
           "Tells what the runs in these directories came to.\n\n"
           "  --json     summary.json's object of each, one a line\n"
           "  --help     this text\n\n"
           "Exit status: of the worst of them: 1 a finding, 4 inconclusive, 0 all passed.\n");
    return LAB_PASS;
}

static int worse(int a, int b)
{
    if (a == LAB_FINDING || b == LAB_FINDING) {
        return LAB_FINDING;
    }
    return a > b ? a : b;
}

static int show(const char *dir, bool is_json)
{
    static lab_run_t run; // as large as its line buffer
    if (lab_run_load(&run, dir) != 0) {
        return LAB_USAGE;
    }
    if (is_json) {
        (void)lab_show_json(stdout, &run, dir);
    } else {
        lab_show_run(stdout, &run, dir, lab_is_colour(stdout));
    }
    int verdict = lab_run_verdict(&run);
    lab_run_free(&run);
    return verdict;
}

int lab_verb_show(int argc, char **argv)
{
    bool is_json = false;
    int shown = 0, verdict = LAB_PASS;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            return help();
        }
        if (strcmp(argv[i], "--json") == 0) {
            is_json = true;
        } else if (argv[i][0] == '-') {
            (void)lab_fail(LAB_USAGE, "show", "there is no option '%s'", argv[i]);
            return lab_usage_hint("show");
        }
    }
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            continue;
        }
        int one = show(argv[i], is_json);
        if (one == LAB_USAGE) {
            return LAB_USAGE;
        }
        verdict = worse(verdict, one);
        shown++;
    }
    if (shown == 0) {
        (void)lab_fail(LAB_USAGE, "show", "a run's directory is needed");
        return lab_usage_hint("show");
    }
    return verdict;
}
