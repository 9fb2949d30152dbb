// SPDX-License-Identifier: MIT
// The timeline: one line per thing that happened, with the time since the demo began and who it happened to.
#include "demo.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES 400u

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

void demo_timeline_say(demo_timeline_t *timeline, demo_who_t who, const char *format, ...)
{
    if (timeline->muted) {
        return;
    }
    uint64_t ms = (demo_clock_us() - timeline->begin_us) / 1000u;
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    printf("%5u.%02u  %s%-7s%s  %s\n", (unsigned)(ms / 1000u), (unsigned)(ms % 1000u / 10u),
           timeline->has_colour ? sources[who].colour : "", sources[who].name,
           timeline->has_colour ? "\033[0m" : "", text);
    (void)fflush(stdout);
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

void demo_timeline_log(demo_timeline_t *timeline, demo_who_t who, const char *line)
{
    demo_timeline_say(timeline, who, "%s", demo_timeline_text(line));
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
    demo_timeline_say(timeline, DEMO_VEHICLE, "plug %s",
                      flag(event, "locked") ? "locked" : "released");
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

// ---- central system: its events are shown as they are, without what everybody knows ----

void demo_timeline_central(demo_timeline_t *timeline, hf_json_t event)
{
    char text[TEXT_BYTES], value[TEXT_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    hf_builder_text(&out, text_of(event, "event", value));
    hf_json_walk_t walk = {.container = event};
    while (hf_json_next(&walk)) {
        bool is_known = hf_json_is_string(walk.name, "t") ||
                        hf_json_is_string(walk.name, "event") ||
                        hf_json_is_string(walk.name, "station");
        if (!is_known && hf_json_string(walk.name, value, sizeof value) == HF_OK) {
            hf_builder_char(&out, ' ');
            hf_builder_text(&out, value);
            hf_builder_char(&out, '=');
            hf_builder_text(&out, value_text(walk.value, value));
        }
    }
    demo_timeline_say(timeline, DEMO_CENTRAL, "%s", text);
}
