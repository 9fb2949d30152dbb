// SPDX-License-Identifier: MIT
// Lines of card readers (evse_reader.h). Invariants: exactly one of the four counters moves per line that held anything;
// what is not wholly a UID is never a tag.
#include "evse/evse_reader.h"

#include <string.h>

#define STX            '\x02'
#define ETX            '\x03'
#define PAUSE_US       500000u
#define DIGITS_MIN     8u
#define DIGITS_MAX     20u
#define DIGITS_CHECKED 12u // five bytes and their XOR

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char upper = (char)(c & ~0x20);
    return upper >= 'A' && upper <= 'F' ? upper - 'A' + 10 : -1;
}

static void begin(evse_reader_line_t *line, bool is_framed)
{
    line->length = 0u;
    line->is_framed = is_framed;
    line->is_spoiled = false;
}

static bool is_sum_good(const evse_reader_line_t *line)
{
    int sum = 0;
    for (unsigned i = 0u; i < DIGITS_CHECKED; i += 2u) {
        sum ^= digit_of(line->text[i]) * 16 + digit_of(line->text[i + 1u]);
    }
    return sum == 0;
}

static int end(evse_reader_line_t *line, char id_tag[EVSE_ID_TAG_BYTES])
{
    bool is_empty = line->length == 0u && !line->is_spoiled;
    bool is_checked = line->is_framed && line->length == DIGITS_CHECKED;
    unsigned digits = is_checked ? DIGITS_CHECKED - 2u : line->length;
    if (line->length > DIGITS_MAX) {
        line->too_long++;
    } else if (line->is_spoiled || digits < DIGITS_MIN || digits % 2u != 0u ||
               (is_checked && !is_sum_good(line))) {
        line->garbage += is_empty ? 0u : 1u;
    } else {
        memcpy(id_tag, line->text, digits);
        id_tag[digits] = '\0';
        line->tags++;
        begin(line, false);
        return 1;
    }
    begin(line, false);
    return 0;
}

static void take(evse_reader_line_t *line, char c)
{
    int digit = digit_of(c);
    if (digit >= 0) {
        line->text[line->length] = (char)(digit < 10 ? '0' + digit : 'A' + digit - 10);
        line->length = (uint8_t)(line->length + (line->length <= DIGITS_MAX ? 1u : 0u));
    } else if (c != ':' && c != '-' && c != ' ') {
        line->is_spoiled = true;
    }
}

int evse_reader_line_feed(evse_reader_line_t *line, char c, uint64_t now_us,
                          char id_tag[EVSE_ID_TAG_BYTES])
{
    bool is_begun = line->length != 0u || line->is_spoiled;
    if (is_begun && now_us - line->last_us > PAUSE_US) {
        line->torn++;
        begin(line, false);
    }
    line->last_us = now_us;
    if (c == STX) {
        line->garbage += line->length != 0u || line->is_spoiled ? 1u : 0u;
        begin(line, true);
        return 0;
    }
    if (c == '\r' || c == '\n' || c == ETX) {
        return end(line, id_tag);
    }
    take(line, c);
    return 0;
}
