// SPDX-License-Identifier: MIT
// Plays a scenario on a device: prologue, steps, ledger. One thread: whatever is waited for, the device is listened to,
// HTTP goes on, frames are sent. Invariants: every case is planned before the device is touched and ends in exactly one
// way; every wait has an end, and what follows when it runs out is told, never passed over; what came before a step
// began satisfies no wait of it.
#ifndef LAB_ENGINE_H
#define LAB_ENGINE_H

#include "lab_device.h"
#include "lab_http.h"
#include "lab_progress.h"
#include "lab_scenario.h"

#include <regex.h>

#define LAB_PROLOGUE_CASES 4u
#define LAB_EVENTS_KEPT    256u
#define LAB_LINES_KEPT     256u
#define LAB_STATION        "CP1" // as holdfastd is called under --sim
#define LAB_CARD           "LAB1"

typedef struct lab_engine_options {
    bool no_reboot, no_health, no_pages, non_interactive, echo_serial, real_time;
    const char *auth;  // "user:password"
    const char *ip;    // HOST[:PORT] of the argument; what the device tells goes before it
    const char *pause; // points, with commas, or "all"
    double timeout_s;  // 45
    int64_t browser_parallel, browser_health_count; // 0: as the step says
    int64_t hours;                                  // 0: as the scenario says
    int64_t log_limit;                              // bytes of serial.log
    double elapsed_s;                               // of a run that is taken up again
} lab_engine_options_t;

typedef enum lab_result { LAB_STEP_GOOD, LAB_STEP_BAD, LAB_STEP_LEFT_OUT } lab_result_t;

typedef struct lab_event { // what vehicle or central system told
    uint64_t number;
    lab_who_t who;
    char *line;
} lab_event_t;

typedef struct lab_moment { // how much had been told by then
    uint64_t lines, events;
    uint32_t mems;
} lab_moment_t;

typedef struct lab_load { // on the CAN bus
    int fd;               // -1 none
    uint32_t act;         // whose it is
    int64_t frames_per_s;
    uint64_t begun_us, until_us, sent, refused, random;
} lab_load_t;

typedef struct lab_engine {
    const lab_engine_options_t *options;
    const lab_scenario_t *scenario;
    const char *directory; // of the artifacts
    lab_run_t *run;
    lab_progress_t *progress;
    lab_device_t device;
    lab_http_t http;
    FILE *serial;         // serial.log
    int64_t serial_bytes; // in it
    int stopped; // LAB_PASS, or why it goes on no more: serial.log is full, or cannot be written
    lab_step_t *prologue[LAB_PROLOGUE_CASES];
    lab_step_t *step[LAB_ACTS_MAX];
    lab_step_t *drift, *world;
    lab_step_t *charging, *billed; // of the session around a take that is made to fail
    // of the lines
    uint64_t lines, seen[LAB_LINE_PANIC + 1]; // number of the newest line of each kind; 0 none
    uint64_t reset_mark;                      // lines before the reset that was asked for last
    char *line[LAB_LINES_KEPT];               // the newest; by their numbers
    regex_t awaited;
    bool is_awaiting, is_matched;
    char ip[64];
    // of the events
    lab_event_t event[LAB_EVENTS_KEPT];
    uint64_t events;
    // of the step under way
    uint64_t session_mark;            // events before power flowed
    lab_moment_t begun, begun_before; // of the step, of the one before it
    lab_moment_t restarted;           // the last restart
    uint32_t boots;                   // as many were seen
    uint64_t until_us;                // no pause lasts longer; 0: as long as it likes
    char why[256];
    char refusal[256]; // of a line that vehicle or central system did not take; "" none
    lab_load_t load;
    uint64_t opened_us; // this call began
    bool has_ended;     // the device, for good
    bool is_no_memory;  // the record has a hole
} lab_engine_t;

/// Plans all cases, opens the device, plays, closes it. LAB_PASS, also when steps failed: the record tells; LAB_ENVIRONMENT,
/// LAB_INCONCLUSIVE or LAB_INTERRUPTED when it could not be played, after a sentence.
int lab_engine_play(lab_engine_t *engine, const lab_device_config_t *device);

/// Of a run that will not be played any more: its cases, so that none is missing in what is told. It is inconclusive.
void lab_engine_plan(lab_engine_t *engine, const lab_device_config_t *device);
/// Brings run->played_s up to date.
void lab_engine_count_time(lab_engine_t *engine);
/// Ctrl-C or SIGTERM came, since the program began.
bool lab_engine_is_interrupted(void);
void lab_engine_catch_signals(void);
/// Interrupted, or serial.log can take no more: what is under way stays as planned, not run.
bool lab_engine_is_stopped(const lab_engine_t *engine);

// ---- among its parts ----

/// Lets at most `ms` pass. False: there is no point in waiting any longer (interrupted, or the device has ended).
bool lab_engine_turn(lab_engine_t *engine, unsigned ms);
/// Turns until is_reached or the limit. True: reached.
bool lab_engine_wait(lab_engine_t *engine, double limit_s,
                     bool (*is_reached)(lab_engine_t *engine, const void *what), const void *what);
void lab_engine_pass_time(lab_engine_t *engine, double seconds);
/// The line of that number, one of the newest LAB_LINES_KEPT, has what is waited for.
bool lab_engine_is_awaited(const lab_engine_t *engine, uint64_t number);
/// A line of any of these kinds (bits) came after `mark`.
bool lab_engine_has_seen(const lab_engine_t *engine, uint32_t kinds, uint64_t mark);
#define LAB_START_KINDS (1u << LAB_LINE_ROM | 1u << LAB_LINE_RESET | 1u << LAB_LINE_BOOT)
/// Writes engine->why; returns LAB_STEP_BAD.
lab_result_t lab_engine_bad(lab_engine_t *engine, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void lab_engine_note(lab_engine_t *engine, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/// A URL at the device's portal. False: it told no address.
bool lab_engine_url(const lab_engine_t *engine, const char *path, char *url, size_t capacity);

int lab_engine_prologue(lab_engine_t *engine, const lab_device_config_t *device);
/// A restart in order, waited for to its end.
lab_result_t lab_engine_reboot(lab_engine_t *engine, double limit_s);
/// Waits for Enter when this point was asked for (--pause), or is "manual"; never without a terminal.
void lab_engine_pause(lab_engine_t *engine, const char *point);
/// "Setup complete" after reset_mark.
lab_result_t lab_engine_await_ready(lab_engine_t *engine, double limit_s);

lab_result_t lab_act_http(lab_engine_t *engine, const lab_act_t *act);
lab_result_t lab_act_burst(lab_engine_t *engine, const lab_act_t *act);
lab_result_t lab_act_health(lab_engine_t *engine, const lab_act_t *act);
/// Fire and forget: half a second, no answer awaited.
void lab_engine_ask_reboot(lab_engine_t *engine);

/// "vehicle", "central system".
const char *lab_who_text(lab_who_t who);
/// An event told after the step began (since "reset": after that), with the members of `where` (JSON object or NULL).
bool lab_engine_event(lab_engine_t *engine, lab_who_t who, const char *name, const char *where,
                      uint64_t mark);
lab_result_t lab_act_session(lab_engine_t *engine, const lab_act_t *act);
/// Plugged in, started, power flows.
lab_result_t lab_engine_begin_session(lab_engine_t *engine, bool by_card, double limit_s);
/// Power has flowed all the time; ended, billed once, unplugged.
lab_result_t lab_engine_end_session(lab_engine_t *engine, bool by_card, double limit_s);
lab_result_t lab_act_can_load(lab_engine_t *engine, const lab_act_t *act);
void lab_engine_drive_load(lab_engine_t *engine);
/// The verdict over the load, if there was one.
void lab_engine_end_load(lab_engine_t *engine);
/// Carries out any step but repeat.
lab_result_t lab_engine_act(lab_engine_t *engine, const lab_act_t *act);

#endif
