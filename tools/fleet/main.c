// SPDX-License-Identifier: MIT
// holdfast-fleet, which `holdfast fleet` starts: the command line.
#include "fleet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_MAX 366
#define ID_MAX   32u

static int print_help(void)
{
    printf("Usage: holdfast fleet --n N (--csms URL [--seconds S] | --days D) [OPTION]...\n"
           "Runs N charge points in one process: the product's control, sessions, store and OCPP, "
           "each\n"
           "over a simulated outlet, with its journal in memory.\n\n"
           "  --n N            charge points, 1 to %u\n"
           "  --csms URL       a load on a central system, in real time: ws://HOST[:PORT][/PATH]; "
           "the ids\n"
           "                   F1, F2, ... are appended\n"
           "  --seconds S      end after S seconds (default: when every session is delivered)\n"
           "  --days D         a field test in stepped time, 1 to %d days, each charge point with "
           "a central\n"
           "                   system in this process; needs no network\n"
           "  --scenario FILE  what users, networks and hardware do (docs/FLEET.md)\n"
           "  --seed N         of everything that is drawn (default 1)\n"
           "  --id PREFIX      of the station ids (default F)\n"
           "  --json FILE      the figures, - for standard output\n"
           "  --html FILE      the same as a page\n"
           "  --quiet          no progress\n"
           "  --help           this text\n\n"
           "Exit status: 0 every session was charged, delivered and, with --days, billed right; 1 "
           "one was\n"
           "not; 2 wrong option or scenario; 3 nobody answers at URL, or too few sockets; 130 "
           "interrupted.\n",
           FLEET_UNITS_MAX, DAYS_MAX);
    return TOOL_GOOD;
}

static int read_count(const char *name, const char *text, int64_t most, uint32_t *out)
{
    int64_t value = 0;
    int status = tool_number(FLEET_VERB, name, text, (const int64_t[]){1, most}, &value);
    *out = (uint32_t)value;
    return status;
}

static bool is_id(const char *text)
{
    return text[0] != '\0' && strlen(text) <= ID_MAX &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") ==
               strlen(text);
}

static int read_option(fleet_options_t *options, const char *name, const char *value)
{
    if (strcmp(name, "--n") == 0) {
        return read_count(name, value, FLEET_UNITS_MAX, &options->units);
    }
    if (strcmp(name, "--seconds") == 0) {
        return read_count(name, value, 86400, &options->seconds);
    }
    if (strcmp(name, "--days") == 0) {
        return read_count(name, value, DAYS_MAX, &options->days);
    }
    if (strcmp(name, "--seed") == 0) {
        return read_count(name, value, INT32_MAX, &options->seed);
    }
    if (strcmp(name, "--csms") == 0) {
        if (strlen(value) >= sizeof options->url) {
            return tool_fail(TOOL_USAGE, FLEET_VERB, "--csms is too long");
        }
        memcpy(options->url, value, strlen(value) + 1u);
        return TOOL_GOOD;
    }
    if (strcmp(name, "--id") == 0) {
        options->id_prefix = value;
        return is_id(value) ? TOOL_GOOD
                            : tool_fail(TOOL_USAGE, FLEET_VERB,
                                        "--id '%s': at most 32 letters, digits and . _ : -", value);
    }
    const char **path = strcmp(name, "--scenario") == 0 ? &options->scenario_path
                        : strcmp(name, "--json") == 0   ? &options->json_path
                        : strcmp(name, "--html") == 0   ? &options->html_path
                                                        : NULL;
    if (path == NULL) {
        (void)tool_fail(TOOL_USAGE, FLEET_VERB, "there is no option '%s'", name);
        return tool_usage_hint(FLEET_VERB);
    }
    *path = value;
    return TOOL_GOOD;
}

static int read_options(int argc, char **argv, fleet_options_t *options)
{
    *options = (fleet_options_t){.seed = 1, .id_prefix = "F"};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quiet") == 0) {
            options->quiet = true;
            continue;
        }
        if (i + 1 == argc) {
            (void)tool_fail(TOOL_USAGE, FLEET_VERB, "'%s' is no option, or misses its value",
                            argv[i]);
            return tool_usage_hint(FLEET_VERB);
        }
        int status = read_option(options, argv[i], argv[i + 1]);
        if (status != TOOL_GOOD) {
            return status;
        }
        i++;
    }
    bool is_live = options->url[0] != '\0', is_stepped = options->days != 0u;
    if (options->units == 0u || is_live == is_stepped || (options->seconds != 0u && !is_live)) {
        (void)tool_fail(TOOL_USAGE, FLEET_VERB,
                        "--n, and either --csms or --days, are needed; --seconds goes with --csms");
        return tool_usage_hint(FLEET_VERB);
    }
    return TOOL_GOOD;
}

static int write_file(const char *path, const fleet_report_t *report,
                      void (*write)(const fleet_report_t *, FILE *))
{
    if (path == NULL) {
        return TOOL_GOOD;
    }
    FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
    if (out == NULL) {
        return tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "%s: %s", path, strerror(errno));
    }
    write(report, out);
    bool good = fflush(out) == 0 && ferror(out) == 0;
    good = (out == stdout || fclose(out) == 0) && good;
    return good ? TOOL_GOOD
                : tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "%s: %s", path, strerror(errno));
}

static int tell(const fleet_report_t *report, int status)
{
    const fleet_options_t *options = report->options;
    if (options->json_path == NULL || strcmp(options->json_path, "-") != 0) {
        fleet_report_text(report, stdout);
    }
    int json = write_file(options->json_path, report, fleet_report_json);
    int html = write_file(options->html_path, report, fleet_report_html);
    return status != TOOL_GOOD ? status : json != TOOL_GOOD ? json : html;
}

int main(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return print_help();
    }
    fleet_options_t options;
    fleet_scenario_t scenario;
    int status = read_options(argc, argv, &options);
    if (status != TOOL_GOOD) {
        return status;
    }
    fleet_scenario_default(&scenario);
    if (options.days != 0u) { // a session each is no field test
        scenario.sessions = 0;
        scenario.session_s = (fleet_range_t){300, 900};
        scenario.pause_s = (fleet_range_t){7200, 14400};
        scenario.meter_interval_s = 60;
        memcpy(scenario.name, "users through the day", sizeof "users through the day");
    }
    if (options.scenario_path != NULL) {
        status = fleet_scenario_read(options.scenario_path, &scenario);
        if (status != TOOL_GOOD) {
            return status;
        }
    }
    if (options.days == 0u && options.seconds == 0u && scenario.sessions == 0u) {
        return tool_fail(TOOL_USAGE, FLEET_VERB,
                         "a scenario without a number of sessions needs --seconds");
    }
    static fleet_report_t report; // static: its samples are too large for a stack
    report = (fleet_report_t){.options = &options, .scenario = &scenario};
    status = options.days != 0u ? fleet_days(&options, &scenario, &report)
                                : fleet_live(&options, &scenario, &report);
    if (report.stats.sent > 0u) {
        status = tell(&report, status);
    }
    free(report.verdict);
    return status;
}
