// SPDX-License-Identifier: MIT
// holdfast-lab, which `holdfast lab` executes: what main and its verbs share. A verb is a function over its own arguments
// (argv[0] is the verb) that returns the exit status; stdout is data, stderr is for people.
#ifndef LAB_H
#define LAB_H

#include "lab_run.h"

#include <stdio.h>

#define LAB_SCHEMA 1

typedef enum lab_exit {
    LAB_PASS = 0,
    LAB_FINDING = 1,      // a gate was missed, a step failed
    LAB_USAGE = 2,        // wrong option, argument or file
    LAB_ENVIRONMENT = 3,  // no device, no port, a program that is not there
    LAB_INCONCLUSIVE = 4, // too few samples, time ran out
    LAB_INTERRUPTED = 130,
} lab_exit_t;

typedef struct lab_verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; // one line
} lab_verb_t;

/// "holdfast lab VERB: <sentence>" on stderr; returns `code`, to be returned. `verb` may be empty.
int lab_fail(int code, const char *verb, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/// Tells where help is; returns LAB_USAGE.
int lab_usage_hint(const char *verb);
/// Whether to write colour to `stream`: a terminal, and NO_COLOR is not set.
bool lab_is_colour(FILE *stream);
/// A whole decimal number from `least` to `most`. False: it is none, or out of range.
bool lab_number(const char *text, int64_t least, int64_t most, int64_t *value);
/// Bytes: "100K" and "8M" are 1024-based, "KB" and "B" are accepted. False: it is none.
bool lab_bytes(const char *text, uint32_t *bytes);
/// A word as a shell takes it, quoted where it has to be. False: no room, `out` is cut.
bool lab_shell_word(const char *word, char *out, size_t capacity);
/// The same of a file, by its absolute path: the command works from any directory.
bool lab_shell_path(const char *path, char *out, size_t capacity);
/// Appends " NAME" or " NAME VALUE" to a command line; what has no room is left out whole.
void lab_shell_option(const char *name, const char *value, char *line, size_t capacity);
/// Now, and a moment as ISO 8601 in UTC with microseconds ("2026-01-09T11:15:35.000000+00:00"), and back. False: it is none.
double lab_now(void);
void lab_iso8601(double ts, char out[40]);
bool lab_from_iso8601(const char *text, double *ts);

#endif
