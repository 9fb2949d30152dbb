// SPDX-License-Identifier: MIT
// Writing the store's records, byte by byte. Owns nothing; what each contains: docs/SPEC.md, "Store".
#include "evse_store_private.h"

#include <string.h>

typedef struct writer {
    uint8_t bytes[EVSE_STORE_RECORD_BYTES_MAX];
    uint32_t length;
} writer_t;

static void put(writer_t *out, uint64_t value, unsigned bytes)
{
    HF_ASSERT(out->length + bytes <= sizeof out->bytes);
    for (unsigned i = 0; i < bytes; i++) {
        out->bytes[out->length++] = (uint8_t)(value >> (8u * i));
    }
}

static void put_text(writer_t *out, const char *text)
{
    size_t length = strlen(text);
    put(out, length, 1);
    HF_ASSERT(out->length + length <= sizeof out->bytes);
    memcpy(&out->bytes[out->length], text, length);
    out->length += (uint32_t)length;
}

static void put_moment(writer_t *out, evse_moment_t at)
{
    put(out, at.boot, 4);
    put(out, at.since_boot_ms, 8);
    put(out, at.utc_ms, 8);
}

// 48 bits of milliseconds are 8,900 years.
static void put_compact_moment(writer_t *out, evse_moment_t at)
{
    put(out, at.boot, 4);
    put(out, at.since_boot_ms, 6);
    put(out, at.utc_ms, 6);
}

static int append_version(evse_store_t *store, unsigned type, unsigned version, const writer_t *out)
{
    return hf_journal_append(&store->journal, (uint8_t)type, (uint8_t)version, out->bytes,
                             out->length);
}

static int append(evse_store_t *store, unsigned type, const writer_t *out)
{
    return append_version(store, type, EVSE_STORE_VERSION, out);
}

int evse_record_boot(evse_store_t *store)
{
    writer_t out = {.length = 0};
    put(&out, store->station_nonce, 8);
    put(&out, store->boot, 4);
    put(&out, store->next_transaction, 4);
    return append(store, EVSE_RECORD_BOOT, &out);
}

int evse_record_shutdown(evse_store_t *store, uint8_t reason)
{
    writer_t out = {.length = 0};
    put(&out, reason, 1);
    return append(store, EVSE_RECORD_SHUTDOWN, &out);
}

int evse_record_clock(evse_store_t *store, uint32_t boot, uint64_t utc_offset_ms)
{
    writer_t out = {.length = 0};
    put(&out, boot, 4);
    put(&out, utc_offset_ms, 8);
    return append(store, EVSE_RECORD_CLOCK, &out);
}

int evse_record_register(evse_store_t *store, unsigned connector)
{
    writer_t out = {.length = 0};
    put(&out, connector | (store->finishing[connector] ? EVSE_STORE_FINISHING_BIT : 0u), 1);
    put(&out, store->register_mJ[connector], 7);
    put_compact_moment(&out, store->register_at[connector]);
    int status = append_version(store, EVSE_RECORD_REGISTER, EVSE_STORE_VERSION_2, &out);
    if (status >= 0 && !store->journal.compacting) {
        store->finishing_known[connector] = store->finishing[connector];
    }
    return status;
}

static void put_samples(writer_t *out, const evse_message_t *message)
{
    put(out, message->context, 1);
    put(out, message->samples, 1);
    for (unsigned i = 0; i < message->samples; i++) {
        put(out, message->sample[i].measurand, 1);
        put(out, message->sample[i].phase, 1);
        put(out, (uint32_t)message->sample[i].value, 4);
    }
}

int evse_record_entry(evse_store_t *store, const evse_entry_t *entry)
{
    const evse_message_t *message = &entry->message;
    writer_t out = {.length = 0};
    put(&out, message->id, 8);
    put(&out, message->transaction, 4);
    put_compact_moment(&out, message->at);
    put(&out, message->register_Wh, 6);
    put(&out, entry->connector, 1);
    if (entry->type == EVSE_RECORD_METER || entry->type == EVSE_RECORD_TXDATA) {
        put_samples(&out, message);
    } else {
        if (entry->type == EVSE_RECORD_STOP) {
            put(&out, message->reason, 1);
        }
        put(&out, entry->register_mJ, 7);
        if (entry->type == EVSE_RECORD_START) {
            put(&out, (uint32_t)entry->reservation_id, 4);
        }
        put_text(&out, entry->tag);
    }
    return append_version(store, entry->type, EVSE_STORE_VERSION_2, &out);
}

int evse_record_refused(evse_store_t *store, uint64_t id, uint8_t attempts)
{
    writer_t out = {.length = 0};
    put(&out, id, 8);
    put(&out, attempts, 1);
    return append(store, EVSE_RECORD_REFUSED, &out);
}

int evse_record_done(evse_store_t *store, uint64_t id, bool lost, int32_t transaction_id)
{
    writer_t out = {.length = 0};
    put(&out, id, 8);
    put(&out, lost ? 1u : 0u, 1);
    put(&out, (uint32_t)transaction_id, 4);
    return append(store, EVSE_RECORD_DONE, &out);
}

int evse_record_thinned(evse_store_t *store, uint32_t boot, const uint32_t *sequences,
                        uint32_t count)
{
    writer_t out = {.length = 0};
    put(&out, boot, 4);
    for (uint32_t i = 0; i < count; i++) {
        put(&out, sequences[i], 4);
    }
    return append(store, EVSE_RECORD_THINNED, &out);
}

int evse_record_transaction(evse_store_t *store, const evse_transaction_t *transaction,
                            uint8_t state)
{
    writer_t out = {.length = 0};
    put(&out, transaction->number, 4);
    put(&out, (uint32_t)transaction->transaction_id, 4);
    put(&out, transaction->connector, 1);
    put(&out, state, 1);
    put(&out, transaction->start_Wh, 8);
    put(&out, transaction->last_Wh, 8);
    put_moment(&out, transaction->last_at);
    put_text(&out, transaction->id_tag);
    put_text(&out, transaction->stop_id_tag);
    return append(store, EVSE_RECORD_TRANSACTION, &out);
}

int evse_record_setting(evse_store_t *store, const char *key, const char *value)
{
    writer_t out = {.length = 0};
    put_text(&out, key);
    put_text(&out, value);
    return append(store, EVSE_RECORD_SETTING, &out);
}

int evse_record_flag(evse_store_t *store, evse_record_t type, unsigned connector, bool value)
{
    writer_t out = {.length = 0};
    put(&out, connector, 1);
    put(&out, value ? 1u : 0u, 1);
    return append(store, type, &out);
}

int evse_record_latch(evse_store_t *store, bool estop, uint32_t welds)
{
    writer_t out = {.length = 0};
    put(&out, estop ? 1u : 0u, 1);
    put(&out, welds, 4);
    return append(store, EVSE_RECORD_LATCH, &out);
}

int evse_record_proof(evse_store_t *store, unsigned connector, const evse_proof_t *proof)
{
    writer_t out = {.length = 0};
    put(&out, connector, 1);
    put(&out, proof->units, 1);
    put(&out, proof->agree_permille, 2);
    put(&out, proof->timeout_ms, 4);
    put_text(&out, proof->profile);
    return append(store, EVSE_RECORD_PROOF, &out);
}
