// SPDX-License-Identifier: MIT
// Owns the readers: look-ups, walks and conversions inside text that hf_json_parse() accepted. They rely on that and
// validate nothing again, yet every step is bounded by the end of the value it stands in.
#include "hf_json_private.h"

#include "holdfast/hf_utf8.h"

#include <string.h>

static const hf_json_t none = {.type = HF_JSON_NONE};

static size_t skip_space(hf_slice_t raw, size_t at)
{
    while (at < raw.length && hf_json_is_space(raw.text[at])) {
        at++;
    }
    return at;
}

static size_t skip_string(hf_slice_t raw, size_t at)
{
    for (at++; at < raw.length; at++) {
        at += hf_json_plain(raw.text + at, raw.length - at);
        if (at < raw.length && raw.text[at] == '"') {
            return at + 1;
        }
        if (at < raw.length && raw.text[at] == '\\') {
            at++;
        }
    }
    return raw.length;
}

static size_t skip_container(hf_slice_t raw, size_t at)
{
    size_t depth = 0;
    while (at < raw.length) {
        char c = raw.text[at];
        if (c == '"') {
            at = skip_string(raw, at);
            continue;
        }
        at++;
        if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            break;
        }
    }
    return at;
}

static size_t skip_word(hf_slice_t raw, size_t at)
{
    while (at < raw.length && raw.text[at] != ',' && raw.text[at] != ']' && raw.text[at] != '}' &&
           !hf_json_is_space(raw.text[at])) {
        at++;
    }
    return at;
}

// The value that begins at *at; moves *at behind it.
static hf_json_t take_value(hf_slice_t raw, size_t *at)
{
    size_t begin = *at;
    if (begin >= raw.length) {
        return none;
    }
    hf_json_t value = {.type = hf_json_type_of(raw.text[begin])};
    if (value.type == HF_JSON_STRING) {
        *at = skip_string(raw, begin);
    } else if (value.type == HF_JSON_OBJECT || value.type == HF_JSON_ARRAY) {
        *at = skip_container(raw, begin);
    } else {
        *at = skip_word(raw, begin);
    }
    value.raw = (hf_slice_t){.text = raw.text + begin, .length = *at - begin};
    return value;
}

bool hf_json_next(hf_json_walk_t *walk)
{
    hf_slice_t raw = walk->container.raw;
    bool object = walk->container.type == HF_JSON_OBJECT;

    walk->name = none;
    walk->value = none;
    if (!object && walk->container.type != HF_JSON_ARRAY) {
        return false;
    }
    size_t at = skip_space(raw, walk->position == 0 ? 1 : walk->position);
    if (at < raw.length && raw.text[at] == ',') {
        at = skip_space(raw, at + 1);
    }
    if (at + 1 >= raw.length) { // the closing bracket is the last byte
        return false;
    }
    if (object) {
        walk->name = take_value(raw, &at);
        at = skip_space(raw, skip_space(raw, at) + 1); // over the colon
    }
    walk->value = take_value(raw, &at);
    walk->position = at;
    return true;
}

hf_json_t hf_json_member(hf_json_t object, const char *name)
{
    hf_json_walk_t walk = {.container = object};
    while (object.type == HF_JSON_OBJECT && hf_json_next(&walk)) {
        if (hf_json_is_string(walk.name, name)) {
            return walk.value;
        }
    }
    return none;
}

hf_json_t hf_json_element(hf_json_t array, size_t index)
{
    hf_json_walk_t walk = {.container = array};
    for (size_t i = 0; array.type == HF_JSON_ARRAY && hf_json_next(&walk); i++) {
        if (i == index) {
            return walk.value;
        }
    }
    return none;
}

size_t hf_json_count(hf_json_t value)
{
    hf_json_walk_t walk = {.container = value};
    size_t count = 0;
    while (hf_json_next(&walk)) {
        count++;
    }
    return count;
}

static uint32_t hex4(const char *text)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        value = value << 4 | (uint32_t)(hf_json_hex_digit(text[i]) & 0xF);
    }
    return value;
}

static char simple_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

// One byte as it stands, or one escape as UTF-8, into out[4]; returns how many, 0 at the end.
static size_t decode(hf_slice_t raw, size_t *at, char *out)
{
    if (*at + 1 >= raw.length) { // the closing quote is the last byte
        return 0;
    }
    char c = raw.text[(*at)++];
    if (c != '\\') {
        out[0] = c;
        return 1;
    }
    c = raw.text[(*at)++];
    if (c != 'u') {
        out[0] = simple_escape(c);
        return 1;
    }
    uint32_t unit = hex4(raw.text + *at);
    *at += 4;
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        uint32_t low = hex4(raw.text + *at + 2); // over the \u of the low half
        *at += 6;
        unit = 0x10000u + ((unit - 0xD800u) << 10) + (low - 0xDC00u);
    }
    return hf_utf8_encode(unit, out);
}

static int decode_string(hf_slice_t raw, char *out, size_t capacity)
{
    char piece[4];
    size_t at = 1, length = 0, bytes;

    size_t plain = hf_json_plain(raw.text + 1, raw.length - 2u); // most have nothing else
    if (plain >= capacity) {
        return HF_E_TOO_LONG;
    }
    memcpy(out, raw.text + 1, plain);
    length = plain;
    at += plain;
    while ((bytes = decode(raw, &at, piece)) > 0) {
        if (piece[0] == '\0') {
            return HF_E_FORMAT;
        }
        if (length + bytes >= capacity) {
            return HF_E_TOO_LONG;
        }
        memcpy(out + length, piece, bytes);
        length += bytes;
    }
    out[length] = '\0';
    return HF_OK;
}

int hf_json_string(hf_json_t value, char *out, size_t capacity)
{
    int status = value.type == HF_JSON_NONE ? HF_E_NOT_FOUND : HF_E_FORMAT;
    if (value.type == HF_JSON_STRING) {
        status = decode_string(value.raw, out, capacity);
    }
    if (status != HF_OK && capacity > 0) {
        out[0] = '\0';
    }
    return status;
}

bool hf_json_is_string(hf_json_t value, const char *text)
{
    char piece[4];
    size_t at = 1, length = strlen(text), matched = 0, bytes;

    // An escape is longer than what it stands for: a text as long as we look for has none, unless we look for one.
    if (value.type != HF_JSON_STRING || value.raw.length - 2u < length) {
        return false;
    }
    char first = value.raw.text[1];
    if (first != '\\' && first != text[0] && length > 0) {
        return false;
    }
    if (value.raw.length - 2u == length) {
        return memcmp(value.raw.text + 1, text, length) == 0 && memchr(text, '\\', length) == NULL;
    }
    while ((bytes = decode(value.raw, &at, piece)) > 0) {
        if (bytes > length - matched || memcmp(piece, text + matched, bytes) != 0) {
            return false;
        }
        matched += bytes;
    }
    return matched == length;
}

// A number taken apart: digits without the point, how many of them stand before it, and the exponent.
typedef struct number {
    bool negative, has_exponent;
    const char *digits; // the point is still among them, behind `whole` digits
    size_t whole, count;
    int64_t exponent;
} number_t;

static number_t number_split(hf_slice_t raw)
{
    number_t number = {.negative = raw.text[0] == '-'};
    size_t at = number.negative ? 1 : 0;
    number.digits = raw.text + at;
    for (; at < raw.length && raw.text[at] >= '0' && raw.text[at] <= '9'; at++) {
        number.whole++;
    }
    number.count = number.whole;
    if (at < raw.length && raw.text[at] == '.') {
        for (at++; at < raw.length && raw.text[at] >= '0' && raw.text[at] <= '9'; at++) {
            number.count++;
        }
    }
    if (at < raw.length) { // an e
        number.has_exponent = true;
        at++;
        bool minus = raw.text[at] == '-';
        for (at += minus || raw.text[at] == '+' ? 1 : 0; at < raw.length; at++) {
            if (number.exponent < INT64_MAX / 100) { // enough to be out of any range
                number.exponent = number.exponent * 10 + (raw.text[at] - '0');
            }
        }
        number.exponent = minus ? -number.exponent : number.exponent;
    }
    return number;
}

static unsigned number_digit(const number_t *number, size_t i)
{
    if (i >= number->count) {
        return 0;
    }
    return (unsigned)(number->digits[i < number->whole ? i : i + 1] - '0');
}

int hf_json_i64(hf_json_t value, int64_t *out)
{
    if (value.type != HF_JSON_NUMBER) {
        return value.type == HF_JSON_NONE ? HF_E_NOT_FOUND : HF_E_FORMAT;
    }
    if (hf_slice_to_i64(value.raw, out) == HF_OK) {
        return HF_OK; // digits alone, as nearly all
    }
    number_t number = number_split(value.raw);
    if (number.has_exponent) {
        return HF_E_FORMAT;
    }
    for (size_t i = number.whole; i < number.count; i++) {
        if (number_digit(&number, i) != 0) {
            return HF_E_FORMAT;
        }
    }
    size_t length = number.whole + (number.negative ? 1 : 0);
    return hf_slice_to_i64((hf_slice_t){.text = value.raw.text, .length = length}, out);
}

// The digits before the point after moving it; HF_E_RANGE when they are more than an int64_t holds.
static int number_scale(const number_t *number, int64_t point, uint64_t limit, uint64_t *magnitude)
{
    *magnitude = 0;
    for (int64_t i = 0; i < point; i++) {
        if (*magnitude == 0 && (uint64_t)i >= number->count) {
            break; // zero times whatever
        }
        unsigned digit = number_digit(number, (size_t)i);
        if (*magnitude > (limit - digit) / 10) {
            return HF_E_RANGE;
        }
        *magnitude = *magnitude * 10 + digit;
    }
    if (point >= 0 && (uint64_t)point < number->count && number_digit(number, (size_t)point) >= 5) {
        if (*magnitude == limit) {
            return HF_E_RANGE;
        }
        (*magnitude)++;
    }
    return HF_OK;
}

int hf_json_fixed(hf_json_t value, unsigned decimals, int64_t *out)
{
    if (value.type != HF_JSON_NUMBER) {
        return value.type == HF_JSON_NONE ? HF_E_NOT_FOUND : HF_E_FORMAT;
    }
    number_t number = number_split(value.raw);
    int64_t point = (int64_t)number.whole + number.exponent + (int64_t)decimals;
    uint64_t limit = (uint64_t)INT64_MAX + (number.negative ? 1u : 0u);
    uint64_t magnitude;
    int status = number_scale(&number, point, limit, &magnitude);
    if (status == HF_OK) {
        *out = number.negative ? (int64_t)(0u - magnitude) : (int64_t)magnitude;
    }
    return status;
}

int hf_json_bool(hf_json_t value, bool *out)
{
    if (value.type != HF_JSON_TRUE && value.type != HF_JSON_FALSE) {
        return value.type == HF_JSON_NONE ? HF_E_NOT_FOUND : HF_E_FORMAT;
    }
    *out = value.type == HF_JSON_TRUE;
    return HF_OK;
}
