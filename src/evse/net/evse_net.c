// SPDX-License-Identifier: MIT
// Owns the bytes of a stored network: version, length of the name, length of the secret, name, secret (docs/SPEC.md).
#include "evse/evse_net.h"

#include <string.h>

#define RECORD_VERSION 1u
#define HEAD_BYTES     3u
#define RECORD_BYTES   (HEAD_BYTES + HF_NET_NAME_BYTES + HF_NET_SECRET_BYTES)
#define KEY_DIGITS     64u
#define PHRASE_MIN     8u

_Static_assert(RECORD_BYTES <= EVSE_OBJECT_BYTES_MAX, "a network is kept in one piece");

static void wipe(void *data, size_t length)
{
    volatile unsigned char *bytes = data;
    for (size_t i = 0u; i < length; i++) {
        bytes[i] = 0u;
    }
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_secret(const char *secret, size_t length)
{
    if (length == 0u) {
        return true;
    }
    if (length < PHRASE_MIN || length > KEY_DIGITS) {
        return false;
    }
    for (size_t i = 0u; i < length; i++) {
        bool good = length == KEY_DIGITS ? is_hex(secret[i]) : secret[i] >= ' ' && secret[i] <= '~';
        if (!good) {
            return false;
        }
    }
    return true;
}

static size_t length_of(const char *text, size_t capacity)
{
    const char *end = memchr(text, '\0', capacity);
    return end != NULL ? (size_t)(end - text) : capacity;
}

int evse_net_keep(evse_store_t *store, unsigned slot, const hf_net_credential_t *credential)
{
    uint8_t record[RECORD_BYTES];
    size_t name = length_of(credential->name, sizeof credential->name);
    size_t secret = length_of(credential->secret, sizeof credential->secret);
    if (slot >= EVSE_NET_SLOTS) {
        return HF_E_RANGE;
    }
    if (name == 0u || name == sizeof credential->name || !is_secret(credential->secret, secret)) {
        return HF_E_ARGUMENT;
    }
    record[0] = RECORD_VERSION;
    record[1] = (uint8_t)name;
    record[2] = (uint8_t)secret;
    memcpy(record + HEAD_BYTES, credential->name, name);
    memcpy(record + HEAD_BYTES + name, credential->secret, secret);
    int status = evse_store_keep(store, EVSE_OBJECT_NETWORK, (uint16_t)slot, record,
                                 HEAD_BYTES + name + secret);
    wipe(record, sizeof record);
    return status;
}

int evse_net_forget(evse_store_t *store, unsigned slot)
{
    return slot < EVSE_NET_SLOTS ? evse_store_forget(store, EVSE_OBJECT_NETWORK, (uint16_t)slot)
                                 : HF_E_RANGE;
}

static int read_slot(evse_store_t *store, uint16_t slot, hf_net_credential_t *out)
{
    uint8_t record[RECORD_BYTES];
    memset(out, 0, sizeof *out);
    int got = evse_store_kept(store, EVSE_OBJECT_NETWORK, slot, record, sizeof record);
    if (got < 0) {
        return got;
    }
    size_t name = got >= (int)HEAD_BYTES ? record[1] : 0u;
    size_t secret = got >= (int)HEAD_BYTES ? record[2] : 0u;
    bool good = got >= (int)HEAD_BYTES && record[0] == RECORD_VERSION && name != 0u &&
                name < sizeof out->name && secret < sizeof out->secret &&
                (size_t)got == HEAD_BYTES + name + secret;
    if (good) {
        memcpy(out->name, record + HEAD_BYTES, name);
        memcpy(out->secret, record + HEAD_BYTES + name, secret);
    }
    wipe(record, sizeof record);
    return good ? HF_OK : HF_E_CORRUPT; // of another version: passed over
}

int evse_net_name(evse_store_t *store, unsigned slot, char name[HF_NET_NAME_BYTES])
{
    hf_net_credential_t credential;
    int status =
        slot < EVSE_NET_SLOTS ? read_slot(store, (uint16_t)slot, &credential) : HF_E_NOT_FOUND;
    name[0] = '\0';
    if (status == HF_OK) {
        memcpy(name, credential.name, sizeof credential.name);
        wipe(&credential, sizeof credential);
    }
    return status;
}

int evse_net_credential(void *ctx, unsigned index, hf_net_credential_t *out)
{
    evse_store_t *store = ctx;
    int32_t slot = evse_store_next_key(store, EVSE_OBJECT_NETWORK, 0u);
    for (unsigned i = 0u; i < index && slot >= 0; i++) {
        slot = evse_store_next_key(store, EVSE_OBJECT_NETWORK, (uint16_t)(slot + 1));
    }
    return slot >= 0 ? read_slot(store, (uint16_t)slot, out) : HF_E_NOT_FOUND;
}
