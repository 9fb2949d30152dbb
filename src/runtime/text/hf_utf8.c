// SPDX-License-Identifier: MIT
// Owns the UTF-8 automaton. A state between the bytes of a character is: bytes still to come (bits 16 and up) and the
// lowest and highest value the next one may have (bits 8 to 15, 0 to 7). The table is that of RFC 3629 section 4.
#include "holdfast/hf_utf8.h"

#include <string.h>

static uint32_t expect(uint32_t bytes, uint32_t low, uint32_t high)
{
    return bytes << 16 | low << 8 | high;
}

static uint32_t first(uint8_t byte)
{
    if (byte < 0x80) {
        return HF_UTF8_WHOLE;
    }
    if (byte < 0xC2 || byte > 0xF4) {
        return HF_UTF8_REFUSE; // continuation, overlong, or above U+10FFFF
    }
    if (byte < 0xE0) {
        return expect(1, 0x80, 0xBF);
    }
    if (byte < 0xF0) {
        return expect(2, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF);
    }
    return expect(3, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF);
}

uint32_t hf_utf8_next(uint32_t state, uint8_t byte)
{
    if (state == HF_UTF8_WHOLE) {
        return first(byte);
    }
    if (state == HF_UTF8_REFUSE || byte < (state >> 8 & 0xFFu) || byte > (state & 0xFFu)) {
        return HF_UTF8_REFUSE;
    }
    uint32_t left = (state >> 16) - 1;
    return left == 0 ? HF_UTF8_WHOLE : expect(left, 0x80, 0xBF);
}

// Bytes that are ASCII, from the begin on, in whole words.
static size_t ascii_words(const uint8_t *bytes, size_t length)
{
    size_t at = 0;
    for (size_t word; length - at >= sizeof word; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        if ((word & SIZE_MAX / 0xFFu * 0x80u) != 0) {
            break;
        }
    }
    return at;
}

uint32_t hf_utf8_feed(uint32_t state, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length && state != HF_UTF8_REFUSE; at++) {
        if (state == HF_UTF8_WHOLE) {
            at += ascii_words(bytes + at, length - at);
            if (at == length) {
                break;
            }
        }
        state = hf_utf8_next(state, bytes[at]);
    }
    return state;
}

size_t hf_utf8_encode(uint32_t code_point, char *out)
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t length = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80u | (code_point & 0x3Fu));
        code_point >>= 6;
    }
    out[0] = (char)((0xF00u >> length & 0xFFu) | code_point);
    return length;
}
