// SPDX-License-Identifier: MIT
// Owns the JSON writer. Invariant: as long as the builder did not overflow, what stands in it is the beginning of a
// JSON text, and a whole one when depth is 0 again. Misuse by our own code is an assertion.
#include "hf_json_private.h"

#include "holdfast/hf_utf8.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" // U+FFFD

void hf_json_writer_init(hf_json_writer_t *writer, hf_builder_t *out)
{
    *writer = (hf_json_writer_t){.out = out};
}

static void separate(hf_json_writer_t *writer)
{
    if (writer->needs_comma) {
        hf_builder_char(writer->out, ',');
    }
    writer->needs_comma = true;
}

static void begin(hf_json_writer_t *writer, char bracket)
{
    HF_ASSERT(writer->depth < HF_JSON_DEPTH_MAX);
    separate(writer);
    hf_builder_char(writer->out, bracket);
    writer->depth++;
    writer->needs_comma = false;
}

static void end(hf_json_writer_t *writer, char bracket)
{
    HF_ASSERT(writer->depth > 0);
    hf_builder_char(writer->out, bracket);
    writer->depth--;
    writer->needs_comma = true;
}

void hf_json_begin_object(hf_json_writer_t *writer)
{
    begin(writer, '{');
}

void hf_json_end_object(hf_json_writer_t *writer)
{
    end(writer, '}');
}

void hf_json_begin_array(hf_json_writer_t *writer)
{
    begin(writer, '[');
}

void hf_json_end_array(hf_json_writer_t *writer)
{
    end(writer, ']');
}

static void escape(hf_builder_t *out, unsigned char c)
{
    static const char control[] = "btn\0fr"; // 8 to 13, without 11
    hf_builder_char(out, '\\');
    if (c == '"' || c == '\\') {
        hf_builder_char(out, (char)c);
    } else if (c >= 8 && c <= 13 && control[c - 8] != '\0') {
        hf_builder_char(out, control[c - 8]);
    } else {
        hf_builder_char(out, 'u');
        hf_builder_hex(out, c, 4);
    }
}

// Bytes of the UTF-8 character that begins at text[at]; 0 when there is none.
static size_t character_length(hf_slice_t text, size_t at)
{
    uint32_t state = HF_UTF8_WHOLE;
    for (size_t i = at; i < text.length; i++) {
        state = hf_utf8_next(state, (uint8_t)text.text[i]);
        if (state == HF_UTF8_WHOLE) {
            return i - at + 1;
        }
        if (state == HF_UTF8_REFUSE) {
            return 0;
        }
    }
    return 0;
}

// The usual text, `after` behind its closing quote (NUL: nothing), in one piece; false when it takes more than copying.
static bool put_plain(hf_json_writer_t *writer, hf_slice_t text, char after)
{
    hf_builder_t *out = writer->out;
    size_t needed = text.length + 4u; // comma, quotes, `after`: seldom one too many
    if (out->overflow || needed >= out->capacity - out->length ||
        !hf_json_is_plain(text.text, text.length)) {
        return false;
    }
    char *at = out->text + out->length;
    if (writer->needs_comma) {
        *at++ = ',';
    }
    *at++ = '"';
    memcpy(at, text.text, text.length);
    at += text.length;
    *at++ = '"';
    if (after != '\0') {
        *at++ = after;
    }
    *at = '\0';
    out->length = (size_t)(at - out->text);
    return true;
}

static void put_quoted(hf_builder_t *out, hf_slice_t text)
{
    hf_builder_char(out, '"');
    for (size_t at = 0; at < text.length;) {
        size_t plain = hf_json_plain(text.text + at, text.length - at);
        hf_builder_slice(out, (hf_slice_t){.text = text.text + at, .length = plain});
        at += plain;
        if (at == text.length) {
            break;
        }
        unsigned char c = (unsigned char)text.text[at];
        size_t length = character_length(text, at);
        if (length == 0) {
            hf_builder_text(out, REPLACEMENT);
            length = 1;
        } else if (c < 0x80) {
            escape(out, c);
        } else {
            hf_builder_slice(out, (hf_slice_t){.text = text.text + at, .length = length});
        }
        at += length;
    }
    hf_builder_char(out, '"');
}

void hf_json_key(hf_json_writer_t *writer, const char *name)
{
    HF_ASSERT(writer->depth > 0);
    hf_slice_t text = {.text = name, .length = strlen(name)};
    if (!put_plain(writer, text, ':')) {
        separate(writer);
        put_quoted(writer->out, text);
        hf_builder_char(writer->out, ':');
    }
    writer->needs_comma = false;
}

void hf_json_put_string(hf_json_writer_t *writer, const char *text)
{
    hf_json_put_slice(writer, (hf_slice_t){.text = text, .length = strlen(text)});
}

void hf_json_put_slice(hf_json_writer_t *writer, hf_slice_t text)
{
    if (!put_plain(writer, text, '\0')) {
        separate(writer);
        put_quoted(writer->out, text);
    }
    writer->needs_comma = true;
}

void hf_json_put_i64(hf_json_writer_t *writer, int64_t value)
{
    separate(writer);
    hf_builder_i64(writer->out, value);
}

void hf_json_put_fixed(hf_json_writer_t *writer, int64_t value, unsigned decimals)
{
    separate(writer);
    hf_builder_fixed(writer->out, value, decimals);
}

void hf_json_put_bool(hf_json_writer_t *writer, bool value)
{
    separate(writer);
    hf_builder_text(writer->out, value ? "true" : "false");
}

void hf_json_put_null(hf_json_writer_t *writer)
{
    separate(writer);
    hf_builder_text(writer->out, "null");
}

void hf_json_put_raw(hf_json_writer_t *writer, hf_slice_t json)
{
    separate(writer);
    hf_builder_slice(writer->out, json);
}

void hf_json_string_field(hf_json_writer_t *writer, const char *name, const char *text)
{
    hf_json_key(writer, name);
    hf_json_put_string(writer, text);
}

void hf_json_i64_field(hf_json_writer_t *writer, const char *name, int64_t value)
{
    hf_json_key(writer, name);
    hf_json_put_i64(writer, value);
}

void hf_json_bool_field(hf_json_writer_t *writer, const char *name, bool value)
{
    hf_json_key(writer, name);
    hf_json_put_bool(writer, value);
}
