// SPDX-License-Identifier: MIT
// The linker sends malloc, calloc, realloc and free here (--wrap). Invariant: the C library serves every call that can be
// served, sealed or not; calloc never hands out less than count times size, sealed or not.
#include "hf_wrap_private.h"

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t bytes);
void __wrap_free(void *block);

void *__wrap_malloc(size_t bytes)
{
    hf_wrap_call_t call;
    if (!hf_wrap_begin(&call, HF_WRAP_MALLOC, bytes, HF_WRAP_CALLER())) {
        return __real_malloc(bytes);
    }
    return hf_wrap_end(&call, __real_malloc(bytes));
}

void *__wrap_calloc(size_t count, size_t size)
{
    hf_wrap_call_t call;
    size_t bytes = 0;
    const bool overflows = hf_wrap_overflows(count, size, &bytes); // not every C library looks
    if (!hf_wrap_begin(&call, HF_WRAP_CALLOC, bytes, HF_WRAP_CALLER())) {
        return overflows ? NULL : __real_calloc(count, size);
    }
    return overflows ? hf_wrap_end_overflow(&call) : hf_wrap_end(&call, __real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t bytes)
{
    hf_wrap_call_t call;
    if (!hf_wrap_begin(&call, HF_WRAP_REALLOC, bytes, HF_WRAP_CALLER())) {
        return __real_realloc(block, bytes);
    }
    return hf_wrap_end(&call, __real_realloc(block, bytes));
}

void __wrap_free(void *block)
{
    hf_wrap_call_t call;
    const bool is_watched = hf_wrap_begin(&call, HF_WRAP_FREE, 0, HF_WRAP_CALLER());
    __real_free(block);
    if (is_watched) {
        void *const nothing = hf_wrap_end(&call, NULL);
        (void)nothing;
    }
}
