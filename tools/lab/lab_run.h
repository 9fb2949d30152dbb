// SPDX-License-Identifier: MIT
// A run as a record: what a device said and what was done to it, in order. Made live (fed), from a saved serial.log
// (replay) or from a directory of artifacts (load); judged, compared and drawn from this alone. On a desk: allocates,
// and says when it cannot.
#ifndef LAB_RUN_H
#define LAB_RUN_H

#include "lab_line.h"
#include "lab_names.h"

// Of these three there may be millions: their texts are kept once, in the run's names.
typedef struct lab_mem_row {
    double ts; // UTC, seconds since 1970
    const char *tag;
    lab_memory_t memory;
    uint32_t boot; // restarts before it, in this run
} lab_mem_row_t;

typedef struct lab_task_row {
    double ts;
    const char *name, *tag; // tag: of the last snapshot before it
    uint32_t priority;      // LAB_UNKNOWN: not told
    int32_t core;           // LAB_CORE_UNKNOWN: not told
    uint32_t left;
    uint32_t boot;
    uint32_t units, unit_bytes, configured_bytes; // of AsyncTCP's own line
    bool is_watermark;                            // it is one
} lab_task_row_t;

typedef struct lab_stack_row { // what a stack's size is from this boot on
    const char *name;
    uint32_t bytes;
    uint32_t boot;
} lab_stack_row_t;

typedef struct lab_pool_row {
    double ts;
    const char *name, *tag; // tag: of the last snapshot before it
    lab_pool_t pool;
    uint32_t boot;
} lab_pool_row_t;

typedef struct lab_health_row {
    double ts;
    char label[LAB_NAME_BYTES];
    char url[192];
    int http_status; // 0: no answer
    bool is_skipped; // --no-health
    char *body;      // text, JSON if all is well; NULL none
    char *headers;   // of the answer, a JSON object; NULL none
} lab_health_row_t;

typedef struct lab_lock_row {
    double ts;
    char name[LAB_NAME_BYTES], holder[LAB_NAME_BYTES], waiter[LAB_NAME_BYTES];
    uint32_t held_ms, timeouts;
    uint32_t boot;
    char tag[LAB_NAME_BYTES]; // of the last snapshot before it
} lab_lock_row_t;

typedef struct lab_reset_row {
    double ts;
    uint32_t boot, code; // code LAB_UNKNOWN: not told
    bool is_expected;
    char marker[8]; // what told it: "rom", "rst", "boot", "uptime"
    char reason[LAB_NAME_BYTES];
    char tag[LAB_NAME_BYTES]; // of the last snapshot before it
} lab_reset_row_t;

typedef struct lab_refused_row { // an allocation that failed
    double ts;
    char caller[LAB_NAME_BYTES]; // empty: not told
    char tag[LAB_NAME_BYTES];    // of the last snapshot before it
    uint32_t size;
    uint32_t boot;
} lab_refused_row_t;

/// What happened and is no row of the three above: "event", "tripwire", "wire", "stack", "lock", "http", "ready", "reset",
/// "panic", "note", "step", ...
typedef struct lab_note_row {
    double ts;
    char *json; // the whole object, as in events.jsonl
} lab_note_row_t;

/// Everything in order, a line of events.jsonl each: a row of one of the four, and which.
typedef enum lab_event_of { LAB_OF_NOTE, LAB_OF_MEM, LAB_OF_TASK, LAB_OF_POOL } lab_event_of_t;
typedef uint32_t lab_event_row_t;
#define LAB_EVENT(of, index) ((lab_event_row_t)(of) << 30 | (index))
#define LAB_EVENT_OF(event)  ((lab_event_of_t)((event) >> 30))
#define LAB_EVENT_AT(event)  ((event)&0x3FFFFFFFu)

typedef struct lab_panic {
    char kind[32];
    char line[256];
    uint32_t line_no;         // of serial.log, from 1
    char tag[LAB_NAME_BYTES]; // of the last snapshot before it
    uint32_t boot;
    double ts;
} lab_panic_t;

typedef struct lab_trip {
    char wire[24]; // "internal_min" for [Mem] TRIPWIRE
    char level[12];
    char tag[LAB_NAME_BYTES], name[LAB_NAME_BYTES];
    uint32_t value, limit;
    double ts;
    struct {
        char name[LAB_NAME_BYTES];
        uint32_t left;
        int32_t core;
        uint32_t priority;
    } worst[6];
    uint32_t worst_count;
    uint32_t boot;
} lab_trip_t;

typedef enum lab_step_result {
    LAB_STEP_PLANNED,
    LAB_STEP_PASSED,
    LAB_STEP_FAILED,
    LAB_STEP_SKIPPED
} lab_step_result_t;

#define LAB_STEPS_MAX 1024u
typedef struct lab_step { // a planned case: of the ledger, of JUnit
    char id[LAB_NAME_BYTES];
    char title[128];
    lab_step_result_t result;
    char why[256];
    double seconds;
} lab_step_t;

typedef struct lab_finding {
    /// "hin_min", "fragmentation", "failed_take", "stack", "panic", "reset", "leak", "step", "lock", ... or an expression
    char gate[LAB_NAME_BYTES];
    char text[256]; // with figures and units, and where (tag, task, pool)
} lab_finding_t;

struct lab_run;
/// Told of each whole line, after it is in the record. The runner waits and echoes by it.
typedef void (*lab_on_line_t)(void *ctx, const struct lab_run *run, const lab_line_t *line,
                              const char *text, size_t length);

typedef struct lab_run {
    char key[32], title[96], description[256]; // of the scenario
    char device[128], firmware[64], initial_ip[46], final_ip[46];
    uint32_t baud;
    double start_ts, end_ts;
    double played_s; // of all calls that took it up again
    uint64_t seed;
    char replay[1024]; // the command that repeats this run
    struct {
        char commit[48], branch[96];
        char status[1024]; // of `git status --porcelain`, cut at a line's end; empty: clean
    } git;
    lab_mem_row_t *mem;
    uint32_t mems;
    lab_task_row_t *task;
    uint32_t tasks;
    lab_stack_row_t *stack;
    uint32_t stacks;
    lab_pool_row_t *pool;
    uint32_t pools;
    lab_health_row_t *health;
    uint32_t healths;
    lab_note_row_t *note;
    uint32_t notes;
    lab_event_row_t *event;
    uint32_t events;
    uint32_t events_of[4]; // by lab_event_of_t
    lab_lock_row_t *lock;
    uint32_t locks;
    lab_refused_row_t *refused;
    uint32_t refuseds;
    lab_reset_row_t *reset;
    uint32_t resets;
    lab_panic_t *panic;
    uint32_t panics;
    lab_trip_t *trip;
    uint32_t trips;
    lab_step_t *step;
    uint32_t steps;
    lab_finding_t *finding;
    uint32_t findings;
    uint32_t boots;             // resets seen, expected and not
    uint32_t unexpected_resets; // without lab_run_expect_reset()
    bool is_inconclusive;
    char why_inconclusive[160];
    lab_on_line_t on_line; // NULL: none
    void *ctx;
    // of the feeding
    bool reset_expected, in_dump, was_ready;
    unsigned reset_stage; // how far a start has come, see lab_feed.c
    uint32_t line_no, last_up_ms, last_beat_s, panic_line_no;
    const char *last_tag;
    lab_names_t names;
    char partial[4096]; // the rest of a longer line is left out
    size_t partial_length;
} lab_run_t;

void lab_run_init(lab_run_t *run);
void lab_run_free(lab_run_t *run);
/// Bytes of the device as they came; lines are put together here. `now` UTC seconds. -1: no memory.
int lab_run_feed(lab_run_t *run, double now, const char *bytes, size_t length);
/// The stream has ended: a last line without its end counts, too. -1: no memory.
int lab_run_flush(lab_run_t *run, double now);
/// The next reset (rst:, System Boot, uptime going back) is wanted. Called before the device was ready for the first
/// time: crashes told before it are of an earlier life, left over in a buffer, and are forgotten.
void lab_run_expect_reset(lab_run_t *run);
/// Commit, branch and state of the checkout that the caller stands in, as far as git tells.
void lab_run_git(lab_run_t *run);
int lab_run_health(lab_run_t *run, double now, const char *label, const char *url, int http_status,
                   const char *body); // body NULL: skipped or no answer
/// `members`: an object, or what would stand in one, e.g. "\"note\":\"x\""; NULL or empty: nothing. ts and type are
/// added, keys sorted. -1: no memory, or it is no JSON.
int lab_run_event(lab_run_t *run, double now, const char *type, const char *members);
struct lab_text;
/// An event as in events.jsonl, appended to `out`; its moment.
void lab_run_event_json(const lab_run_t *run, uint32_t event, struct lab_text *out);
double lab_run_event_ts(const lab_run_t *run, uint32_t event);
/// The answer's headers, a JSON object (NULL: none), of the row added last.
int lab_run_health_headers(lab_run_t *run, const char *headers);
/// A planned case, before anything is done. The pointer stays good until lab_run_free(). NULL: no memory, or LAB_STEPS_MAX.
lab_step_t *lab_run_plan(lab_run_t *run, const char *id, const char *title);
/// The device may have said more than the record could take in: the verdict is 4 unless something was found.
void lab_run_inconclusive(lab_run_t *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void lab_run_find(lab_run_t *run, const char *gate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/// Of a run's memory rows; LAB_UNKNOWN where there is none.
uint32_t lab_run_hin_min(const lab_run_t *run);
uint32_t lab_run_hm_min(const lab_run_t *run);
uint32_t lab_run_pf_min(const lab_run_t *run);
uint32_t lab_run_pm_min(const lab_run_t *run);
uint32_t lab_run_frag_max(const lab_run_t *run);
/// The pool of the probe itself: what it refused are snapshots that were not told, no memory the device was short of.
#define LAB_MARKS_POOL "telemetry.marks"
/// Snapshots that the probe lost, the most of any boot; 0 where it tells none.
uint32_t lab_run_lost_marks(const lab_run_t *run);
/// The exit code: 1 when something was found, else 4 when it is inconclusive, else 0.
int lab_run_verdict(const lab_run_t *run);

/// The directory of a run, "<out>/<YYYYmmdd_HHMMSS>_<key>", made with its parents; "-2", "-3", ... when there is one of that
/// name already. -1 and a sentence on stderr.
int lab_run_directory(const char *out, const char *key, char *dir, size_t capacity);
/// The artifacts (docs/SPEC.md) into `dir`, made with its parents: events, mem, tasks, pools, health as .jsonl,
/// summary.json, summary.md; serial.log is written live by who feeds. Files appear whole (written aside, renamed). -1
/// and a sentence on stderr.
int lab_run_save(const lab_run_t *run, const char *dir);
/// From a directory that save() wrote. -1 and a sentence on stderr.
int lab_run_load(lab_run_t *run, const char *dir);

#endif
