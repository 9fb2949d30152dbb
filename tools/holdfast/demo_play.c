// SPDX-License-Identifier: MIT
// The play itself: start, session, stay, end.
//
// Goals: one session from plug to Available, whoever the central system is; a failure is one clear sentence and an exit
// status; nothing is left running or lying about.
// Assumptions: holdfastd tells of itself at /api/status; the vehicle and our central system by events.
// Invariants: every wait has a limit (but for a foreign central system without --once) and ends when a program ended
// or the user interrupts; the vehicle is only unplugged after the session has ended, as a locked plug demands.
#include "demo.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define US_PER_S         1000000u
#define FOREVER          UINT64_MAX
#define WHOLE_LIMIT_S    110u // and the energy phase: 120 s by default
#define START_LIMIT_S    10u
#define STEP_LIMIT_S     30u
#define REPORT_AFTER_S   8u // no way to the central system
#define DRIVER_PATIENT_S 20u
#define VIEW_PERIOD_US   200000u
#define GAUGE_PERIOD_US  2000000u
#define POLL_MS          50
#define END_LIMIT_S      8u
#define DAEMON_USAGE     64
#define DAEMON_NO_PORT   69
#define DAEMON_CONFIG    78

static const char *const program_names[DEMO_CHILDREN] = {
    [DEMO_VEHICLE] = "the vehicle (holdfast sim)",
    [DEMO_CENTRAL] = "the central system (holdfast csms)",
    [DEMO_CHARGER] = "the charge point (holdfastd)",
};

typedef enum wait_end { WAIT_REACHED, WAIT_TIMEOUT, WAIT_BROKEN } wait_end_t;

static int fail(int code, const char *sentence)
{
    return tool_fail(code, "demo", "%s", sentence);
}

// ---- what the children say ----

static void keep_last_words(demo_t *demo, demo_who_t who, const char *line)
{
    if (line[0] != '\0') {
        (void)snprintf(demo->child[who].last_words, sizeof demo->child[who].last_words, "%s",
                       demo_timeline_text(line));
    }
    demo_timeline_log(&demo->timeline, who, line);
}

static void vehicle_complains(void *ctx, const char *line)
{
    keep_last_words(ctx, DEMO_VEHICLE, line);
}

static void central_complains(void *ctx, const char *line)
{
    keep_last_words(ctx, DEMO_CENTRAL, line);
}

static void charger_says(void *ctx, const char *line)
{
    keep_last_words(ctx, DEMO_CHARGER, line);
}

static void vehicle_tells(void *ctx, const char *line)
{
    demo_t *demo = ctx;
    hf_json_t event;
    if (hf_json_parse(line, strlen(line), &event) == HF_OK) {
        demo->vehicle_ready |= hf_json_is_string(hf_json_member(event, "event"), "ready");
        demo_timeline_vehicle(&demo->timeline, event);
    }
}

static void central_tells(void *ctx, const char *line)
{
    demo_t *demo = ctx;
    hf_json_t event;
    int64_t port;
    if (hf_json_parse(line, strlen(line), &event) != HF_OK) {
        return;
    }
    if (hf_json_is_string(hf_json_member(event, "event"), "listening") &&
        hf_json_i64(hf_json_member(event, "port"), &port) == HF_OK) {
        demo->central_port = (uint16_t)port;
    }
    demo_timeline_central(&demo->timeline, event);
}

static void listen_to_children(demo_t *demo)
{
    static void (*const out[DEMO_CHILDREN])(void *ctx, const char *line) = {
        vehicle_tells, central_tells, charger_says};
    static void (*const err[DEMO_CHILDREN])(void *ctx, const char *line) = {
        vehicle_complains, central_complains, charger_says};
    for (unsigned i = 0; i < DEMO_CHILDREN; i++) {
        if (demo->child[i].pid != 0) {
            demo_pipe_read(&demo->child[i].out, out[i], demo);
            demo_pipe_read(&demo->child[i].err, err[i], demo);
            demo_child_reap(&demo->child[i]);
        }
    }
}

// ---- waiting ----

static void take_signals(demo_t *demo)
{
    struct signalfd_siginfo info;
    while (read(demo->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        demo->interrupts += info.ssi_signo != SIGCHLD ? 1u : 0u;
    }
}

/// Lets some time pass: at most POLL_MS.
static void turn(demo_t *demo)
{
    struct pollfd fds[1 + 2 * DEMO_CHILDREN] = {{.fd = demo->signals, .events = POLLIN}};
    for (unsigned i = 0; i < DEMO_CHILDREN; i++) {
        bool is_there = demo->child[i].pid != 0;
        fds[1 + 2 * i] =
            (struct pollfd){.fd = is_there ? demo->child[i].out.fd : -1, .events = POLLIN};
        fds[2 + 2 * i] =
            (struct pollfd){.fd = is_there ? demo->child[i].err.fd : -1, .events = POLLIN};
    }
    (void)poll(fds, HF_COUNT_OF(fds), POLL_MS);
    take_signals(demo);
    listen_to_children(demo);
}

static void observe(demo_t *demo)
{
    uint64_t now_us = demo_clock_us();
    if (demo->child[DEMO_CHARGER].pid != 0 && now_us >= demo->view_due_us) {
        demo_view_update(&demo->view, demo->options.http_host, demo->options.http_port);
        demo->view_due_us = demo_clock_us() + VIEW_PERIOD_US;
    }
    if (demo->timeline.power_mW == 0) {
        demo->gauge_due_us = now_us + GAUGE_PERIOD_US;
    } else if (now_us >= demo->gauge_due_us) {
        demo_child_tell(&demo->child[DEMO_VEHICLE], "status");
        demo->gauge_due_us = now_us + GAUGE_PERIOD_US;
    }
}

/// The first program that has ended though nobody asked it to; DEMO_CHILDREN when all are well.
static unsigned fallen_child(const demo_t *demo)
{
    unsigned i = 0;
    while (i < DEMO_CHILDREN && (demo->child[i].pid == 0 || !demo_child_is_over(&demo->child[i]))) {
        i++;
    }
    return i;
}

static bool is_broken(const demo_t *demo)
{
    return demo->interrupts != 0 || fallen_child(demo) != DEMO_CHILDREN;
}

static wait_end_t wait_for(demo_t *demo, bool (*is_reached)(const demo_t *demo), uint64_t limit_s)
{
    uint64_t until_us = limit_s == FOREVER ? FOREVER : demo_clock_us() + limit_s * US_PER_S;
    until_us = until_us < demo->deadline_us ? until_us : demo->deadline_us;
    for (;;) {
        turn(demo);
        if (is_broken(demo)) {
            return WAIT_BROKEN;
        }
        observe(demo);
        if (is_reached != NULL && is_reached(demo)) {
            return WAIT_REACHED;
        }
        if (demo_clock_us() >= until_us) {
            return WAIT_TIMEOUT;
        }
    }
}

/// Why nothing goes on: an interrupt, or a program that ended.
static int explain_broken(const demo_t *demo)
{
    if (demo->interrupts != 0) {
        return demo->session_complete ? TOOL_GOOD : TOOL_INTERRUPTED;
    }
    unsigned who = fallen_child(demo);
    const demo_child_t *child = &demo->child[who];
    bool is_exit = WIFEXITED(child->status);
    int status = is_exit ? WEXITSTATUS(child->status) : WTERMSIG(child->status);
    int code = TOOL_FAILED;
    if (is_exit && (status == DAEMON_NO_PORT || status == TOOL_ENVIRONMENT)) {
        code = TOOL_ENVIRONMENT;
    } else if (is_exit && (status == DAEMON_CONFIG || status == DAEMON_USAGE)) {
        code = TOOL_USAGE;
    }
    return tool_fail(code, "demo", "%s ended by %s %d%s%s", program_names[who],
                     is_exit ? "itself with status" : "signal", status,
                     child->last_words[0] != '\0' ? ": " : "", child->last_words);
}

static int explain(const demo_t *demo, wait_end_t end, const char *awaited)
{
    if (end == WAIT_BROKEN) {
        return explain_broken(demo);
    }
    return tool_fail(TOOL_FAILED, "demo",
                     "the session failed: no sign of %s (connector %s, link %s)", awaited,
                     demo->view.state[0] != '\0' ? demo->view.state : "unknown",
                     demo->view.link[0] != '\0' ? demo->view.link : "unknown");
}

static int await(demo_t *demo, bool (*is_reached)(const demo_t *demo), uint64_t limit_s,
                 const char *awaited)
{
    wait_end_t end = wait_for(demo, is_reached, limit_s);
    return end == WAIT_REACHED ? TOOL_GOOD : explain(demo, end, awaited);
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
        return fail(TOOL_ENVIRONMENT, "cannot find out where this program is");
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
               : tool_fail(TOOL_ENVIRONMENT, "demo", "cannot start %s: %s", program_names[who],
                           strerror(errno));
}

#define ARGUMENT_BYTES (DEMO_PATH_BYTES + 32u)

static bool is_vehicle_ready(const demo_t *demo)
{
    return demo->vehicle_ready;
}

static int start_vehicle(demo_t *demo)
{
    char program[ARGUMENT_BYTES], can[ARGUMENT_BYTES], io[ARGUMENT_BYTES];
    (void)snprintf(program, sizeof program, "%s/holdfast", demo->programs);
    (void)snprintf(can, sizeof can, "%s/can1", demo->directory);
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
    return code == TOOL_GOOD ? await(demo, is_vehicle_ready, START_LIMIT_S, "the vehicle") : code;
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
    return code == TOOL_GOOD ? await(demo, is_central_ready, START_LIMIT_S, "the central system")
                             : code;
}

static int start_charger(demo_t *demo)
{
    const demo_options_t *options = &demo->options;
    char program[ARGUMENT_BYTES], csms[DEMO_PATH_BYTES], can[ARGUMENT_BYTES], io[ARGUMENT_BYTES];
    char state[ARGUMENT_BYTES], http[ARGUMENT_BYTES], id[64];
    (void)snprintf(program, sizeof program, "%s/holdfastd", demo->programs);
    (void)snprintf(csms, sizeof csms, "ws://127.0.0.1:%u", demo->central_port);
    (void)snprintf(can, sizeof can, "virtual:%s/can1", demo->directory);
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
    char *const argv[] = {program, (char[]){"--csms"},
                          csms,    (char[]){"--id"},
                          id,      (char[]){"--can"},
                          can,     (char[]){"--io"},
                          io,      (char[]){"--state"},
                          state,   (char[]){"--http"},
                          http,    NULL};
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

static int start_all(demo_t *demo)
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

// ---- the session ----

static bool is_accepted(const demo_t *demo)
{
    return strcmp(demo->view.link, "open") == 0 && strcmp(demo->view.registration, "accepted") == 0;
}

static bool is_available(const demo_t *demo)
{
    return strcmp(demo->view.state, "Available") == 0;
}

static bool is_preparing(const demo_t *demo)
{
    return strcmp(demo->view.state, "Preparing") == 0;
}

static bool is_charging(const demo_t *demo)
{
    return strcmp(demo->view.state, "Charging") == 0 && demo->view.power_W > 0;
}

static bool has_left_charging(const demo_t *demo)
{
    return strcmp(demo->view.state, "Charging") != 0;
}

static bool is_finishing(const demo_t *demo)
{
    return strcmp(demo->view.state, "Finishing") == 0 || is_available(demo);
}

static bool is_delivered(const demo_t *demo)
{
    return is_available(demo) && demo->view.queue == 0 && demo->view.sessions_ended > 0;
}

static int tell_unreachable(const demo_t *demo, int code)
{
    const char *why = demo->view.link_error;
    if (strcmp(demo->view.link, "open") == 0) {
        why = "connected, but the charge point is not accepted";
    }
    return tool_fail(code, "demo", "no way to the central system at %s: %s%s",
                     demo->options.csms != NULL ? demo->options.csms : "loopback",
                     why[0] != '\0' ? why : "no answer",
                     code == TOOL_GOOD ? "; still trying, Ctrl-C ends it" : "");
}

static int meet_central(demo_t *demo)
{
    wait_end_t end = wait_for(demo, is_accepted, REPORT_AFTER_S);
    // Connected but not accepted yet: the other side may take its time (Pending).
    if (end == WAIT_TIMEOUT && strcmp(demo->view.link, "open") == 0) {
        end = wait_for(demo, is_accepted, STEP_LIMIT_S);
    }
    if (end == WAIT_TIMEOUT && (demo->options.once || demo->options.csms == NULL)) {
        return tell_unreachable(demo, TOOL_ENVIRONMENT);
    }
    if (end == WAIT_TIMEOUT) {
        (void)tell_unreachable(demo, TOOL_GOOD);
        end = wait_for(demo, is_accepted, FOREVER);
    }
    return end == WAIT_REACHED ? TOOL_GOOD : explain(demo, end, "acceptance");
}

/// A foreign central system without --once may take as long as it likes.
static uint64_t limit_of(const demo_t *demo, uint64_t limit_s)
{
    return demo->options.csms != NULL ? FOREVER : limit_s;
}

static void present_card(demo_t *demo)
{
    char line[80];
    (void)snprintf(line, sizeof line, "card 1 %s", demo->options.tag);
    demo_child_tell(&demo->child[DEMO_VEHICLE], line);
}

static void tell_central(demo_t *demo, const char *format, const char *argument)
{
    char line[160];
    hf_builder_t out;
    hf_builder_init(&out, line, sizeof line);
    hf_builder_format(&out, format, demo->options.id, argument);
    demo_child_tell(&demo->child[DEMO_CENTRAL], line);
}

static int begin_session(demo_t *demo)
{
    const char *awaited = "energy";
    if (demo->options.csms == NULL) {
        tell_central(demo, "remote-start %s 1 %s", demo->options.tag);
    } else if (demo->options.tag != NULL) {
        present_card(demo);
    } else {
        awaited = "a session: the central system started none (or give --tag)";
        demo_timeline_say(&demo->timeline, DEMO_CENTRAL,
                          "its turn: start the session there (RemoteStart, connector 1)");
    }
    return await(demo, is_charging, limit_of(demo, STEP_LIMIT_S), awaited);
}

static void unplug(demo_t *demo)
{
    demo_child_tell(&demo->child[DEMO_VEHICLE], "unplug 1");
}

static int end_session(demo_t *demo)
{
    if (has_left_charging(demo)) { // it ended by itself
    } else if (demo->options.csms == NULL) {
        tell_central(demo, "remote-stop %s", "");
    } else if (demo->options.tag != NULL) {
        present_card(demo);
    } else {
        demo_timeline_say(&demo->timeline, DEMO_CENTRAL, "its turn: stop the session there");
        if (wait_for(demo, is_finishing, demo->options.once ? DRIVER_PATIENT_S : FOREVER) ==
            WAIT_TIMEOUT) {
            unplug(demo); // the driver has waited long enough
        }
    }
    return await(demo, is_finishing, limit_of(demo, STEP_LIMIT_S), "the end of the session");
}

static int play_session(demo_t *demo)
{
    int code = meet_central(demo);
    if (code == TOOL_GOOD && demo->options.csms == NULL) {
        tell_central(demo, "set-config %s MeterValueSampleInterval 2", "");
    }
    if (code == TOOL_GOOD) {
        code = await(demo, is_available, STEP_LIMIT_S, "an available connector");
    }
    if (code == TOOL_GOOD) {
        demo_child_tell(&demo->child[DEMO_VEHICLE], "plug 1");
        code = await(demo, is_preparing, START_LIMIT_S, "the plug");
    }
    if (code == TOOL_GOOD) {
        code = begin_session(demo);
    }
    if (code == TOOL_GOOD) {
        code = wait_for(demo, has_left_charging, (uint64_t)demo->options.seconds) == WAIT_BROKEN
                   ? explain_broken(demo)
                   : end_session(demo);
    }
    if (code == TOOL_GOOD) {
        unplug(demo);
        code = await(demo, is_delivered, limit_of(demo, STEP_LIMIT_S),
                     "the central system's receipt for the session");
    }
    demo->session_complete = code == TOOL_GOOD;
    return code;
}

static void print_result(const demo_t *demo)
{
    uint64_t ms = (demo_clock_us() - demo->timeline.begin_us) / 1000u;
    printf("session complete: %lld Wh\ntook %u.%u s\n", (long long)demo->view.energy_Wh,
           (unsigned)(ms / 1000u), (unsigned)(ms % 1000u / 100u));
    (void)fflush(stdout);
}

// ---- end ----

static int stay(demo_t *demo)
{
    printf("status page: http://%s:%u/\nCtrl-C ends it.\n", demo->options.http_host,
           demo->options.http_port);
    (void)fflush(stdout);
    demo->deadline_us = FOREVER;
    (void)wait_for(demo, NULL, FOREVER);
    return explain_broken(demo);
}

static void end_child(demo_t *demo, demo_who_t who)
{
    demo_child_t *child = &demo->child[who];
    uint64_t until_us = demo_clock_us() + END_LIMIT_S * US_PER_S;
    unsigned patience = demo->interrupts + 1u; // another Ctrl-C cuts it short
    if (child->pid != 0 && !child->ended) {
        (void)kill(child->pid, SIGTERM);
    }
    while (!demo_child_is_over(child) && demo_clock_us() < until_us &&
           demo->interrupts < patience) {
        turn(demo);
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

static void end_all(demo_t *demo)
{
    demo->timeline.muted |= demo->session_complete;
    // The charge point first, while the others still answer it.
    end_child(demo, DEMO_CHARGER);
    end_child(demo, DEMO_CENTRAL);
    end_child(demo, DEMO_VEHICLE);
    if (demo->directory[0] == '\0') {
        return;
    }
    if (demo->options.keep) {
        printf("kept: %s\n", demo->directory);
    } else {
        (void)nftw(demo->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    }
}

static int open_signals(demo_t *demo)
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

int demo_play(demo_t *demo)
{
    demo_timeline_init(&demo->timeline);
    bool is_bounded = demo->options.once || demo->options.csms == NULL;
    demo->deadline_us =
        is_bounded
            ? demo->timeline.begin_us + (WHOLE_LIMIT_S + (uint64_t)demo->options.seconds) * US_PER_S
            : FOREVER;
    int code = open_signals(demo);
    if (code == TOOL_GOOD) {
        code = start_all(demo);
    }
    if (code == TOOL_GOOD) {
        code = play_session(demo);
    }
    if (code == TOOL_GOOD) {
        print_result(demo);
        code = demo->options.once ? TOOL_GOOD : stay(demo);
    }
    end_all(demo);
    return code;
}
