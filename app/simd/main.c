// SPDX-License-Identifier: MIT
// holdfast-simd: the charge point in stepped time with its whole world in one process. A second composition root over the
// same objects as holdfastd; never shipped on a device.
#include "fail_take.h"
#include "scenario.h"

#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EXIT_FINDING = 1, EXIT_BAD_USAGE = 2, EXIT_ENVIRONMENT = 3 };

#define START_UTC_MS 1767225600000u // 2026-01-01T00:00:00Z

static world_t the_world; // static: too large for a stack

typedef struct arguments {
    scenario_options_t scenario;
    uint32_t connectors, seed;
    uint32_t modules;
    bool two_buses, wifi, json, verbose;
    const char *trace, *telemetry; // files; NULL: none
    uint32_t heartbeat_s, tripwire, fail_take, fail_takes, cut_power_at;
} arguments_t;

typedef struct option {
    const char *name;
    uint32_t minimum, maximum;
    size_t offset;
    const char *help;
} option_t;

static const option_t numbers[] = {
    {"--hours", 1, 8760, offsetof(arguments_t, scenario.hours), "length in simulated hours (24)"},
    {"--sessions", 10, 2000, offsetof(arguments_t, scenario.sessions),
     "sessions in that time (60)"},
    {"--connectors", 1, CONFIG_EVSE_CONNECTORS_MAX, offsetof(arguments_t, connectors),
     "outlets (1)"},
    {"--modules", 1, CONFIG_EVSE_MODULES_MAX, offsetof(arguments_t, modules),
     "power modules of each outlet (1)"},
    {"--seed", 1, UINT32_MAX, offsetof(arguments_t, seed), "the same seed gives the same run (1)"},
    {"--heartbeat", 1, 3600, offsetof(arguments_t, heartbeat_s),
     "seconds of stepped time between two heartbeats of telemetry (60)"},
    {"--tripwire", 0, INT32_MAX, offsetof(arguments_t, tripwire),
     "least free memory that trips, in bytes (10240)"},
    {"--reboot-hours", 0, 8760, offsetof(arguments_t, scenario.reboot_hours),
     "hours from one restart in good order to the next (0: none)"},
    {"--fail-take", 0, UINT32_MAX, offsetof(arguments_t, fail_take),
     "the Nth take of a pool is refused (0: none)"},
    {"--fail-takes", 1, UINT32_MAX, offsetof(arguments_t, fail_takes),
     "so many takes in a row from there (1)"},
    {"--cut-power-at", 0, UINT32_MAX, offsetof(arguments_t, cut_power_at),
     "power is lost within the Nth write of the journal (0: never)"},
    {"--outages", 0, 2000, offsetof(arguments_t, scenario.outages),
     "about how many sessions lose the link (0)"},
    {"--kills", 0, 2000, offsetof(arguments_t, scenario.kills),
     "about how many sessions see a kill (0)"},
    {"--faults", 0, 2000, offsetof(arguments_t, scenario.faults),
     "about how many sessions see a fault (0)"},
};

static void print_help(void)
{
    printf(
        "Usage: holdfast-simd [OPTION]...\n"
        "Runs a charge point, its vehicles and its central system in stepped time and judges what "
        "was billed.\n\n");
    for (size_t i = 0; i < HF_COUNT_OF(numbers); i++) {
        printf("  %-14s N  %s\n", numbers[i].name, numbers[i].help);
    }
    printf("  %-14s F  %s\n", "--trace",
           "write the trace of memory to file F (build with CONFIG_HF_TRACE)");
    printf("  %-14s F  %s\n", "--telemetry",
           "write the lines of telemetry to file F (- standard output)");
    printf("  %-14s    %s\n", "--wifi", "on a radio network; an outage is its access point gone");
    printf("  %-14s    %s\n", "--two-buses", "the BMS has a bus of its own");
    printf("  %-14s    %s\n", "--all-faults", "draw from all faults that pass, not from six");
    printf("  %-14s    %s\n", "--json", "the result as one JSON object");
    printf("  %-14s    %s\n", "--verbose",
           "the charge point's log and the central system's events");
    printf("  %-14s    %s\n  %-14s    %s\n", "--help", "this text", "--version", "the version");
    printf(
        "\nExit status: 0 every session billed exactly once, 1 not so, 2 usage, 3 environment.\n");
}

static int usage(const char *what, const char *value)
{
    (void)fprintf(stderr, "holdfast-simd: %s '%s', see --help\n", what, value);
    return EXIT_BAD_USAGE;
}

static int read_number(arguments_t *arguments, const option_t *option, const char *value)
{
    int64_t number = 0;
    hf_slice_t slice = {.text = value, .length = strlen(value)};
    if (hf_slice_to_i64(slice, &number) != HF_OK || number < (int64_t)option->minimum ||
        number > (int64_t)option->maximum) {
        (void)fprintf(stderr, "holdfast-simd: %s: '%s' is not a number from %u to %u\n",
                      option->name, value, (unsigned)option->minimum, (unsigned)option->maximum);
        return EXIT_BAD_USAGE;
    }
    uint32_t narrow = (uint32_t)number;
    memcpy((char *)arguments + option->offset, &narrow, sizeof narrow);
    return -1;
}

/// -1 to go on, else the exit code.
static int read_arguments(arguments_t *arguments, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            printf("holdfast-simd %s\n", HOLDFAST_VERSION);
            return 0;
        }
        const option_t *option = NULL;
        for (size_t n = 0; n < HF_COUNT_OF(numbers); n++) {
            option = strcmp(argv[i], numbers[n].name) == 0 ? &numbers[n] : option;
        }
        if (strcmp(argv[i], "--json") == 0) {
            arguments->json = true;
        } else if (strcmp(argv[i], "--two-buses") == 0) {
            arguments->two_buses = true;
        } else if (strcmp(argv[i], "--wifi") == 0) {
            arguments->wifi = true;
        } else if (strcmp(argv[i], "--all-faults") == 0) {
            arguments->scenario.all_faults = true;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            arguments->verbose = true;
        } else if (strcmp(argv[i], "--telemetry") == 0 && i + 1 < argc) {
            arguments->telemetry = argv[++i];
        } else if (strcmp(argv[i], "--trace") == 0 && i + 1 < argc) {
            arguments->trace = argv[++i];
        } else if (option == NULL || i + 1 >= argc) {
            return usage(option == NULL ? "no such option, or nothing follows"
                                        : "a number must follow",
                         argv[i]);
        } else {
            int code = read_number(arguments, option, argv[++i]);
            if (code >= 0) {
                return code;
            }
        }
    }
    return -1;
}

static void print_line(void *ctx, const char *line)
{
    (void)fprintf(ctx, "%s\n", line);
}

static void write_trace(void *ctx, const char *line, size_t length)
{
    (void)fwrite(line, 1, length, ctx); // a failure shows when it is closed
}

/// Opens the file of --trace, if any. -1 to go on, else the exit code.
static int open_trace(const arguments_t *arguments, world_config_t *config)
{
    if (arguments->trace == NULL) {
        return -1;
    }
#if CONFIG_HF_TRACE
    config->trace_ctx = fopen(arguments->trace, "w");
    config->trace = write_trace;
    if (config->trace_ctx == NULL) {
        perror(arguments->trace);
        return EXIT_ENVIRONMENT;
    }
    return -1;
#else
    (void)config;
    (void)write_trace;
    return usage("built without CONFIG_HF_TRACE: cannot write", arguments->trace);
#endif
}

static bool write_telemetry(void *ctx, const char *line, size_t length)
{
    return fwrite(line, 1, length, ctx) == length;
}

/// Opens the file of --telemetry, if any. -1 to go on, else the exit code.
static int open_telemetry(const arguments_t *arguments, world_config_t *config)
{
    if (arguments->telemetry == NULL) {
        return -1;
    }
#if CONFIG_HF_TELEMETRY
    bool is_standard = strcmp(arguments->telemetry, "-") == 0;
    config->telemetry_ctx = is_standard ? stdout : fopen(arguments->telemetry, "w");
    config->telemetry = write_telemetry;
    if (config->telemetry_ctx == NULL) {
        perror(arguments->telemetry);
        return EXIT_ENVIRONMENT;
    }
    return -1;
#else
    (void)config;
    (void)write_telemetry;
    return usage("built without CONFIG_HF_TELEMETRY: cannot write", arguments->telemetry);
#endif
}

/// True when all that was to be written is in its file, or there is none.
static bool close_file(void *ctx, const char *name)
{
    FILE *file = ctx;
    if (file == NULL) {
        return true;
    }
    bool whole = ferror(file) == 0;
    whole = (file == stdout ? fflush(file) : fclose(file)) == 0 && whole;
    if (!whole) {
        (void)fprintf(stderr, "holdfast-simd: %s is not whole\n", name);
    }
    return whole;
}

static double real_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print_json(const arguments_t *arguments, const scenario_result_t *result,
                       double seconds)
{
    printf("{\"schema\":1,\"good\":%s,\"hours\":%u,\"seed\":%u,\"sessions\":%u,\"played\":%u,"
           "\"failed\":%u,\"starts\":%u,\"stops\":%u,\"meters\":%u,\"conflicts\":%u,"
           "\"duplicates\":%u,\"invalid\":%u,\"unfinished\":%u,\"billed_Wh\":%llu,"
           "\"simulated_Wh\":%llu,\"resets\":%u,\"reboots\":%u,\"cuts\":%u,\"takes\":%u,"
           "\"refused_by_plan\":%u,\"real_s\":%.3f,\"pools\":[",
           result->good ? "true" : "false", arguments->scenario.hours, arguments->seed,
           arguments->scenario.sessions, result->played, result->failed, result->starts,
           result->stops, result->meters, result->conflicts, result->duplicates, result->invalid,
           result->unfinished, (unsigned long long)result->billed_Wh,
           (unsigned long long)result->simulated_Wh, the_world.resets, result->reboots,
           the_world.cut.cuts, fail_take_takes(), fail_take_refused(), seconds);
    for (unsigned i = 0; i < EVSE_POOL_COUNT; i++) {
        printf("%s{\"pool\":\"%s\",\"capacity\":%u,\"in_use\":%u,\"peak\":%u,\"settled_peak\":%u,"
               "\"exhausted\":%u}",
               i == 0 ? "" : ",", evse_view_pool_name(i), result->pool[i].capacity,
               result->pool[i].in_use, result->pool[i].peak, result->settled_peak[i],
               result->pool[i].exhausted);
    }
    printf("]}\n");
}

static void print_text(const arguments_t *arguments, const scenario_result_t *result,
                       double seconds)
{
    printf("%u h with %u sessions in %.1f s of real time, seed %u\n", arguments->scenario.hours,
           arguments->scenario.sessions, seconds, arguments->seed);
    printf("  charged   %u, never came to charge %u\n", result->played, result->failed);
    printf("  billed    %u starts, %u stops, %u meter messages, %llu Wh (simulated %llu Wh)\n",
           result->starts, result->stops, result->meters, (unsigned long long)result->billed_Wh,
           (unsigned long long)result->simulated_Wh);
    printf(
        "  doubtful  %u conflicts, %u invalid frames, %u undelivered; %u resends, all identical\n",
        result->conflicts, result->invalid, result->unfinished, result->duplicates);
    for (unsigned i = 0; i < EVSE_POOL_COUNT; i++) {
        printf("  pool      %-13s peak %u of %u, %u after session %u, exhausted %u\n",
               evse_view_pool_name(i), result->pool[i].peak, result->pool[i].capacity,
               result->settled_peak[i], SCENARIO_SETTLED_SESSION, result->pool[i].exhausted);
    }
    printf("%s\n", result->good ? "good: every session was billed exactly once"
                                : "NOT GOOD: see above; the same options and seed replay it");
}

int main(int argc, char **argv)
{
    arguments_t arguments = {.scenario = {.hours = 24, .sessions = 60},
                             .connectors = 1,
                             .seed = 1,
                             .heartbeat_s = 60,
                             .tripwire = 10240,
                             .fail_takes = 1};
    int code = read_arguments(&arguments, argc, argv);
    if (code >= 0) {
        return code;
    }
    world_config_t config = {.connectors = arguments.connectors,
                             .modules = arguments.modules,
                             .two_buses = arguments.two_buses,
                             .wifi = arguments.wifi,
                             .seed = arguments.seed,
                             .utc_ms = START_UTC_MS,
                             .heartbeat_s = arguments.heartbeat_s,
                             .tripwire_bytes = arguments.tripwire,
                             .cut_power_at = arguments.cut_power_at,
                             .verbose = arguments.verbose,
                             .print = print_line,
                             .print_ctx = stdout,
                             .stack_top = (uintptr_t)__builtin_frame_address(0)};
    code = open_trace(&arguments, &config);
    code = code < 0 ? open_telemetry(&arguments, &config) : code;
    if (code >= 0) {
        return code;
    }
    arguments.scenario.is_injected = arguments.fail_take != 0 || arguments.cut_power_at != 0;
    fail_take_plan(arguments.fail_take, arguments.fail_takes);
    int status = world_init(&the_world, &config);
    if (status != HF_OK) {
        (void)fprintf(stderr, "holdfast-simd: cannot start: %s\n", hf_status_text(status));
        return EXIT_ENVIRONMENT;
    }
    double begin = real_seconds();
    scenario_result_t result;
    scenario_run(&the_world, &arguments.scenario, &result);
    double seconds = real_seconds() - begin;
    if (arguments.json) {
        print_json(&arguments, &result, seconds);
    } else {
        print_text(&arguments, &result, seconds);
    }
    bool is_written = close_file(config.trace_ctx, arguments.trace);
    if (!close_file(config.telemetry_ctx, arguments.telemetry) || !is_written) {
        return EXIT_ENVIRONMENT;
    }
    return result.good ? 0 : EXIT_FINDING;
}
