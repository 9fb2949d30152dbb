// SPDX-License-Identifier: MIT
// Between the wrapped functions and the watch over them. A wrapped function asks hf_wrap_begin(); when that is true it
// must end with hf_wrap_end().
#ifndef HF_WRAP_PRIVATE_H
#define HF_WRAP_PRIVATE_H

#include "holdfast/hf_seal.h"

typedef enum hf_wrap_function {
    HF_WRAP_MALLOC,
    HF_WRAP_CALLOC,
    HF_WRAP_REALLOC,
    HF_WRAP_REALLOCARRAY,
    HF_WRAP_STRDUP,
    HF_WRAP_STRNDUP,
    HF_WRAP_ALIGNED_ALLOC,
    HF_WRAP_MEMALIGN,
    HF_WRAP_POSIX_MEMALIGN,
    HF_WRAP_FREE,
    HF_WRAP_FUNCTIONS
} hf_wrap_function_t;

typedef struct hf_wrap_call {
    hf_wrap_function_t function;
    hf_seal_call_t seen;
    uint32_t place; // among the contexts within a call; HF_SEAL_CONTEXTS_MAX: none was left
} hf_wrap_call_t;

/// In the wrapped function itself. Without bit 0, which on ARM tells the instruction set.
#if defined(__arm__)
#define HF_WRAP_CALLER() ((uintptr_t)__builtin_return_address(0) & ~(uintptr_t)1u)
#else
#define HF_WRAP_CALLER() ((uintptr_t)__builtin_return_address(0))
#endif

/// Counts and names the call. False when it is not watched: not sealed, or made within another one of this context.
/// Does not return when the caller may not allocate.
bool hf_wrap_begin(hf_wrap_call_t *call, hf_wrap_function_t function, size_t bytes,
                   uintptr_t caller);
/// Counts a failure, reports. Returns `block`.
void *hf_wrap_end(hf_wrap_call_t *call, void *block);
/// Ends a call that count times size made impossible. Returns NULL.
void *hf_wrap_end_overflow(hf_wrap_call_t *call);
/// Whether a * b is no number; the product in *bytes otherwise.
bool hf_wrap_overflows(size_t a, size_t b, size_t *bytes);

// The C library's own.
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t bytes);
void __real_free(void *block);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__real_memalign(size_t alignment, size_t bytes);
int __real_posix_memalign(void **block, size_t alignment, size_t bytes);

#endif
