// SPDX-License-Identifier: MIT
// The lines of SLCAN: frames to commands and back. Invariants: a line is taken whole or refused whole, and each refusal
// moves one counter; whatever noise came before, the first line after a \r or BEL is read as if nothing had been.
#include "evse/evse_slcan.h"

#include <string.h>

#define BELL            0x07u
#define STANDARD_DIGITS 3u
#define EXTENDED_DIGITS 8u
#define STAMP_DIGITS    4u // Z1: milliseconds of the adapter's own clock
#define STANDARD_MASK   0x7FFu
#define DATA_BYTES      8u
#define STATE_LENGTH    8u // s, state, three digits of each error counter
#define NO_DIGIT        16u
#define DECIMAL         10u
#define HEX             16u

static unsigned hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - (unsigned)'0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - (unsigned)'A' + DECIMAL;
    }
    return c >= 'a' && c <= 'f' ? c - (unsigned)'a' + DECIMAL : NO_DIGIT;
}

static bool read_hex(const uint8_t *digits, uint32_t count, uint32_t *value)
{
    *value = 0;
    for (uint32_t i = 0; i < count; i++) {
        unsigned digit = hex_value(digits[i]);
        if (digit == NO_DIGIT) {
            return false;
        }
        *value = *value << 4 | digit;
    }
    return true;
}

static void write_hex(uint8_t *digits, uint32_t count, uint32_t value)
{
    static const char hex[] = "0123456789ABCDEF";
    for (uint32_t i = 0; i < count; i++) {
        digits[i] = (uint8_t)hex[(value >> (4u * (count - 1u - i))) % HEX];
    }
}

char evse_slcan_bitrate_digit(uint32_t kbits)
{
    static const uint16_t rates[] = {10, 20, 50, 100, 125, 250, 500, 800, 1000};
    for (unsigned i = 0; i < HF_COUNT_OF(rates); i++) {
        if (rates[i] == kbits) {
            return (char)('0' + (char)i);
        }
    }
    return 0;
}

uint32_t evse_slcan_encode(const evse_can_frame_t *frame, uint8_t bytes[EVSE_SLCAN_LINE_BYTES])
{
    uint32_t digits = frame->extended ? EXTENDED_DIGITS : STANDARD_DIGITS;
    uint32_t mask = frame->extended ? EVSE_CAN_ID_MASK : STANDARD_MASK;
    if (frame->id > mask || frame->length > DATA_BYTES) {
        return 0;
    }
    bytes[0] = frame->extended ? 'T' : 't';
    write_hex(bytes + 1, digits, frame->id);
    bytes[1u + digits] = (uint8_t)('0' + frame->length);
    uint32_t at = 2u + digits;
    for (uint32_t i = 0; i < frame->length; i++, at += 2u) {
        write_hex(bytes + at, 2, frame->data[i]);
    }
    bytes[at] = '\r';
    return at + 1u;
}

void evse_slcan_parser_init(evse_slcan_parser_t *parser)
{
    memset(parser, 0, sizeof *parser);
    parser->skipping = true;
}

static bool has_length(const evse_slcan_parser_t *parser, uint32_t length)
{
    uint32_t ignored;
    return parser->length == length || (parser->length == length + STAMP_DIGITS &&
                                        read_hex(parser->bytes + length, STAMP_DIGITS, &ignored));
}

static bool read_data(const uint8_t *digits, evse_can_frame_t *frame)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < frame->length; i++) {
        if (!read_hex(digits + 2u * i, 2, &value)) {
            return false;
        }
        frame->data[i] = (uint8_t)value;
    }
    return true;
}

static evse_slcan_kind_t read_frame(const evse_slcan_parser_t *parser, evse_slcan_line_t *line)
{
    const uint8_t *bytes = parser->bytes;
    evse_can_frame_t *frame = &line->frame;
    bool is_remote = bytes[0] == 'r' || bytes[0] == 'R';
    frame->extended = bytes[0] == 'T' || bytes[0] == 'R';
    uint32_t digits = frame->extended ? EXTENDED_DIGITS : STANDARD_DIGITS;
    if (parser->length < digits + 2u || !read_hex(bytes + 1, digits, &frame->id) ||
        frame->id > (frame->extended ? EVSE_CAN_ID_MASK : STANDARD_MASK) ||
        bytes[1u + digits] < '0' || bytes[1u + digits] > '0' + DATA_BYTES) {
        return EVSE_SLCAN_NOTHING;
    }
    frame->length = (uint8_t)(bytes[1u + digits] - '0');
    uint32_t data_digits = is_remote ? 0 : 2u * frame->length;
    if (!has_length(parser, 2u + digits + data_digits) ||
        (!is_remote && !read_data(bytes + 2u + digits, frame))) {
        return EVSE_SLCAN_NOTHING;
    }
    return is_remote ? EVSE_SLCAN_REMOTE : EVSE_SLCAN_FRAME;
}

static evse_slcan_kind_t read_flags(const evse_slcan_parser_t *parser, evse_slcan_line_t *line)
{
    uint32_t flags = 0;
    if (parser->length != 3 || !read_hex(parser->bytes + 1, 2, &flags)) {
        return EVSE_SLCAN_NOTHING;
    }
    line->flags = (uint8_t)flags;
    return EVSE_SLCAN_FLAGS;
}

static evse_slcan_kind_t read_state(const evse_slcan_parser_t *parser, evse_slcan_line_t *line)
{
    if (parser->length != STATE_LENGTH) {
        return EVSE_SLCAN_NOTHING;
    }
    for (uint32_t i = 2; i < STATE_LENGTH; i++) {
        if (parser->bytes[i] < '0' || parser->bytes[i] > '9') {
            return EVSE_SLCAN_NOTHING;
        }
    }
    switch (parser->bytes[1]) {
    case 'a':
        line->state = EVSE_CAN_ACTIVE;
        return EVSE_SLCAN_STATE;
    case 'w':
    case 'p':
        line->state = EVSE_CAN_PASSIVE;
        return EVSE_SLCAN_STATE;
    case 'b':
        line->state = EVSE_CAN_BUS_OFF;
        return EVSE_SLCAN_STATE;
    default:
        return EVSE_SLCAN_NOTHING;
    }
}

static evse_slcan_kind_t read_errors(const evse_slcan_parser_t *parser)
{
    unsigned count = parser->length < 2 ? 0 : hex_value(parser->bytes[1]);
    return count > 0 && count < NO_DIGIT && parser->length == 2u + count ? EVSE_SLCAN_ERROR
                                                                         : EVSE_SLCAN_NOTHING;
}

static evse_slcan_kind_t read_line(const evse_slcan_parser_t *parser, evse_slcan_line_t *line)
{
    if (parser->length == 0) {
        return EVSE_SLCAN_DONE;
    }
    switch (parser->bytes[0]) {
    case 't':
    case 'T':
    case 'r':
    case 'R':
        return read_frame(parser, line);
    case 'z':
    case 'Z':
        return parser->length == 1 ? EVSE_SLCAN_DONE : EVSE_SLCAN_NOTHING;
    case 'F':
        return read_flags(parser, line);
    case 's':
        return read_state(parser, line);
    case 'e':
        return read_errors(parser);
    case 'V':
    case 'v':
    case 'N':
        return EVSE_SLCAN_INFO;
    default:
        return EVSE_SLCAN_NOTHING;
    }
}

static evse_slcan_kind_t end_line(evse_slcan_parser_t *parser, evse_slcan_line_t *line)
{
    evse_slcan_kind_t kind = EVSE_SLCAN_NOTHING;
    if (!parser->skipping) {
        memset(line, 0, sizeof *line);
        kind = read_line(parser, line);
        parser->refused += kind == EVSE_SLCAN_NOTHING ? 1u : 0u;
    }
    parser->skipping = false;
    parser->length = 0;
    return kind;
}

static evse_slcan_kind_t end_by_bell(evse_slcan_parser_t *parser)
{
    parser->refused += parser->length > 0 && !parser->skipping ? 1u : 0u; // it cut a line off
    parser->skipping = false;
    parser->length = 0;
    return EVSE_SLCAN_BELL;
}

evse_slcan_kind_t evse_slcan_feed(evse_slcan_parser_t *parser, uint8_t byte,
                                  evse_slcan_line_t *line)
{
    if (byte == '\r') {
        return end_line(parser, line);
    }
    if (byte == BELL) {
        return end_by_bell(parser);
    }
    if (parser->skipping || (byte == '\n' && parser->length == 0)) { // some adapters end by \r\n
        return EVSE_SLCAN_NOTHING;
    }
    if (byte < ' ' || byte > '~' || parser->length >= EVSE_SLCAN_LINE_BYTES) {
        parser->skipping = true;
        parser->refused++;
        return EVSE_SLCAN_NOTHING;
    }
    parser->bytes[parser->length++] = byte;
    return EVSE_SLCAN_NOTHING;
}
