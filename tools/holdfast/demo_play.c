// SPDX-License-Identifier: MIT
// The play itself.
//
// Goals: one session from plug to Available, whoever the central system is; a failure is one clear sentence and an exit
// status.
// Assumptions: holdfastd tells of itself at /api/status; the vehicle and our central system by events.
// Invariants: every wait has a limit, but for a foreign central system without --once; the vehicle is unplugged only
// when its plug is released, unless nobody ends the session.
#include "demo.h"

#include <stdio.h>
#include <string.h>

#define WHOLE_LIMIT_S    110u // and the energy phase: 120 s by default
#define STEP_LIMIT_S     30u
#define REPORT_AFTER_S   8u // no way to the central system
#define DRIVER_PATIENT_S 20u

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

// Suspended is a pause: the battery is full, or commissioning restarts the power.
static bool has_ended(const demo_t *demo)
{
    const char *state = demo->view.state;
    return strcmp(state, "Charging") != 0 && strncmp(state, "Suspended", 9) != 0;
}

static bool is_finishing(const demo_t *demo)
{
    return strcmp(demo->view.state, "Finishing") == 0 || is_available(demo);
}

static bool is_delivered(const demo_t *demo)
{
    return is_available(demo) && demo->view.queue == 0 && demo->view.sessions_ended > 0;
}

static bool is_released(const demo_t *demo)
{
    return !demo->timeline.is_locked && demo->timeline.power_mW == 0;
}

static int tell_unreachable(demo_t *demo, int code)
{
    demo_timeline_print(&demo->timeline, true);
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
    demo_wait_end_t end = demo_wait(demo, is_accepted, REPORT_AFTER_S);
    // Connected but not accepted yet: the other side may take its time (Pending).
    if (end == DEMO_TIMEOUT && strcmp(demo->view.link, "open") == 0) {
        end = demo_wait(demo, is_accepted, STEP_LIMIT_S);
    }
    if (end == DEMO_TIMEOUT && (demo->options.once || demo->options.csms == NULL)) {
        return tell_unreachable(demo, TOOL_ENVIRONMENT);
    }
    if (end == DEMO_TIMEOUT) {
        (void)tell_unreachable(demo, TOOL_GOOD);
        end = demo_wait(demo, is_accepted, DEMO_FOREVER);
    }
    return end == DEMO_REACHED ? TOOL_GOOD : demo_explain(demo, end, "acceptance");
}

/// A foreign central system without --once may take as long as it likes.
static uint64_t limit_of(const demo_t *demo, uint64_t limit_s)
{
    return demo->options.csms != NULL ? DEMO_FOREVER : limit_s;
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
    return demo_await(demo, is_charging, limit_of(demo, STEP_LIMIT_S), awaited);
}

static void unplug(demo_t *demo)
{
    demo_child_tell(&demo->child[DEMO_VEHICLE], "unplug 1");
}

static int end_session(demo_t *demo)
{
    if (has_ended(demo)) { // it ended by itself
    } else if (demo->options.csms == NULL) {
        tell_central(demo, "remote-stop %s", "");
    } else if (demo->options.tag != NULL) {
        present_card(demo);
    } else {
        demo_timeline_say(&demo->timeline, DEMO_CENTRAL, "its turn: stop the session there");
        if (demo_wait(demo, is_finishing, demo->options.once ? DRIVER_PATIENT_S : DEMO_FOREVER) ==
            DEMO_TIMEOUT) {
            unplug(demo); // the driver has waited long enough
        }
    }
    return demo_await(demo, is_finishing, limit_of(demo, STEP_LIMIT_S), "the end of the session");
}

static int play_session(demo_t *demo)
{
    int code = meet_central(demo);
    if (code == TOOL_GOOD && demo->options.csms == NULL) {
        tell_central(demo, "set-config %s MeterValueSampleInterval 2", "");
    }
    if (code == TOOL_GOOD) {
        code = demo_await(demo, is_available, STEP_LIMIT_S, "an available connector");
    }
    if (code == TOOL_GOOD) {
        demo_child_tell(&demo->child[DEMO_VEHICLE], "plug 1");
        code = demo_await(demo, is_preparing, DEMO_START_LIMIT_S, "the plug");
    }
    if (code == TOOL_GOOD) {
        code = begin_session(demo);
    }
    if (code == TOOL_GOOD) {
        code = demo_wait(demo, has_ended, (uint64_t)demo->options.seconds) == DEMO_BROKEN
                   ? demo_explain_broken(demo)
                   : end_session(demo);
    }
    if (code == TOOL_GOOD) {
        code = demo_await(demo, is_released, STEP_LIMIT_S, "the plug's release");
    }
    if (code == TOOL_GOOD) {
        unplug(demo);
        code = demo_await(demo, is_delivered, limit_of(demo, STEP_LIMIT_S),
                          "the central system's receipt for the session");
    }
    demo->session_complete = code == TOOL_GOOD;
    return code;
}

static void print_result(demo_t *demo)
{
    demo_timeline_print(&demo->timeline, true);
    uint64_t ms = (demo_clock_us() - demo->timeline.begin_us) / 1000u;
    printf("session complete: %lld Wh\ntook %u.%u s\n", (long long)demo->view.energy_Wh,
           (unsigned)(ms / 1000u), (unsigned)(ms % 1000u / 100u));
    (void)fflush(stdout);
}

static int stay(demo_t *demo)
{
    printf("status page: http://%s:%u/\nCtrl-C ends it.\n", demo->options.http_host,
           demo->options.http_port);
    (void)fflush(stdout);
    demo->deadline_us = DEMO_FOREVER;
    (void)demo_wait(demo, NULL, DEMO_FOREVER);
    return demo_explain_broken(demo);
}

int demo_play(demo_t *demo)
{
    demo_timeline_init(&demo->timeline);
    bool is_bounded = demo->options.once || demo->options.csms == NULL;
    demo->deadline_us = is_bounded
                            ? demo->timeline.begin_us +
                                  (WHOLE_LIMIT_S + (uint64_t)demo->options.seconds) * DEMO_US_PER_S
                            : DEMO_FOREVER;
    int code = demo_open_signals(demo);
    if (code == TOOL_GOOD) {
        code = demo_start_all(demo);
    }
    if (code == TOOL_GOOD) {
        code = play_session(demo);
    }
    if (code == TOOL_GOOD) {
        print_result(demo);
        code = demo->options.once ? TOOL_GOOD : stay(demo);
    }
    demo_end_all(demo);
    return code;
}
