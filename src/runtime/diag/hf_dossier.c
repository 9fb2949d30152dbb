// SPDX-License-Identifier: MIT
// The reset dossier as bytes: header (magic, version, length, CRC-32C of what follows), then the fields in the order of the
// structure, then one entry per pool. Written straight into the page, the header last: a cut before that leaves no magic.
#include "holdfast/hf_dossier.h"

#include "holdfast/hf_crc.h"
#include "holdfast/hf_le.h"

#include <string.h>

#define MAGIC        0x53444648u // "HFDS"
#define VERSION      1u
#define HEADER_BYTES 12u
#define POOL_BYTES   (HF_DOSSIER_NAME_BYTES + 8u)
#define FIXED_BYTES  152u // of the body, before the pools

_Static_assert(HEADER_BYTES + FIXED_BYTES + HF_DOSSIER_POOLS * POOL_BYTES <= HF_DOSSIER_BYTES,
               "a whole dossier fits its page");

static const struct {
    uint32_t code;
    const char *text;
    bool expected;
} reasons[] = {
#define REASON_ROW(name, code, text, expected) {(code), (text), (expected)},
    HF_RESET_TABLE(REASON_ROW)
#undef REASON_ROW
};

const char *hf_reset_text(uint32_t reason)
{
    for (size_t i = 0; i < HF_COUNT_OF(reasons); i++) {
        if (reasons[i].code == reason) {
            return reasons[i].text;
        }
    }
    return "Unknown";
}

bool hf_reset_is_expected(uint32_t reason)
{
    for (size_t i = 0; i < HF_COUNT_OF(reasons); i++) {
        if (reasons[i].code == reason) {
            return reasons[i].expected;
        }
    }
    return false;
}

static void put(uint8_t **at, unsigned bytes, uint64_t value)
{
    hf_le_put(*at, bytes, value);
    *at += bytes;
}

static uint32_t get(const uint8_t **at, unsigned bytes)
{
    const uint32_t value = (uint32_t)hf_le_get(*at, bytes);
    *at += bytes;
    return value;
}

/// A field of text ends with a NUL always, and is NUL from its end on.
static void put_text(uint8_t **at, const char *text, size_t bytes)
{
    size_t length = 0;
    while (length < bytes - 1u && text[length] != '\0') {
        (*at)[length] = (uint8_t)text[length];
        length++;
    }
    memset(*at + length, 0, bytes - length);
    *at += bytes;
}

static void get_text(const uint8_t **at, char *text, size_t bytes)
{
    memcpy(text, *at, bytes - 1u);
    text[bytes - 1u] = '\0';
    const size_t length = strlen(text);
    memset(text + length, 0, bytes - length);
    *at += bytes;
}

#define MEMORY_WORDS (sizeof(hf_memory_t) / sizeof(uint32_t))

static void memory_words(const hf_memory_t *memory, uint32_t word[MEMORY_WORDS])
{
    const uint32_t words[MEMORY_WORDS] = {
        memory->heap_free,     memory->heap_min,     memory->heap_largest,
        memory->internal_free, memory->internal_min, memory->internal_largest,
        memory->psram_free,    memory->psram_min,    memory->psram_largest,
    };
    memcpy(word, words, sizeof words);
}

static void put_fixed(uint8_t **at, const hf_dossier_t *dossier, uint32_t pools)
{
    uint32_t word[MEMORY_WORDS];
    memory_words(&dossier->memory, word);
    put(at, 4, dossier->reason);
    put(at, 4, dossier->resets);
    put(at, 8, dossier->uptime_ms);
    put_text(at, dossier->task, sizeof dossier->task);
    put_text(at, dossier->tag, sizeof dossier->tag);
    put_text(at, dossier->detail, sizeof dossier->detail);
    for (size_t i = 0; i < MEMORY_WORDS; i++) {
        put(at, 4, word[i]);
    }
    put(at, 4, pools);
    put(at, 4, dossier->connectors_charging);
    put(at, 4, (uint32_t)dossier->transaction_id);
}

uint32_t hf_dossier_encode(const hf_dossier_t *dossier, uint8_t bytes[HF_DOSSIER_BYTES])
{
    memset(bytes, 0, HEADER_BYTES); // what stood there is no dossier any more
    const uint32_t pools = dossier->pools < HF_DOSSIER_POOLS ? dossier->pools : HF_DOSSIER_POOLS;
    uint8_t *at = bytes + HEADER_BYTES;
    put_fixed(&at, dossier, pools);
    for (uint32_t i = 0; i < pools; i++) {
        const hf_dossier_pool_t *pool = &dossier->pool[i];
        put_text(&at, pool->name, sizeof pool->name);
        put(&at, 2, pool->capacity);
        put(&at, 2, pool->in_use);
        put(&at, 2, pool->peak);
        put(&at, 2, pool->exhausted);
    }
    const uint32_t length = (uint32_t)(at - bytes);
    hf_le_put(bytes + 4, 2, VERSION);
    hf_le_put(bytes + 6, 2, length);
    hf_le_put32(bytes + 8,
                hf_crc32c(hf_crc32c(0, bytes + 4, 4), bytes + HEADER_BYTES, length - HEADER_BYTES));
    hf_le_put32(bytes, MAGIC);
    return length;
}

/// HF_OK: header and body fit each other, and the pools the length.
static int check_page(const uint8_t *bytes, size_t length)
{
    if (length < HEADER_BYTES || hf_le_get32(bytes) != MAGIC) {
        return HF_E_EMPTY;
    }
    const size_t told = (size_t)hf_le_get(bytes + 6, 2);
    if (told < HEADER_BYTES || told > length) {
        return HF_E_CORRUPT;
    }
    const uint32_t crc =
        hf_crc32c(hf_crc32c(0, bytes + 4, 4), bytes + HEADER_BYTES, told - HEADER_BYTES);
    if (crc != hf_le_get32(bytes + 8)) {
        return HF_E_CORRUPT;
    }
    return hf_le_get(bytes + 4, 2) == VERSION ? (int)told : HF_E_UNSUPPORTED;
}

static void get_fixed(const uint8_t **at, hf_dossier_t *dossier)
{
    dossier->reason = get(at, 4);
    dossier->resets = get(at, 4);
    dossier->uptime_ms = hf_le_get(*at, 8);
    *at += 8;
    get_text(at, dossier->task, sizeof dossier->task);
    get_text(at, dossier->tag, sizeof dossier->tag);
    get_text(at, dossier->detail, sizeof dossier->detail);
    hf_memory_t *memory = &dossier->memory;
    uint32_t *const word[MEMORY_WORDS] = {
        &memory->heap_free,     &memory->heap_min,     &memory->heap_largest,
        &memory->internal_free, &memory->internal_min, &memory->internal_largest,
        &memory->psram_free,    &memory->psram_min,    &memory->psram_largest,
    };
    for (size_t i = 0; i < MEMORY_WORDS; i++) {
        *word[i] = get(at, 4);
    }
    dossier->pools = get(at, 4);
    dossier->connectors_charging = get(at, 4);
    dossier->transaction_id = (int32_t)get(at, 4);
}

int hf_dossier_decode(const uint8_t *bytes, size_t length, hf_dossier_t *dossier)
{
    if (bytes == NULL || dossier == NULL) {
        return HF_E_ARGUMENT;
    }
    memset(dossier, 0, sizeof *dossier);
    const int told = check_page(bytes, length);
    if (told < 0) {
        return told;
    }
    if ((size_t)told < HEADER_BYTES + FIXED_BYTES) {
        return HF_E_CORRUPT;
    }
    const uint8_t *at = bytes + HEADER_BYTES;
    get_fixed(&at, dossier);
    if (dossier->pools > HF_DOSSIER_POOLS ||
        (size_t)told != HEADER_BYTES + FIXED_BYTES + dossier->pools * POOL_BYTES) {
        memset(dossier, 0, sizeof *dossier);
        return HF_E_CORRUPT;
    }
    for (uint32_t i = 0; i < dossier->pools; i++) {
        hf_dossier_pool_t *pool = &dossier->pool[i];
        get_text(&at, pool->name, sizeof pool->name);
        pool->capacity = (uint16_t)get(&at, 2);
        pool->in_use = (uint16_t)get(&at, 2);
        pool->peak = (uint16_t)get(&at, 2);
        pool->exhausted = (uint16_t)get(&at, 2);
    }
    return HF_OK;
}
