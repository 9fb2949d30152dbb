// SPDX-License-Identifier: MIT
// Scenarios: reading and strict checking. One table of fields tells type, range and place; another which step has which
// of them.
#include "lab_scenario.h"

#include "holdfast/hf_json.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SCHEMA   1
#define DAY_MS   86400000
#define MEGABYTE 1048576

typedef struct reader {
    lab_scenario_t *scenario;
    char *why;
    char place[64]; // "steps[3] (http)"
    bool is_wrong;
} reader_t;

static void wrong(reader_t *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong(reader_t *reader, const char *format, ...)
{
    if (reader->is_wrong) {
        return; // the first is told
    }
    reader->is_wrong = true;
    int length = snprintf(reader->why, LAB_WHY_BYTES, "%s%s", reader->place,
                          reader->place[0] != '\0' ? ": " : "");
    va_list args;
    va_start(args, format);
    if (length >= 0 && (size_t)length < LAB_WHY_BYTES) {
        (void)vsnprintf(reader->why + length, LAB_WHY_BYTES - (size_t)length, format, args);
    }
    va_end(args);
}

const char *lab_do_text(lab_do_t what)
{
    static const char *const texts[] = {
#define LAB_DO_NAME(name, text, simulated) text,
        LAB_DO_TABLE(LAB_DO_NAME)
#undef LAB_DO_NAME
    };
    return what < LAB_DO_COUNT ? texts[what] : "?";
}

static bool is_simulated(lab_do_t what)
{
    static const bool table[] = {
#define LAB_DO_SIM(name, text, simulated) simulated,
        LAB_DO_TABLE(LAB_DO_SIM)
#undef LAB_DO_SIM
    };
    return table[what];
}

// ---- values ----

/// A copy in the scenario's own store.
static const char *keep_text(reader_t *reader, const char *text, size_t length)
{
    lab_scenario_t *scenario = reader->scenario;
    if (length + 1 > sizeof scenario->text - scenario->used) {
        wrong(reader, "too much text");
        return "";
    }
    char *copy = scenario->text + scenario->used;
    memcpy(copy, text, length);
    copy[length] = '\0';
    scenario->used += length + 1;
    return copy;
}

static const char *read_string(reader_t *reader, const char *name, hf_json_t value, int64_t most)
{
    char text[2048];
    if (value.type != HF_JSON_STRING || hf_json_string(value, text, sizeof text) != HF_OK ||
        text[0] == '\0' || strlen(text) > (size_t)most) {
        wrong(reader, "'%s' must be a text of 1 to %lld characters", name, (long long)most);
        return "";
    }
    return keep_text(reader, text, strlen(text));
}

static int64_t read_integer(reader_t *reader, const char *name, hf_json_t value,
                            const int64_t range[2])
{
    int64_t number = 0;
    if (hf_json_i64(value, &number) != HF_OK || number < range[0] || number > range[1]) {
        wrong(reader, "'%s' must be a whole number from %lld to %lld", name, (long long)range[0],
              (long long)range[1]);
    }
    return number;
}

static int64_t read_ms(reader_t *reader, const char *name, hf_json_t value, const int64_t range[2])
{
    int64_t ms = 0;
    if (value.type != HF_JSON_NUMBER || hf_json_fixed(value, 3, &ms) != HF_OK || ms < range[0] ||
        ms > range[1]) {
        wrong(reader, "'%s' must be a number from %.3f to %.3f", name, (double)range[0] / 1000.0,
              (double)range[1] / 1000.0);
    }
    return ms;
}

static bool read_bool(reader_t *reader, const char *name, hf_json_t value)
{
    bool flag = false;
    if (hf_json_bool(value, &flag) != HF_OK) {
        wrong(reader, "'%s' must be true or false", name);
    }
    return flag;
}

static const char *read_raw(reader_t *reader, hf_json_t value)
{
    return keep_text(reader, value.raw.text, value.raw.length);
}

/// An array of strings; how many.
static unsigned read_strings(reader_t *reader, const char *name, hf_json_t value,
                             const char **strings, unsigned most)
{
    unsigned count = 0;
    if (value.type != HF_JSON_ARRAY || hf_json_count(value) > most) {
        wrong(reader, "'%s' must be an array of at most %u texts", name, most);
        return 0;
    }
    for (hf_json_walk_t walk = {.container = value}; count < most && hf_json_next(&walk);) {
        strings[count++] = read_string(reader, name, walk.value, 255);
    }
    return count;
}

// ---- the fields of a step ----

typedef enum field_type {
    TEXT,
    CHOICE, // one of `words`
    PATH,   // begins with a slash
    PATHS,
    NAMES, // array of texts
    INTEGER,
    SECONDS,
    FLAG,
    OBJECT,
    ANY,   // any JSON value
    STEPS, // of a repeat
} field_type_t;

typedef struct field {
    const char *name;
    field_type_t type;
    size_t offset;
    int64_t range[2]; // ms for SECONDS; the length of a text is range[1]
    const char *words;
} field_t;

// X(NAME, json name, type, member, least, most, words)
#define FIELD_TABLE(X)                                                                             \
    X(ID, "id", TEXT, id, 1, 40, NULL)                                                             \
    X(TITLE, "title", TEXT, title, 1, 100, NULL)                                                   \
    X(OPTIONAL, "optional", FLAG, is_optional, 0, 0, NULL)                                         \
    X(ESSENTIAL, "essential", FLAG, is_essential, 0, 0, NULL)                                      \
    X(LIMIT, "limit_s", SECONDS, limit_ms, 50, 7 * DAY_MS, NULL)                                   \
    X(SECONDS, "seconds", SECONDS, ms, 0, 7 * DAY_MS, NULL)                                        \
    X(TIMES, "times", INTEGER, times, 1, 1000000, NULL)                                            \
    X(HOURS, "hours", INTEGER, hours, 1, 8760, NULL)                                               \
    X(FRAMES, "frames_per_s", INTEGER, frames_per_s, 1, 10000, NULL)                               \
    X(HEALTH, "health", INTEGER, health, 0, 16, NULL)                                              \
    X(PARALLEL, "parallel", INTEGER, parallel, 1, 16, NULL)                                        \
    X(EXPECT, "expect", INTEGER, expect, 100, 599, NULL)                                           \
    X(BYTES, "bytes", INTEGER, bytes, 1, 16 * MEGABYTE, NULL)                                      \
    X(PATTERN, "pattern", TEXT, pattern, 1, 200, NULL)                                             \
    X(TAG, "tag", TEXT, tag, 1, 63, NULL)                                                          \
    X(SINCE, "since", CHOICE, since, 1, 10, "step previous reset")                                 \
    X(FROM, "from", CHOICE, from, 1, 10, "vehicle central")                                        \
    X(EVENT, "event", TEXT, event, 1, 40, NULL)                                                    \
    X(WHERE, "where", OBJECT, where, 0, 0, NULL)                                                   \
    X(METHOD, "method", CHOICE, method, 1, 10, "GET POST PUT DELETE HEAD PATCH")                   \
    X(PATH, "path", PATH, path, 1, 200, NULL)                                                      \
    X(PATHS, "paths", PATHS, paths, 1, 16, NULL)                                                   \
    X(BODY, "body", ANY, body, 0, 0, NULL)                                                         \
    X(FILE, "file", TEXT, file, 1, 255, NULL)                                                      \
    X(TYPE, "type", TEXT, type, 1, 60, NULL)                                                       \
    X(DIGEST, "digest", FLAG, has_digest, 0, 0, NULL)                                              \
    X(HEADER, "header", TEXT, header, 1, 200, NULL)                                                \
    X(BODY_FROM, "body_from", PATH, body_from, 1, 200, NULL)                                       \
    X(MEMBER, "member", TEXT, member, 1, 40, NULL)                                                 \
    X(PAD, "pad_to", INTEGER, pad_to, 2, 65536, NULL)                                              \
    X(KEEP, "keep", NAMES, keep, 1, 64, NULL)                                                      \
    X(SET, "set", OBJECT, set, 0, 0, NULL)                                                         \
    X(CONTAINS, "contains", TEXT, contains, 1, 100, NULL)                                          \
    X(LABEL, "label", TEXT, label, 1, 40, NULL)                                                    \
    X(STABLE, "stable", FLAG, is_stable, 0, 0, NULL)                                               \
    X(HOW, "how", CHOICE, how, 1, 10, "remote card")                                               \
    X(NAME, "name", TEXT, name, 1, 40, NULL)                                                       \
    X(TO, "to", CHOICE, to, 1, 10, "vehicle central")                                              \
    X(LINE, "line", TEXT, line, 1, 1000, NULL)                                                     \
    X(NOTE, "text", TEXT, text, 1, 400, NULL)                                                      \
    X(POINT, "point", TEXT, point, 1, 40, NULL)                                                    \
    X(STEPS, "steps", STEPS, steps, 0, 0, NULL)

enum {
#define FIELD_INDEX(name, json, type, member, least, most, words) INDEX_##name,
    FIELD_TABLE(FIELD_INDEX)
#undef FIELD_INDEX
        FIELDS
};

static const field_t fields[FIELDS] = {
#define FIELD_ROW(name, json, type, member, least, most, words)                                    \
    {json, type, offsetof(lab_act_t, member), {least, most}, words},
    FIELD_TABLE(FIELD_ROW)
#undef FIELD_ROW
};

#define BIT(name) (UINT64_C(1) << INDEX_##name)
#define COMMON    (BIT(ID) | BIT(TITLE) | BIT(OPTIONAL) | BIT(ESSENTIAL))

typedef struct shape {
    uint64_t required, allowed; // beside COMMON
    int64_t limit_ms;           // where none is told
} shape_t;

static const shape_t shapes[LAB_DO_COUNT] = {
    [LAB_DO_WAIT_LINE] = {BIT(PATTERN), BIT(LIMIT) | BIT(SINCE), 45000},
    [LAB_DO_WAIT_TAG] = {BIT(TAG), BIT(LIMIT) | BIT(SINCE), 90000},
    [LAB_DO_WAIT_EVENT] = {BIT(FROM) | BIT(EVENT), BIT(WHERE) | BIT(LIMIT) | BIT(SINCE), 30000},
    [LAB_DO_HTTP] = {BIT(PATH),
                     BIT(METHOD) | BIT(BODY) | BIT(FILE) | BIT(BYTES) | BIT(TYPE) | BIT(HEADER) |
                         BIT(DIGEST) | BIT(BODY_FROM) | BIT(MEMBER) | BIT(PAD) | BIT(KEEP) |
                         BIT(SET) | BIT(EXPECT) | BIT(CONTAINS) | BIT(LIMIT),
                     10000},
    [LAB_DO_BURST] = {BIT(PATHS), BIT(HEALTH) | BIT(PARALLEL) | BIT(LIMIT) | BIT(EXPECT), 20000},
    [LAB_DO_HEALTH] = {BIT(LABEL), BIT(STABLE) | BIT(LIMIT), 30000},
    [LAB_DO_SLEEP] = {BIT(SECONDS), 0, 0},
    [LAB_DO_PAUSE] = {BIT(POINT), 0, 0},
    [LAB_DO_CAN_LOAD] = {BIT(FRAMES) | BIT(SECONDS), 0, 0},
    [LAB_DO_SESSION] = {BIT(SECONDS), BIT(HOW) | BIT(LIMIT), 30000},
    [LAB_DO_POWER_CUT] = {BIT(SECONDS), BIT(LIMIT), 30000},
    [LAB_DO_NET_DOWN] = {0, 0, 0},
    [LAB_DO_NET_UP] = {0, 0, 0},
    [LAB_DO_CSMS_DOWN] = {0, 0, 0},
    [LAB_DO_CSMS_UP] = {0, 0, 0},
    [LAB_DO_REBOOT] = {0, BIT(LIMIT), 45000},
    [LAB_DO_REPEAT] = {BIT(STEPS), BIT(TIMES) | BIT(HOURS), 0},
    [LAB_DO_FAULT] = {BIT(NAME) | BIT(SECONDS), 0, 0},
    [LAB_DO_TELL] = {BIT(TO) | BIT(LINE), 0, 0},
    [LAB_DO_REPORT] = {0, 0, 0},
    [LAB_DO_NOTE] = {BIT(NOTE), 0, 0},
};

static bool is_word_of(const char *text, const char *words)
{
    size_t length = strlen(text);
    for (const char *at = words; (at = strstr(at, text)) != NULL; at += length) {
        bool begins = at == words || at[-1] == ' ';
        if (begins && (at[length] == ' ' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static const char *read_text_field(reader_t *reader, const field_t *field, hf_json_t value)
{
    const char *text = read_string(reader, field->name, value, field->range[1]);
    if (!reader->is_wrong && field->type == CHOICE && !is_word_of(text, field->words)) {
        wrong(reader, "'%s' is '%s', not one of: %s", field->name, text, field->words);
    } else if (!reader->is_wrong && field->type == PATH && text[0] != '/') {
        wrong(reader, "'%s' must begin with a slash", field->name);
    }
    return text;
}

static const char *read_list_field(reader_t *reader, const field_t *field, hf_json_t value)
{
    const char *strings[64];
    size_t used = reader->scenario->used;
    unsigned count = read_strings(reader, field->name, value, strings, (unsigned)field->range[1]);
    if (!reader->is_wrong && count == 0) {
        wrong(reader, "'%s' is empty", field->name);
    }
    for (unsigned i = 0; i < count && !reader->is_wrong && field->type == PATHS; i++) {
        if (strings[i][0] != '/') {
            wrong(reader, "'%s': '%s' must begin with a slash", field->name, strings[i]);
        }
    }
    reader->scenario->used = used; // it is the array itself that is kept
    return read_raw(reader, value);
}

static void put_pointer(char *member, const char *text)
{
    memcpy(member, &text, sizeof text);
}

static void read_field(reader_t *reader, lab_act_t *act, const field_t *field, hf_json_t value)
{
    char *member = (char *)act + field->offset;
    int64_t number = 0;
    bool flag = false;
    switch (field->type) {
    case TEXT:
    case CHOICE:
    case PATH:
        put_pointer(member, read_text_field(reader, field, value));
        break;
    case PATHS:
    case NAMES:
        put_pointer(member, read_list_field(reader, field, value));
        break;
    case INTEGER:
        number = read_integer(reader, field->name, value, field->range);
        memcpy(member, &number, sizeof number);
        break;
    case SECONDS:
        number = read_ms(reader, field->name, value, field->range);
        memcpy(member, &number, sizeof number);
        break;
    case FLAG:
        flag = read_bool(reader, field->name, value);
        memcpy(member, &flag, sizeof flag);
        break;
    case OBJECT:
        if (value.type != HF_JSON_OBJECT) {
            wrong(reader, "'%s' must be an object", field->name);
        }
        put_pointer(member, read_raw(reader, value));
        break;
    case ANY:
        put_pointer(member, read_raw(reader, value));
        break;
    case STEPS:
        if (value.type != HF_JSON_ARRAY || hf_json_count(value) == 0) {
            wrong(reader, "'steps' must be an array of one step or more");
        }
        put_pointer(member, value.raw.text);
        break;
    }
}

static bool read_name(hf_json_walk_t *walk, char name[64])
{
    return hf_json_string(walk->name, name, 64) == HF_OK;
}

static lab_do_t read_what(reader_t *reader, hf_json_t object)
{
    char text[64] = "";
    lab_do_t what = 0;
    if (hf_json_string(hf_json_member(object, "do"), text, sizeof text) != HF_OK) {
        wrong(reader, "'do' is missing, or no text: it says what kind of step it is");
        return LAB_DO_COUNT;
    }
    while (what < LAB_DO_COUNT && strcmp(text, lab_do_text(what)) != 0) {
        what++;
    }
    if (what == LAB_DO_COUNT) {
        wrong(reader, "there is no step '%s'", text);
    }
    return what;
}

/// Reads all fields; what is there as bits.
static uint64_t read_fields(reader_t *reader, lab_act_t *act, hf_json_t object)
{
    const shape_t *shape = &shapes[act->what];
    uint64_t allowed = shape->required | shape->allowed | COMMON, seen = 0;
    for (hf_json_walk_t walk = {.container = object}; !reader->is_wrong && hf_json_next(&walk);) {
        char name[64];
        unsigned i = 0;
        if (!read_name(&walk, name)) {
            wrong(reader, "a field's name is too long");
            break;
        }
        if (strcmp(name, "do") == 0) {
            continue;
        }
        while (i < FIELDS && strcmp(name, fields[i].name) != 0) {
            i++;
        }
        if (i == FIELDS || (allowed >> i & 1u) == 0) {
            wrong(reader, "'%s' is no field of it", name);
        } else if ((seen >> i & 1u) != 0) {
            wrong(reader, "'%s' is there twice", name);
        } else {
            read_field(reader, act, &fields[i], walk.value);
            seen |= UINT64_C(1) << i;
        }
    }
    return seen;
}

static void check_pattern(reader_t *reader, const char *pattern)
{
    regex_t compiled;
    if (strchr(pattern, '{') != NULL) { // a few of them, nested, take all memory there is
        wrong(reader, "'pattern' may have no intervals in braces");
        return;
    }
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        wrong(reader, "'pattern' is no extended regular expression");
        return;
    }
    regfree(&compiled);
}

static void check_http(reader_t *reader, uint64_t seen)
{
    static const uint64_t kinds[] = {BIT(BODY), BIT(FILE), BIT(BYTES), BIT(BODY_FROM)};
    unsigned bodies = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bodies += (seen & kinds[i]) != 0 ? 1u : 0u;
    }
    if (bodies > 1) {
        wrong(reader, "only one of 'body', 'file', 'bytes' and 'body_from' can be its body");
    } else if ((seen & (BIT(KEEP) | BIT(SET) | BIT(MEMBER) | BIT(PAD))) != 0 &&
               (seen & BIT(BODY_FROM)) == 0) {
        wrong(reader, "'member', 'keep', 'set' and 'pad_to' go with 'body_from'");
    } else if (bodies == 1 && (seen & BIT(METHOD)) == 0) {
        wrong(reader, "'method' is needed where there is a body");
    }
}

static void read_act(reader_t *reader, lab_act_t *act, hf_json_t object)
{
    if (object.type != HF_JSON_OBJECT) {
        wrong(reader, "a step must be an object");
        return;
    }
    act->what = read_what(reader, object);
    if (reader->is_wrong) {
        return;
    }
    size_t length = strlen(reader->place);
    (void)snprintf(reader->place + length, sizeof reader->place - length, " (%s)",
                   lab_do_text(act->what));
    act->limit_ms = shapes[act->what].limit_ms;
    act->is_stable = act->what == LAB_DO_HEALTH;
    uint64_t seen = read_fields(reader, act, object);
    uint64_t missing = shapes[act->what].required & ~seen;
    for (unsigned i = 0; i < FIELDS && !reader->is_wrong; i++) {
        if ((missing >> i & 1u) != 0) {
            wrong(reader, "'%s' is missing", fields[i].name);
        }
    }
    if (act->pattern != NULL) {
        check_pattern(reader, act->pattern);
    }
    if (act->what == LAB_DO_HTTP) {
        check_http(reader, seen);
    } else if (act->what == LAB_DO_REPEAT && (act->times == 0) == (act->hours == 0)) {
        wrong(reader, "either 'times' or 'hours' is needed");
    }
}

// ---- the steps, as a flat list ----

typedef struct level {
    hf_json_walk_t walk;
    uint32_t repeat; // its index; UINT32_MAX: the top
    unsigned number;
} level_t;

static hf_json_t steps_of(hf_json_t object)
{
    return hf_json_member(object, "steps");
}

static void place_of(reader_t *reader, const level_t *levels, unsigned depth)
{
    size_t used = 0;
    for (unsigned i = 0; i <= depth && used < sizeof reader->place; i++) {
        int length = snprintf(reader->place + used, sizeof reader->place - used, "%ssteps[%u]",
                              i > 0 ? "." : "", levels[i].number);
        used += length > 0 ? (size_t)length : 0;
    }
}

/// One more step, or back to where the repeat began. False: all read, or wrong.
static bool read_next(reader_t *reader, level_t levels[LAB_REPEATS_MAX + 1], unsigned *depth)
{
    lab_scenario_t *scenario = reader->scenario;
    level_t *level = &levels[*depth];
    if (!hf_json_next(&level->walk)) {
        if (level->repeat != UINT32_MAX) {
            scenario->act[level->repeat].end = scenario->acts;
            levels[--*depth].number++;
            return true;
        }
        return false;
    }
    place_of(reader, levels, *depth);
    if (scenario->acts == LAB_ACTS_MAX) {
        wrong(reader, "more than %u steps", LAB_ACTS_MAX);
        return false;
    }
    lab_act_t *act = &scenario->act[scenario->acts];
    read_act(reader, act, level->walk.value);
    scenario->acts++;
    if (reader->is_wrong || act->what != LAB_DO_REPEAT) {
        level->number++;
        return !reader->is_wrong;
    }
    if (*depth == LAB_REPEATS_MAX) {
        wrong(reader, "more than %u repeats in one another", LAB_REPEATS_MAX);
        return false;
    }
    act->steps = NULL;
    levels[++*depth] =
        (level_t){.walk = {.container = steps_of(level->walk.value)}, .repeat = scenario->acts - 1};
    return true;
}

static void read_steps(reader_t *reader, hf_json_t array)
{
    level_t levels[LAB_REPEATS_MAX + 1] = {{.walk = {.container = array}, .repeat = UINT32_MAX}};
    unsigned depth = 0;
    if (array.type != HF_JSON_ARRAY) {
        wrong(reader, "'steps' must be an array");
        return;
    }
    while (read_next(reader, levels, &depth)) {
    }
    if (!reader->is_wrong) {
        reader->place[0] = '\0';
    }
}

/// What goes down comes up again, and nothing comes up that is not down.
static void check_order(reader_t *reader)
{
    const lab_scenario_t *scenario = reader->scenario;
    bool net_down = false, csms_down = false;
    for (uint32_t i = 0; i < scenario->acts && !reader->is_wrong; i++) {
        lab_do_t what = scenario->act[i].what;
        bool is_net = what == LAB_DO_NET_DOWN || what == LAB_DO_NET_UP;
        bool is_csms = what == LAB_DO_CSMS_DOWN || what == LAB_DO_CSMS_UP;
        bool goes_down = what == LAB_DO_NET_DOWN || what == LAB_DO_CSMS_DOWN;
        bool *state = is_net ? &net_down : &csms_down;
        if ((is_net || is_csms) && *state == goes_down) {
            wrong(reader, "step %u (%s): it is %s already", i, lab_do_text(what),
                  goes_down ? "down" : "up");
        } else if (is_net || is_csms) {
            *state = goes_down;
        }
    }
    if (net_down || csms_down) {
        wrong(reader, "%s is never followed by %s", net_down ? "net_down" : "csms_down",
              net_down ? "net_up" : "csms_up");
    }
}

static void check_ids(reader_t *reader)
{
    const lab_scenario_t *scenario = reader->scenario;
    for (uint32_t i = 0; i < scenario->acts; i++) {
        for (uint32_t k = 0; k < i && scenario->act[i].id != NULL; k++) {
            if (scenario->act[k].id != NULL &&
                strcmp(scenario->act[k].id, scenario->act[i].id) == 0) {
                wrong(reader, "the id '%s' is there twice", scenario->act[i].id);
            }
        }
    }
}

// ---- the scenario itself ----

static void read_stepped(reader_t *reader, hf_json_t object)
{
    lab_scenario_t *scenario = reader->scenario;
    static const struct {
        const char *name;
        int64_t range[2];
    } rows[] = {{"hours", {1, 8760}},           {"sessions", {1, 2000}},
                {"reboot_hours", {1, 8760}},    {"outages", {1, 2000}},
                {"cut_power_at", {1, 1000000}}, {"fail_take", {1, 1000000}}};
    int64_t *const places[] = {&scenario->stepped.hours,        &scenario->stepped.sessions,
                               &scenario->stepped.reboot_hours, &scenario->stepped.outages,
                               &scenario->stepped.cut_power_at, &scenario->stepped.fail_take};
    if (object.type != HF_JSON_OBJECT) {
        wrong(reader, "'stepped' must be an object");
        return;
    }
    scenario->stepped.is_there = true;
    for (hf_json_walk_t walk = {.container = object}; !reader->is_wrong && hf_json_next(&walk);) {
        char name[64] = "";
        size_t i = 0;
        bool is_named = read_name(&walk, name);
        while (i < sizeof rows / sizeof rows[0] && strcmp(name, rows[i].name) != 0) {
            i++;
        }
        if (!is_named || i == sizeof rows / sizeof rows[0]) {
            wrong(reader, "stepped: '%s' is no field of it", name);
            return;
        }
        *places[i] = read_integer(reader, rows[i].name, walk.value, rows[i].range);
    }
    if (!reader->is_wrong && (scenario->stepped.hours == 0 || scenario->stepped.sessions == 0)) {
        wrong(reader, "stepped: 'hours' and 'sessions' are needed");
    }
}

static void read_needs(reader_t *reader, hf_json_t value)
{
    const char *strings[4];
    unsigned count = read_strings(reader, "needs", value, strings, 4);
    for (unsigned i = 0; i < count && !reader->is_wrong; i++) {
        if (strcmp(strings[i], "broker") != 0) {
            wrong(reader, "needs: '%s' is not known; 'broker' is", strings[i]);
        }
        reader->scenario->needs_broker = true;
    }
}

static bool read_top_text(reader_t *reader, const char *name, hf_json_t value)
{
    lab_scenario_t *scenario = reader->scenario;
    const struct {
        const char *name;
        const char **place;
        int64_t most;
    } texts[] = {{"key", &scenario->key, 31},
                 {"id", &scenario->id, 15},
                 {"title", &scenario->title, 95},
                 {"description", &scenario->description, 255}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].place = read_string(reader, name, value, texts[i].most);
            return true;
        }
    }
    return false;
}

static bool read_top_number(reader_t *reader, const char *name, hf_json_t value)
{
    lab_scenario_t *scenario = reader->scenario;
    int64_t schema = SCHEMA;
    const struct {
        const char *name;
        int64_t *place;
        int64_t range[2];
    } numbers[] = {{"schema", &schema, {SCHEMA, SCHEMA}},
                   {"heartbeat_s", &scenario->heartbeat_s, {1, 3600}},
                   {"tripwire_bytes", &scenario->tripwire_bytes, {0, 16 * MEGABYTE}},
                   {"heap_stable_bytes", &scenario->heap_stable_bytes, {1, 16 * MEGABYTE}}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].place = read_integer(reader, name, value, numbers[i].range);
            return true;
        }
    }
    return false;
}

static bool read_top_list(reader_t *reader, const char *name, hf_json_t value)
{
    lab_scenario_t *scenario = reader->scenario;
    const struct {
        const char *name;
        const char **place;
        unsigned *count, most;
    } lists[] = {{"alias", scenario->alias, &scenario->aliases, LAB_ALIASES_MAX},
                 {"daemon", scenario->daemon, &scenario->daemons, LAB_DAEMON_MAX},
                 {"fail_on", scenario->fail_on, &scenario->fail_ons, LAB_FAIL_ON_MAX},
                 {"gates", scenario->gate, &scenario->gates, LAB_FAIL_ON_MAX}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (strcmp(name, lists[i].name) == 0) {
            *lists[i].count = read_strings(reader, name, value, lists[i].place, lists[i].most);
            return true;
        }
    }
    return false;
}

static void read_member(reader_t *reader, const char *name, hf_json_t value)
{
    if (read_top_text(reader, name, value) || read_top_number(reader, name, value) ||
        read_top_list(reader, name, value)) {
        return;
    }
    if (strcmp(name, "needs") == 0) {
        read_needs(reader, value);
    } else if (strcmp(name, "stepped") == 0) {
        read_stepped(reader, value);
    } else if (strcmp(name, "steps") == 0) {
        read_steps(reader, value);
    } else {
        wrong(reader, "'%s' is no field of a scenario", name);
    }
}

/// Each name once: hf_json takes the first of several, silently.
static bool is_twice(hf_json_t root, const hf_json_walk_t *walk, const char *name)
{
    hf_json_t first = hf_json_member(root, name);
    return first.raw.text != walk->value.raw.text;
}

static void check_key(reader_t *reader)
{
    const char *key = reader->scenario->key;
    if (key != NULL && strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(key)) {
        wrong(reader, "'key' may have small letters, digits, _ and - only: it names a directory");
    }
}

static void derive(lab_scenario_t *scenario)
{
    scenario->needs_stepped = scenario->acts == 0;
    for (uint32_t i = 0; i < scenario->acts; i++) {
        lab_do_t what = scenario->act[i].what;
        bool is_http = what == LAB_DO_HTTP || what == LAB_DO_BURST;
        scenario->needs_sim |= is_simulated(what);
        scenario->needs_http |= is_http && !scenario->act[i].is_optional;
    }
}

static void read_root(reader_t *reader, hf_json_t root)
{
    lab_scenario_t *scenario = reader->scenario;
    if (root.type != HF_JSON_OBJECT) {
        wrong(reader, "a scenario must be an object");
        return;
    }
    for (hf_json_walk_t walk = {.container = root}; !reader->is_wrong && hf_json_next(&walk);) {
        char name[64];
        if (!read_name(&walk, name)) {
            wrong(reader, "a field's name is too long");
        } else if (is_twice(root, &walk, name)) {
            wrong(reader, "'%s' is there twice", name);
        } else {
            read_member(reader, name, walk.value);
        }
    }
    if (hf_json_member(root, "schema").type == HF_JSON_NONE) {
        wrong(reader, "'schema' is missing: %d", SCHEMA);
    }
    if (scenario->key == NULL || scenario->title == NULL) {
        wrong(reader, "'%s' is missing", scenario->key == NULL ? "key" : "title");
    }
    check_key(reader);
    if (scenario->acts == 0 && !scenario->stepped.is_there) {
        wrong(reader, "it has neither 'steps' nor 'stepped'");
    }
    check_order(reader);
    check_ids(reader);
}

lab_scenario_t *lab_scenario_parse(const char *text, size_t length, char why[LAB_WHY_BYTES])
{
    hf_json_t root;
    lab_scenario_t *scenario = calloc(1, sizeof *scenario);
    reader_t reader = {.scenario = scenario, .why = why};
    why[0] = '\0';
    if (scenario == NULL) {
        (void)snprintf(why, LAB_WHY_BYTES, "no memory");
        return NULL;
    }
    scenario->tripwire_bytes = -1;
    if (length > LAB_SCENARIO_BYTES_MAX) {
        wrong(&reader, "longer than %u bytes", LAB_SCENARIO_BYTES_MAX);
    } else if (hf_json_parse(text, length, &root) != HF_OK) {
        wrong(&reader, "no JSON");
    } else {
        read_root(&reader, root);
    }
    if (reader.is_wrong) {
        free(scenario);
        return NULL;
    }
    derive(scenario);
    return scenario;
}

// ---- finding ----

static lab_scenario_t *read_file(const char *path, char why[LAB_WHY_BYTES])
{
    char said[LAB_WHY_BYTES];
    FILE *file = fopen(path, "re");
    char *text = file != NULL ? malloc(LAB_SCENARIO_BYTES_MAX + 1) : NULL;
    if (text == NULL) {
        (void)snprintf(why, LAB_WHY_BYTES, "%.150s cannot be read", path);
        if (file != NULL) {
            (void)fclose(file);
        }
        return NULL;
    }
    size_t length = fread(text, 1, LAB_SCENARIO_BYTES_MAX + 1, file);
    (void)fclose(file);
    lab_scenario_t *scenario = lab_scenario_parse(text, length, said);
    free(text);
    if (scenario == NULL) {
        (void)snprintf(why, LAB_WHY_BYTES, "%.80s: %.150s", path, said);
    }
    return scenario;
}

static bool is_named(const lab_scenario_t *scenario, const char *name)
{
    bool is_it = strcasecmp(scenario->key, name) == 0 ||
                 (scenario->id != NULL && strcasecmp(scenario->id, name) == 0);
    for (unsigned i = 0; i < scenario->aliases; i++) {
        is_it = is_it || strcasecmp(scenario->alias[i], name) == 0;
    }
    return is_it;
}

lab_scenario_t *lab_scenario_find(const char *name, char why[LAB_WHY_BYTES])
{
    size_t length = strlen(name);
    if (strchr(name, '/') != NULL || (length > 5 && strcmp(name + length - 5, ".json") == 0)) {
        return read_file(name, why);
    }
    const lab_builtin_t *builtin;
    for (unsigned i = 0; (builtin = lab_scenario_builtin(i)) != NULL; i++) {
        lab_scenario_t *scenario = lab_scenario_parse(builtin->text, strlen(builtin->text), why);
        if (scenario != NULL && is_named(scenario, name)) {
            return scenario;
        }
        free(scenario);
    }
    (void)snprintf(why, LAB_WHY_BYTES, "there is no scenario '%.60s' ('holdfast lab list')", name);
    return NULL;
}
