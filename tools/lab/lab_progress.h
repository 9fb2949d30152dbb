// SPDX-License-Identifier: MIT
// What a person sees on stderr while a run goes on: one live line on a terminal (done, total, failed, time left), a
// line a case elsewhere. Colour only on a terminal.
#ifndef LAB_PROGRESS_H
#define LAB_PROGRESS_H

#include "lab.h"

typedef struct lab_progress {
    FILE *stream; // NULL: --quiet
    bool is_live, has_colour;
    unsigned done, total, failed, skipped;
    double begun_ts, planned_s; // as the scenario reckons; 0: unknown
    double drawn_ts;
    char doing[128];
    bool is_drawn;
} lab_progress_t;

void lab_progress_init(lab_progress_t *progress, FILE *stream);
void lab_progress_begin(lab_progress_t *progress, unsigned total, double planned_s);
/// What is being done now.
void lab_progress_doing(lab_progress_t *progress, const char *title);
void lab_progress_done(lab_progress_t *progress, const lab_step_t *step);
/// Draws the live line, a few times a second at most.
void lab_progress_turn(lab_progress_t *progress);
/// A sentence above the live line.
void lab_progress_say(lab_progress_t *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void lab_progress_end(lab_progress_t *progress);

#endif
