// SPDX-License-Identifier: MIT
// Beginning and end of the demo: ports, private directory, programs. Invariant: demo_end_all() leaves nothing running or
// lying about, however far the start had come.
#include "demo.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_LIMIT_S 8u

int demo_open_signals(demo_t *demo)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    demo->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return demo->signals >= 0
               ? TOOL_GOOD
               : tool_fail(TOOL_ENVIRONMENT, "demo", "no signals: %s", strerror(errno));
}

// ---- start ----

static int make_directory(demo_t *demo)
{
    // A socket's path is short: a long runtime directory will not do.
    const char *base = getenv("XDG_RUNTIME_DIR");
    bool is_fit = base != NULL && base[0] == '/' && strlen(base) < 60 && access(base, W_OK) == 0;
    (void)snprintf(demo->directory, sizeof demo->directory, "%s/holdfast-XXXXXX",
                   is_fit ? base : "/tmp");
    if (mkdtemp(demo->directory) == NULL) {
        demo->directory[0] = '\0';
        return tool_fail(TOOL_ENVIRONMENT, "demo", "no private directory in %s: %s",
                         is_fit ? base : "/tmp", strerror(errno));
    }
    return TOOL_GOOD;
}

static int find_programs(demo_t *demo)
{
    ssize_t length = readlink("/proc/self/exe", demo->programs, sizeof demo->programs - 1);
    char *slash = length > 0 ? memrchr(demo->programs, '/', (size_t)length) : NULL;
    if (slash == NULL) {
        return tool_fail(TOOL_ENVIRONMENT, "demo", "cannot find out where this program is");
    }
    *slash = '\0';
    char path[2 * DEMO_PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/holdfastd", demo->programs);
    return access(path, X_OK) == 0
               ? TOOL_GOOD
               : tool_fail(TOOL_ENVIRONMENT, "demo", "the charge point is not built: no %s", path);
}

static int start(demo_t *demo, demo_who_t who, char *const argv[])
{
    return demo_child_start(&demo->child[who], argv) == HF_OK
               ? TOOL_GOOD
               : tool_fail(TOOL_ENVIRONMENT, "demo", "cannot start %s: %s", demo_program_names[who],
                           strerror(errno));
}

// Of the simulated module; on a physical bus it has to be named.
#define PROFILE        "m33-1024"
#define ARGUMENT_BYTES (DEMO_PATH_BYTES + 32u)

static bool is_vehicle_ready(const demo_t *demo)
{
    return demo->vehicle_ready;
}

// "socketcan:CHARGER,VEHICLE": two interfaces of one bus, each is told its own.
static void name_interface(const char *bus, demo_who_t who, char spec[ARGUMENT_BYTES])
{
    const char *comma = strchr(bus, ',');
    if (comma != NULL && who == DEMO_VEHICLE) {
        (void)snprintf(spec, ARGUMENT_BYTES, "socketcan:%s", comma + 1);
    } else {
        (void)snprintf(spec, ARGUMENT_BYTES, "%.*s", (int)strcspn(bus, ","), bus);
    }
}

// The bus between the two, as each is told: a kernel's, or one of the vehicle's making in the private directory.
static void name_bus(const demo_t *demo, demo_who_t who, char spec[ARGUMENT_BYTES])
{
    const char *bus = demo->options.bus != NULL ? demo->options.bus : "virtual";
    if (strncmp(bus, "socketcan:", strlen("socketcan:")) == 0) {
        name_interface(bus, who, spec);
    } else if (strcmp(bus, "slcan") == 0) {
        (void)snprintf(spec, ARGUMENT_BYTES, "%s:%s/can1",
                       who == DEMO_VEHICLE ? "slcan-pty" : "slcan", demo->directory);
    } else {
        (void)snprintf(spec, ARGUMENT_BYTES, "virtual:%s/can1", demo->directory);
    }
}

static int start_vehicle(demo_t *demo)
{
    char program[ARGUMENT_BYTES], can[ARGUMENT_BYTES], io[ARGUMENT_BYTES];
    (void)snprintf(program, sizeof program, "%s/holdfast", demo->programs);
    name_bus(demo, DEMO_VEHICLE, can);
    (void)snprintf(io, sizeof io, "%s/io", demo->directory);
    char *const argv[] = {program,
                          (char[]){"sim"},
                          (char[]){"--can"},
                          can,
                          (char[]){"--io"},
                          io,
                          (char[]){"--exit-on-eof"},
                          NULL};
    int code = start(demo, DEMO_VEHICLE, argv);
    return code == TOOL_GOOD ? demo_await(demo, is_vehicle_ready, DEMO_START_LIMIT_S, "the vehicle")
                             : code;
}

static bool is_central_ready(const demo_t *demo)
{
    return demo->central_port != 0;
}

static int start_central(demo_t *demo)
{
    char program[ARGUMENT_BYTES], port[8];
    uint16_t number = demo->options.csms_port;
    if (number != 0 && demo_port_probe("127.0.0.1", &number) != HF_OK) {
        return tool_fail(TOOL_ENVIRONMENT, "demo",
                         "port %u on 127.0.0.1 is in use: the central system cannot have it",
                         number);
    }
    (void)snprintf(program, sizeof program, "%s/holdfast", demo->programs);
    (void)snprintf(port, sizeof port, "%u", number);
    char *const argv[] = {program, (char[]){"csms"},    (char[]){"--port"},
                          port,    (char[]){"--jsonl"}, NULL};
    int code = start(demo, DEMO_CENTRAL, argv);
    return code == TOOL_GOOD
               ? demo_await(demo, is_central_ready, DEMO_START_LIMIT_S, "the central system")
               : code;
}

static int start_charger(demo_t *demo)
{
    const demo_options_t *options = &demo->options;
    char program[ARGUMENT_BYTES], csms[DEMO_PATH_BYTES], can[ARGUMENT_BYTES], io[ARGUMENT_BYTES];
    char state[ARGUMENT_BYTES], http[ARGUMENT_BYTES], id[64];
    (void)snprintf(program, sizeof program, "%s/holdfastd", demo->programs);
    (void)snprintf(csms, sizeof csms, "ws://127.0.0.1:%u", demo->central_port);
    name_bus(demo, DEMO_CHARGER, can);
    (void)snprintf(io, sizeof io, "socket:%s/io", demo->directory);
    (void)snprintf(state, sizeof state, "%s/state", demo->directory);
    (void)snprintf(http, sizeof http, "%s:%u", options->http_host, options->http_port);
    (void)snprintf(id, sizeof id, "%s", options->id);
    if (options->csms != NULL) {
        (void)snprintf(csms, sizeof csms, "%s", options->csms);
    }
    if (options->state != NULL) {
        (void)snprintf(state, sizeof state, "%s", options->state);
    }
    (void)mkdir(state, 0700); // if that fails, holdfastd says why
    char *const argv[] = {program,
                          (char[]){"--csms"},
                          csms,
                          (char[]){"--id"},
                          id,
                          (char[]){"--can"},
                          can,
                          (char[]){"--io"},
                          io,
                          (char[]){"--state"},
                          state,
                          (char[]){"--http"},
                          http,
                          (char[]){"--profile"},
                          (char[]){PROFILE},
                          NULL};
    return start(demo, DEMO_CHARGER, argv);
}

static int check_page_port(demo_t *demo)
{
    demo_options_t *options = &demo->options;
    if (demo_port_probe(options->http_host, &options->http_port) == HF_OK) {
        return TOOL_GOOD;
    }
    return tool_fail(TOOL_ENVIRONMENT, "demo",
                     "port %u on %s is in use: the status page cannot have it (choose another with "
                     "--http)",
                     options->http_port, options->http_host);
}

int demo_start_all(demo_t *demo)
{
    int code = find_programs(demo);
    if (code == TOOL_GOOD) {
        code = check_page_port(demo);
    }
    if (code == TOOL_GOOD) {
        code = make_directory(demo);
    }
    if (code == TOOL_GOOD) {
        code = start_vehicle(demo);
    }
    if (code == TOOL_GOOD && demo->options.csms == NULL) {
        code = start_central(demo);
    }
    return code == TOOL_GOOD ? start_charger(demo) : code;
}

// ---- end ----

static void end_child(demo_t *demo, demo_who_t who)
{
    demo_child_t *child = &demo->child[who];
    uint64_t until_us = demo_clock_us() + END_LIMIT_S * DEMO_US_PER_S;
    unsigned patience = demo->interrupts + 1u; // another Ctrl-C cuts it short
    if (child->pid != 0 && !child->ended) {
        (void)kill(child->pid, SIGTERM);
    }
    while (!demo_child_is_over(child) && demo_clock_us() < until_us &&
           demo->interrupts < patience) {
        demo_turn(demo);
    }
    if (child->pid != 0 && !child->ended) {
        (void)kill(child->pid, SIGKILL);
        child->ended = waitpid(child->pid, &child->status, 0) > 0;
    }
    demo_child_close(child);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void demo_end_all(demo_t *demo)
{
    // The last line is the result; only who interrupts wants to see how it ends.
    demo->timeline.muted = demo->session_complete || demo->interrupts == 0;
    // The charge point first, while the others still answer it.
    end_child(demo, DEMO_CHARGER);
    end_child(demo, DEMO_CENTRAL);
    end_child(demo, DEMO_VEHICLE);
    demo_timeline_print(&demo->timeline, true);
    if (demo->directory[0] == '\0') {
        return;
    }
    if (demo->options.keep) {
        printf("kept: %s\n", demo->directory);
    } else {
        (void)nftw(demo->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
}
