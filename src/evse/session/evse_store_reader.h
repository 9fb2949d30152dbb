// SPDX-License-Identifier: MIT
// Reading a record byte by byte. Owns nothing. Invariant: never reads past the record; what is missing sets `bad`.
#ifndef EVSE_STORE_READER_H
#define EVSE_STORE_READER_H

#include "evse/evse_store.h"

typedef struct evse_reader {
    const uint8_t *bytes;
    uint32_t left;
    uint8_t version;
    bool bad;
} evse_reader_t;

/// A number of so many bytes, the lowest first; 0 when they are not there.
uint64_t evse_get(evse_reader_t *in, unsigned bytes);
uint8_t evse_get_u8(evse_reader_t *in);
uint32_t evse_get_u32(evse_reader_t *in);
int32_t evse_get_i32(evse_reader_t *in);
/// A text behind its length, as a string; empty when it is none or does not fit.
void evse_get_text(evse_reader_t *in, char *out, size_t capacity);
void evse_get_moment(evse_reader_t *in, evse_moment_t *out);
bool evse_is_whole(const evse_reader_t *in);
/// A connector that the record names and this build does not have is another build's, not damage.
HF_MUST_CHECK int evse_check_connector(const evse_reader_t *in, unsigned connector, unsigned limit);

#endif
