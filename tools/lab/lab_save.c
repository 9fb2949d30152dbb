// SPDX-License-Identifier: MIT
// The artifacts of a run: the rows as .jsonl, the directory they are in. summary.json and summary.md are in lab_summary.c.
#include "lab_summary.h"

#include "lab.h"
#include "lab_rows.h"
#include "lab_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define DIRECTORIES_MAX 1000

static void put_mem(lab_text_t *out, const lab_run_t *run, uint32_t i)
{
    const lab_mem_row_t *row = &run->mem[i];
    lab_object_t object;
    lab_object_begin(&object);
    lab_object_ts(&object, "ts", row->ts);
    lab_mem_fields(&object, row);
    if (row->boot > 0) { // as of old, unless there is something to tell
        lab_object_u32(&object, "boot", row->boot);
    }
    lab_object_end(&object, out);
}

static void put_task(lab_text_t *out, const lab_run_t *run, uint32_t i)
{
    const lab_task_row_t *row = &run->task[i];
    const uint32_t bytes = lab_stack_bytes(run, row);
    lab_object_t object;
    lab_object_begin(&object);
    lab_object_ts(&object, "ts", row->ts);
    if (row->is_watermark) {
        lab_object_string(&object, "type", "stack_watermark");
    }
    lab_task_fields(&object, row);
    if (bytes > 0 && !row->is_watermark) { // that one tells its own
        lab_object_u32(&object, "stack_size", bytes);
    }
    if (row->tag[0] != '\0') {
        lab_object_string(&object, "tag", row->tag);
    }
    if (row->boot > 0) {
        lab_object_u32(&object, "boot", row->boot);
    }
    lab_object_end(&object, out);
}

static void put_pool(lab_text_t *out, const lab_run_t *run, uint32_t i)
{
    const lab_pool_row_t *row = &run->pool[i];
    lab_object_t object;
    lab_object_begin(&object);
    lab_object_ts(&object, "ts", row->ts);
    lab_pool_fields(&object, row);
    if (row->tag[0] != '\0') {
        lab_object_string(&object, "tag", row->tag);
    }
    if (row->boot > 0) {
        lab_object_u32(&object, "boot", row->boot);
    }
    lab_object_end(&object, out);
}

// Of "http://1.2.3.4:80/api/health": 1.2.3.4
static void host_of(const char *url, char *out, size_t capacity)
{
    const char *host = strstr(url, "://");
    host = host != NULL ? host + 3 : url;
    size_t length = strcspn(host, ":/");
    length = length < capacity ? length : capacity - 1u;
    memcpy(out, host, length);
    out[length] = '\0';
}

static void put_health(lab_text_t *out, const lab_run_t *run, uint32_t i)
{
    const lab_health_row_t *row = &run->health[i];
    lab_object_t object;
    char ip[64];
    hf_json_t root;
    lab_object_begin(&object);
    lab_object_ts(&object, "ts", row->ts);
    lab_object_string(&object, "type", "health");
    lab_object_string(&object, "label", row->label);
    if (row->is_skipped) {
        lab_object_bool(&object, "skipped", true);
        lab_object_end(&object, out);
        return;
    }
    host_of(row->url, ip, sizeof ip);
    lab_object_string(&object, "ip", ip);
    lab_object_string(&object, "url", row->url);
    lab_object_number(&object, "http_status", row->http_status);
    const char *headers = row->headers != NULL ? row->headers : "{}";
    lab_object_raw(&object, "headers", headers, strlen(headers));
    lab_object_string(&object, "body", row->body != NULL ? row->body : "");
    if (row->http_status == 200 && row->body != NULL) {
        size_t length = strlen(row->body);
        int status = hf_json_parse(row->body, length, &root);
        if (status == HF_OK) {
            lab_object_raw(&object, "json", root.raw.text, root.raw.length);
        } else {
            lab_object_string(&object, "parse_error", hf_status_text(status));
        }
    }
    lab_object_end(&object, out);
}

static int cannot_write(const char *dir, const char *name)
{
    return lab_fail(-1, "", "%s/%s cannot be written: %s", dir, name, strerror(errno));
}

static void put_event(lab_text_t *out, const lab_run_t *run, uint32_t i)
{
    lab_run_event_json(run, i, out);
}

typedef struct rows {
    const char *file;
    uint32_t count;
    void (*put)(lab_text_t *out, const lab_run_t *run, uint32_t i);
} rows_t;

static int save_rows(const lab_run_t *run, const char *dir, const rows_t *rows)
{
    lab_text_t text;
    if (lab_file_begin(dir, rows->file, &text) != 0) {
        return cannot_write(dir, rows->file);
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        rows->put(&text, run, i);
        lab_text_put(&text, "\n");
    }
    return lab_file_end(dir, rows->file, &text) == 0 ? 0 : cannot_write(dir, rows->file);
}

static int save_summary(const lab_run_t *run, const char *dir, const char *name,
                        void (*put)(const lab_run_t *run, const char *dir, lab_text_t *out))
{
    lab_text_t text;
    if (lab_file_begin(dir, name, &text) != 0) {
        return cannot_write(dir, name);
    }
    put(run, dir, &text);
    return lab_file_end(dir, name, &text) == 0 ? 0 : cannot_write(dir, name);
}

static int make_directories(const char *path)
{
    char part[4096];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(part, path, length + 1u);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0') {
            continue;
        }
        char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) {
            return -1;
        }
        part[i] = kept;
    }
    struct stat what;
    if (stat(path, &what) != 0 || !S_ISDIR(what.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    return 0;
}

int lab_run_directory(const char *out, const char *key, char *dir, size_t capacity)
{
    char stamp[32], safe[40];
    time_t now = time(NULL);
    struct tm local;
    size_t length = 0;
    for (; key[length] != '\0' && length + 1u < sizeof safe; length++) {
        bool is_safe = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-",
                              key[length]) != NULL;
        safe[length] = is_safe ? key[length] : '-';
    }
    safe[length] = '\0';
    if (localtime_r(&now, &local) == NULL ||
        strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &local) == 0) {
        return lab_fail(-1, "", "what time it is cannot be told");
    }
    if (make_directories(out) != 0) {
        return lab_fail(-1, "", "%s cannot be made: %s", out, strerror(errno));
    }
    for (int i = 1; i <= DIRECTORIES_MAX; i++) {
        int made = i == 1 ? snprintf(dir, capacity, "%s/%s_%s", out, stamp, safe)
                          : snprintf(dir, capacity, "%s/%s_%s-%d", out, stamp, safe, i);
        if (made < 0 || (size_t)made >= capacity) {
            return lab_fail(-1, "", "%s: too long a path", out);
        }
        if (mkdir(dir, 0777) == 0) {
            return 0;
        }
        if (errno != EEXIST) {
            break;
        }
    }
    return lab_fail(-1, "", "%s cannot be made: %s", dir, strerror(errno));
}

int lab_run_save(const lab_run_t *run, const char *dir)
{
    const rows_t files[] = {
        {"events.jsonl", run->events, put_event},   {"mem.jsonl", run->mems, put_mem},
        {"tasks.jsonl", run->tasks, put_task},      {"pools.jsonl", run->pools, put_pool},
        {"health.jsonl", run->healths, put_health},
    };
    int status = 0;
    if (make_directories(dir) != 0) {
        return lab_fail(-1, "", "%s cannot be made: %s", dir, strerror(errno));
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        status |= save_rows(run, dir, &files[i]);
    }
    status |= save_summary(run, dir, "summary.md", lab_summary_markdown);
    // last: a directory with one is whole
    status |= save_summary(run, dir, "summary.json", lab_summary_json);
    return status != 0 ? -1 : 0;
}
