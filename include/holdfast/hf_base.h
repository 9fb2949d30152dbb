// SPDX-License-Identifier: MIT
// What every Holdfast source may assume: attributes, array counts, assertions. No state.
#ifndef HF_BASE_H
#define HF_BASE_H

#include "holdfast/hf_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define HF_MUST_CHECK __attribute__((warn_unused_result))
#define HF_INLINE     static inline __attribute__((always_inline)) // where -Os would rather call
#define HF_APART      __attribute__((noinline)) // what is seldom: costs its callers nothing
#define HF_PRINTF(format_index, args_index)                                                        \
    __attribute__((format(printf, format_index, args_index)))
#else
#define HF_MUST_CHECK
#define HF_INLINE static inline
#define HF_APART
#define HF_PRINTF(format_index, args_index)
#endif

// What C11 and C++17 spell differently.
#ifdef __cplusplus
#define HF_NORETURN [[noreturn]]
#else
#define HF_NORETURN _Noreturn
#endif

#define HF_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/// Our own bug: the port decides what follows (record, safe state, reset). Never returns.
/// Link-time seam, one per system, no default. Context: task or ISR.
HF_NORETURN void hf_port_assert_failed(const char *file, int line);

// The name of the file alone, where the compiler has it: names are unique here, and paths take flash.
#ifdef __FILE_NAME__
#define HF_FILE __FILE_NAME__
#else
#define HF_FILE __FILE__
#endif

#define HF_ASSERT(condition) ((condition) ? (void)0 : hf_port_assert_failed(HF_FILE, __LINE__))

#ifdef __cplusplus
}
#endif

#endif
