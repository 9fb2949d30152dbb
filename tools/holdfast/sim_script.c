// SPDX-License-Identifier: MIT
// The script of `holdfast sim`: read from a file whole, or from stdin as it comes, and carried out step by step in the
// simulator's own time. Invariants: a file with a bad line does not start; a file stops at its first failure, stdin goes
// on; what lasts for a while ends by itself.
#include "holdfast.h"
#include "sim_station.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

// ---- what was told ----

static void tell(station_t *station, const char *name, const script_step_t *step, const char *text)
{
    station_event_t event;
    station_event_begin(&event, station, name, -1);
    hf_json_i64_field(&event.json, "number", step->line);
    hf_json_string_field(&event.json, "text", text);
    station_event_end(&event, station);
}

static void fail(station_t *station, bool is_expectation, const char *text)
{
    station_script_t *script = &station->script;
    script->failures += is_expectation || script->file != NULL ? 1u : 0u;
    tell(station, is_expectation ? "failed" : "error", &script->current, text);
    if (script->file != NULL) {
        (void)fprintf(stderr, "holdfast sim: %s:%u: %s\n", script->file, script->current.line,
                      text);
        station->ends = true;
    }
}

// ---- what lasts for a while ----

/// True when `step` overrules what `timed` would undo.
static bool is_overruled(const script_step_t *timed, const script_step_t *step)
{
    bool is_fault = timed->fault != 0 || timed->wire_fault != 0;
    if (timed->connector != step->connector) {
        return false;
    }
    if (is_fault && step->fault == 0 && step->wire_fault == 0) {
        return strcmp(step->verb->name, "clear") == 0; // all
    }
    return (is_fault || timed->verb->run == step->verb->run) && timed->unit == step->unit &&
           strcmp(timed->text, step->text) == 0;
}

static void cancel_timers(station_script_t *script, const script_step_t *step)
{
    for (unsigned i = 0; i < STATION_TIMERS; i++) {
        if (script->timer[i].due_us != 0 && is_overruled(&script->timer[i].step, step)) {
            script->timer[i].due_us = 0;
        }
    }
}

/// Undoes the step after its time.
static const char *arm_timer(station_t *station, const script_step_t *step)
{
    station_script_t *script = &station->script;
    for (unsigned i = 0; i < STATION_TIMERS; i++) {
        if (script->timer[i].due_us == 0) {
            script->timer[i].due_us = station->now_us + (uint64_t)step->ms * STATION_US_PER_MS;
            script->timer[i].step = *step;
            script->timer[i].step.on = !step->on;
            script->timer[i].step.ms = 0;
            return NULL;
        }
    }
    return "too much lasts for a while already";
}

static void run_timers(station_t *station)
{
    station_script_t *script = &station->script;
    for (unsigned i = 0; i < STATION_TIMERS; i++) {
        if (script->timer[i].due_us != 0 && station->now_us >= script->timer[i].due_us) {
            script->timer[i].due_us = 0;
            const script_step_t *step = &script->timer[i].step;
            (void)step->verb->run(station, step); // it could be done, so it can be undone
        }
    }
}

// ---- expectations ----

static bool holds(const station_t *station, const script_step_t *step)
{
    int64_t value = station_subject_milli(station, step->subject, step->connector);
    switch (step->relation) {
    case 0:
        return value < step->value_milli;
    case 1:
        return value <= step->value_milli;
    case 2:
        return value > step->value_milli;
    case 3:
        return value >= step->value_milli;
    default:
        return value == step->value_milli;
    }
}

static void fail_expectation(station_t *station)
{
    const script_step_t *step = &station->script.current;
    char text[96];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    if (station_subject_is_number(step->subject)) {
        hf_builder_format(&out, "expected otherwise: it is ");
        hf_builder_fixed(&out, station_subject_milli(station, step->subject, step->connector), 3);
    } else {
        hf_builder_format(&out, "expected otherwise");
    }
    fail(station, true, text);
}

/// True when the current step is over.
static bool has_expectation_ended(station_t *station)
{
    station_script_t *script = &station->script;
    const script_step_t *step = &script->current;
    if (holds(station, step)) {
        script->held_since_us =
            script->held_since_us != 0 ? script->held_since_us : station->now_us;
        if (station->now_us - script->held_since_us < (uint64_t)step->ms * STATION_US_PER_MS) {
            return false;
        }
        tell(station, "passed", step, "");
        return true;
    }
    bool was_held = script->held_since_us != 0;
    script->held_since_us = 0;
    if (was_held ||
        station->now_us - script->since_us >= (uint64_t)step->within_ms * STATION_US_PER_MS) {
        fail_expectation(station);
        return true;
    }
    return false;
}

// ---- steps ----

/// True when the current step is over.
static bool has_ended(station_t *station)
{
    station_script_t *script = &station->script;
    if (strcmp(script->current.verb->name, "expect") == 0) {
        return has_expectation_ended(station);
    }
    return station->now_us - script->since_us >= (uint64_t)script->current.ms * STATION_US_PER_MS;
}

static void begin(station_t *station, const script_step_t *step)
{
    station_script_t *script = &station->script;
    script->current = *step;
    if (step->verb->run == NULL) {
        script->is_waiting = true;
        script->since_us = station->now_us;
        script->held_since_us = 0;
        return;
    }
    cancel_timers(script, step);
    const char *wrong = step->verb->run(station, step);
    if (wrong == NULL && step->ms != 0) {
        wrong = arm_timer(station, step);
    }
    if (wrong != NULL) {
        fail(station, false, wrong);
    }
}

/// The next line of stdin, if a whole one is there. Bad lines are told and passed over.
static bool take_line(station_t *station, script_step_t *step)
{
    station_script_t *script = &station->script;
    char *end = memchr(script->text, '\n', script->length);
    if (end == NULL) {
        return false;
    }
    char whole[STATION_LINE_BYTES];
    size_t length = (size_t)(end - script->text);
    *end = '\0';
    (void)snprintf(whole, sizeof whole, "%.*s", (int)sizeof whole - 1, script->text);
    step->line = ++script->lines;
    const char *wrong = script->skips || length >= sizeof whole
                            ? "the line is too long"
                            : station_script_parse(station, script->text, step);
    script->skips = false;
    script->length -= length + 1;
    memmove(script->text, end + 1, script->length);
    if (wrong != NULL) {
        station_event_t event;
        station_event_begin(&event, station, "error", -1);
        hf_json_i64_field(&event.json, "number", step->line);
        hf_json_string_field(&event.json, "line", whole);
        hf_json_string_field(&event.json, "text", wrong);
        station_event_end(&event, station);
        step->verb = NULL;
    }
    return true;
}

static bool take_step(station_t *station, script_step_t *step)
{
    station_script_t *script = &station->script;
    if (script->file == NULL) {
        return take_line(station, step);
    }
    if (script->next == script->count) {
        script->has_ended = true;
        return false;
    }
    *step = script->steps[script->next++];
    return true;
}

void station_script_run(station_t *station)
{
    station_script_t *script = &station->script;
    run_timers(station);
    while (!station->ends) {
        if (script->is_waiting) {
            if (!has_ended(station)) {
                return;
            }
            script->is_waiting = false;
            continue;
        }
        script_step_t step = {0};
        if (!take_step(station, &step)) {
            script->is_done = script->has_ended;
            return;
        }
        if (step.verb != NULL) {
            begin(station, &step);
        }
    }
}

// ---- where it comes from ----

void station_script_receive(station_t *station)
{
    station_script_t *script = &station->script;
    struct pollfd source = {.fd = STDIN_FILENO, .events = POLLIN};
    if (script->file != NULL || script->has_ended || poll(&source, 1, 0) <= 0) {
        return;
    }
    if (script->length == sizeof script->text) {
        if (memchr(script->text, '\n', script->length) != NULL) {
            return; // enough to do; the pipe keeps the rest
        }
        script->length = 0; // a line nobody can mean
        script->skips = true;
    }
    ssize_t length =
        read(STDIN_FILENO, script->text + script->length, sizeof script->text - script->length);
    if (length > 0) {
        script->length += (size_t)length;
    } else if (length == 0 || (errno != EINTR && errno != EAGAIN)) {
        script->has_ended = true;
    }
}

static int load_line(station_t *station, char *line, unsigned number)
{
    station_script_t *script = &station->script;
    script_step_t step = {.line = number};
    char *end = strchr(line, '\n');
    if (end == NULL && strlen(line) == STATION_LINE_BYTES - 1) {
        return tool_fail(TOOL_USAGE, "sim", "%s:%u: the line is too long", script->file, number);
    }
    if (end != NULL) {
        *end = '\0';
    }
    const char *wrong = station_script_parse(station, line, &step);
    if (wrong == NULL && step.verb != NULL && script->count == STATION_SCRIPT_STEPS) {
        wrong = "the script has too many lines";
    }
    if (wrong != NULL) {
        return tool_fail(TOOL_USAGE, "sim", "%s:%u: %s", script->file, number, wrong);
    }
    if (step.verb != NULL) {
        script->steps[script->count++] = step;
    }
    return TOOL_GOOD;
}

int station_script_load(station_t *station, const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return tool_fail(TOOL_ENVIRONMENT, "sim", "%s: %s", path, strerror(errno));
    }
    char line[STATION_LINE_BYTES];
    int code = TOOL_GOOD;
    station->script.file = path;
    for (unsigned number = 1; code == TOOL_GOOD && fgets(line, sizeof line, file) != NULL;
         number++) {
        code = load_line(station, line, number);
    }
    if (code == TOOL_GOOD && ferror(file) != 0) {
        code = tool_fail(TOOL_ENVIRONMENT, "sim", "%s: %s", path, strerror(errno));
    }
    (void)fclose(file);
    return code;
}
