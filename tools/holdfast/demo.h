// SPDX-License-Identifier: MIT
// `holdfast demo`: a session played by three programs of their own: the shipped holdfastd, `holdfast sim` and
// `holdfast csms`. Invariants: one thread; no child outlives it, whatever ends it; the private directory goes with it.
#ifndef DEMO_H
#define DEMO_H

#include "holdfast.h"
#include "holdfast/hf_json.h"
#include "holdfast/hf_text.h"

#include <sys/types.h>

#define DEMO_LINE_BYTES 8192u
#define DEMO_PATH_BYTES 256u

// ---- children ----

typedef enum demo_who {
    DEMO_VEHICLE, // holdfast sim
    DEMO_CENTRAL, // holdfast csms
    DEMO_CHARGER, // holdfastd
    DEMO_CHILDREN
} demo_who_t;

typedef struct demo_pipe {
    int fd; // -1 closed
    char line[DEMO_LINE_BYTES];
    size_t length;
    bool too_long; // the rest of such a line is dropped
} demo_pipe_t;

typedef struct demo_child {
    pid_t pid; // 0 never started
    bool ended;
    int status; // of waitpid(), once ended
    int in;     // its stdin, -1 none
    demo_pipe_t out, err;
    char last_words[200]; // last line of its stderr
} demo_child_t;

/// Starts a program with pipes on all its standard streams; it dies with this process. HF_E_IO when it cannot.
HF_MUST_CHECK int demo_child_start(demo_child_t *child, char *const argv[]);
/// Writes a line to its stdin; a child that is gone shows elsewhere.
void demo_child_tell(demo_child_t *child, const char *line);
/// Reads what is there and calls `take` with every whole line.
void demo_pipe_read(demo_pipe_t *stream, void (*take)(void *ctx, const char *line), void *ctx);
/// Collects its status if it has ended.
void demo_child_reap(demo_child_t *child);
/// Ended, and everything it said has been read.
bool demo_child_is_over(const demo_child_t *child);
void demo_child_close(demo_child_t *child);

// ---- the timeline ----

#define DEMO_TEXT_BYTES 400u
#define DEMO_HELD_MAX   32u

typedef struct demo_entry {
    uint64_t at_us; // CLOCK_MONOTONIC
    demo_who_t who;
    char text[DEMO_TEXT_BYTES];
} demo_entry_t;

/// Lines come late by as much as a program's log is drained late: each is held back a little, and told in order.
typedef struct demo_timeline {
    uint64_t begin_us;
    bool has_colour, muted;
    int64_t power_mW; // last told
    bool is_locked;   // the plug
    demo_entry_t held[DEMO_HELD_MAX];
    unsigned held_count;
} demo_timeline_t;

void demo_timeline_init(demo_timeline_t *timeline);
/// Prints what has been held long enough, or everything.
void demo_timeline_print(demo_timeline_t *timeline, bool everything);
void demo_timeline_say(demo_timeline_t *timeline, demo_who_t who, const char *format, ...)
    HF_PRINTF(3, 4);
/// A log line without its time of day and usual level.
const char *demo_timeline_text(const char *line);
/// What a child wrote for people.
void demo_timeline_log(demo_timeline_t *timeline, demo_who_t who, const char *line);
void demo_timeline_vehicle(demo_timeline_t *timeline, hf_json_t event);
void demo_timeline_central(demo_timeline_t *timeline, hf_json_t event);
uint64_t demo_clock_us(void);

// ---- the charger's own account of itself ----

typedef struct demo_view {
    bool is_known;
    char link[16], link_error[64], registration[16], state[16], reason[20];
    int64_t power_W, energy_Wh, sessions_ended, queue;
} demo_view_t;

/// GET http://HOST:PORT/PATH; the body in `out`. HF_E_UNREACHABLE, HF_E_TIMEOUT, HF_E_PROTOCOL, HF_E_TOO_LONG.
HF_MUST_CHECK int demo_http_get(const char *host, uint16_t port, const char *path,
                                hf_builder_t *out);
/// Asks /api/status; `view` stays as it was when there is no answer.
void demo_view_update(demo_view_t *view, const char *host, uint16_t port);
/// 0 when the port can be listened on; *port 0 is replaced by a free one.
HF_MUST_CHECK int demo_port_probe(const char *host, uint16_t *port);

// ---- the play ----

typedef struct demo_options {
    const char *csms; // NULL: a central system of our own
    const char *id, *tag, *state;
    const char *bus; // NULL or "virtual", "slcan", "socketcan:CHARGER[,VEHICLE]": interfaces
    char http_host[64];
    uint16_t http_port, csms_port;
    int64_t seconds;
    bool once, keep;
} demo_options_t;

typedef struct demo {
    demo_options_t options;
    demo_timeline_t timeline;
    demo_child_t child[DEMO_CHILDREN];
    demo_view_t view;
    char directory[DEMO_PATH_BYTES]; // private, "" none yet
    char programs[DEMO_PATH_BYTES];  // where our own executable is
    int signals;
    unsigned interrupts;
    bool vehicle_ready, session_complete;
    uint16_t central_port; // 0 until it listens
    uint64_t deadline_us, view_due_us, gauge_due_us;
} demo_t;

extern const char *const demo_program_names[DEMO_CHILDREN];

#define DEMO_US_PER_S      1000000u
#define DEMO_FOREVER       UINT64_MAX
#define DEMO_START_LIMIT_S 10u

/// Signals are taken by a descriptor; TOOL_GOOD or an exit status after a message.
HF_MUST_CHECK int demo_open_signals(demo_t *demo);
/// Checks ports, makes the private directory, starts vehicle, central system (unless foreign) and charge point.
HF_MUST_CHECK int demo_start_all(demo_t *demo);
/// Ends every child, the charge point first; removes the private directory.
void demo_end_all(demo_t *demo);

typedef enum demo_wait_end {
    DEMO_REACHED,
    DEMO_TIMEOUT,
    DEMO_BROKEN, // a program has ended, or the user interrupts
} demo_wait_end_t;

/// Lets some time pass, at most 50 ms.
void demo_turn(demo_t *demo);
/// Waits at most limit_s; is_reached NULL: for the limit, or until broken.
demo_wait_end_t demo_wait(demo_t *demo, bool (*is_reached)(const demo_t *demo), uint64_t limit_s);
/// The same; TOOL_GOOD, or an exit status after a sentence about what was awaited.
HF_MUST_CHECK int demo_await(demo_t *demo, bool (*is_reached)(const demo_t *demo), uint64_t limit_s,
                             const char *awaited);
/// The exit status of a wait that did not reach, after a sentence.
int demo_explain(demo_t *demo, demo_wait_end_t end, const char *awaited);
int demo_explain_broken(demo_t *demo);

/// Starts everything, plays the session, stays if asked to, ends everything. Returns the exit status.
int demo_play(demo_t *demo);

#endif
