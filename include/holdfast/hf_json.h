// SPDX-License-Identifier: MIT
// JSON after RFC 8259, strictly, without allocation: a message is validated once, then pulled apart in place;
// a writer builds one into a bounded buffer. Values point into the message and live as long as it does.
#ifndef HF_JSON_H
#define HF_JSON_H

#include "holdfast/hf_text.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_JSON_DEPTH_MAX 16u

typedef enum hf_json_type {
    HF_JSON_NONE, // absent: what a failed look-up leaves behind; every reader refuses it with HF_E_NOT_FOUND
    HF_JSON_NULL,
    HF_JSON_FALSE,
    HF_JSON_TRUE,
    HF_JSON_NUMBER,
    HF_JSON_STRING,
    HF_JSON_ARRAY,
    HF_JSON_OBJECT,
} hf_json_type_t;

typedef struct hf_json {
    hf_json_type_t type;
    hf_slice_t raw; // the value's own text, quotes and brackets included
} hf_json_t;

/// Validates the whole text (syntax, UTF-8, escapes incl. surrogate pairs, depth at most HF_JSON_DEPTH_MAX, nothing
/// but white space after the value) and yields its root. Everything below assumes a value that came from here.
/// Returns HF_E_FORMAT, or HF_E_RANGE when nested too deep. Cost: O(length), no recursion.
HF_MUST_CHECK int hf_json_parse(const char *text, size_t length, hf_json_t *root);

#define HF_JSON_FRAME_ELEMENTS 5u
/// An array's first elements, the rest of type HF_JSON_NONE, and how many there are in all.
typedef struct hf_json_frame {
    hf_json_t element[HF_JSON_FRAME_ELEMENTS];
    size_t count;
} hf_json_frame_t;
/// The same, and in the same pass the elements of the root, when that is an array (else the frame says nothing).
HF_MUST_CHECK int hf_json_parse_frame(const char *text, size_t length, hf_json_t *root,
                                      hf_json_frame_t *frame);

/// The member of an object by name (escapes in names are decoded for the comparison). The first of duplicates.
/// A value of type HF_JSON_NONE when absent or when `object` is no object.
hf_json_t hf_json_member(hf_json_t object, const char *name);
/// The i-th element of an array; HF_JSON_NONE past its end or when `array` is no array.
hf_json_t hf_json_element(hf_json_t array, size_t index);
/// Number of elements or members; 0 for anything else.
size_t hf_json_count(hf_json_t value);

/// Walks an array or object: zero-initialise, set .container, call until it returns false.
typedef struct hf_json_walk {
    hf_json_t container;
    size_t position;
    hf_json_t name;  // of the current member, HF_JSON_STRING; HF_JSON_NONE in arrays
    hf_json_t value; // the current element or member value
} hf_json_walk_t;
bool hf_json_next(hf_json_walk_t *walk);

/// Decodes a string to UTF-8 with a NUL. HF_E_NOT_FOUND absent, HF_E_FORMAT other type or a decoded NUL character,
/// HF_E_TOO_LONG when it has more than capacity-1 bytes (out is then empty).
HF_MUST_CHECK int hf_json_string(hf_json_t value, char *out, size_t capacity);
/// True when the value is a string equal to `text` after decoding.
bool hf_json_is_string(hf_json_t value, const char *text);
/// An integer: no fraction other than zeros, no exponent. HF_E_NOT_FOUND, HF_E_FORMAT, HF_E_RANGE.
HF_MUST_CHECK int hf_json_i64(hf_json_t value, int64_t *out);
/// A number times 10^decimals (0 to 9), rounded half away from zero; exponents accepted. HF_E_RANGE on overflow.
HF_MUST_CHECK int hf_json_fixed(hf_json_t value, unsigned decimals, int64_t *out);
HF_MUST_CHECK int hf_json_bool(hf_json_t value, bool *out);

/// Writer: commas and quotes are placed by it; nesting errors are HF_ASSERTed. Overflow shows in builder.overflow.
typedef struct hf_json_writer {
    hf_builder_t *out;
    uint8_t depth;
    bool needs_comma;
} hf_json_writer_t;

void hf_json_writer_init(hf_json_writer_t *writer, hf_builder_t *out);
void hf_json_begin_object(hf_json_writer_t *writer);
void hf_json_end_object(hf_json_writer_t *writer);
void hf_json_begin_array(hf_json_writer_t *writer);
void hf_json_end_array(hf_json_writer_t *writer);
void hf_json_key(hf_json_writer_t *writer, const char *name);
void hf_json_put_string(hf_json_writer_t *writer,
                        const char *text); // escapes; invalid UTF-8 becomes U+FFFD
void hf_json_put_slice(hf_json_writer_t *writer, hf_slice_t text);
void hf_json_put_i64(hf_json_writer_t *writer, int64_t value);
void hf_json_put_fixed(hf_json_writer_t *writer, int64_t value, unsigned decimals);
void hf_json_put_bool(hf_json_writer_t *writer, bool value);
void hf_json_put_null(hf_json_writer_t *writer);
void hf_json_put_raw(hf_json_writer_t *writer, hf_slice_t json); // already JSON, taken as it is

/// key + value in one call, the usual case.
void hf_json_string_field(hf_json_writer_t *writer, const char *name, const char *text);
void hf_json_i64_field(hf_json_writer_t *writer, const char *name, int64_t value);
void hf_json_bool_field(hf_json_writer_t *writer, const char *name, bool value);

#ifdef __cplusplus
}
#endif

#endif
