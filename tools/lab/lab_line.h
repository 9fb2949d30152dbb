// SPDX-License-Identifier: MIT
// A line of a device's serial stream, understood: both dialects ("[Mem] hb hf=..." and "[123ms] I Mem: hb hf=..."),
// indented or not, with percent-encoded tags or tags and names with blanks in them, as old firmware prints them; the
// lines of its successors ("TRIPWIRE fired: internal_min=... <= ...", "Stack: NAME hw=...", "[ALLOC-FAIL] size=...").
// Pure; what is not understood is LAB_LINE_OTHER, never an error.
#ifndef LAB_LINE_H
#define LAB_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_NAME_BYTES 64u

typedef enum lab_line_kind {
    LAB_LINE_OTHER,
    LAB_LINE_MEM,       // tag, memory
    LAB_LINE_TRIPWIRE,  // tag, value (hin), limit, memory as far as told
    LAB_LINE_WIRE,      // wire, level, tag, value, limit, name
    LAB_LINE_DUMP,      // tag, value: number of tasks
    LAB_LINE_TASK,      // name, priority, core, value: bytes left
    LAB_LINE_STACK,     // name, priority, value: bytes of the stack
    LAB_LINE_WATERMARK, // of AsyncTCP: name, watermark; value: bytes left, limit: configured size
    LAB_LINE_POOL,      // name, pool
    LAB_LINE_LOCK,      // name, holder, waiter, value: held ms, limit: time-outs
    LAB_LINE_REFUSED, // an allocation that failed: value: bytes asked for, name: who asked (may be empty)
    LAB_LINE_HEARTBEAT, // value: uptime s; memory.hf
    LAB_LINE_RESET,     // value: code, name: reason
    LAB_LINE_ROM,       // "ESP-ROM:...", the first line after a reset; name: the chip
    LAB_LINE_BOOT,
    LAB_LINE_VERSION, // name
    LAB_LINE_IP,      // name
    LAB_LINE_READY,
    LAB_LINE_PANIC, // name: kind of the taxonomy
} lab_line_kind_t;

/// Bytes, frag in percent. LAB_UNKNOWN: the line does not say.
#define LAB_UNKNOWN      UINT32_MAX
#define LAB_CORE_ANY     (-1)      // also what old firmware prints as 2147483647
#define LAB_CORE_UNKNOWN INT32_MIN // the line does not say
typedef struct lab_memory {
    uint32_t hf, hm, hl, hi, hin, frag, pf, pm, pl;
} lab_memory_t;

typedef struct lab_pool {
    uint32_t size, cap, use, peak, min, exh, bad;
} lab_pool_t;

typedef struct lab_line {
    lab_line_kind_t kind;
    char tag[LAB_NAME_BYTES], name[LAB_NAME_BYTES]; // decoded
    char wire[24], level[12], holder[LAB_NAME_BYTES], waiter[LAB_NAME_BYTES];
    uint32_t value, limit, priority;
    int32_t core;
    uint32_t up_ms; // of the stamp "[123ms]"; LAB_UNKNOWN: none
    uint32_t watermark_units, watermark_unit_bytes;
    lab_memory_t memory;
    lab_pool_t pool;
} lab_line_t;

/// `text` without its end. Numbers out of range: the line is LAB_LINE_OTHER.
void lab_line_parse(const char *text, size_t length, lab_line_t *line);
/// The kind of a panic that a line tells ("guru_meditation", "stack_canary", "task_watchdog", ...), or NULL. Ordinary words
/// are none ("brownout detector enabled"). The table is in lab_panic.c; lab_panic_rank() orders kinds: of several lines
/// of one crash the lowest rank names it (a cause before "backtrace", that before "rebooting").
const char *lab_panic_kind(const char *text, size_t length);
unsigned lab_panic_rank(const char *kind);

#endif
