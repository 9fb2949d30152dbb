// SPDX-License-Identifier: MIT
// JSON: what RFC 8259 allows is accepted and nothing else; values are read in place; the writer writes what the
// parser accepts.
#include "hf_test.h"

#include "holdfast/hf_json.h"

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

typedef struct sample {
    const char *text;
    size_t length;
} sample_t;

static const sample_t accepted[] = {
    TEXT("0"),
    TEXT("-0"),
    TEXT("1"),
    TEXT("-1"),
    TEXT("10"),
    TEXT("1.5"),
    TEXT("-0.0"),
    TEXT("1e5"),
    TEXT("1E+5"),
    TEXT("1e-05"),
    TEXT("0e0"),
    TEXT("123.456e+789"),
    TEXT("99999999999999999999999999"),
    TEXT("true"),
    TEXT("false"),
    TEXT("null"),
    TEXT("\"\""),
    TEXT("\"a\""),
    TEXT(" \t\r\n0 \t\r\n"),
    TEXT("[]"),
    TEXT("[ ]"),
    TEXT("{}"),
    TEXT("{ }"),
    TEXT("[[],{}]"),
    TEXT("[1,\"a\",null,true,false,{}]"),
    TEXT("{\"\":0}"),
    TEXT("{\"a\":1,\"a\":2}"),
    TEXT("{\"a\" : { \"b\" : [ 1 , 2 ] } }"),
    TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    TEXT("\"\\u0000\""),
    TEXT("\"\\u00e9\\uABCD\\ufFfF\""),
    TEXT("\"\\uD834\\uDD1E\""),
    TEXT("\"\\udbff\\udfff\""),
    TEXT("\"\x7F\""),
    TEXT("\"\xC3\xA9\""),
    TEXT("\"\xE2\x82\xAC\""),
    TEXT("\"\xF0\x9D\x84\x9E\""),
    TEXT("\"\xEF\xBF\xBF\""),
    TEXT("\"\xEF\xBB\xBF\""), // a byte order mark inside a string is a character
    TEXT("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"),
    TEXT("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"),
    TEXT("{\"a\":[{\"b\":[{\"c\":[{\"d\":[{\"e\":[{\"f\":[{\"g\":[{\"h\":[]}]}]}]}]}]}]}]}"),
};

static const sample_t refused[] = {
    // structure
    TEXT(""),
    TEXT(" "),
    TEXT("["),
    TEXT("]"),
    TEXT("{"),
    TEXT("}"),
    TEXT("[1"),
    TEXT("[1,"),
    TEXT("[1,]"),
    TEXT("[,1]"),
    TEXT("[,]"),
    TEXT("[1,,2]"),
    TEXT("[1 2]"),
    TEXT("[1}"),
    TEXT("{\"a\":1]"),
    TEXT("[]]"),
    TEXT("{}}"),
    TEXT("[][]"),
    TEXT("1 2"),
    TEXT("1,"),
    TEXT("{\"a\"}"),
    TEXT("{\"a\":}"),
    TEXT("{\"a\":1,}"),
    TEXT("{,\"a\":1}"),
    TEXT("{\"a\" 1}"),
    TEXT("{\"a\"::1}"),
    TEXT("{\"a\":1 \"b\":2}"),
    TEXT("{a:1}"),
    TEXT("{'a':1}"),
    TEXT("{1:1}"),
    TEXT("{null:1}"),
    TEXT("{\"a\",1}"),
    TEXT("[\"a\":1]"),
    TEXT("{\"a\":1}//"),
    TEXT("[1/**/]"),
    TEXT("{[]:1}"),
    TEXT("\xEF\xBB\xBF[]"),
    TEXT("[]\0"),
    TEXT("\0[]"),
    TEXT("[\f1]"),
    TEXT("[\v1]"),
    TEXT("[1\xC2\xA0]"),
    // numbers
    TEXT("-"),
    TEXT("+1"),
    TEXT("01"),
    TEXT("-01"),
    TEXT("00"),
    TEXT("1."),
    TEXT(".5"),
    TEXT("-.5"),
    TEXT("1.e1"),
    TEXT("1e"),
    TEXT("1e+"),
    TEXT("1e1.5"),
    TEXT("1ee1"),
    TEXT("0x1"),
    TEXT("1_000"),
    TEXT("Infinity"),
    TEXT("-Infinity"),
    TEXT("NaN"),
    TEXT("--1"),
    TEXT("- 1"),
    TEXT("1a"),
    TEXT("[01]"),
    TEXT("\xEF\xBC\x91"), // full-width digit
    // literals
    TEXT("tru"),
    TEXT("True"),
    TEXT("TRUE"),
    TEXT("truee"),
    TEXT("nul"),
    TEXT("fals"),
    TEXT("undefined"),
    // strings
    TEXT("\""),
    TEXT("\"a"),
    TEXT("'a'"),
    TEXT("\"a\"\""),
    TEXT("\"\\\""),
    TEXT("\"\\"),
    TEXT("\"\\a\""),
    TEXT("\"\\x41\""),
    TEXT("\"\\'\""),
    TEXT("\"\\0\""),
    TEXT("\"\\\0\""),
    TEXT("\"\\U0041\""),
    TEXT("\"\\u\""),
    TEXT("\"\\u004\""),
    TEXT("\"\\u004g\""),
    TEXT("\"\\u00 41\""),
    TEXT("\"\\\xC3\xA9\""),
    TEXT("\"\n\""),
    TEXT("\"\t\""),
    TEXT("\"\0\""),
    TEXT("\"\x1F\""),
    // surrogate escapes
    TEXT("\"\\ud800\""),
    TEXT("\"\\udc00\""),
    TEXT("\"\\ud800x\""),
    TEXT("\"\\ud800\\n\""),
    TEXT("\"\\ud800\\u0041\""),
    TEXT("\"\\ud800\\ud800\""),
    TEXT("\"\\udc00\\ud800\""),
    TEXT("\"\\ud800\\udc0\""),
    // UTF-8
    TEXT("\"\x80\""),
    TEXT("\"\xC0\x80\""),
    TEXT("\"\xC1\xBF\""),
    TEXT("\"\xC3\""),
    TEXT("\"\xC3\\u0041\""),
    TEXT("\"\xE0\x80\x80\""),
    TEXT("\"\xE0\x9F\xBF\""),
    TEXT("\"\xED\xA0\x80\""),
    TEXT("\"\xED\xBF\xBF\""),
    TEXT("\"\xF0\x8F\xBF\xBF\""),
    TEXT("\"\xF4\x90\x80\x80\""),
    TEXT("\"\xF8\x88\x80\x80\x80\""),
    TEXT("\"\xFE\""),
    TEXT("\"\xFF\""),
    TEXT("{\"\xFF\":1}"),
};

static void json_valid_texts_are_accepted(void)
{
    for (size_t i = 0; i < HF_COUNT_OF(accepted); i++) {
        hf_json_t root;
        if (hf_json_parse(accepted[i].text, accepted[i].length, &root) != HF_OK ||
            root.type == HF_JSON_NONE) {
            HF_TEST_FAIL("accepted[%zu] was refused: %s", i, accepted[i].text);
        }
    }
}

static void json_invalid_texts_are_refused(void)
{
    for (size_t i = 0; i < HF_COUNT_OF(refused); i++) {
        hf_json_t root;
        if (hf_json_parse(refused[i].text, refused[i].length, &root) != HF_E_FORMAT ||
            root.type != HF_JSON_NONE) {
            HF_TEST_FAIL("refused[%zu] was accepted: %s", i, refused[i].text);
        }
    }
}

static void json_refused_inside_array_and_object_too(void)
{
    for (size_t i = 0; i < HF_COUNT_OF(refused); i++) {
        char text[80];
        hf_json_t root;
        // An empty text, a second value behind a comma, and closing brackets change meaning inside; skip those.
        if (refused[i].length < 2 || memchr(refused[i].text, ',', refused[i].length) != NULL ||
            strchr("[{]}", refused[i].text[0]) != NULL) {
            continue;
        }
        memcpy(text, "{\"k\":", 5);
        memcpy(text + 5, refused[i].text, refused[i].length);
        text[5 + refused[i].length] = '}';
        CHECK_EQ(hf_json_parse(text, refused[i].length + 6, &root), HF_E_FORMAT);
    }
}

static void json_too_deep_is_out_of_range(void)
{
    char text[HF_JSON_DEPTH_MAX + 1];
    hf_json_t root;
    memset(text, '[', sizeof text);
    CHECK_EQ(hf_json_parse(text, sizeof text, &root), HF_E_RANGE);
    CHECK_EQ(hf_json_parse(text, sizeof text - 1, &root), HF_E_FORMAT);
    CHECK_EQ(hf_json_parse("[[[[[[[[[[[[[[[[{\"a\":1}]]]]]]]]]]]]]]]]", 39, &root), HF_E_RANGE);
}

static hf_json_t parsed(const char *text)
{
    hf_json_t root;
    if (hf_json_parse(text, strlen(text), &root) != HF_OK) {
        HF_TEST_FAIL("does not parse: %s", text);
    }
    return root;
}

static void json_members_are_found_by_decoded_name(void)
{
    hf_json_t root =
        parsed(" { \"a\" : 1 , \"\\u0062\" : [ \"}\" , {\"c\":\"]\"} ] , \"a\":2, \"\":3 } ");
    int64_t value = 0;
    CHECK_EQ(root.type, HF_JSON_OBJECT);
    CHECK_EQ(root.raw.text[0], '{');
    CHECK_EQ(root.raw.text[root.raw.length - 1], '}');
    CHECK_EQ(hf_json_count(root), 4);
    CHECK_EQ(hf_json_i64(hf_json_member(root, "a"), &value), HF_OK);
    CHECK_EQ(value, 1);
    CHECK_EQ(hf_json_i64(hf_json_member(root, ""), &value), HF_OK);
    CHECK_EQ(value, 3);
    hf_json_t b = hf_json_member(root, "b");
    CHECK_EQ(hf_json_count(b), 2);
    CHECK(hf_json_is_string(hf_json_element(b, 0), "}"));
    CHECK(hf_json_is_string(hf_json_member(hf_json_element(b, 1), "c"), "]"));
    CHECK_EQ(hf_json_element(b, 2).type, HF_JSON_NONE);
    CHECK_EQ(hf_json_member(root, "c").type, HF_JSON_NONE);
    CHECK_EQ(hf_json_member(b, "c").type, HF_JSON_NONE);
    CHECK_EQ(hf_json_element(root, 0).type, HF_JSON_NONE);
    CHECK_EQ(hf_json_count(parsed("[]")), 0);
    CHECK_EQ(hf_json_count(parsed("[ ]")), 0);
    CHECK_EQ(hf_json_count(parsed("\"a,b\"")), 0);
}

static void json_absent_value_is_not_found_everywhere(void)
{
    hf_json_t absent = {0};
    char text[4] = "abc";
    int64_t value;
    bool flag;
    CHECK_EQ(hf_json_string(absent, text, sizeof text), HF_E_NOT_FOUND);
    CHECK_STR(text, "");
    CHECK_EQ(hf_json_i64(absent, &value), HF_E_NOT_FOUND);
    CHECK_EQ(hf_json_fixed(absent, 3, &value), HF_E_NOT_FOUND);
    CHECK_EQ(hf_json_bool(absent, &flag), HF_E_NOT_FOUND);
    CHECK(!hf_json_is_string(absent, ""));
    CHECK_EQ(hf_json_count(absent), 0);
    CHECK_EQ(hf_json_i64(parsed("\"1\""), &value), HF_E_FORMAT);
    CHECK_EQ(hf_json_fixed(parsed("null"), 1, &value), HF_E_FORMAT);
    CHECK_EQ(hf_json_bool(parsed("1"), &flag), HF_E_FORMAT);
    CHECK_EQ(hf_json_string(parsed("1"), text, sizeof text), HF_E_FORMAT);
}

static void json_walk_visits_everything_once(void)
{
    hf_json_walk_t walk = {.container = parsed("{\"a\":[1,2],\"b\":{},\"c\":-1.5}")};
    static const char *const raws[] = {"[1,2]", "{}", "-1.5"};
    static const char *const names[] = {"a", "b", "c"};
    size_t count = 0;
    while (hf_json_next(&walk)) {
        REQUIRE(count < 3);
        CHECK(hf_json_is_string(walk.name, names[count]));
        CHECK(hf_slice_is(walk.value.raw, raws[count]));
        count++;
    }
    CHECK_EQ(count, 3);
    CHECK(!hf_json_next(&walk)); // stays at its end
    CHECK_EQ(walk.value.type, HF_JSON_NONE);
}

static void json_string_is_decoded(void)
{
    char out[32];
    CHECK_EQ(hf_json_string(parsed("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), out, sizeof out), HF_OK);
    CHECK_STR(out, "\"\\/\b\f\n\r\t");
    CHECK_EQ(hf_json_string(parsed("\"\\u00e9 \\u20AC \\uD834\\uDD1E\""), out, sizeof out), HF_OK);
    CHECK_STR(out, "\xC3\xA9 \xE2\x82\xAC \xF0\x9D\x84\x9E");
    CHECK_EQ(hf_json_string(parsed("\"a\\u0000b\""), out, sizeof out), HF_E_FORMAT);
    CHECK_STR(out, "");
    CHECK(!hf_json_is_string(parsed("\"a\\u0000\""), "a"));
    CHECK(!hf_json_is_string(parsed("\"ab\""), "a"));
    CHECK(!hf_json_is_string(parsed("\"a\""), "ab"));
}

static void json_string_too_long_leaves_empty(void)
{
    char out[4];
    CHECK_EQ(hf_json_string(parsed("\"abc\""), out, sizeof out), HF_OK);
    CHECK_EQ(hf_json_string(parsed("\"abcd\""), out, sizeof out), HF_E_TOO_LONG);
    CHECK_STR(out, "");
    CHECK_EQ(hf_json_string(parsed("\"ab\\u20ac\""), out, sizeof out), HF_E_TOO_LONG);
    CHECK_STR(out, "");
}

static void json_i64_reads_integers_only(void)
{
    static const struct {
        const char *text;
        int status;
        int64_t value;
    } cases[] = {
        {"9223372036854775807", HF_OK, INT64_MAX},
        {"-9223372036854775808", HF_OK, INT64_MIN},
        {"9223372036854775808", HF_E_RANGE, 0},
        {"-0", HF_OK, 0},
        {"5.00", HF_OK, 5},
        {"5.01", HF_E_FORMAT, 0},
        {"5e0", HF_E_FORMAT, 0},
        {"5.0e0", HF_E_FORMAT, 0},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        int64_t value = 0;
        CHECK_EQ(hf_json_i64(parsed(cases[i].text), &value), cases[i].status);
        CHECK_EQ(value, cases[i].value);
    }
}

static void json_fixed_scales_and_rounds(void)
{
    static const struct {
        const char *text;
        unsigned decimals;
        int status;
        int64_t value;
    } cases[] = {
        {"12.345", 3, HF_OK, 12345},
        {"12.3455", 3, HF_OK, 12346},
        {"-12.3455", 3, HF_OK, -12346},
        {"12.34549999", 3, HF_OK, 12345},
        {"0.5", 0, HF_OK, 1},
        {"-0.5", 0, HF_OK, -1},
        {"0.49", 0, HF_OK, 0},
        {"0.05", 0, HF_OK, 0},
        {"5e-1", 0, HF_OK, 1},
        {"5e-2", 0, HF_OK, 0},
        {"1.5e3", 0, HF_OK, 1500},
        {"1.5E+3", 2, HF_OK, 150000},
        {"1500e-3", 0, HF_OK, 2},
        {"0.000000000000000000000000012345e27", 3, HF_OK, 12345},
        {"12345000000000000000000000000e-25", 1, HF_OK, 12345},
        {"9223372036854775807", 0, HF_OK, INT64_MAX},
        {"9223372036854775807.5", 0, HF_E_RANGE, 0},
        {"-9223372036854775808.4", 0, HF_OK, INT64_MIN},
        {"9223372036854775.807", 3, HF_OK, INT64_MAX},
        {"9223372036854775.808", 3, HF_E_RANGE, 0},
        {"1e99999999999999999999999", 0, HF_E_RANGE, 0},
        {"0e99999999999999999999999", 9, HF_OK, 0},
        {"1e-99999999999999999999999", 9, HF_OK, 0},
        {"-0.0", 9, HF_OK, 0},
        {"10e18", 0, HF_E_RANGE, 0},
        {"9e18", 0, HF_OK, 9000000000000000000},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        int64_t value = 0;
        int status = hf_json_fixed(parsed(cases[i].text), cases[i].decimals, &value);
        if (status != cases[i].status || value != cases[i].value) {
            HF_TEST_FAIL("%s at %u gives %d, %lld", cases[i].text, cases[i].decimals, status,
                         (long long)value);
        }
    }
}

static void json_writer_places_commas_and_escapes(void)
{
    char text[512];
    hf_builder_t out;
    hf_json_writer_t w;
    hf_builder_init(&out, text, sizeof text);
    hf_json_writer_init(&w, &out);
    hf_json_begin_array(&w);
    hf_json_put_i64(&w, -3);
    hf_json_put_null(&w);
    hf_json_begin_object(&w);
    hf_json_string_field(&w, "s\"", "a\\b\"\n\x01\x7F\t\b\f\r\v");
    hf_json_i64_field(&w, "i", 42);
    hf_json_bool_field(&w, "t", true);
    hf_json_key(&w, "f");
    hf_json_put_fixed(&w, -5, 2);
    hf_json_key(&w, "e");
    hf_json_begin_array(&w);
    hf_json_end_array(&w);
    hf_json_key(&w, "o");
    hf_json_begin_object(&w);
    hf_json_end_object(&w);
    hf_json_end_object(&w);
    hf_json_put_raw(&w, HF_SLICE("[1]"));
    hf_json_put_bool(&w, false);
    hf_json_put_slice(&w, (hf_slice_t){"a\0b", 3});
    hf_json_end_array(&w);
    CHECK_STR(text, "[-3,null,{\"s\\\"\":\"a\\\\b\\\"\\n\\u0001\x7F\\t\\b\\f\\r\\u000b\","
                    "\"i\":42,\"t\":true,\"f\":-0.05,\"e\":[],\"o\":{}},[1],false,\"a\\u0000b\"]");
    CHECK_EQ(w.depth, 0);
    CHECK_EQ(parsed(text).type, HF_JSON_ARRAY);
}

static void json_writer_invalid_utf8_becomes_replacement(void)
{
    static const char *const cases[][2] = {
        {"\xFF", "\xEF\xBF\xBD"},         {"a\xC3", "a\xEF\xBF\xBD"},
        {"\xC3z", "\xEF\xBF\xBDz"},       {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xE2\x82\xAC", "\xE2\x82\xAC"},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        char text[64], back[64];
        hf_builder_t out;
        hf_json_writer_t w;
        hf_builder_init(&out, text, sizeof text);
        hf_json_writer_init(&w, &out);
        hf_json_put_string(&w, cases[i][0]);
        CHECK_EQ(hf_json_string(parsed(text), back, sizeof back), HF_OK);
        CHECK_STR(back, cases[i][1]);
    }
}

static void json_writer_overflow_shows(void)
{
    char text[8];
    hf_builder_t out;
    hf_json_writer_t w;
    hf_builder_init(&out, text, sizeof text);
    hf_json_writer_init(&w, &out);
    hf_json_begin_array(&w);
    hf_json_put_i64(&w, 1234);
    hf_json_put_i64(&w, 5678);
    hf_json_end_array(&w);
    CHECK(out.overflow);
    hf_json_t root;
    CHECK_EQ(hf_json_parse(text, out.length, &root), HF_E_FORMAT); // never a whole document by luck
}

HF_TEST_MAIN(HF_TEST(json_valid_texts_are_accepted), HF_TEST(json_invalid_texts_are_refused),
             HF_TEST(json_refused_inside_array_and_object_too),
             HF_TEST(json_too_deep_is_out_of_range),
             HF_TEST(json_members_are_found_by_decoded_name),
             HF_TEST(json_absent_value_is_not_found_everywhere),
             HF_TEST(json_walk_visits_everything_once), HF_TEST(json_string_is_decoded),
             HF_TEST(json_string_too_long_leaves_empty), HF_TEST(json_i64_reads_integers_only),
             HF_TEST(json_fixed_scales_and_rounds), HF_TEST(json_writer_places_commas_and_escapes),
             HF_TEST(json_writer_invalid_utf8_becomes_replacement),
             HF_TEST(json_writer_overflow_shows))
