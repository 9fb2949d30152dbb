// SPDX-License-Identifier: MIT
// What a run comes to. The members that the harness of old wrote keep their names, their place and their meaning; what
// is new stands beside them: schema, verdict, findings, steps, resets, panics, trips, pools.
#include "lab_summary.h"

#include "lab.h"

#include <stdlib.h>
#include <string.h>

#define TAGS_MAX 512u

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

uint32_t lab_run_tags(const lab_run_t *run, const char **tags, uint32_t max)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < run->mems && count < max; i++) {
        uint32_t at = 0;
        while (at < count && strcmp(tags[at], run->mem[i].tag) != 0) {
            at++;
        }
        if (at == count && run->mem[i].tag[0] != '\0') {
            tags[count++] = run->mem[i].tag;
        }
    }
    qsort(tags, count, sizeof tags[0], by_text);
    return count;
}

const lab_trip_t *lab_run_tripwire(const lab_run_t *run)
{
    for (uint32_t i = 0; i < run->trips; i++) {
        if (strcmp(run->trip[i].wire, "internal_min") == 0 &&
            strcmp(run->trip[i].level, "trip") == 0) {
            return &run->trip[i];
        }
    }
    return NULL;
}

const char *lab_step_text(const lab_step_t *step)
{
    static const char *const texts[] = {"planned", "passed", "failed", "skipped"};
    return texts[step->result];
}

// ---- JSON -----------------------------------------------------------------------------------------------------------

static void text_member(lab_object_t *object, const char *key, const char *text)
{
    lab_object_string(object, key, text[0] != '\0' ? text : NULL);
}

static void add_artifacts(lab_object_t *summary, const char *dir)
{
    static const char *const files[][2] = {
        {"serial", "serial.log"},    {"structured", "events.jsonl"}, {"mem", "mem.jsonl"},
        {"health", "health.jsonl"},  {"tasks", "tasks.jsonl"},       {"pools", "pools.jsonl"},
        {"summary", "summary.json"}, {"summary_md", "summary.md"},
    };
    lab_object_t paths;
    lab_object_begin(&paths);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[4200];
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i][1]);
        lab_object_string(&paths, files[i][0], path);
    }
    lab_object_nest(summary, "artifacts", &paths);
}

static void begin_item(lab_text_t *list, uint32_t index)
{
    lab_text_put(list, index == 0 ? "[" : ", ");
}

static void end_list(lab_object_t *object, const char *key, lab_text_t *list, uint32_t count)
{
    lab_text_put(list, count == 0 ? "[]" : "]");
    lab_object_raw(object, key, list->text != NULL ? list->text : "[]", list->length);
    object->values.failed |= list->failed;
    lab_text_free(list);
}

static void add_worst(lab_object_t *object, const lab_trip_t *trip)
{
    lab_text_t list = {0};
    for (uint32_t i = 0; i < trip->worst_count; i++) {
        lab_object_t task;
        begin_item(&list, i);
        lab_object_begin(&task);
        lab_object_string(&task, "name", trip->worst[i].name);
        lab_object_u32(&task, "stack_rem", trip->worst[i].left);
        lab_object_u32(&task, "prio", trip->worst[i].priority);
        if (trip->worst[i].core == LAB_CORE_UNKNOWN) {
            lab_object_raw(&task, "core", "null", 4);
        } else {
            lab_object_number(&task, "core", trip->worst[i].core);
        }
        lab_object_end(&task, &list);
    }
    end_list(object, "worst_stacks", &list, trip->worst_count);
}

static void add_tripwire(lab_object_t *derived, const lab_run_t *run)
{
    const lab_trip_t *trip = lab_run_tripwire(run);
    lab_object_t object;
    lab_object_begin(&object);
    lab_object_bool(&object, "fired", trip != NULL);
    if (trip != NULL) {
        lab_object_ts(&object, "ts", trip->ts);
        lab_object_string(&object, "tag", trip->tag);
        lab_object_u32(&object, "hin", trip->value);
        lab_object_u32(&object, "threshold", trip->limit);
        add_worst(&object, trip);
    }
    lab_object_nest(derived, "tripwire", &object);
}

static void put_panic(lab_object_t *object, const lab_panic_t *panic)
{
    lab_object_string(object, "kind", panic->kind);
    lab_object_string(object, "line", panic->line);
    lab_object_u32(object, "line_no", panic->line_no);
}

static void add_derived(lab_object_t *summary, const lab_run_t *run)
{
    lab_object_t derived, panic;
    lab_object_begin(&derived);
    if (run->mems > 0) {
        const char *tags[TAGS_MAX];
        uint32_t count = lab_run_tags(run, tags, TAGS_MAX);
        lab_text_t list = {0};
        for (uint32_t i = 0; i < count; i++) {
            begin_item(&list, i);
            lab_text_quote(&list, tags[i]);
        }
        lab_object_u32(&derived, "hin_min", lab_run_hin_min(run));
        lab_object_u32(&derived, "hm_min", lab_run_hm_min(run));
        lab_object_u32(&derived, "pf_min", lab_run_pf_min(run));
        lab_object_u32(&derived, "pm_min", lab_run_pm_min(run));
        lab_object_u32(&derived, "frag_max", lab_run_frag_max(run));
        end_list(&derived, "tags", &list, count);
    }
    add_tripwire(&derived, run);
    lab_object_begin(&panic);
    lab_object_bool(&panic, "detected", run->panics > 0);
    if (run->panics > 0) {
        put_panic(&panic, &run->panic[0]);
    }
    lab_object_nest(&derived, "panic", &panic);
    lab_object_nest(summary, "derived", &derived);
}

static void add_panics_and_trips(lab_object_t *summary, const lab_run_t *run)
{
    lab_text_t list = {0};
    lab_object_t object;
    for (uint32_t i = 0; i < run->panics; i++) {
        begin_item(&list, i);
        lab_object_begin(&object);
        put_panic(&object, &run->panic[i]);
        lab_object_string(&object, "tag", run->panic[i].tag);
        lab_object_u32(&object, "boot", run->panic[i].boot);
        lab_object_ts(&object, "ts", run->panic[i].ts);
        lab_object_end(&object, &list);
    }
    end_list(summary, "panics", &list, run->panics);
    for (uint32_t i = 0; i < run->trips; i++) {
        const lab_trip_t *trip = &run->trip[i];
        begin_item(&list, i);
        lab_object_begin(&object);
        lab_object_string(&object, "wire", trip->wire);
        lab_object_string(&object, "level", trip->level);
        lab_object_string(&object, "tag", trip->tag);
        lab_object_string(&object, "name", trip->name);
        lab_object_u32(&object, "value", trip->value);
        lab_object_u32(&object, "limit", trip->limit);
        lab_object_u32(&object, "boot", trip->boot);
        lab_object_ts(&object, "ts", trip->ts);
        add_worst(&object, trip);
        lab_object_end(&object, &list);
    }
    end_list(summary, "trips", &list, run->trips);
}

static void add_resets(lab_object_t *summary, const lab_run_t *run)
{
    lab_text_t list = {0};
    lab_object_t object;
    for (uint32_t i = 0; i < run->resets; i++) {
        const lab_reset_row_t *row = &run->reset[i];
        begin_item(&list, i);
        lab_object_begin(&object);
        lab_object_ts(&object, "ts", row->ts);
        lab_object_u32(&object, "boot", row->boot);
        lab_object_u32(&object, "code", row->code);
        lab_object_bool(&object, "expected", row->is_expected);
        lab_object_string(&object, "marker", row->marker);
        lab_object_string(&object, "reason", row->reason);
        lab_object_string(&object, "tag", row->tag);
        lab_object_end(&object, &list);
    }
    end_list(summary, "resets", &list, run->resets);
    lab_object_u32(summary, "boots", run->boots);
    lab_object_u32(summary, "unexpected_resets", run->unexpected_resets);
}

static void add_steps(lab_object_t *summary, const lab_run_t *run)
{
    lab_text_t list = {0};
    lab_object_t object;
    for (uint32_t i = 0; i < run->steps; i++) {
        begin_item(&list, i);
        lab_object_begin(&object);
        lab_object_string(&object, "id", run->step[i].id);
        lab_object_string(&object, "title", run->step[i].title);
        lab_object_string(&object, "result", lab_step_text(&run->step[i]));
        lab_object_string(&object, "why", run->step[i].why);
        lab_object_real(&object, "seconds", run->step[i].seconds);
        lab_object_end(&object, &list);
    }
    end_list(summary, "steps", &list, run->steps);
    for (uint32_t i = 0; i < run->findings; i++) {
        begin_item(&list, i);
        lab_object_begin(&object);
        lab_object_string(&object, "gate", run->finding[i].gate);
        lab_object_string(&object, "text", run->finding[i].text);
        lab_object_end(&object, &list);
    }
    end_list(summary, "findings", &list, run->findings);
}

static const char *verdict_text(const lab_run_t *run)
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

void lab_summary_json(const lab_run_t *run, const char *dir, lab_text_t *out)
{
    lab_object_t summary, git;
    lab_object_begin(&summary);
    lab_object_number(&summary, "schema", LAB_SCHEMA);
    text_member(&summary, "scenario", run->key);
    text_member(&summary, "scenario_key", run->key);
    text_member(&summary, "scenario_title", run->title);
    text_member(&summary, "scenario_description", run->description);
    lab_object_ts(&summary, "start_ts", run->start_ts);
    lab_object_ts(&summary, "end_ts", run->end_ts);
    text_member(&summary, "port", run->device);
    lab_object_number(&summary, "baud", run->baud);
    text_member(&summary, "initial_ip", run->initial_ip);
    text_member(&summary, "final_ip", run->final_ip);
    text_member(&summary, "firmware_version", run->firmware);
    lab_object_begin(&git);
    lab_object_string(&git, "commit", run->git.commit);
    lab_object_string(&git, "branch", run->git.branch);
    lab_object_string(&git, "status_porcelain", run->git.status);
    lab_object_nest(&summary, "git", &git);
    add_artifacts(&summary, dir);
    add_derived(&summary, run);
    add_panics_and_trips(&summary, run);
    add_resets(&summary, run);
    add_steps(&summary, run);
    lab_object_real(&summary, "played_s", run->played_s);
    lab_object_number(&summary, "seed", (int64_t)(run->seed & INT64_MAX));
    text_member(&summary, "replay", run->replay);
    lab_object_string(&summary, "verdict", verdict_text(run));
    lab_object_string(&summary, "inconclusive",
                      run->is_inconclusive ? run->why_inconclusive : NULL);
    lab_object_end(&summary, out);
    lab_text_put(out, "\n");
}

// ---- Markdown -------------------------------------------------------------------------------------------------------

// What is unknown reads as the harness of old told it.
static void figure(lab_text_t *out, const char *label, uint32_t value, const char *unit)
{
    if (value == LAB_UNKNOWN) {
        lab_text_print(out, "- %s: None%s\n", label, unit);
    } else {
        lab_text_print(out, "- %s: %u%s\n", label, value, unit);
    }
}

static void markdown_head(const lab_run_t *run, lab_text_t *out)
{
    char start[40], end[40];
    lab_iso8601(run->start_ts, start);
    lab_iso8601(run->end_ts, end);
    lab_text_print(out, "# %s (%s)\n", run->title[0] != '\0' ? run->title : "Memory test run",
                   run->key);
    if (run->description[0] != '\0') {
        lab_text_print(out, "\n%s\n", run->description);
    }
    lab_text_print(out, "\n## Run\n- Start: %s\n- End: %s\n", start, end);
    lab_text_print(out, "- Firmware: v%s\n- IP: %s\n",
                   run->firmware[0] != '\0' ? run->firmware : "None",
                   run->final_ip[0] != '\0' ? run->final_ip : "None");
    lab_text_print(out, "- Serial: %s @ %u\n", run->device, run->baud);
    if (run->git.commit[0] != '\0' || run->git.branch[0] != '\0') {
        lab_text_put(out, "\n## Git\n");
        if (run->git.branch[0] != '\0') {
            lab_text_print(out, "- Branch: %s\n", run->git.branch);
        }
        if (run->git.commit[0] != '\0') {
            lab_text_print(out, "- Commit: %s\n", run->git.commit);
        }
        lab_text_put(out, run->git.status[0] != '\0' ? "- Dirty: yes\n" : "");
    }
}

static void markdown_derived(const lab_run_t *run, lab_text_t *out)
{
    const char *tags[TAGS_MAX];
    lab_text_put(out, "\n## Derived\n");
    if (run->mems == 0) {
        lab_text_put(out, "- (no derived metrics; mem.jsonl empty)\n");
        return;
    }
    figure(out, "Internal heap min (hin_min)", lab_run_hin_min(run), " B");
    figure(out, "Internal heap min-available (hm_min)", lab_run_hm_min(run), " B");
    figure(out, "PSRAM free min (pf_min)", lab_run_pf_min(run), " B");
    figure(out, "PSRAM min-available (pm_min)", lab_run_pm_min(run), " B");
    figure(out, "Max internal fragmentation (frag_max)", lab_run_frag_max(run), "%");
    uint32_t count = lab_run_tags(run, tags, TAGS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        lab_text_print(out, "%s%s", i == 0 ? "- Tags: " : ", ", tags[i]);
    }
    lab_text_put(out, count > 0 ? "\n" : "");
}

static void markdown_trip_and_panic(const lab_run_t *run, lab_text_t *out)
{
    const lab_trip_t *trip = lab_run_tripwire(run);
    if (trip != NULL) {
        lab_text_print(out, "\n## Tripwire\n- Fired: yes (tag=%s hin=%u B < %u B)\n", trip->tag,
                       trip->value, trip->limit);
        for (uint32_t i = 0; i < trip->worst_count; i++) {
            lab_text_print(out, "%s%s %uB", i == 0 ? "- Worst stack margins: " : ", ",
                           trip->worst[i].name, trip->worst[i].left);
        }
        lab_text_put(out, trip->worst_count > 0 ? "\n" : "");
    }
    if (run->panics > 0) {
        lab_text_print(out, "\n## Panic\n- Detected: yes (kind=%s, line=%u)\n- Marker: %s\n",
                       run->panic[0].kind, run->panic[0].line_no, run->panic[0].line);
    }
}

static void markdown_verdict(const lab_run_t *run, lab_text_t *out)
{
    lab_text_print(out, "\n## Verdict\n- %s%s%s\n", verdict_text(run),
                   run->is_inconclusive ? ": " : "", run->why_inconclusive);
    if (lab_run_lost_marks(run) > 0) {
        lab_text_print(out, "- Snapshots that the probe lost: %u\n", lab_run_lost_marks(run));
    }
    for (uint32_t i = 0; i < run->findings; i++) {
        lab_text_print(out, "- %s: %s\n", run->finding[i].gate, run->finding[i].text);
    }
    if (run->findings > 0 && run->replay[0] != '\0') {
        lab_text_print(out, "- Again: `%s`\n", run->replay);
    }
}

static void cell(lab_text_t *out, uint32_t value)
{
    if (value == LAB_UNKNOWN) {
        lab_text_put(out, "  |");
    } else {
        lab_text_print(out, " %u |", value);
    }
}

static void markdown_rows(const lab_run_t *run, lab_text_t *out)
{
    lab_text_put(out, "\n## Mem snapshots\n");
    if (run->mems == 0) {
        lab_text_put(out, "- (no [Mem] snapshots captured)\n");
        return;
    }
    lab_text_put(out, "| tag | hf | hm | hl | hi | hin | frag% | pf | pm | pl |\n"
                      "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    for (uint32_t i = 0; i < run->mems; i++) {
        const lab_memory_t *memory = &run->mem[i].memory;
        const uint32_t values[] = {memory->hf,   memory->hm, memory->hl, memory->hi, memory->hin,
                                   memory->frag, memory->pf, memory->pm, memory->pl};
        lab_text_print(out, "| %s |", run->mem[i].tag);
        for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
            cell(out, values[k]);
        }
        lab_text_put(out, "\n");
    }
}

void lab_summary_markdown(const lab_run_t *run, const char *dir, lab_text_t *out)
{
    static const char *const files[][2] = {
        {"summary", "summary.json"},    {"summary_md", "summary.md"}, {"serial", "serial.log"},
        {"structured", "events.jsonl"}, {"mem", "mem.jsonl"},         {"tasks", "tasks.jsonl"},
        {"health", "health.jsonl"},     {"pools", "pools.jsonl"},
    };
    markdown_head(run, out);
    markdown_derived(run, out);
    markdown_trip_and_panic(run, out);
    markdown_verdict(run, out);
    lab_text_put(out, "\n## Artifacts\n");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        lab_text_print(out, "- %s: %s/%s\n", files[i][0], dir, files[i][1]);
    }
    markdown_rows(run, out);
}
