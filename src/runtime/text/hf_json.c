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
    hf_json_frame_t *frame; // NULL: elements of the outermost container are not noted
    const char *begin;      // of the one under way
} parser_t;

_Static_assert(HF_JSON_DEPTH_MAX <= 32, "one bit per level");

#define EACH_BYTE (SIZE_MAX / 0xFFu) // 0x01 in every byte of a word

// In a word, a byte without its highest bit gets it by `- 1` only when it was 0 (or the byte below borrowed, and that one
// stops us, too): so 0 after the exclusive-or, below 0x20, or not ASCII is found in all bytes at once.
static size_t special_bytes(size_t word)
{
    size_t quote = (word ^ EACH_BYTE * (size_t)'"') - EACH_BYTE;
    size_t solidus = (word ^ EACH_BYTE * (size_t)'\\') - EACH_BYTE;
    size_t control = word - EACH_BYTE * 0x20u;
    return (quote | solidus | control | word) & EACH_BYTE * 0x80u;
}

static bool is_plain_byte(char c)
{
    static const uint32_t plain[4] = {0, ~(uint32_t)(1u << ('"' & 31)),
                                      ~(uint32_t)(1u << ('\\' & 31)), UINT32_MAX};
    unsigned char byte = (unsigned char)c;
    return byte < 0x80 && (plain[byte >> 5] >> (byte & 31u) & 1u) != 0;
}

size_t hf_json_plain(const char *text, size_t length)
{
    size_t at = 0;
    for (size_t word; length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        size_t special = special_bytes(word);
        if (special != 0) {
#if __BYTE_ORDER__ ==                                                                              \
    __ORDER_LITTLE_ENDIAN__ // the lowest is the first, and nothing below it has borrowed
            return at + (unsigned)__builtin_ctzl(special) / 8u;
#else
            break;
#endif
        }
    }
    while (at < length && is_plain_byte(text[at])) {
        at++;
    }
    return at;
}

bool hf_json_is_plain(const char *text, size_t length)
{
    size_t word, last;
    if (length < sizeof word) {
        uint32_t first, second; // which may overlap
        if (sizeof word < 2u * sizeof first || length < sizeof first) {
            return hf_json_plain(text, length) == length;
        }
        memcpy(&first, text, sizeof first);
        memcpy(&second, text + length - sizeof second, sizeof second);
        return special_bytes(first | (size_t)((uint64_t)second << 32)) == 0;
    }
    memcpy(&last, text + length - sizeof last, sizeof last); // some of them twice
    size_t special = special_bytes(last);
    for (size_t at = 0; special == 0 && length - at > sizeof word; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        special = special_bytes(word);
    }
    return special == 0;
}

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

// One character beyond ASCII; a control character, or the end, is none.
static bool scan_character(parser_t *parser)
{
    uint32_t utf8 = HF_UTF8_WHOLE;
    if (parser->at == parser->end || (unsigned char)*parser->at < 0x20) {
        return false;
    }
    do {
        utf8 = hf_utf8_next(utf8, (uint8_t)*parser->at++);
    } while (utf8 != HF_UTF8_WHOLE && utf8 != HF_UTF8_REFUSE && parser->at < parser->end);
    return utf8 == HF_UTF8_WHOLE;
}

static bool scan_string(parser_t *parser)
{
    if (!take(parser, '"')) {
        return false;
    }
    while (parser->at < parser->end) {
        parser->at += hf_json_plain(parser->at, (size_t)(parser->end - parser->at));
        if (take(parser, '"')) {
            return true;
        }
        bool good = take(parser, '\\') ? scan_escape(parser) : scan_character(parser);
        if (!good) {
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

static void note_element(parser_t *parser)
{
    hf_json_frame_t *frame = parser->frame;
    if (frame->count < HF_JSON_FRAME_ELEMENTS) {
        frame->element[frame->count] =
            (hf_json_t){.type = hf_json_type_of(*parser->begin),
                        .raw = {parser->begin, (size_t)(parser->at - parser->begin)}};
    }
    frame->count++;
}

// What follows the end of a value: closes containers until one goes on (HF_E_AGAIN: a value is next) or none is open.
static int after_value(parser_t *parser)
{
    while (parser->depth > 0) {
        if (parser->depth == 1 && parser->frame != NULL) {
            note_element(parser);
        }
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
    if (parser->depth == 1) {
        parser->begin = parser->at;
    }
    if (*parser->at == '{' || *parser->at == '[') {
        return open_container(parser);
    }
    return scan_scalar(parser) ? after_value(parser) : HF_E_FORMAT;
}

int hf_json_parse(const char *text, size_t length, hf_json_t *root)
{
    return hf_json_parse_frame(text, length, root, NULL);
}

int hf_json_parse_frame(const char *text, size_t length, hf_json_t *root, hf_json_frame_t *frame)
{
    *root = (hf_json_t){0};
    if (frame != NULL) {
        *frame = (hf_json_frame_t){0};
    }
    if (length == 0) {
        return HF_E_FORMAT;
    }
    parser_t parser = {.at = text, .end = text + length, .frame = frame};
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
