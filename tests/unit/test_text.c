// SPDX-License-Identifier: MIT
// Slices and the bounded builder: conversions at the edges of their types, and overflow that never lies.
#include "hf_test.h"

#include "holdfast/hf_text.h"
#include "holdfast/hf_utf8.h"

static hf_slice_t slice_of(const char *text)
{
    return (hf_slice_t){.text = text, .length = strlen(text)};
}

static void slice_next_cuts_a_list_to_its_items(void)
{
    static const char *const items[] = {"a", "b c", "", "d", ""};
    hf_slice_t rest = HF_SLICE(" a,b c ,,d,"), item;
    for (unsigned i = 0; i < HF_COUNT_OF(items); i++) {
        CHECK(hf_slice_next(&rest, &item));
        CHECK(hf_slice_is(item, items[i]));
    }
    CHECK(!hf_slice_next(&rest, &item));
    rest = HF_SLICE("  ");
    CHECK(hf_slice_next(&rest, &item));
    CHECK_EQ(item.length, 0);
    CHECK(!hf_slice_next(&rest, &item));
}

static void slice_compare_matches_whole_text_only(void)
{
    CHECK(hf_slice_is(HF_SLICE("abc"), "abc"));
    CHECK(!hf_slice_is(HF_SLICE("abc"), "ab"));
    CHECK(!hf_slice_is(HF_SLICE("abc"), "abcd"));
    CHECK(!hf_slice_is(HF_SLICE("abc"), "ABC"));
    CHECK(hf_slice_is((hf_slice_t){0}, ""));
    CHECK(hf_slice_is_nocase(HF_SLICE("UpGrade"), "upgrADE"));
    CHECK(!hf_slice_is_nocase(HF_SLICE("a@"), "A`")); // 0x40 and 0x60 are no letters
}

static void slice_copy_too_long_leaves_empty(void)
{
    char out[4] = "xxx";
    CHECK_EQ(hf_slice_copy(HF_SLICE("abc"), out, sizeof out), HF_OK);
    CHECK_STR(out, "abc");
    CHECK_EQ(hf_slice_copy(HF_SLICE("abcd"), out, sizeof out), HF_E_TOO_LONG);
    CHECK_STR(out, "");
    CHECK_EQ(hf_slice_copy(HF_SLICE(""), out, 0), HF_E_TOO_LONG);
}

static void slice_to_i64_edges_are_exact(void)
{
    static const struct {
        const char *text;
        int status;
        int64_t value;
    } cases[] = {
        {"0", HF_OK, 0},
        {"-0", HF_OK, 0},
        {"007", HF_OK, 7},
        {"9223372036854775807", HF_OK, INT64_MAX},
        {"-9223372036854775808", HF_OK, INT64_MIN},
        {"9223372036854775808", HF_E_RANGE, 0},
        {"-9223372036854775809", HF_E_RANGE, 0},
        {"99999999999999999999999", HF_E_RANGE, 0},
        {"9999999999999999999999x", HF_E_FORMAT, 0},
        {"", HF_E_FORMAT, 0},
        {"-", HF_E_FORMAT, 0},
        {"+1", HF_E_FORMAT, 0},
        {" 1", HF_E_FORMAT, 0},
        {"1 ", HF_E_FORMAT, 0},
        {"0x1", HF_E_FORMAT, 0},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        int64_t value = 0;
        int status = hf_slice_to_i64(slice_of(cases[i].text), &value);
        if (status != cases[i].status || (status == HF_OK && value != cases[i].value)) {
            HF_TEST_FAIL("\"%s\" gives %d, %lld", cases[i].text, status, (long long)value);
        }
    }
}

static void builder_numbers_are_written_exactly(void)
{
    char text[256];
    hf_builder_t b;
    hf_builder_init(&b, text, sizeof text);
    hf_builder_i64(&b, INT64_MIN);
    hf_builder_char(&b, ' ');
    hf_builder_u64(&b, UINT64_MAX);
    hf_builder_char(&b, ' ');
    hf_builder_hex(&b, 0xBEEF, 8);
    hf_builder_char(&b, ' ');
    hf_builder_hex(&b, 0xBEEF, 2);
    CHECK_STR(text, "-9223372036854775808 18446744073709551615 0000beef beef");
    CHECK(!b.overflow);
    CHECK_EQ(b.length, strlen(text));
}

static void builder_fixed_places_the_point(void)
{
    static const struct {
        int64_t value;
        unsigned decimals;
        const char *text;
    } cases[] = {
        {12345, 3, "12.345"},
        {-12345, 3, "-12.345"},
        {5, 3, "0.005"},
        {-5, 1, "-0.5"},
        {0, 2, "0.00"},
        {42, 0, "42"},
        {INT64_MIN, 9, "-9223372036.854775808"},
        {INT64_MIN, 0, "-9223372036854775808"},
        {1, 9, "0.000000001"},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        char text[32];
        hf_builder_t b;
        hf_builder_init(&b, text, sizeof text);
        hf_builder_fixed(&b, cases[i].value, cases[i].decimals);
        CHECK_STR(text, cases[i].text);
    }
}

static void builder_overflow_keeps_whole_pieces(void)
{
    char text[8];
    hf_builder_t b;
    hf_builder_init(&b, text, sizeof text);
    hf_builder_text(&b, "abcd");
    hf_builder_i64(&b, 12345);
    CHECK(b.overflow);
    CHECK_STR(text, "abcd");
    hf_builder_char(&b, 'e'); // would fit, but would hide the hole
    CHECK_STR(text, "abcd");
    CHECK_EQ(b.length, 4);

    hf_builder_init(&b, text, sizeof text);
    hf_builder_text(&b, "1234567");
    CHECK(!b.overflow);
    hf_builder_text(&b, "");
    CHECK(!b.overflow);
    hf_builder_char(&b, '8');
    CHECK(b.overflow);
}

static void builder_without_storage_overflows(void)
{
    hf_builder_t b;
    hf_builder_init(&b, NULL, 0);
    hf_builder_text(&b, "");
    CHECK(b.overflow);
}

static void format_supported_conversions_match_printf(void)
{
    char ours[256], theirs[256];
    hf_builder_t b;
    hf_builder_init(&b, ours, sizeof ours);
#define BOTH(...)                                                                                  \
    do {                                                                                           \
        hf_builder_init(&b, ours, sizeof ours);                                                    \
        hf_builder_format(&b, __VA_ARGS__);                                                        \
        (void)snprintf(theirs, sizeof theirs, __VA_ARGS__);                                        \
        CHECK_STR(ours, theirs);                                                                   \
    } while (0)
    BOTH("plain");
    BOTH("%s|%.*s|%.2s", "abc", 2, "xyz", "uvw");
    BOTH("%d %u %ld %lu", -1, 2u, -3L, 4UL);
    BOTH("%lld %llu %zu", (long long)INT64_MIN, (unsigned long long)UINT64_MAX, (size_t)7);
    BOTH("%x %08x %lx %llx", 0xABCu, 0xABCu, 0xDEFUL, 0x123456789ABCULL);
    BOTH("%5d|%05d|%5u|%02d", -42, -42, 42u, 7);
    BOTH("100%% %c", 'x');
}

static void format_unknown_conversion_is_left_standing(void)
{
    char text[64];
    hf_builder_t b;
    char format[] = "a %q b %"; // not a literal, so that the compiler does not judge it
    hf_builder_init(&b, text, sizeof text);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    hf_builder_format(&b, format);
#pragma GCC diagnostic pop
    CHECK_STR(text, "a %q b %");
}

static int feed(const char *bytes)
{
    uint32_t state = HF_UTF8_WHOLE;
    for (; *bytes != '\0'; bytes++) {
        state = hf_utf8_next(state, (uint8_t)*bytes);
    }
    return state == HF_UTF8_WHOLE ? 1 : state == HF_UTF8_REFUSE ? -1 : 0;
}

static void utf8_table_of_rfc3629_holds(void)
{
    CHECK_EQ(feed("a\x7F"), 1);
    CHECK_EQ(feed("\xC2\x80\xDF\xBF"), 1);
    CHECK_EQ(feed("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"), 1);
    CHECK_EQ(feed("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"), 1);
    CHECK_EQ(feed("\xF0\x90\x80"), 0);
    CHECK_EQ(feed("\x80"), -1);
    CHECK_EQ(feed("\xC0"), -1);
    CHECK_EQ(feed("\xC1"), -1);
    CHECK_EQ(feed("\xE0\x9F"), -1);
    CHECK_EQ(feed("\xED\xA0"), -1);
    CHECK_EQ(feed("\xF0\x8F"), -1);
    CHECK_EQ(feed("\xF4\x90"), -1);
    CHECK_EQ(feed("\xF5"), -1);
    CHECK_EQ(feed("\xFF"), -1);
    CHECK_EQ(feed("\xC2z"), -1);
    CHECK_EQ(feed("\xFFz"), -1); // stays refused
}

static void utf8_encode_every_character_is_accepted(void)
{
    for (uint32_t c = 1; c <= 0x10FFFF; c++) {
        char out[5] = {0};
        if (c >= 0xD800 && c <= 0xDFFF) {
            continue;
        }
        size_t length = hf_utf8_encode(c, out);
        if (feed(out) != 1 || strlen(out) != length) {
            HF_TEST_FAIL("U+%04lX", (unsigned long)c);
            return;
        }
    }
}

HF_TEST_MAIN(HF_TEST(slice_next_cuts_a_list_to_its_items),
             HF_TEST(slice_compare_matches_whole_text_only),
             HF_TEST(slice_copy_too_long_leaves_empty), HF_TEST(slice_to_i64_edges_are_exact),
             HF_TEST(builder_numbers_are_written_exactly), HF_TEST(builder_fixed_places_the_point),
             HF_TEST(builder_overflow_keeps_whole_pieces),
             HF_TEST(builder_without_storage_overflows),
             HF_TEST(format_supported_conversions_match_printf),
             HF_TEST(format_unknown_conversion_is_left_standing),
             HF_TEST(utf8_table_of_rfc3629_holds), HF_TEST(utf8_encode_every_character_is_accepted))
