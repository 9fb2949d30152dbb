// SPDX-License-Identifier: MIT
// Each key counts its versions; an object says which one it is, and is filled by that number.
#include "billing_kept.h"

#include <stdio.h>
#include <string.h>

#define FIRST_KEY 100u
#define VERSIONS  64u

typedef struct kept {
    uint32_t durable, newest; // versions; 0: never kept
    uint32_t bytes[VERSIONS]; // of a version, modulo
} kept_t;

static kept_t kept[KEPT_KEYS];

void kept_open(void)
{
    memset(kept, 0, sizeof kept);
}

static void fill(uint8_t *data, uint32_t bytes, uint32_t version)
{
    for (uint32_t i = 0; i < bytes; i++) {
        data[i] = i < 4u ? (uint8_t)(version >> (8u * i)) : (uint8_t)(version * 31u + i);
    }
}

void kept_put(evse_store_t *store, uint16_t key, uint32_t bytes)
{
    uint8_t data[EVSE_OBJECT_BYTES_MAX];
    kept_t *object = &kept[key % KEPT_KEYS];
    if (object->newest - object->durable >= VERSIONS - 2u) {
        return;
    }
    uint32_t version = object->newest + 1u;
    uint16_t at = (uint16_t)(FIRST_KEY + key % KEPT_KEYS);
    fill(data, bytes, version);
    int status = bytes == 0u ? evse_store_forget(store, EVSE_OBJECT_NETWORK, at)
                             : evse_store_keep(store, EVSE_OBJECT_NETWORK, at, data, bytes);
    if (status == HF_OK || status == HF_E_IO) {
        object->newest = version;
        object->bytes[version % VERSIONS] = bytes;
    }
}

void kept_durable(void)
{
    for (unsigned i = 0; i < KEPT_KEYS; i++) {
        kept[i].durable = kept[i].newest;
    }
}

static bool is_version(const kept_t *object, uint32_t version, const uint8_t *data, int length)
{
    uint8_t expected[EVSE_OBJECT_BYTES_MAX];
    uint32_t bytes = version == 0u ? 0u : object->bytes[version % VERSIONS];
    if (bytes == 0u) {
        return length == HF_E_NOT_FOUND;
    }
    fill(expected, bytes, version);
    return length == (int)bytes && memcmp(data, expected, bytes) == 0;
}

unsigned kept_check(evse_store_t *store)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < KEPT_KEYS; i++) {
        uint8_t data[EVSE_OBJECT_BYTES_MAX];
        int length = evse_store_kept(store, EVSE_OBJECT_NETWORK, (uint16_t)(FIRST_KEY + i), data,
                                     sizeof data);
        uint32_t version = kept[i].newest;
        while (version > kept[i].durable && !is_version(&kept[i], version, data, length)) {
            version--;
        }
        if (!is_version(&kept[i], version, data, length)) {
            printf("  object %u: neither version %u nor a later one, up to %u: %d\n", i,
                   (unsigned)kept[i].durable, (unsigned)kept[i].newest, length);
            wrong++;
        }
        kept[i].durable = kept[i].newest = version;
    }
    return wrong;
}
