// SPDX-License-Identifier: MIT
// Text that grows, objects with sorted keys (as the harness of old wrote them), and whole files: what the artifacts are made
// with. A failure of memory sticks and shows at the end.
#ifndef LAB_JSON_H
#define LAB_JSON_H

#include "lab_line.h"

#include "holdfast/hf_json.h"

#include <stdio.h>

typedef struct lab_text {
    char *text; // NULL until something is in it; always NUL-terminated then
    size_t length, capacity;
    FILE *file; // of lab_file_begin(): what is in it goes there from time to time, and out of it
    bool failed;
} lab_text_t;

void lab_text_free(lab_text_t *text);
void lab_text_add(lab_text_t *text, const char *bytes, size_t length);
void lab_text_put(lab_text_t *text, const char *string);
void lab_text_print(lab_text_t *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/// As a JSON string, with its quotes; what is not UTF-8 becomes U+FFFD.
void lab_text_quote(lab_text_t *text, const char *string);

#define LAB_OBJECT_FIELDS 48u
typedef struct lab_object {
    lab_text_t values;
    struct {
        char key[40];
        size_t at, length;
    } field[LAB_OBJECT_FIELDS];
    unsigned fields;
} lab_object_t;

void lab_object_begin(lab_object_t *object);
void lab_object_string(lab_object_t *object, const char *key, const char *string); // NULL: null
void lab_object_number(lab_object_t *object, const char *key, int64_t number);
void lab_object_u32(lab_object_t *object, const char *key, uint32_t number); // LAB_UNKNOWN: null
void lab_object_real(lab_object_t *object, const char *key, double number);
void lab_object_bool(lab_object_t *object, const char *key, bool is_so);
void lab_object_ts(lab_object_t *object, const char *key, double ts); // ISO 8601; 0: null
void lab_object_raw(lab_object_t *object, const char *key, const char *json, size_t length);
/// Appends "{...}" to `out` and frees the object.
void lab_object_end(lab_object_t *object, lab_text_t *out);
void lab_object_nest(lab_object_t *object, const char *key, lab_object_t *inner); // ends `inner`

/// Of an object: LAB_UNKNOWN when absent, null or no number below it.
uint32_t lab_json_u32(hf_json_t object, const char *name);
int64_t lab_json_i64(hf_json_t object, const char *name, int64_t otherwise);
bool lab_json_bool(hf_json_t object, const char *name);
/// Cut to what fits, at the end of a character; empty when absent or no string.
void lab_json_copy(hf_json_t object, const char *name, char *out, size_t capacity);
double lab_json_ts(hf_json_t object, const char *name);

/// For reading; NULL: errno says why.
FILE *lab_file_open(const char *dir, const char *name);
/// A whole file, NUL-terminated; NULL: it cannot be read (errno), or is above 256 MB. The caller frees it.
char *lab_file_read(const char *dir, const char *name, size_t *length);
/// A text that goes into a file: whatever is added, memory holds no more than some of it. lab_file_end() also of one that
/// failed: it closes, and the file appears whole or not at all. -1: errno says why.
int lab_file_begin(const char *dir, const char *name, lab_text_t *text);
int lab_file_end(const char *dir, const char *name, lab_text_t *text);
/// Written beside it and renamed, so that nobody sees half of it. -1: errno says why.
int lab_file_write(const char *dir, const char *name, const lab_text_t *text);

#endif
