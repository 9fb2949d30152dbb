// SPDX-License-Identifier: MIT
// What the guard knows, for programs (holdfast_malloc.h) and as a report for people and for other programs. Figures are
// copied under the lock, one user at a time, and written outside of it; a report allocates nothing.
#include "holdfast_malloc_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OUT_BYTES    1024u
#define TARGET_BYTES 1024u
#define TARGET_MODE  0644
#define SCHEMA       1

// Where a report goes: lines are gathered, so that several processes can append to one file.
typedef struct out {
    int fd;
    bool is_bad;
    size_t length;
    char text[OUT_BYTES];
} out_t;

static const char caveat[] =
    "These are figures of a 64-bit Linux process: pointers are twice as wide as on an MCU and the "
    "libraries are others. "
    "They compare one build with another under this limit; they do not predict an MCU.";

static void flush(out_t *out)
{
    for (size_t at = 0; at < out->length && !out->is_bad;) {
        const ssize_t put = write(out->fd, out->text + at, out->length - at);
        out->is_bad = put < 0 && errno != EINTR;
        at += put > 0 ? (size_t)put : 0;
    }
    out->length = 0;
}

static __attribute__((format(printf, 2, 3))) void put(out_t *out, const char *format, ...)
{
    char piece[OUT_BYTES / 2];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    const size_t bytes = length < 0                      ? 0
                         : (size_t)length < sizeof piece ? (size_t)length
                                                         : sizeof piece - 1;
    if (out->length + bytes > sizeof out->text) {
        flush(out);
    }
    memcpy(out->text + out->length, piece, bytes);
    out->length += bytes;
}

/// So that a name can stand between quotes.
static void make_printable(char *name)
{
    for (; *name != '\0'; name++) {
        const char c = *name;
        *name = c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c;
    }
}

static void copy_name(char *out, const char *name)
{
    const size_t length = strnlen(name, HOLDFAST_MALLOC_NAME_BYTES - 1u);
    memset(out, 0, HOLDFAST_MALLOC_NAME_BYTES);
    memcpy(out, name, length);
    make_printable(out);
}

int holdfast_malloc_read(hf_memory_t *memory)
{
    if (!hf_heap_serves()) {
        return HF_E_UNSUPPORTED;
    }
    memset(memory, 0, sizeof *memory);
    if (hf_heap.internal >= 0) {
        const hf_region_stats_t now = hf_region_stats(&hf_heap.part[hf_heap.internal].region);
        memory->internal_free = (uint32_t)now.free_bytes;
        memory->internal_min = (uint32_t)now.min_free_bytes;
        memory->internal_largest = (uint32_t)now.largest_servable_bytes;
    }
    if (hf_heap.psram >= 0) {
        const hf_region_stats_t now = hf_region_stats(&hf_heap.part[hf_heap.psram].region);
        memory->psram_free = (uint32_t)now.free_bytes;
        memory->psram_min = (uint32_t)now.min_free_bytes;
        memory->psram_largest = (uint32_t)now.largest_servable_bytes;
    }
    memory->heap_free = memory->internal_free;
    memory->heap_min = memory->internal_min;
    memory->heap_largest = memory->internal_largest;
    return HF_OK;
}

int holdfast_malloc_region(unsigned number, holdfast_malloc_region_t *region)
{
    if (!hf_heap_serves()) {
        return HF_E_UNSUPPORTED;
    }
    if (number >= hf_heap.spec.count) {
        return HF_E_NOT_FOUND;
    }
    const hf_heap_part_t *part = &hf_heap.part[number];
    if (!hf_heap_enter()) {
        return HF_E_AGAIN;
    }
    const hf_region_stats_t now = hf_region_stats(&part->region);
    const uint32_t refused = part->refused, fragmentation_max = part->fragmentation_max_percent;
    hf_heap_leave();
    *region = (holdfast_malloc_region_t){
        .size_bytes = hf_heap.spec.region[number].bytes,
        .reserved_bytes = hf_heap.spec.region[number].reserve_bytes,
        .used_bytes = now.used_bytes,
        .peak_used_bytes = now.peak_used_bytes,
        .free_bytes = now.free_bytes,
        .min_free_bytes = now.min_free_bytes,
        .largest_bytes = now.largest_servable_bytes,
        .fragmentation_percent = now.fragmentation_percent,
        .fragmentation_max_percent = fragmentation_max,
        .takes = now.takes,
        .gives = now.gives,
        .refused = refused,
    };
    if (region->fragmentation_max_percent < now.fragmentation_percent) {
        region->fragmentation_max_percent = now.fragmentation_percent;
    }
    copy_name(region->name, hf_heap.spec.region[number].name);
    return HF_OK;
}

static int copy_user(const hf_heap_user_t *users, const uint32_t *count, unsigned number,
                     holdfast_malloc_user_t *out)
{
    if (!hf_heap_serves()) {
        return HF_E_UNSUPPORTED;
    }
    if (!hf_heap_enter()) {
        return HF_E_AGAIN;
    }
    const int status = number < *count ? HF_OK : HF_E_NOT_FOUND;
    if (status == HF_OK) {
        const hf_heap_user_t *user = &users[number];
        copy_name(out->name, user->name);
        memcpy(out->used_bytes, user->used_bytes, sizeof out->used_bytes);
        out->peak_bytes = user->peak_bytes;
        out->takes = user->takes;
        out->gives = user->gives;
        out->refused = user->refused;
    }
    hf_heap_leave();
    return status;
}

int holdfast_malloc_library(unsigned number, holdfast_malloc_user_t *user)
{
    return copy_user(hf_heap.library, &hf_heap.library_count, number, user);
}

int holdfast_malloc_tagged(unsigned number, holdfast_malloc_user_t *user)
{
    return copy_user(hf_heap.tag, &hf_heap.tag_count, number, user);
}

int holdfast_malloc_failures(holdfast_malloc_failures_t *failures)
{
    if (!hf_heap_serves()) {
        return HF_E_UNSUPPORTED;
    }
    if (!hf_heap_enter()) {
        return HF_E_AGAIN;
    }
    *failures = hf_heap.failures;
    hf_heap_leave();
    failures->nested = atomic_load_explicit(&hf_heap.nested, memory_order_relaxed);
    make_printable(failures->last_library);
    make_printable(failures->last_tag);
    return HF_OK;
}

void holdfast_malloc_tag(const char *tag)
{
    if (hf_heap_start() == HF_HEAP_SERVES && hf_heap_enter()) {
        hf_heap_thread_tag(hf_heap_tag_of(&hf_heap, tag));
        hf_heap_leave();
    }
}

void holdfast_malloc_dma(bool is_needed)
{
    hf_heap_thread_dma(is_needed);
}

void holdfast_malloc_arm(void)
{
    if (hf_heap_serves() && hf_heap_enter()) {
        hf_heap.is_armed = true;
        hf_heap_leave();
    }
}

static void program_name(char *out)
{
    char text[HOLDFAST_MALLOC_NAME_BYTES] = "?";
    const int file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
    const ssize_t length = file >= 0 ? read(file, text, sizeof text - 1) : -1;
    if (file >= 0) {
        (void)close(file);
    }
    text[length > 0 ? (size_t)length : 1u] = '\0';
    text[strcspn(text, "\n")] = '\0';
    copy_name(out, text);
}

typedef int read_user_t(unsigned number, holdfast_malloc_user_t *user);

static void json_users(out_t *out, const char *name, read_user_t *read)
{
    holdfast_malloc_user_t user;
    const char *comma = "";
    put(out, ",\"%s\":[", name);
    for (unsigned i = 0; read(i, &user) == HF_OK; i++) {
        if (user.takes + user.refused == 0) {
            continue;
        }
        put(out, "%s{\"name\":\"%s\",\"used\":{", comma, user.name);
        for (uint32_t r = 0; r < hf_heap.spec.count; r++) {
            put(out, "%s\"%s\":%zu", r > 0 ? "," : "", hf_heap.spec.region[r].name,
                user.used_bytes[r]);
        }
        put(out, "},\"peak\":%zu,\"takes\":%u,\"gives\":%u,\"refused\":%u}", user.peak_bytes,
            user.takes, user.gives, user.refused);
        comma = ",";
    }
    put(out, "]");
}

static void json_regions(out_t *out)
{
    holdfast_malloc_region_t region;
    put(out, "\"regions\":[");
    for (unsigned i = 0; holdfast_malloc_region(i, &region) == HF_OK; i++) {
        put(out,
            "%s{\"name\":\"%s\",\"size\":%zu,\"reserved\":%zu,\"used\":%zu,\"peak\":%zu,"
            "\"free\":%zu,\"min_free\":%zu,\"largest\":%zu,",
            i > 0 ? "," : "", region.name, region.size_bytes, region.reserved_bytes,
            region.used_bytes, region.peak_used_bytes, region.free_bytes, region.min_free_bytes,
            region.largest_bytes);
        put(out,
            "\"fragmentation_percent\":%u,\"fragmentation_max_percent\":%u,\"takes\":%u,"
            "\"gives\":%u,\"refused\":%u}",
            region.fragmentation_percent, region.fragmentation_max_percent, region.takes,
            region.gives, region.refused);
    }
    put(out, "]");
}

static void json_failures(out_t *out)
{
    holdfast_malloc_failures_t f;
    if (holdfast_malloc_failures(&f) != HF_OK) {
        return;
    }
    put(out,
        ",\"takes\":%u,\"takes_until_start\":%u,\"refused\":%u,\"told_to_fail\":%u,"
        "\"nested\":%u,\"double_gives\":%u,\"foreign\":%u,\"corrupt\":%u",
        f.takes, f.takes_until_start, f.refused, f.told_to_fail, f.nested, f.double_gives,
        f.foreign, f.corrupt);
    if (f.last_bytes > 0) {
        put(out, ",\"last_refused\":{\"bytes\":%zu,\"library\":\"%s\",\"tag\":\"%s\"}",
            f.last_bytes, f.last_library, f.last_tag);
    }
}

static void json_layout(out_t *out)
{
    holdfast_malloc_layout_t layout;
    if (holdfast_malloc_layout(&layout) != HF_OK) {
        put(out, ",\"stacks\":null,\"mapped\":null");
        return;
    }
    put(out, ",\"stacks\":{\"count\":%u,\"resident\":%zu,\"reserved\":%zu,\"region\":\"%s\"}",
        layout.stacks, layout.stack_bytes, layout.stack_reserved_bytes,
        hf_heap.spec.region[hf_heap.routes.stacks].name);
    put(out, ",\"mapped\":{\"anonymous\":%zu,\"files\":%zu,\"regions\":%zu}", layout.mapped_bytes,
        layout.file_bytes, layout.region_bytes);
}

static void write_json(out_t *out, const char *program)
{
    put(out, "{\"schema\":%d,\"program\":\"%s\",\"pid\":%ld,", SCHEMA, program, (long)getpid());
    json_regions(out);
    json_failures(out);
    json_users(out, "libraries", holdfast_malloc_library);
    json_users(out, "tags", holdfast_malloc_tagged);
    json_layout(out);
    put(out, ",\"note\":\"%s\"}\n", caveat);
}

static void text_users(out_t *out, const char *title, read_user_t *read)
{
    holdfast_malloc_user_t user;
    bool is_first = true;
    for (unsigned i = 0; read(i, &user) == HF_OK; i++) {
        if (user.takes + user.refused == 0) {
            continue;
        }
        if (is_first) {
            put(out, "  %-32s %10s %10s %10s %8s\n", title, "in use", "peak", "takes", "refused");
            is_first = false;
        }
        size_t used = 0;
        for (uint32_t r = 0; r < hf_heap.spec.count; r++) {
            used += user.used_bytes[r];
        }
        put(out, "  %-32s %10zu %10zu %10u %8u\n", user.name[0] != '\0' ? user.name : "(none)",
            used, user.peak_bytes, user.takes, user.refused);
    }
}

static void text_regions(out_t *out)
{
    holdfast_malloc_region_t region;
    put(out, "  %-10s %10s %10s %10s %10s %10s %5s %5s %10s %8s\n", "region", "size", "peak",
        "in use", "least free", "largest", "frag", "max", "takes", "refused");
    for (unsigned i = 0; holdfast_malloc_region(i, &region) == HF_OK; i++) {
        put(out, "  %-10s %10zu %10zu %10zu %10zu %10zu %4u%% %4u%% %10u %8u\n", region.name,
            region.size_bytes, region.peak_used_bytes, region.used_bytes, region.min_free_bytes,
            region.largest_bytes, region.fragmentation_percent, region.fragmentation_max_percent,
            region.takes, region.refused);
    }
}

static void text_failures(out_t *out)
{
    holdfast_malloc_failures_t f;
    if (holdfast_malloc_failures(&f) != HF_OK) {
        return;
    }
    put(out, "  takes %u (%u before the start), refused %u (%u told to fail)\n", f.takes,
        f.takes_until_start, f.refused, f.told_to_fail);
    if (f.last_bytes > 0) {
        put(out, "  last refused: %zu B to %s, tag %s\n", f.last_bytes, f.last_library,
            f.last_tag[0] != '\0' ? f.last_tag : "(none)");
    }
    if (f.double_gives + f.foreign + f.corrupt + f.nested > 0) {
        put(out, "  wrong: %u double, %u foreign, %u corrupt gives, %u calls from handlers\n",
            f.double_gives, f.foreign, f.corrupt, f.nested);
    }
}

static void text_layout(out_t *out)
{
    holdfast_malloc_layout_t layout;
    holdfast_malloc_region_t region;
    if (holdfast_malloc_layout(&layout) != HF_OK) {
        put(out, "  stacks and mappings: unknown, there is no /proc\n");
        return;
    }
    put(out,
        "  stacks %u: %zu B touched (%zu B reserved); not heap: %zu B mapped, %zu B of files\n",
        layout.stacks, layout.stack_bytes, layout.stack_reserved_bytes, layout.mapped_bytes,
        layout.file_bytes);
    if (holdfast_malloc_region(hf_heap.routes.stacks, &region) == HF_OK) {
        put(out, "  heap peak and stacks together in %s: %zu B of %zu B\n", region.name,
            region.peak_used_bytes + layout.stack_bytes, region.size_bytes);
    }
}

static void write_text(out_t *out, const char *program)
{
    put(out, "holdfast-malloc: %s, process %ld\n", program, (long)getpid());
    text_regions(out);
    text_failures(out);
    text_users(out, "library", holdfast_malloc_library);
    text_users(out, "tag", holdfast_malloc_tagged);
    text_layout(out);
    put(out, "  %s\n", caveat);
}

int holdfast_malloc_report(int fd, bool is_json)
{
    if (!hf_heap_serves()) {
        return HF_E_UNSUPPORTED;
    }
    out_t out = {.fd = fd};
    char program[HOLDFAST_MALLOC_NAME_BYTES];
    program_name(program);
    if (is_json) {
        write_json(&out, program);
    } else {
        write_text(&out, program);
    }
    flush(&out);
    return out.is_bad ? HF_E_IO : HF_OK;
}

/// A target with %p is a file of each process; any other is written by the process that was started, not by what it forked.
static void report_to(const char *pattern, bool is_forked)
{
    char target[TARGET_BYTES];
    const char *place = strstr(pattern, "%p");
    if (is_forked && place == NULL) {
        return;
    }
    const int before = place != NULL ? (int)(place - pattern) : (int)strlen(pattern);
    if (place != NULL) {
        (void)snprintf(target, sizeof target, "%.*s%ld%s", before, pattern, (long)getpid(),
                       place + 2);
    } else {
        (void)snprintf(target, sizeof target, "%s", pattern);
    }
    const size_t length = strlen(target);
    const bool is_stderr = strcmp(target, "stderr") == 0;
    const bool is_json = length > 5 && strcmp(target + length - 5, ".json") == 0;
    const int fd = is_stderr ? STDERR_FILENO
                             : open(target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, TARGET_MODE);
    const int status = fd >= 0 ? holdfast_malloc_report(fd, is_json) : HF_E_IO;
    if (status != HF_OK) {
        hf_heap_say("no report to '%.100s': %s", target, strerror(errno));
    }
    if (!is_stderr && fd >= 0) {
        (void)close(fd);
    }
}

void hf_heap_report_at_exit(bool is_forked)
{
    static char targets[TARGET_BYTES];
    if (!hf_heap_variable("HOLDFAST_HEAP_REPORT", targets, sizeof targets)) {
        return;
    }
    for (char *target = targets; target != NULL;) {
        char *comma = strchr(target, ',');
        if (comma != NULL) {
            *comma++ = '\0';
        }
        report_to(target, is_forked);
        target = comma;
    }
}
