// SPDX-License-Identifier: MIT
// `holdfast lab report`: draws a run that was saved.
#include "lab.h"
#include "lab_report.h"
#include "lab_verbs.h"

#include <string.h>

typedef struct options {
    const char *run, *baseline, *out;
    lab_gates_t gates;
} options_t;

static int help(void)
{
    printf("Usage: holdfast lab report [OPTION]... RUN\n"
           "Writes report.html, one file that needs nothing else, into the directory of a run.\n\n"
           "  --baseline RUN  another run: the report tells the difference of each tag\n"
           "  --out FILE      somewhere else\n"
           "  --gate NAME=V   a limit other than the usual one: hin_min=80K, frag=off\n"
           "  --help          this text\n");
    return LAB_PASS;
}

/// 0 to go on, else the exit status; -1: help was asked for.
static int read_options(int argc, char **argv, options_t *options)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        const char **text = strcmp(name, "--baseline") == 0 ? &options->baseline
                            : strcmp(name, "--out") == 0    ? &options->out
                                                            : NULL;
        bool is_gate = strcmp(name, "--gate") == 0;
        if (strcmp(name, "--help") == 0) {
            return -1;
        }
        if (name[0] != '-' && options->run == NULL) {
            options->run = name;
        } else if (text == NULL && !is_gate) {
            (void)lab_fail(LAB_USAGE, "report", "'%s' is not understood", name);
            return lab_usage_hint("report");
        } else if (++i == argc) {
            return lab_fail(LAB_USAGE, "report", "%s needs a value", name);
        } else if (is_gate && lab_gates_set(&options->gates, argv[i]) != 0) {
            return lab_fail(LAB_USAGE, "report", "--gate %s: there is no such gate", argv[i]);
        } else if (text != NULL) {
            *text = argv[i];
        }
    }
    return options->run != NULL ? 0 : lab_fail(LAB_USAGE, "report", "a run's directory is needed");
}

int lab_verb_report(int argc, char **argv)
{
    options_t options = {0};
    static lab_run_t run, baseline; // as large as their line buffers
    char path[4096];
    lab_gates_init(&options.gates);
    int status = read_options(argc, argv, &options);
    if (status != 0) {
        return status < 0 ? help() : status;
    }
    lab_run_init(&run);
    lab_run_init(&baseline);
    (void)snprintf(path, sizeof path, "%s/report.html", options.run);
    const char *out = options.out != NULL ? options.out : path;
    status = lab_run_load(&run, options.run);
    if (status == 0 && options.baseline != NULL) {
        status = lab_run_load(&baseline, options.baseline);
    }
    if (status == 0) {
        status = lab_report_write(&run, &options.gates, options.baseline != NULL ? &baseline : NULL,
                                  out);
    }
    lab_run_free(&run);
    lab_run_free(&baseline);
    if (status == 0) {
        printf("%s\n", out);
    }
    return status == 0 ? LAB_PASS : LAB_USAGE;
}
