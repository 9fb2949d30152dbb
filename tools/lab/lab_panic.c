// SPDX-License-Identifier: MIT
// What a crash looks like, of every kind of device and process that the lab meets. A row matches where its text stands:
// anywhere only for texts that nobody writes by the way, otherwise at the line's begin or as the whole line, so that
// prose about a crash ("brownout detector enabled", "abort() is not called here") is none.
#include "lab_line.h"

#include <string.h>

typedef enum place {
    ANYWHERE,
    BEGIN, // after indent, colour, stamp and module
    WHOLE, // and nothing after it
    DEATH, // the whole line, or after "NAME: line N: PID "; then " (core dumped)" or a command: what a shell says
} place_t;

typedef struct pattern {
    const char *kind;
    place_t place;
    const char *text;
    const char *and; // has to follow somewhere; NULL: nothing
} pattern_t;

// By rank: what names the cause comes before what follows from it.
static const pattern_t patterns[] = {
    {"stack_canary", ANYWHERE, "Stack canary watchpoint triggered (", NULL},
    {"stack_overflow", ANYWHERE, "A stack overflow in task ", "has been detected"},
    {"stack_overflow", ANYWHERE, "AddressSanitizer: stack-overflow", NULL},
    {"stack_overflow", ANYWHERE, "*** stack smashing detected ***", NULL},
    {"stack_overflow", BEGIN, "Stack smashing protect failure!", NULL},
    {"stack_overflow", ANYWHERE, "***ERROR*** A stack overflow", NULL},
    {"double_free", ANYWHERE, "free(): double free detected", NULL},
    {"double_free", ANYWHERE, "double free or corruption (", NULL},
    {"double_free", ANYWHERE, "AddressSanitizer: attempting double-free", NULL},
    {"corrupt_heap", BEGIN, "CORRUPT HEAP: ", NULL},
    {"corrupt_heap", BEGIN, "free(): invalid ", NULL},
    {"corrupt_heap", BEGIN, "munmap_chunk(): invalid ", NULL},
    {"corrupt_heap", BEGIN, "realloc(): invalid ", NULL},
    {"corrupt_heap", BEGIN, "malloc(): ", "corrupted"},
    {"corrupt_heap", BEGIN, "malloc(): invalid ", NULL},
    {"corrupt_heap", BEGIN, "malloc(): ", "mismatch"},
    {"corrupt_heap", BEGIN, "corrupted size vs. prev_size", NULL},
    {"corrupt_heap", BEGIN, "corrupted double-linked list", NULL},
    {"sanitizer", ANYWHERE, "ERROR: AddressSanitizer: ", NULL},
    {"sanitizer", ANYWHERE, "ERROR: LeakSanitizer: ", NULL},
    {"sanitizer", ANYWHERE, "WARNING: ThreadSanitizer: ", NULL},
    {"sanitizer", ANYWHERE, "WARNING: MemorySanitizer: ", NULL},
    {"sanitizer", ANYWHERE, "ERROR: UndefinedBehaviorSanitizer: ", NULL},
    {"sanitizer", ANYWHERE,
     ": runtime error: ", NULL}, // of a place FILE:LINE:COLUMN, see is_place()
    {"task_watchdog", ANYWHERE, "Task watchdog got triggered", NULL},
    {"task_watchdog", BEGIN, "holdfastd: ", "watchdogs are not fed any more"},
    {"interrupt_watchdog", ANYWHERE, "Interrupt wdt timeout on CPU", NULL},
    {"watchdog", WHOLE, "Soft WDT reset", NULL},
    {"watchdog", WHOLE, "wdt reset", NULL},
    {"assert", BEGIN, "assert failed: ", NULL},
    {"assert", BEGIN, "assertion failed: ", ":"}, // ours on Linux: FILE:LINE
    {"assert", BEGIN, "assertion \"", "\" failed"},
    {"assert", ANYWHERE, "Assertion `", "' failed."},
    {"assert", ANYWHERE, ".c: assertion failed", NULL}, // ours on a microcontroller
    {"assert", BEGIN, "ASSERTION FAIL ", NULL},
    {"brownout", ANYWHERE, "Brownout detector was triggered", NULL},
    {"out_of_memory", ANYWHERE, "Out of memory: Killed process ", NULL},
    {"out_of_memory", BEGIN, "terminate called after throwing an instance of 'std::bad_alloc'",
     NULL},
    {"kernel_panic", ANYWHERE, "Kernel panic - not syncing", NULL},
    {"fault", BEGIN, "{\"event\":\"fault\",\"exception\":", NULL}, // ours on a microcontroller
    {"fault", ANYWHERE, ">>> ZEPHYR FATAL ERROR", NULL},
    {"fault", BEGIN, "Fatal exception (", NULL},
    {"abort", ANYWHERE, "abort() was called at PC 0x", NULL},
    {"guru_meditation", ANYWHERE, "Guru Meditation Error: ", NULL},
    {"panic", ANYWHERE, "panic'ed (", NULL},
    {"segmentation_fault", DEATH, "Segmentation fault", NULL},
    {"bus_error", DEATH, "Bus error", NULL},
    {"illegal_instruction", DEATH, "Illegal instruction", NULL},
    {"abort", DEATH, "Aborted", NULL},
    {"sanitizer", BEGIN, "SUMMARY: ", "Sanitizer: "},
    {"backtrace", BEGIN, "Backtrace: 0x", NULL},
    {"backtrace", BEGIN, "Backtrace:0x", NULL},
    {"rebooting", WHOLE, "Rebooting...", NULL},
};
#define PATTERNS (sizeof patterns / sizeof patterns[0])

typedef struct span {
    const char *at, *end;
} span_t;

static void trim(span_t *span)
{
    while (span->at < span->end && strchr(" \t\r\n", *span->at) != NULL && *span->at != '\0') {
        span->at++;
    }
    while (span->at < span->end && strchr(" \t\r\n", span->end[-1]) != NULL &&
           span->end[-1] != '\0') {
        span->end--;
    }
}

// Passes over colour, "[123ms] E App: ", "E (123) app: " and "[Module] ".
static void pass_front(span_t *span)
{
    trim(span);
    while (span->end - span->at >= 3 && span->at[0] == '\x1b') {
        const char *end = memchr(span->at, 'm', (size_t)(span->end - span->at));
        if (end == NULL) {
            return;
        }
        span->at = end + 1;
    }
    const char *colon = memmem(span->at, (size_t)(span->end - span->at), ": ", 2);
    if (span->end - span->at > 4 && *span->at == '[') {
        const char *close = memchr(span->at, ']', (size_t)(span->end - span->at));
        bool is_stamp = close != NULL && close - span->at > 2 && close[-1] == 's' &&
                        span->at[1] >= '0' && span->at[1] <= '9';
        if (close != NULL) {
            span->at = is_stamp && colon != NULL && colon > close ? colon + 2 : close + 1;
        }
    } else if (span->end - span->at > 4 && memchr("EWIDV", *span->at, 5) != NULL &&
               span->at[1] == ' ' && span->at[2] == '(' && colon != NULL) {
        span->at = colon + 2;
    }
    trim(span);
}

static bool is_place(span_t before)
{
    unsigned numbers = 0;
    const char *at = before.end;
    while (at > before.at && numbers < 2u) {
        const char *end = at;
        while (at > before.at && at[-1] >= '0' && at[-1] <= '9') {
            at--;
        }
        if (at == end || at == before.at || at[-1] != ':') {
            return false;
        }
        at--;
        numbers++;
    }
    return numbers == 2u && at > before.at;
}

static const char *pass_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    return at;
}

// "NAME: line N:  PID ": what bash says of a script's child.
static bool is_script_line(span_t front)
{
    const char *colon = memmem(front.at, (size_t)(front.end - front.at), ": line ", 7);
    if (colon == NULL || memchr(front.at, ' ', (size_t)(colon - front.at)) != NULL) {
        return false;
    }
    const char *number = colon + 7, *at = pass_digits(number, front.end);
    if (at == number || at == front.end || *at++ != ':') {
        return false;
    }
    while (at < front.end && *at == ' ') {
        at++;
    }
    number = at;
    at = pass_digits(number, front.end);
    return at > number && front.end - at == 1 && *at == ' ';
}

// "Aborted", "Bus error": words that anybody writes, so that nothing else may stand before them.
static bool is_death(span_t line, const char *found, size_t length)
{
    span_t rest = {.at = found + length, .end = line.end};
    size_t left = (size_t)(rest.end - rest.at);
    bool ends = left == 0 || (left == 14 && memcmp(rest.at, " (core dumped)", 14) == 0) ||
                (left > 2 && rest.at[0] == ' ' && rest.at[1] == ' ') ||
                (left > 16 && memcmp(rest.at, " (core dumped) ", 15) == 0);
    return ends && (found == line.at || is_script_line((span_t){.at = line.at, .end = found}));
}

static bool matches(const pattern_t *pattern, span_t line, span_t message)
{
    size_t length = strlen(pattern->text);
    span_t in = pattern->place == BEGIN || pattern->place == WHOLE ? message : line;
    const char *found = memmem(in.at, (size_t)(in.end - in.at), pattern->text, length);
    if (found == NULL) {
        return false;
    }
    if (pattern->and != NULL &&
        memmem(found + length, (size_t)(in.end - found) - length, pattern->and,
               strlen(pattern->and)) == NULL) {
        return false;
    }
    switch (pattern->place) {
    case BEGIN:
        return found == message.at;
    case WHOLE:
        return found == line.at && found + length == line.end;
    case DEATH:
        return is_death(line, found, length);
    default:
        break;
    }
    return strcmp(pattern->text, ": runtime error: ") != 0 ||
           is_place((span_t){.at = line.at, .end = found});
}

const char *lab_panic_kind(const char *text, size_t length)
{
    span_t line = {.at = text, .end = text + length};
    trim(&line);
    span_t message = line;
    pass_front(&message);
    for (size_t i = 0; i < PATTERNS; i++) {
        if (matches(&patterns[i], line, message)) {
            return patterns[i].kind;
        }
    }
    return NULL;
}

unsigned lab_panic_rank(const char *kind)
{
    unsigned rank = 0;
    while (rank < PATTERNS && strcmp(patterns[rank].kind, kind) != 0) {
        rank++;
    }
    return rank;
}
