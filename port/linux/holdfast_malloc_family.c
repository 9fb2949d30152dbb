// SPDX-License-Identifier: MIT
// The family that programs call, and the questions of holdfast_malloc.h. Everything here is what C, POSIX and glibc 2.36
// promise of these functions; where they leave it open: malloc(0) is a block of its own, realloc(p, 0) frees and answers
// NULL, aligned_alloc() takes any size, a size above PTRDIFF_MAX is ENOMEM.
#include "holdfast_malloc_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default"), noinline))
#define MINE  __builtin_return_address(0)

// Those that no header of -std=c11 declares; malloc.h would bring names of its own.
SHOWN void *reallocarray(void *block, size_t count, size_t bytes);
SHOWN void *memalign(size_t align, size_t bytes);
SHOWN void *valloc(size_t bytes);
SHOWN void *pvalloc(size_t bytes);
SHOWN size_t malloc_usable_size(void *block);
SHOWN int posix_memalign(void **out, size_t align, size_t bytes);

static void *refuse(int error)
{
    errno = error;
    return NULL;
}

static void *take(hf_heap_request_t request, bool is_zeroed)
{
    const hf_heap_state_t state = hf_heap_start();
    if (request.bytes > PTRDIFF_MAX) {
        return refuse(ENOMEM);
    }
    request.bytes = request.bytes > 0 ? request.bytes : 1u;
    if (state == HF_HEAP_PASSES) {
        return hf_heap_pass_take(&request, is_zeroed);
    }
    if (state != HF_HEAP_SERVES) {
        return hf_heap_boot_take(request.bytes, request.align); // zeroed, and used once
    }
    void *block = hf_heap_take(&request);
    if (block != NULL && is_zeroed) {
        memset(block, 0, request.bytes);
    }
    return block;
}

static void give(void *block, const void *caller)
{
    if (block == NULL || hf_heap_boot_owns(block)) {
        return;
    }
    if (hf_heap_start() == HF_HEAP_PASSES) {
        hf_heap_pass_give(block);
    } else {
        hf_heap_give(block, caller);
    }
}

/// What of the boot arena outgrows it.
static void *move_boot(void *block, size_t bytes, const void *caller)
{
    const size_t old = hf_heap_boot_usable(block);
    void *moved = take((hf_heap_request_t){.bytes = bytes, .align = 1, .caller = caller}, false);
    if (moved != NULL) {
        memcpy(moved, block, old < bytes ? old : bytes);
    }
    return moved;
}

static void *resize(void *block, size_t bytes, const void *caller)
{
    const hf_heap_request_t request = {.bytes = bytes, .align = 1, .caller = caller};
    if (block == NULL) {
        return take(request, false);
    }
    if (bytes == 0) {
        give(block, caller);
        return NULL;
    }
    if (bytes > PTRDIFF_MAX) {
        return refuse(ENOMEM);
    }
    if (hf_heap_boot_owns(block)) {
        return move_boot(block, bytes, caller);
    }
    return hf_heap_start() == HF_HEAP_PASSES ? hf_heap_pass_resize(block, bytes)
                                             : hf_heap_resize(block, &request);
}

static bool is_power_of_two(size_t number)
{
    return number != 0 && (number & (number - 1u)) == 0;
}

static size_t page_bytes(void)
{
    const long bytes = sysconf(_SC_PAGESIZE);
    return bytes > 0 ? (size_t)bytes : 4096u;
}

SHOWN void *malloc(size_t bytes)
{
    return take((hf_heap_request_t){.bytes = bytes, .align = 1, .caller = MINE}, false);
}

SHOWN void *calloc(size_t count, size_t bytes)
{
    size_t all;
    if (__builtin_mul_overflow(count, bytes, &all)) {
        return refuse(ENOMEM);
    }
    return take((hf_heap_request_t){.bytes = all, .align = 1, .caller = MINE}, true);
}

SHOWN void *realloc(void *block, size_t bytes)
{
    return resize(block, bytes, MINE);
}

SHOWN void *reallocarray(void *block, size_t count, size_t bytes)
{
    size_t all;
    return __builtin_mul_overflow(count, bytes, &all) ? refuse(ENOMEM) : resize(block, all, MINE);
}

SHOWN void free(void *block)
{
    give(block, MINE);
}

SHOWN int posix_memalign(void **out, size_t align, size_t bytes)
{
    const int error = errno;
    if (!is_power_of_two(align) || align % sizeof(void *) != 0) {
        return EINVAL;
    }
    void *block = take((hf_heap_request_t){.bytes = bytes, .align = align, .caller = MINE}, false);
    errno = error;
    if (block == NULL) {
        return ENOMEM;
    }
    *out = block;
    return 0;
}

SHOWN void *aligned_alloc(size_t align, size_t bytes)
{
    return is_power_of_two(align)
               ? take((hf_heap_request_t){.bytes = bytes, .align = align, .caller = MINE}, false)
               : refuse(EINVAL);
}

// As glibc: any alignment, rounded up to a power of two.
SHOWN void *memalign(size_t align, size_t bytes)
{
    size_t power = 1;
    while (power < align && power <= SIZE_MAX / 4u) {
        power *= 2u;
    }
    return power >= align
               ? take((hf_heap_request_t){.bytes = bytes, .align = power, .caller = MINE}, false)
               : refuse(EINVAL);
}

SHOWN void *valloc(size_t bytes)
{
    return take((hf_heap_request_t){.bytes = bytes, .align = page_bytes(), .caller = MINE}, false);
}

SHOWN void *pvalloc(size_t bytes)
{
    const size_t page = page_bytes();
    if (bytes > PTRDIFF_MAX - page) {
        return refuse(ENOMEM);
    }
    const size_t whole = bytes > 0 ? (bytes + page - 1u) / page * page : page;
    return take((hf_heap_request_t){.bytes = whole, .align = page, .caller = MINE}, false);
}

SHOWN size_t malloc_usable_size(void *block)
{
    if (block == NULL) {
        return 0;
    }
    if (hf_heap_boot_owns(block)) {
        return hf_heap_boot_usable(block);
    }
    return hf_heap_start() == HF_HEAP_PASSES ? hf_heap_pass_usable(block) : hf_heap_usable(block);
}
