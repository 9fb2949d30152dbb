// SPDX-License-Identifier: MIT
// Lines of card readers: what is a tag, and that nothing else ever is.
#include "evse/evse_reader.h"
#include "hf_test.h"

static evse_reader_line_t line;
static char tag[EVSE_ID_TAG_BYTES];
static uint64_t now_us;

/// How many tags the text holds; the last is in `tag`.
static unsigned feed(const char *text)
{
    unsigned tags = 0;
    tag[0] = '\0';
    for (; *text != '\0'; text++) {
        now_us += 1000;
        tags += evse_reader_line_feed(&line, *text, now_us, tag) == 1 ? 1u : 0u;
    }
    return tags;
}

static void begin(void)
{
    line = (evse_reader_line_t){.length = 0};
    now_us = 1000000;
}

static void reader_line_of_hex_is_a_tag_in_upper_case(void)
{
    static const struct {
        const char *text, *tag;
    } good[] = {{"04a2b3c4\r", "04A2B3C4"},
                {"04A2B3C4D5E680\r\n", "04A2B3C4D5E680"},
                {"04:a2:b3:c4:d5:e6:80\n", "04A2B3C4D5E680"},
                {"04 A2 B3 C4\n", "04A2B3C4"},
                {"04-a2-b3-c4\n", "04A2B3C4"},
                {"\n\r\n0102030405060708090a\n", "0102030405060708090A"},
                {"0012345678\n", "0012345678"}}; // of a keyboard wedge
    for (unsigned i = 0; i < HF_COUNT_OF(good); i++) {
        begin();
        CHECK_EQ(feed(good[i].text), 1);
        CHECK_STR(tag, good[i].tag);
        CHECK_EQ(line.garbage + line.too_long + line.torn, 0);
        CHECK_EQ(line.tags, 1);
    }
}

static void reader_frame_of_twelve_digits_is_checked_by_its_sum(void)
{
    begin();
    CHECK_EQ(feed("\x02"
                  "0C00840326A9\r\n\x03"),
             0);
    CHECK_EQ(line.garbage, 1);
    CHECK_EQ(feed("\x02"
                  "0C00840326AD\r\n\x03"),
             1); // 0C^00^84^03^26 = AD
    CHECK_STR(tag, "0C00840326");
    CHECK_EQ(feed("\x02"
                  "0C00840326AD\x03"),
             1);                         // without the line ends too
    CHECK_EQ(feed("0C00840326A9\n"), 1); // no frame: six bytes of somebody's
    CHECK_STR(tag, "0C00840326A9");
    CHECK_EQ(line.garbage, 1);
}

static void reader_line_that_is_no_uid_is_counted_as_garbage(void)
{
    static const char *const bad[] = {"04A2B3\n",
                                      "04A2B3C\n",
                                      "04A2B3C45\n",
                                      "HELLO WORLD\n",
                                      "04A2B3C4x\n",
                                      "UID: 04A2B3C4\n",
                                      "04A2B3C4;\n",
                                      ("\xff\xfe"
                                       "04A2B3C4\n"),
                                      "\x1b[A04A2B3C4\n",
                                      "-\x7f\n"};
    for (unsigned i = 0; i < HF_COUNT_OF(bad); i++) {
        begin();
        CHECK_EQ(feed(bad[i]), 0);
        CHECK_EQ(line.garbage, 1);
        CHECK_EQ(line.too_long, 0);
        CHECK_EQ(feed("04A2B3C4\n"), 1); // and the next is read again
    }
}

static void reader_line_that_is_too_long_is_counted_and_cut_to_nothing(void)
{
    begin();
    CHECK_EQ(feed("0102030405060708090A0B\n"), 0);
    CHECK_EQ(line.too_long, 1);
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_EQ(feed("0123456789ABCDEF"), 0);
    }
    CHECK_EQ(feed("\n"), 0);
    CHECK_EQ(line.too_long, 2);
    CHECK_EQ(feed("04A2B3C4\n"), 1);
    CHECK_EQ(line.garbage, 0);
}

static void reader_line_that_pauses_is_given_up(void)
{
    begin();
    CHECK_EQ(feed("AB"), 0); // noise, or the end of one that was cut
    now_us += 600000;
    CHECK_EQ(feed("04A2B3C4\n"), 1);
    CHECK_STR(tag, "04A2B3C4");
    CHECK_EQ(line.torn, 1);
    CHECK_EQ(feed("04A2"), 0);
    now_us += 400000;
    CHECK_EQ(feed("B3C4\n"), 1);
    CHECK_EQ(line.torn, 1);
}

static void reader_frame_begins_anew_at_its_start(void)
{
    begin();
    CHECK_EQ(feed("0C00\x02"
                  "0C00840326AD\x03"),
             1);
    CHECK_STR(tag, "0C00840326");
    CHECK_EQ(line.garbage, 1);
}

static void reader_random_bytes_move_a_counter_per_line_and_yield_only_uids(void)
{
    static const char alphabet[] = "0123456789ABCDEFabcdef:- \r\n\n\n\x02\x03xG\x7f";
    uint32_t seed = 1;
    begin();
    for (unsigned i = 0; i < 400000; i++) {
        seed = seed * 1664525u + 1013904223u;
        now_us += seed >> 24 == 7 ? 600000 : 1000;
        char c = alphabet[(seed >> 8) % (sizeof alphabet - 1)];
        uint32_t before = line.tags;
        tag[0] = '\0';
        if (evse_reader_line_feed(&line, c, now_us, tag) == 1) {
            size_t length = strlen(tag);
            CHECK(length >= 8 && length <= 20 && length % 2 == 0);
            CHECK_EQ(strspn(tag, "0123456789ABCDEF"), length);
            CHECK_EQ(line.tags, before + 1);
        } else {
            CHECK_EQ(line.tags, before);
        }
    }
    CHECK(line.tags > 100 && line.garbage > 1000 && line.torn > 100);
}

HF_TEST_MAIN(HF_TEST(reader_line_of_hex_is_a_tag_in_upper_case),
             HF_TEST(reader_frame_of_twelve_digits_is_checked_by_its_sum),
             HF_TEST(reader_line_that_is_no_uid_is_counted_as_garbage),
             HF_TEST(reader_line_that_is_too_long_is_counted_and_cut_to_nothing),
             HF_TEST(reader_line_that_pauses_is_given_up),
             HF_TEST(reader_frame_begins_anew_at_its_start),
             HF_TEST(reader_random_bytes_move_a_counter_per_line_and_yield_only_uids))
