// SPDX-License-Identifier: MIT
// How a run begins: the device is opened, restarted, has an address, is ready. What runs out here is no finding about
// memory: it is the environment (nothing was heard at all) or leaves the run inconclusive; nothing goes on silently.
#include "lab_engine.h"

#include <string.h>
#include <unistd.h>

#define RESET_LIMIT_S  20.0
#define READY_LIMIT_S  30.0
#define LINE_RESET_S   5.0
#define LISTEN_FIRST_S 0.3

enum { CASE_OPEN, CASE_RESET, CASE_IP, CASE_READY };

typedef struct kinds_since {
    uint32_t kinds;
    uint64_t mark;
} kinds_since_t;

static bool is_seen(lab_engine_t *engine, const void *what)
{
    const kinds_since_t *since = what;
    return lab_engine_has_seen(engine, since->kinds, since->mark);
}

static bool await_kinds(lab_engine_t *engine, uint32_t kinds, double limit_s)
{
    const kinds_since_t since = {.kinds = kinds, .mark = engine->reset_mark};
    return lab_engine_wait(engine, limit_s, is_seen, &since);
}

static double at_most(double a, double b)
{
    return a < b ? a : b;
}

static void settle(lab_engine_t *engine, unsigned which, lab_step_result_t result, double begun_ts)
{
    lab_step_t *step = engine->prologue[which];
    step->result = result;
    step->seconds = lab_now() - begun_ts;
    (void)snprintf(step->why, sizeof step->why, "%s", engine->why);
    lab_progress_done(engine->progress, step);
    engine->why[0] = '\0';
}

/// The prologue ends here: the case stays planned, with the reason. Nothing heard at all is the environment's.
static int give_up(lab_engine_t *engine, unsigned which, double begun_ts)
{
    if (lab_engine_is_interrupted()) {
        return LAB_INTERRUPTED;
    }
    if (engine->stopped != LAB_PASS) {
        return engine->stopped; // the sentence is said
    }
    const char *refused = engine->device.refused;
    if (refused[0] != '\0') {
        (void)lab_engine_bad(engine, "%s", refused);
        lab_run_inconclusive(engine->run, "%s", engine->why);
        settle(engine, which, LAB_STEP_PLANNED, begun_ts);
        return lab_fail(engine->device.refused_code, "run", "%s", refused);
    }
    int code = engine->lines == 0 ? LAB_ENVIRONMENT : LAB_INCONCLUSIVE;
    lab_run_inconclusive(engine->run, "%s", engine->why);
    char why[256];
    (void)snprintf(why, sizeof why, "%s", engine->why);
    settle(engine, which, LAB_STEP_PLANNED, begun_ts);
    return lab_fail(code, "run", "%s%s", why,
                    engine->lines == 0 ? "; the device says nothing at all" : "");
}

// ---- reset ----

static bool is_interactive(const lab_engine_t *engine)
{
    return !engine->options->non_interactive && isatty(STDIN_FILENO) == 1;
}

/// Who cannot be asked may have been switched on just now: it is waited for all the same.
static bool prompt_for_reset(lab_engine_t *engine, double limit_s)
{
    if (is_interactive(engine)) {
        lab_progress_say(engine->progress, "  Please press RESET on the device (waiting %.0f s)",
                         engine->options->timeout_s);
        limit_s = engine->options->timeout_s;
    }
    return await_kinds(engine, LAB_START_KINDS, limit_s);
}

/// By its own hand, by the line of the port, by the user's.
static bool reset_device(lab_engine_t *engine)
{
    double limit_s = at_most(RESET_LIMIT_S, engine->options->timeout_s);
    char url[320];
    lab_run_expect_reset(engine->run);
    engine->reset_mark = engine->lines;
    if (lab_engine_url(engine, "/api/reboot", url, sizeof url)) {
        lab_engine_ask_reboot(engine);
        if (await_kinds(engine, LAB_START_KINDS, limit_s)) {
            return true;
        }
    }
    if (engine->device.ops->reset != NULL && engine->device.config.kind != LAB_SIM &&
        engine->device.ops->reset(&engine->device) == 0 &&
        await_kinds(engine, LAB_START_KINDS, LINE_RESET_S)) {
        return true;
    }
    return prompt_for_reset(engine, limit_s);
}

/// A device that has just been switched on by us needs no reset.
static bool is_fresh(const lab_engine_t *engine)
{
    return engine->device.config.kind == LAB_SIM || engine->device.config.kind == LAB_STEPPED;
}

static int case_reset(lab_engine_t *engine)
{
    double begun_ts = lab_now();
    lab_progress_doing(engine->progress, engine->prologue[CASE_RESET]->title);
    if (engine->options->no_reboot && !is_fresh(engine)) {
        (void)lab_engine_bad(engine, "--no-reboot");
        settle(engine, CASE_RESET, LAB_STEP_SKIPPED, begun_ts);
        return LAB_PASS;
    }
    if (!is_fresh(engine)) {
        lab_engine_pass_time(engine, LISTEN_FIRST_S);
    }
    bool is_reset = is_fresh(engine) ? await_kinds(engine, LAB_START_KINDS, RESET_LIMIT_S)
                                     : reset_device(engine);
    if (!is_reset) {
        (void)lab_engine_bad(engine, "no restart was seen (neither ROM, rst: nor System Boot)");
        return give_up(engine, CASE_RESET, begun_ts);
    }
    settle(engine, CASE_RESET, LAB_STEP_PASSED, begun_ts);
    lab_engine_pause(engine, "after_reboot");
    return LAB_PASS;
}

// ---- address and readiness ----

static bool was_reset(const lab_engine_t *engine)
{
    return engine->prologue[CASE_RESET]->result == LAB_STEP_PASSED;
}

static int case_ip(lab_engine_t *engine)
{
    double begun_ts = lab_now();
    lab_progress_doing(engine->progress, engine->prologue[CASE_IP]->title);
    bool is_told = lab_engine_has_seen(engine, 1u << LAB_LINE_IP, engine->reset_mark);
    if (!is_told && was_reset(engine)) {
        is_told = await_kinds(engine, 1u << LAB_LINE_IP, engine->options->timeout_s);
    }
    if (!is_told && engine->ip[0] == '\0') {
        (void)lab_engine_bad(engine, "the device told no address ('Got IP:') and none was given");
        if (engine->scenario->needs_http) {
            return give_up(engine, CASE_IP, begun_ts);
        }
        settle(engine, CASE_IP, LAB_STEP_SKIPPED, begun_ts);
        return LAB_PASS;
    }
    if (!is_told) {
        (void)lab_engine_bad(engine, "not told; as given: %s", engine->ip);
    }
    settle(engine, CASE_IP, is_told ? LAB_STEP_PASSED : LAB_STEP_SKIPPED, begun_ts);
    return LAB_PASS;
}

lab_result_t lab_engine_await_ready(lab_engine_t *engine, double limit_s)
{
    return await_kinds(engine, 1u << LAB_LINE_READY, limit_s)
               ? LAB_STEP_GOOD
               : lab_engine_bad(engine, "no 'Setup complete' within %.0f s of the restart",
                                limit_s);
}

static int case_ready(lab_engine_t *engine)
{
    double begun_ts = lab_now();
    lab_progress_doing(engine->progress, engine->prologue[CASE_READY]->title);
    if (!was_reset(engine)) {
        (void)lab_engine_bad(engine, "--no-reboot");
        settle(engine, CASE_READY, LAB_STEP_SKIPPED, begun_ts);
        return LAB_PASS;
    }
    double limit_s = at_most(READY_LIMIT_S, engine->options->timeout_s);
    if (lab_engine_await_ready(engine, limit_s) != LAB_STEP_GOOD) {
        return give_up(engine, CASE_READY, begun_ts);
    }
    settle(engine, CASE_READY, LAB_STEP_PASSED, begun_ts);
    return LAB_PASS;
}

static int case_open(lab_engine_t *engine, const lab_device_config_t *device)
{
    double begun_ts = lab_now();
    lab_progress_doing(engine->progress, engine->prologue[CASE_OPEN]->title);
    int code = lab_device_open(&engine->device, device);
    if (code != LAB_PASS) {
        (void)lab_engine_bad(engine, "the device cannot be opened");
        lab_run_inconclusive(engine->run, "%s", engine->why);
        settle(engine, CASE_OPEN, LAB_STEP_PLANNED, begun_ts);
        return code;
    }
    (void)snprintf(engine->run->device, sizeof engine->run->device, "%.127s", engine->device.path);
    settle(engine, CASE_OPEN, LAB_STEP_PASSED, begun_ts);
    return LAB_PASS;
}

int lab_engine_prologue(lab_engine_t *engine, const lab_device_config_t *device)
{
    static int (*const cases[])(lab_engine_t *) = {case_reset, case_ip, case_ready};
    int code = case_open(engine, device);
    if (code == LAB_PASS) {
        lab_engine_pause(engine, "serial_connected");
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] && code == LAB_PASS; i++) {
        code = cases[i](engine);
        if (code == LAB_PASS && lab_engine_is_interrupted()) {
            code = LAB_INTERRUPTED;
        }
    }
    return code;
}

// ---- a restart in the middle of a run ----

lab_result_t lab_engine_reboot(lab_engine_t *engine, double limit_s)
{
    if (!reset_device(engine)) {
        return lab_engine_bad(engine, "asked to restart, the device did not");
    }
    return lab_engine_await_ready(engine, limit_s);
}
