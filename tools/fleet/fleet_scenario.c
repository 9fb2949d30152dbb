// SPDX-License-Identifier: MIT
// Scenario files: one JSON object, every member optional, none that is not known. docs/FLEET.md describes them.
#include "fleet.h"

#include "holdfast/hf_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX 65536u
#define SECONDS_MAX    864000

typedef struct member {
    const char *name;
    size_t offset;
    bool is_range;
    int64_t most;
} member_t;

#define RANGE(name)                                                                                \
    {                                                                                              \
#name, offsetof(fleet_scenario_t, name), true, SECONDS_MAX                                 \
    }
#define NUMBER(name, most)                                                                         \
    {                                                                                              \
#name, offsetof(fleet_scenario_t, name), false, most                                       \
    }

static const member_t members[] = {
    NUMBER(sessions, 1000000), RANGE(first_s),        RANGE(card_s),
    RANGE(session_s),          RANGE(unplug_s),       RANGE(pause_s),
    RANGE(outage_s),           RANGE(fault_s),        NUMBER(meter_interval_s, 86400),
    NUMBER(by_plug, 1000),     NUMBER(outages, 1000), NUMBER(faults, 1000),
    NUMBER(restarts, 1000),
};

void fleet_scenario_default(fleet_scenario_t *scenario)
{
    *scenario = (fleet_scenario_t){
        .name = "a session each",
        .sessions = 1,
        .first_s = {0, 20},
        .card_s = {1, 3},
        .session_s = {20, 40},
        .unplug_s = {1, 4},
        .pause_s = {5, 15},
        .outage_s = {5, 30},
        .fault_s = {5, 10},
        .meter_interval_s = 10,
        .by_plug = 250,
    };
}

static int complain(const char *path, const char *name, const char *what)
{
    return tool_fail(TOOL_USAGE, FLEET_VERB, "%s: %s%s%s", path, name, name[0] != '\0' ? ": " : "",
                     what);
}

static bool read_number(hf_json_t value, int64_t most, uint32_t *out)
{
    int64_t number = 0;
    if (hf_json_i64(value, &number) != HF_OK || number < 0 || number > most) {
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

static bool read_member(const member_t *member, hf_json_t value, fleet_scenario_t *scenario)
{
    uint32_t *at = (uint32_t *)(void *)((char *)scenario + member->offset);
    if (!member->is_range) {
        return read_number(value, member->most, at);
    }
    if (value.type != HF_JSON_ARRAY) {
        bool good = read_number(value, member->most, &at[0]);
        at[1] = at[0];
        return good;
    }
    return hf_json_count(value) == 2u &&
           read_number(hf_json_element(value, 0), member->most, &at[0]) &&
           read_number(hf_json_element(value, 1), member->most, &at[1]) && at[0] <= at[1];
}

static int read_text(const char *path, hf_json_walk_t *walk, const char *name,
                     fleet_scenario_t *scenario)
{
    char text[FLEET_NAME_BYTES];
    if (hf_json_string(walk->value, text, sizeof text) != HF_OK) {
        return complain(path, name, "a text of at most 31 characters is needed");
    }
    if (strcmp(name, "name") == 0) {
        memcpy(scenario->name, text, sizeof scenario->name);
        return TOOL_GOOD;
    }
    scenario->fault = sim_fault_find(text);
    return scenario->fault != 0u
               ? TOOL_GOOD
               : complain(path, name, "no such fault (holdfast sim --list-faults)");
}

static int read_walk(const char *path, hf_json_walk_t *walk, fleet_scenario_t *scenario)
{
    char name[FLEET_NAME_BYTES];
    if (hf_json_string(walk->name, name, sizeof name) != HF_OK) {
        return complain(path, "", "a member whose name is too long");
    }
    if (strcmp(name, "name") == 0 || strcmp(name, "fault") == 0) {
        return read_text(path, walk, name, scenario);
    }
    for (size_t i = 0; i < HF_COUNT_OF(members); i++) {
        if (strcmp(members[i].name, name) == 0) {
            return read_member(&members[i], walk->value, scenario)
                       ? TOOL_GOOD
                       : complain(path, name,
                                  members[i].is_range ? "a number, or [least, most], is needed"
                                                      : "a number in range is needed");
        }
    }
    return complain(path, name, "no such member");
}

static int read_object(const char *path, const char *text, size_t length,
                       fleet_scenario_t *scenario)
{
    hf_json_t object;
    if (hf_json_parse(text, length, &object) != HF_OK || object.type != HF_JSON_OBJECT) {
        return complain(path, "", "not a JSON object");
    }
    hf_json_walk_t walk = {.container = object};
    while (hf_json_next(&walk)) {
        int status = read_walk(path, &walk, scenario);
        if (status != TOOL_GOOD) {
            return status;
        }
    }
    return TOOL_GOOD;
}

int fleet_scenario_read(const char *path, fleet_scenario_t *scenario)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "%s: %s", path, strerror(errno));
    }
    char *text = malloc(FILE_BYTES_MAX);
    size_t length = text != NULL ? fread(text, 1, FILE_BYTES_MAX, file) : 0u;
    int status = text == NULL ? tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "no memory")
                 : ferror(file) != 0
                     ? tool_fail(TOOL_ENVIRONMENT, FLEET_VERB, "%s cannot be read", path)
                 : length == FILE_BYTES_MAX ? complain(path, "", "longer than 64 KB")
                                            : read_object(path, text, length, scenario);
    free(text);
    (void)fclose(file);
    return status;
}
