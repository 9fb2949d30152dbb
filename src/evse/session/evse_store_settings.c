// SPDX-License-Identifier: MIT
// Settings that differ from their default, packed: key, NUL, value, NUL, one after the other.
// Invariant: what memory holds is what the journal holds.
#include "evse_store_private.h"

#include <string.h>

static const char *value_of(const char *key)
{
    return key + strlen(key) + 1u;
}

static uint32_t bytes_of(const char *key)
{
    const char *value = value_of(key);
    return (uint32_t)(value - key) + (uint32_t)strlen(value) + 1u;
}

/// NULL none.
static const char *find(const evse_store_t *store, const char *key)
{
    for (uint32_t at = 0; at < store->settings_bytes; at += bytes_of(&store->settings[at])) {
        if (strcmp(&store->settings[at], key) == 0) {
            return &store->settings[at];
        }
    }
    return NULL;
}

const char *evse_store_get(const evse_store_t *store, const char *key)
{
    const char *found = find(store, key);
    return found == NULL ? NULL : value_of(found);
}

/// What the settings would take with this one.
static size_t bytes_with(const evse_store_t *store, const char *key, const char *value)
{
    const char *found = find(store, key);
    return store->settings_bytes + strlen(key) + strlen(value) + 2u -
           (found == NULL ? 0u : bytes_of(found));
}

static void take_out(evse_store_t *store, uint32_t at)
{
    uint32_t bytes = bytes_of(&store->settings[at]);
    memmove(&store->settings[at], &store->settings[at + bytes], store->settings_bytes - at - bytes);
    store->settings_bytes -= bytes;
    store->setting_count--;
}

int evse_store_put_setting(evse_store_t *store, const char *key, const char *value)
{
    if (bytes_with(store, key, value) > sizeof store->settings) {
        return HF_E_FULL;
    }
    const char *found = find(store, key);
    if (found != NULL) {
        take_out(store, (uint32_t)(found - store->settings));
    }
    char *out = &store->settings[store->settings_bytes];
    size_t key_bytes = strlen(key) + 1u, value_bytes = strlen(value) + 1u;
    memcpy(out, key, key_bytes);
    memcpy(out + key_bytes, value, value_bytes);
    store->settings_bytes += (uint32_t)(key_bytes + value_bytes);
    store->setting_count++;
    return HF_OK;
}

uint32_t evse_store_setting_bytes(const evse_store_t *store)
{
    uint32_t padding =
        hf_journal_record_bytes(&store->journal, 0) + store->journal.flash.program_bytes;
    return store->settings_bytes + store->setting_count * padding;
}

int evse_store_dump_settings(evse_store_t *store)
{
    int status = HF_OK;
    for (uint32_t at = 0; status >= 0 && at < store->settings_bytes;
         at += bytes_of(&store->settings[at])) {
        status = evse_record_setting(store, &store->settings[at], value_of(&store->settings[at]));
    }
    return status;
}

int evse_store_set(evse_store_t *store, const char *key, const char *value)
{
    if (key[0] == '\0') {
        return HF_E_ARGUMENT;
    }
    if (strlen(key) >= EVSE_KEY_BYTES || strlen(value) >= EVSE_VALUE_BYTES) {
        return HF_E_TOO_LONG;
    }
    const char *old = evse_store_get(store, key);
    if (old != NULL && strcmp(old, value) == 0) {
        return HF_OK;
    }
    size_t bytes = bytes_with(store, key, value);
    if (bytes > sizeof store->settings ||
        (bytes > store->settings_bytes &&
         !evse_store_has_journal_room(store, (uint32_t)bytes - store->settings_bytes + 24u))) {
        return HF_E_FULL;
    }
    int status = evse_record_setting(store, key, value);
    return status < 0 ? status : evse_store_put_setting(store, key, value);
}
