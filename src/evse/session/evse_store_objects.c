// SPDX-License-Identifier: MIT
// Kept objects: bytes of other modules by kind and key, on the flash alone; memory knows where each lies.
// Invariant: the index names the newest durable or appended record of each object, before and after every compaction.
#include "evse_store_private.h"

#include <string.h>

#define OBJECT_HEAD 3u // kind, key

#define POSITION   0x00FFFFFFu
#define KIND_SHIFT 24u

static unsigned kind_of(const evse_kept_t *kept)
{
    return kept->place >> KIND_SHIFT;
}

static evse_kept_t *find(const evse_store_t *store, unsigned kind, uint16_t key)
{
    for (uint32_t i = 0; i < store->kept_count; i++) {
        const evse_kept_t *kept = &store->kept[i];
        if (kind_of(kept) == kind && kept->key == key) {
            return (evse_kept_t *)(uintptr_t)kept;
        }
    }
    return NULL;
}

static void put_head(uint8_t head[OBJECT_HEAD], unsigned kind, uint16_t key)
{
    head[0] = (uint8_t)kind;
    head[1] = (uint8_t)key;
    head[2] = (uint8_t)(key >> 8);
}

static uint16_t key_of(const uint8_t *data)
{
    return (uint16_t)(data[1] | data[2] << 8);
}

uint32_t evse_store_object_bytes(const evse_store_t *store)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < store->kept_count; i++) {
        bytes += hf_journal_record_bytes(&store->journal, OBJECT_HEAD + store->kept[i].length);
    }
    return bytes;
}

// ---- the module's side --------------------------------------------------------------------------

static int set(evse_store_t *store, unsigned kind, uint16_t key, uint32_t length)
{
    evse_kept_t *kept = find(store, kind, key);
    if (kept == NULL) {
        if (store->kept_count == CONFIG_EVSE_OBJECTS_MAX) {
            return HF_E_FULL;
        }
        kept = &store->kept[store->kept_count++];
        kept->key = key;
    }
    kept->place = hf_journal_position(&store->journal) | (uint32_t)kind << KIND_SHIFT;
    kept->length = (uint16_t)length;
    return HF_OK;
}

int evse_store_keep(evse_store_t *store, evse_object_kind_t kind, uint16_t key, const void *data,
                    size_t length)
{
    uint8_t bytes[OBJECT_HEAD + EVSE_OBJECT_BYTES_MAX];
    if ((unsigned)kind >= EVSE_OBJECT_KINDS || (data == NULL && length > 0)) {
        return HF_E_ARGUMENT;
    }
    if (length > EVSE_OBJECT_BYTES_MAX) {
        return HF_E_TOO_LONG;
    }
    const evse_kept_t *old = find(store, kind, key);
    uint32_t grows = OBJECT_HEAD + (uint32_t)length;
    grows = old == NULL ? hf_journal_record_bytes(&store->journal, grows)
                        : (length > old->length ? (uint32_t)length - old->length : 0);
    if ((old == NULL && store->kept_count == CONFIG_EVSE_OBJECTS_MAX) ||
        (grows > 0 && !evse_store_has_journal_room(store, grows))) {
        return HF_E_FULL;
    }
    put_head(bytes, kind, key);
    if (length > 0) {
        memcpy(&bytes[OBJECT_HEAD], data, length);
    }
    int status = hf_journal_append(&store->journal, EVSE_RECORD_OBJECT, EVSE_STORE_VERSION, bytes,
                                   OBJECT_HEAD + (uint32_t)length);
    return status < 0 ? status : set(store, kind, key, (uint32_t)length);
}

int evse_store_kept(evse_store_t *store, evse_object_kind_t kind, uint16_t key, void *data,
                    size_t capacity)
{
    uint8_t bytes[OBJECT_HEAD + EVSE_OBJECT_BYTES_MAX];
    hf_journal_record_t record;
    const evse_kept_t *kept = find(store, kind, key);
    if (kept == NULL) {
        return HF_E_NOT_FOUND;
    }
    if (kept->length > capacity) {
        return HF_E_TOO_LONG;
    }
    int status =
        hf_journal_read(&store->journal, kept->place & POSITION, &record, bytes, sizeof bytes);
    bool is_it = status == HF_OK && record.type == EVSE_RECORD_OBJECT &&
                 record.length == OBJECT_HEAD + kept->length && bytes[0] == kind &&
                 key_of(bytes) == key;
    if (!is_it) { // it was good when it was written: the flash has lost it
        store->unreadable++;
        HF_LOGE(store->config.log, store->now_us, STORE, "object %u/%u cannot be read",
                (unsigned)kind, key);
        return HF_E_IO;
    }
    if (kept->length > 0) {
        memcpy(data, &bytes[OBJECT_HEAD], kept->length);
    }
    return kept->length;
}

int evse_store_forget(evse_store_t *store, evse_object_kind_t kind, uint16_t key)
{
    uint8_t head[OBJECT_HEAD];
    evse_kept_t *kept = find(store, kind, key);
    if (kept == NULL) {
        return HF_OK;
    }
    put_head(head, kind, key);
    int status = hf_journal_append(&store->journal, EVSE_RECORD_FORGET, EVSE_STORE_VERSION, head,
                                   sizeof head);
    if (status < 0) {
        return status;
    }
    *kept = store->kept[--store->kept_count];
    return HF_OK;
}

int32_t evse_store_next_key(const evse_store_t *store, evse_object_kind_t kind, uint16_t from)
{
    int32_t found = -1;
    for (uint32_t i = 0; i < store->kept_count; i++) {
        const evse_kept_t *kept = &store->kept[i];
        if (kind_of(kept) == kind && kept->key >= from && (found < 0 || kept->key < found)) {
            found = kept->key;
        }
    }
    return found;
}

// ---- the journal's side -------------------------------------------------------------------------

int evse_store_apply_object(evse_store_t *store, const uint8_t *data, uint32_t length)
{
    if (length < OBJECT_HEAD || length > OBJECT_HEAD + EVSE_OBJECT_BYTES_MAX) {
        return HF_E_CORRUPT;
    }
    int status = set(store, data[0], key_of(data), length - OBJECT_HEAD);
    return status < 0 ? status : 1;
}

int evse_store_apply_forget(evse_store_t *store, const uint8_t *data, uint32_t length)
{
    if (length != OBJECT_HEAD) {
        return HF_E_CORRUPT;
    }
    evse_kept_t *kept = find(store, data[0], key_of(data));
    if (kept != NULL) {
        *kept = store->kept[--store->kept_count];
    }
    return 1;
}

int evse_store_dump_objects(evse_store_t *store)
{
    uint8_t bytes[OBJECT_HEAD + EVSE_OBJECT_BYTES_MAX];
    for (uint32_t i = 0; i < store->kept_count; i++) {
        hf_journal_record_t record;
        int status = hf_journal_read(&store->journal, store->kept[i].place & POSITION, &record,
                                     bytes, sizeof bytes);
        if (status == HF_E_CORRUPT || status == HF_E_TOO_LONG) {
            continue; // the flash has lost it; evse_store_kept() tells so
        }
        if (status == HF_OK) {
            status = hf_journal_append(&store->journal, record.type, record.version, bytes,
                                       record.length);
        }
        if (status < 0) {
            return status;
        }
    }
    return HF_OK;
}

void evse_store_object_moved(evse_store_t *store, uint32_t position, const uint8_t *data)
{
    evse_kept_t *kept = find(store, data[0], key_of(data));
    if (kept != NULL) {
        kept->place = (kept->place & ~POSITION) | position;
    }
}
