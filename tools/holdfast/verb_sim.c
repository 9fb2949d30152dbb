// SPDX-License-Identifier: MIT
// `holdfast sim`: options, the loop. A tick of 2 ms steps the outlets to the clock; frames are passed on at once.
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
} sim_options_t;

enum {
    OPTION_CAN = 256,
    OPTION_IO,
    OPTION_PROFILE,
    OPTION_SOC,
    OPTION_BATTERY,
    OPTION_EOF,
    OPTION_JSONL
};

static const struct option long_options[] = {
    {"can", required_argument, NULL, OPTION_CAN},
    {"io", required_argument, NULL, OPTION_IO},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"soc", required_argument, NULL, OPTION_SOC},
    {"battery-ah", required_argument, NULL, OPTION_BATTERY},
    {"exit-on-eof", no_argument, NULL, OPTION_EOF},
    {"jsonl", no_argument, NULL, OPTION_JSONL},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int print_help(void)
{
    printf(
        "Usage: holdfast sim --can PATH [--can PATH]... --io PATH [OPTION]...\n"
        "Simulates the outside of a charge point in real time: power module, battery with its "
        "BMS,\n"
        "contactor, lock, plug and emergency stop.\n\n"
        "  --can PATH        socket of a virtual CAN bus to listen on; the nth is connector n's\n"
        "  --io PATH         socket of the inputs and outputs to listen on\n"
        "  --profile NAME    scaling of the power module (default %s)\n"
        "  --soc PERCENT     charge of the battery at each plug-in, 1 to 100 (default %d)\n"
        "  --battery-ah N    capacity of the battery, 1 to 1000 (default 30)\n"
        "  --exit-on-eof     end when stdin ends\n"
        "  --jsonl           JSON Lines on stdout (always so)\n"
        "  --help            this text\n\n"
        "Profiles:\n",
        evse_module_profile_at(0)->name, DEFAULT_SOC);
    const evse_module_profile_t *profile;
    for (size_t i = 0; (profile = evse_module_profile_at(i)) != NULL; i++) {
        printf("  %-17s %s\n", profile->name, profile->text);
    }
    printf("\nLines on stdin:\n"
           "  plug N | unplug N | card N TAG | fault N NAME on|off | estop on|off | reset on|off\n"
           "  status | quit\n"
           "Faults:");
    for (unsigned bit = 0; sim_fault_name(bit) != NULL; bit++) {
        printf("%s %s", bit == 6 ? "\n       " : "", sim_fault_name(bit));
    }
    printf("\n\nExit status: 0 ended by SIGTERM, SIGINT or quit; 2 wrong option; 3 a socket is in "
           "use or\n"
           "cannot be made.\n");
    return TOOL_GOOD;
}

static int take_path(char out[STATION_PATH_BYTES], const char *option, const char *path)
{
    if (path[0] == '\0' || strlen(path) >= STATION_PATH_BYTES) {
        (void)tool_fail(TOOL_USAGE, "sim", "%s '%s': a path of 1 to %u characters is needed",
                        option, path, STATION_PATH_BYTES - 1u);
        return tool_usage_hint("sim");
    }
    memcpy(out, path, strlen(path) + 1);
    return TOOL_GOOD;
}

static int take_bus(station_t *station, const char *path)
{
    if (station->connectors == CONFIG_EVSE_CONNECTORS_MAX) {
        (void)tool_fail(TOOL_USAGE, "sim", "more than %d buses", CONFIG_EVSE_CONNECTORS_MAX);
        return tool_usage_hint("sim");
    }
    return take_path(station->bus[station->connectors++].path, "--can", path);
}

static int take_profile(sim_options_t *options, const char *name)
{
    options->config.profile = evse_module_profile_find(name);
    if (options->config.profile == NULL) {
        (void)tool_fail(TOOL_USAGE, "sim", "--profile '%s': there is none of that name", name);
        return tool_usage_hint("sim");
    }
    return TOOL_GOOD;
}

static int take_option(station_t *station, sim_options_t *options, int option)
{
    int64_t number = 0;
    int code = TOOL_GOOD;
    switch (option) {
    case OPTION_CAN:
        return take_bus(station, optarg);
    case OPTION_IO:
        return take_path(station->io.path, "--io", optarg);
    case OPTION_PROFILE:
        return take_profile(options, optarg);
    case OPTION_SOC:
        code = tool_number("sim", "--soc", optarg, (const int64_t[2]){1, 100}, &number);
        options->config.initial_soc_permille = (uint32_t)number * 10u;
        return code;
    case OPTION_BATTERY:
        code = tool_number("sim", "--battery-ah", optarg, (const int64_t[2]){1, 1000}, &number);
        options->config.battery_mAh = (uint32_t)number * 1000u;
        return code;
    case OPTION_EOF:
        options->ends_with_script = true;
        return TOOL_GOOD;
    case OPTION_JSONL:
        return TOOL_GOOD;
    default:
        return tool_usage_hint("sim");
    }
}

/// -1 to go on, else the exit status.
static int read_options(station_t *station, sim_options_t *options, int argc, char **argv)
{
    static char name[] = "holdfast sim"; // getopt's messages begin with it
    argv[0] = name;
    int option;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h') {
            return print_help();
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
    if (station->connectors == 0 || station->io.path[0] == '\0') {
        (void)tool_fail(TOOL_USAGE, "sim", "--can PATH and --io PATH are needed");
        return tool_usage_hint("sim");
    }
    return -1;
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
    // A plain file cannot be watched, and needs not: it is read whole at once.
    station->script_is_file = station_watch(station, STDIN_FILENO, STATION_SCRIPT << 16) != 0;
    return TOOL_GOOD;
}

static void tick(station_t *station)
{
    uint64_t expirations;
    (void)!read(station->timer, &expirations, sizeof expirations);
    if (station->io.client >= 0) {
        station_io_receive(station); // before time passes: see drive()
    }
    station->now_us = station_clock_us();
    for (unsigned c = 0; c < station->connectors; c++) {
        sim_outlet_step(&station->outlet[c], station->now_us);
    }
}

static void dispatch(station_t *station, uint32_t tag)
{
    unsigned connector = tag >> 8 & 0xFFu;
    switch ((station_source_t)(tag >> 16)) {
    case STATION_TIMER:
        tick(station);
        break;
    case STATION_SIGNAL:
        station->ends = true;
        break;
    case STATION_SCRIPT:
        station_script_receive(station);
        break;
    case STATION_CAN_LISTENER:
        station_can_accept(station, connector);
        break;
    case STATION_CAN_CLIENT:
        station_can_receive(station, connector, tag & 0xFFu);
        break;
    case STATION_IO_LISTENER:
        station_io_accept(station);
        break;
    case STATION_IO_CLIENT:
        station_io_receive(station);
        break;
    }
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
    ask_for_priority();
    station_tell_ready(station);
    while (station->script_is_file && !station->script_ended && !station->ends) {
        station_script_receive(station);
    }
    while (!station->ends && !(station->script_ended && options->ends_with_script)) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(station->epoll, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            dispatch(station, events[i].data.u32);
        }
        for (unsigned c = 0; c < station->connectors; c++) {
            station_can_send(station, c);
            station_tell_changes(station, c);
        }
        station_io_send(station);
    }
}

static void init(station_t *station, const sim_options_t *options)
{
    station->now_us = station_clock_us();
    for (unsigned c = 0; c < station->connectors; c++) {
        sim_outlet_init(&station->outlet[c], &options->config);
        sim_outlet_step(&station->outlet[c], station->now_us);
    }
}

int verb_sim(int argc, char **argv)
{
    static station_t station; // static: too large for a stack
    sim_options_t options = {.config = {.profile = evse_module_profile_at(0),
                                        .initial_soc_permille = DEFAULT_SOC * 10u}};
    for (unsigned c = 0; c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        station.bus[c].listener = -1;
        memset(station.bus[c].client, 0xFF, sizeof station.bus[c].client); // -1
    }
    station.io.listener = station.io.client = -1;
    int code = read_options(&station, &options, argc, argv);
    if (code >= 0) {
        return code;
    }
    code = open_sources(&station);
    if (code == TOOL_GOOD) {
        init(&station, &options);
        code = station_sockets_open(&station);
    }
    if (code == TOOL_GOOD) {
        run(&station, &options);
    }
    station_sockets_close(&station);
    return code;
}
