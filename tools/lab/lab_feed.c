// SPDX-License-Identifier: MIT
// From bytes to rows. A start of the device shows as up to three lines (ROM, rst:, System Boot) that are one start; it
// has begun anew when a line comes that is not further on than the last. Where a device tells its uptime, a start
// without any line shows, too. The very first start is nobody's reset: a device that nothing was heard of before has
// just been switched on.
#include "lab_rows.h"

#include "lab.h"
#include "lab_stacks.h"

#include <string.h>

enum { STAGE_UNHEARD, STAGE_ROM, STAGE_RST, STAGE_BOOT, STAGE_RUNNING };

#define CLOCK_SLACK_MS  2000u // lines of several cores and queues overtake each other
#define CRASH_LINES     60u   // of one crash: dumps of registers and stacks stand between
#define STAMP_WRAP_FROM 0xF0000000u

// ---- starts ---------------------------------------------------------------------------------------------------------

static int tell_reset(lab_run_t *run, double now, const lab_reset_row_t *row)
{
    lab_object_t object;
    lab_object_begin(&object);
    lab_object_u32(&object, "boot", row->boot);
    lab_object_u32(&object, "code", row->code);
    lab_object_bool(&object, "expected", row->is_expected);
    lab_object_string(&object, "marker", row->marker);
    lab_object_string(&object, "reason", row->reason);
    lab_object_string(&object, "tag", row->tag);
    return lab_rows_event(run, now, "reset", &object);
}

static int begin_reset(lab_run_t *run, double now, const char *marker, const lab_line_t *line)
{
    bool is_first = run->reset_stage == STAGE_UNHEARD && !run->reset_expected;
    if (!is_first) {
        run->boots++;
        run->unexpected_resets += run->reset_expected ? 0u : 1u;
    }
    lab_reset_row_t *row = LAB_ADD(run, reset);
    if (row == NULL) {
        return -1;
    }
    row->ts = now;
    row->boot = run->boots;
    row->is_expected = is_first || run->reset_expected;
    row->code = LAB_UNKNOWN;
    lab_copy(row->marker, sizeof row->marker, marker);
    lab_copy(row->tag, sizeof row->tag, run->last_tag);
    if (line->kind == LAB_LINE_RESET) {
        row->code = line->value;
        lab_copy(row->reason, sizeof row->reason, line->name);
    }
    run->reset_expected = false;
    run->in_dump = false;
    run->last_up_ms = LAB_UNKNOWN;
    run->last_beat_s = LAB_UNKNOWN;
    return tell_reset(run, now, row);
}

static int on_marker(lab_run_t *run, double now, const lab_line_t *line)
{
    static const char *const names[] = {"", "rom", "rst", "boot"};
    unsigned stage = line->kind == LAB_LINE_ROM     ? STAGE_ROM
                     : line->kind == LAB_LINE_RESET ? STAGE_RST
                                                    : STAGE_BOOT;
    int status = 0;
    if (run->reset_stage == STAGE_UNHEARD || stage <= run->reset_stage) {
        status = begin_reset(run, now, names[stage], line);
    } else if (stage == STAGE_RST && run->resets > 0) { // after ROM: now the reason is told
        lab_reset_row_t *row = &run->reset[run->resets - 1u];
        row->code = line->value;
        lab_copy(row->reason, sizeof row->reason, line->name);
        status = tell_reset(run, now, row);
    }
    run->reset_stage = stage;
    return status;
}

static bool goes_back(uint32_t last, uint32_t now, uint32_t slack)
{
    return last != LAB_UNKNOWN && now < last && last - now > slack && last < STAMP_WRAP_FROM;
}

// Whether this line could only be said by a device that started anew.
static bool tells_restart(lab_run_t *run, const lab_line_t *line)
{
    bool is_back = false;
    if (line->up_ms != LAB_UNKNOWN) {
        is_back = goes_back(run->last_up_ms, line->up_ms, CLOCK_SLACK_MS);
        run->last_up_ms = line->up_ms;
    }
    if (line->kind == LAB_LINE_HEARTBEAT) {
        is_back |= goes_back(run->last_beat_s, line->value, CLOCK_SLACK_MS / 1000u);
        run->last_beat_s = line->value;
    }
    return is_back;
}

// ---- kinds of lines -------------------------------------------------------------------------------------------------

static int on_refused(lab_run_t *run, double now, const lab_line_t *line)
{
    lab_refused_row_t *row = LAB_ADD(run, refused);
    lab_object_t object;
    if (row == NULL) {
        return -1;
    }
    bool is_tag = line->kind == LAB_LINE_MEM;
    row->ts = now;
    row->size = is_tag ? LAB_UNKNOWN : line->value;
    row->boot = run->boots;
    lab_copy(row->caller, sizeof row->caller, line->name);
    lab_copy(row->tag, sizeof row->tag, is_tag ? line->tag : run->last_tag);
    lab_object_begin(&object);
    lab_object_u32(&object, "boot", row->boot);
    lab_object_string(&object, "caller", row->caller);
    lab_object_u32(&object, "size", row->size);
    lab_object_string(&object, "tag", row->tag);
    return lab_rows_event(run, now, "refused", &object);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static int on_mem(lab_run_t *run, double now, const lab_line_t *line)
{
    lab_mem_row_t *row = LAB_ADD(run, mem);
    if (row == NULL) {
        return -1;
    }
    row->ts = now;
    row->boot = run->boots;
    row->memory = line->memory;
    run->in_dump = false;
    const char *tag = lab_names_keep(&run->names, line->tag);
    row->tag = run->last_tag = tag != NULL ? tag : "";
    int status = tag != NULL ? lab_rows_refer(run, LAB_OF_MEM) : -1;
    if (status == 0 && ends_with(line->tag, "alloc-fail")) { // "img alloc-fail" of old firmware
        status = on_refused(run, now, line);
    }
    return status;
}

static int on_trip(lab_run_t *run, double now, const lab_line_t *line)
{
    lab_trip_t *row = LAB_ADD(run, trip);
    lab_object_t object;
    if (row == NULL) {
        return -1;
    }
    bool is_memory = line->kind == LAB_LINE_TRIPWIRE;
    row->ts = now;
    row->boot = run->boots;
    row->value = line->value;
    row->limit = line->limit;
    lab_copy(row->wire, sizeof row->wire, is_memory ? "internal_min" : line->wire);
    lab_copy(row->level, sizeof row->level, is_memory ? "trip" : line->level);
    lab_copy(row->tag, sizeof row->tag, line->tag[0] != '\0' ? line->tag : run->last_tag);
    lab_copy(row->name, sizeof row->name, line->name);
    run->in_dump = false;
    lab_object_begin(&object);
    lab_object_string(&object, "tag", row->tag);
    if (is_memory) {
        lab_object_u32(&object, "hin", row->value);
        lab_object_u32(&object, "threshold", row->limit);
        return lab_rows_event(run, now, "tripwire", &object);
    }
    lab_object_string(&object, "wire", row->wire);
    lab_object_string(&object, "level", row->level);
    lab_object_string(&object, "name", row->name);
    lab_object_u32(&object, "value", row->value);
    lab_object_u32(&object, "limit", row->limit);
    return lab_rows_event(run, now, "wire", &object);
}

// The worst first, six at most.
static void add_worst(lab_trip_t *trip, const lab_line_t *line)
{
    const uint32_t most = sizeof trip->worst / sizeof trip->worst[0];
    uint32_t at = trip->worst_count;
    while (at > 0 && trip->worst[at - 1u].left > line->value) {
        at--;
    }
    if (at >= most) {
        return;
    }
    trip->worst_count += trip->worst_count < most ? 1u : 0u;
    memmove(&trip->worst[at + 1u], &trip->worst[at],
            (trip->worst_count - 1u - at) * sizeof trip->worst[0]);
    memcpy(trip->worst[at].name, line->name, sizeof trip->worst[at].name);
    trip->worst[at].left = line->value;
    trip->worst[at].core = line->core;
    trip->worst[at].priority = line->priority;
}

static int on_task(lab_run_t *run, double now, const lab_line_t *line)
{
    lab_task_row_t *row = LAB_ADD(run, task);
    const char *name = lab_names_keep(&run->names, line->name);
    if (row == NULL) {
        return -1;
    }
    row->ts = now;
    row->boot = run->boots;
    row->tag = run->last_tag;
    row->name = name != NULL ? name : "";
    row->priority = line->priority;
    row->core = line->core;
    row->left = line->value;
    if (line->kind == LAB_LINE_WATERMARK) {
        row->is_watermark = true;
        row->units = line->watermark_units;
        row->unit_bytes = line->watermark_unit_bytes;
        row->configured_bytes = line->limit;
    } else if (run->in_dump && run->trips > 0) {
        add_worst(&run->trip[run->trips - 1u], line);
    }
    return name != NULL ? lab_rows_refer(run, LAB_OF_TASK) : -1;
}

static int on_stack(lab_run_t *run, double now, const lab_line_t *line)
{
    lab_object_t object;
    lab_object_begin(&object);
    lab_object_string(&object, "name", line->name);
    lab_object_u32(&object, "size", line->value);
    lab_object_u32(&object, "prio", line->priority);
    if (run->boots > 0) {
        lab_object_u32(&object, "boot", run->boots);
    }
    return lab_stack_told(run, run->boots, line->name, line->value) |
           lab_rows_event(run, now, "stack", &object);
}

static int on_pool(lab_run_t *run, double now, const lab_line_t *line)
{
    lab_pool_row_t *row = LAB_ADD(run, pool);
    const char *name = lab_names_keep(&run->names, line->name);
    if (row == NULL) {
        return -1;
    }
    row->ts = now;
    row->boot = run->boots;
    row->tag = run->last_tag;
    row->name = name != NULL ? name : "";
    row->pool = line->pool;
    return name != NULL ? lab_rows_refer(run, LAB_OF_POOL) : -1;
}

static int on_lock(lab_run_t *run, double now, const lab_line_t *line)
{
    lab_lock_row_t *row = LAB_ADD(run, lock);
    lab_object_t object;
    if (row == NULL) {
        return -1;
    }
    row->ts = now;
    row->boot = run->boots;
    lab_copy(row->tag, sizeof row->tag, run->last_tag);
    row->held_ms = line->value;
    row->timeouts = line->limit;
    memcpy(row->name, line->name, sizeof row->name);
    memcpy(row->holder, line->holder, sizeof row->holder);
    memcpy(row->waiter, line->waiter, sizeof row->waiter);
    lab_object_begin(&object);
    lab_object_u32(&object, "boot", row->boot);
    lab_object_string(&object, "name", row->name);
    lab_object_string(&object, "holder", row->holder);
    lab_object_string(&object, "waiter", row->waiter);
    lab_object_u32(&object, "held_ms", row->held_ms);
    lab_object_u32(&object, "timeouts", row->timeouts);
    lab_object_string(&object, "tag", row->tag);
    return lab_rows_event(run, now, "lock", &object);
}

static int on_text(lab_run_t *run, double now, const lab_line_t *line)
{
    lab_object_t object;
    lab_object_begin(&object);
    if (line->kind == LAB_LINE_IP) {
        lab_copy(run->final_ip, sizeof run->final_ip, line->name);
        if (run->initial_ip[0] == '\0') {
            lab_copy(run->initial_ip, sizeof run->initial_ip, line->name);
        }
        lab_object_string(&object, "event", "got_ip");
        lab_object_string(&object, "ip", line->name);
    } else if (line->kind == LAB_LINE_VERSION) {
        lab_copy(run->firmware, sizeof run->firmware, line->name);
        lab_object_string(&object, "event", "firmware");
        lab_object_string(&object, "version", line->name);
    } else if (line->kind == LAB_LINE_READY) {
        run->was_ready = true;
        lab_object_string(&object, "marker", "setup_complete");
        return lab_rows_event(run, now, "ready", &object);
    } else {
        lab_object_string(&object, "event", "heartbeat");
        lab_object_u32(&object, "uptime_s", line->value);
        lab_object_u32(&object, "heap", line->memory.hf);
    }
    return lab_rows_event(run, now, "event", &object);
}

static void set_panic(lab_run_t *run, lab_panic_t *row, const lab_line_t *line, const char *text,
                      size_t length)
{
    lab_copy(row->kind, sizeof row->kind, line->name);
    length = length < sizeof row->line ? length : sizeof row->line - 1u;
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        row->line[kept] = c < 0x20u || c == 0x7Fu ? ' ' : (char)c;
        kept += kept > 0 || row->line[kept] != ' ' ? 1u : 0u;
    }
    row->line[kept] = '\0';
    row->line_no = run->line_no;
}

static int on_panic(lab_run_t *run, double now, const lab_line_t *line, const char *text,
                    size_t length)
{
    if (run->reset_expected && strcmp(line->name, "rebooting") == 0) {
        return 0; // it does what it was asked
    }
    lab_panic_t *row = run->panics > 0 ? &run->panic[run->panics - 1u] : NULL;
    bool is_same =
        row != NULL && row->boot == run->boots && run->line_no - run->panic_line_no <= CRASH_LINES;
    run->panic_line_no = run->line_no;
    if (is_same && lab_panic_rank(line->name) >= lab_panic_rank(row->kind)) {
        return 0;
    }
    row = is_same ? row : LAB_ADD(run, panic);
    if (row == NULL) {
        return -1;
    }
    row->ts = now;
    row->boot = run->boots;
    set_panic(run, row, line, text, length);
    lab_copy(row->tag, sizeof row->tag, run->last_tag);
    lab_object_t object;
    lab_object_begin(&object);
    lab_object_string(&object, "kind", row->kind);
    lab_object_string(&object, "line", row->line);
    lab_object_u32(&object, "line_no", row->line_no);
    lab_object_string(&object, "tag", row->tag);
    return lab_rows_event(run, now, "panic", &object);
}

// ---- lines ----------------------------------------------------------------------------------------------------------

static int record(lab_run_t *run, double now, const lab_line_t *line, const char *text,
                  size_t length)
{
    switch (line->kind) {
    case LAB_LINE_ROM:
    case LAB_LINE_RESET:
    case LAB_LINE_BOOT:
        return on_marker(run, now, line);
    case LAB_LINE_MEM:
        return on_mem(run, now, line);
    case LAB_LINE_TRIPWIRE:
    case LAB_LINE_WIRE:
        return on_trip(run, now, line);
    case LAB_LINE_DUMP:
        run->in_dump = run->trips > 0;
        return 0;
    case LAB_LINE_TASK:
    case LAB_LINE_WATERMARK:
        return on_task(run, now, line);
    case LAB_LINE_STACK:
        return on_stack(run, now, line);
    case LAB_LINE_POOL:
        return on_pool(run, now, line);
    case LAB_LINE_LOCK:
        return on_lock(run, now, line);
    case LAB_LINE_REFUSED:
        return on_refused(run, now, line);
    case LAB_LINE_HEARTBEAT:
        run->in_dump = false;
        return on_text(run, now, line);
    case LAB_LINE_IP:
    case LAB_LINE_VERSION:
    case LAB_LINE_READY:
        return on_text(run, now, line);
    case LAB_LINE_PANIC:
        return on_panic(run, now, line, text, length);
    case LAB_LINE_OTHER:
        break;
    }
    return 0;
}

static bool is_marker(lab_line_kind_t kind)
{
    return kind == LAB_LINE_ROM || kind == LAB_LINE_RESET || kind == LAB_LINE_BOOT;
}

static int on_line(lab_run_t *run, double now, const char *text, size_t length)
{
    lab_line_t line;
    int status = 0;
    run->line_no++;
    lab_line_parse(text, length, &line);
    if (is_marker(line.kind)) {
        run->last_up_ms = LAB_UNKNOWN;
    } else if (tells_restart(run, &line)) {
        run->reset_stage = STAGE_RUNNING; // its clock was heard before
        status = begin_reset(run, now, "uptime", &line);
        run->reset_stage = STAGE_ROM; // what follows of a start belongs to it
        (void)tells_restart(run, &line);
    }
    status |= record(run, now, &line, text, length);
    if (!is_marker(line.kind) && line.kind != LAB_LINE_OTHER && line.kind != LAB_LINE_VERSION) {
        run->reset_stage = STAGE_RUNNING;
    }
    if (run->on_line != NULL) {
        run->on_line(run->ctx, run, &line, text, length);
    }
    return status != 0 ? -1 : 0;
}

int lab_run_feed(lab_run_t *run, double now, const char *bytes, size_t length)
{
    int status = 0;
    run->start_ts = run->start_ts != 0 ? run->start_ts : now;
    run->end_ts = now > run->end_ts ? now : run->end_ts;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n') {
            size_t end = run->partial_length;
            run->partial_length = 0;
            status |= on_line(run, now, run->partial, end);
        } else if (run->partial_length < sizeof run->partial) {
            run->partial[run->partial_length++] = bytes[i];
        }
    }
    return status;
}

int lab_run_flush(lab_run_t *run, double now)
{
    size_t length = run->partial_length;
    if (length > 0 && run->partial[length - 1u] >= '0' && run->partial[length - 1u] <= '9') {
        while (length > 0 && run->partial[length - 1u] != ' ') {
            length--; // the figure may have lost digits
        }
        run->partial_length = length;
    }
    return length > 0 ? lab_run_feed(run, now, "\n", 1) : 0;
}

void lab_run_expect_reset(lab_run_t *run)
{
    if (!run->was_ready && run->boots == 0) {
        run->panics = 0;
    }
    run->reset_expected = true;
}
