// SPDX-License-Identifier: MIT
// A run from the directory of its artifacts, ours or of the harness of old: what a file does not tell stays unknown. A
// line that is no JSON is passed over and counted: half a line is what a crash of the writer leaves.
#include "lab_summary.h"

#include "lab.h"
#include "lab_rows.h"
#include "lab_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(object, name, place) lab_json_copy(object, name, place, sizeof(place))

static uint32_t count_of(hf_json_t object, const char *name)
{
    uint32_t value = lab_json_u32(object, name);
    return value == LAB_UNKNOWN ? 0 : value;
}

// NULL: no memory.
static const char *name_of(lab_run_t *run, hf_json_t object, const char *member)
{
    char text[LAB_NAME_BYTES];
    TEXT(object, member, text);
    return lab_names_keep(&run->names, text);
}

static bool load_mem(lab_run_t *run, hf_json_t object)
{
    lab_mem_row_t *row = LAB_ADD(run, mem);
    if (row == NULL) {
        return false;
    }
    row->ts = lab_json_ts(object, "ts");
    row->boot = count_of(object, "boot");
    row->tag = name_of(run, object, "tag");
    row->memory = (lab_memory_t){
        .hf = lab_json_u32(object, "hf"),
        .hm = lab_json_u32(object, "hm"),
        .hl = lab_json_u32(object, "hl"),
        .hi = lab_json_u32(object, "hi"),
        .hin = lab_json_u32(object, "hin"),
        .frag = lab_json_u32(object, "frag"),
        .pf = lab_json_u32(object, "pf"),
        .pm = lab_json_u32(object, "pm"),
        .pl = lab_json_u32(object, "pl"),
    };
    return row->tag != NULL;
}

static int32_t core_of(hf_json_t object)
{
    int64_t core = lab_json_i64(object, "core", LAB_CORE_UNKNOWN);
    if (core == INT32_MAX) {
        return LAB_CORE_ANY; // what old firmware prints
    }
    return core >= LAB_CORE_ANY && core < INT32_MAX ? (int32_t)core : LAB_CORE_UNKNOWN;
}

static bool load_task(lab_run_t *run, hf_json_t object)
{
    lab_task_row_t *row = LAB_ADD(run, task);
    if (row == NULL) {
        return false;
    }
    row->ts = lab_json_ts(object, "ts");
    row->tag = name_of(run, object, "tag");
    row->boot = count_of(object, "boot");
    row->is_watermark = hf_json_is_string(hf_json_member(object, "type"), "stack_watermark");
    row->name = name_of(run, object, row->is_watermark ? "task" : "name");
    if (row->is_watermark) {
        row->units = count_of(object, "rem_units");
        row->left = lab_json_u32(object, "rem_bytes");
        row->unit_bytes = count_of(object, "unit_bytes");
        row->configured_bytes = count_of(object, "cfg_bytes");
        row->priority = LAB_UNKNOWN;
        row->core = LAB_CORE_UNKNOWN;
    } else {
        row->priority = lab_json_u32(object, "prio");
        row->core = core_of(object);
        row->left = lab_json_u32(object, "stack_rem");
    }
    return row->name != NULL && row->tag != NULL;
}

static bool load_pool(lab_run_t *run, hf_json_t object)
{
    lab_pool_row_t *row = LAB_ADD(run, pool);
    if (row == NULL) {
        return false;
    }
    row->ts = lab_json_ts(object, "ts");
    row->tag = name_of(run, object, "tag");
    row->boot = count_of(object, "boot");
    row->name = name_of(run, object, "name");
    row->pool = (lab_pool_t){
        .size = count_of(object, "size"),
        .cap = count_of(object, "cap"),
        .use = count_of(object, "use"),
        .peak = count_of(object, "peak"),
        .min = count_of(object, "min"),
        .exh = count_of(object, "exh"),
        .bad = count_of(object, "bad"),
    };
    return row->name != NULL && row->tag != NULL;
}

static char *copy_text(hf_json_t value)
{
    char *text = malloc(value.raw.length + 1u);
    if (text != NULL && hf_json_string(value, text, value.raw.length + 1u) != HF_OK) {
        free(text);
        text = NULL;
    }
    return text;
}

static bool load_health(lab_run_t *run, hf_json_t object)
{
    lab_health_row_t *row = LAB_ADD(run, health);
    if (row == NULL) {
        return false;
    }
    row->ts = lab_json_ts(object, "ts");
    TEXT(object, "label", row->label);
    TEXT(object, "url", row->url);
    row->http_status = (int)lab_json_i64(object, "http_status", 0);
    row->is_skipped = lab_json_bool(object, "skipped");
    row->body = copy_text(hf_json_member(object, "body"));
    hf_json_t headers = hf_json_member(object, "headers");
    if (headers.type == HF_JSON_OBJECT) {
        row->headers = strndup(headers.raw.text, headers.raw.length);
    }
    return true;
}

static bool load_lock(lab_run_t *run, hf_json_t object)
{
    lab_lock_row_t *row = LAB_ADD(run, lock);
    if (row == NULL) {
        return false;
    }
    row->ts = lab_json_ts(object, "ts");
    TEXT(object, "tag", row->tag);
    row->boot = count_of(object, "boot");
    row->held_ms = count_of(object, "held_ms");
    row->timeouts = count_of(object, "timeouts");
    TEXT(object, "name", row->name);
    TEXT(object, "holder", row->holder);
    TEXT(object, "waiter", row->waiter);
    return true;
}

static bool load_refused(lab_run_t *run, hf_json_t object)
{
    lab_refused_row_t *row = LAB_ADD(run, refused);
    if (row == NULL) {
        return false;
    }
    row->ts = lab_json_ts(object, "ts");
    row->boot = count_of(object, "boot");
    row->size = lab_json_u32(object, "size");
    TEXT(object, "caller", row->caller);
    TEXT(object, "tag", row->tag);
    return true;
}

static bool load_stack(lab_run_t *run, hf_json_t object)
{
    char name[LAB_NAME_BYTES];
    uint32_t bytes = count_of(object, "size");
    TEXT(object, "name", name);
    return bytes == 0 || lab_stack_told(run, count_of(object, "boot"), name, bytes) == 0;
}

// Whether the event is what the next row of `of` says, to the byte: then it is that row.
static bool is_next_row(lab_run_t *run, lab_event_of_t of, uint32_t count, hf_json_t object)
{
    lab_text_t text = {0};
    if (run->events_of[of] == count || lab_rows_refer(run, of) != 0) {
        return false;
    }
    lab_run_event_json(run, run->events - 1u, &text);
    bool is_it =
        text.length == object.raw.length && memcmp(text.text, object.raw.text, text.length) == 0;
    lab_text_free(&text);
    if (!is_it) {
        run->events--;
        run->events_of[of]--;
    }
    return is_it;
}

static bool load_note(lab_run_t *run, hf_json_t object)
{
    char *json = strndup(object.raw.text, object.raw.length);
    return json != NULL && lab_rows_note(run, lab_json_ts(object, "ts"), json) == 0;
}

static bool load_event(lab_run_t *run, hf_json_t object)
{
    hf_json_t type = hf_json_member(object, "type");
    bool is_task = hf_json_is_string(type, "task") || hf_json_is_string(type, "stack_watermark");
    if ((hf_json_is_string(type, "mem") && is_next_row(run, LAB_OF_MEM, run->mems, object)) ||
        (is_task && is_next_row(run, LAB_OF_TASK, run->tasks, object)) ||
        (hf_json_is_string(type, "pool") && is_next_row(run, LAB_OF_POOL, run->pools, object))) {
        return true;
    }
    if (!load_note(run, object)) {
        return false;
    }
    if (hf_json_is_string(type, "lock")) {
        return load_lock(run, object);
    }
    if (hf_json_is_string(type, "stack")) {
        return load_stack(run, object);
    }
    return hf_json_is_string(type, "refused") ? load_refused(run, object) : true;
}

typedef struct file_of_rows {
    const char *name;
    bool (*load)(lab_run_t *run, hf_json_t object);
} file_of_rows_t;

static int load_stream(lab_run_t *run, const char *dir, const file_of_rows_t *rows, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t got;
    unsigned bad = 0;
    bool good = true;
    errno = 0;
    while (good && (got = getline(&line, &room, file)) > 0) {
        size_t length = (size_t)got - (line[got - 1] == '\n' ? 1u : 0u);
        hf_json_t root;
        if (hf_json_parse(line, length, &root) == HF_OK && root.type == HF_JSON_OBJECT) {
            good = rows->load(run, root);
        } else {
            bad += length > 0 ? 1u : 0u;
        }
    }
    free(line);
    if (!good || ferror(file) != 0) {
        return lab_fail(-1, "", "%s/%s cannot be read whole: %s", dir, rows->name,
                        good ? strerror(errno) : "no memory");
    }
    if (bad > 0) {
        (void)lab_fail(0, "", "%s/%s: %u lines are no JSON and were passed over", dir, rows->name,
                       bad);
    }
    return 0;
}

// A file that is not there has no rows.
static int load_lines(lab_run_t *run, const char *dir, const file_of_rows_t *rows)
{
    FILE *file = lab_file_open(dir, rows->name);
    if (file == NULL) {
        return errno == ENOENT
                   ? 0
                   : lab_fail(-1, "", "%s/%s cannot be read: %s", dir, rows->name, strerror(errno));
    }
    int status = load_stream(run, dir, rows, file);
    (void)fclose(file);
    return status;
}

// ---- summary.json ---------------------------------------------------------------------------------------------------

static void load_worst(lab_trip_t *trip, hf_json_t list)
{
    hf_json_walk_t walk = {.container = list};
    while (hf_json_next(&walk) && trip->worst_count < sizeof trip->worst / sizeof trip->worst[0]) {
        uint32_t i = trip->worst_count++;
        TEXT(walk.value, "name", trip->worst[i].name);
        trip->worst[i].left = lab_json_u32(walk.value, "stack_rem");
        trip->worst[i].priority = lab_json_u32(walk.value, "prio");
        trip->worst[i].core = core_of(walk.value);
    }
}

static bool load_trip(lab_run_t *run, hf_json_t object)
{
    lab_trip_t *trip = LAB_ADD(run, trip);
    if (trip == NULL) {
        return false;
    }
    trip->ts = lab_json_ts(object, "ts");
    trip->boot = count_of(object, "boot");
    trip->value = count_of(object, "value");
    trip->limit = count_of(object, "limit");
    TEXT(object, "wire", trip->wire);
    TEXT(object, "level", trip->level);
    TEXT(object, "tag", trip->tag);
    TEXT(object, "name", trip->name);
    load_worst(trip, hf_json_member(object, "worst_stacks"));
    return true;
}

static bool load_panic(lab_run_t *run, hf_json_t object)
{
    lab_panic_t *panic = LAB_ADD(run, panic);
    if (panic == NULL) {
        return false;
    }
    panic->ts = lab_json_ts(object, "ts");
    panic->boot = count_of(object, "boot");
    panic->line_no = count_of(object, "line_no");
    TEXT(object, "kind", panic->kind);
    TEXT(object, "line", panic->line);
    TEXT(object, "tag", panic->tag);
    return true;
}

static bool load_reset(lab_run_t *run, hf_json_t object)
{
    lab_reset_row_t *row = LAB_ADD(run, reset);
    if (row == NULL) {
        return false;
    }
    row->ts = lab_json_ts(object, "ts");
    row->boot = count_of(object, "boot");
    row->code = lab_json_u32(object, "code");
    row->is_expected = lab_json_bool(object, "expected");
    TEXT(object, "marker", row->marker);
    TEXT(object, "reason", row->reason);
    TEXT(object, "tag", row->tag);
    return true;
}

static double seconds_of(hf_json_t object, const char *name)
{
    int64_t millis = 0;
    return hf_json_fixed(hf_json_member(object, name), 3, &millis) == HF_OK && millis > 0
               ? (double)millis / 1000.0
               : 0;
}

static bool load_step(lab_run_t *run, hf_json_t object)
{
    lab_step_t *step = lab_run_plan(run, "", "");
    if (step == NULL) {
        return false;
    }
    hf_json_t result = hf_json_member(object, "result");
    TEXT(object, "id", step->id);
    TEXT(object, "title", step->title);
    TEXT(object, "why", step->why);
    step->result = hf_json_is_string(result, "passed")    ? LAB_STEP_PASSED
                   : hf_json_is_string(result, "failed")  ? LAB_STEP_FAILED
                   : hf_json_is_string(result, "skipped") ? LAB_STEP_SKIPPED
                                                          : LAB_STEP_PLANNED;
    step->seconds = seconds_of(object, "seconds");
    return true;
}

static bool load_finding(lab_run_t *run, hf_json_t object)
{
    lab_finding_t *finding = LAB_ADD(run, finding);
    if (finding == NULL) {
        return false;
    }
    TEXT(object, "gate", finding->gate);
    TEXT(object, "text", finding->text);
    return true;
}

static bool load_list(lab_run_t *run, hf_json_t summary, const char *name,
                      bool (*load)(lab_run_t *run, hf_json_t object))
{
    hf_json_walk_t walk = {.container = hf_json_member(summary, name)};
    if (walk.container.type != HF_JSON_ARRAY) {
        return true;
    }
    while (hf_json_next(&walk)) {
        if (!load(run, walk.value)) {
            return false;
        }
    }
    return true;
}

// The harness of old kept the first of each in `derived` alone.
static bool load_derived(lab_run_t *run, hf_json_t derived)
{
    hf_json_t trip = hf_json_member(derived, "tripwire");
    hf_json_t panic = hf_json_member(derived, "panic");
    if (run->trips == 0 && lab_json_bool(trip, "fired")) {
        if (!load_trip(run, trip)) {
            return false;
        }
        lab_copy(run->trip[0].wire, sizeof run->trip[0].wire, "internal_min");
        lab_copy(run->trip[0].level, sizeof run->trip[0].level, "trip");
        run->trip[0].value = count_of(trip, "hin");
        run->trip[0].limit = count_of(trip, "threshold");
    }
    return run->panics > 0 || !lab_json_bool(panic, "detected") || load_panic(run, panic);
}

static bool load_summary(lab_run_t *run, hf_json_t summary)
{
    hf_json_t git = hf_json_member(summary, "git");
    TEXT(summary, "scenario_key", run->key);
    TEXT(summary, "scenario_title", run->title);
    TEXT(summary, "scenario_description", run->description);
    TEXT(summary, "port", run->device);
    TEXT(summary, "firmware_version", run->firmware);
    TEXT(summary, "initial_ip", run->initial_ip);
    TEXT(summary, "final_ip", run->final_ip);
    TEXT(summary, "replay", run->replay);
    TEXT(summary, "inconclusive", run->why_inconclusive);
    TEXT(git, "commit", run->git.commit);
    TEXT(git, "branch", run->git.branch);
    TEXT(git, "status_porcelain", run->git.status);
    run->is_inconclusive = run->why_inconclusive[0] != '\0';
    run->start_ts = lab_json_ts(summary, "start_ts");
    run->played_s = seconds_of(summary, "played_s");
    run->end_ts = lab_json_ts(summary, "end_ts");
    run->baud = count_of(summary, "baud");
    run->seed = (uint64_t)lab_json_i64(summary, "seed", 0);
    run->boots = count_of(summary, "boots");
    run->unexpected_resets = count_of(summary, "unexpected_resets");
    return load_list(run, summary, "panics", load_panic) &&
           load_list(run, summary, "trips", load_trip) &&
           load_list(run, summary, "resets", load_reset) &&
           load_list(run, summary, "steps", load_step) &&
           load_list(run, summary, "findings", load_finding) &&
           load_derived(run, hf_json_member(summary, "derived"));
}

static int load_summary_file(lab_run_t *run, const char *dir)
{
    size_t length;
    hf_json_t root;
    char *text = lab_file_read(dir, "summary.json", &length);
    if (text == NULL) {
        return errno == ENOENT
                   ? lab_fail(1, "", "%s has no summary.json: that run did not come to its end",
                              dir)
                   : lab_fail(-1, "", "%s/summary.json cannot be read: %s", dir, strerror(errno));
    }
    int status = 0;
    if (hf_json_parse(text, length, &root) != HF_OK || root.type != HF_JSON_OBJECT) {
        status = lab_fail(-1, "", "%s/summary.json is no JSON object", dir);
    } else if (lab_json_i64(root, "schema", LAB_SCHEMA) > LAB_SCHEMA) {
        status = lab_fail(-1, "", "%s was written by a later version (schema %lld)", dir,
                          (long long)lab_json_i64(root, "schema", 0));
    } else if (!load_summary(run, root)) {
        status = lab_fail(-1, "", "%s/summary.json: no memory", dir);
    }
    free(text);
    return status;
}

int lab_run_load(lab_run_t *run, const char *dir)
{
    static const file_of_rows_t files[] = {{"mem.jsonl", load_mem},
                                           {"tasks.jsonl", load_task},
                                           {"pools.jsonl", load_pool},
                                           {"health.jsonl", load_health},
                                           {"events.jsonl", load_event}};
    lab_run_init(run);
    int status = load_summary_file(run, dir);
    if (status >= 0) {
        int rows = 0;
        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
            rows |= load_lines(run, dir, &files[i]);
        }
        if (rows == 0 && status == 1 && run->mems + run->events == 0) {
            rows = lab_fail(-1, "", "%s is no directory of a run", dir);
        }
        status = rows;
        if (status == 0 && run->start_ts == 0 && run->events > 0) {
            run->start_ts = lab_run_event_ts(run, 0);
            run->end_ts = lab_run_event_ts(run, run->events - 1u);
        }
    }
    if (status != 0) {
        lab_run_free(run);
        return -1;
    }
    return 0;
}
