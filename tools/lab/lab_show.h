// SPDX-License-Identifier: MIT
// A run for people and for programs, and the options that every verb with a verdict has.
#ifndef LAB_SHOW_H
#define LAB_SHOW_H

#include "lab_gates.h"

#include <stdio.h>

/// Figures, trips, findings, verdict; colour only when `is_colour`. `dir` may be NULL.
void lab_show_run(FILE *out, const lab_run_t *run, const char *dir, bool is_colour);
/// The object of summary.json on one line. -1: no memory.
int lab_show_json(FILE *out, const lab_run_t *run, const char *dir);

#endif
