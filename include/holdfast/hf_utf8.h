// SPDX-License-Identifier: MIT
// UTF-8 after RFC 3629, one byte at a time: overlong forms, surrogates and anything above U+10FFFF are refused at the
// first byte that cannot be right. The whole state is one word, so that it survives fragments and buffers.
#ifndef HF_UTF8_H
#define HF_UTF8_H

#include "holdfast/hf_base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_UTF8_WHOLE  0u          // between characters: where text may begin and end
#define HF_UTF8_REFUSE 0xFFFFFFFFu // not UTF-8; stays so

/// The state after `byte`. Begin with HF_UTF8_WHOLE. Cost: O(1), no table.
uint32_t hf_utf8_next(uint32_t state, uint8_t byte);

/// The state after all of them; ASCII between characters a word at a time.
uint32_t hf_utf8_feed(uint32_t state, const uint8_t *bytes, size_t length);

/// Writes `code_point` (at most 0x10FFFF, no surrogate) into `out[4]`; returns its bytes, 1 to 4.
size_t hf_utf8_encode(uint32_t code_point, char *out);

#ifdef __cplusplus
}
#endif

#endif
