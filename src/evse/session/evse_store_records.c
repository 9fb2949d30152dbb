// SPDX-License-Identifier: MIT
// Writing the store's records, byte by byte. Owns nothing; what each contains: docs/SPEC.md, "Store".
#include "evse_store_private.h"
#include "holdfast/hf_le.h"

#include <string.h>

typedef struct writer {
    uint32_t length;
    uint8_t bytes[EVSE_STORE_RECORD_BYTES_MAX]; // not cleared: it is written before it is read
} writer_t;

static void put(writer_t *out, unsigned bytes, uint64_t value)
{
    HF_ASSERT(out->length + bytes <= sizeof out->bytes);
    hf_le_put(&out->bytes[out->length], bytes, value);
    out->length += bytes;
}

static void put_text(writer_t *out, const char *text)
{
    size_t length = strlen(text);
    put(out, 1, length);
    HF_ASSERT(out->length + length <= sizeof out->bytes);
    memcpy(&out->bytes[out->length], text, length);
    out->length += (uint32_t)length;
}

// Times of 48 bits of milliseconds last 8,900 years; records of version 1 have 64.
static void put_moment(writer_t *out, unsigned bytes, const evse_moment_t *at)
{
    put(out, 4, at->boot);
    put(out, bytes, at->since_boot_ms);
    put(out, bytes, at->utc_ms);
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
    writer_t out;
    out.length = 0;
    put(&out, 8, store->station_nonce);
    put(&out, 4, store->boot);
    put(&out, 4, store->next_transaction);
    return append(store, EVSE_RECORD_BOOT, &out);
}

int evse_record_shutdown(evse_store_t *store, uint8_t reason)
{
    writer_t out;
    out.length = 0;
    put(&out, 1, reason);
    return append(store, EVSE_RECORD_SHUTDOWN, &out);
}

int evse_record_clock(evse_store_t *store, uint32_t boot, uint64_t utc_offset_ms)
{
    writer_t out;
    out.length = 0;
    put(&out, 4, boot);
    put(&out, 8, utc_offset_ms);
    return append(store, EVSE_RECORD_CLOCK, &out);
}

int evse_record_register(evse_store_t *store, unsigned connector)
{
    writer_t out;
    out.length = 0;
    put(&out, 1, connector | (store->finishing[connector] ? EVSE_STORE_FINISHING_BIT : 0u));
    put(&out, 7, store->register_mJ[connector]);
    put_moment(&out, 6, &store->register_at[connector]);
    int status = append_version(store, EVSE_RECORD_REGISTER, EVSE_STORE_VERSION_2, &out);
    if (status >= 0 && !store->journal.compacting) {
        store->finishing_known[connector] = store->finishing[connector];
    }
    return status;
}

static void put_samples(writer_t *out, const evse_message_t *message)
{
    put(out, 1, message->context);
    put(out, 1, message->samples);
    for (unsigned i = 0; i < message->samples; i++) {
        put(out, 1, message->sample[i].measurand);
        put(out, 1, message->sample[i].phase);
        put(out, 4, (uint32_t)message->sample[i].value);
    }
}

int evse_record_entry(evse_store_t *store, const evse_entry_t *entry)
{
    const evse_message_t *message = &entry->message;
    writer_t out;
    out.length = 0;
    put(&out, 8, message->id);
    put(&out, 4, message->transaction);
    put_moment(&out, 6, &message->at);
    put(&out, 6, message->register_Wh);
    put(&out, 1, entry->connector);
    if (entry->type == EVSE_RECORD_METER || entry->type == EVSE_RECORD_TXDATA) {
        put_samples(&out, message);
    } else {
        if (entry->type == EVSE_RECORD_STOP) {
            put(&out, 1, message->reason);
        }
        put(&out, 7, entry->register_mJ);
        if (entry->type == EVSE_RECORD_START) {
            put(&out, 4, (uint32_t)entry->reservation_id);
        }
        put_text(&out, entry->tag);
    }
    return append_version(store, entry->type, EVSE_STORE_VERSION_2, &out);
}

int evse_record_refused(evse_store_t *store, uint64_t id, uint8_t attempts)
{
    writer_t out;
    out.length = 0;
    put(&out, 8, id);
    put(&out, 1, attempts);
    return append(store, EVSE_RECORD_REFUSED, &out);
}

int evse_record_done(evse_store_t *store, uint64_t id, unsigned how, int32_t transaction_id)
{
    writer_t out;
    out.length = 0;
    put(&out, 8, id);
    put(&out, 1, how);
    put(&out, 4, (uint32_t)transaction_id);
    return append(store, EVSE_RECORD_DONE, &out);
}

int evse_record_thinned(evse_store_t *store, uint32_t boot, const uint32_t *sequences,
                        uint32_t count)
{
    writer_t out;
    out.length = 0;
    put(&out, 4, boot);
    for (uint32_t i = 0; i < count; i++) {
        put(&out, 4, sequences[i]);
    }
    return append(store, EVSE_RECORD_THINNED, &out);
}

int evse_record_transaction(evse_store_t *store, const evse_transaction_t *transaction,
                            uint8_t state)
{
    writer_t out;
    out.length = 0;
    put(&out, 4, transaction->number);
    put(&out, 4, (uint32_t)transaction->transaction_id);
    put(&out, 1, transaction->connector);
    put(&out, 1, state);
    put(&out, 8, transaction->start_Wh);
    put(&out, 8, transaction->last_Wh);
    put_moment(&out, 8, &transaction->last_at);
    put_text(&out, transaction->id_tag);
    put_text(&out, transaction->stop_id_tag);
    return append(store, EVSE_RECORD_TRANSACTION, &out);
}

int evse_record_setting(evse_store_t *store, const char *key, const char *value)
{
    writer_t out;
    out.length = 0;
    put_text(&out, key);
    put_text(&out, value);
    return append(store, EVSE_RECORD_SETTING, &out);
}

int evse_record_flag(evse_store_t *store, evse_record_t type, unsigned connector, bool value)
{
    writer_t out;
    out.length = 0;
    put(&out, 1, connector);
    put(&out, 1, value ? 1u : 0u);
    return append(store, type, &out);
}

int evse_record_latch(evse_store_t *store, bool estop, uint32_t welds)
{
    writer_t out;
    out.length = 0;
    put(&out, 1, estop ? 1u : 0u);
    put(&out, 4, welds);
    return append(store, EVSE_RECORD_LATCH, &out);
}

int evse_record_proof(evse_store_t *store, unsigned connector, const evse_proof_t *proof)
{
    writer_t out;
    out.length = 0;
    put(&out, 1, connector);
    put(&out, 1, proof->units);
    put(&out, 2, proof->agree_permille);
    put(&out, 4, proof->timeout_ms);
    put_text(&out, proof->profile);
    return append(store, EVSE_RECORD_PROOF, &out);
}
