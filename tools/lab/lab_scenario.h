// SPDX-License-Identifier: MIT
// A scenario: what is done to a device, step by step, as a JSON file (docs/SPEC.md, "Scenarios of the lab"). The
// built-in ones are such files, compiled in. Everything is checked before a device is touched: type, range, order, and
// no field that nobody reads.
#ifndef LAB_SCENARIO_H
#define LAB_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_SCENARIO_BYTES_MAX 65536u
#define LAB_ACTS_MAX           128u
#define LAB_REPEATS_MAX        3u // one in another
#define LAB_ALIASES_MAX        4u
#define LAB_DAEMON_MAX         16u
#define LAB_FAIL_ON_MAX        8u

// X(NAME, text, needs a simulated device)
#define LAB_DO_TABLE(X)                                                                            \
    X(WAIT_LINE, "wait_line", false)                                                               \
    X(WAIT_TAG, "wait_tag", false)                                                                 \
    X(WAIT_EVENT, "wait_event", true)                                                              \
    X(HTTP, "http", false)                                                                         \
    X(BURST, "burst", false)                                                                       \
    X(HEALTH, "health", false)                                                                     \
    X(SLEEP, "sleep", false)                                                                       \
    X(PAUSE, "pause", false)                                                                       \
    X(CAN_LOAD, "can_load", true)                                                                  \
    X(SESSION, "session", true)                                                                    \
    X(POWER_CUT, "power_cut", true)                                                                \
    X(NET_DOWN, "net_down", true)                                                                  \
    X(NET_UP, "net_up", true)                                                                      \
    X(CSMS_DOWN, "csms_down", true)                                                                \
    X(CSMS_UP, "csms_up", true)                                                                    \
    X(REBOOT, "reboot", false)                                                                     \
    X(REPEAT, "repeat", false)                                                                     \
    X(FAULT, "fault", true)                                                                        \
    X(TELL, "tell", true)                                                                          \
    X(REPORT, "report", false)                                                                     \
    X(NOTE, "note", false)

typedef enum lab_do {
#define LAB_DO_ENUM(name, text, simulated) LAB_DO_##name,
    LAB_DO_TABLE(LAB_DO_ENUM)
#undef LAB_DO_ENUM
        LAB_DO_COUNT
} lab_do_t;
const char *lab_do_text(lab_do_t what);

/// A step. What a kind of step does not have is 0 or NULL. JSON values are texts, valid ones.
typedef struct lab_act {
    lab_do_t what;
    const char *id, *title;
    bool is_optional;  // missed: skipped, with the reason
    bool is_essential; // missed: the rest is not run
    bool is_stable;    // health: wait for it
    bool has_digest;   // http: X-Digest-SHA256 of the body goes along
    int64_t limit_ms, ms;
    int64_t times, hours, frames_per_s, health, parallel, expect, bytes, pad_to;
    const char *pattern, *tag, *since, *from, *event, *where, *method, *path, *paths, *body, *file,
        *type, *header, *body_from, *member, *keep, *set, *contains, *label, *how, *name, *to,
        *line, *text, *point;
    const char *steps; // of the file's text; only while it is read
    uint32_t end;      // repeat: index after its last step
} lab_act_t;

typedef struct lab_scenario {
    const char *key, *id, *title, *description;
    const char *alias[LAB_ALIASES_MAX];
    unsigned aliases;
    bool needs_broker;
    bool needs_sim;                                         // a step of it does
    bool needs_http;                                        // a step of it does
    bool needs_stepped;                                     // it has no steps
    int64_t heartbeat_s, tripwire_bytes, heap_stable_bytes; // 0, -1, 0: not told
    const char *daemon[LAB_DAEMON_MAX]; // further arguments of holdfastd under --sim
    unsigned daemons;
    const char *fail_on[LAB_FAIL_ON_MAX]; // expressions of gates
    unsigned fail_ons;
    const char *gate[LAB_FAIL_ON_MAX]; // settings of gates
    unsigned gates;
    struct {
        bool is_there;
        int64_t hours, sessions, reboot_hours, outages, cut_power_at, fail_take;
    } stepped; // what holdfast-simd plays instead of the steps
    lab_act_t act[LAB_ACTS_MAX];
    uint32_t acts;
    size_t used;
    char text[2u * LAB_SCENARIO_BYTES_MAX]; // of all strings
} lab_scenario_t;

#define LAB_WHY_BYTES 240u

/// Reads and checks. NULL, with a sentence in `why`: where it is and what is wrong. To be freed with free().
lab_scenario_t *lab_scenario_parse(const char *text, size_t length, char why[LAB_WHY_BYTES]);
/// A built-in one by key, id or alias, letters without case, or a file (a name with a slash or .json).
lab_scenario_t *lab_scenario_find(const char *name, char why[LAB_WHY_BYTES]);

typedef struct lab_builtin {
    const char *name; // of the file, without .json
    const char *text;
} lab_builtin_t;
/// The n-th that is compiled in; NULL past the last.
const lab_builtin_t *lab_scenario_builtin(unsigned n);

#endif
