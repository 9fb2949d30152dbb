// SPDX-License-Identifier: MIT
// The command with verbs: what main and the verbs share. A verb is a function over its own arguments (argv[0] is the
// verb) that returns the exit status; stdout is data, stderr is for people.
#ifndef HOLDFAST_H
#define HOLDFAST_H

#include "holdfast/hf_status.h"

// Exit statuses, the same for every verb.
typedef enum tool_exit {
    TOOL_GOOD = 0,
    TOOL_FAILED = 1,      // what was asked did not succeed
    TOOL_USAGE = 2,       // wrong option or argument
    TOOL_ENVIRONMENT = 3, // port or socket in use, nobody there
    TOOL_INTERRUPTED = 130,
} tool_exit_t;

typedef struct tool_verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; // one line
} tool_verb_t;

int verb_sim(int argc, char **argv);
int verb_csms(int argc, char **argv);
int verb_demo(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_trace(int argc, char **argv);
int verb_fleet(int argc, char **argv);
int verb_lab(int argc, char **argv);

/// "holdfast VERB: <sentence>" on stderr; returns `code`, to be returned.
int tool_fail(int code, const char *verb, const char *format, ...) HF_PRINTF(3, 4);
/// Tells where help is; returns TOOL_USAGE.
int tool_usage_hint(const char *verb);
/// A whole decimal number from least to most; TOOL_USAGE after a message naming the option, else 0.
HF_MUST_CHECK int tool_number(const char *verb, const char *option, const char *text,
                              const int64_t range[2], int64_t *value);

#endif
