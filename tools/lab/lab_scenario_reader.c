// SPDX-License-Identifier: MIT
// Values of a scenario's file, each by its type and range; what is wrong first is told, with its place.
#include "lab_scenario_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void lab_reader_wrong(lab_reader_t *reader, const char *format, ...)
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

/// A copy in the scenario's own store.
static const char *keep_text(lab_reader_t *reader, const char *text, size_t length)
{
    lab_scenario_t *scenario = reader->scenario;
    if (length + 1 > sizeof scenario->text - scenario->used) {
        lab_reader_wrong(reader, "too much text");
        return "";
    }
    char *copy = scenario->text + scenario->used;
    memcpy(copy, text, length);
    copy[length] = '\0';
    scenario->used += length + 1;
    return copy;
}

const char *lab_reader_string(lab_reader_t *reader, const char *name, hf_json_t value, int64_t most)
{
    char text[2048];
    if (value.type != HF_JSON_STRING || hf_json_string(value, text, sizeof text) != HF_OK ||
        text[0] == '\0' || strlen(text) > (size_t)most) {
        lab_reader_wrong(reader, "'%s' must be a text of 1 to %lld characters", name,
                         (long long)most);
        return "";
    }
    return keep_text(reader, text, strlen(text));
}

int64_t lab_reader_integer(lab_reader_t *reader, const char *name, hf_json_t value,
                           const int64_t range[2])
{
    int64_t number = 0;
    if (hf_json_i64(value, &number) != HF_OK || number < range[0] || number > range[1]) {
        lab_reader_wrong(reader, "'%s' must be a whole number from %lld to %lld", name,
                         (long long)range[0], (long long)range[1]);
    }
    return number;
}

int64_t lab_reader_ms(lab_reader_t *reader, const char *name, hf_json_t value,
                      const int64_t range[2])
{
    int64_t ms = 0;
    if (value.type != HF_JSON_NUMBER || hf_json_fixed(value, 3, &ms) != HF_OK || ms < range[0] ||
        ms > range[1]) {
        lab_reader_wrong(reader, "'%s' must be a number from %.3f to %.3f", name,
                         (double)range[0] / 1000.0, (double)range[1] / 1000.0);
    }
    return ms;
}

bool lab_reader_flag(lab_reader_t *reader, const char *name, hf_json_t value)
{
    bool flag = false;
    if (hf_json_bool(value, &flag) != HF_OK) {
        lab_reader_wrong(reader, "'%s' must be true or false", name);
    }
    return flag;
}

const char *lab_reader_raw(lab_reader_t *reader, hf_json_t value)
{
    return keep_text(reader, value.raw.text, value.raw.length);
}

unsigned lab_reader_strings(lab_reader_t *reader, const char *name, hf_json_t value,
                            const char **strings, unsigned most)
{
    unsigned count = 0;
    if (value.type != HF_JSON_ARRAY || hf_json_count(value) > most) {
        lab_reader_wrong(reader, "'%s' must be an array of at most %u texts", name, most);
        return 0;
    }
    for (hf_json_walk_t walk = {.container = value}; count < most && hf_json_next(&walk);) {
        strings[count++] = lab_reader_string(reader, name, walk.value, 255);
    }
    return count;
}

bool lab_reader_name(hf_json_walk_t *walk, char name[64])
{
    return hf_json_string(walk->name, name, 64) == HF_OK;
}
