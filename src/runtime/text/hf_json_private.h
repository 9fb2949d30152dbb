// SPDX-License-Identifier: MIT
// What the validator and the readers of JSON share: character classes. Private to src/runtime/text.
#ifndef HF_JSON_PRIVATE_H
#define HF_JSON_PRIVATE_H

#include "holdfast/hf_json.h"

static inline bool hf_json_is_space(char c)
{
    return (unsigned char)c <= ' ' && (c == ' ' || c == '\t' || c == '\n' || c == '\r');
}

static inline int hf_json_hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Bytes from `text` on, at most `length`, that stand in a JSON string as they are and are ASCII: no quote, no reverse
/// solidus, no control character. Cost: some 10 instructions a word.
size_t hf_json_plain(const char *text, size_t length);
/// True when that is all of them; cheaper than counting.
bool hf_json_is_plain(const char *text, size_t length);

/// The type of the value that begins with `c`, in text that is known to be JSON.
static inline hf_json_type_t hf_json_type_of(char c)
{
    switch (c) {
    case '{':
        return HF_JSON_OBJECT;
    case '[':
        return HF_JSON_ARRAY;
    case '"':
        return HF_JSON_STRING;
    case 't':
        return HF_JSON_TRUE;
    case 'f':
        return HF_JSON_FALSE;
    case 'n':
        return HF_JSON_NULL;
    default:
        return HF_JSON_NUMBER;
    }
}

#endif
