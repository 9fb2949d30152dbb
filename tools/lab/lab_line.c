// SPDX-License-Identifier: MIT
// Takes a line apart: what stands before it (indent, colour, stamp, level), its module, its message; then by module and
// message. Old firmware cuts a message at 127 characters and still appends " (0ms)": the last figure of such a line may
// have lost digits, so it is not believed.
#include "lab_line.h"

#include <string.h>

#define CUT_MESSAGE_CHARS 127
#define CORE_NO_AFFINITY  2147483647u // what IDF calls "any core"

typedef struct scan {
    const char *at, *end;
} scan_t;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// What a UART says of a line that floats while its device restarts; ESC begins a colour.
static bool is_noise(char c)
{
    unsigned char byte = (unsigned char)c;
    return (byte < 0x20u && byte != 0x1Bu) || byte >= 0x7Fu;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_level(char c)
{
    return memchr("EWIDV", c, 5) != NULL;
}

static void skip_blanks(scan_t *scan)
{
    while (scan->at < scan->end && is_blank(*scan->at)) {
        scan->at++;
    }
}

static bool starts(const scan_t *scan, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(scan->end - scan->at) >= length && memcmp(scan->at, text, length) == 0;
}

static bool take(scan_t *scan, const char *text)
{
    if (!starts(scan, text)) {
        return false;
    }
    scan->at += strlen(text);
    return true;
}

static const char *find(const scan_t *scan, const char *text)
{
    return memmem(scan->at, (size_t)(scan->end - scan->at), text, strlen(text));
}

// LAB_UNKNOWN itself is out of range, too.
static bool take_u32(scan_t *scan, uint32_t *value)
{
    uint64_t sum = 0;
    const char *begin = scan->at;
    while (scan->at < scan->end && is_digit(*scan->at)) {
        sum = sum * 10u + (uint64_t)(*scan->at - '0');
        if (sum >= LAB_UNKNOWN) {
            return false;
        }
        scan->at++;
    }
    *value = (uint32_t)sum;
    return scan->at > begin;
}

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool take_hex(scan_t *scan, uint32_t *value)
{
    uint64_t sum = 0;
    const char *begin = scan->at;
    while (scan->at < scan->end && hex_value(*scan->at) >= 0) {
        sum = sum * 16u + (uint64_t)hex_value(*scan->at);
        if (sum >= LAB_UNKNOWN) {
            return false;
        }
        scan->at++;
    }
    *value = (uint32_t)sum;
    return scan->at > begin;
}

// Decodes percent signs; control characters become '?', so that a tag is text wherever it is shown.
static unsigned char next_char(const char **from, const char *end)
{
    const char *at = *from;
    unsigned char c = (unsigned char)*at++;
    if (c == '%' && end - at >= 2 && hex_value(at[0]) >= 0 && hex_value(at[1]) >= 0) {
        c = (unsigned char)(hex_value(at[0]) * 16 + hex_value(at[1]));
        at += 2;
    }
    *from = at;
    return c < 0x20u || c == 0x7Fu ? '?' : c;
}

static bool is_continued(unsigned char c)
{
    return (c & 0xC0u) == 0x80u;
}

// Too long: cut, at the end of a character.
static void copy_name(const char *from, const char *end, char *out, size_t capacity)
{
    size_t length = 0;
    while (from < end && length + 1u < capacity) {
        out[length++] = (char)next_char(&from, end);
    }
    if (from < end && is_continued(next_char(&from, end))) {
        while (length > 0 && is_continued((unsigned char)out[length - 1u])) {
            length--;
        }
        length -= length > 0 ? 1u : 0u;
    }
    out[length] = '\0';
}

// Everything up to `until`, which is left; empty is no name.
static bool take_name(scan_t *scan, const char *until, char *out)
{
    const char *end = find(scan, until);
    if (end == NULL || end == scan->at) {
        return false;
    }
    copy_name(scan->at, end, out, LAB_NAME_BYTES);
    scan->at = end;
    return true;
}

static bool take_token(scan_t *scan, char *out, size_t capacity)
{
    skip_blanks(scan);
    const char *begin = scan->at;
    while (scan->at < scan->end && !is_blank(*scan->at)) {
        scan->at++;
    }
    copy_name(begin, scan->at, out, capacity);
    return scan->at > begin;
}

static bool take_field(scan_t *scan, const char *key, uint32_t *value)
{
    skip_blanks(scan);
    return take(scan, key) && take(scan, "=") && take_u32(scan, value);
}

// ---- figures of [Mem] ----------------------------------------------------------------------------------------------

static uint32_t *figure(lab_memory_t *memory, const char *key, size_t length)
{
    static const struct {
        const char *key;
        size_t offset;
    } table[] = {
        {"hf", offsetof(lab_memory_t, hf)},   {"hm", offsetof(lab_memory_t, hm)},
        {"hl", offsetof(lab_memory_t, hl)},   {"hi", offsetof(lab_memory_t, hi)},
        {"hin", offsetof(lab_memory_t, hin)}, {"frag", offsetof(lab_memory_t, frag)},
        {"pf", offsetof(lab_memory_t, pf)},   {"pm", offsetof(lab_memory_t, pm)},
        {"pl", offsetof(lab_memory_t, pl)},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strlen(table[i].key) == length && memcmp(table[i].key, key, length) == 0) {
            return (uint32_t *)(void *)((char *)memory + table[i].offset);
        }
    }
    return NULL;
}

// "key=number" as often as it comes, in any order; unknown keys are passed over. False: a number is out of range, or a known
// key has none. `count`: known ones.
static bool take_figures(scan_t *scan, lab_memory_t *memory, const char *cut, unsigned *count)
{
    *count = 0;
    for (;;) {
        skip_blanks(scan);
        const char *key = scan->at, *at = key;
        while (at < scan->end && *at >= 'a' && *at <= 'z') {
            at++;
        }
        if (at == key || at == scan->end || *at != '=') {
            return true;
        }
        uint32_t *place = figure(memory, key, (size_t)(at - key)), other;
        scan->at = at + 1;
        if (!take_u32(scan, place != NULL ? place : &other)) {
            return false;
        }
        if (scan->at == cut && place != NULL) {
            *place = LAB_UNKNOWN;
        }
        *count += place != NULL ? 1u : 0u;
        if (scan->at < scan->end && (*scan->at == 'B' || *scan->at == '%')) {
            scan->at++;
        }
        if (scan->at < scan->end && !is_blank(*scan->at) && *scan->at != ')') {
            return false; // "12x4": two lines ran into each other
        }
    }
}

// Where a message that was cut at 127 characters ends, NULL when it is shorter.
static const char *cut_of(const scan_t *message)
{
    const char *end = message->end;
    const char *suffix = memrchr(message->at, '(', (size_t)(end - message->at));
    if (suffix != NULL && suffix > message->at && suffix[-1] == ' ' && end - suffix >= 5 &&
        memcmp(end - 3, "ms)", 3) == 0) {
        end = suffix - 1;
    }
    return end - message->at >= CUT_MESSAGE_CHARS ? end : NULL;
}

static bool parse_memory(scan_t scan, lab_line_t *line)
{
    const char *cut = cut_of(&scan);
    unsigned figures;
    if (!take_name(&scan, " hf=", line->tag) ||
        !take_figures(&scan, &line->memory, cut, &figures) || figures < 2u ||
        (line->memory.frag > 100u && line->memory.frag != LAB_UNKNOWN)) {
        return false;
    }
    line->kind = LAB_LINE_MEM;
    return true;
}

// "fired tag=<tag> hin=<u>B < <u>B (hf=..)", and of later firmware "fired: internal_min=<u> <= <u>".
static bool parse_tripwire(scan_t scan, lab_line_t *line)
{
    const char *cut = cut_of(&scan);
    unsigned figures;
    line->kind = LAB_LINE_TRIPWIRE;
    if (take(&scan, ":")) {
        skip_blanks(&scan);
        return take(&scan, "internal_min=") && take_u32(&scan, &line->value) &&
               take(&scan, " <= ") && take_u32(&scan, &line->limit);
    }
    skip_blanks(&scan);
    if (!take(&scan, "tag=") || !take_name(&scan, " hin=", line->tag) ||
        !take_field(&scan, "hin", &line->value) || !take(&scan, "B < ") ||
        !take_u32(&scan, &line->limit)) {
        return false;
    }
    line->memory.hin = line->value;
    return !take(&scan, "B (") || take_figures(&scan, &line->memory, cut, &figures);
}

static bool parse_dump(scan_t scan, lab_line_t *line)
{
    line->kind = LAB_LINE_DUMP;
    if (!take(&scan, "Task dump (") || !take_u32(&scan, &line->value) || !take(&scan, " tasks")) {
        return false;
    }
    const char *tag = find(&scan, ") tag=");
    if (tag != NULL) {
        scan.at = tag + strlen(") tag=");
        const char *end = find(&scan, " (0ms)");
        copy_name(scan.at, end != NULL ? end : scan.end, line->tag, sizeof line->tag);
    }
    return true;
}

static bool parse_mem(scan_t scan, lab_line_t *line)
{
    if (take(&scan, "TRIPWIRE fired")) {
        return parse_tripwire(scan, line);
    }
    return starts(&scan, "Task dump") ? parse_dump(scan, line) : parse_memory(scan, line);
}

// ---- the other modules ----------------------------------------------------------------------------------------------

static bool parse_task(scan_t scan, lab_line_t *line)
{
    line->kind = LAB_LINE_TASK;
    if (!take(&scan, "name=") || !take_name(&scan, " prio=", line->name) ||
        !take_field(&scan, "prio", &line->priority)) {
        return false;
    }
    skip_blanks(&scan);
    bool is_negative = take(&scan, "core=-"), is_there = is_negative || take(&scan, "core=");
    uint32_t core;
    if (!is_there || !take_u32(&scan, &core) || core > CORE_NO_AFFINITY) {
        return false;
    }
    line->core = is_negative || core == CORE_NO_AFFINITY ? LAB_CORE_ANY : (int32_t)core;
    return take_field(&scan, "stack_rem", &line->value);
}

// "Stack: <name> hw=<u>" of later firmware.
static bool parse_stack(scan_t scan, lab_line_t *line)
{
    line->kind = LAB_LINE_TASK;
    skip_blanks(&scan);
    return take_name(&scan, " hw=", line->name) && take_field(&scan, "hw", &line->value);
}

static bool parse_stack_size(scan_t scan, lab_line_t *line)
{
    return take(&scan, "name=") && take_name(&scan, " size=", line->name) &&
           take_field(&scan, "size", &line->value) && line->value > 0 && take(&scan, "B") &&
           take_field(&scan, "prio", &line->priority);
}

static bool parse_watermark(scan_t scan, lab_line_t *line)
{
    uint32_t bytes;
    line->kind = LAB_LINE_WATERMARK;
    skip_blanks(&scan);
    if (!take(&scan, "task=") || !take_name(&scan, " rem=", line->name) ||
        !take_field(&scan, "rem", &line->watermark_units) || !take(&scan, " units (") ||
        !take_u32(&scan, &bytes) || !take(&scan, " B), unit=") ||
        !take_u32(&scan, &line->watermark_unit_bytes) || !take(&scan, " B, ")) {
        return false;
    }
    line->value = bytes;
    return take(&scan, "CONFIG_ASYNC_TCP_STACK_SIZE(raw)=") && take_u32(&scan, &line->limit);
}

static bool parse_pool(scan_t scan, lab_line_t *line)
{
    lab_pool_t *pool = &line->pool;
    line->kind = LAB_LINE_POOL;
    return take(&scan, "name=") && take_name(&scan, " size=", line->name) &&
           take_field(&scan, "size", &pool->size) && take_field(&scan, "cap", &pool->cap) &&
           take_field(&scan, "use", &pool->use) && take_field(&scan, "peak", &pool->peak) &&
           take_field(&scan, "min", &pool->min) && take_field(&scan, "exh", &pool->exh) &&
           take_field(&scan, "bad", &pool->bad);
}

static bool parse_lock(scan_t scan, lab_line_t *line)
{
    line->kind = LAB_LINE_LOCK;
    return take(&scan, "name=") && take_name(&scan, " holder=", line->name) &&
           take(&scan, " holder=") && take_name(&scan, " waiter=", line->holder) &&
           take(&scan, " waiter=") && take_name(&scan, " held_ms=", line->waiter) &&
           take_field(&scan, "held_ms", &line->value) &&
           take_field(&scan, "timeouts", &line->limit);
}

static bool parse_wire(scan_t scan, lab_line_t *line)
{
    line->kind = LAB_LINE_WIRE;
    if (!take_token(&scan, line->wire, sizeof line->wire) ||
        !take_token(&scan, line->level, sizeof line->level) || !take(&scan, " tag=") ||
        !take_name(&scan, " value=", line->tag) || !take_field(&scan, "value", &line->value) ||
        !take_field(&scan, "limit", &line->limit)) {
        return false;
    }
    if (take(&scan, " name=")) {
        const char *end = find(&scan, " (0ms)");
        copy_name(scan.at, end != NULL ? end : scan.end, line->name, sizeof line->name);
    }
    if (strcmp(line->name, "-") == 0) {
        line->name[0] = '\0'; // no name: memory
    }
    return true;
}

static bool parse_heartbeat(scan_t scan, lab_line_t *line)
{
    line->kind = LAB_LINE_HEARTBEAT;
    if (!take(&scan, "Up: ") || !take_u32(&scan, &line->value) || !take(&scan, "s | Heap: ") ||
        !take_u32(&scan, &line->memory.hf)) {
        return false;
    }
    if (take(&scan, " | WiFi: ") && !starts(&scan, "Disconnected")) {
        (void)take_token(&scan, line->name, sizeof line->name);
    }
    return true;
}

static bool parse_refused(scan_t scan, lab_line_t *line)
{
    line->kind = LAB_LINE_REFUSED;
    if (!take_field(&scan, "size", &line->value)) {
        return false;
    }
    const char *caller = find(&scan, " caller=");
    if (caller != NULL) {
        scan.at = caller + strlen(" caller=");
        (void)take_token(&scan, line->name, sizeof line->name);
    }
    return true;
}

static bool parse_reset(scan_t scan, lab_line_t *line)
{
    line->kind = LAB_LINE_RESET;
    if (!(take(&scan, "0x") || take(&scan, "0X") ? take_hex(&scan, &line->value)
                                                 : take_u32(&scan, &line->value))) {
        return false;
    }
    if (take(&scan, " (")) {
        const char *end = find(&scan, ")");
        copy_name(scan.at, end != NULL ? end : scan.end, line->name, sizeof line->name);
    }
    return true;
}

// A dotted quad, or what the device has instead; up to the next blank.
static bool parse_ip(scan_t scan, lab_line_t *line)
{
    line->kind = LAB_LINE_IP;
    return take_token(&scan, line->name, sizeof line->name) && strlen(line->name) < 46u &&
           strspn(line->name, "0123456789abcdefABCDEF.:%") == strlen(line->name);
}

static bool parse_version(scan_t scan, lab_line_t *line)
{
    line->kind = LAB_LINE_VERSION;
    skip_blanks(&scan);
    return take(&scan, "v") && take_token(&scan, line->name, sizeof line->name);
}

static bool parse_nothing(scan_t scan, lab_line_t *line)
{
    (void)scan;
    (void)line;
    return true;
}

// ---- a line ---------------------------------------------------------------------------------------------------------

typedef struct entry {
    const char *module; // NULL: any, or none
    const char *text;   // the message starts with it; it is passed over
    lab_line_kind_t kind;
    bool (*parse)(scan_t rest, lab_line_t *line);
} entry_t;

static const entry_t entries[] = {
    {"Mem", "", LAB_LINE_MEM, parse_mem},
    {NULL, "TRIPWIRE fired", LAB_LINE_TRIPWIRE, parse_tripwire},
    {NULL, "TRIPWIRE: task stack watermarks", LAB_LINE_DUMP, parse_nothing},
    {NULL, "Stack: ", LAB_LINE_TASK, parse_stack},
    {"Task", "", LAB_LINE_TASK, parse_task},
    {"Stack", "", LAB_LINE_STACK, parse_stack_size},
    {"Pool", "", LAB_LINE_POOL, parse_pool},
    {"Lock", "", LAB_LINE_LOCK, parse_lock},
    {"Trip", "", LAB_LINE_WIRE, parse_wire},
    {"Heartbeat", "", LAB_LINE_HEARTBEAT, parse_heartbeat},
    {"ALLOC-FAIL", "", LAB_LINE_REFUSED, parse_refused},
    {NULL, "[ALLOC-FAIL] ", LAB_LINE_REFUSED, parse_refused},
    {NULL, "AsyncTCP stack watermark:", LAB_LINE_WATERMARK, parse_watermark},
    {"System Boot", "", LAB_LINE_BOOT, parse_nothing},
    {NULL, "System Boot", LAB_LINE_BOOT, parse_nothing},
    {NULL, "[System Boot]", LAB_LINE_BOOT, parse_nothing},
    {"Main", "Setup complete", LAB_LINE_READY, parse_nothing},
    {NULL, "Got IP:", LAB_LINE_IP, parse_ip},
    {NULL, "Firmware:", LAB_LINE_VERSION, parse_version},
    {NULL, "rst:", LAB_LINE_RESET, parse_reset},
    {NULL, "ESP-ROM:", LAB_LINE_ROM, parse_nothing},
};

static void skip_colour(scan_t *scan)
{
    if (scan->end - scan->at > 4 && memcmp(scan->end - 4, "\x1b[0m", 4) == 0) {
        scan->end -= 4;
    }
    while (scan->end - scan->at >= 3 && scan->at[0] == '\x1b' && scan->at[1] == '[') {
        const char *end = memchr(scan->at, 'm', (size_t)(scan->end - scan->at));
        if (end == NULL) {
            return;
        }
        scan->at = end + 1;
    }
}

// "[123ms] " and, after it, "I Mem: ".
static bool take_stamp(scan_t *scan, uint32_t *up_ms)
{
    scan_t ahead = *scan;
    uint32_t stamp;
    if (!take(&ahead, "[") || !take_u32(&ahead, &stamp) || !take(&ahead, "ms]")) {
        return false;
    }
    skip_blanks(&ahead);
    *up_ms = stamp;
    *scan = ahead;
    return true;
}

// "E (123) Mem: " of IDF's own log.
static bool take_idf_stamp(scan_t *scan, uint32_t *up_ms)
{
    scan_t ahead = *scan;
    uint32_t stamp;
    if (ahead.end - ahead.at < 6 || !is_level(*ahead.at)) {
        return false;
    }
    ahead.at++;
    if (!take(&ahead, " (") || !take_u32(&ahead, &stamp) || !take(&ahead, ") ")) {
        return false;
    }
    *up_ms = stamp;
    *scan = ahead;
    return true;
}

static void take_module(scan_t *scan, bool is_stamped, scan_t *module)
{
    const char *end = NULL;
    *module = (scan_t){.at = scan->at, .end = scan->at};
    if (is_stamped && scan->end - scan->at > 2 && is_level(*scan->at) && scan->at[1] == ' ') {
        scan->at += 2;
    }
    if (take(scan, "[")) {
        end = find(scan, "]");
        if (end == NULL) {
            scan->at--;
            return;
        }
    } else if (is_stamped) {
        end = find(scan, ": ");
    }
    if (end != NULL) {
        *module = (scan_t){.at = scan->at, .end = end};
        scan->at = end + 1;
        skip_blanks(scan);
    }
}

static bool is_module(const scan_t *module, const char *name)
{
    size_t length = strlen(name);
    return (size_t)(module->end - module->at) == length && memcmp(module->at, name, length) == 0;
}

static void clear(lab_line_t *line, uint32_t up_ms)
{
    memset(line, 0, sizeof *line);
    memset(&line->memory, 0xFF, sizeof line->memory);
    line->kind = LAB_LINE_OTHER;
    line->priority = LAB_UNKNOWN;
    line->core = LAB_CORE_UNKNOWN;
    line->up_ms = up_ms;
}

void lab_line_parse(const char *text, size_t length, lab_line_t *line)
{
    scan_t scan = {.at = text, .end = text + length}, module;
    uint32_t up_ms = LAB_UNKNOWN;
    while (scan.at < scan.end && (is_blank(*scan.at) || is_noise(*scan.at))) {
        scan.at++;
    }
    const scan_t whole = scan;
    while (scan.end > scan.at && is_blank(scan.end[-1])) {
        scan.end--;
    }
    skip_colour(&scan);
    skip_blanks(&scan);
    bool is_stamped = take_stamp(&scan, &up_ms) || take_idf_stamp(&scan, &up_ms);
    take_module(&scan, is_stamped, &module);
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        scan_t rest = scan;
        clear(line, up_ms);
        if ((entries[i].module != NULL && !is_module(&module, entries[i].module)) ||
            !take(&rest, entries[i].text)) {
            continue;
        }
        line->kind = entries[i].kind;
        if (entries[i].parse(rest, line)) {
            return;
        }
    }
    clear(line, up_ms);
    const char *panic = lab_panic_kind(whole.at, (size_t)(whole.end - whole.at));
    if (panic != NULL) {
        line->kind = LAB_LINE_PANIC;
        copy_name(panic, panic + strlen(panic), line->name, sizeof line->name);
    }
}
