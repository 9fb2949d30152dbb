// SPDX-License-Identifier: MIT
// The telemetry lines, one function each: what a device prints and `holdfast lab` reads, byte for byte that of the
// harness of old (docs/SPEC.md). Pure. A line is appended whole, with its end, or not at all. Tags and names are
// percent-encoded (everything but letters, digits and _ - . : / +), so that a reader may split at blanks; of a long one
// the rest is left out, between two characters. An empty one is told as "-", a tag that is NULL as "(null)", a name that
// is NULL as "-".
#ifndef HF_LINE_H
#define HF_LINE_H

#include "holdfast/hf_memory.h"
#include "holdfast/hf_text.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_LINE_BYTES      352u // room for any of them, with its NUL
#define HF_LINE_TAG_BYTES  40u  // of a tag, a version, a reason or a host, before it is encoded
#define HF_LINE_NAME_BYTES 24u  // of a name

typedef struct hf_line_task {
    const char *name;
    uint32_t priority;
    int32_t core;              // -1: any
    uint32_t stack_free_bytes; // never touched
} hf_line_task_t;

typedef struct hf_line_pool {
    const char *name;
    uint32_t block_bytes, capacity, in_use, peak;
    uint32_t free_min;    // capacity - peak
    uint32_t exhausted;   // takes refused
    uint32_t wrong_gives; // "bad"
} hf_line_pool_t;

typedef struct hf_line_wire {
    const char *kind, *level; // as they stand: hf_wire_text(), "warning" or "trip"
    const char *tag;
    const char *name; // pool, task or lock; NULL: none
    uint32_t value, limit;
} hf_line_wire_t;

typedef struct hf_line_lock {
    const char *name, *holder, *waiter; // of the last time-out; NULL: nobody
    uint32_t held_ms, timeouts;
} hf_line_lock_t;

/// All: HF_E_TOO_LONG when it does not fit: `out` is as before.
// [Mem] <tag> hf=.. hm=.. hl=.. hi=.. hin=.. frag=.. pf=.. pm=.. pl=.. (0ms)
HF_MUST_CHECK int hf_line_memory(hf_builder_t *out, const char *tag, const hf_memory_t *memory);
// [Mem] TRIPWIRE fired tag=<tag> hin=<u>B < <u>B (hf=<u>B hl=<u>B frag=<u>% pf=<u>B pl=<u>B) (0ms)
HF_MUST_CHECK int hf_line_tripwire(hf_builder_t *out, const char *tag, uint32_t threshold_bytes,
                                   const hf_memory_t *memory);
// [Trip] <kind> <level> tag=<tag> value=<u> limit=<u> name=<name> (0ms): every other wire, and every warning.
HF_MUST_CHECK int hf_line_wire(hf_builder_t *out, const hf_line_wire_t *wire);
// [Mem] Task dump (<n> tasks, sorted by stack margin) tag=<tag> (0ms)
HF_MUST_CHECK int hf_line_dump(hf_builder_t *out, const char *tag, uint32_t tasks);
// [Task] name=<name> prio=<u> core=<d> stack_rem=<u>B (0ms)
HF_MUST_CHECK int hf_line_task(hf_builder_t *out, const hf_line_task_t *task);
// [Stack] name=<name> size=<u>B prio=<u> (0ms)
HF_MUST_CHECK int hf_line_stack(hf_builder_t *out, const char *name, uint32_t stack_bytes,
                                uint32_t priority);
// [Pool] name=<name> size=<u> cap=<u> use=<u> peak=<u> min=<u> exh=<u> bad=<u> (0ms)
HF_MUST_CHECK int hf_line_pool(hf_builder_t *out, const hf_line_pool_t *pool);
// [Lock] name=<lock> holder=<name> waiter=<name> held_ms=<u> timeouts=<u> (0ms)
HF_MUST_CHECK int hf_line_lock(hf_builder_t *out, const hf_line_lock_t *lock);
// [Heartbeat] Up: <u>s | Heap: <u> | WiFi: <ip> (<host>)   or   WiFi: Disconnected (ip NULL)
HF_MUST_CHECK int hf_line_heartbeat(hf_builder_t *out, uint32_t up_s, uint32_t heap_free_bytes,
                                    const char *ip, const char *host);
// The prologue: rst:0x<code> (<reason>) / [System Boot] Starting... / "  Firmware: v<version>" / [WiFi] Got IP: <ip> /
// [Main] Setup complete. Blanks of the reason stay.
HF_MUST_CHECK int hf_line_reset(hf_builder_t *out, uint32_t code, const char *reason);
HF_MUST_CHECK int hf_line_boot(hf_builder_t *out);
HF_MUST_CHECK int hf_line_version(hf_builder_t *out, const char *version);
HF_MUST_CHECK int hf_line_ip(hf_builder_t *out, const char *ip);
HF_MUST_CHECK int hf_line_ready(hf_builder_t *out);

#ifdef __cplusplus
}
#endif

#endif
