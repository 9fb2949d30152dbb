// SPDX-License-Identifier: MIT
// What the portal makes of headers and of the body of POST /api/config. Pure functions, without a server.
#include "src/service/portal/portal_access.c" // NOLINT(bugprone-suspicious-include)
#include "src/service/portal/portal_keys.c"   // NOLINT(bugprone-suspicious-include)

#include "hf_test.h"

static void portal_host_of_an_address_or_this_machine_is_good(void)
{
    static const char *const good[] = {"127.0.0.1",     "127.0.0.1:8080",  "10.0.0.7:65535",
                                       "[::1]:80",      "[fe80::1]",       "localhost",
                                       "LocalHost:1",   "charger",         "charger:8080",
                                       "charger.local", "CHARGER.LOCAL:80"};
    static const char *const bad[] = {"",
                                      "evil.example",
                                      "evil.example:8080",
                                      "127.0.0.1.evil.example",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "256.1.1.1",
                                      "1.2.3.4:",
                                      "1.2.3.4:123456",
                                      "1.2.3.4:80:80",
                                      ":80",
                                      "::1",
                                      "[::1",
                                      "[evil]:80",
                                      "[]",
                                      "localhost.evil.example",
                                      "charger.evil",
                                      ".local",
                                      "localhost:8080@evil.example",
                                      "evil.example/localhost",
                                      "127.0.0.1 evil"};
    for (size_t i = 0; i < HF_COUNT_OF(good); i++) {
        if (!portal_host_is_good(good[i], "charger")) {
            HF_TEST_FAIL("%s is refused", good[i]);
        }
    }
    for (size_t i = 0; i < HF_COUNT_OF(bad); i++) {
        if (portal_host_is_good(bad[i], "charger")) {
            HF_TEST_FAIL("%s is let in", bad[i]);
        }
    }
    CHECK(!portal_host_is_good(NULL, "charger"));
    CHECK(!portal_host_is_good("", ""));
    CHECK(!portal_host_is_good(".local", ""));
    CHECK(!portal_host_is_good("x.local", NULL));
}

static void portal_origin_of_another_place_is_refused(void)
{
    CHECK(portal_origin_is_same(NULL, "127.0.0.1:8080"));
    CHECK(portal_origin_is_same("http://127.0.0.1:8080", "127.0.0.1:8080"));
    CHECK(portal_origin_is_same("https://charger", "Charger"));
    CHECK(!portal_origin_is_same("http://127.0.0.1:9090", "127.0.0.1:8080"));
    CHECK(!portal_origin_is_same("http://evil.example", "127.0.0.1:8080"));
    CHECK(!portal_origin_is_same("null", "127.0.0.1:8080"));
    CHECK(!portal_origin_is_same("", "127.0.0.1:8080"));
    CHECK(!portal_origin_is_same("http://", "x"));
    CHECK(!portal_origin_is_same("file://127.0.0.1:8080", "127.0.0.1:8080"));
    CHECK(!portal_origin_is_same("http://127.0.0.1:8080", NULL));
}

static void portal_password_needs_user_and_password_exactly(void)
{
    CHECK(portal_password_is("Basic YWRtaW46c2VjcmV0", "admin:secret"));
    CHECK(portal_password_is("basic YWRtaW46c2VjcmV0", "admin:secret"));
    CHECK(portal_password_is("Basic YTpi", "a:b"));
    CHECK(portal_password_is("Basic YTpiYw==", "a:bc"));
    CHECK(!portal_password_is("Basic YWRtaW46c2VjcmV0", "admin:secrets"));
    CHECK(!portal_password_is("Basic YWRtaW46c2VjcmV1", "admin:secret"));
    CHECK(!portal_password_is("Basic YWRtaW46c2VjcmV", "admin:secret"));
    CHECK(!portal_password_is("Basic ", "admin:secret"));
    CHECK(!portal_password_is("Basic", "admin:secret"));
    CHECK(!portal_password_is("", "admin:secret"));
    CHECK(!portal_password_is(NULL, "admin:secret"));
    CHECK(!portal_password_is("Basic !WRtaW46c2VjcmV0", "admin:secret"));
    CHECK(!portal_password_is("Basic YWRt=W46c2VjcmV0", "admin:secret"));
    CHECK(!portal_password_is("Bearer YWRtaW46c2VjcmV0", "admin:secret"));
    char much[400] = "Basic ";
    memset(much + 6, 'A', 392);
    much[398] = '\0';
    CHECK(!portal_password_is(much, "admin:secret"));
}

static void portal_digest_in_either_header_is_read_whole(void)
{
    static const char hex[] = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff";
    static const char base64[] = "sha-256=ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=";
    uint8_t a[PORTAL_DIGEST_BYTES], b[PORTAL_DIGEST_BYTES];
    CHECK(portal_digest_read(hex, NULL, a));
    CHECK(portal_digest_read(NULL, base64, b));
    CHECK(memcmp(a, b, sizeof a) == 0);
    CHECK_EQ(a[10], 0xAA);
    CHECK_EQ(a[31], 0xFF);
    CHECK(
        portal_digest_read(NULL, "md5=x, sha-256=ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=", b));
    CHECK(!portal_digest_read(NULL, NULL, a));
    CHECK(!portal_digest_read(hex + 1, base64, a)); // what is wrong is not made up for
    CHECK(!portal_digest_read("", NULL, a));
    CHECK(!portal_digest_read(NULL, "sha-256=", a));
    CHECK(!portal_digest_read(NULL, "sha-256=ABEi", a));
    CHECK(!portal_digest_read(NULL, "sha-512=ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=", a));
    char longer[80];
    (void)snprintf(longer, sizeof longer, "%s0", hex);
    CHECK(!portal_digest_read(longer, NULL, a));
}

static void portal_small_headers_are_read_strictly(void)
{
    uint64_t length;
    CHECK(portal_type_is("application/json", "application/json"));
    CHECK(portal_type_is("Application/JSON; charset=utf-8", "application/json"));
    CHECK(!portal_type_is("application/jsonx", "application/json"));
    CHECK(!portal_type_is("text/plain; application/json", "application/json"));
    CHECK(!portal_type_is(NULL, "application/json"));
    CHECK(portal_tag_matches("\"abc\"", "\"abc\""));
    CHECK(portal_tag_matches("\"x\", W/\"abc\"", "\"abc\""));
    CHECK(portal_tag_matches("*", "\"abc\""));
    CHECK(!portal_tag_matches("abc", "\"abc\""));
    CHECK(!portal_tag_matches(NULL, "\"abc\""));
    CHECK(portal_accepts_gzip("gzip"));
    CHECK(portal_accepts_gzip("br, GZIP;q=0.5"));
    CHECK(portal_accepts_gzip("*"));
    CHECK(!portal_accepts_gzip("gzip;q=0"));
    CHECK(!portal_accepts_gzip("gzip; q=0.000"));
    CHECK(!portal_accepts_gzip("br, deflate"));
    CHECK(!portal_accepts_gzip("xgzip"));
    CHECK(!portal_accepts_gzip(NULL));
    CHECK(portal_length_read("0", &length) && length == 0);
    CHECK(portal_length_read("8388608", &length) && length == 8388608);
    CHECK(portal_length_read("999999999999999999", &length) && length == 999999999999999999u);
    CHECK(!portal_length_read("1000000000000000000", &length));
    CHECK(!portal_length_read("-1", &length));
    CHECK(!portal_length_read("1 ", &length));
    CHECK(!portal_length_read("", &length));
    CHECK(!portal_length_read(NULL, &length));
}

static char room[8193], why[PORTAL_WHY_BYTES];

static int read_keys(const char *body, hf_slice_t *pairs)
{
    hf_builder_t out;
    hf_builder_init(&out, room, sizeof room);
    int count = portal_keys_read((hf_slice_t){body, strlen(body)}, &out, why);
    *pairs = (hf_slice_t){out.text, out.length};
    return count;
}

static void portal_keys_of_a_flat_object_come_in_order(void)
{
    hf_slice_t pairs;
    size_t position = 0;
    const char *name, *value;
    CHECK_EQ(read_keys("{}", &pairs), 0);
    CHECK_EQ(read_keys(" {\"A\" : \"1\",\"B\":\"\", \"\\u0043\":\"x\\ny\\u00e4\"} ", &pairs), 3);
    REQUIRE(portal_keys_next(pairs, &position, &name, &value));
    CHECK_STR(name, "A");
    CHECK_STR(value, "1");
    REQUIRE(portal_keys_next(pairs, &position, &name, &value));
    CHECK_STR(name, "B");
    CHECK_STR(value, "");
    REQUIRE(portal_keys_next(pairs, &position, &name, &value));
    CHECK_STR(name, "C");
    CHECK_STR(value, "x\ny\xc3\xa4");
    CHECK(!portal_keys_next(pairs, &position, &name, &value));
}

static void portal_keys_that_are_not_understood_are_refused_as_a_whole(void)
{
    static const struct {
        const char *body;
        int status;
        const char *why;
    } cases[] = {
        {"", HF_E_FORMAT, "not JSON"},
        {"{", HF_E_FORMAT, "not JSON"},
        {"[]", HF_E_FORMAT, "not an object"},
        {"\"x\"", HF_E_FORMAT, "not an object"},
        {"{\"A\":1}", HF_E_FORMAT, "A: its value is no text"},
        {"{\"A\":\"1\",\"B\":null}", HF_E_FORMAT, "B: its value is no text"},
        {"{\"A\":true}", HF_E_FORMAT, "A: its value is no text"},
        {"{\"A\":{\"B\":\"1\"}}", HF_E_FORMAT, "A: its value is no text"},
        {"{\"A\":[\"1\"]}", HF_E_FORMAT, "A: its value is no text"},
        {"{\"\":\"1\"}", HF_E_FORMAT, "a name of 1 to 50 characters is needed"},
        {"{\"A\":\"1\",\"a\":\"2\"}", HF_E_STATE, "a: named twice"},
        {"{\"A\":\"x\\u0000y\"}", HF_E_FORMAT, "A: its value is too long, or holds a NUL"},
        {"{\"A\":\"1\"} x", HF_E_FORMAT, "not JSON"},
        {"{\"A\":\"\xff\"}", HF_E_FORMAT, "not JSON"},
        {"{\"123456789012345678901234567890123456789012345678901\":\"1\"}", HF_E_TOO_LONG,
         "a name of 1 to 50 characters is needed"},
        {"{\"A\":[[[[[[[[[[[[[[[[[[\"1\"]]]]]]]]]]]]]]]]]]}", HF_E_RANGE, "nested too deep"},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        hf_slice_t pairs;
        int status = read_keys(cases[i].body, &pairs);
        if (status != cases[i].status || strcmp(why, cases[i].why) != 0) {
            HF_TEST_FAIL("%s: %d, %s", cases[i].body, status, why);
        }
    }
}

static void portal_keys_beyond_their_number_and_length_are_refused(void)
{
    static char body[8192];
    hf_slice_t pairs;
    for (unsigned members = PORTAL_KEYS_MAX; members <= PORTAL_KEYS_MAX + 1u; members++) {
        hf_builder_t out;
        hf_builder_init(&out, body, sizeof body);
        for (unsigned i = 0; i < members; i++) {
            hf_builder_format(&out, "%s\"K%u\":\"v\"", i == 0 ? "{" : ",", i);
        }
        hf_builder_char(&out, '}');
        CHECK_EQ(read_keys(body, &pairs), members > PORTAL_KEYS_MAX ? HF_E_FULL : (int)members);
    }
    for (unsigned length = 500; length <= 501; length++) {
        (void)snprintf(body, sizeof body, "{\"A\":\"%0*d\"}", (int)length, 0);
        CHECK_EQ(read_keys(body, &pairs), length > 500 ? HF_E_TOO_LONG : 1);
    }
}

HF_TEST_MAIN(HF_TEST(portal_host_of_an_address_or_this_machine_is_good),
             HF_TEST(portal_origin_of_another_place_is_refused),
             HF_TEST(portal_password_needs_user_and_password_exactly),
             HF_TEST(portal_digest_in_either_header_is_read_whole),
             HF_TEST(portal_small_headers_are_read_strictly),
             HF_TEST(portal_keys_of_a_flat_object_come_in_order),
             HF_TEST(portal_keys_that_are_not_understood_are_refused_as_a_whole),
             HF_TEST(portal_keys_beyond_their_number_and_length_are_refused))
