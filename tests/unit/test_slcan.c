// SPDX-License-Identifier: MIT
// The lines of SLCAN: what is one is read to the bit, what is not is refused and counted, and noise never costs more than
// the lines it stands in.
#include "evse/evse_slcan.h"
#include "hf_test.h"

static evse_slcan_parser_t parser;
static evse_slcan_line_t line;

static void begin(void)
{
    memset(&line, 0xA5, sizeof line);
    evse_slcan_parser_init(&parser);
    CHECK_EQ(evse_slcan_feed(&parser, '\r', &line), EVSE_SLCAN_NOTHING); // from here on in step
    CHECK_EQ(parser.refused, 0);
}

// The kind of the last thing completed.
static evse_slcan_kind_t feed(const char *text)
{
    evse_slcan_kind_t kind = EVSE_SLCAN_NOTHING;
    for (; *text != '\0'; text++) {
        evse_slcan_kind_t now = evse_slcan_feed(&parser, (uint8_t)*text, &line);
        kind = now != EVSE_SLCAN_NOTHING ? now : kind;
    }
    return kind;
}

static void slcan_extended_frame_is_read_to_the_bit(void)
{
    const uint8_t data[8] = {0x03, 0x48, 0x01, 0x2C, 0, 0, 0xFE, 0xDC};
    begin();
    CHECK_EQ(feed("T1806E5F480348012C0000FEDC\r"), EVSE_SLCAN_FRAME);
    CHECK(line.frame.extended && !line.frame.stamped);
    CHECK_EQ(line.frame.id, 0x1806E5F4);
    CHECK_EQ(line.frame.length, 8);
    CHECK(memcmp(line.frame.data, data, 8) == 0);
    CHECK_EQ(feed("T1fffffff0\r"), EVSE_SLCAN_FRAME); // small letters, no data
    CHECK_EQ(line.frame.id, 0x1FFFFFFF);
    CHECK_EQ(line.frame.length, 0);
    CHECK_EQ(parser.refused, 0);
}

static void slcan_standard_frame_is_read_to_the_bit(void)
{
    begin();
    CHECK_EQ(feed("t7FF2AB0c\r"), EVSE_SLCAN_FRAME);
    CHECK(!line.frame.extended);
    CHECK_EQ(line.frame.id, 0x7FF);
    CHECK_EQ(line.frame.length, 2);
    CHECK(line.frame.data[0] == 0xAB && line.frame.data[1] == 0x0C && line.frame.data[2] == 0);
}

static void slcan_time_stamp_is_accepted_and_not_taken(void)
{
    begin();
    CHECK_EQ(feed("t1232AABBEA5F\r"), EVSE_SLCAN_FRAME);
    CHECK(line.frame.length == 2 && line.frame.data[1] == 0xBB && !line.frame.stamped);
    CHECK_EQ(feed("T000000010"
                  "0000"
                  "\r"),
             EVSE_SLCAN_FRAME);
    CHECK_EQ(feed("T1806E5F480348012C0000FEDC1234\r"), EVSE_SLCAN_FRAME); // the longest there is
    CHECK_EQ(feed("t1232AABBEA5X\r"), EVSE_SLCAN_NOTHING);
    CHECK_EQ(parser.refused, 1);
}

static void slcan_remote_frame_is_known_as_such(void)
{
    begin();
    CHECK_EQ(feed("r1238\r"), EVSE_SLCAN_REMOTE);
    CHECK_EQ(feed("R0000012380001\r"), EVSE_SLCAN_REMOTE);         // with a time stamp
    CHECK_EQ(feed("r12381122334455667788\r"), EVSE_SLCAN_NOTHING); // has no data
    CHECK_EQ(parser.refused, 1);
}

static void slcan_answers_are_told_apart(void)
{
    begin();
    CHECK_EQ(feed("\r"), EVSE_SLCAN_DONE);
    CHECK_EQ(feed("z\r"), EVSE_SLCAN_DONE);
    CHECK_EQ(feed("Z\r"), EVSE_SLCAN_DONE);
    CHECK_EQ(feed("\a"), EVSE_SLCAN_BELL);
    CHECK_EQ(feed("F9C\r"), EVSE_SLCAN_FLAGS);
    CHECK_EQ(line.flags, 0x9C);
    CHECK_EQ(feed("V1013\r"), EVSE_SLCAN_INFO);
    CHECK_EQ(feed("NA123\r"), EVSE_SLCAN_INFO);
    CHECK_EQ(feed("sa000000\r"), EVSE_SLCAN_STATE);
    CHECK_EQ(line.state, EVSE_CAN_ACTIVE);
    CHECK_EQ(feed("sw096000\r"), EVSE_SLCAN_STATE);
    CHECK_EQ(line.state, EVSE_CAN_PASSIVE);
    CHECK_EQ(feed("sp128000\r"), EVSE_SLCAN_STATE);
    CHECK_EQ(line.state, EVSE_CAN_PASSIVE);
    CHECK_EQ(feed("sb000255\r"), EVSE_SLCAN_STATE);
    CHECK_EQ(line.state, EVSE_CAN_BUS_OFF);
    CHECK_EQ(feed("e1a\r"), EVSE_SLCAN_ERROR);
    CHECK_EQ(parser.refused, 0);
}

static void slcan_what_is_no_line_is_refused_and_counted(void)
{
    static const char *const lines[] = {
        "T1806E5F480348012C0000FED\r",       // a digit short
        "T1806E5F480348012C0000FEDC0\r",     // a digit long
        "T1806E5F480348012C0000FEDC00\r",    // two
        "T1806E5F480348012C0000FEDC00000\r", // a stamp of five
        "T2000000080000000000000000\r",      // 30 bits
        "T1806E5F490348012C0000FEDC00\r",    // nine bytes
        "T1806E5G480348012C0000FEDC\r",      // no digit
        "T1806E5F4\r",
        "T\r",
        "t8001AA\r", // 12 bits
        "t12\r",
        "t123\r",
        "t123:\r",
        "F0\r",
        "F000\r",
        "F0g\r",
        "zz\r",
        "sx000000\r",
        "sa00000\r",
        "sa00a000\r",
        "e2a\r",
        "e0\r",
        "e\r",
        "hello\r",
        "0348012C\r",
        " \r",
    };
    begin();
    for (unsigned i = 0; i < HF_COUNT_OF(lines); i++) {
        CHECK_EQ(feed(lines[i]), EVSE_SLCAN_NOTHING);
        CHECK_EQ(parser.refused, i + 1u);
    }
    CHECK_EQ(feed("t1230\r"), EVSE_SLCAN_FRAME); // none of them left anything behind
}

static void slcan_begins_in_the_middle_of_a_line(void)
{
    evse_slcan_parser_init(&parser);
    CHECK_EQ(feed("F4\r"), EVSE_SLCAN_NOTHING); // the end of a frame, not the flags
    CHECK_EQ(parser.refused, 0);
    CHECK_EQ(feed("t1230\r"), EVSE_SLCAN_FRAME);
    evse_slcan_parser_init(&parser);
    CHECK_EQ(feed("0000\a"), EVSE_SLCAN_BELL);
    CHECK_EQ(feed("t1230\r"), EVSE_SLCAN_FRAME);
    CHECK_EQ(parser.refused, 0);
}

static void slcan_noise_costs_its_line_alone(void)
{
    begin();
    CHECK_EQ(feed("t12\xFF"
                  "30\r"),
             EVSE_SLCAN_NOTHING);
    CHECK_EQ(parser.refused, 1);
    CHECK_EQ(feed("t1230\r"), EVSE_SLCAN_FRAME);
    CHECK_EQ(feed("t123\n0\r"), EVSE_SLCAN_NOTHING);
    CHECK_EQ(parser.refused, 2);
    for (int i = 0; i < 1000; i++) {
        CHECK_EQ(evse_slcan_feed(&parser, 'T', &line), EVSE_SLCAN_NOTHING);
    }
    CHECK_EQ(feed("\r"), EVSE_SLCAN_NOTHING);
    CHECK_EQ(parser.refused, 3); // one line, however long
    CHECK_EQ(feed("t1230\r"), EVSE_SLCAN_FRAME);
}

static void slcan_bell_ends_a_half_line(void)
{
    begin();
    CHECK_EQ(feed("t1230\a"), EVSE_SLCAN_BELL);
    CHECK_EQ(parser.refused, 1);
    CHECK_EQ(feed("t1230\r"), EVSE_SLCAN_FRAME);
}

static void slcan_line_end_of_two_bytes_is_one_end(void)
{
    begin();
    CHECK_EQ(feed("t1230\r"), EVSE_SLCAN_FRAME);
    CHECK_EQ(feed("\nt1230\r"), EVSE_SLCAN_FRAME);
    CHECK_EQ(parser.refused, 0);
}

static void slcan_encode_writes_what_the_family_reads(void)
{
    evse_can_frame_t frame = {
        .id = 0x068181FE, .length = 8, .extended = true, .data = {0x01, 0x32, 0, 1, 0, 0, 0xAB}};
    uint8_t bytes[EVSE_SLCAN_LINE_BYTES];
    CHECK_EQ(evse_slcan_encode(&frame, bytes), 27);
    CHECK(memcmp(bytes,
                 "T068181FE801320001"
                 "0000AB00\r",
                 27) == 0);
    frame = (evse_can_frame_t){.id = 0x7F, .length = 1, .data = {0x5A}};
    CHECK_EQ(evse_slcan_encode(&frame, bytes), 8);
    CHECK(memcmp(bytes, "t07F15A\r", 8) == 0);
}

static void slcan_encode_refuses_what_is_no_frame(void)
{
    uint8_t bytes[EVSE_SLCAN_LINE_BYTES];
    const evse_can_frame_t bad[] = {
        {.id = 0x20000000, .extended = true}, {.id = 0x800}, {.id = 1, .length = 9}};
    for (unsigned i = 0; i < HF_COUNT_OF(bad); i++) {
        CHECK_EQ(evse_slcan_encode(&bad[i], bytes), 0);
    }
}

static void slcan_every_frame_survives_there_and_back(void)
{
    uint32_t seed = 99;
    begin();
    for (int i = 0; i < 5000; i++) {
        evse_can_frame_t frame = {0};
        uint8_t bytes[EVSE_SLCAN_LINE_BYTES];
        seed = seed * 1664525u + 1013904223u;
        frame.extended = (seed >> 31) != 0;
        frame.length = (uint8_t)((seed >> 20) % 9u);
        frame.id = (seed >> 3) & (frame.extended ? EVSE_CAN_ID_MASK : 0x7FFu);
        for (unsigned k = 0; k < frame.length; k++) {
            frame.data[k] = (uint8_t)(seed >> (k * 3u));
        }
        uint32_t length = evse_slcan_encode(&frame, bytes);
        REQUIRE(length > 0 && length <= EVSE_SLCAN_LINE_BYTES);
        for (uint32_t k = 0; k + 1u < length; k++) {
            CHECK_EQ(evse_slcan_feed(&parser, bytes[k], &line), EVSE_SLCAN_NOTHING);
        }
        CHECK_EQ(evse_slcan_feed(&parser, bytes[length - 1u], &line), EVSE_SLCAN_FRAME);
        CHECK(line.frame.id == frame.id && line.frame.extended == frame.extended);
        CHECK(line.frame.length == frame.length && memcmp(line.frame.data, frame.data, 8) == 0);
    }
}

static void slcan_bitrates_are_s0_to_s8(void)
{
    static const uint32_t rates[] = {10, 20, 50, 100, 125, 250, 500, 800, 1000};
    for (unsigned i = 0; i < HF_COUNT_OF(rates); i++) {
        CHECK_EQ(evse_slcan_bitrate_digit(rates[i]), '0' + (int)i);
    }
    CHECK_EQ(evse_slcan_bitrate_digit(0), 0);
    CHECK_EQ(evse_slcan_bitrate_digit(251), 0);
    CHECK_EQ(evse_slcan_bitrate_digit(65536u + 250u), 0);
}

HF_TEST_MAIN(HF_TEST(slcan_extended_frame_is_read_to_the_bit),
             HF_TEST(slcan_standard_frame_is_read_to_the_bit),
             HF_TEST(slcan_time_stamp_is_accepted_and_not_taken),
             HF_TEST(slcan_remote_frame_is_known_as_such), HF_TEST(slcan_answers_are_told_apart),
             HF_TEST(slcan_what_is_no_line_is_refused_and_counted),
             HF_TEST(slcan_begins_in_the_middle_of_a_line),
             HF_TEST(slcan_noise_costs_its_line_alone), HF_TEST(slcan_bell_ends_a_half_line),
             HF_TEST(slcan_line_end_of_two_bytes_is_one_end),
             HF_TEST(slcan_encode_writes_what_the_family_reads),
             HF_TEST(slcan_encode_refuses_what_is_no_frame),
             HF_TEST(slcan_every_frame_survives_there_and_back),
             HF_TEST(slcan_bitrates_are_s0_to_s8))
