// SPDX-License-Identifier: MIT
// The loop of the engine: device, HTTP, frames and progress, in turns; and the waits on top of it.
#include "lab_engine.h"

#include "lab_json.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS      10u
#define READ_BYTES   4096u
#define READS_A_TURN 64u

static volatile sig_atomic_t is_interrupted; // a signal handler has nothing else to write to

static void on_signal(int number)
{
    (void)number;
    is_interrupted = 1;
}

void lab_engine_catch_signals(void)
{
    const struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

bool lab_engine_is_interrupted(void)
{
    return is_interrupted != 0;
}

bool lab_engine_is_stopped(const lab_engine_t *engine)
{
    return lab_engine_is_interrupted() || engine->stopped != LAB_PASS;
}

static void stop(lab_engine_t *engine, int code, const char *why)
{
    engine->stopped = lab_fail(code, "run", "%s", why);
    lab_run_inconclusive(engine->run, "%s", why);
}

/// Both the disk and the record of what was said in it have an end; a device that floods does not.
static size_t keep_bytes(lab_engine_t *engine, const char *bytes, size_t length)
{
    char why[160];
    int64_t room = engine->options->log_limit - engine->serial_bytes;
    size_t kept = (int64_t)length <= room ? length : room > 0 ? (size_t)room : 0;
    if (fwrite(bytes, 1, kept, engine->serial) != kept || fflush(engine->serial) != 0) {
        (void)snprintf(why, sizeof why, "serial.log cannot be written: %s", strerror(errno));
        stop(engine, LAB_ENVIRONMENT, why);
        return 0;
    }
    engine->serial_bytes += (int64_t)kept;
    if (kept < length) {
        (void)snprintf(why, sizeof why, "the device said more than %lld bytes (--log-limit)",
                       (long long)engine->options->log_limit);
        stop(engine, LAB_INCONCLUSIVE, why);
    }
    return kept;
}

static void take_bytes(lab_engine_t *engine, double ts, const char *bytes, size_t length)
{
    if (engine->stopped != LAB_PASS) {
        return;
    }
    if (engine->serial != NULL) {
        length = keep_bytes(engine, bytes, length);
    }
    engine->is_no_memory |= lab_run_feed(engine->run, ts, bytes, length) != 0;
}

static void tell_wrong(lab_engine_t *engine)
{
    char *wrong = engine->device.wrong;
    if (wrong[0] != '\0') {
        lab_run_find(engine->run, "panic", "%s (after tag %s)", wrong,
                     engine->run->last_tag[0] != '\0' ? engine->run->last_tag : "none");
        lab_progress_say(engine->progress, "  %s", wrong);
        wrong[0] = '\0';
    }
}

static void read_device(lab_engine_t *engine)
{
    char bytes[READ_BYTES];
    double ts = 0;
    for (unsigned i = 0; i < READS_A_TURN && !engine->has_ended && engine->stopped == LAB_PASS;
         i++) {
        long length = engine->device.ops->read(&engine->device, bytes, sizeof bytes, &ts);
        if (length > 0) {
            take_bytes(engine, ts, bytes, (size_t)length);
        }
        engine->has_ended = length < 0;
        if (length <= 0) {
            break;
        }
    }
    tell_wrong(engine);
}

bool lab_engine_turn(lab_engine_t *engine, unsigned ms)
{
    struct pollfd fds[LAB_DEVICE_FDS];
    unsigned count = 0;
    if (engine->device.ops != NULL && !engine->has_ended) {
        count = engine->device.ops->descriptors(&engine->device, fds);
    }
    lab_http_turn(&engine->http, fds, count, ms);
    if (engine->device.ops != NULL && !engine->has_ended) {
        read_device(engine);
    }
    lab_engine_drive_load(engine);
    lab_progress_turn(engine->progress);
    return !lab_engine_is_stopped(engine) && !engine->has_ended;
}

bool lab_engine_wait(lab_engine_t *engine, double limit_s,
                     bool (*is_reached)(lab_engine_t *engine, const void *what), const void *what)
{
    uint64_t until_us = lab_clock_us() + (uint64_t)(limit_s * 1e6);
    bool goes_on = true;
    while (!is_reached(engine, what)) {
        if (!goes_on || lab_clock_us() >= until_us) {
            return false;
        }
        goes_on = lab_engine_turn(engine, TURN_MS);
    }
    return true;
}

static bool never(lab_engine_t *engine, const void *what)
{
    (void)engine;
    (void)what;
    return false;
}

void lab_engine_pass_time(lab_engine_t *engine, double seconds)
{
    (void)lab_engine_wait(engine, seconds, never, NULL);
}

bool lab_engine_has_seen(const lab_engine_t *engine, uint32_t kinds, uint64_t mark)
{
    for (unsigned kind = 0; kind <= LAB_LINE_PANIC; kind++) {
        if ((kinds >> kind & 1u) != 0 && engine->seen[kind] > mark) {
            return true;
        }
    }
    return false;
}

lab_result_t lab_engine_bad(lab_engine_t *engine, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(engine->why, sizeof engine->why, format, args);
    va_end(args);
    return LAB_STEP_BAD;
}

void lab_engine_note(lab_engine_t *engine, const char *format, ...)
{
    char text[512];
    lab_text_t members = {.text = NULL};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    lab_text_put(&members, "\"note\":");
    lab_text_quote(&members, text);
    engine->is_no_memory |=
        members.failed || lab_run_event(engine->run, lab_now(), "note", members.text) != 0;
    lab_text_free(&members);
}

const char *lab_who_text(lab_who_t who)
{
    return who == LAB_VEHICLE ? "vehicle" : "central system";
}

bool lab_engine_url(const lab_engine_t *engine, const char *path, char *url, size_t capacity)
{
    const char *host = engine->device.http[0] != '\0' ? engine->device.http : engine->ip;
    if (host[0] == '\0') {
        return false;
    }
    int length = snprintf(url, capacity, "http://%s%s", host, path);
    return length > 0 && (size_t)length < capacity;
}
