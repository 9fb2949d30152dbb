// SPDX-License-Identifier: MIT
// Steps that are no HTTP: waits for lines, tags and events, sessions, load on the CAN bus, and what is done to a
// simulated device.
#include "lab_engine.h"

#include "lab_json.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_BYTES 16u
#define BATCH_MOST  400u // what a station may be late by, at once
#define LOAD_LEAST  0.95 // of the frames that were asked for
#define PROMPT_TURN 50u
#define FOREIGN_ID  0x300u // to 0x37F: of nobody on this bus
#define REFUSAL_S   0.2    // within that a line that is not taken is told, as a rule

// ---- lines and tags ----

static bool is_matched(lab_engine_t *engine, const void *what)
{
    (void)what;
    return engine->is_matched;
}

bool lab_engine_is_awaited(const lab_engine_t *engine, uint64_t number)
{
    const char *line = engine->line[number % LAB_LINES_KEPT];
    return line != NULL && regexec(&engine->awaited, line, 0, NULL, 0) == 0;
}

/// Where a wait begins to look.
static const lab_moment_t *since(const lab_engine_t *engine, const lab_act_t *act)
{
    if (act->since != NULL && strcmp(act->since, "previous") == 0) {
        return &engine->begun_before;
    }
    return act->since != NULL && strcmp(act->since, "reset") == 0 ? &engine->restarted
                                                                  : &engine->begun;
}

/// Among the lines that are kept.
static bool was_said(const lab_engine_t *engine, uint64_t mark)
{
    bool is_said = false;
    for (uint64_t i = 0; i < LAB_LINES_KEPT && engine->lines - i > mark && !is_said; i++) {
        is_said = lab_engine_is_awaited(engine, engine->lines - i);
    }
    return is_said;
}

static lab_result_t act_wait_line(lab_engine_t *engine, const lab_act_t *act)
{
    double limit_s = (double)act->limit_ms / 1000.0;
    if (regcomp(&engine->awaited, act->pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        return lab_engine_bad(engine, "no pattern: %s", act->pattern);
    }
    engine->is_matched = was_said(engine, since(engine, act)->lines);
    engine->is_awaiting = true;
    bool is_reached = lab_engine_wait(engine, limit_s, is_matched, NULL);
    engine->is_awaiting = false;
    regfree(&engine->awaited);
    return is_reached
               ? LAB_STEP_GOOD
               : lab_engine_bad(engine, "no line with '%s' within %g s", act->pattern, limit_s);
}

static bool has_tag(lab_engine_t *engine, const void *what)
{
    const lab_act_t *act = what;
    const lab_run_t *run = engine->run;
    for (uint32_t i = since(engine, act)->mems; i < run->mems; i++) {
        if (fnmatch(act->tag, run->mem[i].tag, 0) == 0) {
            return true;
        }
    }
    return false;
}

static lab_result_t act_wait_tag(lab_engine_t *engine, const lab_act_t *act)
{
    double limit_s = (double)act->limit_ms / 1000.0;
    return lab_engine_wait(engine, limit_s, has_tag, act)
               ? LAB_STEP_GOOD
               : lab_engine_bad(engine, "no snapshot '%s' within %g s", act->tag, limit_s);
}

// ---- events ----

static bool is_equal(hf_json_t a, hf_json_t b)
{
    char text[256];
    if (b.type == HF_JSON_STRING) {
        return hf_json_string(b, text, sizeof text) == HF_OK && hf_json_is_string(a, text);
    }
    return a.raw.length == b.raw.length && a.raw.text != NULL &&
           memcmp(a.raw.text, b.raw.text, a.raw.length) == 0;
}

static bool is_event(const char *line, const char *name, const char *where)
{
    hf_json_t root, wanted;
    if (hf_json_parse(line, strlen(line), &root) != HF_OK ||
        !hf_json_is_string(hf_json_member(root, "event"), name)) {
        return false;
    }
    if (where == NULL || hf_json_parse(where, strlen(where), &wanted) != HF_OK) {
        return where == NULL;
    }
    for (hf_json_walk_t walk = {.container = wanted}; hf_json_next(&walk);) {
        char member[64];
        if (hf_json_string(walk.name, member, sizeof member) != HF_OK ||
            !is_equal(hf_json_member(root, member), walk.value)) {
            return false;
        }
    }
    return true;
}

bool lab_engine_event(lab_engine_t *engine, lab_who_t who, const char *name, const char *where,
                      uint64_t mark)
{
    for (unsigned i = 0; i < LAB_EVENTS_KEPT; i++) {
        const lab_event_t *event = &engine->event[i];
        if (event->line != NULL && event->number > mark && event->who == who &&
            is_event(event->line, name, where)) {
            return true;
        }
    }
    return false;
}

typedef struct awaited_event {
    lab_who_t who;
    const char *name, *where;
    uint64_t mark;
} awaited_event_t;

static bool has_event(lab_engine_t *engine, const void *what)
{
    const awaited_event_t *event = what;
    return lab_engine_event(engine, event->who, event->name, event->where, event->mark);
}

static lab_result_t await_event(lab_engine_t *engine, const awaited_event_t *event, double limit_s)
{
    return lab_engine_wait(engine, limit_s, has_event, event)
               ? LAB_STEP_GOOD
               : lab_engine_bad(engine, "the %s did not tell '%s' %s within %g s",
                                lab_who_text(event->who), event->name,
                                event->where != NULL ? event->where : "", limit_s);
}

static lab_result_t act_wait_event(lab_engine_t *engine, const lab_act_t *act)
{
    const awaited_event_t event = {.who = strcmp(act->from, "vehicle") == 0 ? LAB_VEHICLE
                                                                            : LAB_CENTRAL,
                                   .name = act->event,
                                   .where = act->where,
                                   .mark = since(engine, act)->events};
    return await_event(engine, &event, (double)act->limit_ms / 1000.0);
}

// ---- sessions ----

static lab_result_t tell(lab_engine_t *engine, lab_who_t who, const char *line)
{
    return engine->device.ops->tell(&engine->device, who, line) == 0
               ? LAB_STEP_GOOD
               : lab_engine_bad(engine, "the %s does not listen to '%s'", lab_who_text(who), line);
}

typedef struct session_step {
    lab_who_t who;             // is told
    const char *remote, *card; // what; NULL: nothing
    lab_who_t from;
    const char *event, *where; // and what follows
} session_step_t;

static lab_result_t session_step(lab_engine_t *engine, const session_step_t *step, bool by_card,
                                 double limit_s)
{
    const char *line = by_card ? step->card : step->remote;
    bool is_presented = by_card && strncmp(line, "card", 4) == 0;
    const awaited_event_t event = {
        .who = step->from, .name = step->event, .where = step->where, .mark = engine->events};
    lab_result_t result = tell(engine, is_presented ? LAB_VEHICLE : step->who, line);
    return result == LAB_STEP_GOOD ? await_event(engine, &event, limit_s) : result;
}

static const session_step_t session_steps[] = {
    {LAB_VEHICLE, "plug 1", "plug 1", LAB_CENTRAL, "status",
     "{\"connector\":1,\"status\":\"Preparing\"}"},
    {LAB_CENTRAL, "remote-start " LAB_STATION " 1 " LAB_CARD, "card 1 " LAB_CARD, LAB_VEHICLE,
     "module", "{\"on\":true}"},
    {LAB_CENTRAL, "remote-stop " LAB_STATION, "card 1 " LAB_CARD, LAB_CENTRAL, "stop",
     "{\"connector\":1,\"duplicate\":false,\"conflicts\":0}"},
    {LAB_VEHICLE, "unplug 1", "unplug 1", LAB_CENTRAL, "status",
     "{\"connector\":1,\"status\":\"Available\"}"},
};

/// Some of the steps; what fails leaves no plug in for what comes next.
static lab_result_t session_part(lab_engine_t *engine, size_t from, size_t to, bool by_card,
                                 double limit_s)
{
    lab_result_t result = LAB_STEP_GOOD;
    for (size_t i = from; i < to && result == LAB_STEP_GOOD; i++) {
        result = session_step(engine, &session_steps[i], by_card, limit_s);
    }
    if (result != LAB_STEP_GOOD) {
        (void)engine->device.ops->tell(&engine->device, LAB_VEHICLE, "unplug 1");
    }
    return result;
}

lab_result_t lab_engine_begin_session(lab_engine_t *engine, bool by_card, double limit_s)
{
    lab_result_t result = session_part(engine, 0, 2, by_card, limit_s);
    engine->session_mark = engine->events;
    return result;
}

lab_result_t lab_engine_end_session(lab_engine_t *engine, bool by_card, double limit_s)
{
    if (lab_engine_event(engine, LAB_VEHICLE, "module", "{\"on\":false}", engine->session_mark) ||
        lab_engine_event(engine, LAB_VEHICLE, "contactor", "{\"closed\":false}",
                         engine->session_mark)) {
        (void)session_part(engine, 2, 4, by_card, limit_s);
        return lab_engine_bad(engine, "power was off before anybody ended the session");
    }
    return session_part(engine, 2, 4, by_card, limit_s);
}

lab_result_t lab_act_session(lab_engine_t *engine, const lab_act_t *act)
{
    bool by_card = act->how != NULL && strcmp(act->how, "card") == 0;
    double limit_s = (double)act->limit_ms / 1000.0;
    lab_result_t result = lab_engine_begin_session(engine, by_card, limit_s);
    if (result != LAB_STEP_GOOD) {
        return result;
    }
    lab_engine_pass_time(engine, (double)act->ms / 1000.0);
    return lab_engine_end_session(engine, by_card, limit_s);
}

// ---- load on the CAN bus ----

static void send_frames(lab_load_t *load, uint64_t wanted)
{
    uint64_t due = wanted - load->sent - load->refused;
    for (uint64_t i = 0; i < due && i < BATCH_MOST; i++) {
        uint8_t packet[FRAME_BYTES] = {0};
        load->random = load->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        uint32_t id = FOREIGN_ID | (uint32_t)(load->random >> 33 & 0x7Fu);
        packet[0] = (uint8_t)id;
        packet[1] = (uint8_t)(id >> 8);
        packet[4] = 8;
        memcpy(packet + 8, &load->random, 8);
        bool is_sent =
            send(load->fd, packet, sizeof packet, MSG_DONTWAIT | MSG_NOSIGNAL) == FRAME_BYTES;
        load->sent += is_sent ? 1u : 0u;
        load->refused += is_sent ? 0u : 1u;
    }
}

static void drop_what_is_heard(const lab_load_t *load)
{
    uint8_t packet[FRAME_BYTES + 1];
    while (recv(load->fd, packet, sizeof packet, MSG_DONTWAIT) > 0) {
    }
}

void lab_engine_drive_load(lab_engine_t *engine)
{
    lab_load_t *load = &engine->load;
    if (load->fd < 0) {
        return;
    }
    uint64_t now_us = lab_clock_us();
    uint64_t at_us = now_us < load->until_us ? now_us : load->until_us;
    drop_what_is_heard(load);
    send_frames(load, (at_us - load->begun_us) * (uint64_t)load->frames_per_s / 1000000u);
}

void lab_engine_end_load(lab_engine_t *engine)
{
    lab_load_t *load = &engine->load;
    if (load->fd < 0) {
        return;
    }
    while (lab_clock_us() < load->until_us && lab_engine_turn(engine, 5)) {
    }
    lab_engine_drive_load(engine);
    (void)close(load->fd);
    load->fd = -1;
    uint64_t wanted = (load->until_us - load->begun_us) * (uint64_t)load->frames_per_s / 1000000u;
    lab_step_t *step = engine->step[load->act];
    lab_engine_note(engine, "CAN load: %llu of %llu frames sent, %llu refused",
                    (unsigned long long)load->sent, (unsigned long long)wanted,
                    (unsigned long long)load->refused);
    if ((double)load->sent < LOAD_LEAST * (double)wanted) {
        step->result = LAB_STEP_FAILED;
        (void)snprintf(step->why, sizeof step->why, "only %llu of %llu frames could be sent",
                       (unsigned long long)load->sent, (unsigned long long)wanted);
    }
}

lab_result_t lab_act_can_load(lab_engine_t *engine, const lab_act_t *act)
{
    lab_engine_end_load(engine);
    uint64_t now_us = lab_clock_us();
    engine->load = (lab_load_t){.fd = engine->device.ops->can(&engine->device),
                                .act = (uint32_t)(act - engine->scenario->act),
                                .frames_per_s = act->frames_per_s,
                                .begun_us = now_us,
                                .until_us = now_us + (uint64_t)act->ms * 1000u,
                                .random = engine->run->seed};
    return engine->load.fd >= 0
               ? LAB_STEP_GOOD
               : lab_engine_bad(engine, "no way onto the bus: %s", strerror(errno));
}

// ---- what is done to the device and its world ----

static lab_result_t act_power_cut(lab_engine_t *engine, const lab_act_t *act)
{
    lab_device_t *device = &engine->device;
    if (device->ops->power(device, false) != 0) {
        return lab_engine_bad(engine, "the power could not be cut");
    }
    lab_engine_pass_time(engine, (double)act->ms / 1000.0);
    lab_run_expect_reset(engine->run);
    engine->reset_mark = engine->lines;
    if (device->ops->power(device, true) != 0) {
        return lab_engine_bad(engine, "the power did not come back");
    }
    return lab_engine_await_ready(engine, (double)act->limit_ms / 1000.0);
}

static lab_result_t switch_world(lab_engine_t *engine, int (*act)(lab_device_t *device, bool up),
                                 bool up)
{
    return act(&engine->device, up) == 0 ? LAB_STEP_GOOD
                                         : lab_engine_bad(engine, "that could not be done");
}

static bool is_refused(lab_engine_t *engine, const void *what)
{
    (void)what;
    return engine->refusal[0] != '\0';
}

/// That a line is taken nobody says. A refusal later than this is that of the step after it.
static lab_result_t act_tell(lab_engine_t *engine, lab_who_t who, const char *line)
{
    lab_result_t result = tell(engine, who, line);
    bool is_bad = result == LAB_STEP_GOOD && lab_engine_wait(engine, REFUSAL_S, is_refused, NULL);
    return is_bad ? LAB_STEP_BAD : result; // play_act() tells why
}

static lab_result_t act_fault(lab_engine_t *engine, const lab_act_t *act)
{
    char line[128];
    (void)snprintf(line, sizeof line, "fault 1 %s for %lld", act->name, (long long)act->ms);
    lab_result_t result = act_tell(engine, LAB_VEHICLE, line);
    if (result == LAB_STEP_GOOD) {
        lab_engine_pass_time(engine, (double)act->ms / 1000.0);
    }
    return result;
}

static bool is_pause_wanted(const char *list, const char *point)
{
    size_t length = strlen(point);
    if (list == NULL) {
        return false;
    }
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',' ? 1 : 0;
        size_t item = strcspn(at, ",");
        if ((item == 3 && strncmp(at, "all", 3) == 0) ||
            (item == length && strncmp(at, point, length) == 0)) {
            return true;
        }
    }
    return false;
}

static bool is_enter(lab_engine_t *engine, const void *what)
{
    (void)engine;
    (void)what;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte = 0;
    return poll(&input, 1, 0) == 1 && (read(STDIN_FILENO, &byte, 1) <= 0 || byte == '\n');
}

void lab_engine_pause(lab_engine_t *engine, const char *point)
{
    bool is_wanted = strcmp(point, "manual") == 0 || is_pause_wanted(engine->options->pause, point);
    if (engine->options->non_interactive || isatty(STDIN_FILENO) != 1 || !is_wanted) {
        return;
    }
    lab_progress_say(engine->progress, "  paused at %s: press Enter to go on", point);
    while (!is_enter(engine, NULL) && lab_engine_turn(engine, PROMPT_TURN)) {
    }
}

static void say_figure(char *out, size_t capacity, uint32_t value, const char *unit)
{
    if (value == LAB_UNKNOWN) {
        (void)snprintf(out, capacity, "unknown");
    } else {
        (void)snprintf(out, capacity, "%u%s", value, unit);
    }
}

/// How it stands, in a line; the artifacts are written as well, so that a run can be taken up again.
static lab_result_t act_report(lab_engine_t *engine)
{
    char hin[24], frag[24];
    lab_engine_count_time(engine);
    const lab_run_t *run = engine->run;
    double hours = run->played_s / 3600.0;
    say_figure(hin, sizeof hin, lab_run_hin_min(run), " B");
    say_figure(frag, sizeof frag, lab_run_frag_max(run), " %");
    lab_progress_say(engine->progress,
                     "  %.1f h: hin_min %s, worst fragmentation %s, %u snapshots, %u restarts (%u "
                     "unexpected), %u trips, %u panics",
                     hours, hin, frag, run->mems, run->boots, run->unexpected_resets, run->trips,
                     run->panics);
    lab_engine_note(engine, "%.2f h: hin_min %s, frag_max %s, restarts %u, trips %u", hours, hin,
                    frag, run->boots, run->trips);
    return lab_run_save(run, engine->directory) == 0
               ? LAB_STEP_GOOD
               : lab_engine_bad(engine, "the artifacts cannot be written");
}

/// Within a repeat of hours not beyond its end.
static double sleep_s(const lab_engine_t *engine, const lab_act_t *act)
{
    uint64_t now_us = lab_clock_us(), ms = (uint64_t)act->ms;
    if (engine->until_us != 0 && now_us + ms * 1000u > engine->until_us) {
        return engine->until_us > now_us ? (double)(engine->until_us - now_us) / 1e6 : 0;
    }
    return (double)ms / 1000.0;
}

lab_result_t lab_engine_act(lab_engine_t *engine, const lab_act_t *act)
{
    lab_device_t *device = &engine->device;
    switch (act->what) {
    case LAB_DO_WAIT_LINE:
        return act_wait_line(engine, act);
    case LAB_DO_WAIT_TAG:
        return act_wait_tag(engine, act);
    case LAB_DO_WAIT_EVENT:
        return act_wait_event(engine, act);
    case LAB_DO_HTTP:
        return lab_act_http(engine, act);
    case LAB_DO_BURST:
        return lab_act_burst(engine, act);
    case LAB_DO_HEALTH:
        return lab_act_health(engine, act);
    case LAB_DO_SLEEP:
        lab_engine_pass_time(engine, sleep_s(engine, act));
        return LAB_STEP_GOOD;
    case LAB_DO_PAUSE:
        lab_engine_pause(engine, act->point);
        return LAB_STEP_GOOD;
    case LAB_DO_CAN_LOAD:
        return lab_act_can_load(engine, act);
    case LAB_DO_SESSION:
        return lab_act_session(engine, act);
    case LAB_DO_POWER_CUT:
        return act_power_cut(engine, act);
    case LAB_DO_NET_DOWN:
    case LAB_DO_NET_UP:
        return switch_world(engine, device->ops->network, act->what == LAB_DO_NET_UP);
    case LAB_DO_CSMS_DOWN:
    case LAB_DO_CSMS_UP:
        return switch_world(engine, device->ops->central, act->what == LAB_DO_CSMS_UP);
    case LAB_DO_REBOOT:
        return lab_engine_reboot(engine, (double)act->limit_ms / 1000.0);
    case LAB_DO_FAULT:
        return act_fault(engine, act);
    case LAB_DO_TELL:
        return act_tell(engine, strcmp(act->to, "vehicle") == 0 ? LAB_VEHICLE : LAB_CENTRAL,
                        act->line);
    case LAB_DO_REPORT:
        return act_report(engine);
    case LAB_DO_NOTE:
        lab_engine_note(engine, "%s", act->text);
        return LAB_STEP_GOOD;
    case LAB_DO_REPEAT:
    case LAB_DO_COUNT:
        break;
    }
    return lab_engine_bad(engine, "no such step");
}
