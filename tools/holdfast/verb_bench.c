// SPDX-License-Identifier: MIT
// `holdfast bench`: the command line of the benchmarks; tools/bench does the work, in the checkout this was built from.
#include "holdfast.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PYTHON       "/usr/bin/python3"
#define SCRIPT       HOLDFAST_SOURCE_DIR "/tools/bench/"
#define NAME_BYTES   64u // of a script
#define ARGUMENT_MAX 16

typedef struct bench {
    const char *name;
    const char *script;
    const char *help;
} bench_t;

static const bench_t benches[] = {
    {"memory", SCRIPT "memory.py",
     "pools, regions and slabs: instructions, bytes, times, memory needed"},
    {"fragmentation", SCRIPT "fragmentation.py",
     "48 hours of protocol traffic on a heap, a region, slabs and pools"},
    {"can", SCRIPT "can.py", "frames at and above the limit of a CAN bus, on the control tick"},
    {"ocpp", SCRIPT "ocpp.py",
     "instructions, appends and heap calls of OCPP; bytes on a Cortex-M4"},
    {"estop", SCRIPT "estop.py",
     "emergency stop to OFF on the bus, under every load at once; about 6 minutes"},
};

static const char *const options[] = {"--json", "--quick", "--update", "--time-warns"};

static int print_help(void)
{
    printf("Usage: holdfast bench NAME [OPTION]...\n"
           "Measures anew in the checkout this program was built from, and judges each figure by "
           "its gate.\n\n");
    for (size_t i = 0; i < HF_COUNT_OF(benches); i++) {
        printf("  %-14s  %s\n", benches[i].name, benches[i].help);
    }
    printf(
        "\n"
        "  --json        one JSON object on standard output, nothing else\n"
        "  --quick       only what is exact and needs no peers; what is left out has no value;\n"
        "                (can) seconds instead of an hour and minutes\n"
        "  --update      write the last run into docs/\n"
        "  --time-warns  (memory) a missed ratio of times is a warning and not a failure\n"
        "  --help        this text\n\n"
        "Exit status: 0 every gate is met, 1 one is missed, 2 wrong option or name, 3 a tool or a\n"
        "source is missing (which one is told), 4 inconclusive: no real-time priority, or a "
        "machine\ntoo busy for a figure of time.\n");
    return TOOL_GOOD;
}

static const bench_t *find_bench(const char *name)
{
    for (size_t i = 0; i < HF_COUNT_OF(benches); i++) {
        if (strcmp(benches[i].name, name) == 0) {
            return &benches[i];
        }
    }
    return NULL;
}

static bool is_option(const char *text)
{
    for (size_t i = 0; i < HF_COUNT_OF(options); i++) {
        if (strcmp(options[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static int start(const bench_t *bench, char **arguments)
{
    if (access(bench->script, R_OK) != 0) {
        return tool_fail(TOOL_ENVIRONMENT, "bench",
                         "the checkout this was built from is not there: %s", bench->script);
    }
    (void)fflush(NULL);
    (void)execv(PYTHON, arguments);
    return tool_fail(TOOL_ENVIRONMENT, "bench", "%s cannot be started: %s (Debian package python3)",
                     PYTHON, strerror(errno));
}

int verb_bench(int argc, char **argv)
{
    const bench_t *bench = NULL;
    char python[] = PYTHON, no_cache[] = "-B", script[sizeof SCRIPT + NAME_BYTES];
    char *arguments[ARGUMENT_MAX] = {python, no_cache, script};
    int count = 3;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return print_help();
        }
        if (argv[i][0] == '-') {
            if (!is_option(argv[i]) || count + 1 >= ARGUMENT_MAX) {
                (void)tool_fail(TOOL_USAGE, "bench", "there is no option '%s'", argv[i]);
                return tool_usage_hint("bench");
            }
            arguments[count++] = argv[i];
        } else if (bench != NULL || (bench = find_bench(argv[i])) == NULL) {
            (void)tool_fail(TOOL_USAGE, "bench", "%s '%s'",
                            bench != NULL ? "one name at a time, not also" : "there is no bench",
                            argv[i]);
            return tool_usage_hint("bench");
        }
    }
    if (bench == NULL) {
        (void)tool_fail(TOOL_USAGE, "bench", "a name is needed");
        return tool_usage_hint("bench");
    }
    (void)snprintf(script, sizeof script, "%s", bench->script);
    return start(bench, arguments);
}
