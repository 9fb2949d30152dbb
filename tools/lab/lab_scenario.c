// SPDX-License-Identifier: MIT
// Scenarios: the steps as a flat list, what goes round them, and where scenarios are.
#include "lab_scenario_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SCHEMA 1

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

static void place_of(lab_reader_t *reader, const level_t *levels, unsigned depth)
{
    size_t used = 0;
    for (unsigned i = 0; i <= depth && used < sizeof reader->place; i++) {
        int length = snprintf(reader->place + used, sizeof reader->place - used, "%ssteps[%u]",
                              i > 0 ? "." : "", levels[i].number);
        used += length > 0 ? (size_t)length : 0;
    }
}

/// One more step, or back to where the repeat began. False: all read, or wrong.
static bool read_next(lab_reader_t *reader, level_t levels[LAB_REPEATS_MAX + 1], unsigned *depth)
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
        lab_reader_wrong(reader, "more than %u steps", LAB_ACTS_MAX);
        return false;
    }
    lab_act_t *act = &scenario->act[scenario->acts];
    lab_scenario_read_act(reader, act, level->walk.value);
    scenario->acts++;
    if (reader->is_wrong || act->what != LAB_DO_REPEAT) {
        level->number++;
        return !reader->is_wrong;
    }
    if (*depth == LAB_REPEATS_MAX) {
        lab_reader_wrong(reader, "more than %u repeats in one another", LAB_REPEATS_MAX);
        return false;
    }
    act->steps = NULL;
    levels[++*depth] =
        (level_t){.walk = {.container = steps_of(level->walk.value)}, .repeat = scenario->acts - 1};
    return true;
}

static void read_steps(lab_reader_t *reader, hf_json_t array)
{
    level_t levels[LAB_REPEATS_MAX + 1] = {{.walk = {.container = array}, .repeat = UINT32_MAX}};
    unsigned depth = 0;
    if (array.type != HF_JSON_ARRAY) {
        lab_reader_wrong(reader, "'steps' must be an array");
        return;
    }
    while (read_next(reader, levels, &depth)) {
    }
    if (!reader->is_wrong) {
        reader->place[0] = '\0';
    }
}

/// What goes down comes up again, and nothing comes up that is not down.
static void check_order(lab_reader_t *reader)
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
            lab_reader_wrong(reader, "step %u (%s): it is %s already", i, lab_do_text(what),
                             goes_down ? "down" : "up");
        } else if (is_net || is_csms) {
            *state = goes_down;
        }
    }
    if (net_down || csms_down) {
        lab_reader_wrong(reader, "%s is never followed by %s", net_down ? "net_down" : "csms_down",
                         net_down ? "net_up" : "csms_up");
    }
}

static void check_ids(lab_reader_t *reader)
{
    const lab_scenario_t *scenario = reader->scenario;
    for (uint32_t i = 0; i < scenario->acts; i++) {
        for (uint32_t k = 0; k < i && scenario->act[i].id != NULL; k++) {
            if (scenario->act[k].id != NULL &&
                strcmp(scenario->act[k].id, scenario->act[i].id) == 0) {
                lab_reader_wrong(reader, "the id '%s' is there twice", scenario->act[i].id);
            }
        }
    }
}

// ---- the scenario itself ----

static void read_stepped(lab_reader_t *reader, hf_json_t object)
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
        lab_reader_wrong(reader, "'stepped' must be an object");
        return;
    }
    scenario->stepped.is_there = true;
    for (hf_json_walk_t walk = {.container = object}; !reader->is_wrong && hf_json_next(&walk);) {
        char name[64] = "";
        size_t i = 0;
        bool is_named = lab_reader_name(&walk, name);
        while (i < sizeof rows / sizeof rows[0] && strcmp(name, rows[i].name) != 0) {
            i++;
        }
        if (!is_named || i == sizeof rows / sizeof rows[0]) {
            lab_reader_wrong(reader, "stepped: '%s' is no field of it", name);
            return;
        }
        *places[i] = lab_reader_integer(reader, rows[i].name, walk.value, rows[i].range);
    }
    if (!reader->is_wrong && (scenario->stepped.hours == 0 || scenario->stepped.sessions == 0)) {
        lab_reader_wrong(reader, "stepped: 'hours' and 'sessions' are needed");
    }
}

static void read_needs(lab_reader_t *reader, hf_json_t value)
{
    const char *strings[4];
    unsigned count = lab_reader_strings(reader, "needs", value, strings, 4);
    for (unsigned i = 0; i < count && !reader->is_wrong; i++) {
        if (strcmp(strings[i], "broker") != 0) {
            lab_reader_wrong(reader, "needs: '%s' is not known; 'broker' is", strings[i]);
        }
        reader->scenario->needs_broker = true;
    }
}

static bool read_top_text(lab_reader_t *reader, const char *name, hf_json_t value)
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
            *texts[i].place = lab_reader_string(reader, name, value, texts[i].most);
            return true;
        }
    }
    return false;
}

static bool read_top_number(lab_reader_t *reader, const char *name, hf_json_t value)
{
    lab_scenario_t *scenario = reader->scenario;
    int64_t schema = SCHEMA;
    const struct {
        const char *name;
        int64_t *place;
        int64_t range[2];
    } numbers[] = {{"schema", &schema, {SCHEMA, SCHEMA}},
                   {"heartbeat_s", &scenario->heartbeat_s, {1, 3600}},
                   {"tripwire_bytes", &scenario->tripwire_bytes, {0, LAB_MEGABYTES(16)}},
                   {"heap_stable_bytes", &scenario->heap_stable_bytes, {1, LAB_MEGABYTES(16)}}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].place = lab_reader_integer(reader, name, value, numbers[i].range);
            return true;
        }
    }
    return false;
}

static bool read_top_list(lab_reader_t *reader, const char *name, hf_json_t value)
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
            *lists[i].count =
                lab_reader_strings(reader, name, value, lists[i].place, lists[i].most);
            return true;
        }
    }
    return false;
}

static void read_member(lab_reader_t *reader, const char *name, hf_json_t value)
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
        lab_reader_wrong(reader, "'%s' is no field of a scenario", name);
    }
}

/// Each name once: hf_json takes the first of several, silently.
static bool is_twice(hf_json_t root, const hf_json_walk_t *walk, const char *name)
{
    hf_json_t first = hf_json_member(root, name);
    return first.raw.text != walk->value.raw.text;
}

static void check_key(lab_reader_t *reader)
{
    const char *key = reader->scenario->key;
    if (key != NULL && strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(key)) {
        lab_reader_wrong(
            reader, "'key' may have small letters, digits, _ and - only: it names a directory");
    }
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

static void read_root(lab_reader_t *reader, hf_json_t root)
{
    lab_scenario_t *scenario = reader->scenario;
    if (root.type != HF_JSON_OBJECT) {
        lab_reader_wrong(reader, "a scenario must be an object");
        return;
    }
    for (hf_json_walk_t walk = {.container = root}; !reader->is_wrong && hf_json_next(&walk);) {
        char name[64];
        if (!lab_reader_name(&walk, name)) {
            lab_reader_wrong(reader, "a field's name is too long");
        } else if (is_twice(root, &walk, name)) {
            lab_reader_wrong(reader, "'%s' is there twice", name);
        } else {
            read_member(reader, name, walk.value);
        }
    }
    if (hf_json_member(root, "schema").type == HF_JSON_NONE) {
        lab_reader_wrong(reader, "'schema' is missing: %d", SCHEMA);
    }
    if (scenario->key == NULL || scenario->title == NULL) {
        lab_reader_wrong(reader, "'%s' is missing", scenario->key == NULL ? "key" : "title");
    }
    check_key(reader);
    if (scenario->acts == 0 && !scenario->stepped.is_there) {
        lab_reader_wrong(reader, "it has neither 'steps' nor 'stepped'");
    }
    check_order(reader);
    check_ids(reader);
}

lab_scenario_t *lab_scenario_parse(const char *text, size_t length, char why[LAB_WHY_BYTES])
{
    hf_json_t root;
    lab_scenario_t *scenario = calloc(1, sizeof *scenario);
    lab_reader_t reader = {.scenario = scenario, .why = why};
    why[0] = '\0';
    if (scenario == NULL) {
        (void)snprintf(why, LAB_WHY_BYTES, "no memory");
        return NULL;
    }
    scenario->tripwire_bytes = -1;
    if (length > LAB_SCENARIO_BYTES_MAX) {
        lab_reader_wrong(&reader, "longer than %u bytes", LAB_SCENARIO_BYTES_MAX);
    } else if (hf_json_parse(text, length, &root) != HF_OK) {
        lab_reader_wrong(&reader, "no JSON");
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
