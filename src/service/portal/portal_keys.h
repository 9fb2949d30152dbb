// SPDX-License-Identifier: MIT
// The body of POST /api/config: a flat JSON object whose members are texts, read whole before anything is changed.
#ifndef PORTAL_KEYS_H
#define PORTAL_KEYS_H

#include "holdfast/hf_json.h"

#define PORTAL_KEYS_MAX    64u
#define PORTAL_KEY_BYTES   51u  // CiString50
#define PORTAL_VALUE_BYTES 501u // CiString500
#define PORTAL_WHY_BYTES   96u

/// Packs the pairs as NAME NUL VALUE NUL ... into `out`: never more bytes than the body has. Returns their number (0 or
/// more). HF_E_FORMAT: no JSON, no object, or a value that is no text; HF_E_RANGE: nested too deep; HF_E_TOO_LONG: a name
/// or a value; HF_E_FULL: more than PORTAL_KEYS_MAX; HF_E_STATE: a name twice. `why` names the member.
HF_MUST_CHECK int portal_keys_read(hf_slice_t body, hf_builder_t *out, char why[PORTAL_WHY_BYTES]);
/// The next pair, from *position on. False after the last.
bool portal_keys_next(hf_slice_t pairs, size_t *position, const char **name, const char **value);

#endif
