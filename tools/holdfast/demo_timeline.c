// SPDX-License-Identifier: MIT
// The timeline: one line per thing that happened, with the time since the demo began and who it happened to.
#include "demo.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES DEMO_TEXT_BYTES
#define HOLD_US    150000u // holdfastd drains its log every 50 ms
#define DAY_MS     86400000u

static const struct timeline_source {
    const char *name, *colour;
} sources[DEMO_CHILDREN] = {
    [DEMO_VEHICLE] = {"vehicle", "\033[33m"},
    [DEMO_CENTRAL] = {"central", "\033[36m"},
    [DEMO_CHARGER] = {"charger", "\033[32m"},
};

uint64_t demo_clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

void demo_timeline_init(demo_timeline_t *timeline)
{
    const char *no_colour = getenv("NO_COLOR");
    timeline->begin_us = demo_clock_us();
    timeline->has_colour =
        isatty(STDOUT_FILENO) == 1 && (no_colour == NULL || no_colour[0] == '\0');
}

static void print_first(demo_timeline_t *timeline)
{
    const demo_entry_t *entry = &timeline->held[0];
    uint64_t ms =
        entry->at_us > timeline->begin_us ? (entry->at_us - timeline->begin_us) / 1000u : 0;
    printf("%5u.%02u  %s%-7s%s  %s\n", (unsigned)(ms / 1000u), (unsigned)(ms % 1000u / 10u),
           timeline->has_colour ? sources[entry->who].colour : "", sources[entry->who].name,
           timeline->has_colour ? "\033[0m" : "", entry->text);
    timeline->held_count--;
    memmove(&timeline->held[0], &timeline->held[1],
            timeline->held_count * sizeof timeline->held[0]);
}

void demo_timeline_print(demo_timeline_t *timeline, bool everything)
{
    uint64_t now_us = demo_clock_us();
    while (timeline->held_count > 0 &&
           (everything || timeline->held[0].at_us + HOLD_US <= now_us)) {
        print_first(timeline);
    }
    (void)fflush(stdout);
}

/// A place for a line of that time, behind those of the same time.
static demo_entry_t *make_entry(demo_timeline_t *timeline, demo_who_t who, uint64_t at_us)
{
    if (timeline->held_count == DEMO_HELD_MAX) {
        print_first(timeline);
    }
    unsigned i = timeline->held_count++;
    for (; i > 0 && timeline->held[i - 1].at_us > at_us; i--) {
        timeline->held[i] = timeline->held[i - 1];
    }
    timeline->held[i].at_us = at_us;
    timeline->held[i].who = who;
    return &timeline->held[i];
}

void demo_timeline_say(demo_timeline_t *timeline, demo_who_t who, const char *format, ...)
{
    if (timeline->muted) {
        return;
    }
    demo_entry_t *entry = make_entry(timeline, who, demo_clock_us());
    va_list args;
    va_start(args, format);
    (void)vsnprintf(entry->text, sizeof entry->text, format, args);
    va_end(args);
}

/// Skips "12:34:56.789 ".
static const char *skip_time(const char *line)
{
    static const char shape[] = "dd:dd:dd.ddd ";
    for (size_t i = 0; shape[i] != '\0'; i++) {
        bool fits = shape[i] == 'd' ? isdigit((unsigned char)line[i]) != 0 : line[i] == shape[i];
        if (!fits) {
            return line;
        }
    }
    return line + sizeof shape - 1;
}

const char *demo_timeline_text(const char *line)
{
    const char *text = skip_time(line);
    if (strncmp(text, "info ", 5) == 0) {
        text += 5; // the usual level needs no mention
    }
    return text + strspn(text, " ");
}

/// When a line with the time of day was written; now, if it has none or a strange one.
static uint64_t time_of_line(const char *line)
{
    uint64_t now_us = demo_clock_us();
    unsigned hour, minute, second, ms;
    if (skip_time(line) == line ||
        sscanf(line, "%2u:%2u:%2u.%3u", &hour, &minute, &second, &ms) != 4) {
        return now_us;
    }
    struct timespec utc;
    struct tm local;
    (void)clock_gettime(CLOCK_REALTIME, &utc);
    (void)localtime_r(&utc.tv_sec, &local);
    unsigned now_ms = (unsigned)((local.tm_hour * 60 + local.tm_min) * 60 + local.tm_sec) * 1000u +
                      (unsigned)(utc.tv_nsec / 1000000);
    unsigned age_ms =
        (now_ms + DAY_MS - (((hour * 60u + minute) * 60u + second) * 1000u + ms)) % DAY_MS;
    return age_ms < 1000u ? now_us - age_ms * 1000u : now_us;
}

void demo_timeline_log(demo_timeline_t *timeline, demo_who_t who, const char *line)
{
    if (!timeline->muted) {
        demo_entry_t *entry = make_entry(timeline, who, time_of_line(line));
        (void)snprintf(entry->text, sizeof entry->text, "%s", demo_timeline_text(line));
    }
}

static int64_t number(hf_json_t event, const char *name)
{
    int64_t value = 0;
    return hf_json_fixed(hf_json_member(event, name), 0, &value) == HF_OK ? value : 0;
}

static bool flag(hf_json_t event, const char *name)
{
    bool value = false;
    return hf_json_bool(hf_json_member(event, name), &value) == HF_OK && value;
}

/// A value as text, whatever it is; "" when absent.
static const char *value_text(hf_json_t value, char out[TEXT_BYTES])
{
    int status = value.type == HF_JSON_STRING ? hf_json_string(value, out, TEXT_BYTES)
                                              : hf_slice_copy(value.raw, out, TEXT_BYTES);
    if (status != HF_OK || value.type == HF_JSON_NONE) {
        out[0] = '\0';
    }
    return out;
}

static const char *text_of(hf_json_t event, const char *name, char out[TEXT_BYTES])
{
    return value_text(hf_json_member(event, name), out);
}

// ---- vehicle ----

static void vehicle_plugged(demo_timeline_t *timeline, hf_json_t event)
{
    if (flag(event, "plugged")) {
        demo_timeline_say(timeline, DEMO_VEHICLE, "plugged in, battery at %d %%",
                          (int)number(event, "soc"));
    } else {
        demo_timeline_say(timeline, DEMO_VEHICLE, "unplugged");
    }
}

static void vehicle_lock(demo_timeline_t *timeline, hf_json_t event)
{
    timeline->is_locked = flag(event, "locked");
    demo_timeline_say(timeline, DEMO_VEHICLE, "plug %s",
                      timeline->is_locked ? "locked" : "released");
}

static void vehicle_contactor(demo_timeline_t *timeline, hf_json_t event)
{
    demo_timeline_say(timeline, DEMO_VEHICLE, "contactor %s",
                      flag(event, "closed") ? "closed" : "open");
}

static void vehicle_power(demo_timeline_t *timeline, hf_json_t event)
{
    int64_t power_mW = number(event, "power_mW");
    if ((power_mW == 0) != (timeline->power_mW == 0)) {
        demo_timeline_say(timeline, DEMO_VEHICLE,
                          power_mW != 0 ? "current begins to flow" : "no current");
    }
    timeline->power_mW = power_mW;
}

static void vehicle_status(demo_timeline_t *timeline, hf_json_t event)
{
    hf_json_t outlet = hf_json_element(hf_json_member(event, "outlets"), 0);
    int64_t mV = number(outlet, "voltage_mV"), mA = number(outlet, "current_mA");
    demo_timeline_say(timeline, DEMO_VEHICLE,
                      "%lld W  (%lld.%lld V, %lld.%lld A), battery at %lld %%",
                      (long long)number(outlet, "power_mW") / 1000, (long long)mV / 1000,
                      (long long)mV % 1000 / 100, (long long)mA / 1000, (long long)mA % 1000 / 100,
                      (long long)number(outlet, "soc"));
}

static void vehicle_error(demo_timeline_t *timeline, hf_json_t event)
{
    char line[TEXT_BYTES], text[TEXT_BYTES];
    demo_timeline_say(timeline, DEMO_VEHICLE, "'%s': %s", text_of(event, "line", line),
                      text_of(event, "text", text));
}

static void vehicle_card(demo_timeline_t *timeline, hf_json_t event)
{
    char tag[TEXT_BYTES];
    demo_timeline_say(timeline, DEMO_VEHICLE, "driver presents card %s",
                      text_of(event, "tag", tag));
}

static const struct vehicle_event {
    const char *name;
    void (*tell)(demo_timeline_t *timeline, hf_json_t event);
} vehicle_events[] = {
    {"plugged", vehicle_plugged}, {"lock", vehicle_lock},     {"contactor", vehicle_contactor},
    {"power", vehicle_power},     {"status", vehicle_status}, {"error", vehicle_error},
    {"card", vehicle_card},
};

void demo_timeline_vehicle(demo_timeline_t *timeline, hf_json_t event)
{
    for (size_t i = 0; i < HF_COUNT_OF(vehicle_events); i++) {
        if (hf_json_is_string(hf_json_member(event, "event"), vehicle_events[i].name)) {
            vehicle_events[i].tell(timeline, event);
        }
    }
}

// ---- central system ----

// {NAME} is a member of the event, {NAME/NAME} a member of that; an event that is not listed is shown by its name.
static const struct central_event {
    const char *name, *shape;
} central_events[] = {
    {"listening", "listens on port {port}"},
    {"connected", "charge point {station} connected"},
    {"disconnected", "charge point {station} disconnected"},
    {"boot", "BootNotification of {vendor} {model} {firmware}: {status}"},
    {"heartbeat", "Heartbeat"},
    {"status", "connector {connector} is {status}, {errorCode}"},
    {"authorize", "Authorize {idTag}"},
    {"start", "StartTransaction {transactionId}, meter {meter_Wh} Wh"},
    {"meter", "MeterValues: register {values/Energy.Active.Import.Register} Wh, "
              "{values/Power.Active.Import} W"},
    {"stop", "StopTransaction {transactionId}, meter {meter_Wh} Wh, reason {reason}"},
    {"call", "sends {action}"},
    {"answer", "{action}: {payload/status}"},
    {"callerror", "{action} refused: {code}"},
    {"invalid", "invalid message: {why}"},
    {"error", "{text}"},
};

static void put_field(hf_builder_t *out, hf_json_t event, hf_slice_t path)
{
    char name[64], value[TEXT_BYTES];
    const char *slash = memchr(path.text, '/', path.length);
    size_t first = slash != NULL ? (size_t)(slash - path.text) : path.length;
    hf_json_t found = {.type = HF_JSON_NONE};
    if (hf_slice_copy((hf_slice_t){.text = path.text, .length = first}, name, sizeof name) ==
        HF_OK) {
        found = hf_json_member(event, name);
    }
    if (slash != NULL &&
        hf_slice_copy((hf_slice_t){.text = slash + 1, .length = path.length - first - 1}, name,
                      sizeof name) == HF_OK) {
        found = hf_json_member(found, name);
    }
    hf_builder_text(out, value_text(found, value));
}

void demo_timeline_central(demo_timeline_t *timeline, hf_json_t event)
{
    const char *shape = "{event}";
    for (size_t i = 0; i < HF_COUNT_OF(central_events); i++) {
        if (hf_json_is_string(hf_json_member(event, "event"), central_events[i].name)) {
            shape = central_events[i].shape;
        }
    }
    char text[TEXT_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    for (const char *at = shape; *at != '\0'; at++) {
        if (*at == '{') {
            size_t length = strcspn(at + 1, "}");
            put_field(&out, event, (hf_slice_t){.text = at + 1, .length = length});
            at += length + 1;
        } else {
            hf_builder_char(&out, *at);
        }
    }
    static const char all_is_well[] = ", NoError";
    char *end = strstr(text, all_is_well);
    if (end != NULL) {
        *end = '\0';
    }
    demo_timeline_say(timeline, DEMO_CENTRAL, "%s", text);
}
