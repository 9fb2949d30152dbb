// SPDX-License-Identifier: MIT
// What all verbs need: messages, numbers, moments.
#include "lab.h"

#include "holdfast/hf_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int lab_fail(int code, const char *verb, const char *format, ...)
{
    va_list args;
    (void)fprintf(stderr, "holdfast lab%s%s: ", verb[0] != '\0' ? " " : "", verb);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return code;
}

int lab_usage_hint(const char *verb)
{
    (void)fprintf(stderr, "Try 'holdfast lab %s%s--help'.\n", verb, verb[0] != '\0' ? " " : "");
    return LAB_USAGE;
}

bool lab_is_colour(FILE *stream)
{
    const char *refused = getenv("NO_COLOR");
    return (refused == NULL || refused[0] == '\0') && isatty(fileno(stream)) == 1;
}

bool lab_number(const char *text, int64_t least, int64_t most, int64_t *value)
{
    hf_slice_t slice = {.text = text, .length = strlen(text)};
    return hf_slice_to_i64(slice, value) == HF_OK && *value >= least && *value <= most;
}

bool lab_bytes(const char *text, uint32_t *bytes)
{
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits;
    int64_t number = 0;
    if (hf_slice_to_i64((hf_slice_t){.text = text, .length = digits}, &number) != HF_OK ||
        number > (int64_t)UINT32_MAX) {
        return false;
    }
    int64_t factor = 1;
    if (*unit == 'K' || *unit == 'k') {
        factor = 1024;
        unit++;
    } else if (*unit == 'M' || *unit == 'm') {
        factor = INT64_C(1024) * 1024;
        unit++;
    }
    unit += *unit == 'B' ? 1 : 0;
    number *= factor;
    if (*unit != '\0' || number >= (int64_t)LAB_UNKNOWN) {
        return false;
    }
    *bytes = (uint32_t)number;
    return true;
}

bool lab_shell_word(const char *word, char *out, size_t capacity)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=,@%+-";
    hf_builder_t builder;
    bool is_plain = word[0] != '\0' && word[strspn(word, plain)] == '\0';
    hf_builder_init(&builder, out, capacity);
    hf_builder_text(&builder, is_plain ? "" : "'");
    for (const char *at = word; *at != '\0'; at++) {
        if (*at == '\'') {
            hf_builder_text(&builder, "'\\''");
        } else {
            hf_builder_char(&builder, *at);
        }
    }
    hf_builder_text(&builder, is_plain ? "" : "'");
    return !builder.overflow;
}

bool lab_shell_path(const char *path, char *out, size_t capacity)
{
    char *whole = realpath(path, NULL);
    bool fits = lab_shell_word(whole != NULL ? whole : path, out, capacity);
    free(whole);
    return fits;
}

void lab_shell_option(const char *name, const char *value, char *line, size_t capacity)
{
    char word[400] = "";
    size_t used = strlen(line), room = capacity - used;
    bool fits = value == NULL || lab_shell_word(value, word, sizeof word);
    int length = snprintf(line + used, room, " %s%s%s", name, value != NULL ? " " : "", word);
    if (!fits || length < 0 || (size_t)length >= room) {
        line[used] = '\0';
    }
}

double lab_now(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_REALTIME, &now) == 0 ? (double)now.tv_sec + (double)now.tv_nsec / 1e9
                                                    : 0.0;
}

void lab_iso8601(double ts, char out[40])
{
    double whole = floor(ts);
    long micros = lround((ts - whole) * 1e6);
    time_t second = (time_t)whole + (micros == 1000000 ? 1 : 0);
    micros = micros == 1000000 ? 0 : micros;
    struct tm utc;
    char text[24];
    if (!(ts >= 0 && ts < 253402300800.0) || gmtime_r(&second, &utc) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        memcpy(text, "1970-01-01T00:00:00", sizeof "1970-01-01T00:00:00");
        micros = 0;
    }
    (void)snprintf(out, 40, "%s.%06ld+00:00", text, micros);
}

bool lab_from_iso8601(const char *text, double *ts)
{
    struct tm utc = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    if (rest == NULL) {
        return false;
    }
    double fraction = 0;
    if (*rest == '.') {
        double weight = 0.1;
        for (rest++; *rest >= '0' && *rest <= '9'; rest++, weight /= 10) {
            fraction += weight * (*rest - '0');
        }
    }
    if (strcmp(rest, "Z") != 0 && strcmp(rest, "+00:00") != 0) {
        return false;
    }
    *ts = (double)timegm(&utc) + fraction;
    return true;
}
