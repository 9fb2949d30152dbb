// SPDX-License-Identifier: MIT
// Where a process has memory that is not heap: stacks, mappings, files. The kernel tells it (/proc/self/smaps); which
// mapping is a stack is told by the stack pointers of the threads (/proc/self/task/ID/syscall, for those that wait; a
// thread that runs at this moment cannot be asked, but the caller). No allocation: fixed buffers, plain system calls.
#include "holdfast_malloc_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS_MAX 128u
#define LINE_BYTES  512u
#define READ_BYTES  4096u
#define HEX         16

typedef struct stacks {
    uintptr_t pointer[THREADS_MAX];
    uint32_t count;
} stacks_t;

struct entry { // of getdents64
    uint64_t inode;
    int64_t next;
    uint16_t length;
    uint8_t type;
    char name[];
};

/// The stack pointer is the word before the last of "NUMBER ARGUMENTS... SP PC", or of "-1 SP PC".
static bool read_pointer(const char *thread, uintptr_t *pointer)
{
    char path[64], text[256];
    (void)snprintf(path, sizeof path, "/proc/self/task/%.20s/syscall", thread);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = file >= 0 ? read(file, text, sizeof text - 1) : -1;
    if (file >= 0) {
        (void)close(file);
    }
    if (length <= 0) {
        return false;
    }
    text[length] = '\0';
    char *last = strrchr(text, ' ');
    if (last == NULL) {
        return false; // "running"
    }
    *last = '\0';
    const char *before = strrchr(text, ' ');
    *pointer = before != NULL ? (uintptr_t)strtoull(before + 1, NULL, HEX) : 0;
    return *pointer != 0;
}

static void find_stacks(stacks_t *stacks)
{
    _Alignas(8) char buffer[READ_BYTES];
    stacks->pointer[0] = (uintptr_t)__builtin_frame_address(0);
    stacks->count = 1;
    const int folder = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long length = 0;
    while (folder >= 0 && (length = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < length;) {
            const struct entry *entry = (const struct entry *)(const void *)(buffer + at);
            if (entry->name[0] != '.' && stacks->count < THREADS_MAX &&
                read_pointer(entry->name, &stacks->pointer[stacks->count])) {
                stacks->count++;
            }
            at += entry->length;
        }
    }
    if (folder >= 0) {
        (void)close(folder);
    }
}

typedef enum kind { KIND_NONE, KIND_STACK, KIND_REGION, KIND_FILE, KIND_MAPPED } kind_t;

static bool has_stack(const stacks_t *stacks, uintptr_t begin, uintptr_t end)
{
    for (uint32_t i = 0; i < stacks->count; i++) {
        if (stacks->pointer[i] >= begin && stacks->pointer[i] < end) {
            return true;
        }
    }
    return false;
}

// The kernel joins neighbouring mappings of one kind: a region may begin within one.
static bool has_region(uintptr_t begin, uintptr_t end)
{
    for (uint32_t i = 0; i < hf_heap.spec.count; i++) {
        const uintptr_t memory = (uintptr_t)hf_heap.part[i].region.config.memory;
        if (memory >= begin && memory < end) {
            return true;
        }
    }
    return false;
}

/// A line "begin-end perms offset device inode path" opens a mapping. KIND_NONE: it is no such line.
static kind_t judge(const stacks_t *stacks, const char *line, size_t *bytes)
{
    char *rest = NULL;
    const uintptr_t begin = (uintptr_t)strtoull(line, &rest, HEX);
    if (rest == line || *rest != '-') {
        return KIND_NONE;
    }
    const uintptr_t end = (uintptr_t)strtoull(rest + 1, &rest, HEX);
    *bytes = end - begin;
    return *rest != ' '                      ? KIND_NONE
           : strstr(line, "[stack]") != NULL ? KIND_STACK
           : strchr(line, '/') != NULL       ? KIND_FILE
           : has_region(begin, end)          ? KIND_REGION
           : has_stack(stacks, begin, end)   ? KIND_STACK
                                             : KIND_MAPPED;
}

static void add(holdfast_malloc_layout_t *layout, kind_t kind, size_t resident)
{
    size_t *const sums[] = {[KIND_STACK] = &layout->stack_bytes,
                            [KIND_REGION] = &layout->region_bytes,
                            [KIND_FILE] = &layout->file_bytes,
                            [KIND_MAPPED] = &layout->mapped_bytes};
    if (kind != KIND_NONE) {
        *sums[kind] += resident;
    }
}

static kind_t take_line(holdfast_malloc_layout_t *layout, const stacks_t *stacks, kind_t kind,
                        const char *line)
{
    static const char rss[] = "Rss:";
    size_t bytes = 0;
    if (strncmp(line, rss, sizeof rss - 1) == 0) {
        add(layout, kind, (size_t)strtoull(line + sizeof rss - 1, NULL, 10) * 1024u);
        return kind;
    }
    const kind_t opened = judge(stacks, line, &bytes);
    if (opened == KIND_STACK) {
        layout->stacks++;
        layout->stack_reserved_bytes += bytes;
    }
    return opened != KIND_NONE ? opened : kind;
}

int holdfast_malloc_layout(holdfast_malloc_layout_t *layout)
{
    stacks_t stacks;
    char line[LINE_BYTES], buffer[READ_BYTES];
    size_t length = 0;
    kind_t kind = KIND_NONE;
    ssize_t got = 0;
    memset(layout, 0, sizeof *layout);
    find_stacks(&stacks);
    const int file = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return HF_E_IO;
    }
    while ((got = read(file, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (buffer[i] != '\n') {
                line[length] = buffer[i];
                length += length + 1 < sizeof line ? 1u : 0u; // the end of a long path is of no use
                continue;
            }
            line[length] = '\0';
            length = 0;
            kind = take_line(layout, &stacks, kind, line);
        }
    }
    (void)close(file);
    return layout->stacks > 0 ? HF_OK : HF_E_IO;
}
