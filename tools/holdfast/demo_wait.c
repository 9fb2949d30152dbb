// SPDX-License-Identifier: MIT
// Waiting: what the children say is heard, signals are counted, and the charger is asked how it is, while time passes.
// Invariants: every wait ends at its limit, at the demo's, when a program ended unasked or the user interrupts.
#include "demo.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define VIEW_PERIOD_US  200000u
#define GAUGE_PERIOD_US 2000000u
#define POLL_MS         50
// What holdfastd ends with, after sysexits.h.
#define DAEMON_USAGE    64
#define DAEMON_NO_PORT  69
#define DAEMON_SOFTWARE 70
#define DAEMON_IO       74
#define DAEMON_CONFIG   78

const char *const demo_program_names[DEMO_CHILDREN] = {
    [DEMO_VEHICLE] = "the vehicle (holdfast sim)",
    [DEMO_CENTRAL] = "the central system (holdfast csms)",
    [DEMO_CHARGER] = "the charge point (holdfastd)",
};

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
void demo_turn(demo_t *demo)
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
    demo_timeline_print(&demo->timeline, false);
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

demo_wait_end_t demo_wait(demo_t *demo, bool (*is_reached)(const demo_t *demo), uint64_t limit_s)
{
    uint64_t until_us =
        limit_s == DEMO_FOREVER ? DEMO_FOREVER : demo_clock_us() + limit_s * DEMO_US_PER_S;
    until_us = until_us < demo->deadline_us ? until_us : demo->deadline_us;
    for (;;) {
        demo_turn(demo);
        if (is_broken(demo)) {
            return DEMO_BROKEN;
        }
        observe(demo);
        if (is_reached != NULL && is_reached(demo)) {
            return DEMO_REACHED;
        }
        if (demo_clock_us() >= until_us) {
            return DEMO_TIMEOUT;
        }
    }
}

/// Our exit status for one of a program that should have gone on.
static int meaning_of(int status)
{
    bool is_environment =
        status == TOOL_ENVIRONMENT ||
        (status >= DAEMON_NO_PORT && status <= DAEMON_IO && status != DAEMON_SOFTWARE);
    bool is_usage = status == DAEMON_USAGE || status == DAEMON_CONFIG;
    return is_environment ? TOOL_ENVIRONMENT : is_usage ? TOOL_USAGE : TOOL_FAILED;
}

/// Why nothing goes on: an interrupt, or a program that ended.
int demo_explain_broken(demo_t *demo)
{
    demo_timeline_print(&demo->timeline, true);
    if (demo->interrupts != 0) {
        return demo->session_complete ? TOOL_GOOD : TOOL_INTERRUPTED;
    }
    unsigned who = fallen_child(demo);
    const demo_child_t *child = &demo->child[who];
    bool is_exit = WIFEXITED(child->status);
    int status = is_exit ? WEXITSTATUS(child->status) : WTERMSIG(child->status);
    int code = is_exit ? meaning_of(status) : TOOL_FAILED;
    return tool_fail(code, "demo", "%s ended by %s %d%s%s", demo_program_names[who],
                     is_exit ? "itself with status" : "signal", status,
                     child->last_words[0] != '\0' ? ": " : "", child->last_words);
}

int demo_explain(demo_t *demo, demo_wait_end_t end, const char *awaited)
{
    if (end == DEMO_BROKEN) {
        return demo_explain_broken(demo);
    }
    demo_timeline_print(&demo->timeline, true);
    return tool_fail(TOOL_FAILED, "demo",
                     "the session failed: no sign of %s (connector %s, link %s)", awaited,
                     demo->view.state[0] != '\0' ? demo->view.state : "unknown",
                     demo->view.link[0] != '\0' ? demo->view.link : "unknown");
}

int demo_await(demo_t *demo, bool (*is_reached)(const demo_t *demo), uint64_t limit_s,
               const char *awaited)
{
    demo_wait_end_t end = demo_wait(demo, is_reached, limit_s);
    return end == DEMO_REACHED ? TOOL_GOOD : demo_explain(demo, end, awaited);
}
