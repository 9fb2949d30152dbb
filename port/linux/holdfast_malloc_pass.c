// SPDX-License-Identifier: MIT
// The family behind us, for a process without a budget, and the few bytes that are needed while it is looked for: dlsym()
// may allocate. What comes from there is never given back, and a free() of it does nothing.
#include "holdfast_malloc_private.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define BOOT_BYTES 16384u

typedef struct family {
    void *(*malloc)(size_t bytes);
    void *(*calloc)(size_t count, size_t bytes);
    void *(*realloc)(void *block, size_t bytes);
    void (*free)(void *block);
    void *(*memalign)(size_t align, size_t bytes);
    size_t (*usable)(void *block);
} family_t;

static family_t behind;
static _Alignas(64) uint8_t boot[BOOT_BYTES];
static _Atomic size_t boot_used;

// A void pointer is no function pointer in ISO C; POSIX says that dlsym()'s is one. By a union: memcpy() may be a
// sanitizer's, which is not there yet.
#define FIND(member, name)                                                                         \
    do {                                                                                           \
        union {                                                                                    \
            void *found;                                                                           \
            __typeof__(behind.member) function;                                                    \
        } symbol = {.found = dlsym(RTLD_NEXT, name)};                                              \
        behind.member = symbol.function;                                                           \
    } while (0)

void hf_heap_pass_find(void)
{
    FIND(malloc, "malloc");
    FIND(calloc, "calloc");
    FIND(realloc, "realloc");
    FIND(free, "free");
    FIND(memalign, "memalign");
    FIND(usable, "malloc_usable_size");
}

void *hf_heap_boot_take(size_t bytes, size_t align)
{
    align = align < alignof(max_align_t) ? alignof(max_align_t) : align;
    // The size stands before the block, for realloc().
    const size_t room = bytes + 2u * align;
    const size_t begin =
        room > bytes && room <= BOOT_BYTES ? atomic_fetch_add(&boot_used, room) : BOOT_BYTES;
    if (begin > BOOT_BYTES - room) {
        errno = ENOMEM;
        return NULL;
    }
    uint8_t *block = boot + begin + align;
    block += (size_t)(0u - (uintptr_t)block) & (align - 1u);
    memcpy(block - sizeof bytes, &bytes, sizeof bytes);
    return block;
}

bool hf_heap_boot_owns(const void *block)
{
    return (uintptr_t)block - (uintptr_t)boot < sizeof boot;
}

size_t hf_heap_boot_usable(const void *block)
{
    size_t bytes;
    memcpy(&bytes, (const uint8_t *)block - sizeof bytes, sizeof bytes);
    return bytes;
}

void *hf_heap_pass_take(const hf_heap_request_t *request, bool is_zeroed)
{
    if (request->align > alignof(max_align_t)) {
        return behind.memalign != NULL ? behind.memalign(request->align, request->bytes) : NULL;
    }
    if (is_zeroed) {
        return behind.calloc != NULL ? behind.calloc(1, request->bytes) : NULL;
    }
    return behind.malloc != NULL ? behind.malloc(request->bytes) : NULL;
}

void *hf_heap_pass_resize(void *block, size_t bytes)
{
    return behind.realloc != NULL ? behind.realloc(block, bytes) : NULL;
}

void hf_heap_pass_give(void *block)
{
    if (behind.free != NULL) {
        behind.free(block);
    }
}

size_t hf_heap_pass_usable(void *block)
{
    return behind.usable != NULL ? behind.usable(block) : 0;
}
