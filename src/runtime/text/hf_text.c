// SPDX-License-Identifier: MIT
// Owns slices and the bounded builder. Invariants of a builder: length < capacity, text[length] is NUL, and nothing
// is appended any more once `overflow` is set, so that a reader never sees text with a hole in it.
#include "holdfast/hf_text.h"

#include <string.h>

#define DIGITS_MAX 20u // of 2^64-1; 19 and the sign for INT64_MIN

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool hf_slice_is(hf_slice_t slice, const char *text)
{
    size_t length = strlen(text);
    return slice.length == length && (length == 0 || memcmp(slice.text, text, length) == 0);
}

bool hf_slice_is_nocase(hf_slice_t slice, const char *text)
{
    if (slice.length != strlen(text)) {
        return false;
    }
    for (size_t i = 0; i < slice.length; i++) {
        if (ascii_lower(slice.text[i]) != ascii_lower(text[i])) {
            return false;
        }
    }
    return true;
}

int hf_slice_copy(hf_slice_t slice, char *out, size_t capacity)
{
    if (slice.length >= capacity) {
        if (capacity > 0) {
            out[0] = '\0';
        }
        return HF_E_TOO_LONG;
    }
    if (slice.length > 0) {
        memcpy(out, slice.text, slice.length);
    }
    out[slice.length] = '\0';
    return HF_OK;
}

bool hf_slice_next(hf_slice_t *rest, hf_slice_t *item)
{
    if (rest->text == NULL) {
        return false;
    }
    const char *comma = memchr(rest->text, ',', rest->length);
    size_t length = comma != NULL ? (size_t)(comma - rest->text) : rest->length;
    *item = (hf_slice_t){.text = rest->text, .length = length};
    *rest = comma != NULL ? (hf_slice_t){.text = comma + 1, .length = rest->length - length - 1}
                          : (hf_slice_t){0};
    while (item->length > 0 && item->text[0] == ' ') {
        item->text++;
        item->length--;
    }
    while (item->length > 0 && item->text[item->length - 1] == ' ') {
        item->length--;
    }
    return true;
}

int hf_slice_to_i64(hf_slice_t slice, int64_t *value)
{
    size_t i = slice.length > 0 && slice.text[0] == '-' ? 1 : 0;
    bool negative = i == 1;
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1u : 0u);
    uint64_t magnitude = 0;
    bool too_big = false;

    if (i == slice.length) {
        return HF_E_FORMAT;
    }
    for (; i < slice.length; i++) {
        unsigned digit = (unsigned)(unsigned char)slice.text[i] - (unsigned)'0';
        if (digit > 9) {
            return HF_E_FORMAT;
        }
        if (magnitude >= INT64_MAX / 10 && magnitude > (limit - digit) / 10) { // seldom divided
            too_big = true; // but go on: a letter further on makes it HF_E_FORMAT
        } else {
            magnitude = magnitude * 10 + digit;
        }
    }
    if (too_big) {
        return HF_E_RANGE;
    }
    *value = negative ? (int64_t)(0u - magnitude) : (int64_t)magnitude;
    return HF_OK;
}

void hf_builder_init(hf_builder_t *builder, char *storage, size_t capacity)
{
    *builder = (hf_builder_t){.text = storage, .capacity = capacity};
    if (capacity > 0) {
        storage[0] = '\0';
    }
}

static void append(hf_builder_t *builder, const char *text, size_t length)
{
    if (builder->overflow || builder->length + 1 > builder->capacity ||
        length > builder->capacity - builder->length - 1) {
        builder->overflow = true;
        return;
    }
    if (length > 0) {
        memcpy(builder->text + builder->length, text, length);
    }
    builder->length += length;
    builder->text[builder->length] = '\0';
}

void hf_builder_char(hf_builder_t *builder, char c)
{
    if (builder->overflow || builder->length + 1 >= builder->capacity) {
        builder->overflow = true;
        return;
    }
    builder->text[builder->length++] = c;
    builder->text[builder->length] = '\0';
}

void hf_builder_text(hf_builder_t *builder, const char *text)
{
    append(builder, text, strlen(text));
}

void hf_builder_slice(hf_builder_t *builder, hf_slice_t slice)
{
    append(builder, slice.text, slice.length);
}

// Digits go to the end of `out`; returns where they begin. The base is 10 or 16.
static size_t digits_of(uint64_t value, unsigned base, char out[DIGITS_MAX])
{
    size_t at = DIGITS_MAX;
    if (base == 16) {
        do {
            out[--at] = "0123456789abcdef"[value & 15u];
            value >>= 4;
        } while (value != 0);
        return at;
    }
    for (; value > UINT32_MAX; value /= 10u) {
        out[--at] = (char)('0' + value % 10u);
    }
    uint32_t rest = (uint32_t)value; // a division of 64 bits is a function call on a small target
    do {
        out[--at] = (char)('0' + rest % 10u);
        rest /= 10u;
    } while (rest != 0);
    return at;
}

typedef struct number_style {
    bool negative;
    unsigned base;
    size_t width;
    char pad;
} number_style_t;

// One piece: sign, padding and digits fit together or not at all.
static void append_number(hf_builder_t *builder, uint64_t magnitude, number_style_t style)
{
    char digits[DIGITS_MAX], out[64];
    size_t at = digits_of(magnitude, style.base, digits);
    if (style.width == 0 && !style.negative) {
        append(builder, digits + at, DIGITS_MAX - at);
        return;
    }
    size_t sign = style.negative ? 1 : 0;
    size_t used = DIGITS_MAX - at + sign;
    size_t pad = style.width > used ? style.width - used : 0;
    size_t length = 0;

    if (pad > sizeof out - DIGITS_MAX - 1) {
        pad = sizeof out - DIGITS_MAX - 1;
    }
    if (style.negative && style.pad == '0') {
        out[length++] = '-';
    }
    memset(out + length, style.pad, pad);
    length += pad;
    if (style.negative && style.pad != '0') {
        out[length++] = '-';
    }
    memcpy(out + length, digits + at, DIGITS_MAX - at);
    append(builder, out, length + DIGITS_MAX - at);
}

static uint64_t magnitude_of(int64_t value)
{
    return value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
}

void hf_builder_i64(hf_builder_t *builder, int64_t value)
{
    char digits[1 + DIGITS_MAX];
    size_t at = 1 + digits_of(magnitude_of(value), 10, digits + 1);
    if (value < 0) {
        digits[--at] = '-';
    }
    append(builder, digits + at, sizeof digits - at);
}

void hf_builder_u64(hf_builder_t *builder, uint64_t value)
{
    char digits[DIGITS_MAX];
    size_t at = digits_of(value, 10, digits);
    append(builder, digits + at, sizeof digits - at);
}

void hf_builder_hex(hf_builder_t *builder, uint64_t value, unsigned digits)
{
    char out[16];
    size_t at = sizeof out;
    do {
        out[--at] = "0123456789abcdef"[value & 15u];
        value >>= 4;
    } while (at > 0 && (value != 0 || sizeof out - at < digits));
    append(builder, out + at, sizeof out - at);
}

void hf_builder_fixed(hf_builder_t *builder, int64_t value, unsigned decimals)
{
    char digits[DIGITS_MAX], out[DIGITS_MAX + 3];
    unsigned fraction = decimals < 9 ? decimals : 9;
    size_t at = digits_of(magnitude_of(value), 10, digits);
    size_t length = 0;

    while (DIGITS_MAX - at <= fraction) {
        digits[--at] = '0';
    }
    if (value < 0) {
        out[length++] = '-';
    }
    size_t whole = DIGITS_MAX - at - fraction;
    memcpy(out + length, digits + at, whole);
    length += whole;
    if (fraction > 0) {
        out[length++] = '.';
        memcpy(out + length, digits + at + whole, fraction);
        length += fraction;
    }
    append(builder, out, length);
}

// In a struct because a va_list may be an array, which a parameter would turn into a pointer.
typedef struct arguments {
    va_list list;
} arguments_t;

typedef struct conversion {
    bool zero_flag;
    bool has_precision; // ".*" or ".digits"
    bool star;
    size_t width;
    size_t precision;
    char length_modifier; // 0, 'l', 'L' for ll, 'z'
    char kind;
} conversion_t;

static const char *parse_number(const char *at, size_t *value)
{
    for (*value = 0; *at >= '0' && *at <= '9'; at++) {
        if (*value < 1000) {
            *value = *value * 10 + (size_t)(*at - '0');
        }
    }
    return at;
}

// `at` stands behind the percent sign; returns what follows the conversion.
static const char *parse_conversion(const char *at, conversion_t *found)
{
    *found = (conversion_t){0};
    if (*at == '0') {
        found->zero_flag = true;
        at++;
    }
    at = parse_number(at, &found->width);
    if (*at == '.') {
        found->has_precision = true;
        at++;
        if (*at == '*') {
            found->star = true;
            at++;
        } else {
            at = parse_number(at, &found->precision);
        }
    }
    if (*at == 'z' || *at == 'l') {
        found->length_modifier = *at++;
        if (found->length_modifier == 'l' && *at == 'l') {
            found->length_modifier = 'L';
            at++;
        }
    }
    found->kind = *at;
    return *at == '\0' ? at : at + 1;
}

static int64_t take_signed(arguments_t *args, char modifier)
{
    switch (modifier) {
    case 'l':
        return va_arg(args->list, long);
    case 'L':
        return va_arg(args->list, long long);
    case 'z':
        return (int64_t)va_arg(args->list, size_t);
    default:
        return va_arg(args->list, int);
    }
}

static uint64_t take_unsigned(arguments_t *args, char modifier)
{
    switch (modifier) {
    case 'l':
        return va_arg(args->list, unsigned long);
    case 'L':
        return va_arg(args->list, unsigned long long);
    case 'z':
        return va_arg(args->list, size_t);
    default:
        return va_arg(args->list, unsigned int);
    }
}

static void convert_string(hf_builder_t *builder, conversion_t *conversion, arguments_t *args)
{
    if (conversion->star) {
        int precision = va_arg(args->list, int);
        conversion->has_precision = precision >= 0;
        conversion->precision = precision >= 0 ? (size_t)precision : 0;
    }
    const char *text = va_arg(args->list, const char *);
    text = text == NULL ? "(null)" : text;
    size_t length = 0;
    while ((!conversion->has_precision || length < conversion->precision) && text[length] != 0) {
        length++;
    }
    append(builder, text, length);
}

// False when the conversion is none of ours: nothing was taken or written.
static bool convert(hf_builder_t *builder, conversion_t *conversion, arguments_t *args)
{
    number_style_t style = {
        .base = 10, .width = conversion->width, .pad = conversion->zero_flag ? '0' : ' '};

    if (conversion->kind == 's') {
        convert_string(builder, conversion, args);
        return true;
    }
    if (conversion->has_precision) {
        return false;
    }
    if (conversion->kind == 'd') {
        int64_t value = take_signed(args, conversion->length_modifier);
        style.negative = value < 0;
        append_number(builder, magnitude_of(value), style);
    } else if (conversion->kind == 'u' || conversion->kind == 'x') {
        style.base = conversion->kind == 'x' ? 16 : 10;
        append_number(builder, take_unsigned(args, conversion->length_modifier), style);
    } else if (conversion->kind == 'c') {
        hf_builder_char(builder, (char)va_arg(args->list, int));
    } else if (conversion->kind == '%') {
        hf_builder_char(builder, '%');
    } else {
        return false;
    }
    return true;
}

void hf_builder_vformat(hf_builder_t *builder, const char *format, va_list args)
{
    arguments_t arguments;
    va_copy(arguments.list, args);
    while (*format != '\0') {
        const char *literal = format;
        while (*format != '\0' && *format != '%') {
            format++;
        }
        append(builder, literal, (size_t)(format - literal));
        if (*format == '%') {
            conversion_t conversion;
            const char *after = parse_conversion(format + 1, &conversion);
            if (!convert(builder, &conversion, &arguments)) {
                append(builder, format, (size_t)(after - format));
            }
            format = after;
        }
    }
    va_end(arguments.list);
}

void hf_builder_format(hf_builder_t *builder, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    hf_builder_vformat(builder, format, args);
    va_end(args);
}
