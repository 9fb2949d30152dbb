// SPDX-License-Identifier: MIT
// Our parser and jansson (Debian's libjansson-dev, at test time only) on the same bytes: both accept, with the same values,
// or both refuse. Known differences, and no others: jansson refuses numbers beyond its own types (1e999, integers of more
// than 64 bits) and a NUL in a name, and overlooks a NUL byte right behind a number or a word; we refuse what is nested
// deeper than HF_JSON_DEPTH_MAX; of members with one name we find the first and jansson keeps the last, so that objects are
// compared member by member only where names are unique.
#include "fuzz.h"
#include "holdfast/hf_json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define TEXT_BYTES 4096u
#define FIXED_MAX  1e9 // beyond, a double has not the digits to compare

static void same_number(hf_json_t ours, const json_t *theirs)
{
    int64_t whole = 0, thousandths = 0;
    if (json_is_integer(theirs)) {
        must(hf_json_i64(ours, &whole) == HF_OK && whole == json_integer_value(theirs));
        return;
    }
    double real = json_real_value(theirs);
    if (fabs(real) < FIXED_MAX) {
        must(hf_json_fixed(ours, 3, &thousandths) == HF_OK);
        must(fabs((double)thousandths - real * 1000.0) <= 0.501);
    }
}

static void same_string(hf_json_t ours, const json_t *theirs)
{
    char text[TEXT_BYTES];
    size_t length = json_string_length(theirs);
    int status = hf_json_string(ours, text, sizeof text);
    if (memchr(json_string_value(theirs), '\0', length) != NULL) {
        must(status == HF_E_FORMAT); // a text of ours ends with its NUL
        return;
    }
    must(status == HF_OK && strlen(text) == length);
    must(memcmp(text, json_string_value(theirs), length) == 0);
    must(hf_json_is_string(ours, text));
}

static void same_scalar(hf_json_t ours, const json_t *theirs)
{
    switch (json_typeof(theirs)) {
    case JSON_STRING:
        must(ours.type == HF_JSON_STRING);
        same_string(ours, theirs);
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        must(ours.type == HF_JSON_NUMBER);
        same_number(ours, theirs);
        break;
    case JSON_TRUE:
        must(ours.type == HF_JSON_TRUE);
        break;
    case JSON_FALSE:
        must(ours.type == HF_JSON_FALSE);
        break;
    case JSON_NULL:
        must(ours.type == HF_JSON_NULL);
        break;
    default:
        must(false);
    }
}

static void same_value(hf_json_t ours, const json_t *theirs); // at most HF_JSON_DEPTH_MAX deep

static void same_array(hf_json_t ours, const json_t *theirs)
{
    hf_json_walk_t walk = {.container = ours};
    size_t count = 0;
    must(ours.type == HF_JSON_ARRAY);
    for (; hf_json_next(&walk); count++) {
        const json_t *element = json_array_get(theirs, count);
        must(element != NULL);
        same_value(walk.value, element);
    }
    must(count == json_array_size(theirs) && hf_json_count(ours) == count);
}

static void same_object(hf_json_t ours, const json_t *theirs)
{
    hf_json_walk_t walk = {.container = ours};
    must(ours.type == HF_JSON_OBJECT);
    bool unique = hf_json_count(ours) == json_object_size(theirs);
    must(unique || hf_json_count(ours) > json_object_size(theirs));
    while (hf_json_next(&walk)) {
        char name[TEXT_BYTES];
        must(hf_json_string(walk.name, name, sizeof name) == HF_OK);
        const json_t *member = json_object_get(theirs, name);
        must(member != NULL);
        hf_json_t first = hf_json_member(ours, name);
        must(first.type != HF_JSON_NONE && (!unique || first.raw.text == walk.value.raw.text));
        if (unique) {
            same_value(walk.value, member);
        }
    }
}

static void same_value(hf_json_t ours, const json_t *theirs)
{
    if (json_is_array(theirs)) {
        same_array(ours, theirs);
    } else if (json_is_object(theirs)) {
        same_object(ours, theirs);
    } else {
        same_scalar(ours, theirs);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= TEXT_BYTES) {
        return 0;
    }
    hf_json_t ours;
    json_error_t error;
    int status = hf_json_parse((const char *)data, size, &ours);
    if (memchr(data, '\0', size) != NULL) { // in no JSON text at all
        must(status != HF_OK);
        return 0;
    }
    json_t *theirs = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (theirs == NULL) {
        enum json_error_code code = json_error_code(&error);
        must(status != HF_OK || code == json_error_numeric_overflow ||
             code == json_error_null_byte_in_key);
    } else {
        must(status == HF_OK || status == HF_E_RANGE);
        if (status == HF_OK) {
            same_value(ours, theirs);
        }
    }
    json_decref(theirs);
    return 0;
}
