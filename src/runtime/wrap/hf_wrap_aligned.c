// SPDX-License-Identifier: MIT
// The linker sends aligned_alloc, memalign and posix_memalign here (--wrap).
#include "hf_wrap_private.h"

void *__wrap_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_memalign(size_t alignment, size_t bytes);
int __wrap_posix_memalign(void **block, size_t alignment, size_t bytes);

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
    hf_wrap_call_t call;
    if (!hf_wrap_begin(&call, HF_WRAP_ALIGNED_ALLOC, bytes, HF_WRAP_CALLER())) {
        return __real_aligned_alloc(alignment, bytes);
    }
    return hf_wrap_end(&call, __real_aligned_alloc(alignment, bytes));
}

void *__wrap_memalign(size_t alignment, size_t bytes)
{
    hf_wrap_call_t call;
    if (!hf_wrap_begin(&call, HF_WRAP_MEMALIGN, bytes, HF_WRAP_CALLER())) {
        return __real_memalign(alignment, bytes);
    }
    return hf_wrap_end(&call, __real_memalign(alignment, bytes));
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t bytes)
{
    hf_wrap_call_t call;
    if (!hf_wrap_begin(&call, HF_WRAP_POSIX_MEMALIGN, bytes, HF_WRAP_CALLER())) {
        return __real_posix_memalign(block, alignment, bytes);
    }
    const int result = __real_posix_memalign(block, alignment, bytes);
    void *const got =
        hf_wrap_end(&call, result == 0 ? *block : NULL); // on failure *block is undefined
    (void)got;
    return result;
}
