// SPDX-License-Identifier: MIT
// What the programs at a desk say when something is wrong, and how they read a number.
#include "holdfast.h"

#include "holdfast/hf_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int tool_fail(int code, const char *verb, const char *format, ...)
{
    va_list args;
    (void)fprintf(stderr, "holdfast %s: ", verb);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return code;
}

int tool_usage_hint(const char *verb)
{
    (void)fprintf(stderr, "Try 'holdfast %s%s--help'.\n", verb, verb[0] != '\0' ? " " : "");
    return TOOL_USAGE;
}

int tool_number(const char *verb, const char *option, const char *text, const int64_t range[2],
                int64_t *value)
{
    hf_slice_t slice = {.text = text, .length = strlen(text)};
    if (hf_slice_to_i64(slice, value) == HF_OK && *value >= range[0] && *value <= range[1]) {
        return TOOL_GOOD;
    }
    (void)tool_fail(TOOL_USAGE, verb, "%s '%s': a number from %lld to %lld is needed", option, text,
                    (long long)range[0], (long long)range[1]);
    return tool_usage_hint(verb);
}
