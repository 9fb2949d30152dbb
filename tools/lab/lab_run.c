// SPDX-License-Identifier: MIT
// A run's record: its rows, what is added by hand, what is read off it. Feeding is in lab_feed.c.
#include "lab_rows.h"

#include "lab.h"
#include "lab_json.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void lab_run_init(lab_run_t *run)
{
    memset(run, 0, sizeof *run);
    run->last_up_ms = LAB_UNKNOWN;
    run->last_beat_s = LAB_UNKNOWN;
    run->last_tag = "";
}

void lab_run_free(lab_run_t *run)
{
    for (uint32_t i = 0; i < run->healths; i++) {
        free(run->health[i].body);
        free(run->health[i].headers);
    }
    for (uint32_t i = 0; i < run->notes; i++) {
        free(run->note[i].json);
    }
    void *rows[] = {run->mem,   run->task,  run->stack, run->pool,   run->health,
                    run->note,  run->event, run->lock,  run->reset,  run->refused,
                    run->panic, run->trip,  run->step,  run->finding};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        free(rows[i]);
    }
    lab_names_free(&run->names);
    lab_run_init(run);
}

void *lab_rows_add(void *rows, uint32_t *count, size_t size)
{
    void *array;
    uint32_t have = *count;
    memcpy(&array, rows, sizeof array);
    if ((have & (have - 1u)) == 0) { // 0, 1, 2, 4, ...: full
        array = realloc(array, (have == 0 ? 1u : (size_t)have * 2u) * size);
        if (array == NULL) {
            return NULL;
        }
        memcpy(rows, &array, sizeof array);
    }
    char *row = (char *)array + (size_t)have * size;
    memset(row, 0, size);
    *count = have + 1u;
    return row;
}

void lab_copy(char *out, size_t capacity, const char *text)
{
    size_t length = strlen(text);
    if (length >= capacity) {
        length = capacity - 1u;
        while (length > 0 && ((unsigned char)text[length] & 0xC0u) == 0x80u) {
            length--;
        }
    }
    memmove(out, text, length);
    out[length] = '\0';
}

int lab_rows_refer(lab_run_t *run, lab_event_of_t of)
{
    lab_event_row_t *row = run->events_of[of] < LAB_EVENT(1, 0) ? LAB_ADD(run, event) : NULL;
    if (row == NULL) {
        return -1;
    }
    *row = LAB_EVENT(of, run->events_of[of]++);
    return 0;
}

int lab_rows_note(lab_run_t *run, double now, char *json)
{
    lab_note_row_t *row = LAB_ADD(run, note);
    if (row == NULL) {
        free(json);
        return -1;
    }
    *row = (lab_note_row_t){.ts = now, .json = json};
    return lab_rows_refer(run, LAB_OF_NOTE);
}

int lab_rows_event(lab_run_t *run, double now, const char *type, lab_object_t *object)
{
    lab_text_t text = {0};
    lab_object_string(object, "type", type);
    lab_object_ts(object, "ts", now);
    lab_object_end(object, &text);
    if (text.failed) {
        lab_text_free(&text);
        return -1;
    }
    return lab_rows_note(run, now, text.text);
}

int lab_run_event(lab_run_t *run, double now, const char *type, const char *members)
{
    lab_text_t text = {0};
    hf_json_t root;
    lab_object_t object;
    bool is_object = members != NULL && members[0] == '{';
    lab_text_print(&text, is_object ? "%s" : "{%s}", members != NULL ? members : "");
    if (text.failed || hf_json_parse(text.text, text.length, &root) != HF_OK) {
        lab_text_free(&text);
        return -1;
    }
    lab_object_begin(&object);
    hf_json_walk_t walk = {.container = root};
    while (hf_json_next(&walk)) {
        char key[40];
        if (hf_json_string(walk.name, key, sizeof key) == HF_OK && strcmp(key, "ts") != 0 &&
            strcmp(key, "type") != 0) {
            lab_object_raw(&object, key, walk.value.raw.text, walk.value.raw.length);
        }
    }
    lab_text_free(&text);
    return lab_rows_event(run, now, type, &object);
}

void lab_run_event_json(const lab_run_t *run, uint32_t event, lab_text_t *out)
{
    static const char *const types[] = {
        [LAB_OF_MEM] = "mem", [LAB_OF_TASK] = "task", [LAB_OF_POOL] = "pool"};
    const lab_event_of_t of = LAB_EVENT_OF(run->event[event]);
    const uint32_t at = LAB_EVENT_AT(run->event[event]);
    lab_object_t object;
    if (of == LAB_OF_NOTE) {
        lab_text_put(out, run->note[at].json);
        return;
    }
    lab_object_begin(&object);
    if (of == LAB_OF_MEM) {
        lab_mem_fields(&object, &run->mem[at]);
    } else if (of == LAB_OF_TASK) {
        lab_task_fields(&object, &run->task[at]);
    } else {
        lab_pool_fields(&object, &run->pool[at]);
    }
    const bool is_watermark = of == LAB_OF_TASK && run->task[at].is_watermark;
    lab_object_string(&object, "type", is_watermark ? "stack_watermark" : types[of]);
    lab_object_ts(&object, "ts", lab_run_event_ts(run, event));
    lab_object_end(&object, out);
}

double lab_run_event_ts(const lab_run_t *run, uint32_t event)
{
    const uint32_t at = LAB_EVENT_AT(run->event[event]);
    switch (LAB_EVENT_OF(run->event[event])) {
    case LAB_OF_MEM:
        return run->mem[at].ts;
    case LAB_OF_TASK:
        return run->task[at].ts;
    case LAB_OF_POOL:
        return run->pool[at].ts;
    default:
        return run->note[at].ts;
    }
}

int lab_run_health(lab_run_t *run, double now, const char *label, const char *url, int http_status,
                   const char *body)
{
    lab_health_row_t *row = LAB_ADD(run, health);
    if (row == NULL) {
        return -1;
    }
    row->ts = now;
    lab_copy(row->label, sizeof row->label, label);
    lab_copy(row->url, sizeof row->url, url != NULL ? url : "");
    row->http_status = http_status;
    row->is_skipped = url == NULL;
    row->body = body != NULL ? strdup(body) : NULL;
    return body != NULL && row->body == NULL ? -1 : 0;
}

int lab_run_health_headers(lab_run_t *run, const char *headers)
{
    if (run->healths == 0 || headers == NULL) {
        return 0;
    }
    lab_health_row_t *row = &run->health[run->healths - 1u];
    free(row->headers);
    row->headers = strdup(headers);
    return row->headers != NULL ? 0 : -1;
}

lab_step_t *lab_run_plan(lab_run_t *run, const char *id, const char *title)
{
    if (run->step == NULL) {
        run->step = calloc(LAB_STEPS_MAX, sizeof *run->step);
    }
    if (run->step == NULL || run->steps == LAB_STEPS_MAX) {
        return NULL;
    }
    lab_step_t *step = &run->step[run->steps++];
    lab_copy(step->id, sizeof step->id, id);
    lab_copy(step->title, sizeof step->title, title);
    return step;
}

void lab_run_inconclusive(lab_run_t *run, const char *format, ...)
{
    va_list args;
    if (run->is_inconclusive) {
        return; // the first reason stays
    }
    run->is_inconclusive = true;
    va_start(args, format);
    (void)vsnprintf(run->why_inconclusive, sizeof run->why_inconclusive, format, args);
    va_end(args);
}

void lab_run_find(lab_run_t *run, const char *gate, const char *format, ...)
{
    va_list args;
    lab_finding_t *row = LAB_ADD(run, finding);
    if (row == NULL) {
        lab_run_inconclusive(run, "no memory for a finding of %s", gate);
        return;
    }
    lab_copy(row->gate, sizeof row->gate, gate);
    va_start(args, format);
    (void)vsnprintf(row->text, sizeof row->text, format, args);
    va_end(args);
}

int lab_run_verdict(const lab_run_t *run)
{
    if (run->findings > 0) {
        return LAB_FINDING;
    }
    return run->is_inconclusive ? LAB_INCONCLUSIVE : LAB_PASS;
}

static uint32_t least(const lab_run_t *run, size_t offset)
{
    uint32_t found = LAB_UNKNOWN; // the greatest there is
    for (uint32_t i = 0; i < run->mems; i++) {
        const char *memory = (const char *)&run->mem[i].memory;
        uint32_t value;
        memcpy(&value, memory + offset, sizeof value);
        found = value < found ? value : found;
    }
    return found;
}

uint32_t lab_run_hin_min(const lab_run_t *run)
{
    return least(run, offsetof(lab_memory_t, hin));
}

uint32_t lab_run_hm_min(const lab_run_t *run)
{
    return least(run, offsetof(lab_memory_t, hm));
}

uint32_t lab_run_pf_min(const lab_run_t *run)
{
    return least(run, offsetof(lab_memory_t, pf));
}

uint32_t lab_run_pm_min(const lab_run_t *run)
{
    return least(run, offsetof(lab_memory_t, pm));
}

uint32_t lab_run_frag_max(const lab_run_t *run)
{
    uint32_t found = LAB_UNKNOWN;
    for (uint32_t i = 0; i < run->mems; i++) {
        uint32_t frag = run->mem[i].memory.frag;
        found = frag != LAB_UNKNOWN && (found == LAB_UNKNOWN || frag > found) ? frag : found;
    }
    return found;
}

uint32_t lab_run_lost_marks(const lab_run_t *run)
{
    uint32_t lost = 0;
    for (uint32_t i = 0; i < run->pools; i++) {
        const lab_pool_row_t *row = &run->pool[i];
        bool is_it = strcmp(row->name, LAB_MARKS_POOL) == 0 && row->pool.exh != LAB_UNKNOWN;
        lost = is_it && row->pool.exh > lost ? row->pool.exh : lost;
    }
    return lost;
}

static void ask_git(const char *command, char *out, size_t capacity)
{
    FILE *pipe = popen(command, "r");
    out[0] = '\0';
    if (pipe == NULL) {
        return;
    }
    size_t length = fread(out, 1, capacity - 1u, pipe);
    bool is_more = fgetc(pipe) != EOF;
    char rest[512];
    while (fread(rest, 1, sizeof rest, pipe) > 0) {
        is_more = true;
    }
    (void)pclose(pipe);
    out[length] = '\0';
    char *end = is_more ? strrchr(out, '\n') : NULL;
    length = end != NULL ? (size_t)(end - out) : length;
    while (length > 0 && (out[length - 1u] == '\n' || out[length - 1u] == ' ')) {
        length--;
    }
    out[length] = '\0';
}

void lab_run_git(lab_run_t *run)
{
    ask_git("git rev-parse --short HEAD 2>/dev/null", run->git.commit, sizeof run->git.commit);
    ask_git("git rev-parse --abbrev-ref HEAD 2>/dev/null", run->git.branch, sizeof run->git.branch);
    ask_git("git status --porcelain 2>/dev/null", run->git.status, sizeof run->git.status);
}
