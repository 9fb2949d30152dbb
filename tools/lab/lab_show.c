// SPDX-License-Identifier: MIT
// A run for people and for programs.
#include "lab_show.h"

#include "lab.h"
#include "lab_stacks.h"
#include "lab_summary.h"

#include <string.h>

#define RED    "\x1b[31m"
#define GREEN  "\x1b[32m"
#define YELLOW "\x1b[33m"
#define PLAIN  "\x1b[0m"

static void figure(FILE *out, const char *label, uint32_t value, const char *unit)
{
    if (value != LAB_UNKNOWN) {
        (void)fprintf(out, "  %-22s %10u %s\n", label, value, unit);
    }
}

static void show_trips(FILE *out, const lab_run_t *run)
{
    for (uint32_t i = 0; i < run->trips; i++) {
        const lab_trip_t *trip = &run->trip[i];
        (void)fprintf(out, "  %s %s at %s: %u (limit %u)%s%s\n", trip->wire, trip->level, trip->tag,
                      trip->value, trip->limit, trip->name[0] != '\0' ? ", " : "", trip->name);
        for (uint32_t k = 0; k < trip->worst_count; k++) {
            (void)fprintf(out, "%s%s %u B", k == 0 ? "    worst stacks: " : ", ",
                          trip->worst[k].name, trip->worst[k].left);
        }
        (void)fputs(trip->worst_count > 0 ? "\n" : "", out);
    }
}

static void show_stacks(FILE *out, const lab_run_t *run)
{
    lab_stack_t stacks[LAB_STACKS_MAX];
    const uint32_t count = lab_run_stacks(run, stacks);
    for (uint32_t i = 0; i < count; i++) {
        const lab_stack_t *stack = &stacks[i];
        (void)fprintf(out, "  stack %-16s %10u B left", stack->name, stack->least);
        if (stack->bytes > 0) {
            (void)fprintf(out, ", %u of %u B used", lab_stack_peak(stack->bytes, stack->least),
                          stack->bytes);
        }
        (void)fputc('\n', out);
    }
}

static void show_steps(FILE *out, const lab_run_t *run)
{
    uint32_t counts[4] = {0};
    for (uint32_t i = 0; i < run->steps; i++) {
        counts[run->step[i].result]++;
    }
    if (run->steps > 0) {
        (void)fprintf(out, "  %-22s %10u passed, %u failed, %u skipped, %u not run\n", "steps",
                      counts[LAB_STEP_PASSED], counts[LAB_STEP_FAILED], counts[LAB_STEP_SKIPPED],
                      counts[LAB_STEP_PLANNED]);
    }
}

void lab_show_run(FILE *out, const lab_run_t *run, const char *dir, bool is_colour)
{
    static const char *const texts[] = {"pass", "finding", "inconclusive"};
    static const char *const colours[] = {GREEN, RED, YELLOW};
    int verdict = lab_run_verdict(run);
    unsigned index = verdict == LAB_PASS ? 0u : verdict == LAB_FINDING ? 1u : 2u;
    const char *tags[64];
    uint32_t count = lab_run_tags(run, tags, 64);
    (void)fprintf(out, "%s%s%s\n", run->key, run->title[0] != '\0' ? ": " : "", run->title);
    (void)fprintf(out, "  %-22s %10.1f s, %u snapshots of %u tags, %u resets (%u unasked for)\n",
                  "length", run->end_ts - run->start_ts, run->mems, count, run->boots,
                  run->unexpected_resets);
    figure(out, "internal least (hin)", lab_run_hin_min(run), "B");
    figure(out, "heap least (hm)", lab_run_hm_min(run), "B");
    figure(out, "fragmentation, most", lab_run_frag_max(run), "%");
    figure(out, "PSRAM least free (pf)", lab_run_pf_min(run), "B");
    figure(out, "PSRAM least (pm)", lab_run_pm_min(run), "B");
    if (lab_run_lost_marks(run) > 0) {
        figure(out, "snapshots lost", lab_run_lost_marks(run), "by the probe");
    }
    show_stacks(out, run);
    show_steps(out, run);
    show_trips(out, run);
    for (uint32_t i = 0; i < run->findings; i++) {
        (void)fprintf(out, "  %s%s%s: %s\n", is_colour ? RED : "", run->finding[i].gate,
                      is_colour ? PLAIN : "", run->finding[i].text);
    }
    (void)fprintf(out, "%s%s%s%s%s\n", is_colour ? colours[index] : "", texts[index],
                  is_colour ? PLAIN : "", run->is_inconclusive ? ": " : "", run->why_inconclusive);
    if (verdict != LAB_PASS && run->replay[0] != '\0') {
        (void)fprintf(out, "again: %s\n", run->replay);
    }
    if (dir != NULL) {
        (void)fprintf(out, "artifacts: %s\n", dir);
    }
}

int lab_show_json(FILE *out, const lab_run_t *run, const char *dir)
{
    lab_text_t text = {0};
    lab_summary_json(run, dir != NULL ? dir : ".", &text);
    int status = text.failed ? -1 : 0;
    if (status == 0) {
        (void)fputs(text.text, out);
    }
    lab_text_free(&text);
    return status;
}
