// SPDX-License-Identifier: MIT
// Options of `run`: one table of numbers, the rest by hand.
#include "lab_engine_options.h"

#include "lab_verbs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_OUT  "artifacts/memory-tests"
#define DEFAULT_HEAP "internal=320K,psram=8M"

enum {
    OPTION_PORT = 256,
    OPTION_BAUD,
    OPTION_OUT,
    OPTION_NO_REBOOT,
    OPTION_AUTH,
    OPTION_TIMEOUT,
    OPTION_PAUSE,
    OPTION_NON_INTERACTIVE,
    OPTION_NO_HEALTH,
    OPTION_NO_PAGES,
    OPTION_PARALLEL,
    OPTION_HEALTH_COUNT,
    OPTION_ECHO,
    OPTION_COMPARE,
    OPTION_SIM,
    OPTION_STEPPED,
    OPTION_REPEAT,
    OPTION_SEED,
    OPTION_FAIL_ON,
    OPTION_GATE,
    OPTION_FAIL_TAKE,
    OPTION_CUT,
    OPTION_JUNIT,
    OPTION_JSON,
    OPTION_HEAP,
    OPTION_HOURS,
    OPTION_REAL_TIME,
    OPTION_RESUME,
    OPTION_QUIET,
    OPTION_HEARTBEAT,
    OPTION_TRIPWIRE,
    OPTION_PRELOAD,
    OPTION_BASELINE,
    OPTION_LOG_LIMIT,
};

typedef struct row {
    struct option option;
    const char *argument, *help;
} row_t;

static const row_t rows[] = {
    {{"port", required_argument, NULL, OPTION_PORT},
     "PORT",
     "auto, a serial port, tcp:HOST:PORT, or file:PATH (default auto)"},
    {{"baud", required_argument, NULL, OPTION_BAUD}, "N", "9600 to 921600 (default 115200)"},
    {{"sim", no_argument, NULL, OPTION_SIM},
     "",
     "the shipped holdfastd and its world, on this machine"},
    {{"stepped", no_argument, NULL, OPTION_STEPPED}, "", "holdfast-simd, in stepped time"},
    {{"heap", required_argument, NULL, OPTION_HEAP},
     "SPEC",
     "--sim: memory of the device (default " DEFAULT_HEAP "), or none"},
    {{"heartbeat", required_argument, NULL, OPTION_HEARTBEAT},
     "S",
     "--sim, --stepped: instead of the scenario's"},
    {{"tripwire", required_argument, NULL, OPTION_TRIPWIRE},
     "BYTES",
     "--sim, --stepped: least free internal memory; 0 off"},
    {{"out", required_argument, NULL, OPTION_OUT},
     "DIR",
     "where artifacts go (default " DEFAULT_OUT ")"},
    {{"log-limit", required_argument, NULL, OPTION_LOG_LIMIT},
     "BYTES",
     "of serial.log; a device that says more is inconclusive (default 256M)"},
    {{"no-reboot", no_argument, NULL, OPTION_NO_REBOOT}, "", "leave the device as it is"},
    {{"auth", required_argument, NULL, OPTION_AUTH}, "USER:PASS", "of its portal"},
    {{"timeout", required_argument, NULL, OPTION_TIMEOUT},
     "S",
     "of each wait of the prologue (default 45)"},
    {{"pause", required_argument, NULL, OPTION_PAUSE},
     "LIST",
     "points to wait at for Enter, or all"},
    {{"non-interactive", no_argument, NULL, OPTION_NON_INTERACTIVE}, "", "never ask"},
    {{"no-health", no_argument, NULL, OPTION_NO_HEALTH}, "", "leave /api/health alone"},
    {{"no-pages", no_argument, NULL, OPTION_NO_PAGES},
     "",
     "leave pages alone, speak to /api/ only"},
    {{"browser-parallel", required_argument, NULL, OPTION_PARALLEL},
     "N",
     "calls at once in a burst, 1 to 16 (default the scenario's)"},
    {{"browser-health-count", required_argument, NULL, OPTION_HEALTH_COUNT},
     "N",
     "health calls in a burst, 1 to 16"},
    {{"echo-serial", no_argument, NULL, OPTION_ECHO}, "", "show what the device says"},
    {{"repeat", required_argument, NULL, OPTION_REPEAT},
     "N",
     "each scenario N times, medians and spread at the end"},
    {{"seed", required_argument, NULL, OPTION_SEED}, "N", "of what is random (default 1)"},
    {{"fail-on", required_argument, NULL, OPTION_FAIL_ON},
     "EXPR",
     "one more gate, as hin_min<80K (may be repeated)"},
    {{"gate", required_argument, NULL, OPTION_GATE},
     "NAME=V",
     "moves a gate, or NAME=off (may be repeated)"},
    {{"fail-take", required_argument, NULL, OPTION_FAIL_TAKE},
     "N",
     "--sim, --stepped: the Nth take of memory is refused"},
    {{"cut-power-at", required_argument, NULL, OPTION_CUT},
     "N",
     "--stepped: power is lost at the Nth write"},
    {{"hours", required_argument, NULL, OPTION_HOURS}, "N", "of a soak, instead of the scenario's"},
    {{"real-time", no_argument, NULL, OPTION_REAL_TIME}, "", "a soak on a device, hour by hour"},
    {{"resume", required_argument, NULL, OPTION_RESUME},
     "DIR",
     "go on with the soak whose artifacts are there"},
    {{"junit", required_argument, NULL, OPTION_JUNIT}, "FILE", "JUnit XML of all planned cases"},
    {{"json", no_argument, NULL, OPTION_JSON}, "", "one JSON object on stdout"},
    {{"quiet", no_argument, NULL, OPTION_QUIET}, "", "no progress on stderr"},
    {{"baseline", required_argument, NULL, OPTION_BASELINE},
     "NAME",
     "compare with the runs that are kept under that name; worse is a finding"},
    {{"compare", required_argument, NULL, OPTION_COMPARE},
     "A B",
     "compare two directories of artifacts, run nothing"},
    {{"preload", required_argument, NULL, OPTION_PRELOAD},
     "LIB",
     "--sim: a library that plants a fault in holdfastd"},
    {{"help", no_argument, NULL, 'h'}, "", "this text"},
};

#define ROWS (sizeof rows / sizeof rows[0])

static int print_help(void)
{
    printf(
        "Usage: holdfast lab run [SCENARIO]... [IP[:PORT]] [OPTION]...\n"
        "Puts a device through scenarios (by name, alias, number or file) and judges its memory.\n"
        "Without a scenario: lists them.\n\n");
    for (size_t i = 0; i < ROWS; i++) {
        char left[40];
        (void)snprintf(left, sizeof left, "--%s %s", rows[i].option.name,
                       rows[i].argument != NULL ? rows[i].argument : "");
        printf("  %-26s %s\n", left, rows[i].help);
    }
    printf("\n");
    lab_gates_help();
    printf("\nExit status: 0 pass, 1 finding, 2 usage, 3 the device or its world cannot be had,\n"
           "4 inconclusive, 130 interrupted.\n");
    return LAB_PASS;
}

static int wrong(const char *option, const char *value, const char *needed)
{
    (void)lab_fail(LAB_USAGE, "run", "--%s '%s': %s is needed", option, value, needed);
    return lab_usage_hint("run");
}

// ---- numbers ----

typedef struct number {
    int option;
    const char *name;
    int64_t range[2];
    const char *needed;
    size_t offset; // of an int64_t in lab_run_options_t
} number_t;

#define PLACE(member) offsetof(lab_run_options_t, member)

static const number_t numbers[] = {
    {OPTION_BAUD, "baud", {9600, 921600}, "a number from 9600 to 921600", PLACE(device.baud)},
    {OPTION_PARALLEL,
     "browser-parallel",
     {1, 16},
     "a number from 1 to 16",
     PLACE(engine.browser_parallel)},
    {OPTION_HEALTH_COUNT,
     "browser-health-count",
     {1, 16},
     "a number from 1 to 16",
     PLACE(engine.browser_health_count)},
    {OPTION_REPEAT, "repeat", {1, LAB_REPEAT_MAX}, "a number from 1 to 100", PLACE(repeat)},
    {OPTION_SEED, "seed", {1, UINT32_MAX}, "a number from 1", PLACE(device.world.seed)},
    {OPTION_FAIL_TAKE,
     "fail-take",
     {1, 100000000},
     "a number from 1",
     PLACE(device.world.fail_take)},
    {OPTION_CUT,
     "cut-power-at",
     {1, 100000000},
     "a number from 1",
     PLACE(device.world.cut_power_at)},
    {OPTION_HOURS, "hours", {1, 8760}, "a number from 1 to 8760", PLACE(engine.hours)},
    {OPTION_HEARTBEAT, "heartbeat", {1, 3600}, "seconds from 1 to 3600", PLACE(heartbeat_s)},
    {OPTION_TRIPWIRE,
     "tripwire",
     {0, 16777216},
     "bytes from 0 to 16777216",
     PLACE(device.world.tripwire_bytes)},
};

/// -1: it is none of these, else an exit status.
static int take_number(lab_run_options_t *options, int option)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        int64_t value = 0;
        if (numbers[i].option != option) {
            continue;
        }
        if (!lab_number(optarg, numbers[i].range[0], numbers[i].range[1], &value)) {
            return wrong(numbers[i].name, optarg, numbers[i].needed);
        }
        memcpy((char *)options + numbers[i].offset, &value, sizeof value);
        return LAB_PASS;
    }
    return -1;
}

// ---- the rest ----

static int take_kind(lab_run_options_t *options, lab_kind_t kind)
{
    if (options->has_device) {
        (void)lab_fail(LAB_USAGE, "run", "one of --port, --sim and --stepped, once");
        return lab_usage_hint("run");
    }
    options->has_device = true;
    options->device.kind = kind;
    return LAB_PASS;
}

static int take_term(const char *name, const char **terms, unsigned *count)
{
    lab_gates_t gates;
    lab_gates_init(&gates);
    bool is_expression = strcmp(name, "fail-on") == 0;
    int status = is_expression ? lab_gates_add(&gates, optarg) : lab_gates_set(&gates, optarg);
    if (status != 0) {
        return wrong(name, optarg, "a gate (see --help)");
    }
    if (*count == LAB_TERMS_MAX) {
        return wrong(name, optarg, "less of them");
    }
    terms[(*count)++] = optarg;
    return LAB_PASS;
}

static int take_timeout(lab_run_options_t *options)
{
    int64_t seconds = 0;
    if (!lab_number(optarg, 1, 86400, &seconds)) {
        return wrong("timeout", optarg, "seconds from 1 to 86400");
    }
    options->engine.timeout_s = (double)seconds;
    return LAB_PASS;
}

static int take_log_limit(lab_run_options_t *options)
{
    uint32_t bytes = 0;
    if (!lab_bytes(optarg, &bytes) || bytes == 0) {
        return wrong("log-limit", optarg, "bytes from 1, with K or M");
    }
    options->engine.log_limit = bytes;
    return LAB_PASS;
}

static int take_port(lab_run_options_t *options)
{
    int code = take_kind(options, LAB_SERIAL);
    return code == LAB_PASS ? lab_device_parse(optarg, &options->device) : code;
}

static int take_text(lab_run_options_t *options, int option)
{
    const struct {
        int option;
        const char **place;
    } texts[] = {{OPTION_OUT, &options->out},
                 {OPTION_AUTH, &options->engine.auth},
                 {OPTION_PAUSE, &options->engine.pause},
                 {OPTION_JUNIT, &options->junit},
                 {OPTION_RESUME, &options->resume},
                 {OPTION_BASELINE, &options->baseline},
                 {OPTION_PRELOAD, &options->device.world.preload},
                 {OPTION_HEAP, &options->device.world.heap}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].option == option) {
            *texts[i].place = optarg;
            return LAB_PASS;
        }
    }
    return -1;
}

static int take_flag(lab_run_options_t *options, int option)
{
    const struct {
        int option;
        bool *place;
    } flags[] = {{OPTION_NO_REBOOT, &options->engine.no_reboot},
                 {OPTION_NON_INTERACTIVE, &options->engine.non_interactive},
                 {OPTION_NO_HEALTH, &options->engine.no_health},
                 {OPTION_NO_PAGES, &options->engine.no_pages},
                 {OPTION_ECHO, &options->engine.echo_serial},
                 {OPTION_REAL_TIME, &options->engine.real_time},
                 {OPTION_JSON, &options->is_json},
                 {OPTION_QUIET, &options->is_quiet}};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (flags[i].option == option) {
            *flags[i].place = true;
            return LAB_PASS;
        }
    }
    return -1;
}

static int take_option(lab_run_options_t *options, int option)
{
    int code = take_number(options, option);
    code = code >= 0 ? code : take_text(options, option);
    code = code >= 0 ? code : take_flag(options, option);
    if (code >= 0) {
        return code;
    }
    switch (option) {
    case OPTION_PORT:
        return take_port(options);
    case OPTION_SIM:
        return take_kind(options, LAB_SIM);
    case OPTION_STEPPED:
        return take_kind(options, LAB_STEPPED);
    case OPTION_TIMEOUT:
        return take_timeout(options);
    case OPTION_LOG_LIMIT:
        return take_log_limit(options);
    case OPTION_FAIL_ON:
        return take_term("fail-on", options->fail_on, &options->fail_ons);
    case OPTION_GATE:
        return take_term("gate", options->gate, &options->gates);
    default:
        return lab_usage_hint("run");
    }
}

/// The old harness's way: two directories behind one option.
static int compare(int argc, char **argv)
{
    if (optind >= argc) {
        return wrong("compare", optarg, "a second directory");
    }
    char *words[] = {(char[]){"compare"}, optarg, argv[optind], NULL};
    return lab_verb_compare(3, words);
}

// ---- what is no option ----

static bool is_address(const char *text)
{
    char host[64];
    struct in_addr address;
    size_t length = strcspn(text, ":");
    int64_t port = 0;
    if (length >= sizeof host) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    return inet_pton(AF_INET, host, &address) == 1 &&
           (text[length] == '\0' || lab_number(text + length + 1, 1, UINT16_MAX, &port));
}

static int take_arguments(lab_run_options_t *options, int argc, char **argv)
{
    for (int i = optind; i < argc; i++) {
        if (is_address(argv[i])) {
            options->engine.ip = argv[i];
        } else if (options->scenarios < LAB_SCENARIOS_MAX) {
            options->scenario[options->scenarios++] = argv[i];
        } else {
            (void)lab_fail(LAB_USAGE, "run", "more than %u scenarios", LAB_SCENARIOS_MAX);
            return lab_usage_hint("run");
        }
    }
    return -1;
}

static int check(lab_run_options_t *options)
{
    const lab_world_t *world = &options->device.world;
    lab_kind_t kind = options->device.kind;
    bool is_made = kind == LAB_SIM || kind == LAB_STEPPED;
    const char *needs = NULL;
    if (!is_made &&
        (world->fail_take > 0 || options->heartbeat_s > 0 || world->tripwire_bytes >= 0)) {
        needs = "--fail-take, --heartbeat and --tripwire go with --sim or --stepped";
    } else if (kind != LAB_STEPPED && world->cut_power_at > 0) {
        needs = "--cut-power-at goes with --stepped";
    } else if (kind != LAB_SIM && (world->preload != NULL || world->heap != NULL)) {
        needs = "--heap and --preload go with --sim";
    } else if (options->resume != NULL &&
               (options->scenarios != 1 || options->repeat > 1 || !options->engine.real_time)) {
        needs = "--resume goes with one scenario, once, and --real-time";
    } else if (options->engine.auth != NULL && strchr(options->engine.auth, ':') == NULL) {
        needs = "--auth: USER:PASSWORD is needed";
    }
    if (world->preload != NULL && access(world->preload, R_OK) != 0) {
        return lab_fail(LAB_USAGE, "run", "--preload %s: %s", world->preload, strerror(errno));
    }
    if (needs != NULL) {
        (void)lab_fail(LAB_USAGE, "run", "%s", needs);
        return lab_usage_hint("run");
    }
    if (kind == LAB_SIM) {
        bool is_none = world->heap != NULL && strcmp(world->heap, "none") == 0;
        options->device.world.heap = is_none               ? NULL
                                     : world->heap != NULL ? world->heap
                                                           : DEFAULT_HEAP;
    }
    return -1;
}

static void keep_words(lab_run_options_t *options, int option, int index)
{
    static const int left_out[] = {OPTION_REPEAT, OPTION_JUNIT, OPTION_JSON,  OPTION_QUIET,
                                   OPTION_OUT,    OPTION_AUTH,  OPTION_RESUME};
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++) {
        if (left_out[i] == option) {
            return;
        }
    }
    char name[40];
    (void)snprintf(name, sizeof name, "--%s", rows[index].option.name);
    lab_shell_option(name, optarg, options->words, sizeof options->words);
}

int lab_run_options_read(lab_run_options_t *options, int argc, char **argv)
{
    static char name[] = "holdfast lab run"; // getopt's messages begin with it
    struct option known[ROWS + 1] = {{0}};
    int index = 0;
    memset(options, 0, sizeof *options);
    options->device.kind = LAB_SERIAL;
    (void)snprintf(options->device.port, sizeof options->device.port, "auto");
    options->device.baud = 115200;
    options->device.world.tripwire_bytes = -1;
    options->device.world.seed = 1;
    options->engine.timeout_s = 45;
    options->engine.log_limit = INT64_C(256) * 1024 * 1024;
    options->out = DEFAULT_OUT;
    options->repeat = 1;
    for (size_t i = 0; i < ROWS; i++) {
        known[i] = rows[i].option;
    }
    argv[0] = name;
    for (int option; (option = getopt_long(argc, argv, "h", known, &index)) != -1;) {
        if (option == 'h') {
            return print_help();
        }
        if (option == OPTION_COMPARE) {
            return compare(argc, argv);
        }
        int code = option == '?' ? lab_usage_hint("run") : take_option(options, option);
        if (code != LAB_PASS) {
            return code;
        }
        keep_words(options, option, index);
    }
    int code = take_arguments(options, argc, argv);
    return code >= 0 ? code : check(options);
}
