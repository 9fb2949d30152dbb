// SPDX-License-Identifier: MIT
// Text without allocation: a slice of somebody's bytes, and a bounded builder that never overruns and never lies:
// once something did not fit, `overflow` stays set and the content ends at the last whole piece that fitted.
#ifndef HF_TEXT_H
#define HF_TEXT_H

#include "holdfast/hf_status.h"

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hf_slice {
    const char *text; // not NUL-terminated
    size_t length;
} hf_slice_t;

#define HF_SLICE(literal) ((hf_slice_t){.text = (literal), .length = sizeof(literal) - 1u})

bool hf_slice_is(hf_slice_t slice, const char *text);
/// As hf_slice_is(), ASCII letters compared without case.
bool hf_slice_is_nocase(hf_slice_t slice, const char *text);
/// Copies the slice and a NUL; returns HF_E_TOO_LONG and writes an empty string when it does not fit.
HF_MUST_CHECK int hf_slice_copy(hf_slice_t slice, char *out, size_t capacity);
/// Cuts the next item off a comma-separated list, spaces around it dropped; a trailing or doubled comma yields an empty one.
/// False when `rest->text` is NULL: after the last item it is.
bool hf_slice_next(hf_slice_t *rest, hf_slice_t *item);
/// A whole decimal integer with optional minus, nothing else around it; HF_E_FORMAT or HF_E_RANGE.
HF_MUST_CHECK int hf_slice_to_i64(hf_slice_t slice, int64_t *value);

typedef struct hf_builder {
    char *text; // always NUL-terminated when capacity > 0
    size_t capacity;
    size_t length;
    bool overflow;
} hf_builder_t;

void hf_builder_init(hf_builder_t *builder, char *storage, size_t capacity);
void hf_builder_char(hf_builder_t *builder, char c);
void hf_builder_text(hf_builder_t *builder, const char *text);
void hf_builder_slice(hf_builder_t *builder, hf_slice_t slice);
void hf_builder_i64(hf_builder_t *builder, int64_t value);
void hf_builder_u64(hf_builder_t *builder, uint64_t value);
/// Lower-case hexadecimal, padded with zeros to `digits` (1 to 16; wider values are written whole).
void hf_builder_hex(hf_builder_t *builder, uint64_t value, unsigned digits);
/// A fixed-point number: `value` divided by 10^decimals (0 to 9), e.g. (12345, 3) is "12.345".
void hf_builder_fixed(hf_builder_t *builder, int64_t value, unsigned decimals);
/// A subset of printf without stdio: %s %.*s %d %u %ld %lu %lld %llu %zu %x %c %%, width and 0 flag for numbers.
/// Anything else is written as it stands. No floating point.
void hf_builder_format(hf_builder_t *builder, const char *format, ...) HF_PRINTF(2, 3);
void hf_builder_vformat(hf_builder_t *builder, const char *format, va_list args);

#ifdef __cplusplus
}
#endif

#endif
