// SPDX-License-Identifier: MIT
// Text that grows, objects with sorted keys, files.
#include "lab_json.h"

#include "lab.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX   ((size_t)256 << 20)
#define FLUSH_FROM ((size_t)64 << 10)
#define PATH_BYTES 4096

void lab_text_free(lab_text_t *text)
{
    free(text->text);
    memset(text, 0, sizeof *text);
}

static void flush(lab_text_t *text)
{
    text->failed |= fwrite(text->text, 1, text->length, text->file) != text->length;
    text->length = 0;
}

static bool reserve(lab_text_t *text, size_t more)
{
    if (text->file != NULL && text->length >= FLUSH_FROM) {
        flush(text);
    }
    size_t need = text->length + more + 1u;
    if (text->failed) {
        return false;
    }
    if (need > text->capacity) {
        size_t capacity = need < 128u ? 256u : need * 2u;
        char *grown = realloc(text->text, capacity);
        if (grown == NULL) {
            text->failed = true;
            return false;
        }
        text->text = grown;
        text->capacity = capacity;
    }
    return true;
}

void lab_text_add(lab_text_t *text, const char *bytes, size_t length)
{
    if (reserve(text, length)) {
        memcpy(text->text + text->length, bytes, length);
        text->length += length;
        text->text[text->length] = '\0';
    }
}

void lab_text_put(lab_text_t *text, const char *string)
{
    lab_text_add(text, string, strlen(string));
}

void lab_text_print(lab_text_t *text, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length >= 0 && reserve(text, (size_t)length)) {
        (void)vsnprintf(text->text + text->length, (size_t)length + 1u, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

void lab_text_quote(lab_text_t *text, const char *string)
{
    size_t most = strlen(string) * 6u + 2u; // each byte "\u00xx" at worst
    if (!reserve(text, most)) {
        return;
    }
    hf_builder_t out;
    hf_json_writer_t writer;
    hf_builder_init(&out, text->text + text->length, most + 1u);
    hf_json_writer_init(&writer, &out);
    hf_json_put_string(&writer, string);
    text->failed |= out.overflow;
    text->length += out.length;
}

// ---- objects --------------------------------------------------------------------------------------------------------

void lab_object_begin(lab_object_t *object)
{
    memset(object, 0, sizeof *object);
}

static void begin_field(lab_object_t *object, const char *key)
{
    if (object->fields == LAB_OBJECT_FIELDS) {
        object->values.failed = true;
        object->fields--;
    }
    (void)snprintf(object->field[object->fields].key, sizeof object->field[0].key, "%s", key);
    object->field[object->fields].at = object->values.length;
}

static void end_field(lab_object_t *object)
{
    object->field[object->fields].length = object->values.length - object->field[object->fields].at;
    object->fields++;
}

void lab_object_raw(lab_object_t *object, const char *key, const char *json, size_t length)
{
    begin_field(object, key);
    lab_text_add(&object->values, json, length);
    end_field(object);
}

void lab_object_string(lab_object_t *object, const char *key, const char *string)
{
    begin_field(object, key);
    if (string != NULL) {
        lab_text_quote(&object->values, string);
    } else {
        lab_text_put(&object->values, "null");
    }
    end_field(object);
}

void lab_object_number(lab_object_t *object, const char *key, int64_t number)
{
    begin_field(object, key);
    lab_text_print(&object->values, "%lld", (long long)number);
    end_field(object);
}

void lab_object_u32(lab_object_t *object, const char *key, uint32_t number)
{
    if (number == LAB_UNKNOWN) {
        lab_object_raw(object, key, "null", 4);
    } else {
        lab_object_number(object, key, number);
    }
}

void lab_object_real(lab_object_t *object, const char *key, double number)
{
    begin_field(object, key);
    lab_text_print(&object->values, "%.3f", number);
    end_field(object);
}

void lab_object_bool(lab_object_t *object, const char *key, bool is_so)
{
    lab_object_raw(object, key, is_so ? "true" : "false", is_so ? 4 : 5);
}

void lab_object_ts(lab_object_t *object, const char *key, double ts)
{
    char text[40];
    lab_iso8601(ts, text);
    lab_object_string(object, key, ts != 0 ? text : NULL);
}

void lab_object_end(lab_object_t *object, lab_text_t *out)
{
    unsigned order[LAB_OBJECT_FIELDS];
    for (unsigned i = 0; i < object->fields; i++) {
        unsigned at = i;
        while (at > 0 && strcmp(object->field[order[at - 1u]].key, object->field[i].key) > 0) {
            order[at] = order[at - 1u];
            at--;
        }
        order[at] = i;
    }
    lab_text_put(out, "{");
    for (unsigned i = 0; i < object->fields; i++) {
        lab_text_put(out, i > 0 ? ", " : "");
        lab_text_quote(out, object->field[order[i]].key);
        lab_text_put(out, ": ");
        if (!object->values.failed) {
            lab_text_add(out, object->values.text + object->field[order[i]].at,
                         object->field[order[i]].length);
        }
    }
    lab_text_put(out, "}");
    out->failed |= object->values.failed;
    lab_text_free(&object->values);
}

void lab_object_nest(lab_object_t *object, const char *key, lab_object_t *inner)
{
    begin_field(object, key);
    lab_object_end(inner, &object->values);
    end_field(object);
}

// ---- reading --------------------------------------------------------------------------------------------------------

int64_t lab_json_i64(hf_json_t object, const char *name, int64_t otherwise)
{
    int64_t value;
    return hf_json_i64(hf_json_member(object, name), &value) == HF_OK ? value : otherwise;
}

uint32_t lab_json_u32(hf_json_t object, const char *name)
{
    int64_t value = lab_json_i64(object, name, -1);
    return value >= 0 && value < (int64_t)LAB_UNKNOWN ? (uint32_t)value : LAB_UNKNOWN;
}

bool lab_json_bool(hf_json_t object, const char *name)
{
    bool is_so = false;
    return hf_json_bool(hf_json_member(object, name), &is_so) == HF_OK && is_so;
}

void lab_json_copy(hf_json_t object, const char *name, char *out, size_t capacity)
{
    hf_json_t value = hf_json_member(object, name);
    out[0] = '\0';
    if (hf_json_string(value, out, capacity) != HF_E_TOO_LONG) {
        return;
    }
    char *whole = malloc(value.raw.length + 1u);
    if (whole != NULL && hf_json_string(value, whole, value.raw.length + 1u) == HF_OK) {
        size_t length = capacity - 1u;
        while (length > 0 && ((unsigned char)whole[length] & 0xC0u) == 0x80u) {
            length--;
        }
        memcpy(out, whole, length);
        out[length] = '\0';
    }
    free(whole);
}

double lab_json_ts(hf_json_t object, const char *name)
{
    char text[40];
    double ts = 0;
    lab_json_copy(object, name, text, sizeof text);
    return lab_from_iso8601(text, &ts) ? ts : 0;
}

// ---- files ----------------------------------------------------------------------------------------------------------

static bool join(char *path, size_t capacity, const char *dir, const char *name)
{
    int length = snprintf(path, capacity, "%s/%s", dir, name);
    if (length < 0 || (size_t)length >= capacity) {
        errno = ENAMETOOLONG;
        return false;
    }
    return true;
}

FILE *lab_file_open(const char *dir, const char *name)
{
    char path[PATH_BYTES];
    return join(path, sizeof path, dir, name) ? fopen(path, "rb") : NULL;
}

char *lab_file_read(const char *dir, const char *name, size_t *length)
{
    FILE *file = lab_file_open(dir, name);
    lab_text_t text = {0};
    *length = 0;
    if (file == NULL) {
        return NULL;
    }
    size_t got = 1;
    while (got > 0 && text.length < FILE_MAX && reserve(&text, 65536u)) {
        got = fread(text.text + text.length, 1, 65536u, file);
        text.length += got;
        text.text[text.length] = '\0';
    }
    bool failed = ferror(file) != 0 || text.failed || text.length >= FILE_MAX;
    (void)fclose(file);
    if (failed) {
        errno = text.length >= FILE_MAX ? EFBIG : errno;
        lab_text_free(&text);
        return NULL;
    }
    *length = text.length;
    return text.text;
}

static bool join_aside(char *aside, const char *path)
{
    return snprintf(aside, PATH_BYTES, "%s.part", path) < PATH_BYTES;
}

int lab_file_begin(const char *dir, const char *name, lab_text_t *text)
{
    char path[PATH_BYTES - 8], aside[PATH_BYTES];
    memset(text, 0, sizeof *text);
    text->file =
        join(path, sizeof path, dir, name) && join_aside(aside, path) ? fopen(aside, "wb") : NULL;
    return text->file != NULL ? 0 : -1;
}

int lab_file_end(const char *dir, const char *name, lab_text_t *text)
{
    char path[PATH_BYTES - 8], aside[PATH_BYTES];
    errno = 0;
    if (text->length > 0) {
        flush(text);
    }
    bool good = fclose(text->file) == 0 && !text->failed;
    lab_text_free(text);
    if (!join(path, sizeof path, dir, name) || !join_aside(aside, path)) {
        return -1;
    }
    if (!good || rename(aside, path) != 0) {
        int error = errno != 0 ? errno : ENOMEM;
        (void)unlink(aside);
        errno = error;
        return -1;
    }
    return 0;
}

int lab_file_write(const char *dir, const char *name, const lab_text_t *text)
{
    lab_text_t out;
    if (text->failed) {
        errno = ENOMEM;
        return -1;
    }
    if (lab_file_begin(dir, name, &out) != 0) {
        return -1;
    }
    if (text->length > 0) {
        lab_text_add(&out, text->text, text->length);
    }
    return lab_file_end(dir, name, &out);
}
