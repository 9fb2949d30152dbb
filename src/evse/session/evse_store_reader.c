// SPDX-License-Identifier: MIT
// Reading a record byte by byte. Owns nothing. Invariant: never reads past the record; what is missing sets `bad`.
#include "evse_store_reader.h"

#include "holdfast/hf_le.h"

#include <string.h>

uint64_t evse_get(evse_reader_t *in, unsigned bytes)
{
    if (in->left < bytes) {
        in->bad = true;
        return 0;
    }
    uint64_t value = hf_le_get(in->bytes, bytes);
    in->bytes += bytes;
    in->left -= bytes;
    return value;
}

uint8_t evse_get_u8(evse_reader_t *in)
{
    return (uint8_t)evse_get(in, 1);
}

uint32_t evse_get_u32(evse_reader_t *in)
{
    return (uint32_t)evse_get(in, 4);
}

int32_t evse_get_i32(evse_reader_t *in)
{
    return (int32_t)(uint32_t)evse_get(in, 4);
}

void evse_get_text(evse_reader_t *in, char *out, size_t capacity)
{
    uint32_t length = evse_get_u8(in);
    out[0] = '\0';
    if (length >= capacity || length > in->left || memchr(in->bytes, 0, length) != NULL) {
        in->bad = true;
        return;
    }
    memcpy(out, in->bytes, length);
    out[length] = '\0';
    in->bytes += length;
    in->left -= length;
}

void evse_get_moment(evse_reader_t *in, evse_moment_t *out)
{
    unsigned bytes = in->version >= 2u ? 6u : 8u;
    out->boot = evse_get_u32(in);
    out->since_boot_ms = evse_get(in, bytes);
    out->utc_ms = evse_get(in, bytes);
}

bool evse_is_whole(const evse_reader_t *in)
{
    return !in->bad && in->left == 0;
}

int evse_check_connector(const evse_reader_t *in, unsigned connector, unsigned limit)
{
    if (!evse_is_whole(in)) {
        return HF_E_CORRUPT;
    }
    return connector < limit ? HF_OK : HF_E_UNSUPPORTED;
}
