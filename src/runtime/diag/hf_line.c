// SPDX-License-Identifier: MIT
// The telemetry lines. A line that does not fit is taken back, so that what a reader sees is whole lines alone.
#include "holdfast/hf_line.h"

#define LINE_END " (0ms)\n"

#define CLOSED     SIZE_MAX
#define DIGITS_MAX 10u // of 32 bits
#define PIECE_MAX  40u // the longest text before a number, it, and a NUL

/// Where the line begins; CLOSED when something before it did not fit.
static size_t open_line(const hf_builder_t *out)
{
    return out->overflow ? CLOSED : out->length;
}

static int close_line(hf_builder_t *out, size_t start)
{
    if (!out->overflow) {
        return HF_OK;
    }
    if (start != CLOSED && start < out->capacity) {
        out->length = start;
        out->text[start] = '\0';
        out->overflow = false;
    }
    return HF_E_TOO_LONG;
}

static bool is_plain(char c, bool blanks)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '-' && c <= ':') || c == '_' ||
           c == '+' || (blanks && (c == ' ' || c == ','));
}

/// Bytes of `text` that count: whole characters of UTF-8, as many as fit into `max`.
static size_t counted(const char *text, size_t max)
{
    size_t length = 0;
    while (length <= max && text[length] != '\0') {
        length++;
    }
    if (length <= max) {
        return length;
    }
    length = max;
    while (length != 0 && ((unsigned char)text[length] & 0xC0u) == 0x80u) {
        length--;
    }
    return length != 0 ? length : max; // nothing but continuations is no UTF-8
}

typedef struct field {
    const char *text, *missing; // missing: what a NULL is told as
    uint32_t max;
    bool blanks;
} field_t;

static void put_field(hf_builder_t *out, field_t field)
{
    if (field.text == NULL) {
        hf_builder_text(out, field.missing);
        return;
    }
    const size_t length = counted(field.text, field.max);
    if (length == 0) {
        hf_builder_char(out, '-');
    }
    for (size_t i = 0; i < length; i++) {
        const char c = field.text[i];
        if (is_plain(c, field.blanks)) {
            hf_builder_char(out, c);
        } else {
            const unsigned byte = (unsigned char)c;
            hf_builder_char(out, '%');
            hf_builder_char(out, "0123456789ABCDEF"[byte >> 4]);
            hf_builder_char(out, "0123456789ABCDEF"[byte & 15u]);
        }
    }
}

static void put_tag(hf_builder_t *out, const char *tag)
{
    put_field(out, (field_t){tag, "(null)", HF_LINE_TAG_BYTES, false});
}

static void put_name(hf_builder_t *out, const char *before, const char *name)
{
    hf_builder_text(out, before);
    put_field(out, (field_t){name, "-", HF_LINE_NAME_BYTES, false});
}

static void put_text(hf_builder_t *out, const char *text)
{
    put_field(out, (field_t){text, "-", HF_LINE_TAG_BYTES, true});
}

/// " key=value", or the first piece of a line. Most of what a line costs: written straight into its place when there is
/// room.
static void put_number(hf_builder_t *out, const char *before, uint32_t value)
{
    char digits[DIGITS_MAX];
    unsigned at = DIGITS_MAX;
    if (out->overflow || out->capacity - out->length < PIECE_MAX) {
        hf_builder_text(out, before);
        hf_builder_u64(out, value);
        return;
    }
    do {
        digits[--at] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    char *to = out->text + out->length;
    while (*before != '\0') {
        *to++ = *before++;
    }
    while (at < DIGITS_MAX) {
        *to++ = digits[at++];
    }
    *to = '\0';
    out->length = (size_t)(to - out->text);
}

int hf_line_memory(hf_builder_t *out, const char *tag, const hf_memory_t *memory)
{
    const size_t start = open_line(out);
    hf_builder_text(out, "[Mem] ");
    put_tag(out, tag);
    put_number(out, " hf=", memory->heap_free);
    put_number(out, " hm=", memory->heap_min);
    put_number(out, " hl=", memory->heap_largest);
    put_number(out, " hi=", memory->internal_free);
    put_number(out, " hin=", memory->internal_min);
    put_number(out, " frag=", hf_memory_fragmentation(memory->heap_free, memory->heap_largest));
    put_number(out, " pf=", memory->psram_free);
    put_number(out, " pm=", memory->psram_min);
    put_number(out, " pl=", memory->psram_largest);
    hf_builder_text(out, LINE_END);
    return close_line(out, start);
}

int hf_line_tripwire(hf_builder_t *out, const char *tag, uint32_t threshold_bytes,
                     const hf_memory_t *memory)
{
    const size_t start = open_line(out);
    hf_builder_text(out, "[Mem] TRIPWIRE fired tag=");
    put_tag(out, tag);
    put_number(out, " hin=", memory->internal_min);
    put_number(out, "B < ", threshold_bytes);
    put_number(out, "B (hf=", memory->heap_free);
    put_number(out, "B hl=", memory->heap_largest);
    put_number(out, "B frag=", hf_memory_fragmentation(memory->heap_free, memory->heap_largest));
    put_number(out, "% pf=", memory->psram_free);
    put_number(out, "B pl=", memory->psram_largest);
    hf_builder_text(out, "B)" LINE_END);
    return close_line(out, start);
}

int hf_line_wire(hf_builder_t *out, const hf_line_wire_t *wire)
{
    const size_t start = open_line(out);
    hf_builder_text(out, "[Trip] ");
    hf_builder_text(out, wire->kind);
    hf_builder_char(out, ' ');
    hf_builder_text(out, wire->level);
    hf_builder_text(out, " tag=");
    put_tag(out, wire->tag);
    put_number(out, " value=", wire->value);
    put_number(out, " limit=", wire->limit);
    put_name(out, " name=", wire->name);
    hf_builder_text(out, LINE_END);
    return close_line(out, start);
}

int hf_line_dump(hf_builder_t *out, const char *tag, uint32_t tasks)
{
    const size_t start = open_line(out);
    put_number(out, "[Mem] Task dump (", tasks);
    hf_builder_text(out, " tasks, sorted by stack margin) tag=");
    put_tag(out, tag);
    hf_builder_text(out, LINE_END);
    return close_line(out, start);
}

int hf_line_task(hf_builder_t *out, const hf_line_task_t *task)
{
    const size_t start = open_line(out);
    put_name(out, "[Task] name=", task->name);
    put_number(out, " prio=", task->priority);
    hf_builder_text(out, " core=");
    hf_builder_i64(out, task->core);
    put_number(out, " stack_rem=", task->stack_free_bytes);
    hf_builder_text(out, "B" LINE_END);
    return close_line(out, start);
}

int hf_line_stack(hf_builder_t *out, const char *name, uint32_t stack_bytes, uint32_t priority)
{
    const size_t start = open_line(out);
    put_name(out, "[Stack] name=", name);
    put_number(out, " size=", stack_bytes);
    put_number(out, "B prio=", priority);
    hf_builder_text(out, LINE_END);
    return close_line(out, start);
}

int hf_line_pool(hf_builder_t *out, const hf_line_pool_t *pool)
{
    const size_t start = open_line(out);
    put_name(out, "[Pool] name=", pool->name);
    put_number(out, " size=", pool->block_bytes);
    put_number(out, " cap=", pool->capacity);
    put_number(out, " use=", pool->in_use);
    put_number(out, " peak=", pool->peak);
    put_number(out, " min=", pool->free_min);
    put_number(out, " exh=", pool->exhausted);
    put_number(out, " bad=", pool->wrong_gives);
    hf_builder_text(out, LINE_END);
    return close_line(out, start);
}

int hf_line_lock(hf_builder_t *out, const hf_line_lock_t *lock)
{
    const size_t start = open_line(out);
    put_name(out, "[Lock] name=", lock->name);
    put_name(out, " holder=", lock->holder);
    put_name(out, " waiter=", lock->waiter);
    put_number(out, " held_ms=", lock->held_ms);
    put_number(out, " timeouts=", lock->timeouts);
    hf_builder_text(out, LINE_END);
    return close_line(out, start);
}

int hf_line_heartbeat(hf_builder_t *out, uint32_t up_s, uint32_t heap_free_bytes, const char *ip,
                      const char *host)
{
    const size_t start = open_line(out);
    put_number(out, "[Heartbeat] Up: ", up_s);
    put_number(out, "s | Heap: ", heap_free_bytes);
    hf_builder_text(out, " | WiFi: ");
    if (ip == NULL) {
        hf_builder_text(out, "Disconnected\n");
    } else {
        put_tag(out, ip);
        hf_builder_text(out, " (");
        put_field(out, (field_t){host, "-", HF_LINE_TAG_BYTES, false});
        hf_builder_text(out, ")\n");
    }
    return close_line(out, start);
}

int hf_line_reset(hf_builder_t *out, uint32_t code, const char *reason)
{
    const size_t start = open_line(out);
    hf_builder_text(out, "rst:0x");
    hf_builder_hex(out, code, 1);
    hf_builder_text(out, " (");
    put_text(out, reason);
    hf_builder_text(out, ")\n");
    return close_line(out, start);
}

int hf_line_boot(hf_builder_t *out)
{
    const size_t start = open_line(out);
    hf_builder_text(out, "[System Boot] Starting...\n");
    return close_line(out, start);
}

int hf_line_version(hf_builder_t *out, const char *version)
{
    const size_t start = open_line(out);
    hf_builder_text(out, "  Firmware: v");
    put_field(out, (field_t){version, "-", HF_LINE_TAG_BYTES, false});
    hf_builder_char(out, '\n');
    return close_line(out, start);
}

int hf_line_ip(hf_builder_t *out, const char *ip)
{
    const size_t start = open_line(out);
    hf_builder_text(out, "[WiFi] Got IP: ");
    put_field(out, (field_t){ip, "-", HF_LINE_TAG_BYTES, false});
    hf_builder_char(out, '\n');
    return close_line(out, start);
}

int hf_line_ready(hf_builder_t *out)
{
    const size_t start = open_line(out);
    hf_builder_text(out, "[Main] Setup complete\n");
    return close_line(out, start);
}
