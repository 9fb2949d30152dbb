// SPDX-License-Identifier: MIT
// A step of a scenario: one table of fields tells type, range and place; another which step has which of them.
#include "lab_scenario_reader.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000

const char *lab_do_text(lab_do_t what)
{
    static const char *const texts[] = {
#define LAB_DO_NAME(name, text, simulated) text,
        LAB_DO_TABLE(LAB_DO_NAME)
#undef LAB_DO_NAME
    };
    return what < LAB_DO_COUNT ? texts[what] : "?";
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
    X(BYTES, "bytes", INTEGER, bytes, 1, LAB_MEGABYTES(16), NULL)                                  \
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

static const char *read_text_field(lab_reader_t *reader, const field_t *field, hf_json_t value)
{
    const char *text = lab_reader_string(reader, field->name, value, field->range[1]);
    if (!reader->is_wrong && field->type == CHOICE && !is_word_of(text, field->words)) {
        lab_reader_wrong(reader, "'%s' is '%s', not one of: %s", field->name, text, field->words);
    } else if (!reader->is_wrong && field->type == PATH && text[0] != '/') {
        lab_reader_wrong(reader, "'%s' must begin with a slash", field->name);
    }
    return text;
}

static const char *read_list_field(lab_reader_t *reader, const field_t *field, hf_json_t value)
{
    const char *strings[64];
    size_t used = reader->scenario->used;
    unsigned count =
        lab_reader_strings(reader, field->name, value, strings, (unsigned)field->range[1]);
    if (!reader->is_wrong && count == 0) {
        lab_reader_wrong(reader, "'%s' is empty", field->name);
    }
    for (unsigned i = 0; i < count && !reader->is_wrong && field->type == PATHS; i++) {
        if (strings[i][0] != '/') {
            lab_reader_wrong(reader, "'%s': '%s' must begin with a slash", field->name, strings[i]);
        }
    }
    reader->scenario->used = used; // it is the array itself that is kept
    return lab_reader_raw(reader, value);
}

static void put_pointer(char *member, const char *text)
{
    memcpy(member, &text, sizeof text);
}

static void read_field(lab_reader_t *reader, lab_act_t *act, const field_t *field, hf_json_t value)
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
        number = lab_reader_integer(reader, field->name, value, field->range);
        memcpy(member, &number, sizeof number);
        break;
    case SECONDS:
        number = lab_reader_ms(reader, field->name, value, field->range);
        memcpy(member, &number, sizeof number);
        break;
    case FLAG:
        flag = lab_reader_flag(reader, field->name, value);
        memcpy(member, &flag, sizeof flag);
        break;
    case OBJECT:
        if (value.type != HF_JSON_OBJECT) {
            lab_reader_wrong(reader, "'%s' must be an object", field->name);
        }
        put_pointer(member, lab_reader_raw(reader, value));
        break;
    case ANY:
        put_pointer(member, lab_reader_raw(reader, value));
        break;
    case STEPS:
        if (value.type != HF_JSON_ARRAY || hf_json_count(value) == 0) {
            lab_reader_wrong(reader, "'steps' must be an array of one step or more");
        }
        put_pointer(member, value.raw.text);
        break;
    }
}

static lab_do_t read_what(lab_reader_t *reader, hf_json_t object)
{
    char text[64] = "";
    lab_do_t what = 0;
    if (hf_json_string(hf_json_member(object, "do"), text, sizeof text) != HF_OK) {
        lab_reader_wrong(reader, "'do' is missing, or no text: it says what kind of step it is");
        return LAB_DO_COUNT;
    }
    while (what < LAB_DO_COUNT && strcmp(text, lab_do_text(what)) != 0) {
        what++;
    }
    if (what == LAB_DO_COUNT) {
        lab_reader_wrong(reader, "there is no step '%s'", text);
    }
    return what;
}

/// Reads all fields; what is there as bits.
static uint64_t read_fields(lab_reader_t *reader, lab_act_t *act, hf_json_t object)
{
    const shape_t *shape = &shapes[act->what];
    uint64_t allowed = shape->required | shape->allowed | COMMON, seen = 0;
    for (hf_json_walk_t walk = {.container = object}; !reader->is_wrong && hf_json_next(&walk);) {
        char name[64];
        unsigned i = 0;
        if (!lab_reader_name(&walk, name)) {
            lab_reader_wrong(reader, "a field's name is too long");
            break;
        }
        if (strcmp(name, "do") == 0) {
            continue;
        }
        while (i < FIELDS && strcmp(name, fields[i].name) != 0) {
            i++;
        }
        if (i == FIELDS || (allowed >> i & 1u) == 0) {
            lab_reader_wrong(reader, "'%s' is no field of it", name);
        } else if ((seen >> i & 1u) != 0) {
            lab_reader_wrong(reader, "'%s' is there twice", name);
        } else {
            read_field(reader, act, &fields[i], walk.value);
            seen |= UINT64_C(1) << i;
        }
    }
    return seen;
}

static void check_pattern(lab_reader_t *reader, const char *pattern)
{
    regex_t compiled;
    if (strchr(pattern, '{') != NULL) { // a few of them, nested, take all memory there is
        lab_reader_wrong(reader, "'pattern' may have no intervals in braces");
        return;
    }
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        lab_reader_wrong(reader, "'pattern' is no extended regular expression");
        return;
    }
    regfree(&compiled);
}

static void check_http(lab_reader_t *reader, uint64_t seen)
{
    static const uint64_t kinds[] = {BIT(BODY), BIT(FILE), BIT(BYTES), BIT(BODY_FROM)};
    unsigned bodies = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        bodies += (seen & kinds[i]) != 0 ? 1u : 0u;
    }
    if (bodies > 1) {
        lab_reader_wrong(reader,
                         "only one of 'body', 'file', 'bytes' and 'body_from' can be its body");
    } else if ((seen & (BIT(KEEP) | BIT(SET) | BIT(MEMBER) | BIT(PAD))) != 0 &&
               (seen & BIT(BODY_FROM)) == 0) {
        lab_reader_wrong(reader, "'member', 'keep', 'set' and 'pad_to' go with 'body_from'");
    } else if (bodies == 1 && (seen & BIT(METHOD)) == 0) {
        lab_reader_wrong(reader, "'method' is needed where there is a body");
    }
}

void lab_scenario_read_act(lab_reader_t *reader, lab_act_t *act, hf_json_t object)
{
    if (object.type != HF_JSON_OBJECT) {
        lab_reader_wrong(reader, "a step must be an object");
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
            lab_reader_wrong(reader, "'%s' is missing", fields[i].name);
        }
    }
    if (act->pattern != NULL) {
        check_pattern(reader, act->pattern);
    }
    if (act->what == LAB_DO_HTTP) {
        check_http(reader, seen);
    } else if (act->what == LAB_DO_REPEAT && (act->times == 0) == (act->hours == 0)) {
        lab_reader_wrong(reader, "either 'times' or 'hours' is needed");
    }
}
