// SPDX-License-Identifier: MIT
// Owns the JSON validator. Goals: accept exactly RFC 8259, in one pass, on a stack of constant size. One bit per open
// container says object or array; there is no other memory, so depth is bounded by the width of that word.
// Assumption: none about the text. Invariant: `at` never passes `end`, and every scan either moves on or fails.
#include "hf_json_private.h"

#include "holdfast/hf_utf8.h"

#include <string.h>

typedef struct parser {
    const char *at, *end;
    uint32_t objects; // bit n: the container at depth n is an object
    unsigned depth;
} parser_t;

_Static_assert(HF_JSON_DEPTH_MAX <= 32, "one bit per level");

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(parser_t *parser)
{
    while (parser->at < parser->end && hf_json_is_space(*parser->at)) {
        parser->at++;
    }
}

static bool take(parser_t *parser, char c)
{
    if (parser->at == parser->end || *parser->at != c) {
        return false;
    }
    parser->at++;
    return true;
}

static bool take_digits(parser_t *parser)
{
    const char *begin = parser->at;
    while (parser->at < parser->end && is_digit(*parser->at)) {
        parser->at++;
    }
    return parser->at > begin;
}

static bool scan_number(parser_t *parser)
{
    (void)take(parser, '-');
    if (!take(parser, '0') && !take_digits(parser)) {
        return false;
    }
    if (take(parser, '.') && !take_digits(parser)) {
        return false;
    }
    if (take(parser, 'e') || take(parser, 'E')) {
        if (!take(parser, '+')) {
            (void)take(parser, '-');
        }
        return take_digits(parser);
    }
    return true; // a digit behind a leading zero is caught by whoever expects a delimiter
}

static bool scan_hex4(parser_t *parser, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = parser->at < parser->end ? hf_json_hex_digit(*parser->at) : -1;
        if (digit < 0) {
            return false;
        }
        *value = *value << 4 | (uint32_t)digit;
        parser->at++;
    }
    return true;
}

// Behind the reverse solidus.
static bool scan_escape(parser_t *parser)
{
    uint32_t unit, low;
    if (parser->at == parser->end) {
        return false;
    }
    char c = *parser->at++;
    if (c != 'u') {
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    }
    if (!scan_hex4(parser, &unit) || (unit >= 0xDC00 && unit <= 0xDFFF)) {
        return false;
    }
    if (unit < 0xD800 || unit > 0xDBFF) {
        return true;
    }
    return take(parser, '\\') && take(parser, 'u') && scan_hex4(parser, &low) && low >= 0xDC00 &&
           low <= 0xDFFF;
}

static bool scan_string(parser_t *parser)
{
    uint32_t utf8 = HF_UTF8_WHOLE;
    if (!take(parser, '"')) {
        return false;
    }
    while (parser->at < parser->end) {
        unsigned char c = (unsigned char)*parser->at++;
        utf8 = hf_utf8_next(utf8, c);
        if (utf8 == HF_UTF8_REFUSE || c < 0x20) {
            return false;
        }
        if (c == '"') {
            return true; // utf8 is whole here: an ASCII byte inside a character was refused
        }
        if (c == '\\' && !scan_escape(parser)) {
            return false;
        }
    }
    return false;
}

static bool scan_literal(parser_t *parser, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0) {
        return false;
    }
    parser->at += length;
    return true;
}

static bool scan_scalar(parser_t *parser)
{
    switch (*parser->at) {
    case '"':
        return scan_string(parser);
    case 't':
        return scan_literal(parser, "true");
    case 'f':
        return scan_literal(parser, "false");
    case 'n':
        return scan_literal(parser, "null");
    default:
        return scan_number(parser);
    }
}

static bool in_object(const parser_t *parser)
{
    return (parser->objects >> (parser->depth - 1) & 1u) != 0;
}

static bool scan_name(parser_t *parser)
{
    skip_space(parser);
    if (!scan_string(parser)) {
        return false;
    }
    skip_space(parser);
    return take(parser, ':');
}

// What follows the end of a value: closes containers until one goes on (HF_E_AGAIN: a value is next) or none is open.
static int after_value(parser_t *parser)
{
    while (parser->depth > 0) {
        skip_space(parser);
        if (take(parser, ',')) {
            return in_object(parser) && !scan_name(parser) ? HF_E_FORMAT : HF_E_AGAIN;
        }
        if (!take(parser, in_object(parser) ? '}' : ']')) {
            return HF_E_FORMAT;
        }
        parser->depth--;
    }
    return HF_OK;
}

static int open_container(parser_t *parser)
{
    bool object = *parser->at++ == '{';
    if (parser->depth == HF_JSON_DEPTH_MAX) {
        return HF_E_RANGE;
    }
    parser->objects = (parser->objects & ~(1u << parser->depth)) | (object ? 1u : 0u)
                                                                       << parser->depth;
    parser->depth++;
    skip_space(parser);
    if (take(parser, object ? '}' : ']')) {
        parser->depth--;
        return after_value(parser);
    }
    return object && !scan_name(parser) ? HF_E_FORMAT : HF_E_AGAIN;
}

// HF_E_AGAIN: one value further, another one follows.
static int scan_value(parser_t *parser)
{
    skip_space(parser);
    if (parser->at == parser->end) {
        return HF_E_FORMAT;
    }
    if (*parser->at == '{' || *parser->at == '[') {
        return open_container(parser);
    }
    return scan_scalar(parser) ? after_value(parser) : HF_E_FORMAT;
}

int hf_json_parse(const char *text, size_t length, hf_json_t *root)
{
    *root = (hf_json_t){0};
    if (length == 0) {
        return HF_E_FORMAT;
    }
    parser_t parser = {.at = text, .end = text + length};
    skip_space(&parser);
    const char *begin = parser.at;
    int status;

    do {
        status = scan_value(&parser);
    } while (status == HF_E_AGAIN);
    if (status != HF_OK) {
        return status;
    }
    const char *end = parser.at;
    skip_space(&parser);
    if (parser.at != parser.end) {
        return HF_E_FORMAT;
    }
    root->type = hf_json_type_of(*begin);
    root->raw = (hf_slice_t){.text = begin, .length = (size_t)(end - begin)};
    return HF_OK;
}
