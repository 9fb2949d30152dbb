// SPDX-License-Identifier: MIT
// The record of a run as the JSON that the page draws. Times are seconds since the run's begin. Every '<' is written as an
// escape: a device's text cannot end the script element it stands in.
#include "lab_report.h"

#include "lab.h"
#include "lab_json.h"
#include "version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACE       "@DATA@"
#define EVENTS_LAST 20u
#define NAMES_MAX   64u // pools that are told apart

typedef struct report {
    FILE *file;
    const lab_run_t *run;
    const char *between; // written before the next item
} report_t;

// ---- JSON --------------------------------------------------------------------------------------------------------------

static void put_text(FILE *file, const char *text)
{
    (void)fputc('"', file);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20u || *c == '"' || *c == '\\' || *c == '<' || *c == 0x7Fu) {
            (void)fprintf(file, "\\u%04x", *c);
        } else {
            (void)fputc(*c, file);
        }
    }
    (void)fputc('"', file);
}

static void begin(report_t *report, const char *name, char bracket)
{
    (void)fprintf(report->file, "%s\n\"%s\":%c", report->between, name, bracket);
    report->between = "";
}

static void end(report_t *report, char bracket)
{
    (void)fputc(bracket, report->file);
    report->between = ",";
}

static void item(report_t *report, char bracket)
{
    (void)fprintf(report->file, "%s\n%c", report->between, bracket);
    report->between = "";
}

static void text_field(report_t *report, const char *name, const char *text)
{
    (void)fprintf(report->file, "%s\"%s\":", report->between, name);
    put_text(report->file, text);
    report->between = ",";
}

static void number_field(report_t *report, const char *name, uint64_t value)
{
    (void)fprintf(report->file, "%s\"%s\":%llu", report->between, name, (unsigned long long)value);
    report->between = ",";
}

static double since(const report_t *report, double ts)
{
    return ts > report->run->start_ts ? ts - report->run->start_ts : 0;
}

static void time_field(report_t *report, const char *name, double ts)
{
    (void)fprintf(report->file, "%s\"%s\":%.3f", report->between, name, since(report, ts));
    report->between = ",";
}

// ---- parts -------------------------------------------------------------------------------------------------------------

static const char *verdict_of(const lab_run_t *run)
{
    switch (lab_run_verdict(run)) {
    case LAB_PASS:
        return "pass";
    case LAB_FINDING:
        return "finding";
    default:
        return "inconclusive";
    }
}

static void put_run(report_t *report)
{
    const lab_run_t *run = report->run;
    char start[40];
    lab_iso8601(run->start_ts, start);
    begin(report, "run", '{');
    text_field(report, "key", run->key);
    text_field(report, "title", run->title);
    text_field(report, "description", run->description);
    text_field(report, "device", run->device);
    text_field(report, "firmware", run->firmware);
    text_field(report, "ip", run->final_ip);
    text_field(report, "start", start);
    text_field(report, "verdict", verdict_of(run));
    text_field(report, "why", run->is_inconclusive ? run->why_inconclusive : "");
    text_field(report, "replay", run->replay);
    text_field(report, "commit", run->git.commit);
    text_field(report, "branch", run->git.branch);
    number_field(report, "dirty", run->git.status[0] != '\0');
    number_field(report, "seed", run->seed);
    end(report, '}');
    (void)fprintf(report->file, ",\n\"seconds\":%.3f", since(report, run->end_ts));
}

static void put_derived(report_t *report, const lab_gates_t *gates)
{
    const lab_run_t *run = report->run;
    begin(report, "derived", '{');
    number_field(report, "hin_min", lab_run_hin_min(run));
    number_field(report, "hm_min", lab_run_hm_min(run));
    number_field(report, "pf_min", lab_run_pf_min(run));
    number_field(report, "pm_min", lab_run_pm_min(run));
    number_field(report, "frag_max", lab_run_frag_max(run));
    number_field(report, "boots", run->boots);
    number_field(report, "unexpected_resets", run->unexpected_resets);
    end(report, '}');
    begin(report, "limits", '{');
    number_field(report, "hin_min", gates->hin_min_bytes);
    number_field(report, "frag", gates->frag_limit);
    end(report, '}');
}

static void put_findings(report_t *report)
{
    static const char *const results[] = {[LAB_STEP_PLANNED] = "planned",
                                          [LAB_STEP_PASSED] = "passed",
                                          [LAB_STEP_FAILED] = "failed",
                                          [LAB_STEP_SKIPPED] = "skipped"};
    const lab_run_t *run = report->run;
    begin(report, "findings", '[');
    for (uint32_t i = 0; i < run->findings; i++) {
        item(report, '{');
        text_field(report, "gate", run->finding[i].gate);
        text_field(report, "text", run->finding[i].text);
        end(report, '}');
    }
    end(report, ']');
    begin(report, "steps", '[');
    for (uint32_t i = 0; i < run->steps; i++) {
        const lab_step_t *step = &run->step[i];
        item(report, '{');
        text_field(report, "id", step->id);
        text_field(report, "title", step->title);
        text_field(report, "result", results[step->result]);
        text_field(report, "why", step->why);
        (void)fprintf(report->file, ",\"seconds\":%.3f", step->seconds);
        end(report, '}');
    }
    end(report, ']');
}

static void put_memory_row(report_t *report, const lab_mem_row_t *row)
{
    const lab_memory_t *memory = &row->memory;
    const uint32_t figures[] = {memory->hf,   memory->hm, memory->hl, memory->hi, memory->hin,
                                memory->frag, memory->pf, memory->pm, memory->pl, row->boot};
    (void)fprintf(report->file, "%s\n[%.3f,", report->between, since(report, row->ts));
    put_text(report->file, row->tag);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        (void)fprintf(report->file, ",%lu", (unsigned long)figures[i]);
    }
    end(report, ']');
}

/// Of a stretch of rows, the one with the least free.
static uint32_t least_of(const lab_run_t *run, uint32_t from, uint32_t to)
{
    uint32_t least = from;
    for (uint32_t i = from; i < to; i++) {
        least = run->mem[i].memory.hi < run->mem[least].memory.hi ? i : least;
    }
    return least;
}

static void put_memory(report_t *report)
{
    const lab_run_t *run = report->run;
    uint32_t stretch = 2u * (run->mems / LAB_REPORT_ROWS + 1u), shown = 0;
    begin(report, "mem", '[');
    for (uint32_t at = 0; at < run->mems; at += stretch) {
        uint32_t to = run->mems - at > stretch ? at + stretch : run->mems;
        uint32_t least = stretch > 2u ? least_of(run, at, to) : at;
        put_memory_row(report, &run->mem[least]);
        shown += least != to - 1u ? 2u : 1u;
        if (least != to - 1u) {
            put_memory_row(report, &run->mem[to - 1u]);
        }
    }
    end(report, ']');
    number_field(report, "mem_left_out", run->mems - shown);
}

static void put_pool(report_t *report, uint32_t first)
{
    const lab_run_t *run = report->run;
    const char *name = run->pool[first].name;
    uint32_t stride = run->pools / LAB_REPORT_ROWS + 1u, seen = 0, last = first;
    item(report, '{');
    text_field(report, "name", name);
    number_field(report, "size", run->pool[first].pool.size);
    begin(report, "rows", '[');
    for (uint32_t i = first; i < run->pools; i++) {
        last = strcmp(run->pool[i].name, name) == 0 ? i : last;
    }
    for (uint32_t i = first; i <= last; i++) {
        const lab_pool_row_t *row = &run->pool[i];
        if (strcmp(row->name, name) != 0 || (seen++ % stride != 0 && i != last)) {
            continue;
        }
        (void)fprintf(report->file, "%s\n[%.3f,%lu,%lu,%lu,%lu,%lu,%lu,%lu", report->between,
                      since(report, row->ts), (unsigned long)row->pool.cap,
                      (unsigned long)row->pool.use, (unsigned long)row->pool.peak,
                      (unsigned long)row->pool.min, (unsigned long)row->pool.exh,
                      (unsigned long)row->pool.bad, (unsigned long)row->boot);
        end(report, ']');
    }
    end(report, ']');
    end(report, '}');
}

static bool is_first_pool(const lab_run_t *run, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(run->pool[i].name, run->pool[index].name) == 0) {
            return false;
        }
    }
    return true;
}

static void put_pools(report_t *report)
{
    uint32_t names = 0;
    begin(report, "pools", '[');
    // A name that is new comes among the first rows after a boot: the search ends with the first few.
    for (uint32_t i = 0; i < report->run->pools && i < 16u * NAMES_MAX && names < NAMES_MAX; i++) {
        if (is_first_pool(report->run, i)) {
            names++;
            put_pool(report, i);
        }
    }
    end(report, ']');
}

static void put_tasks(report_t *report, const lab_gates_t *gates)
{
    lab_stack_t stacks[LAB_STACKS_MAX];
    const uint32_t count = lab_run_stacks(report->run, stacks);
    begin(report, "tasks", '[');
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t bytes = lab_gates_stack_bytes(gates, &stacks[i]);
        item(report, '{');
        text_field(report, "name", stacks[i].name);
        number_field(report, "priority", stacks[i].priority);
        number_field(report, "least", stacks[i].least);
        number_field(report, "last", stacks[i].last);
        number_field(report, "size", bytes);
        number_field(report, "peak", lab_stack_peak(bytes, stacks[i].least));
        end(report, '}');
    }
    end(report, ']');
}

static void put_trips(report_t *report)
{
    const lab_run_t *run = report->run;
    begin(report, "trips", '[');
    for (uint32_t i = 0; i < run->trips; i++) {
        const lab_trip_t *trip = &run->trip[i];
        item(report, '{');
        time_field(report, "t", trip->ts);
        text_field(report, "wire", trip->wire);
        text_field(report, "level", trip->level);
        text_field(report, "tag", trip->tag);
        text_field(report, "name", trip->name);
        number_field(report, "value", trip->value);
        number_field(report, "limit", trip->limit);
        begin(report, "worst", '[');
        for (uint32_t w = 0; w < trip->worst_count; w++) {
            item(report, '{');
            text_field(report, "name", trip->worst[w].name);
            number_field(report, "left", trip->worst[w].left);
            end(report, '}');
        }
        end(report, ']');
        end(report, '}');
    }
    end(report, ']');
}

static void put_harms(report_t *report)
{
    const lab_run_t *run = report->run;
    begin(report, "panics", '[');
    for (uint32_t i = 0; i < run->panics; i++) {
        item(report, '{');
        time_field(report, "t", run->panic[i].ts);
        text_field(report, "kind", run->panic[i].kind);
        text_field(report, "line", run->panic[i].line);
        text_field(report, "tag", run->panic[i].tag);
        number_field(report, "line_no", run->panic[i].line_no);
        end(report, '}');
    }
    end(report, ']');
    begin(report, "locks", '[');
    for (uint32_t i = 0; i < run->locks; i++) {
        item(report, '{');
        text_field(report, "name", run->lock[i].name);
        text_field(report, "holder", run->lock[i].holder);
        text_field(report, "waiter", run->lock[i].waiter);
        number_field(report, "held_ms", run->lock[i].held_ms);
        number_field(report, "timeouts", run->lock[i].timeouts);
        end(report, '}');
    }
    end(report, ']');
    begin(report, "refused", '[');
    for (uint32_t i = 0; i < run->refuseds; i++) {
        item(report, '{');
        time_field(report, "t", run->refused[i].ts);
        number_field(report, "size", run->refused[i].size);
        text_field(report, "caller", run->refused[i].caller);
        text_field(report, "tag", run->refused[i].tag);
        end(report, '}');
    }
    end(report, ']');
}

/// Heartbeats by their snapshot or by their own line, and where a boot begins.
static void put_times(report_t *report)
{
    const lab_run_t *run = report->run;
    uint32_t boot = run->mems > 0 ? run->mem[0].boot : 0;
    begin(report, "beats", '[');
    for (uint32_t i = 0; i < run->mems; i++) {
        if (strcmp(run->mem[i].tag, "hb") == 0) {
            (void)fprintf(report->file, "%s[%.3f,%lu", report->between,
                          since(report, run->mem[i].ts), (unsigned long)run->mem[i].boot);
            end(report, ']');
        }
    }
    end(report, ']');
    begin(report, "boots_at", '[');
    for (uint32_t i = 0; i < run->mems; i++) {
        if (run->mem[i].boot != boot) {
            boot = run->mem[i].boot;
            (void)fprintf(report->file, "%s%.3f", report->between, since(report, run->mem[i].ts));
            report->between = ",";
        }
    }
    end(report, ']');
    begin(report, "events", '[');
    for (uint32_t i = run->events > EVENTS_LAST ? run->events - EVENTS_LAST : 0; i < run->events;
         i++) {
        lab_text_t text = {0};
        (void)fputs(report->between, report->file);
        lab_run_event_json(run, i, &text);
        put_text(report->file, text.text != NULL ? text.text : "");
        lab_text_free(&text);
        report->between = ",";
    }
    end(report, ']');
}

static const lab_mem_row_t *last_of(const lab_run_t *run, const char *tag)
{
    for (uint32_t i = run->mems; i > 0; i--) {
        if (strcmp(run->mem[i - 1u].tag, tag) == 0) {
            return &run->mem[i - 1u];
        }
    }
    return NULL;
}

static void put_four(report_t *report, const char *name, const lab_memory_t *memory)
{
    (void)fprintf(report->file, ",\"%s\":[%lu,%lu,%lu,%lu]", name, (unsigned long)memory->hin,
                  (unsigned long)memory->hm, (unsigned long)memory->frag,
                  (unsigned long)memory->pf);
}

static void put_baseline(report_t *report, const lab_run_t *baseline)
{
    if (baseline == NULL) {
        (void)fputs(",\n\"baseline\":null", report->file);
        return;
    }
    const lab_run_t *run = report->run;
    char name[40];
    lab_iso8601(baseline->start_ts, name);
    begin(report, "baseline", '{');
    text_field(report, "name", name);
    begin(report, "tags", '[');
    for (uint32_t i = 0; i < run->mems; i++) {
        const lab_mem_row_t *before = last_of(baseline, run->mem[i].tag);
        if (before == NULL || last_of(run, run->mem[i].tag) != &run->mem[i]) {
            continue;
        }
        item(report, '{');
        text_field(report, "tag", run->mem[i].tag);
        put_four(report, "before", &before->memory);
        put_four(report, "now", &run->mem[i].memory);
        end(report, '}');
    }
    end(report, ']');
    end(report, '}');
}

static void put_all(report_t *report, const lab_gates_t *gates, const lab_run_t *baseline)
{
    (void)fprintf(report->file, "{\"schema\":%d", LAB_SCHEMA);
    report->between = ",";
    text_field(report, "version", HOLDFAST_VERSION);
    put_run(report);
    put_derived(report, gates);
    put_findings(report);
    put_memory(report);
    put_pools(report);
    put_tasks(report, gates);
    put_trips(report);
    put_harms(report);
    put_times(report);
    put_baseline(report, baseline);
    (void)fputs("}", report->file);
}

int lab_report_write(const lab_run_t *run, const lab_gates_t *gates, const lab_run_t *baseline,
                     const char *path)
{
    char aside[4096];
    const char *place = strstr(lab_report_page, PLACE "</script>");
    int length = snprintf(aside, sizeof aside, "%s.part", path);
    if (place == NULL || length < 0 || (size_t)length >= sizeof aside) {
        return -lab_fail(1, "report", "%s: the path is too long", path);
    }
    FILE *file = fopen(aside, "w");
    if (file == NULL) {
        return -lab_fail(1, "report", "%s: %s", aside, strerror(errno));
    }
    report_t report = {.file = file, .run = run, .between = ""};
    (void)fwrite(lab_report_page, 1, (size_t)(place - lab_report_page), file);
    put_all(&report, gates, baseline);
    (void)fputs(place + strlen(PLACE), file);
    bool is_bad = ferror(file) != 0;
    if (fclose(file) != 0 || is_bad || rename(aside, path) != 0) {
        int status = -lab_fail(1, "report", "%s: %s", path, strerror(errno));
        (void)unlink(aside);
        return status;
    }
    return 0;
}
