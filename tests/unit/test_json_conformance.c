// SPDX-License-Identifier: MIT
// All of RFC 8259 and nothing else: the parser against a second one, written here from the grammar as directly as it can
// be, over every text of a small alphabet up to some length, every byte at every place where the grammar has a choice,
// every escape, and every sequence of bytes that might be UTF-8.
#include "hf_test.h"

#include "holdfast/hf_json.h"

#include <string.h>

#define ORACLE_DEPTH 64

// ---- the grammar, rule by rule: each returns the place behind what it matched, or NULL ---------------------------------

typedef struct input {
    const unsigned char *end;
    int depth, deepest;
} input_t;

static const unsigned char *ws(const input_t *in, const unsigned char *p)
{
    while (p < in->end && (*p == 0x20 || *p == 0x09 || *p == 0x0A || *p == 0x0D)) {
        p++;
    }
    return p;
}

static const unsigned char *one(const input_t *in, const unsigned char *p, char c)
{
    return p != NULL && p < in->end && *p == (unsigned char)c ? p + 1 : NULL;
}

static const unsigned char *digits(const input_t *in, const unsigned char *p) // 1*DIGIT
{
    const unsigned char *begin = p;
    while (p < in->end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p > begin ? p : NULL;
}

static const unsigned char *number(const input_t *in, const unsigned char *p)
{
    const unsigned char *next = one(in, p, '-');
    p = next != NULL ? next : p;
    next = one(in, p, '0');
    p = next != NULL ? next : digits(in, p);
    if (p == NULL) {
        return NULL;
    }
    next = one(in, p, '.');
    if (next != NULL && (p = digits(in, next)) == NULL) {
        return NULL;
    }
    if (p < in->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < in->end && (*p == '+' || *p == '-')) {
            p++;
        }
        return digits(in, p);
    }
    return p;
}

static long hex4(const input_t *in, const unsigned char *p)
{
    static const char figures[] = "0123456789abcdefABCDEF";
    long value = 0;
    for (int i = 0; i < 4; i++, p++) {
        const char *at = p < in->end && *p != 0 ? strchr(figures, (char)*p) : NULL;
        if (at == NULL) {
            return -1;
        }
        long figure = at - figures;
        value = value * 16 + (figure < 16 ? figure : figure - 6);
    }
    return value;
}

static const unsigned char *escape(const input_t *in,
                                   const unsigned char *p) // behind the reverse solidus
{
    if (p < in->end && *p != 0 && strchr("\"\\/bfnrt", (char)*p) != NULL) {
        return p + 1;
    }
    if ((p = one(in, p, 'u')) == NULL) {
        return NULL;
    }
    long unit = hex4(in, p);
    p += 4;
    if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) {
        return NULL;
    }
    if (unit < 0xD800 || unit > 0xDBFF) {
        return p;
    }
    p = one(in, one(in, p, '\\'), 'u');
    long low = p != NULL ? hex4(in, p) : -1;
    return low >= 0xDC00 && low <= 0xDFFF ? p + 4 : NULL;
}

/// One character beyond ASCII: put together, and looked at as a number.
static const unsigned char *wide(const input_t *in, const unsigned char *p)
{
    int length = *p >= 0xF0 && *p < 0xF8   ? 4
                 : *p >= 0xE0 && *p < 0xF0 ? 3
                 : *p >= 0xC0 && *p < 0xE0 ? 2
                                           : 0;
    if (length == 0 || in->end - p < length) {
        return NULL;
    }
    unsigned long code = *p & (0xFFu >> (length + 1));
    for (int i = 1; i < length; i++) {
        if ((p[i] & 0xC0u) != 0x80u) {
            return NULL;
        }
        code = code << 6 | (p[i] & 0x3Fu);
    }
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code >= least[length] && code <= 0x10FFFF && !is_surrogate ? p + length : NULL;
}

static const unsigned char *string(const input_t *in, const unsigned char *p)
{
    p = one(in, p, '"');
    while (p != NULL && p < in->end && *p != '"') {
        p = *p == '\\' ? escape(in, p + 1) : *p < 0x20 ? NULL : *p < 0x80 ? p + 1 : wide(in, p);
    }
    return one(in, p, '"');
}

static const unsigned char *value(input_t *in, const unsigned char *p);

static const unsigned char *members(input_t *in, const unsigned char *p, bool is_object)
{
    const unsigned char *close = one(in, ws(in, p), is_object ? '}' : ']');
    if (close != NULL) {
        return close;
    }
    for (;;) {
        if (is_object) {
            p = string(in, ws(in, p));
            p = p != NULL ? one(in, ws(in, p), ':') : NULL;
        }
        p = p != NULL ? value(in, p) : NULL;
        if (p == NULL) {
            return NULL;
        }
        close = one(in, ws(in, p), is_object ? '}' : ']');
        if (close != NULL) {
            return close;
        }
        p = one(in, ws(in, p), ',');
        if (p == NULL) {
            return NULL;
        }
    }
}

static const unsigned char *value(input_t *in, const unsigned char *p)
{
    static const char *const words[] = {"true", "false", "null"};
    p = ws(in, p);
    if (p == in->end) {
        return NULL;
    }
    if (*p == '{' || *p == '[') {
        if (++in->depth > ORACLE_DEPTH) {
            return NULL;
        }
        in->deepest = in->depth > in->deepest ? in->depth : in->deepest;
        const unsigned char *end = members(in, p + 1, *p == '{');
        in->depth--;
        return end;
    }
    for (size_t i = 0; i < HF_COUNT_OF(words); i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(in->end - p) >= length && memcmp(p, words[i], length) == 0) {
            return p + length;
        }
    }
    return *p == '"' ? string(in, p) : number(in, p);
}

// ---- both against each other --------------------------------------------------------------------

static unsigned long compared, accepted_count;

static bool is_same(const char *text, size_t length)
{
    input_t in = {.end = (const unsigned char *)text + length};
    const unsigned char *end = value(&in, (const unsigned char *)text);
    bool expected = end != NULL && ws(&in, end) == in.end;
    hf_json_t root;
    int status = hf_json_parse(text, length, &root);
    compared++;
    accepted_count += expected ? 1u : 0u;
    if (expected && in.deepest > (int)HF_JSON_DEPTH_MAX) {
        return status == HF_E_RANGE;
    }
    return status == HF_OK ? expected : !expected;
}

static void compare(const char *text, size_t length)
{
    if (!is_same(text, length)) {
        char shown[200];
        size_t at = 0;
        for (size_t i = 0; i < length && at + 5 < sizeof shown; i++) {
            at += (size_t)snprintf(shown + at, sizeof shown - at,
                                   text[i] >= ' ' && text[i] <= '~' ? "%c" : "\\x%02X",
                                   (unsigned)(unsigned char)text[i]);
        }
        HF_TEST_FAIL("%s", shown);
    }
}

/// Every text of up to `most` symbols, between `before` and `after`.
static void compare_all(const char *const *symbols, size_t count, size_t most, const char *before,
                        const char *after)
{
    size_t choice[16] = {0};
    for (size_t length = 0; length <= most; length++) {
        memset(choice, 0, sizeof choice);
        for (bool more = true; more && hf_test_failed_here < 5;) {
            char text[128];
            size_t at = strlen(before);
            memcpy(text, before, at);
            for (size_t i = 0; i < length; i++) {
                size_t symbol = strlen(symbols[choice[i]]);
                memcpy(text + at, symbols[choice[i]], symbol);
                at += symbol;
            }
            memcpy(text + at, after, strlen(after));
            compare(text, at + strlen(after));
            size_t i = 0;
            while (i < length && ++choice[i] == count) {
                choice[i++] = 0;
            }
            more = i < length;
        }
    }
}

static void json_structure_every_text_of_a_small_alphabet(void)
{
    static const char *const symbols[] = {"{", "}", "[", "]", ",", ":", "\"a\"", "1", " ", "null"};
    compare_all(symbols, HF_COUNT_OF(symbols), 6, "", "");
    CHECK_EQ(compared, 1111111);
    CHECK_EQ(accepted_count, 465); // as the grammar has it: the alphabet is not all refused
}

static void json_structure_inside_containers(void)
{
    static const char *const symbols[] = {"{", "}", "[", "]", ",", ":", "\"a\"", "0"};
    compare_all(symbols, HF_COUNT_OF(symbols), 5, "[", "]");
    compare_all(symbols, HF_COUNT_OF(symbols), 6, "{", "}");
    compare_all(symbols, HF_COUNT_OF(symbols), 5, "{\"k\":[", "]}");
}

static void json_numbers_every_text_of_their_alphabet(void)
{
    static const char *const symbols[] = {"0", "1", "9", "-", "+", ".", "e", "E"};
    unsigned long before = accepted_count;
    compare_all(symbols, HF_COUNT_OF(symbols), 6, "", "");
    CHECK_EQ(accepted_count - before, 6453);
    compare_all(symbols, HF_COUNT_OF(symbols), 4, "[", "]");
    compare_all(symbols, HF_COUNT_OF(symbols), 4, "[-", ",1]");
}

static void json_words_and_what_is_nearly_one(void)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t w = 0; w < HF_COUNT_OF(words); w++) {
        size_t length = strlen(words[w]);
        for (size_t at = 0; at <= length; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                char text[8];
                memcpy(text, words[w], length);
                text[at] = (char)byte; // replaced, or one too many
                compare(text, at == length ? length + 1 : length);
            }
            compare(words[w], at); // cut short
        }
    }
}

static void json_any_byte_around_every_token(void)
{
    static const char *const pieces[] = {"",  "{",    "\"a\"", ":", "[", "1",
                                         ",", "true", "]",     "}", ""};
    for (size_t gap = 0; gap + 1 < HF_COUNT_OF(pieces); gap++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            for (size_t more = 0; more < 2; more++) { // alone, and before a space
                char text[64];
                size_t at = 0;
                for (size_t i = 0; i + 1 < HF_COUNT_OF(pieces); i++) {
                    memcpy(text + at, pieces[i], strlen(pieces[i]));
                    at += strlen(pieces[i]);
                    if (i == gap) {
                        text[at++] = (char)byte;
                        text[at] = ' ';
                        at += more;
                    }
                }
                compare(text, at);
            }
        }
    }
}

static void json_strings_every_byte_and_every_escape(void)
{
    char text[32];
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t before = 0; before <= 9; before++) { // at every place of a word of the machine
            for (size_t behind = 0; behind <= 9; behind += 3) {
                memset(text, 'a', sizeof text);
                text[0] = '"';
                text[1 + before] = (char)byte;
                text[2 + before + behind] = '"';
                compare(text, 3 + before + behind);
            }
        }
        for (unsigned next = 0; next < 256; next++) {
            const char escape_text[] = {'"', '\\', (char)byte, (char)next, '"'};
            compare(escape_text, byte == next ? 4 : 5);
        }
    }
}

static void json_strings_every_unicode_escape(void)
{
    static const unsigned lows[] = {0, 0xD7FF, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xE000, 0xFFFF};
    char text[40];
    for (unsigned unit = 0; unit <= 0xFFFF; unit++) {
        int length = snprintf(text, sizeof text, unit % 2u ? "\"\\u%04x\"" : "\"\\u%04X\"", unit);
        compare(text, (size_t)length);
        if (unit >= 0xD700 && unit <= 0xE0FF) {
            for (size_t i = 0; i < HF_COUNT_OF(lows); i++) {
                length = snprintf(text, sizeof text, "\"\\u%04x\\u%04x\"", unit, lows[i]);
                compare(text, (size_t)length);
            }
        }
    }
    for (size_t at = 3; at < 7; at++) { // any byte in place of a figure
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(text, "\"\\uAb09\"", 8);
            text[at] = (char)byte;
            compare(text, 8);
            memcpy(text, "\"\\uD834\\uDD1E\"", 14);
            text[at + 6] = (char)byte;
            compare(text, 14);
        }
    }
}

static void json_strings_everything_that_might_be_utf8(void)
{
    static const unsigned char edges[] = {0x00, 0x22, 0x41, 0x5C, 0x7F, 0x80, 0x8F, 0x90, 0x9F,
                                          0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xF0, 0xF4, 0xFF};
    for (unsigned first = 0x80; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            const char two[] = {'"', (char)first, (char)second, '"'};
            compare(two, sizeof two);
            for (size_t i = 0; i < HF_COUNT_OF(edges); i++) {
                const char three[] = {'"', (char)first, (char)second, (char)edges[i], '"'};
                compare(three, sizeof three);
                for (size_t j = 0; first >= 0xE0 && j < HF_COUNT_OF(edges); j++) {
                    const char four[] = {
                        '"', (char)first, (char)second, (char)edges[i], (char)edges[j], '"'};
                    compare(four, sizeof four);
                }
            }
        }
    }
}

static void json_depth_is_bounded_and_told_apart(void)
{
    for (unsigned depth = 1; depth <= 40; depth++) {
        char text[400] = "";
        for (unsigned i = 0; i < depth; i++) {
            strcat(text, i % 2u ? "{\"a\":" : "[");
        }
        strcat(text, "0");
        for (unsigned i = depth; i-- > 0;) {
            strcat(text, i % 2u ? "}" : "]");
        }
        hf_json_t root;
        CHECK_EQ(hf_json_parse(text, strlen(text), &root),
                 depth <= HF_JSON_DEPTH_MAX ? HF_OK : HF_E_RANGE);
        compare(text, strlen(text));
    }
    static char deep[100000]; // no stack grows with it
    memset(deep, '[', sizeof deep);
    hf_json_t root;
    CHECK_EQ(hf_json_parse(deep, sizeof deep, &root), HF_E_RANGE);
}

static const char rich[] =
    "[2,\"19223201\",\"BootNotification\",{\"a\":[1,-2.5e+3,\"\\u00e9\\n\xC3\xA9\"],\"b\":null ,"
    "\"c\":{\"\":true, \"x y\":[[],{}]},\"d\":false}]";

static void json_every_byte_of_a_message_replaced_cut_or_doubled(void)
{
    char text[2 * sizeof rich];
    size_t length = sizeof rich - 1;
    compare(rich, length);
    for (size_t at = 0; at < length; at++) {
        compare(rich, at);
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(text, rich, length);
            text[at] = (char)byte;
            compare(text, length);
            memcpy(text + at + 1, rich + at, length - at); // put in before
            compare(text, length + 1);
        }
        memcpy(text, rich, at);
        memcpy(text + at, rich + at + 1, length - at - 1);
        compare(text, length - 1);
    }
}

static void json_long_texts_are_as_good_as_short_ones(void)
{
    static char text[70000];
    for (size_t length = 65530; length < 65545; length++) {
        memset(text, 'x', length);
        text[0] = text[length - 1] = '"';
        compare(text, length);
        text[length / 2] = '\x1F';
        compare(text, length);
        memset(text, '7', length);
        compare(text, length);
        memset(text, ' ', length);
        compare(text, length);
        text[length - 1] = '0';
        compare(text, length);
    }
}

HF_TEST_MAIN(HF_TEST(json_structure_every_text_of_a_small_alphabet),
             HF_TEST(json_structure_inside_containers),
             HF_TEST(json_numbers_every_text_of_their_alphabet),
             HF_TEST(json_words_and_what_is_nearly_one), HF_TEST(json_any_byte_around_every_token),
             HF_TEST(json_strings_every_byte_and_every_escape),
             HF_TEST(json_strings_every_unicode_escape),
             HF_TEST(json_strings_everything_that_might_be_utf8),
             HF_TEST(json_depth_is_bounded_and_told_apart),
             HF_TEST(json_every_byte_of_a_message_replaced_cut_or_doubled),
             HF_TEST(json_long_texts_are_as_good_as_short_ones))
