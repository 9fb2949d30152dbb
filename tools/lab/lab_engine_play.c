// SPDX-License-Identifier: MIT
// From the ledger to the last step: plans every case, plays the steps with their repeats (a flat list and a stack of
// loops), lets a stepped world run to its end, judges how still the heap stood.
#include "lab_engine.h"

#include "holdfast/hf_json.h"

#include <stdlib.h>
#include <string.h>

#define STEPPED_LIMIT_S 1100.0 // below the limit of a long stage of the checks
#define SESSION_LIMIT_S 30.0
#define HOUR_US         UINT64_C(3600000000)
#define LINE_BYTES      1023u // that are kept of a line

// ---- what device and world say ----

static lab_moment_t now_of(const lab_engine_t *engine)
{
    return (lab_moment_t){
        .lines = engine->lines, .events = engine->events, .mems = engine->run->mems};
}

/// A snapshot may have told it itself, by its time: that one comes after it.
static void note_restart(lab_engine_t *engine)
{
    const lab_run_t *run = engine->run;
    lab_moment_t *moment = &engine->restarted;
    engine->boots = run->boots;
    *moment = now_of(engine);
    while (moment->mems > 0 && run->mem[moment->mems - 1u].boot == run->boots) {
        moment->mems--;
    }
}

static void keep_line(lab_engine_t *engine, const char *text, size_t length)
{
    char **place = &engine->line[engine->lines % LAB_LINES_KEPT];
    free(*place);
    *place = strndup(text, length < LINE_BYTES ? length : LINE_BYTES);
    engine->is_no_memory |= *place == NULL;
}

static void on_line(void *ctx, const lab_run_t *run, const lab_line_t *line, const char *text,
                    size_t length)
{
    lab_engine_t *engine = ctx;
    if (run->boots != engine->boots) {
        note_restart(engine);
    }
    engine->lines++;
    engine->seen[line->kind] = engine->lines;
    keep_line(engine, text, length);
    if (line->kind == LAB_LINE_IP) {
        const char *port = engine->options->ip != NULL ? strchr(engine->options->ip, ':') : NULL;
        (void)snprintf(engine->ip, sizeof engine->ip, "%.45s%.8s", line->name,
                       port != NULL ? port : "");
    }
    if (engine->is_awaiting && !engine->is_matched) {
        engine->is_matched = lab_engine_is_awaited(engine, engine->lines);
    }
    if (engine->options->echo_serial) {
        lab_progress_say(engine->progress, "  | %.*s", (int)(length < 400 ? length : 400), text);
    }
    // The restarts of a stepped run are all its own.
    if (engine->device.config.kind == LAB_STEPPED && !run->reset_expected) {
        lab_run_expect_reset(engine->run);
    }
}

static void note_refusal(lab_engine_t *engine, lab_who_t who, const char *line)
{
    char told[100] = "", why[80] = "";
    hf_json_t root;
    if (hf_json_parse(line, strlen(line), &root) != HF_OK ||
        !hf_json_is_string(hf_json_member(root, "event"), "error")) {
        return;
    }
    // One that is too long, or missing, is told as none.
    (void)!hf_json_string(hf_json_member(root, "line"), told, sizeof told);
    (void)!hf_json_string(hf_json_member(root, "text"), why, sizeof why);
    (void)snprintf(engine->refusal, sizeof engine->refusal, "the %s refused '%s': %s",
                   lab_who_text(who), told, why);
}

static void on_event(void *ctx, lab_who_t who, const char *line)
{
    lab_engine_t *engine = ctx;
    lab_event_t *event = &engine->event[engine->events % LAB_EVENTS_KEPT];
    char *copy = strdup(line);
    if (copy == NULL) {
        engine->is_no_memory = true;
        return;
    }
    note_refusal(engine, who, line);
    free(event->line);
    *event = (lab_event_t){.number = ++engine->events, .who = who, .line = copy};
}

// ---- the ledger ----

static void title_of(const lab_act_t *act, char title[128])
{
    const char *object = act->path != NULL      ? act->path
                         : act->tag != NULL     ? act->tag
                         : act->pattern != NULL ? act->pattern
                         : act->event != NULL   ? act->event
                         : act->label != NULL   ? act->label
                         : act->line != NULL    ? act->line
                         : act->name != NULL    ? act->name
                                                : "";
    if (act->title != NULL) {
        (void)snprintf(title, 128, "%s", act->title);
    } else if (act->what == LAB_DO_HTTP) {
        (void)snprintf(title, 128, "%s %s", act->method != NULL ? act->method : "GET", object);
    } else {
        (void)snprintf(title, 128, "%s %s", lab_do_text(act->what), object);
    }
}

static lab_step_t *plan(lab_engine_t *engine, const char *id, const char *title)
{
    lab_step_t *step = lab_run_plan(engine->run, id, title);
    engine->is_no_memory |= step == NULL;
    return step;
}

/// What cannot fail is no case.
static bool is_case(const lab_act_t *act)
{
    return act->what != LAB_DO_SLEEP && act->what != LAB_DO_PAUSE && act->what != LAB_DO_NOTE;
}

static bool plays_steps(const lab_engine_t *engine, const lab_device_config_t *device)
{
    (void)engine;
    return device->kind != LAB_STEPPED;
}

/// Where memory is refused on purpose, a vehicle charges meanwhile: it must not notice.
static bool has_session_around(const lab_engine_t *engine, const lab_device_config_t *device)
{
    return device->kind == LAB_SIM && device->world.fail_take > 0 && !engine->scenario->needs_sim;
}

/// Everything that will be done, before anything is. False: no memory.
static bool plan_all(lab_engine_t *engine, const lab_device_config_t *device)
{
    static const char *const prologue[LAB_PROLOGUE_CASES][2] = {
        {"open", "open the device"},
        {"reset", "restart the device"},
        {"ip", "the device tells its address"},
        {"ready", "the device is ready"}};
    const lab_scenario_t *scenario = engine->scenario;
    for (unsigned i = 0; i < LAB_PROLOGUE_CASES; i++) {
        engine->prologue[i] = plan(engine, prologue[i][0], prologue[i][1]);
    }
    if (has_session_around(engine, device)) {
        engine->charging = plan(engine, "charging", "a session begins");
    }
    for (uint32_t i = 0; i < scenario->acts && plays_steps(engine, device); i++) {
        char id[64], title[128];
        const lab_act_t *act = &scenario->act[i];
        if (!is_case(act)) {
            continue;
        }
        (void)snprintf(id, sizeof id, "%03u_%s", i + 1,
                       act->id != NULL ? act->id : lab_do_text(act->what));
        title_of(act, title);
        engine->step[i] = plan(engine, id, title);
    }
    if (has_session_around(engine, device)) {
        engine->billed = plan(engine, "billed", "the session went on, ends and is billed");
    }
    if (!plays_steps(engine, device)) {
        engine->world = plan(engine, "world", "the stepped world runs to its end, billed right");
    }
    if (scenario->heap_stable_bytes > 0) {
        engine->drift =
            plan(engine, "heap_stable", "the heap stands still from restart to restart");
    }
    return !engine->is_no_memory;
}

/// What the scenario itself takes: known pauses, in seconds.
static double reckon_s(const lab_scenario_t *scenario)
{
    double seconds = 0;
    double factor[LAB_REPEATS_MAX + 2] = {1.0};
    uint32_t end[LAB_REPEATS_MAX + 2] = {UINT32_MAX};
    unsigned depth = 0;
    for (uint32_t i = 0; i < scenario->acts; i++) {
        const lab_act_t *act = &scenario->act[i];
        while (depth > 0 && i >= end[depth]) {
            depth--;
        }
        seconds += factor[depth] * (double)act->ms / 1000.0;
        seconds += act->what == LAB_DO_HEALTH && act->is_stable ? factor[depth] * 2.0 : 0.0;
        if (act->what == LAB_DO_REPEAT && depth < LAB_REPEATS_MAX) {
            depth++;
            factor[depth] = factor[depth - 1] * (act->times > 0 ? (double)act->times : 1.0);
            end[depth] = act->end;
        }
    }
    return seconds + 3.0;
}

// ---- steps ----

/// A case of a repeat stays failed, whatever later rounds bring.
static void settle(lab_engine_t *engine, uint32_t index, lab_result_t result, double seconds)
{
    const lab_act_t *act = &engine->scenario->act[index];
    lab_step_t *step = engine->step[index];
    if (step == NULL) {
        return;
    }
    bool is_first = step->result == LAB_STEP_PLANNED;
    step->seconds += seconds;
    bool is_excused = engine->device.config.world.fail_take > 0 &&
                      (act->what == LAB_DO_HTTP || act->what == LAB_DO_BURST ||
                       act->what == LAB_DO_HEALTH); // a request may be refused, no more
    if (result == LAB_STEP_BAD && (act->is_optional || is_excused)) {
        result = LAB_STEP_LEFT_OUT;
    }
    if (result == LAB_STEP_BAD) {
        if (step->result != LAB_STEP_FAILED) {
            (void)snprintf(step->why, sizeof step->why, "%s", engine->why);
        }
        step->result = LAB_STEP_FAILED;
    } else if (result == LAB_STEP_LEFT_OUT && step->result != LAB_STEP_FAILED) {
        step->result = LAB_STEP_SKIPPED;
        (void)snprintf(step->why, sizeof step->why, "%s", engine->why);
    } else if (is_first) {
        step->result = LAB_STEP_PASSED;
    }
    if (is_first) {
        lab_progress_done(engine->progress, step);
    } else if (result == LAB_STEP_BAD) {
        engine->progress->failed++;
        lab_progress_say(engine->progress, "  FAILED  %s  %s", step->title, engine->why);
    }
}

static lab_result_t play_act(lab_engine_t *engine, uint32_t index)
{
    const lab_act_t *act = &engine->scenario->act[index];
    double begun_ts = lab_now();
    engine->why[0] = '\0';
    engine->begun_before = engine->begun;
    engine->begun = now_of(engine);
    lab_progress_doing(engine->progress, engine->step[index] != NULL ? engine->step[index]->title
                                                                     : lab_do_text(act->what));
    lab_result_t result = lab_engine_act(engine, act);
    if (engine->refusal[0] != '\0') {
        result = lab_engine_bad(engine, "%s", engine->refusal);
        engine->refusal[0] = '\0';
    }
    if (result == LAB_STEP_BAD && lab_engine_is_stopped(engine)) {
        return result; // it stays planned: not run
    }
    settle(engine, index, result, lab_now() - begun_ts);
    return result;
}

typedef struct loop {
    uint32_t act, end; // its repeat, and the index after its last step
    int64_t left;
    uint64_t until_us; // 0: by number
} loop_t;

static loop_t begin_loop(const lab_engine_t *engine, uint32_t index)
{
    const lab_act_t *act = &engine->scenario->act[index];
    loop_t loop = {.act = index, .end = act->end, .left = act->times};
    if (act->hours > 0) {
        int64_t hours = engine->options->hours > 0 ? engine->options->hours : act->hours;
        uint64_t spent_us = (uint64_t)(engine->options->elapsed_s * 1e6);
        uint64_t whole_us = (uint64_t)hours * HOUR_US;
        loop.until_us = lab_clock_us() + (spent_us < whole_us ? whole_us - spent_us : 0);
    }
    return loop;
}

/// Another round?
static bool goes_round(loop_t *loop)
{
    if (loop->until_us != 0) {
        return lab_clock_us() < loop->until_us;
    }
    return --loop->left > 0;
}

/// The first end that is a moment; 0 none.
static uint64_t end_of(const loop_t *loops, unsigned depth)
{
    uint64_t end_us = 0;
    for (unsigned i = 0; i < depth; i++) {
        bool is_sooner = end_us == 0 || loops[i].until_us < end_us;
        end_us = loops[i].until_us != 0 && is_sooner ? loops[i].until_us : end_us;
    }
    return end_us;
}

static bool must_stop(const lab_engine_t *engine, uint32_t index, lab_result_t result)
{
    return engine->has_ended || lab_engine_is_stopped(engine) ||
           (result == LAB_STEP_BAD && engine->scenario->act[index].is_essential);
}

static void play_steps(lab_engine_t *engine)
{
    const lab_scenario_t *scenario = engine->scenario;
    loop_t loops[LAB_REPEATS_MAX + 1];
    unsigned depth = 0;
    for (uint32_t i = 0; i < scenario->acts;) {
        if (scenario->act[i].what == LAB_DO_REPEAT) {
            loops[depth++] = begin_loop(engine, i);
            engine->until_us = end_of(loops, depth);
            i++;
        } else if (must_stop(engine, i, play_act(engine, i))) {
            return;
        } else {
            i++;
        }
        while (depth > 0 && i == loops[depth - 1].end) {
            loop_t *loop = &loops[depth - 1];
            if (goes_round(loop)) {
                i = loop->act + 1;
            } else {
                engine->why[0] = '\0';
                settle(engine, loop->act, LAB_STEP_GOOD, 0);
                depth--;
                engine->until_us = end_of(loops, depth);
            }
        }
    }
}

// ---- a stepped world ----

static bool has_ended(lab_engine_t *engine, const void *what)
{
    (void)what;
    return engine->has_ended;
}

static void play_world(lab_engine_t *engine)
{
    lab_step_t *step = engine->world;
    double begun_ts = lab_now();
    lab_progress_doing(engine->progress, step->title);
    bool is_over = lab_engine_wait(engine, STEPPED_LIMIT_S, has_ended, NULL);
    step->seconds = lab_now() - begun_ts;
    if (lab_engine_is_stopped(engine)) {
        return;
    }
    step->result = is_over && engine->device.exit_code == 0 ? LAB_STEP_PASSED : LAB_STEP_FAILED;
    if (step->result == LAB_STEP_FAILED) {
        (void)snprintf(step->why, sizeof step->why, "%s %d: %.200s",
                       is_over ? "its own verdict is" : "it did not come to an end;",
                       engine->device.exit_code, engine->device.verdict);
    }
    if (engine->device.verdict[0] != '\0') {
        engine->is_no_memory |=
            lab_run_event(engine->run, lab_now(), "world", engine->device.verdict) != 0;
    }
    lab_progress_done(engine->progress, step);
}

// ---- the heap from restart to restart ----

/// The free internal heap at heartbeats, but for the first of each start: as far from the first one as is allowed.
static void judge_drift(lab_engine_t *engine)
{
    const lab_run_t *run = engine->run;
    lab_step_t *step = engine->drift;
    uint32_t boot = LAB_UNKNOWN, samples = 0;
    int64_t reference = 0, worst = 0;
    if (step == NULL) {
        return;
    }
    for (uint32_t i = 0; i < run->mems; i++) {
        const lab_mem_row_t *row = &run->mem[i];
        if (strcmp(row->tag, "hb") != 0 || row->memory.hi == LAB_UNKNOWN) {
            continue;
        }
        bool is_first = row->boot != boot;
        boot = row->boot;
        if (is_first) {
            continue;
        }
        reference = samples++ == 0 ? (int64_t)row->memory.hi : reference;
        int64_t drift = (int64_t)row->memory.hi - reference;
        worst = llabs(drift) > llabs(worst) ? drift : worst;
    }
    bool is_still = llabs(worst) <= engine->scenario->heap_stable_bytes;
    step->result = samples < 2 ? LAB_STEP_SKIPPED : is_still ? LAB_STEP_PASSED : LAB_STEP_FAILED;
    (void)snprintf(step->why, sizeof step->why,
                   samples < 2 ? "%u heartbeats with a free heap are too few"
                               : "%u heartbeats, worst %+lld B of %lld B allowed",
                   samples, (long long)worst, (long long)engine->scenario->heap_stable_bytes);
    if (samples < 2) {
        lab_run_inconclusive(engine->run, "%s", step->why);
    }
    lab_progress_done(engine->progress, step);
}

// ---- all of it ----

static void free_what_was_told(lab_engine_t *engine)
{
    for (unsigned i = 0; i < LAB_LINES_KEPT; i++) {
        free(engine->line[i]);
        engine->line[i] = NULL;
    }
    for (unsigned i = 0; i < LAB_EVENTS_KEPT; i++) {
        free(engine->event[i].line);
        engine->event[i].line = NULL;
    }
}

static void settle_session(lab_engine_t *engine, lab_step_t *step,
                           lab_result_t (*part)(lab_engine_t *, bool, double))
{
    if (step == NULL || lab_engine_is_stopped(engine)) {
        return;
    }
    double begun_ts = lab_now();
    engine->why[0] = '\0';
    lab_progress_doing(engine->progress, step->title);
    bool is_good = part(engine, false, SESSION_LIMIT_S) == LAB_STEP_GOOD;
    if (!is_good && lab_engine_is_stopped(engine)) {
        return; // it stays planned: not run
    }
    step->result = is_good ? LAB_STEP_PASSED : LAB_STEP_FAILED;
    step->seconds = lab_now() - begun_ts;
    (void)snprintf(step->why, sizeof step->why, "%s", engine->why);
    lab_progress_done(engine->progress, step);
}

static int play_open_device(lab_engine_t *engine, const lab_device_config_t *device)
{
    int code = lab_engine_prologue(engine, device);
    if (code == LAB_PASS && engine->world != NULL) {
        play_world(engine);
    } else if (code == LAB_PASS) {
        settle_session(engine, engine->charging, lab_engine_begin_session);
        play_steps(engine);
        settle_session(engine, engine->billed, lab_engine_end_session);
    }
    lab_engine_end_load(engine);
    if (code == LAB_PASS && !lab_engine_is_stopped(engine)) {
        judge_drift(engine);
    }
    if (lab_engine_is_interrupted()) {
        return LAB_INTERRUPTED;
    }
    // Inconclusive it is in the record; what was found before stays found.
    return engine->stopped == LAB_ENVIRONMENT ? LAB_ENVIRONMENT : code;
}

void lab_engine_plan(lab_engine_t *engine, const lab_device_config_t *device)
{
    if (!plan_all(engine, device)) {
        lab_run_inconclusive(engine->run, "no memory for the plan");
    }
    lab_run_inconclusive(engine->run, "it was not come to");
}

void lab_engine_count_time(lab_engine_t *engine)
{
    engine->run->played_s =
        engine->options->elapsed_s + (double)(lab_clock_us() - engine->opened_us) / 1e6;
}

int lab_engine_play(lab_engine_t *engine, const lab_device_config_t *device)
{
    engine->load.fd = -1;
    engine->opened_us = lab_clock_us();
    engine->run->start_ts = engine->run->start_ts != 0 ? engine->run->start_ts : lab_now();
    engine->run->on_line = on_line;
    engine->run->ctx = engine;
    engine->device.on_event = on_event;
    engine->device.ctx = engine;
    (void)snprintf(engine->ip, sizeof engine->ip, "%s",
                   engine->options->ip != NULL ? engine->options->ip : "");
    if (!plan_all(engine, device) || lab_http_init(&engine->http, engine->options->auth) != 0) {
        return lab_fail(LAB_ENVIRONMENT, "run", "no memory");
    }
    lab_progress_begin(engine->progress, engine->run->steps, reckon_s(engine->scenario));
    int code = play_open_device(engine, device);
    engine->is_no_memory |= lab_run_flush(engine->run, lab_now()) != 0;
    lab_device_close(&engine->device);
    if (engine->device.gone[0] != '\0') {
        lab_run_inconclusive(engine->run, "%s", engine->device.gone);
    }
    lab_http_deinit(&engine->http);
    lab_progress_end(engine->progress);
    free_what_was_told(engine);
    engine->run->end_ts = lab_now();
    lab_engine_count_time(engine);
    engine->run->on_line = NULL;
    if (engine->is_no_memory) {
        lab_run_inconclusive(engine->run, "memory ran out: the record has a hole");
    }
    return code;
}
