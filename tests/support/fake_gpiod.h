// SPDX-License-Identifier: MIT
// The few functions of libgpiod that the GPIO back end calls, over a table in memory, for machines without a gpiochip. What
// the program defines itself goes before the shared library. Edges are events in a pipe, as the kernel has them in a file.
#ifndef FAKE_GPIOD_H
#define FAKE_GPIOD_H

#include "hf_test.h"

#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define FAKE_CHIPS 2u
#define FAKE_LINES 32u

struct gpiod_line {
    bool level;      // logical level of an input, or what an output was set to
    int type, flags; // as requested; type 0: not requested
    int events[2];   // pipe; 0 none
    unsigned requests, writes;
    bool is_dead;     // reading and writing fail
    bool is_edgeless; // no interrupt behind it
    bool is_missing;
};

struct gpiod_chip {
    const char *name;
    struct gpiod_line line[FAKE_LINES];
};

static struct {
    struct gpiod_chip chip[FAKE_CHIPS];
    int open_chips;
} fake;

static inline void fake_reset(void)
{
    memset(&fake, 0, sizeof fake);
    fake.chip[0].name = "gpiochip0";
    fake.chip[1].name = "gpiochip1";
}

/// The loop changes: an event waits when the line was requested for that edge.
static inline void fake_set(unsigned chip, unsigned offset, bool level)
{
    struct gpiod_line *line = &fake.chip[chip].line[offset];
    bool falls = line->level && !level;
    line->level = level;
    if (falls && line->type == GPIOD_LINE_REQUEST_EVENT_FALLING_EDGE) {
        const char byte = 1;
        CHECK_EQ(write(line->events[1], &byte, 1), 1);
    }
}

static inline unsigned fake_requested(void)
{
    unsigned count = 0;
    for (unsigned c = 0; c < FAKE_CHIPS; c++) {
        for (unsigned i = 0; i < FAKE_LINES; i++) {
            count += fake.chip[c].line[i].type != 0 ? 1u : 0u;
        }
    }
    return count;
}

struct gpiod_chip *gpiod_chip_open_lookup(const char *name)
{
    for (unsigned c = 0; c < FAKE_CHIPS; c++) {
        if (fake.chip[c].name != NULL && strcmp(fake.chip[c].name, name) == 0) {
            fake.open_chips++;
            return &fake.chip[c];
        }
    }
    errno = ENOENT;
    return NULL;
}

void gpiod_chip_close(struct gpiod_chip *chip)
{
    (void)chip;
    fake.open_chips--;
}

struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *chip, unsigned offset)
{
    errno = EINVAL;
    return offset < FAKE_LINES && !chip->line[offset].is_missing ? &chip->line[offset] : NULL;
}

int gpiod_line_request(struct gpiod_line *line, const struct gpiod_line_request_config *config,
                       int value)
{
    bool edges = config->request_type == GPIOD_LINE_REQUEST_EVENT_FALLING_EDGE;
    if (line->type != 0 || (edges && line->is_edgeless)) {
        errno = line->type != 0 ? EBUSY : ENXIO;
        return -1;
    }
    line->type = config->request_type;
    line->flags = config->flags;
    line->requests++;
    if (config->request_type == GPIOD_LINE_REQUEST_DIRECTION_OUTPUT) {
        line->level = value != 0;
    }
    return edges ? pipe(line->events) : 0;
}

void gpiod_line_close_chip(struct gpiod_line *line)
{
    if (line->events[0] != 0) {
        (void)close(line->events[0]);
        (void)close(line->events[1]);
        line->events[0] = line->events[1] = 0;
    }
    line->type = 0;
    fake.open_chips--;
}

int gpiod_line_get_value(struct gpiod_line *line)
{
    return line->is_dead ? -1 : line->level;
}

int gpiod_line_set_value(struct gpiod_line *line, int value)
{
    if (line->is_dead || line->type != GPIOD_LINE_REQUEST_DIRECTION_OUTPUT) {
        errno = EPERM;
        return -1;
    }
    line->writes++;
    line->level = value != 0;
    return 0;
}

int gpiod_line_event_get_fd(struct gpiod_line *line)
{
    return line->events[0] != 0 ? line->events[0] : -1;
}

int gpiod_line_event_read_fd(int fd, struct gpiod_line_event *event)
{
    char byte;
    if (read(fd, &byte, 1) != 1) {
        return -1;
    }
    *event = (struct gpiod_line_event){.event_type = GPIOD_LINE_EVENT_FALLING_EDGE};
    return 0;
}

#endif
