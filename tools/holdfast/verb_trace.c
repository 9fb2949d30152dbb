// SPDX-License-Identifier: MIT
// holdfast trace: looks into a recorded trace of takes and gives (hf_record.h).
#include "holdfast.h"
#include "trace_model.h"

#include "holdfast/hf_advice.h"

#include <getopt.h>
#include <string.h>

enum { OPTION_TIERS = 256, OPTION_HEADROOM };

static const struct option long_options[] = {{"tiers", required_argument, NULL, OPTION_TIERS},
                                             {"headroom", required_argument, NULL, OPTION_HEADROOM},
                                             {"help", no_argument, NULL, 'h'},
                                             {0}};

static int print_help(void)
{
    printf("Usage: holdfast trace show|census|advise [OPTION]... FILE\n"
           "Looks into a trace of takes and gives, as holdfast-simd --trace writes it; '-' is "
           "stdin.\n\n"
           "  show          what happened: per pool, and by size asked for\n"
           "  census        who holds what at the end\n"
           "  advise        a tier table that would have served it with the least memory\n\n"
           "  --tiers N     advise: at most so many tiers, 1 to %u (5)\n"
           "  --headroom P  advise: percent more blocks than were held at most, 0 to 1000 (0)\n"
           "  --help        this text\n\n"
           "Exit status: 0 good, 1 the file is no trace, or nothing can be advised, 2 wrong "
           "option, 3 the\nfile cannot be read.\n",
           HF_ADVICE_TIERS_MAX);
    return TOOL_GOOD;
}

typedef struct trace_options {
    int64_t tiers, headroom;
} trace_options_t;

/// -1 to go on, else the exit status.
static int read_options(trace_options_t *options, int argc, char **argv)
{
    static char name[] = "holdfast trace"; // getopt's messages begin with it
    int option, code = TOOL_GOOD;
    argv[0] = name;
    while (code == TOOL_GOOD && (option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (option) {
        case 'h':
            return print_help();
        case OPTION_TIERS:
            code = tool_number("trace", "--tiers", optarg,
                               (const int64_t[2]){1, HF_ADVICE_TIERS_MAX}, &options->tiers);
            break;
        case OPTION_HEADROOM:
            code = tool_number("trace", "--headroom", optarg, (const int64_t[2]){0, 1000},
                               &options->headroom);
            break;
        default:
            code = tool_usage_hint("trace");
            break;
        }
    }
    if (code == TOOL_GOOD && optind + 2 != argc) {
        (void)tool_fail(TOOL_USAGE, "trace", "what to do and one file are needed");
        code = tool_usage_hint("trace");
    }
    return code == TOOL_GOOD ? -1 : code;
}

int verb_trace(int argc, char **argv)
{
    trace_options_t options = {.tiers = 5};
    trace_model_t *model = NULL;
    int code = read_options(&options, argc, argv);
    if (code >= 0) {
        return code;
    }
    const char *view = argv[optind];
    bool shows = strcmp(view, "show") == 0, counts = strcmp(view, "census") == 0;
    if (!shows && !counts && strcmp(view, "advise") != 0) {
        (void)tool_fail(TOOL_USAGE, "trace", "there is no '%s'", view);
        return tool_usage_hint("trace");
    }
    code = trace_model_read(&model, argv[optind + 1]);
    if (code == TOOL_GOOD && shows) {
        trace_show(model);
    } else if (code == TOOL_GOOD && counts) {
        trace_census(model);
    } else if (code == TOOL_GOOD) {
        code = trace_advise(model, (uint32_t)options.tiers, (uint32_t)options.headroom);
    }
    trace_model_free(model);
    return code;
}
