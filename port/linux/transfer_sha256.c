// SPDX-License-Identifier: MIT
// SHA-256 as FIPS 180-4 states it.
#include "transfer_sha256.h"

#include <string.h>

#define BLOCK_BYTES 64u

static const uint32_t constants[64] = { // section 4.2.2
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t value, unsigned bits)
{
    return value >> bits | value << (32u - bits);
}

static void schedule(const uint8_t block[BLOCK_BYTES], uint32_t word[64])
{
    for (unsigned i = 0; i < 16; i++) {
        word[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                  (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (unsigned i = 16; i < 64; i++) {
        uint32_t a = word[i - 15], b = word[i - 2];
        uint32_t small0 = turn(a, 7) ^ turn(a, 18) ^ a >> 3;
        uint32_t small1 = turn(b, 17) ^ turn(b, 19) ^ b >> 10;
        word[i] = word[i - 16] + small0 + word[i - 7] + small1;
    }
}

static void compress(uint32_t state[8], const uint8_t block[BLOCK_BYTES])
{
    uint32_t word[64], s[8];
    schedule(block, word);
    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t big1 = turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25);
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t t1 = s[7] + big1 + choice + constants[i] + word[i];
        uint32_t big0 = turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        memmove(s + 1, s, 7 * sizeof s[0]);
        s[4] += t1;
        s[0] = t1 + big0 + majority;
    }
    for (unsigned i = 0; i < 8; i++) {
        state[i] += s[i];
    }
}

void transfer_sha256_init(transfer_sha256_t *hash)
{
    *hash = (transfer_sha256_t){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void transfer_sha256_add(transfer_sha256_t *hash, const void *data, size_t length)
{
    const uint8_t *at = data;
    while (length > 0) {
        size_t used = (size_t)(hash->bytes % BLOCK_BYTES);
        size_t take = BLOCK_BYTES - used < length ? BLOCK_BYTES - used : length;
        memcpy(hash->block + used, at, take);
        hash->bytes += take;
        at += take;
        length -= take;
        if (used + take == BLOCK_BYTES) {
            compress(hash->state, hash->block);
        }
    }
}

void transfer_sha256_end(transfer_sha256_t *hash, uint8_t digest[TRANSFER_SHA256_BYTES])
{
    static const uint8_t padding[BLOCK_BYTES] = {0x80};
    uint64_t bits = hash->bytes * 8;
    uint8_t length[8];
    for (unsigned i = 0; i < 8; i++) {
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    }
    size_t used = (size_t)(hash->bytes % BLOCK_BYTES);
    transfer_sha256_add(hash, padding, used < 56 ? 56 - used : BLOCK_BYTES + 56 - used);
    transfer_sha256_add(hash, length, sizeof length);
    for (unsigned i = 0; i < TRANSFER_SHA256_BYTES; i++) {
        digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
    }
}
