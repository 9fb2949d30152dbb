// SPDX-License-Identifier: MIT
// The program: the cases of cases.c, then mixtures by seed. Usage: billing [--cases N] [--seed S] [--only NAME] [--trace]
// [--expect-broken]; --cases: of the mixtures. Built with a mistake in one source (mistakes.py), it must find something.
#include "cases.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIXTURES 300u

#ifdef BILLING_MISTAKE
extern const char billing_mistake[];
#else
static const char billing_mistake[] = "";
#endif

typedef struct options {
    unsigned mixtures, seed;
    bool one_seed, expects_broken;
    const char *only;
} options_t;

// An assertion is one way of finding it.
static void on_abort(int signal_number)
{
    (void)signal_number;
    _Exit(0);
}

static int usage(void)
{
    fprintf(stderr, "Usage: billing [--cases N] [--seed S] [--only NAME] [--trace] "
                    "[--expect-broken]\n");
    return 2;
}

static bool read_options(int count, char **words, options_t *options)
{
    for (int i = 1; i < count; i++) {
        bool more = i + 1 < count;
        if (strcmp(words[i], "--expect-broken") == 0) {
            options->expects_broken = true;
        } else if (strcmp(words[i], "--trace") == 0) {
            billing_trace();
        } else if (strcmp(words[i], "--cases") == 0 && more) {
            options->mixtures = (unsigned)strtoul(words[++i], NULL, 10);
        } else if (strcmp(words[i], "--seed") == 0 && more) {
            options->seed = (unsigned)strtoul(words[++i], NULL, 10);
            options->one_seed = true;
        } else if (strcmp(words[i], "--only") == 0 && more) {
            options->only = words[++i];
        } else {
            return false;
        }
    }
    return true;
}

static bool is_wanted(const options_t *options, const char *name)
{
    return options->only[0] == '\0' || strcmp(options->only, name) == 0;
}

static void run_cases(const options_t *options)
{
    for (size_t i = 0; i < case_count && !is_enough(); i++) {
        tally_t before = tally;
        if (is_wanted(options, cases[i].name)) {
            cases[i].run();
            printf("%-14s %5u cases, %u bad\n", cases[i].name, tally.done - before.done,
                   tally.bad - before.bad);
        }
    }
}

static void run_mixtures(const options_t *options)
{
    unsigned last = options->one_seed ? options->seed : options->seed + options->mixtures - 1u;
    tally_t before = tally;
    for (unsigned i = options->seed; i <= last && !is_enough(); i++) {
        mixture(i);
    }
    printf("%-14s %5u cases, %u bad\n", "mixtures", tally.done - before.done,
           tally.bad - before.bad);
}

int main(int count, char **words)
{
    options_t options = {.mixtures = MIXTURES, .seed = 1, .only = ""};
    if (!read_options(count, words, &options)) {
        return usage();
    }
    if (billing_mistake[0] != '\0') {
        printf("the mistake: %s\n", billing_mistake);
    }
    if (strncmp(billing_mistake, "stale", 5) == 0) {
        return 1;
    }
    tally.stops_at_first = options.expects_broken;
    if (options.expects_broken) {
        (void)signal(SIGABRT, on_abort);
    }
    if (!options.one_seed) {
        run_cases(&options);
    }
    if (is_wanted(&options, "mixtures")) {
        run_mixtures(&options);
    }
    printf("%lu sessions, %lu readings, %lu messages sent again, %lu thinned, %lu given up, %lu "
           "compactions\n"
           "%u passed, %u failed\n",
           tally.sessions, tally.readings, tally.resends, tally.thinned, tally.lost,
           tally.compactions, tally.done - tally.bad, tally.bad);
    return (tally.bad > 0u) == options.expects_broken ? 0 : 1;
}
