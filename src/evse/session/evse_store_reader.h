// SPDX-License-Identifier: MIT
// Reading a record byte by byte. Owns nothing. Invariant: never reads past the record; what is missing sets `bad`.
#ifndef EVSE_STORE_READER_H
#define EVSE_STORE_READER_H

#include "evse/evse_store.h"

#include <string.h>

typedef struct evse_reader {
    const uint8_t *bytes;
    uint32_t left;
    uint8_t version;
    bool bad;
} evse_reader_t;

static inline uint64_t evse_get(evse_reader_t *in, unsigned bytes)
{
    if (in->left < bytes) {
        in->bad = true;
        return 0;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)in->bytes[i] << (8u * i);
    }
    in->bytes += bytes;
    in->left -= bytes;
    return value;
}

static inline uint8_t evse_get_u8(evse_reader_t *in)
{
    return (uint8_t)evse_get(in, 1);
}

static inline uint32_t evse_get_u32(evse_reader_t *in)
{
    return (uint32_t)evse_get(in, 4);
}

static inline int32_t evse_get_i32(evse_reader_t *in)
{
    return (int32_t)(uint32_t)evse_get(in, 4);
}

static inline void evse_get_text(evse_reader_t *in, char *out, size_t capacity)
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

static inline evse_moment_t evse_get_moment(evse_reader_t *in)
{
    evse_moment_t at;
    at.boot = evse_get_u32(in);
    at.since_boot_ms = evse_get(in, in->version >= 2u ? 6u : 8u);
    at.utc_ms = evse_get(in, in->version >= 2u ? 6u : 8u);
    return at;
}

static inline bool evse_is_whole(const evse_reader_t *in)
{
    return !in->bad && in->left == 0;
}

/// A connector that the record names and this build does not have is another build's, not damage.
static inline int evse_check_connector(const evse_reader_t *in, unsigned connector, unsigned limit)
{
    if (!evse_is_whole(in)) {
        return HF_E_CORRUPT;
    }
    return connector < limit ? HF_OK : HF_E_UNSUPPORTED;
}

#endif
