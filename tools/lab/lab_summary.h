// SPDX-License-Identifier: MIT
// summary.json and summary.md of a run.
#ifndef LAB_SUMMARY_H
#define LAB_SUMMARY_H

#include "lab_json.h"
#include "lab_run.h"

void lab_summary_json(const lab_run_t *run, const char *dir, lab_text_t *out);
void lab_summary_markdown(const lab_run_t *run, const char *dir, lab_text_t *out);
/// Tags of the memory rows, each once, sorted. `tags` has room for `max`. Returns how many there are.
uint32_t lab_run_tags(const lab_run_t *run, const char **tags, uint32_t max);
/// The first trip of the internal minimum (not a warning); NULL: none.
const lab_trip_t *lab_run_tripwire(const lab_run_t *run);
/// "planned", "passed", "failed", "skipped".
const char *lab_step_text(const lab_step_t *step);

#endif
