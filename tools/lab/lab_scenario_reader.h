// SPDX-License-Identifier: MIT
// Among the parts that read a scenario: the file's values, of which the first wrong one ends the reading.
#ifndef LAB_SCENARIO_READER_H
#define LAB_SCENARIO_READER_H

#include "lab_scenario.h"

#include "holdfast/hf_json.h"

#define LAB_MEGABYTES(count) ((count)*1048576)

typedef struct lab_reader {
    lab_scenario_t *scenario;
    char *why;
    char place[64]; // "steps[3] (http)"
    bool is_wrong;
} lab_reader_t;

/// Only the first is told.
void lab_reader_wrong(lab_reader_t *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/// The name of a member; false: it is too long for any that is known.
bool lab_reader_name(hf_json_walk_t *walk, char name[64]);
/// Values; `name` and range for the sentence when it is none. Texts are copies in the scenario's own store.
const char *lab_reader_string(lab_reader_t *reader, const char *name, hf_json_t value,
                              int64_t most);
int64_t lab_reader_integer(lab_reader_t *reader, const char *name, hf_json_t value,
                           const int64_t range[2]);
int64_t lab_reader_ms(lab_reader_t *reader, const char *name, hf_json_t value,
                      const int64_t range[2]);
bool lab_reader_flag(lab_reader_t *reader, const char *name, hf_json_t value);
const char *lab_reader_raw(lab_reader_t *reader, hf_json_t value);
/// An array of strings; how many.
unsigned lab_reader_strings(lab_reader_t *reader, const char *name, hf_json_t value,
                            const char **strings, unsigned most);
/// A step, whole. Adds its kind to the place.
void lab_scenario_read_act(lab_reader_t *reader, lab_act_t *act, hf_json_t object);

#endif
