// SPDX-License-Identifier: MIT
// Sec-WebSocket-Accept: base64 of the SHA-1 of key and GUID (RFC 6455, 4.2.2). A check against confusion, not security;
// nothing else in the project uses SHA-1.
#include "evse_ws_private.h"

#include <string.h>

#define SHA1_BYTES  20u
#define BLOCK_BYTES 64u

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32u - bits);
}

static uint32_t round_function(unsigned i, const uint32_t v[5])
{
    if (i < 20) {
        return ((v[1] & v[2]) | (~v[1] & v[3])) + 0x5A827999u;
    }
    if (i < 40) {
        return (v[1] ^ v[2] ^ v[3]) + 0x6ED9EBA1u;
    }
    if (i < 60) {
        return ((v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])) + 0x8F1BBCDCu;
    }
    return (v[1] ^ v[2] ^ v[3]) + 0xCA62C1D6u;
}

static void sha1_block(uint32_t state[5], const uint8_t block[BLOCK_BYTES])
{
    uint32_t w[80];
    uint32_t v[5];
    for (unsigned i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    }
    for (unsigned i = 16; i < 80; i++) {
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    memcpy(v, state, sizeof v);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t next = rotate(v[0], 5) + round_function(i, v) + v[4] + w[i];
        v[4] = v[3];
        v[3] = v[2];
        v[2] = rotate(v[1], 30);
        v[1] = v[0];
        v[0] = next;
    }
    for (unsigned i = 0; i < 5; i++) {
        state[i] += v[i];
    }
}

/// SHA-1 of a text of 56 to 119 bytes: two blocks, which is what key and GUID (60 bytes) take.
static void sha1_two_blocks(const char *text, size_t length, uint8_t digest[SHA1_BYTES])
{
    uint32_t state[5] = {0x67452301u, 0xEFCDAB89u, 0x98BADCFEu, 0x10325476u, 0xC3D2E1F0u};
    uint8_t blocks[2u * BLOCK_BYTES] = {0};
    memcpy(blocks, text, length);
    blocks[length] = 0x80;
    blocks[sizeof blocks - 2] = (uint8_t)(length * 8u >> 8);
    blocks[sizeof blocks - 1] = (uint8_t)(length * 8u);
    sha1_block(state, blocks);
    sha1_block(state, blocks + BLOCK_BYTES);
    for (unsigned i = 0; i < SHA1_BYTES; i++) {
        digest[i] = (uint8_t)(state[i / 4u] >> (24u - 8u * (i % 4u)));
    }
}

void evse_ws_base64(const uint8_t *data, size_t length, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)data[i] << 16;
        group |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0u;
        group |= left > 2 ? (uint32_t)data[i + 2] : 0u;
        *text++ = digits[group >> 18];
        *text++ = digits[group >> 12 & 63u];
        *text++ = left > 1 ? digits[group >> 6 & 63u] : '=';
        *text++ = left > 2 ? digits[group & 63u] : '=';
    }
    *text = '\0';
}

void evse_ws_accept(const char *key, char accept[EVSE_WS_ACCEPT_BYTES])
{
    char text[EVSE_WS_KEY_BYTES + sizeof guid];
    uint8_t digest[SHA1_BYTES];
    hf_builder_t out;
    hf_builder_init(&out, text, sizeof text);
    hf_builder_text(&out, key);
    hf_builder_text(&out, guid);
    sha1_two_blocks(text, out.length, digest);
    evse_ws_base64(digest, sizeof digest, accept);
}
