// SPDX-License-Identifier: MIT
// Calendar time: known instants both ways, every day to 2400 both ways, and everything that is no RFC 3339 date-time.
#include "hf_test.h"

#include "holdfast/hf_clock.h"

static const struct {
    const char *text;
    uint64_t utc_ms;
} instants[] = {
    {"1970-01-01T00:00:00.000Z", 0},
    {"1970-01-01T00:00:00.001Z", 1},
    {"2000-02-29T12:00:00.000Z", 951825600000},
    {"2001-09-09T01:46:40.000Z", 1000000000000},
    {"2026-11-21T09:22:33.123Z", 1795252953123},
    {"2038-01-19T03:14:08.000Z", 2147483648000},
    {"2100-02-28T23:59:59.999Z", 4107542399999},
    {"2100-03-01T00:00:00.000Z", 4107542400000},
    {"9999-12-31T23:59:59.999Z", 253402300799999},
};

static void iso8601_known_instants_go_both_ways(void)
{
    for (size_t i = 0; i < HF_COUNT_OF(instants); i++) {
        char text[HF_ISO8601_BYTES];
        uint64_t utc_ms = 1;
        hf_iso8601_format(instants[i].utc_ms, text);
        CHECK_STR(text, instants[i].text);
        CHECK_EQ(hf_iso8601_parse(instants[i].text, strlen(instants[i].text), &utc_ms), HF_OK);
        CHECK_EQ(utc_ms, instants[i].utc_ms);
    }
}

static void iso8601_past_year_9999_is_clamped(void)
{
    char text[HF_ISO8601_BYTES];
    hf_iso8601_format(UINT64_MAX, text);
    CHECK_STR(text, "9999-12-31T23:59:59.999Z");
    CHECK_EQ(text[HF_ISO8601_BYTES - 1], '\0');
}

static void iso8601_every_day_to_2400_returns(void)
{
    for (uint64_t day = 0; day < 157100; day++) {
        char text[HF_ISO8601_BYTES];
        uint64_t utc_ms = day * 86400000ULL + day % 86400000ULL, back = 0;
        hf_iso8601_format(utc_ms, text);
        if (hf_iso8601_parse(text, strlen(text), &back) != HF_OK || back != utc_ms) {
            HF_TEST_FAIL("day %llu: %s", (unsigned long long)day, text);
            return;
        }
    }
}

static void iso8601_offsets_and_fractions_are_applied(void)
{
    static const struct {
        const char *text;
        uint64_t utc_ms;
    } cases[] = {
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T23:00:00-01:00", 0},
        {"1970-01-01T05:30:00.5+05:30", 500},
        {"1970-01-01t00:00:01z", 1000},
        {"1970-01-01T00:00:00.1Z", 100},
        {"1970-01-01T00:00:00.12Z", 120},
        {"1970-01-01T00:00:00.123456789012345Z", 123},
        {"2016-12-31T23:59:60Z", 1483228799000},
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        uint64_t utc_ms = 1;
        CHECK_EQ(hf_iso8601_parse(cases[i].text, strlen(cases[i].text), &utc_ms), HF_OK);
        CHECK_EQ(utc_ms, cases[i].utc_ms);
    }
}

static void iso8601_anything_else_is_refused(void)
{
    static const char *const cases[] = {
        "",
        "2026-11-21",
        "2026-11-21T09:22:33",
        "2026-11-21 09:22:33Z",
        "2026-11-21T09:22Z",
        "2026-11-21T09:22:33.Z",
        "2026-11-21T09:22:33,1Z",
        "2026-11-21T09:22:33+0100",
        "2026-11-21T09:22:33+01",
        "2026-11-21T09:22:33Zx",
        "2026-11-21T09:22:33Z ",
        " 2026-11-21T09:22:33Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T09:60:00Z",
        "2026-11-21T09:22:61Z",
        "2026-11-21T09:22:33+24:00",
        "2026-11-21T09:22:33+01:60",
        "2026-00-21T09:22:33Z",
        "2026-13-21T09:22:33Z",
        "2026-11-00T09:22:33Z",
        "2026-11-31T09:22:33Z",
        "2026-02-29T09:22:33Z",
        "2100-02-29T09:22:33Z",
        "26-11-21T09:22:33Z",
        "+2026-11-21T09:22:33Z",
        "-026-11-21T09:22:33Z",
        "2O26-11-21T09:22:33Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:59:59+01:00",
        "0000-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
        uint64_t utc_ms;
        if (hf_iso8601_parse(cases[i], strlen(cases[i]), &utc_ms) != HF_E_FORMAT) {
            HF_TEST_FAIL("accepted \"%s\"", cases[i]);
        }
    }
}

static void iso8601_every_truncation_is_refused(void)
{
    static const char text[] = "2026-11-21T09:22:33+01:00";
    uint64_t utc_ms;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        CHECK_EQ(hf_iso8601_parse(text, length, &utc_ms), HF_E_FORMAT);
    }
}

HF_TEST_MAIN(HF_TEST(iso8601_known_instants_go_both_ways),
             HF_TEST(iso8601_past_year_9999_is_clamped), HF_TEST(iso8601_every_day_to_2400_returns),
             HF_TEST(iso8601_offsets_and_fractions_are_applied),
             HF_TEST(iso8601_anything_else_is_refused),
             HF_TEST(iso8601_every_truncation_is_refused))
