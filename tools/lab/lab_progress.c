// SPDX-License-Identifier: MIT
// Progress on stderr.
#include "lab_progress.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define DRAW_EVERY_S 0.2

void lab_progress_init(lab_progress_t *progress, FILE *stream)
{
    memset(progress, 0, sizeof *progress);
    progress->stream = stream;
    progress->is_live = stream != NULL && isatty(fileno(stream)) == 1;
    progress->has_colour = stream != NULL && lab_is_colour(stream);
}

void lab_progress_begin(lab_progress_t *progress, unsigned total, double planned_s)
{
    progress->done = progress->failed = progress->skipped = 0;
    progress->total = total;
    progress->planned_s = planned_s;
    progress->begun_ts = lab_now();
}

static void wipe(lab_progress_t *progress)
{
    if (progress->is_drawn) {
        (void)fputs("\r\033[K", progress->stream);
    }
    progress->is_drawn = false;
}

static const char *colour(const lab_progress_t *progress, const char *code)
{
    return progress->has_colour ? code : "";
}

/// Seconds left: what was planned, stretched by how the cases done so far have come along.
static double left_s(const lab_progress_t *progress)
{
    double spent = lab_now() - progress->begun_ts;
    double by_plan = progress->planned_s - spent;
    double by_cases = progress->done > 0
                          ? spent / progress->done * (progress->total - progress->done)
                          : progress->planned_s;
    double left = progress->planned_s > 0 ? by_plan : by_cases;
    return left > 0 ? left : 0;
}

void lab_progress_turn(lab_progress_t *progress)
{
    double now = lab_now();
    if (!progress->is_live || now - progress->drawn_ts < DRAW_EVERY_S) {
        return;
    }
    progress->drawn_ts = now;
    wipe(progress);
    (void)fprintf(progress->stream, "  %u/%u", progress->done, progress->total);
    if (progress->failed > 0) {
        (void)fprintf(progress->stream, " %s%u failed%s", colour(progress, "\033[31m"),
                      progress->failed, colour(progress, "\033[0m"));
    }
    (void)fprintf(progress->stream, "  %.0f s left  %.60s", left_s(progress), progress->doing);
    (void)fflush(progress->stream);
    progress->is_drawn = true;
}

void lab_progress_doing(lab_progress_t *progress, const char *title)
{
    (void)snprintf(progress->doing, sizeof progress->doing, "%s", title);
    lab_progress_turn(progress);
}

void lab_progress_done(lab_progress_t *progress, const lab_step_t *step)
{
    static const struct {
        const char *word, *code;
    } results[] = {[LAB_STEP_PLANNED] = {"not run", "\033[33m"},
                   [LAB_STEP_PASSED] = {"ok", "\033[32m"},
                   [LAB_STEP_FAILED] = {"FAILED", "\033[31m"},
                   [LAB_STEP_SKIPPED] = {"skipped", "\033[33m"}};
    progress->done++;
    progress->failed += step->result == LAB_STEP_FAILED ? 1u : 0u;
    progress->skipped += step->result == LAB_STEP_SKIPPED ? 1u : 0u;
    if (progress->stream == NULL) {
        return;
    }
    wipe(progress);
    (void)fprintf(progress->stream, "  %s%-7s%s %2u/%u  %-44.60s %6.1f s%s%s\n",
                  colour(progress, results[step->result].code), results[step->result].word,
                  colour(progress, "\033[0m"), progress->done, progress->total, step->title,
                  step->seconds, step->why[0] != '\0' ? "  " : "", step->why);
}

void lab_progress_say(lab_progress_t *progress, const char *format, ...)
{
    if (progress->stream == NULL) {
        return;
    }
    va_list args;
    va_start(args, format);
    wipe(progress);
    (void)vfprintf(progress->stream, format, args);
    (void)fputc('\n', progress->stream);
    va_end(args);
}

void lab_progress_end(lab_progress_t *progress)
{
    if (progress->stream != NULL) {
        wipe(progress);
        (void)fflush(progress->stream);
    }
}
