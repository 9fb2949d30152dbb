// SPDX-License-Identifier: MIT
// holdfast: one command with verbs. The table below is the whole command line.
#include "holdfast.h"

#include "holdfast/hf_text.h"
#include "version.h"

#include <stdio.h>
#include <string.h>

static const tool_verb_t verbs[] = {
    {"demo", verb_demo, "play one charging session: charge point, vehicle and central system"},
    {"sim", verb_sim, "power module, battery and vehicle on a virtual CAN bus"},
#if HOLDFAST_HAS_CSMS
    {"csms", verb_csms, "small central system, OCPP 1.6J over WebSocket"},
#endif
    {"bench", verb_bench, "measure this library anew and compare it with others"},
#if CONFIG_HOLDFAST_FLEET
    {"fleet", verb_fleet,
     "many charge points at once: a load on a central system, or days in seconds"},
#endif
#if CONFIG_HOLDFAST_LAB
    {"lab", verb_lab, "put a device through scenarios and say whether its memory behaves"},
#endif
    {"trace", verb_trace, "look into a recorded trace of memory: summary, census, tier table"},
};

static int print_help(void)
{
    printf("Usage: holdfast VERB [OPTION]...\n\n");
    for (size_t i = 0; i < HF_COUNT_OF(verbs); i++) {
        printf("  %-8s %s\n", verbs[i].name, verbs[i].help);
    }
    printf("\n  --help     this text; 'holdfast VERB --help' tells about a verb\n"
           "  --version  version\n\n"
           "Exit status: 0 good, 1 what was asked did not succeed, 2 wrong option or argument,\n"
           "3 the environment (port or socket in use, nobody there), 130 interrupted.\n");
    return TOOL_GOOD;
}

static const tool_verb_t *find_verb(const char *name)
{
    for (size_t i = 0; i < HF_COUNT_OF(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "holdfast: a verb is needed\n");
        return tool_usage_hint("");
    }
    const char *first = argv[1];
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
        return print_help();
    }
    if (strcmp(first, "--version") == 0) {
        printf("holdfast %s\n", HOLDFAST_VERSION);
        return TOOL_GOOD;
    }
    const tool_verb_t *verb = find_verb(first);
    if (verb == NULL) {
        (void)fprintf(stderr, "holdfast: there is no %s '%s'\n",
                      first[0] == '-' ? "option" : "verb", first);
        return tool_usage_hint("");
    }
    return verb->run(argc - 1, argv + 1);
}
