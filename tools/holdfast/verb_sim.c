// SPDX-License-Identifier: MIT
// `holdfast sim`: options, the loop. A tick of 2 ms steps the outlets to the clock; frames are passed on at once, a script
// advances by ticks.
#include "holdfast.h"
#include "sim_station.h"

#include "holdfast/hf_clock.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS     2000000
#define EVENTS_MAX  32
#define DEFAULT_SOC 45
#define PRIORITY    50

typedef struct sim_options {
    sim_config_t config;
    bool ends_with_script;
    unsigned bms_buses;
    const char *script; // file; NULL: stdin
    bool only_checks;   // the script
} sim_options_t;

enum {
    OPTION_CAN = 256,
    OPTION_BMS_CAN,
    OPTION_IO,
    OPTION_PROFILE,
    OPTION_MODULES,
    OPTION_SOC,
    OPTION_BATTERY,
    OPTION_SENSOR,
    OPTION_REQUEST_SOC,
    OPTION_BUS,
    OPTION_SCRIPT,
    OPTION_CHECK,
    OPTION_EVENTS,
    OPTION_COUNTS,
    OPTION_FAULTS,
    OPTION_EOF,
    OPTION_JSONL
};

static const struct option long_options[] = {
    {"can", required_argument, NULL, OPTION_CAN},
    {"bms-can", required_argument, NULL, OPTION_BMS_CAN},
    {"io", required_argument, NULL, OPTION_IO},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"modules", required_argument, NULL, OPTION_MODULES},
    {"soc", required_argument, NULL, OPTION_SOC},
    {"battery-ah", required_argument, NULL, OPTION_BATTERY},
    {"sensor", required_argument, NULL, OPTION_SENSOR},
    {"request-soc", no_argument, NULL, OPTION_REQUEST_SOC},
    {"bus-frames", required_argument, NULL, OPTION_BUS},
    {"script", required_argument, NULL, OPTION_SCRIPT},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"events", required_argument, NULL, OPTION_EVENTS},
    {"counts", required_argument, NULL, OPTION_COUNTS},
    {"list-faults", no_argument, NULL, OPTION_FAULTS},
    {"exit-on-eof", no_argument, NULL, OPTION_EOF},
    {"jsonl", no_argument, NULL, OPTION_JSONL},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/// The simulated module speaks one protocol.
static bool is_spoken(const evse_module_profile_t *profile)
{
    return evse_module_driver(profile) == &evse_module_huawei;
}

static void print_options(void)
{
    printf("  --can SPEC        where the CAN bus of an outlet is; the nth is connector n's\n"
           "  --bms-can SPEC    a bus of its own for the BMS, as many as --can\n"
           "  --io SPEC         inputs and outputs: socket:PATH, stream-unix:PATH, or none: "
           "contactor\n"
           "                    and lock then follow module and plug\n"
           "  --modules N       power modules that share the load, 1 to %d (default 1)\n"
           "  --profile NAME    scaling of the power module (default %s)\n"
           "  --soc PERCENT     charge of the battery at each plug-in, 1 to 100 (default %d)\n"
           "  --battery-ah N    capacity of the battery, 1 to 1000 (default 30)\n"
           "  --sensor SIDE     terminal frames measure at the module or at the battery (default "
           "module)\n"
           "  --request-soc     the BMS's request tells the state of charge\n"
           "  --bus-frames N    frames a second on a full bus, 100 to 10000 (default 1900)\n"
           "  --script FILE     carry out FILE and end; lines as on stdin\n"
           "  --check           only look whether the script can be understood\n"
           "  --events json|none  events on stdout (default json)\n"
           "  --counts MS       an event with the frames on each bus, every MS\n"
           "  --list-faults     what can be injected\n"
           "  --exit-on-eof     end when stdin ends\n"
           "  --jsonl           as --events json\n"
           "  --help            this text\n",
           CONFIG_EVSE_MODULES_MAX, evse_module_profile_at(0)->name, DEFAULT_SOC);
}

static int print_help(void)
{
    printf("Usage: holdfast sim --can SPEC [--can SPEC]... --io SPEC [OPTION]...\n"
           "Simulates the outside of a charge point in real time: power modules, battery with its "
           "BMS,\n"
           "contactor, lock, plug and emergency stop.\n\n");
    print_options();
    printf("\nSPEC of a bus (a plain path is virtual:PATH):\n");
    const station_wire_ops_t *backend;
    for (unsigned i = 0; (backend = station_backend(i)) != NULL; i++) {
        printf("  %s%s\n", backend->prefix, backend->help);
    }
    printf("\nProfiles:\n");
    const evse_module_profile_t *profile;
    for (size_t i = 0; (profile = evse_module_profile_at(i)) != NULL; i++) {
        if (is_spoken(profile)) {
            printf("  %-17s %s\n", profile->name, profile->text);
        }
    }
    printf("\n");
    station_script_help();
    printf("\nExit status: 0 ended by SIGTERM, SIGINT, quit or the script's end; 1 an expectation "
           "failed;\n"
           "2 wrong option or script; 3 a socket, file or interface is in use or cannot be had.\n");
    return TOOL_GOOD;
}

static int print_faults(void)
{
    for (unsigned bit = 0; sim_fault_name(bit) != NULL; bit++) {
        printf("%-23s %s%s\n", sim_fault_name(bit), sim_fault_text(bit),
               sim_fault_is_of_unit((sim_faults_t)1 << bit) ? " (each module, or one)" : "");
    }
    for (unsigned i = 0; station_wire_fault_name(i) != NULL; i++) {
        printf("%-23s %s\n", station_wire_fault_name(i), station_wire_fault_text(i));
    }
    return TOOL_GOOD;
}

static int take_bus(station_t *station, unsigned *count, sim_bus_t bus)
{
    const char *option = bus == SIM_BUS_BMS ? "--bms-can" : "--can";
    if (*count == CONFIG_EVSE_CONNECTORS_MAX) {
        (void)tool_fail(TOOL_USAGE, "sim", "%s: more than %d buses", option,
                        CONFIG_EVSE_CONNECTORS_MAX);
        return tool_usage_hint("sim");
    }
    unsigned connector = (*count)++;
    return station_wire_choose(&station->wire[connector * SIM_BUS_COUNT + bus], option, optarg);
}

static int take_profile(sim_options_t *options, const char *name)
{
    options->config.profile = evse_module_profile_find(name);
    if (options->config.profile == NULL) {
        (void)tool_fail(TOOL_USAGE, "sim", "--profile '%s': there is none of that name", name);
        return tool_usage_hint("sim");
    }
    if (!is_spoken(options->config.profile)) {
        return tool_fail(TOOL_USAGE, "sim", "--profile '%s': its protocol is not simulated", name);
    }
    return TOOL_GOOD;
}

/// One of two words; `second` tells which.
static int take_word(const char *option, const char *const words[2], bool *second)
{
    *second = strcmp(optarg, words[1]) == 0;
    if (!*second && strcmp(optarg, words[0]) != 0) {
        (void)tool_fail(TOOL_USAGE, "sim", "%s '%s': %s or %s is needed", option, optarg, words[0],
                        words[1]);
        return tool_usage_hint("sim");
    }
    return TOOL_GOOD;
}

static int take_number(station_t *station, sim_options_t *options, int option)
{
    static const struct number_option {
        int option;
        const char *name;
        int64_t range[2];
    } numbers[] = {
        {OPTION_MODULES, "--modules", {1, CONFIG_EVSE_MODULES_MAX}},
        {OPTION_SOC, "--soc", {1, 100}},
        {OPTION_BATTERY, "--battery-ah", {1, 1000}},
        {OPTION_BUS, "--bus-frames", {100, 10000}},
        {OPTION_COUNTS, "--counts", {10, 3600000}},
    };
    const struct number_option *known = numbers;
    while (known->option != option) {
        known++;
    }
    int64_t number = 0;
    int code = tool_number("sim", known->name, optarg, known->range, &number);
    sim_config_t *config = &options->config;
    uint32_t value = (uint32_t)number;
    if (option == OPTION_COUNTS) {
        station->counts_period_us = (uint64_t)number * STATION_US_PER_MS;
    } else if (option == OPTION_MODULES) {
        config->units = value;
    } else if (option == OPTION_SOC) {
        config->initial_soc_permille = value * 10u;
    } else if (option == OPTION_BATTERY) {
        config->battery_mAh = value * 1000u;
    } else {
        config->bus_frames_per_s = value;
    }
    return code;
}

static int take_option(station_t *station, sim_options_t *options, int option)
{
    switch (option) {
    case OPTION_CAN:
        return take_bus(station, &station->connectors, SIM_BUS_MODULE);
    case OPTION_BMS_CAN:
        return take_bus(station, &options->bms_buses, SIM_BUS_BMS);
    case OPTION_IO:
        return station_io_choose(&station->io, optarg);
    case OPTION_PROFILE:
        return take_profile(options, optarg);
    case OPTION_SENSOR:
        return take_word("--sensor", (const char *const[2]){"module", "battery"},
                         &options->config.sensor_behind_contactor);
    case OPTION_EVENTS:
        return take_word("--events", (const char *const[2]){"json", "none"}, &station->is_mute);
    case OPTION_REQUEST_SOC:
        options->config.request_soc = true;
        return TOOL_GOOD;
    case OPTION_SCRIPT:
        options->script = optarg;
        return TOOL_GOOD;
    case OPTION_CHECK:
        options->only_checks = true;
        return TOOL_GOOD;
    case OPTION_EOF:
        options->ends_with_script = true;
        return TOOL_GOOD;
    case OPTION_JSONL:
        return TOOL_GOOD;
    case '?':
        return tool_usage_hint("sim");
    default:
        return take_number(station, options, option);
    }
}

static int check_options(const station_t *station, const sim_options_t *options)
{
    if (station->connectors == 0 || station->io.path[0] == '\0') {
        (void)tool_fail(TOOL_USAGE, "sim", "--can SPEC and --io SPEC are needed");
        return tool_usage_hint("sim");
    }
    if (options->only_checks && options->script == NULL) {
        (void)tool_fail(TOOL_USAGE, "sim", "--check: --script FILE is needed");
        return tool_usage_hint("sim");
    }
    if (options->bms_buses != 0 && options->bms_buses != station->connectors) {
        (void)tool_fail(TOOL_USAGE, "sim", "--bms-can: as many as --can are needed, or none");
        return tool_usage_hint("sim");
    }
    return -1;
}

/// -1 to go on, else the exit status.
static int read_options(station_t *station, sim_options_t *options, int argc, char **argv)
{
    static char name[] = "holdfast sim"; // getopt's messages begin with it
    argv[0] = name;
    int option;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h' || option == OPTION_FAULTS) {
            return option == 'h' ? print_help() : print_faults();
        }
        int code = take_option(station, options, option);
        if (code != TOOL_GOOD) {
            return code;
        }
    }
    if (optind < argc) {
        (void)tool_fail(TOOL_USAGE, "sim", "unexpected argument '%s'", argv[optind]);
        return tool_usage_hint("sim");
    }
    return check_options(station, options);
}

uint64_t station_clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * HF_US_PER_S + (uint64_t)now.tv_nsec / 1000u;
}

static int open_sources(station_t *station)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    const struct itimerspec interval = {.it_interval = {.tv_nsec = TICK_NS},
                                        .it_value = {.tv_nsec = TICK_NS}};
    station->epoll = epoll_create1(EPOLL_CLOEXEC);
    station->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    station->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (station->epoll < 0 || station->timer < 0 || station->signals < 0 ||
        timerfd_settime(station->timer, 0, &interval, NULL) != 0 ||
        station_watch(station, station->timer, STATION_TIMER << 16) != 0 ||
        station_watch(station, station->signals, STATION_SIGNAL << 16) != 0) {
        return tool_fail(TOOL_ENVIRONMENT, "sim", "cannot set up its loop: %s", strerror(errno));
    }
    return TOOL_GOOD;
}

static void tick(station_t *station)
{
    uint64_t expirations;
    (void)!read(station->timer, &expirations, sizeof expirations);
    station_io_catch_up(station); // before time passes: see drive()
    station->now_us = station_clock_us();
    for (unsigned c = 0; c < station->connectors; c++) {
        sim_outlet_step(&station->outlet[c], station->now_us);
    }
    if (station->counts_period_us != 0 && station->now_us >= station->counts_us) {
        station->counts_us = station->now_us + station->counts_period_us;
        station_tell_frames(station);
    }
}

/// True when it was the tick.
static bool dispatch(station_t *station, uint32_t tag)
{
    unsigned wire = tag >> 8 & 0xFFu, client = tag & 0xFFu;
    switch ((station_source_t)(tag >> 16)) {
    case STATION_TIMER:
        tick(station);
        return true;
    case STATION_SIGNAL:
        station->ends = true;
        break;
    case STATION_WIRE:
        // Of two events of one round the first may have ended what the second is about.
        if (client == STATION_LISTENER || station->wire[wire].client[client] >= 0) {
            station->wire[wire].ops->receive(station, &station->wire[wire], client);
        }
        break;
    case STATION_IO:
        if (client == STATION_LISTENER || station->io.client >= 0) {
            station_io_receive(station, client);
        }
        break;
    }
    return false;
}

/// What is simulated is wire and hardware, never late: on a busy machine its silence would be an emergency stop. Where
/// nobody may have a real-time priority it stays as it is.
static void ask_for_priority(void)
{
    const struct sched_param priority = {.sched_priority = PRIORITY};
    (void)sched_setscheduler(0, SCHED_FIFO, &priority);
}

static void run(station_t *station, const sim_options_t *options)
{
    const station_script_t *script = &station->script;
    bool ends_with_script = options->ends_with_script || options->script != NULL;
    ask_for_priority();
    station_tell_ready(station);
    while (!station->ends && !(script->is_done && ends_with_script)) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(station->epoll, events, EVENTS_MAX, -1);
        bool is_tick = false;
        for (int i = 0; i < count; i++) {
            is_tick = dispatch(station, events[i].data.u32) || is_tick;
        }
        if (is_tick) {
            station_script_receive(station);
            station_script_run(station);
        }
        station_wires_run(station, is_tick);
        for (unsigned c = 0; c < station->connectors; c++) {
            station_tell_changes(station, c);
            station_latency_tell(station, c);
        }
        station_io_send(station);
    }
}

static void init(station_t *station, const sim_options_t *options)
{
    sim_config_t config = options->config;
    config.two_buses = options->bms_buses != 0;
    station->now_us = station_clock_us();
    for (unsigned c = 0; c < station->connectors; c++) {
        sim_outlet_init(&station->outlet[c], &config);
        sim_outlet_step(&station->outlet[c], station->now_us);
        station->told[c].power_since_us = station->now_us;
    }
}

static int open_everything(station_t *station, const sim_options_t *options)
{
    int code = open_sources(station);
    if (code == TOOL_GOOD) {
        init(station, options);
        code = options->script != NULL ? station_script_load(station, options->script) : TOOL_GOOD;
    }
    if (code != TOOL_GOOD || options->only_checks) {
        return code;
    }
    code = station_wires_open(station);
    return code == TOOL_GOOD ? station_io_open(station) : code;
}

int verb_sim(int argc, char **argv)
{
    static station_t station; // static: too large for a stack
    sim_options_t options = {.config = {.profile = evse_module_profile_at(0),
                                        .initial_soc_permille = DEFAULT_SOC * 10u}};
    for (unsigned w = 0; w < STATION_WIRES; w++) {
        station_wire_t *wire = &station.wire[w];
        wire->index = w;
        wire->listener = wire->adapter.slave = -1;
        memset(wire->client, 0xFF, sizeof wire->client); // -1
    }
    station.io.listener = station.io.client = -1;
    int code = read_options(&station, &options, argc, argv);
    if (code >= 0) {
        return code;
    }
    code = open_everything(&station, &options);
    if (code == TOOL_GOOD && !options.only_checks) {
        run(&station, &options);
        code = station.script.failures != 0 ? TOOL_FAILED : TOOL_GOOD;
    }
    station_io_close(&station);
    station_wires_close(&station);
    return code;
}
