// SPDX-License-Identifier: MIT
// SHA-256 (FIPS 180-4) of a stream.
#ifndef TRANSFER_SHA256_H
#define TRANSFER_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define TRANSFER_SHA256_BYTES 32u

typedef struct transfer_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
} transfer_sha256_t;

void transfer_sha256_init(transfer_sha256_t *hash);
void transfer_sha256_add(transfer_sha256_t *hash, const void *data, size_t length);
/// The hash is used up.
void transfer_sha256_end(transfer_sha256_t *hash, uint8_t digest[TRANSFER_SHA256_BYTES]);

#endif
