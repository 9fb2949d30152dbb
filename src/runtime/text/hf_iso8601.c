// SPDX-License-Identifier: MIT
// Owns calendar time as RFC 3339 writes it. Days are counted in the proleptic Gregorian calendar from 1 March, so that
// the leap day is the last of its year and needs no case of its own.
#include "holdfast/hf_clock.h"

#define MS_PER_DAY  86400000
#define MS_PER_HOUR 3600000u
#define LAST_MS     253402300799999ULL // 9999-12-31T23:59:59.999Z
#define EPOCH_DAYS  719468             // from 0000-03-01 to 1970-01-01
#define DAYS_PER_4C 146097             // 400 years

typedef struct date {
    int year, month, day;
} date_t;

static int days_from_date(date_t date)
{
    int year = date.month <= 2 ? date.year - 1 : date.year;
    int era = year >= 0 ? year / 400 : -1; // year 0 in January and February lies in era -1
    int of_era = year - era * 400;
    int month = (date.month + 9) % 12; // March is 0
    int day_of_year = (153 * month + 2) / 5 + date.day - 1;
    int day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    return era * DAYS_PER_4C + day_of_era - EPOCH_DAYS;
}

static date_t date_from_days(int days)
{
    int shifted = days + EPOCH_DAYS;
    int era = shifted / DAYS_PER_4C;
    int day_of_era = shifted % DAYS_PER_4C;
    int of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (of_era * 365 + of_era / 4 - of_era / 100);
    int month = (5 * day_of_year + 2) / 153;
    date_t date = {
        .year = of_era + era * 400,
        .month = month < 10 ? month + 3 : month - 9,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
    };
    date.year += date.month <= 2 ? 1 : 0;
    return date;
}

// Two digits, and what comes after.
static char *put(char *at, uint32_t value, char after)
{
    uint32_t tens = value * 205u >> 11; // a tenth, of what is less than 100
    at[0] = (char)('0' + tens);
    at[1] = (char)('0' + (value - 10u * tens));
    at[2] = after;
    return at + 3;
}

void hf_iso8601_format(uint64_t utc_ms, char *text)
{
    uint64_t ms = utc_ms > LAST_MS ? LAST_MS : utc_ms;
    uint32_t days = (uint32_t)(ms / MS_PER_DAY);
    uint32_t of_day = (uint32_t)(ms - (uint64_t)days * MS_PER_DAY);
    date_t date = date_from_days((int)days);

    uint32_t of_minute = of_day % 60000u;
    uint32_t of_second = of_minute % 1000u;
    text =
        put(text, (uint32_t)date.year / 100u, '-') - 1; // the rest of the year goes over the dash
    text = put(text, (uint32_t)date.year % 100u, '-');
    text = put(text, (uint32_t)date.month, '-');
    text = put(text, (uint32_t)date.day, 'T');
    text = put(text, of_day / MS_PER_HOUR, ':');
    text = put(text, of_day / 60000u % 60u, ':');
    text = put(text, of_minute / 1000u, '.');
    text = put(text, of_second / 10u, (char)('0' + of_second % 10u));
    text[0] = 'Z';
    text[1] = '\0';
}

typedef struct reader {
    const char *at, *end;
    bool failed;
} reader_t;

static bool at_digit(const reader_t *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

static int take_number(reader_t *reader, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (!at_digit(reader)) {
            reader->failed = true;
            return 0;
        }
        value = value * 10 + (*reader->at++ - '0');
    }
    return value;
}

static bool take_any(reader_t *reader, char a, char b)
{
    if (reader->at < reader->end && (*reader->at == a || *reader->at == b)) {
        reader->at++;
        return true;
    }
    return false;
}

static void expect(reader_t *reader, char a, char b)
{
    if (!take_any(reader, a, b)) {
        reader->failed = true;
    }
}

static int take_ranged(reader_t *reader, int digits, int low, int high)
{
    int value = take_number(reader, digits);
    if (value < low || value > high) {
        reader->failed = true;
    }
    return value;
}

static int days_in_month(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int take_date(reader_t *reader)
{
    date_t date;
    date.year = take_number(reader, 4);
    expect(reader, '-', '-');
    date.month = take_ranged(reader, 2, 1, 12);
    expect(reader, '-', '-');
    date.day = take_ranged(reader, 2, 1, 31);
    if (reader->failed || date.day > days_in_month(date.year, date.month)) {
        reader->failed = true;
        return 0;
    }
    return days_from_date(date);
}

// Digits past the millisecond are read and dropped.
static int take_fraction_ms(reader_t *reader)
{
    int ms = 0, scale = 100;
    if (!take_any(reader, '.', '.')) {
        return 0;
    }
    if (!at_digit(reader)) {
        reader->failed = true;
    }
    for (; at_digit(reader); reader->at++) {
        ms += (*reader->at - '0') * scale;
        scale /= 10;
    }
    return ms;
}

static int take_minutes(reader_t *reader)
{
    int hour = take_ranged(reader, 2, 0, 23);
    expect(reader, ':', ':');
    return hour * 60 + take_ranged(reader, 2, 0, 59);
}

static int take_time_ms(reader_t *reader)
{
    int minutes = take_minutes(reader);
    expect(reader, ':', ':');
    int second = take_ranged(reader, 2, 0, 60);
    second = second == 60 ? 59 : second;
    return (minutes * 60 + second) * 1000 + take_fraction_ms(reader);
}

static int take_offset_ms(reader_t *reader)
{
    if (take_any(reader, 'Z', 'z')) {
        return 0;
    }
    bool minus = take_any(reader, '-', '-');
    if (!minus) {
        expect(reader, '+', '+');
    }
    int offset_ms = take_minutes(reader) * 60000;
    return minus ? -offset_ms : offset_ms;
}

int hf_iso8601_parse(const char *text, size_t length, uint64_t *utc_ms)
{
    reader_t reader = {.at = text, .end = text + length};
    int64_t ms = (int64_t)take_date(&reader) * MS_PER_DAY;
    expect(&reader, 'T', 't');
    ms += take_time_ms(&reader);
    ms -= take_offset_ms(&reader);
    if (reader.failed || reader.at != reader.end || ms < 0) {
        return HF_E_FORMAT;
    }
    *utc_ms = (uint64_t)ms;
    return HF_OK;
}
