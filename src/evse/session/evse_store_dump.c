// SPDX-License-Identifier: MIT
// What a compaction must carry over, and how much room that and everything promised takes.
// Invariant: replaying a dump gives the store that wrote it, without the readings that were never journalled.
#include "evse_store_private.h"

#include <string.h>

// Records whose number does not depend on what happens: boot, shutdown, latch, offsets, registers, flags, proofs, with
// their headers and padding at its worst.
#define FIXED_BYTES                                                                                \
    (3u * 40u + CONFIG_EVSE_BOOT_OFFSETS_MAX * 32u +                                               \
     CONFIG_EVSE_CONNECTORS_MAX * (48u + 32u + 56u) + 16u)
#define TRANSACTION_BYTES 88u
#define SETTING_BYTES     (2u + EVSE_KEY_BYTES + EVSE_VALUE_BYTES)

static bool is_recorded(const evse_message_t *message)
{
    return message->durable_at != 0 && message->durable_at != EVSE_STORE_UNRECORDED;
}

static int dump_clock(evse_store_t *store)
{
    int status = evse_record_boot(store);
    for (uint32_t i = 0; status >= 0 && i < store->boots_known; i++) {
        status = evse_record_clock(store, store->boot_offset[i].boot,
                                   store->boot_offset[i].utc_offset_ms);
    }
    return status;
}

static int dump_flags(evse_store_t *store)
{
    int status = HF_OK;
    for (unsigned c = 0; status >= 0 && c <= CONFIG_EVSE_CONNECTORS_MAX; c++) {
        if (store->inoperative[c]) {
            status = evse_record_flag(store, EVSE_RECORD_INOPERATIVE, c, true);
        }
    }
    for (unsigned c = 0; status >= 0 && c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        if (store->finishing[c]) {
            status = evse_record_flag(store, EVSE_RECORD_FINISHING, c, true);
        }
    }
    if (status >= 0 && (store->estop_latched || store->weld_latched != 0)) {
        status = evse_record_latch(store, store->estop_latched, store->weld_latched);
    }
    return status;
}

static int dump_values(evse_store_t *store)
{
    int status = HF_OK;
    for (unsigned c = 0; status >= 0 && c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        if (store->proof[c].profile[0] != '\0') {
            status = evse_record_proof(store, c, &store->proof[c]);
        }
    }
    for (unsigned c = 0; status >= 0 && c < CONFIG_EVSE_CONNECTORS_MAX; c++) {
        if (store->register_mJ[c] != 0 || store->register_at[c].boot != 0) {
            status = evse_record_register(store, c);
        }
    }
    for (uint32_t i = 0; status >= 0 && i < store->setting_count; i++) {
        status = evse_record_setting(store, store->settings[i].key, store->settings[i].value);
    }
    return status;
}

/// A transaction whose STOP is not in the journal yet is open, as far as the journal knows.
static uint8_t recorded_state(const evse_store_t *store, const evse_transaction_t *transaction)
{
    for (const evse_message_t *m = store->unrecorded > 0 ? store->head : NULL; m != NULL;
         m = m->next) {
        if (m->transaction == transaction->number && m->durable_at == EVSE_STORE_UNRECORDED) {
            return EVSE_TRANSACTION_OPEN;
        }
    }
    return transaction->state;
}

static int dump_transactions(evse_store_t *store)
{
    int status = HF_OK;
    for (uint32_t i = 0; status >= 0 && i < CONFIG_EVSE_TRANSACTIONS_MAX; i++) {
        const evse_transaction_t *transaction = store->known[i];
        if (transaction != NULL) {
            status =
                evse_record_transaction(store, transaction, recorded_state(store, transaction));
        }
    }
    return status;
}

static int dump_messages(evse_store_t *store)
{
    int status = HF_OK;
    const evse_message_t *message = store->head;
    if (message != NULL && store->confirming == 2) {
        message = message->next; // delivered, and the journal knows it
    }
    for (; status >= 0 && message != NULL; message = message->next) {
        if (is_recorded(message)) {
            status =
                evse_record_message(store, message, evse_store_find(store, message->transaction));
        }
    }
    return status;
}

int evse_store_dump(void *ctx, hf_journal_t *journal)
{
    static int (*const parts[])(evse_store_t *) = {dump_clock,    dump_values,
                                                   dump_flags,    dump_transactions,
                                                   dump_messages, evse_store_dump_objects};
    evse_store_t *store = ctx;
    (void)journal;
    for (size_t i = 0; i < HF_COUNT_OF(parts); i++) {
        int status = parts[i](store);
        if (status < 0) {
            return status;
        }
    }
    return store->shutdown_recorded ? evse_record_shutdown(store, store->shutdown_recorded_reason)
                                    : HF_OK; // after the boot record, which would undo it
}

void evse_store_moved(void *ctx, uint32_t position, const hf_journal_record_t *record,
                      const void *data)
{
    if (record->type == EVSE_RECORD_OBJECT) {
        evse_store_object_moved(ctx, position, data);
    }
}

bool evse_store_has_journal_room(const evse_store_t *store, uint32_t messages, uint32_t bytes)
{
    const hf_journal_t *journal = &store->journal;
    uint32_t transactions = messages > 1 ? 1u : 0u;
    for (uint32_t i = 0; i < CONFIG_EVSE_TRANSACTIONS_MAX; i++) {
        if (store->known[i] != NULL) {
            transactions++;
            messages += store->known[i]->state == EVSE_TRANSACTION_OPEN ? 1u : 0u; // its STOP
        }
    }
    for (const evse_message_t *message = store->head; message != NULL; message = message->next) {
        messages += message->durable_at != 0 ? 1u : 0u;
        bytes += message->durable_at != 0 ? 6u * message->samples
                                          : 0u; // more than the measure of the rest allows for
    }
    uint64_t needed = FIXED_BYTES + (uint64_t)bytes + evse_store_object_bytes(store);
    needed += (uint64_t)messages * hf_journal_record_bytes(journal, EVSE_STORE_MESSAGE_BYTES);
    needed += (uint64_t)transactions * hf_journal_record_bytes(journal, TRANSACTION_BYTES);
    needed += (uint64_t)store->setting_count * hf_journal_record_bytes(journal, SETTING_BYTES);
    uint32_t capacity = hf_journal_capacity_bytes(journal);
    return needed + capacity / 8u <= capacity;
}
