// SPDX-License-Identifier: MIT
// Text form of traces. The parser takes fields from the front of what is left of a line; the first that does not fit
// ends it.
#include "holdfast/hf_record.h"

static const char kind_letters[HF_TRACE_KINDS] = {'t', 'g', 'r', 'w'};

static void write_name(hf_builder_t *out, hf_slice_t name)
{
    for (size_t i = 0; i < name.length && i < HF_RECORD_NAME_BYTES; i++) {
        hf_builder_char(out, name.text[i] > ' ' && name.text[i] <= '~' ? name.text[i] : '_');
    }
    if (name.length == 0) {
        hf_builder_char(out, '_');
    }
}

static void write_field(hf_builder_t *out, uint32_t value)
{
    hf_builder_char(out, ' ');
    hf_builder_u64(out, value);
}

void hf_record_write_header(hf_builder_t *out)
{
    hf_builder_text(out, "holdfast-trace");
    write_field(out, HF_RECORD_VERSION);
    hf_builder_char(out, '\n');
}

void hf_record_write_pool(hf_builder_t *out, const hf_record_pool_t *pool)
{
    hf_builder_text(out, "pool");
    write_field(out, pool->id);
    hf_builder_char(out, ' ');
    write_name(out, pool->name);
    write_field(out, pool->block_bytes);
    write_field(out, pool->count);
    hf_builder_char(out, '\n');
}

void hf_record_write_tag(hf_builder_t *out, uint8_t tag, hf_slice_t name)
{
    hf_builder_text(out, "tag");
    write_field(out, tag);
    hf_builder_char(out, ' ');
    write_name(out, name);
    hf_builder_char(out, '\n');
}

void hf_record_write_restart(hf_builder_t *out, uint32_t time_ms)
{
    hf_builder_text(out, "restart");
    write_field(out, time_ms);
    hf_builder_char(out, '\n');
}

void hf_record_write_entry(hf_builder_t *out, const hf_trace_entry_t *entry)
{
    HF_ASSERT(entry->kind < HF_TRACE_KINDS && entry->frame_count <= HF_TRACE_FRAMES_MAX);
    hf_builder_char(out, kind_letters[entry->kind]);
    write_field(out, entry->sequence);
    write_field(out, entry->time_ms);
    write_field(out, entry->pool);
    write_field(out, entry->tag);
    write_field(out, entry->bytes);
    write_field(out, entry->block);
    hf_builder_char(out, ' ');
    hf_builder_i64(out, entry->status);
    hf_builder_char(out, ' ');
    hf_builder_hex(out, entry->caller, 8);
    for (unsigned i = 0; i < entry->frame_count; i++) {
        hf_builder_char(out, ' ');
        hf_builder_hex(out, entry->frame[i], 8);
    }
    hf_builder_char(out, '\n');
}

/// What is left of a line, and what went wrong first.
typedef struct cursor {
    hf_slice_t rest;
    int status;
} cursor_t;

static void fail(cursor_t *cursor, int status)
{
    if (cursor->status == HF_OK) {
        cursor->status = status;
    }
    cursor->rest.length = 0;
}

/// The next field: what stands up to a space or the end. A space with nothing behind it is refused.
static hf_slice_t next_field(cursor_t *cursor)
{
    hf_slice_t field = {.text = cursor->rest.text};
    while (field.length < cursor->rest.length && cursor->rest.text[field.length] != ' ') {
        field.length++;
    }
    bool is_last = field.length == cursor->rest.length;
    if (field.length == 0 || (!is_last && field.length + 1u == cursor->rest.length)) {
        fail(cursor, HF_E_FORMAT);
        return (hf_slice_t){0};
    }
    cursor->rest.text += field.length + (is_last ? 0 : 1u);
    cursor->rest.length -= field.length + (is_last ? 0 : 1u);
    return field;
}

static uint32_t next_number(cursor_t *cursor, uint32_t most)
{
    hf_slice_t field = next_field(cursor);
    uint64_t value = 0;
    if (field.length == 0 || (field.text[0] == '0' && field.length > 1u)) {
        fail(cursor, HF_E_FORMAT);
    }
    for (size_t i = 0; i < field.length; i++) {
        if (field.text[i] < '0' || field.text[i] > '9') {
            fail(cursor, HF_E_FORMAT);
            return 0;
        }
        value = value > UINT32_MAX ? value : value * 10u + (uint64_t)(field.text[i] - '0');
    }
    if (value > most) {
        fail(cursor, HF_E_RANGE);
    }
    return (uint32_t)value;
}

static int8_t next_status(cursor_t *cursor)
{
    bool is_negative = cursor->rest.length > 0 && cursor->rest.text[0] == '-';
    if (is_negative) {
        cursor->rest.text++;
        cursor->rest.length--;
    }
    int32_t value = (int32_t)next_number(cursor, is_negative ? 128u : 127u);
    if (is_negative && value == 0) {
        fail(cursor, HF_E_FORMAT); // "-0" would not be written again
    }
    return (int8_t)(is_negative ? -value : value);
}

static uint32_t next_address(cursor_t *cursor)
{
    hf_slice_t field = next_field(cursor);
    uint32_t value = 0;
    if (field.length != 8u) {
        fail(cursor, HF_E_FORMAT);
        return 0;
    }
    for (size_t i = 0; i < field.length; i++) {
        char c = field.text[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && (c < 'a' || c > 'f')) {
            fail(cursor, HF_E_FORMAT);
            return 0;
        }
        value = value << 4 | (uint32_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    return value;
}

static hf_slice_t next_name(cursor_t *cursor)
{
    hf_slice_t name = next_field(cursor);
    for (size_t i = 0; i < name.length; i++) {
        if (name.text[i] <= ' ' || name.text[i] > '~') {
            fail(cursor, HF_E_FORMAT);
        }
    }
    if (name.length > HF_RECORD_NAME_BYTES) {
        fail(cursor, HF_E_RANGE);
    }
    return name;
}

static void parse_entry(cursor_t *cursor, hf_trace_kind_t kind, hf_trace_entry_t *entry)
{
    entry->kind = (uint8_t)kind;
    entry->sequence = next_number(cursor, UINT32_MAX);
    entry->time_ms = next_number(cursor, UINT32_MAX);
    entry->pool = (uint16_t)next_number(cursor, UINT16_MAX);
    entry->tag = (uint8_t)next_number(cursor, UINT8_MAX);
    entry->bytes = next_number(cursor, UINT32_MAX);
    entry->block = next_number(cursor, UINT32_MAX);
    entry->status = next_status(cursor);
    entry->caller = next_address(cursor);
    while (cursor->status == HF_OK && cursor->rest.length > 0) {
        if (entry->frame_count == HF_TRACE_FRAMES_MAX) {
            fail(cursor, HF_E_RANGE);
            return;
        }
        entry->frame[entry->frame_count++] = next_address(cursor);
    }
}

static void parse_header(cursor_t *cursor)
{
    if (next_number(cursor, UINT32_MAX) != HF_RECORD_VERSION) {
        fail(cursor, HF_E_UNSUPPORTED);
    }
}

static void parse_pool(cursor_t *cursor, hf_record_pool_t *pool)
{
    pool->id = (uint16_t)next_number(cursor, UINT16_MAX);
    pool->name = next_name(cursor);
    pool->block_bytes = next_number(cursor, UINT32_MAX);
    pool->count = next_number(cursor, UINT32_MAX);
}

static void parse_tag(cursor_t *cursor, hf_record_t *record)
{
    record->tag = (uint8_t)next_number(cursor, UINT8_MAX);
    record->tag_name = next_name(cursor);
}

/// The kind an entry's first field stands for, HF_TRACE_KINDS when it stands for none.
static hf_trace_kind_t kind_of(hf_slice_t word)
{
    unsigned kind = 0;
    while (kind < HF_TRACE_KINDS && (word.length != 1u || word.text[0] != kind_letters[kind])) {
        kind++;
    }
    return (hf_trace_kind_t)kind;
}

int hf_record_parse(hf_slice_t line, hf_record_t *record)
{
    *record = (hf_record_t){.type = HF_RECORD_REMARK};
    if (line.length > 0 && line.text[0] == '#') {
        return HF_OK;
    }
    cursor_t cursor = {.rest = line};
    hf_slice_t word = next_field(&cursor);
    if (kind_of(word) < HF_TRACE_KINDS) {
        record->type = HF_RECORD_ENTRY;
        parse_entry(&cursor, kind_of(word), &record->entry);
    } else if (hf_slice_is(word, "holdfast-trace")) {
        record->type = HF_RECORD_HEADER;
        parse_header(&cursor);
    } else if (hf_slice_is(word, "pool")) {
        record->type = HF_RECORD_POOL;
        parse_pool(&cursor, &record->pool);
    } else if (hf_slice_is(word, "tag")) {
        record->type = HF_RECORD_TAG;
        parse_tag(&cursor, record);
    } else if (hf_slice_is(word, "restart")) {
        record->type = HF_RECORD_RESTART;
        record->restart_ms = next_number(&cursor, UINT32_MAX);
    } else {
        fail(&cursor, HF_E_FORMAT);
    }
    return cursor.status != HF_OK ? cursor.status : cursor.rest.length > 0 ? HF_E_FORMAT : HF_OK;
}

static int take_sequence(hf_record_reader_t *reader, uint32_t sequence)
{
    uint32_t step = sequence - reader->sequence;
    if (reader->has_sequence && (step == 0 || step >= 0x80000000u)) {
        return HF_E_STATE;
    }
    reader->missing += reader->has_sequence ? step - 1u : 0;
    reader->has_sequence = true;
    reader->sequence = sequence;
    reader->entries++;
    return HF_OK;
}

int hf_record_read(hf_record_reader_t *reader, hf_slice_t line, hf_record_t *record)
{
    reader->lines++;
    int status = hf_record_parse(line, record);
    if (status != HF_OK) {
        return status;
    }
    if ((record->type == HF_RECORD_HEADER) == reader->has_header) {
        return HF_E_STATE;
    }
    reader->has_header = true;
    if (record->type == HF_RECORD_RESTART) {
        reader->restarts++;
        reader->has_sequence = false;
    }
    return record->type == HF_RECORD_ENTRY ? take_sequence(reader, record->entry.sequence) : HF_OK;
}
